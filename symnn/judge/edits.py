"""Ways in which a formula goes wrong by one slip: each part left out, doubled, turned, or put in another's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor
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
    free_indices,
    mul,
    num,
    rebuild,
    tensors_in,
    walk,
)
from symnn.show.letters import named
from symnn.show.text_notation import text

__all__ = ["Edit", "edits"]


@dataclass(frozen=True)
class Edit:
    """A changed formula, and what was changed, in the words of a diagnosis."""

    kind: str
    sentence: str
    where: str
    tree: Tree


def edits(tree: Tree, free: tuple[Index, ...], tensors: Sequence[Tensor]) -> Iterator[Edit]:
    """Yield the formula with one slip in it.

    Args:
        tree: the formula.
        free: its free indices.
        tensors: those that may have been taken for one another.
    """

    def go(
        at: Tree, env: tuple[Index, ...], put: Callable[[Tree], Tree], *, factor: bool = False
    ) -> Iterator[Edit]:  # fmt: skip
        for kind, sentence, where, new in _here(at, env, tensors):
            if not (factor and new == ONE):  # that is a factor left out, and said so
                yield Edit(kind, sentence, where, put(new))
        inner = (*env, at.index) if isinstance(at, Sum) else env
        parts = children(at)
        if isinstance(at, Entry) or _count(at) is not None:
            return
        for n, part in enumerate(parts):
            yield from go(part, inner, _into(at, parts, n, put), factor=isinstance(at, Mul))

    tree = _apart(tree, free)
    yield from go(tree, free, lambda t: t)
    yield from _everywhere(tree)


def _apart(tree: Tree, free: tuple[Index, ...]) -> Tree:
    """Return a tree in which no two indices in sight of one another share a letter, so that words can name them."""
    letters = named(tree, free=free)

    def go(at: Tree, env: dict[Index, Index]) -> Tree:
        if isinstance(at, Ix):
            return Ix(env.get(at.index, at.index))
        if isinstance(at, Sum):
            own = Index(letters[at.index], at.index.size)
            return Sum(own, go(at.body, {**env, at.index: own}))
        parts = children(at)
        return rebuild(at, tuple(go(p, env) for p in parts)) if parts else at

    return go(tree, {})


def _everywhere(tree: Tree) -> Iterator[Edit]:
    """Yield the formula with one size in another's place wherever it stands as a number."""
    sizes = list(dict.fromkeys(t.symbol for t in walk(tree) if isinstance(t, Sym) and t.symbol.is_integer))
    others = dict.fromkeys(s for t in tensors_in(tree) for size in t.shape for s in sorted(size.free_symbols, key=str))
    for n in sizes:
        for m in others:
            if m != n:
                new = substitute(tree, symbols={n: Sym(m)})
                yield Edit("factor", f"{m} stands where {n} belongs", str(n), new)


def _into(at: Tree, parts: tuple[Tree, ...], n: int, put: Callable[[Tree], Tree]) -> Callable[[Tree], Tree]:
    return lambda new: put(rebuild(at, (*parts[:n], new, *parts[n + 1 :])))


_Slip = tuple[str, str, str, Tree]


def _here(at: Tree, env: tuple[Index, ...], tensors: Sequence[Tensor]) -> Iterator[_Slip]:
    match at:
        case Add():
            yield from _terms(at, env) if _count(at) is None else _counted(at)
        case Mul():
            yield from _factors(at)
        case Div():
            yield from _fraction(at)
        case Sum():
            yield from _sum(at, env)
        case Pow():
            yield from _power(at)
        case Entry():
            yield from _entry(at, env, tensors)
        case Delta():
            yield from _delta(at)
        case Ind():
            yield from _condition(at, tensors)
        case Where():
            yield "case", f"only the case {text(at.condition)} is taken", text(at), at.then
            yield "case", f"the case {text(at.condition)} is left out", text(at), at.other
        case Fn():
            if len(at.args) == 1 and at.name not in ("stop_gradient", "sign"):
                yield "function", f"{at.name} is missing in {text(at)}", text(at), at.args[0]
        case Sym():
            if at.symbol.is_integer:
                yield from _size(at)


def _plain(tree: Tree) -> str:
    return text(tree.body if isinstance(tree, Neg) else tree)


def _constant(tree: Tree) -> bool:
    """Tell whether a term is a small constant, such as the eps of a norm, or a symbol called so."""
    if isinstance(tree, Num):
        return 0 < tree.value < Fraction(1, 5)
    return isinstance(tree, Sym) and tree.symbol.name.startswith("eps")


