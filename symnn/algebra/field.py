"""Rational functions at one point of a prime field: residues, with bounds of the degrees they come from."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["ORDER", "PRIME", "NoResidue", "Value", "added", "degree_bound", "raised", "residue", "times"]

#: p = 2r + 1 with r prime, so that among the squares every odd and every even root exists and is one; 2, 3, 5, 7, 11
#: and 13 are squares.
PRIME = 2305843009213655999
ORDER = (PRIME - 1) // 2


class NoResidue(Exception):
    """A formula has no value modulo the prime here; ``again`` where another random point may help."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Value:
    """A residue, and degrees that bound those of the numerator and the denominator it is the value of."""

    residue: int
    above: int
    below: int


def degree_bound(left: Value, right: Value) -> int:
    """Return a bound of the degree of the numerator of a difference."""
    return max(left.above + right.below, right.above + left.below)


def residue(value: Fraction) -> int:
    """Return a rational modulo the prime."""
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME


def added(values: list[Value]) -> Value:
    """Return a sum, over the product of the denominators."""
    out = Value(0, 0, 0)
    for v in values:
        same = out.below == 0 == v.below
        above = max(out.above, v.above) if same else max(out.above + v.below, v.above + out.below)
        out = Value((out.residue + v.residue) % PRIME, above, out.below + v.below)
    return out


def times(a: Value, b: Value) -> Value:
    """Return a product."""
    return Value(a.residue * b.residue % PRIME, a.above + b.above, a.below + b.below)


def raised(v: Value, e: Fraction | int) -> Value:
    """Return a rational power.

    Raises:
        NoResidue: a power of 0 that does not exist, or a root of what is no square.
    """
    e = Fraction(e)
    if v.residue == 0 and e <= 0:
        raise NoResidue("a denominator is 0", again=True)
    if e.denominator != 1 and v.residue and pow(v.residue, ORDER, PRIME) != 1:
        raise NoResidue("a root does not exist", again=True)
    order = PRIME - 1 if e.denominator == 1 else ORDER
    whole = e.numerator * (1 if e.denominator == 1 else pow(e.denominator, -1, ORDER)) % order
    found = pow(v.residue, whole, PRIME) if v.residue else 0
    # A root is a value of an algebraic function: its norm has degrees larger by the denominator.
    n, k = abs(e.numerator), e.denominator
    above, below = (v.above, v.below) if e > 0 else (v.below, v.above)
    return Value(found, n * above * k, n * below * k)
