"""Arrays of a formula: a shape, and what stands at every position; broadcasting, products and sums as in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.errors import ShapeError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size, size_text
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Div, Entry, Ix, Num, Sum, Tree, mul, num

__all__ = ["Array", "Sizes", "broadcast", "matmul", "number", "of_tensor", "pointwise", "reduced", "transposed"]

At = tuple[Tree, ...]


@dataclass(frozen=True)
class Array:
    """What a part of a formula stands for.

    Attributes:
        shape: the size of each axis.
        at: the entry at a position, one index expression per axis.
        truth: entries are 0 or 1.
        classes: entries are whole numbers from 0 on, below this; else None.
        tensor: the tensor whose entries these are, position by position, where it is one.
        letters: what the indices of its axes are called.
        value: the number that it is, where it is a plain one.
    """

    shape: tuple[Size, ...]
    at: Callable[[At], Tree]
    truth: bool = False
    classes: Size | None = None
    tensor: Tensor | None = None
    letters: tuple[str, ...] = ()
    value: Fraction | None = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def letter(self, axis: int) -> str:
        """Return what the index of an axis is called."""
        return self.letters[axis] if len(self.letters) == self.rank and self.letters[axis] else "ijklmn"[axis % 6]


@dataclass
class Sizes:
    """Which sizes are equal; ``open`` ones are made equal where that is needed."""

    open: bool = False
    bound: dict[Any, Size] = field(default_factory=dict)

    def find(self, size: Size) -> Size:
        """Return what a size was found to be."""
        while size in self.bound:
            size = self.bound[size]
        if self.open and size.free_symbols and not size.is_Symbol:
            inner = {s: self.find(s) for s in size.free_symbols if s in self.bound}
            return map_size(size, inner)
        return size

    def fresh(self, name: str) -> Size:
        """Return a size still to be found."""
        return sympy.Dummy(name, integer=True, positive=True)

    def same(self, a: Size, b: Size) -> bool:
        """Tell whether two sizes are equal, made so where one is still to be found."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return True
        if self.open:
            for one, other in ((a, b), (b, a)):
                if isinstance(one, sympy.Dummy) and one not in other.free_symbols:
                    self.bound[one] = other
                    return True
        return bool(sympy.expand(a - b) == 0)


ONE = sympy.Integer(1)


def number(value: Fraction | int) -> Array:
    """Return a plain number."""
    made = Fraction(value)
    return Array((), lambda at: _numeral(made), value=made)


def _numeral(value: Fraction) -> Tree:
    from symnn.ground.tree import number as shown

    return shown(value)


def of_tensor(t: Tensor) -> Array:
    """Return a tensor as an array."""
    return Array(t.shape, lambda at: Entry(t, at), classes=t.classes, tensor=t, letters=t.letters)


def broadcast(sizes: Sizes, what: str, *parts: Array) -> tuple[Size, ...]:
    """Return the shape of an operation entry by entry, axes counted from the right, an axis of 1 repeated.

    Raises:
        ShapeError: two sizes differ.
    """
    rank = max(p.rank for p in parts)
    out: list[Size] = []
    for axis in range(rank):
        found = ONE
        for p in parts:
            place = axis - (rank - p.rank)
            size = ONE if place < 0 else sizes.find(p.shape[place])
            if size == ONE:
                continue
            if found == ONE:
                found = size
            elif not sizes.same(found, size):
                shapes = " and ".join(size_text(tuple(map(sizes.find, q.shape))) for q in parts)
                raise ShapeError(f"{what} of shapes {shapes}: axis {axis} is {found} in one and {size} in another.")
        out.append(found)
    return tuple(out)


def placed(p: Array, at: At) -> Tree:
    """Return the entry of an array that is broadcast to more axes, at a position there."""
    own = at[len(at) - p.rank :]
    return p.at(tuple(num(0) if s == ONE else q for s, q in zip(p.shape, own, strict=True)))


def pointwise(sizes: Sizes, what: str, build: Callable[..., Tree], *parts: Array, truth: bool = False) -> Array:
    """Return an operation entry by entry, broadcast."""
    shape = broadcast(sizes, what, *parts)
    return Array(shape, lambda at: build(*(placed(p, at) for p in parts)), truth=truth, letters=_letters(shape, parts))


def _letters(shape: tuple[Size, ...], parts: Sequence[Array]) -> tuple[str, ...]:
    out = [""] * len(shape)
    for p in parts:
        for n in range(p.rank):
            place = len(shape) - p.rank + n
            if not out[place] and p.shape[n] != ONE and len(p.letters) == p.rank:
                out[place] = p.letters[n]
    return tuple(out)


