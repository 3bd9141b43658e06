"""The scalar functions that symnn knows, by name: how each one is called in SymPy, and SymPy markers of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean

from symnn.ground.errors import DefinitionError, UnsupportedError
from symnn.ground.indices import Index

__all__ = ["FUNCTIONS", "NAMES", "cases", "indicator", "stop_gradient", "sum_over", "where", "whole_sum"]


class StopGradient(sympy.Function):  # type: ignore[misc]
    """The identity whose derivative is declared 0."""

    nargs = 1

    def _eval_is_real(self) -> bool | None:
        return bool(self.args[0].is_real) or None


#: Name in the plain tree -> SymPy class. Derivatives come from SymPy's ``diff`` of the function alone.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "asinh": sympy.asinh,
    "erf": sympy.erf,
    "erfc": sympy.erfc,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "max": sympy.Max,
    "min": sympy.Min,
    "gamma": sympy.gamma,
    "loggamma": sympy.loggamma,
    "digamma": lambda x: sympy.polygamma(0, x),
    "stop_gradient": StopGradient,
}

NAMES: dict[Any, str] = {cls: name for name, cls in FUNCTIONS.items() if isinstance(cls, type)}


def sum_over(body: Any, *over: Any) -> Any:
    """Return the sum of an index expression over whole indices: ``sum_over(W[i, j] * x[n, j], j)``.

    The range of each index is read from the axes it is used on, unless the index carries a size.
    """
    out = _formula(body, "sum")
    for k in over:
        if not isinstance(k, Index):
            raise DefinitionError(
                f"sum() takes the formula, then the indices it sums over, sum(W[i, j] * x[n, j], j); {k!r} is no index "
                "from indices(). Each runs over its whole axis, so no bounds are given."
            )
        out = whole_sum(out, k)
    return out


def whole_sum(body: Any, k: Any) -> Any:
    """Return SymPy's sum of the body over a whole index, as it stands.

    ``sympy.Sum(...)`` would bring a Piecewise out of the sums inside the body, and their indices out of scope with it.
    """
    made = sympy.Expr.__new__(sympy.Sum, body, sympy.Tuple(k, sympy.S.Zero, k.extent - 1))
    made.is_commutative = True
    return made


def indicator(condition: Any) -> Any:
    """Return 1 where the condition holds, else 0: ``indicator(a[n, i] > 0)``."""
    return cases(sympy.S.One, _condition(condition, "indicator"), sympy.S.Zero)


def cases(then: Any, condition: Any, other: Any) -> Any:
    """Return SymPy's ``then`` where the condition holds, else ``other``, as it stands.

    ``sympy.Piecewise(...)`` would bring cases out of sums inside the condition, and their indices out of scope.
    """
    if condition in (True, sympy.true):
        return then
    if condition in (False, sympy.false):
        return other
    pairs = [sympy.Tuple.__new__(ExprCondPair, then, condition), sympy.Tuple.__new__(ExprCondPair, other, sympy.true)]
    return sympy.Basic.__new__(sympy.Piecewise, *pairs)


def where(condition: Any, then: Any, other: Any) -> Any:
    """Return ``then`` where the condition holds, else ``other``: ``where(r <= 1, r**2 / 2, r - 1 / 2)``."""
    return cases(_formula(then, "where"), _condition(condition, "where"), _formula(other, "where"))


def _formula(value: Any, caller: str) -> Any:
    """Return a value as SymPy; text is refused, because SymPy would evaluate it."""
    try:
        return sympy.sympify(value, strict=True)
    except sympy.SympifyError:
        raise UnsupportedError(
            f"{caller}() takes a formula of tensor entries such as x[n, i], found {type(value).__name__} {value!r}."
        ) from None


def _condition(value: Any, caller: str) -> Any:
    """Return a comparison as SymPy, or True or False."""
    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if isinstance(value, Boolean):
        return value
    raise UnsupportedError(
        f"{caller}() takes a comparison such as x[n, i] > 0, found {type(value).__name__} {value!r}."
    )


def stop_gradient(expression: Any) -> Any:
    """Return the expression, held constant in every derivative."""
    return StopGradient(_formula(expression, "stop_gradient"))
