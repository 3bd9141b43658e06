"""C9: singular values of the Jacobian: all ones for orthogonal linear nets, near one for tanh, not for relu."""

from typing import Any

import numpy as np
from sympy import KroneckerDelta, Rational

import symnn as sn
from symnn.gallery import Page, Row
from symnn.theory.propagation import predict
from symnn.theory.propagation_picture import Curve, chart
from symnn.theory.propagation_spectrum import singular_values

n = sn.dims("n")
WIDTH, DEPTH = 64, 20
#: Smaller singular values are not drawn; those below 1e-15 are rounding.
LEAST = 1e-4
SHARES = [(k + 0.5) / WIDTH for k in range(WIDTH)]


def build() -> Page:
    page = Page("any width $n$, any depth $L$; the experiment at one of each")
    _linear(page)
    _experiment(page)
    return page


def _linear(page: Page) -> None:
    i, j, k, l, m = sn.indices("i j k l m")
    W, V = sn.parameter("W", (n, n)), sn.input("V", (n, n))
    page.prose(
        """The product $J$ of all layers' Jacobians says how a small change of the input reaches the output. Its
        singular values are the factors by which directions are stretched. Their mean square is $\\prod_l \\chi_l$
        (row C8) and may be 1 while most of them are near 0: isometry asks for every one to be 1."""
    )
    page.heading("A linear network")
    page.prose(
        """Its Jacobian is the product of its matrices. With $J = V$ behind the first layers and $W$ the next matrix, it
        becomes $WV$. Let $W$ be orthogonal and let $V$ have kept all lengths so far:"""
    )
    mine = (sn.sum(W[k, i] * W[k, j], k), KroneckerDelta(i, j))
    before = (sn.sum(V[k, i] * V[k, j], k), KroneckerDelta(i, j))
    given = page.declared(mine, before, words=("$W$ is orthogonal", "so far, $J^\\top J = I$"))
    page.equal(
        "then $(WV)^\\top (WV) = I$",
        sn.sum(sn.sum(W[k, l] * V[l, i], l) * sn.sum(W[k, m] * V[m, j], m), k), KroneckerDelta(i, j),
        lead="(J^{\\top} J)_{ij}", given=given,
    )  # fmt: skip
    page.prose(
        """The empty product is $I$, so by induction on the layers $J^\\top J = I$ for every depth: all singular values
        are 1. Gaussian matrices have $W^\\top W = I$ in the mean only, and their products spread further with every
        layer."""
    )


def _net(kind: str, depth: int) -> tuple[Any, Any]:
    N = sn.dims("N")
    x = sn.input("x", (N, n))
    a = sn.dense(x, n)
    for _ in range(depth - 1):
        a = sn.dense(sn.activation(kind, a), n)
    return a, x


#: What is drawn: activation, sigma_w^2, E[x^2], orthogonal, and the label.
CASES = (
    ("linear", 1, 1, True, "linear, orthogonal"),
    ("linear", 1, 1, False, "linear, Gaussian"),
    ("tanh", Rational(101, 100), Rational(1, 100), True, "tanh, orthogonal"),
    ("tanh", Rational(101, 100), Rational(1, 100), False, "tanh, Gaussian"),
    ("relu", 2, 1, True, "relu, orthogonal"),
    ("relu", 2, 1, False, "relu, Gaussian"),
)


def _experiment(page: Page) -> None:
    page.heading("With activations")
    page.prose(
        f"""{DEPTH} layers of width {WIDTH}, one draw of the weights, one example. For tanh, $\\sigma_w^2 = 1.01$ and a
        small input keep pre-activations where tanh is nearly linear; for relu $\\sigma_w^2 = 2$, where $\\chi = 1$.
        relu sets half of the directions of every layer to 0 and stretches the others by $\\sqrt 2$, whatever the
        matrices are. Were orthogonal matrices of no use for tanh, or enough for relu, the fractions below would
        refute what is said here."""
    )
    found: dict[str, Any] = {}
    rows, curves = [], []
    for number, (kind, weight, second, orthogonal, label) in enumerate(CASES):
        a, x = _net(kind, DEPTH)
        values = singular_values(
            a, x, {n: WIDTH}, number, orthogonal=orthogonal, weights=weight / n, input_second_moment=second
        )
        found[label] = values
        mean = float(np.mean(values**2))
        p = predict(a, weights=weight / n, input_second_moment=second, sizes={n: WIDTH})
        rows.append((
            label, f"{values[0]:.3g}", f"{np.median(values):.3g}", f"{values[-1]:.2g}", f"{mean:.3g}",
            f"{float(p.backward['a1']) * float(weight):.3g}", f"{_near(values):.0%}",
        ))  # fmt: skip
        shown = [*np.where(values > LEAST, values, np.nan)]
        curves.append(Curve(label, SHARES, shown, colour=number // 2, dash=not orthogonal))
    predicted = r"predicted, $\sigma_w^2 \prod_l \chi_l$"
    page.table(("net", "largest", "median", "least", "mean square", predicted, "in [1/2, 2]"), rows)
    page.picture(
        chart(curves, title="Singular values of the Jacobian", x="share of the singular values", y="singular value",
              log_y=True, level=1.0),
        "Orthogonal matrices (solid) keep all singular values at one without activations and near one for tanh. relu "
        "loses most directions either way; what is below 0.0001 is not drawn.",
    )  # fmt: skip
    page.observed(
        "linear, orthogonal", bool(np.allclose(found["linear, orthogonal"], 1, atol=1e-12)),
        "all singular values are 1 to 1e-12",
    )
    page.observed(
        "tanh, orthogonal", _near(found["tanh, orthogonal"]) == 1,
        f"{_near(found['tanh, orthogonal']):.0%} of the singular values lie between 1/2 and 2, at this seed",
    )
    page.observed(
        "relu, orthogonal", _near(found["relu, orthogonal"]) < 0.5,
        f"{_near(found['relu, orthogonal']):.0%} of them do, at this seed",
    )
    page.observed(
        "Gaussian matrices", max(_near(found[f"{k}, Gaussian"]) for k in ("linear", "tanh", "relu")) < 0.5,
        "less than half of them do for any of the three",
    )
    page.prose(
        """What is proved here is the linear case; tanh and relu are seen, at one width and depth. That the mean square
        is near $\\prod_l \\chi_l$ assumes independent layers and large width; one draw is far from its mean for relu
        and for Gaussian matrices."""
    )


def _near(values: Any) -> float:
    return float(np.mean((values > 0.5) & (values < 2)))


ROW = Row(
    "C9", "Dynamical isometry",
    "Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning, sec. 3.2; Pennington et al. 2017, "
    "Resurrecting the sigmoid, sec. 2",
    build,
)  # fmt: skip
