"""Decide equality: canonical forms, then cleared denominators, then hyperbolic functions as exponentials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import permutations
from itertools import product as iproduct
from typing import Any

from symnn.algebra.budget import Exhausted, limited, watched
from symnn.algebra.cases import vanishes_by_signs
from symnn.algebra.convert import canonical
from symnn.algebra.derived import derived_facts
from symnn.algebra.facts import Contradiction, Fact, cleared, rewritings
from symnn.algebra.glance import clearly_differ
from symnn.algebra.inside import rename
from symnn.algebra.leaves import of_index
from symnn.algebra.normal import const, parts_of, rebuild
from symnn.algebra.opening import inline, outermost
from symnn.algebra.products import content, oriented
from symnn.algebra.terms import Atom, Monomial, Poly
from symnn.algebra.zero import is_zero
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, D, Neg, Tree, children, tensors_in, walk

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
    off_kinks: bool = False,
) -> Proof:
    """Return a proof that two trees are equal for all sizes, or "undecided".

    Entries are first taken as they stand; where that does not decide, definitions are opened, nearest to the output
    first (all computed tensors, or only ``open_tensors``). Where a derivative is still to be taken, its value at a
    kink is a convention and not part of the claim; the conditions say so. Facts are used after derivatives are taken:
    they hold for values, not in a neighbourhood.

    Args:
        left: one side.
        right: the other.
        open_tensors: the computed tensors that may be opened; None for all.
        facts: what may be assumed.
        derive: also use what the entries of a computed tensor sum to, before the tensor is opened.
        budget: products that the proof may take.
        off_kinks: leave the values at the kinks of the left side out, as those of a derivative still to be taken are.
            Only what fixes some real entry to finitely many values is a kink. The conditions say which.
    """
    allowed = None if open_tensors is None else frozenset(open_tensors)
    pending = [t for t in (left, right) if any(isinstance(part, D) for part in walk(t))]
    attempt = _Attempt(tuple(facts), derive, Add((left, *pending)) if off_kinks else Add(tuple(pending)))

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
#: Kinks are compared under any names of so many indices.
_MOST_INDICES = 4
CONTRADICTION = "the facts contradict one another: 0 = 1 follows from them"


class _Attempt:
    """One attempt at a proof: what was opened so far, and the facts as they read then."""

    def __init__(self, facts: tuple[Fact, ...], derive: bool, kinked: Add) -> None:
        self.declared, self.derive = facts, derive
        self.kinked: Tree = kinked
        self.origin = {f: f for f in facts}
        self.opened: list[Tensor] = []

    def run(self, difference: Tree, allowed: frozenset[Tensor] | None) -> Proof:
        """Return the proof that a tree is 0, definitions opened one by one."""
        pending = bool(children(self.kinked))
        for _ in range(200):
            try:
                poly = _released(canonical(difference))
            except ZeroDivisionError as error:
                return Proof("undecided", (), tuple(self.opened), f"not defined: {error}")
            proof = self._zero(poly, pending) or self._by_facts(poly, difference, pending)
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
            self.kinked = inline(self.kinked, frozenset((target,)))
        return Proof("undecided", (), tuple(self.opened), "too many definitions to open")

    def _open(self, target: Tensor) -> None:
        """Open a definition in the facts too; what they say of the name itself stays known."""
        self.opened.append(target)
        for fact, origin in list(self.origin.items()):
            both = (inline(fact.left, frozenset((target,))), inline(fact.right, frozenset((target,))))
            if both != (fact.left, fact.right):
                self.origin.setdefault(Fact(both[0], fact.relation, both[1], fact.source), origin)

    def _zero(self, poly: Poly, pending: bool) -> Proof | None:
        conditions: set[str] = set()
        if is_zero(poly, conditions):
            return Proof("proved", tuple(sorted(conditions)), tuple(self.opened))
        if pending and any(_null(m) for m in poly.terms):
            kinks = _kinks(_released(canonical(self.kinked)))
            if is_zero(_off_kinks(poly, kinks, conditions), conditions):
                return Proof("proved", tuple(sorted(conditions)), tuple(self.opened))
        return None

    def _by_facts(self, poly: Poly, difference: Tree, pending: bool) -> Proof | None:
        facts = list(self.origin)
        if self.derive:
            facts += [f for t in tensors_in(difference) for f in derived_facts(t)]
        for rewriting in rewritings(facts) if facts else ():
            try:
                reduced = rewriting(poly)
                proof = self._zero(reduced, pending) if rewriting.used else None
                if proof is None:
                    again = rewriting(cleared(reduced))
                    proof = self._zero(again, pending) if rewriting.used else None
                if proof is not None:
                    used = tuple(dict.fromkeys(self.origin.get(f, f) for f in rewriting.used))
                    return replace(proof, facts=used)
            except (ZeroDivisionError, OverflowError):
                continue
        return None


def _released(poly: Poly) -> Poly:
    """Return a form, all of its derivatives taken, with stop_gradient(u) as its value u."""
    return rebuild(poly, _held) if any(_stops(a) for a in poly.atoms()) else poly


def _held(a: Atom) -> Poly | None:
    if a.kind == "fn" and a.data[0] == "stop_gradient":
        return rebuild(a.data[1][0], _held)
    return None


@lru_cache(maxsize=100_000)
def _stops(a: Atom) -> bool:
    return (a.kind == "fn" and a.data[0] == "stop_gradient") or any(_stops(b) for p in parts_of(a) for b in p.atoms())


def _off_kinks(poly: Poly, kinks: frozenset[Poly], used: set[str]) -> Poly:
    """Drop the terms that live only at kinks: where some real entry has one of finitely many values."""
    out = {}
    for m, c in poly.terms.items():
        found = _null(m, kinks)
        if found is None:
            out[m] = c
        else:
            used.add(f"{found} off its kinks")
    return Poly(out)


def _kinks(poly: Poly) -> frozenset[Poly]:
    """Return what changes sign where a form has a kink or a jump: arguments of comparisons, signs, absolute values."""
    found: set[Poly] = set()

    def note(atom: Atom) -> None:
        if atom.kind == "ind":
            found.add(_unsigned(atom.data[1]))
        elif atom.kind == "fn" and atom.data[0] in ("sign", "abs"):
            found.add(_unsigned(atom.data[1][0]))
        elif atom.kind == "fn" and atom.data[0] in ("max", "min"):
            first, *others = atom.data[1]
            found.update(_unsigned(first - other) for other in others)
        for p in parts_of(atom):
            for inner in p.atoms():
                note(inner)

    for atom in poly.atoms():
        note(atom)
    return frozenset(found)


def _unsigned(p: Poly) -> Poly:
    """Return a form up to a factor that is not 0."""
    rest = content(p, positive_only=True)[2] if p.terms else p
    return -rest if oriented(rest) < 0 else rest


def _is_kink(p: Poly, kinks: frozenset[Poly]) -> bool:
    """Tell whether p = 0 is a kink, whatever its indices are called."""
    p = _unsigned(p)
    if p in kinks:
        return True
    mine = sorted(p.indices, key=str)
    if len(mine) > _MOST_INDICES:
        return False
    for kink in kinks:
        if len(kink.indices) == len(mine) and len(kink.terms) == len(p.terms):
            for theirs in permutations(sorted(kink.indices, key=str)):
                if all(i.size == k.size for i, k in zip(mine, theirs, strict=True)) and p == _unsigned(
                    rename(kink, {k: of_index(i) for i, k in zip(mine, theirs, strict=True)})
                ):
                    return True
    return False


def _null(m: Monomial, kinks: frozenset[Poly] | None = None) -> str | None:
    """Return the name of a tensor off a null set of whose entries a product, or a sum that is a factor of it, is 0.

    With ``kinks`` only what vanishes at one of them counts.
    """
    for a, e in m:
        if a.kind == "ind" and a.data[0] == "=" and (kinks is None or _is_kink(a.data[1], kinks)):
            name = _pinned(a.data[1])
        elif a.kind == "sum" and isinstance(e, int) and e > 0:
            name = _null(a.data[1], kinks)
        else:
            continue
        if name:
            return name
    return None


def _pinned(p: Poly) -> str | None:
    """Return the name of a tensor of which p = 0 fixes an entry, up to finitely many values, whatever else is given.

    That holds if p, with its indicators at 0 or 1 in every way, is a polynomial in one entry with a constant or
    positive leading coefficient, and the tensor occurs nowhere else in it (x[n] = x[m] holds always where n = m).
    """
    tests = list(dict.fromkeys(a for a in p.atoms() if a.kind == "ind"))
    if len(tests) > 4:
        return None
    found = None
    for values in iproduct((0, 1), repeat=len(tests)):
        chosen = dict(zip(tests, values, strict=True))
        found = _leading_entry(rebuild(p, lambda a, chosen=chosen: const(chosen[a]) if a in chosen else None))
        if found is None:
            return None
    return found


def _leading_entry(p: Poly) -> str | None:
    for a in dict.fromkeys(p.atoms()):
        if a.kind != "ent" or a.data[0].classes is not None:
            continue
        exps = [dict(m).get(a, 0) for m in p.terms]
        if any(not isinstance(e, int) or e < 0 for e in exps):
            continue
        if any(_holds_tensor(b, a.data[0]) for b in p.atoms() if b is not a):
            continue
        top = max(exps)
        lead = Poly({tuple(i for i in m if i[0] is not a): c for m, c in p.terms.items() if dict(m).get(a, 0) == top})
        if lead.constant() or lead.positive or (-lead).positive:
            return str(a.data[0].name)
    return None


def _holds_tensor(a: Atom, tensor: Tensor) -> bool:
    if a.kind == "ent" and a.data[0] is tensor:
        return True
    return any(_holds_tensor(b, tensor) for p in parts_of(a) for b in p.atoms())
