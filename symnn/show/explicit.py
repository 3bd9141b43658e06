r"""A formula written out entry by entry at small sizes: sums as terms, indices as numbers, from 1."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from symnn.derive.tidy import clean
from symnn.graph.interpreter import size_value
from symnn.ground.errors import DataError, UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Delta,
    Entry,
    Ind,
    Ix,
    Neg,
    Num,
    Sum,
    Sym,
    Tree,
    Where,
    children,
    num,
    rebuild,
    walk,
)
from symnn.show.latex_notation import latex
from symnn.show.letters import named
from symnn.show.names import index_latex
from symnn.show.reading import rational
from symnn.show.text_notation import text

__all__ = ["counted", "explicit", "explicit_text", "written_out"]

_MOST_ENTRIES = 64
_MOST_SYMBOLS = 4000

Sizes = Mapping[sympy.Symbol, int]


def explicit(tree: Tree, free: Sequence[Index], sizes: Sizes) -> str:
    r"""Return the formula in LaTeX at explicit sizes, arranged by its free indices.

    No free index: the scalar; one: a column; two: a matrix; more: a list of matrices, one per leading index.
    Indices are printed from 1, and labels count from 1 with them. What is known to be 0 or 1 is carried out.

    Raises:
        UnsupportedError: it would be too long to read.
        DataError: a size has no value.
    """
    entries = written_out(tree, free, sizes)
    letters = named(tree, free=free)

    def matrix(rows: list[list[str]]) -> str:
        return r"\begin{pmatrix} " + r" \\ ".join(" & ".join(row) for row in rows) + r" \end{pmatrix}"

    lengths = [_length(i, sizes) for i in free]
    if len(free) < 2:
        cells = [latex(entries[at]) for at in itertools.product(*map(range, lengths))]
        return matrix([[c] for c in cells]) if free else cells[0]
    slices = []
    for lead in itertools.product(*map(range, lengths[:-2])):
        body = matrix([[latex(entries[(*lead, r, c)]) for c in range(lengths[-1])] for r in range(lengths[-2])])
        marks = ",".join(f"{index_latex(letters[i])}={at + 1}" for i, at in zip(free, lead, strict=False))
        slices.append(f"{body}_{{{marks}}}" if marks else body)
    return slices[0] if len(free) == 2 else r"\left[" + r",\; ".join(slices) + r"\right]"


def counted(tree: Tree) -> str:
    """Return the note that belongs beneath a formula written out: from where its numbers count."""
    classes = " and classes" if any(_is_label(t) for t in walk(tree)) else ""
    return f"positions{classes} are counted from 1"


def explicit_text(tree: Tree, free: Sequence[Index], sizes: Sizes, ascii: bool = False) -> str:
    """Return the formula as nested lists of text at explicit sizes; raises as ``explicit``."""
    entries = written_out(tree, free, sizes)
    lengths = [_length(i, sizes) for i in free]

    def nested(lead: tuple[int, ...]) -> str:
        if len(lead) == len(lengths):
            return text(entries[lead], ascii)
        return "[" + ", ".join(nested((*lead, at)) for at in range(lengths[len(lead)])) + "]"

    return nested(())


def written_out(tree: Tree, free: Sequence[Index], sizes: Sizes) -> dict[tuple[int, ...], Tree]:
    """Return the tree of every entry, by its position; positions inside the trees count from 1."""
    lengths = [_length(i, sizes) for i in free]
    cells = 1
    for length in lengths:
        cells *= length
    if cells > _MOST_ENTRIES:
        shape = " x ".join(map(str, lengths))
        raise UnsupportedError(
            f"Written out, the formula has {shape} = {cells} entries; at most {_MOST_ENTRIES} can be read. "
            "Use smaller sizes."
        )
    writer = _Expander(sizes)
    return {
        at: clean(writer.expand(tree, dict(zip(free, at, strict=True))))
        for at in itertools.product(*map(range, lengths))
    }


def _length(index: Index, sizes: Sizes) -> int:
    if index.size is None:
        raise DataError(f"The index {index.letter} has no range. Give it one: index({index.letter!r}, size).")
    return size_value(index.size, sizes)


class _Expander:
    """Puts numbers for indices and opens sums, counting what it writes."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.written = 0
        self.counting = False  # inside a position or a comparison, where labels stand as classes from 1

    def expand(self, tree: Tree, at: Mapping[Index, int]) -> Tree:
        self.written += 1
        if self.written > _MOST_SYMBOLS:
            raise UnsupportedError(
                f"Written out, the formula has more than {_MOST_SYMBOLS} symbols, more than can be read. "
                "Use smaller sizes."
            )
        match tree:
            case Ix() if tree.index in at:
                return num(at[tree.index])
            case Sym() if tree.symbol in self.sizes:
                return num(self.sizes[tree.symbol])
            case Sum():
                places = range(_length(tree.index, self.sizes))
                terms = [clean(self.expand(tree.body, {**at, tree.index: n})) for n in places]
                kept = tuple(t for t in terms if t != ZERO)
                return ZERO if not kept else kept[0] if len(kept) == 1 else Add(kept)
            case Entry():
                shown = Entry(tree.tensor, tuple(_from_one(self._counted(p, at)) for p in tree.at))
                return Add((shown, Neg(ONE))) if _is_label(shown) and not self.counting else shown
            case Delta() | Ind():
                return self._compared(tree, at)
            case Where():
                condition = clean(self.expand(tree.condition, at))
                if rational(condition) is not None:
                    return self.expand(tree.then if rational(condition) else tree.other, at)
                return Where(condition, self.expand(tree.then, at), self.expand(tree.other, at))
        parts = children(tree)
        return rebuild(tree, tuple(self.expand(p, at) for p in parts)) if parts else tree

    def _counted(self, tree: Tree, at: Mapping[Index, int]) -> Tree:
        before, self.counting = self.counting, True
        try:
            return self.expand(tree, at)
        finally:
            self.counting = before

    def _compared(self, tree: Delta | Ind, at: Mapping[Index, int]) -> Tree:
        expand = self._counted if _is_label(tree.left) or _is_label(tree.right) else self.expand
        left, right = expand(tree.left, at), expand(tree.right, at)
        a, b = _value(left), _value(right)
        if a is not None and b is not None:
            relation = "=" if isinstance(tree, Delta) else tree.rel
            return ONE if _HOLDS[relation](a, b) else ZERO
        if _is_label(left) or _is_label(right):
            left, right = _from_one(left), _from_one(right)
        return Delta(left, right) if isinstance(tree, Delta) else Ind(tree.rel, left, right)


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _is_label(tree: Tree) -> bool:
    return isinstance(tree, Entry) and tree.tensor.classes is not None


def _from_one(position: Tree) -> Tree:
    """Return a position as it is printed; one that holds a label is moved with its label."""
    value = _value(position)
    return position if value is None else Num(value + 1)


def _value(tree: Tree) -> Fraction | None:
    """Return the value of a tree of numbers."""
    if any(isinstance(t, Entry | Ix | Sym) for t in walk(tree)):
        return None
    return rational(clean(tree))
