"""The judge: what it says of right, wrong and unreadable gradients, and how it says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnn as sn
from symnn.judge.judgement import HINTS
from symnn.judge.mends import Known, changed, changes
from symnn.judge.pages import PAGES
from symnn.language.grammar import parse

N, D, H, C = sn.dims("N D H C")
x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
NET = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(sn.tanh(sn.dense(x, H, name="1")), C, name="2")), t))
NORM = sn.batch_norm(sn.input("x", (N, D)), eps=sn.scalars("eps", positive=True))

#: A formula with one slip, the kind of diagnosis, and the formula mended.
SLIPS = (
    ("W1", "(((p - onehot(t)) / N) @ W2 * (1 + h1**2)).T @ x", "sign",
     "(((p - onehot(t)) / N) @ W2 * (1 - h1**2)).T @ x"),
    ("W1", "(((p - onehot(t)) / N) @ W2 * (1 - h1**3)).T @ x", "exponent",
     "(((p - onehot(t)) / N) @ W2 * (1 - h1 ** 2)).T @ x"),
    ("W1", "(((p - onehot(t)) / N) @ W2 * (1 - a1**2)).T @ x", "instead",
     "(((p - onehot(t)) / N) @ W2 * (1 - h1**2)).T @ x"),
    ("W1", "(((p - onehot(t)) / N) @ W2 * tanh'(h1)).T @ x", "derivative-at-output",
     "(((p - onehot(t)) / N) @ W2 * tanh'(a1)).T @ x"),
    ("W2", "p.T @ h1 / N - onehot(t).T @ h1", "sum-for-mean", "p.T @ h1 / N - onehot(t).T @ h1 / N"),
    ("W2", "dW2[c, i] = sum_n((p[n, c] - (t[n] == c)) * h1[i, n]) / N", "index",
     "dW2[c, i] = sum_n((p[n, c] - (t[n] == c)) * h1[n, i]) / N"),
    ("W2", "(p - onehot(t)) @ h1 / N", "transpose", "(p - onehot(t)).T @ h1 / N"),
    ("a2", "(p - t[:, None]) / N", "onehot", "(p - onehot(t)) / N"),
    ("a2", "(a2 - onehot(t)) / N", "instead", "(p - onehot(t)) / N"),
    ("a2", "(exp(a2) / sum(exp(a2)) - onehot(t)) / N", "axis",
     "(exp(a2) / sum(exp(a2), axis=1, keepdims=True) - onehot(t)) / N"),
)  # fmt: skip


@pytest.mark.parametrize(("wrt", "text", "kind", "mended"), SLIPS, ids=[s[1] for s in SLIPS])
def test_a_slip_is_mended_in_the_words_of_whoever_made_it(wrt: str, text: str, kind: str, mended: str) -> None:
    judgement = sn.check_gradient(NET, wrt, text)
    assert judgement.word == "wrong" and not judgement
    (d,) = judgement.diagnosis
    assert (d.kind, d.mended) == (kind, mended)
    assert sn.check_gradient(NET, wrt, d.mended).proved


def test_a_slip_that_stands_in_several_places_is_mended_in_all_of_them() -> None:
    text = "gamma / sigma * (dy - mean(dy, axis=1, keepdims=True) - xhat * mean(dy * xhat, axis=1, keepdims=True))"
    (d,) = sn.check_gradient(NORM, "x", text).diagnosis
    assert d.kind == "axis" and d.mended.count("axis=0") == 2
    assert sn.check_gradient(NORM, "x", d.mended).proved


def test_what_was_written_on_several_lines_is_shown_so() -> None:
    judgement = sn.check_gradient(NORM, "x", "g = dy * gamma\n(g - mean(g, 0)) / sigma")
    assert "\n" in judgement.yours and judgement.word == "wrong"
    assert "path" in [d.kind for d in judgement.diagnosis]


def test_a_name_may_be_given_twice() -> None:
    text = "g = (p - onehot(t)) / N\ng = g @ W2\ng = g * (1 - h1**2)\ng.T @ x"
    assert sn.check_gradient(NET, "W1", text).proved


def test_letters_take_the_range_of_the_axis_they_stand_for() -> None:
    E, k = sn.parameter("E", (C, D)), sn.labels("k", (N,), C)
    n, j = sn.indices("n j")
    picked = sn.define("z", (n, j), E[k[n], j])
    assert sn.check_gradient(picked, "E", "dE[v, j] = sum_n((k[n] == v) * dy[n, j])").proved
    assert sn.check_gradient(NET, "W2", "sum_n((p[n, c] - (t[n] == c)) * h1[n, i]) / N").proved


def test_the_forward_is_left_as_it_was() -> None:
    y = sn.silu(sn.dense(sn.input("x", (D,)), H, name="1"))
    before = y.name
    sn.check_gradient(y, "x", "W1.T @ (dy * (sigmoid(a1) + h1 * sigmoid(a1) * (1 - sigmoid(a1))))")
    assert y.name == before


def test_low_precision_is_told_apart_from_a_slip() -> None:
    def single(x: Any, delta1: Any) -> Any:
        return (delta1.astype(np.float32).T @ x.astype(np.float32)).astype(float)

    (d,) = sn.check_gradient(NET, "W1", single).diagnosis
    assert d.kind == "precision" and "float32" in d.sentence


# -- axes of length 1 ------------------------------------------------------------------------------------------------

LINE = sn.define("y", (K := sn.indices("n i"))[:1], sn.sum(x[K[0], K[1]] * sn.parameter("w", (D,))[K[1]], K[1]))


@pytest.mark.parametrize(
    "text", ["(dy @ x)[:, None]", "(dy @ x)[None, :]", "(dy @ x)[..., None]", "sum(dy[:, None] * x, 0, keepdims=True)"]
)
def test_axes_of_length_1_are_passed_over_with_a_note(text: str) -> None:
    judgement = sn.check_gradient(LINE, "w", text)
    assert judgement.proved and judgement.notes == (
        "the gradient has 2 axes, w has 1: axes of length 1 are passed over",
    )
    assert sn.check_gradient(LINE, "w", "dy @ x").notes == ()


def test_axes_of_length_1_are_no_axes_of_another_place() -> None:
    u = sn.input("u", (N, 1))
    assert sn.check_gradient(sn.tanh(u, name="y"), "u", "dy * (1 - y**2)").proved
    assert sn.check_gradient(sn.tanh(u, name="y"), "u", "(dy * (1 - y**2)).T").word == "wrong"


@pytest.mark.parametrize("text", ["s * (ds - sum(ds * s, 0)[None, :])", "s * (ds - sum(ds * s, 1)[None, :])"])
def test_a_mended_line_has_the_shape_of_the_gradient(text: str) -> None:
    (d,) = sn.check_gradient(sn.softmax(x, name="s"), "x", text).diagnosis
    mended = sn.check_gradient(sn.softmax(x, name="s"), "x", d.mended)
    assert d.kind == "axis" and mended.proved and not mended.notes


# -- where a formula has a value ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("dy @ x + 0 * log(w)", "w[i] > 0"), ("v = log(w)\ndy @ x + v - v", "w[i] > 0"),
        ("dy @ x + 0 * sum(1 / w)", "w[i] != 0"), ("dy @ x + zeros((D,)) * sqrt(w)", "w[i] > 0"),
        ("dy @ x + x[100] - x[100]", "N >= 101"), ("dy @ x + 0 * x[-3, 1]", "N >= 3"),
        ("grad[i] = sum_n(dy[n] * x[n, i]) + 0 * log(w[i])", "w[i] > 0"),
        (sn.latex(r"\sum_n dy_n x_{ni} + 0 \log w_i"), "w[i] > 0"),
        (sn.latex(r"\sum_n dy_n x_{ni} + x_{5,i} - x_{5,i}"), "N >= 6"),
    ],
)  # fmt: skip
def test_what_cancels_is_asked_for_all_the_same(text: Any, asked: str) -> None:
    judgement = sn.check_gradient(LINE, "w", text)
    assert judgement.proved and asked in judgement.conditions


@pytest.mark.parametrize("text", ["dy @ x + 0 * log(1 + w * w)", "dy @ x + x[N - 1] - x[N - 1]", "dy @ x + 0 * x[-1]"])
def test_what_has_a_value_everywhere_asks_for_nothing(text: str) -> None:
    assert sn.check_gradient(LINE, "w", text).conditions == ()


@pytest.mark.parametrize("lost", ["log(-exp(w)) * 0", "log(-exp(w)) - log(-exp(w))", "0 * log(-w * w)"])
def test_what_has_a_value_nowhere_is_not_right(lost: str) -> None:
    judgement = sn.check_gradient(LINE, "w", f"dy @ x + {lost}")
    assert judgement.verdict == "cannot tell" and "no point was found at which yours has a value" in judgement.reason
    assert "> 0" in judgement.reason


def test_positions_outside_an_axis_are_named() -> None:
    judgement = sn.check_gradient(LINE, "w", "x.T @ dy + 0 * x[N]")
    assert judgement.word == "wrong" and "position N is outside axis 0 of x, which has the size N" in judgement.reason
    there = sn.check_gradient(LINE, "w", "dy @ x + x[100]").seen
    assert there is not None and there.sizes["N"] == 101


@pytest.mark.filterwarnings("error")
def test_nothing_warns() -> None:
    assert sn.check_gradient(NORM, "gamma", "N * mean(dy * (x - mu) / mu, axis=0)").word == "wrong"
    assert sn.check_gradient(NORM, "x", "dy / (x - x)").word != "right"


# -- code ------------------------------------------------------------------------------------------------------------


def test_a_loop_that_writes_over_what_it_must_add_to() -> None:
    E, k = sn.parameter("E", (C, D)), sn.labels("k", (N,), C)
    n, j = sn.indices("n j")
    picked = sn.define("z", (n, j), E[k[n], j])

    def kept(E: Any, k: Any, dy: Any) -> Any:
        out = np.zeros_like(E)
        out[k] = dy
        return out

    def last(x: Any, delta1: Any) -> Any:
        for n in range(len(x)):
            out = np.outer(delta1[n], x[n])
        return out

    for judgement in (sn.check_gradient(picked, "E", kept), sn.check_gradient(NET, "W1", last)):
        assert [d.kind for d in judgement.diagnosis] == ["overwrite"]


def test_values_that_are_given_are_compared_too() -> None:
    def capped(x: Any, delta1: Any) -> Any:
        return delta1.T @ np.minimum(x, 50.0)

    assert sn.check_gradient(NET, "W1", capped).word == "right"  # nothing generic reaches 50
    at = {"x": np.full((3, 2), 60.0), "W1": np.zeros((4, 2)), "t": np.array([0, 1, 2])}
    assert sn.check_gradient(NET, "W1", capped, at=at).word == "wrong"


# -- sets that hide a fault --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forward", "wrt", "candidate", "hidden"),
    [
        (NET, "W2", "(p - onehot(t)).T @ h1", "N = 1"),
        (NORM, "x", "gamma / sigma * (dy - xhat * mean(dy * xhat, axis=0))", "sums to 0"),
    ],
)
def test_a_set_on_which_a_wrong_gradient_is_right_is_named(
    forward: Any, wrt: str, candidate: str, hidden: str
) -> None:  # fmt: skip
    judgement = sn.check_gradient(forward, wrt, candidate)
    assert judgement.word == "wrong" and any(hidden in note for note in judgement.notes), judgement.notes


# -- without the answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hint", HINTS)
def test_the_answer_is_hidden_wherever_a_judgement_shows_itself(hint: str) -> None:
    judgement = sn.check_gradient(NORM, "x", "gamma / sigma * dy").without_answer(hint)
    assert judgement.word == "wrong" and not judgement
    shown = " ".join((str(judgement), judgement.text(), judgement.html(), json.dumps(judgement.record())))
    assert "sum(dy * xhat" not in shown and "derivations/" not in shown and "expected" not in str(judgement)
    assert judgement.record()["seen"] is None or judgement.record()["seen"]["expected"] == ""
    assert ("kind of fault" in shown) == (hint == "kind")
    assert bool(judgement.diagnosis) == (hint in ("kind", "diagnosis"))
    assert (judgement.seen is None) == (hint == "verdict")


def test_right_ones_stay_right_and_hints_are_checked() -> None:
    right = sn.check_gradients(NET, {"W2": "(p - onehot(t)).T @ h1 / N"})
    assert right.without_answer("verdict") and "delta2.T" not in str(right.without_answer("verdict"))
    with pytest.raises(sn.DefinitionError, match="verdict, place, kind, diagnosis"):
        right["W2"].without_answer("nothing")


# -- pages -------------------------------------------------------------------------------------------------------------


def test_a_wrong_one_is_sent_to_the_page_that_derives_it() -> None:
    judgement = sn.check_gradient(NORM, "x", "gamma / sigma * dy")
    assert "derivations/d01_batch_norm.py" in str(judgement)
    assert "A4" in sn.check_gradient(NET, "a2", "p - onehot(t)").page
    assert "A7" in sn.check_gradient(NET, "W1", "2 * delta1.T @ x").page


def test_every_page_is_there_under_its_title() -> None:
    folder = Path(__file__).resolve().parent.parent / "derivations"
    for row, (stem, title) in PAGES.items():
        text = (folder / f"{stem}.py").read_text(encoding="utf-8")
        assert f'"{row}"' in text and title in text


# -- changes of a text -------------------------------------------------------------------------------------------------

KNOWN = Known({"a": (2, 3), "b": (3, 2), "v": (3,), "g": (2, 3)}, frozenset(("g",)), ("t",), ("N", "M"), ("lam", "eps"),
              ("tanh", "exp"), frozenset((("a", "g"),)))  # fmt: skip
TEXTS = (
    "a @ b + N * v", "-(a - b.T) ** 2 / (N - 1)", "sum(a * (1 - a), axis=0) / sqrt(v + eps)", "where(a > 0, a, exp(v))",
    "d = a * (v)\n(d @ b).T", "sum_n(a[n, i] * v[n]) / N", "out[i, j] = sum_k(a[i, k] * b[k, j])",
    "tanh'(a) * ((a + b.T))", "outer(v, v) - a.sum(axis=1)[:, None] * onehot(t)", "a * b.T * (1 - a) * (1 - a) / v / N",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_every_change_is_a_formula_again(text: str) -> None:
    found = changes(parse(text), text, KNOWN)
    assert all(found)
    for several in (c for stage in found for c in stage):
        made = changed(text, several)
        parse(made)
        assert made != text and len({c.kind for c in several}) == 1


def test_changes_keep_the_order_of_operations() -> None:
    def texts(text: str) -> set[str]:
        return {changed(text, c) for stage in changes(parse(text), text, KNOWN) for c in stage}

    assert "(a + b) * v" in texts("(a - b) * v") and "a * (a + b.T)" not in texts("a * a")
    assert "a / (N - 1)" in texts("a / N") and "(a + v) ** 2" in texts("(a + v) ** 3")
    assert {"2 * a + v", "2 * (a + v)", "a + v ** 2", "(a + v) ** 2"} <= texts("a + v")
    assert {"(a - v) * b", "a * b"} <= texts("(a + v) * b") and "a - v * b" not in texts("(a + v) * b")
