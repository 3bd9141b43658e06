"""What one node does to a signal: h = g(sum_t c_t term_t), read off its definition, no layer known by name.

A term is a fresh linear map c sum_j W[i, j] x[j] of a parameter W, a bias b[i], or another node carried over, c x[i];
g is a function of one number. So an affine map has g(z) = z, an activation one term, a residual connection two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.algebra.convert import canonical
from symnn.ground.indices import Index
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    Add,
    Div,
    Entry,
    Ix,
    Mul,
    Neg,
    Sum,
    Sym,
    Tree,
    children,
    free_indices,
    mul,
    rebuild,
    tensors_in,
)
from symnn.show.text_notation import text
from symnn.theory.errors import MomentError
from symnn.theory.gains import Z
from symnn.theory.integration.scalar import put

__all__ = ["Reading", "Term", "Use", "Z", "exact", "placed", "read_node", "uses"]

def exact(value: Any) -> Any:
    """Return a number or formula as SymPy, floats as they are."""
    return sympy.sympify(value, strict=True)


def placed(value: Any, values: Mapping[Any, Any]) -> Any:
    """Return a number or formula with symbols replaced; nothing in it binds one."""
    return put(exact(value), {k: exact(v) for k, v in values.items()})


@dataclass(frozen=True)
class Term:
    """c sum W x (both given), c b (no value), or c x (no matrix).

    Attributes:
        factor: c.
        matrix: W or b.
        value: x.
        fan_in: how many products of W and x are added.
        fan_out: how many entries of the node one entry of x goes to.
    """

    factor: Any
    matrix: Tensor | None
    value: Tensor | None
    fan_in: Any = sympy.S.One
    fan_out: Any = sympy.S.One


@dataclass(frozen=True)
class Reading:
    """g(sum of terms): the node, its terms, and g as an expression in ``Z``."""

    node: Tensor
    terms: tuple[Term, ...]
    function: Any = Z


class _UnreadError(Exception):
    """A tree is no sum of terms; says why."""


@dataclass(frozen=True)
class _Raw:
    factor: Tree
    entries: tuple[Entry, ...]
    over: tuple[Index, ...]


def read_node(t: Tensor) -> Reading:
    """Return what a node does.

    Raises:
        MomentError: it is not of this form; the message names the node and says why.
    """
    assert t.definition is not None
    free = tuple(Index(letter, size) for letter, size in zip(t.letters, t.shape, strict=True))
    tree = unfold(entry_of(t, free))
    why = ""
    try:
        terms = _terms(tree, free)
    except _UnreadError as e:
        terms, why = (), str(e)
    if terms and not (len(terms) == 1 and terms[0].matrix is None):
        return Reading(t, terms)
    try:
        return _function(t, tree, free)
    except _UnreadError as e:
        raise MomentError(
            f"Signal propagation cannot follow node {t.name!r} = {text(tree)}: {e}{f' ({why})' if why else ''}. It "
            "follows linear maps by a parameter that is summed over, functions of one node entry by entry, and sums of "
            "these."
        ) from None


@dataclass(frozen=True)
class Use:
    """How a node uses a parameter in one product: c sum W x, x being read at any positions, or W looked up by labels.

    Attributes:
        factor: c.
        value: x, or None where W is looked up.
        fan_in: how many products are added.
        fan_out: how many products one entry of x enters, up to the ends of an axis.
    """

    factor: Any
    value: Tensor | None
    fan_in: Any
    fan_out: Any


def uses(t: Tensor) -> list[tuple[Tensor, Use]]:
    """Return the parameters that a node multiplies one other value by, or looks up; what else is in it is left out.

    So a convolution is read too, whose input stands at shifted positions.
    """
    assert t.definition is not None
    free = tuple(Index(letter, size) for letter, size in zip(t.letters, t.shape, strict=True))
    try:
        found = list(_raw(unfold(entry_of(t, free)), ONE, ()))
    except _UnreadError:
        return []
    out = []
    for raw in found:
        matrices = [e for e in raw.entries if e.tensor.role == "parameter"]
        values = [e for e in raw.entries if e.tensor.role != "parameter"]
        if len(matrices) != 1 or len(values) > 1:
            continue
        (w,) = matrices
        if not values:
            if any(isinstance(p, Entry) for p in w.at) and not raw.over:
                out.append((w.tensor, Use(to_sympy(raw.factor), None, sympy.S.One, sympy.S.One)))
            continue
        if not raw.over:
            continue
        plain = {p.index for p in values[0].at if isinstance(p, Ix)} & set(raw.over)
        fan_out = sympy.cancel(sympy.Mul(*w.tensor.shape) / sympy.Mul(*(i.size for i in plain)))
        use = Use(to_sympy(raw.factor), values[0].tensor, sympy.Mul(*(i.size for i in raw.over)), fan_out)
        out.append((w.tensor, use))
    return out


# -- a function of one number ------------------------------------------------------------------------------------------


def _function(t: Tensor, tree: Tree, free: tuple[Index, ...]) -> Reading:
    whole = tuple(Ix(i) for i in free)
    values = {t for t in tensors_in(tree) if t.role != "parameter"}
    if len(values) == 1 and not any(isinstance(s, Sum) for s in _all(tree)) and len(tensors_in(tree)) == 1:
        (value,) = values
        if value.classes is not None:
            raise _UnreadError(f"{value.name} holds labels")
        if any(isinstance(s, Entry) and s.at != whole for s in _all(tree)):
            raise _UnreadError(f"{value.name} is not read at the node's own indices")
        made = _replaced(tree, lambda s: isinstance(s, Entry))
        return Reading(t, (Term(sympy.S.One, None, value),), _expression(made))
    inside: list[Tree] = []

    def go(at: Tree) -> Tree:
        if not tensors_in(at):
            return at
        if isinstance(at, Add):
            loose = tuple(s for s in at.terms if not tensors_in(s))
            bound = tuple(s for s in at.terms if tensors_in(s))
            if loose and _affine(bound, free):
                return Add((go(bound[0] if len(bound) == 1 else Add(bound)), *loose))
        if isinstance(at, Add | Sum | Entry) and _affine((at,), free):
            inside.append(at)
            return mul(_multiple(inside[0], at, free), Sym(Z))
        if isinstance(at, Entry | Sum):
            name = tensors_in(at)[0].name
            kind = "a sum that is no linear map by a parameter" if isinstance(at, Sum) else f"{name} at these indices"
            raise _UnreadError(f"it holds {kind}, {text(at)}")
        return rebuild(at, tuple(go(s) for s in children(at)))

    made = go(tree)
    if not inside:
        raise _UnreadError("no node enters it")
    return Reading(t, _terms(inside[0], free), _expression(made))


def _multiple(first: Tree, other: Tree, free: tuple[Index, ...]) -> Tree:
    """Return c where other = c first, for all sizes."""
    ratio = from_sympy(sympy.cancel(_terms(other, free)[0].factor / _terms(first, free)[0].factor))
    if (canonical(mul(ratio, first)) - canonical(other)).terms:
        raise _UnreadError(f"it is a function of more than one number, {text(first)} and {text(other)}")
    return ratio


def _expression(tree: Tree) -> Any:
    made = to_sympy(tree)
    if any(isinstance(s, sympy.Indexed | sympy.Sum) or isinstance(s, Index) for s in sympy.preorder_traversal(made)):
        raise _UnreadError("the function of it depends on the place of the entry")
    return made


def _affine(parts: Sequence[Tree], free: tuple[Index, ...]) -> bool:
    try:
        for part in parts:
            _terms(part, free)
    except _UnreadError:
        return False
    return True


def _all(tree: Tree) -> Iterator[Tree]:
    """Yield the tree and its parts, positions of entries left out."""
    yield tree
    if not isinstance(tree, Entry):
        for part in children(tree):
            yield from _all(part)


def _replaced(tree: Tree, chosen: Any) -> Tree:
    if chosen(tree):
        return Sym(Z)
    parts = children(tree)
    return rebuild(tree, tuple(_replaced(p, chosen) for p in parts)) if parts else tree


# -- a sum of terms ----------------------------------------------------------------------------------------------------


def _terms(tree: Tree, free: tuple[Index, ...]) -> tuple[Term, ...]:
    found = [_term(raw, free) for raw in _raw(tree, ONE, ())]
    merged: dict[Any, Term] = {}
    for n, term in enumerate(found):
        key = ("carried", term.value) if term.matrix is None else n
        if key in merged:
            term = Term(merged[key].factor + term.factor, None, term.value)
        merged[key] = term
    return tuple(t for t in merged.values() if t.factor != 0)


def _raw(tree: Tree, factor: Tree, over: tuple[Index, ...]) -> Iterator[_Raw]:
    """Yield factor, entries and summed indices of every product, sums and brackets opened."""
    match tree:
        case Add():
            for term in tree.terms:
                yield from _raw(term, factor, over)
        case Neg():
            yield from _raw(tree.body, mul(Neg(ONE), factor), over)
        case Div() if _plain(tree.den):
            yield from _raw(tree.num, Div(factor, tree.den), over)
        case Sum():
            yield from _raw(tree.body, factor, (*over, tree.index))
        case Mul():
            plain = [f for f in tree.factors if _plain(f)]
            rest = [f for f in tree.factors if not _plain(f)]
            if len(rest) == 1:
                yield from _raw(rest[0], mul(factor, *plain), over)
            elif all(isinstance(f, Entry) for f in rest):
                yield _Raw(mul(factor, *plain), tuple(f for f in rest if isinstance(f, Entry)), over)
            else:
                raise _UnreadError(f"{text(tree)} is no product of a parameter and one node")
        case Entry():
            yield _Raw(factor, (tree,), over)
        case _:
            raise _UnreadError(f"{text(tree)} is not linear in a node")


def _plain(tree: Tree) -> bool:
    return not tensors_in(tree) and not free_indices(tree)


def _term(raw: _Raw, free: tuple[Index, ...]) -> Term:
    factor = to_sympy(raw.factor)
    matrices = [e for e in raw.entries if e.tensor.role == "parameter"]
    values = [e for e in raw.entries if e.tensor.role != "parameter"]
    for e in raw.entries:
        at = [p.index for p in e.at if isinstance(p, Ix)]
        if len(at) < len(e.at) or len(set(at)) < len(at):
            raise _UnreadError(f"{text(e)} is read at shifted, fixed or repeated indices")
        if e.tensor.classes is not None:
            raise _UnreadError(f"{e.tensor.name} holds labels")
    if len(matrices) > 1 or len(values) > 1:
        kind = "parameters" if len(matrices) > 1 else "nodes"
        names = " and ".join(e.tensor.name for e in (matrices if len(matrices) > 1 else values))
        raise _UnreadError(f"it multiplies two {kind}, {names}")
    if not matrices:
        if raw.over or not values or set(_at(values[0])) != set(free):
            raise _UnreadError("a node is summed or repeated without a parameter, so that its entries are correlated")
        return Term(factor, None, values[0].tensor)
    weight = _at(matrices[0])
    if not values:
        if raw.over:
            raise _UnreadError(f"{matrices[0].tensor.name} is summed without a node")
        return Term(factor, matrices[0].tensor, None)
    value = _at(values[0])
    own = [i for i in free if i not in value]
    if not raw.over:
        raise _UnreadError(f"{matrices[0].tensor.name} multiplies {values[0].tensor.name} entry by entry")
    for i in raw.over:
        if i not in weight or i not in value:
            raise _UnreadError(f"index {i.letter} is summed over and does not stand in both factors")
    if any(i not in weight for i in own):
        raise _UnreadError("an axis of the node is neither the parameter's nor the summed node's")
    fan_in = sympy.Mul(*(i.size for i in raw.over))
    return Term(factor, matrices[0].tensor, values[0].tensor, fan_in, sympy.Mul(*(i.size for i in own)))


def _at(e: Entry) -> tuple[Index, ...]:
    return tuple(p.index for p in e.at if isinstance(p, Ix))
