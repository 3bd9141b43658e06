"""Each construct of the plain tree as canonical terms; what a pending derivative becomes is handed in.

Taking a derivative needs conversion (the partial derivatives of scalar functions come as trees), and conversion needs
derivatives: ``calculus.py`` converts trees that have none, ``convert.py`` all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symnn.algebra.normal import (
    const,
    entry,
    exponential,
    function,
    indicator,
    logarithm,
    multiply,
    of_index,
    of_symbol,
    power,
    product,
    summed,
)
from symnn.algebra.terms import ONE, ZERO, Poly, Rational, intern_atom, ratio
from symnn.ground.errors import UnsupportedError
from symnn.ground.tree import (
    Add,
    Const,
    D,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
)

__all__ = ["Conversion"]


@dataclass(frozen=True)
class Conversion:
    """Called with a tree, returns its canonical form; ``pending`` gives that of a derivative still to be taken."""

    pending: Callable[[D], Poly]

    def __call__(self, tree: Tree) -> Poly:
        """Return the canonical form of a tree.

        Raises:
            UnsupportedError: a construct the algebra does not have.
            ZeroDivisionError: a denominator that is identically zero.
        """
        match tree:
            case Num():
                return const(tree.value)
            case Const() if tree.name == "E":
                return exponential(ONE)
            case Const():
                return Poly({((intern_atom("sym", tree.name, positive=True), 1),): 1})
            case Sym():
                return of_symbol(tree.symbol)
            case Ix():
                return of_index(tree.index)
            case Entry():
                return entry(tree.tensor, tuple(self(p) for p in tree.at))
            case Add():
                out = self(tree.terms[0])
                for t in tree.terms[1:]:
                    out = out + self(t)
                return out
            case Mul() | Div() | Pow():
                return product(self._factors(tree, 1))
            case Neg():
                return -self(tree.body)
            case Fn(name="log"):
                known, rest = self._positive_factors(tree.args[0])
                out = logarithm(rest) if rest != ONE or not known else ZERO
                for base, e in known:
                    out = out + logarithm(base).scaled(e)
                return out
            case Fn():
                return function(tree.name, tuple(self(p) for p in tree.args))
            case Sum():
                return summed(self(tree.body), (tree.index,))
            case Delta():
                return indicator("=", self(tree.left) - self(tree.right))
            case Ind():
                return indicator(tree.rel, self(tree.left) - self(tree.right))
            case Where():
                c = self(tree.condition)
                then, other = self(tree.then), self(tree.other)
                return multiply(c, then) + multiply(ONE - c, other)
            case D():
                return self.pending(tree)
        raise UnsupportedError(f"{type(tree).__name__} has no canonical form.")

    def _factors(self, tree: Tree, e: Rational) -> list[tuple[Poly, Rational]]:
        """Return a product as (base, exponent) pairs, nothing expanded."""
        match tree:
            case Mul():
                return [part for f in tree.factors for part in self._factors(f, e)]
            case Neg() if isinstance(e, int):
                return [*self._factors(tree.body, e), (const(-1 if e % 2 else 1), 1)]
            case Div():
                return [*self._factors(tree.num, e), *self._factors(tree.den, -e)]
            case Pow():
                base, exponent = self(tree.base), self(tree.exponent)
                value = exponent.constant()
                if value is None:
                    return [(_general_power(base, exponent), e)]
                if isinstance(value, int) and isinstance(e, int):
                    return [(base, value * e)]
                if isinstance(value, int):
                    return [(power(base, value), e)]
                known, rest = self._positive_factors(tree.base)
                return [(power(p, ratio(k * value)), e) for p, k in ((rest, 1), *known)]
        return [(self(tree), e)]

    def _positive_factors(self, tree: Tree) -> tuple[list[tuple[Poly, Rational]], Poly]:
        """Return the factors of several terms that are known to be positive, and the product of the others.

        Multiplied out, ((x - m)^2 + 1)((y - m)^2 + 1) would no longer show that it is positive, or what it is made of.
        """
        factors = self._factors(tree, 1) if isinstance(tree, Mul | Div) else []
        known = [(p, e) for p, e in factors if len(p.terms) > 1 and p.positive]
        if not known:
            return [], self(tree)
        return known, product((p, e) for p, e in factors if (p, e) not in known)


def _general_power(base: Poly, exponent: Poly) -> Poly:
    if base.positive:
        return exponential(multiply(exponent, logarithm(base)))
    return function("pow", (base, exponent))
