"""Ranges: read what each index runs over off the tensor axes it stands on, and refuse positions outside an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from symnn.ground.errors import DefinitionError, ShapeError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size, size_text
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Delta, Entry, Ind, Ix, Mul, Neg, Num, Sum, Tree, Where, children, walk

__all__ = ["guarded_entries", "read_ranges"]

Ranges = dict[Index, tuple[Size, str]]


def read_ranges(name: str, tree: Tree) -> Ranges:
    """Return the size of every index that stands alone on an axis (or is declared), and where that was read.

    An index that stands on no axis and is compared with a label ranges over its classes.

    Raises:
        ShapeError: one index runs over two sizes, or a position is outside its axis whatever the sizes are.
        DefinitionError: a real tensor is used as an index.
    """
    ranges: Ranges = {}
    for at in walk(tree):
        if isinstance(at, Sum) and at.index.size is not None:
            ranges.setdefault(at.index, (at.index.size, "its own declaration"))
        if isinstance(at, Entry):
            for axis, (position, size) in enumerate(zip(at.at, at.tensor.shape, strict=True)):
                place = f"axis {axis} of {at.tensor.name} {size_text(at.tensor.shape)}"
                if isinstance(position, Ix):
                    _read(name, position.index, size, place, ranges)
                elif isinstance(position, Entry):
                    _label(name, position, at, size, place)
    for at in walk(tree):
        if isinstance(at, Delta):
            for i, label in ((at.left, at.right), (at.right, at.left)):
                if isinstance(i, Ix) and i.index.size is None and isinstance(label, Entry):
                    if label.tensor.classes is not None:
                        ranges.setdefault(i.index, (label.tensor.classes, f"the classes of {label.tensor.name}"))
    for entry, guards in guarded_entries(tree):
        _inside(name, entry, ranges, guards)
    return ranges


def _read(name: str, i: Index, size: Size, place: str, ranges: Ranges) -> None:
    if i.size is not None:
        ranges.setdefault(i, (i.size, "its own declaration"))
    known = ranges.get(i)
    if known is None:
        ranges[i] = (size, place)
    elif known[0] != size:
        raise ShapeError(
            f"In node {name!r}: index {i.letter} runs over {known[0]} on {known[1]} but over {size} on "
            f"{place}.\n  Make the two sizes equal, or use two different indices."
        )


def _label(name: str, position: Entry, at: Entry, size: Size, place: str) -> None:
    classes = position.tensor.classes
    if classes is None:
        raise DefinitionError(
            f"In node {name!r}: {position.tensor.name} is used as an index of {at.tensor.name} but "
            "holds real numbers. Declare it with sn.labels(name, shape, classes)."
        )
    if classes != size:
        raise ShapeError(
            f"In node {name!r}: {position.tensor.name} has {classes} classes but indexes {place}.\n"
            "  Make the number of classes equal to that size."
        )


def guarded_entries(tree: Tree, guards: tuple[Tree, ...] = ()) -> Iterator[tuple[Entry, tuple[Tree, ...]]]:
    """Yield every entry with the indicators and choices around it that hold where it is read."""
    if isinstance(tree, Mul):
        guards = (*guards, *(f for f in tree.factors if isinstance(f, Ind | Delta)))
    if isinstance(tree, Where):
        yield from guarded_entries(tree.condition, guards)
        yield from guarded_entries(tree.then, (*guards, *_conjuncts(tree.condition)))
        yield from guarded_entries(tree.other, (*guards, Neg(tree.condition)))
        return
    if isinstance(tree, Entry):
        yield tree, guards
    for part in children(tree):
        yield from guarded_entries(part, guards)


def _inside(name: str, at: Entry, ranges: Ranges, guards: tuple[Tree, ...]) -> None:
    """Check an entry's shifted positions, together with what must hold there."""
    for axis, (position, size) in enumerate(zip(at.at, at.tensor.shape, strict=True)):
        low, high = _guarded(position, ranges, guards)
        if low is not None and (_always_positive(-low) or _always_positive(high - size + 1)):
            if isinstance(position, Num):
                raise ShapeError(
                    f"In node {name!r}: entry {low} is outside axis {axis} of {at.tensor.name} "
                    f"{size_text(at.tensor.shape)}; positions are counted from 0."
                )
            raise ShapeError(
                f"In node {name!r}: position {to_sympy(position)} runs from {low} to {high}"
                f"{' where the indicator is 1' if guards else ''}, outside axis {axis} of {at.tensor.name} "
                f"{size_text(at.tensor.shape)}.\n  Give the index a smaller size, or multiply by an indicator of "
                "the positions that exist."
            )


