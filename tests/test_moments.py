"""Moments against exact enumeration of finite laws, against quadrature and samples; what their lines say."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symnn as sn
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import Num, mul, num
from symnn.theory.expectation import taken
from symnn.theory.initialisation import FAN_IN, FAN_OUT, initialisation, kaiming, lecun, uniform_bound, xavier
from symnn.theory.laws import Law

N, D, H = sn.dims("N D H")
s2, v, q = sn.scalars("s2 v q", positive=True)
i, j, k, n = sn.indices("i j k n")
at_i, at_k, at_j = sn.index("i", H), sn.index("k", H), sn.index("j", D)
W, x = sn.parameter("W", (H, D)), sn.input("x", (D,))


def finite(values: dict[Fraction, Fraction], *, symmetric: bool = False) -> Law:
    """Return a law of a few values, each with its probability: its moments are exact, and it can be enumerated."""
    return Law("finite", lambda m: Num(sum((p * x**m for x, p in values.items()), Fraction(0))), symmetric)


THREE = {Fraction(-1): Fraction(1, 4), Fraction(1, 2): Fraction(1, 2), Fraction(3): Fraction(1, 4)}
SIXTH, THIRD = Fraction(1, 6), Fraction(1, 3)
EVEN = {Fraction(-2): SIXTH, Fraction(-1): THIRD, Fraction(1): THIRD, Fraction(2): SIXTH}


def enumerated(f: Any, shapes: list[tuple[int, ...]], values: list[dict[Fraction, Fraction]]) -> Fraction:
    """Return E of a function of arrays, over all values that their entries may take."""
    counts = [int(np.prod(s)) for s in shapes]
    total = Fraction(0)
    for drawn in product(*(product(v.items(), repeat=c) for v, c in zip(values, counts, strict=True))):
        weight, arrays = Fraction(1), []
        for entries, shape in zip(drawn, shapes, strict=True):
            arrays.append(np.array([e for e, _ in entries], dtype=object).reshape(shape))
            for _, p in entries:
                weight *= p
        total += weight * f(*arrays)
    return total


def value(expression: Any, laws: dict[Any, Law], sizes: dict[Any, int], at: dict[Any, int]) -> Fraction:
    """Return what the engine makes of an expectation, at sizes and positions."""
    m = sn.expectation(expression, laws)
    places = {m.indices[index]: place for index, place in at.items() if index in m.indices}
    found = to_sympy(taken(m.question, laws)).subs({**sizes, **places}).doit()
    return Fraction(int(found.p), int(found.q))


QUADRATIC = {
    "one entry": (lambda: x[at_j] ** 3 - 2 * x[at_j], lambda W, x: x[1] ** 3 - 2 * x[1]),
    "two entries": (lambda: W[at_i, at_j] * W[at_k, at_j] ** 2, lambda W, x: W[0, 1] * W[1, 1] ** 2),
    "a sum": (lambda: sn.sum(W[at_i, j] * x[j], j) ** 2, lambda W, x: sum(W[0, j] * x[j] for j in range(2)) ** 2),
    "two sums": (
        lambda: sn.sum(W[at_i, j] * x[j], j) * sn.sum(W[at_k, j] * x[j], j),
        lambda W, x: sum(W[0, j] * x[j] for j in range(2)) * sum(W[1, j] * x[j] for j in range(2)),
    ),
    "a cube": (lambda: sn.sum(x[j], j) ** 3 * W[at_i, at_j], lambda W, x: (x[0] + x[1]) ** 3 * W[0, 1]),
    "larger of two": (
        lambda: sympy.Max(0, x[at_j]) ** 2 * W[at_i, at_j] ** 2, lambda W, x: max(0, x[1]) ** 2 * W[0, 1] ** 2,
    ),
}  # fmt: skip


#: A function that is no polynomial has a moment only through symmetry.
CASES = [(c, law) for c in QUADRATIC for law in ("skew", "even") if law == "even" or c != "larger of two"]


@pytest.mark.parametrize("same", [False, True], ids=["two units", "one unit"])
@pytest.mark.parametrize(("case", "name"), CASES)
def test_an_expectation_is_what_enumeration_finds(case: str, name: str, same: bool) -> None:
    expression, f = QUADRATIC[case]
    law = EVEN if name == "even" else THREE
    laws = {t: finite(law, symmetric=law is EVEN) for t in (W, x)}
    at = {at_i: 0, at_k: 0 if same else 1, at_j: 1}
    row = (lambda W, x: f(W[[0, 0]], x)) if same else f
    assert value(expression(), laws, {H: 2, D: 2}, at) == enumerated(row, [(2, 2), (2,)], [law, law])


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(1, 2)), min_size=1, max_size=4),
    st.integers(-2, 2),
)
@settings(max_examples=60)
def test_products_of_entries_at_any_places(factors: list[tuple[int, int, int]], shift: int) -> None:
    """Places coincide or not as their indices do; the engine's formula holds for both."""
    names = [(sn.index(f"a{m}", H), sn.index(f"b{m}", D)) for m in range(len(factors))]
    expression: Any = sympy.Integer(shift)
    for (a, b), (_, _, power) in zip(names, factors, strict=True):
        expression += W[a, b] ** power * W[names[0]]
    at = {s: p for (a, b), (u, w, _) in zip(names, factors, strict=True) for s, p in ((a, u), (b, w))}

    def f(array: Any) -> Fraction:
        u, w, _ = factors[0]
        return shift + sum(array[r, c] ** e * array[u, w] for r, c, e in factors)

    assert value(expression, {W: finite(THREE)}, {H: 2, D: 2}, at) == enumerated(f, [(2, 2)], [THREE])


