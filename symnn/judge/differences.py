"""Differences of somebody's forward code: complex steps where it is analytic, else central ones with an error estimate.

    complex step   Im f(x + i h) / h = f'(x) + O(h^2), without cancellation
    central        D(h) = (f(x + h) - f(x - h)) / 2h,  (4 D(h/2) - D(h)) / 3 = f'(x) + O(h^4)

Sources: J. N. Lyness, C. B. Moler, SIAM J. Numer. Anal. 4 (1967) 202; L. F. Richardson 1911.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Differenced", "along_directions", "differenced"]

#: By how much a step is made smaller in turn, where the estimate of the error is more than this of the slope.
_SHRUNK, _GOOD = (1, 30, 900), 1e-7
#: Along how many generic directions, and with which steps, complex steps are compared with central differences.
_GENERIC, _TRIED, _CLOSE = 3, (1e-3, 3e-5), 1e-9
#: How many random directions a large array is tried along.
_DIRECTIONS = 4
#: A scalar function of arrays by name.
Scalar = Callable[[Mapping[str, Any]], Any]
_TINY = 1e-30
#: Where a function is taken along a direction, in steps.
_ENDS = (1, -1, 0.5, -0.5, 0.25, -0.25)
#: Steps of central differences, and the unit of rounding, by the precision of the function's values.
_STEP = {"float64": 1e-3, "float32": 3e-2, "float16": 2e-1}
_UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11}


@dataclass(frozen=True)
class Differenced:
    """A gradient by differences.

    Attributes:
        gradient: the array.
        error: an estimate of the error of each entry.
        how: "complex steps" or "central differences".
        partial: it is known along random directions only, and where these showed a difference.
    """

    gradient: Any
    error: Any
    how: str
    partial: bool = False


def differenced(
    f: Scalar, values: Mapping[str, Any], name: str, *, precision: str = "float64", size: float = 0.0
) -> Differenced:  # fmt: skip
    """Return the gradient of a scalar function by one of its arrays.

    Args:
        f: takes arrays by name; a real number, or a complex one for complex arrays.
        values: the point.
        name: the array.
        precision: in which the function is worked out: float64, float32 or float16.
        size: of what is summed in the function, where that is more than its value.

    Raises:
        ValueError: the function is not finite there.
    """
    array = np.asarray(values[name], dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of imaginary parts dropped, by code that is not analytic
        by_steps = _complex(f, values, name, array, size) if precision == "float64" else None
        if by_steps is not None:
            return by_steps
        return _central(f, values, name, array, precision, size)


def _complex(f: Scalar, values: Mapping[str, Any], name: str, array: Any, size: float) -> Differenced | None:
    """Return complex steps, or None where one of them disagrees with central differences: the code is not analytic."""
    if not _is_analytic(f, values, name, array, size):
        return None
    out = np.zeros(array.shape)
    base = max(size, abs(float(np.real(f(values)))), 1e-300)
    for at in np.ndindex(*array.shape):
        moved = array.astype(complex)
        moved[at] += 1j * _TINY
        value = _imaginary(f({**values, name: moved}))
        if value is None:
            return None
        out[at] = value
        single = np.zeros(array.shape)
        single[at] = 1.0
        if not _agree(f, values, name, array, single, value, base):
            return None
    error = np.abs(out) * 64 * _UNIT["float64"] + float(np.abs(out).max(initial=0.0)) * 1e-13
    return Differenced(out, error, "complex steps")


def _is_analytic(f: Scalar, values: Mapping[str, Any], name: str, array: Any, size: float = 0.0) -> bool:
    """Tell whether complex steps along generic directions agree with central differences.

    Code that drops imaginary parts, through abs(), a real buffer or var(), does so for shifts and for signs alike;
    along a generic direction it shows.
    """
    rng = np.random.default_rng(0)
    try:
        with np.errstate(all="ignore"):
            base = max(size, abs(float(np.real(f(values)))), 1e-300)
            for _ in range(_GENERIC):
                direction = rng.normal(size=array.shape)
                whole = _imaginary(f({**values, name: array + 1j * _TINY * direction}))
                if whole is None or not _agree(f, values, name, array, direction, whole, base):
                    return False
    except Exception:  # code that takes no complex numbers
        return False
    return True


def _agree(
    f: Scalar, values: Mapping[str, Any], name: str, array: Any, direction: Any, slope: float, base: float
) -> bool:  # fmt: skip
    """Tell whether a slope lies within the error that central differences along a direction estimate of themselves."""
    best = np.inf, 0.0
    for step in _TRIED:
        ends = [float(np.real(f({**values, name: array + k * step * direction}))) for k in _ENDS]
        coarse, fine, finer = ((ends[2 * n] - ends[2 * n + 1]) / (2 * step / 2**n) for n in range(3))
        first, second = (4 * fine - coarse) / 3, (4 * finer - fine) / 3
        error = abs(second - first) + 64 * _UNIT["float64"] * base / step
        if error < best[0]:
            best = error, second
        if not np.isfinite(slope) or abs(slope - second) <= 4 * error and error <= _CLOSE * max(abs(slope), 1e-12):
            break
    error, found = best
    return bool(np.isfinite(slope) and np.isfinite(found) and abs(slope - found) <= 4 * error + 1e-13 * abs(slope))


def _imaginary(value: Any) -> float | None:
    array = np.asarray(value)
    if array.dtype.kind != "c" or array.ndim:
        return None
    return float(np.imag(array)) / _TINY


def _central(
    f: Scalar, values: Mapping[str, Any], name: str, array: Any, precision: str, size: float
) -> Differenced:  # fmt: skip
    out, error = np.zeros(array.shape), np.zeros(array.shape)
    base = max(size, abs(float(np.real(f(values)))), 1e-300)
    if not np.isfinite(base):
        raise ValueError("the forward is not finite at the point")
    scale = 0.0
    for at in np.ndindex(*array.shape):
        best: tuple[float, float] | None = None
        for shrunk in _SHRUNK:
            step = _STEP[precision] * max(1.0, abs(float(array[at]))) / shrunk
            coarse, fine = _slope(f, values, name, array, at, step), _slope(f, values, name, array, at, step / 2)
            finer = _slope(f, values, name, array, at, step / 4)
            first, second = (4 * fine - coarse) / 3, (4 * finer - fine) / 3
            here = abs(second - first) + 16 * _UNIT[precision] * base / step
            if best is None or here < best[0]:
                best = (here, second)
            if best[0] <= _GOOD * max(scale, abs(best[1])):
                break  # a kink lies no nearer than the step
        assert best is not None
        error[at], out[at] = best
        scale = max(scale, abs(float(out[at])))
    return Differenced(out, error, "central differences")


def along_directions(
    f: Scalar, values: Mapping[str, Any], name: str, given: Any, *, precision: str = "float64", size: float = 0.0
) -> Differenced:  # fmt: skip
    """Return what random directions say of a gradient by a large array: the one given, corrected where it is wrong.

    A gradient that differs in any entry differs along a random direction of signs, but for one in two of them where it
    differs in two entries by the same amount; so several are taken. Then halves are tried until an entry is found.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _along(f, values, name, given, precision, size)


