"""A typed formula by its parts: where each stands in the text, and how something is written in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction

from symnn.language.syntax import (
    Binary,
    Call,
    Compare,
    Item,
    Name,
    Node,
    Number,
    Program,
    Sigma,
    Statement,
    Transposed,
    Tuple,
    Unary,
)

__all__ = [
    "ATOM",
    "BINDS",
    "COMMON",
    "COMPARED",
    "SIGNED",
    "Change",
    "Known",
    "Parts",
    "binding_of",
    "changed",
    "enclosed",
    "is_place",
    "nodes_of",
]

#: How tightly an operator binds; a name or a call binds tightest.
BINDS = {"|": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "@": 4, "**": 6}
COMPARED, SIGNED, ATOM = 0, 5, 9
#: Functions that are left out or taken for one another.
COMMON = ("exp", "log", "sqrt", "sigmoid", "tanh", "softmax", "log_softmax", "square", "cos", "sin", "sign", "abs")


@dataclass(frozen=True)
class Change:
    """A change of a text: its place, what is written there instead, the kind of slip, and a sentence."""

    start: int
    end: int
    new: str
    kind: str
    sentence: str


@dataclass(frozen=True)
class Known:
    """What a formula may speak of, by name.

    Attributes:
        tensors: real arrays, each with its shape.
        gradients: those of them that are gradients.
        labels: whole numbers that count classes.
        sizes: sizes, and ``scalars`` other symbols.
        functions: functions of the forward pass.
        outputs: pairs of a value and what an activation makes of it.
        marks: numbers that the forward pass compares with.
    """

    tensors: dict[str, tuple[object, ...]]
    gradients: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    outputs: frozenset[tuple[str, str]] = frozenset()
    marks: tuple[Fraction, ...] = ()


def changed(text: str, several: Sequence[Change]) -> str:
    """Return a text with changes made, which must not overlap."""
    for c in sorted(several, key=lambda c: c.start, reverse=True):
        text = text[: c.start] + c.new + text[c.end :]
    return text


class Parts:
    """The parts of one formula, each with its place in the text, and how it is written into another's place."""

    def __init__(self, text: str, known: Known, program: Program) -> None:
        self.text, self.known = text, known
        self.nodes = list(nodes_of(program, None))
        self.above = {id(node): above for node, above in self.nodes}
        self.locals = tuple(dict.fromkeys(n.name for n, _ in self.nodes if isinstance(n, Statement)))
        used = [n.function for n, _ in self.nodes if isinstance(n, Call)]
        self.functions = tuple(dict.fromkeys((*used, *known.functions, *COMMON)))
        self.letters = letters_of(program)
        self.compared = {
            id(part)
            for n, _ in self.nodes
            if isinstance(n, Compare)
            for side in (n.left, n.right)
            for part, _ in nodes_of(side, None)
        }
        self.places = {
            part
            for n, _ in self.nodes
            if isinstance(n, Compare) and self._of_letters(n)
            for part, _ in nodes_of(n, None)
        }

    def _of_letters(self, node: Node) -> bool:
        """Tell whether a condition is one on places: every name in it is an index letter or a size."""
        names = [n.name for n, _ in nodes_of(node, None) if isinstance(n, Name)]
        return bool(names) and all(n in self.letters or n in self.known.sizes for n in names)

    # -- text ------------------------------------------------------------------------------------------------------

    def cut(self, node: Node) -> str:
        """Return the text of a part, on one line, without brackets around it."""
        start, end = self.inside(node)
        return " ".join(self.text[start:end].split())

    def inside(self, node: Node) -> tuple[int, int]:
        """Return the place of a part without the brackets around it."""
        start, end = node.span
        while enclosed(self.text, start, end) and not isinstance(node, Tuple):
            start, end = start + 1, end - 1
        return start, end

    def operand(self, node: Node, least: int) -> str:
        """Return the text of a part as an operand of something that binds so tightly."""
        text = self.cut(node)
        return text if binding_of(node) >= least else f"({text})"

    def instead(self, node: Node, new: str, binding: int, kind: str, sentence: str) -> Change:
        """Return the change that writes something in a part's place, in brackets where it must be."""
        start, end = node.span
        return Change(start, end, new if binding >= self.needed(node) else f"({new})", kind, sentence)

    def kept(self, node: Node, inner: Node, kind: str, sentence: str) -> Change:
        """Return the change that keeps one part of a part."""
        return self.instead(node, self.cut(inner), binding_of(inner), kind, sentence)

    def needed(self, node: Node) -> int:
        """Return how tightly whatever stands in a part's place must bind."""
        above = self.above.get(id(node))
        if isinstance(above, Binary):
            if above.op == "**":
                return ATOM if node is above.left else SIGNED
            return BINDS[above.op] + (node is above.right)
        if isinstance(above, Unary):
            return SIGNED
        if isinstance(above, Compare):
            return 1
        if isinstance(above, Transposed) or (isinstance(above, Item) and node is above.body):
            return ATOM
        if isinstance(above, Call) and above.span[0] == node.span[0]:  # x.sum(axis=0)
            return ATOM
        return ATOM if isinstance(above, Sigma) else COMPARED


# -- nodes ------------------------------------------------------------------------------------------------------------


def nodes_of(node: Node, above: Node | None) -> Iterator[tuple[Node, Node | None]]:
    """Yield every part with what stands above it, right-hand sides only, inner parts first."""
    for f in fields(node):
        if isinstance(node, Program) and f.name == "target":
            continue
        value = getattr(node, f.name)
        for part in value if isinstance(value, tuple) else (value,):
            for inner in part if isinstance(part, tuple) else (part,):
                if isinstance(inner, Node):
                    yield from nodes_of(inner, node)
    yield node, above


def is_place(node: Node, above: Node | None) -> bool:
    """Tell whether a part is a position between brackets, an axis, or a list."""
    if isinstance(above, Item):
        return node is not above.body
    if isinstance(above, Call):
        return node not in above.args or isinstance(node, Number)
    return isinstance(above, Tuple)


def letters_of(program: Program) -> tuple[str, ...]:
    """Return the index letters of a formula: those that are summed over or stand between brackets on the left."""
    found: list[str] = []
    for node, _ in nodes_of(program, None):
        if isinstance(node, Sigma):
            found += node.letters
        if isinstance(node, Item):
            found += [i.name for i in node.items if isinstance(i, Name) and len(i.name) == 1 and i.name.islower()]
    for s in (*program.statements, program.target):
        if s is not None and s.letters is not None:
            found += s.letters
    return tuple(dict.fromkeys(found))


def binding_of(node: Node) -> int:
    """Return how tightly a part binds, without brackets around it."""
    if isinstance(node, Binary):
        return BINDS[node.op]
    if isinstance(node, Compare):
        return COMPARED
    if isinstance(node, Unary):
        return SIGNED
    return ATOM


def enclosed(text: str, start: int, end: int) -> bool:
    """Tell whether one pair of brackets stands around a part."""
    if end - start < 2 or text[start] != "(" or text[end - 1] != ")":
        return False
    depth = 0
    for n in range(start, end):
        depth += (text[n] == "(") - (text[n] == ")")
        if not depth:
            return n == end - 1
    return False
