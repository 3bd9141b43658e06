"""Singular values of the input-output Jacobian at one example, with Gaussian or orthogonal weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symnn.compile.program import build
from symnn.derive.backprop import vjp
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import size_value
from symnn.ground.tensors import Tensor
from symnn.theory.errors import MomentError
from symnn.theory.propagation import predict
from symnn.theory.propagation_measure import drawn

__all__ = ["jacobian", "singular_values"]


def singular_values(
    tensor: Tensor, wrt: Tensor, sizes: Mapping[Any, int], seed: int = 0, *, orthogonal: bool = False,
    weights: Any = "lecun", biases: Any = 0, input_second_moment: Any = 1,
) -> Any:  # fmt: skip
    """Return the singular values of d tensor / d wrt at a random example, largest first.

    Args:
        tensor: the output, a vector, or rows of a batch; only one row is looked at.
        wrt: the input, or a node in between, of the same kind.
        sizes: numbers for all sizes, by symbol or name.
        seed: of weights and example.
        orthogonal: matrices with orthonormal rows or columns, of the variance that ``weights`` says, not Gaussian ones.
        weights: as ``predict`` takes them; "lecun" with ``orthogonal`` gives W^T W = I where W is square.
        biases: as ``predict`` takes them.
        input_second_moment: as ``predict`` takes it.

    Raises:
        MomentError: the tensors are no such vectors, or ``predict`` cannot follow the graph.
    """
    p = predict(
        tensor, weights=weights, biases=biases, input_second_moment=input_second_moment, sizes=sizes
    )
    numbers = dict(p.sizes)
    batch = tensor.shape[0] if tensor.rank == 2 else None
    if batch is not None and batch.is_Symbol:
        numbers[batch] = 1
    arrays = drawn(p, numbers, np.random.default_rng(seed), _orthogonal if orthogonal else None)
    return np.linalg.svd(jacobian(tensor, wrt, arrays, numbers), compute_uv=False)


def jacobian(
    output: Tensor, wrt: Tensor, arrays: Mapping[str, Any], sizes: Mapping[Any, int]
) -> Any:
    """Return dy/dx at one example, one row per entry of y, through the compiled vector-Jacobian product.

    Raises:
        MomentError: the tensors are no vectors, with or without one leading axis that counts examples.
    """
    adjoints = vjp(output, [wrt])
    upstream, of = adjoints.upstream, adjoints.of[wrt]
    assert upstream is not None
    program = build((of,), name="jacobian")
    width = size_value(output.shape[-1], sizes)
    if output.rank == 2 and wrt.rank == 2 and output.shape[0] == wrt.shape[0]:
        given = {k: v for k, v in arrays.items() if k in program.inputs}
        for t in FlowGraph((output,)).of_role("input"):
            if t.name in given:
                given[t.name] = np.repeat(np.asarray(given[t.name])[:1], width, axis=0)
        return program({**given, **_only(program, upstream.name, np.eye(width))}, check=False)[of.name]
    if output.rank == 1 and wrt.rank == 1:
        given = {k: v for k, v in arrays.items() if k in program.inputs}
        rows = (program({**given, **_only(program, upstream.name, e)}, check=False)[of.name] for e in _units(width))
        return np.stack([np.asarray(r) for r in rows])
    raise MomentError(
        f"singular_values() takes vectors, or rows of one batch; {output.name} has shape {output.shape} and {wrt.name} "
        f"{wrt.shape}."
    )


def _only(program: Any, name: str, value: Any) -> dict[str, Any]:
    return {name: value} if name in program.inputs else {}


def _units(width: int) -> Iterator[Any]:
    yield from np.eye(width)


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> Any:
    """Return a matrix with orthonormal rows or columns, uniform among these, scaled to a mean square of ``variance``.

    Source: Mezzadri 2007, How to generate random matrices from the classical compact groups, sec. 5.
    """
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    made = q if rows >= columns else q.T
    return (math.sqrt(variance * max(rows, columns)) * made).reshape(shape)
