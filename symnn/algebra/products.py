"""Products in normal form: expanded, indicators idempotent, deltas used, whole powers of sums opened.

A product may have to substitute inside its factors (1[i = j] x_i is 1[i = j] x_j), and what stands inside them is made
by the rooms above: the one circle of the algebra. It is cut by ``ABOVE``, the few constructors that are called
upwards; ``normal.py`` enters them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import gcd, lcm

from symnn.algebra.budget import spend
from symnn.algebra.leaves import base_atom, const, is_whole, of_atom, parts_of
from symnn.algebra.order import atom_id, leading_sign
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational, ratio
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index

__all__ = [
    "ABOVE", "base_power", "content", "merge", "monomial", "multiply", "product", "solve_equation", "whole_power",
]  # fmt: skip

#: power(p, exponent), rename(p, {index: p}), replace_atom(p, old, new) and summed(p, indices), from ``normal.py``.
ABOVE: dict[str, Callable[..., Poly]] = {}


# -- monomials -----------------------------------------------------------------------------------------------------


def merge(a: Monomial, b: Monomial) -> Monomial:
    """Return the product of two monomials, exponents added, not yet normal."""
    if not a:
        return b
    if not b:
        return a
    exps: dict[Atom, Rational] = dict(a)
    for atom, e in b:
        exps[atom] = exps.get(atom, 0) + e
    return tuple(sorted(((x, ratio(e)) for x, e in exps.items() if e), key=atom_id))


def monomial(m: Monomial) -> Poly:
    """Return a monomial, made normal."""
    return Poly({m: 1}) if _is_normal(m) else _renormal(m)


#: Higher powers of a sum keep their brackets.
_MOST_EXPANDED = 48


def _is_normal(m: Monomial) -> bool:
    many = len(m) > 1
    for a, e in m:
        kind = a.kind
        if kind in ("base", "num"):
            if _opens(a, e):
                return False
        elif kind == "ind":
            if e != 1 or (many and (a.data[0] == "=" or _nested(a, m))):
                return False
    return True


def _opens(a: Atom, e: Rational) -> bool:
    """Tell whether a number or a bracket has whole powers that do not belong to it; a single atom bears its own."""
    if a.kind == "num" or len(a.data.terms) == 1:
        return not 0 < e < 1
    return 1 <= e <= _MOST_EXPANDED


def _nested(a: Atom, m: Monomial) -> bool:
    """Tell whether an indicator also occurs inside another factor of its monomial."""
    return any(b is not a and a in _inner_indicators(b) for b, _ in m)


_INNER: dict[Atom, frozenset[Atom]] = {}


def _inner_indicators(b: Atom) -> frozenset[Atom]:
    found = _INNER.get(b)
    if found is None:
        found = frozenset[Atom]()
        for p in parts_of(b):
            for x in p.atoms():
                found |= _inner_indicators(x) | (frozenset((x,)) if x.kind == "ind" else frozenset())
        _INNER[b] = found
    return found


def _renormal(m: Monomial) -> Poly:
    """Return a monomial in normal form: indicators idempotent, whole powers of bases expanded, deltas substituted."""
    spend()
    out = ONE
    rest: list[tuple[Atom, Rational]] = []
    for a, e in m:
        if a.kind == "ind":
            if e < 0:
                raise ZeroDivisionError("an indicator in a denominator")
            rest.append((a, 1))
        elif a.kind == "base" and _opens(a, e):
            whole = int(e // 1)
            out = multiply(out, whole_power(a.data, whole))
            if e - whole:
                rest.append((a, ratio(e - whole)))
        elif a.kind == "num" and _opens(a, e):
            whole = int(e // 1)
            out = out.scaled(Fraction(a.data) ** whole)
            if e - whole:
                rest.append((a, ratio(e - whole)))
        else:
            rest.append((a, e))
    mono = tuple(rest)
    deltas = [a for a, _ in mono if a.kind == "ind" and a.data[0] == "="]
    if deltas and len(mono) > 1:
        positive = [a.data[1] for a, _ in mono if a.kind == "ind" and a.data[0] == ">"]
        if any(d.data[1] in positive for d in deltas):  # 1[p > 0] 1[p = 0]
            return ZERO
        solved = _substitute_deltas(mono, deltas)
        if solved != Poly({mono: 1}):
            return multiply(out, solved)
    for a, _ in mono:
        if a.kind == "ind" and _nested(a, mono):  # where a factor 1[..] is 1, it is 1 inside the others too
            others = Poly({tuple(i for i in mono if i[0] is not a): 1})
            return multiply(out, multiply(ABOVE["replace_atom"](others, a, ONE), of_atom(a)))
    return multiply(out, Poly({mono: 1})) if out is not ONE else Poly({mono: 1})


def _substitute_deltas(mono: Monomial, deltas: list[Atom]) -> Poly:
    """Use each [e = 0] between indices to replace one index in the other factors, larger by smaller.

    Equations between real entries are left alone here: they hold on a null set, where a derivative may still be
    taken; ``prove.py`` uses them in its zero test.
    """
    for d in deltas:
        found = solve_equation(d.data[1], None)
        if found is None:
            continue
        old, new = found
        rest = tuple((a, e) for a, e in mono if a is not d)
        if any(old in a.indices for a, _ in rest):
            return multiply(ABOVE["rename"](Poly({rest: 1}), {old: new}), of_atom(d))
    return Poly({mono: 1})


def solve_equation(e: Poly, wanted: frozenset[Index] | None) -> tuple[Index, Poly] | None:
    """Return (index, value) from e = 0, solved for an index with coefficient +-1 (one of ``wanted``), the last made."""
    best: tuple[int, Index, Poly] | None = None
    for m, c in e.terms.items():
        if len(m) != 1 or m[0][1] != 1 or m[0][0].kind != "ix" or c not in (1, -1):
            continue
        a = m[0][0]
        rest = e - Poly({m: c})
        if (wanted is not None and a.data not in wanted) or a.data in rest.indices or not is_whole(rest):
            continue  # an index equals a real number only where that is whole
        if best is None or a.id > best[0]:
            best = (a.id, a.data, rest.scaled(-1 if c == 1 else 1))
    return None if best is None else best[1:]


# -- expanding -----------------------------------------------------------------------------------------------------


#: So many products of two terms count as one product.
_TERMS = 16


def multiply(p: Poly, q: Poly) -> Poly:
    """Return the product, expanded and normal."""
    if not p.terms or not q.terms:
        return ZERO
    if p is ONE or p == ONE:
        return q
    if q is ONE or q == ONE:
        return p
    work = len(p.terms) * len(q.terms)
    if work > _TERMS:
        spend(work // _TERMS)
    out: dict[Monomial, Rational] = {}
    extra = ZERO
    for m1, c1 in p.terms.items():
        for m2, c2 in q.terms.items():
            m = merge(m1, m2)
            if _is_normal(m):
                out[m] = out.get(m, 0) + c1 * c2
            else:
                extra = extra + _renormal(m).scaled(c1 * c2)
    return Poly({m: ratio(c) for m, c in out.items() if c}) + extra


# -- whole powers --------------------------------------------------------------------------------------------------


#: Longer numbers are refused.
_MOST_BITS = 100_000


def whole_power(p: Poly, n: int) -> Poly:
    """Return p ** n for a whole number n; below a line a sum keeps its brackets."""
    if n == 1:
        return p
    if n == 0:
        return ONE
    if not p.terms:
        if n < 0:
            raise ZeroDivisionError("a power of zero")
        return ZERO
    single = p.single()
    if single is not None:
        return _whole_monomial(single[0], single[1], n)
    if 0 < n <= _MOST_EXPANDED:
        out = p
        for _ in range(n - 1):
            out = multiply(out, p)
        return out
    scale, mono, rest = content(p)
    if oriented(rest) < 0:
        rest, scale = -rest, -scale
    out = _whole_monomial(mono, scale, n)
    if rest.single() is not None:
        return multiply(out, whole_power(rest, n))
    return multiply(out, base_power(rest, n))


def _whole_monomial(m: Monomial, c: Rational, n: int) -> Poly:
    if abs(n) * max(c.numerator.bit_length(), c.denominator.bit_length()) > _MOST_BITS and c not in (1, -1):
        raise UnsupportedError(f"A number to the power {n} has too many digits to be worked out.")
    out = const(Fraction(c) ** n)
    for a, k in m:
        if a.kind == "ind" and n < 0:
            raise ZeroDivisionError("an indicator in a denominator")
        out = multiply(out, monomial(((a, ratio(k * n)),)))
    return out


def oriented(p: Poly) -> int:
    """Return the sign that makes p normal: the known one, else that of its leading term."""
    if p.nonnegative or (-p).nonnegative:
        return 1 if p.nonnegative else -1
    return leading_sign(p)


def base_power(p: Poly, e: Rational) -> Poly:
    """Return p ** e with the brackets kept: p is one atom."""
    return monomial(((base_atom(p), e),))


# -- common factors ------------------------------------------------------------------------------------------------


def content(p: Poly, *, positive_only: bool = False) -> tuple[Rational, Monomial, Poly]:
    """Return (c, m, q) with p = c * m * q, q primitive: no common atom, integer coefficients without common factor."""
    num, den = 0, 1
    for c in p.terms.values():
        num, den = gcd(num, abs(c.numerator)), lcm(den, c.denominator)
    scale = ratio(Fraction(num, den))
    shared: dict[Atom, Rational] | None = None
    for m in p.terms:
        exps = dict(m)
        if shared is None:
            shared = exps
        else:
            shared = {a: min(shared.get(a, 0), exps.get(a, 0)) for a in {**shared, **exps}}
    common = {
        a: e for a, e in (shared or {}).items()
        if e and a.kind != "ind" and (a.positive or not positive_only)
    }  # fmt: skip
    mono = tuple(sorted(common.items(), key=atom_id))
    inverse = tuple((a, -e) for a, e in mono)
    rest, odd = {}, ZERO
    for m, c in p.terms.items():
        lowered = merge(m, inverse)
        if _is_normal(lowered):
            rest[lowered] = ratio(Fraction(c) / scale)
        else:  # a base brought up to a whole power opens
            odd = odd + _renormal(lowered).scaled(Fraction(c) / scale)
    return scale, mono, Poly(rest) + odd


def product(parts: Iterable[tuple[Poly, Rational]]) -> Poly:
    """Return the product of powers, like bases cancelled before anything is expanded."""
    spend()
    scale: Rational = 1
    exps: dict[Atom, Rational] = {}
    others: list[Poly] = []
    for p, e in parts:
        single = p.single()
        if not isinstance(e, int) or not p.terms:
            others.append(ABOVE["power"](p, e))
            continue
        if single is None:
            c, mono, rest = content(p)
            alone = rest.single()
            if alone is not None:
                mono, c = (*mono, *alone[0]), c * alone[1]
            else:
                if oriented(rest) < 0:
                    c, rest = -c, -rest
                mono = (*mono, (base_atom(rest), 1))
        else:
            mono, c = single
        if c != 1:
            scale = scale * (c if e == 1 else Fraction(c) ** e)
        for a, k in mono:
            exps[a] = exps.get(a, 0) + (k if e == 1 else k * e)
    merged = tuple(sorted(((a, ratio(e)) for a, e in exps.items() if e), key=atom_id))
    out = monomial(merged).scaled(scale)
    for p in others:
        out = multiply(out, p)
    return out
