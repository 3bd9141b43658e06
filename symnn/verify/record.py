"""Check: the record of one check that did run, or says that it did not."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        verdict: proved, evaluated, differenced, refuted, undecided or not run; only what it says counts.
        detail: one sentence: against what, at how many points, with which conditions.
        worst: the worst error seen, relative to the largest entry, or None.
        points: at how many points it was evaluated.
    """

    verdict: str
    detail: str = ""
    worst: float | None = None
    points: int = 0

    @property
    def holds(self) -> bool:
        """The check ran and found no fault."""
        return self.verdict in ("proved", "evaluated", "differenced")

    def __str__(self) -> str:
        return f"{self.verdict}: {self.detail}" if self.detail else self.verdict
