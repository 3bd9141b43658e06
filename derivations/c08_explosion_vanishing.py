"""C8: the product of Jacobians, chi at the variance map's fixed point, and the edge of chaos for relu and tanh."""

from typing import Any

import numpy as np
import sympy

import symnn as sn
from symnn.gallery import Page, Row
from symnn.theory.panels import Raw
from symnn.theory.propagation import predict
from symnn.theory.propagation_map import Grid, VarianceMap
from symnn.theory.propagation_picture import Curve, chart
from symnn.theory.propagation_reading import Z, placed

n, m = sn.dims("n m")
sigma_w, sigma_b, q, mean, spread = sn.scalars("sigma_w sigma_b q mu v", positive=True)
s, b = sigma_w**2, sigma_b**2
TANH, RELU = sympy.tanh(Z), sympy.Max(0, Z)


def build() -> Page:
    page = Page("any width $n$, any depth $L$")
    _product(page)
    _relu(page)
    _tanh(page)
    _experiment(page)
    return page


def _product(page: Page) -> None:
    i, k, j = sn.index("i", n), sn.index("k", n), sn.index("j", m)
    W, A = sn.parameter("W", (n, n)), sn.input("A", (n, m))
    d = sn.input("d", (n,), latex="g'")
    page.prose(
        """A layer $a' = W g(a) + b$ has the Jacobian $W \\operatorname{diag}(g'(a))$, and the Jacobian $J$ of many
        layers is the product of theirs. Let $A$ be the product of the layers below, any matrix, and let one more layer
        with entries of variance $\\sigma_w^2/n$ act on it."""
    )
    page.heading("One more layer")
    product = sn.sum(sn.sum(W[i, k] * d[k] * A[k, j], k) ** 2, i, j)
    page.moment(
        sn.expectation(
            product, {W: sn.laws.gaussian(s / n), d: sn.laws.any_law(mean, spread)},
            assuming=(
                "the slopes g'(a) are independent of the weights W and of A",
                "the slopes of one layer are independent and have one law, as for Gaussian pre-activations",
            ),
        ),
        claim=s * (mean**2 + spread) * sn.sum(A[k, j] ** 2, k, j), against="chi times the square norm of A",
    )  # fmt: skip
    page.prose(
        """Here $\\mu^2 + v$ is $E[g'^2]$, the second moment of a slope, so the square norm is multiplied by
        $\\chi = \\sigma_w^2\\, E[g'(z)^2]$, which is $n \\operatorname{Var}(W)\\, E[g'(z)^2]$. Starting from $A = I$,
        whose square norm is $n$, induction over the layers gives $E\\|J\\|_F^2 / n = \\prod_l \\chi_l$. Gradients come
        back through $J^\\top$: below 1 they vanish and above 1 they explode, exponentially in the depth."""
    )
    page.heading("Where pre-activations settle")
    page.prose(
        """The variance of pre-activations, $q_l$, goes from layer to layer by the variance map
        $V(q) = \\sigma_w^2\\, E[g(z)^2] + \\sigma_b^2$, $z \\sim N(0, q)$. Where its slope at a fixed point $q^*$ is
        below 1, $q_l$ settles there, and $\\chi$ with it. Assumed, not derived: pre-activations are Gaussian, which
        holds as widths grow, and layers are independent. The curve $\\chi = 1$ at $q^*$ in the plane of $\\sigma_w^2$
        and $\\sigma_b^2$ is called the edge of chaos."""
    )


