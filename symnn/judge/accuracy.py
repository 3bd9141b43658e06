"""How much of a difference rounding explains, measured on the code itself: its arguments are moved as rounding would.

Code that is backward stable errs about as much as its result moves when every argument is moved by a unit in the last
place (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, sec. 1.5 and 1.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.judge.code import CannotRun, Code, Run
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth

__all__ = ["Bound", "rounding"]

#: How many units in the last place of every argument the error may amount to.
_UNITS = 400
#: Arguments are moved by this, and what is seen is scaled down: a unit itself is lost in rounding.
_MOVED = {"float64": 2.0**-34, "float32": 2.0**-12, "float16": 2.0**-6}
_UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11}
#: The least that is granted, of the largest entry.
_LEAST = {"float64": 2e-13, "float32": 2e-5, "float16": 2e-2}


@dataclass(frozen=True)
class Bound:
    """What rounding explains: relative to the largest entry, plus an absolute part."""

    relative: float
    precision: str
    absolute: float = 0.0


def rounding(truth: Truth, code: Code, spot: Spot, run: Run) -> Bound:
    """Return the bound for the error of code at a point."""
    given = np.asarray(run.gradient)
    precision = given.dtype.name if given.dtype.name in _UNIT else "float64"
    scale = float(np.abs(given.astype(float)).max(initial=0.0)) or 1.0
    seen = 0.0
    for seed in (1, 2):
        try:
            other: Any = np.asarray(code.run(truth, spot, moved=_MOVED[precision], seed=seed).gradient, dtype=float)
        except CannotRun:
            continue
        if other.shape == given.shape and np.all(np.isfinite(other)):
            seen = max(seen, float(np.abs(other - given.astype(float)).max(initial=0.0)))
    noise = seen / _MOVED[precision] * _UNIT[precision] * _UNITS
    return Bound(max(_LEAST[precision], min(noise / scale, 1e-2)), precision, absolute=1e-290)
