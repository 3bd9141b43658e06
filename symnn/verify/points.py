"""Points to check at: sizes pairwise different by default, generic entries, inside the domain, away from kinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import sympy

from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.substitute import map_size
from symnn.ground.template import Definition, Template
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ONE, Add, Delta, Entry, Fn, Ind, Ix, Mul, Neg, Sum, Sym, Tree, Where, children, walk

__all__ = [
    "OutsideDomain",
    "Point",
    "Symbols",
    "at_points",
    "kinks",
    "leaf_values",
    "ranges_of",
    "size_symbols",
    "symbols_of",
]

_Found = TypeVar("_Found")

#: How entries are drawn: the first that stays inside the domain is used.
_MODES = ("normal", "normal", "normal", "positive", "unit", "unit")
_DRAWS = 12


class OutsideDomain(SymnnError):
    """No point was found at which everything is defined; the message holds the last reason."""


class Point:
    """Sizes and leaf values at which a graph is evaluated."""

    def __init__(self, sizes: Mapping[Any, Any], values: Mapping[Tensor, Any]) -> None:
        self.sizes, self.values = dict(sizes), dict(values)

    def interpreter(self, digits: int | None = None) -> Interpreter:
        """Return the reference interpreter at this point."""
        return Interpreter(self.sizes, self.values, digits)

    def where(self) -> str:
        """Return the sizes in words."""
        return ", ".join(f"{s}={v}" for s, v in self.sizes.items())


class Symbols:
    """The symbols that formulas need values for: sizes (whole, at least 1) and other scalars."""

    def __init__(self, sizes: Iterable[Any], scalars: Iterable[Any]) -> None:
        self.sizes = tuple(dict.fromkeys(sizes))
        self.scalars = tuple(s for s in dict.fromkeys(scalars) if s not in self.sizes)


def size_symbols(tensors: Iterable[Tensor]) -> tuple[Any, ...]:
    """Return the symbols in the shapes of some tensors, in order of appearance."""
    found: dict[Any, None] = {}
    for t in tensors:
        for s in (*t.shape, *(() if t.classes is None else (t.classes,))):
            found |= dict.fromkeys(sorted(s.free_symbols, key=str))
    return tuple(found)


def symbols_of(graph: FlowGraph, *trees: Tree) -> Symbols:
    """Return every symbol that a graph and further trees need: on axes, as ranges of bound or free indices, as values.

    A whole symbol is a size also where it stands on no axis.
    """
    sizes: dict[Any, None] = dict.fromkeys(size_symbols(graph.order))
    scalars: dict[Any, None] = {}

    def note(expression: Any) -> None:
        for symbol in sorted(expression.free_symbols, key=str):
            (sizes if symbol.is_integer else scalars).setdefault(symbol)

    for t in graph.order:
        if t.definition is not None:
            for expression in _symbolic(t.definition.template):
                actual = map_size(expression, t.definition.sizes)
                if actual not in sizes:
                    note(actual)
    for tree in trees:
        for expression in _expressions(tree):
            note(expression)
    return Symbols(sizes, scalars)


def ranges_of(graph: FlowGraph, *trees: Tree) -> tuple[Size, ...]:
    """Return the sizes of axes and of sums that may be less than 1, such as N - 1: what takes something away."""
    found: dict[Size, None] = {}
    for t in graph.order:
        found |= dict.fromkeys(t.shape)
        if t.definition is not None:
            own = [s for s in _symbolic(t.definition.template) if s.is_integer]
            found |= dict.fromkeys(map_size(s, t.definition.sizes) for s in own)
    for tree in trees:
        found |= dict.fromkeys(s for s in _expressions(tree) if s.is_integer)
    return tuple(s for s in found if any(a.could_extract_minus_sign() for a in sympy.Add.make_args(s)))


def _symbolic(template: Template) -> tuple[Any, ...]:
    """Return the symbols and ranges of a template, read once."""
    found: tuple[Any, ...] | None = template.memo.get("symbols")
    if found is None:
        found = template.memo["symbols"] = _expressions(template.tree)
    return found


def _expressions(tree: Tree) -> tuple[Any, ...]:
    found: dict[Any, None] = {}
    for at in walk(tree):
        if isinstance(at, Sym):
            found.setdefault(at.symbol)
        elif isinstance(at, Sum | Ix) and at.index.size is not None:
            found.setdefault(at.index.size)
    return tuple(found)


def leaf_values(
    graph: FlowGraph, sizes: Mapping[Any, Any], rng: np.random.Generator, mode: str = "normal"
) -> dict[Tensor, Any]:
    """Return generic values for every leaf: real entries by the mode, positive where declared, labels in range."""
    return {t: _value(t, sizes, rng, mode) for t in graph.order if t.definition is None}


def _value(t: Tensor, sizes: Mapping[Any, Any], rng: np.random.Generator, mode: str) -> Any:
    shape = tuple(size_value(s, sizes) for s in t.shape)
    if t.bijective:
        return rng.permutation(shape[0])
    if t.classes is not None:
        return rng.integers(0, size_value(t.classes, sizes), size=shape)
    if mode == "unit":
        return rng.uniform(0.05, 0.95, size=shape)
    drawn = rng.normal(size=shape)
    return 0.3 + np.abs(drawn) if t.positive or mode == "positive" else drawn


def _sizes(symbols: Symbols, n: int, rng: np.random.Generator, largest: int) -> dict[Any, Any]:
    """Return sizes for the n-th point: pairwise different, every fourth point small ones, 1 among them."""
    if n % 4 == 3 and symbols.sizes:
        small = {s: int(rng.integers(1, 3)) for s in symbols.sizes}
        return small if 1 in small.values() else dict.fromkeys(small, 1)
    pool = list(range(2, 2 + max(len(symbols.sizes), largest - 1)))
    return dict(zip(symbols.sizes, rng.permutation(pool)[: len(symbols.sizes)].tolist(), strict=True))


def _inhabited(
    graph: FlowGraph, symbols: Symbols, n: int, rng: np.random.Generator, largest: int
) -> dict[Any, Any]:  # fmt: skip
    """Return sizes at which no axis is shorter than nothing: N - K >= 0."""
    differences = [s for s in dict.fromkeys(s for t in graph.order for s in t.shape) if s.is_Add]
    for attempt in range(_DRAWS * _DRAWS):
        sizes = _sizes(symbols, n, rng, largest + attempt // _DRAWS)
        if all(size_value(s, sizes) >= 0 for s in differences):
            return sizes
    raise OutsideDomain("no sizes were found at which every axis has entries")


def at_points(
    graph: FlowGraph,
    symbols: Symbols,
    count: int,
    use: Callable[[Point], _Found],
    *,
    seed: int = 0,
    margin: float = 1e-3,
    largest: int = 5,
    hazards: tuple[Tensor, ...] | None = None,
) -> Iterator[_Found]:
    """Yield what ``use`` finds at ``count`` points inside its domain and away from kinks.

    A point is redrawn where ``use`` raises an arithmetic or domain error, at first with generic entries, then with
    positive ones, then with entries between 0 and 1. ``hazards`` are what vanishes at kinks, by default every kink of
    the graph.

    Raises:
        OutsideDomain: no such point was found.
    """
    rng = np.random.default_rng(seed)
    hazards = kinks(graph) if hazards is None else hazards
    for n in range(count):
        found: tuple[_Found] | None = None
        reason = ""
        # Where nothing is defined at small sizes (the log of an empty sum, say) larger ones are taken instead.
        for kind in (n, 0) if n % 4 == 3 else (n,):
            if found is not None:
                break
            sizes = _inhabited(graph, symbols, kind, rng, largest)
            chosen = {**sizes, **{s: 0.2 + float(rng.random()) for s in symbols.scalars}}
            for mode in _MODES:
                if found is None:
                    found, reason = _draw(graph, chosen, rng, mode, hazards, margin, use)
        if found is None:
            raise OutsideDomain(reason)
        yield found[0]


def _draw(
    graph: FlowGraph,
    sizes: Mapping[Any, Any],
    rng: np.random.Generator,
    mode: str,
    hazards: tuple[Tensor, ...],
    margin: float,
    use: Callable[[Point], _Found],
) -> tuple[tuple[_Found] | None, str]:
    reason = "every point drawn lies at a kink"
    for _ in range(_DRAWS):
        point = Point(sizes, leaf_values(graph, sizes, rng, mode))
        try:
            if nearest_kink(hazards, point) > margin:
                return (use(point),), ""
        except (ArithmeticError, ValueError) as error:
            reason = str(error) or type(error).__name__
    return None, reason


def points(graph: FlowGraph, count: int, *, seed: int = 0, margin: float = 1e-3, largest: int = 5) -> Iterator[Point]:
    """Yield points at which every tensor of a graph can be evaluated."""

    def whole(point: Point) -> Point:
        machine = point.interpreter()
        for t in graph.outputs:
            if not np.all(np.isfinite(np.asarray(machine.tensor(t), dtype=float))):
                raise ArithmeticError(f"{t.name} is not finite")
        return point

    return at_points(graph, symbols_of(graph), count, whole, seed=seed, margin=margin, largest=largest)


def kinks(graph: FlowGraph, *, equalities: bool = False) -> tuple[Tensor, ...]:
    """Return tensors that vanish where a node is not differentiable: arguments of max, abs, sign and conditions.

    With ``equalities`` also of conditions that two values are equal.
    """
    out: list[Tensor] = []
    for t in graph.order:
        if t.definition is not None and t.role != "adjoint":
            for n, template in enumerate(_kink_templates(t.definition.template, equalities)):
                definition = Definition(
                    template,
                    tuple(t.definition.args[t.definition.template.slots.index(s)] for s in template.slots),
                    t.definition.sizes,
                )
                out.append(Tensor(f"kink of {t.name} {n}", definition.shape, "value", definition=definition, of=t))
    return tuple(out)


def _kink_templates(template: Template, equalities: bool) -> list[Template]:
    key = "comparisons" if equalities else "kinks"
    found: list[Template] | None = template.memo.get(key)
    if found is None:
        found = []
        _collect(template.tree, template.free, found, (">", ">=", "=") if equalities else (">", ">="))
        template.memo[key] = found
    return found


#: A condition under which a part counts, and whether it has to hold or not to hold.
_Guard = tuple[Tree, bool]


def _collect(
    tree: Tree, free: tuple[Index, ...], out: list[Template], relations: tuple[str, ...],
    guards: tuple[_Guard, ...] = (),
) -> None:  # fmt: skip
    """Gather the arguments whose sign matters; where a guard keeps one from being read it stands for 1."""
    argument: Tree | None = None
    if isinstance(tree, Fn) and tree.name in ("max", "min"):
        argument = Add((tree.args[0], Neg(tree.args[1])))
    elif isinstance(tree, Fn) and tree.name in ("abs", "sign"):
        argument = tree.args[0]
    elif isinstance(tree, Ind) and tree.rel in relations:
        argument = Add((tree.left, Neg(tree.right)))
    if argument is not None and _moves(argument):
        for condition, holds in reversed(guards):
            argument = Where(condition, argument, ONE) if holds else Where(condition, ONE, argument)
        used = tuple(i for i in free if any(isinstance(t, Ix) and t.index is i for t in walk(argument)))
        slots = tuple(dict.fromkeys(t.tensor for t in walk(argument) if isinstance(t, Entry)))
        out.append(Template("kink", used, argument, slots))
    if isinstance(tree, Sum):
        free = (*free, tree.index)
    if isinstance(tree, Where):
        _collect(tree.condition, free, out, relations, guards)
        _collect(tree.then, free, out, relations, (*guards, (tree.condition, True)))
        _collect(tree.other, free, out, relations, (*guards, (tree.condition, False)))
        return
    own = tuple((f, True) for f in children(tree) if _is_guard(f)) if isinstance(tree, Mul) else ()
    for part in children(tree):
        _collect(part, free, out, relations, guards if (part, True) in own else (*guards, *own))


def _is_guard(tree: Tree) -> bool:
    """Tell whether a factor is 0 or 1 by indices, labels and sizes alone."""
    return isinstance(tree, Ind | Delta) and not any(
        isinstance(t, Entry) and t.tensor.classes is None for t in walk(tree)
    )


def _moves(tree: Tree) -> bool:
    """Tell whether a formula changes with small changes of real entries: what only indicators see does not."""
    if isinstance(tree, Entry):
        return tree.tensor.classes is None
    if isinstance(tree, Ind | Delta) or (isinstance(tree, Fn) and tree.name == "sign"):
        return False
    return any(_moves(part) for part in children(tree))


def nearest_kink(hazards: tuple[Tensor, ...], point: Point) -> float:
    """Return the smallest distance to a kink at a point, infinity where there is none.

    An exact 0 is no accident of the draw: an entry compared with itself, which no other point would move.
    """
    machine = point.interpreter()
    nearest = float("inf")
    for t in hazards:
        values = np.abs(np.asarray(machine.tensor(t), dtype=float))
        values = values[values > 0]
        if values.size:
            nearest = min(nearest, float(values.min()))
    return nearest
