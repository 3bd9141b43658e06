"""Norms: batch, layer, RMS, group, instance and weight norm, cosine similarity; through mean and variance."""

# fmt: off
from __future__ import annotations

from typing import Any

import numpy as np
import sympy

import symnn as sn

from .record import Case, sym, tex

__all__ = ["cases"]

n, m, i, j, k = sn.indices("n m i j k")
IOFFE = "Ioffe & Szegedy 2015, Batch Normalization, sec. 3"


def cases() -> list[Case]:
    return [batch_norm(), batch_norm_at_once(), layer_norm(), rms_norm(), group_norm(), instance_norm(), weight_norm(),
            cosine(), unit_rows(), spread()]


def batch_norm() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        return sn.batch_norm(sn.input("x", (N, D)), eps=sn.scalars("eps", positive=True))

    c = Case("batch norm, four nodes", build, IOFFE, {"dxhat": "dy * gamma"})

    def ioffe(x: Any, mu: Any, sigma: Any, gamma: Any, dy: Any) -> Any:
        N = len(x)
        g = dy * gamma
        dvar = (g * (x - mu)).sum(0) * -0.5 / sigma**3
        dmu = -g.sum(0) / sigma + dvar * -2 * (x - mu).mean(0)
        return g / sigma + dvar * 2 * (x - mu) / N + dmu / N

    def looped(xhat: Any, sigma: Any, gamma: Any, dy: Any) -> Any:
        N, D = dy.shape
        out = np.empty_like(dy)
        for i in range(D):
            total, along = sum(dy[:, i]), sum(dy[q, i] * xhat[q, i] for q in range(N))
            for n in range(N):
                out[n, i] = gamma[i] / (N * sigma[i]) * (N * dy[n, i] - total - xhat[n, i] * along)
        return out

    def half(xhat: Any, sigma: Any, gamma: Any, dy: Any) -> Any:
        g = (dy * gamma).astype(np.float16).astype(float)
        return (g - g.mean(0) - xhat * (g * xhat).mean(0)) / sigma

    c.right("x", "gamma / sigma * (dy - mean(dy, axis=0) - xhat * mean(dy * xhat, axis=0))",
            "gamma / (N * sigma) * (N * dy - sum(dy, axis=0) - xhat * sum(dy * xhat, axis=0))",
            "g = dy * gamma\n(g - mean(g, axis=0) - xhat * mean(g * xhat, axis=0)) / sigma",
            "(dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)) / sigma",
            "g = gamma * dy\ndvar = sum(g * (x - mu), axis=0) * (-1/2) / sigma**3\n"
            "dmu = -sum(g, axis=0) / sigma\ng / sigma + 2 * dvar * (x - mu) / N + dmu / N",
            "dx[n, i] = gamma[i] / sigma[i] * (dy[n, i] - sum_m(dy[m, i]) / N - xhat[n, i] * sum_m(dy[m, i] *"
            " xhat[m, i]) / N)",
            "(gamma / sigma) * ((eye(N) - ones((N, N)) / N) @ dy - xhat * mean(dy * xhat, axis=0))",
            "v = sigma**2\ngamma / sqrt(v) * (dy - mean(dy, axis=0) - (x - mu) / v * mean(dy * (x - mu), axis=0))",
            ioffe, looped,
            tex(r"\frac{\gamma_i}{N \sigma_i} \left( N\, dy_{ni} - \sum_m dy_{mi} - \hat{x}_{ni} \sum_m dy_{mi}"
            r" \hat{x}_{mi} \right)"))
    c.right("gamma", "sum(dy * xhat, axis=0)", "einsum('ni,ni->i', dy, xhat)",
            "N * mean(dy * (x - mu) / sigma, axis=0)",
            "diag(dy.T @ xhat)", "dgamma[i] = sum_n(dy[n, i] * xhat[n, i])", tex(r"\sum_n dy_{ni} \hat{x}_{ni}"))
    c.right("beta", "sum(dy, axis=0)", "dy.T @ ones(N)", lambda dy: dy.sum(axis=0))
    c.wrong("path", "x", "gamma * dy / sigma")
    c.wrong("path", "x", "gamma / sigma * (dy - mean(dy, axis=0))")
    c.wrong("path", "x", "gamma / sigma * (dy - xhat * mean(dy * xhat, axis=0))")
    c.wrong("missing factor", "x", "(dy - mean(dy, axis=0) - xhat * mean(dy * xhat, axis=0)) / sigma", "gamma")
    c.wrong("missing factor", "x", "gamma * (dy - mean(dy, axis=0) - xhat * mean(dy * xhat, axis=0))", "sigma")
    c.wrong("sign", "x", "gamma / sigma * (dy - mean(dy, axis=0) + xhat * mean(dy * xhat, axis=0))")
    c.wrong("mean", "x", "gamma / sigma * (dy - sum(dy, axis=0) - xhat * mean(dy * xhat, axis=0))", kinds="factor")
    c.wrong("axis", "x", "gamma / sigma * (dy - mean(dy, axis=1, keepdims=True) - xhat * mean(dy * xhat, axis=1,"
            " keepdims=True))",
            kinds="several forward")
    c.wrong("N-1", "x", "gamma / sigma * (dy - mean(dy, axis=0) - xhat * sum(dy * xhat, axis=0) / (N - 1))", "N - 1")
    c.wrong("exponent", "x", "gamma / sigma**2 * (dy - mean(dy, axis=0) - xhat * mean(dy * xhat, axis=0))",
            kinds="factor")
    c.wrong("eps", "x", "s = std(x, axis=0)\ngamma / s * (dy - mean(dy, axis=0) - (x - mu) / s * mean(dy * (x - mu)"
            " / s, axis=0))", "eps")
    c.wrong("precision", "x", half)
    c.wrong("instead", "gamma", "sum(dy * x, axis=0)", "x")
    c.wrong("batch", "gamma", "dy * xhat")
    c.wrong("mean", "gamma", "mean(dy * xhat, axis=0)", "1/N times")
    c.wrong("axis", "beta", "sum(dy, axis=1)", kinds="shape")
    c.wrong("overwrite", "beta", lambda dy: dy[-1])
    return c


