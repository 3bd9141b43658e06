"""Proofs by cases: what vanishes for every sign that the forms compared inside it can have at once, is 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import sympy

from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.feasible import possible
from symnn.algebra.joining import vanishes_joined
from symnn.algebra.normal import const, entry, of_symbol, parts_of, rebuild
from symnn.algebra.products import solve_equation
from symnn.algebra.sampling import clearly_not_zero
from symnn.algebra.terms import Atom, Monomial, Poly
from symnn.ground.tensors import Tensor

__all__ = ["vanishes_by_signs", "without_contradictions"]

Test = Callable[[Poly], bool]
Facts = tuple[tuple[Poly, int], ...]

_DEEPEST = 6
_MOST_TERMS = 200
#: Products that all cases together may take.
_BUDGET = 12_000


def vanishes_by_signs(poly: Poly, is_zero: Test) -> bool:
    """Tell whether a form, not seen to be 0 as it stands, is 0 for all signs of what its indicators compare.

    In each case the indicators are 0 or 1. An entry compared with 0 is replaced by a stand-in that is known to be
    positive, by minus such a stand-in, or by 0; its other occurrences, such as one inside a sum over all entries, are
    taken as free: a form that vanishes for every value of the stand-in vanishes at the entry's own. Where p = 0, some
    entry or index is solved for. Cases that contradict one another, as a > b > c > a does, are left out.
    """
    if len(poly.terms) > _MOST_TERMS or clearly_not_zero(poly):
        return False
    try:
        with limited(_BUDGET):
            left = without_contradictions(poly)
            return (len(left.terms) < len(poly.terms) and is_zero(left)) or _cases(left, is_zero, (), 0)
    except Exhausted:
        return False


def _cases(poly: Poly, is_zero: Test, facts: Facts, depth: int) -> bool:
    """Tell whether a form, not seen to be 0 as it stands, is 0 in all cases of the first sign that it depends on."""
    p = next(_compared(poly), None)
    if p is None or depth == _DEEPEST:
        return p is None and _holds_indicators(poly) and vanishes_joined(poly, partial(_vanishes, is_zero=is_zero))
    signs: tuple[int, ...] = (1, -1, 0)
    a, known_sign = _factor(p, facts)
    if a is not None:
        p = Poly({((a, 1),): 1})
    elif known_sign is not None:
        signs = (known_sign,)
    try:
        for sign in signs:
            known = (*facts, (p, sign))
            if possible(known) and not _case(poly, is_zero, known, depth, a, p, sign):
                return False
    except (ZeroDivisionError, OverflowError):  # the form is not defined in a case
        return False
    return True


def _vanishes(poly: Poly, is_zero: Test) -> bool:
    return is_zero(poly) or vanishes_by_signs(poly, is_zero)


def _case(poly: Poly, is_zero: Test, facts: Facts, depth: int, a: Atom | None, p: Poly, sign: int) -> bool:
    there = _settled(poly, p, sign)
    if a is not None and a.kind in ("ent", "sym"):
        value = _stand_in(a).scaled(sign)
        facts = tuple((rebuild(q, lambda b: value if b is a else None), s) for q, s in facts[:-1])
        there = rebuild(there, lambda b: value if b is a else None)
    elif sign == 0:
        found = _solved(p)
        if found is not None:
            there = rebuild(there, lambda b: found[1] if b is found[0] else None)
    there = without_contradictions(there)
    if len(there.terms) > _MOST_TERMS:
        return False
    return is_zero(there) or _cases(there, is_zero, facts, depth + 1)


def _settled(poly: Poly, p: Poly, sign: int) -> Poly:
    """Return the form with every indicator that compares a multiple of p set to its value."""

    def change(a: Atom) -> Poly | None:
        if a.kind != "ind":
            return None
        ratio = _multiple(a.data[1], p)
        if ratio is None:
            return None
        return const(int(sign == 0 if a.data[0] == "=" else sign * ratio > 0))

    return rebuild(poly, change)


def _multiple(q: Poly, p: Poly) -> int | None:
    """Return the sign of c where q = c p."""
    m, c = next(iter(p.terms.items()))
    if m not in q.terms or len(q.terms) != len(p.terms):
        return None
    ratio = Fraction(q.terms[m]) / c
    return (1 if ratio > 0 else -1) if q == p.scaled(ratio) else None


def _compared(poly: Poly) -> Iterator[Poly]:
    """Yield what the indicators compare, innermost first, those inside sums left out."""
    for a in poly.atoms():
        if a.kind == "sum":
            continue
        for p in parts_of(a):
            yield from _compared(p)
        if a.kind == "ind" and not _holds_indicators(a.data[1]):
            yield a.data[1]


def _holds_indicators(p: Poly) -> bool:
    return any(a.kind == "ind" or any(_holds_indicators(q) for q in parts_of(a)) for a in p.atoms())


def _factor(p: Poly, facts: Facts) -> tuple[Atom | None, int | None]:
    """Return the first factor of unknown sign of a single term; where there is none, the term's sign."""
    single = p.single()
    if single is None:
        return None, None
    known = {q: s for q, s in facts}
    sign = 1 if single[1] > 0 else -1
    for a, e in single[0]:
        if a.positive:
            continue
        found = known.get(Poly({((a, 1),): 1}))
        if found is None:
            return a, None
        sign *= abs(found) if isinstance(e, int) and e % 2 == 0 else found
    return None, sign


