"""C6: the gain of every activation, solved from its Gaussian moments, beside the table in use."""

import sympy
from sympy import Rational, erf, exp, pi, sqrt

import symnn as sn
from symnn.gallery import Page, Row
from symnn.theory.integration.scalar import derivative
from symnn.theory.panels import Raw

Z = sympy.Symbol("z", real=True)
#: Closed forms of E[g(z)^2], typed from the literature or worked out by hand.
SECOND = {
    "linear": sympy.Integer(1),
    "relu": Rational(1, 2),
    "leaky_relu": (1 + Rational(1, 100) ** 2) / 2,
    "gelu": Rational(1, 3) + 1 / (2 * sqrt(3) * pi),
    "elu": 1 - exp(Rational(1, 2)) * (1 - erf(1 / sqrt(2))) + exp(2) * (1 - erf(sqrt(2))) / 2,
}  # fmt: skip
#: torch.nn.init.calculate_gain; it raises for what is not listed.
TABLE = {
    "linear": 1, "sigmoid": 1, "tanh": Rational(5, 3), "relu": sqrt(2), "selu": Rational(3, 4),
    "leaky_relu": sqrt(2 / (1 + Rational(1, 10**4))),
}  # fmt: skip
#: 1/sqrt(E tanh^2), to the digits that are published.
TANH = "1.5925"


def build() -> Page:
    page = Page("one Gaussian pre-activation of variance 1")
    page.prose(
        """A layer's weights of variance $\\gamma^2 / D$ keep the variance of Gaussian pre-activations at 1 if
        $\\gamma^2 \\, \\mathbb{E}[g(z)^2] = 1$ for $z \\sim N(0, 1)$. The number $\\gamma$ is called the gain of the
        activation $g$. Each of them is solved for here, from the forward definition alone."""
    )
    page.heading("Moments")
    page.prose(
        """The real line is cut at the kinks, each piece is a sum of powers, exponentials and error functions, and each
        of these has a Gaussian integral. Where one has none, the integral is taken by quadrature, with a bound of its
        error."""
    )
    rows, found = [], {}
    for name in sn.ACTIVATIONS:
        g = found[name] = sn.gain(name)
        exact = f"${sympy.latex(sympy.nsimplify(g.second.closed))}$" if short(g.second.closed) else g.second.method
        table = f"{float(TABLE[name]):.4f}" if name in TABLE else "none"
        rows.append((
            name.replace("_", " "), exact, f"{float(g.second.value):.12f}", f"{g.second.bound:.0e}",
            f"{float(g.forward):.6f}", f"{float(g.backward):.6f}" if g.backward is not None else "none", table,
        ))  # fmt: skip
    header = ("activation", "$\\mathbb{E}[g(z)^2]$", "value", "error below", "gain", "gain backward", "table in use")
    page.table(header, rows)
    for name, closed in SECOND.items():
        page.equal(
            f"closed form, {name.replace('_', ' ')}", found[name].second.closed, closed,
            lead=r"\mathbb{E}[g(z)^2]",
        )  # fmt: skip
    page.integrals("second moments of values", *((Raw(raw(k) ** 2, Z), g.second.value) for k, g in found.items()))
    page.integrals(
        "second moments of slopes",
        *((Raw(derivative(raw(k), Z) ** 2, Z), g.slope_second.value) for k, g in found.items()),
    )
    page.heading("Where the table differs")
    tanh = float(found["tanh"].forward)
    page.observed(
        "the gain of tanh", f"{tanh:.4f}" == TANH,
        f"1/sqrt(E tanh(z)^2) = {tanh:.10f}, published as {TANH}; the table has 5/3",
    )  # fmt: skip
    page.prose(
        """The table's $5/3$ for $\\tanh$ is larger than the gain, by 4.7 %. It is a rule of thumb for the slope of
        $\\tanh$ over the range that activations take, and not the solution of the condition: with it the variance of
        pre-activations settles above 1. Its 1 for the sigmoid only says that none is applied. Its $3/4$ for SELU asks
        for another fixed point than the one that SELU was made for, which needs 1."""
    )
    page.observed(
        "the gain of SELU", abs(float(found["selu"].forward) - 1) < 1e-12,
        f"|gain - 1| = {abs(float(found['selu'].forward) - 1):.0e}: its constants are made so (see C7)",
    )  # fmt: skip
    page.heading("Is the fixed point stable?")
    page.prose(
        """The gain makes 1 a fixed point of the map from one layer's variance to the next, $q \\mapsto \\gamma^2 \\,
        \\mathbb{E}[g(\\sqrt{q} z)^2]$. Where its slope there is above 1, a small deviation grows with depth: the
        variance is not kept, whatever the gain."""
    )
    page.table(
        ("activation", "slope at 1", ""),
        [(name.replace("_", " "), f"{float(g.slope):.4f}", words(float(g.slope))) for name, g in found.items()],
    )
    return page


def short(closed: object) -> bool:
    """Tell whether a closed form fits into a table."""
    return closed is not None and len(str(closed)) <= 24


def words(slope: float) -> str:
    """Say what a slope means."""
    if abs(slope - 1) < 1e-9:
        return "kept exactly"
    return "stable" if slope < 1 else "unstable: drifts away with depth"


def raw(name: str) -> sympy.Expr:
    """Return an activation as it is defined."""
    record = sn.ACTIVATIONS[name]
    return record.expression(Z, *(Rational(c) for _, c in record.constants))


ROW = Row(
    "C6", "Gains of the activations",
    "He et al. 2015, Delving Deep into Rectifiers, sec. 2.2; torch.nn.init.calculate_gain, whose table names no source",
    build,
)  # fmt: skip
