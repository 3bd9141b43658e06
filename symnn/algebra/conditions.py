"""Side conditions: what must not vanish, or must be positive, for a formula to mean something."""

from __future__ import annotations

from dataclasses import dataclass

from symnn.algebra.convert import canonical
from symnn.ground.tree import Add, D, Div, Fn, Mul, Neg, Num, Pow, Sym, Tree, children, walk

__all__ = ["Condition", "side_conditions"]


@dataclass(frozen=True)
class Condition:
    """``tree relation 0``; ``known`` tells whether it follows from what was declared or from the form of the tree."""

    tree: Tree
    relation: str
    known: bool


def side_conditions(*trees: Tree) -> tuple[Condition, ...]:
    """Return the conditions of formulas, each once: denominators nonzero, arguments of log and of roots positive.

    Numbers, and sums and products of sizes (at least 1), need none; N - 1 does.
    """
    found: dict[object, Condition] = {}
    for tree in trees:
        for at in walk(tree):
            for part, relation in _needs(at):
                if isinstance(part, D) or any(isinstance(t, D) for t in walk(part)) or _harmless(part):
                    continue
                try:
                    form = canonical(part)
                except ZeroDivisionError:
                    continue
                positive = form.positive
                known = positive or (relation == "!=" and (-form).positive)
                shown = ">" if positive else relation
                found.setdefault((form, shown), Condition(part, shown, known))
    return tuple(found.values())


def _needs(at: Tree) -> list[tuple[Tree, str]]:
    match at:
        case Div():
            return [(base, "!=") for base in _bases(at.den)]
        case Fn(name="log"):
            return [(at.args[0], ">")]
        case Pow():
            e = at.exponent
            if isinstance(e, Num) and e.value >= 0 and e.value.denominator == 1:
                return []
            if isinstance(e, Div) and isinstance(e.num, Num) and e.num.value > 0:
                return [(at.base, ">")]
            return [(at.base, "!=")]
    return []


def _bases(tree: Tree) -> list[Tree]:
    """Return what a product of powers is made of."""
    match tree:
        case Mul():
            return [b for f in tree.factors for b in _bases(f)]
        case Pow():
            return _bases(tree.base)
        case Neg():
            return _bases(tree.body)
    return [tree]


def _harmless(tree: Tree) -> bool:
    if isinstance(tree, Num):
        return True
    if isinstance(tree, Sym):
        return bool(tree.symbol.is_positive)
    if isinstance(tree, Add) and any(isinstance(t, Neg) or (isinstance(t, Num) and t.value < 0) for t in tree.terms):
        return False
    parts = children(tree)
    return bool(parts) and all(_harmless(p) for p in parts)
