"""Where boxes and arrows go: Graphviz's dot, by its program or by its library, gives one common record."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import graphviz

from symnn.ground.errors import SymnnError
from symnn.show.scene import Arrow, Scene

try:
    import pygraphviz
except ImportError:  # no wheel for this machine: the program may still be there
    pygraphviz = None

__all__ = ["Layout", "LayoutError", "Place", "Point", "arrange", "dot_source", "shortened"]

Point = tuple[float, float]
Size = tuple[float, float]

_GAP, _RANK_GAP, _LABEL_GAP = 24.0, 34.0, 22.0  # pixels: between boxes, between ranks, from rank to label
_STYLE = {"forward": "solid", "backward": "dashed", "use": "dotted"}


class LayoutError(SymnnError):
    """Neither the `dot` program nor pygraphviz could place the boxes."""


@dataclass(frozen=True)
class Place:
    """A rectangle by its centre and size, in pixels, y downwards."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Place) -> bool:
        """Say whether two rectangles share an inner point."""
        return (
            2 * abs(self.x - other.x) < self.width + other.width - 1e-6
            and 2 * abs(self.y - other.y) < self.height + other.height - 1e-6
        )


@dataclass(frozen=True)
class Layout:
    """Places of boxes and labels and the curves of arrows, all in the scene's order.

    An arrow has one curve, or two with its label between them. A curve is a cubic spline's control points,
    three for each piece after the first, running from tail to head.
    """

    width: float
    height: float
    boxes: tuple[Place, ...]
    labels: tuple[Place | None, ...]
    curves: tuple[tuple[tuple[Point, ...], ...], ...]
    engine: str


def dot_source(scene: Scene) -> str:
    """Write a scene as DOT for other tools: LaTeX source on the nodes, keys as tooltips."""
    graph = _digraph(scene)
    for i, box in enumerate(scene.boxes):
        graph.node(
            f"n{i}",
            label=_quiet("\n".join(box.lines)),
            tooltip=_quiet(box.tooltip or box.key),
            comment=_quiet(box.kind),
        )
    places = {box.key: f"n{i}" for i, box in enumerate(scene.boxes)}
    for arrow in scene.arrows:
        ends = places[arrow.tail], places[arrow.head]
        graph.edge(*ends, label=_quiet(arrow.label), style=_STYLE[arrow.kind])
    return str(graph.source)


def arrange(scene: Scene, boxes: Sequence[Size], labels: Sequence[Size | None]) -> Layout:
    """Place boxes and labels of given sizes.

    Raises LayoutError when there is neither a `dot` program that works nor pygraphviz.
    """
    if not scene.boxes:
        return Layout(0.0, 0.0, (), (), (), "none")
    source = _sized_source(scene, boxes, labels)
    faults: list[str] = []
    for engine, run in _ENGINES:
        try:
            return _read(json.loads(run(source)), scene, boxes, labels, engine)
        except _FAULTS as fault:
            faults.append(f"{engine}: {fault}")
    raise LayoutError(
        "The boxes of the picture could not be placed. Install pygraphviz (`pip install pygraphviz`) "
        "or the Graphviz program `dot`. Tried: " + "; ".join(faults)
    )


def _digraph(scene: Scene, rank_gap: float = _RANK_GAP) -> graphviz.Digraph:
    """Start the DOT of a scene."""
    return graphviz.Digraph(
        graph_attr={
            "rankdir": scene.direction,
            "nodesep": f"{_GAP / 72:.4f}",
            "ranksep": f"{rank_gap / 72:.4f}",
        },
        node_attr={"shape": "box"},
    )


def _sized_source(scene: Scene, boxes: Sequence[Size], labels: Sequence[Size | None]) -> str:
    """Write the DOT to lay out: fixed sizes, no text, and a node in the midst of each labelled arrow.

    Backward arrows are laid out from head to tail, so that the backward pass stands beside the forward
    pass, each adjoint level with its value. If there are labels, they have ranks of their own between the
    boxes' ranks, so that a label moves no box out of line.
    """
    step = 2 if any(labels) else 1
    graph = _digraph(scene, _LABEL_GAP if any(labels) else _RANK_GAP)
    graph.attr("node", fixedsize="true", label="")
    graph.attr("edge", dir="none", minlen=str(step))
    for i, size in enumerate(boxes):
        graph.node(f"n{i}", **_inches(size))
    places = {box.key: f"n{i}" for i, box in enumerate(scene.boxes)}
    kinds = {box.key: box.kind for box in scene.boxes}
    for i, (arrow, label) in enumerate(zip(scene.arrows, labels, strict=True)):
        ends = places[arrow.tail], places[arrow.head]
        upper, lower = ends[::-1] if _upwards(arrow, kinds[arrow.head]) else ends
        pull = _pull(arrow, kinds[arrow.tail], kinds[arrow.head])
        if label is None:
            graph.edge(upper, lower, id=f"e{i}", **pull)
        else:
            graph.node(f"l{i}", **_inches(label))
            graph.edge(upper, f"l{i}", id=f"e{i}u", minlen="1", **pull)
            graph.edge(f"l{i}", lower, id=f"e{i}l", minlen="1", **pull)
    return str(graph.source)


