"""Example networks by name, forward definitions only: what ``symnn derive NAME`` and the demo start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import symnn as sn

if TYPE_CHECKING:
    from symnn.network import Network

__all__ = ["EXAMPLES", "Example"]


@dataclass(frozen=True)
class Example:
    """A network to start from.

    Attributes:
        name: what the command line calls it.
        build: the forward definition; nothing is loaded or built before it is called.
        summary: one line.
        sizes: numbers for the symbolic sizes, where there are usual ones.
    """

    name: str
    build: Callable[[], Network]
    summary: str
    sizes: dict[str, int]


EXAMPLES: dict[str, Example] = {}


def _example(**sizes: int) -> Callable[[Callable[[], Network]], Callable[[], Network]]:
    """Enter a function into the table under its own name; the first line of its docstring is the summary."""

    def enter(build: Callable[[], Network]) -> Callable[[], Network]:
        name = build.__name__.replace("_", "-")
        EXAMPLES[name] = Example(name, build, (build.__doc__ or "").split("\n")[0].rstrip("."), sizes)
        return build

    return enter


@_example(D=64, H1=32, H2=16, C=10)
def digits() -> Network:
    """A classifier with two ReLU layers and softmax cross-entropy: 64-32-16-10 on the digits."""
    N, D, H1, H2, C = sn.dims("N D H1 H2 C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h1 = sn.relu(sn.dense(x, H1, name="1"))
    h2 = sn.relu(sn.dense(h1, H2, name="2"))
    p = sn.softmax(sn.dense(h2, C, name="3"))
    return sn.Network(sn.cross_entropy(p, t), output=p, title="digits")


@_example(D=64, C=10)
def softmax_regression() -> Network:
    """One affine layer, softmax and cross-entropy."""
    N, D, C = sn.dims("N D C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    p = sn.softmax(sn.dense(x, C, name=""))
    return sn.Network(sn.cross_entropy(p, t), output=p, title="softmax regression")


@_example(D=64, H=32, C=10)
def one_example() -> Network:
    """A classifier on a single example, all vectors columns, as on a blackboard."""
    D, H, C = sn.dims("D H C")
    x, y = sn.input("x", (D,)), sn.labels("y", (), C)
    h = sn.relu(sn.dense(x, H, name="1"))
    f = sn.softmax(sn.dense(h, C, name="2"), name="f")
    return sn.Network(sn.cross_entropy(f, y), output=f, title="one example")


@_example(D=64, H=16)
def autoencoder() -> Network:
    """Tied weights: the decoder uses the encoder's W transposed."""
    N, D, H = sn.dims("N D H")
    n, d, k = sn.indices("n d k")
    x = sn.input("x", (N, D))
    W, b, c = sn.parameter("W", (H, D)), sn.parameter("b", (H,)), sn.parameter("c", (D,))
    a = sn.define("a", (n, k), b[k] + sn.sum(W[k, d] * x[n, d], d))
    h = sn.tanh(a, name="h")
    y = sn.define("y", (n, d), c[d] + sn.sum(W[k, d] * h[n, k], k))
    return sn.Network(sn.mse(y, x), output=y, title="autoencoder with tied weights")


@_example(D=3, E=4)
def bilinear() -> Network:
    """A bilinear form of two inputs, x W y, with a logistic loss."""
    N, D, E = sn.dims("N D E")
    n, i, j = sn.indices("n i j")
    x, y, t = sn.input("x", (N, D)), sn.input("y", (N, E)), sn.input("t", (N,))
    W = sn.parameter("W", (D, E))
    s = sn.define("s", (n,), sn.sum(x[n, i] * W[i, j] * y[n, j], i, j))
    return sn.Network(sn.bce_with_logits(s, t), output=s, title="bilinear form")


@_example(D=8, H=16, K=1)
def regression() -> Network:
    """A tanh layer, an affine layer and the mean squared error."""
    N, D, H, K = sn.dims("N D H K")
    x, t = sn.input("x", (N, D)), sn.input("t", (N, K))
    h = sn.tanh(sn.dense(x, H, name="1"))
    y = sn.dense(h, K, name="2")
    return sn.Network(sn.mse(y, t), output=y, title="regression")


@_example(D=8)
def logistic_regression() -> Network:
    """One logit per example, binary cross-entropy, and lam times the squared weights."""
    N, D = sn.dims("N D")
    n, i = sn.indices("n i")
    x, y = sn.input("x", (N, D)), sn.input("y", (N,))
    w, b = sn.parameter("w", (D,)), sn.parameter("b", ())
    a = sn.define("a", (n,), b[()] + sn.sum(w[i] * x[n, i], i))
    loss = sn.bce_with_logits(a, y)
    return sn.Network(sn.plus(loss, sn.l2(w, sn.scalars("lam"))), output=a, title="logistic regression")


@_example(D=16, C=10)
def residual() -> Network:
    """A residual block, x + tanh(Wx + b), before softmax cross-entropy."""
    N, D, C = sn.dims("N D C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    r = sn.plus(x, sn.tanh(sn.dense(x, D, name="1")), name="r")
    p = sn.softmax(sn.dense(r, C, name="2"))
    return sn.Network(sn.cross_entropy(p, t), output=p, title="residual block")
