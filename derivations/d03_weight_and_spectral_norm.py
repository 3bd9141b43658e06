"""D3: weight norm; spectral norm with its vectors held, and why holding them changes nothing."""

from typing import Any

import numpy as np
from sympy import KroneckerDelta

import symnn as sn
from symnn.gallery import Page, Row, computed, pulled_back, result_at

H, D = sn.dims("H D")
i, k, j, l = sn.indices("i k j l")


def build() -> Page:
    page = Page("any number of units $H$ and of inputs $D$")
    _weight_norm(page)
    _spectral_norm(page)
    _true_derivative(page)
    return page


def _weight_norm(page: Page) -> None:
    page.heading("Weight norm")
    page.prose(
        """The weights of a unit are written as a length times a direction, $W_i = g_i v_i / \\lVert v_i \\rVert$, so
        that gradient descent moves the two separately."""
    )
    v, g = sn.parameter("v", (H, D)), sn.parameter("g", (H,))
    W = sn.weight_norm(v, g)
    norm = computed(W)["vnorm"]
    page.given(norm, W)
    page.heading("The length", 2)
    d, up = pulled_back(W, g)
    page.derive(d, claim=lambda i: sn.sum(up[i, k] * v[i, k], k) / norm[i])
    page.heading("The direction", 2)
    d, up = pulled_back(W, v)

    def claim(i: Any, k: Any) -> Any:
        along = sn.sum(up[i, j] * v[i, j], j)
        return g[i] / norm[i] * (up[i, k] - v[i, k] * along / norm[i] ** 2)

    page.derive(d, claim=claim)
    projection = KroneckerDelta(j, k) - v[i, j] * v[i, k] / norm[i] ** 2
    page.prose(
        """The bracket is a projection: it takes from $\\overline{W}_i$ its part along $v_i$. A step along $v_i$ would
        only stretch $v_i$, which does not change $W$."""
    )
    page.equal(
        "the projection $I - v v^\\top / \\lVert v \\rVert^2$", result_at(d, i, k),
        g[i] / norm[i] * sn.sum(up[i, j] * projection, j), lead=r"\overline{v}_{ik}",
    )  # fmt: skip
    page.equal(
        "orthogonal to $v$", sn.sum(result_at(d, i, k) * v[i, k], k), 0, lead=r"\sum_{k} \overline{v}_{ik}\, v_{ik}"
    )
    page.prose(
        """By Pythagoras a step of gradient descent can therefore only lengthen $v_i$, and with the length the next
        steps turn it less: the parametrisation slows itself down."""
    )


def _spectral_norm(page: Page) -> None:
    page.heading("Spectral norm")
    page.prose(
        """The weights are divided by their largest singular value, so that the layer stretches no input. With the unit
        vectors $u$, $v$ that belong to it, the value is $\\sigma = u^\\top W v$. Programs find the vectors by a power
        iteration and hold them constant while differentiating."""
    )
    W, u, v = sn.parameter("W", (H, D)), sn.input("u", (H,)), sn.input("v", (D,))
    What = sn.spectral_norm(W, u, v)
    sigma = computed(What)["sigma"]
    page.given(sigma, What)
    d, up = pulled_back(What, W)

    def claim(i: Any, k: Any) -> Any:
        along = sn.sum(up[j, l] * What[j, l], j, l)
        return (up[i, k] - along * sn.stop_gradient(u[i]) * sn.stop_gradient(v[k])) / sigma[()]

    page.derive(d, claim=claim)


