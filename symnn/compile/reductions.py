"""Sums over indices and the largest entry: factors are taken apart, sums that need large arrays split."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from symnn.compile import contract
from symnn.compile.arithmetic import guarded, multiplied
from symnn.compile.piece import ATOM, CALL, SUM, Piece
from symnn.compile.products import quotient, summands
from symnn.compile.safe_nodes import Peak
from symnn.compile.scatter import scattered
from symnn.ground.indices import Index
from symnn.ground.tree import Add, Entry, Neg, Num, Pow, Sum, Tree, depends_on, free_indices

if TYPE_CHECKING:
    from symnn.compile.emit import Emitter

__all__ = ["largest", "summation"]


def largest(emitter: Emitter, tree: Peak) -> Piece:
    """Return the largest entry over an index."""
    body = emitter.emit(tree.body)
    if tree.index not in body.axes:
        return body
    left = tuple(k for k in body.axes if k is not tree.index)
    return Piece(f"{body.at(CALL)}.max(axis={body.axes.index(tree.index)})", left, CALL, fresh=True)


def summation(emitter: Emitter, tree: Sum) -> Piece:
    """Return a sum over one or more indices."""
    over: list[Index] = []
    body: Tree = tree
    sign = 1
    while isinstance(body, Neg) or (isinstance(body, Sum) and not isinstance(body, Peak)):
        if isinstance(body, Neg):
            sign = -sign
        else:
            over.append(body.index)
        body = body.body
    if isinstance(body, Add) and _splits(body):
        return emitter.emit(Add(tuple(_signed_sum(over, t if sign > 0 else Neg(t)) for t in summands(body))))
    made = scattered(emitter, tree)
    if made is not None:
        return made
    q = guarded(emitter, quotient(body))
    sign *= q.sign
    inside = [f for f in q.above if any(depends_on(f, k) for k in over)]
    outside = [emitter.emit(f) for f in q.above if f not in inside]
    below = [emitter.emit(f) for f in q.below if not any(depends_on(f, k) for k in over)]
    under = [f for f in q.below if any(depends_on(f, k) for k in over)]
    free = [k for k in over if not any(depends_on(f, k) for f in (*inside, *under))]
    outside += [
        Piece(emitter.size(k.size), (), ATOM if _field(emitter.size(k.size)) else SUM - 1, "number") for k in free
    ]
    over = [k for k in over if k not in free]
    if not over:
        return multiplied(emitter, sign, [emitter.real(p) for p in outside], [emitter.real(p) for p in below])
    made = _reduced(emitter, _factors(emitter, inside, under), over)
    return multiplied(emitter, sign, [*[emitter.real(p) for p in outside], made], [emitter.real(p) for p in below])


def _factors(emitter: Emitter, inside: list[Tree], under: list[Tree]) -> list[Piece]:
    """Return the factors under a sum sign, each divisor put under a factor that has its axes."""
    flat: list[Tree] = []
    for f in inside:
        twice = isinstance(f, Pow) and f.exponent == Num(Fraction(2)) and isinstance(f.base, Entry)
        flat += [f.base] * 2 if twice and isinstance(f, Pow) else [f]
    pieces = [emitter.real(emitter.emit(f)) for f in flat]
    for d in under:
        low = emitter.real(emitter.emit(d))
        hosts = [n for n, p in enumerate(pieces) if set(low.axes) <= set(p.axes)]
        if hosts:
            n = min(hosts, key=lambda m: len(pieces[m].axes))
            pieces[n] = multiplied(emitter, 1, [pieces[n]], [low])
        else:
            pieces.append(multiplied(emitter, 1, [], [low]))
    return pieces


def _reduced(emitter: Emitter, pieces: list[Piece], over: Sequence[Index]) -> Piece:
    numbers = [p for p in pieces if not p.axes]
    arrays = [p for p in pieces if p.axes]
    made = contract.contraction(arrays, over, emitter.free, emitter.rank, one_pass=emitter.dialect.one_pass)
    return multiplied(emitter, 1, [*numbers, made], []) if numbers else made


def _splits(body: Add) -> bool:
    """Tell whether the terms of a sum are better summed one by one: together they would need a larger array."""
    largest = 0
    for t in summands(body):
        q = quotient(t)
        largest = max(largest, 0, *(len(free_indices(f)) for f in (*q.above, *q.below)))
    return len(free_indices(body)) > largest


def _signed_sum(over: Sequence[Index], term: Tree) -> Tree:
    q = quotient(term)
    negative, q.sign = q.sign < 0, 1
    body = q.tree()
    for k in reversed(over):
        body = Sum(k, body)
    return Neg(body) if negative else body


def _field(text: str) -> bool:
    return text.isdigit() or (text.startswith("{") and text.endswith("}") and text.count("{") == 1)
