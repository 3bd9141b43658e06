"""Moment: an expectation or a variance, derived line by line, checked by another path, sampled, and solved for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy

from symnn.algebra.compact import Letters, to_tree
from symnn.algebra.convert import canonical
from symnn.derive.steps import Derived, Step
from symnn.ground.define import typed
from symnn.ground.errors import DefinitionError, SymnnError
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ZERO, Entry, Fn, Ix, Tree, free_indices, tensors_in, walk
from symnn.show import Block, Document, Formula, Prose, StepTable, html, notebook, terminal
from symnn.show.derivation_rows import step_rows
from symnn.show.latex_notation import latex
from symnn.show.letters import named
from symnn.show.text_notation import text
from symnn.theory.errors import MomentError
from symnn.theory.expectation import Laws, is_random, taken
from symnn.theory.laws import Law
from symnn.theory.numbers import number
from symnn.theory.rules import IN_ONE_GO, lines_of
from symnn.theory.trial import Sampled, Trial, by_quadrature
from symnn.verify.record import Check

__all__ = ["Moment", "Sampled", "covariance", "expectation", "variance"]

#: Points at which values are compared: with moments that take a quadrature, and without.
_FEW, _MANY = 3, 24


@dataclass
class Moment:
    """An expectation, a variance or a covariance of an index expression.

    Attributes:
        question: what was asked, E[...], Var(...) or Cov(...).
        laws: the laws of the random tensors.
        record: the lines.
        assumptions: what is assumed and not derived, in words.
        indices: the indices of the question by those that were asked for.
    """

    question: Fn
    laws: Laws
    record: Derived
    assumptions: tuple[str, ...] = ()
    indices: Mapping[Index, Index] = field(default_factory=dict)
    _checks: list[Check] | None = field(default=None, repr=False)

    @property
    def steps(self) -> list[Step]:
        """The lines, each with its rules."""
        return self.record.steps

    @property
    def result(self) -> Tree:
        """The last line."""
        return self.record.result

    @property
    def value(self) -> Any:
        """The result as a SymPy expression.

        Raises:
            MomentError: a moment without a name is left in it.
        """
        if _unnamed(self.result):
            raise MomentError(f"{text(self.result)} holds moments that no law here knows; give a law that does.")
        return to_sympy(self.result)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules, in the order they were applied."""
        return tuple(r for s in self.steps for r in s.rules)

    def checks(self) -> list[Check]:
        """Return one check per line: both sides with every expectation taken in one go, through joint cumulants."""
        if self._checks is None:
            self._checks = [Check("", "the question")]
            values = [taken(s.tree, self.laws) for s in self.steps]
            for step, a, b in zip(self.steps[1:], values, values[1:], strict=False):
                # what was taken in one go is no proof of itself
                self._checks.append(self.by_quadrature() if IN_ONE_GO in step.rules else self._compared(a, b))
        return self._checks

    def _compared(self, before: Tree, after: Tree) -> Check:
        """Return whether two formulas are equal: in canonical form, else in value, unnamed moments by quadrature."""
        if not (canonical(before) - canonical(after)).terms:
            return Check("proved", "equal for all sizes once every expectation is taken, through joint cumulants")
        before, after = (to_tree(canonical(t), Letters((t,))) for t in (before, after))
        worst = 0.0
        unnamed = any(_unnamed(t) for t in (before, after))
        points = _FEW if unnamed else _MANY
        try:
            for point in range(points):
                a, b = (number(t, self.laws, seed=point) for t in (before, after))
                worst = max(worst, abs(a - b) / max(abs(a), abs(b), 1e-300))
        except (MomentError, TypeError, ArithmeticError) as reason:
            return Check("undecided", f"the canonical forms differ, and a value cannot be taken: {reason}")
        if worst > 1e-9:
            return Check("refuted", f"the values differ by {worst:.1e}")
        how = "moments without a name by quadrature, " if unnamed else "not proved, the canonical forms differ; "
        return Check("evaluated", f"{how}equal at {points} points, worst {worst:.0e}", worst, points)

    def at_once(self) -> Tree:
        """Return the moment taken in one go, through joint cumulants: another path than that of the lines."""
        return taken(self.question, self.laws)

    def closed(self) -> Tree:
        """Return the result, or what joint cumulants make of the question where a moment without a name is left."""
        return self.at_once() if _unnamed(self.result) else self.result

    def claim_at(self, tree: Tree) -> Tree:
        """Return a claim at the question's own indices, every other one with its range."""
        tree = substitute(tree, indices={i: Ix(j) for i, j in self.indices.items()})
        free = tuple(free_indices(tree))
        own, made = typed("the claim", free, tree)
        return substitute(made, indices={i: Ix(j) for i, j in zip(own, free, strict=True)})

    def equals(self, claim: Any) -> Check:
        """Return whether the result equals a formula that was typed separately, for all sizes.

        The moment is worked out once more, in one go through joint cumulants: another path than that of the lines.
        """
        tree = self.claim_at(claim if isinstance(claim, Tree) else from_sympy(sympy.sympify(claim, strict=True)))
        check = self._compared(self.at_once(), tree)
        if check.verdict == "refuted":
            return Check("refuted", f"{text(self.result)} against {text(tree)}: {check.detail}", check.worst)
        return check

    def solved(self, unknown: Any, equals: Any) -> Any:
        """Return the positive value of a symbol at which the moment equals something.

        Raises:
            MomentError: there is no positive solution, or more than one.
        """
        found = [
            sympy.simplify(s)
            for s in sympy.solve(sympy.Eq(self.value, equals), unknown)
            if s.is_positive is not False and s.is_real is not False
        ]
        found = [s for s in found if s != 0]
        if len(found) != 1:
            count = "no positive solution" if not found else f"{len(found)} solutions"
            raise MomentError(f"{text(self.result)} = {equals} has {count} for {unknown}.")
        return found[0]

    # -- showing ---------------------------------------------------------------------------------------------------

    @cached_property
    def _title(self) -> str:
        return f"$\\displaystyle {latex(self.question, letters=named(self.question))}$"

    def table(self, *, checked: bool = True) -> StepTable:
        """Return the lines as a table of a document."""
        checks: list[tuple[Any, str]] = []
        if checked:
            checks = [(c.verdict, c.detail if n else "") for n, c in enumerate(self.checks())]
        return StepTable(step_rows(self.steps, checks))

    def blocks(self) -> tuple[Block, ...]:
        """Return the lines and the assumptions they rest on."""
        out: list[Block] = [self.table()]
        if self.assumptions:
            out.append(Prose("Assumed, not derived: " + "; ".join(self.assumptions) + "."))
        return tuple(out)

    def document(self) -> Document:
        """Return the derivation as a page."""
        laws = ", ".join(f"{t.name}: {law.name}" for t, law in self.laws.items())
        last = self.result
        end = Formula(latex(last, letters=named(last)), "the result")
        return Document(self._title, f"laws: {laws}", (*self.blocks(), end))

    def text(self) -> str:
        """Return the derivation for a terminal."""
        return terminal(self.document())

    def html(self) -> str:
        """Return the derivation as a self-contained page."""
        return html(self.document())

    def _repr_html_(self) -> str:
        return notebook(self.document())

    def __repr__(self) -> str:
        checks = self.checks()[1:]
        proved = sum(c.verdict == "proved" for c in checks)
        tail = f"\n  assumed: {'; '.join(self.assumptions)}" if self.assumptions else ""
        return (
            f"{text(self.question)} = {text(self.result)}\n  {len(self.steps)} lines, {proved} of {len(checks)} "
            f"proved; .text() shows them{tail}"
        )

    # -- numbers -----------------------------------------------------------------------------------------------------

    def sampled(
        self, sizes: Mapping[Any, int] | None = None, scalars: Mapping[Any, float] | None = None, *,
        draws: int = 100_000, seed: int = 0,
    ) -> Sampled:  # fmt: skip
        """Return what a seeded sample says of the moment, at sizes and scalars; those left out are chosen.

        Args:
            sizes: numbers for sizes, by symbol.
            scalars: numbers for other symbols.
            draws: how many.
            seed: of the generator.

        Raises:
            MomentError: a law cannot be drawn from.
        """
        return Trial(self, {**dict(sizes or {}), **dict(scalars or {})}).sampled(draws, seed)

    def by_quadrature(self, values: Mapping[Any, float] | None = None) -> Check:
        """Compare the result with quadrature over all random entries at once, at a few small sizes.

        A product of one Gauss rule per entry, on the expression itself. Where a law leaves something open it is tried
        at several that it holds of. *Evaluated* is agreement to 1e-10 of the value.
        """
        return by_quadrature(self, values)

    def by_sample(self, values: Mapping[Any, float] | None = None, *, draws: int = 100_000) -> Check:
        """Compare the result with a seeded sample of the expression itself, within four standard errors."""
        try:
            return Trial(self, values).sampled(draws).check
        except (SymnnError, ArithmeticError, ValueError, TypeError) as reason:
            return Check("not run", str(reason) or type(reason).__name__)


