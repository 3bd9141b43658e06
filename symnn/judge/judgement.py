"""Judgement: what was found about somebody's gradient, in words; it shows itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symnn.ground.errors import DefinitionError
from symnn.show import Document, Formula, Prose, Table, VerdictTable, html, notebook, terminal

__all__ = ["CANNOT", "HINTS", "NUMERICALLY", "PROVED", "WRONG", "Diagnosis", "Judgement", "Seen"]

PROVED, NUMERICALLY, WRONG, CANNOT = "proved equal", "equal numerically", "wrong", "cannot tell"
#: How much a judgement says where it must not give the answer away: each says what the one before does, and more.
HINTS = ("verdict", "place", "kind", "diagnosis")


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong, found by trying it: with it, the true gradient becomes the one that was given.

    Attributes:
        kind: one word, such as sign, factor, transpose, path; ``KINDS`` in diagnose.py lists them.
        sentence: what is wrong.
        where: the part of the formula that it concerns, as text, or nothing.
        mended: the formula that was given with this put right, where it is a typed one and one change does it.
    """

    kind: str
    sentence: str
    where: str = ""
    mended: str = ""


@dataclass(frozen=True)
class Seen:
    """Where two gradients differ: sizes, entries of what is small enough to show, the place, and both values."""

    sizes: dict[str, Any]
    entries: dict[str, Any]
    position: str
    expected: str
    got: str

    def where(self) -> str:
        """Return the sizes and the place in words."""
        parts = [", ".join(f"{k}={v}" for k, v in self.sizes.items()), self.position]
        return "; ".join(p for p in parts if p)


