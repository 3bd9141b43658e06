"""Gradients of another forward pass: the sum for the mean, a missing eps, N - 1 for N, without the temperature.

Somebody who differentiates correctly, but another function, gets a gradient that no slip in the backward pass explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.derive.backprop import formula
from symnn.graph.flow import FlowGraph
from symnn.ground.errors import SymnnError
from symnn.ground.tensors import Tensor
from symnn.judge.dense import Dense, Formula
from symnn.judge.edits import edits
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth

__all__ = ["Variant", "downstream", "gradient_of_variant", "variants"]

_STEP = 1e-30
#: What people change in a forward pass without meaning to.
_KINDS = frozenset(
    ("eps", "sum-for-mean", "mean-for-sum", "n-minus-one", "factor", "exponent", "sum", "term", "sign", "mask", "index")
)


@dataclass(frozen=True)
class Variant:
    """A changed definition of one node, in words."""

    kind: str
    sentence: str
    where: str
    node: Tensor
    formula: Formula


def variants(truth: Truth) -> Iterator[Variant]:
    """Yield the forward pass with one slip in the definition of one node, nearest to the output first."""
    graph = FlowGraph((truth.output,))
    depends = {truth.wrt}
    for t in graph.order:
        if t.definition is not None and any(p in depends for p in t.definition.args):
            depends.add(t)
    for t in reversed(graph.order):
        if t.definition is None or t not in depends:
            continue
        free, tree = formula(t)
        for e in edits(tree, free, ()):
            if e.kind in _KINDS:
                yield Variant(e.kind, e.sentence, e.where, t, (free, e.tree))


def downstream(order: tuple[Tensor, ...] | list[Tensor], source: Tensor) -> set[Tensor]:
    """Return what is computed from a tensor, itself left out."""
    found = {source}
    for t in order:
        if t.definition is not None and any(p in found for p in t.definition.args):
            found.add(t)
    return found - {source}


def along(truth: Truth, spot: Spot, dense: Dense, direction: Any) -> float:
    """Return the derivative of the output (times the upstream gradient) along a direction, by a complex step."""
    graph = FlowGraph((truth.output,))
    gone = downstream(graph.order, truth.wrt)
    base = spot.tensor(truth.wrt)
    moved = dense.changed({truth.wrt: base + 1j * _STEP * direction}, gone)
    with np.errstate(all="ignore"):
        value = np.imag(moved.tensor(truth.output)) / _STEP
    return float((value * (1.0 if truth.upstream is None else spot.tensor(truth.upstream))).sum())


def gradient_of_variant(truth: Truth, spot: Spot, variant: Variant) -> Any:
    """Return the gradient of a changed forward pass, entry by entry by complex steps."""
    dense = changed_forward(truth, spot, variant)
    shape = spot.tensor(truth.wrt).shape
    out = np.zeros(shape)
    if out.size > 200:
        raise SymnnError("too many entries")
    for at in np.ndindex(*shape):
        direction = np.zeros(shape)
        direction[at] = 1.0
        out[at] = along(truth, spot, dense, direction)
    return out


def changed_forward(truth: Truth, spot: Spot, variant: Variant) -> Dense:
    """Return the evaluator of a changed forward pass."""
    graph = FlowGraph((truth.output,))
    gone = downstream(graph.order, variant.node) | {variant.node}
    return spot.dense.changed({}, gone, {variant.node: variant.formula})
