"""Evaluate matrix forms with NumPy and compare them with the index expression they were lifted from.

The evaluator reads the meaning of each term off its definition, entry by entry in full shape, and shares no code with
the lifting; the index expression is evaluated by the reference interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symnn.algebra import matrix_terms as terms
from symnn.algebra.matrix_terms import Matrix
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import ShapeError, SymnnError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Ix, Tree, tensors_in
from symnn.verify.points import OutsideDomain, Point, at_points, symbols_of
from symnn.verify.record import Check

__all__ = ["check_lifting", "matrix_value"]

_COMPARE: Mapping[str, Any] = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal, "=": np.equal, "!=": np.not_equal,
}  # fmt: skip


def matrix_value(m: Matrix, machine: Interpreter, at: Mapping[Index, int] | None = None) -> Any:
    """Return the value of a matrix expression, its tensors taken from the interpreter.

    Args:
        m: the matrix expression.
        machine: the reference interpreter, with sizes and leaf values.
        at: positions of the batch indices at which tensors are taken.
    """
    return _Evaluator(machine, dict(at or {})).value(m)


class _Evaluator:
    """Evaluates terms at one point; every value has its term's full shape."""

    def __init__(self, machine: Interpreter, at: dict[Index, int]) -> None:
        self.machine, self.at = machine, at
        self.largest = 0.0

    def value(self, m: Matrix) -> Any:
        out = np.asarray(self._value(m), dtype=float)
        expected = tuple(self._size(s) for s in m.shape)
        if out.shape != expected:
            raise ShapeError(f"a {type(m).__name__} of the shape {out.shape}, expected {expected}")
        if not isinstance(m, terms.Scaled | terms.Quotient):  # those may be large by dividing, not by cancelling
            self.largest = max(self.largest, float(np.abs(out).max(initial=0.0)))
        return out

    def _size(self, size: Any) -> int:
        return size_value(size, self.machine.sizes)

    def _scalar(self, tree: Tree) -> float:
        return float(self.machine.value(to_sympy(tree), self.at))

    def _value(self, m: Matrix) -> Any:
        match m:
            case terms.Name():
                item = self.machine.tensor(m.tensor)[tuple(self.at[i] for i in m.at)]
                return np.asarray(item).T if m.turned else item
            case terms.Scalar():
                return self._scalar(m.tree)
            case terms.Fill():
                return np.full([self._size(s) for s in m.sizes], self.value(m.body))
            case terms.Positions():
                return np.arange(self._size(m.size))
            case terms.Identity():
                return np.eye(self._size(m.size))
            case terms.OneHot():
                return np.eye(self._size(m.classes))[self.value(m.labels).astype(int)]
            case terms.SumOver():
                return np.sum(self._items(m.index, m.body), axis=0)
            case terms.Each():
                return np.stack(self._items(m.index, m.body))
            case terms.Elementwise():
                return self._elementwise(m)
            case terms.Hadamard() | terms.Plus():
                values = [self.value(p) for p in m.parts]
                _same("a sum or product", *values)
                if isinstance(m, terms.Hadamard):
                    return np.multiply.reduce(values)
                return np.add.reduce([s * v for s, v in zip(m.signs, values, strict=True)])
        return self._of_two(m) if hasattr(m, "left") else self._of_one(m)

    def _of_two(self, m: Any) -> Any:
        left, right = self.value(m.left), self.value(m.right)
        if isinstance(m, terms.MatMul) and left.shape[1:] != right.shape[:1]:
            raise ShapeError(f"a product of the shapes {left.shape} and {right.shape}")
        if isinstance(m, terms.Inner | terms.Compare | terms.Extreme):
            _same(type(m).__name__, left, right)
        match m:
            case terms.MatMul():
                return np.tensordot(left, right, axes=(1, 0))
            case terms.Outer():
                return np.multiply.outer(left, right)
            case terms.Inner():
                return np.vdot(left, right)
            case terms.Compare():
                return _COMPARE[m.rel](left, right)
            case terms.Extreme():
                return np.maximum(left, right) if m.name == "max" else np.minimum(left, right)
        raise AssertionError(type(m))

    def _of_one(self, m: Matrix) -> Any:
        match m:
            case terms.Transpose():
                body = self.value(m.body)
                if body.ndim != 2:
                    raise ShapeError(f"a transpose of the shape {body.shape}")
                return np.swapaxes(body, 0, 1)
            case terms.Quotient():
                above, below = self.value(m.above), self.value(m.below)
                _same("a quotient", above, below)
                return above / below
            case terms.Scaled():
                above, below = self.value(m.above), self.value(m.below)
                _same("a scalar factor", above, below, np.zeros(()))
                return above / below * self.value(m.body)
            case terms.Select():
                parts = [self.value(p) for p in (m.condition, m.then, m.other)]
                _same("a case distinction", *parts)
                return np.where(parts[0] != 0, parts[1], parts[2])
            case terms.Trace() | terms.DiagonalOf():
                body = self.value(m.body)
                _same("a diagonal", body, body.T)
                return np.einsum("ii" if isinstance(m, terms.Trace) else "ii->i", body)
            case terms.DiagonalMatrix():
                body = self.value(m.body)
                return np.array([[x if i == j else 0.0 for j in range(body.size)] for i, x in enumerate(body)])
            case terms.Total():
                return np.sum(self.value(m.body), axis=m.axis)
            case terms.Mean():
                body = self.value(m.body)
                return np.sum(body, axis=m.axis) / body.shape[m.axis or 0]
            case terms.Broadcast():
                body, n = self.value(m.body), self._size(m.size)
                return np.stack([body] * n, axis=m.axis)
        raise AssertionError(type(m))

    def _items(self, index: Index, body: Matrix) -> list[Any]:
        out = []
        for n in range(self._size(index.size)):
            self.at[index] = n
            out.append(self.value(body))
        return out

    def _elementwise(self, m: terms.Elementwise) -> Any:
        body = self.value(m.body)
        if m.name == "power":
            assert m.exponent is not None
            exponent = self._scalar(m.exponent)
            if exponent != round(exponent) and np.any(body < 0):
                raise ValueError("a root of a negative number")
            return body**exponent
        if m.name == "stop_gradient":
            return body
        if m.name in ("abs", "sign"):
            return np.abs(body) if m.name == "abs" else np.sign(body)
        return np.vectorize(lambda x: self.machine.call(m.name, float(x)), otypes=[float])(body)


