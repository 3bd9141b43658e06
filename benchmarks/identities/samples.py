"""Sample statistics, centring, distances and kernels, least squares."""

from __future__ import annotations

from typing import Any

from sympy import exp, sqrt

import symnn as sn

from .record import Identity, Shelf, d, delta, simplex

__all__ = ["identities"]

WEISBERG = "Weisberg 2005, Applied Linear Regression, ch. 2"
CASELLA = "Casella & Berger 2002, Statistical Inference, ch. 5"
MARDIA = "Mardia, Kent & Bibby 1979, Multivariate Analysis"
S = sn.sum


def identities() -> list[Identity]:
    put = Shelf("cited")
    _moments(put)
    _updates(put)
    _centring(put)
    _distances(put)
    _lines(put)
    return put.items


def _moments(put: Shelf) -> None:
    N, G, K = sn.dims("N G K")
    x, y, c, a = sn.input("x", (N,)), sn.input("y", (N,)), sn.scalars("c"), sn.scalars("a")
    n, m, k, l, g, i = sn.indices("n m k l g i")
    mean, other = S(x[m], m) / N, S(y[k], k) / N
    put(CASELLA, "deviations sum to 0", S(x[n] - mean, n), 0)
    put(CASELLA, "squares about the mean", S((x[n] - mean) ** 2, n), S(x[n] ** 2, n) - N * mean**2)
    put(CASELLA, "the variance by moments", S((x[n] - mean) ** 2, n) / N, S(x[n] ** 2, n) / N - mean**2)
    put(
        f"{CASELLA} (theorem 5.2.4)",
        "squares about any point",
        S((x[n] - c) ** 2, n),
        S((x[n] - mean) ** 2, n) + N * (mean - c) ** 2,
    )
    put(
        CASELLA,
        "the covariance by moments",
        S((x[n] - mean) * (y[n] - other), n) / N,
        S(x[n] * y[n], n) / N - mean * other,
    )
    put(CASELLA, "one side centred is enough", S((x[n] - mean) * (y[n] - other), n), S((x[n] - mean) * y[n], n))
    put(CASELLA, "the variance by all pairs", S((x[n] - x[l]) ** 2, n, l), 2 * N * S((x[n] - mean) ** 2, n))
    put(
        CASELLA,
        "the sample variance by all pairs",
        S((x[n] - x[l]) ** 2, n, l) / (2 * N * (N - 1)),
        S((x[n] - mean) ** 2, n) / (N - 1),
    )
    put(
        CASELLA,
        "the covariance by all pairs",
        S((x[n] - x[l]) * (y[n] - y[l]), n, l) / 2,
        N * S(x[n] * y[n], n) - N**2 * mean * other,
    )
    put(
        CASELLA,
        "the variance of an affine map",
        S((a * x[n] + c - S(a * x[m] + c, m) / N) ** 2, n),
        a**2 * S((x[n] - mean) ** 2, n),
    )
    put(CASELLA, "the variance of a sum", S((x[n] + y[n] - S(x[m] + y[m], m) / N) ** 2, n),
        S((x[n] - mean) ** 2, n) + S((y[n] - other) ** 2, n) + 2 * S((x[n] - mean) * (y[n] - other), n))  # fmt: skip
    put(
        CASELLA,
        "the third central moment",
        S((x[n] - mean) ** 3, n),
        S(x[n] ** 3, n) - 3 * mean * S(x[n] ** 2, n) + 2 * N * mean**3,
    )
    z = (x[n] - mean) / sqrt(S((x[l] - S(x[k], k) / N) ** 2, l) / N)
    put(CASELLA, "squared standard scores sum to N", S(z**2, n), N)
    u = sn.input("u", (G, K))
    group, grand = sn.define("m", (g,), S(u[g, i], i) / K), sn.define("mm", (), S(u[g, i], g, i) / (G * K))
    put("Fisher 1925, Statistical Methods for Research Workers, analysis of variance", "within and between groups",
        S((u[g, i] - grand[()]) ** 2, g, i),
        S((u[g, i] - group[g]) ** 2, g, i) + K * S((group[g] - grand[()]) ** 2, g))  # fmt: skip
    column = sn.define("c", (i,), S(u[g, i], g) / G)
    put("Fisher 1925, Statistical Methods for Research Workers, analysis of variance", "rows, columns and interaction",
        S((u[g, i] - grand[()]) ** 2, g, i),
        K * S((group[g] - grand[()]) ** 2, g) + G * S((column[i] - grand[()]) ** 2, i)
        + S((u[g, i] - group[g] - column[i] + grand[()]) ** 2, g, i))  # fmt: skip
    f, t = sn.input("f", (K, N)), sn.input("t", (N,))
    average = sn.define("h", (n,), S(f[k, n], k) / K)
    put(
        "Geman, Bienenstock & Doursat 1992, Neural Networks and the Bias/Variance Dilemma, sec. 2",
        "error is bias and variance",
        S((f[k, n] - t[n]) ** 2, k) / K,
        (average[n] - t[n]) ** 2 + S((f[k, n] - average[n]) ** 2, k) / K,
    )
    put(
        "Krogh & Vedelsby 1995, Neural Network Ensembles",
        "ensemble error is mean error less ambiguity",
        S((average[n] - t[n]) ** 2, n),
        S(S((f[k, n] - t[n]) ** 2, k) / K, n) - S((f[k, n] - average[n]) ** 2, k, n) / K,
    )
    w = sn.input("w", (N,), positive=True)
    centre = S(w[m] * x[m], m)

    def weights(values: dict[str, Any]) -> dict[str, Any]:
        values["w"] = simplex(values["w"])
        return values

    put("Goldstein 1980, Classical Mechanics, ch. 5 (parallel axes)", "parallel axes",
        S(w[n] * (x[n] - c) ** 2, n), S(w[n] * (x[n] - centre) ** 2, n) + (centre - c) ** 2,
        (S(w[l], l), 1), draw=weights)  # fmt: skip
    total = S(w[l], l)
    put("Goldstein 1980, Classical Mechanics, ch. 5 (parallel axes)", "any total mass",
        S(w[n] * (x[n] - c) ** 2, n),
        S(w[n] * (x[n] - centre / total) ** 2, n) + total * (centre / total - c) ** 2)  # fmt: skip
    put(
        "Hardy, Littlewood & Polya 1934, Inequalities, ch. 2 (Lagrange's identity)",
        "spread about the centre by pairs",
        S(w[n] * w[k] * (x[n] - x[k]) ** 2, n, k) / 2,
        S(w[n], n) * S(w[n] * x[n] ** 2, n) - S(w[n] * x[n], n) ** 2,
    )
    mu = sn.input("mu", ())
    put(
        "Bishop 2006, Pattern Recognition and Machine Learning, sec. 2.3 (maximum likelihood)",
        "the score of a Gaussian mean",
        d(-S((x[n] - mu[()]) ** 2, n) / 2, mu[()]),
        S(x[n], n) - N * mu[()],
    )


