"""Normalisation, attention, convolution, recurrence, factorised and gated layers, as their papers state them."""

from __future__ import annotations

from typing import Any

from sympy import Max, Rational, cos, exp, log, sin, sqrt, tanh

import symnn as sn

from .record import Identity, Shelf, d, delta, derived, sigma, vjp

__all__ = ["identities"]

IOFFE = "Ioffe & Szegedy 2015, Batch Normalization, sec. 3"
BA = "Ba, Kiros & Hinton 2016, Layer Normalization, sec. 5.1"
SALIMANS = "Salimans & Kingma 2016, Weight Normalization, sec. 2.1"
ZHANG = "Zhang & Sennrich 2019, Root Mean Square Layer Normalization, invariance"
VASWANI = "Vaswani et al. 2017, Attention Is All You Need, sec. 3.2"
DAO = "Dao et al. 2022, FlashAttention, app. B"
S = sn.sum


def identities() -> list[Identity]:
    put = Shelf("cited")
    _batch(put)
    _invariances(put)
    _attention(put)
    _linear(put)
    _gates(put)
    _shifts(put)
    return put.items


def _batch(put: Shelf) -> None:
    m, F = sn.dims("m F")
    x, gamma, beta = sn.input("x", (m, F)), sn.parameter("gamma", (F,)), sn.parameter("beta", (F,))
    eps = sn.scalars("eps", positive=True)
    i, j, k, f = sn.indices("i j k f")
    mu = sn.define("mu", (f,), S(x[i, f], i) / m)
    var = sn.define("var", (f,), S((x[i, f] - mu[f]) ** 2, i) / m)
    hat = sn.define("xhat", (i, f), (x[i, f] - mu[f]) / sqrt(var[f] + eps))
    y = sn.define("y", (i, f), gamma[f] * hat[i, f] + beta[f])
    back = vjp(y, x, upstream="dy")
    dy = back.upstream

    def by_hat(i: Any, f: Any) -> Any:
        return dy[i, f] * gamma[f]

    def by_var(f: Any) -> Any:
        return S(by_hat(j, f) * (x[j, f] - mu[f]), j) * (-((var[f] + eps) ** (-Rational(3, 2))) / 2)

    def by_mu(f: Any) -> Any:
        return -S(by_hat(j, f), j) / sqrt(var[f] + eps) - by_var(f) * S(2 * (x[k, f] - mu[f]), k) / m

    put(IOFFE, "by the inputs, as the paper composes it", *derived(back, lambda i, f: (
        by_hat(i, f) / sqrt(var[f] + eps) + by_var(f) * 2 * (x[i, f] - mu[f]) / m + by_mu(f) / m)))  # fmt: skip
    put(IOFFE, "the variance's own mean term vanishes", S(2 * (x[k, f] - mu[f]), k) / m, 0)
    put(IOFFE, "its output's batch mean is beta", S(y[i, f], i) / m, beta[f])
    a, u, H = sn.scalars("a", positive=True), sn.input("u", (m, F)), sn.dims("H")
    W, h = sn.parameter("W", (H, F)), sn.index("h")

    def normed(scale: Any, at: Any) -> Any:
        def score(n: Any) -> Any:
            return S(scale * W[h, f] * u[n, f], f)

        centre = S(score(k), k) / m
        return (score(at) - centre) / sqrt(S((score(j) - centre) ** 2, j) / m)

    put(f"{IOFFE} (scale of the weights)", "BN((a W) u) = BN(W u)", normed(a, i), normed(1, i))