def test_isserlis() -> None:
    law = {x: sn.laws.gaussian(v)}
    a, b, c, d = (sn.index(letter, D) for letter in "abcd")
    K = sympy.KroneckerDelta
    m = sn.expectation(x[a] * x[b] * x[c] * x[d], law)
    assert m.equals(v**2 * (K(a, b) * K(c, d) + K(a, c) * K(b, d) + K(a, d) * K(b, c))).verdict == "proved"
    assert m.equals(v**2 * (K(a, b) * K(c, d) + K(a, c) * K(b, d))).verdict == "refuted"


@pytest.mark.parametrize(
    ("law", "moments"),
    [
        (sn.laws.gaussian(Fraction(1, 2), 1), [1, sympy.Rational(3, 2), sympy.Rational(5, 2), sympy.Rational(19, 4)]),
        (sn.laws.uniform(2), [0, sympy.Rational(4, 3), 0, sympy.Rational(16, 5)]),
        (sn.laws.rademacher(3), [0, 9, 0, 81]),
        (sn.laws.bernoulli(sympy.Rational(1, 4)), [sympy.Rational(1, 4)] * 4),
    ],
    ids=["gaussian", "uniform", "rademacher", "bernoulli"],
)
def test_moments_of_laws(law: Law, moments: list[Any]) -> None:
    for power, wanted in enumerate(moments, start=1):
        assert sn.expectation(x[at_j] ** power, {x: law}).value == wanted
    rng = np.random.default_rng(0)
    assert law.draw is not None
    sample = law.draw(rng, (200_000,), lambda t: float(to_sympy(t)))
    for power, wanted in enumerate(moments, start=1):
        error = (sample**power).std() / np.sqrt(len(sample))
        assert abs((sample**power).mean() - float(wanted)) <= 4 * error + 1e-12


# -- lines -------------------------------------------------------------------------------------------------------------


def layer(act: Any = sn.relu) -> tuple[Any, Any, Any]:
    z = sn.input("z", (D,))
    h = act(z)
    return z, h, sn.define("a", (i,), sn.sum(W[i, j] * h[j], j))


