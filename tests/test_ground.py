"""Sizes, indices, tensors, definitions and their errors; the SymPy border; substitution."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symnn.graph.interpreter import Interpreter
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError, ShapeError, SymnnError, UnknownNameError, UnsupportedError
from symnn.ground.functions import indicator, stop_gradient
from symnn.ground.functions import sum_over as S
from symnn.ground.indices import Index, index, indices
from symnn.ground.sizes import as_size, dims, scalars, size_text
from symnn.ground.substitute import fresh, substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor, labels, parameter
from symnn.ground.tensors import input as data
from symnn.ground.tree import (
    Add,
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
    Tree,
    Where,
    free_indices,
    num,
    walk,
)
from symnn.nn.activations import activation
from symnn.nn.layers import dense
from symnn.nn.losses import cross_entropy, loss, mse
from tests import test_algebra as A
from tests.oracle import all_points, tree_value

N, K, H, C = dims("N K H C")
n, m, i, j, k = indices("n m i j k")


# -- sizes, indices, tensors -------------------------------------------------------------------------------------------


def test_sizes() -> None:
    assert as_size(3) == 3 and as_size(np.int64(3)) == sympy.Integer(3) and as_size(N) is N
    assert as_size(2 * N + 1) == 2 * N + 1
    assert size_text((N,)) == "(N,)" and size_text((N, sympy.Integer(3))) == "(N, 3)" and size_text(()) == "()"
    assert dims("N") == N
    for wrong in (0, -1, True, 2.0, "N", None, 1.5, sympy.Integer(0), sympy.Rational(1, 2), sympy.Float(2.0), sympy.pi):
        with pytest.raises(DefinitionError, match="positive integer"):
            as_size(wrong)
    with pytest.raises(DefinitionError, match="positive integer"):
        data("x", (scalars("a", positive=True) + sympy.Rational(1, 2), sympy.Rational(3, 2)))
    with pytest.raises(DefinitionError, match="at least one name"):
        dims(" ")


def test_every_index_is_its_own() -> None:
    assert index("n") != index("n") and index("n", 3).size == 3 and index("n").size is None
    assert [q.letter for q in indices("a, b c")] == ["a", "b", "c"]
    assert n.fresh(N) != n and n.fresh(N).letter == "n" and n.fresh(N).size == N
    for wrong in ("", " "):
        with pytest.raises(DefinitionError):
            indices(wrong)
    with pytest.raises(DefinitionError):
        index("")


def test_two_tensors_of_one_name_are_two() -> None:
    one, two = data("x", (N,)), data("x", (N,))
    q = Index("n", N)
    assert one != two and one[q] != two[q] and sympy.simplify(one[q] - two[q]) != 0


def test_tensors_take_as_many_indices_as_axes() -> None:
    x, b = data("x", (N, K)), parameter("b", ())
    with pytest.raises(ShapeError, match=re.escape("'x' has shape (N, K): it takes 2 indices, found 1")):
        x[n]
    with pytest.raises(ShapeError, match="takes 0 indices, found 1"):
        b[n]
    assert b[()] == b.symbol
    with pytest.raises(TypeError, match="symbolic and cannot be iterated"):
        list(x)
    for name in ("", None, 3):
        with pytest.raises(DefinitionError, match="needs a name"):
            data(name, (N,))


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sigmoid'"):
        activation("sigmiod", data("x", (N,)))
    with pytest.raises(UnknownNameError, match="Did you mean 'huber'"):
        loss("hubber", data("x", (N,)), data("y", (N,)))
    with pytest.raises(UnknownNameError, match="constant of leaky_relu"):
        activation("leaky_relu", data("x", (N,)), slop=2)


# -- definitions -------------------------------------------------------------------------------------------------------

x, W, b, t = data("x", (N, K)), parameter("W", (H, K)), parameter("b", (H,)), labels("t", (N,), C)


def refused(error: type[SymnnError], *parts: str, at: Any = (n,), body: Any) -> None:
    with pytest.raises(error) as caught:
        define("y", at, body() if callable(body) else body)
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_a_shape_clash_names_node_sizes_places_and_index() -> None:
    refused(ShapeError, "'y'", "index j", "runs over H", "axis 0 of W (H, K)", "N", "axis 0 of x (N, K)",
            at=(n, i), body=lambda: W[j, i] * x[j, i] + x[n, i])  # fmt: skip
    own = index("q", C)
    refused(ShapeError, "index q", "its own declaration", "C", body=lambda: S(x[n, own], own))
    refused(ShapeError, "'y'", "entry 3 is outside", at=(n,), body=lambda: data("z", (N, 3))[n, 3])


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: dense(data("x", (N, K)), H, weight=parameter("V", (H, C)), name="1"), ("a1", "K", "C", "V")),
        (lambda: mse(data("p", (N, K)), data("q", (N, C))), ("loss", "p", "q", "(N, K)", "(N, C)")),
        (lambda: cross_entropy(data("p", (N, K)), labels("t", (H,), K)), ("loss", "(N, K)", "(H,)")),
        (lambda: cross_entropy(data("p", (N, K)), labels("t", (N,), C)), ("loss", "classes of t")),
        (lambda: mse(data("p", (N, K)), data("q", (K,))), ("loss", "q", "(K,)", "leading axes")),
    ],
)
def test_shape_clashes_in_the_zoo(make: Any, parts: tuple[str, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        make()
    for part in parts:
        assert part in str(caught.value), str(caught.value)


def test_indices_must_be_bound_once() -> None:
    refused(DefinitionError, "index i is neither on the left-hand side (n) nor summed over", body=lambda: x[n, i])
    refused(DefinitionError, "index k is summed over, and also bound", body=lambda: S(S(x[n, k], k) * x[n, k], k))
    refused(DefinitionError, "index n is summed over, and also bound or free", body=lambda: S(v[n], n))
    refused(DefinitionError, "stands twice", at=(n, n), body=lambda: data("q", (N, N))[n, n])
    refused(DefinitionError, "index p has no range", at=(n, index("p")), body=lambda: x[n, 0])
    refused(DefinitionError, "takes indices, found", at=(sympy.Symbol("n"),), body=lambda: x[n, 0])
    refused(DefinitionError, "takes indices, found 3", at=3, body=lambda: x[n, 0])


def test_siblings_may_share_a_binder() -> None:
    y = define("y", (n,), S(x[n, k], k) * S(x[n, k] ** 2, k))
    free, tree = (Index("n", N),), None
    tree = unfold(entry_of(y, free))
    bound = [q.index for q in walk(tree) if isinstance(q, Sum)]
    assert len(bound) == 2 and bound[0] != bound[1]
    out = Interpreter({N: 1, K: 2}, {x: np.array([[2.0, 3.0]])}).tensor(y)
    assert out[0] == 5 * 13


def test_labels_and_reals_are_not_confused() -> None:
    p = data("p", (N, C))
    refused(DefinitionError, "x2", "holds real numbers", body=lambda: p[n, data("x2", (N,))[n]])
    refused(ShapeError, "t has C classes", body=lambda: x[n, t[n]])
    y = define("y", (n,), p[n, t[n]])
    assert y.shape == (N,)


def test_what_is_no_index_expression() -> None:
    refused(DefinitionError, "appears without indices", body=x)
    refused(UnsupportedError, "not text", body="x[n, 0]")
    refused(UnsupportedError, "besselj", body=lambda: sympy.besselj(0, x[n, 0]))
    refused(UnsupportedError, "not a finite real number", body=lambda: x[n, 0] + sympy.oo)
    refused(UnsupportedError, "not a finite real number", body=sympy.nan)
    refused(UnsupportedError, "body", "Shift the index", body=lambda: sympy.Sum(x[n, k], (k, 1, K - 1)))
    refused(UnsupportedError, "a sum takes a whole index", body=lambda: sympy.Sum(x[n, k], (k, 1, K)))
    refused(UnsupportedError, "is no index", body=lambda: sympy.Sum(x[n, 0], (sympy.Symbol("q"), 0, 3)))
    refused(UnsupportedError, "belongs to no symnn tensor", body=lambda: sympy.IndexedBase("A")[n])
    refused(UnsupportedError, "End the Piecewise", body=lambda: sympy.Piecewise((x[n, 0], x[n, 0] > 0)))
    refused(UnsupportedError, "no value agreed on at 0", body=lambda: sympy.Heaviside(x[n, 0]))
    refused(DefinitionError, "without derivatives", body=lambda: sympy.Derivative(x[n, 0] ** 2, x[n, 0]))
    for wrong in ([1, 2], {"a": 1}, object(), None, sympy.I * x[Index("n", N), 0]):
        with pytest.raises(SymnnError):
            define("y", (n,), wrong)


def test_stepped_sums_by_indicators() -> None:
    """What the error for a stepped sum recommends works."""
    y = define("y", (n,), S(indicator(k >= 1) * x[n, k], k))
    assert Interpreter({N: 1, K: 3}, {x: np.array([[1.0, 10.0, 100.0]])}).tensor(y)[0] == 110


def test_floats_are_taken_at_their_shortest_decimal() -> None:
    y = define("y", (n,), 0.1 * x[n, 0] + sympy.Float("0.044715"))
    (number,) = [
        q.value for q in walk(unfold(entry_of(y, (Index("n", N),)))) if isinstance(q, Num) and 0 < q.value < 0.09
    ]
    assert number == sympy.Rational(44715, 10**6)
    assert Interpreter({N: 1, K: 1}, {x: np.array([[3.0]])}, digits=30).tensor(y)[0] == pytest.approx(
        0.344715, rel=1e-15
    )


def test_equal_definitions_share_a_template_and_unequal_ones_do_not() -> None:
    def made(q: Tensor, body: Any = lambda e: e**2) -> Any:
        return define("y", (n, i), body(q[n, i])).definition.template

    z, square, sure = data("z", (C, H)), data("q", (N, N)), data("p", (N, K), positive=True)
    assert made(x) is made(z)
    assert made(x) is not made(square) and made(x) is not made(sure)
    assert made(x) is not made(x, lambda e: e**3)
    assert made(x, lambda e: 2 * e) is not made(x, lambda e: 3 * e)
    A_ = parameter("A", (N, N))
    one = define("y", (n, m), A_[n, m] * A_[m, n]).definition.template
    two = define("y", (n, m), A_[n, m] * A_[n, m]).definition.template
    assert one is not two
    both = [define("y", (n,), p[n] * q[n]).definition.template for p, q in ((u, u), (u, v))]
    assert both[0] is not both[1]


u, v = data("u", (N,)), data("v", (N,))


# -- the SymPy border --------------------------------------------------------------------------------------------------


@settings(max_examples=200 * A.MORE)
@given(A.expressions())
def test_the_round_trip_keeps_the_value(tree: Tree) -> None:
    made = to_sympy(tree)
    back = from_sympy(made)
    for machine in A.MACHINES:
        for at in list(all_points([A.n, A.i, A.j], A.SIZES))[::4]:
            value = tree_value(tree, machine, at)
            assume(abs(value) < 1e8)
            near = pytest.approx(value, rel=1e-8, abs=1e-8)
            assert float(machine.value(made, at)) == near, made
            assert tree_value(back, machine, at) == near, made


@pytest.mark.parametrize(
    "tree",
    [
        Neg(Add((num(3), Neg(num(2))))),
        Pow(num(2), Neg(num(3))),
        Pow(Div(num(2), num(3)), num(2)),
        Fn("stop_gradient", (num(3),)),
        Where(Mul((Ind(">", num(3), num(2)), Ind(">", num(2), num(3)))), num(1), num(5)),
    ],
)
def test_numbers_through_the_border(tree: Tree) -> None:
    machine = Interpreter({}, {})
    there = from_sympy(to_sympy(tree))
    assert machine.value(to_sympy(there)) == pytest.approx(float(machine.value(to_sympy(tree))))


def test_sums_in_sums_keep_their_cases_inside() -> None:
    """sympy.Sum would bring the inner case out of the inner sum, and its index out of scope."""
    c, d = Index("k", K), Index("l", K)
    body = S(indicator(c >= 1) * x[n, c] * S(indicator(d >= c) * x[n, d], d), c)
    y = define("y", (n,), body)
    z = define("z", (n,), S(x[n, c] * indicator(S(indicator(x[n, d] > x[n, c]), d) > 0), c))
    machine = Interpreter({N: 1, K: 3}, {x: np.array([[1.0, 10.0, 100.0]])})
    assert machine.tensor(y)[0] == 10 * 110 + 100 * 100
    assert machine.tensor(z)[0] == 11


def test_reading_order_and_shape_are_kept() -> None:
    q, r, c = Index("n", N), Index("i", H), Index("k", K)
    tree = from_sympy(b[r] + S(W[r, c] * x[q, c], c))
    assert isinstance(tree, Add) and isinstance(tree.terms[1], Sum)
    assert isinstance(tree.terms[0], Entry)
    assert from_sympy(-x[q, c] / 2) == Neg(Div(Entry(x, (Ix(q), Ix(c))), num(2)))
    assert from_sympy(tree) is tree


@pytest.mark.parametrize("condition", ["and", "or", "not", "ne", "le"])
def test_conditions_cross_the_border(condition: str) -> None:
    p, q = u[A.n], v[A.n]
    made = {
        "and": sympy.And(p > 0, q > 0), "or": sympy.Or(p > 0, q > 0), "not": sympy.Not(sympy.And(p > 0, q > 0)),
        "ne": sympy.Ne(p, q), "le": p <= q,
    }[condition]  # fmt: skip
    body = sympy.Piecewise((p + 10, made), (q + 20, True))
    tree = from_sympy(body)
    uu, vv = u, v
    for pair in ((1.0, 2.0), (-1.0, 2.0), (2.0, -1.0), (-1.0, -2.0), (1.0, 1.0)):
        machine = Interpreter({A.N: 1}, {uu: np.array(pair[:1]), vv: np.array(pair[1:])})
        truth = {
            "and": pair[0] > 0 and pair[1] > 0, "or": pair[0] > 0 or pair[1] > 0,
            "not": not (pair[0] > 0 and pair[1] > 0), "ne": pair[0] != pair[1], "le": pair[0] <= pair[1],
        }[condition]  # fmt: skip
        expected = pair[0] + 10 if truth else pair[1] + 20
        assert tree_value(tree, machine, {A.n: 0}) == expected
        assert machine.value(to_sympy(tree), {A.n: 0}) == expected
        assert machine.value(body, {A.n: 0}) == expected


def test_pending_derivatives_cross_the_border() -> None:
    q, r = Index("n", N), Index("m", N)
    tree = D(from_sympy(u[q] ** 2), entry_of(u, (r,)))
    assert from_sympy(to_sympy(tree)) == tree
    assert to_sympy(Fn("stop_gradient", (entry_of(u, (q,)),))) == stop_gradient(u[q])


# -- substitution ------------------------------------------------------------------------------------------------------


@settings(max_examples=200 * A.MORE)
@given(A.expressions(), st.data())
def test_substitution_never_captures(tree: Tree, chance: Any) -> None:
    """i is replaced by an index that some sum inside binds: the value is that of the tree at i = its position."""
    inside = [q.index for q in walk(tree) if isinstance(q, Sum) and q.index.size == A.K]
    target = chance.draw(st.sampled_from([*inside, A.j, Index("i", A.K)]))
    made = substitute(tree, indices={A.i: Ix(target), A.j: Ix(A.i)})
    machine = A.MACHINES[0]
    for at in list(all_points([A.n, A.i, A.j], A.SIZES))[::3]:
        after = {A.n: at[A.n], target: at[A.i], A.i: at[A.j]}
        value = tree_value(tree, machine, at)
        assume(abs(value) < 1e8)
        assert tree_value(made, machine, after) == pytest.approx(value, rel=1e-8, abs=1e-8)


@settings(max_examples=50 * A.MORE)
@given(A.expressions())
def test_fresh_changes_binders_only(tree: Tree) -> None:
    made = fresh(tree)
    assert free_indices(made) == free_indices(tree)
    old = {q.index for q in walk(tree) if isinstance(q, Sum)}
    assert not old & {q.index for q in walk(made) if isinstance(q, Sum)}


def test_unfolding_twice_gives_different_binders() -> None:
    y = define("y", (n,), S(x[n, k] ** 2, k))
    z = define("z", (n, m), y[n] * y[m])
    p, q = Index("p", N), Index("q", N)
    tree = unfold(entry_of(z, (p, q)))
    whole = Mul(tuple(unfold(e) if isinstance(e, Entry) else e for e in tree.factors))  # type: ignore[attr-defined]
    bound = [e.index for e in walk(whole) if isinstance(e, Sum)]
    assert len(bound) == len(set(bound)) == 2
    assert isinstance(Delta(Ix(p), Ix(q)), Tree)


@settings(max_examples=30)
@given(st.permutations(range(3)), st.integers(0, 5))
def test_names_are_free(order: list[int], seed: int) -> None:
    """Letters may be swapped among indices, also with those the templates use inside, without any change."""
    letters = ["i", "j", "k"]
    p, q, r = (index(letters[o]) for o in order)
    y = define("y", (p, q), S(W[p, r] * x[q, r], r))
    rng = np.random.default_rng(seed)
    given_ = {W: rng.normal(size=(2, 3)), x: rng.normal(size=(4, 3))}
    assert np.allclose(Interpreter({H: 2, N: 4, K: 3}, given_).tensor(y), given_[W] @ given_[x].T)
