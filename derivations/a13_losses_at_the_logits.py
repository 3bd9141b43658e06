"""A13: what the losses in use send back to the logits or the outputs."""

from typing import Any

from sympy import Abs, KroneckerDelta, Piecewise, log, sign

import symnn as sn
from symnn.gallery import Page, Row, computed

C, M = sn.dims("C M")
alpha, tau, gamma, delta = sn.scalars("alpha tau gamma delta", positive=True)
c = sn.index("c", C)
k, i = sn.indices("k i")
LOSS = r"\frac{\partial \ell}{\partial a_c}"


def build() -> Page:
    page = Page("one example, any number of classes $C$ and of outputs $M$")
    page.prose(
        """Each loss was made together with an output function, and at the logits $a$ the two nearly cancel: what comes
        back is a difference between what the network says and what it should say. Over a batch every formula is
        divided by the number of examples."""
    )
    _binary(page)
    a, y = sn.input("a", (C,)), sn.labels("y", (), C)
    p = sn.softmax(a, name="p")
    _smoothing(page, a, y, p)
    _temperature(page, a, y)
    _divergence(page, a, p)
    _distillation(page, a)
    _focal(page)
    _regression(page)
    _hinge(page)
    return page


def _derive(page: Page, loss: Any, at: Any, claim: Any, *words: str) -> Any:
    """Show the loss and what it is made of, then its derivative, every computed tensor folded back."""
    nodes = computed(loss)
    page.given(*nodes.values(), words=words)
    made_of = [t for t in nodes.values() if t is not loss]
    return page.derive(sn.derivative(loss[()], at, keep=made_of, collect=1), claim=claim)


def _binary(page: Page) -> None:
    page.heading("Two classes")
    a, y = sn.input("a", ()), sn.input("y", ())
    f = sn.sigmoid(a, name="f")
    loss = sn.bce_with_logits(a, y, name="loss")
    page.prose("One logit, the sigmoid $f$ for the probability of class 1, and a target $y$ of 0 or 1.")
    page.given(f, loss)
    page.derive(sn.derivative(loss[()], a[()], keep=[f]), claim=f[()] - y[()])
    page.prose("It is the cross-entropy of $f$, written so that no logarithm of a rounded 0 is ever taken:")
    typed = -y[()] * log(f[()]) - (1 - y[()]) * log(1 - f[()])
    page.equal("the same loss", loss[()], typed, lead=r"\ell")


def _smoothing(page: Page, a: Any, y: Any, p: Any) -> None:
    page.heading("Label smoothing")
    page.prose(
        """A share $\\alpha$ of the target is spread over all classes. The gradient is $p - q$ for the smoothed target
        $q$, and vanishes at finite logits: the network is no longer asked for certainty."""
    )
    loss = sn.cross_entropy(p, y, label_smoothing=alpha, name="loss")
    q = sn.define("q", (c,), (1 - alpha) * KroneckerDelta(c, y[()]) + alpha / C)
    d = _derive(
        page, loss, a[c], lambda c: p[c] - ((1 - alpha) * KroneckerDelta(c, y[()]) + alpha / C), "softmax", "loss"
    )
    page.given(q, words=("smoothed target",))
    (at,) = d.free
    page.equal("$p - q$", d.result, p[at] - q[at], lead=LOSS)


def _temperature(page: Page, a: Any, y: Any) -> None:
    page.heading("Temperature")
    page.prose("Logits divided by $\\tau$ make the probabilities softer, and the gradient smaller by the same factor.")
    p = sn.softmax(a, temperature=tau, name="p")
    loss = sn.cross_entropy(p, y, name="loss")
    _derive(page, loss, a[c], lambda c: (p[c] - KroneckerDelta(c, y[()])) / tau, "softmax", "loss")


