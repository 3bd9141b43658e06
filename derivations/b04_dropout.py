"""B4: dropout: mean and variance of a unit's output, and the ridge penalty that the expected squared loss contains."""

from typing import Any

import numpy as np

import symnn as sn
from symnn.gallery import Page, Row

N, D = sn.dims("N D")
n, j, k = sn.index("n", N), sn.index("j", D), sn.index("k", D)
p = sn.scalars("p", positive=True)
MASK = sn.laws.bernoulli(p)


def build() -> Page:
    page = Page("a linear unit with any number $D$ of inputs; any number $N$ of examples")
    page.prose(
        """While training, every input of a unit is kept with probability $p$ and put to 0 otherwise. Assumed: the masks
        $m$ are 0 or 1, $P(m = 1) = p$, independent of each other, between inputs and between examples, and of the
        data; inputs, targets and weights are held fixed."""
    )
    _one_unit(page)
    _expected_loss(page)
    _inverted(page)
    _same_problem(page)
    _sampled(page)
    return page


def _one_unit(page: Page) -> None:
    page.heading("The output of a unit")
    x, w, b, m = sn.input("x", (D,)), sn.parameter("w", (D,)), sn.parameter("b", ()), sn.input("m", (D,))
    z = sn.define("z", (), b[()] + sn.sum(m[j] * x[j] * w[j], j))
    page.given(z)
    laws = {m: MASK}
    mean = b[()] + p * sn.sum(x[j] * w[j], j)
    middle = page.moment(sn.expectation(z[()], laws), claim=mean, against="p times the weighted sum")
    page.prose(
        "At test time nothing is dropped, and with weights multiplied by $p$ the unit computes this mean. It varies by"
    )
    spread = sn.sum(x[j] ** 2 * w[j] ** 2, j)
    about = page.moment(sn.variance(z[()], laws), claim=p * (1 - p) * spread, against="p(1-p) times a sum of squares")
    page.prose("Against a target $t$ both count: the expected square is the square of the mean, plus the variance.")
    t = sn.input("t", ())
    page.moment_of(
        "square of the mean, plus variance", sn.expectation((t[()] - z[()]) ** 2, laws),
        (t[()] - middle.value) ** 2 + about.value, lead=r"\mathbb{E}\left[(t - z)^{2}\right]",
    )  # fmt: skip
    page.prose("Inverted dropout divides by $p$ while training. The mean is then the undisturbed output,")
    q = sn.define("z", (), b[()] + sn.sum(m[j] * x[j] * w[j] / p, j))
    page.given(q)
    page.moment(
        sn.expectation(q[()], laws), claim=b[()] + sn.sum(x[j] * w[j], j), against="the output without a mask"
    )  # fmt: skip
    page.moment(sn.variance(q[()], laws), claim=(1 - p) / p * spread, against="(1-p)/p times a sum of squares")


def _data() -> tuple[Any, Any, Any, Any]:
    return sn.input("X", (N, D)), sn.input("t", (N,)), sn.parameter("w", (D,)), sn.input("m", (N, D))


def _expected_loss(page: Page) -> None:
    page.heading("The expected squared loss")
    page.prose("A linear model, a mask for every example, no scaling:")
    X, t, w, m = _data()
    z = sn.define("z", (n,), sn.sum(m[n, j] * X[n, j] * w[j], j))
    J = sn.define("J", (), sn.sum((t[n] - z[n]) ** 2, n))
    page.given(z, J)
    page.prose(
        """For each example the mean and the variance are those of above. The engine takes the expectation of $J$ as a
        whole, through joint cumulants. Claimed: the loss of the mean model, in which the weights are multiplied by
        $p$, and a ridge penalty."""
    )
    fit = sn.sum((t[n] - p * sn.sum(X[n, j] * w[j], j)) ** 2, n)
    size = sn.define("S", (j,), sn.sum(X[n, j] ** 2, n), latex="s")
    page.given(size, words=("the diagonal of $X^\\top X$",))
    whole = page.moment_of(
        "fit $p X w$, with ridge", sn.expectation(J[()], {m: MASK}),
        fit + p * (1 - p) * sn.sum(size[j] * w[j] ** 2, j), lead=r"\mathbb{E}[J]",
    )  # fmt: skip
    page.prose(
        """The penalty is $p (1 - p)\\, w^\\top \\mathrm{diag}(X^\\top X)\\, w$: ridge regression with a weight for each
        input, largest for inputs that are large, as if they had been standardised first. Without dropout, $p = 1$, it
        is 0. The gradient of the expected loss:"""
    )
    expected = sn.define("R", (), whole)
    page.derive(
        sn.derivative(expected[()], w[k]),
        claim=lambda i: (
            -2 * p * sn.sum(X[n, i] * (t[n] - p * sn.sum(X[n, j] * w[j], j)), n) + 2 * p * (1 - p) * size[i] * w[i]
        ),
        against="the normal equations with ridge", folded="The gradient of the expected loss, line by line",
    )  # fmt: skip


