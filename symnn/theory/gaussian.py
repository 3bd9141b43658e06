"""Gaussian integrals of a function of one normal number, or of two: exact where they can be, else with an error bound.

>>> z, q = sympy.Symbol("z"), sympy.Symbol("q", positive=True)
>>> gaussian_mean(sympy.Max(0, z) ** 2, z, variance=q).closed
q/2
>>> found = gaussian_mean(sympy.tanh(z) ** 2, z, digits=15)
>>> found.method, round(found.value, 12), found.bound < 1e-13
('quadrature', 0.394294490398, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.ground.arguments import whole_number
from symnn.theory.integration.moment import Integral, far, moment
from symnn.theory.integration.pieces import Piece, cut
from symnn.theory.integration.products import gaussian_product
from symnn.theory.integration.scalar import derivative, number, read

__all__ = ["Integral", "Moments", "gaussian_mean", "gaussian_moments", "gaussian_product", "slopes", "squares"]


@dataclass(frozen=True)
class Moments:
    """Moments of an activation g of a normal number; kinks of g have measure zero, so g' and g'' are taken off them.

    Attributes:
        mean, second: E[g], E[g^2].
        slope, slope_second: E[g'], E[g'^2].
        curvature: E[g''] off the kinks; a jump of g' at a kink, which the derivative of E[g'] by the mean would count,
            counts nothing, so that it is 0 for relu.
    """

    mean: Integral
    second: Integral
    slope: Integral
    slope_second: Integral
    curvature: Integral


def gaussian_mean(expression: Any, z: Any, *, variance: Any = 1, mean: Any = 0, digits: int = 30) -> Integral:
    """E[f(z)], z ~ N(mean, variance).

    f is cut at its kinks (Max, Min, Abs, sign, Heaviside, Piecewise). Where every piece is a sum of terms
    c z^n exp(a z + b z^2) erf(alpha z + beta)..., each is integrated by the table ``integrals.RECORDS``; where
    f(z) + f(-z) is constant, that gives the value (mean 0). Otherwise it is computed by quadrature: up to 15 digits in
    float64, to 12 digits of E[|f|] at least, beyond in mpmath.

    >>> z, s = sympy.Symbol("z"), sympy.Symbol("s", positive=True)
    >>> gaussian_mean(sympy.Piecewise((z, z > 0), (s * z, True)) ** 2, z).closed
    (s**2 + 1)/2
    >>> gaussian_mean(sympy.exp(z**2), z)
    Traceback (most recent call last):
    ...
    symnn.theory.errors.MomentError: The moment of exp(z**2) under a normal density of variance 1 does not exist, ...

    Args:
        expression: f, in the symbol ``z``; other symbols have to be declared real or positive.
        z: the symbol of the normal number.
        variance: a positive number, or a symbol or expression declared positive.
        mean: a real number, or a symbol declared real.
        digits: of the value.

    Raises:
        MomentError: E[|f(z)|] is infinite (or too near to it to tell), f is not real, another symbol is not declared
            real, or symbols stand where only quadrature is left.
        UnsupportedError: f contains a function that is not known here.
        DefinitionError: an argument is of the wrong kind.
    """
    whole_number("gaussian_mean", "digits", digits, 1)
    q = number("gaussian_mean", "the variance", variance, positive=True)
    m = number("gaussian_mean", "the mean", mean)
    f, x = read("gaussian_mean", expression, z)
    return moment(cut(f, x, far(m, q)), x, z, m, q, digits)


def gaussian_moments(activation_expression: Any, z: Any, variance: Any = 1, *, digits: int = 15) -> Moments:
    """E[g], E[g^2], E[g'], E[g'^2] and E[g''] for z ~ N(0, variance).

    g' is the derivative of g by SymPy on each side of its kinks, which have measure zero.

    >>> z = sympy.Symbol("z")
    >>> found = gaussian_moments(sympy.Max(0, z), z)
    >>> found.second.closed, found.slope_second.closed, found.curvature.closed
    (1/2, 1/2, 0)

    Raises:
        MomentError: one of them does not exist, and as ``gaussian_mean``.
    """
    whole_number("gaussian_moments", "digits", digits, 1)
    q = number("gaussian_moments", "the variance", variance, positive=True)
    g, x = read("gaussian_moments", activation_expression, z)
    zero = sympy.S.Zero
    pieces = cut(g, x, far(zero, q))
    first = slopes(pieces, x)
    wanted = (pieces, squares(pieces), first, squares(first), slopes(first, x))
    return Moments(*(moment(p, x, z, zero, q, digits) for p in wanted))


def slopes(pieces: Sequence[Piece], x: Any) -> list[Piece]:
    """Return the derivative of a function off its kinks."""
    return [Piece(p.lower, p.upper, derivative(p.body, x), p.singular) for p in pieces]


def squares(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the square of a function."""
    return [Piece(p.lower, p.upper, p.body**2, p.singular) for p in pieces]
