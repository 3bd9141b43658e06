"""Eliminate what named values are computed from: x becomes sigma xhat + mu, Sum x becomes N mu, Sum xhat becomes 0.

Each definition is solved for one atom of it, a raw one if need be, and the atom replaced wherever it stands. What the
named values sum to is found on the way, by summing their definitions. No rule here knows a layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symnn.algebra.cancellation import cancelled
from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical
from symnn.algebra.folding import Solution, pivots, rewrite
from symnn.algebra.normal import entry, multiply, of_index, summed
from symnn.algebra.terms import ONE, Poly
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = ["Eliminated", "eliminations"]

#: Ways to solve one definition that are tried.
_PIVOTS = 2

#: How many definitions may be left out, or solved in their second way, by the number of definitions.
_CHANGES = (0, 1, 2, 2, 1)


@dataclass(frozen=True)
class Eliminated:
    """A formula over named values: which definitions were solved, for what, and which sums of them were used."""

    poly: Poly
    solved: tuple[Solution, ...] = ()
    sums: tuple[Solution, ...] = ()


def eliminations(poly: Poly, named: Sequence[tuple[Tensor, tuple[Index, ...], Tree]]) -> Iterator[Eliminated]:
    """Yield the formula with the definitions of named values eliminated: of all of them, then of all but a few.

    Args:
        poly: the formula.
        named: (tensor, free indices, definition), each after those it is computed from.
    """
    bodies = [(t, at, canonical(tree)) for t, at, tree in named]
    return _below(Eliminated(poly), (), bodies, _CHANGES[min(len(bodies), len(_CHANGES) - 1)])


_Body = tuple[Tensor, tuple[Index, ...], Poly]


def _below(
    so_far: Eliminated, rules: tuple[Solution, ...], left: Sequence[_Body], changes: int
) -> Iterator[Eliminated]:
    if not left:
        yield so_far
        return
    (tensor, at, body), rest = left[0], left[1:]
    told = False
    for n, solution in enumerate(_usable(tensor, at, body)[:_PIVOTS]):
        if n > changes:
            break
        try:
            bare = poly = cancelled(rewrite(so_far.poly, solution))
            axes = frozenset(_summed_axes((bare, *(p for _, _, p in rest)), tensor))
            found = [solution, *_known_sums(tensor, at, body, rules, axes)]
            used: list[Solution] = []
            for fact in found[1:]:
                without = cancelled(rewrite(poly, fact))
                used += [fact] if without != poly else []
                poly = without
            # definitions further up are written with what is known by now
            later = [(t, i, _rewritten(p, found)) for t, i, p in rest]
        except ZeroDivisionError:
            continue
        moved = bare != so_far.poly or any(p != q for (_, _, p), (_, _, q) in zip(rest, later, strict=True))
        new = Eliminated(poly, (*so_far.solved, solution) if moved else so_far.solved, (*so_far.sums, *used))
        if moved:
            told = True
        elif told:
            continue  # nothing to eliminate here: only what it sums to counts, and that has been tried
        yield from _below(new, (*rules, *found), later, changes - n)
        if not moved:
            return
    if changes or not told:
        yield from _below(so_far, rules, rest, changes - told)


def _usable(tensor: Tensor, at: tuple[Index, ...], body: Poly) -> list[Solution]:
    try:
        return pivots(tensor, at, body)
    except ZeroDivisionError:
        return []


def _rewritten(p: Poly, rules: Sequence[Solution]) -> Poly:
    for rule in rules:
        p = cancelled(rewrite(p, rule))
    return p


def _summed_axes(polys: Iterable[Poly], tensor: Tensor) -> Iterator[tuple[int, int]]:
    """Yield (axis, power) for every axis of a tensor that some sum runs over, with the power its entry has there."""
    for p in polys:
        for a in p.atoms():
            if a.kind == "base":
                yield from _summed_axes((a.data,), tensor)
            elif a.kind == "sum":
                bound, factors = a.data
                for b, e in factors:
                    if b.kind == "ent" and b.data[0] is tensor and e in (1, 2):
                        yield from ((n, int(e)) for n, q in enumerate(b.data[1]) if any(i in bound for i in q.indices))


def _known_sums(
    tensor: Tensor, at: tuple[Index, ...], body: Poly, rules: tuple[Solution, ...], axes: frozenset[tuple[int, int]]
) -> Iterator[Solution]:
    """Yield what a named value, or its square, sums to over one of its indices, where that is short: 0, 1, a size.

    Only the axes and powers that occur are looked at.
    """
    name = entry(tensor, tuple(of_index(i) for i in at))
    for n, i in enumerate(at):
        others = tuple(j for j in at if j is not i)
        for power, factor in ((1, ONE), (2, name)):
            if (n, power) not in axes:
                continue
            asked = summed(multiply(name, factor), (i,))
            single = asked.single()
            if single is None or single[1] != 1 or len(single[0]) != 1 or single[0][0][0].kind != "sum":
                continue
            value = summed(multiply(body, body if factor is name else ONE), (i,))
            for rule in rules:
                value = cancelled(rewrite(value, rule))
            if any(a.kind in ("sum", "base") for a in value.atoms()) or len(value.terms) > 1:
                continue
            letters = Letters()
            if cost(to_tree(value, letters)) < cost(to_tree(asked, letters)):
                yield Solution(single[0][0][0], 1, value, others, (), tensor)
