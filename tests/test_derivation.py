"""Derivation: what it says in text, LaTeX, Markdown, HTML and a notebook; explicit sizes; the textbook's matrices."""

from __future__ import annotations

import re
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


def test_explicit_sizes_are_whole_numbers_from_one_on(batch: sn.Network) -> None:
    d = batch.gradient("b2")
    for wrong in (2.5, 0, -1, "2", True):
        with pytest.raises(sn.DefinitionError, match="N must be a whole number from 1 on"):
            d.at(N=wrong, C=2)
    assert d.at({"N": 2}, C=2).text == d.at(N=2, C=2).text


def test_written_out_a_class_and_its_label_count_from_one() -> None:
    C = sn.dims("C")
    n = sn.index("n")
    a, t = sn.input("a", (C,)), sn.labels("t", (2,), C)
    d = sn.Network(sn.define("s", (), sn.sum(a[t[n]] ** 2, n))).gradient("a")
    shown = d.at(C=2)
    assert "[1=t[1]]" in shown.text and "[2=t[2]]" in shown.text and "[0=" not in shown.text
    assert str(shown).endswith("(positions and classes are counted from 1)")
    assert "positions and classes are counted from 1" in shown._repr_html_()


def test_a_label_used_as_a_number_keeps_its_value() -> None:
    N, C = sn.dims("N C")
    n = sn.index("n")
    w, t = sn.parameter("w", (N,)), sn.labels("t", (N,), C)
    shown = sn.Network(sn.define("s", (), sn.sum(w[n] * t[n], n))).gradient("w").at(N=1)
    assert shown.text in ("dw = [t[1] - 1]", "dw = [-1 + t[1]]")  # printed as a class, which is its value plus 1


# -- a notebook ----------------------------------------------------------------------------------------------------


def rules(css: str) -> list[str]:
    return [selector.strip() for part in re.findall(r"([^{}]+)\{[^{}]*\}", css) for selector in part.split(",")]


def test_a_notebook_gets_its_own_style_title_and_verdicts_and_no_buttons(batch: sn.Network) -> None:
    d = batch.gradient("W1")
    for shown, title in ((d._repr_html_(), d.title), (d.check()._repr_html_(), "dW1")):
        assert shown.startswith('<div class="symnn">') and title in shown
        assert "<button" not in shown and "<script" not in shown and "proved</span>" in shown
        style = re.search(r"<style>(.*?)</style>", shown, re.DOTALL)
        assert style is not None
        assert all(".symnn.symnn" in selector for selector in rules(style[1]))
    for part in ("number", "fx", "rule", "badge"):
        assert f'<span class="{part}' in d._repr_html_()


def test_a_count_of_lines_says_how_many_are_questions(batch: sn.Network) -> None:
    d = batch.gradient("W1")
    proved = d.check_steps().points
    assert f"{len(d.steps)} lines, {len(d.steps) - proved} of them questions;" in str(d)
    C = sn.dims("C")
    a, c = sn.input("a", (C,)), sn.index("c")
    assert "lines, 1 of them a question;" in str(sn.derivative(a[c] ** 2, a[c]))


def test_a_scalar_in_matrix_text_has_no_brackets_of_its_own() -> None:
    N, D = sn.dims("N D")
    n, i = sn.indices("n i")
    x, w = sn.input("x", (N, D)), sn.parameter("w", (D,))
    y = sn.define("y", (n,), sympy.sqrt(D) * sn.sum(x[n, i] * w[i], i))
    assert sn.vjp(y, "w").matrix == "sqrt(D) * x.T @ dy"
    z = sn.define("z", (n,), 2**D * sn.sum(x[n, i] * w[i], i) / (D + 1))
    assert sn.vjp(z, "w").matrix == "2**D * x.T @ dz / (1 + D)"


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


def test_differences_of_a_scalar_layer_take_its_upstream_along() -> None:
    n, i = sn.dims("n"), sn.index("i")
    v, h = sn.parameter("v", (n,)), sn.input("h", (n,))
    f = sn.define("f", (), 3 * sn.sum(v[i] * h[i], i))
    for name in ("v", "h"):
        found = sn.vjp(f, name)
        assert found.difference().verdict == "differenced" and found.check()
