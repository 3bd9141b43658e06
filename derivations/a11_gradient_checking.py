"""A11: what a central difference gets wrong by truncation and by rounding, its best width, and the complex step."""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy

import symnn as sn
from symnn.algebra.prove import inline
from symnn.gallery import Page, Row, result_at
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import tensors_in
from symnn.theory.numbers import at_values

#: Unit roundoff of float64.
ROUNDOFF = 2.0**-53
#: Where the network of the experiment is looked at.
POINTS = np.linspace(0.5, 1.5, 41)

WIDTHS = np.logspace(-15, 0, 121)
_COLOURS = {"central": "#1f5aa6", "one side": "#8a5a00", "complex": "#1b6e3c"}


def build() -> Page:
    page = Page("a scalar function with five derivatives; the experiment in double precision")
    page.prose(
        """Gradients are checked against differences of the forward pass. A wide step errs because the function bends, a
        narrow one because numbers are rounded. How wide it should be follows from both."""
    )
    _truncation(page)
    _rounding(page)
    _one_side(page)
    _experiment(page)
    return page


def _taylor(h: Any) -> Any:
    """Return the Taylor polynomial of degree 5 at a distance h, over the derivatives f0 ... f5 at the point."""
    return sum((_at_point(k) * h**k / sympy.factorial(k) for k in range(6)), sympy.Integer(0))


_DERIVATIVES = [sn.input(f"f{k}", (), latex="f" + "'" * k if k < 2 else f"f^{{({k})}}") for k in range(6)]


def _at_point(k: int) -> Any:
    return _DERIVATIVES[k][()]


def _truncation(page: Page) -> None:
    page.heading("The function bends")
    page.prose(
        """Taylor's theorem is taken as given: near the point $f(x + h)$ is its Taylor polynomial, up to terms of order
        6 in $h$. Put into the difference quotient, the even terms cancel."""
    )
    e = sn.input("epsilon", (), positive=True)[()]
    slope, bend, third, fourth, fifth = (_at_point(k) for k in range(1, 6))
    ahead = sn.define("ahead", (), _taylor(e), latex=r"f(x + \varepsilon)")
    behind = sn.define("behind", (), _taylor(-e), latex=r"f(x - \varepsilon)")
    page.given(ahead, behind)
    up, down = ahead[()], behind[()]
    page.steps(
        ((up - down) / (2 * e), ""),
        ((2 * e * slope + e**3 * third / 3 + e**5 * fifth / 60) / (2 * e), "the Taylor polynomials, subtracted"),
        (slope + e**2 * third / 6 + e**4 * fifth / 120, "division"),
    )
    page.equal("the central difference", (up - down) / (2 * e), slope + e**2 * third / 6 + e**4 * fifth / 120)
    page.equal(
        "the difference from one side", (up - _at_point(0)) / e,
        slope + e * bend / 2 + e**2 * third / 6 + e**3 * fourth / 24 + e**4 * fifth / 120,
    )  # fmt: skip
    page.prose(
        """The error is of second order in $\\varepsilon$, from one side of first order. A function that is analytic may
        also be followed into the complex plane: the powers of $i \\varepsilon$ are real and imaginary in turn, and the
        imaginary part keeps the odd terms, without a difference being taken."""
    )
    page.equal(
        "the complex step", sympy.im(sympy.expand(_taylor(sympy.I * e))) / e,
        slope - e**2 * third / 6 + e**4 * fifth / 120, lead=r"\frac{\Im f(x + i \varepsilon)}{\varepsilon}",
    )  # fmt: skip


def _root(of: Any, degree: int) -> Any:
    """Return a root that SymPy leaves in one piece."""
    return sympy.Pow(of, sympy.Rational(1, degree), evaluate=False)


