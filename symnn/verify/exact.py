"""The reference interpreter in exact rational arithmetic: what is no rational is refused, not rounded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from symnn.graph.interpreter import Interpreter
from symnn.ground.tensors import Tensor

__all__ = ["ExactInterpreter", "Irrational", "rational_root"]


class Irrational(Exception):
    """A value is not rational, or cannot be told to be."""


class _Number(Fraction):
    """A rational whose powers are rational too."""

    def __pow__(self, exponent: Any, modulo: None = None) -> Any:
        power = Fraction(exponent)
        if self in (0, 1) and power > 0:
            return Fraction(self)
        if power.denominator > _MOST_ROOT or self._bits() * abs(power.numerator) > _MOST_BITS:
            raise Irrational(f"a power {float(power):.6g} is too large to be exact")
        if power.denominator == 1:
            return Fraction(self) ** power.numerator
        if self < 0:
            raise ValueError(f"{self} to the power {power} is not real")
        root = Fraction(_root(self.numerator, power.denominator), _root(self.denominator, power.denominator))
        return root**power.numerator

    def _bits(self) -> int:
        return max(self.numerator.bit_length(), self.denominator.bit_length())


#: Larger roots and longer powers are not worked out.
_MOST_ROOT, _MOST_BITS = 60, 20_000


def _root(n: int, k: int) -> int:
    """Return the whole k-th root of a whole number."""
    guess = round(n ** (1 / k)) if n < 2**52 else _newton(n, k)
    if guess**k != n:
        raise Irrational(f"the root of {n} is irrational")
    return guess


def _newton(n: int, k: int) -> int:
    low, high = 0, 1 << (n.bit_length() // k + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**k <= n else (low, middle - 1)
    return low


#: Where a function of a rational is rational: exp(0) = 1 and the like.
_VALUES: dict[str, dict[int, int]] = {
    "exp": {0: 1}, "log": {1: 0}, "sin": {0: 0}, "cos": {0: 1}, "tan": {0: 0}, "sinh": {0: 0}, "cosh": {0: 1},
    "tanh": {0: 0}, "asin": {0: 0}, "acos": {1: 0}, "atan": {0: 0}, "asinh": {0: 0}, "erf": {0: 0}, "erfc": {0: 1},
}  # fmt: skip


class _Exact:
    """Stands where the interpreter keeps mpmath's context: its numbers are rationals."""

    dps = 0
    mpf = Fraction

    class mpc:  # noqa: N801
        """No complex number is exact."""

        def __init__(self, *_: Any) -> None:
            raise Irrational("a derivative is taken by a complex step")

    @staticmethod
    def convert(value: Any) -> Any:
        """Return a rational whose powers are exact."""
        return _Number(value)

    def __getattr__(self, name: str) -> Any:
        """Return a function that knows its rational values, or refuse a constant such as pi."""
        if name not in _VALUES:
            raise Irrational(f"{name} is irrational")

        def call(value: Any) -> Fraction:
            if value not in _VALUES[name]:
                raise Irrational(f"{name}({value}) is irrational")
            return Fraction(_VALUES[name][int(value)])

        return call


class ExactInterpreter(Interpreter):
    """Evaluate tensors entry by entry in rational arithmetic.

    Raises:
        Irrational: on the way to a value something is not rational.
    """

    def __init__(self, sizes: Mapping[Any, Any], values: Mapping[Tensor, Any]) -> None:
        self.digits = 0  # arrays hold Python objects
        self.sizes = dict(sizes)
        self.arrays = {t: self._leaf(t, v) for t, v in values.items()}
        self.given = frozenset(self.arrays)
        self.context: Any = _Exact()


def rational_root(value: Fraction) -> Fraction | None:
    """Return the square root of a rational where it is one."""
    if value < 0:
        return None
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    return Fraction(above, below) if above**2 == value.numerator and below**2 == value.denominator else None
