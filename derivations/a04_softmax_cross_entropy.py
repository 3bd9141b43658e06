"""A4: softmax cross-entropy at the logits, with the quotient rule line by line, then case by case."""

from typing import Any

import sympy

import symnn as sn
from symnn.gallery import Page, Row


def minus(bracket: Any) -> Any:
    """Return -(...) as the lecture writes it; SymPy alone would open the bracket."""
    return sympy.Mul(-1, bracket, evaluate=False)


def build() -> Page:
    page = Page("any number of classes $C$")
    C = sn.dims("C")
    a = sn.input("a", (C,))
    y = sn.labels("y", (), C)
    f = sn.softmax(a, name="f")
    c = sn.index("c")
    loss = -sympy.log(f[y[()]])

    page.heading("Given")
    page.given(f, words=("softmax",))
    page.formula(r"\ell = -\log f_{y}, \qquad y \in \{0, \ldots, C-1\}", "cross-entropy")
    page.heading("The gradient by the logits")
    d = sn.derivative(loss, a[c])
    page.derive(d, claim=lambda c: minus(sympy.KroneckerDelta(c, y[()]) - f[c]))
    page.prose(
        """The gradient is the vector of probabilities less the one-hot vector of the observed class: it vanishes where
        the network is sure and right, and its entries always sum to 0."""
    )
    page.equal("the entries sum to 0", sn.sum(d.result, d.free[0]), 0)

    page.heading("The two cases")
    page.prose(
        """The same line by line, with the two cases told apart. In the case $c = y$ both the numerator and the
        denominator of $f_y$ depend on $a_c$; in the case $c \\neq y$ only the denominator does."""
    )
    page.heading("Case $c = y$", 2)
    page.derive(sn.derivative(loss, a[y[()]]), claim=minus(1 - f[y[()]]))
    page.heading("Case $c \\neq y$", 2)
    page.prose("Wherever $c \\neq y$, the indicator is 0 and only the second term is left:")
    (at,) = d.free
    other = 1 - sympy.KroneckerDelta(at, y[()])
    page.equal("the textbook's other case", other * d.result, other * f[at])
    return page


ROW = Row(
    "A4", "Softmax cross-entropy at the logits",
    "Bridle 1990, Training stochastic model recognition algorithms as networks, NIPS 2", build,
)  # fmt: skip
