"""Matrix form of index expressions, construct by construct; products and sums are left to the index graph.

What does not reduce to at most two free indices is not lifted, and says why.
"""

from __future__ import annotations

from symnn.algebra.index_graph import Lifted, NotLifted, aligned, reduced, total, with_axes
from symnn.algebra.matrix_terms import (
    Compare,
    Diagonal,
    Elementwise,
    Identity,
    Matrix,
    Name,
    OneHot,
    Plus,
    Scalar,
    Scaled,
    Select,
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


def lift(tree: Tree, free: tuple[Index, ...]) -> Matrix:
    """Return the matrix form of an index expression whose axes are the free indices, in order.

    Raises:
        NotLifted: more than two free indices, or a sum that joins more than two factors.
    """
    if len(free) > 2:
        raise NotLifted(f"it has {len(free)} free indices")
    return with_axes(_lift(tree), free)


# -- one construct at a time ---------------------------------------------------------------------------------------


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
            parts, axes = aligned([_lift(tree.left), _lift(tree.right)], scalars=True)
            return Lifted(Compare(tree.rel, parts[0], parts[1]), axes)
        case Where():
            parts, axes = aligned([_lift(tree.condition), _lift(tree.then), _lift(tree.other)], scalars=True)
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


def _sum_of_terms(tree: Add) -> Lifted:
    signs, parts = [], []
    for t in tree.terms:
        signs.append(-1 if isinstance(t, Neg) else 1)
        parts.append(_lift(t.body if isinstance(t, Neg) else t))
    matrices, axes = aligned(parts, scalars=True)
    return Lifted(Plus(tuple(matrices), tuple(signs)), axes)


def _function(f: Fn) -> Lifted:
    if len(f.args) == 1:
        x = _lift(f.args[0])
        return Lifted(Elementwise(f.name, x.matrix), x.axes)
    parts, axes = aligned([_lift(a) for a in f.args], scalars=True)
    if f.name not in ("max", "min"):
        raise NotLifted(f"{f.name} of several arguments")
    rel = Compare(">", parts[0], parts[1]) if f.name == "max" else Compare(">", parts[1], parts[0])
    return Lifted(Select(rel, parts[0], parts[1]), axes)


# -- products and sums ---------------------------------------------------------------------------------------------


def _product(tree: Tree) -> Lifted:
    if isinstance(tree, Sum) and isinstance(tree.body, Add):
        return total(_lift(tree.body), tree.index)
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
    out = reduced(factors, bound)
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