def _count(at: Tree) -> tuple[Tree, int, int] | None:
    """Return (N, sign, number) of N - 1 or 1 - N, a count that is some more or less than a size; None of others."""
    if not isinstance(at, Add) or len(at.terms) != 2:
        return None
    found: list[tuple[Tree, int]] = []
    number: list[int] = []
    for t in at.terms:
        bare, sign = (t.body, -1) if isinstance(t, Neg) else (t, 1)
        if isinstance(bare, Sym) and bare.symbol.is_integer:
            found.append((bare, sign))
        elif isinstance(bare, Num) and bare.value.denominator == 1:
            number.append(sign * int(bare.value))
    return (*found[0], number[0]) if len(found) == len(number) == 1 else None


def _counted(at: Add) -> Iterator[_Slip]:
    """Yield counts that are one more or less: N for N - 1, said of N - 1 also where 1 - N is written."""
    found = _count(at)
    assert found is not None
    size, sign, number = found

    def shown(n: int) -> Tree:
        return size if not n else Add((size, num(n) if n > 0 else Neg(num(-n))))

    mine = sign * number
    for other in dict.fromkeys((0, mine + 1, mine - 1)):
        if other != mine:
            new = shown(other) if sign > 0 else Neg(shown(other))
            yield "n-minus-one", f"{text(shown(other))} stands where {text(shown(mine))} belongs", text(at), new


def _transposed_half(term: Tree, rest: Tree, env: tuple[Index, ...]) -> str:
    """Return that a term holds a matrix the other way round than the rest, where it does, or nothing."""

    def turns(tree: Tree) -> dict[Tensor, set[int]]:
        found: dict[Tensor, set[int]] = {}
        for at in walk(tree):
            if isinstance(at, Entry) and at.tensor.rank == 2 and at.tensor.shape[0] == at.tensor.shape[1]:
                outside = [n for n, p in enumerate(at.at) if isinstance(p, Ix) and p.index in env]
                if len(outside) == 1:
                    found.setdefault(at.tensor, set()).update(outside)
        return found

    mine, others = turns(term), turns(rest)
    half = next((t for t, places in mine.items() if others.get(t) == {1 - n for n in places}), None)
    return "" if half is None else f": it is that with {half.name} transposed"


def _terms(at: Add, env: tuple[Index, ...]) -> Iterator[_Slip]:
    for n, t in enumerate(at.terms):
        left = (*at.terms[:n], *at.terms[n + 1 :])
        rest: Tree = left[0] if len(left) == 1 else Add(left)
        if _constant(t):
            yield "eps", f"{_plain(t)} is missing in {text(at)}", _plain(t), rest
        else:
            half = _transposed_half(t, rest, env)
            yield "term", f"the term {_plain(t)} is missing{half}", _plain(t), rest
        turned = t.body if isinstance(t, Neg) else Neg(t)
        yield (
            "sign",
            f"the term {_plain(t)} has the wrong sign",
            _plain(t),
            Add((*at.terms[:n], turned, *at.terms[n + 1 :])),
        )
        yield "term", f"the term {_plain(t)} stands twice", _plain(t), Add((*at.terms, t))
        bare = t.body if isinstance(t, Neg) else t
        if isinstance(bare, Delta) and left:
            kept = Add((mul(rest, Add((ONE, Neg(bare)))), t))
            yield (
                "onehot",
                f"{text(t)} is put in place of what stands there, where it must be added to it",
                text(at),
                kept,
            )
        if isinstance(t, Pow) and _half(t) and len(left) == 1 and _constant(left[0]):
            inside: Tree = Pow(Add((t.base, left[0])), t.exponent)
            yield "eps", f"{text(left[0])} stands inside the root, where it belongs outside", text(at), inside


def _half(tree: Pow) -> bool:
    e = tree.exponent
    return isinstance(e, Div) and e.num == ONE and e.den == num(2)


def _factors(at: Mul) -> Iterator[_Slip]:
    masks = [f for f in at.factors if isinstance(f, Ind)]
    if len(masks) > 1:
        others = [f for f in at.factors if not isinstance(f, Ind)]
        said = " and ".join(text(f) for f in masks)
        yield "mask", f"the condition {said} is inverted", said, mul(*others, Add((ONE, Neg(mul(*masks)))))
    for n, f in enumerate(at.factors):
        rest = mul(*at.factors[:n], *at.factors[n + 1 :])
        kind = "mask" if isinstance(f, Ind | Delta) else "factor"
        yield kind, f"the factor {text(f)} is missing", text(f), rest
        if isinstance(f, Add) and isinstance(f.terms[-1], Neg):  # -(b - a) is written a - b
            turned = Add(tuple(t.body if isinstance(t, Neg) else Neg(t) for t in reversed(f.terms)))
            yield "factor", f"the factor {text(turned)} is missing", text(f), Neg(rest)
        if not isinstance(f, Ind | Delta | Num):
            yield "factor", f"the factor {text(f)} stands twice", text(f), Mul((*at.factors, f))
            yield "factor", f"{text(f)} divides, where it multiplies", text(f), Div(rest, f)