def _invariances(put: Shelf) -> None:
    N, H, D = sn.dims("N H D")
    x, W, shift = sn.input("x", (N, D)), sn.parameter("W", (H, D)), sn.input("s", (D,))
    c, eps = sn.scalars("c", positive=True), sn.scalars("eps", positive=True)
    n, i, j, k, l, e = sn.indices("n i j k l e")

    def a(i: Any, scale: Any = 1, moved: Any = 0) -> Any:
        return S((scale * W[i, e] + (moved if moved == 0 else moved[e])) * x[n, e], e)

    def normed(scale: Any = 1, moved: Any = 0, small: Any = 0) -> Any:
        centre = S(a(k, scale, moved), k) / H
        return (a(i, scale, moved) - centre) / sqrt(S((a(j, scale, moved) - centre) ** 2, j) / H + small)

    put(BA, "re-scaling the weight matrix", normed(c), normed())
    put(BA, "re-centring the weight matrix", normed(1, shift, eps), normed(1, 0, eps))

    def rms(scale: Any) -> Any:
        return a(i, scale) / sqrt(S(a(j, scale) ** 2, j) / H)

    put(ZHANG, "re-scaling the weights", rms(c), rms(1))
    g, v = sn.parameter("g", ()), sn.parameter("v", (D,))
    length = sn.define("r", (), sqrt(S(v[l] ** 2, l)))
    w = sn.define("w", (l,), g[()] * v[l] / length[()])
    by_g, by_v = vjp(w, g, upstream="dw"), vjp(w, v, upstream="dw")
    put(f"{SALIMANS}, eq. 3", "by the length", *derived(
        by_g, lambda: S(by_g.upstream[l] * v[l], l) / length[()]))  # fmt: skip
    put(f"{SALIMANS}, eq. 3", "by the direction", *derived(by_v, lambda l: (
        g[()] / length[()] * by_v.upstream[l]
        - g[()] * S(by_v.upstream[k] * v[k], k) / length[()] / length[()] ** 2 * v[l])))  # fmt: skip
    put(f"{SALIMANS}, eq. 4", "by the direction, projected", *derived(by_v, lambda l: (
        g[()] / length[()] * S((delta(l, k) - w[l] * w[k] / S(w[e] ** 2, e)) * by_v.upstream[k], k))))  # fmt: skip
    put(f"{SALIMANS} (norms grow)", "a step orthogonal to v only lengthens it",
        S((v[l] - c * (x[n, l] - v[l] * S(v[k] * x[n, k], k) / S(v[e] ** 2, e))) ** 2, l),
        S(v[l] ** 2, l) + c**2 * (S(x[n, l] ** 2, l) - S(v[k] * x[n, k], k) ** 2 / S(v[e] ** 2, e)))  # fmt: skip
    miyato = "Miyato et al. 2018, Spectral Normalization, gradient analysis"
    M, left, right = sn.parameter("M", (H, D)), sn.input("p", (H,)), sn.input("q", (D,))
    s = sn.define("s", (), S(sn.stop_gradient(left[i]) * M[i, e] * sn.stop_gradient(right[e]), i, e))
    bar = sn.define("Wbar", (i, e), M[i, e] / s[()])
    o = sn.define("o", (n, i), S(bar[i, e] * x[n, e], e))
    back = vjp(o, M, upstream="do")
    up = back.upstream
    put(
        miyato,
        "the penalty on the first singular direction",
        *derived(
            back,
            lambda i, e: (
                (S(up[n, i] * x[n, e], n) - S(up[n, k] * S(bar[k, l] * x[n, l], l), n, k) * left[i] * right[e]) / s[()]
            ),
        ),
    )
    hoffer = "Hoffer et al. 2018, Norm Matters"
    unit = v[l] / sqrt(S(v[k] ** 2, k))
    put(hoffer, "unit vectors do not change along themselves", S(d(unit, v[e]) * v[e], e), 0)
    put("Ulyanov, Vedaldi & Lempitsky 2016, Instance Normalization", "the contrast of an input is lost",
        (c * x[n, i] - S(c * x[n, k], k) / D) / sqrt(S((c * x[n, j] - S(c * x[n, k], k) / D) ** 2, j) / D),
        (x[n, i] - S(x[n, k], k) / D) / sqrt(S((x[n, j] - S(x[n, k], k) / D) ** 2, j) / D))  # fmt: skip


