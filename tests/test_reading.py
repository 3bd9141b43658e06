"""Entries that only a condition keeps inside their axes stay behind that condition in whatever is written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import symnn as sn
from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical
from symnn.compile.program import build
from symnn.derive.backprop import backprop
from symnn.graph.guarded import strays
from symnn.graph.wellformed import check as well_formed
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Add, Delta, Entry, Fn, Ind, Ix, Mul, Neg, Sum, Sym, Tree, num
from tests.test_canonical import FREE, MACHINES, K, N, form_of, i, j, n, t, u, values, w, x

AT_N, AT_I = Ix(n), Ix(i)
NEXT, LAST, LABEL = Add((Ix(i), num(1))), Add((Ix(i), Neg(num(1)))), Entry(t, (Ix(n),))
#: Conditions, and what may be read where they hold: x has N rows and K columns, w and u have K.
GUARDED: list[tuple[Tree, list[Tree]]] = [
    (Delta(AT_N, AT_I), [Entry(x, (AT_N, AT_N)), Entry(u, (AT_N,)), Entry(w, (AT_N, AT_I)), Entry(x, (AT_I, Ix(j)))]),
    (Ind(">", Sym(K), AT_N), [Entry(x, (AT_N, AT_N)), Entry(u, (AT_N,)), Entry(w, (AT_N, Ix(j)))]),
    (Ind(">", Sym(N), AT_I), [Entry(x, (AT_I, AT_I)), Entry(x, (AT_I, Ix(j)))]),
    (Ind(">", Sym(K), NEXT), [Entry(x, (AT_N, NEXT)), Entry(u, (NEXT,))]),
    (Ind(">=", AT_I, num(1)), [Entry(x, (AT_N, LAST)), Entry(u, (LAST,)), Entry(w, (LAST, AT_I))]),
    (Delta(AT_N, LABEL), [Entry(u, (AT_N,)), Entry(w, (AT_N, AT_I)), Entry(x, (AT_N, AT_N))]),
    (Ind(">", Sym(N), LABEL), [Entry(x, (LABEL, AT_I))]),
]
FREELY: list[Tree] = [Entry(x, (AT_N, AT_I)), Entry(u, (AT_I,)), Entry(w, (AT_I, Ix(j))), Sym(K), num(2)]


@st.composite
def terms(draw: Any) -> Tree:
    guard, inside = draw(st.sampled_from(GUARDED))
    factors = [guard]
    for _ in range(draw(st.integers(1, 2))):
        e = draw(st.sampled_from(inside))
        match draw(st.sampled_from(["itself", "sign", "tanh", "exp", "sum"])):
            case "sign":
                e = Ind(">", e, num(0))
            case "tanh" | "exp" as name:
                e = Fn(name, (e,))
            case "sum":
                k = Index("k", K)
                e = Sum(k, Mul((Entry(x, (AT_N, Ix(k))), e)))
        factors.append(e)
    factors += draw(st.lists(st.sampled_from(FREELY), max_size=2))
    made = Mul(tuple(factors))
    return Neg(made) if draw(st.booleans()) else made


@settings(max_examples=300)
@given(st.lists(terms(), min_size=2, max_size=4))
def test_nothing_is_read_outside_its_axes(parts: list[Tree]) -> None:
    tree = Add(tuple(parts))
    back = to_tree(form_of(tree), Letters((tree,), tuple(FREE)))
    for machine in MACHINES:
        before = values(tree, machine)  # the guards stand beside what they guard
        assume(max(map(abs, before)) < 1e6)
        for p, q in zip(before, values(back, machine), strict=True):
            assert math.isclose(p, q, rel_tol=1e-7, abs_tol=1e-7), f"{to_sympy(tree)}\n{to_sympy(back)}"


def test_a_factor_stays_behind_the_conditions_of_its_terms() -> None:
    """What was seen: 1[x_ii > 0] taken out of two terms, each with a condition of its own that lets x_ii be read."""
    active = Ind(">", Entry(x, (AT_I, AT_I)), num(0))
    here = Mul((Ind(">", Sym(N), AT_I), active, Entry(x, (AT_I, AT_I))))
    tree = Add((Mul((Delta(AT_I, AT_N), active, Entry(u, (AT_I,)))), Neg(here)))
    back = to_tree(canonical(tree), Letters((tree,), tuple(FREE)))
    assert isinstance(back, Add)
    assert [values(back, m) for m in MACHINES] == [values(tree, m) for m in MACHINES]


def test_a_factor_that_a_common_condition_keeps_is_taken_out() -> None:
    guard, read = Ind(">", Sym(N), AT_I), Entry(x, (AT_I, AT_I))
    tree = Add((Mul((guard, read, Entry(u, (AT_I,)))), Mul((guard, read, Entry(u, (Ix(j),))))))
    assert isinstance(to_tree(canonical(tree), Letters((tree,), tuple(FREE))), Mul)


BOUND = Index("k", K)
SHIFT, PAD = Add((AT_I, Ix(BOUND))), Add((AT_I, Ix(BOUND), Neg(num(1))))
SUMS: list[Tree] = [
    Mul((Ind(">", Sym(K), SHIFT), Entry(x, (AT_N, SHIFT)), Entry(u, (Ix(BOUND),)))),
    Mul((Ind(">=", PAD, num(0)), Ind(">", Sym(K), PAD), Entry(x, (AT_N, PAD)), Entry(u, (Ix(BOUND),)))),
    Mul((Ind(">", Sym(K), Add((Ix(BOUND), num(1)))), Entry(x, (AT_N, Add((Ix(BOUND), num(1))))))),
]


@pytest.mark.parametrize("body", SUMS, ids=["shifted", "padded", "next"])
def test_a_sum_keeps_the_condition_on_its_own_index(body: Tree) -> None:
    tree = Sum(BOUND, body)
    back = to_tree(canonical(tree), Letters((tree,), tuple(FREE)))
    assert cost(back) <= cost(tree) + 1 and not strays(back)  # K - 1 > k for K > k + 1
    for machine in MACHINES:
        np.testing.assert_allclose(values(back, machine), values(tree, machine), atol=1e-12)


def test_what_no_condition_keeps_inside_is_factored_as_ever() -> None:
    second = Entry(x, (AT_N, num(1)))  # wrong for K = 1 wherever it stands
    tree = Add((Mul((second, Entry(u, (AT_I,)))), Mul((second, Entry(u, (Ix(j),))))))
    assert isinstance(to_tree(canonical(tree), Letters((tree,), tuple(FREE))), Mul)


# -- gradients ------------------------------------------------------------------------------------------------------


def layers(kind: str, count: int) -> tuple[sn.Tensor, list[sn.Tensor]]:
    """Return a loss over several layers that read shifted entries, and what to differentiate by."""
    rows, wide = sn.dims("N K")
    a, b, c = sn.index("n", rows), sn.index("i", wide), sn.index("k", wide)
    data, kernel, gain = sn.input("x", (rows, wide)), sn.parameter("w", (wide,)), sn.parameter("v", (wide,))
    made = []
    for order in range(count):
        if kind == "kernel":
            body = sn.sum(sn.indicator(b + c < wide) * data[a, b + c] * kernel[c], c) * gain[b] ** order
        else:
            body = sn.sum(sn.indicator(b + c < wide) * kernel[b + c] * gain[c], c) * data[a, b] + order * gain[b]
        made.append(sn.define(f"y{order}", (a, b), body))
    return sn.define("L", (), sn.sum(sum(y[a, b] ** 2 for y in made), a, b)), [kernel, gain]


@pytest.mark.parametrize("count", [2, 4, 5])
@pytest.mark.parametrize("kind", ["kernel", "data"])
def test_gradients_of_layers_put_together_read_inside(kind: str, count: int) -> None:
    """What was seen: four such layers added up gave sum dy x[n, i + k] - sum 1[i + k >= K] dy x[n, i + k]."""
    total, by = layers(kind, count)
    found = backprop(total, by)
    well_formed(found.graph())
    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=(2, 3)), "w": rng.normal(size=3), "v": rng.normal(size=3)}
    program = build([total, *(found.of[p] for p in by)])
    out = program(given)
    for p in by:
        for at in range(3):
            step = {k: v.astype(float) for k, v in given.items()}
            up, down = ({**step, p.name: step[p.name] + s * 1e-5 * np.eye(3)[at]} for s in (1, -1))
            slope = (program(up)["L"] - program(down)["L"]) / 2e-5
            assert out[found.of[p].name][at] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def test_the_machine_refuses_what_is_outside() -> None:
    outside = Mul((Entry(x, (AT_I, AT_I)), Ind(">", Sym(N), AT_I)))
    assert values(outside, MACHINES[0])  # the condition is asked first
    with pytest.raises(IndexError):
        values(Mul((Add((Ind(">", Sym(N), AT_I), num(1))), Entry(x, (AT_I, AT_I)))), MACHINES[0])
