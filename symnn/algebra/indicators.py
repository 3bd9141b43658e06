"""Indicators 1[p > 0] and 1[p = 0], and what is made of them: sign, modulus."""

from __future__ import annotations

from symnn.algebra.bounds import at_least_one, divided_by_a_range, not_above_zero
from symnn.algebra.leaves import is_whole, of_atom
from symnn.algebra.order import leading_sign
from symnn.algebra.products import content, multiply, whole_power
from symnn.algebra.terms import ONE, ZERO, Monomial, Poly, intern_atom

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
    if at_least_one(p):
        return ONE if relation == ">" else ZERO
    if at_least_one(-p) or (relation == ">" and not_above_zero(p)):
        return ZERO
    parts = divided_by_a_range(p)
    if parts is not None:  # d a + b with |b| < d: b decides only where a = 0
        there = indicator("=", parts[0])
        there = multiply(there, indicator(relation, parts[1]))
        return there if relation == "=" else indicator(">", parts[0]) + there
    single = p.single()
    if single is not None and any(a.kind == "ind" for a, _ in single[0]):  # 1[H q > 0] = H 1[q > 0]
        conditions = Poly({tuple(i for i in single[0] if i[0].kind == "ind"): 1})
        rest = Poly({tuple(i for i in single[0] if i[0].kind != "ind"): single[1]})
        above = multiply(conditions, indicator(relation, rest))
        return above if relation == ">" else ONE - conditions + above
    moved = _compared(p) if relation == ">" else _places(_compared(p))
    if moved is not p:
        return indicator(relation, moved)
    scale, mono, rest = content(p, positive_only=True)
    p = multiply(Poly({tuple((a, e) for a, e in mono if not a.positive): 1}), rest)
    if relation == ">" and is_whole(p):  # [p > 0] = 1 - [1 - p > 0], written the way in which a variable comes first
        if leading_sign(Poly({m: c for m, c in p.terms.items() if m})) < 0:
            return ONE - indicator(">", ONE - p)
    elif leading_sign(p) < 0:
        if relation == ">":
            return ONE - indicator(">", -p) - indicator("=", -p)
        p = -p
    return of_atom(intern_atom("ind", (relation, p), nonnegative=True, height=p.height, indices=p.indices))


def _compared(p: Poly) -> Poly:
    """Return what has the sign of p, by the monotony of exp and log.

    exp(a) - exp(b) has the sign of a - b; c log u - k log v that of u^c - v^k.
    """
    if len(p.terms) != 2:
        return p
    (m1, c1), (m2, c2) = p.terms.items()
    if c1 == -c2 and m1 and m2 and all(a.kind == "exp" for a, _ in (*m1, *m2)):
        up, down = (m1, m2) if c1 > 0 else (m2, m1)
        return _exponent(up) - _exponent(down)
    if c1 * c2 < 0 and isinstance(c1, int) and isinstance(c2, int) and max(abs(c1), abs(c2)) <= 4:
        one, two = _inside_log(m1), _inside_log(m2)
        if one is not None and two is not None:
            p, q = (one, two) if c1 > 0 else (two, one)
            return whole_power(p, max(c1, c2)) - whole_power(q, -min(c1, c2))
    return p


def _places(p: Poly) -> Poly:
    """Return i - j for pi[i] - pi[j], pi a permutation: one vanishes where the other does."""
    if len(p.terms) == 2 and set(p.terms.values()) == {1, -1}:
        one, two = sorted(p.terms, key=p.terms.__getitem__)
        if len(one) == len(two) == 1 and one[0][1] == two[0][1] == 1:
            a, b = one[0][0], two[0][0]
            if a.kind == b.kind == "ent" and a.data[0] is b.data[0] and a.data[0].bijective:
                place: Poly = b.data[1][0] - a.data[1][0]
                return place
    return p


def _exponent(m: Monomial) -> Poly:
    out = ZERO
    for a, e in m:
        out = out + Poly({a.data: e})
    return out


def _inside_log(m: Monomial) -> Poly | None:
    if len(m) == 1 and m[0][1] == 1 and m[0][0].kind == "fn" and m[0][0].data[0] == "log":
        inside: Poly = m[0][0].data[1][0]
        return inside
    return None


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
