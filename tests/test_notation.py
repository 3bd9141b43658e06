"""The notation of plain trees: what is printed reads back as the same formula; LaTeX accepts every name."""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symnn.derive.differentiate import differentiate
from symnn.derive.simplify import simplify
from symnn.graph.flow import FlowGraph
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.sizes import dims, scalars
from symnn.ground.tensors import Tensor, input, labels, parameter
from symnn.ground.tree import (
    Add,
    Const,
    D,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
    num,
)
from symnn.nn.activations import ACTIVATIONS, activation
from symnn.nn.layers import dense, softmax
from symnn.nn.losses import cross_entropy, huber
from symnn.show import latex_notation, text_notation
from symnn.show.derivation_rows import step_rows
from symnn.show.explicit import explicit, explicit_text
from symnn.show.latex_notation import definition_latex, latex, tensor_latex
from symnn.show.letters import named
from symnn.show.mathml import mathml
from symnn.show.text_notation import text
from symnn.show.typeset import formula
from tests.notation_readers import LatexReader, Misread, TextReader, value

C, N = dims("C N")
S = scalars("s")
X, W = input("x", (C,)), parameter("W1", (C, C))
Y, T = labels("y", (), C), labels("t", (C,), C)
FREE = (Index("c", C), Index("n", C))
AT = {i: n for n, i in enumerate(FREE)}


# -- random formulas

HALVES = [Fraction(v) for v in ("1/2", "-1/2", "1/3", "-1/3", "2", "3", "-1", "3/2")]
NUMBERS = [Fraction(v) for v in ("0", "1", "2", "7", "-3", "0.01", "1/3", "-0.5", "12")]


def leaves(sight: tuple[Index, ...]) -> st.SearchStrategy[Tree]:
    position = st.one_of(
        st.sampled_from(sight).map(Ix),
        st.sampled_from(sight).map(lambda i: Entry(T, (Ix(i),))),
        st.just(Entry(Y, ())),
        st.sampled_from(sight).map(lambda i: Add((Mul((num(2), Ix(i))), num(1)))),
    )
    return st.one_of(
        st.sampled_from(NUMBERS).map(Num),
        st.sampled_from([Const("pi"), Const("E"), Sym(S), Sym(C)]),
        st.sampled_from(sight).map(Ix),
        position.map(lambda i: Entry(X, (i,))),
        st.tuples(position, position).map(lambda at: Entry(W, at)),
        st.tuples(position, position).map(lambda at: Delta(*at)),
    )


@st.composite
def trees(draw: st.DrawFn, depth: int = 4, sight: tuple[Index, ...] = FREE) -> Tree:
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(leaves(sight))

    def inner(more: tuple[Index, ...] = ()) -> Tree:
        return draw(trees(depth - 1, (*sight, *more)))

    def several() -> tuple[Tree, ...]:
        return tuple(inner() for _ in range(draw(st.integers(2, 3))))

    kind = draw(st.sampled_from("add mul mul neg div div pow fn two sum sum ind where cond d".split()))
    match kind:
        case "add":
            return Add(several())
        case "mul":
            return Mul(several())
        case "neg":
            return Neg(inner())
        case "div":
            return Div(inner(), inner())
        case "pow":
            value = draw(st.sampled_from(HALVES))
            plain = st.sampled_from([Num(value), Div(num(value.numerator), num(value.denominator))])
            return Pow(inner(), inner() if draw(st.integers(0, 3)) == 0 else draw(plain))
        case "fn":
            names = "exp log tanh sin abs sign erf digamma gamma"
            return Fn(draw(st.sampled_from(names.split())), (inner(),))
        case "two":
            return Fn(draw(st.sampled_from(["max", "min"])), (inner(), inner()))
        case "sum":
            bound = Index(draw(st.sampled_from("cnkjs")), C)
            return Sum(bound, inner((bound,)))
        case "ind":
            return draw(indicators(depth - 1, sight))
        case "cond":
            first, second = draw(indicators(1, sight)), draw(indicators(1, sight))
            not_both = Add((num(1), Neg(Mul((first, Add((num(1), Neg(second))))))))
            return Where(draw(st.sampled_from([Mul((first, second)), not_both])), inner(), inner())
        case "where":
            return Where(draw(indicators(depth - 1, sight)), inner(), inner())
    return D(inner(), Entry(X, (Ix(draw(st.sampled_from(sight))),)))


