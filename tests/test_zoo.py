"""The zoo: values against NumPy typed by hand, gradients against differences, sizes from 1, errors of wrong use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symnn as sn
from symnn.compile.program import build
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.show.latex_notation import definition_latex
from tests import oracle

N, C, D, G, H, K, L, T, U = sn.dims("N C D G H K L T U")
EPS = 1e-5

Arrays = Mapping[str, Any]
Case = tuple[sn.Tensor, Callable[[Any], Any]]


class Given(dict[str, Any]):
    """Arrays by name, as attributes: the formulas typed by hand read like formulas."""

    __getattr__ = dict.__getitem__


# -- the zoo, and the same in NumPy ----------------------------------------------------------------------------------

CASES: dict[str, Callable[[], Case]] = {}


def case(f: Callable[[], Case]) -> Callable[[], Case]:
    CASES[f.__name__] = f
    return f


def real(name: str, *shape: Any) -> sn.Tensor:
    return sn.parameter(name, shape)


def normalised(x: Any, axes: Any, eps: float = EPS) -> Any:
    mu = x.mean(axes, keepdims=True)
    return (x - mu) / np.sqrt(((x - mu) ** 2).mean(axes, keepdims=True) + eps)


def softmax(z: Any, seen: Any = 1) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True)) * seen
    return e / e.sum(-1, keepdims=True)


@case
def batch_norm() -> Case:
    return sn.batch_norm(real("x", N, D)), lambda v: v.gamma * normalised(v.x, 0) + v.beta


@case
def batch_norm_of_channels() -> Case:
    y = sn.batch_norm(real("x", N, C, L), axis=1, eps=0.25)
    return y, lambda v: v.gamma[:, None] * normalised(v.x, (0, 2), 0.25) + v.beta[:, None]


@case
def batch_norm_of_images_without_affine() -> Case:
    return sn.batch_norm(real("x", N, C, H, L), axis=1, affine=False), lambda v: normalised(v.x, (0, 2, 3))


@case
def batch_norm_with_a_symbol() -> Case:
    y = sn.batch_norm(real("x", N, D), eps=sn.scalars("eps", positive=True), affine=False)
    return y, lambda v: normalised(v.x, 0, v.eps)


@case
def batch_norm_of_many_leading_axes() -> Case:
    return sn.batch_norm(real("x", N, T, D)), lambda v: v.gamma * normalised(v.x, (0, 1)) + v.beta


@case
def batch_norm_inference() -> Case:
    y = sn.batch_norm_inference(real("x", N, C, L), real("m", C), sn.input("v", (C,), positive=True), axis=1)

    def by_hand(v: Any) -> Any:
        xhat = (v.x - v.m[:, None]) / np.sqrt(v.v[:, None] + EPS)
        return v.gamma[:, None] * xhat + v.beta[:, None]

    return y, by_hand


@case
def layer_norm() -> Case:
    return sn.layer_norm(real("x", N, D)), lambda v: v.gamma * normalised(v.x, -1) + v.beta


@case
def layer_norm_of_two_axes() -> Case:
    return sn.layer_norm(real("x", N, T, D), axes=2), lambda v: v.gamma * normalised(v.x, (1, 2)) + v.beta


@case
def layer_norm_of_a_vector() -> Case:
    return sn.layer_norm(real("x", D)), lambda v: v.gamma * normalised(v.x, 0) + v.beta


@case
def group_norm() -> Case:
    def by_hand(v: Any) -> Any:
        return v.gamma[..., None] * normalised(v.x, (2, 3)) + v.beta[..., None]

    return sn.group_norm(real("x", N, G, K, L)), by_hand


@case
def instance_norm() -> Case:
    return sn.instance_norm(real("x", N, C, L)), lambda v: v.gamma[:, None] * normalised(v.x, 2) + v.beta[:, None]


@case
def rms_norm() -> Case:
    return sn.rms_norm(real("x", N, D)), lambda v: v.gamma * v.x / np.sqrt((v.x**2).mean(-1, keepdims=True) + EPS)


@case
def normalise_over_any_axes() -> Case:
    return sn.normalise(real("x", N, C, L), (0, -1)), lambda v: normalised(v.x, (0, 2))


@case
def weight_norm() -> Case:
    def by_hand(v: Any) -> Any:
        return v.g[:, None] * v.v / np.sqrt((v.v**2).sum(1, keepdims=True))

    return sn.weight_norm(real("v", H, D), real("g", H)), by_hand


@case
def weight_norm_of_filters() -> Case:
    def by_hand(v: Any) -> Any:
        return v.g[:, None, None] * v.v / np.sqrt((v.v**2).sum((1, 2), keepdims=True))

    return sn.weight_norm(real("v", H, C, K), real("g", H)), by_hand


@case
def spectral_norm() -> Case:
    made = sn.spectral_norm(real("W", H, D), sn.input("u", (H,)), sn.input("v", (D,)))
    return made, lambda v: v.W / (v.u @ v.W @ v.v)


@case
def softmax_at_a_temperature() -> Case:
    return sn.softmax(real("z", N, C), temperature=sn.scalars("tau", positive=True)), lambda v: softmax(v.z / v.tau)


@case
def dropout() -> Case:
    return sn.dropout(real("x", N, D), sn.input("m", (N, D)), 0.8), lambda v: v.m * v.x / 0.8


@case
def dropout_unscaled() -> Case:
    return sn.dropout(real("x", N, D), sn.input("m", (N, D)), 0.8, scale=False), lambda v: v.m * v.x


@case
def residual() -> Case:
    x = real("x", N, D)
    return sn.residual(x, sn.tanh(sn.dense(x, D, name="1"))), lambda v: v.x + np.tanh(v.x @ v.W1.T + v.b1)


def heads(*leading: Any, **options: Any) -> sn.Tensor:
    return sn.attention(real("q", *leading, T, D), real("k", *leading, U, D), real("v", *leading, U, H), **options)


def attended(v: Any, seen: Any = 1) -> Any:
    return softmax(v.q @ np.swapaxes(v.k, -1, -2) / np.sqrt(v.q.shape[-1]), seen) @ v.v


@case
def attention() -> Case:
    return heads(), attended


@case
def attention_of_a_batch() -> Case:
    return heads(N), attended


@case
def causal_attention() -> Case:
    return heads(N, mask="causal"), lambda v: attended(v, np.tri(v.q.shape[1], v.k.shape[1]))


@case
def attention_with_a_mask() -> Case:
    return heads(N, mask=sn.input("m", (T, U))), lambda v: attended(v, v.m)


@case
def attention_with_a_mask_per_example() -> Case:
    return heads(N, mask=sn.input("m", (N, T, U))), lambda v: attended(v, v.m)


@case
def causal_attention_with_padding() -> Case:
    made = heads(N, mask="causal", padding=sn.input("b", (N, U)))
    return made, lambda v: attended(v, np.tri(v.q.shape[1], v.k.shape[1]) * v.b[:, None])


def reduced(each: Any, reduction: str) -> Any:
    return each.mean() if reduction == "mean" else each.sum()


def picked(v: Any) -> Any:
    return np.take_along_axis(softmax(v.z), v.t[..., None], -1)[..., 0]


def smoothed(v: Any, a: float) -> Any:
    q = (1 - a) * np.eye(v.z.shape[-1])[v.t] + a / v.z.shape[-1]
    return -(q * np.log(softmax(v.z))).sum(-1)


def losses(reduction: str) -> None:
    z, t, r = real("z", N, C), sn.labels("t", (N,), C), {"reduction": reduction}
    q, w = sn.input("q", (N, C), positive=True), sn.input("w", (N, C))
    a = sn.scalars("a")
    gamma, tau = sn.scalars("gamma tau", positive=True)

    def note(name: str, made: sn.Tensor, each: Callable[[Any], Any]) -> None:
        CASES[f"{name}, {reduction}"] = lambda: (made, lambda v: reduced(each(v), reduction))

    note("label smoothing", sn.cross_entropy(sn.softmax(z), t, label_smoothing=a, **r), lambda v: smoothed(v, v.a))
    note("tenth", sn.cross_entropy(sn.softmax(z), t, label_smoothing=0.1, **r), lambda v: smoothed(v, 0.1))
    note("kl", sn.kl(q, sn.softmax(z), **r), lambda v: (v.q * np.log(v.q / softmax(v.z))).sum(-1))
    note("focal", sn.focal(sn.softmax(z), t, **r), lambda v: -((1 - picked(v)) ** 2) * np.log(picked(v)))
    power = sn.focal(sn.softmax(z), t, gamma=gamma, **r)
    note("focal power", power, lambda v: -((1 - picked(v)) ** v.gamma) * np.log(picked(v)))

    def distilled(v: Any) -> Any:
        p, target = softmax(v.z / v.tau), softmax(v.w / v.tau)
        return v.tau**2 * (target * np.log(target / p)).sum(-1)

    note("distillation", sn.distillation(z, w, tau, **r), distilled)


losses("mean")
losses("sum")

# -- points ----------------------------------------------------------------------------------------------------------


def scalar(y: sn.Tensor) -> sn.Tensor:
    """Return a loss that depends on every entry of a layer differently."""
    if not y.rank:
        return y
    at = tuple(sn.index(letter, size) for letter, size in zip("abcdef", y.shape, strict=False))
    return sn.define("total", (), sn.sum(sn.input("w0", y.shape)[at] * y[at], *at))


def point(loss: sn.Tensor, sizes: Any, seed: int = 0) -> tuple[dict[Any, Any], dict[sn.Tensor, Any]]:
    graph = FlowGraph((loss,))
    at = oracle.spread(graph) if sizes == "spread" else dict.fromkeys(oracle.spread(graph), 1)
    for symbol in oracle.scalars_of(graph):
        at[symbol] = 1.7 if symbol.name == "gamma" else 0.7  # at p = 1 a power below 1 has no derivative
    values = oracle.leaf_values(graph, at, seed)
    for t in values:
        if t.name in ("m", "b") and t.role == "input":  # masks: ones, and a zero that leaves every query a key
            values[t] = np.ones(tuple(size_value(s, at) for s in t.shape))
            if values[t].shape[-1] > 1:
                values[t][..., -1] = 0
                values[t].flat[1] = 0
    return at, values


SIZES = ["spread", "ones"]

# -- values and gradients --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sizes", SIZES)
def test_values_are_those_of_numpy(name: str, sizes: str) -> None:
    y, by_hand = CASES[name]()
    at, values = point(y, sizes)
    given = {t.name: a for t, a in values.items()}
    scalars = {s.name: at[s] for s in oracle.scalars_of(FlowGraph((y,)))}
    expected = by_hand(Given(given | scalars))
    np.testing.assert_allclose(Interpreter(at, values).tensor(y).astype(float), expected, rtol=1e-12, atol=1e-14)
    for dtype, tol in (("float64", 1e-12), ("float32", 2e-5)):
        found = build([y], dtype=dtype, scalars=scalars)(given)[y.name]
        assert found.dtype == dtype and found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=tol, atol=10 * tol)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_agree_with_complex_steps(name: str, sizes: str) -> None:
    loss = scalar(CASES[name]()[0])
    at, values = point(loss, sizes)
    net = sn.Network(loss)
    wanted = list(net.parameters.values())
    adjoints = oracle.check_gradients(loss, wanted, at, values=values, tolerance=1e-9)
    machine = Interpreter(at, values)
    scalars = {s.name: at[s] for s in oracle.scalars_of(net.graph)}
    _, grads = net.compile(**scalars)({}, {t.name: a for t, a in values.items()})
    for t in wanted:
        truth = machine.tensor(adjoints.of[t]).astype(float)
        np.testing.assert_allclose(grads[t.name], truth, rtol=1e-10, atol=1e-12, err_msg=t.name)


@pytest.mark.parametrize("name", ["rms_norm", "weight_norm", "spectral_norm", "dropout", "residual", "kl, mean"])
def test_derivations_check_themselves(name: str) -> None:
    net = sn.Network(scalar(CASES[name]()[0]))
    wanted = next(iter(net.parameters))
    assert net.gradient(wanted).check().proved


# -- claims typed apart ----------------------------------------------------------------------------------------------

n, i, j, c, d, k = sn.indices("n i j c d k")


def test_distillation_at_the_students_logits() -> None:
    tau = sn.scalars("tau", positive=True)
    net = sn.Network(sn.distillation(real("z", N, C), sn.input("w", (N, C)), tau, reduction="sum"))
    p, q = net["p"], net["q"]
    claim = sn.check_gradient(net, "z", lambda n, c: tau * (p[n, c] * sn.sum(q[n, k], k) - q[n, c]))
    assert claim.proved
    wrong = sn.check_gradient(net, "z", lambda n, c: p[n, c] - q[n, c])  # forgot tau
    assert wrong.word == "wrong"


def test_kl_and_a_temperature_at_the_logits() -> None:
    q, tau = sn.input("q", (N, C), positive=True), sn.scalars("tau", positive=True)
    net = sn.Network(sn.kl(q, sn.softmax(real("z", N, C), temperature=tau), reduction="sum"))
    p = net["p"]
    verdict = sn.check_gradient(net, "z", lambda n, c: (p[n, c] * sn.sum(q[n, k], k) - q[n, c]) / tau)
    assert verdict.proved


def test_dropout_of_unit_mask_is_a_scaling() -> None:
    keep = sn.scalars("keep", positive=True)
    y = sn.dropout(real("x", N, D), sn.input("m", (N, D)), keep)
    dy = sn.input("dy", (N, D))
    net = sn.Network(sn.define("loss", (), sn.sum(dy[n, i] * y[n, i], n, i)))
    verdict = sn.check_gradient(net, "x", lambda n, i: net["m"][n, i] * dy[n, i] / keep)
    assert verdict.proved


# -- the nodes and their names ---------------------------------------------------------------------------------------


def names(y: sn.Tensor) -> list[str]:
    return [t.name for t in FlowGraph((y,)).order]


def test_norms_are_made_of_named_nodes() -> None:
    x = sn.input("x", (N, D))
    assert names(sn.batch_norm(x)) == ["x", "mu", "sigma", "xhat", "gamma", "beta", "y"]
    assert set(names(sn.rms_norm(x, name="A"))) == {"x", "rA", "xhatA", "gammaA", "yA"}
    a = sn.dense(x, H, name="1")
    assert {"mu1", "sigma1", "xhat1", "gamma1", "beta1", "y1"} <= set(names(sn.layer_norm(a)))
    assert set(names(heads())) == {"q", "k", "v", "S", "P", "O"}
    assert names(sn.weight_norm(real("v", H, D), real("g", H)))[-2:] == ["vnorm", "W"]


def test_nodes_are_shown_in_the_letters_of_the_field() -> None:
    y = sn.batch_norm(sn.input("x", (N, D)))
    shown = {t.name: definition_latex(t) for t in FlowGraph((y,)).order}
    assert shown["mu"].startswith(r"\mu_{i} = ") and shown["sigma"].startswith(r"\sigma_{i} = ")
    assert shown["xhat"].startswith(r"\hat{x}_{ni} = ")
    assert r"\gamma_{i}" in shown["y"] and r"\beta_{i}" in shown["y"] and r"\hat{x}_{ni}" in shown["y"]
    W = sn.weight_norm(real("v", H, D), real("g", H))
    assert r"\lVert v\rVert_{i}" in definition_latex(W)


def test_what_is_positive_is_known_to_be() -> None:
    graph = FlowGraph((sn.batch_norm(sn.input("x", (N, D))), sn.softmax(sn.input("z", (N, C)), temperature=2)))
    assert graph["sigma"].positive and graph["p"].positive and not graph["xhat"].positive
    assert FlowGraph((sn.rms_norm(sn.input("x", (N, D)), eps=sn.scalars("eps", positive=True)),))["r"].positive
    assert not FlowGraph((sn.batch_norm(sn.input("x", (N, D)), eps=0),))["sigma"].positive
    assert not FlowGraph((heads(mask="causal"),))["P"].positive


def test_letters_of_the_axes_are_the_tensors_own() -> None:
    y = sn.batch_norm(sn.dense(sn.input("x", (N, T, D)), H))
    assert y.letters == ("n", "m", "i")
    assert sn.group_norm(sn.input("x", (N, G, K, H, L))).letters == ("n", "g", "k", "h", "w")
    assert sn.layer_norm(sn.input("x", (N, T, D))).letters == ("n", "t", "i")


def test_existing_scale_and_shift_are_shared() -> None:
    gamma, beta = real("g", D), real("s", D)
    y = sn.layer_norm(sn.layer_norm(sn.input("x", (N, D)), gamma=gamma, beta=beta), gamma=gamma, beta=beta, name="2")
    net = sn.Network(scalar(y))
    assert list(net.parameters) == ["g", "s"]


def test_two_norms_of_one_network_have_names_of_their_own() -> None:
    x = sn.input("x", (N, D))
    h = sn.relu(sn.batch_norm(sn.dense(x, H)))
    net = sn.Network(scalar(sn.layer_norm(sn.dense(h, H))))
    assert {"gamma1", "beta1", "gamma2", "beta2"} <= set(net.parameters)
    same = sn.layer_norm(sn.layer_norm(x))
    with pytest.raises(sn.DefinitionError, match="both named 'gamma'"):
        sn.Network(scalar(same))


def test_norms_start_from_the_identity_and_are_not_penalised() -> None:
    h = sn.group_norm(sn.input("x", (N, G, K, L)))
    net = sn.Network(scalar(h))
    made = net.init(G=2, K=3, L=4, N=5)
    np.testing.assert_array_equal(made["gamma"], np.ones((2, 3)))
    np.testing.assert_array_equal(made["beta"], np.zeros((2, 3)))
    with pytest.raises(sn.DefinitionError, match="found no weights"):
        sn.l2(net.loss)


def test_numbers_are_exact() -> None:
    tenth = FlowGraph((sn.batch_norm(sn.input("x", (N, D)), eps=0.1),))
    same = FlowGraph((sn.batch_norm(sn.input("x", (N, D)), eps=Fraction(1, 10)),))
    one, other = tenth["sigma"].definition, same["sigma"].definition
    assert one is not None and other is not None and one.template is other.template
    assert sn.softmax(sn.input("z", (N, C)), temperature=1).definition is not None


def test_the_teacher_is_held() -> None:
    z, x = sn.parameter("z", (N, C)), sn.input("x", (N, D))
    net = sn.Network(sn.distillation(z, sn.dense(x, C, name="1"), 2))
    assert {"held", "q", "p"} <= {t.name for t in net.graph.order}
    _, grads = net.compile()(
        {"z": np.ones((2, 3)), "W1": np.ones((3, 2)), "b1": np.array([1.0, 2, 3])}, {"x": np.ones((2, 2))}
    )
    assert not grads["W1"].any() and not grads["b1"].any() and grads["z"].any()


def test_singular_vectors_that_are_computed_are_held() -> None:
    W, u = sn.parameter("W", (H, D)), sn.input("u", (H,))
    v = sn.define("v", (k,), sn.sum(W[i, k] * u[i], i))
    net = sn.Network(scalar(sn.spectral_norm(W, u, v)))
    at, values = point(net.loss, "spread")
    oracle.check_gradients(net.loss, [W], at, values=values, tolerance=1e-9)


# -- masks -----------------------------------------------------------------------------------------------------------


def masked(shape: tuple[int, ...] = (2, 3, 4), scale: float = 1.0, **arrays: Any) -> tuple[Any, dict[str, Any]]:
    options: dict[str, Any] = {"mask": "causal"} if arrays.pop("causal", False) else {}
    if "m" in arrays:
        options["mask"] = sn.input("m", (N, T, U) if np.ndim(arrays["m"]) == 3 else (T, U))
    if "b" in arrays:
        options["padding"] = sn.input("b", (N, U))
    net = sn.Network(scalar(heads(N, **options)))
    batch, queries, keys = shape
    rng = np.random.default_rng(5)
    given = {
        "q": scale * rng.normal(size=(batch, queries, 5)), "k": scale * rng.normal(size=(batch, keys, 5)),
        "v": rng.normal(size=(batch, keys, 2)), "w0": rng.normal(size=(batch, queries, 2)), **arrays,
    }  # fmt: skip
    return net, given


SEEN = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]])
THERE = np.array([[1, 1, 0, 0], [1, 0, 1, 1]])


@pytest.mark.parametrize(
    "arrays", [{}, {"causal": True}, {"m": SEEN}, {"b": THERE}, {"causal": True, "b": THERE}], ids=str
)
@pytest.mark.parametrize("scale", [1, 30])
def test_attention_of_large_scores(arrays: Any, scale: float) -> None:
    """Scores of some 2000: values and gradients are those of a closed form that leaves masked keys out."""
    net, given = masked(scale=scale, **arrays)
    v = Given(given)
    S = np.einsum("nid,njd->nij", v.q, v.k) / np.sqrt(5)
    assert scale == 1 or np.abs(S).max() > 1000
    seen = np.ones(S.shape) * (np.tri(3, 4) if "causal" in arrays else 1) * v.get("m", 1)
    seen = seen * (v.b[:, None] if "b" in v else 1)
    S = np.where(seen > 0, S, -np.inf)
    P = softmax(S)
    loss, grads = net.compile()({}, given)
    assert loss == pytest.approx((P @ v.v * v.w0).sum(), rel=1e-12)
    dP = np.einsum("nic,njc->nij", v.w0, v.v)
    dS = P * (dP - (dP * P).sum(-1, keepdims=True)) / np.sqrt(5)
    for name, expected in {"q": dS @ v.k, "k": np.swapaxes(dS, 1, 2) @ v.q}.items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-9, atol=1e-13 * scale)


def test_a_masked_key_with_the_largest_score_leaves_no_trace() -> None:
    net, given = masked(m=SEEN)
    f = net.compile()
    given["k"][:, 1] *= 1e4  # keys that some queries do not see, far above those that they do
    given["q"][:, 0] = np.abs(given["q"][:, 0]) * np.sign(given["k"][:, 1])
    before = f({}, given)[1]["q"][:, 0]
    given["k"][:, 1] *= 2
    np.testing.assert_array_equal(f({}, given)[1]["q"][:, 0], before)
    assert np.isfinite(before).all()


@pytest.mark.parametrize(
    ("arrays", "at"),
    [
        ({"m": SEEN * [[1], [0], [1]]}, r"\(0, 1\)"),
        ({"b": THERE * [[1], [0]]}, r"\(1, 0\)"),
        ({"causal": True, "b": np.array([[1, 1, 1, 1], [0, 1, 1, 1]])}, r"\(1, 0\)"),
    ],
    ids=["mask", "padding", "causal and padding"],
)
def test_a_query_that_sees_nothing_is_an_error(arrays: Any, at: str) -> None:
    net, given = masked(**arrays)
    f = net.compile()
    with pytest.raises(sn.UndefinedError, match=rf"'P' is not defined at {at}.*at least one key"):
        f({}, given)
    loss, grads = f({}, given, check=False)
    assert np.isfinite(loss) and sorted(grads) == ["k", "q", "v"]
    sizes = {N: 2, T: 3, U: 4, D: 5, H: 2}
    with pytest.raises(sn.UndefinedError, match=rf"'P' is not defined at {at}"):
        Interpreter(sizes, {net.graph[k]: np.asarray(a, float) for k, a in given.items()}).tensor(net.loss)


def test_the_check_of_two_heads_is_apart() -> None:
    x, m = real("x", N, T, D), sn.input("m", (T, T))
    first = sn.attention(x, x, x, mask=m)
    net = sn.Network(scalar(sn.attention(first, first, first, mask=m, padding=sn.input("b", (N, T)))))
    given = {"x": np.ones((2, 3, 2)), "m": np.eye(3), "b": np.ones((2, 3)), "w0": np.ones((2, 3, 2))}
    f = net.compile()
    assert f({}, given)[0] == pytest.approx(12)
    with pytest.raises(sn.UndefinedError, match=r"'P_2' is not defined at \(0, 2\)"):
        f({}, {**given, "b": np.array([[1, 1, 0], [1, 1, 1]])})


# -- stability -------------------------------------------------------------------------------------------------------


def test_norms_of_large_and_of_constant_batches() -> None:
    net = sn.Network(scalar(sn.batch_norm(real("x", N, D))))
    rng = np.random.default_rng(0)
    x = np.array([[1e6, 3.0], [1e6 + 1, 3.0], [1e6 - 1, 3.0]])
    given = {"x": x, "gamma": np.ones(2), "beta": np.zeros(2), "w0": rng.normal(size=(3, 2))}
    loss, grads = net.compile()({}, given)
    assert loss == pytest.approx((normalised(x, 0) * given["w0"]).sum(), rel=1e-12)
    assert all(np.isfinite(g).all() for g in grads.values())


@pytest.mark.parametrize("size", [1e3, 1e4])
def test_losses_of_large_logits(size: float) -> None:
    z, t = real("z", N, C), sn.labels("t", (N,), C)
    logits, labels = np.array([[size, 0.0, -size], [-size, 0, size]]), np.array([0, 0])
    smooth = sn.Network(sn.cross_entropy(sn.softmax(z), t, label_smoothing=0.3, reduction="sum"))
    loss, grads = smooth.compile()({"z": logits}, {"t": labels})
    assert loss == pytest.approx(0.1 * 3 * size + (0.8 * 2 * size + 0.1 * size), rel=1e-12)
    p = np.array([[1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(grads["z"], p - (0.7 * np.eye(3)[labels] + 0.1), atol=1e-15)
    focal = sn.Network(sn.focal(sn.softmax(z), t, reduction="sum"))
    loss, grads = focal.compile()({"z": logits}, {"t": labels})
    assert loss == pytest.approx(2 * size, rel=1e-12)
    np.testing.assert_allclose(grads["z"], [[0, 0, 0], [-1, 0, 1]], atol=1e-12)
    power = sn.Network(sn.focal(sn.softmax(z), t, gamma=sn.scalars("gamma", positive=True), reduction="sum"))
    loss, grads = power.compile(gamma=1.5)({"z": logits}, {"t": labels})
    assert loss == pytest.approx(2 * size, rel=1e-12)
    np.testing.assert_allclose(grads["z"], [[0, 0, 0], [-1, 0, 1]], atol=1e-12)
    tau = sn.Network(sn.distillation(z, sn.input("w", (N, C)), 2, reduction="sum"))
    loss, grads = tau.compile()({"z": logits}, {"w": np.zeros((2, 3))})
    q = np.full(3, 1 / 3)
    assert loss == pytest.approx(4 * 2 * (np.log(1 / 3) + size / 2), rel=1e-12)
    np.testing.assert_allclose(grads["z"], 2 * (p - q), atol=1e-14)


# -- wrong use -------------------------------------------------------------------------------------------------------

x, z, t = sn.input("x", (N, D)), sn.input("z", (N, C)), sn.labels("t", (N,), C)
image = sn.input("x", (N, C, H, L))

WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no tensor": (lambda: sn.batch_norm(np.ones((2, 3))), sn.DefinitionError, "batch_norm.*array of shape"),
    "no batch": (lambda: sn.batch_norm(sn.input("v", (D,))), sn.ShapeError, r"'v' has shape \(D,\)"),
    "no such axis": (lambda: sn.batch_norm(x, axis=2), sn.ShapeError, r"\(N, D\), which has no axis 2"),
    "axis of another kind": (lambda: sn.batch_norm(x, axis=1.0), sn.DefinitionError, "axis must be a whole number"),
    "negative eps": (lambda: sn.layer_norm(x, eps=-1e-5), sn.DefinitionError, "eps must be not negative, found"),
    "eps of unknown sign": (lambda: sn.layer_norm(x, eps=sn.scalars("eps")), sn.DefinitionError, "positive=True"),
    "eps as text": (lambda: sn.layer_norm(x, eps="1e-5"), sn.DefinitionError, "eps must be a finite real number"),
    "gamma of another size": (
        lambda: sn.batch_norm(x, gamma=sn.parameter("g", (C,))), sn.ShapeError, "index i runs over D .* but over C",
    ),
    "gamma without affine": (
        lambda: sn.batch_norm(x, affine=False, gamma=sn.parameter("g", (D,))), sn.DefinitionError, "Drop affine=False",
    ),
    "no last axes": (lambda: sn.layer_norm(x, axes=0), sn.DefinitionError, "axes .*from 1 on"),
    "too many last axes": (lambda: sn.rms_norm(x, axes=3), sn.ShapeError, "has no axis -3"),
    "no space": (lambda: sn.instance_norm(x), sn.ShapeError, "no axis 1 with 1 or more axes after it"),
    "no members": (lambda: sn.group_norm(x), sn.ShapeError, "no axis 1 with 1 or more axes after it"),
    "an axis twice": (lambda: sn.normalise(image, (1, -3)), sn.DefinitionError, "each once"),
    "no axis": (lambda: sn.normalise(image, ()), sn.DefinitionError, "at least one"),
    "statistics of another size": (
        lambda: sn.batch_norm_inference(x, sn.input("m", (D,)), sn.input("v", (C,))), sn.ShapeError, "index i runs",
    ),
    "lengths of another size": (
        lambda: sn.weight_norm(sn.parameter("v", (H, D)), sn.parameter("g", (D,))), sn.ShapeError, "index i runs",
    ),
    "directions of one axis": (
        lambda: sn.weight_norm(sn.parameter("v", (H,)), sn.parameter("g", (H,))), sn.ShapeError, r"shape \(H,\)",
    ),
    "vectors exchanged": (
        lambda: sn.spectral_norm(sn.parameter("W", (H, D)), sn.input("u", (D,)), sn.input("v", (H,))), sn.ShapeError,
        "index i runs over H .* but over D",
    ),
    "temperature 0": (lambda: sn.softmax(z, temperature=0), sn.DefinitionError, "temperature must be positive"),
    "temperature of unknown sign": (
        lambda: sn.softmax(z, temperature=sn.scalars("tau")), sn.DefinitionError, r"scalars\('tau', positive=True\)",
    ),
    "smoothing above 1": (
        lambda: sn.cross_entropy(z, t, label_smoothing=1.5), sn.DefinitionError, "label_smoothing must be from 0 to 1",
    ),
    "smoothed soft targets": (
        lambda: sn.cross_entropy(z, z, label_smoothing=0.1), sn.DefinitionError, "'z' holds soft targets",
    ),
    "negative gamma": (lambda: sn.focal(z, t, gamma=-1), sn.DefinitionError, "gamma must be not negative"),
    "focal without labels": (lambda: sn.focal(z, x), sn.ShapeError, "x .*"),
    "kl of other classes": (lambda: sn.kl(z, x), sn.ShapeError, "index c runs over C .* but over D"),
    "distillation temperature": (lambda: sn.distillation(z, z, -2), sn.DefinitionError, "temperature must be positive"),
    "reduction": (lambda: sn.kl(z, z, reduction="batchmean"), sn.DefinitionError, "reduction must be"),
    "teacher of other classes": (lambda: sn.distillation(z, x, 2), sn.ShapeError, "index c runs"),
    "keep 0": (lambda: sn.dropout(x, x, 0), sn.DefinitionError, "keep must be above 0 and up to 1, found 0"),
    "mask of another shape": (lambda: sn.dropout(x, z, 0.5), sn.ShapeError, "runs over D .* but over C"),
    "branch of another shape": (lambda: sn.residual(x, z), sn.ShapeError, "residual.* runs over D .* but over C"),
    "branch of other axes": (lambda: sn.residual(x, image), sn.ShapeError, "same leading axes"),
    "keys of another width": (lambda: sn.attention(x, z, x), sn.ShapeError, "index d runs over D .* but over C"),
    "values of other keys": (
        lambda: sn.attention(x, sn.input("k", (U, D)), sn.input("v", (T, D))), sn.ShapeError, "index j runs",
    ),
    "unknown mask": (lambda: sn.attention(x, x, x, mask="tril"), sn.DefinitionError, "'causal' or a tensor.*'tril'"),
    "an array as mask": (lambda: sn.attention(x, x, x, mask=np.eye(2)), sn.DefinitionError, "as mask"),
    "mask of three axes": (
        lambda: sn.attention(x, x, x, mask=sn.input("m", (N, N, N))), sn.ShapeError, r"shape \(N, N, N\), expected",
    ),
    "padding of two axes": (
        lambda: sn.attention(x, x, x, padding=sn.input("b", (N, N))), sn.ShapeError, r"expected \(\.\.\., keys\)",
    ),
    "labels as mask": (
        lambda: sn.attention(x, x, x, mask=sn.labels("m", (N, N), 2)), sn.DefinitionError, "holds labels",
    ),
    "mask of other keys": (
        lambda: sn.attention(x, sn.input("k", (U, D)), sn.input("v", (U, D)), mask=sn.input("m", (N, T))),
        sn.ShapeError, "runs over U .* but over T",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_named(name: str) -> None:
    use, kind, words = WRONG[name]
    with pytest.raises(kind, match=words):
        use()


def test_every_name_of_the_zoo_says_what_it_computes_and_where_that_is_from() -> None:
    for f in (
        sn.attention, sn.batch_norm, sn.batch_norm_inference, sn.distillation, sn.dropout, sn.focal, sn.group_norm,
        sn.instance_norm, sn.kl, sn.layer_norm, sn.residual, sn.rms_norm, sn.spectral_norm, sn.weight_norm,
    ):  # fmt: skip
        text = f.__doc__ or ""
        assert " = " in text.splitlines()[0] and "Shapes" in text and "Source" in text, f.__name__
