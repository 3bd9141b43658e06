"""The plain tree: an index expression that never evaluates itself. It is differentiated, shown, lifted and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, TypeVar, cast, dataclass_transform

import sympy

from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor

__all__ = [
    "ONE",
    "ZERO",
    "Add",
    "Const",
    "D",
    "Delta",
    "Div",
    "Entry",
    "Fn",
    "Ind",
    "Ix",
    "Mul",
    "Neg",
    "Num",
    "Pow",
    "Sum",
    "Sym",
    "Tree",
    "Where",
    "add",
    "children",
    "decimal",
    "depends_on",
    "free_indices",
    "mul",
    "num",
    "number",
    "reads_as_decimal",
    "rebuild",
    "tensors_in",
    "transform",
    "walk",
]


class Tree:
    """A node of the plain tree; immutable and compared by structure."""

    def __hash__(self) -> int:
        made = self.__dict__.get("_hash")
        if made is None:
            made = hash((type(self).__name__, *(getattr(self, f) for f in _field_names(type(self)))))
            object.__setattr__(self, "_hash", made)
        return int(made)


_Kind = TypeVar("_Kind")


_FIELDS: dict[Any, tuple[str, ...]] = {}


def _field_names(kind: Any) -> tuple[str, ...]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = tuple(f.name for f in fields(kind))
    return found


@dataclass_transform(frozen_default=True)
def _node(cls: type[_Kind]) -> type[_Kind]:
    made = dataclass(frozen=True, eq=True)(cls)
    made.__hash__ = Tree.__hash__  # type: ignore[assignment]
    return made


@_node
class Num(Tree):
    """A rational number."""

    value: Fraction


@_node
class Const(Tree):
    """A named real constant: pi or E."""

    name: str


@_node
class Sym(Tree):
    """A scalar symbol: a size or a hyperparameter."""

    symbol: sympy.Symbol


@_node
class Ix(Tree):
    """An index, as a position or as a number."""

    index: Index


@_node
class Entry(Tree):
    """One entry of a tensor; ``at`` holds one index expression per axis."""

    tensor: Tensor
    at: tuple[Tree, ...]


@_node
class Add(Tree):
    """A sum of terms, in the order they are shown."""

    terms: tuple[Tree, ...]


@_node
class Mul(Tree):
    """A product of factors, in the order they are shown."""

    factors: tuple[Tree, ...]


@_node
class Neg(Tree):
    """-x."""

    body: Tree


@_node
class Div(Tree):
    """num / den."""

    num: Tree
    den: Tree


@_node
class Pow(Tree):
    """base ** exponent."""

    base: Tree
    exponent: Tree


@_node
class Fn(Tree):
    """A scalar function by its name, applied to its arguments."""

    name: str
    args: tuple[Tree, ...]


@_node
class Sum(Tree):
    """The sum of the body over the index's range; the index is bound here and nowhere else."""

    index: Index
    body: Tree


@_node
class Delta(Tree):
    """1 where two index expressions agree, else 0."""

    left: Tree
    right: Tree


@_node
class Ind(Tree):
    """The indicator 1[left rel right], rel one of > >= = !=."""

    rel: str
    left: Tree
    right: Tree


@_node
class Where(Tree):
    """``then`` where the condition (an indicator, 0 or 1) holds, else ``other``."""

    condition: Tree
    then: Tree
    other: Tree


@_node
class D(Tree):
    """A total derivative still to be taken, of the body by one entry, through every tensor that depends on it."""

    body: Tree
    wrt: Entry


ZERO = Num(Fraction(0))
ONE = Num(Fraction(1))


def reads_as_decimal(value: Fraction) -> bool:
    """Tell whether a number is shorter written out, 0.044715 rather than 8943/200000."""
    den = value.denominator
    if den == 1:
        return False
    for p in (2, 5):
        while den % p == 0:
            den //= p
    return den == 1 and len(decimal(value)) < len(f"{value.numerator}/{value.denominator}")