def _along(
    f: Scalar, values: Mapping[str, Any], name: str, given: Any, precision: str, size: float
) -> Differenced:  # fmt: skip
    array = np.asarray(values[name], dtype=float)
    given = np.asarray(given, dtype=float)
    base = max(size, abs(float(np.real(f(values)))), 1e-300)
    rng = np.random.default_rng(1)
    analytic = precision == "float64" and _is_analytic(f, values, name, array, size)
    if given.shape != array.shape:
        return Differenced(np.zeros(array.shape), np.zeros(array.shape), "random directions", partial=True)

    def slope(direction: Any) -> tuple[float, float]:
        if analytic:
            value = _imaginary(f({**values, name: array + 1j * _TINY * direction}))
            if value is not None:
                return value, 1e-13 * float(np.abs(given * direction).sum())
        step = _STEP[precision] / max(1.0, float(np.sqrt(np.abs(direction).sum())))
        ends = [
            float(np.real(f({**values, name: array + k * step * direction}))) for k in (1, -1, 0.5, -0.5)
        ]  # fmt: skip
        coarse, fine = (ends[0] - ends[1]) / (2 * step), (ends[2] - ends[3]) / step
        return (4 * fine - coarse) / 3, abs(fine - coarse) + 16 * _UNIT[precision] * base / step

    def differs(mask: Any) -> bool:
        for _ in range(_DIRECTIONS):
            direction = rng.choice((-1.0, 1.0), array.shape) * mask
            found, error = slope(direction)
            mine = float((given * direction).sum())
            if not abs(found - mine) <= 4 * max(error, 1e-12 * float(np.abs(given * mask).sum() + abs(found))):
                return True
        return False

    how = f"{_DIRECTIONS} random directions of {'complex steps' if analytic else 'central differences'}"
    error = np.full(array.shape, (1e-12 if analytic else 1e-8) * float(np.abs(given).max(initial=0.0)))
    if not differs(np.ones(array.shape)):
        return Differenced(given, error, how, partial=True)
    places = np.arange(array.size)
    while len(places) > 1:
        mask = np.zeros(array.size)
        mask[places[: len(places) // 2]] = 1
        places = places[: len(places) // 2] if differs(mask.reshape(array.shape)) else places[len(places) // 2 :]
    single = np.zeros(array.size)
    single[places] = 1
    found, _ = slope(single.reshape(array.shape))
    corrected = given.copy()
    corrected.reshape(-1)[places] = found
    return Differenced(corrected, error, how, partial=True)


def _slope(f: Scalar, values: Mapping[str, Any], name: str, array: Any, at: Any, step: float) -> float:
    moved = array.copy()
    moved[at] = array[at] + step
    high = float(np.real(f({**values, name: moved})))
    moved = array.copy()
    moved[at] = array[at] - step
    low = float(np.real(f({**values, name: moved})))
    return (high - low) / (2 * step)
