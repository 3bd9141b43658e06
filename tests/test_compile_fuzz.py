"""Random small networks: compiled values and gradients agree with the reference interpreter, in both precisions."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
import sympy

from symnn.compile.program import build
from symnn.graph.interpreter import Interpreter
from symnn.ground.define import define
from symnn.ground.errors import ShapeError
from symnn.ground.functions import indicator, sum_over
from symnn.ground.indices import Index, index
from symnn.ground.sizes import as_size, dims
from symnn.ground.tensors import Tensor, input, labels, parameter
from symnn.network import Network

N, M, D = dims("N M D")
SIZES = (N, M, D, as_size(2), as_size(3), N + 1)
VALUES = [
    {N: 2, M: 3, D: 4}, {N: 3, M: 2, D: 2}, {N: 4, M: 2, D: 3}, {N: 1, M: 1, D: 1}, {N: 3, M: 3, D: 3},
    {N: 2, M: 4, D: 1},
]  # fmt: skip
ANCHOR = input("sizes", (N, M, D))


FUNCTIONS: tuple[Any, ...] = (
    sympy.tanh, sympy.sin, sympy.Abs, lambda u: sympy.exp(sympy.tanh(u)), lambda u: u**2, lambda u: 1 / (1 + u**2),
    lambda u: sympy.log(1 + u**2), lambda u: sympy.sqrt(u**2 + 1), lambda u: 1 / (1 + sympy.exp(-u)),
    lambda u: sympy.Max(u, 0), lambda u: sympy.Min(u, 1), lambda u: sympy.tanh(u) ** 3,
)  # fmt: skip


class Maker:
    """Draw one network."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.values = self.random.choice(VALUES)
        self.leaves = [
            parameter("s", ()), parameter("v", (N,)), parameter("g", (D,)), parameter("c", (M,)),
            parameter("Q", (D, D)), parameter("W", (N, D)), parameter("T", (N, M, D)), parameter("U", (3,)),
            parameter("V", (2, N)), parameter("P", (N + 1,)), input("x", (N, M)), ANCHOR, labels("t", (N,), D),
            labels("l", (M,), 3), labels("r", (N, M), N),
        ]  # fmt: skip
        self.tensors = list(self.leaves)

    def index(self) -> Index:
        return index(self.random.choice("ijknm"), self.random.choice(SIZES[: self.random.choice((3, 6))]))

    def among(self, env: list[Index], size: Any) -> list[Index]:
        return [k for k in env if k.size == size]

    def position(self, env: list[Index], size: Any, guards: list[Any]) -> Any:
        """An index expression that is inside the axis, or guarded by what is put into ``guards``."""
        own, roll = self.among(env, size), self.random.random()
        if own and roll < 0.75:
            return self.random.choice(own)
        spots = [t for t in self.leaves if t.classes == size and all(self.among(env, s) for s in t.shape)]
        if spots and roll < 0.85:
            t = self.random.choice(spots)
            return t[tuple(self.random.choice(self.among(env, s)) for s in t.shape)]
        if env and roll < 0.97:
            k = self.random.choice(env)
            shift = self.random.choice((-1, 1))
            guards += [indicator(k + shift >= 0), indicator(k + shift <= size - 1)]
            return k + shift
        return 0

    def entry(self, env: list[Index], depth: int) -> Any:
        real = [t for t in self.tensors if t.classes is None]
        made = self.tensors[len(self.leaves) :]
        t = self.random.choice(made if made and self.random.random() < 0.5 else real)
        guards: list[Any] = []
        at, new = [], []
        for size in t.shape:
            if not self.among(env + new, size) and self.random.random() < 0.7:
                new.append(index("q", size))
            at.append(self.position(env + new, size, guards))
        out = t[tuple(at)]
        for guard in guards:
            out = guard * out
        return sum_over(out, *new) if new else out

    def plain(self, env: list[Index]) -> Any:
        """An entry at indices of ``env``, or a number."""
        fits = [t for t in self.tensors if t.rank and t.classes is None and all(self.among(env, s) for s in t.shape)]
        if not fits:
            return self.tensors[0][()]
        t = self.random.choice(fits)
        return t[tuple(self.random.choice(self.among(env, s)) for s in t.shape)]

    def expression(self, env: list[Index], depth: int) -> Any:
        """An expression over some of the indices of ``env``."""
        roll, pick = self.random.random(), self.random
        if depth <= 0 or roll < 0.2:
            kind = pick.random()
            if kind < 0.8:
                return self.entry(env, depth)
            if kind < 0.85 and env:
                return pick.choice(env)
            if kind < 0.9:
                return pick.choice((N, D))
            return sympy.Rational(pick.choice((-2, -1, 0, 1, 2, 3)), pick.choice((1, 1, 2, 3)))
        inside = lambda: self.expression(env, depth - 1)  # noqa: E731
        if roll < 0.35:
            return inside() + inside()
        if roll < 0.42:
            return inside() - inside()
        if roll < 0.58:
            return inside() * inside()
        if roll < 0.66:
            u = inside()
            return pick.choice(FUNCTIONS)(u)
        if roll < 0.7 and env:
            return inside() ** pick.choice(env)
        if roll < 0.78 and env:
            a, b = pick.choice(env), pick.choice(env)
            return sympy.KroneckerDelta(a, b if a is not b else pick.choice((0, 1))) * inside()
        if roll < 0.83 and env:
            a, b = pick.choice(env), pick.choice([*env, sympy.Integer(1), N - 1])
            return indicator(pick.choice((a >= b, a < b) if a is not b else (a > 0,))) * inside()
        if roll < 0.88:
            a, b = pick.choice((*env, self.plain(env))), pick.choice((sympy.Rational(1, 3), self.plain(env)))
            condition = sympy.Gt(a, b) if a.has(sympy.Indexed) else a > 0
            return sympy.Piecewise((inside(), condition), (inside(), True))
        if roll < 0.9 and env:
            return sympy.Piecewise((inside(), pick.choice(env) > 0), (inside(), True))
        k = self.index()
        return sum_over(self.expression([*env, k], depth - 1), k)

    def loss(self) -> Tensor:
        for n in range(self.random.choice((1, 1, 2, 3))):
            free = tuple(self.index() for _ in range(self.random.choice((0, 1, 1, 2, 2, 3))))
            self.tensors.append(define(f"h{n}", free, self.expression(list(free), self.random.choice((1, 2, 3)))))
        total: Any = 0
        for t in self.tensors[len(self.leaves) :]:
            over = tuple(index("z", size) for size in t.shape)
            body = t[over if over else ()]
            body = body**2 if self.random.random() < 0.5 else body * sum(over, sympy.Integer(1))
            total = total + (sum_over(body, *over) if over else body)
        total = total + self.expression([], 2)
        total = total + sympy.Rational(7, 11) * ANCHOR[0, 0, 0]  # every size stands on an axis of some array
        return define("L", (), total)

    def arrays(self) -> dict[Tensor, np.ndarray]:
        rng = np.random.default_rng(self.random.randrange(2**31))
        out = {}
        for t in self.leaves:
            shape = tuple(int(sympy.Integer(s.subs(self.values))) for s in t.shape)
            if t.classes is not None:
                out[t] = rng.integers(0, int(sympy.Integer(t.classes.subs(self.values))), shape)
            else:
                out[t] = rng.normal(size=shape).astype("float32").astype("float64")
                if self.random.random() < 0.2:
                    out[t] = out[t] * (rng.random(shape) < 0.5)
        return out


