"""Rows A1 to A14, B1 and B2 of the gallery: networks, backpropagation, losses at the logits, penalties."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Max, Rational, erf, exp, log, pi, sqrt, tanh

import symnn as sn

from .record import Identity, Shelf, d, delta, derived, sigma, vjp

__all__ = ["identities"]


def identities() -> list[Identity]:
    put = Shelf("gallery")
    _networks(put)
    _output(put)
    _layers(put)
    _activations(put)
    _softmax(put)
    _losses(put)
    _symmetry(put)
    _penalties(put)
    return put.items


def _networks(put: Shelf) -> None:
    N, D, H, C = sn.dims("N D H C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    a1 = sn.dense(x, H, name="1")
    h = sn.tanh(a1)
    a2 = sn.dense(h, C, name="2")
    p = sn.softmax(a2, name="p")
    net = sn.Network(sn.cross_entropy(p, t))
    W1, b1, W2, b2 = (net[name] for name in ("W1", "b1", "W2", "b2"))
    n, i, j, c, k, m = sn.indices("n i j c k m")

    def hidden(i: Any) -> Any:
        return tanh(b1[i] + sn.sum(W1[i, j] * x[n, j], j))

    def score(c: Any) -> Any:
        return b2[c] + sn.sum(W2[c, i] * hidden(i), i)

    put("A1, multilayer network", "the network as one formula", p[n, c], exp(score(c)) / sn.sum(exp(score(k)), k))

    def error(n: Any, c: Any) -> Any:
        return (p[n, c] - delta(c, t[n])) / N

    def inner(n: Any, i: Any) -> Any:
        return sn.sum(error(n, c) * W2[c, i], c) * (1 - h[n, i] ** 2)

    put("A7, weights", "gradient by the output weights", *derived(
        net.gradient("W2"), lambda c, i: sn.sum(error(n, c) * h[n, i], n)))  # fmt: skip
    put("A7, biases", "gradient by the output biases", *derived(net.gradient("b2"), lambda c: sn.sum(error(n, c), n)))
    put("A7, weights", "gradient by the hidden weights", *derived(
        net.gradient("W1"), lambda i, j: sn.sum(inner(n, i) * x[n, j], n)))  # fmt: skip
    put("A7, biases", "gradient by the hidden biases", *derived(net.gradient("b1"), lambda i: sn.sum(inner(n, i), n)))
    put("A10, flow graph", "gradient by the inputs through both layers", *derived(
        net.gradient("x"), lambda n, j: sn.sum(inner(n, i) * W1[i, j], i)))  # fmt: skip

    lam = sn.scalars("lam")
    one = sn.softmax(sn.dense(x, C, name="3"), name="q")
    risk = sn.plus(sn.cross_entropy(one, t), sn.l2(one, lam))
    whole = sn.Network(risk)
    W = whole["W3"]
    put("A2, structural risk", "gradient of the structural risk", *derived(
        whole.gradient("W3"),
        lambda c, j: sn.sum((one[n, c] - delta(c, t[n])) * x[n, j], n) / N + 2 * lam * W[c, j]))  # fmt: skip
    y, w = sn.input("y", (N,)), sn.parameter("w", (D,))
    example = (sn.sum(x[n, j] * w[j], j) - y[n]) ** 2
    put("A2, empirical risk", "gradient of the mean is the mean of the gradients",
        d(sn.sum(example, n) / N, w[k]), sn.sum(d(example, w[k]), n) / N)  # fmt: skip
    q = sn.input("q", (N, C), positive=True)
    put("A2, empirical risk", "a risk over examples taken apart from one example",
        sn.sum(-log(q[n, t[n]]), n) / N,
        -log(q[0, t[0]]) / N - sn.sum(sn.indicator(m > 0) * log(q[m, t[m]]), m) / N)  # fmt: skip


def _output(put: Shelf) -> None:
    C = sn.dims("C")
    f, y = sn.input("f", (C,), positive=True), sn.labels("y", (), C)
    a = sn.input("a", (C,))
    c, k, m = sn.indices("c k m")
    label = y[()]
    put("A3, at the probabilities", "-e(y)/f_y by component", *derived(
        sn.derivative(-log(f[label]), f[c]), lambda c: -delta(c, label) / f[label]))  # fmt: skip
    put("A3, multinomial", "negative log-likelihood of one draw",
        -sn.sum(delta(c, label) * log(f[c]), c), -log(f[label]))  # fmt: skip
    put("A3, multinomial", "the likelihood is the probability of the class",
        exp(sn.sum(delta(c, label) * log(f[c]), c)), f[label])  # fmt: skip
    p = sn.softmax(a, name="p")
    other = sn.sum(p[k] * (1 - delta(k, label)) * (1 - delta(k, c)), k)
    put("A3, error bound", "what an error leaves for the true class",
        (1 - 2 * p[label]) * (1 - delta(c, label)), (p[c] - p[label] + other) * (1 - delta(c, label)))  # fmt: skip

    loss = -log(p[label])
    put("A4, softmax cross-entropy", "f minus one-hot", *derived(
        sn.derivative(loss, a[c]), lambda c: p[c] - delta(c, label)))  # fmt: skip
    put("A4, softmax cross-entropy", "its chain rule line", d(loss, a[c]), -d(p[label], a[c]) / p[label])
    total = sn.sum(exp(a[k]), k)
    put("A4, softmax cross-entropy", "its quotient rule line",
        -(delta(c, label) * exp(a[label]) * total - exp(a[label]) * exp(a[c])) / total**2 / p[label],
        p[c] - delta(c, label))  # fmt: skip
    put("A4, softmax cross-entropy", "the two quotients apart",
        -(delta(c, label) - exp(a[c]) / total), -(delta(c, label) - p[c]))  # fmt: skip
    put("A4, softmax cross-entropy", "the entries sum to 0", sn.sum(d(loss, a[c]), c), 0)
    put("A4, softmax cross-entropy", "the loss with the log-sum-exp", loss, log(sn.sum(exp(a[m]), m)) - a[label])
    N = sn.dims("N")
    z, t = sn.input("z", (N, C)), sn.labels("t", (N,), C)
    logp = sn.log_softmax(z)
    put("A4, softmax cross-entropy", "a batch, through the log-softmax", *derived(
        sn.Network(sn.nll(logp, t)).gradient("z"),
        lambda n, c: (exp(z[n, c]) / sn.sum(exp(z[n, k]), k) - delta(c, t[n])) / N))  # fmt: skip


def _layers(put: Shelf) -> None:
    N, D, H = sn.dims("N D H")
    x = sn.input("x", (N, D))
    W, b, V = sn.parameter("W1", (H, D)), sn.parameter("b1", (H,)), sn.parameter("W2", (H, D))
    a = sn.dense(x, H, name="1", weight=W, bias_tensor=b)
    n, i, j, k = sn.indices("n i j k")
    back = vjp(a, x, upstream="da")
    da = back.upstream
    put("A5, chain rule through a layer", "sum over the units above", *derived(
        back, lambda n, j: sn.sum(da[n, i] * W[i, j], i)))  # fmt: skip
    by_weight, by_bias = vjp(a, W, upstream="da"), vjp(a, b, upstream="da")
    put("A7, weights", "one layer: delta h^T", *derived(
        by_weight, lambda i, j: sn.sum(by_weight.upstream[n, i] * x[n, j], n)))  # fmt: skip
    put("A7, biases", "one layer: delta", *derived(by_bias, lambda i: sn.sum(by_bias.upstream[n, i], n)))
    v = sn.input("v", (N, H))
    put("A5, chain rule through a layer", "written as a pending derivative",
        d(sn.sum(v[n, i] * a[n, i], n, i), x[k, j]), sn.sum(W[i, j] * v[k, i], i))  # fmt: skip

    slopes = {
        "tanh": (sn.tanh, lambda h, z: 1 - h**2),
        "sigmoid": (sn.sigmoid, lambda h, z: h * (1 - h)),
        "relu": (sn.relu, lambda h, z: sn.indicator(z > 0)),
        "softplus": (sn.softplus, lambda h, z: 1 - exp(-h)),
    }
    for word, (activation, slope) in slopes.items():
        z = sn.input("z", (N, D))
        h = activation(z, name="h")
        one = vjp(h, z, upstream="dh")
        put(
            "A6, hidden pre-activation",
            f"{word}: grad times the slope",
            *derived(one, lambda n, j, h=h, z=z, one=one, slope=slope: one.upstream[n, j] * slope(h[n, j], z[n, j])),
        )
        up = sn.dense(h, H, name="2", weight=V)
        step = vjp(up, z, upstream="delta2")
        put("A8, backpropagation recurrence", f"{word}: one step of the loop", *derived(
            step, lambda n, j, h=h, z=z, step=step, slope=slope: (
                sn.sum(V[k, j] * step.upstream[n, k], k) * slope(h[n, j], z[n, j]))))  # fmt: skip
    s = sn.input("s", (D,))
    g = sn.tanh(s, name="g")
    put("A6, hidden pre-activation", "the diagonal Jacobian", *derived(
        sn.derivative(g[i], s[j]), lambda i, j: delta(i, j) * (1 - g[i] ** 2)))  # fmt: skip


def _activations(put: Shelf) -> None:
    a = sn.input("a", ())
    x = a[()]
    alpha, lam, slope = sn.scalars("alpha lambda s", positive=True)
    up = sn.indicator(x > 0)
    inner = sqrt(2 / pi) * (x + Rational(44715, 1000000) * x**3)
    claims: dict[str, tuple[dict[str, Any], Any]] = {
        "sigmoid": ({}, lambda g: g * (1 - g)),
        "tanh": ({}, lambda g: 1 - g**2),
        "relu": ({}, lambda g: up),
        "leaky_relu": ({"slope": slope}, lambda g: slope + (1 - slope) * up),
        "elu": ({"alpha": alpha}, lambda g: up + (1 - up) * (g + alpha)),
        "selu": ({"scale": lam, "alpha": alpha}, lambda g: lam * up + (1 - up) * (g + lam * alpha)),
        "softplus": ({}, lambda g: 1 - exp(-g)),
        "silu": ({}, lambda g: g + sigma(x) * (1 - g)),
        "gelu": ({}, lambda g: (1 + erf(x / sqrt(2))) / 2 + x * exp(-(x**2) / 2) / sqrt(2 * pi)),
        "gelu_tanh": ({}, lambda g: (1 + tanh(inner)) / 2 + x / 2 * (1 - tanh(inner) ** 2) * sqrt(2 / pi)
                      * (1 + Rational(134145, 1000000) * x**2)),
        "mish": ({}, lambda g: tanh(log(1 + exp(x))) + x * sigma(x) * (1 - tanh(log(1 + exp(x))) ** 2)),
        "hard_tanh": ({}, lambda g: sn.indicator(x > -1) * sn.indicator(x < 1)),
        "softsign": ({}, lambda g: (1 - Abs(g)) ** 2),
    }  # fmt: skip
    for kind, (constants, claim) in claims.items():
        g = sn.activation(kind, a, name="g", **constants)
        put(
            "A9, activations",
            f"derivative of {kind}",
            *derived(sn.derivative(g[()], x), lambda g=g, claim=claim: claim(g[()])),
        )
    plus, minus = exp(x), exp(-x)
    put("A9, activations", "tanh by two exponentials", tanh(x), (plus - minus) / (plus + minus))
    put(
        "A9, activations",
        "tanh by one exponential",
        (plus - minus) / (plus + minus),
        (exp(2 * x) - 1) / (exp(2 * x) + 1),
    )
    put("A9, activations", "softplus' slope is the sigmoid", d(log(1 + exp(x)), x), sigma(x))
    c, e = sn.scalars("c e", positive=True)
    put("A11, gradient checking", "the central difference of a cube is off by e^2 f'''/6",
        ((c * (x + e) ** 3) - c * (x - e) ** 3) / (2 * e), d(c * x**3, x) + c * e**2)  # fmt: skip


def _softmax(put: Shelf) -> None:
    C = sn.dims("C")
    a, u = sn.input("a", (C,)), sn.input("u", (C,))
    p = sn.softmax(a, name="p")
    c, k, j = sn.indices("c k j")
    put("A12, softmax Jacobian", "diag(p) - p p^T", *derived(
        sn.derivative(p[c], a[k]), lambda c, k: delta(c, k) * p[c] - p[c] * p[k]))  # fmt: skip
    put("A12, softmax Jacobian", "rows sum to 0", sn.sum(delta(c, k) * p[c] - p[c] * p[k], k), 0)
    put("A12, softmax Jacobian", "probabilities sum to 1", sn.sum(p[c], c), 1)
    mean = sn.sum(p[k] * u[k], k)
    put(
        "A12, softmax Jacobian",
        "its quadratic form is a variance",
        sn.sum(u[c] * (delta(c, j) * p[c] - p[c] * p[j]) * u[j], c, j),
        sn.sum(p[c] * (u[c] - mean) ** 2, c),
    )
    back = vjp(p, a, upstream="dp")
    put("A12, softmax Jacobian", "times a gradient", *derived(
        back, lambda c: p[c] * (back.upstream[c] - sn.sum(p[k] * back.upstream[k], k))))  # fmt: skip


def _losses(put: Shelf) -> None:
    N, C = sn.dims("N C")
    a, y, eps = sn.input("a", ()), sn.input("y", ()), sn.scalars("eps", positive=True)
    x = a[()]
    put("A13, binary cross-entropy", "sigma(a) - y", *derived(
        sn.derivative(log(1 + exp(x)) - y[()] * x, x), lambda: sigma(x) - y[()]))  # fmt: skip
    z, t, n, c, k = sn.input("z", (N, C)), sn.labels("t", (N,), C), sn.index("n"), sn.index("c", C), sn.index("k")
    p = sn.softmax(z, name="p")
    smooth = sn.define("q", (n, c), (1 - eps) * delta(c, t[n]) + eps / C)
    put("A13, label smoothing", "p - q", *derived(
        sn.Network(sn.cross_entropy(p, smooth)).gradient("z"), lambda n, c: (p[n, c] - smooth[n, c]) / N))  # fmt: skip

    s, label = sn.input("s", (C,)), sn.labels("l", (), C)
    tau = sn.scalars("tau", positive=True)
    soft = sn.define("p", (c,), exp(s[c] / tau) / sn.sum(exp(s[k] / tau), k))
    put("A13, temperature", "(p - e)/tau", *derived(
        sn.derivative(-log(soft[label[()]]), s[c]), lambda c: (soft[c] - delta(c, label[()])) / tau))  # fmt: skip
    v = sn.input("v", (C,))
    q = sn.softmax(v, name="q")
    plain = sn.softmax(s, name="p")
    kl = sn.sum(q[k] * (log(q[k]) - log(plain[k])), k)
    put("A13, divergence", "KL(q || softmax) by the logits", *derived(
        sn.derivative(kl, s[c]), lambda c: plain[c] - q[c]))  # fmt: skip
    teacher = sn.define("q", (c,), exp(v[c] / tau) / sn.sum(exp(v[k] / tau), k))
    distilled = tau**2 * sn.sum(teacher[k] * (log(teacher[k]) - log(soft[k])), k)
    put("A13, distillation", "tau (p - q)", *derived(
        sn.derivative(distilled, s[c]), lambda c: tau * (soft[c] - teacher[c])))  # fmt: skip
    gamma = sn.scalars("gamma", positive=True)
    g = sn.sigmoid(a, name="g")[()]
    put(
        "A13, focal loss",
        "at the logit of a positive example",
        sn.derivative(-((1 - g) ** gamma) * log(g), x).result,
        (1 - g) ** gamma * (gamma * g * log(g) - (1 - g)),
    )
    o, r = sn.input("o", (N, C)), sn.input("r", (N, C))
    put("A13, squared error", "mean over all entries", *derived(
        sn.Network(sn.mse(o, r)).gradient("o"), lambda n, c: 2 * (o[n, c] - r[n, c]) / (N * C)))  # fmt: skip
    put("A13, absolute error", "the sign", *derived(
        sn.Network(sn.mae(o, r)).gradient("o"), lambda n, c: sympy.sign(o[n, c] - r[n, c]) / (N * C)))  # fmt: skip
    big = sn.scalars("b", positive=True)
    put("A13, Huber loss", "the residual, clipped", *derived(
        sn.Network(sn.huber(o, r, delta=big)).gradient("o"),
        lambda n, c: Max(-big, sympy.Min(big, o[n, c] - r[n, c])) / (N * C)))  # fmt: skip
    m, w = sn.input("m", (N,)), sn.input("w", (N,))
    put("A13, hinge loss", "-y inside the margin", *derived(
        sn.Network(sn.hinge(m, w)).gradient("m"), lambda n: -w[n] * sn.indicator(w[n] * m[n] < 1) / N))  # fmt: skip


def _symmetry(put: Shelf) -> None:
    D, H, C = sn.dims("D H C")
    x, W1, W2 = sn.input("x", (D,)), sn.parameter("W1", (H, D)), sn.parameter("W2", (C, H))
    order = sn.labels("o", (H,), H)
    c, i, j, k = sn.indices("c i j k")
    h = sn.index("h", H)
    plain = sn.sum(W2[c, i] * tanh(sn.sum(W1[i, j] * x[j], j)), i)
    put("A14, permuted units", "the units in reverse order",
        sn.sum(W2[c, H - 1 - h] * tanh(sn.sum(W1[H - 1 - h, j] * x[j], j)), h), plain)  # fmt: skip
    place = sn.index("r", H)

    def permuted(values: dict[str, Any]) -> dict[str, Any]:
        values["o"] = values["W1"][:, 0].argsort()
        return values

    put("A14, permuted units", "the units in any order",
        sn.sum(W2[c, order[k]] * tanh(sn.sum(W1[order[k], j] * x[j], j)), k), plain,
        (sn.sum(delta(order[k], place), k), 1), draw=permuted)  # fmt: skip


def _penalties(put: Shelf) -> None:
    D, H = sn.dims("D H")
    W, lam, s = sn.parameter("W", (H, D)), sn.scalars("lam", positive=True), sn.scalars("s", positive=True)
    i, j, k, m = sn.indices("i j k m")
    put("B1, L2", "2 W", *derived(sn.Network(sn.l2(W)).gradient("W"), lambda i, j: 2 * W[i, j]))
    density = exp(-(W[i, j] ** 2) / (2 * s**2)) / (sqrt(2 * pi) * s)
    put(
        "B1, L2",
        "negative log Gaussian prior up to a constant",
        -sn.sum(log(density), i, j),
        sn.sum(W[i, j] ** 2, i, j) / (2 * s**2) + H * D * log(sqrt(2 * pi) * s),
    )
    put("B2, L1", "sign(W)", *derived(sn.Network(sn.l1(W)).gradient("W"), lambda i, j: sympy.sign(W[i, j])))
    put("B2, L1", "the sign by indicators",
        sympy.sign(W[k, m]), sn.indicator(W[k, m] > 0) - sn.indicator(W[k, m] < 0))  # fmt: skip
    laplace = exp(-Abs(W[i, j]) / s) / (2 * s)
    put("B2, L1", "negative log Laplace prior up to a constant",
        -sn.sum(log(laplace), i, j), sn.sum(Abs(W[i, j]), i, j) / s + H * D * log(2 * s))  # fmt: skip
    a = sn.input("a", ())[()]
    soft = sympy.sign(a) * Max(0, Abs(a) - lam)
    put("B2, L1", "soft threshold by two rectifiers", soft, Max(0, a - lam) - Max(0, -a - lam))
    put("B2, L1", "soft threshold leaves the clipped part", a - soft, Max(-lam, sympy.Min(lam, a)))
    put("B2, L1", "soft threshold is 0 within the threshold", soft * sn.indicator(Abs(a) <= lam), 0)
