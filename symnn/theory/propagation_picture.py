"""Charts as SVG: curves and points on linear or logarithmic axes, the legend beside them; and both passes in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np

from symnn.theory.propagation_reading import placed

if TYPE_CHECKING:
    from symnn.theory.propagation import Propagation
    from symnn.theory.propagation_measure import Measured

__all__ = ["COLOURS", "Curve", "both_passes", "chart"]

COLOURS = ("#1f5aa6", "#b3261e", "#1b6e3c", "#8a5a00", "#6a3fa0", "#0f6b6f")
_PAPER, _INK, _FAINT, _GRID = "#fffefb", "#1f1d1a", "#6b665e", "#e4dfd5"
_LEFT, _TOP, _BOTTOM, _WIDE, _HIGH, _SIDE = 76, 40, 52, 460, 300, 14
_LETTER = 7.0  # about how wide a letter of the legend is


@dataclass(frozen=True)
class Curve:
    """One curve: a line, or points with error bars.

    Attributes:
        label: in the legend; empty keeps it out.
        xs, ys: the points; what is not finite is left out.
        errors: half lengths of error bars.
        points: draw marks and no line.
        colour: its number in ``COLOURS``.
        dash: draw the line dashed, or the marks hollow.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    errors: Sequence[float] = ()
    points: bool = False
    colour: int = 0
    dash: bool = False


@dataclass
class _Axis:
    low: float
    high: float
    log: bool
    start: float
    length: float
    ticks: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.log:
            a, b = math.floor(math.log10(self.low) + 1e-9), math.ceil(math.log10(self.high) - 1e-9)
            every = max(1, math.ceil((max(b, a + 1) - a) / 7))
            b = a + every * math.ceil((max(b, a + 1) - a) / every)
            self.low, self.high = 10.0**a, 10.0**b
            self.ticks = [10.0**k for k in range(a, b + 1, every)]
            return
        room = (self.high - self.low) or abs(self.high) or 1.0
        step = 10.0 ** math.floor(math.log10(room / 5))
        step *= next(f for f in (1, 2, 5, 10) if room / (step * f) <= 6.001)
        first, last = math.floor(self.low / step + 1e-9), math.ceil(self.high / step - 1e-9)
        self.low, self.high = first * step, max(last, first + 1) * step
        self.ticks = [k * step for k in range(first, max(last, first + 1) + 1)]

    def at(self, value: float) -> float:
        if self.log:
            share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * self.length

    def name(self, value: float) -> str:
        if self.log:
            k = round(math.log10(value))
            if -2 <= k <= 3:
                return f"{value:g}"
            return f'10<tspan dy="-5" font-size="10">{k}</tspan>'
        return f"{0.0 if abs(value) < 1e-12 else value:.6g}"


def chart(
    curves: Sequence[Curve], *, title: str = "", x: str = "", y: str = "", log_x: bool = False, log_y: bool = False,
    level: float | None = None,
) -> str:  # fmt: skip
    """Return a chart as SVG, its legend to the right of it.

    Args:
        curves: lines and points, drawn in order.
        title: above the chart.
        x: what the axis to the right shows.
        y: what the axis upwards shows.
        log_x: a logarithmic axis.
        log_y: a logarithmic axis.
        level: a value of y to draw a fine line at.
    """
    pairs = [p for c in curves for p in _shown(c, log_x, log_y)]
    across = _Axis(min(p[0] for p in pairs), max(p[0] for p in pairs), log_x, _LEFT, _WIDE)
    heights = [p[1] for p in pairs] + ([] if level is None else [level])
    up = _Axis(min(heights), max(heights), log_y, _TOP + _HIGH, -_HIGH)
    named = [c for c in curves if c.label]
    side = _SIDE + 34 + _LETTER * max((len(c.label) for c in named), default=0) + 12
    wide, high = _LEFT + _WIDE + side, max(_TOP + _HIGH + _BOTTOM, _TOP + 22 * len(named) + 20)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" role="img" font-family="STIX Two Text, Palatino, Georgia, serif" '
        f'font-size="13" fill="{_INK}">',
        f"<title>{escape(title)}</title>" if title else "",
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>',
    ]
    if title:
        out.append(f'<text x="{_LEFT}" y="24" font-size="15" font-weight="600">{escape(title)}</text>')
    out += _frame(across, up, x, y)
    if level is not None:
        out.append(_line(_LEFT, up.at(level), _LEFT + _WIDE, up.at(level), _FAINT, ' stroke-dasharray="2 4"'))
    for curve in curves:
        out += _drawn(curve, _shown(curve, log_x, log_y), across, up)
    for n, curve in enumerate(named):
        out += _entry(curve, _LEFT + _WIDE + _SIDE, _TOP + 8 + 22 * n)
    return "\n".join(s for s in out if s) + "\n</svg>\n"


