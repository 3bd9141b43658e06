"""The compiler's additions to the plain tree: the largest entry over an index, and functions with a safe program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symnn.ground.indices import Index
from symnn.ground.tree import Const, Fn, Ix, Sum, Tree, children, rebuild

__all__ = ["LOWEST", "Peak", "expm1", "log1p", "logistic", "remade", "renamed", "rewritten", "sech", "softplus"]

#: Stands for the lowest finite number of the program's precision.
LOWEST = Const("lowest")


@dataclass(frozen=True, eq=True)
class Peak(Sum):
    """max_k body, the largest value over a whole index; the index is bound here."""

    __hash__ = Tree.__hash__


def logistic(u: Tree) -> Tree:
    """1 / (1 + exp(-u)), safe for both signs."""
    return Fn("logistic", (u,))


def softplus(u: Tree) -> Tree:
    """log(1 + exp(u)) = max(u, 0) + log1p(exp(-abs(u)))."""
    return Fn("softplus", (u,))


def expm1(u: Tree) -> Tree:
    """exp(u) - 1, accurate near u = 0."""
    return Fn("expm1", (u,))


def log1p(u: Tree) -> Tree:
    """log(1 + u), accurate near u = 0."""
    return Fn("log1p", (u,))


def sech(u: Tree) -> Tree:
    """1 / cosh(u) = 2 exp(-abs(u)) / (1 + exp(-2 abs(u))), which cannot overflow."""
    return Fn("sech", (u,))


def remade(tree: Tree, parts: tuple[Tree, ...]) -> Tree:
    """Return the tree with its subtrees replaced, kind and order kept, the compiler's own kinds too."""
    if isinstance(tree, Peak):
        return Peak(tree.index, parts[0])
    return rebuild(tree, parts)


def rewritten(tree: Tree, change: Callable[[Tree], Tree]) -> Tree:
    """Return the tree with ``change`` applied to every node, children first."""
    parts = children(tree)
    if parts:
        new = tuple(rewritten(p, change) for p in parts)
        if any(a is not b for a, b in zip(new, parts, strict=True)):
            tree = remade(tree, new)
    return change(tree)


def renamed(tree: Tree) -> Tree:
    """Return the tree with binders drawn from a pool by range and height, so that alike subtrees are equal.

    A binder's height is the number of binders nested in its body: an outer one is always higher than an inner one,
    so nothing is captured.
    """
    pool: dict[tuple[object, int], Index] = {}

    def go(at: Tree, env: dict[Index, Index]) -> tuple[Tree, int]:
        if isinstance(at, Ix):
            return Ix(env.get(at.index, at.index)), 0
        if isinstance(at, Sum):
            high = _height(at.body)
            new = pool.setdefault((at.index.size, high), Index(at.index.letter, at.index.size))
            body, _ = go(at.body, {**env, at.index: new})
            return (Peak if isinstance(at, Peak) else Sum)(new, body), high + 1
        parts = children(at)
        if not parts:
            return at, 0
        done = [go(p, env) for p in parts]
        return remade(at, tuple(p for p, _ in done)), max(h for _, h in done)

    return go(tree, {})[0]


def _height(tree: Tree) -> int:
    inner = max((_height(p) for p in children(tree)), default=0)
    return inner + 1 if isinstance(tree, Sum) else inner
