"""Compiled programs agree with the reference interpreter, stay finite where the value is, and refuse what does not fit."""

from __future__ import annotations

import keyword
import warnings
from typing import Any

import numpy as np
import pytest
import sympy

from symnn.compile import emit, recipe
from symnn.compile.program import Program, build
from symnn.graph.interpreter import Interpreter
from symnn.ground.define import define
from symnn.ground.errors import DataError, DefinitionError, LabelError, ShapeError, SymnnError, UnknownNameError
from symnn.ground.functions import indicator, stop_gradient, sum_over
from symnn.ground.indices import index, indices
from symnn.ground.sizes import dims, scalars
from symnn.ground.tensors import Tensor, input, labels, parameter
from symnn.nn.activations import ACTIVATIONS, activation, relu, tanh
from symnn.nn.layers import dense, log_softmax, softmax
from symnn.nn.losses import LOSSES, cross_entropy, loss, nll
from symnn.nn.penalties import l2, plus

N, M, D, H, C, K, P, S = dims("N M D H C K P S")
SIZES = [
    {N: 3, M: 2, D: 4, H: 5, C: 3, K: 2, P: 3, S: 2},
    {N: 1, M: 1, D: 1, H: 1, C: 1, K: 1, P: 1, S: 1},
    {N: 3, M: 3, D: 3, H: 3, C: 3, K: 3, P: 3, S: 3},
    {N: 2, M: 4, D: 1, H: 3, C: 2, K: 1, P: 2, S: 3},
]


def leaves(outputs: list[Tensor]) -> list[Tensor]:
    found: dict[Tensor, None] = {}
    stack = list(outputs)
    while stack:
        t = stack.pop()
        if t.definition is None:
            found[t] = None
        else:
            stack.extend(t.definition.args)
    return list(found)


