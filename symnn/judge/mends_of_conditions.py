"""Ways to mend a condition in a typed formula: turned round, inverted, a bound put in, moved or taken away."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from symnn.judge.typed_parts import ATOM, BINDS, COMPARED, SIGNED, Change, Parts, binding_of
from symnn.language.syntax import Binary, Compare, Node, Number, Unary

__all__ = ["Conditions"]

_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_STRICT = {">": ">=", "<": "<=", ">=": ">", "<=": "<"}
_NEGATED = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}
_OTHER = {"&": "|", "|": "&"}


class Conditions(Parts):
    """Changes of conditions."""

    def conditions(self) -> Iterator[Change]:
        """Yield comparisons turned round and strict or not, conditions inverted, joined otherwise, and bounds."""
        comparisons = [node for node, _ in self.nodes if isinstance(node, Compare)]
        for node, _ in self.nodes:
            if isinstance(node, Binary) and node.op in _OTHER:
                yield from self._joined(node)
            elif isinstance(node, Unary) and node.op == "~":
                said = f"the condition {self.cut(node.body)} is inverted: ~ does not belong before it"
                yield self.kept(node, node.body, "mask", said)
        for each in (self._compared, self._moved, self._bounds):
            for compare in comparisons:
                yield from each(compare)

    def _compared(self, node: Compare) -> Iterator[Change]:
        left, right, shown = self.operand(node.left, 1), self.operand(node.right, 1), self.cut(node)
        for table in (_TURNED, _STRICT):
            if node.rel in table:
                new = f"{left} {table[node.rel]} {right}"
                said = f"the condition {shown} must be {new}"
                yield self.instead(node, new, COMPARED, "mask", said)
        if node.rel in _TURNED:
            a, b = (node.left, node.right) if node.rel[0] == ">" else (node.right, node.left)
            zero = isinstance(b, Number) and b.value == 0
            new = f"sign({self.cut(a)})" if zero else f"sign({self.operand(a, 3)} - {self.operand(b, 4)})"
            yield self.instead(node, new, ATOM, "mask", f"{shown} is 0 or 1 where the sign, -1 or 1, belongs")

    def _joined(self, node: Binary) -> Iterator[Change]:
        shown = self.cut(node)
        new, binds = self._negated(node)
        said = f"the condition {shown} is inverted: {new} belongs there"
        yield self.instead(node, new, binds, "mask", said)
        other = _OTHER[node.op]
        new = f"{self.operand(node.left, BINDS[other])} {other} {self.operand(node.right, BINDS[other] + 1)}"
        yield self.instead(node, new, BINDS[other], "mask", f"{node.op} stands where {other} belongs in {shown}")
        for side, rest in ((node.right, node.left), (node.left, node.right)):
            yield self.kept(node, rest, "mask", f"the condition {self.cut(side)} does not belong in {shown}")

    def _negated(self, node: Node) -> tuple[str, int]:
        """Return a condition that holds where another does not, and how tightly it binds."""
        if isinstance(node, Compare) and node.rel in _NEGATED:
            return f"{self.operand(node.left, 1)} {_NEGATED[node.rel]} {self.operand(node.right, 1)}", COMPARED
        if isinstance(node, Unary) and node.op == "~":
            return self.cut(node.body), binding_of(node.body)
        if isinstance(node, Binary) and node.op in _OTHER:
            op = _OTHER[node.op]
            sides = (self._negated(side) for side in (node.left, node.right))
            return f" {op} ".join(t if binds > BINDS[op] else f"({t})" for t, binds in sides), BINDS[op]
        return f"~{self.operand(node, SIGNED)}", SIGNED

    def _moved(self, node: Compare) -> Iterator[Change]:
        """Yield other bounds, among the numbers that the forward pass compares with."""
        for bound, _, mark in self._marked(node):
            said = f"the bound {self.cut(bound)} in {self.cut(node)} must be {mark}"
            yield self.instead(bound, str(mark), 3, "mask", said)

    def _bounds(self, node: Compare) -> Iterator[Change]:
        """Yield bounds on the other side put in, among the numbers that the forward pass compares with."""
        for bound, value, mark in self._marked(node):
            rel = node.rel[0] if bound is node.left else _TURNED[node.rel][0]
            beside, shown = f"{self.operand(value, 1)} {rel} {mark}", self.cut(node)
            said = f"the bound {beside} is missing beside {shown}"
            yield self.instead(node, f"({shown}) & ({beside})", BINDS["&"], "mask", said)

    def _marked(self, node: Compare) -> Iterator[tuple[Node, Node, Fraction]]:
        """Yield the bound of a comparison, what it bounds, and another number that the forward pass compares with."""
        for bound, value in ((node.right, node.left), (node.left, node.right)):
            here = _number(bound)
            if node.rel in _TURNED and here is not None and _number(value) is None:
                yield from ((bound, value, mark) for mark in self.known.marks if mark != here)


def _number(node: Node) -> Fraction | None:
    """Return the number that a part of a formula is, or None."""
    if isinstance(node, Unary) and node.op == "-" and isinstance(node.body, Number):
        return -node.body.value
    return node.value if isinstance(node, Number) else None
