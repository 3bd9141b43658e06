"""Derived gradients against differences of the interpreter, and derivatives against SymPy's own at small sizes."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symnn.algebra.prove import prove_equal
from symnn.derive.backprop import backprop, formula, vjp
from symnn.derive.differentiate import differentiate
from symnn.derive.simplify import simplify
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter
from symnn.graph.wellformed import check
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError, UnsupportedError
from symnn.ground.functions import indicator, stop_gradient
from symnn.ground.functions import sum_over as S
from symnn.ground.indices import Index, index, indices
from symnn.ground.sizes import dims, scalars
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor, labels, parameter
from symnn.ground.tensors import input as data
from symnn.ground.tree import Add, Delta, Entry, Ix, Neg, tensors_in, walk
from symnn.ground.tree import D as Pending
from symnn.nn.activations import ACTIVATIONS, activation, relu, sigmoid, tanh
from symnn.nn.layers import dense, log_softmax, softmax
from symnn.nn.losses import LOSSES, bce_with_logits, cross_entropy, loss, mse, nll
from symnn.nn.penalties import l1, l2, plus
from tests.oracle import all_points, central, check_gradients, complex_step, gap, leaf_values, spread

#: Multiplies the number of random graphs, for a longer search by hand.
MORE = int(os.environ.get("SYMNN_MORE_EXAMPLES", "1"))

N, D, H, C = dims("N D H C")


# -- the zoo -----------------------------------------------------------------------------------------------------------


def weighted(y: Tensor, name: str = "l") -> Tensor:
    """A scalar that weighs every entry of y differently."""
    at = tuple(Index(letter, s) for letter, s in zip("nijkl", y.shape, strict=False))
    v = data(f"v_{name}", y.shape)
    return define(name, (), S(v[at] * y[at], *at) if at else y[()] * v[()])


@pytest.mark.parametrize("method", [complex_step, central])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation_gradients(kind: str, method: Any) -> None:
    z = data("z", (N, D))
    check_gradients(weighted(activation(kind, z)), [z], method=method, seed=1)
    check_gradients(weighted(activation(kind, z)), [z], method=method, seed=2, scale=2.5)


@pytest.mark.parametrize("kind", [k for k, r in ACTIVATIONS.items() if r.constants])
def test_two_constants_of_one_activation_do_not_share_a_derivative(kind: str) -> None:
    z = data("z", (N,))
    names = [c for c, _ in ACTIVATIONS[kind].constants]
    one = activation(kind, z, name="one", **dict.fromkeys(names, 0.25))
    two = activation(kind, one, name="two", **dict.fromkeys(names, 3))
    check_gradients(weighted(two), [z], seed=4)


@pytest.mark.parametrize("method", [complex_step, central])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", LOSSES)
def test_loss_gradients(kind: str, reduction: str, method: Any) -> None:
    check_gradients(a_loss(kind, reduction, N), method=method, seed=3)


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_of_literal_sizes_keep_their_own_mean(kind: str) -> None:
    for size in (3, 5):
        check_gradients(a_loss(kind, "mean", size, 4))


def a_loss(kind: str, reduction: str, rows: Any, classes: Any = C) -> Tensor:
    record = LOSSES[kind]
    args = []
    for operand, spec in record.operands.items():
        shape = tuple({"*n": rows, "c": classes}[w] for w in spec.split())
        if record.labels and operand in record.labels:
            args.append(labels(operand, shape, classes))
        else:
            args.append(data(operand, shape, positive=f"{operand} > 0" in record.domain))
    return loss(kind, *args, reduction=reduction)


@pytest.mark.parametrize("leading", [(), (N,), (N, H)])
@pytest.mark.parametrize("layer", ["dense", "no bias", "softmax", "log_softmax"])
def test_layer_gradients(layer: str, leading: tuple[Any, ...]) -> None:
    x = data("x", (*leading, D))
    y = {
        "dense": lambda: dense(x, C),
        "no bias": lambda: dense(x, C, bias=False),
        "softmax": lambda: softmax(x),
        "log_softmax": lambda: log_softmax(x),
    }[layer]()
    check_gradients(weighted(y))


@pytest.mark.parametrize("kind", ["relu", "sigmoid", "gelu", "selu"])
@pytest.mark.parametrize("square", [False, True])
def test_classifier_gradients(kind: str, square: bool) -> None:
    x, t = data("x", (N, D)), labels("t", (N,), D if square else C)
    width = D if square else H
    h = activation(kind, dense(x, width))
    h = activation(kind, dense(h, width))
    p = softmax(dense(h, D if square else C))
    objective = cross_entropy(p, t)
    check_gradients(plus(objective, l2(objective, 0.01), l1(objective, scalars("lam"))))
    x2, t2 = data("x", (N, D)), labels("t", (N,), C)
    check_gradients(nll(log_softmax(dense(tanh(dense(x2, H)), C)), t2))
    y = data("y", (N,))
    check_gradients(bce_with_logits(define("s", (n := index("n"),), dense(h, 1)[n, 0]), y))


# -- layers of one's own, each typed as one expression -----------------------------------------------------------------

n, m, i, j, k, c, d, e, f = indices("n m i j k c d e f")
eps = scalars("eps", positive=True)
F, K, L, P, M, E, T = dims("F K L P M E T")


def bilinear() -> Tensor:
    x, z, W, b = data("x", (N, D)), data("z", (N, K)), parameter("W", (H, D, K)), parameter("b", (H,))
    return weighted(define("y", (n, i), S(x[n, j] * W[i, j, k] * z[n, k], j, k) + b[i]))


def squared_distance() -> Tensor:
    x, mu = data("x", (N, D)), parameter("mu", (K, D))
    return weighted(define("y", (n, k), S((x[n, d] - mu[k, d]) ** 2, d)))


def rbf() -> Tensor:
    x, mu, s = data("x", (N, D)), parameter("mu", (K, D)), parameter("s", (K,), positive=True)
    return weighted(define("y", (n, k), sympy.exp(-S((x[n, d] - mu[k, d]) ** 2, d) / (2 * s[k] ** 2))))


def self_distance() -> Tensor:
    x = data("x", (N, D))
    return weighted(define("y", (n, m), S((x[n, d] - x[m, d]) ** 2, d)))


def rms_norm() -> Tensor:
    x, g = data("x", (N, F)), parameter("g", (F,))
    return weighted(define("y", (n, f), x[n, f] * g[f] / sympy.sqrt(S(x[n, k] ** 2, k) / F + eps)))


def layer_norm() -> Tensor:
    x, g, b = data("x", (N, F)), parameter("g", (F,)), parameter("b", (F,))
    mean = S(x[n, k], k) / F
    variance = S((x[n, j] - S(x[n, i], i) / F) ** 2, j) / F
    return weighted(define("y", (n, f), g[f] * (x[n, f] - mean) / sympy.sqrt(variance + eps) + b[f]))


def batch_norm_of_nodes() -> Tensor:
    x, g, b = data("x", (N, F)), parameter("g", (F,)), parameter("b", (F,))
    mu = define("mu", (f,), S(x[n, f], n) / N)
    var = define("var", (f,), S((x[n, f] - mu[f]) ** 2, n) / N)
    xhat = define("xhat", (n, f), (x[n, f] - mu[f]) / sympy.sqrt(var[f] + eps))
    return weighted(define("y", (n, f), g[f] * xhat[n, f] + b[f]))


def attention() -> Tensor:
    q, key, v = data("q", (N, T, D)), data("k", (N, T, D)), data("v", (N, T, E))
    u = index("u")
    score = lambda a, b: sympy.exp(S(q[n, a, d] * key[n, b, d], d) / sympy.sqrt(D))  # noqa: E731
    top = S(score(i, j) * v[n, j, e], j)
    return weighted(define("y", (n, i, e), top / S(score(i, u), u)))


def self_attention() -> Tensor:
    x = data("x", (T, D))
    Q, Kw, V = (parameter(name, (D, D)) for name in "QKV")
    q, key, v = (define(name, (i, j), S(w[j, k] * x[i, k], k)) for name, w in (("q", Q), ("k", Kw), ("v", V)))
    s = define("s", (i, j), S(q[i, d] * key[j, d], d) / sympy.sqrt(D))
    a = softmax(s)
    return weighted(define("y", (i, e), S(a[i, j] * v[j, e], j)))


def embedding() -> Tensor:
    t, W = labels("t", (N,), C), parameter("E", (C, D))
    return weighted(define("y", (n, i), W[t[n], i] ** 2))


def embedding_pairs() -> Tensor:
    t, u, W = labels("t", (N,), C), labels("u", (N,), C), parameter("E", (C, D))
    return weighted(define("y", (n,), S(W[t[n], i] * W[u[n], i], i)))


def gather_of_gather() -> Tensor:
    t, W, u = labels("t", (N,), C), parameter("E", (C, D)), labels("u", (C,), D)
    return weighted(define("y", (n,), W[t[n], u[t[n]]] ** 2))


def trace() -> Tensor:
    A = parameter("A", (D, D))
    return define("l", (), S(A[i, i], i) ** 2)


def diagonal() -> Tensor:
    A, x = parameter("A", (D, D)), data("x", (D,))
    return weighted(define("y", (i,), A[i, i] * x[i] + A[i, i] ** 2))


def with_transpose() -> Tensor:
    A = parameter("A", (D, D))
    return weighted(define("y", (i, j), A[i, j] * A[j, i]))


def gram() -> Tensor:
    x = data("x", (N, D))
    return weighted(define("y", (n, m), S(x[n, d] * x[m, d], d)))


def square() -> Tensor:
    x = data("x", (N, D))
    y = define("y", (n, d), x[n, d] * x[n, d])
    return weighted(define("z", (n, d), y[n, d] * y[n, d]))


def shared_weight() -> Tensor:
    x, W = data("x", (N, D)), parameter("W", (D, D))
    h = dense(x, D, weight=W, name="1")
    h = dense(tanh(h), D, weight=W, name="2")
    return weighted(dense(tanh(h), D, weight=W, name="3"))


def weight_as_input() -> Tensor:
    W = parameter("W", (D, D))
    return weighted(dense(W, D, weight=W, bias=False))


def tied_autoencoder() -> Tensor:
    x, W = data("x", (N, D)), parameter("W", (H, D))
    h = sigmoid(dense(x, H, weight=W))
    return mse(define("y", (n, d), S(W[i, d] * h[n, i], i)), x)


def residual() -> Tensor:
    x = data("x", (N, D))
    h = plus(x, relu(dense(x, D, name="1")), name="r1")
    h = plus(h, relu(dense(h, D, name="2")), x, name="r2")
    return weighted(h)


def scaled_dot() -> Tensor:
    x, y = data("x", (N, D)), data("y", (N, D))
    norm = lambda a: sympy.sqrt(S(a[n, k] ** 2, k))  # noqa: E731
    return weighted(define("s", (n,), S(x[n, j] * y[n, j], j) / (norm(x) * norm(y))))


def conv1d() -> Tensor:
    x, w = data("x", (N, 2 * P + K)), parameter("w", (K,))
    at = index("p", P)
    return weighted(define("y", (n, at), S(w[k] * x[n, 2 * at + k], k)))


def conv2_channels() -> Tensor:
    x, w = data("x", (N, C, P + K - 1)), parameter("w", (H, C, K))
    at = index("p", P)
    h = define("y", (n, i, at), S(w[i, c, k] * x[n, c, at + k], c, k))
    return weighted(relu(h))


def shift() -> Tensor:
    x, at = data("x", (P + 2,)), index("p", P)
    return weighted(define("y", (at,), (x[at + 2] - x[at + 1]) ** 2))


def reversed_axis() -> Tensor:
    x = data("x", (N,))
    return weighted(define("y", (n,), x[N - 1 - n] * x[n]))


def first_entry() -> Tensor:
    x = data("x", (N, D))
    return weighted(define("y", (n,), x[n, 0] ** 2 + S(x[n, d], d) * x[0, 0]))


def piecewise_loss() -> Tensor:
    x, y, tau = data("x", (N,)), data("y", (N,)), scalars("tau")
    r = y[n] - x[n]
    return define("l", (), S(sympy.Piecewise((tau * r, r > 0), ((tau - 1) * r, True)), n) / N)


def three_pieces() -> Tensor:
    x = data("x", (N,))
    u = 2 * x[n]
    return weighted(define("y", (n,), sympy.Piecewise((u**2, u > 1), (sympy.exp(u), u < -1), (u**3, True))))


def two_conditions() -> Tensor:
    x, y = data("x", (N,)), data("y", (N,))
    both = sympy.And(x[n] > 0, y[n] > 0)
    either = sympy.Or(x[n] > y[n], x[n] < -1)
    body = sympy.Piecewise((x[n] * y[n], both), (x[n] ** 2, either), (y[n] ** 3, True))
    return weighted(define("z", (n,), body))


def sums_times_sums() -> Tensor:
    x, y = data("x", (N, D)), data("y", (N, D))
    return weighted(define("z", (n,), S(x[n, i], i) * S(x[n, i] * y[n, i], i) ** 2 * S(y[n, i], i)))


def symbolic_power() -> Tensor:
    x, a = data("x", (N,), positive=True), scalars("a")
    return weighted(define("y", (n,), x[n] ** a + S(x[m], m) ** (a / 2) + x[n] ** sympy.Rational(-3, 2)))


def exponent_parameter() -> Tensor:
    x, a = data("x", (N,), positive=True), parameter("a", ())
    return weighted(define("y", (n,), x[n] ** a[()] + sympy.Integer(2) ** (x[n] * a[()])))


def p_norm() -> Tensor:
    x = data("x", (N, D))
    q = scalars("q", positive=True)
    return weighted(define("y", (n,), S(sympy.Abs(x[n, i]) ** 3, i) ** (1 / q)))


def log_sum_exp() -> Tensor:
    x, tau = data("x", (N, D)), parameter("tau", (), positive=True)
    return define("l", (), S(tau[()] * sympy.log(S(sympy.exp(x[n, i] / tau[()]), i)), n))


def cumulative() -> Tensor:
    x = data("x", (N, D))
    at = index("i", D)
    return weighted(define("y", (n, at), S(indicator(at >= j) * x[n, j] ** 2, j)))


def masked_attention() -> Tensor:
    s = data("s", (T, T))
    body = indicator(i >= j) * sympy.exp(s[i, j]) / S(indicator(i >= k) * sympy.exp(s[i, k]), k)
    return weighted(define("y", (i, j), body))


def scalar_parameter() -> Tensor:
    x, a = data("x", (N,)), parameter("a", ())
    h = define("h", (n,), sympy.tanh(a[()] * x[n]) + a[()])
    return define("l", (), S(h[n] ** 2, n) * a[()])


def scalar_chain() -> Tensor:
    a = parameter("a", ())
    b = define("b", (), sympy.exp(a[()]))
    return define("l", (), b[()] * a[()] + sympy.sin(b[()]) * sympy.erf(a[()]))


def swish_beta() -> Tensor:
    x, beta = data("x", (N, D)), parameter("beta", (D,))
    return weighted(define("y", (n, d), x[n, d] / (1 + sympy.exp(-beta[d] * x[n, d]))))


def maxout() -> Tensor:
    x, y = data("x", (N,)), data("y", (N,))
    return weighted(define("z", (n,), sympy.Max(x[n], y[n], 0.1) * sympy.Min(2 * x[n], y[n])))


def index_as_number() -> Tensor:
    x = data("x", (N,))
    return weighted(define("y", (n,), (n + 1) * x[n] + S(x[m] * m, m) / (n + 2)))


def deltas_typed() -> Tensor:
    A, x = parameter("A", (D, D)), data("x", (D,))
    body = A[i, j] * (1 - sympy.KroneckerDelta(i, j)) + sympy.KroneckerDelta(i, j) * x[i]
    return weighted(define("y", (i, j), body))


def functions() -> Tensor:
    x = data("x", (N,))
    z = x[n] / 3
    terms = sympy.asin(z / 2) + sympy.acos(z) * sympy.atan(z) + sympy.asinh(z) + sympy.cosh(z) * sympy.sinh(z)
    return weighted(define("y", (n,), terms + sympy.tan(z) * sympy.cos(z) + sympy.erfc(z)))


def gamma_functions() -> Tensor:
    x = data("x", (N,), positive=True)
    return weighted(define("y", (n,), sympy.gamma(x[n] + 1) + sympy.loggamma(x[n])))


def straight_twice() -> Tensor:
    """One input reaches one node through two slots."""
    x = data("x", (N, D))
    s = softmax(x)
    return mse(s, x)


CUSTOM: list[Callable[[], Tensor]] = [
    bilinear, squared_distance, rbf, self_distance, rms_norm, layer_norm, batch_norm_of_nodes, attention,
    self_attention, embedding, embedding_pairs, gather_of_gather, trace, diagonal, with_transpose, gram, square,
    shared_weight, weight_as_input, tied_autoencoder, residual, scaled_dot, conv1d, conv2_channels, shift,
    reversed_axis, first_entry, piecewise_loss, three_pieces, two_conditions, sums_times_sums, symbolic_power,
    exponent_parameter, p_norm, log_sum_exp, cumulative, masked_attention, scalar_parameter, scalar_chain, swish_beta,
    maxout, index_as_number, deltas_typed, functions, gamma_functions, straight_twice,
]  # fmt: skip


@pytest.mark.parametrize("make", CUSTOM, ids=lambda make: make.__name__)
def test_custom_gradients(make: Callable[[], Tensor]) -> None:
    for seed in (0, 1):
        check_gradients(make(), seed=seed)


@pytest.mark.parametrize("make", CUSTOM, ids=lambda make: make.__name__)
def test_custom_gradients_at_sizes_of_one(make: Callable[[], Tensor]) -> None:
    """An axis of one entry is where a forgotten term or a doubled delta shows."""
    output = make()
    graph = FlowGraph((output,))
    sizes = {s: 1 for s in spread(graph) if s.is_integer}
    check_gradients(output, sizes=sizes, seed=5)


def test_stop_gradient_is_held_constant() -> None:
    x = data("x", (N,))
    y = define("y", (n,), x[n] * stop_gradient(x[n] ** 2))
    output = define("l", (), S(y[n], n))
    machine = Interpreter({N: 3}, {x: np.array([1.5, -2.0, 0.5])})
    g = machine.tensor(backprop(output, [x]).of[x])
    assert np.allclose(g, [2.25, 4.0, 0.25], rtol=1e-15)
    all_stopped = define("l", (), S(stop_gradient(x[n]), n))
    assert not np.any(machine.tensor(backprop(all_stopped, [x]).of[x]))


# -- kinks: the stated convention --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "at", "expected"),
    [("relu", 0.0, 0.0), ("leaky_relu", 0.0, 0.01), ("hard_tanh", 1.0, 0.0), ("hard_tanh", -1.0, 0.0),
     ("softsign", 0.0, 1.0), ("elu", 0.0, 1.0), ("selu", 0.0, 1.0507009873554805 * 1.6732632423543772)],
)  # fmt: skip
def test_conventions_at_kinks(kind: str, at: float, expected: float) -> None:
    z = data("z", (N,))
    output = define("l", (), S(activation(kind, z)[n], n))
    g = Interpreter({N: 1}, {z: np.array([at])}).tensor(backprop(output, [z]).of[z])
    assert g[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("kind", "expected"), [("mae", 0.0), ("huber", 0.0)])
def test_conventions_of_losses_at_kinks(kind: str, expected: float) -> None:
    y, t = data("y", (N, C)), data("t", (N, C))
    g = Interpreter({N: 1, C: 1}, {y: np.ones((1, 1)), t: np.ones((1, 1))})
    assert g.tensor(backprop(loss(kind, y, t), [y]).of[y])[0, 0] == expected


def test_absolute_value_by_a_parameter_used_in_it_twice_is_zero_at_zero() -> None:
    w = parameter("w", (D,))
    g = Interpreter({D: 1}, {w: np.zeros(1)}).tensor(backprop(l1(w), [w]).of[w])
    assert g[0] == 0


# -- what backprop promises beside values ------------------------------------------------------------------------------


def test_an_unused_parameter_has_gradient_exactly_zero() -> None:
    x, w, unused = data("x", (N,)), parameter("w", (N,)), parameter("u", (D, H))
    output = define("l", (), S(x[n] * w[n], n))
    adjoints = backprop(output, [w, unused])
    check(adjoints.graph())
    values = {x: np.ones(2), w: np.ones(2), unused: np.ones((3, 4))}
    g = Interpreter({N: 2, D: 3, H: 4}, values).tensor(adjoints.of[unused])
    assert g.shape == (3, 4) and not g.any()


def test_labels_and_tensors_with_axes_are_refused() -> None:
    t, W = labels("t", (N,), C), parameter("W", (N, C))
    output = define("l", (), S(W[n, t[n]], n))
    with pytest.raises(UnsupportedError, match="'t' holds labels"):
        backprop(output, [t])
    with pytest.raises(DefinitionError, match="not a scalar"):
        backprop(define("y", (n,), W[n, t[n]]), [W])


def test_only_what_leads_to_the_wanted_is_visited() -> None:
    x = data("x", (N, D))
    a = dense(x, H, name="1")
    h = tanh(a)
    z = dense(h, C, name="2")
    output = mse(softmax(z), data("y", (N, C)))
    graph = FlowGraph((output,))
    adjoints = backprop(output, [graph["W2"]])
    assert {v.name for v in adjoints.visited} == {"loss", "p", "a2", "W2"}
    assert {v.name for v in adjoints.of} == {"p", "a2", "W2"}
    reached = backprop(output, [graph["W1"]])
    assert graph["b1"] not in reached.of and graph["W2"] not in reached.of and x not in reached.of


def test_an_intermediate_value_may_be_wanted() -> None:
    x = data("x", (N, D))
    h = tanh(dense(x, H, name="1"))
    u = define("u", (n, i), h[n, i] ** 2 + h[n, i])
    output = weighted(plus(u, sigmoid(h)))
    check_gradients(output, [h, u, x])


def test_the_output_by_itself_is_one() -> None:
    x = data("x", (N,))
    output = define("l", (), S(x[n] ** 2, n))
    adjoints = backprop(output, [output, x])
    machine = Interpreter({N: 2}, {x: np.array([1.0, 2.0])})
    assert machine.tensor(adjoints.of[output])[()] == 1
    assert np.allclose(machine.tensor(adjoints.of[x]), [2, 4])


@pytest.mark.parametrize("layer", ["dense", "softmax", "layer_norm", "conv"])
def test_vjp_of_a_layer_is_the_gradient_of_its_weighted_sum(layer: str) -> None:
    g, w, at = parameter("g", (D,)), parameter("w", (K,)), index("p", P)
    x = data("x", (N, 2 * P + K)) if layer == "conv" else data("x", (N, D))
    mean = S(x[n, k], k) / D if layer != "conv" else 0
    y = {
        "dense": lambda: dense(x, H),
        "softmax": lambda: softmax(x),
        "layer_norm": lambda: define(
            "y", (n, d), g[d] * (x[n, d] - mean) / sympy.sqrt(S((x[n, j] - mean) ** 2, j) / D + eps)
        ),
        "conv": lambda: define("y", (n, at), S(w[k] * x[n, 2 * at + k], k)),
    }[layer]()
    adjoints = vjp(y, [x])
    check(adjoints.graph())
    output = weighted(y)
    graph = FlowGraph((output,))
    sizes = spread(graph)
    values = leaf_values(graph, sizes, 0)
    dy = adjoints.upstream
    assert dy is not None
    machine = Interpreter(sizes, {**values, dy: values[graph["v_l"]]})
    assert gap(machine.tensor(adjoints.of[x]).astype(float), complex_step(machine, output, x)) < 1e-12


def test_gradient_of_a_gradient() -> None:
    """The adjoint graph is a graph: a Hessian-vector product needs nothing new."""
    x, v = data("x", (N,)), data("v", (N,))
    y = define("y", (n,), sympy.tanh(x[n]) * S(x[m] ** 2, m))
    first = backprop(define("l", (), S(y[n] * x[n], n)), [x]).of[x]
    check_gradients(define("q", (), S(first[n] * v[n], n)), [x, v])
    t, W = labels("t", (N,), C), parameter("W", (C, D))
    ce = cross_entropy(softmax(dense(data("z", (N, D)), C, weight=W, bias=False)), t)
    dW = backprop(ce, [W]).of[W]
    check_gradients(define("q", (), S(dW[c, d] ** 2, c, d)), [W])


def test_names_and_order_are_the_same_in_every_run() -> None:
    def once() -> list[str]:
        x, t = data("x", (N, D)), labels("t", (N,), C)
        output = cross_entropy(softmax(dense(relu(dense(x, H)), C)), t)
        adjoints = backprop(output, [t for t in FlowGraph((output,)).order if t.role == "parameter"])
        return [f"{a.name}: {from_text(formula(a))}" for a in adjoints.graph().of_role("adjoint")]

    assert once() == once()


def from_text(made: Any) -> str:
    free, tree = made
    return f"{[i.letter for i in free]} {to_sympy(tree)}"


# -- caches keep apart what only looks alike ---------------------------------------------------------------------------


def test_results_of_one_size_are_not_reused_for_another() -> None:
    for rows in (3, 5, N, M):
        x, y = data("x", (rows, D)), data("y", (rows, D))
        s = softmax(x)
        check_gradients(mse(s, y), seed=1)
        check_gradients(mse(plus(s, x), y), seed=1)
        check_gradients(cross_entropy(s, labels("t", (rows,), D)), seed=1)
        check_gradients(nll(log_softmax(x), labels("t", (rows,), D)), seed=1)
        a = data("a", (rows,))
        check_gradients(mse(sigmoid(a), data("b", (rows,))), seed=1)
        check_gradients(mse(plus(a, a, sigmoid(a)), a), seed=1)


@pytest.mark.parametrize("size", [2, 3, 4, N, M])
def test_a_size_used_as_a_number_is_not_baked_in(size: Any) -> None:
    a = parameter("a", ())
    b = define("b", (), a[()] ** 2 / size)
    check_gradients(define("l", (), b[()] * size + a[()] / size), [a], sizes={N: 2, M: 5})
    x = data("x", (size,))
    y = define("y", (n,), x[n] ** 2 / size)
    z = define("z", (n,), sympy.exp(y[n]) / size + x[n])
    check_gradients(define("l", (), S(z[n], n) / size), sizes={N: 2, M: 5})


def test_a_positive_and_a_real_tensor_are_kept_apart() -> None:
    x = data("x", (N,))
    for positive in (True, False):
        y = define("y", (n,), x[n] ** 2, positive=positive)
        z = define("z", (n,), sympy.sqrt(y[n] ** 2) * y[n])
        check_gradients(plus(define("l", (), S(z[n], n)), define("q", (), S(y[n], n))), [x])


def test_one_template_over_equal_and_over_different_tensors() -> None:
    x, y = data("x", (N, D)), data("y", (N, D))
    for a, b in ((x, y), (x, x), (y, x)):
        s = define("s", (n, m), S(a[n, d] * b[m, d], d))
        check_gradients(weighted(softmax(s)))
    A = parameter("A", (D, D))
    for rows, other in ((D, D), (N, D)):
        W, u = parameter("W", (rows, other)), data("u", (M, other))
        check_gradients(weighted(tanh(dense(u, rows, weight=W))))
    check_gradients(weighted(dense(A, D, weight=A)))


# -- the differentiator against SymPy at small explicit sizes ----------------------------------------------------------


def expanded(tree: Any, at: dict[Index, int], sizes: dict[Any, int], entries: dict[Any, Any]) -> Any:
    """Return a tree written out at fixed sizes in plain symbols for the leaves' entries; definitions inlined.

    Shares nothing with the algebra: SymPy's expression, sums opened by hand.
    """
    if isinstance(tree, Ix):
        return sympy.Integer(at[tree.index])
    if isinstance(tree, Entry):
        if tree.tensor.definition is not None:
            return expanded(unfold(tree), at, sizes, entries)
        where = tuple(int(expanded(q, at, sizes, entries)) for q in tree.at)
        return entries.setdefault((tree.tensor, where), sympy.Symbol(f"{tree.tensor.name}{list(where)}", positive=True))
    kind = type(tree).__name__
    if kind == "Sum":
        size = int(tree.index.size.xreplace(sizes))
        return sympy.Add(*[expanded(tree.body, {**at, tree.index: q}, sizes, entries) for q in range(size)])
    go = [expanded(q, at, sizes, entries) for q in children_of(tree)]
    match kind:
        case "Num":
            return sympy.Rational(tree.value.numerator, tree.value.denominator)
        case "Const":
            return sympy.pi if tree.name == "pi" else sympy.E
        case "Sym":
            return sympy.Integer(sizes[tree.symbol]) if tree.symbol in sizes else tree.symbol
        case "Add":
            return sympy.Add(*go)
        case "Mul":
            return sympy.Mul(*go)
        case "Neg":
            return -go[0]
        case "Div":
            return go[0] / go[1]
        case "Pow":
            return go[0] ** go[1]
        case "Delta":
            return sympy.Integer(int(go[0] == go[1]))
        case "Ind":  # of positions: between numbers once the sizes are fixed
            return sympy.Integer(int(bool({">": sympy.Gt, ">=": sympy.Ge}[tree.rel](*go))))
        case "Fn":
            named = {"abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min, "digamma": sympy.digamma}
            return (named.get(tree.name) or getattr(sympy, tree.name))(*go)
    raise AssertionError(kind)


def children_of(tree: Any) -> tuple[Any, ...]:
    kind = type(tree).__name__
    if kind in ("Num", "Const", "Sym"):
        return ()
    return {
        "Add": lambda: tree.terms, "Mul": lambda: tree.factors, "Fn": lambda: tree.args, "Neg": lambda: (tree.body,),
        "Div": lambda: (tree.num, tree.den), "Pow": lambda: (tree.base, tree.exponent),
        "Delta": lambda: (tree.left, tree.right), "Ind": lambda: (tree.left, tree.right),
    }[kind]()  # fmt: skip


SMOOTH = [
    bilinear, squared_distance, rbf, self_distance, rms_norm, trace, diagonal, with_transpose, gram, square,
    scaled_dot, conv1d, shift, sums_times_sums, symbolic_power, exponent_parameter, log_sum_exp, scalar_parameter,
    scalar_chain, swish_beta, index_as_number, functions, straight_twice, deltas_typed, first_entry, reversed_axis,
]  # fmt: skip


@pytest.mark.parametrize("make", SMOOTH, ids=lambda make: make.__name__)
def test_differentiate_agrees_with_sympy(make: Callable[[], Tensor]) -> None:
    output = make()
    graph = FlowGraph((output,))
    rng = np.random.default_rng(8)
    for first in (1, 2):
        sizes = {s: first + (q % 2) for q, s in enumerate(v for v in spread(graph) if v.is_integer)}
        for leaf in (q for q in graph.order if q.definition is None and not q.name.startswith("v_")):
            letters = tuple(Index("q", s) for s in leaf.shape)
            question = Pending(entry_of(output, ()), entry_of(leaf, letters))
            derived = differentiate(question).result
            entries: dict[Any, Any] = {}
            whole = expanded(unfold(entry_of(output, ())), {}, sizes, entries)
            points = list(all_points(letters, sizes))
            values = {}
            for at in (points[0], points[-1]):
                mine = expanded(derived, at, sizes, entries)
                theirs = whole.diff(entries.get((leaf, tuple(at.values())), sympy.Symbol("absent")))
                for s in sorted((whole.free_symbols | mine.free_symbols) - set(values), key=str):
                    values[s] = sympy.Float(rng.uniform(0.4, 0.9), 30)
                left, right = mine.evalf(25, subs=values), theirs.evalf(25, subs=values)
                assert abs(left - right) <= sympy.Float("1e-15") * max(1, abs(right)), (leaf.name, at)


# -- random graphs -----------------------------------------------------------------------------------------------------

UNARY = [k for k in ACTIVATIONS if k != "linear"]


def custom_unary(x: Tensor, choice: int, name: str) -> Tensor:
    """An elementwise or axis-wise node typed as one expression."""
    u = x[n, i]
    body = [
        u**2 * sympy.exp(-u),
        sympy.sin(u) * S(x[n, k], k),
        u / (1 + S(x[n, k] ** 2, k)),
        sympy.Max(u, u**3, sympy.Rational(1, 5)),
        u * sympy.sqrt(1 + S(x[m, i] ** 2, m)),
        sympy.log(1 + u**2) + x[n, 0],
    ][choice]
    return define(name, (n, i), body)


@st.composite
def random_graphs(draw: Any) -> tuple[Tensor, dict[Any, int]]:
    """A graph up to five layers deep; any earlier value may be used again; widths may coincide."""
    rows, cols, other = (draw(st.integers(1, 4)) for _ in range(3))
    symbolic = draw(st.booleans())
    sizes = {N: rows, D: cols, H: other}
    dims_of = (N, D, H) if symbolic else (rows, cols, other)
    pool = [data("x", (dims_of[0], dims_of[1]))]
    shared = parameter("W", (dims_of[1], dims_of[1]))
    for depth in range(draw(st.integers(1, 5))):
        x = draw(st.sampled_from(pool))
        kind = draw(
            st.sampled_from(["unary", "custom", "dense", "shared", "softmax", "log_softmax", "add", "mul", "mix"])
        )
        name = f"y{depth}"
        square = x.shape[-1] == dims_of[1]
        mates = [y for y in pool if y.shape == x.shape]
        y = draw(st.sampled_from(mates))
        if kind == "unary":
            z = activation(draw(st.sampled_from(UNARY)), x, name=name)
        elif kind == "custom":
            z = custom_unary(x, draw(st.integers(0, 5)), name)
        elif kind == "dense":
            z = dense(x, draw(st.sampled_from(dims_of[1:])), name=str(depth), bias=draw(st.booleans()))
        elif kind == "shared" and square:
            z = dense(x, dims_of[1], name=str(depth), weight=shared, bias=False)
        elif kind == "softmax":
            z = softmax(x, name=name)
        elif kind == "log_softmax":
            z = log_softmax(x, name=name)
        elif kind == "mul":
            z = define(name, (n, i), x[n, i] * y[n, i])
        elif kind == "mix":
            s = define(f"s{depth}", (n, m), S(x[n, i] * y[m, i], i))
            z = define(name, (n, i), S(sympy.tanh(s[n, m]) * y[m, i], m) / x.shape[0])
        else:
            z = plus(x, y, name=name)
        pool.append(z)
    top = pool[-1]
    ending = draw(st.sampled_from(["weighted", "mse", "ce"]))
    if ending == "ce":
        return cross_entropy(softmax(top), labels("t", (top.shape[0],), top.shape[1])), sizes
    return (mse(top, data("t", top.shape)) if ending == "mse" else weighted(top)), sizes


@settings(max_examples=60 * MORE)
@given(random_graphs(), st.integers(0, 2**31))
def test_random_graphs(made: tuple[Tensor, dict[Any, int]], seed: int) -> None:
    output, sizes = made
    check_gradients(output, sizes=sizes, seed=seed, scale=0.6)


# -- the derivations' lines --------------------------------------------------------------------------------------------


def test_the_lecture_s_lines() -> None:
    """-log f_y by a_c: chain rule, definition, quotient rule, entry by entry, fold, factor and cancel."""
    z, y, at = data("a", (C,)), labels("y", (), C), Index("c", C)
    p = softmax(z, name="f")
    record = differentiate(Pending(from_sympy(-sympy.log(p[y[()]])), entry_of(z, (at,))))
    assert p.definition is not None
    free = (Index("i", C),)
    simplify(record, [(p, free, unfold(entry_of(p, free)))], collect=2)
    order = [r for step in record.steps for r in step.rules]
    wanted = ["chain rule; log'", "definition of f", "quotient rule", "entry by entry, two cases", "delta contraction",
              "fold f",
              "factor and cancel"]  # fmt: skip
    places = [order.index(w) for w in wanted]
    assert places == sorted(places), order
    last = record.result
    assert isinstance(last, Neg) and isinstance(last.body, Add) and len(last.body.terms) == 2
    delta, other = last.body.terms
    assert isinstance(delta, Delta) and {delta.left, delta.right} == {Entry(y, ()), Ix(at)}
    assert other == Neg(Entry(p, (Ix(at),)))


def lines_of(output: Tensor, wanted: list[Tensor]) -> list[list[Any]]:
    out = []
    for uses in backprop(output, wanted).contributions.values():
        out.extend([s.tree for s in use.pullback.derived.steps] for use in uses)
    return out


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_line_of_an_activation_equals_the_one_before(kind: str) -> None:
    z = data("z", (N, D))
    assert_lines_equal(lines_of(weighted(activation(kind, z)), [z]))


@pytest.mark.parametrize("kind", LOSSES)
def test_every_line_of_a_loss_equals_the_one_before(kind: str) -> None:
    output = a_loss(kind, "mean", N)
    assert_lines_equal(lines_of(output, [q for q in FlowGraph((output,)).order if not q.definition and not q.classes]))


@pytest.mark.parametrize("make", CUSTOM, ids=lambda make: make.__name__)
def test_every_line_of_a_custom_layer_equals_the_one_before(make: Callable[[], Tensor]) -> None:
    output = make()
    assert_lines_equal(lines_of(output, [q for q in FlowGraph((output,)).order if not q.definition and not q.classes]))


def assert_lines_equal(derivations: list[list[Any]]) -> None:
    assert derivations
    for lines in derivations:
        for q, (before, after) in enumerate(zip(lines, lines[1:], strict=False)):
            proof = prove_equal(before, after)
            assert proof, f"line {q + 1} is not proved: {proof.reason}\n{before}\n{after}\n{proof.difference}"


def test_the_result_has_no_pending_derivative() -> None:
    for make in CUSTOM:
        output = make()
        for lines in lines_of(output, [q for q in FlowGraph((output,)).order if not q.definition and not q.classes]):
            assert not any(isinstance(q, Pending) for q in walk(lines[-1]))
            assert tensors_in(lines[-1]) is not None


def test_linearity_of_the_derivative() -> None:
    """D(a u + b v) = a D u + b D v for every pair of a few scalar expressions."""
    x, at, q = data("x", (N,)), Index("r", N), Index("q", N)
    terms = [S(x[q] ** 3, q), sympy.log(S(sympy.exp(x[q]), q)), sympy.sin(S(x[q] * q, q))]
    a, b = scalars("a b")
    wrt = entry_of(x, (at,))
    for u, v in product(terms, terms):
        whole = differentiate(Pending(from_sympy(a * u + b * v), wrt)).result
        apart = a * to_sympy(differentiate(Pending(from_sympy(u), wrt)).result) + b * to_sympy(
            differentiate(Pending(from_sympy(v), wrt)).result
        )
        assert prove_equal(whole, from_sympy(apart))


def test_a_size_may_be_called_as_templates_call_theirs() -> None:
    S0, Sn = dims("S0 S_n")
    x = data("x", (N,))
    output = define("l", (), S(x[n] ** 2, n) / S0)
    machine = Interpreter({N: 2, S0: 7}, {x: np.ones(2)})
    assert machine.tensor(output)[()] == pytest.approx(2 / 7)
    check_gradients(output, sizes={N: 2, S0: 7})
    y = data("y", (Sn, S0))
    check_gradients(mse(softmax(y), y), sizes={Sn: 3, S0: 4})


ONE_EXPRESSION: dict[str, tuple[Any, str]] = {
    "tanh": (sympy.tanh, "1 - h[n,i]**2"),
    "sigmoid": (lambda u: 1 / (1 + sympy.exp(-u)), "h[n,i] * (1 - h[n,i])"),
    "softplus": (lambda u: sympy.log(1 + sympy.exp(u)), "1 - exp(-h[n,i])"),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ONE_EXPRESSION)
def test_a_layer_typed_as_one_expression_folds_like_its_nodes(name: str, bias: bool) -> None:
    from symnn.network import vjp as derivation_of
    from symnn.show.text_notation import text

    function, factor = ONE_EXPRESSION[name]
    N_, D_, H_ = dims("N D H")
    n_, i_, j_ = indices("n i j")
    x_, V_, b_ = data("x", (N_, D_)), parameter("V", (H_, D_)), parameter("b", (H_,))
    inside = S(V_[i_, j_] * x_[n_, j_], j_) + (b_[i_] if bias else 0)
    shown = text(derivation_of(define("h", (n_, i_), function(inside)), "V").formula)
    assert factor in shown and "exp(b" not in shown and "tanh(" not in shown, shown


@pytest.mark.parametrize("cosh_first", [False, True])
def test_sinh_over_cosh_is_tanh(cosh_first: bool) -> None:
    x, y, n = data("x", (N,)), data("y", (N,)), index("n", N)
    u = y[n] - x[n] if cosh_first else x[n] - y[n]
    adjoint = backprop(define("L", (), S(sympy.log(sympy.cosh(u)), n) / N), [x]).of[x]
    free, tree = formula(adjoint)
    assert to_sympy(tree) == sympy.tanh(x[free] - y[free]) / N
