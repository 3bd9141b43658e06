"""A moment by numbers: at small sizes, from quadrature over all random entries at once, and from a seeded sample.

Neither uses the algebra of expectations: the expression itself is compiled and evaluated, at the nodes of a product of
one Gauss rule per entry, or at drawn entries. The prediction is the moment's result, by the reference interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from symnn.compile.program import build
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.define import abstract, typed
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    Add,
    Div,
    Entry,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Tree,
    children,
    free_indices,
    num,
    tensors_in,
)  # fmt: skip
from symnn.theory.errors import MomentError
from symnn.theory.expectation import opened_up
from symnn.theory.laws import Law
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
_TRIES = 200
#: Sizes by their order of appearance; the first few of which there are few enough entries are taken.
_SIZES = (
    (2, 3, 4), (3, 2, 5), (4, 5, 2), (3, 2, 2), (2, 2, 3), (2, 1, 3), (1, 2, 2), (1, 3, 2), (3, 1, 2), (1, 1, 1),
)  # fmt: skip
_ENOUGH, _MOST_FREE = 3, 4
#: How close two rules have to come for the value to count, and the value to the prediction.
_SETTLED, _NEAR = 1e-11, 1e-10


@dataclass(frozen=True)
class Sampled:
    """What a sample says: its estimate, the standard error of that, and what was predicted."""

    estimate: float
    error: float
    predicted: float
    draws: int
    varied: bool = True

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
        if self.error == 0 and self.varied:
            return Check("not run", f"{self}: no draw saw the expression vary")
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
        pattern: positions of the free indices, at the first where they are not named.
        alternative: which of the laws is taken where a law leaves it open.
    """

    def __init__(
        self, moment: Moment, values: Mapping[Any, float] | None = None, *, seed: int = 0,
        pattern: Mapping[Index, int] | None = None, alternative: int = 0, sizes: tuple[int, ...] = (3, 4, 2, 5),
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
        self.fixed = {t: self._held(t, rng) for t in fixed}
        labels = [t.name for t in fixed if t.classes is not None]
        if labels:
            raise MomentError(f"{labels[0]} holds labels; moments are tried at real entries only.")
        self.has_sizes = bool(found.sizes)
        self.places = self._places(pattern or {})
        self.parts = [self._placed(p) for p in moment.question.args]

    @property
    def out_of_range(self) -> bool:
        """A position of the pattern does not exist at these sizes."""
        return any(k >= size_value(i.size, self.values) for i, k in self.places.items() if i.size is not None)

    def where(self) -> str:
        """Return sizes and scalars in words."""
        return ", ".join(f"{s}={v:.4g}" if isinstance(v, float) else f"{s}={v}" for s, v in self.values.items())

    def predicted(self) -> float:
        """Return the value of the moment's result.

        Raises:
            MomentError: a moment without a name is left in it that no quadrature reaches.
        """
        def valued(tree: Tree) -> float:
            named = settled(self._placed(tree), self.moment.laws, lambda e: at_values(e, self.values))
            return float(Interpreter(self.values, self.fixed).value(to_sympy(named)))

        try:
            return valued(self.moment.result)
        except MomentError:
            return valued(self.moment.at_once())

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
        return Sampled(estimate, error, self.predicted(), draws, error > 0 or self._varies(columns, leaves))

    def _varies(self, columns: list[Any], leaves: list[Tensor]) -> bool:
        """Tell whether a sample that was constant could have been another one; it could where that is not known."""
        if any(self.laws[t].rule is None for t in leaves):
            return True
        return any(used.any() for used in self._read(columns, leaves).values())

    def _drawn(self, t: Tensor, many: int, rng: np.random.Generator) -> Any:
        law = self.laws[t]
        if law.draw is None:
            raise MomentError(f"The law of {t.name} cannot be drawn from.")
        return law.draw(rng, (many, *self._shape(t)), self._number)

    # -- quadrature ------------------------------------------------------------------------------------------------

    def integrated(self) -> tuple[float, float, float]:
        """Return the moment by a product of Gauss rules, one for each random entry; by how much it moved, and E|f|.

        The rule of each tensor's entries is made finer, one tensor at a time, until the value stands; only where the
        expression is a polynomial in them does a rule of few nodes count.

        Raises:
            MomentError: a law has no rule, or there are too many entries, or the value does not settle.
        """
        leaves = [t for t in self.graph.order if t in self.laws and t in self._inside()]
        for t in leaves:
            if self.laws[t].rule is None:
                raise MomentError(f"the {self.laws[t].name} law of {t.name} has no quadrature rule")
        columns = [self._column(p) for p in self.parts]
        read = self._read(columns, leaves)
        plain = [t for t in leaves if _polynomial(self.parts, t, self.laws)]
        steps = {t: _finer(t in plain) for t in leaves}
        fineness = {t: next(s) for t, s in steps.items()}
        (at, scale), off = self._by_rule(columns, read, fineness), 0.0
        for t in leaves:
            moved = math.inf
            while moved > _SETTLED:
                trying = {**fineness, t: next(steps[t])}
                if trying[t][0] > _MOST_FOR_ONE:
                    raise MomentError(f"quadrature over {t.name} does not settle")
                value, scale = self._by_rule(columns, read, trying)
                moved = abs(value - at) / max(abs(value), abs(at), 1e-3 * scale, 1e-300)
                if moved > _SETTLED:  # else the coarser rule does, and costs less
                    fineness, at = trying, value
            off = max(off, moved)
        return at, off, scale

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
                rule = self.laws[t].rule
                assert rule is not None  # at the rule's own nodes, far ones too
                moved[t][(slice(None), *at)] = rng.choice(rule(24, self._number, True)[0], _TRIES)
                out[t][at] = any(not np.array_equal(column(moved), v) for column, v in zip(columns, level, strict=True))
        return out

    def _by_rule(
        self, columns: list[Any], read: Mapping[Tensor, Any], fineness: Mapping[Tensor, tuple[int, bool]]
    ) -> tuple[float, float]:  # fmt: skip
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
        sums = np.zeros(4)
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
            both = values[0] if self.moment.question.name == "E" else values[0] * values[-1]
            sums += [(weight * v).sum() for v in (values[0], values[-1], both, abs(both))]
        plain = self.moment.question.name == "E"
        return float(sums[0] if plain else sums[2] - sums[0] * sums[1]), float(sums[3])

    # -- the expression --------------------------------------------------------------------------------------------

    def _shape(self, t: Tensor) -> tuple[int, ...]:
        return tuple(size_value(s, self.values) for s in t.shape)

    def _number(self, tree: Tree) -> float:
        return float(at_values(to_sympy(tree), self.values))

    def _held(self, t: Tensor, rng: np.random.Generator) -> Any:
        drawn = rng.normal(size=self._shape(t))
        return 0.3 + np.abs(drawn) if t.positive or t.nonnegative else drawn

    def _places(self, pattern: Mapping[Index, int]) -> dict[Index, int]:
        free = dict.fromkeys(i for p in self.moment.question.args for i in free_indices(p))
        return {i: pattern.get(i, 0) for i in free}

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
        held = {t.name: v for t, v in self.fixed.items() if t.name in program.inputs}

        def column(arrays: Mapping[Tensor, Any]) -> Any:
            given = {**held, **{t.name: arrays[t] for t in leaves}}
            return np.asarray(program(given, check=False)[wide[scalar].name])

        return column


def by_quadrature(moment: Moment, values: Mapping[Any, float] | None = None) -> Check:
    """Return how a moment's result compares with quadrature over all its random entries; see ``Moment``."""
    worst, points = 0.0, 0
    seen: list[str] = []
    many = max(len(law.instances) for law in moment.laws.values())
    reason = "no small sizes were found"
    for sizes in _SIZES:
        patterns = _patterns(moment) if not seen else [_patterns(moment)[len(seen) % len(_patterns(moment))]]
        told: list[Check] = []
        try:
            for alternative in range(many):
                for pattern in patterns:
                    trial = Trial(moment, values, pattern=pattern, alternative=alternative, sizes=sizes)
                    if trial.out_of_range:
                        continue
                    told.append(_one(trial))
                    if told[-1].verdict == "refuted":
                        return told[-1]
        except (SymnnError, ArithmeticError, ValueError, TypeError) as error:
            reason = str(error) or type(error).__name__
            continue
        where = trial.where()
        if told and where not in seen:
            worst, points, seen = max(worst, *(c.worst or 0.0 for c in told)), points + len(told), [*seen, where]
        if len(seen) == _ENOUGH or not trial.has_sizes:
            break
    if not seen:
        return Check("not run", reason)
    laws = f", {many} laws" if many > 1 else ""
    more = f" and at {len(seen) - 1} more" if len(seen) > 1 else ""
    if trial.has_sizes and not more:
        more = ", at one choice of sizes only"
    return Check("evaluated", f"over every entry at {seen[0]}{more}{laws}: worst {worst:.0e}", worst, points)


def _one(trial: Trial) -> Check:
    found, moved, scale = trial.integrated()
    predicted = trial.predicted()
    off = abs(found - predicted) / max(abs(found), abs(predicted), 1e-3 * scale, 1e-300)
    if not off <= _NEAR + moved:
        return Check("refuted", f"at {trial.where()}: {found:.12g} by quadrature, {predicted:.12g} derived")
    return Check("evaluated", "", off, 1)


def _patterns(moment: Moment) -> list[dict[Index, int]]:
    """Return positions of the free indices: every way in which those of one range coincide, of up to four."""
    free = tuple(dict.fromkeys(i for p in moment.question.args for i in free_indices(p)))
    if not free:
        return [{}]
    if len(free) > _MOST_FREE:
        return [dict.fromkeys(free, 0), {i: n for n, i in enumerate(free)}, dict.fromkeys(free, 1)]
    ways: list[dict[Index, int]] = [{}]
    for i in free:
        ways = [
            {**w, i: k} for w in ways
            for k in range(1 + max((p for j, p in w.items() if j.size == i.size), default=-1) + 1)
        ]  # fmt: skip
    return [*ways, dict.fromkeys(free, 1)]


def chosen(symbol: Any) -> float:
    """Return a number for a symbol that was given none, between 0.35 and 0.95, by its name."""
    return float(np.random.default_rng(crc32(str(symbol).encode())).uniform(0.35, 0.95))


def _finer(polynomial: bool) -> Iterator[tuple[int, bool]]:
    """Yield numbers of nodes: few on the whole line do for polynomials, else ever more on either half."""
    if polynomial:
        yield from ((3, False), (4, False), (6, False), (8, False))
    n = 8
    while True:
        yield n, True
        n += n // 2


def _polynomial(parts: Sequence[Tree], t: Tensor, laws: Mapping[Tensor, Law]) -> bool:
    """Tell whether formulas are polynomials in the entries of a tensor, everything computed from it written out."""

    def go(at: Tree) -> bool:
        if t not in tensors_in(at):
            return True
        if isinstance(at, Entry):
            return True
        if isinstance(at, Div):
            return t not in tensors_in(at.den) and go(at.num)
        if isinstance(at, Pow):
            e = at.exponent
            return isinstance(e, Num) and e.value.denominator == 1 and e.value > 0 and go(at.base)
        return isinstance(at, Add | Mul | Neg | Sum) and all(go(p) for p in children(at))

    return all(go(opened_up(p, laws)) for p in parts)
