"""D1: batch norm through its batch statistics, typed as nodes and as one expression, and two other placements."""

from typing import Any

from sympy import sqrt

import symnn as sn
from symnn.gallery import Page, Row, computed, pulled_back

N, D, C, L = sn.dims("N D C L")
eps = sn.scalars("epsilon", positive=True)


def build() -> Page:
    page = Page("any batch size $N$, any number of features $D$")
    x = sn.input("x", (N, D))
    gamma, beta = sn.parameter("gamma", (D,)), sn.parameter("beta", (D,))
    _nodes(page, x, gamma, beta)
    _one_expression(page, x, gamma, beta)
    _variance_node(page, x, gamma, beta)
    _space(page)
    _notes(page, x, gamma, beta)
    _inference(page, x, gamma, beta)
    return page


def _expected(gamma: Any, sigma: Any, xhat: Any, up: Any) -> Any:
    """The textbook's formula: each statistic that x enters costs the gradient one component."""

    def claim(n: Any, i: Any) -> Any:
        m = sn.index("m")
        return (
            gamma[i] / (N * sigma(i))
            * (N * up[n, i] - sn.sum(up[m, i], m) - xhat[n, i] * sn.sum(up[m, i] * xhat[m, i], m))
        )  # fmt: skip

    return claim


def _nodes(page: Page, x: Any, gamma: Any, beta: Any) -> None:
    y = sn.batch_norm(x, eps=eps, gamma=gamma, beta=beta)
    values = computed(y)
    mu, sigma, xhat = values["mu"], values["sigma"], values["xhat"]
    page.prose(
        """Every feature is brought to mean 0 and variance 1 over the batch, then stretched and shifted by learned
        numbers. The mean and the deviation are computed from the batch, so every example acts on the output of every
        other one, and the gradient has to go back through both."""
    )
    page.heading("Given")
    page.given(mu, sigma, xhat, y, words=("mean", "deviation", "standardised", "scaled and shifted"))
    page.prose(
        """A bar stands for the gradient of a loss, whatever it is: $\\overline{y}$ is what comes back from above. The
        two parameters come first."""
    )
    m = sn.index("m")
    page.heading("The scale")
    scale, above = pulled_back(y, gamma)
    page.derive(scale, claim=lambda i: sn.sum(above[m, i] * xhat[m, i], m))
    page.heading("The shift")
    shift, beyond = pulled_back(y, beta)
    page.derive(shift, claim=lambda i: sn.sum(beyond[m, i], m))

    page.heading("The input")
    page.prose(
        """The entry $x_{ni}$ reaches the output in three ways: by itself, through the mean of its feature and through
        the deviation. Each way is derived alone, and the engine puts them together."""
    )
    d, up = pulled_back(y, x)
    page.derive(d, claim=_expected(gamma, lambda i: sigma[i], xhat, up))
    page.prose(
        """In the bracket, the mean of $\\overline{y}$ and its component along $\\hat{x}$ are taken off. A constant
        added to a feature cannot change the output, so the gradient has no component along the constant vector.
        Stretching a feature hardly changes the output, so it has hardly any along $\\hat{x}$; with
        $\\varepsilon = 0$ it would have none."""
    )
    n, i = d.free
    page.equal("nothing along the constant vector", sn.sum(d.result, n), 0, lead=r"\sum_{n} \overline{x}_{ni}")
    along = sn.sum(up[m, i] * xhat[m, i], m)
    page.equal(
        "a trace of $\\varepsilon$ along $\\hat{x}$",
        sn.sum(d.result * xhat[n, i], n), eps * gamma[i] / sigma[i] ** 3 * along,
        lead=r"\sum_{n} \overline{x}_{ni}\, \hat{x}_{ni}",
    )  # fmt: skip


def _one_expression(page: Page, x: Any, gamma: Any, beta: Any) -> None:
    n, i, k, m, q = sn.indices("n i k m q")
    page.heading("Typed as one expression")
    page.prose(
        """Nothing above depends on the layer being cut into nodes. Here it is one formula, and its derivative is taken
        as a whole. The engine itself names the parts that the result is short in: a mean, a root and the
        standardised input, which are the nodes of before."""
    )
    y = sn.define(
        "y", (n, i),
        gamma[i] * (x[n, i] - sn.sum(x[m, i], m) / N)
        / sqrt(sn.sum((x[k, i] - sn.sum(x[q, i], q) / N) ** 2, k) / N + eps) + beta[i],
    )  # fmt: skip
    d, up = pulled_back(y, x)
    mean = sn.define("mu", (i,), sn.sum(x[n, i], n) / N)
    sigma = sn.define("sigma", (i,), sqrt(sn.sum((x[n, i] - mean[i]) ** 2, n) / N + eps))
    xhat = sn.define("xhat", (n, i), (x[n, i] - mean[i]) / sigma[i])
    page.given(*d.given, words=("as typed", "named by the engine", "", ""))
    page.derive(
        d, claim=_expected(gamma, lambda i: sigma[i], xhat, up),
        folded="The lines: calculus on the whole expression, then the names",
    )  # fmt: skip


