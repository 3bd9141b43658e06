"""Read a document's text: mathematics between dollars, the relation in front of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symnn.show.document import StepRow

_MATH = re.compile(r"(?<!\\)\$((?:\\.|[^$\\])+)\$", re.DOTALL)
_RELATION = re.compile(
    r"\s*(=|<|>|:=|\\(?:leq?|geq?|neq?|approx|propto|equiv|sim|Rightarrow|implies|iff|to)(?![A-Za-z]))"
)


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    r"""Yield (is mathematics, piece) in order; a dollar without a partner is text.

    >>> list(pieces(r"rows of $p$ cost \$2"))
    [(False, 'rows of '), (True, 'p'), (False, ' cost $2')]
    """
    position = 0
    for match in _MATH.finditer(text):
        if match.start() > position:
            yield False, text[position : match.start()].replace(r"\$", "$")
        yield True, match.group(1)
        position = match.end()
    if position < len(text):
        yield False, text[position:].replace(r"\$", "$")


def related(row: StepRow, first: bool) -> str:
    """Return the line's LaTeX with its relation to the line before in front."""
    return row.latex if first or _RELATION.match(row.latex) else "= " + row.latex


def visible(text: str) -> str:
    r"""Replace what no page may hold: control characters and lone surrogates.

    >>> visible("a\x00b\tc")
    'a\ufffdb\tc'
    """
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text).replace("\r", "\n")
