"""Products of vectors and matrices as a graph: indices are vertices, matrices edges, vectors labels of vertices.

A sum over an index joins two edges into one (a matrix product); parallel edges multiply entry by entry; a cycle that
is summed away is a trace.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnn.algebra.matrix_factors import UNIT, broadcast, filled, scaled, size_scalar
from symnn.algebra.matrix_forms import hadamard, outer, plus, transposed
from symnn.algebra.matrix_sums import matmul, total
from symnn.algebra.matrix_terms import Matrix, Name
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index

__all__ = ["Lifted", "NotLifted", "added", "aligned", "reduced", "summed", "with_axes"]


class NotLifted(SymnnError):
    """An index expression has no matrix form here; the message says what stands in the way."""


@dataclass(frozen=True)
class Lifted:
    """A matrix expression and the index of each of its axes (none, one or two)."""

    matrix: Matrix
    axes: tuple[Index, ...]


# -- axes ----------------------------------------------------------------------------------------------------------


def with_axes(x: Lifted, axes: tuple[Index, ...]) -> Matrix:
    """Return the matrix with the given axes: transposed, or repeated along axes it does not have."""
    if x.axes == axes:
        return x.matrix
    if len(axes) == 2 and x.axes == (axes[1], axes[0]):
        return transposed(x.matrix)
    left_over = [i for i in x.axes if i not in axes]
    if left_over:
        raise NotLifted(f"the index {left_over[0].letter} is neither summed nor an axis of the result")
    if not x.axes:
        return filled(x.matrix, tuple(i.size for i in axes))
    axis = 1 if axes[0] is x.axes[0] else 0
    return broadcast(x.matrix, axis, axes[axis].size)


def aligned(parts: list[Lifted]) -> tuple[list[Matrix], tuple[Index, ...]]:
    """Return terms over the same axes, and those axes."""
    axes: list[Index] = []
    for p in sorted(parts, key=lambda p: -len(p.axes)):
        axes.extend(i for i in p.axes if i not in axes)
    if len(axes) > 2:
        raise NotLifted(f"terms over {_letters(axes)} stand side by side: more than two axes")
    wanted = tuple(axes)
    return [with_axes(p, wanted) for p in parts], wanted


def added(parts: list[Lifted], signs: list[int]) -> Lifted:
    """Return the sum of terms."""
    matrices, axes = aligned(parts)
    return Lifted(plus(matrices, signs), axes)


# -- reduction -----------------------------------------------------------------------------------------------------


def reduced(factors: list[Lifted], bound: list[Index]) -> Lifted:
    """Return the product of factors, summed over the bound indices.

    Raises:
        NotLifted: at some index more matrices meet than a product can join, or more than two axes are left.
    """
    factors = _parallel(factors) or [Lifted(UNIT, ())]
    left = list(bound)
    while left:
        k = min(left, key=lambda i: (_reach(factors, i), sum(i in f.axes for f in factors)))
        left.remove(k)
        factors = _parallel(_eliminated(factors, k))
    return _joined(factors)


def summed(f: Lifted, k: Index) -> Lifted:
    """Return the sum of one term over an index; over one that it does not carry, the size times the term."""
    if k not in f.axes:
        return Lifted(scaled(size_scalar(k.size), f.matrix), f.axes)
    if len(f.axes) == 1:
        return Lifted(total(f.matrix, None), ())
    axis = f.axes.index(k)
    return Lifted(total(f.matrix, axis), (f.axes[1 - axis],))


def _letters(axes: list[Index] | tuple[Index, ...]) -> str:
    out: list[str] = []
    for i in axes:
        letter = i.letter
        while letter in out:
            letter += "'"
        out.append(letter)
    return ", ".join(sorted(out))


def _reach(factors: list[Lifted], k: Index) -> int:
    """Return how many other indices the factors at an index carry."""
    return len({i for f in factors if k in f.axes for i in f.axes} - {k})


def _parallel(factors: list[Lifted]) -> list[Lifted]:
    """Multiply factors over the same axes entry by entry."""
    out: list[Lifted] = []
    for f in factors:
        for n, g in enumerate(out):
            if f.axes and len(f.axes) == len(g.axes) and set(g.axes) == set(f.axes):
                out[n] = Lifted(hadamard(g.matrix, with_axes(f, g.axes)), g.axes)
                break
        else:
            out.append(f)
    return out


def _eliminated(factors: list[Lifted], k: Index) -> list[Lifted]:
    """Carry out the sum over k; the joined factor takes the place of the first it was made from."""
    mine = [n for n, f in enumerate(factors) if k in f.axes]
    if not mine:
        return [Lifted(size_scalar(k.size), ()), *factors]
    joined = _joined_at([factors[n] for n in mine], k)
    return [joined if n == mine[0] else f for n, f in enumerate(factors) if n == mine[0] or n not in mine]


def _joined_at(mine: list[Lifted], k: Index) -> Lifted:
    """Return the sum over k of factors that carry it: at most one vector, and matrices to different other indices."""
    vectors = [f for f in mine if len(f.axes) == 1]
    edges = [f for f in mine if len(f.axes) == 2]
    if len(edges) > 2:
        names = ", ".join(_described(f) for f in edges)
        raise NotLifted(
            f"the sum over {k.letter} joins {len(edges)} matrices at one index ({names}); a product joins two"
        )
    if len(edges) == 2:
        a, b = edges
        i, j = _other(a, k), _other(b, k)
        left = with_axes(a, (i, k))
        for v in vectors:  # a vector on the joining index scales the columns of the left one: A diag(v) B
            left = hadamard(left, broadcast(v.matrix, 0, i.size))
        return Lifted(matmul(left, with_axes(b, (k, j))), (i, j))
    if len(edges) == 1 and vectors:
        i = _other(edges[0], k)
        return Lifted(matmul(with_axes(edges[0], (i, k)), vectors[0].matrix), (i,))
    return summed(edges[0] if edges else vectors[0], k)


def _described(f: Lifted) -> str:
    name = f.matrix.tensor.name if isinstance(f.matrix, Name) else "a term"
    return f"{name}[{','.join(i.letter for i in f.axes)}]"


def _other(f: Lifted, k: Index) -> Index:
    return f.axes[1] if f.axes[0] is k else f.axes[0]


def _joined(factors: list[Lifted]) -> Lifted:
    """Multiply what is left: scalars, one matrix, vectors."""
    axes: list[Index] = []
    for f in factors:
        axes.extend(i for i in f.axes if i not in axes)
    if len(axes) > 2:
        raise NotLifted(f"a product over {_letters(axes)} has more than two axes")
    scalars = [f.matrix for f in factors if not f.axes]
    vectors = [f for f in factors if len(f.axes) == 1]
    edges = [f for f in factors if len(f.axes) == 2]
    if edges:
        axes = list(edges[0].axes)
        out = edges[0].matrix
        for v in vectors:
            out = hadamard(out, with_axes(v, edges[0].axes))
    elif len(vectors) == 2:
        out = outer(vectors[0].matrix, vectors[1].matrix)
    elif vectors:
        out = vectors[0].matrix
    else:
        out = scalars.pop(0)
    for s in scalars:
        out = scaled(s, out)
    return Lifted(out, tuple(axes))
