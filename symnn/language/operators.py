"""Operators entry by entry, with Python's meaning and NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Const,
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
    Sym,
    Tree,
    children,
    mul,
)
from symnn.ground.tree import number as numeral
from symnn.language.arrays import Array, matmul, number, pointwise, transposed
from symnn.language.syntax import Binary, Compare, Juxtaposed, Node, Transposed, Unary
from symnn.language.values import Values

__all__ = ["Operators"]

_HIGHEST_POWER, _MOST_BITS = 100, 4_000
_ARITHMETIC: dict[str, Callable[[Tree, Tree], Tree]] = {
    "+": lambda u, v: Add((u, v)), "-": lambda u, v: Add((u, Neg(v))), "*": lambda u, v: mul(u, v), "/": Div,
}  # fmt: skip


class Operators(Values):
    """Meaning of operators."""

    def _unary(self, node: Unary) -> Array:
        body = self.value(node.body)
        if node.op == "~":
            return pointwise(self.sizes, "~", lambda u: Add((ONE, Neg(u))), self.truth(body, node), truth=True)
        if body.value is not None:
            return number(-body.value)
        return pointwise(self.sizes, "-", Neg, body)

    def _binary(self, node: Binary) -> Array:
        left, right = self.value(node.left), self.value(node.right)
        return self.joined(node.op, left, right, node)

    def joined(self, op: str, left: Array, right: Array, node: Node) -> Array:
        """Return left op right."""
        if op == "@":
            return matmul(self.sizes, left, right)
        if op == "**":
            return self.raised(left, right, node)
        if left.value is not None and right.value is not None and op in "+-*/":
            return number(self._arithmetic(op, left.value, right.value, node))
        if op in "&|":
            left, right = self.truth(left, node), self.truth(right, node)
            if op == "&":
                return pointwise(self.sizes, "&", lambda u, v: mul(u, v), left, right, truth=True)
            build: Callable[..., Tree] = lambda u, v: Add((u, v, Neg(mul(u, v))))  # noqa: E731
            return pointwise(self.sizes, "|", build, self.held(left), self.held(right), truth=True)
        return pointwise(self.sizes, op, _ARITHMETIC[op], left, right)

    def _arithmetic(self, op: str, a: Fraction, b: Fraction, node: Node) -> Fraction:
        if op == "/" and b == 0:
            raise self.error("this divides by 0.", node)
        out = a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else a / b
        if max(out.numerator.bit_length(), out.denominator.bit_length()) > _MOST_BITS:
            raise self.error("this number has too many digits.", node)
        return out

    def raised(self, base: Array, exponent: Array, node: Node) -> Array:
        """Return base ** exponent."""
        e = exponent.value
        if e is None:
            if base.rank == 0 and base.at(()) == Const("E"):
                return pointwise(self.sizes, "exp", lambda u: Fn("exp", (u,)), exponent)
            return pointwise(self.sizes, "**", Pow, base, exponent)
        if abs(e) > _HIGHEST_POWER or e.denominator > _HIGHEST_POWER:
            raise self.error(f"powers up to {_HIGHEST_POWER} are read, found {float(e):.6g}.", node)
        if base.value is not None and e.denominator == 1 and (base.value or e >= 0):
            if max(base.value.numerator.bit_length(), base.value.denominator.bit_length()) * abs(e) > _MOST_BITS:
                raise self.error("this number has too many digits.", node)
            return number(base.value**e.numerator)
        if e < 0:
            return pointwise(self.sizes, "**", lambda u: Div(ONE, _power(u, -e)), base)
        return pointwise(self.sizes, "**", lambda u: _power(u, e), base)

    def _compare(self, node: Compare) -> Array:
        return self.compared(node.rel, self.value(node.left), self.value(node.right))

    def compared(self, rel: str, left: Array, right: Array) -> Array:
        """Return where left rel right holds."""
        written = rel
        if rel in ("<", "<="):
            left, right, rel = right, left, rel.replace("<", ">")

        def build(u: Tree, v: Tree) -> Tree:
            if rel in ("==", "!="):
                same: Tree = Delta(u, v) if _whole(u) and _whole(v) else Ind("=", u, v)
                return same if rel == "==" else Add((ONE, Neg(same)))
            return Ind(rel, u, v)

        return pointwise(self.sizes, written, build, left, right, truth=True)

    def truth(self, x: Array, node: Node) -> Array:
        """Return a condition; what is a number is one where it is not 0."""
        if x.truth:
            return x
        return pointwise(self.sizes, "a condition", lambda u: Ind("!=", u, ZERO), x, truth=True)

    def _transposed(self, node: Transposed) -> Array:
        return transposed(self.value(node.body))

    def _juxtaposed(self, node: Juxtaposed) -> Array:
        out = self.value(node.factors[0])
        for f in node.factors[1:]:
            out = self.joined("*", out, self.value(f), node)
        return out


def _power(u: Tree, e: Fraction) -> Tree:
    return u if e == 1 else Pow(u, numeral(e))


def _whole(tree: Tree) -> bool:
    match tree:
        case Ix():
            return True
        case Num():
            return tree.value.denominator == 1
        case Sym():
            return bool(tree.symbol.is_integer)
        case Entry():
            return tree.tensor.classes is not None
        case Add() | Mul() | Neg():
            return all(_whole(p) for p in children(tree))
    return False
