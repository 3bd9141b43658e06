"""Constructors of matrix terms that sum: products, inner products and traces, sums over axes and over items.

Every one returns a term equal in value to what its name says, for all sizes from 1 on.
"""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.matrix_factors import (
    UNIT,
    broadcast,
    filled,
    negated,
    ratio_of,
    scaled,
    signed,
    size_scalar,
    with_sign,
)
from symnn.algebra.matrix_forms import hadamard, outer, parts_of, quotient, transposed, transposes
from symnn.algebra.matrix_terms import (
    Broadcast,
    DiagonalMatrix,
    DiagonalOf,
    Elementwise,
    Fill,
    Hadamard,
    Identity,
    Inner,
    MatMul,
    Matrix,
    Name,
    OneHot,
    Outer,
    Quotient,
    Scaled,
    SumOver,
    Total,
    Trace,
    Transpose,
)
from symnn.ground.indices import Index
from symnn.ground.tree import Num

__all__ = ["inner", "matmul", "sum_over", "total"]

_TWO = Num(Fraction(2))


def matmul(left: Matrix, right: Matrix) -> Matrix:
    """Return X Y or X v."""
    (s, left), (t, right) = signed(left), signed(right)
    if s * t < 0:
        return negated(matmul(left, right))
    for m in (left, right):
        if isinstance(m, Scaled):
            other = (m.body, right) if m is left else (left, m.body)
            return scaled(ratio_of([m.above], [m.below]), matmul(*other))
    if isinstance(left, Identity):
        return right
    if isinstance(right, Identity):
        return left
    if isinstance(left, DiagonalMatrix):
        grown = left.body if len(right.shape) == 1 else broadcast(left.body, 1, right.shape[1])
        return hadamard(grown, right) if len(right.shape) == 1 else hadamard(right, grown)
    if isinstance(right, DiagonalMatrix):
        return hadamard(left, broadcast(right.body, 0, left.shape[0]))
    if isinstance(right, Fill):
        out = scaled(right.body, total(left, 1))
        return out if len(right.sizes) == 1 else broadcast(out, 1, right.sizes[1])
    if isinstance(left, Outer | Broadcast | Fill) or isinstance(right, Outer | Broadcast):
        return _through_vectors(left, right)
    return MatMul(left, right)


def _through_vectors(left: Matrix, right: Matrix) -> Matrix:
    """Return X Y where one of them is u v^T, v 1^T or 1 v^T."""
    if not isinstance(left, Outer | Broadcast | Fill):  # X (u v^T) = (X u) v^T
        if isinstance(right, Outer):
            return outer(matmul(left, right.left), right.right)
        assert isinstance(right, Broadcast)
        if right.axis == 1:
            return broadcast(matmul(left, right.body), 1, right.size)
        return outer(total(left, 1), right.body)
    if isinstance(left, Outer):
        u, v = left.left, left.right
    elif isinstance(left, Broadcast):
        ones = Fill(UNIT, (left.size,))
        u, v = (ones, left.body) if left.axis == 0 else (left.body, ones)
    else:
        u, v = Fill(left.body, left.sizes[:1]), Fill(UNIT, left.sizes[1:])
    if len(right.shape) == 1:
        return scaled(inner(v, right), u)
    return outer(u, matmul(transposed(right), v))


def inner(left: Matrix, right: Matrix) -> Matrix:
    """Return the sum of all products of entries of two vectors, or of two matrices."""
    (s, left), (t, right) = signed(left), signed(right)
    if s * t < 0:
        return negated(inner(left, right))
    for m, other in ((left, right), (right, left)):
        match m:
            case Scaled():
                pair = (m.body, other) if m is left else (other, m.body)
                return scaled(ratio_of([m.above], [m.below]), inner(*pair))
            case Fill():
                return scaled(m.body, total(other, None))
            case Broadcast():
                return inner(m.body, total(other, m.axis))
            case Outer():
                return inner(m.left, matmul(other, m.right))
            case Identity():
                return Trace(other)
    match left, right:
        case (Transpose(), Transpose()):
            return inner(left.body, right.body)
        case (Transpose(), _):
            return Trace(matmul(left.body, right))
        case (_, Transpose()):
            return Trace(matmul(left, right.body))
        case (_, MatMul()) if len(left.shape) == 2 and transposes(transposed(right)) < transposes(right):
            return Trace(matmul(left, transposed(right)))
        case (MatMul(), _) if len(left.shape) == 2 and transposes(transposed(left)) < transposes(left):
            return Trace(matmul(transposed(left), right))
        case (MatMul(left=Transpose(body=a), right=x), _) if len(left.shape) == 1:  # (A^T x)^T y = x^T A y
            return inner(x, matmul(a, right))
        case (MatMul(), _) if len(left.shape) == 1 and not isinstance(right, MatMul):
            return Inner(right, left)
    return Inner(left, right)


