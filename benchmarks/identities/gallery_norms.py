"""Rows D1 to D4 and F1 of the gallery: normalisation and attention, every gradient derived from the forward lines."""

from __future__ import annotations

from typing import Any

from sympy import exp, sqrt

import symnn as sn

from .record import Identity, Shelf, d, delta, derived, vjp

__all__ = ["identities"]


def identities() -> list[Identity]:
    put = Shelf("gallery")
    _batch(put)
    _layer(put)
    _grouped(put)
    _weight(put)
    _invariance(put)
    _attention(put)
    return put.items


def _batch(put: Shelf) -> None:
    N, D = sn.dims("N D")
    x = sn.input("x", (N, D))
    gamma, beta, eps = sn.parameter("gamma", (D,)), sn.parameter("beta", (D,)), sn.scalars("eps", positive=True)
    n, m, i, k = sn.indices("n m i k")
    mu = sn.define("mu", (i,), sn.sum(x[n, i], n) / N)
    var = sn.define("var", (i,), sn.sum((x[n, i] - mu[i]) ** 2, n) / N)
    hat = sn.define("xhat", (n, i), (x[n, i] - mu[i]) / sqrt(var[i] + eps))
    y = sn.define("y", (n, i), gamma[i] * hat[n, i] + beta[i])

    def mean(body: Any) -> Any:
        return sn.sum(body, m) / N

    back = vjp(y, x, upstream="dy")
    dy = back.upstream
    put("D1, batch norm", "dx in the textbook's form", *derived(back, lambda n, i: (
        gamma[i] / (N * sqrt(var[i] + eps))
        * (N * dy[n, i] - sn.sum(dy[m, i], m) - hat[n, i] * sn.sum(dy[m, i] * hat[m, i], m)))))  # fmt: skip
    put("D1, batch norm", "dx in raw moments", *derived(back, lambda n, i: (
        gamma[i] * (dy[n, i] - mean(dy[m, i])) / sqrt(var[i] + eps)
        - gamma[i] * (x[n, i] - mu[i]) * mean(dy[m, i] * (x[m, i] - mu[i])) / (var[i] + eps) ** 2
        * sqrt(var[i] + eps))))  # fmt: skip
    by_gamma, by_beta = vjp(y, gamma, upstream="dy"), vjp(y, beta, upstream="dy")
    put("D1, batch norm", "dgamma", *derived(by_gamma, lambda i: sn.sum(by_gamma.upstream[n, i] * hat[n, i], n)))
    put("D1, batch norm", "dbeta", *derived(by_beta, lambda i: sn.sum(by_beta.upstream[n, i], n)))
    put("D1, batch norm", "normalised inputs sum to 0", sn.sum(hat[n, i], n), 0)
    put("D1, batch norm", "their squares sum to N var/(var + eps)",
        sn.sum(hat[n, i] ** 2, n), N * var[i] / (var[i] + eps))  # fmt: skip
    put("D1, batch norm", "the gradient sums to 0 over the batch", sn.sum(back.result, back.free[0]), 0)

    centre = sn.sum(x[m, i], m) / N
    whole = sn.define("y", (n, i), gamma[i] * (x[n, i] - centre)
                      / sqrt(sn.sum((x[m, i] - sn.sum(x[k, i], k) / N) ** 2, m) / N + eps))  # fmt: skip
    one = vjp(whole, x, upstream="dy")
    put(
        "D1, batch norm",
        "typed as one expression",
        *derived(
            one,
            lambda n, i: (
                gamma[i]
                / sqrt(var[i] + eps)
                * (one.upstream[n, i] - mean(one.upstream[m, i]) - hat[n, i] * mean(one.upstream[m, i] * hat[m, i]))
            ),
        ),
    )

    sigma = sn.define("sigma", (i,), sqrt(var[i]))
    notes = sn.define("y", (n, i), (x[n, i] - mu[i]) / (sigma[i] + eps))
    other = vjp(notes, x, upstream="dy")
    up = other.upstream
    put("D1, batch norm", "epsilon outside the root", *derived(other, lambda n, i: (
        (up[n, i] - mean(up[m, i])) / (sigma[i] + eps)
        - (x[n, i] - mu[i]) * mean(up[m, i] * notes[m, i]) / (sigma[i] * (sigma[i] + eps)))))  # fmt: skip
    running, spread = sn.input("mr", (D,)), sn.input("vr", (D,), positive=True)
    fixed = sn.define("y", (n, i), gamma[i] * (x[n, i] - running[i]) / sqrt(spread[i] + eps) + beta[i])
    put("D1, batch norm", "inference is affine",
        fixed[n, i], x[n, i] * (gamma[i] / sqrt(spread[i] + eps))
        + (beta[i] - running[i] * gamma[i] / sqrt(spread[i] + eps)))  # fmt: skip
    b = sn.parameter("b", (D,))
    a = sn.define("a", (n, i), x[n, i] + b[i])
    shifted = sn.define("z", (n, i), (a[n, i] - sn.sum(a[m, i], m) / N)
                        / sqrt(sn.sum((a[m, i] - sn.sum(a[k, i], k) / N) ** 2, m) / N + eps))  # fmt: skip
    dz, j = sn.input("dz", (N, D)), sn.index("j", D)
    put("D1, batch norm", "a bias before it has no gradient", d(sn.sum(dz[n, i] * shifted[n, i], n, i), b[j]), 0)


