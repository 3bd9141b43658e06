"""What a page's statements rest on besides proofs: their sides as trees, values of both, and how wide they are set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from symnn.graph.flow import FlowGraph
from symnn.ground.define import typed
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import Ind, Tree, free_indices, tensors_in
from symnn.verify.lines import evaluate_pair
from symnn.verify.points import points
from symnn.verify.record import Check

__all__ = ["WIDEST", "seen_everywhere", "typed_chain", "typed_sides", "values_at", "width"]

#: Letters beside which a statement's words still fit.
WIDEST = 48


def width(formula: str) -> int:
    """Return about how many letters wide a formula is set."""
    return len(re.sub(r"\\(?:left|right|frac|mathbb|[,;! ])|\\(?=[A-Za-z])|[{}_^ ]", "", formula))


def values_at(left: Tree, right: Tree, count: int = 4) -> Check:
    """Return how two sides compare at random points in 50 digits; every fourth point has sizes of 1."""
    return evaluate_pair(left, right, count=count, digits=50)


def typed_sides(left: Any, right: Any) -> tuple[Tree, Tree]:
    """Return two sides with the ranges of their indices read from use."""
    a, b = typed_chain((left, right))
    return a, b


def typed_chain(expressions: Sequence[Any]) -> tuple[Tree, ...]:
    """Return expressions over common indices with the ranges of these read from their use in any of them."""
    trees = [from_sympy(e) for e in expressions]
    chain = trees[-1]
    for tree in reversed(trees[:-1]):
        chain = Ind("=", tree, chain)
    _, made = typed("claim", free_indices(chain), chain)
    out: list[Tree] = []
    for _ in trees[:-1]:
        assert isinstance(made, Ind)
        out.append(made.left)
        made = made.right
    return (*out, made)


def seen_everywhere(left: Tree, right: Tree, count: int, seed: int) -> Check:
    """Return whether left >= right at random points."""
    graph = FlowGraph((*tensors_in(left), *tensors_in(right)))
    sides = to_sympy(left), to_sympy(right)
    least = float("inf")
    for point in points(graph, count, seed=seed):
        machine = point.interpreter(30)
        a, b = (machine.value(side) for side in sides)
        if a < b:
            where = ", ".join(f"{s}={v}" for s, v in point.sizes.items())
            return Check("refuted", f"false at {where}: {float(a):.6g} < {float(b):.6g}", points=count)
        least = min(least, float(a - b))
    return Check("evaluated", f"true at all {count} random points, closest {least:.2g} above; not proved", points=count)
