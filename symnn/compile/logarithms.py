"""log of a quotient of exponentials as a difference, before it is differentiated: no quotient is left to underflow.

log(exp(u) a / sum_k exp(u_k)) = u + log a - log sum_k exp(u_k).
"""

from __future__ import annotations

from symnn.compile.exponents import is_fn
from symnn.compile.products import Quotient, negated, quotient
from symnn.ground.tree import ONE, Add, Div, Fn, Mul, Neg, Num, Pow, Sum, Tree, add, mul, transform

__all__ = ["expanded_logs"]


def expanded_logs(tree: Tree) -> Tree:
    """Return an equal tree in which logarithms of quotients of exponentials are differences."""
    return transform(tree, _expanded)


def _expanded(tree: Tree) -> Tree:
    if not is_fn(tree, "log"):
        return tree
    q = quotient(_one_quotient(tree.args[0]))
    if q.sign < 0:
        return tree
    terms: list[Tree] = []
    above, below = [], list(q.below)
    for f in q.above:
        if not is_fn(f, "exp"):
            above.append(f)
            continue
        v = f.args[0]
        whole = next((d for d in below if _one_plus(d) == v), None)
        if whole is not None:  # exp(v) / (1 + exp(v)) = 1 / (1 + exp(-v))
            below.remove(whole)
            terms.append(Neg(Fn("log", (Add((ONE, Fn("exp", (negated(v),)))),))))
        else:
            terms.append(v)
    rest = Quotient(1, [f for f in above if not _positive(f)], [f for f in below if not _positive(f)])
    terms += [_log(f, 1) for f in above if _positive(f)] + [_log(f, -1) for f in below if _positive(f)]
    if not terms:
        return tree
    if rest.above or rest.below:
        terms.append(Fn("log", (rest.tree(),)))
    return add(*terms)


def _log(tree: Tree, sign: int) -> Tree:
    """Return sign * log of a positive factor."""
    if isinstance(tree, Fn):
        return tree.args[0] if sign > 0 else negated(tree.args[0])
    if isinstance(tree, Pow):
        inner = mul(tree.exponent, Fn("log", (tree.base,)))
    else:
        inner = Fn("log", (tree,))
    return inner if sign > 0 else Neg(inner)


def _one_quotient(tree: Tree) -> Tree:
    """1 - a / (a + b) = b / (a + b)."""
    if not isinstance(tree, Add) or len(tree.terms) != 2 or ONE not in tree.terms:
        return tree
    other = next(t for t in tree.terms if t != ONE)
    q = quotient(other)
    if q.sign > 0 or len(q.below) != 1 or not isinstance(q.below[0], Add):
        return tree
    rest, part = list(q.below[0].terms), mul(*q.above)
    if part not in rest:
        return tree
    rest.remove(part)
    return Div(add(*rest), q.below[0])


def _positive(tree: Tree) -> bool:
    """Tell whether a factor is an exponential or a sum of exponentials and positive numbers."""
    if isinstance(tree, Pow):
        return isinstance(tree.exponent, Num) and _positive(tree.base)
    if isinstance(tree, Add):
        return all(_positive(t) or isinstance(t, Num) and t.value > 0 for t in tree.terms)
    if isinstance(tree, Sum):
        return _positive(tree.body)
    if isinstance(tree, Mul):
        return all(map(_positive, tree.factors))
    return is_fn(tree, "exp")


def _one_plus(tree: Tree) -> Tree | None:
    """Return v where the tree is 1 + exp(v)."""
    if isinstance(tree, Add) and len(tree.terms) == 2 and ONE in tree.terms:
        other = next((t for t in tree.terms if t != ONE), ONE)
        if is_fn(other, "exp"):
            return other.args[0]
    return None
