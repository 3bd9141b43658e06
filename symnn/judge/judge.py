"""Judge a gradient: proved, seen equal, or wrong with the reason; what cannot be judged says why."""

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
from symnn.ground.errors import DefinitionError, SymnnError, UnsupportedError
from symnn.ground.tensors import Tensor
from symnn.judge.accuracy import Bound, rounding
from symnn.judge.candidate import Formula, Unreadable, read_candidate
from symnn.judge.code import CannotRun, Code
from symnn.judge.diagnose import diagnose
from symnn.judge.fits import alike
from symnn.judge.judgement import CANNOT, NUMERICALLY, PROVED, WRONG, Diagnosis, Judgement, Seen
from symnn.judge.spots import Spot, special_spots, spots
from symnn.judge.truth import Truth, truth_of
from symnn.language.reading import Reading
from symnn.network import Network
from symnn.show.latex_notation import latex as tree_latex
from symnn.show.letters import named

__all__ = ["check_gradient"]

_POINTS = 4


def check_gradient(forward: Network | Tensor, wrt: str | Tensor, candidate: Any, *, seed: int = 0) -> Judgement:
    """Return whether a gradient is right, and if not, what is wrong with it.

    Args:
        forward: a network, or a layer: a computed tensor, whose upstream gradient a candidate calls dy or dout.
        wrt: by what was differentiated.
        candidate: a formula as text, ``latex(...)``, a SymPy expression in the gradient's indices or a function of
            them, or a function that takes arrays by the names of tensors and returns the gradient.
        seed: of the points.

    Raises:
        UnknownNameError: there is no tensor of that name.
        DefinitionError: ``forward`` is no network and no layer.
    """
    if candidate is None:
        raise DefinitionError(
            "check_gradient() compares with a gradient of yours, found None. Give a formula, latex(...), or a "
            "function; without a candidate of your own use net.check(name)."
        )
    truth = truth_of(forward, wrt)
    try:
        read = read_candidate(candidate, truth)
    except Unreadable as error:
        return _cannot(truth, str(error))
    try:
        points = spots(truth, _POINTS, seed=seed)
    except ValueError as error:
        return _cannot(truth, str(error))
    if isinstance(read, Code):
        return _code(truth, read, points)
    return _formula(truth, read, points)


def _cannot(truth: Truth, reason: str, **more: Any) -> Judgement:
    return Judgement(truth.wrt.name, CANNOT, reason, true=truth.derivation.matrix, **more)


def _formulas(truth: Truth, yours: str = "") -> dict[str, str]:
    tree = truth.readable()
    out = {"true": tree_latex(tree, letters=named(tree, free=truth.free))}
    return {"yours": yours, **out} if yours else out


# -- formulas ----------------------------------------------------------------------------------------------------------


def _formula(truth: Truth, read: Formula, points: Sequence[Spot]) -> Judgement:
    reading = read.reading
    common: dict[str, Any] = {
        "true": truth.derivation.matrix, "yours": read.shown, "notes": reading.notes,
        "formulas": _formulas(truth, read.tex),
    }  # fmt: skip

    def values(spot: Spot) -> Any:
        return spot.dense.array(reading.tree, reading.free)

    if not reading.fits:
        return _wrong(truth, values, points, "the shapes differ", common)
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
        return _wrong(truth, values, points, "", common, seen=_seen(truth, found))
    if agreed is False:
        return _wrong(truth, values, points, "the values differ", common)
    if agreed is None:
        return _cannot(truth, found.detail, yours=read.shown, notes=reading.notes)
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
        convention = f"the convention at the kinks of {', '.join(kinks)}: the two differ there and nowhere else"
    shown = Equality("proved", how, truth.formula, reading.tree, proof=replace(proof, conditions=others))
    return Judgement(
        truth.wrt.name, PROVED, how, convention=convention, conditions=shown.conditions, points=points, **common
    )  # fmt: skip


