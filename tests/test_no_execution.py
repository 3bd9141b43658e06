"""Text is never executed: every public face that takes a formula, an index or a size refuses strings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import symnn as sn

N, D = sn.dims("N D")
x = sn.input("x", (N, D))
n, i = sn.indices("n i")
net = sn.Network(sn.mse(sn.dense(x, 3, name="1"), sn.input("t", (N, 3))))


def bait(folder: Path) -> str:
    return f"__import__('pathlib').Path({str(folder / 'ran')!r}).write_text('x')"


FACES: dict[str, Callable[[str], Any]] = {
    "index": lambda text: x[text, "i"],
    "one index": lambda text: x[n, text],
    "stop_gradient": sn.stop_gradient,
    "indicator": sn.indicator,
    "where condition": lambda text: sn.where(text, 1, 2),
    "where branch": lambda text: sn.where(x[n, i] > 0, text, 2),
    "sum": lambda text: sn.sum(text, i),
    "define": lambda text: sn.define("y", (n,), text),
    "define at": lambda text: sn.define("y", text, x[n, i]),
    "derivative": lambda text: sn.derivative(text, x[n, i]),
    "derivative by": lambda text: sn.derivative(x[n, i], text),
    "size": lambda text: sn.input("z", (text,)),
    "units": lambda text: sn.dense(x, text),
    "classes": lambda text: sn.labels("t", (N,), text),
    "index size": lambda text: sn.index("p", text),
    "strength": lambda text: sn.l2(net["W1"], text),
    "side": lambda text: sn.prove_equal(text, x[n, i]),
    "fact": lambda text: sn.prove_equal(x[n, i], 0, given=[(text, 0)]),
    "constant": lambda text: sn.elu(x, alpha=text),
}


def test_a_formula_as_text_is_read_and_not_run(tmp_path: Path) -> None:
    for text in (bait(tmp_path), f"x + {bait(tmp_path)}", f"sum({bait(tmp_path)})"):
        for candidate in (text, sn.latex(text)):
            verdict = sn.check_gradient(net, "W1", candidate)
            assert verdict.word == "cannot tell" and not verdict
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("face", FACES)
def test_text_is_refused_and_not_run(face: str, tmp_path: Path) -> None:
    with pytest.raises((sn.SymnnError, TypeError, ValueError)):
        FACES[face](bait(tmp_path))
    assert not (tmp_path / "ran").exists()
