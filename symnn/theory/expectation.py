"""Expectations in one go: a formula is opened into terms, and every term into sums over how its factors coincide.

Entries of one tensor are independent with one law, so their joint cumulants are

    k(W_a, W_b, ..., W_c) = k_n [a = b = ... = c],

and the expectation of a product is the sum, over all partitions of its factors, of the products of cumulants
(McCullagh 1987, Tensor Methods in Statistics, sec. 2.3). With k_n = 0 beyond 2 that is Isserlis' theorem. Factors of
different tensors are independent. The small steps of ``rules.py`` reach the same value by named rules; they come here
only to look up a moment of a law and to weigh a condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from symnn.algebra.compact import Letters, to_tree
from symnn.algebra.convert import canonical
from symnn.algebra.terms import Atom, Poly
from symnn.derive.tidy import clean, contract
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Delta,
    Div,
    Entry,
    Fn,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Tree,
    Where,
    children,
    mul,
    num,
    rebuild,
    tensors_in,
    transform,
)
from symnn.theory.errors import MomentError
from symnn.theory.laws import Law

__all__ = [
    "Laws", "expected", "groups", "is_random", "mean_of", "named_moment", "opened_up", "out_of_fraction", "sources",
    "taken", "variance_of",
]  # fmt: skip

_HALF = Fraction(1, 2)
#: Random leaves, or values declared random, with their laws.
Laws = Mapping[Tensor, Law]
#: Factors that coincide in so many ways are not opened.
_MOST_FACTORS = 8


@dataclass(frozen=True)
class _Factor:
    """A function of one random entry: ``tree`` speaks of it as the entry ``entry``."""

    entry: Entry
    tree: Tree


@dataclass(frozen=True)
class _Term:
    """coefficient * product of factors, summed over ``over``."""

    coefficient: Tree
    over: tuple[Index, ...]
    factors: tuple[_Factor, ...]


def mean_of(tree: Tree) -> Tree:
    """Return E[tree], still to be taken."""
    return Fn("E", (tree,))


def variance_of(tree: Tree) -> Tree:
    """Return Var(tree), still to be taken."""
    return Fn("Var", (tree,))


def is_random(tree: Tree, laws: Laws) -> bool:
    """Tell whether a formula depends on a random tensor."""
    return any(_depends(t, laws) for t in tensors_in(tree))


def _depends(t: Tensor, laws: Laws) -> bool:
    if t in laws:
        return True
    return t.definition is not None and any(_depends(a, laws) for a in t.definition.args)


def opened_up(tree: Tree, laws: Laws) -> Tree:
    """Return a formula over random tensors and constants: values computed from random ones are written out."""

    def change(at: Tree) -> Tree:
        if isinstance(at, Entry) and at.tensor not in laws and _depends(at.tensor, laws):
            return opened_up(unfold(at), laws)
        return at

    return transform(tree, change)


def taken(tree: Tree, laws: Laws) -> Tree:
    """Return a formula with every E, Var and Cov in it taken.

    Raises:
        MomentError: one of them cannot be.
    """
    if isinstance(tree, Fn) and tree.name in ("E", "Var", "Cov"):
        parts = [taken(p, laws) for p in tree.args]
        if tree.name == "E":
            return expected(parts[0], laws)
        one, other = parts[0], parts[-1]
        both = Pow(one, num(2)) if tree.name == "Var" else mul(one, other)
        return Add((expected(both, laws), Neg(mul(expected(one, laws), expected(other, laws)))))
    parts = list(children(tree))
    return rebuild(tree, tuple(taken(p, laws) for p in parts)) if parts else tree


def expected(tree: Tree, laws: Laws) -> Tree:
    """Return E[tree] as a formula without random tensors, but for moments that have no name, E[g(z)].

    Raises:
        MomentError: a moment is needed that a law does not know, or a function takes several random entries at once.
    """
    total = [_expected_term(t, laws) for t in _terms(opened_up(tree, laws), laws)]
    kept = [t for t in total if t != ZERO]
    whole: Tree = ZERO if not kept else kept[0] if len(kept) == 1 else Add(tuple(kept))
    return clean(contract(whole))


def sources(tree: Tree, laws: Laws) -> frozenset[Tensor]:
    """Return the random tensors that a formula depends on."""
    out: set[Tensor] = set()
    for t in tensors_in(tree):
        if t in laws:
            out.add(t)
        elif t.definition is not None:
            for a in t.definition.args:
                out |= sources(Entry(a, (ZERO,) * a.rank), laws)
    return frozenset(out)


def groups(factors: Sequence[Tree], laws: Laws) -> list[list[Tree]]:
    """Return factors in groups that share no random tensor."""
    found: list[tuple[set[Tensor], list[Tree]]] = []
    for f in factors:
        own = set(sources(f, laws))
        joined = [g for g in found if g[0] & own]
        rest = [g for g in found if not g[0] & own]
        found = [*rest, (own.union(*(g[0] for g in joined)), [*(x for g in joined for x in g[1]), f])]
    order = {id(f): n for n, f in enumerate(factors)}
    return sorted((g[1] for g in found), key=lambda g: order[id(g[0])])


def out_of_fraction(tree: Div, laws: Laws) -> Tree | None:
    """Return a fraction as a product of what shares no random tensor with its denominator, and the rest over it."""
    factors = tree.num.factors if isinstance(tree.num, Mul) else (tree.num,)
    if tree.num == ONE or not is_random(tree.den, laws):
        return None
    together = next(g for g in groups((*factors, tree.den), laws) if any(f is tree.den for f in g))
    outside = [f for f in factors if not any(f is g for g in together)]
    rest = [f for f in factors if any(f is g for g in together)]
    return mul(*outside, Div(mul(*rest), tree.den)) if outside else None


# -- terms -------------------------------------------------------------------------------------------------------------


def _terms(tree: Tree, laws: Laws) -> Iterator[_Term]:
    """Yield the terms of a formula, their bound indices fresh."""
    if not is_random(tree, laws):
        yield _Term(tree, (), ())
        return
    match tree:
        case Entry():
            if any(is_random(p, laws) for p in tree.at):
                raise MomentError(f"a random position, in {tree.tensor.name}, has no moments here.")
            yield _Term(ONE, (), (_Factor(tree, tree),))
        case Add():
            for t in tree.terms:
                yield from _terms(t, laws)
        case Neg():
            for term in _terms(tree.body, laws):
                yield _Term(mul(num(-1), term.coefficient), term.over, term.factors)
        case Mul():
            for parts in product(*(list(_terms(f, laws)) for f in tree.factors)):
                yield _joined([_renewed(p) for p in parts])
        case Div() if (split := out_of_fraction(tree, laws)) is not None:
            yield from _terms(split, laws)
        case Div() if not is_random(tree.den, laws):
            for term in _terms(tree.num, laws):
                yield _Term(Div(term.coefficient, tree.den), term.over, term.factors)
        case Pow(exponent=Num() as e) if e.value.denominator == 1 and e.value > 0:
            inner = list(_terms(tree.base, laws))
            if len(inner) == 1 and not inner[0].over and len(inner[0].factors) == 1:
                only = inner[0].factors[0]
                power = _Factor(only.entry, Pow(only.tree, tree.exponent))
                yield _Term(Pow(inner[0].coefficient, tree.exponent), (), (power,))
                return
            for chosen in product(inner, repeat=int(e.value)):
                yield _joined([_renewed(p) for p in chosen])
        case Sum():
            for term in _terms(tree.body, laws):
                yield _Term(term.coefficient, (tree.index, *term.over), term.factors)
        case Where():
            c = tree.condition
            yield from _terms(Add((mul(c, tree.then), mul(Add((ONE, Neg(c))), tree.other))), laws)
        case _:
            yield _Term(ONE, (), (_of_one(tree, laws),))


def _of_one(tree: Tree, laws: Laws) -> _Factor:
    """Return a function of one random entry."""
    entries = {at for at in _entries(tree, laws)}
    if len(entries) != 1 or any(isinstance(at, Sum) for at in _subtrees(tree)):
        named = ", ".join(sorted({e.tensor.name for e in entries}))
        raise MomentError(
            f"A function of several random entries at once ({named}) has no moments here. Declare the law of what it "
            "is taken of, a pre-activation say, as an assumption."
        )
    return _Factor(entries.pop(), tree)


def _entries(tree: Tree, laws: Laws) -> Iterator[Entry]:
    if isinstance(tree, Entry) and tree.tensor in laws:
        yield tree
    for p in children(tree):
        yield from _entries(p, laws)


def _subtrees(tree: Tree) -> Iterator[Tree]:
    yield tree
    for p in children(tree):
        yield from _subtrees(p)


def _renewed(term: _Term) -> _Term:
    """Return a term with bound indices of its own."""
    if not term.over:
        return term
    names = {i: i.fresh(i.size) for i in term.over}

    def put(tree: Tree) -> Tree:
        return substitute(tree, indices={i: Ix(j) for i, j in names.items()})

    factors = []
    for f in term.factors:
        entry = put(f.entry)
        assert isinstance(entry, Entry)
        factors.append(_Factor(entry, put(f.tree)))
    return _Term(put(term.coefficient), tuple(names.values()), tuple(factors))


def _joined(terms: Sequence[_Term]) -> _Term:
    over: tuple[Index, ...] = ()
    factors: tuple[_Factor, ...] = ()
    for t in terms:
        over, factors = (*over, *t.over), (*factors, *t.factors)
    return _Term(mul(*(t.coefficient for t in terms)), over, factors)


# -- their expectations ------------------------------------------------------------------------------------------------


def _expected_term(term: _Term, laws: Laws) -> Tree:
    """Return the expectation of a term: of each tensor's factors a sum over their partitions."""
    groups: dict[Tensor, list[_Factor]] = {}
    for f in term.factors:
        groups.setdefault(f.entry.tensor, []).append(f)
    parts: list[Tree] = [term.coefficient]
    for t, factors in groups.items():
        part = _expected_group(factors, laws[t])
        if part == ZERO:
            return ZERO
        parts.append(part)
    out = mul(*parts)
    for i in reversed(term.over):
        out = Sum(i, out)
    return out


