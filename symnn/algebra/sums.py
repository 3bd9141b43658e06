"""Sums over whole indices: linear, deltas contracted, split into connected parts, binders named by structure."""

from __future__ import annotations

from itertools import combinations, permutations
from itertools import product as iproduct
from typing import Any

from symnn.algebra.indicators import indicator
from symnn.algebra.inside import opened, rename
from symnn.algebra.leaves import of_atom, of_index, of_size
from symnn.algebra.order import monomial_key
from symnn.algebra.products import multiply, solve_equation
from symnn.algebra.ranges import closed_form, flipped, flips, reindexed
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational, intern_atom
from symnn.ground.indices import Index

__all__ = ["in_range", "summed"]


def summed(p: Poly, over: tuple[Index, ...]) -> Poly:
    """Return the sum over whole indices: linear, deltas contracted, split into connected parts, binders canonical."""
    out = ZERO
    for m, c in p.terms.items():
        out = out + _sum_monomial(m, over).scaled(c)
    return out


def _sum_monomial(m: Monomial, over: tuple[Index, ...]) -> Poly:
    wanted = frozenset(over)
    for a, _ in m:
        if a.kind == "ind" and a.data[0] == "=" and a.indices & wanted:
            solved = _contract(m, a, over, wanted)
            if solved is not None:
                return solved
    if any(a.kind == "sum" and isinstance(e, int) and e > 0 and a.indices & wanted for a, e in m):
        return _joined(m, over, wanted)
    outside = tuple((a, e) for a, e in m if not a.indices & wanted)
    inside = [(a, e) for a, e in m if a.indices & wanted]
    out = Poly({outside: 1})
    for group, factors in _components(inside, over):
        out = multiply(out, _component(group, tuple(factors)))
    return out


def _component(group: tuple[Index, ...], factors: Monomial) -> Poly:
    """Return the sum of a connected body."""
    if not factors:
        return of_size(group[0].size)
    if len(group) == 1:
        known = closed_form(group[0], factors)
        if known is not None:
            return known
    moved = reindexed(factors, group)
    if moved is not None:
        return summed(moved, group)
    surely, perhaps = flips(group, factors)
    if surely:
        return summed(rename(Poly({factors: 1}), {k: flipped(k, k) for k in surely}), group)
    return _closed(group, factors, perhaps)


# -- contraction ---------------------------------------------------------------------------------------------------


def _contract(m: Monomial, delta: Atom, over: tuple[Index, ...], wanted: frozenset[Index]) -> Poly | None:
    found = solve_equation(delta.data[1], wanted)
    if found is None:
        return None
    k, value = found
    rest = rename(Poly({tuple((a, e) for a, e in m if a is not delta): 1}), {k: value})
    rest = multiply(rest, in_range(value, k.size))
    return summed(rest, tuple(i for i in over if i is not k))


def in_range(value: Poly, size: Any) -> Poly:
    """Return the indicator that 0 <= value < size; 1 where the ranges are known to agree."""
    single = value.single()
    if single is not None and single[1] == 1 and len(single[0]) == 1 and single[0][0][1] == 1:
        a = single[0][0]
        if a[0].kind == "ix" and a[0].data.size == size:
            return ONE
        if a[0].kind == "ent" and a[0].data[0].classes == size:
            return ONE
    return multiply(indicator(">=", value), indicator(">=", of_size(size) - ONE - value))


def _joined(m: Monomial, over: tuple[Index, ...], wanted: frozenset[Index]) -> Poly:
    """Pull sums that depend on the bound indices into one joint sum."""
    body = ONE
    for a, e in m:
        if a.kind == "sum" and isinstance(e, int) and e > 0 and a.indices & wanted:
            for _ in range(e):
                fresh, inner = opened(a)
                over = (*over, *fresh)
                body = multiply(body, inner)
        else:
            body = multiply(body, Poly({((a, e),): 1}))
    return summed(body, over)


def _components(
    inside: list[tuple[Atom, Rational]], over: tuple[Index, ...]
) -> list[tuple[tuple[Index, ...], list[tuple[Atom, Rational]]]]:
    left = list(over)
    out: list[tuple[tuple[Index, ...], list[tuple[Atom, Rational]]]] = []
    while left:
        group = {left[0]}
        grown = True
        while grown:
            grown = False
            for a, _ in inside:
                here = a.indices & frozenset(left)
                if here & group and not here <= group:
                    group |= here
                    grown = True
        ordered = tuple(i for i in left if i in group)
        out.append((ordered, [(a, e) for a, e in inside if a.indices & group]))
        left = [i for i in left if i not in group]
    return out


