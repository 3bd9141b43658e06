"""A tensor that stands at several places of one formula, X[n, i] and X[m, i]: what each place passes back by itself.

The gradient is the sum over the places. Each is taken apart by a tensor of its own, differentiated symbolically.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.algebra.convert import canonical
from symnn.derivation import readable
from symnn.derive.backprop import backprop, formula
from symnn.ground.define import abstract, typed
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ONE, ZERO, Add, Entry, Ind, Neg, Sum, Tree, children, free_indices, transform
from symnn.judge.dense import Dense
from symnn.judge.edits import Edit, edits
from symnn.show.letters import named
from symnn.show.text_notation import text

__all__ = ["Place", "places"]

#: A formula with more places is not taken apart.
_MOST = 4


@dataclass(frozen=True)
class Place:
    """One place of a tensor in the formula of a child.

    Attributes:
        name: the entry there, X[m,i].
        pulled: (evaluator, gradient at the child) -> what the place passes back.
        edits: slips in the formula of that, each with its own ``pulled``.
    """

    name: str
    pulled: Callable[[Dense, Any], Any]
    edits: Callable[[], Iterator[tuple[Edit, Callable[[Dense, Any], Any]]]]


def places(t: Tensor, child: Tensor) -> list[Place]:
    """Return the places of a tensor in the formula of a child; none where it has one only, or too many."""
    free, tree = formula(child)
    letters = named(tree, free=free)
    found: dict[tuple[str, str], list[Entry]] = {}
    for at, over in _entries(tree, t, ()):
        around = next((s for s in over if s.index in free_indices(at)), None)
        key = (text(at, letters=letters), "" if around is None else text(around, letters=letters))
        found.setdefault(key, []).append(at)
    if not 1 < len(found) <= _MOST:
        return []
    try:
        alike = Counter(name for name, _ in found)
        return [
            _place(t, child, free, tree, name if alike[name] == 1 else f"{name} in {around}", entries)
            for (name, around), entries in found.items()
        ]
    except SymnnError:
        return []


def _entries(tree: Tree, t: Tensor, over: tuple[Sum, ...]) -> Iterator[tuple[Entry, tuple[Sum, ...]]]:
    """Yield the entries of a tensor, each with the sums around it, the innermost first."""
    if isinstance(tree, Entry) and tree.tensor is t:
        yield tree, over
    for part in children(tree):
        yield from _entries(part, t, (tree, *over) if isinstance(tree, Sum) else over)


def _place(
    t: Tensor, child: Tensor, free: tuple[Index, ...], tree: Tree, name: str, entries: list[Entry]
) -> Place:  # fmt: skip
    there = Tensor(f"{t.name}'", t.shape, "input", letters=t.letters, positive=t.positive, nonnegative=t.nonnegative)
    changed = transform(tree, lambda at: Entry(there, at.at) if isinstance(at, Entry) and at in entries else at)
    own, changed = typed(child.name, free, changed)
    definition = abstract(child.name, own, changed, {})
    apart = Tensor(child.name, child.shape, "value", definition=definition, letters=child.letters)
    up = Tensor(f"d{child.name}", child.shape, "upstream") if child.rank else None
    at, passed = formula(backprop(apart, [there], upstream=up).of[there])
    passed = transform(substitute(readable(passed), tensors={there: t, apart: child}), _settled)

    def taken(made: Tree) -> Callable[[Dense, Any], Any]:
        def pulled(dense: Dense, above: Any) -> Any:
            with np.errstate(all="ignore"):
                if up is None:
                    return dense.array(made, at) * above
                return dense.changed({up: above}).array(made, at)

        return pulled

    def slips() -> Iterator[tuple[Edit, Callable[[Dense, Any], Any]]]:
        for e in edits(passed, at, ()):
            yield e, taken(e.tree)

    return Place(name, taken(passed), slips)


def _settled(at: Tree) -> Tree:
    """Return a comparison of what differs by a number as 1 or 0, anything else as it is: 1[1 + x > x] is 1."""
    if not isinstance(at, Ind):
        return at
    value = canonical(Add((at.left, Neg(at.right)))).constant()
    if value is None:
        return at
    holds = {">": value > 0, ">=": value >= 0, "=": value == 0, "!=": value != 0}[at.rel]
    return ONE if holds else ZERO
