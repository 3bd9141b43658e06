"""Simplify a differentiated tree, line by line: fold named values, factor and cancel, collect if that is shorter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical
from symnn.algebra.folding import Solution, rewrite, solutions
from symnn.algebra.normal import content, multiply
from symnn.algebra.terms import Monomial, Poly, Rational
from symnn.derive.guards import decided
from symnn.derive.meeting import MEETINGS, above_and_below
from symnn.derive.shorten import Named, branches, shortened, weight
from symnn.derive.steps import Derived
from symnn.derive.tidy import clean, factors
from symnn.graph.guarded import strays
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    Add,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Pow,
    Sum,
    Tree,
    Where,
    children,
    depends_on,
    free_indices,
    mul,
    rebuild,
    tensors_in,
    transform,
    walk,
)

__all__ = ["Named", "simplify", "weight"]


#: Products that one stage of simplifying may take: what needs more does not come out short.
_BUDGET = 6_000

#: Expanded sums with more terms than this are not gathered: nothing short comes of them.
_MOST_TERMS = 40

#: A formula that costs less than this, and sums no named value, is not looked at again with definitions eliminated.
_SHORT = 20


def simplify(record: Derived, named: Sequence[Named], *, collect: int = 1) -> None:
    """Append the lines that simplify the last one.

    Args:
        record: the derivation; its last line has no pending derivative.
        named: values that may be folded back in.
        collect: gather terms through the canonical form if that saves at least this printed cost.
    """
    tree = record.result
    letters = Letters([s.tree for s in record.steps])
    used: dict[str, None] = {}
    solved = [s for name in named for s in _solutions(name)]
    strayed = strays(tree)

    def reads_inside(found: Tree) -> bool:
        """Tell whether a rewriting leaves entries behind the conditions that keep them inside their axes."""
        return strayed or not strays(found)

    folded = _bounded(lambda: clean(_fold(tree, solved, letters, used)), tree)
    if not reads_inside(folded):
        folded, used = tree, {}
    by_cases = _bounded(lambda: _by_cases(folded, named, letters, used), folded)
    if (weight(folded) < weight(tree) or by_cases != folded) and reads_inside(by_cases):
        record.then(by_cases, *(f"fold {name}" for name in used))
        tree = by_cases
    for rule, met in MEETINGS:
        one = met(tree)
        if one != tree:
            record.then(one, rule)
            tree = one
    chosen = tree
    under = _bounded(lambda: decided(chosen), chosen) if branches(tree) else tree
    if weight(under) < weight(tree) and reads_inside(under):
        record.then(under, "decided by the condition beside it")
        tree = under
    before = tree
    cancelled = _bounded(lambda: clean(_cancel(clean(_without_equal_factors(before)), letters)), before)
    if weight(cancelled) < weight(tree) and reads_inside(cancelled):
        record.then(cancelled, "factor and cancel")
        tree = cancelled
    nothing: tuple[Tree | None, tuple[str, ...]] = (None, ())
    last = tree
    best, names = _bounded(lambda: _collected(last, solved, letters), nothing)
    if best is not None and weight(tree) - weight(best) >= collect and reads_inside(best):
        record.then(best, *names, "collect terms")
        tree = best
    if weight(tree) >= _SHORT or _sums_a(tree, [tensor for tensor, _, _ in named]):
        after = tree
        found = _bounded(lambda: shortened(after, named, letters), None)
        if found is not None:
            record.then(found[0], *found[1])
            tree = found[0]
    asked = tree
    compared = _bounded(lambda: transform(asked, lambda t: _compared(t, letters)), asked)
    if weight(compared) < weight(tree):
        record.then(compared, "the same comparison")


def _sums_a(tree: Tree, named: Sequence[Tensor]) -> bool:
    """Tell whether a sum runs over entries of a named value and nothing else: what they sum to may be known."""
    for t in walk(tree):
        if isinstance(t, Sum):
            moving = [f for f in factors(t.body) if depends_on(f, t.index)]
            bare = [f.base if isinstance(f, Pow) else f for f in moving]
            if len(set(bare)) == 1 and isinstance(bare[0], Entry) and bare[0].tensor in named:
                return True
    return False


_Found = TypeVar("_Found")


def _bounded(work: Callable[[], _Found], otherwise: _Found) -> _Found:
    """Return what some work finds, or ``otherwise`` where it takes more products than it is worth."""
    try:
        with limited(_BUDGET):
            return work()
    except Exhausted:
        return otherwise


def _solutions(named: Named) -> list[Solution]:
    tensor, at, definition = named
    if isinstance(definition, Where):
        return []
    try:
        return solutions(tensor, at, definition)
    except ZeroDivisionError:
        return []


def _attempt(tree: Tree, solved: Sequence[Solution], letters: Letters) -> tuple[Tree, tuple[str, ...]] | None:
    """Return the cheapest rewriting of a tree by solved definitions, if any makes it shorter."""
    try:
        poly = canonical(tree)
    except ZeroDivisionError:
        return None
    if len(poly.terms) > _MOST_TERMS:
        return None
    best: tuple[Tree, tuple[str, ...]] | None = None
    for solution in solved:
        try:
            new = rewrite(poly, solution)
        except ZeroDivisionError:
            continue
        if new == poly:
            continue
        out = to_tree(new, letters)
        if weight(out) < weight(tree if best is None else best[0]):
            best = (out, (solution.tensor.name,))
    return best


def _fold(tree: Tree, solved: Sequence[Solution], letters: Letters, used: dict[str, None]) -> Tree:
    if isinstance(tree, Mul | Div | Pow | Fn) and not any(_holds_sum_of_terms(f) for f in factors(tree)):
        found = _attempt(tree, solved, letters)
        if found is not None:
            used.update(dict.fromkeys(found[1]))
            return found[0]
    if isinstance(tree, Entry):
        return tree
    parts = children(tree)
    return rebuild(tree, tuple(_fold(p, solved, letters, used) for p in parts)) if parts else tree


def _by_cases(tree: Tree, named: Sequence[Named], letters: Letters, used: dict[str, None]) -> Tree:
    """Where a definition and the formula branch on one condition, fold within each branch."""
    for tensor, at, definition in named:
        outside = frozenset(free_indices(tree))  # a case that reads a summed index cannot be told apart outside the sum
        branches = [t for t in walk(tree) if isinstance(t, Where) and outside.issuperset(free_indices(t.condition))]
        for case, mine in ((c, t) for c in walk(definition) if isinstance(c, Where) for t in branches):
            env = _match(case.condition, mine.condition, at)
            if env is None or set(env) != set(at):
                continue
            here = tuple(env[i] for i in at)
            local = substitute(definition, indices={i: Ix(j) for i, j in env.items()})
            ways = []
            for side in (True, False):
                part = _settled(tree, mine.condition, side)
                solved = _solutions((tensor, here, _settled(local, mine.condition, side)))
                found = _attempt(part, solved, letters)
                ways.append(found[0] if found is not None else part)
            candidate = Where(mine.condition, ways[0], ways[1])
            if cost(candidate) <= cost(tree) and tensor in tensors_in(candidate):
                used.setdefault(tensor.name)
                return candidate
    return tree


def _compared(tree: Tree, letters: Letters) -> Tree:
    """Return a comparison of real values written shorter: (t - 1) u > t u is 0 > u."""
    if not isinstance(tree, Ind) or all(t.classes is not None for t in tensors_in(tree)):
        return tree
    if branches(tree):
        return tree
    try:
        found = to_tree(canonical(tree), letters)
    except ZeroDivisionError:
        return tree
    return found if isinstance(found, Ind) and cost(found) < cost(tree) else tree


def _match(pattern: Tree, tree: Tree, variables: tuple[Index, ...]) -> dict[Index, Index] | None:
    """Return what the pattern's indices stand for if the tree is the pattern with them renamed, else None."""
    if isinstance(pattern, Ix) and isinstance(tree, Ix):
        if pattern.index in variables:
            return {pattern.index: tree.index}
        return {} if pattern == tree else None
    ours, theirs = children(pattern), children(tree)
    if type(pattern) is not type(tree) or len(ours) != len(theirs) or isinstance(pattern, Sum):
        return None
    if not ours:
        return {} if pattern == tree else None
    env: dict[Index, Index] = {}
    for a, b in zip(ours, theirs, strict=True):
        found = _match(a, b, variables)
        if found is None or any(env.get(i, j) is not j for i, j in found.items()):
            return None
        env |= found
    return env if rebuild(pattern, theirs) == tree else None