def _shown(c: Curve, log_x: bool, log_y: bool) -> list[tuple[float, float, float]]:
    errors = c.errors if len(c.errors) else [0.0] * len(c.xs)
    rows = [(float(a), float(b), float(e)) for a, b, e in zip(c.xs, c.ys, errors, strict=True)]
    return [
        r for r in rows
        if math.isfinite(r[0]) and math.isfinite(r[1]) and (r[0] > 0 or not log_x) and (r[1] > 0 or not log_y)
    ]  # fmt: skip


def _frame(across: _Axis, up: _Axis, x: str, y: str) -> list[str]:
    bottom, right = _TOP + _HIGH, _LEFT + _WIDE
    out = [_line(_LEFT, up.at(v), right, up.at(v), _GRID) for v in up.ticks]
    out += [_line(across.at(v), _TOP, across.at(v), bottom, _GRID) for v in across.ticks]
    out.append(f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_HIGH}" fill="none" stroke="{_FAINT}"/>')
    faint = f'fill="{_FAINT}"'
    out += [f'<text x="{_LEFT - 8}" y="{up.at(v) + 4.5:.1f}" text-anchor="end" {faint}>{up.name(v)}</text>'
            for v in up.ticks]  # fmt: skip
    out += [f'<text x="{across.at(v):.1f}" y="{bottom + 18}" text-anchor="middle" {faint}>{across.name(v)}</text>'
            for v in across.ticks]  # fmt: skip
    middle = _TOP + _HIGH / 2
    out.append(f'<text x="{_LEFT + _WIDE / 2}" y="{bottom + 40}" text-anchor="middle">{escape(x)}</text>')
    out.append(f'<text x="20" y="{middle}" text-anchor="middle" transform="rotate(-90 20 {middle})">{escape(y)}</text>')
    return out


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _mark(x: float, y: float, c: Curve) -> str:
    colour = COLOURS[c.colour % len(COLOURS)]
    fill = _PAPER if c.dash else colour
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="{colour}" stroke-width="1.2"/>'


def _drawn(c: Curve, rows: list[tuple[float, float, float]], across: _Axis, up: _Axis) -> list[str]:
    colour = COLOURS[c.colour % len(COLOURS)]
    if not c.points:
        path = " ".join(f"{across.at(a):.1f},{up.at(b):.1f}" for a, b, _ in rows)
        dash = ' stroke-dasharray="7 4"' if c.dash else ""
        return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>']
    out = []
    for a, b, e in rows:
        if e > 0:
            low = max(b - e, up.low)
            out.append(_line(across.at(a), up.at(low), across.at(a), up.at(min(b + e, up.high)), colour))
        out.append(_mark(across.at(a), up.at(b), c))
    return out


def _entry(c: Curve, x: float, y: float) -> list[str]:
    colour, dash = COLOURS[c.colour % len(COLOURS)], ' stroke-dasharray="7 4"' if c.dash else ""
    sign = _mark(x + 12, y, c) if c.points else _line(x, y, x + 26, y, colour, f' stroke-width="1.6"{dash}')
    return [sign, f'<text x="{x + 34:.1f}" y="{y + 4.5:.1f}">{escape(c.label)}</text>']


def both_passes(p: Propagation, measured: Measured | None, title: str = "") -> str:
    """Return a chart of second moments, forward and backward, layer by layer."""
    layers = p.layers
    depth = np.arange(1, len(layers) + 1)
    curves = []
    for colour, name, predicted in ((0, "forward", p.forward), (1, "backward", p.backward)):
        ys = [_number(predicted.get(n), p.sizes if measured is None else measured.sizes) for n in layers]
        curves.append(Curve(f"{name}, predicted", [*depth], ys, colour=colour, dash=colour == 1))
    if measured is not None:
        for colour, name, seen in ((0, "forward", measured.forward), (1, "backward", measured.backward)):
            found = [seen.get(n) for n in layers]
            ys = [math.nan if e is None else e.mean for e in found]
            errors = [0.0 if e is None else e.error for e in found]
            curves.append(Curve(f"{name}, measured", [*depth], ys, errors, True, colour, colour == 1))
    return chart(curves, title=title or f"Signal propagation to {p.output.name}", x="layer", y="second moment",
                 log_y=True)  # fmt: skip


def _number(value: Any, sizes: Any) -> float:
    if value is None:
        return math.nan
    made = placed(value, sizes)
    return math.nan if made.free_symbols else float(made)
