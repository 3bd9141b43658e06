"""Penalties on weights, and sums of losses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from symnn.graph.flow import FlowGraph
from symnn.ground.arguments import real_constant, tensor
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError
from symnn.ground.functions import sum_over
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor

__all__ = ["l1", "l2", "plus"]


_ROLES = {"input": "an input", "label": "a tensor of labels", "upstream": "an upstream"}


def _penalty(weights: Iterable[Tensor] | Tensor, strength: Any, term: Any, name: str) -> Tensor:
    tensors = _weights(weights, name)
    total: Any = 0
    for t in tensors:
        at = tuple(Index(letter, size) for letter, size in zip("ijklm", t.shape, strict=False))
        body = term(t[at])
        body = sum_over(body, *at)
        total += body
    out = define(name, (), real_constant("a penalty", "strength", strength) * total, latex=r"\Omega")
    out.auto = True
    return out


def _weights(weights: Iterable[Tensor] | Tensor, name: str) -> list[Tensor]:
    """Return the given parameters and, for each computed tensor, the weights it is computed from; each once."""
    given = list(weights) if isinstance(weights, (list, tuple, set, frozenset)) else [weights]
    out: dict[Tensor, None] = {}
    for w in given:
        t = tensor("a penalty", w, "weights")
        if t.definition is not None:
            out.update(dict.fromkeys(p for p in FlowGraph([t]).of_role("parameter") if p.regularised))
        elif t.role == "parameter":
            out[t] = None
        else:
            raise DefinitionError(
                f"{name}: {t.name!r} is {_ROLES.get(t.role, t.role)}, and a penalty is on weights only. "
                "Pass parameters, or a computed tensor whose weights it should collect."
            )
    if not out:
        raise DefinitionError(f"{name}() found no weights. Pass parameters, or a loss whose weights it should collect.")
    return list(out)


def l2(weights: Iterable[Tensor] | Tensor, strength: Any = 1, *, name: str = "l2") -> Tensor:
    """Omega = strength * sum of squares of the weights' entries.

    ``weights`` is a parameter, several, or a computed tensor whose weights are collected, without dense layers' biases.

    Raises:
        DefinitionError: an input or labels are given, there are no weights, or the strength is no real number.
    """
    return _penalty(weights, strength, lambda w: w**2, name)


def l1(weights: Iterable[Tensor] | Tensor, strength: Any = 1, *, name: str = "l1") -> Tensor:
    """Omega = strength * sum of absolute values of the weights' entries; the derivative at 0 is taken as 0."""
    return _penalty(weights, strength, sympy.Abs, name)


def plus(*terms: Tensor, name: str = "objective") -> Tensor:
    """Return the sum of tensors of one shape, such as a loss and its penalties, or a residual connection."""
    if not terms:
        raise DefinitionError("plus() needs at least one tensor.")
    for t in terms:
        tensor("plus()", t)
    at = tuple(Index(letter, size) for letter, size in zip(terms[0].letters or "nijkl", terms[0].shape, strict=False))
    total: Any = sum((t[at] for t in terms[1:]), terms[0][at])
    out = define(name, at, total)
    out.auto = True
    out.level = max(t.level for t in terms)
    return out
