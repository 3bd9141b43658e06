"""Fold named values back in: solve a definition for one of its atoms, put the name in its place, keep what is cheaper.

Sigmoid's derivative e^(-a)/(1+e^(-a))^2 becomes h(1-h) because h = e^a/(e^a+1) gives e^a = h/(1-h); softmax's because
p_c = e^(z_c)/S gives e^(z_c) = p_c S. No rule here knows a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symnn.algebra.convert import canonical
from symnn.algebra.normal import (
    content,
    entry,
    exponential,
    multiply,
    of_index,
    opened,
    parts_of,
    power,
    product,
    rename,
    summed,
)
from symnn.algebra.terms import ONE, ZERO, Atom, Poly, Rational
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = ["Solution", "rewrite", "solutions"]


@dataclass(frozen=True)
class Solution:
    """``atom = value`` for all values of ``pattern`` indices; ``kept`` are sums of the definition not to be opened."""

    atom: Atom
    value: Poly
    pattern: tuple[Index, ...]
    kept: tuple[Atom, ...]
    tensor: Tensor


def solutions(tensor: Tensor, at: tuple[Index, ...], definition: Tree) -> list[Solution]:
    """Return the ways to solve ``tensor[at] = definition`` for one atom, largest atoms first."""
    body = canonical(definition)
    name = entry(tensor, tuple(of_index(i) for i in at))
    kept = tuple(a for a in body.atoms() if a.kind == "sum")
    out: list[Solution] = []
    for atom, value in _solve(body, name, set()):
        out.append(Solution(atom, value, at, kept, tensor))
    return sorted(out, key=lambda s: -_size(s.atom))


def _size(a: Atom) -> int:
    return 1 + sum(_size(b) for p in parts_of(a) for b in p.atoms())


def _solve(body: Poly, name: Poly, seen: set[Atom]) -> list[tuple[Atom, Poly]]:
    out: list[tuple[Atom, Poly]] = []
    candidates = dict.fromkeys(a for a in body.atoms() if a.kind in ("exp", "fn", "base"))
    for a in list(candidates):
        if a.kind == "base":
            for b in a.data.atoms():
                if b.kind in ("exp", "fn"):
                    candidates.setdefault(b)
    for a in candidates:
        if a in seen:
            continue
        value = _solve_for(body, name, a)
        if value is None:
            continue
        out.append((a, value))
        if a.kind == "fn" and a.data[0] == "log":  # log(q) = v gives q = exp(v)
            out.extend(_solve(a.data[1][0], exponential(value), seen | {a}))
    return out


def _solve_for(body: Poly, name: Poly, a: Atom) -> Poly | None:
    """Solve name = (A a + B) / (C a + D) for a; None unless the determinant is known not to vanish."""
    if a.kind == "base":
        single = body.single()
        if single is None:
            return None
        exps = dict(single[0])
        e = exps.pop(a, 0)
        if e == 0:
            return None
        rest = Poly({tuple(sorted(exps.items(), key=lambda i: i[0].id)): single[1]})
        quotient = multiply(name, power(rest, -1)) if _nonzero(rest) else None
        if quotient is None or not (quotient.positive or (isinstance(e, int) and abs(e) == 1)):
            return None
        return power(quotient, 1 / Fraction(e))
    clearing, above = ONE, body
    for b in dict.fromkeys(body.atoms()):
        if b.kind == "base" and any(x is a for x in b.data.atoms()):
            lowest = min(dict(m).get(b, 0) for m in body.terms)
            if lowest != -1:
                return None
            clearing, above = multiply(clearing, b.data), _times_base(above, b)
    A, B = _linear(above, a)
    C, E = _linear(clearing, a)
    if A is None or C is None or B is None or E is None:
        return None
    if any(x is a for part in (A, B, C, E) for x in part.atoms()):
        return None
    determinant = multiply(A, E) - multiply(B, C)
    if not _nonzero(determinant):
        return None
    return multiply(B - multiply(E, name), power(multiply(C, name) - A, -1))


def _times_base(p: Poly, base: Atom) -> Poly:
    """Return p times a base, its powers -1 cancelled rather than expanded."""
    out = ZERO
    for m, c in p.terms.items():
        exps = dict(m)
        if exps.get(base, 0) == -1:
            del exps[base]
            out = out + Poly({tuple(i for i in m if i[0] is not base): c})
        else:
            out = out + multiply(Poly({m: c}), base.data)
    return out


def _nonzero(p: Poly) -> bool:
    if p.constant():
        return True
    _, mono, rest = content(p)
    return all(a.positive for a, _ in mono) and (rest.positive or (-rest).positive or bool(rest.constant()))


def _linear(p: Poly, a: Atom) -> tuple[Poly | None, Poly | None]:
    """Return (coefficient, rest) of a polynomial that is linear in an atom."""
    coefficient, rest = ZERO, ZERO
    for m, c in p.terms.items():
        exps = dict(m)
        e = exps.pop(a, 0)
        if e == 0:
            rest = rest + Poly({m: c})
        elif e == 1:
            coefficient = coefficient + Poly({tuple(i for i in m if i[0] is not a): c})
        else:
            return None, None
    return coefficient, rest


def rewrite(p: Poly, solution: Solution) -> Poly:
    """Return a polynomial with every instance of the solved atom replaced, outside the definition's own sums."""

    def go(q: Poly) -> Poly:
        out = ZERO
        for m, c in q.terms.items():
            parts: list[tuple[Poly, Rational]] = []
            for a, e in m:
                new = _instance(a, solution)
                if new is None and a.kind == "sum":
                    if not any(_same(a, k, solution.pattern) is not None for k in solution.kept):
                        fresh, body = opened(a)
                        new = summed(go(body), fresh)
                elif new is None and a.kind == "base":
                    new = go(a.data)
                parts.append((Poly({((a, 1),): 1}) if new is None else new, e))
            out = out + product(parts).scaled(c)
        return out

    return go(p)


def _instance(a: Atom, solution: Solution) -> Poly | None:
    env = _same(a, solution.atom, solution.pattern)
    return None if env is None else rename(solution.value, env)


def _same(a: Atom, pattern: Atom, variables: tuple[Index, ...]) -> dict[Index, Poly] | None:
    """Return what the pattern's indices stand for if the atom is an instance of the pattern, else None."""
    if a is pattern:
        return {i: of_index(i) for i in variables}
    if a.kind != pattern.kind:
        return None
    needed = [i for i in variables if i in pattern.indices]
    if not needed:
        return None
    for mine in _entries(pattern):
        if not all(any(p == of_index(i) for p in mine.data[1]) for i in needed):
            continue
        for theirs in _entries(a):
            if theirs.data[0] is not mine.data[0]:
                continue
            env: dict[Index, Poly] = {}
            for p, q in zip(mine.data[1], theirs.data[1], strict=True):
                for i in needed:
                    if p == of_index(i):
                        env.setdefault(i, q)
            renamed = rename(Poly({((pattern, 1),): 1}), env) if pattern.kind != "base" else None
            if pattern.kind == "base":
                if rename(pattern.data, env) == a.data:
                    return env
            elif renamed == Poly({((a, 1),): 1}):
                return env
    return None


def _entries(a: Atom) -> list[Atom]:
    out = [a] if a.kind == "ent" else []
    for p in parts_of(a):
        for b in p.atoms():
            out.extend(_entries(b))
    return out
