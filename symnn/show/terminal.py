"""Render a document as aligned text for a terminal, in colour only where someone looks."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symnn.show.document import (
    Block,
    Code,
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
)
from symnn.show.inline import related, visible
from symnn.show.plain import plain, plain_text, spelled

_TONES = {
    "proved": "32", "right": "32", "probable": "36", "evaluated": "34", "differenced": "35", "refuted": "31",
    "wrong": "31", "undecided": "33", "cannot tell": "33", "not run": "2",
}  # fmt: skip


@dataclass(frozen=True)
class _Screen:
    """How wide to write, whether in colour, whether the short form, and in which signs."""

    width: int
    colour: bool
    brief: bool
    encoding: str

    def plain(self, text: str) -> str:
        return self.line(plain_text(text))

    def line(self, text: str) -> str:
        """Return one line without escape sequences of its own, in signs that the screen has."""
        return " ".join(spelled(visible(text), self.encoding).split())

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text.strip() else text

    def wrap(self, text: str, indent: str = "") -> list[str]:
        return textwrap.wrap(
            text, max(self.width, 20), initial_indent=indent, subsequent_indent=indent, break_long_words=False
        ) or [""]


def terminal(
    document: Document, *, brief: bool = False, width: int | None = None, colour: bool | None = None,
    encoding: str | None = None,
) -> str:  # fmt: skip
    """Return the document as text; ``brief`` keeps first and last lines, formulas and verdicts.

    Width, colour and encoding are those of standard output unless given.

    >>> print(terminal(Document("Squares", "", (Formula("x^2", "a square"),)), width=40))
    Squares
    <BLANKLINE>
        x^2  (a square)
    """
    screen = _Screen(
        width=width or min(shutil.get_terminal_size((100, 24)).columns, 140),
        colour=sys.stdout.isatty() if colour is None else colour,
        brief=brief,
        encoding=encoding or getattr(sys.stdout, "encoding", None) or "utf-8",
    )
    lines = [screen.paint(line, "1") for line in screen.wrap(screen.plain(document.title))]
    if document.subtitle:
        lines += screen.wrap(screen.plain(document.subtitle))
    before: Block | None = None
    for block in document.blocks:
        shown = list(_block(block, screen))
        together = isinstance(before, Formula) and isinstance(block, Formula)
        lines += shown if together or not shown else ["", *shown]
        before = block if shown else before
    return "\n".join(line.rstrip() for line in lines)


def _block(block: Block, screen: _Screen) -> Iterator[str]:
    match block:
        case StepTable():
            yield from _steps(block, screen)
        case Table():
            yield from _table(block, screen)
        case Formula():
            note = f"  ({screen.plain(block.label)})" if block.label else ""
            text = screen.line(block.text) or screen.line(plain(block.latex))
            yield from screen.wrap(text + note, "    ")
        case Heading():
            yield screen.paint(screen.plain(block.text), "1")
        case Prose():
            if not screen.brief:
                yield from screen.wrap(screen.plain(block.text))
        case Fold():
            if not screen.brief:
                yield screen.plain(block.summary)
                for inner in block.blocks:
                    yield from ("  " + line for line in _block(inner, screen))
        case Code():
            if not screen.brief:
                yield from ("    " + visible(line) for line in block.source.strip("\n").split("\n"))
        case Contents():
            yield from (f"  {screen.plain(text)}  {visible(target)}" for text, target in block.entries)
        case Picture():
            if not screen.brief:
                yield f"(picture: {screen.plain(block.caption) or 'see the HTML page'})"


def _formula(row: StepRow, first: bool, screen: _Screen) -> str:
    """Return the plain form of a line with its relation in front."""
    prefix = related(row, first)[: len(related(row, first)) - len(row.latex)]
    text = screen.line(row.text) or screen.line(plain(row.latex))
    return text if text.startswith(("=", "<", ">", "~")) else prefix + text


def _steps(table: StepTable, screen: _Screen) -> Iterator[str]:
    rows = list(enumerate(table.rows))
    if screen.brief and len(rows) > 2:
        rows = [rows[0], rows[-1]]
    if table.caption and not screen.brief:
        yield from screen.wrap(screen.plain(table.caption))
    cells = [
        (str(row.number), _formula(row, place == 0, screen), "; ".join(map(screen.plain, row.rules)), row.verdict)
        for place, row in rows
    ]
    yield from (_beside if screen.width >= _ROOMY else _beneath)(cells, screen)


_Cells = Sequence[tuple[str, str, str, str]]
_ROOMY = 72


def _beside(cells: _Cells, screen: _Screen) -> Iterator[str]:
    """Write number, formula, rules and verdict in columns."""
    numbers = max((len(c[0]) for c in cells), default=1)
    verdicts = max((len(c[3]) for c in cells), default=0)
    rules = min(max((len(c[2]) for c in cells), default=0), screen.width // 3)
    room = screen.width - numbers - verdicts - rules - 7
    formulas = min(max((len(c[1]) for c in cells), default=1) or 1, room)
    for number, formula, rule, verdict in cells:
        left = textwrap.wrap(formula, formulas, subsequent_indent="    ") or [""]
        right = textwrap.wrap(rule, rules) if rules else []
        for k in range(max(len(left), len(right))):
            part = left[k] if k < len(left) else ""
            note = right[k] if k < len(right) else ""
            head = number if k == 0 else ""
            word = screen.paint(f"{verdict:<{verdicts}}", _TONES.get(verdict, "")) if k == 0 else ""
            yield f" {head:>{numbers}}  {part:<{formulas}}  {note:<{rules}}  {word}"


def _beneath(cells: _Cells, screen: _Screen) -> Iterator[str]:
    """Write the rules and the verdict under each formula, for a narrow screen."""
    numbers = max((len(c[0]) for c in cells), default=1)
    indent = " " * (numbers + 3)
    for number, formula, rule, verdict in cells:
        lines = screen.wrap(formula, indent)
        yield f" {number:>{numbers}}  {lines[0].strip()}"
        yield from lines[1:]
        notes = screen.wrap(f"({rule})", indent) if rule else [indent]
        if len(notes[-1]) + len(verdict) + 2 > screen.width:
            notes.append(indent)
        notes[-1] += ("  " if notes[-1].strip() else "") + screen.paint(verdict, _TONES.get(verdict, ""))
        yield from (note for note in notes if note.strip())


def _table(table: Table, screen: _Screen) -> Iterator[str]:
    heads = [table.header] if any(table.header) else []
    grid = [tuple(map(screen.plain, row)) for row in (*heads, *table.rows)]
    widths = [max(1, *(len(row[k]) for row in grid)) for k in range(len(table.header))]
    _shrink(widths, screen.width - 2 * len(widths) - 2)
    for place, row in enumerate(grid):
        wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for k in range(max((len(cell) for cell in wrapped), default=0)):
            parts = []
            for column, (cell, whole, width) in enumerate(zip(wrapped, row, widths, strict=True)):
                part = f"{cell[k] if k < len(cell) else '':<{width}}"
                judged = isinstance(table, VerdictTable) and table.judges(column)
                parts.append(
                    screen.paint(part, "1" if heads and place == 0 else _TONES.get(whole, "") if judged else "")
                )
            yield "  " + "  ".join(parts)


def _shrink(widths: list[int], room: int) -> None:
    """Narrow the widest columns until the table fits, none below eight."""
    while sum(widths) > room and max(widths, default=0) > 8:
        widths[widths.index(max(widths))] -= 1
