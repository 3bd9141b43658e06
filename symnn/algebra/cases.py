"""Proofs by cases: what vanishes where an entry is positive, where it is 0 and where it is negative, is 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symnn.algebra.normal import entry, parts_of, rebuild
from symnn.algebra.terms import Atom, Monomial, Poly
from symnn.ground.tensors import Tensor

__all__ = ["vanishes_by_signs", "without_contradictions"]

_MOST_ENTRIES = 3
_MOST_TERMS = 200


def vanishes_by_signs(poly: Poly, is_zero: Callable[[Poly], bool]) -> bool:
    """Tell whether a form, not seen to be 0 as it stands, is 0 for every sign of the entries its indicators compare.

    In each case the entry is replaced by a stand-in that is known to be positive, by minus such a stand-in, or by 0;
    its other occurrences, such as one inside a sum over all entries, are taken as free. A form that vanishes for
    every value of the stand-in vanishes at the entry's own.
    """
    if len(poly.terms) > _MOST_TERMS:
        return False
    possible = without_contradictions(poly)
    if len(possible.terms) < len(poly.terms) and is_zero(possible):
        return True
    found = list(dict.fromkeys(_compared(possible)))
    if not found or len(found) > _MOST_ENTRIES:
        return False
    stand_in = _stand_in(found[0])
    try:
        cases = [
            rebuild(possible, lambda a, value=value: value if a is found[0] else None)
            for value in (stand_in, -stand_in, Poly({}))
        ]
        return all(is_zero(case) or vanishes_by_signs(case, is_zero) for case in cases)
    except (ZeroDivisionError, OverflowError):  # the form is not defined where the entry is 0
        return False


def without_contradictions(poly: Poly) -> Poly:
    """Drop the terms in which [p > 0] meets [p = 0] or [-p > 0]."""
    return Poly({m: c for m, c in poly.terms.items() if not _contradicts(m)})


def _contradicts(m: Monomial) -> bool:
    above = [a.data[1] for a, _ in m if a.kind == "ind" and a.data[0] == ">"]
    level = [a.data[1] for a, _ in m if a.kind == "ind" and a.data[0] == "="]
    return any(-p in above or p in level or -p in level for p in above)


def _compared(poly: Poly) -> Iterator[Atom]:
    """Yield the real entries of unknown sign inside indicators, those inside sums left out."""
    for a in poly.atoms():
        if a.kind == "sum":
            continue
        for p in parts_of(a):
            if a.kind == "ind":
                yield from (b for b in p.atoms() if _unsigned(b))
            yield from _compared(p)


def _unsigned(a: Atom) -> bool:
    return a.kind == "ent" and not a.positive and a.data[0].classes is None


_STAND_INS: dict[Tensor, Tensor] = {}


def _stand_in(a: Atom) -> Poly:
    """Return the positive entry that stands in for the size of an entry."""
    tensor, at = a.data
    made = _STAND_INS.get(tensor)
    if made is None:
        made = _STAND_INS[tensor] = Tensor(f"|{tensor.name}|", tensor.shape, "slot", positive=True)
    return entry(made, at)
