"""C1: with all weights and biases 0 and tanh, no weight ever moves; what kind of stationary point that is."""

from typing import Any

import numpy as np
from sympy import KroneckerDelta, exp

import symnn as sn
from symnn.gallery import Page, Row, pulled_back, result_at

N, D, C = sn.dims("N D C")
WIDTHS = sn.dims("H1 H2 H3 H4")
n, m = sn.indices("n m")


def network(hidden: int) -> sn.Network:
    """Return a tanh network with some hidden layers."""
    x, y = sn.input("x", (N, D)), sn.labels("y", (N,), C)
    h = x
    for layer in range(1, hidden + 1):
        h = sn.tanh(sn.dense(h, WIDTHS[layer - 1], name=str(layer)), name=f"h{layer}")
    p = sn.softmax(sn.dense(h, C, name=str(hidden + 1)), name="p")
    loss = sn.cross_entropy(p, y, name="loss")
    loss.latex = r"\ell"
    return sn.Network(loss)


def zero(net: sn.Network, *names: str) -> list[tuple[Any, Any]]:
    """Return the facts that some tensors are 0."""
    i, j = sn.indices("i j")
    return [(net[name][(i, j)[: net[name].rank]], 0) for name in names]


def left(name: str) -> str:
    """Return the gradient by a parameter in LaTeX."""
    return rf"\frac{{\partial \ell}}{{\partial {name[0]}^{{({name[1]})}}_{{{'ij' if name[0] == 'W' else 'i'}}}}}"


def build() -> Page:
    page = Page("any number $L$ of hidden layers, any widths, any batch")
    page.prose(
        """Let a network with the hyperbolic tangent start with all weights and biases 0. Since $\\tanh 0 = 0$, the
        units are silent, and since the weights are 0, nothing comes back to them."""
    )
    one, two = network(1), network(2)
    _gradients(page, one, "One hidden layer")
    _output_bias(page, one)
    _saddle(page, one)
    _gradients(page, two, "Two hidden layers", brief=True)
    page.prose("The output bias is moved as before, and the stationary point is the same.")
    _bias_at_zero(page, two, "3")
    _flat(page, two)
    _any_depth(page)
    _looked_at(page, one, two, network(3), network(4))
    return page


def _gradients(page: Page, net: sn.Network, title: str, *, brief: bool = False) -> None:
    page.heading(title)
    hidden = sum(name.startswith("W") for name in net.parameters) - 1
    if not brief:
        page.given(*[t for t in net.graph if t.definition is not None])
        page.prose("The gradients are derived where the parameters are anything.")
        for name in ("W1", "W2"):
            page.derive(net.gradient(name), folded=f"The gradient by ${name[0]}^{{({name[1]})}}$, line by line")
    else:
        page.prose("A second layer of tanh units between the first and the output; everything else as before.")
        page.given(*(net[name] for name in ("a2", "h2", "a3")), words=("second hidden layer", "", "logits"))
    still = [name for name in net.parameters if name != f"b{hidden + 1}"]
    page.prose("Let the weights and the hidden biases be 0. The output bias may be anything.")
    facts = page.declared(*zero(net, *still), words=("put to 0",) * len(still))
    for name in still:
        d = net.gradient(name)
        page.equal(f"no gradient by ${name[0]}^{{({name[1]})}}$", d.result, 0, lead=left(name), given=facts)
    if not brief:
        page.prose(
            """So a step of gradient descent moves the output bias alone, and the hypothesis holds again after it: by
            induction no weight ever moves."""
        )


def _output_bias(page: Page, net: sn.Network) -> None:
    page.heading("The output bias", 2)
    p, y = net["p"], net["y"]
    page.derive(
        net.gradient("b2"), claim=lambda c: sn.sum(p[n, c] - KroneckerDelta(c, y[n]), n) / N,
        against="the mean of p - e(y)", folded="The gradient by the output bias, line by line",
    )  # fmt: skip
    page.prose("At silent units every example gets the same probabilities, the softmax of the output bias:")
    _bias_at_zero(page, net, "2")
    page.prose(
        """It is 0 only where the softmax of the bias is the vector of class frequencies, which takes that every class
        occurs. There, and nowhere else with
        weights of 0, the whole gradient is 0: a stationary point, at which the network predicts the class frequencies
        whatever it is shown. With the bias at 0 as well it is one only if all classes are equally frequent; from
        there the bias alone is learned."""
    )


