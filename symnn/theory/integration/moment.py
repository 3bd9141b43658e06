"""One Gaussian moment of a function in pieces: in closed form where there is one, else by quadrature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy

from symnn.theory.errors import MomentError
from symnn.theory.integration.closed import by_terms, folded
from symnn.theory.integration.evaluate import as_float
from symnn.theory.integration.growth import require
from symnn.theory.integration.numeric import FLOAT_DIGITS, by_quadrature
from symnn.theory.integration.pieces import Piece
from symnn.theory.integration.scalar import put

__all__ = ["CLOSED", "QUADRATURE", "Integral", "expression_of", "far", "moment", "value_of"]

CLOSED, QUADRATURE = "closed form", "quadrature"
#: The variance at which existence is looked at where the variance is a symbol.
_LARGE = 100.0


@dataclass(frozen=True)
class Integral:
    """The expected value of a function of normal numbers.

    Attributes:
        value: a float up to 15 digits, else mpmath's mpf; None if ``closed`` has symbols.
        closed: an exact SymPy expression, None where there is none.
        bound: of the absolute error of ``value``; by quadrature an estimate, see ``by_quadrature``. 0.0 for None.
        method: "closed form" or "quadrature".
        used: names of the records of ``integrals.RECORDS`` (or "symmetry") that gave the closed form.
        expression: the function, in the symbol given.
        variance: of the normal number; a pair for a function of two.
    """

    value: Any
    closed: Any
    bound: float
    method: str
    used: tuple[str, ...]
    expression: Any
    variance: Any

    def __float__(self) -> float:
        if self.value is None:
            raise MomentError(f"{self.closed} has symbols in it; give numbers for them.")
        return float(self.value)


def moment(pieces: Sequence[Piece], x: Any, z: Any, mean: Any, variance: Any, digits: int) -> Integral:
    """Return E[f(z)], z ~ N(mean, variance), of a function given as smooth pieces in ``x``.

    Raises:
        MomentError: it does not exist, is not real, or has neither a closed form nor numbers for its parameters.
    """
    expression = expression_of(pieces, x, z)
    found = by_terms(pieces, x, mean, variance)
    if found is None and mean == 0:
        found = folded(pieces, x, variance)
        if found is not None:
            _require(pieces, x, variance)
    if found is not None:
        closed, used = found
        value, bound = value_of(closed, digits)
        return Integral(value, closed, bound, CLOSED, used, expression, variance)
    symbols = _symbols(pieces, x)
    symbols += sorted(mean.free_symbols | variance.free_symbols, key=str)
    if symbols:
        raise MomentError(
            f"E[{expression}] has no closed form among the integrals known here, or one only for some values of its "
            f"symbols; quadrature needs numbers for {', '.join(map(str, symbols))}."
        )
    value, bound = by_quadrature(pieces, x, mean, variance, digits)
    if digits <= FLOAT_DIGITS:
        if not math.isfinite(float(value)):
            raise MomentError(
                f"E[{expression}] is {mpmath.nstr(value, 6)}, too large for a float; ask for more digits."
            )
        value, bound = float(value), bound + abs(float(value)) * 2.0**-52
    return Integral(value, None, bound, QUADRATURE, (), expression, variance)


def value_of(closed: Any, digits: int) -> tuple[Any, float]:
    """Return the value of an exact expression and a bound of its error; (None, 0.0) if it has symbols."""
    if closed.free_symbols:
        return None, 0.0
    with mpmath.workdps(digits + 10):
        number = mpmath.mpf(sympy.N(closed, digits + 8))
        if digits <= FLOAT_DIGITS:
            return float(number), abs(float(number)) * 2.0**-52 + (0.0 if closed.is_Rational else 1e-90)
        return number, float(abs(number) * mpmath.mpf(10) ** -digits + mpmath.mpf(10) ** -90)


def expression_of(pieces: Sequence[Piece], x: Any, z: Any) -> Any:
    """Return the function as one expression in ``z``."""
    bodies = [put(p.body, {x: z}) for p in pieces]
    if len({*bodies}) == 1:
        return bodies[0]
    cases = [(b, z < p.upper) for b, p in zip(bodies[:-1], pieces[:-1], strict=True)]
    return sympy.Piecewise(*cases, (bodies[-1], True))


def far(mean: Any, variance: Any) -> float | None:
    """Return how far from 0 kinks matter, None where that is not a number."""
    if mean.free_symbols or variance.free_symbols:
        return None
    return abs(as_float(mean)) + 64 * math.sqrt(as_float(variance))


def _symbols(pieces: Sequence[Piece], x: Any) -> list[Any]:
    found = set().union(*(p.body.free_symbols | p.lower.free_symbols | p.upper.free_symbols for p in pieces))
    return sorted(found - {x}, key=str)


def _require(pieces: Sequence[Piece], x: Any, variance: Any) -> None:
    """Return if E[|f|] exists; symbols are given values, and a variance that is a symbol is taken as 100."""
    values = {s: sympy.Rational(7 + k, 5) for k, s in enumerate(_symbols(pieces, x))}
    for piece in pieces:
        sample = Piece(piece.lower, piece.upper, put(piece.body, values), piece.singular)
        require(sample, x, 0.0, _LARGE if variance.free_symbols else as_float(variance))
