"""Render a document as one HTML file that needs no network: mathematics as MathML, pictures inside."""

from __future__ import annotations

import base64
from functools import singledispatch
from html import escape

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
from symnn.show.inline import pieces, related, visible
from symnn.show.mathml import mathml
from symnn.show.plain import plain_text
from symnn.show.stylesheet import BADGES, CSS, NOTEBOOK_CSS, SCRIPT, WRAPPER
from symnn.show.tex import tex

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(document: Document) -> str:
    """Return the whole page; it is also well-formed XML.

    >>> page = html(Document("A <title>", "", (Formula("x^2"),)))
    >>> "A &lt;title&gt;" in page and "<script>" in page and "http-equiv" in page
    True
    """
    subtitle = f'<p class="subtitle">{_text(document.subtitle)}</p>' if document.subtitle else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{_plain(document.title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{_text(document.title)}</h1>\n{subtitle}\n"
        f'<div class="tools">{_copy(tex(document), "copy page as LaTeX")}</div>\n</header>\n<main>\n'
        f"{fragment(document.blocks)}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def fragment(blocks: tuple[Block, ...], *, copy: bool = True) -> str:
    """Return the blocks alone, for a larger page that has the stylesheet; ``copy`` gives buttons that copy sources.

    >>> print(fragment((Prose("where $x$ is"),)).replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    <p>where <math><mrow><mi>x</mi></mrow></math> is</p>
    """
    return "".join(_block(block, copy) + "\n" for block in blocks)


def notebook(document: Document) -> str:
    """Return the page for a notebook's cell: its own stylesheet, which touches nothing outside it, and no script.

    >>> shown = notebook(Document("Squares", "", (Formula("x^2"),)))
    >>> shown.startswith('<div class="symnn">') and "<button" not in shown and "Squares" in shown
    True
    """
    title = f'<p class="title">{_text(document.title)}</p>\n' if document.title else ""
    subtitle = f'<p class="subtitle">{_text(document.subtitle)}</p>\n' if document.subtitle else ""
    return (
        f'<div class="{WRAPPER}">\n<style>{NOTEBOOK_CSS}</style>\n{title}{subtitle}'
        f"{fragment(document.blocks, copy=False)}</div>"
    )


def _plain(text: str) -> str:
    """Escape text without mathematics, for places that hold no elements."""
    return escape(visible(plain_text(text)))


def _text(text: str) -> str:
    """Escape text, its mathematics set."""
    return "".join(mathml(piece) if is_math else escape(visible(piece)) for is_math, piece in pieces(text))


def _copy(source: str, label: str = "TeX") -> str:
    kept = escape(visible(source)).replace("\n", "&#10;").replace("\t", "&#9;")
    return f'<button type="button" class="copy" title="copy the source" data-source="{kept}">{label}</button>'


def _badge(verdict: str) -> str:
    tone, mark = BADGES[verdict]
    return f'<span class="badge {tone}"><span class="mark">{mark}</span>{escape(verdict)}</span>'


@singledispatch
def _block(block: Block, copy: bool) -> str:
    raise TypeError(f"no HTML for a block of kind {type(block).__name__}")


@_block.register
def _(block: Prose, copy: bool) -> str:
    return f"<p>{_text(block.text)}</p>"


@_block.register
def _(block: Heading, copy: bool) -> str:
    level = min(max(block.level, 1), 3) + 1
    return f"<h{level}>{_text(block.text)}</h{level}>"


@_block.register
def _(block: Formula, copy: bool) -> str:
    label = f'<span class="label">{_text(block.label)}</span>' if block.label else ""
    button = _copy(block.latex) if copy else ""
    return f'<div class="formula"><div class="fx">{mathml(block.latex, display=True)}</div>{label}{button}</div>'


@_block.register
def _(block: StepTable, copy: bool) -> str:
    caption = f'<p class="caption">{_text(block.caption)}</p>\n' if block.caption else ""
    lines = "\n".join(_step(row, place == 0, copy) for place, row in enumerate(block.rows))
    return f'{caption}<div class="steps">\n{lines}\n</div>'


def _step(row: StepRow, first: bool, copy: bool) -> str:
    latex = related(row, first)
    rules = "; ".join(_text(rule) for rule in row.rules)
    badge = _badge(row.verdict) if row.verdict else '<span class="badge"></span>'
    line = (
        f'<span class="number">{row.number}</span><span class="fx">{mathml(latex, display=True)}</span>'
        f'<span class="side"><span class="rule">{rules}</span>{badge}{_copy(latex) if copy else ""}</span>'
    )
    if not row.check:
        return f'<div class="step"><div class="line">{line}</div></div>'
    return (
        f'<details class="step"><summary class="line">{line}</summary>'
        f'<div class="check"><p>{_text(row.check)}</p></div></details>'
    )


@_block.register
def _(block: Table, copy: bool) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in block.header)
    judged = {n for n in range(len(block.header)) if isinstance(block, VerdictTable) and block.judges(n)}
    rows = "\n".join(
        "<tr>"
        + "".join(f"<td>{_badge(c) if n in judged and c in BADGES else _text(c)}</td>" for n, c in enumerate(row))
        + "</tr>"
        for row in block.rows
    )
    head = f"<thead><tr>{head}</tr></thead>\n" if any(block.header) else ""
    return f'<div class="scroll"><table>{head}<tbody>\n{rows}\n</tbody></table></div>'


@_block.register
def _(block: Picture, copy: bool) -> str:
    data = base64.b64encode(block.svg.encode()).decode()
    caption = f"<figcaption>{_text(block.caption)}</figcaption>" if block.caption else ""
    alt = _plain(block.caption) or "picture"
    return f'<figure><img alt="{alt}" src="data:image/svg+xml;base64,{data}"/>{caption}</figure>'


@_block.register
def _(block: Code, copy: bool) -> str:
    source = escape(visible(block.source.strip("\n")))
    button = _copy(block.source, "copy") if copy else ""
    return f'<div class="code"><pre><code>{source}</code></pre>{button}</div>'


@_block.register
def _(block: Contents, copy: bool) -> str:
    items = "".join(
        f'<li><a href="{escape(visible(target))}">{_text(text)}</a></li>\n' for text, target in block.entries
    )
    return f'<ul class="contents">\n{items}</ul>'


@_block.register
def _(block: Fold, copy: bool) -> str:
    inside = fragment(block.blocks, copy=copy)
    return f'<details class="fold"><summary>{_text(block.summary)}</summary>\n{inside}</details>'
