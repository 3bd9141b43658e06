"""Softmax and what stands on it: cross-entropies, divergences, contrastive losses, log-sum-exp."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import symnn as sn

from .record import Case, sym, tex

__all__ = ["cases"]

delta = sympy.KroneckerDelta
n, m, c_, k, j = sn.indices("n m c k j")


def cases() -> list[Case]:
    return [one_example(), smoothed(), tempered(), focal(), divergence(), distillation(), soft_targets(), info_nce(),
            layer(), log_layer(), log_sum_exp(), first_axis()]


def softmax(z: Any, axis: int = -1) -> Any:
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


def logits() -> tuple[Any, Any, Any, Any]:
    N, C = sn.dims("N C")
    return N, C, sn.input("z", (N, C)), sn.labels("t", (N,), C)


def one_example() -> Case:
    def build() -> Any:
        C = sn.dims("C")
        z, t = sn.input("z", (C,)), sn.labels("t", (), C)
        p = sn.softmax(z)
        return sn.Network(sn.define("loss", (), -sympy.log(p[t[()]])))

    c = Case("softmax cross-entropy of one example", build, "Bridle 1990", {"dp": "-onehot(t) / p"})

    def looped(p: Any, t: Any) -> Any:
        return np.array([p[q] - 1 if q == t else p[q] for q in range(len(p))])

    c.right("z", "p - onehot(t)", "-(onehot(t) - p)", "softmax(z) - onehot(t)", "exp(z) / sum(exp(z)) - onehot(t)",
            "p * (dp - sum(dp * p))", "g = -onehot(t) / p\np * g - p * dot(p, g)", "(diag(p) - outer(p, p)) @ dp",
            "dz[c] = p[c] - (t == c)", "sum_k(dp[k] * p[k] * ((k == c) - p[c]))", looped,
            sym(lambda T: lambda c: T["p"][c] - delta(c, T["t"][()])),
            tex(r"p_c - \mathbb{1}[c = t]"), tex(r"p - e(t)"),
            tex(r"\frac{e^{z_c}}{\sum_k e^{z_k}} - \mathbb{1}_{c=t}"))
    c.right("p", "-onehot(t) / p", "dp[c] = -(t == c) / p[c]", "where(onehot(t), -1 / p, 0)",
            tex(r"-\frac{\mathbb{1}[c = t]}{p_c}"))

    def labelled(p: Any, t: Any) -> Any:
        out = p.copy()
        out[t] = -1
        return out

    c.wrong("sign", "z", "onehot(t) - p")
    c.wrong("onehot", "z", "p")
    c.wrong("onehot", "z", "p - t")
    c.wrong("onehot", "z", "p - 2 * onehot(t)", kinds="term")
    c.wrong("elementwise", "z", "p * (1 - p) * dp")
    c.wrong("elementwise", "z", "-onehot(t) * (1 - p)")
    c.wrong("path", "z", "p * dp")
    c.wrong("sign", "z", "p + onehot(t)", kinds="onehot")
    c.wrong("missing factor", "z", "-onehot(t) / p", kinds="path other")
    c.wrong("overwrite", "z", labelled, kinds="onehot")
    c.wrong("missing factor", "p", "-onehot(t)", "p")
    c.wrong("sign", "p", "onehot(t) / p")
    c.wrong("missing factor", "p", "-1 / p", kinds="mask onehot")
    c.wrong("sign", "z", tex(r"\mathbb{1}[c = t] - p_c"))
    return c


def smoothed() -> Case:
    def build() -> Any:
        N, C, z, t = logits()
        return sn.Network(sn.cross_entropy(sn.softmax(z), t, label_smoothing=sn.scalars("alpha", positive=True)))

    c = Case("cross-entropy with smoothed labels", build, "Szegedy et al. 2016, Rethinking Inception, sec. 7")
    c.right("z", "(p - (1 - alpha) * onehot(t) - alpha / C) / N",
            "q = (1 - alpha) * onehot(t) + alpha / C\n(p - q) / N",
            "p / N - (1 - alpha) / N * onehot(t) - alpha / (N * C)",
            "(softmax(z) - onehot(t) + alpha * (onehot(t) - 1 / C)) / N",
            "dz[n, c] = (p[n, c] - (1 - alpha) * (t[n] == c) - alpha / C) / N",
            lambda p, t, alpha: (p - (1 - alpha) * np.eye(p.shape[1])[t] - alpha / p.shape[1]) / len(p),
            sym(lambda T: lambda n, c: (T["p"][n, c] - (1 - T["alpha"]) * delta(c,
            T["t"][n]) - T["alpha"] / T["C"]) / T["N"]),
            tex(r"\frac{1}{N}\left( p_{nc} - (1 - \alpha) \mathbb{1}[t_n = c] - \frac{\alpha}{C} \right)"))
    c.wrong("missing factor", "z", "(p - onehot(t) - alpha / C) / N", "alpha", kinds="term eps")
    c.wrong("path", "z", "(p - (1 - alpha) * onehot(t)) / N")
    c.wrong("path", "z", "(p - onehot(t)) / N", kinds="several forward mask factor eps")
    c.wrong("constant", "z", "(p - (1 - alpha) * onehot(t) - alpha) / N", "C")
    c.wrong("N-1", "z", "(p - (1 - alpha) * onehot(t) - alpha / (C - 1)) / N", "C - 1")
    c.wrong("mean", "z", "p - (1 - alpha) * onehot(t) - alpha / C", "N times")
    c.wrong("sign", "z", "(p - (1 - alpha) * onehot(t) + alpha / C) / N")
    c.wrong("onehot", "z", "(p - (1 - alpha) * t[:, None] - alpha / C) / N")
    return c


def tempered() -> Case:
    def build() -> Any:
        N, C, z, t = logits()
        return sn.Network(sn.cross_entropy(sn.softmax(z, temperature=sn.scalars("tau", positive=True)), t))

    c = Case("cross-entropy with a temperature", build, "Guo et al. 2017, On Calibration, sec. 4.2",
            {"dp": "-onehot(t) / p / N"})
    c.right("z", "(p - onehot(t)) / (tau * N)", "(softmax(z / tau) - onehot(t)) / tau / N",
            "1 / (N * tau) * p - onehot(t) / N / tau",
            "p * (dp - sum(dp * p, axis=1, keepdims=True)) / tau", "g = (p - onehot(t)) / N\ng / tau",
            "dz[n, c] = (p[n, c] - (t[n] == c)) / (N * tau)", "mean((p - onehot(t))[None, :, :] / tau, axis=0) / N",
            lambda z, t, tau: (softmax(z / tau) - np.eye(z.shape[1])[t]) / (tau * len(z)),
            tex(r"\frac{1}{\tau N} (p_{nc} - \mathbb{1}[t_n = c])"), tex(r"\frac{p - e(t)}{N \tau}"))
    c.wrong("constant", "z", "(p - onehot(t)) / N", "tau times")
    c.wrong("constant", "z", "tau * (p - onehot(t)) / N", "tau**2 times|tau^2")
    c.wrong("mean", "z", "(p - onehot(t)) / tau", "N times")
    c.wrong("missing factor", "z", "(softmax(z) - onehot(t)) / (tau * N)", "tau", kinds="forward")
    c.wrong("constant", "z", tex(r"\frac{1}{N} (p_{nc} - \mathbb{1}[t_n = c])"), "tau times")
    c.wrong("elementwise", "z", "p * (1 - p) * dp / tau")
    c.wrong("axis", "z", "p * (dp - sum(dp * p, axis=0, keepdims=True)) / tau")
    c.wrong("sign", "z", "p * (dp + sum(dp * p, axis=1, keepdims=True)) / tau")
    return c


def focal() -> Case:
    def build() -> Any:
        N, C, z, t = logits()
        return sn.Network(sn.focal(sn.softmax(z), t, gamma=2))

    c = Case("focal loss", build, "Lin et al. 2017, Focal Loss, app. A")

    def looped(p: Any, t: Any) -> Any:
        out = np.empty_like(p)
        for n in range(len(p)):
            q = p[n, t[n]]
            slope = 2 * (1 - q) * np.log(q) - (1 - q) ** 2 / q
            for k in range(p.shape[1]):
                out[n, k] = slope * q * ((k == t[n]) - p[n, k]) / len(p)
        return out

    c.right("z", "q = sum(p * onehot(t), axis=1, keepdims=True)\n(2 * q * (1 - q) * log(q) - (1 - q)**2) *"
            " (onehot(t) - p) / N",
            "q = p[arange(N), t][:, None]\n(1 - q) * (2 * q * log(q) + q - 1) * (onehot(t) - p) / N",
            "q = sum(p * onehot(t), axis=1)\ng = (1 - q)**2 - 2 * q * (1 - q) * log(q)\ng[:, None] * (p - onehot(t))"
            " / N",
            "dz[n, c] = ((1 - p[n, t[n]])**2 - 2 * p[n, t[n]] * (1 - p[n, t[n]]) * log(p[n, t[n]])) * (p[n, c] -"
            " (t[n] == c)) / N",
            looped,
            tex(r"\frac{1}{N}\left((1 - p_{n t_n})^2 - 2 p_{n t_n} (1 - p_{n t_n}) \log p_{n t_n}\right) (p_{nc} -"
            r" \mathbb{1}[t_n = c])"))
    start = "q = sum(p * onehot(t), axis=1, keepdims=True)\n"
    c.wrong("path", "z", start + "-((1 - q)**2) * (onehot(t) - p) / N")
    c.wrong("path", "z", start + "2 * q * (1 - q) * log(q) * (onehot(t) - p) / N")
    c.wrong("sign", "z", start + "(2 * q * (1 - q) * log(q) + (1 - q)**2) * (onehot(t) - p) / N", kinds="term")
    c.wrong("missing factor", "z", start + "(2 * (1 - q) * log(q) - (1 - q)**2) * (onehot(t) - p) / N", "p")
    c.wrong("constant", "z", start + "(q * (1 - q) * log(q) - (1 - q)**2) * (onehot(t) - p) / N", "2|twice|1/2",
            kinds="exponent")
    c.wrong("onehot", "z", start + "-(2 * q * (1 - q) * log(q) - (1 - q)**2) * p / N", kinds="path")
    c.wrong("mean", "z", start + "(2 * q * (1 - q) * log(q) - (1 - q)**2) * (onehot(t) - p)", "N times")
    return c


def divergence() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        z, u = sn.input("z", (N, C)), sn.input("u", (N, C))
        return sn.Network(sn.kl(sn.softmax(u, name="q"), sn.softmax(z, name="p")))

    c = Case("divergence of two softmaxes", build)
    c.right("z", "(p - q) / N", "-(q - p) / N", "softmax(z) / N - softmax(u) / N", "dz[n, c] = (p[n, c] - q[n, c]) / N",
            "g = -q / p / N\np * (g - sum(g * p, axis=1, keepdims=True))", lambda z,
            u: (softmax(z) - softmax(u)) / len(z),
            sym(lambda T: lambda n, c: (T["p"][n, c] - T["q"][n, c]) / T["N"]), tex(r"\frac1N (p - q)"))
    c.right("u", "q * (log(q / p) - sum(q * log(q / p), axis=1, keepdims=True)) / N",
            "r = log(q) - log(p)\nq / N * (r - sum(q * r, axis=1, keepdims=True))",
            "du[n, c] = q[n, c] * (log(q[n, c] / p[n, c]) - sum_k(q[n, k] * log(q[n, k] / p[n, k]))) / N",
            "r = log(q / p) + 1\n(q * r - q * sum(q * r, axis=1)[:, None]) / N",
            "q * (u - z - sum(q * (u - z), axis=1, keepdims=True)) / N",
            lambda p, q: q * (np.log(q / p) - (q * np.log(q / p)).sum(1, keepdims=True)) / len(q),
            tex(r"\frac{q_{nc}}{N} \left( \log \frac{q_{nc}}{p_{nc}} - "
                r"\sum_k q_{nk} \log \frac{q_{nk}}{p_{nk}} \right)"))
    c.wrong("sign", "z", "(q - p) / N")
    c.wrong("mean", "z", "p - q", "N times")
    c.wrong("path", "z", "-q / N")
    c.wrong("elementwise", "z", "-q * (1 - p) / N")
    c.wrong("instead", "z", "q * (log(q / p) - sum(q * log(q / p), axis=1, keepdims=True)) / N", "u")
    c.wrong("path", "u", "q * log(q / p) / N", kinds="elementwise")
    c.wrong("sign", "u", "q * (log(q / p) + sum(q * log(q / p), axis=1, keepdims=True)) / N")
    c.wrong("axis", "u", "q * (log(q / p) - sum(q * log(q / p), axis=0, keepdims=True)) / N")
    c.wrong("missing factor", "u", "(log(q / p) - sum(q * log(q / p), axis=1, keepdims=True)) / N", "q")
    c.wrong("elementwise", "u", "q * (1 - q) * (log(q / p) + 1) / N")
    return c


def distillation() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        return sn.Network(sn.distillation(sn.input("z", (N, C)), sn.input("u", (N, C)), sn.scalars("tau",
                positive=True)))

    c = Case("distillation", build, "Hinton, Vinyals & Dean 2015, eq. 2 to 4")
    c.right("z", "tau * (p - q) / N", "tau / N * (softmax(z / tau) - softmax(u / tau))", "tau * p / N - tau * q / N",
            "g = (p - q) / N\ntau**2 * g / tau", "dz[n, c] = tau * (p[n, c] - q[n, c]) / N",
            lambda z, u, tau: tau * (softmax(z / tau) - softmax(u / tau)) / len(z),
            tex(r"\frac{\tau}{N} (p_{nc} - q_{nc})"))
    c.wrong("constant", "z", "(p - q) / N", "1/tau times")
    c.wrong("constant", "z", "(p - q) / (tau * N)", "1/tau**2 times|tau**2")
    c.wrong("constant", "z", "tau**2 * (p - q) / N", "tau times")
    c.wrong("mean", "z", "tau * (p - q)", "N times")
    c.wrong("sign", "z", "tau * (q - p) / N")
    c.wrong("missing factor", "z", "tau * (softmax(z) - softmax(u)) / N", "tau", kinds="forward several")
    c.wrong("constant", "z", tex(r"\frac{1}{N} (p_{nc} - q_{nc})"), "1/tau times")
    return c


def soft_targets() -> Case:
    def build() -> Any:
        N, D, C = sn.dims("N D C")
        x, q = sn.input("x", (N, D)), sn.input("q", (N, C), positive=True)
        return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(x, C, name="1")), q))

    c = Case("cross-entropy with targets that need not sum to one", build)
    c.right("W1", "(p * sum(q, axis=1, keepdims=True) - q).T @ x / N", "delta1.T @ x",
            "g = (sum(q, axis=1)[:, None] * p - q) / N\ng.T @ x",
            "einsum('nc,nj->cj', p * q.sum(1)[:, None] - q, x) / N",
            "dW1[c, j] = sum_n((p[n, c] * sum_k(q[n, k]) - q[n, c]) * x[n, j]) / N",
            lambda p, q, x: (p * q.sum(1, keepdims=True) - q).T @ x / len(x))
    c.inner["delta1"] = "(p * sum(q, axis=1, keepdims=True) - q) / N"
    c.right("b1", "sum(p * sum(q, axis=1, keepdims=True) - q, axis=0) / N", "delta1.sum(0)")
    c.wrong("missing factor", "W1", "(p - q).T @ x / N", "q", kinds="sum path term")
    c.wrong("mean", "W1", "(p * sum(q, axis=1, keepdims=True) - q).T @ x", "N times")
    c.wrong("layout", "W1", "x.T @ (p * sum(q, axis=1, keepdims=True) - q) / N")
    c.wrong("elementwise", "W1", "(p * q - q).T @ x / N")
    c.wrong("sign", "W1", "(q - p * sum(q, axis=1, keepdims=True)).T @ x / N")
    c.wrong("batch", "b1", "(p * sum(q, axis=1, keepdims=True) - q) / N")
    c.wrong("axis", "W1", "(p * sum(q, axis=0, keepdims=True) - q).T @ x / N")
    return c


def info_nce() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        u, v, tau = sn.input("u", (N, D)), sn.input("v", (N, D)), sn.scalars("tau", positive=True)
        s = sn.define("s", (n, m), sn.sum(u[n, j] * v[m, j], j) / tau)
        p = sn.softmax(s)
        return sn.Network(sn.define("loss", (), -sn.sum(sympy.log(p[n, n]), n) / N))

    c = Case("contrastive loss (InfoNCE)", build, "van den Oord et al. 2018, eq. 4", {"ds": "(p - eye(N)) / N"})

    def looped(p: Any, v: Any, tau: Any) -> Any:
        out = np.zeros_like(v)
        for n in range(len(v)):
            for m in range(len(v)):
                out[n] += (p[n, m] - (n == m)) * v[m] / (tau * len(v))
        return out

    c.right("s", "(p - eye(N)) / N", "ds[n, m] = (p[n, m] - (n == m)) / N", "p / N - diag(ones(N)) / N")
    c.right("u", "(p - eye(N)) @ v / (tau * N)", "ds @ v / tau", "(p @ v - v) / (N * tau)",
            "du[n, j] = sum_m((p[n, m] - (n == m)) * v[m, j]) / (tau * N)",
            "du[n, j] = (sum_m(p[n, m] * v[m, j]) - v[n, j]) / tau / N",
            "einsum('nm,mj->nj', p - eye(N), v) / (N * tau)", looped,
            sym(lambda T: lambda n, j: (sn.sum(T["p"][n, m] * T["v"][m, j], m) - T["v"][n, j]) / (T["tau"] * T["N"])),
            tex(r"\frac{1}{\tau N} \left( \sum_m p_{nm} v_{mj} - v_{nj} \right)"))
    c.right("v", "(p - eye(N)).T @ u / (tau * N)", "ds.T @ u / tau", "(p.T @ u - u) / (tau * N)",
            "dv[m, j] = sum_n((p[n, m] - (n == m)) * u[n, j]) / (tau * N)", tex(r"\frac{1}{\tau N} (p - I)^\top u"))
    c.wrong("constant", "u", "(p - eye(N)) @ v / N", "tau times")
    c.wrong("mean", "u", "(p - eye(N)) @ v / tau", "N times")
    c.wrong("onehot", "u", "p @ v / (tau * N)", kinds="path")
    c.wrong("transpose", "v", "(p - eye(N)) @ u / (tau * N)", kinds="index")
    c.wrong("instead", "u", "(p - eye(N)) @ u / (tau * N)", "u")
    c.wrong("sign", "v", "(eye(N) - p).T @ u / (tau * N)")
    c.wrong("sign", "s", "(p + eye(N)) / N", kinds="onehot")
    c.wrong("transpose", "s", "(p.T - eye(N)) / N", kinds="index")
    return c


def layer() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        return sn.softmax(sn.input("z", (N, C)))

    c = Case("softmax layer", build, "Goodfellow et al. 2016, Deep Learning, sec. 6.2.2")

    def looped(p: Any, dy: Any) -> Any:
        out = np.zeros_like(p)
        for n in range(len(p)):
            out[n] = (np.diag(p[n]) - np.outer(p[n], p[n])) @ dy[n]
        return out

    c.right("z", "p * (dy - sum(dy * p, axis=1, keepdims=True))", "p * dy - p * sum(p * dy, axis=1, keepdims=True)",
            "s = (dy * p).sum(1)\np * (dy - s[:, None])", "p * dy - einsum('nc,nk,nk->nc', p, dy, p)",
            "dz[n, c] = p[n, c] * (dy[n, c] - sum_k(dy[n, k] * p[n, k]))",
            "dz[n, c] = sum_k(dy[n, k] * p[n, k] * ((k == c) - p[n, c]))",
            "softmax(z) * (dout - sum(dout * softmax(z), axis=-1, keepdims=True))", looped,
            tex(r"p_{nc} \left( \bar p_{nc} - \sum_k \bar p_{nk} p_{nk} \right)".replace(r"\bar p", "dy")))
    c.wrong("elementwise", "z", "dy * p * (1 - p)")
    c.wrong("path", "z", "dy * p")
    c.wrong("sign", "z", "p * (dy + sum(dy * p, axis=1, keepdims=True))")
    c.wrong("axis", "z", "p * (dy - sum(dy * p, axis=0, keepdims=True))")
    c.wrong("missing factor", "z", "p * (dy - sum(dy, axis=1, keepdims=True))", "p")
    c.wrong("missing factor", "z", "dy - sum(dy * p, axis=1, keepdims=True)", "p")
    c.wrong("mean", "z", "p * (dy - mean(dy * p, axis=1, keepdims=True))")
    c.wrong("missing factor", "z", "p - p * sum(p, axis=1, keepdims=True)", kinds="zero")
    return c


def log_layer() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        return sn.log_softmax(sn.input("z", (N, C)), name="y")

    c = Case("log-softmax layer", build)
    c.right("z", "dy - softmax(z) * sum(dy, axis=1, keepdims=True)", "dy - exp(y) * sum(dy, axis=1)[:, None]",
            "p = exp(z) / sum(exp(z), axis=1, keepdims=True)\ndy - p * sum(dy, axis=1, keepdims=True)",
            "dz[n, c] = dy[n, c] - exp(y[n, c]) * sum_k(dy[n, k])",
            lambda y, dy: dy - np.exp(y) * dy.sum(1, keepdims=True), tex(r"dy_{nc} - e^{y_{nc}} \sum_k dy_{nk}"))
    c.wrong("path", "z", "dy")
    c.wrong("axis", "z", "dy - softmax(z) * sum(dy, axis=0, keepdims=True)")
    c.wrong("elementwise", "z", "dy * (1 - softmax(z))")
    c.wrong("sign", "z", "dy + softmax(z) * sum(dy, axis=1, keepdims=True)")
    c.wrong("function", "z", "dy - y * sum(dy, axis=1, keepdims=True)", kinds="instead")
    c.wrong("missing factor", "z", "dy - sum(dy, axis=1, keepdims=True)", kinds="function")
    c.wrong("path", "z", "-softmax(z) * sum(dy, axis=1, keepdims=True)")
    return c


def log_sum_exp() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        z, tau = sn.input("z", (N, C)), sn.scalars("tau", positive=True)
        return sn.define("y", (n,), tau * sympy.log(sn.sum(sympy.exp(z[n, k] / tau), k)))

    c = Case("log-sum-exp with a temperature", build, "Boyd & Vandenberghe 2004, Convex Optimization, sec. 3.1.5")
    c.right("z", "dy[:, None] * softmax(z / tau)", "dy[:, None] * exp((z - y[:, None]) / tau)",
            "e = exp(z / tau)\n(dy / sum(e, axis=1))[:, None] * e",
            "dz[n, c] = dy[n] * exp(z[n, c] / tau) / sum_k(exp(z[n, k] / tau))",
            "einsum('n,nc->nc', dy, softmax(z / tau))", "diag(dy) @ softmax(z / tau)",
            lambda dy, z, tau: dy[:, None] * softmax(z / tau),
            tex(r"dy_n \frac{e^{z_{nc} / \tau}}{\sum_k e^{z_{nk} / \tau}}"))
    c.wrong("constant", "z", "dy[:, None] * softmax(z / tau) / tau", "1/tau times")
    c.wrong("constant", "z", "tau * dy[:, None] * softmax(z / tau)", "tau times")
    c.wrong("missing factor", "z", "dy[:, None] * softmax(z)", "tau", kinds="forward")
    c.wrong("missing factor", "z", "softmax(z / tau)", "dy|upstream")
    c.wrong("axis", "z", "dy[:, None] * softmax(z / tau, axis=0)")
    c.wrong("missing factor", "z", "dy[:, None] * exp(z / tau)", kinds="term path")
    return c


def first_axis() -> Case:
    def build() -> Any:
        N, C = sn.dims("N C")
        z, tau = sn.input("z", (N, C)), sn.scalars("tau", positive=True)
        e = sympy.exp(z[n, c_] / tau) / sn.sum(sympy.exp(z[m, c_] / tau), m)
        return sn.define("a", (n, c_), e, positive=True)

    c = Case("softmax over the first axis with a temperature", build)
    c.right("z", "a * (dy - sum(dy * a, axis=0, keepdims=True)) / tau", "a / tau * (dy - sum(dy * a, axis=0))",
            "s = sum(a * dy, 0)\na * dy / tau - a * s / tau",
            "dz[n, c] = a[n, c] * (dy[n, c] - sum_m(dy[m, c] * a[m, c])) / tau",
            "(a * dy - einsum('nc,mc,mc->nc', a, a, dy)) / tau",
            "(a.T * (dy.T - sum(dy * a, axis=0)[:, None])).T / tau",
            lambda a, dy, tau: a * (dy - (dy * a).sum(0)) / tau)
    c.wrong("axis", "z", "a * (dy - sum(dy * a, axis=1, keepdims=True)) / tau")
    c.wrong("constant", "z", "a * (dy - sum(dy * a, axis=0))", "tau times")
    c.wrong("elementwise", "z", "a * (1 - a) * dy / tau")
    c.wrong("sign", "z", "a * (dy + sum(dy * a, axis=0)) / tau")
    c.wrong("path", "z", "a * dy / tau")
    c.wrong("mean", "z", "a * (dy - mean(dy * a, axis=0)) / tau")
    return c
