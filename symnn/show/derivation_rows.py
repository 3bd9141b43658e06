"""A derivation's steps as the rows of a document's table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from symnn.derive.steps import Step
from symnn.ground.tensors import Tensor
from symnn.ground.tree import tensors_in
from symnn.show.document import StepRow, Verdict
from symnn.show.latex_notation import latex, tensor_latex
from symnn.show.letters import named
from symnn.show.names import tensor_text
from symnn.show.text_notation import text

__all__ = ["step_rows"]


def step_rows(
    steps: Sequence[Step], checks: Sequence[tuple[Verdict, str]] = (), *, start: int = 0, plain: bool = False
) -> tuple[StepRow, ...]:
    """Return one row per step, numbered on from ``start``.

    Args:
        steps: the lines.
        checks: (verdict, how it was checked) per step; steps beyond its end carry none.
        start: the number of lines before.
        plain: the rules name tensors in the letters of a terminal.
    """
    write = _plain if plain else _set
    names = {t.name: write(t) for step in steps for t in tensors_in(step.tree)}
    rows = []
    for n, step in enumerate(steps):
        letters = named(step.tree)
        verdict, check = checks[n] if n < len(checks) else ("", "")
        rows.append(
            StepRow(
                number=start + n + 1,
                latex=latex(step.tree, letters=letters),
                rules=tuple(_rule(rule, names) for rule in step.rules),
                check=check,
                verdict=verdict,
                text=text(step.tree, letters=letters),
            )
        )
    return tuple(rows)


def _set(tensor: Tensor) -> str:
    return f"${tensor_latex(tensor)}$"


def _plain(tensor: Tensor) -> str:
    return tensor_text(tensor).replace("$", r"\$")


def _rule(rule: str, names: Mapping[str, str]) -> str:
    """Return a rule's name as a document's text, a tensor's name in it set as in the formulas."""
    found = re.fullmatch(r"(definition of|fold|insert) (.+)", rule, re.DOTALL)
    if found is not None and found[2] in names:
        return f"{found[1]} {names[found[2]]}"
    return rule.replace("$", r"\$")