def run(seed: int) -> str:
    """Check one case; return what became of it."""
    maker = Maker(seed)
    net = Network(maker.loss())
    names = list(net.parameters)
    adjoints = net.adjoints()
    values = maker.arrays()
    reference = Interpreter(maker.values, values)
    try:
        with np.errstate(all="ignore"):
            truth = {"": np.asarray(reference.tensor(net.loss))}
            truth |= {n: np.asarray(reference.tensor(adjoints.of[net.graph[n]])) for n in names}
    except (ZeroDivisionError, OverflowError, ValueError, IndexError):
        return "undefined"
    if any(v.dtype == object or not np.isfinite(v).all() or np.abs(v).max() > 1e8 for v in truth.values()):
        return "undefined"
    given = {t.name: a for t, a in values.items()}
    for dtype, tol in (("float64", 1e-9), ("float32", 1e-3)):
        compiled = net.compile(dtype=dtype)
        batch = {n: given[n] for n in compiled.program.inputs if n not in names}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with np.errstate(over="ignore", under="ignore"):
                loss, grads = compiled({n: given[n] for n in names}, batch)
        for name, got in {"": loss, **grads}.items():
            where = f"seed {seed}, {dtype}, gradient of {name!r}\n{compiled.source}"
            assert np.asarray(got).dtype == dtype, where
            assert np.shape(got) == truth[name].shape, where
            if dtype == "float64" or np.abs(truth[name]).max() < 1e3:
                scale = max(1.0, *(float(np.abs(v).max()) for v in truth.values()))
                np.testing.assert_allclose(got, truth[name], rtol=tol, atol=tol * scale, err_msg=where)
    return "agrees"


#: Their derivations take long; left out to keep the tests short.
SLOW: set[int] = set()


@pytest.mark.parametrize("seed", sorted(set(range(125)) - SLOW))
def test_random_network(seed: int) -> None:
    run(seed)


# -- what was found, one case each ----------------------------------------------------------------

E = sympy.KroneckerDelta


