"""The tree of a typed formula, before shapes: what was written, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction

from symnn.ground.errors import SymnnError
from symnn.language.escapes import escaped

__all__ = [
    "Binary",
    "Call",
    "Compare",
    "Dots",
    "FormulaError",
    "MismatchError",
    "Item",
    "Juxtaposed",
    "Name",
    "NewAxis",
    "Node",
    "Number",
    "Program",
    "Range",
    "Sigma",
    "Span",
    "Statement",
    "Text",
    "Transposed",
    "Tuple",
    "Unary",
    "names_in",
]

#: Where something stands in the text: first column and the one behind the last, from 0.
Span = tuple[int, int]


class FormulaError(SymnnError):
    """A formula given as text cannot be read; the message shows the text and points at the place.

    Attributes:
        text: the formula.
        position: the column, from 0.
        reason: what is wrong, without the text.
    """

    def __init__(self, reason: str, text: str, position: int, hint: str = "") -> None:
        self.reason, self.text, self.position = reason, text, position
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        line = text[start : len(text) if end < 0 else end]
        row, column = text.count("\n", 0, position) + 1, position - start
        first = max(0, column - 70)
        before, behind = escaped(line[first:column]), escaped(line[column : column + 50])
        shown = ("..." if first else "") + before + behind + ("..." if len(line) > column + 50 else "")
        pointer = " " * (len(before) + 3 * bool(first)) + "^"
        where = f"line {row}, column {column + 1}" if "\n" in text else f"column {column + 1}"
        said = f"{where}: {escaped(reason)}\n    {shown}\n    {pointer}"
        super().__init__(said + (f"\n  {escaped(hint)}" if hint else ""))


class MismatchError(FormulaError):
    """A formula is well formed, and its shapes do not fit: it has no value."""


@dataclass(frozen=True)
class Node:
    """Part of a formula; ``span`` says where it stands."""

    span: Span


@dataclass(frozen=True)
class Number(Node):
    """A number as written, exactly."""

    value: Fraction


@dataclass(frozen=True)
class Text(Node):
    """A quoted text: the subscripts of einsum."""

    value: str


@dataclass(frozen=True)
class Name(Node):
    """A tensor, a size, a scalar or an index letter."""

    name: str


@dataclass(frozen=True)
class Unary(Node):
    """-x, or ~x for a condition."""

    op: str
    body: Node


@dataclass(frozen=True)
class Binary(Node):
    """x op y, op one of + - * / ** @ & |."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Juxtaposed(Node):
    """Factors written side by side, as in LaTeX; their shapes say which products are meant."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Compare(Node):
    """x rel y: 1 where it holds, else 0."""

    rel: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call(Node):
    """A function applied; ``prime`` counts dashes: f'(x) is the derivative of f at x."""

    function: str
    args: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...] = ()
    prime: int = 0


@dataclass(frozen=True)
class Transposed(Node):
    """x.T: the axes in reverse order."""

    body: Node


@dataclass(frozen=True)
class Range(Node):
    """a:b:c between brackets; a part left out is None."""

    start: Node | None
    stop: Node | None
    step: Node | None


@dataclass(frozen=True)
class NewAxis(Node):
    """None between brackets."""


@dataclass(frozen=True)
class Dots(Node):
    """... between brackets."""


@dataclass(frozen=True)
class Item(Node):
    """x[a, b, ...]."""

    body: Node
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Tuple(Node):
    """(a, b, ...), as an axis argument."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Sigma(Node):
    """sum_j(...), sum_{j,k}(...), mean_n(...): over index letters; ``bounds`` are (first, last) where written."""

    kind: str
    letters: tuple[str, ...]
    body: Node
    bounds: tuple[tuple[Node | None, Node | None], ...] = ()


@dataclass(frozen=True)
class Statement(Node):
    """name = value, or name[i, j] = value."""

    name: str
    letters: tuple[str, ...] | None
    value: Node


@dataclass(frozen=True)
class Program(Node):
    """Names given to intermediate values, and the formula itself; ``target`` is the name given to that, if any."""

    statements: tuple[Statement, ...]
    result: Node
    target: Statement | None = None


def names_in(node: Node) -> Iterator[Name]:
    """Yield the names of a formula, in order."""
    if isinstance(node, Name):
        yield node
    for f in fields(node):
        value = getattr(node, f.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Node):
                yield from names_in(part)
            elif isinstance(part, tuple):
                for inner in part:
                    if isinstance(inner, Node):
                        yield from names_in(inner)
