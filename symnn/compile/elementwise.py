"""Scalar functions and constants as array code, by their names in the plain tree."""

from __future__ import annotations

import math
from fractions import Fraction

from symnn.compile.piece import ATOM, Piece
from symnn.ground.errors import UnsupportedError

__all__ = ["ELEMENTWISE", "constant"]

#: Name -> array code; ``xp`` is the array namespace, ``sp`` the namespace of special functions.
ELEMENTWISE: dict[str, str] = {
    "exp": "xp.exp({0})",
    "log": "xp.log({0})",
    "sin": "xp.sin({0})",
    "cos": "xp.cos({0})",
    "tan": "xp.tan({0})",
    "sinh": "xp.sinh({0})",
    "cosh": "xp.cosh({0})",
    "tanh": "xp.tanh({0})",
    "asin": "xp.arcsin({0})",
    "acos": "xp.arccos({0})",
    "atan": "xp.arctan({0})",
    "asinh": "xp.arcsinh({0})",
    "abs": "xp.abs({0})",
    "sign": "xp.sign({0})",
    "max": "xp.maximum({0}, {1})",
    "min": "xp.minimum({0}, {1})",
    "erf": "sp.erf({0})",
    "erfc": "sp.erfc({0})",
    "gamma": "sp.gamma({0})",
    "loggamma": "sp.gammaln({0})",
    "digamma": "sp.digamma({0})",
    "stop_gradient": "{0}",
    # safe forms, see stabilise.py
    "expm1": "xp.expm1({0})",
    "log1p": "xp.log1p({0})",
    "softplus": "xp.maximum({0}, 0) + xp.log1p(xp.exp(-xp.abs({0})))",
    "logistic": "",
    "sech": "",
}


def constant(value: int | Fraction) -> Piece:
    """Return a rational as a Python number; Python numbers never widen float32 arrays."""
    value = Fraction(value)
    if value.denominator == 1 and abs(value) < 2**53:
        text = str(value.numerator)
    else:
        try:
            number = value.numerator / value.denominator
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise UnsupportedError(f"The constant {value.numerator}/{value.denominator} is too large for float64.")
        text = repr(number)
    return Piece(text, (), ATOM if value >= 0 else ATOM - 3, "number")
