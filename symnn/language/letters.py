"""Index letters: which ones a formula uses, and sums over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from symnn.ground.indices import Index
from symnn.ground.sizes import as_size
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import ONE, ZERO, Div, Entry, Ind, Ix, Sum, Tree, free_indices, mul, walk
from symnn.language.arrays import Array
from symnn.language.brackets import Brackets
from symnn.language.syntax import Binary, Item, Name, Node, Sigma

__all__ = ["Letters"]


class Letters(Brackets):
    """Meaning of index letters."""

    def begin(self, left: Sequence[str] | None, node: Node) -> None:
        """Make an index of each letter on the left-hand side, and of each that stands as a position and is no name."""
        self.letters = {}
        for letter in left or ():
            self._letter(letter)
        for letter in _positions(node):
            if self.scope.find(letter) is None and letter not in self.locals:
                self._letter(letter)

    def _letter(self, letter: str) -> Index:
        return self.letters.setdefault(letter, Index(letter))

    def _index(self, i: Index) -> Array:
        return Array((), lambda at: Ix(i))

    def _sigma(self, node: Sigma) -> Array:
        kept = dict(self.letters)
        made: list[Index] = []
        guards: list[tuple[Tree, Index]] = []
        for n, letter in enumerate(node.letters):
            size, guard = self._bounds(*node.bounds[n], node) if node.bounds else (None, None)
            i = self.letters[letter] = Index(letter, size)
            made.append(i)
            if guard is not None:
                guards.append((guard, i))
        body = self.value(node.body)
        self.letters = kept
        if self.dry:
            return Array(body.shape, body.at)

        def entry(at: tuple[Tree, ...]) -> Tree:
            out = mul(*(Ind(">=", last, Ix(i)) for last, i in guards), body.at(at))
            for i in reversed(made):
                out = Sum(i, out)
            return out if node.kind == "sum" else self._averaged(out, made, node)

        return Array(body.shape, entry, letters=body.letters)

    def _averaged(self, total: Tree, over: Sequence[Index], node: Node) -> Tree:
        ranges: dict[Index, Any] = {}
        for at in walk(total):
            if isinstance(at, Entry):
                for p, size in zip(at.at, at.tensor.shape, strict=True):
                    if isinstance(p, Ix):
                        ranges.setdefault(p.index, size)
        if any(i not in ranges for i in over):
            raise self.error("what is averaged over has no range: no axis carries it alone.", node)
        return Div(total, mul(*(from_sympy(ranges[i]) for i in over)))

    def _bounds(self, first: Node | None, last: Node | None, node: Node) -> tuple[Any, Tree | None]:
        """Return the range that written bounds give a letter, and another letter that it goes up to.

        Counted from 1 to N or from 0 to N - 1 it is the whole axis; sum_{k=1}^{i} goes up to i, however counted.
        """
        if first is None or last is None:
            return None, None
        start, end = self._scalar(first), self._scalar(last)
        if free_indices(end):
            return None, end
        if start not in (ONE, ZERO):
            raise self.error("a sum runs over a whole axis, counted from 0 or from 1.", first)
        return as_size(to_sympy(end) + (1 if start == ZERO else 0)), None


def _positions(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names that stand alone or in sums between square brackets, and are not summed over."""
    if isinstance(node, Sigma):
        bound = bound | frozenset(node.letters)
    if isinstance(node, Item):
        for item in node.items:
            yield from (name for name in _single(item) if name not in bound)
    for f in fields(node):
        value = getattr(node, f.name)
        for part in value if isinstance(value, tuple) else (value,):
            for inner in part if isinstance(part, tuple) else (part,):
                if isinstance(inner, Node):
                    yield from _positions(inner, bound)


def _single(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Binary) and node.op in "+-*":
        yield from _single(node.left)
        yield from _single(node.right)
    elif isinstance(node, Item):
        for item in node.items:
            yield from _single(item)
