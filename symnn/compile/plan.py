"""Plan: which nodes are computed, in which order, each by its recipe from which arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symnn.compile.dialect import NUMPY, Dialect
from symnn.compile.recipe import Recipe, recipe_of
from symnn.compile.views import View, view
from symnn.ground.errors import DefinitionError
from symnn.ground.tensors import Tensor

__all__ = ["Plan", "Step", "plan"]


@dataclass(frozen=True)
class Step:
    """One node: its recipe, the tensors in the recipe's slots, and the actual sizes (None: themselves)."""

    tensor: Tensor
    recipe: Recipe
    args: tuple[Tensor, ...]
    sizes: Any


@dataclass(frozen=True)
class Plan:
    """The leaves that are read and the nodes that are computed, parents first."""

    leaves: tuple[Tensor, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Tensor, ...]


def plan(outputs: Sequence[Tensor], dialect: Dialect = NUMPY) -> Plan:
    """Return what has to be computed for the outputs, and nothing else.

    Raises:
        DefinitionError: two leaves, or two outputs, share a name.
    """
    views = view(outputs)
    done: dict[Tensor, Step | None] = {}
    pending: dict[Tensor, Step] = {}
    for root in outputs:
        stack = [root]
        while stack:
            t = stack[-1]
            if t in done:
                stack.pop()
                continue
            if t.definition is None:
                done[t] = None
                stack.pop()
                continue
            step = pending.get(t)
            if step is None:
                step = pending[t] = _step(t, views, dialect)
                missing = [a for a in reversed(step.args) if a not in done]
                if missing:
                    stack.extend(missing)
                    continue
            done[t] = step
            stack.pop()
    leaves = tuple(t for t, s in done.items() if s is None)
    _distinct(leaves, "inputs")
    _distinct(tuple(dict.fromkeys(outputs)), "outputs")
    return Plan(leaves, tuple(s for s in done.values() if s is not None), tuple(dict.fromkeys(outputs)))


def _step(t: Tensor, views: Mapping[Tensor, View], dialect: Dialect) -> Step:
    definition = views[t].definition
    assert definition is not None
    return Step(t, recipe_of(definition.template, dialect), definition.args, definition.sizes)


def _distinct(tensors: tuple[Tensor, ...], what: str) -> None:
    seen: dict[str, Tensor] = {}
    for t in tensors:
        if seen.setdefault(t.name, t) is not t:
            raise DefinitionError(
                f"Two different {what} of the program are both named {t.name!r}: {seen[t.name]!r} and {t!r}. "
                "Rename one, or use the same object in both places to share it."
            )
