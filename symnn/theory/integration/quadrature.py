"""Adaptive Gauss-Legendre quadrature on panels, in float64 or in mpmath's numbers, with an estimate of its error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np

from symnn.theory.integration.evaluate import Array

__all__ = ["Outcome", "Rule", "float_rule", "integrate", "number_rule"]

_ROUNDS = 60


@dataclass(frozen=True)
class Rule:
    """Two Gauss-Legendre rules on [-1, 1]; their difference is the error of the coarse one, the fine one is used."""

    coarse: tuple[Array, Array]
    fine: tuple[Array, Array]
    #: Relative size of one rounding.
    unit: float
    #: Panels after which no more are halved.
    most: int


@dataclass(frozen=True)
class Outcome:
    """What ``integrate`` found.

    Attributes:
        value: the integral by the fine rule.
        error: the sum over panels of the difference between fine and coarse rule, and of what rounding a point moves.
        size: the integral of the absolute value.
        panels: left and right ends of the panels at the end.
    """

    value: Any
    error: Any
    size: Any
    panels: tuple[Array, Array]


@lru_cache(maxsize=1)
def float_rule() -> Rule:
    """Return the rules with 12 and 20 points in float64."""
    leggauss = np.polynomial.legendre.leggauss
    return Rule(leggauss(12), leggauss(20), 2.0**-52, 4000)


@lru_cache(maxsize=8)
def number_rule(digits: int) -> Rule:
    """Return two rules for so many digits, in mpmath's numbers; exact to ten digits more."""
    coarse = max(12, digits * 4 // 5)
    return Rule(_legendre(coarse, digits + 10), _legendre(coarse + 8, digits + 10), 10.0**-digits, 600)


def _legendre(count: int, digits: int) -> tuple[Array, Array]:
    """Return nodes and weights by Newton's method on the Legendre polynomial, from NumPy's nodes."""
    nodes, weights = [], []
    with mpmath.workdps(digits + 5):
        for start in np.polynomial.legendre.leggauss(count)[0]:
            y = mpmath.mpf(float(start))
            for _ in range(math.ceil(math.log2((digits + 5) / 14))):  # each step doubles the 14 digits that are right
                value, slope = _polynomial(count, y)
                y -= value / slope
            nodes.append(y)
            weights.append(2 / ((1 - y * y) * _polynomial(count, y)[1] ** 2))
    return np.array(nodes, dtype=object), np.array(weights, dtype=object)


def _polynomial(count: int, y: Any) -> tuple[Any, Any]:
    """Return the Legendre polynomial of a degree and its derivative."""
    before, here = mpmath.mpf(1), y
    for k in range(2, count + 1):
        before, here = here, ((2 * k - 1) * y * here - (k - 1) * before) / k
    return here, count * (y * here - before) / (y * y - 1)


def integrate(f: Callable[[Array], Array], breaks: Array, rule: Rule, tolerance: float) -> Outcome:
    """Return the integral of ``f`` from the first to the last break; between breaks it should be analytic.

    A panel is halved while its two rules differ by more than its share of ``tolerance`` times the integral of |f|.
    ``error`` is that difference summed, which is an estimate and no enclosure: the fine rule is far more exact than the
    coarse one on an analytic function, but a feature that falls between all the points is seen by neither.
    """
    left, right = breaks[:-1], breaks[1:]
    kept: list[tuple[Array, Array, Array, Array, Array]] = []
    done, size, moved = 0 * breaks[0], 0 * breaks[0], 0 * breaks[0]
    for step in range(_ROUNDS):
        middle, half = (left + right) / 2, (right - left) / 2
        fine, sizes, variation = _panels(f, middle, half, rule.fine)
        coarse, _, _ = _panels(f, middle, half, rule.coarse)
        with np.errstate(invalid="ignore"):
            errors = abs(fine - coarse)
        size = done + sizes.sum()
        count = sum(len(k[0]) for k in kept) + len(left)
        share = np.maximum(tolerance * size / 64, 8 * rule.unit * sizes)
        open_ = np.array(errors > share, dtype=bool)
        if step == _ROUNDS - 1 or count + int(open_.sum()) > rule.most or not np.all(np.isfinite(_plain(errors))):
            open_[:] = False
        closed = ~open_
        kept.append((left[closed], right[closed], fine[closed], errors[closed], sizes[closed]))
        done = done + sizes[closed].sum()
        moved = moved + rule.unit * (np.maximum(abs(left), abs(right)) * variation)[closed].sum()
        if not open_.any():
            break
        left, right = (
            np.concatenate([left[open_], middle[open_]]),
            np.concatenate([middle[open_], right[open_]]),
        )
    ends = tuple(np.concatenate([k[j] for k in kept]) for j in range(5))
    return Outcome(ends[2].sum(), ends[3].sum() + moved, ends[4].sum(), (ends[0], ends[1]))


def _panels(
    f: Callable[[Array], Array], middle: Array, half: Array, rule: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """Return the integral of f, that of its absolute value, and the variation of f, over each panel."""
    nodes, weights = rule
    with np.errstate(all="ignore"):
        values = f(middle[:, None] + half[:, None] * nodes[None, :])
        variation = abs(values[:, 1:] - values[:, :-1]).sum(axis=1)
        return (values * weights).sum(axis=1) * half, (abs(values) * weights).sum(axis=1) * half, variation


def _plain(numbers: Array) -> Array:
    return numbers.astype(float)
