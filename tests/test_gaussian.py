"""Gaussian moments: every record of the table, activations, kernels, gains, SELU, against oracles that share no code.

The oracles are scipy's and mpmath's quadrature of the expression as typed, with SymPy's own derivative, and sampling.
"""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.integrate
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, Symbol, cos, erf, exp, log, pi, sign, sin, sqrt, tanh

from symnn.ground.errors import DefinitionError, SymnnError, UnknownNameError, UnsupportedError
from symnn.nn.activations import ACTIVATIONS
from symnn.theory.errors import MomentError
from symnn.theory.gains import gain
from symnn.theory.gaussian import gaussian_mean, gaussian_moments, gaussian_product
from symnn.theory.integration import integrals
from symnn.theory.integration.integrals import RECORDS, Record
from symnn.theory.integration.pieces import cut
from symnn.theory.integration.terms import Term, terms_of
from symnn.theory.selu import selu_constants

z = Symbol("z", real=True)
q, s = sympy.symbols("q s", positive=True)
relu, step = Max(0, z), Heaviside(z)
leaky = Piecewise((z, z > 0), (s * z, True))
gelu = z * (1 + erf(z / sqrt(2))) / 2
SYMBOLIC = ("linear", "relu", "leaky_relu", "elu", "selu", "gelu", "hard_tanh")


def typed(name: str) -> Any:
    record = ACTIVATIONS[name]
    return record.expression(z, *(Rational(v.numerator, v.denominator) for _, v in record.constants))


# the oracles


def compiled(expression: Any) -> Callable[[float], float]:
    return sympy.lambdify(z, sympy.sympify(expression).replace(sympy.DiracDelta, lambda *_: sympy.S.Zero), "math")


def by_scipy(expression: Any, variance: float, cuts: Sequence[float] = (-1, 0, 1), mean: float = 0) -> float:
    """E[f(z)] by adaptive quadrature between the cuts, out to 13 standard deviations."""
    f, deviation = compiled(expression), math.sqrt(variance)
    scale = math.sqrt(2 * math.pi * variance)
    ends = sorted({mean - 13 * deviation, mean - 3 * deviation, mean + 3 * deviation, mean + 13 * deviation, *cuts})

    def integrand(t: float) -> float:
        return f(t) * math.exp(-((t - mean) ** 2) / (2 * variance)) / scale

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.integrate.IntegrationWarning)  # rounding at 1e-14
        parts = [
            scipy.integrate.quad(integrand, a, b, epsabs=1e-14, epsrel=1e-12, limit=100)[0]
            for a, b in zip(ends, ends[1:], strict=False)
        ]
    return math.fsum(parts)


def by_mpmath(expression: Any, variance: Any, cuts: Sequence[Any] = (), digits: int = 25) -> Any:
    with mpmath.workdps(digits):
        f = sympy.lambdify(z, expression, "mpmath")
        q_ = mpmath.mpf(variance)
        far = 14 * mpmath.sqrt(q_)
        ends = sorted({-far, -far / 4, far / 4, far, *(mpmath.mpf(c) for c in cuts if abs(c) < far)})
        return mpmath.quad(lambda t: f(t) * mpmath.exp(-t * t / (2 * q_)), ends) / mpmath.sqrt(2 * mpmath.pi * q_)


# the table of integrals

POINTS = (
    {"m": 0.4, "q": 0.7, "l": -0.6, "u": 1.3, "alpha": 0.8, "beta": -0.3, "delta": 1.7, "eta": -0.6, "a": 0.9,
     "b": -0.8, "t": 1.3, "n": 3, "k": 2, "p": -0.4},
    {"m": -1.1, "q": 2.5, "l": 0.2, "u": 2.9, "alpha": -1.4, "beta": 0.5, "delta": 0.3, "eta": 2.1, "a": -1.2,
     "b": 0.11, "t": 0.4, "n": 1, "k": 5, "p": 2.5},
    {"m": 0.05, "q": 9.0, "l": -4.0, "u": -0.5, "alpha": 0.1, "beta": 1.5, "delta": -2.2, "eta": 0.9, "a": 0.3,
     "b": -2.0, "t": -0.8, "n": 6, "k": 1, "p": 0.0},
)  # fmt: skip


def quad(body: Any, lower: Any, upper: Any, centre: float, deviation: float) -> Any:
    f = sympy.lambdify(integrals.x, body, "mpmath")
    low = mpmath.mpf(lower) if lower.is_finite else centre - 18 * deviation
    high = mpmath.mpf(upper) if upper.is_finite else centre + 18 * deviation
    inside = [c for c in (-8, -4, -2, 0, 2, 4, 8) if low < centre + c * deviation < high]
    return mpmath.quad(f, [low, *(centre + c * deviation for c in inside), high])


