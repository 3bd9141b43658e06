"""A smooth piece as a sum of terms c z^n exp(a z + b z^2) erf(alpha z + beta)..., which have closed forms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sympy

from symnn.theory.integration.scalar import walk

__all__ = ["Term", "terms_of"]

_FOREIGN = (sympy.tanh, sympy.asin, sympy.acos, sympy.atan, sympy.asinh)


@dataclass(frozen=True)
class Term:
    """``coefficient * z**power * exp(linear*z + quadratic*z**2) * log(z)**logs`` times each ``erf(alpha*z + beta)``.

    Attributes:
        power: a whole number >= 0, or any rational where z > 0.
        linear: complex where it came from a sine or cosine.
        erfs: the pairs (alpha, beta), in a fixed order.
    """

    coefficient: Any
    power: Any = sympy.S.Zero
    linear: Any = sympy.S.Zero
    quadratic: Any = sympy.S.Zero
    erfs: tuple[tuple[Any, Any], ...] = ()
    logs: int = 0

    def times(self, factor: Any) -> Term:
        """Return the term with its coefficient multiplied."""
        return replace(self, coefficient=self.coefficient * factor)

    def expression(self, z: Any) -> Any:
        """Return the term as SymPy."""
        out = self.coefficient * z**self.power * sympy.exp(self.linear * z + self.quadratic * z**2)
        for alpha, beta in self.erfs:
            out *= sympy.erf(alpha * z + beta)
        return out * sympy.log(z) ** self.logs


def terms_of(body: Any, z: Any) -> list[Term] | None:
    """Return the terms whose sum is the body, like ones added; None where it is no such sum.

    sinh, cosh, sin and cos are written by exp, erfc by erf. A broken power or a logarithm of z needs a positive ``z``.

    >>> z = sympy.Symbol("z", real=True)
    >>> terms_of(z * (1 + sympy.erf(z)) / 2, z)[1].erfs
    ((1, 0),)
    >>> terms_of(sympy.tanh(z), z) is None
    True
    """
    if any(_outside(p, z) for p in walk(body)):
        return None
    found: dict[Term, Any] = {}
    for part in sympy.Add.make_args(sympy.expand(_by_exp(body))):
        term = _term(part, z)
        if term is None:
            return None
        key = replace(term, coefficient=sympy.S.One)
        found[key] = found.get(key, 0) + term.coefficient
    return [key.times(c) for key, c in found.items() if c != 0]


def _outside(part: Any, z: Any) -> bool:
    """Tell whether a part keeps the body from being such a sum, which saves opening it."""
    if isinstance(part, sympy.Pow):
        return bool(isinstance(part.base, sympy.Add) and part.exp.is_negative and z in part.base.free_symbols)
    return isinstance(part, _FOREIGN) and z in part.free_symbols


def _by_exp(body: Any) -> Any:
    if body.has(sympy.sinh, sympy.cosh, sympy.sin, sympy.cos):
        parts = [_by_exp(a) for a in body.args]
        if isinstance(body, sympy.sinh | sympy.cosh):
            sign = 1 if isinstance(body, sympy.cosh) else -1
            return (sympy.exp(parts[0]) + sign * sympy.exp(-parts[0])) / 2
        if isinstance(body, sympy.sin | sympy.cos):
            turn = sympy.exp(sympy.I * parts[0])
            return (turn + 1 / turn) / 2 if isinstance(body, sympy.cos) else (turn - 1 / turn) / (2 * sympy.I)
        body = body.func(*parts)
    return body.rewrite(sympy.erf) if body.has(sympy.erfc) else body


def _term(part: Any, z: Any) -> Term | None:
    coefficient, rest = part.as_independent(z, as_Add=False)
    out: Term | None = Term(coefficient)
    for factor in sympy.Mul.make_args(rest):
        out = None if out is None else _with(out, factor, z)
    return out


def _with(term: Term, factor: Any, z: Any) -> Term | None:
    """Return the term times one more factor."""
    if factor == 1:
        return term
    if isinstance(factor, sympy.exp):
        return _with_exp(term, factor.args[0], z)
    base, exponent = factor.as_base_exp()
    if base == z and exponent.is_Rational and (z.is_positive or exponent.is_Integer and exponent.is_nonnegative):
        return replace(term, power=term.power + exponent)
    if z not in base.free_symbols and base.is_positive:
        return _with_exp(term, exponent * sympy.log(base), z)
    if not (exponent.is_Integer and exponent.is_positive):
        return None
    if isinstance(base, sympy.erf) and _degree(base.args[0], z) == 1:
        beta, alpha = _coefficients(base.args[0], z, 1)
        return replace(term, erfs=tuple(sorted(term.erfs + ((alpha, beta),) * int(exponent), key=str)))
    if base == sympy.log(z) and z.is_positive:
        return replace(term, logs=term.logs + int(exponent))
    return None


def _with_exp(term: Term, exponent: Any, z: Any) -> Term | None:
    if not 0 <= _degree(exponent, z) <= 2:
        return None
    c, a, b = _coefficients(exponent, z, 2)
    if b.is_real is not True:
        return None
    return replace(term.times(sympy.exp(c)), linear=term.linear + a, quadratic=term.quadratic + b)


def _degree(e: Any, z: Any) -> int:
    """Return the degree of a polynomial in z, -1 for what is none."""
    return int(sympy.degree(e, z)) if e.is_polynomial(z) and z in e.free_symbols else (-1 if e.has(z) else 0)


def _coefficients(e: Any, z: Any, most: int) -> list[Any]:
    p = sympy.Poly(e, z)
    return [p.coeff_monomial(z**k) for k in range(most + 1)]
