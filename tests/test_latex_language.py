"""Formulas in LaTeX as people write them: read, evaluated by the reference interpreter, compared with NumPy by hand.

Every tensor of a network, gradients too, is given numbers of its own, so that only the reading is tested.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symnn as sn
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.indices import Index
from symnn.language.latex_meaning import read_latex
from symnn.language.reading import Reading
from symnn.language.scope import Scope
from symnn.language.syntax import FormulaError, MismatchError
from symnn.show.latex_notation import latex
from symnn.verify.question import node

N, D, H, C, T, E, K, m, M = sn.dims("N D H C T E K m M")
lam, eps = sn.scalars("lam", positive=True), sn.scalars("eps", positive=True)
n, i, j, k, c, s, t_, d = sn.indices("n i j k c s t d")
S = sn.sum
SIZES = {N: 5, D: 3, H: 4, C: 6, T: 7, E: 2, K: 8, m: 5, M: 9}
SCALARS = {lam: 0.7, eps: 0.3}


# -- networks ----------------------------------------------------------------------------------------------------------


def larochelle() -> sn.Network:
    """One example: a^{(k)} = b^{(k)} + W^{(k)} h^{(k-1)}, f = softmax(a^{(3)}), loss -log f_y."""
    x, y = sn.input("x", (D,)), sn.labels("y", (), C)
    h1 = sn.tanh(sn.dense(x, H, name="1"))
    h2 = sn.tanh(sn.dense(h1, K, name="2"))
    return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h2, C, name="3"), name="f"), y))


def relu_batch() -> sn.Network:
    """A batch, examples as rows, mean cross-entropy."""
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h = sn.relu(sn.dense(x, H, name="1"))
    return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t))


def nielsen() -> sn.Network:
    """z^l = w^l a^{l-1} + b^l, a^l = sigma(z^l), C = 1/2 |y - a^L|^2; one example."""
    x, y = sn.input("x", (D,)), sn.input("y", (C,))
    w2, b2, w3, b3 = (
        sn.parameter(q, s) for q, s in (("w2", (H, D)), ("b2", (H,)), ("w3", (C, H)), ("b3", (C,)))
    )  # fmt: skip
    z2 = sn.define("z2", (j,), S(w2[j, k] * x[k], k) + b2[j])
    a2 = sn.sigmoid(z2, name="a2")
    z3 = sn.define("z3", (j,), S(w3[j, k] * a2[k], k) + b3[j])
    a3 = sn.sigmoid(z3, name="a3")
    return sn.Network(sn.define("cost", (), S((y[j] - a3[j]) ** 2, j) / 2))


def ioffe() -> sn.Network:
    """Batch normalisation of one feature over a batch of m, as in the paper's algorithm 1."""
    x, v = sn.input("x", (m,)), sn.input("v", (m,))
    gamma, beta = sn.parameter("gamma", ()), sn.parameter("beta", ())
    mu = sn.define("mu", (), S(x[i], i) / m)
    var = sn.define("sigma2", (), S((x[i] - mu[()]) ** 2, i) / m, positive=True)
    xhat = sn.define("xhat", (i,), (x[i] - mu[()]) / sp.sqrt(var[()] + eps))
    y = sn.define("y", (i,), gamma[()] * xhat[i] + beta[()])
    return sn.Network(sn.define("loss", (), S(y[i] * v[i], i)))


def batch_normed() -> sn.Network:
    x, v = sn.input("x", (N, D)), sn.input("v", (N, D))
    y = sn.batch_norm(x, eps=eps)
    return sn.Network(sn.define("loss", (), S(y[n, i] * v[n, i], n, i)), output=y)


def layer_normed() -> sn.Network:
    x, v = sn.input("x", (D,)), sn.input("v", (D,))
    y = sn.layer_norm(x, eps=eps)
    return sn.Network(sn.define("loss", (), S(y[i] * v[i], i)), output=y)


def attention() -> sn.Network:
    """O = softmax(Q K^T / sqrt E) V; tokens are rows."""
    x, u = sn.input("X", (T, D)), sn.input("U", (T, E))
    Wq, Wk, Wv = (sn.parameter(q, (D, E)) for q in ("Wq", "Wk", "Wv"))
    q, kk, v = (
        sn.define(name, (t_, d), S(x[t_, i] * w[i, d], i)) for name, w in (("Q", Wq), ("K", Wk), ("V", Wv))
    )  # fmt: skip
    score = sn.define("S", (t_, s), S(q[t_, d] * kk[s, d], d) / sp.sqrt(E))
    a = sn.softmax(score, name="A")
    o = sn.define("O", (t_, d), S(a[t_, s] * v[s, d], s))
    return sn.Network(sn.define("loss", (), S(o[t_, d] * u[t_, d], t_, d)))


def ridge() -> sn.Network:
    """Linear regression with weight decay."""
    x, y = sn.input("X", (N, D)), sn.input("y", (N,))
    w = sn.parameter("w", (D,))
    r = sn.define("r", (n,), S(x[n, i] * w[i], i) - y[n])
    return sn.Network(sn.define("J", (), S(r[n] ** 2, n) / (2 * N) + lam / 2 * S(w[i] ** 2, i)))


def bishop() -> sn.Network:
    """Softmax regression with one-hot targets, y_{nk} and t_{nk}."""
    x, t = sn.input("x", (N, D)), sn.input("t", (N, K))
    w, b = sn.parameter("w", (K, D)), sn.parameter("b", (K,))
    a = sn.define("a", (n, k), S(w[k, j] * x[n, j], j) + b[k])
    y = sn.softmax(a, name="y")
    return sn.Network(sn.define("E_D", (), -S(t[n, k] * sp.log(y[n, k]), n, k)))


def logistic() -> sn.Network:
    """Two outputs of one hidden layer with several activations."""
    x, y = sn.input("x", (N, D)), sn.input("y", (N, C))
    h = sn.relu(sn.dense(x, H, name="1"))
    yhat = sn.sigmoid(sn.dense(h, C, name="2"), name="yhat")
    return sn.Network(sn.define("L", (), -S(y[n, c] * sp.log(yhat[n, c]), n, c) / N))


def gelu_net() -> sn.Network:
    x, v = sn.input("x", (D,)), sn.input("v", (H,))
    h = sn.silu(sn.dense(x, H, name="1"))
    return sn.Network(sn.define("loss", (), S(h[i] * v[i], i)))


def leaky() -> sn.Network:
    x, v = sn.input("x", (D,)), sn.input("v", (H,))
    h = sn.leaky_relu(sn.dense(x, H, name="1"), slope=Fraction(1, 5))
    return sn.Network(sn.define("loss", (), S(h[i] * v[i], i)))


NETS = {f.__name__: f for f in (
    larochelle, relu_batch, nielsen, ioffe, batch_normed, layer_normed, attention, ridge, bishop, logistic, gelu_net,
    leaky,
)}  # fmt: skip


class World:
    """A network, the scope of its names, and numbers for every tensor in it."""

    def __init__(self, make: Callable[[], sn.Network]) -> None:
        self.net = make()
        adjoints = self.net.adjoints([t.name for t in self.net.graph if t.classes is None and t is not self.net.loss])
        self.scope = Scope.of(self.net.graph, gradients={a.name: a for a in adjoints.of.values()}, symbols={"lam": lam})
        self.tensors = {a.tensor.name: a.tensor for a in self.scope.names.values() if a.tensor is not None}
        rng = np.random.default_rng(3)
        self.values: dict[str, Any] = {}
        for name, t in self.tensors.items():
            shape = tuple(size_value(q, SIZES) for q in t.shape)
            if t.classes is not None:
                self.values[name] = rng.integers(0, size_value(t.classes, SIZES), shape)
            else:
                plain = rng.uniform(0.2, 1.3, shape)
                self.values[name] = plain if t.positive else plain * rng.choice([-1.0, 1.0], shape)

    def free(self, target: str) -> tuple[Index, ...]:
        t = self.tensors[target]
        letters = t.letters if len(t.letters) == t.rank else "ijkl"[: t.rank]
        return tuple(Index(letter, q) for letter, q in zip(letters, t.shape, strict=True))

    def read(self, target: str, text: str, **options: Any) -> Reading:
        return read_latex(text, self.scope, self.free(target), **options)

    def evaluate(self, reading: Reading) -> Any:
        made = node("claim", reading.free, reading.tree)
        given = {self.tensors[q]: v for q, v in self.values.items()}
        return np.asarray(Interpreter({**SIZES, **SCALARS}, given).tensor(made), dtype=float)


