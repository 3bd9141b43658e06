"""FlowGraph, its well-formedness, and the reference interpreter against NumPy and mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import networkx as nx
import numpy as np
import pytest
import sympy

from symnn.derive.backprop import backprop
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.graph.wellformed import check
from symnn.ground.define import define
from symnn.ground.errors import DataError, DefinitionError, LabelError, UnknownNameError, UnsupportedError
from symnn.ground.functions import indicator
from symnn.ground.functions import sum_over as S
from symnn.ground.indices import Index, indices
from symnn.ground.sizes import dims, scalars
from symnn.ground.template import Definition, Template, entry_of
from symnn.ground.tensors import Tensor, labels, parameter
from symnn.ground.tensors import input as data
from symnn.ground.tree import Add, D, Delta, Entry, Ind, Ix, Mul, Sum, Sym, Tree, mul, num, walk
from symnn.nn.activations import ACTIVATIONS, activation, relu, tanh
from symnn.nn.layers import dense, log_softmax, softmax
from symnn.nn.losses import LOSSES, cross_entropy, loss
from symnn.nn.penalties import plus
from tests.oracle import leaf_values, spread

N, K, H, C = dims("N K H C")
n, m, i, j, k = indices("n m i j k")


def classifier() -> Tensor:
    h = relu(dense(data("x", (N, K)), H))
    return cross_entropy(softmax(dense(h, C)), labels("t", (N,), C))


# -- order, names, edges -----------------------------------------------------------------------------------------------


def test_order_is_topological_complete_and_the_same_every_time() -> None:
    graph = FlowGraph((classifier(),))
    assert {t.name for t in graph.order} == {"x", "W1", "b1", "a1", "h1", "W2", "b2", "a2", "p", "t", "loss"}
    place = {t: q for q, t in enumerate(graph.order)}
    assert all(place[p] < place[t] for t in graph.order for p in graph.parents(t))
    assert [t.name for t in FlowGraph((classifier(),)).order] == [t.name for t in graph.order]
    assert nx.is_directed_acyclic_graph(graph.digraph)


def test_edges_are_read_from_the_definitions() -> None:
    x = data("x", (N, K))
    y = define("y", (n, i), x[n, i] * x[n, i] + S(x[n, k], k))
    graph = FlowGraph((define("z", (n,), S(y[n, i] * x[n, i], i)),))
    edges = {(a.name, b.name) for a, b in graph.digraph.edges}
    assert edges == {("x", "y"), ("y", "z"), ("x", "z")}
    assert graph.parents(graph["z"]) == tuple(dict.fromkeys(graph["z"].definition.args))


def test_networkx_view() -> None:
    view = FlowGraph((classifier(),)).networkx()
    assert set(view.nodes) == {"x", "W1", "b1", "a1", "h1", "W2", "b2", "a2", "p", "t", "loss"}
    assert view.nodes["W1"]["kind"] == "parameter" and view.nodes["W1"]["expr"] is None
    node = view.nodes["a1"]
    assert node["shape"] == (N, H) and [q.letter for q in node["indices"]] == ["n", "i"]
    assert node["expr"].has(sympy.Sum)
    assert nx.ancestors(view, "loss") == set(view.nodes) - {"loss"}
    assert view.nodes["loss"]["indices"] == ()


def test_names_are_unique_and_looked_up() -> None:
    x = data("x", (N, K))
    h = x
    for _ in range(3):
        h = relu(h)
    graph = FlowGraph((plus(softmax(h), softmax(h)),))
    assert len({t.name for t in graph.order}) == len(graph.order)
    assert graph["x"] is x and "x" in graph and "W" not in graph and len(graph) == len(list(graph))
    with pytest.raises(UnknownNameError, match="Did you mean"):
        graph["relu_y"]
    again = [t.name for t in FlowGraph(graph.outputs).order]
    assert again == [t.name for t in graph.order]


def test_two_given_tensors_of_one_name_are_refused() -> None:
    x, y = data("x", (N,)), data("x", (N,))
    with pytest.raises(DefinitionError, match="Two different tensors are both named 'x'"):
        FlowGraph((define("z", (n,), 2 * x[n]), define("w", (n,), 3 * y[n])))
    with pytest.raises(DefinitionError, match="node 'z': two different tensors are both named 'x'"):
        define("z", (n,), x[n] * y[n])
    auto = tanh(data("p", (N, K)))
    graph = FlowGraph((plus(softmax(auto), auto),))
    assert len({t.name for t in graph.order}) == len(graph.order)


def test_a_deep_graph_does_not_recurse() -> None:
    h = data("x", (N, K))
    W = parameter("W", (K, K))
    for _ in range(1500):
        h = tanh(dense(h, K, weight=W, bias=False))
    graph = FlowGraph((h,))
    assert len(graph) == 3002
    Interpreter({N: 1, K: 1}, {graph["x"]: np.ones((1, 1)), W: np.ones((1, 1))}).tensor(h)


def test_roles_and_ancestors() -> None:
    graph = FlowGraph((classifier(),))
    assert [t.name for t in graph.of_role("label")] == ["t"]
    assert {t.name for t in graph.of_role("parameter")} == {"W1", "b1", "W2", "b2"}
    assert {t.name for t in graph.ancestors([graph["h1"]])} == {"x", "W1", "b1", "a1", "h1"}


# -- well-formedness: each way to break a graph is seen ----------------------------------------------------------------


def node(
    tree: Tree, slots: tuple[Tensor, ...], args: tuple[Tensor, ...], free: tuple[Index, ...], **over: Any
) -> Tensor:
    template = Template("broken", free, tree, slots)
    sizes = {s: s for t in slots for s in t.shape}
    shape = over.get("shape", tuple(q.size for q in free))
    return Tensor("y", shape, "value", definition=Definition(template, args, over.get("sizes", sizes)))


def broken(case: str) -> Tensor:
    p, q = Index("p", N), Index("q", K)
    other = Index("o", N)
    slot = Tensor("s", (N, K), "slot")
    x = data("x", (N, K))
    entry = Entry(slot, (Ix(p), Ix(q)))
    match case:
        case "shape":
            return node(entry, (slot,), (x,), (p, q), shape=(N, N))
        case "argument":
            return node(entry, (slot,), (data("z", (K, N)),), (p, q))
        case "unbound":
            return node(entry, (slot,), (x,), (p,))
        case "bound twice":
            return node(Add((Sum(q, entry), Sum(q, entry))), (slot,), (x,), (p,))
        case "bound and free":
            return node(Sum(q, entry), (slot,), (x,), (p, q))
        case "no range":
            lone = Index("q")
            return node(Sum(lone, Entry(slot, (Ix(p), Ix(lone)))), (slot,), (x,), (p,))
        case "no slot":
            return node(Entry(x, (Ix(p), Ix(q))), (slot,), (x,), (p, q))
        case "wrong axis":
            return node(Entry(slot, (Ix(p), Ix(other))), (slot,), (x,), (p, other))
        case "derivative":
            return node(D(entry, entry), (slot,), (x,), (p, q))
        case "positive":
            sure = Tensor("s", (N, K), "slot", positive=True)
            return node(Entry(sure, (Ix(p), Ix(q))), (sure,), (x,), (p, q))
    raise AssertionError(case)


@pytest.mark.parametrize(
    ("case", "message"),
    [("shape", "declares shape"), ("argument", "has shape"), ("unbound", "neither free nor bound"),
     ("bound twice", "bound twice"), ("bound and free", "bound twice"), ("no range", "no range"),
     ("no slot", "which is no slot"), ("wrong axis", "runs over"), ("derivative", "still carries a derivative"),
     ("positive", "is positive")],
)  # fmt: skip
def test_a_broken_graph_is_seen(case: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        check(FlowGraph((broken(case),)))


def test_a_node_before_its_parent_is_seen() -> None:
    graph = FlowGraph((classifier(),))
    check(graph)
    graph.order = tuple(reversed(graph.order))
    with pytest.raises(DefinitionError, match="stands before its parent"):
        check(graph)


@pytest.mark.parametrize("case", ["rank", "real index", "number outside"])
def test_more_broken_graphs_are_seen(case: str) -> None:
    p = Index("p", N)
    slot, real = Tensor("s", (N, K), "slot"), Tensor("r", (N,), "slot")
    x, z = data("x", (N, K)), data("z", (N,))
    three = Tensor("s", (N, sympy.Integer(3)), "slot")
    made = {
        "rank": lambda: node(Entry(slot, (Ix(p),)), (slot,), (x,), (p,)),
        "real index": lambda: node(Entry(slot, (Ix(p), Entry(real, (Ix(p),)))), (slot, real), (x, z), (p,)),
        "number outside": lambda: node(Entry(three, (Ix(p), num(3))), (three,), (data("w", (N, 3)),), (p,)),
    }[case]()
    with pytest.raises(DefinitionError, match="'y'"):
        check(FlowGraph((made,)))


@pytest.mark.parametrize(("least", "held"), [(2, False), (1, True), (0, True)])
def test_a_guard_worked_out_of_a_size_that_is_a_number_is_read(least: int, held: bool) -> None:
    """v of 2 entries, read at k <= 1 of a longer range; the template has a formal size for the 2, and the number 1."""
    formal, k = sympy.Symbol("_S0", integer=True, positive=True), Index("k", N)
    slot = Tensor("s", (formal,), "slot")
    tree = mul(Ind(">=", num(least), Ix(k)), Entry(slot, (Ix(k),)))
    made = node(tree, (slot,), (data("v", (2,)),), (k,), sizes={formal: sympy.Integer(2), N: N})
    if held:
        check(FlowGraph((made,)))
        return
    with pytest.raises(DefinitionError, match="runs over"):
        check(FlowGraph((made,)))


LABEL, TWICE = labels("t", (K,), K), labels("t2", (K,), 2 * K)


@pytest.mark.parametrize(
    ("equation", "held"),
    [
        (lambda p, k: (Ix(p), Ix(k)), True),  # p = k
        (lambda p, k: (Add((num(1), Ix(k), Ix(p))), Sym(K)), True),  # p = K - 1 - k
        (lambda p, k: (Add((Ix(k), Ix(p))), Sym(K)), False),  # p = K - k, which is K at k = 0
        (lambda p, k: (Ix(p), Add((num(1), Ix(k)))), False),  # p = 1 + k, K at the end
        (lambda p, k: (Add((num(1), Ix(p))), Ix(k)), True),
        (lambda p, k: (mul(num(2), Ix(p)), Ix(k)), True),
        (lambda p, k: (mul(num(2), Ix(p)), mul(num(3), Ix(k))), False),
        (lambda p, k: (Ix(p), Entry(LABEL, (Ix(k),))), True),  # p = t[k], one of K classes
        (lambda p, k: (Ix(p), Entry(TWICE, (Ix(k),))), False),  # one of 2 K classes
        (lambda p, k: (mul(num(2), Ix(p)), Entry(TWICE, (Ix(k),))), True),
        (lambda p, k: (Add((num(1), Ix(p))), Entry(LABEL, (Ix(k),))), True),
        (lambda p, k: (Ix(k), num(0)), False),  # says nothing of p
        (lambda p, k: (Ix(p), Add((Ix(k), mul(Ix(k), Ix(k))))), False),  # not linear
    ],
)
@pytest.mark.parametrize("kind", ["delta", "indicator"])
def test_an_equation_of_indices_as_a_guard(equation: Any, held: bool, kind: str) -> None:
    """s has K columns and is read at p, which runs over N."""
    p, k = Index("p", N), Index("k", K)
    slot = Tensor("s", (K,), "slot")
    left, right = equation(p, k)
    guard = Delta(left, right) if kind == "delta" else Ind("=", left, right)
    read = [s for s in (LABEL, TWICE) if any(isinstance(at, Entry) and at.tensor is s for at in walk(guard))]
    sizes = {N: N, K: K}
    made = node(mul(guard, Entry(slot, (Ix(p),))), (slot, *read), (data("v", (K,)), *read), (p, k), sizes=sizes)
    if held:
        check(FlowGraph((made,)))
        return
    with pytest.raises(DefinitionError, match="runs over"):
        check(FlowGraph((made,)))


def test_a_condition_does_not_guard_itself() -> None:
    """1[m = t[m]] reads t at m, which runs over more than t has."""
    m = Index("m", K)
    slot, label = Tensor("s", (K,), "slot"), labels("t", (N,), N)
    tree = mul(Delta(Ix(m), Entry(label, (Ix(m),))), Entry(slot, (Ix(m),)))
    with pytest.raises(DefinitionError, match="runs over"):
        check(FlowGraph((node(tree, (slot, label), (data("v", (K,)), label), (m,), sizes={N: N, K: K}),)))


@pytest.mark.parametrize(("shift", "held"), [(1, True), (0, False), (2, True)])
def test_a_shifted_position_needs_its_guard(shift: int, held: bool) -> None:
    k, slot = Index("k", K), Tensor("s", (K,), "slot")
    place = Add((Ix(k), num(1)))
    tree = mul(Ind(">", Sym(K), Add((Ix(k), num(shift)))), Entry(slot, (place,)))
    made = node(tree, (slot,), (data("v", (K,)),), (k,), sizes={K: K})
    if held:
        check(FlowGraph((made,)))
        return
    with pytest.raises(DefinitionError, match="not known to be inside"):
        check(FlowGraph((made,)))


def test_a_condition_on_labels_is_asked_before_plain_numbers() -> None:
    x, t, k = data("x", (N, K)), labels("t", (N,), K), Index("n", N)
    y = define("y", (k,), indicator(t[k] + 1 < K) * x[k, t[k] + 1] / N)
    found = Interpreter({N: 2, K: 3}, {x: np.arange(6.0).reshape(2, 3), t: np.array([2, 0])}).tensor(y)
    assert found.tolist() == [0, 2]


# -- the interpreter against NumPy -------------------------------------------------------------------------------------

erf = np.vectorize(math.erf)
NUMPY: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "gelu_tanh": lambda z: z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2,
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "hard_tanh": lambda z: np.clip(z, -1, 1),
    "softsign": lambda z: z / (1 + np.abs(z)),
}
ONE_BY_ONE: dict[str, Callable[..., Any]] = {
    "cross_entropy": lambda p, t: -np.log(p[np.arange(len(t)), t]),
    "nll": lambda y, t: -y[np.arange(len(t)), t],
    "soft_cross_entropy": lambda p, q: -(q * np.log(p)).sum(1),
    "smoothed_cross_entropy": lambda p, t: -(np.log(p) * (0.9 * np.eye(p.shape[1])[t] + 0.1 / p.shape[1])).sum(1),
    "focal": lambda p, t: -((1 - p[np.arange(len(t)), t]) ** 2) * np.log(p[np.arange(len(t)), t]),
    "kl": lambda q, p: (q * np.log(q / p)).sum(1),
    "distillation": lambda q, p: (q * np.log(q / p)).sum(1),  # at temperature 1
    "bce_with_logits": lambda a, y: np.logaddexp(0, a) - y * a,
    "mse": lambda y, t: (y - t) ** 2,
    "mae": lambda y, t: np.abs(y - t),
    "huber": lambda y, t: np.where(np.abs(y - t) <= 1, (y - t) ** 2 / 2, np.abs(y - t) - 0.5),
    "hinge": lambda a, y: np.maximum(0, 1 - y * a),
}


def test_the_tables_here_cover_the_zoo() -> None:
    assert set(NUMPY) == set(ACTIVATIONS) and set(ONE_BY_ONE) == set(LOSSES)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation_values(kind: str) -> None:
    z = data("z", (N, K))
    z0 = np.concatenate([np.random.default_rng(0).normal(0, 2, (4, 3)), [[0.0, 1.0, -1.0]]])
    out = Interpreter({N: 5, K: 3}, {z: z0}).tensor(activation(kind, z))
    assert out.dtype == float and np.allclose(out, NUMPY[kind](z0), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", LOSSES)
def test_loss_values(kind: str, reduction: str) -> None:
    record = LOSSES[kind]
    args = []
    for name, spec in record.operands.items():
        shape = tuple({"*n": N, "c": C}[w] for w in spec.split())
        is_label = bool(record.labels) and name in (record.labels or {})
        args.append(labels(name, shape, C) if is_label else data(name, shape, positive=f"{name} > 0" in record.domain))
    output = loss(kind, *args, reduction=reduction)
    values = leaf_values(FlowGraph((output,)), {N: 4, C: 3}, 2)
    out = Interpreter({N: 4, C: 3}, values).tensor(output)[()]
    each = ONE_BY_ONE[kind](*(values[a] for a in args))
    assert out == pytest.approx(each.mean() if reduction == "mean" else each.sum(), rel=1e-13)


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_layer_values(leading: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x = data("x", (*leading, 4))
    x0 = rng.normal(size=(*leading, 4))
    a = dense(x, 5)
    graph = FlowGraph((a,))
    W0, b0 = rng.normal(size=(5, 4)), rng.normal(size=5)
    machine = Interpreter({}, {x: x0, graph["W1"]: W0, graph["b1"]: b0})
    assert np.allclose(machine.tensor(a), x0 @ W0.T + b0, rtol=1e-14)
    assert np.allclose(
        Interpreter({}, {x: x0, graph["W1"]: W0}).tensor(dense(x, 5, weight=graph["W1"], bias=False)), x0 @ W0.T
    )
    e = np.exp(x0)
    assert np.allclose(machine.tensor(softmax(x)), e / e.sum(-1, keepdims=True), rtol=1e-14)
    assert np.allclose(machine.tensor(log_softmax(x)), x0 - np.log(e.sum(-1, keepdims=True)), rtol=1e-13)


@pytest.mark.parametrize("kind", ["sigmoid", "gelu", "gelu_tanh", "mish", "selu", "softsign"])
def test_thirty_digits(kind: str) -> None:
    z = data("z", (N,))
    points = ["-1.25", "0.5", "3.125"]
    machine = Interpreter({N: 3}, {z: np.array([mpmath.mpf(p) for p in points], dtype=object)}, digits=30)
    out = machine.tensor(activation(kind, z))
    with mpmath.workdps(45):
        exact = {
            "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
            "gelu": lambda v: v * (1 + mpmath.erf(v / mpmath.sqrt(2))) / 2,
            "gelu_tanh": lambda v: v * (1 + mpmath.tanh(
                mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf("0.044715") * v**3))) / 2,
            "mish": lambda v: v * mpmath.tanh(mpmath.log(1 + mpmath.exp(v))),
            "selu": lambda v: mpmath.mpf("1.0507009873554805") * (
                v if v > 0 else mpmath.mpf("1.6732632423543772") * (mpmath.exp(v) - 1)),
            "softsign": lambda v: v / (1 + abs(v)),
        }[kind]  # fmt: skip
        for got, point in zip(out, points, strict=True):
            want = exact(mpmath.mpf(point))
            assert abs(mpmath.mpf(got) - want) < mpmath.mpf(10) ** -28 * abs(want)


def test_thirty_digits_through_a_network_and_its_gradient() -> None:
    output = classifier()
    graph = FlowGraph((output,))
    sizes = spread(graph)
    values = leaf_values(graph, sizes, 3)
    rough, fine = Interpreter(sizes, values), Interpreter(sizes, values, digits=30)
    adjoints = backprop(output, [graph["W1"]])
    for t in (output, adjoints.of[graph["W1"]]):
        a, b = rough.tensor(t), fine.tensor(t)
        assert np.allclose(a, b.astype(float), rtol=1e-13, atol=1e-16)
    step = mpmath.mpf(10) ** -12
    up = fine.perturbed(graph["W1"], (0, 0), step).tensor(output)[()]
    down = fine.perturbed(graph["W1"], (0, 0), -step).tensor(output)[()]
    assert abs((up - down) / (2 * step) - fine.tensor(adjoints.of[graph["W1"]])[0, 0]) < 1e-15


def test_a_pending_derivative_by_complex_step() -> None:
    x = data("x", (N,))
    q = Index("q", N)
    for digits, tolerance in ((None, 1e-14), (30, 1e-27)):
        machine = Interpreter({N: 3}, {x: np.array([0.5, -1.5, 2.0])}, digits=digits)
        for body, exact in (
            (x[q] ** 3, lambda v: 3 * v**2),
            (sympy.erf(x[q]), lambda v: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-(v**2))),
            (sympy.tanh(x[q]), lambda v: 1 - mpmath.tanh(v) ** 2),
        ):
            for at, v in enumerate(("0.5", "-1.5", "2")):
                with mpmath.workdps(40):
                    want = exact(mpmath.mpf(v))
                    got = machine.value(sympy.Derivative(body, x[q], evaluate=False), {q: at})
                    assert abs(mpmath.mpf(got) - want) < tolerance * max(1, abs(want)), (body, digits)


def test_guards_and_exact_zeros() -> None:
    """A factor 1[..] = 0 guards what is undefined: entries out of range, logarithms of negative numbers."""
    x = data("x", (N,))
    y = define("y", (), S(indicator(x[k] > 0) * sympy.log(x[k]) + indicator(k >= 1) * x[k - 1], k))
    out = Interpreter({N: 3}, {x: np.array([-5.0, -1.0, 1.0])})
    assert out.tensor(y)[()] == -6
    z = define("z", (n,), sympy.Piecewise((sympy.log(x[n]), x[n] > 0), (0, True)))
    assert list(out.tensor(z)) == [0, 0, 0]


def test_data_errors() -> None:
    x, t = data("x", (N, K)), labels("t", (N,), C)
    with pytest.raises(DataError, match=r"'x' has shape \(N, K\) = \(2, 3\), the array given has \(3, 2\)"):
        Interpreter({N: 2, K: 3}, {x: np.zeros((3, 2))})
    for wrong in ([0, 3], [-1, 0], [0.5, 1]):
        with pytest.raises(LabelError, match="expected an integer from 0 to 2"):
            Interpreter({N: 2, C: 3}, {t: np.array(wrong)})
    with pytest.raises(DataError, match="size N has no value"):
        Interpreter({}, {x: np.zeros((2, 2))})
    y = define("y", (n,), x[n, 0] * scalars("a"))
    with pytest.raises(DataError, match="no value for 'x'"):
        Interpreter({N: 1, K: 1}, {}).tensor(y)
    with pytest.raises(DataError, match="symbol a has no value"):
        Interpreter({N: 1, K: 1}, {x: np.ones((1, 1))}).tensor(y)
    with pytest.raises(UnsupportedError):
        size_value(sympy.floor(sympy.Symbol("q") / 2), {sympy.Symbol("q"): 3})


def test_perturbed_forgets_what_was_computed_and_leaves_the_original_alone() -> None:
    x = data("x", (N,))
    y = define("y", (n,), x[n] ** 2)
    output = define("l", (), S(y[n], n))
    machine = Interpreter({N: 2}, {x: np.array([1.0, 2.0])})
    assert machine.tensor(output)[()] == 5
    assert machine.perturbed(x, (0,), 1.0).tensor(output)[()] == 8
    assert machine.perturbed(y, (0,), 1.0).tensor(output)[()] == 6
    assert machine.perturbed(x, (0,), 1.0).perturbed(x, (1,), 1.0).tensor(output)[()] == 13
    assert machine.tensor(output)[()] == 5 and list(machine.tensor(x)) == [1, 2]


def test_floats_keep_all_their_digits() -> None:
    x = data("x", (N,))
    machine = Interpreter({N: 1}, {x: np.ones(1)})
    third = sympy.Float(1 / 3, 17)
    q = Index("q", N)
    assert machine.value(third * x[q], {q: 0}) == 1 / 3
    y = define("y", (n,), third * x[n])
    assert machine.tensor(y)[0] == 1 / 3


def test_the_interpreter_takes_templates_with_numbers_of_every_kind() -> None:
    x = data("x", (N,))
    body = sympy.Rational(1, 3) * x[n] + sympy.pi + sympy.E ** x[n] + sympy.Integer(2) ** x[n] + (n + 1) * N
    y = define("y", (n,), body)
    out = Interpreter({N: 2}, {x: np.array([1.0, -2.0])}).tensor(y)
    want = [v / 3 + math.pi + math.exp(v) + 2.0**v + (q + 1) * 2 for q, v in enumerate((1.0, -2.0))]
    assert np.allclose(out, want, rtol=1e-15)


def test_entry_of_and_products() -> None:
    x = data("x", (N, K))
    q, r = Index("q", N), Index("r", K)
    assert entry_of(x, (q, r)) == Entry(x, (Ix(q), Ix(r)))
    assert Mul((entry_of(x, (q, r)),)) != Add((entry_of(x, (q, r)),))


def test_the_interpreter_does_not_read_through_the_border(monkeypatch: pytest.MonkeyPatch) -> None:
    """A border that reads sinh as cosh is seen: the interpreter evaluates what was typed, not what was read."""
    from symnn.ground import sympy_border

    monkeypatch.setitem(sympy_border.NAMES, sympy.sinh, "cosh")
    n_, v = Index("n"), Tensor("v", (sympy.Integer(2),), "input")
    wrong = define("y", (n_,), sympy.sinh(v[n_]))
    found = Interpreter({}, {v: np.array([1.0, 2.0])}).tensor(wrong)
    assert np.allclose(found, np.sinh([1.0, 2.0]))
