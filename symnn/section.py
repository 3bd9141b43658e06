"""Section: the lines that derive one adjoint, or one way it is reached, and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from symnn.derive.steps import Derived, Step
from symnn.ground.tree import Tree
from symnn.show import (
    StepTable,
)
from symnn.show.derivation_rows import step_rows
from symnn.verify.lines import check_equal, check_lines
from symnn.verify.record import Check

__all__ = ["Section"]


@dataclass
class Section:
    """Part of a derivation: one adjoint, or one way it is reached.

    Attributes:
        title: what is derived here, with mathematics between dollars.
        steps: the lines.
        source: the same lines over formal sizes, where values are taken (an actual size may be large).
        plain: the title in the letters of a terminal.
        gives: the formula that the last line has to equal, where this section ends the derivation of an adjoint.
        memo: checks worked out, shared by all derivations of one adjoint graph.
    """

    title: str
    steps: list[Step]
    source: Derived | None = None
    plain: str = ""
    gives: Tree | None = None
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    def checks(self, *, evaluate: bool = False) -> list[Check]:
        """Return one check per line: the very lines that are shown are proved, values are taken at small sizes."""
        found: list[Check] | None = self.memo.get(evaluate)
        if found is None:
            found = self.memo[evaluate] = check_lines(self.steps, evaluate=evaluate, source=self.source)
        return found

    def end(self) -> Check | None:
        """Return whether the last line equals the result it stands for, or None where there is nothing to compare."""
        if self.gives is None:
            return None
        if "end" not in self.memo:
            self.memo["end"] = check_equal(self.steps[-1].tree, self.gives)
        found: Check = self.memo["end"]
        return found

    def table(self, *, checked: bool = True, start: int = 0, plain: bool = False) -> StepTable:
        """Return the lines as a table of a document, numbered on from ``start``; ``plain`` is for a terminal."""
        checks: list[tuple[Any, str]] = []
        if checked:
            checks = [(c.verdict, c.detail if n else "") for n, c in enumerate(self.checks())]
        return StepTable(step_rows(self.steps, checks, start=start, plain=plain))
