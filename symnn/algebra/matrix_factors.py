"""Scalars, signs and repeated vectors in matrix terms: a scalar factor stands in front, and once."""

from __future__ import annotations

from collections.abc import Sequence

from symnn.algebra.matrix_terms import Broadcast, Fill, Hadamard, Matrix, Mean, Plus, Quotient, Scalar, Scaled, Total
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tree import ONE, Div, Mul, Neg, Num, mul

__all__ = [
    "UNIT",
    "broadcast",
    "filled",
    "negated",
    "ones_like",
    "ratio_of",
    "scalar_parts",
    "scaled",
    "signed",
    "size_scalar",
    "with_sign",
]

#: The scalar 1.
UNIT = Scalar(ONE)


def size_scalar(size: object) -> Scalar:
    """Return a size as a scalar."""
    return Scalar(from_sympy(size))


def signed(m: Matrix) -> tuple[int, Matrix]:
    """Return the sign in front of a term, and the rest."""
    if isinstance(m, Plus) and len(m.parts) == 1:
        sign, body = signed(m.parts[0])
        return sign * m.signs[0], body
    return 1, m


def negated(m: Matrix) -> Matrix:
    """Return -X."""
    sign, body = signed(m)
    return body if sign < 0 else Plus((body,), (-1,))


def with_sign(sign: int, m: Matrix) -> Matrix:
    """Return a term, or minus the term."""
    return negated(m) if sign < 0 else m


def scalar_parts(m: Matrix, above: list[Matrix], below: list[Matrix]) -> int:
    """Collect the factors of a scalar; return its sign."""
    sign, m = signed(m)
    match m:
        case Hadamard():
            for p in m.parts:
                sign *= scalar_parts(p, above, below)
        case Quotient():
            sign *= scalar_parts(m.above, above, below) * scalar_parts(m.below, below, above)
        case Scalar(tree=Neg(body=tree)):
            sign *= -scalar_parts(Scalar(tree), above, below)
        case Scalar(tree=Div(num=up, den=down)):
            sign *= scalar_parts(Scalar(up), above, below) * scalar_parts(Scalar(down), below, above)
        case _:
            if m != UNIT:
                above.append(m)
    return sign


def _product(parts: Sequence[Matrix]) -> Matrix:
    """Return the product of scalars, those that are plain formulas gathered in front."""
    trees = sorted((p.tree for p in parts if isinstance(p, Scalar)), key=lambda t: not isinstance(t, Num))
    rest = [p for p in parts if not isinstance(p, Scalar)]
    if trees:
        gathered = Scalar(mul(*trees))
        rest = [gathered, *rest] if gathered != UNIT else rest
    return UNIT if not rest else rest[0] if len(rest) == 1 else Hadamard(tuple(rest))


def ratio_of(above: Sequence[Matrix], below: Sequence[Matrix]) -> Matrix:
    """Return the quotient of two products of scalars, equal factors cancelled."""
    up, down = [p for p in above if p != UNIT], [p for p in below if p != UNIT]
    for p in tuple(down):
        if p in up:
            up.remove(p)
            down.remove(p)
    return _product(up) if not down else Quotient(_product(up), _product(down))


def filled(m: Matrix, sizes: tuple[object, ...]) -> Matrix:
    """Return a scalar repeated over axes."""
    sign, body = signed(m)
    return with_sign(sign, Fill(body, sizes)) if sizes else m


def ones_like(m: Matrix) -> Matrix:
    """Return the scalar 1, or ones over the axes of a term."""
    return filled(UNIT, m.shape)


def broadcast(m: Matrix, axis: int, size: object) -> Matrix:
    """Return a vector repeated along a new axis."""
    sign, body = signed(m)
    if isinstance(body, Fill):
        sizes = (size, *body.sizes) if axis == 0 else (*body.sizes, size)
        return with_sign(sign, Fill(body.body, sizes))
    return with_sign(sign, Broadcast(body, axis, size))


def scaled(factor: Matrix, m: Matrix) -> Matrix:
    """Return a scalar times a scalar, vector or matrix."""
    above: list[Matrix] = []
    below: list[Matrix] = []
    sign = scalar_parts(factor, above, below)
    if not m.shape:
        return with_sign(sign * scalar_parts(m, above, below), ratio_of(above, below))
    more, m = signed(m)
    sign *= more
    if isinstance(m, Scaled):
        sign *= scalar_parts(m.above, above, below) * scalar_parts(m.below, below, above)
        m = m.body
    for n, p in enumerate(below):
        taken = _meaned(p, m)
        if taken is not None:
            rest, m = taken
            below[n] = rest
            break
    ratio = ratio_of(above, below)
    if ratio == UNIT:
        return with_sign(sign, m)
    if isinstance(m, Fill):
        return with_sign(sign, filled(scaled(ratio, m.body), m.sizes))
    if isinstance(m, Broadcast):
        return with_sign(sign, Broadcast(scaled(ratio, m.body), m.axis, m.size))
    up, down = (ratio.above, ratio.below) if isinstance(ratio, Quotient) else (ratio, UNIT)
    return with_sign(sign, Scaled(up, down, m))


def _meaned(below: Matrix, m: Matrix) -> tuple[Matrix, Matrix] | None:
    """Return (what is left of a divisor, the term) if a sum in the term becomes a mean by it."""
    match m:
        case Total() if isinstance(below, Scalar):
            axes = m.body.shape
            if m.axis is None and len(axes) > 1:
                return None
            size = from_sympy(axes[m.axis or 0])
            factors = list(below.tree.factors) if isinstance(below.tree, Mul) else [below.tree]
            if isinstance(size, Num) or size not in factors:
                return None
            factors.remove(size)
            return Scalar(mul(*factors)), Mean(m.body, m.axis)
        case Broadcast():
            found = _meaned(below, m.body)
            return None if found is None else (found[0], Broadcast(found[1], m.axis, m.size))
        case Hadamard():
            for n, p in enumerate(m.parts):
                found = _meaned(below, p)
                if found is not None:
                    return found[0], Hadamard((*m.parts[:n], found[1], *m.parts[n + 1 :]))
    return None