def holds(record: Record, point: dict[str, Any]) -> bool:
    """Both sides of a record agree to 1e-12."""
    letters = [getattr(integrals, name) for name in point]
    values = {t: sympy.Integer(v) if isinstance(v, int) else sympy.Float(v, 30) for t in letters
              for v in [0 if "m = 0" in record.condition and t == integrals.m else point[t.name]]}  # fmt: skip
    centre, spread = values[integrals.m], values[integrals.q]
    deviation = math.sqrt(float(spread))
    normal = exp(-((integrals.x - centre) ** 2) / (2 * spread)) / sqrt(2 * pi * spread)
    with mpmath.workdps(24 if record.lower == 0 else 16):
        ends = [sympy.sympify(e).subs(values) for e in (record.lower, record.upper)]
        left = quad(record.integrand.subs(values) * normal, *ends, float(centre), deviation)
        right = record.value.subs(values)
        for part in right.atoms(sympy.Integral):
            (_, low, high) = part.limits[0]
            value = quad(part.function, low, high, float(centre), deviation)
            right = right.xreplace({part: sympy.Float(str(value), 25)})
        return bool(abs(left - mpmath.mpf(sympy.N(right, 25))) < 1e-12 * max(1, abs(left)))


@pytest.mark.parametrize("point", POINTS, ids=("first", "second", "third"))
@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_the_table_holds(name: str, point: dict[str, Any]) -> None:
    assert RECORDS[name].source
    assert holds(RECORDS[name], point)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_corrupted_record_is_seen(name: str) -> None:
    value = RECORDS[name].value * Rational(1000001, 1000000) + Rational(1, 10**9)
    wrong = dataclasses.replace(RECORDS[name], value=value)
    assert not holds(wrong, POINTS[0])


def test_every_record_is_used_by_some_function() -> None:
    used: dict[str, None] = {}
    asked = [
        (Max(-1, Min(1, z)) ** 2, 1, 0), (relu, 1, 0), (relu**2, q, 1), (exp(z), q, 0), (cos(2 * z), q, 0),
        (gelu**2, q, 0), (erf(z + 1), q, 0), (erf(z) ** 3, q, 0), (step * erf(z), q, 0), (step * erf(z) ** 2, q, 0),
        (erf(z / sqrt(2)) ** 4, 1, 0), (sqrt(Abs(z)), q, 0), (log(Abs(z)), q, 0),
        (Piecewise((z**2, z < 1), (0, True)), q, 0),
    ]  # fmt: skip
    for f, variance, mean in asked:
        found = gaussian_mean(f, z, variance=variance, mean=mean)
        assert found.method == "closed form"
        used |= dict.fromkeys(found.used)
    assert set(RECORDS) - set(used) == set()


# terms and pieces


def test_terms_say_what_they_are_made_of() -> None:
    body = (z + s) ** 2 * exp(2 * z - z**2 / 3) * erf(z + 1)
    found = terms_of(body, z)
    assert found is not None
    assert sympy.expand(sum(t.expression(z) for t in found) - body) == 0
    assert found[0].erfs == ((1, 1),)
    assert all(isinstance(t, Term) for t in found)
    for other in (tanh(z), 1 / z, erf(z**2), exp(z**3), log(1 + exp(z))):
        assert terms_of(other, z) is None


@pytest.mark.parametrize(
    ("f", "ends"),
    [
        (Max(-1, Min(1, z)), [-1, 1]),
        (Abs(Max(z, 1) - 2), [1, 2]),
        (Abs(z**2 - 2), [-sqrt(2), sqrt(2)]),
        (Max(0, exp(z) - 2), [log(2)]),
        (Piecewise((1, (z > 1) | (z < -1)), (z**2, True)), [-1, 1]),
        (Piecewise((z, Abs(z) < 3), (sign(z), True)), [-3, 3]),
        (step * Heaviside(z - s), [s]),
        (Max(z, 2 * z, -z), [0]),
        (Max(0, tanh(z) - Rational(1, 2)), [log(3) / 2]),
        (1 / (1 + Abs(z)), [0]),
        (tanh(z), []),
    ],
)
def test_a_function_is_cut_at_its_kinks(f: Any, ends: list[Any]) -> None:
    pieces = cut(f, z, 50.0)
    found = [p.upper for p in pieces[:-1]]
    assert [sympy.simplify(a - b) for a, b in zip(found, ends, strict=True) if a != b] == []
    for piece in pieces:
        low = float(piece.lower.subs(s, 0.5)) if piece.lower.is_finite else -9.0
        high = float(piece.upper.subs(s, 0.5)) if piece.upper.is_finite else 9.0
        for part in (0.1, 0.6, 0.9):
            at = low + part * (high - low)
            assert float(piece.body.subs({z: at, s: 0.5})) == pytest.approx(float(f.subs({z: at, s: 0.5})), abs=1e-12)


