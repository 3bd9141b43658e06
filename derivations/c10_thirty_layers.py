"""C10: thirty layers of tanh and relu under naive, Xavier and Kaiming weights: predicted curves, measured points."""

from typing import Any

import symnn as sn
from symnn.gallery import Page, Row
from symnn.theory.propagation import predict
from symnn.theory.propagation_picture import Curve, chart
from symnn.theory.schemes import VARIANCES

n, m = sn.dims("n m")
DEPTH, WIDTH, DRAWS = 30, 256, 20
SCHEMES = (("naive", "naive"), ("xavier", "Xavier"), ("he", "Kaiming"))


def build() -> Page:
    page = Page(f"one layer for any widths; the experiment with {DEPTH} layers of width {WIDTH}")
    _layer(page)
    _experiment(page)
    return page


def _layer(page: Page) -> None:
    i, j = sn.index("i", n), sn.index("j", m)
    variance, second, above = sn.scalars("v s u", positive=True)
    W = sn.parameter("W", (n, m))
    x, delta = sn.input("h", (m,)), sn.input("delta", (n,), latex=r"\delta")
    page.heading("One layer")
    page.prose(
        """Forward, a pre-activation $a_i = \\sum_j W_{ij} h_j$ adds one product per input; backward, the gradient at
        $h_j$ adds one per output. Rows C4 and C5 choose $\\operatorname{Var} W$ from these two lines."""
    )
    page.moment(
        sn.variance(sn.sum(W[i, j] * x[j], j), {W: sn.laws.gaussian(variance), x: sn.laws.symmetric(second)}),
        claim=m * variance * second, against="fan-in times Var(W) times the second moment",
    )  # fmt: skip
    page.moment(
        sn.variance(
            sn.sum(W[i, j] * delta[i], i), {W: sn.laws.gaussian(variance), delta: sn.laws.symmetric(above)},
            assuming=("the gradient that comes back is independent of the weights",),
        ),
        claim=n * variance * above, against="fan-out times Var(W) times the gradient's", folded="The lines backward",
    )  # fmt: skip
    page.prose(
        """Between two such maps stands the activation: $E[g(z)^2]$ forward and $E[g'(z)^2]$ backward,
        $z \\sim N(0, q)$, both integrated by the engine. Assumed, not derived: pre-activations are Gaussian (large
        width), layers are independent, and so is the gradient from the values it meets."""
    )


def _net(kind: str) -> Any:
    N = sn.dims("N")
    a = sn.dense(sn.input("x", (N, n)), n)
    for _ in range(DEPTH - 1):
        a = sn.dense(sn.activation(kind, a), n)
    return a


def _experiment(page: Page) -> None:
    page.heading("Thirty layers")
    page.prose(
        f"""{DRAWS} draws of the weights, one example of $E[x^2] = 1$ each, a gradient of second moment 1 put in at the
        output. Naive: uniform within $1/\\sqrt{{n}}$ has $\\operatorname{{Var}} W = 1/(3n)$; here Gaussian of that
        variance. Xavier: $2/(n + n) = 1/n$. Kaiming: $2/n$. What would have refuted the prediction: a mean over draws
        further from its curve than five standard errors and the derived term of order $1/n$."""
    )
    rows, forward, backward = [], [], []
    for kind in ("tanh", "relu"):
        net = _net(kind)
        lines: list[Curve] = []
        for colour, (scheme, label) in enumerate(SCHEMES):
            p = predict(net, weights=VARIANCES[scheme], sizes={n: WIDTH})
            seen, terms = p.measure(DRAWS, 0, {"N": 1}), p.width_terms()
            layers = p.layers
            worst = 0.0
            for predicted, found, term in (
                (p.forward, seen.forward, terms.forward), (p.backward, seen.backward, terms.backward)
            ):  # fmt: skip
                for name in layers:
                    if name in found and found[name].error > 1e-12 * found[name].mean:
                        off = abs(found[name].mean - float(predicted[name])) - abs(term[name] * float(predicted[name]))
                        worst = max(worst, off / found[name].error)
            lines += _curves(layers, p, seen, label, colour)
            last, first = layers[-1], layers[0]
            rows.append([
                kind, label, _short(p.forward[last]), _short(seen.forward[last].mean), _short(p.backward[first]),
                _short(seen.backward[first].mean), f"{worst:.1f}",
            ])  # fmt: skip
            page.observed(
                f"{kind}, {label}", worst <= 5,
                f"all {len(layers)} layers, both passes: worst {worst:.1f} standard errors beyond the 1/n term",
            )
        (forward if kind == "tanh" else backward).extend(lines)
    head = ("activation", "weights", "$q$ at the last layer", "measured", "gradient at the first", "measured", "worst")
    page.table(head, rows)
    for kind, lines, words in (
        ("tanh", forward, "Naive weights lose both the signal and the gradient. Xavier's lie on tanh's edge of chaos: "
         "both fall slowly, as a power of the depth. Kaiming's, made for relu, lie above it: the signal settles, and "
         "the gradient grows on its way back."),
        ("relu", backward, "Kaiming keeps both at their size. Xavier, made for a linear unit, halves both at every "
         "layer, and naive weights divide by six."),
    ):  # fmt: skip
        page.picture(
            chart(lines, title=f"{DEPTH} layers of {kind}", x="layer", y="second moment", log_y=True, level=1.0),
            f"{words} Lines are predicted, points measured; solid and filled forward, dashed and hollow backward.",
        )


def _curves(layers: Any, p: Any, seen: Any, label: str, colour: int) -> list[Curve]:
    depth = [*range(1, len(layers) + 1)]
    out = []
    for name, predicted, found, hollow in (
        ("forward", p.forward, seen.forward, False), ("backward", p.backward, seen.backward, True)
    ):  # fmt: skip
        out.append(Curve(f"{label}, {name}", depth, [float(predicted[k]) for k in layers], colour=colour, dash=hollow))
        at = [(d, found[k]) for d, k in zip(depth, layers, strict=True) if k in found]
        errors = [e.error for _, e in at]
        out.append(Curve("", [d for d, _ in at], [e.mean for _, e in at], errors, True, colour, hollow))
    return out


def _short(value: Any) -> str:
    return f"{float(value):.3g}"


ROW = Row(
    "C10", "Thirty layers",
    "Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks; He et al. 2015, "
    "Delving deep into rectifiers, sec. 2.2",
    build,
)  # fmt: skip
