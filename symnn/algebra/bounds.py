"""What the ranges of indices and labels say about a whole number: g K + k < G K, and g K + k = 0 only at g = k = 0."""

from __future__ import annotations

from collections.abc import Iterator

from symnn.algebra.leaves import const, is_whole, of_size
from symnn.algebra.order import atom_id
from symnn.algebra.products import multiply
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational

__all__ = ["at_least_one", "divided_by_a_range", "not_above_zero", "within"]


def at_least_one(p: Poly) -> bool:
    """Tell whether a whole number is known to be 1 or more, from the ranges of its indices and labels."""
    if not _ranged(p):
        return False
    least = _least(p)
    return least is not None and _nonnegative(least - ONE)


def not_above_zero(p: Poly) -> bool:
    """Tell whether a whole number is known to be 0 or less."""
    if not _ranged(p):
        return False
    least = _least(-p)
    return least is not None and _nonnegative(least)


def within(p: Poly, size: Poly) -> bool:
    """Tell whether -size < p < size is known."""
    return at_least_one(size - p) and at_least_one(size + p)


def divided_by_a_range(p: Poly) -> tuple[Poly, Poly] | None:
    """Return (a, b) with p = d a + b for some size or number d and -d < b < d known: p = 0 only where a = b = 0."""
    if len(p.terms) < 3 or not _ranged(p):
        return None
    for d in _divisors(p):
        if isinstance(d, Atom):
            above = {_lowered(m, d): c for m, c in p.terms.items() if any(a is d for a, _ in m)}
            below = {m: c for m, c in p.terms.items() if not any(a is d for a, _ in m)}
            size = Poly({((d, 1),): 1})
        else:
            above = {m: c // d for m, c in p.terms.items() if m and c % d == 0}
            below = {m: c for m, c in p.terms.items() if not m or c % d}
            size = const(d)
        if above and any(m for m in below) and within(Poly(below), size):
            return Poly(above), Poly(below)
    return None


def _divisors(p: Poly) -> Iterator[Atom | int]:
    """Yield the sizes, and the numbers above 1, that multiply an index."""
    found: dict[Atom | int, None] = {}
    for m, c in p.terms.items():
        if any(_limit(a) is not None for a, _ in m):
            found |= dict.fromkeys(a for a, _ in m if a.kind == "sym")
            if isinstance(c, int) and abs(c) > 1:
                found.setdefault(abs(c))
    yield from found


def _lowered(m: Monomial, d: Atom) -> Monomial:
    return tuple((a, e - 1) if a is d else (a, e) for a, e in m if a is not d or e != 1)


def _ranged(p: Poly) -> bool:
    return any(_limit(a) is not None for m in p.terms for a, _ in m) and is_whole(p)


def _limit(a: Atom) -> Poly | None:
    """Return the largest value of an index or a label."""
    size = a.data.size if a.kind == "ix" else a.data[0].classes if a.kind == "ent" else None
    return None if size is None else of_size(size) - ONE


def _least(p: Poly) -> Poly | None:
    """Return a lower bound free of indices: each index is put at the end of its range that its coefficient says."""
    factors: dict[Atom, dict[Monomial, Rational]] = {}
    out = ZERO
    for m, c in p.terms.items():
        ranged = [(a, e) for a, e in m if _limit(a) is not None]
        if not ranged:
            out = out + Poly({m: c})
        elif len(ranged) == 1 and ranged[0][1] == 1:
            a = ranged[0][0]
            rest = tuple(sorted((i for i in m if i[0] is not a), key=atom_id))
            factors.setdefault(a, {})[rest] = c
        elif not Poly({m: c}).plainly_nonnegative:
            return None
    for a, terms in factors.items():
        by = Poly(terms)
        if by.plainly_nonnegative:
            continue
        limit = _limit(a)
        if limit is None or not (-by).plainly_nonnegative:
            return None
        out = out + multiply(by, limit)
    return out


def _nonnegative(p: Poly) -> bool:
    """Tell whether a polynomial in sizes is never negative: written in size - 1, none of its terms is."""
    for a in {a for a in p.atoms() if a.kind == "sym" and a.positive}:
        shifted = ZERO
        for m, c in p.terms.items():
            e = dict(m).get(a, 0)
            if not isinstance(e, int) or not 0 <= e <= 4:
                return False
            term = Poly({tuple(i for i in m if i[0] is not a): c})
            for _ in range(e):
                term = multiply(term, Poly({((a, 1),): 1, (): 1}))
            shifted = shifted + term
        p = shifted
    return p.plainly_nonnegative