def test_a_kink_without_a_formula_is_found_by_search() -> None:
    (left, right) = cut(Max(z, cos(z)), z, 50.0)
    assert float(left.upper) == pytest.approx(0.7390851332151607, abs=1e-15)
    assert not left.exact and not right.exact
    found = gaussian_mean(Max(z, cos(z)), z, digits=15)
    assert found.method == "quadrature"
    assert found.value == pytest.approx(by_scipy(Max(z, cos(z)), 1, (0.7390851332151607,)), abs=1e-12)


# activations

PARTS = ("mean", "second", "slope", "slope_second", "curvature")


@pytest.mark.parametrize("variance", ["0.3", "1", "4"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_of_every_activation(name: str, variance: str) -> None:
    g = typed(name)
    found = gaussian_moments(g, z, Rational(variance))
    first = g.diff(z)
    for part, f in zip(PARTS, (g, g**2, first, first**2, first.diff(z)), strict=True):
        integral = getattr(found, part)
        assert integral.value == pytest.approx(by_scipy(f, float(variance)), abs=1e-10), part
        assert 0 <= integral.bound < 1e-12


@pytest.mark.parametrize("name", SYMBOLIC)
def test_closed_forms_in_the_variance(name: str) -> None:
    """E[g], E[g^2], E[g'], E[g'^2] in closed form for symbolic variance and constants, right at numbers for them."""
    record = ACTIVATIONS[name]
    symbols = [Symbol(k, positive=True) for k, _ in record.constants]
    numbers = [Rational(v.numerator, v.denominator) for _, v in record.constants]
    values = dict(zip(symbols, numbers, strict=True))
    found = gaussian_moments(record.expression(z, *symbols), z, q)
    first = typed(name).diff(z)
    for part, f in zip(PARTS[:4], (typed(name), typed(name) ** 2, first, first**2), strict=True):
        integral = getattr(found, part)
        assert integral.method == "closed form"
        assert (integral.value is None) == bool(integral.closed.free_symbols)
        assert integral.closed.free_symbols <= {q, *symbols}
        for variance in (0.3, 4.0):
            value = sympy.N(integral.closed.subs({**values, q: sympy.Float(variance, 20)}), 20)
            assert float(value) == pytest.approx(by_scipy(f, variance), abs=1e-11), part


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "silu", "gelu_tanh", "mish", "softsign"])
def test_what_has_no_closed_form_says_so(name: str) -> None:
    found = gaussian_moments(typed(name), z)
    assert found.second.method == found.slope_second.method == "quadrature"
    assert found.second.closed is None and found.second.used == ()
    with pytest.raises(MomentError, match="quadrature needs numbers for q"):
        gaussian_mean(typed(name) ** 2, z, variance=q)


@pytest.mark.parametrize(
    ("f", "value"),
    [
        (1 / (1 + exp(-z)), Rational(1, 2)), (tanh(z), 0), (z / (1 + Abs(z)), 0), (sign(z), 0),
        (typed("silu").diff(z), Rational(1, 2)), (typed("gelu_tanh").diff(z), Rational(1, 2)),
        (sin(z) * Max(1, Abs(z)), 0), (tanh(s * z) + 3, 3),
    ],
)  # fmt: skip
def test_symmetry_is_a_closed_form(f: Any, value: Any) -> None:
    found = gaussian_mean(f, z, variance=q)
    assert (found.method, found.closed) == ("closed form", value)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (relu, sqrt(q / (2 * pi))),
        (relu**2, q / 2),
        (leaky**2, q * (1 + s**2) / 2),
        (Abs(z), sqrt(2 * q / pi)),
        (z**6, 15 * q**3),
        (exp(s * z), exp(s**2 * q / 2)),
        (cos(s * z), exp(-(s**2) * q / 2)),
        (sin(z) ** 2, (1 - exp(-2 * q)) / 2),
        (exp(-(z**2) / 2), 1 / sqrt(1 + q)),
        (z * erf(z), 2 * q / sqrt(pi * (1 + 2 * q))),
        (gelu, q / sqrt(2 * pi * (1 + q))),
        (erf(z) ** 2, 2 * sympy.asin(2 * q / (1 + 2 * q)) / pi),
        (sqrt(Abs(z)), (2 * q) ** Rational(1, 4) * sympy.gamma(Rational(3, 4)) / sqrt(pi)),
        (log(Abs(z)), (log(q / 2) - sympy.EulerGamma) / 2),
        (sympy.cosh(z), exp(q / 2)),
        (2**z, exp(log(2) ** 2 * q / 2)),
    ],
)
def test_closed_forms_of_textbooks(f: Any, expected: Any) -> None:
    found = gaussian_mean(f, z, variance=q)
    assert found.method == "closed form"
    for variance in (Rational(1, 3), 2, 7):
        at = {q: variance, s: Rational(3, 10)}
        assert abs(sympy.N(found.closed.subs(at) - expected.subs(at), 30)) < 1e-25


