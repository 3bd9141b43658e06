"""B3: the expected squared error is squared bias plus variance plus noise; averaging and shrinking an estimator."""

import symnn as sn
from symnn.gallery import Page, Row

f, m, theta = sn.scalars("f m theta")
sigma, v = sn.scalars("sigma v", positive=True)


def build() -> Page:
    page = Page("any law of the noise and of the estimator that has a variance")
    _decomposition(page)
    _averaging(page)
    _shrinking(page)
    return page


def _decomposition(page: Page) -> None:
    page.prose(
        """At one input, a fixed one, the target is $y = f + \\varepsilon$, a true value and noise. An estimator
        $\\hat{f}$ was fitted to a random training set, so it is random as well."""
    )
    page.heading("Given")
    noise, fhat = sn.input("epsilon", ()), sn.input("fhat", (), latex=r"\hat{f}")
    laws = {noise: sn.laws.any_law(0, sigma**2), fhat: sn.laws.any_law(m, v)}
    y = sn.define("y", (), f + noise[()])
    page.given(y)
    page.prose(
        """Assumed: the noise has mean 0 and variance $\\sigma^2$; the estimator has mean $m$ and variance $v$ over the
        training sets; the noise of this target is independent of the training set. Nothing else is assumed of
        either law."""
    )
    e, g = noise[()], fhat[()]

    page.heading("The three parts")
    page.prose("The bias $B$ is how far the estimator is off on average:")
    bias = sn.define("B", (), m - f)
    page.given(bias)
    sample = {f: 0.7, m: 1.2, sigma: 0.8, v: 0.3}
    page.moment(sn.expectation(g - f, laws), claim=m - f, against="the bias", sample=sample)
    page.prose("Its variance, and that of the noise, are those of the laws. The error $y - \\hat{f}$ has both:")
    page.moment(sn.variance(y[()] - g, laws), claim=v + sigma**2, against="variance plus noise", sample=sample)

    page.heading("The decomposition")
    page.prose(
        """Write the error with $\\hat{f} - m$, which has mean 0, and open the square. Three squares are left, and three
        products of two factors that have nothing to do with each other."""
    )
    B = bias[()]
    squares = e**2 + B**2 + (g - m) ** 2
    products = 2 * B * (g - m) - 2 * B * e - 2 * e * (g - m)
    page.steps(
        ((y[()] - g) ** 2, ""),
        ((e - B - (g - m)) ** 2, "definition of y and B"),
        (squares + products, "the square, opened"),
    )
    page.prose("The products have expectation 0: $\\varepsilon$ and $\\hat{f} - m$ are independent with mean 0.")
    page.moment(sn.expectation(products, laws), claim=0, against="no mixed part")
    page.prose("The squares are the three parts:")
    page.moment(sn.expectation(squares, laws), claim=B**2 + v + sigma**2, against="squared bias, variance, noise")
    page.prose("The whole, taken by the engine in one go, through joint cumulants and none of these lines:")
    page.moment_of(
        "squared bias, variance, noise", sn.expectation((y[()] - g) ** 2, laws), B**2 + v + sigma**2,
        lead=r"\mathbb{E}\left[(y - \hat{f})^{2}\right]",
    )  # fmt: skip
    page.prose(
        """No estimator gets below the noise. The other two can be traded for each other, as the next two estimators
        show."""
    )


def _averaging(page: Page) -> None:
    K = sn.dims("K")
    k = sn.index("k", K)
    noise, fhat = sn.input("epsilon", ()), sn.input("fhat", (K,), latex=r"\hat{f}")
    laws = {noise: sn.laws.any_law(0, sigma**2), fhat: sn.laws.any_law(m, v)}
    mean = sn.define("fbar", (), sn.sum(fhat[k], k) / K, latex=r"\bar{f}")
    page.heading("Averaging leaves the bias and divides the variance")
    page.prose(
        """Let $K$ estimators be fitted to $K$ independent training sets (assumed), and take their mean. With one
        training set resampled, as in bagging, they are not independent and the variance falls less."""
    )
    page.given(mean)
    sample = {K: 5, m: 1.2, v: 0.3}
    page.moment(sn.expectation(mean[()], laws), claim=m, against="the same mean", sample=sample)
    page.moment(sn.variance(mean[()], laws), claim=v / K, against="the variance over K", sample=sample)
    page.moment_of(
        "squared bias, less variance, noise",
        sn.expectation((f + noise[()] - mean[()]) ** 2, laws), (m - f) ** 2 + v / K + sigma**2,
        lead=r"\mathbb{E}\left[(y - \bar{f})^{2}\right]",
    )  # fmt: skip


def _shrinking(page: Page) -> None:
    N = sn.dims("N")
    n = sn.index("n", N)
    data, c = sn.input("y", (N,)), sn.parameter("c", ())
    laws = {data: sn.laws.any_law(theta, sigma**2)}
    shrunk = sn.define("theta_hat", (), c[()] * sn.sum(data[n], n) / N, latex=r"\hat{\theta}")
    page.heading("Shrinking buys variance with bias")
    page.prose(
        """A number $\\theta$ is estimated from $N$ independent measurements with this mean and the variance
        $\\sigma^2$: by their mean, times a factor $c$."""
    )
    page.given(shrunk)
    bias = page.moment(sn.expectation(shrunk[()] - theta, laws), claim=(c[()] - 1) * theta, against="the bias")
    var = page.moment(sn.variance(shrunk[()], laws), claim=c[()] ** 2 * sigma**2 / N, against="the variance")
    page.prose("The risk is the sum of squared bias and variance, and a parabola in $c$:")
    risk = sn.define("R", (), bias.value**2 + var.value)
    page.given(risk)
    page.derive(
        sn.derivative(risk[()], c[()]), claim=2 * c[()] * sigma**2 / N - 2 * (1 - c[()]) * theta**2,
    )  # fmt: skip
    best = theta**2 / (theta**2 + sigma**2 / N)
    page.at_least(
        "the best factor is $\\theta^2 / (\\theta^2 + \\sigma^2 / N)$",
        risk[()], (1 - best) ** 2 * theta**2 + best**2 * sigma**2 / N,
        (theta**2 + sigma**2 / N) * (c[()] - best) ** 2,
        lead=r"R(c) - R\left(\frac{\theta^{2}}{\theta^{2} + \sigma^{2}/N}\right)",
    )  # fmt: skip
    page.prose(
        """The best factor is below 1: the unbiased estimator, $c = 1$, never has the least risk. It depends on the
        unknown $\\theta$, so in practice it is chosen by validation, and it tends to 1 as $N$ grows."""
    )


ROW = Row(
    "B3", "Bias and variance",
    "Geman, Bienenstock, Doursat 1992, Neural networks and the bias/variance dilemma, sec. 3", build,
)  # fmt: skip
