"""A flow graph as a scene: each node with its name and its formula, forward, and with the adjoints beside."""

from __future__ import annotations

from symnn.derive.backprop import Adjoints, formula
from symnn.graph.flow import FlowGraph
from symnn.ground.indices import Index
from symnn.ground.template import entry_of
from symnn.ground.tensors import Tensor
from symnn.show.latex_notation import definition_latex, latex
from symnn.show.letters import named
from symnn.show.scene import Arrow, Box, Scene

__all__ = ["graph_scene"]

_KIND = {"input": "input", "parameter": "parameter", "label": "label", "upstream": "adjoint"}


def graph_scene(graph: FlowGraph, *, title: str = "", adjoints: Adjoints | None = None) -> Scene:
    """Return the picture of a graph: forward arrows solid, backward ones marked, formulas on every node."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    for t in graph.order:
        boxes.append(_box(t, graph))
        arrows.extend(Arrow(p.name, t.name) for p in graph.parents(t))
    if adjoints is not None:
        shown = _shown(adjoints)
        for a in shown:
            boxes.append(_adjoint_box(a))
        names = set(shown)
        for a in shown:
            for p in dict.fromkeys(a.definition.args if a.definition else ()):
                arrows.append(Arrow(p.name, a.name, kind="backward" if p in names else "use"))
    return Scene(title, tuple(boxes), tuple(arrows))


def _box(t: Tensor, graph: FlowGraph) -> Box:
    if t.definition is None:
        at = tuple(Index(letter, s) for letter, s in zip(_letters(t, graph), t.shape, strict=True))
        return Box(t.name, (latex(entry_of(t, at)),), _KIND.get(t.role, "input"), tooltip=repr(t))
    left, right = definition_latex(t).split(" = ", 1)
    kind = "loss" if t in graph.outputs and not t.rank else "value"
    return Box(t.name, (left, f"= {right}"), kind, tooltip=f"{t.name} = {t.definition.template.name}")


def _letters(t: Tensor, graph: FlowGraph) -> tuple[str, ...]:
    """Letters for a leaf: those of the slot it first stands in."""
    if len(t.letters) == t.rank and t.rank:
        return t.letters
    for child in graph.order:
        if child.definition is not None and t in child.definition.args:
            slot = child.definition.template.slots[child.definition.args.index(t)]
            if len(slot.letters) == t.rank and "." not in slot.letters and len(set(slot.letters)) == t.rank:
                return slot.letters
    return tuple("nijklmopq"[: t.rank])


def _adjoint_box(a: Tensor) -> Box:
    free, tree = formula(a)
    letters = named(tree, free=free)
    kind = "gradient" if a.of is not None and a.of.definition is None else "adjoint"
    left = latex(entry_of(a, free), letters=letters)
    return Box(
        a.name, (left, f"= {latex(tree, letters=letters)}"), kind, tooltip=f"gradient by {a.of.name if a.of else '?'}"
    )


def _shown(adjoints: Adjoints) -> list[Tensor]:
    """Return the adjoints that something still uses: those unfolded into their consumers are left out."""
    leaves = [a for t, a in adjoints.of.items() if t.definition is None]
    needed: dict[Tensor, None] = {}
    stack: list[Tensor] = list(leaves)
    while stack:
        a = stack.pop()
        if a in needed or a.role != "adjoint" or a.definition is None:
            continue
        needed[a] = None
        stack.extend(a.definition.args)
    return [a for a in adjoints.of.values() if a in needed]
