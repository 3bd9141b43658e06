"""C11: how the correlation of two inputs passes a layer: the kernels of relu and of the error function."""

import sympy
from sympy import asin, pi, sqrt

import symnn as sn
from symnn.gallery import Page, Row
from symnn.theory.integration.scalar import derivative
from symnn.theory.panels import Raw


def build() -> Page:
    page = Page("two Gaussian pre-activations $u, v$ of any variances and correlation")
    su, sv = sn.scalars("s_u s_v", positive=True)
    rho = sn.scalars("rho")
    z = sympy.Symbol("z", real=True)
    page.prose(
        """In a wide network two inputs reach a layer as two Gaussian numbers, $u$ and $v$, with variances and a
        covariance. What they become in the next layer is $\\mathbb{E}[g(u) g(v)]$: a kernel, which takes the place of
        the whole layer. It is worked out by taking the mean over $v$ for given $u$ first, whose law is Gaussian too."""
    )
    page.heading("Rectifier")
    relu = sympy.Max(0, z)
    found = sn.gaussian_product(relu, relu, z, variances=(1, 1), correlation=rho)
    turned = pi / 2 + asin(rho)
    page.prose(
        """With $\\theta = \\arccos \\rho$ the angle between the two inputs, $\\sin \\theta = \\sqrt{1 - \\rho^2}$,
        $\\cos \\theta = \\rho$ and $\\pi - \\theta = \\pi/2 + \\arcsin \\rho$, the kernel
        $(\\sin \\theta + (\\pi - \\theta) \\cos \\theta) / 2\\pi$ reads"""
    )
    page.equal(
        "the arc-cosine kernel of degree 1", su * sv * found.closed,
        su * sv / (2 * pi) * (sqrt(1 - rho**2) + turned * rho), lead=r"\mathbb{E}[\max(0, u) \max(0, v)]",
    )  # fmt: skip
    page.prose(
        """A rectifier is homogeneous, so the standard deviations come out in front. At $\\rho = 1$ the kernel is half
        the variance, which is Kaiming's condition; its derivative there says how fast two nearby inputs approach."""
    )
    page.equal("at equal inputs", sympy.limit(found.closed, rho, 1), sympy.Rational(1, 2), lead="k(1)")
    step = sn.gaussian_product(sympy.Heaviside(z), sympy.Heaviside(z), z, variances=(1, 1), correlation=rho)
    page.equal(
        "of degree 0: the kernel of its derivative", step.closed, turned / (2 * pi),
        lead=r"\mathbb{E}[g'(u)\, g'(v)]",
    )  # fmt: skip
    page.equal(
        "the derivative of the one by the correlation is the other", derivative(found.closed, rho), step.closed,
        lead=r"\frac{\partial}{\partial \rho} \mathbb{E}[g(u)\, g(v)]",
    )  # fmt: skip

    positive, at = sympy.Heaviside(z), (sympy.Rational(-9, 10), sympy.Rational(1, 5), sympy.Rational(4, 5))
    page.integrals(
        "both kernels, three correlations",
        *((Raw(f, z, f, correlation=rho, values={rho: r}), kernel.closed)
          for f, kernel in ((relu, found), (positive, step)) for r in at),
    )  # fmt: skip

    page.heading("Error function")
    page.prose("Here the variances do not come out in front: the error function bounds what passes.")
    k11, k22 = sn.scalars("k_11 k_22", positive=True)
    smooth = sn.gaussian_product(sympy.erf(z), sympy.erf(z), z, variances=(k11, k22), correlation=rho)
    k12 = rho * sqrt(k11 * k22)
    page.equal(
        "the arcsine kernel", smooth.closed, 2 / pi * asin(2 * k12 / sqrt((1 + 2 * k11) * (1 + 2 * k22))),
        lead=r"\mathbb{E}[\operatorname{erf}(u) \operatorname{erf}(v)]",
    )  # fmt: skip
    bend = sympy.erf(z)
    page.integrals(
        "the kernel, three correlations",
        *((Raw(bend, z, bend, (k11, k22), rho, {rho: r, k11: 0.7, k22: 2}), smooth.closed) for r in at),
    )
    return page


ROW = Row(
    "C11", "Kernels of wide layers",
    "Cho, Saul 2009, Kernel Methods for Deep Learning, eq. 3 to 6; Williams 1997, Computing with Infinite Networks, "
    "eq. 11", build,
)  # fmt: skip
