"""Equalities between real entries: a term that carries 1[e = 0] may be changed by multiples of e."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from symnn.algebra.normal import multiply, opened, parts_of, product, rebuild, summed
from symnn.algebra.terms import Atom, Monomial, Poly

__all__ = ["on_equalities"]


def on_equalities(poly: Poly) -> Poly:
    """Return the form with the other factors of a monomial that carries [e = 0], e real, reduced modulo e."""
    if any(a.kind == "sum" for a in poly.atoms()):
        poly = rebuild(poly, _summed_on_equalities)
    for _ in range(20):
        out, changed = Poly({}), False
        for m, c in poly.terms.items():
            reduced = _reduced(m)
            changed = changed or reduced is not None
            out = out + (Poly({m: c}) if reduced is None else reduced.scaled(c))
        poly = out
        if not changed:
            return poly
    return poly


def _inside(p: Poly) -> Iterable[Atom]:
    """Yield the atoms of a polynomial and those inside them."""
    for a in p.atoms():
        yield a
        for q in parts_of(a):
            yield from _inside(q)


def _summed_on_equalities(a: Atom) -> Poly | None:
    if a.kind != "sum" or not any(b.kind == "ind" and b.data[0] == "=" for b, _ in a.data[1]):
        return None
    fresh, body = opened(a)
    return summed(on_equalities(body), fresh)


def _replaced(p: Poly, old: Atom, new: Poly) -> Poly:
    return rebuild(p, lambda a: new if a is old else None)


def _reduced(m: Monomial) -> Poly | None:
    for d, _ in m:
        if d.kind != "ind" or d.data[0] != "=":
            continue
        e: Poly = d.data[1]
        lead = max(e.terms, key=lambda t: tuple((a.id, k) for a, k in t))
        if not lead or any(a.kind == "ix" or k <= 0 for a, k in lead):
            continue
        around = Poly({tuple(i for i in m if i[0] is not d): 1})
        if any(a.kind == "ind" and a.data[0] == ">" and a.data[1] in (e, -e) for a, _ in m):
            return Poly({})  # 1[e > 0] 1[e = 0]
        if len(lead) == 1 and lead[0][1] == 1 and any(a is lead[0][0] for a in _inside(around)):
            value = (e - Poly({lead: e.terms[lead]})).scaled(-Fraction(1) / e.terms[lead])
            return multiply(_replaced(around, lead[0][0], value), Poly({((d, 1),): 1}))
        have = dict(m)
        if all(have.get(a, 0) >= k for a, k in lead):
            for a, k in lead:
                have[a] -= k
            others = product([(Poly({((a, 1),): 1}), k) for a, k in have.items() if k])
            rest = (e - Poly({lead: e.terms[lead]})).scaled(-Fraction(1) / e.terms[lead])
            return multiply(others, rest)
    return None
