"""A typed formula mended: the one change of its own text that makes it the true gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from symnn.algebra.convert import canonical
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Fn, Ind, Num, Sym, children, walk
from symnn.judge.candidate import Mismatched, one_per_line
from symnn.judge.fits import alike
from symnn.judge.judged_wrong import told
from symnn.judge.judgement import WRONG, Diagnosis, Judgement
from symnn.judge.mends import Change, Known, changed, changes, multiplied, scaled
from symnn.judge.plainness import is_plain
from symnn.judge.spots import UNFIT, Spot
from symnn.judge.truth import Truth
from symnn.language.grammar import parse
from symnn.language.reading import Reading, read_formula
from symnn.language.syntax import names_in
from symnn.nn.activations import ACTIVATIONS

__all__ = ["Mender", "judged_mismatch"]

#: Kinds of changes that may take a constant away.
_CONSTANT = ("sign", "factor", "sum-for-mean", "mean-for-sum", "n-minus-one")
#: How many changes are tried, of what stands there and of what may be put in; how many of several together.
_MOST, _MOST_SEVERAL = 600, 400


class Mender:
    """Mends one formula.

    Args:
        truth: the true gradient.
        text: the formula, which can be read.
        points: generic ones; the first one screens, the others confirm.
        confirm: judges a mended formula in full; what it does not call right is no mend.
    """

    def __init__(
        self, truth: Truth, text: str, points: Sequence[Spot], confirm: Callable[[Reading], bool] | None = None
    ) -> None:
        self.truth, self.text, self.points, self.confirm = truth, text, list(points), confirm
        self.near, self.far, self.last = changes(parse(text), text, known_by(truth, text))

    def turned(self) -> tuple[Diagnosis, ...]:
        """Mend what stands there: a sign, a name, a power, an axis, a term that does not belong."""
        return self._first(self.near)

    def put_in(self) -> tuple[Diagnosis, ...]:
        """Mend what is missing: a sign, a function, a power, a constant."""
        return self._first(self.far)

    def by_arrays(self) -> tuple[Diagnosis, ...]:
        """Mend a factor that is missing, or what stands in a gradient's place."""
        return self._first(self.last)

    def divided(self, factor: str, *, negative: bool) -> str:
        """Return the formula divided by a constant that it holds too much, or nothing where that is not right."""
        short = self._first([c for c in self.near if len(c) == 1 and c[0].kind in _CONSTANT])
        if short:
            return short[0].mended
        made = scaled(parse(self.text), self.text, factor, negative=negative)
        return made if self._plainly(made) and self._is_right(made) else ""

    def times(self, factor: str, *, divided: bool) -> str:
        """Return the formula times a factor, or divided by it, or nothing where that is not right."""
        upside = factor.startswith("1/")
        made = multiplied(parse(self.text), self.text, factor[2:] if upside else factor, divided=divided != upside)
        return made if self._plainly(made) and self._is_right(made) else ""

    def speaks_of(self, t: Tensor) -> bool:
        """Tell whether a name in the formula is that of a value."""
        known = (self.truth.scope.find(name.name) for name in names_in(parse(self.text)))
        return any(array is not None and array.tensor is t for array in known)

    def _first(self, tried: Sequence[tuple[Change, ...]]) -> tuple[Diagnosis, ...]:
        for c in tried[:_MOST]:
            if self.right(c) and self._plainly(changed(self.text, c)):
                return (self.told(c),)
        return ()

    def several(self) -> tuple[Diagnosis, ...]:
        """Mend a formula whose shapes do not fit, by up to three changes of its transposes and indices."""
        tried = 0
        found = self._first(self.near)
        singles = [c[0] for c in self.near if len(c) == 1 and c[0].kind in ("transpose", "index")]
        for count in (2, 3) if not found else ():
            for several in combinations(singles, count):
                tried += 1
                if tried > _MOST_SEVERAL:
                    break
                if not _overlap(several) and self.right(several):
                    return (self.told(several),)
        return found or self._first(self.far) or self._first(self.last)

    def told(self, several: Sequence[Change]) -> Diagnosis:
        """Return what there is to say of changes."""
        made = changed(self.text, several)
        said = " and ".join(dict.fromkeys(c.sentence for c in several))
        if len(several) > 1 and len({c.sentence for c in several}) == 1:
            said += f", {len(several)} times"
        first = several[0]
        return Diagnosis(first.kind, said, " ".join(self.text[first.start : first.end].split()), made)

    def right(self, several: Sequence[Change]) -> bool:
        """Tell whether changes make the formula the true gradient, at every point."""
        return self._is_right(changed(self.text, several))

    def _plainly(self, text: str) -> bool:
        """Tell whether nothing in a mended formula could be left out, as far as that holds of the one given."""
        return is_plain(text) or not is_plain(self.text)

    def _is_right(self, text: str) -> bool:
        truth = self.truth
        target = truth.derivation.target
        assert target is not None
        try:
            reading = read_formula(text, truth.scope, truth.free)
            with np.errstate(all="ignore"):
                same = reading.fits and reading.axes is None and all(
                    alike(p.dense.array(reading.tree, reading.free), p.tensor(target)) for p in self.points
                )
            return same and (self.confirm is None or self.confirm(reading))
        except (*UNFIT, TypeError):  # then it mends nothing
            return False