def _expected_group(factors: Sequence[_Factor], law: Law) -> Tree:
    """Return E of a product of functions of entries of one tensor."""
    if len(factors) > _MOST_FACTORS:
        raise MomentError(f"a product of {len(factors)} random factors coincides in too many ways.")
    together = _merged(factors)
    out = []
    for partition in _partitions(list(range(len(together)))):
        parts: list[Tree] = []
        for block in partition:
            k = _cumulant([together[n] for n in block], law)
            if k == ZERO:
                break
            first = together[block[0]].entry
            parts += [k, *(d for n in block[1:] for d in _coincide(first, together[n].entry))]
        else:
            out.append(mul(*parts))
    return ZERO if not out else out[0] if len(out) == 1 else Add(tuple(out))


def _merged(factors: Sequence[_Factor]) -> list[_Factor]:
    """Return the factors with those of one and the same entry multiplied."""
    found: dict[Entry, Tree] = {}
    for f in factors:
        found[f.entry] = mul(found[f.entry], f.tree) if f.entry in found else f.tree
    return [_Factor(e, t) for e, t in found.items()]


def _coincide(one: Entry, other: Entry) -> Iterator[Tree]:
    for a, b in zip(one.at, other.at, strict=True):
        if a != b:
            yield Delta(a, b)