def _rounding(page: Page) -> None:
    page.heading("Numbers are rounded")
    page.prose(
        """Assumed: each value of $f$ is off by at most $u |f|$, with $u$ the unit roundoff. Their difference is off by
        at most twice that, and it is divided by $2 \\varepsilon$. To leading order the error is at most"""
    )
    e = sn.parameter("epsilon", (), positive=True)
    A = sn.input("A", (), positive=True, latex=r"|f|")
    T = sn.input("T", (), positive=True, latex=r"|f^{(3)}|")
    u = sn.scalars("u", positive=True)
    x = e[()]
    error = sn.define("E", (), u * A[()] / x + x**2 * T[()] / 6)
    page.given(error)
    d = page.derive(
        sn.derivative(u * A[()] / x + x**2 * T[()] / 6, x), claim=x * T[()] / 3 - u * A[()] / x**2,
        against="falls, then rises",
    )  # fmt: skip
    best = sn.define("best", (), _root(3 * u * A[()] / T[()], 3), latex=r"\varepsilon^{*}")
    page.prose("The least error is where the derivative is 0, at")
    page.given(best)
    b = best[()]
    page.equal("the derivative there", u * A[()] / b**2, b * T[()] / 3, lead=r"\frac{u |f|}{(\varepsilon^{*})^2}")
    page.equal("zero at the best width only", d.result, T[()] * (x**3 - b**3) / (3 * x**2), lead="E'(\\varepsilon)")
    page.at_least(
        "it is the minimum", error[()] - (u * A[()] / b + b**2 * T[()] / 6), 0,
        T[()] / (6 * x) * (x - b) ** 2 * (x + 2 * b), lead=r"E(\varepsilon) - E(\varepsilon^{*})",
    )  # fmt: skip
    page.equal("the least error", u * A[()] / b + b**2 * T[()] / 6, T[()] * b**2 / 2, lead=r"E(\varepsilon^{*})")
    page.prose(
        """So the best width goes with $u^{1/3}$, about $10^{-5}$ in double precision, and the best error with
        $u^{2/3}$: about ten of sixteen digits are right, never more. The complex step takes no difference, so
        nothing cancels: its $\\varepsilon$ can be so small that $\\varepsilon^2$ is below any rounding."""
    )


def _one_side(page: Page) -> None:
    page.heading("From one side", 2)
    page.prose("There two roundings are divided by $\\varepsilon$, and the bend is of first order:")
    e = sn.parameter("epsilon", (), positive=True)
    A = sn.input("A", (), positive=True, latex=r"|f|")
    S = sn.input("S", (), positive=True, latex=r"|f^{(2)}|")
    u = sn.scalars("u", positive=True)
    x = e[()]
    error = sn.define("E", (), 2 * u * A[()] / x + x * S[()] / 2)
    best = sn.define("best", (), 2 * _root(u * A[()] / S[()], 2), latex=r"\varepsilon^{*}")
    page.given(error, best, words=("", "the best width"))
    b = best[()]
    page.at_least(
        "it is the minimum", error[()] - (2 * u * A[()] / b + b * S[()] / 2), 0, S[()] / (2 * x) * (x - b) ** 2,
        lead=r"E(\varepsilon) - E(\varepsilon^{*})",
    )  # fmt: skip
    page.prose("With $u^{1/2}$ the best width is smaller and the best error larger.")


# -- the experiment ----------------------------------------------------------------------------------------------------


def _forward(w: Any, tanh: Any, exp: Any, log: Any) -> Any:
    """Return the loss of one logistic unit behind one tanh unit."""
    return log(1 + exp(-2 * tanh(w)))


