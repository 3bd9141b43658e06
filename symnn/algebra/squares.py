"""The square root of a polynomial that is a perfect square: P + 2 sqrt(P) sqrt(Q) + Q is (sqrt(P) + sqrt(Q))^2."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from symnn.algebra.budget import spend
from symnn.algebra.order import atom_id
from symnn.algebra.products import merge, monomial, multiply
from symnn.algebra.terms import ZERO, Atom, Monomial, Poly, Rational, ratio

__all__ = ["square_root"]

#: Longer polynomials are left alone.
_MOST_TERMS = 40

_KNOWN: dict[Poly, Poly | None] = {}


def square_root(p: Poly) -> Poly | None:
    """Return q with q * q = p, up to its sign, or None. Found term by term from the leading one, then multiplied out.

    An atom of unknown sign is never given a fractional power.
    """
    if not 3 <= len(p.terms) <= _MOST_TERMS:
        return None
    if p not in _KNOWN:
        _KNOWN[p] = _found(p)
    return _KNOWN[p]


def _found(p: Poly) -> Poly | None:
    atoms = sorted({a for a in p.atoms()}, key=lambda a: a.id)
    if any(a.kind in ("ind", "num") for a in atoms):
        return None

    def degree(m: Monomial) -> tuple[Rational, ...]:
        exps = dict(m)
        return tuple(exps.get(a, 0) for a in atoms)

    top, bottom = max(p.terms, key=degree), min(p.terms, key=degree)
    first, last = _half(top), _half(bottom)
    scale = _root(p.terms[top])
    if first is None or last is None or scale is None or _root(p.terms[bottom]) is None:
        return None
    spend()
    root: dict[Monomial, Rational] = {first: scale}
    rest = dict(p.terms)
    _take(rest, merge(first, first), scale * scale)
    inverse: Monomial = tuple((a, -e) for a, e in first)
    for _ in range(len(p.terms)):
        if not rest:
            break
        lead = max(rest, key=degree)
        new, c = merge(lead, inverse), ratio(Fraction(rest[lead]) / (2 * scale))
        if new in root or degree(new) < degree(last) or not _allowed(new):
            return None
        for m, k in root.items():
            _take(rest, merge(m, new), 2 * k * c)
        _take(rest, merge(new, new), c * c)
        root[new] = c
    if rest:
        return None
    q = ZERO
    for m, c in root.items():
        q = q + monomial(tuple(sorted(m, key=atom_id))).scaled(c)
    return q if multiply(q, q) == p else None


def _take(rest: dict[Monomial, Rational], m: Monomial, c: Rational) -> None:
    left = ratio(rest.get(m, 0) - Fraction(c))
    if left:
        rest[m] = left
    else:
        rest.pop(m, None)


def _half(m: Monomial) -> Monomial | None:
    halved = tuple((a, ratio(Fraction(e) / 2)) for a, e in m)
    return halved if _allowed(halved) else None


def _allowed(m: Monomial) -> bool:
    return all(isinstance(e, int) or _may_have_roots(a) for a, e in m)


def _may_have_roots(a: Atom) -> bool:
    return a.nonnegative


def _root(c: Rational) -> Rational | None:
    """Return the rational square root of a rational, or None."""
    if c <= 0:
        return None
    num, den = isqrt(c.numerator), isqrt(c.denominator)
    return ratio(Fraction(num, den)) if num * num == c.numerator and den * den == c.denominator else None