def _attention(put: Shelf) -> None:
    T, U, D, E = sn.dims("T U D E")
    q, key, v, b = sn.input("q", (T, D)), sn.input("k", (U, D)), sn.input("v", (U, E)), sn.input("b", (D,))
    i, j, k, e, f, a = sn.indices("i j k e f a")
    s = sn.define("s", (i, j), S(q[i, e] * key[j, e], e) / sqrt(D))
    p = sn.softmax(s, name="p")
    o = sn.define("o", (i, f), S(p[i, j] * v[j, f], j))
    by_q, by_k, by_v, by_s = (vjp(o, t, upstream="do") for t in (q, key, v, s))
    put(
        VASWANI,
        "attention as one formula",
        o[i, f],
        S(exp(S(q[i, e] * key[j, e], e) / sqrt(D)) * v[j, f], j) / S(exp(S(q[i, a] * key[k, a], a) / sqrt(D)), k),
    )
    put(DAO, "dV = P^T dO", *derived(by_v, lambda j, f: S(p[i, j] * by_v.upstream[i, f], i)))

    def dS(do: Any, i: Any, j: Any) -> Any:
        return p[i, j] * S((do[i, f] * (v[j, f] - o[i, f])), f)

    put(DAO, "dS by the row's inner product with the output", *derived(by_s, lambda i, j: dS(by_s.upstream, i, j)))
    put(DAO, "dQ = dS K", *derived(by_q, lambda i, e: S(dS(by_q.upstream, i, j) * key[j, e], j) / sqrt(D)))
    put(DAO, "dK = dS^T Q", *derived(by_k, lambda j, e: S(dS(by_k.upstream, i, j) * q[i, e], i) / sqrt(D)))
    row, col = by_s.free
    put(DAO, "the scores' gradient sums to 0 over a row", S(by_s.result, col), 0)
    put("Namazifar et al. 2023, Role of Bias Terms in Dot-Product Attention", "a bias of the keys has no effect",
        exp(S(q[i, e] * (key[j, e] + b[e]), e)) / S(exp(S(q[i, a] * (key[k, a] + b[a]), a)), k),
        exp(S(q[i, e] * key[j, e], e)) / S(exp(S(q[i, a] * key[k, a], a)), k))  # fmt: skip
    kath = "Katharopoulos et al. 2020, Transformers are RNNs, sec. 3.2"
    put(
        kath,
        "linear attention by associativity",
        S(S(q[i, e] * key[j, e], e) * v[j, f], j),
        S(q[i, e] * S(key[j, e] * v[j, f], j), e),
    )
    put(kath, "with its normaliser", S(S(q[i, e] * key[j, e], e) * v[j, f], j) / S(q[i, e] * key[k, e], e, k),
        S(q[i, e] * S(key[j, e] * v[j, f], j), e) / S(q[i, a] * S(key[k, a], k), a))  # fmt: skip
    put(
        "Ramsauer et al. 2021, Hopfield Networks is All You Need, sec. 2",
        "an energy's gradient is attention's residual",
        d(-_lse(S(key[j, e] * b[e], e), j) + S(b[e] ** 2, e) / 2, b[a]),
        b[a] - S(exp(S(key[j, e] * b[e], e)) * key[j, a], j) / S(exp(S(key[k, e] * b[e], e)), k),
    )
    m, n, t = sn.input("m", ())[()], sn.input("n", ())[()], sn.scalars("theta")
    x0, x1, y0, y1 = (sn.input(name, ())[()] for name in ("x0", "x1", "y0", "y1"))

    def turned(u: Any, w: Any, by: Any) -> tuple[Any, Any]:
        return cos(by) * u - sin(by) * w, sin(by) * u + cos(by) * w

    first, second = turned(x0, x1, m * t), turned(y0, y1, n * t)
    apart = turned(y0, y1, (n - m) * t)
    put("Su et al. 2021, RoFormer, sec. 3.2", "rotated products see relative positions",
        first[0] * second[0] + first[1] * second[1], x0 * apart[0] + x1 * apart[1])  # fmt: skip
    there = turned(x0, x1, t)
    put("Su et al. 2021, RoFormer, sec. 3.2", "a rotation keeps length", there[0] ** 2 + there[1] ** 2, x0**2 + x1**2)


def _lse(body: Any, over: Any) -> Any:

    return log(S(exp(body), over))