def batch_norm_at_once() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        x, gamma, eps = sn.input("x", (N, D)), sn.parameter("gamma", (D,)), sn.scalars("eps", positive=True)

        def mean(f: Any) -> Any:
            return sn.sum(f(m), m) / N

        def centred(a: Any) -> Any:
            return x[a, i] - sn.sum(x[k, i], k) / N

        deviation = sympy.sqrt(mean(lambda a: centred(a) ** 2))
        return sn.define("y", (n, i), gamma[i] * centred(n) / (deviation + eps))

    c = Case("batch norm as one expression, eps outside the root", build)
    start = "xc = x - mean(x, axis=0)\ns = sqrt(mean(xc**2, axis=0))\n"
    c.right("x", start + "gamma / (s + eps) * (dy - mean(dy, axis=0) - xc * mean(dy * xc, axis=0) / (s * (s + eps)))",
            "s = std(x, axis=0)\nxhat = (x - mean(x, axis=0)) / (s + eps)\n"
            "gamma / (s + eps) * (dy - mean(dy, axis=0)) - gamma * xhat / s * mean(dy * xhat, axis=0)",
            start + "g = dy * gamma\nds = -sum(g * xc, axis=0) / (s + eps)**2\ndxc = g / (s + eps) + ds * xc / (N *"
            " s)\n"
            "dxc - mean(dxc, axis=0)",
            lambda x, gamma, eps, dy: gamma / (x.std(0) + eps) * (
                dy - dy.mean(0) - (x - x.mean(0)) * (dy * (x - x.mean(0))).mean(0) / (x.std(0) * (x.std(0) + eps))))
    c.right("gamma", "sum(dy * (x - mean(x, axis=0)) / (std(x, axis=0) + eps), axis=0)",
            start + "sum(dy * xc, axis=0) / (s + eps)", "diag(dy.T @ y) / gamma",
            "dgamma[i] = sum_n(dy[n, i] * y[n, i]) / gamma[i]")
    c.wrong("path", "x", start + "gamma / (s + eps) * dy")
    c.wrong("path", "x", start + "gamma / (s + eps) * (dy - mean(dy, axis=0))")
    c.wrong("eps", "x", start + "s = sqrt(mean(xc**2, axis=0) + eps)\ngamma / s * (dy - mean(dy, axis=0) - xc *"
            " mean(dy * xc, axis=0) / s**2)", "eps")
    c.wrong("eps", "x", start + "gamma / s * (dy - mean(dy, axis=0) - xc * mean(dy * xc, axis=0) / s**2)", "eps")
    c.wrong("missing factor", "x", start + "(dy - mean(dy, axis=0) - xc * mean(dy * xc, axis=0) / (s * (s + eps))) /"
            " (s + eps)", "gamma")
    c.wrong("eps", "gamma", start + "sum(dy * xc, axis=0) / s", "eps")
    c.wrong("eps", "gamma", "sum(dy * (x - mean(x, axis=0)) / sqrt(var(x, axis=0) + eps), axis=0)", "eps")
    c.wrong("N-1", "gamma", "sum(dy * (x - mean(x, axis=0)) / (std(x, axis=0, ddof=1) + eps), axis=0)", "N - 1")
    c.wrong("path", "gamma", "sum(dy * x / (std(x, axis=0) + eps), axis=0)")
    return c