@pytest.mark.parametrize("mean", [Rational(3, 4), Rational(-2)])
@pytest.mark.parametrize(
    "f", [relu, relu**2, typed("elu"), typed("selu") ** 2, gelu, typed("hard_tanh"), cos(z), tanh(z), z**3]
)
def test_a_mean_other_than_0(f: Any, mean: Any) -> None:
    found = gaussian_mean(f, z, mean=mean, variance=Rational(3, 2), digits=15)
    assert found.value == pytest.approx(by_scipy(f, 1.5, mean=float(mean)), abs=1e-11)


def test_a_symbolic_mean() -> None:
    m = Symbol("m", real=True)
    found = gaussian_mean(relu, z, mean=m, variance=q)
    value = float(found.closed.subs({m: 0.7, q: 1.9}))
    assert value == pytest.approx(by_scipy(relu, 1.9, mean=0.7), abs=1e-12)
    assert sympy.expand(gaussian_mean(z**2, z, mean=m, variance=q).closed - m**2 - q) == 0
    assert sympy.simplify(gaussian_mean(sin(z), z, mean=m, variance=q).closed - sin(m) * exp(-q / 2)) == 0


@pytest.mark.parametrize(("f", "digits"), [(tanh(z) ** 2, 30), (typed("mish"), 18)])
def test_more_digits_than_a_float_has(f: Any, digits: int) -> None:
    found = gaussian_mean(f, z, digits=digits)
    again = gaussian_mean(f, z, digits=digits + 4)
    short = gaussian_mean(f, z, digits=15)
    assert found.method == "quadrature" and isinstance(found.value, mpmath.mpf)
    with mpmath.workdps(40):
        assert abs(found.value - again.value) <= found.bound < 10.0 ** (2 - digits)
        assert abs(short.value - again.value) <= short.bound < 1e-12


@pytest.mark.parametrize(
    ("f", "cuts"), [(1 / sqrt(Abs(z - 1)), (1,)), (log(Abs(tanh(z))), (0,)), ((exp(z) - 1 - z) / z**2, (0,))]
)
def test_ends_at_which_a_function_is_delicate(f: Any, cuts: tuple[int, ...]) -> None:
    """It blows up there, or is a quotient of small numbers."""
    found = gaussian_mean(f, z, variance=2, digits=15)
    assert found.method == "quadrature"
    assert abs(found.value - by_mpmath(f, 2, cuts, 36)) <= found.bound + 1e-15
    assert found.bound < 1e-12


@pytest.mark.parametrize(
    ("f", "centre", "width"),
    [
        (tanh(10**5 * z) ** 2, 0, 1e-5), (1 / (1 + 10**6 * (z - 2) ** 2), 2, 1e-3), (tanh(1000 * (z - 1)), 1, 1e-3),
        (exp(-(10**6) * (z - 1) ** 2) * tanh(z), 1, 1e-3),
    ],
)  # fmt: skip
def test_a_narrow_feature_is_not_stepped_over(f: Any, centre: int, width: float) -> None:
    found = gaussian_mean(f, z, digits=15)
    cuts = [centre + s * width * 4**k for k in range(10) for s in (1, -1)]
    assert found.method == "quadrature"
    assert abs(found.value - by_mpmath(f, 1, [centre, *cuts])) <= found.bound < 1e-12


def test_a_value_too_large_for_a_float() -> None:
    f = log(1 + exp(z)) * exp(45 * z)
    assert gaussian_mean(f, z, digits=16).value > mpmath.mpf(10) ** 441
    with pytest.raises(MomentError, match="too large for a float"):
        gaussian_mean(f, z, digits=15)


