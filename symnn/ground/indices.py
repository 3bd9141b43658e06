"""Indices: letters that run over an axis; every index object is its own, whatever its letter."""

from __future__ import annotations

from typing import Any

import sympy

from symnn.ground.errors import DefinitionError
from symnn.ground.sizes import Size, as_size, words

__all__ = ["Index", "index", "indices"]


class Index(sympy.Dummy):  # type: ignore[misc]
    """An index, 0 <= index < size; equal only to itself, so that no substitution can capture it.

    ``size`` is None for a letter whose range is still to be read from its use.
    """

    letter: str
    size: Any
    _extent: Any

    def __new__(cls, letter: str, size: Size | None = None) -> Index:
        """Return a new index, different from every other."""
        self: Index = super().__new__(cls, letter, integer=True, nonnegative=True)
        self.letter = letter
        self.size = size
        self._extent = None
        return self

    @property
    def extent(self) -> Any:
        """The size, or a symbol that stands for it while it is unknown (SymPy's Sum wants bounds)."""
        if self.size is not None:
            return self.size
        if self._extent is None:
            self._extent = sympy.Dummy(f"|{self.letter}|", integer=True, positive=True)
        return self._extent

    def fresh(self, size: Size | None = None) -> Index:
        """Return a new index with the same letter, over ``size`` or this one's range."""
        return Index(self.letter, self.size if size is None else size)

    def _sympystr(self, printer: Any) -> str:
        return self.letter

    def _latex(self, printer: Any) -> str:
        return self.letter


def index(letter: str, size: Any = None) -> Index:
    """Return one index; without a size its range is read from the tensor axes that it is used on."""
    if not isinstance(letter, str) or not letter:
        raise DefinitionError(f"An index needs a letter, for example index('n'), found {letter!r}.")
    return Index(letter, None if size is None else as_size(size))


def indices(letters: str) -> Any:
    """Return indices for the letters: ``n, i, j = indices("n i j")``.

    >>> n, i = indices("n i")
    >>> n.letter, n == indices("n")
    ('n', False)
    """
    made = tuple(index(letter) for letter in words("indices", letters, "n i"))
    return made[0] if len(made) == 1 else made
