"""Signs of expanded squares: sum_n x_n^2 - 2 m sum_n x_n + N m^2 is sum_n (x_n - m)^2, and so not negative.

A square is completed for one variable after another (Lagrange's reduction of a quadratic form): with a > 0

    a v^2 + b v + c = a (v + b/(2a))^2 + (4ac - b^2)/(4a),

so that what is left has to be known as not negative, at last term by term. Sums of products are centred first,

    sum_n f_n g_n = sum_n (f_n - mean f)(g_n - mean g) + (sum f)(sum g)/N,

and the centred part is a sum over n of one quadratic form.
"""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.budget import spend
from symnn.algebra.order import atom_id
from symnn.algebra.products import ABOVE, merge, multiply, whole_power
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational, intern_atom, ratio

__all__ = ["expanded_sign"]

_MOST_TERMS = 24
_MOST_SQUARES = 8


def expanded_sign(p: Poly) -> int:
    """Return 2 where p > 0 is known, 1 where p >= 0 is, else 0; p has a term that may be negative."""
    found = _KNOWN.get(p)
    if found is None:
        found = _KNOWN[p] = _sign(p)
    return found


_KNOWN: dict[Poly, int] = {}


def _sign(p: Poly) -> int:
    if len(p.terms) <= _MOST_TERMS and _root_exceeds(p):
        return 2
    if len(p.terms) > _MOST_TERMS or not any(c > 0 and _square(m) for m, c in p.terms.items()):
        return 0
    if any(a.kind == "ind" or (a.kind == "ix" and e != 1) for m in p.terms for a, e in m):
        return 0
    spend()
    centred, rest = _centred(p)
    if any(_reduced(form) < 1 for form in centred.values()):
        return 0
    return _reduced(rest)


def _root_exceeds(p: Poly) -> bool:
    """Tell whether p = c sqrt(q) + r with c > 0 and c^2 q > r^2: sqrt(1 + x^2) + x is positive."""
    for m, c in p.terms.items():
        if len(m) == 1 and m[0][0].kind == "base" and m[0][1] == Fraction(1, 2) and c > 0:
            rest = p - Poly({m: c})
            inside: Poly = m[0][0].data
            return (inside.scaled(ratio(Fraction(c) ** 2)) - multiply(rest, rest)).positive
    return False


def _square(m: Monomial) -> bool:
    """Tell whether a monomial is known not to be negative."""
    return all(a.nonnegative or (isinstance(e, int) and e % 2 == 0) for a, e in m)


def _centred(p: Poly) -> tuple[dict[object, Poly], Poly]:
    """Return the quadratic forms under sums, centred, by their binders, and what is left."""
    forms: dict[object, Poly] = {}
    rest = ZERO
    for m, c in p.terms.items():
        found = next((a for a, e in m if a.kind == "sum" and e == 1 and _pair(a) is not None), None)
        if found is None:
            rest = rest + Poly({m: c})
            continue
        f, g = _pair(found) or ((), ())
        names = found.data[0]
        outside: Monomial = tuple(i for i in m if i[0] is not found)
        inner = merge(outside, merge(((_less_its_mean(f), 1),), ((_less_its_mean(g), 1),)))
        forms[names] = forms.get(names, ZERO) + Poly({inner: c})
        product = Poly({outside: c})
        for part in (f, g):
            product = multiply(product, ABOVE["summed"](Poly({part: 1}), names))
        rest = rest + multiply(product, whole_power(ABOVE["summed"](ONE, names), -1))
    return forms, rest


def _less_its_mean(f: Monomial) -> Atom:
    """Return f - mean f as a variable of its own, of either sign whatever the sign of f."""
    return intern_atom("centred", f)


def _pair(a: Atom) -> tuple[Monomial, Monomial] | None:
    """Return f and g where the body of a sum is f * g."""
    body: Monomial = a.data[1]
    if any(b.kind == "ind" or not isinstance(e, int) for b, e in body):
        return None
    if all(e % 2 == 0 for _, e in body):
        half = tuple((b, ratio(e // 2)) for b, e in body)
        return half, half
    if len(body) == 2 and body[0][1] == 1 and body[1][1] == 1:
        return (body[0],), (body[1],)
    return None


def _reduced(p: Poly) -> int:
    for _ in range(_MOST_SQUARES):
        if p.plainly_nonnegative:
            return 2 if p.plainly_positive else 1
        step = _completed(p)
        if step is None:
            return 0
        p = step
    return 0


def _completed(p: Poly) -> Poly | None:
    """Return 4ac - b^2 for some variable in which p is a v^2 + b v + c with a > 0."""
    signed = {a for m, c in p.terms.items() for a, e in m if e % 2 and (c < 0 or not _square(m))}
    for v in sorted(signed, key=lambda a: a.id):
        parts = _by_degree(p, v)
        if parts is None:
            continue
        a, b, c = parts
        if a.plainly_positive:  # then 4ac - b^2 has the sign of c - b^2/(4a)
            return multiply(a, c).scaled(4) - multiply(b, b)
    return None


def _by_degree(p: Poly, v: Atom) -> tuple[Poly, Poly, Poly] | None:
    parts: list[dict[Monomial, Rational]] = [{}, {}, {}]
    for m, c in p.terms.items():
        e = dict(m).get(v, 0)
        if e not in (0, 1, 2):
            return None
        parts[2 - int(e)][tuple(sorted((i for i in m if i[0] is not v), key=atom_id))] = c
    return Poly(parts[0]), Poly(parts[1]), Poly(parts[2])
