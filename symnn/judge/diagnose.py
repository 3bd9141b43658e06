"""What is wrong with a gradient: hypotheses are tried until one gives, at every point, the very gradient given.

First what a whole array may differ by (a sign, a factor, a transpose), then slips on the way back, in one use, in one
part of a formula, then another forward pass, then two slips at once. A hypothesis counts only if it holds at points
with pairwise different sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any, Protocol

import numpy as np

from symnn.derive.backprop import formula
from symnn.graph.flow import FlowGraph
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Div, Entry, Mul, Neg, Num, Sum, Sym, Tree, walk
from symnn.judge.edits import Edit, edits
from symnn.judge.fits import (
    SAME,
    Excess,
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
from symnn.judge.spots import UNFIT, Spot
from symnn.judge.truth import Truth
from symnn.judge.variants import along, changed_forward, downstream, gradient_of_variant, variants

__all__ = ["KINDS", "Given", "diagnose"]

#: The words that a diagnosis is told by, the simplest first.
KINDS = (
    "shape", "axis", "sign", "sum-for-mean", "mean-for-sum", "batch-sum", "transpose", "overwrite", "path",
    "elementwise", "onehot", "mask", "eps", "n-minus-one", "term", "factor", "derivative-at-output", "sum", "exponent",
    "function", "index", "off-by-one", "instead", "case", "zero", "other", "precision", "forward", "several",
)  # fmt: skip
_ORDER = {k: n for n, k in enumerate(KINDS)}
#: Arrays of the given gradient at a point.
Given = Callable[[Spot], Any]
#: How many pairs of slips are tried.
_MOST_PAIRS = 1_500
_MOST_EDITS = 700
#: What agrees up to this of the largest entry is no slip, but few digits.
_CLOSE = 1e-7
#: How many constants of the forward pass a factor may be made of.
_MOST_NUMBERS = 8


@dataclass(frozen=True)
class _Hypothesis:
    """A way in which the gradient may have gone wrong, and the gradient that it gives at a point."""

    kind: str
    sentence: str
    where: str
    gradient: Callable[[Spot], Any]
    child: str = ""
    inside: bool = False
    edit: bool = False

    @property
    def rank(self) -> int:
        """How plain it is, the plainest first; one place of several in a formula comes after all others."""
        return _ORDER.get(self.kind, len(KINDS)) + len(KINDS) * self.inside


class Text(Protocol):
    """A typed formula that may be mended."""

    def turned(self) -> tuple[Diagnosis, ...]:
        """Mend what stands there."""

    def put_in(self) -> tuple[Diagnosis, ...]:
        """Mend what is missing: a sign, a function, a power, a constant."""

    def by_arrays(self) -> tuple[Diagnosis, ...]:
        """Mend a factor that is missing, or what stands in a gradient's place."""

    def divided(self, factor: str, *, negative: bool) -> str:
        """Return the formula divided by a constant and with another sign, or nothing where that is not right."""

    def times(self, factor: str, *, divided: bool) -> str:
        """Return the formula times a factor, or divided by it, or nothing where that is not right."""

    def speaks_of(self, t: Tensor) -> bool:
        """Tell whether a name in it is that of a value, or of what is computed from it within the formula."""


def diagnose(
    truth: Truth, given: Given, spots: Sequence[Spot], *, tolerance: float = SAME, text: Text | None = None
) -> tuple[Diagnosis, ...]:
    """Return what is wrong, in order, or nothing where nothing simple explains it.

    Args:
        truth: the true gradient.
        given: the other one, as arrays.
        spots: points with pairwise different sizes; the first one screens, the others confirm.
        tolerance: up to which arrays are the same, of the largest entry.
        text: the other one as it was typed, if it was.
    """
    try:
        case = _Case(truth, given, list(spots), tolerance, text)
    except UNFIT:  # it has no value at some point
        return ()
    if case.close():
        return ()
    nothing: Callable[[], tuple[Diagnosis, ...]] = tuple
    ways = [nothing] * 3 if text is None else [text.turned, text.put_in, text.by_arrays]
    for attempt in (
        case.whole, ways[0], ways[1], case.parts, case.slips, ways[2], case.scaled, case.weighed, case.others,
        case.forwards, case.pairs, case.shape,
    ):  # fmt: skip
        with np.errstate(all="ignore"):
            found = attempt()
            if len(found) == 1 and found[0].kind == "instead":  # a name for another may be right by chance
                found = case.left_out() or found
        if found:
            return case.told(found)
    return ()


