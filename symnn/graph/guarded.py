"""Where a formula reads entries, under which conditions, and whether these keep the positions inside the axes.

Conditions are linear inequalities over the integers, judged by elimination.

Source: J. B. J. Fourier 1826, T. S. Motzkin 1936: a system of linear inequalities has no solution exactly where
a nonnegative combination of them reads 0 > 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Add, Delta, Div, Entry, Ind, Ix, Mul, Neg, Num, Sym, Tree, Where, children, rebuild, walk

__all__ = ["reads", "stays_inside", "strays"]

#: More rows than that are not looked at: the answer is then "not known".
_MOST_ROWS = 400

#: {monomial: coefficient}, 1 for the constant; the sum is at least 0.
Row = dict[Any, Fraction]


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


def stays_inside(position: Tree, size: Size, guards: Sequence[Tree], sizes: Mapping[Any, Size]) -> bool:
    """Tell whether 0 <= position < size wherever all guards hold; False also where that is not known.

    Indices lie in their ranges, labels in 0 .. classes - 1, sizes are at least 1; ``sizes`` are the actual ones of a
    template's formal sizes.
    """
    labels: dict[Tree, Index] = {}
    place = _labelled(position, labels)
    if place is None:
        return False
    rows = [row for guard in guards for row in _rows(guard, labels, sizes)]
    at = to_sympy(place)
    outside = (at - size, -1 - at)
    return all(_contradict(_ranged([*rows, _row(map_size(form, sizes))], sizes)) for form in outside)


def _ranged(rows: list[Row], sizes: Mapping[Any, Size]) -> list[Row]:
    """Return rows with the ranges of all indices, labels and sizes in them."""
    rows = list(rows)
    known: set[Any] = set()
    while fresh := {s for row in rows for m in row for s in m.free_symbols} - known:
        for s in sorted(fresh, key=str):
            if isinstance(s, Index):
                if s.size is not None:
                    rows += [_row(s), _row(map_size(s.size, sizes) - 1 - s)]
            elif s.is_integer and s.is_positive:
                rows.append(_row(s - 1))
        known |= fresh
    rows += [_row(m - 1) for m in {m for row in rows for m in row if m.is_Mul and _size(m)}]
    return rows


def _size(monomial: Any) -> bool:
    return all(s.is_integer and s.is_positive and not isinstance(s, Index) for s in monomial.free_symbols)


def _rows(guard: Tree, labels: dict[Tree, Index], sizes: Mapping[Any, Size]) -> list[Row]:
    """Return what a condition says, as far as it is linear in indices, labels and sizes."""
    if not isinstance(guard, Ind | Delta):
        return []
    left, right = (_labelled(side, labels) for side in (guard.left, guard.right))
    if left is None or right is None:
        return []
    apart = sympy.expand(map_size(to_sympy(left) - to_sympy(right), sizes))
    if isinstance(guard, Delta) or guard.rel == "=":
        return [_row(apart), _row(-apart)]
    if guard.rel == ">=":
        return [_row(apart)]
    if guard.rel == ">":
        return [_row(apart - 1 if apart.is_integer else apart)]  # above 0 is at least 1
    return []


def _labelled(tree: Tree, labels: dict[Tree, Index]) -> Tree | None:
    """Return a position with an index in place of every label, or None where it is something else."""
    if isinstance(tree, Entry) and tree.tensor.classes is not None:
        return Ix(labels.setdefault(tree, Index("t", tree.tensor.classes)))
    if isinstance(tree, Ix | Sym | Num):
        return tree
    if not isinstance(tree, Add | Neg | Mul):
        return None
    parts = [_labelled(p, labels) for p in children(tree)]
    return None if any(p is None for p in parts) else rebuild(tree, tuple(p for p in parts if p is not None))


def _row(form: Any) -> Row:
    return {m: Fraction(int(c.p), int(c.q)) for m, c in sympy.expand(form).as_coefficients_dict().items()}


def _contradict(rows: list[Row]) -> bool:
    """Tell whether no values satisfy all rows, taking one unknown after another out of them."""
    one = sympy.S.One
    while unknowns := {m for row in rows for m in row if m != one}:
        taken = min(sorted(unknowns, key=str), key=lambda m: _pairs(rows, m))
        above = [r for r in rows if r.get(taken, 0) > 0]
        below = [r for r in rows if r.get(taken, 0) < 0]
        rest = [r for r in rows if not r.get(taken, 0)]
        if len(rest) + len(above) * len(below) > _MOST_ROWS:
            return False
        rows = rest + [_together(a, b, taken) for a in above for b in below]
    return any(row.get(one, 0) < 0 for row in rows)


def _pairs(rows: list[Row], m: Any) -> int:
    return len([r for r in rows if r.get(m, 0) > 0]) * len([r for r in rows if r.get(m, 0) < 0])


def _together(a: Row, b: Row, taken: Any) -> Row:
    """Return the sum of two rows, each divided by the modulus of a coefficient, which goes."""
    out: Row = {}
    for row in (a, b):
        for m, c in row.items():
            out[m] = out.get(m, Fraction(0)) + c / abs(row[taken])
    return {m: c for m, c in out.items() if c}