@st.composite
def indicators(draw: st.DrawFn, depth: int, sight: tuple[Index, ...]) -> Tree:
    left, right = draw(trees(depth, sight)), draw(trees(depth, sight))
    return Ind(draw(st.sampled_from([">", ">=", "=", "!="])), left, right)


def positions(tree: Tree) -> tuple[dict[Index, str], dict[str, int]]:
    letters = named(tree, free=FREE)
    return letters, {letters[i]: AT[i] for i in FREE}


@settings(max_examples=400)
@given(trees())
def test_text_reads_back(tree: Tree) -> None:
    letters, at = positions(tree)
    line = text(tree, ascii=True, letters=letters)
    assert line.isascii() and "\n" not in line
    assert TextReader(line).whole()(at) == value(tree, AT), line


@settings(max_examples=400)
@given(trees())
def test_latex_reads_back(tree: Tree) -> None:
    letters, at = positions(tree)
    line = latex(tree, letters=letters)
    assert line.isascii() and "$" not in line
    assert balanced(line) and no_double_scripts(line), line
    assert LatexReader(line).whole()(at) == value(tree, AT), line


@settings(max_examples=100)
@given(trees())
def test_equal_trees_print_alike(tree: Tree) -> None:
    assert latex(tree) == latex(tree) and text(tree) == text(tree)
    assert text(tree, ascii=False).isprintable()


def test_a_writer_without_brackets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Mul((Add((x(c), num(1))), Pow(Add((x(n), x(c))), num(2)), Sum(k, Add((x(k), num(1))))))
    letters, at = positions(tree)
    assert TextReader(text(tree, ascii=True, letters=letters)).whole()(at) == value(tree, AT)
    assert LatexReader(latex(tree, letters=letters)).whole()(at) == value(tree, AT)
    monkeypatch.setattr(text_notation, "_part", lambda written, least: written.text)
    monkeypatch.setattr(latex_notation, "_part", lambda written, least: written.text)
    assert TextReader(text(tree, ascii=True, letters=letters)).whole()(at) != value(tree, AT)
    assert LatexReader(latex(tree, letters=letters)).whole()(at) != value(tree, AT)


@pytest.mark.parametrize(("right", "wrong"), [("a - (b - c)", "a - b - c"), ("(sum_c x[c])*x[c]", "sum_c x[c]*x[c]")])
def test_the_reader_sees_brackets(right: str, wrong: str) -> None:
    at = {"a": 5, "b": 7, "c": 2, "n": 1}
    assert TextReader(right).whole()(at) != TextReader(wrong).whole()(at)


MISLEADING = [
    r"\log x_{c} x_{n}", r"x_{c}_{n}", r"x^{2}^{2}", r"\begin{cases} 1 & \text{otherwise} \end{cases} + 1",
    r"\log x_{c}^{2}",
]  # fmt: skip


@pytest.mark.parametrize("line", MISLEADING)
def test_the_latex_reader_refuses_what_can_be_misread(line: str) -> None:
    with pytest.raises(Misread):
        LatexReader(line).whole()