def test_the_lecture_s_steps_come_in_the_lecture_s_order() -> None:
    z, _, a = layer()
    m = sn.variance(a[at_i], {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v)})
    wanted = [
        "variance of a sum of uncorrelated terms", "identically distributed",
        "variance of a product of independent factors", "mean of the law", "variance and squared mean are the second "
        "moment", "variance of the law", "max and cases as indicators", "symmetry of the law", "both halves together",
        "moments of the law",
    ]  # fmt: skip
    assert [r for r in m.rules if r in wanted] == wanted
    assert all(c.verdict == "proved" for c in m.checks()[1:]) and m.value == D * s2 * v / 2
    assert m.equals(D * s2 * v / 2).verdict == "proved" and m.equals(D * s2 * v).verdict == "refuted"
    assert m.sampled({D: 3, H: 2}, {s2: 0.6, v: 1.5}, draws=40_000).agrees
    assert "refuted" not in m.text() and "\\mathbb{E}" in m.html()


def test_a_corrupted_line_is_seen() -> None:
    z, _, a = layer()
    m = sn.variance(a[at_i], {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v)})
    m.record.then(from_sympy(D * s2 * v), "wrong")
    assert m.checks()[-1].verdict == "refuted"


@pytest.mark.parametrize("act", [sn.tanh, sn.gelu, sn.silu, sn.elu, sn.softplus, sn.leaky_relu])
def test_layers_under_gaussian_pre_activations(act: Any) -> None:
    z, h, a = layer(act)
    m = sn.variance(a[at_i], {W: sn.laws.symmetric(s2), z: sn.laws.gaussian(1)})
    assert all(c.verdict in ("proved", "evaluated") for c in m.checks()[1:])
    record = sn.ACTIVATIONS[act.__name__]
    u = sympy.Symbol("u", real=True)
    g = sympy.lambdify(u, record.expression(u, *(sympy.Rational(c) for _, c in record.constants)), "mpmath")
    second = mpmath.quad(lambda t: g(t) ** 2 * mpmath.npdf(t), [-12, -3, 0, 3, 12])
    from symnn.theory.numbers import number

    units = number(m.result, m.laws) / number(from_sympy(D * s2), m.laws)
    assert units == pytest.approx(float(second), rel=1e-10)


def test_gradients_too() -> None:
    z, _, a = layer()
    back = sn.vjp(a, "z")
    up = back.upstream
    assert up is not None
    laws = {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v), up: sn.laws.any_law(0, q)}
    m = sn.variance(back.result, laws, assuming=("the gradient that arrives is independent of W and z",))
    assert m.value == H * q * s2 / 2 and all(c.verdict == "proved" for c in m.checks()[1:])
    assert m.assumptions and m.assumptions[0] in m.text()


def test_a_mean_without_a_name_is_left_whole() -> None:
    found = initialisation("mish").backward
    assert found is not None
    assert len(found.moment.steps) == 8 and found.moment.rules[-1] == "variance of the law"


def test_what_the_small_steps_do_not_reach_is_taken_in_one_go_and_said() -> None:
    r, c = sn.indices("r c")
    u = sn.input("u", (H,))
    back = sn.define("back", (c,), sn.sum(W[r, c] * u[r], r))
    y = sn.define("y", (i,), sn.sum(W[i, j] * back[j], j))
    random = {W: sn.laws.gaussian(s2), u: sn.laws.gaussian(v)}
    m = sn.expectation((y[at_i] + u[at_i] * sn.sum(back[j] ** 2, j)) ** 2, random)
    assert m.rules[-1].startswith("joint cumulants") and m.checks()[-1].verdict == "evaluated"
    assert m.by_sample(draws=30_000).verdict == "evaluated"
    plain = sn.expectation(y[at_i] ** 2, random)
    assert plain.equals(v * s2**2 * (D**2 + 2 * D + (H - 1) * D)).verdict == "proved"
    assert plain.equals(v * s2**2 * (D**2 + D + (H - 1) * D)).verdict == "refuted"
    m.record.steps[-1] = m.record.steps[-1].__class__(from_sympy(D * v), m.record.steps[-1].rules)
    m._checks = None
    assert m.checks()[-1].verdict == "refuted"


