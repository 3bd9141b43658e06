"""A5: the chain rule through one layer, entry by entry, then as a product with the transposed weights."""

import symnn as sn
from symnn.gallery import Page, Row


def build() -> Page:
    page = Page("from layer $k+1$ back to layer $k$, any widths")
    H, K = sn.dims("H_k H_{k+1}")
    h = sn.input("h", (H,), latex="h^{(k)}")
    W = sn.parameter("W", (K, H), latex="W^{(k+1)}")
    b = sn.parameter("b", (K,), latex="b^{(k+1)}")
    i, j = sn.indices("i j")
    a = sn.define("a", (i,), b[i] + sn.sum(W[i, j] * h[j], j), latex="a^{(k+1)}")

    page.heading("Given")
    page.given(a, words=("pre-activation",))
    page.prose(
        """The loss depends on $h^{(k)}$ only through $a^{(k+1)}$. Write $\\delta^{(k+1)}_i =
        \\partial \\ell / \\partial a^{(k+1)}_i$ for the gradient that has already been found there. Wanted:
        $\\bar{h}^{(k)}_j = \\partial \\ell / \\partial h^{(k)}_j$."""
    )
    page.heading("By component")
    page.prose(
        """Every unit of layer $k+1$ hears unit $j$, so the chain rule sums over all of them. One unit hears it by one
        weight:"""
    )
    page.derive(sn.derivative(a[i], h[j]), claim=lambda i, j: W[i, j])
    page.prose("and hence, through all units,")
    d = sn.vjp(a, h, upstream="delta")
    assert d.upstream is not None
    d.upstream.latex = r"\delta^{(k+1)}"
    page.derive(d, claim=lambda j: sn.sum(d.upstream[i] * W[i, j], i), lead=r"\nabla_{h^{(k)}} \ell")
    page.prose(
        """The sum runs down column $j$ of $W^{(k+1)}$: it is the dot product of that column with $\\delta^{(k+1)}$, and
        all of them together are one product with the transposed matrix. The bias does not appear: it moves
        $a^{(k+1)}$, not how $a^{(k+1)}$ moves with $h^{(k)}$."""
    )
    return page


ROW = Row(
    "A5", "Chain rule through one layer",
    "Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors", build,
)  # fmt: skip
