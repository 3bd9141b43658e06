"""Central differences of a loss, by the interpreter or by compiled code, against derived gradients.

(f(x + e) - f(x - e)) / 2e = f'(x) + e^2 f'''/6 + rounding u |f| / e; the error is compared with the largest entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter
from symnn.ground.errors import SymnnError
from symnn.ground.tensors import Tensor
from symnn.verify.points import OutsideDomain, Point, at_points, symbols_of
from symnn.verify.record import Check

__all__ = ["compiled_differences", "difference_check", "relative_error"]

_STEP = 1e-5
_DIGITS, _FINE = 50, "1e-14"
#: What rounding in 50 digits leaves of a difference divided by that step, three digits of it for the way there.
_ROUNDING = 1e-33


def relative_error(found: Any, expected: Any) -> float:
    """Return max|found - expected| / max|expected|, or the plain maximum where every expected entry is 0."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    if not expected.size:
        return 0.0
    worst = float(np.abs(found - expected).max())
    scale = float(np.abs(expected).max())
    return worst / scale if scale > 0 else worst


def interpreted(loss: Tensor, wrt: Tensor, machine: Interpreter, *, step: float | str = _STEP) -> np.ndarray[Any, Any]:
    """Return central differences of a scalar by every entry of a tensor, through the interpreter."""
    shape = machine.tensor(wrt).shape
    exact = machine.number(step)
    out = np.zeros(shape, dtype=object)
    for at in np.ndindex(*shape):
        high = machine.perturbed(wrt, at, exact).tensor(loss)[()]
        low = machine.perturbed(wrt, at, -exact).tensor(loss)[()]
        out[at] = (high - low) / (2 * exact)
    return out


def _error(loss: Tensor, leaf: Tensor, adjoint: Tensor, point: Point, bound: float) -> float:
    """Return how far an adjoint is from differences: in float64, and where that alarms in extended precision.

    Rounding and the third derivative can make float64 differences of a right gradient miss the bound; with 50 digits
    and a step of 1e-14 neither can. A gradient that is 0 at the point, as of a softmax over one class, has no largest
    entry to compare with: there both sides are what rounding leaves.
    """
    machine = point.interpreter()
    error = relative_error(machine.tensor(adjoint), interpreted(loss, leaf, machine))
    if error <= bound:
        return error
    fine = point.interpreter(_DIGITS)
    found, expected = fine.tensor(adjoint), interpreted(loss, leaf, fine, step=_FINE)
    largest = max((float(abs(v)) for v in (*found.flat, *expected.flat)), default=0.0)
    if largest <= _ROUNDING * max(1.0, abs(float(fine.tensor(loss)[()]))):
        return largest
    return relative_error(found, expected)


def difference_check(
    loss: Tensor, pairs: Sequence[tuple[Tensor, Tensor]], *, count: int = 3, seed: int = 0, bound: float = 1e-7
) -> dict[Tensor, Check]:
    """Return for each (leaf, adjoint) how far the interpreted adjoint is from central differences.

    Raises nothing: a worse error than ``bound`` is a refutation with the point's sizes, and where no point inside the
    domain was found the check says that it did not run.
    """
    graph = FlowGraph((loss, *(a for _, a in pairs)))
    worst = {leaf: 0.0 for leaf, _ in pairs}
    bad: dict[Tensor, str] = {}

    def use(point: Point) -> dict[Tensor, float]:
        return {leaf: _error(loss, leaf, adjoint, point, bound) for leaf, adjoint in pairs}

    def located(point: Point) -> tuple[Point, dict[Tensor, float]]:
        return point, use(point)

    try:
        for point, errors in at_points(graph, symbols_of(graph), count, located, seed=seed):
            for leaf, error in errors.items():
                if not error <= bound:
                    bad.setdefault(leaf, point.where())
                worst[leaf] = max(worst[leaf], error)
    except OutsideDomain as reason:
        return {leaf: Check("not run", f"no point inside the domain was found: {reason}") for leaf, _ in pairs}
    except SymnnError as reason:
        return {leaf: Check("not run", f"the interpreter could not evaluate it: {reason}") for leaf, _ in pairs}
    out = {}
    for leaf, _ in pairs:
        text = f"central differences of the interpreter at {count} points, worst {worst[leaf]:.0e} of the largest entry"
        verdict = "refuted" if leaf in bad else "differenced"
        if leaf in bad:
            text += f", beyond {bound:.0e}, first at {bad[leaf]}"
        out[leaf] = Check(verdict, text, worst[leaf], count)
    return out


def compiled_differences(
    evaluate: Callable[[Mapping[str, Any]], tuple[float, Mapping[str, Any]]],
    values: Mapping[str, Any],
    names: Sequence[str],
    *,
    step: float = _STEP,
    bound: float = 1e-7,
    most: int | None = None,
    seed: int = 0,
    slopes: Callable[[str, float], Any] | None = None,
) -> dict[str, Check]:
    """Return for each named array how far compiled gradients are from central differences of the compiled loss.

    Args:
        evaluate: arrays by name -> (loss, gradients by name).
        values: the point; float64.
        names: the arrays to check.
        step: of the central difference.
        bound: the largest error, relative to the largest entry, that counts as agreement.
        most: check at most this many entries per array, drawn without replacement; None checks every entry.
        seed: of that draw.
        slopes: (name, step) -> central differences by every entry of an array, where there is a quicker way.
    """
    rng = np.random.default_rng(seed)
    current = {k: np.array(v) for k, v in values.items()}
    _, grads = evaluate(current)
    grads = {k: np.array(g) for k, g in grads.items()}
    out: dict[str, Check] = {}
    for name in names:
        array = current[name]
        flat = array.reshape(-1)
        chosen = range(flat.size) if most is None or flat.size <= most else rng.choice(flat.size, most, replace=False)
        quick = slopes is not None and len(chosen) == flat.size
        expected = list(np.ravel(slopes(name, step))) if slopes is not None and quick else []
        found = list(np.ravel(grads[name])) if quick else []
        for k in () if quick else chosen:
            kept = flat[k]
            flat[k] = kept + step
            high = float(evaluate(current)[0])
            flat[k] = kept - step
            low = float(evaluate(current)[0])
            flat[k] = kept
            expected.append((high - low) / (2 * step))
            found.append(grads[name].reshape(-1)[k])
        scale = float(np.abs(grads[name]).max())
        worst = float(np.abs(np.array(found) - np.array(expected)).max())
        error = worst / scale if scale > 0 else worst
        count = len(expected)
        text = f"central differences of the compiled loss at {count} of {flat.size} entries, worst {error:.0e}"
        out[name] = Check("differenced" if error <= bound else "refuted", text, error, count)
    return out
