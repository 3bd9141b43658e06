"""Losses at the outputs and through one layer: regression, margins, likelihoods."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import symnn as sn

from .record import Case, sym, tex

__all__ = ["cases"]

n, m, i, j, k = sn.indices("n m i j k")
BISHOP = "Bishop 2006, Pattern Recognition and Machine Learning, sec. 4.3"


def cases() -> list[Case]:
    return [least_squares(), absolute_error(), huber(), support_vectors(), logistic(), likelihood(), poisson(),
            normal_divergence(), triplet(), factorisation(), penalised()]


def linear(output: str = "o") -> tuple[Any, Any, Any, Any, Any]:
    """Return N, D, x, y and o[n] = sum_j x[n, j] w[j] + b."""
    N, D = sn.dims("N D")
    x, y, w, b = sn.input("x", (N, D)), sn.input("y", (N,)), sn.parameter("w", (D,)), sn.parameter("b", ())
    return N, x, y, w, sn.define(output, (n,), sn.sum(x[n, j] * w[j], j) + b[()])


def least_squares() -> Case:
    def build() -> Any:
        N, D, C = sn.dims("N D C")
        x, y, W = sn.input("x", (N, D)), sn.input("y", (N, C)), sn.parameter("W", (D, C))
        o = sn.define("o", (n, k), sn.sum(x[n, j] * W[j, k], j))
        return sn.Network(sn.define("loss", (), sn.sum((o[n, k] - y[n, k]) ** 2, n, k) / (2 * N)))

    c = Case("least squares of a matrix", build, "Petersen & Pedersen 2012, The Matrix Cookbook, sec. 2.5")

    def looped(x: Any, y: Any, W: Any) -> Any:
        out = np.zeros_like(W)
        for n in range(len(x)):
            for j in range(W.shape[0]):
                out[j] += x[n, j] * (x[n] @ W - y[n]) / len(x)
        return out

    def kept(x: Any, y: Any, W: Any) -> Any:
        out = np.zeros_like(W)
        for n in range(len(x)):
            for j in range(W.shape[0]):
                out[j] = x[n, j] * (x[n] @ W - y[n]) / len(x)
        return out

    c.right("W", "x.T @ (x @ W - y) / N", "(x.T @ x @ W - x.T @ y) / N", "((o - y).T @ x).T / N",
            "r = o - y\nx.T @ r / N", "einsum('nj,nk->jk', x, o - y) / N", "(1 / N) * x.T @ o - (1 / N) * x.T @ y",
            "dW[j, k] = sum_n(x[n, j] * (sum_i(x[n, i] * W[i, k]) - y[n, k])) / N",
            "dW[j, k] = mean_n(x[n, j] * (o[n, k] - y[n, k]))", looped,
            sym(lambda T: lambda j, k: sn.sum(T["x"][n, j] * (T["o"][n, k] - T["y"][n, k]), n) / T["N"]),
            tex(r"\frac{1}{N} X^\top (X W - Y)".replace("X", "x").replace("Y", "y")))
    c.right("x", "(x @ W - y) @ W.T / N", "(o @ W.T - y @ W.T) / N", "(W @ (o - y).T).T / N",
            "dx[n, j] = sum_k((o[n, k] - y[n, k]) * W[j, k]) / N",
            tex(r"\frac{1}{N} \sum_k (o_{nk} - y_{nk}) W_{jk}"))
    c.wrong("constant", "W", "2 * x.T @ (x @ W - y) / N", "2 times")
    c.wrong("mean", "W", "x.T @ (x @ W - y)", "N times")
    c.wrong("layout", "W", "(o - y).T @ x / N")
    c.wrong("transpose", "W", "x @ (x @ W - y) / N")
    c.wrong("path", "W", "x.T @ x @ W / N")
    c.wrong("overwrite", "W", kept)
    c.wrong("sign", "W", "x.T @ (y - x @ W) / N")
    c.wrong("precision", "W", lambda x, y,
            W: (x.astype(np.float32).T @ (x @ W - y).astype(np.float32)).astype(float) / len(x))
    c.wrong("transpose", "x", "(x @ W - y) @ W / N")
    c.wrong("missing factor", "x", "(x @ W - y) / N", "W", kinds="shape")
    c.wrong("constant", "x", tex(r"\frac{2}{N} (x W - y) W^\top"), "2 times")
    return c


def absolute_error() -> Case:
    def build() -> Any:
        N, x, y, w, o = linear()
        return sn.Network(sn.define("loss", (), sn.sum(abs(o[n] - y[n]), n) / N))

    c = Case("linear regression, absolute error", build)
    c.right("w", "x.T @ sign(o - y) / N", "sum(sign(o - y)[:, None] * x, axis=0) / N",
            "mean(sign(o - y)[:, None] * x, axis=0)",
            "-x.T @ sign(y - o) / N", "r = o - y\ns = (r > 0) - (r < 0)\ns @ x / N",
            "dw[j] = sum_n(sign(o[n] - y[n]) * x[n, j]) / N", "einsum('n,nj->j', sign(o - y), x) / N",
            sym(lambda T: lambda j: sn.sum(sympy.sign(T["o"][n] - T["y"][n]) * T["x"][n, j], n) / T["N"]),
            lambda o, y, x: (np.sign(o - y)[:, None] * x).mean(0),
            tex(r"\frac1N \sum_n \operatorname{sign}(o_n - y_n)\, x_{nj}"))
    c.right("b", "sum(sign(o - y)) / N", "mean(sign(o - y))", "(sum(o > y) - sum(o < y)) / N",
            "dot(ones(N), sign(o - y)) / N",
            lambda o, y: sum(1 if o[q] > y[q] else -1 for q in range(len(y))) / len(y))
    c.wrong("sign", "w", "x.T @ sign(y - o) / N")
    c.wrong("instead", "w", "x.T @ (o - y) / N", kinds="function factor")
    c.wrong("mean", "w", "x.T @ sign(o - y)", "N times")
    c.wrong("batch", "w", "sign(o - y)[:, None] * x / N")
    c.wrong("mask", "w", "x.T @ (o > y) / N", kinds="function factor term")
    c.wrong("batch", "b", "sign(o - y) / N")
    c.wrong("overwrite", "b", lambda o, y: np.sign(o[-1] - y[-1]) / len(y))
    return c


def huber() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        y, t = sn.input("y", (N, C)), sn.input("t", (N, C))
        return sn.Network(sn.huber(y, t, delta=sn.scalars("kappa", positive=True)))

    c = Case("huber loss", build, "Huber 1964")

    def looped(y: Any, t: Any, kappa: Any) -> Any:
        out = np.empty_like(y)
        for at in np.ndindex(*y.shape):
            r = y[at] - t[at]
            out[at] = r if abs(r) <= kappa else kappa * np.sign(r)
        return out / y.size

    c.right("y", "where(abs(y - t) <= kappa, y - t, kappa * sign(y - t)) / (N * C)",
            "clip(y - t, -kappa, kappa) / (N * C)", "maximum(minimum(y - t, kappa), -kappa) / N / C",
            "r = y - t\nwhere(r > kappa, kappa, where(r < -kappa, -kappa, r)) / (N * C)",
            "r = y - t\nsmall = abs(r) <= kappa\n(r * small + kappa * sign(r) * (1 - small)) / (N * C)",
            "dy[n, c] = where(abs(y[n, c] - t[n, c]) <= kappa, y[n, c] - t[n, c], kappa * sign(y[n, c] - t[n, c])) /"
            " (N * C)",
            looped, lambda y, t, kappa: np.clip(y - t, -kappa, kappa) / y.size,
            tex(r"\frac{1}{NC}\max(-\kappa, \min(\kappa, y_{nc} - t_{nc}))"))
    c.right("t", "-clip(y - t, -kappa, kappa) / (N * C)", "clip(t - y, -kappa, kappa) / (N * C)")
    c.wrong("constant", "y", "2 * clip(y - t, -kappa, kappa) / (N * C)", "2 times")
    c.wrong("missing factor", "y", "where(abs(y - t) <= kappa, y - t, sign(y - t)) / (N * C)", "kappa", kinds="case")
    c.wrong("mean", "y", "clip(y - t, -kappa, kappa) / N", "C times")
    c.wrong("mask", "y", "where(abs(y - t) >= kappa, y - t, kappa * sign(y - t)) / (N * C)", kinds="case")
    c.wrong("mask", "y", "(y - t) / (N * C)", kinds="case")
    c.wrong("sign", "t", "clip(y - t, -kappa, kappa) / (N * C)")
    c.wrong("function", "y", "where(abs(y - t) <= kappa, y - t, kappa) / (N * C)", kinds="factor case")
    return c


def support_vectors() -> Case:
    def build() -> Any:
        N, x, y, w, o = linear()
        lam = sn.scalars("lam", positive=True)
        hinge = sn.sum(sympy.Max(0, 1 - y[n] * o[n]), n) / N
        return sn.Network(sn.define("loss", (), hinge + lam * sn.sum(w[j] ** 2, j)))

    c = Case("support vector machine", build, "Shalev-Shwartz et al. 2011, Pegasos, sec. 2")

    def looped(x: Any, y: Any, o: Any, w: Any, lam: Any) -> Any:
        out = 2 * lam * w
        for q in range(len(x)):
            if y[q] * o[q] < 1:
                out = out - y[q] * x[q] / len(x)
        return out

    c.right("w", "2 * lam * w - x.T @ (y * (y * o < 1)) / N", "2 * lam * w - (y * (1 - y * o > 0)) @ x / N",
            "active = (y * o < 1) * y\n2 * lam * w - mean(active[:, None] * x, axis=0)",
            "-einsum('nj,n,n->j', x, y, y * o < 1) / N + 2 * lam * w",
            "dw[j] = 2 * lam * w[j] - sum_n(where(y[n] * o[n] < 1, y[n] * x[n, j], 0)) / N",
            "(2 * N * lam * w - x.T @ (y * (y * o < 1))) / N", looped,
            sym(lambda T: lambda j: 2 * T["lam"] * T["w"][j] - sn.sum(
                sn.indicator(1 - T["y"][n] * T["o"][n] > 0) * T["y"][n] * T["x"][n, j], n) / T["N"]),
            tex(r"2 \lambda w_j - \frac1N \sum_n \mathbb{1}[y_n o_n < 1]\, y_n x_{nj}"))
    c.right("b", "-sum(y * (y * o < 1)) / N", "-mean(where(y * o < 1, y, 0))", "-dot(y, y * o < 1) / N")
    c.wrong("sign", "w", "2 * lam * w + x.T @ (y * (y * o < 1)) / N")
    c.wrong("mask", "w", "2 * lam * w - x.T @ y / N")
    c.wrong("mask", "w", "2 * lam * w - x.T @ (y * (y * o > 1)) / N")
    c.wrong("missing factor", "w", "2 * lam * w - x.T @ (y * o < 1) / N", "y")
    c.wrong("path", "w", "-x.T @ (y * (y * o < 1)) / N")
    c.wrong("constant", "w", "lam * w - x.T @ (y * (y * o < 1)) / N", "2|twice|1/2", kinds="exponent")
    c.wrong("missing factor", "w", "2 * w - x.T @ (y * (y * o < 1)) / N", "lam")
    c.wrong("mean", "w", "2 * lam * w - x.T @ (y * (y * o < 1))", "N")
    c.wrong("mean", "w", "(2 * lam * w - x.T @ (y * (y * o < 1))) / N", "N", kinds="several")
    c.wrong("overwrite", "w", lambda x, y, o, w: -((y * (y * o < 1)) @ x) / len(x))
    c.wrong("batch", "b", "-y * (y * o < 1) / N")
    c.wrong("mask", "b", "-sum(y * (o < 1)) / N", "y", kinds="factor")
    return c


def logistic() -> Case:
    def build() -> Any:
        N, x, y, w, o = linear()
        lam = sn.scalars("lam", positive=True)
        fit = sn.sum(sympy.log(1 + sympy.exp(o[n])) - y[n] * o[n], n) / N
        return sn.Network(sn.define("loss", (), fit + lam / 2 * sn.sum(w[j] ** 2, j)))

    c = Case("logistic regression, half squared penalty", build, f"{BISHOP}.2, eq. 4.91")

    def looped(x: Any, y: Any, o: Any, w: Any, lam: Any) -> Any:
        out = lam * w
        for q in range(len(x)):
            out += (1 / (1 + np.exp(-o[q])) - y[q]) * x[q] / len(x)
        return out

    c.right("w", "x.T @ (sigmoid(o) - y) / N + lam * w", "(sigmoid(o) - y) @ x / N + lam * w",
            "p = sigmoid(o)\nlam * w + mean((p - y)[:, None] * x, axis=0)",
            "x.T @ (1 / (1 + exp(-o)) - y) / N + lam * w",
            "(x.T @ sigmoid(o) - x.T @ y + N * lam * w) / N", "einsum('n,nj->j', sigmoid(o) - y, x) / N + lam * w",
            "dw[j] = sum_n((exp(o[n]) / (1 + exp(o[n])) - y[n]) * x[n, j]) / N + lam * w[j]", looped,
            sym(lambda T: lambda j: sn.sum((1 / (1 + sympy.exp(-T["o"][n])) - T["y"][n]) * T["x"][n, j], n) / T["N"]
                + T["lam"] * T["w"][j]),
            tex(r"\frac{1}{N} \sum_n (\sigma(o_n) - y_n)\, x_{nj} + \lambda w_j"))
    c.right("b", "sum(sigmoid(o) - y) / N", "mean(sigmoid(o)) - mean(y)", "db = 1 / N * sum_n(sigmoid(o[n]) - y[n])",
            "mean(1 - y - sigmoid(-o))", lambda o, y: np.mean(1 / (1 + np.exp(-o)) - y))
    c.wrong("constant", "w", "x.T @ (sigmoid(o) - y) / N + 2 * lam * w", "2|twice", kinds="term")
    c.wrong("sign", "w", "x.T @ (y - sigmoid(o)) / N + lam * w")
    c.wrong("sign", "w", "x.T @ (sigmoid(o) - y) / N - lam * w")
    c.wrong("path", "w", "x.T @ (sigmoid(o) - y) / N")
    c.wrong("extra factor", "w", "x.T @ ((sigmoid(o) - y) * sigmoid(o) * (1 - sigmoid(o))) / N + lam * w")
    c.wrong("function", "w", "x.T @ (o - y) / N + lam * w", kinds="instead term factor")
    c.wrong("mean", "w", "x.T @ (sigmoid(o) - y) + lam * w", "N")
    c.wrong("missing factor", "w", "x.T @ (sigmoid(o) - y) / N + w", "lam")
    c.wrong("overwrite", "w", lambda x, w, lam: lam * w)
    c.wrong("precision", "w", lambda x, y, o, w,
            lam: x.T @ (1 / (1 + np.exp(-o.astype(np.float32))) - y).astype(float) / len(x) + lam * w)
    c.wrong("batch", "b", "(sigmoid(o) - y) / N")
    c.wrong("path", "b", "sum(sigmoid(o) - y) / N + lam * b", kinds="term other several")
    return c


def likelihood() -> Case:
    def build() -> Any:
        N, x, y, w, o = linear()
        p = sn.sigmoid(o, name="p")
        fit = sn.sum(y[n] * sympy.log(p[n]) + (1 - y[n]) * sympy.log(1 - p[n]), n)
        return sn.Network(sn.define("loss", (), -fit / N))

    c = Case("binary cross-entropy of probabilities", build, f"{BISHOP}.2, eq. 4.90", {"do": "(p - y) / N"})
    c.right("p", "(p - y) / (N * p * (1 - p))", "-(y / p - (1 - y) / (1 - p)) / N", "((1 - y) / (1 - p) - y / p) / N",
            "dp[n] = (p[n] - y[n]) / (p[n] - p[n]**2) / N", lambda p, y: ((1 - y) / (1 - p) - y / p) / len(y),
            tex(r"-\frac1N \left( \frac{y_n}{p_n} - \frac{1 - y_n}{1 - p_n} \right)"))
    c.right("o", "(p - y) / N", "p / N - y / N", "-(y / p - (1 - y) / (1 - p)) * p * (1 - p) / N",
            "(sigmoid(o) - y) / N",
            "do[n] = (p[n] - y[n]) / N", lambda p, y: np.array([(p[q] - y[q]) / len(y) for q in range(len(y))]))
    c.right("w", "x.T @ (p - y) / N", "do @ x", "(x.T @ p - x.T @ y) / N", "sum(do[:, None] * x, 0)",
            sym(lambda T: lambda j: sn.sum((T["p"][n] - T["y"][n]) * T["x"][n, j], n) / T["N"]))
    c.wrong("path", "p", "-y / p / N")
    c.wrong("sign", "p", "-(y / p + (1 - y) / (1 - p)) / N")
    c.wrong("missing factor", "p", "(p - y) / (N * p)", "1 - p")
    c.wrong("sign", "o", "(y - p) / N")
    c.wrong("missing factor", "o", "(p - y) / (N * p * (1 - p))", kinds="other")
    c.wrong("extra factor", "w", "x.T @ ((p - y) * p * (1 - p)) / N", "p|1 - p")
    c.wrong("instead", "w", "x.T @ (o - y) / N", "o")
    c.wrong("mean", "w", "x.T @ (p - y)", "N times")
    return c


def poisson() -> Case:
    def build() -> Any:
        N, x, y, w, o = linear()
        return sn.Network(sn.define("loss", (), sn.sum(sympy.exp(o[n]) - y[n] * o[n], n) / N))

    c = Case("poisson regression", build, "McCullagh & Nelder 1989, Generalized Linear Models, sec. 6.2")
    c.right("w", "x.T @ (exp(o) - y) / N", "(exp(o) - y) @ x / N", "rate = exp(o)\nx.T @ rate / N - x.T @ y / N",
            "dw[j] = sum_n((exp(o[n]) - y[n]) * x[n, j]) / N", lambda x, o, y: np.mean((np.exp(o) - y)[:, None] * x,
            axis=0),
            tex(r"\frac{1}{N} x^\top (e^{o} - y)"))
    c.wrong("function", "w", "x.T @ (o - y) / N", kinds="instead factor")
    c.wrong("path", "w", "x.T @ exp(o) / N")
    c.wrong("mean", "w", "x.T @ (exp(o) - y)", "N times")
    c.wrong("sign", "w", "x.T @ (exp(o) + y) / N")
    c.wrong("sign", "w", "x.T @ (exp(-o) - y) / N", kinds="function factor")
    c.wrong("missing factor", "w", "ones((N, 1)) * (exp(o) - y)[:, None] / N", kinds="shape batch-sum")
    return c


def normal_divergence() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        mu, r = sn.input("mu", (N, D)), sn.input("r", (N, D))
        s = sn.softplus(r, name="s")
        return sn.Network(sn.define("loss", (), sn.sum(
            s[n, j] ** 2 + mu[n, j] ** 2 - 1 - 2 * sympy.log(s[n, j]), n, j) / (2 * N)))

    c = Case("divergence from a normal distribution, softplus deviation", build, "Kingma & Welling 2014, app. B",
             {"ds": "(s - 1 / s) / N"})
    c.right("mu", "mu / N", "dmu[n, j] = mu[n, j] / N", "2 * mu / (2 * N)")
    c.right("r", "(s - 1 / s) * sigmoid(r) / N", "ds * sigmoid(r)", "ds * softplus'(r)",
            "(s**2 - 1) / s * (1 - exp(-s)) / N",
            "dr[n, j] = (s[n, j] - 1 / s[n, j]) / (N * (1 + exp(-r[n, j])))",
            "g = s - 1 / s\ng = g / N\ng * sigmoid(r)",
            lambda s, r: (s - 1 / s) / (1 + np.exp(-r)) / len(r),
            sym(lambda T: lambda n, j: (T["s"][n, j] - 1 / T["s"][n, j]) / (1 + sympy.exp(-T["r"][n, j])) / T["N"]),
            tex(r"\frac{1}{N} \left( s_{nj} - \frac{1}{s_{nj}} \right) \sigma(r_{nj})"))
    c.wrong("constant", "mu", "2 * mu / N", "2 times")
    c.wrong("mean", "mu", "mu", "N times")
    c.wrong("missing factor", "r", "(s - 1 / s) / N", kinds="other")
    c.wrong("path", "r", "s * sigmoid(r) / N")
    c.wrong("sign", "r", "(s + 1 / s) * sigmoid(r) / N")
    c.wrong("exponent", "r", "(s - 1 / s**2) * sigmoid(r) / N", kinds="factor")
    c.wrong("at output", "r", "(s - 1 / s) * sigmoid(s) / N")
    c.wrong("missing factor", "r", "(s - 1 / s) * softplus(r) / N", "softplus|derivative|s")
    return c


def triplet() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        a, pos, neg = sn.input("a", (N, D)), sn.input("pos", (N, D)), sn.input("neg", (N, D))
        margin = sn.scalars("margin", positive=True)
        d = sn.define("d", (n,), sn.sum((a[n, j] - pos[n, j]) ** 2 - (a[n, j] - neg[n, j]) ** 2, j) + margin)
        return sn.Network(sn.define("loss", (), sn.sum(sympy.Max(0, d[n]), n) / N))

    c = Case("triplet loss", build, "Schroff et al. 2015, FaceNet, eq. 3")
    c.right("a", "2 * (neg - pos) * (d > 0)[:, None] / N", "2 / N * where((d > 0)[:, None], neg - pos, 0)",
            "active = (d > 0) / N\n2 * active[:, None] * ((a - pos) - (a - neg))",
            "da[n, j] = 2 * (d[n] > 0) * (neg[n, j] - pos[n, j]) / N", "einsum('n,nj->nj', d > 0, neg - pos) * 2 / N",
            lambda d, pos, neg: 2 * np.where(d[:, None] > 0, neg - pos, 0) / len(d),
            tex(r"\frac{2}{N} \mathbb{1}[d_n > 0]\, (neg_{nj} - pos_{nj})".replace("neg",
            r"\mathrm{neg}").replace("pos", r"\mathrm{pos}")))
    c.right("pos", "2 * (pos - a) * (d > 0)[:, None] / N", "-2 * (a - pos) * (d > 0)[:, None] / N",
            "dpos[n, j] = 2 / N * (pos[n, j] - a[n, j]) * (d[n] > 0)")
    c.right("neg", "2 * (a - neg) * (d > 0)[:, None] / N", "(2 * a - 2 * neg) * (d > 0)[:, None] / N")
    c.wrong("sign", "a", "2 * (pos - neg) * (d > 0)[:, None] / N")
    c.wrong("mask", "a", "2 * (neg - pos) / N")
    c.wrong("path", "a", "2 * (a - pos) * (d > 0)[:, None] / N", kinds="instead")
    c.wrong("mask", "a", "2 * (neg - pos) * (d < 0)[:, None] / N", kinds="sign")
    c.wrong("constant", "pos", "(pos - a) * (d > 0)[:, None] / N", "1/2 times")
    c.wrong("mean", "neg", "2 * (a - neg) * (d > 0)[:, None]", "N times")
    c.wrong("extra factor", "a", "2 * (neg - pos) * maximum(d, 0)[:, None] / N", kinds="mask function instead")
    return c


def factorisation() -> Case:
    def build() -> Any:
        N, M, K = sn.dims("N M K")
        R, mask = sn.input("R", (N, M)), sn.input("mask", (N, M))
        U, V, lam = sn.parameter("U", (N, K)), sn.parameter("V", (M, K)), sn.scalars("lam", positive=True)
        e = sn.define("e", (n, m), sn.sum(U[n, k] * V[m, k], k) - R[n, m])
        size = sn.sum(U[n, k] ** 2, n, k) + sn.sum(V[m, k] ** 2, m, k)
        return sn.Network(sn.define("loss", (), sn.sum(mask[n, m] * e[n, m] ** 2, n, m) + lam * size))

    c = Case("matrix factorisation with a mask", build,
            "Koren, Bell & Volinsky 2009, Matrix Factorization Techniques, eq. 2")
    c.right("U", "2 * (mask * e) @ V + 2 * lam * U", "2 * ((mask * (U @ V.T - R)) @ V + lam * U)",
            "g = 2 * mask * e\ng @ V + 2 * lam * U", "einsum('nm,nm,mk->nk', mask, e, V) * 2 + 2 * lam * U",
            "dU[n, k] = 2 * sum_m(mask[n, m] * e[n, m] * V[m, k]) + 2 * lam * U[n, k]",
            lambda mask, e, V, U, lam: 2 * (mask * e) @ V + 2 * lam * U,
            tex(r"2 (\mathrm{mask} \odot e) V + 2 \lambda U"))
    c.right("V", "2 * (mask * e).T @ U + 2 * lam * V", "2 * (U.T @ (mask * e)).T + 2 * lam * V",
            sym(lambda T: lambda m, k: 2 * sn.sum(T["mask"][n, m] * T["e"][n, m] * T["U"][n, k], n)
                + 2 * T["lam"] * T["V"][m, k]))
    c.wrong("missing factor", "U", "2 * e @ V + 2 * lam * U", "mask", kinds="mask")
    c.wrong("path", "U", "2 * (mask * e) @ V")
    c.wrong("transpose", "V", "2 * (mask * e) @ U + 2 * lam * V")
    c.wrong("constant", "U", "(mask * e) @ V + 2 * lam * U", "2|twice|1/2", kinds="exponent")
    c.wrong("instead", "U", "2 * (mask * e) @ V + 2 * lam * V.T @ V", kinds="shape")
    c.wrong("extra factor", "V", "2 * (mask * mask * e).T @ U + 2 * lam * V", "mask")
    c.wrong("sign", "V", "-2 * (mask * e).T @ U + 2 * lam * V")
    return c


def penalised() -> Case:
    def build() -> Any:
        N, D, C = sn.dims("N D C")
        x, y = sn.input("x", (N, D)), sn.input("y", (N, C))
        lam, rho = sn.scalars("lam rho", positive=True)
        o = sn.dense(x, C, name="1")
        return sn.Network(sn.plus(sn.mse(o, y), sn.l2(o, lam), sn.l1(o, rho)))

    c = Case("elastic net", build, "Zou & Hastie 2005, eq. 3", {"delta1": "2 * (a1 - y) / (N * C)"})
    c.right("W1", "2 * (a1 - y).T @ x / (N * C) + 2 * lam * W1 + rho * sign(W1)",
            "delta = 2 * (a1 - y) / (N * C)\ndelta.T @ x + 2 * lam * W1 + rho * sign(W1)",
            "2 * ((a1 - y).T @ x / N / C + lam * W1) + rho * ((W1 > 0) - (W1 < 0))",
            "dW1[i, j] = 2 / (N * C) * sum_n((a1[n, i] - y[n, i]) * x[n, j]) + 2 * lam * W1[i, j] + rho * sign(W1[i,"
            " j])",
            "einsum('ni,nj->ij', a1 - y, x) * 2 / (N * C) + 2 * lam * W1 + rho * W1 / abs(W1)",
            lambda a1, y, x, W1, lam, rho: 2 * (a1 - y).T @ x / y.size + 2 * lam * W1 + rho * np.sign(W1),
            tex(r"\frac{2}{NC} \sum_n (a^{(1)}_{ni} - y_{ni}) x_{nj} + 2\lambda W^{(1)}_{ij} + \rho\,"
            r" \mathrm{sign}(W^{(1)}_{ij})"))
    c.right("b1", "2 * sum(a1 - y, axis=0) / (N * C)", "2 * mean(a1 - y, axis=0) / C")
    c.wrong("path", "W1", "2 * (a1 - y).T @ x / (N * C) + 2 * lam * W1")
    c.wrong("path", "W1", "2 * (a1 - y).T @ x / (N * C) + rho * sign(W1)")
    c.wrong("path", "W1", "2 * lam * W1 + rho * sign(W1)")
    c.wrong("constant", "W1", "2 * (a1 - y).T @ x / (N * C) + lam * W1 + rho * sign(W1)", "2|twice|1/2",
            kinds="exponent")
    c.wrong("instead", "W1", "2 * (a1 - y).T @ x / (N * C) + 2 * lam * W1 + rho * abs(W1)", kinds="function factor")
    c.wrong("function", "W1", "2 * (a1 - y).T @ x / (N * C) + 2 * lam * W1 + rho * W1", kinds="factor instead")
    c.wrong("missing factor", "W1", "2 * (a1 - y).T @ x / (N * C) + 2 * lam * W1 + sign(W1)", "rho")
    c.wrong("path", "b1", "2 * sum(a1 - y, axis=0) / (N * C) + 2 * lam * b1", kinds="other several")
    return c