def _inverted(page: Page) -> None:
    page.heading("Inverted dropout")
    page.prose("With the mask divided by $p$ the fit is that of the undisturbed model, and the penalty another:")
    X, t, w, m = _data()
    z = sn.define("z", (n,), sn.sum(m[n, j] * X[n, j] * w[j] / p, j))
    J = sn.define("J", (), sn.sum((t[n] - z[n]) ** 2, n))
    page.given(z, J)
    size = sn.define("S", (j,), sn.sum(X[n, j] ** 2, n), latex="s")
    fit = sn.sum((t[n] - sn.sum(X[n, j] * w[j], j)) ** 2, n)
    page.moment_of(
        "fit $X w$, with ridge", sn.expectation(J[()], {m: MASK}),
        fit + (1 - p) / p * sn.sum(size[j] * w[j] ** 2, j), lead=r"\mathbb{E}[J]",
    )  # fmt: skip


def _same_problem(page: Page) -> None:
    page.heading("One problem, two scales")
    page.prose("Write the unscaled problem in the weights $v = p w$ of its mean model. It is the inverted one:")
    X, t, _, _ = _data()
    size, v = sn.define("S", (j,), sn.sum(X[n, j] ** 2, n), latex="s"), sn.parameter("v", (D,))
    w = sn.define("w", (j,), v[j] / p)
    page.given(w)
    unscaled = sn.sum((t[n] - p * sn.sum(X[n, j] * w[j], j)) ** 2, n) + p * (1 - p) * sn.sum(size[j] * w[j] ** 2, j)
    page.equal(
        "the same function",
        unscaled,
        sn.sum((t[n] - sn.sum(X[n, j] * v[j], j)) ** 2, n) + (1 - p) / p * sn.sum(size[j] * v[j] ** 2, j),
        lead=r"\mathbb{E}[J]",
    )
    page.prose(
        """So $(1 - p)/p$ is the strength of the penalty. This is exact for a linear model and the squared loss; through
        a nonlinear layer the mean is not the output at the mean, and dropping whole units of a deep network is no
        ridge penalty."""
    )


def _sampled(page: Page) -> None:
    """Draw masks, and compare the mean loss with the two formulas."""
    page.heading("Sampled")
    page.prose("Random data, 6 examples with 4 inputs; the mean loss over 200 000 seeded draws of masks:")
    rng = np.random.default_rng(8)
    X, t, w = rng.normal(size=(6, 4)), rng.normal(size=6), rng.normal(size=4)
    for keep in (0.5, 0.8):
        mask = rng.random((200_000, 6, 4)) < keep
        for inverted in (False, True):
            scale = 1 / keep if inverted else 1.0
            losses = ((t - scale * ((mask * X) @ w)) ** 2).sum(axis=1)
            share = (1 - keep) / keep if inverted else keep * (1 - keep)
            predicted = ((t - keep * scale * X @ w) ** 2).sum() + share * w @ (np.diag(X.T @ X) * w)
            error = losses.std(ddof=1) / np.sqrt(len(losses))
            close = bool(abs(losses.mean() - predicted) < 4 * error)
            page.observed(
                f"{'inverted' if inverted else 'unscaled'}, $p = {keep}$", close,
                f"{losses.mean():.4f} +- {error:.4f}, predicted {predicted:.4f}, within 4 standard errors",
            )  # fmt: skip


ROW = Row(
    "B4", "Dropout and ridge",
    "Srivastava et al. 2014, Dropout, sec. 9.1; Wager, Wang, Liang 2013, Dropout training as adaptive regularization",
    build,
)  # fmt: skip
