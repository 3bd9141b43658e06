"""How a batch is laid out: examples in rows as typed, examples in columns, or each example a column vector.

Rows: a = x W^T + 1 b^T.  Columns: a = W x + b 1^T, every array of the batch stored with its axes exchanged.
Examples: a_n = W x_n + b for each n, and a gradient is sum_n delta_n x_n^T.
"""

from __future__ import annotations

from typing import Any

from symnn.algebra.index_graph import NotLifted
from symnn.algebra.matrix import lift
from symnn.algebra.matrix_factors import broadcast, filled, scaled
from symnn.algebra.matrix_forms import applied, diagonal_of, hadamard, outer, plus, quotient, settled, transposed
from symnn.algebra.matrix_sums import inner, matmul, total
from symnn.algebra.matrix_terms import (
    Broadcast,
    Compare,
    DiagonalMatrix,
    DiagonalOf,
    Each,
    Elementwise,
    Extreme,
    Fill,
    Hadamard,
    Inner,
    MatMul,
    Matrix,
    Mean,
    Name,
    Outer,
    Plus,
    Quotient,
    Scaled,
    Select,
    SumOver,
    Total,
    Trace,
    Transpose,
)
from symnn.ground.indices import Index
from symnn.ground.tree import Tree

__all__ = ["LAYOUTS", "laid_out"]

LAYOUTS = ("rows", "columns", "examples")


def laid_out(tree: Tree, free: tuple[Index, ...], layout: str, batch: Any) -> Matrix:
    """Return the matrix form of an index expression in a layout; in columns, a result over the batch is turned too.

    Args:
        tree: the index expression.
        free: its free indices.
        layout: one of LAYOUTS.
        batch: the size that counts the examples.

    Raises:
        NotLifted: there is no matrix form, or not in this layout.
    """
    if layout == "examples":
        return lift(tree, free, batch=batch)
    made = lift(tree, free)
    if layout == "rows":
        return made
    turned = _Columns(batch).turned(made)
    return transposed(turned) if len(made.shape) == 2 and made.shape[0] == batch else turned


class _Columns:
    """Rewrites a term for arrays that hold the examples of a batch in columns."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def turned(self, m: Matrix) -> Matrix:
        go = self.turned
        match m:
            case Name():
                over = len(m.shape) == 2 and m.shape[0] == self.batch
                return Transpose(Name(m.tensor, m.at, turned=True)) if over else m
            case Transpose():
                return transposed(go(m.body))
            case MatMul():
                return matmul(go(m.left), go(m.right))
            case Outer():
                return outer(go(m.left), go(m.right))
            case Inner():
                return inner(go(m.left), go(m.right))
            case Scaled():
                return scaled(quotient(go(m.above), go(m.below)), go(m.body))
            case Total():
                return total(go(m.body), m.axis)
            case Mean():
                body = go(m.body)
                if isinstance(body, Transpose) and m.axis is not None:
                    return Mean(body.body, 1 - m.axis)
                return Mean(body, m.axis)
            case Broadcast():
                return broadcast(go(m.body), m.axis, m.size)
            case Fill():
                return filled(go(m.body), m.sizes)
            case Trace():
                return Trace(go(m.body))
            case DiagonalOf():
                return diagonal_of(go(m.body))
            case DiagonalMatrix():
                return DiagonalMatrix(go(m.body))
            case Each() | SumOver():
                raise NotLifted("tensors of more than two axes have no columns; lay out each example instead")
        return self._entry_by_entry(m)

    def _entry_by_entry(self, m: Matrix) -> Matrix:
        go = self.turned
        match m:
            case Hadamard():
                return hadamard(*(go(p) for p in m.parts))
            case Quotient():
                return quotient(go(m.above), go(m.below))
            case Plus():
                return plus([go(p) for p in m.parts], m.signs)
            case Elementwise():
                return applied(m.name, go(m.body), m.exponent)
            case Extreme():
                return settled(Extreme(m.name, go(m.left), go(m.right)))
            case Compare():
                return settled(Compare(m.rel, go(m.left), go(m.right)))
            case Select():
                return settled(Select(go(m.condition), go(m.then), go(m.other)))
        return m
