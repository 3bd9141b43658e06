"""Hyperbolic functions without overflow: quotients of sinh and cosh are bounded, their logarithms grow like |u|."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from symnn.compile.exponents import is_fn
from symnn.compile.products import Quotient, negated, quotient
from symnn.compile.safe_nodes import expm1, log1p, sech
from symnn.derive.meeting import relative_sign
from symnn.ground.tree import ONE, Add, Div, Fn, Mul, Neg, Num, Pow, Tree, mul, num

__all__ = ["is_positive_hyperbolic", "log_of_hyperbolic", "quotient_of_hyperbolics"]

_NAMES = ("sinh", "cosh", "sech")
_TWO = num(2)


def quotient_of_hyperbolics(tree: Tree) -> Tree | None:
    """sinh(u)/cosh(u) = tanh(u), 1/cosh(u) = sech(u), and their powers.

    Afterwards no cosh stands below a bar, and no sinh beside a cosh or a sech of its argument that it could be
    divided by: the rule does not fit what it returns.
    """
    if not isinstance(tree, Mul | Div):
        return None
    q = quotient(tree)
    sign, found = _gathered(q)
    made = {u: parts for u, powers in found.items() if (parts := _bounded(u, *powers))}
    out = Quotient(sign)
    for side, kept in ((q.above, out.above), (q.below, out.below)):
        for f in side:
            power = _power(f)
            if power is None or _like(power[1], made) is None:
                kept.append(f)
    for above, below in made.values():
        out.above += above
        out.below += below
    before, after = (sorted(map(hash, (*p.above, *p.below))) for p in (q, out))
    return out.tree() if before != after else None


def _gathered(q: Quotient) -> tuple[int, dict[Tree, tuple[Fraction, Fraction]]]:
    """Return the sign of a quotient and, for each u, the powers of sinh(u) and cosh(u) in it; cosh(-u) is cosh(u)."""
    sign, found = q.sign, dict[Tree, tuple[Fraction, Fraction]]()
    for side, up in ((q.above, 1), (q.below, -1)):
        for f in side:
            power = _power(f)
            if power is None:
                continue
            name, v, exponent = power
            u = _like(v, found)
            u = v if u is None else u
            sinh, cosh = found.get(u, (Fraction(0), Fraction(0)))
            if name == "sinh":
                sign *= relative_sign(u, v) if exponent % 2 else 1
                found[u] = (sinh + up * exponent, cosh)
            else:
                found[u] = (sinh, cosh + (up if name == "cosh" else -up) * exponent)
    return sign, found


def _like(v: Tree, known: Iterable[Tree]) -> Tree | None:
    """Return the known argument that is v or -v."""
    return next((u for u in known if relative_sign(u, v)), None)


def _power(f: Tree) -> tuple[str, Tree, Fraction] | None:
    """Return (name, u, k) where a factor is the k-th power of a hyperbolic function of u; of sinh a whole power."""
    base, exponent = (f.base, f.exponent) if isinstance(f, Pow) else (f, ONE)
    if not isinstance(base, Fn) or base.name not in _NAMES or not isinstance(exponent, Num):
        return None
    if base.name == "sinh" and exponent.value.denominator != 1:
        return None
    return base.name, base.args[0], exponent.value


def _bounded(u: Tree, sinh: Fraction, cosh: Fraction) -> tuple[list[Tree], list[Tree]] | None:
    """Return the factors above and below of sinh(u)^s cosh(u)^c, None where a cosh above stays as it is."""
    common = min(abs(sinh), abs(cosh)) if sinh * cosh < 0 else Fraction(0)
    tanh = Fraction(int(common)) if sinh > 0 else -Fraction(int(common))
    if cosh > 0 and not tanh:
        return None
    powers = (("tanh", tanh), ("sinh", sinh - tanh), ("sech", max(-cosh - tanh, Fraction(0))))
    above = [_raised(name, u, k) for name, k in powers if k > 0]
    below = [_raised(name, u, -k) for name, k in powers if k < 0]
    rest = cosh + tanh
    return ([*above, _raised("cosh", u, rest)] if rest > 0 else above), below


def _raised(name: str, u: Tree, exponent: Fraction) -> Tree:
    base = sech(u) if name == "sech" else Fn(name, (u,))
    return base if exponent == 1 else Pow(base, Num(exponent))


def log_of_hyperbolic(u: Tree) -> Tree | None:
    """Return log(u) for a hyperbolic function u.

    log(cosh(v)) = |v| + log1p(exp(-2|v|)) - log(2), log(sech(v)) = -log(cosh(v)),
    log(sinh(v)) = v + log(-expm1(-2v)) - log(2).
    """
    if not isinstance(u, Fn) or u.name not in _NAMES:
        return None
    v = u.args[0]
    if u.name == "sinh":
        return Add((v, Fn("log", (Neg(expm1(negated(mul(_TWO, v)))),)), Neg(Fn("log", (_TWO,)))))
    size = Fn("abs", (v,))
    small = log1p(Fn("exp", (Neg(mul(_TWO, size)),)))
    if u.name == "sech":
        return Add((Fn("log", (_TWO,)), Neg(size), Neg(small)))
    return Add((size, small, Neg(Fn("log", (_TWO,)))))


def is_positive_hyperbolic(tree: Tree) -> bool:
    """Tell whether a tree is a cosh or a sech, which are positive everywhere."""
    return is_fn(tree, "cosh") or is_fn(tree, "sech")
