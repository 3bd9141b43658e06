"""What is wrong with a gradient: hypotheses are tried until one gives, at every point, the very gradient given.

First what a whole array may differ by (a sign, a factor, a transpose), then slips on the way back, in one use, in one
part of a formula, then another forward pass, then two slips at once. A hypothesis counts only if it holds at points
with pairwise different sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.derive.backprop import formula
from symnn.graph.flow import FlowGraph
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree
from symnn.judge.edits import Edit, edits
from symnn.judge.fits import (
    Factor,
    alike,
    constant_ratio,
    entrywise,
    named_factor,
    reductions,
    transposes,
)
from symnn.judge.judgement import Diagnosis
from symnn.judge.paths import Detour, detours, gradient_along
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth
from symnn.judge.variants import along, changed_forward, downstream, gradient_of_variant, variants

__all__ = ["KINDS", "Given", "diagnose"]

#: The words that a diagnosis is told by, the simplest first.
KINDS = (
    "shape", "sign", "sum-for-mean", "mean-for-sum", "batch-sum", "transpose", "path", "derivative-at-output",
    "elementwise", "onehot", "mask", "eps", "n-minus-one", "term", "factor", "sum", "exponent", "function", "index",
    "off-by-one", "instead", "case", "zero", "other", "precision", "forward", "several",
)  # fmt: skip
_ORDER = {k: n for n, k in enumerate(KINDS)}
#: Arrays of the given gradient at a point.
Given = Callable[[Spot], Any]
#: How many pairs of slips are tried.
_MOST_PAIRS = 1_500
_MOST_EDITS = 700
#: What agrees up to this of the largest entry is no slip, but few digits.
_CLOSE = 1e-7


@dataclass(frozen=True)
class _Hypothesis:
    """A way in which the gradient may have gone wrong, and the gradient that it gives at a point."""

    kind: str
    sentence: str
    where: str
    gradient: Callable[[Spot], Any]


def diagnose(truth: Truth, given: Given, spots: Sequence[Spot]) -> tuple[Diagnosis, ...]:
    """Return what is wrong, in order, or nothing where nothing simple explains it.

    Args:
        truth: the true gradient.
        given: the other one, as arrays.
        spots: points with pairwise different sizes; the first one screens, the others confirm.
    """
    case = _Case(truth, given, list(spots))
    if case.close():
        return ()
    for attempt in (case.whole, case.slips, case.forwards, case.pairs):
        with np.errstate(all="ignore"):
            found = attempt()
        if found:
            return found
    return ()


class _Case:
    """One gradient to be explained."""

    def __init__(self, truth: Truth, given: Given, spots: list[Spot]) -> None:
        self.truth, self.spots = truth, spots
        self.given = [np.asarray(given(s), dtype=float) for s in spots]
        target = truth.derivation.target
        assert target is not None
        self.target = target
        self.true = [np.asarray(s.tensor(target), dtype=float) for s in spots]
        self.found: list[tuple[_Hypothesis, Any]] = []

    def close(self) -> bool:
        """Tell whether the two agree in so many digits that no slip explains the rest."""
        return all(alike(g, t, _CLOSE) for g, t in zip(self.given, self.true, strict=True))

    # -- the array as a whole --------------------------------------------------------------------------------------

    def whole(self) -> tuple[Diagnosis, ...]:
        """Explain the array as a whole: its shape, a constant factor, a transpose, a factor entry by entry."""
        if self.given[0].shape != self.true[0].shape:
            return self._shape()
        if all(not np.any(g) for g in self.given):
            return (Diagnosis("zero", "yours is 0 everywhere"),)
        factor = self._factor([(g, t) for g, t in zip(self.given, self.true, strict=True)])
        if factor is not None:
            return self._constant(factor)
        for order in transposes(self.given[0], self.true[0]):
            if all(alike(g.transpose(order), t) for g, t in zip(self.given, self.true, strict=True)):
                return (Diagnosis("transpose", "yours is the transpose of the true gradient"),)
        return self._other() or self._entrywise() or self._moved()

    def _shape(self) -> tuple[Diagnosis, ...]:
        g, t = self.given[0], self.true[0]
        for order in transposes(g, t):
            return (
                (Diagnosis("transpose", "yours is the transpose of the true gradient: " + _shapes(g, t)),)
                if order
                else ()
            )
        for word, axes in reductions(g, t):
            same = all(alike(_reduced(word, a, axes), b) for a, b in zip(self.given, self.true, strict=True))
            if same:
                over = self._axis_names(g, axes)
                return (
                    Diagnosis(
                        "batch-sum", f"the {word} over {over} is missing: yours still has that axis, {_shapes(g, t)}"
                    ),
                )
        for axes in _missing_axes(g, t):
            for word in ("sum", "mean"):
                if all(alike(a, _reduced(word, b, axes)) for a, b in zip(self.given, self.true, strict=True)):
                    return (
                        Diagnosis(
                            "batch-sum", f"yours takes the {word} over an axis that the gradient has, {_shapes(g, t)}"
                        ),
                    )
        return (Diagnosis("shape", f"yours has another shape, {_shapes(g, t)}"),)

    def _axis_names(self, g: Any, axes: tuple[int, ...]) -> str:
        words = []
        sizes = {v: str(s) for s, v in self.spots[0].sizes.items() if getattr(s, "is_integer", False)}
        for a in axes:
            words.append(sizes.get(g.shape[a], f"axis {a}"))
        return " and ".join(words)

    def _values(self) -> list[dict[Any, float]]:
        return [{s: float(v) for s, v in spot.sizes.items()} for spot in self.spots]

    def _factor(self, pairs: Sequence[tuple[Any, Any]]) -> Factor | None:
        ratios: list[float] = []
        values = self._values()
        kept = []
        for (g, t), v in zip(pairs, values, strict=True):
            if not np.any(t) and not np.any(g):
                continue
            r = constant_ratio(g, t)
            if r is None:
                return None
            ratios.append(r)
            kept.append(v)
        if not ratios:
            return None
        return named_factor(ratios, kept)

    def _constant(self, factor: Factor) -> tuple[Diagnosis, ...]:
        if factor.plain:
            return (
                (Diagnosis("sign", "the sign is wrong: yours is minus the true gradient"),) if factor.negative else ()
            )
        text = f"-{factor.text}" if factor.negative else factor.text
        said = f"yours is {text} times the true gradient"
        kind = "factor"
        if len(factor.sizes) == 1 and factor.text in (str(factor.sizes[0]), f"1/{factor.sizes[0]}"):
            size = factor.sizes[0]
            averaged = self._averaged(size)
            if not factor.inverse and averaged:
                kind, said = (
                    "sum-for-mean",
                    f"{said}: the forward takes a mean over {size}, yours differentiates the sum",
                )
            elif factor.inverse:
                kind, said = (
                    "mean-for-sum",
                    f"{said}: the forward takes no mean over {size}" + (" there" if averaged else ""),
                )
        return (Diagnosis(kind, said, text),)

    def _averaged(self, size: Any) -> bool:
        """Tell whether the forward pass divides by a size somewhere."""
        from symnn.ground.tree import Div, Sym, walk

        for t in FlowGraph((self.truth.output,)):
            if t.definition is None:
                continue
            _, tree = formula(t)
            for at in walk(tree):
                if isinstance(at, Div) and any(isinstance(s, Sym) and s.symbol == size for s in walk(at.den)):
                    return True
        return False

    def _other(self) -> tuple[Diagnosis, ...]:
        """Explain it as the gradient by another tensor."""
        for t, adjoint in self.truth.adjoints.of.items():
            if t is self.truth.wrt or adjoint is self.target or adjoint.rank != self.target.rank:
                continue
            if all(alike(g, s.tensor(adjoint)) for g, s in zip(self.given, self.spots, strict=True)):
                return (Diagnosis("other", f"this is the gradient by {t.name}, not by {self.truth.wrt.name}", t.name),)
        return ()

    def _named(self, spot: Spot) -> list[tuple[Tensor, Any]]:
        return [(t, spot.tensor(t)) for t in self.truth.graph.order if t.classes is None and t.role != "adjoint"]

    def _entrywise(self) -> tuple[Diagnosis, ...]:
        shape = self.target.shape
        first = list(entrywise(self.given[0], self.true[0], shape, self._named(self.spots[0])))
        for missing, factor in first:
            again = [
                (missing, factor) in entrywise(g, t, shape, self._named(s))
                for g, t, s in zip(self.given[1:], self.true[1:], self.spots[1:], strict=True)
            ]
            if all(again):
                what = "is missing" if missing else "stands once too often"
                return (Diagnosis("factor", f"the factor {factor} {what}", factor),)
        return ()

    def _moved(self) -> tuple[Diagnosis, ...]:
        for axis in range(self.true[0].ndim):
            for step in (1, -1):
                if all(alike(g, np.roll(t, step, axis)) for g, t in zip(self.given, self.true, strict=True)):
                    return (Diagnosis("off-by-one", f"yours is moved by one place along axis {axis}"),)
            if all(alike(g, np.flip(t, axis)) for g, t in zip(self.given, self.true, strict=True)):
                return (Diagnosis("index", f"yours is turned round along axis {axis}"),)
        return ()

    # -- slips on the way back -------------------------------------------------------------------------------------

    def slips(self) -> tuple[Diagnosis, ...]:
        """Explain it by one slip in one use of a tensor, or in one formula of the backward pass."""
        if self.given[0].shape != self.true[0].shape:
            return ()
        matches: list[tuple[int, int, Factor | None, _Hypothesis]] = []
        for n, h in enumerate(self.hypotheses()):
            try:
                array = np.asarray(h.gradient(self.spots[0]), dtype=float)
            except (SymnnError, ArithmeticError, ValueError, KeyError, IndexError):
                continue
            if array.shape != self.true[0].shape or not np.all(np.isfinite(array)):
                continue
            if alike(array, self.true[0]):
                continue
            self.found.append((h, array))
            if alike(array, self.given[0]):
                if self._confirmed(h):
                    matches.append((0, n, None, h))
            elif constant_ratio(self.given[0], array) is not None:
                factor = self._confirmed_factor(h)
                if factor is not None:
                    matches.append((1, n, factor, h))
        if not matches:
            return ()
        _, _, factor, h = min(matches, key=lambda m: (m[0], _ORDER.get(m[3].kind, 99), m[1]))
        out = [Diagnosis(h.kind, h.sentence, h.where)]
        return tuple(out) if factor is None else (*out, *self._constant(factor))

    def _confirmed(self, h: _Hypothesis) -> bool:
        try:
            return all(alike(h.gradient(s), g) for s, g in zip(self.spots[1:], self.given[1:], strict=True))
        except (SymnnError, ArithmeticError, ValueError, KeyError, IndexError):
            return False

    def _confirmed_factor(self, h: _Hypothesis) -> Factor | None:
        try:
            return self._factor([(g, np.asarray(h.gradient(s))) for s, g in zip(self.spots, self.given, strict=True)])
        except (SymnnError, ArithmeticError, ValueError, KeyError, IndexError):
            return None

    def hypotheses(self) -> Iterator[_Hypothesis]:
        """Yield the slips that are tried."""
        truth = self.truth
        for d in detours(truth):
            yield _Hypothesis(d.kind, d.sentence, d.where, _detoured(truth, d))
        count = 0
        for source, tensor, free, e in self._edits():
            count += 1
            if count > _MOST_EDITS:
                return
            sentence = e.sentence if source is None else f"{e.sentence}, in {source}"
            yield _Hypothesis(e.kind, sentence, e.where, self._edited(tensor, free, e.tree))

    def _edits(self) -> Iterator[tuple[str | None, Tensor, tuple[Index, ...], Edit]]:
        """Yield slips in the formula of the gradient, of the gradients and named values that it speaks of."""
        graph = FlowGraph((self.target,))
        values = [t for t in self.truth.graph.order if t.classes is None and t.role != "adjoint"]
        for t in reversed(graph.order):
            if t.definition is None or (t.role != "adjoint" and t.of is None):
                continue
            free, tree = formula(t)
            likely = [v for v in values if v.rank]
            for e in edits(tree, free, likely):
                yield (None if t is self.target else t.name), t, free, e

    def _edited(self, t: Tensor, free: tuple[Index, ...], tree: Tree) -> Callable[[Spot], Any]:
        graph = FlowGraph((self.target,))
        after = downstream(graph.order, t)

        def gradient(spot: Spot) -> Any:
            if t is self.target:
                return spot.dense.array(tree, free)
            dense = spot.dense.changed({t: spot.dense.array(tree, free)}, after)
            return dense.tensor(self.target)

        return gradient

    # -- another forward pass --------------------------------------------------------------------------------------

    def forwards(self) -> tuple[Diagnosis, ...]:
        """Explain it as the gradient of another forward pass."""
        if self.given[0].shape != self.true[0].shape:
            return ()
        spot, truth = self.spots[0], self.truth
        rng = np.random.default_rng(5)
        direction = rng.normal(size=self.true[0].shape)
        wanted = float((self.given[0] * direction).sum())
        best: tuple[int, Diagnosis] | None = None
        for v in variants(truth):
            try:
                slope = along(truth, spot, changed_forward(truth, spot, v), direction)
                if not abs(slope - wanted) <= 1e-7 * max(abs(slope), abs(wanted)):
                    continue
                if all(alike(gradient_of_variant(truth, s, v), g) for s, g in zip(self.spots, self.given, strict=True)):
                    rank = _ORDER.get(v.kind, 99)
                    if best is None or rank < best[0]:
                        best = (
                            rank,
                            Diagnosis(
                                v.kind,
                                f"yours is the gradient of another forward: in {v.node.name}, {v.sentence}",
                                v.where,
                            ),
                        )
            except (SymnnError, ArithmeticError, ValueError, KeyError, IndexError, TypeError):
                continue
        return () if best is None else (best[1],)

    # -- two slips -------------------------------------------------------------------------------------------------

    def pairs(self) -> tuple[Diagnosis, ...]:
        """Explain it by two slips that add up: what each changes is a multiple of what is seen."""
        if self.given[0].shape != self.true[0].shape or not self.found:
            return ()
        true, given = self.true[0], self.given[0]
        seen = (given - true).ravel()
        scale = float(np.abs(given).max()) or 1.0
        changes = [
            (h, (array - true).ravel()) for h, array in self.found if float(np.abs(array - true).max()) < 1e6 * scale
        ]
        changes.sort(key=lambda c: _ORDER.get(c[0].kind, 99))
        tried = 0
        for n, (h, a) in enumerate(changes):
            for k, b in changes[n + 1 :]:
                tried += 1
                if tried > 40 * _MOST_PAIRS:
                    return ()
                if float(np.abs(a + b - seen).max()) <= 1e-8 * scale and self._both(h, k):
                    return (Diagnosis(h.kind, h.sentence, h.where), Diagnosis(k.kind, k.sentence, k.where))
        return ()

    def _both(self, h: _Hypothesis, k: _Hypothesis) -> bool:
        for spot, given, true in zip(self.spots[1:], self.given[1:], self.true[1:], strict=True):
            try:
                together = np.asarray(h.gradient(spot)) + np.asarray(k.gradient(spot)) - true
            except (SymnnError, ArithmeticError, ValueError, KeyError, IndexError):
                return False
            if not alike(together, given):
                return False
        return True


def _detoured(truth: Truth, d: Detour) -> Callable[[Spot], Any]:
    return lambda spot: gradient_along(truth, spot, {d.edge: d.change})


def _reduced(word: str, array: Any, axes: tuple[int, ...]) -> Any:
    return array.sum(axis=axes) if word == "sum" else array.mean(axis=axes)


def _missing_axes(g: Any, t: Any) -> Iterator[tuple[int, ...]]:
    from itertools import combinations

    extra = t.ndim - g.ndim
    for axes in combinations(range(t.ndim), extra) if extra > 0 else ():
        if tuple(n for k, n in enumerate(t.shape) if k not in axes) == g.shape:
            yield axes


def _shapes(g: Any, t: Any) -> str:
    return f"{g.shape} where {t.shape} belongs"
