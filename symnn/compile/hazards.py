"""Where a stabilised formula may still overflow, or divide by what underflows, though its value is an ordinary number.

A tensor is *wild* if its formula holds such a place, *vanishing* if it may become smaller than every number without
being 0 (a probability), *falling* if it is seen to be at most 0 (the logarithm of one), else *tame*.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import sympy

from symnn.compile.exponents import is_shifted
from symnn.compile.positions import is_position
from symnn.compile.products import quotient
from symnn.compile.safe_nodes import Peak
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    Add,
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
    free_indices,
    tensors_in,
)

__all__ = ["Kind", "Kinds", "hazards", "kind_of"]

Kind = Literal["tame", "vanishing", "falling", "wild"]
Kinds = Callable[[Tensor], Kind]

_GROWING = frozenset({"exp", "sinh", "cosh", "gamma"})
_SINGULAR_AT_0 = frozenset({"log", "digamma", "loggamma"})


def kind_of(tree: Tree, kind: Kinds) -> Kind:
    """Return the kind of a tensor that is computed by a stabilised tree."""
    if hazards(tree, kind):
        return "wild"
    if _vanishes(tree, kind):
        return "vanishing"
    return "falling" if _falls(tree, kind) else "tame"


def hazards(tree: Tree, kind: Kinds) -> int:
    """Return how many places of a stabilised tree may overflow or divide by an underflow."""

    def go(at: Tree, guards: frozenset[Tensor], held: tuple[Tree, ...]) -> int:
        """Count below a place where some conditions hold; ``guards`` are the tensors of inequalities among them."""
        if isinstance(at, Entry):
            return int(kind(at.tensor) == "wild")
        count = 0
        if isinstance(at, Fn) and at.name in _GROWING:
            guarded = not guards.isdisjoint(tensors_in(at))
            falls = at.name == "exp" and _falls(at.args[0], kind) and _unmasked(at.args[0], held)
            count += int(not guarded and not falls)
        elif isinstance(at, Fn) and at.name in _SINGULAR_AT_0:
            count += int(_vanishes(at.args[0], kind))
        elif isinstance(at, Fn) and at.name == "log1p":
            count += int(_vanishes(Add((ONE, at.args[0])), kind))
        elif isinstance(at, Div):
            count += sum(_vanishes(f, kind) for f in quotient(at.den).above)
        elif isinstance(at, Pow) and _negative(at.exponent):
            count += int(_vanishes(at.base, kind))
        elif isinstance(at, Where):  # a condition on u guards what is made of u
            guards, held = guards.union(tensors_in(at.condition)), (*held, *_conditions(at.condition))
        elif isinstance(at, Mul):
            guards = guards.union(*(tensors_in(f) for f in at.factors if isinstance(f, Ind) and f.rel in (">", ">=")))
            held = (*held, *(f for f in at.factors if isinstance(f, Ind | Delta)))
        return count + sum(go(p, guards, held) for p in children(at))

    return go(tree, frozenset(), ())


def _unmasked(exponent: Tree, held: tuple[Tree, ...]) -> bool:
    """Tell whether an exponent shifted by the largest of some entries is one of those: their mask holds here."""
    for t in exponent.terms if isinstance(exponent, Add) else ():
        at, over = t.body if isinstance(t, Neg) else None, None
        while isinstance(at, Peak | Where):
            if isinstance(at, Peak):
                over, at = at.index, at.body
                continue
            if not all(any(_matches(m, over, h) for h in held) for m in _conditions(at.condition)):
                return False
            at = at.then
    return True


def _conditions(tree: Tree) -> tuple[Tree, ...]:
    return tree.factors if isinstance(tree, Mul) else (tree,)


def _matches(mask: Tree, over: Index | None, held: Tree) -> bool:
    """Tell whether a mask's condition, at some position of the index it runs over, is the one that holds."""
    if over is None:
        return _same(mask, held)
    return any(_same(substitute(mask, indices={over: Ix(i)}), held) for i in (over, *free_indices(held)))


def _same(a: Tree, b: Tree) -> bool:
    """Tell whether two conditions are one, i >= j being i + 1 > j where both sides are whole numbers."""
    if a == b:
        return True
    one, other = _margin(a), _margin(b)
    return one is not None and other is not None and bool(sympy.expand(one - other) == 0)


def _margin(condition: Tree) -> Any:
    """Return m where a condition on whole numbers reads m >= 0, else None."""
    if not isinstance(condition, Ind) or condition.rel not in (">", ">="):
        return None
    if not (is_position(condition.left) and is_position(condition.right)):
        return None
    return to_sympy(condition.left) - to_sympy(condition.right) - int(condition.rel == ">")


def _vanishes(tree: Tree, kind: Kinds) -> bool:
    """Tell whether a stabilised tree may underflow to 0 where its value is not 0."""
    for f in quotient(tree).above:
        match f:
            case Entry():
                if kind(f.tensor) == "vanishing":
                    return True
            case Fn(name="exp") | Fn(name="logistic") | Fn(name="sech"):
                return True
            case Pow():
                if not _negative(f.exponent) and _vanishes(f.base, kind):
                    return True
            case Where():
                if _vanishes(f.then, kind) or _vanishes(f.other, kind):
                    return True
            case Add():
                others = [t for t in f.terms if t != ONE]
                falls_short = len(others) == len(f.terms) or all(isinstance(t, Neg) for t in others)  # 1 - p
                if falls_short and not _has_exponential(f) and all(_vanishes(t, kind) for t in others):
                    return True
            case Sum() if not isinstance(f, Peak):
                if _vanishes(f.body, kind) and not is_shifted(f):
                    return True
    return False


def _falls(tree: Tree, kind: Kinds) -> bool:
    """Tell whether u is seen to be at most 0: shifted by its peak, or minus an even power, a modulus or a softplus."""
    if isinstance(tree, Add):
        return any(_is_shift(t) for t in tree.terms) or all(_falls(t, kind) for t in tree.terms)
    q = quotient(tree)
    signs = [_sign(f, kind) for f in (*q.above, *q.below)]
    return 0 not in signs and math.prod(signs) * q.sign < 0


def _sign(tree: Tree, kind: Kinds) -> int:
    """Return 1 for a factor seen to be at least 0, -1 for one at most 0, else 0."""
    match tree:
        case Entry():
            return -1 if kind(tree.tensor) == "falling" else 1 if tree.tensor.positive else 0
        case Num():
            return 1 if tree.value >= 0 else -1
        case Sym():
            return 1 if tree.symbol.is_nonnegative else 0
        case Pow(exponent=Num(value=v)):
            return int(v % 2 == 0)
        case Fn(name="max"):
            return int(any(_sign(a, kind) > 0 for a in tree.args))
        case Fn():
            return int(tree.name in ("abs", "softplus", "exp", "logistic", "sech"))
    return 0


def _is_shift(tree: Tree) -> bool:
    """Tell whether a term is minus the largest of several exponents."""
    at = tree.body if isinstance(tree, Neg) else None
    while isinstance(at, Where):
        at = at.then
    return isinstance(at, Peak) or isinstance(at, Fn) and at.name == "max"


def _has_exponential(tree: Tree) -> bool:
    return isinstance(tree, Fn) and tree.name == "exp" or any(_has_exponential(p) for p in children(tree))


def _negative(exponent: Tree) -> bool:
    return quotient(exponent).sign < 0