def _layer(put: Shelf) -> None:
    N, D = sn.dims("N D")
    x = sn.input("x", (N, D))
    gamma, beta, eps = sn.parameter("gamma", (D,)), sn.parameter("beta", (D,)), sn.scalars("eps", positive=True)
    n, m, i, j, k = sn.indices("n m i j k")
    mu = sn.define("mu", (n,), sn.sum(x[n, i], i) / D)
    var = sn.define("var", (n,), sn.sum((x[n, i] - mu[n]) ** 2, i) / D)
    hat = sn.define("xhat", (n, i), (x[n, i] - mu[n]) / sqrt(var[n] + eps))
    y = sn.define("y", (n, i), gamma[i] * hat[n, i] + beta[i])
    back, by_gamma, by_beta = (vjp(y, t, upstream="dy") for t in (x, gamma, beta))
    dy = back.upstream
    put("D2, layer norm", "dx with gamma inside the means", *derived(back, lambda n, i: (
        gamma[i] * dy[n, i] - sn.sum(gamma[k] * dy[n, k], k) / D
        - hat[n, i] * sn.sum(gamma[k] * dy[n, k] * hat[n, k], k) / D) / sqrt(var[n] + eps)))  # fmt: skip
    put("D2, layer norm", "dgamma", *derived(by_gamma, lambda i: sn.sum(by_gamma.upstream[n, i] * hat[n, i], n)))
    put("D2, layer norm", "dbeta", *derived(by_beta, lambda i: sn.sum(by_beta.upstream[n, i], n)))
    put("D2, layer norm", "its statistics by raw moments",
        (x[n, i] - sn.sum(x[n, k], k) / D) / sqrt(sn.sum(x[n, k] ** 2, k) / D - (sn.sum(x[n, k], k) / D) ** 2 + eps),
        hat[n, i])  # fmt: skip
    put("D2, layer norm", "one example does not see another",
        (1 - delta(n, m)) * d(y[n, i], x[m, j]), 0)  # fmt: skip
    put("D2, layer norm", "the gradient is orthogonal to constants", sn.sum(back.result, back.free[1]), 0)

    rms = sn.define("r", (n,), sqrt(sn.sum(x[n, i] ** 2, i) / D + eps))
    z = sn.define("z", (n, i), gamma[i] * x[n, i] / rms[n])
    root, scale = vjp(z, x, upstream="dz"), vjp(z, gamma, upstream="dz")
    dz = root.upstream
    put(
        "D2, RMSNorm",
        "dx drops the mean",
        *derived(
            root,
            lambda n, i: (
                (gamma[i] * dz[n, i] - x[n, i] / rms[n] * sn.sum(gamma[k] * dz[n, k] * x[n, k] / rms[n], k) / D)
                / rms[n]
            ),
        ),
    )
    put("D2, RMSNorm", "dgamma", *derived(scale, lambda i: sn.sum(scale.upstream[n, i] * x[n, i] / rms[n], n)))


