"""Piece: the text of an array-valued expression together with the index that each of its axes runs over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from symnn.ground.indices import Index

__all__ = [
    "ATOM",
    "CALL",
    "COMPARE",
    "LOGIC",
    "MATMUL",
    "POWER",
    "PRODUCT",
    "SIGN",
    "SUM",
    "Piece",
    "aligned",
    "union",
]

#: How tightly Python binds the outermost operation of a text.
COMPARE, LOGIC, SUM, MATMUL, PRODUCT, SIGN, POWER, CALL, ATOM = range(9)


@dataclass(frozen=True)
class Piece:
    """An expression of the generated program.

    Attributes:
        text: Python source.
        axes: the index of each axis, in order.
        level: how tightly the text's outermost operation binds.
        kind: "number" (a Python number), "real" (array in the program's precision), "bool" or "int" (arrays).
        fresh: evaluating the text makes a new array that nothing else holds.
        update: (array, statement) that leaves the same value in an operand's own array, or None.
    """

    text: str
    axes: tuple[Index, ...] = ()
    level: int = ATOM
    kind: str = "real"
    fresh: bool = False
    update: tuple[str, str] | None = None

    def at(self, level: int) -> str:
        """Return the text, in brackets where it binds less tightly than ``level``."""
        return self.text if self.level >= level else f"({self.text})"


def union(pieces: Iterable[Piece], rank: dict[Index, int], want: Sequence[Index] = ()) -> tuple[Index, ...]:
    """Return the axes that an elementwise operation on the pieces has, in the order that needs least transposing."""
    pieces = tuple(pieces)
    found = dict.fromkeys(a for p in pieces for a in p.axes)
    full = [p.axes for p in pieces if len(p.axes) == len(found)]
    wanted = tuple(a for a in want if a in found)
    if len(wanted) == len(found) and (not full or wanted in full):
        return wanted
    if full:
        return full[0]
    return tuple(sorted(found, key=lambda a: rank.get(a, len(rank))))


def aligned(piece: Piece, target: Sequence[Index]) -> Piece:
    """Return the piece with its axes permuted and spread, so that it broadcasts against the target axes."""
    axes = piece.axes
    if not axes:
        return piece
    order = tuple(a for a in target if a in axes)
    if order != axes:
        text = piece.at(CALL)
        permutation = tuple(axes.index(a) for a in order)
        text += ".T" if permutation == tuple(reversed(range(len(axes)))) else f".transpose{permutation}"
        piece = replace(piece, text=text, axes=order, level=CALL)
    first = target.index(order[0])
    marks = [":" if a in axes else "None" for a in target[first:]]
    if "None" in marks:
        while len(marks) > 1 and marks[-1] == ":" and marks[-2] == ":":
            marks.pop()
        if marks[-1] == ":":
            marks.pop()
        piece = replace(piece, text=f"{piece.at(CALL)}[{', '.join(marks)}]", level=CALL)
    return replace(piece, axes=tuple(target[first:]) if "None" in marks else order)
