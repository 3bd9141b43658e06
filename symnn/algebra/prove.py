"""Decide equality: canonical forms, then cleared denominators, then hyperbolic functions as exponentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import product as iproduct
from typing import Any

from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.cases import vanishes_by_signs
from symnn.algebra.convert import canonical, reaches
from symnn.algebra.leaves import applied
from symnn.algebra.normal import (
    const,
    exponential,
    function,
    logarithm,
    multiply,
    opened,
    parts_of,
    power,
    product,
    rebuild,
    summed,
)
from symnn.algebra.terms import Atom, Monomial, Poly
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, D, Entry, Neg, Tree, children, walk
from symnn.ground.tree import rebuild as rebuild_tree

__all__ = ["Proof", "inline", "is_zero", "prove_equal"]


@dataclass(frozen=True)
class Proof:
    """What a proof attempt found: "proved" or "undecided", what it used, and which definitions were opened."""

    verdict: str
    conditions: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    reason: str = ""
    difference: Any = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.verdict == "proved"


def prove_equal(left: Tree, right: Tree, *, open_tensors: Iterable[Tensor] | None = None) -> Proof:
    """Return a proof that two trees are equal for all sizes, or "undecided".

    Entries are first taken as they stand; where that does not decide, definitions are opened, nearest to the output
    first (all computed tensors, or only ``open_tensors``). Where a derivative is still to be taken, its value at a
    kink is a convention and not part of the claim; the conditions say so.
    """
    allowed = None if open_tensors is None else frozenset(open_tensors)
    try:
        with limited(_BUDGET):
            return _prove(left, right, allowed)
    except Exhausted as error:
        return Proof("undecided", reason=str(error))


#: Products that a proof may take.
_BUDGET = 200_000


def _prove(left: Tree, right: Tree, allowed: frozenset[Tensor] | None) -> Proof:
    difference: Tree = Add((left, Neg(right)))
    pending = any(isinstance(t, D) for t in walk(difference))
    opened: list[str] = []
    for _ in range(200):
        try:
            poly = canonical(difference)
        except ZeroDivisionError as error:
            return Proof("undecided", (), tuple(opened), f"not defined: {error}")
        conditions: set[str] = set()
        if is_zero(poly, conditions) or (pending and is_zero(_off_kinks(poly, conditions), conditions)):
            return Proof("proved", tuple(sorted(conditions)), tuple(opened))
        target = _outermost(difference, allowed)
        if target is None:
            conditions = set()
            if vanishes_by_signs(poly, partial(is_zero, conditions=conditions)):
                return Proof("proved", tuple(sorted(conditions)), tuple(opened))
            return Proof("undecided", (), tuple(opened), "the canonical forms differ", poly)
        difference = inline(difference, frozenset((target,)))
        opened.append(target.name)
    return Proof("undecided", (), tuple(opened), "too many definitions to open")


def _outermost(tree: Tree, allowed: frozenset[Tensor] | None) -> Tensor | None:
    """Return a computed tensor that no other one in the tree is computed from, adjoints first.

    An adjoint's definition mentions forward values, seldom the other way round: opened first, the two sides often
    agree before any forward definition is needed.
    """
    found: dict[Tensor, None] = {}
    stack: list[tuple[Tree, frozenset[Tensor]]] = [(tree, frozenset())]
    while stack:
        at, held = stack.pop()
        if isinstance(at, D):  # what a derivative is taken by stays a variable inside it
            stack.append((at.body, held | {at.wrt.tensor}))
            continue
        if isinstance(at, Entry) and at.tensor.definition is not None and at.tensor not in held:
            if allowed is None or at.tensor in allowed:
                found.setdefault(at.tensor)
        stack.extend((c, held) for c in children(at))
    for t in sorted(found, key=lambda t: t.role != "adjoint"):
        if not any(u is not t and reaches(u, t) for u in found):
            return t
    return None


def inline(tree: Tree, tensors: frozenset[Tensor]) -> Tree:
    """Return the tree with the entries of some computed tensors replaced by their definitions, once."""
    if isinstance(tree, Entry) and tree.tensor in tensors:
        return unfold(tree)
    if isinstance(tree, D):
        return D(inline(tree.body, tensors - {tree.wrt.tensor}), tree.wrt)
    parts = children(tree)
    return rebuild_tree(tree, tuple(inline(p, tensors) for p in parts)) if parts else tree


def is_zero(poly: Poly, conditions: set[str] | None = None) -> bool:
    """Tell whether a canonical form is identically zero; what is assumed nonzero is added to ``conditions``."""
    used = conditions if conditions is not None else set()
    if not poly.terms:
        return True
    try:
        poly = _on_equalities(poly)
        for attempt in (
            _clear,
            lambda p, u: _clear(_on_equalities(_exponentials(p, u)), u),
            lambda p, u: _clear(_on_equalities(_divided(_exponentials(p, u))), u),
        ):
            found: set[str] = set()
            if not attempt(poly, found).terms:
                used |= found
                return True
    except (ZeroDivisionError, OverflowError):
        return False
    return False


def _on_equalities(poly: Poly) -> Poly:
    """Where a monomial carries [e = 0] with e real, reduce its other factors modulo e."""
    if any(a.kind == "sum" for a in poly.atoms()):
        poly = rebuild(poly, _summed_on_equalities)
    for _ in range(20):
        out, changed = Poly({}), False
        for m, c in poly.terms.items():
            reduced = _reduced(m)
            changed = changed or reduced is not None
            out = out + (Poly({m: c}) if reduced is None else reduced.scaled(c))
        poly = out
        if not changed:
            return poly
    return poly


def _inside(p: Poly) -> Iterable[Atom]:
    """Yield the atoms of a polynomial and those inside them."""
    for a in p.atoms():
        yield a
        for q in parts_of(a):
            yield from _inside(q)


def _summed_on_equalities(a: Atom) -> Poly | None:
    if a.kind != "sum" or not any(b.kind == "ind" and b.data[0] == "=" for b, _ in a.data[1]):
        return None
    fresh, body = opened(a)
    return summed(_on_equalities(body), fresh)


def _replaced(p: Poly, old: Atom, new: Poly) -> Poly:
    return rebuild(p, lambda a: new if a is old else None)


def _reduced(m: Monomial) -> Poly | None:
    for d, _ in m:
        if d.kind != "ind" or d.data[0] != "=":
            continue
        e: Poly = d.data[1]
        lead = max(e.terms, key=lambda t: tuple((a.id, k) for a, k in t))
        if not lead or any(a.kind == "ix" or k <= 0 for a, k in lead):
            continue
        around = Poly({tuple(i for i in m if i[0] is not d): 1})
        if any(a.kind == "ind" and a.data[0] == ">" and a.data[1] in (e, -e) for a, _ in m):
            return Poly({})  # 1[e > 0] 1[e = 0]
        if len(lead) == 1 and lead[0][1] == 1 and any(a is lead[0][0] for a in _inside(around)):
            value = (e - Poly({lead: e.terms[lead]})).scaled(-Fraction(1) / e.terms[lead])
            return multiply(_replaced(around, lead[0][0], value), Poly({((d, 1),): 1}))
        have = dict(m)
        if all(have.get(a, 0) >= k for a, k in lead):
            for a, k in lead:
                have[a] -= k
            others = product([(Poly({((a, 1),): 1}), k) for a, k in have.items() if k])
            rest = (e - Poly({lead: e.terms[lead]})).scaled(-Fraction(1) / e.terms[lead])
            return multiply(others, rest)
    return None


def _clear(poly: Poly, used: set[str]) -> Poly:
    """Multiply by the denominators and expand, until none is left."""
    for _ in range(12):
        lowest: dict[Atom, Any] = {}
        for m in poly.terms:
            for a, e in m:
                if e < 0 or (a.kind == "base"):
                    lowest[a] = min(lowest.get(a, 0), e)
        # A base also counts 0 in the monomials that lack it.
        factors = [(a, -e) for a, e in lowest.items() if e < 0]
        if not factors:
            return poly
        used |= {f"{describe(a)} != 0" for a, _ in factors if not a.positive}
        raised = Poly({})
        for m, c in poly.terms.items():
            up = dict(m)
            for a, e in factors:
                up[a] = up.get(a, 0) + e
            term = const(c)
            for a, e in up.items():
                if e:
                    term = multiply(term, power(a.data if a.kind == "base" else Poly({((a, 1),): 1}), e))
            raised = raised + term
        if raised == poly:
            return poly
        poly = raised
        if not poly.terms:
            return poly
    return poly


def _exponentials(poly: Poly, used: set[str]) -> Poly:
    """Write tanh, sinh, cosh, and powers whose exponent is no number, through exp."""

    def change(a: Atom) -> Poly | None:
        if a.kind != "fn" or a.data[0] not in ("tanh", "sinh", "cosh", "pow"):
            return None
        u = _exponentials(a.data[1][0], used)
        if a.data[0] == "pow":
            return _symbolic_power(u, _exponentials(a.data[1][1], used), used)
        up, down = exponential(u), exponential(-u)
        match a.data[0]:
            case "tanh":
                return multiply(up - down, power(up + down, -1))
            case "sinh":
                return (up - down).scaled(Fraction(1, 2))
        return (up + down).scaled(Fraction(1, 2))

    return rebuild(poly, change)


def _symbolic_power(base: Poly, exponent: Poly, used: set[str]) -> Poly:
    """Return a power whose exponent is no number as a product over the exponent's terms.

    Through exp and log where the base is known to be positive. Elsewhere base^(m + n) = base^m base^n is all that is
    used: a whole exponent says nothing of the power's sign, and a symbol may stand for a whole number.
    """
    if base.positive:
        return exponential(multiply(exponent, logarithm(base)))
    used.add("a base of a power != 0")
    out = Poly({(): 1})
    for m, c in exponent.terms.items():
        part = power(base, c) if not m else power(applied("pow", (base, Poly({m: 1}))), c)
        out = multiply(out, part)
    return out


def _divided(poly: Poly) -> Poly:
    """Divide every fraction out, also inside sums and functions: x/(1 + x) becomes 1 - 1/(1 + x)."""
    out = Poly({})
    for m, c in poly.terms.items():
        out = out + product((_divided_atom(a), e) for a, e in m).scaled(c)
    for _ in range(_DIVISIONS):
        found = next(((m, a, lead) for m in out.terms for a, lead in _divisible(m)), None)
        if found is None:
            return out
        m, a, lead = found
        factor = Fraction(1) / a.data.terms[lead]
        rest = multiply(Poly({m: out.terms[m]}), Poly({tuple((b, -e) for b, e in lead): 1})).scaled(factor)
        others = a.data - Poly({lead: a.data.terms[lead]})
        whole = Poly({tuple((b, e + 1) if b is a else (b, e) for b, e in mono if not (b is a and e == -1)): k
                      for mono, k in rest.terms.items()})  # fmt: skip
        out = out - Poly({m: out.terms[m]}) + whole - multiply(rest, others)
    return out


#: A division of polynomials ends by itself; this bounds its length only.
_DIVISIONS = 200


def _divided_atom(a: Atom) -> Poly:
    match a.kind:
        case "sum":
            fresh, body = opened(a)
            return summed(_divided(body), fresh)
        case "exp":
            return exponential(_divided(Poly({a.data: 1})))
        case "fn":
            return function(a.data[0], tuple(_divided(p) for p in a.data[1]))
        case "base":
            return _divided(a.data)
    return Poly({((a, 1),): 1})


def _divisible(m: Monomial) -> Iterator[tuple[Atom, Monomial]]:
    """Yield the denominators of a monomial whose leading term divides it, with that term (graded, then by atom)."""
    exps = dict(m)
    for a, e in m:
        if a.kind == "base" and isinstance(e, int) and e < 0:
            lead = max(a.data.terms, key=lambda t: (sum(k for _, k in t), [(-b.id, k) for b, k in t]))
            if lead and all(exps.get(b, 0) >= k for b, k in lead):
                yield a, lead


def _off_kinks(poly: Poly, used: set[str]) -> Poly:
    """Drop the terms that live only where some real entry has one of finitely many values, such as 1[x = 0]."""
    out = {}
    for m, c in poly.terms.items():
        names = [_pinned(a.data[1]) for a, _ in m if a.kind == "ind" and a.data[0] == "="]
        found = next((n for n in names if n), None)
        if found is None:
            out[m] = c
        else:
            used.add(f"{found} off its kinks")
    return Poly(out)


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


def describe(a: Atom) -> str:
    """Return a short text of an atom, for side conditions."""
    match a.kind:
        case "ent":
            return str(a.data[0].name)
        case "sym":
            return str(a.data)
        case "sum":
            return "a sum"
        case "base":
            return "a denominator"
    return str(a.kind)
