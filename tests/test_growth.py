"""A deeper network is derived and compiled in proportion: every layer adds the same to the size of what is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import symnn as sn
from symnn.algebra.compact import cost

N, H, C = sn.dims("N H C")


def plain(x: Any, n: int) -> Any:
    return sn.tanh(sn.dense(x, H, name=str(n)))


def normed(x: Any, n: int) -> Any:
    return sn.relu(sn.batch_norm(sn.dense(x, H, name=str(n)), name=f"n{n}"))


def residual(x: Any, n: int) -> Any:
    return sn.residual(x, sn.dense(sn.layer_norm(x, name=f"n{n}"), H, name=str(n)))


def attended(x: Any, n: int) -> Any:
    return sn.residual(x, sn.attention(x, x, x, name=str(n)))


def size(layer: Callable[[Any, int], Any], depth: int) -> tuple[int, int]:
    """Return the printed cost of all adjoints, and the lines of the program."""
    x = sn.input("x", (N, H))
    for n in range(1, depth + 1):
        x = layer(x, n)
    loss = sn.cross_entropy(sn.softmax(sn.dense(x, C, name="last")), sn.labels("t", (N,), C))
    net = sn.Network(loss)
    adjoints = net.adjoints()
    formulas = sum(cost(t.definition.template.tree) for t in adjoints.of.values() if t.definition is not None)
    return formulas, net.compile().source.count("\n")


@pytest.mark.parametrize("layer", [plain, normed, residual, attended], ids=lambda f: f.__name__)
def test_the_size_is_linear_in_the_depth(layer: Callable[[Any, int], Any]) -> None:
    few, more, many = (size(layer, depth) for depth in (3, 6, 12))
    for a, b, c in zip(few, more, many, strict=True):
        assert c - b == 2 * (b - a), (few, more, many)