def _solved(p: Poly) -> tuple[Atom, Poly] | None:
    """Return (atom, value) from p = 0: an index, or an entry or symbol that occurs once, alone but for a number."""
    found = solve_equation(p, None)
    if found is not None:
        at = next((a for a in p.atoms() if a.kind == "ix" and a.data is found[0]), None)
        return None if at is None else (at, found[1])
    for m, c in p.terms.items():
        if len(m) == 1 and m[0][1] == 1 and m[0][0].kind in ("ent", "sym"):
            a = m[0][0]
            rest = p - Poly({m: c})
            value = rest.scaled(-Fraction(1) / c)
            if (a.positive and not value.positive) or (a.nonnegative and not value.nonnegative):
                continue  # what is known of the one must be known of the other
            if a.kind == "ent" and a.data[0].classes is not None:
                continue
            if not any(b is a for b in _all_atoms(rest)):
                return a, value
    return None


def _all_atoms(p: Poly) -> Iterator[Atom]:
    for a in p.atoms():
        yield a
        for q in parts_of(a):
            yield from _all_atoms(q)


def without_contradictions(poly: Poly) -> Poly:
    """Drop the terms in which [p > 0] meets [p = 0] or [-p > 0]."""
    return Poly({m: c for m, c in poly.terms.items() if not _contradicts(m)})


def _contradicts(m: Monomial) -> bool:
    above = [a.data[1] for a, _ in m if a.kind == "ind" and a.data[0] == ">"]
    level = [a.data[1] for a, _ in m if a.kind == "ind" and a.data[0] == "="]
    return any(-p in above or p in level or -p in level for p in above)


_STAND_INS: dict[Tensor, Tensor] = {}
_SYMBOLS: dict[sympy.Symbol, sympy.Symbol] = {}


def _stand_in(a: Atom) -> Poly:
    """Return the positive entry or symbol that stands in for the size of an entry or symbol."""
    if a.kind == "sym":
        return of_symbol(_SYMBOLS.setdefault(a.data, sympy.Dummy(f"|{a.data}|", positive=True)))
    tensor, at = a.data
    made = _STAND_INS.get(tensor)
    if made is None:
        made = _STAND_INS[tensor] = Tensor(f"|{tensor.name}|", tensor.shape, "slot", positive=True)
    return entry(made, at)