def layer_norm() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        return sn.layer_norm(sn.input("x", (N, D)), eps=sn.scalars("eps", positive=True))

    c = Case("layer norm", build, "Ba, Kiros & Hinton 2016", {"dxhat": "dy * gamma"})
    start = "g = dy * gamma\n"

    def looped(xhat: Any, sigma: Any, gamma: Any, dy: Any) -> Any:
        out = np.empty_like(dy)
        for n in range(len(dy)):
            g = gamma * dy[n]
            out[n] = (g - g.mean() - xhat[n] * (g @ xhat[n]) / len(g)) / sigma[n]
        return out

    c.right("x", start + "(g - mean(g, axis=1, keepdims=True) - xhat * mean(g * xhat, axis=1, keepdims=True)) /"
            " sigma[:, None]",
            "(dxhat - dxhat.mean(1)[:, None] - xhat * (dxhat * xhat).mean(1)[:, None]) / sigma[:, None]",
            "(dy * gamma - (dy @ gamma)[:, None] / D - xhat * ((dy * xhat) @ gamma)[:, None] / D) / sigma[:, None]",
            "dx[n, i] = (gamma[i] * dy[n, i] - mean_j(gamma[j] * dy[n, j]) - xhat[n, i] * mean_j(gamma[j] * dy[n, j]"
            " * xhat[n, j])) / sigma[n]",
            "1 / sigma[:, None] * (dxhat - einsum('nj->n', dxhat)[:, None] / D - xhat * einsum('nj,nj->n', dxhat,"
            " xhat)[:, None] / D)",
            "(diag(1 / sigma) @ (dxhat - dxhat @ ones((D, D)) / D - xhat * mean(dxhat * xhat, axis=1, keepdims=True)))",
            looped, tex(r"\frac{1}{\sigma_n} \left( d\hat{x}_{ni} - \frac1D \sum_j d\hat{x}_{nj} -"
            r" \frac{\hat{x}_{ni}}{D} \sum_j d\hat{x}_{nj} \hat{x}_{nj} \right)"))
    c.right("gamma", "sum(dy * xhat, axis=0)", "dgamma[i] = sum_n(dy[n, i] * (x[n, i] - mu[n]) / sigma[n])")
    c.right("beta", "sum(dy, axis=0)", "ones(N) @ dy", "dbeta[i] = sum_n(dy[n, i])")
    c.wrong("axis", "x", start + "(g - mean(g, axis=0, keepdims=True) - xhat * mean(g * xhat, axis=0,"
            " keepdims=True)) / sigma[:, None]",
            kinds="several forward")
    c.wrong("path", "x", start + "g / sigma[:, None]")
    c.wrong("path", "x", start + "(g - mean(g, axis=1, keepdims=True)) / sigma[:, None]")
    c.wrong("path", "x", start + "(g - xhat * mean(g * xhat, axis=1, keepdims=True)) / sigma[:, None]")
    c.wrong("missing factor", "x", "(dy - mean(dy, axis=1, keepdims=True) - xhat * mean(dy * xhat, axis=1,"
            " keepdims=True)) / sigma[:, None]", "gamma")
    c.wrong("missing factor", "x", "gamma * (dy - mean(dy, axis=1, keepdims=True) - xhat * mean(dy * xhat, axis=1,"
            " keepdims=True)) / sigma[:, None]",
            "gamma", kinds="path term several")
    c.wrong("missing factor", "x", start + "g - mean(g, axis=1, keepdims=True) - xhat * mean(g * xhat, axis=1,"
            " keepdims=True)", "sigma")
    c.wrong("mean", "x", start + "(g - sum(g, axis=1, keepdims=True) - xhat * mean(g * xhat, axis=1, keepdims=True))"
            " / sigma[:, None]", kinds="factor")
    c.wrong("sign", "x", start + "(g + mean(g, axis=1, keepdims=True) - xhat * mean(g * xhat, axis=1,"
            " keepdims=True)) / sigma[:, None]")
    c.wrong("axis", "gamma", "sum(dy * xhat, axis=1)", kinds="shape")
    c.wrong("batch", "beta", "dy")
    return c


