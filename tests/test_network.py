"""Network: design.md's example end to end, names, files, training values, pictures, verdicts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import symnn as sn


def classifier(**options: Any) -> sn.Network:
    N, D, H, C = sn.dims("N D H C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h = sn.relu(sn.dense(x, H, name="1"))
    return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t), **options)


@pytest.fixture(scope="module")
def net() -> sn.Network:
    return classifier()


@pytest.fixture(scope="module")
def point() -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(3)
    shapes = {"W1": (4, 3), "b1": (4,), "W2": (5, 4), "b2": (5,)}
    params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return params, {"x": rng.normal(size=(6, 3)), "t": rng.integers(0, 5, 6)}


def by_hand(params: dict[str, Any], batch: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """The textbook's loss and gradients, typed apart from the engine."""
    x, t, N = batch["x"], batch["t"], len(batch["x"])
    a1 = x @ params["W1"].T + params["b1"]
    h1 = np.where(a1 > 0, a1, 0)
    z = h1 @ params["W2"].T + params["b2"]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    delta2 = (p - np.eye(z.shape[1])[t]) / N
    delta1 = (delta2 @ params["W2"]) * (a1 > 0)
    grads = {"W1": delta1.T @ x, "b1": delta1.sum(0), "W2": delta2.T @ h1, "b2": delta2.sum(0)}
    grads["x"] = delta1 @ params["W1"]
    return -np.log(p[np.arange(N), t]).mean(), grads


# -- the example of design.md --------------------------------------------------------------------------------------


def test_the_first_lines_of_a_users_code(net: sn.Network, point: Any) -> None:
    params, batch = point
    loss, grads = net.compile()(params, batch)
    expected, hand = by_hand(params, batch)
    assert loss == pytest.approx(expected, rel=1e-13)
    assert list(grads) == ["W1", "b1", "W2", "b2"]
    for name, found in grads.items():
        np.testing.assert_allclose(found, hand[name], rtol=1e-12, atol=1e-14)


def test_matrix_forms_are_the_textbooks(net: sn.Network) -> None:
    forms = {name: d.matrix for name, d in net.gradients().items()}
    assert forms == {"W1": "delta1.T @ x", "b1": "sum(delta1, 0)", "W2": "delta2.T @ h1", "b2": "sum(delta2, 0)"}
    assert net.gradient("W1").definitions() == {
        "delta1": "(delta2 @ W2) * (a1 > 0)",
        "delta2": "(p - onehot(t)) / N",
    }


def test_check_proves_every_gradient(net: sn.Network) -> None:
    verdict = net.check()
    assert verdict and verdict.word == "right" and verdict.proved
    assert {name: c.verdict for name, c in verdict.checks.items()} == dict.fromkeys(net.parameters, "proved")


def test_the_pieces_have_names(net: sn.Network) -> None:
    assert list(net.parameters) == ["W1", "b1", "W2", "b2"]
    assert list(net.inputs) == ["x", "t"]
    assert [s.name for s in net.sizes] == ["N", "D", "H", "C"]
    assert net["h1"].name == "h1" and net.output is net["p"]
    assert "4 parameters" in repr(net)


@pytest.mark.parametrize(("typed", "near"), [("W11", "W1"), ("b3", "b2"), ("los", "loss")])
def test_an_unknown_name_suggests_the_nearest(net: sn.Network, typed: str, near: str) -> None:
    with pytest.raises(sn.UnknownNameError, match=f"named '{typed}'. Did you mean '{near}'"):
        net.gradient(typed)


def test_a_network_needs_a_scalar_loss() -> None:
    N, D = sn.dims("N D")
    with pytest.raises(sn.DefinitionError, match=r"'h' has shape \(N, D\).*vjp"):
        sn.Network(sn.tanh(sn.input("x", (N, D)), name="h"))
    with pytest.raises(sn.DefinitionError, match="leaf"):
        sn.Network(sn.parameter("w", ()))
    with pytest.raises(sn.DefinitionError, match="found 3"):
        sn.Network(3)  # type: ignore[arg-type]


# -- by what -------------------------------------------------------------------------------------------------------


