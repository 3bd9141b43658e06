"""C2: units of a layer that start equal stay equal under gradient descent; different ones do not."""

from typing import Any

import numpy as np

import symnn as sn
from symnn.gallery import Page, Row, result_at

N, D, H, C = sn.dims("N D H C")
n, j, c = sn.indices("n j c")
i, k = sn.index("i", H), sn.index("k", H)
eta = sn.scalars("eta", positive=True)

#: A tensor with unit i of the layer in it, and with unit k in the same place.
PLACES: dict[str, tuple[Any, Any]] = {"W1": ((i, j), (k, j)), "b1": ((i,), (k,)), "W2": ((c, i), (c, k))}
WORDS = {"W1": "weights that come in", "b1": "biases", "W2": "weights that go out"}
LEFT = {
    "W1": r"\frac{\partial \ell}{\partial W^{(1)}_{ij}}",
    "b1": r"\frac{\partial \ell}{\partial b^{(1)}_{i}}",
    "W2": r"\frac{\partial \ell}{\partial W^{(2)}_{ci}}",
}
RIGHT = {
    "W1": r"\frac{\partial \ell}{\partial W^{(1)}_{kj}}",
    "b1": r"\frac{\partial \ell}{\partial b^{(1)}_{k}}",
    "W2": r"\frac{\partial \ell}{\partial W^{(2)}_{ck}}",
}


def equal_units(activation: Any) -> sn.Network:
    """Return a network whose hidden units all have the weights w, beta and v."""
    x, y = sn.input("x", (N, D)), sn.labels("y", (N,), C)
    w, beta = sn.parameter("w", (D,)), sn.parameter("beta", ())
    v, b2 = sn.parameter("v", (C,)), sn.parameter("b2", (C,))
    W1 = sn.define("W1", (i, j), w[j])
    b1 = sn.define("b1", (i,), beta[()])
    W2 = sn.define("W2", (c, i), v[c])
    a1 = sn.define("a1", (n, i), b1[i] + sn.sum(W1[i, j] * x[n, j], j))
    h1 = activation(a1, name="h1")
    a2 = sn.define("a2", (n, c), b2[c] + sn.sum(W2[c, i] * h1[n, i], i))
    return _with_loss(a2, y)


def any_units() -> sn.Network:
    """Return the same network with tanh units and weights of their own."""
    x, y = sn.input("x", (N, D)), sn.labels("y", (N,), C)
    h1 = sn.tanh(sn.dense(x, H, name="1"), name="h1")
    return _with_loss(sn.dense(h1, C, name="2"), y)


def _with_loss(a2: Any, y: Any) -> sn.Network:
    loss = sn.cross_entropy(sn.softmax(a2, name="p"), y, name="loss")
    loss.latex = r"\ell"
    return sn.Network(loss)


