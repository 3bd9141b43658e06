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
from symnn.ground.tree import Entry, Ix, tensors_in, transform


def network(x: sn.Tensor, y: sn.Tensor, H: Any, C: Any, shared: dict[str, sn.Tensor]) -> dict[str, sn.Tensor]:
    """Return a network on examples x, y with given parameters."""
    a1 = sn.dense(x, H, name="1", weight=shared["W1"], bias_tensor=shared["b1"])
    h1 = sn.tanh(a1, name="h1")
    a2 = sn.dense(h1, C, name="2", weight=shared["W2"], bias_tensor=shared["b2"])
    f = sn.softmax(a2, name="f")
    return {"x": x, "y": y, "a1": a1, "h1": h1, "a2": a2, "f": f, "loss": sn.cross_entropy(f, y)}


def batched(d: Derivation, onto: dict[sn.Tensor, sn.Tensor], t: Index, free: tuple[Index, ...]) -> Any:
    """Return a one-example formula with index t on everything that differs from example to example."""
    tree = d.formula
    while adjoints := frozenset(u for u in tensors_in(tree) if u.role == "adjoint"):
        tree = inline(tree, adjoints)
    tree = substitute(tree, indices={i: Ix(j) for i, j in zip(d.free, free, strict=True)})
    return to_sympy(
        transform(tree, lambda e: Entry(onto[e.tensor], (Ix(t), *e.at)) if isinstance(e, Entry) and e.tensor in onto else e)
    )


def build() -> Page:
    page = Page("$T$ examples, one hidden layer, any widths")
    T, D, H, C = sn.dims("T D H C")
    lam = sn.scalars("lambda")
    parameters = {
        "W1": sn.parameter("W1", (H, D)), "b1": sn.parameter("b1", (H,), regularised=False),
        "W2": sn.parameter("W2", (C, H)), "b2": sn.parameter("b2", (C,), regularised=False),
    }  # fmt: skip
    one = network(sn.input("x", (D,)), sn.labels("y", (), C), H, C, parameters)
    many = network(sn.input("X", (T, D)), sn.labels("Y", (T,), C), H, C, parameters)
    W1, W2 = parameters["W1"], parameters["W2"]
    omega = sn.l2([W1, W2], name="omega")
    i, j = sn.indices("i j")
    risk = sn.define("J", (), many["loss"][()] + lam * omega[()])
    single, net = sn.Network(one["loss"]), sn.Network(risk)

    page.prose(
        """Learning minimises a risk that can be computed, the mean loss over $T$ examples, plus a penalty that prefers
        some parameters to others: $J(\\theta) = \\frac{1}{T} \\sum_t \\ell(f(x_t; \\theta), y_t) + \\lambda\\,
        \\Omega(\\theta)$, the structural risk. An example is one row of $X$."""
    )
    page.heading("Given")
    page.given(*[t for t in net.graph if t.definition is not None])
    page.prose(
        """For each parameter the engine derives the gradient of $J$ on the batch, and, apart from it, the gradient of the
        loss of a single example. Then the claim: the first is the mean of the second over the examples, plus $\\lambda$
        times the gradient of $\\Omega$."""
    )
    t = sn.index("t", T)
    for name, p in parameters.items():
        page.heading(f"The gradient by ${name[0]}^{{({name[1]})}}$")
        page.derive(
            single.gradient(name), folded="The gradient of one example, line by line",
            claim=_lecture(name, one, parameters), against="the one-example formula",
        )
        d = page.derive(net.gradient(name), folded="The gradient of the risk, line by line")
        of_one = batched(single.gradient(name), {one[k]: many[k] for k in one if k != "loss"}, t, d.free)
        penalty = result_at(sn.derivative(omega[()], p[d.free]), *d.free) if p.regularised else 0
        page.equal(
            "the mean of the one-example gradients, plus the penalty's", d.result, sn.sum(of_one, t) / T + lam * penalty,
            lead=d.whole_latex(),
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


ROW = Row("A2", "Empirical and structural risk", "Vapnik 1992, Principles of risk minimization for learning theory", build)
