"""From canonical terms back to a plain tree a reader likes: factored, few symbols, leading sign positive."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from symnn.algebra.normal import content, opened
from symnn.algebra.terms import Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index
from symnn.ground.reading_order import factor_key, term_key
from symnn.ground.tree import (
    ONE,
    ZERO,
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
    children,
    mul,
    number,
    reads_as_decimal,
    walk,
)

__all__ = ["Letters", "cost", "to_tree"]

_WEIGHT: dict[type, int] = {
    Num: 1, Const: 1, Sym: 1, Ix: 0, Entry: 2, Add: 0, Mul: 0, Neg: 1, Div: 1, Pow: 1, Fn: 3, Sum: 2, Delta: 2, Ind: 2,
    Where: 3, D: 5,
}  # fmt: skip


def cost(tree: Tree) -> int:
    """Return the printed cost: symbols and operations, one for each plus or times between parts."""
    total = 0
    for at in walk(tree):
        total += _WEIGHT[type(at)]
        if isinstance(at, Add | Mul):
            total += len(children(at)) - 1
    return total


class Letters:
    """Chooses letters for summation indices: those the original formula used for the same range, then others."""

    def __init__(self, trees: Iterable[Tree] = (), indices: Iterable[Index] = ()) -> None:
        self.known: dict[Any, list[str]] = {}
        for i in indices:
            self._learn(i)
        for tree in trees:
            for at in walk(tree):
                if isinstance(at, Sum):
                    self._learn(at.index)
                elif isinstance(at, Ix):
                    self._learn(at.index)

    def _learn(self, i: Index) -> None:
        letters = self.known.setdefault(i.size, [])
        if i.letter not in letters:
            letters.append(i.letter)

    def choose(self, size: Any, taken: frozenset[str]) -> str:
        """Return a letter for a bound index over ``size`` that none in sight carries."""
        for letter in [*self.known.get(size, ()), *"kjimlqruvw"]:
            if letter not in taken:
                return str(letter)
        return "k"


def to_tree(p: Poly, letters: Letters, taken: frozenset[str] | None = None) -> Tree:
    """Return a compact tree of a polynomial: common factors outside, the rest factored greedily."""
    taken = frozenset(i.letter for i in p.indices) if taken is None else taken
    if not p.terms:
        return ZERO
    value = p.constant()
    if value is not None:
        return number(value)
    if len(p.terms) == 1:
        ((m, c),) = p.terms.items()
        return _monomial(m, c, letters, taken)
    scale, mono, rest = _shared(p)
    if all(c < 0 for c in rest.terms.values()):
        rest, scale = -rest, -scale
    inner = _sum_of_terms(rest, letters, taken)
    return inner if not mono and scale == 1 else _with_factor(mono, scale, inner, letters, taken)


def _shared(p: Poly) -> tuple[Any, Monomial, Poly]:
    """Return (c, m, q) with p = c m q, m what all terms carry above or all carry below the fraction line."""
    scale, _, _ = content(p)
    exps = [dict(m) for m in p.terms]
    common: dict[Atom, Any] = {}
    for a in exps[0]:
        here = [e.get(a, 0) for e in exps]
        if all(e > 0 for e in here):
            common[a] = min(here)
        elif all(e < 0 for e in here):
            common[a] = max(here)
    mono = tuple(sorted(common.items(), key=lambda item: item[0].id))
    rest: dict[Monomial, Rational] = {}
    for m, c in p.terms.items():
        left = {a: e - common.get(a, 0) for a, e in m}
        rest[tuple((a, e) for a, e in left.items() if e)] = Fraction(c) / scale
    return scale, mono, Poly(rest)


def _sum_of_terms(p: Poly, letters: Letters, taken: frozenset[str]) -> Tree:
    shared = _most_shared(p)
    if shared is not None and len(p.terms) > 2:
        with_it = {m: c for m, c in p.terms.items() if dict(m).get(shared, 0) >= 1}
        if len(with_it) < len(p.terms):
            group = Poly(with_it)
            others = Poly({m: c for m, c in p.terms.items() if m not in with_it})
            grouped = [to_tree(group, letters, taken), *_terms(others, letters, taken)]
            plain = _ordered(_terms(p, letters, taken))
            factored = _ordered(grouped)
            return factored if cost(factored) < cost(plain) else plain
    return _ordered(_terms(p, letters, taken))


def _terms(p: Poly, letters: Letters, taken: frozenset[str]) -> list[Tree]:
    return [_monomial(m, c, letters, taken) for m, c in p.terms.items()]


def _ordered(terms: list[Tree]) -> Tree:
    terms = sorted(terms, key=term_key)
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def _most_shared(p: Poly) -> Atom | None:
    counts: dict[Atom, int] = {}
    for m in p.terms:
        for a, e in m:
            if e >= 1:
                counts[a] = counts.get(a, 0) + 1
    shared = [(n, a) for a, n in counts.items() if n >= 2]
    return max(shared, key=lambda item: (item[0], -item[1].id))[1] if shared else None


def _with_factor(mono: Monomial, scale: Any, inner: Tree, letters: Letters, taken: frozenset[str]) -> Tree:
    above, below, negative = _parts(mono, scale, letters, taken)
    above.append(inner)
    return _assemble(above, below, negative)


def _monomial(m: Monomial, c: Any, letters: Letters, taken: frozenset[str]) -> Tree:
    above, below, negative = _parts(m, c, letters, taken)
    return _assemble(sorted(above, key=factor_key), below, negative)


def _assemble(above: list[Tree], below: list[Tree], negative: bool) -> Tree:
    # mul() flattens products; a quotient among the factors stays a factor.
    top = mul(*above) if above else ONE
    out: Tree = Div(top, mul(*sorted(below, key=factor_key))) if below else top
    return Neg(out) if negative else out


def _parts(m: Monomial, c: Any, letters: Letters, taken: frozenset[str]) -> tuple[list[Tree], list[Tree], bool]:
    above: list[Tree] = []
    below: list[Tree] = []
    negative = c < 0
    c = Fraction(abs(c))
    if reads_as_decimal(c):
        above.append(Num(c))
    else:
        if c.numerator != 1:
            above.append(Num(Fraction(c.numerator)))
        if c.denominator != 1:
            below.append(Num(Fraction(c.denominator)))
    exponent: dict[Monomial, Any] = {}
    for a, e in m:
        if a.kind == "exp":
            exponent[a.data] = e
        elif e > 0:
            above.append(_power(_atom(a, letters, taken), e))
        else:
            below.append(_power(_atom(a, letters, taken), -e))
    if exponent == {(): 1}:
        above.append(Const("E"))
    elif exponent:
        inside = Poly({mm: k for mm, k in exponent.items()})
        above.append(Fn("exp", (to_tree(inside, letters, taken),)))
    return above, below, negative


def _power(base: Tree, e: Any) -> Tree:
    return base if e == 1 else Pow(base, number(e))


def _atom(a: Atom, letters: Letters, taken: frozenset[str]) -> Tree:
    match a.kind:
        case "sym":
            return Const(a.data) if isinstance(a.data, str) else Sym(a.data)
        case "ix":
            return Ix(a.data)
        case "num":
            return Num(Fraction(a.data))
        case "ent":
            return Entry(a.data[0], tuple(to_tree(p, letters, taken) for p in a.data[1]))
        case "fn" if a.data[0] == "pow":
            return Pow(*[to_tree(p, letters, taken) for p in a.data[1]])
        case "fn":
            return Fn(a.data[0], tuple(to_tree(p, letters, taken) for p in a.data[1]))
        case "exp":
            return Fn("exp", (_monomial(a.data, 1, letters, taken),))
        case "base":
            return to_tree(a.data, letters, taken)
        case "ind":
            return _indicator(a, letters, taken)
        case "sum":
            return _sum(a, letters, taken)
    raise AssertionError(a.kind)


def _indicator(a: Atom, letters: Letters, taken: frozenset[str]) -> Tree:
    relation, p = a.data
    plus = Poly({m: c for m, c in p.terms.items() if c > 0})
    minus = Poly({m: -c for m, c in p.terms.items() if c < 0})
    left, right = to_tree(plus, letters, taken), to_tree(minus, letters, taken)
    if relation == "=":
        if isinstance(right, Ix) and not isinstance(left, Ix):
            left, right = right, left
        whole = not any(isinstance(t, Entry) and t.tensor.classes is None for t in (left, right))
        return Delta(left, right) if whole else Ind("=", left, right)
    return Ind(relation, left, right)


def _sum(a: Atom, letters: Letters, taken: frozenset[str]) -> Tree:
    fresh, body = opened(a)
    named: dict[Index, Index] = {}
    taken = taken | frozenset(i.letter for i in a.indices)
    for i in fresh:
        letter = letters.choose(i.size, taken)
        taken = taken | {letter}
        i.letter = letter
        named[i] = i
    out = to_tree(body, letters, taken)
    for i in reversed(fresh):
        out = Sum(i, out)
    return out
