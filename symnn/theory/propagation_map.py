"""q -> sigma_w^2 E[g(z)^2] + sigma_b^2, z ~ N(0, q): the variance map of a layer, its slope, its fixed points, and chi.

>>> edge = VarianceMap(sympy.tanh(Z), 1, 0)
>>> edge.fixed_point().q, round(edge.fixed_point().chi, 6)
(0, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy

from symnn.theory.errors import MomentError
from symnn.theory.gaussian import gaussian_mean, gaussian_moments
from symnn.theory.propagation_reading import Z, exact, placed

__all__ = ["FixedPoint", "Grid", "VarianceMap", "mean_slope", "second", "slope_second", "tidy"]

#: Variances between which fixed points are looked for, and how many are tried.
_LEAST, _MOST, _TRIED = 1e-6, 4e3, 400
#: A variance at which a limit at 0 is taken.
_TINY = sympy.Rational(1, 10**10)


def tidy(value: Any) -> Any:
    """Return an exact number or formula where it is short, else a float."""
    made = exact(value)
    if made.free_symbols:
        return sympy.simplify(made)
    if made.is_Rational and len(str(made)) < 24:
        return made
    return float(made)


def _exact(value: Any) -> Any:
    return sympy.Rational(repr(value)) if isinstance(value, float) else exact(value)


@lru_cache(maxsize=4096)
def second(g: Any, q: Any) -> Any:
    """E[g(z)^2], z ~ N(0, q).

    Raises:
        MomentError: it does not exist, or q has symbols and there is no closed form.
    """
    if q == 0:
        return tidy(placed(g, {Z: 0}) ** 2)
    found = gaussian_mean(g**2, Z, variance=_exact(q), digits=15)
    return tidy(_value(found))


@lru_cache(maxsize=4096)
def slope_second(g: Any, q: Any) -> Any:
    """E[g'(z)^2], z ~ N(0, q), g' off the kinks of g; at q = 0 the limit.

    Raises:
        MomentError: as ``second``.
    """
    return tidy(_value(_moments(g, q).slope_second))


@lru_cache(maxsize=4096)
def mean_slope(g: Any, q: Any) -> Any:
    """E[g'(z)], z ~ N(0, q), g' off the kinks of g.

    Raises:
        MomentError: as ``second``.
    """
    return tidy(_value(_moments(g, q).slope))


@lru_cache(maxsize=4096)
def _moments(g: Any, q: Any) -> Any:
    return gaussian_moments(g, Z, _exact(q) or _TINY, digits=15)


def _value(found: Any) -> Any:
    """Return a moment exactly where it is a formula with symbols or a rational, else its value."""
    exact = found.closed is not None and (found.value is None or found.closed.is_Rational)
    return found.closed if exact else found.value


class Grid:
    """E[f(z)], z ~ N(0, q), by the trapezoid rule: to about 1e-6, for scans and for corrections only."""

    U = np.linspace(-8, 8, 4001)
    WEIGHTS = np.exp(-(U**2) / 2) / math.sqrt(2 * math.pi) * (U[1] - U[0])

    def __init__(self, g: Any) -> None:
        self._g = sympy.lambdify(Z, g, modules=["scipy", "numpy"])

    def values(self, q: float) -> Any:
        """Return g at sqrt(q) u for every u of the grid."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self._g(math.sqrt(q) * self.U), dtype=float), self.U.shape)

    def slopes(self, q: float) -> Any:
        """Return g' there, from differences on the grid."""
        return np.gradient(self.values(q), math.sqrt(q) * self.U)

    def mean(self, values: Any) -> float:
        """Return the mean of values on the grid."""
        return float(self.WEIGHTS @ values)


@dataclass(frozen=True)
class FixedPoint:
    """Where a variance map rests.

    Attributes:
        q: the variance; 0 or infinity where the map has no other in reach.
        slope: of the map there; below 1 variances near q return to it, above 1 they leave it.
        chi: sigma_w^2 E[g'(z)^2] there; gradients vanish below 1 and explode above.
        every: every q is a fixed point.
    """

    q: Any
    slope: Any
    chi: Any
    every: bool = False

    @property
    def stable(self) -> bool:
        """Variances near q return to it; not so where every q is a fixed point."""
        return bool(self.slope < 1)

    def __str__(self) -> str:
        at = "every q is a fixed point" if self.every else f"fixed point q* = {_short(self.q)}"
        word = "marginal" if abs(float(self.slope) - 1) < 1e-9 else "stable" if self.stable else "unstable"
        return f"{at}, slope {_short(self.slope)} ({word}), chi {_short(self.chi)}"


def _short(value: Any) -> str:
    return str(value) if isinstance(value, sympy.Basic) and value.free_symbols else f"{float(value):.6g}"


@dataclass(frozen=True)
class VarianceMap:
    """q -> weight E[g(z)^2] + bias, z ~ N(0, q).

    Attributes:
        function: g, an expression in ``Z``.
        weight: sigma_w^2 = fan_in Var(W).
        bias: sigma_b^2.

    Source: Poole et al. 2016, Exponential expressivity in deep neural networks, eq. 3 and 5.
    """

    function: Any
    weight: Any
    bias: Any = 0

    def __call__(self, q: Any) -> Any:
        """Return the variance of the next pre-activations."""
        return tidy(_exact(self.weight) * second(self.function, q) + _exact(self.bias))

    def slope(self, q: Any) -> Any:
        """Return the derivative weight E[g(z)^2 (z^2/q - 1)]/(2 q), taken on the density, so that jumps of g count."""
        at = _exact(q) or _TINY
        found = gaussian_mean(self.function**2 * (Z**2 / at - 1) / (2 * at), Z, variance=at, digits=15)
        return tidy(_exact(self.weight) * _exact(_value(found)))

    def chi(self, q: Any) -> Any:
        """Return weight E[g'(z)^2]."""
        return tidy(_exact(self.weight) * _exact(slope_second(self.function, q)))

    @cached_property
    def symbols(self) -> frozenset[Any]:
        """The symbols of the map."""
        return frozenset().union(*(exact(e).free_symbols for e in (self.function, self.weight, self.bias))) - {
            Z
        }

    def fixed_points(self) -> tuple[Any, ...]:
        """Return the positive fixed points, numbers in rising order or formulas; where all q are fixed, none.

        Numbers are found by a scan of 400 variances from 1e-6 to 4000 and refined by Newton's method.

        Raises:
            MomentError: the map has symbols and no closed form.
        """
        if self.symbols:
            q = sympy.Symbol("q", positive=True)
            return tuple(sympy.simplify(s) for s in sympy.solve(sympy.Eq(self(q), q), q) if s.is_positive is not False)
        grid = Grid(self.function)
        tried = np.geomspace(_LEAST, _MOST, _TRIED)
        weight, bias = float(self.weight), float(self.bias)
        excess = np.array([(weight * grid.mean(grid.values(q) ** 2) + bias) / q - 1 for q in tried])
        found: list[Any] = []
        for n in range(len(tried) - 1):
            a, b = excess[n], excess[n + 1]
            if np.isfinite(a) and np.isfinite(b) and a * b < 0 and max(abs(a), abs(b)) > 1e-5:
                made = self._refined(float(np.sqrt(tried[n] * tried[n + 1])))
                if made is not None and not any(abs(made - f) < 1e-6 * f for f in found):
                    found.append(made)
        return tuple(found)

    def _refined(self, q: float) -> Any:
        for _ in range(30):
            step = (float(self(q)) - q) / (1 - float(self.slope(q)))
            q = min(max(q + step, q / 2), 2 * q)
            if abs(step) <= 1e-14 * q:
                return q
        return q if abs(float(self(q)) - q) < 1e-10 * q else None

    def fixed_point(self, near: Any = 1) -> FixedPoint:
        """Return the fixed point nearest to a variance, in ratio; 0 or infinity where the map falls or rises for ever.

        Raises:
            MomentError: as ``fixed_points``; or the map has symbols and more than one fixed point.
        """
        if self.symbols:
            found = self.fixed_points()
            if len(found) != 1:
                raise MomentError(f"The variance map of {self.function} has {len(found)} fixed points in symbols.")
            return self._at(found[0])
        start = _exact(near)
        if self._fixed(start):
            every = self._fixed(2 * start) and self._fixed(start / 2) and abs(float(self.slope(start)) - 1) < 1e-10
            return self._at(start, every=every)
        found = self.fixed_points()
        if found:
            return self._at(min(found, key=lambda q: abs(math.log(q / float(start)))))
        if self(start) < start and self(sympy.S.Zero) == 0:
            return self._at(sympy.S.Zero)
        end = self._at(_MOST if self(start) > start else _LEAST)
        return FixedPoint(sympy.oo if self(start) > start else sympy.S.Zero, end.slope, end.chi)

    def _fixed(self, q: Any) -> bool:
        return abs(float(self(q)) - float(q)) < 1e-12 * float(q)

    def _at(self, q: Any, *, every: bool = False) -> FixedPoint:
        return FixedPoint(q, self.slope(q), self.chi(q), every)

    def orbit(self, q: Any, steps: int) -> Sequence[Any]:
        """Return q, V(q), V(V(q)), ..."""
        out = [q]
        for _ in range(steps):
            out.append(self(out[-1]))
        return out