@cache
def world(name: str) -> World:
    return World(NETS[name])


class Given(dict[str, Any]):
    __getattr__ = dict.__getitem__


def hot(t: Any, classes: int = SIZES[C]) -> Any:
    return np.eye(classes)[t]


def logistic_of(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def soft(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def slope(z: Any) -> Any:
    return logistic_of(z) * (1 - logistic_of(z))


def steep(z: Any) -> Any:
    return 1 - np.tanh(z) ** 2


# -- formulas as people write them -------------------------------------------------------------------------------------

Case = tuple[str, str, str, Callable[[Any], Any]]

ONE: Sequence[Case] = [
    # Larochelle's slides
    ("larochelle", "a3", r"\nabla_{a^{(3)}(x)} -\log f(x)_y = -(e(y) - f(x))", lambda v: v.f - hot(v.y)),
    ("larochelle", "W3", r"\nabla_{W^{(3)}} \ell = (\nabla_{a^{(3)}} \ell)\, h^{(2)\top}",
     lambda v: np.outer(v.delta3, v.h2)),
    ("larochelle", "W3",
     r"\left(\nabla_{\mathbf{a}^{(3)}(\mathbf{x})} -\log f(\mathbf{x})_y\right) {\mathbf{h}^{(2)}}^\top",
     lambda v: np.outer(v.delta3, v.h2)),
    ("larochelle", "h2", r"\nabla_{h^{(2)}(x)} \ell = {W^{(3)}}^\top (\nabla_{a^{(3)}(x)} \ell)",
     lambda v: v.W3.T @ v.delta3),
    ("larochelle", "a2", r"(\nabla_{h^{(2)}} \ell) \odot g'(a^{(2)})",
     lambda v: v.dh2 * steep(v.a2)),
    ("larochelle", "b3", r"\nabla_{a^{(3)}} \ell", lambda v: v.delta3),
    ("larochelle", "a3", r"-\left(1_{(y=c)} - f_c\right)", lambda v: v.f - hot(v.y)),
    ("larochelle", "a3", r"\frac{\partial}{\partial a^{(3)}(x)_c} -\log f(x)_y = -\left(1_{(y=c)} - f(x)_c\right)",
     lambda v: v.f - hot(v.y)),
    ("larochelle", "f", r"\frac{\partial \ell}{\partial f_c} = \frac{-1_{(y=c)}}{f_y}",
     lambda v: -hot(v.y) / v.f[v.y]),
    ("larochelle", "f", r"\nabla_{f} \ell = \frac{-1}{f(x)_y} e(y)", lambda v: -hot(v.y) / v.f[v.y]),
    ("larochelle", "f", r"-e_y / f_y", lambda v: -hot(v.y) / v.f[v.y]),
    ("larochelle", "a2",
     r"\frac{\partial\ell}{\partial a^{(2)}_j} = \frac{\partial\ell}{\partial h^{(2)}_j} g'(a_j^{(2)})",
     lambda v: v.dh2 * steep(v.a2)),
    ("larochelle", "h2",
     r"\frac{\partial \ell}{\partial h_j^{(2)}} = \sum_i \frac{\partial \ell}{\partial a_i^{(3)}} W_{ij}^{(3)}",
     lambda v: v.W3.T @ v.delta3),
    ("larochelle", "h2", r"\sum_i W^{(3)}_{i,j} \delta^{(3)}_i",
     lambda v: v.W3.T @ v.delta3),
    ("larochelle", "W2",
     r"\frac{\partial \ell}{\partial W^{(2)}_{i,j}} = \frac{\partial \ell}{\partial a^{(2)}_i} h_j^{(1)}",
     lambda v: np.outer(v.delta2, v.h1)),
    ("larochelle", "W1", r"$\delta^{(1)} h^{(0)\top}$", lambda v: np.outer(v.delta1, v.x)),
    ("larochelle", "W2", r"\delta^{(2)} \otimes h^{(1)}", lambda v: np.outer(v.delta2, v.h1)),
    ("larochelle", "a3", r"f - \mathbf{1}_{y}", lambda v: v.f - hot(v.y)),
    ("larochelle", "a3", r"f - \mathrm{onehot}(y).", lambda v: v.f - hot(v.y)),
    ("larochelle", "a3", r"f - y", lambda v: v.f - hot(v.y)),
    ("larochelle", "a3", r"\operatorname{softmax}(a^{(3)}) - \mathbf{e}_y", lambda v: soft(v.a3) - hot(v.y)),
    ("larochelle", "a3",
     r"\frac{e^{a^{(3)}_c}}{\sum_{k} e^{a^{(3)}_k}} - \delta_{c,y}",
     lambda v: soft(v.a3) - hot(v.y)),
    ("larochelle", "a3", r"\exp a^{(3)}_c / \sum_{k=1}^{C} \exp a^{(3)}_k - \delta_{cy}",
     lambda v: soft(v.a3) - hot(v.y)),
    ("larochelle", "a3", r"\left(\operatorname{diag}(f) - f f^{\top}\right) \nabla_f \ell",
     lambda v: (np.diag(v.f) - np.outer(v.f, v.f)) @ v.df),
    ("larochelle", "a3", r"f \odot (\bar{f} - (f^\top \bar{f}) \mathbf{1})", lambda v: v.f * (v.df - v.f @ v.df)),
    ("larochelle", "a3",
     r"f \odot \overline{f} - \langle f, \bar f \rangle f",
     lambda v: v.f * v.df - (v.f @ v.df) * v.f),
    ("larochelle", "a3",
     r"f_i \left(\frac{\partial L}{\partial f_i} - \sum_j \frac{\partial L}{\partial f_j} f_j\right)",
     lambda v: v.f * (v.df - v.f @ v.df)),
    ("larochelle", "a3", r"\sum_{j} f_i(\delta_{ij} - f_j) \frac{\partial \ell}{\partial f_j}",
     lambda v: v.f * (v.df - v.f @ v.df)),
    ("larochelle", "a3",
     r"f_i (1 - f_i) \frac{\partial \ell}{\partial f_i} - \sum_{j \neq i} f_i f_j \frac{\partial \ell}{\partial f_j}",
     lambda v: v.f * (v.df - v.f @ v.df)),
    # Goodfellow, Bengio, Courville, algorithm 6.4
    ("larochelle", "a2",
     r"\boldsymbol{g} \leftarrow \nabla_{\boldsymbol{a}^{(2)}} J = \nabla_{\boldsymbol{h}^{(2)}} J \odot "
     r"f'(\boldsymbol{a}^{(2)})",
     lambda v: v.dh2 * steep(v.a2)),
    ("larochelle", "W2",
     r"\nabla_{\boldsymbol{W}^{(2)}} J = \boldsymbol{\delta}^{(2)} \boldsymbol{h}^{(1)\top} + \lambda "
     r"\boldsymbol{W}^{(2)}",
     lambda v: np.outer(v.delta2, v.h1) + 0.7 * v.W2),
    ("larochelle", "h1", r"\boldsymbol{W}^{(2)\top} \boldsymbol{\delta}^{(2)}", lambda v: v.W2.T @ v.delta2),
    ("larochelle", "a1", r"\operatorname{diag}\left(1 - (h^{(1)})^2\right) W^{(2)\top} \delta^{(2)}",
     lambda v: (1 - v.h1**2) * (v.W2.T @ v.delta2)),
    ("larochelle", "a1", r"\mathrm{diag}(\mathbf 1 - h_1 \odot h_1) W_2^T \delta_2",
     lambda v: (1 - v.h1**2) * (v.W2.T @ v.delta2)),
    ("larochelle", "a1", r"\bigl(W_2^{\mathsf{T}} \delta_2\bigr) \circ \bigl(1 - \tanh^2(a_1)\bigr)",
     lambda v: steep(v.a1) * (v.W2.T @ v.delta2)),
    ("larochelle", "a1", r"((\delta^{(2)\top} W^{(2)})^\top) \odot \tanh'(a^{(1)})",
     lambda v: steep(v.a1) * (v.W2.T @ v.delta2)),
    ("larochelle", "a1",
     r"\begin{equation} \delta^{(1)}_i = \Bigl( \sum_{k=1}^{K} W^{(2)}_{ki} \delta^{(2)}_k \Bigr) \bigl(1 "
     r"- (h^{(1)}_i)^2 \bigr) \label{eq:d1} \end{equation}",
     lambda v: (1 - v.h1**2) * (v.W2.T @ v.delta2)),
    ("larochelle", "W1", r"W^{(2)\top} \delta^{(2)} \odot g'(a^{(1)}) x^\top",
     lambda v: np.outer(steep(v.a1) * (v.W2.T @ v.delta2), v.x)),
    ("larochelle", "W1", r"dW_{ij} = \delta^{(1)}_i x_j", lambda v: np.outer(v.delta1, v.x)),
    ("larochelle", "W1", r"\frac{\partial \mathcal{L}}{\partial W^{[1]}} = \mathrm{d}a^{[1]}\, x^\intercal",
     lambda v: np.outer(v.delta1, v.x)),
    ("larochelle", "W1", r"\frac{dL}{dW_1} = \frac{dL}{da_1} x^T", lambda v: np.outer(v.delta1, v.x)),
    ("larochelle", "b1", r"\partial L/\partial b^{(1)} = \partial L/\partial a^{(1)}", lambda v: v.delta1),
    ("larochelle", "h1", r"(W^{(2)\top}\delta^{(2)})_j", lambda v: v.W2.T @ v.delta2),
    ("larochelle", "a1", r"(W^{(2)\top}\delta^{(2)})_j\, g'(a^{(1)}_j)", lambda v: steep(v.a1) * (v.W2.T @ v.delta2)),
    # Nielsen, chapter 2
    ("nielsen", "z3", r"\delta^L_j = \frac{\partial C}{\partial a^3_j} \sigma'(z^3_j)", lambda v: v.da3 * slope(v.z3)),
    ("nielsen", "z3", r"\delta^3 = (a^3 - y) \odot \sigma'(z^3)", lambda v: (v.a3 - v.y) * slope(v.z3)),
    ("nielsen", "z3", r"\nabla_{a^3} C \odot \sigma'(z^3)", lambda v: v.da3 * slope(v.z3)),
    ("nielsen", "z2", r"\delta^2 = ((w^3)^T \delta^3) \odot \sigma'(z^2)", lambda v: (v.w3.T @ v.dz3) * slope(v.z2)),
    ("nielsen", "w3", r"\frac{\partial C}{\partial w^3_{jk}} = a^2_k \delta^3_j", lambda v: np.outer(v.dz3, v.a2)),
    ("nielsen", "b3", r"\frac{\partial C}{\partial b^3_j} = \delta^3_j", lambda v: v.dz3),
    ("nielsen", "z2",
     r"\sum_k w_{kj}^3 \delta_k^3\, a^2_j (1 - a^2_j)",
     lambda v: (v.w3.T @ v.dz3) * v.a2 * (1 - v.a2)),
    ("nielsen", "z2", r"\sigma(z^2) \odot (1 - \sigma(z^2)) \odot w^{3\top} \delta^3",
     lambda v: slope(v.z2) * (v.w3.T @ v.dz3)),
    ("nielsen", "z3", r"\operatorname{diag}(\sigma'(z^3)) \nabla_{a^3} C",
     lambda v: slope(v.z3) * v.da3),
    # Ioffe and Szegedy 2015
    ("ioffe", "xhat", r"\frac{\partial \ell}{\partial \widehat{x}_i} = \frac{\partial \ell}{\partial y_i} \cdot \gamma",
     lambda v: v.dy * v.gamma),
    ("ioffe", "sigma2",
     r"\frac{\partial \ell}{\partial \sigma_{\mathcal{B}}^2} = \sum_{i=1}^m \frac{\partial \ell}{\partial "
     r"\widehat{x}_i} \cdot (x_i - \mu_{\mathcal{B}}) \cdot \frac{-1}{2} (\sigma_{\mathcal{B}}^2 + \epsilon)^{-3/2}",
     lambda v: np.sum(v.dxhat * (v.x - v.mu) * -0.5 * (v.sigma2 + 0.3) ** -1.5)),
    ("ioffe", "mu",
     r"\left( \sum_{i=1}^m \frac{\partial \ell}{\partial \widehat{x}_i} \cdot "
     r"\frac{-1}{\sqrt{\sigma_{\mathcal{B}}^2 + \epsilon}} \right) + \frac{\partial \ell}{\partial "
     r"\sigma_{\mathcal{B}}^2} \cdot \frac{\sum_{i=1}^m -2(x_i - \mu_{\mathcal{B}})}{m}",
     lambda v: -v.dxhat.sum() / np.sqrt(v.sigma2 + 0.3) - 2 * v.dsigma2 * (v.x - v.mu).sum() / 5),
    ("ioffe", "x",
     r"\frac{\partial \ell}{\partial x_i} = \frac{\partial \ell}{\partial \widehat{x}_i} \cdot "
     r"\frac{1}{\sqrt{\sigma_{\mathcal{B}}^2 + \epsilon}} + \frac{\partial \ell}{\partial "
     r"\sigma_{\mathcal{B}}^2} \cdot \frac{2(x_i - \mu_{\mathcal{B}})}{m} + \frac{\partial \ell}{\partial "
     r"\mu_{\mathcal{B}}} \cdot \frac{1}{m}",
     lambda v: v.dxhat / np.sqrt(v.sigma2 + 0.3) + v.dsigma2 * 2 * (v.x - v.mu) / 5 + v.dmu / 5),
    ("ioffe", "gamma",
     r"\frac{\partial \ell}{\partial \gamma} = \sum_{i=1}^m \frac{\partial \ell}{\partial y_i} \cdot \widehat{x}_i",
     lambda v: v.dy @ v.xhat),
    ("ioffe", "beta", r"\sum_{i \in \mathcal{B}} \frac{\partial \ell}{\partial y_i}", lambda v: v.dy.sum()),
    ("ioffe", "x",
     r"\frac{\gamma}{m \sqrt{\sigma^2 + \varepsilon}} \left( m\, \bar{y} - \mathbf{1} \mathbf{1}^\top "
     r"\bar{y} - \hat{x}\hat{x}^\top \bar{y} \right)",
     lambda v: v.gamma / 5 / np.sqrt(v.sigma2 + 0.3) * (5 * v.dy - v.dy.sum() - v.xhat * (v.xhat @ v.dy))),
    # layer norm
    ("layer_normed", "x",
     r"\frac{1}{\sigma} \left( I - \frac{1}{D}\mathbf{1}\mathbf{1}^\top - \frac{1}{D} \hat{x} \hat{x}^\top "
     r"\right) (\gamma \odot \bar{y})",
     lambda v: (np.eye(3) - 1 / 3 - np.outer(v.xhat, v.xhat) / 3) @ (v.gamma * v.dy) / v.sigma),
    ("layer_normed", "x",
     r"\sigma^{-1} \left( \bar{\hat{x}}_i - \frac1D \sum_{j=1}^{D} \bar{\hat x}_j - \hat{x}_i \frac1D "
     r"\sum_{j} \hat{x}_j \bar{\hat x}_j \right)",
     lambda v: (v.dxhat - v.dxhat.mean() - v.xhat * (v.xhat * v.dxhat).mean()) / v.sigma),
    ("layer_normed", "gamma", r"\bar{y} \odot \hat{x}", lambda v: v.dy * v.xhat),
    ("layer_normed", "xhat", r"\gamma \odot \frac{\partial L}{\partial y}", lambda v: v.gamma * v.dy),
    ("layer_normed", "x", r"\operatorname{mean}(\bar{y}) \hat{x} + \|v\|_2^2 x - \|v\|_1 \frac{v}{\|v\|}",
     lambda v: v.dy.mean() * v.xhat + (v.v @ v.v) * v.x - abs(v.v).sum() * v.v / np.sqrt(v.v @ v.v)),
    # other activations
    ("gelu_net", "a1", r"\bar{h}_1 \odot \sigma(a_1) \odot (1 + a_1 \odot (1 - \sigma(a_1)))",
     lambda v: v.dh1 * logistic_of(v.a1) * (1 + v.a1 * (1 - logistic_of(v.a1)))),
    ("gelu_net", "a1", r"\bar{h}^{(1)} \odot \operatorname{swish}'(a^{(1)})",
     lambda v: v.dh1 * logistic_of(v.a1) * (1 + v.a1 * (1 - logistic_of(v.a1)))),
    ("leaky", "a1", r"\phi'(a^{(1)}) \odot \nabla_{h^{(1)}} L", lambda v: np.where(v.a1 > 0, 1, 0.2) * v.dh1),
    ("leaky", "a1", r"\operatorname{LeakyReLU}'(a_1) \odot \bar h_1", lambda v: np.where(v.a1 > 0, 1, 0.2) * v.dh1),
    ("leaky", "a1",
     r"\bar{h}^{(1)}_i \begin{cases} 1 & \text{if } a^{(1)}_i > 0, \\ \frac{1}{5} & \text{otherwise.} \end{cases}",
     lambda v: np.where(v.a1 > 0, 1, 0.2) * v.dh1),
    ("leaky", "a1",
     r"\left\{ \begin{array}{ll} \bar{h}_i & a_i > 0 \\ 0.2\,\bar{h}_i & a_i \le 0 \end{array} \right.",
     lambda v: np.where(v.a1 > 0, 1, 0.2) * v.dh1),
    ("leaky", "a1",
     r"[a > 0] \odot \bar h + \tfrac15 [a \leq 0] \odot \bar{h}",
     lambda v: np.where(v.a1 > 0, 1, 0.2) * v.dh1),
    ("leaky", "h1", r"\max(0, h) - \min\{0, h\} + \sqrt{|h|} + \sqrt[3]{|h|} - \ln |h|",
     lambda v: abs(v.h1) + abs(v.h1) ** 0.5 + abs(v.h1) ** (1 / 3) - np.log(abs(v.h1))),
    ("leaky", "h1", r"\operatorname{sign}(h) + \operatorname{tr}(W W^\top) v + \|W\|_F h / \|W\|_F^2",
     lambda v: np.sign(v.h1) + (v.W1**2).sum() * v.v + v.h1 / np.sqrt((v.W1**2).sum())),
]  # fmt: skip

BATCH: Sequence[Case] = [
    ("relu_batch", "W2",
     r"\frac{\partial L}{\partial W^{(2)}} = \delta^{(2)\top} h^{(1)}",
     lambda v: v.delta2.T @ v.h1),
    ("relu_batch", "W2", r"\delta^{(2)} h^{(1)\top}", lambda v: v.delta2.T @ v.h1),
    ("relu_batch", "W2", r"\sum_{n=1}^N \delta^{(2)}_n h_n^{(1)\top}", lambda v: v.delta2.T @ v.h1),
    ("relu_batch", "W2", r"\frac{1}{N} \sum_{n} (p_n - e(t_n)) (h^{(1)}_n)^\top",
     lambda v: (v.p - hot(v.t)).T @ v.h1 / 5),
    ("relu_batch", "W2", r"\frac{1}{N} \sum_{i=1}^N (p^{(i)} - e_{t^{(i)}}) h^{(1)(i)\top}",
     lambda v: (v.p - hot(v.t)).T @ v.h1 / 5),
    ("relu_batch", "W2", r"\sum_n \delta^{(2)}_{n,i} h^{(1)}_{n,j}", lambda v: v.delta2.T @ v.h1),
    ("relu_batch", "W2", r"\sum_n \delta^{(2)}_{nc} h^{(1)}_{nd}", lambda v: v.delta2.T @ v.h1),
    ("relu_batch", "W1", r"\delta^{(1)} x^\top + \lambda W^{(1)}", lambda v: v.delta1.T @ v.x + 0.7 * v.W1),
    ("relu_batch", "W1", r"\mathbf{\delta}_1^\top \mathbf{X}", lambda v: v.delta1.T @ v.x),
    ("relu_batch", "W1",
     r"\frac{1}{N} \sum_{n=1}^N W^{(2)\top} (p_n - e(t_n)) \odot \mathbb{1}[a^{(1)}_n > 0]\, x_n^\top",
     lambda v: ((v.p - hot(v.t)) @ v.W2 * (v.a1 > 0)).T @ v.x / 5),
    ("relu_batch", "b1", r"\delta^{(1)}", lambda v: v.delta1.sum(0)),
    ("relu_batch", "b1", r"\delta^{(1)} \mathbf{1}", lambda v: v.delta1.sum(0)),
    ("relu_batch", "b1", r"\mathbf{1}^\top \delta^{(1)}", lambda v: v.delta1.sum(0)),
    ("relu_batch", "b1", r"\mathbf{1}_N^\top \delta^{(1)}", lambda v: v.delta1.sum(0)),
    ("relu_batch", "b1", r"\nabla_{b^{(1)}} \ell = \sum_n \delta^{(1)}_n", lambda v: v.delta1.sum(0)),
    ("relu_batch", "a1", r"W^{(2)\top} \delta^{(2)} \odot g'(a^{(1)})", lambda v: v.delta2 @ v.W2 * (v.a1 > 0)),
    ("relu_batch", "a1",
     r"(\delta^{(2)} W^{(2)}) \odot \mathbb{1}_{a^{(1)} > 0}",
     lambda v: v.delta2 @ v.W2 * (v.a1 > 0)),
    ("relu_batch", "a1",
     r"\delta^{(2)} W^{(2)} \odot \operatorname{ReLU}'(a^{(1)})",
     lambda v: v.delta2 @ v.W2 * (v.a1 > 0)),
    ("relu_batch", "a1", r"\delta^{(1)}_n = \operatorname{diag}(\mathbf{1}_{a^{(1)}_n > 0}) W^{(2)\top} \delta^{(2)}_n",
     lambda v: v.delta2 @ v.W2 * (v.a1 > 0)),
    ("relu_batch", "a1", r"\sum_c \delta^{(2)}_{nc} W^{(2)}_{ci} \mathbb{1}[a^{(1)}_{ni} > 0]",
     lambda v: v.delta2 @ v.W2 * (v.a1 > 0)),
    ("relu_batch", "h1", r"\frac{\partial L}{\partial h^{(1)}} = \frac{\partial L}{\partial a^{(2)}} W^{(2)}",
     lambda v: v.delta2 @ v.W2),
    ("relu_batch", "a2", r"\frac{1}{N}(p - \operatorname{onehot}(t))", lambda v: (v.p - hot(v.t)) / 5),
    ("relu_batch", "a2", r"(p_{n,c} - \mathbf{1}\{c = t_n\})/N", lambda v: (v.p - hot(v.t)) / 5),
    ("relu_batch", "a2", r"\frac{\partial L_i}{\partial f_k} = \frac1N (p_{ik} - \mathbb{1}(t_i = k))",
     lambda v: (v.p - hot(v.t)) / 5),
    ("relu_batch", "a2", r"\frac{p_{nc} - t_{nc}}{N}", lambda v: (v.p - hot(v.t)) / 5),
    ("relu_batch", "a2", r"\frac{1}{N} (p - t)", lambda v: (v.p - hot(v.t)) / 5),
    ("relu_batch", "a2", r"(\operatorname{diag}(p) - p p^\top) \nabla_p \ell",
     lambda v: v.p * (v.dp - (v.p * v.dp).sum(1, keepdims=True))),
    ("relu_batch", "p", r"-\frac{\delta_{c, t_n}}{N p_{n, t_n}}",
     lambda v: -hot(v.t) / 5 / v.p[np.arange(5), v.t][:, None]),
    ("relu_batch", "p", r"-\frac{1}{N} \operatorname{onehot}(t) \oslash p", lambda v: -hot(v.t) / 5 / v.p),
    ("relu_batch", "W1",
     r"\begin{aligned} \nabla_{W^{(1)}} L &= \sum_{n} \nabla_{a^{(1)}_n} L \; x_n^\top \\ &= "
     r"\delta^{(1)\top} x. \end{aligned}",
     lambda v: v.delta1.T @ v.x),
    ("batch_normed", "gamma",
     r"\sum_n \frac{\partial L}{\partial y_{ni}} \hat{x}_{ni}",
     lambda v: (v.dy * v.xhat).sum(0)),
    ("batch_normed", "gamma", r"d\gamma = \sum_{n=1}^{N} dy_n \odot \hat{x}_n", lambda v: (v.dy * v.xhat).sum(0)),
    ("batch_normed", "xhat", r"\bar{y} \odot \gamma", lambda v: v.dy * v.gamma),
    ("batch_normed", "xhat", r"\bar{y} \operatorname{diag}(\gamma)", lambda v: v.dy * v.gamma),
    ("batch_normed", "x",
     r"\frac{\gamma_i}{N \sigma_i} \left( N \bar{y}_{ni} - \sum_{k} \bar{y}_{ki} - \hat{x}_{ni} \sum_k "
     r"\bar{y}_{ki} \hat{x}_{ki} \right)",
     lambda v: v.gamma / 5 / v.sigma * (5 * v.dy - v.dy.sum(0) - v.xhat * (v.dy * v.xhat).sum(0))),
    ("attention", "V", r"\frac{\partial L}{\partial V} = A^\top \frac{\partial L}{\partial O}", lambda v: v.A.T @ v.dO),
    ("attention", "A", r"dA = dO\, V^\top", lambda v: v.dO @ v.V.T),
    ("attention", "Q", r"dQ = \frac{1}{\sqrt{E}} dS\, K", lambda v: v.dS @ v.K / np.sqrt(2)),
    ("attention", "K", r"dS^\top Q / \sqrt{E}", lambda v: v.dS.T @ v.Q / np.sqrt(2)),
    ("attention", "Wq", r"\nabla_{W_q} L = X^\top \, \nabla_Q L", lambda v: v.X.T @ v.dQ),
    ("attention", "S", r"dS_{ij} = A_{ij} \left( dA_{ij} - \sum_k A_{ik}\, dA_{ik} \right)",
     lambda v: v.A * (v.dA - (v.A * v.dA).sum(1, keepdims=True))),
    ("attention", "S", r"A \odot (\bar{A} - (A \odot \bar{A}) \mathbf{1} \mathbf{1}^\top)",
     lambda v: v.A * (v.dA - (v.A * v.dA).sum(1, keepdims=True))),
    ("attention", "O", r"\operatorname{softmax}\left( \frac{Q K^\top}{\sqrt{E}} \right) V",
     lambda v: soft(v.Q @ v.K.T / np.sqrt(2)) @ v.V),
    ("attention", "X", r"dQ\, W_q^\top + dK\, W_k^\top + dV\, W_v^\top",
     lambda v: v.dQ @ v.Wq.T + v.dK @ v.Wk.T + v.dV @ v.Wv.T),
    ("ridge", "w", r"\frac{1}{N} X^\top (Xw - y) + \lambda w", lambda v: v.X.T @ (v.X @ v.w - v.y) / 5 + 0.7 * v.w),
    ("ridge", "w", r"\nabla J(w) = \frac1N \sum_{n=1}^N (w^\top X_n - y_n)\, X_n + \lambda\,w",
     lambda v: v.X.T @ (v.X @ v.w - v.y) / 5 + 0.7 * v.w),
    ("ridge", "w", r"\frac{1}{N} \sum_n r_n X_{nj} + \lambda w_j", lambda v: v.X.T @ v.r / 5 + 0.7 * v.w),
    ("ridge", "w", r"\frac{2}{2N} X^T r + \frac{\lambda}{2} \cdot 2w", lambda v: v.X.T @ v.r / 5 + 0.7 * v.w),
    ("ridge", "w", r"1/2N \cdot 2X^\top r", lambda v: v.X.T @ v.r / 5),
    ("ridge", "w", r"(X^\top X w - X^\top y)/N + \lambda w", lambda v: v.X.T @ (v.X @ v.w - v.y) / 5 + 0.7 * v.w),
    ("bishop", "a", r"\frac{\partial E}{\partial a_{nk}} = y_{nk} - t_{nk}", lambda v: v.y - v.t),
    ("bishop", "w", r"\nabla_{w_k} E = \sum_{n=1}^{N} (y_{nk} - t_{nk}) x_n", lambda v: (v.y - v.t).T @ v.x),
    ("bishop", "w", r"\frac{\partial E}{\partial w_{kj}} = \sum_n \left\{ y_{nk} - t_{nk} \right\} x_{nj}",
     lambda v: (v.y - v.t).T @ v.x),
    ("bishop", "w", r"(Y - T)^T X", lambda v: (v.y - v.t).T @ v.x),
    ("bishop", "a", r"\sum_j \frac{\partial E}{\partial y_{nj}} y_{nj} (\delta_{jk} - y_{nk})",
     lambda v: v.dy * v.y - v.y * (v.dy * v.y).sum(1, keepdims=True)),
    ("logistic", "a2", r"\frac{1}{N} y \odot (\hat{y} - 1)", lambda v: v.y * (v.yhat - 1) / 5),
    ("logistic", "a1", r"(\delta^{(2)} W^{(2)}) \odot g'(a^{(1)})", lambda v: v.delta2 @ v.W2 * (v.a1 > 0)),
    ("logistic", "a2", r"\bar{\hat{y}} \odot \sigma'(a^{(2)})", lambda v: v.dyhat * slope(v.a2)),
    ("logistic", "a2",
     r"\frac{\partial L}{\partial \hat{y}} \odot \hat{y} \odot (1-\hat{y})",
     lambda v: v.dyhat * v.yhat * (1 - v.yhat)),
]  # fmt: skip


@pytest.mark.parametrize("case", [*ONE, *BATCH], ids=lambda case: f"{case[1]}: {case[2][:60]}")
def test_formulas_of_papers(case: Case) -> None:
    name, target, text, by_hand = case
    w = world(name)
    reading = w.read(target, text)
    assert reading.fits, (reading.shape, reading.notes)
    expected = np.broadcast_to(by_hand(Given(w.values)), tuple(size_value(q, SIZES) for q in w.tensors[target].shape))
    np.testing.assert_allclose(w.evaluate(reading), expected, rtol=1e-9, atol=1e-11)


def test_there_are_enough_formulas() -> None:
    assert len({text for _, _, text, _ in (*ONE, *BATCH)}) >= 100


# -- our own LaTeX -----------------------------------------------------------------------------------------------------

OWN = [
    ("larochelle", "W3 b3 a3 h2 W2 a2 W1"), ("relu_batch", "W2 b2 a2 p h1 a1 W1 x"), ("nielsen", "w3 z3 z2 w2"),
    ("ioffe", "x xhat"), ("batch_normed", "x gamma mu sigma"), ("layer_normed", "x gamma"),
    ("attention", "Wq Wk Wv X S A Q"), ("ridge", "w X r"), ("bishop", "w b a y"), ("gelu_net", "a1"), ("leaky", "a1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "targets"), OWN, ids=[name for name, _ in OWN])
def test_our_own_latex_is_read_back(name: str, targets: str) -> None:
    w = world(name)
    leaves = {t: w.values[t.name] for t in w.net.graph if t.definition is None}
    machine = Interpreter({**SIZES, **SCALARS}, leaves)
    for target in targets.split():
        derivation = w.net.gradient(target)
        expected = np.asarray(machine.tensor(node("own", derivation.free, derivation.formula)), dtype=float)
        shown = {"index": latex(derivation.formula), "rows": derivation.matrix_latex, "whole": derivation.whole_latex()}
        for layout in ("columns", "examples"):
            if w.net.graph["x" if "x" in w.tensors else "X"].rank > 1 and not derivation.matrix_reason:
                shown[layout] = derivation.in_layout(layout).latex
        for kind, text in shown.items():
            reading = w.read(target, text, layout=kind if kind in ("columns", "examples") else "rows")
            assert reading.fits, (kind, text, reading.shape)
            found = np.asarray(machine.tensor(node("read", reading.free, reading.tree)), dtype=float)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=f"{kind}: {text}")


# -- readings that were chosen, and shapes that do not fit -------------------------------------------------------------

NOTED = [
    ("relu_batch", "W1", r"\delta^{(1)} x^\top", "columns"),
    ("relu_batch", "b1", r"\delta^{(1)}", "one example"),
    ("relu_batch", "b1", r"\delta^{(1)}", "summed over the examples"),
    ("relu_batch", "W1", r"\frac{\partial L}{\partial W^{(1)}} = \delta^{(1)\top} x", "the gradient by W1"),
    ("relu_batch", "W1", r"A = B = \delta^{(1)\top} x", "of 3 sides the last"),
    ("relu_batch", "W1", r"\delta^{(1)\top} X", "X is x"),
    ("relu_batch", "a2", r"p - t", "one-hot"),
    ("relu_batch", "a2", r"p_{nc}", "sizes"),
    ("larochelle", "a1", r"g'(a^{(1)})", "g is tanh"),
    ("relu_batch", "a1", r"\sigma(a^{(1)})", "logistic sigmoid, and not relu"),
    ("larochelle", "h1", r"\tanh a^{(1)}_i h^{(1)}_i", "takes all factors behind it"),
    ("larochelle", "h1", r"h^{(1)} * h^{(1)}", "entry by entry"),
    ("larochelle", "h1", r"1/2C h^{(1)}", "below the line"),
    ("larochelle", "h1", r"\delta^2_j", "delta^2 is delta2"),
    ("larochelle", "h1", r"(h^{(1)} \cdot h^{(1)}) h^{(1)}", "inner product"),
    ("larochelle", "W1", r"\|W^{(1)}\|^2 W^{(1)}", "Frobenius"),
    ("attention", "S", r"A \odot (\bar{A} - \mathbf{1}\mathbf{1}^\top (A \odot \bar{A}))", "something else"),
    ("batch_normed", "xhat", r"\bar{y} \odot \gamma", "repeated for every example"),
    ("larochelle", "h1", r"x_0 h^{(1)}", "counted from 0"),
    ("nielsen", "z3", r"\delta^3 \odot \sigma'(z^3)", "delta3 is the gradient by z3"),
    ("leaky", "a1", r"\begin{cases} h & a > 1 \\ a & a < 1 \end{cases}", "none of the conditions"),
    ("larochelle", "h1", r"\sum_{i<j} h^{(1)}_i h^{(1)}_j", "i alone is summed over"),
    ("relu_batch", "W2", r"\sum_{n \in \mathcal{B}} \delta^{(2)}_n h^{(1)\top}_n", "whole axis"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "text", "said"), NOTED, ids=[row[2][:50] for row in NOTED])
def test_what_was_chosen_is_said(name: str, target: str, text: str, said: str) -> None:
    notes = world(name).read(target, text).notes
    assert any(said in note for note in notes), notes


MISFITS = [
    ("larochelle", "W1", r"x \delta^{(1)\top}", (D, H)),
    ("larochelle", "a2", r"W^{(2)\top} \delta^{(2)}", (H,)),
    ("larochelle", "a2", r"h^{(2)\top} h^{(2)}", ()),
    ("relu_batch", "W1", r"x^\top \delta^{(1)}", (D, H)),
    ("relu_batch", "a1", r"\delta^{(2)}", (N, C)),
    ("larochelle", "W1", r"\frac{\partial \ell}{\partial W_{ij}} = x_i \delta^{(1)}_j", (D, H)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "text", "shape"), MISFITS, ids=[row[2] for row in MISFITS])
def test_another_shape_is_read_and_does_not_fit(name: str, target: str, text: str, shape: Any) -> None:
    reading = world(name).read(target, text)
    assert not reading.fits and reading.shape == shape


def test_a_transpose_on_the_left_turns_the_right() -> None:
    w = world("larochelle")
    text = r"\left(\frac{\partial \ell}{\partial W^{(1)}}\right)^\top = x \delta^{(1)\top}"
    reading = w.read("W1", text)
    assert reading.fits
    np.testing.assert_allclose(w.evaluate(reading), np.outer(w.values["delta1"], w.values["x"]))


def test_zero_fits_every_shape() -> None:
    assert world("larochelle").read("W1", "0").fits


def test_a_layout_may_be_given() -> None:
    w = world("relu_batch")
    assert w.read("W1", r"\delta^{(1)} x^\top", layout="columns").fits
    with pytest.raises(MismatchError, match="matrix product"):
        w.read("W1", r"\delta^{(1)} x^\top", layout="rows")
    with pytest.raises(ValueError, match="layout"):
        w.read("W1", r"\delta^{(1)} x^\top", layout="diagonal")


def test_a_gradient_of_a_formula_is_read_if_it_is_the_loss() -> None:
    w = world("ridge")
    loss = r"\nabla_w \left( \frac{1}{2N} \|Xw - y\|^2 + \frac{\lambda}{2} \|w\|^2 \right)"
    np.testing.assert_allclose(w.evaluate(w.read("w", loss)), w.values["dw"])
    with pytest.raises(FormulaError, match="only the loss"):
        w.read("w", loss.replace("2N", "N"))


JACOBIANS = [
    ("larochelle", "a3", r"\sum_j \frac{\partial \ell}{\partial f_j} \frac{\partial f_j}{\partial a^{(3)}_k}",
     lambda v: v.df @ (np.diag(soft(v.a3)) - np.outer(soft(v.a3), soft(v.a3)))),
    ("larochelle", "h2",
     r"\sum_i \delta^{(3)}_i \frac{\partial a^{(3)}_i}{\partial h^{(2)}_j}",
     lambda v: v.W3.T @ v.delta3),
    ("larochelle", "W3",
     r"\frac{\partial \ell}{\partial W^{(3)}_{ij}} = \sum_k \frac{\partial \ell}{\partial a^{(3)}_k} "
     r"\frac{\partial a^{(3)}_k}{\partial W^{(3)}_{ij}}",
     lambda v: np.outer(v.delta3, v.h2)),
    ("larochelle", "a2",
     r"\bar{h}^{(2)}_j \frac{\partial h^{(2)}_j}{\partial a^{(2)}_j}",
     lambda v: v.dh2 * steep(v.a2)),
    ("nielsen", "a2",
     r"\sum_j \frac{\partial C}{\partial z^3_j} \frac{\partial z^3_j}{\partial a^2_k}",
     lambda v: v.w3.T @ v.dz3),
]  # fmt: skip


@pytest.mark.parametrize("case", JACOBIANS, ids=lambda case: case[2][:60])
def test_entries_of_a_jacobian_are_worked_out(case: Case) -> None:
    test_formulas_of_papers(case)


def test_a_jacobian_over_several_steps_is_refused() -> None:
    with pytest.raises(FormulaError, match="in one step"):
        world("larochelle").read("a2", r"\sum_c \frac{\partial f_c}{\partial a^{(2)}_j}")


def test_the_loss_of_one_example_on_the_left_names_its_example_only_where_it_is_used() -> None:
    w = world("bishop")
    total = r"\frac{\partial E_n}{\partial w_{kj}} = \sum_m (y_{mk} - t_{mk}) x_{mj}"
    v = Given(w.values)
    np.testing.assert_allclose(w.evaluate(w.read("w", total)), (v.y - v.t).T @ v.x)
    each = r"\frac{\partial E_n}{\partial a_{k}} = y_{nk} - t_{nk}"
    np.testing.assert_allclose(w.evaluate(w.read("a", each)), v.y - v.t)


# -- ambiguities -------------------------------------------------------------------------------------------------------


def square() -> tuple[Scope, tuple[Index, ...]]:
    """Square matrices, a tensor called delta, one called sigma, and a sigmoid."""
    w, delta = sn.parameter("W", (D, D)), sn.input("delta", (D, D))
    x, sigma = sn.input("x", (D,)), sn.input("sigma", ())
    z = sn.define("z", (i,), S(w[i, j] * x[j], j) * sigma[()])
    h = sn.sigmoid(z, name="h1")
    net = sn.Network(sn.define("loss", (), S(h[i] * delta[i, i], i)))
    gradients = {a.name: a for a in net.adjoints().of.values()}
    return Scope.of(net.graph, gradients=gradients), (Index("i", D), Index("j", D))


AMBIGUOUS = {
    r"W * W": "product of matrices or entry by entry",
    r"W^2": "product of matrices or entry by entry",
    r"\delta_{ij}": "Kronecker delta, or an entry of the tensor delta",
    r"\sigma(x_i) x_j": "logistic sigmoid, or a product with the tensor sigma",
    r"W_{ab}": "which axis is which",
    r"h(1 - x) x^\top": "the activation, or a product with h1",
}


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_what_could_mean_two_things_is_refused(text: str) -> None:
    scope, free = square()
    with pytest.raises(FormulaError, match=AMBIGUOUS[text]):
        read_latex(text, scope, free)


@pytest.mark.parametrize(
    "text",
    [r"W W", r"W^{\circ 2}", r"\mathbb{1}_{(i=j)}", r"\mathrm{delta}_{ij}", r"\operatorname{sigmoid}(x_i) x_j",
     r"\sigma \cdot (x_i) x_j", r"\frac{\partial \ell}{\partial W_{ba}} = W_{ab}", r"h_1 x^\top", r"\sigma'(z) x^\top"],
)  # fmt: skip
def test_what_is_said_instead_is_read(text: str) -> None:
    scope, free = square()
    assert read_latex(text, scope, free).fits


# -- errors ------------------------------------------------------------------------------------------------------------

#: text, where the message points, and what it says.
REFUSED: dict[str, tuple[int, str]] = {
    "": (0, "no formula"),
    "   ": (0, "no formula"),
    "$$": (0, "no formula"),
    r"\begin{equation}\end{equation}": (0, "no formula"),
    r"f = ": (2, "nothing stands behind"),
    r"\frac{1}{2": (8, "not closed"),
    r"f - e(y))": (8, "closes nothing"),
    r"\left( f - e(y) \right]": (22, "closed by"),
    r"f^{2": (2, "not closed"),
    r"\foo{f}": (0, "command"),
    r"f + \detla": (4, r"Did you mean \\delta"),
    r"f + \prod_c f_c": (4, "prod"),
    r"\int f": (0, "int"),
    r"\begin{pmatrix} f \end{pmatrix}": (0, "environment"),
    r"\begin{align} f \end{equation}": (0, "not closed at the end"),
    r"f \\ f": (5, "second formula"),
    "f − y": (2, "plain minus"),
    "∇ f": (0, "nabla"),
    "f # y": (2, "no formula holds"),
    r"f_c_d": (3, "second subscript"),
    r"f_{}": (2, "nothing in this subscript"),
    r"x^10": (2, "first digit"),
    r"W^{(3)}' \delta^{(3)}": (0, "dash"),
    r"Q^{(2)} h^{(2)}": (0, "no name"),
    r"W^{(7)} h^{(2)}": (0, "Did you mean 'W3'"),
    r"f + \delta": (4, "Did you mean 'delta3'"),
    r"f + W^{(3)} \delta^{(3)}": (4, "sums over K on the left and C on the right"),
    r"\delta^{(2)} h^{(2)}": (0, r"write \\odot"),
    r"W^{(3)} \delta^{(3)}": (0, r"left one transposed"),
    r"f + x": (0, "have to be equal"),
    r"W^{(3)} \odot f": (0, "have to be equal"),
    r"f / 0": (0, "divides by 0"),
    "9" * 60 + " f": (0, "too long"),
    r"f^{1000}": (0, "powers up to 100"),
    r"(((99^{100})^{100})^{100}) f": (3, "too many digits"),
    r"f + 1e-5": (4, "power of ten"),
    r"f > 0": (2, "comparison"),
    r"(f > 0) f": (1, "comparison"),
    r"\mathbb{E}[f]": (0, "not a function"),
    r"f + \log": (4, "argument"),
    r"\log f_y (1 - f_y) f": (5, "end before these brackets"),
    r"\log 2 (1 - f_y) f": (7, "end before this bracket"),
    r"\max_c f_c": (0, "over an index"),
    r"\operatorname{argmax} f": (0, "argmax"),
    r"\operatorname{foo}(f)": (0, "not a function"),
    r"\sum f": (0, "over what"),
    r"\sum_{i,i} f_i": (9, "twice"),
    r"\sum_{i=2}^{C} f_i": (8, "whole axis"),
    r"\sum_i \sum_i f_i": (7, "twice"),
    r"f_{c,d}": (0, "2 positions"),
    r"f_{x}": (3, "single position"),
    r"x_{1/2} f": (3, "whole number"),
    r"f_i f_j": (0, "gradient has"),
    r"f_i + x_i": (0, "runs over"),
    r"\sum_k \delta_{ik} h^{(2)}_k": (0, "compared"),
    r"\nabla f": (0, "by what"),
    r"\nabla_{q} \ell": (8, "no name"),
    r"\frac{\partial f}{\partial a^{(3)}}": (0, "only the loss"),
    r"f^{-1}": (0, "inverse"),
    r"f^*": (2, "mark above"),
    r"\dot{f}": (0, "command"),
    r"f!": (1, "factorial"),
    r"| f": (3, "expected"),
    r"\langle f, f": (12, "rangle"),
    r"\|f\|_3": (0, "norms known"),
    r"\|W^{(3)}\|_2 f": (0, "norm of a matrix"),
    r"g": (0, "takes an argument"),
    r"\operatorname{softmax}'(a^{(3)})": (0, "function of one number"),
    r"\operatorname{diag}(W^{(3)})": (0, "square"),
    r"\begin{cases} f \\ f \end{cases}": (0, "condition"),
    r"\mathbf{1}\mathbf{1}^\top": (0, "how long"),
    r"\def\x{f}": (0, "not read"),
    r"\input{file}": (0, "not read"),
    "\\": (0, "backslash"),
    r"f \pm f": (2, "not read"),
    r"-\nabla_{a^{(3)}} \ell = e(y) - f": (0, "not a gradient alone"),
    r"C \frac{\partial \ell}{\partial a^{(3)}} = f": (0, "not a gradient alone"),
    r"2 3 f": (2, "two numbers"),
    r"f \text{ where } f": (2, "nothing more"),
    "f" * 9000: (8000, "signs long"),
    "(" * 50 + "f" + ")" * 50: (40, "deep"),
    r"\log" * 60 + " f": (160, "deep"),
    r"f \odot " * 100 + "f": (482, "factors"),
    r"\begin{cases}" + r"f & f>0 \\ " * 600 + r"f \end{cases}": (241, "lines"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:40]))
def test_what_is_no_formula_is_refused_with_its_place(text: str) -> None:
    place, said = REFUSED[text]
    with pytest.raises(FormulaError, match=said) as caught:
        world("larochelle").read("a3", text)
    assert caught.value.position == place, str(caught.value)


def named_in_latex() -> sn.Network:
    """Tensors with LaTeX names of their own, one of them no name that could be written in a formula."""
    x, y = sn.input("x", (D,), latex=r"\mathbf{x}"), sn.input("target", (H,), latex=r"\hat{y}")
    w = sn.parameter("weight", (H, D), latex=r"W^{(k)}")
    h = sn.define("hidden", (i,), S(w[i, j] * x[j], j), latex=r"h^{(k)}")
    r = sn.define("r", (), S((h[i] - y[i]) ** 2, i), latex=r"\lVert h \rVert")
    return sn.Network(sn.define("loss", (), r[()] / 2))


def test_a_tensor_may_be_called_by_its_own_latex() -> None:
    w = World(named_in_latex)
    v = Given(w.values)
    for text in (r"(h^{(k)} - \hat{y}) \mathbf{x}^\top", r"(\mathrm{hidden} - \mathrm{target}) x^\top"):
        np.testing.assert_allclose(w.evaluate(w.read("weight", text)), np.outer(v.hidden - v.target, v.x))


def test_a_layer_may_be_called_by_a_word() -> None:
    x, y = sn.input("x", (D,)), sn.input("y", (H,))
    w = World(lambda: sn.Network(sn.mse(sn.tanh(sn.dense(x, H, name="out")), y)))
    v = Given(w.values)
    for text in (r"\delta_{\text{out}} x^\top", r"\bar{a}_{\mathrm{out}} x^\top", r"\delta x^\top"):
        np.testing.assert_allclose(w.evaluate(w.read("Wout", text)), np.outer(v.deltaout, v.x))


def test_a_text_is_a_text() -> None:
    with pytest.raises(TypeError):
        world("larochelle").read("a3", None)  # type: ignore[arg-type]


# -- formulas drawn at random, written and worked out side by side -----------------------------------------------------

SUM, EACH, PRODUCT, ATOM = range(4)
Written = tuple[str, int, Any]  # LaTeX, how tightly it binds, its value with vectors as columns
VECTORS = {D: ("x", "x"), H: (r"\delta^{(1)}", "delta1"), K: (r"h^{(2)}", "h2"), C: ("f", "f")}
MATRICES = {(H, D): (r"W^{(1)}", "W1"), (K, H): (r"W^{(2)}", "W2"), (C, K): (r"\mathbf{W}_3", "W3")}


class Drawn:
    """Draws formulas of a given shape over the tensors of one example."""

    def __init__(self, seed: int) -> None:
        self.rng, self.v = random.Random(seed), world("larochelle").values

    def part(self, made: Written, least: int) -> str:
        text, binds, _ = made
        left, right = self.rng.choice([("(", ")"), (r"\left(", r"\right)"), (r"\bigl[", r"\bigr]")])
        return text if binds >= least else f"{left} {text} {right}"

    def any(self, shape: tuple[Any, ...], depth: int) -> Written:
        if depth <= 0:
            return self.leaf(shape)
        kinds = [self.sum, self.scaled]
        more = {0: [self.inner, self.norm], 1: [self.each, self.applied, self.dash], 2: [self.outer, self.each]}
        kinds += more[len(shape)]
        return self.rng.choice(kinds)(shape, depth - 1)

    def leaf(self, shape: tuple[Any, ...]) -> Written:
        if not shape:
            number = self.rng.choice([2, 3, 7])
            return str(number), ATOM, np.full((1, 1), float(number))
        if len(shape) == 1:
            text, name = VECTORS[shape[0]]
            return text, ATOM, self.v[name][:, None]
        if shape in MATRICES:
            text, name = MATRICES[shape]
            return text, ATOM, self.v[name]
        if shape[::-1] in MATRICES:
            text, name = MATRICES[shape[::-1]]
            return f"({text})^{{\\top}}", ATOM, self.v[name].T
        return self.outer(shape, 0)

    def sum(self, shape: tuple[Any, ...], depth: int) -> Written:
        a, b = self.any(shape, depth), self.any(shape, depth)
        if self.rng.random() < 0.5:
            return f"{self.part(a, SUM)} + {self.part(b, EACH)}", SUM, a[2] + b[2]
        return f"-{self.part(a, EACH)} - {self.part(b, EACH)}", SUM, -a[2] - b[2]

    def scaled(self, shape: tuple[Any, ...], depth: int) -> Written:
        s, a = self.any((), depth), self.any(shape, depth)
        if self.rng.random() < 0.5:
            return rf"\frac{{{s[0]}}}{{C}} {self.part(a, PRODUCT)}", PRODUCT, s[2] / SIZES[C] * a[2]
        return rf"{self.part(s, PRODUCT)} \cdot {self.part(a, PRODUCT)}", PRODUCT, s[2] * a[2]

    def inner(self, shape: tuple[Any, ...], depth: int) -> Written:
        n = self.rng.choice(list(VECTORS))
        a, b = self.any((n,), depth), self.any((n,), depth)
        value = a[2].T @ b[2]
        if self.rng.random() < 0.5:
            return rf"\langle {a[0]}, {b[0]} \rangle", ATOM, value
        return rf"({a[0]})^\top {self.part(b, PRODUCT)}", PRODUCT, value

    def norm(self, shape: tuple[Any, ...], depth: int) -> Written:
        a = self.any((self.rng.choice(list(VECTORS)),), depth)
        return rf"\left\| {a[0]} \right\|^2", PRODUCT, (a[2] ** 2).sum().reshape(1, 1)

    def each(self, shape: tuple[Any, ...], depth: int) -> Written:
        a, b = self.any(shape, depth), self.any(shape, depth)
        return rf"{self.part(a, PRODUCT)} \odot {self.part(b, PRODUCT)}", EACH, a[2] * b[2]

    def applied(self, shape: tuple[Any, ...], depth: int) -> Written:
        shapes = (*MATRICES, *(rows[::-1] for rows in MATRICES))
        n = self.rng.choice([columns for rows, columns in shapes if rows == shape[0]])
        a, b = self.any((shape[0], n), depth), self.any((n,), depth)
        return f"{self.part(a, PRODUCT)} {self.part(b, ATOM)}", PRODUCT, a[2] @ b[2]

    def dash(self, shape: tuple[Any, ...], depth: int) -> Written:
        a = self.any(shape, depth)
        if self.rng.random() < 0.5:
            return rf"\tanh'\left({a[0]}\right)", PRODUCT, 1 - np.tanh(a[2]) ** 2
        b = self.any(shape, depth)
        return rf"\operatorname{{diag}}({a[0]})\, {self.part(b, ATOM)}", PRODUCT, a[2] * b[2]

    def outer(self, shape: tuple[Any, ...], depth: int) -> Written:
        a, b = self.any((shape[0],), depth), self.any((shape[1],), depth)
        return rf"{self.part(a, PRODUCT)} \left({b[0]}\right)^{{T}}", PRODUCT, a[2] @ b[2].T


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(["x", "f", "W1", "W2", "delta1"]), st.integers(1, 4))
def test_drawn_formulas_mean_what_was_written(seed: int, target: str, depth: int) -> None:
    w = world("larochelle")
    text, _, value = Drawn(seed).any(w.tensors[target].shape, depth)
    reading = w.read(target, text)
    assert reading.fits, (text, reading.shape)
    found = w.evaluate(reading)
    np.testing.assert_allclose(found, np.broadcast_to(value, value.shape).reshape(found.shape), rtol=1e-7, err_msg=text)


# -- whatever is pasted ------------------------------------------------------------------------------------------------

SOUP = (
    r"\frac \sum_{i} \sum \odot \nabla \partial { } ( ) [ ] ^ _ ' | \| \left( \right) \left| \right| \mathbf "
    r"\mathbb{1} \hat \bar \delta \sigma \top T 1 2 0 3.5 W x a f y h e I i j n N C + - = / \cdot , & \\ \begin{cases} "
    r"\end{cases} \text{if} \operatorname{diag} \operatorname{tr} \log \exp g \langle \rangle \sqrt < > \neq \in "
    r"^{(2)} ^{(1)} _{ij} _i ^\top \max \mathcal{B} : ; . ! d \ell $ \left\{ \right. * \otimes \oslash "
    r"\text{otherwise} \bigl( \prime é"
).split()


@st.composite
def pasted(draw: Any) -> tuple[str, str, str]:
    """A formula of a paper with a few places changed, or signs in any order."""
    name, target, text, _ = draw(st.sampled_from([*ONE, *BATCH]))
    if draw(st.booleans()):
        return name, target, " ".join(draw(st.lists(st.sampled_from(SOUP), max_size=25)))
    rng = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(3):
            case 0:
                text = text[:at] + rng.choice(SOUP) + text[at:]
            case 1:
                text = text[:at] + text[at + rng.randint(1, 4) :]
            case _:
                other = rng.choice([*ONE, *BATCH])[2]
                start = rng.randrange(len(other) + 1)
                text = text[:at] + other[start : start + rng.randint(1, 20)] + text[at:]
    return name, target, text


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(pasted())
def test_anything_ends_in_a_reading_or_an_error_with_its_place(what: tuple[str, str, str]) -> None:
    name, target, text = what
    w = world(name)
    start = time.perf_counter()
    try:
        reading = w.read(target, text)
    except FormulaError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert reading.fits == (reading.free == w.free(target)) or not reading.fits or reading.shape
    assert time.perf_counter() - start < 2


LONG = [
    "f+" * 3999 + "f", r"x_{i+1}+" * 900 + "x_i", r"\operatorname{gelu}'(" * 19 + "f" + ")" * 19, "x" * 7990,
    "f_{" + "i" * 7900 + "}", "f^{" + "(1)" * 2600 + "}", "=".join(["f"] * 3999), r"\left(" * 1300, "|f" * 3900,
    "(f^{99}" * 38 + ")" * 38, r"\sum_{" + "i," * 3900 + "i} f_i", "2^{100}" * 59 + "f", "f" + "'" * 7000,
]  # fmt: skip


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:20])
def test_long_texts_end_soon(text: str) -> None:
    start = time.perf_counter()
    try:
        world("larochelle").read("a3", text)
    except FormulaError as error:
        assert 0 <= error.position <= len(text)
    assert time.perf_counter() - start < 2
