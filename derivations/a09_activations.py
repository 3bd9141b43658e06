"""A9: the derivative of every activation of the table, in terms of the output where it is a function of it."""

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Rational, exp, pi, sqrt, tanh

import symnn as sn
from symnn.gallery import Page, Row
from symnn.nn.activations import ACTIVATIONS

alpha, lam, slope = sn.scalars("alpha lambda s", positive=True)
SLOPES: dict[str, dict[str, Any]] = {
    "leaky_relu": {"slope": slope}, "elu": {"alpha": alpha}, "selu": {"scale": lam, "alpha": alpha},
}  # fmt: skip


def sigma(a: Any) -> Any:
    return 1 / (1 + exp(-a))


def up(a: Any) -> Any:
    return sn.indicator(a > 0)


def normal(a: Any) -> Any:
    return exp(-(a**2) / 2) / sqrt(2 * pi)


def cubic(a: Any) -> Any:
    return sqrt(2 / pi) * (a + Rational(44715, 1000000) * a**3)


#: The textbook's derivatives, of the output g and the input a; what is claimed, and in which words.
CLAIMS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "linear": (lambda g, a: sympy.Integer(1), "1"),
    "sigmoid": (lambda g, a: g * (1 - g), "g (1 - g)"),
    "tanh": (lambda g, a: 1 - g**2, "1 - g^2"),
    "relu": (lambda g, a: up(a), "1[a > 0]"),
    "leaky_relu": (lambda g, a: slope + (1 - slope) * up(a), "1 above, the slope below"),
    "elu": (lambda g, a: up(a) + (1 - up(a)) * (g + alpha), "1 above, g + alpha below"),
    "selu": (lambda g, a: lam * up(a) + (1 - up(a)) * (g + lam * alpha), "lambda above, g + lambda alpha below"),
    "softplus": (lambda g, a: 1 - exp(-g), "1 - e^-g"),
    "silu": (lambda g, a: g + sigma(a) * (1 - g), "g + sigma(a) (1 - g)"),
    "gelu": (lambda g, a: (1 + sympy.erf(a / sqrt(2))) / 2 + a * normal(a), "Phi(a) + a phi(a)"),
    "gelu_tanh": (
        lambda g, a: (
            (1 + tanh(cubic(a))) / 2
            + a * (1 - tanh(cubic(a)) ** 2) * sqrt(2 / pi) * (1 + 3 * Rational(44715, 1000000) * a**2) / 2
        ),
        "the product rule's two terms",
    ),
    "mish": (
        lambda g, a: tanh(sympy.log(1 + exp(a))) + a * sigma(a) * (1 - tanh(sympy.log(1 + exp(a))) ** 2),
        "g/a + a sigma(a) (1 - (g/a)^2)",
    ),
    "hard_tanh": (lambda g, a: sn.indicator(a > -1) * sn.indicator(a < 1), "1[-1 < a < 1]"),
    "softsign": (lambda g, a: (1 - sympy.Abs(g)) ** 2, "(1 - |g|)^2"),
}

WORDS = {
    "relu": "At the kink $a = 0$ the derivative is taken as 0, as in every formula of this gallery.",
    "elu": "The output alone decides: $g > 0$ exactly where $a > 0$.",
    "selu": "$\\lambda$ and $\\alpha$ stay symbols here; row C7 solves for their values.",
    "softplus": "By the output alone; by the input it is the sigmoid.",
    "silu": "Not a function of the output: $g$ falls before it rises, so one output has two slopes.",
    "gelu": "$\\Phi$ and $\\phi$ are the distribution and the density of the standard normal law.",
    "hard_tanh": "At both kinks the derivative is taken as 0.",
    "softsign": "By the input it is $1/(1+|a|)^2$.",
}


def build() -> Page:
    page = Page("one entry $g = g(a)$ of every activation that symnn knows")
    a = sn.input("a", ())
    page.prose(
        """Where the derivative is a function of the output $g$, the backward pass needs only the output, and the input
        may be forgotten. Constants ($s$, $\\alpha$, $\\lambda$) are symbols."""
    )
    for kind, record in ACTIVATIONS.items():
        g = sn.activation(kind, a, name="g", **SLOPES.get(kind, {}))
        page.heading(kind.replace("_", " "))
        page.given(g, words=(record.source,))
        claim, words = CLAIMS[kind]
        page.derive(sn.derivative(g[()], a[()]), claim=claim(g[()], a[()]), against=words)
        if kind in WORDS:
            page.prose(WORDS[kind])
        if kind == "tanh":
            page.prose("Its two exponential forms are one function:")
            x = a[()]
            fraction = (exp(x) - exp(-x)) / (exp(x) + exp(-x))
            page.equal("tanh by exponentials", g[()], fraction)
            page.equal("and with one exponential", fraction, (exp(2 * x) - 1) / (exp(2 * x) + 1))
            page.equal("it is a stretched sigmoid", g[()], 2 * sigma(2 * x) - 1)
        if kind == "softplus":
            page.equal("by the input", 1 - exp(-g[()]), sigma(a[()]))
        if kind == "softsign":
            page.equal("by the input", (1 - sympy.Abs(g[()])) ** 2, 1 / (1 + sympy.Abs(a[()])) ** 2)
    return page


ROW = Row("A9", "Derivatives of the activations", "each beside its definition", build)