def _same(what: str, *values: Any) -> None:
    shapes = [v.shape for v in values]
    if len(set(shapes)) > 1:
        raise ShapeError(f"{what} of the shapes {', '.join(map(str, shapes))}")


def check_lifting(m: Matrix, tree: Tree, free: tuple[Index, ...], *, count: int = 4, seed: int = 5) -> Check:
    """Return whether a matrix form has the values of the index expression, at sizes pairwise different and at ones.

    The error is taken relative to the largest expected entry, or to a thousandth of the largest value met on the way
    where that is more: at a size of 1 much cancels, and what is left of it is rounding.
    """
    graph = FlowGraph(tensors_in(tree))
    expression = to_sympy(tree)

    def use(point: Point) -> float:
        machine = point.interpreter()
        shape = tuple(size_value(i.size, machine.sizes) for i in free)
        expected = np.empty(shape)
        for at in np.ndindex(*shape):
            expected[at] = float(machine.value(expression, dict(zip(free, at, strict=True))))
        evaluator = _Evaluator(machine, {})
        with np.errstate(all="ignore"):
            found = evaluator.value(m)
        if found.shape != shape or not np.isfinite(found).all():
            return float("inf")
        scale = max(float(np.abs(expected).max()), 1e-3 * evaluator.largest)
        return float(np.abs(found - expected).max()) / scale if scale else 0.0

    try:
        ranges = [Ix(i) for i in free]
        worst = max(at_points(graph, symbols_of(graph, tree, *ranges), count, use, seed=seed), default=0.0)
    except ShapeError as reason:
        return Check("refuted", f"the matrix form does not fit together: {reason}")
    except OutsideDomain as reason:
        return Check("not run", f"no point inside the domain was found: {reason}")
    except (SymnnError, IndexError) as reason:
        return Check("not run", f"it could not be evaluated: {reason}")
    if worst > 1e-10:
        return Check("refuted", f"the matrix form differs from the index form by {worst:.0e}", worst, count)
    return Check("evaluated", f"matrix form against index form at {count} points, worst {worst:.0e}", worst, count)
