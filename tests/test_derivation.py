"""Derivation: what it says in text, LaTeX, Markdown, HTML and a notebook; explicit sizes; the textbook's matrices."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
import sympy

import symnn as sn
from symnn.examples import EXAMPLES
from symnn.pages import gradients_brief, gradients_page


@pytest.fixture(scope="module")
def batch() -> sn.Network:
    N, D, H, C = sn.dims("N D H C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h = sn.relu(sn.dense(x, H, name="1"))
    return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t))


@pytest.fixture(scope="module")
def one() -> sn.Network:
    return EXAMPLES["one-example"].build()


# -- the textbook --------------------------------------------------------------------------------------------------


def forms(net: sn.Network, *names: str) -> dict[str, str]:
    return {net.gradient(n).name: net.gradient(n).matrix for n in names}


def test_the_textbooks_form_for_one_example_in_columns(one: sn.Network) -> None:
    assert forms(one, "a2", "W2", "b2", "h1", "a1", "W1", "b1", "x") == {
        "delta2": "f - onehot(y)",
        "dW2": "outer(delta2, h1)",
        "db2": "delta2",
        "dh1": "W2.T @ delta2",
        "delta1": "(W2.T @ delta2) * (a1 > 0)",
        "dW1": "outer(delta1, x)",
        "db1": "delta1",
        "dx": "W1.T @ delta1",
    }


def test_the_textbooks_form_for_a_batch(batch: sn.Network) -> None:
    assert forms(batch, "a2", "W2", "b2", "h1", "a1", "W1", "b1", "x") == {
        "delta2": "(p - onehot(t)) / N",
        "dW2": "delta2.T @ h1",
        "db2": "sum(delta2, 0)",
        "dh1": "delta2 @ W2",
        "delta1": "(delta2 @ W2) * (a1 > 0)",
        "dW1": "delta1.T @ x",
        "db1": "sum(delta1, 0)",
        "dx": "delta1 @ W1",
    }


def test_every_matrix_form_is_checked_by_value(batch: sn.Network, one: sn.Network) -> None:
    for net in (batch, one):
        for d in net.gradients().values():
            assert d.check(differences=False).checks["matrix"].verdict == "evaluated"


def test_the_textbooks_delta_is_proved_against_a_typed_claim(one: sn.Network) -> None:
    f, y = one["f"], one["y"]
    d = one.gradient("a2")
    assert d.equals(lambda c: f[c] - sympy.KroneckerDelta(c, y[()]))
    assert not d.equals(lambda c: f[c] + sympy.KroneckerDelta(c, y[()]))


# -- lines and rules -----------------------------------------------------------------------------------------------


def test_lines_carry_the_names_of_their_rules(batch: sn.Network) -> None:
    d = batch.gradient("a2")
    rules = [rule for step in d.steps for rule in step.rules]
    expected = {"definition of p", "quotient rule", "exp'", "log'", "delta contraction", "fold p", "factor and cancel"}
    assert expected <= set(rules)
    assert all(step.rules for s in d.sections for step in s.steps[1:])
    assert not any(s.steps[0].rules for s in d.sections)


def test_every_line_is_proved_equal_to_the_one_before(batch: sn.Network) -> None:
    check = batch.gradient("W1").check_steps(evaluate=True)
    assert check.verdict == "proved"
    assert check.detail == f"{check.points} of {check.points} lines proved equal to the one before"


def test_the_result_is_a_sympy_expression(batch: sn.Network) -> None:
    d = batch.gradient("b1")
    assert isinstance(d.result, sympy.Sum)
    assert [i.letter for i in d.free] == ["i"] and d.free[0].size.name == "H"


def test_a_derivative_without_a_network() -> None:
    C = sn.dims("C")
    a, y = sn.input("a", (C,)), sn.labels("y", (), C)
    f = sn.softmax(a, name="f")
    c = sn.index("c")
    d = sn.derivative(-sympy.log(f[y[()]]), a[c])
    assert d.equals(lambda k: f[k] - sympy.KroneckerDelta(k, y[()]))
    assert d.check()
    with pytest.raises(sn.DefinitionError, match="one tensor entry"):
        sn.derivative(f[c], c)


# -- text ----------------------------------------------------------------------------------------------------------


def test_brief_text(batch: sn.Network) -> None:
    text = batch.gradient("W1").text(brief=True)
    assert text == str(batch.gradient("W1")) == repr(batch.gradient("W1"))
    assert text.splitlines()[:5] == [
        "Gradient of loss by W1",
        "  dW1[i,j] = Σ_n δ1[n,i]*x[n,j]",
        "  dW1 = delta1.T @ x",
        "    delta1 = (delta2 @ W2) * (a1 > 0)",
        "    delta2 = (p - onehot(t)) / N",
    ]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_full_text_fits_the_terminal(batch: sn.Network, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = batch.gradient("W1").text()
    assert max(map(len, text.splitlines())) <= columns
    assert "\x1b" not in text and "\\" not in text and "$" not in text
    for expected in ("Given", "loss = -(Σ_n log(p[n,t[n]]))/N", "quotient rule", "Result", "proved"):
        assert expected in text
    assert "dW1 = delta1.T @ x" in text


def test_headings_in_a_terminal_use_the_letters_of_the_lines(batch: sn.Network) -> None:
    text = batch.gradient("W1").text()
    assert "δ1 = ∂loss/∂a1, through h1" in text
    assert "bar" not in text


# -- pages ---------------------------------------------------------------------------------------------------------


def test_latex_is_a_document(batch: sn.Network) -> None:
    page = batch.gradient("W1").latex()
    assert page.startswith(r"\documentclass") and page.rstrip().endswith(r"\end{document}")
    assert page.count(r"\begin{align") == page.count(r"\end{align")
    assert r"\delta^{(1)}" in page and r"\nabla_{W^{(1)}}" in page and r"\delta^{(1)\top}" in page


def test_markdown(batch: sn.Network) -> None:
    page = batch.gradient("W1").markdown()
    assert page.startswith("# Gradient of loss by W1")
    assert "## Given" in page and "## Result" in page and "proved" in page
    assert page.count("$$") % 2 == 0


class Tags(HTMLParser):
    """Count what is open at the end."""

    void = frozenset(("meta", "link", "br", "hr", "img", "wbr", "input"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("whole", [True, False])
def test_html_is_balanced_mathml(batch: sn.Network, whole: bool) -> None:
    d = batch.gradient("W1")
    tags = Tags()
    tags.feed(d.html() if whole else d._repr_html_())
    tags.close()
    assert not tags.open and "math" in tags.seen
    assert ("html" in tags.seen) is whole


def test_claims_stand_on_the_page(batch: sn.Network) -> None:
    d = batch.gradient("b2")
    d.check(lambda c: sn.sum(batch["p"][sn.index("n"), c], sn.index("n")) * 0)
    assert "refuted" in d.text()


# -- explicit sizes ------------------------------------------------------------------------------------------------


def test_a_result_written_out_at_two_by_three() -> None:
    N, D, H = sn.dims("N D H")
    y = sn.dense(sn.input("x", (N, D)), H, name="1", bias=False)
    shown = sn.vjp(y, "x").at(N=2, D=3, H=1)
    assert str(shown) == f"{shown.text}\n(positions are counted from 1)"
    rows = shown.text.removeprefix("dx = [[").removesuffix("]]").split("], [")
    assert [len(row.split(", ")) for row in rows] == [3, 3]
    assert shown.latex.count(r"\\") == 1 and shown.latex.count("&") == 4
    assert "<math" in shown._repr_html_() and shown._repr_latex_() == f"${shown.latex}$"


def test_explicit_sizes_that_are_missing_or_unknown(batch: sn.Network) -> None:
    d = batch.gradient("W1")
    with pytest.raises(sn.DefinitionError, match="missing: .*N"):
        d.at(D=3, H=2)
    with pytest.raises(sn.UnknownNameError, match="size named 'Q'"):
        d.at(Q=3)


# -- several gradients on one page ---------------------------------------------------------------------------------


def test_a_page_for_a_network_says_shared_lines_once(batch: sn.Network) -> None:
    names = list(batch.parameters)
    page = gradients_page(batch, names, plain=True)
    headings = [b.text for b in page.blocks if hasattr(b, "level")]
    assert len(headings) == len(set(headings))
    numbers = [row.number for b in page.blocks if hasattr(b, "caption") and hasattr(b, "rows") for row in b.rows]
    assert numbers == list(range(1, len(numbers) + 1))


def test_brief_gradients_of_a_network(batch: sn.Network) -> None:
    assert gradients_brief(batch, ["W1", "b2"]).splitlines() == [
        "network loss: gradients of loss",
        "  dW1    = delta1.T @ x",
        "  db2    = sum(delta2, 0)",
        "where",
        "  delta2 = (p - onehot(t)) / N",
        "  delta1 = (delta2 @ W2) * (a1 > 0)",
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_built_in_example_is_right(name: str) -> None:
    verdict = EXAMPLES[name].build().check()
    assert verdict and all(c.verdict == "proved" for c in verdict.checks.values()), str(verdict)