@dataclass(frozen=True)
class Judgement:
    """The outcome of judging a gradient; true as a condition only if it was found right.

    Attributes:
        subject: the tensor by which was differentiated.
        verdict: "proved equal" (for all sizes), "equal numerically", "wrong" or "cannot tell".
        reason: how it was found, or why not, in one sentence.
        true: the true gradient as text, ``where`` the named gradients in it, (name, formula).
        yours: the gradient that was judged, as text; empty where it is code.
        diagnosis: what is wrong, the simplest explanation first in the order of its parts.
        seen: where the two differ.
        convention: where they differ only at a kink, which one.
        notes: how the candidate was read, what hides the fault, and the like.
        conditions: what a proof assumes.
        worst: the worst error, relative to the largest entry, and ``bound``, up to which that is rounding.
        points: at how many points values were compared.
        formulas: LaTeX of both sides, "true" and "yours".
        page: the gallery's row that derives the true gradient, where there is one.
        hidden: what would give the answer away is left out.
    """

    subject: str
    verdict: str
    reason: str = ""
    true: str = ""
    where: tuple[tuple[str, str], ...] = ()
    yours: str = ""
    diagnosis: tuple[Diagnosis, ...] = ()
    seen: Seen | None = None
    convention: str = ""
    notes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    worst: float | None = None
    bound: float | None = None
    points: int = 0
    formulas: Mapping[str, str] = field(default_factory=dict)
    page: str = ""
    hidden: bool = False

    def __bool__(self) -> bool:
        return self.verdict in (PROVED, NUMERICALLY)

    @property
    def word(self) -> str:
        """Right, wrong or cannot tell."""
        return {PROVED: "right", NUMERICALLY: "right"}.get(self.verdict, self.verdict)

    @property
    def proved(self) -> bool:
        """It was proved equal for all sizes."""
        return self.verdict == PROVED

    def without_answer(self, hint: str = "diagnosis") -> Judgement:
        """Return the judgement without the true gradient, for whoever is to find it: nothing that it shows holds it.

        Args:
            hint: "verdict", right or wrong only; "place", and where the one given is wrong; "kind", and the kind of
                fault in a word; "diagnosis", and the sentences of the diagnosis, which may name what is missing.

        Raises:
            DefinitionError: there is no such hint.
        """
        if hint not in HINTS:
            raise DefinitionError(f"without_answer() takes one of {', '.join(HINTS)}; found {hint!r}.")
        level = HINTS.index(hint)
        told: tuple[Diagnosis, ...] = tuple(replace(d, mended="") for d in self.diagnosis)
        if level < 3:
            kinds = dict.fromkeys(d.kind for d in self.diagnosis)
            told = tuple(Diagnosis(k, f"the kind of fault: {k}") for k in kinds) if level == 2 else ()
        seen = None if self.seen is None or not level else replace(self.seen, expected="")
        wrong = self.verdict == WRONG
        return replace(
            self, true="", where=(), formulas={}, page="", diagnosis=told, seen=seen, hidden=True,
            reason="" if wrong and level < 3 else self.reason, notes=() if wrong and level < 3 else self.notes,
        )  # fmt: skip

    # -- showing ---------------------------------------------------------------------------------------------------

    def lines(self) -> list[tuple[str, str]]:
        """Return what there is to say, line by line, with a label for each."""
        out: list[tuple[str, str]] = []
        for d in self.diagnosis:
            out.append(("", d.sentence))
        if self.word == "wrong" and not self.diagnosis and not self.hidden:
            out.append(("", "nothing simple explains it"))
        out.append(("how", self.reason))
        if self.convention:
            out.append(("up to", self.convention))
        if self.yours and self.word != "cannot tell":
            out.append(("yours", self.yours))
        out += [("mended", d.mended) for d in self.diagnosis if d.mended]
        if self.true:
            out.append(("true", self.true))
            out += [("where", f"{name} = {text}") for name, text in self.where if self.word != "right"]
        if self.seen is not None:
            where = self.seen.where()
            values = f"expected {self.seen.expected}, got {self.seen.got}" if self.seen.expected else self._wrong()
            out.append(("seen at", f"{where}: {values}" if where else values))
            out += [("with", f"{name} = {value}") for name, value in self.seen.entries.items()]
        out += [("assumed", c) for c in self.conditions]
        out += [("note", n) for n in self.notes]
        if self.page and self.word == "wrong":
            out.append(("derived in", self.page))
        return [(label, text) for label, text in out if text]

    def _wrong(self) -> str:
        assert self.seen is not None
        return f"yours is {self.seen.got}, which is wrong"

    def __str__(self) -> str:
        head = f"{self.subject}   {self.word}"
        if self.word == "right":
            head += f" ({self.verdict})"
        width = max(8, *(len(label) for label, _ in self.lines())) if self.lines() else 8
        pad = "\n" + " " * (width + 5)
        return "\n".join([head, *(f"    {label:{width}} {text.replace(chr(10), pad)}" for label, text in self.lines())])

    __repr__ = __str__

    def document(self) -> Document:
        """Return the judgement as a page, both formulas side by side."""
        blocks: list[Any] = [Prose(_clear(d.sentence)) for d in self.diagnosis]
        if len(self.formulas) == 2:
            heads, cells = ("yours", "the true gradient"), (self.formulas["yours"], self.formulas["true"])
            blocks.append(Table(heads, (tuple(rf"$\displaystyle {cell}$" for cell in cells),)))
        elif "true" in self.formulas:
            blocks.append(Formula(self.formulas["true"], "the true gradient"))
        told = {d.sentence for d in self.diagnosis}
        rest = [(label, text) for label, text in self.lines() if text not in told]
        rows = tuple((label or "why", _clear(text.replace("\n", "; "))) for label, text in rest)
        blocks.append(VerdictTable(("", ""), rows))
        return Document(f"Gradient by {self.subject}: {self.word}", self.verdict if self else "", tuple(blocks))

    def _repr_html_(self) -> str:
        return notebook(self.document())

    def html(self) -> str:
        """Return the judgement as a self-contained page."""
        return html(self.document())

    def text(self) -> str:
        """Return the judgement for a terminal."""
        return terminal(self.document())

    def record(self) -> dict[str, Any]:
        """Return the judgement as plain values, for JSON."""
        return {
            "subject": self.subject, "verdict": self.verdict, "right": bool(self), "reason": self.reason,
            "true": self.true, "where": dict(self.where), "yours": self.yours,
            "diagnosis": [{"kind": d.kind, "sentence": d.sentence, "where": d.where, "mended": d.mended}
                          for d in self.diagnosis],
            "seen": None if self.seen is None else {
                "sizes": self.seen.sizes, "entries": self.seen.entries, "position": self.seen.position,
                "expected": self.seen.expected, "got": self.seen.got,
            },
            "convention": self.convention, "notes": list(self.notes), "conditions": list(self.conditions),
            "worst": self.worst, "bound": self.bound, "points": self.points, "page": self.page,
        }  # fmt: skip


def _clear(text: str) -> str:
    """Return text in which no sign is read as mathematics."""
    return text.replace("\\", "").replace("$", r"\$")
