"""Graphs with several paths: residuals, tied weights, shared parents; dropout, gather, a polynomial layer."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import symnn as sn

from .record import Case, sym, tex

__all__ = ["cases"]

n, m, i, j, k, s, q, o = sn.indices("n m i j k s q o")
delta = sympy.KroneckerDelta


def cases() -> list[Case]:
    return [residual(), tied(), used_twice(), dropout(), embedding(), polynomial(), maxout()]


def residual() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        x = sn.input("x", (N, D))
        return sn.residual(x, sn.tanh(sn.dense(x, D, name="1")), name="y")

    c = Case("residual block", build, "He et al. 2016, Deep Residual Learning, eq. 1", {"delta1": "dy * (1 - h1**2)"})
    c.right("x", "dy + (dy * (1 - h1**2)) @ W1", "dy + delta1 @ W1", "g = dy * tanh'(a1)\ng = g @ W1\ng + dy",
            "(dy.T + W1.T @ delta1.T).T",
            "dx[n, j] = dy[n, j] + sum_i(dy[n, i] * (1 - h1[n, i]**2) * W1[i, j])",
            "dy @ eye(D) + einsum('ni,ij->nj', dy / cosh(a1)**2, W1)",
            lambda dy, h1, W1: dy + (dy * (1 - h1**2)) @ W1,
            tex(r"dy_{nj} + \sum_i dy_{ni} (1 - (h^{(1)}_{ni})^2) W^{(1)}_{ij}"))
    c.right("W1", "(dy * (1 - h1**2)).T @ x", "delta1.T @ x",
            "dW1[i, j] = sum_n(dy[n, i] * (1 - h1[n, i]**2) * x[n, j])")
    c.wrong("path", "x", "(dy * (1 - h1**2)) @ W1")
    c.wrong("path", "x", "dy")
    c.wrong("transpose", "x", "dy + (dy * (1 - h1**2)) @ W1.T")
    c.wrong("at output", "x", "dy + (dy * (1 - tanh(h1)**2)) @ W1")
    c.wrong("sign", "x", "dy - (dy * (1 - h1**2)) @ W1")
    c.wrong("missing factor", "x", "dy + dy @ W1", "tanh|derivative|h1")
    c.wrong("overwrite", "x", lambda dy, h1, W1: (dy * (1 - h1**2)) @ W1)
    c.wrong("transpose", "W1", "x.T @ (dy * (1 - h1**2))")
    c.wrong("instead", "W1", "(dy * (1 - h1**2)).T @ y", "y|x")
    return c


def tied() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x, W = sn.input("x", (N, D)), sn.parameter("W", (H, D))
        h = sn.define("h", (n, i), sn.sum(W[i, j] * x[n, j], j))
        r = sn.define("r", (n, j), sn.sum(h[n, i] * W[i, j], i) - x[n, j])
        return sn.Network(sn.define("loss", (), sn.sum(r[n, j] ** 2, n, j) / N))

    c = Case("linear autoencoder with tied weights", build, "Baldi & Hornik 1989", {"dr": "2 * r / N",
            "dh": "2 * r @ W.T / N"})
    c.right("W", "2 / N * (h.T @ r + (r @ W.T).T @ x)", "h.T @ dr + dh.T @ x", "2 * (W @ x.T @ r + W @ r.T @ x) / N",
            "g = 2 * r / N\nencoder = W @ g.T @ x\ndecoder = h.T @ g\nencoder + decoder",
            "2 / N * W @ (x.T @ r + r.T @ x)",
            "dW[i, j] = 2 / N * sum_n(h[n, i] * r[n, j] + sum_k(r[n, k] * W[i, k]) * x[n, j])",
            "2 * (einsum('ni,nj->ij', h, r) + einsum('nk,ik,nj->ij', r, W, x)) / N",
            lambda h, r, W, x: sum(2 * (np.outer(h[q], r[q]) + np.outer(W @ r[q],
            x[q])) for q in range(len(x))) / len(x),
            sym(lambda T: lambda i, j: 2 / T["N"] * sn.sum(
                T["h"][n, i] * T["r"][n, j] + sn.sum(T["r"][n, k] * T["W"][i, k], k) * T["x"][n, j], n)),
            tex(r"\frac{2}{N} \left( h^\top r + W r^\top x \right)"))
    c.right("x", "2 / N * (r @ W.T @ W - r)", "dh @ W - dr", "2 * r @ (W.T @ W - eye(D)) / N")
    c.wrong("path", "W", "2 / N * h.T @ r")
    c.wrong("path", "W", "2 / N * (r @ W.T).T @ x")
    c.wrong("overwrite", "W", lambda r, W, x: 2 * W @ r.T @ x / len(x))
    c.wrong("constant", "W", "4 / N * h.T @ r", "2 times", kinds="path several term")
    c.wrong("sign", "W", "2 / N * (h.T @ r - (r @ W.T).T @ x)")
    c.wrong("mean", "W", "2 * (h.T @ r + (r @ W.T).T @ x)", "N times")
    c.wrong("path", "x", "2 / N * r @ W.T @ W")
    c.wrong("sign", "x", "2 / N * (r @ W.T @ W + r)")
    return c


def used_twice() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        a = sn.dense(sn.input("x", (N, D)), H, name="1")
        u, v = sn.sigmoid(a, name="u"), sn.tanh(a, name="v")
        return sn.define("y", (n, i), u[n, i] * v[n, i] + a[n, i] ** 2)

    c = Case("a parent used three times", build, inner={"du": "dy * v", "dv": "dy * u"})
    full = "dy * (v * u * (1 - u) + u * (1 - v**2) + 2 * a1)"
    c.right("a1", full, "du * u * (1 - u) + dv * (1 - v**2) + 2 * dy * a1",
            "g = du * sigmoid'(a1)\ng = g + dv * tanh'(a1)\ng + dy * 2 * a1",
            "dy * (u * v - u**2 * v + u - u * v**2 + 2 * a1)",
            "dy * (u * v * (1 - u) + u * (1 - v) * (1 + v) + 2 * a1)",
            "da1[n, i] = dy[n, i] * (v[n, i] * u[n, i] * (1 - u[n, i]) + u[n, i] / cosh(a1[n, i])**2 + 2 * a1[n, i])",
            lambda dy, u, v, a1: dy * v * u * (1 - u) + dy * u * (1 - v * v) + 2 * dy * a1,
            tex(r"dy \odot (v \odot u \odot (1 - u) + u \odot (1 - v^{\circ 2}) + 2 a_1)"))
    c.right("W1", f"({full}).T @ x", "g = du * u * (1 - u) + dv * (1 - v**2) + 2 * dy * a1\ng.T @ x")
    c.wrong("path", "a1", "dy * (v * u * (1 - u) + 2 * a1)")
    c.wrong("path", "a1", "dy * (u * (1 - v**2) + 2 * a1)")
    c.wrong("path", "a1", "dy * (v * u * (1 - u) + u * (1 - v**2))")
    c.wrong("overwrite", "a1", lambda dy, u, v: dy * u * (1 - v**2))
    c.wrong("constant", "a1", "dy * (v * u * (1 - u) + u * (1 - v**2) + a1)", "2|twice|1/2", kinds="exponent path term")
    c.wrong("sign", "a1", "dy * (v * u * (1 - u) - u * (1 - v**2) + 2 * a1)")
    c.wrong("missing factor", "a1", "dy * (v * u + u * (1 - v**2) + 2 * a1)", "u|sigmoid|derivative")
    c.wrong("missing factor", "W1", "(v * u * (1 - u) + u * (1 - v**2) + 2 * a1).T @ x", "dy|upstream")
    return c


def dropout() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        h = sn.relu(sn.dense(sn.input("x", (N, D)), H, name="1"))
        return sn.dropout(h, sn.input("mask", (N, H)), sn.scalars("keep", positive=True), name="y")

    c = Case("dropout after relu", build, "Srivastava et al. 2014, sec. 4", {"dh1": "dy * mask / keep",
            "delta1": "dy * mask / keep * (a1 > 0)"})
    c.right("W1", "(dy * mask / keep * (a1 > 0)).T @ x", "delta1.T @ x", "(dh1 * (h1 > 0)).T @ x",
            "g = where(a1 > 0, dy * mask, 0)\ng.T @ x / keep",
            "einsum('ni,ni,ni,nj->ij', dy, mask, a1 > 0, x) / keep",
            "dW1[i, j] = sum_n(dy[n, i] * mask[n, i] * (a1[n, i] > 0) * x[n, j]) / keep",
            lambda dy, mask, keep, a1, x: (dy * mask * (a1 > 0)).T @ x / keep,
            tex(r"\frac{1}{\mathrm{keep}} \sum_n dy_{ni}\, \mathrm{mask}_{ni}\, \mathbb{1}[a^{(1)}_{ni} > 0]\, x_{nj}"))
    c.right("b1", "sum(dy * mask / keep * (a1 > 0), axis=0)", "delta1.sum(0)", "sum(dh1 * relu'(a1), axis=0)")
    c.right("h1", "dy * mask / keep", "1 / keep * mask * dy")
    c.wrong("missing factor", "W1", "(dy / keep * (a1 > 0)).T @ x", "mask", kinds="mask")
    c.wrong("constant", "W1", "(dy * mask * (a1 > 0)).T @ x", "keep times")
    c.wrong("mask", "W1", "(dy * mask / keep).T @ x", "a1|relu", kinds="path factor")
    c.wrong("constant", "W1", "keep * (dy * mask * (a1 > 0)).T @ x", "keep**2 times")
    c.wrong("extra factor", "b1", "sum(dy * mask * mask / keep * (a1 > 0), axis=0)", "mask")
    c.wrong("missing factor", "h1", "dy / keep", "mask", kinds="mask")
    c.wrong("batch", "b1", "dy * mask / keep * (a1 > 0)")
    c.wrong("layout", "W1", "x.T @ (dy * mask / keep * (a1 > 0))")
    return c


def embedding() -> Case:
    def build() -> Any:
        N, V, D = sn.dims("N V D")
        E, t, w = sn.parameter("E", (V, D)), sn.labels("t", (N,), V), sn.parameter("w", (D,))
        z = sn.define("z", (n, j), E[t[n], j] * w[j])
        return z

    c = Case("embedding with a scale", build)

    def scattered(t: Any, w: Any, E: Any, dy: Any) -> Any:
        out = np.zeros_like(E)
        np.add.at(out, t, dy * w)
        return out

    def looped(t: Any, w: Any, E: Any, dy: Any) -> Any:
        out = np.zeros_like(E)
        for n in range(len(t)):
            out[t[n]] += dy[n] * w
        return out

    def kept(t: Any, w: Any, E: Any, dy: Any) -> Any:
        out = np.zeros_like(E)
        out[t] = dy * w
        return out

    def buffered(t: Any, w: Any, E: Any, dy: Any) -> Any:
        out = np.zeros_like(E)
        out[t] += dy * w
        return out

    c.right("E", "onehot(t).T @ (dy * w)", "(onehot(t).T @ dy) * w", "onehot(t).T @ dy @ diag(w)",
            "einsum('nv,nj,j->vj', onehot(t), dy, w)",
            "dE[v, j] = sum_n((t[n] == v) * dy[n, j] * w[j])", scattered, looped,
            tex(r"\sum_n \mathbb{1}[t_n = v]\, dz_{nj} w_j"))
    c.right("w", "sum(dy * E[t], axis=0)", "sum(dy * (onehot(t) @ E), axis=0)", "dw[j] = sum_n(dy[n, j] * E[t[n], j])",
            "einsum('nj,nj->j', dy, E[t])", lambda dy, E, t: (dy * E[t]).sum(0))
    c.wrong("overwrite", "E", kept)
    c.wrong("overwrite", "E", buffered)
    c.wrong("missing factor", "E", "onehot(t).T @ dy", "w")
    c.wrong("onehot", "E", "outer(ones(V), sum(dy * w, axis=0))", kinds="mask")
    c.wrong("layout", "E", "(dy * w).T @ onehot(t)")
    c.wrong("mean", "E", "onehot(t).T @ (dy * w) / N", "1/N times")
    c.wrong("batch", "w", "dy * E[t]")
    c.wrong("missing factor", "w", "sum(E[t], axis=0)", "dy|dz|upstream")
    return c


def polynomial() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x, A, B = sn.input("x", (N, D)), sn.parameter("A", (H, D)), sn.parameter("B", (H, D))
        u = sn.define("u", (n, i), sn.sum(B[i, j] * x[n, j], j))
        return sn.define("y", (n, i), sn.sum(A[i, j] * x[n, j], j) + u[n, i] ** 3 / 3)

    c = Case("layer with a cubic part", build, inner={"du": "dy * u**2"})
    c.right("B", "(dy * u**2).T @ x", "du.T @ x", "(dy * (x @ B.T)**2).T @ x", "einsum('ni,ni,ni,nj->ij', dy, u, u, x)",
            "dB[i, j] = sum_n(dy[n, i] * u[n, i]**2 * x[n, j])", "(dy * square(u)).T @ x", lambda dy, u,
            x: (dy * u * u).T @ x,
            tex(r"\sum_n dy_{ni}\, u_{ni}^2\, x_{nj}"))
    c.right("A", "dy.T @ x", "(x.T @ dy).T", "dA[i, j] = sum_n(dy[n, i] * x[n, j])")
    c.right("x", "dy @ A + (dy * u**2) @ B", "dy @ A + du @ B", "g = dy * u * u\ng @ B + dy @ A",
            "(A.T @ dy.T + B.T @ du.T).T",
            "dx[n, j] = sum_i(dy[n, i] * (A[i, j] + u[n, i]**2 * B[i, j]))")
    c.wrong("exponent", "B", "(dy * u).T @ x", kinds="factor")
    c.wrong("exponent", "B", "(dy * u**3).T @ x", kinds="factor")
    c.wrong("constant", "B", "3 * (dy * u**2).T @ x", "3 times")
    c.wrong("constant", "B", "(dy * u**2).T @ x / 3", "1/3 times")
    c.wrong("missing factor", "B", "dy.T @ x", "u", kinds="other")
    c.wrong("path", "x", "dy @ A")
    c.wrong("path", "x", "(dy * u**2) @ B")
    c.wrong("instead", "x", "dy @ B + (dy * u**2) @ B", "B|A")
    c.wrong("layout", "A", "x.T @ dy")
    return c


def maxout() -> Case:
    def build() -> Any:
        N, D, H = sn.dims("N D H")
        x = sn.input("x", (N, D))
        a, b = sn.dense(x, H, name="1"), sn.dense(x, H, name="2")
        return sn.define("y", (n, i), sympy.Max(a[n, i], b[n, i]))

    c = Case("maxout of two", build, "Goodfellow et al. 2013, Maxout Networks")
    c.right("W1", "(dy * (a1 > a2)).T @ x", "where(a1 > a2, dy, 0).T @ x", "einsum('ni,ni,nj->ij', dy, a1 > a2, x)",
            "dW1[i, j] = sum_n(dy[n, i] * (a1[n, i] > a2[n, i]) * x[n, j])", lambda dy, a1, a2, x: np.where(a1 > a2, dy,
            0).T @ x,
            tex(r"\sum_n dy_{ni} \mathbb{1}[a^{(1)}_{ni} > a^{(2)}_{ni}]\, x_{nj}"))
    c.right("x", "(dy * (a1 > a2)) @ W1 + (dy * (a2 > a1)) @ W2", "m = a1 > a2\n(dy * m) @ W1 + (dy * (1 - m)) @ W2",
            "dx[n, j] = sum_i(dy[n, i] * where(a1[n, i] > a2[n, i], W1[i, j], W2[i, j]))")
    c.right("a2", "dy * (a2 > a1)", "where(a2 > a1, dy, 0)", "dy - dy * (a1 > a2)")
    c.wrong("mask", "W1", "dy.T @ x", kinds="path")
    c.wrong("mask", "W1", "(dy * (a1 < a2)).T @ x", kinds="sign")
    c.wrong("mask", "W1", "(dy * (a1 > 0)).T @ x", kinds="instead factor")
    c.wrong("path", "x", "(dy * (a1 > a2)) @ W1")
    c.wrong("instead", "x", "(dy * (a1 > a2)) @ W2 + (dy * (a2 > a1)) @ W2", "W")
    c.wrong("mask", "a2", "dy * (a1 > a2)", kinds="other")
    c.wrong("missing factor", "a2", "(a2 > a1) * 1", "dy|upstream")
    return c
