"""The judgement on a formula: a proof for all sizes first, then values, then what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symnn.algebra.prove import Proof
from symnn.algebra.prove import prove_equal as proof_of
from symnn.claim import prove_equal
from symnn.equality import Equality
from symnn.ground.errors import UnsupportedError
from symnn.ground.tensors import Tensor
from symnn.judge.candidate import Formula
from symnn.judge.domain import within_domain
from symnn.judge.far import AtKink, beyond_convention, differs_far_away
from symnn.judge.fits import alike
from symnn.judge.judged_wrong import judged_wrong, told
from symnn.judge.judgement import CANNOT, NUMERICALLY, PROVED, WRONG, Diagnosis, Judgement, Seen
from symnn.judge.repair import Mender
from symnn.judge.spots import UNFIT, Spot, enlarged
from symnn.judge.truth import Truth
from symnn.judge.wording import axes_note, number, number_text, rounded_text, value_text
from symnn.language.reading import Reading
from symnn.sides import read_claim
from symnn.verify.counterexample import Counterexample, confirmed
from symnn.verify.points import Point
from symnn.verify.points import kinks as kinks_of

__all__ = ["judged_formula"]


def judged_formula(truth: Truth, read: Formula, points: Sequence[Spot]) -> Judgement:
    """Return the judgement on a formula."""
    reading = read.reading
    points = [enlarged(truth, spot, reading.reaches, seed=n) for n, spot in enumerate(points)]
    found = _judged(truth, read, points)
    if not found:
        return found
    seen = any(np.all(np.isfinite(_array(reading, spot))) for spot in points if _reached(reading, spot))
    return within_domain(truth, reading, points, found, seen)


def _reached(reading: Reading, spot: Spot) -> bool:
    """Tell whether every position of a formula is inside its axis at the sizes of a point."""
    return all(r.holds(spot.sizes) for r in reading.reaches)


def _array(reading: Reading, spot: Spot) -> Any:
    """Return the values of a formula at a point.

    Raises:
        UnsupportedError: a position is outside its axis there.
    """
    if not _reached(reading, spot):
        outside = next(r for r in reading.reaches if not r.holds(spot.sizes))
        raise UnsupportedError(f"a position is outside of its axis: {outside} does not hold")
    return spot.dense.array(reading.tree, reading.free)


def _judged(truth: Truth, read: Formula, points: Sequence[Spot]) -> Judgement:
    reading = read.reading
    axes = () if reading.axes is None else (axes_note(reading.axes, truth.wrt.name, len(reading.free)),)
    common = told(truth, yours=read.shown, notes=(*axes, *reading.notes))
    common["formulas"] = {"yours": read.tex, **common["formulas"]}

    def values(spot: Spot) -> Any:
        return _array(reading, spot)

    text = Mender(truth, read.source, points[:3], lambda made: _holds(truth, made)) if read.source else None
    if not reading.fits:
        return judged_wrong(truth, values, points, "the shapes differ", common, reading=reading, text=text)
    agreed = _agrees(truth, values, points)
    if agreed:
        proof = _proof(truth, reading)
        if proof:
            at_kink = beyond_convention(truth, values) if _leaves_kinks_out(proof) else None
            if at_kink is not None:
                return _no_convention(truth, at_kink, common)
            return _proved(truth, proof, reading, len(points), common)
    found = prove_equal(truth.derivation, reading.tree)
    if found.verdict == "proved":
        return Judgement(
            truth.wrt.name, PROVED, found.detail, conditions=found.conditions, points=len(points), **common
        )  # fmt: skip
    if agreed:  # then it differs in few places, if at all
        far = differs_far_away(truth, reading)
        if far is not None:
            found = replace(found, verdict="refuted", counterexample=far)
        elif found.verdict == "refuted" and (_outside(truth, found) or _only_at_kinks(truth, reading, found)):
            at_kink = beyond_convention(truth, values)
            if at_kink is not None:
                return _no_convention(truth, at_kink, common)
    if found.verdict == "refuted" and agreed and _outside(truth, found):
        how = f"agrees at {len(points)} generic points; where the two differ, {truth.output.name} itself is not defined"
        return Judgement(truth.wrt.name, NUMERICALLY, how, points=len(points), **common)
    if found.verdict == "refuted":
        seen = _seen(truth, found)
        if agreed and _only_at_kinks(truth, reading, found):
            how = "agrees at generic points of pairwise different sizes, and near the point where the two differ"
            said = f"the convention at the kinks of {', '.join(_kinked(truth))}"
            return Judgement(
                truth.wrt.name, NUMERICALLY, how, convention=said, seen=seen, points=len(points), **common
            )  # fmt: skip
        there = [s for s in (*points, *_spots_at(truth, found)) if _agrees(truth, values, [s]) is False]
        if there:
            return judged_wrong(
                truth, values, there, "", common, reading=reading, seen=seen, hidden=not agreed, text=text
            )  # fmt: skip
        return Judgement(
            truth.wrt.name, WRONG, "", seen=seen, diagnosis=(_rare(truth, reading, found),), **common
        )  # fmt: skip
    if agreed is False:
        return judged_wrong(truth, values, points, "the values differ", common, reading=reading, text=text)
    if agreed is None:
        return Judgement(truth.wrt.name, CANNOT, found.detail, **common)
    if found.verdict in ("probable", "evaluated"):
        return Judgement(truth.wrt.name, NUMERICALLY, found.detail, worst=found.worst, points=found.points, **common)
    count = len(points)
    why = f"agrees at {count} points with pairwise different sizes; no proof: {found.detail}"
    return Judgement(truth.wrt.name, NUMERICALLY, why, points=count, **common)


def _agrees(truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot]) -> bool | None:
    """Tell whether two gradients agree at all points, None where one of them has no value there."""
    target = truth.derivation.target
    assert target is not None
    for spot in points:
        try:
            with np.errstate(all="ignore"):
                given = values(spot)
        except UNFIT:
            return None
        if not np.all(np.isfinite(given)):
            return None
        if not alike(given, spot.tensor(target), 1e-9):
            return False
    return True


def _holds(truth: Truth, reading: Reading) -> bool:
    """Tell whether a formula that agrees at generic points is right beyond them."""
    if _proof(truth, reading):
        return True
    return differs_far_away(truth, reading) is None


def _leaves_kinks_out(proof: Proof) -> bool:
    return any(c.endswith("off its kinks") for c in proof.conditions)


def _no_convention(truth: Truth, found: AtKink, common: dict[str, Any]) -> Judgement:
    """Return the judgement on a gradient that is right off the kinks, and at one of them no convention."""
    place = ", ".join(f"{i.letter}={k}" for i, k in zip(truth.free, found.entry, strict=True))
    between = f"{found.low:.6g}" if found.high - found.low < 1e-3 else f"{found.low:.6g} to {found.high:.6g}"
    said = (
        f"right but at the kinks of {', '.join(_kinked(truth))}: there yours is {found.value:.6g}, where the "
        f"derivative from either side is {between}; no convention gives that"
    )
    sizes = {str(s): number(v) for s, v in found.spot.sizes.items()}
    entries = {t.name: rounded_text(v) for t, v in found.spot.leaves.items() if np.size(v) <= 6}
    seen = Seen(sizes, entries, f"entry {place}" if place else "", between, f"{found.value:.6g}")
    return Judgement(truth.wrt.name, WRONG, "", seen=seen, diagnosis=(Diagnosis("case", said),), **common)


def _outside(truth: Truth, found: Equality) -> bool:
    """Tell whether a counterexample lies where the forward pass has no value."""
    spot = _spot_at(truth, found, None)
    if spot is None:
        return False
    try:
        return not np.all(np.isfinite(np.asarray(spot.tensor(truth.output), dtype=float)))
    except (*UNFIT, TypeError):
        return True


def _rare(truth: Truth, reading: Reading, found: Equality) -> Diagnosis:
    """Return what there is to say of a formula that agrees at generic points, and still is another one."""
    seen = found.counterexample
    assert seen is not None
    gap, scale = abs(float(seen.left - seen.right)), max(abs(float(seen.left)), abs(float(seen.right)))
    if gap < _SMALL and _differs_near(truth, reading, seen):
        said = f"right to about {max(0, round(-np.log10(gap)))} digits only: off by {gap:.1e} at the point below"
        return Diagnosis("precision", f"{said}. A rounded constant, or an eps that is left out or put elsewhere")
    if _differs_near(truth, reading, seen):
        said = f"right at generic points, wrong in some range: at the point below by {gap / scale:.2g} of its value"
        return Diagnosis("case", said)
    return Diagnosis("case", "right but for special values of the entries; the point below is one of them")


def _only_at_kinks(truth: Truth, reading: Reading, found: Equality) -> bool:
    """Tell whether a counterexample lies at a kink of the forward pass, and the sides agree at all points near it."""
    seen = found.counterexample
    spot = None if seen is None else _spot_at(truth, found, None)
    if seen is None or spot is None or not any(np.any(spot.tensor(t) == 0) for t in kinks_of(truth.graph)):
        return False
    return not _differs_near(truth, reading, seen)


def _differs_near(truth: Truth, reading: Reading, seen: Counterexample) -> bool:
    """Tell whether the two also differ at some points near a counterexample."""
    question = read_claim(truth.derivation, reading.tree).question()
    rng = np.random.default_rng(3)
    for scale in (Fraction(1, 50), Fraction(1, 3000)) * 2:
        sizes = {s: v if s in question.symbols.sizes else _near(s, v, scale, rng) for s, v in seen.sizes.items()}
        near = {t: _all_near(t, v, scale, rng) for t, v in seen.entries.items()}
        if confirmed(question, Point(sizes, near)) is not None:
            return True
    return False


def _near(symbol: Any, value: Any, scale: Fraction, rng: np.random.Generator) -> Any:
    return value + scale * Fraction(int(rng.integers(1, 40)), 40) * (
        1 if symbol.is_positive else int(rng.choice((-1, 1)))
    )


def _all_near(t: Tensor, array: Any, scale: Fraction, rng: np.random.Generator) -> Any:
    if t.classes is not None:
        return array
    out = np.empty(np.shape(array), dtype=object)
    for at in np.ndindex(*out.shape):
        moved = scale * Fraction(int(rng.integers(1, 40)), 40)
        value: Any = np.asarray(array, dtype=object)[at]
        out[at] = Fraction(value) + moved * (1 if t.positive else int(rng.choice((-1, 1))))
    return out


def _spots_at(truth: Truth, found: Equality) -> list[Spot]:
    """Return points of the sizes of a counterexample with generic entries."""
    rng = np.random.default_rng(3)
    made = [_spot_at(truth, found, rng) for _ in range(3)]
    return [s for s in made if s is not None]


def _spot_at(truth: Truth, found: Equality, rng: np.random.Generator | None) -> Spot | None:
    """Return the counterexample as a point, its entries drawn anew where there is a generator."""
    seen = found.counterexample
    if seen is None or any(t not in seen.entries for t in truth.leaves):
        return None
    sizes = {s: v if isinstance(v, int) else float(v) for s, v in seen.sizes.items()}
    sizes |= {s: 1.0 for s in truth.symbols.scalars if s not in sizes}
    if any(s not in sizes for s in truth.symbols.sizes):
        return None
    return Spot(sizes, {t: _entries(t, seen.entries[t], rng) for t in truth.leaves})


def _entries(t: Tensor, value: Any, rng: np.random.Generator | None) -> Any:
    array = np.asarray(value)
    if t.classes is not None:
        return array.astype(int)
    if rng is None:
        return array.astype(float)
    drawn = rng.normal(size=array.shape)
    return 0.3 + np.abs(drawn) if t.positive else drawn


def _kinked(truth: Truth) -> list[str]:
    return list(dict.fromkeys(t.of.name for t in kinks_of(truth.graph) if t.of is not None))


#: A difference below this is one of precision.
_SMALL = 1e-6
#: Products that the first look for a proof may take.
_BUDGET = 20_000


def _proof(truth: Truth, reading: Reading) -> Proof | None:
    """Return a proof that values agree wherever no derivative is taken at a kink."""
    try:
        return proof_of(truth.formula, reading.tree, off_kinks=truth.wrt, derive=True, budget=_BUDGET)
    except (UnsupportedError, RecursionError):
        return None


def _proved(truth: Truth, proof: Proof, reading: Reading, points: int, common: dict[str, Any]) -> Judgement:
    kinks = [c.removesuffix(" off its kinks") for c in proof.conditions if c.endswith("off its kinks")]
    others = tuple(c for c in proof.conditions if not c.endswith("off its kinks"))
    how, convention = "equal in canonical form for all sizes", ""
    if kinks:
        how += ", kinks left out"
        where = _kinked(truth)
        named = [k for k in kinks if k in where] or where or kinks
        convention = f"the convention at the kinks of {', '.join(named)}: the two differ there and nowhere else"
    shown = Equality("proved", how, truth.formula, reading.tree, proof=replace(proof, conditions=others))
    return Judgement(
        truth.wrt.name, PROVED, how, convention=convention, conditions=shown.conditions, points=points, **common
    )  # fmt: skip


def _seen(truth: Truth, found: Equality) -> Seen | None:
    seen = found.counterexample
    if seen is None:
        return None
    entries = {t.name: value_text(v) for t, v in seen.entries.items() if np.size(v) <= 12}
    place = ", ".join(f"{k}={v}" for k, v in seen.position.items())
    sizes = {str(s): number(v) for s, v in seen.sizes.items()}
    return Seen(sizes, entries, f"entry {place}" if place else "", number_text(seen.left), number_text(seen.right))
