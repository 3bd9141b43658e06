"""Recipe: the program of one template, emitted once and written out for every node by putting names in its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symnn.compile.dialect import Dialect
from symnn.compile.emit import Code, Emitter
from symnn.compile.stabilise import stabilise
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.template import Template
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree

__all__ = ["Recipe", "recipe_of", "size_code"]


@dataclass(frozen=True)
class Recipe:
    """Code over numbered fields.

    Attributes:
        code: the lines, as format strings.
        slots: (field, position of the argument) pairs.
        symbols: (field, size or scalar symbol) pairs.
        temps: number of a temporary -> its field.
        result: the temporary that is the node itself, or 0.
        fields: how many fields there are.
    """

    code: Code
    slots: tuple[tuple[int, int], ...]
    symbols: tuple[tuple[int, Any], ...]
    temps: dict[int, int]
    result: int
    fields: int


def size_code(size: Size, name: Callable[[Any], str]) -> str:
    """Return a size as Python text, in brackets where it is no single word."""
    if size.is_Integer:
        return str(int(size))
    if size.is_Symbol:
        return name(size)
    if size.is_Add or size.is_Mul:
        return "(" + (" + " if size.is_Add else " * ").join(size_code(a, name) for a in size.args) + ")"
    if size.is_Pow and size.exp.is_Integer and size.exp > 0:
        return f"{size_code(size.base, name)} ** {int(size.exp)}"
    raise UnsupportedError(f"The size {size} is not made of sums and products of sizes.")


def emitted(free: Sequence[Index], tree: Tree, slots: Sequence[Tensor], dialect: Dialect) -> Recipe:
    """Return the recipe of ``out[free] = tree``."""
    fields: dict[Any, int] = {}

    def field(*key: Any) -> str:
        return "{" + str(fields.setdefault(key, len(fields))) + "}"

    def symbol(s: Any) -> str:
        return field("symbol", s)

    emitter = Emitter(
        free,
        tensor=lambda t: field("slot", t),
        size=lambda s: size_code(s, symbol),
        symbol=symbol,
        temp=lambda n: field("temp", n),
        dialect=dialect,
    )
    code = emitter.node(stabilise(tree))
    temps = {key[1]: n for key, n in fields.items() if key[0] == "temp"}
    ending = [n for n, f in temps.items() if code.result == "{" + str(f) + "}" and code.fresh]
    places = {t: n for n, t in enumerate(slots)}
    return Recipe(
        code,
        tuple((n, places[key[1]]) for key, n in fields.items() if key[0] == "slot"),
        tuple((n, key[1]) for key, n in fields.items() if key[0] == "symbol"),
        temps,
        ending[0] if ending else 0,
        len(fields),
    )


def recipe_of(template: Template, dialect: Dialect) -> Recipe:
    """Return the recipe of a template, emitted at the first call for each dialect."""
    made = template.memo.get(("compile", dialect))
    if made is None:
        made = emitted(template.free, template.tree, template.slots, dialect)
        template.memo["compile", dialect] = made
    return made
