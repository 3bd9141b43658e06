"""From the plain tree to canonical terms; derivatives that a tree still carries are taken here, on terms."""

from __future__ import annotations

from typing import Any

from symnn.algebra.calculus import derivative
from symnn.algebra.constructs import Conversion
from symnn.algebra.terms import Poly
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Tree, children, rebuild

__all__ = ["canonical", "expand", "reaches"]


def canonical(tree: Tree) -> Poly:
    """Return the canonical form of a tree.

    Raises:
        UnsupportedError: a construct the algebra does not have.
        ZeroDivisionError: a denominator that is identically zero.
    """
    return _CONVERSION(tree)


def _taken(pending: D) -> Poly:
    body = canonical(expand(pending.body, pending.wrt.tensor))
    return derivative(body, pending.wrt.tensor, tuple(canonical(p) for p in pending.wrt.at))


_CONVERSION = Conversion(_taken)


def expand(tree: Tree, towards: Tensor, memo: dict[Tensor, bool] | None = None) -> Tree:
    """Return the tree with every tensor that depends on ``towards`` replaced by its definition."""
    memo = {} if memo is None else memo
    if isinstance(tree, Entry) and tree.tensor is not towards and reaches(tree.tensor, towards, memo):
        return expand(unfold(tree), towards, memo)
    parts = children(tree)
    return rebuild(tree, tuple(expand(p, towards, memo) for p in parts)) if parts else tree


def reaches(tensor: Tensor, source: Tensor, memo: dict[Tensor, bool] | None = None) -> bool:
    """Tell whether a tensor is computed, directly or not, from another."""
    memo = {} if memo is None else memo
    stack = [tensor]
    while stack:
        t = stack[-1]
        if t in memo:
            stack.pop()
        elif t is source or t.definition is None:
            memo[t] = t is source
        else:
            waiting: list[Any] = [p for p in t.definition.args if p not in memo]
            if waiting:
                stack.extend(waiting)
            else:
                memo[t] = any(memo[p] for p in t.definition.args)
    return memo[tensor]
