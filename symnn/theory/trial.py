"""A moment by numbers: at small sizes, from quadrature over all random entries at once, and from a seeded sample.

Neither uses the algebra of expectations: the expression itself is compiled and evaluated, at the nodes of a product of
one Gauss rule per entry, or at drawn entries. The prediction is the moment's result, by the reference interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count as counted
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from symnn.compile.program import build
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.define import abstract, typed
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree, free_indices, num, tensors_in
from symnn.theory.errors import MomentError
from symnn.theory.numbers import at_values, settled
from symnn.verify.abreast import widened
from symnn.verify.points import size_symbols, symbols_of
from symnn.verify.record import Check

if TYPE_CHECKING:
    from symnn.theory.moment import Moment

__all__ = ["Sampled", "Trial", "by_quadrature", "chosen"]

#: Draws, or nodes, that are worked on at once.
_AT_ONCE = 20_000
#: Nodes of the product rule that are gone through at most, and nodes for one entry.
_MOST_NODES, _MOST_FOR_ONE = 1_000_000, 96
#: Draws at which it is looked whether a value depends on an entry.
_TRIES = 24
#: Sizes by their order of appearance; the first of which there are few enough entries are taken.
_SIZES = ((2, 3), (3, 2), (2, 2), (2, 1), (1, 2), (1, 1))
#: How close two rules have to come for the value to count, and the value to the prediction.
_SETTLED, _NEAR = 1e-11, 1e-10


@dataclass(frozen=True)
class Sampled:
    """What a sample says: its estimate, the standard error of that, and what was predicted."""

    estimate: float
    error: float
    predicted: float
    draws: int

    @property
    def agrees(self) -> bool:
        """The prediction lies within four standard errors."""
        return abs(self.estimate - self.predicted) <= 4 * self.error + 1e-12 * abs(self.predicted)

    @property
    def apart(self) -> float:
        """How many standard errors lie between estimate and prediction."""
        off = abs(self.estimate - self.predicted)
        return off / self.error if self.error else 0.0 if self.agrees else math.inf

    @property
    def check(self) -> Check:
        """*Evaluated* where they agree, else *refuted*."""
        words = "within" if self.agrees else "more than"
        return Check("evaluated" if self.agrees else "refuted", f"{self}, {words} 4 standard errors", points=self.draws)

    def __str__(self) -> str:
        return f"{self.estimate:.6g} +- {self.error:.2g} of {self.draws} draws, predicted {self.predicted:.6g}"


class Trial:
    """A moment at given sizes and scalars.

    Args:
        moment: the moment.
        values: a number for every size and scalar, by symbol; those left out are chosen, all by their names.
        seed: of tensors that are not random, which are held at drawn values.
        apart: free indices of one range stand at different positions, not all at the first.
        alternative: which of the laws is taken where a law leaves it open.
    """

    def __init__(
        self, moment: Moment, values: Mapping[Any, float] | None = None, *, seed: int = 0, apart: bool = False,
        alternative: int = 0, sizes: tuple[int, ...] = (3, 4, 2, 5),
    ) -> None:  # fmt: skip
        self.moment = moment
        self.graph = FlowGraph(tuple(t for part in moment.question.args for t in tensors_in(part)))
        found = symbols_of(
            self.graph, *moment.question.args, *(p for law in moment.laws.values() for p in law.parameters)
        )
        given = dict(values or {})
        self.values = {s: given.get(s, sizes[n % len(sizes)]) for n, s in enumerate(found.sizes)}
        self.values |= {s: given.get(s, chosen(s)) for s in found.scalars}
        self.laws = {t: law.instances[alternative % len(law.instances)] for t, law in moment.laws.items()}
        rng = np.random.default_rng([seed, 17])
        fixed = [t for t in self.graph.order if t.definition is None and t not in self.laws]
        self.fixed = {t: rng.normal(size=self._shape(t)) for t in fixed}
        labels = [t.name for t in fixed if t.classes is not None]
        if labels:
            raise MomentError(f"{labels[0]} holds labels; moments are tried at real entries only.")
        self.places = self._places(apart)
        self.parts = [self._placed(p) for p in moment.question.args]

    @property
    def nodes_differ(self) -> bool:
        """Free indices of one range stand at different positions."""
        return len(set(self.places.values())) > 1

    def where(self) -> str:
        """Return sizes and scalars in words."""
        return ", ".join(f"{s}={v:.4g}" if isinstance(v, float) else f"{s}={v}" for s, v in self.values.items())

    def predicted(self) -> float:
        """Return the value of the moment's result.

        Raises:
            MomentError: a moment without a name is left in it that no quadrature reaches.
        """
        tree = settled(self._placed(self.moment.closed()), self.moment.laws, lambda e: at_values(e, self.values))
        return float(Interpreter(self.values, self.fixed).value(to_sympy(tree)))

    # -- a sample --------------------------------------------------------------------------------------------------

    def sampled(self, draws: int = 100_000, seed: int = 0) -> Sampled:
        """Return what a seeded sample says.

        Raises:
            MomentError: a law cannot be drawn from.
        """
        rng = np.random.default_rng(seed)
        columns = [self._column(p) for p in self.parts]
        found: list[list[Any]] = [[] for _ in columns]
        leaves = [t for t in self.graph.order if t in self.laws]
        for start in range(0, draws, _AT_ONCE):
            many = min(_AT_ONCE, draws - start)
            arrays = {t: self._drawn(t, many, rng) for t in leaves}
            for column, into in zip(columns, found, strict=True):
                into.append(column(arrays))
        one, other = np.concatenate(found[0]), np.concatenate(found[-1])
        if self.moment.question.name == "E":
            sample = one
        else:
            sample = (one - one.mean()) * (other - other.mean()) * draws / (draws - 1)
        estimate, error = float(sample.mean()), float(sample.std(ddof=1) / np.sqrt(draws))
        return Sampled(estimate, error, self.predicted(), draws)

    def _drawn(self, t: Tensor, many: int, rng: np.random.Generator) -> Any:
        law = self.laws[t]
        if law.draw is None:
            raise MomentError(f"The law of {t.name} cannot be drawn from.")
        return law.draw(rng, (many, *self._shape(t)), self._number)

    # -- quadrature ------------------------------------------------------------------------------------------------

    def integrated(self) -> tuple[float, float]:
        """Return the moment by a product of Gauss rules, one for each random entry, and by how much it still moved.

        The rule of each tensor's entries is made finer, one tensor at a time, until the value stands.

        Raises:
            MomentError: a law has no rule, or there are too many entries, or the value does not settle.
        """
        leaves = [t for t in self.graph.order if t in self.laws and t in self._inside()]
        for t in leaves:
            if self.laws[t].rule is None:
                raise MomentError(f"the {self.laws[t].name} law of {t.name} has no quadrature rule")
        columns = [self._column(p) for p in self.parts]
        read = self._read(columns, leaves)
        steps = {t: _finer() for t in leaves}
        fineness = {t: next(s) for t, s in steps.items()}
        at, off = self._by_rule(columns, read, fineness), 0.0
        for t in leaves:
            moved = math.inf
            while moved > _SETTLED:
                trying = {**fineness, t: next(steps[t])}
                if trying[t][0] > _MOST_FOR_ONE:
                    raise MomentError(f"quadrature over {t.name} does not settle")
                value = self._by_rule(columns, read, trying)
                moved = abs(value - at) / max(abs(value), abs(at), 1e-3)
                if moved > _SETTLED:  # else the coarser rule does, and costs less
                    fineness, at = trying, value
            off = max(off, moved)
        return at, off

    def _inside(self) -> frozenset[Tensor]:
        return frozenset(FlowGraph(tuple(t for p in self.parts for t in tensors_in(p))).order)

    def _read(self, columns: list[Any], leaves: list[Tensor]) -> dict[Tensor, Any]:
        """Return which entries of random leaves the values depend on: over the others there is nothing to integrate."""
        rng = np.random.default_rng(5)
        base = {t: self._drawn(t, _TRIES, rng) for t in leaves}
        level = [column(base) for column in columns]
        out = {}
        for t in leaves:
            out[t] = np.zeros(self._shape(t), dtype=bool)
            for at in np.ndindex(out[t].shape):
                moved = {**base, t: base[t].copy()}
                moved[t][(slice(None), *at)] = self._drawn(t, _TRIES, rng)[(slice(None), *at)]
                out[t][at] = any(not np.array_equal(column(moved), v) for column, v in zip(columns, level, strict=True))
        return out

    def _by_rule(
        self, columns: list[Any], read: Mapping[Tensor, Any], fineness: Mapping[Tensor, tuple[int, bool]]
    ) -> float:  # fmt: skip
        rules = []
        for t, used in read.items():
            rule = self.laws[t].rule
            assert rule is not None
            nodes, weights = rule(fineness[t][0], self._number, fineness[t][1])
            rules += [(nodes, weights) if one else (nodes[:1], np.ones(1)) for one in used.ravel()]
        shape = tuple(len(nodes) for nodes, _ in rules)
        total = math.prod(shape)
        if total > _MOST_NODES:
            many = sum(int(used.sum()) for used in read.values())
            raise MomentError(f"quadrature over {many} random entries would take {total} nodes")
        sums = np.zeros(3)
        for start in range(0, total, _AT_ONCE):
            which = np.unravel_index(np.arange(start, min(start + _AT_ONCE, total)), shape)
            weight = np.ones(len(which[0]))
            picked: list[Any] = []
            for (nodes, weights), k in zip(rules, which, strict=True):
                weight, picked = weight * weights[k], [*picked, nodes[k]]
            arrays, done = {}, 0
            for t in read:
                inner = self._shape(t)
                size = math.prod(inner)
                arrays[t] = np.stack(picked[done : done + size], axis=-1).reshape(-1, *inner)
                done += size
            values = [column(arrays) for column in columns]
            sums += [(weight * values[0]).sum(), (weight * values[-1]).sum(), (weight * values[0] * values[-1]).sum()]
        return float(sums[0] if self.moment.question.name == "E" else sums[2] - sums[0] * sums[1])

    # -- the expression --------------------------------------------------------------------------------------------

    def _shape(self, t: Tensor) -> tuple[int, ...]:
        return tuple(size_value(s, self.values) for s in t.shape)

    def _number(self, tree: Tree) -> float:
        return float(at_values(to_sympy(tree), self.values))

    def _places(self, apart: bool) -> dict[Index, int]:
        free = tuple(dict.fromkeys(i for p in self.moment.question.args for i in free_indices(p)))
        nth: dict[Any, Iterator[int]] = {}
        out = {}
        for i in free:
            size = size_value(i.size, self.values) if i.size is not None else 1
            out[i] = min(next(nth.setdefault(i.size, counted())), size - 1) if apart else 0
        return out

    def _placed(self, tree: Tree) -> Tree:
        return substitute(tree, indices={i: num(k) for i, k in self.places.items()})

    def _column(self, part: Tree) -> Any:
        """Return a function of many values of the random leaves, abreast, to the part's values."""
        own, tree = typed("tried", (), part)
        scalar = Tensor("tried", (), "value", definition=abstract("tried", own, tree, {}))
        inside = FlowGraph((scalar,)).order
        leaves = [t for t in self.laws if t in inside]
        if not leaves:
            level = float(Interpreter(self.values, {t: v for t, v in self.fixed.items() if t in inside}).tensor(scalar))
            return lambda arrays: np.full(len(next(iter(arrays.values()))), level)
        wide = widened((scalar,), leaves)
        on_axes = size_symbols(t for t in inside if t.definition is None)
        numbers = {str(k): v for k, v in self.values.items() if k not in on_axes}
        program = build((wide[scalar],), scalars=numbers, name="tried")
        held = {t.name: v for t, v in self.fixed.items() if t in inside}

        def column(arrays: Mapping[Tensor, Any]) -> Any:
            given = {**held, **{t.name: arrays[t] for t in leaves}}
            return np.asarray(program(given, check=False)[wide[scalar].name])

        return column