def _relu(page: Page) -> None:
    page.heading("relu")
    page.prose("By symmetry $E[\\max(0, z)^2] = q/2$ and $E[1_{z>0}] = 1/2$; the engine integrates both.")
    relu = VarianceMap(RELU, s, b)
    image, chi, (rest,) = relu(q), relu.chi(q), relu.fixed_points()
    page.equal("the variance map", image, s * q / 2 + b, lead="V(q)")
    half, slope_half = VarianceMap(RELU, 1), sympy.Heaviside(Z)
    page.integrals(
        "both moments", (Raw(RELU**2, Z, variances=(q, 1)), half(q)),
        (Raw(slope_half, Z, variances=(q, 1)), half.chi(q)),
    )  # fmt: skip
    page.equal("its fixed point, positive for $\\sigma_w^2 < 2$", rest, b / (1 - s / 2), lead="q^*")
    page.equal("it rests there", placed(image, {q: rest}), rest, lead="V(q^*)")
    page.equal("slope of the map and $\\chi$ are one", relu.slope(q), s / 2, lead="V'(q)")
    page.equal("the same at every $q$", chi, s / 2, lead=r"\chi")
    page.prose(
        """So $\\chi = 1$ asks for $\\sigma_w^2 = 2$. There $V(q) = q + \\sigma_b^2$: with biases variances grow for
        ever and no fixed point is left, without them every $q$ is one. The edge of relu is the single point (2, 0),
        and it is Kaiming's initialisation."""
    )


def _edge() -> tuple[Any, Any, Any]:
    """Return variances q, and sigma_w^2 and sigma_b^2 at which q is a fixed point of tanh with chi = 1."""
    at = [sympy.Rational(k, 10) for k in range(1, 31)]
    weights = [1 / float(VarianceMap(TANH, 1).chi(v)) for v in at]
    biases = [float(v) - w * float(VarianceMap(TANH, 1)(v)) for v, w in zip(at, weights, strict=True)]
    return at, weights, biases


def _tanh(page: Page) -> None:
    page.heading("tanh")
    page.prose(
        """There is no closed form, but the curve can be solved point by point: for every $q$ take
        $\\sigma_w^2 = 1/E[\\tanh'(z)^2]$, so that $\\chi = 1$, and $\\sigma_b^2 = q - \\sigma_w^2 E[\\tanh(z)^2]$, so
        that $q$ is fixed. It starts at (1, 0) for $q \\to 0$, where tanh is the identity."""
    )
    at, weights, biases = _edge()
    chosen = [k for k in range(len(at)) if at[k] in (sympy.Rational(1, 10), sympy.Rational(1, 2), 1, 2, 3)]
    rows, worst = [], 0.0
    for k in chosen:
        settled = VarianceMap(TANH, weights[k], biases[k])
        (rest,) = settled.fixed_points()
        point = settled.fixed_point(rest)
        worst = max(worst, abs(float(point.chi) - 1), abs(float(point.q) - float(at[k])))
        rows.append([f"{float(v):.6g}" for v in (at[k], weights[k], biases[k], point.slope, point.chi)])
    page.table(("$q^*$", "$\\sigma_w^2$", "$\\sigma_b^2$", "slope of $V$ at $q^*$", "$\\chi$"), rows)
    bend, slope = VarianceMap(TANH, 1), 1 / sympy.cosh(Z) ** 2
    page.integrals(
        "the moments at every row",
        *((Raw(TANH**2, Z, variances=(at[k], 1)), bend(at[k])) for k in chosen),
        *((Raw(slope**2, Z, variances=(at[k], 1)), bend.chi(at[k])) for k in chosen),
    )
    page.observed(
        "the edge of tanh",
        worst < 1e-9,
        f"at every row q is the map's one fixed point, found by a scan, and chi is 1 there, within {worst:.1g}",
    )
    known = VarianceMap(TANH, sympy.Rational(44, 25), sympy.Rational(1, 20)).fixed_point(sympy.Rational(1, 2))
    page.observed(
        "the textbook's point (1.76, 0.05)",
        abs(float(known.chi) - 1) < 1e-3,
        f"chi there is {float(known.chi):.6g}, at q* = {float(known.q):.6g}",
    )
    levels = [Curve("tanh, χ = 1", [1, *weights], [0, *biases]), *_levels()]
    levels.append(Curve("relu, χ = 1", [2], [0], points=True, colour=1))
    page.picture(
        chart(levels, title="Edge of chaos", x="σ² of the weights", y="σ² of the biases"),
        "Left of the curve with χ = 1 gradients vanish, right of it they explode; it starts in the limit point (1, 0). "
        "For relu the edge is the point (2, 0), and the level 0.9 an upright line.",
    )


