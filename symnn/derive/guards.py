"""What a condition decides beside it: in 1[a < 1] 1[min(1, a) > -1] the smaller of the two is a."""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.convert import canonical
from symnn.algebra.terms import Poly
from symnn.derive.tidy import clean
from symnn.ground.errors import UnsupportedError
from symnn.ground.tree import ONE, ZERO, Add, Entry, Fn, Ind, Mul, Neg, Tree, Where, children, rebuild

__all__ = ["decided"]

#: What is known: each form is positive, or not negative.
Known = tuple[tuple[Poly, bool], ...]


def decided(tree: Tree) -> Tree:
    """Return the tree with cases, maxima, minima and conditions left out that the conditions around them decide."""
    return clean(_within(tree, ()))


def _within(tree: Tree, known: Known) -> Tree:
    if isinstance(tree, Entry):
        return tree
    if isinstance(tree, Mul):
        return Mul(tuple(_beside(n, tree.factors, known) for n in range(len(tree.factors))))
    if isinstance(tree, Where):
        condition = _within(tree.condition, known)
        holds, fails = _facts(condition), _facts(_opposite(condition))
        return Where(condition, _within(tree.then, known + holds), _within(tree.other, known + fails))
    parts = tuple(_within(p, known) for p in children(tree))
    tree = rebuild(tree, parts) if parts else tree
    if not known:
        return tree
    if isinstance(tree, Fn) and tree.name in ("max", "min"):
        sign = _sign(tree.args[0], tree.args[1], known)
        return tree if not sign else tree.args[0 if (sign > 0) == (tree.name == "max") else 1]
    if isinstance(tree, Ind) and tree.rel in (">", ">="):
        return _condition(tree, known)
    return tree


def _beside(n: int, factors: tuple[Tree, ...], known: Known) -> Tree:
    """Return a factor under the conditions that the others are; of two that decide each other the first stays."""
    for k, other in enumerate(factors):
        if k != n and isinstance(other, Ind) and not (k > n and isinstance(factors[n], Ind) and _plain(factors[n])):
            known = known + _facts(other)
    return _within(factors[n], known)


def _plain(tree: Tree) -> bool:
    """Tell whether a condition holds no choice itself: it is not shortened by later ones, which it may shorten."""
    return not any(isinstance(p, Fn | Where) for p in children(tree))


def _facts(condition: Tree) -> Known:
    if not isinstance(condition, Ind) or condition.rel not in (">", ">="):
        return ()
    form = _form(condition.left, condition.right)
    return () if form is None else ((form, condition.rel == ">"),)


def _opposite(condition: Tree) -> Tree:
    if isinstance(condition, Ind) and condition.rel in (">", ">="):
        return Ind(">=" if condition.rel == ">" else ">", condition.right, condition.left)
    return condition if not isinstance(condition, Ind) else ONE


def _form(left: Tree, right: Tree) -> Poly | None:
    try:
        return canonical(Add((left, Neg(right))))
    except (UnsupportedError, ZeroDivisionError):
        return None


def _sign(left: Tree, right: Tree, known: Known) -> int:
    """Return 1 where left >= right is known, -1 where left <= right is, else 0."""
    form = _form(left, right)
    if form is None:
        return 0
    for p, _ in known:
        if _positive_multiple(form, p):
            return 1
        if _positive_multiple(-form, p):
            return -1
    return 0


def _condition(tree: Ind, known: Known) -> Tree:
    form = _form(tree.left, tree.right)
    if form is None:
        return tree
    for p, strict in known:
        if _positive_multiple(form, p) and (strict or tree.rel == ">="):
            return ONE
        if _positive_multiple(-form, p) and (strict or tree.rel == ">"):
            return ZERO
    return tree


def _positive_multiple(p: Poly, q: Poly) -> bool:
    if p.terms.keys() != q.terms.keys() or not p.terms:
        return False
    ratios = {Fraction(c) / q.terms[m] for m, c in p.terms.items()}
    return len(ratios) == 1 and ratios.pop() > 0