def _variance_node(page: Page, x: Any, gamma: Any, beta: Any) -> None:
    n, i = sn.indices("n i")
    page.heading("With the variance as a node")
    page.prose(
        "Texts that keep the variance $v$ and not the deviation find the same formula, with $\\sqrt{v + \\varepsilon}$."
    )
    mean = sn.define("mu", (i,), sn.sum(x[n, i], n) / N)
    v = sn.define("v", (i,), sn.sum((x[n, i] - mean[i]) ** 2, n) / N)
    xhat = sn.define("xhat", (n, i), (x[n, i] - mean[i]) / sqrt(v[i] + eps))
    y = sn.define("y", (n, i), gamma[i] * xhat[n, i] + beta[i])
    page.given(v, xhat)
    d, up = pulled_back(y, x)
    page.derive(d, claim=_expected(gamma, lambda i: sqrt(v[i] + eps), xhat, up), folded="The lines")


def _space(page: Page) -> None:
    page.heading("Channels with space")
    page.prose(
        """In a convolutional network a feature is a channel $c$, and its statistics are taken over examples and
        positions $l$ together: the count $N$ becomes $N L$."""
    )
    x = sn.input("x", (N, C, L))
    gamma, beta = sn.parameter("gamma", (C,)), sn.parameter("beta", (C,))
    y = sn.batch_norm(x, axis=1, eps=eps, gamma=gamma, beta=beta)
    values = computed(y)
    sigma, xhat = values["sigma"], values["xhat"]
    page.given(values["mu"], sigma)
    d, up = pulled_back(y, x)
    m, k = sn.indices("m k")

    def claim(n: Any, c: Any, l: Any) -> Any:  # noqa: E741
        total, along = sn.sum(up[m, c, k], m, k), sn.sum(up[m, c, k] * xhat[m, c, k], m, k)
        return gamma[c] / (N * L * sigma[c]) * (N * L * up[n, c, l] - total - xhat[n, c, l] * along)

    page.derive(d, claim=claim, folded="The lines")


def _notes(page: Page, x: Any, gamma: Any, beta: Any) -> None:
    n, i, m = sn.indices("n i m")
    page.heading("The constant outside the root")
    page.prose(
        """Lecture notes often write $(x - \\mu)/(\\sigma + \\varepsilon)$. It is nearly the same layer and has another
        gradient: the last term is divided by $\\sigma$ alone. There the layer has no derivative where all entries of a
        feature are equal, since $\\sigma = 0$; with $\\varepsilon$ under the root it has one everywhere."""
    )
    mean = sn.define("mu", (i,), sn.sum(x[n, i], n) / N)
    sigma = sn.define("sigma", (i,), sqrt(sn.sum((x[n, i] - mean[i]) ** 2, n) / N))
    xhat = sn.define("xhat", (n, i), (x[n, i] - mean[i]) / (sigma[i] + eps))
    y = sn.define("y", (n, i), gamma[i] * xhat[n, i] + beta[i])
    page.given(sigma, xhat)
    d, up = pulled_back(y, x)

    def claim(n: Any, i: Any) -> Any:
        total, along = sn.sum(up[m, i], m), sn.sum(up[m, i] * xhat[m, i], m)
        return gamma[i] / N * ((N * up[n, i] - total) / (sigma[i] + eps) - xhat[n, i] * along / sigma[i])

    page.derive(d, claim=claim, against="the formula worked out by hand", folded="The lines")


def _inference(page: Page, x: Any, gamma: Any, beta: Any) -> None:
    page.heading("At inference")
    page.prose(
        """A trained network sees single examples, so running averages of the statistics stand in their place. They do
        not depend on the input, and what is left is an affine map of it, which may be merged into the layer before."""
    )
    mean, variance = sn.input("m", (D,)), sn.input("v", (D,), positive=True)
    y = sn.batch_norm_inference(x, mean, variance, eps=eps, gamma=gamma, beta=beta)
    values = computed(y)
    sigma = values["sigma"]
    page.given(sigma, values["xhat"], y)
    n, i = sn.indices("n i")
    page.equal(
        "a slope and an intercept",
        y[n, i], gamma[i] / sigma[i] * x[n, i] + (beta[i] - gamma[i] * mean[i] / sigma[i]),
    )  # fmt: skip
    d, up = pulled_back(y, x)
    page.derive(d, claim=lambda n, i: gamma[i] / sigma[i] * up[n, i])


ROW = Row("D1", "Batch norm", "Ioffe, Szegedy 2015, Batch Normalization, algorithm 1 and sec. 3.1", build)