def _updates(put: Shelf) -> None:
    N = sn.dims("N")
    x, y = sn.input("x", (N,)), sn.input("y", ())[()]
    n, m, k = sn.indices("n m k")
    mean = S(x[m], m) / N
    new = (S(x[m], m) + y) / (N + 1)
    welford = "Welford 1962, Note on a Method for Calculating Corrected Sums of Squares"
    put(welford, "the mean with one more value", new, mean + (y - mean) / (N + 1))
    put(welford, "the sum of squares with one more value", S((x[n] - new) ** 2, n) + (y - new) ** 2,
        S((x[n] - mean) ** 2, n) + (y - mean) * (y - new))  # fmt: skip
    M = sn.dims("M")
    z, l = sn.input("z", (M,)), sn.index("l")
    second = S(z[k], k) / M
    joint = (S(x[m], m) + S(z[k], k)) / (N + M)
    put("Chan, Golub & LeVeque 1983, Algorithms for Computing the Sample Variance", "two samples put together",
        S((x[n] - joint) ** 2, n) + S((z[l] - joint) ** 2, l),
        S((x[n] - mean) ** 2, n) + S((z[l] - second) ** 2, l) + N * M * (mean - second) ** 2 / (N + M))  # fmt: skip


def _centring(put: Shelf) -> None:
    N, D = sn.dims("N D")
    x, K, v = sn.input("x", (N, D)), sn.input("K", (N, N)), sn.input("v", (N,))
    i, j, k, l, q, r, e = sn.indices("i j k l q r e")

    def h(a: Any, b: Any) -> Any:
        return delta(a, b) - 1 / N

    text = f"{MARDIA}, sec. 1.3 (centring matrix)"
    p, w = sn.index("p", N), sn.index("w", N)
    o = sn.index("o", N)
    put(text, "it is idempotent", S(h(p, o) * h(o, w), o), h(p, w))
    put(text, "it annihilates ones", S(h(p, o), o), 0)
    put(text, "its trace is N - 1", S(h(o, o), o), N - 1)
    put(text, "it centres a vector", S(h(i, k) * v[k], k), v[i] - S(v[k], k) / N)
    put(
        text,
        "its quadratic form is the sum of squares",
        S(v[i] * h(i, k) * v[k], i, k),
        S((v[i] - S(v[k], k) / N) ** 2, i),
    )
    put(text, "the scatter matrix", S(x[i, e] * h(i, k) * x[k, q], i, k),
        S((x[i, e] - S(x[k, e], k) / N) * (x[i, q] - S(x[l, q], l) / N), i))  # fmt: skip
    put(
        "Scholkopf, Smola & Muller 1998, Nonlinear Component Analysis as a Kernel Eigenvalue Problem",
        "a centred kernel",
        S(h(i, k) * K[k, l] * h(l, j), k, l),
        K[i, j] - S(K[k, j], k) / N - S(K[i, l], l) / N + S(K[k, l], k, l) / N**2,
    )

    def square(a: Any, b: Any) -> Any:
        return S((x[a, e] - x[b, e]) ** 2, e)

    put("Torgerson 1952, Multidimensional Scaling, classical scaling", "doubly centred distances are inner products",
        -S(h(i, k) * square(k, l) * h(l, j), k, l) / 2,
        S((x[i, e] - S(x[k, e], k) / N) * (x[j, e] - S(x[l, e], l) / N), e))  # fmt: skip
    put(
        "Gretton et al. 2005, Measuring Statistical Dependence with Hilbert-Schmidt Norms",
        "centring one kernel is enough",
        S(S(h(i, k) * K[k, l] * h(l, j), k, l) * v[j] * v[i], i, j),
        S(K[k, l] * (v[k] - S(v[q], q) / N) * (v[l] - S(v[r], r) / N), k, l),
    )


