"""Text as it may be printed: what would not show, or would do something to a terminal, is written as an escape."""

from __future__ import annotations

import unicodedata

__all__ = ["escaped"]

#: Control signs, signs of direction and the like, halves of pairs, unassigned ones, ends of lines and paragraphs.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"))


def escaped(text: str) -> str:
    r"""Return a text with hidden signs as escapes; ends of lines and tabs stay.

    >>> print(escaped("x\x1b[31m"), escaped("a\u202eb"), escaped("\ud800"), escaped("δ²"))
    x\x1b[31m a\u202eb \ud800 δ²
    """
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in _HIDDEN else _escape(c) for c in text)


def _escape(c: str) -> str:
    return c.encode("unicode_escape").decode("ascii")