# -- canonical binders ---------------------------------------------------------------------------------------------

_BOUND: dict[tuple[int, int, Any], Index] = {}
_MARKS: dict[Any, int] = {}


def _bound(height: int, number: int, size: Any) -> Index:
    key = (height, number, size)
    found = _BOUND.get(key)
    if found is None:
        found = _BOUND[key] = Index(f"b{height}_{number}", size)
    return found


def _closed(group: tuple[Index, ...], factors: Monomial, perhaps: tuple[Index, ...] = ()) -> Poly:
    """Return the sum atom of a connected body, its binders named by structure; ``perhaps`` may run backwards."""
    body = Poly({factors: 1})
    height = 1 + body.height
    best: tuple[Any, Poly, tuple[Index, ...]] | None = None
    for order, backwards in iproduct(_orders(group, body), _subsets(perhaps)):
        names = tuple(_bound(height, n, i.size) for n, i in enumerate(order))
        candidate = rename(
            body, {i: flipped(i, b) if i in backwards else of_index(b) for i, b in zip(order, names, strict=True)}
        )
        key = (len(candidate.terms), sorted((monomial_key(m), -c) for m, c in candidate.terms.items()))
        if best is None or key < best[0]:
            best = (key, candidate, names)
    assert best is not None
    _, candidate, names = best
    out = ZERO
    for m, c in candidate.terms.items():
        # A renamed indicator may turn over and give several terms: each is closed as it stands.
        wanted = frozenset(names)
        term = Poly({tuple((a, e) for a, e in m if not a.indices & wanted): c})
        for part, inside in _components([(a, e) for a, e in m if a.indices & wanted], names):
            term = multiply(term, _sum_atom(part, tuple(inside)) if inside else of_size(part[0].size))
        out = out + term
    return out


def _subsets(perhaps: tuple[Index, ...]) -> list[frozenset[Index]]:
    """Return the sets of binders to run backwards: all of them, or for many binders none and all."""
    if len(perhaps) > 3:
        return [frozenset(), frozenset(perhaps)]
    return [frozenset(c) for n in range(len(perhaps) + 1) for c in combinations(perhaps, n)]


def _sum_atom(names: tuple[Index, ...], mono: Monomial) -> Poly:
    outside = frozenset(i for a, _ in mono for i in a.indices) - frozenset(names)
    body = Poly({mono: 1})
    return of_atom(
        intern_atom(
            "sum", (names, mono), height=1 + body.height, indices=outside,
            positive=all(a.positive for a, _ in mono), nonnegative=body.nonnegative,
        )
    )  # fmt: skip


def _orders(group: tuple[Index, ...], body: Poly) -> list[tuple[Index, ...]]:
    """Return the orders of the binders that structure alone cannot tell apart (colour refinement, then all ties)."""
    if len(group) == 1:
        return [group]
    colour: dict[Index, Any] = {i: str(i.size) for i in group}
    for _ in range(len(group)):
        marks: dict[Any, Index] = {}
        new: dict[Index, Any] = {}
        for i in group:
            env = {}
            for j in group:
                mark = ("*", str(i.size)) if j is i else ("c", colour[j])
                env[j] = of_index(marks.setdefault(mark, _bound(-1, _mark_number(mark), j.size)))
            try:
                shape = rename(body, env)
            except ZeroDivisionError:  # two binders made one inside a denominator: no information here
                new[i] = ()
                continue
            new[i] = tuple(sorted(((monomial_key(m), c) for m, c in shape.terms.items()), key=repr))
        ranks = {v: n for n, v in enumerate(sorted(set(new.values()), key=repr))}
        fresh = {i: (str(i.size), ranks[new[i]]) for i in group}
        done = len(set(fresh.values())) == len(set(colour.values()))
        colour = fresh
        if done:
            break
    classes: dict[Any, list[Index]] = {}
    for i in sorted(group, key=lambda i: colour[i]):
        classes.setdefault(colour[i], []).append(i)
    orders: list[tuple[Index, ...]] = [()]
    for members in classes.values():
        ways = list(permutations(members)) if len(members) <= 5 else [tuple(members)]
        orders = [(*o, *w) for o in orders for w in ways]
        if len(orders) > 720:
            orders = orders[:1]
    return orders


def _mark_number(mark: Any) -> int:
    return _MARKS.setdefault(mark, len(_MARKS))
