"""A claim as something to evaluate: its two sides and the declared facts as nodes over the tensors they speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from symnn.algebra.convert import reaches
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.template import Definition, Template, Typed
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Delta, Fn, Ind, Num, Tree, children, free_indices, tensors_in, walk
from symnn.verify.points import Point, kinks, leaf_values, ranges_of, symbols_of

__all__ = ["Question", "node"]

#: Closer to a kink than this a derivative is not taken.
MARGIN = 1e-3


def node(
    name: str, free: tuple[Index, ...], tree: Tree, typed: Any = None, letters: Sequence[Index] = (),
    extents: Mapping[Any, Size] | None = None,
) -> Tensor:  # fmt: skip
    """Return a formula as a computed tensor over the tensors it speaks of.

    The interpreter evaluates ``typed``, what a user typed in ``letters``, where there is something, and else the
    formula's own SymPy form.
    """
    slots = tensors_in(tree)
    as_typed = None if typed is None else Typed(tuple(letters), typed, dict(extents or {}))
    definition = Definition(Template(name, free, tree, slots), slots, {}, as_typed)
    shape = tuple(i.size for i in free)
    return Tensor(name, shape, "value", definition=definition, letters=tuple(i.letter for i in free), auto=True)


@dataclass
class Question:
    """Whether ``left`` equals ``right``, entry by entry, wherever both are defined and the facts hold.

    Attributes:
        left: one side, a computed tensor of the claim's free indices.
        right: the other.
        facts: for each declared fact the difference of its sides, and the relation of that to 0.
        free: the letters of the free indices, for messages.
    """

    left: Tensor
    right: Tensor
    facts: tuple[tuple[Tensor, str], ...] = ()
    free: tuple[Index, ...] = ()
    _zeros: dict[Any, list[Any]] = field(default_factory=dict)
    _compared: tuple[Tensor, ...] | None = None

    def __post_init__(self) -> None:
        self.graph = FlowGraph((self.left, self.right, *(t for t, _ in self.facts)))
        self.symbols = symbols_of(self.graph)
        definitions = (self.left.definition, self.right.definition)
        taken = [t for d in definitions if d for t in walk(d.template.tree) if isinstance(t, D)]
        self.pending = bool(taken)
        self.hazards = tuple(kink for t in taken for kink in _kinks_of(t))
        self.leaves = tuple(t for t in self.graph.order if t.definition is None)
        self.marks = _marks(self.graph)
        self.ranges = ranges_of(self.graph)
        self.ties = tuple((t, r) for t, r in self.facts if not t.rank and _speaks_of_sizes(t))

    def values(self, machine: Interpreter) -> tuple[Any, Any]:
        """Return both sides at a point.

        Raises:
            ArithmeticError, ValueError: the point lies outside the domain.
        """
        if not self.inhabited(machine.sizes):
            raise ValueError("an axis or a sum has no place")
        for t, relation in self.facts:
            if relation != "=" and not np.all(_holds(machine.tensor(t), relation)):
                raise ValueError("a declared sign does not hold")
        return machine.tensor(self.left), machine.tensor(self.right)

    def inhabited(self, sizes: Mapping[Any, Any]) -> bool:
        """Tell whether every axis and every sum has at least one place at these sizes."""
        return all(size_value(s, sizes) >= 1 for s in self.ranges)

    def tied(self, sizes: Mapping[Any, Any]) -> bool:
        """Tell whether the facts that speak of sizes alone hold."""
        machine = Interpreter(sizes, {})
        for t, relation in self.ties:
            value = machine.tensor(t)
            if not bool(np.all(value == 0) if relation == "=" else np.all(_holds(value, relation))):
                return False
        return True

    def at_kink(self, point: Point) -> bool:
        """Tell whether a derivative is asked for and the point lies at a kink.

        What vanishes at every point of these sizes, such as an entry compared with itself, is none.
        """
        if not self.hazards:
            return False
        key = tuple(point.sizes.items())
        always = self._zeros.get(key)
        if always is None:
            generic = Point(point.sizes, leaf_values(self.graph, point.sizes, np.random.default_rng(7), "positive"))
            always = self._zeros[key] = self._near(generic, 0.0)
        here = self._near(Point(point.sizes, {t: _floats(v) for t, v in point.values.items()}), MARGIN)
        return any(bool(np.any(h & ~a)) for h, a in zip(here, always, strict=True))

    def at_tie(self, point: Point, digits: int) -> bool:
        """Tell whether something is compared at a point that is equal there up to rounding to so many digits."""
        machine = point.interpreter(digits)
        if self._compared is None:
            self._compared = kinks(FlowGraph((self.left, self.right)), equalities=True)
        return any(0 < abs(v) < 10.0 ** -(digits // 2) for t in self._compared for v in np.ravel(machine.tensor(t)))

    def _near(self, point: Point, margin: float) -> list[Any]:
        machine = point.interpreter()
        return [np.abs(np.asarray(machine.tensor(t), dtype=float)) <= margin for t in self.hazards]


def _kinks_of(taken: D) -> list[Tensor]:
    """Return what vanishes where a derivative's body has a kink in its variable."""
    body = node("body", free_indices(taken.body), taken.body)
    return [k for k in kinks(FlowGraph((body,))) if reaches(k, taken.wrt.tensor)]


def _speaks_of_sizes(t: Tensor) -> bool:
    graph = FlowGraph((t,))
    return not symbols_of(graph).scalars and all(u.definition is not None for u in graph.order)


def _marks(graph: FlowGraph) -> tuple[Fraction, ...]:
    """Return the numbers that something is compared with, in order of appearance."""
    found: dict[Fraction, None] = {}
    for t in graph.order:
        for at in walk(t.definition.template.tree) if t.definition is not None else ():
            if isinstance(at, Ind | Delta) or (isinstance(at, Fn) and at.name in ("max", "min", "abs", "sign")):
                for part in children(at):
                    found |= dict.fromkeys(abs(n.value) for n in walk(part) if isinstance(n, Num))
    return tuple(found)


def _floats(value: Any) -> Any:
    array = np.asarray(value)
    return array.astype(float) if array.dtype == object else array


def _holds(array: Any, relation: str) -> Any:
    match relation:
        case ">":
            return array > 0
        case ">=":
            return array >= 0
    return array != 0
