"""Positions between square brackets: single ones, ranges, new axes, arrays of positions, as in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.ground.indices import Index
from symnn.ground.sizes import as_size
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import Add, Entry, Neg, Tree, free_indices, walk
from symnn.language.arrays import ONE as SINGLE
from symnn.language.arrays import Array, placed, pointwise
from symnn.language.operators import Operators
from symnn.language.syntax import Dots, Item, NewAxis, Node, Range

__all__ = ["Brackets"]

At = tuple[Tree, ...]
#: A range that is empty on axes as long as this is empty on all.
_LARGE = 10**9


class Brackets(Operators):
    """Meaning of what stands between square brackets."""

    def _item(self, node: Item) -> Array:
        body = self.value(node.body)
        out_shape: list[Any] = []
        letters: list[str] = []
        #: per axis of the body
        plan: list[_Part | Array] = []
        #: per item: it is a position, or an array of positions
        given: list[bool] = []
        axis = 0
        for item in self._spread(node, body.rank):
            given.append(not isinstance(item, NewAxis | Range))
            if isinstance(item, NewAxis):
                out_shape.append(SINGLE)
                letters.append("")
                continue
            if isinstance(item, Range):
                start, size, step = self._slice(item, body.shape[axis])
                plan.append(_Part(start, step, len(out_shape)))
                out_shape.append(size)
                letters.append(body.letter(axis))
            else:
                chosen = self._position(item, body.shape[axis], node)
                if not chosen.rank and not self.dry:
                    self.inside(chosen.at(()), body, axis, node)
                if chosen.rank and None not in out_shape:
                    out_shape.append(None)
                    letters.append("")
                plan.append(chosen)
            axis += 1
        arrays = [p for p in plan if isinstance(p, Array) and p.rank]
        if not arrays:
            at = self._taken(node, body, plan, None, 0)
            return Array(tuple(out_shape), at, body.truth, body.classes, letters=tuple(letters))
        spread = pointwise(self.sizes, "indices", lambda *u: u[0], *arrays)
        first = out_shape.index(None)
        if first and not _consecutive(given):
            raise self.error("arrays of positions stand apart: put them side by side.", node)
        shape = (*out_shape[:first], *spread.shape, *out_shape[first + 1 :])
        names = (*letters[:first], *(spread.letter(n) for n in range(spread.rank)), *letters[first + 1 :])
        return Array(shape, self._taken(node, body, plan, spread, first), body.truth, body.classes, letters=names)

    def _taken(
        self, node: Node, body: Array, plan: Sequence[_Part | Array], spread: Array | None, first: int
    ) -> Callable[[At], Tree]:
        """Return the entries at what a plan takes of each axis; arrays of positions are axes of the result from first.

        Raises:
            FormulaError: an index letter, which has the range of the whole axis, stands on a part.
        """
        extra = 0 if spread is None else spread.rank - 1

        def entry(at: At) -> Tree:
            inner = at[first : first + extra + 1] if spread is not None else ()
            out: list[Tree] = []
            for part in plan:
                if isinstance(part, Array):
                    out.append(placed(part, inner))
                    continue
                position = at[part.place + (extra if spread is not None and part.place > first else 0)]
                if not part.whole and any(i.size is None for i in free_indices(position)):
                    reason = "an index letter stands on a part of an axis."
                    raise self.error(reason, node, "Write its position on the whole axis, x[n + 1] for x[1:][n].")
                out.append(part.at(position))
            return body.at(tuple(out))

        return entry

    def _spread(self, node: Item, rank: int) -> list[Node]:
        used = sum(not isinstance(i, NewAxis | Dots) for i in node.items)
        if used > rank:
            raise self.error(f"{used} positions are given for {rank} axes.", node)
        dots = [n for n, i in enumerate(node.items) if isinstance(i, Dots)]
        if len(dots) > 1:
            raise self.error("... stands twice between the brackets.", node)
        place = dots[0] if dots else len(node.items)
        whole: list[Node] = [Range(node.span, None, None, None)] * (rank - used)
        return [*node.items[:place], *whole, *node.items[place + len(dots) :]]

    def _slice(self, item: Range, size: Any) -> tuple[Tree | None, Any, int]:
        """Return (start, size, step) of a range on an axis; start is None for a whole axis as it stands."""
        step = 1 if item.step is None else self._whole_number(item.step)
        if step == -1 and item.start is None and item.stop is None:
            return from_sympy(size - 1), size, -1
        if step != 1:
            raise self.error("only the steps 1 and, for a whole axis, -1 are known.", item)
        start = sympy.Integer(0) if item.start is None else self._end(item.start, size)
        stop = size if item.stop is None else self._end(item.stop, size)
        length = sympy.expand(stop - start)
        if length == size:
            return None, size, 1
        if self.dry:
            raise self.error(
                "a forward formula takes whole axes or single entries of them, not parts.", item,
                "Multiply by a condition in place of it, x * (arange(N) > 0)[:, None].",
            )  # fmt: skip
        for end in (start, stop):
            if not end.free_symbols <= size.free_symbols or (size - end).is_negative:
                raise self.error(f"an axis of {size} is not known to reach as far as {end}.", item)
        if not map_size(length, dict.fromkeys(length.free_symbols, sympy.Integer(_LARGE))) > 0:
            raise self.error(f"from {start} to {stop} there is nothing on an axis of {size}.", item)
        return from_sympy(start), as_size(length), 1

    def _end(self, node: Node, size: Any) -> Any:
        """Return where a range begins or ends; below 0 it is counted from the end of the axis."""
        value = to_sympy(self._scalar(node))
        if not value.is_integer or any(isinstance(s, Index) for s in value.free_symbols):
            raise self.error("a range is from one whole number, or size, to another.", node)
        return size + value if value.is_negative else value

    def _position(self, item: Node, size: Any, node: Node) -> Array:
        x = self.value(item)
        if x.truth:
            raise self.error("what a condition picks is a number of entries that is not known. Multiply by it.", item)
        if x.value is not None:
            if x.value.denominator != 1:
                raise self.error("a position is a whole number.", item)
            if x.value < 0:
                return Array((), lambda at: from_sympy(size + int(x.value or 0)))
            return x
        if not x.rank and not _may_be_whole(x.at(())):
            raise self.error("a position is a whole number.", item)
        if x.rank and x.classes is None:
            if not self.dry:
                raise self.error("an array of real numbers is no array of positions.", item)
            return self.labelled(item, x, size)
        if x.classes is not None and not self.sizes.same(x.classes, size):
            raise self.error(
                f"positions below {self.sizes.find(x.classes)} index an axis of {self.sizes.find(size)}.", item
            )
        return x


@dataclass(frozen=True)
class _Part:
    """A range on an axis: where it begins, None for the whole axis, its step, and the axis of the result."""

    start: Tree | None
    step: int
    place: int

    @property
    def whole(self) -> bool:
        """It is the whole axis."""
        return self.start is None or self.step < 0

    def at(self, position: Tree) -> Tree:
        """Return the position on the axis; one that is moved by 0 is no index alone, whose range is the whole axis."""
        if self.start is None:
            return position
        return Add((self.start, Neg(position))) if self.step < 0 else Add((position, self.start))


def _may_be_whole(tree: Tree) -> bool:
    """Tell whether an entry may be a position: it is computed from whole numbers only, and is no fraction."""
    real = any(isinstance(at, Entry) and at.tensor.classes is None for at in walk(tree))
    return not real and to_sympy(tree).is_integer is not False


def _consecutive(flags: list[bool]) -> bool:
    places = [n for n, f in enumerate(flags) if f]
    return places == list(range(places[0], places[-1] + 1))
