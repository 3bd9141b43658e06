"""Indicators 1[p > 0] and 1[p = 0], and what is made of them: sign, modulus."""

from __future__ import annotations

from symnn.algebra.leaves import is_whole, of_atom
from symnn.algebra.order import leading_sign
from symnn.algebra.products import content, multiply
from symnn.algebra.terms import ONE, ZERO, Poly, intern_atom

__all__ = ["absolute", "indicator", "sign"]


def indicator(relation: str, p: Poly) -> Poly:
    """Return 1[p relation 0]. Only [p > 0] and [p = 0] are kept, with the sign of p normal."""
    if relation == ">=":
        return indicator(">", p + ONE) if is_whole(p) else ONE - indicator(">", -p)
    if relation == "!=":
        return ONE - indicator("=", p)
    value = p.constant()
    if value is not None:
        return ONE if (value > 0 if relation == ">" else value == 0) else ZERO
    if p.positive:
        return ONE if relation == ">" else ZERO
    if (-p).positive or (relation == ">" and (-p).nonnegative):
        return ZERO
    scale, mono, rest = content(p, positive_only=True)
    p = multiply(Poly({tuple((a, e) for a, e in mono if not a.positive): 1}), rest)
    if leading_sign(p) < 0:
        if relation == ">":
            return ONE - indicator(">", -p) - indicator("=", -p)
        p = -p
    return of_atom(intern_atom("ind", (relation, p), nonnegative=True, height=p.height, indices=p.indices))


def sign(p: Poly) -> Poly:
    """Return sign(p), 0 at 0."""
    return indicator(">", p) - indicator(">", -p)


def absolute(p: Poly) -> Poly:
    """Return |p| = p (2 [p > 0] - 1)."""
    if p.nonnegative:
        return p
    if (-p).nonnegative:
        return -p
    if leading_sign(p) < 0:
        p = -p
    # p sign(p): written with sign(0) = 0, so that its derivative has that convention too
    return multiply(p, sign(p))
