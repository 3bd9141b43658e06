"""Gaussian moments by quadrature, piece by piece, each with an estimate of its error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy

from symnn.theory.errors import MomentError
from symnn.theory.integration.evaluate import Array, Program, as_float, as_mpf
from symnn.theory.integration.growth import features, order_at, reach, shifted
from symnn.theory.integration.pieces import Piece
from symnn.theory.integration.quadrature import Outcome, Rule, float_rule, integrate, number_rule

__all__ = ["FLOAT_DIGITS", "by_quadrature", "graded", "panels"]

#: Digits up to which float64 is tried first.
FLOAT_DIGITS = 15
#: An error bound, relative to the integral of |f|, up to which float64 is good enough, and one that is refused.
_GOOD, _REFUSED = 1e-12, 1e-8
_EXP = np.frompyfunc(mpmath.exp, 1, 1)
_SAMPLES, _SAFETY = 16, 4


class _TooRough(Exception):  # noqa: N818
    """Float64 overflowed, or did not reach the accuracy asked for; ``found`` is what it gave, with its bound."""

    def __init__(self, found: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.found = found


class _Unsettled(MomentError):
    """The two rules still differ when there are too many panels."""


@dataclass(frozen=True)
class _Patch:
    """An integral of f times the density between the breaks, over z, or over v where ``approach`` is given.

    ``approach`` is (c, side, end): z = end + side c exp(-v), and ``program`` is f by the distance from the end.
    """

    program: Program
    breaks: Array
    approach: tuple[float, int, Any] | None = None


def by_quadrature(pieces: Sequence[Piece], x: Any, mean: Any, variance: Any, digits: int) -> tuple[Any, float]:
    """Return E[f(z)], z ~ N(mean, variance), and a bound of its absolute error.

    Up to 15 digits float64 is used if it gives 12, else mpmath with so many digits. Each piece is cut where the
    integrand has fallen far below the accuracy wanted, and integrated by Gauss-Legendre rules on panels that are halved
    until two rules agree; an end at which it may blow up is approached by z = end +- c exp(-v). The bound adds up the
    differences of the two rules, what was cut off, and four times the error of evaluation, seen at 16 points against
    mpmath. It is an estimate, not an enclosure: it rests on the integrand being analytic between the cuts with no
    feature narrower than the panels, and on its falling beyond the cut as it does on the points looked at.

    Raises:
        MomentError: the moment does not exist, f is not real, or the rules do not settle.
    """
    if digits <= FLOAT_DIGITS:
        try:
            return _in_floats(pieces, x, as_float(mean), as_float(variance))
        except _TooRough as rough:
            try:
                return _in_numbers(pieces, x, mean, variance, FLOAT_DIGITS + 3)
            except _Unsettled:
                if rough.found is None:
                    raise
                return rough.found
    return _in_numbers(pieces, x, mean, variance, digits)


def panels(
    low: float,
    high: float,
    centre: float,
    step: float,
    special: Sequence[float],
    narrow: Sequence[tuple[float, float]] = (),
) -> Array:
    """Return breaks of [low, high]: a step apart, and in growing steps from special points and narrow features."""
    count = max(2, min(200, math.ceil((high - low) / step)))
    points = [centre + step * np.arange(-24.0, 25.0), np.linspace(low, high, count + 1)]
    points += [graded(p, step) for p in special]
    points += [graded(p, step, width) for p, width in narrow if width < step]
    every = np.unique(np.concatenate(points))
    inside = every[(every > low) & (every < high)]
    return np.concatenate([[low], inside, [high]])


def graded(point: float, last: float, first: float = 1.0) -> Array:
    """Return breaks about a point, at distances that double from a half of ``first`` until ``last`` is reached."""
    steps = first * 2.0 ** np.arange(-1, max(0, math.ceil(math.log2(max(last / first, 1.0)))) + 1)
    return np.concatenate([point - steps[::-1], [point], point + steps])


def _in_floats(pieces: Sequence[Piece], x: Any, mean: float, variance: float) -> tuple[float, float]:
    value, bound, size = 0.0, 0.0, 0.0
    for piece in pieces:
        if piece.body == 0:
            continue
        patches, tail = _patches(piece, x, mean, variance, 46.0, as_float)
        bound += tail
        for patch in patches:
            f = _integrand(patch, mean, variance, np.exp, math.sqrt(2 * math.pi * variance))
            found = integrate(f, patch.breaks, float_rule(), 1e-15)
            if not math.isfinite(found.value + found.error):
                raise _TooRough
            value += found.value
            size += found.size
            bound += found.error + _noise(patch, f, found, mean, variance)
    bound += 8 * float_rule().unit * size
    if bound > _GOOD * size:
        raise _TooRough((float(value), float(bound)) if bound < _REFUSED * size else None)
    return float(value), float(bound)


def _in_numbers(pieces: Sequence[Piece], x: Any, mean: Any, variance: Any, digits: int) -> tuple[Any, float]:
    rule: Rule = number_rule(digits)
    with mpmath.workdps(digits + 10):
        centre, spread = as_mpf(mean), as_mpf(variance)
        value, bound, size = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0)
        scale = mpmath.sqrt(2 * mpmath.pi * spread)
        for piece in pieces:
            if piece.body == 0:
                continue
            drop = (digits + 12) * math.log(10)
            patches, tail = _patches(piece, x, float(centre), float(spread), drop, as_mpf)
            bound += tail
            for patch in patches:
                f = _integrand(patch, centre, spread, _EXP, scale)
                breaks = np.array([mpmath.mpf(b) for b in patch.breaks], dtype=object)
                found = integrate(f, breaks, rule, 10.0 ** -(digits + 1))
                value, size, bound = value + found.value, size + found.size, bound + found.error
        bound += 10 * mpmath.mpf(10) ** -digits * size
        if not mpmath.isfinite(value) or bound > _REFUSED * size:
            raise _Unsettled(
                f"Quadrature of {pieces[0].body} and its other pieces does not settle: the value "
                f"{mpmath.nstr(value, 6)} is uncertain by {mpmath.nstr(bound, 3)}."
            )
        return +value, float(bound)


def _patches(piece: Piece, x: Any, mean: float, variance: float, drop: float, exact: Any) -> tuple[list[_Patch], float]:
    """Return what to integrate on a piece, and how much is left out."""
    found = reach(piece, x, mean, variance, drop)
    if not found.low < found.high:
        return [], 0.0
    deviation, tail = math.sqrt(variance), found.tail
    low = exact(piece.lower) if piece.lower.is_finite else found.low
    high = exact(piece.upper) if piece.upper.is_finite else found.high
    out: list[_Patch] = []
    near = min(deviation, (found.high - found.low) / 4)
    y = sympy.Dummy("y", positive=True)
    for end in (0, 1):
        if not piece.singular[end]:
            continue
        order = order_at(piece, x, end)
        point, side = (piece.lower, piece.upper)[end], 1 - 2 * end
        last = drop / (1 + order) if order < 0 else drop
        if exact is as_float and last > 600:
            raise _TooRough
        moved = Program(shifted(piece.body, x, point, side, y), y)
        out.append(_Patch(moved, np.linspace(0, last, math.ceil(last / 3) + 1), (near, side, exact(point))))
        tail += math.exp(-drop) * near / (1 + min(order, 0.0)) * 10
        if end == 0:
            low = low + near
        else:
            high = high - near
    special = sorted({0.0, found.low, found.high})
    step = deviation / 2 if exact is as_float else deviation
    breaks = panels(float(low), float(high), mean, step, special, features(piece.body, x))
    whole: Array = np.array([low, *breaks[1:-1], high], dtype=float if exact is as_float else object)
    return [*out, _Patch(Program(piece.body, x), whole)], tail


def _integrand(patch: _Patch, mean: Any, variance: Any, exp: Any, scale: Any) -> Callable[[Array], Array]:
    """Return f times the density as a function of an array of points, floats or mpmath's numbers."""

    def direct(points: Array) -> Array:
        with np.errstate(all="ignore"):
            out: Array = _values(patch.program, points) * exp(-((points - mean) ** 2) / (2 * variance)) / scale
        return out

    if patch.approach is None:
        return direct
    near, side, point = patch.approach

    def approached(v: Array) -> Array:
        y = near * exp(-v)
        z = point + side * y
        with mpmath.workdps(3 * mpmath.mp.dps):  # f may be a small difference there
            value = _values(patch.program, y)
        with np.errstate(all="ignore"):
            out: Array = value * y * exp(-((z - mean) ** 2) / (2 * variance)) / scale
        return out

    return approached


def _values(program: Program, points: Array) -> Array:
    return program.numbers(points) if points.dtype == object else program.floats(points)


def _noise(patch: _Patch, f: Callable[[Array], Array], found: Outcome, mean: float, variance: float) -> float:
    """Return an estimate of what rounding in f adds: its values at some points against those with 30 digits."""
    left, right = found.panels
    chosen = np.linspace(0, len(left) - 1, min(_SAMPLES, len(left))).astype(int)
    points = (left + (right - left) * 0.37)[chosen]
    with mpmath.workdps(30):
        centre, spread = mpmath.mpf(mean), mpmath.mpf(variance)
        exact = _integrand(patch, centre, spread, _EXP, mpmath.sqrt(2 * mpmath.pi * spread))
        true = exact(np.array([mpmath.mpf(float(p)) for p in points], dtype=object)).astype(float)
    errors = np.abs(f(points) - true) * (right - left)[chosen]
    return float(np.sum(errors)) * len(left) / len(chosen) * _SAFETY
