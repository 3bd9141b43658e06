"""A1: the multilayer network, as definitions, as one formula, and as a flow graph."""

from typing import Any

from sympy import exp, tanh

import symnn as sn
from symnn.algebra.prove import inline
from symnn.gallery import Page, Row
from symnn.graph.flow import FlowGraph
from symnn.ground.sympy_border import from_sympy
from symnn.show.graph_scene import graph_scene
from symnn.show.picture import svg


def network(hidden: int) -> tuple[sn.Tensor, dict[str, sn.Tensor]]:
    """Return the output f(x) of a network with some hidden layers, and all its tensors by name."""
    widths = sn.dims(" ".join(["D", *(f"H{k}" for k in range(1, hidden + 1)), "C"]))
    h = sn.input("x", (widths[0],))
    for k in range(1, hidden + 1):
        h = sn.tanh(sn.dense(h, widths[k], name=str(k)), name=f"h{k}")
    f = sn.softmax(sn.dense(h, widths[-1], name=str(hidden + 1)), name="f")
    return f, FlowGraph((f,)).names


def pre(t: dict[str, sn.Tensor], layer: int, i: Any) -> Any:
    """Return entry i of a layer's pre-activation as one nested formula, b + W tanh(b + W tanh(...))."""
    j = sn.index("j", t[f"W{layer}"].shape[1])
    below = t["x"][j] if layer == 1 else tanh(pre(t, layer - 1, j))
    return t[f"b{layer}"][i] + sn.sum(t[f"W{layer}"][i, j] * below, j)


def build() -> Page:
    page = Page("two and three hidden layers, any widths")
    page.prose(
        """A network with $L$ hidden layers maps $x = h^{(0)}$ through $a^{(k)} = b^{(k)} + W^{(k)} h^{(k-1)}$ and
        $h^{(k)} = g(a^{(k)})$ to its output $f(x) = h^{(L+1)} = o(a^{(L+1)})$. Here $g$ is $\\tanh$ and $o$ the
        softmax; any other activation takes the place of $\\tanh$."""
    )
    for hidden in (2, 3):
        f, t = network(hidden)
        page.heading(f"$L = {hidden}$")
        page.given(*[v for v in t.values() if v.definition is not None])
        page.picture(svg(graph_scene(FlowGraph((f,)), title=f"{hidden} hidden layers")), "The flow graph.")
        page.heading("as one formula", 2)
        page.prose("Opening the definitions one after the other, from the output down to the input:")
        last = t[f"a{hidden + 1}"]
        c = sn.index("c", f.shape[0])
        lines = [(from_sympy(last[c]), "")]
        for name in (n for k in range(hidden + 1, 0, -1) for n in (f"a{k}", f"h{k - 1}") if n != "h0"):
            lines.append((inline(lines[-1][0], frozenset((t[name],))), f"definition of {name}"))
        page.steps(*lines)
        page.prose("Claimed is the formula that one would write down, typed from the inside out:")
        page.equal("the nested formula", last[c], pre(t, hidden + 1, c), count=1)
        if hidden == 2:
            k = sn.index("k", f.shape[0])
            whole = exp(pre(t, 3, c)) / sn.sum(exp(pre(t, 3, k)), k)
            page.equal("and the output's, at full length", f[c], whole, lead="f(x)_{c}", count=1)
        page.matrix("the same in matrix notation", last)
    return page


ROW = Row(
    "A1", "The multilayer network",
    "Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors", build,
)  # fmt: skip
