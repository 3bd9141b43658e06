"""Matrix expressions: what index expressions are lifted to. Every term knows its shape: (), (size,) or (rows, columns).

Parts of an entry-by-entry operation have one shape; what is repeated along an axis says so (``Broadcast``, ``Fill``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = [
    "Broadcast",
    "Compare",
    "DiagonalMatrix",
    "DiagonalOf",
    "Each",
    "Elementwise",
    "Extreme",
    "Fill",
    "Hadamard",
    "Identity",
    "Inner",
    "MatMul",
    "Matrix",
    "Mean",
    "Name",
    "OneHot",
    "Outer",
    "Plus",
    "Positions",
    "Quotient",
    "Scalar",
    "Scaled",
    "Select",
    "SumOver",
    "Total",
    "Trace",
    "Transpose",
]

#: The sizes of a term's axes, SymPy expressions.
Shape = tuple[Any, ...]


class Matrix:
    """A matrix expression; immutable."""

    @property
    def shape(self) -> Shape:
        """The sizes of the axes: none for a scalar, one for a vector, two for a matrix."""
        return _shape(self)


@dataclass(frozen=True)
class Name(Matrix):
    """A tensor as a whole, or one item of it: x, x_n.

    ``turned`` says that the array of this name is stored with its two axes exchanged.
    """

    tensor: Tensor
    at: tuple[Index, ...] = ()
    turned: bool = False


@dataclass(frozen=True)
class Scalar(Matrix):
    """A number, a size, a symbol, a single entry, or a formula of these."""

    tree: Tree


@dataclass(frozen=True)
class Fill(Matrix):
    """A scalar repeated over one or two axes: s 1, s 1 1^T."""

    body: Matrix
    sizes: Shape


@dataclass(frozen=True)
class Positions(Matrix):
    """The vector 0, 1, ..., size - 1."""

    size: Any
    letter: str


@dataclass(frozen=True)
class Identity(Matrix):
    """The identity matrix."""

    size: Any


@dataclass(frozen=True)
class OneHot(Matrix):
    """One vector e(t), or a row for every label, with a single 1 at the label; ``labels`` is a Name."""

    labels: Name
    classes: Any


@dataclass(frozen=True)
class Transpose(Matrix):
    """X^T."""

    body: Matrix


@dataclass(frozen=True)
class MatMul(Matrix):
    """X Y or X v."""

    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Outer(Matrix):
    """u v^T."""

    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Inner(Matrix):
    """The sum of all products entry by entry: u^T v of vectors, tr(X^T Y) of matrices."""

    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Trace(Matrix):
    """tr X, the sum of the diagonal."""

    body: Matrix


@dataclass(frozen=True)
class DiagonalOf(Matrix):
    """The diagonal of a matrix, as a vector."""

    body: Matrix


@dataclass(frozen=True)
class DiagonalMatrix(Matrix):
    """The matrix with a vector on its diagonal and 0 elsewhere."""

    body: Matrix


@dataclass(frozen=True)
class Hadamard(Matrix):
    """The product entry by entry, of two or more parts of one shape; of scalars their product."""

    parts: tuple[Matrix, ...]


@dataclass(frozen=True)
class Quotient(Matrix):
    """The quotient entry by entry."""

    above: Matrix
    below: Matrix


@dataclass(frozen=True)
class Plus(Matrix):
    """A sum of parts of one shape; ``signs`` holds +1 and -1. One part with -1 is a negation."""

    parts: tuple[Matrix, ...]
    signs: tuple[int, ...]


@dataclass(frozen=True)
class Scaled(Matrix):
    """(above / below) X, above and below being scalars and X none."""

    above: Matrix
    below: Matrix
    body: Matrix


@dataclass(frozen=True)
class Elementwise(Matrix):
    """A scalar function of every entry; ``exponent`` is given with the name "power"."""

    name: str
    body: Matrix
    exponent: Tree | None = None


@dataclass(frozen=True)
class Extreme(Matrix):
    """The largest ("max") or smallest ("min") of two parts, entry by entry."""

    name: str
    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Compare(Matrix):
    """1[X rel Y] entry by entry."""

    rel: str
    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Select(Matrix):
    """``then`` where the condition is 1, else ``other``, entry by entry."""

    condition: Matrix
    then: Matrix
    other: Matrix


@dataclass(frozen=True)
class Total(Matrix):
    """The sum over one axis of a matrix, or (axis None) over all entries of a matrix or vector."""

    body: Matrix
    axis: int | None


@dataclass(frozen=True)
class Mean(Matrix):
    """The mean over one axis of a matrix, or (axis None) of a vector."""

    body: Matrix
    axis: int | None


@dataclass(frozen=True)
class Broadcast(Matrix):
    """A vector repeated: as every row (axis 0), 1 v^T, or as every column (axis 1), v 1^T."""

    body: Matrix
    axis: int
    size: Any


@dataclass(frozen=True)
class SumOver(Matrix):
    """The sum over the items of a batch of a term in which tensors are taken at that index."""

    index: Index
    body: Matrix


@dataclass(frozen=True)
class Each(Matrix):
    """One matrix, vector or scalar for every item of a batch; stands outermost only."""

    index: Index
    body: Matrix


def _shape(m: Matrix) -> Shape:
    match m:
        case Name():
            kept = m.tensor.shape[len(m.at) :]
            return kept[::-1] if m.turned else kept
        case Fill():
            return m.sizes
        case Positions():
            return (m.size,)
        case Identity():
            return (m.size, m.size)
        case OneHot():
            return (*m.labels.shape, m.classes)
        case Transpose():
            return m.body.shape[::-1]
        case MatMul():
            return (m.left.shape[0], *m.right.shape[1:])
        case Outer():
            return (*m.left.shape, *m.right.shape)
        case DiagonalOf():
            return m.body.shape[:1]
        case DiagonalMatrix():
            return m.body.shape * 2
        case Hadamard() | Plus():
            return m.parts[0].shape
        case Quotient():
            return m.above.shape
        case Extreme() | Compare():
            return m.left.shape
        case Select():
            return m.condition.shape
        case Total() | Mean():
            return () if m.axis is None else (m.body.shape[1 - m.axis],)
        case Broadcast():
            return (m.size, *m.body.shape) if m.axis == 0 else (*m.body.shape, m.size)
        case Each():
            return (m.index.size, *m.body.shape)
        case Scaled() | Elementwise() | SumOver():
            return m.body.shape
    return ()  # Scalar, Inner, Trace
