"""Forms for printing only: values as before, but no longer normal, so nothing is computed with them.

Normal form writes 1[p <= 0] as 1 - 1[p > 0], and beside 1[i = n] it names one of the two indices by the other. A
reader wants the condition that is meant, and each index on its own axis.
"""

from __future__ import annotations

from symnn.algebra.leaves import base_atom, entry, is_whole, of_index, parts_of
from symnn.algebra.normal import rebuild
from symnn.algebra.quotients import times
from symnn.algebra.terms import Atom, Monomial, Poly, intern_atom
from symnn.ground.indices import Index

__all__ = ["for_print"]


def for_print(p: Poly) -> Poly:
    """Return a polynomial with conditions turned round, and indices put on their own axes."""
    return _conditions_turned(_deltas_turned(p))


def _conditions_turned(p: Poly) -> Poly:
    """Write 1 - 1[q > 0] - 1[q = 0] as 1[q < 0], and 1 - 1[q > 0] as 1[q <= 0].

    Conditions on indices come first: they may keep the entries that others compare inside their axes.
    """
    found = dict.fromkeys(a for a in p.atoms() if a.kind == "ind" and a.data[0] == ">")
    for above in sorted(found, key=lambda a: not is_whole(a.data[1])):
        level = intern_atom("ind", ("=", above.data[1]), nonnegative=True, indices=above.indices)
        for m, c in list(p.terms.items()):
            without = times(m, ((above, 1),))
            if above in dict(m) or level in dict(m) or p.terms.get(without) != -c:
                continue
            also = times(m, ((level, 1),))
            strict = p.terms.get(also) == -c
            turned = intern_atom("ind", ("<" if strict else "<=", above.data[1]), indices=above.indices)
            gone = (m, without, also) if strict else (m, without)
            p = Poly({n: k for n, k in p.terms.items() if n not in gone} | {times(m, ((turned, 1),)): c})
    return p


def _deltas_turned(p: Poly) -> Poly:
    """Write 1[i = n] y[n,n] as 1[i = n] y[n,i] where n has no place on the axis of i, or other terms hold y[n,i]."""
    for m in list(p.terms):
        for delta, _ in m:
            pair = _pair(delta)
            if pair is None or m not in p.terms:
                continue
            elsewhere = {a for other in p.terms if other != m for a, _ in other}
            best, least = m, _misplaced(m, elsewhere)
            for old, new in (pair, pair[::-1]):
                turned = _turned(m, delta, old, new)
                if turned is not None and turned not in p.terms and _misplaced(turned, elsewhere) < least:
                    best, least = turned, _misplaced(turned, elsewhere)
            if best != m:
                p = Poly({best if k == m else k: c for k, c in p.terms.items()})
                m = best
    return p


def _pair(a: Atom) -> tuple[Index, Index] | None:
    """Return i and n of 1[i = n]."""
    if a.kind != "ind" or a.data[0] != "=" or len(a.data[1].terms) != 2:
        return None
    found = [
        m[0][0].data for m, c in a.data[1].terms.items()
        if c in (1, -1) and len(m) == 1 and m[0][1] == 1 and m[0][0].kind == "ix"
    ]  # fmt: skip
    return (found[0], found[1]) if len(found) == 2 and sum(a.data[1].terms.values()) == 0 else None


def _misplaced(m: Monomial, elsewhere: set[Atom]) -> tuple[int, int]:
    """Return how many indices stand on another's axis, and how many factors no other term has."""
    return sum(_off_axis(a) for a, _ in m), sum(a not in elsewhere for a, _ in m)


def _off_axis(a: Atom) -> int:
    count = sum(_off_axis(b) for p in parts_of(a) for b in p.atoms())
    if a.kind == "ent":
        for position, size in zip(a.data[1], a.data[0].shape, strict=True):
            single = position.single()
            lone = single is not None and single[1] == 1 and len(single[0]) == 1 and single[0][0][1] == 1
            if lone and single is not None and single[0][0][0].kind == "ix" and single[0][0][0].data.size != size:
                count += 1
    return count


def _turned(m: Monomial, delta: Atom, old: Index, new: Index) -> Monomial | None:
    """Return the monomial with one index named by the other where that brings an entry's position home."""
    out: Monomial = ((delta, 1),)
    for a, e in m:
        if a is delta:
            continue
        turned = a if old not in a.indices else _at_home(a, old, new)
        if turned is None:
            return None
        out = times(out, ((turned, e),))
    return out


def _at_home(a: Atom, old: Index, new: Index) -> Atom | None:
    """Return an atom with ``old`` replaced on the axes of entries that ``new`` runs over; None where it is no atom."""
    if a.kind in ("ix", "ind", "sym"):
        return a
    if a.kind == "base":
        return base_atom(rebuild(a.data, lambda b: _entry_at_home(b, old, new)))
    single = rebuild(Poly({((a, 1),): 1}), lambda b: _entry_at_home(b, old, new)).single()
    if single is None or single[1] != 1 or len(single[0]) != 1 or single[0][0][1] != 1:
        return None
    return single[0][0][0]


def _entry_at_home(a: Atom, old: Index, new: Index) -> Poly | None:
    if a.kind != "ent":
        return None
    at = zip(a.data[1], a.data[0].shape, strict=True)
    return entry(a.data[0], tuple(of_index(new) if p == of_index(old) and size == new.size else p for p, size in at))
