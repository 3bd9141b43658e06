"""Losses, softmax, cross-entropy, divergences: values, gradients and Hessians."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Max, Min, Rational, cosh, exp, log, pi, sqrt, tanh

import symnn as sn

from .record import Identity, Shelf, d, delta, sigma, simplex

__all__ = ["identities"]

DEEP = "Goodfellow, Bengio & Courville 2016, Deep Learning"
BISHOP = "Bishop 2006, Pattern Recognition and Machine Learning"
BOYD = "Boyd & Vandenberghe 2004, Convex Optimization"
MURPHY = "Murphy 2012, Machine Learning: A Probabilistic Perspective"
COVER = "Cover & Thomas 2006, Elements of Information Theory"
S = sn.sum


def identities() -> list[Identity]:
    put = Shelf("cited")
    _softmax(put)
    _regression(put)
    _softened(put)
    _divergences(put)
    _given(put)
    _pairs(put)
    _robust(put)
    return put.items


def normalised(name: str) -> Any:
    """Return a change of drawn values: the named tensor sums to 1 over its last axis."""

    def change(values: dict[str, Any]) -> dict[str, Any]:
        values[name] = simplex(values[name])
        return values

    return change


def _softmax(put: Shelf) -> None:
    C = sn.dims("C")
    a, u, s = sn.input("a", (C,)), sn.input("u", (C,)), sn.input("s", ())[()]
    c, k, j, m = sn.indices("c k j m")
    p = sn.softmax(a, name="p")
    lse = log(S(exp(a[k]), k))
    put(f"{DEEP}, sec. 4.1 (overflow)", "softmax does not see a shift", exp(a[c] - s) / S(exp(a[k] - s), k), p[c])
    put(f"{DEEP}, sec. 4.1 (overflow)", "log-sum-exp with a shift", s + log(S(exp(a[k] - s), k)), lse)
    put(f"{DEEP}, sec. 6.2.2 (softmax units)", "the log of a softmax", log(p[c]), a[c] - lse)
    put(f"{BOYD}, sec. 3.1 (log-sum-exp)", "its gradient is the softmax", d(lse, a[c]), p[c])
    z = S(exp(a[k]), k)
    put(f"{BOYD}, sec. 3.1 (log-sum-exp)", "its Hessian", d(exp(a[c]) / S(exp(a[m]), m), a[j]),
        (z * delta(c, j) * exp(a[c]) - exp(a[c]) * exp(a[j])) / z**2)  # fmt: skip
    put(f"{BOYD}, sec. 3.1 (log-sum-exp)", "its Hessian's quadratic form",
        S(u[c] * d(p[c], a[j]) * u[j], c, j),
        S(exp(a[k]) * u[k] ** 2, k) / z - (S(exp(a[k]) * u[k], k) / z) ** 2)  # fmt: skip
    two = sn.input("b", (2,))
    binary = sn.softmax(two, name="p")
    put(
        f"{DEEP}, sec. 6.2.2 (softmax units)",
        "two classes: a sigmoid of the difference",
        binary[1],
        sigma(two[1] - two[0]),
    )
    put(f"{BISHOP}, sec. 4.3 (softmax)", "its Jacobian", d(p[k], a[j]), p[k] * (delta(k, j) - p[j]))
    entropy = -S(p[k] * log(p[k]), k)
    put(f"{COVER}, ch. 12 (maximum entropy)", "the entropy of a softmax", entropy, lse - S(p[j] * a[j], j))
    put(
        f"{COVER}, ch. 12 (maximum entropy)",
        "its gradient by the logits",
        d(entropy, a[c]),
        -p[c] * (log(p[c]) + entropy),
    )
    beta, f = sn.scalars("beta", positive=True), sn.input("f", ())
    warm = exp(f[()] * a[c]) / S(exp(f[()] * a[k]), k)
    put(f"{COVER}, ch. 12 (maximum entropy)", "the softmax by its inverse temperature",
        d(warm, f[()]), warm * (a[c] - S(exp(f[()] * a[k]) * a[k], k) / S(exp(f[()] * a[k]), k)))  # fmt: skip
    williams = "Williams 1992, Simple Statistical Gradient-Following Algorithms (REINFORCE)"
    put(williams, "a baseline leaves no bias", S(p[c] * d(log(p[c]), a[j]), c), 0)
    put(williams, "the gradient of an expected reward", d(S(p[c] * u[c], c), a[j]), p[j] * (u[j] - S(p[c] * u[c], c)))
    martens = "Martens 2014, New Insights on the Natural Gradient Method"
    put(martens, "Fisher information of the logits",
        S(p[c] * (delta(c, k) - p[k]) * (delta(c, j) - p[j]), c), delta(k, j) * p[k] - p[k] * p[j])  # fmt: skip
    put(martens, "as the expected square of the score",
        S(p[c] * d(log(p[c]), a[k]) * d(log(p[c]), a[j]), c), delta(k, j) * p[k] - p[k] * p[j])  # fmt: skip
    put(
        "Landau & Lifshitz 1980, Statistical Physics, ch. 3 (Gibbs distribution)",
        "the free energy's derivative is the mean energy",
        d(-log(S(exp(-f[()] * a[k]), k)), f[()]),
        S(a[k] * exp(-f[()] * a[k]), k) / S(exp(-f[()] * a[k]), k),
    )
    put(
        f"{BOYD}, sec. 3.1 (log-sum-exp)",
        "a sharper maximum by its own parameter",
        d(log(S(exp(beta * a[k]), k)) / beta, a[c]),
        exp(beta * a[c]) / S(exp(beta * a[k]), k),
    )


def _regression(put: Shelf) -> None:
    N, D, C = sn.dims("N D C")
    x, y, w = sn.input("x", (N, D)), sn.input("y", (N,)), sn.parameter("w", (D,))
    n, i, j, k, c, q = sn.indices("n i j k c q")
    a = S(w[i] * x[n, i], i)
    risk = -S(y[n] * log(sigma(a)) + (1 - y[n]) * log(1 - sigma(a)), n)
    put(f"{BISHOP}, eq. 4.91", "logistic regression's gradient", d(risk, w[j]), S((sigma(a) - y[n]) * x[n, j], n))
    put(f"{BISHOP}, eq. 4.97", "its Hessian", d(S((sigma(a) - y[n]) * x[n, j], n), w[k]),
        S(sigma(a) * (1 - sigma(a)) * x[n, j] * x[n, k], n))  # fmt: skip
    put(f"{MURPHY}, sec. 8.3 (logistic regression)", "the loss by softplus", risk, S(log(1 + exp(a)) - y[n] * a, n))
    put(f"{MURPHY}, sec. 8.3 (logistic regression)", "with labels plus and minus one",
        d(S(log(1 + exp(-y[n] * a)), n), w[j]), -S(y[n] * sigma(-y[n] * a) * x[n, j], n))  # fmt: skip
    W = sn.parameter("W", (C, D))
    scores = sn.define("a", (n, c), S(W[c, i] * x[n, i], i))
    p, t = sn.softmax(scores, name="p"), sn.labels("t", (N,), C)
    put(f"{BISHOP}, eq. 4.109", "multiclass logistic regression's gradient",
        d(-S(log(p[n, t[n]]), n), W[k, j]), S((p[n, k] - delta(k, t[n])) * x[n, j], n))  # fmt: skip
    put(f"{BISHOP}, eq. 4.110", "its Hessian's blocks", d(S((p[n, k] - delta(k, t[n])) * x[n, j], n), W[c, q]),
        S(p[n, k] * (delta(k, c) - p[n, c]) * x[n, j] * x[n, q], n))  # fmt: skip
    target = sn.input("u", (N, C))
    put(f"{BISHOP}, eq. 4.109", "with given target rows that sum to 1",
        d(-S(target[n, c] * log(p[n, c]), n, c), W[k, j]), S((p[n, k] - target[n, k]) * x[n, j], n),
        (S(target[n, c], c), 1), draw=normalised("u"))  # fmt: skip
    lam, b = sn.scalars("lam", positive=True), sn.scalars("b", positive=True)
    fit = S((y[n] - a) ** 2, n) / 2 + lam * S(w[i] ** 2, i) / 2
    put(f"{BISHOP}, eq. 3.27", "ridge regression's gradient", d(fit, w[j]),
        S((S(x[n, j] * x[n, k], n) + lam * delta(j, k)) * w[k], k) - S(x[n, j] * y[n], n))  # fmt: skip
    likelihood = S(log(sqrt(b / (2 * pi)) * exp(-b * (y[n] - a) ** 2 / 2)), n)
    put(f"{BISHOP}, eq. 3.11", "the Gaussian log-likelihood", likelihood,
        N * log(b) / 2 - N * log(2 * pi) / 2 - b * S((y[n] - a) ** 2, n) / 2)  # fmt: skip
    put(f"{BISHOP}, eq. 3.13", "its gradient", d(likelihood, w[j]), b * S((y[n] - a) * x[n, j], n))
    put("McCullagh & Nelder 1989, Generalized Linear Models, ch. 6", "Poisson regression's gradient",
        d(S(exp(a) - y[n] * a, n), w[j]), S((exp(a) - y[n]) * x[n, j], n))  # fmt: skip
    put(
        "Freund & Schapire 1997, A Decision-Theoretic Generalization of On-Line Learning",
        "exponential loss by the weights",
        d(S(exp(-y[n] * a), n), w[j]),
        -S(exp(-y[n] * a) * y[n] * x[n, j], n),
    )


def _softened(put: Shelf) -> None:
    C = sn.dims("C")
    z, v, t, tau = sn.input("z", (C,)), sn.input("v", (C,)), sn.labels("t", (), C), sn.scalars("T", positive=True)
    c, k, m = sn.index("c", C), sn.index("k", C), sn.index("m", C)
    q, p = exp(z[c] / tau) / S(exp(z[k] / tau), k), exp(v[c] / tau) / S(exp(v[k] / tau), k)
    teacher = sn.define("p", (m,), exp(v[m] / tau) / S(exp(v[k] / tau), k))
    loss = -S(teacher[m] * (z[m] / tau - log(S(exp(z[k] / tau), k))), m)
    put("Hinton, Vinyals & Dean 2015, Distilling the Knowledge in a Neural Network, eq. 2", "distillation's gradient",
        d(loss, z[c]), (q - p) / tau)  # fmt: skip
    eps = sn.scalars("eps", positive=True)
    soft = sn.softmax(z, name="s")
    smooth = (1 - eps) * delta(m, t[()]) + eps / C
    szegedy = "Szegedy et al. 2016, Rethinking the Inception Architecture, sec. 7"
    put(szegedy, "smoothed cross-entropy splits", -S(smooth * log(soft[m]), m),
        -(1 - eps) * log(soft[t[()]]) - eps / C * S(log(soft[m]), m))  # fmt: skip
    put(szegedy, "its gradient", d(-S(smooth * log(soft[m]), m), z[c]),
        soft[c] - (1 - eps) * delta(c, t[()]) - eps / C)  # fmt: skip
    put(szegedy, "smoothed targets sum to 1", S(smooth, m), 1)
    x, y, gamma = sn.input("x", ())[()], sn.input("y", ())[()], sn.scalars("gamma", positive=True)
    pt = sigma(y * x)
    lin = "Lin et al. 2017, Focal Loss for Dense Object Detection, appendix"
    put(lin, "focal loss by the logit", d(-((1 - pt) ** gamma) * log(pt), x),
        y * (1 - pt) ** gamma * (gamma * pt * log(pt) + pt - 1))  # fmt: skip
    put(lin, "cross-entropy by the logit", d(-log(pt), x), y * (pt - 1))
    put(
        "Abadi et al. 2015, TensorFlow documentation of sigmoid cross-entropy with logits",
        "the form that does not overflow",
        Max(x, 0) - x * y + log(1 + exp(-Abs(x))),
        log(1 + exp(x)) - x * y,
    )
    chosen, rejected = sn.input("w", ())[()], sn.input("l", ())[()]
    first, second, beta = sn.input("rw", ())[()], sn.input("rl", ())[()], sn.scalars("beta", positive=True)
    h = beta * (chosen - first) - beta * (rejected - second)
    dpo = "Rafailov et al. 2023, Direct Preference Optimization, sec. 4"
    put(dpo, "gradient by the chosen answer", d(-log(sigma(h)), chosen), -beta * sigma(-h))
    put(dpo, "gradient by the rejected answer", d(-log(sigma(h)), rejected), beta * sigma(-h))
    N = sn.dims("N")
    s = sn.input("s", (N, N))
    i, j, n, r = sn.indices("i j n r")
    nce = -S(log(exp(s[i, i] / tau) / S(exp(s[i, j] / tau), j)), i) / N
    oord = "van den Oord, Li & Vinyals 2018, Contrastive Predictive Coding, eq. 4"
    put(oord, "InfoNCE by the similarities", d(nce, s[n, r]),
        (exp(s[n, r] / tau) / S(exp(s[n, j] / tau), j) - delta(n, r)) / (N * tau))  # fmt: skip
    mikolov = "Mikolov et al. 2013, Distributed Representations of Words, eq. 4"
    o, u = sn.input("o", ()), sn.input("u", (N,))
    put(
        mikolov,
        "negative sampling by a noise score",
        d(-log(sigma(o[()])) - S(log(sigma(-u[i])), i), u[n]),
        sigma(u[n]),
    )


def _divergences(put: Shelf) -> None:
    C, D = sn.dims("C D")
    a, b = sn.input("a", (C,)), sn.input("b", (C,))
    p, q = sn.softmax(a, name="p"), sn.softmax(b, name="q")
    c, k, i = sn.indices("c k i")
    kl = S(p[c] * log(p[c] / q[c]), c)
    put(
        f"{COVER}, ch. 2",
        "divergence is cross-entropy less entropy",
        kl,
        -S(p[c] * log(q[c]), c) + S(p[c] * log(p[c]), c),
    )
    put(f"{DEEP}, sec. 3.13", "divergence by the approximating logits", d(kl, b[k]), q[k] - p[k])
    put(f"{DEEP}, sec. 3.13", "divergence by the true logits", d(kl, a[k]), p[k] * (log(p[k] / q[k]) - kl))
    mix = sn.define("m", (c,), (p[c] + q[c]) / 2)
    lin = "Lin 1991, Divergence Measures Based on the Shannon Entropy"
    js = S(p[c] * log(p[c] / mix[c]), c) / 2 + S(q[c] * log(q[c] / mix[c]), c) / 2
    put(lin, "Jensen-Shannon by entropies", js,
        -S(mix[c] * log(mix[c]), c) + (S(p[c] * log(p[c]), c) + S(q[c] * log(q[c]), c)) / 2)  # fmt: skip
    put(lin, "Jeffreys divergence", kl + S(q[c] * log(q[c] / p[c]), c), S((p[c] - q[c]) * log(p[c] / q[c]), c))
    x, y, z = (sn.input(name, (D,)) for name in "xyz")
    banerjee = "Banerjee et al. 2005, Clustering with Bregman Divergences, sec. 2"

    def square(u: Any, v: Any) -> Any:
        return S((u[i] - v[i]) ** 2, i)

    put(banerjee, "three points, squared distance", square(x, z),
        square(x, y) + square(y, z) + 2 * S((x[i] - y[i]) * (y[i] - z[i]), i))  # fmt: skip
    u, v, w = (sn.input(name, (D,), positive=True) for name in "uvw")

    def general(s: Any, t: Any) -> Any:
        return S(s[i] * log(s[i] / t[i]) - s[i] + t[i], i)

    put(banerjee, "three points, relative entropy", general(u, w),
        general(u, v) + general(v, w) + S((u[i] - v[i]) * (log(v[i]) - log(w[i])), i))  # fmt: skip
    put(banerjee, "relative entropy by its first point", d(general(u, v), u[k]), log(u[k] / v[k]))
    s, m = sn.input("s", (D,), positive=True), sn.input("m", (D,))
    gauss = -S(1 + log(s[i] ** 2) - m[i] ** 2 - s[i] ** 2, i) / 2
    kingma = "Kingma & Welling 2014, Auto-Encoding Variational Bayes, appendix B"
    put(kingma, "by the mean", d(gauss, m[k]), m[k])
    put(kingma, "by the deviation", d(gauss, s[k]), s[k] - 1 / s[k])
    r, n = sn.scalars("r", positive=True), sn.scalars("n", positive=True)
    f, g = sn.input("f", ())[()], sn.input("g", ())[()]
    put(kingma, "two Gaussians with one variance", log(r / n) + (n**2 + (f - g) ** 2) / (2 * r**2) - Rational(1, 2)
        - ((f - g) ** 2 / (2 * r**2)), -log(n / r) + (n - r) * (n + r) / (2 * r**2))  # fmt: skip
    mu, var = sn.input("mu", ())[()], sn.input("vv", (), positive=True)[()]
    nix = "Nix & Weigend 1994, Estimating the Mean and Variance of the Target Distribution"
    nll = (f - mu) ** 2 / (2 * var) + log(2 * pi * var) / 2
    put(nix, "by the mean", d(nll, mu), (mu - f) / var)
    put(nix, "by the variance", d(nll, var), (1 - (f - mu) ** 2 / var) / (2 * var))


def _given(put: Shelf) -> None:
    C, K = sn.dims("C K")
    p, q, j = (
        sn.input("p", (C,), positive=True),
        sn.input("q", (C,), positive=True),
        sn.input("j", (C, K), positive=True),
    )
    c, k, i, m = sn.index("c", C), sn.index("k", K), sn.index("i", C), sn.index("m", C)
    t = sn.labels("t", (), C)
    one = (S(p[c], c), 1)
    put("Breiman et al. 1984, Classification and Regression Trees, ch. 4", "the Gini index",
        1 - S(p[c] ** 2, c), S(p[c] * (1 - p[c]), c), one, draw=normalised("p"))  # fmt: skip
    put("Brier 1950, Verification of Forecasts Expressed in Terms of Probability", "the score of a label",
        S((p[c] - delta(c, t[()])) ** 2, c), 1 - 2 * p[t[()]] + S(p[c] ** 2, c))  # fmt: skip
    put(f"{COVER}, ch. 2", "divergence from the uniform distribution", S(p[c] * log(p[c] * C), c),
        log(C) + S(p[c] * log(p[c]), c), one, draw=normalised("p"))  # fmt: skip
    put(
        f"{DEEP}, sec. 3.13",
        "a scaled approximation costs its logarithm",
        -S(p[c] * log(q[c] / S(q[i], i)), c),
        -S(p[c] * log(q[c]), c) + log(S(q[i], i)),
        one,
        draw=normalised("p"),
    )
    rows = sn.define("rows", (c,), S(j[c, k], k))
    cols = sn.define("cols", (k,), S(j[c, k], c))
    joint = S(j[c, k] * log(j[c, k]), c, k)
    information = S(j[c, k] * log(j[c, k] / (rows[c] * cols[k])), c, k)
    put(f"{COVER}, ch. 2", "mutual information by three entropies", information,
        joint - S(rows[c] * log(rows[c]), c) - S(cols[k] * log(cols[k]), k))  # fmt: skip
    put(f"{COVER}, ch. 2", "chain rule of entropy", -joint,
        -S(rows[c] * log(rows[c]), c) - S(j[c, k] * log(j[c, k] / rows[c]), c, k))  # fmt: skip
    x = sn.input("x", (C,))
    mean = S(p[i] * x[i], i)
    put("Feller 1968, An Introduction to Probability Theory, ch. 9", "variance by moments",
        S(p[c] * (x[c] - mean) ** 2, c), S(p[c] * x[c] ** 2, c) - mean**2, one, draw=normalised("p"))  # fmt: skip
    put(
        "Feller 1968, An Introduction to Probability Theory, ch. 9",
        "variance by independent pairs",
        S(p[c] * p[m] * (x[c] - x[m]) ** 2, c, m) / 2,
        S(p[c] * x[c] ** 2, c) - mean**2,
        one,
        draw=normalised("p"),
    )
    put(
        "Feller 1968, An Introduction to Probability Theory, ch. 9",
        "a probability vector's covariance annihilates ones",
        S(delta(c, m) * p[c] - p[c] * p[m], m),
        0,
        one,
        draw=normalised("p"),
    )


def _pairs(put: Shelf) -> None:
    D = sn.dims("D")
    x, y, w = sn.input("x", (D,)), sn.input("y", (D,)), sn.input("w", (D,))
    i, k, l = sn.indices("i k l")
    nx, ny = sqrt(S(x[i] ** 2, i)), sqrt(S(y[i] ** 2, i))
    cosine = S(x[i] * y[i], i) / (nx * ny)
    text = f"{MURPHY}, sec. 14.2 (cosine similarity)"
    put(text, "its gradient", d(cosine, x[k]), y[k] / (nx * ny) - cosine * x[k] / nx**2)
    put(text, "the distance of unit vectors", S((x[l] / nx - y[l] / ny) ** 2, l), 2 - 2 * cosine)
    put(text, "the gradient is orthogonal to x", S(d(cosine, x[l]) * x[l], l), 0)
    margin = sn.scalars("m", positive=True)
    triplet = Max(0, S((w[i] - x[i]) ** 2, i) - S((w[i] - y[i]) ** 2, i) + margin)
    schroff = "Schroff, Kalenichenko & Philbin 2015, FaceNet, eq. 3"
    active = sn.indicator(S((w[i] - x[i]) ** 2, i) - S((w[i] - y[i]) ** 2, i) + margin > 0)
    put(schroff, "triplet loss by the anchor", d(triplet, w[k]), 2 * (y[k] - x[k]) * active)
    put(schroff, "triplet loss by the positive", d(triplet, x[k]), 2 * (x[k] - w[k]) * active)
    put("Hadsell, Chopra & LeCun 2006, Dimensionality Reduction by Learning an Invariant Mapping", "pull and push",
        d(S((x[i] - y[i]) ** 2, i) / 2, x[k]) + d(S((x[i] - y[i]) ** 2, i) / 2, y[k]), 0)  # fmt: skip


def _robust(put: Shelf) -> None:
    r, y, t = sn.input("r", ())[()], sn.input("y", ())[()], sn.input("t", ())[()]
    b = sn.scalars("b", positive=True)
    huber = sn.where(Abs(r) <= b, r**2 / 2, b * (Abs(r) - b / 2))
    source = "Huber 1964, Robust Estimation of a Location Parameter"
    put(source, "the slope is clipped", d(huber, r), Max(-b, Min(b, r)))
    put(source, "by the part inside", huber, Min(Abs(r), b) * (Abs(r) - Min(Abs(r), b) / 2))
    pseudo = b**2 * (sqrt(1 + (r / b) ** 2) - 1)
    put(
        "Hartley & Zisserman 2003, Multiple View Geometry, app. 6",
        "pseudo-Huber's slope",
        d(pseudo, r),
        r / sqrt(1 + (r / b) ** 2),
    )
    put("Barron 2019, A General and Adaptive Robust Loss Function, sec. 1", "Cauchy loss' slope",
        d(log(r**2 / (2 * b**2) + 1), r), 2 * r / (r**2 + 2 * b**2))  # fmt: skip
    put("Barron 2019, A General and Adaptive Robust Loss Function, sec. 1", "Geman-McClure's slope",
        d(2 * (r / b) ** 2 / ((r / b) ** 2 + 4), r), 16 * b**2 * r / (r**2 + 4 * b**2) ** 2)  # fmt: skip
    put(
        "Green 1990, Bayesian Reconstructions from Emission Tomography Data",
        "log cosh's slope",
        d(log(cosh(r / b)) * b, r),
        tanh(r / b),
    )
    put("Rockafellar 1970, Convex Analysis, ch. 31 (Moreau envelope)", "|r|'s envelope at its minimiser",
        b * Abs(soft := sympy.sign(r) * Max(0, Abs(r) - b)) + (r - soft) ** 2 / 2, huber)  # fmt: skip
    put("Lee & Mangasarian 2001, A Smooth Support Vector Machine", "squared hinge's slope",
        d(Max(0, 1 - y * t) ** 2, t), -2 * y * Max(0, 1 - y * t))  # fmt: skip
    put("Cortes & Vapnik 1995, Support-Vector Networks", "the hinge by its active side",
        Max(0, 1 - y * t), (1 - y * t) * sn.indicator(y * t < 1))  # fmt: skip
    z = sn.scalars("z", positive=True)
    put(f"{BOYD}, sec. 11.2 (logarithmic barrier)", "a barrier on an interval", d(-log(b - y) - log(b + y), y),
        2 * y / (b**2 - y**2))  # fmt: skip
    put("Charbonnier et al. 1994, Two Deterministic Half-Quadratic Regularization Algorithms", "its slope and weight",
        d(sqrt(r**2 + z**2), r) / r, 1 / sqrt(r**2 + z**2))  # fmt: skip
