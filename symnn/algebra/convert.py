"""From the plain tree to canonical terms; derivatives that a tree still carries are taken here, on terms."""

from __future__ import annotations

from typing import Any

from symnn.algebra.calculus import derivative
from symnn.algebra.normal import (
    const,
    entry,
    exponential,
    function,
    indicator,
    logarithm,
    multiply,
    of_index,
    of_symbol,
    power,
    product,
    size_poly,
    summed,
)
from symnn.algebra.terms import ONE, Poly, Rational, intern_atom
from symnn.ground.errors import UnsupportedError
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
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
    rebuild,
)

__all__ = ["canonical", "expand"]


def canonical(tree: Tree) -> Poly:
    """Return the canonical form of a tree.

    Raises:
        UnsupportedError: a construct the algebra does not have.
        ZeroDivisionError: a denominator that is identically zero.
    """
    match tree:
        case Num():
            return const(tree.value)
        case Const() if tree.name == "E":
            return exponential(ONE)
        case Const():
            return Poly({((intern_atom("sym", tree.name, positive=True), 1),): 1})
        case Sym():
            return of_symbol(tree.symbol)
        case Ix():
            return of_index(tree.index)
        case Entry():
            return entry(tree.tensor, tuple(canonical(p) for p in tree.at))
        case Add():
            out = canonical(tree.terms[0])
            for t in tree.terms[1:]:
                out = out + canonical(t)
            return out
        case Mul() | Div() | Pow():
            return product(_factors(tree, 1))
        case Neg():
            return -canonical(tree.body)
        case Fn():
            return function(tree.name, tuple(canonical(p) for p in tree.args))
        case Sum():
            return summed(canonical(tree.body), (tree.index,))
        case Delta():
            return indicator("=", canonical(tree.left) - canonical(tree.right))
        case Ind():
            return indicator(tree.rel, canonical(tree.left) - canonical(tree.right))
        case Where():
            c = canonical(tree.condition)
            then, other = canonical(tree.then), canonical(tree.other)
            return multiply(c, then) + multiply(ONE - c, other)
        case D():
            body = canonical(expand(tree.body, tree.wrt.tensor))
            return derivative(body, tree.wrt.tensor, tuple(canonical(p) for p in tree.wrt.at))
    raise UnsupportedError(f"{type(tree).__name__} has no canonical form.")


def _power(base: Poly, exponent: Poly) -> Poly:
    value = exponent.constant()
    if value is not None:
        return power(base, value)
    if base.positive:
        return exponential(multiply(exponent, logarithm(base)))
    return function("pow", (base, exponent))


def _factors(tree: Tree, e: Rational) -> list[tuple[Poly, Rational]]:
    """Return a product as (base, exponent) pairs, nothing expanded."""
    match tree:
        case Mul():
            return [part for f in tree.factors for part in _factors(f, e)]
        case Neg() if isinstance(e, int):
            return [*_factors(tree.body, e), (const((-1) ** e), 1)]
        case Div():
            return [*_factors(tree.num, e), *_factors(tree.den, -e)]
        case Pow():
            base, exponent = canonical(tree.base), canonical(tree.exponent)
            value = exponent.constant()
            if value is None:
                return [(_power(base, exponent), e)]
            if isinstance(value, int) and isinstance(e, int):
                return [(base, value * e)]
            return [(power(base, value), e)]
    return [(canonical(tree), e)]


def expand(tree: Tree, towards: Tensor, memo: dict[Tensor, bool] | None = None) -> Tree:
    """Return the tree with every tensor that depends on ``towards`` replaced by its definition."""
    memo = {} if memo is None else memo
    if isinstance(tree, Entry) and tree.tensor is not towards and reaches(tree.tensor, towards, memo):
        return expand(unfold(tree), towards, memo)
    parts = children(tree)
    return rebuild(tree, tuple(expand(p, towards, memo) for p in parts)) if parts else tree


def reaches(tensor: Tensor, source: Tensor, memo: dict[Tensor, bool] | None = None) -> bool:
    """Tell whether a tensor is computed, directly or not, from another."""
    memo = {} if memo is None else memo
    stack = [tensor]
    while stack:
        t = stack[-1]
        if t in memo:
            stack.pop()
        elif t is source or t.definition is None:
            memo[t] = t is source
        else:
            waiting: list[Any] = [p for p in t.definition.args if p not in memo]
            if waiting:
                stack.extend(waiting)
            else:
                memo[t] = any(memo[p] for p in t.definition.args)
    return memo[tensor]


def size_tree_value(size: Any) -> Poly:
    """Return a size as a polynomial."""
    return size_poly(size)
