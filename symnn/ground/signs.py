"""What the form of an expression says about its sign, before anything is expanded: (x - m)^2 + eps is positive."""

from __future__ import annotations

from fractions import Fraction

from symnn.ground.tree import (
    Add,
    Const,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
)

__all__ = ["NONNEGATIVE", "POSITIVE", "UNKNOWN", "sign_known"]

UNKNOWN, NONNEGATIVE, POSITIVE = 0, 1, 2

#: Functions with values > 0 everywhere, and >= 0 everywhere.
_POSITIVE = frozenset(("exp", "cosh", "erfc"))
_NONNEGATIVE = frozenset(("abs",))


def sign_known(tree: Tree) -> int:
    """Return POSITIVE or NONNEGATIVE where the form shows it wherever the expression is defined, else UNKNOWN.

    Sums have at least one term, because sizes are at least 1; a denominator is not 0 where the expression is defined.
    """
    match tree:
        case Num():
            return POSITIVE if tree.value > 0 else NONNEGATIVE if tree.value == 0 else UNKNOWN
        case Const() | Delta() | Ind() | Ix():
            return POSITIVE if isinstance(tree, Const) else NONNEGATIVE
        case Sym():
            return POSITIVE if tree.symbol.is_positive else NONNEGATIVE if tree.symbol.is_nonnegative else UNKNOWN
        case Entry():
            return _entry(tree)
        case Add():
            known = [sign_known(t) for t in tree.terms]
            return max(known) if min(known) >= NONNEGATIVE else UNKNOWN
        case Mul():
            return min(sign_known(f) for f in tree.factors)
        case Div():
            below = sign_known(tree.den)
            return sign_known(tree.num) if below >= NONNEGATIVE else UNKNOWN
        case Pow():
            return _power(tree)
        case Fn():
            return _function(tree)
        case Sum():
            return sign_known(tree.body)
        case Where():
            return min(sign_known(tree.then), sign_known(tree.other))
        case Neg(body=Num(value=value)):
            return NONNEGATIVE if value == 0 else POSITIVE if value < 0 else UNKNOWN
    return UNKNOWN


def _entry(tree: Entry) -> int:
    if tree.tensor.positive:
        return POSITIVE
    return NONNEGATIVE if tree.tensor.nonnegative or tree.tensor.classes is not None else UNKNOWN


def _power(tree: Pow) -> int:
    base, exponent = sign_known(tree.base), tree.exponent
    if base == POSITIVE:
        return POSITIVE
    value = _value(exponent)
    if value is None:
        return UNKNOWN
    if value.denominator == 1 and value.numerator % 2 == 0:
        return NONNEGATIVE if value > 0 else POSITIVE
    if value.denominator % 2 == 0 or base == NONNEGATIVE:  # a real even root is not negative
        return NONNEGATIVE if value > 0 else POSITIVE
    return UNKNOWN


def _value(exponent: Tree) -> Fraction | None:
    match exponent:
        case Num():
            return exponent.value
        case Neg(body=Num(value=value)):
            return -value
        case Div(num=Num(value=above), den=Num(value=below)):
            return above / below
        case Neg(body=Div(num=Num(value=above), den=Num(value=below))):
            return -above / below
    return None


def _function(tree: Fn) -> int:
    if tree.name in _POSITIVE:
        return POSITIVE
    known = [sign_known(a) for a in tree.args]
    if tree.name in _NONNEGATIVE:
        return max(NONNEGATIVE, known[0])
    if tree.name == "max":
        return max(known)
    if tree.name == "min":
        return min(known)
    return UNKNOWN