def _divergence(page: Page, a: Any, p: Any) -> None:
    page.heading("Divergence from a distribution")
    page.prose("The target is a whole distribution $q$, here itself a softmax, of other logits $s$.")
    s = sn.input("s", (C,))
    q = sn.softmax(s, name="q")
    _derive(page, sn.kl(q, p, name="loss"), a[c], lambda c: p[c] - q[c], "target", "softmax", "divergence")
    page.prose(
        """That $q$ sums to 1 was read off its definition. Where $q$ is only given, with whatever entries, the sum stays
        in the formula, and has to be declared to be 1:"""
    )
    free = sn.input("q", (C,), positive=True)
    d = _derive(page, sn.kl(free, p, name="loss"), a[c], lambda c: p[c] * sn.sum(free[k], k) - free[c])
    (at,) = d.free
    one = page.declared((sn.sum(free[k], k), 1))
    page.equal("$p - q$ for a distribution $q$", d.result, p[at] - free[at], given=one, lead=LOSS)


def _distillation(page: Page, a: Any) -> None:
    page.heading("Distillation")
    page.prose(
        """A student with logits $a$ learns from a teacher's distribution $q$. Both are softened by $\\tau$, which makes
        the gradient small as $1/\\tau$, and at large $\\tau$ the difference $p - q$ shrinks by another $1/\\tau$: the
        factor $\\tau^2$ in the loss undoes the two."""
    )
    teacher = sn.input("s", (C,))
    loss = sn.distillation(a, teacher, tau, name="loss")
    nodes = computed(loss)
    p, q = nodes["p"], nodes["q"]
    _derive(page, loss, a[c], lambda c: tau * (p[c] - q[c]), "teacher", "student", "loss")


def _focal(page: Page) -> None:
    page.heading("Focal loss")
    page.prose(
        """The cross-entropy is weighed by $(1 - p_y)^\\gamma$, so that the many easy examples do not drown the few hard
        ones. The gradient is the cross-entropy's, $p_c - \\mathbb{1}[c = y]$, times a factor of $p_y$ alone. There are
        $C + 1$ classes here, two at least: with a single one $p_y = 1$, where the factor needs $\\gamma \\geq 1$."""
    )
    a, y = sn.input("a", (C + 1,)), sn.labels("y", (), C + 1)
    p = sn.softmax(a, name="p")
    c = sn.index("c")
    loss = sn.focal(p, y, gamma=gamma, name="loss")
    t = p[y[()]]
    factor = (1 - t) ** gamma - gamma * t * (1 - t) ** (gamma - 1) * log(t)
    _derive(page, loss, a[c], lambda c: factor * (p[c] - KroneckerDelta(c, y[()])), "softmax", "loss")


def _regression(page: Page) -> None:
    y, t = sn.input("y", (M,)), sn.input("t", (M,))
    page.heading("Squared error")
    page.prose("For outputs $y$ and targets $t$ the gradient grows with the error, so a single outlier may rule it.")
    _derive(page, sn.mse(y, t, name="loss"), y[i], lambda i: 2 / M * (y[i] - t[i]))
    page.heading("Absolute error")
    page.prose("Only the sign of the error counts. At the kink $y = t$ the derivative is taken as 0.")
    _derive(page, sn.mae(y, t, name="loss"), y[i], lambda i: sign(y[i] - t[i]) / M)
    page.heading("Huber's loss")
    page.prose(
        """Squared near 0, absolute beyond $\\delta$: the error, cut off at $\\pm\\delta$. The two branches have one
        slope where they meet, so there is no kink."""
    )

    def clipped(i: Any) -> Any:
        r = y[i] - t[i]
        return Piecewise((r, Abs(r) <= delta), (delta * sign(r), True)) / M

    _derive(page, sn.huber(y, t, delta=delta, name="loss"), y[i], clipped)


def _hinge(page: Page) -> None:
    page.heading("Hinge")
    page.prose(
        """For targets $y = \\pm 1$: right by a margin of 1 or more, an example sends nothing back; else it pushes with
        the same strength, however wrong it is."""
    )
    a, y = sn.input("a", ()), sn.input("y", ())
    loss = sn.hinge(a, y, name="loss")
    _derive(page, loss, a[()], -y[()] * sn.indicator(y[()] * a[()] < 1))


ROW = Row(
    "A13", "Losses at the logits",
    "Szegedy et al. 2016, Rethinking the Inception Architecture, sec. 7; Hinton, Vinyals, Dean 2015, Distilling the "
    "Knowledge in a Neural Network, sec. 2; Lin et al. 2017, Focal Loss for Dense Object Detection, app. B; Huber "
    "1964, Robust Estimation of a Location Parameter", build,
)  # fmt: skip
