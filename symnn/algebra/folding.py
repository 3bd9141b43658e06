"""Fold named values back in: solve a definition for one of its atoms, put the name in its place, keep what is cheaper.

Sigmoid's derivative e^(-a)/(1+e^(-a))^2 becomes h(1-h) because h = e^a/(e^a+1) gives e^a = h/(1-h); softmax's because
p_c = e^(z_c)/S gives e^(z_c) = p_c S. No rule here knows a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    """``atom ** step = value`` for all values of ``pattern`` indices; ``kept`` are sums not to be opened."""

    atom: Atom
    step: Rational
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
    for atom, step, value in _solve(body, name, set()):
        if all(i in atom.indices for i in at):  # else an instance would not say which entry of the tensor is meant
            out.append(Solution(atom, step, value, at, kept, tensor))
    return sorted(out, key=lambda s: -_size(s.atom))


def _size(a: Atom) -> int:
    return 1 + sum(_size(b) for p in parts_of(a) for b in p.atoms())


def _solve(body: Poly, name: Poly, seen: set[Atom]) -> list[tuple[Atom, Rational, Poly]]:
    out: list[tuple[Atom, Rational, Poly]] = []
    candidates = dict.fromkeys(a for a in body.atoms() if a.kind in ("exp", "fn", "base"))
    for a in list(candidates):
        if a.kind == "base":
            for b in a.data.atoms():
                if b.kind in ("exp", "fn"):
                    candidates.setdefault(b)
    for a in candidates:
        if a in seen:
            continue
        step = _step(body, a)
        value = None if step == 0 else _solve_for(body, name, a, step)
        if value is None:
            continue
        out.append((a, step, value))
        if a.kind == "fn" and a.data[0] == "log":  # log(q) = v gives q = exp(v)
            out.extend(_solve(a.data[1][0], exponential(value), seen | {a}))
    return out


def _step(body: Poly, a: Atom) -> Rational:
    """Return the one power that an atom occurs with, at the top and in the bases there; 0 where there are several."""
    if a.kind == "base":
        return 1
    powers = {e for m in body.terms for b, e in m if b is a}
    for b in dict.fromkeys(body.atoms()):
        if b.kind == "base":
            powers |= {e for m in b.data.terms for x, e in m if x is a}
    return powers.pop() if len(powers) == 1 else 0


def _solve_for(body: Poly, name: Poly, a: Atom, step: Rational) -> Poly | None:
    """Solve name = (A u + B) / (C u + D) for u = a ** step; None unless the determinant is known not to vanish."""
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
    A, B = _linear(above, a, step)
    C, E = _linear(clearing, a, step)
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


def _linear(p: Poly, a: Atom, step: Rational) -> tuple[Poly | None, Poly | None]:
    """Return (coefficient, rest) of a polynomial that is linear in ``a ** step``."""
    coefficient, rest = ZERO, ZERO
    for m, c in p.terms.items():
        exps = dict(m)
        e = exps.pop(a, 0)
        if e == 0:
            rest = rest + Poly({m: c})
        elif e == step:
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
                if new is not None and solution.step != 1:
                    times = Fraction(e) / Fraction(solution.step)
                    if times.denominator == 1:
                        parts.append((new, times.numerator))
                        continue
                    new = None
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
    for env in _bindings(needed, _entries(pattern), _entries(a)):
        if pattern.kind == "base":
            if rename(pattern.data, env) == a.data:
                return env
        elif rename(Poly({((pattern, 1),): 1}), env) == Poly({((a, 1),): 1}):
            return env
    return None


_MOST_BINDINGS = 64


def _bindings(needed: list[Index], mine: list[Atom], theirs: list[Atom]) -> Iterator[dict[Index, Poly]]:
    """Yield what the needed indices may stand for, entry of the pattern by entry of the atom, at most some."""
    count = 0
    stack: list[dict[Index, Poly]] = [{}]
    while stack:
        env = stack.pop()
        missing = [i for i in needed if i not in env]
        if not missing:
            count += 1
            yield env
            if count >= _MOST_BINDINGS:
                return
            continue
        # the pattern's entry that fixes most of what is missing, matched with each entry of the same tensor
        best = max(mine, key=lambda e: sum(any(p == of_index(i) for p in e.data[1]) for i in missing), default=None)
        if best is None or not any(p == of_index(i) for p in best.data[1] for i in missing):
            return
        for other in theirs:
            if other.data[0] is best.data[0]:
                grown = dict(env)
                for p, q in zip(best.data[1], other.data[1], strict=True):
                    for i in missing:
                        if p == of_index(i):
                            grown.setdefault(i, q)
                stack.append(grown)


def _entries(a: Atom) -> list[Atom]:
    out = [a] if a.kind == "ent" else []
    for p in parts_of(a):
        for b in p.atoms():
            out.extend(_entries(b))
    return out
