"""E[f(u) g(v)] of two normal numbers that are correlated: the mean over u of f(u) times the mean of g(v) given u."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from symnn.ground.arguments import whole_number
from symnn.ground.errors import DefinitionError
from symnn.theory.errors import MomentError
from symnn.theory.integration.closed import by_terms, tidy
from symnn.theory.integration.evaluate import as_float
from symnn.theory.integration.moment import CLOSED, QUADRATURE, Integral, expression_of, far, moment, value_of
from symnn.theory.integration.pieces import Piece, cut
from symnn.theory.integration.plane import over_the_plane
from symnn.theory.integration.scalar import number, put, read

__all__ = ["gaussian_product"]

#: sqrt(1 - rho^2) and rho, while rho is a symbol.
_W = sympy.Dummy("w", positive=True)
_RHO = sympy.Dummy("rho", real=True)


def gaussian_product(
    f: Any,
    g: Any,
    z: Any,
    *,
    variances: Any = (1, 1),
    correlation: Any = None,
    covariance: Any = None,
    digits: int = 15,
) -> Integral:
    """E[f(u) g(v)], where (u, v) is normal with mean 0, the variances given, and a correlation or a covariance.

    Given u, v is normal with mean rho sqrt(q2/q1) u and variance q2 (1 - rho^2). If E[g(v) | u], or E[f(u) | v], has
    a closed form, one integral over the other number is left, exact or by quadrature, as in ``gaussian_mean``: so the
    arc-cosine kernels (Cho, Saul 2009) and that of erf (Williams 1997) come out. Otherwise it is computed by quadrature
    over the plane, in float64.

    >>> z, r = sympy.symbols("z r", real=True)
    >>> gaussian_product(sympy.erf(z), sympy.erf(z), z, correlation=r).closed
    2*asin(2*r/3)/pi
    >>> gaussian_product(sympy.Max(0, z), sympy.Max(0, z), z, correlation=sympy.Rational(1, 2)).closed
    sqrt(3)/(4*pi) + 1/6

    Args:
        f: a function in the symbol ``z``, of u.
        g: a function in the same symbol, of v.
        z: their symbol.
        variances: of u and of v, positive.
        correlation: rho, between -1 and 1; a symbol stands for a number strictly between.
        covariance: rho sqrt(q1 q2), instead.
        digits: of the value; over the plane 15 at most.

    Raises:
        MomentError: as ``gaussian_mean``; the correlation is outside [-1, 1]; over the plane also if E[f^2] or E[g^2]
            does not exist, or the error cannot be brought below 1e-8 of E[|f g|].
        DefinitionError: an argument is of the wrong kind, or not exactly one of correlation and covariance is given.
    """
    caller = "gaussian_product"
    whole_number(caller, "digits", digits, 1)
    if not isinstance(variances, tuple | list) or len(variances) != 2:
        raise DefinitionError(f"{caller}() takes variances as a pair, variances=(1, 1), found {variances!r}.")
    q1, q2 = (number(caller, "a variance", v, positive=True) for v in variances)
    if (correlation is None) == (covariance is None):
        raise DefinitionError(f"{caller}() takes either correlation or covariance.")
    if correlation is not None:
        rho = number(caller, "the correlation", correlation)
    else:
        rho = number(caller, "the covariance", covariance) / sympy.sqrt(q1 * q2)
    first, x = read(caller, f, z)
    second, y = read(caller, g, z)
    second = put(second, {y: x})
    zero = sympy.S.Zero
    if rho.is_number and (1 - rho**2).is_negative:
        raise MomentError(f"{caller}(): the correlation must lie between -1 and 1, found {rho}.")
    if rho.is_number and (1 - rho**2).is_zero:
        both = first * put(second, {x: rho * sympy.sqrt(q2 / q1) * x})
        found = moment(cut(both, x, far(zero, q1)), x, z, zero, q1, digits)
    else:
        left, right = cut(first, x, far(zero, q1)), cut(second, x, far(zero, q2))
        apart = _uncorrelated(left, right, x, q1, q2, digits) if rho == 0 else None
        found = apart or _iterated(left, right, x, q1, q2, rho, digits) or _by_plane(left, right, x, q1, q2, rho)
    expression = put(first, {x: sympy.Symbol("u")}) * put(second, {x: sympy.Symbol("v")})
    return Integral(found.value, found.closed, found.bound, found.method, found.used, expression, (q1, q2))


def _uncorrelated(f: Sequence[Piece], g: Sequence[Piece], x: Any, q1: Any, q2: Any, digits: int) -> Integral | None:
    """Return E[f] E[g]."""
    a, b = moment(f, x, x, sympy.S.Zero, q1, digits), moment(g, x, x, sympy.S.Zero, q2, digits)
    used = tuple(dict.fromkeys([*a.used, *b.used]))
    for one in (a, b):
        if one.closed == 0:
            return one
    if a.closed is not None and b.closed is not None:
        closed = tidy(a.closed * b.closed)
        return Integral(*_valued(closed, digits), CLOSED, used, None, None)
    if a.value is None or b.value is None:
        return None
    bound = abs(float(a)) * b.bound + abs(float(b)) * a.bound + a.bound * b.bound
    return Integral(a.value * b.value, None, bound, QUADRATURE, (), None, None)


def _iterated(
    f: Sequence[Piece], g: Sequence[Piece], x: Any, q1: Any, q2: Any, rho: Any, digits: int
) -> Integral | None:
    """Return the moment by one integral over u, or over v, if the inner mean has a closed form."""
    symbolic = not rho.is_number
    r, w = (_RHO, _W) if symbolic else (rho, sympy.sqrt(1 - rho**2))
    best: Integral | None = None
    orders = [(f, g, q1, q2)] if f == g and q1 == q2 else [(f, g, q1, q2), (g, f, q2, q1)]
    for outer, inner, q, p in orders:
        given = by_terms(inner, x, r * sympy.sqrt(p / q) * x, sympy.expand(p * w**2))
        if given is None:
            continue
        mean = sympy.powsimp(given[0], combine="exp")  # or a large exponential stands beside a small one
        pieces = [Piece(o.lower, o.upper, o.body * mean, o.singular) for o in outer]
        exact = by_terms(pieces, x, sympy.S.Zero, q)
        if exact is not None:
            closed = _in_correlation(exact[0], rho) if symbolic else exact[0]
            return Integral(*_valued(closed, digits), CLOSED, tuple(dict.fromkeys([*given[1], *exact[1]])), None, None)
        symbols = set().union(*(piece.body.free_symbols for piece in pieces), q.free_symbols) - {x}
        if best is None and not symbols:
            best = moment(pieces, x, x, sympy.S.Zero, q, digits)
    return best


def _valued(closed: Any, digits: int) -> tuple[Any, Any, float]:
    value, bound = value_of(closed, digits)
    return value, closed, bound


def _in_correlation(value: Any, rho: Any) -> Any:
    """Return a closed form in the correlation itself: 1 - rho^2 is w^2 under roots, atan(rho/w) is asin(rho)."""

    def go(at: Any) -> Any:
        if not at.has(_W):
            return at
        at = at.func(*(go(a) for a in at.args)) if at.args else at
        if isinstance(at, sympy.atan):
            ratio = sympy.cancel(at.args[0] * _W / _RHO)
            if ratio in (1, -1):
                return ratio * sympy.asin(_RHO)
        if isinstance(at, sympy.Pow) and isinstance(at.base, sympy.Add) and not at.exp.is_Integer:
            base = sympy.factor(sympy.cancel(sympy.together(put(at.base, {_RHO: sympy.sqrt(1 - _W**2)}))))
            if not base.has(sympy.sqrt(1 - _W**2)):
                return base**at.exp
        return at

    made = tidy(put(sympy.expand(go(value)), {_W: sympy.sqrt(1 - _RHO**2)}))
    return put(made, {_RHO: rho})


def _by_plane(f: Sequence[Piece], g: Sequence[Piece], x: Any, q1: Any, q2: Any, rho: Any) -> Integral:
    shown = f"E[({expression_of(f, x, sympy.Symbol('u'))})*({expression_of(g, x, sympy.Symbol('v'))})]"
    parts = [p.body for p in (*f, *g)] + [q1, q2, rho]
    symbols = sorted(set().union(*(e.free_symbols for e in parts)) - {x}, key=str)
    if symbols:
        raise MomentError(
            f"{shown} has no closed form among the integrals known here; quadrature needs numbers for "
            f"{', '.join(map(str, symbols))}."
        )
    value, bound = over_the_plane(f, g, x, as_float(q1), as_float(q2), as_float(rho))
    return Integral(value, None, bound, QUADRATURE, (), None, None)