def transposed(p: Array, order: Sequence[int] | None = None) -> Array:
    """Return an array with its axes in another order, by default reversed."""
    order = tuple(reversed(range(p.rank))) if order is None else tuple(order)
    back = [order.index(n) for n in range(p.rank)]
    letters = tuple(p.letters[n] for n in order) if len(p.letters) == p.rank else ()
    return replace(
        p, shape=tuple(p.shape[n] for n in order), at=lambda at: p.at(tuple(at[b] for b in back)), tensor=None,
        letters=letters,
    )  # fmt: skip


def reduced(p: Array, axes: Sequence[int], *, keep: bool = False, mean: bool = False) -> Array:
    """Return an array summed, or averaged, over some axes."""
    axes = sorted(axes)
    left = [n for n in range(p.rank) if n not in axes]
    shape = tuple(ONE if n in axes else p.shape[n] for n in range(p.rank) if keep or n not in axes)
    letters = tuple(p.letter(n) for n in range(p.rank) if keep or n not in axes)

    def entry(at: At) -> Tree:
        given = dict(enumerate(at)) if keep else dict(zip(left, at, strict=True))
        made = {n: Index(p.letter(n), p.shape[n]) for n in axes}
        body = p.at(tuple(Ix(made[n]) if n in made else given[n] for n in range(p.rank)))
        for n in reversed(axes):
            body = Sum(made[n], body)
        if not mean:
            return body
        return Div(body, mul(*(from_sympy(p.shape[n]) for n in axes))) if axes else body

    return Array(shape, entry, letters=letters)


def matmul(sizes: Sizes, a: Array, b: Array) -> Array:
    """Return a @ b: dot products over the last axis of a and the last but one of b (the last of a vector).

    Raises:
        ShapeError: the sizes summed over differ, or one side is a number.
    """
    if not a.rank or not b.rank:
        raise ShapeError("@ takes vectors and matrices, found a number. Write * for that.")
    inner, other = sizes.find(a.shape[-1]), sizes.find(b.shape[-2] if b.rank > 1 else b.shape[0])
    if not sizes.same(inner, other):
        raise ShapeError(
            f"@ of shapes {size_text(tuple(map(sizes.find, a.shape)))} and "
            f"{size_text(tuple(map(sizes.find, b.shape)))}: it sums over {inner} on the left and over {other} on the "
            f"right.{_turned(sizes, a, b)}"
        )
    rows, columns = a.rank > 1, b.rank > 1
    one = Array(a.shape[:-2], lambda at: num(0), letters=a.letters[:-2] if a.letters else ())
    two = Array(b.shape[:-2], lambda at: num(0), letters=b.letters[:-2] if b.letters else ())
    batch = broadcast(sizes, "@", one, two) if a.rank > 2 or b.rank > 2 else ()
    shape = (*batch, *((a.shape[-2],) if rows else ()), *((b.shape[-1],) if columns else ()))
    letters = (
        *_letters(batch, (one, two)), *((a.letter(a.rank - 2),) if rows else ()),
        *((b.letter(b.rank - 1),) if columns else ()),
    )  # fmt: skip

    def entry(at: At) -> Tree:
        k = Index(a.letter(a.rank - 1), a.shape[-1])
        lead, rest = at[: len(batch)], list(at[len(batch) :])
        left = (rest.pop(0),) if rows else ()
        right = (rest.pop(0),) if columns else ()
        return Sum(k, mul(_part(a, lead, (*left, Ix(k))), _part(b, lead, (Ix(k), *right))))

    return Array(shape, entry, letters=letters)


def _turned(sizes: Sizes, a: Array, b: Array) -> str:
    if a.rank == 2 and b.rank == 2:
        if sizes.find(a.shape[0]) == sizes.find(b.shape[0]):
            return " The left one transposed would fit, x.T @ y."
        if sizes.find(a.shape[1]) == sizes.find(b.shape[1]):
            return " The right one transposed would fit, x @ y.T."
    return ""


def _part(p: Array, lead: At, own: At) -> Tree:
    count = p.rank - len(own)
    front = lead[len(lead) - count :] if count else ()
    return p.at(tuple(num(0) if s == ONE else q for s, q in zip(p.shape, (*front, *own), strict=True)))


def is_number(tree: Tree, value: int) -> bool:
    """Tell whether a tree is a plain number."""
    return isinstance(tree, Num) and tree.value == value
