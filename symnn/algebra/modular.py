"""Random evaluation modulo a prime: two formulas at small sizes, sums unrolled, entries random residues.

If two rational functions differ, their difference is a polynomial of some degree d over its denominator, and a random
point of a field of p elements is a root of it with probability at most d/p (Schwartz 1980, Zippel 1979). exp is read
as a homomorphism: each monomial m of an exponent gets a random square e_m, and exp(sum c_m m) is prod e_m^c_m. A value
of any other function is a random residue of its own, the same for equal arguments. Roots are taken of products of what
is known to be positive only, where they are products of roots: which of its roots a sum's is, only an order can tell.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from math import lcm, prod
from typing import Any

from symnn.algebra.field import ORDER, PRIME, NoResidue, Value, added, raised, residue, times
from symnn.ground.indices import Index
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    Add,
    Const,
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

__all__ = ["Residues"]

Expanded = dict[tuple[tuple[Any, int], ...], Fraction]
_MOST_TERMS = 400


class Residues:
    """Values of formulas at one random point: sizes given, everything else drawn."""

    def __init__(self, sizes: Mapping[Any, int], seed: int) -> None:
        self.sizes = sizes
        self.random = random.Random(seed)
        self.drawn: dict[Any, int] = {}
        self.known: dict[tuple[Tensor, tuple[int, ...]], Value] = {}
        #: With this power of each of the random squares, what was evaluated so far is a rational function.
        self.roots = 1

    def value(self, tree: Tree, at: Mapping[Index, int]) -> Value:
        """Return the value of a formula at positions of its free indices.

        Raises:
            NoResidue: a denominator is 0, a root does not exist, or there is an order relation between reals.
        """
        match tree:
            case Num():
                return Value(residue(tree.value), 0, 0)
            case Const():
                return self._exp({(): Fraction(1)}) if tree.name == "E" else self._fresh(("const", tree.name), 1)
            case Sym():
                if tree.symbol in self.sizes:
                    return Value(self.sizes[tree.symbol] % PRIME, 0, 0)
                return self._fresh(("sym", tree.symbol), 2 if tree.symbol.is_positive else 1)
            case Ix():
                return Value(at[tree.index], 0, 0)
            case Entry():
                return self._entry(tree, at)
            case Add():
                return added([self.value(t, at) for t in tree.terms])
            case Sum():
                return added([self.value(tree.body, {**at, tree.index: k}) for k in range(self.size(tree.index))])
            case Mul():
                return self._product(tree, at)
            case Neg():
                v = self.value(tree.body, at)
                return Value(-v.residue % PRIME, v.above, v.below)
            case Div():
                return times(self.value(tree.num, at), raised(self.value(tree.den, at), -1))
            case Pow():
                exponent = self.rational(tree.exponent, at)
                if exponent.denominator != 1:
                    self._root(exponent, self._positive_product(tree.base, at))
                return raised(self.value(tree.base, at), exponent)
            case Delta() | Ind():
                return Value(int(self.holds(tree, at)), 0, 0)
            case Where():
                chosen = self.value(tree.condition, at).residue
                return self.value(tree.then if chosen else tree.other, at)
            case Fn():
                return self._function(tree, at)
        raise NoResidue(f"{type(tree).__name__} has no value modulo a prime")

    def size(self, index: Index) -> int:
        """Return how many positions an index has."""
        return self._number(index.size)

    def _number(self, size: Any) -> int:
        if size.is_Integer:
            return int(size)
        if size.is_Symbol:
            return self.sizes[size]
        parts = [self._number(a) for a in size.args]
        return sum(parts) if size.is_Add else prod(parts)

    def _fresh(self, key: Any, degree: int) -> Value:
        """Return the random residue of a name, a square where the degree is 2."""
        if key not in self.drawn:
            self.drawn[key] = pow(self.random.randrange(2, PRIME - 1), degree, PRIME)
        return Value(self.drawn[key], degree, 0)

    def _entry(self, tree: Entry, at: Mapping[Index, int]) -> Value:
        where = tuple(self.whole(p, at) for p in tree.at)
        for w, s in zip(where, tree.tensor.shape, strict=True):
            if not 0 <= w < self._number(s):
                raise NoResidue("an entry outside its shape")
        key = (tree.tensor, where)
        if key not in self.known:
            if tree.tensor.definition is not None:
                self.known[key] = self.value(unfold(Entry(tree.tensor, tuple(Num(Fraction(w)) for w in where))), {})
            elif tree.tensor.classes is not None:
                self.known[key] = Value(self.random.randrange(self._number(tree.tensor.classes)), 0, 0)
            else:
                self.known[key] = self._fresh(key, 2 if tree.tensor.positive else 1)
        return self.known[key]

    def whole(self, tree: Tree, at: Mapping[Index, int]) -> int:
        """Return the value of a position or an exponent, which is a whole number and not a residue."""
        value = self.rational(tree, at)
        if value.denominator != 1:
            raise NoResidue("a position that is not whole")
        return int(value)

    def rational(self, tree: Tree, at: Mapping[Index, int]) -> Fraction:
        """Return the value of a formula of numbers, sizes, indices and labels."""
        match tree:
            case Num():
                return tree.value
            case Sym() if tree.symbol in self.sizes:
                return Fraction(self.sizes[tree.symbol])
            case Ix():
                return Fraction(at[tree.index])
            case Entry() if tree.tensor.classes is not None and tree.tensor.definition is None:
                return Fraction(self._entry(tree, at).residue)
            case Add():
                return sum((self.rational(t, at) for t in tree.terms), Fraction(0))
            case Mul():
                return prod((self.rational(t, at) for t in tree.factors), start=Fraction(1))
            case Neg():
                return -self.rational(tree.body, at)
            case Div():
                below = self.rational(tree.den, at)
                if below == 0:
                    raise NoResidue("a denominator is 0")
                return self.rational(tree.num, at) / below
        raise NoResidue("order and exponents of reals have no meaning modulo a prime")

    def holds(self, tree: Delta | Ind, at: Mapping[Index, int]) -> bool:
        """Tell whether a comparison of whole numbers holds."""
        left, right = self.rational(tree.left, at), self.rational(tree.right, at)
        relation = tree.rel if isinstance(tree, Ind) else "="
        return {">": left > right, ">=": left >= right, "=": left == right, "!=": left != right}[relation]

    def _product(self, tree: Mul, at: Mapping[Index, int]) -> Value:
        guards = [f for f in tree.factors if isinstance(f, Ind | Delta)]
        if any(not self.holds(g, at) for g in guards):
            return Value(0, 0, 0)
        out = Value(1, 0, 0)
        for f in tree.factors:
            if not isinstance(f, Ind | Delta):
                out = times(out, self.value(f, at))
        return out

    def _root(self, exponent: Fraction, allowed: bool) -> None:
        if not allowed:
            raise NoResidue("a root of a sum is one of several residues")
        self.roots = lcm(self.roots, exponent.denominator)

    def _positive_product(self, tree: Tree, at: Mapping[Index, int]) -> bool:
        """Tell whether a formula is a product of numbers, exponentials and entries known to be positive."""
        match tree:
            case Mul():
                return all(self._positive_product(f, at) for f in tree.factors)
            case Div():
                return self._positive_product(tree.num, at) and self._positive_product(tree.den, at)
            case Pow():
                return self._positive_product(tree.base, at)
            case Entry() if tree.tensor.definition is not None:
                return self._positive_product(unfold(tree), at)
            case Entry() if tree.tensor.classes is None:
                return tree.tensor.positive
            case Sym() if tree.symbol not in self.sizes:
                return bool(tree.symbol.is_positive)
            case Fn():
                return tree.name == "exp"
            case Const():
                return True
        try:
            return self.rational(tree, at) > 0
        except NoResidue:
            return False

    # -- functions -------------------------------------------------------------------------------------------------

    def _function(self, tree: Fn, at: Mapping[Index, int]) -> Value:
        match tree.name:
            case "exp":
                return self._exp(self.expanded(tree.args[0], at))
            case "tanh" | "sinh" | "cosh":
                up = self._exp(self.expanded(tree.args[0], at))
                down = raised(up, Fraction(-1))
                minus = Value(-down.residue % PRIME, down.above, down.below)
                odd, even = added([up, minus]), added([up, down])
                half = Value(residue(Fraction(1, 2)), 0, 0)
                if tree.name == "tanh":
                    return times(odd, raised(even, Fraction(-1)))
                return times(half, odd if tree.name == "sinh" else even)
            case "log" if isinstance(tree.args[0], Fn) and tree.args[0].name == "exp":
                return self.value(tree.args[0].args[0], at)
            case "stop_gradient":
                return self.value(tree.args[0], at)
            case "max" | "min" | "abs" | "sign":
                raise NoResidue("order has no meaning modulo a prime")
        args = [self.value(a, at) for a in tree.args]
        made = self._fresh((tree.name, tuple(a.residue for a in args)), 1)
        return Value(made.residue, 1 + sum(a.above + a.below for a in args), 0)

    def _exp(self, exponent: Expanded) -> Value:
        out, above, below = 1, 0, 0
        for m, c in exponent.items():
            if len(m) == 1 and m[0][1] == 1 and m[0][0][0] == "log":
                _, base, product = m[0][0]
                if c.denominator != 1:
                    self._root(c, product)
                if pow(base, ORDER, PRIME) != 1:
                    raise NoResidue("the argument of a logarithm is no square", again=True)
            else:
                base = self._fresh(("exp", m), 2).residue
                self.roots = lcm(self.roots, c.denominator)
            out = out * pow(base, c.numerator * pow(c.denominator, -1, ORDER) % ORDER, PRIME) % PRIME
            d = 2 * abs(c.numerator) * c.denominator
            above, below = (above + d, below) if c > 0 else (above, below + d)
        return Value(out, above, below)

    def expanded(self, tree: Tree, at: Mapping[Index, int]) -> Expanded:
        """Return an exponent as a polynomial in entries and in values that are no polynomial in them."""
        match tree:
            case Num():
                return {(): tree.value} if tree.value else {}
            case Add():
                return _sum([self.expanded(t, at) for t in tree.terms])
            case Sum():
                return _sum([self.expanded(tree.body, {**at, tree.index: k}) for k in range(self.size(tree.index))])
            case Neg():
                return {m: -c for m, c in self.expanded(tree.body, at).items()}
            case Mul():
                out: Expanded = {(): Fraction(1)}
                for f in tree.factors:
                    out = _multiplied(out, self.expanded(f, at))
                return out
            case Div() if isinstance(tree.den, Num):
                return {m: c / tree.den.value for m, c in self.expanded(tree.num, at).items()}
            case Pow() if isinstance(tree.exponent, Num) and tree.exponent.value in (2, 3):
                base = self.expanded(tree.base, at)
                return _multiplied(base, base if tree.exponent.value == 2 else _multiplied(base, base))
            case Entry() if tree.tensor.definition is not None:
                return self.expanded(unfold(Entry(tree.tensor, tuple(self._position(p, at) for p in tree.at))), {})
            case Fn(name="log"):
                product = self._positive_product(tree.args[0], at)
                return {((("log", self.value(tree.args[0], at).residue, product), 1),): Fraction(1)}
            case Ix() | Delta() | Ind():
                number = Fraction(self.value(tree, at).residue)
                return {(): number} if number else {}
            case Sym() if tree.symbol in self.sizes:
                return {(): Fraction(self.sizes[tree.symbol])}
        if isinstance(tree, Div):
            return _multiplied(self.expanded(tree.num, at), self._opaque(Div(Num(Fraction(1)), tree.den), at))
        return self._opaque(tree, at)

    def _position(self, tree: Tree, at: Mapping[Index, int]) -> Tree:
        return Num(Fraction(self.whole(tree, at)))

    def _opaque(self, tree: Tree, at: Mapping[Index, int]) -> Expanded:
        value = self.value(tree, at).residue
        return {((("value", value), 1),): Fraction(1)} if value else {}


def _sum(parts: list[Expanded]) -> Expanded:
    out: Expanded = {}
    for p in parts:
        for m, c in p.items():
            out[m] = out.get(m, Fraction(0)) + c
    return {m: c for m, c in out.items() if c}


def _multiplied(a: Expanded, b: Expanded) -> Expanded:
    if len(a) * len(b) > _MOST_TERMS:
        raise NoResidue("an exponent is too long")
    out: Expanded = {}
    for m, c in a.items():
        for n, d in b.items():
            exps = dict(m)
            for key, e in n:
                exps[key] = exps.get(key, 0) + e
            both = tuple(sorted(exps.items(), key=repr))
            out[both] = out.get(both, Fraction(0)) + c * d
    return {m: c for m, c in out.items() if c}
