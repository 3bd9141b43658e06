"""How a plain tree is read, whatever the notation: signs, roots, cases, comparisons, arguments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

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
    Tree,
    Where,
    walk,
)

__all__ = [
    "MIRRORED",
    "Binds",
    "Comparison",
    "Written",
    "arguments",
    "branches",
    "comparison",
    "constant",
    "exponential",
    "factors",
    "negation",
    "rational",
    "root",
    "signed",
    "summed",
]


class Binds(IntEnum):
    """How tightly the outermost operation holds its parts together."""

    TERMS = 0
    SIGN = 1
    PRODUCT = 2
    CLOSED = 3
    ATOM = 4


@dataclass(frozen=True)
class Written:
    """A formula in some notation.

    Attributes:
        text: how it reads.
        binds: its outermost operation.
        swallows: what would be read as part of it if it came next: nothing, "factors" or "terms".
        shut: how it reads with its end marked, or "" if only brackets do that.
    """

    text: str
    binds: Binds
    swallows: str = ""
    shut: str = ""


@dataclass(frozen=True)
class Comparison:
    """left rel right, rel one of = != < <= > >=."""

    left: Tree
    rel: str
    right: Tree


MIRRORED = {">": "<", ">=": "<=", "=": "=", "!=": "!="}
_NOT = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "=": "!=", "!=": "="}


def signed(tree: Tree) -> tuple[bool, Tree]:
    """Return whether a minus sign stands in front, and what it stands in front of."""
    match tree:
        case Neg():
            return True, tree.body
        case Num() if tree.value < 0:
            return True, Num(-tree.value)
        case Mul() if tree.factors:
            flat = factors(tree)
            negative, first = signed(flat[0])
            return (True, Mul((first, *flat[1:]))) if negative else (False, tree)
        case Div():
            negative, above = signed(tree.num)
            return (True, Div(above, tree.den)) if negative else (False, tree)
    return False, tree


def factors(tree: Tree) -> tuple[Tree, ...]:
    """Return the factors of a product, those of products inside it too."""
    if not isinstance(tree, Mul):
        return (tree,)
    return tuple(f for part in tree.factors for f in factors(part))


def rational(tree: Tree) -> Fraction | None:
    """Return the value of a plain number, however it is composed."""
    match tree:
        case Num():
            return tree.value
        case Neg():
            value = rational(tree.body)
            return None if value is None else -value
        case Div():
            above, below = rational(tree.num), rational(tree.den)
            return above / below if above is not None and below else None
    return None


def root(tree: Pow) -> tuple[int, bool] | None:
    """Return the degree of a root and whether it stands below 1; None for a power that is no root."""
    value = rational(tree.exponent)
    if value is None or abs(value.numerator) != 1 or value.denominator not in (2, 3):
        return None
    return value.denominator, value < 0


def exponential(tree: Tree) -> Tree | None:
    """Return u of exp(u) or E**u."""
    if isinstance(tree, Fn) and tree.name == "exp":
        return tree.args[0]
    if isinstance(tree, Pow) and tree.base == Const("E"):
        return tree.exponent
    return None


def constant(tree: Tree) -> bool:
    """Tell whether a tree holds neither entries nor indices."""
    return not any(isinstance(at, Entry | Ix) for at in walk(tree))


def arguments(tree: Fn) -> tuple[Tree, ...]:
    """Return a function's arguments in reading order: of max and min all that are nested, constants first."""
    if tree.name not in ("max", "min"):
        return tree.args
    flat: list[Tree] = []
    for arg in tree.args:
        flat.extend(arguments(arg) if isinstance(arg, Fn) and arg.name == tree.name else (arg,))
    return tuple(sorted(flat, key=lambda arg: not constant(arg)))


def branches(tree: Where) -> tuple[tuple[tuple[Tree, Tree], ...], Tree]:
    """Return the (value, condition) pairs of a case distinction in order, and the value otherwise."""
    pairs, other = [(tree.then, tree.condition)], tree.other
    while isinstance(other, Where):
        pairs.append((other.then, other.condition))
        other = other.other
    return tuple(pairs), other


def comparison(tree: Tree) -> Comparison | None:
    """Return the comparison that an indicator or a delta makes, a lone constant on the right."""
    match tree:
        case Delta():
            return Comparison(tree.left, "=", tree.right)
        case Ind():
            if constant(tree.left) and not constant(tree.right):
                return Comparison(tree.right, MIRRORED[tree.rel], tree.left)
            return Comparison(tree.left, tree.rel, tree.right)
    inner = negation(tree)
    found = comparison(inner) if inner is not None else None
    return None if found is None else Comparison(found.left, _NOT[found.rel], found.right)


def negation(tree: Tree) -> Tree | None:
    """Return c of 1 - c where c is a condition, else None."""
    match tree:
        case Add(terms=(first, Neg(body=inner))) if first == ONE and _truth(inner):
            return inner
    return None


def _truth(tree: Tree) -> bool:
    """Tell whether a tree is 0 or 1 by its form."""
    match tree:
        case Delta() | Ind():
            return True
        case Mul():
            return all(_truth(f) for f in tree.factors)
        case Add():
            return negation(tree) is not None
    return False


def summed(tree: Sum) -> tuple[tuple[Sum, ...], Tree]:
    """Return the sums nested directly in each other, outermost first, and what is summed."""
    sums = [tree]
    while isinstance(sums[-1].body, Sum):
        sums.append(sums[-1].body)
    return tuple(sums), sums[-1].body
