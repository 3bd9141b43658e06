"""B2: the L1 penalty, the Laplace prior, and the soft threshold."""

import sympy
from sympy import Abs, Max, exp, log, sign

import symnn as sn
from symnn.gallery import Page, Row


def build() -> Page:
    page = Page("any shape of the weights")
    H, D = sn.dims("H D")
    lam, beta, Z = sn.scalars("lambda beta Z", positive=True)
    W = sn.parameter("W", (H, D))
    i, j = sn.indices("i j")
    omega = sn.l1(W, name="omega")

    page.heading("The gradient")
    page.given(omega)
    page.derive(
        sn.derivative(omega[()], W[i, j]),
        claim=lambda i, j: sn.indicator(W[i, j] > 0) - sn.indicator(W[i, j] < 0),
    )
    page.prose("Its size does not depend on the weight's; the gradient of the L2 penalty fades with the weight.")

    page.heading("It is a Laplace prior")
    page.prose("Let every weight have the density $e^{-|W_{ij}| / \\beta} / Z$ with $Z = 2 \\beta$, independently.")
    density = exp(-Abs(W[i, j]) / beta) / Z
    prior = sn.define("P", (), -sn.sum(log(density), i, j), latex="R")
    page.given(prior)
    page.derive(sn.derivative(prior[()], W[i, j]), claim=lambda i, j: sign(W[i, j]) / beta)
    page.prose("With $\\lambda = 1/\\beta$ it is the gradient of $\\lambda\\, \\Omega$, and they differ by a constant:")
    page.equal("the same function up to a constant", prior[()] - omega[()] / beta, H * D * log(Z))

    page.heading("The soft threshold")
    page.prose(
        """One weight $w$ that the data want at $a$: minimise $J(w) = (w-a)^2/2 + \\lambda |w|$. Away from 0 its
        derivative is"""
    )
    w, a = sn.parameter("w", ()), sn.input("a", ())
    J = sn.define("J", (), (w[()] - a[()]) ** 2 / 2 + lam * Abs(w[()]))
    x, t = w[()], a[()]
    page.derive(sn.derivative(J[()], x), claim=x - t + lam * sign(x))
    page.prose("Claimed: the only minimum is at the soft threshold of $a$, exactly 0 wherever $|a| \\leq \\lambda$.")
    soft = sn.define("S", (), sign(t) * Max(0, Abs(t) - lam))
    page.given(soft)
    inside = sn.indicator(lam >= Abs(t))
    page.equal("it is 0 where $|a| \\leq \\lambda$", inside * soft[()], 0, count=12)

    def value(at: sympy.Expr) -> sympy.Expr:
        return (at - t) ** 2 / 2 + lam * Abs(at)

    apart = sn.indicator(t > 0) * sn.indicator(x < 0) + sn.indicator(t < 0) * sn.indicator(x > 0)
    page.prose(
        """That it is the minimum is proved by writing $J(w) - J(S)$ as a sum of terms that cannot be negative, without
        calculus, so the kink at 0 does no harm. First where $|a| \\leq \\lambda$, $S = 0$: """
    )
    page.at_least(
        "0 is the minimum",
        inside * (value(x) - value(sympy.Integer(0))),
        0,
        inside * (x**2 / 2 + 2 * Abs(t) * Abs(x) * apart) + inside * (lam - Abs(t)) * Abs(x),
    )
    page.prose("then where $a > \\lambda$, $S = a - \\lambda$; the case $a < -\\lambda$ is its mirror image:")
    above = sn.indicator(t > lam)
    page.equal("$S$ where $a > \\lambda$", above * soft[()], above * (t - lam), count=12)
    page.at_least(
        "$a - \\lambda$ is the minimum",
        above * (value(x) - value(t - lam)),
        0,
        above * ((x - t + lam) ** 2 / 2 + 2 * lam * Abs(x) * sn.indicator(x < 0)),
    )
    below = sn.indicator(t < -lam)
    page.equal("$S$ where $a < -\\lambda$", below * soft[()], below * (t + lam), count=12)
    page.at_least(
        "$a + \\lambda$ is the minimum",
        below * (value(x) - value(t + lam)),
        0,
        below * ((x - t - lam) ** 2 / 2 + 2 * lam * Abs(x) * sn.indicator(x > 0)),
    )
    page.prose("In each case the square is 0 at $S$ alone, so the minimum is unique.")

    page.heading("L2 never gives an exact 0")
    page.prose("With $\\lambda w^2$ in place of $\\lambda |w|$ the derivative is linear in $w$:")
    J2 = sn.define("Q", (), (x - t) ** 2 / 2 + lam * x**2)
    d = page.derive(sn.derivative(J2[()], x), claim=x - t + 2 * lam * x)
    page.equal("it vanishes at one point only", d.result, (1 + 2 * lam) * (x - t / (1 + 2 * lam)))
    least = t / (1 + 2 * lam)
    page.at_least(
        "which is the minimum",
        J2[()] - ((least - t) ** 2 / 2 + lam * least**2),
        0,
        (1 + 2 * lam) / 2 * (x - least) ** 2,
    )
    page.prose("The minimum $a/(1+2\\lambda)$ shrinks $a$ and is 0 only where $a$ is.")
    return page


ROW = Row(
    "B2", "L1 penalty, Laplace prior, soft threshold",
    "Tibshirani 1996, Regression shrinkage and selection; Donoho 1995, De-noising by soft-thresholding", build,
)  # fmt: skip