def test_gradients_by_inputs_and_inner_tensors(net: sn.Network, point: Any) -> None:
    params, batch = point
    assert net.gradient("x").matrix == "delta1 @ W1"
    assert net.gradient("h1").matrix == "delta2 @ W2"
    assert net.gradient("a2").name == "delta2"
    assert net.gradient("h1").check()
    _, grads = net.compile(wrt=["x", "W2"])(params, batch)
    _, hand = by_hand(params, batch)
    np.testing.assert_allclose(grads["x"], hand["x"], rtol=1e-12)
    assert list(grads) == ["x", "W2"]


def test_no_gradient_by_labels(net: sn.Network) -> None:
    with pytest.raises(sn.UnsupportedError, match="'t' holds labels"):
        net.gradient("t")


def test_vjp_of_a_layer_alone() -> None:
    N, D, H = sn.dims("N D H")
    y = sn.tanh(sn.dense(sn.input("x", (N, D)), H, name="1"), name="y")
    by_weight = sn.vjp(y, "W1")
    assert by_weight.matrix == "delta1.T @ x"
    assert by_weight.definitions() == {"delta1": "dy * (1 - y**2)"}
    softmax = sn.vjp(sn.softmax(sn.input("z", (N, D)), name="p"), "z", upstream="g")
    assert softmax.matrix == "p * (g - sum(g * p, axis=1, keepdims=True))"
    assert softmax.check()
    with pytest.raises(sn.UnknownNameError, match="Did you mean 'W1'"):
        sn.vjp(y, "W2")


def test_a_penalty_adds_its_own_gradient(point: Any) -> None:
    lam = sn.scalars("lam")
    plain = classifier()
    net = sn.Network(sn.plus(plain.loss, sn.l2(plain.loss, lam), sn.l1(plain["b2"], 0.5)))
    assert net.gradient("W1").matrix == "2*lam * W1 + delta1.T @ x"
    assert "sign(b2)" in net.gradient("b2").matrix
    assert net.gradient("b1").matrix == "sum(delta1, 0)"  # l2 of a loss leaves biases out
    assert net.check()
    params, batch = point
    loss, grads = net.compile(lam=0.1)(params, batch)
    expected, hand = by_hand(params, batch)
    penalty = 0.1 * ((params["W1"] ** 2).sum() + (params["W2"] ** 2).sum()) + 0.5 * np.abs(params["b2"]).sum()
    assert loss == pytest.approx(expected + penalty)
    np.testing.assert_allclose(grads["W1"], hand["W1"] + 0.2 * params["W1"], rtol=1e-12)
    np.testing.assert_allclose(grads["b2"], hand["b2"] + 0.5 * np.sign(params["b2"]), rtol=1e-12)


# -- hand-derived gradients ----------------------------------------------------------------------------------------


def claims(net: sn.Network) -> dict[str, Any]:
    """By W2: the right gradient and four classic mistakes."""
    n = sn.index("n")
    p, t, h1 = net["p"], net["t"], net["h1"]
    N = p.shape[0]

    def delta(m: Any, c: Any) -> Any:
        return (p[m, c] - sympy.KroneckerDelta(c, t[m])) / N

    return {
        "right": lambda c, i: sn.sum(delta(n, c) * h1[n, i], n),
        "sign": lambda c, i: -sn.sum(delta(n, c) * h1[n, i], n),
        "missing 1/N": lambda c, i: N * sn.sum(delta(n, c) * h1[n, i], n),
        "missing batch sum": lambda c, i: delta(0, c) * h1[0, i],
        "softmax entry by entry": lambda c, i: sn.sum(delta(n, c) * p[n, c] * (1 - p[n, c]) * h1[n, i], n),
        "one entry": lambda c, i: (
            sn.sum(delta(n, c) * h1[n, i], n) + sympy.KroneckerDelta(c, 0) * sympy.KroneckerDelta(i, 0) / 100
        ),
    }


def test_a_right_gradient_is_proved(net: sn.Network) -> None:
    verdict = sn.check_gradient(net, "W2", claims(net)["right"])
    assert verdict.word == "right" and verdict.proved and verdict.verdict == "proved equal"


@pytest.mark.parametrize("mistake", ["sign", "missing 1/N", "missing batch sum", "softmax entry by entry", "one entry"])
def test_a_wrong_gradient_is_refuted_with_a_counterexample(net: sn.Network, mistake: str) -> None:
    verdict = sn.check_gradient(net, "W2", claims(net)[mistake])
    assert not verdict and verdict.word == "wrong" and not verdict.proved
    assert verdict.seen is not None and verdict.seen.expected != verdict.seen.got and verdict.seen.sizes["C"] <= 2
    assert verdict.true == "delta2.T @ h1"


