"""FlowGraph: a networkx DAG of tensors; its edges are read from the definitions, never stored beside them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

import networkx as nx

from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = ["FlowGraph"]

_SETTLED = count(1)


class FlowGraph:
    """All the ancestors of some outputs, in a deterministic topological order (parents first).

    Attributes:
        outputs: what the graph computes.
        order: every tensor once, parents before children.
        digraph: the networkx DiGraph on the tensors themselves.
    """

    def __init__(self, outputs: Iterable[Tensor]) -> None:
        self.outputs = tuple(outputs)
        self.order = _topological(self.outputs)
        self.digraph: Any = nx.DiGraph()
        self.digraph.add_nodes_from(self.order)
        self.digraph.add_edges_from((p, t) for t in self.order if t.definition for p in t.definition.args)
        self.names = _names(self.order)

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.names:
            raise UnknownNameError(name, self.names)
        return self.names[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Any:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)

    def of_role(self, *roles: str) -> tuple[Tensor, ...]:
        """Return the tensors of the given roles, in order."""
        return tuple(t for t in self.order if t.role in roles)

    def parents(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """Return what a tensor is computed from, each once, in order of appearance."""
        return tuple(dict.fromkeys(tensor.definition.args)) if tensor.definition else ()

    def tree(self, tensor: Tensor) -> tuple[tuple[Index, ...], Tree]:
        """Return free indices and defining tree of a computed tensor, over its actual parents."""
        assert tensor.definition is not None
        free = tuple(Index(letter, size) for letter, size in zip(tensor.letters, tensor.shape, strict=True))
        return free, unfold(entry_of(tensor, free))

    def expression(self, tensor: Tensor) -> Any:
        """Return the SymPy index expression that a node carries."""
        return to_sympy(self.tree(tensor)[1]) if tensor.definition else tensor

    def ancestors(self, targets: Iterable[Tensor]) -> set[Tensor]:
        """Return the targets and everything they are computed from."""
        return set(_topological(tuple(targets)))

    def networkx(self) -> Any:
        """Return a networkx DiGraph by name; each node carries kind, shape, indices and SymPy expression."""
        out = nx.DiGraph()
        for t in self.order:
            if t.definition is None:
                out.add_node(t.name, kind=t.role, shape=t.shape, indices=(), expr=None)
            else:
                free, tree = self.tree(t)
                out.add_node(t.name, kind=t.role, shape=t.shape, indices=free, expr=to_sympy(tree))
        out.add_edges_from((a.name, b.name) for a, b in self.digraph.edges)
        return out


def _topological(outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Depth-first, parents in order of appearance; a loop cannot be written, definitions come after their parents."""
    done: dict[Tensor, None] = {}
    for root in outputs:
        stack: list[tuple[Tensor, bool]] = [(root, False)]
        while stack:
            t, ready = stack.pop()
            if t in done:
                continue
            if ready or t.definition is None:
                done[t] = None
                continue
            stack.append((t, True))
            stack.extend((p, False) for p in reversed(t.definition.args) if p not in done)
    return tuple(done)


def _names(order: tuple[Tensor, ...]) -> dict[str, Tensor]:
    names: dict[str, Tensor] = {t.name: t for t in order if not t.auto}
    given = [t for t in order if not t.auto]
    if len(names) != len(given):
        for t in given:
            if names[t.name] is not t:
                raise DefinitionError(
                    f"Two different tensors are both named {t.name!r}: {names[t.name]!r} and {t!r}. "
                    "Rename one, or use the same object in both places to share it."
                )
    # what a graph has named before keeps its name: someone may have read it
    for t in sorted((t for t in order if t.auto), key=lambda t: (not t.named, t.named)):
        name, number = t.name, 1
        while name in names and names[name] is not t:
            number += 1
            name = f"{t.name}_{number}"
        t.name, t.named = name, t.named or next(_SETTLED)
        names[name] = t
    return {t.name: t for t in order}
