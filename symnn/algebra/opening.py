"""Open definitions in a tree: which computed tensor first, and its entries replaced by what they are."""

from __future__ import annotations

from symnn.algebra.convert import reaches
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Tree, children
from symnn.ground.tree import rebuild as rebuild_tree

__all__ = ["inline", "outermost"]


def outermost(tree: Tree, allowed: frozenset[Tensor] | None) -> Tensor | None:
    """Return a computed tensor that no other one in the tree is computed from, adjoints first.

    An adjoint's definition mentions forward values, seldom the other way round: opened first, the two sides often
    agree before any forward definition is needed.
    """
    found: dict[Tensor, None] = {}
    stack: list[tuple[Tree, frozenset[Tensor]]] = [(tree, frozenset())]
    while stack:
        at, held = stack.pop()
        if isinstance(at, D):  # what a derivative is taken by stays a variable inside it
            stack.append((at.body, held | {at.wrt.tensor}))
            continue
        if isinstance(at, Entry) and at.tensor.definition is not None and at.tensor not in held:
            if allowed is None or at.tensor in allowed:
                found.setdefault(at.tensor)
        stack.extend((c, held) for c in children(at))
    for t in sorted(found, key=lambda t: t.role != "adjoint"):
        if not any(u is not t and reaches(u, t) for u in found):
            return t
    return None


def inline(tree: Tree, tensors: frozenset[Tensor]) -> Tree:
    """Return the tree with the entries of some computed tensors replaced by their definitions, once."""
    if isinstance(tree, Entry) and tree.tensor in tensors:
        return unfold(tree)
    if isinstance(tree, D):
        return D(inline(tree.body, tensors - {tree.wrt.tensor}), tree.wrt)
    parts = children(tree)
    return rebuild_tree(tree, tuple(inline(p, tensors) for p in parts)) if parts else tree