def test_a_transpose_is_seen_on_square_sizes() -> None:
    N, S = sn.dims("N S")
    n = sn.index("n")
    x, y = sn.input("x", (N, S)), sn.input("y", (N, S))
    net = sn.Network(sn.mse(sn.dense(x, S, name="1"), y))
    a = net["a1"]
    right = sn.check_gradient(net, "W1", lambda i, j: 2 * sn.sum((a[n, i] - y[n, i]) * x[n, j], n) / (N * S))
    wrong = sn.check_gradient(net, "W1", lambda i, j: 2 * sn.sum((a[n, j] - y[n, j]) * x[n, i], n) / (N * S))
    assert right.word == "right" and right.proved
    assert wrong.word == "wrong"


def test_a_transpose_of_other_sizes_is_a_shape_clash(net: sn.Network) -> None:
    n = sn.index("n")
    h1, p = net["h1"], net["p"]
    verdict = sn.check_gradient(net, "W2", lambda c, i: sn.sum(p[n, i] * h1[n, c], n))
    assert verdict.word == "cannot tell" and re.search("C.*H|H.*C", verdict.reason)


def test_what_is_only_equal_in_value_is_not_called_proved(net: sn.Network) -> None:
    right = claims(net)["right"]
    N = net["p"].shape[0]
    verdict = sn.check_gradient(net, "W2", lambda c, i: right(c, i) + sn.indicator(N > 1000) / 100)
    assert verdict.verdict == "equal numerically" and not verdict.proved


def test_a_claim_from_define(net: sn.Network) -> None:
    n = sn.index("n")
    p, t = net["p"], net["t"]
    N, C = p.shape
    row = sn.index("c", C)
    typed = sn.define("typed", (row,), sn.sum((p[n, row] - sn.indicator(sympy.Eq(row, t[n]))) / N, n))
    assert net.check("b2", typed).proved
    with pytest.raises(sn.DefinitionError, match="'typed' has 1 axes, dW2 has 2"):
        net.check("W2", typed)


# -- running -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-12), ("float32", 2e-5)])
def test_compile_in_both_precisions(net: sn.Network, point: Any, dtype: str, rtol: float) -> None:
    params, batch = point
    f = net.compile(dtype=dtype)
    loss, grads = f(params, batch)
    expected, hand = by_hand(params, batch)
    assert loss == pytest.approx(expected, rel=rtol)
    for name, found in grads.items():
        assert found.dtype == dtype
        np.testing.assert_allclose(found, hand[name], rtol=rtol, atol=rtol)
    assert "def loss_and_gradients" in f.source


def test_compile_says_what_it_does_not_know(net: sn.Network) -> None:
    with pytest.raises(sn.UnknownNameError, match="dtype named 'float65'. Did you mean 'float64'"):
        net.compile(dtype="float65")
    with pytest.raises(sn.UnknownNameError, match="Did you mean 'loss'"):
        net.compile(wrt=["los"])


def test_init_is_seeded(net: sn.Network) -> None:
    sizes = {"D": 3, "H": 4, "C": 5}
    first, again, other = net.init(sizes, seed=1), net.init(sizes, seed=1), net.init(sizes, seed=2)
    assert {k: v.shape for k, v in first.items()} == {"W1": (4, 3), "b1": (4,), "W2": (5, 4), "b2": (5,)}
    assert all(np.array_equal(first[k], again[k]) for k in first)
    assert not np.array_equal(first["W1"], other["W1"])
    with pytest.raises(sn.DefinitionError, match=r"'W2' has shape \(C, H\): give C"):
        net.init(D=3, H=4)
    with pytest.raises(sn.UnknownNameError, match="size named 'K'"):
        net.init(K=3)


def test_predict(point: Any) -> None:
    params, batch = point
    net = classifier()
    with pytest.raises(sn.DefinitionError, match="no parameters yet"):
        net.predict({"x": batch["x"]})
    p = net.predict({"x": batch["x"]}, params)
    assert p.shape == (6, 5)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    net.values = params
    np.testing.assert_array_equal(net.predict(batch), p)


