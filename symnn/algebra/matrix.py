"""Lift index expressions to matrix form: indices are vertices, matrices edges, vectors labels of vertices.

Sums over an index join two edges into one (a matrix product); parallel edges multiply entry by entry. What does not
reduce to at most two free indices is not lifted, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from symnn.ground.indices import Index
from symnn.ground.tree import (
    ONE,
    Add,
    Const,
    D,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
    children,
    free_indices,
    mul,
)

__all__ = ["Lifted", "NotLifted", "lift"]


class NotLifted(Exception):
    """An index expression has no matrix form here; the message says what stands in the way."""


@dataclass(frozen=True)
class Lifted:
    """A matrix expression and the index of each of its axes (none, one or two)."""

    matrix: Matrix
    axes: tuple[Index, ...]


def lift(tree: Tree, free: tuple[Index, ...]) -> Matrix:
    """Return the matrix form of an index expression whose axes are the free indices, in order.

    Raises:
        NotLifted: more than two free indices, or a sum that joins more than two factors.
    """
    if len(free) > 2:
        raise NotLifted(f"it has {len(free)} free indices")
    return _as(_lift(tree), free)


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


def _as(x: Lifted, axes: tuple[Index, ...]) -> Matrix:
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


# -- lifting -------------------------------------------------------------------------------------------------------


def _lift(tree: Tree) -> Lifted:
    if not free_indices(tree) and not isinstance(tree, Sum) and _plain(tree):
        return Lifted(Scalar(tree), ())
    match tree:
        case Entry():
            return _entry(tree)
        case Delta():
            return _delta(tree)
        case Neg():
            x = _lift(tree.body)
            return Lifted(Plus((x.matrix,), (-1,)), x.axes)
        case Add():
            return _sum_of_terms(tree)
        case Mul() | Div() | Sum():
            return _product(tree)
        case Pow():
            if free_indices(tree.exponent):
                raise NotLifted("an exponent with an index")
            x = _lift(tree.base)
            return Lifted(Elementwise("power", x.matrix, tree.exponent), x.axes)
        case Fn():
            return _function(tree)
        case Ind():
            parts, axes = _aligned([_lift(tree.left), _lift(tree.right)], scalars=True)
            return Lifted(Compare(tree.rel, parts[0], parts[1]), axes)
        case Where():
            parts, axes = _aligned([_lift(tree.condition), _lift(tree.then), _lift(tree.other)], scalars=True)
            return Lifted(Select(parts[0], parts[1], parts[2]), axes)
        case D():
            raise NotLifted("a derivative is still to be taken")
        case Ix():
            raise NotLifted("an index is used as a number")
    raise NotLifted(f"{type(tree).__name__} has no matrix form")


def _plain(tree: Tree) -> bool:
    """A scalar of numbers, symbols and single entries such as f[y], shown as it stands."""
    match tree:
        case Num() | Const() | Sym():
            return True
        case Entry():
            return all(isinstance(p, Num | Entry) and _plain(p) for p in tree.at)
        case Add() | Mul() | Neg() | Div() | Pow() | Fn():
            return all(_plain(c) for c in children(tree))
    return False


def _entry(e: Entry) -> Lifted:
    places = []
    for at in e.at:
        if not isinstance(at, Ix):
            raise NotLifted(f"an entry of {e.tensor.name} is picked by a label or a shifted index")
        places.append(at.index)
    if len(places) > 2:
        raise NotLifted(f"{e.tensor.name} has {len(places)} axes")
    if len(places) == 2 and places[0] is places[1]:
        return Lifted(Diagonal(Name(e.tensor)), (places[0],))
    return Lifted(Name(e.tensor), tuple(places))


def _delta(d: Delta) -> Lifted:
    left, right = d.left, d.right
    if isinstance(right, Ix) and not isinstance(left, Ix):
        left, right = right, left
    if isinstance(left, Ix) and isinstance(right, Ix):
        return Lifted(Identity(left.index.size), (left.index, right.index))
    if isinstance(left, Ix) and isinstance(right, Entry) and right.tensor.classes is not None:
        if not right.at:
            return Lifted(OneHot(right.tensor, right.tensor.classes), (left.index,))
        if len(right.at) == 1 and isinstance(right.at[0], Ix) and right.at[0].index is not left.index:
            return Lifted(OneHot(right.tensor, right.tensor.classes), (right.at[0].index, left.index))
    raise NotLifted("a delta between shifted indices")


def _aligned(parts: list[Lifted], *, scalars: bool = False) -> tuple[list[Matrix], tuple[Index, ...]]:
    axes: list[Index] = []
    for p in sorted(parts, key=lambda p: -len(p.axes)):
        axes.extend(i for i in p.axes if i not in axes)
    if len(axes) > 2:
        raise NotLifted("terms with more than two free indices")
    wanted = tuple(axes)
    return [p.matrix if scalars and not p.axes else _as(p, wanted) for p in parts], wanted


def _sum_of_terms(tree: Add) -> Lifted:
    signs, parts = [], []
    for t in tree.terms:
        signs.append(-1 if isinstance(t, Neg) else 1)
        parts.append(_lift(t.body if isinstance(t, Neg) else t))
    matrices, axes = _aligned(parts, scalars=True)
    return Lifted(Plus(tuple(matrices), tuple(signs)), axes)


def _function(f: Fn) -> Lifted:
    if len(f.args) == 1:
        x = _lift(f.args[0])
        return Lifted(Elementwise(f.name, x.matrix), x.axes)
    parts, axes = _aligned([_lift(a) for a in f.args], scalars=True)
    if f.name not in ("max", "min"):
        raise NotLifted(f"{f.name} of several arguments")
    rel = Compare(">", parts[0], parts[1]) if f.name == "max" else Compare(">", parts[1], parts[0])
    return Lifted(Select(rel, parts[0], parts[1]), axes)


# -- products and sums: reduction of the index graph ----------------------------------------------------------------


def _product(tree: Tree) -> Lifted:
    if isinstance(tree, Sum) and isinstance(tree.body, Add):
        return _total(_lift(tree.body), tree.index)
    above: list[Tree] = []
    below: list[Tree] = []
    bound: list[Index] = []
    sign = _flatten(tree, above, below, bound)
    for n, f in enumerate(above):  # x_i (1[i=j] - x_j) reads diag(x) - x x^T: opened first
        if isinstance(f, Add) and not bound and any(_is_identity(t) for t in f.terms):
            rest = [*above[:n], *above[n + 1 :]]
            opened: Tree = Add(tuple(_times(rest, t) for t in f.terms))
            opened = Div(opened, mul(*below)) if below else opened
            return _lift(Neg(opened) if sign < 0 else opened)
    scalars_above = [f for f in above if not free_indices(f) and _plain(f)]
    scalars_below = [f for f in below if not free_indices(f) and _plain(f)]
    factors = [_lift(f) for f in above if f not in scalars_above]
    for f in below:
        if f in scalars_below:
            continue
        x = _lift(f)
        factors.append(Lifted(Elementwise("reciprocal", x.matrix), x.axes))
    out = _reduce(factors, bound)
    if scalars_above or scalars_below:
        if not out.axes and isinstance(out.matrix, Scalar):
            out = Lifted(Scalar(out.matrix.tree), ())
        out = Lifted(Scaled(mul(*scalars_above), mul(*scalars_below), out.matrix), out.axes)
    return Lifted(Plus((out.matrix,), (-1,)), out.axes) if sign < 0 else out


def _is_identity(tree: Tree) -> bool:
    body = tree.body if isinstance(tree, Neg) else tree
    return isinstance(body, Delta) and isinstance(body.left, Ix) and isinstance(body.right, Ix)


def _times(factors: list[Tree], term: Tree) -> Tree:
    return Neg(mul(*factors, term.body)) if isinstance(term, Neg) else mul(*factors, term)


def _flatten(tree: Tree, above: list[Tree], below: list[Tree], bound: list[Index]) -> int:
    """Collect factors above and below the line and the summed indices; return the sign.

    A sum below a fraction line stays one factor.
    """
    match tree:
        case Neg():
            return -_flatten(tree.body, above, below, bound)
        case Mul():
            sign = 1
            for f in tree.factors:
                sign *= _flatten(f, above, below, bound)
            return sign
        case Div():
            sign = _flatten(tree.num, above, below, bound)
            parts = tree.den.factors if isinstance(tree.den, Mul) else (tree.den,)
            below.extend(parts)
            return sign
        case Sum() if not isinstance(tree.body, Add):
            bound.append(tree.index)
            return _flatten(tree.body, above, below, bound)
    if tree != ONE:
        above.append(tree)
    return 1


def _reduce(factors: list[Lifted], bound: list[Index]) -> Lifted:
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
                out[n] = Lifted(_hadamard(g.matrix, _as(f, g.axes)), g.axes)
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
        return Lifted(MatMul(_as(a, (i, k)), _as(b, (k, j))), (i, j))
    if len(edges) == 1 and vectors:
        i = _other(edges[0], k)
        return Lifted(MatMul(_as(edges[0], (i, k)), vectors[0].matrix), (i,))
    return _total(edges[0] if edges else vectors[0], k)


def _other(f: Lifted, k: Index) -> Index:
    return f.axes[1] if f.axes[0] is k else f.axes[0]


def _total(f: Lifted, k: Index) -> Lifted:
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