def arrays(outputs: list[Tensor], sizes: dict[Any, Any], seed: int = 0) -> dict[Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    out = {}
    for t in leaves(outputs):
        shape = tuple(int(s.subs(sizes)) for s in t.shape)
        if t.classes is not None:
            out[t] = rng.integers(0, int(sympy.Integer(t.classes.subs(sizes))), shape)
        else:
            out[t] = rng.normal(size=shape)
            if t.positive:
                out[t] = np.abs(out[t]) + 0.1
    return out


def check(outputs: Any, sizes: dict[Any, Any], fixed: dict[str, float] | None = None) -> Program:
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    values = arrays(outputs, sizes)
    symbols = {s: v for s, v in sizes.items()} | {s: (fixed or {})[s.name] for s in HYPER if s.name in (fixed or {})}
    reference = Interpreter(symbols, values)
    program = None
    for dtype, tol in (("float32", 2e-5), ("float64", 1e-12)):
        program = build(outputs, dtype=dtype, scalars=fixed or {})
        given = {t.name: a for t, a in values.items()}
        kept = {k: v.copy() for k, v in given.items()}
        found = program(given)
        for t in outputs:
            truth = reference.tensor(t)
            got = found[t.name]
            assert got.dtype == dtype, (t.name, got.dtype, program.source)
            assert np.shape(got) == truth.shape, (t.name, np.shape(got), truth.shape, program.source)
            np.testing.assert_allclose(got, truth, rtol=tol, atol=tol * max(1.0, float(np.abs(truth).max())), err_msg=program.source)
        for k in given:
            assert (given[k] == kept[k]).all(), f"{k} was changed by\n{program.source}"
    assert program is not None
    return program


HYPER = scalars("lam eps")
lam, eps = HYPER


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation(kind: str, sizes: dict) -> None:
    check(activation(kind, input("x", (N, D))), sizes)
    check(activation(kind, input("x", (N, D, H), positive=True)), sizes)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_loss(kind: str, reduction: str, sizes: dict) -> None:
    record = LOSSES[kind]
    for lead in ((N,), (N, M), ()):
        args = []
        for name, spec in record.operands.items():
            shape = (*lead, *[C for w in spec.split() if w[0] != "*"])
            made = labels(name, shape, C) if name in (record.labels or {}) else input(name, shape, positive=name in "pq")
            args.append(made)
        check(loss(kind, *args, reduction=reduction), sizes, {"C": sizes[C], "N": sizes[N]})


@pytest.mark.parametrize("sizes", SIZES)
def test_layers(sizes: dict) -> None:
    for lead in ((N,), (N, M), ()):
        x = input("x", (*lead, D))
        check([dense(x, H), dense(x, C, name="2", bias=False), softmax(x), log_softmax(x)], sizes)


@pytest.mark.parametrize("sizes", SIZES)
def test_network(sizes: dict) -> None:
    x, t = input("x", (N, D)), labels("t", (N,), C)
    h = relu(dense(x, H))
    h = plus(h, tanh(dense(h, H)), name="res")
    p = softmax(dense(h, C))
    total = plus(cross_entropy(p, t), l2(cross_entropy(p, t), lam))
    check([total, p], sizes, {"lam": 0.01})


def nodes() -> dict[str, Tensor]:
    """Nodes of one's own; many have the form that adjoints take."""
    n, m, i, j, k, d, c, q, o, p, e, f = indices("n m i j k d c q o p e f")
    x, y, z, w = input("x", (N, D)), input("y", (M, D)), input("z", (N, C)), input("w", (H, D))
    A, B, T = parameter("A", (D, D)), parameter("B", (H, D, D)), parameter("T", (C, D))
    t, s = labels("t", (N,), C), labels("s", (N, M), C)
    g, v, u = parameter("g", (D,)), input("v", (D,)), input("u", (N,))
    pp = input("p", (N, C), positive=True)
    conv_in, kernel = input("ci", (N, C, S * P + K - S)), parameter("ck", (H, C, K))
    ybar = input("yb", (N, H, P))
    r, r2 = index("r", S * P + K - S), index("q", S * P + K - S)
    oo, pp_ = index("o", H), index("p", P)
    Q, KK, V = input("Q", (N, P, D)), input("Km", (N, K, D)), input("V", (N, K, H))
    Q4, K4 = input("Q4", (N, P, M, D)), input("K4", (N, K, M, D))
    kk = index("k", K)
    cc, nn, mm, ii, jj = index("c", C), index("n", N), index("m", M), index("i", D), index("j", D)
    E = sympy.KroneckerDelta
    rms = x[n, i] * g[i] / sympy.sqrt(sum_over(x[n, k] ** 2, k) / D + eps)
    sm = sympy.exp(z[n, c]) / sum_over(sympy.exp(z[n, k]), k)
    made = [
        ("bilinear", (n, o), sum_over(B[o, i, j] * x[n, i] * x[n, j], i, j)),
        ("distance", (n, m), sum_over((x[n, d] - y[m, d]) ** 2, d)),
        ("rms", (n, i), rms),
        ("gather", (n, d), T[t[n], d]),
        ("gather2", (n, m, d), T[s[n, m], d]),
        ("picked", (n,), z[n, t[n]]),
        ("onehot", (nn, cc), E(cc, t[nn])),
        ("onehot_times", (n, cc), -E(t[n], cc) / (N * pp[n, t[n]])),
        ("softmax_minus", (n, cc), (pp[n, cc] - E(t[n], cc)) / N),
        ("softmax_minus2", (cc, n), pp[n, cc] * u[n] - 3 * u[n] * E(t[n], cc) + 1),
        ("embed_bar", (cc, d), sum_over(E(cc, t[n]) * x[n, d], n)),
        ("embed_bar2", (d, cc), -sum_over(E(cc, s[n, m]) * x[n, d] * y[m, d], n, m)),
        ("embed_bar3", (cc,), sum_over(E(cc, t[n]) * x[n, d] * g[d], n, d)),
        ("scaled_onehot", (n, cc), sum_over(E(cc, s[n, m]) * u[n], m)),
        ("diagonal", (i,), A[i, i]),
        ("diag_embed", (i, jj), g[i] * E(i, jj)),
        ("eye_minus", (i, j), A[i, j] - E(i, j)),
        ("trace", (), sum_over(A[i, i], i)),
        ("transpose", (j, i), A[i, j] + A[j, i]),
        ("bdiag", (o, i), B[o, i, i]),
        ("column", (n,), x[n, 0] * 2),
        ("entry", (), A[0, 0] + x[0, 0]),
        ("slice", (d, o), B[o, 0, d]),
        ("conv", (n, o, pp_), sum_over(kernel[o, c, kk] * conv_in[n, c, S * pp_ + kk], c, kk)),
        ("conv_xbar", (n, c, r), sum_over(kernel[o, c, kk] * ybar[n, o, pp_] * E(S * pp_ + kk, r), o, pp_, kk)),
        ("conv_wbar", (o, c, kk), sum_over(conv_in[n, c, S * pp_ + kk] * ybar[n, o, pp_], n, pp_)),
        ("shift", (n, ii), indicator(ii > 0) * x[n, ii - 1]),
        ("shift_where", (n, ii), sympy.Piecewise((x[n, ii + 1], ii < D - 1), (7, True))),
        ("scores", (n, p, k), sum_over(Q[n, p, d] * KK[n, k, d], d) / sympy.sqrt(D)),
        ("mixed", (n, p, o), sum_over(input("a", (N, P, K))[n, p, k] * V[n, k, o], k)),
        ("heads", (n, m, p, k), sum_over(Q4[n, p, m, d] * K4[n, k, m, d], d)),
        ("square", (n, i), x[n, i] * x[n, i] + x[n, i] ** 3 + (x[n, i] + g[i]) ** 2),
        ("outer", (n, m), u[n] * sum_over(y[m, k], k)),
        ("outer_bar", (i, j), sum_over(x[n, i] * x[n, j], n)),
        ("weights_bar", (o, d), sum_over(input("ab", (N, H))[n, o] * x[n, d], n)),
        ("gated_bar", (o, d), sum_over(input("ab", (N, H))[n, o] * indicator(input("ab2", (N, H))[n, o] > 0) * x[n, d], n)),
        ("bias_bar", (o,), sum_over(input("ab", (N, H))[n, o], n)),
        ("two_lead", (o, d), sum_over(input("a3", (N, M, H))[n, m, o] * input("x3", (N, M, D))[n, m, d], n, m)),
        ("three_lead", (n, m, o), sum_over(w[o, d] * input("x3", (N, M, D))[n, m, d], d)),
        ("full", (), sum_over(x[n, d] * x[n, d], n, d)),
        ("full2", (), sum_over(x[n, d] * input("x2", (D, N))[d, n], n, d)),
        ("inner", (), sum_over(g[d] * v[d], d)),
        ("matvec", (n,), sum_over(x[n, d] * g[d], d)),
        ("vecmat", (d,), sum_over(x[n, d] * u[n], n)),
        ("product_of_sums", (), sum_over(u[n], n) * sum_over(g[d] ** 2, d)),
        ("separate", (), sum_over(u[n] * g[d], n, d)),
        ("nested", (n,), sum_over(x[n, i] * sum_over(A[i, j] * x[n, j], j), i)),
        ("rowdot", (n,), sum_over(x[n, d] * x[n, d] * g[d], d)),
        ("spread", (nn, mm, i), g[i]),
        ("constant", (nn, ii), sympy.Integer(2)),
        ("count", (n,), sum_over(u[n], index("d", D)) + u[n]),
        ("sum_of_sums", (n, i), sum_over(w[o, i] * z[n, c] + g[i], o, c)),
        ("softmax_jvp", (n, c), sm * (x[n, 0] - sum_over(sympy.exp(z[n, k]) * z[n, k], k) / sum_over(sympy.exp(z[n, k]), k))),
        ("softmax_squared", (n, c), sympy.exp(z[n, c]) * sympy.exp(z[n, 0]) / sum_over(sympy.exp(z[n, k]), k) ** 2),
        ("logsumexp", (n,), sympy.log(sum_over(sympy.exp(z[n, k]), k))),
        ("logmix", (n,), sympy.log(sum_over(pp[n, k] * sympy.exp(z[n, k]), k))),
        ("causal", (i, j), A[i, j] * indicator(i >= j)),
        ("causal_softmax", (i, j), indicator(i >= j) * sympy.exp(A[i, j]) / sum_over(indicator(i >= k) * sympy.exp(A[i, k]), k)),
        ("position", (n, i), x[n, i] * i + n),
        ("same", (n, m), indicator(sympy.Eq(t[n], 0)) * u[n] * sum_over(y[m, d], d)),
        ("label_value", (n,), t[n] * u[n] + t[n]),
        ("held", (n, i), stop_gradient(x[n, i]) ** 2 + sympy.Abs(x[n, i])),
        ("digamma", (n, c), sympy.loggamma(pp[n, c]) + sympy.polygamma(0, pp[n, c]) + sympy.gamma(pp[n, c])),
        ("trig", (n, i), sympy.sin(x[n, i]) * sympy.cos(g[i]) + sympy.atan(x[n, i]) + sympy.asinh(x[n, i])),
        ("powers", (n, c), pp[n, c] ** sympy.Rational(3, 2) + pp[n, c] ** -2 + pp[n, c] ** z[n, c] + 2 ** z[n, c]),
        ("negative", (n, i), -x[n, i] - (x[n, i] - g[i]) - x[n, i] / (g[i] ** 2 + 1)),
        ("indicators", (n, i), indicator(x[n, i] > 0) + indicator(x[n, i] > g[i]) * 2 - 1 + indicator(sympy.And(x[n, i] > 0, g[i] > 0))),
        ("constants", (), sympy.sqrt(2) + sympy.pi + D + sympy.exp(1)),
    ]  # fmt: skip
    return {name: define(name, at, expression) for name, at, expression in made}


NODES = nodes()


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", NODES)
def test_node(name: str, sizes: dict) -> None:
    fixed = {"eps": 1e-3} | {s.name: v for s, v in sizes.items()}
    check(NODES[name], sizes, fixed)
