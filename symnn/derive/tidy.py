"""Small algebra on the plain tree that keeps its structure: clean up, contract deltas, factor and cancel."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symnn.algebra.convert import canonical
from symnn.algebra.terms import ONE as ONE_FORM
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy
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
    Tree,
    Where,
    add,
    children,
    depends_on,
    mul,
    num,
    number,
    rebuild,
    walk,
)

__all__ = ["clean", "contract"]


def clean(tree: Tree) -> Tree:
    """Drop zeros, ones and empty brackets; multiply plain numbers; move signs to the front. Nothing else changes."""
    parts = tuple(clean(p) for p in children(tree))
    match tree:
        case Add():
            return _sum_of(parts)
        case Mul():
            return _product_of(parts)
        case Neg():
            return _negative(parts[0])
        case Div():
            return _quotient(parts[0], parts[1])
        case Pow():
            if parts[1] == ONE:
                return parts[0]
            return ONE if parts[1] == ZERO else Pow(*parts)
        case Sum():
            if isinstance(parts[0], Neg):
                return Neg(Sum(tree.index, parts[0].body))
            return ZERO if parts[0] == ZERO else Sum(tree.index, parts[0])
        case Where():
            return _where(*parts)
        case Delta():
            return ONE if parts[0] == parts[1] else Delta(*parts)
    return rebuild(tree, parts) if parts else tree


#: f(-u) = -f(u).
_ODD = frozenset(("sign", "tanh", "sinh", "sin", "tan", "asin", "atan", "asinh", "erf"))


def _negative(body: Tree) -> Tree:
    if body == ZERO:
        return ZERO
    if isinstance(body, Neg):
        return body.body
    if isinstance(body, Fn) and body.name in _ODD and isinstance(body.args[0], Add) and _mostly_negative(body.args[0]):
        return Fn(body.name, (_turned(body.args[0]),))
    if isinstance(body, Mul):
        for n, f in enumerate(body.factors):
            turned = _negative(f) if isinstance(f, Fn) else Neg(f)
            if not isinstance(turned, Neg):
                return Mul((*body.factors[:n], turned, *body.factors[n + 1 :]))
    if isinstance(body, Div) and isinstance(body.num, Fn | Mul):
        turned = _negative(body.num)
        return Neg(body) if isinstance(turned, Neg) else Div(turned, body.den)
    return Neg(body)


def _mostly_negative(terms: Add) -> bool:
    """Tell whether a sum is no longer with every sign changed."""
    return 2 * sum(isinstance(t, Neg) for t in terms.terms) >= len(terms.terms)


def _turned(terms: Add) -> Tree:
    """Return the sum with every sign changed, positive terms first."""
    flipped = [t.body if isinstance(t, Neg) else Neg(t) for t in terms.terms]
    return Add(tuple(sorted(flipped, key=lambda t: isinstance(t, Neg))))


def _sum_of(parts: tuple[Tree, ...]) -> Tree:
    total, others, place = Fraction(0), [], None
    for p in (q for part in parts for q in (part.terms if isinstance(part, Add) else (part,))):
        value = _value(p)
        if value is None:
            others.append(p)
        elif value:
            total += value
            place = len(others) if place is None else place
    if total:
        others.insert(place or 0, Num(total) if total > 0 else Neg(Num(-total)))
    return add(*others)


def _value(p: Tree) -> Fraction | None:
    if isinstance(p, Num):
        return p.value
    if isinstance(p, Neg) and isinstance(p.body, Num):
        return -p.body.value
    return None


def _product_of(parts: tuple[Tree, ...]) -> Tree:
    product = mul(*parts)
    body = product.body if isinstance(product, Neg) else product
    if not isinstance(body, Mul):
        return product
    value, others = Fraction(1), []
    for p in body.factors:
        if isinstance(p, Num):
            value *= p.value
        elif isinstance(p, Div) and isinstance(p.num, Num) and isinstance(p.den, Num):
            value *= p.num.value / p.den.value
        else:
            others.append(p)
    out = mul(number(value), *others) if value != 1 else mul(*others)
    return Neg(out) if isinstance(product, Neg) else out


def _quotient(num: Tree, den: Tree) -> Tree:
    if num == ZERO:
        return ZERO
    if den == ONE:
        return num
    negative = isinstance(num, Neg) != isinstance(den, Neg)
    above: Tree = num.body if isinstance(num, Neg) else num
    below: Tree = den.body if isinstance(den, Neg) else den
    if isinstance(above, Div):
        above, below = _one_line(above, below)
    above, below = _cancel_numbers(above, below)
    if below == ONE:
        out: Tree = above
    elif isinstance(above, Num) and isinstance(below, Num):
        out = number(above.value / below.value)
    elif above == below:
        out = ONE
    else:
        out = Div(above, below)
    return Neg(out) if negative else out


def _one_line(above: Div, below: Tree) -> tuple[Tree, Tree]:
    return above.num, mul(above.den, below)


def _cancel_numbers(num: Tree, den: Tree) -> tuple[Tree, Tree]:
    """Reduce the whole numbers above and below a fraction line."""
    above, below = _leading_number(num), _leading_number(den)
    if above[0] == 1 or below[0] == 1 or above[0].denominator != 1 or below[0].denominator != 1:
        return num, den
    value = above[0] / below[0]
    return mul(Num(Fraction(value.numerator)), above[1]), mul(Num(Fraction(value.denominator)), below[1])


def _leading_number(tree: Tree) -> tuple[Fraction, Tree]:
    if isinstance(tree, Num):
        return tree.value, ONE
    if isinstance(tree, Mul):
        numbers = [f for f in tree.factors if isinstance(f, Num)]
        if len(numbers) == 1:
            return numbers[0].value, mul(*[f for f in tree.factors if f is not numbers[0]])
    return Fraction(1), tree


def _where(condition: Tree, then: Tree, other: Tree) -> Tree:
    if then == other:
        return then
    if condition == ONE:
        return then
    if condition == ZERO:
        return other
    if (then, other) == (ONE, ZERO):
        return condition
    shared: list[Tree] = [f for f in factors(then) if isinstance(f, Delta) and f in factors(other)]
    if other == ZERO:
        shared = [f for f in factors(then) if isinstance(f, Delta)]
    if then == ZERO:
        shared = [f for f in factors(other) if isinstance(f, Delta)]
    if other == ZERO and isinstance(condition, Ind) and not any(isinstance(t, Fn | Div | Pow) for t in walk(then)):
        return mul(condition, then) if isinstance(then, Ind) else mul(then, condition)
    if shared:
        inner = _where(condition, _without(then, shared), _without(other, shared))
        return mul(inner, *shared)
    return Where(condition, then, other)


def _without(tree: Tree, shared: list[Tree]) -> Tree:
    if tree == ZERO:
        return ZERO
    return mul(*[f for f in factors(tree) if f not in shared])


def factors(tree: Tree) -> list[Tree]:
    """Return the factors of a product, the sign as a factor -1."""
    if isinstance(tree, Neg):
        return [Neg(ONE), *factors(tree.body)]
    if isinstance(tree, Mul):
        return [g for f in tree.factors for g in (factors(f) if isinstance(f, Mul | Neg | Div) else [f])]
    if isinstance(tree, Div):
        below = [] if tree.den == ONE else [Div(ONE, tree.den)]
        return [*(f for f in factors(tree.num) if f != ONE), *below]
    return [tree]


def contract(tree: Tree) -> Tree:
    """Carry out the sums that a Kronecker delta picks one term of: sum_k 1[k=c] x[k] = x[c].

    Sums are split and products opened only as far as a delta needs it. What a shifted position leaves of the range is
    kept as a condition, sum_n 1[n=k+1] x[n] = 1[k < N-1] x[k+1]; a delta whose other side may leave the index's range
    in another way stays.
    """
    parts = tuple(contract(p) for p in children(tree))
    if isinstance(tree, Sum):
        return clean(_contract_sum(tree.index, parts[0]))
    return clean(rebuild(tree, parts)) if parts else tree


def _contract_sum(k: Index, body: Tree) -> Tree:
    if not depends_on(body, k):
        return mul(from_sympy(k.size), body)
    if isinstance(body, Neg):
        return Neg(_contract_sum(k, body.body))
    if isinstance(body, Add):
        if any(_picks(t, k) for t in body.terms):
            return add(*[_contract_sum(k, t) for t in body.terms])
        return Sum(k, body)
    if isinstance(body, Sum):
        if _picks(body.body, k):
            return _contract_sum(body.index, _contract_sum(k, body.body))
        return Sum(k, body)
    parts = factors(body)
    for n, f in enumerate(parts):
        value = _solve(f, k)
        if value is not None:
            rest = mul(*parts[:n], *parts[n + 1 :])
            picked = clean(substitute(_joined(rest), indices={k: value}))
            return picked if isinstance(value, Ix | Entry | Num) else _inside(picked, _left(f, k))
    for n, f in enumerate(parts):
        if isinstance(f, Div) and isinstance(f.num, Add) and _picks(f.num, k):
            opened = add(*[Div(t, f.den) for t in f.num.terms])
            return _contract_sum(k, _distribute(parts, n, opened))
        if isinstance(f, Add) and _picks(f, k):
            return _contract_sum(k, _distribute(parts, n, f))
        if isinstance(f, Where) and _picks(f, k) and isinstance(f.then, Add):
            opened = add(*[_where(f.condition, t, ZERO) for t in f.then.terms])
            return _contract_sum(k, _distribute(parts, n, opened))
        if isinstance(f, Neg) and _picks(f, k):
            return Neg(_contract_sum(k, mul(*parts[:n], f.body, *parts[n + 1 :])))
        if isinstance(f, Sum) and _picks(f.body, k):
            moved = mul(*parts[:n], f.body, *parts[n + 1 :])
            return _contract_sum(f.index, _contract_sum(k, moved))
    outside = [f for f in parts if not depends_on(f, k)]
    inside = [f for f in parts if depends_on(f, k)]
    return mul(*outside, Sum(k, _joined(mul(*inside)))) if outside else Sum(k, body)


def _joined(tree: Tree) -> Tree:
    """Put factors 1/b of a product back under one fraction line."""
    negative = isinstance(tree, Neg)
    body = tree.body if isinstance(tree, Neg) else tree
    if isinstance(body, Mul) and any(isinstance(f, Div) and f.num == ONE for f in body.factors):
        above = [f for f in body.factors if not (isinstance(f, Div) and f.num == ONE)]
        below = [f.den for f in body.factors if isinstance(f, Div) and f.num == ONE]
        body = Div(mul(*above), mul(*below))
    return Neg(body) if negative else body


def _distribute(parts: list[Tree], n: int, opened: Tree) -> Tree:
    terms = opened.terms if isinstance(opened, Add) else (opened,)
    return add(*[clean(mul(*parts[:n], t, *parts[n + 1 :])) for t in terms])


def _picks(tree: Tree, k: Index) -> bool:
    """Tell whether the tree holds, outside functions, a delta that could be solved for k."""
    if _solve(tree, k) is not None:
        return True
    if isinstance(tree, Add | Mul | Neg):
        return any(_picks(p, k) for p in children(tree))
    if isinstance(tree, Div):
        return _picks(tree.num, k)
    if isinstance(tree, Sum):
        return _picks(tree.body, k)
    if isinstance(tree, Where) and tree.other == ZERO and isinstance(tree.then, Add):
        return any(_picks(t, k) for t in tree.then.terms)
    return False


def _solve(f: Tree, k: Index) -> Tree | None:
    if not isinstance(f, Delta):
        return None
    for one, other in ((f.left, f.right), (f.right, f.left)):
        if one == Ix(k) and not depends_on(other, k) and _fits(other, k):
            return other
    shifted = _left(f, k)  # a delta between unlike ranges stays: an index walks no other axis than its own
    return None if shifted is None or not shifted.by else shifted.position()


# -- shifts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shifted:
    """The position k = j + by, where j is another index."""

    k: Index
    j: Index
    by: int

    def position(self) -> Tree:
        """Return j + by."""
        if not self.by:
            return Ix(self.j)
        return Add((num(self.by), Ix(self.j))) if self.by > 0 else Add((Ix(self.j), Neg(num(-self.by))))

    def conditions(self) -> list[Tree]:
        """Return what keeps the position inside the range of k, of both ends those that it may leave."""
        out: list[Tree] = []
        if self.by < 0:
            out.append(Ind(">", Ix(self.j), num(-self.by - 1)))
        room = self.k.size - self.by - self.j.size
        if not (room.is_Integer and room >= 0):
            out.append(Ind(">", from_sympy(self.k.size - self.by), Ix(self.j)))
        return out


def _left(f: Tree, k: Index) -> _Shifted | None:
    """Return what a delta between two shifted indices says of k, or None where it is no such delta."""
    if not isinstance(f, Delta):
        return None
    one, other = _moved(f.left), _moved(f.right)
    if one is None or other is None or k.size is None:
        return None
    if one[0] is not k:
        one, other = other, one
    if one[0] is not k or other[0] is k or other[0].size is None:
        return None
    return _Shifted(k, other[0], other[1] - one[1])


def _moved(tree: Tree) -> tuple[Index, int] | None:
    """Return (i, c) where a position is i + c."""
    if isinstance(tree, Ix):
        return tree.index, 0
    if isinstance(tree, Add) and len(tree.terms) == 2:
        found = [t.index for t in tree.terms if isinstance(t, Ix)]
        value = [_value(t) for t in tree.terms if not isinstance(t, Ix)]
        if len(found) == 1 and value[0] is not None and value[0].denominator == 1:
            return found[0], int(value[0])
    return None


def _inside(tree: Tree, shifted: _Shifted | None) -> Tree:
    """Return a term under the conditions that its position lies inside the range; what always holds is left out."""
    if shifted is None:
        return tree
    if isinstance(tree, Add):
        return add(*(_inside(t, shifted) for t in tree.terms))
    wanted = shifted.conditions()
    parts = [f for f in factors(tree) if not (isinstance(f, Ind | Delta) and f not in wanted and _holds_always(f))]
    guards = [g for g in wanted if g not in parts and not _implied(g, parts)]
    return clean(_joined(mul(*guards, *parts)))


def _holds_always(tree: Tree) -> bool:
    return canonical(tree) == ONE_FORM


def _implied(guard: Tree, parts: list[Tree]) -> bool:
    """Tell whether a condition stands among factors already, in other words."""
    form = canonical(guard)
    return (
        any(isinstance(f, Ind | Delta) and canonical(mul(f, guard)) == canonical(f) for f in parts) or form == ONE_FORM
    )


def _fits(value: Tree, k: Index) -> bool:
    if isinstance(value, Ix):
        return bool(value.index.size == k.size)
    if isinstance(value, Entry) and value.tensor.classes is not None:
        return bool(value.tensor.classes == k.size)
    if isinstance(value, Num) and k.size is not None and k.size.is_Integer:
        return value.value.denominator == 1 and 0 <= value.value < int(k.size)
    return False
