"""From canonical terms back to a plain tree a reader likes: factored, few symbols, leading sign positive."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from symnn.algebra.gathering import Gathered, gathered
from symnn.algebra.leaves import base_atom, is_whole
from symnn.algebra.normal import content, opened
from symnn.algebra.printing import for_print
from symnn.algebra.quotients import quotient, times
from symnn.algebra.reading import readable
from symnn.algebra.squares import square_root
from symnn.algebra.terms import Atom, Monomial, Poly, Rational
from symnn.ground.indices import Index
from symnn.ground.reading_order import factor_key, term_key
from symnn.ground.substitute import fresh
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
    made: int | None = tree.__dict__.get("_cost")
    if made is None:
        parts = children(tree)
        made = _WEIGHT[type(tree)] + sum(cost(p) for p in parts)
        if isinstance(tree, Add | Mul):
            made += len(parts) - 1
        object.__setattr__(tree, "_cost", made)
    return made


class Letters:
    """Chooses letters for summation indices: those the original formula used for the same range, then others."""

    def __init__(self, trees: Iterable[Tree] = (), indices: Iterable[Index] = ()) -> None:
        self.known: dict[Any, list[str]] = {}
        self.made: dict[Any, Tree] = {}
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
    return fresh(_tree(p, letters, frozenset(i.letter for i in p.indices) if taken is None else taken))


def _tree(p: Poly, letters: Letters, taken: frozenset[str]) -> Tree:
    """Return the compact tree, worked out once for the same letters; its bound indices are shared with other such."""
    key = (p, taken)
    made = letters.made.get(key)
    if made is None:
        made = letters.made[key] = _compact(for_print(p), letters, taken)
    return made


def _compact(p: Poly, letters: Letters, taken: frozenset[str]) -> Tree:
    if not p.terms:
        return ZERO
    value = p.constant()
    if value is not None:
        return number(value)
    if len(p.terms) == 1:
        ((m, c),) = p.terms.items()
        return _monomial(m, c, letters, taken)
    shared = _out_of(p, letters, taken, cleared=False)
    if not any(e < 0 and a.kind == "sym" for m in p.terms for a, e in m):
        return shared
    cleared = _out_of(p, letters, taken, cleared=True)
    return cleared if (cost(cleared), _brackets(cleared)) <= (cost(shared), _brackets(shared)) else shared


def _brackets(tree: Tree) -> int:
    return sum(isinstance(t, Add) for t in walk(tree))


def _out_of(p: Poly, letters: Letters, taken: frozenset[str], *, cleared: bool) -> Tree:
    scale, mono, rest = _shared(p, cleared=cleared)
    if all(c < 0 for c in rest.terms.values()) or square_root(-rest) is not None:
        rest, scale = -rest, -scale
    inner = _sum_of_terms(rest, letters, taken)
    return inner if not mono and scale == 1 else _with_factor(mono, scale, inner, letters, taken)


def _shared(p: Poly, *, cleared: bool) -> tuple[Any, Monomial, Poly]:
    """Return (c, m, q) with p = c m q, m what all terms carry above or all carry below the fraction line.

    With ``cleared`` also what only some carry below it: (a - b/N)/s becomes (N a - b)/(N s).
    """
    scale, _, _ = content(p)
    exps = [dict(m) for m in p.terms]
    common: dict[Atom, Any] = {}
    for a in dict.fromkeys(a for e in exps for a in e):
        here = [e.get(a, 0) for e in exps]
        if all(e > 0 for e in here):
            common[a] = min(here)
        elif all(e < 0 for e in here):
            common[a] = max(here)
        elif cleared and a.kind == "sym" and min(here) < 0:
            common[a] = min(here)
    mono = readable(tuple(sorted(common.items(), key=lambda item: item[0].id)), p.terms)
    common = dict(mono)
    rest: dict[Monomial, Rational] = {}
    for m, c in p.terms.items():
        left = {a: dict(m).get(a, 0) - common.get(a, 0) for a in {**dict(m), **common}}
        rest[tuple((a, e) for a, e in left.items() if e)] = Fraction(c) / scale
    return scale, mono, Poly(rest)


def _sum_of_terms(p: Poly, letters: Letters, taken: frozenset[str]) -> Tree:
    grouped = _grouped(p, letters, taken)
    product = _product_of_sums(p, letters, taken)
    best = grouped if product is None or cost(product) >= cost(grouped) else product
    root = square_root(p)
    if root is not None:
        root = -root if root.terms.get((), 0) < 0 else root
        square = Pow(_tree(root, letters, taken), number(2))
        best = square if cost(square) < cost(best) else best
    for way in gathered(p):
        found = _ordered([_one_sum(way, letters, taken), *_terms(way.others, letters, taken)])
        best = found if cost(found) < cost(best) else best
    return best


def _one_sum(way: Gathered, letters: Letters, taken: frozenset[str]) -> Tree:
    """Return several sums under one sum sign."""
    way.index.letter = letters.choose(way.index.size, taken)
    inner = _tree(way.inner, letters, taken | {way.index.letter})
    body = _with_factor(way.common, 1, inner, letters, taken | {way.index.letter})
    negative = isinstance(body, Neg)
    out = Sum(way.index, body.body if isinstance(body, Neg) else body)
    return Neg(out) if negative else out


def _product_of_sums(p: Poly, letters: Letters, taken: frozenset[str]) -> Tree | None:
    """Return (s + b) q for p = s q + b q, if p can be taken apart so by a power s of one of its atoms."""
    if len(p.terms) < 4:
        return None
    for s, k in dict.fromkeys(i for m in p.terms for i in m if i[1] > 0):
        with_it = {m: c for m, c in p.terms.items() if s in dict(m)}
        if not 2 <= len(with_it) < len(p.terms) or any(dict(m)[s] != k for m in with_it):
            continue
        scale, mono, rest = content(Poly({times(m, ((s, k),), -1): c for m, c in with_it.items()}))
        if len(rest.terms) != len(with_it) or any(a.kind == "ind" for a in rest.atoms()):
            continue  # nothing is divided by an indicator
        first = times(mono, ((s, k),))
        if readable(first, with_it) != first or any(readable(m, p.terms) != m for m in rest.terms):
            continue
        other = quotient(Poly({m: c for m, c in p.terms.items() if m not in with_it}), rest)
        if other is not None:
            one = _tree(Poly({first: scale}) + other, letters, taken)
            return mul(*sorted((one, _tree(rest, letters, taken)), key=factor_key))
    return None


def _grouped(p: Poly, letters: Letters, taken: frozenset[str]) -> Tree:
    best = _ordered(_terms(p, letters, taken))
    if len(p.terms) > 2:
        for shared, sign in _most_shared(p)[:_TRIED]:
            with_it = {m: c for m, c in p.terms.items() if sign * dict(m).get(shared, 0) > 0}
            others = Poly({m: c for m, c in p.terms.items() if m not in with_it})
            if others.terms:
                found = _ordered([_tree(Poly(with_it), letters, taken), *_terms(others, letters, taken)])
                best = found if cost(found) < cost(best) else best
    return best


def _terms(p: Poly, letters: Letters, taken: frozenset[str]) -> list[Tree]:
    return [_monomial(m, c, letters, taken) for m, c in p.terms.items()]


def _ordered(terms: list[Tree]) -> Tree:
    terms = sorted(terms, key=term_key)
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


#: Shared factors that a sum is grouped by, one after another.
_TRIED = 3


def _most_shared(p: Poly) -> list[tuple[Atom, int]]:
    """Return the atoms that several terms carry above (1) or below (-1) the fraction line, the most shared first."""
    counts: dict[tuple[Atom, int], int] = {}
    for m in p.terms:
        for a, e in m:
            if e >= 1 or (e < 0 and a.kind != "sym"):  # sizes below the line are cleared instead
                place = (a, 1 if e > 0 else -1)
                counts[place] = counts.get(place, 0) + 1
    return sorted((place for place, n in counts.items() if n >= 2), key=lambda q: (-counts[q], -q[1], q[0].id))


def _with_factor(mono: Monomial, scale: Any, inner: Tree, letters: Letters, taken: frozenset[str]) -> Tree:
    above, below, negative = _parts(mono, scale, letters, taken)
    above.append(inner)
    return _assemble(above, below, negative)


def _monomial(m: Monomial, c: Any, letters: Letters, taken: frozenset[str]) -> Tree:
    key = (m, c, taken)
    made = letters.made.get(key)
    if made is None:
        made = letters.made[key] = _written(m, c, letters, taken)
    return made


def _written(m: Monomial, c: Any, letters: Letters, taken: frozenset[str]) -> Tree:
    above, below, negative = _parts(m, c, letters, taken)
    plain = _assemble(sorted(above, key=factor_key), below, negative)
    divided = _divided_by_exponential(m)
    if divided is None:
        return plain
    other = _monomial(divided, c, letters, taken)
    return other if cost(other) < cost(plain) else plain


def _divided_by_exponential(m: Monomial) -> Monomial | None:
    """Return e^u / (1 + e^u) as 1 / (1 + e^-u): what stands above and below divided by the exponential."""
    for a, e in m:
        if a.kind != "exp" or e != 1:
            continue
        for b, k in m:
            if b.kind == "base" and k == -1 and any(a in dict(t) for t in b.data.terms):
                inner = Poly({times(t, ((a, 1),), -1): n for t, n in b.data.terms.items()})
                left = tuple((x, n) for x, n in m if x is not a and x is not b)
                return (*left, (base_atom(inner), -1))
    return None


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
        above.append(Fn("exp", (_tree(inside, letters, taken),)))
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
            return Entry(a.data[0], tuple(_tree(p, letters, taken) for p in a.data[1]))
        case "fn" if a.data[0] == "pow":
            return Pow(*[_tree(p, letters, taken) for p in a.data[1]])
        case "fn":
            return Fn(a.data[0], tuple(_tree(p, letters, taken) for p in a.data[1]))
        case "exp":
            return Fn("exp", (_monomial(a.data, 1, letters, taken),))
        case "base":
            return _tree(a.data, letters, taken)
        case "ind":
            return _indicator(a, letters, taken)
        case "sum":
            return _sum(a, letters, taken)
    raise AssertionError(a.kind)


def _indicator(a: Atom, letters: Letters, taken: frozenset[str]) -> Tree:
    relation, p = a.data
    if relation in ("<", "<="):
        relation, p = (">" if relation == "<" else ">="), -p
    if relation == ">" and p.terms.get(()) == 1 and is_whole(p) and len(p.terms) > 1:
        relation, p = ">=", p - Poly({(): 1})  # of whole numbers, q + 1 > 0 is q >= 0
    below_size = relation != "=" and is_whole(p) and _index_below_size(p)
    if below_size and relation == ">=":
        relation, p = ">", p + Poly({(): 1})
    plus = Poly({m: c for m, c in p.terms.items() if c > 0 or (below_size and not m)})
    minus = Poly({m: -c for m, c in p.terms.items() if c < 0 and not (below_size and not m)})
    left, right = _tree(plus, letters, taken), _tree(minus, letters, taken)
    if relation == "=":
        if isinstance(right, Ix) and not isinstance(left, Ix):
            left, right = right, left
        whole = not any(isinstance(t, Entry) and t.tensor.classes is None for t in (left, right))
        return Delta(left, right) if whole else Ind("=", left, right)
    return Ind(relation, left, right)


def _index_below_size(p: Poly) -> bool:
    """Tell whether p is N - i - k + c: then i + k < N + c is written, whatever the sign of c."""
    found = [(m[0][0].kind, c) for m, c in p.terms.items() if len(m) == 1 and m[0][1] == 1]
    alone = len(found) == sum(bool(m) for m in p.terms)
    return alone and found.count(("sym", 1)) == 1 and 1 <= found.count(("ix", -1)) == len(found) - 1


def _sum(a: Atom, letters: Letters, taken: frozenset[str]) -> Tree:
    fresh, body = opened(a)
    named: dict[Index, Index] = {}
    taken = taken | frozenset(i.letter for i in a.indices)
    for i in fresh:
        letter = letters.choose(i.size, taken)
        taken = taken | {letter}
        i.letter = letter
        named[i] = i
    out = _tree(body, letters, taken)
    for i in reversed(fresh):
        out = Sum(i, out)
    return out
