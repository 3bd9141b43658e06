"""Rewriting of canonical terms by rules L = r: alone, under a sum, or as part of a longer product under several sums.

Sum_nc w_n q_nc becomes Sum_n w_n where Sum_c q_nc = 1. The sums of a product are opened into one before a rule is
looked for, and what is left is summed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from symnn.algebra.budget import Exhausted
from symnn.algebra.matching import Match, Pattern, entries, find, matches
from symnn.algebra.normal import (
    entry,
    exponential,
    function,
    indicator,
    multiply,
    opened,
    parts_of,
    product,
    rename,
    summed,
)
from symnn.algebra.order import atom_id
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor

__all__ = ["Rewriting", "Rule", "joint", "tensors_of"]


@dataclass(frozen=True)
class Rule:
    """Every instance of the pattern becomes that of ``value``; ``fact`` says why.

    ``turns``: an instance of the value may be one of the pattern again, as in A_ij = A_ji.
    """

    pattern: Pattern
    value: Poly
    fact: Any
    turns: bool


class Rewriting:
    """Called with a polynomial, applies rules to it; ``used`` collects the facts that changed something."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.used: dict[Any, None] = {}
        self._tensors = [frozenset(b.data[0] for a, _ in r.pattern.factors for b in entries(a)) for r in rules]

    def __call__(self, p: Poly) -> Poly:
        """Return the polynomial rewritten until no rule applies.

        Raises:
            Exhausted: the rules do not come to an end.
        """
        for _ in range(_ROUNDS):
            new = self._once(p)
            if new is None:
                return p
            p = new
        raise Exhausted("the facts rewrite one another without end")

    def _once(self, p: Poly) -> Poly | None:
        out, changed = ZERO, False
        for m, c in p.terms.items():
            new = self._product(m)
            changed = changed or new is not None
            out = out + (Poly({m: c}) if new is None else new.scaled(c))
        return out if changed else None

    def _product(self, m: Monomial) -> Poly | None:
        if not self._touches(m):
            return None
        over, body = joint(m)
        out, changed = ZERO, False
        for mono, c in body.terms.items():
            new = self._inside(mono)
            left = over
            if new is None:
                new, left = self._matched(mono, over)
            if new is None:
                out = out + summed(Poly({mono: c}), over)
            else:
                changed = True
                out = out + summed(new, left).scaled(c)
        return out if changed else None

    def _touches(self, m: Monomial) -> bool:
        here = frozenset(t for a, _ in m for t in tensors_of(a))
        return any(t <= here for t in self._tensors)

    def _matched(self, mono: Monomial, over: tuple[Index, ...]) -> tuple[Poly | None, tuple[Index, ...]]:
        for rule in self.rules:
            found = None if rule.turns else find(rule.pattern, mono, over)
            if found is not None:
                self.used.setdefault(rule.fact)
                return _put(rule, found), found.over
        return self._turned(mono, over), ()

    def _turned(self, mono: Monomial, over: tuple[Index, ...]) -> Poly | None:
        """Return the first, in a fixed order, of the forms that rules such as A_ij = A_ji turn into one another, or 0
        where one of them is the negative of another.
        """
        turning = [r for r in self.rules if r.turns]
        if not turning:
            return None
        start = summed(Poly({mono: 1}), over)
        forms: dict[Poly, tuple[Any, ...]] = {start: ()}
        queue = [start]
        while queue and len(forms) < _MOST_FORMS:
            form = queue.pop()
            single = form.single()
            if single is None:
                continue
            binders, body = joint(single[0])
            for inner, c in body.terms.items():
                for rule in turning if len(body.terms) == 1 else ():
                    for found in matches(rule.pattern, inner, binders):
                        new = summed(_put(rule, found), found.over).scaled(c * single[1])
                        if new not in forms:
                            forms[new] = (*forms[form], rule.fact)
                            queue.append(new)
        opposite = next((form for form in forms if -form in forms), None)
        if opposite is not None:  # u = -u: a skew-symmetric form is 0
            self.used |= dict.fromkeys((*forms[opposite], *forms[-opposite]))
            return ZERO
        least = min(forms, key=_key)
        if least == start:
            return None
        self.used |= dict.fromkeys(forms[least])
        return least

    def _inside(self, mono: Monomial) -> Poly | None:
        """Rewrite what stands inside functions, brackets, indicators, positions, and sums below a line."""
        parts: list[tuple[Poly, Rational]] = []
        changed = False
        for a, e in mono:
            new = self._atom(a)
            changed = changed or new is not None
            parts.append((Poly({((a, 1),): 1}) if new is None else new, e))
        return product(parts) if changed else None

    def _atom(self, a: Atom) -> Poly | None:
        if a.kind in ("sym", "ix", "num"):
            return None
        if a.kind == "sum":
            return self._once(Poly({((a, 1),): 1}))
        args = parts_of(a)
        new = [self._once(p) for p in args]
        if all(p is None for p in new):
            return None
        made = tuple(p if q is None else q for p, q in zip(args, new, strict=True))
        match a.kind:
            case "exp":
                return exponential(made[0])
            case "base":
                return made[0]
            case "ind":
                return indicator(a.data[0], made[0])
            case "ent":
                return entry(a.data[0], made)
        return function(a.data[0], made)


_ROUNDS = 40


@lru_cache(maxsize=100_000)
def tensors_of(a: Atom) -> frozenset[Tensor]:
    """Return the tensors that occur in an atom."""
    return frozenset(b.data[0] for b in entries(a))


def joint(m: Monomial) -> tuple[tuple[Index, ...], Poly]:
    """Return a product with its sums opened into one: the binders, fresh, and the body."""
    over: tuple[Index, ...] = ()
    body = ONE
    closed: list[tuple[Atom, Rational]] = []
    for a, e in m:
        if a.kind != "sum" or not isinstance(e, int) or not 0 < e <= _MOST_POWERS:
            closed.append((a, e))
            continue
        for _ in range(e):
            fresh, inner = opened(a)
            over = (*over, *fresh)
            body = multiply(body, inner)
    return over, multiply(body, Poly({tuple(closed): 1}))


_MOST_POWERS = 4


_MOST_FORMS = 64


def _put(rule: Rule, found: Match) -> Poly:
    """Return what a product becomes, its left-over factors times the rule's value, still under the sums left over."""
    left = Poly({tuple(sorted(found.left, key=atom_id)): 1})
    return multiply(left, rename(rule.value, found.env))


def _key(p: Poly) -> list[tuple[tuple[tuple[int, str], ...], str]]:
    return sorted((tuple((a.id, str(e)) for a, e in m), str(c)) for m, c in p.terms.items())
