"""Exact division of polynomials in atoms; exponents may be negative or fractions."""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.terms import ZERO, Atom, Monomial, Poly, Rational, ratio

__all__ = ["quotient", "times"]

#: Terms of one quotient; bounds the work where there is none.
_LONGEST = 8


def quotient(p: Poly, divisor: Poly) -> Poly | None:
    """Return p / divisor where that is a polynomial of few terms, else None. Nothing opens inside atoms."""
    atoms = list(dict.fromkeys(divisor.atoms()))

    def key(m: Monomial) -> tuple[Rational, ...]:
        exps = dict(m)
        return tuple(exps.get(a, 0) for a in atoms)

    lead = max(divisor.terms, key=key)
    left, out = p, ZERO
    for _ in range(_LONGEST):
        if not left.terms:
            return out
        first = max(left.terms, key=key)
        step = {times(first, lead, -1): ratio(Fraction(left.terms[first]) / divisor.terms[lead])}
        out = out + Poly(step)
        left = left - _product(step, divisor)
    return out if not left.terms else None


def _product(p: dict[Monomial, Rational], q: Poly) -> Poly:
    out = ZERO
    for m, c in p.items():
        out = out + Poly({times(m, n): ratio(c * k) for n, k in q.terms.items()})
    return out


def times(m: Monomial, n: Monomial, power: int = 1) -> Monomial:
    """Return m n ** power with exponents added, not made normal."""
    exps: dict[Atom, Rational] = dict(m)
    for a, e in n:
        exps[a] = exps.get(a, 0) + power * e
    return tuple(sorted(((a, ratio(e)) for a, e in exps.items() if e), key=lambda i: i[0].id))
