"""The judgement on a formula: a proof for all sizes first, then values, then what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symnn.algebra.prove import Proof
from symnn.algebra.prove import prove_equal as proof_of
from symnn.claim import prove_equal
from symnn.equality import Equality
from symnn.ground.errors import SymnnError, UnsupportedError
from symnn.ground.tensors import Tensor
from symnn.judge.candidate import Formula
from symnn.judge.fits import alike
from symnn.judge.judged_wrong import judged_wrong, told
from symnn.judge.judgement import CANNOT, NUMERICALLY, PROVED, Judgement, Seen
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth
from symnn.judge.wording import number, number_text, value_text
from symnn.language.reading import Reading
from symnn.verify.points import kinks as kinks_of

__all__ = ["judged_formula"]


def judged_formula(truth: Truth, read: Formula, points: Sequence[Spot]) -> Judgement:
    """Return the judgement on a formula."""
    reading = read.reading
    common = told(truth, yours=read.shown, notes=reading.notes)
    common["formulas"] = {"yours": read.tex, **common["formulas"]}

    def values(spot: Spot) -> Any:
        return spot.dense.array(reading.tree, reading.free)

    if not reading.fits:
        return judged_wrong(truth, values, points, "the shapes differ", common, reading=reading)
    agreed = _agrees(truth, values, points)
    if agreed:
        proof = _proof(truth, reading)
        if proof:
            return _proved(truth, proof, reading, len(points), common)
    found = prove_equal(truth.derivation, reading.tree)
    if found.verdict == "proved":
        return Judgement(
            truth.wrt.name, PROVED, found.detail, conditions=found.conditions, points=len(points), **common
        )  # fmt: skip
    if found.verdict == "refuted":
        if agreed and _generic_at(truth, values, found):
            said = "special values of the entries, where the two differ"
            how = "agrees at generic points of pairwise different sizes"
            seen = _seen(truth, found)
            return Judgement(
                truth.wrt.name, NUMERICALLY, how, convention=said, seen=seen, points=len(points), **common
            )  # fmt: skip
        return judged_wrong(truth, values, points, "", common, reading=reading, seen=_seen(truth, found))
    if agreed is False:
        return judged_wrong(truth, values, points, "the values differ", common, reading=reading)
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
        except (SymnnError, ArithmeticError, ValueError, KeyError):
            return None
        if not np.all(np.isfinite(given)):
            return None
        if not alike(given, spot.tensor(target), 1e-9):
            return False
    return True


def _generic_at(truth: Truth, values: Callable[[Spot], Any], found: Equality) -> bool:
    """Tell whether both sides agree at generic entries for the very sizes of the counterexample."""
    seen = found.counterexample
    if seen is None:
        return False
    rng = np.random.default_rng(3)
    target = truth.derivation.target
    assert target is not None
    for _ in range(6):
        leaves = {t: _generic(t, v, rng) for t, v in seen.entries.items() if t in truth.graph.digraph}
        if any(t not in leaves for t in truth.leaves):
            return True  # it does not speak of all of them: the points have been seen to agree
        spot = Spot({s: v if isinstance(v, int) else float(v) for s, v in seen.sizes.items()}, leaves)
        missing = {s: 1.0 for s in truth.symbols.scalars if s not in spot.sizes}
        spot = Spot({**spot.sizes, **missing}, leaves)
        try:
            with np.errstate(all="ignore"):
                given, true = values(spot), spot.tensor(target)
        except (SymnnError, ArithmeticError, ValueError, KeyError):
            continue
        if np.all(np.isfinite(given)) and np.all(np.isfinite(true)):
            return alike(given, true, 1e-9)
    return False


def _generic(t: Tensor, value: Any, rng: np.random.Generator) -> Any:
    array = np.asarray(value)
    if t.classes is not None:
        return array.astype(int)
    drawn = rng.normal(size=array.shape)
    return 0.3 + np.abs(drawn) if t.positive else drawn


#: Products that the first look for a proof may take.
_BUDGET = 20_000


def _proof(truth: Truth, reading: Reading) -> Proof | None:
    """Return a proof that values agree wherever no derivative is taken at a kink."""
    try:
        return proof_of(truth.formula, reading.tree, off_kinks=True, derive=True, budget=_BUDGET)
    except (UnsupportedError, RecursionError):
        return None


def _proved(truth: Truth, proof: Proof, reading: Reading, points: int, common: dict[str, Any]) -> Judgement:
    kinks = [c.removesuffix(" off its kinks") for c in proof.conditions if c.endswith("off its kinks")]
    others = tuple(c for c in proof.conditions if not c.endswith("off its kinks"))
    how, convention = "equal in canonical form for all sizes", ""
    if kinks:
        how += ", kinks left out"
        where = list(dict.fromkeys(t.of.name for t in kinks_of(truth.graph) if t.of is not None))
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
