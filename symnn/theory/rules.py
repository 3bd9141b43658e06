"""The small steps of a lecture: rules that take one expectation or variance apart at a time, each with its name.

Every rule rewrites a node E[...], Var(...) or Cov(...) of a formula. What a rule needs (independent factors,
uncorrelated terms, a symmetric law) is read from the laws and from the formula, never from a layer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy

from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical
from symnn.algebra.terms import Poly
from symnn.derive.steps import Derived
from symnn.derive.tidy import clean
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import unfold
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
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
    depends_on,
    mul,
    num,
    rebuild,
    tensors_in,
    transform,
)
from symnn.show.text_notation import text
from symnn.theory.errors import MomentError
from symnn.theory.expectation import (
    Laws,
    expected,
    groups,
    is_random,
    mean_of,
    moment_of,
    named_moment,
    out_of_fraction,
    sources,
    taken,
    variance_of,
)
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.laws import Law

__all__ = ["IN_ONE_GO", "RULES", "Rule", "lines_of"]

_TWO = num(2)
#: The rule of a line that the small steps did not reach.
IN_ONE_GO = "joint cumulants over all partitions of the factors"
#: A derivation longer than this does not end.
_MOST_LINES = 60


@dataclass(frozen=True)
class Rule:
    """One rule: its name on the page, and what it makes of a formula, the same one where it does not apply."""

    name: str
    change: Callable[[Tree, Laws], Tree]


def lines_of(tree: Tree, laws: Laws) -> Derived:
    """Return the lines from a formula with expectations in it to one without.

    Where the rules do not get there, the last line is taken in one go, and its rule says so; a moment that has no name
    is left as it is. Lines that go on for ever are not shown.

    Raises:
        MomentError: a moment is needed that no law knows.
    """
    record = Derived()
    record.then(tree)
    for _ in range(_MOST_LINES):
        found = _step(record.result, laws)
        if found is None:
            break
        name, new = found
        record.then(new, name)
    else:
        del record.steps[1:]
    if _has_moment(record.result):
        whole = to_tree(canonical(taken(tree, laws)), Letters((tree,)))
        if not _has_moment(whole):
            record.then(whole, IN_ONE_GO)
    return record


def _step(tree: Tree, laws: Laws) -> tuple[str, Tree] | None:
    """Return the first rule that changes something, applied wherever it does."""
    for rule in RULES:
        new = rule.change(tree, laws)
        if new != tree and text(clean(_without_zeros(new))) != text(tree):  # more than the names of bound indices
            opened = [t.name for t in tensors_in(tree) if t not in tensors_in(new)] if rule.name == "definition" else []
            return " of ".join((rule.name, ", ".join(opened))) if opened else rule.name, clean(_without_zeros(new))
    return None


def _without_zeros(tree: Tree) -> Tree:
    """Return a formula without products with 0: a mean of 0 takes its terms with it."""

    def change(at: Tree) -> Tree:
        if isinstance(at, Pow) and at.base == ZERO:
            return ZERO
        if isinstance(at, Mul) and any(f == ZERO for f in at.factors):
            return ZERO
        if isinstance(at, Div | Sum | Neg) and ZERO in children(at) and not (isinstance(at, Div) and at.den == ZERO):
            return ZERO
        if isinstance(at, Add):
            kept = [t for t in at.terms if t != ZERO]
            return ZERO if not kept else kept[0] if len(kept) == 1 else Add(tuple(kept))
        return at

    return transform(tree, change)


def _nodes(apply: Callable[[Fn, Laws], Tree | None]) -> Callable[[Tree, Laws], Tree]:
    """Return what rewrites every outermost E, Var and Cov of a formula."""

    def change(tree: Tree, laws: Laws) -> Tree:
        if isinstance(tree, Fn) and tree.name in ("E", "Var", "Cov"):
            new = apply(tree, laws)
            return tree if new is None else new
        parts = children(tree)
        return rebuild(tree, tuple(change(p, laws) for p in parts)) if parts else tree

    return change


# -- rules -------------------------------------------------------------------------------------------------------------


def _constant(at: Fn, laws: Laws) -> Tree | None:
    if any(is_random(p, laws) for p in at.args):
        return None
    return at.args[0] if at.name == "E" else ZERO


def _linear(at: Fn, laws: Laws) -> Tree | None:
    """E[sum c X] = sum c E[X]."""
    if at.name != "E":
        return None
    (body,) = at.args
    match body:
        case Add() if not _nameless(body, laws):
            return Add(tuple(mean_of(t) for t in body.terms))
        case Neg():
            return Neg(mean_of(body.body))
        case Sum():
            return Sum(body.index, mean_of(body.body))
        case Div() if not is_random(body.den, laws):
            return Div(mean_of(body.num), body.den)
        case Mul():
            fixed, random = _split(body.factors, laws)
            if fixed:
                return mul(*fixed, mean_of(mul(*random)))
    return None


def _split(factors: Sequence[Tree], laws: Laws) -> tuple[list[Tree], list[Tree]]:
    fixed = [f for f in factors if not is_random(f, laws)]
    return fixed, [f for f in factors if is_random(f, laws)]


def _out_of_sums(at: Fn, laws: Laws) -> Tree | None:
    """Take factors that do not depend on its index out of a sum."""

    def change(t: Tree) -> Tree:
        if not isinstance(t, Sum) or not isinstance(t.body, Mul):
            return t
        out = [f for f in t.body.factors if not depends_on(f, t.index)]
        rest = [f for f in t.body.factors if depends_on(f, t.index)]
        return mul(*out, Sum(t.index, mul(*rest))) if out and rest else t

    new = tuple(transform(p, change) for p in at.args)
    return Fn(at.name, new) if new != at.args else None


def _spread(at: Fn, laws: Laws) -> Tree | None:
    """E[(X Y)^n] = E[X^n Y^n], and equal factors as a power."""
    if at.name != "E":
        return None
    body = at.args[0]
    if _nameless(body, laws):
        return None
    if isinstance(body, Pow) and isinstance(body.base, Mul | Neg | Div):
        base, e = body.base, body.exponent
        if isinstance(base, Mul):
            return mean_of(mul(*(Pow(f, e) for f in base.factors)))
        if isinstance(base, Div):
            return mean_of(Div(Pow(base.num, e), Pow(base.den, e)))
        even = isinstance(e, Num) and e.value.denominator == 1 and e.value % 2 == 0
        return mean_of(Pow(base.body, e)) if even else None
    if isinstance(body, Mul):
        alike: dict[Any, list[Tree]] = {}
        for f in body.factors:  # two sums may be the same but for the names of their indices
            alike.setdefault(canonical(f), []).append(f)
        if any(len(same) > 1 and is_random(same[0], laws) for same in alike.values()):
            powers = [same[0] if len(same) == 1 else Pow(same[0], num(len(same))) for same in alike.values()]
            return mean_of(mul(*powers))
    return None


def _fraction(at: Fn, laws: Laws) -> Tree | None:
    """E[X Y/Z] = E[X (Y/Z)], and so of a variance, where X shares nothing with Y and Z."""
    if at.name == "Cov" or not isinstance(at.args[0], Div):
        return None
    split = out_of_fraction(at.args[0], laws)
    return None if split is None else Fn(at.name, (split,))


def _independent(at: Fn, laws: Laws) -> Tree | None:
    """E[X Y] = E[X] E[Y] of independent X and Y."""
    if at.name != "E" or not isinstance(at.args[0], Mul):
        return None
    found = groups(at.args[0].factors, laws)
    return mul(*(mean_of(mul(*g)) for g in found)) if len(found) > 1 else None


def _shifted(at: Fn, laws: Laws) -> Tree | None:
    """Var(X + c) = Var(X)."""
    if at.name != "Var" or not isinstance(at.args[0], Add):
        return None
    fixed, random = _split(at.args[0].terms, laws)
    if not fixed or not random:
        return None
    return variance_of(random[0] if len(random) == 1 else Add(tuple(random)))


def _scaled(at: Fn, laws: Laws) -> Tree | None:
    """Var(c X) = c^2 Var(X)."""
    if at.name != "Var":
        return None
    body = at.args[0]
    if isinstance(body, Neg):
        return variance_of(body.body)
    if isinstance(body, Div) and not is_random(body.den, laws):
        return Div(variance_of(body.num), Pow(body.den, _TWO))
    if isinstance(body, Mul):
        fixed, random = _split(body.factors, laws)
        if fixed:
            return mul(*(Pow(f, _TWO) for f in fixed), variance_of(mul(*random)))
    return None


def _uncorrelated(at: Fn, laws: Laws) -> Tree | None:
    """Var(sum X) = sum Var(X) of uncorrelated terms; the covariance of two different terms is worked out to be 0."""
    if at.name != "Var":
        return None
    body = at.args[0]
    if isinstance(body, Add):
        pairs = [(a, b) for n, a in enumerate(body.terms) for b in body.terms[n + 1 :]]
        if all(_covariance(a, b, laws) == 0 for a, b in pairs):
            return Add(tuple(variance_of(t) for t in body.terms))
    if isinstance(body, Sum):
        k = body.index
        other = k.fresh(k.size)
        apart = mul(
            Add((ONE, Neg(Delta(Ix(k), Ix(other))))),
            _between(body.body, substitute(body.body, indices={k: Ix(other)}), laws),
        )
        if not canonical(apart).terms:
            return Sum(k, variance_of(body.body))
    return None


def _between(a: Tree, b: Tree, laws: Laws) -> Tree:
    """Return Cov(a, b)."""
    return Add((expected(mul(a, b), laws), Neg(mul(expected(a, laws), expected(b, laws)))))


def _covariance(a: Tree, b: Tree, laws: Laws) -> int | None:
    """Return 0 where two terms are uncorrelated."""
    if not sources(a, laws) & sources(b, laws):
        return 0
    return None if canonical(_between(a, b, laws)).terms else 0


def _product(at: Fn, laws: Laws) -> Tree | None:
    """Var(X Y) = Var X Var Y + (E X)^2 Var Y + Var X (E Y)^2 of independent X and Y."""
    if at.name != "Var" or not isinstance(at.args[0], Mul):
        return None
    found = groups(at.args[0].factors, laws)
    if len(found) < 2:
        return None
    x, y = mul(*found[0]), mul(*(f for g in found[1:] for f in g))
    return Add((
        mul(variance_of(x), variance_of(y)), mul(Pow(mean_of(x), _TWO), variance_of(y)),
        mul(variance_of(x), Pow(mean_of(y), _TWO)),
    ))  # fmt: skip


def _centred_product(at: Fn, laws: Laws) -> Tree | None:
    """Var(X Y) = Var X E[Y^2] of independent X and Y, where E X = 0 and Y is a function of something."""
    if at.name != "Var" or not isinstance(at.args[0], Mul):
        return None
    found = groups(at.args[0].factors, laws)
    if len(found) != 2:
        return None
    parts = [mul(*g) for g in found]
    for x, y in (parts, parts[::-1]):
        if not isinstance(y, Entry) and not canonical(taken(mean_of(x), laws)).terms:
            return mul(variance_of(x), mean_of(Pow(y, _TWO)))
    return None


def _square_of_sum(at: Fn, laws: Laws) -> Tree | None:
    """E[X^2] = Var X + (E X)^2 of a sum."""
    if at.name == "E" and isinstance(at.args[0], Pow) and at.args[0].exponent == _TWO:
        base = at.args[0].base
        if isinstance(base, Sum):
            return Add((variance_of(base), Pow(mean_of(base), _TWO)))
    return None


def _opened(at: Fn, laws: Laws) -> Tree | None:
    """E[(X + Y)^2] and E[X (Y + Z)], multiplied out."""
    if at.name != "E" or _nameless(at.args[0], laws):
        return None
    body = at.args[0]
    if isinstance(body, Pow) and isinstance(body.base, Add) and body.exponent == _TWO:
        terms = body.base.terms
        crossed = [mul(_TWO, a, b) for n, a in enumerate(terms) for b in terms[n + 1 :]]
        return mean_of(Add((*(Pow(t, _TWO) for t in terms), *crossed)))
    if isinstance(body, Mul):
        for n, f in enumerate(body.factors):
            if isinstance(f, Add) and is_random(f, laws):
                rest = (*body.factors[:n], *body.factors[n + 1 :])
                return mean_of(Add(tuple(mul(*rest, t) for t in f.terms)))
        for n, f in enumerate(body.factors):
            if isinstance(f, Sum) and is_random(f, laws):  # into the sum and out of the mean: else it comes out again
                k = f.index.fresh(f.index.size)
                inner = substitute(f.body, indices={f.index: Ix(k)})
                return Sum(k, mean_of(mul(*body.factors[:n], inner, *body.factors[n + 1 :])))
    return None


def _covariance_of_sums(at: Fn, laws: Laws) -> Tree | None:
    """Cov(sum_j X_j, sum_k Y_k) = sum_j Cov(X_j, Y_j), where terms of different indices are uncorrelated."""
    if at.name != "Cov" or not all(isinstance(p, Sum) for p in at.args):
        return None
    one, other = at.args
    assert isinstance(one, Sum) and isinstance(other, Sum)
    j, k = one.index, other.index
    if j.size != k.size:
        return None
    apart = mul(Add((ONE, Neg(Delta(Ix(j), Ix(k))))), _between(one.body, other.body, laws))
    if canonical(apart).terms:
        return None
    return Sum(j, Fn("Cov", (one.body, substitute(other.body, indices={k: Ix(j)}))))


def _two_entries(at: Fn, laws: Laws) -> Tree | None:
    """E[W_a W_b] = Var W [a = b] + (E W)^2 of two entries of one tensor."""
    body = at.args[0]
    if at.name != "E" or not isinstance(body, Mul) or len(body.factors) != 2:
        return None
    one, other = body.factors
    if not (isinstance(one, Entry) and isinstance(other, Entry) and one.tensor is other.tensor and one.tensor in laws):
        return None
    law = laws[one.tensor]
    same = [Delta(a, b) for a, b in zip(one.at, other.at, strict=True) if a != b]
    return Add((mul(law.variance, *same), Pow(law.mean, _TWO)))


def _of_product(at: Fn, laws: Laws) -> Tree | None:
    """Cov(X, Y) = E[X Y] - E[X] E[Y]."""
    if at.name != "Cov":
        return None
    one, other = at.args
    return Add((mean_of(mul(one, other)), Neg(mul(mean_of(one), mean_of(other)))))


def _of_square(at: Fn, laws: Laws) -> Tree | None:
    """Var(X) = E[X^2] - E[X]^2, where no other rule takes it apart."""
    if at.name == "Var" and not isinstance(at.args[0], Entry):
        return Add((mean_of(Pow(at.args[0], _TWO)), Neg(Pow(mean_of(at.args[0]), _TWO))))
    return None


def _known_mean(at: Fn, laws: Laws) -> Tree | None:
    """E[X] of an entry whose law is given."""
    body = at.args[0]
    if at.name == "E" and isinstance(body, Entry) and body.tensor in laws:
        return laws[body.tensor].mean
    return None


def _known_variance(at: Fn, laws: Laws) -> Tree | None:
    """Var(X) of an entry whose law is given."""
    body = at.args[0]
    if at.name == "Var" and isinstance(body, Entry) and body.tensor in laws:
        return laws[body.tensor].variance
    return None


def _definition(at: Fn, laws: Laws) -> Tree | None:
    """Write out a value inside E or Var that is computed from random ones."""

    def change(t: Tree) -> Tree:
        if isinstance(t, Entry) and t.tensor not in laws and t.tensor.definition is not None and is_random(t, laws):
            return unfold(t)
        return t

    new = tuple(transform(p, change) for p in at.args)
    return Fn(at.name, new) if new != at.args else None


def _common(at: Fn, laws: Laws) -> Tree | None:
    """Take a factor that all cases share out of them."""

    def change(t: Tree) -> Tree:
        if not isinstance(t, Where):
            return t
        shared = [f for f in _factors(t.then) if f in _factors(t.other)]
        if not shared or t.other == ZERO:
            return t
        then, other = (mul(*(f for f in _factors(p) if f not in shared)) for p in (t.then, t.other))
        return mul(*shared, Where(t.condition, then, other))

    new = tuple(transform(p, change) for p in at.args)
    return Fn(at.name, new) if new != at.args else None


def _by_cases(at: Fn, laws: Laws) -> Tree | None:
    """Write max, abs and cases as indicators, and multiply out."""
    if at.name == "Cov" or not any(
        isinstance(t, Where) or (isinstance(t, Fn) and t.name in ("max", "min", "abs")) for t in _subtrees(at.args[0])
    ):
        return None
    if at.name == "E" and _nameless(at.args[0], laws):
        return None
    return Fn(at.name, (_multiplied(at.args[0]),))


def _multiplied(tree: Tree) -> Tree:
    """Return a formula as canonical terms, each printed by itself."""
    form = canonical(tree)
    letters = Letters((tree,))
    terms = [to_tree(Poly({m: c}), letters) for m, c in form.terms.items()]
    return ZERO if not terms else terms[0] if len(terms) == 1 else Add(tuple(terms))


def _symmetric(at: Fn, laws: Laws) -> Tree | None:
    """E f(z) = E (f(z) + f(-z))/2 of a law that is symmetric about 0, where f is no polynomial."""
    if at.name != "E":
        return None
    entry = _only_entry(at.args[0], laws)
    if entry is None or not laws[entry.tensor].symmetric or _is_polynomial(at.args[0]):
        return None
    turned = transform(at.args[0], lambda t: Neg(t) if t == entry else t)
    both = clean(Add((at.args[0], turned)))
    return Div(mean_of(both), _TWO) if _whole(both, entry, laws[entry.tensor].density) is not None else None


def _gathered(at: Fn, laws: Laws) -> Tree | None:
    """Put together the two halves that symmetry made: z^2 [z > 0] + z^2 [z < 0] = z^2."""
    entry = _only_entry(at.args[0], laws) if at.name == "E" and isinstance(at.args[0], Add) else None
    if entry is None or _is_polynomial(at.args[0]):
        return None
    new = _whole(at.args[0], entry, laws[entry.tensor].density)
    return None if new is None else mean_of(new)


def _whole(tree: Tree, entry: Entry, density: bool) -> Tree | None:
    """Return a function of one entry as a polynomial, where it is one: z^n [z = 0] is 0, and so is P(z = 0)."""
    form, at_zero = canonical(tree), ("=", canonical(entry))
    kept: dict[Any, Any] = {}
    for m, c in form.terms.items():
        if not any(a.kind == "ind" and a.data == at_zero for a, _ in m):
            kept[m] = c
        elif not density and not any(a.kind == "ent" for a, _ in m):
            return None
    new = to_tree(Poly(kept), Letters((tree,)))
    return new if _is_polynomial(new) else None


def _moments(at: Fn, laws: Laws) -> Tree | None:
    """E[z^n] from the law."""
    if at.name != "E":
        return None
    entry = _only_entry(at.args[0], laws)
    if entry is None or not _is_polynomial(at.args[0]):
        return None
    return moment_of(at.args[0], laws[entry.tensor])


def _integral(at: Fn, laws: Laws) -> Tree | None:
    """E[g(z)] of a normal law, where the Gaussian integral has a closed form."""
    if at.name != "E":
        return None
    entry = _only_entry(at.args[0], laws)
    if entry is None or not laws[entry.tensor].normal or _is_polynomial(at.args[0]):
        return None
    return _closed(at.args[0], entry, laws[entry.tensor])


def _nameless(tree: Tree, laws: Laws) -> bool:
    """Tell whether a formula is a function of one entry whose mean has no name: its parts are not asked for one by one.

    Factors that are not random still come out of it.
    """
    entry = _only_entry(tree, laws)
    if entry is None or _is_polynomial(tree) or (isinstance(tree, Mul) and _split(tree.factors, laws)[0]):
        return False
    law = laws[entry.tensor]
    if not law.normal:
        return False
    return named_moment(tree, law) is None and _closed(tree, entry, law) is None


@lru_cache(maxsize=256)
def _closed(tree: Tree, entry: Entry, law: Law) -> Tree | None:
    return closed_form(tree, entry, law)


def closed_form(tree: Tree, entry: Entry, law: Law) -> Tree | None:
    """Return the Gaussian integral of a function of one entry in closed form, or None."""
    z = sympy.Symbol("z", real=True)
    mean, variance = (to_sympy(p) for p in law.parameters)
    function = to_sympy(transform(tree, lambda t: Sym(z) if t == entry else t))
    try:
        found = gaussian_mean(function, z, variance=variance, mean=mean, digits=15).closed
    except (MomentError, UnsupportedError, NotImplementedError):
        return None
    return None if found is None else from_sympy(found)


def _only_entry(tree: Tree, laws: Laws) -> Entry | None:
    if any(isinstance(t, Sum) for t in _subtrees(tree)):  # then it stands for many
        return None
    found = {t for t in _subtrees(tree) if isinstance(t, Entry) and is_random(t, laws)}
    return found.pop() if len(found) == 1 and next(iter(found)).tensor in laws else None


def _is_polynomial(tree: Tree) -> bool:
    return not any(isinstance(t, Fn | Ind | Where | Delta) for t in _subtrees(tree))


def _subtrees(tree: Tree) -> Iterator[Tree]:
    yield tree
    for p in children(tree):
        yield from _subtrees(p)


# -- rules of the formula around ---------------------------------------------------------------------------------------


def _alike(tree: Tree, laws: Laws) -> Tree:
    """sum_j E[X_j] = D E[X_j] for any one j, of identically distributed terms: the value does not depend on j."""

    def change(at: Tree) -> Tree:
        if not isinstance(at, Sum) or at.index.size is None:
            return at
        if depends_on(at.body, at.index) and not (_has_moment(at.body) and _typical(at.body, at.index, laws)):
            return at
        return mul(from_sympy(at.index.size), at.body)

    return transform(tree, change)


def _has_moment(tree: Tree) -> bool:
    return any(isinstance(t, Fn) and t.name in ("E", "Var", "Cov") for t in _subtrees(tree))


def _typical(body: Tree, k: Index, laws: Laws) -> bool:
    """Tell whether a moment is the same for every value of an index, because the entries have one law."""
    return k not in canonical(taken(body, laws)).indices


def _second_moment(tree: Tree, laws: Laws) -> Tree:
    """Var(X) + E[X]^2 = E[X^2], also with a common factor."""
    return transform(tree, lambda at: _folded(at) if isinstance(at, Add) else at)


def _folded(at: Add) -> Tree:
    terms = list(at.terms)
    for n, t in enumerate(terms):
        for var in _factors(t):
            if not (isinstance(var, Fn) and var.name == "Var") or isinstance(var.args[0], Sum):
                continue
            rest = [f for f in _factors(t) if f is not var]
            wanted = canonical(mul(*rest, Pow(mean_of(var.args[0]), _TWO)))
            for m, u in enumerate(terms):
                if m != n and canonical(u) == wanted:
                    both = mul(*rest, mean_of(Pow(var.args[0], _TWO)))
                    left = [x for k, x in enumerate(terms) if k not in (n, m)]
                    return both if not left else Add((*left, both))
    return at


def _factors(tree: Tree) -> tuple[Tree, ...]:
    return tree.factors if isinstance(tree, Mul) else (tree,)


def _collected(tree: Tree, laws: Laws) -> Tree:
    if _has_moment(tree):
        return tree
    made = to_tree(canonical(tree), Letters((tree,)))
    return made if cost(made) <= cost(tree) else tree


#: In the order they are tried: what a lecture does first stands first.
RULES = (
    Rule("expectation of a constant", _nodes(_constant)),
    Rule("common factor of the cases", _nodes(_common)),
    Rule("a constant shifts no variance", _nodes(_shifted)),
    Rule("constant factor, squared", _nodes(_scaled)),
    Rule("both halves together", _nodes(_gathered)),
    Rule("factors out of the sum", _nodes(_out_of_sums)),
    Rule("power of a product", _nodes(_spread)),
    Rule("independent factors out of the fraction", _nodes(_fraction)),
    Rule("linearity of the expectation", _nodes(_linear)),
    Rule("variance of a sum of uncorrelated terms", _nodes(_uncorrelated)),
    Rule("covariance of sums, uncorrelated unless the index is the same", _nodes(_covariance_of_sums)),
    Rule("independent factors", _nodes(_independent)),
    Rule("identically distributed", _alike),
    Rule("variance of a product of independent factors, one of mean 0", _nodes(_centred_product)),
    Rule("variance of a product of independent factors", _nodes(_product)),
    Rule("mean of the law", _nodes(_known_mean)),
    Rule("variance and squared mean are the second moment", _second_moment),
    Rule("variance of the law", _nodes(_known_variance)),
    Rule("two entries: the same, or independent", _nodes(_two_entries)),
    Rule("moments of the law", _nodes(_moments)),
    Rule("second moment as variance and squared mean", _nodes(_square_of_sum)),
    Rule("definition", _nodes(_definition)),
    Rule("max and cases as indicators", _nodes(_by_cases)),
    Rule("symmetry of the law", _nodes(_symmetric)),
    Rule("Gaussian integral", _nodes(_integral)),
    Rule("multiplied out", _nodes(_opened)),
    Rule("definition of the variance", _nodes(_of_square)),
    Rule("definition of the covariance", _nodes(_of_product)),
    Rule("collect", _collected),
)
