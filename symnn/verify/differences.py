"""Central differences of a loss, by the interpreter or by compiled code, against derived gradients.

(f(x + e) - f(x - e)) / 2e = f'(x) + e^2 f'''/6 + rounding u |f| / e; the error is compared with the largest entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symnn.graph.flow import FlowGraph
from symnn.ground.tensors import Tensor
from symnn.verify.points import Point, points
from symnn.verify.record import Check

__all__ = ["compiled_differences", "difference_check", "relative_error"]

_STEP = 1e-5


def rounding(value: float, step: float = _STEP) -> float:
    """Return what rounding alone does to a central difference of a function of this size: a few ulps over the step."""
    return 8 * np.finfo(float).eps * max(abs(value), 1.0) / step


def relative_error(found: Any, expected: Any, *, noise: float = 0.0) -> float:
    """Return max|found - expected| / max|expected|; 0 where both are within rounding of the difference."""
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    if not expected.size:
        return 0.0
    worst = float(np.abs(found - expected).max())
    if worst <= noise and float(np.abs(found).max()) <= noise:
        return 0.0
    scale = float(np.abs(expected).max())
    return worst / scale if scale > 0 else worst


def interpreted(loss: Tensor, wrt: Tensor, point: Point, *, step: float = _STEP) -> np.ndarray[Any, Any]:
    """Return central differences of a scalar by every entry of a leaf, through the interpreter."""
    machine = point.interpreter()
    shape = machine.tensor(wrt).shape
    out = np.zeros(shape)
    for at in np.ndindex(*shape):
        high = machine.perturbed(wrt, at, step).tensor(loss)[()]
        low = machine.perturbed(wrt, at, -step).tensor(loss)[()]
        out[at] = (float(high) - float(low)) / (2 * step)
    return out


def difference_check(
    loss: Tensor, pairs: Sequence[tuple[Tensor, Tensor]], *, count: int = 3, seed: int = 0, bound: float = 1e-7
) -> dict[Tensor, Check]:
    """Return for each (leaf, adjoint) how far the interpreted adjoint is from central differences.

    Raises nothing: a worse error than ``bound`` is a refutation with the point's sizes.
    """
    graph = FlowGraph((loss, *(a for _, a in pairs)))
    worst = {leaf: 0.0 for leaf, _ in pairs}
    bad: dict[Tensor, str] = {}
    for point in points(graph, count, seed=seed):
        machine = point.interpreter()
        for leaf, adjoint in pairs:
            found = machine.tensor(adjoint)
            noise = rounding(float(machine.tensor(loss)[()]))
            error = relative_error(found, interpreted(loss, leaf, point), noise=noise)
            if error > bound and leaf not in bad:
                bad[leaf] = ", ".join(f"{s}={v}" for s, v in point.sizes.items())
            worst[leaf] = max(worst[leaf], error)
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
        expected, found = [], []
        for k in chosen:
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
        error = worst / scale if scale > 1e-12 else worst
        count = len(expected)
        text = f"central differences of the compiled loss at {count} of {flat.size} entries, worst {error:.0e}"
        out[name] = Check("differenced" if error <= bound else "refuted", text, error, count)
    return out