def _experiment(page: Page) -> None:
    page.heading("Seen")
    page.prose(
        """One hidden unit and the logistic loss: $f(w) = \\log(1 + e^{-2 \\tanh w})$. Its derivative is derived by the
        engine, and twice more, for the predictions."""
    )
    w = sn.parameter("w", ())
    f = sn.define("f", (), _forward(w[()], sympy.tanh, sympy.exp, sympy.log))
    page.given(f)
    z = w[()]
    first = page.derive(
        sn.derivative(f[()], z),
        claim=-2 * (1 - sympy.tanh(z) ** 2) / (1 + sympy.exp(2 * sympy.tanh(z))), against="by hand",
    )  # fmt: skip
    second = sn.derivative(result_at(first), z)
    third = sn.derivative(result_at(second), z)
    true = [_values(expression, w) for expression in (f[()], first.result, second.result, third.result)]
    page.prose(
        f"""Measured at {len(POINTS)} points between {POINTS[0]:g} and {POINTS[-1]:g}, against the derived gradient in
        40 digits: the root of the mean squared error. Predicted: the two terms of $E$, with the roots of the mean
        squares of $f$ and its derivatives. The rounding is right up to a small factor only: this $f$ takes several
        operations, so it is off by a little more than $u |f|$."""
    )
    measured = {name: _measured(rule, true[1]) for name, rule in _RULES.items()}
    size = [float(np.sqrt(np.mean(np.array(t, float) ** 2))) for t in true]
    lines = {
        "central": (WIDTHS**2 * size[3] / 6, ROUNDOFF * size[0] / WIDTHS),
        "one side": (WIDTHS * size[2] / 2, 2 * ROUNDOFF * size[0] / WIDTHS),
    }
    best = (3 * ROUNDOFF * size[0] / size[3]) ** (1 / 3)
    page.picture(
        _plot(measured, lines, best),
        "Error of the derivative by the width of the step. Solid: measured. Dashed: the truncation and the rounding "
        "derived above. The dot is the derived best width of the central difference, with its derived error.",
    )
    page.prose("A slope other than the derived one, or a minimum in another place, would have refuted it.")
    _agrees(page, measured, lines, best, size)


_RULES: dict[str, Callable[[Any], Any]] = {
    "central": lambda e: (_f(POINTS + e) - _f(POINTS - e)) / ((POINTS + e) - (POINTS - e)),
    "one side": lambda e: (_f(POINTS + e) - _f(POINTS)) / ((POINTS + e) - POINTS),
    "complex": lambda e: _f(POINTS + 1j * e).imag / e,
}


def _f(w: Any) -> Any:
    return _forward(w, np.tanh, np.exp, np.log)


def _values(expression: Any, w: sn.Tensor) -> list[Any]:
    """Return an expression of w at the points, in 40 digits."""
    letter = sympy.Symbol("w")
    call = sympy.lambdify(letter, at_values(_opened(expression), {w[()]: letter}), "mpmath")
    with mpmath.workdps(40):
        return [call(mpmath.mpf(float(p))) for p in POINTS]


def _opened(expression: Any) -> Any:
    """Return an expression with everything computed in it written out."""
    tree = from_sympy(expression)
    while computed := frozenset(t for t in tensors_in(tree) if t.definition is not None):
        tree = inline(tree, computed)
    return to_sympy(tree)


def _measured(rule: Callable[[Any], Any], true: Sequence[Any]) -> Any:
    with np.errstate(all="ignore"):
        estimates = [rule(e) for e in WIDTHS]
    return np.array([_rms([mpmath.mpf(float(a)) - t for a, t in zip(row, true, strict=True)]) for row in estimates])


def _rms(errors: Sequence[Any]) -> float:
    return float(mpmath.sqrt(sum(e**2 for e in errors) / len(errors)))


def _slope(errors: Any, low: float, high: float) -> float:
    """Return the slope in a log-log plot between two widths."""
    inside = (low <= WIDTHS) & (high >= WIDTHS)
    return float(np.polyfit(np.log(WIDTHS[inside]), np.log(errors[inside]), 1)[0])


def _agrees(page: Page, measured: dict[str, Any], lines: dict[str, Any], best: float, size: Sequence[float]) -> None:
    central, one, step = measured["central"], measured["one side"], measured["complex"]
    for name, errors, wanted, low, high in (
        ("central, wide steps", central, 2, 1e-4, 1e-2), ("central, narrow steps", central, -1, 1e-12, 1e-7),
        ("one side, wide steps", one, 1, 1e-6, 1e-2), ("one side, narrow steps", one, -1, 1e-13, 1e-9),
        ("complex step, wide steps", step, 2, 1e-6, 1e-2),
    ):  # fmt: skip
        seen = _slope(errors, low, high)
        how = f"{seen:.3f} for widths from {low:.0e} to {high:.0e}, derived {wanted}"
        page.observed(f"slope, {name}", abs(seen - wanted) < 0.05, how)
    at = WIDTHS >= 1e-4
    ratio = float(np.median((central / lines["central"][0])[at & (WIDTHS <= 1e-2)]))
    narrow = (WIDTHS >= 1e-12) & (WIDTHS <= 1e-7)
    more = float(np.median((central / lines["central"][1])[narrow]))
    page.observed("the size of the rounding", 0.25 < more < 4, f"measured over derived {more:.2f}")
    page.observed("the size of the truncation", abs(ratio - 1) < 0.01, f"measured over derived {ratio:.4f}")
    least = float(WIDTHS[np.argmin(central)])
    page.observed("the best width", best / 3 < least < 3 * best, f"measured {least:.1e}, derived {best:.1e}")
    derived = size[3] * best**2 / 2
    page.observed(
        "the least error", 0.25 < float(central.min()) / derived < 4,
        f"measured {central.min():.1e}, derived {derived:.1e}",
    )  # fmt: skip
    small = float(step[WIDTHS < 1e-9].max())
    page.observed("complex step, narrow", small < 4 * ROUNDOFF, f"error at most {small:.1e} for all widths below 1e-9")


