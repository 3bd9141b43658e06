"""Values at a kink are a convention: what a claim about a derivative says there is left out of it.

A kink is where an argument of a comparison, a sign, a modulus, a maximum in what is differentiated is 0, if that
argument moves with the variable, and only where this is a null set: where it fixes some real entry, of a tensor that
nothing else ties, to finitely many values. x = max(x, 1) is none, it holds on half of the line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import permutations
from itertools import product as iproduct

from symnn.algebra.convert import canonical, reaches
from symnn.algebra.equalities import on_equalities
from symnn.algebra.facts import Fact
from symnn.algebra.inside import rename
from symnn.algebra.leaves import of_index
from symnn.algebra.normal import const, indicator, multiply, parts_of, rebuild
from symnn.algebra.opening import inline
from symnn.algebra.products import content, oriented
from symnn.algebra.terms import Atom, Monomial, Poly
from symnn.ground.indices import Index
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Tree, tensors_in, walk

__all__ = ["Waiver", "released", "same_zeros"]

#: Forms are compared under any names of so many indices.
_MOST_INDICES = 4


class Waiver:
    """Which values of two sides are left out: those at the kinks of the derivatives that they still have to take.

    Args:
        sides: both sides.
        facts: what is assumed; where it ties a tensor's entries, nothing is left out for their sake.
        taken: a derivative that was taken already.
        by: its variable; None where there is no such derivative.
    """

    def __init__(
        self, sides: Iterable[Tree], facts: tuple[Fact, ...], taken: Tree | None = None, by: Tensor | None = None
    ) -> None:
        self.pending = [t for side in sides for t in walk(side) if isinstance(t, D)]
        self.taken = (taken, by) if taken is not None and by is not None else None
        self.tied = _tied(facts)

    def open(self, target: Tensor) -> None:
        """Open a definition in what is differentiated; a variable stays one."""
        self.pending = [D(inline(d.body, frozenset((target,)) - {d.wrt.tensor}), d.wrt) for d in self.pending]
        if self.taken is not None and self.taken[1] is not target:
            self.taken = (inline(self.taken[0], frozenset((target,))), self.taken[1])

    def without(self, poly: Poly, used: set[str]) -> Poly | None:
        """Return a form without the terms that live only at kinks, ``used`` told whose; None where there are none."""
        if not (self.pending or self.taken) or not any(self._null(m) for m in poly.terms):
            return None
        kinks = self._kinks()
        out = {}
        for m, c in poly.terms.items():
            found = self._null(m, kinks)
            if found is None:
                out[m] = c
            else:
                used.add(f"{found} off its kinks")
        return Poly(out)

    def _kinks(self) -> frozenset[Poly]:
        forms = [(canonical(taken), taken.wrt.tensor) for taken in self.pending]
        if self.taken is not None:
            forms.append((canonical(self.taken[0]), self.taken[1]))
        return frozenset(
            _unsigned(released(p))
            for form, wrt in forms
            for p in _arguments(form)
            if _moves_with(p, wrt) and _jumps(form, p)
        )

    def _null(self, m: Monomial, kinks: frozenset[Poly] | None = None) -> str | None:
        """Return the name of a tensor off a null set of whose entries a product, or a sum that is a factor of it, is 0.

        With ``kinks`` only what vanishes at one of them counts.
        """
        for a, e in m:
            if a.kind == "ind" and a.data[0] == "=" and (kinks is None or same_zeros(a.data[1], kinks)):
                name = self._pinned(a.data[1])
            elif a.kind == "sum" and isinstance(e, int) and e > 0:
                name = self._null(a.data[1], kinks)
            else:
                continue
            if name:
                return name
        return None

    def _pinned(self, p: Poly) -> str | None:
        """Return the name of a tensor of which p = 0 fixes an entry to finitely many values, whatever else is given.

        That holds if p, with its indicators at 0 or 1 in every way, is a polynomial in one entry with a constant or
        positive leading coefficient, and nothing else in it has to do with the tensor (x[n] = x[m] holds always where
        n = m).
        """
        tests = list(dict.fromkeys(a for a in p.atoms() if a.kind == "ind"))
        if len(tests) > 4:
            return None
        found = None
        for values in iproduct((0, 1), repeat=len(tests)):
            chosen = dict(zip(tests, values, strict=True))
            found = self._leading_entry(
                rebuild(p, lambda a, chosen=chosen: const(chosen[a]) if a in chosen else None)
            )
            if found is None:
                return None
        return found

    def _leading_entry(self, p: Poly) -> str | None:
        for a in dict.fromkeys(p.atoms()):
            if a.kind != "ent" or a.data[0].classes is not None or not self._free(a.data[0]):
                continue
            exps = [dict(m).get(a, 0) for m in p.terms]
            if any(not isinstance(e, int) or e < 0 for e in exps):
                continue
            if any(_has_to_do(b, a.data[0]) for b in p.atoms() if b is not a):
                continue
            top = max(exps)
            highest = {m: c for m, c in p.terms.items() if dict(m).get(a, 0) == top}
            lead = Poly({tuple(i for i in m if i[0] is not a): c for m, c in highest.items()})
            if lead.constant() or lead.positive or (-lead).positive:
                return str(a.data[0].name)
        return None

    def _free(self, tensor: Tensor) -> bool:
        """Tell whether each value of an entry of a tensor is taken on a null set of given entries only."""
        return tensor not in self.tied and (tensor.definition is None or _is_generic(tensor))


def _tied(facts: tuple[Fact, ...]) -> frozenset[Tensor]:
    """Return the tensors that equations, or more than one inequality, speak of, with all they are computed from."""
    counted: dict[Tensor, int] = {}
    for fact in facts:
        spoken = dict.fromkeys((*tensors_in(fact.left), *tensors_in(fact.right)))
        for t in _with_origins(spoken):
            counted[t] = counted.get(t, 0) + {"=": 2, ">=": 1}.get(fact.relation, 0)
    return frozenset(t for t, count in counted.items() if count > 1)


def _with_origins(tensors: Iterable[Tensor]) -> list[Tensor]:
    found: dict[Tensor, None] = {}
    stack = list(tensors)
    while stack:
        t = stack.pop()
        if t not in found:
            found[t] = None
            stack.extend(t.definition.args if t.definition is not None else ())
    return list(found)


@lru_cache(maxsize=10_000)
def _is_generic(tensor: Tensor) -> bool:
    """Tell whether a computed entry is, at all sizes and indices, linear in some given ones and not constant in them.

    One term holds them, alone or times given entries, and no other: sum_j W_ij x_nj + b_i is, x_i - x_j is not.
    """
    at = tuple(Index("i", size) for size in tensor.shape)
    poly = canonical(unfold(entry_of(tensor, at)))
    for m in poly.terms:
        others = [b for other in poly.terms if other != m for b, _ in other]
        for t in _given(m) or ():
            if not any(_has_to_do(b, t) for b in others):
                return True
    return False


def _given(m: Monomial) -> list[Tensor] | None:
    """Return the given tensors in a product of their entries and of what is positive; None where it is none such."""
    found: list[Tensor] = []
    for a, e in m:
        entry = a.kind == "ent" and a.data[0].definition is None and a.data[0].classes is None
        if entry and isinstance(e, int) and e > 0:
            found.append(a.data[0])
        elif a.kind == "sum" and e == 1:
            inner = _given(a.data[1])
            if inner is None:
                return None
            found += inner
        elif not a.positive:
            return None
    return found


def _jumps(form: Poly, p: Poly) -> bool:
    """Tell whether a derivative has other values on the two sides of p = 0: x |x| has a derivative at 0."""

    def side(above: int) -> Poly:
        def settled(a: Atom) -> Poly | None:
            if a.kind != "ind" or a.data[1] not in (p, -p):
                return None
            return const(0 if a.data[0] == "=" else above if a.data[1] == p else 1 - above)

        return rebuild(form, settled)

    try:
        return bool(on_equalities(multiply(side(1) - side(0), indicator("=", p))).terms)
    except ZeroDivisionError:
        return True


def _moves_with(p: Poly, wrt: Tensor) -> bool:
    """Tell whether some entry in a form, none that is held, is one of a tensor, or computed from it."""
    return any(_speaks_of(a, wrt) for a in p.atoms())


def _speaks_of(a: Atom, wrt: Tensor) -> bool:
    if a.kind == "ent" and reaches(a.data[0], wrt):
        return True
    if a.kind == "fn" and a.data[0] == "stop_gradient":
        return False
    return any(_speaks_of(b, wrt) for p in parts_of(a) for b in p.atoms())


def _has_to_do(a: Atom, tensor: Tensor) -> bool:
    """Tell whether a factor holds an entry of a tensor, of one computed from it, or of one that it is computed from."""
    if a.kind == "ent" and (reaches(a.data[0], tensor) or reaches(tensor, a.data[0])):
        return True
    return any(_has_to_do(b, tensor) for p in parts_of(a) for b in p.atoms())


def _arguments(poly: Poly) -> frozenset[Poly]:
    """Return what changes sign where a form has a kink or a jump: arguments of comparisons, signs, absolute values."""
    found: set[Poly] = set()

    def note(atom: Atom) -> None:
        if atom.kind == "ind":
            found.add(atom.data[1])
        elif atom.kind == "fn" and atom.data[0] in ("sign", "abs"):
            found.add(atom.data[1][0])
        elif atom.kind == "fn" and atom.data[0] in ("max", "min"):
            first, *others = atom.data[1]
            found.update(first - other for other in others)
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


def same_zeros(p: Poly, others: Collection[Poly]) -> bool:
    """Tell whether a form vanishes where one of others does: up to a factor that is not 0, and names of indices."""
    p = _unsigned(p)
    if p in others:
        return True
    mine = sorted(p.indices, key=str)
    if len(mine) > _MOST_INDICES:
        return False
    for other in others:
        if len(other.indices) == len(mine) and len(other.terms) == len(p.terms):
            for theirs in permutations(sorted(other.indices, key=str)):
                if all(i.size == k.size for i, k in zip(mine, theirs, strict=True)) and p == _unsigned(
                    rename(other, {k: of_index(i) for i, k in zip(mine, theirs, strict=True)})
                ):
                    return True
    return False


def released(poly: Poly) -> Poly:
    """Return a form, all of its derivatives taken, with stop_gradient(u) as its value u."""
    return rebuild(poly, _held) if any(_stops(a) for a in poly.atoms()) else poly


def _held(a: Atom) -> Poly | None:
    if a.kind == "fn" and a.data[0] == "stop_gradient":
        return rebuild(a.data[1][0], _held)
    return None


@lru_cache(maxsize=100_000)
def _stops(a: Atom) -> bool:
    return (a.kind == "fn" and a.data[0] == "stop_gradient") or any(_stops(b) for p in parts_of(a) for b in p.atoms())
