"""Several judgements together: a table of verdicts, true as a condition only if every one is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from symnn.judge.judgement import Judgement
from symnn.show import Document, VerdictTable, html, notebook, terminal

__all__ = ["Judgements"]


class Judgements(Mapping[str, Judgement]):
    """Judgements by the name of the tensor; it prints as a table."""

    def __init__(self, found: Mapping[str, Judgement], title: str = "") -> None:
        self._found, self.title = dict(found), title

    def __getitem__(self, name: str) -> Judgement:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __bool__(self) -> bool:
        """Tell whether there are any, and all of them are right."""
        return bool(self._found) and all(self._found.values())

    def summary(self) -> str:
        """Return how many are right, wrong and undecided."""
        words = [j.word for j in self._found.values()]
        return ", ".join(f"{words.count(w)} {w}" for w in dict.fromkeys(words)) or "nothing was judged"

    def __str__(self) -> str:
        width = max((len(n) for n in self._found), default=0)
        lines: list[str] = []
        for name, j in self._found.items():
            head = f"{name:{width}}   {j.word}"
            lines.append(head + (f" ({j.verdict})" if j.word == "right" else ""))
            pad = "\n" + " " * (width + 12)
            lines += [f"{'':{width}}   {label:8} {text.replace(chr(10), pad)}" for label, text in j.lines()]
        return "\n".join([*lines, self.summary()])

    __repr__ = __str__

    def document(self) -> Document:
        """Return the judgements as a page."""
        rows = tuple(
            (
                n,
                j.word if j.word != "right" else j.verdict,
                _clear(j.diagnosis[0].sentence if j.diagnosis else j.reason),
            )
            for n, j in self._found.items()
        )
        return Document(self.title or "Gradients", self.summary(), (VerdictTable(("by", "verdict", "why"), rows),))

    def _repr_html_(self) -> str:
        return notebook(self.document())

    def html(self) -> str:
        """Return the judgements as a self-contained page."""
        return html(self.document())

    def text(self) -> str:
        """Return the judgements for a terminal."""
        return terminal(self.document())

    def without_answer(self, hint: str = "diagnosis") -> Judgements:
        """Return the judgements without the true gradients, as ``Judgement.without_answer`` does."""
        return Judgements({n: j.without_answer(hint) for n, j in self._found.items()}, self.title)

    def record(self) -> list[dict[str, Any]]:
        """Return the judgements as plain values, for JSON."""
        return [j.record() for j in self._found.values()]


def _clear(text: str) -> str:
    return text.replace("\\", "").replace("$", r"\$")
