"""A row of the gallery and its page in the making.

A row types the forward definitions, asks for derivatives, and states the textbook's formulas as claims. What the
page then shows (lines, rules, results, verdicts) comes from the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from symnn.algebra.matrix import NotLifted, lift
from symnn.algebra.prove import inline
from symnn.claim import prove_equal
from symnn.derivation import Derivation, readable
from symnn.derive.steps import Derived
from symnn.equality import Equality
from symnn.gallery.evaluated import WIDEST, seen_everywhere, typed_chain, typed_sides, values_at, width
from symnn.gallery.records import FAILED, Record, Result, summary, weakest
from symnn.graph.flow import FlowGraph
from symnn.ground.indices import Index
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Ind, Tree, tensors_in
from symnn.section import Section
from symnn.show import (
    Block,
    Document,
    Fold,
    Formula,
    Heading,
    Picture,
    Prose,
    StepRow,
    StepTable,
    Table,
    VerdictTable,
)
from symnn.show.latex_notation import definition_latex, latex, tensor_latex
from symnn.show.letters import named
from symnn.show.matrix_notation import matrix_latex
from symnn.theory.moment import Moment
from symnn.theory.panels import Raw, compared
from symnn.verify.lines import check_equal
from symnn.verify.matrices import check_lifting
from symnn.verify.record import Check
from symnn.verify.signs import check_at_least

__all__ = ["Page", "Row"]


@dataclass(frozen=True)
class Row:
    """One row of the gallery: ``build`` types the forward definitions and the claims, and returns the page."""

    id: str
    title: str
    source: str
    build: Callable[[], Page]

    def document(self, page: Page) -> Document:
        """Return the finished page."""
        blocks = (*page.blocks, Prose(f"Source: {self.source}."))
        return Document(self.title, f"Gallery {self.id}; {page.subtitle}", blocks)


@dataclass
class Page:
    """A page in the making: what is shown, and the record of every check on it."""

    subtitle: str = "for any sizes"
    blocks: list[Block] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    _statements: int = 0

    # -- words and pictures ----------------------------------------------------------------------------------------

    def prose(self, text: str) -> None:
        """Add a paragraph; mathematics stands between dollars."""
        self.blocks.append(Prose(" ".join(text.split())))

    def heading(self, text: str, level: int = 1) -> None:
        """Add a heading."""
        self.blocks.append(Heading(text, level))

    def formula(self, formula: str, label: str = "") -> None:
        """Add a displayed formula in LaTeX."""
        self.blocks.append(Formula(formula, label))

    def given(self, *tensors: Tensor, words: Sequence[str] = ()) -> None:
        """Add the definitions of tensors, with a few words beside each."""
        for n, t in enumerate(tensors):
            self.blocks.append(Formula(definition_latex(t), words[n] if n < len(words) else ""))

    def picture(self, svg: str, caption: str) -> None:
        """Add a picture."""
        self.blocks.append(Picture(svg, caption))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add a table."""
        self.blocks.append(Table(tuple(header), tuple(tuple(r) for r in rows)))

    # -- derivations -----------------------------------------------------------------------------------------------

    def derive(
        self, d: Derivation, *, claim: Any = None, against: str = "the textbook's formula", folded: str = "",
        lead: str = "", differences: bool = True,
    ) -> Derivation:  # fmt: skip
        """Show a derivation's lines, its result and its checks.

        Args:
            d: the derivation.
            claim: the expected result, typed separately: an expression in the derivation's free indices, a function
                of them, or a tensor from define(); definitions that only the claim uses are shown beside it.
            against: what the claim is called.
            folded: a summary under which the lines are folded away.
            lead: LaTeX for the left-hand side of the vector or matrix form, if not the usual one.
            differences: also compare with differences; only ever left out where something else compares them.
        """
        lines = self._lines(d)
        self.blocks.extend((Fold(folded, tuple(lines)),) if folded else lines)
        found = [self._line_record(d)]
        self._result(d, lead, shown=len(d.sections) == 1 and not folded)
        if claim is not None:
            tree = d.as_tree(claim)
            self._claim_formulas(d, claim, tree)
            self.results.append(Result(self._last_heading(), d, tree))
            found.append(Record("claim", against, check_equal(d.formula, tree), d.formula, tree))
            found.append(Record("values", "values", values_at(d.question(), tree)))
        try:
            lifting = check_lifting(d.lifted(), readable(d.formula), d.free)
            found.append(Record("matrix", "in NumPy", replace(lifting, detail=f"{d.matrix}  ({lifting.detail})")))
        except NotLifted:
            pass
        if differences:
            found.append(Record("differences", "differences", d.difference(count=4)))
        self._judged(found)
        return d

    def moment(
        self, m: Moment, *, claim: Any = None, against: str = "the textbook's formula",
        sample: Mapping[Any, float] | None = None, draws: int = 100_000, folded: str = "",
    ) -> Moment:  # fmt: skip
        """Show the lines of an expectation or a variance, what is assumed, and its checks.

        Args:
            m: the moment.
            claim: the expected result, typed separately: an expression in sizes and scalars.
            against: what the claim is called.
            sample: numbers for sizes and scalars, by symbol, at which a seeded sample is drawn; others are chosen.
            draws: how many.
            folded: a summary under which the lines are folded away.
        """
        blocks = m.blocks()
        self.blocks.extend((Fold(folded, blocks),) if folded else blocks)
        checks = m.checks()[1:]
        proved = sum(c.verdict == "proved" for c in checks)
        said = f"{proved} of {len(checks)} lines proved equal to the one before, through joint cumulants"
        found = [Record("lines", "the lines", Check(weakest(checks).verdict, said), lines=(len(checks), proved))]
        if claim is not None:
            tree = from_sympy(sympy.sympify(claim, strict=True))
            found.append(Record("claim", against, m.equals(claim), m.closed(), m.claim_at(tree)))
        found.append(Record("values", "quadrature", m.by_quadrature(_scalars(sample))))
        found.append(Record("values", "a sample", m.by_sample(sample, draws=draws)))
        self._judged(found)
        return m

    def moment_of(
        self, what: str, m: Moment, claim: Any, *, lead: str = "", sample: Mapping[Any, float] | None = None,
        draws: int = 100_000,
    ) -> Any:  # fmt: skip
        """Claim what a moment is, taken in one go through joint cumulants, without lines; return it as an expression.

        Args:
            what: the claim in words.
            m: the moment.
            claim: the expected result, typed separately.
            lead: LaTeX for the left-hand side.
            sample: as for ``moment``.
            draws: as for ``moment``.
        """
        value = to_sympy(m.at_once())
        self.equal(what, value, claim, lead=lead)
        self._judged([Record("values", "quadrature", m.by_quadrature(_scalars(sample))),
                      Record("values", "a sample", m.by_sample(sample, draws=draws))])  # fmt: skip
        return value

    def integrals(self, what: str, *pairs: tuple[Raw, Any]) -> None:
        """Record how derived Gaussian integrals compare with quadrature of the raw expressions, and with samples."""
        panels, sample = compared(pairs)
        self._judged([Record("values", f"{what}: quadrature", panels), Record("values", f"{what}: a sample", sample)])

    def _last_heading(self) -> str:
        """Return the heading that a derivation stands under, those of its own sections left out."""
        return next((b.text for b in reversed(self.blocks) if isinstance(b, Heading) and b.level < 3), "")

    def _lines(self, d: Derivation) -> list[Block]:
        out: list[Block] = []
        number = 0
        for section in d.sections:
            if len(d.sections) > 1:
                out.append(Heading(section.title, 3))
            out.append(section.table(start=number))
            number += len(section.steps)
        return out

    def _line_record(self, d: Derivation) -> Record:
        checks = [c for s in d.sections for c in s.checks()[1:]]
        proved = sum(c.verdict == "proved" for c in checks)
        return Record("lines", "the lines", d.check_steps(), lines=(len(checks), proved))

    def _result(self, d: Derivation, lead: str, *, shown: bool) -> None:
        """Add the result where the last line does not show it already, and its matrix form."""
        letters = named(d.formula, free=d.free)
        plain = latex(d.formula, letters=letters)
        if not shown:
            self.formula(f"{d.left_latex(letters)} = {plain}", "result")
        try:
            d.lifted()
        except NotLifted:
            return
        if d.free and d.matrix_latex != plain:
            kind = "vector form" if len(d.free) == 1 else "matrix form"
            self.formula(f"{lead or d.whole_latex()} = {d.matrix_latex}", kind)

    def _claim_formulas(self, d: Derivation, claim: Any, tree: Tree) -> None:
        """Add the claim as it was typed, with what is defined for it alone."""
        known = set(d.given) | set(FlowGraph((d.output,) if d.output is not None else d.given).order)
        own = [t for t in FlowGraph(tensors_in(tree)).order if t.definition is not None and t not in known]
        if isinstance(claim, Tensor):
            own = [t for t in own if t is not claim]
            self.formula(definition_latex(claim), "claimed")
        else:
            letters = named(tree, free=d.free)
            self.formula(f"{d.left_latex(letters)} = {latex(tree, letters=letters)}", "claimed")
        for t in own:
            if t.role == "value":
                self.formula(definition_latex(t), "with")

    def _judged(self, found: list[Record]) -> None:
        self.records.extend(found)
        rows = tuple((r.what, r.check.verdict, r.check.detail) for r in found)
        self.blocks.append(VerdictTable(("checked", "verdict", "how"), rows))

    # -- claims without a derivation -------------------------------------------------------------------------------

    def declared(self, *facts: tuple[Any, Any], words: Sequence[str] = ()) -> list[tuple[Any, Any]]:
        """Show facts that are declared and not proved, pairs of equal expressions; return them for ``equal``."""
        for n, (left, right) in enumerate(facts):
            a, b = typed_sides(left, right)
            letters = named(Ind("=", a, b))
            shown = f"{latex(a, letters=letters)} = {latex(b, letters=letters)}"
            self.formula(shown, words[n] if n < len(words) else "declared")
        return list(facts)

    def equal(
        self, what: str, left: Any, right: Any, *, lead: str = "", count: int = 4, given: Sequence[Any] = ()
    ) -> Check:  # fmt: skip
        """Claim that two expressions are equal for all sizes; show the claim and its verdict.

        Args:
            what: the claim in words.
            left: one side, a SymPy index expression.
            right: the other; an index that occurs on both sides is one object.
            lead: LaTeX for the left-hand side, where it has a name shorter than its formula.
            count: at how many points it is also evaluated.
            given: declared facts that the proof may use, as ``prove_equal`` takes them.
        """
        a, b = typed_sides(left, right)
        letters = named(Ind("=", a, b))
        shown = f"{lead or latex(a, letters=letters)} = {latex(b, letters=letters)}"
        if given:
            return self._under_facts(what, shown, prove_equal(left, right, given=given), tuple(given))
        return self._claim(what, shown, check_equal(a, b), a, b, count)

    def _under_facts(self, what: str, shown: str, found: Equality, given: tuple[Any, ...]) -> Check:
        parts = [found.detail, f"given {', '.join(found.facts)}"]
        parts += [f"assumed {', '.join(found.conditions)}"] if found.conditions else []
        check = Check(found.verdict, "; ".join(parts), found.worst, found.points)
        self.records.append(Record("claim", what, check, found.left, found.right, given=given))
        self._row(what, shown, check, check.detail)
        return check

    def at_least(self, what: str, left: Any, right: Any, witness: Any, *, lead: str = "", count: int = 12) -> Check:
        """Claim that left >= right: their difference equals a witness that is nonnegative by its form."""
        difference, w = typed_sides(left - right, witness)
        letters = named(Ind("=", difference, w))
        shown = lead or latex(difference, letters=letters)
        shown = rf"{shown} = {latex(w, letters=letters)} \;\geq\; 0"
        return self._claim(what, shown, check_at_least(difference, w), difference, w, count)

    def _claim(self, what: str, shown: str, check: Check, left: Tree, right: Tree, count: int) -> Check:
        values = values_at(left, right, count)
        self.records += [Record("claim", what, check, left, right), Record("values", "values", values)]
        self._row(what, shown, check, f"{check.detail}; {values.detail}")
        return check

    def _row(self, what: str, shown: str, check: Check, detail: str) -> None:
        """Add one statement: its formula, what it says, its verdict."""
        if width(shown) > WIDEST:
            self.formula(shown)
            self.blocks.append(VerdictTable(("checked", "verdict", "how"), ((what, check.verdict, detail),)))
            return
        self._statements += 1
        verdict: Any = check.verdict
        self.blocks.append(StepTable((StepRow(self._statements, shown, (what,), detail, verdict, ""),)))

    def seen_at_least(
        self, what: str, left: Any, right: Any, *, count: int = 40, seed: int = 3, shown: str = ""
    ) -> Check:
        """Evaluate left >= right at random points, where there is no proof; true at all of them is *evaluated*."""
        a, b = typed_sides(left, right)
        letters = named(Ind("=", a, b))
        check = seen_everywhere(a, b, count, seed)
        self.records.append(Record("fact", what, check))
        shown = shown or rf"{latex(a, letters=letters)} \;\geq\; {latex(b, letters=letters)}"
        self._row(what, shown, check, check.detail)
        return check

    def observed(self, what: str, true: bool, how: str) -> Check:
        """Record an exact comparison of things that were computed, such as two orders of a graph."""
        check = Check("evaluated" if true else "refuted", how, points=1)
        earlier = self.blocks.pop() if self.blocks and isinstance(self.blocks[-1], VerdictTable) else None
        self._judged([Record("fact", what, check)])
        if isinstance(earlier, VerdictTable):
            mine = self.blocks.pop()
            assert isinstance(mine, VerdictTable)
            self.blocks.append(replace(mine, rows=(*earlier.rows, *mine.rows)))
        return check

    def matrix(self, what: str, tensor: Tensor) -> None:
        """Show a computed tensor, everything below it opened, in matrix notation, and check that form by values."""
        free = tuple(Index(letter, s) for letter, s in zip(tensor.letters, tensor.shape, strict=True))
        tree: Tree = entry_of(tensor, free)
        while computed := frozenset(t for t in tensors_in(tree) if t.definition is not None):
            tree = inline(tree, computed)
        lifted = lift(tree, free)
        check = check_lifting(lifted, tree, free)
        self.records.append(Record("matrix", what, check))
        self._row(what, f"{tensor_latex(tensor)} = {matrix_latex(lifted)}", check, check.detail)

    def steps(self, *lines: tuple[Any, str], title: str = "") -> None:
        """Show a chain of equal expressions typed with their reasons, each proved equal to the one before."""
        record = Derived()
        for tree, (_, rule) in zip(typed_chain([e for e, _ in lines]), lines, strict=True):
            record.then(tree, *((rule,) if rule else ()))
        section = Section(title, record.steps, record)
        if title:
            self.heading(title, 3)
        self.blocks.append(section.table())
        checks = section.checks()[1:]
        proved = sum(c.verdict == "proved" for c in checks)
        text = f"{proved} of {len(checks)} lines proved equal to the one before"
        self._judged([Record("lines", "the lines", Check(weakest(checks).verdict, text), lines=(len(checks), proved))])

    # -- what came out ---------------------------------------------------------------------------------------------

    def of_kind(self, *kinds: str) -> list[Record]:
        """Return the records of some kinds."""
        return [r for r in self.records if r.kind in kinds]

    @property
    def failures(self) -> list[Record]:
        """The checks that were refuted, left undecided or did not run."""
        return [r for r in self.records if r.check.verdict in FAILED]

    def summary(self) -> tuple[str, ...]:
        """Return lines, proved lines, proved claims, worst evaluation, worst difference, as text."""
        return summary(self.records)


def _scalars(sample: Mapping[Any, float] | None) -> dict[Any, float]:
    """Return the numbers that are no sizes: quadrature chooses small sizes itself."""
    return {k: v for k, v in (sample or {}).items() if not k.is_integer}
