"""A2: the empirical risk with a penalty: the gradient is the mean of per-example gradients plus the penalty's."""

from typing import Any

import sympy

import symnn as sn
from symnn.algebra.prove import inline
from symnn.derivation import Derivation
from symnn.gallery import Page, Row, result_at
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Entry, Ix, Tree, tensors_in, transform


def network(x: sn.Tensor, y: sn.Tensor, shared: dict[str, sn.Tensor], *t: Index) -> dict[str, sn.Tensor]:
    """Return a network with given parameters on one example, or on examples t."""
    i, j, c = sn.indices("i j c")
    W1, b1, W2, b2 = (shared[name] for name in ("W1", "b1", "W2", "b2"))
    a1 = sn.define("a1", (*t, i), b1[i] + sn.sum(W1[i, j] * x[*t, j], j))
    h1 = sn.tanh(a1, name="h1")
    a2 = sn.define("a2", (*t, c), b2[c] + sn.sum(W2[c, j] * h1[*t, j], j))
    f = sn.softmax(a2, name="f")
    a1.adjoint_name, a2.adjoint_name = "delta1", "delta2"
    one = -sympy.log(f[*t, y[t]])
    total = one / x.shape[0] if t else one
    loss = sn.define("loss", (), sn.sum(total, *t), latex=r"\ell")
    return {"x": x, "y": y, "a1": a1, "h1": h1, "a2": a2, "f": f, "loss": loss}


def batched(d: Derivation, onto: dict[sn.Tensor, sn.Tensor], t: Index, free: tuple[Index, ...]) -> Any:
    """Return a one-example formula with index t on everything that differs from example to example."""
    tree = d.formula
    while adjoints := frozenset(u for u in tensors_in(tree) if u.role == "adjoint"):
        tree = inline(tree, adjoints)
    tree = substitute(tree, indices={i: Ix(j) for i, j in zip(d.free, free, strict=True)})

    def indexed(e: Tree) -> Tree:
        return Entry(onto[e.tensor], (Ix(t), *e.at)) if isinstance(e, Entry) and e.tensor in onto else e

    return to_sympy(transform(tree, indexed))


def build() -> Page:
    page = Page("$T$ examples, one hidden layer, any widths")
    T, D, H, C = sn.dims("T D H C")
    lam = sn.scalars("lambda")
    parameters = {
        "W1": sn.parameter("W1", (H, D)), "b1": sn.parameter("b1", (H,), regularised=False),
        "W2": sn.parameter("W2", (C, H)), "b2": sn.parameter("b2", (C,), regularised=False),
    }  # fmt: skip
    t = sn.index("t", T)
    one = network(sn.input("x", (D,)), sn.labels("y", (), C), parameters)
    many = network(sn.input("X", (T, D), latex="x"), sn.labels("Y", (T,), C, latex="y"), parameters, t)
    W1, W2 = parameters["W1"], parameters["W2"]
    omega = sn.l2([W1, W2], name="omega")
    risk = sn.define("J", (), many["loss"][()] + lam * omega[()])
    single, net = sn.Network(one["loss"]), sn.Network(risk)

    page.prose(
        """Learning minimises a risk that can be computed, the mean loss over $T$ examples, plus a penalty that prefers
        some parameters to others: $J(\\theta) = \\frac{1}{T} \\sum_t \\ell(f(x_t; \\theta), y_t) + \\lambda\\,
        \\Omega(\\theta)$, the structural risk. Row $t$ of $x$ is example $t$."""
    )
    page.heading("Given")
    page.given(*[t for t in net.graph if t.definition is not None])
    page.prose(
        """For each parameter the engine derives the gradient of $J$ on the batch and, apart from it, the gradient of
        the loss of a single example. Then the claim: the first is the mean of the second over the examples, plus
        $\\lambda$ times the gradient of $\\Omega$."""
    )
    for name, p in parameters.items():
        page.heading(f"The gradient by ${name[0]}^{{({name[1]})}}$")
        page.derive(
            single.gradient(name),
            folded="The gradient of one example, line by line",
            claim=_lecture(name, one, parameters),
        )
        d = page.derive(net.gradient(name), folded="The gradient of the risk, line by line")
        each = {one[k]: many[k] for k in one if k != "loss"}
        of_one = batched(single.gradient(name), each, t, d.free)
        penalty = result_at(sn.derivative(omega[()], p[d.free]), *d.free) if p.regularised else 0
        page.equal(
            "the mean of the one-example gradients, plus the penalty's",
            d.result,
            sn.sum(of_one, t) / T + lam * penalty,
            lead=rf"\frac{{\partial J}}{{\partial {name[0]}^{{({name[1]})}}_{{{'ij'[: p.rank]}}}}}",
        )
    return page


def _lecture(name: str, one: dict[str, sn.Tensor], shared: dict[str, sn.Tensor]) -> Any:
    """Return the lecture's one-example gradient: delta h^T for weights, delta for biases."""
    c, j, i = sn.indices("c j i")
    f, y, h1, x = one["f"], one["y"], one["h1"], one["x"]
    d2 = sn.define("d2", (c,), f[c] - sympy.KroneckerDelta(c, y[()]), latex=r"\hat{\delta}^{(2)}")
    back = sn.sum(shared["W2"][c, i] * d2[c], c)
    d1 = sn.define("d1", (i,), back * (1 - h1[i] ** 2), latex=r"\hat{\delta}^{(1)}")
    delta, below = (d1, x) if name[1] == "1" else (d2, h1)
    if name[0] == "b":
        return lambda i: delta[i]
    return lambda i, j: delta[i] * below[j]


ROW = Row(
    "A2", "Empirical and structural risk", "Vapnik 1992, Principles of risk minimization for learning theory", build
)
