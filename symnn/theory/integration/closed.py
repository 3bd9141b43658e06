"""Closed forms: a function's pieces integrated term by term, or the function folded at 0 if that leaves constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import sympy

from symnn.theory.errors import MomentError
from symnn.theory.integration.evaluate import Program, as_float
from symnn.theory.integration.integrals import Integrator, NoClosedForm
from symnn.theory.integration.pieces import Piece, refined
from symnn.theory.integration.roots import order
from symnn.theory.integration.scalar import put
from symnn.theory.integration.terms import terms_of

__all__ = ["by_terms", "folded", "tidy"]

_Y = sympy.Dummy("y", positive=True)


def by_terms(pieces: Sequence[Piece], x: Any, mean: Any, variance: Any) -> tuple[Any, tuple[str, ...]] | None:
    """Return the integral of a function against the density of N(mean, variance), and the names of the records used.

    None where a piece is no sum of terms that ``terms_of`` knows, a cut is not known exactly, or a term has no record.
    """
    used: dict[str, None] = {}
    total = sympy.S.Zero
    for piece in pieces:
        if piece.body == 0:
            continue
        if not piece.exact:
            return None
        lower, upper, centre, at = piece.lower, piece.upper, mean, x
        body = piece.body
        if lower.is_nonnegative:
            body, at = put(body, {x: _Y}), _Y
        elif upper.is_nonpositive:
            body, at = put(body, {x: -_Y}), _Y
            lower, upper, centre = -upper, -lower, -mean
        parts = None if body.has(sympy.I) else terms_of(body, at)
        if parts is None or not body.has(sympy.sin, sympy.cos) and any(p.coefficient.is_real is False for p in parts):
            return None
        integrate = Integrator(lower, upper, centre, variance, used)
        try:
            total += sympy.Add(*(integrate(part) for part in parts))
        except NoClosedForm:
            return None
    if total.has(sympy.I):  # of a sine or cosine by exponentials; the integral itself is real
        total = sympy.expand(total, complex=True).as_real_imag()[0]
    return tidy(total), tuple(used)


def folded(pieces: Sequence[Piece], x: Any, variance: Any) -> tuple[Any, tuple[str, ...]] | None:
    """Return E[f(z)] for z ~ N(0, variance) where f(z) + f(-z) is a constant on each piece of z > 0, else None.

    E[f(z)] is the integral of (f(z) + f(-z)) times the density over z > 0, if E[|f(z)|] is finite, which is for the
    caller to see to. So E[tanh z] = 0 and E[sigmoid z] = 1/2. That it is a constant is seen at five points first, and
    then proved by cancelling in exponentials.
    """
    ends = [e for piece in pieces for e in (piece.lower, piece.upper) if e.is_finite]
    if any(e.free_symbols for e in ends) or not all(piece.exact for piece in pieces):
        return None
    cuts = refined(pieces, [*ends, *(-e for e in ends), sympy.S.Zero])
    right = [piece for piece in cuts if order(piece.lower, sympy.S.Zero) >= 0]
    left = [piece for piece in reversed(cuts) if order(piece.upper, sympy.S.Zero) <= 0]
    constants = []
    for here, there in zip(right, left, strict=True):
        value = _constant(put(here.body, {x: _Y}), put(there.body, {x: -_Y}), here)
        if value is None:
            return None
        constants.append(Piece(here.lower, here.upper, value))
    found = by_terms(constants, x, sympy.S.Zero, variance)
    return None if found is None else (found[0], ("symmetry", *found[1]))


def _constant(one: Any, other: Any, piece: Piece) -> Any:
    """Return the constant that a sum of two functions of ``_Y`` is proved to be, None where it cannot be."""
    body = one + other
    if _Y not in body.free_symbols:
        return body
    parameters = sorted(body.free_symbols - {_Y}, key=str)
    values = {s: sympy.Rational(7 + k, 5) for k, s in enumerate(parameters)}
    if not _looks_constant(put(body, values), put(one, values), piece):
        return None
    for made in (sympy.expand(body), sympy.cancel(sympy.together(body.rewrite(sympy.exp)))):
        if _Y not in made.free_symbols:
            return made
    return None


def _looks_constant(body: Any, part: Any, piece: Piece) -> bool:
    """Tell whether a function has one value at five points, compared with the size of a part of it."""
    low = as_float(piece.lower)
    high = as_float(piece.upper) if piece.upper.is_finite else low + 4
    points = low + (high - low) * np.array([0.07, 0.23, 0.41, 0.68, 0.93])
    values = Program(body, _Y).floats(points)
    if not np.ptp(values) <= 1e-8 * max(1.0, float(np.max(np.abs(values)))):
        return False
    with mpmath.workdps(30):  # in float64 it may only be small
        exact = np.array([mpmath.mpf(float(p)) for p in points], dtype=object)
        try:
            values, sizes = Program(body, _Y).numbers(exact), abs(Program(part, _Y).numbers(exact))
        except (MomentError, ZeroDivisionError):
            return False
        return bool(max(values) - min(values) <= mpmath.mpf(10) ** -20 * max(sizes))


def tidy(value: Any) -> Any:
    """Return a closed form, opened or factored, whichever is shorter; erf and erfc of one argument are one of them."""
    opened = sympy.expand(value)
    both = {c: 1 - sympy.erf(*c.args) for c in opened.atoms(sympy.erfc) if opened.has(sympy.erf(*c.args))}
    if both:
        opened = sympy.expand(put(opened, both))
    ways = [opened, sympy.factor_terms(opened), sympy.powsimp(opened)]
    return min(ways, key=lambda e: (sympy.count_ops(e), len(str(e))))
