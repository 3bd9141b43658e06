"""Sums that depend on their index in a way known in closed form, or that run over it in another order.

    sum_k k^p          by Faulhaber's formula                       sum_k 1[r - k > 0] = r       for 0 <= r <= K
    sum_k f(K-1-k)     = sum_k f(k)                                 sum_i f(pi[i]) = sum_i f(i)  for a permutation pi

Source: R. L. Graham, D. E. Knuth, O. Patashnik, Concrete Mathematics, 2nd ed. 1994, sections 2.4 and 6.5.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from symnn.algebra.bounds import not_above_zero
from symnn.algebra.inside import rebuild, rename
from symnn.algebra.leaves import of_index, of_size, parts_of
from symnn.algebra.products import multiply
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly
from symnn.ground.indices import Index

__all__ = ["closed_form", "flipped", "flips", "reindexed", "turned"]

_HIGHEST_POWER = 6


def closed_form(k: Index, factors: Monomial) -> Poly | None:
    """Return the sum over k of factors that it counts: a power of k, or one comparison of k with a number in range."""
    if len(factors) != 1 or k.size is None:
        return None
    a, e = factors[0]
    if a.kind == "ix" and isinstance(e, int) and 0 < e <= _HIGHEST_POWER:
        return _power_sum(of_size(k.size), e)
    if a.kind != "ind" or a.data[0] != ">":
        return None
    alone: Monomial = ((_atom(k), 1),)
    by = a.data[1].terms.get(alone)
    rest: Poly = a.data[1] - Poly({alone: by}) if by in (1, -1) else ZERO
    if by not in (1, -1) or k in rest.indices:
        return None
    size = of_size(k.size)
    count = rest if by == -1 else size - ONE + rest  # k < rest, or k >= 1 - rest
    return count if not_above_zero(-count) and not_above_zero(count - size) else None


def _atom(k: Index) -> Atom:
    return next(iter(of_index(k).atoms()))


def _power_sum(size: Poly, p: int) -> Poly:
    """Return 0^p + 1^p + ... + (size - 1)^p."""
    out, power = ZERO, ONE
    powers = [power]
    for _ in range(p + 1):
        power = multiply(power, size)
        powers.append(power)
    numbers = _bernoulli(p)
    for j in range(p + 1):
        out = out + powers[p + 1 - j].scaled(numbers[j] * comb(p + 1, j) / (p + 1))
    return out


def _bernoulli(p: int) -> list[Fraction]:
    """Return the Bernoulli numbers B_0 .. B_p with B_1 = -1/2."""
    out: list[Fraction] = []
    for n in range(p + 1):
        out.append((n == 0) - sum((comb(n + 1, j) * out[j] for j in range(n)), Fraction(0)) / (n + 1))
    return out


# -- the other way round -------------------------------------------------------------------------------------------

_TURNED: dict[Atom, frozenset[Index]] = {}


def turned(a: Atom) -> frozenset[Index]:
    """Return the indices that stand with a minus sign in the position of some entry inside an atom."""
    found = _TURNED.get(a)
    if found is None:
        found = frozenset[Index]()
        for p in parts_of(a):
            for b in p.atoms():
                found |= turned(b)
            if a.kind == "ent":
                found |= {m[0][0].data for m, c in p.terms.items() if len(m) == 1 and m[0][0].kind == "ix" and c < 0}
        _TURNED[a] = found = found & a.indices
    return found


def flips(group: tuple[Index, ...], factors: Monomial) -> tuple[tuple[Index, ...], tuple[Index, ...]]:
    """Return the binders to be replaced by size - 1 - k, and those for which both ways are alike at first sight."""
    seen = frozenset(i for a, _ in factors for i in turned(a))
    surely, perhaps = [], []
    for k in group:
        if k in seen and k.size is not None:
            balance = sum(_balance(a, k) for a, _ in factors)
            if balance < 0:
                surely.append(k)
            elif balance == 0:
                perhaps.append(k)
    return tuple(surely), tuple(perhaps)


def _balance(a: Atom, k: Index) -> int:
    if k not in a.indices:
        return 0
    out = 0
    for p in parts_of(a):
        if a.kind == "ent":
            for m, c in p.terms.items():
                if len(m) == 1 and m[0][0].kind == "ix" and m[0][0].data is k:
                    out += 1 if c > 0 else -1
        out += sum(_balance(b, k) for b in p.atoms())
    return out


def flipped(k: Index, name: Index) -> Poly:
    """Return size - 1 - name, which runs over the same numbers as k."""
    return of_size(k.size) - ONE - of_index(name)


# -- permutations --------------------------------------------------------------------------------------------------


def reindexed(factors: Monomial, over: tuple[Index, ...]) -> Poly | None:
    """Return a body that depends on some bound i through pi[i] only, in terms of pi[i]; None without such an i."""
    for a in _permuted(factors):
        inner = a.data[1][0].single()
        if inner is None or inner[1] != 1 or len(inner[0]) != 1:
            continue
        b, e = inner[0][0]
        if b.kind != "ix" or e != 1 or b.data not in over or b.data.size != a.data[0].shape[0]:
            continue
        name = Index(b.data.letter, b.data.size)
        body = Poly({factors: 1})
        moved = rebuild(body, lambda at, a=a, name=name: of_index(name) if at is a else None)
        if b.data not in moved.indices:
            return rename(moved, {name: of_index(b.data)})
    return None


_PERMUTED: dict[Atom, tuple[Atom, ...]] = {}


def _permuted(factors: Monomial) -> tuple[Atom, ...]:
    found: dict[Atom, None] = {}
    for a, _ in factors:
        found |= dict.fromkeys(_permuted_in(a))
    return tuple(found)


def _permuted_in(a: Atom) -> tuple[Atom, ...]:
    """Return the entries of permutations at or inside an atom."""
    known = _PERMUTED.get(a)
    if known is None:
        found: dict[Atom, None] = {}
        if a.kind == "ent" and a.data[0].bijective:
            found[a] = None
        for p in parts_of(a):
            for b in p.atoms():
                found |= dict.fromkeys(_permuted_in(b))
        _PERMUTED[a] = known = tuple(found)
    return known
