"""Where entries are read: a factor stands outside a bracket only where it is read inside its axes there.

1[c < N] x[c,c] y + 1[c = n] x[c,c] z is not x[c,c] (1[c < N] y + 1[c = n] z): for c >= N the entry x[c,c] is none, and
what is undefined is not made 0 by a factor 0 beside it unless that is an indicator which says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from symnn.algebra.bounds import at_least_one
from symnn.algebra.feasible import possible
from symnn.algebra.leaves import const, is_whole, of_index, of_size, parts_of
from symnn.algebra.normal import opened
from symnn.algebra.terms import ONE, Atom, Monomial, Poly

__all__ = ["readable"]

#: A position and the size of its axis.
Place = tuple[Poly, Poly]
Facts = tuple[tuple[Poly, int], ...]


def readable(factors: Monomial, terms: Iterable[Monomial]) -> Monomial:
    """Return those common factors of some terms that may stand alone: what the terms' own conditions keep inside its
    axes, the conditions among the factors keep there too.
    """
    if not any(_strays(a) for a, _ in factors):
        return factors
    facts, own = _facts(a for a, _ in factors), [_facts(a for a, _ in m) for m in terms]

    def lost(place: Place) -> bool:
        return not _kept(place, facts) and any(_kept(place, term) for term in own)

    return tuple((a, e) for a, e in factors if not any(map(lost, _strays(a))))


@cache
def _strays(a: Atom) -> tuple[Place, ...]:
    """Return the places read in a factor that nothing in it keeps inside their axes."""
    if a.kind == "sum":
        bound, body = opened(a)
        inner = [place for m in body.terms for place in _unkept(m)]
        return tuple(p for p in inner if not p[0].indices & frozenset(bound))
    found = [place for p in parts_of(a) for m in p.terms for place in _unkept(m)]
    if a.kind == "ent":
        for position, size in zip(a.data[1], a.data[0].shape, strict=True):
            n = of_size(size)
            if not _plain(position, size) and not (_not_below_zero(position) and at_least_one(n - position)):
                found.append((position, n))
    return tuple(dict.fromkeys(found))


def _unkept(factors: Monomial) -> list[Place]:
    facts = _facts(a for a, _ in factors)
    return [place for a, _ in factors for place in _strays(a) if not _kept(place, facts)]


def _plain(position: Poly, size: object) -> bool:
    """Tell whether a position is one index or label over the whole axis, or 0."""
    value = position.constant()
    if value is not None:
        return bool(value == 0)
    single = position.single()
    if single is None or single[1] != 1 or len(single[0]) != 1:
        return False
    a = single[0][0][0]
    return bool((a.data.size if a.kind == "ix" else a.data[0].classes if a.kind == "ent" else None) == size)


def _not_below_zero(p: Poly) -> bool:
    return p.plainly_nonnegative or at_least_one(p + ONE)


def _kept(place: Place, facts: Facts) -> bool:
    """Tell whether a position cannot leave its axis where the facts hold."""
    position, size = place
    if not is_whole(position):
        return False
    outside = (-position, position - size + ONE)  # position < 0, position >= size
    return not any(possible((*facts, *_ranges(p), (p, 1))) for p in outside)


def _facts(atoms: Iterable[Atom]) -> Facts:
    """Return what the indicators among some atoms say, and the ranges of what they speak of."""
    found: list[tuple[Poly, int]] = []
    for a in atoms:
        if a.kind == "ind" and is_whole(a.data[1]):
            found.append((a.data[1], 1 if a.data[0] == ">" else 0))
            found += _ranges(a.data[1])
    return tuple(dict.fromkeys(found))


def _ranges(p: Poly) -> Facts:
    """Return that every index and label in a form lies below its size."""
    found: list[tuple[Poly, int]] = []
    for a in dict.fromkeys(p.atoms()):
        size = a.data.size if a.kind == "ix" else a.data[0].classes if a.kind == "ent" else None
        if size is not None:
            one = of_index(a.data) if a.kind == "ix" else Poly({((a, 1),): 1})
            found.append((of_size(size) - one, 1))
            found.append((one + const(1), 1))
    return tuple(found)
