"""LaTeX -> outlines of known size: every formula becomes one vector path, so no reader needs a font."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from xml.etree import ElementTree

with warnings.catch_warnings():  # ziamath 0.14 finds its font by a call that Python 3.11 warns of
    warnings.simplefilter("ignore", DeprecationWarning)
    from ziafont.font import Font
    from ziafont.glyph import SimpleGlyph
    from ziamath.config import config
    from ziamath.zmath import Latex

__all__ = ["Outline", "Segment", "bounds", "formula", "typed", "words"]

# one command of a path, M L Q C or Z, with its absolute coordinates (y grows downwards)
Segment = tuple[str, tuple[float, ...]]

_LONGEST_FORMULA = 4000  # characters; beyond it a line is shown as typed, shortened
_LONGEST_TYPED = 72

# Spellings that ziamath draws wrongly or not at all, and the ones that it draws well.
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\math(?:bb|ds|bbm)\s*(?:\{\s*1\s*\}|1)"), "\U0001d7d9"),  # the indicator's 1
    (re.compile(r"\\mathbf\s*(?:\{\s*1\s*\}|1)"), "\U0001d7cf"),  # the vector of ones
    # between \left and \right a sum's index would go beside it and its brackets grow without bound
    (re.compile(r"\\(sum|prod|coprod|big[a-z]+)(?=\s*[_^])"), r"\\\1\\limits"),
    (re.compile(r"([=<>(\[,]\s*)-"), r"\1{-}"),  # a sign, not a difference
    (re.compile(r"\\bm\b"), r"\\boldsymbol"),
    (re.compile(r"\\boldsymbol\s*(\\[A-Za-z]+|[^\\\s{])"), r"\\boldsymbol{\1}"),
)
_WORDS = re.compile(r"(\\(?:text[a-z]*|mbox)\s*\{[^{}]*\})")  # plain words, to be left as they are
_COMMAND = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?")
_OPEN = frozenset(("{", "(", "[", r"\begin"))
_CLOSE = frozenset(("}", ")", "]", r"\end"))
_ARITY = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}


class _CannotTypeset(ValueError):
    """A line has no faithful drawing as mathematics."""


@dataclass(frozen=True)
class Outline:
    """Ink of a line of type: path segments from x = 0, baseline at y = 0, with its extents in pixels.

    `trouble` says why the line is shown as typed instead of as mathematics; it is empty if all is well.
    """

    source: str
    segments: tuple[Segment, ...] = field(repr=False)
    width: float
    ascent: float
    descent: float
    trouble: str = ""

    @property
    def height(self) -> float:
        """Distance from the lowest to the highest ink."""
        return self.ascent + self.descent


@lru_cache(maxsize=8192)
def formula(latex: str, size: float, room: float = math.inf) -> Outline:
    r"""Draw a line of LaTeX at a font size in pixels; one that cannot be drawn is shown as typed.

    A formula wider than `room` is broken before its outermost plus, minus and equality signs; one that
    stays more than three times as wide is shown as typed, shortened.
    Colours inside the formula are not kept: the picture decides them.

    >>> formula(r"\frac{1}{N}", 12.0).trouble, formula(r"\frac{1}{", 12.0).trouble != ""
    ('', True)
    """
    if not latex.strip():
        return Outline(latex, (), 0.0, 0.0, 0.0)
    try:
        segments = _mathematics(latex, size)
    except Exception as fault:  # the LaTeX reader raises all sorts; the reason is kept and shown
        reason = str(fault) if isinstance(fault, _CannotTypeset) else _explain(fault)
        return typed(latex, size * 0.88, reason)
    outline = _outline(latex, segments)
    if outline.width > room:
        outline = _stacked(outline, size, room)
    if outline.height > 60 * size:
        return typed(latex, size * 0.88, f"it came out {outline.height:.0f} pixels high")
    if outline.width > 3 * room:
        return typed(latex, size * 0.88, f"it is {outline.width:.0f} pixels wide and has no sign to break at")
    return outline


@lru_cache(maxsize=1024)
def words(text: str, size: float) -> Outline:
    """Draw upright words in the font of the formulas."""
    face = _math_face()
    x, segments = 0.0, list[Segment]()
    for char in text:
        glyph = face.glyph(char)
        segments += _glyph_segments(glyph, x, size)
        x += glyph.advance() * size / face.info.layout.unitsperem
    return _outline(text, segments)


def typed(text: str, size: float, trouble: str = "") -> Outline:
    """Draw a line letter by letter in cells of one width, shortened if very long."""
    shown = _visible(text[: _LONGEST_TYPED + 1])
    if len(shown) > _LONGEST_TYPED:
        shown = shown[: _LONGEST_TYPED - 1] + "…"
    cell = 0.56 * size
    segments: list[Segment] = []
    for place, char in enumerate(shown):
        face, glyph = _typewriter_glyph(char)
        advance = glyph.advance() * size / face.info.layout.unitsperem
        segments += _glyph_segments(glyph, place * cell + (cell - advance) / 2, size)
    return _outline(text, segments, trouble)


def bounds(segments: Iterable[Segment]) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a path's points, control points included."""
    xs, ys = [0.0], [0.0]
    for index, (_, at) in enumerate(segments):
        if index == 0:
            xs, ys = [], []
        xs += at[0::2]
        ys += at[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _outline(source: str, segments: Iterable[Segment], trouble: str = "") -> Outline:
    """Shift ink to start at x = 0 and measure it."""
    ink = tuple(segments)
    left, top, right, bottom = bounds(ink)
    moved = tuple((letter, tuple(v - left if i % 2 == 0 else v for i, v in enumerate(at))) for letter, at in ink)
    return Outline(source, moved, right - left, max(-top, 0.0), max(bottom, 0.0), trouble)


def _stacked(whole: Outline, size: float, room: float) -> Outline:
    """Break a formula into rows that fit, where it has outermost signs to break at."""
    rows: list[Outline] = []
    begun = ""
    for part in (*_outermost_parts(whole.source), ""):
        fits = part and (not begun.strip(" =") or formula(begun + part, size).width <= room)
        if begun and not fits:
            rows.append(formula(begun, size))
            begun = ""
        begun += part
    if len(rows) < 2 or any(row.trouble for row in rows):
        return whole
    segments, y = list[Segment](), 0.0
    for number, row in enumerate(rows):
        x = 1.5 * size if number else 0.0
        y += rows[number - 1].descent + 0.45 * size + row.ascent if number else 0.0
        segments += ((c, tuple(v + (y if i % 2 else x) for i, v in enumerate(at))) for c, at in row.segments)
    return _outline(whole.source, segments)


def _outermost_parts(latex: str) -> list[str]:
    r"""Split LaTeX before each sign that stands in no braces, brackets or environment.

    >>> _outermost_parts(r"= a_{i+1} + \exp(b - c) - d")
    ['= a_{i+1} ', '+ \\exp(b - c) ', '- d']
    """
    parts, depth = [""], 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|.", latex, re.DOTALL):
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
        if depth == 0 and token in "+-=" and parts[-1].strip(" =+-("):
            parts.append("")
        parts[-1] += token
    return parts


def _mathematics(latex: str, size: float) -> list[Segment]:
    """Return the path of a formula, or raise if what would be drawn is not what was written."""
    if len(latex) > _LONGEST_FORMULA:
        raise _CannotTypeset(f"it has {len(latex)} characters; {_LONGEST_FORMULA} are the most")
    parts = _WORDS.split(latex)
    for pattern, spelling in _SPELLINGS:
        parts[::2] = (pattern.sub(spelling, part) for part in parts[::2])
    spelled = "".join(parts)
    if r"\tag" in spelled:
        raise _CannotTypeset("the number of a \\tag has no place in a picture")
    if not _balanced(spelled):
        raise _CannotTypeset("its braces do not match")
    with _plain_svg():
        drawing = Latex(spelled, size=size)
        canvas = ElementTree.Element("svg")
        drawing.drawon(canvas)
    texts = [text.strip() for text in drawing.mathml.itertext()]
    for text in texts:
        if re.fullmatch(r"\\[A-Za-z]+", text):
            raise _CannotTypeset(f"the command {text} is unknown")
    for char in "".join(texts):
        if char.isprintable() and not char.isspace() and drawing.font.glyphindex(char) == 0:
            raise _CannotTypeset(f"the font has no character {char} (U+{ord(char):04X})")
    return [segment for element in canvas.iter() for segment in _element_segments(element)]


def _balanced(latex: str) -> bool:
    """Say whether braces match, escaped ones aside."""
    depth = 0
    for token in re.findall(r"\\.|[{}]", latex, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    return depth == 0


@contextmanager
def _plain_svg() -> Iterator[None]:
    """Have ziamath write paths in place: its shared symbols carry ids that clash between formulas."""
    before = config.svg2, config.precision
    config.svg2, config.precision = False, 3
    try:
        yield
    finally:
        config.svg2, config.precision = before


def _element_segments(element: ElementTree.Element) -> list[Segment]:
    """Read what ziamath drew: filled glyph paths, and rectangles for fraction bars and overlines."""
    if element.tag == "path" and "stroke" not in element.attrib:
        return _read_path(element.attrib["d"])
    if element.tag == "rect" and "stroke" not in element.attrib:
        x, y, w, h = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
        corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
        return [("L" if i else "M", corner) for i, corner in enumerate(corners)] + [("Z", ())]
    if element.tag in ("svg", "g"):
        return []
    raise _CannotTypeset("it asks for boxes or strokes, which outlines cannot carry")


def _read_path(data: str) -> list[Segment]:
    """Read an SVG path of absolute M, L, Q, C and Z commands."""
    tokens = _COMMAND.findall(data)
    segments: list[Segment] = []
    at = 0
    while at < len(tokens):
        count = _ARITY[tokens[at]]
        segments.append((tokens[at], tuple(float(t) for t in tokens[at + 1 : at + 1 + count])))
        at += 1 + count
    return segments


@lru_cache(maxsize=1)
def _math_face() -> Font:
    """Return the font in which formulas are drawn."""
    return Latex("x").font


@lru_cache(maxsize=1)
def _other_face() -> Font:
    """Return the font with more scripts, for what the mathematics font lacks."""
    return Font()


def _typewriter_glyph(char: str) -> tuple[Font, SimpleGlyph]:
    """Find a glyph: letters and digits from the alphabet of typewriter mathematics, others as they are."""
    face = _math_face()
    for first, last, start in (("A", "Z", 0x1D670), ("a", "z", 0x1D68A), ("0", "9", 0x1D7F6)):
        if first <= char <= last:
            return face, face.glyph(chr(start + ord(char) - ord(first)))
    if face.glyphindex(char) == 0:
        face = _other_face()
    return face, face.glyph(char)


def _glyph_segments(glyph: SimpleGlyph, x: float, size: float) -> list[Segment]:
    """Return a glyph's path at a place on the baseline."""
    path = glyph.svgpath(0, 0, 1)
    if path is None:
        return []
    drawn = _read_path(path.attrib["d"])
    unit = size / 12.0  # ziafont's scale 1 is twelve points
    return [(c, tuple(v * unit + (x if i % 2 == 0 else 0.0) for i, v in enumerate(at))) for c, at in drawn]


def _visible(text: str) -> str:
    """Write characters that no font at hand can draw as codes, so that none is lost."""
    shown = []
    for char in text:
        if char == "\n":
            shown.append(" ")
        elif char.isprintable() and (_math_face().glyphindex(char) or _other_face().glyphindex(char)):
            shown.append(char)
        else:
            shown.append(f"\\u{{{ord(char):x}}}")
    return "".join(shown)


def _explain(fault: Exception) -> str:
    """Put a reader's exception into words."""
    name = re.sub(r"(?<!^)(?=[A-Z])", " ", type(fault).__name__).lower()
    return f"{name}: {fault}" if str(fault) else name
