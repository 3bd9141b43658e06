"""Which signs several forms can have at once: linear inequalities with their monomials as unknowns, by elimination.

Source: J. B. J. Fourier 1826, T. S. Motzkin 1936: a system of linear inequalities has no solution exactly where
a nonnegative combination of them reads 0 > 0.
"""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.leaves import is_whole
from symnn.algebra.terms import Monomial, Poly, Rational

__all__ = ["possible"]

_MOST_INEQUALITIES = 60
_MOST_UNKNOWNS = 10

Row = tuple[dict[Monomial, Rational], bool]


def possible(facts: tuple[tuple[Poly, int], ...]) -> bool:
    """Tell whether forms may have these signs (1, 0 or -1); False only where they certainly cannot."""
    rows: list[Row] = []
    unknowns: dict[Monomial, None] = {}
    for p, sign in facts:
        for q in (p, -p) if sign == 0 else (p.scaled(sign),):
            terms = dict(q.terms)
            if sign and is_whole(q):  # a whole number above 0 is at least 1
                terms[()] = terms.get((), 0) - 1
            rows.append((terms, bool(sign) and not is_whole(q)))
            unknowns |= dict.fromkeys(m for m in terms if m)
    for m in unknowns:
        one = Poly({m: 1})
        if one.plainly_nonnegative:
            rows.append(({m: 1}, one.plainly_positive))
    if len(unknowns) > _MOST_UNKNOWNS:
        return True
    for m in unknowns:
        above = [r for r in rows if r[0].get(m, 0) > 0]
        below = [r for r in rows if r[0].get(m, 0) < 0]
        rows = [r for r in rows if not r[0].get(m, 0)]
        if len(rows) + len(above) * len(below) > _MOST_INEQUALITIES:
            return True
        rows += [_combined(a, b, m) for a in above for b in below]
    return all(r.get((), 0) > 0 or (r.get((), 0) == 0 and not strict) for r, strict in rows)


def _combined(a: Row, b: Row, m: Monomial) -> Row:
    """Return the sum of two rows, each divided by the modulus of its coefficient of m, which goes."""
    out: dict[Monomial, Rational] = {}
    for terms, _ in (a, b):
        scale = abs(Fraction(terms[m]))
        for k, c in terms.items():
            new = out.get(k, 0) + c / scale
            out[k] = new
    return {k: c for k, c in out.items() if c}, a[1] or b[1]
