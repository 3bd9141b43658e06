"""Render a document as Markdown with mathematics between dollars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import singledispatch

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
    StepTable,
    Table,
)
from symnn.show.inline import pieces, related, visible


def markdown(document: Document) -> str:
    r"""Return the whole page.

    >>> print(markdown(Document("Squares", "of $x$", (Prose("a_b"),))))
    # Squares
    <BLANKLINE>
    *of $x$*
    <BLANKLINE>
    a\_b
    <BLANKLINE>
    """
    head = [f"# {_text(document.title)}"] + ([f"*{_text(document.subtitle)}*"] if document.subtitle else [])
    return "\n\n".join([*head, *map(_block, document.blocks)]) + "\n"


def _math(latex: str) -> str:
    """Keep a formula on one line, clear of dollars and of what could pass for an HTML tag."""
    line = re.sub(r"<(?=[A-Za-z/!?])", "< ", " ".join(visible(latex).split()))
    return re.sub(r"(?<!\\)\$", r"\\$", line)


def _cell_math(latex: str) -> str:
    r"""Write bars as commands: a bare one would end the cell."""
    return _math(latex).replace(r"\|", r"\Vert ").replace("|", r"\vert ")


def _escape(text: str) -> str:
    text = re.sub(r"([\\`*_\[\]#|<>&~$])", r"\\\1", " ".join(re.split(r"\s*\n\s*", visible(text))))
    return re.sub(r"^(\s*)([-+]|\d+(?=[.)]))", r"\1\\\2" if text[:1] in "-+" else r"\1\2", text)


def _text(text: str) -> str:
    return "".join(f"${_math(p)}$" if is_math else _escape(p) for is_math, p in pieces(text))


def _cell(text: str) -> str:
    return "".join(f"${_cell_math(p)}$" if is_math else _escape(p) for is_math, p in pieces(text))


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"no Markdown for a block of kind {type(block).__name__}")


@_block.register
def _(block: Prose) -> str:
    return _text(block.text)


@_block.register
def _(block: Heading) -> str:
    return "#" * (min(max(block.level, 1), 3) + 1) + " " + _text(block.text)


@_block.register
def _(block: Formula) -> str:
    label = f"\n\n{_text(block.label)}" if block.label else ""
    return f"$$\n{_math(block.latex)}\n$${label}"


def _grid(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@_block.register
def _(block: StepTable) -> str:
    rows = [
        (
            str(row.number),
            f"$\\displaystyle {_cell_math(related(row, first=place == 0))}$",
            "; ".join(_cell(rule) for rule in row.rules),
            row.verdict,
        )
        for place, row in enumerate(block.rows)
    ]
    caption = f"*{_text(block.caption)}*\n\n" if block.caption else ""
    checks = [f"- line {row.number}: {_text(row.check)}" for row in block.rows if row.check]
    table = caption + _grid(("", "line", "rule", "check"), rows)
    return "\n\n".join([table, "\n".join(checks)] if checks else [table])


@_block.register
def _(block: Table) -> str:
    return _grid(tuple(map(_cell, block.header)), [tuple(map(_cell, row)) for row in block.rows])


@_block.register
def _(block: Picture) -> str:
    return f"*(Picture: {_text(block.caption) or 'see the HTML page'})*"


@_block.register
def _(block: Code) -> str:
    source = visible(block.source.strip("\n"))
    longest = max((len(run) for run in re.findall("`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{re.sub(r'[^A-Za-z0-9+-]', '', block.language)}\n{source}\n{fence}"


@_block.register
def _(block: Contents) -> str:
    return "\n".join(f"- [{_text(text)}](<{re.sub(r'[<>]', '', target)}>)" for text, target in block.entries)


@_block.register
def _(block: Fold) -> str:
    return "\n\n".join([f"**{_text(block.summary)}**", *map(_block, block.blocks)])
