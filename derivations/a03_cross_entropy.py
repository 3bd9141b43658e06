"""A3: cross-entropy by the output probabilities, and why this loss."""

import sympy

import symnn as sn
from symnn.gallery import Page, Row


def build() -> Page:
    page = Page("any number of classes $C$")
    C, T = sn.dims("C T")
    f = sn.input("f", (C,), positive=True)
    y = sn.labels("y", (), C)
    c, k = sn.indices("c k")
    loss = -sympy.log(f[y[()]])

    page.prose(
        """The network puts out positive numbers $f_c$, its probabilities of the classes; $y \\in \\{0, \\ldots, C-1\\}$
        is the class that was observed and $e(y)$ its one-hot vector, $e(y)_c = \\mathbb{1}_{(c=y)}$. The loss of this
        example is the cross-entropy $\\ell = -\\log f_y$."""
    )
    page.heading("The gradient by the output")
    page.derive(
        sn.derivative(loss, f[c]), lead=r"\nabla_{f} \ell",
        claim=lambda c: -sympy.KroneckerDelta(c, y[()]) / f[y[()]],
    )  # fmt: skip
    page.prose("Only the entry of the observed class moves the loss, the more the less probable the network held it.")

    page.heading("Why this loss: it is a negative log-likelihood")
    page.prose(
        """Under a multinomial distribution with one draw, a one-hot $e$ has probability
        $\\prod_c f_c^{e_c} = \\exp \\sum_c e_c \\log f_c$. For $e = e(y)$ that product is $f_y$, so its negative
        logarithm is the loss."""
    )
    one_hot = sympy.KroneckerDelta(c, y[()])
    page.equal(
        "probability of the observed class", sympy.exp(sn.sum(one_hot * sympy.log(f[c]), c)), f[y[()]],
        lead=r"\prod_{c} f_{c}^{e(y)_{c}} = \exp \sum_{c} \mathbb{1}_{(c=y)} \log f_{c}",
    )  # fmt: skip
    page.equal("its negative logarithm is the loss", -sn.sum(one_hot * sympy.log(f[c]), c), loss)
    page.prose("For $T$ independent examples the probabilities multiply, and the losses add:")
    t = sn.index("t")
    F = sn.input("F", (T, C), positive=True, latex="f")
    Y = sn.labels("Y", (T,), C, latex="y")
    page.equal(
        "independent examples",
        -sympy.log(sympy.exp(sn.sum(sn.sum(sympy.KroneckerDelta(c, Y[t]) * sympy.log(F[t, c]), c), t))),
        sn.sum(-sympy.log(F[t, Y[t]]), t),
        lead=r"-\log \prod_{t} \prod_{c} f_{tc}^{e(y_{t})_{c}}",
    )  # fmt: skip

    page.heading("Why this loss: it bounds the error")
    page.prose(
        """Let $f$ be a softmax, so that it is positive and sums to 1. The prediction errs if some class $c \\neq y$ has
        $f_c \\geq f_y$ (a tie counts as an error). Then $1 - 2 f_y$ is a sum of nonnegative terms, so
        $f_y \\leq 1/2$:"""
    )
    a = sn.input("a", (C,))
    p = sn.softmax(a, name="f")
    page.equal("the probabilities sum to 1", sn.sum(p[c], c), 1)
    error = sn.indicator(p[c] >= p[y[()]]) * (1 - sympy.KroneckerDelta(c, y[()]))
    others = sn.sum(p[k] * (1 - sympy.KroneckerDelta(k, y[()])) * (1 - sympy.KroneckerDelta(k, c)), k)
    page.at_least(
        "an error means that $f_y$ is at most 1/2",
        error * (1 - 2 * p[y[()]]),
        0,
        error * (p[c] - p[y[()]]) + error * others,
    )
    page.prose(
        """As the logarithm increases, $\\ell = -\\log f_y \\geq \\log 2$ wherever there is an error, and $\\ell > 0$
        everywhere since $f_y < 1$. So $\\ell / \\log 2$ is at least the number of errors, 0 or 1. That last step is an
        inequality between logarithms, which the algebra does not decide; it is evaluated. The bound cannot be improved:
        it is met by $C = 2$ equal logits."""
    )
    wrong = sn.define("wrong", (), sn.sum(sn.indicator(p[c] >= p[y[()]]) * (1 - sympy.KroneckerDelta(c, y[()])), c))
    page.seen_at_least(
        "the bound on the error",
        -sympy.log(p[y[()]]) / sympy.log(2), sn.indicator(wrong[()] > 0), count=60,
        shown=r"\frac{-\log f_{y}}{\log 2} \;\geq\; \mathbb{1}_{(\exists\, c \neq y:\; f_{c} \geq f_{y})}",
    )  # fmt: skip
    zeros = sn.define("o", (sn.index("c", 2),), 0 * sn.index("c"))
    q = sn.softmax(zeros, name="q")
    two = sn.labels("z", (), 2)
    page.equal("two equal logits meet the bound", -sympy.log(q[two[()]]) / sympy.log(2), 1)
    return page


ROW = Row(
    "A3", "Cross-entropy at the probabilities",
    "Bishop 2006, Pattern Recognition and Machine Learning, sec. 4.3.4", build,
)  # fmt: skip
