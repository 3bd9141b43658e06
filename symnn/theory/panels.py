"""Gaussian integrals of raw expressions, by plain panels of Gauss-Legendre rules and by samples: a second opinion.

Nothing here is shared with ``integration``: no closed forms, no pieces, no adaptive choice. Borders of panels stand at
the multiples of 1/2, at changes of sign of what the raw expression compares, found by a scan, and where the second
number is likely to cross one. Where 24 nodes on a panel do not give what 16 do, the check is *not run*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from symnn.ground.errors import DefinitionError
from symnn.theory.errors import MomentError
from symnn.theory.numbers import at_values, bends
from symnn.theory.trial import Sampled, chosen
from symnn.verify.record import Check

__all__ = ["Raw", "compared"]

#: Beyond so many standard deviations the density is below 1e-40; panels at least, nodes of one, closeness asked for.
_FAR, _PANELS, _NODES, _NEAR = 13.5, 36, 16, 1e-10

_Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Raw:
    """E[f(u)] or E[f(u) g(v)] of normal numbers of mean 0, at values of the symbols in it.

    Attributes:
        first, second: f and g, expressions in ``z``; no g for a mean of one number.
        z: the symbol.
        variances: of u and v.
        correlation: of u and v.
        values: a number for every symbol.
    """

    first: Any
    z: Any
    second: Any = None
    variances: tuple[Any, Any] = (1, 1)
    correlation: Any = 0
    values: Mapping[Any, float] | None = None

    @property
    def numbers(self) -> dict[Any, float]:
        """A number for every symbol; those not given are chosen by their names."""
        given = dict(self.values or {})
        parts = [sympy.sympify(e, strict=True) for e in (*self.variances, self.correlation)]
        parts += [e for e in (self.first, self.second) if e is not None]
        found = sorted(set().union(*(e.free_symbols for e in parts)) - {self.z}, key=str)
        return {s: float(given.get(s, chosen(s))) for s in found}

    def what(self) -> str:
        """Return the integral in words."""
        at = "".join(f", {s}={v:.4g}" for s, v in self.numbers.items())
        return f"E[{self.first}{'' if self.second is None else f' * {self.second}'}]{at}"

    @property
    def varies(self) -> bool:
        """The function depends on its number."""
        parts = [sympy.sympify(e, strict=True) for e in (self.first, self.second) if e is not None]
        return any(self.z in e.free_symbols for e in parts)

    def integrated(self, nodes: int = _NODES) -> float:
        """Return the integral, with so many nodes on every panel."""
        f, su = self._function(self.first), self._deviation(0)
        u, weight = _panels(0.0, su, self._bends(self.first, 0.0, su), nodes)
        if self.second is None:
            return float((weight * f(u)).sum())
        g, sv, rho = self._function(self.second), self._deviation(1), self._number(self.correlation)
        if abs(rho) >= 1:
            raise MomentError("numbers of correlation 1 or -1 are one number.")
        inner = []
        ends = self._bends(self.second, 0.0, sv)
        if rho:  # where the second number crosses a bend of its own
            own = [c * su / (rho * sv) for c in (0.0, *ends)]
            u, weight = _panels(0.0, su, [*self._bends(self.first, 0.0, su), *_around(own, su, rho)], nodes)
        for centre in sv * rho * u / su:
            v, w = _panels(float(centre), sv * math.sqrt(1 - rho**2), ends, nodes)
            inner.append(float((w * g(v)).sum()))
        return float((weight * f(u) * np.array(inner)).sum())

    def sampled(self, predicted: float, draws: int = 400_000, seed: int = 0) -> Sampled:
        """Return what a seeded sample says."""
        rng = np.random.default_rng(seed)
        one, other = rng.standard_normal((2, draws))
        values = self._function(self.first)(self._deviation(0) * one)
        if self.second is not None:
            rho = self._number(self.correlation)
            mixed = rho * one + math.sqrt(1 - rho**2) * other
            values = values * self._function(self.second)(self._deviation(1) * mixed)
        return Sampled(float(values.mean()), float(values.std(ddof=1) / math.sqrt(draws)), predicted, draws)

    def predicted(self, closed: Any) -> float:
        """Return the value of a closed form, or of a number, at the values."""
        return self._number(closed)

    def _bends(self, expression: Any, centre: float, deviation: float) -> list[float]:
        made = at_values(sympy.sympify(expression, strict=True), self.numbers)
        return bends(made, self.z, centre - _FAR * deviation, centre + _FAR * deviation)

    def _number(self, expression: Any) -> float:
        return float(sympy.N(at_values(sympy.sympify(expression, strict=True), self.numbers)))

    def _deviation(self, which: int) -> float:
        return math.sqrt(self._number(self.variances[which]))

    def _function(self, expression: Any) -> _Function:
        made = at_values(sympy.sympify(expression, strict=True), self.numbers)
        raw = sympy.lambdify(self.z, made, ["scipy", "numpy"])

        def f(x: Any) -> Any:
            with np.errstate(all="ignore"):  # the branch of a Piecewise that is not taken may overflow
                return np.broadcast_to(np.asarray(raw(x), dtype=float), np.shape(x))

        return f


def compared(pairs: Sequence[tuple[Raw, Any]], draws: int = 400_000) -> tuple[Check, Check]:
    """Compare derived values, or closed forms, with integrals of the raw expressions and with samples, the worst told.

    Each is *evaluated* where all agree, to 1e-10 and within four standard errors; else the first that does not is told.
    """
    if not pairs:
        raise DefinitionError("compared() takes integrals, each with what was derived for it.")
    worst, most = 0.0, 0.0
    panels = sample = None
    for raw, closed in pairs:
        predicted, found = raw.predicted(closed), raw.integrated()
        off = abs(found - predicted) / max(abs(found), abs(predicted), 1e-300)
        seen = raw.sampled(predicted, draws)
        worst, most = max(worst, off), max(most, seen.apart)
        moved = abs(found - raw.integrated(_NODES + 8)) / max(abs(found), 1e-300)
        if not moved <= _NEAR and panels is None:
            panels = Check("not run", f"{raw.what()}: panels do not settle, {moved:.0e}")
        if not off <= _NEAR and panels is None:
            panels = Check("refuted", f"{raw.what()}: {found:.12g} by panels, {predicted:.12g} derived", off)
        if seen.error == 0 and raw.varies and sample is None:
            sample = Check("not run", f"{raw.what()}: no draw saw the function vary")
        if not seen.agrees and sample is None:
            sample = Check("refuted", f"{raw.what()}: {seen}")
    count = len(pairs)
    said = f"{count} integrals, " if count > 1 else f"{pairs[0][0].what()}, "
    panels = panels or Check("evaluated", f"{said}Gauss-Legendre on panels: worst {worst:.0e}", worst, count)
    return panels, sample or Check("evaluated", f"{said}{draws} draws: at most {most:.1f} standard errors off")


def _around(centres: Sequence[float], deviation: float, rho: float) -> list[float]:
    """Return borders about points near which an inner integral changes fast, at correlations near 1."""
    wide = deviation * math.sqrt(1 - rho**2) / abs(rho)
    return [c + k * wide for c in centres for k in (-8, -4, -2, -1, 0, 1, 2, 4, 8)]


def _panels(centre: float, deviation: float, ends: Sequence[float], count: int) -> tuple[Any, Any]:
    """Return nodes and weights of the mean of N(centre, deviation^2)."""
    low, high = centre - _FAR * deviation, centre + _FAR * deviation
    halves = np.arange(math.ceil(2 * low), math.floor(2 * high) + 1) / 2
    own = [c for c in ends if low < c < high]
    borders = np.unique(np.concatenate([np.linspace(low, high, _PANELS + 1), halves, own]))
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = (borders[1:] - borders[:-1]) / 2
    x = (borders[:-1, None] + half[:, None] * (1 + nodes)).ravel()
    w = (half[:, None] * weights).ravel()
    return x, w * np.exp(-(((x - centre) / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))
