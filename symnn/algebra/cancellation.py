"""Cancel brackets: a/(a + b)^e + b/(a + b)^e is (a + b)^(1 - e), also where only some of the terms belong together."""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.normal import multiply
from symnn.algebra.products import base_power
from symnn.algebra.quotients import quotient, times
from symnn.algebra.terms import ONE, Atom, Monomial, Poly, Rational, ratio

__all__ = ["cancelled"]

#: Cancellations in one formula; each makes it shorter, so this only bounds the work.
_MOST = 200


def cancelled(p: Poly) -> Poly:
    """Return the polynomial with terms that add up to a bracket raised to a higher power put together."""
    for _ in range(_MOST):
        for bracket, e in dict.fromkeys((a, e) for m in p.terms for a, e in m if a.kind == "base" and e < 1):
            found = _divided(p, bracket, e) or _one(p, bracket, e)
            if found is not None:
                p = found
                break
        else:
            return p
    return p


def _divided(p: Poly, bracket: Atom, e: Rational) -> Poly | None:
    """Divide the bracket out of terms that share what stands beside it, if one such group is a multiple of it."""
    inside = dict.fromkeys(bracket.data.atoms())
    groups: dict[Monomial, dict[Monomial, Rational]] = {}
    for m, c in p.terms.items():
        if dict(m).get(bracket) == e:
            beside = tuple(i for i in m if i[0] not in inside and i[0] is not bracket)
            groups.setdefault(beside, {})[tuple(i for i in m if i[0] in inside)] = c
    for beside, terms in groups.items():
        if len(terms) < len(bracket.data.terms):
            continue
        divided = quotient(Poly(terms), bracket.data)
        if divided is not None:
            gone = {times(times(beside, m), ((bracket, e),)) for m in terms}
            left = Poly({m: c for m, c in p.terms.items() if m not in gone})
            return left + multiply(multiply(divided, Poly({beside: 1})), _raised(bracket, e))
    return None


def _one(p: Poly, bracket: Atom, e: Rational) -> Poly | None:
    """Put one group of terms together that is c m (bracket)(bracket)^e, if there is one."""
    (first, factor), *others = bracket.data.terms.items()
    for m, c in p.terms.items():
        if dict(m).get(bracket) != e:
            continue
        common = times(m, first, -1)
        scale = Fraction(c) / Fraction(factor)
        group = [m]
        for part, k in others:
            partner = times(common, part)
            if p.terms.get(partner) != ratio(scale * k):
                break
            group.append(partner)
        else:
            left = Poly({t: k for t, k in p.terms.items() if t not in group})
            rest = Poly({tuple(i for i in common if i[0] is not bracket): ratio(scale)})
            return left + multiply(rest, _raised(bracket, e))
    return None


def _raised(bracket: Atom, e: Rational) -> Poly:
    return ONE if e == -1 else base_power(bracket.data, ratio(e + 1))
