"""Evaluate matrix forms with NumPy and compare them with the index expression they were lifted from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symnn.algebra.matrix_terms import (
    Broadcast,
    Compare,
    Diagonal,
    Elementwise,
    Hadamard,
    Identity,
    MatMul,
    Matrix,
    Name,
    OneHot,
    Ones,
    Outer,
    Plus,
    Quotient,
    Scalar,
    Scaled,
    Select,
    Total,
    Transpose,
)
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Ix, Tree, tensors_in
from symnn.verify.differences import relative_error
from symnn.verify.points import OutsideDomain, Point, at_points, symbols_of
from symnn.verify.record import Check

__all__ = ["check_lifting", "matrix_value"]

_COMPARE: Mapping[str, Any] = {">": np.greater, ">=": np.greater_equal, "=": np.equal, "!=": np.not_equal}


def matrix_value(m: Matrix, machine: Interpreter) -> Any:
    """Return the value of a matrix expression, its tensors taken from the interpreter."""
    match m:
        case Name():
            return np.asarray(machine.tensor(m.tensor), dtype=float)
        case Scalar():
            return float(machine.value(to_sympy(m.tree)))
        case Ones():
            return np.ones(size_value(m.size, machine.sizes))
        case Identity():
            return np.eye(size_value(m.size, machine.sizes))
        case OneHot():
            labels = np.asarray(machine.tensor(m.labels)).astype(int)
            return np.eye(size_value(m.classes, machine.sizes))[labels]
        case Transpose():
            return matrix_value(m.body, machine).T
        case MatMul():
            return matrix_value(m.left, machine) @ matrix_value(m.right, machine)
        case Outer():
            return np.outer(matrix_value(m.left, machine), matrix_value(m.right, machine))
        case Hadamard():
            out = matrix_value(m.parts[0], machine)
            for p in m.parts[1:]:
                out = out * matrix_value(p, machine)
            return out
        case Plus():
            return sum(s * matrix_value(p, machine) for p, s in zip(m.parts, m.signs, strict=True))
        case Scaled():
            above, below = (float(machine.value(to_sympy(t))) for t in (m.above, m.below))
            return above / below * matrix_value(m.body, machine)
        case Quotient():
            return matrix_value(m.above, machine) / matrix_value(m.below, machine)
        case Compare():
            return _COMPARE[m.rel](matrix_value(m.left, machine), matrix_value(m.right, machine)).astype(float)
        case Select():
            return np.where(
                matrix_value(m.condition, machine) != 0, matrix_value(m.then, machine), matrix_value(m.other, machine)
            )
        case Total():
            return matrix_value(m.body, machine).sum(axis=m.axis)
        case Diagonal():
            return np.diag(matrix_value(m.body, machine))
        case Broadcast():
            body, n = matrix_value(m.body, machine), size_value(m.size, machine.sizes)
            return np.tile(body, (n, 1)) if m.axis == 0 else np.tile(body[:, None], (1, n))
        case Elementwise():
            return _elementwise(m, machine)
    raise AssertionError(type(m))


def _elementwise(m: Elementwise, machine: Interpreter) -> Any:
    body = matrix_value(m.body, machine)
    if m.name == "reciprocal":
        return 1 / body
    if m.name == "power":
        assert m.exponent is not None
        return body ** float(machine.value(to_sympy(m.exponent)))
    if m.name == "stop_gradient":
        return body
    if m.name in ("abs", "sign"):
        return np.abs(body) if m.name == "abs" else np.sign(body)
    return np.vectorize(lambda x: machine.call(m.name, float(x)), otypes=[float])(body)


def check_lifting(m: Matrix, tree: Tree, free: tuple[Index, ...], *, count: int = 3, seed: int = 5) -> Check:
    """Return whether a matrix form has the values of the index expression, at sizes pairwise different and at ones."""
    graph = FlowGraph(tensors_in(tree))
    expression = to_sympy(tree)

    def use(point: Point) -> float:
        machine = point.interpreter()
        shape = tuple(size_value(i.size, machine.sizes) for i in free)
        expected = np.empty(shape)
        for at in np.ndindex(*shape):
            expected[at] = float(machine.value(expression, dict(zip(free, at, strict=True))))
        found = np.broadcast_to(np.asarray(matrix_value(m, machine), dtype=float), shape)
        return relative_error(found, expected)

    try:
        ranges = [Ix(i) for i in free]
        worst = max(at_points(graph, symbols_of(graph, tree, *ranges), count, use, seed=seed), default=0.0)
    except OutsideDomain as reason:
        return Check("not run", f"no point inside the domain was found: {reason}")
    except (SymnnError, IndexError) as reason:
        return Check("not run", f"it could not be evaluated: {reason}")
    if worst > 1e-10:
        return Check("refuted", f"the matrix form differs from the index form by {worst:.0e}", worst, count)
    return Check("evaluated", f"matrix form against index form at {count} points, worst {worst:.0e}", worst, count)