def _conjuncts(condition: Tree) -> tuple[Tree, ...]:
    return condition.factors if isinstance(condition, Mul) else (condition,)


def _guarded(position: Tree, ranges: Ranges, guards: tuple[Tree, ...]) -> tuple[Any, Any]:
    """Return the least and the largest value of a position where all guards hold, or (None, None) if not known.

    Known are guards that compare with something constant what differs from the position, or from its negative, by a
    constant only: p >= a or p <= b. The tighter of two bounds must be so for all sizes.
    """
    low, high = _bounds(position, ranges)
    if low is None or not guards:
        return low, high
    p = sympy.expand(to_sympy(position))
    if not any(isinstance(s, Index) for s in p.free_symbols) or not _in_unit_steps(p):
        return None, None
    for guard in guards:
        if not isinstance(guard, Ind | Delta):
            return None, None
        relation = "=" if isinstance(guard, Delta) else guard.rel
        d = sympy.expand(to_sympy(guard.left) - to_sympy(guard.right))  # d > 0, d >= 0 or d = 0 holds
        step = 1 if relation == ">" else 0
        over, under = sympy.expand(p - d) + step, sympy.expand(p + d) - step
        rising, falling = _constant(over), _constant(under)
        if relation == "!=" or not rising and not falling:
            return None, None
        if rising or relation == "=":
            low = _tighter(low, over if rising else under, 1)
        if falling or relation == "=":
            high = _tighter(high, under if falling else over, -1)
        if low is None or high is None:
            return None, None
    return (low, high) if sympy.expand(high - low).is_nonnegative else (None, None)


def _in_unit_steps(p: Any) -> bool:
    """Tell whether an affine position takes every whole number between its least and its largest value."""
    return all(abs(p.coeff(i)) == 1 for i in p.free_symbols if isinstance(i, Index))


def _constant(value: Any) -> bool:
    return not value.has(sympy.Indexed, sympy.Function) and all(
        s.is_integer and not isinstance(s, Index) for s in value.free_symbols
    )


def _tighter(a: Any, b: Any, sign: int) -> Any:
    """Return the larger (sign 1) or smaller (sign -1) of two bounds, or None where that depends on the sizes."""
    more = sympy.expand(sign * (b - a))
    return b if more.is_nonnegative else a if more.is_nonpositive else None


def _bounds(position: Tree, ranges: Ranges) -> tuple[Any, Any]:
    """Return the least and the largest value of an affine position, or (None, None) where it is not affine."""
    if isinstance(position, Num):
        value = to_sympy(position)
        return value, value
    if isinstance(position, Ix | Entry):
        return None, None
    expression = sympy.expand(to_sympy(position))
    low = high = expression
    for i in sorted((s for s in expression.free_symbols if isinstance(s, Index)), key=str):
        size = ranges[i][0] if i in ranges else i.size
        slope = expression.coeff(i)
        if (
            size is None
            or not slope.is_Integer
            or any(t.has(i) and t != slope * i for t in expression.as_ordered_terms())
        ):
            return None, None
        first, last = (0, size - 1) if slope > 0 else (size - 1, 0)
        low, high = (
            map_size(low, {i: sympy.sympify(first, strict=True)}),
            map_size(high, {i: sympy.sympify(last, strict=True)}),
        )
    return (None, None) if low.has(sympy.Indexed) else (sympy.expand(low), sympy.expand(high))


def _always_positive(value: Any) -> bool:
    return bool(sympy.expand(value).is_positive)
