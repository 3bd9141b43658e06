"""Fold named values back in: solve a definition for one of its atoms, put the name in its place, keep what is cheaper.

Sigmoid's derivative e^(-a)/(1+e^(-a))^2 becomes h(1-h) because h = e^a/(e^a+1) gives e^a = h/(1-h); softmax's because
p_c = e^(z_c)/S gives e^(z_c) = p_c S. No rule here knows a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from symnn.algebra.cancellation import cancelled
from symnn.algebra.convert import canonical
from symnn.algebra.normal import (
    content,
    entry,
    exponential,
    multiply,
    of_index,
    of_size,
    opened,
    parts_of,
    power,
    product,
    rename,
    summed,
)
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = ["Solution", "pivots", "rewrite", "solutions"]


@dataclass(frozen=True)
class Solution:
    """``atom ** step = value`` for all values of ``pattern`` indices; ``kept`` are sums not to be opened.

    With ``beside`` it is the product of the atom and those factors that has the value: 1[i >= j] e^s / Z = p.
    """

    atom: Atom
    step: Rational
    value: Poly
    pattern: tuple[Index, ...]
    kept: tuple[Atom, ...]
    tensor: Tensor
    beside: Monomial = ()


#: What a definition is solved for to fold it: atoms that a reader would not keep; and, to eliminate them, raw ones too.
_FOLDED = frozenset(("exp", "fn", "base"))
_RAW = _FOLDED | {"ent", "sum"}


def solutions(tensor: Tensor, at: tuple[Index, ...], definition: Tree) -> list[Solution]:
    """Return the ways to solve ``tensor[at] = definition`` for one atom, largest atoms first."""
    return _ways(tensor, at, canonical(definition), _FOLDED)


def pivots(tensor: Tensor, at: tuple[Index, ...], body: Poly) -> list[Solution]:
    """Return the ways to solve ``tensor[at] = body`` for one atom, entries and sums among them, largest first."""
    return _ways(tensor, at, body, _RAW)


def _ways(tensor: Tensor, at: tuple[Index, ...], body: Poly, kinds: frozenset[str]) -> list[Solution]:
    name = entry(tensor, tuple(of_index(i) for i in at))
    kept = tuple(dict.fromkeys(_sums(body)))
    out: list[Solution] = []
    for atom, step, value in _solve(body, name, set(), kinds):
        if all(i in atom.indices for i in at):  # else an instance would not say which entry of the tensor is meant
            out.append(Solution(atom, step, cancelled(value), at, kept, tensor))
    if not out and "ent" in kinds:
        out.extend(_as_product(tensor, at, body, name, kept))
    return sorted(out, key=lambda s: -_size(s.atom))


def _as_product(
    tensor: Tensor, at: tuple[Index, ...], body: Poly, name: Poly, kept: tuple[Atom, ...]
) -> Iterator[Solution]:
    """Yield a definition by one product as a rule for that product: what cannot be solved for a factor, 1[..] e^s."""
    single = body.single()
    if single is None:
        return
    for a, e in single[0]:
        if a.kind in ("exp", "fn", "ent") and e == 1 and not _is_sign(a) and all(i in a.indices for i in at):
            beside = tuple((b, k) for b, k in single[0] if b is not a)
            yield Solution(a, 1, name.scaled(Fraction(1) / single[1]), at, kept, tensor, beside)
            return


def _sums(p: Poly) -> Iterator[Atom]:
    """Yield the sums of a polynomial, those under roots too, but none inside another sum."""
    for a in p.atoms():
        if a.kind == "sum":
            yield a
        elif a.kind == "base":
            yield from _sums(a.data)


def _size(a: Atom) -> int:
    return 1 + sum(_size(b) for p in parts_of(a) for b in p.atoms())


def _solve(body: Poly, name: Poly, seen: set[Atom], kinds: frozenset[str]) -> list[tuple[Atom, Rational, Poly]]:
    out: list[tuple[Atom, Rational, Poly]] = []
    candidates = dict.fromkeys(a for a in body.atoms() if a.kind in kinds and not _is_sign(a))
    for a in list(candidates):
        if a.kind == "base":
            for b in a.data.atoms():
                if b.kind in kinds and b.kind != "base" and not _is_sign(b):
                    candidates.setdefault(b)
    for a in candidates:
        if a in seen:
            continue
        step = _step(body, a)
        value = None if step == 0 else _solve_for(body, name, a, step)
        if value is None:
            continue
        root = _root(body, name, a) if a.kind == "base" else None
        out.append((a, step, value) if root is None else (a, *root))
        if a.kind == "fn" and a.data[0] == "log":  # log(q) = v gives q = exp(v)
            out.extend(_solve(a.data[1][0], exponential(value), seen | {a}, kinds))
        elif a.kind == "base" and "sum" in kinds:  # q^e = v gives q = v^(1/e)
            out.extend(_solve(a.data, value, seen | {a}, kinds))
    return out


def _is_sign(a: Atom) -> bool:
    """Tell whether an atom stands for a sign: it is never solved for, as s = r exp(|v|) from r = s exp(-|v|)."""
    return a.kind == "ent" and a.data[0].role == "sign"


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
        inverse = 1 / Fraction(e)
        if quotient is None or not (quotient.nonnegative or inverse.denominator == 1):
            return None
        return power(quotient, inverse)
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


def _root(body: Poly, name: Poly, a: Atom) -> tuple[Rational, Poly] | None:
    """Solve name = c a^e for a^e, if e is no whole number: r = sqrt(q) gives sqrt(q) = r, where q = r^2 gives |r|."""
    single = body.single()
    e = dict(single[0]).get(a, 0) if single is not None else 0
    if single is None or isinstance(e, int):
        return None
    rest = Poly({tuple((b, k) for b, k in single[0] if b is not a): single[1]})
    return e, multiply(name, power(rest, -1))


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
    # what stands below a fraction line is not 0 where the definition means anything
    return all(a.positive or e < 0 for a, e in mono) and (rest.positive or (-rest).positive or bool(rest.constant()))


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
            if solution.beside:
                m, parts = _products_replaced(m, solution)
            for a, e in m:
                new = None if solution.beside else _instance(a, solution)
                if new is not None and solution.step != 1:
                    times = Fraction(e) / Fraction(solution.step)
                    if times.denominator == 1:
                        parts.append((new, times.numerator))
                        continue
                    new = None
                if new is None and a.kind == "sum":
                    if not any(_same(a, k, solution.pattern) is not None for k in solution.kept):
                        fresh, body = opened(a)
                        new = summed(_inner_sums(go(body), fresh, solution), fresh)
                elif new is None and a.kind == "base":
                    new = go(a.data)
                elif new is None and a.kind == "exp" and a.indices:
                    new = exponential(go(Poly({a.data: 1})))
                parts.append((Poly({((a, 1),): 1}) if new is None else new, e))
            out = out + product(parts).scaled(c)
        return out

    return go(p)


def _products_replaced(m: Monomial, solution: Solution) -> tuple[Monomial, list[tuple[Poly, Rational]]]:
    """Take every instance of the solved product out of a monomial; return what is left, and the values instead."""
    values: list[tuple[Poly, Rational]] = []
    for a, e in m:
        env = _same(a, solution.atom, solution.pattern) if isinstance(e, int) and e > 0 else None
        if env is None:
            continue
        left = dict(m)
        if left.get(a, 0) < 1:  # an earlier instance took it
            continue
        left[a] -= 1
        for b, k in solution.beside:
            single = rename(Poly({((b, k),): 1}), env).single()
            if single is None or single[1] != 1:
                return m, values
            for x, n in single[0]:
                have = left.get(x, 0)
                if (n > 0 and have < n) or (n < 0 and have > n):
                    return m, values
                left[x] = have - n
        values.append((rename(solution.value, env), 1))
        m = tuple((x, n) for x, n in left.items() if n)
    return m, values


def _inner_sums(body: Poly, over: tuple[Index, ...], solution: Solution) -> Poly:
    """Replace the solved sum where it stands inside a joint sum: sum_n sum_m a[n] x[n,m] holds sum_m x[n,m]."""
    if solution.atom.kind != "sum" or len(over) <= len(solution.atom.data[0]):
        return body
    out = ZERO
    for m, c in body.terms.items():
        out = out + (_split(m, over, solution) or Poly({m: 1})).scaled(c)
    return out


def _split(m: Monomial, over: tuple[Index, ...], solution: Solution) -> Poly | None:
    """Return a monomial with the factors over some of the bound indices summed, if that is the solved sum.

    What is left does not hold those indices: the outer sum over each of them would count its size, and is divided out.
    """
    for some in combinations(over, len(solution.atom.data[0])):
        inside = tuple((a, e) for a, e in m if any(i in a.indices for i in some))
        single = summed(Poly({inside: 1}), some).single() if inside else None
        if single is None or single[1] != 1 or len(single[0]) != 1 or single[0][0][1] != 1:
            continue
        value = _instance(single[0][0][0], solution)
        if value is not None and not any(i in value.indices for i in some):
            outside = Poly({tuple((a, e) for a, e in m if not any(i in a.indices for i in some)): 1})
            return product([(outside, 1), (value, 1), *((of_size(i.size), -1) for i in some)])
    return None


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
