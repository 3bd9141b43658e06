"""Points: sizes pairwise different, values of every named tensor from the reference interpreter, differences of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np

import symnn as sn
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import SymnnError
from symnn.verify.points import leaf_values, symbols_of

from .record import Case
from .values import value

__all__ = ["Point", "directions", "moved", "points", "slope", "with_inner"]

#: Sizes in turn, pairwise different.
_SIZES = ((3, 4, 2, 5, 6), (4, 2, 5, 3, 6), (5, 3, 4, 2, 6), (2, 5, 3, 4, 6), (6, 3, 2, 4, 5), (5, 4, 6, 2, 3))
#: The step of central differences.
_STEP = 1e-5


@dataclass
class Point:
    """One point of a case.

    Attributes:
        sizes: sizes and scalars, leaves: arrays of the leaves, as the interpreter takes them.
        names: the value of every name that a candidate may speak of.
        classes: the number of classes of the names that hold labels.
        tensors: the tensors by name.
    """

    output: Any
    sizes: dict[Any, Any]
    leaves: dict[Any, Any]
    upstream: Any
    names: dict[str, Any] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> Any:
        """The value of the output."""
        return self.names[self.output.name]


def points(case: Case, *, seed: int = 0) -> Iterator[Point]:
    """Yield generic points of a case at which its output is defined."""
    built = case.build()
    output = built.loss if isinstance(built, sn.Network) else built
    rng = np.random.default_rng(seed)
    for row in cycle(_SIZES):
        yield next(_drawn(output, row, rng))


def _drawn(output: Any, row: tuple[int, ...], rng: np.random.Generator) -> Iterator[Point]:
    graph = FlowGraph((output,))
    symbols = symbols_of(graph)
    for attempt in range(40):
        sizes: dict[Any, Any] = dict(zip(symbols.sizes, row, strict=False))
        sizes |= {s: 0.3 + float(rng.random()) for s in symbols.scalars}
        leaves = leaf_values(graph, sizes, rng, "normal" if attempt < 12 else "positive")
        shape = tuple(size_value(s, sizes) for s in output.shape)
        point = Point(output, sizes, leaves, rng.normal(size=shape) if shape else np.ones(()))
        try:
            with np.errstate(all="ignore"):
                machine = Interpreter(sizes, leaves)
                values = {t: machine.tensor(t) for t in graph.order}
        except (SymnnError, ArithmeticError, ValueError):
            continue
        if all(np.all(np.isfinite(v.astype(float))) for v in values.values()):
            yield _named(point, values)
    raise ValueError(f"no point of {output.name} was found")


def with_inner(case: Case, point: Point) -> Point:
    """Return a point at which the gradients that candidates may name have their values."""
    for name, text in case.inner.items():
        point.names[name] = value(text, point.names, point.classes)
    return point


def _named(point: Point, values: Mapping[Any, Any]) -> Point:
    for symbol, size in point.sizes.items():
        point.names[symbol.name] = size
    for t, array in values.items():
        point.tensors[t.name] = t
        if t.classes is not None:
            point.classes[t.name] = size_value(t.classes, point.sizes)
            point.names[t.name] = np.asarray(array).astype(int)
        else:
            point.names[t.name] = np.asarray(array, dtype=float)
    if point.output.rank:
        for name in (f"d{point.output.name}", "dy", "dout"):
            point.names.setdefault(name, point.upstream)
    return point


def moved(case: Case, point: Point, wrt: str, array: Any, upstream: Any = None) -> Point:
    """Return a point with another value of one tensor, and another upstream gradient."""
    t = point.tensors[wrt]
    leaves = {**point.leaves, t: np.asarray(array)}
    out = Point(point.output, point.sizes, leaves, point.upstream if upstream is None else np.asarray(upstream))
    machine = Interpreter(point.sizes, leaves)
    with np.errstate(all="ignore"):
        _named(out, {k: machine.tensor(k) for k in FlowGraph((point.output,)).order})
    return with_inner(case, out)


def slope(point: Point, wrt: str, direction: Any) -> float:
    """Return the derivative of the output, times the upstream gradient, along a direction: by central differences."""
    t = point.tensors[wrt]
    base = np.asarray(point.names[wrt], dtype=float)

    def along(step: float) -> float:
        array = Interpreter(point.sizes, {**point.leaves, t: base + step * direction}).tensor(point.output)
        return float((array * point.upstream).sum())

    return (along(_STEP) - along(-_STEP)) / (2 * _STEP)


def directions(shape: tuple[int, ...], rng: np.random.Generator, count: int = 2) -> list[Any]:
    """Return random directions."""
    return [rng.normal(size=shape) for _ in range(count)]
