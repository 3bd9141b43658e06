"""u >= 0 by form: squares, absolute values, exponentials, indicators, and sums and products of what is >= 0.

An inequality is proved in two halves that a reader can follow: the algebra proves that the difference of its sides
equals a witness, and the witness is nonnegative by the way it is written.
"""

from __future__ import annotations

from symnn.algebra.prove import prove_equal
from symnn.ground.tree import (
    ONE,
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
from symnn.verify.lines import check_equal
from symnn.verify.record import Check

__all__ = ["check_at_least", "nonnegative", "positive"]


def check_at_least(difference: Tree, witness: Tree) -> Check:
    """Return whether ``difference >= 0``: it equals the witness by the algebra, and that is >= 0 by its form."""
    equal = check_equal(difference, witness)
    if equal.verdict != "proved":
        return equal
    if not nonnegative(witness):
        return Check("undecided", "the difference equals the witness, but the witness's form does not show its sign")
    return Check("proved", "the difference equals the witness for all sizes, which is nonnegative by its form")


def nonnegative(tree: Tree) -> bool:
    """Tell whether a formula is >= 0 by its form; False says only that its form does not show it."""
    match tree:
        case Delta() | Ind() | Ix():
            return True
        case Sym():
            return bool(tree.symbol.is_nonnegative)
        case Entry():
            return tree.tensor.positive or tree.tensor.classes is not None
        case Num():
            return tree.value >= 0
        case Add():
            return _complement(tree) or all(nonnegative(t) for t in tree.terms)
        case Mul():
            return all(nonnegative(f) or _guarded(f, tree) for f in tree.factors)
        case Div():
            return nonnegative(tree.num) and positive(tree.den)
        case Pow():
            even = isinstance(tree.exponent, Num) and tree.exponent.value % 2 == 0 and tree.exponent.value > 0
            return even or positive(tree)
        case Sum():
            return nonnegative(tree.body)
        case Where():
            return nonnegative(tree.then) and nonnegative(tree.other)
        case Fn(name="abs"):
            return True
        case Fn(name="max"):
            return any(nonnegative(a) for a in tree.args)
    return positive(tree)


def positive(tree: Tree) -> bool:
    """Tell whether a formula is > 0 by its form."""
    match tree:
        case Const() | Fn(name="exp"):
            return True
        case Sym():
            return bool(tree.symbol.is_positive)
        case Entry():
            return tree.tensor.positive
        case Num():
            return tree.value > 0
        case Add():
            return all(nonnegative(t) for t in tree.terms) and any(positive(t) for t in tree.terms)
        case Mul():
            return all(positive(f) for f in tree.factors)
        case Div():
            return positive(tree.num) and positive(tree.den)
        case Pow():
            return positive(tree.base)
        case Sum():  # every range holds at least one index
            return positive(tree.body)
        case Where():
            return positive(tree.then) and positive(tree.other)
    return False


def _complement(tree: Add) -> bool:
    """1 - c for a condition c, which is 0 or 1."""
    match tree.terms:
        case (Num(), Neg(body=Delta() | Ind())) | (Neg(body=Delta() | Ind()), Num()):
            return ONE in tree.terms
    return False


def _guarded(factor: Tree, product: Mul) -> bool:
    """1[u >= v] (u - v): the factor is nonnegative wherever the indicator beside it is not 0."""
    return any(
        isinstance(f, Ind) and f.rel in (">", ">=") and bool(prove_equal(factor, Add((f.left, Neg(f.right)))))
        for f in product.factors
    )
