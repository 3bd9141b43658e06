"""Sums cut off by comparisons of their indices, put into one form: ends, triangles, protected entries, powers.

    1[k > 0] f(k)                  = f(k) - [k = 0] f(k)                 for 0 <= k < K; at the other end alike
    sum_{j, k} 1[k > j] f(j, k)    = (sum_{j, k} f(j, k) - sum_k f(k, k))/2        for symmetric f
    sum_s 1[s >= q] f(s, s - q)    = sum_t 1[t + q < S] f(t + q, t)                for 0 <= q
    sum_{k < K} r^k                = (1 - r^K)/(1 - r)                             for r != 1

An entry that a comparison keeps from being read outside its axis is written without it here, f(-1) say. Equality then
holds whatever number stands for such an entry, and so where it is multiplied by 0.

Source: Graham, Knuth, Patashnik, Concrete Mathematics, 2nd ed. 1994, sections 2.3 to 2.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from symnn.algebra.bounds import not_above_zero
from symnn.algebra.leaves import of_atom
from symnn.algebra.normal import (
    const,
    exponential,
    function,
    indicator,
    multiply,
    of_index,
    of_size,
    opened,
    parts_of,
    power,
    rebuild,
    rename,
    summed,
)
from symnn.algebra.ranges import closed_form
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly
from symnn.ground.indices import Index

__all__ = ["enumerated", "has_boundaries", "uncut"]

_NARROWEST, _LONGEST = 4, 4


def has_boundaries(poly: Poly) -> bool:
    """Tell whether there are comparisons of indices, or powers of a number summed over their exponent."""
    return any(_cut(a) for a in poly.atoms())


_CUT: dict[Atom, bool] = {}


def _cut(a: Atom) -> bool:
    found = _CUT.get(a)
    if found is None:
        here = (a.kind == "ind" and a.data[0] == ">" and bool(a.indices)) or (a.kind == "sum" and _progression(a))
        found = _CUT[a] = here or any(_cut(b) for p in parts_of(a) for b in p.atoms())
    return found


def uncut(poly: Poly) -> Poly:
    """Return the form with its comparisons of indices opened, inside sums too."""
    return rebuild(poly, _change)


def _change(a: Atom) -> Poly | None:
    if not _cut(a):
        return a.data if a.kind == "base" else of_atom(a)
    if a.kind == "ind":
        return _at_an_end(a)
    if a.kind != "sum":
        return None
    fresh, body = opened(a)
    return _each(body, fresh)


def _each(body: Poly, over: tuple[Index, ...]) -> Poly:
    out = ZERO
    for m, c in body.terms.items():
        out = out + _summed(m, over).scaled(c)
    return out


def _at_an_end(a: Atom) -> Poly:
    """Return a comparison that leaves out, or lets in, a few positions at one end of a range, by those positions."""
    p: Poly = a.data[1]
    for m, c in p.terms.items():
        if len(m) != 1 or m[0][1] != 1 or m[0][0].kind != "ix" or c not in (1, -1):
            continue
        k = m[0][0].data
        rest = p - Poly({m: c})
        if k in rest.indices:
            continue
        first = ONE - rest if c == 1 else rest  # k >= first, or k < first
        below, above = first.constant(), (of_size(k.size) - first).constant()
        if _few(below):
            few = [const(q) for q in range(int(below or 0))]
        elif _few(above):
            few = [of_size(k.size) - const(q + 1) for q in range(int(above or 0))]
        else:
            continue
        some = ZERO
        for place in few:
            some = some + indicator("=", of_index(k) - place)
        return some if _few(below) == (c == -1) else ONE - some
    return of_atom(a)


def _few(count: Any) -> bool:
    return isinstance(count, int) and 0 <= count <= _LONGEST


def _summed(m: Monomial, over: tuple[Index, ...]) -> Poly:
    """Return the sum of a product, cut off by comparisons between the indices summed over or not."""
    for way in (_protected, _counted, _geometric, _triangle):
        found = way(m, over)
        if found is not None:
            return found
    body = uncut(Poly({m: 1}))
    return summed(body, over) if body == Poly({m: 1}) else _each(body, over)


def _without(m: Monomial, a: Atom) -> Monomial:
    return tuple(i for i in m if i[0] is not a)


def _comparisons(m: Monomial) -> Iterator[Atom]:
    yield from (a for a, e in m if a.kind == "ind" and a.data[0] == ">" and e == 1)


def _counted(m: Monomial, over: tuple[Index, ...]) -> Poly | None:
    """Return the sum with an index that only one comparison holds counted out."""
    for a in _comparisons(m):
        for k in over:
            if k in a.indices and not any(k in b.indices for b, _ in m if b is not a):
                count = closed_form(k, ((a, 1),))
                if count is not None:
                    left = tuple(i for i in over if i is not k)
                    return uncut(summed(multiply(Poly({_without(m, a): 1}), count), left))
    return None


def _progression(a: Atom) -> bool:
    return any(_base(b, k) is not None for b, e in a.data[1] if e == 1 for k in a.data[0])


def _base(a: Atom, k: Index) -> Poly | None:
    """Return r where an atom is r^k and r does not depend on k."""
    if a.kind == "exp":
        exponent = dict(a.data)
        mine = [b for b in exponent if b.kind == "ix" and b.data is k]
        if len(mine) == 1 and exponent.pop(mine[0]) == 1 and not any(k in b.indices for b in exponent):
            return exponential(Poly({tuple(exponent.items()): 1}))
    elif a.kind == "fn" and a.data[0] == "pow" and a.data[1][1] == of_index(k) and k not in a.data[1][0].indices:
        base: Poly = a.data[1][0]
        return base
    return None


def _geometric(m: Monomial, over: tuple[Index, ...]) -> Poly | None:
    for a, e in m:
        for k in over if e == 1 else ():
            r = _base(a, k)
            if r is None or any(k in b.indices for b, _ in m if b is not a):
                continue
            last = function("pow", (r, of_size(k.size))) if a.kind == "fn" else _last(a, k)
            total = multiply(ONE - last, power(ONE - r, -1))
            left = tuple(i for i in over if i is not k)
            return uncut(summed(multiply(Poly({_without(m, a): 1}), total), left))
    return None


def _last(a: Atom, k: Index) -> Poly:
    """Return exp(u k) at k = K."""
    return rename(of_atom(a), {k: of_size(k.size)})


def _protected(m: Monomial, over: tuple[Index, ...]) -> Poly | None:
    """Return the sum over s of what stands at s - q, cut off below, as a sum over t = s - q, cut off above."""
    for a in _comparisons(m):
        p: Poly = a.data[1]
        rest = Poly({_without(m, a): 1})
        for s in over:
            by = p.terms.get(((next(iter(of_index(s).atoms())), 1),))
            if by == 1:  # 1[s >= q] with q = s + 1 - p
                q = of_index(s) + ONE - p
                if s not in q.indices and _known(q) and _stands_at(rest, of_index(s) - q):
                    return _moved(rest, s, q, over)
            elif by == -1:  # 1[s < q] = 1 - 1[s >= q] with q = p + s
                q = p + of_index(s)
                if s not in q.indices and _known(q) and _stands_at(rest, of_index(s) - q):
                    return summed(rest, over) - _moved(rest, s, q, over)
    return None


def _known(q: Poly) -> bool:
    """Tell whether a whole number is known not to be negative."""
    return q.plainly_nonnegative or not_above_zero(-q)


def _stands_at(body: Poly, position: Poly) -> bool:
    return any(a.kind == "ent" and position in a.data[1] for a in _everything(body))


def _everything(p: Poly) -> Iterator[Atom]:
    for a in p.atoms():
        yield a
        for q in parts_of(a):
            yield from _everything(q)


def _moved(body: Poly, s: Index, q: Poly, over: tuple[Index, ...]) -> Poly:
    moved = rename(body, {s: of_index(s) + q})
    return _each(multiply(moved, indicator(">", of_size(s.size) - of_index(s) - q)), over)


def _triangle(m: Monomial, over: tuple[Index, ...]) -> Poly | None:
    """Return a sum over k > j by the one over all j and k for a symmetric body, or over j > k if that is first."""
    for a in _comparisons(m):
        pair = _pair(a, over)
        if pair is None:
            continue
        high, low, strict = pair
        body, difference = Poly({_without(m, a): 1}), of_index(high) - of_index(low)
        turned = rename(body, {high: of_index(low), low: of_index(high)})
        kept = difference if indicator(">", difference).single() is not None else -difference
        one, other = (summed(multiply(b, indicator(">", kept)), over) for b in (body, turned))
        mine, theirs = (one, other) if kept == difference else (other, one)
        diagonal = summed(multiply(body, indicator("=", difference)), over)
        whole = summed(body, over)
        if one == other:
            out = (whole - diagonal).scaled(Fraction(1, 2))
        else:
            out = mine if _key(mine) <= _key(theirs) else whole - diagonal - theirs
        return out if strict else out + diagonal
    return None


def _key(p: Poly) -> Any:
    return sorted((tuple((a.id, str(e)) for a, e in m), str(c)) for m, c in p.terms.items())


def _pair(a: Atom, over: tuple[Index, ...]) -> tuple[Index, Index, bool] | None:
    """Return (i, j, strict) where an atom compares two indices of one range that are summed over, i > j or i >= j."""
    p: Poly = a.data[1]
    signs = {m[0][0].data: c for m, c in p.terms.items() if len(m) == 1 and m[0][0].kind == "ix" and m[0][1] == 1}
    rest = p.terms.get((), 0)
    if len(signs) != 2 or len(p.terms) != 2 + bool(rest) or set(signs.values()) != {1, -1} or rest not in (0, 1):
        return None
    high = next(i for i, c in signs.items() if c == 1)
    low = next(i for i, c in signs.items() if c == -1)
    if high not in over or low not in over or high.size != low.size:
        return None
    return high, low, rest == 0


def enumerated(poly: Poly) -> list[Poly] | None:
    """Return the form at every value of a free index over a range of a few numbers, or None where there is none."""
    for i in sorted(poly.indices, key=lambda i: i.letter):
        if i.size is not None and i.size.is_Integer and int(i.size) <= _NARROWEST:
            return [rename(poly, {i: const(q)}) for q in range(int(i.size))]
    return None
