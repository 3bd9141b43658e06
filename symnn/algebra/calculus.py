"""Differentiation of canonical terms: a second path to a derivative, kept apart from the small steps that are shown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symnn.algebra.constructs import Conversion
from symnn.algebra.normal import indicator, multiply, opened, power, rebuild, summed
from symnn.algebra.terms import ZERO, Atom, Poly, ratio
from symnn.ground.errors import UnsupportedError
from symnn.ground.functions import FUNCTIONS
from symnn.ground.substitute import evaluate_scalar_derivative
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D

__all__ = ["derivative"]


def derivative(p: Poly, tensor: Tensor, at: tuple[Poly, ...]) -> Poly:
    """Return dp / d tensor[at], every other tensor held fixed.

    By Leibniz on monomials: d(c * prod a^e) = sum c * e * a^(e-1) * da * (the others).
    """
    out = ZERO
    for m, c in p.terms.items():
        for n, (a, e) in enumerate(m):
            inner = _atom(a, tensor, at)
            if not inner.terms:
                continue
            others = Poly({(*m[:n], *m[n + 1 :]): ratio(Fraction(c) * e)})
            lowered = power(Poly({((a, 1),): 1}) if a.kind != "base" else a.data, e - 1) if e != 1 else None
            term = multiply(others, inner)
            out = out + (term if lowered is None else multiply(term, lowered))
    return out


def _atom(a: Atom, tensor: Tensor, at: tuple[Poly, ...]) -> Poly:
    match a.kind:
        case "ent":
            if a.data[0] is not tensor:
                return ZERO
            out = Poly({(): 1})
            for have, want in zip(a.data[1], at, strict=True):
                out = multiply(out, indicator("=", have - want))
            return out
        case "exp":
            return multiply(Poly({((a, 1),): 1}), derivative(Poly({a.data: 1}), tensor, at))
        case "base":
            return derivative(a.data, tensor, at)
        case "sum":
            fresh, body = opened(a)
            return summed(derivative(body, tensor, at), fresh)
        case "fn":
            return _function(a, tensor, at)
    return ZERO


def _function(a: Atom, tensor: Tensor, at: tuple[Poly, ...]) -> Poly:
    name, args = a.data
    if name == "stop_gradient":
        return ZERO
    out = ZERO
    for n, arg in enumerate(args):
        inner = derivative(arg, tensor, at)
        if inner.terms:
            out = out + multiply(_outer(name, n, args), inner)
    return out


def _outer(name: str, position: int, args: tuple[Poly, ...]) -> Poly:
    """Return the partial derivative of a scalar function, found by SymPy for plain symbols, at the arguments."""
    key = (name, position, len(args))
    found = _PARTIALS.get(key)
    if found is None:
        function = (lambda x, y: x**y) if name == "pow" else FUNCTIONS[name]
        expr, slots = evaluate_scalar_derivative(function, position, len(args))
        found = _PARTIALS[key] = (_CONVERSION(from_sympy(expr)), slots)
    poly, slots = found
    values = dict(zip(slots, args, strict=True))
    return rebuild(poly, lambda b: values.get(b.data) if b.kind == "sym" else None)


def _none_pending(pending: D) -> Poly:
    raise UnsupportedError("A scalar function has no derivative that can be written down.")


_CONVERSION = Conversion(_none_pending)
_PARTIALS: dict[Any, Any] = {}
