"""Check what a caller hands over: a tensor, a number, numbers and arrays by name; each refusal says what to write."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from numbers import Rational, Real
from typing import Any

import numpy as np
import sympy

from symnn.ground.errors import DataError, DefinitionError
from symnn.ground.tensors import Tensor

__all__ = ["by_name", "found", "real_constant", "tensor", "whole_number"]


def found(value: Any) -> str:
    """Return a value as an error names it: its kind, and itself where that is short."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if value is None:
        return "None"
    text, kind = repr(value), type(value).__name__
    return f"{kind} {text}" if len(text) <= 60 and "\n" not in text else f"a value of type {kind}"


def tensor(caller: str, value: Any, what: str = "a tensor") -> Tensor:
    """Return the value if it is a whole tensor.

    Raises:
        DefinitionError: it is an entry, an array or anything else; the message says what to pass instead.
    """
    if isinstance(value, Tensor):
        return value
    advice = "Declare it with input(), parameter() or labels(), or compute it with a layer or define()."
    if isinstance(value, np.ndarray):
        advice = "Definitions are symbolic: declare an input() of that shape, and give the array when it runs."
    elif isinstance(value, sympy.Indexed):
        advice = "Pass the tensor without indices; for a formula of entries use define()."
    raise DefinitionError(f"{caller} takes {what}, found {found(value)}. {advice}")


def real_constant(caller: str, name: str, value: Any, *, positive: bool = False) -> Any:
    """Return a constant as an exact SymPy expression; a float is taken as the decimal it prints as.

    >>> real_constant("leaky_relu", "slope", np.float64(0.1))
    1/10

    Raises:
        DefinitionError: it is neither a finite real number nor a SymPy expression of symbols for such numbers.
    """
    made: Any = None
    if isinstance(value, sympy.Expr):
        symbols = value.free_symbols
        plain = not value.has(sympy.Indexed) and all(type(s) in (sympy.Symbol, sympy.Dummy) for s in symbols)
        made = value if plain and value.is_finite is not False and value.is_real is not False else None
        if made is not None and value.is_Float:
            made = sympy.Rational(str(float(value)))
    elif isinstance(value, bool | np.bool_):
        made = None
    elif isinstance(value, Rational | np.integer):
        made = sympy.Rational(int(value.numerator), int(value.denominator))
    elif isinstance(value, Real | np.floating) and math.isfinite(value):
        exact = Fraction(str(value))
        made = sympy.Rational(exact.numerator, exact.denominator)
    if made is None:
        raise DefinitionError(
            f"{caller}: {name} must be a finite real number or a symbol from scalars(), found {found(value)}."
        )
    if positive and made.is_positive is False:
        raise DefinitionError(f"{caller}: {name} must be positive, found {value}.")
    return made


def whole_number(caller: str, name: str, value: Any, least: int) -> int:
    """Return a whole number that is at least so large.

    >>> whole_number("init()", "D", np.int64(3), 1)
    3

    Raises:
        DefinitionError: it is none.
    """
    whole = isinstance(value, int | np.integer | sympy.Integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise DefinitionError(f"{caller}: {name} must be a whole number from {least} on, found {found(value)}.")
    return int(value)


def by_name(caller: str, what: str, value: Any, example: str) -> Mapping[str, Any]:
    """Return the value if it maps names to arrays.

    Raises:
        DataError: it does not; the message shows how it looks.
    """
    if isinstance(value, Mapping):
        return value
    raise DataError(f"{caller} takes {what} by name, such as {example}, found {found(value)}.")