def rms_norm() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        return sn.rms_norm(sn.input("x", (N, D)), eps=sn.scalars("eps", positive=True))

    c = Case("rms norm", build, "Zhang & Sennrich 2019, eq. 8", {"dxhat": "dy * gamma"})
    start = "g = dy * gamma\n"
    c.right("x", start + "(g - xhat * mean(g * xhat, axis=1, keepdims=True)) / r[:, None]",
            "(dxhat - xhat * (dxhat * xhat).mean(1)[:, None]) / r[:, None]",
            start + "g / r[:, None] - x * sum(g * x, axis=1, keepdims=True) / (D * r[:, None]**3)",
            "dx[n, i] = (gamma[i] * dy[n, i] - xhat[n, i] * sum_j(gamma[j] * dy[n, j] * xhat[n, j]) / D) / r[n]",
            "(dxhat - xhat * einsum('nj,nj->n', dxhat, xhat)[:, None] / D) / r[:, None]",
            "v = mean(x**2, axis=1, keepdims=True) + eps\n(gamma * dy - x / v * mean(gamma * dy * x, axis=1,"
            " keepdims=True)) / sqrt(v)",
            lambda x, r, gamma, dy: gamma * dy / r[:, None] - x * (gamma * dy * x).mean(1, keepdims=True) / r[:,
            None] ** 3,
            tex(r"\frac{1}{r_n} \left( \gamma_i\, dy_{ni} - \frac{\hat{x}_{ni}}{D} \sum_j \gamma_j\, dy_{nj}"
            r" \hat{x}_{nj} \right)"))
    c.right("gamma", "sum(dy * xhat, axis=0)", "sum(dy * x / r[:, None], axis=0)", "(dy * xhat).T @ ones(N)")
    c.wrong("path", "x", start + "g / r[:, None]")
    c.wrong("path", "x", start + "(g - mean(g, axis=1, keepdims=True) - xhat * mean(g * xhat, axis=1,"
            " keepdims=True)) / r[:, None]", kinds="forward several")
    c.wrong("eps", "x", "v = mean(x**2, axis=1, keepdims=True)\n(gamma * dy - x / v * mean(gamma * dy * x, axis=1,"
            " keepdims=True)) / sqrt(v)", "eps")
    c.wrong("exponent", "x", start + "(g - xhat * mean(g * xhat, axis=1, keepdims=True)) / r[:, None]**2",
            kinds="factor")
    c.wrong("mean", "x", start + "(g - xhat * sum(g * xhat, axis=1, keepdims=True)) / r[:, None]", kinds="factor")
    c.wrong("missing factor", "x", "(dy - xhat * mean(dy * xhat, axis=1, keepdims=True)) / r[:, None]", "gamma")
    c.wrong("sign", "x", start + "(g + xhat * mean(g * xhat, axis=1, keepdims=True)) / r[:, None]")
    c.wrong("axis", "x", start + "(g - xhat * mean(g * xhat, axis=0, keepdims=True)) / r[:, None]", kinds="several")
    c.wrong("instead", "gamma", "sum(dy * x, axis=0)", "x|r", kinds="factor")
    return c


