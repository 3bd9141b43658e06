"""Sums and products entry by entry, signs and scalars gathered, matrix products added to in place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symnn.compile.conditions import may_fail
from symnn.compile.piece import ATOM, PRODUCT, SIGN, SUM, Piece, aligned, union
from symnn.compile.positions import bounds, is_position, strays
from symnn.compile.products import Quotient, quotient, summands
from symnn.compile.scatter import scattered
from symnn.ground.tree import (
    ZERO,
    Add,
    Delta,
    Div,
    Ind,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
    depends_on,
    free_indices,
    mul,
)

if TYPE_CHECKING:
    from symnn.compile.emit import Emitter

__all__ = ["added", "guarded", "multiplication", "multiplied"]


def added(emitter: Emitter, tree: Tree) -> Piece:
    """Return a sum of terms, or what its deltas write."""
    made = scattered(emitter, tree)
    if made is not None:
        return made
    pieces = []
    for t in summands(tree):
        sign, body = (-1, t.body) if isinstance(t, Neg) else (1, t)
        q = quotient(body)
        body = Quotient(1, q.above, q.below).tree() if q.sign < 0 else body
        pieces.append((sign * q.sign, emitter.real(emitter.emit(body))))
    first = next((n for n, (sign, _) in enumerate(pieces) if sign > 0), 0)
    pieces.insert(0, pieces.pop(first))
    axes = union([p for _, p in pieces], emitter.rank, emitter.free)
    kind = "number" if all(p.kind == "number" for _, p in pieces) else "real"
    if kind == "real" and len(pieces) > 1:
        big = [n for n, (s, p) in enumerate(pieces) if s > 0 and p.fresh and p.axes == axes and " @ " in p.text]
        if big and axes:
            return _added_to(emitter, pieces, big[0])
    text = ""
    for sign, p in pieces:
        one = aligned(p, axes).at(SUM + (sign < 0 or bool(text)) * 1)
        text += (f" {'+' if sign > 0 else '-'} " if text else "-" if sign < 0 else "") + one
    return Piece(text, axes, SUM if len(pieces) > 1 or pieces[0][0] < 0 else pieces[0][1].level, kind, fresh=True)


def _added_to(emitter: Emitter, pieces: list[tuple[int, Piece]], n: int) -> Piece:
    """Add the others to a matrix product's new array in place."""
    out = emitter.buffer(pieces[n][1])
    for sign, p in pieces[:n] + pieces[n + 1 :]:
        emitter.change(f"{out.text} {'+' if sign > 0 else '-'}= {aligned(p, out.axes).text}")
    return out


def multiplication(emitter: Emitter, q: Quotient) -> Piece:
    """Return a signed quotient of factors, or what its deltas write."""
    made = scattered(emitter, q.tree())
    if made is not None:
        return made
    q = guarded(emitter, q)
    above, below = [emitter.emit(f) for f in q.above], [emitter.real(emitter.emit(f)) for f in q.below]
    if not any(p.kind == "real" for p in above) or q.below and all(p.kind != "real" for p in above):
        above = [emitter.real(p) for p in above]
    above = [p if p.axes else emitter.real(p) for p in above]  # a single truth value times a number is no real array
    above.sort(key=lambda p: p.kind == "bool")
    return multiplied(emitter, q.sign, above, below)


