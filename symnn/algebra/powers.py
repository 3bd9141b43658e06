"""Powers and roots: a root is opened only over factors known to be positive, and of numbers prime by prime."""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.indicators import absolute
from symnn.algebra.leaves import of_atom
from symnn.algebra.products import base_power, content, monomial, multiply, whole_power
from symnn.algebra.squares import square_root
from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational, intern_atom, ratio

__all__ = ["power", "primes"]


def power(p: Poly, e: Rational) -> Poly:
    """Return p ** e for a rational exponent; a root is opened only over factors known to be positive."""
    e = ratio(e)
    if isinstance(e, int):
        return whole_power(p, e)
    if not p.terms:
        if e < 0:
            raise ZeroDivisionError("a power of zero")
        return ZERO
    single = p.single()
    if single is not None:
        return _monomial_root(single[0], single[1], e)
    scale, mono, rest = content(p, positive_only=True)
    out = multiply(_monomial_root((), scale, e), _monomial_root(mono, 1, e))
    if not rest.terms or rest.single() is not None:
        return multiply(out, power(rest, e))
    if Fraction(2 * e).denominator == 1:
        root = square_root(rest)
        if root is not None:  # sqrt(q^2) = |q|
            return multiply(out, power(absolute(root), ratio(2 * e)))
    return multiply(out, base_power(rest, e))


def _monomial_root(m: Monomial, c: Rational, e: Rational) -> Poly:
    out = ONE
    left: list[tuple[Atom, Rational]] = []
    for a, k in m:
        if a.kind == "ind":
            out = multiply(out, of_atom(a))
        elif a.nonnegative:
            out = multiply(out, monomial(((a, ratio(k * e)),)))
        elif isinstance(k, int) and k % 2 == 0:
            out = multiply(out, power(absolute(of_atom(a)), ratio(k * e)))
        else:
            left.append((a, k))
    if not left and c > 0:
        return multiply(out, _number_power(c, e))
    if c > 0:
        out, c = multiply(out, _number_power(c, e)), 1
    return multiply(out, base_power(Poly({tuple(left): c}), e))


def _number_power(c: Rational, e: Rational) -> Poly:
    out = ONE
    for prime, k in primes(c):
        total = ratio(Fraction(k) * e)
        whole = total if isinstance(total, int) else int(total // 1)
        out = out.scaled(Fraction(prime) ** whole)
        if total != whole:
            out = multiply(out, of_atom(intern_atom("num", prime, positive=True), total - whole))
    return out


def primes(c: Rational) -> list[tuple[int, int]]:
    """Return the primes of a rational with their exponents; a factor without a small prime counts as one."""
    out: dict[int, int] = {}
    for n, sign in ((abs(c.numerator), 1), (c.denominator, -1)):
        p = 2
        while n > 1:
            if p * p > n or p > 10_000:
                p = n
            while n % p == 0:
                out[p] = out.get(p, 0) + sign
                n //= p
            p += 1
    return sorted((p, k) for p, k in out.items() if k)
