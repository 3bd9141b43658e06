"""Templates and definitions: one index expression over slots, shared by every node that is computed alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symnn.ground.errors import ShapeError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size, size_text
from symnn.ground.substitute import map_size, substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Entry, Ix, Tree, free_indices, walk

__all__ = ["Definition", "Template", "Typed", "instantiate", "unfold"]


class Template:
    """``out[free] = tree`` over slot tensors with formal sizes; derived, simplified and compiled once.

    Attributes:
        name: what the operation is called.
        free: the output's indices, in the order of its axes, each with its (formal) range.
        tree: the plain tree over the slots.
        slots: the tensors it is computed from.
        positive: the output is known to be > 0.
        nonnegative: the output is known to be >= 0.
        memo: what other floors have worked out about this template, by their own keys.
    """

    __slots__ = ("_expr", "free", "memo", "name", "nonnegative", "positive", "slots", "tree")

    def __init__(
        self,
        name: str,
        free: tuple[Index, ...],
        tree: Tree,
        slots: tuple[Tensor, ...],
        *,
        positive: bool = False,
        nonnegative: bool = False,
        expr: Any = None,
    ) -> None:
        self.name, self.free, self.tree, self.slots = name, free, tree, slots
        self.positive, self.nonnegative = positive, positive or nonnegative
        self.memo: dict[Any, Any] = {}
        self._expr: Any = expr

    @property
    def expr(self) -> Any:
        """The SymPy expression over the slots: as it was typed where it was typed over them, else the tree's."""
        if self._expr is None:
            self._expr = to_sympy(self.tree)
        return self._expr

    @property
    def shape(self) -> tuple[Size, ...]:
        """The formal shape of the output."""
        return tuple(i.size for i in self.free)

    def __repr__(self) -> str:
        return f"Template({self.name}: {[i.letter for i in self.free]} over {[s.name for s in self.slots]})"


@dataclass(frozen=True)
class Typed:
    """A definition as it was typed: its free indices, the SymPy expression, and the size each letter stands for."""

    free: tuple[Index, ...]
    expr: Any
    extents: Mapping[Any, Size]
    memo: dict[str, Any] = field(default_factory=dict, compare=False)


class Definition:
    """A template with actual tensors in its slots: how one node of a network is computed.

    ``typed`` is what a user typed for this very node, where somebody did: the reference interpreter evaluates that,
    so that it does not depend on how the expression was read.
    """

    __slots__ = ("args", "sizes", "template", "typed")

    def __init__(
        self, template: Template, args: tuple[Tensor, ...], sizes: Mapping[Any, Size], typed: Typed | None = None
    ) -> None:
        self.template, self.args, self.sizes, self.typed = template, args, sizes, typed

    @property
    def shape(self) -> tuple[Size, ...]:
        """The actual shape of the output."""
        return tuple(map_size(i.size, self.sizes) for i in self.template.free)


def instantiate(template: Template, args: tuple[Tensor, ...], *, node: str) -> Definition:
    """Return the definition with the formal sizes read off the actual tensors' shapes.

    Raises:
        ShapeError: two axes that one index runs over differ; the message names node, shapes and index.
    """
    sizes: dict[Any, Size] = {}
    seen: dict[Any, tuple[Tensor, Tensor, int]] = {}
    for slot, arg in zip(template.slots, args, strict=True):
        if slot.rank != arg.rank:
            raise ShapeError(
                f"In node {node!r} = {_call(template, args)}: {slot.name} takes {slot.rank} axes "
                f"{slot.letters}, found {arg.name} with shape {size_text(arg.shape)}. Feed a tensor of that many axes."
            )
        formal_actual = list(zip(slot.shape, arg.shape, range(slot.rank), strict=True))
        if slot.classes is not None and arg.classes is None:
            raise ShapeError(
                f"In node {node!r} = {_call(template, args)}: {arg.name} is used as an index but holds "
                "real numbers. Declare it with labels(name, shape, classes)."
            )
        if slot.bijective and not arg.bijective:
            raise ShapeError(
                f"In node {node!r} = {_call(template, args)}: {arg.name} takes the place of a permutation but need not "
                "be one. Declare it with permutation(name, size)."
            )
        if slot.classes is not None:
            formal_actual.append((slot.classes, arg.classes, -1))
        for formal, actual, axis in formal_actual:
            if formal not in sizes:
                sizes[formal] = actual
                seen[formal] = (slot, arg, axis)
            elif sizes[formal] != actual:
                raise ShapeError(_clash(template, args, node, seen[formal], sizes[formal], (slot, arg, axis), actual))
    return Definition(template, args, sizes)


def _call(template: Template, args: tuple[Tensor, ...]) -> str:
    return f"{template.name}({', '.join(a.name for a in args)})"


def _place(slot: Tensor, arg: Tensor, axis: int) -> str:
    if axis < 0:
        return f"the classes of {arg.name}"
    return f"axis {axis} of {arg.name}[{','.join(slot.letters)}]"


def _clash(
    template: Template,
    args: tuple[Tensor, ...],
    node: str,
    first: tuple[Tensor, Tensor, int],
    size: Size,
    second: tuple[Tensor, Tensor, int],
    other: Size,
) -> str:
    slot, _, axis = second if second[2] >= 0 else first
    letter = slot.letters[axis] if slot.letters else "?"
    shapes = "\n".join(f"  {a.name} : {size_text(a.shape)}" for a in dict.fromkeys((first[1], second[1])))
    return (
        f"In node {node!r} = {_call(template, args)}: index {letter} runs over {size} on {_place(*first)} "
        f"but over {other} on {_place(*second)}.\n{shapes}\n"
        f"  Make the two sizes equal: {size} and {other}."
    )


def unfold(entry: Entry) -> Tree:
    """Return the defining tree of a computed tensor's entry, its binders fresh.

    Example: for h[n, i] with h = tanh(a) it is ``tanh(a[n, i])``.
    """
    definition = entry.tensor.definition
    assert definition is not None, entry.tensor
    template = definition.template
    return substitute(
        template.tree,
        indices=dict(zip(template.free, entry.at, strict=True)),
        tensors=dict(zip(template.slots, definition.args, strict=True)),
        sizes=definition.sizes,
        symbols=_symbols(definition),
    )


def _symbols(definition: Definition) -> dict[Any, Tree]:
    made = definition.template.memo.get("size symbols")
    if made is None:
        used = {t.symbol for t in walk(definition.template.tree) if type(t).__name__ == "Sym"}  # type: ignore[attr-defined]
        made = definition.template.memo["size symbols"] = used
    return {s: from_sympy(definition.sizes[s]) for s in made if s in definition.sizes}


def entry_of(tensor: Tensor, at: tuple[Index, ...]) -> Entry:
    """Return the entry of a tensor at plain indices."""
    return Entry(tensor, tuple(Ix(i) for i in at))


def unbound(template: Template) -> tuple[Index, ...]:
    """Return indices that occur free in the tree without being declared free; none in a well-formed template."""
    return tuple(i for i in free_indices(template.tree) if i not in template.free)
