"""The gallery: textbook derivations, each executed, checked and written as a page; ``python -m symnn.gallery`` runs it.

A row types the forward definitions, asks for derivatives, and states the textbook's formulas as claims. What the
page then shows (lines, rules, results, verdicts) comes from the engine.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from symnn.algebra.matrix import NotLifted, lift
from symnn.algebra.prove import inline
from symnn.derivation import Derivation, Section, readable
from symnn.derive.steps import Derived
from symnn.graph.flow import FlowGraph
from symnn.ground.define import typed
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ONE, ZERO, Ind, Neg, Tree, free_indices, tensors_in
from symnn.show import (
    Block,
    Contents,
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
    html,
    tex,
)
from symnn.show.latex_notation import definition_latex, latex, tensor_latex
from symnn.show.letters import named
from symnn.show.matrix_notation import matrix_latex
from symnn.verify.lines import check_equal, evaluate_pair
from symnn.verify.matrices import check_lifting
from symnn.verify.points import points
from symnn.verify.record import Check
from symnn.verify.signs import check_at_least

__all__ = ["Page", "Record", "Row", "load", "main", "result_at", "write"]

#: What a page may not contain if its row is to count.
FAILED = ("refuted", "undecided", "not run", "")


@dataclass(frozen=True)
class Record:
    """One check of a page.

    Attributes:
        kind: lines, claim, values, differences, matrix or fact.
        what: what was checked, in words.
        check: how it came out.
        left, right: the two sides, where the check is a claim that they are equal.
        lines: how many lines, and how many of them are proved.
    """

    kind: str
    what: str
    check: Check
    left: Tree | None = None
    right: Tree | None = None
    lines: tuple[int, int] = (0, 0)

    def corrupted(self) -> tuple[Tree, Tree]:
        """Return the claim with its sign flipped (or 0 made 1), which a sound check must refute."""
        assert self.left is not None and self.right is not None
        return self.left, ONE if self.right == ZERO else Neg(self.right)


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
            found.append(Record("claim", against, check_equal(d.formula, tree), d.formula, tree))
            found.append(Record("values", "values", _values(d.question(), tree)))
        try:
            lifting = check_lifting(d.lifted(), readable(d.formula), d.free)
            found.append(Record("matrix", "in NumPy", replace(lifting, detail=f"{d.matrix}  ({lifting.detail})")))
        except NotLifted:
            pass
        if differences:
            found.append(Record("differences", "differences", d.difference()))
        self._judged(found)
        return d

    def _lines(self, d: Derivation) -> list[Block]:
        out: list[Block] = []
        number = 0
        for section in d.sections:
            if len(d.sections) > 1:
                out.append(Heading(section.title, 3))
            out.append(_spelled(section, number))
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

    def equal(self, what: str, left: Any, right: Any, *, lead: str = "", count: int = 3) -> Check:
        """Claim that two expressions are equal for all sizes; show the claim and its verdict.

        Args:
            what: the claim in words.
            left: one side, a SymPy index expression.
            right: the other; an index that occurs on both sides is one object.
            lead: LaTeX for the left-hand side, where it has a name shorter than its formula.
            count: at how many points it is also evaluated.
        """
        a, b = _typed(left, right)
        letters = named(Ind("=", a, b))
        shown = f"{lead or latex(a, letters=letters)} = {latex(b, letters=letters)}"
        return self._claim(what, shown, check_equal(a, b), a, b, count)

    def at_least(self, what: str, left: Any, right: Any, witness: Any, *, lead: str = "", count: int = 12) -> Check:
        """Claim that left >= right: their difference equals a witness that is nonnegative by its form."""
        difference, w = _typed(left - right, witness)
        letters = named(Ind("=", difference, w))
        shown = lead or latex(difference, letters=letters)
        shown = rf"{shown} = {latex(w, letters=letters)} \;\geq\; 0"
        return self._claim(what, shown, check_at_least(difference, w), difference, w, count)

    def _claim(self, what: str, shown: str, check: Check, left: Tree, right: Tree, count: int) -> Check:
        values = _values(left, right, count)
        self.records += [Record("claim", what, check, left, right), Record("values", "values", values)]
        self._row(what, shown, check, f"{check.detail}; {values.detail}")
        return check

    def _row(self, what: str, shown: str, check: Check, detail: str) -> None:
        """Add one statement: its formula, what it says, its verdict."""
        if _width(shown) > _WIDEST:
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
        a, b = _typed(left, right)
        letters = named(Ind("=", a, b))
        check = _everywhere(a, b, count, seed)
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
        for expression, rule in lines:
            record.then(from_sympy(expression), *((rule,) if rule else ()))
        section = Section(title, record.steps, record)
        if title:
            self.heading(title, 3)
        self.blocks.append(_spelled(section, 0))
        checks = section.checks()[1:]
        proved = sum(c.verdict == "proved" for c in checks)
        order = ("", "refuted", "not run", "undecided", "evaluated", "proved")
        weakest = min(checks, key=lambda c: order.index(c.verdict)) if checks else Check("not run", "one line only")
        text = f"{proved} of {len(checks)} lines proved equal to the one before"
        self._judged([Record("lines", "the lines", Check(weakest.verdict, text), lines=(len(checks), proved))])

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
        total = sum(r.lines[0] for r in self.records)
        proved = sum(r.lines[1] for r in self.records)
        claims = self.of_kind("claim")
        good = sum(r.check.verdict == "proved" for r in claims)
        return (
            str(total), str(proved), f"{good} of {len(claims)}" if claims else "-",
            _worst(self.of_kind("values", "fact", "matrix")), _worst(self.of_kind("differences")),
        )  # fmt: skip


_WIDEST = 48  # letters beside which a statement's words still fit


def _width(formula: str) -> int:
    """Return about how many letters wide a formula is set."""
    return len(re.sub(r"\\(?:left|right|frac|mathbb|[,;! ])|\\(?=[A-Za-z])|[{}_^ ]", "", formula))


_ABOUT_A_TENSOR = re.compile(r"(definition of|fold|insert) (.+)")


def _spelled(section: Section, start: int) -> StepTable:
    """Return a section's lines, the tensors in the names of rules written as mathematics."""
    known = {t.name: tensor_latex(t) for s in section.steps for t in tensors_in(s.tree)}

    def spelled(rule: str) -> str:
        found = _ABOUT_A_TENSOR.fullmatch(rule)
        return f"{found[1]} ${known[found[2]]}$" if found and found[2] in known else rule

    table = section.table(start=start)
    return replace(table, rows=tuple(replace(r, rules=tuple(map(spelled, r.rules))) for r in table.rows))