# -- the picture -------------------------------------------------------------------------------------------------------

_WIDE, _HIGH, _LEFT, _TOP = 620, 380, 64, 16
_LOW, _UP = -17.0, 0.0


def _x(width: float) -> float:
    return float(_LEFT + (np.log10(width) + 15) / 15 * _WIDE)


def _y(error: float) -> float:
    return float(_TOP + (_UP - np.log10(error)) / (_UP - _LOW) * _HIGH)


def _curve(errors: Any, colour: str, more: str) -> str:
    """Return a line through what lies inside the frame."""
    inside = [(w, e) for w, e in zip(WIDTHS, errors, strict=True) if 10**_LOW <= e <= 10**_UP]
    points = " ".join(f"{_x(w):.1f},{_y(e):.1f}" for w, e in inside)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" {more}/>'


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-family="serif" font-size="13" {more}>{words}</text>'


def _power(exponent: int) -> str:
    return f'10<tspan dy="-5" font-size="10">{exponent}</tspan>'


def _plot(measured: dict[str, Any], lines: dict[str, Any], best: float) -> str:
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE + _LEFT + 20}" height="{_HIGH + _TOP + 52}" '
        f'viewBox="0 0 {_WIDE + _LEFT + 20} {_HIGH + _TOP + 52}">',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_HIGH}" fill="none" stroke="#1f1d1a"/>',
    ]
    for k in range(-15, 1, 3):
        x = _x(10.0**k)
        out.append(f'<path d="M{x:.1f} {_TOP}V{_TOP + _HIGH}" stroke="#e4dfd5"/>')
        out.append(_text(x, _TOP + _HIGH + 20, _power(k), 'text-anchor="middle"'))
    for k in range(-16, 1, 4):
        y = _y(10.0**k)
        out.append(f'<path d="M{_LEFT} {y:.1f}H{_LEFT + _WIDE}" stroke="#e4dfd5"/>')
        out.append(_text(_LEFT - 8, y + 4, _power(k), 'text-anchor="end"'))
    for name, pair in lines.items():
        out += [_curve(line, _COLOURS[name], 'stroke-width="1.2" stroke-dasharray="5 4"') for line in pair]
    out += [_curve(errors, _COLOURS[name], 'stroke-width="1.8"') for name, errors in measured.items()]
    least = float(np.interp(np.log10(best), np.log10(WIDTHS), np.log10(sum(lines["central"]))))
    out.append(f'<circle cx="{_x(best):.1f}" cy="{_y(10**least):.1f}" r="4.5" fill="{_COLOURS["central"]}"/>')
    for name, words, width, error in (
        ("one side", "one side", 2e-5, 3e-4), ("central", "central", 3e-3, 1e-8),
        ("complex", "complex step", 3e-14, 8e-16),
    ):  # fmt: skip
        out.append(_text(_x(width), _y(error), words, f'fill="{_COLOURS[name]}"'))
    out.append(_text(_LEFT + _WIDE / 2, _TOP + _HIGH + 44, "width of the step", 'text-anchor="middle"'))
    out.append(_text(_LEFT + 8, _TOP + 18, "error"))
    return "".join((*out, "</svg>"))


ROW = Row(
    "A11", "Gradient checking",
    "Nocedal, Wright 2006, Numerical Optimization, sec. 8.1; the complex step: Squire, Trapp 1998, Using complex "
    "variables to estimate derivatives of real functions", build,
)  # fmt: skip
