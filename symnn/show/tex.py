r"""Render a document as a LaTeX article that needs amsmath and no more.

A line of a derivation is set in one line with its rule at the right; where that does not fit, the rule
goes to a line beneath; a formula wider than the page is set smaller, or else broken.
"""

from __future__ import annotations

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
    StepRow,
    StepTable,
    Table,
)
from symnn.show.inline import pieces, related
from symnn.show.plain import plain_text
from symnn.show.tex_text import breakable, tex_code, tex_math, tex_text

_ROWS_A_PAGE = 30
_SHORT = 14  # letters of the longest word in a column that is not broken

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\providecommand{\mathbb}[1]{\mathbf{#1}}
\allowdisplaybreaks
\setlength{\textwidth}{160mm}
\setlength{\oddsidemargin}{-0.4mm}
\setlength{\topmargin}{-10mm}
\setlength{\textheight}{235mm}
\setlength{\parindent}{0pt}
\setlength{\parskip}{5pt plus 2pt}
\emergencystretch=3em
\raggedbottom
\newsavebox{\symformula}
\newsavebox{\symnote}
\newlength{\symroom}
% brackets as high as what they hold, unless the line breaks inside them
\newcommand{\symleft}{\left}
\newcommand{\symright}{\right}
% the formula in the largest size that fits, else broken
\newcommand{\symfit}[1]{%
  \sbox{\symformula}{$\displaystyle #1$}%
  \ifdim\wd\symformula>\symroom \sbox{\symformula}{\small$\displaystyle #1$}\fi
  \ifdim\wd\symformula>\symroom \sbox{\symformula}{\footnotesize$\displaystyle #1$}\fi
  \ifdim\wd\symformula>\symroom
    \sbox{\symformula}{\parbox{\symroom}{\let\symleft\biggl \let\symright\biggr
      \raggedright\relpenalty=0 \binoppenalty=0 \lineskiplimit=3pt
      \lineskip=5pt \small$\displaystyle #1$\par}}%
  \fi}
% number, formula, rules, verdict
\newcommand{\symstep}[4]{%
  \par\vspace{3pt plus 2pt}%
  \sbox{\symnote}{\footnotesize\textit{#3}\quad\textsc{#4}}%
  \setlength{\symroom}{\dimexpr\linewidth-2.2em\relax}%
  \sbox{\symformula}{$\displaystyle #2$}%
  \ifdim\dimexpr\wd\symformula+\wd\symnote+1.5em\relax>\symroom
    \symfit{#2}%
    \noindent\makebox[2.2em][l]{\footnotesize #1}\usebox{\symformula}\nopagebreak\par
    \vspace{-2pt}\noindent\hspace*{2.2em}\parbox{\symroom}{\raggedleft\footnotesize
      \textit{#3}\quad\textsc{#4}}\par
  \else
    \noindent\makebox[2.2em][l]{\footnotesize #1}\usebox{\symformula}\hfill\usebox{\symnote}\par
  \fi}
\newcommand{\symdisplay}[2]{%
  \par\vspace{4pt plus 2pt}%
  \sbox{\symnote}{\footnotesize #2}%
  \setlength{\symroom}{\dimexpr\linewidth-3.2em-\wd\symnote\relax}%
  \symfit{#1}%
  \noindent\hspace*{2.2em}\usebox{\symformula}\hfill\usebox{\symnote}\par\vspace{2pt}}
\newcommand{\symcode}[1]{\par\vspace{-\parskip}\noindent\hspace*{1em}{\footnotesize\ttfamily #1}\par}
"""


def tex(document: Document) -> str:
    r"""Return the whole article.

    >>> r"\symdisplay{x^2}{}" in tex(Document("Squares", "", (Formula("x^2"),)))
    True
    """
    subtitle = f"\\par{{\\large\\itshape {_text(document.subtitle)}}}" if document.subtitle else ""
    return (
        f"{_PREAMBLE}\\begin{{document}}\n"
        f"{{\\LARGE\\bfseries {_text(document.title)}}}{subtitle}\\par\\vspace{{2pt}}\n"
        "\\hrule\\vspace{10pt}\n"
        f"{_blocks(document.blocks)}\\end{{document}}\n"
    )


def _text(text: str) -> str:
    return "".join(f"${tex_math(p)}$" if is_math else tex_text(p) for is_math, p in pieces(text))


def _blocks(blocks: tuple[Block, ...]) -> str:
    return "".join(_block(block) + "\n" for block in blocks)


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"no LaTeX for a block of kind {type(block).__name__}")


@_block.register
def _(block: Prose) -> str:
    return f"{_text(block.text)}\\par"


@_block.register
def _(block: Heading) -> str:
    command = ("section", "subsection", "subsubsection")[min(max(block.level, 1), 3) - 1]
    return f"\\{command}*{{{_text(block.text)}}}"


@_block.register
def _(block: Formula) -> str:
    return f"\\symdisplay{{{breakable(tex_math(block.latex))}}}{{{_text(block.label)}}}"


@_block.register
def _(block: StepTable) -> str:
    caption = f"\\textit{{{_text(block.caption)}}}\\par\n" if block.caption else ""
    return caption + "\n".join(_step(row, first=place == 0) for place, row in enumerate(block.rows))


def _step(row: StepRow, first: bool) -> str:
    rules = "; ".join(_text(rule) for rule in row.rules)
    return f"\\symstep{{{row.number}}}{{{breakable(tex_math(related(row, first)))}}}{{{rules}}}{{{row.verdict}}}"


@_block.register
def _(block: Table) -> str:
    if not block.header:
        return ""
    columns = _columns(block)
    head = " & ".join(f"\\textbf{{{_text(cell)}}}" for cell in block.header) + " \\\\ \\hline\n"
    head = head if any(block.header) else ""
    parts = []
    for rows in _pages(block):
        body = "\n".join(" & ".join(f"{{{_text(cell)}}}" for cell in row) + r" \\" for row in rows)
        parts.append(
            f"{{\\small\\renewcommand{{\\arraystretch}}{{1.2}}\\begin{{tabular}}{{{columns}}}\\hline\n"
            f"{head}{body}\n"
            "\\hline\\end{tabular}}\\par"
        )
    return "\\vspace{4pt}\n" + "\n".join(parts)


def _pages(table: Table) -> list[tuple[tuple[str, ...], ...]]:
    """Cut a table where a page is full; a row counts as many lines as its longest cell fills at 60 letters a line."""
    pages: list[list[tuple[str, ...]]] = [[]]
    filled = 0
    for row in table.rows:
        lines = max(1 + len(plain_text(cell)) // 60 for cell in row)
        if filled + lines > _ROWS_A_PAGE and pages[-1]:
            pages.append([])
            filled = 0
        pages[-1].append(row)
        filled += lines
    return [tuple(page) for page in pages]


def _columns(table: Table) -> str:
    """Give every column its natural width; when together they are too wide, the long ones share what is left."""
    widths = [
        max([4, *(len(plain_text(row[k])) + 1 for row in (table.header, *table.rows))])
        for k in range(len(table.header))
    ]
    if sum(widths) <= 78:
        return "@{}" + "l" * len(widths) + "@{}"
    short = _SHORT if sum(width for width in widths if width <= _SHORT) <= 40 else 0
    shares = [min(width, 60) if width > short else 0 for width in widths]
    room = 0.96 - 0.025 * (len(shares) - 1) - sum(width for width in widths if width <= short) / 78
    columns = [f"p{{{room * share / sum(shares):.3f}\\linewidth}}" if share else "l" for share in shares]
    return "@{}" + "".join(columns) + "@{}"


@_block.register
def _(block: Picture) -> str:
    return f"\\textit{{(Picture: {_text(block.caption) or 'see the HTML page'})}}\\par"


@_block.register
def _(block: Code) -> str:
    return "\\vspace{4pt}\n" + tex_code(block.source.strip("\n")) + "\n\\vspace{4pt}"


@_block.register
def _(block: Contents) -> str:
    if not block.entries:
        return ""
    items = "\n".join(f"\\item {{{_text(text)}}}" for text, _ in block.entries)
    return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"


@_block.register
def _(block: Fold) -> str:
    return f"\\textbf{{{_text(block.summary)}}}\\par\n{_blocks(block.blocks)}"
