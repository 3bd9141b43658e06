"""Points to check at: sizes pairwise different by default, generic entries, away from kinks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.indices import Index
from symnn.ground.template import Definition, Template
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Entry, Fn, Ind, Ix, Neg, Sum, Tree, children, walk

__all__ = ["Point", "kinks", "leaf_values", "points", "size_symbols"]


class Point:
    """Sizes and leaf values at which a graph is evaluated."""

    def __init__(self, sizes: Mapping[Any, Any], values: Mapping[Tensor, Any]) -> None:
        self.sizes, self.values = dict(sizes), dict(values)

    def interpreter(self, digits: int | None = None) -> Interpreter:
        """Return the reference interpreter at this point."""
        return Interpreter(self.sizes, self.values, digits)


def size_symbols(tensors: Iterable[Tensor]) -> tuple[Any, ...]:
    """Return the symbols in the shapes of some tensors, in order of appearance."""
    found: dict[Any, None] = {}
    for t in tensors:
        for s in (*t.shape, *(() if t.classes is None else (t.classes,))):
            for symbol in sorted(s.free_symbols, key=str):
                found.setdefault(symbol)
    return tuple(found)


def scalar_symbols(graph: FlowGraph) -> tuple[Any, ...]:
    """Return scalar symbols that are no sizes: hyperparameters such as a weight decay."""
    sizes = set(size_symbols(graph.order))
    found: dict[Any, None] = {}
    for t in graph.order:
        if t.definition is not None:
            formal = set(t.definition.sizes)
            for at in walk(t.definition.template.tree):
                symbol = getattr(at, "symbol", None)
                if symbol is not None and symbol not in formal and symbol not in sizes:
                    found.setdefault(symbol)
    return tuple(found)


def leaf_values(graph: FlowGraph, sizes: Mapping[Any, Any], rng: np.random.Generator) -> dict[Tensor, Any]:
    """Return generic values for every leaf: normal entries, positive where declared, labels over their range."""
    out: dict[Tensor, Any] = {}
    for t in graph.order:
        if t.definition is None:
            out[t] = random_value(t, sizes, rng)
    return out


def random_value(t: Tensor, sizes: Mapping[Any, Any], rng: np.random.Generator) -> Any:
    """Return one generic array for a tensor."""
    shape = tuple(size_value(s, sizes) for s in t.shape)
    if t.classes is not None:
        return rng.integers(0, size_value(t.classes, sizes), size=shape)
    drawn = rng.normal(size=shape)
    return 0.3 + np.abs(drawn) if t.positive else drawn


def points(graph: FlowGraph, count: int, *, seed: int = 0, margin: float = 1e-3, largest: int = 5) -> Iterator[Point]:
    """Yield points at sizes that change from point to point: pairwise different ones first, then ones of size 1."""
    rng = np.random.default_rng(seed)
    symbols = size_symbols(graph.order)
    scalars = scalar_symbols(graph)
    hazards = kinks(graph)
    for n in range(count):
        if n % 4 == 3 and symbols:
            sizes = {s: int(rng.integers(1, 3)) for s in symbols}
        else:
            pool = list(range(2, 2 + max(len(symbols), largest - 1)))
            sizes = dict(zip(symbols, rng.permutation(pool)[: len(symbols)].tolist(), strict=True))
        chosen = {**sizes, **{s: 0.2 + float(rng.random()) for s in scalars}}
        point = Point(chosen, leaf_values(graph, chosen, rng))
        for _ in range(60):
            if nearest_kink(hazards, point) > margin:
                break
            point = Point(chosen, leaf_values(graph, chosen, rng))
        yield point


def kinks(graph: FlowGraph) -> tuple[Tensor, ...]:
    """Return tensors that vanish where a node is not differentiable: arguments of max, abs, sign and conditions."""
    out: list[Tensor] = []
    for t in graph.order:
        if t.definition is not None and t.role != "adjoint":
            for n, template in enumerate(_kink_templates(t.definition.template)):
                definition = Definition(
                    template, tuple(t.definition.args[t.definition.template.slots.index(s)] for s in template.slots),
                    t.definition.sizes,
                )  # fmt: skip
                out.append(Tensor(f"kink of {t.name} {n}", definition.shape, "value", definition=definition))
    return tuple(out)


def _kink_templates(template: Template) -> list[Template]:
    found: list[Template] | None = template.memo.get("kinks")
    if found is None:
        found = []
        _collect(template.tree, template.free, found)
        template.memo["kinks"] = found
    return found


def _collect(tree: Tree, free: tuple[Index, ...], out: list[Template]) -> None:
    argument: Tree | None = None
    if isinstance(tree, Fn) and tree.name in ("max", "min"):
        argument = Add((tree.args[0], Neg(tree.args[1])))
    elif isinstance(tree, Fn) and tree.name in ("abs", "sign"):
        argument = tree.args[0]
    elif isinstance(tree, Ind) and tree.rel in (">", ">="):
        argument = Add((tree.left, Neg(tree.right)))
    if argument is not None and any(isinstance(t, Entry) and t.tensor.classes is None for t in walk(argument)):
        used = tuple(i for i in free if any(isinstance(t, Ix) and t.index is i for t in walk(argument)))
        slots = tuple(dict.fromkeys(t.tensor for t in walk(argument) if isinstance(t, Entry)))
        out.append(Template("kink", used, argument, slots))
    if isinstance(tree, Sum):
        free = (*free, tree.index)
    for part in children(tree):
        _collect(part, free, out)


def nearest_kink(hazards: tuple[Tensor, ...], point: Point) -> float:
    """Return the smallest distance to a kink at a point, infinity where there is none."""
    machine = point.interpreter()
    nearest = float("inf")
    for t in hazards:
        values = np.abs(np.asarray(machine.tensor(t), dtype=float))
        if values.size:
            nearest = min(nearest, float(values.min()))
    return nearest
