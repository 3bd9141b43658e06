"""The gain of an activation: the scale of its weights that keeps second moments, or gradients, at their size.

>>> gain("relu").forward.closed
sqrt(2)
>>> round(gain("tanh").forward.value, 12)
1.592537419723
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy

from symnn.ground.arguments import found, real_constant, whole_number
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.nn.activations import ACTIVATIONS
from symnn.theory.errors import MomentError
from symnn.theory.gaussian import slopes, squares
from symnn.theory.integration.closed import tidy
from symnn.theory.integration.moment import CLOSED, QUADRATURE, Integral, far, moment, value_of
from symnn.theory.integration.pieces import Piece, cut
from symnn.theory.integration.scalar import read

__all__ = ["Z", "Gain", "Quantity", "activation_expression", "gain"]


#: The number that a named activation is taken of.
Z = sympy.Symbol("z", real=True)


@dataclass(frozen=True)
class Quantity:
    """A number computed from Gaussian moments: its value, exact form, absolute error bound, and method, as Integral."""

    value: Any
    closed: Any
    bound: float
    method: str

    def __float__(self) -> float:
        if self.value is None:
            raise MomentError(f"{self.closed} has symbols in it; give numbers for them.")
        return float(self.value)


@dataclass(frozen=True)
class Gain:
    """Gains of an activation g at unit variance, z ~ N(0, 1).

    Attributes:
        activation: its name, or its expression as text.
        expression: g.
        second, slope_second: E[g(z)^2] and E[g'(z)^2].
        forward: 1/sqrt(E[g(z)^2]): weights of variance forward^2/fan_in keep the variance of pre-activations at 1.
        backward: 1/sqrt(E[g'(z)^2]): weights of variance backward^2/fan_out keep that of gradients; None where g' is 0
            almost everywhere.
        slope: of q -> forward^2 E[g(sqrt(q) z)^2] at its fixed point q = 1; below 1 variances return to 1 with depth,
            above 1 they drift away from it.
    """

    activation: str
    expression: Any
    second: Integral
    slope_second: Integral
    forward: Quantity
    backward: Quantity | None
    slope: Quantity


def gain(activation: Any, z: Any = None, *, digits: int = 15, **constants: Any) -> Gain:
    """Return the forward gain 1/sqrt(E[g^2]), the backward gain 1/sqrt(E[g'^2]) and the slope of the variance map.

    The slope is forward^2 E[g(z)^2 (z^2 - 1)]/2, the derivative of E[g(sqrt(q) z)^2] taken on the density, so that
    jumps of g count. Source: He et al. 2015, Delving deep into rectifiers, sec. 2.2, for relu; Poole et al. 2016,
    Exponential expressivity, eq. 3, for the map.

    >>> z, s = sympy.Symbol("z"), sympy.Symbol("s", positive=True)
    >>> gain(sympy.Piecewise((z, z > 0), (s * z, True)), z).forward.closed
    sqrt(2)/sqrt(s**2 + 1)
    >>> gain("leaky_relu", slope=s).slope.closed
    1

    Args:
        activation: a name of ``ACTIVATIONS``, or a function in the symbol ``z``.
        z: the symbol, for a function.
        digits: of the values.
        constants: those of a named activation, numbers or symbols declared positive.

    Raises:
        UnknownNameError: there is no such activation, or it has no such constant.
        DefinitionError: a function comes without its symbol, or a name with one.
        MomentError: a moment does not exist, or g is 0 almost everywhere.
    """
    whole_number("gain", "digits", digits, 1)
    name, expression, z = _asked(activation, z, constants)
    g, x = read("gain", expression, z)
    zero, one = sympy.S.Zero, sympy.S.One
    pieces = cut(g, x, far(zero, one))
    second = moment(squares(pieces), x, z, zero, one, digits)
    slope_second = moment(squares(slopes(pieces, x)), x, z, zero, one, digits)
    tilted = [Piece(p.lower, p.upper, p.body**2 * (x**2 - 1) / 2, p.singular) for p in pieces]
    change = moment(tilted, x, z, zero, one, digits)
    if second.closed == 0:
        raise MomentError(f"{expression} is 0 almost everywhere, so it has no gain.")
    backward = None if slope_second.closed == 0 else _inverse_root(slope_second, digits)
    return Gain(name, expression, second, slope_second, _inverse_root(second, digits), backward,
                _ratio(change, second, digits))  # fmt: skip


def activation_expression(name: str, z: Any, **constants: Any) -> Any:
    """Return a named activation as a function of a symbol, its constants exact.

    >>> activation_expression("leaky_relu", sympy.Symbol("z"))
    Piecewise((z, z > 0), (z/100, True))

    Raises:
        UnknownNameError: there is no such activation, or it has no such constant.
    """
    record = ACTIVATIONS.get(name)
    if record is None:
        raise UnknownNameError(name, ACTIVATIONS, "activation")
    known = dict(record.constants)
    for key in constants:
        if key not in known:
            raise UnknownNameError(key, known, f"constant of {name}")
    return record.expression(z, *(real_constant(name, k, constants.get(k, v)) for k, v in record.constants))


def _asked(activation: Any, z: Any, constants: dict[str, Any]) -> tuple[str, Any, Any]:
    if isinstance(activation, str):
        if z is not None:
            raise DefinitionError(f"gain() takes the name {activation!r} alone; a symbol goes with a function of it.")
        return activation, activation_expression(activation, Z, **constants), Z
    if z is None or constants:
        raise DefinitionError(
            "gain() takes the name of an activation, gain('relu'), or a function and its symbol, "
            f"gain(sympy.tanh(z), z), found {found(activation)}."
        )
    return str(activation), activation, z


def _inverse_root(of: Integral, digits: int) -> Quantity:
    if of.closed is not None:
        closed = tidy(1 / sympy.sqrt(of.closed))
        return Quantity(value_of(closed, digits)[0], closed, value_of(closed, digits)[1], CLOSED)
    with mpmath.workdps(digits + 10):
        value = 1 / mpmath.sqrt(of.value)
        bound = float(1 / mpmath.sqrt(of.value - of.bound) - value) + _unit(digits) * float(value)
        return Quantity(_rounded(value, digits), None, bound, QUADRATURE)


def _ratio(top: Integral, below: Integral, digits: int) -> Quantity:
    if top.closed is not None and below.closed is not None:
        closed = tidy(sympy.cancel(top.closed / below.closed))
        value, bound = value_of(closed, digits)
        return Quantity(value, closed, bound, CLOSED)
    with mpmath.workdps(digits + 10):
        a, b = mpmath.mpf(top.value), mpmath.mpf(below.value)
        value = a / b
        bound = float((top.bound + abs(value) * below.bound) / (b - below.bound)) + _unit(digits) * abs(float(value))
        return Quantity(_rounded(value, digits), None, bound, QUADRATURE)


def _unit(digits: int) -> float:
    return max(2.0**-52 if digits <= 15 else 0.0, math.pow(10, -digits))


def _rounded(value: Any, digits: int) -> Any:
    return float(value) if digits <= 15 else value