def agree(loss: Tensor, sizes: dict[Any, int], **values: Any) -> None:
    net = Network(loss)
    arrays = {net.graph[n]: np.asarray(values[n], "float64") for n in net.parameters}
    reference, adjoints = Interpreter(sizes, arrays), net.adjoints()
    for dtype, tol in (("float64", 1e-12), ("float32", 1e-5)):
        compiled = net.compile(dtype=dtype)
        got, grads = compiled({n: values[n] for n in net.parameters}, {})
        assert got.dtype == dtype and all(g.dtype == dtype for g in grads.values()), compiled.source
        np.testing.assert_allclose(got, reference.tensor(loss), rtol=tol, err_msg=compiled.source)
        for n, g in grads.items():
            truth = reference.tensor(adjoints.of[net.graph[n]])
            np.testing.assert_allclose(g, truth, rtol=tol, atol=tol, err_msg=compiled.source)


def letters(*sizes: Any) -> list[Index]:
    return [index("abcd"[k], size) for k, size in enumerate(sizes)]


def test_an_index_that_the_formula_lacks() -> None:
    n, d, m = index("n", N), index("d", D), index("m", M)
    a, b, c = letters(N, D, M)
    rng = np.random.default_rng(0)
    v, w, g, q = parameter("v", (N,)), parameter("w", (N, D)), parameter("g", (D,)), parameter("q", (D, D))
    s, y = parameter("s", ()), parameter("y", (N, D, M))
    for name, expression in (("tanh", sympy.tanh(v[n])), ("exp", sympy.exp(s[()])), ("part", sympy.tanh(v[n]) * g[d])):
        h = define(name, (n, d), expression)
        total = define("L", (), sum_over(h[a, b] ** 2 * w[a, b] + v[a] * g[b] * s[()], a, b))
        agree(total, {N: 3, D: 2}, v=rng.normal(size=3), w=rng.normal(size=(3, 2)), g=rng.normal(size=2), s=0.3)
    h = define("h", (n,), sympy.tanh(sum_over(s[()] + g[d], d)))
    agree(define("L", (), sum_over(h[a] ** 2 * v[a], a)), {N: 3, D: 2}, s=0.1, g=[0.1, -0.2], v=[1.0, 2, 3])
    h = define("h", (n, d, m), sympy.tanh(q[d, d]))
    total = define("L", (), sum_over(h[a, b, c] ** 2 * y[a, b, c], a, b, c))
    agree(total, {N: 3, D: 2, M: 4}, q=rng.normal(size=(2, 2)), y=rng.normal(size=(3, 2, 4)))


def test_a_buffer_is_scaled_once() -> None:
    n, m = letters(N, D)
    k = index("k", N)
    x, w = parameter("x", (N, D)), parameter("w", (N, N))
    s = define("s", (n, m), 1 / (1 + sympy.exp(-x[n, m])))
    mixed = define("y", (n, m), s[n, m] * (1 - s[n, m]) * (sum_over(w[n, k] * s[k, m], k) + x[n, m]) + x[n, m])
    rng = np.random.default_rng(0)
    agree(define("L", (), sum_over(mixed[n, m] ** 2, n, m)), {N: 2, D: 3}, x=rng.normal(size=(2, 3)), w=np.ones((2, 2)))


def test_an_array_that_is_read_again_is_not_written_to() -> None:
    n, m = letters(N, D)
    k = index("k", D)
    x, t = parameter("x", (N, D)), labels("t", (N,), D)
    p = define("p", (n, m), sympy.exp(x[n, m]) / sum_over(sympy.exp(x[n, k]), k))
    q = define("q", (n, m), sympy.exp(p[n, m]) / sum_over(sympy.exp(p[n, k]), k))
    smoothed = sympy.Rational(9, 10) * sympy.log(q[n, t[n]]) + sum_over(sympy.log(q[n, k]), k) / (10 * D)
    net = Network(define("L", (), -sum_over(smoothed, n)))
    rng = np.random.default_rng(0)
    arrays = {net.graph["x"]: rng.normal(size=(3, 4)), net.graph["t"]: np.array([1, 3, 0])}
    got = net.compile()({"x": arrays[net.graph["x"]]}, {"t": arrays[net.graph["t"]]})[1]["x"]
    truth = Interpreter({N: 3, D: 4}, arrays).tensor(net.adjoints().of[net.graph["x"]])
    np.testing.assert_allclose(got, truth, rtol=1e-12)