def _settled(tree: Tree, condition: Tree, side: bool) -> Tree:
    """Return the tree with every branch on a condition decided."""

    def change(t: Tree) -> Tree:
        if isinstance(t, Where) and t.condition == condition:
            return t.then if side else t.other
        return t

    return clean(transform(tree, change))


def _holds_sum_of_terms(factor: Tree) -> bool:
    return isinstance(factor, Add | Where) or (isinstance(factor, Sum) and isinstance(factor.body, Add))


def _without_equal_factors(tree: Tree) -> Tree:
    """Cancel factors that stand, written alike, above and below one fraction bar, whatever functions they hold."""
    parts = children(tree)
    if isinstance(tree, Entry):
        return tree
    tree = rebuild(tree, tuple(_without_equal_factors(p) for p in parts)) if parts else tree
    if not isinstance(tree, Mul | Div):
        return tree
    above, below, negative = above_and_below(tree)
    kept = []
    for f in above:
        if f in below:
            below.remove(f)
        else:
            kept.append(f)
    if len(kept) == len(above):
        return tree
    out = mul(*kept) if not below else Div(mul(*kept), mul(*below))
    return Neg(out) if negative else out


def _cancel(tree: Tree, letters: Letters) -> Tree:
    """Take common factors out of sums of terms and cancel them against the factors around."""
    parts = children(tree)
    if isinstance(tree, Entry | Where):
        return tree
    tree = rebuild(tree, tuple(_cancel(p, letters) for p in parts)) if parts else tree
    if not isinstance(tree, Mul | Div | Neg | Add):
        return tree
    flat = factors(tree)
    best: Tree = tree
    for n, f in enumerate(flat):
        inner, below = (f.num, f.den) if isinstance(f, Div) else (f, None)
        if not isinstance(inner, Add):
            continue
        common = _common(inner)
        if common is None:
            continue
        scale, mono = common
        outer = [*flat[:n], *flat[n + 1 :]] + ([Div(ONE, below)] if below is not None else [])
        try:
            around = multiply(canonical(mul(*outer)), Poly({mono: scale}))
            terms = [multiply(canonical(t), _inverse(mono, scale)) for t in inner.terms]
        except ZeroDivisionError:
            continue
        if around.single() is None:
            continue
        inside = Add(tuple(to_tree(t, letters) for t in terms))
        candidate = clean(mul(to_tree(around, letters), inside))
        if weight(candidate) < weight(best):
            best = candidate
    return best


def _common(tree: Add) -> tuple[Rational, Monomial] | None:
    whole = Poly({})
    for t in tree.terms:
        try:
            p = canonical(t)
        except ZeroDivisionError:
            return None
        if p.single() is None:
            return None
        whole = whole + p
    if len(whole.terms) != len(tree.terms):
        return None
    scale, mono, _ = content(whole)
    return (scale, mono)


def _inverse(mono: Monomial, scale: Rational) -> Poly:
    return Poly({tuple((a, -e) for a, e in mono): 1 / Fraction(scale)})


def _collected(tree: Tree, solved: Sequence[Solution], letters: Letters) -> tuple[Tree | None, tuple[str, ...]]:
    if branches(tree):
        return None, ()
    try:
        poly = canonical(tree)
    except ZeroDivisionError:
        return None, ()
    if len(poly.terms) > _MOST_TERMS:
        return None, ()
    best = to_tree(poly, letters)
    found = _attempt(best, solved, letters)
    if found is not None:
        return found[0], tuple(f"fold {n}" for n in found[1])
    return best, ()
