"""D2: layer, RMS, instance and group norm, and which of the norms keep the examples of a batch apart."""

from typing import Any

from sympy import KroneckerDelta

import symnn as sn
from symnn.gallery import Page, Row, computed, pulled_back

N, D, C, L, G, K = sn.dims("N D C L G K")
eps = sn.scalars("epsilon", positive=True)
n, m, i, j, k, l = sn.indices("n m i j k l")


def build() -> Page:
    page = Page("any sizes of batch, features, channels, groups and space")
    page.prose(
        """Batch norm takes its statistics over the examples, so it needs a large batch and behaves differently at test
        time. The norms here take theirs within one example. The sums of the backward pass then run over axes on
        which the scale $\\gamma$ may vary, and $\\gamma$ goes inside them."""
    )
    _layer(page)
    _rms(page)
    _instance(page)
    _group(page)
    _apart(page)
    return page


def _layer(page: Page) -> None:
    page.heading("Layer norm")
    x, gamma, beta = sn.input("x", (N, D)), sn.parameter("gamma", (D,)), sn.parameter("beta", (D,))
    y = sn.layer_norm(x, eps=eps, gamma=gamma, beta=beta)
    values = computed(y)
    sigma, xhat = values["sigma"], values["xhat"]
    page.given(*values.values(), words=("mean of one example", "its deviation", "standardised", "scaled and shifted"))
    page.heading("The scale and the shift", 2)
    scale, above = pulled_back(y, gamma)
    page.derive(scale, claim=lambda i: sn.sum(above[n, i] * xhat[n, i], n))
    shift, beyond = pulled_back(y, beta)
    page.derive(shift, claim=lambda i: sn.sum(beyond[n, i], n))
    page.heading("The input", 2)
    d, up = pulled_back(y, x)

    def claim(n: Any, i: Any) -> Any:
        mean, along = sn.sum(gamma[k] * up[n, k], k) / D, sn.sum(gamma[k] * up[n, k] * xhat[n, k], k) / D
        return (gamma[i] * up[n, i] - mean - xhat[n, i] * along) / sigma[n]

    page.derive(d, claim=claim, folded="The lines: through the mean, through the deviation, and directly")
    page.prose(
        """With $h = \\gamma\\, \\overline{y}$ this reads $\\overline{x} = (h - \\mathrm{mean}\\, h - \\hat{x}\\,
        \\mathrm{mean}(h \\hat{x}))/\\sigma$: batch norm's formula for one example, except that $\\gamma$ cannot be
        drawn out of the means, since it changes along the axis that they run over."""
    )


def _rms(page: Page) -> None:
    page.heading("RMSNorm")
    page.prose(
        """No mean is taken off, so nothing forces the gradient to have mean 0, and the term $\\mathrm{mean}\\, h$ is
        missing. The term along $\\hat{x}$ stays."""
    )
    x, gamma = sn.input("x", (N, D)), sn.parameter("gamma", (D,))
    y = sn.rms_norm(x, eps=eps, gamma=gamma)
    values = computed(y)
    r, xhat = values["r"], values["xhat"]
    page.given(*values.values())
    d, up = pulled_back(y, x)

    def claim(n: Any, i: Any) -> Any:
        along = sn.sum(gamma[k] * up[n, k] * xhat[n, k], k) / D
        return (gamma[i] * up[n, i] - xhat[n, i] * along) / r[n]

    page.derive(d, claim=claim)


def _instance(page: Page) -> None:
    page.heading("Instance norm")
    page.prose(
        """Each channel $c$ of each example is standardised over its positions $l$. The scale belongs to the channel and
        does not change along $l$, so it may stay outside the sums, as in batch norm."""
    )
    x, gamma, beta = sn.input("x", (N, C, L)), sn.parameter("gamma", (C,)), sn.parameter("beta", (C,))
    y = sn.instance_norm(x, eps=eps, gamma=gamma, beta=beta)
    values = computed(y)
    sigma, xhat = values["sigma"], values["xhat"]
    page.given(*values.values())
    d, up = pulled_back(y, x)

    def claim(n: Any, c: Any, l: Any) -> Any:  # noqa: E741
        total, along = sn.sum(up[n, c, k], k), sn.sum(up[n, c, k] * xhat[n, c, k], k)
        return gamma[c] / (L * sigma[n, c]) * (L * up[n, c, l] - total - xhat[n, c, l] * along)

    page.derive(d, claim=claim, folded="The lines")


