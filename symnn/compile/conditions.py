"""Comparisons, deltas and choices: pieces of truth values, and what may fail where it is not chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnn.compile import positions
from symnn.compile.piece import CALL, COMPARE, LOGIC, SUM, Piece, aligned, union
from symnn.compile.products import quotient
from symnn.ground.tree import ONE, Add, Delta, Div, Fn, Ind, Mul, Neg, Num, Pow, Sym, Tree, Where, mul, walk

if TYPE_CHECKING:
    from symnn.compile.emit import Emitter

__all__ = ["condition", "may_fail", "where"]

_RELATIONS = {">": ">", ">=": ">=", "=": "==", "!=": "!="}

#: Functions that may be infinite or undefined somewhere, so that 0 times them needs a guard.
_RISKY = frozenset(
    {"exp", "log", "log1p", "expm1", "sinh", "cosh", "tan", "gamma", "loggamma", "digamma", "asin", "acos"}
)


def condition(emitter: Emitter, tree: Tree) -> Piece:
    """Return a piece of truth values."""
    if isinstance(tree, Ind | Delta):
        relation, sides = tree.rel if isinstance(tree, Ind) else "=", (tree.left, tree.right)
        if relation in ("=", "!=") and all(map(positions.is_position, sides)):
            return _compare(emitter, _RELATIONS[relation], *[positions.position(emitter, p) for p in sides])
        return _compare(emitter, _RELATIONS[relation], *[emitter.real(emitter.emit(p)) for p in sides])
    if isinstance(tree, Mul):
        outer = emitter.guards
        safe = [f for f in tree.factors if not positions.strays(f)]
        parts = [condition(emitter, f) for f in safe]
        if safe and len(safe) < len(tree.factors):  # an entry outside a tensor is not read where another part is false
            emitter.guards = (*outer, (mul(*safe), True))
        parts += [condition(emitter, f) for f in tree.factors if f not in safe]
        emitter.guards = outer
        axes = union(parts, emitter.rank, emitter.free)
        return Piece(" & ".join(aligned(p, axes).at(LOGIC + 1) for p in parts), axes, LOGIC, "bool", fresh=True)
    if isinstance(tree, Add) and len(tree.terms) == 2 and ONE in tree.terms:
        other = next(t for t in tree.terms if t != ONE)
        if isinstance(other, Neg):
            inner = condition(emitter, other.body)
            return Piece(f"xp.logical_not({inner.text})", inner.axes, CALL, "bool", fresh=True)
    value = emitter.emit(tree)
    if value.kind == "bool":
        return value
    return Piece(f"{value.at(SUM)} != 0", value.axes, COMPARE, "bool", fresh=True)


def _compare(emitter: Emitter, relation: str, left: Piece, right: Piece) -> Piece:
    axes = union((left, right), emitter.rank, emitter.free)
    text = f"{aligned(left, axes).at(SUM)} {relation} {aligned(right, axes).at(SUM)}"
    if left.kind == right.kind == "number" or not axes and "int" in (left.kind, right.kind):
        return Piece(f"xp.asarray({text})", (), CALL, "bool", fresh=True)
    return Piece(text, axes, COMPARE, "bool", fresh=True)


def where(emitter: Emitter, tree: Where) -> Piece:
    """Return the choice between two branches; the one not taken may fail quietly."""
    test = condition(emitter, tree.condition)
    outer, branches = emitter.guards, []
    for branch, truth in ((tree.then, True), (tree.other, False)):
        emitter.guards = (*outer, (tree.condition, truth))
        branches.append(emitter.real(emitter.emit(branch)))
    emitter.guards = outer
    if may_fail(tree.then) or may_fail(tree.other):
        emitter.risky = True
    axes = union((test, *branches), emitter.rank, emitter.free)
    text = f"xp.where({', '.join(aligned(p, axes).text for p in (test, *branches))})"
    if all(p.kind == "number" for p in branches):
        text += ".astype(real)"
    return Piece(text, axes, CALL, fresh=True)


def may_fail(tree: Tree) -> bool:
    """Tell whether a subtree may be infinite or undefined somewhere, or reads outside a tensor."""
    if positions.strays(tree):
        return True
    for t in walk(tree):
        if isinstance(t, Fn) and t.name in _RISKY:
            return True
        if isinstance(t, Div) and not all(isinstance(f, Num | Sym) for f in quotient(t.den).above):
            return True
        if isinstance(t, Pow) and not (isinstance(t.exponent, Num) and t.exponent.value.denominator == 1):
            return True
    return False
