"""A forward and a backward function with no network behind them: judged by differences of that very forward.

Shapes are given with sizes as names, and drawn pairwise different; the upstream gradient is generic. What is wrong is
looked for in the arrays alone: a sign, a factor made of sizes, a transpose, an entry missed or counted once too few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from symnn.ground.errors import DefinitionError
from symnn.judge.code import CannotRun, array_of
from symnn.judge.differences import Differenced, along_directions, differenced
from symnn.judge.judgement import CANNOT, NUMERICALLY, WRONG, Judgement, Seen
from symnn.judge.judgements import Judgements
from symnn.judge.pair_diagnosis import diagnosed
from symnn.judge.wording import told_apart

__all__ = ["check_pair"]

_SIZES = (3, 5, 4, 2, 7, 6, 9, 8)
_POINTS = 2
#: Points drawn in place of one at which the differences are not good enough.
_REDRAWN = 4
#: The least error that is granted, and the most that differences may have, of the largest entry, by precision.
_LEAST = {"float64": 1e-7, "float32": 3e-4, "float16": 2e-2}
_MOST = {"float64": 1e-4, "float32": 2e-2, "float16": 2e-2}
#: Larger gradients are differenced along random directions first, and entry by entry only where these differ.
_MOST_ENTRIES = 4_000


def check_pair(
    forward: Callable[..., Any], backward: Callable[..., Any], shapes: Mapping[str, Any], *,
    wrt: Sequence[str] | None = None, sizes: Mapping[str, int] | None = None, draw: Mapping[str, Any] | None = None,
    constants: Sequence[Any] = (), seed: int = 0,
) -> Judgements:  # fmt: skip
    """Return judgements on a backward function, by differences of its forward function.

    ``check_pair(conv_forward, conv_backward, {"x": "N,C,H,W", "w": "F,C,K,K", "b": "F"})``

    Args:
        forward: takes the arrays in the order of ``shapes``; returns the output, or (output, cache).
            Several outputs come before the cache: ``h, c, cache = forward(...)``, ``backward(dh, dc, cache)``.
        backward: takes (dout, cache), or (dout, *arrays) where forward returns no cache; returns the gradients in
            order, or a dict by name.
        shapes: shape of each array by name: sizes as names or numbers, or sums and products of them, "N,D", "D,4*H"
            or (5, "D"). Whole numbers are drawn for "N|C": labels below C.
        wrt: the arrays whose gradients backward returns, in order; by default all real ones.
        sizes: numbers for some of the sizes' names; the others are drawn pairwise different.
        draw: functions (rng, shape) -> array for arrays that must not be generic, by name.
        constants: further arguments of forward.
        seed: of the points.

    Raises:
        DefinitionError: shapes are not well formed, or ``wrt`` names an array that there is not.
    """
    task = _Task(forward, backward, shapes, wrt, dict(sizes or {}), dict(draw or {}), tuple(constants), seed)
    return task.judged()


@dataclass
class _Point:
    """One point: sizes, arrays, the upstream gradients, what backward gave and what it changed."""

    sizes: dict[str, int]
    arrays: dict[str, Any]
    douts: list[Any]
    outs: list[Any]
    grads: dict[str, Any]
    changed: tuple[tuple[str, str], ...]
    precision: str
    found: dict[str, Differenced] = field(default_factory=dict)

    @property
    def out(self) -> Any:
        """The first output."""
        return self.outs[0]

    def size(self) -> float:
        """Return the size of what the differences are differences of."""
        return sum(float(np.abs(d * o).sum()) for d, o in zip(self.douts, self.outs, strict=True))


class _Task:
    """One pair of functions on its way to judgements."""

    def __init__(
        self, forward: Any, backward: Any, shapes: Mapping[str, Any], wrt: Sequence[str] | None, sizes: dict[str, int],
        draw: dict[str, Any], constants: tuple[Any, ...], seed: int,
    ) -> None:  # fmt: skip
        for f in (forward, backward):
            if not callable(f):
                raise DefinitionError(f"check_pair() takes two functions, found {type(f).__name__}.")
        self.forward, self.backward, self.constants = forward, backward, constants
        self.shapes = {k: _shape(k, v) for k, v in shapes.items()}
        self.fixed, self.draw, self.seed = sizes, draw, seed
        real = [k for k, (_, classes) in self.shapes.items() if classes is None]
        self.wrt = tuple(real if wrt is None else wrt)
        for name in self.wrt:
            if name not in self.shapes:
                raise DefinitionError(f"wrt= names {name!r}; the arrays are {', '.join(self.shapes)}.")
        self.first, self.label = (getattr(f, "__name__", w) for f, w in ((forward, "forward"), (backward, "backward")))

    def judged(self) -> Judgements:
        """Return one judgement for each gradient."""
        points: list[_Point] = []
        try:
            for n in range(_POINTS):
                points.append(self.good_point(n))
        except CannotRun as reason:
            return Judgements({n: Judgement(n, CANNOT, str(reason)) for n in self.wrt}, "pair")
        return Judgements({name: self.verdict(name, points) for name in self.wrt}, "pair")

    # -- points ----------------------------------------------------------------------------------------------------

    def good_point(self, n: int) -> _Point:
        """Return a point at which the differences are good enough to judge by.

        Raises:
            CannotRun: there is none, or a function raised.
        """
        for attempt in range(_REDRAWN):
            p = self.point(n, attempt)
            for name in self.wrt:
                p.found[name] = self.differences(p, name)
            if all(_is_good(d, p.precision) for d in p.found.values()):
                return p
        raise CannotRun(
            f"differences of the forward are not good enough to judge by (it computes in {p.precision}, and a kink may "
            "lie at every point)"
        )

    def point(self, n: int, attempt: int = 0) -> _Point:
        """Return a point, with what backward gives there.

        Raises:
            CannotRun: one of the functions raised, or returned what is no array.
        """
        rng = np.random.default_rng([self.seed, n, attempt])
        names = list(
            dict.fromkeys(k for axes, classes in self.shapes.values() for s in (*axes, classes) for k in _in(s))
        )
        free = [s for s in _SIZES if s not in self.fixed.values()]
        pool = [*free[n:], *free[:n], *range(10, 30)]
        sizes = {**dict(zip([k for k in names if k not in self.fixed], pool, strict=False)), **self.fixed}
        arrays = {k: self.drawn(k, sizes, rng) for k in self.shapes}
        where = ", ".join(f"{k}={v}" for k, v in sizes.items())
        given = _copies(arrays)
        outs, cache = self.ran(self.first, where, lambda: self.called(given))
        again, _ = self.ran(self.first, where, lambda: self.called(_copies(arrays)))
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(outs, again, strict=True)):
            raise CannotRun(
                f"{self.first} gives another value when it is called again with the same arguments: hand its random "
                "draws in as an argument"
            )
        if not all(np.all(np.isfinite(o)) for o in outs):
            raise CannotRun(f"{self.first} gives values that are not finite, at {where}")
        changed = [(self.first, k) for k in _changed(arrays, given)]
        douts = [rng.normal(size=np.shape(o)).astype(o.dtype if o.dtype.kind == "f" else float) for o in outs]
        held = _copies(arrays) if changed else given
        sent = [np.array(d, copy=True) for d in douts]
        result = self.ran(self.label, where, lambda: self.backward(*sent, cache) if cache is not None else
                          self.backward(*sent, *held.values()))  # fmt: skip
        changed += [(self.label, k) for k in _changed(arrays, held)]
        changed += [(self.label, "dout") for a, b in zip(sent, douts, strict=True) if not np.array_equal(a, b)][:1]
        kinds = [o.dtype.name for o in outs if o.dtype.name in _LEAST]
        precision = max(kinds, key=lambda k: _LEAST[k], default="float64")
        return _Point(sizes, arrays, douts, outs, self.gradients(result), tuple(changed), precision)

    def ran(self, name: str, where: str, work: Callable[[], Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return work()
        except CannotRun:
            raise
        except (Exception, SystemExit) as error:  # whatever somebody's code does is its own
            raise CannotRun(f"{name} raised {type(error).__name__}: {error}, at {where}") from error

    def called(self, arrays: Mapping[str, Any]) -> tuple[list[Any], Any]:
        """Return the outputs, and the cache or None."""
        result = self.forward(*arrays.values(), *self.constants)
        if result is None:
            raise CannotRun(f"{self.first} returned None: it must return its output, and a cache")
        if isinstance(result, tuple) and len(result) > 1:
            return [_output(r, self.first) for r in result[:-1]], result[-1]
        return [_output(result, self.first)], None

    def drawn(self, name: str, sizes: Mapping[str, int], rng: np.random.Generator) -> Any:
        axes, classes = self.shapes[name]
        shape = tuple(_number_of(s, sizes) for s in axes)
        if name in self.draw:
            return np.asarray(self.draw[name](rng, shape))
        if classes is not None:
            return rng.integers(0, _number_of(classes, sizes), size=shape)
        return rng.normal(size=shape)

    def gradients(self, result: Any) -> dict[str, Any]:
        """Return the gradients by name out of what backward returned."""
        if isinstance(result, Mapping):
            found = {n: result.get(n, result.get(f"d{n}")) for n in self.wrt}
            missing = [n for n, v in found.items() if v is None]
            if missing:
                raise CannotRun(f"{self.label} returned {', '.join(map(str, result))}, and no gradient by {missing[0]}")
            return {n: array_of(v, self.label) for n, v in found.items()}
        parts = list(result) if isinstance(result, tuple | list) else [result]
        if len(parts) != len(self.wrt):
            raise CannotRun(
                f"{self.label} returned {len(parts)} values, expected {len(self.wrt)}: the gradients by "
                f"{', '.join(self.wrt)}; say otherwise with wrt=(...)"
            )
        return {n: array_of(v, self.label) for n, v in zip(self.wrt, parts, strict=True)}

    def scalar(self, p: _Point) -> Callable[[Mapping[str, Any]], Any]:
        """Return sum(dout * forward(...)), over all outputs, of arrays by name."""

        def f(values: Mapping[str, Any]) -> Any:
            outs, _ = self.called(_copies(values))
            wide = [o if o.dtype.kind == "c" else o.astype(float) for o in outs]
            return sum((d.astype(float) * o).sum() for d, o in zip(p.douts, wide, strict=True))

        return f

    def differences(self, p: _Point, name: str) -> Differenced:
        """Return the gradient by one array by differences of forward."""
        where = ", ".join(f"{k}={v}" for k, v in p.sizes.items())
        options: dict[str, Any] = {"precision": p.precision, "size": p.size()}
        work = partial(differenced, self.scalar(p), p.arrays, name, **options)
        if np.asarray(p.arrays[name]).size > _MOST_ENTRIES:
            work = partial(along_directions, self.scalar(p), p.arrays, name, p.grads[name], **options)
        found: Differenced = self.ran(self.first, where, work)
        return found

    # -- verdicts --------------------------------------------------------------------------------------------------

    def verdict(self, name: str, points: list[_Point]) -> Judgement:
        """Return the judgement on one gradient."""
        notes = [f"{who} changes its argument {what}" for p in points for who, what in p.changed]
        notes += self.square(points[0])
        worst, bound, how = 0.0, 0.0, points[0].found[name].how
        for p in points:
            given, true = np.asarray(p.grads[name]), p.found[name]
            if given.shape != true.gradient.shape:
                return self.wrong(name, points, notes)
            scale = max(float(np.abs(true.gradient).max(initial=0.0)), 1e-300)
            precision = max(p.precision, given.dtype.name, key=lambda k: _LEAST.get(k, 0.0))
            least = 1e-9 if "complex steps" in how and precision == "float64" else _LEAST[precision]
            if precision != "float64":
                notes.append(f"judged by the rounding of {precision}")
            allowed = np.minimum(np.maximum(8 * true.error, least * scale), _MOST[precision] * scale)
            gap = np.abs(given.astype(float) - true.gradient)
            worst, bound = (
                max(worst, float(gap.max(initial=0.0)) / scale),
                max(bound, float(allowed.max(initial=0.0)) / scale),
            )
            if not np.all(gap <= allowed):
                return self.wrong(name, points, notes)
        where = "; ".join(", ".join(f"{k}={v}" for k, v in p.sizes.items()) for p in points)
        why = f"agrees with {how} of the forward at {where}"
        known = not any(p.found[name].partial for p in points)
        why += f", worst error {worst:.0e} of the largest entry" if known else ""
        return Judgement(
            name, NUMERICALLY, why, notes=tuple(dict.fromkeys(notes)), worst=worst if known else None, bound=bound,
            points=len(points),
        )  # fmt: skip

    def square(self, p: _Point) -> list[str]:
        """Return a note on arrays with two axes of one size, which hide a transpose."""
        out = []
        for k, (axes, _) in self.shapes.items():
            shape = np.shape(p.arrays[k])
            if len(set(shape)) < len(shape) and len(set(axes)) == len(axes):
                out.append(f"two axes of {k} have one size, {shape}: a transpose would not be seen")
        return out

    def wrong(self, name: str, points: list[_Point], notes: list[str]) -> Judgement:
        """Return the judgement on a gradient that is wrong."""
        p = points[0]
        found = () if p.found[name].partial else diagnosed(name, points, _LEAST[p.precision])
        if p.found[name].partial:
            said = f"{name} is large: it was tried along random directions, then an entry was looked for"
            notes = [*notes, f"{said}; give smaller sizes to be told what is wrong"]
        given, true = np.asarray(p.grads[name], dtype=float), p.found[name].gradient
        seen = Seen(dict(p.sizes), {}, "", f"shape {true.shape}", f"shape {given.shape}")
        if given.shape == true.shape:
            gap = np.nan_to_num(np.abs(given - true), nan=np.inf)
            at = np.unravel_index(int(gap.argmax()), true.shape) if true.shape else ()
            place = f"entry {', '.join(str(int(k)) for k in at)}" if at else ""
            seen = Seen(dict(p.sizes), {}, place, *told_apart(float(true[at]), float(given[at])))
        why = f"differs from {p.found[name].how} of the forward"
        return Judgement(name, WRONG, why, diagnosis=found, seen=seen, notes=tuple(dict.fromkeys(notes)))


def _copies(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {k: np.array(v, copy=True) for k, v in arrays.items()}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [k for k, v in before.items() if not np.array_equal(v, after[k], equal_nan=v.dtype.kind == "f")]


def _output(value: Any, label: str) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc":
        raise CannotRun(f"{label} returned a {type(value).__name__} as its output, expected an array")
    return array


def _is_good(d: Differenced, precision: str) -> bool:
    scale = float(np.abs(d.gradient).max(initial=0.0))
    return (
        bool(np.all(np.isfinite(d.gradient)))
        and float(8 * d.error.max(initial=0.0)) <= _MOST[precision] * scale + 1e-12
    )


# -- shapes ------------------------------------------------------------------------------------------------------------

#: A size: a number, or terms, each a sign and factors, such as 4*H or H + K - 1.
_SIZE = re.compile(r"\s*[A-Za-z_0-9]\w*(\s*[-+*]\s*\w+)*\s*")


def _shape(name: str, shape: Any) -> tuple[tuple[Any, ...], Any]:
    classes: Any = None
    if isinstance(shape, str):
        text, bar, last = shape.partition("|")
        classes = last.strip() if bar else None
        shape = [s.strip() for s in text.split(",") if s.strip()]
    axes = tuple(shape if isinstance(shape, tuple | list) else (shape,))
    for s in (*axes, *(() if classes is None else (classes,))):
        fits = isinstance(s, int) and s > 0 or (isinstance(s, str) and bool(_SIZE.fullmatch(s)))
        if not fits or any(not (k.isidentifier() or k.isdecimal()) for k in _names(s)):
            raise DefinitionError(
                f"The shape of {name!r} holds {s!r}. Write sizes as names or numbers, 'N,D', or as sums and products "
                "of them, 'N,4*H'."
            )
    return axes, classes


def _names(size: Any) -> list[str]:
    return re.findall(r"\w+", size) if isinstance(size, str) else []


def _in(size: Any) -> list[str]:
    """Return the names in a size."""
    return [k for k in _names(size) if not k.isdecimal()]


def _number_of(size: Any, sizes: Mapping[str, int]) -> int:
    """Return the number that a size is."""
    if not isinstance(size, str):
        return int(size)
    total = 0
    for sign, term in re.findall(r"(^|[-+])([^-+]+)", size.strip()):
        value = 1
        for factor in term.split("*"):
            word = factor.strip()
            value *= int(word) if word.isdecimal() else sizes[word]
        total += -value if sign == "-" else value
    if total < 1:
        raise CannotRun(f"the size {size} is {total} at {', '.join(f'{k}={v}' for k, v in sizes.items())}: give sizes=")
    return total
