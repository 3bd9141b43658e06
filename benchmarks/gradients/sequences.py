"""Sequences: convolution, a causal filter, recurrent steps, an update gate, a mean over time."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import symnn as sn

from .record import Case, tex

__all__ = ["cases"]

n, m, i, j, k, s, q, o = sn.indices("n m i j k s q o")
delta = sympy.KroneckerDelta


def cases() -> list[Case]:
    return [convolution(), causal_filter(), recurrent_step(), two_steps(), interpolated(), pooled()]


def convolution() -> Case:
    def build() -> Any:
        N, I, O, K, S = sn.dims("N I O K S")
        x, w = sn.input("x", (N, I, S + K - 1)), sn.parameter("w", (O, I, K))
        at = sn.index("s", S)
        return sn.define("y", (n, o, at), sn.sum(w[o, i, k] * x[n, i, at + k], i, k))

    c = Case("convolution", build)

    def weights(x: Any, w: Any, dy: Any) -> Any:
        out = np.zeros_like(w)
        S = dy.shape[2]
        for k in range(w.shape[2]):
            out[:, :, k] = np.einsum("nos,nis->oi", dy, x[:, :, k : k + S])
        return out

    def moved(x: Any, w: Any, dy: Any) -> Any:
        out = np.zeros_like(w)
        S = dy.shape[2]
        for k in range(w.shape[2]):
            out[:, :, k] = np.einsum("nos,nis->oi", dy[:, :, : S - 1], x[:, :, k + 1 : k + S])
        return out

    def inputs(x: Any, w: Any, dy: Any) -> Any:
        out = np.zeros_like(x)
        for s in range(dy.shape[2]):
            for k in range(w.shape[2]):
                out[:, :, s + k] += dy[:, :, s] @ w[:, :, k]
        return out

    def overwritten(x: Any, w: Any, dy: Any) -> Any:
        out = np.zeros_like(x)
        for s in range(dy.shape[2]):
            for k in range(w.shape[2]):
                out[:, :, s + k] = dy[:, :, s] @ w[:, :, k]
        return out

    def flipped(x: Any, w: Any, dy: Any) -> Any:
        return inputs(x, w[:, :, ::-1], dy)

    c.right("w", "dw[o, i, k] = sum_n(sum_s(dy[n, o, s] * x[n, i, s + k]))",
            "dw[o, i, k] = sum_ns(dy[n, o, s] * x[n, i, s + k])", weights,
            tex(r"\sum_n \sum_s dy_{nos}\, x_{n,i,s+k}"))
    c.right("x", "dx[n, i, q] = sum_o(sum_s(sum_k(dy[n, o, s] * w[o, i, k] * (q == s + k))))", inputs,
            tex(r"dx_{niq} = \sum_o \sum_s \sum_k dy_{nos} w_{oik} \mathbb{1}[q = s + k]"))
    c.wrong("index", "w", moved)
    c.wrong("index", "w", lambda x, w, dy: weights(x, w, dy)[:, :, ::-1])
    c.wrong("mean", "w", lambda x, w, dy: weights(x, w, dy) / len(x), "1/N times")
    c.wrong("layout", "w", lambda x, w, dy: weights(x, w, dy).transpose(1, 0, 2))
    c.wrong("sign", "w", lambda x, w, dy: -weights(x, w, dy))
    c.wrong("overwrite", "x", overwritten)
    c.wrong("index", "x", flipped)
    c.wrong("index", "x", lambda x, w, dy: np.roll(inputs(x, w, dy), 1, axis=2))
    return c


def causal_filter() -> Case:
    def build() -> Any:
        N, T, K = sn.dims("N T K")
        x, w = sn.input("x", (N, T)), sn.parameter("w", (K,))
        t = sn.index("t", T)
        return sn.define("y", (n, t), sn.sum(sn.indicator(t >= k) * w[k] * x[n, t - k], k))

    c = Case("causal filter", build)

    def weights(x: Any, w: Any, dy: Any) -> Any:
        out = np.zeros_like(w)
        for k in range(len(w)):
            for t in range(k, x.shape[1]):
                out[k] += dy[:, t] @ x[:, t - k]
        return out

    def short(x: Any, w: Any, dy: Any) -> Any:
        out = np.zeros_like(w)
        for k in range(len(w)):
            for t in range(k + 1, x.shape[1]):
                out[k] += dy[:, t] @ x[:, t - k]
        return out

    c.right("w", "dw[k] = sum_n(sum_t((t >= k) * dy[n, t] * x[n, t - k]))",
            "dw[k] = sum_nt(dy[n, t] * (t >= k) * x[n, t - k])", weights,
            tex(r"\sum_n \sum_t \mathbb{1}[t \ge k]\, dy_{nt}\, x_{n,t-k}"))
    c.right("x", "dx[n, s] = sum_t(sum_k(dy[n, t] * w[k] * (t == s + k)))",
            "dx[n, s] = sum_k((s + k < T) * dy[n, s + k] * w[k])",
            lambda x, w, dy: np.array([[sum(dy[r, u + k] * w[k] for k in range(len(w)) if u + k < x.shape[1])
                                        for u in range(x.shape[1])] for r in range(len(x))]))
    c.wrong("index", "w", "dw[k] = sum_n(sum_t((t > k) * dy[n, t] * x[n, t - k - 1]))")
    c.wrong("index", "w", short, kinds="mask")
    c.wrong("index", "x", "dx[n, s] = sum_t(sum_k(dy[n, t] * w[k] * (t == s + k + 1)))", kinds="mask")
    c.wrong("index", "x", "dx[n, s] = sum_t(sum_k(dy[n, t] * w[k] * (s == t + k)))", kinds="mask transpose")
    c.wrong("overwrite", "w", lambda x, w, dy: np.array([dy[:, -1] @ x[:,
            -1 - k] if k < x.shape[1] else 0 for k in range(len(w))]))
    c.wrong("sign", "x", "dx[n, s] = -sum_k((s + k < T) * dy[n, s + k] * w[k])")
    c.wrong("missing factor", "w", "dw[k] = sum_n(sum_t((t >= k) * x[n, t - k]))", "dy|upstream")
    return c


def recurrent_step() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x, h = sn.input("x", (N, D)), sn.input("h", (N, H))
        W, U, b = sn.parameter("W", (H, D)), sn.parameter("U", (H, H)), sn.parameter("b", (H,))
        a = sn.define("a", (n, i), sn.sum(W[i, j] * x[n, j], j) + sn.sum(U[i, k] * h[n, k], k) + b[i])
        return sn.tanh(a, name="s")

    c = Case("recurrent step", build, "Elman 1990", {"da": "dy * (1 - s**2)"})
    c.right("U", "(dy * (1 - s**2)).T @ h", "da.T @ h", "(dy * tanh'(a)).T @ h", "einsum('ni,nk->ik', da, h)",
            "dU[i, k] = sum_n(dy[n, i] * (1 - s[n, i]**2) * h[n, k])", lambda dy, s, h: (dy * (1 - s**2)).T @ h,
            tex(r"\sum_n dy_{ni} (1 - s_{ni}^2)\, h_{nk}"))
    c.right("h", "(dy * (1 - s**2)) @ U", "da @ U", "(U.T @ da.T).T",
            "dh[n, k] = sum_i(dy[n, i] * (1 - s[n, i]**2) * U[i, k])")
    c.right("W", "(dy * (1 - s**2)).T @ x", "da.T @ x", "((1 - s**2) * dy).T @ x")
    c.right("b", "sum(dy * (1 - s**2), axis=0)", "da.sum(0)")
    c.wrong("transpose", "h", "(dy * (1 - s**2)) @ U.T")
    c.wrong("layout", "U", "h.T @ (dy * (1 - s**2))")
    c.wrong("at output", "U", "(dy * (1 - tanh(s)**2)).T @ h")
    c.wrong("exponent", "U", "(dy * (1 - s)).T @ h", kinds="factor")
    c.wrong("instead", "U", "(dy * (1 - s**2)).T @ s", "s|h")
    c.wrong("missing factor", "W", "dy.T @ x", "tanh|s", kinds="path")
    c.wrong("instead", "h", "(dy * (1 - s**2)) @ W", kinds="shape")
    c.wrong("batch", "b", "dy * (1 - s**2)")
    c.wrong("sign", "W", "(dy * (s**2 - 1)).T @ x")
    return c


def two_steps() -> Case:
    def build() -> Any:
        N, H = sn.dims("N H")
        h0, y, U = sn.input("h0", (N, H)), sn.input("y", (N, H)), sn.parameter("U", (H, H))
        h1 = sn.tanh(sn.define("a1", (n, i), sn.sum(U[i, k] * h0[n, k], k)), name="h1")
        h2 = sn.tanh(sn.define("a2", (n, i), sn.sum(U[i, k] * h1[n, k], k)), name="h2")
        return sn.Network(sn.define("loss", (), sn.sum((h2[n, i] - y[n, i]) ** 2, n, i) / (2 * N)))

    c = Case("two recurrent steps with one weight", build, "Werbos 1990, Backpropagation Through Time", {
        "da2": "(h2 - y) * (1 - h2**2) / N", "da1": "((h2 - y) * (1 - h2**2) / N) @ U * (1 - h1**2)"})
    start = "d2 = (h2 - y) * (1 - h2**2) / N\nd1 = (d2 @ U) * (1 - h1**2)\n"
    c.right("U", start + "d2.T @ h1 + d1.T @ h0", "da2.T @ h1 + da1.T @ h0",
            "((h2 - y) * (1 - h2**2)).T @ h1 / N + (((h2 - y) * (1 - h2**2)) @ U * (1 - h1**2)).T @ h0 / N",
            "dU[i, k] = sum_n(da2[n, i] * h1[n, k] + da1[n, i] * h0[n, k])", "g = da1.T @ h0\ng = g + da2.T @ h1\ng",
            "einsum('ni,nk->ik', da2, h1) + einsum('ni,nk->ik', da1, h0)",
            lambda h0, h1, h2, y, U: (d := (h2 - y) * (1 - h2**2) / len(y)).T @ h1 + (d @ U * (1 - h1**2)).T @ h0,
            tex(r"\sum_n \left( da^{(2)}_{ni} h^{(1)}_{nk} + da^{(1)}_{ni} h^{(0)}_{nk} \right)"))
    c.right("h0", start + "d1 @ U", "da1 @ U")
    c.wrong("path", "U", "da2.T @ h1")
    c.wrong("path", "U", "da1.T @ h0")
    c.wrong("overwrite", "U", lambda h0, h1, h2, y, U: (((h2 - y) * (1 - h2**2) / len(y)) @ U * (1 - h1**2)).T @ h0)
    c.wrong("transpose", "U", "d2 = (h2 - y) * (1 - h2**2) / N\nd1 = (d2 @ U.T) * (1 - h1**2)\nd2.T @ h1 + d1.T @ h0")
    c.wrong("missing factor", "U", "d2 = (h2 - y) * (1 - h2**2) / N\nd1 = d2 @ U\nd2.T @ h1 + d1.T @ h0", "tanh|h1|a1",
            kinds="path")
    c.wrong("instead", "U", start + "d2.T @ h2 + d1.T @ h0", "h2|h1")
    c.wrong("mean", "U", "N * da2.T @ h1 + N * da1.T @ h0", "N times")
    c.wrong("transpose", "h0", "da1 @ U.T")
    c.wrong("path", "h0", "(da2 @ U) @ U", "tanh|h1|a1", kinds="factor")
    c.wrong("missing factor", "h0", "((h2 - y) / N @ U * (1 - h1**2)) @ U", "tanh|h2|a2", kinds="path")
    return c


def interpolated() -> Case:
    def build() -> Any:
        N, H = sn.dims("N H")
        h, a, b = sn.input("h", (N, H)), sn.input("a", (N, H)), sn.input("b", (N, H))
        z, c = sn.sigmoid(a, name="z"), sn.tanh(b, name="c")
        return sn.define("y", (n, i), (1 - z[n, i]) * h[n, i] + z[n, i] * c[n, i])

    c = Case("update gate", build, "Cho et al. 2014, sec. 2.3", {"dz": "dy * (c - h)", "dc": "dy * z"})
    c.right("a", "dy * (c - h) * z * (1 - z)", "dz * z * (1 - z)", "dz * sigmoid'(a)",
            "dy * (c * z * (1 - z) - h * z * (1 - z))",
            "da[n, i] = dy[n, i] * (c[n, i] - h[n, i]) * z[n, i] * (1 - z[n, i])", lambda dy, c, h,
            z: dy * (c - h) * z * (1 - z),
            tex(r"dy \odot (c - h) \odot z \odot (1 - z)"))
    c.right("b", "dy * z * (1 - c**2)", "dc * tanh'(b)", "dy * z / cosh(b)**2")
    c.right("h", "dy * (1 - z)", "dy - dy * z", "dy * sigmoid(-a)")
    c.wrong("sign", "a", "dy * (h - c) * z * (1 - z)")
    c.wrong("path", "a", "dy * c * z * (1 - z)")
    c.wrong("missing factor", "a", "dy * (c - h) * z", "z|sigmoid|derivative")
    c.wrong("missing factor", "a", "dy * (c - h)", kinds="other")
    c.wrong("at output", "a", "dz * sigmoid'(z)")
    c.wrong("missing factor", "b", "dy * (1 - c**2)", "z")
    c.wrong("exponent", "b", "dy * z * (1 - c)", kinds="factor")
    c.wrong("instead", "h", "dy * z", kinds="other term function")
    return c


def pooled() -> Case:
    def build() -> Any:
        N, T, D, C = sn.dims("N T D C")
        x, y = sn.input("x", (N, T, D)), sn.labels("y", (N,), C)
        h = sn.relu(sn.dense(x, C, name="1"))
        z = sn.define("z", (n, k), sn.sum(h[n, j, k], j) / h.shape[1])
        return sn.Network(sn.cross_entropy(sn.softmax(z), y))

    c = Case("mean over time, then cross-entropy", build, inner={"dz": "(p - onehot(y)) / N"})

    def looped(p: Any, y: Any, a1: Any, x: Any) -> Any:
        N, T, C = a1.shape
        out = np.zeros((C, x.shape[2]))
        for n in range(N):
            for t in range(T):
                out += np.outer((p[n] - np.eye(C)[y[n]]) * (a1[n, t] > 0), x[n, t]) / (N * T)
        return out

    c.right("W1", "einsum('nc,ntc,ntd->cd', p - onehot(y), a1 > 0, x) / (N * T)",
            "g = dz[:, None, :] / T * (a1 > 0)\neinsum('ntc,ntd->cd', g, x)",
            "dW1[c, d] = sum_n((p[n, c] - (y[n] == c)) * sum_t((a1[n, t, c] > 0) * x[n, t, d])) / (N * T)", looped,
            tex(r"\frac{1}{NT} \sum_n (p_{nc} - \mathbb{1}[y_n = c]) \sum_t \mathbb{1}[a^{(1)}_{ntc} > 0]\, x_{ntd}"))
    c.right("b1", "sum((p - onehot(y))[:, None, :] * (a1 > 0), axis=(0, 1)) / (N * T)",
            "einsum('nc,ntc->c', dz, relu'(a1)) / T")
    c.right("h1", "((p - onehot(y)) / (N * T))[:, None, :] * ones((N, T, C))",
            "dh1[n, t, c] = dz[n, c] / T + 0 * h1[n, t, c]")
    c.wrong("mean", "W1", "einsum('nc,ntc,ntd->cd', p - onehot(y), a1 > 0, x) / N", "T times")
    c.wrong("mean", "W1", "einsum('nc,ntc,ntd->cd', p - onehot(y), a1 > 0, x) / T", "N times")
    c.wrong("mask", "W1", "einsum('nc,ntd->cd', p - onehot(y), x) / (N * T)", kinds="path")
    c.wrong("onehot", "W1", "einsum('nc,ntc,ntd->cd', p, a1 > 0, x) / (N * T)")
    c.wrong("batch", "b1", "sum((p - onehot(y))[:, None, :] * (a1 > 0), axis=1) / (N * T)")
    c.wrong("layout", "W1", "einsum('nc,ntc,ntd->dc', p - onehot(y), a1 > 0, x) / (N * T)")
    c.wrong("sign", "b1", "sum((onehot(y) - p)[:, None, :] * (a1 > 0), axis=(0, 1)) / (N * T)")
    return c
