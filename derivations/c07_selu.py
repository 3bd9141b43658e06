"""C7: the constants of SELU, solved for as a fixed point, and its stability."""

import mpmath
import sympy
from sympy import erf, exp, pi, sqrt

import symnn as sn
from symnn.gallery import Page, Row
from symnn.theory.panels import Raw

#: Klambauer et al. 2017 publish more digits in their code; those of the two constants, to 30.
SCALE, ALPHA = "1.05070098735548049341933498529", "1.67326324235437728481704299167"


def build() -> Page:
    page = Page("one Gaussian pre-activation, weights of mean 0 and variance $1/n$")
    page.prose(
        """SELU is $\\lambda z$ above 0 and $\\lambda \\alpha (e^z - 1)$ below. Its two constants are chosen so that
        values of mean 0 and variance 1 come out with mean 0 and variance 1 again. Both conditions are Gaussian
        integrals with a closed form."""
    )
    lam, alpha = sn.scalars("lambda alpha", positive=True)
    z = sympy.Symbol("z", real=True)
    g = lam * sympy.Piecewise((z, z > 0), (alpha * (sympy.exp(z) - 1), True))
    page.heading("The two conditions")
    mean, second = sn.gaussian_mean(g, z), sn.gaussian_mean(g**2, z)
    tail, twice = exp(sympy.Rational(1, 2)) * (1 - erf(1 / sqrt(2))), exp(2) * (1 - erf(sqrt(2)))
    page.equal(
        "the mean, by hand", mean.closed, lam / sqrt(2 * pi) + lam * alpha * (tail - 1) / 2, lead=r"\mathbb{E}[g(z)]"
    )
    page.equal(
        "the second moment, by hand", second.closed, lam**2 / 2 + lam**2 * alpha**2 * (twice - 2 * tail + 1) / 2,
        lead=r"\mathbb{E}[g(z)^2]",
    )  # fmt: skip
    page.integrals("both moments", (Raw(g, z), mean.closed), (Raw(g**2, z), second.closed))
    page.heading("Solved")
    page.prose(
        """The first is linear in $\\alpha$, and $\\lambda$ drops out of it; the second is then solved for $\\lambda$.
        So there is one positive solution."""
    )
    found = sn.selu_constants(30)
    with mpmath.workdps(40):
        page.table(
            ("constant", "solved for", "published"),
            [("lambda", mpmath.nstr(found.scale, 30), SCALE), ("alpha", mpmath.nstr(found.alpha, 30), ALPHA)],
        )
        close = max(abs(found.scale - mpmath.mpf(SCALE)), abs(found.alpha - mpmath.mpf(ALPHA)))
        left = max(abs(r) for r in found.residuals)
        page.observed(
            "both constants agree with the published ones to 30 digits", close < mpmath.mpf("1e-29"),
            f"differences below {mpmath.nstr(close, 2)}; the equations are met to {mpmath.nstr(left, 2)}",
        )  # fmt: skip
    page.heading("Does the fixed point attract?")
    page.prose(
        """With weights of mean 0 the next layer's pre-activations have mean 0 whatever the mean of the values, and
        variance $v + m^2$. The map $(m, v) \\mapsto$ (mean, variance) of the next layer's values has at $(0, 1)$ the
        Jacobian below. Both eigenvalues lie within the unit circle: small deviations die out with depth."""
    )
    rows = [tuple(mpmath.nstr(entry, 8) for entry in row) for row in found.jacobian]
    page.table(("by the mean", "by the variance"), rows)
    sizes = [abs(float(e)) for e in found.eigenvalues]
    page.observed("stable", found.stable, f"eigenvalues of size {sizes[0]:.4f} and {sizes[1]:.4f}, both below 1")
    q = sympy.Symbol("q", positive=True)
    nu = sympy.lambdify((q, lam, alpha), sn.gaussian_mean(g**2, z, variance=q).closed, "mpmath")
    with mpmath.workdps(30):
        step = mpmath.mpf("1e-10")
        ends = [nu(1 + sign * step, found.scale, found.alpha) for sign in (1, -1)]
        slope = float((ends[0] - ends[1]) / (2 * step))
    page.observed(
        "the slope once more, from the closed form at any variance", min(abs(slope - s) for s in sizes) < 1e-9,
        f"d E[g(sqrt(q) z)^2]/dq at q = 1 is {slope:.10f}",
    )  # fmt: skip
    return page


ROW = Row(
    "C7", "Constants of SELU", "Klambauer et al. 2017, Self-Normalizing Neural Networks, sec. 3 and app. A", build
)
