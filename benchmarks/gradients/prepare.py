"""Prepare a case: references checked by differences, guises by values, slips counted where they change a value."""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import symnn as sn
from symnn.graph.interpreter import Interpreter
from symnn.ground.errors import SymnnError

from .mutator import Mutant, mutants
from .points import Point, directions, points, slope, with_inner
from .record import SLIPS, Case, Right, Symbolic, Tex, Wrong, speaking
from .values import Undefined, value

__all__ = ["POINTS", "Prepared", "candidate_value", "prepared", "shown"]

#: Points at which values are compared; two that agree at all of them are equal.
POINTS = 6
#: Kinds of diagnosis of a gradient of another shape.
_SHAPES = frozenset(("shape", "batch-sum", "transpose"))
#: Two gradients are the same up to rounding.
_SAME = 1e-7


@dataclass
class Prepared:
    """A case with its slips.

    Attributes:
        faults: what is wrong with the case itself: a reference that differences refute, a guise that differs from it.
        wrongs: slips whose values differ from the reference's.
        equivalent: slips that change no value; they are right.
        dropped: slips that have no value here, by reason.
    """

    faults: list[str] = field(default_factory=list)
    wrongs: list[Wrong] = field(default_factory=list)
    equivalent: list[Right] = field(default_factory=list)
    dropped: int = 0


# -- values ------------------------------------------------------------------------------------------------------------


def candidate_value(candidate: Any, wrt: str, point: Point) -> Any:
    """Return the value of a candidate; LaTeX has none here.

    Raises:
        Undefined: it has none.
    """
    if isinstance(candidate, str):
        return value(candidate, point.names, point.classes, np.shape(point.names[wrt]))
    if isinstance(candidate, Symbolic):
        t = point.tensors[wrt]
        free = tuple(sn.index("qrst"[n], s) for n, s in enumerate(t.shape))
        made = sn.define("candidate", free, candidate.make(speaking(point.output))(*free))
        try:
            return Interpreter(point.sizes, point.leaves).tensor(made).astype(float)
        except SymnnError as error:
            raise Undefined(str(error)) from None
    wanted = inspect.signature(candidate).parameters
    taken = {p: np.array(point.names[p]) if np.ndim(point.names[p]) else point.names[p] for p in wanted}
    with np.errstate(all="ignore"):
        return np.asarray(candidate(**taken))


def differs(given_: Any, true: Any) -> bool:
    """Tell whether two arrays differ, in shape but for axes of size 1, or in values."""
    a, b = np.asarray(given_, dtype=float), np.asarray(true, dtype=float)
    if tuple(n for n in a.shape if n != 1) != tuple(n for n in b.shape if n != 1):
        return True
    return float(np.abs(a.ravel() - b.ravel()).max(initial=0.0)) > _SAME * float(np.abs(b).max(initial=0.0))


# -- a case ------------------------------------------------------------------------------------------------------------


class _Ground:
    """The points of a case, made when they are asked for, and the values of its references there."""

    def __init__(self, case: Case, seed: int) -> None:
        self.case, self.stream = case, points(case, seed=seed)
        self.made: list[Point] = []
        self.values: dict[tuple[str, int], Any] = {}

    def point(self, number: int) -> Point:
        """Return one of the points."""
        while len(self.made) <= number:
            self.made.append(with_inner(self.case, next(self.stream)))
        return self.made[number]

    def true(self, wrt: str, number: int) -> Any:
        """Return the value of the reference at one of the points."""
        key = wrt, number
        if key not in self.values:
            self.values[key] = candidate_value(self.case.reference(wrt), wrt, self.point(number))
        return self.values[key]

    def word(self, candidate: Any, wrt: str, count: int = POINTS) -> str:
        """Say whether a candidate equals the reference at all points, differs, does not fit, or has no value."""
        for number in range(count):
            try:
                array = np.asarray(candidate_value(candidate, wrt, self.point(number)), dtype=float)
            except Undefined as error:
                return "shapes" if _of_shapes(str(error)) else "no value"
            true = self.true(wrt, number)
            if array.shape == () and np.shape(true) != () and not np.any(array):
                return "differs"
            if not np.all(np.isfinite(array)):
                return "no value"
            if differs(array, true):
                return "differs"
        return "equal"


def _of_shapes(message: str) -> bool:
    """Tell whether shapes do not fit; an axis that is not there makes no formula."""
    return any(k in message for k in ("broadcast", "mismatch", "not aligned"))


