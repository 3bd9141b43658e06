"""Pictures of computation graphs: composed by us as paths, so SVG, PDF and PNG look the same everywhere."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import resvg_py
from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from symnn.ground.errors import UnsupportedError
from symnn.ground.files import write_whole
from symnn.show.layout import Layout, Place, Point, arrange, dot_source, shortened
from symnn.show.scene import ARROW_KINDS, BOX_KINDS, Arrow, Box, Scene
from symnn.show.typeset import Outline, Segment, formula, words

__all__ = ["dot_source", "save", "svg"]


@dataclass(frozen=True)
class _BoxLook:
    """Colours of a kind of box; a bar on the left marks what training changes."""

    fill: str
    edge: str
    weight: float = 1.1
    radius: float = 7.0
    bar: bool = False


@dataclass(frozen=True)
class _ArrowLook:
    """Colour and dashes of a kind of arrow."""

    colour: str
    weight: float
    dash: tuple[float, ...] = ()


# Blue and grey go forward, warm earth is learnt, red comes back; dashes and bars tell it without colour.
_BOX_LOOKS: dict[str, _BoxLook] = {
    "input": _BoxLook("#e9f1fa", "#4f7fb5"),
    "parameter": _BoxLook("#fdf4de", "#b98a2f", radius=2.5, bar=True),
    "label": _BoxLook("#efedf7", "#7d70ad"),
    "value": _BoxLook("#ffffff", "#7c8794"),
    "loss": _BoxLook("#e4e8ed", "#36404c", weight=2.0),
    "adjoint": _BoxLook("#fdf2f2", "#c4626b"),
    "gradient": _BoxLook("#f8dcdc", "#a8323f", weight=1.3, radius=2.5, bar=True),
}
_ARROW_LOOKS: dict[str, _ArrowLook] = {
    "forward": _ArrowLook("#56616e", 1.2),
    "backward": _ArrowLook("#b53f4c", 1.25, (6.0, 3.2)),
    "use": _ArrowLook("#77828f", 1.15, (1.4, 2.8)),
}
_TEXT, _FAINT, _WARN = "#16202b", "#56616e", "#9a4a00"
_NAME, _FORMULA, _EDGE_LABEL, _SMALL = 17.0, 14.0, 13.0, 12.0  # font sizes in pixels
_PAD_X, _PAD_Y, _LINE_GAP, _MARGIN = 12.0, 9.0, 7.0, 16.0
_ROOM = 360.0  # a wider formula is broken into rows
_HEAD, _HEAD_HALF = 8.5, 3.3  # an arrowhead's length and half its width
_LEAST_BOX = (42.0, 32.0)


@dataclass(frozen=True)
class _Ink:
    """A path to fill, or to stroke, at a place."""

    segments: tuple[Segment, ...]
    fill: str = ""
    stroke: str = ""
    weight: float = 1.0
    dash: tuple[float, ...] = ()
    at: Point = (0.0, 0.0)


@dataclass(frozen=True)
class _Group:
    """Paths that mean one thing: its kind, its LaTeX for those who do not see it, its tooltip."""

    kind: str
    inks: tuple[_Ink, ...]
    label: str = ""
    tooltip: str = ""


@dataclass(frozen=True)
class _Picture:
    """A finished composition in pixels, y downwards."""

    title: str
    width: float
    height: float
    groups: tuple[_Group, ...]


def svg(scene: Scene) -> str:
    """Draw a scene as SVG: paths only, no fonts, no ids, safe to put into any page.

    >>> picture = svg(Scene("one box", (Box("x", ("x_{n,j}",), "input"),), ()))
    >>> picture.startswith("<svg") and "<title>one box</title>" in picture
    True
    """
    return _as_svg(_compose(scene))


def save(scene: Scene, path: str | os.PathLike[str], *, scale: float = 2.0) -> None:
    """Write a scene to a .svg, .pdf, .png or .dot file, whole or not at all.

    A PNG has `scale` pixels to one of the SVG's. Raises UnsupportedError for another suffix.
    """
    target = Path(path)
    writers: dict[str, Callable[[], bytes]] = {
        ".svg": lambda: svg(scene).encode(),
        ".pdf": lambda: _as_pdf(_compose(scene)),
        ".png": lambda: _as_png(_compose(scene), scale),
        ".dot": lambda: dot_source(scene).encode(),
    }
    writer = writers.get(target.suffix.lower())
    if writer is None:
        raise UnsupportedError(
            f"A picture cannot be saved as {str(path)!r}: the suffix must be one of {', '.join(writers)}."
        )
    write_whole(target, writer())


# ---------------------------------------------------------------- composing


def _compose(scene: Scene) -> _Picture:
    """Measure the formulas, have the boxes placed, and put everything into one picture."""
    texts = [_box_lines(box) for box in scene.boxes]
    labels = [formula(a.label, _EDGE_LABEL, _ROOM) if a.label.strip() else None for a in scene.arrows]
    placed = arrange(
        scene,
        [_box_size(lines, box.kind) for lines, box in zip(texts, scene.boxes, strict=True)],
        [(o.width + 8.0, o.height + 6.0) if o else None for o in labels],
    )
    groups = [_arrow_group(arrow, curves) for arrow, curves in zip(scene.arrows, placed.curves, strict=True)]
    groups += [
        _box_group(box, lines, place) for box, lines, place in zip(scene.boxes, texts, placed.boxes, strict=True)
    ]
    groups += [
        _Group("arrow-label", (_placed(outline, place.x, place.y),), outline.source, _trouble((outline,)))
        for outline, place in zip(labels, placed.labels, strict=True)
        if outline and place
    ]
    drawn = [line for lines in texts for line in lines] + [o for o in labels if o]
    return _with_notes(scene, placed, groups, drawn)


def _with_notes(scene: Scene, placed: Layout, groups: list[_Group], drawn: Iterable[Outline]) -> _Picture:
    """Add the background, the legend, and a note if some line is not shown as mathematics."""
    width = max(placed.width, 120.0)
    shift_x = (width - placed.width) / 2
    notes: list[_Group] = []
    y = placed.height
    if scene.legend and scene.boxes:
        legend, width_used, y = _legend(scene, max(width, 360.0), y + 26.0)
        notes.append(legend)
        width = max(width, width_used)
        shift_x = (width - placed.width) / 2
    plain = sum(bool(line.trouble) for line in drawn)
    if plain:
        text = f"{plain} line{'s' if plain > 1 else ''} shown as typed: could not be typeset"
        outline = words(text, _SMALL)
        y += 22.0
        notes.append(_Group("note", (_Ink(outline.segments, fill=_WARN, at=(0.0, y)),), text))
        width = max(width, outline.width)
        y += outline.descent
    moved = [_moved(group, _MARGIN + shift_x, _MARGIN) for group in groups]
    moved += [_moved(group, _MARGIN, _MARGIN) for group in notes]
    total = (round(width + 2 * _MARGIN), round(y + 2 * _MARGIN))
    paper = _Group("paper", (_Ink(_rectangle(0, 0, *total, 0), fill="#ffffff"),))
    return _Picture(scene.title, *total, (paper, *moved))


def _box_lines(box: Box) -> tuple[Outline, ...]:
    """Typeset a box's lines: the name larger than its formula."""
    return tuple(formula(line, _FORMULA if i else _NAME, _ROOM) for i, line in enumerate(box.lines) if line.strip())


