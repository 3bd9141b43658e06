"""C4: Kaiming's initialisation: half of the variance passes a rectifier, whatever the symmetric density."""

import sympy

import symnn as sn
from symnn.gallery import Page, Row, result_at

D, H = sn.dims("D H")
i, j = sn.indices("i j")
at, into = sn.index("i", H), sn.index("j", D)
INDEPENDENT = ("pre-activations z_j are independent of each other and of W",)
ARRIVES = ("the gradients that arrive at a are independent of W and z, with mean 0 and the same variance d",)


def build() -> Page:
    page = Page("any number $D$ of inputs and $H$ of units")
    s2, v, d, s = sn.scalars("s2 v d s", positive=True)
    W, z = sn.parameter("W", (H, D)), sn.input("z", (D,))
    h = sn.relu(z, name="h")
    a = sn.define("a", (i,), sn.sum(W[i, j] * h[j], j))
    page.prose(
        """A layer takes the pre-activations $z$ of the layer below, rectifies them and adds them up. For which variance
        $s_2$ of the weights does $a$ vary as much as $z$ does?"""
    )
    page.heading("Given")
    page.given(h, a)
    page.heading("Forward")
    random = {W: sn.laws.symmetric(s2), z: sn.laws.symmetric(v)}
    forward = page.moment(
        sn.variance(a[at], random, assuming=INDEPENDENT), claim=D * s2 * v / 2,
        against="the lecture's d Var(W) Var(z)/2", sample={D: 5, H: 2, s2: 0.7, v: 1.3},
    )  # fmt: skip
    page.prose(
        """The step from $\\mathbb{E}[\\max(0, z)^2]$ to $\\operatorname{Var}(z)/2$ needs no Gaussian: it holds for
        every density that is symmetric about 0. Set equal to $v$ and solved:"""
    )
    page.equal("solved for the weights' variance", forward.solved(s2, v), 2 / D, lead=r"\operatorname{Var}(W)")

    page.heading("Backward")
    page.prose(
        """The gradient at $z$ is derived from the forward pass. It is the sum over all units of what arrives at them
        times their weights, where the rectifier was open."""
    )
    back = sn.vjp(a, "z")
    up = back.upstream
    assert up is not None
    page.derive(back)
    delta = sn.define("delta", (j,), result_at(back, j))
    backward = page.moment(
        sn.variance(delta[into], {**random, up: sn.laws.any_law(0, d)}, assuming=ARRIVES), claim=H * s2 * d / 2,
        sample={D: 3, H: 4, s2: 0.7, v: 1.3, d: 0.6},
    )  # fmt: skip
    page.equal("solved for the weights' variance", backward.solved(s2, d), 2 / H, lead=r"\operatorname{Var}(W)")
    page.prose(
        """Forward the number of inputs counts, backward that of the units. With $D \\ne H$ both cannot hold; a network
        whose layers differ in width by bounded factors suffers little from either choice."""
    )

    page.heading("A leaky rectifier")
    page.prose("With slope $s$ below 0 the other half passes too, $s^2$ of it.")
    x = sn.input("z", (D,))
    leaky = sn.define("h", (j,), sympy.Piecewise((x[j], x[j] > 0), (s * x[j], True)))
    b = sn.define("a", (i,), sn.sum(W[i, j] * leaky[j], j))
    page.given(leaky)
    both = page.moment(
        sn.variance(b[at], {W: sn.laws.symmetric(s2), x: sn.laws.symmetric(v)}, assuming=INDEPENDENT),
        claim=D * s2 * v * (1 + s**2) / 2, sample={D: 5, H: 2, s2: 0.7, v: 1.3, s: 0.2},
    )  # fmt: skip
    page.equal("solved", both.solved(s2, v), 2 / ((1 + s**2) * D), lead=r"\operatorname{Var}(W)")

    page.heading("As a uniform law", 2)
    page.prose("A uniform law on $[-b, b]$ has variance $b^2/3$, so the same condition gives its bound.")
    bound = sn.scalars("b", positive=True)
    page.moment(sn.variance(W[at, into], {W: sn.laws.uniform(bound)}), claim=bound**2 / 3)
    page.equal("its bound", sympy.sqrt(3 * forward.solved(s2, v)), sympy.sqrt(6) / sympy.sqrt(D), lead="b")
    return page


ROW = Row("C4", "Kaiming initialisation", "He et al. 2015, Delving Deep into Rectifiers, sec. 2.2", build)
