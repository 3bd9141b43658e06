"""Match a product of atoms, some of its indices summed over, inside a larger product: x_n q_nc in w_n x_n q_nc r_c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symnn.algebra.normal import parts_of, rename
from symnn.algebra.terms import Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index

__all__ = ["Match", "Pattern", "entries", "find", "matches", "positions_bind"]

Bindings = dict[Index, Poly]

#: Ways to match that are looked at before a search is given up.
_MOST = 200


@dataclass(frozen=True)
class Pattern:
    """A product of ``factors``, for all values of the ``free`` indices, summed over the ``bound`` ones."""

    free: tuple[Index, ...]
    bound: tuple[Index, ...]
    factors: Monomial


@dataclass(frozen=True)
class Match:
    """What a pattern's indices stand for, the factors that are left, and the binders that are left."""

    env: Bindings
    left: Monomial
    over: tuple[Index, ...]


def find(pattern: Pattern, product: Monomial, over: tuple[Index, ...]) -> Match | None:
    """Return one way in which a pattern occurs in a product that is summed over some indices, or None."""
    return next(matches(pattern, product, over), None)


def matches(pattern: Pattern, product: Monomial, over: tuple[Index, ...]) -> Iterator[Match]:
    """Yield the ways in which a pattern occurs in a product that is summed over some indices.

    A bound index of the pattern has to stand for a whole binder of the product, of the same size, that nothing else
    in the product depends on. A free index has to stand for what the product has on an axis of that index's own size:
    such a position lies inside the range for which the pattern holds.
    """
    wanted = sorted(pattern.factors, key=lambda f: -_weight(f[0]))
    tried = 0
    stack: list[tuple[int, Bindings, tuple[tuple[Atom, Rational], ...]]] = [(0, {}, product)]
    while stack:
        number, env, rest = stack.pop()
        if number == len(wanted):
            tried += 1
            found = _complete(pattern, env, product, rest, over)
            if found is not None:
                yield found
            if tried >= _MOST:
                return
            continue
        atom, e = wanted[number]
        for n in range(len(rest) - 1, -1, -1):
            other, k = rest[n]
            if other.kind != atom.kind or not _holds(k, e):
                continue
            less = (*rest[:n], (other, k - e), *rest[n + 1 :]) if k != e else (*rest[:n], *rest[n + 1 :])
            stack.extend((number + 1, grown, less) for grown in _unified(pattern, atom, other, env))
        if len(stack) > _MOST:
            return


def _weight(a: Atom) -> int:
    return len(a.indices)


def _holds(have: Rational, need: Rational) -> bool:
    return have == need or (isinstance(have, int) and isinstance(need, int) and have >= need > 0)


def _complete(
    pattern: Pattern, env: Bindings, product: Monomial, left: Monomial, over: tuple[Index, ...]
) -> Match | None:
    """Return the match if every index is bound as it must be and the factors are what they seem."""
    used: list[Index] = []
    for b in pattern.bound:
        image = _index_of(env.get(b))
        if image is None or image not in over or image.size != b.size or image in used:
            return None
        used.append(image)
    outside = frozenset(i for a, _ in left for i in a.indices)
    for i in pattern.free:
        if i not in env:
            return None
        outside |= env[i].indices
    if outside & frozenset(used):
        return None
    exps = dict(product)
    for a, e in left:
        exps[a] -= e
    if rename(Poly({pattern.factors: 1}), env) != Poly({tuple((a, exps[a]) for a, _ in product if exps[a]): 1}):
        return None
    return Match(env, left, tuple(i for i in over if i not in used))


def _index_of(p: Poly | None) -> Index | None:
    single = None if p is None else p.single()
    if single is None or single[1] != 1 or len(single[0]) != 1 or single[0][0][1] != 1:
        return None
    a = single[0][0][0]
    return a.data if a.kind == "ix" else None


def _unified(pattern: Pattern, atom: Atom, other: Atom, env: Bindings) -> Iterator[Bindings]:
    """Yield what the pattern's indices may stand for if one of its atoms is to become another atom."""
    missing = [i for i in (*pattern.free, *pattern.bound) if i in atom.indices and i not in env]
    if not missing:
        if rename(Poly({((atom, 1),): 1}), env) == Poly({((other, 1),): 1}):
            yield env
        return
    mine, theirs = entries(atom), entries(other)
    best = max(mine, key=lambda e: len(positions_bind(e, missing)), default=None)
    if best is None or not positions_bind(best, missing):
        return
    for candidate in theirs:
        if candidate.data[0] is best.data[0]:
            grown = dict(env)
            for axis, i in positions_bind(best, missing):
                grown.setdefault(i, candidate.data[1][axis])
            yield from _unified(pattern, atom, other, grown)


def positions_bind(entry: Atom, wanted: list[Index]) -> list[tuple[int, Index]]:
    """Return the axes of an entry on which a wanted index stands alone, the axis being of that index's size."""
    tensor, at = entry.data
    out = []
    for axis, p in enumerate(at):
        i = _index_of(p)
        if i is not None and i in wanted and tensor.shape[axis] == i.size:
            out.append((axis, i))
    return out


def entries(a: Atom) -> list[Atom]:
    """Return the entries in an atom, itself included, those inside their positions too."""
    out = [a] if a.kind == "ent" else []
    for p in parts_of(a):
        for b in p.atoms():
            out.extend(entries(b))
    return out
