"""The table of calculus rules. Each takes one pending derivative apart and names itself; no rule names a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symnn.algebra.convert import reaches
from symnn.ground.errors import UnsupportedError
from symnn.ground.functions import FUNCTIONS
from symnn.ground.substitute import evaluate_scalar_derivative, substitute
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
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
    Tree,
    Where,
    add,
    mul,
    number,
    walk,
)

__all__ = ["ADMINISTRATIVE", "CLOSING", "SUBSTANTIVE", "Rule", "first_rule"]


@dataclass(frozen=True)
class Rule:
    """One calculus rule: ``apply(pending)`` returns the tree that replaces it, or None where the rule does not fit.

    ``name`` may depend on what it was applied to.
    """

    name: Callable[[D], str]
    apply: Callable[[D], Tree | None]
    equation: str


def depends(tree: Tree, tensor: Tensor) -> bool:
    """Tell whether the tree's value depends on a tensor, directly or through definitions."""
    return any(isinstance(t, Entry) and (t.tensor is tensor or reaches(t.tensor, tensor)) for t in walk(tree))


def _constant(p: D) -> Tree | None:
    return None if depends(p.body, p.wrt.tensor) else ZERO


def _held(p: D) -> Tree | None:
    if isinstance(p.body, Delta | Ind) or (isinstance(p.body, Fn) and p.body.name in _FLAT):
        return ZERO
    return None


#: Functions that are constant almost everywhere, or declared constant: their derivative is taken as 0.
_FLAT = {"sign", "stop_gradient"}


def _entry(p: D) -> Tree | None:
    if not isinstance(p.body, Entry) or p.body.tensor is not p.wrt.tensor:
        return None
    pairs = [(a, b) for a, b in zip(p.body.at, p.wrt.at, strict=True) if a != b]
    return mul(*[Delta(b, a) if isinstance(b, Ix) and not isinstance(a, Ix) else Delta(a, b) for a, b in pairs])


def _definition(p: D) -> Tree | None:
    if not isinstance(p.body, Entry) or p.body.tensor is p.wrt.tensor:
        return None
    return D(unfold(p.body), p.wrt)


def _linear(p: D) -> Tree | None:
    body = p.body
    if isinstance(body, Neg):
        return Neg(D(body.body, p.wrt))
    if isinstance(body, Add):
        return add(*[D(t, p.wrt) for t in body.terms if depends(t, p.wrt.tensor)])
    if isinstance(body, Sum):
        return Sum(body.index, D(body.body, p.wrt))
    if isinstance(body, Div) and not depends(body.den, p.wrt.tensor):
        return Div(D(body.num, p.wrt), body.den)
    if isinstance(body, Mul):
        moving = [f for f in body.factors if depends(f, p.wrt.tensor)]
        if len(moving) < len(body.factors) and len(moving) == 1:
            held = [f for f in body.factors if f not in moving]
            return mul(*held, D(moving[0], p.wrt))
        if len(moving) < len(body.factors):
            held = [f for f in body.factors if f not in moving]
            return mul(*held, D(mul(*moving), p.wrt))
    return None


def _product(p: D) -> Tree | None:
    if not isinstance(p.body, Mul):
        return None
    parts = p.body.factors
    return add(
        *[mul(*parts[:n], D(f, p.wrt), *parts[n + 1 :]) for n, f in enumerate(parts) if depends(f, p.wrt.tensor)]
    )


def _quotient(p: D) -> Tree | None:
    if not isinstance(p.body, Div):
        return None
    above, below = p.body.num, p.body.den
    second = Div(mul(above, D(below, p.wrt)), Pow(below, Num(Fraction(2))))
    if not depends(above, p.wrt.tensor):
        return Neg(second)
    return Add((Div(D(above, p.wrt), below), Neg(second)))


def _power(p: D) -> Tree | None:
    if not isinstance(p.body, Pow) or depends(p.body.exponent, p.wrt.tensor):
        return None
    base, e = p.body.base, p.body.exponent
    if isinstance(e, Num):
        lowered: Tree = Num(e.value - 1) if e.value > 1 else Neg(Num(1 - e.value))
        outer = mul(e, base) if e.value == 2 else mul(e, Pow(base, lowered))
    elif isinstance(e, Div) and isinstance(e.num, Num) and isinstance(e.den, Num):
        value = e.num.value / e.den.value
        if value == Fraction(1, 2):
            outer = Div(ONE, mul(Num(Fraction(2)), p.body))
        else:
            less = value - 1
            outer = mul(e, Pow(base, number(less)))
    else:
        outer = mul(e, Pow(base, Add((e, Neg(ONE)))))
    return mul(outer, D(base, p.wrt))