def _linear(put: Shelf) -> None:
    N, A, B, C, R = sn.dims("N A B C R")
    x, y = sn.input("x", (N, A)), sn.input("y", (N, C))
    U, V = sn.parameter("U", (B, A)), sn.parameter("V", (C, B))
    n, a, b, c, e, f, g, r = sn.indices("n a b c e f g r")

    def error(n: Any, c: Any) -> Any:
        return S(V[c, b] * U[b, a] * x[n, a], b, a) - y[n, c]

    loss = S(error(n, c) ** 2, n, c) / 2
    saxe = "Saxe, McClelland & Ganguli 2014, Exact Solutions to the Nonlinear Dynamics, eq. 2 and 3"
    put(
        saxe,
        "by the first matrix, with the input correlations",
        d(loss, U[e, f]),
        S(V[c, e] * V[c, b] * U[b, a] * x[n, a] * x[n, f], n, c, b, a) - S(V[c, e] * y[n, c] * x[n, f], n, c),
    )
    put(saxe, "by the second matrix", d(loss, V[g, e]), S(error(n, g) * U[e, f] * x[n, f], n, f))
    o = sn.index("o")
    put(saxe, "what both layers conserve", S(V[o, e] * d(loss, V[o, g]), o), S(d(loss, U[e, f]) * U[g, f], f))
    W, down, up, s = sn.parameter("W", (C, A)), sn.parameter("P", (R, A)), sn.parameter("Q", (C, R)), sn.scalars("s")
    z = sn.define("z", (n, c), S((W[c, a] + s * S(up[c, r] * down[r, a], r)) * x[n, a], a))
    hu = "Hu et al. 2022, LoRA, sec. 4.1"
    by_up, by_down = vjp(z, up, upstream="dz"), vjp(z, down, upstream="dz")
    put(hu, "the adapter's output", z[n, c], S(W[c, a] * x[n, a], a) + s * S(up[c, r] * S(down[r, a] * x[n, a], a), r))
    put(
        hu,
        "by the upper factor",
        *derived(by_up, lambda c, r: s * S(by_up.upstream[n, c] * x[n, a] * down[r, a], n, a)),
    )
    put(
        hu,
        "by the lower factor",
        *derived(by_down, lambda r, a: s * S(up[c, r] * by_down.upstream[n, c] * x[n, a], n, c)),
    )
    he = "He et al. 2016, Identity Mappings in Deep Residual Networks"
    h, K = sn.input("h", (A,)), sn.parameter("K", (A, A))
    put(he, "a residual block's Jacobian", d(h[a] + tanh(S(K[a, e] * h[e], e)), h[f]),
        delta(a, f) + (1 - tanh(S(K[a, e] * h[e], e)) ** 2) * K[a, f])  # fmt: skip
    put("Rendle 2010, Factorization Machines, lemma 3.1", "all pairs in linear time",
        S(S(K[a, r] * h[a], a) ** 2 - S(K[a, r] ** 2 * h[a] ** 2, a), r) / 2,
        S(K[a, r] * K[e, r] * h[a] * h[e] * sn.indicator(a < e), a, e, r))  # fmt: skip
    put("Koren, Bell & Volinsky 2009, Matrix Factorization Techniques, eq. 2", "one factor's gradient",
        d(S((y[n, c] - S(x[n, a] * W[c, a], a)) ** 2, n, c) + s * S(W[c, a] ** 2, c, a), W[g, e]),
        -2 * S((y[n, g] - S(x[n, a] * W[g, a], a)) * x[n, e], n) + 2 * s * W[g, e])  # fmt: skip
    mask, p = sn.input("m", (N, A)), sn.scalars("p", positive=True)
    dropped = sn.define("u", (n, a), mask[n, a] * x[n, a] / p)
    back = vjp(sn.define("v", (n, c), S(W[c, a] * dropped[n, a], a)), W, upstream="dv")
    put("Srivastava et al. 2014, Dropout, sec. 4", "weights see the masked inputs", *derived(
        back, lambda c, a: S(back.upstream[n, c] * mask[n, a] * x[n, a], n) / p))  # fmt: skip
    table, t, vocabulary = sn.parameter("E", (B, A)), sn.labels("t", (N,), B), sn.index("w", B)
    look = sn.define("e", (n, a), table[t[n], a])
    scatter = vjp(look, table, upstream="de")
    put("Bengio et al. 2003, A Neural Probabilistic Language Model, sec. 2", "a look-up is a product with one-hot rows",
        look[n, a], S(delta(vocabulary, t[n]) * table[vocabulary, a], vocabulary))  # fmt: skip
    put("Bengio et al. 2003, A Neural Probabilistic Language Model, sec. 2", "its gradient is scattered", *derived(
        scatter, lambda w, a: S(delta(w, t[n]) * scatter.upstream[n, a], n)))  # fmt: skip