def result_at(d: Derivation, *at: Any) -> Any:
    """Return a derivation's result, a SymPy expression, with its free indices replaced in order."""
    return to_sympy(substitute(d.formula, indices={i: from_sympy(j) for i, j in zip(d.free, at, strict=True)}))


def _values(left: Tree, right: Tree, count: int = 3) -> Check:
    return evaluate_pair(left, right, count=count, digits=50)


def _typed(left: Any, right: Any) -> tuple[Tree, Tree]:
    """Return two sides with the ranges of their indices read from use."""
    both = Ind("=", from_sympy(left), from_sympy(right))
    _, out = typed("claim", free_indices(both), both)
    assert isinstance(out, Ind)
    return out.left, out.right


def _everywhere(left: Tree, right: Tree, count: int, seed: int) -> Check:
    graph = FlowGraph((*tensors_in(left), *tensors_in(right)))
    sides = to_sympy(left), to_sympy(right)
    least = float("inf")
    for point in points(graph, count, seed=seed):
        machine = point.interpreter(30)
        a, b = (machine.value(side) for side in sides)
        if a < b:
            where = ", ".join(f"{s}={v}" for s, v in point.sizes.items())
            return Check("refuted", f"false at {where}: {float(a):.6g} < {float(b):.6g}", points=count)
        least = min(least, float(a - b))
    return Check("evaluated", f"true at all {count} random points, closest {least:.2g} above; not proved", points=count)


def _worst(records: list[Record]) -> str:
    """Return the worst error of some checks, or the first verdict among them that is none."""
    bad = [r.check.verdict or "not run" for r in records if not r.check.holds]
    if bad:
        return bad[0]
    errors = [r.check.worst for r in records if r.check.worst is not None]
    return f"{max(errors):.0e}" if errors else "yes" if records else "-"


# -- the runner ----------------------------------------------------------------------------------------------------


def folder() -> Path:
    """Return the folder of the rows: ``derivations`` here, else beside the package."""
    here = Path("derivations")
    return here if here.is_dir() else Path(__file__).resolve().parents[1] / "derivations"


