"""The judgement on code: its values at generic points, within what rounding explains, then what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symnn.ground.errors import UnsupportedError
from symnn.judge.accuracy import Bound, least, rounding
from symnn.judge.code import CannotRun, Code, Run
from symnn.judge.fits import SAME
from symnn.judge.judged_wrong import judged_wrong, told
from symnn.judge.judgement import CANNOT, NUMERICALLY, WRONG, Diagnosis, Judgement
from symnn.judge.spots import UNFIT, Spot
from symnn.judge.truth import Truth
from symnn.judge.wording import axes_note

__all__ = ["code_values", "judged_code"]

#: At how many points code is called twice.
_TWICE = 2
#: An error below this, of the largest entry, is looked at again with more digits of the true gradient.
_SMALL = 1e-6
_DIGITS = 40
#: Forward passes that differ by so much of the largest entry are the same one, in float64 and in float32.
_SAME_FORWARD, _FLOAT32_FORWARD = 1e-9, 1e-5
#: Then the error may be as much as this of what double precision loses in the true gradient.
_TIMES = 4


def judged_code(truth: Truth, code: Code, points: Sequence[Spot]) -> Judgement:
    """Return the judgement on code."""
    common = told(truth)
    notes: list[str] = []
    worst, bounds = 0.0, list[Bound]()
    failed = False
    try:
        for number, spot in enumerate(points):
            run = _same_twice(truth, code, spot) if number < _TWICE else code.run(truth, spot)
            notes += [f"{who} changes its argument {what}" for who, what in run.changed]
            problem, precision = _forward_differs(truth, run, spot)
            if problem:
                found = (Diagnosis("forward", problem),)
                return Judgement(
                    truth.wrt.name, WRONG, "", diagnosis=found, notes=tuple(dict.fromkeys(notes)), **common
                )  # fmt: skip
            notes += _shape_note(truth, run, spot)
            bound = least(run, precision)
            error = _error(truth, run, spot, bound)
            if error is None:  # then it is worth while to see how the code answers to rounding
                bound = rounding(truth, code, spot, run, precision)
                error = _error(truth, run, spot, bound)
            bounds.append(bound)
            if error is None:
                failed = True
                break
            worst = max(worst, error)
    except CannotRun as reason:
        return Judgement(truth.wrt.name, CANNOT, str(reason), notes=tuple(dict.fromkeys(notes)), **common)
    common["notes"] = tuple(dict.fromkeys(notes))
    loosest = max(bounds, key=lambda b: b.relative)
    if not failed:
        how = f"agrees at {len(points)} points of pairwise different sizes"
        how += f", worst error {worst:.0e} of the largest entry"
        if loosest.precision != "float64":
            how += f"; judged by the rounding of {loosest.precision}"
        return Judgement(
            truth.wrt.name, NUMERICALLY, how, worst=worst, bound=loosest.relative, points=len(points), **common
        )  # fmt: skip

    def values(spot: Spot) -> Any:
        return code_values(truth, code, spot)

    tolerance = SAME if loosest.precision == "float64" else max(100 * loosest.relative, 1e-4)
    return judged_wrong(truth, values, points, "", common, granted=f"{loosest.relative:.0e}", tolerance=tolerance)


def code_values(truth: Truth, code: Code, spot: Spot) -> Any:
    """Return the gradient that code gives at a point, with as many axes as the true one has.

    Raises:
        UnsupportedError: the code does not run there.
    """
    try:
        return _as_true(np.asarray(code.run(truth, spot).gradient, dtype=float), _true(truth, spot))
    except CannotRun as reason:
        raise UnsupportedError(str(reason)) from None


def _same_twice(truth: Truth, code: Code, spot: Spot) -> Run:
    """Return what code gives at a point, having called it twice.

    Raises:
        CannotRun: it gives something else the second time.
    """
    run, again = code.run(truth, spot), code.run(truth, spot)
    one, two = np.asarray(run.gradient, dtype=float), np.asarray(again.gradient, dtype=float)
    if one.shape != two.shape or not np.allclose(one, two, rtol=1e-6, atol=0, equal_nan=True):
        raise CannotRun(
            f"{code.name} gives another gradient when it is called again with the same arguments: a random draw, or "
            "something it keeps between calls. Hand the mask or the generator's seed in as an argument"
        )
    return run


def _shape_note(truth: Truth, run: Run, spot: Spot) -> list[str]:
    shape, wanted = np.shape(run.gradient), _true(truth, spot).shape
    if len(shape) == len(wanted):
        return []
    return [axes_note(len(shape), truth.wrt.name, len(wanted))]


def _true(truth: Truth, spot: Spot) -> Any:
    target = truth.derivation.target
    assert target is not None
    return np.asarray(spot.tensor(target), dtype=float)


def _as_true(given: Any, true: Any) -> Any:
    """Return an array without axes of length 1 that the true one has not, or with those that it has."""
    if given.ndim != true.ndim and _squeezed(given) == _squeezed(true):
        return given.reshape(true.shape)
    return given


def _squeezed(array: Any) -> tuple[int, ...]:
    return tuple(n for n in array.shape if n != 1)


def _error(truth: Truth, run: Run, spot: Spot, bound: Bound) -> float | None:
    """Return the worst error by the largest entry, or None where it is more than rounding explains."""
    true = _true(truth, spot)
    given = _as_true(np.asarray(run.gradient, dtype=float), true)
    if given.shape != true.shape or not np.all(np.isfinite(given)):
        return None
    allowed = np.reshape(bound.allowed, true.shape)
    gap = np.abs(given - true)
    scale = max(float(np.abs(true).max(initial=0.0)), float(np.abs(given).max(initial=0.0)))
    if np.any(gap > allowed) and float(gap.max()) <= max(_SMALL * scale, 1e-12):
        try:
            exact = _exact(truth, spot)
        except UNFIT:
            return None
        gap = np.abs(given - exact)
        allowed = allowed + _TIMES * float(np.abs(true - exact).max(initial=0.0))
    if np.any(gap > allowed):
        return None
    return float(gap.max(initial=0.0)) / scale if scale else 0.0


def _exact(truth: Truth, spot: Spot) -> Any:
    """Return the true gradient worked out with many digits."""
    target = truth.derivation.target
    assert target is not None
    return np.asarray(spot.machine(_DIGITS).tensor(target)).astype(float)


def _forward_differs(truth: Truth, run: Run, spot: Spot) -> tuple[str, str]:
    """Return how the forward passes differ, or nothing; and what theirs computes in, where it is not float64."""
    if run.forward is None:
        return "", ""
    ours = np.asarray(spot.tensor(truth.output), dtype=float)
    theirs_type = np.asarray(run.forward).dtype.name
    theirs = np.asarray(run.forward, dtype=float)
    if theirs.shape != ours.shape:
        return f"your forward has shape {theirs.shape}, the one it is judged by {ours.shape}, at {spot.where()}", ""
    scale = max(1.0, float(np.abs(ours).max(initial=0.0)))
    gap = float(np.abs(ours - theirs).max(initial=0.0)) / scale
    if gap <= _SAME_FORWARD:
        return "", ""
    low = theirs_type in ("float32", "float16")
    if low and gap <= _FLOAT32_FORWARD:
        return "", theirs_type
    return f"the forward differs before any gradient is judged: by {gap * scale:.3g} at {spot.where()}", ""