def _leaves(tree: Tree) -> set[Tensor]:
    found: set[Tensor] = set()

    def go(t: Tensor) -> None:
        if t not in found:
            found.add(t)
            for a in t.definition.args if t.definition is not None else ():
                go(a)

    for t in tensors_in(tree):
        go(t)
    return found


def _unnamed(tree: Tree) -> bool:
    return any(isinstance(t, Fn) and t.name in ("E", "Var", "Cov") for t in walk(tree))


def _asked(kind: str, expressions: Sequence[Any], laws: Mapping[Tensor, Law], assuming: Sequence[str]) -> Moment:
    for t, law in laws.items():
        if not isinstance(t, Tensor) or not isinstance(law, Law):
            raise DefinitionError("laws= gives a law, such as laws.gaussian(1), to each random tensor.")
    trees = [e if isinstance(e, Tree) else from_sympy(e) for e in expressions]
    for t in laws:
        hidden = [a for a in laws if a is not t and t.definition is not None and a in _leaves(_entry(t))]
        if hidden and not assuming:
            raise MomentError(
                f"{t.name} is computed from {', '.join(a.name for a in hidden)}, so they are not independent. Give the "
                f"law of one of them only, or say that it is an assumption: assuming=('{t.name} is independent of "
                f"{hidden[0].name}',)."
            )
    loose = tuple(dict.fromkeys(i for t in trees for i in free_indices(t)))
    free, whole = typed("moment", loose, Fn("pair", tuple(trees)) if len(trees) > 1 else Fn("one", tuple(trees)))
    assert isinstance(whole, Fn)
    question = Fn(kind, whole.args)
    if not any(is_random(p, laws) for p in question.args):
        raise DefinitionError("Nothing in it is random: give laws= for the tensors that are.")
    taken(question, laws)  # what has no moments is refused here
    own = dict(zip(loose, free, strict=True))
    return Moment(question, dict(laws), lines_of(question, laws), tuple(assuming), own)


