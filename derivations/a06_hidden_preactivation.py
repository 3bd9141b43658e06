"""A6: from an activation back to its pre-activation: a diagonal Jacobian, hence an entry-by-entry product."""

import sympy

import symnn as sn
from symnn.gallery import Page, Row, result_at

OFF_DIAGONAL = r"\mathbb{1}_{(i \neq j)}\, \frac{\partial h^{(k)}_i}{\partial a^{(k)}_j}"


def build() -> Page:
    page = Page("any activation applied entry by entry, any width")
    H = sn.dims("H")
    a = sn.input("a", (H,), latex="a^{(k)}")
    a.letters = ("i",)
    i, j = sn.indices("i j")

    page.prose(
        """The layer's units are $h^{(k)}_i = g(a^{(k)}_i)$, one function for all, each unit from its own
        pre-activation. The gradient $\\bar{h}^{(k)} = \\nabla_{h^{(k)}} \\ell$ is known; wanted is
        $\\bar{a}^{(k)} = \\nabla_{a^{(k)}} \\ell = (\\partial h^{(k)} / \\partial a^{(k)})^\\top \\bar{h}^{(k)}$."""
    )
    slopes = {
        "sigmoid": lambda h, a: h * (1 - h),
        "tanh": lambda h, a: 1 - h**2,
        "relu": lambda h, a: sn.indicator(a > 0),
    }
    for kind, slope in slopes.items():
        h = sn.activation(kind, a, name="h")
        h.latex = "h^{(k)}"
        page.heading(f"The activation {kind}")
        page.given(h)
        page.heading("The Jacobian is diagonal", 2)
        jacobian = page.derive(
            sn.derivative(h[i], a[j]),
            claim=lambda i, j, h=h, slope=slope: sympy.KroneckerDelta(i, j) * slope(h[i], a[i]),
        )
        page.heading("so its product is one entry by entry", 2)
        d = sn.vjp(h, a, upstream="dh")
        assert d.upstream is not None
        d.upstream.latex = r"\bar{h}^{(k)}"
        page.derive(d, claim=lambda j, h=h, d=d, slope=slope: d.upstream[j] * slope(h[j], a[j]))
        (at,) = d.free
        to = sn.index("i", H)
        page.equal(
            "the Jacobian's transpose times the gradient is that product",
            sn.sum(d.upstream[to] * result_at(jacobian, to, at), to),
            d.result,
        )

    page.heading("Any activation of the table")
    page.prose(
        """Nothing above depended on which function it was. For every activation that symnn knows, the engine's Jacobian
        has no entry off its diagonal:"""
    )
    for kind in sn.ACTIVATIONS:
        h = sn.activation(kind, a, name="h")
        h.latex = "h^{(k)}"
        d = sn.derivative(h[i], a[j])
        to, by = d.free
        off = (1 - sympy.KroneckerDelta(to, by)) * d.result
        page.equal(kind.replace("_", " "), off, 0, lead=OFF_DIAGONAL)
    return page


ROW = Row(
    "A6", "Hidden pre-activation: the diagonal Jacobian",
    "Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors", build,
)  # fmt: skip
