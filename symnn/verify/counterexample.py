"""The smallest counterexample: sizes from all 1 upwards, small rationals as entries, each as plain as it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import mpmath
import numpy as np

from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import SymnnError
from symnn.ground.tensors import Tensor
from symnn.verify.exact import ExactInterpreter, Irrational
from symnn.verify.points import Point
from symnn.verify.question import Question
from symnn.verify.satisfy import satisfied, sharpened

__all__ = ["Counterexample", "compared", "confirmed", "extended", "near", "search", "size_choices"]

#: Entries from plain to less plain; what is known to be positive takes only those that are.
_PLAIN = tuple(Fraction(v) for v in ("0", "1", "-1", "2", "1/2", "-2", "3", "-1/2", "-3", "1/3"))
_DIGITS = 30
#: A difference of values of 30 digits is looked at again with these.
_FEW, _MANY = 90, 240
_UNDEFINED = (SymnnError, IndexError, ArithmeticError, ValueError, TypeError)
#: In float64 two values differ if they differ by more than this of the larger; every difference is then confirmed.
_SEEN = 1e-7
#: Starts from which the facts may fail to be solved before the search ends.
_UNSOLVED = 10
#: Entries up to which sizes are grown, without facts and with facts that have to be solved.
_MOST_ENTRIES, _MOST_GIVEN = 80, 16
#: Numbers that the sides compare with: how many are tried, up to which sizes, and with how many entries.
_MOST_MARKS, _LARGEST_MARK, _MOST_MARKED = 4, 64, 400


@dataclass(frozen=True)
class Counterexample:
    """Where a claim fails: sizes, entries of the leaves, the position, and both values there.

    ``exact`` tells whether the values are rationals worked out exactly; else they are rounded, of ``digits`` digits.
    """

    sizes: dict[Any, Any]
    entries: dict[Tensor, Any]
    position: dict[str, int]
    left: Any
    right: Any
    exact: bool
    digits: int = _DIGITS


def search(
    question: Question, *, seed: int = 0, draws: int = 6, most_sizes: int = 24
) -> tuple[Counterexample | None, list[dict[Any, Any]]]:
    """Return the smallest counterexample found, or None, and the sizes at which both sides are defined and agree."""
    rng = np.random.default_rng(seed)
    agreed: list[dict[Any, Any]] = []
    unsolved = 0
    for sizes, values in (*((s, _PLAIN) for s in size_choices(question, most_sizes)), *_at_marks(question)):
        best: Counterexample | None = None  # facts tie entries together: of several points the plainest is taken
        for draw in range(draws):
            chosen = {**sizes, **_scalars(question, rng, draw, values)}
            point = near(question, Point(chosen, _small_values(question, chosen, rng, draw, values)), rng)
            if point is None:
                unsolved += 1
                if unsolved >= _UNSOLVED:
                    return best, agreed
                continue
            spot = compared(question, point)
            if spot == "outside":
                continue
            if spot is None:
                agreed += [] if sizes in agreed else [sizes]
                continue
            plain = point if question.facts else _shrunk(question, point)
            found = confirmed(question, plain) or (None if plain is point else confirmed(question, point))
            if found is not None and not question.facts:
                return found, agreed
            best = found if best is None else best if found is None else min(best, found, key=_weight)
        if best is not None:
            return best, agreed
    return None, agreed


def _weight(found: Counterexample) -> tuple[bool, int]:
    """Return how plain the entries are: exact ones first, then by the size of their numerators and denominators."""
    entries = [v for array in found.entries.values() for v in np.ravel(np.asarray(array, dtype=object))]
    return not found.exact, sum(abs(v.numerator) + v.denominator for v in entries if isinstance(v, Fraction))


def size_choices(question: Question, most: int) -> Iterator[dict[Any, int]]:
    """Yield sizes, all 1 first, then by their sum; no more than ``most`` ways, and no large tensors."""
    symbols = question.symbols.sizes
    count = 0
    for extra in range(0, 8 if symbols else 1):
        for sizes in _with_sum(symbols, extra):
            if not question.inhabited(sizes) or not question.tied(sizes):
                continue
            entries = sum(prod(size_value(s, sizes) for s in t.shape) for t in question.leaves)
            if entries > (_MOST_GIVEN if question.facts else _MOST_ENTRIES):
                continue
            yield sizes
            count += 1
            if count >= most:
                return


def _with_sum(symbols: tuple[Any, ...], extra: int) -> Iterator[dict[Any, int]]:
    if not symbols:
        yield {}
        return
    if len(symbols) == 1:
        yield {symbols[0]: 1 + extra}
        return
    for more in range(extra, -1, -1):
        for rest in _with_sum(symbols[:-1], extra - (extra - more)):
            yield {**rest, symbols[-1]: 1 + extra - more}


def _at_marks(question: Question) -> Iterator[tuple[dict[Any, int], tuple[Fraction, ...]]]:
    """Yield sizes and values at the numbers that the sides compare with, of either sign, where something may change."""
    marks = [m for m in question.marks if m not in _PLAIN][:_MOST_MARKS]
    for mark in marks:
        values, below = ((m, m + 1, m - 1, *_PLAIN[:4]) for m in (mark, -mark))
        for sizes in size_choices(question, 3):
            yield sizes, values
            yield sizes, below
        for size in (mark, mark + 1) if mark.denominator == 1 and 0 < mark <= _LARGEST_MARK else ():
            chosen = dict.fromkeys(question.symbols.sizes, int(size))
            if chosen and sum(prod(size_value(s, chosen) for s in t.shape) for t in question.leaves) <= _MOST_MARKED:
                yield chosen, values


def _scalars(
    question: Question, rng: np.random.Generator, draw: int, values: tuple[Fraction, ...] = _PLAIN
) -> dict[Any, Fraction]:
    out = {}
    for s in question.symbols.scalars:
        fits = [v for v in (*values, *_PLAIN) if _fits(s, v)]
        out[s] = fits[min(draw, 1) if draw < 2 and len(fits) > 1 else int(rng.integers(len(fits)))]
    return out


def _fits(symbol: Any, value: Fraction) -> bool:
    if symbol.is_positive:
        return value > 0
    if symbol.is_nonnegative:
        return value >= 0
    return not symbol.is_negative or value < 0


def _small_values(
    question: Question, sizes: Mapping[Any, Any], rng: np.random.Generator, draw: int,
    values: tuple[Fraction, ...] = _PLAIN,
) -> dict[Tensor, Any]:  # fmt: skip
    """Return small rationals for every leaf: the plainest one everywhere, then a few different ones, later more."""
    out: dict[Tensor, Any] = {}
    alone = sum(prod(size_value(s, sizes) for s in t.shape) for t in question.leaves) == 1
    for t in question.leaves:
        shape = tuple(size_value(s, sizes) for s in t.shape)
        if t.classes is not None:
            out[t] = rng.integers(0, size_value(t.classes, sizes), size=shape)
            continue
        signed = not (t.positive or (draw % 3 == 2 and not alone))
        fits = [v for v in values[: 4 + 2 * draw] if (signed or v > 0) and (v >= 0 or not t.nonnegative)]
        fits = fits or [Fraction(1)]
        array = np.empty(shape, dtype=object)
        for at in np.ndindex(*shape):
            array[at] = fits[draw % len(fits) if alone or draw == 0 else int(rng.integers(len(fits)))]
        out[t] = array
    return out


def near(question: Question, point: Point, rng: np.random.Generator) -> Point | None:
    """Return a point near another at which the facts hold, or None where none was found."""
    if not question.facts:
        return point
    try:
        found = satisfied(question, point.sizes, point.values, rng)
    except _UNDEFINED:
        return None
    return None if found is None else Point(point.sizes, found)


def compared(question: Question, point: Point) -> tuple[int, ...] | str | None:
    """Return the position at which the sides differ most in float64, None where they agree, or "outside"."""
    rough = Point(_plain(point.sizes), {t: _float(t, v) for t, v in point.values.items()})
    try:
        if question.at_kink(rough):
            return "outside"
        left, right = (np.asarray(v, dtype=float) for v in question.values(rough.interpreter()))
    except _UNDEFINED:
        return "outside"
    if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
        return "outside"
    error = np.abs(left - right) / np.maximum(1e-3, np.maximum(np.abs(left), np.abs(right)))
    if error.max(initial=0.0) < _SEEN:
        return None
    return tuple(int(k) for k in np.unravel_index(int(error.argmax()), error.shape))


def _float(t: Tensor, value: Any) -> Any:
    """Return an array of Python's floats, which raise an error where NumPy's warn."""
    return value if t.classes is not None else np.asarray(value).astype(float).astype(object)


def _plain(sizes: Mapping[Any, Any]) -> dict[Any, Any]:
    return {s: v if isinstance(v, int) else float(v) for s, v in sizes.items()}


def confirmed(question: Question, point: Point) -> Counterexample | None:
    """Return the counterexample at a point, its values exact where they are rational; None where there is none.

    Values that are not rational differ where their difference stays the same as digits are added: what rounding and
    cancellation leave shrinks with them.
    """
    if _is_rational(question, point):
        try:
            left, right = question.values(ExactInterpreter(point.sizes, point.values))
            return _first(question, point, left, right, lambda at: left[at] != right[at], exact=True)
        except Irrational:
            pass
        except _UNDEFINED:
            return None
    if question.facts and not _is_rational(question, point):
        return _confirmed_where_solved(question, point)
    try:
        left, right = question.values(extended(point, _DIGITS))
        if not any(map(_seem_different, np.ravel(left), np.ravel(right))):
            return None
        few = _difference(question, point, _FEW)
        many = _difference(question, point, _MANY)
    except _UNDEFINED:
        return None
    return _first(question, point, left, right, lambda at: _stable(few[at], many[at]), exact=False)


def _confirmed_where_solved(question: Question, point: Point) -> Counterexample | None:
    """Return the counterexample at a point at which facts hold up to rounding, if it is none of rounding.

    The difference stays the same as the point is solved for with more digits, and nothing is compared that is equal
    there up to rounding: sqrt(2)^2 > 2 says nothing.
    """
    try:
        better = sharpened(question, point.sizes, point.values, _FEW)
        if better is None or question.at_tie(Point(point.sizes, better), _FEW):
            return None
        left, right = question.values(extended(point, _DIGITS))
        few, many = _difference(question, point, _FEW), _difference(question, Point(point.sizes, better), _MANY)
    except _UNDEFINED:
        return None
    return _first(question, point, left, right, lambda at: _stable(few[at], many[at]), exact=False)


def _first(
    question: Question, point: Point, left: Any, right: Any, differ: Callable[[tuple[int, ...]], bool], *, exact: bool
) -> Counterexample | None:  # fmt: skip
    for at in np.ndindex(*np.shape(left)):
        if differ(at):
            position = dict(zip(_letters(question), (int(k) for k in at), strict=True))
            return Counterexample(dict(point.sizes), dict(point.values), position, left[at], right[at], exact)
    return None


def _difference(question: Question, point: Point, digits: int) -> Any:
    with mpmath.workdps(digits + 10):
        left, right = question.values(extended(point, digits))
        return np.asarray(np.asarray(left, dtype=object) - np.asarray(right, dtype=object), dtype=object)


def _seem_different(a: Any, b: Any) -> bool:
    """Tell whether two values of 30 digits differ by more than their last ones."""
    return not _is_complex(a) and not _is_complex(b) and not abs(a - b) <= max(abs(a), abs(b)) * 10.0 ** (5 - _DIGITS)


def _is_complex(a: Any) -> bool:
    return bool(getattr(a, "imag", 0) != 0)


def _stable(few: Any, many: Any) -> bool:
    """Tell whether a difference is one at all: the same with more digits, and not 0."""
    if _is_complex(few) or _is_complex(many) or not many:
        return False
    return bool(abs(few - many) <= abs(many) * 1e-6)


def _is_rational(question: Question, point: Point) -> bool:
    """Tell whether the entries are rationals: those that Newton's method found are rounded."""
    real = [t for t in question.leaves if t.classes is None]
    return not any(hasattr(v, "_mpf_") for t in real for v in np.ravel(point.values[t]))