class _Case:
    """One gradient to be explained."""

    def __init__(
        self, truth: Truth, given: Given, spots: list[Spot], tolerance: float, typed: Text | None = None
    ) -> None:
        self.truth, self.spots, self.tolerance, self.typed = truth, spots, tolerance, typed
        self.given = [np.asarray(given(s), dtype=float) for s in spots]
        target = truth.derivation.target
        assert target is not None
        self.target = target
        self.true = [np.asarray(s.tensor(target), dtype=float) for s in spots]
        self.found: list[tuple[_Hypothesis, Any]] = []
        self.multiples: list[tuple[int, _Hypothesis, Factor]] = []

    def close(self) -> bool:
        """Tell whether the two agree in so many digits that no slip explains the rest."""
        close = max(_CLOSE, self.tolerance)
        return all(alike(g, t, close) for g, t in zip(self.given, self.true, strict=True))

    def same(self, a: Any, b: Any) -> bool:
        """Tell whether two arrays are equal up to the tolerance."""
        return alike(a, b, self.tolerance)

    # -- the array as a whole --------------------------------------------------------------------------------------

    def whole(self) -> tuple[Diagnosis, ...]:
        """Explain the array as a whole: its shape, a constant factor, a transpose."""
        if self.given[0].shape != self.true[0].shape:
            return self._shape()
        if not all(np.all(np.isfinite(g)) for g in self.given):
            return (Diagnosis("precision", "yours is not finite: it divides by 0, or a number overflows"),)
        if all(not np.any(g) for g in self.given):
            return (Diagnosis("zero", "yours is 0 everywhere"),)
        factor = self._factor([(g, t) for g, t in zip(self.given, self.true, strict=True)])
        if factor is not None:
            return self._constant(factor)
        for order in transposes(self.given[0], self.true[0], self.tolerance):
            if all(self.same(g.transpose(order), t) for g, t in zip(self.given, self.true, strict=True)):
                return (Diagnosis("transpose", "yours is the transpose of the true gradient"),)
        return ()

    def parts(self) -> tuple[Diagnosis, ...]:
        """Explain the array by a factor of its entries, or as one that is moved along an axis."""
        return () if self.given[0].shape != self.true[0].shape else self._entrywise() or self._moved()

    def told(self, found: tuple[Diagnosis, ...]) -> tuple[Diagnosis, ...]:
        """Return a diagnosis with a word on the gradient by another tensor that it happens to be; nothing twice."""
        if len(found) > 1 and len({d.sentence for d in found}) == 1:
            found = (replace(found[0], sentence=f"{found[0].sentence}, {len(found)} times"),)
        if len(found) > 1 or found[0].kind in ("other", "zero", "shape", "precision"):
            return found
        other = self._other(upstream=False)
        if not other:
            return found
        d = found[0]
        return (replace(d, sentence=f"{d.sentence}; it is the gradient by {other[0].where}"),)

    def others(self) -> tuple[Diagnosis, ...]:
        """Explain it as the gradient that arrives, passed on as it is."""
        return self._other(upstream=True)

    def _shape(self) -> tuple[Diagnosis, ...]:
        g, t = self.given[0], self.true[0]
        shown = f"{self._named_shape(g)} where {self._named_shape(t)} belongs"
        for order in transposes(g, t, self.tolerance):
            return (Diagnosis("transpose", f"yours is the transpose of the true gradient: {shown}"),) if order else ()
        for word, axes in reductions(g, t, self.tolerance):
            if all(self.same(_reduced(word, a, axes), b) for a, b in zip(self.given, self.true, strict=True)):
                said = f"the {word} over {self._axis_names(g, axes)} is missing: yours still has that axis, {shown}"
                return (Diagnosis("batch-sum", said),)
        for axes in _missing_axes(g, t):
            for word in ("sum", "mean"):
                if all(self.same(a, _reduced(word, b, axes)) for a, b in zip(self.given, self.true, strict=True)):
                    return (
                        Diagnosis("batch-sum", f"yours takes the {word} over an axis that the gradient has, {shown}"),
                    )
        return self._wrong_axis(shown) or self._other(upstream=True)

    def shape(self) -> tuple[Diagnosis, ...]:
        """Say that the shape is another one, where nothing simple explains it."""
        g, t = self.given[0], self.true[0]
        if g.shape == t.shape:
            return ()
        said = f"yours has another shape, {self._named_shape(g)} where {self._named_shape(t)} belongs"
        return (Diagnosis("shape", said),)

    def _named_shape(self, array: Any) -> str:
        """Return a shape with sizes by name, which tell them apart at a point of pairwise different sizes."""
        sizes = {v: str(s) for s, v in self.spots[0].sizes.items() if getattr(s, "is_integer", False)}
        return "(" + ", ".join(sizes.get(n, str(n)) for n in array.shape) + ("," if array.ndim == 1 else "") + ")"

    def _wrong_axis(self, shown: str) -> tuple[Diagnosis, ...]:
        """Explain it as a sum over another axis than the one that belongs there."""
        free, tree = formula(self.target)
        negative = isinstance(tree, Neg)
        body: Tree = tree.body if isinstance(tree, Neg) else tree
        bound: list[Index] = []
        while isinstance(body, Sum):
            bound.append(body.index)
            body = body.body
        if not bound:
            return ()
        everything = (*bound, *free)
        for count in range(1, len(everything)):
            for over in combinations(range(len(everything)), count):
                if over == tuple(range(len(bound))):
                    continue
                for word in ("sum", "mean"):
                    made = [_reduced(word, s.dense.array(body, everything), over) for s in self.spots]
                    if all(self.same(g, -m if negative else m) for g, m in zip(self.given, made, strict=True)):
                        theirs = ", ".join(str(everything[k].size) for k in over)
                        ours = ", ".join(str(i.size) for i in bound)
                        said = f"yours takes the {word} over {theirs}, where the sum over {ours} belongs: {shown}"
                        return (Diagnosis("axis", said),)
        return ()

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
            r = constant_ratio(g, t, self.tolerance)
            if r is None:
                return None
            ratios.append(r)
            kept.append(v)
        if not ratios:
            return None
        return named_factor(ratios, kept, self._numbers, max(1e-7, self.tolerance))

    @cached_property
    def _numbers(self) -> tuple[Fraction, ...]:
        """The constants of the forward pass, other than whole numbers."""
        found: dict[Fraction, None] = {}
        for t in FlowGraph((self.truth.output,)).order:
            for at in walk(t.definition.template.tree) if t.definition is not None else ():
                if isinstance(at, Num) and at.value not in (0, 1, 2) and 0 < at.value < 1000:
                    found.setdefault(at.value)
        return tuple(found)[:_MOST_NUMBERS]

    def _constant(self, factor: Factor, *, besides: bool = False) -> tuple[Diagnosis, ...]:
        """Return what there is to say of a constant factor, as a slip of its own or besides another one."""
        mended = ""
        if self.typed is not None and not besides:
            mended = self.typed.divided(factor.text, negative=factor.negative)
        if factor.plain:
            whole = "and the sign is wrong" if besides else "the sign is wrong: yours is minus the true gradient"
            return (Diagnosis("sign", whole, "", mended),) if factor.negative else ()
        text = f"-{factor.text}" if factor.negative else factor.text
        said = f"and it is {text} times what it should be" if besides else f"yours is {text} times the true gradient"
        kind = "factor"
        if len(factor.sizes) == 1 and factor.text in (str(factor.sizes[0]), f"1/{factor.sizes[0]}"):
            size = factor.sizes[0]
            averaged = getattr(size, "is_integer", False) and self._averaged(size)
            if not factor.inverse and averaged:
                kind = "sum-for-mean"
                said = f"{said}: the forward takes a mean over {size}, yours differentiates the sum"
            elif factor.inverse and getattr(size, "is_integer", False):
                kind = "mean-for-sum"
                more = "it is divided by {} once too often" if averaged else "the forward takes no mean over {}"
                said = f"{said}: {more.format(size)}"
        return (Diagnosis(kind, said, text, mended),)

    def _averaged(self, size: Any) -> bool:
        """Tell whether the forward pass divides by a size itself, not by a root of it."""
        for t in FlowGraph((self.truth.output,)):
            if t.definition is None:
                continue
            _, tree = formula(t)
            for at in walk(tree):
                if isinstance(at, Div):
                    below = at.den.factors if isinstance(at.den, Mul) else (at.den,)
                    if any(isinstance(f, Sym) and f.symbol == size for f in below):
                        return True
        return False

    def _other(self, *, upstream: bool) -> tuple[Diagnosis, ...]:
        """Explain it as the gradient by another tensor."""
        for t, adjoint in self.truth.every.of.items():
            if t is self.truth.wrt or (t is self.truth.output) != upstream and not upstream:
                continue
            arrays = [s.tensor(adjoint) for s in self.spots]
            if all(self.same(g, a) for g, a in zip(self.given, arrays, strict=True)):
                said = f"this is the gradient by {t.name}, not by {self.truth.wrt.name}"
                beside = [a.name for a in t.definition.args if a is not self.truth.wrt] if t.definition else []
                if t.definition is not None and self.truth.wrt in t.definition.args and beside:
                    said += f": the step back through {t.name}, with {', '.join(beside)}, is missing"
                if t is self.truth.output:
                    said = f"this is the gradient that arrives at {t.name}, passed on as it is"
                return (Diagnosis("other", said, t.name),)
        return ()

    def _named(self, spot: Spot) -> list[tuple[Tensor, Any]]:
        return [(t, spot.tensor(t)) for t in self.truth.graph.order if t.classes is None and t.role != "adjoint"]

    def _entrywise(self) -> tuple[Diagnosis, ...]:
        found = self._entrywise_of(list(zip(self.given, self.true, strict=True)))
        if found is None:
            return ()
        mended = "" if self.typed is None else self.typed.times(found.text, divided=not found.missing)
        return (Diagnosis("factor", self._said(found), found.text, mended),)

    def left_out(self) -> tuple[Diagnosis, ...]:
        """Explain the array by a factor that stands in the true gradient and is left out."""
        if self.given[0].shape != self.true[0].shape:
            return ()
        found = self._entrywise_of(list(zip(self.given, self.true, strict=True)))
        return self._entrywise() if found and found.missing and found.stands_in(self.truth.readable()) else ()

    def _said(self, found: Excess) -> str:
        """Return an excess in words; what the formula does not speak of cannot stand there once too often."""
        if found.missing or self._speaks_of(found.tensor):
            return found.sentence()
        turned = found.turned()
        return f"yours is {found.text} times what it should be" if turned is None else turned.sentence()

    def _speaks_of(self, t: Tensor) -> bool:
        """Tell whether the gradient given may hold a value as a factor: its text does, or the true one has no 1/t."""
        if self.typed is not None:
            return self.typed.speaks_of(t)
        below = (at.den for at in walk(self.truth.readable()) if isinstance(at, Div))
        return not any(isinstance(e, Entry) and e.tensor is t for den in below for e in walk(den))

    def _entrywise_of(self, pairs: Sequence[tuple[Any, Any]]) -> Excess | None:
        """Return a factor entry by entry between two arrays that is the same at every point."""

        def found(n: int) -> list[Excess]:
            named = self._named(self.spots[n])
            return list(entrywise(*pairs[n], self.target.shape, named, self.tolerance))

        rest = [found(n) for n in range(1, len(pairs))] if (first := found(0)) else []
        return next((f for f in first if all(f in again for again in rest)), None)

    def _moved(self) -> tuple[Diagnosis, ...]:
        for axis in range(self.true[0].ndim):
            for step in (1, -1):
                if all(self.same(g, np.roll(t, step, axis)) for g, t in zip(self.given, self.true, strict=True)):
                    return (Diagnosis("off-by-one", f"yours is moved by one place along axis {axis}"),)
            if all(self.same(g, np.flip(t, axis)) for g, t in zip(self.given, self.true, strict=True)):
                return (Diagnosis("index", f"yours is turned round along axis {axis}"),)
        return ()

    # -- slips on the way back -------------------------------------------------------------------------------------

    def slips(self) -> tuple[Diagnosis, ...]:
        """Explain it by one slip in one use of a tensor, or in one formula of the backward pass."""
        if self.given[0].shape != self.true[0].shape:
            return ()
        matches: list[tuple[int, _Hypothesis]] = []
        for n, h in enumerate(self.hypotheses()):
            try:
                array = np.asarray(h.gradient(self.spots[0]), dtype=float)
            except UNFIT:
                continue
            if array.shape != self.true[0].shape or not np.all(np.isfinite(array)):
                continue
            if self.same(array, self.true[0]):
                continue
            self.found.append((h, array))
            if self.same(array, self.given[0]):
                if self._confirmed(h):
                    matches.append((n, h))
            elif constant_ratio(self.given[0], array, self.tolerance) is not None:
                factor = self._confirmed_factor(h)
                if factor is not None:
                    self.multiples.append((n, h, factor))
        if not matches:
            return ()
        _, h = min(matches, key=lambda m: (m[1].rank, m[0]))
        if h.kind == "elementwise" and h.edit:  # one entry of a sum by chance: a term or a place left out is plainer
            others = [k for _, k in matches if (k.kind, k.inside) in (("term", False), ("path", True))]
            h = min(others, key=lambda k: k.inside, default=h)
        return (Diagnosis(h.kind, h.sentence, h.where),)

    def scaled(self) -> tuple[Diagnosis, ...]:
        """Explain it by one slip and a factor besides, a constant or a named array."""
        if not self.multiples:
            return self._elementwise_times()
        _, h, factor = min(self.multiples, key=lambda m: (m[1].rank, m[0]))
        return (Diagnosis(h.kind, h.sentence, h.where), *self._constant(factor, besides=True))

    def _elementwise_times(self) -> tuple[Diagnosis, ...]:
        """Explain it by a Jacobian taken as a diagonal one, with a factor missing or too many."""
        if self.given[0].shape != self.true[0].shape:
            return ()
        for h, _ in self.found:
            if h.kind == "elementwise" and h.where:
                try:
                    pairs = [(g, np.asarray(h.gradient(s))) for g, s in zip(self.given, self.spots, strict=True)]
                except UNFIT:
                    continue
                found = self._entrywise_of(pairs)
                if found is not None:
                    more = Diagnosis("factor", f"and {self._said(found)}", found.text)
                    return (Diagnosis(h.kind, h.sentence, h.where), more)
        return ()

    def _confirmed(self, h: _Hypothesis) -> bool:
        try:
            return all(self.same(h.gradient(s), g) for s, g in zip(self.spots[1:], self.given[1:], strict=True))
        except UNFIT:
            return False

    def _confirmed_factor(self, h: _Hypothesis) -> Factor | None:
        try:
            return self._factor([(g, np.asarray(h.gradient(s))) for s, g in zip(self.spots, self.given, strict=True)])
        except UNFIT:
            return None

    def hypotheses(self) -> Iterator[_Hypothesis]:
        """Yield the slips that are tried."""
        truth = self.truth
        for d in detours(truth):
            yield _Hypothesis(d.kind, d.sentence, d.where, _detoured(truth, d), d.contribution, d.inside)
        count = 0
        for source, tensor, free, e in self._edits():
            count += 1
            if count > _MOST_EDITS:
                return
            sentence = e.sentence if source is None else f"{e.sentence}, in {source}"
            yield _Hypothesis(e.kind, sentence, e.where, self._edited(tensor, free, e.tree), edit=True)

    def _edits(self) -> Iterator[tuple[str | None, Tensor, tuple[Index, ...], Edit]]:
        """Yield slips in the formula of the gradient, of the gradients and named values that it speaks of."""
        graph = FlowGraph((self.target,))
        values = [t for t in self.truth.graph.order if t.classes is None and t.role != "adjoint"]
        adjoints = [a for a in self.truth.every.of.values() if a.name != self.target.name]
        for t in reversed(graph.order):
            if t.definition is None or (t.role != "adjoint" and t.of is None):
                continue
            free, tree = formula(t)
            likely = [v for v in (*values, *adjoints) if v.rank and v is not t]
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

    def weighed(self) -> tuple[Diagnosis, ...]:
        """Explain it by one contribution that is taken with another factor, or by one term too many."""
        if self.given[0].shape != self.true[0].shape:
            return ()
        for h, array in self.found:
            if h.kind == "path" and h.child:
                found = self._weight(h, array) or self._factor_of(h)
                if found:
                    return found
        return self._added()

    def _parts(self, h: _Hypothesis) -> list[tuple[Any, Any]] | None:
        """Return a contribution as it is given and as it is, at every point; the rest is taken to be right."""
        out = []
        for spot, given, true in zip(self.spots, self.given, self.true, strict=True):
            try:
                rest = np.asarray(h.gradient(spot), dtype=float)
            except UNFIT:
                return None
            out.append((given - rest, true - rest))
        return out

    def _weight(self, h: _Hypothesis, array: Any) -> tuple[Diagnosis, ...]:
        if constant_ratio(self.given[0] - self.true[0], self.true[0] - array, self.tolerance) is None:
            return ()
        parts = self._parts(h)
        factor = None if parts is None else self._factor(parts)
        if factor is None:
            return ()
        text = f"-{factor.text}" if factor.negative else factor.text
        return (Diagnosis("factor", f"the contribution {h.child} is taken {text} times", text),)

    def _factor_of(self, h: _Hypothesis) -> tuple[Diagnosis, ...]:
        parts = self._parts(h)
        if parts is None:
            return ()
        found = self._entrywise_of(parts)
        if found is None:
            return ()
        return (Diagnosis("factor", f"{self._said(found)} in the contribution {h.child}", found.text),)

    def _added(self) -> tuple[Diagnosis, ...]:
        """Explain it by a named tensor, or a multiple of one, that is added."""
        rest = [g - t for g, t in zip(self.given, self.true, strict=True)]
        for t, array in self._named(self.spots[0]):
            if array.shape != rest[0].shape or constant_ratio(rest[0], array, self.tolerance) is None:
                continue
            factor = self._factor([(r, s.tensor(t)) for r, s in zip(rest, self.spots, strict=True)])
            if factor is not None:
                text = t.name if factor.plain else f"{factor.text} {t.name}"
                word = "taken away" if factor.negative else "added"
                return (Diagnosis("term", f"{text} is {word}, and does not belong there", text),)
        return ()

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
                if all(
                    self.same(gradient_of_variant(truth, s, v), g) for s, g in zip(self.spots, self.given, strict=True)
                ):
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
            except (*UNFIT, TypeError):
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
            (h, (array - true).ravel())
            for h, array in self.found
            if float(np.abs(array - true).max()) < 1e6 * scale and not h.sentence.endswith("the identity")
        ]
        changes.sort(key=lambda c: c[0].rank)
        tried = 0
        for n, (h, a) in enumerate(changes):
            for k, b in changes[n + 1 :]:
                if h.inside and k.inside:  # of two places of one formula, the one may hold the other
                    continue
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
            except UNFIT:
                return False
            if not self.same(together, given):
                return False
        return True


def _detoured(truth: Truth, d: Detour) -> Callable[[Spot], Any]:
    return lambda spot: gradient_along(truth, spot, d.changes)


def _reduced(word: str, array: Any, axes: tuple[int, ...]) -> Any:
    return array.sum(axis=axes) if word == "sum" else array.mean(axis=axes)


def _missing_axes(g: Any, t: Any) -> Iterator[tuple[int, ...]]:
    extra = t.ndim - g.ndim
    for axes in combinations(range(t.ndim), extra) if extra > 0 else ():
        if tuple(n for k, n in enumerate(t.shape) if k not in axes) == g.shape:
            yield axes
