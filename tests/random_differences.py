"""Compare one random network's gradients, as formulas and as compiled code, with differences of the interpreter.

Complex steps serve everywhere: the interpreter chooses a branch by the real part, so each branch is analytic. Central
differences, which share no complex arithmetic with them, are taken too, along one direction through all leaves.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import symnn as sn
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter
from symnn.graph.wellformed import check as well_formed
from symnn.ground.functions import StopGradient
from symnn.ground.tensors import Tensor
from symnn.verify.points import symbols_of
from tests.random_networks import Maker, described

__all__ = ["Mismatch", "Outcome", "compare"]

Arrays = Mapping[Tensor, Any]

#: Of max|d|: complex steps are exact to rounding.
TOLERANCE = 1e-8

#: The rounding of compiled code may be so many times that of the interpreter, where that alone passes the tolerance.
ROUNDING = 100

#: Of the sum of |d|, for central differences: STEP**4 of the function's fifth derivative and 1e-16 / STEP of its value.
CENTRAL, STEP = 1e-6, 1e-4

#: How far the derivatives on both sides, at the distance STEP, may be from the middle one where there is no kink.
SMOOTH = 1e-5

DIGITS = 40
DRAWS = 4


class Mismatch(AssertionError):
    """Derived and differenced gradients disagree; the message holds the network."""


@dataclass(frozen=True)
class Outcome:
    """What was compared; ``tensors`` is 0 where every point drawn lies at a kink or outside the domain."""

    tensors: int = 0
    entries: int = 0
    worst: float = 0.0
    fine: int = 0


class Differences:
    """Differences of a scalar by the reference interpreter at one point, in float64 or with more digits."""

    def __init__(self, loss: Tensor, sizes: Mapping[Any, Any], arrays: Arrays, digits: int | None = None) -> None:
        self.loss, self.graph, self.sizes, self.arrays = loss, FlowGraph((loss,)), sizes, arrays
        self.machine = Interpreter(sizes, {t: _plain(a) for t, a in arrays.items()}, digits)
        self.small: Any = 1e-30
        self.turned: Any = complex(0, self.small)
        if self.machine.context is not None:
            self.small = self.machine.context.mpf(10) ** (-DIGITS)
            self.turned = self.machine.context.mpc(0, self.small)

    def value(self) -> Any:
        """Return the scalar itself."""
        return self.machine.tensor(self.loss)[()]

    def moved(self, by: Arrays) -> Any:
        """Return the scalar with some leaves moved, in float64."""
        values = {t: _plain(a + by[t] if t in by else a) for t, a in self.arrays.items()}
        return Interpreter(self.sizes, values).tensor(self.loss)[()]

    def along(self, v: Arrays, offset: float = 0.0) -> float:
        """Return the derivative along a direction, a little way along it, by a complex step."""
        return float(_imaginary(self.moved({t: (offset + self.turned) * a for t, a in v.items()})) / self.small)

    def central(self, v: Arrays) -> float:
        """Return the derivative along a direction by central differences of two steps, error of their fourth order."""

        def once(h: float) -> float:
            up, down = (float(self.moved({t: s * h * a for t, a in v.items()})) for s in (1, -1))
            return (up - down) / (2 * h)

        return (4 * once(STEP / 2) - once(STEP)) / 3

    def gradient(self, by: Tensor) -> Any:
        """Return the gradient by every entry of a leaf, by complex steps; only what depends on it is computed again."""
        below = {by}
        for t in self.graph.order:
            if t.definition is not None and any(p in below for p in t.definition.args):
                below.add(t)
        kept = {t: a for t, a in self.machine.arrays.items() if t not in below}
        out = np.zeros(self.arrays[by].shape)
        for at in np.ndindex(*out.shape):
            other = self.machine.perturbed(by, at, self.turned)
            other.arrays |= kept
            out[at] = _imaginary(other.tensor(self.loss)[()]) / self.small
        return out


def _plain(array: Any) -> Any:
    """Return an array of Python's own numbers, whose arithmetic raises where NumPy's warns."""
    return np.asarray(array).astype(object)


def _imaginary(value: Any) -> Any:
    return value.imag if hasattr(value, "imag") else 0


class _Comparison:
    """One network at one point: what was found is judged against differences there."""

    def __init__(self, maker: Maker, point: Differences) -> None:
        self.maker, self.point, self.worst, self.fine = maker, point, 0.0, 0

    def refuse(self, what: str, found: Any, expected: Any) -> None:
        raise Mismatch(f"{what}\nfound {found}\nexpected {expected}\n{described(self.maker)}")

    def judge(self, t: Tensor, expected: Any, adjoint: Tensor, compiled: Any) -> None:
        """Compare a formula and a compiled array with differences, with more digits where float64 alarms.

        Raises:
            Mismatch: one of them disagrees.
        """
        formula = np.asarray(self.point.machine.tensor(adjoint), dtype=float)
        for found in (formula, compiled):
            if found.shape != expected.shape:
                self.refuse(f"d{t.name} has another shape", found.shape, expected.shape)
        errors = [gap(formula, expected), gap(compiled, expected)]
        if max(errors) > TOLERANCE or max(errors) != max(errors):
            self.fine += 1
            exact = Differences(self.point.loss, self.maker.sizes, self.maker.arrays, DIGITS)
            truth, rounded = exact.gradient(t), formula
            formula = np.asarray(exact.machine.tensor(adjoint), dtype=float)
            errors = [gap(formula, truth), gap(compiled, truth)]
            if not errors[0] <= TOLERANCE:
                self.refuse(f"d{t.name} as a formula is off by {errors[0]:.1e}", formula, truth)
            if not errors[1] <= max(TOLERANCE, ROUNDING * gap(rounded, truth)):
                self.refuse(f"d{t.name}, compiled, is off by {errors[1]:.1e}", compiled, truth)
            return
        self.worst = max(self.worst, *errors)


def gap(found: Any, expected: Any) -> float:
    """Return max|found - expected| / max|expected|, or the plain maximum where every expected entry is 0."""
    top = float(np.abs(expected).max(initial=0.0))
    return float(np.abs(found - expected).max(initial=0.0)) / (top if top > 1e-12 else 1.0)


def compare(maker: Maker) -> Outcome:
    """Compare the loss and every gradient of a network.

    Raises:
        Mismatch: two of them disagree; any other exception is a crash of what is tested.
    """
    net, wanted = maker.network, maker.wanted
    well_formed(net.graph)
    adjoints = net.adjoints([t.name for t in wanted])
    well_formed(adjoints.graph())
    found = _smooth_point(maker)
    if found is None:
        return Outcome()
    point, v = found
    try:
        return _compared(maker, point, v, adjoints)
    except Mismatch:
        if _rounding_decides(maker, point):
            return Outcome()
        raise


def _rounding_decides(maker: Maker, point: Differences) -> bool:
    """Tell whether the interpreter's own value is another one in many digits: sign(1 + tanh(-70)) is 0 in float64."""
    exact = Differences(point.loss, maker.sizes, maker.arrays, 3 * DIGITS).value()
    return bool(abs(float(exact) - float(point.value())) > CENTRAL * max(abs(float(exact)), 1e-3))