# -- by numbers --------------------------------------------------------------------------------------------------------


def test_a_moment_by_quadrature_over_every_entry_and_by_a_sample() -> None:
    z, _, a = layer()
    m = sn.variance(a[at_i], {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v)})
    found = m.by_quadrature()
    assert found.verdict == "evaluated" and found.worst is not None and found.worst < 1e-14 and "3 laws" in found.detail
    assert m.by_sample(draws=20_000).verdict == "evaluated"
    b = sn.define("b", (i,), sn.sum(W[i, j] * z[j], j))
    shared = sn.covariance(b[at_i], b[at_k], {W: sn.laws.gaussian(s2, q), z: sn.laws.uniform(v)})
    assert shared.by_quadrature().points > 2  # one unit, and two
    t, w = sn.input("t", ()), sn.parameter("w", (D,))
    masked = sn.expectation((t[()] - sn.sum(x[j] * w[j], j)) ** 2, {x: sn.laws.bernoulli(q)})
    assert masked.by_quadrature().verdict == masked.by_sample(draws=20_000).verdict == "evaluated"


@pytest.mark.parametrize("kind", ["silu", "gelu_tanh", "softsign", "mish"])
def test_every_activation_has_both_conditions(kind: str) -> None:
    found = initialisation(kind)
    assert found.backward is not None
    for condition, g in ((found.forward, found.gain.forward), (found.backward, found.gain.backward)):
        fan = FAN_IN if condition is found.forward else FAN_OUT
        assert g is not None and float(condition.variance * fan) == pytest.approx(float(g) ** 2, rel=1e-9)
        assert all(c.verdict in ("proved", "evaluated") for c in condition.moment.checks()[1:])


def test_a_bend_anywhere_is_integrated_over() -> None:
    z = sympy.Symbol("z", real=True)
    for f in (sympy.Max(0, z - 3), sympy.Max(0, z - sympy.Rational(3, 10)), z / sympy.sqrt(1 + z**2), z**2):
        checks = initialisation(f, z).forward.moment.checks()[1:]
        assert all(c.verdict in ("proved", "evaluated") for c in checks), f


@pytest.mark.parametrize("act", [sn.tanh, sn.relu, sn.gelu, sn.softplus])
def test_moments_of_functions_settle(act: Any) -> None:
    z, h, _ = layer(act)
    m = sn.variance(h[at_j] + x[at_j], {z: sn.laws.gaussian(1), x: sn.laws.rademacher(v)})
    found = m.by_quadrature()
    assert found.verdict == "evaluated" and found.worst is not None and found.worst < 1e-10


SLIGHT = D * s2 * v / 2 + sympy.Rational(1, 10**8)


@pytest.mark.parametrize("wrong", [D * s2 * v, H * s2 * v / 2, SLIGHT, D * s2**2 * v / 2])
def test_a_wrong_result_is_seen_by_quadrature(wrong: Any) -> None:
    z, _, a = layer()
    m = sn.variance(a[at_i], {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v)})
    m.record.then(from_sympy(wrong), "wrong")
    assert m.by_quadrature().verdict == "refuted"
    assert m.by_sample(draws=50_000).verdict == ("evaluated" if wrong is SLIGHT else "refuted")


def test_a_variance_in_the_place_of_a_covariance_is_seen() -> None:
    z = sn.input("z", (D,))
    b = sn.define("b", (i,), sn.sum(W[i, j] * z[j], j))
    laws = {W: sn.laws.gaussian(s2, q), z: sn.laws.any_law(0, v)}
    m = sn.covariance(b[at_i], b[at_k], laws)
    m.record.then(from_sympy(D * v * (q**2 + s2)), "right for one unit only")
    assert m.by_quadrature().verdict == "refuted"


