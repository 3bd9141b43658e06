"""Identity: two index expressions that are equal for all sizes, with the source they are taken from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

import symnn as sn
from symnn.ground.define import typed
from symnn.ground.indices import Index
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import Ind, Ix, Sum, Tree, children, free_indices, rebuild

__all__ = ["Draw", "Identity", "Shelf", "alike", "d", "delta", "derived", "sigma", "simplex", "vjp"]

#: Changes drawn values so that the given facts hold: takes and returns arrays by the name of the tensor.
Draw = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Identity:
    """``left = right`` for all sizes, wherever both are defined and the given facts hold.

    Attributes:
        name: what it says, in words; unique within its source.
        kind: "gallery" for the project's own targets, "cited" for a transcription.
        source: where it stands: a row of the gallery, or a book or paper with its section or equation.
        left: one side, a SymPy index expression (for a derived gradient the engine's result).
        right: the other side, typed by hand.
        given: facts that it rests on, as pairs of expressions that are equal.
        draw: makes random values obey the facts.
    """

    name: str
    kind: str
    source: str
    left: Any
    right: Any
    given: tuple[tuple[Any, Any], ...] = ()
    draw: Draw | None = None

    @property
    def group(self) -> str:
        """The source without its place in it: one line of the table."""
        return self.source.split(",")[0]

    def trees(self) -> tuple[tuple[Index, ...], Tree, Tree]:
        """Return the free indices and both sides as plain trees, each index with its range."""
        return pair(self.left, self.right)


def pair(left: Any, right: Any) -> tuple[tuple[Index, ...], Tree, Tree]:
    """Return two expressions as plain trees over the same free indices, the ranges read from use."""
    both = Ind("=", from_sympy(left), from_sympy(right))
    free, out = typed("identity", free_indices(both), both)
    assert isinstance(out, Ind)
    return free, out.left, out.right


def alike(a: Tree, b: Tree) -> bool:
    """Tell whether two trees are the same but for the names of what is summed over."""

    def go(a: Tree, b: Tree, names: dict[Index, Index]) -> bool:
        if type(a) is not type(b):
            return False
        if isinstance(a, Ix) and isinstance(b, Ix):
            return names.get(a.index, a.index) is b.index
        if isinstance(a, Sum) and isinstance(b, Sum):
            return go(a.body, b.body, {**names, a.index: b.index})
        left, right = children(a), children(b)
        if not left or len(left) != len(right):
            return a == b
        return rebuild(a, right) == b and all(go(u, v, names) for u, v in zip(left, right, strict=True))

    return go(a, b, {})


class Shelf:
    """The identities of one file, in the order they are put there."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.items: list[Identity] = []

    def __call__(
        self, source: str, name: str, left: Any, right: Any, *given: tuple[Any, Any], draw: Draw | None = None
    ) -> None:
        """Add one identity."""
        as_sympy = sympy.sympify(left, strict=True), sympy.sympify(right, strict=True)
        self.items.append(Identity(name, self.kind, source, *as_sympy, given, draw))


def simplex(values: Any, *, whole: bool = False) -> Any:
    """Return positive multiples of 1/1024 that sum to 1 exactly, over the last axis or over all."""
    array = np.asarray(values, dtype=float)
    rows = array.reshape(1 if whole else -1, array.size if whole else array.shape[-1])
    parts = np.abs(rows) + 0.05
    parts = np.maximum(1, np.floor(parts / parts.sum(axis=1, keepdims=True) * 1024))
    largest = parts.argmax(axis=1)
    parts[np.arange(len(parts)), largest] += 1024 - parts.sum(axis=1)
    return (parts / 1024).reshape(array.shape)


def d(expression: Any, entry: Any) -> Any:
    """Return the derivative of an expression by one entry, still to be taken."""
    return sympy.Derivative(expression, entry, evaluate=False)


def delta(a: Any, b: Any) -> Any:
    """Return 1 where two indices agree, else 0."""
    return sympy.KroneckerDelta(a, b)


def sigma(a: Any) -> Any:
    """Return the logistic function 1/(1 + e^-a)."""
    return 1 / (1 + sympy.exp(-a))


def vjp(layer: Any, wrt: Any, *, upstream: str) -> Any:
    """Return the derivation of a layer's gradient by ``wrt``, the upstream gradient being a tensor of that name."""
    return sn.vjp(layer, wrt, upstream=upstream)


def derived(derivation: sn.Derivation, target: Callable[..., Any]) -> tuple[Any, Any]:
    """Return what the engine derived, and the target typed in the same free indices.

    Where the engine prints the very target, there is nothing left to prove about its result: the derivative as it was
    asked for takes its place.
    """
    claim = target(*derivation.free)
    same = alike(from_sympy(derivation.result), from_sympy(claim))
    return (to_sympy(derivation.question()) if same else derivation.result), claim
