"""Products of tensors: attention, gates, bilinear and quadratic forms, distances, kernels."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import symnn as sn

from .record import Case, sym, tex

__all__ = ["cases"]

n, m, i, j, k = sn.indices("n m i j k")
VASWANI = "Vaswani et al. 2017, Attention Is All You Need, eq. 1"


def cases() -> list[Case]:
    return [attention(), causal(), linear_attention(), gated(), bilinear(), quadratic(), distances(), kernel(),
            correlation()]


def attention() -> Case:
    def build() -> Any:
        M, T, D, C = sn.dims("M T D C")
        return sn.attention(sn.input("q", (M, D)), sn.input("k", (T, D)), sn.input("v", (T, C)))

    c = Case("attention", build, VASWANI, {
        "dP": "dO @ v.T", "dS": "P * (dO @ v.T - sum(dO @ v.T * P, axis=1, keepdims=True))"})
    full = "P * (dO @ v.T - sum((dO @ v.T) * P, axis=1, keepdims=True))"

    def looped(q: Any, k: Any, v: Any, P: Any, dO: Any) -> Any:
        out = np.zeros_like(q)
        for i in range(len(q)):
            dP = v @ dO[i]
            dS = P[i] * (dP - dP @ P[i])
            for j in range(len(k)):
                out[i] += dS[j] * k[j] / np.sqrt(q.shape[1])
        return out

    def flash(q: Any, P: Any, O: Any, dO: Any, v: Any) -> Any:
        return (P * (dO @ v.T - (dO * O).sum(1, keepdims=True))).T @ q / np.sqrt(q.shape[1])

    c.right("v", "P.T @ dO", "(dO.T @ P).T", "dv[j, c] = sum_i(P[i, j] * dO[i, c])", "einsum('ij,ic->jc', P, dy)",
            "sum(P[:, :, None] * dO[:, None, :], axis=0)", tex(r"P^\top\, dO"))
    c.right("q", f"{full} @ k / sqrt(D)", "dS @ k / sqrt(D)",
            "dP = dO @ v.T\ndS = P * (dP - sum(dP * P, axis=1, keepdims=True))\ndS @ k / sqrt(D)",
            "delta = sum(dO * O, axis=1, keepdims=True)\n(P * (dO @ v.T - delta)) @ k / sqrt(D)",
            "dq[i, d] = sum_j(P[i, j] * (dP[i, j] - sum_m(dP[i, m] * P[i, m])) * k[j, d]) / sqrt(D)",
            "einsum('ij,jd->id', dS, k) / D**0.5", looped,
            tex(r"\frac{1}{\sqrt D}\, dS\, k"))
    c.right("k", f"({full}).T @ q / sqrt(D)", "dS.T @ q / sqrt(D)", "(q.T @ dS).T / sqrt(D)",
            "dk[j, d] = sum_i(dS[i, j] * q[i, d]) / sqrt(D)", flash, tex(r"\frac{1}{\sqrt{D}} \sum_i dS_{ij} q_{id}"))
    c.wrong("transpose", "v", "P @ dO")
    c.wrong("missing factor", "q", "dS @ k", "sqrt(D) times|D")
    c.wrong("constant", "q", "dS @ k / D", "sqrt(D)")
    c.wrong("elementwise", "q", "(P * (1 - P) * (dO @ v.T)) @ k / sqrt(D)")
    c.wrong("path", "q", "(P * (dO @ v.T)) @ k / sqrt(D)")
    c.wrong("missing factor", "q", "((dO @ v.T) @ k) / sqrt(D)", kinds="path elementwise")
    c.wrong("axis", "q", "(P * (dP - sum(dP * P, axis=0, keepdims=True))) @ k / sqrt(D)")
    c.wrong("instead", "k", "dS.T @ k / sqrt(D)", kinds="shape transpose")
    c.wrong("transpose", "k", "dS @ q / sqrt(D)")
    c.wrong("sign", "k", "(P * (dP + sum(dP * P, axis=1, keepdims=True))).T @ q / sqrt(D)")
    c.wrong("layout", "k", "q.T @ dS / sqrt(D)")
    return c


def causal() -> Case:
    def build() -> Any:
        T, D, C = sn.dims("T D C")
        return sn.attention(sn.input("q", (T, D)), sn.input("k", (T, D)), sn.input("v", (T, C)), mask="causal")

    c = Case("causal attention", build, VASWANI, {
        "dP": "dO @ v.T", "dS": "P * (dO @ v.T - sum(dO @ v.T * P, axis=1, keepdims=True))"})

    def looped(q: Any, k: Any, v: Any, dO: Any) -> Any:
        T, D = q.shape
        out = np.zeros_like(k)
        for i in range(T):
            e = np.exp(q[i] @ k[: i + 1].T / np.sqrt(D))
            p = e / e.sum()
            dp = v[: i + 1] @ dO[i]
            out[: i + 1] += np.outer(p * (dp - p @ dp), q[i]) / np.sqrt(D)
        return out

    c.right("v", "P.T @ dO", "dv[j, c] = sum_i(P[i, j] * dO[i, c])", "tril(P).T @ dO")
    c.right("q", "(P * (dO @ v.T - sum((dO @ v.T) * P, axis=1, keepdims=True))) @ k / sqrt(D)", "dS @ k / sqrt(D)",
            "dP = tril(dO @ v.T)\n(P * (dP - sum(dP * P, axis=1, keepdims=True))) @ k / sqrt(D)")
    c.right("k", "(P * (dO @ v.T - sum(dO * O, axis=1, keepdims=True))).T @ q / sqrt(D)", "dS.T @ q / sqrt(D)", looped)
    c.wrong("mask", "v", "softmax(q @ k.T / sqrt(D)).T @ dO", kinds="forward")
    c.wrong("mask", "v", "triu(P).T @ dO")
    c.wrong("mask", "q", "p = softmax(q @ k.T / sqrt(D))\n(p * (dO @ v.T - sum((dO @ v.T) * p, axis=1,"
            " keepdims=True))) @ k / sqrt(D)", kinds="forward")
    c.wrong("path", "q", "(P * (dO @ v.T)) @ k / sqrt(D)")
    c.wrong("transpose", "k", "dS @ q / sqrt(D)")
    c.wrong("constant", "k", "dS.T @ q", "sqrt(D) times")
    c.wrong("instead", "k", "dS.T @ k / sqrt(D)", "k|q")
    c.wrong("transpose", "v", "P @ dO")
    c.wrong("axis", "q", "(P * (dP - sum(dP * P, axis=0, keepdims=True))) @ k / sqrt(D)")
    return c


def linear_attention() -> Case:
    def build() -> Any:
        T, D, C = sn.dims("T D C")
        q, key, v = sn.input("q", (T, D)), sn.input("k", (T, D)), sn.input("v", (T, C))
        d, c = sn.indices("d c")
        S = sn.define("S", (d, c), sn.sum(key[j, d] * v[j, c], j))
        return sn.define("O", (i, c), sn.sum(q[i, d] * S[d, c], d))

    c = Case("attention without softmax", build, "Katharopoulos et al. 2020, Transformers are RNNs", {"dS": "q.T @ dO"})
    c.right("k", "v @ (q.T @ dO).T", "v @ dO.T @ q", "v @ dS.T", "einsum('jc,ic,id->jd', v, dO, q)",
            "dk[j, d] = sum_c(v[j, c] * sum_i(dO[i, c] * q[i, d]))", lambda q, v, dO: v @ dO.T @ q,
            tex(r"v\, dO^\top q"))
    c.right("v", "k @ (q.T @ dO)", "k @ dS", "(k @ q.T) @ dO")
    c.right("q", "dO @ (k.T @ v).T", "dO @ S.T", "dO @ v.T @ k", "(S @ dO.T).T")
    c.wrong("transpose", "k", "v @ (q.T @ dO)")
    c.wrong("instead", "k", "v @ dO.T @ k", "k|q")
    c.wrong("transpose", "q", "dO @ S")
    c.wrong("transpose", "v", "k.T @ (q.T @ dO)")
    c.wrong("path", "v", "k @ (q.T @ dO) + v", kinds="several other")
    c.wrong("missing factor", "v", "q @ (q.T @ dO)", "k|q", kinds="instead")
    return c


def gated() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x = sn.input("x", (N, D))
        a, b = sn.dense(x, H, name="1"), sn.dense(x, H, name="2")
        g = sn.sigmoid(b, name="g")
        return sn.define("y", (n, i), a[n, i] * g[n, i])

    c = Case("gated linear unit", build, "Dauphin et al. 2017, Language Modeling with Gated Convolutional Networks", {
        "delta1": "dy * g", "delta2": "dy * a1 * g * (1 - g)"})
    c.right("W1", "(dy * g).T @ x", "delta1.T @ x", "(dy * sigmoid(a2)).T @ x", "einsum('ni,ni,nj->ij', dy, g, x)",
            "dW1[i, j] = sum_n(dy[n, i] * g[n, i] * x[n, j])", tex(r"(dy \odot g)^\top x"))
    c.right("W2", "(dy * a1 * g * (1 - g)).T @ x", "delta2.T @ x", "(dy * y * (1 - g)).T @ x",
            "(dy * a1 * sigmoid'(a2)).T @ x",
            "dW2[i, j] = sum_n(dy[n, i] * a1[n, i] * g[n, i] * (1 - g[n, i]) * x[n, j])",
            lambda dy, a1, g, x: sum(np.outer(dy[q] * a1[q] * g[q] * (1 - g[q]), x[q]) for q in range(len(x))))
    c.right("x", "(dy * g) @ W1 + (dy * a1 * g * (1 - g)) @ W2", "delta1 @ W1 + delta2 @ W2",
            "da = dy * g\ndb = dy * a1 * g * (1 - g)\nda @ W1 + db @ W2", "(W1.T @ delta1.T + W2.T @ delta2.T).T",
            tex(r"dx_{nj} = \sum_i dy_{ni} g_{ni} W^{(1)}_{ij} + \sum_i dy_{ni} a^{(1)}_{ni} g_{ni} (1 - g_{ni})"
            r" W^{(2)}_{ij}"))
    c.right("b2", "sum(dy * a1 * g * (1 - g), axis=0)", "delta2.sum(0)")
    c.wrong("path", "x", "(dy * g) @ W1")
    c.wrong("path", "x", "(dy * a1 * g * (1 - g)) @ W2")
    c.wrong("sign", "x", "(dy * g) @ W1 - (dy * a1 * g * (1 - g)) @ W2")
    c.wrong("overwrite", "x", lambda dy, a1, g, W2: (dy * a1 * g * (1 - g)) @ W2)
    c.wrong("missing factor", "W1", "dy.T @ x", "g")
    c.wrong("missing factor", "W2", "(dy * g * (1 - g)).T @ x", "a1")
    c.wrong("missing factor", "W2", "(dy * a1 * g).T @ x", "g|sigmoid|derivative")
    c.wrong("at output", "W2", "(dy * a1 * sigmoid'(g)).T @ x")
    c.wrong("instead", "x", "(dy * g) @ W2 + (dy * a1 * g * (1 - g)) @ W2", "W")
    c.wrong("batch", "b2", "dy * a1 * g * (1 - g)")
    return c


def bilinear() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x, z, W = sn.input("x", (N, D)), sn.input("z", (N, H)), sn.parameter("W", (D, H))
        return sn.define("s", (n,), sn.sum(x[n, i] * W[i, j] * z[n, j], i, j))

    c = Case("bilinear form of two batches", build)

    def looped(x: Any, z: Any, dy: Any) -> Any:
        out = np.zeros((x.shape[1], z.shape[1]))
        for n in range(len(x)):
            out += dy[n] * np.outer(x[n], z[n])
        return out

    def kept(x: Any, z: Any, dy: Any) -> Any:
        for n in range(len(x)):
            out = dy[n] * np.outer(x[n], z[n])
        return out

    c.right("W", "x.T @ (dy[:, None] * z)", "(dy[:, None] * x).T @ z", "x.T @ diag(dy) @ z",
            "einsum('n,ni,nj->ij', dy, x, z)",
            "dW[i, j] = sum_n(dy[n] * x[n, i] * z[n, j])", "(z.T @ (dy[:, None] * x)).T",
            "sum(dy[:, None, None] * x[:, :, None] * z[:, None, :], axis=0)",
            looped, tex(r"\sum_n ds_n\, x_{ni} z_{nj}"), tex(r"x^\top \mathrm{diag}(ds)\, z"))
    c.right("x", "dy[:, None] * (z @ W.T)", "diag(dy) @ z @ W.T", "dx[n, i] = dy[n] * sum_j(W[i, j] * z[n, j])")
    c.right("z", "dy[:, None] * (x @ W)", "(dy[:, None] * x) @ W", "einsum('n,ni,ij->nj', dy, x, W)")
    c.wrong("layout", "W", "z.T @ (dy[:, None] * x)")
    c.wrong("missing factor", "W", "x.T @ z", "dy|ds|upstream")
    c.wrong("overwrite", "W", kept)
    c.wrong("batch", "W", "dy[:, None, None] * x[:, :, None] * z[:, None, :]")
    c.wrong("mean", "W", "x.T @ (dy[:, None] * z) / N", "1/N times")
    c.wrong("transpose", "x", "dy[:, None] * (z @ W)")
    c.wrong("missing factor", "x", "z @ W.T", "dy|ds|upstream")
    c.wrong("missing factor", "z", "dy[:, None] * x", kinds="shape")
    return c


def quadratic() -> Case:
    def build() -> Any:
        D = sn.dims("D")
        x, A, b = sn.input("x", (D,)), sn.parameter("A", (D, D)), sn.parameter("b", (D,))
        return sn.Network(sn.define("loss", (), sn.sum(x[i] * A[i, j] * x[j], i, j) / 2 - sn.sum(b[i] * x[i], i)))

    c = Case("quadratic form", build, "Petersen & Pedersen 2012, The Matrix Cookbook, eq. 81")
    c.right("x", "(A + A.T) @ x / 2 - b", "A @ x / 2 + A.T @ x / 2 - b", "s = (A + A.T) / 2\ns @ x - b",
            "(x @ A + A @ x) / 2 - b",
            "dx[k] = sum_j((A[k, j] + A[j, k]) * x[j]) / 2 - b[k]", "einsum('ij,j->i', A + A.T, x) / 2 - b",
            lambda A, x, b: np.array([(A[q] @ x + A[:, q] @ x) / 2 - b[q] for q in range(len(x))]),
            sym(lambda T: lambda q: sn.sum((T["A"][q, j] + T["A"][j, q]) * T["x"][j], j) / 2 - T["b"][q]),
            tex(r"\frac12 (A + A^\top) x - b"), tex(r"\tfrac12 \sum_j (A_{kj} + A_{jk}) x_j - b_k"))
    c.right("A", "outer(x, x) / 2", "x[:, None] * x[None, :] / 2", "dA[i, j] = x[i] * x[j] / 2",
            tex(r"\frac12 x x^\top"))
    c.right("b", "-x")
    c.wrong("path", "x", "A @ x / 2 - b")
    c.wrong("transpose", "x", "A @ x - b")
    c.wrong("transpose", "x", "A.T @ x - b")
    c.wrong("constant", "x", "(A + A.T) @ x - b", "2|1/2|twice", kinds="term")
    c.wrong("path", "x", "(A + A.T) @ x / 2")
    c.wrong("sign", "x", "(A + A.T) @ x / 2 + b")
    c.wrong("constant", "A", "outer(x, x)", "2 times")
    c.wrong("instead", "A", "outer(x, b) / 2", "b")
    c.wrong("sign", "b", "x")
    return c


def distances() -> Case:
    def build() -> Any:
        N, M, D = sn.dims("N M D")
        x, c = sn.input("x", (N, D)), sn.parameter("c", (M, D))
        return sn.define("d", (n, m), sn.sum((x[n, k] - c[m, k]) ** 2, k))

    c = Case("squared distances", build)

    def looped(x: Any, c: Any, dy: Any) -> Any:
        out = np.zeros_like(c)
        for m in range(len(c)):
            for n in range(len(x)):
                out[m] += 2 * dy[n, m] * (c[m] - x[n])
        return out

    c.right("x", "2 * (sum(dy, axis=1, keepdims=True) * x - dy @ c)",
            "2 * sum(dy[:, :, None] * (x[:, None, :] - c[None, :, :]), axis=1)",
            "2 * (diag(sum(dy, axis=1)) @ x - dy @ c)", "r = sum(dy, axis=1)\n2 * r[:, None] * x - 2 * dy @ c",
            "dx[n, k] = 2 * sum_m(dy[n, m] * (x[n, k] - c[m, k]))",
            "2 * einsum('nm,nk->nk', dy, x) - 2 * einsum('nm,mk->nk', dy, c)",
            tex(r"2 \sum_m dd_{nm} (x_{nk} - c_{mk})"))
    c.right("c", "2 * (sum(dy, axis=0)[:, None] * c - dy.T @ x)",
            "-2 * sum(dy[:, :, None] * (x[:, None, :] - c[None, :, :]), axis=0)",
            "dc[m, k] = 2 * sum_n(dy[n, m] * (c[m, k] - x[n, k]))", looped)
    c.wrong("sign", "x", "2 * (dy @ c - sum(dy, axis=1, keepdims=True) * x)")
    c.wrong("constant", "x", "sum(dy, axis=1, keepdims=True) * x - dy @ c", "1/2 times")
    c.wrong("path", "x", "-2 * dy @ c")
    c.wrong("missing factor", "x", "2 * (x - dy @ c)", "dy|dd", kinds="sum path term")
    c.wrong("axis", "c", "2 * (sum(dy, axis=1)[:, None] * c - dy.T @ x)", kinds="shape")
    c.wrong("transpose", "c", "2 * (sum(dy, axis=0)[:, None] * c - dy @ x)")
    c.wrong("sign", "c", "2 * (sum(dy, axis=0)[:, None] * c + dy.T @ x)")
    c.wrong("batch", "x", "2 * dy[:, :, None] * (x[:, None, :] - c[None, :, :])")
    return c


def kernel() -> Case:
    def build() -> Any:
        N, M, D = sn.dims("N M D")
        x, c, tau = sn.input("x", (N, D)), sn.parameter("c", (M, D)), sn.scalars("tau", positive=True)
        return sn.define("K", (n, m), sympy.exp(-sn.sum((x[n, k] - c[m, k]) ** 2, k) / (2 * tau**2)), positive=True)

    c = Case("gaussian kernel", build)
    c.right("x", "((dy * K) @ c - sum(dy * K, axis=1, keepdims=True) * x) / tau**2",
            "g = dy * K / tau**2\ng @ c - diag(g @ ones(M)) @ x",
            "-sum((dy * K)[:, :, None] * (x[:, None, :] - c[None, :, :]), axis=1) / tau**2",
            "dx[n, k] = sum_m(dy[n, m] * K[n, m] * (c[m, k] - x[n, k])) / tau**2",
            "(einsum('nm,nm,mk->nk', dy, K, c) - einsum('nm,nm->n', dy, K)[:, None] * x) / tau**2",
            lambda dy, K, c, x, tau: sum(((dy * K)[:, [q]] * (c[q] - x)) for q in range(len(c))) / tau**2,
            tex(r"\frac{1}{\tau^2} \sum_m dK_{nm} K_{nm} (c_{mk} - x_{nk})"))
    c.right("c", "((dy * K).T @ x - sum(dy * K, axis=0)[:, None] * c) / tau**2",
            "dc[m, k] = sum_n(dy[n, m] * K[n, m] * (x[n, k] - c[m, k])) / tau**2")
    c.wrong("sign", "x", "(sum(dy * K, axis=1, keepdims=True) * x - (dy * K) @ c) / tau**2")
    c.wrong("constant", "x", "((dy * K) @ c - sum(dy * K, axis=1, keepdims=True) * x) / (2 * tau**2)", "1/2 times")
    c.wrong("constant", "x", "((dy * K) @ c - sum(dy * K, axis=1, keepdims=True) * x) / tau", "tau times")
    c.wrong("missing factor", "x", "(dy @ c - sum(dy, axis=1, keepdims=True) * x) / tau**2", "K")
    c.wrong("missing factor", "c", "(K.T @ x - sum(K, axis=0)[:, None] * c) / tau**2", "dy|dK|upstream")
    c.wrong("path", "c", "(dy * K).T @ x / tau**2")
    c.wrong("transpose", "c", "((dy * K) @ x - sum(dy * K, axis=0)[:, None] * c) / tau**2")
    return c


def correlation() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        x = sn.input("x", (N, D))
        G = sn.define("G", (i, j), sn.sum(x[n, i] * x[n, j], n) / N)
        return sn.Network(sn.define("loss", (), sn.sum(G[i, j] ** 2, i, j)))

    c = Case("squared Gram matrix", build, "Gatys, Ecker & Bethge 2016, eq. 6", {"dG": "2 * G"})
    c.right("x", "4 * x @ G / N", "2 * x @ (G + G.T) / N", "4 * x @ (x.T @ x) / N**2", "x @ (dG + dG.T) / N",
            "2 * (x @ dG) / N",
            "dx[n, i] = 4 * sum_j(x[n, j] * G[j, i]) / N", "4 * einsum('nj,ji->ni', x, G) / N", "(4 / N) * (G @ x.T).T",
            lambda x, G: 4 * x @ G / len(x), tex(r"\frac{4}{N} x G"), tex(r"\frac{4}{N} \sum_j x_{nj} G_{ji}"))
    c.wrong("path", "x", "2 * x @ G / N", "1/2", kinds="factor")
    c.wrong("constant", "x", "x @ G / N", "1/4 times")
    c.wrong("mean", "x", "4 * x @ G", "N times")
    c.wrong("missing factor", "x", "4 * x / N", "G", kinds="sum elementwise")
    c.wrong("exponent", "x", "4 * x @ (G @ G) / N", kinds="factor")
    c.wrong("sign", "x", "-4 * x @ G / N")
    c.wrong("layout", "x", "4 * G @ x.T / N")
    return c
