"""C3: mean and variance of a pre-activation, by the lecture's steps."""

import sympy

import symnn as sn
from symnn.gallery import Page, Row

D, H = sn.dims("D H")
i, j = sn.indices("i j")
at = sn.index("i", H)


def build() -> Page:
    page = Page("any number $D$ of inputs and $H$ of units")
    s2, v, m, w = sn.scalars("s2 v m w", positive=True)
    W, x = sn.parameter("W", (H, D)), sn.input("x", (D,))
    z = sn.define("z", (i,), sn.sum(W[i, j] * x[j], j))
    page.prose(
        """A unit adds up its inputs, each times a weight. Let the weights be independent of each other and of the
        inputs, with mean 0 and variance $s_2$. What are mean and variance of the sum?"""
    )
    page.heading("Given")
    page.given(z)
    page.heading("The mean is 0")
    random = {W: sn.laws.symmetric(s2), x: sn.laws.any_law(m, v)}
    page.moment(sn.expectation(z[at], random), claim=0)
    page.heading("The variance")
    page.prose(
        """The inputs may have any law with mean $m$ and variance $v$. What counts is their second moment, $v + m^2$,
        and not their variance: a mean that is not 0 makes the next layer vary more."""
    )
    page.moment(
        sn.variance(z[at], random), claim=D * s2 * (v + m**2), against="the lecture's d Var(W) E[x^2]",
        sample={D: 5, H: 2, s2: 0.7, v: 1.3, m: 0.4},
    )  # fmt: skip
    page.heading("Weights whose mean is not 0", 2)
    page.prose(
        """With a mean $w$ of the weights the two other terms of the product formula stay, and the units of a layer are
        no longer uncorrelated: they share the inputs."""
    )
    shifted = {W: sn.laws.gaussian(s2, w), x: sn.laws.any_law(0, v)}
    page.moment(sn.variance(z[at], shifted), claim=D * v * (s2 + w**2), sample={D: 4, H: 2, s2: 0.6, v: 1.1, w: 0.8})
    k = sn.index("k", H)
    page.moment(sn.covariance(z[at], z[k], shifted), claim=D * v * (w**2 + s2 * sympy.KroneckerDelta(at, k)))

    page.heading("Where entries are not independent")
    page.prose(
        """The formulas rest on independence. The inputs of a second layer depend on the weights of the first, so they
        are independent of the second layer's weights only, and of each other only as an assumption; pages that use
        these formulas layer by layer list it as one."""
    )
    return page


ROW = Row(
    "C3", "Forward variance of a layer",
    "Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 5; He et al. "
    "2015, Delving Deep into Rectifiers, eq. 6 to 8", build,
)  # fmt: skip