def _bias_at_zero(page: Page, net: sn.Network, level: str) -> None:
    """Claim what the gradient by the output bias is once the weights into the output are 0."""
    p, y, bias = net["p"], net["y"], net[f"b{level}"]
    c, k = sn.index("c", C), sn.index("k", C)
    facts = zero(net, f"W{level}")
    share = sn.define("s", (c,), exp(bias[c]) / sn.sum(exp(bias[k]), k))
    often = sn.define("r", (c,), sn.sum(KroneckerDelta(c, y[n]), n) / N)
    page.given(share, often, words=("what the bias says", "how often class c occurs"))
    page.equal("one softmax for all", p[n, c], share[c], given=facts)
    page.equal(
        "what moves the bias", result_at(net.gradient(bias), c), share[c] - often[c], given=facts,
        lead=rf"\frac{{\partial \ell}}{{\partial b^{{({level})}}_{{c}}}}",
    )  # fmt: skip


def _saddle(page: Page, net: sn.Network) -> None:
    page.heading("It is a saddle", 2)
    p, y, x = net["p"], net["y"], net["x"]
    H = net["W1"].shape[0]
    page.prose(
        """The second derivatives by the weights. While $W^{(2)}$ is 0 the gradient by $W^{(1)}$ is 0 whatever
        $W^{(1)}$ is, and while $W^{(1)}$ and $b^{(1)}$ are 0 the gradient by $W^{(2)}$ is 0 whatever $W^{(2)}$ is. A
        function that is 0 everywhere has the derivative 0, so both diagonal blocks of the Hessian are 0."""
    )
    _silent(page, net, "W1", ("W2",))
    _silent(page, net, "h1", ("W1", "b1"))
    _silent(page, net, "W2", ("h1",))
    page.prose("The mixed block is derived: the gradient by $W^{(1)}$ is differentiated by $W^{(2)}$.")
    g = net.gradient("W1")
    i, j, c, k = sn.index("i", H), sn.index("j", D), sn.index("c", C), sn.index("k", H)
    mixed = page.derive(sn.derivative(result_at(g, i, j), net["W2"][c, k]), folded="The mixed derivative, line by line")
    slope = sn.define("G", (c, j), sn.sum((p[n, c] - KroneckerDelta(c, y[n])) * x[n, j], n) / N)
    facts = zero(net, "h1", "W2")
    page.given(slope, words=("the sum over n of delta times x",))
    page.equal(
        "the mixed block", result_at(mixed, i, j, c, k), KroneckerDelta(i, k) * slope[c, j], given=facts,
        lead=r"\frac{\partial^2 \ell}{\partial W^{(2)}_{ck}\, \partial W^{(1)}_{ij}}",
    )  # fmt: skip
    page.prose(
        """Go from the point in a direction $U$ of $W^{(1)}$ and $V$ of $W^{(2)}$. The second derivative of the loss
        along it is twice the mixed block between them. Take any $U$ and the $V$ that $G$ makes of it:"""
    )
    U = sn.input("U", (H, D))
    V = sn.define("V", (c, k), -sn.sum(slope[c, j] * U[k, j], j))
    page.given(V)
    e, l = sn.index("e", C), sn.index("l", D)  # noqa: E741
    along = 2 * sn.sum(U[i, l] * KroneckerDelta(i, k) * slope[e, l] * V[e, k], i, l, k, e)
    page.at_least(
        "the loss bends down along it", -along, 0, 2 * sn.sum(sn.sum(slope[e, l] * U[i, l], l) ** 2, i, e),
        lead=r"-2 \sum_{i l e} U_{il}\, G_{el}\, V_{ei}",
    )  # fmt: skip
    page.prose(
        """With the other sign of $V$ it bends up. Unless $G = 0$ some $U$ has $G U_i \\neq 0$, so the Hessian has a
        negative and a positive eigenvalue: a strict saddle. At the class frequencies $G_c$ is $r_c$ times
        the mean of all inputs less that of class $c$:"""
    )
    often = sn.define("r", (c,), sn.sum(KroneckerDelta(c, y[m]), m) / N)
    page.equal(
        "a difference of means", slope[c, j],
        often[c] * sn.sum(x[n, j], n) / N - sn.sum(KroneckerDelta(c, y[n]) * x[n, j], n) / N,
        given=[(p[n, c], often[c])],
    )  # fmt: skip
    page.prose(
        """It is 0 only if the inputs of every class have the same mean; then the Hessian in the weights is 0, and it
        takes higher derivatives to tell."""
    )


