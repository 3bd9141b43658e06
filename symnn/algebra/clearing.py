"""Fractions: cleared by multiplying with what stands below the line, or divided out with a remainder."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from symnn.algebra.normal import const, exponential, function, multiply, opened, power, product, summed
from symnn.algebra.terms import Atom, Monomial, Poly

__all__ = ["clear", "divided"]


def clear(poly: Poly, used: set[str]) -> Poly:
    """Multiply by the denominators and expand, until none is left."""
    for _ in range(12):
        lowest: dict[Atom, Any] = {}
        for m in poly.terms:
            for a, e in m:
                if e < 0 or (a.kind == "base"):
                    lowest[a] = min(lowest.get(a, 0), e)
        # A base also counts 0 in the monomials that lack it.
        factors = [(a, -e) for a, e in lowest.items() if e < 0]
        if not factors:
            return poly
        used |= {f"{_describe(a)} != 0" for a, _ in factors if not a.positive}
        raised = Poly({})
        for m, c in poly.terms.items():
            up = dict(m)
            for a, e in factors:
                up[a] = up.get(a, 0) + e
            term = const(c)
            for a, e in up.items():
                if e:
                    term = multiply(term, power(a.data if a.kind == "base" else Poly({((a, 1),): 1}), e))
            raised = raised + term
        if raised == poly:
            return poly
        poly = raised
        if not poly.terms:
            return poly
    return poly


def divided(poly: Poly) -> Poly:
    """Divide every fraction out, also inside sums and functions: x/(1 + x) becomes 1 - 1/(1 + x)."""
    out = Poly({})
    for m, c in poly.terms.items():
        out = out + product((_divided_atom(a), e) for a, e in m).scaled(c)
    for _ in range(_DIVISIONS):
        found = next(((m, a, lead) for m in out.terms for a, lead in _divisible(m)), None)
        if found is None:
            return out
        m, a, lead = found
        factor = Fraction(1) / a.data.terms[lead]
        rest = multiply(Poly({m: out.terms[m]}), Poly({tuple((b, -e) for b, e in lead): 1})).scaled(factor)
        others = a.data - Poly({lead: a.data.terms[lead]})
        whole = Poly({tuple((b, e + 1) if b is a else (b, e) for b, e in mono if not (b is a and e == -1)): k
                      for mono, k in rest.terms.items()})  # fmt: skip
        out = out - Poly({m: out.terms[m]}) + whole - multiply(rest, others)
    return out


#: A division of polynomials ends by itself; this bounds its length only.
_DIVISIONS = 200


def _divided_atom(a: Atom) -> Poly:
    match a.kind:
        case "sum":
            fresh, body = opened(a)
            return summed(divided(body), fresh)
        case "exp":
            return exponential(divided(Poly({a.data: 1})))
        case "fn":
            return function(a.data[0], tuple(divided(p) for p in a.data[1]))
        case "base":
            return divided(a.data)
    return Poly({((a, 1),): 1})


def _divisible(m: Monomial) -> Iterator[tuple[Atom, Monomial]]:
    """Yield the denominators of a monomial whose leading term divides it, with that term (graded, then by atom)."""
    exps = dict(m)
    for a, e in m:
        if a.kind == "base" and isinstance(e, int) and e < 0:
            lead = max(a.data.terms, key=lambda t: (sum(k for _, k in t), [(-b.id, k) for b, k in t]))
            if lead and all(exps.get(b, 0) >= k for b, k in lead):
                yield a, lead


def _describe(a: Atom) -> str:
    """Return a short text of an atom, for side conditions."""
    match a.kind:
        case "ent":
            return str(a.data[0].name)
        case "sym":
            return str(a.data)
        case "sum":
            return "a sum"
        case "base":
            return _short(a.data) or "a denominator"
    return str(a.kind)


def _short(p: Poly) -> str:
    """Return a form of few terms in symbols as text, or nothing."""
    words: list[str] = []
    for m, c in p.terms.items():
        if len(p.terms) > 3 or any(a.kind != "sym" or e not in (1, 2) for a, e in m):
            return ""
        factors = [str(abs(c))] if abs(c) != 1 or not m else []
        factors += [str(a.data) + ("**2" if e == 2 else "") for a, e in m]
        words.append(("-" if c < 0 else "+") + " " + "*".join(factors))
    text = " ".join(sorted(words))
    return text[2:] if text.startswith("+ ") else text.replace("- ", "-", 1)
