"""Gradients that are computed without overflow: derived anew where the graph as typed leaves a 1/p that underflows.

Typed over several nodes, exp(z) / sum exp(z) and -log p have adjoints with factors 1/p that cancel only on paper.
Where a gradient is not safe to compute, the forward nodes are put together (``views``), logarithms of quotients
written as differences, and the gradient is derived from those.
"""

from __future__ import annotations

from collections.abc import Sequence

from symnn.compile.logarithms import expanded_logs
from symnn.compile.views import View, rewritten_definition, view
from symnn.derive.backprop import backprop
from symnn.ground.template import Definition, entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import walk

__all__ = ["steady"]

#: Larger formulas stay as typed: deriving one whole takes seconds, and more with every layer unfolded into it.
_LARGEST = 60


def steady(loss: Tensor, wanted: Sequence[Tensor], gradients: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return a loss and its gradients by the wanted tensors, equal to the given ones, safe to compute if possible."""
    given = (loss, tuple(gradients))
    hazards = _wild(given)
    if not hazards:
        return given
    views = view((loss,), kept=set(wanted))
    made = _regraphed(loss, views)
    if made[loss] is loss:
        return given
    adjoints = backprop(made[loss], [made.get(t, t) for t in wanted])
    other = (made[loss], tuple(adjoints.of[made.get(t, t)] for t in wanted))
    return other if _wild(other) < hazards else given


def _wild(outputs: tuple[Tensor, tuple[Tensor, ...]]) -> int:
    """Return how many of the outputs may come out infinite or undefined."""
    everything = (outputs[0], *outputs[1])
    views = view(everything)
    return sum(views[t].kind == "wild" for t in everything)


def _regraphed(loss: Tensor, views: dict[Tensor, View]) -> dict[Tensor, Tensor]:
    """Return the forward graph with every node as it is viewed; nodes that stay the same are kept."""
    made: dict[Tensor, Tensor] = {}
    for t, seen in views.items():  # parents first
        if seen.definition is None or t.definition is None:
            made[t] = t
            continue
        definition = seen.definition
        if definition is not t.definition and sum(1 for _ in walk(definition.template.tree)) > _LARGEST:
            definition = t.definition
        if definition is not t.definition:
            free = tuple(k.fresh(size) for k, size in zip(definition.template.free, t.shape, strict=True))
            same = Tensor(t.name, t.shape, t.role, definition=definition)
            definition = rewritten_definition(t, expanded_logs(unfold(entry_of(same, free))), free)
        args = tuple(made[a] for a in definition.args)
        if definition is t.definition and args == definition.args:
            made[t] = t
            continue
        made[t] = Tensor(
            t.name, t.shape, t.role, latex=t.latex, positive=t.positive, letters=t.letters, adjoint_name=t.adjoint_name,
            definition=Definition(definition.template, args, definition.sizes), auto=t.auto, level=t.level,
            needs=t.needs,
        )  # fmt: skip
    return made
