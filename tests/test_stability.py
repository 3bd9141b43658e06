"""Formulas spread over several nodes: values and gradients stay finite and right where the true value is finite.

The truth is the reference interpreter on the graph as typed, with so many digits that nothing overflows or cancels,
and, for the forms everyone knows, a closed formula typed by hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import Rational, cosh, exp, log, sinh

import symnn as sn
from symnn.compile import steady as steady_module
from symnn.compile.hazards import hazards, kind_of
from symnn.compile.logarithms import expanded_logs
from symnn.compile.program import build
from symnn.compile.stabilise import stabilise
from symnn.compile.views import view
from symnn.derive.backprop import backprop
from symnn.graph.interpreter import Interpreter
from symnn.ground.sympy_border import to_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tree import Fn, Tree, walk

N, C, D = sn.dims("N C D")
n, m, c, k, d = sn.indices("n m c k d")

# -- what users type -----------------------------------------------------------------------------------------------

TYPED: dict[str, Callable[[], sn.Tensor]] = {}


def typed(f: Callable[[], sn.Tensor]) -> Callable[[], sn.Tensor]:
    TYPED[f.__name__] = f
    return f


def matrix(name: str = "z") -> tuple[sn.Tensor, sn.Tensor]:
    return sn.input(name, (N, C)), sn.labels("t", (N,), C)


def vector() -> tuple[sn.Tensor, sn.Tensor]:
    return sn.input("z", (N,)), sn.input("y", (N,))


def mean(term: Any) -> sn.Tensor:
    return sn.define("loss", (), sn.sum(term, n) / N)


def three_nodes(z: sn.Tensor, more: str = "") -> sn.Tensor:
    e = sn.define(f"e{more}", (n, c), exp(z[n, c]))
    s = sn.define(f"s{more}", (n,), sn.sum(e[n, k], k))
    return sn.define(f"p{more}", (n, c), e[n, c] / s[n])


def bernoulli(q: sn.Tensor, y: sn.Tensor) -> sn.Tensor:
    return mean(-(y[n] * log(q[n]) + (1 - y[n]) * log(1 - q[n])))


@typed
def softmax_in_three_nodes() -> sn.Tensor:
    z, t = matrix()
    return sn.cross_entropy(three_nodes(z), t)


@typed
def softmax_in_two_nodes() -> sn.Tensor:
    z, t = matrix()
    s = sn.define("s", (n,), sn.sum(exp(z[n, k]), k))
    return sn.cross_entropy(sn.define("p", (n, c), exp(z[n, c]) / s[n]), t)


@typed
def softmax_by_the_reciprocal() -> sn.Tensor:
    z, t = matrix()
    e = sn.define("e", (n, c), exp(z[n, c]))
    r = sn.define("r", (n,), 1 / sn.sum(e[n, k], k))
    return sn.cross_entropy(sn.define("p", (n, c), e[n, c] * r[n]), t)


@typed
def softmax_with_soft_targets() -> sn.Tensor:
    z, q = sn.input("z", (N, C)), sn.input("q", (N, C))
    return sn.cross_entropy(three_nodes(z), q)


@typed
def softmax_and_squares() -> sn.Tensor:
    z, q = sn.input("z", (N, C)), sn.input("q", (N, C))
    return sn.mse(three_nodes(z), q)


@typed
def probability_picked_by_a_node() -> sn.Tensor:
    z, t = matrix()
    p = three_nodes(z)
    f = sn.define("f", (n,), p[n, t[n]])
    return mean(-log(f[n]))


@typed
def logarithm_in_a_node() -> sn.Tensor:
    z, t = matrix()
    p = sn.softmax(z)
    y = sn.define("y", (n, c), log(p[n, c]))
    return sn.nll(y, t)


@typed
def logsumexp_in_two_nodes() -> sn.Tensor:
    z, t = matrix()
    s = sn.define("s", (n,), sn.sum(exp(z[n, k]), k))
    y = sn.define("y", (n, c), z[n, c] - log(s[n]))
    return sn.nll(y, t)


@typed
def logsumexp_alone() -> sn.Tensor:
    z, _ = matrix()
    e = sn.define("e", (n, c), exp(z[n, c]))
    s = sn.define("s", (n,), sn.sum(e[n, k], k))
    return mean(log(s[n]))


@typed
def focal() -> sn.Tensor:
    z, t = matrix()
    p = sn.softmax(z)
    return mean(-((1 - p[n, t[n]]) ** 2) * log(p[n, t[n]]))


@typed
def entropy() -> sn.Tensor:
    p = three_nodes(sn.input("z", (N, C)))
    return mean(-sn.sum(p[n, c] * log(p[n, c]), c))


@typed
def divergence() -> sn.Tensor:
    p, q = three_nodes(sn.input("z", (N, C))), three_nodes(sn.input("w", (N, C)), "2")
    return mean(sn.sum(p[n, c] * log(p[n, c] / q[n, c]), c))


@typed
def label_smoothing() -> sn.Tensor:
    z, t = matrix()
    return sn.cross_entropy(three_nodes(z), t, label_smoothing=0.2)


@typed
def focal_of_three_nodes() -> sn.Tensor:
    z, t = matrix()
    return sn.focal(three_nodes(z), t, gamma=3)


@typed
def divergence_at_a_temperature() -> sn.Tensor:
    z, w = sn.input("z", (N, C)), sn.input("w", (N, C))
    return sn.kl(sn.softmax(w, name="q"), sn.softmax(z, temperature=3))


@typed
def distillation() -> sn.Tensor:
    return sn.distillation(sn.input("z", (N, C)), sn.input("w", (N, C)), 2)


@typed
def masked_attention_weights() -> sn.Tensor:
    z, v = sn.input("z", (N, N)), sn.input("v", (N,))
    e = sn.define("e", (n, m), sn.indicator(n >= m) * exp(z[n, m]))
    s = sn.define("s", (n,), sn.sum(e[n, k], k))
    w = sn.define("w", (n, m), e[n, m] / s[n])
    return mean(sn.sum(w[n, m] * v[m], m) ** 2)


@typed
def two_way_softmax() -> sn.Tensor:
    z, y = vector()
    e, f = sn.define("e", (n,), exp(z[n])), sn.define("f", (n,), exp(-2 * z[n]))
    return mean((e[n] / (e[n] + f[n]) - y[n]) ** 2)


@typed
def sigmoid_in_one_node_and_bce() -> sn.Tensor:
    z, y = vector()
    return bernoulli(sn.sigmoid(z, name="q"), y)


@typed
def sigmoid_in_two_nodes_and_bce() -> sn.Tensor:
    z, y = vector()
    u = sn.define("u", (n,), 1 + exp(-z[n]))
    return bernoulli(sn.define("q", (n,), 1 / u[n]), y)


@typed
def sigmoid_in_two_other_nodes_and_bce() -> sn.Tensor:
    z, y = vector()
    e = sn.define("e", (n,), exp(z[n]))
    return bernoulli(sn.define("q", (n,), e[n] / (1 + e[n])), y)


@typed
def bce_in_many_nodes() -> sn.Tensor:
    z, y = vector()
    e = sn.define("e", (n,), exp(-z[n]))
    q = sn.define("q", (n,), 1 / (1 + e[n]))
    r = sn.define("r", (n,), 1 - q[n])
    g, h = sn.define("g", (n,), log(q[n])), sn.define("h", (n,), log(r[n]))
    return mean(-y[n] * g[n] - (1 - y[n]) * h[n])


@typed
def log_sigmoid() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), exp(-z[n]))
    q = sn.define("q", (n,), 1 / (1 + e[n]))
    return mean(-log(q[n]))


@typed
def softplus_in_two_nodes() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), exp(z[n]))
    return mean(log(1 + e[n]))


@typed
def tanh_in_two_nodes() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), exp(2 * z[n]))
    return mean((e[n] - 1) / (e[n] + 1))


@typed
def tanh_of_two_exponentials() -> sn.Tensor:
    z, _ = vector()
    e, f = sn.define("e", (n,), exp(z[n])), sn.define("f", (n,), exp(-z[n]))
    return mean((e[n] - f[n]) / (e[n] + f[n]))


@typed
def silu_in_two_nodes() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), exp(-z[n]))
    return mean(z[n] / (1 + e[n]))


@typed
def log_cosh() -> sn.Tensor:
    z, y = vector()
    return mean(log(cosh(z[n] - y[n])))


@typed
def log_cosh_in_two_nodes() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), cosh(z[n]))
    return mean(log(e[n]))


@typed
def log_cosh_of_products_and_powers() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), 3 * cosh(z[n]) ** 2)
    return mean(log(e[n] * exp(z[n])))


@typed
def log_sech() -> sn.Tensor:
    z, _ = vector()
    e = sn.define("e", (n,), 1 / cosh(z[n]))
    return mean(-log(e[n]))


@typed
def sech_in_two_nodes() -> sn.Tensor:
    z, y = vector()
    e = sn.define("e", (n,), cosh(z[n]))
    return mean((1 / e[n] - y[n]) ** 2)


@typed
def tanh_of_sinh_and_cosh() -> sn.Tensor:
    z, _ = vector()
    e, f = sn.define("e", (n,), sinh(z[n])), sn.define("f", (n,), cosh(z[n]))
    return mean((e[n] / f[n]) ** 2)


@typed
def log_sinh() -> sn.Tensor:
    z, _ = vector()
    return mean(log(sinh(1 + z[n] ** 2)))


@typed
def gaussian_mixture() -> sn.Tensor:
    z, w = sn.input("z", (N, C)), sn.input("w", (C,), positive=True)
    e = sn.define("e", (n, c), w[c] * exp(-(z[n, c] ** 2) / 1000))
    s = sn.define("s", (n,), sn.sum(e[n, k], k))
    return mean(-log(s[n]))


# -- the comparison ------------------------------------------------------------------------------------------------


def values(net: sn.Network, size: float) -> dict[str, Any]:
    rows = [[size, 0, -size], [-size, -size, -size], [0, -size, 0], [1, 2, 3], [0, 0, size]]
    column = [size, -size, 0, 1, -40, 40, size / 3, -size / 3]
    made: dict[str, Any] = {}
    for name, t in net.inputs.items():
        if t.classes is not None:
            made[name] = np.array([2, 1, 2, 0, 1])  # rows 0 and 4 are wrong by the whole size
        elif t.rank == 2 and t.shape[0] == t.shape[1]:
            made[name] = np.array([[-size, 5, 5], [size, size, -size], [0, -size, 1]])
        elif t.rank == 2:
            made[name] = np.eye(3)[[2, 1, 2, 0, 1]] if name == "q" else np.array(rows) / (2 if name == "w" else 1)
        elif name == "y":
            made[name] = np.array([0, 1, 0.5, 0.25, 1, 1, 1, 0])  # rows 0 and 1 are wrong by the whole size
        elif name == "z":
            made[name] = np.array(column, dtype=float)
        else:
            made[name] = np.array([0.5, 0.25, 2.0])
    return made


def truth(net: sn.Network, given: dict[str, Any], digits: int) -> tuple[float, Any]:
    sizes = {s: a.shape[axis] for name, a in given.items() for axis, s in enumerate(net[name].shape)}
    machine = Interpreter({C: 3, **sizes}, {net[name]: a for name, a in given.items()}, digits)
    adjoint = backprop(net.loss, [net["z"]]).of[net["z"]]
    return float(machine.tensor(net.loss)[()]), np.array(machine.tensor(adjoint).tolist(), dtype=float)


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize(
    ("dtype", "size", "digits", "tol"), [("float64", 1e4, 9000, 1e-13), ("float32", 1e3, 1500, 2e-6)]
)
def test_finite_and_right_at_saturation(name: str, dtype: str, size: float, digits: int, tol: float) -> None:
    net = sn.Network(TYPED[name]())
    given = values(net, size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f = net.compile(wrt=["z"], dtype=dtype)
        loss, grads = f({}, given)
    value, gradient = truth(net, given, digits)
    # a difference of numbers of order `size` is right to that many units in the last place
    assert abs(loss - value) <= tol * max(1, abs(value), size), f.source
    assert np.isfinite(grads["z"]).all(), f.source
    top = max(1.0, float(np.abs(gradient).max()))
    np.testing.assert_allclose(grads["z"], gradient, rtol=tol, atol=tol * top, err_msg=f.source)


@pytest.mark.parametrize("name", TYPED)
def test_ordinary_values_are_the_interpreters(name: str) -> None:
    net = sn.Network(TYPED[name]())
    given = values(net, 1.5)
    loss, grads = net.compile(wrt=["z"])({}, given)
    value, gradient = truth(net, given, 40)
    assert loss == pytest.approx(value, rel=1e-13, abs=1e-14)
    np.testing.assert_allclose(grads["z"], gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "name", ["softmax_in_three_nodes", "softmax_by_the_reciprocal", "probability_picked_by_a_node"]
)
@pytest.mark.parametrize("size", [1e4, 1e300])
def test_cross_entropy_against_the_closed_form(name: str, size: float) -> None:
    net = sn.Network(TYPED[name]())
    z, t = np.array([[size, 0, -size], [-size, -size, -size], [0, -size, 0]]), np.array([0, 1, 2])
    loss, grads = net.compile(wrt=["z"])({}, {"z": z, "t": t})
    assert loss == pytest.approx((0 + np.log(3) + np.log(2)) / 3, rel=1e-14)
    p = np.array([[1, 0, 0], [1 / 3] * 3, [0.5, 0, 0.5]])
    np.testing.assert_allclose(grads["z"], (p - np.eye(3)[t]) / 3, atol=1e-16)


@pytest.mark.parametrize("name", [name for name in TYPED if "bce" in name])
def test_bce_against_the_closed_form(name: str) -> None:
    net = sn.Network(TYPED[name]())
    a, y = np.array([1e4, -1e4, -1e4, 1e4, -40.0, 40.0, 0.0]), np.array([0, 1, 0, 1, 0, 1, 0.5])
    loss, grads = net.compile(wrt=["z"])({}, {"z": a, "y": y})
    each = np.array([1e4, 1e4, 0, 0, np.exp(-40), np.exp(-40), np.log(2)])
    assert loss == pytest.approx(each.mean(), rel=1e-14)
    np.testing.assert_allclose(grads["z"], np.array([1, -1, 0, 0, np.exp(-40), -np.exp(-40), 0]) / 7, atol=1e-16)


# -- what is kept --------------------------------------------------------------------------------------------------


def test_the_derivation_shows_the_nodes_as_typed() -> None:
    net = sn.Network(softmax_in_three_nodes())
    before = str(net.gradient("z"))
    net.compile(wrt=["z"])
    assert str(net.gradient("z")) == before and "dz = (p - onehot(t)) / N" in before
    assert "de[n,c]" in net.gradient("z").text()  # the lines go through the nodes as typed


def test_an_overflowing_node_that_is_asked_for_is_returned() -> None:
    z, t = matrix()
    p = three_nodes(z)
    e = p.definition.args[0] if p.definition else None
    assert e is not None
    out = build([e, p, sn.cross_entropy(p, t)])({"z": [[800.0, 0, -800]], "t": [0]})
    assert np.isinf(out["e"][0, 0]) and out["e"][0, 1] == 1
    np.testing.assert_array_equal(out["p"], [[1, 0, 0]])
    assert out["loss"] == 0


def test_gradients_by_inner_nodes_go_through_them() -> None:
    net = sn.Network(softmax_in_three_nodes())
    given = {"z": np.array([[1.0, 2, 0.5]]), "t": np.array([1])}
    _, grads = net.compile(wrt=["e", "s", "p", "z"])({}, given)
    e = np.exp(given["z"])
    s, p = e.sum(), e / e.sum()
    onehot = np.eye(3)[[1]]
    np.testing.assert_allclose(grads["p"], -onehot / p)
    np.testing.assert_allclose(grads["s"], [1 / s])
    np.testing.assert_allclose(grads["e"], 1 / s - onehot / e)
    np.testing.assert_allclose(grads["z"], p - onehot, atol=1e-15)


def test_safe_networks_are_compiled_as_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("derived twice")

    monkeypatch.setattr(steady_module, "backprop", refuse)
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    for kind in sn.ACTIVATIONS:
        h = sn.activation(kind, sn.dense(x, 4))
        sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C)), t)).compile()


def test_a_layer_of_exponentials_stays_a_layer() -> None:
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    a = sn.dense(x, 4, name="1")
    i = sn.index("i")
    h = sn.define("h", (n, i), exp(a[n, i]))
    net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t))
    assert net.compile().source.count("xp.exp(a1") == 1


def test_deep_wild_graphs_are_judged_in_linear_time() -> None:
    z = sn.input("z", (N,))
    y = z
    for level in range(300):
        y = sn.define(f"y{level}", (n,), y[n] + exp(y[n]))
    assert view([y])[y].kind == "wild"


# -- the pieces ----------------------------------------------------------------------------------------------------


def formula(expression: Any) -> Tree:
    t = sn.define("f", (n,), expression)
    assert t.definition is not None
    return unfold(entry_of(t, t.definition.template.free))


A = sn.input("a", (N,))
P = sn.input("p", (N,), positive=True)
JUDGED = [
    (exp(A[n]), 1), (1 / (1 + exp(A[n])), 0), (exp(-A[n] ** 2), 0), (log(1 + exp(A[n])), 0), (log(A[n]), 0),
    (1 / A[n], 0), (log(P[n]), 1), (1 / P[n], 1), (log(1 - P[n]), 1), (A[n] / (1 - P[n]) ** 2, 1), (P[n] * A[n], 0),
    (sympy.Max(0, A[n]), 0), (sn.indicator(A[n] < 0) * exp(A[n]), 0), (exp(A[n]) / (exp(A[n]) + exp(-A[n])), 0),
    (exp(A[n]) / sn.sum(exp(A[k]), k), 0), (exp(A[n]) / (2 + exp(A[n]) + exp(-A[n])), 0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "count"), JUDGED, ids=[str(e) for e, _ in JUDGED])
def test_hazards_are_counted(expression: Any, count: int) -> None:
    tree = stabilise(formula(expression))
    assert hazards(tree, lambda t: "vanishing" if t.name == "p" else "tame") == count


def test_what_vanishes() -> None:
    def of(expression: Any) -> bool:
        tree = stabilise(formula(expression))
        return kind_of(tree, lambda t: "vanishing" if t.name == "p" else "tame") == "vanishing"

    assert of(P[n]) and of(P[n] ** 2 * A[n]) and of(1 - P[n]) and of(exp(-(A[n] ** 2))) and of(1 / (1 + exp(A[n])))
    assert not of(A[n]) and not of(1 + P[n]) and not of(1 / P[n])


HYPERBOLIC = [
    (sinh(A[n] - P[n]) / cosh(P[n] - A[n]), "tanh(a[n] - p[n])"),
    (A[n] * sinh(A[n]) ** 3 / (P[n] * cosh(A[n])), "sinh(a[n])**2*tanh(a[n])*a[n]/p[n]"),
    (cosh(A[n]) ** 2 / sinh(A[n]), "cosh(a[n])/tanh(a[n])"),
    (cosh(A[n]) * sinh(A[n]), "sinh(a[n])*cosh(a[n])"),
]


@pytest.mark.parametrize(("expression", "words"), HYPERBOLIC, ids=[str(e) for e, _ in HYPERBOLIC])
def test_quotients_of_hyperbolic_functions_are_bounded(expression: Any, words: str) -> None:
    made = stabilise(formula(expression))
    assert stabilise(made) == made
    assert str(to_sympy(made)) == words


def test_what_cosh_leaves_below_is_bounded() -> None:
    made = stabilise(formula(sinh(A[n]) / cosh(A[n]) ** 3))
    assert {t.name for t in walk(made) if isinstance(t, Fn)} == {"tanh", "sech"}
    assert hazards(made, lambda t: "tame") == 0


LOGS = [
    (log(1 / (1 + exp(-A[n]))), "-log(1 + exp(-a[n]))"),
    (log(1 - 1 / (1 + exp(-A[n]))), "-log(exp(a[n]) + 1)"),
    (log(exp(A[n]) / (1 + exp(A[n]))), "-log(1 + exp(-a[n]))"),
    (log(P[n] * exp(2 * A[n])), "log(p[n]) + 2*a[n]"),
    (log(Rational(1, 3) * exp(A[n])), "a[n] - log(3)"),
    (log(A[n] * P[n]), "log(a[n]*p[n])"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "words"), LOGS, ids=[str(e) for e, _ in LOGS])
def test_logarithms_of_quotients_are_differences(expression: Any, words: str) -> None:
    made = to_sympy(expanded_logs(formula(expression)))
    assert str(made) == words


@pytest.mark.parametrize("make", [
    lambda v: sympy.sign(v) * sympy.exp(-sympy.Abs(v)), lambda v: sympy.sign(v) / (1 + sympy.exp(sympy.Abs(v))),
    lambda v: v * sympy.exp(-sympy.Abs(v)),
])  # fmt: skip
def test_a_sign_beside_something_small(make: Any) -> None:
    """A value r = sign(v) exp(-|v|) is not divided by: r^2 exp(|v|) has no value where exp(-|v|) is 0."""
    N, n = sn.dims("N"), sn.index("n")
    v = sn.parameter("v", (N,))
    r = sn.define("r", (n,), make(v[n]))
    f = sn.Network(sn.define("L", (), sn.sum(r[n], n))).compile()
    _, grads = f({"v": np.array([1000.0, -800.0, 1.0])}, {})
    assert np.all(np.isfinite(grads["v"])) and np.all(grads["v"][:2] == 0)
