"""Each checker must go red: a rule is broken on purpose, and differences and line proofs have to see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
import sympy

from symnn.algebra import calculus, convert
from symnn.algebra.prove import prove_equal
from symnn.algebra.terms import Poly
from symnn.derive import backprop as backprop_module
from symnn.derive import differentiate as differentiate_module
from symnn.derive import patterns, rules, tidy
from symnn.derive import pullback as pullback_module
from symnn.derive import simplify as simplify_module
from symnn.derive.backprop import backprop
from symnn.derive.pullback import pullback
from symnn.graph.flow import FlowGraph
from symnn.ground import define as define_module
from symnn.ground.define import define
from symnn.ground.functions import sum_over as S
from symnn.ground.indices import indices
from symnn.ground.sizes import dims
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor, parameter
from symnn.ground.tensors import input as data
from symnn.ground.tree import Add, D, Delta, Div, Fn, Ind, Ix, Mul, Neg, Num, Pow, Sum, Tree, Where, add, mul
from tests.oracle import check_gradients

N, K, H = dims("N K H")
n, m, i, j, k, l = indices("n m i j k l")


# Everything is typed by define(), whose templates are kept in one cache, so that nothing broken outlives its test.


@pytest.fixture
def clean_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setattr(define_module, "_CACHE", {})
    monkeypatch.setattr(patterns.KEPT, "patterns", {})
    monkeypatch.setattr(patterns.KEPT, "templates", {})
    monkeypatch.setattr(rules, "_PARTIALS", {})
    monkeypatch.setattr(calculus, "_PARTIALS", {})
    yield monkeypatch


def affine(x: Tensor, name: str) -> Tensor:
    W, b = parameter(f"W{name}", (H, x.shape[1])), parameter(f"b{name}", (H,))
    return define(f"a{name}", (n, i), S(W[i, j] * x[n, j], j) + b[i])


def network() -> Tensor:
    """Affine, sigmoid, affine, softmax, weighted: a sum, quotients, the chain, folds, two uses of one value."""
    h = define("h", (n, i), 1 / (1 + sympy.exp(-affine(data("x", (N, K)), "1")[n, i])))
    a = affine(h, "2")
    p = define("p", (n, i), sympy.exp(a[n, i]) / S(sympy.exp(a[n, k]), k))
    v = data("v", (N, H))
    return define("l", (), S(p[n, i] * sympy.tanh(h[n, i]) * v[n, i] - h[n, i] ** 3, n, i))


def transposed() -> Tensor:
    A, v = parameter("A", (K, K)), data("v", (K, K))
    y = define("y", (i, j), A[i, j] * A[j, i] ** 2)
    return define("l", (), S(y[i, j] * v[i, j], i, j))


def cases() -> Tensor:
    x, v = data("x", (N,)), data("v", (N,))
    y = define("y", (n,), sympy.Max(0, x[n]) + sympy.Piecewise((x[n] ** 2, x[n] > 0), (3 * x[n], True)))
    return define("l", (), S(y[n] * v[n], n) / N)


def lines_are_proved(output: Tensor) -> bool:
    for t in FlowGraph((output,)).order:
        for slot in t.definition.template.slots if t.definition is not None else ():
            made = pullback(t.definition.template, slot, seeded=t is output)  # type: ignore[union-attr]
            lines = [step.tree for step in made.derived.steps]
            if not all(prove_equal(a, b) for a, b in zip(lines, lines[1:], strict=False)):
                return False
    return True


def differences_agree(output: Tensor) -> bool:
    try:
        check_gradients(output, seed=1)
    except Exception:  # a broken rule may also give a graph that cannot be evaluated
        return False
    return True


# -- the ways to break it ----------------------------------------------------------------------------------------------


def replace_rule(patch: pytest.MonkeyPatch, name: str, apply: Callable[[D], Tree | None]) -> None:
    """Exchange the rule of that function in every table that the differentiator reads."""
    old = getattr(rules, name)
    found = 0
    for table in ("ADMINISTRATIVE", "SUBSTANTIVE", "CLOSING"):
        changed = tuple(
            rules.Rule(r.name, apply, r.equation) if r.apply is old else r for r in getattr(differentiate_module, table)
        )
        found += changed != getattr(differentiate_module, table)
        patch.setattr(differentiate_module, table, changed)
    assert found, f"no table holds {name}"


def quotient_sign(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._quotient(p)
        if isinstance(out, Add):
            return Add((out.terms[0], out.terms[1].body))
        return out.body if isinstance(out, Neg) else out

    replace_rule(patch, "_quotient", wrong)


def quotient_not_squared(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        if not isinstance(p.body, Div):
            return None
        second = Div(mul(p.body.num, D(p.body.den, p.wrt)), p.body.den)
        return Add((Div(D(p.body.num, p.wrt), p.body.den), Neg(second)))

    replace_rule(patch, "_quotient", wrong)


def product_one_term_short(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._product(p)
        return add(*out.terms[:-1]) if isinstance(out, Add) else out

    replace_rule(patch, "_product", wrong)


def chain_without_inner(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        if not isinstance(p.body, Fn):
            return None
        (first,) = [q for q in p.body.args if rules.depends(q, p.wrt.tensor)][:1]
        if isinstance(first, Mul | Neg | Sum | Add | Div):  # the inner derivative is lost, its entries kept
            first = next(t for t in _entries(first) if t.tensor is p.wrt.tensor)
        return mul(rules.partial(p.body.name, 0, p.body.args), D(first, p.wrt))

    replace_rule(patch, "_chain", wrong)


def _entries(tree: Tree) -> list[Any]:
    return [t for t in rules.walk(tree) if type(t).__name__ == "Entry"]


def partial_of_another_function(patch: pytest.MonkeyPatch) -> None:
    true = rules.partial
    patch.setattr(rules, "partial", lambda name, at, args: Neg(true(name, at, args)))


def power_not_lowered(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        if not isinstance(p.body, Pow):
            return None
        return mul(p.body.exponent, p.body, D(p.body.base, p.wrt))

    replace_rule(patch, "_power", wrong)


def linearity_loses_a_sign(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        return D(p.body.body, p.wrt) if isinstance(p.body, Neg) else rules._linear(p)

    replace_rule(patch, "_linear", wrong)


def linearity_loses_a_denominator(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._linear(p)
        return out.num if isinstance(out, Div) and isinstance(p.body, Div) else out

    replace_rule(patch, "_linear", wrong)


def sum_forgotten(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._linear(p)
        return Mul((Num(Fraction(2)), out)) if isinstance(p.body, Sum) and isinstance(out, Sum) else out

    replace_rule(patch, "_linear", wrong)


def delta_indices_swapped(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._entry(p)
        if isinstance(out, Mul) and len(out.factors) == 2 and all(isinstance(f, Delta) for f in out.factors):
            one, two = out.factors
            if one.left.index.size == two.left.index.size:  # type: ignore[attr-defined]
                return Mul((Delta(one.left, two.right), Delta(two.left, one.right)))  # type: ignore[attr-defined]
        return out

    replace_rule(patch, "_entry", wrong)


def delta_forgotten(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._entry(p)
        return out.factors[0] if isinstance(out, Mul) else out

    replace_rule(patch, "_entry", wrong)


def branches_exchanged(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        if not isinstance(p.body, Where):
            return None
        return Where(p.body.condition, D(p.body.other, p.wrt), D(p.body.then, p.wrt))

    replace_rule(patch, "_branches", wrong)


def maximum_turned(patch: pytest.MonkeyPatch) -> None:
    def wrong(p: D) -> Tree | None:
        out = rules._maximum(p)
        if not isinstance(out, Where) or not isinstance(out.condition, Ind):
            return out
        return Where(Ind(">", out.condition.right, out.condition.left), out.then, out.other)

    replace_rule(patch, "_maximum", wrong)


def fold_with_a_wrong_sign(patch: pytest.MonkeyPatch) -> None:
    true = simplify_module.solutions

    def wrong(*args: Any) -> list[Any]:
        return [type(s)(s.atom, s.step, -s.value, s.pattern, s.kept, s.tensor) for s in true(*args)]

    patch.setattr(simplify_module, "solutions", wrong)


def fold_inverted(patch: pytest.MonkeyPatch) -> None:
    true = simplify_module.solutions

    def wrong(*args: Any) -> list[Any]:
        return [type(s)(s.atom, s.step, s.value + Poly({(): 1}), s.pattern, s.kept, s.tensor) for s in true(*args)]

    patch.setattr(simplify_module, "solutions", wrong)


def contraction_picks_another_index(patch: pytest.MonkeyPatch) -> None:
    true = tidy._solve
    seen: dict[Any, list[Any]] = {}

    def wrong(f: Tree, q: Any) -> Tree | None:
        out = true(f, q)
        if not isinstance(out, Ix):
            return out
        known = seen.setdefault(out.index.size, [])
        if out.index not in known:
            known.append(out.index)
        others = [o for o in known if o is not out.index and o is not q]
        return Ix(others[-1]) if others else out

    patch.setattr(tidy, "_solve", wrong)


def contraction_without_substitution(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tidy, "substitute", lambda tree, **_: tree)


def signs_dropped_in_cleaning(patch: pytest.MonkeyPatch) -> None:
    true = tidy._negative
    patch.setattr(tidy, "_negative", lambda body: true(body) if isinstance(body, Num) else body)


def common_factor_taken_twice(patch: pytest.MonkeyPatch) -> None:
    true = simplify_module._common

    def wrong(tree: Any) -> Any:
        out = true(tree)
        return None if out is None else (2 * out[0], out[1])

    patch.setattr(simplify_module, "_inverse", lambda mono, scale: Poly({tuple((a, -e) for a, e in mono): 1}))
    patch.setattr(simplify_module, "_common", wrong)
    patch.setattr(pullback_module, "_through_parts", lambda *_: (None, ()))  # the other way to a short formula


def upstream_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pullback_module, "mul", lambda *factors: factors[-1])


def only_the_first_use_counts(patch: pytest.MonkeyPatch) -> None:
    true = backprop_module._uses
    patch.setattr(backprop_module, "_uses", lambda *a: {t: u[:1] for t, u in true(*a).items()})


def contributions_not_added(patch: pytest.MonkeyPatch) -> None:
    true = backprop_module.added
    patch.setattr(backprop_module, "added", lambda made, parts: true(made, parts[:1]))


def leibniz_one_term_short(patch: pytest.MonkeyPatch) -> None:
    """The second path to a derivative is broken instead: the lines no longer agree with it."""
    true = calculus.derivative

    def wrong(p: Poly, tensor: Any, at: Any) -> Poly:
        return true(Poly(dict(list(p.terms.items())[1:])), tensor, at) if len(p.terms) > 1 else true(p, tensor, at)

    patch.setattr(convert, "derivative", wrong)


#: (what is broken, where it shows, differences see it, line proofs see it)
CORRUPTIONS: list[tuple[Callable[[Any], None], Callable[[], Tensor], bool, bool]] = [
    (quotient_sign, network, True, True),
    (quotient_not_squared, network, True, True),
    (product_one_term_short, transposed, True, True),
    (chain_without_inner, network, True, True),
    (partial_of_another_function, network, True, True),
    (power_not_lowered, network, True, True),
    (linearity_loses_a_sign, network, True, True),
    (linearity_loses_a_denominator, cases, True, True),
    (sum_forgotten, network, True, True),
    (delta_indices_swapped, transposed, True, True),
    (delta_forgotten, network, True, True),
    (branches_exchanged, cases, True, True),
    (maximum_turned, cases, True, True),
    (fold_with_a_wrong_sign, network, True, True),
    (fold_inverted, network, True, True),
    (contraction_picks_another_index, transposed, True, True),
    (contraction_without_substitution, network, True, True),
    (signs_dropped_in_cleaning, network, True, True),
    (common_factor_taken_twice, network, True, True),
    (upstream_forgotten, network, True, False),
    (only_the_first_use_counts, network, True, False),
    (contributions_not_added, network, True, False),
    (leibniz_one_term_short, network, False, True),
]


@pytest.mark.parametrize("make", [network, transposed, cases], ids=lambda make: make.__name__)
def test_nothing_broken_is_green(make: Callable[[], Tensor], clean_room: pytest.MonkeyPatch) -> None:
    output = make()
    assert differences_agree(output) and lines_are_proved(output)


@pytest.mark.parametrize(
    ("corrupt", "make", "by_differences", "by_lines"), CORRUPTIONS,
    ids=[f"{c.__name__}-{mk.__name__}" for c, mk, _, _ in CORRUPTIONS],
)  # fmt: skip
def test_a_broken_rule_is_seen(
    corrupt: Callable[[Any], None],
    make: Callable[[], Tensor],
    by_differences: bool,
    by_lines: bool,
    clean_room: pytest.MonkeyPatch,
) -> None:
    corrupt(clean_room)
    output = make()
    assert differences_agree(output) is not by_differences, "the differences did not see it"
    assert lines_are_proved(output) is not by_lines, "the line proofs did not see it"


def test_the_room_is_clean_again() -> None:
    """What a broken rule derived must not be found by the next network."""
    for make in (network, transposed, cases):
        output = make()
        assert differences_agree(output) and lines_are_proved(output)


@pytest.mark.parametrize("wrong", ["weight decay", "missing mean", "wrong index", "sign"])
def test_a_wrong_formula_is_not_proved_equal_to_the_right_one(wrong: str, clean_room: pytest.MonkeyPatch) -> None:
    x, W, t = data("x", (N, K)), parameter("W", (H, K)), data("t", (N, H))
    y = define("y", (n, i), S(W[i, j] * x[n, j], j))
    output = define("l", (), S((y[n, i] - t[n, i]) ** 2, n, i) / N)
    dW = backprop(output, [W]).of[W]
    (p, q), tree = FlowGraph((dW,)).tree(dW)
    mm = m.fresh(N)
    right = 2 * S((y[mm, p] - t[mm, p]) * x[mm, q], mm) / N
    claims = {
        "weight decay": right + W[p, q],
        "missing mean": 2 * S((y[mm, p] - t[mm, p]) * x[mm, q], mm),
        "wrong index": 2 * S((y[mm, p] - t[mm, p]), mm) * S(x[mm, q], mm) / N,
        "sign": -right,
    }
    assert prove_equal(tree, from_sympy(right))
    assert not prove_equal(tree, from_sympy(claims[wrong]))
