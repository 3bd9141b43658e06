"""What random networks are made of, one line an entry: layers of the zoo, formulas typed with ``define``.

A layer is (maker, tensor, leading indices, last index) -> tensor, expression over the same indices, or
(indices, expression). It may raise ``Unfit`` where the tensor has not the axes it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

import symnn as sn
from symnn import indicator, stop_gradient, where
from symnn import sum as total

__all__ = ["JOINS", "LAYERS", "Unfit"]

Layer = Callable[..., Any]
exp, log, sqrt, tanh, Max, Min, Abs = sympy.exp, sympy.log, sympy.sqrt, sympy.tanh, sympy.Max, sympy.Min, sympy.Abs
delta, half, third = sympy.KroneckerDelta, sympy.Rational(1, 2), sympy.Rational(1, 3)
EPS = sympy.Rational(1, 10)


class Unfit(Exception):
    """A layer does not take a tensor of this shape."""


def _leading(b: tuple[Any, ...], count: int = 1) -> Any:
    """Refuse a tensor with fewer leading axes; false, so that a layer may stand behind an ``or``."""
    if len(b) < count:
        raise Unfit
    return None


def _mean(body: Any, k: Any) -> Any:
    return total(body, k) / k.size


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + exp(-z))


# -- one number to one number ------------------------------------------------------------------------------------------

ENTRIES: dict[str, Callable[[Any], Any]] = {
    "square": lambda z: z**2,
    "cube": lambda z: z**3 / 3,
    "sine": sympy.sin,
    "cosine": lambda z: sympy.cos(2 * z),
    "arctangent": sympy.atan,
    "arcsine": lambda z: sympy.asin(tanh(z) / 2),
    "arcsinh": sympy.asinh,
    "bounded_exp": lambda z: exp(tanh(z)),
    "gaussian": lambda z: exp(-(z**2) / 2),
    "log_square": lambda z: log(1 + z**2),
    "root": lambda z: sqrt(1 + z**2),
    "power": lambda z: (1 + z**2) ** sympy.Rational(3, 4),
    "reciprocal": lambda z: 1 / (1 + z**2),
    "cosh": lambda z: sympy.cosh(z / 2),
    "error": sympy.erf,
    "loggamma": lambda z: sympy.loggamma(1 + z**2),
    "absolute": Abs,
    "signed_root": lambda z: sympy.sign(z) * sqrt(Abs(z) + EPS),
    "floor": lambda z: Max(z, third),
    "ceiling": lambda z: Min(z, third),
    "clip": lambda z: Max(-third, Min(z, half)),
    "cases": lambda z: where(z > half, z**2, z / 2),
    "nested_cases": lambda z: where(z > half, z, where(z < -half, -(z**2), tanh(z))),
    "passed": lambda z: z * indicator(z > 0),
    "swish": lambda z: z * _sigmoid(z),
    "stopped_gate": lambda z: z * stop_gradient(_sigmoid(z)),
    "straight_through": lambda z: z + stop_gradient(tanh(z) - z),
    "three_terms": lambda z: z - z**2 / 2 + sympy.pi * z**3 / 20,
}

# -- formulas over the same indices ------------------------------------------------------------------------------------

SAME: dict[str, Layer] = {
    "typed_layer_norm": lambda m, x, b, i: _layer_norm(x, b, i),
    "typed_rms_norm": lambda m, x, b, i: (
        m.parameter(x.shape[-1])[i] * x[*b, i] / sqrt(_mean(x[*b, k := m.index("k", i.size)] ** 2, k) + EPS)
    ),
    "unit": lambda m, x, b, i: x[*b, i] / sqrt(total(x[*b, k := m.index("k", i.size)] ** 2, k) + EPS),
    "typed_batch_norm": lambda m, x, b, i: _batch_norm(m, x, b, i),
    "centred": lambda m, x, b, i: x[*b, i] - _mean(x[*b, k := m.index("k", i.size)], k),
    "typed_softmax": lambda m, x, b, i: exp(x[*b, i]) / total(exp(x[*b, k := m.index("k", i.size)]), k),
    "first_softmax": lambda m, x, b, i: _leading(b) or exp(x[*b, i]) / total(exp(x[k := m.like(b[0]), *b[1:], i]), k),
    "tempered": lambda m, x, b, i: (
        exp(x[*b, i] / m.tau) / total(exp(x[*b, k := m.index("k", i.size)] / m.tau), k) + m.lam * x[*b, i]
    ),
    "causal": lambda m, x, b, i: (
        total(indicator((k := m.index("k", i.size)) <= i) * exp(x[*b, k]) * x[*b, k], k)
        / total(indicator((j := m.index("j", i.size)) <= i) * exp(x[*b, j]), j)
    ),
    "running_sum": lambda m, x, b, i: total(indicator((k := m.index("k", i.size)) <= i) * x[*b, k], k),
    "shift_down": lambda m, x, b, i: x[*b, i] / 2 + indicator(i > 0) * x[*b, i - 1],
    "shift_up": lambda m, x, b, i: x[*b, i] * indicator(i < i.size - 1) * x[*b, i + 1] + x[*b, i],
    "shift_cases": lambda m, x, b, i: sympy.Piecewise((x[*b, i + 1] - x[*b, i], i < i.size - 1), (x[*b, i], True)),
    "shift_rows": lambda m, x, b, i: _leading(b) or x[*b, i] + indicator(b[0] > 0) * x[b[0] - 1, *b[1:], i] ** 2,
    "flip": lambda m, x, b, i: x[*b, i.size - 1 - i] * x[*b, i] + x[*b, i],
    "upper": lambda m, x, b, i: _leading(b) or x[*b, i] * indicator(b[0] >= i),
    "off_diagonal": lambda m, x, b, i: _leading(b) or x[*b, i] * (1 - delta(b[0], i)),
    "ramp": lambda m, x, b, i: x[*b, i] * (i + 1) / i.size,
    "scaled": lambda m, x, b, i: x[*b, i] / sqrt(i.size),
    "powers": lambda m, x, b, i: tanh(x[*b, i]) ** (i + 1),
    "first_entry": lambda m, x, b, i: x[*b, i] * x[*b, 0],
    "gain": lambda m, x, b, i: m.parameter(i.size)[i] * x[*b, i] + m.parameter(i.size)[i],
    "one_number": lambda m, x, b, i: m.parameter()[()] * x[*b, i] + m.parameter()[()],
    "positive_scale": lambda m, x, b, i: x[*b, i] / (s := m.positive(i.size))[i] + log(s[i]),
    "label_mask": lambda m, x, b, i: x[*b, i] * (1 - delta(i, m.labels(*x.shape[:-1], classes=i.size)[b])),
    "label_shift": lambda m, x, b, i: x[*b, i] - x[*b, m.labels(*x.shape[:-1], classes=i.size)[b]],
    "embedding": lambda m, x, b, i: (
        x[*b, i] + m.parameter(c := m.width(), i.size)[m.labels(*x.shape[:-1], classes=c)[b], i]
    ),
    "permuted": lambda m, x, b, i: x[*b, i] - x[*b, sn.permutation(m.name("pi"), i.size)[i]] ** 2,
    "own_square": lambda m, x, b, i: x[*b, i] * x[*b, i] - x[*b, i],
}


def _layer_norm(x: Any, b: Any, i: Any) -> Any:
    j, k, l = (sn.index(c, i.size) for c in "jkl")
    centre = x[*b, i] - _mean(x[*b, k], k)
    return centre / sqrt(_mean((x[*b, j] - _mean(x[*b, l], l)) ** 2, j) + EPS)


def _batch_norm(m: Any, x: Any, b: Any, i: Any) -> Any:
    _leading(b)
    j, k, l = (m.like(b[0], c) for c in "jkl")
    var = _mean((x[j, *b[1:], i] - _mean(x[l, *b[1:], i], l)) ** 2, j)
    return (
        m.parameter(i.size)[i]
        * (x[*b, i] - _mean(x[k, *b[1:], i], k))
        / (sqrt(var + EPS) + EPS if m.coin() else 1 + var)
    )


# -- formulas with two tensors of one shape, the second an earlier one or the same -------------------------------------

JOINS: dict[str, Layer] = {
    "plus": lambda m, x, y, b, i: sn.plus(x, y),
    "residual": lambda m, x, y, b, i: sn.residual(x, y),
    "cross_attention": lambda m, x, y, b, i: _leading(b) or sn.attention(x, y, m.input(*y.shape), name=m.name("")),
    "product": lambda m, x, y, b, i: x[*b, i] * y[*b, i],
    "difference_of_squares": lambda m, x, y, b, i: (x[*b, i] - y[*b, i]) * (x[*b, i] + y[*b, i]),
    "gated": lambda m, x, y, b, i: x[*b, i] * _sigmoid(y[*b, i]),
    "quotient": lambda m, x, y, b, i: x[*b, i] / (1 + y[*b, i] ** 2),
    "larger": lambda m, x, y, b, i: Max(x[*b, i], y[*b, i] / 2 + third),
    "chosen": lambda m, x, y, b, i: where(x[*b, i] > y[*b, i] + third, x[*b, i] ** 2, 2 * y[*b, i]),
    "mixed": lambda m, x, y, b, i: (u := m.parameter()[()]) * x[*b, i] + (1 - u) * y[*b, i],
    "stopped": lambda m, x, y, b, i: x[*b, i] * stop_gradient(y[*b, i]) + y[*b, i],
    "cross": lambda m, x, y, b, i: x[*b, i] * total(x[*b, k := m.index("k", i.size)] * y[*b, k], k),
    "cosine_gate": lambda m, x, y, b, i: (
        x[*b, i] * total(x[*b, k := m.index("k", i.size)] * y[*b, k], k)
        / sqrt(_square(x, b, m.index("j", i.size)) * _square(y, b, m.index("l", i.size)))
    ),
    "bilinear": lambda m, x, y, b, i: _bilinear(m, x, y, b, i),
}  # fmt: skip


def _square(x: Any, b: Any, k: Any) -> Any:
    return total(x[*b, k] ** 2, k) + EPS


def _bilinear(m: Any, x: Any, y: Any, b: Any, i: Any) -> Any:
    o, j = sn.index("o", m.width()), sn.index("j", i.size)
    return (*b, o), total(m.parameter(o.size, i.size, i.size)[o, i, j] * x[*b, i] * y[*b, j], i, j)


# -- formulas of other shapes ------------------------------------------------------------------------------------------


def _dense(m: Any, x: Any, b: Any, i: Any) -> Any:
    W = m.known((units := m.width(), i.size))
    return sn.dense(x, units, name=m.name(""), bias=m.coin(), weight=W)


def _turned(m: Any, x: Any, b: Any, i: Any) -> Any:
    o = sn.index("o", m.width())
    return (*b, o), total(m.parameter(i.size, o.size)[i, o] * x[*b, i], i)


def _centres(m: Any, x: Any, b: Any, i: Any) -> Any:
    k = sn.index("k", m.width())
    square = total((x[*b, i] - m.parameter(k.size, i.size)[k, i]) ** 2, i)
    return (*b, k), exp(-square / 2) if m.coin() else square / i.size


def _pairs(m: Any, x: Any, b: Any, i: Any) -> Any:
    _leading(b)
    k = m.like(b[0], "m")
    y = x[k, *b[1:], i]
    return (*b, k), _mean((x[*b, i] - y) ** 2 if m.coin() else x[*b, i] * y, i)


def _gram(m: Any, x: Any, b: Any, i: Any) -> Any:
    _leading(b)
    j = sn.index("j", i.size)
    return (*b[1:], i, j), total(x[*b, i] * x[*b, j], b[0])


def _attention(m: Any, x: Any, b: Any, i: Any) -> Any:
    _leading(b)
    j, k, c, d = m.like(b[-1], "j"), m.like(b[-1], "k"), sn.index("c", i.size), sn.index("d", i.size)
    causal = m.coin()

    def weight(q: Any, a: Any) -> Any:
        seen = indicator(q <= b[-1]) if causal else 1
        return seen * exp(total(x[*b, a] * x[*b[:-1], q, a], a) / sqrt(i.size))

    return total(weight(j, c) * x[*b[:-1], j, i], j) / total(weight(k, d), k)


def _convolved(m: Any, x: Any, b: Any, i: Any) -> Any:
    k, p = sn.index("k", 2), sn.index("p", i.size)
    return (*b, p), total(m.parameter(2)[k] * indicator(p + k <= i.size - 1) * x[*b, p + k], k)


def _outer(m: Any, x: Any, b: Any, i: Any) -> Any:
    if len(b) > 1:
        raise Unfit
    j = sn.index("j", i.size)
    return (*b, i, j), x[*b, i] * tanh(x[*b, j])


def _drop(body: Callable[[Any, Any, Any, Any], Any]) -> Layer:
    """A layer that sums the last axis away."""

    def layer(m: Any, x: Any, b: Any, i: Any) -> Any:
        _leading(b)
        return b, body(m, x, b, i)

    return layer


def _drop_first(m: Any, x: Any, b: Any, i: Any) -> Any:
    _leading(b)
    return (*b[1:], i), _mean(x[*b, i] if m.coin() else x[*b, i] ** 2, b[0])


#: Layers of the zoo that take more than a tensor.
ZOO: dict[str, Layer] = {
    "softmax": lambda m, x, b, i: sn.softmax(x),
    "tempered_softmax": lambda m, x, b, i: sn.softmax(x, temperature=m.tau),
    "log_softmax": lambda m, x, b, i: sn.log_softmax(x),
    "batch_norm": lambda m, x, b, i: _leading(b) or sn.batch_norm(x, eps=EPS, name=m.name("")),
    "plain_batch_norm": lambda m, x, b, i: _leading(b) or sn.batch_norm(x, affine=False, eps=m.tau, name=m.name("")),
    "batch_norm_inference": lambda m, x, b, i: sn.batch_norm_inference(
        x, m.parameter(i.size), m.positive(i.size), name=m.name("")
    ),
    "layer_norm": lambda m, x, b, i: sn.layer_norm(x, eps=EPS, axes=1 + (m.coin() and len(b) > 0), name=m.name("")),
    "instance_norm": lambda m, x, b, i: _leading(b, 2) or sn.instance_norm(x, eps=EPS, name=m.name("")),
    "group_norm": lambda m, x, b, i: _leading(b, 2) or sn.group_norm(x, eps=EPS, name=m.name("")),
    "rms_norm": lambda m, x, b, i: sn.rms_norm(x, eps=EPS, name=m.name("")),
    "dropout": lambda m, x, b, i: sn.dropout(x, m.input(*x.shape), half, scale=m.coin()),
    "weight_norm": lambda m, x, b, i: _normed(m, x, i, lambda V, w: sn.weight_norm(V, m.parameter(w), name=m.name(""))),
    "spectral_norm": lambda m, x, b, i: _normed(
        m, x, i, lambda V, w: sn.spectral_norm(V, m.input(w), m.input(i.size), name=m.name(""))
    ),
    "attention": lambda m, x, b, i: _leading(b) or sn.attention(x, x, x, name=m.name("")),
    "causal_attention": lambda m, x, b, i: _leading(b) or sn.attention(x, x, x, mask="causal", name=m.name("")),
    "padded_attention": lambda m, x, b, i: (
        _leading(b) or sn.attention(x, x, x, padding=m.input(*x.shape[:-1]), name=m.name(""))
    ),
    "masked_attention": lambda m, x, b, i: (
        _leading(b) or sn.attention(x, x, x, mask=m.input(b[-1].size, b[-1].size), name=m.name(""))
    ),
}


def _normed(m: Any, x: Any, i: Any, norm: Callable[[Any, Any], Any]) -> Any:
    units = m.width()
    return sn.dense(x, units, name=m.name(""), bias=m.coin(), weight=norm(m.parameter(units, i.size), units))


OTHERS: dict[str, Layer] = {
    "dense": _dense,
    "turned_dense": _turned,
    "centres": _centres,
    "pairs": _pairs,
    "gram": _gram,
    "typed_attention": _attention,
    "convolved": _convolved,
    "outer": _outer,
    "first_mean": _drop_first,
    "last_mean": _drop(lambda m, x, b, i: _mean(x[*b, i], i)),
    "last_logsumexp": _drop(lambda m, x, b, i: log(total(exp(x[*b, i]), i))),
    "last_entry": _drop(lambda m, x, b, i: x[*b, 0]),
    "gathered": _drop(lambda m, x, b, i: x[*b, m.labels(*x.shape[:-1], classes=i.size)[b]]),
    "projected": _drop(lambda m, x, b, i: total(m.parameter(i.size)[i] * x[*b, i], i)),
    "transposed": lambda m, x, b, i: _leading(b) or ((i, *b), tanh(x[*b, i])),
}


def _entry(f: Callable[[Any], Any]) -> Layer:
    return lambda m, x, b, i: f(x[*b, i])


def _activation(kind: str) -> Layer:
    return lambda m, x, b, i: sn.activation(kind, x)


#: Name -> layer and weight; a dense layer stands between most others, as in the networks people write.
LAYERS: dict[str, tuple[Layer, int]] = {
    **{f"act_{kind}": (_activation(kind), 2) for kind in sn.ACTIVATIONS},
    **{name: (_entry(f), 1) for name, f in ENTRIES.items()},
    **{name: (layer, 1) for name, layer in SAME.items()},
    **{name: (layer, 40 if name == "dense" else 2) for name, layer in OTHERS.items()},
    **{name: (layer, 3) for name, layer in ZOO.items()},
}