def _grouped(put: Shelf) -> None:
    N, G, K, T = sn.dims("N G K T")
    x, gamma, eps = sn.input("x", (N, G, K)), sn.parameter("gamma", (G, K)), sn.scalars("eps", positive=True)
    n, g, i, k, t = sn.indices("n g i k t")
    mu = sn.define("mu", (n, g), sn.sum(x[n, g, i], i) / K)
    s = sn.define("s", (n, g), sqrt(sn.sum((x[n, g, i] - mu[n, g]) ** 2, i) / K + eps))
    hat = sn.define("xhat", (n, g, i), (x[n, g, i] - mu[n, g]) / s[n, g])
    y = sn.define("y", (n, g, i), gamma[g, i] * hat[n, g, i])
    back, scale = vjp(y, x, upstream="dy"), vjp(y, gamma, upstream="dy")
    dy = back.upstream
    put("D2, group norm", "dx over each group", *derived(back, lambda n, g, i: (
        gamma[g, i] * dy[n, g, i] - sn.sum(gamma[g, k] * dy[n, g, k], k) / K
        - hat[n, g, i] * sn.sum(gamma[g, k] * dy[n, g, k] * hat[n, g, k], k) / K) / s[n, g]))  # fmt: skip
    put("D2, group norm", "dgamma", *derived(scale, lambda g, i: sn.sum(scale.upstream[n, g, i] * hat[n, g, i], n)))
    u, c = sn.input("u", (N, G, T)), sn.parameter("c", (G,))
    mean = sn.define("mu", (n, g), sn.sum(u[n, g, t], t) / T)
    root = sn.define("s", (n, g), sqrt(sn.sum((u[n, g, t] - mean[n, g]) ** 2, t) / T + eps))
    unit = sn.define("uhat", (n, g, t), (u[n, g, t] - mean[n, g]) / root[n, g])
    out = sn.define("z", (n, g, t), c[g] * unit[n, g, t])
    inst = vjp(out, u, upstream="dz")
    dz = inst.upstream
    put("D2, instance norm", "gamma may stay outside", *derived(inst, lambda n, g, t: c[g] / root[n, g] * (
        dz[n, g, t] - sn.sum(dz[n, g, k], k) / T
        - unit[n, g, t] * sn.sum(dz[n, g, k] * unit[n, g, k], k) / T)))  # fmt: skip


