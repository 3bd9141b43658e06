"""Scalar functions in normal form: exp and log taken apart, odd and even ones by sign, the rest as atoms."""

from __future__ import annotations

from typing import Any

from symnn.algebra.identities import EVEN, ODD
from symnn.algebra.indicators import absolute, indicator, sign
from symnn.algebra.leaves import applied, const, of_atom
from symnn.algebra.order import leading_sign
from symnn.algebra.powers import power, primes
from symnn.algebra.products import content, multiply
from symnn.algebra.squares import square_root
from symnn.algebra.terms import ONE, ZERO, Poly, intern_atom, ratio

__all__ = ["exponential", "function", "logarithm"]


def exponential(p: Poly) -> Poly:
    """Return exp(p) as the product of exp(m) ** c over the terms c * m; exp(c log u) is u ** c."""
    out = ONE
    for m, c in p.terms.items():
        if len(m) == 1 and m[0][1] == 1 and m[0][0].kind == "fn" and m[0][0].data[0] == "log":
            out = multiply(out, power(m[0][0].data[1][0], c))
            continue
        height, found = 0, frozenset[Any]()
        for a, _ in m:
            height, found = max(height, a.height), found | a.indices
        out = multiply(out, of_atom(intern_atom("exp", m, positive=True, height=height, indices=found), c))
    return out


def logarithm(p: Poly) -> Poly:
    """Return log(p), split only over factors known to be positive."""
    if not p.terms:
        raise ZeroDivisionError("the logarithm of zero")
    scale, mono, rest = content(p, positive_only=True)
    out = ZERO
    if scale > 0:
        for prime, k in primes(scale):
            out = out + applied("log", (const(prime),)).scaled(k)
        scale = 1
    for a, e in mono:
        if a.kind == "exp":
            out = out + Poly({a.data: ratio(e)})
        elif a.kind == "base" or a.kind == "num":
            out = out + applied("log", (a.data if a.kind == "base" else const(a.data),)).scaled(e)
        else:
            out = out + applied("log", (of_atom(a),)).scaled(e)
    if rest == ONE:
        return out if scale == 1 else out + applied("log", (const(scale),))
    if scale == 1:
        root = square_root(rest)
        if root is not None and (root.positive or (-root).positive):  # log(q^2) = 2 log|q|
            return out + logarithm(root if root.positive else -root).scaled(2)
    return out + applied("log", (rest.scaled(scale),))


def function(name: str, args: tuple[Poly, ...]) -> Poly:
    """Return a scalar function in normal form."""
    match name:
        case "exp":
            return exponential(args[0])
        case "log":
            return logarithm(args[0])
        case "abs":
            return absolute(args[0])
        case "sign":
            return sign(args[0])
        case "max":
            return multiply(indicator(">", args[0] - args[1]), args[0] - args[1]) + args[1]
        case "min":
            return multiply(indicator(">", args[1] - args[0]), args[0] - args[1]) + args[1]
        case "erfc":
            return ONE - function("erf", args)
        case "stop_gradient":
            return args[0] if args[0].constant() is not None else applied(name, args)
    if not args[0].terms and name in ODD:
        return ZERO
    if not args[0].terms and name in EVEN:
        return ONE
    if len(args) == 1 and (name in ODD or name in EVEN) and leading_sign(args[0]) < 0:
        flipped = applied(name, (-args[0],))
        return -flipped if name in ODD else flipped
    return applied(name, args)
