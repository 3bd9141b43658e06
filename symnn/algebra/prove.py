"""Decide equality: canonical forms, then cleared denominators, then hyperbolic functions as exponentials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from symnn.algebra.budget import Exhausted, limited, watched
from symnn.algebra.cases import vanishes_by_signs
from symnn.algebra.convert import canonical
from symnn.algebra.derived import derived_facts
from symnn.algebra.facts import Contradiction, Fact, cleared, rewritings, unless_zero
from symnn.algebra.glance import clearly_differ
from symnn.algebra.kinks import Waiver, released, same_zeros
from symnn.algebra.opening import inline, outermost
from symnn.algebra.terms import Poly
from symnn.algebra.zero import is_zero
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Neg, Tree, tensors_in

__all__ = ["CONTRADICTION", "Proof", "inline", "is_zero", "prove_equal"]


@dataclass(frozen=True)
class Proof:
    """What a proof attempt found: "proved" or "undecided", what it used, and which definitions were opened."""

    verdict: str
    conditions: tuple[str, ...] = ()
    definitions: tuple[Tensor, ...] = ()
    reason: str = ""
    difference: Any = field(default=None, compare=False)
    facts: tuple[Fact, ...] = ()

    def __bool__(self) -> bool:
        return self.verdict == "proved"

    @property
    def opened(self) -> tuple[str, ...]:
        """The names of the tensors whose definitions were opened."""
        return tuple(t.name for t in self.definitions)


def prove_equal(
    left: Tree,
    right: Tree,
    *,
    open_tensors: Iterable[Tensor] | None = None,
    facts: Iterable[Fact] = (),
    derive: bool = False,
    budget: int | None = None,
    off_kinks: Tensor | None = None,
) -> Proof:
    """Return a proof that two trees are equal for all sizes, or "undecided".

    Entries are first taken as they stand; where that does not decide, definitions are opened, nearest to the output
    first (all computed tensors, or only ``open_tensors``). Where a derivative is still to be taken, its value at a
    kink of its body in the variable is a convention and not part of the claim; the conditions say so. Facts are used
    after derivatives are taken: they hold for values, not in a neighbourhood.

    Args:
        left: one side.
        right: the other.
        open_tensors: the computed tensors that may be opened; None for all.
        facts: what may be assumed.
        derive: also use what the entries of a computed tensor sum to, before the tensor is opened.
        budget: products that the proof may take.
        off_kinks: a variable that the left side is a derivative by: its values at the kinks of that side in this
            variable are left out, as those of a derivative still to be taken are. Only what fixes some real entry to
            finitely many values is a kink. The conditions say which.
    """
    allowed = None if open_tensors is None else frozenset(open_tensors)
    attempt = _Attempt(tuple(facts), derive, Waiver((left, right), tuple(facts), left, off_kinks))

    def glance() -> None:
        if not attempt.declared and clearly_differ(left, right):
            raise _Different

    try:
        with limited(_BUDGET if budget is None else budget), watched(_GLANCE, glance):
            return attempt.run(Add((left, Neg(right))), allowed)
    except _Different:
        return Proof("undecided", (), tuple(attempt.opened), "the two sides have different values at a random point")
    except Exhausted as error:
        return Proof("undecided", (), tuple(attempt.opened), str(error))
    except Contradiction:
        return Proof("undecided", (), tuple(attempt.opened), CONTRADICTION)


class _Different(Exception):
    """The sides differ in value: no proof is looked for any longer."""


#: Products that a proof may take, and those after which the sides' values are compared once.
_BUDGET, _GLANCE = 200_000, 300
CONTRADICTION = "the facts contradict one another: 0 = 1 follows from them"


class _Attempt:
    """One attempt at a proof: what was opened so far, and the facts as they read then."""

    def __init__(self, facts: tuple[Fact, ...], derive: bool, waiver: Waiver) -> None:
        self.declared, self.derive, self.waiver = facts, derive, waiver
        self.origin = {f: f for f in facts}
        self.opened: list[Tensor] = []

    def run(self, difference: Tree, allowed: frozenset[Tensor] | None) -> Proof:
        """Return the proof that a tree is 0, definitions opened one by one."""
        for _ in range(200):
            try:
                poly = released(canonical(difference))
            except ZeroDivisionError as error:
                return Proof("undecided", (), tuple(self.opened), f"not defined: {error}")
            proof = self._zero(poly) or self._by_facts(poly, difference)
            if proof is not None:
                return proof
            target = outermost(difference, allowed)
            if target is None:
                conditions: set[str] = set()
                if vanishes_by_signs(poly, partial(is_zero, conditions=conditions)):
                    return Proof("proved", tuple(sorted(conditions)), tuple(self.opened))
                return Proof("undecided", (), tuple(self.opened), "the canonical forms differ", poly)
            self._open(target)
            difference = inline(difference, frozenset((target,)))
            self.waiver.open(target)
        return Proof("undecided", (), tuple(self.opened), "too many definitions to open")

    def _open(self, target: Tensor) -> None:
        """Open a definition in the facts too; what they say of the name itself stays known."""
        self.opened.append(target)
        for fact, origin in list(self.origin.items()):
            both = (inline(fact.left, frozenset((target,))), inline(fact.right, frozenset((target,))))
            if both != (fact.left, fact.right):
                self.origin.setdefault(Fact(both[0], fact.relation, both[1], fact.source), origin)

    def _zero(self, poly: Poly) -> Proof | None:
        conditions: set[str] = set()
        if is_zero(poly, conditions):
            return Proof("proved", tuple(sorted(conditions)), tuple(self.opened))
        waived = self.waiver.without(poly, conditions)
        if waived is not None and is_zero(waived, conditions):
            return Proof("proved", tuple(sorted(conditions)), tuple(self.opened))
        return None

    def _by_facts(self, poly: Poly, difference: Tree) -> Proof | None:
        facts = list(self.origin)
        for fact in (f for f in facts if f.relation == "="):
            if poly.terms and same_zeros(poly, (canonical(fact.left) - canonical(fact.right),)):
                return Proof("proved", (), tuple(self.opened), facts=(self.origin[fact],))
        if self.derive:
            facts += [f for t in tensors_in(difference) for f in derived_facts(t)]
        for rewriting in rewritings(facts) if facts else ():
            try:
                reduced = unless_zero(rewriting(poly))
                proof = self._zero(reduced) if rewriting.used else None
                if proof is None:
                    again = unless_zero(rewriting(cleared(reduced)))
                    proof = self._zero(again) if rewriting.used else None
                if proof is not None:
                    used = tuple(dict.fromkeys(self.origin.get(f, f) for f in rewriting.used))
                    return replace(proof, facts=used)
            except (ZeroDivisionError, OverflowError):
                continue
        return None