def _fraction(at: Div) -> Iterator[_Slip]:
    below = list(at.den.factors) if isinstance(at.den, Mul) else [at.den]
    for n, f in enumerate(below):
        rest = [*below[:n], *below[n + 1 :]]
        left: Tree = Div(at.num, mul(*rest)) if rest else at.num
        if isinstance(f, Sym) and f.symbol.is_integer:
            yield (
                "sum-for-mean",
                f"a sum stands where the mean belongs: the division by {text(f)} is missing",
                text(f),
                left,
            )
        else:
            yield "factor", f"the division by {text(f)} is missing", text(f), left
        yield "factor", f"{text(f)} divides twice", text(f), Div(at.num, mul(*below, f))
        yield "factor", f"{text(f)} multiplies, where it divides", text(f), mul(left, f)
    if isinstance(at.num, Num) or at.num == ONE:
        return
    yield "factor", f"{text(at.num)} is missing above the line", text(at.num), Div(ONE, at.den)


def _sum(at: Sum, env: tuple[Index, ...]) -> Iterator[_Slip]:
    k = at.index
    size = from_sympy(k.size)
    shown = f"{k.letter}"
    yield (
        "mean-for-sum",
        f"a mean over {shown} stands where the sum belongs: it is divided by {text(size)}",
        text(at),
        Div(at, size),
    )
    yield (
        "sum",
        f"the sum over {shown} is missing: only one term of it is taken",
        text(at),
        substitute(at.body, indices={k: ZERO}),
    )
    for i in env:
        if i.size == k.size and i is not k:
            new = substitute(at.body, indices={k: Ix(i)})
            yield (
                "elementwise",
                f"the sum over {shown} is missing: only the entry with {shown} = {i.letter} is taken",
                text(at),
                new,
            )
    yield from _kept(at)
    yield from _other_axis(at, env)
    inner = at.body
    if isinstance(inner, Sum):
        yield (
            "sum",
            f"the sum over {inner.index.letter} is missing",
            text(at),
            Sum(k, substitute(inner.body, indices={inner.index: ZERO})),
        )


def _kept(at: Sum) -> Iterator[_Slip]:
    """Yield the sum with one term kept for each place: a loop that writes over what it must add to."""
    k = at.index
    lost = "it is overwritten, where it must be added to"
    if not isinstance(at.body, Sum) or not _picking(at.body, k):
        said = f"only the last term of the sum over {k.letter} is kept: {lost}"
        last = Add((from_sympy(k.size), Neg(ONE)))
        yield "overwrite", said, text(at), substitute(at.body, indices={k: last})
    picking = _picking(at.body, k)
    if picking and k.size is not None:
        m = k.fresh(k.size)
        there = [substitute(f, indices={k: Ix(m)}) for f in picking]
        said = f"only one term of the sum over {k.letter} is kept for each place: {lost}"
        for left, right in ((Ix(m), Ix(k)), (Ix(k), Ix(m))):
            later = Sum(m, mul(Ind(">", left, right), *there))
            yield "overwrite", said, text(at), Sum(k, mul(Ind(">", ONE, later), at.body))


def _picking(body: Tree, k: Index) -> list[Tree]:
    """Return the factors of a term that say which places it belongs to: they compare positions, not values."""
    inner: list[Index] = []
    while isinstance(body, Sum):
        inner.append(body.index)
        body = body.body
    parts = body.factors if isinstance(body, Mul) else (body,)
    found = [f for f in parts if isinstance(f, Delta | Ind) and k in free_indices(f)]
    found = [f for f in found if not any(isinstance(e, Entry) and e.tensor.classes is None for e in walk(f))]
    return [f for f in found if not any(i in free_indices(f) for i in inner)]


