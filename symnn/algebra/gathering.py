"""Sums with a common factor under one sum sign: sum_j K_j u_j v_j - w sum_j K_j u_j is sum_j K_j u_j (v_j - w).

For printing only. Two sums are not joined where that would make a longer loop of one of them: in
sum_k y_k + x_i sum_k y_k x_k both stay as they are, for sum_k y_k (1 + x_i x_k) runs over i and k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from symnn.algebra.leaves import of_index
from symnn.algebra.normal import opened, rename, summed
from symnn.algebra.products import merge
from symnn.algebra.quotients import times
from symnn.algebra.reading import readable
from symnn.algebra.terms import ZERO, Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index

__all__ = ["Gathered", "gathered"]

#: Longer sums of terms are not looked at.
_MOST_TERMS = 8


@dataclass(frozen=True)
class Gathered:
    """sum over ``index`` of ``common * inner``, plus ``others``."""

    index: Index
    common: Monomial
    inner: Poly
    others: Poly


@dataclass(frozen=True)
class _Term:
    """A term with its sums opened into one; ``width`` says how many indices the sum of each binder ran over."""

    mono: Monomial
    coefficient: Rational
    width: dict[Index, int]
    body: Monomial


def gathered(p: Poly) -> Iterator[Gathered]:
    """Yield the ways in which sums of a polynomial can be put under one sum sign."""
    if len(p.terms) > _MOST_TERMS or sum(any(a.kind == "sum" for a, _ in m) for m in p.terms) < 2:
        return
    terms = [t for t in (_opened(m, c) for m, c in p.terms.items()) if t is not None]
    for one, two in combinations(terms, 2):
        for a in one.width:
            for b in two.width:
                if a.size == b.size:
                    found = _joined(p, terms, one, a, two, b)
                    if found is not None:
                        yield found


def _opened(m: Monomial, c: Rational) -> _Term | None:
    width: dict[Index, int] = {}
    body: Monomial = ()
    for a, e in m:
        if a.kind != "sum" or e != 1:
            body = merge(body, ((a, e),))
            continue
        fresh, inner = opened(a)
        single = inner.single()
        if single is None or single[1] != 1:
            return None
        width |= dict.fromkeys(fresh, len(a.indices) + len(fresh))
        body = merge(body, single[0])
    return _Term(m, c, width, body) if width else None


def _joined(p: Poly, terms: list[_Term], one: _Term, a: Index, two: _Term, b: Index) -> Gathered | None:
    mine, theirs = _liftable(one, one.body, a), dict(_liftable(two, _renamed(two, b, a), a, b))
    common: Monomial = tuple((x, min(e, theirs[x])) for x, e in mine if x in theirs and theirs[x] > 0 < e)
    if not any(a in x.indices for x, _ in common):
        return None
    inner, others = ZERO, p
    widths: list[int] = []
    bodies: list[Monomial] = []
    for t in terms:
        for k in (a,) if t is one else (b,) if t is two else t.width:
            body = t.body if t is one else _renamed(t, k, a)
            have = dict(_liftable(t, body, a, k))
            if k.size != a.size or any(have.get(x, 0) < e for x, e in common):
                continue
            rest = Poly({times(body, common, -1): 1})
            inner = inner + summed(rest, tuple(i for i in t.width if i is not k)).scaled(t.coefficient)
            others = others - Poly({t.mono: t.coefficient})
            widths.append(t.width[k])
            bodies.append(body)
            break
    if readable(common, bodies) != common:
        return None
    used = frozenset(i for x, _ in common for i in x.indices) | inner.indices
    if len(widths) < 2 or len(used) > min(widths):
        return None
    return Gathered(a, common, inner, others)


def _renamed(t: _Term, k: Index, new: Index) -> Monomial:
    if k is new:
        return t.body
    single = rename(Poly({t.body: 1}), {k: of_index(new)}).single()
    return single[0] if single is not None and single[1] == 1 else ()


def _liftable(t: _Term, body: Monomial, a: Index, k: Index | None = None) -> list[tuple[Atom, Rational]]:
    """Return the factors that no other binder of the term stands in."""
    others = frozenset(i for i in t.width if i is not a and i is not k)
    return [(x, e) for x, e in body if not x.indices & others]
