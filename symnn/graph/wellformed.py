"""Well-formedness of a graph: every index bound or free exactly as declared, ranges that agree, slots that fit."""

from __future__ import annotations

from symnn.graph.flow import FlowGraph
from symnn.graph.guarded import reads
from symnn.ground.errors import DefinitionError
from symnn.ground.indices import Index
from symnn.ground.inequalities import stays_inside
from symnn.ground.sizes import Size
from symnn.ground.substitute import map_size
from symnn.ground.template import Definition
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, D, Entry, Ix, Mul, Neg, Num, Sum, Tree, children

__all__ = ["check"]


def check(graph: FlowGraph) -> None:
    """Raise DefinitionError at the first node that is not well formed; the sentence names node and index."""
    seen: set[Tensor] = set()
    for t in graph.order:
        if t.definition is not None:
            for parent in t.definition.args:
                if parent not in seen:
                    raise DefinitionError(f"Node {t.name!r} stands before its parent {parent.name!r}.")
            _check_node(t, t.definition)
        seen.add(t)


def _check_node(node: Tensor, definition: Definition) -> None:
    template = definition.template
    if definition.shape != node.shape:
        raise DefinitionError(
            f"Node {node.name!r} declares shape {node.shape} but its formula gives {definition.shape}."
        )
    for slot, arg in zip(template.slots, definition.args, strict=True):
        shape = tuple(map_size(s, definition.sizes) for s in slot.shape)
        if shape != arg.shape:
            raise DefinitionError(
                f"Node {node.name!r}: slot {slot.name} has shape {shape}, {arg.name} has {arg.shape}."
            )
        if (slot.positive and not arg.positive) or (slot.nonnegative and not arg.nonnegative):
            sign = "positive" if slot.positive else "nonnegative"
            raise DefinitionError(f"Node {node.name!r}: slot {slot.name} is {sign}, {arg.name} is not known to be.")
    bound: set[Index] = set()

    def go(at: Tree, env: frozenset[Index]) -> None:
        if isinstance(at, D):
            raise DefinitionError(f"Node {node.name!r} still carries a derivative.")
        if isinstance(at, Ix) and at.index not in env:
            raise DefinitionError(f"Node {node.name!r}: index {at.index.letter} is neither free nor bound.")
        if isinstance(at, Sum):
            if at.index in env or at.index in bound:
                raise DefinitionError(f"Node {node.name!r}: index {at.index.letter} is bound twice.")
            if at.index.size is None:
                raise DefinitionError(f"Node {node.name!r}: bound index {at.index.letter} has no range.")
            bound.add(at.index)
            env = env | {at.index}
        if isinstance(at, Entry):
            if at.tensor not in template.slots:
                raise DefinitionError(f"Node {node.name!r} mentions {at.tensor.name!r}, which is no slot of it.")
            if len(at.at) != at.tensor.rank:
                raise DefinitionError(
                    f"Node {node.name!r}: {at.tensor.name!r} has {at.tensor.rank} axes, its entry {len(at.at)} indices."
                )
        for part in children(at):
            go(part, env)

    go(template.tree, frozenset(template.free))
    for entry, guards in reads(template.tree):
        for position, size in zip(entry.at, entry.tensor.shape, strict=True):
            _check_position(node, entry.tensor, position, size, guards)


def _check_position(node: Tensor, tensor: Tensor, position: Tree, size: Size, guards: tuple[Tree, ...]) -> None:
    if isinstance(position, Ix) and position.index.size != size:
        assert node.definition is not None
        if stays_inside(position, size, guards, node.definition.sizes):
            return
        raise DefinitionError(
            f"Node {node.name!r}: index {position.index.letter} runs over {position.index.size}, "
            f"the axis of {tensor.name!r} over {size}."
        )
    if isinstance(position, Entry) and position.tensor.classes != size:
        raise DefinitionError(
            f"Node {node.name!r}: {position.tensor.name!r} indexes an axis of {tensor.name!r} of size {size}, "
            f"and holds {'real numbers' if position.tensor.classes is None else position.tensor.classes}."
        )
    if isinstance(position, Add | Neg | Mul):
        assert node.definition is not None
        if not stays_inside(position, size, guards, node.definition.sizes):
            raise DefinitionError(
                f"Node {node.name!r}: a position on the axis of {tensor.name!r} over {size} is not known to be inside."
            )
    if isinstance(position, Num) and size.is_Integer and not 0 <= position.value < int(size):
        raise DefinitionError(f"Node {node.name!r}: entry {position.value} is outside an axis of {tensor.name!r}.")