@pytest.mark.parametrize("sizes", [(4, 2), (2, 4), (3, 3)])
def test_deltas_inside_a_sum_guard_what_stands_beside_it(sizes: tuple[int, int]) -> None:
    n, d = index("n", N), index("d", M)
    a, b = letters(N, M)
    c, v, z = parameter("c", (M,)), parameter("v", (N,)), parameter("z", (N, M))
    h = define("h", (n, d), E(d, n) * (E(d, n) * c[d] + c[d] * v[n]))
    rng = np.random.default_rng(0)
    given = {"c": rng.normal(size=sizes[1]), "v": rng.normal(size=sizes[0]), "z": rng.normal(size=sizes)}
    total = define("L", (), sum_over(sympy.tanh(h[a, b]) * z[a, b], a, b))
    agree(total, {N: sizes[0], M: sizes[1]}, **given)


def test_a_condition_on_sizes_alone() -> None:
    g = parameter("g", (N,))
    (a,) = letters(N)
    total = define(
        "L", (), sum_over(-indicator(N >= 2) * g[a] + N * indicator(N >= 3) * g[a] ** 2 * indicator(a > 1), a)
    )
    for size in (1, 2, 3):
        agree(total, {N: size}, g=np.arange(1.0, size + 1))
    y = define("y", (a,), -indicator(N >= 2) * g[a])
    np.testing.assert_allclose(build([y])({"g": [1.0, 2]})["y"], [-1, -2])


def test_an_index_as_exponent_at_zero() -> None:
    c, w = parameter("c", (D,)), parameter("w", (N,))
    k, n = letters(D, N)
    power = define("L", (), sum_over(c[k] * w[n] ** k, k, n))
    w0, c0 = np.array([0, 0.5, -2]), np.array([1.0, 2, 3, 4])
    truth = sum(k * c0[k] * w0 ** (k - 1) for k in (1, 2, 3))
    for dtype in ("float64", "float32"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = Network(power).compile(dtype=dtype)({"c": c0, "w": w0}, {})[1]
        assert got["w"].dtype == got["c"].dtype == dtype
        np.testing.assert_allclose(got["w"], truth)
        np.testing.assert_allclose(got["c"], (w0[:, None] ** np.arange(4)).sum(axis=0))


def test_a_guard_that_lets_a_position_out() -> None:
    x, n = input("x", (N, D)), index("n", N)
    for good in (n < N - 1, n + 1 < N, sympy.Eq(n, 0)):
        define("y", (n,), x[n + 1, 0] * indicator(good))
    for bad in (n <= N - 1, n < N, n + 1 <= N):
        with pytest.raises(ShapeError, match="where the indicator is 1"):
            define("y", (n,), x[n + 1, 0] * indicator(bad))
    with pytest.raises(ShapeError, match="where the indicator is 1"):
        define("y", (n,), sympy.Piecewise((x[n + 1, 0], n <= N - 1), (0, True)))
    data = {"x": np.ones((3, 2))}
    # not seen from the sizes alone: the program itself refuses
    for late in (indicator(n > 0), indicator(2 * n >= N - 1), indicator(sympy.Ne(n, 0))):
        with pytest.raises(IndexError):
            build([define("y", (n,), x[n + 1, 0] * late)])(data)
    held = build([define("y", (n,), sympy.Piecewise((x[n, 0], n >= N - 1), (2 * x[n + 1, 0], True)))])(data)
    np.testing.assert_allclose(held["y"], [2, 2, 1])


def test_a_condition_that_reads_outside_where_another_part_is_false() -> None:
    x, n = input("x", (N,)), index("n", N)
    both = define("y", (n,), sympy.Piecewise((1, sympy.And(n > 0, x[n - 1] > 0)), (0, True)))
    product = define("z", (n,), indicator(n > 0) * indicator(x[n - 1] > 0) * x[n])
    t, m = parameter("t", (M,)), index("m", D)
    h = define("h", (m,), sympy.tanh(indicator(m > 0) * indicator(m <= M) * t[m - 1]) ** 3)
    total = define("L", (), sum_over(h[m] * parameter("w", (D,))[m], m))
    for size in (2, 3, 5):
        agree(total, {M: 3, D: size}, t=np.array([0.1, -2, 1]), w=np.arange(1.0, size + 1))
    out = build([both, product])({"x": [1.0, -1, 2]})
    np.testing.assert_allclose(out["y"], [0, 1, 0])
    np.testing.assert_allclose(out["z"], [0, -1, 0])


def test_a_value_is_written_once_for_every_label() -> None:
    h, v, r = parameter("h", (N,)), parameter("v", (M,)), labels("r", (N, M), N)
    a, b = letters(N, M)
    total = define("L", (), sum_over(h[r[a, b]] * v[b], a, b))
    where, value = np.array([[1, 0, 0], [0, 1, 1]]), np.array([1.0, 10, 100])
    got = Network(total).compile()({"h": np.ones(2), "v": value}, {"r": where})[1]["h"]
    np.testing.assert_allclose(
        got, [sum(value[j] for i in range(2) for j in range(3) if where[i, j] == k) for k in (0, 1)]
    )