def _letters(question: Question) -> list[str]:
    """Return the letters of the free indices, told apart where two are alike."""
    out: list[str] = []
    for i in question.free:
        out.append(i.letter + "'" * sum(j.letter == i.letter for j in question.free[: len(out)]))
    return out


def extended(point: Point, digits: int) -> Interpreter:
    """Return the interpreter of a point in extended precision, rationals taken to that precision."""
    with mpmath.workdps(digits + 10):
        sizes = {s: _extended(v) for s, v in point.sizes.items()}
        values = {t: _each(v) if t.classes is None else v for t, v in point.values.items()}
    return Interpreter(sizes, values, digits)


def _each(array: Any) -> Any:
    out = np.empty(np.shape(array), dtype=object)
    for at in np.ndindex(*out.shape):
        out[at] = _extended(np.asarray(array)[at])
    return out


def _extended(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _shrunk(question: Question, point: Point) -> Point:
    """Replace every entry and scalar by the plainest one with which the sides still differ."""
    for s in question.symbols.scalars:
        for v in _PLAIN[: _rank(point.sizes[s])]:
            moved = Point({**point.sizes, s: v}, point.values)
            if _fits(s, v) and isinstance(compared(question, moved), tuple):
                point = moved
                break
    for t, array in point.values.items():
        for at in np.ndindex(*np.shape(array)):
            for plainer in range(_rank(array[at]) if t.classes is None else int(array[at])):
                value: Any = _PLAIN[plainer] if t.classes is None else plainer
                if t.positive and value <= 0:
                    continue
                changed = point.values[t].copy()
                changed[at] = value
                moved = Point(point.sizes, {**point.values, t: changed})
                if isinstance(compared(question, moved), tuple):
                    point = moved
                    break
    return point


def _rank(value: Any) -> int:
    return _PLAIN.index(value) if value in _PLAIN else len(_PLAIN)
