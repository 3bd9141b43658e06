"""Matrix form of index expressions, construct by construct; products and sums are left to the index graph.

What does not reduce to at most two axes is not lifted, and says why. Tensors of more axes are lifted item by item where
their leading axes only count the items of a batch.
"""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from symnn.algebra.index_graph import Lifted, NotLifted, added, aligned, reduced, summed, with_axes
from symnn.algebra.matrix_factors import UNIT, negated, ones_like
from symnn.algebra.matrix_forms import applied, diagonal_of, quotient, settled
from symnn.algebra.matrix_sums import sum_over
from symnn.algebra.matrix_terms import (
    Compare,
    Each,
    Extreme,
    Identity,
    Matrix,
    Name,
    OneHot,
    Positions,
    Scalar,
    Select,
)
from symnn.ground.indices import Index
from symnn.ground.substitute import fresh
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
    transform,
    walk,
)

__all__ = ["Lifted", "NotLifted", "lift"]


def lift(tree: Tree, free: tuple[Index, ...], *, batch: Any = None) -> Matrix:
    """Return the matrix form of an index expression whose axes are the free indices, in order.

    With leading axes that only count the items of a batch, it is the form of one item: ``Each(n, ...)``.

    Args:
        tree: the index expression.
        free: its free indices.
        batch: a size whose indices count the items of a batch wherever they stand on a leading axis; None for only
            those that must, because a tensor has more than two axes.

    Raises:
        NotLifted: more than two axes are left, or a sum joins more matrices than a product can.

    >>> from symnn.ground.sizes import dims
    >>> from symnn.ground.tensors import input
    >>> N, D, H = dims("N D H")
    >>> x, g, i, j, n = input("x", (N, D)), input("g", (N, H)), Index("i", H), Index("j", D), Index("n", N)
    >>> lift(Sum(n, Mul((Entry(g, (Ix(n), Ix(i))), Entry(x, (Ix(n), Ix(j)))))), (i, j)).shape
    (H, D)
    """
    tree = fresh(tree)  # (sum_k x_k) (sum_k x_k) is not sum_k x_k^2: no two sums share an index
    items = _items(tree, batch)
    items |= set(free[:-2])  # a matrix has two axes; the others count items, if they stand on leading axes
    tree, free, items = _lettered(tree, free, items)
    lead = next((n for n, i in enumerate(free) if i not in items), len(free))
    each, axes = free[:lead], free[lead:]
    late = [i for i in axes if i in items]
    if late:
        raise NotLifted(f"{late[0].letter} counts the items of a batch, but it is not among the leading axes")
    out = with_axes(_Lifter(items).lift(tree), axes)
    for n in reversed(each):
        out = Each(n, out)
    return out


def _items(tree: Tree, batch: Any) -> frozenset[Index]:
    """Return the indices that stand on the leading axes of tensors with more than two, or of a batch."""
    found: set[Index] = set()
    for at in walk(tree):
        if isinstance(at, Entry) and len(at.at) > 2:
            for place in at.at[:-2]:
                if not isinstance(place, Ix):
                    raise NotLifted(
                        f"{at.tensor.name} has {len(at.at)} axes, and a leading one is picked by a label or a number"
                    )
                found.add(place.index)
        if isinstance(at, Entry) and at.at and isinstance(first := at.at[0], Ix) and at.tensor.shape[0] == batch:
            found.add(first.index)
    return frozenset(found)


def _lettered(
    tree: Tree, free: tuple[Index, ...], items: frozenset[Index]
) -> tuple[Tree, tuple[Index, ...], frozenset[Index]]:
    """Return the formula with letters for its batch indices that no tensor, symbol or other batch index has."""
    taken = {at.tensor.name for at in walk(tree) if isinstance(at, Entry)}
    taken |= {s.name for i in _indices(tree, free) for s in i.size.free_symbols}
    taken |= {at.symbol.name for at in walk(tree) if isinstance(at, Sym)}
    new: dict[Index, Index] = {}
    for i in (i for i in _indices(tree, free) if i in items):
        spare = (f"n{k}" for k in count(1))
        letter = next(c for c in chain((i.letter, *"nmbhkijlpqr"), spare) if c not in taken)
        taken.add(letter)
        new[i] = i if letter == i.letter else Index(letter, i.size)

    def changed(at: Tree) -> Tree:
        if isinstance(at, Ix):
            return Ix(new.get(at.index, at.index))
        return Sum(new.get(at.index, at.index), at.body) if isinstance(at, Sum) else at

    return transform(tree, changed), tuple(new.get(i, i) for i in free), frozenset(new.values())


