"""Misuse: whatever is handed over wrongly is refused in a sentence that says what to write; sound values all work."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import symnn as sn

N, D, H, C = sn.dims("N D H C")
n, i, j = sn.indices("n i j")
x, W = sn.input("x", (N, D)), sn.parameter("W", (H, D))
t = sn.labels("t", (N,), C)
a = sn.dense(x, H, name="1")
net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(sn.relu(a), C, name="2")), t))
params = sn.Network(net.loss).init(D=3, H=4, C=5)
batch = {"x": np.ones((2, 3)), "t": np.array([0, 1])}
run = net.compile()
grad = net.gradient("W1")

CASES: dict[str, tuple[Callable[[], Any], str]] = {
    # formulas
    "sum with bounds": (lambda: sn.sum(x[n, i], (i, 0, 3)), "no bounds are given"),
    "sum over a list": (lambda: sn.sum(x[n, i], [n, i]), "is no index from indices"),
    "sum over text": (lambda: sn.sum(x[n, i], "i"), "'i' is no index"),
    "sum over a symbol": (lambda: sn.sum(x[n, i], sympy.Symbol("i")), "i is no index"),
    "sum turned round": (lambda: sn.sum(i, x[n, i]), r"takes the formula, then the indices"),
    "sum of a tensor": (lambda: sn.sum(x, i), "takes a formula of tensor entries"),
    "where without condition": (lambda: sn.where(x[n, i], 1, 2), "takes a comparison"),
    "indicator of a number": (lambda: sn.indicator(3), "takes a comparison"),
    "an infinite factor": (lambda: sn.define("q", (n, i), x[n, i] * float("inf")), "not a finite real number"),
    "a factor nan": (lambda: sn.define("q", (n, i), x[n, i] * float("nan")), "not a finite real number"),
    # declarations
    "dims of a number": (lambda: sn.dims(3), r"takes names in one text, dims\('N D'\)"),
    "indices of a number": (lambda: sn.indices(2), r"takes names in one text, indices\('n i'\)"),
    "scalars without names": (lambda: sn.scalars(""), "needs at least one name"),
    "an index of a number": (lambda: sn.index(3), "An index needs a letter"),
    "an input of an array": (lambda: sn.input("a", np.ones((2, 3))), r"found an array of shape \(2, 3\)"),
    "one name twice": (lambda: sn.dims("N N"), r"dims\('N N'\) holds the name 'N' twice"),
    "a name of digits": (lambda: sn.dims("1"), "begin with a letter.*'1' is none"),
    "a name with a semicolon": (lambda: sn.indices("a;b"), "begin with a letter.*'a;b' is none"),
    "an axis below zero": (lambda: sn.input("a", (-N,)), "-N is at most 0 whatever its symbols are"),
    "an axis at most zero": (lambda: sn.input("a", (1 - N,)), "1 - N is at most 0"),
    "a power as an axis": (lambda: sn.input("a", (N * N,)), r"products of different symbols, found N\*\*2.*M = dims"),
    "two inputs of one name": (
        lambda: sn.define("y", (n, i), x[n, i] * sn.input("x", (N, D))[n, i]), "two different tensors .*'x'",
    ),
    "a tensor plus one": (lambda: x + 1, r"without indices.*x\[n, i\] \+ 1, inside sn.define"),
    "one minus a tensor": (lambda: 1 - x, "without indices"),
    "a product of tensors": (lambda: x @ W, r"sum over the index they share, sn.sum\("),
    "an array times a tensor": (lambda: np.ones(2) * x, "without indices"),
    "NumPy's exp of a tensor": (lambda: np.exp(x), r"sympy.exp\(x\[n, i\]\)"),
    "a tensor compared": (lambda: x > 0, "without indices"),
    "an entry plus a tensor": (lambda: x[n, i] + x, "without indices"),
    # positions
    "half a position": (lambda: sn.define("a", (n, i), x[n, i / 2]), r"i/2 on axis 1 of x \(N, D\) is not a whole"),
    "a third of a label": (lambda: sn.define("a", (n,), W[0, t[n] / 3]), r"KroneckerDelta\(3\*j, t\[n\]\) \* W\["),
    "a scalar as a position": (lambda: sn.define("a", (n,), x[n, sn.scalars("lam")]), "Positions are made of indices"),
    "half a position, guarded in vain": (
        lambda: sn.define("a", (n, i, j), sympy.KroneckerDelta(i, 2 * j) * x[n, (i + 1) / 2] * W[0, j]), "not a whole",
    ),
    # a layer by itself
    "a layer by itself": (lambda: sn.vjp(a, "a1"), "'a1' is the layer itself.* what arrives there, da1"),
    "a layer judged by itself": (lambda: sn.check_gradient(a, "a1", "da1"), "'a1' is the layer itself"),
    # numbers
    "a number of 5000 digits": (
        lambda: sn.prove_equal(sympy.Integer(10) ** 5000 * x[n, i], x[n, i]), "more than 3900 digits",
    ),
    # layers
    "dense of an array": (lambda: sn.dense(np.ones((2, 3)), 4), r"found an array of shape .*declare an input"),
    "dense turned round": (lambda: sn.dense(3, x), "a tensor first, then the number of units"),
    "dense of an entry": (lambda: sn.dense(x[n, i], H), "Pass the tensor without indices"),
    "dense with an array": (lambda: sn.dense(x, H, weight=np.ones((3, 2))), "takes a tensor as W"),
    "relu of a number": (lambda: sn.relu(3), r"relu\(\) takes a tensor, found int 3"),
    "relu of an entry": (lambda: sn.relu(x[n, i]), "Pass the tensor without indices"),
    "softmax of an array": (lambda: sn.softmax(np.ones(3)), r"softmax\(\) takes a tensor as z"),
    "activation turned round": (lambda: sn.activation(x, "relu"), "takes a name first"),
    "loss turned round": (lambda: sn.loss(x, "mse"), "takes a name first"),
    "a loss of one": (lambda: sn.loss("mse", x), r"takes 2 tensors \(y, t\), found 1"),
    "a loss of an array": (lambda: sn.mse(x, np.ones(3)), "takes a tensor as t"),
    "labels as an array": (lambda: sn.cross_entropy(x, np.ones(3)), "takes a tensor as t"),
    "plus a number": (lambda: sn.plus(x, 3), r"plus\(\) takes a tensor"),
    # constants
    "alpha nan": (lambda: sn.elu(x, alpha=float("nan")), "alpha must be a finite real number"),
    "alpha as text": (lambda: sn.elu(x, alpha="1"), "alpha must be a finite real number"),
    "slope true": (lambda: sn.leaky_relu(x, slope=True), "slope must be a finite real number"),
    "slope complex": (lambda: sn.leaky_relu(x, slope=sympy.I), "slope must be a finite real number"),
    "slope infinite": (lambda: sn.leaky_relu(x, slope=sympy.oo), "slope must be a finite real number"),
    "slope an entry": (lambda: sn.leaky_relu(x, slope=x[n, i]), "slope must be a finite real number"),
    "delta negative": (lambda: sn.huber(x, x, delta=-1), "delta must be positive"),
    "delta zero": (lambda: sn.huber(x, x, delta=0), "delta must be positive"),
    # penalties
    "strength as text": (lambda: sn.l2(W, "lam"), "strength must be a finite real number"),
    "strength nan": (lambda: sn.l2(W, np.nan), "strength must be a finite real number"),
    "l2 of an input": (lambda: sn.l2(x), "'x' is an input, and a penalty is on weights only"),
    "l1 of an input": (lambda: sn.l1([W, x]), "'x' is an input, and a penalty is on weights only"),
    "l2 of labels": (lambda: sn.l2(t), "'t' is a tensor of labels"),
    "l2 of a number": (lambda: sn.l2(3), "takes weights, found int 3"),
    # a network's parts
    "gradient by a number": (lambda: net.gradient(1), "given by its name, such as 'W1', found int 1"),
    "gradient by a list": (lambda: net.gradient(["W1"]), "found list"),
    "a part by number": (lambda: net[0], "found int 0"),
    "a stranger": (lambda: net.gradient(W), "not part of the network. Known: 'x', 'W1'"),
    "capitals": (lambda: net.gradient("w1"), "Did you mean 'W1'"),
    "wrt a number": (lambda: net.compile(wrt=[1]), "found int 1"),
    "a backend by number": (lambda: net.compile(backend=3), "no backend named 3"),
    "an output as text": (lambda: sn.Network(net.loss, output="p"), "takes a tensor as output"),
    "vjp of a name": (lambda: sn.vjp("W1", params), "takes a computed tensor first"),
    "vjp by arrays": (lambda: sn.vjp(a, params), "given by its name"),
    "vjp by a stranger": (lambda: sn.vjp(a, W), "not part of the layer"),
    # claims
    "no claim": (lambda: sn.check_gradient(net, "W1", None), "compares with a gradient of yours"),
    "a claim about a number": (lambda: sn.check_gradient(3, "W1", W), "a computed tensor first"),
    # running
    "a list of parameters": (lambda: run([1], batch), "takes parameters by name, such as {'W1': array}"),
    "a pair of arrays": (lambda: run(params, (batch["x"], batch["t"])), "takes data by name"),
    "no data": (lambda: run(params, None), "found None"),
    "predict of an array": (lambda: net.predict(batch["x"], params), r"found an array of shape \(2, 3\)"),
    "predict with a list": (lambda: net.predict(batch, [1]), "takes parameters by name"),
    "kinks of a list": (lambda: net.away_from_kinks(params, [1]), "takes data by name"),
    "checked with a list": (lambda: net.check_compiled(params, [1]), "takes data by name"),
    "a negative size": (lambda: net.init(D=-3, H=4, C=5), "size D must be a whole number from 1 on"),
    "a broken size": (lambda: net.init(D=3.7, H=4, C=5), "size D must be a whole number from 1 on, found float 3.7"),
    "a size as text": (lambda: net.init(D="3", H=4, C=5), "size D must be a whole number"),
    "a seed as text": (lambda: net.init(D=3, H=4, C=5, seed="a"), "seed must be a whole number from 0 on"),
    "a negative seed": (lambda: net.init(D=3, H=4, C=5, seed=-1), "seed must be a whole number from 0 on"),
    "sizes as a number": (lambda: net.init(3), "takes sizes by name"),
    "sizes by number": (lambda: net.init({3: 4}), "no size named 3"),
    "a scheme by number": (lambda: net.init(D=3, H=4, C=5, scheme=3), "no initialisation scheme named 3"),
    "a scalar that is none": (lambda: net.compile(lam=0.1), "no scalar or size named 'lam'"),
    "predict with a scalar that is none": (lambda: net.predict(batch, params, eps=1), "no scalar or size named 'eps'"),
    "explicit sizes as a number": (lambda: grad.at(3), "takes sizes by name"),
    "a broken explicit size": (lambda: grad.at(N=2.5, D=2, H=2, C=2), "N must be a whole number from 1 on"),
}  # fmt: skip


CLAIMS: dict[str, tuple[Any, str]] = {
    "too few indices": (lambda k: x[0, k], "nothing here is called so"),
    "too many indices": (lambda k, m, l: 0, "nothing here is called so"),
    "a transposed claim": (sn.parameter("V", (D, H)), r"shape \(D, H\), expected \(H, D\).*transposed"),
    "a claim of other sizes": (sn.parameter("V", (H, C)), r"shape \(H, C\), expected \(H, D\)"),
    "a claim of other rank": (sn.parameter("V", (H,)), r"1 axes, dW1 has 2.*\(H,\).*\(H, D\)"),
    "a claim with strange indices": (x[n, i], "nor summed over"),
}  # fmt: skip


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_that_is_none_is_no_pass(case: str) -> None:
    claim, says = CLAIMS[case]
    verdict = sn.check_gradient(net, "W1", claim)
    assert verdict.word == "cannot tell" and not verdict and re.search(f"(?s){says}", verdict.reason), verdict.reason


@pytest.mark.parametrize("case", CASES)
def test_misuse_is_refused_in_a_sentence(case: str) -> None:
    deed, says = CASES[case]
    with pytest.raises(sn.SymnnError, match=f"(?s){says}") as caught:
        deed()
    assert str(caught.value).rstrip().endswith((".", "..."))
    assert caught.value.__cause__ is None


def test_a_folder_is_no_file_of_parameters(tmp_path: Path) -> None:
    with pytest.raises(sn.DataError, match="cannot be read: Is a directory"):
        net.load(tmp_path)


HALF = (0.5, np.float64(0.5), np.float32(0.5), Fraction(1, 2), sympy.Rational(1, 2), sympy.Float(0.5), sympy.S.Half)


@pytest.mark.parametrize("value", HALF, ids=lambda v: type(v).__name__)
def test_a_constant_may_be_any_real_number(value: Any) -> None:
    z = np.array([[-2.0, 0.25, 3.0]])

    def loss(y: sn.Tensor) -> Any:
        m, k = sn.indices("m k")
        total = sn.Network(sn.define("s", (), sn.sum(y[m, k], m, k)) if y.rank else y)
        return total.compile(wrt=["x"])({}, {name: z if name == "x" else 0 * z for name in total.inputs})[0]

    y = sn.input("y", (N, D))
    assert loss(sn.leaky_relu(x, slope=value)) == pytest.approx(-1 + 3.25)
    assert loss(sn.elu(x, alpha=value)) == pytest.approx(0.5 * (np.exp(-2) - 1) + 3.25)
    assert loss(sn.huber(x, y, delta=value, reduction="sum")) == pytest.approx(0.5 * 1.75 + 0.25**2 / 2 + 0.5 * 2.75)


def test_a_decimal_is_meant_as_it_is_printed() -> None:
    h = sn.leaky_relu(x, slope=np.float64(0.1), name="h")
    assert sn.vjp(h, "x").matrix == "dh * where(x > 0, 1, 0.1)"
    with pytest.raises(sn.DefinitionError, match="slope must be"):
        sn.leaky_relu(x, slope=Decimal("NaN"))


def test_a_penalty_on_inner_tensors_collects_their_weights() -> None:
    v = sn.parameter("v", (H,))
    assert {p.name for p in sn.l2([a, v]).definition.args} == {"W1", "v"}  # type: ignore[union-attr]
    assert [p.name for p in sn.l2([a, net["W1"]]).definition.args] == ["W1"]  # type: ignore[union-attr]


def test_a_gradient_may_be_asked_for_by_its_tensor() -> None:
    assert str(net.gradient(net["W1"])) == str(net.gradient("W1"))
    assert net[net["p"]] is net["p"]
    assert run.wrt == net.compile(wrt=list(net.parameters.values())).wrt
    assert net.compile(wrt="W1").wrt == ("W1",)


def test_an_output_beside_the_loss_may_be_predicted() -> None:
    y = sn.input("y", (N,))
    w = sn.parameter("w", (D,))
    s = sn.define("s", (n,), sn.sum(x[n, i] * w[i], i))
    logistic = sn.Network(sn.bce_with_logits(s, y), output=sn.sigmoid(s, name="p"))
    np.testing.assert_allclose(logistic.predict({"x": np.zeros((2, 3))}, {"w": np.ones(3)}), [0.5, 0.5])


@pytest.fixture(scope="module")
def normed() -> sn.Network:
    """A network whose output needs eps, and whose loss needs lam besides."""
    eps, lam = sn.scalars("eps lam", positive=True)
    w = sn.parameter("w", (D,))
    y, target = sn.define("y", (n, i), x[n, i] * w[i] / sympy.sqrt(x[n, i] ** 2 + eps)), sn.input("r", (N, D))
    return sn.Network(sn.plus(sn.mae(y, target), sn.l2(w, lam)), output=y)


def test_a_network_with_hyperparameters_runs_everywhere(normed: sn.Network) -> None:
    data = {"x": np.array([[1.0, 2.0]]), "r": np.array([[3.0, -4.0]])}
    w = {"w": np.ones(2)}
    first = normed.predict(data, w, eps=3.0)
    np.testing.assert_allclose(first, [[1 / 2, 2 / np.sqrt(7)]])
    np.testing.assert_allclose(normed.predict(data, w, eps=0.0), [[1, 1]])
    np.testing.assert_array_equal(normed.predict(data, w, eps=3.0, lam=5.0), first)
    assert normed.compile(eps=3.0, lam=0.5)(w, data)[0] == pytest.approx((2.5 + 4 + 2 / np.sqrt(7)) / 2 + 1)
    moved = normed.away_from_kinks(w, data, eps=3.0)
    checks = normed.check_compiled(moved, data, eps=3.0, lam=0.5)
    assert all(c.verdict == "differenced" for c in checks.values())


def test_a_hyperparameter_without_a_value_says_how_to_give_it(normed: sn.Network) -> None:
    data, w = {"x": np.ones((1, 2))}, {"w": np.ones(2)}
    with pytest.raises(sn.DefinitionError, match=r"predict\(\.\.\., eps=0\.1\)"):
        normed.predict(data, w)
    with pytest.raises(sn.DefinitionError, match=r"compile\(\.\.\., lam=0\.1\)"):
        normed.compile(eps=0.1)
    with pytest.raises(sn.UnknownNameError, match="Did you mean 'eps'"):
        normed.compile(Eps=0.1)
    for wrong in ("0.1", float("nan"), sympy.Symbol("q", real=True)):
        with pytest.raises(sn.DefinitionError, match="eps must be a"):
            normed.predict(data, w, eps=wrong)


def test_whole_positions_are_taken() -> None:
    wide, k, s, i = sn.input("v", (N * D,)), sn.index("k", N), sn.dims("s"), sn.index("i", D)
    same = sympy.KroneckerDelta
    sn.define("a", (n, i, j), same(i, 2 * j) * x[n, i / 2] * W[0, j])
    sn.define("a", (n, i, j), same(i, 2 * j + 1) * x[n, (i - 1) / 2] * W[0, j])
    sn.define("a", (n, i, j), sn.where(sympy.Eq(i, s * j), x[n, i / s], 0) * W[0, j])
    sn.define("a", (k,), wide[k * (k + 1) / 2])
    sn.define("a", (n, i), x[n, sympy.Max(i - 1, 0)])


def test_numbers_too_large_for_a_float_are_read() -> None:
    large = sympy.Integer(10) ** 400
    assert sn.prove_equal(large * x[n, i] + 1, 1 + x[n, i] * large)
    assert not sn.prove_equal(large * x[n, i], large * x[n, i] + 1)


def test_what_refuses_arithmetic_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        x + 1
    assert x == x and x != W
