"""The one family of errors: each message is a clear sentence with node, shapes, expected, found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DataError",
    "DefinitionError",
    "LabelError",
    "ShapeError",
    "SymnnError",
    "UnknownNameError",
    "UnsupportedError",
]


class SymnnError(Exception):
    """The base of every error that symnn raises on purpose."""


class ShapeError(SymnnError):
    """Two sizes that must agree do not."""


class DefinitionError(SymnnError):
    """A definition is not well formed: an index unbound, bound twice, or without a range."""


class UnsupportedError(SymnnError):
    """An expression uses a construct outside the algebra."""


class DataError(SymnnError):
    """An array given as data cannot be used: wrong shape or type, not finite, or empty."""


class LabelError(DataError):
    """A label is not an integer, or outside its range."""


class UnknownNameError(SymnnError):
    """A name that nothing in sight carries; the message suggests the nearest one."""

    def __init__(self, name: str, known: Iterable[str], what: str = "tensor") -> None:
        names = list(dict.fromkeys(known))
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        listed = ", ".join(repr(n) for n in names[:12]) + (", ..." if len(names) > 12 else "")
        super().__init__(f"There is no {what} named {name!r}.{hint} Known: {listed or 'none'}.")
        self.name, self.suggestion = name, near[0] if near else None