def balanced(line: str) -> bool:
    depth = 0
    for token in re.findall(r"\\.|[{}]", line, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    counts = [line.count(part) for part in (r"\left", r"\right", r"\begin", r"\end", r"\lvert", r"\rvert")]
    return depth == 0 and counts[::2] == counts[1::2]


GROUP = r"\{[^{}]*\}"
DOUBLED = (rf"\^{GROUP}(_{GROUP})?\^", rf"_{GROUP}(\^{GROUP})?_", rf"'+_{GROUP}\^")


def no_double_scripts(line: str) -> bool:
    """Take the innermost groups away until none is left, looking for two scripts of a kind on one base."""
    line = re.sub(r"\\[{}_^]", "x", line)
    while True:
        if any(re.search(pattern, line) for pattern in DOUBLED):
            return False
        shorter = re.sub(r"(?<![\^_])\{[^{}]*\}", "", line)
        shorter = re.sub(r"([\^_])\{[^{}]*\}(?![\^_])", "", shorter) if shorter == line else shorter
        if shorter == line:
            return True
        line = shorter


# -- single lines


c, n, k = FREE[0], FREE[1], Index("k", C)


def x(i: Index) -> Tree:
    return Entry(X, (Ix(i),))


@pytest.mark.parametrize(
    ("tree", "tex", "plain"),
    [
        (Neg(Add((x(c), Neg(x(n))))), "-(x_{c} - x_{n})", "-(x[c] - x[n])"),
        (Add((x(c), Neg(x(n)))), "x_{c} - x_{n}", "x[c] - x[n]"),
        (Mul((Sum(k, x(k)), x(c))), r"\left(\sum_{k} x_{k}\right) x_{c}", "(Σ_k x[k]) * x[c]"),
        (Mul((x(c), Sum(k, x(k)))), r"x_{c} \sum_{k} x_{k}", "x[c] * Σ_k x[k]"),
        (Sum(c, Add((x(c), num(1)))), r"\sum_{c} (x_{c} + 1)", "Σ_c (x[c] + 1)"),
        (Div(Sum(k, x(k)), Sym(N)), r"\frac{1}{N} \sum_{k} x_{k}", "(Σ_k x[k])/N"),
        (Mul((Fn("log", (x(c),)), x(n))), r"\log(x_{c}) x_{n}", "log(x[c])*x[n]"),
        (Neg(Fn("log", (x(c),))), r"-\log x_{c}", "-log(x[c])"),
        (Fn("max", (x(c), num(0))), r"\max(0, x_{c})", "max(0, x[c])"),
        (Fn("abs", (x(c),)), r"\lvert x_{c}\rvert", "abs(x[c])"),
        (Delta(Ix(c), Entry(Y, ())), r"\mathbb{1}_{(c=y)}", "1[c=y]"),
        (Ind(">", x(c), num(0)), r"\mathbb{1}_{(x_{c} > 0)}", "1[x[c] > 0]"),
        (Ind(">=", num(1), x(c)), r"\mathbb{1}_{(x_{c} \leq 1)}", "1[x[c] ≤ 1]"),
        (Fn("exp", (Neg(x(c)),)), "e^{-x_{c}}", "exp(-x[c])"),
        (Fn("exp", (Sum(k, x(k)),)), r"\exp\left(\sum_{k} x_{k}\right)", "exp(Σ_k x[k])"),
        (Pow(x(c), Div(num(1), num(2))), r"\sqrt{x_{c}}", "sqrt(x[c])"),
        (Pow(x(c), Neg(Div(num(1), num(2)))), r"\frac{1}{\sqrt{x_{c}}}", "1/sqrt(x[c])"),
        (Pow(Entry(W, (Ix(c), Ix(n))), num(2)), r"(W^{(1)}_{cn})^{2}", "W1[c,n]**2"),
        (Pow(Fn("tanh", (x(c),)), num(2)), r"\tanh^{2} x_{c}", "tanh(x[c])**2"),
        (Mul((x(c), num(2))), r"x_{c} \cdot 2", "x[c]*2"),
        (Num(Fraction("0.044715")), "0.044715", "0.044715"),
        (Num(Fraction(-1, 3)), r"-\frac{1}{3}", "-1/3"),
        (D(x(c), Entry(X, (Ix(n),))), r"\frac{\partial x_{c}}{\partial x_{n}}", "∂x[c]/∂x[n]"),
        (
            D(Div(num(1), x(c)), Entry(X, (Ix(n),))),
            r"\frac{\partial}{\partial x_{n}}\left[\frac{1}{x_{c}}\right]",
            "∂/∂x[n](1/x[c])",
        ),
        (
            Where(Ind(">", x(c), num(0)), x(c), Mul((Num(Fraction("0.01")), x(c)))),
            r"\begin{cases} x_{c} & \text{if } x_{c} > 0 \\ 0.01 x_{c} & \text{otherwise} \end{cases}",
            "(x[c] if x[c] > 0 else 0.01*x[c])",
        ),
        (Entry(W, (Ix(c), Entry(T, (Ix(c),)))), r"W^{(1)}_{c,t_{c}}", "W1[c,t[c]]"),
        (Entry(W, (Ix(c), Add((Ix(n), Ix(k))))), r"W^{(1)}_{c,\,n + k}", "W1[c,n + k]"),
    ],
)
def test_lines(tree: Tree, tex: str, plain: str) -> None:
    assert latex(tree) == tex
    assert text(tree) == plain


def test_the_example_of_the_page() -> None:
    f = input("f", (C,))
    fy, fc = Entry(f, (Entry(Y, ()),)), Entry(f, (Ix(c),))
    tree = Neg(Mul((Div(num(1), fy), Add((Mul((Delta(Ix(c), Entry(Y, ())), fy)), Neg(Mul((fc, fy))))))))
    assert text(tree) == "-(1/f[y]) * (1[c=y]*f[y] - f[c]*f[y])"


# -- letters


def test_clashing_letters_are_told_apart() -> None:
    other, bound = Index("c", C), Index("c", C)
    assert latex(Add((x(c), x(other)))) == "x_{c} + x_{c'}"
    assert latex(Mul((x(c), Sum(bound, x(bound))))) == r"x_{c} \sum_{k} x_{k}"
    assert latex(Add((Sum(bound, x(bound)), Sum(other, x(other))))) == r"\sum_{c} x_{c} + \sum_{c} x_{c}"
    outer = Sum(other, Mul((x(other), Sum(bound, x(bound)))))
    assert latex(outer) == r"\sum_{c} x_{c} \sum_{k} x_{k}"
    assert latex(Mul((Sym(S), Sum(Index("s", C), num(1))))) == r"s \sum_{k} 1"


def test_an_index_bound_twice_beside_different_ones() -> None:
    k1, j1 = Index("k", C), Index("j", C)
    shared = Sum(k1, Mul((x(k1), x(j1))))
    tree = Mul((shared, Sum(Index("k", C), Sum(k1, x(k1)))))
    letters = named(tree)
    assert len({letters[i] for i in letters}) >= 2
    for at in (tree,):
        assert balanced(latex(at))


# -- names

HOSTILE = [
    "a'b", 'quo"te', "back\\slash", "new\nline", "é中π", "b{r", "}{", "a_b_c", "x^2", "50%", "#1", "$x$",
    "a&b", "_", "__", "~", "\\end{document}", "\x00", "-", "a b", "x__y", "1", "W1_2", "h_prev", "x_hat", "xhat",
    "λ", "λ1", "lambda", "W'", "'", "é_1", "<script>", "`", "\\", "%", "a\\\\", "ß", "x_\u0301",
]  # fmt: skip
NAMES = {
    "W1": "W^{(1)}", "delta2": r"\delta^{(2)}", "h_prev": r"h_{\mathrm{prev}}", "lambda": r"\lambda",
    "logits": r"\mathrm{logits}", "a12": "a^{(12)}", "x_hat": r"\hat{x}", "xhat": r"\hat{x}",
    "W1_2": "W^{(1)}_{2}", "λ": r"\lambda", "eps": r"\varepsilon",
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_names(name: str, expected: str) -> None:
    assert tensor_latex(input(name, ())) == expected


def test_a_name_with_a_subscript_takes_its_indices_there() -> None:
    h = input("h_prev", (C, C))
    assert latex(Entry(h, (Ix(c), Ix(n)))) == r"h_{\mathrm{prev},cn}"


def test_gradients_have_bars_or_names_of_their_own() -> None:
    a = dense(input("x", (N, C)), C)
    weights = a.definition.args[1] if a.definition else a
    assert tensor_latex(Tensor("dW1", weights.shape, "adjoint", of=weights)) == r"\bar{W}^{(1)}"
    assert tensor_latex(Tensor("da1", a.shape, "adjoint", of=a)) == r"\delta^{(1)}"
    assert text(Entry(Tensor("delta1", a.shape, "adjoint", of=a), (Ix(n), Ix(c)))) == "δ1[n,c]"


def hostile_formula(name: str) -> Tree:
    i, bound = Index(name, C), Index(name, C)
    tensor, weights = input(name, (C,)), input(name, (C, C), latex=name)
    scalar = Sym(scalars("q").func(name))
    entries = (Entry(tensor, (Ix(i),)), Pow(Entry(weights, (Ix(i), num(2))), num(2)), Pow(scalar, num(2)))
    gradient = Tensor("d" + name, (C,), "adjoint", of=tensor)
    inner = Sum(bound, Mul((Fn("log", (Entry(tensor, (Ix(bound),)),)), *entries, Entry(gradient, (Ix(i),)))))
    return Add((inner, D(inner, Entry(tensor, (Ix(i),)))))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    tree = hostile_formula(name)
    line = latex(tree)
    assert balanced(line)
    assert line.isascii() or not name.isascii()
    assert text(tree).isprintable()
    assert text(tree, ascii=True).isascii()
    assert "<merror" not in mathml(line)


@given(st.text(min_size=1, max_size=6))
def test_any_name_is_set(name: str) -> None:
    tree = Entry(input(name, (C,)), (Ix(Index(name, C)),))
    assert balanced(latex(tree)) and latex(tree).isascii()
    assert text(tree).isprintable() and text(tree, ascii=True).isascii()
    assert "<merror" not in mathml(latex(tree))


# -- the zoo


def zoo() -> list[Tensor]:
    a = dense(input("x", (N, C)), C)
    p, t, q = softmax(a), labels("t", (N,), C), input("q", (N, C))
    units = [activation(kind, a, name="h") for kind in ACTIVATIONS]
    return [a, p, cross_entropy(p, t), cross_entropy(p, q), huber(a, q), *units]


@pytest.mark.parametrize("tensor", zoo(), ids=lambda t: f"{t.name}-{t.definition.template.name}")
def test_definitions(tensor: Tensor) -> None:
    line = definition_latex(tensor)
    assert " = " in line and balanced(line) and no_double_scripts(line)
    assert "<merror" not in mathml(line)
    assert formula(line, 12.0).trouble == ""


def test_a_definition_reads_as_in_a_book() -> None:
    a, p, loss = zoo()[:3]
    assert definition_latex(a) == r"a^{(1)}_{ni} = b^{(1)}_{i} + \sum_{j} W^{(1)}_{ij} x_{nj}"
    assert definition_latex(p) == r"p_{nc} = \frac{e^{a^{(1)}_{nc}}}{\sum_{k} e^{a^{(1)}_{nk}}}"
    assert definition_latex(loss) == r"\ell = -\frac{1}{N} \sum_{n} \log p_{n,t_{n}}"
    assert definition_latex(input("x", (N, C))) == "x_{ni}"


def softmax_derivation() -> tuple[Tree, ...]:
    a, y = input("a", (C,)), labels("y", (), C)
    f, i = softmax(a, name="f"), Index("c", C)
    derived = differentiate(D(Neg(Fn("log", (Entry(f, (Entry(y, ()),)),))), Entry(a, (Ix(i),))))
    simplify(derived, [(f, *FlowGraph([f]).tree(f))], collect=2)
    rows = step_rows(derived.steps, [("", ""), ("proved", "by the algebra")])
    assert [row.verdict for row in rows[:3]] == ["", "proved", ""]
    assert rows[1].check == "by the algebra" and rows[1].rules == ("chain rule; log'",)
    assert ("definition of $f$",) in [row.rules for row in rows]
    assert rows[0].latex == r"\frac{\partial}{\partial a_{c}}[-\log f_{y}]"
    assert rows[1].latex == r"-\frac{1}{f_{y}} \, \frac{\partial f_{y}}{\partial a_{c}}"
    assert rows[-1].latex == r"-(\mathbb{1}_{(c=y)} - f_{c})"
    assert rows[-1].text == "-(1[c=y] - f[c])"
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    return tuple(step.tree for step in derived.steps)


def test_steps_become_rows() -> None:
    assert len(softmax_derivation()) >= 5


# -- explicit sizes


def test_explicit_matrix() -> None:
    a = zoo()[0]
    free, tree = FlowGraph([a]).tree(a)
    sizes = {N: 1, C: 2}
    assert explicit(tree, free, sizes) == (
        r"\begin{pmatrix} b^{(1)}_{1} + W^{(1)}_{1,1} x_{1,1} + W^{(1)}_{1,2} x_{1,2}"
        r" & b^{(1)}_{2} + W^{(1)}_{2,1} x_{1,1} + W^{(1)}_{2,2} x_{1,2} \end{pmatrix}"
    )
    assert explicit_text(tree, free, sizes).startswith("[[b1[1] + W1[1,1]*x[1,1] + W1[1,2]*x[1,2], ")


def test_explicit_evaluates_what_is_between_numbers() -> None:
    jacobian = Mul((x(c), Add((Delta(Ix(c), Ix(n)), Neg(x(n))))))
    assert explicit(jacobian, (c, n), {C: 2}) == (
        r"\begin{pmatrix} x_{1} (1 - x_{1}) & -x_{1} x_{2} \\ -x_{2} x_{1} & x_{2} (1 - x_{2}) \end{pmatrix}"
    )
    picked = Sum(k, Mul((Delta(Ix(k), Entry(Y, ())), x(k))))
    assert explicit_text(picked, (), {C: 2}) == "1[1=y]*x[1] + 1[2=y]*x[2]"
    assert explicit(Div(num(1), Sym(C)), (), {C: 2}) == r"\frac{1}{2}"
    lower = Where(Ind(">=", Ix(c), Ix(n)), x(n), num(0))
    assert explicit_text(lower, (c, n), {C: 2}) == "[[x[1], 0], [x[1], x[2]]]"


def test_explicit_of_three_indices_is_a_list_of_matrices() -> None:
    line = explicit(Mul((x(c), x(n), x(k))), (c, n, k), {C: 2})
    assert line.count(r"\begin{pmatrix}") == 2 and "_{c=1}" in line and balanced(line)


def test_explicit_says_what_is_too_long() -> None:
    with pytest.raises(SymnnError, match="Use smaller sizes"):
        explicit(x(c), (c,), {C: 1000})
    with pytest.raises(SymnnError, match="Use smaller sizes"):
        explicit(Sum(c, Sum(n, Mul((x(c), x(n))))), (), {C: 100})
    with pytest.raises(SymnnError, match="size C"):
        explicit(x(c), (c,), {})


# -- a page


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdflatex_sets_it_all(tmp_path: Path) -> None:
    lines = [latex(hostile_formula(name)) for name in HOSTILE]
    lines += [definition_latex(t) for t in zoo()]
    lines += [latex(t) for t in softmax_derivation()]
    free, tree = FlowGraph([zoo()[1]]).tree(zoo()[1])
    lines.append(explicit(tree, free, {N: 2, C: 2}))
    body = "\n".join(f"\\[ {line} \\]" for line in lines)
    head = "\\documentclass{article}\\usepackage{amsmath,amssymb}\\begin{document}"
    (tmp_path / "page.tex").write_text(f"{head}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
