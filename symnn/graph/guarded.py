"""Where a formula reads entries, and under which conditions."""

from __future__ import annotations

from collections.abc import Iterator

from symnn.ground.inequalities import stays_inside
from symnn.ground.tree import Delta, Div, Entry, Ind, Ix, Mul, Neg, Tree, Where, children, walk

__all__ = ["reads", "strays"]


def reads(tree: Tree, guards: tuple[Tree, ...] = ()) -> Iterator[tuple[Entry, tuple[Tree, ...]]]:
    """Yield every entry in a tree with the conditions that hold where it is read.

    A factor that is a condition guards the factors beside it. Of two conditions the one that reads less, indices before
    labels before other entries, guards the other.
    """
    if isinstance(tree, Mul | Div):
        found = _conditions(tree)
        for part in children(tree):
            own = _conditions(part)
            rank = min((_rank(c) for c in own), default=None)
            beside = [c for c in found if c not in own and (rank is None or _rank(c) < rank)]
            yield from reads(part, (*guards, *beside))
        return
    if isinstance(tree, Where):
        yield from reads(tree.condition, guards)
        yield from reads(tree.then, (*guards, *_conditions(tree.condition)))
        yield from reads(tree.other, (*guards, *_opposite(tree.condition)))
        return
    if isinstance(tree, Entry):
        yield tree, guards
    for part in children(tree):
        yield from reads(part, guards)


def strays(tree: Tree) -> bool:
    """Tell whether some entry is not known to be inside its axes where it is read."""
    for entry, guards in reads(tree):
        for position, size in zip(entry.at, entry.tensor.shape, strict=True):
            if isinstance(position, Ix) and position.index.size == size:
                continue
            if isinstance(position, Entry) and position.tensor.classes == size:
                continue
            if not stays_inside(position, size, guards, {}):
                return True
    return False


def _conditions(tree: Tree) -> tuple[Tree, ...]:
    """Return the conditions that hold where a product is not 0."""
    if isinstance(tree, Mul):
        return tuple(c for f in tree.factors for c in _conditions(f))
    if isinstance(tree, Neg):
        return _conditions(tree.body)
    if isinstance(tree, Div):
        return _conditions(tree.num)
    return (tree,) if isinstance(tree, Ind | Delta) else ()


def _opposite(condition: Tree) -> tuple[Tree, ...]:
    if isinstance(condition, Ind) and condition.rel in (">", ">="):
        return (Ind(">=" if condition.rel == ">" else ">", condition.right, condition.left),)
    return ()


def _rank(condition: Tree) -> int:
    """Return how much a condition reads: nothing, labels (the deeper the more), other entries."""
    entries = [t for t in walk(condition) if isinstance(t, Entry)]
    real = sum(t.tensor.classes is None for t in entries)
    return len(entries) + 100 * real
