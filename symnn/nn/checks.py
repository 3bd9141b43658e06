"""Check what a layer is given besides tensors: positive constants, fractions, axes; each refusal says what to write."""

from __future__ import annotations

from typing import Any

from symnn.ground.arguments import found, real_constant
from symnn.ground.errors import DefinitionError, ShapeError
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor

__all__ = ["axis_of", "fraction", "not_negative", "positive"]


def positive(caller: str, name: str, value: Any) -> Any:
    """Return a constant that is known to be > 0, exact.

    Raises:
        DefinitionError: it is no real number, not positive, or a symbol that was not declared positive.
    """
    return _signed(caller, name, value, "positive")


def not_negative(caller: str, name: str, value: Any) -> Any:
    """Return a constant that is known to be >= 0, exact.

    Raises:
        DefinitionError: it is no real number, negative, or a symbol that was not declared positive.
    """
    return _signed(caller, name, value, "nonnegative")


def fraction(caller: str, name: str, value: Any, *, zero: bool) -> Any:
    """Return a constant from 0 (or above 0) to 1, exact; a symbol is taken at its word.

    Raises:
        DefinitionError: it is no real number, or outside that range.
    """
    made = real_constant(caller, name, value)
    if made.is_number and not ((0 <= made if zero else 0 < made) and made <= 1):
        raise DefinitionError(f"{caller}: {name} must be {'from 0' if zero else 'above 0 and up'} to 1, found {value}.")
    return made


def _signed(caller: str, name: str, value: Any, sign: str) -> Any:
    made = real_constant(caller, name, value)
    if getattr(made, f"is_{sign}"):
        return made
    advice = "" if made.is_number else f" Declare it: sn.scalars({str(made)!r}, positive=True)."
    raise DefinitionError(f"{caller}: {name} must be {sign.replace('nonn', 'not n')}, found {found(value)}.{advice}")


def axis_of(caller: str, x: Tensor, axis: Any, *, after: int = 0) -> int:
    """Return an axis of a tensor counted from 0, with at least so many axes after it.

    Raises:
        DefinitionError: it is no whole number.
        ShapeError: the tensor has no such axis, or too few after it.
    """
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise DefinitionError(f"{caller}: axis must be a whole number, found {found(axis)}.")
    at = axis + x.rank if axis < 0 else axis
    if not 0 <= at < x.rank - after:
        more = f" with {after} or more axes after it" if after else ""
        raise ShapeError(
            f"{caller}: {x.name!r} has shape {size_text(x.shape)}, which has no axis {axis}{more}. "
            f"Give an axis that it has, or a tensor with more axes."
        )
    return at
