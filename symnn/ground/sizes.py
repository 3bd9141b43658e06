"""Sizes: the length of an axis, a positive integer or a symbol that stands for any positive integer."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import sympy

from symnn.ground.errors import DefinitionError

__all__ = ["Size", "as_size", "dims", "formal_size", "scalars", "size_text", "words"]

#: A size is a SymPy expression: a positive Integer, a positive integer Symbol, or an affine mix of them.
Size = Any


def dims(names: str) -> Any:
    """Return one positive integer symbol per name: ``N, D = dims("N D")``; a single name returns the symbol itself.

    >>> N, D = dims("N D")
    >>> N.is_positive, N.is_integer
    (True, True)
    """
    made = tuple(sympy.Symbol(name, integer=True, positive=True) for name in words("dims", names, "N D"))
    return made[0] if len(made) == 1 else made


def scalars(names: str, *, positive: bool = False) -> Any:
    """Return real symbols for hyperparameters, such as a weight decay or an epsilon.

    >>> scalars("eps", positive=True).is_positive
    True
    """
    flags: dict[str, bool] = {"positive": True} if positive else {"real": True}
    made = tuple(sympy.Symbol(name, **flags) for name in words("scalars", names, "lam eps"))
    return made[0] if len(made) == 1 else made


def words(caller: str, names: Any, example: str) -> list[str]:
    """Return the names in a text, separated by spaces or commas.

    Raises:
        DefinitionError: it is no text, or holds no name.
    """
    if not isinstance(names, str):
        raise DefinitionError(f"{caller}() takes names in one text, {caller}({example!r}), found {names!r}.")
    made = names.replace(",", " ").split()
    if not made:
        raise DefinitionError(f"{caller}() needs at least one name, for example {caller}({example!r}).")
    return made


@cache
def formal_size(label: str) -> Size:
    """Return the size of that label inside templates: always the same symbol, and none that a user can name."""
    return sympy.Dummy(label, integer=True, positive=True)


def as_size(value: Any) -> Size:
    """Return a size as a SymPy expression.

    Raises:
        DefinitionError: the value is neither a positive integer nor a positive integer expression.
    """
    if isinstance(value, sympy.Expr):
        if value.is_Integer and value > 0:
            return value
        whole = all(s.is_integer and s.is_positive for s in value.free_symbols)
        if not value.is_number and value.is_integer and whole and _is_polynomial(value):
            return value
    elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return sympy.Integer(value)
    elif isinstance(value, np.integer) and value > 0:
        return sympy.Integer(int(value))
    shown = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    raise DefinitionError(
        f"A size must be a positive integer or a symbol from dims(), found {shown}. "
        "Write for example N = dims('N') and use N, or use 32."
    )


def _is_polynomial(value: Any) -> bool:
    """Tell whether a size is made of symbols and whole numbers by sums and products only."""
    if value.is_Symbol or value.is_Integer:
        return True
    return bool((value.is_Add or value.is_Mul) and all(_is_polynomial(a) for a in value.args))


def size_text(sizes: tuple[Size, ...]) -> str:
    """Return a shape as text, ``(N, 64)``."""
    inner = ", ".join(str(s) for s in sizes)
    return f"({inner},)" if len(sizes) == 1 else f"({inner})"