def _entry(t: Tensor) -> Tree:
    return Entry(t, (ZERO,) * t.rank)


def expectation(expression: Any, laws: Mapping[Tensor, Law], *, assuming: Sequence[str] = ()) -> Moment:
    """Return E[expression], line by line, ``expectation(a[i]**2, {W: laws.gaussian(s2), x: laws.symmetric(v)})``.

    Args:
        expression: a SymPy index expression; an index that is not summed over is any one of its range.
        laws: the law of every random tensor: its entries are independent and have this law, and different tensors
            are independent of each other. A computed tensor may be given a law too, which is an assumption.
        assuming: such assumptions in words; they are shown, and never counted as proved.

    Raises:
        MomentError: a moment is needed that a law does not know, or tensors given as independent are not.
        DefinitionError: nothing in it is random, or an index is not well formed.
    """
    return _asked("E", (expression,), laws, assuming)


def variance(expression: Any, laws: Mapping[Tensor, Law], *, assuming: Sequence[str] = ()) -> Moment:
    """Return Var(expression), line by line; see ``expectation``."""
    return _asked("Var", (expression,), laws, assuming)


def covariance(one: Any, other: Any, laws: Mapping[Tensor, Law], *, assuming: Sequence[str] = ()) -> Moment:
    """Return Cov(one, other), line by line; see ``expectation``."""
    return _asked("Cov", (one, other), laws, assuming)