def _indices(tree: Tree, free: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return all indices, in order of appearance."""
    return tuple(dict.fromkeys((*free, *(at.index for at in walk(tree) if isinstance(at, Ix | Sum)))))


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


def _is_identity(tree: Tree) -> bool:
    body = tree.body if isinstance(tree, Neg) else tree
    return isinstance(body, Delta) and isinstance(body.left, Ix) and isinstance(body.right, Ix)


def _times(factors: list[Tree], term: Tree) -> Tree:
    return Neg(mul(*factors, term.body)) if isinstance(term, Neg) else mul(*factors, term)


class _Lifter:
    """Lifts trees, the tensors taken at the given item indices."""

    def __init__(self, items: frozenset[Index]) -> None:
        self.items = items

    def lift(self, tree: Tree) -> Lifted:
        if _plain(tree):
            return Lifted(Scalar(tree), ())
        match tree:
            case Entry():
                return self._entry(tree)
            case Delta():
                return self._delta(tree)
            case Neg():
                x = self.lift(tree.body)
                return Lifted(negated(x.matrix), x.axes)
            case Add():
                signs = [-1 if isinstance(t, Neg) else 1 for t in tree.terms]
                return added([self.lift(t.body if isinstance(t, Neg) else t) for t in tree.terms], signs)
            case Mul() | Div() | Sum():
                return self._product(tree)
            case Pow():
                return self._power(tree)
            case Fn():
                return self._function(tree)
            case Ind():
                return self._comparison(tree.rel, tree.left, tree.right)
            case Where():
                parts, axes = aligned([self.lift(t) for t in (tree.condition, tree.then, tree.other)])
                return Lifted(settled(Select(parts[0], parts[1], parts[2])), axes)
            case Ix():
                return self._index(tree.index)
            case D():
                raise NotLifted("a derivative is still to be taken")
        raise NotLifted(f"{type(tree).__name__} has no matrix form")

    # -- one construct at a time -----------------------------------------------------------------------------------

    def _index(self, index: Index) -> Lifted:
        if index in self.items:
            raise NotLifted(f"the index {index.letter} of a batch is used as a number")
        return Lifted(Positions(index.size, index.letter), (index,))

    def _entry(self, e: Entry) -> Lifted:
        lead = 0
        while lead < len(e.at) and isinstance(at := e.at[lead], Ix) and at.index in self.items:
            lead += 1
        whole = Name(e.tensor, tuple(at.index for at in e.at[:lead] if isinstance(at, Ix)))
        places = e.at[lead:]
        if len(places) > 2:
            raise NotLifted(f"{e.tensor.name} has {len(e.at)} axes, {len(places)} of them inside an item of the batch")
        for at, size in zip(e.at, e.tensor.shape, strict=True):
            if isinstance(at, Ix) and at.index.size != size:
                raise NotLifted(
                    f"{at.index.letter} walks an axis of {e.tensor.name} that has {size} places, but it ranges over "
                    f"{at.index.size}"
                )
        for at in places:
            if isinstance(at, Ix) and at.index in self.items:
                raise NotLifted(
                    f"an axis of {e.tensor.name} that is not a leading one carries an index that counts the items of "
                    "a batch elsewhere"
                )
        picked: list[tuple[Matrix, tuple[Index, ...]] | Index] = [self._place(e, at) for at in places]
        return self._taken(whole, picked)

    def _place(self, e: Entry, at: Tree) -> Index | tuple[Matrix, tuple[Index, ...]]:
        """Return an axis's index, or the one-hot vector or rows that pick from it, with their index."""
        if isinstance(at, Ix):
            return at.index
        if isinstance(at, Entry) and at.tensor.classes is not None:
            labels = self._entry(at)
            if isinstance(labels.matrix, Name) and len(labels.axes) <= 1:
                return OneHot(labels.matrix, at.tensor.classes), labels.axes
        raise NotLifted(f"an entry of {e.tensor.name} is picked by a shifted index, a number or a formula")

    def _taken(self, whole: Matrix, places: list[tuple[Matrix, tuple[Index, ...]] | Index]) -> Lifted:
        """Return a tensor at its places: a label on an axis is a product with one-hot rows, summed over the axis."""
        axes: list[Index] = []
        factors: list[Lifted] = []
        bound: list[Index] = []
        for place, size in zip(places, whole.shape, strict=True):
            if isinstance(place, Index):
                axes.append(place)
                continue
            hot, over = place
            k = Index("k", size)
            axes.append(k)
            bound.append(k)
            factors.append(Lifted(hot, (*over, k)))
        if len(axes) == 2 and axes[0] is axes[1]:
            return Lifted(diagonal_of(whole), (axes[0],))
        made = Lifted(whole, tuple(axes))
        if not factors:
            return made
        return reduced([factors[0], made, *factors[1:]], bound)

    def _delta(self, d: Delta) -> Lifted:
        left, right = d.left, d.right
        if isinstance(right, Ix) and not isinstance(left, Ix):
            left, right = right, left
        if isinstance(left, Ix) and isinstance(right, Ix) and not self.items & {left.index, right.index}:
            if left.index is right.index:
                return Lifted(UNIT, ())
            if left.index.size != right.index.size:
                raise NotLifted(f"a delta of {left.index.letter} and {right.index.letter}, which have different ranges")
            return Lifted(Identity(left.index.size), (left.index, right.index))
        if isinstance(left, Ix) and isinstance(right, Entry) and right.tensor.classes is not None:
            labels = self._entry(right)
            if isinstance(labels.matrix, Name) and len(labels.axes) <= 1 and left.index not in (*labels.axes,):
                if left.index in self.items:
                    raise NotLifted(f"the index {left.index.letter} of a batch is compared with a label")
                return Lifted(OneHot(labels.matrix, right.tensor.classes), (*labels.axes, left.index))
        return self._comparison("=", left, right)

    def _comparison(self, rel: str, left: Tree, right: Tree) -> Lifted:
        if _plain(left) and not _plain(right):  # a lone constant stands on the right
            left, right, rel = right, left, {">": "<", ">=": "<="}.get(rel, rel)
        parts, axes = aligned([self.lift(left), self.lift(right)])
        return Lifted(settled(Compare(rel, parts[0], parts[1])), axes)

    def _power(self, tree: Pow) -> Lifted:
        if free_indices(tree.exponent) or not _plain(tree.exponent):
            raise NotLifted("an exponent is no number or symbol")
        x = self.lift(tree.base)
        if tree.exponent == Neg(ONE):
            return Lifted(quotient(ones_like(x.matrix), x.matrix), x.axes)
        return Lifted(applied("power", x.matrix, tree.exponent), x.axes)

    def _function(self, f: Fn) -> Lifted:
        if len(f.args) == 1:
            x = self.lift(f.args[0])
            return Lifted(applied(f.name, x.matrix), x.axes)
        if f.name not in ("max", "min") or len(f.args) != 2:
            raise NotLifted(f"{f.name} of several arguments has no matrix form")
        (left, right), axes = aligned([self.lift(a) for a in f.args])
        return Lifted(settled(Extreme(f.name, left, right)), axes)

    # -- products and sums -----------------------------------------------------------------------------------------

    def _product(self, tree: Tree) -> Lifted:
        if isinstance(tree, Sum) and isinstance(tree.body, Add | Neg):
            return self._sum_of_terms(tree)
        above: list[Tree] = []
        below: list[Tree] = []
        bound: list[Index] = []
        sign = _flattened(tree, above, below, bound)
        opened = self._opened(above, below, bound)
        if opened is not None:
            return self.lift(Neg(opened) if sign < 0 else opened)
        factors = [self.lift(f) for f in above]
        for f in below:
            x = self.lift(f)
            factors.append(Lifted(quotient(ones_like(x.matrix), x.matrix), x.axes))
        out = reduced(factors, [k for k in bound if k not in self.items])
        for k in bound:
            if k in self.items:
                out = Lifted(sum_over(k, out.matrix), out.axes)
        return Lifted(negated(out.matrix), out.axes) if sign < 0 else out

    def _sum_of_terms(self, tree: Sum) -> Lifted:
        if isinstance(tree.body, Neg):
            x = self.lift(Sum(tree.index, tree.body.body))
            return Lifted(negated(x.matrix), x.axes)
        if tree.index in self.items:
            x = self.lift(tree.body)
            return Lifted(sum_over(tree.index, x.matrix), x.axes)
        try:
            return summed(self.lift(tree.body), tree.index)
        except NotLifted:
            assert isinstance(tree.body, Add)
            return self.lift(Add(tuple(Sum(tree.index, t) for t in tree.body.terms)))

    def _opened(self, above: list[Tree], below: list[Tree], bound: list[Index]) -> Tree | None:
        """Return the product opened over a sum of terms among its factors, where only that can be lifted.

        x_i (1[i=j] - x_j) reads diag(x) - x x^T; a sum of terms over more than two indices fits no matrix.
        """
        for n, f in enumerate(above):
            if not isinstance(f, Add):
                continue
            wide = len(set(free_indices(f)) - self.items) > 2
            if wide or any(_is_identity(t) for t in f.terms):
                rest = [*above[:n], *above[n + 1 :]]
                terms: list[Tree] = []
                for t in f.terms:
                    made = _times(rest, t)
                    made = Div(made, mul(*below)) if below else made
                    for k in reversed(bound):
                        made = Sum(k, made)
                    terms.append(made)
                return Add(tuple(terms))
        return None


def _flattened(tree: Tree, above: list[Tree], below: list[Tree], bound: list[Index]) -> int:
    """Collect factors above and below the line and the summed indices; return the sign.

    A sum below a fraction line stays one factor. Bound indices are all different, so none is captured.
    """
    match tree:
        case Neg():
            return -_flattened(tree.body, above, below, bound)
        case Mul():
            sign = 1
            for f in tree.factors:
                sign *= _flattened(f, above, below, bound)
            return sign
        case Div():
            sign = _flattened(tree.num, above, below, bound)
            below.extend(tree.den.factors if isinstance(tree.den, Mul) else (tree.den,))
            return sign
        case Sum() if not isinstance(tree.body, Add):
            bound.append(tree.index)
            return _flattened(tree.body, above, below, bound)
    if tree != ONE:
        above.append(tree)
    return 1