def _group(page: Page) -> None:
    page.heading("Group norm")
    page.prose(
        """The channels are cut into groups $g$ of $K$ members $k$, and statistics are taken over a group and its
        positions. One group is layer norm over channels and space; one member in each is instance norm. The scale
        varies with $k$, so it is inside again."""
    )
    x = sn.input("x", (N, G, K, L))
    gamma, beta = sn.parameter("gamma", (G, K)), sn.parameter("beta", (G, K))
    y = sn.group_norm(x, eps=eps, gamma=gamma, beta=beta)
    values = computed(y)
    sigma, xhat = values["sigma"], values["xhat"]
    page.given(*values.values())
    d, up = pulled_back(y, x)

    def claim(n: Any, g: Any, k: Any, l: Any) -> Any:  # noqa: E741
        total = sn.sum(gamma[g, i] * up[n, g, i, j], i, j)
        along = sn.sum(gamma[g, i] * up[n, g, i, j] * xhat[n, g, i, j], i, j)
        return (gamma[g, k] * up[n, g, k, l] - total / (K * L) - xhat[n, g, k, l] * along / (K * L)) / sigma[n, g]

    page.derive(d, claim=claim, folded="The lines")


def _apart(page: Page) -> None:
    page.heading("Are the examples kept apart?")
    page.prose(
        """The whole Jacobian says it. In layer norm every entry carries $\\mathbb{1}[n = m]$: no example has a part in
        another one's output, so the layer does the same whatever else is in the batch."""
    )
    x, gamma, beta = sn.input("x", (N, D)), sn.parameter("gamma", (D,)), sn.parameter("beta", (D,))
    y = sn.layer_norm(x, eps=eps, gamma=gamma, beta=beta)
    v = computed(y)
    sigma, xhat = v["sigma"], v["xhat"]
    same = KroneckerDelta
    layer = page.derive(
        sn.derivative(y[n, i], x[m, j], keep=(xhat, sigma, v["mu"]), collect=1),
        claim=lambda n, i, m, j: (
            gamma[i] * same(n, m) * (D * same(i, j) - 1 - xhat[n, i] * xhat[n, j]) / (D * sigma[n])
        ),
        folded="Layer norm: the lines",
    )
    at, _, other, _ = layer.free
    page.equal(
        "0 between two examples", (1 - same(at, other)) * layer.result, 0,
        lead=r"\mathbb{1}[n \neq m]\; \frac{\partial y_{ni}}{\partial x_{mj}}",
    )  # fmt: skip
    page.prose("In batch norm the indicator is that of the features, and examples act on one another:")
    y = sn.batch_norm(x, eps=eps, gamma=gamma, beta=beta)
    v = computed(y)
    sigma, xhat = v["sigma"], v["xhat"]
    batch = page.derive(
        sn.derivative(y[n, i], x[m, j], keep=(xhat, sigma, v["mu"]), collect=1),
        claim=lambda n, i, m, j: (
            gamma[i] * same(i, j) * (N * same(n, m) - 1 - xhat[n, i] * xhat[m, i]) / (N * sigma[i])
        ),
        folded="Batch norm: the lines",
    )
    at, _, other, _ = batch.free
    seen = sn.prove_equal((1 - same(at, other)) * batch.result, 0)
    text = "; ".join(f"{heading} {line}" for heading, line in seen.rows() if heading in ("at", "entry", "values"))
    page.observed("batch norm: not 0 between two examples", seen.verdict == "refuted", text)


ROW = Row(
    "D2", "Layer, RMS, instance and group norm",
    "Ba, Kiros, Hinton 2016, Layer Normalization; Zhang, Sennrich 2019, Root Mean Square Layer Normalization; Ulyanov "
    "et al. 2016, Instance Normalization; Wu, He 2018, Group Normalization", build,
)  # fmt: skip