def _compared(maker: Maker, point: Differences, v: dict[Tensor, Any], adjoints: Any) -> Outcome:
    net, wanted = maker.network, maker.wanted
    value, compiled = _compiled(maker)
    of = _Comparison(maker, point)
    if not gap(np.asarray(value), np.asarray(point.value(), dtype=float)) <= TOLERANCE:
        of.refuse("the compiled loss", value, point.value())
    differences = {t: point.gradient(t) for t in wanted}
    for t in wanted:
        of.judge(t, differences[t], adjoints.of[t], compiled[t.name])
    shown = maker.random.choice(wanted)
    target = net.gradient(shown).target
    assert target is not None
    well_formed(FlowGraph((target,)))
    of.judge(shown, differences[shown], target, compiled[shown.name])
    if not any(t.definition is not None and t.definition.template.expr.has(StopGradient) for t in net.graph):
        total, size = (sum(float(a) for a in parts) for parts in zip(
            *((np.sum(d * v[t]), np.sum(np.abs(d))) for t, d in differences.items()), strict=True
        ))  # fmt: skip
        if not abs(point.central(v) - total) <= CENTRAL * max(size, abs(float(point.value())), 1e-3):
            of.refuse("complex steps, by central differences along a direction", total, point.central(v))
    return Outcome(len(wanted), sum(d.size for d in differences.values()), of.worst, of.fine)


def _compiled(maker: Maker) -> tuple[float, dict[str, Any]]:
    """Return the loss and the gradients of compiled code; its warnings are errors."""
    net, wanted = maker.network, maker.wanted
    symbols = symbols_of(net.graph)
    on_axes = {s for t in maker.arrays for size in t.shape for s in size.free_symbols}
    given = [s for s in (*symbols.scalars, *symbols.sizes) if s not in on_axes]
    run = net.compile(wrt=wanted, **{s.name: maker.sizes[s] for s in given})
    params = {t.name: maker.arrays[t] for t in wanted}
    batch = {t.name: a for t, a in maker.arrays.items() if t.name not in params and t.name in run.program.inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return run({n: a for n, a in params.items() if n in run.program.inputs}, batch)


def _jumps(point: Differences, v: Arrays) -> bool:
    """Tell whether the value jumps at the point itself: shorter differences then give ever steeper slopes.

    A mean that is 1/2 whatever the leaves are, compared with 1/2, does: rounding picks the branch.
    """
    slopes, most = [], 0.0
    for k in range(7):
        h = STEP / 2**k
        up, down = (float(point.moved({t: s * h * a for t, a in v.items()})) for s in (1, -1))
        slopes.append((up - down) / (2 * h))
        most = max(most, abs(up), abs(down))
    return max(slopes) - min(slopes) > 0.1 * min(abs(s) for s in slopes) + 1e-12 * most / (STEP / 64) + 1e-6


def _smooth_point(maker: Maker) -> tuple[Differences, dict[Tensor, Any]] | None:
    """Return a point, and a direction along which it is away from kinks: both sides' derivatives are the middle one."""
    for _ in range(DRAWS):
        v = {t: maker.numbers.choice((-1.0, 1.0), maker.arrays[t].shape) for t in maker.wanted}
        try:
            point = Differences(maker.network.loss, maker.sizes, maker.arrays)
            with np.errstate(all="raise", under="ignore"):
                middle, up, down = (point.along(v, s * STEP) for s in (0, 1, -1))
            if abs(up - 2 * middle + down) <= SMOOTH * (abs(middle) + abs(up) + abs(down)) and not _jumps(point, v):
                return point, v
        except (ArithmeticError, ValueError, sn.UndefinedError):
            pass  # outside the domain
        maker.redraw()
    return None
