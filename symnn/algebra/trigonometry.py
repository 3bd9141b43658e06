"""Sines and cosines of sums and multiples, through those of their terms; sin^2 = 1 - cos^2 leaves no power of a sine.

    sin(a + b) = sin a cos b + cos a sin b      cos(a + b) = cos a cos b - sin a sin b      tan a = sin a / cos a

Two forms in the sines and cosines of independent angles are equal where these rules make them one, because
cos^2 + sin^2 = 1 is the only relation between the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd, lcm

from symnn.algebra.normal import function, multiply, opened, parts_of, power, rebuild, summed
from symnn.algebra.terms import ONE, ZERO, Atom, Poly, Rational

__all__ = ["has_angles", "sines_reduced", "trigonometric"]

_NAMES = ("sin", "cos", "tan")
_LARGEST_MULTIPLE = 8


def has_angles(poly: Poly) -> bool:
    """Tell whether a sine, cosine or tangent occurs."""
    return any(True for _ in _angles(poly))


def _angles(poly: Poly) -> Iterable[Poly]:
    for a in poly.atoms():
        if a.kind == "fn" and a.data[0] in _NAMES:
            yield a.data[1][0]
        for p in parts_of(a):
            yield from _angles(p)


def trigonometric(poly: Poly) -> Poly:
    """Return the form in the sines and cosines of u m, for single terms m and the largest u that divides all angles."""
    found = [abs(Fraction(c)) for angle in _angles(poly) for c in angle.terms.values()]
    part = _common_part(found) if found else Fraction(1)

    def change(a: Atom) -> Poly | None:
        if a.kind != "fn" or a.data[0] not in _NAMES:
            return None
        angle: Poly = a.data[1][0]
        if any(abs(c / part) > _LARGEST_MULTIPLE for c in angle.terms.values()):
            return None
        sine, cosine = _of_sum(angle, part)
        if a.data[0] == "tan":
            return multiply(sine, power(cosine, -1))
        return sine if a.data[0] == "sin" else cosine

    return sines_reduced(rebuild(poly, change))


def _common_part(values: list[Fraction]) -> Fraction:
    below = lcm(*(v.denominator for v in values))
    return Fraction(gcd(*(int(v * below) for v in values)), below)


def _of_sum(angle: Poly, part: Fraction) -> tuple[Poly, Poly]:
    sine, cosine = ZERO, ONE
    for m, c in angle.terms.items():
        unit = Poly({m: 1}).scaled(part)
        s, d = function("sin", (unit,)), function("cos", (unit,))
        count = int(c / part)
        for _ in range(abs(count)):
            turn = s if count > 0 else -s
            sine, cosine = multiply(sine, d) + multiply(cosine, turn), multiply(cosine, d) - multiply(sine, turn)
    return sine, cosine


def sines_reduced(poly: Poly) -> Poly:
    """Write even powers of sines through cosines, inside sums too."""
    poly = rebuild(poly, _summed) if any(a.kind == "sum" for a in poly.atoms()) else poly
    out = ZERO
    for m, c in poly.terms.items():
        term = Poly({m: c})
        for a, e in m:
            if _is_sine(a) and isinstance(e, int) and e >= 2:
                term = Poly({tuple(i for i in m if i[0] is not a): c})
                odd: Rational = e % 2
                square = ONE - power(function("cos", a.data[1]), 2)
                term = multiply(multiply(term, power(square, e // 2)), power(Poly({((a, 1),): 1}), odd))
                term = sines_reduced(term)
                break
        out = out + term
    return out


def _is_sine(a: Atom) -> bool:
    return a.kind == "fn" and a.data[0] == "sin"


def _summed(a: Atom) -> Poly | None:
    if a.kind != "sum":
        return None
    fresh, body = opened(a)
    return summed(sines_reduced(body), fresh)
