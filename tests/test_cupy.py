"""Programs for CuPy compute what the reference interpreter and the NumPy programs do; run by `make test-gpu`.

Where CuPy is not installed, or sees no GPU, every test here is skipped and says that it did not run.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

import symnn as sn
from symnn.compile.program import build
from symnn.derive.backprop import backprop
from symnn.graph.interpreter import Interpreter
from symnn.ground.arrays import host, on_gpu
from symnn.train.data import digits
from symnn.train.loop import train
from symnn.train.optimisers import SGD
from symnn.verify.points import symbols_of
from tests import test_compile as cases
from tests import test_compile_fuzz as fuzz
from tests import test_stability as spread
from tests.random_differences import gap
from tests.random_layers import Unfit
from tests.random_networks import Maker

pytestmark = pytest.mark.gpu

N, D, H, C = cases.N, cases.D, cases.H, cases.C

#: Sums on a GPU are added up in another order than the interpreter's, and functions end in other last digits.
TOLERANCE = {"float64": 1e-12, "float32": 5e-5}

#: Random networks, in chunks; what they compute is compared with NumPy's program for them.
CHUNKS, CHUNK = 16, 20


@pytest.fixture(scope="module", autouse=True)
def cupy() -> Any:
    try:
        module = importlib.import_module("cupy")
    except ImportError:
        pytest.skip("not run: CuPy is not installed")
    if not module.is_available():
        pytest.skip("not run: CuPy sees no GPU")
    return module


def check(outputs: Any, sizes: Mapping[Any, Any], fixed: dict[str, float] | None = None) -> None:
    """Compare a program's outputs with the interpreter's, in both precisions; what it is given stays as it is."""
    outputs = [outputs] if isinstance(outputs, sn.Tensor) else list(outputs)
    values = cases.arrays(outputs, dict(sizes))
    symbols = dict(sizes) | {s: (fixed or {})[s.name] for s in cases.HYPER if s.name in (fixed or {})}
    reference = Interpreter(symbols, values)
    for dtype, tol in TOLERANCE.items():
        program = build(outputs, backend="cupy", dtype=dtype, scalars=fixed or {})
        given = program.place({t.name: a for t, a in values.items()})
        kept = {k: v.copy() for k, v in given.items()}
        found = program(given)
        for t in outputs:
            got, truth = found[t.name], reference.tensor(t)
            assert on_gpu(got) and got.dtype == dtype and got.shape == truth.shape, program.source
            scale = max(1.0, float(np.abs(truth).max()))
            np.testing.assert_allclose(host(got), truth, rtol=tol, atol=tol * scale, err_msg=program.source)
        assert all((given[k] == kept[k]).all() for k in given), program.source


# -- the zoo ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", cases.SIZES)
@pytest.mark.parametrize("kind", cases.ACTIVATIONS)
def test_activation(kind: str, sizes: dict) -> None:
    x, g = sn.input("x", (N, D)), sn.input("g", (N, D))
    y = cases.activation(kind, x)
    check([y, backprop(y, [x], upstream=g).of[x]], sizes)


@pytest.mark.parametrize("kind", cases.LOSSES)
def test_the_cases_of_the_compiler(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "check", check)
    for sizes in cases.SIZES:
        for reduction in ("mean", "sum"):
            cases.test_loss(kind, reduction, sizes)


@pytest.mark.parametrize("sizes", cases.SIZES)
def test_layers_and_networks(sizes: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "check", check)
    cases.test_layers(sizes)
    cases.test_network(sizes)
    cases.test_derived_network(sizes)


@pytest.mark.parametrize("name", cases.NODES)
def test_node(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "check", check)
    for sizes in cases.SIZES:
        cases.test_node(name, sizes)


# -- random networks --------------------------------------------------------------------------------------------


def same(net: sn.Network, names: list[str], given: Mapping[str, Any], where: str, **numbers: Any) -> None:
    """Compare the loss and the gradients of NumPy's program with those of CuPy's."""
    found: dict[str, Any] = {}
    for backend in ("numpy", "cupy"):
        f = net.compile(wrt=names, backend=backend, **numbers)
        values = {n: given[n] for n in f.program.inputs}
        try:
            with np.errstate(all="ignore"):
                loss, grads = f({}, values, check=False)
        except IndexError:  # a position outside its axis
            found[backend] = {}
            continue
        found[backend] = {"": host(loss), **{n: host(g) for n, g in grads.items()}}
    assert found["numpy"].keys() == found["cupy"].keys(), f"{where}\n{f.source}"
    for n, truth in found["numpy"].items():
        if np.isfinite(truth).all() and np.abs(truth).max() < 1e8:
            assert gap(found["cupy"][n], truth) < 1e-8, f"{where}: {n or 'the loss'}\n{found}\n{f.source}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_networks_of_layers(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        chance = random.Random(seed)
        while True:
            try:
                maker = Maker(chance)
                break
            except Unfit:
                continue
        symbols = symbols_of(maker.network.graph)
        on_axes = {s for t in maker.arrays for size in t.shape for s in size.free_symbols}
        numbers = {s.name: maker.sizes[s] for s in (*symbols.scalars, *symbols.sizes) if s not in on_axes}
        given = {t.name: a for t, a in maker.arrays.items()}
        same(maker.network, [t.name for t in maker.wanted], given, f"seed {seed}", **numbers)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_networks_of_formulas(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        maker = fuzz.Maker(seed)
        net = sn.Network(maker.loss())
        given = {t.name: a for t, a in maker.arrays().items()}
        same(net, list(net.parameters), given, f"seed {seed}")


# -- the edges --------------------------------------------------------------------------------------------------


def test_what_is_finite_is_computed_so() -> None:
    z, t = sn.input("z", (N, C)), sn.labels("t", (N,), C)
    total = cases.cross_entropy(cases.softmax(z), t)
    program = build([total, backprop(total, [z]).of[z]], backend="cupy")
    for size in (1e4, 1e300):
        logits = np.array([[size, 0, -size], [-size, -size, -size], [0, -size, 0]])
        got = {k: host(v) for k, v in program({"z": logits, "t": [2, 1, 2]}).items()}
        truth = np.array([[1, 0, -1], [1 / 3, -2 / 3, 1 / 3], [0.5, 0, -0.5]]) / 3
        np.testing.assert_allclose(got[program.outputs[1]], truth, atol=1e-15)


@pytest.mark.parametrize("kind", cases.ACTIVATIONS)
def test_activations_far_out(kind: str) -> None:
    x, g = sn.input("x", (N, D)), sn.input("g", (N, D))
    y = cases.activation(kind, x)
    outputs = [y, backprop(y, [x], upstream=g).of[x]]
    values = np.array([[-1e300, -1e4, -50, -1, 0, 1, 50, 1e4, 1e300]])
    given = {"x": values, "g": np.ones_like(values)}
    far, truth = build(outputs, backend="cupy")(given), build(outputs)(given)
    for name in truth:
        np.testing.assert_allclose(host(far[name]), truth[name], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", spread.TYPED)
def test_formulas_spread_over_nodes(name: str) -> None:
    total = spread.TYPED[name]()
    leaves = cases.leaves([total])
    wanted = [t for t in leaves if t.classes is None]
    outputs = [total, *(backprop(total, wanted).of[t] for t in wanted)]
    rng = np.random.default_rng(0)
    shapes = {spread.N: 3, spread.C: 4, spread.D: 2}
    for scale in (1.0, 300.0):
        given = {}
        for t in leaves:
            shape = tuple(int(s.subs(shapes)) for s in t.shape)
            real = np.abs(rng.normal(size=shape)) + 0.1 if t.positive else rng.normal(size=shape) * scale
            given[t.name] = rng.integers(0, int(t.classes.subs(shapes)), shape) if t.classes is not None else real
        with np.errstate(all="ignore"):
            truth, found = build(outputs)(given, check=False), build(outputs, backend="cupy")(given, check=False)
        for n, a in truth.items():
            assert (np.isfinite(a) == np.isfinite(host(found[n]))).all(), n
            if np.isfinite(a).all():
                assert gap(host(found[n]), a) < 1e-9, n


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": np.full((2, 3), np.nan)}, sn.DataError, "finite"),
        ({"x": np.full((2, 3), 1j)}, sn.DataError, "complex"),
        ({"x": np.ones(3)}, sn.ShapeError, "axes"),
        ({"x": np.ones((5, 3))}, sn.ShapeError, "length"),
        ({"t": np.array([0, 7])}, sn.LabelError, "label 7"),
        ({"t": np.array([0, -1])}, sn.LabelError, "label -1"),
        ({"t": np.array([0.5, 1])}, sn.LabelError, "0.5"),
    ],
)
@pytest.mark.parametrize("where", ["host", "gpu"])
def test_bad_input_is_refused_there_too(change: dict, error: type, words: str, where: str, cupy: Any) -> None:
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    f = build([cases.cross_entropy(cases.softmax(cases.dense(x, C)), t)], backend="cupy")
    given = {"x": np.ones((2, 3)), "t": np.array([0, 1]), "W1": np.ones((4, 3)), "b1": np.zeros(4), **change}
    if where == "gpu":
        given = {k: cupy.asarray(v) for k, v in given.items()}
    with pytest.raises(error, match=words):
        f(given)


def test_a_label_out_of_range_is_named_before_what_follows_from_it() -> None:
    x, t, n = sn.input("x", (N, D)), sn.labels("t", (N,), D), sn.index("n", N)
    y = sn.define("y", (n,), x[n, t[n] + 1])
    with pytest.raises(sn.LabelError, match="label 7"):
        build([y], backend="cupy")({"x": np.ones((2, 3)), "t": [7, 0]})


def test_a_position_outside_its_axis_is_refused() -> None:
    x, n = sn.input("x", (N, D)), sn.index("n", N)
    for late in (n > 0, 2 * n >= N - 1):
        with pytest.raises(IndexError):
            build([sn.define("y", (n,), x[n + 1, 0] * sn.indicator(late))], backend="cupy")({"x": np.ones((3, 2))})
    held = sn.define("y", (n,), sympy.Piecewise((x[n, 0], n >= N - 1), (2 * x[n + 1, 0], True)))
    assert host(build([held], backend="cupy")({"x": np.ones((3, 2))})["y"]).tolist() == [2, 2, 1]


def test_a_numpy_program_takes_what_lies_on_the_gpu(cupy: Any) -> None:
    x = sn.input("x", (N,))
    y = sn.define("y", (n := sn.index("n", N),), 2 * x[n])
    got = build([y])({"x": cupy.arange(3.0)})["y"]
    assert isinstance(got, np.ndarray) and got.tolist() == [0, 2, 4]


# -- training ---------------------------------------------------------------------------------------------------


def classifier() -> sn.Network:
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    p = sn.softmax(sn.dense(sn.relu(sn.dense(x, H, name="1")), C, name="2"))
    return sn.Network(sn.cross_entropy(p, t), output=p)


def test_training_there_is_training_here(tmp_path: Path) -> None:
    data, losses = digits(), {}
    for backend in ("numpy", "cupy"):
        net = classifier()
        params = net.init(D=64, H=32, C=10, seed=0)
        run = partial(train, net.compile(backend=backend), params, data.train, batch=64, optimiser=SGD(0.1, 0.9))
        file = tmp_path / f"{backend}.npz"
        run(epochs=2, state=file)
        done = run(epochs=4, state=file)  # taken up again from a file
        losses[backend] = done.losses
        assert all(on_gpu(v) == (backend == "cupy") for v in done.params.values())
        p = net.predict({"x": data.test["x"]}, done.params)
        right = (host(p).argmax(axis=-1) == data.test["t"]).mean()
        assert right > 0.9
        net.save(tmp_path / "params.npz", done.params)
        assert all(isinstance(v, np.ndarray) for v in net.load(tmp_path / "params.npz").values())
    np.testing.assert_allclose(losses["cupy"], losses["numpy"], rtol=1e-9)