def test_compiled_gradients_agree_with_differences_of_the_compiled_loss(net: sn.Network, point: Any) -> None:
    params, batch = point
    params = net.away_from_kinks(params, batch)
    checks = net.check_compiled(params, batch)
    assert set(checks) == set(net.parameters)
    assert all(c.holds and c.worst is not None and c.worst < 1e-7 for c in checks.values())


# -- files ---------------------------------------------------------------------------------------------------------


def test_save_and_load(tmp_path: Path, point: Any) -> None:
    params, batch = point
    first, second = classifier(), classifier()
    first.save(tmp_path / "net.npz", params)
    loaded = second.load(tmp_path / "net.npz")
    assert all(np.array_equal(loaded[k], params[k]) for k in params)
    assert [f.name for f in tmp_path.iterdir()] == ["net.npz"]
    np.testing.assert_array_equal(second.predict({"x": batch["x"]}), first.predict({"x": batch["x"]}, params))


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, point: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    params, _ = point
    net, path = classifier(), tmp_path / "net.npz"
    net.save(path, params)
    before = path.read_bytes()

    def broken(*_: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr("os.replace", broken)
        net.save(path, {k: v + 1 for k, v in params.items()})
    assert path.read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["net.npz"]


def test_wrong_files_are_refused(tmp_path: Path, point: Any) -> None:
    params, _ = point
    net = classifier()
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.save(tmp_path / "array.npy", np.ones(3))
    for name in ("text.npz", "other.npz", "array.npy"):
        with pytest.raises(sn.DataError, match="holds no parameters saved by symnn"):
            net.load(tmp_path / name)
    with pytest.raises(sn.DataError, match="There is no file"):
        net.load(tmp_path / "missing.npz")
    N, D = sn.dims("N D")
    small = sn.Network(sn.mse(sn.dense(sn.input("x", (N, D)), 1, name="1"), sn.input("y", (N, 1))))
    small.save(tmp_path / "small.npz", {"W1": np.ones((1, 2)), "b1": np.ones(1)})
    with pytest.raises(sn.DataError, match=r"holds parameters \['W1', 'b1'\]"):
        net.load(tmp_path / "small.npz")
    small.save(tmp_path / "bad.npz", {"W1": np.ones((2, 2)), "b1": np.ones(1)})
    with pytest.raises(sn.DataError, match=r"'W1' has shape \(1, D\), the file holds \(2, 2\)"):
        small.load(tmp_path / "bad.npz")
    with pytest.raises(sn.DefinitionError, match="Expected parameters"):
        net.save(tmp_path / "x.npz", {"W1": params["W1"]})


# -- pictures and pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".svg", b"<"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".dot", b"digraph")]
)
def test_draw(net: sn.Network, tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"net{suffix}"
    svg = net.draw(path, backward=True)
    assert svg.lstrip().startswith("<") and "<svg" in svg
    assert path.read_bytes().lstrip().startswith(magic)
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


def test_draw_refuses_other_suffixes(net: sn.Network, tmp_path: Path) -> None:
    with pytest.raises(sn.SymnnError, match=r"net\.gif.*\.svg, \.pdf, \.png, \.dot"):
        net.draw(tmp_path / "net.gif")


def test_the_backward_picture_holds_more(net: sn.Network) -> None:
    assert len(net.scene(backward=True).boxes) > len(net.scene().boxes)
    assert "<svg" in net._repr_svg_()
    assert "Definitions" in net.html()


def test_a_shared_weight_collects_both_uses() -> None:
    N, D = sn.dims("N D")
    x, y, W = sn.input("x", (N, D)), sn.input("y", (N, D)), sn.parameter("W", (D, D))
    h = sn.tanh(sn.dense(x, D, name="1", weight=W))
    net = sn.Network(sn.mse(sn.dense(h, D, name="2", weight=W), y))
    assert net.gradient("W").matrix == "delta1.T @ x + delta2.T @ h1"
    assert net.check("W").proved


def test_an_axis_of_a_difference_has_entries_where_it_is_checked() -> None:
    rows, less = sn.dims("N K")
    n = sn.index("n")
    w = sn.parameter("w", (rows - 2 * less,))
    net = sn.Network(sn.define("L", (), sn.sum(w[n] ** 2, n)))
    assert net.gradient("w").check()
    assert net.init(N=5, K=1)["w"].shape == (3,)
    with pytest.raises(sn.DefinitionError, match=r"'w' has shape .*every axis needs at least one entry"):
        net.init(N=2, K=5)