def test_quadrature_against_closed_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the closed forms switched off, quadrature gives the same, and its bound holds."""
    from symnn.theory.integration import moment

    exact = {name: gaussian_mean(typed(name) ** 2, z, variance=2, digits=25).value for name in SYMBOLIC}
    monkeypatch.setattr(moment, "by_terms", lambda *_: None)
    for name, value in exact.items():
        for digits, least in ((15, 1e-12), (20, 1e-18))[: 1 + (name in ("relu", "gelu"))]:
            found = gaussian_mean(typed(name) ** 2, z, variance=2, digits=digits)
            assert found.method == "quadrature"
            with mpmath.workdps(30):
                assert abs(found.value - value) <= found.bound < least * max(1, value)


@pytest.mark.parametrize("variance", [Rational(1, 10**6), 10**4])
@pytest.mark.parametrize("name", ["tanh", "softplus", "silu", "mish", "gelu", "elu", "hard_tanh", "softsign"])
def test_small_and_large_variances(name: str, variance: Any) -> None:
    g = typed(name)
    found = gaussian_mean(g**2, z, variance=variance, digits=15)
    with mpmath.workdps(16):
        f = sympy.lambdify(z, g**2, "mpmath")
        d = mpmath.sqrt(mpmath.mpf(variance))
        marks = [m for c in (-4, -1, 0, 1, 4) for m in (c, c * 16)]
        ends = sorted({-12 * d, -4 * d, 4 * d, 12 * d, *(mpmath.mpf(m) for m in marks if abs(m) < 12 * d)})
        value = mpmath.quad(lambda t: f(t) * mpmath.npdf(t, 0, d), ends)
    assert found.value == pytest.approx(float(value), rel=1e-10)


# a user's own functions


def test_a_function_of_ones_own() -> None:
    own = z * tanh(log(1 + exp(z)))
    found = gaussian_moments(own, z)
    assert found.second.value == gain("mish").second.value
    assert found.second.value == pytest.approx(by_scipy(own**2, 1), abs=1e-12)
    bump = Piecewise((0, z < -2), (z**2 * exp(z), z < Rational(1, 2)), (Max(z, 1) * exp(-(z**2)), True))
    exact = gaussian_mean(bump, z, digits=20)
    assert exact.method == "closed form"
    assert float(exact) == pytest.approx(by_scipy(bump, 1, (-2, 0.5, 1)), abs=1e-12)
    mixed = gaussian_mean(bump * tanh(z), z, digits=15)
    assert mixed.method == "quadrature"
    assert mixed.value == pytest.approx(by_scipy(bump * tanh(z), 1, (-2, 0.5, 1)), abs=1e-12)


def test_a_symbol_without_assumptions_and_floats_are_read() -> None:
    y = Symbol("y")
    found = gaussian_mean(0.5 * Max(0, y) ** 2, y, variance=0.3)
    assert found.closed == Rational(3, 40)
    assert found.variance == Rational(3, 10)
    assert gaussian_mean(7, y).closed == 7


def test_quadrature_is_fast() -> None:
    for f in (tanh(z) ** 2, typed("mish") ** 2, typed("gelu_tanh") ** 2, typed("softsign") ** 2):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            found = gaussian_mean(f, z, digits=15)
            times.append(time.perf_counter() - start)
        assert found.bound < 1e-12
        assert min(times) < 0.05


# what does not exist


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (exp(z**2), "does not exist"),
        (exp(z**2 / 2), "does not exist"),
        (exp(z**2 / 2 - z), "does not exist"),
        (z * exp(z**2), "does not exist"),
        (exp(exp(z)), "does not exist"),
        (1 / z, "does not exist"),
        (1 / Abs(z), "does not exist"),
        (1 / (z - 2) ** 2, "does not exist"),
        (1 / (z**2 - 3 * z + 1), "does not exist"),
        (sympy.tan(z), "does not exist"),
        (1 / (1 - cos(z)), "does not exist"),
        (1 / (tanh(z) - Rational(1, 2)), "does not exist"),
        (log(z), "not real"),
        (sqrt(z), "not real"),
        (z ** Rational(1, 3), "not real"),
        (sympy.asin(z), "not real"),
        (sympy.I * z, "real function"),
        (z * Symbol("w"), "w occurs"),
        (sympy.nan * z, "real function"),
    ],
)
def test_a_moment_that_does_not_exist(f: Any, words: str) -> None:
    for digits in (15, 30)[: 1 if f.has(cos) else 2]:
        with pytest.raises(MomentError, match=words):
            gaussian_mean(f, z, digits=digits)


def test_existence_that_depends_on_the_variance() -> None:
    f = exp(z**2 / 8)
    assert gaussian_mean(f, z, variance=3).closed == 2
    for variance in (4, 5):
        with pytest.raises(MomentError, match="does not exist"):
            gaussian_mean(f, z, variance=variance)
    with pytest.raises(MomentError, match="only for some values of its symbols"):
        gaussian_mean(f, z, variance=q)
    assert gaussian_mean(exp(z**2), z, variance=Rational(2, 5)).closed == sqrt(5)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: gaussian_mean(sympy.floor(z), z), UnsupportedError, "floor"),
        (lambda: gaussian_mean(sympy.Function("f")(z), z), UnsupportedError, "knows no f"),
        (lambda: gaussian_mean("z", z), DefinitionError, "constant"),
        (lambda: gaussian_mean(z, "z"), DefinitionError, "symbol"),
        (lambda: gaussian_mean(s, s), DefinitionError, "declared positive"),
        (lambda: gaussian_mean(z, z, variance=0), MomentError, "positive"),
        (lambda: gaussian_mean(z, z, variance=Symbol("v")), MomentError, "declared positive"),
        (lambda: gaussian_mean(z, z, digits=0), DefinitionError, "digits"),
        (lambda: gaussian_mean(Max(z, s * z), z), MomentError, "depends on the parameters"),
        (lambda: gaussian_mean(tanh(s * z) ** 2, z), MomentError, "numbers for s"),
        (lambda: gaussian_mean(Piecewise((z, z > 0)), z), MomentError, "no value"),
        (lambda: gaussian_product(z, z, z), DefinitionError, "correlation or covariance"),
        (lambda: gaussian_product(z, z, z, correlation=2), MomentError, "between -1 and 1"),
        (lambda: gaussian_product(z, z, z, variances=1, correlation=0), DefinitionError, "pair"),
        (lambda: gaussian_product(exp(z**2), tanh(z), z, correlation=Rational(1, 2)), MomentError, "does not exist"),
        (lambda: gain("tanhh"), UnknownNameError, "tanh"),
        (lambda: gain("tanh", slope=1), UnknownNameError, "slope"),
        (lambda: gain(tanh(z)), DefinitionError, "symbol"),
        (lambda: gain("tanh", z), DefinitionError, "alone"),
        (lambda: gain(0 * z, z), MomentError, "no gain"),
        (lambda: float(gain("leaky_relu", slope=s).forward), MomentError, "symbols"),
    ],
)
def test_a_refusal_is_a_clear_sentence(ask: Callable[[], Any], error: type[SymnnError], words: str) -> None:
    with pytest.raises(error, match=words):
        ask()


# two numbers


def arc_cosine(degree: int, rho: float) -> float:
    """Cho, Saul 2009, eq. 3 to 6, with both norms 1, divided by two."""
    angle = math.acos(rho)
    j = math.pi - angle if degree == 0 else math.sin(angle) + (math.pi - angle) * rho
    return j / (2 * math.pi)


@pytest.mark.parametrize("rho", [Rational(n, 100) for n in (-100, -90, 0, 33, 99, 100)])
def test_kernels_of_papers(rho: Any) -> None:
    for degree, f in enumerate((step, relu)):
        found = gaussian_product(f, f, z, correlation=rho)
        assert float(found) == pytest.approx(arc_cosine(degree, float(rho)), abs=1e-14)
    k11, k22 = Rational(1, 2), Rational(3)
    k12 = rho * sqrt(k11 * k22)
    found = gaussian_product(erf(z), erf(z), z, variances=(k11, k22), covariance=k12)
    williams = 2 / pi * sympy.asin(2 * k12 / sqrt((1 + 2 * k11) * (1 + 2 * k22)))
    assert float(found) == pytest.approx(float(williams), abs=1e-14)


PAIRS = [
    (relu, relu), (leaky.subs(s, 0.2), leaky.subs(s, 0.2)), (gelu, gelu), (gelu, relu), (z**2, relu), (exp(z), step),
    (relu**2, relu**2), (typed("elu"), typed("elu")), (typed("hard_tanh"), relu), (tanh(z), tanh(z)), (tanh(z), relu),
    (typed("softsign"), typed("mish")), (sin(z), tanh(z)), (Abs(z), typed("sigmoid")),
]  # fmt: skip


def test_kernels_in_symbols() -> None:
    r, c = sympy.symbols("r c", real=True)
    q1, q2 = sympy.symbols("q1 q2", positive=True)
    kernel = sqrt(q1 * q2) / (2 * pi) * (sqrt(1 - r**2) + (pi / 2 + sympy.asin(r)) * r)
    found = gaussian_product(relu, relu, z, variances=(q1, q2), correlation=r)
    assert sympy.simplify(found.closed - kernel) == 0
    assert found.value is None and found.used
    found = gaussian_product(erf(z), erf(z), z, variances=(q1, q2), covariance=c)
    assert sympy.simplify(found.closed - 2 / pi * sympy.asin(2 * c / (sqrt(2 * q1 + 1) * sqrt(2 * q2 + 1)))) == 0
    found = gaussian_product(z**3, z**3, z, variances=(q1, q2), covariance=c)
    assert sympy.expand(found.closed - 9 * q1 * q2 * c - 6 * c**3) == 0
    assert gaussian_product(exp(z), exp(z), z, correlation=r).closed == exp(r + 1)
    for pair in PAIRS[1:5]:
        at = {r: Rational(2, 7), q1: 2, q2: Rational(1, 3)}
        formula = gaussian_product(*pair, z, variances=(q1, q2), correlation=r).closed.subs(at)
        number = gaussian_product(*pair, z, variances=(at[q1], at[q2]), correlation=at[r], digits=20)
        assert number.method == "closed form"
        assert abs(sympy.N(formula - number.closed, 25)) < 1e-20
    with pytest.raises(MomentError, match="numbers for r"):
        gaussian_product(tanh(z), tanh(z), z, correlation=r)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_products_against_sampling(pair: tuple[Any, Any]) -> None:
    rng = np.random.default_rng(7)
    variances, rho = (Rational(3, 2), Rational(1, 2)), Rational(3, 5)
    u = rng.standard_normal(200_000)
    v = float(rho) * u + math.sqrt(1 - float(rho) ** 2) * rng.standard_normal(200_000)
    f, g = (sympy.lambdify(z, e, ["scipy", "numpy"]) for e in pair)
    samples = f(math.sqrt(1.5) * u) * g(math.sqrt(0.5) * v)
    found = gaussian_product(*pair, z, variances=variances, correlation=rho)
    assert abs(found.value - samples.mean()) < 4 * samples.std() / math.sqrt(len(samples))
    assert found.bound < 1e-12


@pytest.mark.parametrize(
    ("pair", "rho"), [(PAIRS[k], rho) for k, rho in ((1, 0.5), (2, -0.95), (7, 0.5), (8, -0.95), (9, 0.5), (11, -0.95))]
)
def test_products_against_iterated_quadrature(pair: tuple[Any, Any], rho: float) -> None:
    """The plane in polar pieces: Gauss-Legendre on quadrants of (u, v) between the kinks, typed here."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    ends = np.array([-9, -6, -4, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 6, 9], dtype=float)
    points = np.concatenate([(a + b) / 2 + (b - a) / 2 * nodes for a, b in zip(ends, ends[1:], strict=False)])
    weight = np.concatenate([(b - a) / 2 * weights for a, b in zip(ends, ends[1:], strict=False)])
    u, v = points[:, None], points[None, :]
    density = np.exp(-(u**2 - 2 * rho * u * v + v**2) / (2 * (1 - rho**2))) / (2 * math.pi * math.sqrt(1 - rho**2))
    f, g = (sympy.lambdify(z, e, ["scipy", "numpy"]) for e in pair)
    value = float(np.einsum("i,j,i,j,ij", weight, weight, f(points), g(points), density, optimize=True))
    found = gaussian_product(*pair, z, correlation=Rational(str(rho)))
    assert found.value == pytest.approx(value, abs=1e-11)


