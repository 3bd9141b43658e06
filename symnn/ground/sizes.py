"""Sizes: the length of an axis, a positive integer or a symbol that stands for any positive integer."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import sympy

from symnn.ground.errors import DefinitionError

__all__ = ["Size", "as_size", "dims", "formal_size", "scalars", "size_text", "words"]

#: A letter, then letters, digits, underscores and primes, or groups in braces as in H_{k+1}.
_NAME = re.compile(r"[^\W\d](?:[\w']|\{[^{}]*\})*")

#: A size is a SymPy expression: a positive Integer, a positive integer Symbol, or made of them by sums and products.
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
        DefinitionError: it is no text, holds no name or one twice, or a name is no letter with what may follow one.
    """
    if not isinstance(names, str):
        raise DefinitionError(f"{caller}() takes names in one text, {caller}({example!r}), found {names!r}.")
    made = names.replace(",", " ").split()
    if not made:
        raise DefinitionError(f"{caller}() needs at least one name, for example {caller}({example!r}).")
    for n, name in enumerate(made):
        if not _NAME.fullmatch(name):
            raise DefinitionError(
                f"{caller}() takes names that begin with a letter, separated by spaces or commas, such as "
                f"{caller}({example!r}); {name!r} is none."
            )
        if name in made[:n]:
            raise DefinitionError(f"{caller}({names!r}) holds the name {name!r} twice. Give each its own name.")
    return made


@cache
def formal_size(label: str) -> Size:
    """Return the size of that label inside templates: always the same symbol, and none that a user can name."""
    return sympy.Dummy(label, integer=True, positive=True)


def as_size(value: Any) -> Size:
    """Return a size as a SymPy expression.

    Raises:
        DefinitionError: the value is neither a positive integer nor an expression of sizes that can be positive.
    """
    if isinstance(value, sympy.Expr):
        if value.is_Integer and value > 0:
            return value
        whole = all(s.is_integer and s.is_positive for s in value.free_symbols)
        if not value.is_number and value.is_integer and whole and _is_polynomial(value):
            if _never_positive(value):
                raise DefinitionError(
                    f"A size must be at least 1, and {value} is at most 0 whatever its symbols are. "
                    "Write a size that can be positive, such as N or N - 1."
                )
            return value
    elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return sympy.Integer(value)
    elif isinstance(value, np.integer) and value > 0:
        return sympy.Integer(int(value))
    if isinstance(value, sympy.Expr) and any(p.base.is_integer and p.exp.is_Integer for p in value.atoms(sympy.Pow)):
        raise DefinitionError(
            f"A size is made of symbols and whole numbers by sums and products of different symbols, found {value}. "
            "For a power such as N*N declare a size of its own, M = dims('M'), and give it that length."
        )
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


def _never_positive(value: Any) -> bool:
    """Tell whether a size is at most 0 wherever its symbols are at least 1."""
    return not value.is_Symbol and _at_most_0(value)


@cache
def _at_most_0(value: Any) -> bool:
    over = {s: 1 + sympy.Dummy(integer=True, nonnegative=True) for s in value.free_symbols}

    def go(at: Any) -> Any:
        return over[at] if at.is_Symbol else at.func(*map(go, at.args)) if at.args else at

    return bool(sympy.expand(go(value)).is_nonpositive)


def size_text(sizes: tuple[Size, ...]) -> str:
    """Return a shape as text, ``(N, 64)``."""
    inner = ", ".join(str(s) for s in sizes)
    return f"({inner},)" if len(sizes) == 1 else f"({inner})"