def group_norm() -> Case:
    def build() -> Any:
        N, G, K, L = sn.dims("N G K L")
        return sn.group_norm(sn.input("x", (N, G, K, L)), eps=sn.scalars("eps", positive=True))

    c = Case("group norm", build, "Wu & He 2018", {"dxhat": "dy * gamma[None, :, :, None]"})
    start = "g = dy * gamma[None, :, :, None]\n"
    c.right("x", start + "(g - mean(g, axis=(2, 3), keepdims=True) - xhat * mean(g * xhat, axis=(2, 3),"
            " keepdims=True)) "
            "/ sigma[:, :, None, None]",
            "(dxhat - sum(dxhat, axis=(2, 3))[:, :, None, None] / (K * L) - xhat * mean(dxhat * xhat, axis=(2, 3),"
            " keepdims=True)) "
            "/ sigma[:, :, None, None]",
            "dx[n, g, k, l] = (dxhat[n, g, k, l] - sum_ij(dxhat[n, g, i, j]) / (K * L) - xhat[n, g, k, l] "
            "* sum_ij(dxhat[n, g, i, j] * xhat[n, g, i, j]) / (K * L)) / sigma[n, g]",
            lambda xhat, sigma, gamma, dy: ((g := dy * gamma[:, :, None]) - g.mean((2, 3), keepdims=True)
                - xhat * (g * xhat).mean((2, 3), keepdims=True)) / sigma[..., None, None])
    c.right("gamma", "sum(dy * xhat, axis=(0, 3))", "einsum('ngkl,ngkl->gk', dy, xhat)",
            "sum(sum(dy * xhat, axis=3), axis=0)")
    c.right("beta", "sum(dy, axis=(0, 3))", "dbeta[g, k] = sum_nl(dy[n, g, k, l])", lambda dy: dy.sum((0, 3)))
    c.wrong("path", "x", start + "g / sigma[:, :, None, None]")
    c.wrong("axis", "x", start + "(g - mean(g, axis=3, keepdims=True) - xhat * mean(g * xhat, axis=3,"
            " keepdims=True)) / sigma[:, :, None, None]",
            kinds="several forward mean-for-sum")
    c.wrong("path", "x", start + "(g - mean(g, axis=(2, 3), keepdims=True)) / sigma[:, :, None, None]")
    c.wrong("missing factor", "x", "(dy - mean(dy, axis=(2, 3), keepdims=True) - xhat * mean(dy * xhat, axis=(2, 3),"
            " keepdims=True)) / sigma[:, :, None, None]", "gamma")
    c.wrong("mean", "x", start + "(g - mean(g, axis=(2, 3), keepdims=True) - xhat * sum(g * xhat, axis=(2, 3),"
            " keepdims=True) / K) / sigma[:, :, None, None]", kinds="factor")
    c.wrong("batch", "gamma", "sum(dy * xhat, axis=0)")
    c.wrong("batch", "beta", "sum(dy, axis=3)")
    c.wrong("mean", "beta", "mean(dy, axis=(0, 3))", "N", kinds="factor")
    return c


