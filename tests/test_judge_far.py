"""Gradients that are right where tests look, and wrong elsewhere: large entries, other sides of numbers, kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

import symnn as sn

N, D = sn.dims("N D")
n, i = sn.indices("n i")
x, p = sn.input("x", (N,)), sn.input("p", (N,))


def layer(f: Any) -> Any:
    return sn.define("y", (n,), f(x[n]))


RELU = sn.relu(x, name="y")
RELU6 = layer(lambda u: sympy.Min(sympy.Max(u, 0), 6))
SUM = sn.Network(sn.define("L", (), sn.sum(RELU[n], n)))
SQUARES = sn.Network(sn.define("L", (), sn.sum(x[n] ** 2, n) / N))
LOG = sn.Network(sn.define("L", (), -sn.sum(sympy.log(p[n]), n)))

WRONG = [
    (RELU6, "x", "dy*(x>=0)"), (RELU, "x", "dy*(x>=0)*(x<10)"), (RELU, "x", "clip(dy,-10,10)*(x>=0)"),
    (RELU, "x", "dy*(x>=0)*(N<8)"), (RELU, "x", "dy*(x>0)+dy*(x<-9)"), (RELU, "x", "dy*((x>0)+(x>7)*(x<7.01))"),
    (layer(sympy.exp), "x", "dy*exp(maximum(x,-5))"), (layer(sympy.exp), "x", "dy*(exp(x)+(x>20))"),
    (layer(lambda u: sympy.Max(u + 9, 0)), "x", "dy"), (layer(sympy.tanh), "x", "dy*(1-tanh(x)**2)*(x>-5)"),
    (SQUARES, "x", "2*x/N*(N<137)"), (LOG, "p", "-1/(p+1e-12)"), (LOG, "p", "-1/maximum(p,0.001)"),
    (LOG, "p", "-where(p<0.01,100,1/p)"),
]  # fmt: skip
NO_CONVENTION = [
    (RELU, "x", "dy*where(x==0,100,x>0)"), (SUM, "x", "(x>0)+sum(x==0)"),
    (layer(lambda u: u * sympy.Abs(u)), "x", "dy*where(x==0,5,2*abs(x))"),
]  # fmt: skip
RIGHT = [
    (RELU, "x", "dy*(x>=0)"), (RELU, "x", "dy*where(x==0,0.5,x>0)"), (RELU6, "x", "dy*(x>=0)*(x<=6)"),
    (LOG, "p", "-1/p"), (LOG, "p", "-1/abs(p)"), (layer(lambda u: u * sympy.Abs(u)), "x", "2*dy*abs(x)"),
]  # fmt: skip


@pytest.mark.parametrize(("forward", "wrt", "text"), WRONG, ids=[w[2] for w in WRONG])
def test_what_is_wrong_far_away_is_wrong(forward: Any, wrt: str, text: str) -> None:
    assert sn.check_gradient(forward, wrt, text).word == "wrong"


@pytest.mark.parametrize(("forward", "wrt", "text"), NO_CONVENTION, ids=[w[2] for w in NO_CONVENTION])
def test_no_convention_gives_any_value_at_a_kink(forward: Any, wrt: str, text: str) -> None:
    judgement = sn.check_gradient(forward, wrt, text)
    assert judgement.word == "wrong" and "no convention" in judgement.diagnosis[0].sentence


@pytest.mark.parametrize(("forward", "wrt", "text"), RIGHT, ids=[w[2] for w in RIGHT])
def test_conventions_and_domains_are_no_faults(forward: Any, wrt: str, text: str) -> None:
    assert sn.check_gradient(forward, wrt, text).word == "right"


def test_a_mend_is_right_itself() -> None:
    hardswish = layer(lambda u: u * sympy.Min(sympy.Max(u + 3, 0), 6) / 6)
    for text in ("dy*where(x>-3,(2*x+3)/6,0)", "dy*(x<6)"):
        judgement = sn.check_gradient(hardswish, "x", text)
        assert judgement.word == "wrong"
        for d in judgement.diagnosis:
            assert not d.mended or sn.check_gradient(hardswish, "x", d.mended).word == "right"


# -- values that are given ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("candidate", ["dy*(x>=0)", lambda dy, x: dy * (x >= 0)], ids=["formula", "code"])
def test_values_given_at_a_kink_are_no_fault(candidate: Any) -> None:
    judgement = sn.check_gradient(RELU, "x", candidate, at={"x": np.zeros(3)})
    assert judgement.word == "right" and any("kink" in note for note in judgement.notes)


@pytest.mark.parametrize(
    ("at", "error"),
    [({"x": np.full(3, np.nan)}, sn.DataError), ({"x": np.ones(3) * 1j}, sn.DataError), ({"N": 2.5}, sn.DataError),
     ({"N": 0}, sn.DataError), (5, sn.DefinitionError)],
)  # fmt: skip
def test_values_that_cannot_be_given(at: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        sn.check_gradient(RELU, "x", "dy*(x>0)", at=at)


def test_labels_that_are_given() -> None:
    t = sn.labels("t", (N,), D)
    z = sn.input("z", (N, D))
    net = sn.Network(sn.cross_entropy(sn.softmax(z, name="p"), t))
    assert sn.check_gradient(net, "z", "(p - onehot(t)) / N", at={"t": np.array([0, 4])}).word == "right"
    for bad in (np.array([-1, 0]), np.array([0.0, 1.0])):
        with pytest.raises(sn.LabelError):
            sn.check_gradient(net, "z", "(p - onehot(t)) / N", at={"t": bad})


@pytest.mark.parametrize("seed", ["a", 1.5, -1, True])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(sn.DefinitionError, match="seed"):
        sn.check_gradient(RELU, "x", "dy*(x>0)", seed=seed)


# -- code --------------------------------------------------------------------------------------------------------------


def test_scalar_parameters() -> None:
    w, b, t = sn.parameter("w", ()), sn.parameter("b", ()), sn.input("t", (N,))
    loss = sn.define("L", (), sn.sum((w[()] * x[n] + b[()] - t[n]) ** 2, n) / N)

    def g(x: Any, t: Any, w: Any, b: Any) -> Any:
        r = w * x + b - t
        return 2 * np.mean(r * x), 2 * np.mean(r)

    assert sn.check_gradients(loss, sn.function(g, returns=("w", "b")))


def test_gradients_that_pile_up_in_a_buffer_cannot_be_told() -> None:
    buffer: dict[Any, Any] = {}

    def g(x: Any) -> Any:
        total = buffer.setdefault(x.shape, np.zeros_like(x))
        total += 2 * x / len(x)
        return total

    judgement = sn.check_gradient(SQUARES, "x", g)
    assert judgement.word == "cannot tell" and "called again" in judgement.reason


def test_a_forward_that_is_a_little_off_differs() -> None:
    def forward(x: Any) -> Any:
        return np.tanh(x) * (1 + 5e-6), x

    def backward(d: Any, x: Any) -> Any:
        return d * (1 - np.tanh(x) ** 2)

    found = sn.check_gradients(layer(sympy.tanh), sn.course(forward, backward, ("x",)))
    assert [d.kind for d in found["x"].diagnosis] == ["forward"]


# -- pairs: code that is not analytic ----------------------------------------------------------------------------------


def normalised(x: Any) -> Any:
    s = np.sqrt(x.var() + 1e-5)
    h = (x - x.mean()) / s
    return h, (h, s)


def in_a_buffer(x: Any) -> Any:
    o = np.zeros_like(x, dtype=float)
    o[:] = np.real(x - x.mean())
    return o + x, x


PAIRS = [
    (normalised, lambda d, c: (d - d.mean() - c[0] * (d * c[0]).mean()) / c[1], lambda d, c: (d - d.mean()) / c[1]),
    (in_a_buffer, lambda d, c: 2 * d - d.mean(), lambda d, c: d),
    (lambda x: (np.abs(np.diff(x)).sum() + (x**2).sum(), x), lambda d, x: d * (2 * x + turns(x)),
     lambda d, x: 2 * d * x),
    (lambda x: (1e6 + 1e-3 * np.abs(x).sum() + (x**2).sum(), x), lambda d, x: d * (2 * x + 1e-3 * np.sign(x)),
     lambda d, x: 2 * d * x),
]  # fmt: skip


def turns(x: Any) -> Any:
    s = np.sign(np.diff(x))
    return np.concatenate([[0.0], s]) - np.concatenate([s, [0.0]])


@pytest.mark.parametrize("shape", ["N", "3", "2", "6"])
@pytest.mark.parametrize(("forward", "right", "wrong"), PAIRS, ids=["variance", "buffer", "variation", "constant"])
def test_imaginary_parts_that_are_dropped_are_noticed(forward: Any, right: Any, wrong: Any, shape: str) -> None:
    assert sn.check_pair(forward, right, {"x": shape})
    assert sn.check_pair(forward, wrong, {"x": shape})["x"].word == "wrong"


z, b = sn.input("x", (N, D)), sn.parameter("b", (D,))
SHIFTED = sn.define("y", (n, i), sympy.Max(z[n, i] + b[i], 0))


@pytest.mark.parametrize("keepdims", [False, True])
def test_another_number_of_axes_does_not_hide_a_value_at_a_kink(keepdims: bool) -> None:
    def convention(at_kink: float) -> Any:
        def gradient(x: Any, b: Any, dy: Any) -> Any:
            z = x + b
            return (dy * np.where(z > 0, 1, np.where(z == 0, at_kink, 0))).sum(0, keepdims=keepdims)

        return gradient

    at = {"x": np.array([[1.0, -2.0], [3.0, 4.0]]), "b": np.array([-1.0, 0.5])}
    assert sn.check_gradient(SHIFTED, "b", convention(0.5), at=at).word == "right"
    assert sn.check_gradient(SHIFTED, "b", convention(1e6), at=at).word == "wrong"


def test_code_is_held_to_its_rounding_at_values_given_too() -> None:
    def near_right(x: Any, b: Any, dy: Any) -> Any:
        right = (dy * (x + b > 0)).sum(0)
        return right * (1 + 3e-8) if abs(x[0, 0] - 1.25) < 1e-3 else right

    at = {"x": np.array([[1.25, -1.75], [3.25, 4.25]]), "b": np.array([-1.0, 0.5])}
    assert sn.check_gradient(SHIFTED, "b", near_right).word == "right"
    assert sn.check_gradient(SHIFTED, "b", near_right, at=at).word == "wrong"
