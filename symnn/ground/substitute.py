"""The one place where something is put in place of something else; every binder passed on the way becomes fresh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Ix, Sum, Sym, Tree, children, rebuild

__all__ = ["fresh", "map_size", "substitute"]


def map_size(size: Size, sizes: Mapping[Any, Size]) -> Size:
    """Return a size with its symbols replaced."""
    if size in sizes:
        return sizes[size]
    if size.is_Atom or not sizes:
        return size
    return size.xreplace(dict(sizes))


def substitute(
    tree: Tree,
    *,
    indices: Mapping[Index, Tree] | None = None,
    tensors: Mapping[Tensor, Tensor] | None = None,
    symbols: Mapping[Any, Tree] | None = None,
    sizes: Mapping[Any, Size] | None = None,
) -> Tree:
    """Return the tree with free indices, tensors, scalar symbols and index ranges replaced at once, capture-free.

    ``sizes`` maps the ranges of bound indices; ``symbols`` maps scalar symbols that occur as values.
    """
    tensors, symbols, sizes = tensors or {}, symbols or {}, sizes or {}

    def go(at: Tree, env: Mapping[Index, Tree]) -> Tree:
        if isinstance(at, Ix):
            return env.get(at.index, at)
        if isinstance(at, Sym):
            return symbols.get(at.symbol, at)
        if isinstance(at, Sum):
            old = at.index
            new = Index(old.letter, None if old.size is None else map_size(old.size, sizes))
            return Sum(new, go(at.body, {**env, old: Ix(new)}))
        if isinstance(at, Entry):
            return Entry(tensors.get(at.tensor, at.tensor), tuple(go(p, env) for p in at.at))
        if isinstance(at, D):
            wrt = go(at.wrt, env)
            assert isinstance(wrt, Entry)
            return D(go(at.body, env), wrt)
        parts = children(at)
        return rebuild(at, tuple(go(p, env) for p in parts)) if parts else at

    return go(tree, indices or {})


def fresh(tree: Tree) -> Tree:
    """Return the same tree with every bound index replaced by a new one."""
    return substitute(tree)


def evaluate_scalar_derivative(function: Any, position: int, arity: int) -> tuple[Any, tuple[sympy.Dummy, ...]]:
    """Return the partial derivative of a scalar function of plain symbols, by SymPy, and those symbols."""
    slots = tuple(sympy.Dummy(f"u{i}", real=True) for i in range(arity))
    return function(*slots).diff(slots[position]), slots