def _put(m: sn.Moment, wrong: Any) -> sn.Moment:
    m.record.then(m.claim_at(from_sympy(sympy.sympify(wrong))), "wrong")
    return m


def test_sizes_and_positions_that_would_hide_a_fault() -> None:
    square = {x: sn.laws.gaussian(v)}
    for wrong in (4 * D * v**2, 2 * D**2 * v**2, 8 * v**2):  # right at D = 2
        assert _put(sn.expectation(sn.sum(x[j] ** 2, j) ** 2, square), wrong).by_quadrature().verdict == "refuted"
    A, B, K = sn.input("A", (N, D)), sn.input("B", (D, H)), sympy.KroneckerDelta
    free = sn.expectation(sn.sum(A[n, j] * B[j, k], j, n, k) ** 2, {A: sn.laws.rademacher(), B: sn.laws.rademacher()})
    assert free.by_quadrature().verdict == "evaluated"
    assert _put(free, N**2 * D).by_quadrature().verdict == "refuted"
    t = sn.index("t", D)
    prefix = sn.variance(sn.sum(sn.where(t >= j, 1, 0) * x[j], j), square)
    assert _put(prefix, v).by_quadrature().verdict == "refuted"  # right at t = 0
    a, b, c, d = (sn.index(letter, D) for letter in "abcd")
    four = sn.expectation(x[a] * x[b] * x[c] * x[d], square)
    assert four.by_quadrature().verdict == "evaluated"
    assert _put(four, 3 * v**2 * K(a, b) * K(b, c) * K(c, d)).by_quadrature().verdict == "refuted"


def test_rare_events_and_small_numbers() -> None:
    y = sn.input("y", ())
    signs = sn.expectation(y[()] ** 2, {y: sn.laws.rademacher(v)})
    assert signs.by_sample(draws=100).verdict == signs.by_quadrature().verdict == "evaluated"  # constant, rightly so
    unseen = sn.expectation(sn.indicator(y[()] > 6), {y: sn.laws.gaussian(1)})
    assert unseen.by_sample(draws=1000).verdict == "not run"
    normal = {y: sn.laws.gaussian(1)}
    for f in (sympy.Max(0, y[()] - 5), sn.indicator(y[()] > 5)):
        assert sn.expectation(f, normal).by_quadrature().verdict in ("evaluated", "not run")
        assert _put(sn.expectation(f, normal), 0).by_quadrature().verdict != "evaluated"
    rare = {y: sn.laws.bernoulli(sympy.Rational(1, 10000))}
    assert sn.expectation(y[()], rare).by_quadrature().verdict == "evaluated"
    assert _put(sn.expectation(y[()], rare), 0).by_quadrature().verdict == "refuted"
    assert _put(sn.expectation(y[()] ** 2 / 10**14, normal), 3e-14).by_quadrature().verdict == "refuted"
    unnamed = sn.expectation(sympy.tanh(y[()]) ** 2, normal)
    assert unnamed.by_quadrature().verdict == "evaluated"
    unnamed.record.then(mul(num(7), unnamed.record.result), "wrong")
    assert unnamed.by_quadrature().verdict == unnamed.by_sample(draws=2000).verdict == "refuted"


def test_what_is_held_stays_where_it_is_defined() -> None:
    w = sn.input("w", (D,), positive=True)
    logs = sn.expectation(sn.sum(sympy.log(w[j]) * x[j] ** 2, j), {x: sn.laws.uniform(v)})
    assert logs.by_quadrature().verdict == "evaluated"
    z = sn.input("z", (D,))
    h = sn.tanh(z)
    random = {W: sn.laws.symmetric(s2), h: sn.laws.any_law(0, v)}
    m = sn.variance(sn.sum(W[at_i, j] * h[j], j), random, assuming=("so",))
    assert m.by_quadrature().verdict == m.by_sample(draws=5000).verdict == "evaluated"