def decimal(value: Fraction) -> str:
    """Return a rational whose denominator divides a power of ten, written out."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = abs(value * 10**digits).numerator
    text = str(whole).rjust(digits + 1, "0")
    out = text[: len(text) - digits] + ("." + text[len(text) - digits :] if digits else "")
    return ("-" if value < 0 else "") + out


def number(value: int | Fraction) -> Tree:
    """Return a rational as it is shown: a decimal, a whole number, or a fraction; the sign outside."""
    value = Fraction(value)
    if value < 0:
        return Neg(number(-value))
    if value.denominator == 1 or reads_as_decimal(value):
        return Num(value)
    return Div(Num(Fraction(value.numerator)), Num(Fraction(value.denominator)))


def num(value: int | Fraction) -> Num:
    """Return a rational constant."""
    return Num(Fraction(value))


def add(*terms: Tree) -> Tree:
    """Return the sum with zeros dropped and nested sums flattened, otherwise unevaluated."""
    flat: list[Tree] = []
    for term in terms:
        if isinstance(term, Add):
            flat.extend(term.terms)
        elif term != ZERO:
            flat.append(term)
    return ZERO if not flat else flat[0] if len(flat) == 1 else Add(tuple(flat))


def mul(*factors: Tree) -> Tree:
    """Return the product: ones dropped, zero absorbed, nested products flattened, signs moved to the front."""
    flat: list[Tree] = []
    negative = False
    stack = list(reversed(factors))
    while stack:
        factor = stack.pop()
        if isinstance(factor, Neg):
            negative = not negative
            stack.append(factor.body)
        elif isinstance(factor, Mul):
            stack.extend(reversed(factor.factors))
        elif factor == ZERO:
            return ZERO
        elif isinstance(factor, Num) and factor.value < 0:
            negative = not negative
            stack.append(Num(-factor.value))
        elif factor != ONE:
            flat.append(factor)
    body = ONE if not flat else flat[0] if len(flat) == 1 else Mul(tuple(flat))
    return Neg(body) if negative else body


def children(tree: Tree) -> tuple[Tree, ...]:
    """Return the subtrees, in order (of a Sum the body; of a derivative the body and the entry)."""
    match tree:
        case Add():
            return tuple(tree.terms)
        case Mul():
            return tuple(tree.factors)
        case Fn():
            return tuple(tree.args)
        case Entry():
            return tuple(tree.at)
        case Neg() | Sum():
            return (tree.body,)
        case Div():
            return (tree.num, tree.den)
        case Pow():
            return (tree.base, tree.exponent)
        case Delta() | Ind():
            return (tree.left, tree.right)
        case Where():
            return (tree.condition, tree.then, tree.other)
        case D():
            return (tree.body, tree.wrt)
        case _:
            return ()


def rebuild(tree: Tree, parts: tuple[Tree, ...]) -> Tree:
    """Return the tree with its subtrees replaced, kind and order kept."""
    match tree:
        case Add():
            return Add(parts)
        case Mul():
            return Mul(parts)
        case Fn():
            return Fn(tree.name, parts)
        case Entry():
            return Entry(tree.tensor, parts)
        case Neg():
            return Neg(parts[0])
        case Sum():
            return Sum(tree.index, parts[0])
        case Div():
            return Div(*parts)
        case Pow():
            return Pow(*parts)
        case Delta():
            return Delta(*parts)
        case Ind():
            return Ind(tree.rel, *parts)
        case Where():
            return Where(*parts)
        case D():
            return D(parts[0], cast(Entry, parts[1]))
        case _:
            return tree


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield the tree and all its subtrees, parents first."""
    stack = [tree]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(reversed(children(at)))


def transform(tree: Tree, change: Callable[[Tree], Tree]) -> Tree:
    """Return the tree with ``change`` applied to every node, children first."""
    parts = children(tree)
    if parts:
        new = tuple(transform(p, change) for p in parts)
        if any(a is not b for a, b in zip(new, parts, strict=True)):
            tree = rebuild(tree, new)
    return change(tree)


def free_indices(tree: Tree) -> tuple[Index, ...]:
    """Return the indices that occur free, in order of first appearance."""
    found: dict[Index, None] = {}

    def visit(at: Tree, bound: frozenset[Index]) -> None:
        if isinstance(at, Ix):
            if at.index not in bound:
                found.setdefault(at.index)
        elif isinstance(at, Sum):
            visit(at.body, bound | {at.index})
        else:
            for part in children(at):
                visit(part, bound)

    visit(tree, frozenset())
    return tuple(found)


def tensors_in(tree: Tree) -> tuple[Tensor, ...]:
    """Return the tensors that occur, in order of first appearance."""
    return tuple(dict.fromkeys(at.tensor for at in walk(tree) if isinstance(at, Entry)))


def depends_on(tree: Tree, index: Index) -> bool:
    """Tell whether an index occurs free in a tree."""
    return index in free_indices(tree)
