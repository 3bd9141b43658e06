"""How much of a difference rounding explains, measured on the code itself: its arguments are moved as rounding would.

Code that is backward stable errs about as much as its result moves when every argument is moved by some units in the
last place (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, sec. 1.5 and 1.6). Every entry
has a bound of its own, so that a small entry beside large ones is checked as strictly as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.judge.code import CannotRun, Code, Run
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth

__all__ = ["Bound", "least", "rounding"]

_UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11}
#: Arguments are moved by much more than a unit, and what is seen is scaled down: how the result answers to them.
_FAR = 2.0**19
#: And by about a unit: what rounding inside the code does, as where large numbers cancel.
_NEAR = 4.0
#: How many units of every argument the error may amount to, and how many times what was seen near by.
_UNITS, _TIMES = 400, 64
#: The least that is granted, in units of the largest entry, and the most, as a part of it.
_LEAST = {"float64": 100, "float32": 30, "float16": 8}
_MOST = {"float64": 1e-5, "float32": 1e-2, "float16": 5e-2}


@dataclass(frozen=True)
class Bound:
    """What rounding explains.

    Attributes:
        allowed: the largest error of each entry.
        relative: the largest of these by the largest entry.
        precision: of the numbers that the code returns: float64, float32 or float16.
    """

    allowed: Any
    relative: float
    precision: str


def least(run: Run, precision: str = "") -> Bound:
    """Return the bound that is granted to any code, a few units of the largest entry."""
    given = np.asarray(run.gradient)
    precision = precision or (given.dtype.name if given.dtype.name in _UNIT else "float64")
    scale = float(np.abs(given.astype(float)).max(initial=0.0))
    allowed = _LEAST[precision] * _UNIT[precision] * scale + 1e-290
    return Bound(np.full(given.shape, allowed), _LEAST[precision] * _UNIT[precision], precision)


def rounding(truth: Truth, code: Code, spot: Spot, run: Run, precision: str = "") -> Bound:
    """Return the bound for the error of code at a point; ``precision`` is what it computes in, where that is known."""
    given = np.asarray(run.gradient)
    precision = precision or (given.dtype.name if given.dtype.name in _UNIT else "float64")
    unit, here = _UNIT[precision], given.astype(float)
    scale = float(np.abs(here).max(initial=0.0))

    def answer(moved: float, seed: int) -> Any:
        try:
            other = np.asarray(code.run(truth, spot, moved=moved, seed=seed).gradient, dtype=float)
        except CannotRun:
            return np.zeros(here.shape)
        usable = other.shape == here.shape and np.all(np.isfinite(other))
        return np.abs(other - here) if usable else np.zeros(here.shape)

    far = np.maximum(*(answer(_FAR * unit, seed) for seed in (1, 2))) * (_UNITS / _FAR)
    near = np.max([answer(_NEAR * unit, seed) for seed in (3, 4, 5)], axis=0)
    jitter = np.maximum(near, float(near.mean()) if near.size else 0.0)
    allowed = np.minimum(np.maximum(far, _TIMES * jitter), max(_MOST[precision] * scale, 1e-290))
    allowed = np.maximum(allowed, _LEAST[precision] * unit * scale + 1e-290)
    return Bound(allowed, float(allowed.max(initial=0.0)) / (scale or 1.0), precision)
