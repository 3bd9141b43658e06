"""Compiled programs agree with the reference interpreter, stay finite where the value is, refuse what does not fit."""

from __future__ import annotations

import keyword
import warnings
from typing import Any

import numpy as np
import pytest
import sympy

from symnn.compile import emit, recipe
from symnn.compile.names import Names, comment
from symnn.compile.program import Program, build
from symnn.derive.backprop import backprop
from symnn.graph.interpreter import Interpreter
from symnn.ground.define import define
from symnn.ground.errors import (
    DataError,
    DefinitionError,
    LabelError,
    ShapeError,
    SymnnError,
    UnknownNameError,
    UnsupportedError,
)
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
            np.testing.assert_allclose(
                got, truth, rtol=tol, atol=tol * max(1.0, float(np.abs(truth).max())), err_msg=program.source
            )
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
            made = (
                labels(name, shape, C) if name in (record.labels or {}) else input(name, shape, positive=name in "pq")
            )
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
    r, pp_ = index("r", S * P + K - S), index("p", P)
    Q, KK, V = input("Q", (N, P, D)), input("Km", (N, K, D)), input("V", (N, K, H))
    Q4, K4 = input("Q4", (N, P, M, D)), input("K4", (N, K, M, D))
    kk = index("k", K)
    cc, nn, mm, ii, jj = index("c", C), index("n", N), index("m", M), index("i", D), index("j", D)
    E = sympy.KroneckerDelta
    rms = x[n, i] * g[i] / sympy.sqrt(sum_over(x[n, k] ** 2, k) / D + eps)
    ab, ab2 = input("ab", (N, H)), input("ab2", (N, H))
    low = sum_over(sympy.exp(z[n, k]), k)
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
        ("gated_bar", (o, d), sum_over(ab[n, o] * indicator(ab2[n, o] > 0) * x[n, d], n)),
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
        ("softmax_jvp", (n, c), sm * (x[n, 0] - sum_over(sympy.exp(z[n, k]) * z[n, k], k) / low)),
        ("softmax_squared", (n, c), sympy.exp(z[n, c]) * sympy.exp(z[n, 0]) / sum_over(sympy.exp(z[n, k]), k) ** 2),
        ("logsumexp", (n,), sympy.log(sum_over(sympy.exp(z[n, k]), k))),
        ("logmix", (n,), sympy.log(sum_over(pp[n, k] * sympy.exp(z[n, k]), k))),
        ("causal", (i, j), A[i, j] * indicator(i >= j)),
        (
            "causal_softmax", (i, j),
            indicator(i >= j) * sympy.exp(A[i, j]) / sum_over(indicator(i >= k) * sympy.exp(A[i, k]), k),
        ),
        ("position", (n, i), x[n, i] * i + n),
        ("same", (n, m), indicator(sympy.Eq(t[n], 0)) * u[n] * sum_over(y[m, d], d)),
        ("label_value", (n,), t[n] * u[n] + t[n]),
        ("held", (n, i), stop_gradient(x[n, i]) ** 2 + sympy.Abs(x[n, i])),
        ("digamma", (n, c), sympy.loggamma(pp[n, c]) + sympy.polygamma(0, pp[n, c]) + sympy.gamma(pp[n, c])),
        ("trig", (n, i), sympy.sin(x[n, i]) * sympy.cos(g[i]) + sympy.atan(x[n, i]) + sympy.asinh(x[n, i])),
        ("powers", (n, c), pp[n, c] ** sympy.Rational(3, 2) + pp[n, c] ** -2 + pp[n, c] ** z[n, c] + 2 ** z[n, c]),
        ("negative", (n, i), -x[n, i] - (x[n, i] - g[i]) - x[n, i] / (g[i] ** 2 + 1)),
        ("indicators", (n, i), indicator(x[n, i] > 0) + indicator(x[n, i] > g[i]) * 2 - 1),
        ("either", (n, i), indicator(sympy.Or(x[n, i] > 0, g[i] > 0))),
        ("both", (n, i), indicator(sympy.And(x[n, i] > 0, g[i] > 0)) + g[i]),
        ("constants", (), sympy.sqrt(2) + sympy.pi + D + sympy.exp(1)),
    ]  # fmt: skip
    return {name: define(name, at, expression) for name, at, expression in made}


