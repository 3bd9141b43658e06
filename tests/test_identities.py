"""Every record of the identity table: true by the interpreter, decided by the algebra, and no more than it says."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy

from symnn.algebra.identities import EVEN, IDENTITIES, ODD, THROUGH_EXP, Identity
from symnn.algebra.prove import prove_equal
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import LabelError
from symnn.ground.functions import sum_over
from symnn.ground.indices import Index
from symnn.ground.sizes import dims
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor, input, permutation
from symnn.ground.tree import Ix, Sum, Sym, Tree, free_indices, tensors_in, walk
from tests.oracle import all_points

BY_NAME = {rule.name: rule for rule in IDENTITIES}
#: Values where cases meet, and generic ones.
EDGES = (-1.0, 0.0, 1.0, 0.375)


def tree_of(side: Any) -> Tree:
    return from_sympy(sympy.sympify(side))


def sizes_of(*sides: Tree) -> list[Any]:
    found: dict[Any, None] = {}
    for at in (t for side in sides for t in walk(side)):
        if isinstance(at, Sum | Ix):
            found |= dict.fromkeys(sorted(at.index.size.free_symbols, key=str))
        if isinstance(at, Sym) and at.symbol.is_integer:
            found.setdefault(at.symbol)
    for t in (t for side in sides for t in tensors_in(side)):
        for size in t.shape:
            found |= dict.fromkeys(sorted(size.free_symbols, key=str))
    return list(found)


def reals_of(*sides: Tree) -> list[Any]:
    found = {at.symbol for side in sides for at in walk(side) if isinstance(at, Sym) and not at.symbol.is_integer}
    return sorted(found, key=str)


def drawn(t: Tensor, sizes: dict[Any, int], rng: np.random.Generator) -> Any:
    shape = tuple(size_value(s, sizes) for s in t.shape)
    if t.bijective:
        return rng.permutation(shape[0])
    if t.classes is not None:
        return rng.integers(0, size_value(t.classes, sizes), shape)
    values = rng.integers(-8, 9, shape) / 8
    return np.abs(values) + 0.25 if t.positive else values


def value(side: Any, machine: Interpreter, at: dict[Any, int]) -> float | None:
    """Return the value of a side, None where it has none."""
    try:
        return float(machine.value(sympy.sympify(side), at))
    except (ArithmeticError, ValueError, TypeError):
        return None


def points(rule: Identity) -> Any:
    """Yield machines and positions: small sizes with 1 among them, edges of the real symbols, random ones."""
    sides = tree_of(rule.left), tree_of(rule.right)
    rng = np.random.default_rng(3)
    symbols, reals = sizes_of(*sides), reals_of(*sides)
    tensors = tuple(dict.fromkeys(t for side in sides for t in tensors_in(side)))
    free = sorted({*free_indices(sides[0]), *free_indices(sides[1])}, key=lambda q: q.letter)
    for counts in product((1, 2, 3), repeat=len(symbols)):
        sizes = dict(zip(symbols, counts, strict=True))
        grid = list(product(EDGES, repeat=len(reals)))
        chosen = [grid[n] for n in rng.permutation(len(grid))[:40]]
        for found in [*chosen, tuple(rng.normal(size=len(reals)))]:
            named = {s: abs(x) + 0.125 if s.is_positive else x for s, x in zip(reals, found, strict=True)}
            machine = Interpreter({**sizes, **named}, {t: drawn(t, sizes, rng) for t in tensors})
            for at in all_points(free, sizes):
                yield machine, at


@pytest.mark.parametrize("name", BY_NAME)
def test_an_identity_holds_by_the_interpreter(name: str) -> None:
    rule = BY_NAME[name]
    seen = 0
    for machine, at in points(rule):
        left, right = value(rule.left, machine, at), value(rule.right, machine, at)
        if left is None or right is None:
            assert rule.condition or left is right, f"{name}: only one side exists at {machine.sizes}, {at}"
            continue
        seen += 1
        assert abs(left - right) <= 1e-9 * max(1, abs(left)), f"{name}: {left} and {right} at {machine.sizes}, {at}"
    assert seen > 0


@pytest.mark.parametrize("name", BY_NAME)
def test_the_algebra_decides_an_identity(name: str) -> None:
    rule = BY_NAME[name]
    left, right = tree_of(rule.left), tree_of(rule.right)
    proof = prove_equal(left, right)
    assert proof, f"{proof.reason}: {proof.difference}"
    assert prove_equal(right, left)


@pytest.mark.parametrize("name", [rule.name for rule in IDENTITIES if rule.without is not None])
def test_without_its_condition_an_identity_is_not_proved(name: str) -> None:
    rule = BY_NAME[name]
    assert rule.without is not None
    left, right, where = rule.without
    sides = tree_of(left), tree_of(right)
    assert not prove_equal(*sides), name
    sizes = {s: v for s, v in where.items() if isinstance(s, sympy.Symbol) and not isinstance(s, Index)}
    rng = np.random.default_rng(1)
    tensors = dict.fromkeys(t for side in sides for t in tensors_in(side))
    values = {t: np.asarray(where[t]) if t in where else drawn(t, sizes, rng) + 0.5 for t in tensors}
    machine = Interpreter(sizes, values)
    at = {s: v for s, v in where.items() if isinstance(s, Index)}
    one, two = value(left, machine, at), value(right, machine, at)
    assert one is not None or two is not None
    assert one is None or two is None or abs(one - two) > 1e-3, f"{name}: no counterexample, {one} and {two}"


def test_every_record_says_where_it_is_from() -> None:
    assert len(BY_NAME) == len(IDENTITIES) > 80
    assert all(rule.source and rule.room for rule in IDENTITIES)
    assert {"tanh", "erf", "sin"} <= ODD and {"cos", "cosh"} == EVEN
    assert {"tanh", "sinh", "cosh", "asinh"} == set(THROUGH_EXP)


def test_only_a_permutation_is_accepted_for_one() -> None:
    K = dims("K")
    pi, f, k = permutation("pi", K), input("f", (K,)), Index("k", K)
    body = sum_over(f[pi[k]], k)
    machine = Interpreter({K: 3}, {pi: np.array([2, 0, 1]), f: np.arange(3.0)})
    assert machine.value(body) == 3
    with pytest.raises(LabelError, match="permutation"):
        Interpreter({K: 3}, {pi: np.array([2, 0, 2]), f: np.arange(3.0)})
    g = input("g", (K,))
    assert not prove_equal(from_sympy(sum_over(f[pi[k]] * g[k], k)), from_sympy(sum_over(f[k] * g[k], k)))
