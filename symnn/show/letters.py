"""Choose the letter of every index in a formula, so that no two in sight look alike."""

from __future__ import annotations

from collections.abc import Iterable

from symnn.ground.indices import Index
from symnn.ground.tree import Entry, Sum, Sym, Tree, children, free_indices, walk

__all__ = ["named"]

# Where a letter is taken, another of its family reads best.
_FAMILIES = ("ijklm", "jkilm", "nmlkj", "mnlkj")
_ALL = "kjilmnqrpuvwstcdbgxyz"


def named(tree: Tree, taken: Iterable[str] = (), *, free: Iterable[Index] = ()) -> dict[Index, str]:
    """Return a letter for every index of the tree; equal trees get equal letters.

    An index keeps its own letter where that is clear. A free one that meets another free one, or a scalar
    of the same name, gets a prime; a bound one that meets any index in sight gets a letter that the formula
    does not use.

    Args:
        tree: the formula.
        taken: letters that stand for something else.
        free: indices in sight that come first, such as those of a left-hand side.

    >>> from symnn.ground.tree import Add, Ix
    >>> n, m = Index("n"), Index("n")
    >>> named(Add((Ix(n), Ix(m)))) == {n: "n", m: "n'"}
    True
    >>> named(Add((Ix(n), Sum(m, Ix(m))))) == {n: "n", m: "m"}
    True
    """
    known = tuple(dict.fromkeys((*free, *free_indices(tree))))
    scalars = {*taken, *_scalars(tree)}
    beside: dict[Index, dict[Index, None]] = {}
    _look(tree, known, beside)
    out: dict[Index, str] = {}
    for i in known:
        out[i] = _primed(i.letter, {*scalars, *out.values()})
    used = {*scalars, *out.values(), *_tensors(tree), *(i.letter for i in beside)}
    for i, others in beside.items():
        if i in out:
            continue
        clear = {*scalars, *(out[o] for o in others if o in out)}
        out[i] = i.letter if i.letter not in clear else _other(i.letter, used | clear)
    return out


def _look(tree: Tree, sight: tuple[Index, ...], beside: dict[Index, dict[Index, None]]) -> None:
    """Note for every bound index which others are in sight somewhere in its scope, both ways."""
    if isinstance(tree, Sum):
        own = beside.setdefault(tree.index, {})
        for other in sight:
            if other != tree.index:
                own[other] = None
                if other in beside:
                    beside[other][tree.index] = None
        sight = (*sight, tree.index)
    for part in children(tree):
        _look(part, sight, beside)


def _scalars(tree: Tree) -> set[str]:
    """Return the names of what carries no index: symbols and tensors without axes."""
    return {at.symbol.name for at in walk(tree) if isinstance(at, Sym)} | {
        at.tensor.name for at in walk(tree) if isinstance(at, Entry) and not at.at
    }


def _tensors(tree: Tree) -> set[str]:
    return {at.tensor.name for at in walk(tree) if isinstance(at, Entry)}


def _primed(letter: str, taken: set[str]) -> str:
    while letter in taken:
        letter += "'"
    return letter


def _other(letter: str, used: set[str]) -> str:
    near = next((family for family in _FAMILIES if family.startswith(letter)), "")
    for candidate in near + _ALL:
        if candidate not in used:
            return candidate
    return _primed(letter, used)
