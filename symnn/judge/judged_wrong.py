"""The judgement on a gradient that is wrong: what is wrong, where it is seen, and where tests would not see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from symnn.graph.interpreter import size_value
from symnn.ground.errors import SymnnError
from symnn.ground.tensors import Tensor
from symnn.judge.diagnose import Text, diagnose
from symnn.judge.fits import SAME, alike
from symnn.judge.highlight import highlighted
from symnn.judge.judgement import WRONG, Diagnosis, Judgement, Seen
from symnn.judge.pages import page_of
from symnn.judge.spots import UNFIT, Spot, special_spots
from symnn.judge.truth import Truth
from symnn.judge.wording import number, rounded_text, told_apart
from symnn.language.reading import Reading
from symnn.show.latex_notation import latex as tree_latex
from symnn.show.letters import named

__all__ = ["UNTOLD", "judged_wrong", "told"]

#: What may end the search for a diagnosis: the verdict stands without one. Tests empty it, so that no fault hides here.
UNTOLD: tuple[type[Exception], ...] = (SymnnError, ArithmeticError, ValueError, KeyError)
#: How many of the sets that hide a fault are named.
_MOST_SETS = 3
#: How many combinations of small sizes are looked at.
_MOST_SMALL = 32
#: How many named gradients that the true one is made of are written out.
_MOST_NAMES = 4


def told(truth: Truth, **more: Any) -> dict[str, Any]:
    """Return what every judgement tells about the true gradient."""
    true = truth.readable()
    return {
        "true": truth.derivation.matrix,
        "where": tuple(truth.derivation.definitions().items())[:_MOST_NAMES],
        "formulas": {"true": tree_latex(true, letters=named(true, free=truth.free))},
        "page": page_of(truth),
        **more,
    }


def _beside(truth: Truth, reading: Reading) -> dict[str, str]:
    """Return both formulas in LaTeX with what differs framed, where they are formulas of the same entry."""
    yours, true = reading.tree, truth.readable()
    if reading.free == truth.free:
        yours, true = highlighted(yours, true)
    return {
        "yours": tree_latex(yours, letters=named(yours, free=reading.free)),
        "true": tree_latex(true, letters=named(true, free=truth.free)),
    }


def judged_wrong(
    truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot], why: str, common: dict[str, Any],
    *, reading: Reading | None = None, seen: Seen | None = None, granted: str = "", hidden: bool = True,
    tolerance: float = SAME, text: Text | None = None,
) -> Judgement:  # fmt: skip
    """Return the judgement on a gradient that is wrong, with what is wrong about it.

    Args:
        truth: the true gradient.
        values: the one given, as an array at a point.
        points: generic ones.
        why: how it was found wrong.
        common: further fields of the judgement.
        reading: the one given, where it is a formula.
        seen: the counterexample, where there is an exact one.
        granted: what rounding explains, in words.
        hidden: look for the special sets on which it is right.
        tolerance: up to which arrays are the same, for code of low precision.
        text: the one given as it was typed, if it was.
    """
    try:
        found = diagnose(truth, values, points[:3], tolerance=tolerance, text=text)
        found = found or _imprecise(truth, values, points, granted)
    except UNTOLD:
        found = ()
    seen = seen or _where(truth, values, points)
    hidden = hidden and not any(d.kind == "precision" for d in found)
    notes = (*common.pop("notes", ()), *(_hidden(truth, values) if hidden else ()))
    if reading is not None:
        common["formulas"] = _beside(truth, reading)
    return Judgement(truth.wrt.name, WRONG, why, diagnosis=found, seen=seen, notes=notes, **common)


def _imprecise(
    truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot], granted: str
) -> tuple[Diagnosis, ...]:
    """Return that the digits are few, where the values agree in the first ones at every point."""
    target = truth.derivation.target
    assert target is not None
    worst = 0.0
    for spot in points[:3]:
        try:
            given, true = np.asarray(values(spot), dtype=float), np.asarray(spot.tensor(target), dtype=float)
        except UNFIT:  # it has no value there
            return ()
        if given.shape != true.shape or not np.all(np.isfinite(given)):
            return ()
        worst = max(worst, float(np.abs(given - true).max()) / max(float(np.abs(true).max()), 1e-300))
    if not 0 < worst <= 5e-3:
        return ()
    said = f"right to about {round(-np.log10(worst))} digits only: off by {worst:.1e} of the largest entry"
    if granted:
        said += f", where rounding explains {granted}"
    said += "; that is what float32 gives" if 1e-8 < worst < 1e-5 else ""
    said += "; that is what float16 gives" if worst > 1e-4 else ""
    return (Diagnosis("precision", f"{said}. A rounded constant, an eps that is left out, or low precision"),)


def _where(truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot]) -> Seen | None:
    """Return where two gradients differ most, at the smallest sizes at which they are seen to."""
    target = truth.derivation.target
    assert target is not None
    for spot in (*_small(truth), *points):
        try:
            with np.errstate(all="ignore"):
                given, true = np.asarray(values(spot), dtype=float), np.asarray(spot.tensor(target), dtype=float)
        except UNFIT:
            continue
        sizes = {str(s): number(v) for s, v in spot.sizes.items()}
        if given.shape != true.shape:
            return Seen(sizes, {}, "", f"shape {true.shape}", f"shape {given.shape}")
        if alike(given, true, 1e-9) or not np.all(np.isfinite(true)):
            continue
        gap = np.nan_to_num(np.abs(given - true), nan=np.inf)
        at = np.unravel_index(int(gap.argmax()), true.shape) if true.shape else ()
        place = "entry " + ", ".join(f"{i.letter}={int(k)}" for i, k in zip(truth.free, at, strict=True)) if at else ""
        entries = {t.name: rounded_text(v) for t, v in spot.leaves.items() if np.size(v) <= 6}
        return Seen(sizes, entries, place, *told_apart(float(true[at]), float(given[at])))
    return None


def _small(truth: Truth) -> list[Spot]:
    """Return points with small sizes and short numbers as entries."""
    out: list[Spot] = []
    rng = np.random.default_rng(11)
    symbols = truth.symbols
    every = sorted(product((1, 2), repeat=len(symbols.sizes)), key=sum)
    for chosen in (*every[:_MOST_SMALL], *[every[-1]] * 2):
        sizes: dict[Any, Any] = dict(zip(symbols.sizes, chosen, strict=True))
        sizes |= {s: 0.5 for s in symbols.scalars}
        leaves: dict[Tensor, Any] = {}
        for t in truth.leaves:
            shape = tuple(size_value(s, sizes) for s in t.shape)
            if t.bijective:
                leaves[t] = np.arange(shape[0])
            elif t.classes is not None:
                leaves[t] = rng.integers(0, size_value(t.classes, sizes), size=shape)
            else:
                leaves[t] = rng.choice(
                    (0.5, 1.0, 2.0, 3.0) if t.positive else (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0), size=shape
                )
        out.append(Spot(sizes, leaves))
    return out


def _hidden(truth: Truth, values: Callable[[Spot], Any]) -> tuple[str, ...]:
    """Return the special sets on which a wrong gradient is right, where tests would not see it."""
    seen: dict[str, bool] = {}
    for spot in special_spots(truth):
        if seen.get(spot.label) is False:
            continue
        if sum(seen.values()) > _MOST_SETS and spot.label not in seen:
            break
        seen[spot.label] = _right_at(truth, values, spot)
    found = [label for label, right in seen.items() if right][:_MOST_SETS]
    return tuple(f"right where {label}: points of that kind do not show the fault" for label in found)


def _right_at(truth: Truth, values: Callable[[Spot], Any], spot: Spot) -> bool:
    target = truth.derivation.target
    assert target is not None
    try:
        with np.errstate(all="ignore"):
            given, true = np.asarray(values(spot), dtype=float), np.asarray(spot.tensor(target), dtype=float)
    except UNFIT:
        return False
    return given.shape == true.shape and bool(np.any(true)) and alike(given, true, 1e-9)