def _exponential(p: D) -> Tree | None:
    if not isinstance(p.body, Pow):
        return None
    return D(Fn("exp", (mul(p.body.exponent, Fn("log", (p.body.base,))),)), p.wrt)


def _maximum(p: D) -> Tree | None:
    """max(a, b) = a where a > b, else b: at a tie the second argument wins (the constant one, as relu'(0) = 0)."""
    if not isinstance(p.body, Fn) or p.body.name not in ("max", "min"):
        return None
    a, b = p.body.args
    condition = Ind(">", a, b) if p.body.name == "max" else Ind(">", b, a)
    return Where(condition, D(a, p.wrt), D(b, p.wrt))


def _branches(p: D) -> Tree | None:
    if not isinstance(p.body, Where):
        return None
    return Where(p.body.condition, D(p.body.then, p.wrt), D(p.body.other, p.wrt))


def _chain(p: D) -> Tree | None:
    if not isinstance(p.body, Fn):
        return None
    terms = []
    for n, arg in enumerate(p.body.args):
        if depends(arg, p.wrt.tensor):
            terms.append(mul(partial(p.body.name, n, p.body.args), D(arg, p.wrt)))
    return add(*terms)


_PARTIALS: dict[Any, Any] = {}


def partial(name: str, position: int, args: tuple[Tree, ...]) -> Tree:
    """Return the partial derivative of a scalar function at its arguments; SymPy finds it for plain symbols."""
    key = (name, position, len(args))
    if key not in _PARTIALS:
        if name not in FUNCTIONS:
            raise UnsupportedError(f"symnn knows no function {name!r} to differentiate.")
        expression, slots = evaluate_scalar_derivative(FUNCTIONS[name], position, len(args))
        _PARTIALS[key] = (from_sympy(expression), slots)
    tree, slots = _PARTIALS[key]
    return substitute(tree, symbols=dict(zip(slots, args, strict=True)))


def _named(text: str) -> Callable[[D], str]:
    return lambda p: text


def _chain_name(p: D) -> str:
    assert isinstance(p.body, Fn)
    plain = all(isinstance(a, Entry) for a in p.body.args)
    return f"{p.body.name}'" if plain and p.body.args[0] != p.wrt and _is_leafy(p) else f"chain rule; {p.body.name}'"


def _is_leafy(p: D) -> bool:
    assert isinstance(p.body, Fn)
    return all(isinstance(a, Entry) and a.tensor is p.wrt.tensor for a in p.body.args)


def _definition_name(p: D) -> str:
    assert isinstance(p.body, Entry)
    return f"definition of {p.body.tensor.name}"


def _entry_name(p: D) -> str:
    """An entry picked by a label has two cases: the label's own (1), and all others (0)."""
    assert isinstance(p.body, Entry)
    labelled = any(isinstance(a, Entry) for a in p.body.at)
    return "entry by entry, two cases" if labelled else "entry by entry"


#: Applied without ado before anything else.
ADMINISTRATIVE: tuple[Rule, ...] = (
    Rule(_named("constant"), _constant, "dc/dx = 0"),
    Rule(_named("constant almost everywhere"), _held, "d1[..]/dx = 0"),
    Rule(_named("linearity"), _linear, "d(c u + v)/dx = c du/dx + dv/dx"),
)

#: One of these a line.
SUBSTANTIVE: tuple[Rule, ...] = (
    Rule(_definition_name, _definition, "d y/dx = d (definition of y)/dx"),
    Rule(_named("product rule"), _product, "d(u v) = du v + u dv"),
    Rule(_named("quotient rule"), _quotient, "d(u/v) = du/v - u dv/v^2"),
    Rule(_named("power rule"), _power, "d u^c = c u^(c-1) du"),
    Rule(_named("power as exponential"), _exponential, "u^v = exp(v log u)"),
    Rule(_named("larger of two, case by case"), _maximum, "max(u, v) = u where u > v, else v"),
    Rule(_named("piecewise, branch by branch"), _branches, "d(u where c else v) = du where c else dv"),
    Rule(_chain_name, _chain, "d f(u) = f'(u) du"),
)

#: Applied at the end of a line.
CLOSING: tuple[Rule, ...] = (
    Rule(_named("constant"), _constant, "dc/dx = 0"),
    Rule(_entry_name, _entry, "d x_i/d x_j = 1[i=j]"),
)


def first_rule(pending: D, table: tuple[Rule, ...]) -> tuple[str, Tree] | None:
    """Return the name and result of the first rule of a table that fits."""
    for rule in table:
        out = rule.apply(pending)
        if out is not None:
            return rule.name(pending), out
    return None