def test_correlations_at_the_ends() -> None:
    for rho, f in ((1, tanh(z) ** 2), (-1, -(tanh(z) ** 2))):
        assert float(gaussian_product(tanh(z), tanh(z), z, correlation=rho)) == pytest.approx(by_scipy(f, 1), abs=1e-12)
    near = gaussian_product(tanh(z), tanh(z), z, correlation=Rational(999999, 1000000))
    assert near.value == pytest.approx(by_scipy(tanh(z) ** 2, 1), abs=1e-5)
    apart = gaussian_product(tanh(z) ** 2, relu, z, correlation=0)
    assert apart.value == pytest.approx(by_scipy(tanh(z) ** 2, 1) / math.sqrt(2 * math.pi), abs=1e-12)


# gains

GAINS = {"linear": 1, "relu": sqrt(2), "leaky_relu": sqrt(2 / (1 + Rational(1, 100) ** 2))}


def test_gains_with_a_closed_form() -> None:
    for name, value in GAINS.items():
        assert sympy.simplify(gain(name).forward.closed - value) == 0
        assert sympy.simplify(gain(name).backward.closed - value) == 0
        assert gain(name).slope.closed == 1
    found = gain("leaky_relu", slope=s)
    assert sympy.simplify(found.forward.closed - sqrt(2 / (1 + s**2))) == 0
    assert {gain(name).forward.method for name in ("gelu", "elu", "hard_tanh")} == {"closed form"}


