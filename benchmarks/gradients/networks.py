"""Multilayer networks: activations, batches and single examples, by weights, biases, inputs and inner values."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from scipy import special

import symnn as sn

from .record import Case, sym, tex

__all__ = ["cases"]

delta = sympy.KroneckerDelta
n, m, i, j, k = sn.indices("n m i j k")
BISHOP = "Bishop 2006, Pattern Recognition and Machine Learning, sec. 5.3"


def cases() -> list[Case]:
    return [relu_classifier(), tanh_regression(), sigmoid_single(), gelu_network(), softplus_network(), elu_network(),
            three_layers(), silu_vector()]


def onehot(t: Any, C: int) -> Any:
    return np.eye(C)[t]


def relu_classifier() -> Case:
    def build() -> Any:
        N, D, H, C = sn.dims("N D H C")
        x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
        h = sn.relu(sn.dense(x, H, name="1"))
        return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t))

    c = Case("relu network, cross-entropy", build, BISHOP,
             {"delta2": "(p - onehot(t)) / N", "delta1": "(p - onehot(t)) @ W2 / N * (a1 > 0)"})

    def looped(x: Any, W2: Any, a1: Any, p: Any, t: Any) -> Any:
        out = np.zeros((a1.shape[1], x.shape[1]))
        for n in range(len(x)):
            error = p[n].copy()
            error[t[n]] -= 1
            for i in range(a1.shape[1]):
                if a1[n, i] > 0:
                    out[i] += (error @ W2[:, i]) * x[n] / len(x)
        return out

    def last_only(x: Any, W2: Any, a1: Any, p: Any, t: Any) -> Any:
        for n in range(len(x)):
            error = p[n].copy()
            error[t[n]] -= 1
            out = np.outer((error @ W2) * (a1[n] > 0), x[n]) / len(x)
        return out

    def half(x: Any, W2: Any, a1: Any, p: Any, t: Any) -> Any:
        error = ((p - onehot(t, p.shape[1])) / len(x)).astype(np.float16).astype(float)
        return ((error @ W2) * (a1 > 0)).T @ x

    c.right("W2", "(p - onehot(t)).T @ h1 / N",
            "delta2.T @ h1",
            "(h1.T @ (p - onehot(t))).T / N",
            "p.T @ h1 / N - onehot(t).T @ h1 / N",
            "einsum('nc,ni->ci', p - onehot(t), h1) / N",
            "dW2[c, i] = sum_n((p[n, c] - (t[n] == c)) * h1[n, i]) / N",
            "sum_n((p[n, c] - (t[n] == c)) * h1[n, i]) / N",
            "mean((p - onehot(t))[:, :, None] * h1[:, None, :], axis=0)",
            tex(r"\frac{1}{N} \sum_n (p_{nc} - \mathbb{1}[t_n = c])\, h^{(1)}_{ni}"),
            tex(r"\frac{1}{N} (P - Y)^\top H_1 ".replace("Y", r"\mathrm{onehot}(t)").replace("H_1", "h_1").replace("P",
            "p")),
            sym(lambda T: lambda c, i: (
                sn.sum((T["p"][n, c] - delta(c, T["t"][n])) * T["h1"][n, i], n) / T["N"])),
            lambda p, t, h1: (p - onehot(t, p.shape[1])).T @ h1 / len(h1))
    c.right("b2", "sum(p - onehot(t), axis=0) / N",
            "delta2.sum(0)", "mean(p - onehot(t), axis=0)", "(p - onehot(t)).T @ ones(N) / N",
            "db2[c] = sum_n(p[n, c] - (t[n] == c)) / N",
            tex(r"\frac{1}{N}\sum_{n=1}^{N} \left(p_{nc} - \mathbb{1}_{t_n = c}\right)"),
            lambda p, t: np.mean(p - onehot(t, p.shape[1]), axis=0))
    c.right("W1", "(((p - onehot(t)) @ W2) * (a1 > 0)).T @ x / N",
            "delta1.T @ x",
            "((delta2 @ W2) * (a1 > 0)).T @ x",
            "delta = (p - onehot(t)) / N\nback = delta @ W2\nback = back * relu'(a1)\nback.T @ x",
            "d = (p - onehot(t)) / N\ng = where(a1 > 0, d @ W2, 0)\n(x.T @ g).T",
            "einsum('nc,ci,ni,nj->ij', (p - onehot(t)) / N, W2, a1 > 0, x)",
            "dW1[i, j] = sum_n(sum_c((p[n, c] - (t[n] == c)) * W2[c, i]) * (a1[n, i] > 0) * x[n, j]) / N",
            looped)
    c.right("x", "(((p - onehot(t)) @ W2) * (a1 > 0)) @ W1 / N",
            "delta1 @ W1", "(W1.T @ delta1.T).T",
            lambda p, t, W1, W2, h1: ((p - onehot(t, p.shape[1])) @ W2 * (h1 > 0)) @ W1 / len(p))

    c.wrong("mean", "W2", "(p - onehot(t)).T @ h1", "N times")
    c.wrong("sign", "W2", "(onehot(t) - p).T @ h1 / N")
    c.wrong("layout", "W2", "h1.T @ (p - onehot(t)) / N")
    c.wrong("onehot", "W2", "p.T @ h1 / N")
    c.wrong("onehot", "W2", "(p - t[:, None]).T @ h1 / N")
    c.wrong("layout", "W2", lambda p, t, h1: h1.T @ (p - onehot(t, p.shape[1])) / len(p))
    c.wrong("batch", "b2", "(p - onehot(t)) / N")
    c.wrong("mean", "b2", lambda p, t: np.sum(p - onehot(t, p.shape[1]), axis=0), "N times")
    c.wrong("axis", "b2", "sum(p - onehot(t), axis=1) / N", kinds="shape")
    c.wrong("missing factor", "W1", "((p - onehot(t)) @ W2).T @ x / N", "relu|a1", kinds="path")
    c.wrong("missing factor", "W1", "(((p - onehot(t)) @ W2) * h1).T @ x / N", "relu|derivative")
    c.wrong("mask", "W1", "(((p - onehot(t)) @ W2) * (a1 < 0)).T @ x / N")
    c.wrong("overwrite", "W1", last_only)
    c.wrong("precision", "W1", half)
    c.wrong("transpose", "x", "(((p - onehot(t)) @ W2) * (a1 > 0)) @ W1.T / N")
    c.wrong("path", "x", "((p - onehot(t)) @ W2) @ W1 / N", kinds="mask factor")
    c.wrong("sign", "W2", tex(r"\frac{1}{N} \sum_n (\mathbb{1}[t_n = c] - p_{nc})\, h^{(1)}_{ni}"))
    c.wrong("mean", "W2", tex(r"\sum_n (p_{nc} - \mathbb{1}[t_n = c])\, h^{(1)}_{ni}"), "N times")
    return c


def tanh_regression() -> Case:
    def build() -> Any:
        N, D, H, C = sn.dims("N D H C")
        x, y = sn.input("x", (N, D)), sn.input("y", (N, C))
        h = sn.tanh(sn.dense(x, H, name="1"))
        return sn.Network(sn.mse(sn.dense(h, C, name="2"), y))

    c = Case("tanh network, mean squared error", build, BISHOP,
             {"delta2": "2 * (a2 - y) / (N * C)", "delta1": "2 * (a2 - y) @ W2 * (1 - h1**2) / (N * C)"})

    def looped(x: Any, y: Any, h1: Any, a2: Any, W2: Any) -> Any:
        N, C = y.shape
        out = np.zeros((h1.shape[1], x.shape[1]))
        for n in range(N):
            for k in range(C):
                for i in range(h1.shape[1]):
                    out[i] += 2 / (N * C) * (a2[n, k] - y[n, k]) * W2[k, i] * (1 - h1[n, i] ** 2) * x[n]
        return out

    def single(x: Any, y: Any, h1: Any, a2: Any, W2: Any) -> Any:
        back = np.float32(2 / y.size) * (a2 - y).astype(np.float32) @ W2.astype(np.float32)
        return ((back * (1 - h1**2).astype(np.float32)).T.astype(float)) @ x

    c.right("W2", "2 * (a2 - y).T @ h1 / (N * C)",
            "delta2.T @ h1", "2 / (N * C) * (a2.T @ h1 - y.T @ h1)",
            "einsum('nk,ni->ki', a2 - y, h1) * 2 / N / C",
            "dW2[k, i] = 2 / (N * C) * sum_n((a2[n, k] - y[n, k]) * h1[n, i])",
            "r = h1 @ W2.T + b2 - y\n2 * r.T @ h1 / (N * C)",
            tex(r"\frac{2}{NC} \sum_n (a^{(2)}_{nk} - y_{nk})\, h^{(1)}_{ni}"))
    c.right("W1", "2 * (((a2 - y) @ W2) * (1 - h1**2)).T @ x / (N * C)",
            "delta1.T @ x",
            "2 * (((a2 - y) @ W2) * tanh'(a1)).T @ x / (N * C)",
            "g = 2 * (a2 - y) / (N * C)\ng = g @ W2\ng = g - g * h1**2\ng.T @ x",
            "2 * (((a2 - y) @ W2) / cosh(a1)**2).T @ x / (N * C)",
            "(2 * (((a2 - y) @ W2) * (1 - h1) * (1 + h1)).T @ x) / N / C",
            tex(r"\frac{2}{NC}\left( (a_2 - y) W_2 \odot (1 - \tanh^2(a_1)) \right)^\top x"),
            looped)
    c.right("b1", "2 * sum(((a2 - y) @ W2) * (1 - h1**2), axis=0) / (N * C)",
            "delta1.sum(axis=0)",
            "db1[i] = 2 / (N * C) * sum_nk((a2[n, k] - y[n, k]) * W2[k, i] * (1 - h1[n, i]**2))",
            lambda a2, y, W2, h1: 2 * ((a2 - y) @ W2 * (1 - h1**2)).mean(0) / y.shape[1])

    c.wrong("constant", "W2", "(a2 - y).T @ h1 / (N * C)", "1/2 times")
    c.wrong("mean", "W2", "2 * (a2 - y).T @ h1 / N", "C times")
    c.wrong("sign", "W2", "2 * (y - a2).T @ h1 / (N * C)")
    c.wrong("sign", "W2", "-delta2.T @ h1")
    c.wrong("at output", "W1", "2 * (((a2 - y) @ W2) * (1 - tanh(h1)**2)).T @ x / (N * C)")
    c.wrong("at output", "W1", "2 * (((a2 - y) @ W2) * tanh'(h1)).T @ x / (N * C)")
    c.wrong("exponent", "W1", "2 * (((a2 - y) @ W2) * (1 - h1)).T @ x / (N * C)", kinds="factor")
    c.wrong("missing factor", "W1", "2 * ((a2 - y) @ W2).T @ x / (N * C)", "tanh|h1")
    c.wrong("extra factor", "W1", "2 * (((a2 - y) @ W2) * (1 - h1**2)**2).T @ x / (N * C)", "twice|too often")
    c.wrong("sign", "W1", "2 * (((a2 - y) @ W2) * (1 + h1**2)).T @ x / (N * C)", kinds="term")
    c.wrong("precision", "W1", single)
    c.wrong("batch", "b1", "2 * ((a2 - y) @ W2) * (1 - h1**2) / (N * C)")
    c.wrong("overwrite", "b1", lambda a2, y, W2, h1: 2 * ((a2[-1] - y[-1]) @ W2 * (1 - h1[-1] ** 2)) / y.size)
    return c


def sigmoid_single() -> Case:
    def build() -> Any:
        D, H = sn.dims("D H")
        x, y = sn.input("x", (D,)), sn.input("y", ())
        h = sn.sigmoid(sn.dense(x, H, name="1"))
        v = sn.parameter("v", (H,))
        i = sn.index("i")
        out = sn.define("o", (), sn.sum(v[i] * h[i], i))
        return sn.Network(sn.define("loss", (), (out[()] - y[()]) ** 2 / 2))

    c = Case("sigmoid network, one example, half squared error", build, "Nielsen 2015, Neural Networks, ch. 2")

    def looped(x: Any, y: Any, o: Any, v: Any, h1: Any) -> Any:
        out = np.empty((len(v), len(x)))
        for i in range(len(v)):
            for j in range(len(x)):
                out[i, j] = (o - y) * v[i] * h1[i] * (1 - h1[i]) * x[j]
        return out

    c.right("v", "(o - y) * h1", "h1 * o - h1 * y", "dv[i] = (sum_k(v[k] * h1[k]) - y) * h1[i]",
            "(dot(v, h1) - y) * h1", tex(r"(o - y)\, \sigma(a_1)"),
            lambda o, y, h1: (o - y) * h1)
    c.right("W1", "outer((o - y) * v * h1 * (1 - h1), x)",
            "delta = (o - y) * v * sigmoid'(a1)\nouter(delta, x)",
            "((o - y) * v * h1 * (1 - h1))[:, None] * x[None, :]",
            "dW1[i, j] = (o - y) * v[i] * h1[i] * (1 - h1[i]) * x[j]",
            "einsum('i,j->ij', (o - y) * v * (h1 - h1**2), x)",
            "outer((o - y) * v * sigmoid(a1) * sigmoid(-a1), x)",
            tex(r"(o - y)\, v_i\, h^{(1)}_i (1 - h^{(1)}_i)\, x_j"), looped)
    c.right("b1", "(o - y) * v * h1 * (1 - h1)", "(o - y) * v * exp(-a1) / (1 + exp(-a1))**2",
            "(o - y) * (v * h1 - v * h1**2)")

    c.wrong("layout", "W1", "outer(x, (o - y) * v * h1 * (1 - h1))")
    c.wrong("at output", "W1", "outer((o - y) * v * sigmoid'(h1), x)")
    c.wrong("missing factor", "W1", "outer((o - y) * v * h1, x)", "1 - h1|derivative|sigmoid")
    c.wrong("missing factor", "W1", "outer(v * h1 * (1 - h1), x)", "o|y", kinds="path")
    c.wrong("constant", "W1", "2 * outer((o - y) * v * h1 * (1 - h1), x)", "2 times")
    c.wrong("sign", "v", "(y - o) * h1")
    c.wrong("instead", "v", "(o - y) * a1", "a1")
    c.wrong("missing factor", "b1", "(o - y) * h1 * (1 - h1)", "v")
    c.wrong("missing factor", "b1", "(o - y) * v * (1 - h1)", "h1|sigmoid")
    c.wrong("extra factor", "b1", "(o - y) * v * h1**2 * (1 - h1)", "h1")
    return c


def gelu_network() -> Case:
    def build() -> Any:
        N, D, H, C = sn.dims("N D H C")
        x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
        h = sn.gelu(sn.dense(x, H, name="1"))
        return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t))

    cdf, pdf = "(1 + erf(a1 / sqrt(2))) / 2", "exp(-a1**2 / 2) / sqrt(2 * pi)"
    c = Case("gelu network, cross-entropy", build, "Hendrycks & Gimpel 2016, Gaussian Error Linear Units",
             {"delta2": "(p - onehot(t)) / N"})

    def vectorised(p: Any, t: Any, W2: Any, a1: Any) -> Any:
        slope = special.ndtr(a1) + a1 * np.exp(-(a1**2) / 2) / np.sqrt(2 * np.pi)
        return (p - onehot(t, p.shape[1])) @ W2 * slope / len(p)

    c.right("a1", f"(p - onehot(t)) @ W2 / N * ({cdf} + a1 * {pdf})",
            "(delta2 @ W2) * gelu'(a1)",
            f"Phi = {cdf}\nphi = {pdf}\n(delta2 @ W2) * (Phi + a1 * phi)",
            f"back = delta2 @ W2\nback * {cdf} + back * a1 * {pdf}",
            "da1[n, i] = sum_c((p[n, c] - (t[n] == c)) * W2[c, i]) / N * (erfc(-a1[n, i] / sqrt(2)) / 2 + a1[n, i] * "
            "exp(-a1[n, i]**2 / 2) / sqrt(2 * pi))",
            tex(r"\frac{1}{N} \sum_c (p_{nc} - \mathbb{1}[t_n = c]) W^{(2)}_{ci} \left( \frac{1 +"
            r" \operatorname{erf}(a^{(1)}_{ni} /"
                r" \sqrt{2})}{2} + \frac{a^{(1)}_{ni} e^{-(a^{(1)}_{ni})^2 / 2}}{\sqrt{2 \pi}} \right)"),
            vectorised)
    c.right("W1", f"((p - onehot(t)) @ W2 / N * ({cdf} + a1 * {pdf})).T @ x",
            "((delta2 @ W2) * gelu'(a1)).T @ x",
            lambda p, t, W2, a1, x: vectorised(p, t, W2, a1).T @ x)

    c.wrong("path", "a1", f"(p - onehot(t)) @ W2 / N * {cdf}", kinds="factor")
    c.wrong("path", "a1", f"(p - onehot(t)) @ W2 / N * a1 * {pdf}", kinds="factor")
    c.wrong("missing factor", "a1", f"(p - onehot(t)) @ W2 / N * ({cdf} + {pdf})", "a1")
    c.wrong("at output", "a1", "(delta2 @ W2) * gelu'(h1)")
    c.wrong("missing factor", "a1", "delta2 @ W2", kinds="other")
    c.wrong("sign", "a1", f"(p - onehot(t)) @ W2 / N * ({cdf} - a1 * {pdf})")
    c.wrong("missing factor", "W1", "((delta2 @ W2) * gelu(a1)).T @ x", "gelu|derivative")
    c.wrong("mean", "W1", "(((p - onehot(t)) @ W2) * gelu'(a1)).T @ x", "N times")
    return c


def softplus_network() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x, y = sn.input("x", (N, D)), sn.input("y", (N,))
        h = sn.softplus(sn.dense(x, H, name="1"))
        v = sn.parameter("v", (H,))
        n, i = sn.indices("n i")
        out = sn.define("o", (n,), sn.sum(h[n, i] * v[i], i))
        return sn.Network(sn.define("loss", (), sn.sum((out[n] - y[n]) ** 2, n) / (2 * N)))

    c = Case("softplus network, half mean squared error", build, "Dugas et al. 2000",
             {"do": "(o - y) / N"})
    c.right("v", "h1.T @ (o - y) / N", "do @ h1", "(do[:, None] * h1).sum(0)", "mean((o - y)[:, None] * h1, axis=0)",
            "dv[i] = sum_n((o[n] - y[n]) * log(1 + exp(a1[n, i]))) / N",
            tex(r"\frac{1}{N}\sum_n (o_n - y_n)\, h^{(1)}_{ni}"),
            lambda o, y, h1: ((o - y)[:, None] * h1).mean(axis=0))
    c.right("W1", "(outer(o - y, v) * sigmoid(a1)).T @ x / N",
            "((do[:, None] * v) / (1 + exp(-a1))).T @ x",
            "g = outer(do, v) * softplus'(a1)\ng.T @ x",
            "einsum('n,i,ni,nj->ij', do, v, 1 - exp(-h1), x)",
            "dW1[i, j] = mean_n((o[n] - y[n]) * v[i] * sigmoid(a1[n, i]) * x[n, j])",
            lambda o, y, v, a1, x: sum(
                np.outer((o[n] - y[n]) * v / (1 + np.exp(-a1[n])), x[n]) for n in range(len(x))) / len(x))
    c.right("x", "(outer(o - y, v) * sigmoid(a1)) @ W1 / N", "(outer(do, v) * sigmoid(a1)) @ W1",
            "dx[n, j] = do[n] * sum_i(v[i] * sigmoid(a1[n, i]) * W1[i, j])")

    c.wrong("batch", "v", "(o - y)[:, None] * h1 / N")
    c.wrong("constant", "v", "2 * h1.T @ (o - y) / N", "2 times")
    c.wrong("mean", "v", "h1.T @ (o - y)", "N times")
    c.wrong("at output", "W1", "(outer(o - y, v) * sigmoid(h1)).T @ x / N")
    c.wrong("missing factor", "W1", "(outer(o - y, v) * softplus(a1)).T @ x / N", "softplus|derivative")
    c.wrong("extra factor", "W1", "(outer(o - y, v) * sigmoid(a1) * (1 - sigmoid(a1))).T @ x / N", kinds="function")
    c.wrong("sign", "x", "(outer(o - y, v) * sigmoid(-a1)) @ W1 / N", kinds="term function factor")
    c.wrong("overwrite", "W1", lambda o, y, v, a1, x: np.outer((o[-1] - y[-1]) * v / (1 + np.exp(-a1[-1])),
            x[-1]) / len(x))
    return c


def elu_network() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x, y = sn.input("x", (N, D)), sn.input("y", (N, H))
        return sn.Network(sn.mse(sn.elu(sn.dense(x, H, name="1")), y))

    c = Case("elu layer, mean squared error", build, "Clevert et al. 2015, Exponential Linear Units",
             {"dh1": "2 * (h1 - y) / (N * H)"})

    def looped(x: Any, y: Any, a1: Any, h1: Any) -> Any:
        out = np.zeros(a1.shape[1])
        for n in range(len(x)):
            for i in range(a1.shape[1]):
                out[i] += 2 * (h1[n, i] - y[n, i]) * (1 if a1[n, i] > 0 else np.exp(a1[n, i])) / y.size
        return out

    c.right("W1", "2 * ((h1 - y) * where(a1 > 0, 1, exp(a1))).T @ x / (N * H)",
            "(dh1 * where(h1 > 0, 1, h1 + 1)).T @ x",
            "(dh1 * elu'(a1)).T @ x",
            "mask = a1 > 0\ng = dh1 * mask + dh1 * exp(a1) * (1 - mask)\ng.T @ x",
            "dW1[i, j] = sum_n(2 / (N * H) * (h1[n, i] - y[n, i]) * where(a1[n, i] > 0, 1, exp(a1[n, i])) * x[n, j])",
            tex(r"\frac{2}{NH} \sum_n (h^{(1)}_{ni} - y_{ni})\, e^{\min(0, a^{(1)}_{ni})}\, x_{nj}"))
    c.right("b1", "2 * sum((h1 - y) * where(a1 > 0, 1, exp(a1)), axis=0) / (N * H)",
            "sum(dh1 * exp(minimum(a1, 0)), axis=0)", "sum(dh1 * minimum(exp(a1), 1), 0)", looped)

    c.wrong("mask", "W1", "2 * ((h1 - y) * where(a1 < 0, 1, exp(a1))).T @ x / (N * H)", kinds="case")
    c.wrong("missing factor", "W1", "2 * ((h1 - y) * where(a1 > 0, 1, 0)).T @ x / (N * H)", kinds="case function term")
    c.wrong("missing factor", "W1", "2 * ((h1 - y) * exp(a1)).T @ x / (N * H)", kinds="case")
    c.wrong("missing factor", "b1", "2 * sum(h1 - y, axis=0) / (N * H)", "elu|a1", kinds="case mask")
    c.wrong("at output", "b1", "2 * sum((h1 - y) * where(h1 > 0, 1, exp(h1)), axis=0) / (N * H)")
    c.wrong("mean", "b1", "2 * mean((h1 - y) * where(a1 > 0, 1, exp(a1)), axis=0) / (N * H)", "N times|1/N")
    c.wrong("function", "b1", "2 * sum((h1 - y) * where(a1 > 0, 1, exp(a1) - 1), axis=0) / (N * H)",
            kinds="term case factor")
    return c


def three_layers() -> Case:
    def build() -> Any:
        N, D, H, K = sn.dims("N D H K")
        x, y = sn.input("x", (N, D)), sn.input("y", (N,))
        h1 = sn.tanh(sn.dense(x, H, name="1"))
        h2 = sn.relu(sn.dense(h1, K, name="2"))
        a3 = sn.dense(h2, 1, name="3")
        n = sn.index("n")
        logit = sn.define("s", (n,), a3[n, 0])
        return sn.Network(sn.bce_with_logits(logit, y))

    c = Case("three layers, logistic loss", build, BISHOP, {
        "delta3": "((sigmoid(s) - y) / N)[:, None]", "delta2": "(((sigmoid(s) - y) / N)[:, None] @ W3) * (a2 > 0)",
        "delta1": "((((sigmoid(s) - y) / N)[:, None] @ W3) * (a2 > 0)) @ W2 * (1 - h1**2)"})
    c.right("W1", "((((((sigmoid(s) - y) / N)[:, None] @ W3) * (a2 > 0)) @ W2) * (1 - h1**2)).T @ x",
            "delta1.T @ x", "((delta2 @ W2) * (1 - h1**2)).T @ x",
            "d3 = (sigmoid(s) - y)[:, None] / N\nd2 = (d3 @ W3) * (h2 > 0)\nd1 = (d2 @ W2) * tanh'(a1)\nd1.T @ x",
            "dW1[i, j] = sum_n(sum_k((sigmoid(s[n]) - y[n]) * W3[0, k] * (a2[n, k] > 0) * W2[k, i]) "
            "* (1 - h1[n, i]**2) * x[n, j]) / N",
            lambda s, y, W3, a2, W2, h1, x: (
                ((1 / (1 + np.exp(-s)) - y)[:, None] * W3 * (a2 > 0)) @ W2 * (1 - h1**2)).T @ x / len(x))
    c.right("W2", "((((sigmoid(s) - y) / N)[:, None] * W3) * (a2 > 0)).T @ h1", "delta2.T @ h1",
            "((delta3 @ W3) * (a2 > 0)).T @ h1")
    c.right("b3", "sum((sigmoid(s) - y) / N, keepdims=True)", "delta3.sum(0)")
    c.wrong("path", "W1", "((((sigmoid(s) - y) / N)[:, None] @ W3) * (a2 > 0) @ W2).T @ x", "tanh", kinds="factor")
    c.wrong("missing factor", "W1", "((((sigmoid(s) - y)[:, None] / N @ W3) @ W2) * (1 - h1**2)).T @ x", "a2|relu",
            kinds="path")
    c.wrong("at output", "W1", "((delta2 @ W2) * (1 - tanh(h1)**2)).T @ x")
    c.wrong("missing factor", "W1", "((delta2 @ W2) * h1).T @ x", "tanh|derivative|h1")
    c.wrong("mean", "W2", "(((sigmoid(s) - y)[:, None] * W3) * (a2 > 0)).T @ h1", "N times")
    c.wrong("function", "W2", "((((s - y) / N)[:, None] * W3) * (a2 > 0)).T @ h1", kinds="instead")
    c.wrong("extra factor", "W2", "(((sigmoid(s) - y) * sigmoid(s) * (1 - sigmoid(s)) / N)[:, None] * W3 * (a2 >"
            " 0)).T @ h1", "s")
    c.wrong("sign", "b3", "sum((y - sigmoid(s)) / N, keepdims=True)")
    return c


def silu_vector() -> Case:
    def build() -> Any:
        D, H = sn.dims("D H")
        return sn.silu(sn.dense(sn.input("x", (D,)), H, name="1"))

    c = Case("silu layer of a vector, upstream gradient", build, "Hendrycks & Gimpel 2016, sec. 2")
    s = "sigmoid(a1)"
    c.right("W1", f"outer(dy * ({s} + a1 * {s} * (1 - {s})), x)", "outer(dy * silu'(a1), x)",
            f"outer(dy * ({s} * (1 + a1 * (1 - {s}))), x)",
            f"s = {s}\ng = dy * (s + h1 * (1 - s))\ng[:, None] @ x[None, :]",
            "dW1[i, j] = dy[i] * (h1[i] + sigmoid(a1[i]) * (1 - h1[i])) * x[j]",
            tex(r"\left(dy \odot \sigma(a_1) \odot (1 + a_1 \odot (1 - \sigma(a_1)))\right) x^\top"))
    c.right("x", f"W1.T @ (dy * ({s} + a1 * {s} * (1 - {s})))", "(dy * silu'(a1)) @ W1",
            lambda dy, a1, W1: W1.T @ (dy * (1 + a1 + np.exp(a1)) * np.exp(a1) / (1 + np.exp(a1)) ** 2))
    c.wrong("path", "W1", f"outer(dy * {s}, x)", kinds="factor")
    c.wrong("missing factor", "W1", f"outer(dy * ({s} + {s} * (1 - {s})), x)", "a1")
    c.wrong("missing factor", "W1", f"outer({s} + a1 * {s} * (1 - {s}), x)", "dy|dh1|upstream")
    c.wrong("at output", "x", "W1.T @ (dy * silu'(h1))")
    c.wrong("transpose", "x", "W1 @ (dy * silu'(a1))")
    c.wrong("layout", "W1", "outer(x, dy * silu'(a1))")
    return c
