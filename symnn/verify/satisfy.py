"""Points at which declared facts hold: small rationals solved exactly where that works, else Newton's method."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from symnn.ground.tensors import Tensor
from symnn.verify.exact import ExactInterpreter, Irrational, rational_root
from symnn.verify.points import Point
from symnn.verify.question import Question

__all__ = ["satisfied", "sharpened"]

Values = dict[Tensor, Any]
Spot = tuple[Tensor, tuple[int, ...]]

_MOST_ENTRIES = 40
_STEPS = 16
_DIGITS = 40
#: What rounding may leave of a 0.
_ROUNDED = 1e-12


def satisfied(question: Question, sizes: Mapping[Any, Any], start: Values, rng: np.random.Generator) -> Values | None:
    """Return values near a start at which the equations among the facts hold, or None where none were found.

    Labels stay as they are, and signs hold, declared ones and those among the facts. First the equations are solved as
    linear ones in rational arithmetic, some entries kept, then one entry at a time as quadratic ones, then by
    Gauss-Newton in extended precision.
    """
    equations = tuple(t for t, relation in question.facts if relation == "=")
    if not equations:
        return start
    spots = _spots(question, start)
    if not spots or len(spots) > _MOST_ENTRIES:
        return start if _is_zero(_exact(equations, sizes, start)) else None
    order = [spots[k] for k in rng.permutation(len(spots))]
    signs = tuple((t, relation) for t, relation in question.facts if relation in (">", ">="))
    signed = bool(signs) or any(t.positive or t.nonnegative for t in start)
    for n, near in enumerate(_starts(start)):
        for attempt in (_linear, _one_by_one, _newton) if n == 0 or signed else (_newton,):
            try:
                found = attempt(equations, sizes, dict(near), order)
            except (Irrational, ArithmeticError, ValueError, OverflowError, np.linalg.LinAlgError):
                continue
            if found is not None and _as_declared(found) and _holding(signs, sizes, found):
                return found
    return None


def _starts(start: Values) -> list[Values]:
    """Return where to start from: the values, and smaller ones, where Newton's steps are short and signs hold."""
    return [start, {t: v if t.classes is not None else _scaled(v, Fraction(1, 8)) for t, v in start.items()}]


def _scaled(array: Any, by: Fraction) -> Any:
    out = np.empty(np.shape(array), dtype=object)
    for at in np.ndindex(*out.shape):
        value: Any = np.asarray(array)[at]
        out[at] = value * by if isinstance(value, Fraction | int) else float(value) * float(by)
    return out


def _as_declared(values: Values) -> bool:
    """Tell whether what is declared positive, or not negative, is."""
    return all(
        (v > 0 if t.positive else v >= 0)
        for t, array in values.items()
        if t.classes is None and (t.positive or t.nonnegative)
        for v in np.asarray(array, dtype=object).flat
    )


def _holding(signs: tuple[tuple[Tensor, str], ...], sizes: Mapping[Any, Any], values: Values) -> bool:
    """Tell whether the signs that are given hold, 0 up to rounding."""
    if not signs:
        return True
    plain = {t: v if t.classes is not None else np.asarray(v).astype(float) for t, v in values.items()}
    machine = Point({s: v if isinstance(v, int) else float(v) for s, v in sizes.items()}, plain).interpreter()
    least = {t: np.asarray(machine.tensor(t), dtype=float).min(initial=np.inf) for t, _ in signs}
    return all(least[t] > 0 if relation == ">" else least[t] >= -_ROUNDED for t, relation in signs)


def _spots(question: Question, start: Values) -> list[Spot]:
    """Return the real entries that the facts depend on."""
    graph = question.graph
    used = graph.ancestors(tuple(t for t, relation in question.facts if relation == "="))
    leaves = [t for t in question.leaves if t in used and t.classes is None]
    return [(t, at) for t in leaves for at in np.ndindex(*np.shape(start[t]))]


def _residual(machine: Any, equations: tuple[Tensor, ...]) -> list[Any]:
    return [v for t in equations for v in np.asarray(machine.tensor(t), dtype=object).flat]


def _exact(equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], values: Values) -> list[Any] | None:
    try:
        return _residual(ExactInterpreter(sizes, values), equations)
    except (Irrational, ArithmeticError, ValueError):
        return None


def _is_zero(residual: list[Any] | None) -> bool:
    return residual is not None and all(r == 0 for r in residual)


def _moved(values: Values, spot: Spot, value: Any) -> Values:
    t, at = spot
    array = values[t].copy()
    array[at] = value
    return {**values, t: array}


