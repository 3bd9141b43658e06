"""A7: the gradients of weights and biases: an outer product and the adjoint itself; for a batch, their sums."""

import symnn as sn
from symnn.derivation import Derivation
from symnn.gallery import Page, Row


def by(layer: sn.Tensor, wrt: sn.Tensor, name: str) -> Derivation:
    """Return the gradient through a layer, in the letters of the lecture."""
    d = sn.vjp(layer, wrt, upstream="delta")
    assert d.upstream is not None
    d.upstream.latex = name
    return d


def build() -> Page:
    page = Page("any widths, one example and a batch")
    N, H, K = sn.dims("N H_{k-1} H_k")
    W = sn.parameter("W", (K, H), latex="W^{(k)}")
    b = sn.parameter("b", (K,), latex="b^{(k)}")
    n, i, j = sn.indices("n i j")

    page.heading("One example, in columns")
    h = sn.input("h", (H,), latex="h^{(k-1)}")
    a = sn.define("a", (i,), b[i] + sn.sum(W[i, j] * h[j], j), latex="a^{(k)}")
    page.given(a, words=("pre-activation",))
    page.prose("With $\\delta^{(k)} = \\nabla_{a^{(k)}} \\ell$ known, the weights get an outer product:")
    d = by(a, W, r"\delta^{(k)}")
    page.derive(d, claim=lambda i, j, d=d: d.upstream[i] * h[j], lead=r"\nabla_{W^{(k)}} \ell")
    page.prose("and the biases $\\delta^{(k)}$ itself:")
    d = by(a, b, r"\delta^{(k)}")
    page.derive(d, claim=lambda i, d=d: d.upstream[i], lead=r"\nabla_{b^{(k)}} \ell")

    page.heading("A batch, in rows")
    x = sn.input("H", (N, H), latex="H^{(k-1)}")
    z = sn.define("A", (n, i), b[i] + sn.sum(W[i, j] * x[n, j], j), latex="A^{(k)}")
    page.given(z, words=("one row per example",))
    page.prose(
        """The parameters are shared by all examples, so their gradients are summed over the batch. The sum of outer
        products is one matrix product; for the biases it is a sum of rows."""
    )
    d = by(z, W, r"\Delta^{(k)}")
    page.derive(d, claim=lambda i, j, d=d: sn.sum(d.upstream[n, i] * x[n, j], n), lead=r"\nabla_{W^{(k)}} \ell")
    d = by(z, b, r"\Delta^{(k)}")
    page.derive(d, claim=lambda i, d=d: sn.sum(d.upstream[n, i], n), lead=r"\nabla_{b^{(k)}} \ell")
    return page


ROW = Row(
    "A7", "Gradients of weights and biases",
    "Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors", build,
)  # fmt: skip