def instance_norm() -> Case:
    def build() -> Any:
        N, C, L = sn.dims("N C L")
        return sn.instance_norm(sn.input("x", (N, C, L)), eps=sn.scalars("eps", positive=True))

    c = Case("instance norm", build, "Ulyanov, Vedaldi & Lempitsky 2016", {"dxhat": "dy * gamma[None, :, None]"})
    start = "g = dy * gamma[:, None]\n"
    c.right("x", start + "(g - mean(g, axis=2, keepdims=True) - xhat * mean(g * xhat, axis=2, keepdims=True)) /"
            " sigma[:, :, None]",
            "gamma[:, None] / sigma[:, :, None] * (dy - mean(dy, axis=-1, keepdims=True) - xhat * mean(dy * xhat,"
            " axis=-1, keepdims=True))",
            "dx[n, c, l] = gamma[c] / sigma[n, c] * (dy[n, c, l] - mean_k(dy[n, c, k]) - xhat[n, c, l] *"
            " mean_k(dy[n, c, k] * xhat[n, c, k]))",
            lambda xhat, sigma, gamma, dy: (gamma / sigma)[:, :, None] * (dy - dy.mean(2,
            keepdims=True) - xhat * (dy * xhat).mean(2, keepdims=True)),
            tex(r"\frac{\gamma_c}{\sigma_{nc}} \left( dy_{ncl} - \frac1L \sum_k dy_{nck} - \frac{\hat{x}_{ncl}}{L}"
            r" \sum_k dy_{nck} \hat{x}_{nck} \right)"))
    c.right("gamma", "sum(dy * xhat, axis=(0, 2))", "einsum('ncl,ncl->c', dy, xhat)",
            "dgamma[c] = sum_nl(dy[n, c, l] * xhat[n, c, l])")
    c.wrong("path", "x", "gamma[:, None] / sigma[:, :, None] * dy")
    c.wrong("path", "x", start + "(g - xhat * mean(g * xhat, axis=2, keepdims=True)) / sigma[:, :, None]")
    c.wrong("axis", "x", start + "(g - mean(g, axis=0, keepdims=True) - xhat * mean(g * xhat, axis=0,"
            " keepdims=True)) / sigma[:, :, None]", kinds="several forward")
    c.wrong("missing factor", "x", start + "g - mean(g, axis=2, keepdims=True) - xhat * mean(g * xhat, axis=2,"
            " keepdims=True)", "sigma")
    c.wrong("sign", "x", start + "(g - mean(g, axis=2, keepdims=True) + xhat * mean(g * xhat, axis=2,"
            " keepdims=True)) / sigma[:, :, None]")
    c.wrong("batch", "gamma", "sum(dy * xhat, axis=2)")
    c.wrong("batch", "gamma", "sum(dy * xhat, axis=0)")
    c.wrong("mean", "gamma", "sum(mean(dy * xhat, axis=2), axis=0)", "1/L times")
    return c


