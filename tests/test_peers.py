"""Derived and compiled gradients against torch.autograd and jax.grad in float64; run by `make test-peers`.

Each formula is typed twice: for symnn with index expressions, for the others with their own array functions. Where
one of them cannot be imported the test says so and is skipped.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import sympy

import symnn as sn

pytestmark = pytest.mark.peers

Arrays = Mapping[str, Any]

#: |g - d| <= TOLERANCE * max|d| per tensor: float64, a few thousand additions in another order.
TOLERANCE = 1e-12

# -- the peers -----------------------------------------------------------------------------------------------------


class Torch:
    """PyTorch: plain functions, and the gradient of a scalar function of named arrays."""

    def __init__(self) -> None:
        self.torch = needed("torch")
        self.F = importlib.import_module("torch.nn.functional")
        for name in ("exp", "log", "sqrt", "abs", "einsum", "tanh", "where"):
            setattr(self, name, getattr(self.torch, name))
        self.relu, self.softmax, self.log_softmax = self.F.relu, self.F.softmax, self.F.log_softmax

    def one_hot(self, t: Any, classes: int) -> Any:
        return self.F.one_hot(t, classes).to(self.torch.float64)

    def tril(self, n: int) -> Any:
        return self.torch.tril(self.torch.ones((n, n), dtype=self.torch.bool))

    def gradient(self, f: Callable[..., Any], by: Arrays, data: Arrays) -> tuple[float, dict[str, Any]]:
        wrt = {k: self.torch.tensor(np.asarray(v, dtype=float), requires_grad=True) for k, v in by.items()}
        fixed = {k: self.torch.tensor(np.asarray(v)) for k, v in data.items()}
        value = f(self, **wrt, **fixed)
        grads = self.torch.autograd.grad(value, list(wrt.values()))
        return float(value.detach()), {k: g.numpy() for k, g in zip(wrt, grads, strict=True)}


class Jax:
    """JAX: the same functions by the same names."""

    def __init__(self) -> None:
        self.jax = needed("jax")
        self.jax.config.update("jax_enable_x64", True)
        self.jnp = importlib.import_module("jax.numpy")
        for name in ("exp", "log", "sqrt", "abs", "einsum", "tanh", "where"):
            setattr(self, name, getattr(self.jnp, name))
        self.relu, self.softmax, self.log_softmax = self.jax.nn.relu, self.jax.nn.softmax, self.jax.nn.log_softmax

    def one_hot(self, t: Any, classes: int) -> Any:
        return self.jax.nn.one_hot(t, classes, dtype=self.jnp.float64)

    def tril(self, n: int) -> Any:
        return self.jnp.tril(self.jnp.ones((n, n), dtype=bool))

    def gradient(self, f: Callable[..., Any], by: Arrays, data: Arrays) -> tuple[float, dict[str, Any]]:
        wrt = {k: self.jnp.asarray(v, dtype=self.jnp.float64) for k, v in by.items()}
        fixed = {k: self.jnp.asarray(v) for k, v in data.items()}
        value, grads = self.jax.value_and_grad(lambda moved: f(self, **moved, **fixed))(wrt)
        return float(value), {k: np.asarray(g) for k, g in grads.items()}


def needed(module: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # raised by its own imports
            return importlib.import_module(module)
    except ImportError as error:
        pytest.skip(f"not run: {module} cannot be imported here ({error}); `make test-peers` installs it")


@pytest.fixture(scope="module", params=[Torch, Jax], ids=["torch", "jax"])
def peer(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture(scope="module")
def torch() -> Torch:
    return Torch()


def agrees(
    peer: Any, loss: sn.Tensor, f: Callable[..., Any], by: Arrays, data: Arrays, *, least: float = 1e-300
) -> None:
    """Assert that value and gradients by the tensors named in ``by`` are the peer's.

    A gradient whose entries are all below ``least`` is compared with that accuracy, not with its own.
    """
    value, expected = peer.gradient(f, by, data)
    found, grads = sn.Network(loss).compile(wrt=by)(dict(by), dict(data))
    assert np.isfinite(value)
    assert abs(found - value) <= TOLERANCE * max(1.0, abs(value))
    for name, d in expected.items():
        top = max(float(np.abs(d).max()), least)
        assert grads[name].dtype == np.float64 and grads[name].shape == d.shape
        np.testing.assert_allclose(grads[name], d, rtol=0, atol=TOLERANCE * top, err_msg=name)


def normal(*shapes: tuple[int, ...], seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


N, M, D, H, C, K = sn.dims("N M D H C K")
n, m, i, j, k, c, d, o = sn.indices("n m i j k c d o")

# -- activations ---------------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "linear": (lambda F, z: z * 1, lambda J, z: z * 1),
    "sigmoid": (lambda F, z: F.sigmoid(z), lambda J, z: J.sigmoid(z)),
    "tanh": (lambda F, z: F.tanh(z), lambda J, z: J.tanh(z)),
    "relu": (lambda F, z: F.relu(z), lambda J, z: J.relu(z)),
    "leaky_relu": (lambda F, z: F.leaky_relu(z), lambda J, z: J.leaky_relu(z)),
    "elu": (lambda F, z: F.elu(z), lambda J, z: J.elu(z)),
    "selu": (lambda F, z: F.selu(z), lambda J, z: J.selu(z)),
    "softplus": (lambda F, z: F.softplus(z, threshold=500.0), lambda J, z: J.softplus(z)),
    "silu": (lambda F, z: F.silu(z), lambda J, z: J.silu(z)),
    "gelu": (lambda F, z: F.gelu(z), lambda J, z: J.gelu(z, approximate=False)),
    "gelu_tanh": (lambda F, z: F.gelu(z, approximate="tanh"), lambda J, z: J.gelu(z, approximate=True)),
    "mish": (lambda F, z: F.mish(z), lambda J, z: J.mish(z)),
    "hard_tanh": (lambda F, z: F.hardtanh(z), lambda J, z: J.hard_tanh(z)),
    "softsign": (lambda F, z: F.softsign(z), lambda J, z: J.soft_sign(z)),
}


def test_every_activation_and_loss_of_the_tables_is_compared() -> None:
    assert set(ACTIVATIONS) == set(sn.ACTIVATIONS)
    assert set(LOSSES) == set(sn.LOSSES)


def activated(kind: str, **constants: Any) -> sn.Tensor:
    z, w = sn.parameter("z", (N, D)), sn.input("w", (N, D))
    y = sn.activation(kind, z, **constants)
    return sn.define("loss", (), sn.sum(w[n, i] * y[n, i], n, i))


def activate(peer: Any, kind: str, z: Any) -> Any:
    one, other = ACTIVATIONS[kind]
    return one(peer.F, z) if isinstance(peer, Torch) else other(peer.jax.nn, z)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation(peer: Any, kind: str) -> None:
    z, w = normal((6, 7), (6, 7))
    agrees(peer, activated(kind), lambda p, z, w: (w * activate(p, kind, z)).sum(), {"z": 3 * z}, {"w": w})


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("at", [30.0, -30.0, 200.0, -200.0])
def test_saturated_activation(peer: Any, kind: str, at: float) -> None:
    f = lambda p, z, w: (w * activate(p, kind, z)).sum()  # noqa: E731
    agrees(peer, activated(kind), f, {"z": np.array([[at, at / 3]])}, {"w": np.array([[1.5, -0.5]])}, least=1e-3)


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("at", [0.0, -0.0, 1.0, -1.0])
def test_at_kinks_the_convention_is_torchs(torch: Torch, kind: str, at: float) -> None:
    f = lambda p, z, w: (w * activate(p, kind, z)).sum()  # noqa: E731
    agrees(torch, activated(kind), f, {"z": np.array([[at]])}, {"w": np.array([[1.5]])})


@pytest.mark.parametrize(
    ("kind", "constants", "f"),
    [
        ("leaky_relu", {"slope": 0.25}, lambda F, z: F.leaky_relu(z, 0.25)),
        ("elu", {"alpha": 0.5}, lambda F, z: F.elu(z, 0.5)),
    ],
)
def test_constants_and_their_kinks(torch: Torch, kind: str, constants: dict, f: Any) -> None:
    z = np.array([[0.0, -0.0, 1.0, -1.0, 1e-300, -1e-300]])
    agrees(torch, activated(kind, **constants), lambda p, z, w: (w * f(p.F, z)).sum(), {"z": z}, {"w": 2 + 0 * z})


# -- losses --------------------------------------------------------------------------------------------------------


def reduced(each: Any, reduction: str) -> Any:
    return each.mean() if reduction == "mean" else each.sum()


def log_p(p: Any, z: Any) -> Any:
    return p.log_softmax(z, -1)


def huber(p: Any, r: Any, delta: float) -> Any:
    return p.where(p.abs(r) <= delta, r * r / 2, delta * (p.abs(r) - delta / 2))


def focal(p: Any, log_of_target: Any) -> Any:
    return -((1 - p.exp(log_of_target)) ** 1.5) * log_of_target


def soft_targets(q: Any) -> Any:
    e = np.exp(q)
    return e / e.sum(axis=-1, keepdims=True)


#: Name -> (the loss typed for symnn, for torch.nn.functional, and by hand for both).
LOSSES: dict[str, tuple[Callable[..., sn.Tensor], Callable[..., Any] | None, Callable[..., Any]]] = {
    "cross_entropy": (
        lambda y, t, q, **r: sn.cross_entropy(sn.softmax(y), t, **r),
        lambda F, y, t, q, r: F.cross_entropy(y, t, reduction=r),
        lambda p, y, t, q, r: reduced(-(log_p(p, y) * p.one_hot(t, y.shape[1])).sum(-1), r),
    ),
    "nll": (
        lambda y, t, q, **r: sn.nll(sn.log_softmax(y), t, **r),
        lambda F, y, t, q, r: F.nll_loss(F.log_softmax(y, -1), t, reduction=r),
        lambda p, y, t, q, r: reduced(-(log_p(p, y) * p.one_hot(t, y.shape[1])).sum(-1), r),
    ),
    "soft_cross_entropy": (
        lambda y, t, q, **r: sn.cross_entropy(sn.softmax(y), q, **r),
        lambda F, y, t, q, r: F.cross_entropy(y, q, reduction=r),
        lambda p, y, t, q, r: reduced(-(log_p(p, y) * q).sum(-1), r),
    ),
    "smoothed_cross_entropy": (
        lambda y, t, q, **r: sn.cross_entropy(sn.softmax(y), t, label_smoothing=0.3, **r),
        lambda F, y, t, q, r: F.cross_entropy(y, t, label_smoothing=0.3, reduction=r),
        lambda p, y, t, q, r: reduced(-(log_p(p, y) * (0.7 * p.one_hot(t, y.shape[1]) + 0.3 / y.shape[1])).sum(-1), r),
    ),
    "focal": (
        lambda y, t, q, **r: sn.focal(sn.softmax(y), t, gamma=1.5, **r),
        None,  # it is in torchvision only
        lambda p, y, t, q, r: reduced(focal(p, (log_p(p, y) * p.one_hot(t, y.shape[1])).sum(-1)), r),
    ),
    "kl": (
        lambda y, t, q, **r: sn.kl(q, sn.softmax(y), **r),
        lambda F, y, t, q, r: F.kl_div(F.log_softmax(y, -1), q, reduction={"mean": "batchmean"}.get(r, r)),
        lambda p, y, t, q, r: reduced((q * (p.log(q) - log_p(p, y))).sum(-1), r),
    ),
    "distillation": (
        lambda y, t, q, **r: sn.distillation(y, q, 2.5, **r),
        lambda F, y, t, q, r: 6.25 * F.kl_div(
            F.log_softmax(y / 2.5, -1), F.softmax(q / 2.5, -1), reduction={"mean": "batchmean"}.get(r, r)
        ),
        lambda p, y, t, q, r: 6.25 * reduced(
            (p.softmax(q / 2.5, -1) * (log_p(p, q / 2.5) - log_p(p, y / 2.5))).sum(-1), r
        ),
    ),
    "bce_with_logits": (
        lambda y, t, q, **r: sn.bce_with_logits(y, q, **r),
        lambda F, y, t, q, r: F.binary_cross_entropy_with_logits(y, q, reduction=r),
        lambda p, y, t, q, r: reduced(p.log(1 + p.exp(y)) - q * y, r),
    ),
    "mse": (
        lambda y, t, q, **r: sn.mse(y, q, **r),
        lambda F, y, t, q, r: F.mse_loss(y, q, reduction=r),
        lambda p, y, t, q, r: reduced((y - q) ** 2, r),
    ),
    "mae": (
        lambda y, t, q, **r: sn.mae(y, q, **r),
        lambda F, y, t, q, r: F.l1_loss(y, q, reduction=r),
        lambda p, y, t, q, r: reduced(p.abs(y - q), r),
    ),
    "huber": (
        lambda y, t, q, **r: sn.huber(y, q, delta=0.75, **r),
        lambda F, y, t, q, r: F.huber_loss(y, q, reduction=r, delta=0.75),
        lambda p, y, t, q, r: reduced(huber(p, y - q, 0.75), r),
    ),
    "hinge": (
        lambda y, t, q, **r: sn.hinge(y, q, **r),
        None,  # PyTorch has no such function
        lambda p, y, t, q, r: reduced(p.relu(1 - q * y), r),
    ),
}  # fmt: skip


LABELLED = ("cross_entropy", "nll", "smoothed_cross_entropy", "focal")


def loss_case(kind: str, reduction: str, y: Any, q: Any) -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    typed, function, by_hand = LOSSES[kind]
    classes = sn.labels("t", (N,), C)
    made = typed(sn.parameter("y", (N, C)), classes, sn.input("q", (N, C), positive=kind == "kl"), reduction=reduction)
    t = np.arange(len(y)) % y.shape[1]
    if kind in LABELLED:
        data: Arrays = {"t": t}
    else:
        data = {"q": soft_targets(q) if kind in ("soft_cross_entropy", "bce_with_logits", "kl") else q}

    def other(p: Any, y: Any, t: Any = None, q: Any = None) -> Any:
        if function is not None and isinstance(p, Torch):
            return function(p.F, y, t, q, reduction)
        return by_hand(p, y, t, q, reduction)

    return made, other, {"y": y}, data


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_loss(peer: Any, kind: str, reduction: str) -> None:
    y, q = normal((5, 4), (5, 4), seed=1)
    agrees(peer, *loss_case(kind, reduction, y, np.sign(q) if kind == "hinge" else q))


@pytest.mark.parametrize("kind", ["mae", "huber", "hinge"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_loss_at_kinks_follows_torch(torch: Torch, kind: str, reduction: str) -> None:
    q = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]])
    shift = np.array([[0, 0, 0.5], [0.75, -0.75, -0.5]])  # y = q; |y - q| = delta
    agrees(torch, *loss_case(kind, reduction, q + shift, q))


@pytest.mark.parametrize(
    "kind",
    ["cross_entropy", "nll", "soft_cross_entropy", "smoothed_cross_entropy", "kl", "distillation", "bce_with_logits"],
)
@pytest.mark.parametrize("size", [1e3, 1e4])
def test_loss_of_large_logits(torch: Torch, kind: str, size: float) -> None:
    y = np.array([[size, 0, -size], [-size, -size, -size], [0, -size, 0], [0, size, 1]])
    agrees(torch, *loss_case(kind, "mean", y, np.log([[1, 2, 3]] * 4)))


# -- layers of the zoo against torch.nn.functional -----------------------------------------------------------------


def layer(y: sn.Tensor) -> sn.Tensor:
    at = tuple(sn.index(letter, size) for letter, size in zip("abcdef", y.shape, strict=False))
    return sn.define("total", (), sn.sum(sn.input("w0", y.shape)[at] * y[at], *at))


def weighted_norm(p: Any, v: Any, g: Any) -> Any:
    norm = importlib.import_module("torch.nn.utils.parametrizations").weight_norm
    made = norm(p.torch.nn.Linear(v.shape[1], v.shape[0], bias=False, dtype=p.torch.float64))
    return p.torch.func.functional_call(
        made, {"parametrizations.weight.original0": g[:, None], "parametrizations.weight.original1": v},
        (p.torch.eye(v.shape[1], dtype=p.torch.float64),),
    ).T  # fmt: skip


def attended(p: Any, q: Any, k: Any, v: Any, **options: Any) -> Any:
    return p.F.scaled_dot_product_attention(q, k, v, **options)


def heads(**options: Any) -> sn.Tensor:
    q, k, v = (sn.parameter(name, (N, rows, width)) for name, rows, width in (("q", M, D), ("k", K, D), ("v", K, H)))
    return sn.attention(q, k, v, **options)


HEADS = {"q": (2, 3, 5), "k": (2, 4, 5), "v": (2, 4, 6)}
SEEN = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
THERE = np.array([[1, 1, 1, 0], [0, 1, 1, 1]])

#: Name -> the layer in symnn, the function in torch, the shapes of what it is differentiated by, and data.
LAYERS: dict[str, tuple[Callable[[], sn.Tensor], Callable[..., Any], dict[str, tuple[int, ...]], Arrays]] = {
    "batch_norm": (
        lambda: sn.batch_norm(sn.parameter("x", (N, D)), eps=0.01),
        lambda p, x, gamma, beta: p.F.batch_norm(x, None, None, gamma, beta, training=True, eps=0.01),
        {"x": (6, 5), "gamma": (5,), "beta": (5,)}, {},
    ),
    "batch_norm of images": (
        lambda: sn.batch_norm(sn.parameter("x", (N, C, H, K)), axis=1),
        lambda p, x, gamma, beta: p.F.batch_norm(x, None, None, gamma, beta, training=True),
        {"x": (3, 4, 2, 5), "gamma": (4,), "beta": (4,)}, {},
    ),
    "batch_norm at inference": (
        lambda: sn.batch_norm_inference(sn.parameter("x", (N, C, K)), sn.input("m", (C,)), sn.input("s", (C,)), axis=1),
        lambda p, x, gamma, beta, m, s: p.F.batch_norm(x, m, s, gamma, beta, training=False),
        {"x": (3, 4, 5), "gamma": (4,), "beta": (4,)}, {"m": np.arange(4.0), "s": np.arange(1.0, 5)},
    ),
    "layer_norm": (
        lambda: sn.layer_norm(sn.parameter("x", (N, M, D))),
        lambda p, x, gamma, beta: p.F.layer_norm(x, x.shape[-1:], gamma, beta),
        {"x": (2, 3, 5), "gamma": (5,), "beta": (5,)}, {},
    ),
    "layer_norm of two axes": (
        lambda: sn.layer_norm(sn.parameter("x", (N, M, D)), axes=2),
        lambda p, x, gamma, beta: p.F.layer_norm(x, x.shape[-2:], gamma, beta),
        {"x": (2, 3, 5), "gamma": (3, 5), "beta": (3, 5)}, {},
    ),
    "group_norm": (
        lambda: sn.group_norm(sn.parameter("x", (N, C, K, H))),
        lambda p, x, gamma, beta: p.F.group_norm(
            x.flatten(1, 2), x.shape[1], gamma.flatten(), beta.flatten()
        ).reshape(x.shape),
        {"x": (2, 3, 2, 5), "gamma": (3, 2), "beta": (3, 2)}, {},
    ),
    "instance_norm": (
        lambda: sn.instance_norm(sn.parameter("x", (N, C, H, K))),
        lambda p, x, gamma, beta: p.F.instance_norm(x, None, None, gamma, beta),
        {"x": (2, 3, 4, 5), "gamma": (3,), "beta": (3,)}, {},
    ),
    "rms_norm": (
        lambda: sn.rms_norm(sn.parameter("x", (N, M, D))),
        lambda p, x, gamma: p.F.rms_norm(x, x.shape[-1:], gamma, 1e-5),
        {"x": (2, 3, 5), "gamma": (5,)}, {},
    ),
    "weight_norm": (
        lambda: sn.weight_norm(sn.parameter("v", (H, D)), sn.parameter("g", (H,))),
        weighted_norm, {"v": (4, 5), "g": (4,)}, {},
    ),
    "dropout": (
        lambda: sn.dropout(sn.parameter("x", (N, D)), sn.input("m", (N, D)), 0.75),
        lambda p, x, m: x * m / 0.75, {"x": (2, 3)}, {"m": np.array([[1.0, 0, 1], [0, 1, 1]])},
    ),
    "attention": (heads, attended, HEADS, {}),
    "causal attention": (
        lambda: heads(mask="causal"), lambda p, q, k, v: attended(p, q, k, v, is_causal=True), HEADS, {},
    ),
    "attention with a mask": (
        lambda: heads(mask=sn.input("m", (M, K))),
        lambda p, q, k, v, m: attended(p, q, k, v, attn_mask=m > 0.5), HEADS, {"m": SEEN},
    ),
    "attention with padding": (
        lambda: heads(padding=sn.input("b", (N, K))),
        lambda p, q, k, v, b: attended(p, q, k, v, attn_mask=b[:, None, :] > 0.5), HEADS, {"b": THERE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_layer(torch: Torch, name: str, scale: float) -> None:
    make, function, shapes, data = LAYERS[name]
    y = make()
    by = {key: scale * a for key, a in zip(shapes, normal(*shapes.values()), strict=True)}
    w0 = np.random.default_rng(1).normal(size=function(torch, **tensors(torch, by), **tensors(torch, data)).shape)
    f = lambda p, w0, **given: (w0 * function(p, **given)).sum()  # noqa: E731
    # entries of order 1000 in, and a saturated softmax subtracts them from each other: that is right to 1e-12 of 1
    agrees(torch, layer(y), f, by, {"w0": w0, **data}, least=1.0 if scale > 1 else 1e-300)


def tensors(torch: Torch, arrays: Arrays) -> dict[str, Any]:
    return {name: torch.torch.tensor(np.asarray(a)) for name, a in arrays.items()}


# -- networks and layers typed with index expressions --------------------------------------------------------------


def classifier() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    W, b = sn.parameter("W", (H, D)), sn.parameter("b", (H,))
    V, a = sn.parameter("V", (C, H)), sn.parameter("a", (C,))
    h = sn.define("h", (n, i), sympy.Max(0, sn.sum(W[i, j] * x[n, j], j) + b[i]))
    z = sn.define("z", (n, c), sn.sum(V[c, i] * h[n, i], i) + a[c])
    e = sn.define("e", (n, c), sympy.exp(z[n, c]))
    p = sn.define("p", (n, c), e[n, c] / sn.sum(e[n, k], k))
    loss = sn.define("loss", (), -sn.sum(sympy.log(p[n, t[n]]), n) / N)

    def other(p: Any, W: Any, b: Any, V: Any, a: Any, x: Any, t: Any) -> Any:
        z = p.relu(x @ W.T + b) @ V.T + a
        return -(p.log_softmax(z, -1) * p.one_hot(t, 5)).sum() / x.shape[0]

    W_, b_, V_, a_, x_ = normal((6, 4), (6,), (5, 6), (5,), (8, 4))
    return loss, other, {"W": W_, "b": b_, "V": V_, "a": a_}, {"x": x_, "t": np.arange(8) % 5}


def zoo_classifier() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h = sn.relu(sn.dense(x, H, name="1"))
    loss = sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t)

    def other(p: Any, W1: Any, b1: Any, W2: Any, b2: Any, x: Any, t: Any) -> Any:
        z = p.relu(x @ W1.T + b1) @ W2.T + b2
        return -(p.log_softmax(z, -1) * p.one_hot(t, 5)).sum() / x.shape[0]

    W1, b1, W2, b2, x_ = normal((6, 4), (6,), (5, 6), (5,), (8, 4))
    return loss, other, {"W1": W1, "b1": b1, "W2": W2, "b2": b2}, {"x": x_, "t": np.arange(8) % 5}


def tied_weights() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, W = sn.input("x", (N, D)), sn.parameter("W", (H, D))
    h = sn.define("h", (n, i), sympy.tanh(sn.sum(W[i, j] * x[n, j], j)))
    y = sn.define("y", (n, j), sn.sum(W[i, j] * h[n, i], i))
    loss = sn.define("loss", (), sn.sum((y[n, j] - x[n, j]) ** 2, n, j) / N)
    other = lambda p, W, x: ((p.tanh(x @ W.T) @ W - x) ** 2).sum() / x.shape[0]  # noqa: E731
    W_, x_ = normal((3, 5), (7, 5))
    return loss, other, {"W": W_}, {"x": x_}


def bilinear() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, z = sn.parameter("x", (N, D)), sn.parameter("z", (N, H))
    W, b, w = sn.parameter("W", (C, D, H)), sn.parameter("b", (C,)), sn.input("w", (N, C))
    y = sn.define("y", (n, o), sn.sum(x[n, j] * W[o, j, k] * z[n, k], j, k) + b[o])
    loss = sn.define("loss", (), sn.sum(w[n, o] * y[n, o], n, o))

    def other(p: Any, x: Any, z: Any, W: Any, b: Any, w: Any) -> Any:
        return (w * (p.einsum("nj,ojk,nk->no", x, W, z) + b)).sum()

    x_, z_, W_, b_, w_ = normal((6, 4), (6, 3), (5, 4, 3), (5,), (6, 5))
    return loss, other, {"x": x_, "z": z_, "W": W_, "b": b_}, {"w": w_}


def prototypes() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, y, t = sn.parameter("x", (N, D)), sn.parameter("y", (C, D)), sn.labels("t", (N,), C)
    far = sn.define("far", (n, c), sn.sum((x[n, d] - y[c, d]) ** 2, d))
    near = sn.define("near", (n, c), -far[n, c] / 2)
    loss = sn.cross_entropy(sn.softmax(near), t)

    def other(p: Any, x: Any, y: Any, t: Any) -> Any:
        far = ((x[:, None] - y[None]) ** 2).sum(-1)
        return -(p.log_softmax(-far / 2, -1) * p.one_hot(t, 3)).sum() / x.shape[0]

    x_, y_ = normal((6, 4), (3, 4))
    return loss, other, {"x": x_, "y": y_}, {"t": np.arange(6) % 3}


def rms_norm() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, g, w = sn.parameter("x", (N, D)), sn.parameter("g", (D,)), sn.input("w", (N, D))
    r = sn.define("r", (n,), sympy.sqrt(sn.sum(x[n, k] ** 2, k) / D + sympy.Rational(1, 100000)))
    y = sn.define("y", (n, i), g[i] * x[n, i] / r[n])
    loss = sn.define("loss", (), sn.sum(w[n, i] * y[n, i], n, i))

    def other(p: Any, x: Any, g: Any, w: Any) -> Any:
        return (w * g * x / p.sqrt((x**2).mean(-1) + 1e-5)[:, None]).sum()

    x_, g_, w_ = normal((6, 5), (5,), (6, 5))
    return loss, other, {"x": x_, "g": g_}, {"w": w_}


def layer_norm() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, w = sn.parameter("x", (N, D)), sn.input("w", (N, D))
    mu = sn.define("mu", (n,), sn.sum(x[n, k], k) / D)
    v = sn.define("v", (n,), sn.sum((x[n, k] - mu[n]) ** 2, k) / D)
    y = sn.define("y", (n, i), (x[n, i] - mu[n]) / sympy.sqrt(v[n] + sympy.Rational(1, 100000)))
    loss = sn.define("loss", (), sn.sum(w[n, i] * y[n, i], n, i))

    def other(p: Any, x: Any, w: Any) -> Any:
        y = x - x.mean(-1)[:, None]
        return (w * y / p.sqrt((y**2).mean(-1) + 1e-5)[:, None]).sum()

    x_, w_ = normal((6, 5), (6, 5))
    return loss, other, {"x": x_}, {"w": w_}


def embedding() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    words, t = sn.labels("words", (N, M), K), sn.labels("t", (N,), C)
    E, W = sn.parameter("E", (K, D)), sn.parameter("W", (C, D))
    x = sn.define("x", (n, m, d), E[words[n, m], d])
    h = sn.define("h", (n, d), sn.sum(x[n, m, d], m) / M)
    z = sn.define("z", (n, c), sn.sum(W[c, d] * h[n, d], d))
    loss = sn.cross_entropy(sn.softmax(z), t)

    def other(p: Any, E: Any, W: Any, words: Any, t: Any) -> Any:
        return -(p.log_softmax(E[words].mean(1) @ W.T, -1) * p.one_hot(t, 3)).sum() / t.shape[0]

    E_, W_ = normal((7, 4), (3, 4))
    word = np.array([[0, 0, 6], [1, 2, 0], [5, 5, 5], [3, 6, 1]])  # repeated words add up
    return loss, other, {"E": E_, "W": W_}, {"words": word, "t": np.array([0, 2, 1, 0])}


def attention(causal: bool) -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, w = sn.parameter("x", (N, M, D)), sn.input("w", (N, M, H))
    Q, A, V = (sn.parameter(name, (H, D)) for name in ("Q", "A", "V"))
    q = sn.define("q", (n, i, o), sn.sum(Q[o, d] * x[n, i, d], d))
    a = sn.define("key", (n, i, o), sn.sum(A[o, d] * x[n, i, d], d))
    v = sn.define("v", (n, i, o), sn.sum(V[o, d] * x[n, i, d], d))
    s = sn.define("s", (n, i, j), sn.sum(q[n, i, o] * a[n, j, o], o) / sympy.sqrt(H))
    seen = sn.indicator(i >= j) if causal else 1
    e = sn.define("e", (n, i, j), seen * sympy.exp(s[n, i, j]))
    p = sn.define("p", (n, i, j), e[n, i, j] / sn.sum(e[n, i, k], k))
    y = sn.define("y", (n, i, o), sn.sum(p[n, i, j] * v[n, j, o], j))
    loss = sn.define("loss", (), sn.sum(w[n, i, o] * y[n, i, o], n, i, o))

    def other(p: Any, x: Any, Q: Any, A: Any, V: Any, w: Any) -> Any:
        s = p.einsum("nio,njo->nij", x @ Q.T, x @ A.T) / 3**0.5
        if causal:
            s = p.where(p.tril(4), s, -1e30)
        return (w * (p.softmax(s, -1) @ (x @ V.T))).sum()

    x_, Q_, A_, V_, w_ = normal((2, 4, 5), (3, 5), (3, 5), (3, 5), (2, 4, 3))
    return loss, other, {"x": x_, "Q": Q_, "A": A_, "V": V_}, {"w": w_}


def residual() -> tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]:
    x, w = sn.parameter("x", (N, D)), sn.input("w", (N, D))
    W, V = sn.parameter("W", (D, D)), sn.parameter("V", (D, D))
    h = sn.define("h", (n, i), x[n, i] + sympy.tanh(sn.sum(W[i, j] * x[n, j], j)))
    y = sn.define("y", (n, i), h[n, i] + x[n, i] * sn.sum(V[i, j] * h[n, j], j))
    loss = sn.define("loss", (), sn.sum(w[n, i] * y[n, i], n, i))

    def other(p: Any, x: Any, W: Any, V: Any, w: Any) -> Any:
        h = x + p.tanh(x @ W.T)
        return (w * (h + x * (h @ V.T))).sum()

    x_, W_, V_, w_ = normal((6, 4), (4, 4), (4, 4), (6, 4))
    return loss, other, {"x": x_, "W": W_, "V": V_}, {"w": w_}


NETWORKS: dict[str, Callable[[], tuple[sn.Tensor, Callable[..., Any], Arrays, Arrays]]] = {
    f.__name__: f
    for f in (classifier, zoo_classifier, tied_weights, bilinear, prototypes, rms_norm, layer_norm, embedding, residual)
} | {"attention": lambda: attention(False), "causal_attention": lambda: attention(True)}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(peer: Any, name: str) -> None:
    agrees(peer, *NETWORKS[name]())


@pytest.mark.parametrize("name", ["W", "a"])
def test_the_comparison_sees_a_wrong_entry(peer: Any, name: str) -> None:
    class Nudged:
        def gradient(self, f: Callable[..., Any], by: Arrays, data: Arrays) -> tuple[float, dict[str, Any]]:
            value, grads = peer.gradient(f, by, data)
            wrong = np.array(grads[name])
            wrong.flat[-1] += 1e-10
            return value, {**grads, name: wrong}

    loss, f, by, data = classifier()
    agrees(peer, loss, f, by, data)
    with pytest.raises(AssertionError, match=name):
        agrees(Nudged(), loss, f, by, data)


# -- other people's gradients in these libraries --------------------------------------------------------------------


def silu_layer() -> Any:
    return sn.silu(sn.input("x", sn.dims("N D")), name="y")


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_a_torch_function_is_judged(right: bool) -> None:
    torch = needed("torch")

    class Silu(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * torch.sigmoid(x)

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            (x,) = ctx.saved_tensors
            s = torch.sigmoid(x)
            return dy * (s + x * s * (1 - s) if right else s)

    judgement = sn.check_gradient(silu_layer(), "x", sn.torch_function(Silu, ("x",)))
    assert judgement.word == ("right" if right else "wrong"), judgement


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_a_jax_custom_vjp_is_judged(right: bool) -> None:
    jax = needed("jax")
    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def silu(x: Any) -> Any:
        return x * jax.nn.sigmoid(x)

    def backward(x: Any, dy: Any) -> Any:
        s = jax.nn.sigmoid(x)
        return (dy * (s + x * s * (1 - s) if right else s),)

    silu.defvjp(lambda x: (silu(x), x), backward)
    judgement = sn.check_gradient(silu_layer(), "x", sn.jax_function(silu, ("x",)))
    assert judgement.word == ("right" if right else "wrong"), judgement
