"""Read a tree as a signed quotient of factors, and build one back."""

from __future__ import annotations

from dataclasses import dataclass, field

from symnn.ground.tree import ONE, Add, Div, Mul, Neg, Num, Tree, mul

__all__ = ["Quotient", "negated", "quotient", "summands"]


@dataclass
class Quotient:
    """sign * product(above) / product(below)."""

    sign: int = 1
    above: list[Tree] = field(default_factory=list)
    below: list[Tree] = field(default_factory=list)

    def tree(self) -> Tree:
        """Return it as a plain tree."""
        top = mul(*self.above)
        body = Div(top, mul(*self.below)) if self.below else top
        return Neg(body) if self.sign < 0 else body


def quotient(tree: Tree) -> Quotient:
    """Flatten nested products, quotients and signs, order kept."""
    out = Quotient()

    def go(at: Tree, top: bool) -> None:
        if isinstance(at, Neg):
            out.sign = -out.sign
            go(at.body, top)
        elif isinstance(at, Mul):
            for f in at.factors:
                go(f, top)
        elif isinstance(at, Div):
            go(at.num, top)
            go(at.den, not top)
        elif at == ONE:
            pass
        elif isinstance(at, Num) and at.value < 0:
            out.sign = -out.sign
            go(Num(-at.value), top)
        else:
            (out.above if top else out.below).append(at)

    go(tree, True)
    return out


def summands(tree: Tree) -> list[Tree]:
    """Return the terms of a sum, nested sums and signs opened."""
    if isinstance(tree, Add):
        return [s for t in tree.terms for s in summands(t)]
    if isinstance(tree, Neg):
        return [s.body if isinstance(s, Neg) else Neg(s) for s in summands(tree.body)]
    return [tree]


def negated(u: Tree) -> Tree:
    """Return -u with the sign of its quotient turned."""
    if isinstance(u, Add):
        return Neg(u)
    q = quotient(u)
    q.sign = -q.sign
    return q.tree()
