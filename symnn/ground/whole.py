"""Whether a position on an axis is a whole number wherever the conditions beside it hold."""

from __future__ import annotations

from itertools import product
from typing import Any

import sympy

from symnn.ground.errors import DefinitionError
from symnn.ground.ranges import guarded_entries
from symnn.ground.sizes import size_text
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Delta, Entry, Ind, Ix, Num, Tree

__all__ = ["check_whole", "is_whole"]

#: Remainders are tried one by one, at most so many; what needs more is not known to be whole.
_MOST = 4096


def check_whole(name: str, tree: Tree) -> None:
    """Refuse a position that may lie between two entries, such as k/2.

    Raises:
        DefinitionError: a position is not known to be whole; the message names node, position and axis.
    """
    for entry, guards in guarded_entries(tree):
        for axis, position in enumerate(entry.at):
            if not isinstance(position, Ix | Num) and not is_whole(position, guards):
                raise DefinitionError(
                    f"In node {name!r}: position {to_sympy(position)} on axis {axis} of {entry.tensor.name} "
                    f"{size_text(entry.tensor.shape)} is not a whole number for all values of what it is made of.\n"
                    f"  {_instead(entry, axis)}"
                )


def _instead(entry: Entry, axis: int) -> str:
    """Return what to write in place of an entry at a quotient."""
    above, below = map(sympy.expand, sympy.fraction(sympy.together(to_sympy(entry.at[axis]))))
    if below == 1:
        return "Positions are made of indices, labels, sizes and whole numbers by sums, differences and products."
    at = ", ".join("j" if k == axis else str(to_sympy(p)) for k, p in enumerate(entry.at))
    return (
        "Write positions in whole steps, or sum over the entries that exist: "
        f"sn.sum(sympy.KroneckerDelta({below * sympy.Symbol('j')}, {above}) * {entry.tensor.name}[{at}], j)."
    )


def is_whole(position: Tree, guards: tuple[Tree, ...]) -> bool:
    """Tell whether a position is whole for all whole indices, labels and sizes at which the guards hold.

    An equality that is linear in something whole is solved for it first: k/2 is j where k = 2 j.
    """
    at = sympy.expand(to_sympy(position))
    equal = [
        to_sympy(g.left) - to_sympy(g.right)
        for g in guards
        if isinstance(g, Delta) or isinstance(g, Ind) and g.rel == "="
    ]
    while equal and not _integer_valued(at):
        apart = sympy.expand(equal.pop(0))
        for s in sorted(_unknowns(apart), key=str):
            slope = apart.coeff(s)
            rest = sympy.expand(apart - slope * s)
            if slope in (1, -1) and not rest.has(s):
                solved = {s: -slope * rest}
                at, equal = sympy.expand(map_size(at, solved)), [map_size(e, solved) for e in equal]
                break
    return _integer_valued(at)


def _unknowns(form: Any) -> set[Any]:
    """Return the indices, sizes and labels in a form."""
    entries: set[Any] = set(form.atoms(sympy.Indexed))
    inside = {s for e in entries for s in e.free_symbols}
    return entries | {s for s in form.free_symbols if s not in inside}


def _integer_valued(form: Any) -> bool:
    """Tell whether a form is whole for all whole values: polynomials by their remainders, others by SymPy."""
    if form.is_integer:
        return True
    unknowns = sorted(_unknowns(form), key=str)
    if not unknowns or not all(u.is_integer for u in unknowns) or not form.is_polynomial(*unknowns):
        return False
    terms = sympy.Poly(form, *unknowns).terms()
    if not all(c.is_Rational for _, c in terms):
        return False
    below = int(sympy.ilcm(1, *(c.q for _, c in terms)))
    if below ** len(unknowns) > _MOST:
        return False
    return all(
        sum(int(c * below) * sympy.prod(v**e for v, e in zip(values, powers, strict=True)) for powers, c in terms)
        % below
        == 0
        for values in product(range(below), repeat=len(unknowns))
    )
