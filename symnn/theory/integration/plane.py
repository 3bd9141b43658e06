"""Quadrature of f(u) g(v) against a normal density of the plane, in float64, with an estimate of its error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symnn.theory.errors import MomentError
from symnn.theory.integration.evaluate import Array, Program, as_float
from symnn.theory.integration.growth import features, reach
from symnn.theory.integration.numeric import graded, panels
from symnn.theory.integration.pieces import Piece
from symnn.theory.integration.quadrature import float_rule, integrate

__all__ = ["over_the_plane"]

_GOOD, _REFUSED, _LEVELS = 1e-12, 1e-8, 4
#: Points of u that are worked on at a time.
_CHUNK = 128
#: Where the normal density of v given u is cut, in its standard deviations.
_STEPS = np.concatenate([np.arange(-9.0, 9.5, 0.75), [-40.0, -20.0, -12.0, 12.0, 20.0, 40.0]])


def over_the_plane(
    f: Sequence[Piece], g: Sequence[Piece], x: Any, q1: float, q2: float, rho: float
) -> tuple[float, float]:
    """Return E[f(u) g(v)], correlation strictly between -1 and 1, and a bound of its absolute error.

    The outer integral over u is adaptive, as that over one number; the inner one, over v given u, is by Gauss-Legendre
    rules on panels cut at the kinks of g, which are halved until the outer mean of the rules' difference is small.
    What lies beyond the cuts is bounded by the inequality of Cauchy and Schwarz. It is an estimate, not an enclosure.

    Raises:
        MomentError: E[f^2] or E[g^2] does not exist, a function is not real, or the error stays above 1e-8 of
            E[|f g|].
    """
    outer = [_Side(p, x, q1) for p in f if p.body != 0]
    inner = [_Side(p, x, q2) for p in g if p.body != 0]
    tail = _beyond(outer, inner, q1) + _beyond(inner, outer, q2)
    slope, deviation = rho * math.sqrt(q2 / q1), math.sqrt(q2 * (1 - rho**2))
    value, bound = 0.0, math.inf
    for level in range(_LEVELS):
        given = _Given(inner, slope, deviation, math.sqrt(q2), level)
        value, error, size = _outer(outer, given, q1, deviation / abs(slope) if slope else math.inf)
        bound = error + tail + 32 * float_rule().unit * size
        if bound <= _GOOD * size:
            break
    if not bound <= _REFUSED * size:
        raise MomentError(
            f"Quadrature over the plane does not settle: the value {value:.6g} is uncertain by {bound:.3g}. A function "
            "that grows without bound at a finite point is not provided for there."
        )
    return value, bound


class _Side:
    """One piece of f or of g, its values, and where its square matters."""

    def __init__(self, piece: Piece, x: Any, variance: float) -> None:
        self.values = Program(piece.body, x).floats
        self.narrow = features(piece.body, x)
        squared = Piece(piece.lower, piece.upper, piece.body**2)
        self.reach = reach(squared, x, 0.0, variance, 92.0)
        self.low, self.high = self.reach.low, self.reach.high
        self.ends = [as_float(e) for e in (piece.lower, piece.upper) if e.is_finite]


def _beyond(cut: Sequence[_Side], other: Sequence[_Side], variance: float) -> float:
    """Return sqrt(E[h^2]) of one function times that of what is cut off the other; the first very roughly."""
    tail = math.sqrt(sum(s.reach.tail for s in cut))
    peak = 0.0
    for s in other:
        points = np.linspace(s.low, s.high, 400)
        peak += float(np.nanmax(s.values(points) ** 2 * np.exp(-(points**2) / (2 * variance)))) * (s.high - s.low)
    return tail * math.sqrt(peak / math.sqrt(variance))


class _Given:
    """E[g(v) | u] and the difference of the two rules, for arrays of u."""

    def __init__(self, sides: Sequence[_Side], slope: float, deviation: float, spread: float, level: int) -> None:
        self.sides, self.slope, self.deviation, self.level = sides, slope, deviation, level
        marks = sorted({0.0, *(e for s in sides for e in s.ends)})
        narrow = [graded(c, spread, width) for s in sides for c, width in s.narrow if width < spread]
        self.fixed = np.unique(np.concatenate([*(graded(p, spread) for p in marks), *narrow]))

    def __call__(self, u: Array) -> tuple[Array, Array]:
        flat = u.reshape(-1)
        value, error = np.zeros_like(flat), np.zeros_like(flat)
        for start in range(0, len(flat), _CHUNK):
            part = slice(start, start + _CHUNK)
            for side in self.sides:
                fine, coarse = self._over(side, self.slope * flat[part])
                value[part] += fine
                error[part] += np.abs(fine - coarse)
        return value.reshape(u.shape), error.reshape(u.shape)

    def _over(self, side: _Side, centre: Array) -> tuple[Array, Array]:
        moving = centre[:, None] + self.deviation * _STEPS
        fixed = np.broadcast_to(self.fixed, (len(centre), len(self.fixed)))
        least, most = moving.min(axis=1)[:, None], moving.max(axis=1)[:, None]
        edges = np.clip(np.concatenate([fixed, moving], axis=1), least, most)
        edges = np.sort(np.clip(edges, side.low, side.high), axis=1)
        for _ in range(self.level):
            edges = np.sort(np.concatenate([edges, (edges[:, :-1] + edges[:, 1:]) / 2], axis=1), axis=1)
        middle, half = (edges[:, 1:] + edges[:, :-1]) / 2, (edges[:, 1:] - edges[:, :-1]) / 2
        out = []
        for nodes, weights in (float_rule().fine, float_rule().coarse):
            v = middle[:, :, None] + half[:, :, None] * nodes
            with np.errstate(all="ignore"):
                density = np.exp(-(((v - centre[:, None, None]) / self.deviation) ** 2) / 2)
                out.append(np.einsum("upn,n,up->u", side.values(v) * density, weights, half))
        scale = math.sqrt(2 * math.pi) * self.deviation
        return out[0] / scale, out[1] / scale


def _outer(sides: Sequence[_Side], given: _Given, variance: float, width: float) -> tuple[float, float, float]:
    """Return the integral, a bound of its error without the tails, and the integral of the absolute value."""
    value, error, size = 0.0, 0.0, 0.0
    scale, deviation = math.sqrt(2 * math.pi * variance), math.sqrt(variance)
    kinks = [e / given.slope for s in given.sides for e in s.ends] if given.slope else []
    for side in sides:

        def weight(u: Array, side: _Side = side) -> Array:
            out: Array = side.values(u) * np.exp(-(u**2) / (2 * variance)) / scale
            return out

        def integrand(u: Array, weight: Callable[[Array], Array] = weight) -> Array:
            out: Array = weight(u) * given(u)[0]
            return out

        special = {0.0, *side.ends, *(k + s * width * j for k in kinks for j in (0, 1, 3, 8) for s in (1, -1))}
        marks = sorted(p for p in special if math.isfinite(p))
        breaks = panels(side.low, side.high, 0.0, deviation / 2, marks, side.narrow)
        found = integrate(integrand, breaks, float_rule(), 1e-14)
        left, right = found.panels
        nodes, weights = float_rule().coarse
        points = (left + right)[:, None] / 2 + (right - left)[:, None] / 2 * nodes
        inner = np.abs(weight(points)) * given(points)[1]
        value += float(found.value)
        size += float(found.size)
        error += float(found.error) + float(np.sum(inner * weights * (right - left)[:, None] / 2))
    return value, error, size
