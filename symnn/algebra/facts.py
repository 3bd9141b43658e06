"""Facts: equations and signs that are given or derived, solved for one of their products to be used as rewriting.

A fact is an equation p = 0 for all values of its free indices, solved as L = r for its largest product or for its
smallest. A sign p > 0 is the equation p = s with a positive stand-in s, p >= 0 one with s not negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm

from symnn.algebra.budget import Exhausted
from symnn.algebra.convert import canonical
from symnn.algebra.leaves import is_whole
from symnn.algebra.matching import Pattern, entries, find, positions_bind
from symnn.algebra.normal import const, entry, indicator, multiply, of_index, parts_of, power, product, rebuild
from symnn.algebra.rewriting import Rewriting, Rule, joint, tensors_of
from symnn.algebra.terms import ONE, Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree, free_indices

__all__ = ["Contradiction", "Fact", "cleared", "rewritings", "unless_zero"]


class Contradiction(Exception):
    """Facts from which 0 = 1 follows."""


@dataclass(frozen=True)
class Fact:
    """``left relation right`` (= > >= !=) for all values of its free indices; ``source`` says where it comes from."""

    left: Tree
    relation: str
    right: Tree
    source: str = ""


def rewritings(facts: Iterable[Fact]) -> list[Rewriting]:
    """Return ways to use facts as rules: each solved for its largest product, or for its smallest.

    Raises:
        Contradiction: the facts give 0 = 1.
        UnsupportedError: a fact is outside the algebra.
    """
    ordered = sorted(facts, key=lambda f: f.relation == "=")
    equations = {f: _equation(f) for f in ordered if f.relation != "!="}
    out: list[Rewriting] = []
    for largest in (True, False):
        made = _reduced(dict(equations), largest)
        if made and not any([r.pattern for r in made] == [r.pattern for r in o.rules] for o in out):
            out.append(Rewriting(made))
    return out


def _reduced(equations: dict[Fact, Poly], largest: bool) -> list[Rule]:
    """Return one rule per fact, each fact first reduced by the rules of the facts before it, then of those after."""
    rules: dict[Fact, Rule] = {}
    for _ in range(2):
        for fact in equations:
            others = Rewriting([r for f, r in rules.items() if f is not fact])
            try:
                p = _without_roots(cleared(others(equations[fact])))
            except Exhausted:
                continue
            if p.constant():
                raise Contradiction
            equations[fact] = p
            found = _rules(p, fact)
            rules.pop(fact, None)
            if found:
                rules[fact] = found[0 if largest or fact.relation != "=" else -1]
    return list(rules.values())


def _equation(fact: Fact) -> Poly:
    difference = canonical(fact.left) - canonical(fact.right)
    if fact.relation == "=":
        return difference
    return difference - _stand_in(fact)


_STAND_INS: dict[Fact, Tensor] = {}


def _stand_in(fact: Fact) -> Poly:
    """Return what a difference known to be positive (or not negative) is called, one entry per free index."""
    at = tuple(dict.fromkeys((*free_indices(fact.left), *free_indices(fact.right))))
    made = _STAND_INS.get(fact)
    if made is None:
        strict = fact.relation == ">"
        shape: tuple[Size, ...] = tuple(i.size for i in at)
        made = Tensor("positive", shape, "slot", positive=strict, nonnegative=not strict)
        _STAND_INS[fact] = made
    return entry(made, tuple(of_index(i) for i in at))


def cleared(p: Poly) -> Poly:
    """Multiply an equation by its denominators, which do not vanish where it has a meaning."""
    for _ in range(6):
        lowest: dict[Atom, Rational] = {}
        for m in p.terms:
            for a, e in m:
                if e < 0:
                    lowest[a] = min(lowest.get(a, 0), e)
        if not lowest:
            return p
        for a, e in lowest.items():
            p = multiply(p, power(a.data if a.kind == "base" else Poly({((a, 1),): 1}), -e))
    return p


def unless_zero(p: Poly) -> Poly:
    """Write 1[q > 0] as 1 - 1[q = 0] where q is known not to be negative: q 1[q > 0] is q then."""
    return rebuild(p, _unless_zero) if any(map(_has_unless_zero, p.atoms())) else p


def _unless_zero(a: Atom) -> Poly | None:
    if a.kind == "ind" and a.data[0] == ">" and a.data[1].nonnegative and not is_whole(a.data[1]):
        return ONE - indicator("=", a.data[1])
    return None


@lru_cache(maxsize=100_000)
def _has_unless_zero(a: Atom) -> bool:
    return _unless_zero(a) is not None or any(_has_unless_zero(b) for p in parts_of(a) for b in p.atoms())


def _without_roots(p: Poly) -> Poly:
    """Return the equation a = b squared (cubed, ..) where one of the two sides is a root."""
    roots = lcm(*(Fraction(e).denominator for m in p.terms for _, e in m)) if p.terms else 1
    if roots == 1 or len(p.terms) != 2:
        return p
    (m, c), (n, d) = p.terms.items()
    return power(Poly({m: c}), roots) - power(Poly({n: -d}), roots)


def _rules(p: Poly, fact: Fact) -> list[Rule]:
    """Return the equation p = 0 solved for each of its products that can be, the largest first."""
    free = tuple(sorted(p.indices, key=lambda i: i.letter))
    own = _STAND_INS.get(fact)
    found: list[tuple[tuple[int, ...], Rule]] = []
    for m, c in p.terms.items():
        factors = [(a, e) for a, e in m if not (a.positive and a.kind in ("sym", "num"))] or list(m)
        scale = Poly({tuple((a, -e) for a, e in m if (a, e) not in factors): 1})
        over, body = joint(tuple(factors))
        single = body.single()
        if not factors or single is None or not _solvable(single[0], own):
            continue
        value = multiply((p - Poly({m: c})).scaled(-1), scale)
        value = product(((value, 1), (const(c * single[1]), -1)))
        pattern = Pattern(free, over, single[0])
        if not _binds(pattern) or not value.indices <= frozenset(free):
            continue
        again = any(find(pattern, *_first(n)) is not None for n in value.terms)
        if again and len(value.terms) > 1:
            continue  # it would never come to an end
        found.append((_size(pattern), Rule(pattern, value, fact, again)))
    return [r for _, r in sorted(found, key=lambda f: f[0], reverse=True)]


def _first(m: Monomial) -> tuple[Monomial, tuple[Index, ...]]:
    over, body = joint(m)
    return next(iter(body.terms)), over


def _solvable(m: Monomial, own: Tensor | None) -> bool:
    return all(
        isinstance(e, int)
        and e > 0
        and a.kind in ("ent", "sym", "exp", "fn")
        and (own is None or own not in tensors_of(a))
        for a, e in m
    )


def _binds(pattern: Pattern) -> bool:
    """Tell whether an instance says what every index stands for."""
    wanted = [*pattern.free, *pattern.bound]
    seen = {i for a, _ in pattern.factors for e in entries(a) for _, i in positions_bind(e, wanted)}
    return all(i in seen for i in wanted)


def _size(pattern: Pattern) -> tuple[int, ...]:
    return (
        len(pattern.bound),
        sum(_weight(a) * int(e) for a, e in pattern.factors),
        len(pattern.factors),
        -min((a.id for a, _ in pattern.factors), default=0),
    )


def _weight(a: Atom) -> int:
    return 1 + len(entries(a))