def _box_size(lines: tuple[Outline, ...], kind: str) -> Point:
    """Return the size of a box around its lines."""
    width = max((line.width for line in lines), default=0.0) + 2 * _PAD_X + _bar(kind)
    height = sum(line.height for line in lines) + _LINE_GAP * max(len(lines) - 1, 0) + 2 * _PAD_Y
    return max(width, _LEAST_BOX[0]), max(height, _LEAST_BOX[1])


def _box_group(box: Box, lines: tuple[Outline, ...], place: Place) -> _Group:
    """Draw a box with its lines one below the other, centred."""
    inks = list(_frame(_BOX_LOOKS[box.kind], place))
    y = place.y - (sum(line.height for line in lines) + _LINE_GAP * max(len(lines) - 1, 0)) / 2
    for line in lines:
        inks.append(_placed(line, place.x + _bar(box.kind) / 2, y + line.height / 2))
        y += line.height + _LINE_GAP
    words_for_it = [box.tooltip or box.key, _trouble(lines)]
    return _Group(f"box {box.kind}", tuple(inks), "\n".join(box.lines), "\n".join(filter(None, words_for_it)))


def _bar(kind: str) -> float:
    """Return the width of a kind's bar."""
    return 4.0 if _BOX_LOOKS[kind].bar else 0.0


def _trouble(lines: Iterable[Outline]) -> str:
    """Say which lines are shown as typed, and why."""
    wrong = (line for line in lines if line.trouble)
    return "\n".join(f"shown as typed, could not be typeset: {o.source} ({o.trouble})" for o in wrong)


