"""Functions of one number: activations of the table, and derivatives, as trees over a stand-in for that number."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from symnn.derive.differentiate import differentiate
from symnn.derive.tidy import clean
from symnn.ground.functions import FUNCTIONS as SCALAR
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ONE, Add, D, Div, Entry, Fn, Neg, Pow, Tree, children, num, rebuild
from symnn.nn.activations import ACTIVATIONS

__all__ = ["activation_of", "derivative_of", "taken_at"]

#: The stand-in.
_Z = Tensor("z", (), "slot")
_AT_Z = Entry(_Z, ())
_DERIVATIVES: dict[tuple[str, int], Tree | None] = {}
#: Other names of activations and of scalar functions.
_ALSO = {
    "swish": "silu", "hardtanh": "hard_tanh", "expit": "sigmoid", "logistic": "sigmoid", "id": "linear",
    "arctan": "atan", "arcsin": "asin", "arccos": "acos", "arcsinh": "asinh", "gammaln": "loggamma",
    "lgamma": "loggamma", "fabs": "abs", "absolute": "abs", "detach": "stop_gradient",
}  # fmt: skip
_COMPOSED: dict[str, Tree] = {
    "sqrt": Pow(_AT_Z, Div(ONE, num(2))), "rsqrt": Div(ONE, Pow(_AT_Z, Div(ONE, num(2)))), "square": Pow(_AT_Z, num(2)),
    "cbrt": Pow(_AT_Z, Div(ONE, num(3))), "reciprocal": Div(ONE, _AT_Z), "negative": Neg(_AT_Z),
    "log1p": Fn("log", (Add((ONE, _AT_Z)),)), "expm1": Add((Fn("exp", (_AT_Z,)), Neg(ONE))),
    "log2": Div(Fn("log", (_AT_Z,)), Fn("log", (num(2),))), "log10": Div(Fn("log", (_AT_Z,)), Fn("log", (num(10),))),
}  # fmt: skip


def activation_of(kind: str, constants: dict[str, Any] | None = None) -> Tree:
    """Return an activation of the table over the stand-in; constants that are not given are the table's."""
    record = ACTIVATIONS[kind]
    given = constants or {}
    return from_sympy(record.expression(_Z[()], *(_sympy(given.get(k, v)) for k, v in record.constants)))


def _sympy(value: Any) -> Any:
    return sympy.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else value


def derivative_of(name: str, order: int) -> Tree | None:
    """Return the derivative of a function of one number over the stand-in, or None where none of that name is known."""
    key = (name, order)
    if key not in _DERIVATIVES:
        tree = _known(_ALSO.get(name, name))
        _DERIVATIVES[key] = None if tree is None else _differentiated(tree, order)
    return _DERIVATIVES[key]


def _known(name: str) -> Tree | None:
    if name in ACTIVATIONS:
        return activation_of(name)
    if name in SCALAR and name not in ("max", "min"):
        return Fn(name, (_AT_Z,))
    return _COMPOSED.get(name)


def _differentiated(tree: Tree, order: int) -> Tree:
    for _ in range(order):
        tree = clean(differentiate(D(tree, _AT_Z)).result)
    return tree


def taken_at(tree: Tree, u: Tree) -> Tree:
    """Return a tree over the stand-in with something else in its place."""
    if isinstance(tree, Entry) and tree.tensor is _Z:
        return u
    parts = children(tree)
    return rebuild(tree, tuple(taken_at(p, u) for p in parts)) if parts else tree
