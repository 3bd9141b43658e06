"""Layers that no page of the gallery has: each gradient is proved equal to the textbook's, and is no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

import symnn as sn
from symnn.algebra.compact import cost
from symnn.ground.sympy_border import from_sympy

N, D = sn.dims("N D")
n, i, k = sn.indices("n i k")
S = sn.sum
x, y = sn.input("x", (N, D)), sn.input("y", (N, D))
tau = sn.scalars("tau", positive=True)

#: What is differentiated, and the textbook's gradient by x from the upstream gradient, the layer and the indices.
Row = tuple[Any, Callable[[Any, Any, Any, Any], Any]]

dist = sn.define("dist", (n,), sp.sqrt(S((x[n, i] - y[n, i]) ** 2, i)))
unit = sn.define("unit", (n, i), x[n, i] / S(abs(x[n, k]), k))
softer = sn.define("softer", (n, i), x[n, i] / (1 + S(abs(x[n, k]), k)))
share = sn.define("share", (n, i), x[n, i] / S(x[n, k], k))
direction = sn.define("direction", (n, i), x[n, i] / sp.sqrt(S(x[n, k] ** 2, k)))
pinball = sn.define("pinball", (n, i), sp.Max(tau * (x[n, i] - y[n, i]), (tau - 1) * (x[n, i] - y[n, i])))
bowl = sn.define("bowl", (n, i), sp.sqrt(1 + (x[n, i] - y[n, i]) ** 2))

TEXTBOOK: dict[str, Row] = {
    "distance": (dist, lambda g, d, n, i: g[n] * (x[n, i] - y[n, i]) / d[n]),
    "unit in the 1-norm": (
        unit, lambda g, u, n, i: (g[n, i] - sp.sign(x[n, i]) * S(g[n, k] * u[n, k], k)) / S(abs(x[n, k]), k),
    ),
    "below unit in the 1-norm": (
        softer, lambda g, u, n, i: (g[n, i] - sp.sign(x[n, i]) * S(g[n, k] * u[n, k], k)) / (1 + S(abs(x[n, k]), k)),
    ),
    "share": (share, lambda g, u, n, i: (g[n, i] - S(g[n, k] * u[n, k], k)) / S(x[n, k], k)),
    "direction": (
        direction,
        lambda g, u, n, i: (g[n, i] - u[n, i] * S(g[n, k] * u[n, k], k)) / sp.sqrt(S(x[n, k] ** 2, k)),
    ),
    "pinball": (pinball, lambda g, _, n, i: g[n, i] * sn.where(y[n, i] > x[n, i], tau - 1, tau)),
    "bowl": (bowl, lambda g, b, n, i: g[n, i] * (x[n, i] - y[n, i]) / b[n, i]),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_gradient_is_the_textbooks_and_no_longer(name: str) -> None:
    layer, textbook = TEXTBOOK[name]
    found = sn.vjp(layer, "x")
    assert found.check(), str(found.check())
    upstream = found.upstream
    claim = textbook(upstream, layer, *(sn.index(j.letter, j.size) for j in found.free))
    assert sn.prove_equal(found, claim).verdict == "proved", str(found)
    assert cost(found.formula) <= cost(from_sympy(claim)), str(found)