def _partitions(items: list[int]) -> Iterator[list[list[int]]]:
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for partition in _partitions(rest):
        yield [[first], *partition]
        for n, block in enumerate(partition):
            yield [*partition[:n], [first, *block], *partition[n + 1 :]]


def _cumulant(factors: Sequence[_Factor], law: Law) -> Tree:
    """Return the joint cumulant of functions of one entry: sum over partitions (-1)^(b-1) (b-1)! prod E[block]."""
    if all(f.tree == f.entry for f in factors):
        return law.cumulant(len(factors))
    out: list[Tree] = []
    for partition in _partitions(list(range(len(factors)))):
        weight = 1
        for k in range(1, len(partition)):
            weight *= -k
        moments = [moment_of(mul(*(_at_one(factors[n]) for n in block)), law) for block in partition]
        if all(m != ZERO for m in moments):
            out.append(mul(num(weight), *moments))
    return ZERO if not out else out[0] if len(out) == 1 else Add(tuple(out))


def _at_one(f: _Factor) -> Tree:
    """Return a function as one of the tensor's typical entry: all have one law."""
    typical = Entry(f.entry.tensor, (ZERO,) * len(f.entry.at))
    return transform(f.tree, lambda at: typical if at == f.entry else at)


def moment_of(tree: Tree, law: Law) -> Tree:
    """Return E of a function of one entry, from the law's moments where those give it, else still to be taken."""
    found = named_moment(tree, law)
    return mean_of(tree) if found is None else found


def named_moment(tree: Tree, law: Law) -> Tree | None:
    """Return E of a function of one entry where it is a polynomial, after symmetry if need be, or None.

    For a law that is symmetric about 0, E f(z) = E (f(z) + f(-z))/2: of relu squared that leaves E[z^2]/2.
    """
    entry = next(_any_entry(tree))
    form = canonical(tree)
    found = _polynomial_moment(form, entry, law)
    if found is not None:
        return found
    if law.symmetric:
        turned = transform(tree, lambda at: Neg(at) if at == entry else at)
        form = (form + canonical(turned)).scaled(_HALF)
        found = _polynomial_moment(form, entry, law)
        if found is not None:
            return found
    return None


def _any_entry(tree: Tree) -> Iterator[Entry]:
    return (at for at in _subtrees(tree) if isinstance(at, Entry))


def _polynomial_moment(form: Poly, entry: Entry, law: Law) -> Tree | None:
    """Return E of a polynomial in an entry from the law's moments, or None where it is no polynomial in it."""
    name = canonical(entry).single()
    assert name is not None
    (atom, _), *_ = name[0]
    out: list[Tree] = []
    letters = Letters()
    for m, c in form.terms.items():
        power, others, zero = 0, [], False
        for a, e in m:
            if a is atom and isinstance(e, int) and e > 0:
                power = e
            elif a.kind == "ind" and a.data == ("=", canonical(entry)):
                zero = True
            elif _speaks_of(a, entry.tensor):
                return None
            else:
                others.append((a, e))
        if zero and (power or law.density):
            continue  # z^n [z = 0] is 0, and of a density so is P(z = 0)
        if zero:
            return None
        out.append(mul(to_tree(Poly({tuple(others): c}), letters), law.known(power)))
    return ZERO if not out else out[0] if len(out) == 1 else Add(tuple(out))


def _speaks_of(a: Atom, t: Tensor) -> bool:
    return t in tensors_in(to_tree(Poly({((a, 1),): 1}), Letters()))