def _distances(put: Shelf) -> None:
    N, M, D = sn.dims("N M D")
    x, y, c = sn.input("x", (N, D)), sn.input("y", (M, D)), sn.scalars("c")
    n, m, e, f, k, l = sn.indices("n m e f k l")
    golub = "Kulis 2013, Metric Learning: A Survey, sec. 2"
    distance = S((x[n, e] - y[m, e]) ** 2, e)
    put(golub, "a distance matrix by a product of matrices", distance,
        S(x[n, e] ** 2, e) - 2 * S(x[n, e] * y[m, e], e) + S(y[m, e] ** 2, e))  # fmt: skip
    L = sn.input("L", (D, D))
    put(golub, "a Mahalanobis distance is one of mapped points",
        S(S(L[k, e] * (x[n, e] - y[m, e]), e) * S(L[k, f] * (x[n, f] - y[m, f]), f), k),
        S((x[n, e] - y[m, e]) * L[k, e] * L[k, f] * (x[n, f] - y[m, f]), e, f, k))  # fmt: skip
    scholkopf = "Scholkopf & Smola 2002, Learning with Kernels, ch. 2"
    put(scholkopf, "the quadratic kernel by its features", (S(x[n, e] * y[m, e], e) + c) ** 2,
        S(x[n, e] * x[n, f] * y[m, e] * y[m, f], e, f) + 2 * c * S(x[n, e] * y[m, e], e) + c**2)  # fmt: skip
    s = sn.scalars("s", positive=True)
    put(
        scholkopf,
        "the Gaussian kernel splits",
        exp(-distance / (2 * s**2)),
        exp(-S(x[n, e] ** 2, e) / (2 * s**2))
        * exp(S(x[n, k] * y[m, k], k) / s**2)
        * exp(-S(y[m, l] ** 2, l) / (2 * s**2)),
    )
    put(scholkopf, "the Gaussian kernel's gradient", d(exp(-distance / (2 * s**2)), x[k, f]),
        -delta(k, n) * (x[n, f] - y[m, f]) / s**2 * exp(-distance / (2 * s**2)))  # fmt: skip
    z = sn.input("z", (M, D))
    a, centre = sn.input("a", (N, M)), sn.input("u", (D,))
    lloyd = "Lloyd 1982, Least Squares Quantization in PCM"
    put(lloyd, "a centroid's gradient", d(S(a[n, m] * (x[n, e] - z[m, e]) ** 2, n, m, e), z[k, f]),
        2 * S(a[n, k] * (z[k, f] - x[n, f]), n))  # fmt: skip
    put(lloyd, "the mean is the best centre", S((x[n, e] - centre[e]) ** 2, n, e),
        S((x[n, e] - S(x[k, e], k) / N) ** 2, n, e) + N * S((S(x[k, e], k) / N - centre[e]) ** 2, e))  # fmt: skip
    W = sn.input("W", (N, N))
    belkin = "Belkin & Niyogi 2003, Laplacian Eigenmaps, sec. 3"

    def mirrored(values: dict[str, Any]) -> dict[str, Any]:
        values["W"] = values["W"] + values["W"].T
        return values

    v, p, q = sn.input("v", (N,)), sn.index("p"), sn.index("q")
    put(belkin, "the graph Laplacian's quadratic form", S(W[k, l] * (v[k] - v[l]) ** 2, k, l) / 2,
        S(v[k] * (delta(k, l) * S(W[k, n], n) - W[k, l]) * v[l], k, l), (W[p, q], W[q, p]), draw=mirrored)  # fmt: skip
    put("Roweis & Saul 2000, Locally Linear Embedding", "reconstruction does not see a shift",
        S(W[n, k] * (x[k, e] + centre[e]), k) - x[n, e] - centre[e], S(W[n, k] * x[k, e], k) - x[n, e],
        (S(W[p, q], q), 1), draw=_rows)  # fmt: skip