def multiplied(emitter: Emitter, sign: int, above: list[Piece], below: list[Piece]) -> Piece:
    """Return sign * product(above) / product(below), scalars gathered so that each array is passed once."""
    if sign > 0 and len(above) == 1 and not below:
        return above[0]
    axes = union((*above, *below), emitter.rank, emitter.free)
    whole = [n for n, p in enumerate(above) if p.level == ATOM and p.axes == axes and axes]
    n = next((n for n in whole if above[n].fresh), next(iter(whole), None))
    update = None
    if n is not None and sign > 0 and above[n].kind == "real":
        statement = _scaled(emitter, above[n], above[:n] + above[n + 1 :], below)
        if above[n].fresh:  # a buffer of this node's own
            emitter.change(statement)
            return above[n]
        update = (above[n].text, statement)
    kind = "number" if all(p.kind == "number" for p in (*above, *below)) else "real"
    scalars = [p.at(PRODUCT) for p in above if not p.axes]
    divisors = [p for p in below if not p.axes]
    arrays = [aligned(p, axes) for p in above if p.axes]
    unders = [aligned(p, axes) for p in below if p.axes]
    under = " * ".join(p.at(PRODUCT) for p in divisors)
    if len(divisors) > 1:
        under = f"({under})"
    elif divisors:
        under = divisors[0].at(PRODUCT + 1)
    text = " * ".join(scalars)
    if text and under:
        text = f"{text} / {under}"
        text = f"({text})" if arrays else text
        under = ""
    for p in arrays:
        text += (" * " if text else "") + p.at(PRODUCT + (1 if text else 0))
    text = text or "1"
    if under:
        text += f" / {under}"
    if unders:
        text += " / " + (unders[0].at(PRODUCT + 1) if len(unders) == 1 else
                         "(" + " * ".join(p.at(PRODUCT) for p in unders) + ")")  # fmt: skip
    single = len(above) == 1 and not below
    level = ATOM if text == "1" else PRODUCT
    if single:
        text = above[0].at(PRODUCT)
    if sign < 0:
        text, level = f"-{text}", SIGN if single else PRODUCT
    return Piece(text, axes, level, kind, True, update)


def _scaled(emitter: Emitter, array: Piece, above: list[Piece], below: list[Piece]) -> str:
    """Return the statement that multiplies an array by the other factors in place."""
    low = [aligned(p, array.axes) for p in below]
    above = [replace(p, fresh=False) for p in above]  # only the array itself may be changed by the statement
    if not above:
        return f"{array.text} /= " + " * ".join(p.at(PRODUCT) if len(low) > 1 else p.text for p in low)
    return f"{array.text} *= {multiplied(emitter, 1, [aligned(p, array.axes) for p in above], low).text}"


def guarded(emitter: Emitter, q: Quotient) -> Quotient:
    """1[c] u: where the indicator is 0 the product is 0, even if u is infinite, undefined or outside a tensor there.

    Whatever is exactly 0 somewhere guards alike: an index or a label, and a sum whose terms all hold an indicator.
    """
    pure = [f for f in q.above if isinstance(f, Delta | Ind) and not strays(f)]
    risky = [f for f in q.above if f not in pure and may_fail(f)]
    bad = [f for f in q.below if not isinstance(f, Num | Sym)]
    if not risky and not bad:
        return q
    others = {f: bool(bad) or any(r is not f for r in risky) for f in q.above}  # what a factor's own zeros guard
    held = {m for condition, truth in emitter.guards if truth for m in _conjuncts(condition)}
    masks = list(
        dict.fromkeys(
            m
            for f in q.above
            if others[f]
            for m in _masks(f)
            if f in pure or not (held.issuperset(_conjuncts(m)) or strays(m))
        )
    )
    if not masks:
        return q
    rest = [f for f in q.above if f not in pure and f not in risky]
    kept = [f for f in q.below if f not in bad]
    return Quotient(q.sign, [*rest, Where(mul(*masks), Quotient(1, risky, bad).tree(), ZERO)], kept)


def _conjuncts(condition: Tree) -> tuple[Tree, ...]:
    return condition.factors if isinstance(condition, Mul) else (condition,)


def _masks(tree: Tree) -> tuple[Tree, ...]:
    """Return conditions without all of which a factor is exactly 0, whatever the data are."""
    match tree:
        case Delta() | Ind():
            return (tree,)
        case Neg():
            return _masks(tree.body)
        case Mul():
            return tuple(dict.fromkeys(m for f in tree.factors for m in _masks(f)))
        case Div():
            return _masks(tree.num)
        case Pow(exponent=Num(value=v)) if v > 0:
            return _masks(tree.base)
        case Sum():
            return tuple(m for m in _masks(tree.body) if not depends_on(m, tree.index))
        case Where() if tree.other == ZERO:
            return (tree.condition, *_masks(tree.then))
        case Add() if not is_position(tree):
            found = list(dict.fromkeys(_masks(t) for t in tree.terms))
            if () in found or len(found) == 1:
                return found[0] if len(found) == 1 else ()
            return (Ind("!=", Add(tuple(mul(*m) for m in found)), ZERO),)
    if free_indices(tree) and is_position(tree):
        known = bounds(tree)
        if known is None or not known[0].is_positive:
            return (Ind("!=", tree, ZERO),)
    return ()