def _weight(put: Shelf) -> None:
    N, D, H = sn.dims("N D H")
    x, v, g = sn.input("x", (N, D)), sn.parameter("v", (H, D)), sn.parameter("g", (H,))
    n, i, j, k = sn.indices("n i j k")
    norm = sn.define("r", (i,), sqrt(sn.sum(v[i, k] ** 2, k)))
    W = sn.define("W", (i, j), g[i] * v[i, j] / norm[i])
    by_g, by_v = vjp(W, g, upstream="G"), vjp(W, v, upstream="G")
    put("D3, weight norm", "grad_g", *derived(by_g, lambda i: sn.sum(by_g.upstream[i, k] * v[i, k], k) / norm[i]))
    G = by_v.upstream
    put("D3, weight norm", "grad_v is projected", *derived(by_v, lambda i, j: (
        g[i] / norm[i] * sn.sum((delta(j, k) - v[i, j] * v[i, k] / norm[i] ** 2) * G[i, k], k))))  # fmt: skip
    put(
        "D3, weight norm",
        "grad_v in terms of grad_g",
        *derived(
            by_v,
            lambda i, j: (
                g[i] * G[i, j] / norm[i] - g[i] * v[i, j] / norm[i] ** 2 * sn.sum(G[i, k] * v[i, k], k) / norm[i]
            ),
        ),
    )
    row, to = by_v.free
    put("D3, weight norm", "grad_v is orthogonal to v", sn.sum(by_v.result * v[row, to], to), 0)
    y = sn.define("y", (n, i), sn.sum(W[i, j] * x[n, j], j))
    through = vjp(y, g, upstream="dy")
    put("D3, weight norm", "through the affine layer", *derived(through, lambda i: (
        sn.sum(through.upstream[n, i] * x[n, k] * v[i, k], n, k) / norm[i])))  # fmt: skip

    M, left, right = sn.parameter("M", (H, D)), sn.input("u", (H,)), sn.input("q", (D,))
    s = sn.define("s", (), sn.sum(sn.stop_gradient(left[i]) * M[i, j] * sn.stop_gradient(right[j]), i, j))
    hat = sn.define("What", (i, j), M[i, j] / s[()])
    back = vjp(hat, M, upstream="G")
    up = back.upstream
    a, b = sn.indices("a b")
    put("D3, spectral norm", "the gradient with u and v held", *derived(back, lambda i, j: (
        (up[i, j] - sn.sum(up[a, b] * hat[a, b], a, b) * left[i] * right[j]) / s[()])))  # fmt: skip


def _invariance(put: Shelf) -> None:
    N, D, H = sn.dims("N D H")
    x, W = sn.input("x", (N, D)), sn.parameter("W", (H, D))
    w, c = sn.parameter("w", (D,)), sn.scalars("c", positive=True)
    n, m, k, i, j, l = sn.indices("n m k i j l")

    def score(n: Any, scale: Any) -> Any:
        return sn.sum(scale * W[i, j] * x[n, j], j)

    def normed(scale: Any) -> Any:
        mean = sn.sum(score(k, scale), k) / N
        return (score(n, scale) - mean) / sqrt(sn.sum((score(m, scale) - mean) ** 2, m) / N)

    put("D4, scale invariance", "a batch norm does not see the scale of the weights", normed(c), normed(1))
    a = sn.define("a", (n,), sn.sum(w[j] * x[n, j], j))
    mu = sn.define("mu", (), sn.sum(a[n], n) / N)
    s = sn.define("s", (), sqrt(sn.sum((a[n] - mu[()]) ** 2, n) / N))
    y = sn.define("y", (n,), (a[n] - mu[()]) / s[()])
    back = vjp(y, w, upstream="dy")
    put("D4, scale invariance", "the gradient is orthogonal to the weights", sn.sum(back.result * w[back.free[0]],
        back.free[0]), 0)  # fmt: skip
    unit = sn.sum(w[j] * x[n, j], j) / sqrt(sn.sum(w[l] ** 2, l))
    scaled = sn.sum(c * w[j] * x[n, j], j) / sqrt(sn.sum(c**2 * w[l] ** 2, l))
    put("D4, scale invariance", "a unit direction does not see its length", scaled, unit)
    put("D4, scale invariance", "the gradient shrinks as the weights grow", d(scaled, w[k]), d(unit, w[k]))
    z, cols = sn.input("z", (N, D)), sn.sum
    mean = cols(z[n, l], l) / D
    root = sqrt(cols((z[n, j] - mean) ** 2, j) / D)
    wide = sqrt(cols((c * z[n, j] - cols(c * z[n, l], l) / D) ** 2, j) / D)
    put("D4, scale invariance", "nor does a layer norm without epsilon",
        (c * z[n, k] - cols(c * z[n, l], l) / D) / wide, (z[n, k] - mean) / root)  # fmt: skip
    eta, lam = sn.scalars("eta lam", positive=True)
    put("D4, scale invariance", "one step of decay is a step from scaled weights",
        (1 - 2 * eta * lam) * w[k] - eta * d(unit, w[k]),
        (1 - 2 * eta * lam) * (w[k] - eta / (1 - 2 * eta * lam) * d(scaled, w[k])))  # fmt: skip


