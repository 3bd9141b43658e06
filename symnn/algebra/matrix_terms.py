"""Matrix expressions: what index expressions of at most two free indices are lifted to."""

from __future__ import annotations

from dataclasses import dataclass

from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = [
    "Broadcast",
    "Compare",
    "Diagonal",
    "Elementwise",
    "Hadamard",
    "Identity",
    "MatMul",
    "Matrix",
    "Name",
    "OneHot",
    "Ones",
    "Outer",
    "Plus",
    "Quotient",
    "Scalar",
    "Scaled",
    "Select",
    "Total",
    "Transpose",
]


class Matrix:
    """A matrix expression; immutable."""


@dataclass(frozen=True)
class Name(Matrix):
    """A tensor as a whole."""

    tensor: Tensor


@dataclass(frozen=True)
class Scalar(Matrix):
    """A number, size or scalar symbol, or an index expression without free indices."""

    tree: Tree


@dataclass(frozen=True)
class Ones(Matrix):
    """A vector of ones over an axis of the given size."""

    size: object


@dataclass(frozen=True)
class Identity(Matrix):
    """The identity matrix."""

    size: object


@dataclass(frozen=True)
class OneHot(Matrix):
    """Rows (or one vector) e(t) with a single 1 at the label."""

    labels: Tensor
    classes: object


@dataclass(frozen=True)
class Transpose(Matrix):
    """X^T."""

    body: Matrix


@dataclass(frozen=True)
class MatMul(Matrix):
    """X Y, a matrix or matrix-vector product."""

    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Outer(Matrix):
    """u v^T."""

    left: Matrix
    right: Matrix


@dataclass(frozen=True)
class Hadamard(Matrix):
    """The product entry by entry, of matrices or vectors of one shape."""

    parts: tuple[Matrix, ...]


@dataclass(frozen=True)
class Plus(Matrix):
    """A sum of parts of one shape; ``signs`` holds +1 and -1."""

    parts: tuple[Matrix, ...]
    signs: tuple[int, ...]


@dataclass(frozen=True)
class Scaled(Matrix):
    """(above / below) X for scalar trees; either may be the number 1."""

    above: Tree
    below: Tree
    body: Matrix


@dataclass(frozen=True)
class Quotient(Matrix):
    """The quotient entry by entry."""

    above: Matrix
    below: Matrix


@dataclass(frozen=True)
class Elementwise(Matrix):
    """A scalar function of every entry; ``power`` holds an exponent for the name "power"."""

    name: str
    body: Matrix
    exponent: Tree | None = None


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
    """The sum over an axis of a matrix (0 or 1), or over a vector (0)."""

    body: Matrix
    axis: int


@dataclass(frozen=True)
class Diagonal(Matrix):
    """The diagonal of a matrix as a vector, or a vector on the diagonal of a matrix."""

    body: Matrix


@dataclass(frozen=True)
class Broadcast(Matrix):
    """A vector repeated along another axis: as every row (axis 0), or as every column (axis 1)."""

    body: Matrix
    axis: int
    size: object