def test_published_gains() -> None:
    found = gain("tanh")
    assert abs(found.forward.value - 1.592537419722831) <= 1e-15 + found.forward.bound < 1e-13
    assert gain("selu").forward.value == pytest.approx(1, abs=1e-15)
    long = gain("tanh", digits=25)
    assert abs(long.forward.value - found.forward.value) <= found.forward.bound


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gains_by_an_oracle(name: str) -> None:
    g = typed(name)
    found = gain(name)
    second, slope_second = by_scipy(g**2, 1), by_scipy(g.diff(z) ** 2, 1)
    assert found.forward.value == pytest.approx(1 / math.sqrt(second), abs=1e-11)
    assert found.backward is not None
    assert found.backward.value == pytest.approx(1 / math.sqrt(slope_second), abs=1e-11)
    h = 1e-3
    up, down = (by_scipy(g**2, 1 + t) for t in (h, -h))
    assert found.slope.value == pytest.approx((up - down) / (2 * h) / second, abs=2e-6)
    assert max(found.forward.bound, found.backward.bound, found.slope.bound) < 1e-12


def test_variances_drift_where_the_slope_is_above_1() -> None:
    """The map is iterated from a variance near 1: with tanh it returns, with silu it leaves."""
    for name in ("tanh", "silu"):
        found, variance = gain(name), 1.01
        for _ in range(5):
            variance = found.forward.value**2 * float(gaussian_mean(typed(name) ** 2, z, variance=variance, digits=15))
        assert (abs(variance - 1) > 0.01) == (found.slope.value > 1)


def test_a_step_has_no_backward_gain_and_its_jump_counts() -> None:
    found = gain(Heaviside(z - 1), z)
    assert found.backward is None
    h = 1e-4
    mass = [0.5 * math.erfc(1 / math.sqrt(2 * v)) for v in (1 - h, 1, 1 + h)]
    assert found.slope.value == pytest.approx((mass[2] - mass[0]) / (2 * h) / mass[1], abs=1e-6)


