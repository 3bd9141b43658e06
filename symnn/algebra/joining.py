"""Sums over like ranges as one sum, which vanishes where its body does; arguments that are equal in another guise."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

from symnn.algebra.normal import const, multiply, of_index, of_size, opened, parts_of, power, rebuild, rename
from symnn.algebra.terms import ZERO, Atom, Monomial, Poly
from symnn.ground.indices import Index

__all__ = ["arguments_equated", "has_mixed_sums", "vanishes_joined"]

Test = Callable[[Poly], bool]

_MOST_BINDERS = 3
_MOST_TERMS = 60


def vanishes_joined(poly: Poly, is_zero: Test) -> bool:
    """Tell whether a form vanishes because its sums over like ranges, put into one, have a body that vanishes.

    Binders over one size may change places: the body is taken over all their orders. What stands outside every sum is
    counted as a sum of equal terms.
    """
    if len(poly.terms) > _MOST_TERMS:
        return False
    groups: dict[Any, Poly] = {}
    names: dict[Any, tuple[Index, ...]] = {}
    for m, c in poly.terms.items():
        found = next((a for a in sorted(_sums(m), key=lambda a: not _mixed(a))), None)
        key = () if found is None else tuple(sorted((b.size for b in found.data[0]), key=str))
        if len(key) > _MOST_BINDERS:
            return False
        term = Poly({m: c})
        if found is not None:
            rest = Poly({tuple(i for i in m if i[0] is not found): c})
            fresh, body = opened(found)
            ordered = tuple(sorted(fresh, key=lambda i: str(i.size)))
            over = names.setdefault(key, ordered)
            if any(i.size != j.size for i, j in zip(ordered, over, strict=True)):
                return False
            same = {i: of_index(j) for i, j in zip(ordered, over, strict=True) if i is not j}
            term = multiply(rest, rename(body, same))
        groups[key] = groups.get(key, ZERO) + term
    outside = groups.pop((), ZERO)
    if not groups:
        return False
    if outside.terms and not is_zero(outside):
        key = min(groups, key=lambda k: (len(k), str(k)))
        count = const(1)
        for k in names[key]:
            count = multiply(count, of_size(k.size))
        groups[key] = groups[key] + multiply(outside, power(count, -1))
    return all(is_zero(_symmetric(body, names[key])) for key, body in groups.items())


def has_mixed_sums(poly: Poly) -> bool:
    """Tell whether there is a sum over more than a product of entries."""
    return any(a.kind == "sum" and _mixed(a) for a in poly.atoms())


def _sums(m: Monomial) -> list[Atom]:
    return [a for a, e in m if a.kind == "sum" and e == 1]


def _mixed(a: Atom) -> bool:
    """Tell whether a sum's body is more than a product of entries."""
    return any(b.kind not in ("ent", "ix") for b, _ in a.data[1])


def _symmetric(body: Poly, over: tuple[Index, ...]) -> Poly:
    out = body
    for size in dict.fromkeys(i.size for i in over):
        alike = [i for i in over if i.size == size]
        if len(alike) > 1:
            total = ZERO
            for order in permutations(alike):
                total = total + rename(out, {i: of_index(j) for i, j in zip(alike, order, strict=True) if i is not j})
            out = total
    return out


# -- arguments in another guise ------------------------------------------------------------------------------------

_MOST_PAIRS = 12


def arguments_equated(poly: Poly, is_zero: Test) -> Poly | None:
    """Return the form with functions, fractions, roots and sums written alike whose arguments are equal; None if none.

    Congruence: f(p) = f(q) where p = q.
    """
    kinds: dict[Any, dict[Atom, None]] = {}
    for a in _composite(poly):
        key = (a.kind, a.data[0], len(a.data[1])) if a.kind == "fn" else (a.kind,)
        kinds.setdefault(key, {}).setdefault(a)
    tried = 0
    for atoms in kinds.values():
        for a, b in combinations(atoms, 2):
            if a in _composite_of(b) or b in _composite_of(a):
                continue
            tried += 1
            if tried > _MOST_PAIRS:
                return None
            if all(p == q or is_zero(p - q) for p, q in zip(_arguments(a), _arguments(b), strict=True)):
                value = Poly({((a, 1),): 1}) if a.kind != "base" else a.data
                return rebuild(poly, lambda at, b=b, value=value: value if at is b else None)
    return None


def _arguments(a: Atom) -> tuple[Poly, ...]:
    return (Poly({((a, 1),): 1}),) if a.kind in ("sum", "exp") else parts_of(a)


def _composite(poly: Poly) -> list[Atom]:
    out: list[Atom] = []
    for a in poly.atoms():
        out += [*_composite_of(a), *([a] if _equatable(a) else [])]
    return out


def _equatable(a: Atom) -> bool:
    return a.kind in ("fn", "base") or (a.kind == "sum" and _mixed(a))


def _composite_of(a: Atom) -> list[Atom]:
    if a.kind == "sum":  # its binders have no meaning outside
        return []
    return [b for p in parts_of(a) for b in _composite(p)]
