"""Random small networks: compiled values and gradients agree with the reference interpreter, in both precisions."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
import sympy

from symnn.graph.interpreter import Interpreter
from symnn.ground.define import define
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
        total = total + ANCHOR[0, 0, 0]  # every size stands on an axis of some array
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


@pytest.mark.parametrize("seed", range(100))
def test_random_network(seed: int) -> None:
    run(seed)
