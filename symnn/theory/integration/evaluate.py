"""Values of a smooth expression at many points at once: in float64 on NumPy arrays, or in mpmath's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import scipy.special
import sympy

from symnn.theory.errors import MomentError

__all__ = ["Array", "Program", "as_float", "as_mpf"]

Array = np.ndarray[Any, Any]

_FLOATS: dict[Any, Callable[..., Any]] = {
    sympy.exp: np.exp, sympy.log: np.log, sympy.sin: np.sin, sympy.cos: np.cos, sympy.sinh: np.sinh,
    sympy.cosh: np.cosh, sympy.tanh: np.tanh, sympy.asin: np.arcsin, sympy.acos: np.arccos, sympy.atan: np.arctan,
    sympy.asinh: np.arcsinh, sympy.erf: scipy.special.erf, sympy.erfc: scipy.special.erfc,
}  # fmt: skip
#: mpmath's function of the same name, over arrays of its numbers; it works in the precision set when it is called.
_NUMBERS = {f: np.frompyfunc(getattr(mpmath, f.__name__), 1, 1) for f in _FLOATS}
_ROOT = np.frompyfunc(mpmath.sqrt, 1, 1)
_POWER = np.frompyfunc(mpmath.power, 2, 1)


def as_mpf(value: Any) -> Any:
    """Return an exact SymPy number in mpmath's present precision.

    Raises:
        MomentError: it is not real.
    """
    number = sympy.N(value, mpmath.mp.dps + 3)
    if number.is_real is not True:
        raise MomentError(f"{value} is not a real number.")
    return mpmath.mpf(number)


def as_float(value: Any) -> float:
    """Return an exact SymPy number in float64, nan for one that is not real."""
    number = value if value.is_Rational else sympy.N(value, 20)
    return float(number) if number.is_real else math.nan


class Program:
    """A smooth expression of one symbol, its parts in the order in which they are computed, each once."""

    def __init__(self, expression: Any, x: Any) -> None:
        self.expression = expression
        self._steps: list[tuple[Any, tuple[int, ...]]] = []
        self._place: dict[Any, int] = {}
        self._x = x
        self._constants: dict[tuple[Any, int], Any] = {}
        self._last = self._enter(expression)

    def _enter(self, at: Any) -> int:
        if at not in self._place:
            constant = self._x not in at.free_symbols
            parts = () if constant or at == self._x else tuple(self._enter(a) for a in at.args)
            self._steps.append((at, parts))
            self._place[at] = len(self._steps) - 1
        return self._place[at]

    def floats(self, points: Array) -> Array:
        """Return the values in float64; nan where one is not real, inf where it overflows."""
        with np.errstate(all="ignore"):
            return self._run(points, _FLOATS, np.sqrt, np.power, 0)

    def numbers(self, points: Array) -> Array:
        """Return the values as mpmath's numbers in its present precision, from an array of such numbers.

        Raises:
            MomentError: a value is not real.
            ZeroDivisionError: a point is a pole.
        """
        out = self._run(points, _NUMBERS, _ROOT, _POWER, mpmath.mp.dps)
        for at, value in zip(points.flat, out.flat, strict=True):
            if isinstance(value, mpmath.mpc):
                raise MomentError(f"{self.expression} is not real at z = {mpmath.nstr(at, 6)}.")
        return out

    def number(self, point: Any) -> Any:
        """Return the value at one point as one of mpmath's numbers."""
        return self.numbers(np.array([point], dtype=object))[0]

    def _run(self, points: Array, table: dict[Any, Any], root: Any, power: Any, digits: int) -> Array:
        values: list[Any] = []
        for at, parts in self._steps:
            if at == self._x:
                values.append(points)
            elif not parts:
                values.append(self._constant(at, digits))
            else:
                values.append(_applied(at, [values[k] for k in parts], table, root, power))
        return np.broadcast_to(values[self._last], points.shape)

    def _constant(self, at: Any, digits: int) -> Any:
        key = (at, digits)
        if key not in self._constants:
            self._constants[key] = as_mpf(at) if digits else as_float(at)
        return self._constants[key]


def _applied(at: Any, values: list[Any], table: dict[Any, Any], root: Any, power: Any) -> Any:
    if isinstance(at, sympy.Add | sympy.Mul):
        out = values[0]
        for value in values[1:]:
            out = out + value if isinstance(at, sympy.Add) else out * value
        return out
    if isinstance(at, sympy.Pow):
        exponent = at.exp
        if exponent.is_Integer:
            return values[0] ** int(exponent) if exponent.is_positive else 1 / values[0] ** -int(exponent)
        if exponent == sympy.S.Half:
            return root(values[0])
        return power(values[0], values[1])
    return table[at.func](values[0])
