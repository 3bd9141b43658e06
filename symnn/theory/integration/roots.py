"""Where a smooth function of one real number vanishes: exactly where it can be solved, else by search and bisection."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy

from symnn.theory.errors import MomentError
from symnn.theory.integration.evaluate import Array, Program, as_float
from symnn.theory.integration.scalar import derivative

__all__ = ["DIGITS", "is_exact", "order", "real_roots"]

#: Digits of a root that is found by bisection.
DIGITS = 60
_GRID = 4001


def real_roots(h: Any, x: Any, lower: Any, upper: Any, reach: float | None, *, touching: bool = False) -> list[Any]:
    """Return the zeros of ``h`` strictly between two ends, in no order; ``touching`` asks for those without a change.

    A linear, quadratic or rational polynomial is solved exactly, and so is one inside exp, log, tanh, erf or a power.
    Of anything else the sign is sampled at 4001 points of [-reach, reach] and each change bisected to 60 digits; two
    zeros between neighbouring points are missed.

    Raises:
        MomentError: only a search can find them, and the function has parameters or ``reach`` is None.
    """
    if x not in h.free_symbols:
        return []
    found: dict[Any, None] = {}
    for factor in sympy.Mul.make_args(_together(h)):
        base = factor.base if isinstance(factor, sympy.Pow) and x not in factor.exp.free_symbols else factor
        if x not in base.free_symbols or base.is_positive or base.is_negative:
            continue
        exact = _solve(base, sympy.S.Zero, x)
        if exact is None:
            if base.free_symbols - {x} or reach is None:
                raise MomentError(
                    f"The points where {base} changes sign cannot be solved for; give numbers for its parameters, the "
                    "mean and the variance."
                )
            exact = _searched(base, x, lower, upper, reach, touching)
        found |= dict.fromkeys(exact)
    return [r for r in found if order(lower, r) < 0 and order(r, upper) < 0]


def order(p: Any, r: Any) -> int:
    """Return -1, 0 or 1 as p < r, p = r or p > r.

    Raises:
        MomentError: that depends on parameters.
    """
    if p == r:
        return 0
    gap = r - p
    if gap.is_positive or gap.is_negative:
        return -1 if gap.is_positive else 1
    if gap.is_zero:
        return 0
    if gap.free_symbols:
        raise MomentError(f"Which of {p} and {r} is larger depends on the parameters; give numbers for them.")
    value = sympy.N(gap, DIGITS + 20)
    if abs(value) < sympy.Float(10) ** -DIGITS:
        return 0
    return -1 if value > 0 else 1


def is_exact(point: Any) -> bool:
    """Tell whether a point is known exactly, which one found by bisection is not."""
    return not point.has(sympy.Float)


def _together(h: Any) -> Any:
    """Return h over one denominator where it has one, so that its zeros and poles are those of factors."""
    return sympy.together(h) if any(isinstance(p, sympy.Pow) and p.exp.is_negative for p in h.atoms(sympy.Pow)) else h


def _solve(h: Any, c: Any, x: Any) -> list[Any] | None:
    """Return the real solutions of h = c, None where this does not find them all."""
    if h == x:
        return [c]
    if h.is_polynomial(x):
        return _polynomial(sympy.Poly(h - c, x))
    if isinstance(h, sympy.Add | sympy.Mul):
        constant, rest = h.as_independent(x)
        if isinstance(rest, type(h)):
            return None
        if isinstance(h, sympy.Add):
            return _solve(rest, c - constant, x)
        return _solve(rest, c / constant, x) if constant.is_nonzero else None
    if isinstance(h, sympy.exp):
        if c.is_positive:
            return _solve(h.args[0], sympy.log(c), x)
        return [] if c.is_nonpositive else None
    if isinstance(h, sympy.log):
        return _solve(h.args[0], sympy.exp(c), x)
    if isinstance(h, sympy.tanh | sympy.erf):
        if (1 - c).is_positive and (1 + c).is_positive:
            inverse = sympy.log((1 + c) / (1 - c)) / 2 if isinstance(h, sympy.tanh) else sympy.erfinv(c)
            return _solve(h.args[0], inverse, x)
        return [] if (1 - c).is_nonpositive or (1 + c).is_nonpositive else None
    if isinstance(h, sympy.Pow) and h.exp.is_Integer and h.exp.is_positive:
        return _power(h, c, x)
    return None


def _power(h: Any, c: Any, x: Any) -> list[Any] | None:
    if h.exp.is_odd and c.is_real:
        return _solve(h.base, sympy.real_root(c, h.exp), x)
    if c.is_zero:
        return _solve(h.base, c, x)
    if c.is_positive:
        ways = [_solve(h.base, s * sympy.root(c, h.exp), x) for s in (1, -1)]
        return None if None in ways else [r for way in ways if way is not None for r in way]
    return [] if c.is_negative else None


def _polynomial(p: Any) -> list[Any] | None:
    if p.degree() <= 0:
        return []
    if p.degree() == 1:
        a, b = p.all_coeffs()
        return [sympy.cancel(-b / a)]
    if all(c.is_Rational for c in p.all_coeffs()):
        return list(dict.fromkeys(sympy.real_roots(p)))
    if p.degree() == 2:
        a, b, c = p.all_coeffs()
        inside = sympy.expand(b**2 - 4 * a * c)
        if inside.is_negative:
            return []
        if inside.is_nonnegative:
            return [(-b + s * sympy.sqrt(inside)) / (2 * a) for s in ((1, -1) if inside.is_positive else (1,))]
    return None


def _searched(h: Any, x: Any, lower: Any, upper: Any, reach: float, touching: bool) -> list[Any]:
    """Return zeros as floats of 60 digits."""
    low = max(-reach, as_float(lower)) if lower.is_finite else -reach
    high = min(reach, as_float(upper)) if upper.is_finite else reach
    if low >= high:
        return []
    program = Program(h, x)
    points = np.linspace(low, high, _GRID + 2)[1:-1]
    values = program.floats(points)
    out = _changes(program, points, values)
    if touching:
        slope = Program(derivative(h, x), x)
        with mpmath.workdps(DIGITS):
            out += [t for t in _changes(slope, points, slope.floats(points)) if _vanishes(program, t)]
    with mpmath.workdps(DIGITS):
        return [sympy.Float(str(t), DIGITS) for t in out]


def _vanishes(program: Program, point: Any) -> bool:
    try:
        return bool(abs(program.number(point)) < mpmath.mpf(10) ** (-DIGITS // 2))
    except (ZeroDivisionError, MomentError):
        return False


def _changes(program: Program, points: Array, values: Array) -> list[Any]:
    """Return where the sign changes without a jump or pole between two neighbouring points."""
    signs = np.sign(values)
    out = [mpmath.mpf(float(p)) for p in points[values == 0]]
    for k in np.flatnonzero(signs[:-1] * signs[1:] < 0):
        with mpmath.workdps(DIGITS + 10):
            out.append(_bisected(program, mpmath.mpf(float(points[k])), mpmath.mpf(float(points[k + 1])), signs[k]))
    return out


def _bisected(program: Program, a: Any, b: Any, sign: Any) -> Any:
    """Return a zero between a and b, the sign at a given; a few halvings, then secants while these keep it enclosed."""
    width = mpmath.mpf(10) ** -(DIGITS + 3) * (1 + abs(a))
    for halving in range(10 * DIGITS):
        if b - a <= width:
            break
        if halving == 12:
            near = _secant(program, a, b, width / 4)
            if near is not None:
                return near
        middle = (a + b) / 2
        a, b = (middle, b) if program.number(middle) * sign > 0 else (a, middle)
    return (a + b) / 2


def _secant(program: Program, a: Any, b: Any, width: Any) -> Any:
    """Return a zero at which the sign is seen to change within ``width``, None where secants lead nowhere."""
    low, high, f, g = a, b, program.number(a), program.number(b)
    for _ in range(20):
        if f == g:
            return None
        a, b, f = b, b - g * (b - a) / (g - f), g
        if not low < b < high:
            return None
        g = program.number(b)
        if abs(b - a) < width:
            return b if program.number(b - width) * program.number(b + width) < 0 else None
    return None
