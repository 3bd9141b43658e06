"""A10: the flow graph, the order of its forward pass and of its backward pass."""

from collections.abc import Iterable

import sympy

import symnn as sn
from symnn.gallery import Page, Row
from symnn.show.latex_notation import tensor_latex


def network() -> sn.Network:
    """Return a network with a residual connection, so that one tensor has two uses."""
    D, H, C = sn.dims("D H C")
    x = sn.input("x", (D,))
    y = sn.labels("y", (), C)
    h1 = sn.tanh(sn.dense(x, H, name="1"), name="h1")
    h2 = sn.tanh(sn.dense(h1, H, name="2"), name="h2")
    f = sn.softmax(sn.dense(sn.plus(h1, h2, name="s"), C, name="3"), name="f")
    return sn.Network(sn.cross_entropy(f, y))


def build() -> Page:
    page = Page("a network with a residual connection, any widths")
    net = network()
    adjoints = net.adjoints()
    forward = [t.name for t in net.graph.order]
    backward = [t.name for t in adjoints.visited]

    page.prose(
        """Each box is a tensor, defined by one formula over its parents; the arrows are read from the formulas. The
        forward pass goes through the boxes so that parents come first. The backward pass goes through them in
        reverse, and only through those that depend on a parameter: nothing asks for the gradient by the input $x$ or
        the label."""
    )
    page.picture(net.draw(), "The forward pass.")
    page.heading("The two orders")
    page.table(
        ("", "in this order"),
        (("forward pass", _listed(net.graph.order)), ("backward pass", _listed(adjoints.visited))),
    )
    parents = {t.name: [p.name for p in net.graph.parents(t)] for t in net.graph}
    page.observed(
        "parents come before children",
        all(forward.index(p) < forward.index(t) for t in parents for p in parents[t]),
        f"checked on every one of the {sum(map(len, parents.values()))} arrows",
    )
    reached = [t for t in reversed(forward) if _meets(t, set(net.parameters), parents)]
    page.observed(
        "the backward pass is the forward pass reversed, over what depends on a parameter",
        backward == reached,
        f"{len(backward)} of {len(forward)} tensors, in this order exactly",
    )
    left_out = [t for t in forward if t not in backward]
    page.observed(
        "nothing else is visited",
        set(left_out) == set(net.inputs) and "x" not in {t.name for t in adjoints.of},
        f"left out: {', '.join(f'${n}$' for n in left_out)}; $x$ has no adjoint",
    )
    page.picture(net.draw(backward=True), "The forward pass and the backward pass beside it.")

    page.heading("The gradients it finds")
    page.prose(
        """Two paths lead from $h^{(1)}$ to the loss, through $h^{(2)}$ and past it. Their contributions are added;
        nothing in the engine knows of residual connections. The claims are the recurrence, typed by hand:"""
    )
    i, j, k, c = sn.indices("i j k c")
    f, y, h1, h2 = net["f"], net["y"], net["h1"], net["h2"]
    d3 = sn.define("d3", (c,), f[c] - sympy.KroneckerDelta(c, y[()]), latex=r"\hat{\delta}^{(3)}")
    ds = sn.define("ds", (i,), sn.sum(net["W3"][c, i] * d3[c], c), latex=r"\hat{r}")
    d2 = sn.define("d2", (i,), ds[i] * (1 - h2[i] ** 2), latex=r"\hat{\delta}^{(2)}")
    both = ds[i] + sn.sum(net["W2"][k, i] * d2[k], k)
    d1 = sn.define("d1", (i,), both * (1 - h1[i] ** 2), latex=r"\hat{\delta}^{(1)}")
    page.derive(
        net.gradient("W1"),
        claim=lambda i, j: d1[i] * net["x"][j],
        against="the recurrence with both paths",
        folded="The lines, in the order of the backward pass",
    )
    page.heading("Asked for, the input has a gradient too")
    page.derive(
        net.gradient("x"),
        claim=lambda j: sn.sum(net["W1"][i, j] * d1[i], i),
        folded="The lines, in the order of the backward pass",
    )
    return page


def _listed(tensors: Iterable[sn.Tensor]) -> str:
    return ", ".join(f"${tensor_latex(t)}$" for t in tensors)


def _meets(name: str, targets: set[str], parents: dict[str, list[str]]) -> bool:
    """Tell, by plain recursion, whether a tensor is a target or is computed from one."""
    return name in targets or any(_meets(p, targets, parents) for p in parents[name])


ROW = Row(
    "A10", "The flow graph and the order of its passes",
    "Linnainmaa 1976; Griewank, Walther 2008, Evaluating Derivatives, ch. 3", build,
)  # fmt: skip