def test_the_constants_of_selu() -> None:
    found = selu_constants(32)
    with mpmath.workdps(40):
        assert abs(found.scale - mpmath.mpf("1.0507009873554804934193349852946")) < mpmath.mpf("1e-31")
        assert abs(found.alpha - mpmath.mpf("1.6732632423543772848170429916717")) < mpmath.mpf("1e-31")
        assert found.bound < 1e-31
    assert found.stable
    assert float(found.jacobian[0][1]) == pytest.approx(0.088834, abs=1e-6)
    assert float(found.jacobian[1][1]) == pytest.approx(0.782648, abs=1e-6)
    assert float(found.norm) == pytest.approx(0.7877, abs=1e-4)
    assert float(max(found.eigenvalues, key=abs)) == float(found.jacobian[1][1])


def test_the_fixed_point_of_selu_by_an_oracle() -> None:
    """Mean 0 and variance 1 stay, and the Jacobian is that of differences, all by scipy's quadrature."""
    found = selu_constants(20)
    g = Piecewise((z, z > 0), (float(found.alpha) * (exp(z) - 1), True)) * float(found.scale)
    assert by_scipy(g, 1) == pytest.approx(0, abs=1e-13)
    assert by_scipy(g**2, 1) == pytest.approx(1, abs=1e-13)

    def after(mean: float, variance: float) -> tuple[float, float]:
        spread = variance + mean**2
        m = by_scipy(g, spread)
        return m, by_scipy(g**2, spread) - m**2

    h = 1e-4
    for k, (a, b) in enumerate((((h, 1.0), (-h, 1.0)), ((0.0, 1 + h), (0.0, 1 - h)))):
        for row, (up, down) in enumerate(zip(after(*a), after(*b), strict=True)):
            assert (up - down) / (2 * h) == pytest.approx(float(found.jacobian[row][k]), abs=1e-7)


# random functions

small = st.sampled_from([Rational(n, 4) for n in range(-6, 7)])
kinked = st.builds(lambda c, make: (make(c), [c]), small, st.sampled_from([
    lambda c: Abs(z - c), lambda c: Max(z, c), lambda c: Min(z, c), lambda c: Heaviside(z - c),
    lambda c: Piecewise((exp(z / 2), z < c), (z**2, True)), lambda c: sign(z - c),
]))  # fmt: skip
smooth = st.builds(lambda c, d, make: (make(c, d), []), small, small, st.sampled_from([
    lambda c, d: c * z**2 + d * z + 1, lambda c, d: exp(c * z / 2) + d, lambda c, d: erf(c * z) + d * z,
    lambda c, d: exp(-Abs(d) * z**2) * (z - c), lambda c, d: cos(c * z + d), lambda c, d: tanh(c * z + d),
    lambda c, d: log(1 + exp(c * z)) + d,
]))  # fmt: skip
functions = st.recursive(
    st.one_of(kinked, smooth),
    lambda inner: st.builds(
        lambda a, b, join: (join(a[0], b[0]), a[1] + b[1]), inner, inner,
        st.sampled_from([lambda f, g: f + g, lambda f, g: f - 2 * g, lambda f, g: f * g]),
    ),
    max_leaves=3,
)  # fmt: skip


@settings(max_examples=30)
@given(functions, st.sampled_from([Rational(3, 10), Rational(1), Rational(4)]))
def test_random_functions_agree_with_the_oracle(drawn: tuple[Any, list[Any]], variance: Any) -> None:
    f, cuts = sympy.sympify(drawn[0]), drawn[1]
    found = gaussian_mean(f, z, variance=variance, digits=15)
    value = by_scipy(f, float(variance), [float(c) for c in cuts])
    assert found.value == pytest.approx(value, abs=1e-10, rel=1e-10)


@settings(max_examples=10)
@given(functions, st.sampled_from([Rational(3, 10), Rational(4)]))
def test_the_bound_holds_for_random_functions(drawn: tuple[Any, list[Any]], variance: Any) -> None:
    f, cuts = sympy.sympify(drawn[0]), drawn[1]
    found = gaussian_mean(f, z, variance=variance, digits=15)
    value = by_mpmath(f, variance, cuts)
    assert abs(found.value - value) <= found.bound + 1e-16 * abs(value) + mpmath.mpf(10) ** -20


@settings(max_examples=6)
@given(functions, functions)
def test_random_maxima_are_cut_right(a: tuple[Any, list[Any]], b: tuple[Any, list[Any]]) -> None:
    """E[max(f, g)] + E[min(f, g)] = E[f] + E[g], and E[max(f, g)] - E[min(f, g)] = E|f - g|."""
    f, g = sympy.sympify(a[0]), sympy.sympify(b[0])
    asked = (Max(f, g), Min(f, g), f, g, Abs(f - g))
    most, least, one, other, gap = (float(gaussian_mean(e, z, digits=15)) for e in asked)
    scale = abs(most) + abs(least) + gap
    assert most + least == pytest.approx(one + other, abs=1e-10 * (1 + scale))
    assert most - least == pytest.approx(gap, abs=1e-10 * (1 + scale))
    assert most >= max(one, other) - 1e-10 * (1 + scale)
