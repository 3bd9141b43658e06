"""What a formula asks for and its entry need not show: 0 * log(w) is 0 where w > 0, x[5] - x[5] where N >= 6."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.graph.interpreter import size_value
from symnn.ground.define import typed
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.tree import ZERO, Div, Entry, Fn, Ix, Num, Pow, Sum, Tree, free_indices, transform, walk
from symnn.language.arrays import Array

__all__ = ["Part", "Reach", "hidden", "reach"]


@dataclass(frozen=True)
class Part:
    """One operation of a formula that is not defined everywhere, with its free indices."""

    free: tuple[Index, ...]
    tree: Tree


@dataclass(frozen=True)
class Reach:
    """A position that is not inside its axis at all sizes: ``least`` entries are needed, ``size`` are there."""

    size: Any
    least: Any

    def holds(self, sizes: Mapping[Any, Any]) -> bool:
        """Tell whether it is inside at these sizes."""
        return size_value(self.size, sizes) >= size_value(self.least, sizes)

    def __str__(self) -> str:
        return f"{self.size} >= {self.least}"


def reach(room: Any) -> Reach:
    """Return that there is room, room >= 0, as what a size must be at least: N >= 101 for N - 101, N >= M for N - M."""
    terms = sympy.Add.make_args(room)
    above = [t for t in terms if not t.could_extract_minus_sign()]
    return Reach(sympy.Add(*above), -sympy.Add(*(t for t in terms if t not in above)))


def hidden(parts: Iterable[Array], tree: Tree) -> tuple[Part, ...]:
    """Return the operations of parts of a formula that are not defined everywhere and do not stand in its entry."""
    shown = {_bare(at) for at in walk(tree) if _partial(at)}
    found: dict[Tree, Part] = {}
    for array in parts:
        try:
            own = tuple(Index(array.letter(n), s) for n, s in enumerate(array.shape))
            body = array.at(tuple(Ix(i) for i in own))
            for at in walk(body):
                if _partial(at) and (bare := _bare(at)) not in shown and bare not in found:
                    found[bare] = Part(*typed("the formula", free_indices(at), at))
        except SymnnError:  # an index without a range: what it stands in is judged where it is summed over
            continue
    return tuple(found.values())


def _partial(tree: Tree) -> bool:
    """Tell whether a part is a logarithm, a division, a root or a negative power."""
    match tree:
        case Div():
            return True
        case Fn(name="log"):
            return True
        case Pow(exponent=Num(value=value)):
            return value < 0 or value.denominator != 1
        case Pow():
            return True
    return False


def _bare(tree: Tree) -> Tree:
    """Return a tree without its indices: the same operation at other positions is the same."""

    def bare(at: Tree) -> Tree:
        match at:
            case Entry():
                return Entry(at.tensor, ())
            case Ix():
                return ZERO
            case Sum():
                return Sum(_ANY, at.body)
        return at

    return transform(tree, bare)


_ANY = Index("i")
