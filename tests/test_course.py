"""Backward passes as courses set them, right ones and broken ones: which gradients are wrong, and what about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import symnn as sn
from tests import course_passes as by_hand

N, C, D, E, H, M, T, U = sn.dims("N C D E H M T U")
n, i, m, h, k = sn.indices("n i m h k")
eps, p = sn.scalars("eps p", positive=True)
x = sn.input("x", (N, D))

# -- the passes, each with what it is judged by ------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A pass by hand beside a layer of symnn's."""

    layer: sn.Tensor
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def judged(self, backward: Any = None, *, forward: Any = None, seed: int = 0, **options: Any) -> sn.Judgements:
        code = sn.course(forward or self.forward, backward or self.backward, self.inputs, **{**self.options, **options})
        return sn.check_gradients(self.layer, code, seed=seed)


@dataclass(frozen=True)
class Pair:
    """A pass by hand with no network behind it."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    shapes: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)

    def judged(self, backward: Any = None, *, forward: Any = None, seed: int = 0) -> sn.Judgements:
        return sn.check_pair(forward or self.forward, backward or self.backward, self.shapes, seed=seed, **self.options)


def affine() -> sn.Tensor:
    w, b = sn.parameter("w", (D, M)), sn.parameter("b", (M,))
    return sn.define("y", (n, m), sn.sum(x[n, i] * w[i, m], i) + b[m])


def dropout() -> sn.Tensor:
    u = sn.input("u", (N, D))
    return sn.define("y", (n, i), sn.indicator(u[n, i] < p) * x[n, i] / p)


def softmax_loss() -> sn.Tensor:
    return sn.cross_entropy(sn.softmax(sn.input("x", (N, C))), sn.labels("y", (N,), C))


def attention(**options: Any) -> sn.Tensor:
    return sn.attention(sn.input("q", (T, D)), sn.input("k", (U, D)), sn.input("v", (U, H)), **options)


def head() -> sn.Tensor:
    rows = sn.input("x", (T, E))

    def projected(letter: str, width: Any) -> sn.Tensor:
        weight = sn.parameter(f"W{letter}", (width, E))
        return sn.dense(rows, width, bias=False, weight=weight, name=letter)

    return sn.attention(projected("q", D), projected("k", D), projected("v", H))


def rnn_step() -> sn.Tensor:
    prev, b = sn.input("prev_h", (N, H)), sn.parameter("b", (H,))
    Wx, Wh = sn.parameter("Wx", (D, H)), sn.parameter("Wh", (H, H))
    a = sn.define("a", (n, h), sn.sum(x[n, i] * Wx[i, h], i) + sn.sum(prev[n, k] * Wh[k, h], k) + b[h])
    return sn.tanh(a, name="next_h")


def dense() -> sn.Tensor:
    return sn.dense(x, M, weight=sn.parameter("W", (M, D)), bias_tensor=sn.parameter("b", (M,)))


NORM, HEAD, STEP = ("x", "gamma", "beta"), ("q", "k", "v"), ("x", "prev_h", "Wx", "Wh", "b")
WITH_EPS = {"returns": NORM}
IMAGES = {"x": "N,C,H,W", "w": "F,C,R,S", "b": "F"}
SMALL = {"N": 2, "C": 1, "H": 4, "W": 5, "F": 3, "R": 3, "S": 2}
RECURRENT = {"x": "N,D", "prev_h": "N,H", "Wx": "D,H", "Wh": "H,H", "b": "H"}
GATED = {"x": "N,D", "prev_h": "N,H", "prev_c": "N,H", "Wx": "D,G", "Wh": "H,G", "b": "G"}

PASSES: dict[str, Layer | Pair] = {
    "affine": Layer(affine(), by_hand.affine_forward, by_hand.affine_backward, ("x", "w", "b")),
    "dense": Layer(dense(), by_hand.dense_forward, by_hand.dense_backward, ("x", "W", "b")),
    "relu": Layer(sn.relu(x, name="y"), by_hand.relu_forward, by_hand.relu_backward, ("x",)),
    "mlp": Layer(
        sn.dense(sn.relu(sn.dense(x, H, name="1")), C, name="2"),
        by_hand.mlp_forward, by_hand.mlp_backward, ("x", "W1", "b1", "W2", "b2"),
    ),
    "batch norm": Layer(
        sn.batch_norm(x, eps=eps), by_hand.batchnorm_forward, by_hand.batchnorm_backward, (*NORM, "eps"), WITH_EPS
    ),
    "batch norm on one line": Layer(
        sn.batch_norm(x, eps=eps), by_hand.batchnorm_forward, by_hand.batchnorm_backward_alt, (*NORM, "eps"), WITH_EPS
    ),
    "batch norm with a number": Layer(
        sn.batch_norm(x, eps=1e-3), by_hand.batchnorm_forward, by_hand.batchnorm_backward_alt, NORM,
        {"constants": (1e-3,)},
    ),
    "layer norm": Layer(
        sn.layer_norm(x, eps=1e-2), by_hand.layernorm_forward, by_hand.layernorm_backward, NORM,
        {"constants": ({"eps": 1e-2},)},
    ),
    "dropout": Layer(
        dropout(), by_hand.dropout_forward, by_hand.dropout_backward, ("x", "u", "p"), {"returns": ("x",)}
    ),
    "softmax loss": Layer(
        softmax_loss(), by_hand.softmax_loss_forward, by_hand.softmax_loss_backward, ("x", "y"), {"returns": ("x",)}
    ),
    "attention": Layer(attention(), by_hand.attention_forward, by_hand.attention_backward, HEAD),
    "causal attention": Layer(
        attention(mask="causal"), by_hand.attention_forward, by_hand.attention_backward, HEAD, {"constants": (True,)}
    ),
    "head": Layer(head(), by_hand.head_forward, by_hand.head_backward, ("x", "Wq", "Wk", "Wv")),
    "rnn layer": Layer(rnn_step(), by_hand.rnn_step_forward, by_hand.rnn_step_backward, STEP),
    "convolution": Pair(
        by_hand.conv_forward, by_hand.conv_backward, IMAGES,
        {"sizes": SMALL, "constants": ({"pad": 1, "stride": 2},)},
    ),
    "max-pool": Pair(
        by_hand.max_pool_forward, by_hand.max_pool_backward, {"x": "N,C,H,W"},
        {"sizes": {"N": 2, "C": 3, "H": 5, "W": 4}, "constants": ({"size": 2, "stride": 1},)},
    ),
    "embedding": Pair(
        by_hand.embedding_forward, by_hand.embedding_backward, {"x": "N,T|V", "W": "V,D"},
        {"wrt": ("W",), "sizes": {"N": 2, "T": 3, "V": 6}},
    ),
    "rnn step": Pair(by_hand.rnn_step_forward, by_hand.rnn_step_backward, RECURRENT),
    "lstm step": Pair(
        by_hand.lstm_step_forward, by_hand.lstm_step_backward, GATED, {"sizes": {"H": 2, "G": 8}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("seed", (0, 1))
@pytest.mark.parametrize("name", PASSES)
def test_a_right_pass_is_right_in_every_gradient(name: str, seed: int) -> None:
    found = PASSES[name].judged(seed=seed)
    assert found and len(found) >= 1
    for judgement in found.values():
        assert judgement.verdict == "equal numerically" and bool(judgement) is True, str(judgement)
        assert not judgement.diagnosis and judgement.seen is None
        assert judgement.worst is not None and judgement.bound is not None
        assert judgement.worst <= judgement.bound < 1e-6


# -- broken ones -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slip:
    """One slip: a piece of a backward pass for another, the gradients it spoils, and what is said about these."""

    what: str
    old: str
    new: str
    wrong: str
    kind: str = ""
    words: str = ""
    told: str = ""
    also: tuple[tuple[str, str], ...] = ()


MASK = "dx = dout * (x > 0)"
PATHS = "the path from mu to xhat is missing", "the path from x to sigma is missing"
JACOBIAN = "ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))"
CUT = "dxp[:, :, pad : pad + H, pad : pad + W]"
CELL = "dnext_c + dnext_h * o * (1 - t**2)"
LATER = "x prev_h Wx Wh b"

SLIPS: dict[str, tuple[Slip, ...]] = {
    "affine": (
        Slip("db over the wrong axis", "dout.sum(axis=0)", "dout.sum(axis=1)", "b", "axis",
             "the sum over M, where the sum over N belongs"),
        Slip("db not summed", "dout.sum(axis=0)", "dout", "b", "batch-sum", "the sum over N is missing"),
        Slip("db a mean", "dout.sum(axis=0)", "dout.mean(axis=0)", "b", "mean-for-sum", "1/N times the true"),
        Slip("db over both axes", "dout.sum(axis=0)", "dout.sum()", "b", "batch-sum", "an axis that the gradient has"),
        Slip("db of one example", "dout.sum(axis=0)", "dout[0]", "b", "sum", "only one term of it is taken"),
        Slip("dw transposed", "x.T @ dout", "dout.T @ x", "w", "transpose", "transpose"),
        Slip("dw averaged", "x.T @ dout", "x.T @ dout / len(x)", "w", "mean-for-sum", "1/N times the true"),
        Slip("dw negative", "x.T @ dout", "-x.T @ dout", "w", "sign", "minus the true gradient"),
        Slip("dw without dout", "x.T @ dout", "x.T @ np.ones_like(dout)", "w", "factor", "dy[n,m] is missing"),
        Slip("dw left at zero", "x.T @ dout", "np.zeros_like(w)", "w", "zero", "0 everywhere"),
        Slip("dw with weight decay", "x.T @ dout", "x.T @ dout + w", "w", "term", "w is added"),
        Slip("dx times N", "dout @ w.T", "len(x) * dout @ w.T", "x", "factor", "N times the true"),
    ),
    "dense": (
        Slip("dW transposed", "dout.T @ x", "x.T @ dout", "W", "transpose", "transpose"),
        Slip("dx transposed", "dout @ W", "W.T @ dout.T", "x", "transpose", "transpose"),
        Slip("db not summed", "dout.sum(axis=0)", "dout", "b", "batch-sum", "the sum over N is missing"),
    ),
    "relu": (
        Slip("mask of dout", MASK, "dx = dout * (dout > 0)", "x", "instead", "dy stands where x belongs"),
        Slip("mask turned round", MASK, "dx = dout * (x < 0)", "x", "mask", "turned round"),
        Slip("x for its mask", MASK, "dx = dout * x", "x", "mask", "itself stands where 1[x["),
        Slip("dout missing", MASK, "dx = 1.0 * (x > 0)", "x", "factor", "the factor dy is missing"),
        Slip("doubled", MASK, "dx = 2 * dout * (x > 0)", "x", "factor", "yours is 2 times the true gradient"),
        Slip("times ReLU", MASK, "dx = dout * np.maximum(x, 0)", "x", "factor", "x stands once too often"),
        Slip("mask above 1/2", MASK, "dx = dout * (x > 0.5)", "x"),
    ),
    "mlp": (
        Slip("no ReLU", "relu_backward(dh, middle)", "dh", "x W1 b1", "mask", "the factor 1[a1[n,i] > 0] is missing"),
        Slip("ReLU turned round", "(dh, middle)", "(dh, -middle)", "x W1 b1", "mask", "1[a1[n,i] > 0] is turned round"),
        Slip("ReLU at dh", "(dh, middle)", "(dh, dh)", "x W1 b1", "instead", "dh1 stands where a1 belongs"),
        Slip("averaged", "dense_backward(dout, above)", "dense_backward(dout / len(dout), above)", "x W1 b1 W2 b2",
             "mean-for-sum", "1/N times the true"),
        Slip("dW1 transposed", "return dx, dW1, db1", "return dx, dW1.T, db1", "W1", "transpose", "transpose"),
        Slip("db2 negative", "return dx, dW1, db1, dW2, db2", "return dx, dW1, db1, dW2, -db2", "b2", "sign", "minus"),
    ),
    "batch norm": (
        Slip("no path by the mean", "dx = dcentred + dmean / N", "dx = dcentred", "x", "path", PATHS[0]),
        Slip("mean's path negative", "dcentred + dmean / N", "dcentred - dmean / N", "x", "sign", "from mu to xhat"),
        Slip("mean's N missing", "dcentred + dmean / N", "dcentred + dmean", "x", "factor", "is taken N times"),
        Slip("no path by the variance", "dcentred + 2 * centred * dvar / N", "dcentred", "x", "path", PATHS[1]),
        Slip("neither path", "dx = dcentred + dmean / N", "dx = dxhat / std", "x", "path", "to mu, sigma are missing"),
        Slip("variance's 2 missing", "2 * centred * dvar / N", "centred * dvar / N", "x", "factor",
             "from x to sigma is taken 1/2 times"),
        Slip("variance's N missing", "2 * centred * dvar / N", "2 * centred * dvar", "x", "factor",
             "from x to sigma is taken N times"),
        Slip("dstd positive", "dstd = -(dxhat", "dstd = (dxhat", "x", "sign", "from x to sigma has the wrong sign"),
        Slip("root's 2 missing", "dstd / (2 * std)", "dstd / std", "x", "term", "from x to sigma is taken twice"),
        Slip("one std for two", "/ std**2", "/ std", "x", "factor",
             "the division by sigma is missing in the contribution"),
        Slip("gamma missing", "dxhat = dout * gamma", "dxhat = dout", "x", "factor", "the factor gamma is missing"),
        Slip("dgamma a mean", "(dout * xhat).sum(axis=0)", "(dout * xhat).mean(axis=0)", "gamma", "mean-for-sum"),
        Slip("dgamma not summed", "(dout * xhat).sum(axis=0)", "dout * xhat", "gamma", "batch-sum", "sum over N"),
        Slip("dgamma of centred x", "(dout * xhat)", "(dout * centred)", "gamma", "factor", "sigma stands once too"),
        Slip("dbeta over the wrong axis", "dbeta = dout.sum(axis=0)", "dbeta = dout.sum(axis=1)", "beta",
             "axis", "over D, where the sum over N belongs"),
    ),
    "batch norm on one line": (
        Slip("no path by the variance", " - xhat * dgamma", "", "x", "path", PATHS[1]),
        Slip("no path by the mean", " - dbeta", "", "x", "path", PATHS[0]),
        Slip("variance's path negative", "- xhat * dgamma", "+ xhat * dgamma", "x", "sign", "from x to sigma has"),
        Slip("N missing below", "gamma / (N * std)", "gamma / std", "x", "sum-for-mean", "takes a mean over N"),
        Slip("N missing above", "N * dout", "dout", "x", "factor", "the factor N is missing"),
        Slip("gamma missing", "gamma / (N * std)", "1 / (N * std)", "x", "factor", "the factor gamma is missing"),
        Slip("dgamma missing", "xhat * dgamma)", "xhat)", "x", "factor", "dy[k,i]*xhat[k,i] is missing"),
        Slip("centred x for xhat", "- xhat * dgamma", "- centred * dgamma", "x", "factor",
             "the division by sigma is missing"),
        Slip("N of the wrong axis", "dout.shape[0]", "dout.shape[1]", "x", "factor", "D stands where N belongs"),
    ),
    "batch norm with a number": (
        Slip("no path by the variance", " - xhat * dgamma", "", "x", "path", PATHS[1]),
        Slip("no path by the mean", " - dbeta", "", "x", "path", PATHS[0]),
    ),
    "layer norm": (
        Slip("one mean over the batch", "m1 = dxhat.mean(axis=1", "m1 = dxhat.mean(axis=0", "x", "axis",
             "over the wrong axis"),
        Slip("both means over the batch", "m1 = dxhat.mean(axis=1", "m1 = dxhat.mean(axis=0", "x",
             "axis", "over the wrong axis, 2 times",
             also=(("(dxhat * xhat).mean(axis=1", "(dxhat * xhat).mean(axis=0"),)),
        Slip("no path by the mean", "dxhat - m1 - xhat * m2", "dxhat - xhat * m2", "x", "path", PATHS[0]),
        Slip("no path by the variance", "dxhat - m1 - xhat * m2", "dxhat - m1", "x", "path", PATHS[1]),
        Slip("neither path", "(dxhat - m1 - xhat * m2)", "dxhat", "x", "path", "to mu, sigma are missing"),
        Slip("xhat missing", "- xhat * m2", "- m2", "x", "factor", "the factor xhat[n,i] is missing"),
        Slip("a sum for the mean", "dxhat.mean(", "dxhat.sum(", "x", "factor", "is taken D times"),
        Slip("std missing", "xhat * m2) / std", "xhat * m2)", "x", "factor", "the division by sigma is missing"),
        Slip("dgamma over the wrong axis", "(dout * xhat).sum(axis=0)", "(dout * xhat).sum(axis=1)", "gamma",
             "axis", "where the sum over N belongs"),
        Slip("dgamma without xhat", "(dout * xhat).sum(axis=0)", "dout.sum(axis=0)", "gamma", "factor", "xhat"),
        Slip("dbeta of dxhat", "dbeta = dout.sum(axis=0)", "dbeta = (dout * gamma).sum(axis=0)", "beta", "factor",
             "gamma stands once too often"),
    ),
    "dropout": (
        Slip("mask missing", "dout * mask", "dout / p", "x", "mask", "1[u[n,i] < p] is missing"),
        Slip("mask turned round", "dout * mask", "dout * (mask == 0) / p", "x", "mask", "turned round"),
        Slip("dout missing", "dout * mask", "mask", "x", "factor", "the factor dy is missing"),
        Slip("p multiplies", "dout * mask", "dout * mask * p**2", "x", "factor", "p**2 times the true gradient"),
    ),
    "softmax loss": (
        Slip("not divided by N", "/ len(y)", "", "x", "sum-for-mean", "N times the true gradient"),
        Slip("divided by C", "/ len(y)", "/ p.shape[1]", "x", "factor", "N/C times"),
        Slip("divided by both", "/ len(y)", "/ p.size", "x", "mean-for-sum", "1/C times"),
        Slip("no one-hot", "dx[np.arange(len(y)), y] -= 1", "pass", "x", "onehot", "1[c=y[n]] is missing"),
        Slip("one-hot added", "y] -= 1", "y] += 1", "x", "sign", "1[c=y[n]] has the wrong sign"),
        Slip("one-hot stored", "y] -= 1", "y] = -1", "x", "onehot", "is put in place of"),
        Slip("in every row", "dx[np.arange(len(y)), y]", "dx[:, y]", "x"),
        Slip("the label itself", "dx[np.arange(len(y)), y] -= 1", "dx -= y[:, None]", "x", "onehot", "y[n] itself"),
        Slip("p missing", "p.copy()", "np.zeros_like(p)", "x", "term", "the term p[n,c] is missing"),
        Slip("negative", "return dout", "return -dout", "x", "sign", "minus the true gradient"),
    ),
    "attention": (
        Slip("no 1/sqrt(d)", "ds = ds / np.sqrt(d)", "pass", "q k", "factor", "sqrt(D) times"),
        Slip("1/d", "ds / np.sqrt(d)", "ds / d", "q k", "factor", "1/sqrt(D) times"),
        Slip("p(1 - p)", JACOBIAN, "ds = dp * p * (1 - p)", "q k", "elementwise", "its Jacobian is not diagonal"),
        Slip("softmax passed over", JACOBIAN, "ds = dp", "q k", "path", "is passed over"),
        Slip("half of the Jacobian", JACOBIAN, "ds = p * dp", "q k", "term", "dP[i,k]*P[i,k] is missing, in dS"),
        Slip("mean for sum", "(dp * p).sum(", "(dp * p).mean(", "q k", "mean-for-sum", "divided by U, in dS"),
        Slip("p missing", "ds = p * (dp -", "ds = (dp -", "q k", "factor", "the factor P[i,j] is missing, in dS"),
        Slip("sum over queries", "(dp * p).sum(axis=1", "(dp * p).sum(axis=0", "q k", "axis", "over the wrong axis"),
        Slip("dk transposed", "ds.T @ q", "q.T @ ds", "k", "transpose", "transpose"),
        Slip("dv transposed", "p.T @ dout", "dout.T @ p", "v", "transpose", "transpose"),
        Slip("dv averaged", "p.T @ dout", "p.T @ dout / len(q)", "v", "mean-for-sum", "1/T times"),
        Slip("dq negative", "dq = ds @ k", "dq = -ds @ k", "q", "sign", "minus the true gradient"),
    ),
    "causal attention": (
        Slip("no 1/sqrt(d)", "ds = ds / np.sqrt(d)", "pass", "q k", "factor", "sqrt(D) times"),
        Slip("p(1 - p)", JACOBIAN, "ds = dp * p * (1 - p)", "q k", "elementwise", "its Jacobian is not diagonal"),
        Slip("half of the Jacobian", JACOBIAN, "ds = p * dp", "q k", "term", "P[i,k] is missing, in dS"),
        Slip("mask for weights", "dv = p.T", "dv = (p > 0).T", "v"),
    ),
    "head": (
        Slip("keys forgotten", "dx += dk @ Wk", "pass", "x", "path", "from x to ak is missing"),
        Slip("values forgotten", "dx += dv @ Wv", "pass", "x", "path", "from x to av is missing"),
        Slip("keys subtracted", "dx += dk @ Wk", "dx -= dk @ Wk", "x", "sign", "from x to ak has the wrong sign"),
        Slip("queries twice", "dx = dq @ Wq", "dx = 2 * dq @ Wq", "x", "term", "from x to aq is taken twice"),
        Slip("Wk for Wq", "dx = dq @ Wq", "dx = dq @ Wk", "x", "instead", "Wk stands where Wq belongs"),
        Slip("dq for dk", "dx += dk @ Wk", "dx += dq @ Wk", "x", "instead", "deltaq stands where deltak belongs"),
        Slip("dWv transposed", "dv.T @ x", "x.T @ dv", "Wv", "transpose", "transpose"),
        Slip("exchanged", "return dx, dq.T @ x, dk.T @ x", "return dx, dk.T @ x, dq.T @ x", "Wq Wk",
             "instead", "it is the gradient by W"),
    ),
    "rnn layer": (
        Slip("a for tanh(a)", "1 - next_h**2", "1 - a**2", LATER, "instead", "a stands where next_h belongs, in da"),
        Slip("tanh' at the output", "1 - next_h**2", "1 - np.tanh(next_h) ** 2", LATER, "derivative-at-output",
             "the derivative of tanh is taken at next_h, where it belongs at a"),
        Slip("no tanh'", " * (1 - next_h**2)", "", LATER),
        Slip("x for h in dWh", "prev_h.T @ da", "x.T @ da", "Wh", "other", "this is the gradient by Wx"),
        Slip("next h in dWh", "prev_h.T @ da", "next_h.T @ da", "Wh", "instead", "next_h stands where prev_h belongs"),
        Slip("dWh transposed", "prev_h.T @ da", "da.T @ prev_h", "Wh", "transpose", "transpose"),
        Slip("Wh not transposed", "da @ Wh.T", "da @ Wh", "prev_h", "transpose", "Wh is transposed"),
        Slip("db without tanh'", "db = da.sum", "db = dnext_h.sum", "b", "factor",
             "the derivative of tanh at a is missing"),
    ),
    "convolution": (
        Slip("pad not cut", CUT, "dxp", "x", "shape", "(2, 1, 6, 7) where (2, 1, 4, 5) belongs"),
        Slip("pad off by one", CUT, "dxp[:, :, pad - 1 : pad - 1 + H, pad - 1 : pad - 1 + W]", "x",
             "off-by-one", "along axis 2 and axis 3"),
        Slip("kernel flipped in dx", "dout[n, f, i, j] * w[f]", "dout[n, f, i, j] * w[f, :, ::-1, ::-1]", "x"),
        Slip("window flipped in dw", "* xp[at]", "* xp[at][:, ::-1, ::-1]", "w", "index",
             "turned round along axis 2 and axis 3"),
        Slip("dx overwritten", "dxp[at] +=", "dxp[at] =", "x"),
        Slip("dw overwritten", "dw[f] +=", "dw[f] =", "w"),
        Slip("stride forgotten", "slice(i * stride, i * stride + R)", "slice(i, i + R)", "x w"),
        Slip("last row forgotten", "range(dout.shape[2])", "range(dout.shape[2] - 1)", "x w", "index", "along axis 2",
             "x"),
        Slip("db not summed", "dout.sum(axis=(0, 2, 3))", "dout.sum(axis=0)", "b", "batch-sum", "is missing"),
        Slip("db over the wrong axes", "axis=(0, 2, 3)", "axis=(1, 2, 3)", "b"),
        Slip("db a mean", "dout.sum(axis=(0, 2, 3))", "dout.mean(axis=(0, 2, 3))", "b", "factor",
             "times the true gradient"),
        Slip("dw averaged", "* xp[at]", "* xp[at] / N", "w", "factor", "times the true"),
    ),
    "max-pool": (
        Slip("sent to all", " * mask", "", "x"),
        Slip("average", " * mask", " / k**2", "x"),
        Slip("overwritten", "+= dout", "= dout", "x", "overwrite", "entries are wrong, the others right"),
        Slip("min for max", "window.max()", "window.min()", "x", "index", "the others right"),
        Slip("dout missing", "dout[n, c, i, j] * mask", "mask", "x"),
        Slip("negative", "+= dout", "-= dout", "x", "sign", "minus the true gradient"),
    ),
    "embedding": (
        Slip("overwritten", "np.add.at(dW, x, dout)", "dW[x] = dout", "W", "overwrite", "names more than once"),
        Slip("added once", "np.add.at(dW, x, dout)", "dW[x] += dout", "W", "overwrite", "names more than once"),
        Slip("negative", "np.add.at(dW, x, dout)", "np.add.at(dW, x, -dout)", "W", "sign", "minus the true gradient"),
    ),
    "rnn step": (
        Slip("a for tanh(a)", "1 - next_h**2", "1 - a**2", LATER),
        Slip("tanh' at the output", "1 - next_h**2", "1 - np.tanh(next_h) ** 2", LATER),
        Slip("no tanh'", " * (1 - next_h**2)", "", LATER),
        Slip("x for h in dWh", "prev_h.T @ da", "x.T @ da", "Wh", "other", "this is the gradient by Wx"),
        Slip("dWh transposed", "prev_h.T @ da", "da.T @ prev_h", "Wh", "transpose", "transpose"),
        Slip("Wh not transposed", "da @ Wh.T", "da @ Wh", "prev_h"),
        Slip("db not summed", "da.sum(axis=0)", "da", "b", "batch-sum", "the sum over axis 0 is missing"),
        Slip("dx negative", "dx = da @", "dx = -da @", "x", "sign", "minus the true gradient"),
    ),
    "lstm step": (
        Slip("no path through the cell", CELL, "dnext_h * o * (1 - t**2)", "prev_c " + LATER),
        Slip("next c forgets next h", CELL, "dnext_c", "prev_c " + LATER),
        Slip("tanh' of c missing", CELL, "dnext_c + dnext_h * o", "prev_c " + LATER),
        Slip("previous c from the output", "dprev_c = dc * f", "dprev_c = dnext_c * f", "prev_c"),
        Slip("previous c not gated", "dprev_c = dc * f", "dprev_c = dc", "prev_c"),
        Slip("gates exchanged", "[di * i * (1 - i), df * f * (1 - f),", "[df * f * (1 - f), di * i * (1 - i),", LATER,
             "index", "are exchanged: 2 stands at 0", "Wx Wh b"),
        Slip("g a sigmoid", "dg * (1 - g**2)", "dg * g * (1 - g)", LATER, "index", "wrong only at places 6, 7 along",
             "Wx Wh b"),
        Slip("o's slope missing", "do * o * (1 - o)", "do", LATER, "index", "only at places 4, 5 along", "Wx Wh b"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "slip"), [pytest.param(n, s, id=f"{n}: {s.what}") for n in SLIPS for s in SLIPS[n]])
def test_a_broken_pass_is_wrong_where_it_is_broken(name: str, slip: Slip) -> None:
    broken = by_hand.slipped(PASSES[name].backward, (slip.old, slip.new), *slip.also)
    found = PASSES[name].judged(broken)
    assert not found
    assert {w for w, judgement in found.items() if judgement.word == "wrong"} == set(slip.wrong.split()), str(found)
    for w, judgement in found.items():
        if w not in slip.wrong.split():
            assert judgement.verdict == "equal numerically" and not judgement.diagnosis, str(found)
            continue
        assert not judgement and judgement.seen is not None and judgement.seen.expected != judgement.seen.got
        if slip.kind and w in (slip.told or slip.wrong).split():
            assert " ".join(d.kind for d in judgement.diagnosis) == slip.kind, str(judgement)
            assert all(part in str(judgement) for part in slip.words.split("; ")), str(judgement)


def test_every_pass_is_broken_in_three_ways_or_more() -> None:
    assert set(SLIPS) == set(PASSES)
    assert all(len(slips) >= 3 for name, slips in SLIPS.items() if name != "batch norm with a number")
    told = [slip for slips in SLIPS.values() for slip in slips if slip.kind]
    assert len(told) > 90


def test_where_a_fault_hides_is_noted() -> None:
    def notes(name: str, old: str, new: str, wrt: str) -> str:
        return "; ".join(PASSES[name].judged(by_hand.slipped(PASSES[name].backward, (old, new)))[wrt].notes)

    assert "right where N = 1" in notes("affine", "x.T @ dout", "x.T @ dout / len(x)", "w")
    assert "right where Wh symmetric" in notes("rnn layer", "da @ Wh.T", "da @ Wh", "prev_h")
    assert "right where N = D" in notes("batch norm on one line", "dout.shape[0]", "dout.shape[1]", "x")
    hidden = notes("batch norm", "dx = dcentred + dmean / N", "dx = dcentred", "x")
    assert "right where the upstream gradient sums to 0 over axis 0" in hidden


def test_a_judgement_is_the_same_every_time() -> None:
    for name in ("attention", "embedding"):
        slip = SLIPS[name][0]
        broken = by_hand.slipped(PASSES[name].backward, (slip.old, slip.new))
        assert str(PASSES[name].judged(broken)) == str(PASSES[name].judged(broken))


# -- how passes are called ---------------------------------------------------------------------------------------------

AFFINE = PASSES["affine"]
Backward = Callable[[Any, Any], Any]


def affine_of(change: Callable[[tuple[Any, ...]], Any]) -> Backward:
    """Return the right backward pass, what it returns changed."""

    def backward(dout: Any, cache: Any) -> Any:
        return change(by_hand.affine_backward(dout, cache))

    return backward


def test_weights_the_other_way_round_are_turned_at_the_border() -> None:
    def forward(x: Any, W: Any, b: Any) -> Any:
        return by_hand.affine_forward(x, W.T, b)

    assert PASSES["dense"].judged(affine_of(lambda g: (g[0], g[1].T, g[2])), forward=forward)
    left = PASSES["dense"].judged(by_hand.affine_backward, forward=forward)
    assert left["x"] and left["b"] and left["W"].diagnosis[0].kind == "transpose"
    unturned = PASSES["dense"].judged(by_hand.affine_backward, forward=by_hand.affine_forward)
    assert {j.word for j in unturned.values()} == {"cannot tell"} and "ValueError" in unturned["W"].reason


@pytest.mark.parametrize(
    ("change", "options", "gradients"),
    [
        (lambda g: list(g), {}, "x w b"),
        (lambda g: {"dx": g[0], "dw": g[1], "db": g[2]}, {}, "x w b"),
        (lambda g: {"b": g[2], "x": g[0], "w": g[1]}, {}, "x w b"),
        (lambda g: g[1:], {"returns": ("w", "b")}, "w b"),
        (lambda g: g[::-1], {"returns": ("b", "w", "x")}, "b w x"),
        (lambda g: g[1], {"returns": ("w",)}, "w"),
        (lambda g: (g[1],), {"returns": ("w",)}, "w"),
    ],
)  # fmt: skip
def test_gradients_come_as_a_tuple_a_list_or_by_name(change: Any, options: dict[str, Any], gradients: str) -> None:
    found = AFFINE.judged(affine_of(change), **options)
    assert found and list(found) == gradients.split()


def test_a_forward_without_a_cache_hands_its_inputs_on() -> None:
    def forward(x: Any, w: Any, b: Any) -> Any:
        return x @ w + b

    assert AFFINE.judged(forward=forward)
    assert sn.check_pair(lambda x, w: x @ w, lambda dout, x, w: (dout @ w.T, x.T @ dout), {"x": "N,D", "w": "D,M"})


def test_one_gradient_is_asked_for_of_many() -> None:
    code = sn.course(by_hand.affine_forward, by_hand.affine_backward, ("x", "w", "b"))
    assert sn.check_gradient(AFFINE.layer, "w", code).verdict == "equal numerically"
    assert list(sn.check_gradients(AFFINE.layer, code, wrt=("b", "w"))) == ["b", "w"]


@pytest.mark.parametrize("forward_eps", (1e-2, 1e-5))
def test_a_constant_that_is_not_given_is_the_forwards_own(forward_eps: float) -> None:
    def forward(x: Any, gamma: Any, beta: Any, eps: float = forward_eps) -> Any:
        return by_hand.layernorm_forward(x, gamma, beta, {"eps": eps})

    found = PASSES["layer norm"].judged(forward=forward, constants=())
    assert bool(found) == (forward_eps == 1e-2)
    assert forward_eps == 1e-2 or {j.diagnosis[0].kind for j in found.values()} == {"forward"}


@pytest.mark.parametrize("forward", [softmax_loss(), sn.Network(softmax_loss())], ids=("tensor", "network"))
def test_a_loss_and_its_gradient_come_from_one_function(forward: Any) -> None:
    def judged(*pieces: tuple[str, str]) -> sn.Judgement:
        code = sn.function(by_hand.slipped(by_hand.softmax_loss, *pieces), returns=("loss", "x"))
        return sn.check_gradients(forward, code, wrt=("x",))["x"]

    assert judged()
    assert [d.kind for d in judged(("    dx /= N\n", "")).diagnosis] == ["sum-for-mean"]
    assert [d.kind for d in judged(("].sum() / N", "].sum()")).diagnosis] == ["forward"]


def test_labels_are_drawn_for_a_loss_without_a_network() -> None:
    found = sn.check_pair(by_hand.softmax_loss_forward, by_hand.softmax_loss_backward, {"x": "N,C", "y": "N|C"})
    assert found and list(found) == ["x"]


def test_arrays_are_drawn_by_the_caller() -> None:
    def forward(x: Any) -> Any:
        return np.log(x), x

    def backward(dout: Any, x: Any) -> Any:
        return dout / x

    def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return rng.uniform(1, 2, shape)

    generic = sn.check_pair(forward, backward, {"x": "N,D"})["x"]
    assert generic.word == "cannot tell" and "not finite" in generic.reason
    assert sn.check_pair(forward, backward, {"x": "N,D"}, draw={"x": positive})


def test_the_derivative_at_a_kink_is_free() -> None:
    backward = by_hand.slipped(by_hand.relu_backward, ("(x > 0)", "(x >= 0)"))
    assert PASSES["relu"].judged(backward)


# -- what is said before any gradient is judged ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("affine", "x @ w + b", "x @ w", "the forward differs before any gradient"),
        ("affine", "x @ w + b", "(x @ w + b).T", r"your forward has shape (3, 4), the one it is judged by (4, 3)"),
        ("affine", "x @ w + b", "x @ w + b * np.nan", "the forward differs before any gradient"),
        ("dense", "x @ W.T", "x @ -W.T", "the forward differs before any gradient"),
        ("batch norm", "(centred**2).mean(axis=0)", "x.var(axis=0, ddof=1)", "the forward differs"),
        ("batch norm with a number", "var + eps", "var + 1e-8", "the forward differs"),
        ("layer norm", "x.mean(axis=1", "x.mean(axis=0", "the forward differs"),
        ("dropout", "(u < p) / p", "(u < p)", "the forward differs"),
        ("softmax loss", ".mean()", ".sum()", "the forward differs"),
        ("attention", "q @ k.T / np.sqrt(d)", "q @ k.T", "the forward differs"),
        ("causal attention", "if causal:", "if not causal:", "the forward differs"),
    ],
)  # fmt: skip
def test_a_forward_that_differs_is_told_first(name: str, old: str, new: str, words: str) -> None:
    given = PASSES[name]
    found = given.judged(forward=by_hand.slipped(given.forward, (old, new)))
    for judgement in found.values():
        assert judgement.verdict == "wrong" and not judgement
        assert [d.kind for d in judgement.diagnosis] == ["forward"] and words in judgement.diagnosis[0].sentence
    assert len({judgement.diagnosis[0].sentence for judgement in found.values()}) == 1


def boom(dout: Any, cache: Any) -> Any:
    raise KeyError("no such thing in the cache")


def misshaped(dout: Any, cache: Any) -> Any:
    x, w, b = cache
    return dout @ w, x.T @ dout, dout.sum(axis=0)


def at_five(dout: Any, cache: Any) -> Any:
    return 1 / 0 if len(dout) == 5 else by_hand.affine_backward(dout, cache)


@pytest.mark.parametrize(
    ("backward", "words"),
    [
        (boom, "boom raised KeyError: 'no such thing in the cache', at M="),
        (misshaped, "misshaped raised ValueError"),
        (at_five, "at_five raised ZeroDivisionError: division by zero, at M=2, D=7, N=5"),
        (affine_of(lambda g: g[:2]), "backward returned 2 values, and returns= names 3"),
        (affine_of(lambda g: (*g, g[0])), "backward returned 4 values, and returns= names 3"),
        (affine_of(lambda g: None), "backward returned None where the gradient belongs"),
        (affine_of(lambda g: (None, None, None)), "backward returned None where the gradient belongs"),
        (affine_of(lambda g: {"weights": g[1]}), "backward returned weights; none of them is called"),
        (affine_of(lambda g: tuple(a + 1j for a in g)), "expected real numbers"),
        (affine_of(lambda g: ("dx", "dw", "db")), "expected real numbers"),
    ],
)  # fmt: skip
def test_what_gives_no_gradients_cannot_be_told(backward: Backward, words: str) -> None:
    found = AFFINE.judged(backward)
    assert not found and found.summary() == "3 cannot tell"
    for judgement in found.values():
        assert judgement.verdict == "cannot tell" and not judgement
        assert words in judgement.reason and not judgement.diagnosis


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (by_hand.affine_forward, boom, "boom raised KeyError: 'no such thing in the cache', at N="),
        (lambda x, w, b: x @ w.T, by_hand.affine_backward, "<lambda> raised ValueError"),
        (by_hand.affine_forward, affine_of(lambda g: g[:2]), "returned 2 values, expected 3: the gradients by x, w, b"),
        (by_hand.affine_forward, affine_of(lambda g: (g[0], None, g[2])), "returned None where the gradient belongs"),
        (by_hand.affine_forward, affine_of(lambda g: {"dx": g[0], "dw": g[1]}), "and no gradient by b"),
    ],
)  # fmt: skip
def test_what_gives_no_gradients_cannot_be_told_without_a_network(forward: Any, backward: Any, words: str) -> None:
    found = sn.check_pair(forward, backward, {"x": "N,D", "w": "D,M", "b": "M"})
    assert not found and found.summary() == "3 cannot tell"
    assert all(words in judgement.reason for judgement in found.values()), str(found)


def test_one_gradient_that_is_missing_does_not_spoil_the_others() -> None:
    for change, words in (
        (lambda g: (g[0], None, g[2]), "returned None"),
        (lambda g: {"x": g[0], "b": g[2]}, "none of them is called w or dw"),
    ):
        found = AFFINE.judged(affine_of(change))
        assert not found and found["x"] and found["b"]
        assert found["w"].verdict == "cannot tell" and words in found["w"].reason


def test_names_that_nothing_has_are_refused() -> None:
    with pytest.raises(sn.UnknownNameError, match="'weight'"):
        AFFINE.judged(returns=("x", "weight", "b"))
    with pytest.raises(sn.DefinitionError, match="two functions"):
        sn.course(by_hand.affine_forward, None, ("x", "w", "b"))  # type: ignore[arg-type]
    with pytest.raises(sn.DefinitionError, match="wrt= names 'z'"):
        sn.check_pair(by_hand.relu_forward, by_hand.relu_backward, {"x": "N,D"}, wrt=("z",))
    found = sn.check_gradients(
        AFFINE.layer, sn.course(by_hand.affine_forward, by_hand.affine_backward, ("x", "weight", "b"), returns=("x",))
    )
    assert found["x"].verdict == "cannot tell" and "'weight'" in found["x"].reason


# -- arguments changed in place ----------------------------------------------------------------------------------------


def relu_in_dout(dout: Any, cache: Any) -> Any:
    dout[cache <= 0] = 0
    return dout


def relu_in_cache(dout: Any, cache: Any) -> Any:
    np.maximum(cache, 0, out=cache)
    return dout * (cache > 0)


@pytest.mark.parametrize(("backward", "name"), [(relu_in_dout, "dout"), (relu_in_cache, "x")])
def test_an_argument_that_is_changed_is_noted(backward: Backward, name: str) -> None:
    pair = sn.check_pair(by_hand.relu_forward, backward, {"x": "N,D"})
    for found in (PASSES["relu"].judged(backward), pair):
        assert found and f"{backward.__name__} changes its argument {name}" in found["x"].notes


def test_a_change_in_place_that_spoils_a_later_gradient_is_wrong_there() -> None:
    def backward(dout: Any, cache: Any) -> Any:
        x, w, b = cache
        db = dout.sum(axis=0)
        x *= 2
        return dout @ w.T, x.T @ dout, db

    found = AFFINE.judged(backward)
    assert found["x"] and found["b"] and found["w"].verdict == "wrong"
    assert found["w"].diagnosis[0].sentence == "yours is 2 times the true gradient"
    assert all("backward changes its argument x" in judgement.notes for judgement in found.values())


# -- precision ---------------------------------------------------------------------------------------------------------


def single(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose arguments are rounded to float32 first, those in a tuple too."""

    def rounded(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(rounded(v) for v in value)
        real = isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype == np.float64)
        return np.asarray(value, np.float32)[()] if real else value

    return lambda *arguments: f(*(rounded(a) for a in arguments))


