"""The largest exponent of a sum of exponentials, and the sum with that shift inside its exponentials."""

from __future__ import annotations

from functools import reduce
from typing import TypeGuard

from symnn.compile.products import negated, summands
from symnn.compile.safe_nodes import LOWEST, Peak
from symnn.ground.tree import ZERO, Add, Delta, Div, Fn, Ind, Mul, Neg, Num, Sum, Tree, Where, depends_on, mul

__all__ = ["is_fn", "is_shifted", "peak_of_sum", "shifted"]


def is_fn(tree: Tree, name: str) -> TypeGuard[Fn]:
    """Tell whether a tree is a call of the named function."""
    return isinstance(tree, Fn) and tree.name == name


def peak_of_sum(tree: Tree) -> Tree | None:
    """Return the largest exponent M of a tree that is a sum of exponentials, so that tree / exp(M) is of order 1."""
    if isinstance(tree, Add) and any(_peak(t) is not None for t in tree.terms):
        return _peak(tree)
    if not isinstance(tree, Sum) or isinstance(tree, Peak):
        return None
    inner = _peak(tree.body)
    if inner is None:
        return None
    return Peak(tree.index, inner) if depends_on(inner, tree.index) else inner


def _peak(tree: Tree) -> Tree | None:
    if is_fn(tree, "exp"):
        return tree.args[0]
    if isinstance(tree, Sum):
        return peak_of_sum(tree)
    if isinstance(tree, Neg):
        return _peak(tree.body)
    if isinstance(tree, Div):
        return _peak(tree.num)
    if isinstance(tree, Where) and tree.other == ZERO:
        inner = _peak(tree.then)
        return None if inner is None else Where(tree.condition, inner, LOWEST)
    if isinstance(tree, Mul):
        masks = [f for f in tree.factors if isinstance(f, Ind | Delta)]
        for f in tree.factors:
            inner = _peak(f)
            if inner is not None:
                return Where(mul(*masks), inner, LOWEST) if masks else inner
    if isinstance(tree, Add):
        found = [p for t in tree.terms if (p := ZERO if _is_positive(t) else _peak(t)) is not None]
        if len(found) == len(tree.terms):
            return reduce(lambda a, b: Fn("max", (a, b)), found)
    return None


def shifted(tree: Tree, peak: Tree) -> Tree | None:
    """Return tree / exp(peak) with the shift inside an exponential, or None."""
    if is_fn(tree, "exp"):
        return Fn("exp", (Add((*summands(tree.args[0]), Neg(peak))),))
    if isinstance(tree, Neg):
        inner = shifted(tree.body, peak)
        return None if inner is None else Neg(inner)
    if isinstance(tree, Div):
        inner = shifted(tree.num, peak)
        return None if inner is None else Div(inner, tree.den)
    if isinstance(tree, Sum) and not isinstance(tree, Peak):
        inner = shifted(tree.body, peak)
        return None if inner is None else Sum(tree.index, inner)
    if isinstance(tree, Where) and tree.other == ZERO:
        inner = shifted(tree.then, peak)
        return None if inner is None else Where(tree.condition, inner, ZERO)
    if isinstance(tree, Mul):
        for n, f in enumerate(tree.factors):
            inner = shifted(f, peak)
            if inner is not None:
                return Mul((*tree.factors[:n], inner, *tree.factors[n + 1 :]))
    if isinstance(tree, Add):
        small = Fn("exp", (negated(peak),))
        parts = [mul(t, small) if _is_positive(t) else shifted(t, peak) for t in tree.terms]
        if all(p is not None for p in parts):
            return Add(tuple(p for p in parts if p is not None))
    return None


def is_shifted(tree: Tree) -> bool:
    """Tell whether the exponents of a tree have been shifted by a peak already."""
    stack = [_peak(tree)]
    while stack:
        at = stack.pop()
        if isinstance(at, Peak):
            stack.append(at.body)
        elif isinstance(at, Where):
            stack.append(at.then)
        elif isinstance(at, Add) and any(isinstance(t, Neg) and _is_largest(t.body) for t in at.terms):
            return True
    return False


def _is_largest(tree: Tree) -> bool:
    return isinstance(tree, Peak) or is_fn(tree, "max")


def _is_positive(tree: Tree) -> bool:
    return isinstance(tree, Num) and tree.value > 0