def total(m: Matrix, axis: int | None) -> Matrix:
    """Return the sum over one axis of a matrix, or (None) over all entries."""
    sign, m = signed(m)
    if sign < 0:
        return negated(total(m, axis))
    if isinstance(m, Scaled):
        return scaled(ratio_of([m.above], [m.below]), total(m.body, axis))
    if isinstance(m, Fill):
        kept = () if axis is None else (m.sizes[1 - axis],)
        out: Matrix = m.body
        for n, size in enumerate(m.sizes):
            out = scaled(size_scalar(size), out) if axis is None or n == axis else out
        return filled(out, kept)
    if axis is None:
        return _total_of_all(m)
    match m:
        case Transpose():
            return total(m.body, 1 - axis)
        case Broadcast():
            if m.axis == axis:
                return scaled(size_scalar(m.size), m.body)
            return filled(total(m.body, None), (m.size,))
        case Outer():
            kept_one, summed = (m.left, m.right) if axis == 1 else (m.right, m.left)
            return scaled(total(summed, None), kept_one)
        case MatMul():
            if axis == 1:
                return matmul(m.left, total(m.right, 1))
            return matmul(transposed(m.right), total(m.left, 0))
        case Identity():
            return Fill(UNIT, (m.size,))
        case DiagonalMatrix():
            return m.body
        case Hadamard():
            return _total_of_product(m, axis)
        case Quotient(below=Broadcast(body=body, axis=along)) if along == axis:
            return quotient(total(m.above, axis), body)
    return Total(m, axis)


def _total_of_product(m: Hadamard, axis: int) -> Matrix:
    along = next((p for p in m.parts if isinstance(p, Broadcast) and p.axis == axis), None)
    across = next((p for p in m.parts if isinstance(p, Broadcast) and p.axis != axis), None)
    for p in (along, across):
        if p is not None:
            rest = [q for q in m.parts if q is not p]
            body = rest[0] if len(rest) == 1 else Hadamard(tuple(rest))
            if p is along:  # constant along the sum
                return hadamard(total(body, axis), p.body)
            return matmul(body if axis == 1 else transposed(body), p.body)
    if len(m.parts) == 2:
        a, b = m.parts
        if isinstance(a, Transpose) != isinstance(b, Transpose):  # sum_j X_ij Y_ji = (X Y)_ii
            if isinstance(a, Transpose):
                a, b = b, a
            assert isinstance(b, Transpose)
            return DiagonalOf(matmul(a, b.body) if axis == 1 else matmul(b.body, a))
    return Total(m, axis)


def _total_of_all(m: Matrix) -> Matrix:
    match m:
        case Hadamard() if len(m.parts) == 2:
            return inner(*m.parts)
        case Elementwise() if m.name == "power" and m.exponent == _TWO:
            return inner(m.body, m.body)
        case Broadcast():
            return scaled(size_scalar(m.size), total(m.body, None))
        case Total():
            return total(m.body, None)
        case DiagonalOf():
            return Trace(m.body)
        case DiagonalMatrix():
            return total(m.body, None)
        case Transpose():
            return total(m.body, None)
        case Outer():
            return scaled(total(m.left, None), total(m.right, None))
        case Identity():
            return size_scalar(m.size)
    return Total(m, None)


def sum_over(index: Index, m: Matrix) -> Matrix:
    """Return the sum over the items of a batch, what is the same for all of them in front."""
    sign, m = signed(m)
    if isinstance(m, Scaled) and not any(_at(p, index) for p in (m.above, m.below)):
        return with_sign(sign, Scaled(m.above, m.below, sum_over(index, m.body)))
    if not _at(m, index):
        return with_sign(sign, scaled(size_scalar(index.size), m))
    if isinstance(m, Hadamard):
        same = [p for p in m.parts if not _at(p, index)]
        if same:
            rest = [p for p in m.parts if _at(p, index)]
            return with_sign(sign, hadamard(*same, SumOver(index, hadamard(*rest))))
    return with_sign(sign, SumOver(index, m))


def _at(m: Matrix, index: Index) -> bool:
    if isinstance(m, OneHot):
        return index in m.labels.at
    return index in m.at if isinstance(m, Name) else any(_at(p, index) for p in parts_of(m))
