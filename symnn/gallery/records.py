"""The record of one check of a page, and how several of them sum up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symnn.derivation import Derivation
from symnn.ground.tree import ONE, ZERO, Neg, Tree
from symnn.verify.record import Check

__all__ = ["FAILED", "Record", "Result", "summary", "weakest", "worst"]

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
        given: the declared facts that a claim rests on.
    """

    kind: str
    what: str
    check: Check
    left: Tree | None = None
    right: Tree | None = None
    lines: tuple[int, int] = (0, 0)
    given: tuple[Any, ...] = ()

    def corrupted(self) -> tuple[Tree, Tree]:
        """Return the claim with its sign flipped (or 0 made 1), which a sound check must refute."""
        assert self.left is not None and self.right is not None
        return self.left, ONE if self.right == ZERO else Neg(self.right)


@dataclass(frozen=True)
class Result:
    """A derivation's result beside the textbook's formula, as it was typed for the claim, and under which heading."""

    heading: str
    derivation: Derivation
    claim: Tree


def weakest(checks: Sequence[Check]) -> Check:
    """Return the check that says least of some lines' checks."""
    order = ("", "refuted", "not run", "undecided", "evaluated", "proved")
    return min(checks, key=lambda c: order.index(c.verdict)) if checks else Check("not run", "one line only")


def worst(records: Sequence[Record]) -> str:
    """Return the worst error of some checks, or the first verdict among them that is none."""
    bad = [r.check.verdict or "not run" for r in records if not r.check.holds]
    if bad:
        return bad[0]
    errors = [r.check.worst for r in records if r.check.worst is not None]
    return f"{max(errors):.0e}" if errors else "yes" if records else "-"


def summary(records: Sequence[Record]) -> tuple[str, ...]:
    """Return lines, proved lines, proved claims, worst evaluation, worst difference, as text."""
    total = sum(r.lines[0] for r in records)
    proved = sum(r.lines[1] for r in records)
    claims = [r for r in records if r.kind == "claim"]
    good = sum(r.check.verdict == "proved" for r in claims)
    return (
        str(total), str(proved), f"{good} of {len(claims)}" if claims else "-",
        worst([r for r in records if r.kind in ("values", "fact", "matrix")]),
        worst([r for r in records if r.kind == "differences"]),
    )  # fmt: skip
