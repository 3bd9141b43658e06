"""Whether conditions keep a position inside its axis: linear inequalities over the integers, judged by elimination.

Source: J. B. J. Fourier 1826, T. S. Motzkin 1936: a system of linear inequalities has no solution exactly where
a nonnegative combination of them reads 0 > 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Add, Delta, Entry, Ind, Ix, Mul, Neg, Num, Sym, Tree, children, rebuild

__all__ = ["stays_inside"]

#: More rows than that are not looked at: the answer is then "not known".
_MOST_ROWS = 400

#: {monomial: coefficient}, 1 for the constant; the sum is at least 0.
Row = dict[Any, Fraction]


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