NODES = nodes()


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", NODES)
def test_node(name: str, sizes: dict) -> None:
    fixed = {"eps": 1e-3} | {s.name: v for s, v in sizes.items()}
    check(NODES[name], sizes, fixed)


# -- derivatives, typed as adjoints would be ----------------------------------------------------------------


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_cross_entropy_is_finite_at_large_logits(size: float) -> None:
    n, c, k = indices("n c k")
    z, t, q = input("z", (N, C)), labels("t", (N,), C), input("q", (N, C))
    p = softmax(z)
    y = log_softmax(z)
    dz = define("dz", (n, c), (p[n, c] - sympy.KroneckerDelta(c, t[n])) / N)
    soft = define("soft", (), -sum_over(q[n, c] * sympy.log(p[n, c]), n, c))
    lse = define("lse", (n,), sympy.log(sum_over(sympy.exp(z[n, k]), k)))
    program = build([cross_entropy(p, t), nll(y, t, name="nll"), dz, soft, lse, p, y])
    logits = np.array([[size, 0, -size], [-size, -size, -size], [0, -size, 0], [size, size, size]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = program({"z": logits, "t": [0, 1, 2, 0], "q": np.eye(3)[[0, 1, 2, 0]]})
    assert all(np.isfinite(v).all() for v in out.values())
    expected = (np.log(3) + np.log(2) + np.log(3)) / 4
    np.testing.assert_allclose([out["loss"], out["nll"], out["soft"] / 4], expected, rtol=1e-14)
    np.testing.assert_allclose(out["p"][2], [0.5, 0, 0.5])


def test_a_deliberate_shift_is_what_keeps_it_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "stabilise", lambda tree: tree)
    i, k = indices("i k")
    z = input("z", (C,))
    unsafe = define("unsafe_softmax", (i,), sympy.exp(z[i]) / sum_over(sympy.exp(z[k]), k))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(build([unsafe])({"z": [1e4, 0]})["unsafe_softmax"]).any()


ONE_VARIABLE = {
    "softplus": (lambda z: sympy.log(1 + sympy.exp(z)), lambda v: np.logaddexp(0, v)),
    "minus_softplus": (lambda z: sympy.log(1 / (1 + sympy.exp(z))), lambda v: -np.logaddexp(0, v)),
    "logistic": (lambda z: 1 / (1 + sympy.exp(-z)), lambda v: np.exp(-np.logaddexp(0, -v))),
    "logistic_other": (lambda z: sympy.exp(z) / (1 + sympy.exp(z)), lambda v: np.exp(-np.logaddexp(0, -v))),
    "logistic_slope": (
        lambda z: sympy.exp(-z) / (1 + sympy.exp(-z)) ** 2,
        lambda v: np.exp(-np.logaddexp(0, -v) - np.logaddexp(0, v)),
    ),
    "silu": (lambda z: z / (1 + sympy.exp(-z)), lambda v: v * np.exp(-np.logaddexp(0, -v))),
    "one_minus": (lambda z: 1 - 1 / (1 + sympy.exp(-z)), lambda v: np.exp(-np.logaddexp(0, v))),
    "elu": (
        lambda z: sympy.Piecewise((z, z > 0), (sympy.exp(z) - 1, True)),
        lambda v: np.where(v > 0, v, np.expm1(np.minimum(v, 0))),
    ),
    "guarded": (lambda z: indicator(z < 0) * sympy.exp(z), lambda v: np.where(v < 0, np.exp(np.minimum(v, 0)), 0)),
    "guarded_log": (
        lambda z: sympy.Piecewise((sympy.log(z), z > 0), (0, True)),
        lambda v: np.log(np.where(v > 0, v, 1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_VARIABLE)
def test_one_variable_is_safe_for_both_signs(name: str) -> None:
    expression, truth = ONE_VARIABLE[name]
    n = index("n")
    z = input("z", (N,))
    values = np.array([-1e300, -1e4, -750.0, -40.0, -1e-9, 0.0, 1e-9, 1.0, 40.0, 750.0, 1e4, 1e300])
    for dtype, tol in (("float64", 1e-12), ("float32", 2e-6)):
        some = values if dtype == "float64" else values[1:-1]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = build([define("y", (n,), expression(z[n]))], dtype=dtype)({"z": some})["y"]
        assert got.dtype == dtype
        np.testing.assert_allclose(got, truth(some), rtol=tol, atol=1e-300 if dtype == "float64" else 1e-37)


def test_small_arguments_keep_their_digits() -> None:
    n = index("n")
    z = input("z", (N,))
    y = define("y", (n,), sympy.exp(z[n]) - 1)
    w = define("w", (n,), sympy.log(1 + z[n]))
    out = build([y, w])({"z": [1e-17, -1e-12]})
    np.testing.assert_allclose(out["y"], np.expm1([1e-17, -1e-12]), rtol=1e-15)
    np.testing.assert_allclose(out["w"], np.log1p([1e-17, -1e-12]), rtol=1e-15)


# -- derived adjoints ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_derived_activation_is_compiled_and_finite(kind: str) -> None:
    x, g = input("x", (N, D)), input("g", (N, D))
    y = activation(kind, x)
    adjoint = backprop(y, [x], upstream=g).of[x]
    check([y, adjoint], SIZES[0])
    values = np.array([[-1e300, -1e4, -50, -1, 0, 1, 50, 1e4, 1e300]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = build([y, adjoint])({"x": values, "g": np.ones_like(values)})
    assert all(np.isfinite(v).all() for v in out.values())


@pytest.mark.parametrize("sizes", SIZES)
def test_derived_network(sizes: dict) -> None:
    x, t = input("x", (N, D)), labels("t", (N,), C)
    h = tanh(dense(x, H))
    h = plus(h, relu(dense(h, H)), name="res")
    total = cross_entropy(softmax(dense(h, C)), t)
    wanted = [p for p in leaves([total]) if p.role == "parameter"] + [x]
    adjoints = backprop(total, wanted)
    check([total, *(adjoints.of[p] for p in wanted)], sizes)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_derived_gradient_is_finite_at_large_logits(size: float) -> None:
    z, t, q = input("z", (N, C)), labels("t", (N,), C), input("q", (N, C))
    logits = np.array([[size, 0, -size], [-size, -size, -size], [0, -size, 0]])
    for total in (cross_entropy(softmax(z), t), nll(log_softmax(z), t), cross_entropy(softmax(z), q)):
        program = build([total, backprop(total, [z]).of[z]])
        given = {"z": logits, "t": [2, 1, 2], "q": np.eye(3)[[2, 1, 2]]}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            out = program({k: given[k] for k in program.inputs})
        assert np.isfinite(out["loss"]) or size == 1e300
        truth = np.array([[1, 0, -1], [1 / 3, -2 / 3, 1 / 3], [0.5, 0, -0.5]]) / 3
        np.testing.assert_allclose(out[program.outputs[1]], truth, atol=1e-15)


def test_buffers_are_reused_only_where_nothing_else_reads_them() -> None:
    x, t = input("x", (N, D)), labels("t", (N,), C)
    total = cross_entropy(softmax(dense(tanh(plus(dense(x, H), dense(x, H, name="2"), name="s")), C, name="3")), t)
    wanted = [p for p in leaves([total]) if p.role == "parameter"]
    adjoints = backprop(total, wanted)
    gradients = [adjoints.of[p] for p in wanted]
    values = {k.name: v for k, v in arrays([total], SIZES[0]).items()}
    everything = build([total, *adjoints.of.values()])(values)
    lean = build(gradients)
    assert "*= " in lean.source or "/= " in lean.source
    for _ in range(2):
        found = lean(values)
        for g in gradients:
            np.testing.assert_allclose(found[g.name], everything[g.name], rtol=1e-12, atol=1e-14)


# -- depth ----------------------------------------------------------------


def test_a_template_is_emitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[str] = []
    original = emit.Emitter.node

    def counted(self: emit.Emitter, tree: Any) -> emit.Code:
        emitted.append(str(type(tree)))
        return original(self, tree)

    monkeypatch.setattr(emit.Emitter, "node", counted)
    x = input("x", (N, D))
    count = len(emitted)
    y = x
    for _ in range(300):
        y = tanh(dense(y, D))
    program = build([y])
    assert len(emitted) - count <= 2
    assert program.source.count("xp.tanh") == 300
    np.testing.assert_allclose(
        program({t: np.zeros((2,) * leaf.rank) for leaf in leaves([y]) for t in [leaf.name]})[y.name], 0
    )


# -- names ----------------------------------------------------------------

HOSTILE = [
    "lambda", "xp", "sp", "np", "real", "N", "__class__", "program", "float", "x y", "x_y", "x-y", "'", '"""',
    "a\nimport os", "a\rb", "\u2028", "δ", "delta", "W₁", "W1", "1x", "_", "{0}", "{x}", "%s", "\\", "# no",
    "\U0001d465", "x", "é",
    "None", "print", "u1", "ｘ",
]  # fmt: skip


def test_hostile_names() -> None:
    n = index("n", N)
    tensors = [input(name, (N,)) for name in HOSTILE]
    total = define("out\n'\"", (n,), sum((k + 1) * t[n] ** 2 for k, t in enumerate(tensors)))
    copies = [define(f"{t.name}!", (n,), t[n] + 1) for t in tensors]
    program = build([total, *copies], name="def")
    values = {t.name: np.full(2, float(k)) for k, t in enumerate(tensors)}
    out = program(values)
    np.testing.assert_allclose(out[total.name], sum((k + 1) * k**2 for k in range(len(tensors))))
    for k, t in enumerate(tensors):
        np.testing.assert_allclose(out[f"{t.name}!"], k + 1)
    code = [line for line in program.source.splitlines() if not line.startswith("#")]
    assert "import os" not in "".join(code).replace(r"\nimport os", "")
    assert program.source.isascii() or all(
        line.startswith("#") for line in program.source.splitlines() if not line.isascii()
    )


def test_plain_names_stay_and_alike_names_part() -> None:
    names = Names(["xp"])
    assert names.of(1, "W1") == "W1"
    made = [names.of(k, name) for k, name in enumerate(HOSTILE, start=10)]
    assert len(set(made)) == len(made)
    assert all(m.isidentifier() and m.isascii() and not keyword.iskeyword(m) for m in made)
    assert names.of(1, "W1") == "W1"


def test_a_comment_is_one_line() -> None:
    assert "\n" not in comment("a\nb\u2028c\r") and comment("a\nimport os").count("\n") == 0


def test_two_tensors_of_one_name_are_refused() -> None:
    n = index("n")
    a, b = input("a", (N,)), input("a", (N,))
    with pytest.raises(DefinitionError, match="both named 'a'"):
        build([define("y", (n,), a[n] * b[n])])


# -- what is refused ----------------------------------------------------------------


def classifier() -> Program:
    x, t = input("x", (N, D)), labels("t", (N,), C)
    return build([cross_entropy(softmax(dense(x, C)), t)])


GOOD = {"x": np.ones((4, 2)), "W1": np.ones((3, 2)), "b1": np.zeros(3), "t": np.array([0, 1, 2, 0])}
BAD: list[tuple[dict, type, str]] = [
    ({"W1": None}, DataError, "No array was given for 'W1'"),
    ({"W_1": np.ones(1)}, UnknownNameError, "Did you mean 'W1'"),
    ({"x": np.ones(4)}, ShapeError, "'x' has shape .* expected 2 axes"),
    ({"x": np.ones((4, 5))}, ShapeError, "size D, has length"),
    ({"t": np.array([0, 1])}, ShapeError, "size N, has length 2, expected 4"),
    (
        {"t": np.array([0, 1, 3, 0])},
        LabelError,
        r"label 3 at \(2,\), expected an integer from 0 to C - 1 = 2",
    ),
    ({"t": np.array([0, -1, 1, 0])}, LabelError, "label -1"),
    ({"t": np.array([0, 0.5, 1, 0])}, LabelError, "label 0.5"),
    ({"t": np.array([0, np.nan, 1, 0])}, LabelError, "label nan"),
    ({"t": np.array([True, False, True, True])}, LabelError, "truth values"),
    ({"x": np.array([[1, 2], [1, np.nan], [1, 1], [1, 1]])}, DataError, r"'x' holds nan at \(1, 1\)"),
    ({"b1": np.array([0, np.inf, -np.inf])}, DataError, "'b1' holds inf"),
    ({"x": np.ones((0, 2)), "t": np.zeros(0, int)}, DataError, "is empty"),
    ({"x": np.ones((4, 2), complex)}, DataError, "complex"),
    ({"x": np.array([["a", "b"]] * 4)}, DataError, "expected numbers"),
    ({"x": np.array([[None, 1]] * 4)}, DataError, "expected numbers"),
    ({"x": [[1, 2], [3]]}, DataError, "different lengths"),
]


@pytest.mark.parametrize(("change", "error", "words"), BAD, ids=[w for _, _, w in BAD])
def test_bad_input(change: dict, error: type, words: str) -> None:
    values = {k: v for k, v in {**GOOD, **change}.items() if v is not None}
    with pytest.raises(error, match=words):
        classifier()(values)
    assert issubclass(error, SymnnError)


def test_checks_of_entries_can_be_switched_off() -> None:
    n = index("n")
    x = input("x", (N,))
    program = build([define("y", (n,), 2 * x[n])])
    assert np.isnan(program({"x": [np.nan]}, check=False)["y"]).all()


def test_large_finite_data_passes() -> None:
    n = index("n")
    x = input("x", (N,))
    program = build([define("y", (n,), x[n] / 2)])
    assert (program({"x": [1e308, 1e308]})["y"] == 5e307).all()


def test_scalars_are_asked_for() -> None:
    x = input("x", (N,))
    n = index("n")
    y = define("y", (n,), lam * x[n])
    with pytest.raises(DefinitionError, match="lam has no value"):
        build([y])
    with pytest.raises(UnknownNameError, match="Did you mean 'lamb'"):
        build([y], scalars={"lamb": 1.0})
    with pytest.raises(DefinitionError, match="finite"):
        build([y], scalars={"lam": float("nan")})
    with pytest.raises(UnknownNameError, match="numpy"):
        build([y], scalars={"lam": 1.0}, backend="nunpy")
    with pytest.raises(UnknownNameError, match="float32"):
        build([y], scalars={"lam": 1.0}, dtype="float31")


def test_outputs_belong_to_the_caller() -> None:
    x, y = input("x", (N,)), input("y", (N,))
    n = index("n")
    program = build([activation("linear", x, name="same"), define("b", (n, index("m", M)), y[n]), x], scalars={"M": 2})
    given = {"x": np.ones(3), "y": np.ones(3)}
    for v in program(given).values():
        v += 1
    assert (given["x"] == 1).all() and (given["y"] == 1).all()


def test_the_source_is_what_runs() -> None:
    source = classifier().source
    assert "eval" not in source and "exec(" not in source and "import" not in source
    assert "@ W1.T" in source and "a1 += b1" in source


def test_cupy_says_whether_it_ran() -> None:
    x = input("x", (N,))
    n = index("n")
    y = define("y", (n,), sympy.tanh(x[n]))
    try:
        import cupy
    except ImportError:
        cupy = None
    if cupy is None or not cupy.is_available():
        with pytest.raises(UnsupportedError, match="backend='numpy'"):
            build([y], backend="cupy")
        pytest.skip("not run: CuPy is not installed or sees no GPU")
    got = build([y], backend="cupy")({"x": np.arange(3.0)})["y"]
    np.testing.assert_allclose(cupy.asnumpy(got), np.tanh(np.arange(3.0)))
