"""What a picture of a computation graph shows: boxes of formulas, arrows between them, no positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from symnn.ground.errors import DefinitionError, UnknownNameError

__all__ = ["ARROW_KINDS", "BOX_KINDS", "Arrow", "Box", "Scene"]

# kind -> the word for it in the legend, in the legend's order
BOX_KINDS: dict[str, str] = {
    "input": "input",
    "parameter": "parameter",
    "label": "label",
    "value": "value",
    "loss": "loss",
    "adjoint": "adjoint",
    "gradient": "gradient",
}
ARROW_KINDS: dict[str, str] = {
    "forward": "forward pass",
    "backward": "backward pass",
    "use": "forward value used again",
}
Direction = Literal["TB", "BT", "LR", "RL"]


@dataclass(frozen=True)
class Box:
    r"""One node: LaTeX lines (its name, then its formula), a kind, and words shown on hovering.

    Any string may be a key; it is never shown as markup.

    >>> Box("a1", (r"a^{(1)}_{n,i}", r"= b_i + \sum_j W_{i,j}\, x_{n,j}"), "value").kind
    'value'
    """

    key: str
    lines: tuple[str, ...]
    kind: str
    tooltip: str = ""

    def __post_init__(self) -> None:
        if self.kind not in BOX_KINDS:
            raise UnknownNameError(self.kind, BOX_KINDS, "kind of box")


@dataclass(frozen=True)
class Arrow:
    """One edge from a box to a box by their keys; its label, if any, is LaTeX."""

    tail: str
    head: str
    label: str = ""
    kind: str = "forward"

    def __post_init__(self) -> None:
        if self.kind not in ARROW_KINDS:
            raise UnknownNameError(self.kind, ARROW_KINDS, "kind of arrow")


@dataclass(frozen=True)
class Scene:
    """A whole picture: title, boxes, arrows, the direction of the forward pass, and whether to add a legend.

    Raises DefinitionError when two boxes share a key, UnknownNameError when an arrow names no box.
    """

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    direction: str = "TB"
    legend: bool = True

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise UnknownNameError(self.direction, get_args(Direction), "direction")
        keys: set[str] = set()
        for box in self.boxes:
            if box.key in keys:
                raise DefinitionError(f"Two boxes have the key {box.key!r}; give each box a key of its own.")
            keys.add(box.key)
        for arrow in self.arrows:
            for end in (arrow.tail, arrow.head):
                if end not in keys:
                    raise UnknownNameError(end, (box.key for box in self.boxes), "box")