def weight_norm() -> Case:
    def build() -> Any:
        H, D = sn.dims("H D")
        return sn.weight_norm(sn.parameter("v", (H, D)), sn.parameter("g", (H,)))

    c = Case("weight norm", build, "Salimans & Kingma 2016, eq. 3")

    def looped(v: Any, g: Any, dy: Any) -> Any:
        out = np.empty_like(v)
        for i in range(len(v)):
            r = np.linalg.norm(v[i])
            out[i] = g[i] / r * dy[i] - g[i] * (dy[i] @ v[i]) / r**3 * v[i]
        return out

    c.right("v", "g[:, None] / vnorm[:, None] * (dy - v * sum(dy * v, axis=1, keepdims=True) / vnorm[:, None]**2)",
            "dg = sum(dy * v, axis=1) / vnorm\ng[:, None] / vnorm[:, None] * dy - (g * dg / vnorm**2)[:, None] * v",
            "u = v / vnorm[:, None]\n(g / vnorm)[:, None] * (dy - u * sum(u * dy, axis=1, keepdims=True))",
            "dv[i, k] = g[i] / vnorm[i] * (dy[i, k] - v[i, k] * sum_j(dy[i, j] * v[i, j]) / vnorm[i]**2)",
            "diag(g / vnorm) @ (dy - diag(sum(dy * v, axis=1) / vnorm**2) @ v)", looped,
            tex(r"\frac{g_i}{\|v_i\|} dW_{ik} - \frac{g_i v_{ik}}{\|v_i\|^3} \sum_j dW_{ij} v_{ij}"))
    c.right("g", "sum(dy * v, axis=1) / vnorm", "diag(dy @ v.T) / vnorm", "einsum('ik,ik->i', dy, v / vnorm[:, None])",
            "dg[i] = sum_k(dy[i, k] * v[i, k]) / sqrt(sum_k(v[i, k]**2))")
    c.wrong("path", "v", "g[:, None] / vnorm[:, None] * dy")
    c.wrong("exponent", "v", "g[:, None] / vnorm[:, None] * (dy - v * sum(dy * v, axis=1, keepdims=True) / vnorm[:,"
            " None])", kinds="factor")
    c.wrong("sign", "v", "g[:, None] / vnorm[:, None] * (dy + v * sum(dy * v, axis=1, keepdims=True) / vnorm[:,"
            " None]**2)")
    c.wrong("missing factor", "v", "(dy - v * sum(dy * v, axis=1, keepdims=True) / vnorm[:, None]**2) / vnorm[:, None]",
            "g")
    c.wrong("axis", "v", "g[:, None] / vnorm[:, None] * (dy - v * sum(dy * v, axis=0, keepdims=True) / vnorm[:,"
            " None]**2)")
    c.wrong("missing factor", "g", "sum(dy * v, axis=1)", "vnorm")
    c.wrong("exponent", "g", "sum(dy * v, axis=1) / vnorm**2", kinds="factor")
    c.wrong("batch", "g", "dy * v / vnorm[:, None]")
    return c


def cosine() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        x, w = sn.input("x", (N, D)), sn.parameter("w", (D,))
        r = sn.define("r", (n,), sympy.sqrt(sn.sum(x[n, j] ** 2, j)), positive=True)
        q = sn.define("q", (), sympy.sqrt(sn.sum(w[j] ** 2, j)), positive=True)
        return sn.define("s", (n,), sn.sum(x[n, j] * w[j], j) / (r[n] * q[()]))

    c = Case("cosine similarity", build)
    c.right("x", "dy[:, None] / r[:, None] * (w / q - s[:, None] * x / r[:, None])",
            "u = x / r[:, None]\nv = w / q\n(dy / r)[:, None] * (v - s[:, None] * u)",
            "outer(dy / r, w / q) - (dy * s / r**2)[:, None] * x",
            "dx[n, j] = dy[n] / r[n] * (w[j] / q - s[n] * x[n, j] / r[n])",
            "dy[:, None] * w / (norm(x, axis=1, keepdims=True) * norm(w)) - dy[:, None] * s[:, None] * x / sum(x**2,"
            " axis=1, keepdims=True)",
            lambda dy, r, q, w, s, x: np.array([dy[p] / r[p] * (w / q - s[p] * x[p] / r[p]) for p in range(len(x))]),
            tex(r"\frac{ds_n}{r_n} \left( \frac{w_j}{q} - s_n \frac{x_{nj}}{r_n} \right)"))
    c.right("w", "(x / r[:, None]).T @ dy / q - w * dot(dy, s) / q**2", "dy @ (x / r[:, None] - outer(s, w / q)) / q",
            "dw[j] = sum_n(dy[n] * (x[n, j] / r[n] - s[n] * w[j] / q)) / q",
            "einsum('n,nj,n->j', dy, x, 1 / r) / q - w * sum(dy * s) / q**2")
    c.wrong("path", "x", "dy[:, None] / r[:, None] * w / q")
    c.wrong("sign", "x", "dy[:, None] / r[:, None] * (w / q + s[:, None] * x / r[:, None])")
    c.wrong("missing factor", "x", "dy[:, None] / r[:, None] * (w / q - x / r[:, None])", "s")
    c.wrong("missing factor", "x", "dy[:, None] / r[:, None] * (w - s[:, None] * x / r[:, None])", "q")
    c.wrong("missing factor", "x", "(w / q - s[:, None] * x / r[:, None]) / r[:, None]", "dy|ds|upstream")
    c.wrong("path", "w", "(x / r[:, None]).T @ dy / q")
    c.wrong("batch", "w", "dy[:, None] * (x / r[:, None] / q - outer(s, w) / q**2)")
    c.wrong("exponent", "w", "(x / r[:, None]).T @ dy / q - w * dot(dy, s) / q", kinds="factor")
    return c


