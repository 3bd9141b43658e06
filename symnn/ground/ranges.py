"""Ranges: read what each index runs over off the tensor axes it stands on, and refuse positions outside an axis."""

from __future__ import annotations

from typing import Any

import sympy

from symnn.ground.errors import DefinitionError, ShapeError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size, size_text
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Delta, Entry, Ind, Ix, Mul, Num, Sum, Tree, Where, children, walk

__all__ = ["read_ranges"]

Ranges = dict[Index, tuple[Size, str]]


def read_ranges(name: str, tree: Tree) -> Ranges:
    """Return the size of every index that stands alone on an axis (or is declared), and where that was read.

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
    _inside(name, tree, ranges, guarded=False)
    return ranges


def _read(name: str, i: Index, size: Size, place: str, ranges: Ranges) -> None:
    if i.size is not None:
        ranges.setdefault(i, (i.size, "its own declaration"))
    known = ranges.get(i)
    if known is None:
        ranges[i] = (size, place)
    elif known[0] != size:
        raise ShapeError(
            f"ShapeError in node {name!r}: index {i.letter} runs over {known[0]} on {known[1]} but over {size} on "
            f"{place}.\n  Make the two sizes equal, or use two different indices."
        )


def _label(name: str, position: Entry, at: Entry, size: Size, place: str) -> None:
    classes = position.tensor.classes
    if classes is None:
        raise DefinitionError(
            f"DefinitionError in node {name!r}: {position.tensor.name} is used as an index of {at.tensor.name} but "
            "holds real numbers. Declare it with sn.labels(name, shape, classes)."
        )
    if classes != size:
        raise ShapeError(
            f"ShapeError in node {name!r}: {position.tensor.name} has {classes} classes but indexes {place}.\n"
            "  Make the number of classes equal to that size."
        )


def _inside(name: str, tree: Tree, ranges: Ranges, *, guarded: bool) -> None:
    """Check shifted positions; those that an indicator or a choice guards may leave the axis."""
    if isinstance(tree, Where) or (isinstance(tree, Mul) and any(isinstance(f, Ind | Delta) for f in tree.factors)):
        guarded = True
    if isinstance(tree, Entry) and not guarded:
        for axis, (position, size) in enumerate(zip(tree.at, tree.tensor.shape, strict=True)):
            low, high = _bounds(position, ranges)
            if low is not None and (_always_positive(-low) or _always_positive(high - size + 1)):
                if isinstance(position, Num):
                    raise ShapeError(
                        f"ShapeError in node {name!r}: entry {low} is outside axis {axis} of {tree.tensor.name} "
                        f"{size_text(tree.tensor.shape)}; positions are counted from 0."
                    )
                raise ShapeError(
                    f"ShapeError in node {name!r}: position {to_sympy(position)} runs from {low} to {high}, outside "
                    f"axis {axis} of {tree.tensor.name} {size_text(tree.tensor.shape)}.\n  Give the index a smaller "
                    "size, or multiply by an indicator of the positions that exist."
                )
    for part in children(tree):
        _inside(name, part, ranges, guarded=guarded)


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
