"""B1: the L2 penalty and the Gaussian prior."""

from sympy import exp, log

import symnn as sn
from symnn.gallery import Page, Row, result_at

LEFT = {
    "W1": r"\frac{\partial J}{\partial W^{(1)}_{ij}}",
    "b1": r"\frac{\partial J}{\partial b^{(1)}_{i}}",
}


def build() -> Page:
    page = Page("any network, any widths")
    N, D, H, C = sn.dims("N D H C")
    lam, sigma, Z = sn.scalars("lambda sigma Z", positive=True)
    x = sn.input("x", (N, D))
    y = sn.labels("y", (N,), C)
    a = sn.dense(x, C, name="1")
    loss = sn.cross_entropy(sn.softmax(a, name="f"), y, name="l")
    net = sn.Network(loss)
    W = net["W1"]
    i, j = sn.indices("i j")
    omega = sn.l2(loss, name="omega")

    page.prose(
        """The penalty is the sum of the squares of the weights, $\\Omega = \\sum_{ij} W_{ij}^2$. Biases are left out:
        they shift what a unit computes and do not bend it, and with few of them there is little to overfit."""
    )
    page.heading("The gradient")
    page.given(omega)
    page.derive(sn.derivative(omega[()], W[i, j]), claim=lambda i, j: 2 * W[i, j])
    page.heading("On weights only", 2)
    page.prose(
        """The weights are collected from a network with a bias. In $J = \\ell + \\lambda\\, \\Omega$ the gradient
        by the weights gains $2 \\lambda W$, the gradient by the bias nothing:"""
    )
    whole = sn.Network(sn.define("J", (), loss[()] + lam * omega[()]))
    words = {"W1": "by the weights", "b1": "by the biases"}
    for name in words:
        d, plain = whole.gradient(name), net.gradient(name)
        more = 2 * lam * W[d.free] if name == "W1" else 0
        page.equal(words[name], d.result, result_at(plain, *d.free) + more, lead=LEFT[name])

    page.heading("It is a Gaussian prior")
    page.prose(
        """Let every weight have, before any data, the density of a normal law with mean 0 and variance $\\sigma^2$,
        independently: $e^{-W_{ij}^2 / (2 \\sigma^2)} / Z$ with $Z = \\sqrt{2 \\pi}\\, \\sigma$. The negative
        logarithm of the prior is"""
    )
    density = exp(-(W[i, j] ** 2) / (2 * sigma**2)) / Z
    prior = sn.define("P", (), -sn.sum(log(density), i, j), latex="R")
    page.given(prior)
    page.derive(sn.derivative(prior[()], W[i, j]), claim=lambda i, j: W[i, j] / sigma**2)
    page.prose(
        """That is the gradient of $\\lambda\\, \\Omega$ for $\\lambda = 1/(2\\sigma^2)$, and the two differ by a
        constant: maximising the posterior is minimising the penalised loss."""
    )
    page.equal(
        "the same gradient", result_at(sn.derivative(prior[()], W[i, j]), i, j),
        result_at(sn.derivative(omega[()], W[i, j]), i, j) / (2 * sigma**2),
        lead=r"\frac{\partial R}{\partial W^{(1)}_{ij}}",
    )  # fmt: skip
    K, M = W.shape
    page.equal(
        "the same function up to a constant",
        prior[()] - omega[()] / (2 * sigma**2),
        K * M * log(Z),
    )
    return page


ROW = Row(
    "B1", "L2 penalty and Gaussian prior", "Krogh, Hertz 1992, A simple weight decay can improve generalization", build
)