def _linear(
    equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], values: Values, spots: list[Spot]
) -> Values | None:
    """Solve the facts as linear equations for as few entries as they determine; None where they are not linear."""
    here = _residual(ExactInterpreter(sizes, values), equations)
    if all(r == 0 for r in here):
        return values
    rows = [[-r] for r in here]
    for t, at in spots:
        moved = _residual(ExactInterpreter(sizes, _moved(values, (t, at), values[t][at] + 1)), equations)
        for row, before, after in zip(rows, here, moved, strict=True):
            row.append(Fraction(after) - Fraction(before))
    pivots: dict[int, int] = {}
    for column in range(1, len(spots) + 1):
        r = next((k for k in range(len(rows)) if k not in pivots and rows[k][column] != 0), None)
        if r is None:
            continue
        pivots[r] = column
        rows[r] = [Fraction(v) / rows[r][column] for v in rows[r]]
        for k in range(len(rows)):
            if k != r and rows[k][column] != 0:
                factor = rows[k][column]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[r], strict=True)]
    for r, column in pivots.items():
        t, at = spots[column - 1]
        values = _moved(values, (t, at), values[t][at] + rows[r][0])
    return values if _is_zero(_exact(equations, sizes, values)) else None


def _one_by_one(
    equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], values: Values, spots: list[Spot]
) -> Values | None:
    """Solve each equation that fails for one entry that no other was solved for, linear or quadratic in it."""
    left = list(spots)
    for k in range(len(_residual(ExactInterpreter(sizes, values), equations))):
        if _residual(ExactInterpreter(sizes, values), equations)[k] == 0:
            continue
        for spot in left:
            root = _solved(equations, sizes, values, spot, k)
            if root is not None:
                values = _moved(values, spot, root)
                left.remove(spot)
                break
        else:
            return None
    return values if _is_zero(_exact(equations, sizes, values)) else None


def _solved(
    equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], values: Values, spot: Spot, k: int
) -> Fraction | None:
    """Return a rational root of one equation in one entry, if it is a polynomial of degree 2 at most."""

    def f(v: int) -> Fraction:
        return Fraction(_residual(ExactInterpreter(sizes, _moved(values, spot, Fraction(v))), equations)[k])

    zero, one, minus = f(0), f(1), f(-1)
    a, b = (one + minus) / 2 - zero, (one - minus) / 2
    if f(2) != 4 * a + 2 * b + zero:
        return None
    if a == 0:
        return None if b == 0 else -zero / b
    root = rational_root(b * b - 4 * a * zero)
    return None if root is None else (root - b) / (2 * a)


def _newton(equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], start: Values, spots: list[Spot]) -> Values | None:
    """Return a solution by Gauss-Newton in float64, polished with the last Jacobian in extended precision."""
    sizes = {s: v if isinstance(v, int) else float(v) for s, v in sizes.items()}
    values = {t: v if t.classes is not None else v.astype(float) for t, v in start.items()}
    for _ in range(_STEPS):
        here = np.array(_residual(Point(sizes, values).interpreter(), equations), dtype=float)
        inverse = _inverse(equations, sizes, values, spots, here)
        if np.abs(here).max() < 1e-9:
            return _polished(equations, sizes, values, spots, inverse, _DIGITS)
        _step(values, spots, -inverse @ here)
    return None


def _inverse(
    equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], values: Values, spots: list[Spot], here: Any
) -> Any:  # fmt: skip
    """Return the pseudo-inverse of the Jacobian by differences."""
    jacobian = np.empty((len(here), len(spots)))
    for n, (t, at) in enumerate(spots):
        moved = _moved(values, (t, at), values[t][at] + 1e-7)
        there = np.array(_residual(Point(sizes, moved).interpreter(), equations), dtype=float)
        jacobian[:, n] = (there - here) / 1e-7
    return np.linalg.pinv(jacobian, rcond=1e-6)


def _polished(
    equations: tuple[Tensor, ...], sizes: Mapping[Any, Any], values: Values, spots: list[Spot], inverse: Any,
    digits: int,
) -> Values | None:  # fmt: skip
    """Return values at which the equations hold to almost so many digits; each round adds those of the Jacobian."""
    for _ in range(digits // 3):
        residual = _residual(Point(sizes, values).interpreter(digits), equations)
        if max(abs(r) for r in residual) < 10.0 ** -(digits - 8):
            return values
        values = {t: v if t.classes is not None else v.astype(object) for t, v in values.items()}
        _step(values, spots, [-sum((float(c) * r for c, r in zip(row, residual, strict=True)), 0) for row in inverse])
    return None


def sharpened(question: Question, sizes: Mapping[Any, Any], values: Values, digits: int) -> Values | None:
    """Return a point that Newton's method found with more digits, or None where they do not come."""
    equations = tuple(t for t, relation in question.facts if relation == "=")
    sizes = {s: v if isinstance(v, int) else float(v) for s, v in sizes.items()}
    rough = {t: v if t.classes is not None else np.asarray(v).astype(float) for t, v in values.items()}
    spots = _spots(question, values)
    here = np.array(_residual(Point(sizes, rough).interpreter(), equations), dtype=float)
    with mpmath.workdps(digits + 10):
        return _polished(equations, sizes, dict(values), spots, _inverse(equations, sizes, rough, spots, here), digits)


def _step(values: Values, spots: list[Spot], change: Any) -> None:
    for (t, at), d in zip(spots, change, strict=True):
        values[t] = values[t].copy()
        values[t][at] = d + values[t][at]  # in the precision of d
