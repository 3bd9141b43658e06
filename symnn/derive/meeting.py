"""Two functions of one argument that make a third: u sign(u) = |u|, sinh(u)/cosh(u) = tanh(u)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from symnn.ground.tree import ONE, Add, Div, Fn, Mul, Neg, Num, Pow, Tree, mul, transform

__all__ = ["MEETINGS", "above_and_below", "relative_sign"]


def above_and_below(tree: Tree) -> tuple[list[Tree], list[Tree], bool]:
    """Return the factors above and below the fraction bar of a product of quotients, and whether it is negated."""
    match tree:
        case Neg():
            above, below, negative = above_and_below(tree.body)
            return above, below, not negative
        case Mul():
            above, below, negative = [], [], False
            for f in tree.factors:
                a, b, minus = above_and_below(f)
                above, below, negative = above + a, below + b, negative != minus
            return above, below, negative
        case Div():
            above, below, negative = above_and_below(tree.num)
            a, b, minus = above_and_below(tree.den)
            return above + b, below + a, negative != minus
    return [tree], [], False


def relative_sign(u: Tree, v: Tree) -> int:
    """Return 1 where u and v read alike but for the order of terms, -1 where u reads like -v, else 0."""
    if u == v:
        return 1
    ours, theirs = Counter(_signed(u, 1)), Counter(_signed(v, 1))
    if ours == theirs:
        return 1
    return -1 if ours == Counter(_signed(v, -1)) else 0


def _signed(tree: Tree, sign: int) -> list[tuple[int, Tree]]:
    """Return the terms of a sum, each with its sign taken out."""
    if isinstance(tree, Add):
        return [t for term in tree.terms for t in _signed(term, sign)]
    if isinstance(tree, Neg):
        return _signed(tree.body, -sign)
    above, below, negative = above_and_below(tree)
    body = Div(mul(*above), mul(*below)) if below else mul(*above)
    return [(-sign if negative else sign, body)]


def _modulus(tree: Tree) -> Tree:
    """Return a product that holds u and sign(u) with |u| in their place."""
    if not isinstance(tree, Mul):
        return tree
    for f in tree.factors:
        if isinstance(f, Fn) and f.name == "sign" and f.args[0] in tree.factors:
            left = list(tree.factors)
            left.remove(f)
            left[left.index(f.args[0])] = Fn("abs", f.args)
            return mul(*left)
    return tree


def _tanh(tree: Tree) -> Tree:
    """Return a quotient that holds sinh(u) above and cosh(u) below with tanh(u) in the place of sinh(u)."""
    if not isinstance(tree, Mul | Div):
        return tree
    above, below, negative = above_and_below(tree)
    changed = False
    for n, f in enumerate(above):
        name, u, count = _power(f)
        if name != "sinh":
            continue
        for m, g in enumerate(below):
            other, v, least = _power(g)
            if other == "cosh" and relative_sign(u, v):
                common = min(count, least)
                above[n] = mul(_raised("tanh", u, common), _raised("sinh", u, count - common))
                below[m] = _raised("cosh", v, least - common)
                changed = True
                break
    if not changed:
        return tree
    under = mul(*below)
    out = mul(*above) if under == ONE else Div(mul(*above), under)
    return Neg(out) if negative else out


def _power(f: Tree) -> tuple[str, Tree, int]:
    """Return (name, u, k) where a factor is the k-th power of a function of u, k whole; else no name."""
    base, exponent = (f.base, f.exponent) if isinstance(f, Pow) else (f, ONE)
    if not isinstance(base, Fn) or not isinstance(exponent, Num):
        return "", f, 0
    count = exponent.value
    return (base.name, base.args[0], int(count)) if count.denominator == 1 and count > 0 else ("", f, 0)


def _raised(name: str, u: Tree, exponent: int) -> Tree:
    if exponent < 2:
        return Fn(name, (u,)) if exponent else ONE
    return Pow(Fn(name, (u,)), Num(Fraction(exponent)))


#: What a line says was done, and how: each leaves fewer functions than it finds.
MEETINGS: tuple[tuple[str, Callable[[Tree], Tree]], ...] = (
    ("u sign(u) = |u|", lambda tree: transform(tree, _modulus)),
    ("sinh(u)/cosh(u) = tanh(u)", lambda tree: transform(tree, _tanh)),
)
