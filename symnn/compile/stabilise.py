"""Numerically safe forms, as a table of rewrite rules on plain trees. No rule names a layer.

Each rule is an identity of real numbers; it terminates because every rule removes an ``exp`` or ``log`` from the
place it matches, or splits a sum over its terms, and none puts one back in a form that a rule matches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from symnn.compile.exponents import is_fn, is_shifted, peak_of_sum, shifted
from symnn.compile.hyperbolic import is_positive_hyperbolic, log_of_hyperbolic, quotient_of_hyperbolics
from symnn.compile.positions import strays
from symnn.compile.products import Quotient, negated, quotient, summands
from symnn.compile.safe_nodes import Peak, expm1, log1p, logistic, renamed, rewritten, softplus
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


def _arg(tree: Tree) -> Tree:
    assert isinstance(tree, Fn)
    return tree.args[0]


# -- one plus an exponential ----------------------------------------------------------------


def _one_plus_exp(tree: Tree) -> Tree | None:
    """Return v where the tree is 1 + exp(v)."""
    if isinstance(tree, Add) and len(tree.terms) == 2 and ONE in tree.terms:
        other = tree.terms[1] if tree.terms[0] == ONE else tree.terms[0]
        if is_fn(other, "exp"):
            return _arg(other)
    return None


def _expanded(factors: list[Tree]) -> list[Tree]:
    """Write whole powers of sums as repeated factors."""
    out: list[Tree] = []
    for f in factors:
        if isinstance(f, Pow) and isinstance(f.exponent, Num) and f.exponent.value in (2, 3, 4):
            if _one_plus_exp(f.base) is not None or peak_of_sum(f.base) is not None:
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
        if isinstance(t, Neg) and is_fn(t.body, "logistic"):
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
        exps = [f for f in q.above if is_fn(f, "exp")]
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
        if not is_fn(f, "logistic"):
            continue
        v = negated(_arg(f))
        large = Fn("exp", (v,))
        for a in q.above:
            if a == large or is_fn(a, "expm1") and _arg(a) == v:
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
    around = [f for f in tree.factors if isinstance(f, Delta | Ind)] if any(map(strays, small)) else []
    return Where(mul(*around, *[Ind("!=", f, ZERO) for f in small]), tree, ZERO)


def _saturates(tree: Tree) -> bool:
    if not isinstance(tree, Add) or len(tree.terms) != 2 or ONE not in tree.terms:
        return False
    other = next(t for t in tree.terms if t != ONE)
    return isinstance(other, Neg) and isinstance(other.body, Pow) and is_fn(other.body.base, "tanh")


def _distributed(tree: Tree) -> Tree | None:
    """(a E + b) / D = a E/D + b/D, where a sum of exponentials D bounds E."""
    if not isinstance(tree, Div):
        return None
    q = quotient(tree)
    below = _expanded(q.below)
    for d in below:
        v = _one_plus_exp(d)
        peak = None if v is not None or is_shifted(d) else peak_of_sum(d)
        if v is None and peak is None:
            continue
        for a in q.above:
            if not isinstance(a, Add) or not any(d == f or is_fn(f, "exp") for t in a.terms for f in quotient(t).above):
                continue
            whole = v is not None and ONE in a.terms and Fn("exp", (v,)) in a.terms
            if whole or peak is not None and shifted(a, peak) is not None:
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


def _over_sum(tree: Tree) -> Tree | None:
    """exp(u_c) / sum_k exp(u_k) = exp(u_c - M) / sum_k exp(u_k - M), M = max_k u_k."""
    if not isinstance(tree, Div):
        return None
    q = quotient(tree)
    below = _expanded(q.below)
    above, kept, done = list(q.above), [], False
    for f in below:
        peak = None if is_shifted(f) else peak_of_sum(f)
        small = None if peak is None else shifted(f, peak)
        if peak is None or small is None:
            kept.append(f)
            continue
        done = True
        kept.append(small)
        for n in sorted(range(len(above)), key=lambda n: tensors_in(above[n]) != tensors_in(f)):
            moved = None if is_shifted(above[n]) else shifted(above[n], peak)
            if moved is not None:
                above[n] = moved
                break
        else:
            above.append(Fn("exp", (Neg(peak),)))
    return Quotient(q.sign, above, kept).tree() if done else None


# -- logarithms ----------------------------------------------------------------


def _log(tree: Tree) -> Tree | None:
    if not is_fn(tree, "log"):
        return None
    u = _arg(tree)
    v = _one_plus_exp(u)
    if v is not None:
        return softplus(v)
    if isinstance(u, Fn) and u.name == "logistic":
        return Neg(softplus(negated(_arg(u))))
    if is_fn(u, "exp"):
        return _arg(u)
    if isinstance(u, Pow) and is_positive_hyperbolic(u.base):
        return mul(u.exponent, _log_of(u.base))
    hyperbolic = log_of_hyperbolic(u)
    if hyperbolic is not None:
        return hyperbolic
    peak = None if is_shifted(u) else peak_of_sum(u)
    if peak is not None:
        small = shifted(u, peak)
        if small is not None:
            return Add((peak, Fn("log", (small,))))
    q = quotient(u)
    if q.sign > 0 and any(map(_is_positive, (*q.above, *q.below))):
        return _log_of_quotient(q)
    if isinstance(u, Add) and ONE in u.terms:
        rest = list(u.terms)
        rest.remove(ONE)
        return log1p(add(*rest))
    return None


def _is_positive(tree: Tree) -> bool:
    """Tell whether a factor is a positive function, or a power of one, whose logarithm has a form of its own."""
    base = tree.base if isinstance(tree, Pow) else tree
    return is_positive_hyperbolic(base) or is_fn(tree, "exp") or is_fn(tree, "logistic")


def _log_of_quotient(q: Quotient) -> Tree:
    """log(exp(u) a / b) = u + log a - log b; a / b is positive because the whole is."""
    terms: list[Tree] = []
    rest = Quotient()
    for f in q.above:
        if _is_positive(f):
            terms += summands(_log_of(f))
        else:
            rest.above.append(f)
    divisors = [f for f in q.below if isinstance(f, Sum) or _is_positive(f)]
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
    if not is_fn(tree, "exp"):
        return None
    kept: list[Tree] = []
    factors: list[Tree] = []
    divisors: list[Tree] = []
    for t in summands(_arg(tree)):
        body, sign = (t.body, -1) if isinstance(t, Neg) else (t, 1)
        if is_fn(body, "log"):
            (factors if sign > 0 else divisors).append(_arg(body))
        elif sign < 0 and is_fn(body, "softplus"):
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
    Rule("sinh(u)/cosh(u) = tanh(u), 1/cosh(u) = 2 exp(-|u|) / (1 + exp(-2|u|))", quotient_of_hyperbolics),
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
