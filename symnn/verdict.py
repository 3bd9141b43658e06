"""Verdict: what a set of checks says, in words; only what it says counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from symnn.show import Document, VerdictTable, html, notebook, terminal
from symnn.verify.record import Check

__all__ = ["Verdict"]


@dataclass(frozen=True)
class Verdict:
    """The outcome of checking something, with every check that ran or did not.

    Attributes:
        subject: what was checked.
        word: right, wrong, or cannot tell.
        checks: by name ("claim", "lines", "differences", ...).
        reason: one sentence.
    """

    subject: str
    word: str
    checks: dict[str, Check] = field(default_factory=dict)
    reason: str = ""

    def __bool__(self) -> bool:
        return self.word == "right"

    @property
    def proved(self) -> bool:
        """There is a proof against something typed separately, or by another path."""
        judged_by = [self.checks["claim"]] if "claim" in self.checks else self.checks.values()
        return any(c.verdict == "proved" for c in judged_by) and self.word == "right"

    def document(self) -> Document:
        """Return the verdict as a page."""
        rows = tuple((name, c.verdict, c.detail) for name, c in self.checks.items())
        return Document(self.subject, f"{self.word}: {self.reason}", (VerdictTable(("check", "verdict", "how"), rows),))

    def __str__(self) -> str:
        head = f"{self.subject}   {self.word}      {self.reason}"
        lines = [f"    {name:14} {c}" for name, c in self.checks.items()]
        return "\n".join((head, *lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return notebook(self.document())

    def html(self) -> str:
        """Return the verdict as a self-contained page."""
        return html(self.document())

    def text(self) -> str:
        """Return the verdict for a terminal."""
        return terminal(self.document())


def judged(subject: str, checks: dict[str, Check], *, need: tuple[str, ...] = ()) -> Verdict:
    """Return a verdict: wrong if any check refutes, right if every needed one holds, else cannot tell."""
    refuted = [n for n, c in checks.items() if c.verdict == "refuted"]
    if refuted:
        return Verdict(subject, "wrong", checks, checks[refuted[0]].detail)
    missing = [n for n in (need or tuple(checks)) if not checks[n].holds]
    if missing or not checks:
        why = checks[missing[0]] if missing else Check("not run", "nothing was checked")
        return Verdict(subject, "cannot tell", checks, f"{missing[0] if missing else 'nothing'}: {why}")
    proved = [n for n, c in checks.items() if c.verdict == "proved"]
    return Verdict(subject, "right", checks, f"proved: {', '.join(proved)}" if proved else "equal in value only")
