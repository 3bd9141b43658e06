"""A12: the Jacobian of the softmax, and its product with a gradient."""

import sympy

import symnn as sn
from symnn.gallery import Page, Row


def build() -> Page:
    page = Page("any number of classes $C$")
    C = sn.dims("C")
    a = sn.input("a", (C,))
    p = sn.softmax(a, name="p")
    c, k = sn.indices("c k")

    page.heading("Given")
    page.given(p, words=("softmax",))
    page.heading("The Jacobian")
    d = page.derive(sn.derivative(p[c], a[k]), claim=lambda c, k: sympy.KroneckerDelta(c, k) * p[c] - p[c] * p[k])
    to, by = d.free
    page.prose(
        """It is symmetric, and its rows and columns sum to 0: adding one number to all logits changes nothing, and
        probabilities that sum to 1 can only be exchanged."""
    )
    page.equal("rows sum to 0", sn.sum(d.result, by), 0)
    page.equal("columns sum to 0", sn.sum(d.result, to), 0)
    page.prose(
        """It is a covariance, that of a one-hot vector drawn with probabilities $p$, so it is positive semidefinite.
        Its quadratic form is a variance:"""
    )
    u = sn.input("u", (C,))
    mean = sn.define("m", (), sn.sum(p[k] * u[k], k))
    page.at_least(
        "the quadratic form is the variance of $u$",
        sn.sum(u[to] * d.result * u[by], to, by),
        0,
        sn.sum(p[c] * (u[c] - mean[()]) ** 2, c),
    )
    page.formula(r"m = \sum_{k} p_{k} u_{k}", "with the mean")

    page.heading("Times a gradient")
    page.prose("Backpropagation never builds the matrix: its product with a gradient $\\bar{p}$ takes one dot product.")
    v = sn.vjp(p, a, upstream="dp")
    assert v.upstream is not None
    v.upstream.latex = r"\bar{p}"
    page.derive(v, claim=lambda c: p[c] * (v.upstream[c] - sn.sum(p[k] * v.upstream[k], k)))
    return page


ROW = Row(
    "A12", "Jacobian of the softmax",
    "Bridle 1990, Training stochastic model recognition algorithms as networks, NIPS 2", build,
)  # fmt: skip