def load(rows: Path | None = None) -> dict[str, tuple[str, Row]]:
    """Return the rows of a folder by id, with their file's stem; every file ``a01_name.py`` defines ``ROW``.

    Raises:
        DefinitionError: a file has no ROW, or two files have one id.
    """
    out: dict[str, tuple[str, Row]] = {}
    for path in sorted((rows or folder()).glob("[a-z][0-9][0-9]_*.py")):
        spec = importlib.util.spec_from_file_location(f"derivations.{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        row = getattr(module, "ROW", None)
        if not isinstance(row, Row):
            raise DefinitionError(f"{path} defines no ROW. End it with ROW = Row(id, title, source, build).")
        if row.id in out:
            raise DefinitionError(f"{path} and {out[row.id][0]}.py are both row {row.id}. Give one another id.")
        out[row.id] = (path.stem, row)
    return out


HEADER = ("id", "lines", "proved", "claims", "evaluated", "differenced")


def write(rows: dict[str, tuple[str, Row]], out: Path, *, say: Callable[[str], None] = print) -> dict[str, Page]:
    """Build rows, write their pages and an index page into a folder, and return the pages by id."""
    out.mkdir(parents=True, exist_ok=True)
    pages: dict[str, Page] = {}
    say(_cells(HEADER))
    for key, (stem, row) in rows.items():
        page = pages[key] = row.build()
        document = row.document(page)
        _save(out / f"{stem}.html", html(document))
        _save(out / f"{stem}.tex", tex(document))
        say(_cells((key, *page.summary())))
    _save(out / "index.html", html(_index(rows, pages)))
    return pages


def _index(rows: dict[str, tuple[str, Row]], pages: dict[str, Page]) -> Document:
    lines = tuple((k, rows[k][1].title, *p.summary()) for k, p in pages.items())
    table = VerdictTable((HEADER[0], "derivation", *HEADER[1:]), lines)
    return Document(
        "Gallery",
        f"{len(pages)} derivations, derived and checked by machine",
        (
            Prose(
                "On every page only the forward definitions were typed in. Each line applies the rule that stands "
                "beside it and is compared with the line before; each result is compared with the textbook's formula, "
                "typed separately as a claim."
            ),
            Contents(tuple((f"{k}  {rows[k][1].title}", f"{rows[k][0]}.html") for k in pages)),
            Heading("What was checked", 2),
            Prose(
                "Proved: lines with one canonical form for all sizes. Claims: textbook formulas proved equal to the "
                "result. Evaluated: worst error of values in 50 digits and of matrix forms in float64. "
                "Differenced: worst error against differences of the interpreted function."
            ),
            table,
        ),
    )


def _cells(cells: Sequence[str]) -> str:
    widths = (4, 6, 7, 9, 10, 12)
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def _save(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def chosen(rows: dict[str, tuple[str, Row]], wanted: Iterable[str]) -> dict[str, tuple[str, Row]]:
    """Return some rows by id, or all of them.

    Raises:
        UnknownNameError: there is no such row.
    """
    names = [w.upper() for w in wanted]
    for name in names:
        if name not in rows:
            raise UnknownNameError(name, rows, "row of the gallery")
    return {k: v for k, v in rows.items() if not names or k in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gallery from the shell; exit status 1 if a check is refuted, undecided or was not run."""
    parser = argparse.ArgumentParser(prog="python -m symnn.gallery", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ID", help="rows such as A4; all of them by default")
    parser.add_argument("--out", type=Path, default=Path("build/gallery"), help="folder to write to")
    parser.add_argument("--from", dest="folder", type=Path, default=None, help="folder of the rows")
    options = parser.parse_args(arguments)
    try:
        rows = chosen(load(options.folder), options.rows)
    except UnknownNameError as error:
        print(error, file=sys.stderr)
        return 2
    pages = write(rows, options.out)
    failed = 0
    for key, page in pages.items():
        for r in page.records:
            if r.check.verdict in FAILED or (r.kind == "claim" and r.check.verdict != "proved"):
                print(f"{key}: {r.what}: {r.check}", file=sys.stderr)
        failed += len(page.failures)
    print(f"open {options.out / 'index.html'}")
    return 1 if failed or not pages else 0


if __name__ == "__main__":
    # The rows import Row from here: run the module they import, not a second copy of it.
    from symnn.gallery import main as run

    sys.exit(run())
