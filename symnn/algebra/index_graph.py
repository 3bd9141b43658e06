"""Products of vectors and matrices as a graph: indices are vertices, matrices edges, vectors labels of vertices.

A sum over an index joins two edges into one (a matrix product); parallel edges multiply entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnn.algebra.matrix_terms import (
    Broadcast,
    Diagonal,
    Elementwise,
    Hadamard,
    Identity,
    MatMul,
    Matrix,
    Ones,
    Outer,
    Quotient,
    Scalar,
    Scaled,
    Total,
    Transpose,
)
from symnn.ground.indices import Index
from symnn.ground.tree import ONE, Tree

__all__ = ["Lifted", "NotLifted", "aligned", "reduced", "total", "with_axes"]


class NotLifted(Exception):
    """An index expression has no matrix form here; the message says what stands in the way."""


@dataclass(frozen=True)
class Lifted:
    """A matrix expression and the index of each of its axes (none, one or two)."""

    matrix: Matrix
    axes: tuple[Index, ...]


# -- axes ----------------------------------------------------------------------------------------------------------


def transposed(m: Matrix) -> Matrix:
    """Return the transpose, pushed inside: (A B)^T = B^T A^T, (X^T)^T = X."""
    match m:
        case Transpose():
            return m.body
        case MatMul():
            return MatMul(transposed(m.right), transposed(m.left))
        case Outer():
            return Outer(m.right, m.left)
        case Identity() | Scalar():
            return m
        case Scaled():
            return Scaled(m.above, m.below, transposed(m.body))
        case Broadcast():
            return Broadcast(m.body, 1 - m.axis, m.size)
    return Transpose(m)


def with_axes(x: Lifted, axes: tuple[Index, ...]) -> Matrix:
    """Return the matrix with the given axes: transposed, or broadcast along axes it does not have."""
    if x.axes == axes:
        return x.matrix
    if len(axes) == 2 and x.axes == (axes[1], axes[0]):
        return transposed(x.matrix)
    if not set(x.axes) <= set(axes):
        raise NotLifted("an index is left over")
    if not x.axes:
        return Scaled(_tree(x.matrix), ONE, _ones(axes)) if not _is_one(x.matrix) else _ones(axes)
    (i,) = x.axes
    axis = 1 if axes[0] is i else 0
    return Broadcast(x.matrix, axis, axes[axis].size)


def _ones(axes: tuple[Index, ...]) -> Matrix:
    if len(axes) == 1:
        return Ones(axes[0].size)
    return Outer(Ones(axes[0].size), Ones(axes[1].size))


def _tree(m: Matrix) -> Tree:
    if isinstance(m, Scalar):
        return m.tree
    raise NotLifted("a scalar matrix expression stands among entries")


def _is_one(m: Matrix) -> bool:
    return isinstance(m, Scalar) and m.tree == ONE


def aligned(parts: list[Lifted], *, scalars: bool = False) -> tuple[list[Matrix], tuple[Index, ...]]:
    """Return terms over the same axes, and those axes; scalars may stay as they are."""
    axes: list[Index] = []
    for p in sorted(parts, key=lambda p: -len(p.axes)):
        axes.extend(i for i in p.axes if i not in axes)
    if len(axes) > 2:
        raise NotLifted("terms with more than two free indices")
    wanted = tuple(axes)
    return [p.matrix if scalars and not p.axes else with_axes(p, wanted) for p in parts], wanted


# -- reduction -----------------------------------------------------------------------------------------------------


def reduced(factors: list[Lifted], bound: list[Index]) -> Lifted:
    """Return the product of factors, summed over the bound indices."""
    if not factors:
        if bound:
            raise NotLifted("a sum of ones")
        return Lifted(Scalar(ONE), ())
    factors = _parallel(factors)
    left = list(bound)
    while left:
        k = min(left, key=lambda i: sum(i in f.axes for f in factors))
        left.remove(k)
        factors = _parallel(_eliminate(factors, k))
    return _join(factors)


def _parallel(factors: list[Lifted]) -> list[Lifted]:
    """Multiply factors over the same axes entry by entry."""
    out: list[Lifted] = []
    for f in factors:
        for n, g in enumerate(out):
            if set(g.axes) == set(f.axes) and len(f.axes) == len(g.axes) and f.axes:
                out[n] = Lifted(_hadamard(g.matrix, with_axes(f, g.axes)), g.axes)
                break
        else:
            out.append(f)
    return out


def _hadamard(a: Matrix, b: Matrix) -> Matrix:
    if isinstance(b, Elementwise) and b.name == "reciprocal":
        return Quotient(a, b.body)
    if isinstance(a, Elementwise) and a.name == "reciprocal":
        return Quotient(b, a.body)
    left = a.parts if isinstance(a, Hadamard) else (a,)
    right = b.parts if isinstance(b, Hadamard) else (b,)
    return Hadamard((*left, *right))


def _eliminate(factors: list[Lifted], k: Index) -> list[Lifted]:
    """Carry out the sum over k; the joined factor takes the place of the first it was made from."""
    mine = [f for f in factors if k in f.axes]
    if not mine:
        raise NotLifted("a sum over an index that nothing carries")
    joined = _joined_at(mine, k)
    out: list[Lifted] = []
    for f in factors:
        if f not in mine:
            out.append(f)
        elif f is mine[0]:
            out.append(joined)
    return out


def _joined_at(mine: list[Lifted], k: Index) -> Lifted:
    vectors = [f for f in mine if len(f.axes) == 1]
    edges = [f for f in mine if len(f.axes) == 2]
    if len(edges) > 2:
        raise NotLifted(f"a sum joins {len(edges)} matrices at one index")
    if vectors and len(edges) == 2:  # a vector on the joining vertex scales one edge
        first = edges[0]
        axis = 1 if first.axes[0] is k else 0
        scaled = _hadamard(first.matrix, Broadcast(vectors[0].matrix, axis, _other(first, k).size))
        edges[0] = Lifted(scaled, first.axes)
        vectors = []
    if len(edges) == 2:
        a, b = edges
        i, j = _other(a, k), _other(b, k)
        if i is j:
            raise NotLifted("a trace")
        return Lifted(MatMul(with_axes(a, (i, k)), with_axes(b, (k, j))), (i, j))
    if len(edges) == 1 and vectors:
        i = _other(edges[0], k)
        return Lifted(MatMul(with_axes(edges[0], (i, k)), vectors[0].matrix), (i,))
    return total(edges[0] if edges else vectors[0], k)


def _other(f: Lifted, k: Index) -> Index:
    return f.axes[1] if f.axes[0] is k else f.axes[0]


def total(f: Lifted, k: Index) -> Lifted:
    """Return the sum of one factor over one of its axes."""
    if k not in f.axes:
        raise NotLifted("a sum over an index that nothing carries")
    if len(f.axes) == 1:
        m = f.matrix
        if isinstance(m, Hadamard) and len(m.parts) == 2:
            return Lifted(MatMul(Transpose(m.parts[0]), m.parts[1]), ())
        return Lifted(Total(m, 0), ())
    axis = f.axes.index(k)
    return Lifted(Total(f.matrix, axis), (f.axes[1 - axis],))


def _join(factors: list[Lifted]) -> Lifted:
    """Multiply what is left: scalars, one matrix, vectors."""
    scalars = [f for f in factors if not f.axes]
    vectors = [f for f in factors if len(f.axes) == 1]
    edges = [f for f in factors if len(f.axes) == 2]
    if len(edges) > 1 or len({i for f in factors for i in f.axes}) > 2:
        raise NotLifted("more than two free indices")
    if edges:
        out = edges[0]
        for v in vectors:
            axis = 1 if v.axes[0] is out.axes[0] else 0
            if isinstance(out.matrix, Identity):
                out = Lifted(Diagonal(v.matrix), out.axes)
            elif isinstance(v.matrix, Elementwise) and v.matrix.name == "reciprocal":
                below = Broadcast(v.matrix.body, axis, out.axes[axis].size)
                out = Lifted(Quotient(out.matrix, below), out.axes)
            else:
                out = Lifted(_hadamard(out.matrix, Broadcast(v.matrix, axis, out.axes[axis].size)), out.axes)
    elif len(vectors) == 2:
        out = Lifted(Outer(vectors[0].matrix, vectors[1].matrix), (vectors[0].axes[0], vectors[1].axes[0]))
    elif vectors:
        out = vectors[0]
    else:
        out = scalars.pop(0)
    for s in scalars:
        out = Lifted(Hadamard((s.matrix, out.matrix)), out.axes)
    return out
