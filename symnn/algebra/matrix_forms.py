"""Constructors of matrix terms that work entry by entry, and transposes, few and inside.

Every one returns a term equal in value to what its name says, for all sizes from 1 on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symnn.algebra.matrix_factors import UNIT, broadcast, filled, negated, ratio_of, scaled, signed, with_sign
from symnn.algebra.matrix_terms import (
    Broadcast,
    Compare,
    DiagonalMatrix,
    DiagonalOf,
    Elementwise,
    Extreme,
    Fill,
    Hadamard,
    Identity,
    Inner,
    MatMul,
    Matrix,
    Name,
    OneHot,
    Outer,
    Plus,
    Quotient,
    Scalar,
    Scaled,
    Select,
    SumOver,
    Transpose,
)
from symnn.ground.tree import Tree

__all__ = [
    "applied",
    "diagonal_of",
    "hadamard",
    "outer",
    "parts_of",
    "plus",
    "quotient",
    "settled",
    "transposed",
    "transposes",
]


def parts_of(m: Matrix) -> tuple[Matrix, ...]:
    """Return the matrix terms directly inside a term."""
    match m:
        case Hadamard() | Plus():
            return m.parts
        case MatMul() | Outer() | Inner() | Compare() | Extreme():
            return (m.left, m.right)
        case Quotient():
            return (m.above, m.below)
        case Scaled():
            return (m.above, m.below, m.body)
        case Select():
            return (m.condition, m.then, m.other)
        case Name() | Scalar() | Identity() | OneHot():
            return ()
    body: Any = getattr(m, "body", None)
    return (body,) if isinstance(body, Matrix) else ()


def transposes(m: Matrix) -> int:
    """Return how many transposes are written in a term."""
    if isinstance(m, Transpose):
        return 1 + transposes(m.body)
    return sum(transposes(p) for p in parts_of(m))


def _entrywise(m: Matrix, go: Callable[[Matrix], Matrix]) -> Matrix | None:
    """Return an entry-by-entry term with its parts changed, or None if it is no such term."""
    match m:
        case Hadamard():
            return Hadamard(tuple(go(p) for p in m.parts))
        case Plus():
            return Plus(tuple(go(p) for p in m.parts), m.signs)
        case Quotient():
            return Quotient(go(m.above), go(m.below))
        case Elementwise():
            return Elementwise(m.name, go(m.body), m.exponent)
        case Extreme():
            return Extreme(m.name, go(m.left), go(m.right))
        case Compare():
            return Compare(m.rel, go(m.left), go(m.right))
        case Select():
            return Select(go(m.condition), go(m.then), go(m.other))
    return None


def transposed(m: Matrix) -> Matrix:
    """Return the transpose, pushed inside: (A B)^T = B^T A^T, (X^T)^T = X; a sum or the like only where it pays."""
    match m:
        case Transpose():
            return m.body
        case MatMul():
            return MatMul(transposed(m.right), transposed(m.left))
        case Outer():
            return Outer(m.right, m.left)
        case Identity() | DiagonalMatrix():
            return m
        case Scaled():
            return Scaled(m.above, m.below, transposed(m.body))
        case Broadcast():
            return Broadcast(m.body, 1 - m.axis, m.size)
        case Fill():
            return Fill(m.body, m.sizes[::-1])
        case SumOver():
            return SumOver(m.index, transposed(m.body))
        case Plus() if len(m.parts) == 1:
            return Plus((transposed(m.parts[0]),), m.signs)
    inside = _entrywise(m, transposed)
    if inside is not None and transposes(inside) <= transposes(m):
        return inside
    return Transpose(m)


def settled(m: Matrix) -> Matrix:
    """Return an entry-by-entry term with fewer transposes where it has them: A^T + B^T is (A + B)^T."""
    if len(m.shape) != 2 or transposes(m) < 2:
        return m
    inside = _entrywise(m, transposed)
    return Transpose(inside) if inside is not None and transposes(inside) + 1 < transposes(m) else m


def plus(parts: Sequence[Matrix], signs: Sequence[int]) -> Matrix:
    """Return the sum of parts of one shape."""
    flat: list[Matrix] = []
    out: list[int] = []
    for part, sign in zip(parts, signs, strict=True):
        own, body = signed(part)
        if isinstance(body, Plus):
            flat.extend(body.parts)
            out.extend(sign * own * s for s in body.signs)
        else:
            flat.append(body)
            out.append(sign * own)
    if len(flat) == 1:
        return with_sign(out[0], flat[0])
    fills = [p for p in flat if isinstance(p, Fill)]
    if len(fills) == len(flat):
        return filled(plus([p.body for p in fills], out), fills[0].sizes)
    repeated = [p for p in flat if isinstance(p, Broadcast)]
    if len(repeated) + len(fills) == len(flat) and len({p.axis for p in repeated}) == 1:
        axis, size = repeated[0].axis, repeated[0].size
        inside = [p.body if isinstance(p, Broadcast) else _narrowed(p, axis) for p in flat]
        return broadcast(plus(inside, out), axis, size)
    return settled(Plus(tuple(flat), tuple(out)))


def _narrowed(m: Matrix, axis: int) -> Matrix:
    assert isinstance(m, Fill)
    return Fill(m.body, (m.sizes[1 - axis],))


def quotient(above: Matrix, below: Matrix) -> Matrix:
    """Return X / Y entry by entry."""
    one: Matrix = filled(UNIT, below.shape)
    return hadamard(above, Quotient(one, below)) if below.shape else scaled(Quotient(UNIT, below), above)


def hadamard(*parts: Matrix) -> Matrix:
    """Return the product entry by entry, of parts of one shape."""
    shape = parts[0].shape
    above: list[Matrix] = []
    below: list[Matrix] = []
    scalars: list[Matrix] = []
    sign = 1
    for p in parts:
        sign *= _factors(p, above, below, scalars)
    if not shape:
        return with_sign(sign, ratio_of(above, below))
    top, bottom = _grouped(above, shape), _grouped(below, shape)
    out = top if bottom is None else _divided(top, bottom)
    if out is None:
        out = Fill(UNIT, shape)
    for s in scalars:
        out = scaled(s, out)
    return with_sign(sign, out)


def _factors(m: Matrix, above: list[Matrix], below: list[Matrix], scalars: list[Matrix]) -> int:
    sign, m = signed(m)
    match m:
        case Hadamard():
            for p in m.parts:
                sign *= _factors(p, above, below, scalars)
        case Quotient():
            down: list[Matrix] = []
            sign *= _factors(m.above, above, below, scalars) * _factors(m.below, below, above, down)
            scalars.extend(Quotient(UNIT, s) for s in down)
        case Scaled():
            scalars.append(ratio_of([m.above], [m.below]) if m.below != UNIT else m.above)
            sign *= _factors(m.body, above, below, scalars)
        case Fill():
            scalars.append(m.body)
        case Broadcast(body=Quotient(above=Fill(), below=body)):
            below.append(Broadcast(body, m.axis, m.size))
        case _:
            if m != UNIT:
                above.append(m)
    return sign


def _grouped(parts: list[Matrix], shape: tuple[object, ...]) -> Matrix | None:
    """Return the product of parts without scalars, vectors along one axis gathered; None for no parts."""
    columns = [p.body for p in parts if isinstance(p, Broadcast) and p.axis == 1]
    rows = [p.body for p in parts if isinstance(p, Broadcast) and p.axis == 0]
    rest = [p for p in parts if not isinstance(p, Broadcast)]
    if any(isinstance(p, Identity) for p in rest):
        on = [diagonal_of(p) for p in rest if not isinstance(p, Identity)] + columns + rows
        return DiagonalMatrix(hadamard(*on)) if on else Identity(shape[0])
    if not rest and columns and rows:
        return outer(hadamard(*columns), hadamard(*rows))
    vectors = [broadcast(hadamard(*columns), 1, shape[1])] if columns else []
    vectors += [broadcast(hadamard(*rows), 0, shape[0])] if rows else []
    rest = [*vectors, *rest] if all(isinstance(p, Plus) for p in rest) else [*rest, *vectors]
    if len(rest) < 2:
        return rest[0] if rest else None
    return settled(Hadamard(tuple(rest)))


def _divided(above: Matrix | None, below: Matrix) -> Matrix:
    if isinstance(below, Broadcast) and (above is None or (isinstance(above, Broadcast) and above.axis == below.axis)):
        top = Fill(UNIT, below.body.shape) if above is None else above.body
        return Broadcast(_divided(top, below.body), below.axis, below.size)
    if isinstance(above, DiagonalMatrix):
        return DiagonalMatrix(quotient(above.body, diagonal_of(below)))
    if isinstance(above, Identity):
        return DiagonalMatrix(quotient(Fill(UNIT, (above.size,)), diagonal_of(below)))
    return settled(Quotient(Fill(UNIT, below.shape) if above is None else above, below))


def outer(left: Matrix, right: Matrix) -> Matrix:
    """Return u v^T."""
    (s, left), (t, right) = signed(left), signed(right)
    if s * t < 0:
        return negated(outer(left, right))
    for m in (left, right):
        if isinstance(m, Scaled):
            other = (m.body, right) if m is left else (left, m.body)
            return scaled(ratio_of([m.above], [m.below]), outer(*other))
    if isinstance(left, Fill):
        return scaled(left.body, broadcast(right, 0, left.sizes[0]))
    if isinstance(right, Fill):
        return scaled(right.body, broadcast(left, 1, right.sizes[0]))
    return Outer(left, right)


def diagonal_of(m: Matrix) -> Matrix:
    """Return the diagonal of a matrix, as a vector."""
    sign, m = signed(m)
    if sign < 0:
        return negated(diagonal_of(m))
    match m:
        case Transpose():
            return diagonal_of(m.body)
        case Scaled():
            return scaled(ratio_of([m.above], [m.below]), diagonal_of(m.body))
        case Broadcast() | DiagonalMatrix():
            return m.body
        case Fill():
            return Fill(m.body, m.sizes[:1])
        case Identity():
            return Fill(UNIT, (m.size,))
        case Outer():
            return hadamard(m.left, m.right)
    return DiagonalOf(m)


def applied(name: str, m: Matrix, exponent: Tree | None = None) -> Matrix:
    """Return a function of every entry; f(v 1^T) is f(v) 1^T, and f(X^T) is f(X)^T."""
    match m:
        case Broadcast():
            return broadcast(applied(name, m.body, exponent), m.axis, m.size)
        case Fill():
            return filled(Elementwise(name, m.body, exponent), m.sizes)
        case Transpose():
            return transposed(applied(name, m.body, exponent))
    return Elementwise(name, m, exponent)
