r"""The parts of a formula that LaTeX has and NumPy has not: names with scripts, products side by side, cases."""

from __future__ import annotations

from dataclasses import dataclass

from symnn.language.syntax import Node

__all__ = [
    "Applied",
    "Called",
    "Cases",
    "Fraction",
    "Function",
    "Gradient",
    "Hadamard",
    "Indexed",
    "Indicator",
    "Inner",
    "Label",
    "Named",
    "Norm",
    "Ones",
    "Page",
    "Product",
    "Raised",
    "Summed",
    "Terms",
]


@dataclass(frozen=True)
class Label(Node):
    r"""What stands above a name in brackets: ``W^{(2)}``, ``x^{(n)}``."""

    text: str
    body: Node


@dataclass(frozen=True)
class Named(Node):
    r"""A name as written: its letter or word, marks above it, labels above on the right, parts of its subscript."""

    core: str
    accents: tuple[str, ...] = ()
    style: str = ""
    labels: tuple[Label, ...] = ()
    below: tuple[Node, ...] = ()
    primes: int = 0


@dataclass(frozen=True)
class Called(Node):
    r"""``f(x)``, read as a function at an argument."""

    head: Named
    args: tuple[Node, ...]


@dataclass(frozen=True)
class Applied(Node):
    r"""A name before brackets: a function at an argument, or a product; scripts behind belong to either."""

    head: Named
    args: tuple[Node, ...]
    called: Node
    times: Node | None


@dataclass(frozen=True)
class Function(Node):
    r"""A known function at its arguments.

    ``bare`` tells that they were written without brackets, ``loose`` that they are several factors then.
    """

    name: str
    args: tuple[Node, ...]
    primes: int = 0
    power: Node | None = None
    below: tuple[Node, ...] = ()
    bare: bool = False
    loose: bool = False


@dataclass(frozen=True)
class Terms(Node):
    """Terms with their signs, 1 or -1."""

    signs: tuple[int, ...]
    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Product(Node):
    r"""Factors, and what stands between them: nothing, or one of \cdot \times * / \otimes.

    ``tight`` are places of factors that follow a divisor without a space, as N in 1/2N.
    """

    factors: tuple[Node, ...]
    signs: tuple[str, ...]
    tight: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hadamard(Node):
    r"""Products joined entry by entry; the signs between are \odot or \oslash."""

    parts: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True)
class Fraction(Node):
    r"""``\frac{a}{b}``."""

    above: Node
    below: Node


@dataclass(frozen=True)
class Raised(Node):
    r"""``x^{2}``, or entry by entry ``x^{\circ 2}``."""

    body: Node
    exponent: Node
    entrywise: bool = False


@dataclass(frozen=True)
class Indexed(Node):
    r"""``(W x)_i``."""

    body: Node
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Norm(Node):
    r"""``\|v\|``, with what stands below on the right: nothing, 1, 2 or F."""

    body: Node
    kind: str


@dataclass(frozen=True)
class Inner(Node):
    r"""``\langle a, b \rangle``."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Summed(Node):
    r"""``\sum_{i=1}^{N} \sum_{k \neq i}``: letters, bounds of each as (first, last), conditions on them."""

    letters: tuple[str, ...]
    bounds: tuple[tuple[Node | None, Node | None], ...]
    guards: tuple[Node, ...]
    body: Node


@dataclass(frozen=True)
class Gradient(Node):
    r"""``\frac{\partial \ell}{\partial a}``, ``\nabla_a \ell`` or ``da``: of what, where that is said, by what."""

    of: Node | None
    by: Node


@dataclass(frozen=True)
class Ones(Node):
    r"""``\mathbf{1}``, ``\mathbf{1}_N``."""

    size: Node | None = None


@dataclass(frozen=True)
class Indicator(Node):
    r"""``\mathbb{1}_{y=c}``, ``[a > 0]``."""

    condition: Node


@dataclass(frozen=True)
class Cases(Node):
    """Values with their conditions; a last one without is for all else."""

    values: tuple[Node, ...]
    conditions: tuple[Node | None, ...]


@dataclass(frozen=True)
class Page(Node):
    """A whole formula: what stands left of the equal sign, if that could be read, and the last right-hand side."""

    left: Node | None
    right: Node
    letters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