def _true_derivative(page: Page) -> None:
    page.heading("The true derivative")
    page.prose(
        """But $u$ and $v$ do change with $W$. Where the largest singular value is simple, $\\sigma$, $u$ and $v$ are
        differentiable functions of $W$. This is analysis, and taken as given here. Let $W$ move along any curve, and
        let dots stand for the velocities. What is declared of the two vectors:"""
    )
    W, u, v = sn.parameter("W", (H, D)), sn.input("u", (H,)), sn.input("v", (D,))
    s = sn.input("sigma", (), positive=True)
    du, dv = sn.input("du", (H,), latex=r"\dot{u}"), sn.input("dv", (D,), latex=r"\dot{v}")
    dW = sn.input("dW", (H, D), latex=r"\dot{W}")
    left, right, unit, other = page.declared(
        (sn.sum(W[i, k] * v[k], k), s[()] * u[i]),
        (sn.sum(W[i, k] * u[i], i), s[()] * v[k]),
        (sn.sum(u[i] ** 2, i), 1),
        (sn.sum(v[k] ** 2, k), 1),
        words=(
            "declared: right singular vector",
            "declared: left singular vector",
            "declared: unit length",
            "declared",
        ),
    )
    page.equal("the value", sn.sum(u[i] * W[i, k] * v[k], i, k), s[()], given=[left, unit])
    page.prose("A length that stays 1 along the curve has the velocity 0:")
    square = sn.derivative(sn.sum(u[i] ** 2, i), u[j])
    page.derive(square, claim=lambda j: 2 * u[j])
    still = page.declared(
        (sn.sum(du[i] * u[i], i), 0),
        (sn.sum(dv[k] * v[k], k), 0),
        words=("so $2 \\sum_i \\dot{u}_i u_i = 0$", "and the same for $v$"),
    )
    page.prose("Call the product $s$. It has one derivative for each of its factors:")
    value = sn.define("s", (), sn.sum(u[i] * W[i, k] * v[k], i, k))
    page.given(value)
    by_u = page.derive(sn.derivative(value[()], u[j]), claim=lambda j: sn.sum(W[j, k] * v[k], k))
    by_v = page.derive(sn.derivative(value[()], v[l]), claim=lambda l: sn.sum(W[i, l] * u[i], i))  # noqa: E741
    by_W = page.derive(sn.derivative(value[()], W[j, l]), claim=lambda j, l: u[j] * v[l])  # noqa: E741
    page.prose("Along the curve each is multiplied by its factor's velocity, and the first two contribute nothing:")
    page.equal("through $u$", sn.sum(du[j] * result_at(by_u, j), j), 0, given=[left, still[0]])
    page.equal("through $v$", sn.sum(dv[l] * result_at(by_v, l), l), 0, given=[right, still[1]])
    page.equal(
        "through $W$", sn.sum(dW[j, l] * result_at(by_W, j, l), j, l), sn.sum(u[j] * dW[j, l] * v[l], j, l),
    )  # fmt: skip
    page.prose(
        """So $\\dot{\\sigma} = u^\\top \\dot{W} v$ whatever the curve: the gradient of the largest singular value is $u
        v^\\top$, the very thing that holding $u$ and $v$ gives, and with it the gradient of $W/\\sigma$ above. The
        singular values of random matrices agree. Where the largest value is double, as for the identity, it has two
        slopes and no derivative."""
    )
    worst = _against_singular_values()
    page.observed("central differences of the largest singular value", worst < 1e-7, f"5 matrices, worst {worst:.0e}")
    slopes = tuple(_slope(np.eye(2), np.diag([0.0, 1.0]), step) for step in (1e-6, -1e-6))
    page.observed(
        "a double value: two slopes", abs(slopes[0] - slopes[1]) > 0.5,
        f"the identity, moved in its last entry: {slopes[0]:.3g} to the right, {slopes[1]:.3g} to the left",
    )  # fmt: skip


def _slope(matrix: Any, move: Any, step: float) -> float:
    """Return the difference quotient of the largest singular value, from one side."""
    top = np.linalg.svd(matrix + step * move, compute_uv=False)[0]
    return float((top - np.linalg.svd(matrix, compute_uv=False)[0]) / step)


def _against_singular_values() -> float:
    """Return the worst error of u v^T against central differences of the singular value itself."""
    rng, worst = np.random.default_rng(7), 0.0
    for rows, columns in ((1, 1), (1, 3), (3, 1), (3, 2), (4, 5)):
        matrix = rng.normal(size=(rows, columns))
        left, _, right = np.linalg.svd(matrix)
        for at in np.ndindex(rows, columns):
            move = np.zeros((rows, columns))
            move[at] = 1.0
            seen = (_slope(matrix, move, 1e-5) + _slope(matrix, move, -1e-5)) / 2
            worst = max(worst, abs(seen - left[at[0], 0] * right[0, at[1]]))
    return worst


ROW = Row(
    "D3", "Weight norm and spectral norm",
    "Salimans, Kingma 2016, Weight Normalization, eq. 3; Miyato et al. 2018, Spectral Normalization, sec. 2.1; the "
    "derivative of a simple singular value: Magnus, Neudecker, Matrix Differential Calculus, ch. 8", build,
)  # fmt: skip
