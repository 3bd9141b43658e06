"""Turn a true identity into false ones: one small slip in one place of the plain tree, as people make them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from symnn.ground.indices import Index
from symnn.ground.template import Definition
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Const,
    D,
    Delta,
    Div,
    Entry,
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
    free_indices,
    rebuild,
    walk,
)

from .record import Identity, pair

__all__ = ["KINDS", "Claim", "Mutant", "claim_of", "mutants"]

Path = tuple[int, ...]
Choice = random.Random


@dataclass(frozen=True)
class Claim:
    """Two trees over the same free indices, and the facts given with them."""

    free: tuple[Index, ...]
    left: Tree
    right: Tree
    given: tuple[tuple[tuple[Index, ...], Tree, Tree], ...] = ()

    @property
    def sides(self) -> tuple[Tree, Tree]:
        """Both sides."""
        return self.left, self.right


@dataclass(frozen=True)
class Mutant:
    """A claim with one slip in it; ``square`` tells that all sizes were made one first."""

    kind: str
    claim: Claim
    square: bool


@dataclass(frozen=True)
class Place:
    """A subtree that stands for a number: where it is, and which indices may be used there."""

    path: Path
    tree: Tree
    scope: tuple[Index, ...]
    exponent: bool = False


def claim_of(identity: Identity) -> Claim:
    """Return an identity as plain trees."""
    return Claim(*identity.trees(), tuple(pair(a, b) for a, b in identity.given))


def mutants(claim: Claim, count: int, seed: Any) -> Iterator[Mutant]:
    """Yield up to ``count`` different mutants, the kinds in turn; a kind that finds no place is passed over."""
    rng = random.Random(f"{seed}")
    square = squared(claim)
    seen: set[tuple[Tree, Tree]] = {(claim.left, claim.right), (square.left, square.right)}
    start, made, misses = rng.randrange(len(KINDS)), 0, 0
    for n in range(20 * count):
        if made == count or misses > 4 * len(KINDS):
            return
        kind = list(KINDS)[(start + n) % len(KINDS)]
        found = _one(kind, claim, square, rng)
        if found is None or (found.claim.left, found.claim.right) in seen:
            misses += 1
            continue
        seen.add((found.claim.left, found.claim.right))
        misses, made = 0, made + 1
        yield found


def _one(kind: str, claim: Claim, square: Claim, rng: Choice) -> Mutant | None:
    sides = ["right", "right", "left"] if claim.right not in (ZERO, ONE) else ["left"]
    side = rng.choice(sides)
    for base in (claim, square):
        tree = base.right if side == "right" else base.left
        changed = KINDS[kind](tree, base.free, rng)
        if changed is not None:
            left, right = (base.left, changed) if side == "right" else (changed, base.right)
            return Mutant(kind, Claim(base.free, left, right, base.given), base is square)
        if kind not in ("index", "transpose", "axis"):
            return None
    return None


# -- places ------------------------------------------------------------------------------------------------------------


def places(tree: Tree, free: tuple[Index, ...]) -> list[Place]:
    """Return the subtrees that stand for numbers; positions of entries and what is tested are left out."""
    out: list[Place] = []

    def go(at: Tree, path: Path, scope: tuple[Index, ...], exponent: bool) -> None:
        out.append(Place(path, at, scope, exponent))
        if isinstance(at, (Entry, Delta, Ind)):
            return
        if isinstance(at, D):
            go(at.body, (*path, 0), scope, False)
            return
        inner = (*scope, at.index) if isinstance(at, Sum) else scope
        for k, part in enumerate(children(at)):
            if isinstance(at, Where) and k == 0:
                continue
            go(part, (*path, k), inner, isinstance(at, Pow) and k == 1)

    go(tree, (), free, False)
    return out


def put(tree: Tree, path: Path, new: Tree) -> Tree:
    """Return the tree with another subtree at a path."""
    if not path:
        return new
    parts = list(children(tree))
    parts[path[0]] = put(parts[path[0]], path[1:], new)
    return rebuild(tree, tuple(parts))


def renamed(tree: Tree, names: dict[Index, Tree]) -> Tree:
    """Return the tree with free indices replaced, its own binders new."""
    if isinstance(tree, Ix):
        return names.get(tree.index, tree)
    if isinstance(tree, Sum):
        new = tree.index.fresh()
        return Sum(new, renamed(tree.body, {**names, tree.index: Ix(new)}))
    parts = children(tree)
    return rebuild(tree, tuple(renamed(p, names) for p in parts)) if parts else tree


def _changed(tree: Tree, place: Place, new: Tree) -> Tree:
    return put(tree, place.path, new)


# -- kinds -------------------------------------------------------------------------------------------------------------


def _sign(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    place = rng.choice([p for p in places(tree, free) if p.tree != ZERO])
    return _changed(tree, place, place.tree.body if isinstance(place.tree, Neg) else Neg(place.tree))


def _index(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    options: list[tuple[Place, Tree]] = []
    for place in places(tree, free):
        if isinstance(place.tree, (Entry, Delta)):
            parts = children(place.tree)
            for k, part in enumerate(parts):
                if isinstance(part, Ix):
                    for other in place.scope:
                        if other is not part.index and other.size == part.index.size:
                            options.append((place, rebuild(place.tree, (*parts[:k], Ix(other), *parts[k + 1 :]))))
    return _changed(tree, *rng.choice(options)) if options else None


def _transpose(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    options: list[tuple[Place, Tree]] = []
    for place in places(tree, free):
        if isinstance(place.tree, Entry):
            at, shape = place.tree.at, place.tree.tensor.shape
            for a in range(len(at)):
                for b in range(a):
                    if shape[a] == shape[b] and at[a] != at[b]:
                        new = list(at)
                        new[a], new[b] = new[b], new[a]
                        options.append((place, Entry(place.tree.tensor, tuple(new))))
    return _changed(tree, *rng.choice(options)) if options else None


def _missing(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    sums = [p for p in places(tree, free) if isinstance(p.tree, Add)]
    if not sums:
        return None
    place = rng.choice(sums)
    terms = list(children(place.tree))
    del terms[rng.randrange(len(terms))]
    return _changed(tree, place, terms[0] if len(terms) == 1 else Add(tuple(terms)))


def _extra(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    every = places(tree, free)
    place = rng.choice([p for p in every if not p.exponent])
    fitting = [p.tree for p in every if p.tree != place.tree and not any(isinstance(t, (Ind, D)) for t in walk(p.tree))
               and set(free_indices(p.tree)) <= set(place.scope)]  # fmt: skip
    if not fitting:
        return None
    more = renamed(rng.choice(fitting), {})
    return _changed(tree, place, Add((place.tree, more if rng.random() < 0.5 else Neg(more))))


def _factor(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    every = [p for p in places(tree, free) if p.tree != ZERO and not p.exponent]
    products = [p for p in every if isinstance(p.tree, (Mul, Div))]
    place = rng.choice(products if products and rng.random() < 0.5 else every)
    at = place.tree
    if isinstance(at, Mul) and rng.random() < 0.5:
        left = list(at.factors)
        del left[rng.randrange(len(left))]
        return _changed(tree, place, left[0] if len(left) == 1 else Mul(tuple(left)))
    if isinstance(at, Div) and rng.random() < 0.5:
        return _changed(tree, place, at.num)
    sizes = [Sym(i.size) for i in place.scope if i.size.is_Symbol]
    by = rng.choice([Num(Fraction(2)), Num(Fraction(3)), Num(Fraction(1, 2)), *sizes[:2]])
    return _changed(tree, place, Div(at, by) if isinstance(by, Sym) and rng.random() < 0.5 else Mul((by, at)))


def _exponent(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    every = [p for p in places(tree, free) if p.tree not in (ZERO, ONE) and not p.exponent]
    powers = [p for p in every if isinstance(p.tree, Pow)]
    if powers and rng.random() < 0.7:
        place = rng.choice(powers)
        power = cast(Pow, place.tree)
        more = rng.choice([Add((power.exponent, ONE)), Mul((Num(Fraction(2)), power.exponent)), ONE])
        return _changed(tree, place, power.base if more == ONE else Pow(power.base, more))
    place = rng.choice(every)
    return _changed(tree, place, Pow(place.tree, Num(Fraction(rng.choice((2, 3))))))


def _axis(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    options: list[tuple[Place, Tree]] = []
    for place in places(tree, free):
        at = place.tree
        if isinstance(at, Sum):
            i = at.index
            last = Add((Sym(i.size) if i.size.is_Symbol else _size(i.size), Neg(ONE)))
            options.append((place, Sum(i, Mul((Ind(">", Ix(i), ZERO), at.body)))))
            options.append((place, Sum(i, Mul((Ind(">", last, Ix(i)), at.body)))))
            for other in place.scope:
                if other.size == i.size:
                    options.append((place, renamed(at.body, {i: Ix(other)})))
        elif not place.exponent and not isinstance(at, (Ix, Num)):
            for i in free_indices(at):
                if i in place.scope and not any(isinstance(t, D) for t in walk(at)):
                    new = i.fresh()
                    options.append((place, Sum(new, renamed(at, {i: Ix(new)}))))
    return _changed(tree, *rng.choice(options)) if options else None


def _size(size: Any) -> Tree:
    """Return a size as a tree."""
    if size.is_Integer:
        return Num(Fraction(int(size)))
    if size.is_Symbol:
        return Sym(size)
    parts = tuple(_size(a) for a in size.args)
    return Add(parts) if size.is_Add else Mul(parts)


def _constant(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    found = [p for p in places(tree, free) if isinstance(p.tree, (Num, Const)) and not p.exponent]
    if not found:
        return None
    place = rng.choice(found)
    if isinstance(place.tree, Const):
        return _changed(tree, place, Const("E" if place.tree.name == "pi" else "pi"))
    value = cast(Num, place.tree).value
    return _changed(
        tree, place, Num(rng.choice((value + 1, value * 2 if value else Fraction(1), value + Fraction(1, 3))))
    )


def _eps(tree: Tree, free: tuple[Index, ...], rng: Choice) -> Tree | None:
    every = [p for p in places(tree, free) if not p.exponent]
    scalars = [p for p in every if isinstance(p.tree, Sym) and not p.tree.symbol.is_integer]
    if scalars and rng.random() < 0.7:
        place = rng.choice(scalars)
        return _changed(
            tree, place, rng.choice([ZERO, Mul((Num(Fraction(2)), place.tree)), Pow(place.tree, Num(Fraction(2)))])
        )
    place = rng.choice(every)
    return _changed(tree, place, Add((place.tree, Num(Fraction(1, 10**6)))))


KINDS: dict[str, Callable[[Tree, tuple[Index, ...], Choice], Tree | None]] = {
    "sign": _sign, "index": _index, "transpose": _transpose, "missing term": _missing, "extra term": _extra,
    "factor": _factor, "exponent": _exponent, "axis": _axis, "constant": _constant, "eps": _eps,
}  # fmt: skip


# -- one size for all --------------------------------------------------------------------------------------------------


def squared(claim: Claim) -> Claim:
    """Return the claim with every size symbol made the same: all matrices are square and every slip fits."""
    common: list[Any] = []
    tensors: dict[Tensor, Tensor] = {}

    def size(s: Any) -> Any:
        for symbol in sorted(s.free_symbols, key=str):
            if not common:
                common.append(symbol)
        return s.xreplace({symbol: common[0] for symbol in s.free_symbols}) if common else s

    def tensor(t: Tensor) -> Tensor:
        if t not in tensors:
            made = Tensor(
                t.name, tuple(size(s) for s in t.shape), t.role, latex=t.latex, positive=t.positive,
                classes=None if t.classes is None else size(t.classes), letters=t.letters,
            )  # fmt: skip
            if t.definition is not None:
                args = tuple(tensor(a) for a in t.definition.args)
                sizes = {f: size(s) for f, s in t.definition.sizes.items()}
                made.definition = Definition(t.definition.template, args, sizes)
            tensors[t] = made
        return tensors[t]

    def index(i: Index) -> Index:
        return i.fresh(size(i.size))

    def go(at: Tree, env: dict[Index, Index]) -> Tree:
        if isinstance(at, Ix):
            return Ix(env[at.index])
        if isinstance(at, Sym):
            return _size(size(at.symbol)) if at.symbol.is_integer else at
        if isinstance(at, Sum):
            new = index(at.index)
            return Sum(new, go(at.body, {**env, at.index: new}))
        if isinstance(at, Entry):
            return Entry(tensor(at.tensor), tuple(go(p, env) for p in at.at))
        parts = children(at)
        return rebuild(at, tuple(go(p, env) for p in parts)) if parts else at

    def both(free: tuple[Index, ...], left: Tree, right: Tree) -> tuple[tuple[Index, ...], Tree, Tree]:
        env = {i: index(i) for i in free}
        return tuple(env.values()), go(left, env), go(right, env)

    return Claim(*both(claim.free, claim.left, claim.right), tuple(both(*g) for g in claim.given))