def test_what_quadrature_cannot_do_is_said() -> None:
    lone = Law("odd", lambda n: from_sympy(sympy.Integer(0)), True)
    assert "no quadrature rule" in sn.expectation(x[at_j], {x: lone}).by_quadrature().detail
    assert sn.expectation(x[at_j], {x: lone}).by_sample().verdict == "not run"
    big = sn.input("big", (3, 4, 5))
    a, b, c = sn.indices("a b c")
    m = sn.expectation(sn.sum(big[a, b, c], a, b, c) ** 2, {big: sn.laws.gaussian(1)})
    assert m.by_quadrature().verdict == "not run" and "60 random entries" in m.by_quadrature().detail


def test_half_a_gauss_rule_is_exact_on_either_side() -> None:
    from symnn.theory.laws import half_normal

    for n in (1, 2, 3, 7, 16):
        nodes, weights = half_normal(n)
        for power in range(2 * n):
            exact = 2 ** ((power - 1) / 2) * float(mpmath.gamma((power + 1) / 2)) / np.sqrt(2 * np.pi) * np.sqrt(1)
            assert (weights * np.where(nodes > 0, nodes, 0) ** power)[n:].sum() == pytest.approx(exact, rel=1e-12)


def test_panels_agree_with_closed_forms_and_see_what_is_wrong() -> None:
    from symnn.theory.panels import Raw, compared

    z, rho = sympy.Symbol("z", real=True), sympy.Symbol("rho", real=True)
    relu = sympy.Max(0, z)
    right = sn.gaussian_product(relu, relu, z, variances=(1, 1), correlation=rho).closed
    raw = Raw(relu, z, relu, correlation=rho, values={rho: -0.4})
    assert [c.verdict for c in compared([(raw, right)], 50_000)] == ["evaluated"] * 2
    assert compared([(raw, right * (1 + sympy.Rational(1, 10**8)))], 1000)[0].verdict == "refuted"
    assert [c.verdict for c in compared([(raw, right), (raw, 2 * right)], 50_000)] == ["refuted"] * 2
    assert Raw(z**2, z, variances=(q, 1), values={q: 3}).integrated() == pytest.approx(3, rel=1e-14)
    with pytest.raises(sn.MomentError, match="one number"):
        Raw(z, z, z, correlation=1).integrated()


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_what_no_law_knows_is_refused() -> None:
    with pytest.raises(sn.MomentError, match="E\\[x\\^4\\]"):
        sn.expectation(x[at_j] ** 4, {x: sn.laws.symmetric(v)})
    with pytest.raises(sn.MomentError, match="several random entries"):
        sn.expectation(sympy.tanh(sn.sum(x[j], j)), {x: sn.laws.gaussian(1)})


def test_tensors_that_depend_on_each_other_are_not_independent() -> None:
    z, h, a = layer()
    with pytest.raises(sn.MomentError, match="h|relu.*computed from"):
        sn.variance(a[at_i], {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v), h: sn.laws.symmetric(v)})


@pytest.mark.parametrize("law", ["gaussian", "uniform", "rademacher", "symmetric"])
def test_a_variance_of_zero_is_refused(law: str) -> None:
    for bad in (0, -1):
        with pytest.raises(sn.MomentError, match="must be > 0"):
            getattr(sn.laws, law)(bad)


def test_no_positive_solution_is_said() -> None:
    m = sn.variance(x[at_j], {x: sn.laws.symmetric(s2)})
    with pytest.raises(sn.MomentError, match="no positive solution"):
        m.solved(s2, -v)


def test_nothing_random_is_said() -> None:
    with pytest.raises(sn.DefinitionError, match="Nothing in it is random"):
        sn.expectation(x[at_j], {W: sn.laws.gaussian(1)})


# -- initial variances -------------------------------------------------------------------------------------------------