def _upwards(arrow: Arrow, head: str) -> bool:
    """Say whether an arrow is laid out from its head: all that leads into the backward pass."""
    return arrow.kind == "backward" or (arrow.kind == "use" and head in ("adjoint", "gradient"))


def _pull(arrow: Arrow, tail: str, head: str) -> dict[str, str]:
    """Return how strongly an arrow orders and straightens the layout: the main line of each pass most.

    A value used in the backward pass draws the adjoint up to its own level, never below.
    """
    if arrow.kind == "use":
        if not _upwards(arrow, head):
            return {"weight": "0"} if arrow.label.strip() else {"constraint": "false"}
        return {"weight": "10"} if arrow.label.strip() else {"weight": "10", "minlen": "0"}
    if {tail, head} & {"parameter", "label", "gradient"}:
        return {"weight": "1"}
    return {"weight": "12" if arrow.kind == "forward" else "8"}


def _inches(size: Size) -> dict[str, str]:
    """Return a node's size attributes; a pixel is one of Graphviz's points."""
    return {"width": f"{size[0] / 72:.5f}", "height": f"{size[1] / 72:.5f}"}


def _by_program(source: str) -> bytes:
    """Run the `dot` program."""
    return bytes(graphviz.pipe("dot", "json0", source.encode(), quiet=True))


def _by_library(source: str) -> bytes:
    """Call the Graphviz library inside pygraphviz, which brings no `dot` program."""
    if pygraphviz is None:
        raise ValueError("pygraphviz is not installed")
    return bytes(pygraphviz.AGraph(string=source).draw(format="json0", prog="dot"))


# no program, a program that fails or answers no layout, a library that refuses
_FAULTS = (OSError, ValueError, KeyError, graphviz.ExecutableNotFound, graphviz.CalledProcessError)
_ENGINES: tuple[tuple[str, Callable[[str], bytes]], ...] = (
    ("dot", _by_program),
    ("pygraphviz", _by_library),
)


def _read(
    answer: dict[str, Any], scene: Scene, boxes: Sequence[Size], labels: Sequence[Size | None], engine: str
) -> Layout:
    """Turn Graphviz's JSON into the common record: y downwards, everything right of and below (0, 0)."""
    centres = {node["name"]: _point(node["pos"]) for node in answer["objects"]}
    splines = {
        edge["id"]: tuple(_point(point) for point in edge["pos"].split(";")[0].split())
        for edge in answer.get("edges", ())
    }

    kinds = {box.key: box.kind for box in scene.boxes}

    def drawn(i: int, arrow: Arrow) -> tuple[tuple[Point, ...], ...]:
        names = (f"e{i}",) if labels[i] is None else (f"e{i}u", f"e{i}l")
        pieces = tuple(splines[name] for name in names)
        return tuple(p[::-1] for p in pieces[::-1]) if _upwards(arrow, kinds[arrow.head]) else pieces

    places = [Place(*centres[f"n{i}"], *size) for i, size in enumerate(boxes)]
    tags = [size and Place(*centres[f"l{i}"], *size) for i, size in enumerate(labels)]
    curves = [drawn(i, arrow) for i, arrow in enumerate(scene.arrows)]
    corners = [(p.x + s * p.width / 2, p.y + s * p.height / 2) for p in (*places, *filter(None, tags)) for s in (-1, 1)]
    corners += [point for pieces in curves for piece in pieces for point in piece]
    left, top = (min(values) for values in zip(*corners, strict=True))
    right, bottom = (max(values) for values in zip(*corners, strict=True))
    return Layout(
        width=right - left,
        height=bottom - top,
        boxes=tuple(replace(p, x=p.x - left, y=p.y - top) for p in places),
        labels=tuple(t and replace(t, x=t.x - left, y=t.y - top) for t in tags),
        curves=tuple(tuple(tuple((x - left, y - top) for x, y in piece) for piece in c) for c in curves),
        engine=engine,
    )


def _point(text: str) -> Point:
    """Read a position, whose y grows upwards."""
    x, y = (float(v) for v in text.split(","))
    return x, -y


def _quiet(text: str) -> str:
    """Make any string a DOT label that shows just itself: no escapes, no HTML, no control characters."""
    shown = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    quiet: str = graphviz.escape(shown)  # of a class that the DOT writer never takes for HTML
    return quiet


def shortened(curve: tuple[Point, ...], length: float) -> tuple[tuple[Point, ...], Point]:
    """Cut a cubic spline at a distance from its end; return the rest, and the direction to the end."""
    tip = curve[-1]
    while len(curve) > 4 and _distance(curve[-4], tip) < length:
        curve = curve[:-3]
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if _distance(_split(curve[-4:], middle)[-1], tip) > length:
            low = middle
        else:
            high = middle
    rest = (*curve[:-4], *_split(curve[-4:], low))
    far = _distance(rest[-1], tip)
    return rest, ((tip[0] - rest[-1][0]) / far, (tip[1] - rest[-1][1]) / far) if far else (0.0, 1.0)


def _split(piece: tuple[Point, ...], t: float) -> tuple[Point, ...]:
    """Return the first part of a cubic piece, up to parameter t (de Casteljau)."""
    first, row = [piece[0]], list(piece)
    while len(row) > 1:
        row = [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for a, b in pairwise(row)]
        first.append(row[0])
    return tuple(first)


def _distance(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])
