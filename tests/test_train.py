"""Training: descent on a quadratic, digits, runs that are taken up again give the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symnn.compile.program import build
from symnn.derive.backprop import backprop
from symnn.ground.errors import DataError, DefinitionError
from symnn.ground.sizes import dims
from symnn.ground.tensors import input, labels
from symnn.nn.activations import relu
from symnn.nn.layers import dense, softmax
from symnn.nn.losses import cross_entropy
from symnn.train.data import digits, minibatches
from symnn.train.initial import initialise
from symnn.train.loop import train
from symnn.train.optimisers import SGD
from symnn.train.state import State

POINTS = {"x": np.arange(20.0).reshape(10, 2) / 10}


def quadratic(params: dict, batch: dict) -> tuple[float, dict]:
    r = params["w"] - batch["x"].mean(axis=0)
    return float(r @ r) / 2, {"w": r}


@pytest.mark.parametrize("optimiser", [SGD(0.1), SGD(0.05, 0.9), SGD(0.05, 0.9, nesterov=True)])
def test_quadratic(optimiser: SGD) -> None:
    start = {"w": np.array([5.0, -5.0])}
    result = train(quadratic, start, POINTS, epochs=300, batch=10, optimiser=optimiser)
    np.testing.assert_allclose(result.params["w"], POINTS["x"].mean(axis=0), atol=1e-6)
    assert (start["w"] == [5, -5]).all()


def test_momentum_by_hand() -> None:
    method = SGD(0.1, 0.5)
    params, state = {"w": np.array(1.0)}, method.start({"w": np.array(1.0)})
    for expected in (0.9, 0.75):  # v = 1, then 1.5
        params, state = method.step(params, {"w": np.array(1.0)}, state)
        assert params["w"] == pytest.approx(expected)


def test_a_resumed_run_is_the_same_run(tmp_path: Path) -> None:
    start = {"w": np.array([5.0, -5.0])}
    options: dict[str, Any] = dict(batch=3, optimiser=SGD(0.05, 0.9), seed=4)
    whole = train(quadratic, start, POINTS, epochs=6, **options)
    file = tmp_path / "run.npz"
    train(quadratic, start, POINTS, epochs=2, state=file, **options)
    resumed = train(quadratic, start, POINTS, epochs=6, state=file, **options)
    assert (whole.params["w"] == resumed.params["w"]).all() and whole.losses == resumed.losses
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_broken_write_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run.npz"
    State({"w": np.ones(2)}, {}).save(file)

    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(OSError, match="disk full"):
        State({"w": np.zeros(2)}, {}).save(file)
    assert (State.load(file).params["w"] == 1).all() and len(list(tmp_path.iterdir())) == 1


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="learning rate"):
        SGD(-1)
    with pytest.raises(DefinitionError, match="momentum"):
        SGD(0.1, 1.0)
    with pytest.raises(DataError, match="no gradient for the parameter 'w'"):
        SGD().step({"w": 1.0}, {}, {})
    with pytest.raises(DataError, match="has shape"):
        SGD().step({"w": np.ones(2)}, {"w": np.ones(3)}, {})
    with pytest.raises(DataError, match="loss is nan at step 1 of epoch 1"):
        train(lambda p, b: (float("nan"), {}), {"w": np.ones(1)}, POINTS)
    with pytest.raises(DataError, match="same number of rows"):
        list(minibatches({"x": np.ones(3), "t": np.ones(2)}, 2, np.random.default_rng(0)))
    file = tmp_path / "other.npz"
    State({"v": np.ones(1)}, {}).save(file)
    with pytest.raises(DataError, match="another run"):
        train(quadratic, {"w": np.ones(2)}, POINTS, state=file)
    file.write_bytes(b"not a state")
    with pytest.raises(DataError, match="no training state"):
        State.load(file)


def test_minibatches_show_every_row_once() -> None:
    rows = np.concatenate([b["x"] for b in minibatches({"x": np.arange(10)}, 3, np.random.default_rng(0))])
    assert sorted(rows) == list(range(10))
    assert [len(b["x"]) for b in minibatches({"x": np.arange(10)}, 3, np.random.default_rng(0), whole=True)] == [
        3,
        3,
        3,
    ]


def test_initial_scale() -> None:
    made = initialise({"W": (200, 300), "b": (200,), "g": (3,)}, {"W": 0.1}, seed=3, fixed={"g": 1})
    assert made["W"].std() == pytest.approx(0.1, rel=0.03)
    assert (made["b"] == 0).all() and (made["g"] == 1).all()
    assert (made["W"] == initialise({"W": (200, 300), "b": (200,), "g": (3,)}, {"W": 0.1}, seed=3)["W"]).all()


def test_digits_split() -> None:
    split = digits(scaling="standard")
    assert split.train["x"].shape == (1437, 64) and split.test["x"].shape == (360, 64)
    assert np.abs(split.train["x"].mean(axis=0)).max() < 1e-12
    assert abs(np.bincount(split.test["t"]) - 36).max() <= 1
    unit = digits()
    assert unit.train["x"].min() == 0 and unit.train["x"].max() == 1


def test_digits_are_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    N, D, H, C = dims("N D H C")
    x, t = input("x", (N, D)), labels("t", (N,), C)
    a = dense(x, H)
    z = dense(relu(a), C)
    total = cross_entropy(softmax(z), t)
    weights = [q for layer in (a, z) for q in layer.definition.args if q.role == "parameter"]
    adjoints = backprop(total, weights)
    program = build([total, *(adjoints.of[w] for w in weights)])

    def loss_and_grads(params: dict, batch: dict) -> tuple[Any, dict]:
        out = program({**params, **batch})
        return out["loss"], {w.name: out[adjoints.of[w].name] for w in weights}

    split = digits()
    shapes = {"W1": (32, 64), "b1": (32,), "W2": (10, 32), "b2": (10,)}
    start = initialise(shapes, {"W1": 0.12, "W2": 0.25})
    result = train(loss_and_grads, start, split.train, epochs=15, optimiser=SGD(0.2, 0.9))
    predicted = build([z])({**result.params, "x": split.test["x"]})["a2"].argmax(axis=1)
    assert (predicted == split.test["t"]).mean() > 0.95
    assert result.losses[-1] < result.losses[0] / 5
    assert capsys.readouterr().err == ""
