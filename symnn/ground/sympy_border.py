"""The border between SymPy (what a user types, what a node carries) and the plain tree (what is worked on)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.relational import Relational

from symnn.ground.errors import DefinitionError, UnsupportedError
from symnn.ground.functions import FUNCTIONS, NAMES, cases, whole_sum
from symnn.ground.indices import Index
from symnn.ground.reading_order import factor_key, term_key
from symnn.ground.tensors import Tensor, TensorSymbol, tensor_of
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Const,
    D,
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
    mul,
    num,
    number,
    reads_as_decimal,
    transform,
    walk,
)

__all__ = ["from_sympy", "to_sympy"]

_RELATIONS = {
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.Equality: "=",
    sympy.Unequality: "!=",
}
_TO_RELATION = {rel: cls for cls, rel in _RELATIONS.items()}


#: Python writes no number of more than 4300 digits.
_MOST_BITS = 13_000


def from_sympy(expression: Any) -> Tree:
    """Return the plain tree of a SymPy index expression, its terms and factors in reading order.

    Raises:
        UnsupportedError: a construct that the index algebra does not have.
    """
    if isinstance(expression, Tree):
        return expression
    if isinstance(expression, Tensor):
        raise DefinitionError(
            f"Tensor {expression.name!r} appears without indices. Write one of its entries, for example "
            f"{expression.name}[{', '.join('nijkl'[: expression.rank]) or '()'}]."
        )
    if isinstance(expression, str):
        raise UnsupportedError("A formula must be a SymPy expression, not text: text is never evaluated.")
    try:
        expr = sympy.sympify(expression, strict=True)
    except sympy.SympifyError:
        raise UnsupportedError(f"{expression!r} is not a SymPy expression of tensor entries.") from None
    return _convert(expr)


def _fraction(value: Any) -> Fraction:
    if not value.is_finite:
        raise UnsupportedError(f"{value} is not a finite real number. Use an indicator instead of infinite entries.")
    if value.is_Rational:
        if max(abs(int(value.p)), int(value.q)).bit_length() > _MOST_BITS:
            raise UnsupportedError(
                "A number of more than 3900 digits stands in the formula, and no number so long is read or printed. "
                "Divide the formula by it, or declare it as a scalar: c = sn.scalars('c')."
            )
        return Fraction(int(value.p), int(value.q))
    plain = float(value)
    return (
        Fraction(repr(plain)) if math.isfinite(plain) and (plain or not value) else Fraction(str(sympy.Rational(value)))
    )


def _convert(e: Any) -> Tree:
    if e.is_Number:
        return number(_fraction(e))
    if isinstance(e, TensorSymbol):
        return Entry(e.tensor, ())
    if isinstance(e, Index):
        return Ix(e)
    if e.is_Symbol:
        return Sym(e)
    if e in (sympy.pi, sympy.E):
        return Const("pi" if e is sympy.pi else "E")
    if isinstance(e, sympy.Indexed):
        tensor = tensor_of(e.base.label)
        if tensor is None:
            raise UnsupportedError(
                f"{e} belongs to no symnn tensor. Declare it with input(), parameter() or labels(), then index that."
            )
        return Entry(tensor, tuple(_convert(i) for i in e.indices))
    if e.is_Add:
        return Add(tuple(sorted((_convert(a) for a in e.args), key=term_key)))
    if e.is_Mul:
        return _product(e)
    if e.is_Pow:
        return _power(e)
    if isinstance(e, sympy.Sum):
        return _sum(e)
    if isinstance(e, sympy.KroneckerDelta):
        return Delta(_convert(e.args[0]), _convert(e.args[1]))
    if isinstance(e, sympy.Piecewise):
        return _piecewise(e)
    if isinstance(e, sympy.Heaviside):
        if e.args[1] == 0:
            return Ind(">", _convert(e.args[0]), ZERO)
        raise UnsupportedError(f"{e} has no value agreed on at 0. Write indicator(x > 0) or indicator(x >= 0).")
    if isinstance(e, sympy.Derivative):
        wrt = _convert(e.variables[0])
        if len(e.variables) != 1 or not isinstance(wrt, Entry):
            raise UnsupportedError(f"{e}: only a first derivative by one tensor entry can be stated.")
        return D(_convert(e.expr), wrt)
    if isinstance(e, sympy.polygamma) and e.args[0] == 0:
        return Fn("digamma", (_convert(e.args[1]),))
    name = NAMES.get(e.func)
    if name in ("max", "min"):
        # SymPy's Max keeps no order: constants last, so that a tie belongs to the constant side.
        args = sorted((_convert(a) for a in e.args), key=lambda t: (_is_constant(t), term_key(t)))
        out = args[-1]
        for a in reversed(args[:-1]):
            out = Fn(name, (a, out))
        return out
    if name is not None:
        return Fn(name, tuple(_convert(a) for a in e.args))
    raise UnsupportedError(
        f"{type(e).__name__} in {e} is outside the index algebra. Known: + - * / **, sums over an index, "
        f"KroneckerDelta, Piecewise, comparisons, and {', '.join(FUNCTIONS)}."
    )


def _is_constant(tree: Tree) -> bool:
    return not any(isinstance(t, Entry) for t in walk(tree))


def _product(e: Any) -> Tree:
    coefficient, above, below = Fraction(1), [], []
    for a in e.args:
        if a.is_Number:
            coefficient *= _fraction(a)
        elif a.is_Pow and a.exp.could_extract_minus_sign() and not isinstance(a, sympy.exp):
            below.append(_convert(1 / a))
        else:
            above.append(_convert(a))
    negative, coefficient = coefficient < 0, abs(coefficient)
    above.sort(key=factor_key)
    below.sort(key=factor_key)
    if reads_as_decimal(coefficient):
        above.insert(0, num(coefficient))
    else:
        if coefficient.numerator != 1:
            above.insert(0, num(coefficient.numerator))
        if coefficient.denominator != 1:
            below.insert(0, num(coefficient.denominator))
    body = mul(*above)
    if below:
        body = Div(body, mul(*below))
    return Neg(body) if negative else body


def _power(e: Any) -> Tree:
    base, exponent = e.args
    if exponent.is_number and exponent.is_negative:
        return Div(ONE, _convert(base**-exponent))
    if base.is_Rational and base.q != 1 and base.p == 1:  # (1/2)**x
        return Pow(Div(ONE, num(int(base.q))), _convert(exponent))
    return Pow(_convert(base), _convert(exponent))


def _sum(e: Any) -> Tree:
    out = _convert(e.function)
    for limit in e.limits:
        letter, *bounds = limit
        if not isinstance(letter, Index):
            raise UnsupportedError(f"The sum in {e} runs over {letter}, which is no index. Make it with index('k').")
        if bounds:
            low, high = bounds
            size = sympy.expand(high - low + 1)
            if low == 0 and size == letter.extent:
                out = _sum_tree(letter, out)
                continue
            if low != 0 or (letter.size is not None and size != letter.size):
                raise UnsupportedError(
                    f"The sum over {letter} runs from {low} to {high}; a sum takes a whole index, from 0 to its "
                    "size - 1. Shift the index inside the body instead, or multiply by an indicator."
                )
            if letter.size is None:
                new = Index(letter.letter, size)
                out = _rename(out, letter, new)
                letter = new
        out = _sum_tree(letter, out)
    return out


def _sum_tree(letter: Index, body: Tree) -> Tree:
    return Neg(Sum(letter, body.body)) if isinstance(body, Neg) else Sum(letter, body)


def _rename(tree: Tree, old: Index, new: Index) -> Tree:
    return transform(tree, lambda t: Ix(new) if t == Ix(old) else t)


def _condition(c: Any) -> Tree:
    if c in (True, sympy.true):
        return ONE
    if c in (False, sympy.false):
        return ZERO
    if isinstance(c, sympy.And):
        return mul(*[_condition(a) for a in sorted(c.args, key=sympy.default_sort_key)])
    if isinstance(c, sympy.Or):
        none = mul(*[_not(_condition(a)) for a in sorted(c.args, key=sympy.default_sort_key)])
        return _not(none)
    if isinstance(c, sympy.Not):
        return _not(_condition(c.args[0]))
    if isinstance(c, Relational):
        if isinstance(c, (sympy.StrictLessThan, sympy.LessThan)):
            c = c.reversed
        return Ind(_RELATIONS[type(c)], _convert(c.lhs), _convert(c.rhs))
    raise UnsupportedError(f"{c} is not a comparison that symnn knows.")


def _not(condition: Tree) -> Tree:
    return Add((ONE, Neg(condition)))


def _piecewise(e: Any) -> Tree:
    pairs = [(_convert(value), _condition(cond)) for value, cond in e.args]
    if pairs[-1][1] != ONE:
        raise UnsupportedError(f"{e} is not defined everywhere. End the Piecewise with (value, True).")
    out = pairs[-1][0]
    for value, cond in reversed(pairs[:-1]):
        out = cond if (value, out) == (ONE, ZERO) else Where(cond, value, out)
    return out


def to_sympy(tree: Tree) -> Any:
    """Return the SymPy expression of a plain tree; SymPy may order and evaluate it as it does."""
    match tree:
        case Num():
            return sympy.Rational(tree.value.numerator, tree.value.denominator)
        case Const():
            return sympy.pi if tree.name == "pi" else sympy.E
        case Sym():
            return tree.symbol
        case Ix():
            return tree.index
        case Entry():
            return tree.tensor[tuple(to_sympy(p) for p in tree.at)]
        case Add():
            return sympy.Add(*[to_sympy(p) for p in tree.terms])
        case Mul():
            return sympy.Mul(*[to_sympy(p) for p in tree.factors])
        case Neg():
            return -to_sympy(tree.body)
        case Div():
            return to_sympy(tree.num) / to_sympy(tree.den)
        case Pow():
            return to_sympy(tree.base) ** to_sympy(tree.exponent)
        case Fn():
            return FUNCTIONS[tree.name](*[to_sympy(p) for p in tree.args])
        case Sum():
            return whole_sum(to_sympy(tree.body), tree.index)
        case Delta():
            return sympy.KroneckerDelta(to_sympy(tree.left), to_sympy(tree.right))
        case Ind():
            return cases(sympy.S.One, _test(tree), sympy.S.Zero)
        case Where():
            return cases(to_sympy(tree.then), _test(tree.condition), to_sympy(tree.other))
        case D():
            return sympy.Derivative(to_sympy(tree.body), to_sympy(tree.wrt), evaluate=False)
    raise UnsupportedError(f"{type(tree).__name__} has no SymPy form.")


def _test(condition: Tree) -> Any:
    if isinstance(condition, Ind):
        relation = _TO_RELATION[condition.rel]
        return relation(to_sympy(condition.left), to_sympy(condition.right), evaluate=False)
    return sympy.Ne(to_sympy(condition), 0, evaluate=False)
