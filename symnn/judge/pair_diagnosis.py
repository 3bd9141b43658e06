"""What is wrong with a gradient that is known as arrays alone: a factor, an order of places, entries missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import Any, Protocol

import numpy as np
import sympy

from symnn.judge.differences import Differenced
from symnn.judge.fits import alike, named_factor, reductions, transposes
from symnn.judge.judgement import Diagnosis

__all__ = ["diagnosed"]


class Seen(Protocol):
    """A point: sizes, arrays, outputs and their gradients, the gradients given, and those by differences."""

    sizes: dict[str, int]
    arrays: dict[str, Any]
    outs: list[Any]
    douts: list[Any]
    grads: dict[str, Any]
    found: dict[str, Differenced]


def diagnosed(name: str, points: Sequence[Seen], least: float) -> tuple[Diagnosis, ...]:
    """Return what is wrong, in order, or nothing where nothing simple explains it.

    Args:
        name: by which array.
        points: where it was looked at; the first screens, the others confirm.
        least: the least error that is granted there.
    """
    pairs = [(np.asarray(p.grads[name], dtype=float), p.found[name].gradient) for p in points]
    exact = points[0].found[name].how == "complex steps"
    loose = 1e-8 if exact else 10 * least
    g, t = pairs[0]
    other = _another(name, points, loose)
    if g.shape != t.shape:
        return other or _shapes(g, t)
    if not np.all(np.isfinite(g)):
        return (Diagnosis("precision", "yours is not finite: it divides by 0, or a number overflows"),)
    if all(not np.any(g) for g, _ in pairs):
        return (Diagnosis("zero", "yours is 0 everywhere"),)
    for attempt in (_by_constant, _by_order):
        found = attempt(pairs, points, loose)
        if found:
            return found
    return tuple(_factors(name, points, loose)) or other or tuple(_places(pairs, points, loose))


def _another(name: str, points: Sequence[Seen], loose: float) -> tuple[Diagnosis, ...]:
    for n in points[0].found:
        if n != name and all(alike(p.grads[name], p.found[n].gradient, loose) for p in points):
            return (Diagnosis("other", f"this is the gradient by {n}, not by {name}", n),)
    return ()


def _by_constant(pairs: list[tuple[Any, Any]], points: Sequence[Seen], loose: float) -> tuple[Diagnosis, ...]:
    ratios = [_ratio(g, t, loose) for g, t in pairs]
    known = [r for r in ratios if r is not None]
    if len(known) < len(ratios):
        return ()
    symbols = {k: sympy.Symbol(k, integer=True, positive=True) for k in points[0].sizes}
    values = [{symbols[k]: float(v) for k, v in p.sizes.items()} for p in points]
    factor = named_factor(known, values, tolerance=max(1e-7, 10 * loose))
    if factor is not None and factor.plain and factor.negative:
        return (Diagnosis("sign", "the sign is wrong: yours is minus the true gradient"),)
    text = f"{known[0]:.6g}"
    if factor is not None:
        text = f"-{factor.text}" if factor.negative else factor.text
    elif max(known) - min(known) > 10 * loose * abs(known[0]):
        text = ", ".join(f"{r:.6g}" for r in known) + " at the points tried"
    return (Diagnosis("factor", f"yours is {text} times the true gradient", text),)


def _by_order(pairs: list[tuple[Any, Any]], points: Sequence[Seen], loose: float) -> tuple[Diagnosis, ...]:
    """Explain it by entries that stand in other places: transposed, turned round, moved, exchanged."""
    g, t = pairs[0]
    for order in transposes(g, t, loose):
        if all(alike(g.transpose(order), t, loose) for g, t in pairs):
            return (Diagnosis("transpose", "yours is the transpose of the true gradient"),)
    axes = range(t.ndim)
    for count in (1, 2):
        for some in combinations(axes, count):
            shown = " and ".join(f"axis {a}" for a in some)
            if all(alike(g, np.flip(t, some), loose) for g, t in pairs):
                return (Diagnosis("index", f"yours is turned round along {shown}"),)
            for steps in product((1, -1), repeat=count):
                moved = [(_cut(g, some, steps), _cut(np.roll(t, steps, some), some, steps)) for g, t in pairs]
                if all(a.size and alike(a, b, loose) for a, b in moved):
                    return (Diagnosis("off-by-one", f"yours is moved by one place along {shown}"),)
    for axis in axes:
        places = _permuted(g, t, axis, loose)
        if places is not None and all(_permuted(g, t, axis, loose) is not None for g, t in pairs):
            words = [f"{p} stands at {k}" for k, p in enumerate(places) if k != p]
            return (Diagnosis("index", f"places along axis {axis} are exchanged: {', '.join(words[:6])}"),)
    return ()


def _cut(a: Any, axes: Sequence[int], steps: Sequence[int]) -> Any:
    """Return an array without the ends that a move brings in."""
    for axis, step in zip(axes, steps, strict=True):
        a = np.take(a, range(1, a.shape[axis]) if step > 0 else range(a.shape[axis] - 1), axis)
    return a


def _permuted(g: Any, t: Any, axis: int, loose: float) -> list[int] | None:
    """Return which place of the true gradient stands at each place of an axis, or None where some stands nowhere."""
    if t.shape[axis] < 2:
        return None
    found: list[int] = []
    for k in range(t.shape[axis]):
        same = [
            m for m in range(t.shape[axis]) if m not in found and alike(np.take(g, k, axis), np.take(t, m, axis), loose)
        ]
        if not same:
            return None
        found.append(k if k in same else same[0])
    return found if found != sorted(found) else None


def _ratio(g: Any, t: Any, loose: float) -> float | None:
    square = float((t * t).sum())
    r = float((g * t).sum()) / square if square else 0.0
    return r if r and alike(g, r * t, loose) else None


def _shapes(g: Any, t: Any) -> tuple[Diagnosis, ...]:
    shown = f"{g.shape} where {t.shape} belongs"
    for order in transposes(g, t):
        if order:
            return (Diagnosis("transpose", f"yours is the transpose of the true gradient: {shown}"),)
    for word, axes in reductions(g, t):
        over = " and ".join(f"axis {a}" for a in axes)
        return (Diagnosis("batch-sum", f"the {word} over {over} is missing: {shown}"),)
    return (Diagnosis("shape", f"yours has another shape, {shown}"),)


def _factors(name: str, points: Sequence[Seen], loose: float) -> Iterator[Diagnosis]:
    """Yield a factor entry by entry that is missing or in excess: an argument, the output, or a function of these."""
    forms: list[tuple[str, Callable[[Any], Any]]] = [
        ("{0}", lambda a: a), ("1/{0}", lambda a: 1 / a), ("1[{0} > 0]", lambda a: (a > 0) * 1.0),
        ("1[{0} < 0]", lambda a: (a < 0) * 1.0),
        ("(1 - {0}**2)", lambda a: 1 - a * a), ("{0} * (1 - {0})", lambda a: a * (1 - a)),
        ("sqrt({0})", lambda a: np.sqrt(np.abs(a))),
    ]  # fmt: skip
    for source in (*points[0].arrays, "out", "dout"):
        for form, f in forms:
            for missing in (True, False):
                good = True
                for p in points:
                    given, true = np.asarray(p.grads[name], dtype=float), p.found[name].gradient
                    array = {"out": p.outs[0], "dout": p.douts[0]}.get(source, p.arrays.get(source))
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


def _places(pairs: list[tuple[Any, Any]], points: Sequence[Seen], loose: float) -> Iterator[Diagnosis]:
    """Yield where in the array it is wrong, if only in a part: at an end of an axis, where entries add up."""
    g, t = pairs[0]
    scale = float(np.abs(t).max(initial=0.0)) or 1.0
    bad = np.abs(g - t) > loose * scale
    if bad.all() or not bad.any():
        return
    for axis in range(t.ndim):
        wrong = [k for k in range(t.shape[axis]) if np.take(bad, k, axis).any()]
        if len(wrong) < t.shape[axis]:
            places = ", ".join(map(str, wrong[:6]))
            said = f"wrong only at places {places} along axis {axis}, of {t.shape[axis]}"
            for name, labels in points[0].arrays.items():
                if labels.dtype.kind in "iu" and wrong == [k for k in wrong if (labels == k).sum() > 1]:
                    said += f": those that {name} names more than once, which are overwritten where they must add up"
                    yield Diagnosis("overwrite", said)
                    return
            yield Diagnosis("index", said)
            return
    said = f"{int(bad.sum())} of {bad.size} entries are wrong, the others right"
    if not np.any(bad & (np.abs(t) <= loose * scale)):  # nothing is where nothing belongs
        said += ": what reaches an entry more than once may be overwritten where it must be added up"
        yield Diagnosis("overwrite", said)
    else:
        yield Diagnosis("index", said)
