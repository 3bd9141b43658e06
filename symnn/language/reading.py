"""A formula read as a candidate: its entries at the indices of what it stands for, or at its own if shapes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from symnn.ground.define import typed
from symnn.ground.errors import ShapeError, SymnnError
from symnn.ground.indices import Index
from symnn.ground.ranges import read_ranges
from symnn.ground.sizes import size_text
from symnn.ground.substitute import substitute
from symnn.ground.tree import Add, Entry, Ix, Sum, Tree, children, num, rebuild, walk
from symnn.language.arrays import ONE as SINGLE
from symnn.language.arrays import Array
from symnn.language.grammar import parse
from symnn.language.meaning import Meaning, Result
from symnn.language.parts import Part, Reach, hidden
from symnn.language.scope import Scope
from symnn.language.syntax import FormulaError, MismatchError

__all__ = ["Reading", "placed_at", "read_formula"]


@dataclass(frozen=True)
class Reading:
    """What a formula says.

    Attributes:
        free: the indices of its entry: those that were asked for where the shape fits, else its own.
        tree: its entry.
        fits: it has the shape that was asked for, but for axes of length 1.
        notes: how it was read, where that was not the only way.
        axes: how many axes it has as it was written, where these are not those of ``free``.
        parts: results of its parts that may not be defined everywhere.
        reaches: positions that are not inside their axes at all sizes.
    """

    free: tuple[Index, ...]
    tree: Tree
    fits: bool
    notes: tuple[str, ...] = ()
    axes: int | None = None
    parts: tuple[Array, ...] = field(default=(), repr=False, compare=False)
    reaches: tuple[Reach, ...] = ()

    @property
    def hidden(self) -> tuple[Part, ...]:
        """What is not defined everywhere, was written, and does not stand in the entry: log(w) in 0 * log(w)."""
        return hidden(self.parts, self.tree)

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
        return replace(placed_at(result, text, tuple(free)), parts=result.parts, reaches=result.reaches)
    except RecursionError:
        raise FormulaError("the formula is nested too deeply.", text, 0) from None
    except (TypeError, ArithmeticError) as error:  # of numbers: 1/0 compared, a power that overflows
        raise FormulaError(f"a number in it has no value: {error}.", text, 0) from None


def placed_at(result: Result, text: str, free: tuple[Index, ...]) -> Reading:
    """Return what a formula stands for at the indices asked for, or at its own where the shape differs."""
    if result.letters:
        return _by_letters(result, text, free)
    array = result.array
    wanted = tuple(i.size for i in free)
    at = _aligned(array, wanted, free)
    if at is not None:
        axes = None if array.value is not None or array.rank == len(free) else array.rank
        return Reading(free, _finished(array.at(at), free, text), True, axes=axes)
    own = tuple(Index(letter, s) for letter, s in zip(_names(array), array.shape, strict=True))
    return Reading(own, _finished(array.at(tuple(Ix(i) for i in own)), own, text), False)


def _aligned(array: Array, wanted: tuple[Any, ...], free: tuple[Index, ...]) -> tuple[Tree, ...] | None:
    """Return the position of an entry where the shape is the one wanted, but for axes of size 1 more or less."""
    if array.value is not None:
        return ()
    if array.rank == len(wanted) and array.shape != wanted:
        return None
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
    """Return an entry written with index letters: in the order of its left-hand side, else as letters or sizes say."""
    letters = [letter for letter, _ in result.letters]
    loose = tuple(i for _, i in result.letters)
    tree = _shifted(result.array.at(()))
    if len(loose) != len(free):
        raise FormulaError(_counted(letters, [i.letter for i in free]), text, 0, _too_many(letters, free))
    known = _ranges(tree, text)
    order = loose if result.named else _order(letters, loose, known, text, free)
    given = {i: Index(i.letter, known.get(i, j.size)) for i, j in zip(order, free, strict=True)}
    tree = substitute(tree, indices={i: Ix(j) for i, j in given.items()})
    try:
        own, tree = typed("the formula", tuple(given.values()), tree)
    except ShapeError as error:
        raise MismatchError(str(error), text, 0) from None
    except SymnnError as error:
        raise FormulaError(str(error), text, 0) from None
    if tuple(i.size for i in own) == tuple(i.size for i in free):
        return Reading(free, substitute(tree, indices={i: Ix(j) for i, j in zip(own, free, strict=True)}), True)
    return Reading(own, tree, False)


def _counted(letters: Sequence[str], expected: Sequence[str]) -> str:
    """Return that a formula has other index letters than the gradient, both counted."""
    mine = f"the index letters {', '.join(letters)}" if len(letters) > 1 else f"the index letter {letters[0]}"
    theirs = "none"
    if expected:
        theirs = f"{len(expected)} indices, {', '.join(expected)}" if len(expected) > 1 else f"one index, {expected[0]}"
    return f"this has {mine}; the gradient has {theirs}."


def _too_many(letters: Sequence[str], free: Sequence[Index]) -> str:
    """Return what to do about letters that the gradient has not, where there are more of them."""
    others = [k for k in letters if k not in {i.letter for i in free}]
    if len(letters) <= len(free) or len(others) != len(letters) - len(free):
        return "Sum over the others, sum_n(...)." if len(letters) > len(free) else ""
    below = others[0] if len(others) == 1 else f"{{{','.join(others)}}}"
    return f"Sum over {' and '.join(others)}: sum_{below}(...)."


def _shifted(tree: Tree) -> Tree:
    """Return a tree whose sums over letters that stand on an axis only with others, x[t - k], run over that axis."""
    alone = {p.index for at in walk(tree) if isinstance(at, Entry) for p in at.at if isinstance(p, Ix)}
    found: dict[Index, Any] = {}
    for at in walk(tree):
        for p, size in zip(at.at, at.tensor.shape, strict=True) if isinstance(at, Entry) else ():
            for term in p.terms if isinstance(p, Add) else ():
                if isinstance(term, Ix) and term.index not in alone:
                    found.setdefault(term.index, size)

    def go(at: Tree) -> Tree:
        parts = tuple(go(p) for p in children(at))
        made = rebuild(at, parts) if parts else at
        if isinstance(made, Sum) and made.index.size is None and made.index in found:
            own = Index(made.index.letter, found[made.index])
            return Sum(own, substitute(made.body, indices={made.index: Ix(own)}))
        return made

    return go(tree) if any(isinstance(at, Sum) and at.index.size is None for at in walk(tree)) else tree


def _ranges(tree: Tree, text: str) -> dict[Index, Any]:
    """Return what the axes that index letters stand on give them as ranges."""
    try:
        return {i: size for i, (size, _) in read_ranges("the formula", tree).items()}
    except ShapeError as error:
        raise MismatchError(str(error), text, 0) from None
    except SymnnError as error:
        raise FormulaError(str(error), text, 0) from None


def _order(
    letters: Sequence[str], loose: tuple[Index, ...], known: Mapping[Index, Any], text: str, free: tuple[Index, ...]
) -> tuple[Index, ...]:
    """Return the letters of a formula in the order of the gradient's axes, where no left-hand side gives one.

    The same letters are the same axes, if their ranges fit; else what ranges leave open must be one order only.
    """
    expected = [i.letter for i in free]

    def fits(order: Sequence[Index]) -> bool:
        return all(known.get(i, j.size) == j.size for i, j in zip(order, free, strict=True))

    same = tuple(loose[letters.index(k)] for k in expected) if sorted(letters) == sorted(expected) else ()
    if same and fits(same):
        return same
    orders = [o for o in permutations(loose) if fits(o)]
    if len(orders) == 1:
        return orders[0]
    if same or len(loose) == 1:
        return same or loose
    if not orders:
        sizes = ", ".join(f"{i.letter} over {known[i]}" for i in loose if i in known)
        wanted = size_text(tuple(i.size for i in free))
        raise MismatchError(f"no order of its letters, {sizes}, gives the gradient's shape {wanted}.", text, 0)
    mine, theirs = ", ".join(letters), ", ".join(expected)
    raise FormulaError(
        f"which axis is which? The gradient's indices are {theirs}, those of the formula {mine}.", text, 0,
        f"Say so on the left: grad[{','.join(letters)}] = ...",
    )  # fmt: skip


def _finished(tree: Tree, free: tuple[Index, ...], text: str) -> Tree:
    """Return a tree with every bound index fresh and with its range, positions inside their axes."""
    try:
        own, made = typed("the formula", free, _shifted(tree))
    except ShapeError as error:
        raise MismatchError(str(error), text, 0) from None
    except SymnnError as error:
        raise FormulaError(str(error), text, 0) from None
    return substitute(made, indices={i: Ix(j) for i, j in zip(own, free, strict=True)})
