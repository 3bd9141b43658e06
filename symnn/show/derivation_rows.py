"""A derivation's steps as the rows of a document's table."""

from __future__ import annotations

from collections.abc import Sequence

from symnn.derive.steps import Derived
from symnn.show.document import StepRow, Verdict
from symnn.show.latex_notation import latex
from symnn.show.letters import named
from symnn.show.text_notation import text

__all__ = ["step_rows"]


def step_rows(derived: Derived, checks: Sequence[tuple[Verdict, str]] = ()) -> tuple[StepRow, ...]:
    """Return one row per step, numbered from 1.

    Args:
        derived: the derivation.
        checks: (verdict, how it was checked) per step; steps beyond its end carry none.
    """
    rows = []
    for n, step in enumerate(derived.steps):
        letters = named(step.tree)
        verdict, check = checks[n] if n < len(checks) else ("", "")
        rows.append(
            StepRow(
                number=n + 1,
                latex=latex(step.tree, letters=letters),
                rules=tuple(rule.replace("$", r"\$") for rule in step.rules),
                check=check,
                verdict=verdict,
                text=text(step.tree, letters=letters),
            )
        )
    return tuple(rows)
