"""Sums over composed ranges, taken apart: N + M, N M, a number, and sums whose entries all stand further on.

    sum_{k < N+M} f(k) = sum_{k < N} f(k) + sum_{k < M} f(N + k)
    sum_{k < NM} f(k) = sum_{g < N} sum_{j < M} f(gM + j)
    sum_{k < K} f(k+c) = sum_{k < K} f(k) + f(K) + ... + f(K+c-1) - f(0) - ... - f(c-1)

Source: Graham, Knuth, Patashnik, Concrete Mathematics, 2nd ed. 1994, section 2.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from symnn.algebra.normal import const, multiply, of_index, of_size, opened, parts_of, rebuild, rename, summed
from symnn.algebra.terms import ZERO, Atom, Poly
from symnn.ground.indices import Index

__all__ = ["taken_apart"]

_LONGEST = 8


def taken_apart(poly: Poly) -> Iterator[Poly]:
    """Yield the form with its sums over composed ranges taken apart and its shifted sums moved back.

    A range N M is taken as N times M and as M times N, N + M as N then M and as M then N: where there is such
    a range there are two forms.
    """
    if any(_composed(a) for a in poly.atoms()):
        first = _apart(poly, -1)
        yield first
        other = _apart(poly, 0)  # the other order
        if other != first:
            yield other


def _apart(poly: Poly, inner: int) -> Poly:
    return rebuild(poly, partial(_change, inner=inner)) if any(_composed(a) for a in poly.atoms()) else poly


_COMPOSED: dict[Atom, bool] = {}


def _composed(a: Atom) -> bool:
    found = _COMPOSED.get(a)
    if found is None:
        here = a.kind == "sum" and any(not b.size.is_Symbol or _shift(b, Poly({a.data[1]: 1})) for b in a.data[0])
        found = _COMPOSED[a] = here or any(_composed(b) for p in parts_of(a) for b in p.atoms())
    return found


def _change(a: Atom, inner: int) -> Poly | None:
    if a.kind != "sum" or not _composed(a):
        return None
    fresh, body = opened(a)
    body = _apart(body, inner)
    for n, k in enumerate(fresh):
        split = _split(k, body, inner)
        if split is not None:
            others = (*fresh[:n], *fresh[n + 1 :])
            out = ZERO
            for over, part in split:
                out = out + _apart(summed(part, (*over, *others)), inner)
            return out
    return summed(body, fresh)


def _split(k: Index, body: Poly, inner: int) -> list[tuple[tuple[Index, ...], Poly]] | None:
    """Return the parts of a sum over k, each with the indices that it is summed over."""
    size = k.size
    if size.is_Integer:
        return [((), _at(k, const(q), body)) for q in range(int(size))] if size <= _LONGEST else None
    if size.is_Add:
        less = [q for q in size.args if q.could_extract_minus_sign()]
        whole = [q for q in size.args if q not in less]
        if any(not q.is_Integer or -q > _LONGEST for q in less):
            return None
        parts = _consecutive(k, whole if inner else whole[::-1], body)
        for q in range(-int(sum(less))):  # sum_{k < K-1} f(k) = sum_{k < K} f(k) - f(K-1)
            parts.append(((), -_at(k, of_size(size) + const(q), body)))
        return parts
    if size.is_Mul:
        number = size.args[0]
        if number.is_Integer and (inner or number > _LONGEST):
            return _consecutive(k, [size / number] * int(number), body) if number <= _LONGEST else None
        part = size.args[inner]
        g, j = Index(k.letter, size / part), Index(k.letter, part)
        return [((g, j), _at(k, multiply(of_index(g), of_size(part)) + of_index(j), body))]
    return _moved_back(k, body)


def _consecutive(k: Index, sizes: list[Any], body: Poly) -> list[tuple[tuple[Index, ...], Poly]]:
    start = ZERO
    out: list[tuple[tuple[Index, ...], Poly]] = []
    for size in sizes:
        if size.is_Integer and size <= _LONGEST:
            out += [((), _at(k, start + const(q), body)) for q in range(int(size))]
        else:
            j = Index(k.letter, size)
            out.append(((j,), _at(k, start + of_index(j), body)))
        start = start + of_size(size)
    return out


def _at(k: Index, value: Poly, body: Poly) -> Poly:
    return rename(body, {k: value})


def _moved_back(k: Index, body: Poly) -> list[tuple[tuple[Index, ...], Poly]] | None:
    c = _shift(k, body)
    if not c:
        return None
    j = Index(k.letter, k.size)
    size = of_size(k.size)
    parts: list[tuple[tuple[Index, ...], Poly]] = [((j,), _at(k, of_index(j) - const(c), body))]
    for q in range(min(c, 0), max(c, 0)):  # f(q) for q from 0 to c - 1 left out; for c < 0, from c to -1 taken in
        sign = 1 if c > 0 else -1
        parts.append(((), _at(k, size + const(q - c), body).scaled(sign)))
        parts.append(((), _at(k, const(q - c), body).scaled(-sign)))
    return parts


def _shift(k: Index, body: Poly) -> int:
    """Return the least c, where k occurs in positions k + c of entries only; else 0."""
    found = _shifts(k, body)
    return min(found) if found and max(map(abs, found)) <= _LONGEST else 0


def _shifts(k: Index, body: Poly) -> list[int]:
    out = []
    for a in body.atoms():
        if k not in a.indices:
            continue
        if a.kind == "ix":
            return [_LONGEST + 1]
        for p in parts_of(a):
            if k not in p.indices:
                continue
            if a.kind == "ent":
                alone = [m for m in p.terms if len(m) == 1 and m[0][0].kind == "ix" and m[0][0].data is k]
                rest = p - of_index(k)
                if not alone or k in rest.indices or rest.constant() is None:
                    return [_LONGEST + 1]
                out.append(int(p.terms.get((), 0)))
            else:
                out += _shifts(k, p)
    return out