@pytest.mark.parametrize(
    "name", ("affine", "relu", "batch norm", "batch norm on one line", "layer norm", "dropout", "softmax loss")
)
def test_float32_is_judged_by_its_own_rounding(name: str) -> None:
    given = PASSES[name]
    found = given.judged(single(given.backward), forward=single(given.forward))
    for judgement in found.values():
        assert judgement.verdict == "equal numerically", str(judgement)
        assert "judged by the rounding of float32" in judgement.reason
        assert judgement.worst is not None and judgement.bound is not None
        assert judgement.worst <= judgement.bound < 1e-3


@pytest.mark.parametrize("name", ("affine", "batch norm", "layer norm", "dropout", "softmax loss"))
def test_a_fault_is_seen_through_float32(name: str) -> None:
    given = PASSES[name]
    for slip in SLIPS[name][:3]:
        broken = single(by_hand.slipped(given.backward, (slip.old, slip.new), *slip.also))
        found = given.judged(broken, forward=single(given.forward))
        assert {w for w, judgement in found.items() if judgement.word == "wrong"} == set(slip.wrong.split()), str(found)


def test_an_error_of_a_thousandth_is_no_rounding_of_float32() -> None:
    found = AFFINE.judged(single(affine_of(lambda g: tuple(a * np.float32(1.001) for a in g))))
    assert {judgement.verdict for judgement in found.values()} == {"wrong"}


def test_digits_that_are_lost_on_the_way_are_told() -> None:
    found = AFFINE.judged(affine_of(lambda g: tuple(a.astype(np.float32).astype(np.float64) for a in g)))
    for judgement in found.values():
        assert judgement.verdict == "wrong" and [d.kind for d in judgement.diagnosis] == ["precision"]
        assert "that is what float32 gives" in judgement.diagnosis[0].sentence


def test_float32_is_judged_without_a_network() -> None:
    found = sn.check_pair(by_hand.rnn_step_forward, single(by_hand.rnn_step_backward), RECURRENT)
    assert found and all("judged by the rounding of float32" in judgement.notes for judgement in found.values())
    broken = single(by_hand.slipped(by_hand.rnn_step_backward, ("1 - next_h**2", "1 - a**2")))
    assert {j.verdict for j in sn.check_pair(by_hand.rnn_step_forward, broken, RECURRENT).values()} == {"wrong"}