def _rows(values: dict[str, Any]) -> dict[str, Any]:
    values["W"] = simplex(values["W"])
    return values


def _lines(put: Shelf) -> None:
    N = sn.dims("N")
    x, y = sn.input("x", (N,)), sn.input("y", (N,))
    n, m, k = sn.indices("n m k")
    mx, my = sn.define("mx", (), S(x[m], m) / N), sn.define("my", (), S(y[m], m) / N)
    spread = sn.define("sxx", (), S((x[m] - mx[()]) ** 2, m))
    slope = sn.define("b", (), S((x[m] - mx[()]) * (y[m] - my[()]), m) / spread[()])
    start = sn.define("a", (), my[()] - slope[()] * mx[()])
    rest = sn.define("e", (n,), y[n] - start[()] - slope[()] * x[n])
    put(WEISBERG, "residuals sum to 0", S(rest[n], n), 0)
    put(WEISBERG, "residuals are orthogonal to the regressor", S(rest[n] * x[n], n), 0)
    put(WEISBERG, "sums of squares split", S((y[n] - my[()]) ** 2, n), S(rest[n] ** 2, n) + slope[()] ** 2 * spread[()])
    put(WEISBERG, "the residual sum by the correlation", S(rest[n] ** 2, n),
        S((y[n] - my[()]) ** 2, n) - S((x[n] - mx[()]) * (y[n] - my[()]), n) ** 2 / spread[()])  # fmt: skip
    put(WEISBERG, "leverages sum to 2", S(1 / N + (x[n] - mx[()]) ** 2 / spread[()], n), 2)
    c, e = sn.scalars("c", positive=True), sn.scalars("e")
    scaled = S((c * x[n] + e - S(c * x[m] + e, m) / N) * (y[n] - my[()]), n) / sqrt(
        S((c * x[n] + e - S(c * x[k] + e, k) / N) ** 2, n) * S((y[n] - my[()]) ** 2, n))  # fmt: skip
    put("Weisberg 2005, Applied Linear Regression, ch. 2", "correlation does not see units", scaled,
        S((x[n] - mx[()]) * (y[n] - my[()]), n) / sqrt(spread[()] * S((y[n] - my[()]) ** 2, n)))  # fmt: skip
    w, b = sn.input("w", ()), sn.input("f", ())
    loss = S((w[()] * x[n] + b[()] - y[n]) ** 2, n) / (2 * N)
    put("Goodfellow, Bengio & Courville 2016, Deep Learning, sec. 5.1 (linear regression)", "the gradient by the slope",
        d(loss, w[()]), w[()] * S(x[n] ** 2, n) / N + b[()] * S(x[n], n) / N - S(x[n] * y[n], n) / N)  # fmt: skip
    put(
        "Goodfellow, Bengio & Courville 2016, Deep Learning, sec. 5.1 (linear regression)",
        "the gradient by the offset",
        d(loss, b[()]),
        w[()] * S(x[n], n) / N + b[()] - S(y[n], n) / N,
    )
