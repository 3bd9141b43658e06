"""What was derived before does not show; checks that cannot run say so; right is not called wrong, nor wrong right."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symnn as sn
from symnn.ground.sympy_border import from_sympy

N, D, C, K = sn.dims("N D C K")
n, i, c = sn.indices("n i c")


def gated(act: str) -> sn.Network:
    """x * g(a), judged against sigmoid(a): only where g is the sigmoid may the gradient be folded to g^2."""
    a, x = sn.input("a", (N, D)), sn.parameter("x", (N, D))
    h = getattr(sn, act)(a)
    y = sn.define("gate", (n, i), x[n, i] * h[n, i])
    return sn.Network(sn.define("L", (), sn.sum(y[n, i] / (1 + sp.exp(-a[n, i])), n, i)))


@pytest.mark.parametrize("order", [("sigmoid", "softplus", "softmax"), ("softmax", "softplus", "sigmoid")])
def test_a_gradient_does_not_depend_on_what_was_derived_before(order: tuple[str, ...]) -> None:
    for act in order:
        d = gated(act).gradient("x")
        assert d.check(differences=False).word == "right"
        assert d.check().word == "right", f"{act}: {d.matrix}"


def test_lines_carry_the_names_of_their_own_network() -> None:
    for p, t in (("probs", "labs"), ("q", "s")):
        x, labels = sn.input("x", (N, D)), sn.labels(t, (N,), C)
        net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(x, C, name="1"), name=p), labels))
        text = net.gradient("W1").text()
        assert f"{p}[" in text and f"{t}[" in text
        assert p == "probs" or ("probs" not in text and "labs" not in text)


def test_two_heads_show_their_own_lines() -> None:
    x, t, s = sn.input("x", (N, D)), sn.labels("t", (N,), C), sn.labels("s", (N,), C)
    a, b = sn.dense(x, C, name="1"), sn.dense(x, C, name="2")
    one, two = (
        sn.cross_entropy(sn.softmax(a, name="p"), t, name="l1"),
        sn.cross_entropy(sn.softmax(b, name="q"), s, name="l2"),
    )
    net = sn.Network(sn.plus(one, two))
    first, second = net.gradient("W1").text(), net.gradient("W2").text()
    assert "q[" not in first and "s[" not in first.replace("loss[", "")
    assert "p[" not in second and "t[" not in second


def test_a_size_that_is_only_a_range_is_a_size() -> None:
    x, k = sn.input("x", ()), sn.index("k", K)
    d = sn.derivative(sn.sum(sp.sin(k * x[()]), k) / K, x[()])
    assert d.check().word == "right"
    d.formula = from_sympy(5 * sn.sum(k, k) / K)
    assert d.check().word == "wrong"


def test_an_empty_looking_sum_is_not_refuted() -> None:
    z, w, s = sn.input("z", (N, D)), sn.parameter("w", (N,)), sn.parameter("s", ())
    y = sn.define("y", (n,), sn.sum(s[()] * w[n], sn.index("k", D)))
    assert sn.Network(sn.define("L", (), sn.sum(y[n] * z[n, i], n, i))).gradient("w").check().word == "right"


FUNCTIONS: dict[str, Any] = {
    "log": sp.log,
    "asin": sp.asin,
    "acos": sp.acos,
    "atan": lambda u: sp.atan(u) * u,
    "sqrt": sp.sqrt,
    "u^u": lambda u: u**u,
    "gamma": sp.gamma,
    "u^-6": lambda u: u**-6,
    "fast": lambda u: sp.sin(100 * u),
    "on a hill": lambda u: 10**6 + sp.sin(u) / 1000,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_gradients_are_called_right(name: str) -> None:
    w = sn.parameter("w", (N,))
    verdict = sn.Network(sn.define("L", (), sn.sum(FUNCTIONS[name](w[n]), n))).gradient("w").check()
    assert verdict.word == "right", str(verdict)


def test_a_softmax_of_ones_own_is_right() -> None:
    z, t, k = sn.parameter("z", (N, C)), sn.labels("t", (N,), C), sn.index("k")
    p = sn.define("p", (n, c), sp.exp(z[n, c]) / sn.sum(sp.exp(z[n, k]), k))
    verdict = sn.Network(sn.cross_entropy(p, t)).gradient("z").check()
    assert verdict.word == "right" and verdict.checks["lines"].verdict == "proved"


def test_a_formula_that_is_not_the_last_line_is_noticed() -> None:
    w = sn.parameter("w", (N,))
    d = sn.Network(sn.define("L", (), sn.sum(w[n] ** 3, n))).gradient("w")
    assert d.target is not None and d.target.definition is not None
    d.sections[-1].gives = from_sympy(3 * w[d.free[0]] ** 2 + 1)
    d.sections[-1].memo.clear()
    assert d.check_steps().verdict != "proved"


def test_what_nowhere_is_defined_is_not_run() -> None:
    w = sn.parameter("w", (N,))
    verdict = sn.Network(sn.define("L", (), sn.sum(sp.log(-(w[n] ** 2) - 1), n))).gradient("w").check()
    assert verdict.word == "cannot tell" and verdict.checks["differences"].verdict == "not run"
