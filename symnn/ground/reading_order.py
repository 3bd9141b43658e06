"""The order in which a reader expects terms and factors: numbers, scalars, entries, functions, sums; positive first."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from symnn.ground.tree import (
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
    children,
)

__all__ = ["factor_key", "term_key"]

_RANK: dict[type, int] = {
    Num: 0, Const: 1, Sym: 2, Ix: 3, Entry: 4, Fn: 6, Add: 7, Div: 7, Where: 8, Sum: 9, D: 9, Delta: 5, Ind: 5,
}  # fmt: skip


def _rank(tree: Tree) -> int:
    match tree:
        case Neg():
            return _rank(tree.body)
        case Pow():
            return _rank(tree.base)
        case Mul() | Div():
            return max(_rank(p) for p in children(tree))
    return _RANK[type(tree)]


def text_key(tree: Tree) -> str:
    """Return a text that orders trees of one rank as a reader would, by their letters."""
    match tree:
        case Num():
            return _number_text(tree.value)
        case Const():
            return tree.name
        case Sym():
            return str(tree.symbol.name)
        case Ix():
            return tree.index.letter
        case Entry():
            return tree.tensor.name + "[" + ",".join(text_key(p) for p in tree.at) + "]"
        case Fn():
            return tree.name + "(" + ",".join(text_key(p) for p in tree.args) + ")"
        case Sum():
            return "Sum_" + tree.index.letter + text_key(tree.body)
        case _:
            return type(tree).__name__ + "(" + ",".join(text_key(p) for p in children(tree)) + ")"


def _number_text(value: Fraction) -> str:
    try:
        return f"{float(value):+.6e}"
    except OverflowError:  # too large for a float
        return f"{Decimal(value.numerator) / Decimal(value.denominator):+.6e}"


def term_key(tree: Tree) -> tuple[Any, ...]:
    """Order the terms of a sum: positive ones first, then by rank, sums by the number of factors, then by letters."""
    rank = _rank(tree)
    return (isinstance(tree, Neg), rank, _factors(tree) if rank == _RANK[Sum] else 0, text_key(tree))


def _factors(tree: Tree) -> int:
    match tree:
        case Neg() | Sum():
            return _factors(tree.body)
        case Div():
            return _factors(tree.num) + _factors(tree.den)
        case Mul():
            return sum(_factors(f) for f in tree.factors)
    return 1


def factor_key(tree: Tree) -> tuple[Any, ...]:
    """Order the factors of a product: by rank, then by letters."""
    return (_rank(tree), text_key(tree))