def _gates(put: Shelf) -> None:
    D, H, M = sn.dims("D H M")
    x, A, B = sn.input("x", (D,)), sn.parameter("A", (H, D)), sn.parameter("B", (H, D))
    h, i, k, e, m, n = sn.indices("h i k e m n")
    a, b = S(A[h, i] * x[i], i), S(B[h, i] * x[i], i)
    dauphin = "Dauphin et al. 2017, Language Modeling with Gated Convolutional Networks, eq. 3"
    put(dauphin, "the gated unit's gradient by its input", d(a * sigma(b), x[k]),
        A[h, k] * sigma(b) + a * sigma(b) * (1 - sigma(b)) * B[h, k])  # fmt: skip
    shazeer = "Shazeer 2020, GLU Variants Improve Transformer"
    put(shazeer, "SwiGLU by its gate's weights", d(b * a * sigma(a), A[e, k]),
        delta(e, h) * b * (sigma(a) + a * sigma(a) * (1 - sigma(a))) * x[k])  # fmt: skip
    put(shazeer, "ReGLU by its input", d(Max(0, a) * b, x[k]), sn.indicator(a > 0) * A[h, k] * b + Max(0, a) * B[h, k])
    highway = "Srivastava, Greff & Schmidhuber 2015, Highway Networks, eq. 3"
    z, W = sn.input("z", (D,)), sn.parameter("W", (D, D))
    gate, body = sigma(S(W[h, i] * z[i], i)), tanh(z[h])
    put(highway, "carry and transform", body * gate + z[h] * (1 - gate), z[h] + gate * (body - z[h]))
    hoch = "Hochreiter & Schmidhuber 1997, Long Short-Term Memory, cell state"
    f, g, o, c = (sn.input(name, ())[()] for name in "fgoc")
    cell = sigma(f) * c + sigma(g) * tanh(o)
    put(hoch, "by the old cell", d(cell, c), sigma(f))
    put(hoch, "by the forget gate", d(cell, f), c * sigma(f) * sigma(-f))
    put(
        hoch,
        "the hidden state by the old cell",
        d(sigma(o) * tanh(cell), c),
        sigma(o) * (1 - tanh(cell) ** 2) * sigma(f),
    )
    cho = "Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder, sec. 2.3"
    put(cho, "a convex combination by its gate", d(sigma(g) * c + (1 - sigma(g)) * tanh(o), g),
        (c - tanh(o)) * sigma(g) * (1 - sigma(g)))  # fmt: skip
    scores, out = sn.input("s", (M,)), sn.input("y", (M,))
    p = sn.softmax(scores, name="p")
    mixed = S(p[m] * out[m], m)
    put("Jacobs et al. 1991, Adaptive Mixtures of Local Experts", "a mixture by its gate's scores",
        d(mixed, scores[n]), p[n] * (out[n] - mixed))  # fmt: skip
    put("Jordan & Jacobs 1994, Hierarchical Mixtures of Experts, sec. 3", "posterior less prior",
        d(_lse_weighted(p, out, m), scores[n]),
        p[n] * exp(out[n]) / S(p[m] * exp(out[m]), m) - p[n])  # fmt: skip


def _lse_weighted(p: Any, out: Any, m: Any) -> Any:

    return log(S(p[m] * exp(out[m]), m))


def _shifts(put: Shelf) -> None:
    T, K = sn.dims("T K")
    x, w, g = sn.input("x", (T,)), sn.parameter("w", (K,)), sn.input("g", (T,))
    t, s, k, r = sn.index("t", T), sn.index("s", T), sn.index("k", K), sn.index("r", K)
    lecun = "LeCun et al. 1989, Backpropagation Applied to Handwritten Zip Code Recognition"
    dumoulin = "Dumoulin & Visin 2016, A Guide to Convolution Arithmetic, ch. 4"

    def inside(position: Any) -> Any:
        return sn.indicator(position < T)

    def correlated(t: Any) -> Any:
        return S(w[k] * inside(t + k) * x[t + k], k)

    put(lecun, "a shared kernel's gradient", d(S(g[t] * correlated(t), t), w[r]), S(inside(t + r) * g[t] * x[t + r], t))
    put(dumoulin, "by the inputs: the kernel, flipped", d(S(g[t] * correlated(t), t), x[s]),
        S(sn.indicator(s - k >= 0) * w[k] * g[s - k], k))  # fmt: skip
    put(dumoulin, "the transpose is the adjoint", S(g[t] * correlated(t), t),
        S(x[s] * S(sn.indicator(s - k >= 0) * w[k] * g[s - k], k), s))  # fmt: skip
    P = sn.dims("P")
    long, p, j = sn.input("u", (2 * P,)), sn.index("p", P), sn.index("j", 2 * P)
    put(
        "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, sub-sampling",
        "a mean of pairs keeps the mean",
        S((long[2 * p] + long[2 * p + 1]) / 2, p) / P,
        S(long[j], j) / (2 * P),
    )