def _overlap(several: Iterable[Change]) -> bool:
    return any(a.start < b.end and b.start < a.end for a, b in combinations(several, 2))


def known_by(truth: Truth, text: str) -> Known:
    """Return what a candidate may speak of, each tensor by one name: the one that the text uses, if any."""
    tensors: dict[Any, str] = {}
    labels: list[str] = []
    sizes: list[str] = []
    scalars: list[str] = []
    for name, array in truth.scope.names.items():
        t = array.tensor
        if t is not None and t.classes is not None:
            labels.append(name)
        elif t is not None:
            if t not in tensors or (_stands(name, text) and not _stands(tensors[t], text)):
                tensors[t] = name
        else:
            tree = array.at(())
            if isinstance(tree, Sym) and tree.symbol.is_integer:
                sizes.append(name)
            elif isinstance(tree, Sym | Num):
                scalars.append(name)
    order = sorted(tensors.items(), key=lambda item: not _stands(item[1], text))
    return Known(
        {name: t.shape for t, name in order}, frozenset(name for t, name in order if t.role in ("adjoint", "upstream")),
        tuple(labels), tuple(sizes), tuple(scalars),
        tuple(dict.fromkeys(_functions(truth))), frozenset(_outputs(truth)), tuple(dict.fromkeys(_marks(truth))),
    )  # fmt: skip


def _stands(name: str, text: str) -> bool:
    return name in text


def _functions(truth: Truth) -> Iterator[str]:
    """Yield the functions that the forward pass applies."""
    for t in truth.graph.order:
        if t.definition is not None and t.role != "adjoint":
            own = t.name.split("_")[0]
            if own in ACTIVATIONS:
                yield own
            for at in walk(t.definition.template.tree):
                if isinstance(at, Fn) and len(at.args) == 1 and at.name != "stop_gradient":
                    yield at.name


def _marks(truth: Truth) -> Iterator[Fraction]:
    """Yield the numbers that the forward pass, or the gradient, compares with."""
    for t in truth.graph.order:
        for at in walk(t.definition.template.tree) if t.definition is not None else ():
            if isinstance(at, Ind) or (isinstance(at, Fn) and at.name in ("max", "min")):
                yield from (Fraction(v) for part in children(at) if (v := canonical(part).constant()) is not None)


def _outputs(truth: Truth) -> Iterator[tuple[str, str]]:
    """Yield pairs of a value and what a function of one number makes of each of its entries."""
    for t in truth.graph.order:
        if t.definition is not None and t.role == "value":
            args = dict.fromkeys(t.definition.args)
            if len(args) == 1 and next(iter(args)).shape == t.shape:
                yield next(iter(args)).name, t.name


def judged_mismatch(truth: Truth, error: Mismatched, points: Sequence[Spot]) -> Judgement:
    """Return the judgement on a formula whose shapes do not fit."""
    found: tuple[Diagnosis, ...] = (Diagnosis("shape", "the shapes do not fit, so it has no value"),)
    if error.plain:
        mended = Mender(truth, error.text, points[:2]).several()
        found = tuple(
            Diagnosis(d.kind, f"the shapes do not fit; {d.sentence}", d.where, d.mended) for d in mended
        ) or found  # fmt: skip
    return Judgement(
        truth.wrt.name, WRONG, str(error), yours=one_per_line(error.text), diagnosis=found, **told(truth)
    )  # fmt: skip

