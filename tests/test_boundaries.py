"""Comparisons of indices opened: sums meet in one form, and the value stays whatever stands for what is not read."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import symnn as sn
from symnn.algebra.boundaries import uncut
from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.convert import canonical
from symnn.algebra.sampling import _Sample, _Unknown
from symnn.algebra.splitting import taken_apart
from symnn.ground.sympy_border import from_sympy

N, M = sn.dims("N M")
a, b, w = sn.input("a", (N,)), sn.input("b", (N,)), sn.input("w", (N, N))
r = sn.input("r", ())[()]
i, j, k, l = (sn.index(letter, N) for letter in "ijkl")
S, one = sn.sum, sn.indicator

TRUE = {
    "a shift": (S(one(k > 0) * a[k - 1] * b[k], k), S(one(j < N - 1) * a[j] * b[j + 1], j)),
    "two steps": (S(one(k >= 2) * a[k - 2] * b[k], k), S(one(j < N - 2) * a[j] * b[j + 2], j)),
    "the first apart": (S(a[k] ** 2, k), a[0] ** 2 + S(one(k > 0) * a[k] ** 2, k)),
    "the last apart": (S(sympy.exp(a[k]), k), sympy.exp(a[N - 1]) + S(one(k < N - 1) * sympy.exp(a[k]), k)),
    "telescope": (S(one(k < N - 1) * (a[k + 1] - a[k]), k), a[N - 1] - a[0]),
    "triangle": (2 * S(one(j < k) * a[j] * a[k], j, k), S(a[k], k) ** 2 - S(a[k] ** 2, k)),
    "both triangles": (
        S(one(j < k) * w[j, k], j, k) + S(one(k < j) * w[j, k], j, k), S(w[j, k], j, k) - S(w[k, k], k),
    ),
    "adjoint of a correlation": (
        S(b[j] * S(one(j + k < N) * w[k, 0] * a[j + k], k), j), S(a[i] * S(one(i - k >= 0) * w[k, 0] * b[i - k], k), i),
    ),
    "positions counted": (S(S(one(j >= k) * a[k], k), j), S((N - k) * a[k], k)),
    "progression": ((1 - r) * S(r**k, k), 1 - r**N),
    "exponential progression": ((1 - sympy.exp(r)) * S(sympy.exp(r * k), k), 1 - sympy.exp(r * N)),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_sums_that_are_cut_off_are_proved_equal(name: str) -> None:
    verdict = sn.prove_equal(*TRUE[name])
    assert verdict.verdict == "proved", str(verdict)


FALSE = {
    "a shift the other way": (S(one(k > 0) * a[k - 1] * b[k], k), S(one(j < N - 1) * a[j + 1] * b[j], j)),
    "the second apart": (S(a[k], k), a[1] + S(one(k > 0) * a[k], k)),
    "a triangle with its diagonal": (2 * S(one(j <= k) * a[j] * a[k], j, k), S(a[k], k) ** 2 - S(a[k] ** 2, k)),
    "a triangle that is not symmetric": (2 * S(one(j < k) * w[j, k], j, k), S(w[j, k], j, k) - S(w[k, k], k)),
    "a correlation unturned": (
        S(b[j] * S(one(j + k < N) * w[k, 0] * a[j + k], k), j), S(a[i] * S(one(i - k >= 0) * w[k, 0] * b[k], k), i),
    ),
    "one too many": (S(S(one(j >= k) * a[k], k), j), S((N - k - 1) * a[k], k)),
    "a longer progression": ((1 - r) * S(r**k, k), 1 - r ** (N + 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_slips_in_them_are_refuted(name: str) -> None:
    assert sn.prove_equal(*FALSE[name]).verdict == "refuted"


def test_a_progression_says_what_it_divides_by() -> None:
    verdict = sn.prove_equal(S(r**k, k), (1 - r**N) / (1 - r))
    assert verdict and any("!= 0" in c or "≠" in c for c in (*verdict.conditions, str(verdict)))


# -- random sums -------------------------------------------------------------------------------------------------------


def position(chance: random.Random, own: list[Any]) -> Any:
    n = chance.choice(own)
    kind = chance.randrange(6)
    if kind == 0:
        return n + chance.choice((-2, -1, 1, 2))
    if kind == 1:
        return n - chance.choice(own)
    return n + chance.choice(own) if kind == 2 else n


def comparison(chance: random.Random, own: list[Any]) -> Any:
    m, n = chance.choice(own), chance.choice(own)
    other = chance.choice((n, n + 1, 0, 1, 2, N - 1, N - 2, N - 1 - n, n - 1))
    if m is n and other in (n, n + 1, n - 1):
        other = 0
    return chance.choice((one(m > other), one(m >= other), one(m < other), one(m <= other)))


def cut_off(chance: random.Random) -> Any:
    over = [i, j, k][: chance.randrange(1, 4)]
    own = [*over, l] if chance.randrange(2) else over
    out = sympy.Integer(0)
    for _ in range(chance.randrange(1, 3)):
        body = sympy.Integer(chance.choice((-2, 1, 1, 3)))
        for _ in range(chance.randrange(1, 3)):
            t = chance.choice((a, b, w))
            body *= t[tuple(position(chance, own) for _ in t.shape)]
        for _ in range(chance.randrange(1, 3)):
            body *= comparison(chance, own)
        if chance.randrange(4) == 0:
            body *= r ** chance.choice(over)
        out += S(body, *over)
    return out


@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_the_value_stays(chance: random.Random) -> None:
    # entries outside their axes are drawn like others: what is guarded may be anything
    tree = from_sympy(cut_off(chance))
    try:
        with limited(4_000):
            form = canonical(tree)
            others = [uncut(form), *taken_apart(form)]
    except (Exhausted, ZeroDivisionError):
        assume(False)
    for low, high in ((0.4, 1.6), (-1.5, 1.5)):
        sample = _Sample(low, high)
        sample.left = 10**6
        try:
            value, scale = sample.terms(form, {})
            for other in others:
                assert abs(sample.terms(other, {})[0] - value) <= 1e-9 * max(scale, 1.0)
        except _Unknown:
            continue