def _placed(outline: Outline, x: float, y: float) -> _Ink:
    """Put an outline's ink with its middle at a point."""
    at = (x - outline.width / 2, y + (outline.ascent - outline.descent) / 2)
    return _Ink(outline.segments, fill=_WARN if outline.trouble else _TEXT, at=at)


def _frame(look: _BoxLook, place: Place) -> tuple[_Ink, ...]:
    """Draw an empty box."""
    left, top = place.x - place.width / 2, place.y - place.height / 2
    frame = _rectangle(left, top, place.width, place.height, look.radius)
    bar = _rectangle(left, top, 4.0, place.height, 0)
    return (
        _Ink(frame, fill=look.fill),
        *((_Ink(bar, fill=look.edge),) if look.bar else ()),
        _Ink(frame, stroke=look.edge, weight=look.weight),
    )


def _rectangle(x: float, y: float, w: float, h: float, radius: float) -> tuple[Segment, ...]:
    """Return a rectangle's path, its corners rounded."""
    r = min(radius, w / 2, h / 2)
    if r == 0:
        return ("M", (x, y)), ("L", (x + w, y)), ("L", (x + w, y + h)), ("L", (x, y + h)), ("Z", ())
    k = 0.4477 * r  # of a quarter circle's control point from its corner
    return (
        ("M", (x + r, y)),
        ("L", (x + w - r, y)),
        ("C", (x + w - k, y, x + w, y + k, x + w, y + r)),
        ("L", (x + w, y + h - r)),
        ("C", (x + w, y + h - k, x + w - k, y + h, x + w - r, y + h)),
        ("L", (x + r, y + h)),
        ("C", (x + k, y + h, x, y + h - k, x, y + h - r)),
        ("L", (x, y + r)),
        ("C", (x, y + k, x + k, y, x + r, y)),
        ("Z", ()),
    )


def _arrow_group(arrow: Arrow, curves: tuple[tuple[Point, ...], ...]) -> _Group:
    """Draw an arrow: its curve, shortened by the head, and the head with its tip on the box."""
    look = _ARROW_LOOKS[arrow.kind]
    *before, last = curves
    shaft, (ux, uy) = shortened(last, 0.8 * _HEAD)
    (x, y), foot, notch = last[-1], _HEAD, 0.75 * _HEAD
    head: tuple[Segment, ...] = (
        ("M", (x, y)),
        ("L", (x - foot * ux - _HEAD_HALF * uy, y - foot * uy + _HEAD_HALF * ux)),
        ("L", (x - notch * ux, y - notch * uy)),
        ("L", (x - foot * ux + _HEAD_HALF * uy, y - foot * uy - _HEAD_HALF * ux)),
        ("Z", ()),
    )
    inks = [_Ink(_curve(c), stroke=look.colour, weight=look.weight, dash=look.dash) for c in (*before, shaft)]
    inks.append(_Ink(head, fill=look.colour))
    return _Group(f"arrow {arrow.kind}", tuple(inks), f"{arrow.tail} to {arrow.head}")


def _curve(points: tuple[Point, ...]) -> tuple[Segment, ...]:
    """Return the path of a cubic spline."""
    pieces = (points[i : i + 3] for i in range(1, len(points), 3))
    return ("M", points[0]), *(("C", (*a, *b, *c)) for a, b, c in pieces)


def _legend(scene: Scene, room: float, top: float) -> tuple[_Group, float, float]:
    """Draw a sample of each kind in sight, in rows; return it with its right and bottom ends."""
    inks: list[_Ink] = []
    x, y, right = 0.0, top + 8.0, 0.0
    boxes, arrows = {box.kind for box in scene.boxes}, {arrow.kind for arrow in scene.arrows}
    first_arrow = next((kind for kind in ARROW_KINDS if kind in arrows), "")
    for kind, word in (*BOX_KINDS.items(), *ARROW_KINDS.items()):
        if kind not in boxes | arrows:
            continue
        outline = words(word, _SMALL)
        if x and (x + 32.0 + outline.width > room or kind == first_arrow):
            x, y = 0.0, y + 22.0
        if kind in boxes:
            inks += _frame(_BOX_LOOKS[kind], Place(x + 11.0, y, 20.0, 13.0))
        else:
            ends = (x, y), (x + 9.0, y), (x + 18.0, y), (x + 26.0, y)
            inks += _arrow_group(Arrow("", "", kind=kind), (ends,)).inks
        inks.append(_Ink(outline.segments, fill=_FAINT, at=(x + 32.0, y + 4.0)))
        right = max(right, x + 32.0 + outline.width)
        x += 32.0 + outline.width + 20.0
    return _Group("legend", tuple(inks), "legend"), right, y + 8.0