def _seen(truth: Truth, found: Equality) -> Seen | None:
    seen = found.counterexample
    if seen is None:
        return None
    entries = {t.name: _shown(v) for t, v in seen.entries.items() if np.size(v) <= 12}
    place = ", ".join(f"{k}={v}" for k, v in seen.position.items())
    sizes = {str(s): _number(v) for s, v in seen.sizes.items()}
    return Seen(sizes, entries, f"entry {place}" if place else "", _number_text(seen.left), _number_text(seen.right))


def _shown(value: Any) -> str:
    array = np.asarray(value)
    if array.dtype != object:
        return str(array.tolist())
    if not array.ndim:
        return _number_text(array[()])
    return "[" + ", ".join(_shown(row) for row in array) + "]"


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, int) or getattr(value, "denominator", 0) == 1 else float(value)


def _number_text(value: Any) -> str:
    if isinstance(value, Fraction | int):
        return str(value)
    return f"{float(value):.6g}"


# -- code --------------------------------------------------------------------------------------------------------------


def _code(truth: Truth, code: Code, points: Sequence[Spot]) -> Judgement:
    target = truth.derivation.target
    assert target is not None
    common: dict[str, Any] = {"true": truth.derivation.matrix, "formulas": _formulas(truth)}
    notes: list[str] = []
    worst, bound = 0.0, Bound(0.0, "float64")
    failed = False
    try:
        for spot in points:
            run = code.run(truth, spot)
            if run.changed:
                notes.append(f"{code.name} changes its argument {', '.join(run.changed)}")
            problem = _forward_differs(truth, run, spot)
            if problem:
                return _cannot_or_wrong(truth, problem, common)
            here = rounding(truth, code, spot, run)
            true = np.asarray(spot.tensor(target), dtype=float)
            given = np.asarray(run.gradient, dtype=float)
            if given.shape != true.shape and given.size == true.size and _squeezed(given) == _squeezed(true):
                given = given.reshape(true.shape)
            if given.shape != true.shape or not np.all(np.isfinite(given)):
                failed = True
                break
            scale = max(float(np.abs(true).max(initial=0.0)), 1e-300)
            error = float(np.abs(given - true).max(initial=0.0))
            worst = max(worst, error / scale if np.any(true) else error)
            bound = here if here.relative > bound.relative else bound
            if error > here.absolute + here.relative * scale:
                failed = True
                break
    except CannotRun as reason:
        return _cannot(truth, str(reason), notes=tuple(dict.fromkeys(notes)))
    common["notes"] = tuple(dict.fromkeys(notes))
    if not failed:
        how = f"agrees at {len(points)} points of pairwise different sizes"
        how += f", worst error {worst:.0e} of the largest entry"
        if bound.precision != "float64":
            how += f"; judged by the rounding of {bound.precision}"
        return Judgement(
            truth.wrt.name, NUMERICALLY, how, worst=worst, bound=bound.relative, points=len(points), **common
        )  # fmt: skip

    def values(spot: Spot) -> Any:
        try:
            found = np.asarray(code.run(truth, spot).gradient, dtype=float)
        except CannotRun as reason:
            raise UnsupportedError(str(reason)) from None
        true = spot.tensor(target)
        if found.shape != true.shape and _squeezed(found) == _squeezed(true):
            return found.reshape(true.shape)
        return found

    return _wrong(truth, values, points, "", common, precision=(worst, bound))


def _squeezed(array: Any) -> tuple[int, ...]:
    return tuple(n for n in array.shape if n != 1)


def _forward_differs(truth: Truth, run: Any, spot: Spot) -> str:
    if run.forward is None:
        return ""
    ours = np.asarray(spot.tensor(truth.output), dtype=float)
    theirs = np.asarray(run.forward, dtype=float)
    if theirs.shape != ours.shape:
        return f"your forward has shape {theirs.shape}, the one it is judged by {ours.shape}, at {spot.where()}"
    scale = max(1.0, float(np.abs(ours).max(initial=0.0)))
    gap = float(np.abs(ours - theirs).max(initial=0.0))
    if gap > (1e-4 if theirs.dtype == np.float32 else 1e-9) * scale:
        return f"the forward differs before any gradient is judged: by {gap:.3g} at {spot.where()}"
    return ""


