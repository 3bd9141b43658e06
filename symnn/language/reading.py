"""A formula read as a candidate: its entries at the indices of what it stands for, or at its own if shapes differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symnn.ground.define import typed
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.sizes import size_text
from symnn.ground.substitute import substitute
from symnn.ground.tree import Ix, Tree, num
from symnn.language.arrays import ONE as SINGLE
from symnn.language.arrays import Array
from symnn.language.grammar import parse
from symnn.language.meaning import Meaning, Result
from symnn.language.scope import Scope
from symnn.language.syntax import FormulaError

__all__ = ["Reading", "placed_at", "read_formula"]


@dataclass(frozen=True)
class Reading:
    """What a formula says.

    Attributes:
        free: the indices of its entry: those that were asked for where the shape fits, else its own.
        tree: its entry.
        fits: it has the shape that was asked for.
        notes: how it was read, where that was not the only way.
    """

    free: tuple[Index, ...]
    tree: Tree
    fits: bool
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[Any, ...]:
        """The size of each axis."""
        return tuple(i.size for i in self.free)


def read_formula(text: str, scope: Scope, free: Sequence[Index]) -> Reading:
    """Return the entry of a formula at the indices asked for.

    Args:
        text: the formula, NumPy in spirit.
        scope: what names mean.
        free: the indices of what it is a candidate for, each with its range.

    Raises:
        FormulaError: it cannot be read; the message points at the place.
    """
    try:
        meaning = Meaning(scope, text)
        result = meaning.program(parse(text))
        return placed_at(result, text, tuple(free))
    except RecursionError:
        raise FormulaError("the formula is nested too deeply.", text, 0) from None


def placed_at(result: Result, text: str, free: tuple[Index, ...]) -> Reading:
    """Return what a formula stands for at the indices asked for, or at its own where the shape differs."""
    if result.letters:
        return _by_letters(result, text, free)
    array = result.array
    wanted = tuple(i.size for i in free)
    at = _aligned(array, wanted, free)
    if at is not None:
        return Reading(free, _finished(array.at(at), free, text), True)
    own = tuple(Index(letter, s) for letter, s in zip(_names(array), array.shape, strict=True))
    return Reading(own, _finished(array.at(tuple(Ix(i) for i in own)), own, text), False)


def _aligned(array: Array, wanted: tuple[Any, ...], free: tuple[Index, ...]) -> tuple[Tree, ...] | None:
    """Return the position of an entry where the shape is the one wanted, but for axes of size 1."""
    if array.value is not None:
        return ()
    mine = [s for s in array.shape if s != SINGLE]
    theirs = [(s, i) for s, i in zip(wanted, free, strict=True) if s != SINGLE]
    if mine != [s for s, _ in theirs] or (array.rank > len(wanted) and array.rank - len(mine) > 1):
        return None
    places = iter(theirs)
    return tuple(num(0) if s == SINGLE else Ix(next(places)[1]) for s in array.shape)


def _names(array: Array) -> list[str]:
    out: list[str] = []
    spare = iter("ijklmnopqrst")
    for n in range(array.rank):
        letter = array.letter(n)
        while letter in out:
            letter = next(spare)
        out.append(letter)
    return out


def _by_letters(result: Result, text: str, free: tuple[Index, ...]) -> Reading:
    """Return an entry written with index letters: in the order of its left-hand side, else by the letters asked for."""
    letters = [letter for letter, _ in result.letters]
    loose = tuple(i for _, i in result.letters)
    expected = [i.letter for i in free]
    tree = result.array.at(())
    if len(loose) != len(free):
        raise FormulaError(
            f"this has the index letters {', '.join(letters)}; the gradient has {len(free)}"
            + (f", {', '.join(expected)}." if free else "."), text, 0, "Sum over the others, sum_n(...).",
        )  # fmt: skip
    if result.named:
        order = loose
    elif sorted(letters) == sorted(expected):
        order = tuple(loose[letters.index(letter)] for letter in expected)
    elif len(loose) == 1:
        order = loose
    else:
        mine, theirs = ", ".join(letters), ", ".join(expected)
        raise FormulaError(
            f"which axis is which? The gradient's indices are {theirs}, those of the formula {mine}.", text, 0,
            f"Say so on the left: grad[{','.join(letters)}] = ...",
        )  # fmt: skip
    try:
        own, tree = typed("the formula", order, tree)
    except SymnnError as error:
        raise FormulaError(str(error), text, 0) from None
    if tuple(i.size for i in own) == tuple(i.size for i in free):
        return Reading(free, substitute(tree, indices={i: Ix(j) for i, j in zip(own, free, strict=True)}), True)
    return Reading(own, tree, False)


def _finished(tree: Tree, free: tuple[Index, ...], text: str) -> Tree:
    """Return a tree with every bound index fresh and with its range, positions inside their axes."""
    try:
        own, made = typed("the formula", free, tree)
    except SymnnError as error:
        raise FormulaError(str(error), text, 0) from None
    return substitute(made, indices={i: Ix(j) for i, j in zip(own, free, strict=True)})


def shape_text(reading: Reading) -> str:
    """Return a reading's shape in words."""
    return size_text(reading.shape)
