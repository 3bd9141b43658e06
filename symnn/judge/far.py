"""Points that generic ones do not reach: large entries, the numbers that something is compared with, kinks.

A formula that agrees where everything is of size 1 may still be cut off at 30, differ below -5, or say anything at a
kink. What is seen here in float64 counts only once the difference stays as digits are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symnn.ground.errors import UnsupportedError
from symnn.ground.tensors import Tensor
from symnn.judge.spots import UNFIT, Spot
from symnn.judge.truth import Truth
from symnn.language.reading import Reading
from symnn.sides import read_claim
from symnn.verify.counterexample import Counterexample, confirmed
from symnn.verify.points import Point, leaf_values
from symnn.verify.points import kinks as kinks_of
from symnn.verify.question import Question

__all__ = [
    "AtKink",
    "beyond_convention",
    "differs_far_away",
    "far_points",
    "outside_of_conventions",
    "question_of",
]

#: How large entries are made, beside those around the numbers that something is compared with.
_LEVELS = (3.0, 10.0, 30.0, 100.0)
_PLACES = (-100.0, -30.0, -10.0, -5.0, -3.0, -1.0, 1.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0)
_MOST_MARKS, _MOST_CONFIRMED, _LARGEST_SIZE = 8, 40, 400
_UNDEFINED = (*UNFIT, TypeError)
#: By how much a kink is left to either side, how often, and what counts as the same value there.
_ASIDE, _TIMES, _LOOSE = 1e-6, 16, 1e-4


def question_of(truth: Truth, reading: Reading) -> Question:
    """Return the claim that a formula is the true gradient, with the kinks of the forward pass."""
    made = read_claim(truth.derivation, reading.tree).question()
    made.hazards = (*made.hazards, *kinks_of(truth.graph))
    return made


def differs_far_away(truth: Truth, reading: Reading) -> Counterexample | None:
    """Return a point off the kinks, with the output defined, at which a formula differs from the true gradient."""
    question = question_of(truth, reading)
    looked = 0
    for spot, surely in far_points(truth, question):
        seen = _compared(truth, reading, spot)
        if seen is None or not (seen or surely):
            continue
        if looked >= _MOST_CONFIRMED:
            return None
        looked += 1
        found = _confirmed(question, spot)
        if found is not None:
            return found
    return None


def _compared(truth: Truth, reading: Reading, spot: Spot) -> bool | None:
    """Tell whether two gradients differ in some entry in float64; None where one of them is not defined."""
    target = truth.derivation.target
    assert target is not None
    try:
        with np.errstate(all="ignore"):
            out = np.asarray(spot.tensor(truth.output), dtype=float)
            true = np.asarray(spot.tensor(target), dtype=float)
            mine = np.asarray(spot.dense.array(reading.tree, reading.free), dtype=float)
    except _UNDEFINED:
        return None
    if not np.all(np.isfinite(out)) or not np.all(np.isfinite(true)) or true.shape != mine.shape:
        return None
    if not np.all(np.isfinite(mine)):
        return True
    return bool(np.any(np.abs(true - mine) > 1e-9 * np.maximum(np.abs(true), np.abs(mine))))


def _confirmed(question: Question, spot: Spot) -> Counterexample | None:
    sizes = {s: v if isinstance(v, int) else Fraction(v) for s, v in spot.sizes.items()}
    if sum(np.size(v) for v in spot.leaves.values()) > _LARGEST_SIZE:
        return None
    leaves = {t: v if t.classes is not None else _fractions(v) for t, v in spot.leaves.items() if t in question.leaves}
    point = Point({s: sizes[s] for s in (*question.symbols.sizes, *question.symbols.scalars) if s in sizes}, leaves)
    try:
        if any(t not in leaves for t in question.leaves) or question.at_kink(point):
            return None
        return confirmed(question, point)
    except _UNDEFINED:
        return None


def _fractions(array: Any) -> Any:
    out = np.empty(np.shape(array), dtype=object)
    for at in np.ndindex(*out.shape):
        out[at] = Fraction(float(np.asarray(array)[at])).limit_denominator(10**6)
    return out


def far_points(truth: Truth, question: Question) -> Iterator[tuple[Spot, bool]]:
    """Yield points, each with whether it lies so near a number compared with that digits have to decide."""
    rng = np.random.default_rng(17)
    sizes = _small(truth, rng)
    real = [t for t in truth.leaves if t.classes is None]

    def drawn() -> dict[Tensor, Any]:
        return leaf_values(truth.graph, sizes, rng)

    for mode in ("normal", "positive", "unit"):
        yield Spot(sizes, leaf_values(truth.graph, sizes, rng, mode)), True
    for level in _LEVELS:
        for t in real:
            for mode in ("normal", "positive"):
                leaves = leaf_values(truth.graph, sizes, rng, mode)
                yield Spot(sizes, {**leaves, t: leaves[t] * level}), False
        yield Spot(sizes, {t: v * level if t in real else v for t, v in drawn().items()}), False
    marks = _places(question)
    for t in real:
        for place, surely in (*((m, True) for m in marks), *((p, False) for p in _PLACES)):
            if t.positive and place <= 0 or t.nonnegative and place < 0:
                continue
            leaves = drawn()
            apart = min(1e-3, abs(place) / 100)
            yield Spot(sizes, {**leaves, t: place + apart * np.abs(leaves[t])}), surely
    for m in question.marks:
        if m.denominator == 1 and 3 < m <= _LARGEST_SIZE:
            for s in truth.symbols.sizes:
                for value in (int(m) - 1, int(m), int(m) + 1):
                    chosen = {**sizes, s: value}
                    yield Spot(chosen, leaf_values(truth.graph, chosen, rng)), False


def _small(truth: Truth, rng: np.random.Generator) -> dict[Any, Any]:
    sizes: dict[Any, Any] = {s: n for s, n in zip(truth.symbols.sizes, (3, 2, 3, 2, 3, 2, 3, 2), strict=False)}
    sizes |= {s: 2 for s in truth.symbols.sizes if s not in sizes}
    return sizes | {s: Fraction(int(rng.integers(2, 9)), 8) for s in truth.symbols.scalars}


def _places(question: Question) -> list[float]:
    """Return numbers near those that something is compared with, of either sign, and between neighbouring ones."""
    found = [float(m) for m in question.marks if m][:_MOST_MARKS]
    marks = sorted({*found, *(-m for m in found)})
    out = [m + d for m in marks for d in (0.004, -0.005, 1.0, -1.0)]
    out += [(a + b) / 2 for a, b in zip(marks, marks[1:], strict=False)] + [m * k for m in marks for k in (0.5, 1.5)]
    return list(dict.fromkeys(out))


# -- at a kink ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AtKink:
    """A value at a kink that no convention gives: where, what it is, and between what it would have to lie."""

    spot: Spot
    entry: tuple[int, ...]
    value: float
    low: float
    high: float


def beyond_convention(truth: Truth, values: Callable[[Spot], Any]) -> AtKink | None:
    """Return a kink at which a gradient is none of the values between those from its sides, or None."""
    hazards = kinks_of(truth.graph)
    if not hazards:
        return None
    rng = np.random.default_rng(23)
    sizes = _small(truth, rng)
    question = read_claim(truth.derivation, truth.formula).question()
    places = [0.0, *(p for m in question.marks for p in (float(m), -float(m)))][:9]
    real = [t for t in truth.leaves if t.classes is None and t.role != "upstream" and not t.positive]
    for place in places:
        for t in real:
            for share in (0.3, 0.3, 0.6, 0.6, 1.0):
                leaves = leaf_values(truth.graph, sizes, rng)
                put = rng.random(np.shape(leaves[t])) < share
                leaves[t] = np.where(put, place, leaves[t])
                spot = Spot(sizes, leaves)
                try:
                    if any(bool(np.any(np.asarray(spot.tensor(h)) == 0)) for h in hazards):
                        found = outside_of_conventions(truth, values, spot)
                        if found is not None:
                            return found
                except _UNDEFINED:
                    continue
    return None


def outside_of_conventions(truth: Truth, values: Callable[[Spot], Any], spot: Spot) -> AtKink | None:
    """Return where a gradient at a kink lies outside of the values that the true one takes beside it, or None.

    The range is widened by its own width: several kinks may meet in one entry.

    Raises:
        UnsupportedError: there is nothing to compare with.
    """
    target = truth.derivation.target
    assert target is not None
    rng = np.random.default_rng(29)
    beside = []
    for _ in range(_TIMES):
        moved = {
            t: v + _ASIDE * rng.normal(size=np.shape(v)) * np.maximum(1.0, np.abs(v)) if t.classes is None else v
            for t, v in spot.leaves.items()
        }
        beside.append(np.asarray(Spot(spot.sizes, moved).tensor(target), dtype=float))
    with np.errstate(all="ignore"):
        mine = np.asarray(values(spot), dtype=float)
    low, high = np.min(beside, axis=0), np.max(beside, axis=0)
    if mine.shape != low.shape or not np.all(np.isfinite(low)) or not np.all(np.isfinite(high)):
        raise UnsupportedError("beside the kink the true gradient is not finite, or the one given has another shape")
    room = (high - low) + _LOOSE * (1 + float(np.abs(high).max(initial=0.0)))
    outside = ~((mine >= low - room) & (mine <= high + room))
    if not np.any(outside):
        return None
    entry = tuple(int(k) for k in np.argwhere(outside)[0])
    return AtKink(spot, entry, float(mine[entry]), float(low[entry]), float(high[entry]))
