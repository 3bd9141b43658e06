"""Relations between functions: what goes through exp and log, and roots and logarithms that belong together.

Which function is which expression in exp, log and roots stands in the table of ``identities.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from symnn.algebra.convert import canonical
from symnn.algebra.identities import THROUGH_EXP
from symnn.algebra.leaves import applied, is_whole
from symnn.algebra.normal import exponential, logarithm, multiply, power, rebuild
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational
from symnn.ground.sympy_border import from_sympy

__all__ = ["exponentials", "logarithms_joined", "roots_joined"]

_FORMS: dict[str, tuple[Poly, Atom]] = {}


def exponentials(poly: Poly, used: set[str]) -> Poly:
    """Write the functions of the table, and powers whose exponent is no number, through exp and log."""

    def change(a: Atom) -> Poly | None:
        if a.kind != "fn" or (a.data[0] not in THROUGH_EXP and a.data[0] != "pow"):
            return None
        u = exponentials(a.data[1][0], used)
        if a.data[0] == "pow":
            return _symbolic_power(u, exponentials(a.data[1][1], used), used)
        form, slot = _form(a.data[0])
        return rebuild(form, lambda b: u if b is slot else None)

    return rebuild(poly, change)


def _form(name: str) -> tuple[Poly, Atom]:
    """Return a function through exp and log, and the atom that stands for its argument."""
    found = _FORMS.get(name)
    if found is None:
        identity = THROUGH_EXP[name]
        slot = next(iter(canonical(from_sympy(identity.left.args[0])).atoms()))
        found = _FORMS[name] = (canonical(from_sympy(identity.right)), slot)
    return found


def _symbolic_power(base: Poly, exponent: Poly, used: set[str]) -> Poly:
    """Return a power whose exponent is no number as a product over the exponent's terms.

    Through exp and log where the base is known to be positive. Elsewhere base^(m + n) = base^m base^n is used, and
    base^(c m) = (base^m)^c for whole numbers m and c only: at -1 the root of (-1)^2 is 1, and (-1)^(2 t) may have a
    value where (-1)^t has none.
    """
    if base.positive:
        return exponential(multiply(exponent, logarithm(base)))
    used.add("a base of a power != 0")
    out = Poly({(): 1})
    for m, c in exponent.terms.items():
        whole = m and Fraction(c).denominator == 1 and is_whole(Poly({m: 1}))
        if not m:
            part = power(base, c)
        elif whole:
            part = power(applied("pow", (base, Poly({m: 1}))), c)
        else:
            part = applied("pow", (base, Poly({m: c})))
        out = multiply(out, part)
    return out


# -- logarithms ----------------------------------------------------------------------------------------------------

_LARGEST_POWER = 6


def logarithms_joined(poly: Poly, is_zero: Callable[[Poly], bool]) -> Poly:
    """Drop c log p + k log q + ... + r where p^c q^k ... exp(r) is 1, p, q, ... being known to be positive."""
    groups: dict[Monomial, list[tuple[Poly, Rational]]] = {}
    for m, c in poly.terms.items():
        logs = [a for a, e in m if a.kind == "fn" and a.data[0] == "log"]
        if len(logs) == 1 and (logs[0], 1) in m and logs[0].data[1][0].positive:
            rest = tuple(i for i in m if i[0] is not logs[0])
            groups.setdefault(rest, []).append((logs[0].data[1][0], c))
    for cofactor, logs_of in groups.items():
        scale = lcm(*(Fraction(c).denominator for _, c in logs_of))
        if any(not -_LARGEST_POWER <= c * scale <= _LARGEST_POWER for _, c in logs_of):
            continue
        total = ZERO
        for p, c in logs_of:
            total = total + multiply(Poly({cofactor: c}), applied("log", (p,)))
        without = _over(poly - total, cofactor)
        for plain in (ZERO, without) if without.terms else (ZERO,):
            if len(logs_of) == 1 and plain is ZERO:
                continue
            up, down = exponential(plain.scaled(scale)), ONE
            for p, c in logs_of:
                if c > 0:
                    up = multiply(up, power(p, int(c * scale)))
                else:
                    down = multiply(down, power(p, int(-c * scale)))
            if is_zero(up - down):
                return logarithms_joined(poly - total - multiply(plain, Poly({cofactor: 1})), is_zero)
    return poly


def _over(p: Poly, cofactor: Monomial) -> Poly:
    """Return the terms, free of logarithms, that hold a cofactor, without it."""
    out = ZERO
    for m, c in p.terms.items():
        have = dict(m)
        if any(a.kind == "fn" and a.data[0] == "log" for a in have) or any(have.get(a) != e for a, e in cofactor):
            continue
        out = out + Poly({tuple(i for i in m if i not in cofactor): c})
    return out


# -- roots ---------------------------------------------------------------------------------------------------------


def roots_joined(poly: Poly) -> Poly:
    """Write products of square roots as the root of the product, which may be a perfect square.

    What stands under each root has to be known as not negative: sqrt(p q) exists where p and q are both negative.
    """
    out = ZERO
    for m, c in poly.terms.items():
        roots = [(a, e) for a, e in m if a.kind == "base" and a.nonnegative and Fraction(e).denominator == 2]
        if len(roots) < 2:
            out = out + Poly({m: c})
            continue
        inside = ONE
        for a, e in roots:
            inside = multiply(inside, power(a.data, int(2 * e)))
        others = Poly({tuple(i for i in m if i not in roots): c})
        out = out + multiply(others, power(inside, Fraction(1, 2)))
    return out
