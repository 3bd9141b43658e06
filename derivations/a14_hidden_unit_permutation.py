"""A14: hidden units may be permuted with their weights, and flipped where the activation is odd."""

from typing import Any

from sympy import tanh

import symnn as sn
from symnn.gallery import Page, Row, result_at

N, D, H, C = sn.dims("N D H C")
n, j, c, k = sn.indices("n j c k")
i = sn.index("i", H)


def build() -> Page:
    page = Page("one hidden layer of any number $H$ of units, any other sizes")
    x, t, pi = sn.input("x", (N, D)), sn.input("t", (N, C)), sn.permutation("pi", H)
    W, b = sn.parameter("W", (H, D)), sn.parameter("b", (H,))
    V, d = sn.parameter("V", (C, H)), sn.parameter("d", (C,))
    page.prose(
        """The hidden units of a layer have no order. Let $\\pi$ be any permutation of them, and let every unit take its
        weights along, those that come in and those that go out."""
    )
    page.heading("Given")
    a, h, f = network(x, W, b, V, d)
    page.given(a, h, f, words=("hidden layer", "", "output"))
    moved = (
        sn.define("W'", (i, j), W[pi[i], j]), sn.define("b'", (i,), b[pi[i]]), sn.define("V'", (c, i), V[c, pi[i]]),
    )  # fmt: skip
    page.given(*moved, words=("permuted", "", ""))
    _, _, g = network(x, *moved, d, "'")

    page.heading("The function is the same")
    page.prose(
        """Unit $i$ of the permuted network is unit $\\pi_i$ of the first. A sum over all units does not depend on the
        order in which they are taken."""
    )
    page.steps(
        (g[n, c], ""),
        (d[c] + sn.sum(V[c, pi[i]] * tanh(b[pi[i]] + sn.sum(W[pi[i], j] * x[n, j], j)), i), "the weights put in"),
        (d[c] + sn.sum(V[c, pi[i]] * h[n, pi[i]], i), "definition of h"),
        (d[c] + sn.sum(V[c, k] * h[n, k], k), "the same units in another order"),
        (f[n, c], "definition of f"),
    )
    page.equal("for every permutation", g[n, c], f[n, c])
    page.prose(
        """So the parameters cannot be read off the function, not even from endless data: unless two units are equal,
        $H!$ different settings compute the same, and the loss has the same value at all of them. Two trained networks
        may agree as functions while their weights, compared one by one, have nothing in common."""
    )

    page.heading("The gradient moves along")
    page.prose(
        """Training does not break the symmetry either. At the permuted parameters the gradient of a loss, here the
        squared error, is the permuted gradient, so gradient descent from there takes the permuted path."""
    )
    first, second = (sn.Network(sn.mse(out, t, name="loss")) for out in (f, g))
    for name, at, there in (("W", (i, j), (pi[i], j)), ("b", (i,), (pi[i],)), ("V", (c, i), (c, pi[i]))):
        letters = "".join(w.letter for w in at)
        page.equal(
            f"the gradient by ${name}'$",
            result_at(second.gradient(f"{name}'"), *at), result_at(first.gradient(name), *there),
            lead=rf"\frac{{\partial \ell}}{{\partial {name}'_{{{letters}}}}}",
        )  # fmt: skip

    page.heading("An odd activation: signs as well")
    page.prose(
        """The hyperbolic tangent is odd. Let one unit change the sign of all its weights, going in and coming out: what
        it adds to the output stays as it was."""
    )
    page.equal(
        "one unit, flipped",
        -V[c, i] * tanh(-b[i] - sn.sum(W[i, j] * x[n, j], j)), V[c, i] * h[n, i],
        lead=r"(-V_{ci}) \tanh\left(-b_i - \sum_j W_{ij} x_{nj}\right)",
    )  # fmt: skip
    page.prose("Each unit may be flipped or not, so $2^H H!$ settings of the parameters belong to one function.")
    return page


def network(x: Any, W: Any, b: Any, V: Any, d: Any, mark: str = "") -> tuple[Any, Any, Any]:
    """Return the three tensors of f = d + V tanh(b + W x)."""
    a = sn.define(f"a{mark}", (n, i), b[i] + sn.sum(W[i, j] * x[n, j], j))
    h = sn.tanh(a, name=f"h{mark}")
    return a, h, sn.define(f"f{mark}", (n, c), d[c] + sn.sum(V[c, i] * h[n, i], i))


ROW = Row(
    "A14", "Permuted hidden units",
    "Hecht-Nielsen 1990, On the algebraic structure of feedforward network weight spaces; Sussmann 1992, Uniqueness of "
    "the weights for minimal feedforward nets", build,
)  # fmt: skip
