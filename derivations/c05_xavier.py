"""C5: LeCun's and Xavier's initialisation: two conditions that clash, and their harmonic mean."""

import sympy

import symnn as sn
from symnn.gallery import Page, Row, result_at

D, H = sn.dims("D H")
i, j = sn.indices("i j")
at, into = sn.index("i", H), sn.index("j", D)
INDEPENDENT = ("values z_j are independent of each other and of W", "the activation acts as the identity near 0")
ARRIVES = ("the gradients that arrive at a are independent of W, with mean 0 and the same variance d",)


def build() -> Page:
    page = Page("any number $D$ of inputs and $H$ of units")
    s2, v, d = sn.scalars("s2 v d", positive=True)
    W, z = sn.parameter("W", (H, D)), sn.input("z", (D,))
    a = sn.define("a", (i,), sn.sum(W[i, j] * z[j], j))
    page.prose(
        """Near 0 an activation such as $\\tanh$ is close to the identity, and a layer is close to linear. Each
        direction asks for a variance of its own."""
    )
    page.heading("Given")
    page.given(a)
    random = {W: sn.laws.symmetric(s2), z: sn.laws.any_law(0, v)}
    page.heading("Forward: LeCun")
    forward = page.moment(
        sn.variance(a[at], random, assuming=INDEPENDENT), claim=D * s2 * v, sample={D: 5, H: 2, s2: 0.7, v: 1.3}
    )  # fmt: skip
    one = forward.solved(s2, v)
    page.equal("LeCun's", one, 1 / D, lead=r"\operatorname{Var}(W)")
    page.heading("Backward")
    back = sn.vjp(a, "z")
    up = back.upstream
    assert up is not None
    page.derive(back)
    delta = sn.define("delta", (j,), result_at(back, j))
    backward = page.moment(
        sn.variance(delta[into], {W: sn.laws.symmetric(s2), up: sn.laws.any_law(0, d)}, assuming=ARRIVES),
        claim=H * s2 * d, sample={D: 3, H: 4, s2: 0.7, d: 0.6},
    )  # fmt: skip
    other = backward.solved(s2, d)
    page.equal("the gradient's", other, 1 / H, lead=r"\operatorname{Var}(W)")

    page.heading("They clash")
    page.prose(
        """Unless $D = H$ no variance satisfies both. Xavier's choice is their harmonic mean: forward and backward are
        then off by factors whose mean is 1."""
    )
    between = 2 / (1 / one + 1 / other)
    page.equal("Xavier's", between, 2 / (D + H), lead=r"\operatorname{Var}(W)")
    page.equal("the mean of both factors", (D * between + H * between) / 2, sympy.Integer(1))
    bound = sympy.sqrt(3 * between)
    page.equal("the bound of a uniform law of this variance", bound, sympy.sqrt(6) / sympy.sqrt(D + H), lead="b")
    return page


ROW = Row(
    "C5", "LeCun and Xavier initialisation",
    "LeCun et al. 1998, Efficient BackProp, sec. 4.6; Glorot, Bengio 2010, Understanding the difficulty of training "
    "deep feedforward neural networks, eq. 10 to 16", build,
)  # fmt: skip