def _other_axis(at: Sum, env: tuple[Index, ...]) -> Iterator[_Slip]:
    """Yield the sum over another axis of what is summed, spread along the one that belongs: axis=0 for axis=1."""
    k = at.index
    inside = free_indices(at.body)
    for i in env:
        if i.size != k.size or i in inside:
            continue
        for n in env:
            if n is not i and n in inside and n.size is not None:
                m = n.fresh(n.size)
                body = substitute(at.body, indices={k: Ix(i), n: Ix(m)})
                said = f"the sum runs over {n.size}, where it belongs over {k.size}: over the wrong axis"
                yield "axis", said, text(at), Sum(m, body)
                # a mean over that axis
                yield "axis", said, text(at), mul(Div(from_sympy(k.size), from_sympy(n.size)), Sum(m, body))


def _power(at: Pow) -> Iterator[_Slip]:
    if isinstance(at.exponent, Num) and at.exponent.value.denominator == 1 and at.exponent.value > 1:
        e = int(at.exponent.value)
        yield "exponent", f"the power {e} of {text(at.base)} is missing", text(at), at.base
        yield (
            "exponent",
            f"{text(at.base)} has the power {e + 1}, where {e} belongs",
            text(at),
            Pow(at.base, num(e + 1)),
        )
        if e > 2:
            yield (
                "exponent",
                f"{text(at.base)} has the power {e - 1}, where {e} belongs",
                text(at),
                Pow(at.base, num(e - 1)),
            )
    elif _half(at):
        yield "exponent", f"the root of {text(at.base)} is missing", text(at), at.base
        if isinstance(at.base, Add):
            for n, t in enumerate(at.base.terms):
                if _constant(t):
                    left = (*at.base.terms[:n], *at.base.terms[n + 1 :])
                    bare: Tree = left[0] if len(left) == 1 else Add(left)
                    yield (
                        "eps",
                        f"{text(t)} stands outside the root, where it belongs inside",
                        text(at),
                        Add((Pow(bare, at.exponent), t)),
                    )


def _entry(at: Entry, env: tuple[Index, ...], tensors: Sequence[Tensor]) -> Iterator[_Slip]:
    t = at.tensor
    for a in range(t.rank):
        for b in range(a + 1, t.rank):
            if t.shape[a] == t.shape[b] and at.at[a] != at.at[b]:
                places = list(at.at)
                places[a], places[b] = places[b], places[a]
                new = Entry(t, tuple(places))
                said = f"{t.name} is transposed: {text(new)} stands where {text(at)} belongs"
                yield "transpose", said, text(at), new
    for n, p in enumerate(at.at):
        for i in env:
            if i.size == t.shape[n] and p != Ix(i):
                new = Entry(t, (*at.at[:n], Ix(i), *at.at[n + 1 :]))
                yield "index", f"{text(at)} stands with the wrong index: {text(new)}", text(at), new
        if isinstance(p, Ix):
            for step in (1, -1):
                moved: Tree = Add((p, num(step)))
                new = Entry(t, (*at.at[:n], moved, *at.at[n + 1 :]))
                yield "off-by-one", f"{text(at)} is read one place off along axis {n}", text(at), new
            turned: Tree = Add((from_sympy(t.shape[n]), Neg(ONE), Neg(p)))
            new = Entry(t, (*at.at[:n], turned, *at.at[n + 1 :]))
            yield "index", f"{t.name} is read in reverse along axis {n}", text(at), new
    for other in tensors:
        if other is not t and other.shape == t.shape and other.classes is None and t.classes is None:
            yield "instead", f"{other.name} stands where {t.name} belongs", text(at), Entry(other, at.at)


def _delta(at: Delta) -> Iterator[_Slip]:
    for label in (at.left, at.right):
        if isinstance(label, Entry) and label.tensor.classes is not None:
            yield "onehot", f"the label {text(label)} itself stands where its one-hot vector belongs", text(at), label
    yield "onehot", f"{text(at)} is missing", text(at), ZERO


def _condition(at: Ind, tensors: Sequence[Tensor]) -> Iterator[_Slip]:
    yield "mask", f"the condition {text(at)} is turned round", text(at), Ind(at.rel, at.right, at.left)
    yield "mask", f"the condition {text(at)} is missing", text(at), ONE
    other = {">": ">=", ">=": ">"}.get(at.rel)
    if other is not None:
        new = Ind(other, at.left, at.right)
        yield "off-by-one", f"{text(new)} stands where {text(at)} belongs", text(at), new
    for side in (at.left, at.right):
        if isinstance(side, Entry):
            yield "mask", f"{text(side)} itself stands where {text(at)} belongs", text(at), side


def _size(at: Sym) -> Iterator[_Slip]:
    yield "n-minus-one", f"{text(at)} - 1 stands where {text(at)} belongs", text(at), Add((at, Neg(ONE)))
    yield "n-minus-one", f"{text(at)} + 1 stands where {text(at)} belongs", text(at), Add((at, ONE))
