"""Penalties on weights, and sums of losses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from symnn.graph.flow import FlowGraph
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError
from symnn.ground.functions import sum_over
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor

__all__ = ["l1", "l2", "plus"]


def _penalty(weights: Iterable[Tensor] | Tensor, strength: Any, term: Any, name: str) -> Tensor:
    tensors = [weights] if isinstance(weights, Tensor) else list(weights)
    if len(tensors) == 1 and tensors[0].role == "value":
        tensors = [t for t in FlowGraph(tensors).of_role("parameter") if t.regularised]
    if not tensors:
        raise DefinitionError(f"{name}() found no weights. Pass parameters, or a loss whose weights it should collect.")
    total: Any = 0
    for t in tensors:
        at = tuple(Index(letter, size) for letter, size in zip("ijklm", t.shape, strict=False))
        body = term(t[at])
        body = sum_over(body, *at)
        total += body
    factor = sympy.Rational(str(strength)) if isinstance(strength, float) else sympy.sympify(strength, strict=True)
    out = define(name, (), factor * total, latex=r"\Omega")
    out.auto = True
    return out


def l2(weights: Iterable[Tensor] | Tensor, strength: Any = 1, *, name: str = "l2") -> Tensor:
    """Omega = strength * sum of squares of the weights' entries.

    ``weights`` is a parameter, several, or a computed tensor whose weights are collected, without dense layers' biases.
    """
    return _penalty(weights, strength, lambda w: w**2, name)


def l1(weights: Iterable[Tensor] | Tensor, strength: Any = 1, *, name: str = "l1") -> Tensor:
    """Omega = strength * sum of absolute values of the weights' entries; the derivative at 0 is taken as 0."""
    return _penalty(weights, strength, sympy.Abs, name)


def plus(*terms: Tensor, name: str = "objective") -> Tensor:
    """Return the sum of tensors of one shape, such as a loss and its penalties, or a residual connection."""
    if not terms:
        raise DefinitionError("plus() needs at least one tensor.")
    at = tuple(Index(letter, size) for letter, size in zip(terms[0].letters or "nijkl", terms[0].shape, strict=False))
    total: Any = sum((t[at] for t in terms[1:]), terms[0][at])
    out = define(name, at, total)
    out.auto = True
    out.level = max(t.level for t in terms)
    return out
