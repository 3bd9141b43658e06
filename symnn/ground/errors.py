"""The one family of errors: each message is a clear sentence with node, shapes, expected, found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DataError",
    "DefinitionError",
    "LabelError",
    "OperandError",
    "ShapeError",
    "SymnnError",
    "UndefinedError",
    "UnknownNameError",
    "UnsupportedError",
]


class SymnnError(Exception):
    """The base of every error that symnn raises on purpose."""


class ShapeError(SymnnError):
    """Two sizes that must agree do not."""


class DefinitionError(SymnnError):
    """A definition is not well formed: an index unbound, bound twice, or without a range."""


class OperandError(DefinitionError, TypeError):
    """A tensor without indices stands in arithmetic."""


class UnsupportedError(SymnnError):
    """An expression uses a construct outside the algebra."""


class DataError(SymnnError):
    """An array given as data cannot be used: wrong shape or type, not finite, or empty."""


class LabelError(DataError):
    """A label is not an integer, or outside its range."""


class UndefinedError(DataError, ArithmeticError):
    """A tensor is not defined at the values given: what it needs to be positive is not."""


class UnknownNameError(SymnnError):
    """A name that nothing in sight carries; the message suggests the nearest one."""

    def __init__(self, name: str, known: Iterable[str], what: str = "tensor") -> None:
        names = list(dict.fromkeys(known))
        near = _nearest(name, names)
        hint = "" if near is None else f" Did you mean {near!r}?"
        listed = ", ".join(repr(n) for n in names[:16]) + (", ..." if len(names) > 16 else "")
        super().__init__(f"There is no {what} named {name!r}.{hint}" + (f" Known: {listed}." if listed else ""))
        self.name, self.suggestion = name, near


def _nearest(name: object, names: list[str]) -> str | None:
    """Return the name that differs in capitals only, else the most similar one."""
    if not isinstance(name, str):  # a caller's mistake
        return None
    same = [n for n in names if n.casefold() == name.casefold()]
    near = same or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return near[0] if near else None