def by_quadrature(moment: Moment, values: Mapping[Any, float] | None = None) -> Check:
    """Return how a moment's result compares with quadrature over all its random entries; see ``Moment``."""
    worst, points, seen, many = 0.0, 0, "", max(len(law.instances) for law in moment.laws.values())
    for alternative in range(many):
        for apart in (False, True):
            reason = ""
            for sizes in _SIZES:
                try:
                    trial = Trial(moment, values, apart=apart, alternative=alternative, sizes=sizes)
                    if apart and not trial.nodes_differ:
                        break
                    found, moved = trial.integrated()
                    predicted = trial.predicted()
                except MomentError as error:
                    reason = str(error)
                    continue
                off = abs(found - predicted) / max(abs(found), abs(predicted), 1e-3)
                if not off <= _NEAR + moved:
                    return Check("refuted", f"at {trial.where()}: {found:.12g} by quadrature, {predicted:.12g} derived")
                worst, points, seen, reason = max(worst, off), points + 1, seen or trial.where(), ""
                break
            if reason:
                return Check("not run", reason)
    laws = f", {many} laws" if many > 1 else ""
    return Check("evaluated", f"over every entry at {seen}{laws}: worst {worst:.0e}", worst, points)


def chosen(symbol: Any) -> float:
    """Return a number for a symbol that was given none, between 0.35 and 0.95, by its name."""
    return float(np.random.default_rng(crc32(str(symbol).encode())).uniform(0.35, 0.95))


def _finer() -> Iterator[tuple[int, bool]]:
    """Yield numbers of nodes: few on the whole line, which do for polynomials, then ever more on either half."""
    yield from ((3, False), (4, False), (6, False))
    n = 4
    while True:
        yield n, True
        n += max(1, n // 3)