def _moved(group: _Group, dx: float, dy: float) -> _Group:
    """Shift a group's ink."""
    inks = tuple(_Ink(i.segments, i.fill, i.stroke, i.weight, i.dash, (i.at[0] + dx, i.at[1] + dy)) for i in group.inks)
    return _Group(group.kind, inks, group.label, group.tooltip)


# ---------------------------------------------------------------- writing


def _as_svg(picture: _Picture) -> str:
    """Write a picture as SVG."""
    w, h = _number(picture.width), _number(picture.height)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img">',
        f"<title>{escape(_legal(picture.title))}</title>",
    ]
    for group in picture.groups:
        label = f' role="img" aria-label={quoteattr(_legal(group.label))}' if group.label else ""
        out.append(f'<g class="{group.kind}"{label}>')
        if group.tooltip:
            out.append(f"<title>{escape(_legal(group.tooltip))}</title>")
        out += [_svg_path(ink) for ink in group.inks if ink.segments]
        out.append("</g>")
    out.append("</svg>\n")
    return "\n".join(out)


def _svg_path(ink: _Ink) -> str:
    """Write one path."""
    data = "".join(letter + " ".join(map(_number, at)) for letter, at in ink.segments)
    paint = f'fill="{ink.fill or "none"}"'
    if ink.stroke:
        paint += f' stroke="{ink.stroke}" stroke-width="{_number(ink.weight)}"'
    if ink.dash:
        paint += f' stroke-dasharray="{" ".join(map(_number, ink.dash))}"'
    where = f' transform="translate({_number(ink.at[0])} {_number(ink.at[1])})"' if any(ink.at) else ""
    return f'<path d="{data}" {paint}{where}/>'


def _as_png(picture: _Picture, scale: float) -> bytes:
    """Rasterise a picture; no font of the machine is looked at."""
    return bytes(resvg_py.svg_to_bytes(svg_string=_as_svg(picture), zoom=scale, skip_system_fonts=True))


def _as_pdf(picture: _Picture) -> bytes:
    """Write a picture as a one-page PDF, four pixels to three points, the same bytes each time."""
    point = 0.75
    buffer = io.BytesIO()
    size = picture.width * point, picture.height * point
    canvas = Canvas(buffer, pagesize=size, invariant=1, pageCompression=1)
    canvas.setTitle(_legal(picture.title))
    canvas.setCreator("symnn")
    canvas.transform(point, 0, 0, -point, 0, size[1])
    for group in picture.groups:
        for ink in group.inks:
            _pdf_path(canvas, ink)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _pdf_path(canvas: Canvas, ink: _Ink) -> None:
    """Draw one path on a PDF page; a quadratic curve becomes its equal cubic."""
    dx, dy = ink.at
    path = canvas.beginPath()
    x = y = 0.0
    for letter, at in ink.segments:
        xy = [round(v + (dy if i % 2 else dx), 2) for i, v in enumerate(at)]
        match letter:
            case "M":
                path.moveTo(*xy)
            case "L":
                path.lineTo(*xy)
            case "C":
                path.curveTo(*xy)
            case "Q":
                a, b, c, d = xy
                handles = (x + 2 * a) / 3, (y + 2 * b) / 3, (c + 2 * a) / 3, (d + 2 * b) / 3
                path.curveTo(*(round(v, 2) for v in handles), c, d)
            case _:
                path.close()
        if xy:
            x, y = xy[-2:]
    if ink.fill:
        canvas.setFillColor(HexColor(ink.fill))
    if ink.stroke:
        canvas.setStrokeColor(HexColor(ink.stroke))
        canvas.setLineWidth(ink.weight)
        canvas.setDash(list(ink.dash))
    canvas.drawPath(path, stroke=int(bool(ink.stroke)), fill=int(bool(ink.fill)), fillMode=1)


def _number(value: float) -> str:
    """Write a coordinate to a hundredth of a pixel."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _legal(text: str) -> str:
    """Replace what XML cannot hold, such as control characters and lone surrogates."""
    return "".join(
        c if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "\ufffd"
        for c in text
    )
