"""Numerically safe forms, as a table of rewrite rules on plain trees. No rule names a layer.

Each rule is an identity of real numbers; it terminates because every rule removes an ``exp`` or ``log`` from the
place it matches, or splits a sum over its terms, and none puts one back in a form that a rule matches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from symnn.compile.products import Quotient, quotient, summands
from symnn.compile.safe_nodes import LOWEST, Peak, expm1, log1p, logistic, renamed, rewritten, softplus
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Delta,
    Div,
    Fn,
    Ind,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Tree,
    Where,
    add,
    depends_on,
    mul,
    tensors_in,
    walk,
)

__all__ = ["RULES", "Rule", "stabilise"]


@dataclass(frozen=True)
class Rule:
    """One identity: ``apply`` returns the safe form, or None where it does not fit."""

    equation: str
    apply: Callable[[Tree], Tree | None]


def stabilise(tree: Tree) -> Tree:
    """Return an equal tree whose program neither overflows nor cancels where the value is an ordinary number."""

    return renamed(rewritten(renamed(tree), _changed))


def _changed(at: Tree) -> Tree:
    for rule in RULES:
        new = rule.apply(at)
        if new is not None:
            return new
    return at


def _is(tree: Tree, name: str) -> bool:
    return isinstance(tree, Fn) and tree.name == name


def _arg(tree: Tree) -> Tree:
    assert isinstance(tree, Fn)
    return tree.args[0]


def negated(u: Tree) -> Tree:
    """Return -u with the sign of its quotient turned."""
    if isinstance(u, Add):
        return Neg(u)
    q = quotient(u)
    q.sign = -q.sign
    return q.tree()


# -- one plus an exponential ----------------------------------------------------------------


def _one_plus_exp(tree: Tree) -> Tree | None:
    """Return v where the tree is 1 + exp(v)."""
    if isinstance(tree, Add) and len(tree.terms) == 2 and ONE in tree.terms:
        other = tree.terms[1] if tree.terms[0] == ONE else tree.terms[0]
        if _is(other, "exp"):
            return _arg(other)
    return None


def _expanded(factors: list[Tree]) -> list[Tree]:
    """Write whole powers of sums as repeated factors."""
    out: list[Tree] = []
    for f in factors:
        if isinstance(f, Pow) and isinstance(f.exponent, Num) and f.exponent.value in (2, 3, 4):
            if _one_plus_exp(f.base) is not None or _exponents(f.base) is not None:
                out += [f.base] * int(f.exponent.value)
                continue
        out.append(f)
    return out


def _logistic(tree: Tree) -> Tree | None:
    if not isinstance(tree, Div):
        return None
    q = quotient(tree)
    below = _expanded(q.below)
    if not any(_one_plus_exp(f) is not None for f in below):
        return None
    above, kept = list(q.above), []
    for f in below:
        v = _one_plus_exp(f)
        if v is None:
            kept.append(f)
        elif Fn("exp", (v,)) in above:
            above.remove(Fn("exp", (v,)))
            above.append(logistic(v))
        else:
            above.append(logistic(negated(v)))
    made = Quotient(q.sign, above, kept).tree()
    return _absorbed(made) or made


def _one_minus_logistic(tree: Tree) -> Tree | None:
    if not isinstance(tree, Add) or ONE not in tree.terms:
        return None
    for t in tree.terms:
        if isinstance(t, Neg) and _is(t.body, "logistic"):
            rest = [s for s in tree.terms if s is not t]
            rest.remove(ONE)
            return add(logistic(negated(_arg(t.body))), *rest)
    return None


def _exp_minus_one(tree: Tree) -> Tree | None:
    """c exp(u) - c = c expm1(u), for terms of either sign."""
    if not isinstance(tree, Add):
        return None
    quotients = [quotient(t) for t in tree.terms]
    for n, q in enumerate(quotients):
        exps = [f for f in q.above if _is(f, "exp")]
        if len(exps) != 1:
            continue
        factors = [f for f in q.above if f is not exps[0]]
        for m, other in enumerate(quotients):
            if m != n and other.sign == -q.sign and (other.above, other.below) == (factors, q.below):
                made = Quotient(q.sign, [*factors, expm1(_arg(exps[0]))], q.below).tree()
                return add(made, *[t for k, t in enumerate(tree.terms) if k not in (n, m)])
    return None


def _absorbed(tree: Tree) -> Tree | None:
    """A bounded factor takes up the exponential beside it.

    logistic(w) (1 + exp(-w) + r) = 1 + r logistic(w), logistic(w) exp(-w) = logistic(-w),
    logistic(w) expm1(-w) = -tanh(w/2).
    """
    if not isinstance(tree, Mul | Div):
        return None
    q = quotient(tree)
    for f in q.above:
        if not _is(f, "logistic"):
            continue
        v = negated(_arg(f))
        large = Fn("exp", (v,))
        for a in q.above:
            if a == large or _is(a, "expm1") and _arg(a) == v:
                others = [o for o in q.above if o is not a and o is not f]
                made = logistic(v) if a == large else Fn("tanh", (Div(v, Num(Fraction(2))),))
                return Quotient(q.sign, [*others, made], q.below).tree()
            if isinstance(a, Add) and large in a.terms:
                rest = [t for t in a.terms if t != large]
                if ONE in rest:
                    rest.remove(ONE)
                    first: Tree = ONE
                else:
                    first = logistic(large.args[0])
                made = add(first, mul(f, add(*rest))) if rest else first
                others = [o for o in q.above if o is not a and o is not f]
                return Quotient(q.sign, [*others, made], q.below).tree()
    return None


def _vanishing(tree: Tree) -> Tree | None:
    """(1 - tanh(u)^2) v = 0 where the first factor is 0, even if a power in v is too large for a number."""
    if not isinstance(tree, Mul):
        return None
    small = [f for f in tree.factors if _saturates(f)]
    if not small or not any(isinstance(t, Pow) for f in tree.factors if f not in small for t in walk(f)):
        return None
    return Where(mul(*[Ind("!=", f, ZERO) for f in small]), tree, ZERO)


def _saturates(tree: Tree) -> bool:
    if not isinstance(tree, Add) or len(tree.terms) != 2 or ONE not in tree.terms:
        return False
    other = next(t for t in tree.terms if t != ONE)
    return isinstance(other, Neg) and isinstance(other.body, Pow) and _is(other.body.base, "tanh")


def _distributed(tree: Tree) -> Tree | None:
    """(a E + b) / D = a E/D + b/D, where a sum of exponentials D bounds E."""
    if not isinstance(tree, Div):
        return None
    q = quotient(tree)
    below = _expanded(q.below)
    for d in below:
        v = _one_plus_exp(d)
        peak = None if v is not None or _is_safe(d) else _exponents(d)
        if v is None and peak is None:
            continue
        for a in q.above:
            if not isinstance(a, Add) or not any(d == f or _is(f, "exp") for t in a.terms for f in quotient(t).above):
                continue
            if ONE in a.terms and Fn("exp", (v,)) in a.terms if v is not None else _shifted(a, peak) is not None:
                continue  # another rule takes the sum as a whole
            others = [o for o in q.above if o is not a]
            return add(*[_cancelled(q.sign, t, others, below) for t in a.terms])
    return None


def _cancelled(sign: int, term: Tree, others: list[Tree], below: list[Tree]) -> Tree:
    """Return sign * term * product(others) / product(below) without the factors common to both, made safe."""
    q = quotient(term)
    above, low = [], [*below, *q.below]
    for f in (*q.above, *others):
        if f in low:
            low.remove(f)
        else:
            above.append(f)
    made = _changed(Quotient(1, above, low).tree())
    return made if sign * q.sign > 0 else Neg(made)


# -- sums of exponentials ----------------------------------------------------------------


def _exponents(tree: Tree) -> Tree | None:
    """Return the largest exponent M of a tree that is a sum of exponentials, so that tree / exp(M) is of order 1."""
    if isinstance(tree, Add) and any(_peak(t) is not None for t in tree.terms):
        return _peak(tree)
    if not isinstance(tree, Sum) or isinstance(tree, Peak):
        return None
    inner = _peak(tree.body)
    if inner is None:
        return None
    return Peak(tree.index, inner) if depends_on(inner, tree.index) else inner


def _peak(tree: Tree) -> Tree | None:
    if _is(tree, "exp"):
        return _arg(tree)
    if isinstance(tree, Sum):
        return _exponents(tree)
    if isinstance(tree, Neg):
        return _peak(tree.body)
    if isinstance(tree, Div):
        return _peak(tree.num)
    if isinstance(tree, Where) and tree.other == ZERO:
        inner = _peak(tree.then)
        return None if inner is None else Where(tree.condition, inner, LOWEST)
    if isinstance(tree, Mul):
        masks = [f for f in tree.factors if isinstance(f, Ind | Delta)]
        for f in tree.factors:
            inner = _peak(f)
            if inner is not None:
                return Where(mul(*masks), inner, LOWEST) if masks else inner
    if isinstance(tree, Add):
        found = [p for t in tree.terms if (p := ZERO if _is_positive(t) else _peak(t)) is not None]
        if len(found) == len(tree.terms):
            return reduce(lambda a, b: Fn("max", (a, b)), found)
    return None


def _shifted(tree: Tree, peak: Tree) -> Tree | None:
    """Return tree / exp(peak) with the shift inside an exponential, or None."""
    if _is(tree, "exp"):
        return Fn("exp", (Add((*summands(_arg(tree)), Neg(peak))),))
    if isinstance(tree, Neg):
        inner = _shifted(tree.body, peak)
        return None if inner is None else Neg(inner)
    if isinstance(tree, Div):
        inner = _shifted(tree.num, peak)
        return None if inner is None else Div(inner, tree.den)
    if isinstance(tree, Sum) and not isinstance(tree, Peak):
        inner = _shifted(tree.body, peak)
        return None if inner is None else Sum(tree.index, inner)
    if isinstance(tree, Where) and tree.other == ZERO:
        inner = _shifted(tree.then, peak)
        return None if inner is None else Where(tree.condition, inner, ZERO)
    if isinstance(tree, Mul):
        for n, f in enumerate(tree.factors):
            inner = _shifted(f, peak)
            if inner is not None:
                return Mul((*tree.factors[:n], inner, *tree.factors[n + 1 :]))
    if isinstance(tree, Add):
        small = Fn("exp", (negated(peak),))
        parts = [mul(t, small) if _is_positive(t) else _shifted(t, peak) for t in tree.terms]
        if all(p is not None for p in parts):
            return Add(tuple(p for p in parts if p is not None))
    return None


def _is_positive(tree: Tree) -> bool:
    return isinstance(tree, Num) and tree.value > 0


def _over_sum(tree: Tree) -> Tree | None:
    """exp(u_c) / sum_k exp(u_k) = exp(u_c - M) / sum_k exp(u_k - M), M = max_k u_k."""
    if not isinstance(tree, Div):
        return None
    q = quotient(tree)
    below = _expanded(q.below)
    above, kept, done = list(q.above), [], False
    for f in below:
        peak = None if _is_safe(f) else _exponents(f)
        small = None if peak is None else _shifted(f, peak)
        if peak is None or small is None:
            kept.append(f)
            continue
        done = True
        kept.append(small)
        for n in sorted(range(len(above)), key=lambda n: tensors_in(above[n]) != tensors_in(f)):
            moved = None if _is_safe(above[n]) else _shifted(above[n], peak)
            if moved is not None:
                above[n] = moved
                break
        else:
            above.append(Fn("exp", (Neg(peak),)))
    return Quotient(q.sign, above, kept).tree() if done else None


def _is_safe(tree: Tree) -> bool:
    """Tell whether the exponents of a tree have been shifted by a peak already."""
    stack = [_peak(tree)]
    while stack:
        at = stack.pop()
        if isinstance(at, Peak):
            stack.append(at.body)
        elif isinstance(at, Where):
            stack.append(at.then)
        elif isinstance(at, Add) and any(isinstance(t, Neg) and _is_largest(t.body) for t in at.terms):
            return True
    return False


def _is_largest(tree: Tree) -> bool:
    return isinstance(tree, Peak) or _is(tree, "max")


# -- logarithms ----------------------------------------------------------------


def _log(tree: Tree) -> Tree | None:
    if not _is(tree, "log"):
        return None
    u = _arg(tree)
    v = _one_plus_exp(u)
    if v is not None:
        return softplus(v)
    if isinstance(u, Fn) and u.name == "logistic":
        return Neg(softplus(negated(_arg(u))))
    if _is(u, "exp"):
        return _arg(u)
    peak = None if _is_safe(u) else _exponents(u)
    if peak is not None:
        small = _shifted(u, peak)
        if small is not None:
            return Add((peak, Fn("log", (small,))))
    q = quotient(u)
    if q.sign > 0 and any(_is(f, "exp") or _is(f, "logistic") for f in (*q.above, *q.below)):
        return _log_of_quotient(q)
    if isinstance(u, Add) and ONE in u.terms:
        rest = list(u.terms)
        rest.remove(ONE)
        return log1p(add(*rest))
    return None


def _log_of_quotient(q: Quotient) -> Tree:
    """log(exp(u) a / b) = u + log a - log b; a / b is positive because the whole is."""
    terms: list[Tree] = []
    rest = Quotient()
    for f in q.above:
        if _is(f, "exp") or _is(f, "logistic"):
            terms += summands(_log_of(f))
        else:
            rest.above.append(f)
    divisors = [f for f in q.below if isinstance(f, Sum) or _is(f, "exp") or _is(f, "logistic")]
    rest.below = [f for f in q.below if f not in divisors]
    if rest.above or rest.below:
        terms.append(_log_of(rest.tree()))
    for f in divisors:
        terms += [negated(t) for t in summands(_log_of(f))]
    return add(*terms)


def _log_of(tree: Tree) -> Tree:
    whole = Fn("log", (tree,))
    return _log(whole) or whole


def _exp(tree: Tree) -> Tree | None:
    """exp(u - log s) = exp(u) / s, exp(u - softplus(v)) = exp(u) logistic(-v)."""
    if not _is(tree, "exp"):
        return None
    kept, factors, divisors = [], [], []
    for t in summands(_arg(tree)):
        body, sign = (t.body, -1) if isinstance(t, Neg) else (t, 1)
        if _is(body, "log"):
            (factors if sign > 0 else divisors).append(_arg(body))
        elif sign < 0 and _is(body, "softplus"):
            factors.append(logistic(negated(_arg(body))))
        else:
            kept.append(t)
    if not factors and not divisors:
        return None
    made = Quotient(1, [*factors, *([Fn("exp", (add(*kept),))] if kept else [])], divisors).tree()
    return _absorbed(made) or made


def _flat_sum(tree: Tree) -> Tree | None:
    """a - (M + log S) = (a - M) - log S: the two large numbers cancel first."""
    if isinstance(tree, Add) and any(
        isinstance(s, Peak) for t in tree.terms if isinstance(t, Neg | Add) for s in _bare(t)
    ):
        flat = summands(tree)
        return add(*flat) if len(flat) > len(tree.terms) else None
    return None


def _bare(tree: Tree) -> list[Tree]:
    return [s.body if isinstance(s, Neg) else s for s in summands(tree)]


RULES: tuple[Rule, ...] = (
    Rule("log(1 + exp(u)) = max(u, 0) + log1p(exp(-|u|)), log(sum exp(u)) = M + log(sum exp(u - M))", _log),
    Rule("exp(u - log s) = exp(u)/s, exp(u - softplus(v)) = exp(u) logistic(-v)", _exp),
    Rule("(a E + b)/D = a E/D + b/D, where a sum of exponentials D bounds E", _distributed),
    Rule("exp(v)/(1 + exp(v)) = logistic(v), 1/(1 + exp(v)) = logistic(-v)", _logistic),
    Rule("exp(u)/sum_k exp(u_k) = exp(u - M)/sum_k exp(u_k - M), M = max_k u_k", _over_sum),
    Rule("logistic(w) (1 + exp(-w) + r) = 1 + r logistic(w), logistic(w) expm1(-w) = -tanh(w/2)", _absorbed),
    Rule("(1 - tanh(u)^2) v = 0 where tanh(u)^2 = 1", _vanishing),
    Rule("1 - logistic(u) = logistic(-u)", _one_minus_logistic),
    Rule("exp(u) - 1 = expm1(u)", _exp_minus_one),
    Rule("a - (M + log S) = (a - M) - log S", _flat_sum),
)