def unit_rows() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        x = sn.input("x", (N, D))
        return sn.define("y", (n, i), x[n, i] / sn.sum(sympy.Abs(x[n, j]), j))

    c = Case("rows divided by their sums of absolute values", build)
    c.right("x", "r = sum(abs(x), axis=1, keepdims=True)\n(dy - sign(x) * sum(dy * y, axis=1, keepdims=True)) / r",
            "r = sum(abs(x), axis=1)\ndy / r[:, None] - sign(x) * (sum(dy * x, axis=1) / r**2)[:, None]",
            "(dy - sign(x) * sum(dy * y, axis=1, keepdims=True)) / sum(abs(x), axis=1)[:, None]",
            "dx[n, i] = (dy[n, i] - sign(x[n, i]) * sum_j(dy[n, j] * y[n, j])) / sum_j(abs(x[n, j]))",
            lambda x, y, dy: (dy - np.sign(x) * (dy * y).sum(1, keepdims=True)) / np.abs(x).sum(1, keepdims=True))
    start = "r = sum(abs(x), axis=1, keepdims=True)\n"
    c.wrong("path", "x", start + "dy / r")
    c.wrong("sign", "x", start + "(dy + sign(x) * sum(dy * y, axis=1, keepdims=True)) / r")
    c.wrong("missing factor", "x", start + "(dy - sum(dy * y, axis=1, keepdims=True)) / r", "sign")
    c.wrong("elementwise", "x", start + "dy * (1 - abs(y)) / r")
    c.wrong("exponent", "x", start + "(dy - sign(x) * sum(dy * y, axis=1, keepdims=True)) / r**2", kinds="factor")
    c.wrong("missing factor", "x", start + "dy - sign(x) * sum(dy * y, axis=1, keepdims=True)", "x|r")
    c.wrong("axis", "x", start + "(dy - sign(x) * sum(dy * y, axis=0, keepdims=True)) / r")
    return c


def spread() -> Case:
    def build() -> Any:
        N, D = sn.dims("N D")
        x = sn.input("x", (N, D))
        mu = sn.define("mu", (i,), sn.sum(x[n, i], n) / N)
        return sn.Network(sn.define("loss", (), sn.sum((x[n, i] - mu[i]) ** 2, n, i) / (N - 1)))

    c = Case("total variance with N - 1", build)
    c.right("x", "2 * (x - mu) / (N - 1)", "2 / (N - 1) * (x - mean(x, axis=0))",
            "g = 2 * (x - mu) / (N - 1)\ng - mean(g, axis=0)",
            "dx[n, i] = 2 / (N - 1) * (x[n, i] - mu[i])", "2 * (eye(N) - ones((N, N)) / N) @ x / (N - 1)",
            lambda x: 2 * (x - x.mean(0)) / (len(x) - 1),
            sym(lambda T: lambda n, i: 2 * (T["x"][n, i] - T["mu"][i]) / (T["N"] - 1)),
            tex(r"\frac{2}{N - 1} (x_{ni} - \mu_i)"))
    c.wrong("N-1", "x", "2 * (x - mu) / N", "N - 1", kinds="factor")
    c.wrong("constant", "x", "(x - mu) / (N - 1)", "1/2 times")
    c.wrong("sign", "x", "2 * (mu - x) / (N - 1)")
    c.wrong("mean", "x", "2 * (x - mu)", "N - 1", kinds="factor")
    c.wrong("path", "x", "2 * x / (N - 1)")
    c.wrong("axis", "x", "2 * (x - mean(x, axis=1, keepdims=True)) / (N - 1)", kinds="forward")
    return c
