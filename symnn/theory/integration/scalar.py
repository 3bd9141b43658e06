"""A real function of one real number, as SymPy: what is accepted, a value put in for the symbol, the derivative."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair

from symnn.ground.arguments import found, real_constant
from symnn.ground.errors import DefinitionError, UnsupportedError
from symnn.ground.substitute import evaluate_scalar_derivative
from symnn.theory.errors import MomentError

__all__ = ["KINKED", "SMOOTH", "derivative", "number", "put", "read", "walk"]

#: Functions that are analytic where they are defined; ``evaluate`` knows how to compute each.
SMOOTH = (
    sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh, sympy.asin, sympy.acos,
    sympy.atan, sympy.asinh, sympy.erf, sympy.erfc,
)  # fmt: skip
#: Functions that are analytic on either side of the points where an argument, or a difference of two, changes sign.
KINKED = (sympy.Max, sympy.Min, sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Piecewise)
_PARTS = (
    sympy.Add, sympy.Mul, sympy.Pow, sympy.Rational, sympy.NumberSymbol, sympy.Symbol, ExprCondPair,
    sympy.core.relational.Relational, sympy.And, sympy.Or, sympy.Not, sympy.logic.boolalg.BooleanAtom,
)  # fmt: skip


def read(caller: str, expression: Any, z: Any) -> tuple[Any, Any]:
    """Return the expression in a real symbol of its own, floats in it taken as the decimals they print as.

    Raises:
        DefinitionError: ``z`` is no symbol or declared positive, integer or the like, or the expression is neither
            SymPy nor a number (text is not read).
        UnsupportedError: it contains what is no function of real numbers known here, such as floor or a sum.
        MomentError: it is not real, or has another free symbol that is not declared real or positive.
    """
    if not isinstance(z, sympy.Symbol):
        raise DefinitionError(f"{caller}() takes the normal number as a symbol, Symbol('z'), found {found(z)}.")
    for kind in ("positive", "negative", "nonpositive", "nonnegative", "integer", "zero"):
        if getattr(z, f"is_{kind}"):
            raise DefinitionError(
                f"{caller}(): {z} is declared {kind}, which a normal number is not, and SymPy simplifies by it. "
                f"Declare it by sympy.Symbol({str(z)!r}, real=True)."
            )
    if not isinstance(expression, sympy.Basic):
        expression = real_constant(caller, "a function that is a constant", expression)
    x = sympy.Dummy("z", real=True)
    exact = {f: sympy.Rational(str(f)) for f in expression.atoms(sympy.Float) if f.is_finite}
    made = put(expression, {z: x, **exact})
    for part in walk(made):
        if part in (sympy.I, sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            raise MomentError(f"{caller}() takes a real function, and {part} occurs in {expression}.")
        if not isinstance(part, (*SMOOTH, *KINKED, *_PARTS)):
            raise UnsupportedError(
                f"{caller}() knows no {part.func.__name__}, which occurs in {expression}. It knows powers, Piecewise, "
                f"and {', '.join(f.__name__ for f in (*SMOOTH, *KINKED[:-1]))}."
            )
    for symbol in sorted(made.free_symbols - {x}, key=str):
        if symbol.is_real is not True:
            raise MomentError(
                f"{caller}() integrates over {z} alone, and {symbol} occurs in {expression} too. A parameter is "
                f"declared positive: sympy.Symbol({str(symbol)!r}, positive=True)."
            )
    return put_functions(made), x


def put_functions(expression: Any) -> Any:
    """Return the expression with tan written as sin over cos, so that its poles are zeros of a denominator."""
    if not expression.has(sympy.tan):
        return expression
    parts = [put_functions(a) for a in expression.args]
    if isinstance(expression, sympy.tan):
        return sympy.sin(parts[0]) / sympy.cos(parts[0])
    return expression.func(*parts)


def number(caller: str, name: str, value: Any, *, positive: bool = False) -> Any:
    """Return a parameter as an exact SymPy number, or as an expression in real symbols.

    Raises:
        MomentError: it is not real, or not positive where it has to be.
    """
    made = real_constant(caller, name, value)
    real = made.is_positive if positive else made.is_real
    if real is not True:
        kind = "positive" if positive else "real"
        raise MomentError(f"{caller}(): {name} must be {kind}, or a symbol declared {kind}, found {value}.")
    return made


def walk(expression: Any) -> Iterator[Any]:
    """Yield the expression and all its parts."""
    yield expression
    for part in expression.args:
        yield from walk(part)


def put(expression: Any, values: Mapping[Any, Any]) -> Any:
    """Return the expression with symbols or numbers replaced; nothing in it may bind a symbol, and ``read`` sees to it.

    >>> z = sympy.Symbol("z")
    >>> put(z + sympy.exp(z), {z: 2 * z})
    2*z + exp(2*z)
    """
    done: dict[Any, Any] = dict(values)

    def go(at: Any) -> Any:
        made = done.get(at)
        if made is None:
            made = at
            if at.args:
                parts = [go(a) for a in at.args]
                if any(new is not old for new, old in zip(parts, at.args, strict=True)):
                    made = at.func(*parts)
            done[at] = made
        return made

    return go(expression)


def derivative(expression: Any, x: Any) -> Any:
    """Return the derivative of a smooth expression by its symbol, from SymPy.

    >>> derivative(sympy.tanh(z := sympy.Symbol("z", real=True)), z)
    1 - tanh(z)**2
    """
    made, slots = evaluate_scalar_derivative(lambda u: put(expression, {x: u}), 0, 1)
    return put(made, {slots[0]: x})