def prepared(case: Case, *, seed: int = 0, most: int = 26, differences: bool = True) -> Prepared:
    """Check a case and choose its slips: those by hand, and of the mutator's as many as are wanted, kinds in turn."""
    out, ground = Prepared(), _Ground(case, seed)
    if differences:
        out.faults += _refuted(ground)
    for r in case.rights:
        if not isinstance(r.candidate, Tex) and ground.word(r.candidate, r.wrt, 2) != "equal":
            out.faults.append(f"{case.name}, {r.wrt}: a guise differs from the reference: {shown(r.candidate)}")
    for w in case.wrongs:
        certain = isinstance(w.candidate, Tex) or w.slip == "precision"
        if not certain and ground.word(w.candidate, w.wrt) == "equal":
            out.equivalent.append(Right(w.wrt, w.candidate))
        else:
            out.wrongs.append(w)
    _mutated(ground, out, random.Random(f"{seed}/{case.name}"), most)
    return out


def _refuted(ground: _Ground) -> list[str]:
    rng = np.random.default_rng(3)
    case, point = ground.case, ground.point(0)
    found = []
    for wrt in case.asked:
        shape, gradient = np.shape(point.names[wrt]), ground.true(wrt, 0)
        if np.shape(gradient) != shape:
            found.append(f"{case.name}, {wrt}: the reference has shape {np.shape(gradient)}, not {shape}")
            continue
        for d in directions(shape, rng, 2):
            seen, said = slope(point, wrt, d), float((gradient * d).sum())
            if abs(seen - said) > 1e-6 * max(abs(said), abs(seen), 1e-6):
                found.append(f"{case.name}, {wrt}: differences give {seen:.8g}, the reference {said:.8g}")
                break
    return found


def _mutated(ground: _Ground, out: Prepared, rng: random.Random, most: int) -> None:
    """Add the mutator's slips: all kinds in turn, texts in turn, no value twice."""
    start = ground.point(0)
    piles: dict[str, list[tuple[str, Mutant]]] = {}
    for r in ground.case.rights:
        if isinstance(r.candidate, str):
            for m in mutants(r.candidate, start.names, start.classes, r.wrt):
                piles.setdefault(m.slip, []).append((r.wrt, m))
    for pile in piles.values():
        rng.shuffle(pile)
    seen: set[Any] = set()
    chosen = 0
    while chosen < most and any(piles.values()):
        for slip in [s for s in SLIPS if piles.get(s)]:
            made = None
            while made is None and piles[slip]:
                made = _counted(ground, out, *piles[slip].pop(), seen, most // 5)
            if made is not None:
                out.wrongs.append(made)
                chosen += 1


def _counted(ground: _Ground, out: Prepared, wrt: str, m: Mutant, seen: set[Any], equal: int) -> Wrong | None:
    """Return a mutant as a slip, or None where it changes no value, has none, or has one that was seen."""
    word = ground.word(m.text, wrt)
    if word == "equal":
        if sum(isinstance(r.candidate, str) for r in out.equivalent) < equal:
            out.equivalent.append(Right(wrt, m.text))
        return None
    if word == "no value":
        out.dropped += 1
        return None
    made = Wrong(m.slip, wrt, m.text, m.words, m.kinds, m.deed)
    if word == "shapes":
        key: Any = (wrt, "shapes", m.slip)
        made = replace(made, words=(), kinds=m.kinds | _SHAPES, maker=f"{m.deed}; shapes do not fit")
    else:
        array = np.asarray(candidate_value(m.text, wrt, ground.point(0)), dtype=float)
        key = (wrt, array.shape, tuple(np.round(array.ravel()[:6], 9)))
        reshaped = differs(np.zeros(array.shape), np.zeros(np.shape(ground.true(wrt, 0))))
        more = frozenset(("zero",) * (not np.any(array))) | (_SHAPES if reshaped else frozenset())
        made = replace(made, kinds=m.kinds | more)
    if key in seen:
        return None
    seen.add(key)
    return made


def shown(candidate: Any) -> str:
    """Return a candidate as text."""
    if isinstance(candidate, str):
        return candidate
    if isinstance(candidate, Tex):
        return candidate.text
    try:
        return inspect.getsource(candidate.make if isinstance(candidate, Symbolic) else candidate).strip()
    except (OSError, TypeError):
        return repr(candidate)
