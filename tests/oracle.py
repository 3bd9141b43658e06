"""Helpers that share nothing with the differentiator: generic leaf values, differences of the reference interpreter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symnn.derive.backprop import Adjoints, backprop
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.graph.wellformed import check
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Sym, walk

#: Of the step h a central difference errs by about h^2 f''' / 6 + 1e-16 |f| / h; both are small at this h.
STEP = 1e-5


def spread(graph: FlowGraph, first: int = 2) -> dict[Any, Any]:
    """Return sizes for a graph, pairwise different: 2, 3, 4, ..., and values for its scalar symbols."""
    sizes: dict[Any, Any] = {}
    for t in graph.order:
        for s in (*t.shape, *((t.classes,) if t.classes is not None else ())):
            for symbol in sorted(s.free_symbols, key=str):
                sizes.setdefault(symbol, first + len(sizes))
    for symbol in scalars_of(graph):
        if symbol not in sizes:
            sizes[symbol] = 0.71 + 0.13 * (len(sizes) % 3)
    return sizes


def scalars_of(graph: FlowGraph) -> list[Any]:
    """Return the scalar symbols that the definitions use and that are no formal size."""
    found: dict[Any, None] = {}
    for t in graph.order:
        if t.definition is not None:
            for at in walk(t.definition.template.tree):
                if isinstance(at, Sym) and at.symbol not in t.definition.sizes:
                    found.setdefault(at.symbol)
    return list(found)


def leaf_values(
    graph: FlowGraph, sizes: Mapping[Any, Any], seed: int, scale: float = 1.0
) -> dict[Tensor, np.ndarray[Any, Any]]:
    """Return values for every leaf: generic reals of either sign (positive where declared), labels in their range."""
    rng = np.random.default_rng(seed)
    values: dict[Tensor, np.ndarray[Any, Any]] = {}
    for t in graph.order:
        if t.definition is not None:
            continue
        shape = tuple(size_value(s, sizes) for s in t.shape)
        if t.classes is not None:
            values[t] = rng.integers(0, size_value(t.classes, sizes), shape)
        elif t.positive:
            values[t] = scale * rng.uniform(0.3, 1.7, shape)
        else:
            values[t] = scale * rng.uniform(0.2, 1.3, shape) * rng.choice([-1.0, 1.0], shape)
    return values


def complex_step(machine: Interpreter, output: Tensor, by: Tensor) -> np.ndarray[Any, Any]:
    """Return d output / d by, entry by entry, from the imaginary part of f(x + ih): exact to rounding."""
    shape = machine.tensor(by).shape
    out = np.zeros(shape)
    for at in np.ndindex(*shape):
        moved = np.asarray(machine.perturbed(by, at, complex(0, 1e-30)).tensor(output))[()]
        out[at] = complex(moved).imag / 1e-30
    return out


def central(machine: Interpreter, output: Tensor, by: Tensor, step: float = STEP) -> np.ndarray[Any, Any]:
    """Return d output / d by by Richardson's central differences of real evaluations, error of order h^4."""
    shape = machine.tensor(by).shape
    out = np.zeros(shape)
    h = 20 * step

    def at_step(at: tuple[int, ...], s: float) -> float:
        up = float(machine.perturbed(by, at, s).tensor(output)[()])
        down = float(machine.perturbed(by, at, -s).tensor(output)[()])
        return (up - down) / (2 * s)

    for at in np.ndindex(*shape):
        out[at] = (4 * at_step(at, h / 2) - at_step(at, h)) / 3
    return out


def gap(g: np.ndarray[Any, Any], d: np.ndarray[Any, Any]) -> float:
    """Return max|g - d| / max|d|, or max|g| where the reference is zero."""
    assert g.shape == d.shape, (g.shape, d.shape)
    top = float(np.max(np.abs(d), initial=0.0))
    return float(np.max(np.abs(g - d), initial=0.0)) / (top if top > 1e-12 else 1.0)


def check_gradients(
    loss: Tensor,
    wanted: Sequence[Tensor] | None = None,
    sizes: Mapping[Any, Any] | None = None,
    seed: int = 0,
    *,
    values: Mapping[Tensor, Any] | None = None,
    scale: float = 1.0,
    method: Any = complex_step,
    tolerance: float = 1e-7,
) -> Adjoints:
    """Compare every wanted adjoint (default: of all real leaves) with differences; check the adjoint graph too."""
    graph = FlowGraph((loss,))
    if wanted is None:
        wanted = [t for t in graph.order if t.definition is None and t.classes is None]
    at = dict(spread(graph) if sizes is None else {**spread(graph), **sizes})
    given = leaf_values(graph, at, seed, scale) if values is None else dict(values)
    adjoints = backprop(loss, wanted)
    check(adjoints.graph())
    machine = Interpreter(at, given)
    for t in wanted:
        g = np.asarray(machine.tensor(adjoints.of[t]), dtype=float)
        d = method(machine, loss, t)
        worst = gap(g, d)
        assert worst < tolerance, f"gradient of {loss.name} by {t.name}: off by {worst:.2e}\n{g}\n{d}"
    return adjoints


def value_at(tree_expression: Any, machine: Interpreter, at: Mapping[Any, int] | None = None) -> float:
    """Return a SymPy expression's value by the interpreter."""
    return float(machine.value(tree_expression, at))


def all_points(indices: Iterable[Any], sizes: Mapping[Any, Any]) -> Iterable[dict[Any, int]]:
    """Yield every assignment of positions to some indices."""
    letters = list(indices)
    for at in np.ndindex(*(size_value(i.size, sizes) for i in letters)):
        yield dict(zip(letters, at, strict=True))


def tree_value(tree: Any, machine: Interpreter, at: Mapping[Any, int]) -> Any:
    """Return a plain tree's value, read off the tree itself and not its SymPy form. A factor 0 guards the others."""
    go = lambda q: tree_value(q, machine, at)  # noqa: E731
    kind = type(tree).__name__
    match kind:
        case "Num":
            return tree.value.numerator / tree.value.denominator
        case "Const":
            return math.pi if tree.name == "pi" else math.e
        case "Sym":
            return machine.sizes[tree.symbol]
        case "Ix":
            return at[tree.index]
        case "Entry":
            return machine.tensor(tree.tensor)[tuple(int(go(q)) for q in tree.at)]
        case "Add":
            return sum(go(q) for q in tree.terms)
        case "Mul":
            guards = [go(q) for q in tree.factors if type(q).__name__ in ("Ind", "Delta")]
            if 0 in guards:
                return 0
            return math.prod(guards) * math.prod(
                go(q) for q in tree.factors if type(q).__name__ not in ("Ind", "Delta")
            )
        case "Neg":
            return -go(tree.body)
        case "Div":
            return go(tree.num) / go(tree.den)
        case "Pow":
            return go(tree.base) ** go(tree.exponent)
        case "Sum":
            size = size_value(tree.index.size, machine.sizes)
            return sum(tree_value(tree.body, machine, {**at, tree.index: q}) for q in range(size))
        case "Delta":
            return int(go(tree.left) == go(tree.right))
        case "Ind":
            p, q = go(tree.left), go(tree.right)
            return int({">": p > q, ">=": p >= q, "=": p == q, "!=": p != q}[tree.rel])
        case "Where":
            return go(tree.then) if go(tree.condition) else go(tree.other)
        case "Fn":
            args = [go(q) for q in tree.args]
            named: dict[str, Any] = {"abs": abs, "max": max, "min": min, "sign": lambda z: int(z > 0) - int(z < 0)}
            return (named.get(tree.name) or getattr(math, tree.name))(*args)
    raise AssertionError(kind)
