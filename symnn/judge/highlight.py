r"""Where two formulas differ: what has no equal in the other one is framed, ``\boxed{...}``, in both.

Sums are compared term by term, products factor by factor, and what is left over on both sides alone is looked into.
Parts are equal where a proof says so, so that a named gradient on one side equals its formula on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symnn.algebra.prove import inline, prove_equal
from symnn.ground.errors import SymnnError
from symnn.ground.substitute import substitute
from symnn.ground.tree import Add, Div, Entry, Fn, Ix, Mul, Neg, Num, Sum, Tree, children, rebuild
from symnn.show.latex_notation import FRAMED

__all__ = ["highlighted"]

#: Products that one comparison of parts may take, and how many parts are compared at most.
_BUDGET = 20_000
_MOST_PARTS = 8
_Path = tuple[int, ...]


def highlighted(one: Tree, other: Tree) -> tuple[Tree, Tree]:
    """Return both formulas with what has no equal in the other one framed."""
    return _differing(one, other) or (one, other)


def _framed(tree: Tree) -> Tree:
    return Fn(FRAMED, (tree,))


def _equal(a: Tree, b: Tree) -> bool:
    if a == b:
        return True
    try:
        return bool(prove_equal(a, b, derive=True, budget=_BUDGET))
    except (SymnnError, RecursionError, ArithmeticError):
        return False


def _differing(a: Tree, b: Tree) -> tuple[Tree, Tree] | None:
    """Return both with their differences framed, or None where they are equal."""
    if _equal(a, b):
        return None
    if isinstance(a, Neg) and isinstance(b, Neg):
        inside = _differing(a.body, b.body)
        return None if inside is None else (Neg(inside[0]), Neg(inside[1]))
    if isinstance(a, Sum) and isinstance(b, Sum) and a.index.size == b.index.size:
        body = substitute(b.body, indices={b.index: Ix(a.index)})
        inside = _differing(a.body, body)
        if inside is not None:
            return Sum(a.index, inside[0]), Sum(a.index, inside[1])
    for parts in (_terms, _factors):
        found = _matched(a, b, parts)
        if found is not None:
            return found
    return _opened(a, b) or (_framed(a), _framed(b))


def _opened(a: Tree, b: Tree) -> tuple[Tree, Tree] | None:
    """Return both with the definition of a named gradient in place of it, where that shows less that differs."""
    for one, other, turned in ((b, a, True), (a, b, False)):
        if isinstance(one, Entry) and one.tensor.role == "adjoint" and not isinstance(other, Entry):
            inside = _differing(inline(one, frozenset((one.tensor,))), other)
            if inside is not None and not any(isinstance(part, Fn) and part.name == FRAMED for part in inside):
                return (inside[1], inside[0]) if turned else inside
    return None


def _matched(a: Tree, b: Tree, parts: Callable[[Tree], list[tuple[_Path, bool]]]) -> tuple[Tree, Tree] | None:
    """Return both with the parts framed that have no equal, or None where no part has one."""
    left, right = parts(a), parts(b)
    if max(len(left), len(right)) > _MOST_PARTS or len(left) + len(right) < 3:
        return None
    loose, free = list(left), list(right)
    for path, turned in left:
        for other in free:
            if other[1] == turned and _equal(_at(a, path), _at(b, other[0])):
                loose.remove((path, turned))
                free.remove(other)
                break
    if len(loose) == len(left):
        return None
    if len(loose) == len(free) == 1 and loose[0][1] == free[0][1]:
        inside = _differing(_at(a, loose[0][0]), _at(b, free[0][0]))
        if inside is not None:
            return _put(a, loose[0][0], inside[0]), _put(b, free[0][0], inside[1])
    return _all_framed(a, loose), _all_framed(b, free)


def _all_framed(tree: Tree, parts: Sequence[tuple[_Path, bool]]) -> Tree:
    for path, _ in parts:
        tree = _put(tree, path, _framed(_at(tree, path)))
    return tree


def _terms(tree: Tree, path: _Path = ()) -> list[tuple[_Path, bool]]:
    """Return the places of the terms, and whether each is taken away."""
    if isinstance(tree, Add):
        return [t for n, part in enumerate(tree.terms) for t in _terms(part, (*path, n))]
    if isinstance(tree, Neg):
        return [(p, not turned) for p, turned in _terms(tree.body, (*path, 0))]
    return [(path, False)]


def _factors(tree: Tree, path: _Path = ()) -> list[tuple[_Path, bool]]:
    """Return the places of the factors, and whether each is divided by; 1 is none."""
    if isinstance(tree, Mul):
        return [f for n, part in enumerate(tree.factors) for f in _factors(part, (*path, n))]
    if isinstance(tree, Neg):
        return _factors(tree.body, (*path, 0))
    if isinstance(tree, Div):
        below = [(p, not turned) for p, turned in _factors(tree.den, (*path, 1))]
        return [*_factors(tree.num, (*path, 0)), *below]
    if isinstance(tree, Num) and tree.value == 1:
        return []
    return [(path, False)]


def _at(tree: Tree, path: _Path) -> Tree:
    for n in path:
        tree = children(tree)[n]
    return tree


def _put(tree: Tree, path: _Path, new: Tree) -> Tree:
    if not path:
        return new
    parts = list(children(tree))
    parts[path[0]] = _put(parts[path[0]], path[1:], new)
    return rebuild(tree, tuple(parts))