def _silent(page: Page, net: sn.Network, name: str, put: tuple[str, ...]) -> None:
    """Claim that a gradient is 0 as soon as some parameters are, whatever the others are."""
    words = " and ".join(f"${w[0]}^{{({w[1]})}} = 0$" for w in put)
    at = tuple(sn.indices("n i")) if name.startswith("h") else ()
    value = net[name][at] if at else net.gradient(name).result
    lead = rf"{name[0]}^{{({name[1]})}}_{{ni}}" if at else left(name)
    page.equal(f"while {words}", value, 0, lead=lead, given=zero(net, *put))


def _flat(page: Page, net: sn.Network) -> None:
    page.heading("The Hessian in the weights is 0", 2)
    page.prose(
        """With two hidden layers every gradient stays 0 on larger sets. Each line below holds whatever the parameters
        are that it does not rest on, so the gradient's derivatives by those are 0 at the point."""
    )
    for name, put in (
        ("W1", ("W3",)), ("W1", ("W2",)), ("W2", ("W3",)), ("h1", ("W1", "b1")), ("W2", ("h1",)), ("h2", ("W2", "b2")),
        ("h2", ("h1", "b2")), ("W3", ("h2",)),
    ):  # fmt: skip
        _silent(page, net, name, put)
    page.prose("For each weight of the rows and each of the columns, the line that leaves the column free:")
    page.table(
        ("gradient by", "$W^{(1)}$", "$W^{(2)}$", "$W^{(3)}$"),
        (
            ("$W^{(1)}$", "while $W^{(3)} = 0$", "while $W^{(3)} = 0$", "while $W^{(2)} = 0$"),
            ("$W^{(2)}$", "while $W^{(3)} = 0$", "while $W^{(3)} = 0$", "while $W^{(1)}, b^{(1)} = 0$"),
            ("$W^{(3)}$", "while $W^{(2)}, b^{(2)} = 0$", "while $W^{(1)}, b^{(1)}, b^{(2)} = 0$",
             "while $W^{(2)}, b^{(2)} = 0$"),
        ),
    )  # fmt: skip
    page.prose(
        """All nine blocks are 0: no direction of the weights bends the loss up or down to second order. The plateau is
        flatter than with one hidden layer."""
    )


def _any_depth(page: Page) -> None:
    """Claim of one layer what induction over the layers rests on."""
    page.heading("Any depth")
    page.prose(
        """Let there be $L$ hidden layers. What is needed of a layer does not depend on where it stands, so it is proved
        once: for one layer with any input $u$, and any gradient $\\overline{v}$ that arrives at its output $v$. The
        output layer is the same without the bend."""
    )
    P, Q = sn.dims("P Q")
    i, j = sn.indices("i j")
    for bend in (True, False):
        u, W, b = sn.input("u", (N, P)), sn.parameter("W", (Q, P)), sn.parameter("b", (Q,))
        a = sn.define("v" if not bend else "a", (n, i), b[i] + sn.sum(W[i, j] * u[n, j], j))
        v = sn.tanh(a, name="v") if bend else a
        page.heading("A hidden layer" if bend else "The output layer", 3)
        page.given(*((a, v) if bend else (v,)))
        off = {"W": (W[i, j], 0), "b": (b[i], 0), "u": (u[n, j], 0)}
        shown = {"W": "$W = 0$", "b": "$b = 0$", "u": "$u = 0$", "v": "$\\overline{v} = 0$"}
        into = {"u": (u, "u_{nj}"), "W": (W, "W_{ij}"), "b": (b, "b_{i}")}
        for facts in ("Wb", "ub") if bend else ():
            words = " and ".join(shown[f] for f in facts)
            page.equal(f"silent while {words}", v[n, i], 0, lead="v_{ni}", given=[off[f] for f in facts])
        for name, fact in (("u", "W"), ("W", "u"), ("u", "v"), ("W", "v"), ("b", "v")):
            d, up = pulled_back(v, into[name][0])
            lead = rf"\frac{{\partial \ell}}{{\partial {into[name][1]}}}"
            given = [off[fact] if fact != "v" else (up[n, i], 0)]
            page.equal(f"nothing by ${name}$ while {shown[fact]}", d.result, 0, lead=lead, given=given)
    page.prose(
        """Stationary in the weights, for $L \\geq 1$: from the input upwards every $h^{(k)}$ with $k \\geq 1$ is 0,
        silent while $W$ and $b$ are 0. From the output downwards nothing arrives at $h^{(k)}$, $k \\leq L$, while
        $W^{(k+1)} = 0$, and so nothing at $W^{(k)}$ and $b^{(k)}$. At $W^{(L+1)}$ nothing arrives while $h^{(L)} = 0$.
        A step leaves weights and hidden biases at 0, so that this holds along the whole of training."""
    )
    page.prose(
        """The Hessian in the weights, for $L \\geq 2$: the gradient by $W^{(k)}$ stays 0 while any one $W^{(l)}$ is
        anything and all others are 0, so its derivative by $W^{(l)}$ is 0. By which of the lines above:"""
    )
    page.table(
        ("$k$", "$l$", "why nothing arrives at $W^{(k)}$"),
        (
            ("$k \\leq L$", "$l \\neq k + 1$", "$W^{(k+1)} = 0$: nothing arrives at $h^{(k)}$"),
            ("$1 < k \\leq L$", "$l = k + 1$", "the layers below $k$ are silent: $h^{(k-1)} = 0$"),
            ("$k = 1$", "$l = 2$", "$W^{(3)} = 0$, as $L \\geq 2$: nothing arrives at $h^{(2)}$, nor below it"),
            ("$k = L + 1$", "$l \\neq L$", "layer $L$ is silent: $h^{(L)} = 0$"),
            ("$k = L + 1$", "$l = L$", "$h^{(L-1)} = 0$, as $L \\geq 2$, and $b^{(L)} = 0$: $h^{(L)} = 0$"),
        ),
    )
    page.prose(
        """With $L = 1$ the third and the last row fail, and these two blocks are the saddle of above. The induction
        itself is an argument in words; each of its steps is one of the proved lines."""
    )


