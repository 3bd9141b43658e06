"""A forward and a backward function with no network behind them: judged by differences of that very forward.

Shapes are given with sizes as names, and drawn pairwise different; the upstream gradient is generic. What is wrong is
looked for in the arrays alone: a sign, a factor made of sizes, a transpose, an entry missed or counted once too few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from symnn.ground.errors import DefinitionError
from symnn.judge.code import CannotRun, array_of
from symnn.judge.differences import Differenced, differenced
from symnn.judge.fits import alike, named_factor, reductions, transposes
from symnn.judge.judgement import CANNOT, NUMERICALLY, WRONG, Diagnosis, Judgement, Seen
from symnn.judge.judgements import Judgements

__all__ = ["check_pair"]

_SIZES = (3, 5, 4, 2, 7, 6, 9, 8)
_POINTS = 2
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
        backward: takes (dout, cache), or (dout, *arrays) where forward returns no cache; returns the gradients in
            order, or a dict by name.
        shapes: shape of each array by name: sizes as names or numbers, "N,D" or (5, "D"). Whole numbers are drawn for
            "N|C": labels below C.
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
    """One point: sizes, arrays, the upstream gradient, what backward gave and what it changed."""

    sizes: dict[str, int]
    arrays: dict[str, Any]
    dout: Any
    out: Any
    grads: dict[str, Any]
    changed: tuple[str, ...]
    found: dict[str, Differenced] = field(default_factory=dict)


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
        self.label = getattr(backward, "__name__", "backward")

    def judged(self) -> Judgements:
        """Return one judgement for each gradient."""
        points: list[_Point] = []
        try:
            for n in range(_POINTS):
                points.append(self.point(n))
            for p in points:
                for name in self.wrt:
                    p.found[name] = self.differences(p, name)
        except CannotRun as reason:
            return Judgements({n: Judgement(n, CANNOT, str(reason)) for n in self.wrt}, "pair")
        return Judgements({name: self.verdict(name, points) for name in self.wrt}, "pair")

    # -- points ----------------------------------------------------------------------------------------------------

    def point(self, n: int) -> _Point:
        """Return a point, with what backward gives there.

        Raises:
            CannotRun: one of the functions raised, or returned what is no array.
        """
        rng = np.random.default_rng([self.seed, n])
        names = list(
            dict.fromkeys(s for axes, classes in self.shapes.values() for s in (*axes, classes) if isinstance(s, str))
        )
        pool = [s for s in (*_SIZES[n:], *_SIZES[:n]) if s not in self.fixed.values()] + list(range(10, 30))
        sizes = {**dict(zip([k for k in names if k not in self.fixed], pool, strict=False)), **self.fixed}
        arrays = {k: self.drawn(k, sizes, rng) for k in self.shapes}
        where = ", ".join(f"{k}={v}" for k, v in sizes.items())
        given = {k: np.array(v, copy=True) for k, v in arrays.items()}
        out, cache = self.ran("forward", where, lambda: self.called(given))
        dout = rng.normal(size=np.shape(out))
        sent = np.array(dout, copy=True)
        result = self.ran(self.label, where, lambda: self.backward(sent, cache) if cache is not None else
                          self.backward(sent, *given.values()))  # fmt: skip
        changed = [k for k, v in arrays.items() if not np.array_equal(v, given[k], equal_nan=v.dtype.kind == "f")]
        changed += [] if np.array_equal(sent, dout) else ["dout"]
        return _Point(sizes, arrays, dout, out, self.gradients(result), tuple(changed))

    def ran(self, name: str, where: str, work: Callable[[], Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return work()
        except CannotRun:
            raise
        except Exception as error:  # whatever somebody's code does is its own
            raise CannotRun(f"{name} raised {type(error).__name__}: {error}, at {where}") from error

    def called(self, arrays: Mapping[str, Any]) -> tuple[Any, Any]:
        result = self.forward(*arrays.values(), *self.constants)
        if isinstance(result, tuple) and len(result) == 2:
            return np.asarray(result[0]), result[1]
        return np.asarray(result), None

    def drawn(self, name: str, sizes: Mapping[str, int], rng: np.random.Generator) -> Any:
        axes, classes = self.shapes[name]
        shape = tuple(sizes[s] if isinstance(s, str) else s for s in axes)
        if name in self.draw:
            return np.asarray(self.draw[name](rng, shape))
        if classes is not None:
            return rng.integers(0, sizes[classes] if isinstance(classes, str) else classes, size=shape)
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
        """Return sum(dout * forward(...)), of arrays by name."""

        def f(values: Mapping[str, Any]) -> Any:
            out, _ = self.called({k: np.array(v, copy=True) for k, v in values.items()})
            return (p.dout * out).sum()

        return f

    def differences(self, p: _Point, name: str) -> Differenced:
        """Return the gradient by one array by differences of forward."""
        if np.asarray(p.arrays[name]).size > _MOST_ENTRIES:
            raise CannotRun(f"{name} has {np.asarray(p.arrays[name]).size} entries; give smaller sizes")
        where = ", ".join(f"{k}={v}" for k, v in p.sizes.items())
        found: Differenced = self.ran("forward", where, lambda: differenced(self.scalar(p), p.arrays, name))
        return found

    # -- verdicts --------------------------------------------------------------------------------------------------

    def verdict(self, name: str, points: list[_Point]) -> Judgement:
        """Return the judgement on one gradient."""
        notes = [f"{self.label} changes its argument {c}" for p in points for c in p.changed]
        notes += self.square(points[0])
        worst, bound, how = 0.0, 0.0, points[0].found[name].how
        for p in points:
            given, true = np.asarray(p.grads[name]), p.found[name]
            if given.shape != true.gradient.shape:
                return self.wrong(name, points, notes)
            scale = max(float(np.abs(true.gradient).max(initial=0.0)), 1e-300)
            least = 1e-9 if how == "complex steps" else 1e-7
            if given.dtype == np.float32:
                least = 1e-4
                notes.append("judged by the rounding of float32")
            allowed = np.maximum(8 * true.error, least * scale)
            gap = np.abs(given.astype(float) - true.gradient)
            worst, bound = (
                max(worst, float(gap.max(initial=0.0)) / scale),
                max(bound, float(allowed.max(initial=0.0)) / scale),
            )
            if not np.all(gap <= allowed):
                return self.wrong(name, points, notes)
        where = "; ".join(", ".join(f"{k}={v}" for k, v in p.sizes.items()) for p in points)
        why = f"agrees with {how} of the forward at {where}, worst error {worst:.0e} of the largest entry"
        return Judgement(
            name, NUMERICALLY, why, notes=tuple(dict.fromkeys(notes)), worst=worst, bound=bound, points=len(points)
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
        found = _diagnosed(name, points)
        p = points[0]
        given, true = np.asarray(p.grads[name], dtype=float), p.found[name].gradient
        seen = Seen(dict(p.sizes), {}, "", f"shape {true.shape}", f"shape {given.shape}")
        if given.shape == true.shape:
            at = np.unravel_index(int(np.nanargmax(np.abs(given - true))), true.shape) if true.shape else ()
            seen = Seen(dict(p.sizes), {}, f"entry {', '.join(str(int(k)) for k in at)}" if at else "",
                        f"{float(true[at]):.6g}", f"{float(given[at]):.6g}")  # fmt: skip
        why = f"differs from {p.found[name].how} of the forward"
        return Judgement(name, WRONG, why, diagnosis=found, seen=seen, notes=tuple(dict.fromkeys(notes)))


def _shape(name: str, shape: Any) -> tuple[tuple[Any, ...], Any]:
    classes: Any = None
    if isinstance(shape, str):
        text, bar, last = shape.partition("|")
        classes = last.strip() if bar else None
        shape = [s.strip() for s in text.split(",") if s.strip()]
    axes = tuple(
        int(s) if isinstance(s, str) and s.isdecimal() else s
        for s in (shape if isinstance(shape, tuple | list) else (shape,))
    )
    for s in axes:
        if not (isinstance(s, int) and s > 0) and not (isinstance(s, str) and s.isidentifier()):
            raise DefinitionError(f"The shape of {name!r} holds {s!r}. Write sizes as names or numbers, 'N,D'.")
    if isinstance(classes, str) and classes.isdecimal():
        classes = int(classes)
    return axes, classes


# -- what is wrong -----------------------------------------------------------------------------------------------------


def _diagnosed(name: str, points: list[_Point]) -> tuple[Diagnosis, ...]:
    pairs = [(np.asarray(p.grads[name], dtype=float), p.found[name].gradient) for p in points]
    loose = 1e-8 if points[0].found[name].how == "complex steps" else 1e-5
    g, t = pairs[0]
    if g.shape != t.shape:
        return _shapes(g, t)
    if not np.all(np.isfinite(g)):
        return (Diagnosis("precision", "yours is not finite"),)
    if all(not np.any(g) for g, _ in pairs):
        return (Diagnosis("zero", "yours is 0 everywhere"),)
    ratios = [_ratio(g, t, loose) for g, t in pairs]
    if all(r is not None for r in ratios):
        symbols = {k: sympy.Symbol(k, integer=True, positive=True) for k in points[0].sizes}
        values = [{symbols[k]: float(v) for k, v in p.sizes.items()} for p in points]
        factor = named_factor([round(r, 7) for r in ratios if r is not None], values)
        if factor is not None and factor.plain and factor.negative:
            return (Diagnosis("sign", "the sign is wrong: yours is minus the true gradient"),)
        if factor is not None:
            text = f"-{factor.text}" if factor.negative else factor.text
            return (Diagnosis("factor", f"yours is {text} times the true gradient", text),)
    for order in transposes(g, t):
        if order:
            return (Diagnosis("transpose", "yours is the transpose of the true gradient"),)
    for axis in range(t.ndim):
        for step in (1, -1):
            if all(alike(g, np.roll(t, step, axis), loose) for g, t in pairs):
                return (Diagnosis("off-by-one", f"yours is moved by one place along axis {axis}"),)
        if all(alike(g, np.flip(t, axis), loose) for g, t in pairs):
            return (Diagnosis("index", f"yours is turned round along axis {axis}"),)
    return tuple(_factors(name, points, loose)) or tuple(_places(pairs, loose))


def _ratio(g: Any, t: Any, loose: float) -> float | None:
    square = float((t * t).sum())
    r = float((g * t).sum()) / square if square else 0.0
    return r if r and alike(g, r * t, loose) else None


def _shapes(g: Any, t: Any) -> tuple[Diagnosis, ...]:
    for order in transposes(g, t):
        if order:
            return (
                Diagnosis(
                    "transpose", f"yours is the transpose of the true gradient: {g.shape} where {t.shape} belongs"
                ),
            )
    for word, axes in reductions(g, t):
        return (
            Diagnosis("batch-sum", f"the {word} over axis {axes[0]} is missing: {g.shape} where {t.shape} belongs"),
        )
    return (Diagnosis("shape", f"yours has another shape, {g.shape} where {t.shape} belongs"),)


def _factors(name: str, points: list[_Point], loose: float) -> Iterator[Diagnosis]:
    """Yield a factor entry by entry that is missing or in excess: an argument, the output, or a function of these."""
    forms: list[tuple[str, Callable[[Any], Any]]] = [
        ("{0}", lambda a: a), ("1/{0}", lambda a: 1 / a), ("1[{0} > 0]", lambda a: (a > 0) * 1.0),
        ("(1 - {0}**2)", lambda a: 1 - a * a), ("{0} * (1 - {0})", lambda a: a * (1 - a)),
        ("sqrt({0})", lambda a: np.sqrt(np.abs(a))),
    ]  # fmt: skip
    for source in (*points[0].arrays, "out", "dout"):
        for form, f in forms:
            for missing in (True, False):
                good = True
                for p in points:
                    given, true = np.asarray(p.grads[name], dtype=float), p.found[name].gradient
                    array = {"out": p.out, "dout": p.dout}.get(source, p.arrays.get(source))
                    with np.errstate(all="ignore"):
                        factor = f(np.asarray(array, dtype=float))
                    if factor.shape not in (true.shape, true.shape[1:], true.shape[:1]) or not np.all(
                        np.isfinite(factor)
                    ):
                        good = False
                        break
                    if factor.shape != true.shape and factor.shape == true.shape[:1]:
                        factor = factor.reshape(-1, *(1,) * (true.ndim - 1))
                    good = alike(given * factor, true, loose) if missing else alike(given, true * factor, loose)
                    if not good:
                        break
                if good:
                    what = "is missing" if missing else "stands once too often"
                    yield Diagnosis("factor", f"the factor {form.format(source)} {what}", form.format(source))
                    return


def _places(pairs: list[tuple[Any, Any]], loose: float) -> Iterator[Diagnosis]:
    """Yield where in the array it is wrong, if only in a part: at an end of an axis, where entries add up."""
    g, t = pairs[0]
    scale = float(np.abs(t).max(initial=0.0)) or 1.0
    bad = np.abs(g - t) > loose * scale
    share = float(bad.mean())
    if share in (0.0, 1.0):
        return
    for axis in range(t.ndim):
        wrong = [k for k in range(t.shape[axis]) if np.take(bad, k, axis).any()]
        if len(wrong) < t.shape[axis]:
            places = ", ".join(map(str, wrong[:6]))
            yield Diagnosis("index", f"wrong only at places {places} along axis {axis}, of {t.shape[axis]}")
            return
    small = np.all(np.abs(g[bad]) <= np.abs(t[bad]) * 3) if bad.any() else False
    said = f"{int(bad.sum())} of {bad.size} entries are wrong, the others right"
    if small:
        said += ": what reaches an entry more than once may be overwritten where it must be added up"
    yield Diagnosis("overwrite", said)
