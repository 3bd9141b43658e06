"""Does a Gaussian moment exist, and how far out must one integrate: how large the integrand is far out and at poles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy

from symnn.theory.errors import MomentError
from symnn.theory.integration.evaluate import Array, Program, as_float
from symnn.theory.integration.pieces import Piece
from symnn.theory.integration.roots import DIGITS
from symnn.theory.integration.scalar import put, walk

__all__ = ["Reach", "features", "order_at", "reach", "require", "shifted"]

#: Distances from the mean, in standard deviations, at which the integrand is looked at; growth is judged at the last.
_STEPS = np.concatenate([np.arange(0.03125, 64, 0.25), 64 * 1.5 ** np.arange(0, 11)])
_DEGREE = 8
_VANISHED, _HOPELESS = -1000.0, 1e6
#: An order of growth at a finite point above which the integral is taken to exist there.
_LEAST_ORDER = -0.99


@dataclass(frozen=True)
class Reach:
    """Where the integrand matters on a piece; what lies beyond is about ``tail`` at most (an estimate from samples)."""

    low: float
    high: float
    tail: Any


def require(piece: Piece, x: Any, mean: float, variance: float) -> None:
    """Return if the integral of |f| against the density of N(mean, variance) over the piece exists.

    Raises:
        MomentError: it does not, or f is not real. Growth is judged by samples out to 3690 standard deviations, poles
            by samples down to 1e-400.
    """
    reach(piece, x, mean, variance, 45.0)
    for end in (0, 1):
        if piece.singular[end]:
            order_at(piece, x, end)


def reach(piece: Piece, x: Any, mean: float, variance: float, drop: float) -> Reach:
    """Return where the integrand is larger than exp(-drop) times its largest value on the piece.

    Raises:
        MomentError: it does not decay.
    """
    low, high = -math.inf, math.inf
    tail: Any = 0.0
    sides: list[tuple[int, Array, Array]] = []
    program, deviation = Program(piece.body, x), math.sqrt(variance)
    if piece.lower.is_finite:
        low = as_float(piece.lower)
    if piece.upper.is_finite:
        high = as_float(piece.upper)
    start = min(max(mean, low), high)
    narrow = features(piece.body, x)
    for side, end in ((-1, low), (1, high)):
        if end == start:
            continue
        if math.isfinite(end):
            points = start + (end - start) * np.linspace(0.02, 0.98, 25)
        else:
            points = start + side * deviation * _STEPS
        centres = [c for c, _ in narrow if min(points[0], points[-1]) < c < max(points[0], points[-1])]
        points = side * np.sort(side * np.concatenate([points, centres]))
        sizes = _log_sizes(program, points, mean) - (points - mean) ** 2 / (2 * variance)
        if not math.isfinite(end) and not _decays(sizes):
            raise MomentError(
                f"The moment of {_shown(piece.body, x)} under a normal density of variance {variance:g} does not "
                f"exist, or cannot be told from one that does not: near z = {points[-1]:.3g} their product is about "
                f"exp({sizes[-1]:.3g}), which does not vanish fast enough."
            )
        sides.append((side, points, sizes))
    top = max(float(np.max(sizes)) for _, _, sizes in sides)
    if top == -math.inf:
        return Reach(start, start, 0.0)
    for side, points, sizes in sides:
        if math.isfinite(low if side < 0 else high):
            continue
        large = np.flatnonzero(sizes > top - drop)
        last = min(int(large[-1]) + 1 if len(large) else 0, len(points) - 2)
        highest = np.maximum.accumulate(sizes[last:][::-1])[::-1]
        peak = float(highest[0])
        beyond = np.exp(highest[:-1] - peak) * np.abs(_steps(points[last:])) if peak > -math.inf else np.zeros(1)
        scale = math.exp(peak) if peak < 700 else mpmath.exp(peak)
        tail += 2 * float(np.sum(beyond)) * scale / math.sqrt(2 * math.pi * variance)
        if side < 0:
            low = float(points[last])
        else:
            high = float(points[last])
    return Reach(low, high, tail)


def features(body: Any, x: Any) -> list[tuple[float, float]]:
    """Return where a body may change on a small scale, and on which: (centre, width), sorted.

    Of a function of a polynomial p these are the real and imaginary parts of the solutions of p = i pi/2, which is the
    nearest pole for tanh; of a power of one, of its zeros.

    >>> z = sympy.Symbol("z", real=True)
    >>> [(c, round(w, 6)) for c, w in features(sympy.tanh(100 * z - 50), z)]
    [(0.5, 0.015708)]
    """
    found: set[tuple[float, float]] = set()
    for part in walk(body):
        inner = part.base if isinstance(part, sympy.Pow) else part.args[0] if isinstance(part, sympy.Function) else None
        if inner is None or x not in inner.free_symbols or not inner.is_polynomial(x):
            continue
        coefficients = [complex(as_float(c)) for c in sympy.Poly(inner, x).all_coeffs()]
        if len(coefficients) <= _DEGREE + 1 and np.all(np.isfinite(coefficients)):
            coefficients[-1] -= 0 if isinstance(part, sympy.Pow) else 0.5j * math.pi
            found |= {(float(r.real), abs(float(r.imag))) for r in np.roots(coefficients) if r.imag}
    return sorted(found)


def order_at(piece: Piece, x: Any, end: int) -> float:
    """Return r where |f| grows like distance^r at one end (0 lower, 1 upper) of a piece.

    Raises:
        MomentError: r <= -0.99, so that the integral does not exist or cannot be told from one that does not.
    """
    point = (piece.lower, piece.upper)[end]
    exact = not point.has(sympy.Float)
    y = sympy.Dummy("y", positive=True)
    program = Program(shifted(piece.body, x, point, 1 - 2 * end, y), y)
    far, near = (200, 400) if exact else (DIGITS // 4, DIGITS // 2)
    with mpmath.workdps(near + 60):
        try:
            sizes = [abs(program.number(mpmath.mpf(10) ** -d)) for d in (far, near)]
        except ZeroDivisionError:
            sizes = [mpmath.mpf(1), mpmath.inf]
        order = 0.0 if 0 in sizes else float(-mpmath.log10(sizes[1] / sizes[0]) / (near - far))
    if order <= _LEAST_ORDER:
        raise MomentError(
            f"The moment of {_shown(piece.body, x)} does not exist: near z = {sympy.N(point, 6)} it grows like the "
            f"distance to the power {order:.3g}, which is not integrable."
        )
    return order


def shifted(body: Any, x: Any, point: Any, side: int, y: Any) -> Any:
    """Return the body as a function of the distance y from a point, without cancellation in polynomials of y.

    >>> z, y = sympy.Symbol("z", real=True), sympy.Symbol("y", positive=True)
    >>> shifted(sympy.log(z**2 - 1), z, sympy.Integer(1), 1, y)
    log(y**2 + 2*y)
    """
    made = put(body, {x: point + side * y})
    sums = [p for p in walk(made) if isinstance(p, sympy.Add) and p.is_polynomial(y)]
    return put(made, {p: sympy.expand(p) for p in sums})


def _shown(body: Any, x: Any) -> Any:
    return put(body, {x: sympy.Symbol("z")})


def _steps(values: Array) -> Array:
    out: Array = values[1:] - values[:-1]
    return out


def _decays(sizes: Array) -> bool:
    """Tell whether the integrand, given by its logarithms, vanishes far out; -inf is a 0, or too small for float64."""
    last = sizes[-6:]
    seen = last[~np.isneginf(last)]
    return bool(np.all(last[-2:] < _VANISHED) and np.all(_steps(seen) < 0))


def _log_sizes(program: Program, points: Array, mean: float) -> Array:
    """Return log |f|; by mpmath where float64 overflows."""
    with np.errstate(all="ignore"):
        out: Array = np.log(np.abs(program.floats(points)))
    unknown = np.isnan(out) | np.isposinf(out)
    if np.all(np.isneginf(out)):
        unknown[:] = True
    growth = -math.inf
    for k in np.flatnonzero(unknown):
        with mpmath.workdps(20):
            try:
                size = abs(program.number(mpmath.mpf(float(points[k]))))
            except ZeroDivisionError:
                size = mpmath.mpf(1)
            out[k] = float(mpmath.log(size)) if size else -math.inf
        before, growth = growth, float(out[k]) / float(points[k] - mean) ** 2
        if out[k] > _HOPELESS and growth > 1.001 * before:
            out[k:] = math.inf
            break
    return out