def _looked_at(page: Page, *nets: sn.Network) -> None:
    """Take the Hessian in the weights by differences of compiled gradients, at the class frequencies."""
    page.heading("Looked at")
    page.prose(
        """Gradients of the compiled networks at weights of 0 and the output bias at the class frequencies, 12 random
        examples in 3 classes; Hessians in the weights by central differences of them."""
    )
    rng = np.random.default_rng(5)
    batch = {"x": rng.normal(size=(12, 4)), "y": np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2])}
    often = np.array([6, 4, 2]) / 12
    for depth, net in enumerate(nets, start=1):
        sizes = {f"H{k}": (3, 2, 2, 3)[k - 1] for k in range(1, depth + 1)}
        step = net.compile()
        point = {name: np.zeros_like(value) for name, value in net.init({"D": 4, "C": 3, **sizes}).items()}
        last = max(name for name in point if name.startswith("b"))
        point[last] = np.log(often)
        slopes = step(point, batch)[1]
        largest = max(float(np.abs(g).max()) for g in slopes.values())
        hessian = _hessian(step, point, batch)
        values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        layers = len(sizes)
        said = f"{('one', 'two', 'three', 'four')[layers - 1]} hidden layer{'s' if layers > 1 else ''}"
        page.observed(f"{said}: stationary", largest < 1e-15, f"largest entry of any gradient {largest:.0e}")
        if layers == 1:
            joint = (np.tile(often, (12, 1)) - np.eye(3)[batch["y"]]).T @ batch["x"] / 12
            predicted = np.linalg.svd(joint, compute_uv=False)[0]
            page.observed(
                f"{said}: least and largest eigenvalue are minus and plus the largest singular value of $G$",
                bool(np.allclose((values[0], values[-1]), (-predicted, predicted), rtol=1e-6)),
                f"{values[0]:.6f} and {values[-1]:.6f}, predicted {predicted:.6f}",
            )
        else:
            worst = float(np.abs(hessian).max())
            page.observed(f"{said}: no second derivative", worst < 1e-7, f"largest entry of the Hessian {worst:.0e}")


def _hessian(step: Any, point: dict[str, Any], batch: dict[str, Any], width: float = 1e-4) -> Any:
    """Return second derivatives by the weights, from central differences of the gradient."""
    names = [name for name in point if name.startswith("W")]
    columns = []
    for name in names:
        for at in np.ndindex(point[name].shape):
            sides = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in point.items()}
                moved[name][at] += sign * width
                slopes = step(moved, batch)[1]
                sides.append(np.concatenate([slopes[key].ravel() for key in names]))
            columns.append((sides[0] - sides[1]) / (2 * width))
    return np.array(columns)


ROW = Row(
    "C1", "Zero weights",
    "Goodfellow, Bengio, Courville 2016, Deep Learning, sec. 8.4; the flatness at depth: Kawaguchi 2016, Deep Learning "
    "without Poor Local Minima, sec. 3 (there for linear networks)", build,
)  # fmt: skip