def _cannot_or_wrong(truth: Truth, problem: str, common: dict[str, Any]) -> Judgement:
    return Judgement(
        truth.wrt.name, WRONG, problem, diagnosis=(Diagnosis("forward", problem),), **common
    )  # fmt: skip


# -- wrong -------------------------------------------------------------------------------------------------------------


def _wrong(
    truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot], why: str, common: dict[str, Any],
    *, seen: Seen | None = None, precision: tuple[float, Bound] | None = None,
) -> Judgement:  # fmt: skip
    try:
        found = diagnose(truth, values, points[:3])
    except (SymnnError, ArithmeticError, ValueError, KeyError):
        found = ()
    if not found and precision is not None:
        found = _imprecise(truth, values, points, precision)
    seen = seen or _where(truth, values, points)
    notes = (*common.pop("notes", ()), *_hidden(truth, values))
    return Judgement(truth.wrt.name, WRONG, why, diagnosis=found, seen=seen, notes=notes, **common)


def _imprecise(
    truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot], precision: tuple[float, Bound]
) -> tuple[Diagnosis, ...]:
    target = truth.derivation.target
    assert target is not None
    worst = 0.0
    for spot in points[:3]:
        given, true = np.asarray(values(spot), dtype=float), np.asarray(spot.tensor(target), dtype=float)
        if given.shape != true.shape or not np.all(np.isfinite(given)):
            return ()
        worst = max(worst, float(np.abs(given - true).max()) / max(float(np.abs(true).max()), 1e-300))
    if worst > 1e-4:
        return ()
    said = (
        f"right to about {max(0, round(-np.log10(worst)))} digits only: off by {worst:.1e} of the largest entry, where "
    )
    said += f"rounding explains {precision[1].relative:.0e}"
    return (Diagnosis("precision", said),)


def _where(truth: Truth, values: Callable[[Spot], Any], points: Sequence[Spot]) -> Seen | None:
    """Return where two gradients differ most, at the smallest sizes at which they are seen to."""
    target = truth.derivation.target
    assert target is not None
    for spot in (*_small(truth), *points):
        try:
            with np.errstate(all="ignore"):
                given, true = np.asarray(values(spot), dtype=float), np.asarray(spot.tensor(target), dtype=float)
        except (SymnnError, ArithmeticError, ValueError, KeyError):
            continue
        sizes = {str(s): _number(v) for s, v in spot.sizes.items()}
        if given.shape != true.shape:
            return Seen(sizes, {}, "", f"shape {true.shape}", f"shape {given.shape}")
        if alike(given, true, 1e-9) or not np.all(np.isfinite(true)):
            continue
        at = np.unravel_index(int(np.nanargmax(np.abs(given - true))), true.shape) if true.shape else ()
        place = "entry " + ", ".join(f"{i.letter}={int(k)}" for i, k in zip(truth.free, at, strict=True)) if at else ""
        entries = {t.name: _rounded(v) for t, v in spot.leaves.items() if np.size(v) <= 6}
        return Seen(sizes, entries, place, f"{float(true[at]):.6g}", f"{float(given[at]):.6g}")
    return None


def _rounded(value: Any) -> str:
    return str(np.round(np.asarray(value, dtype=float), 4).tolist())


def _small(truth: Truth) -> list[Spot]:
    """Return points with small sizes and short numbers as entries."""
    out: list[Spot] = []
    rng = np.random.default_rng(11)
    symbols = truth.symbols
    from symnn.graph.interpreter import size_value

    for n in range(8):
        sizes: dict[Any, Any] = {s: 1 + ((n >> k) & 1) for k, s in enumerate(symbols.sizes)}
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
    target = truth.derivation.target
    assert target is not None
    out: list[str] = []
    for spot in special_spots(truth):
        try:
            with np.errstate(all="ignore"):
                given, true = np.asarray(values(spot), dtype=float), np.asarray(spot.tensor(target), dtype=float)
        except (SymnnError, ArithmeticError, ValueError, KeyError):
            continue
        if given.shape == true.shape and np.any(true) and alike(given, true, 1e-9):
            out.append(f"right where {spot.label}: points of that kind do not show the fault")
        if len(out) == 3:
            break
    return tuple(out)
