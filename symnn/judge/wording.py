"""Numbers and arrays in words, for judgements."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

#: Numbers from here on are shown as decimals.
_LONG = 10**9

__all__ = ["axes_note", "number", "number_text", "rounded_text", "told_apart", "value_text"]


def axes_note(mine: int, name: str, theirs: int) -> str:
    """Return that a gradient has other axes than what it is the gradient by, and is read without those of length 1."""
    counted = f"{mine} axis" if mine == 1 else f"{mine} axes"
    return f"the gradient has {counted}, {name} has {theirs}: axes of length 1 are passed over"


def value_text(value: Any) -> str:
    """Return an array as nested lists, of exact numbers where it holds such."""
    array = np.asarray(value)
    if array.dtype != object:
        return str(array.tolist())
    if not array.ndim:
        return number_text(array[()])
    return "[" + ", ".join(value_text(row) for row in array) + "]"


def rounded_text(value: Any) -> str:
    """Return an array as nested lists of short decimals."""
    array = np.asarray(value)
    return str(array.tolist() if array.dtype.kind in "iu" else np.round(array.astype(float), 4).tolist())


def number(value: Any) -> Any:
    """Return a whole number as int, any other as float."""
    return int(value) if isinstance(value, int) or getattr(value, "denominator", 0) == 1 else float(value)


def number_text(value: Any) -> str:
    """Return an exact number as it is where that is short, any other with six digits."""
    if isinstance(value, Fraction | int) and abs(value.numerator) < _LONG > value.denominator:
        return str(value)
    return f"{float(value):.6g}"


def told_apart(a: float, b: float) -> tuple[str, str]:
    """Return two numbers with six digits, or as many as it takes to see that they differ."""
    a, b = a + 0.0, b + 0.0  # no -0
    for digits in (6, 9, 12, 17):
        left, right = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if left != right:
            break
    return left, right