def _attention(put: Shelf) -> None:
    T, S, D, E = sn.dims("T S D E")
    i, j, e, k, a, b = sn.indices("i j e k a b")
    for masked in (False, True):
        keys = T if masked else S
        q, key, v = sn.input("q", (T, D)), sn.input("k", (keys, D)), sn.input("v", (keys, E))
        s = sn.define("s", (i, j), sn.sum(q[i, e] * key[j, e], e) / sqrt(D))
        if masked:
            p = sn.define("p", (i, j), sn.indicator(j <= i) * exp(s[i, j])
                          / sn.sum(sn.indicator(k <= i) * exp(s[i, k]), k))  # fmt: skip
        else:
            p = sn.softmax(s, name="p")
        o = sn.define("o", (i, e), sn.sum(p[i, j] * v[j, e], j))
        word = ", causal mask" if masked else ""
        by_v, by_s, by_q, by_k = (vjp(o, t, upstream="do") for t in (v, s, q, key))

        def dP(do: Any, i: Any, j: Any, v: Any = v) -> Any:
            return sn.sum(do[i, a] * v[j, a], a)

        def dS(do: Any, i: Any, j: Any, p: Any = p, o: Any = o, dP: Any = dP) -> Any:
            return p[i, j] * (dP(do, i, j) - sn.sum(do[i, b] * o[i, b], b))

        put("F1, attention", f"dV{word}", *derived(
            by_v, lambda j, e, p=p, t=by_v: sn.sum(p[i, j] * t.upstream[i, e], i)))  # fmt: skip
        put("F1, attention", f"dS{word}", *derived(by_s, lambda i, j, dS=dS, t=by_s: dS(t.upstream, i, j)))
        put("F1, attention", f"dQ{word}", *derived(by_q, lambda i, e, dS=dS, t=by_q, key=key: (
            sn.sum(dS(t.upstream, i, j) * key[j, e], j) / sqrt(D))))  # fmt: skip
        put("F1, attention", f"dK{word}", *derived(by_k, lambda j, e, dS=dS, t=by_k, q=q: (
            sn.sum(dS(t.upstream, i, j) * q[i, e], i) / sqrt(D))))  # fmt: skip
        put("F1, attention", f"the weights of a query sum to 1{word}", sn.sum(p[i, j], j), 1)
        do = sn.input("do", (T, E))
        put("F1, attention", f"rowsum(dO o O) is rowsum(P o dP){word}",
            sn.sum(do[i, e] * o[i, e], e), sn.sum(p[i, j] * sn.sum(do[i, e] * v[j, e], e), j))  # fmt: skip
    put("F1, attention", "a later key has no weight", p[i, j] * sn.indicator(j > i), 0)
    H, W = sn.dims("H W")
    q, key, v = sn.input("q", (H, T, D)), sn.input("k", (H, S, D)), sn.input("v", (H, S, E))
    out = sn.parameter("Wo", (W, H, E))
    h, w = sn.indices("h w")
    s = sn.define("s", (h, i, j), sn.sum(q[h, i, e] * key[h, j, e], e) / sqrt(D))
    p = sn.softmax(s, name="p")
    o = sn.define("o", (i, w), sn.sum(out[w, h, e] * p[h, i, j] * v[h, j, e], h, e, j))
    heads = vjp(o, v, upstream="do")
    put("F1, attention", "dV of many heads", *derived(heads, lambda h, j, e: (
        sn.sum(p[h, i, j] * heads.upstream[i, w] * out[w, h, e], i, w))))  # fmt: skip
