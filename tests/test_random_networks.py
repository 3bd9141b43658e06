"""Random networks: derived and compiled gradients agree with differences of the reference interpreter.

``python -m tests.run_random_networks`` does the same for ten thousand.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import symnn as sn
from tests.random_differences import Differences, Mismatch, compare
from tests.random_layers import Unfit
from tests.random_networks import Maker


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_derived_gradients_agree_with_differences(chance: random.Random) -> None:
    try:
        maker = Maker(chance)
    except Unfit:
        assume(False)
    assume(compare(maker).tensors)


# -- the comparison sees what is wrong ---------------------------------------------------------------------------------

SEED = 3


def test_a_seed_gives_one_network() -> None:
    a, b = Maker(random.Random(SEED)), Maker(random.Random(SEED))
    assert a.used == b.used and a.sizes == b.sizes
    assert all((p == q).all() for p, q in zip(a.arrays.values(), b.arrays.values(), strict=True))
    assert compare(a) == compare(b)


@pytest.mark.parametrize("role", ["input", "parameter"])
def test_a_formula_that_is_a_little_off_is_refused(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Maker(random.Random(SEED))
    adjoints = maker.network.adjoints([t.name for t in maker.wanted])
    point = Differences(maker.network.loss, maker.sizes, maker.arrays)
    t = next(t for t in maker.wanted if t.role == role and point.gradient(t).any())
    at = tuple(sn.index(letter, size) for letter, size in zip("ijkl", t.shape, strict=False))
    factor = 1 + sympy.Rational(1, 10**6)
    adjoints.of[t] = sn.define("wrong", at, factor * adjoints.of[t][at])
    monkeypatch.setattr(maker.network, "adjoints", lambda *_: adjoints)
    with pytest.raises(Mismatch, match=f"d{t.name} as a formula is off by 1.0e-06"):
        compare(maker)


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_program_that_is_a_little_off_is_refused(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = Maker(random.Random(SEED))
    compile = maker.network.compile

    def wrong(**options: Any) -> Any:
        run = compile(**options)

        def call(params: Any, batch: Any) -> Any:
            loss, grads = run(params, batch)
            if what == "loss":
                return loss * (1 + 1e-6), grads
            first = next(iter(grads))
            return loss, {**grads, first: grads[first] * (1 + 1e-6)}

        call.program = run.program  # type: ignore[attr-defined]
        return call

    monkeypatch.setattr(maker.network, "compile", wrong)
    with pytest.raises(Mismatch, match="compiled"):
        compare(maker)
