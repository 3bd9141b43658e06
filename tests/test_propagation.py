"""Signal propagation: what is predicted against what is measured, node by node; and what is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy

import symnn as sn
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.theory.errors import MomentError
from symnn.theory.gains import gain
from symnn.theory.propagation import Propagation, predict
from symnn.theory.propagation_map import Grid, VarianceMap, second, slope_second
from symnn.theory.propagation_picture import Curve, chart
from symnn.theory.propagation_reading import Z, read_node
from symnn.theory.propagation_spectrum import jacobian, singular_values
from symnn.theory.schemes import VARIANCES, starts

N, D, H = sn.dims("N D H")
X = sn.input("x", (N, D))
n, i, j, k = sn.indices("n i j k")


def chain(kind: str, depth: int) -> sn.Tensor:
    a = sn.dense(X, D)
    for _ in range(depth - 1):
        a = sn.dense(sn.activation(kind, a), D)
    return a


def near(p: Propagation, terms: Any, seen: Any, name: str, way: str) -> float:
    """Return how many standard errors a measured mean is from the prediction with its term of order 1/width."""
    found = getattr(seen, way)[name]
    predicted = float(getattr(p, way)[name])
    return abs(found.mean - predicted * (1 + getattr(terms, way)[name])) / max(found.error, 1e-12 * predicted)


# -- predicted against measured ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sn.ACTIVATIONS)
def test_every_activation(kind: str) -> None:
    weight = float(gain(kind).forward) ** 2
    p = predict(chain(kind, 6), weights={"W1": 1 / D, **{f"W{k}": weight / D for k in range(2, 7)}})
    for name in p.layers:
        assert float(p.forward[name]) == pytest.approx(1, rel=1e-9)
    seen, terms = p.measure(60, 2, {D: 64, N: 1}), p.width_terms({D: 64})
    for way in ("forward", "backward"):
        for name in p.layers[:-1]:
            assert near(p, terms, seen, name, way) < 5, (name, way)
    assert p.slope == pytest.approx(float(gain(kind).slope), rel=1e-9)


def test_terms_of_order_one_over_width_are_there() -> None:
    weight = float(gain("softplus").forward) ** 2
    p = predict(chain("softplus", 4), weights={"W1": 1 / D, **{f"W{k}": weight / D for k in range(2, 5)}},
                sizes={"D": 12})  # fmt: skip
    seen, terms = p.measure(1500, 1, {"N": 8}), p.width_terms()
    found, predicted = seen.backward["a1"], float(p.backward["a1"])
    print(found, predicted, terms.backward["a1"])
    assert abs(found.mean - predicted) > 4 * found.error
    assert near(p, terms, seen, "a1", "backward") < 4
    assert terms.trusted("a4")


def test_a_linear_chain_has_no_such_terms() -> None:
    terms = predict(chain("linear", 6), weights="lecun", sizes={D: 16}).width_terms()
    assert all(abs(c) < 1e-6 for c in (*terms.forward.values(), *terms.backward.values()))
    assert terms.spread["a6"] == pytest.approx(math.sqrt(5 * 2 / 16), rel=1e-4)


def test_exact_values_of_relu() -> None:
    p = predict(chain("relu", 5), weights="he")
    assert [p.forward[a] for a in p.layers] == [2] * 5
    assert {p.chi[a] for a in p.layers[1:]} == {1} and p.backward["a1"] == 1 and p.backward["x"] == 2
    s = sympy.Symbol("s", positive=True)
    q = predict(chain("relu", 3), weights=lambda fan_in, fan_out: s / fan_in)
    assert sympy.simplify(q.forward["a3"] - s**3 / 4) == 0
    assert sympy.simplify(q.backward["a1"] - s**2 / 4) == 0


def test_widths_that_differ_and_biases() -> None:
    E = sn.dims("E")
    net = sn.dense(sn.tanh(sn.dense(sn.relu(sn.dense(X, H)), E)), D)
    p = predict(net, weights="xavier", biases=0.1, sizes={D: 40, H: 90, E: 60}, input_second_moment=2)
    seen, terms = p.measure(300, 3, {N: 1}), p.width_terms()
    for way in ("forward", "backward"):
        for name in ("a1", "a2"):
            assert near(p, terms, seen, name, way) < 5, (name, way)
    fan_out = 2 / (90 + 60) * 60
    assert p.chi["a2"] == pytest.approx(fan_out / 2)
    assert seen.norms["a1"].mean == pytest.approx(90 * seen.backward["a1"].mean)


def test_residual_network() -> None:
    y = sn.dense(X, D)
    for _ in range(4):
        y = sn.residual(y, sn.dense(sn.tanh(sn.dense(y, H)), D))
    p = predict(y, weights="lecun", biases=0.05, sizes={D: 96, H: 64})
    assert len(p.layers) == 4 and "uncorrelated" in " ".join(p.assumptions)
    assert float(p.forward["y"]) == pytest.approx(float(p.forward["a1"]) + float(p.forward["a3"]))
    seen = p.measure(120, 0, {N: 1})
    for way, found in (("forward", seen.forward), ("backward", seen.backward)):
        for name, e in found.items():
            predicted = float(getattr(p, way)[name])
            # no term of order 1/width is derived where branches join: 4 blocks / 64
            assert abs(e.mean - predicted) < 4 * e.error + predicted * 4 / 64, (name, way)
    with pytest.raises(MomentError, match="no fixed point of the whole"):
        _ = p.fixed_point
    with pytest.raises(MomentError, match="chains only"):
        p.width_terms()


def test_the_same_node_twice_in_a_sum() -> None:
    a = sn.dense(X, D)
    p = predict(sn.residual(a, sn.residual(a, sn.dense(a, D))), weights="lecun")
    assert p.forward["y_2"] == 5  # (2 a + W a)^2
    seen = p.measure(300, 0, {D: 64, N: 1})
    for way, found in (("forward", seen.forward), ("backward", seen.backward)):
        for name, e in found.items():
            assert abs(e.mean - float(getattr(p, way)[name])) < 5 * e.error + 1e-12, (name, way)


def test_a_users_own_definitions() -> None:
    a = sn.dense(X, D)
    h = sn.define("swirl", (n, i), sympy.sin(a[n, i]) + a[n, i] ** 2 / 4)
    U, c, V = sn.parameter("U", (H, D)), sn.parameter("c", (H,)), sn.parameter("V", (D, H))
    g = sn.define("g", (n, i), sn.where(sn.sum(U[i, j] * h[n, j], j) + c[i] > 0,
                                        2 * sn.sum(U[i, k] * h[n, k], k) + 2 * c[i], 0))  # fmt: skip
    y = sn.define("out", (n, i), sn.sum(V[i, j] * g[n, j], j) / sympy.sqrt(H))
    p = predict(y, weights={"W1": 1 / D, U: 1 / D, "V": 1}, biases={"b1": 0, "c": 0.25}, sizes={D: 80, H: 64})
    q = float(p.forward["swirl"]) + 0.25
    assert float(p.forward["g"]) == pytest.approx(2 * q) and float(p.forward["out"]) == pytest.approx(2 * q)
    seen = p.measure(150, 4, {N: 1})
    for way, found in (("forward", seen.forward), ("backward", seen.backward)):
        for name, e in found.items():
            predicted = float(getattr(p, way)[name])
            assert abs(e.mean - predicted) < 4 * e.error + predicted * 3 / 64, (name, way)


def test_functions_of_functions() -> None:
    p = predict(sn.dense(sn.tanh(sn.relu(sn.dense(X, D))), D), weights="he", sizes={D: 64})
    assert float(p.forward["h1"]) == 1
    seen = p.measure(300, 0, {N: 1})
    for way, found in (("forward", seen.forward), ("backward", seen.backward)):
        for name, e in found.items():
            predicted = float(getattr(p, way)[name])
            assert abs(e.mean - predicted) < 4 * e.error + predicted * 2 / 64, (name, way)


def test_a_value_that_is_carried_twice() -> None:
    h = sn.tanh(sn.dense(X, D))
    p = predict(sn.residual(h, sn.residual(h, sn.dense(h, D))), weights="lecun", sizes={D: 64})
    assert float(p.forward["y_2"]) == pytest.approx(5 * float(p.forward["h1"])) and p.backward["h1"] == 5
    assert float(p.backward["a1"]) == pytest.approx(5 * float(slope_second(sympy.tanh(Z), sympy.S.One)))
    assert abs((found := p.measure(200, 0, {N: 1}).backward["a1"]).mean - float(p.backward["a1"])) < 5 * found.error


def test_a_wrong_variance_is_seen() -> None:
    right = predict(chain("relu", 5), weights="he", sizes={D: 64})
    wrong = predict(chain("relu", 5), weights=lambda fan_in, fan_out: 2.6 / fan_in, sizes={D: 64})
    seen, terms = right.measure(150, 0, {N: 1}), right.width_terms()
    assert near(right, terms, seen, "a5", "forward") < 4
    assert near(wrong, terms, seen, "a5", "forward") > 8
    assert near(wrong, terms, seen, "a1", "backward") > 8


# -- networks ----------------------------------------------------------------------------------------------------------


def test_a_network_is_followed_up_to_its_logits() -> None:
    t = sn.labels("t", (N,), 10)
    net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(sn.relu(sn.dense(X, H)), 10)), t))
    p = predict(net, weights="he", output_gradient=0.5)
    assert p.output.name == "a2" and p.backward["a2"] == sympy.Rational(1, 2)
    assert p.assumptions[0].startswith("the gradient at a2 is taken as given")
    assert p.forward["a2"] == 2 and "assumed" in repr(p)
    regression = sn.Network(sn.mse(sn.dense(sn.tanh(sn.dense(X, H)), 3), sn.input("t", (N, 3))))
    assert predict(regression, weights="he").output.name == "a2"


@pytest.mark.parametrize(
    ("scheme", "wanted"), [("he", 2 / 30), ("xavier", 2 / 80), ("lecun", 1 / 30), ("naive", 1 / 90)]
)
def test_named_schemes_are_those_of_their_papers(scheme: str, wanted: float) -> None:
    assert float(VARIANCES[scheme](sympy.Integer(30), sympy.Integer(50))) == pytest.approx(wanted)


def test_a_network_starts_from_the_variances_that_its_own_forward_pass_asks_for() -> None:
    t = sn.labels("t", (N,), 10)
    slope, E = sn.scalars("s", positive=True), sn.dims("E")
    h = sn.tanh(sn.dense(sn.relu(sn.dense(X, H)), E))
    h = sn.layer_norm(sn.dense(h, D))
    net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(sn.leaky_relu(h, slope=slope), 10)), t))
    found = net.initial_variances()
    assert found["W1"].variance == 1 / D and "second moment 1 assumed" in found["W1"].why
    assert found["W2"].variance == 2 / H
    assert float(found["W3"].variance * E) == pytest.approx(1.592537419722831**2)
    assert found["W4"].variance == 1 / D and "symbols" in found["W4"].why  # the slope is a symbol
    back = net.initial_variances("backward")
    assert back["W2"].variance == 2 / E
    both = net.initial_variances("compromise")["W2"].variance
    assert sympy.simplify(both - 2 / (H / 2 + E / 2)) == 0
    made = net.init(D=40, H=300, E=200, seed=3)
    assert made["W2"].var() == pytest.approx(2 / 300, rel=0.02) and not made["b2"].any()
    assert not net.init(D=4, H=3, E=2, scheme="zeros")["W2"].any()
    with pytest.raises(UnknownNameError, match="Did you mean 'he'"):
        net.init(D=4, H=3, E=2, scheme="hee")


def test_initial_variances_of_what_is_no_plain_chain() -> None:
    e, c, q, K = *sn.indices("e c q"), sn.dims("K")
    t = sn.index("t", 18)
    F, G, s = sn.parameter("F", (8, 4, 3)), sn.parameter("G", (8, 8, 5)), sn.input("s", (N, 4, 20))
    first = sn.define("first", (n, e, t), sn.sum(F[e, c, q] * s[n, c, t + q], c, q))
    h, far = sn.relu(first), sn.index("t", 14)
    second = sn.define("second", (n, e, far), sn.sum(G[e, c, q] * h[n, c, far + q], c, q))
    found = starts([first, h, second], [F, G], "forward")
    assert found["F"].variance == sympy.Rational(1, 12) and found["G"].variance == sympy.Rational(2, 40)
    assert starts([first, h, second], [F, G], "backward")["G"].variance == sympy.Rational(2, 40)
    y = sn.labels("y", (N,), K)
    table = sn.parameter("E", (K, D))
    looked = sn.define("looked", (n, i), table[y[n], i])
    assert starts([looked], [table], "forward")["E"].variance == 1
    two = sn.define("two", (n, i), sn.sum(sn.parameter("A", (H, D))[i, j] * X[n, j], j)
                    + sn.sum(sn.parameter("B", (H, D))[i, k] * sn.tanh(X)[n, k], k))  # fmt: skip
    shares = starts([sn.tanh(X), two], two.definition.args, "forward")
    assert shares["A"].variance == 1 / (2 * D) and "one of 2 maps" in shares["B"].why
    alpha = sn.scalars("alpha", positive=True)
    scaled = sn.define("scaled", (i,), alpha * sn.sum(sn.parameter("U", (H, D))[i, j] * sn.input("v", (D,))[j], j))
    assert "alpha is not counted" in starts([scaled], scaled.definition.args, "forward")["U"].why
    net = sn.Network(sn.define("loss", (), sn.sum(scaled[i] ** 2, i)))
    assert np.isfinite(net.init(D=3, H=4)["U"]).all()
    for odd in (sympy.exp(Z**2), sn.where(Z > 60, 1, 0), sympy.Max(0, Z - 20), sympy.sqrt(sympy.Abs(Z))):
        h = sn.define("odd", (n, i), odd.subs(Z, X[n, i]))
        last = sn.define("last", (n, i), sn.sum(sn.parameter("L", (H, D))[i, j] * h[n, j], j))
        for scheme in ("forward", "backward", "compromise"):
            start = starts([h, last], last.definition.args, scheme)["L"]
            assert start.variance.is_positive and start.variance.is_finite is not False, (odd, scheme)


def test_weights_from_the_forward_scheme_keep_second_moments() -> None:
    for kind in ("tanh", "relu", "gelu"):
        p = predict(chain(kind, 4), weights="forward")
        assert [float(p.forward[a]) for a in p.layers] == pytest.approx([1] * 4, rel=1e-9)


def test_fans_are_read_from_the_node_and_not_from_the_shape() -> None:
    U = sn.parameter("U", (D, H))  # the wrong way round for the shape
    y = sn.define("y", (n, i), sn.sum(X[n, j] * U[j, i], j) / 2)
    assert starts([y], [U], "forward")["U"].variance == 4 / D
    odd = sn.define("odd", (n, i), sn.sum(X[n, j] * sympy.exp(U[j, i]), j))
    assert (
        starts([odd], [U], "forward")["U"].variance == 1 / H
        and "no single value" in starts([odd], [U], "forward")["U"].why
    )


# -- the variance map --------------------------------------------------------------------------------------------------


def test_fixed_points() -> None:
    relu, tanh = sympy.Max(0, Z), sympy.tanh(Z)
    assert VarianceMap(relu, 2).fixed_point().every
    assert VarianceMap(relu, sympy.Rational(3, 2), 1).fixed_point().q == pytest.approx(4)
    assert VarianceMap(relu, 1).fixed_point().q == 0 and VarianceMap(relu, 3).fixed_point().q == sympy.oo
    edge = VarianceMap(tanh, sympy.Rational(44, 25), sympy.Rational(1, 20)).fixed_point()
    assert edge.stable and edge.chi == pytest.approx(1, abs=1e-3)  # Schoenholz et al. 2017
    point = VarianceMap(tanh, 3, 0.2)
    (q,) = point.fixed_points()
    assert point(q) == pytest.approx(q, rel=1e-12) and point.orbit(1, 60)[-1] == pytest.approx(q, rel=1e-9)
    step = 1e-4
    assert point.slope(q) == pytest.approx((point(q + step) - point(q - step)) / (2 * step), rel=1e-6)
    silu = VarianceMap(Z / (1 + sympy.exp(-Z)), float(gain("silu").forward) ** 2)
    assert not silu.fixed_point().stable and "unstable" in str(silu.fixed_point())
    s, b = sympy.symbols("s b", positive=True)
    (rest,) = VarianceMap(relu, s, b).fixed_points()
    assert sympy.simplify(rest - b / (1 - s / 2)) == 0


@pytest.mark.parametrize("kind", ["tanh", "relu", "gelu", "hard_tanh"])
def test_grid_and_integrals_agree(kind: str) -> None:
    g = sn.ACTIVATIONS[kind].expression(Z)
    grid = Grid(g)
    for q in (0.3, 2.0):
        assert grid.mean(grid.values(q) ** 2) == pytest.approx(float(second(g, q)), rel=1e-5)
        assert grid.mean(grid.slopes(q) ** 2) == pytest.approx(float(slope_second(g, q)), rel=2e-3)


# -- Jacobians ---------------------------------------------------------------------------------------------------------


def test_orthogonal_linear_nets_are_isometries() -> None:
    net = chain("linear", 4)
    assert np.allclose(singular_values(net, X, {D: 12}, orthogonal=True), 1)
    assert singular_values(net, X, {D: 12}).max() > 1.2
    assert np.allclose(singular_values(net, X, {D: 12}, orthogonal=True, weights=4 / D), 4**2)


def test_the_jacobian_is_that_of_the_chain_rule() -> None:
    x = sn.input("x", (D,))
    net = sn.dense(sn.tanh(sn.dense(x, H)), D)
    rng = np.random.default_rng(0)
    arrays = {"x": rng.standard_normal(5), "W1": rng.standard_normal((4, 5)), "b1": rng.standard_normal(4),
              "W2": rng.standard_normal((5, 4)), "b2": rng.standard_normal(5)}  # fmt: skip
    slope = 1 - np.tanh(arrays["W1"] @ arrays["x"] + arrays["b1"]) ** 2
    assert np.allclose(jacobian(net, x, arrays, {D: 5, H: 4}), arrays["W2"] @ np.diag(slope) @ arrays["W1"])
    batched = sn.dense(sn.tanh(sn.dense(X, H)), D)
    rows = {**arrays, "x": arrays["x"][None]}
    assert np.allclose(jacobian(batched, X, rows, {D: 5, H: 4, N: 1}), arrays["W2"] @ np.diag(slope) @ arrays["W1"])


# -- showing -----------------------------------------------------------------------------------------------------------


def test_picture() -> None:
    p = predict(chain("tanh", 4), weights="lecun", sizes={D: 16})
    picture = p.picture(p.measure(4, 0, {N: 2}), "a title & more")
    root = ElementTree.fromstring(picture)
    words = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a title & more", "forward, measured", "backward, predicted", "layer"} <= set(words)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 4 + 3 + 2
    ElementTree.fromstring(chart([Curve("one", [1, 2], [math.nan, 3.0])]))


# -- refusals ----------------------------------------------------------------------------------------------------------

A = sn.dense(X, D)
B = sn.parameter("B", (D,))
TIED = sn.parameter("T", (D, D))

REFUSED: Mapping[str, tuple[Any, str]] = {
    "softmax": (lambda: sn.softmax(A), "'p'.*a sum that is no linear map"),
    "norm": (lambda: sn.layer_norm(A), "cannot follow node"),
    "a product of nodes": (lambda: sn.define("q", (n, i), A[n, i] * sn.tanh(A)[n, i]), "'q'.*more than one number"),
    "a gain": (lambda: sn.define("q", (n, i), A[n, i] * B[i]), "'q'.*B multiplies a1 entry by entry"),
    "a place": (lambda: sn.define("q", (n, i), A[n, i] * i), "'q'.*place of the entry"),
    "a mean": (lambda: sn.define("q", (n,), sn.sum(A[n, i], i) / D), "'q'.*correlated"),
    "correlated": (lambda: sn.residual(A, sn.tanh(A, name="h")), "'y' adds 'a1' and 'h': their covariance"),
    "not Gaussian": (
        lambda: sn.tanh(sn.residual(sn.dense(sn.tanh(A), D), sn.tanh(A, name="u")), name="v"), "covariance|no Gaussian",
    ),
    "not Gaussian after relu": (
        lambda: sn.relu(sn.residual(sn.relu(A), sn.dense(sn.relu(A), D)), name="v"), "'v' is a function of 'y'",
    ),
    "tied": (lambda: sn.dense(sn.tanh(sn.dense(X, D, weight=TIED)), D, weight=TIED), "T is used in"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(MomentError, match=message):
        predict(make(), weights="lecun", sizes={"D": 8})


def test_refused_arguments() -> None:
    net = chain("tanh", 2)
    with pytest.raises(DefinitionError, match="network or a computed tensor"):
        predict(3, weights="he")
    with pytest.raises(DefinitionError, match="leaf"):
        predict(X, weights="he")
    with pytest.raises(UnknownNameError, match="kaming"):
        predict(net, weights="kaming")
    with pytest.raises(DefinitionError, match="no variance for W2"):
        predict(net, weights={"W1": 1})
    with pytest.raises(MomentError, match="negative"):
        predict(net, weights=-1)
    with pytest.raises(UnknownNameError, match="size"):
        predict(net, weights="he", sizes={"K": 3})
    with pytest.raises(MomentError, match="'h1' at variance"):
        predict(net, weights=sympy.Symbol("s", positive=True))
    with pytest.raises(MomentError, match="give sizes="):
        predict(net, weights="he").measure(3, 0, {"D": 4})
    with pytest.raises(UnknownNameError):
        predict(net, weights="he").node("a9")
    s = sympy.Symbol("s", positive=True)
    with pytest.raises(MomentError, match="numbers"):
        predict(chain("relu", 2), weights=s).measure(3, 0, {"D": 4, "N": 1})


def test_reading_names_what_it_found() -> None:
    terms = read_node(sn.dense(X, H, name="9")).terms
    assert [t.matrix.name for t in terms if t.matrix is not None] == ["b9", "W9"]
    assert terms[1].fan_in == D and terms[1].fan_out == H
