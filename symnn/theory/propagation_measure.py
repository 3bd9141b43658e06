"""Measured signal propagation: second moments of nodes and gradients over seeded draws of the compiled program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symnn.compile.program import build
from symnn.derive.backprop import vjp
from symnn.graph.interpreter import size_value
from symnn.ground.arguments import whole_number
from symnn.ground.tensors import Tensor
from symnn.theory.errors import MomentError
from symnn.theory.propagation_reading import placed

if TYPE_CHECKING:
    from symnn.theory.propagation import Propagation

__all__ = ["Estimate", "Measured", "drawn", "measured"]


@dataclass(frozen=True)
class Estimate:
    """A mean over draws and its standard error."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.6g} +- {self.error:.2g}"


@dataclass(frozen=True)
class Measured:
    """Second moments of nodes and of their gradients, by name; how many draws, at which sizes.

    Attributes:
        forward, backward: estimates by node name.
        norms: of gradients, E[||dL/dx||^2] per example, by node name.
        draws: how many.
        sizes: of every axis.
    """

    forward: dict[str, Estimate]
    backward: dict[str, Estimate]
    norms: dict[str, Estimate]
    draws: int
    sizes: dict[Any, int]


def measured(p: Propagation, draws: int, seed: int, sizes: Mapping[Any, int]) -> Measured:
    """Return the means over draws of every node's and every gradient's second moment; see ``Propagation.measure``."""
    whole_number("measure()", "draws", draws, 2)
    whole_number("measure()", "seed", seed, 0)
    nodes = [t for t in p.readings if t.name in p.backward]
    wanted = [t for t in (*p.inputs, *nodes) if t is not p.output and t.name in p.backward]
    adjoints = vjp(p.output, wanted)
    upstream = adjoints.upstream
    assert upstream is not None
    program = build((*nodes, *(adjoints.of[t] for t in wanted)), name="propagation")
    rng = np.random.default_rng(seed)
    gradient = _number(p.output_gradient, sizes, "the gradient at the output")
    names = [t.name for t in (*nodes, *wanted)]
    keys = [t.name for t in nodes] + [adjoints.of[t].name for t in wanted]
    samples = np.empty((draws, len(names)))
    arrays: dict[str, Any] = {}
    for n in range(draws):
        arrays.update(drawn(p, sizes, rng))
        arrays[upstream.name] = _of_norm(rng, _shape(upstream, sizes), gradient)
        out = program({k: arrays[k] for k in program.inputs}, check=False)
        samples[n] = [float(np.mean(np.square(out[k]))) for k in keys]
    mean, error = samples.mean(0), samples.std(0, ddof=1) / math.sqrt(draws)
    count = len(nodes)
    forward = {t.name: Estimate(float(mean[k]), float(error[k])) for k, t in enumerate(nodes)}
    backward = {t.name: Estimate(float(mean[k + count]), float(error[k + count])) for k, t in enumerate(wanted)}
    norms = {}
    for t in wanted:
        width, e = size_value(t.shape[-1], sizes), backward[t.name]
        norms[t.name] = Estimate(e.mean * width, e.error * width)
    return Measured(forward, backward, norms, draws, dict(sizes))


def drawn(
    p: Propagation, sizes: Mapping[Any, int], rng: np.random.Generator, matrix: Any = None
) -> dict[str, Any]:  # fmt: skip
    """Return arrays for all leaves: Gaussian weights and biases, inputs of exact second moment.

    ``matrix(rng, shape, variance)`` draws the weights where it is given.
    """
    arrays: dict[str, Any] = {}
    for t, variance in p.variances.items():
        number = _number(variance, sizes, f"the variance of {t.name}")
        shape = _shape(t, sizes)
        if matrix is not None and len(shape) > 1:
            arrays[t.name] = matrix(rng, shape, number)
        else:
            arrays[t.name] = math.sqrt(number) * rng.standard_normal(shape)
    for t, q in p.inputs.items():
        arrays[t.name] = _of_norm(rng, _shape(t, sizes), _number(q, sizes, f"the second moment of {t.name}"))
    return arrays


def _number(value: Any, sizes: Mapping[Any, int], what: str) -> float:
    made = placed(value, sizes)
    if made.free_symbols:
        names = ", ".join(sorted(map(str, made.free_symbols)))
        raise MomentError(f"A draw needs numbers: {what} is {made}, give {names} to predict() or in sizes=.")
    return float(made)


def _shape(t: Tensor, sizes: Mapping[Any, int]) -> tuple[int, ...]:
    missing = sorted({str(s) for n in t.shape for s in n.free_symbols if s not in sizes})
    if missing:
        raise MomentError(f"{t.name} has shape {t.shape}: give sizes={{{', '.join(f'{m!r}: 64' for m in missing)}}}.")
    return tuple(size_value(s, sizes) for s in t.shape)


def _of_norm(rng: np.random.Generator, shape: tuple[int, ...], second: float) -> Any:
    """Return Gaussian entries, each row scaled to the exact mean square."""
    x = rng.standard_normal(shape)
    return x * math.sqrt(second) / np.sqrt(np.mean(x**2, axis=-1, keepdims=True))