def build() -> Page:
    page = Page("one hidden layer of any number $H$ of units, any other sizes")
    nets = {a.__name__: equal_units(a) for a in (sn.tanh, sn.relu, sn.sigmoid)}
    net = nets["tanh"]
    page.prose(
        """All hidden units of a layer compute the same formula. Only their weights tell them apart. If these are equal
        at the start, gradient descent never makes them different, whatever the data, the sizes and the step."""
    )
    page.heading("Given")
    page.prose("The hypothesis, written as definitions: no weight depends on the unit $i$.")
    page.given(*(net[t] for t in PLACES), words=("the same for every unit", "", ""))
    page.prose("The rest is the usual network with a softmax and the mean cross-entropy.")
    page.given(*(net[t] for t in ("a1", "h1", "a2", "p", "loss")))

    page.heading("The gradients of two units are equal")
    page.prose(
        """Base of the induction: the weights are equal at the start, by hypothesis. Step: let them be equal now. The
        gradient is derived by each weight alone, as if all were free, and evaluated where they are equal."""
    )
    page.derive(net.gradient("W1"), folded="The gradient by the weights that come in, line by line")
    page.derive(net.gradient("W2"), folded="The gradient by the weights that go out, line by line")
    page.prose("Of any two units $i$ and $k$, with the hyperbolic tangent:")
    for name in PLACES:
        _same(page, net, name, WORDS[name])
    for other in ("relu", "sigmoid"):
        page.prose(f"With {'the rectifier' if other == 'relu' else 'the sigmoid'} in its place:")
        for name in PLACES:
            _same(page, nets[other], name, WORDS[name])

    page.heading("So the step keeps them equal")
    page.prose("A step of gradient descent with any length $\\eta$ subtracts equals from equals:")
    for name, (one, two) in PLACES.items():
        d = net.gradient(name)
        letters = ["".join(str(a.letter) for a in at) for at in (one, two)]
        shown = rf"{name[0]}^{{({name[1]})}}_{{{letters[0]}}} - \eta\, {LEFT[name]}"
        page.equal(
            f"{WORDS[name]}, after a step",
            net[name][one] - eta * result_at(d, *one), net[name][two] - eta * result_at(d, *two), lead=shown,
        )  # fmt: skip
    page.prose(
        """After the step the hypothesis holds again. By induction it holds after every step. The same argument
        covers momentum, Adam and any rule that treats the entries of a tensor alike and starts from equal states."""
    )

    page.heading("What such a network can do")
    a2, b2, v, h1 = net["a2"], net["b2"], net["v"], net["h1"]
    one = sn.define("u", (n,), net["beta"][()] + sn.sum(net["w"][j] * net["x"][n, j], j))
    single = sn.tanh(one, name="g")
    page.given(one, single, words=("one unit", ""))
    page.equal("every unit is this one", h1[n, i], single[n])
    page.equal("the layer has the worth of one unit", a2[n, c], b2[c] + H * v[c] * single[n])

    page.heading("Different units")
    page.prose("The hypothesis is needed. Without it the engine looks for a counterexample and finds one:")
    free = any_units()
    d = free.gradient("W1")
    found = sn.prove_equal(result_at(d, i, j), result_at(d, k, j))
    assert found.counterexample is not None
    lines = "; ".join(f"{what} {text}" for what, text in found.rows() if what in ("at", "with", "entry", "values"))
    page.formula(f"{LEFT['W1']} = {RIGHT['W1']}", "false for weights of any kind")
    page.observed("refuted for different units", found.verdict == "refuted", lines)
    _descended(page, free)
    return page


def _same(page: Page, net: sn.Network, name: str, words: str) -> None:
    one, two = PLACES[name]
    d = net.gradient(name)
    page.equal(words, result_at(d, *one), result_at(d, *two), lead=f"{LEFT[name]} = {RIGHT[name]}")


def _descended(page: Page, net: sn.Network) -> None:
    """Descend from equal and from different weights, and look at how far the units have parted."""
    page.prose("The compiled network, 300 steps of $\\eta = 0.5$ on 20 random examples in 3 classes, 5 hidden units:")
    rng = np.random.default_rng(4)
    batch = {"x": rng.normal(size=(20, 4)), "y": rng.integers(0, 3, 20)}
    step = net.compile()
    start = net.init(D=4, H=5, C=3, seed=1)
    for equal in (True, False):
        weights = {name: np.array(value) for name, value in start.items()}
        if equal:
            weights["W1"][:] = weights["W1"][:1]
            weights["W2"][:] = weights["W2"][:, :1]
        before = loss = float(step(weights, batch)[0])
        for _ in range(300):
            loss, slopes = step(weights, batch)
            weights = {name: value - 0.5 * slopes[name] for name, value in weights.items()}
        apart = float(np.ptp(weights["W1"], axis=0).max())
        page.observed(
            "from equal weights" if equal else "from different weights",
            apart < 1e-9 if equal else apart > 0.1,
            f"the units' weights differ by at most {apart:.2g}; the loss fell from {before:.3g} to {float(loss):.3g}",
        )


ROW = Row(
    "C2", "Equal weights stay equal",
    "Rumelhart, Hinton, Williams 1986, Learning internal representations by error propagation (symmetry breaking); "
    "Goodfellow, Bengio, Courville 2016, Deep Learning, sec. 8.4", build,
)  # fmt: skip