def _levels() -> list[Curve]:
    """Return the curves chi = 0.9 and 1.1 of tanh and chi = 0.9 of relu."""
    grid, out = Grid(TANH), []
    for chi, colour in ((0.9, 2), (1.1, 3)):
        points = []
        for v in np.linspace(0.05, 3, 60):
            weight = chi / grid.mean(grid.slopes(v) ** 2)
            points.append((weight, v - weight * grid.mean(grid.values(v) ** 2)))
        kept = [p for p in points if p[1] >= 0]
        out.append(Curve(f"tanh, χ = {chi}", [p[0] for p in kept], [p[1] for p in kept], colour=colour))
    out.append(Curve("relu, χ = 0.9", [1.8, 1.8], [0, 1], colour=1, dash=True))
    return out


def _net(kind: str, depth: int) -> Any:
    N = sn.dims("N")
    a = sn.dense(sn.input("x", (N, n)), n)
    for _ in range(depth - 1):
        a = sn.dense(sn.activation(kind, a), n)
    return a


def _experiment(page: Page) -> None:
    page.heading("Seen in a network")
    depth, width, draws = 20, 128, 24
    page.prose(
        f"""A tanh network of {depth} layers and width {width}, {draws} draws of the weights, below, on and above the
        edge at $\\sigma_b^2 = 0.05$. The gradient at the first layer is compared with $\\prod_l \\chi_l$; were it not
        within four standard errors and the derived terms of order $1/n$, that would refute the prediction."""
    )
    curves, rows = [], []
    net = _net("tanh", depth)
    for colour, weight in enumerate((sympy.Rational(6, 5), sympy.Rational(44, 25), sympy.Rational(5, 2))):
        p = predict(net, weights=weight / n, biases=sympy.Rational(1, 20), sizes={n: width})
        seen, terms = p.measure(draws, 0, {"N": 1}), p.width_terms()
        names = [f"a{k}" for k in range(1, depth)]
        curves.append(
            Curve(f"predicted, {float(weight):g}", [*range(1, depth)], [p.backward[k] for k in names], colour=colour)
        )
        curves.append(Curve(
            f"measured, {float(weight):g}", [*range(1, depth)], [seen.backward[k].mean for k in names],
            [seen.backward[k].error for k in names], True, colour,
        ))  # fmt: skip
        first, predicted, term = seen.backward["a1"], float(p.backward["a1"]), terms.backward["a1"]
        good = abs(first.mean - predicted) <= 4 * first.error + abs(term) * predicted
        point = p.fixed_point
        rows.append([f"{float(weight):g}", f"{float(point.q):.4g}", f"{float(point.chi):.4g}", f"{predicted:.3g}",
                     f"{first.mean:.3g} ± {first.error:.1g}", f"{term:+.1%}"])  # fmt: skip
        page.observed(
            f"$\\sigma_w^2 = {float(weight):g}$",
            good,
            f"gradient at the first layer {first}, predicted {predicted:.6g}, order 1/n {term:+.1%}",
        )
    page.table(("$\\sigma_w^2$", "$q^*$", "$\\chi$", "$\\prod_l \\chi_l$", "measured", "order $1/n$"), rows)
    page.picture(
        chart(curves, title="Gradients in a tanh network", x="layer", y="second moment of the gradient", log_y=True,
              level=1.0),
        "Predicted curves over measured points for three variances of the weights; the gradient enters at the right.",
    )  # fmt: skip


ROW = Row(
    "C8", "Explosion and vanishing",
    "Poole et al. 2016, Exponential expressivity; Schoenholz et al. 2017, Deep information propagation, eq. 5 and "
    "sec. 4",
    build,
)  # fmt: skip