def test_published_conditions_are_solved_for() -> None:
    assert kaiming() == 2 / FAN_IN and kaiming(mode="fan_out") == 2 / FAN_OUT
    assert lecun() == 1 / FAN_IN and xavier() == 2 / (FAN_IN + FAN_OUT)
    assert sympy.simplify(uniform_bound(xavier()) - sympy.sqrt(6) / sympy.sqrt(FAN_IN + FAN_OUT)) == 0
    slope = sympy.Rational(1, 5)
    assert kaiming("leaky_relu", slope=slope) == 2 / ((1 + slope**2) * FAN_IN)


def test_half_the_variance_needs_no_gaussian() -> None:
    found = initialisation("relu")
    assert found.forward.exact and not any("Gaussian" in a for a in found.forward.moment.assumptions)


def test_an_activation_of_one_s_own() -> None:
    z = sympy.Symbol("z", real=True)
    mine = initialisation(z * sympy.tanh(sympy.log(1 + sympy.exp(z))), z)
    listed = initialisation("mish")
    assert float(mine.forward.variance / listed.forward.variance) == pytest.approx(1, rel=1e-12)
    s = sympy.Symbol("s", positive=True)
    assert sympy.simplify(kaiming(sympy.Piecewise((z, z > 0), (s * z, True)), z=z) - 2 / ((1 + s**2) * FAN_IN)) == 0


def test_numbers_for_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from symnn.cli import main

    assert main(["init", "tanh", "--fan-in", "256", "--fan-out", "128", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["numbers"]["forward"]["std"] == pytest.approx(1.592537419722831 / 16, rel=1e-12)
    assert found["numbers"]["compromise"]["bound"] == pytest.approx(
        (3 * found["numbers"]["compromise"]["variance"]) ** 0.5
    )
    assert main(["init", "relu", "--fan-in", "50", "--fan-out", "20"]) == 0
    assert "2/fan_in" in capsys.readouterr().out
    assert main(["init", "nothing", "--fan-in", "1", "--fan-out", "1"]) == 2


def test_an_activation_of_one_s_own_in_the_shell(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    import json

    from symnn.cli import main

    plot = tmp_path / "plot.svg"
    asked = ["init", "z*tanh(log(1 + exp(z)))", "--fan-in", "256", "--fan-out", "128", "--json"]
    assert main([*asked, "--plot", str(plot), "--depth", "4", "--width", "32"]) == 0
    mine = json.loads(capsys.readouterr().out)
    assert main(["init", "mish", *asked[2:]]) == 0
    listed = json.loads(capsys.readouterr().out)
    for way in ("forward", "backward", "compromise"):
        assert mine["numbers"][way]["std"] == pytest.approx(listed["numbers"][way]["std"], rel=1e-12)
    assert plot.read_text().startswith("<svg") and "4 layers of width 32" in plot.read_text()
    for formula, words in {
        "z*y": "has the names z, y", "3": "has no name", "sum(z)": "a sum that is no linear map",
        "0*z": "no node enters", "exp(z**2)": "does not exist", "z +": "a bracket was expected", "__import__('os')": "",
    }.items():  # fmt: skip
        assert main(["init", formula, "--fan-in", "4", "--fan-out", "4"]) == 2
        assert words in capsys.readouterr().err
    assert main(["init", "z**2", "--fan-in", "4", "--fan-out", "4", "--value", "slope=1"]) == 2


def test_the_plot_of_conditions() -> None:
    z = sympy.Symbol("z", real=True)
    found = initialisation(z / (1 + sympy.Abs(z)), z)
    p = found.signal(4, 24)
    assert [float(p.forward[name]) for name in p.layers] == pytest.approx([1] * 4, rel=1e-9)
    assert "4 layers of width 24" in found.picture(4, 24, draws=3)
    with pytest.raises(sn.DefinitionError, match="two layers"):
        found.signal(1)
    with pytest.raises(sn.DefinitionError, match="at most"):
        found.picture(30, 100_000)
