"""A sample of the judge's benchmark: right gradients are called right, slips are called wrong and mostly told."""

from __future__ import annotations

import ast
import inspect
from collections import Counter

import numpy as np
import pytest

from benchmarks.gradients import all_cases, mutator, values
from benchmarks.gradients.asked import Answer, asked, explained, reads_latex
from benchmarks.gradients.mutator import mutants
from benchmarks.gradients.points import points
from benchmarks.gradients.prepare import Prepared, prepared, shown
from benchmarks.gradients.record import SLIPS, Case, Tex, Wrong, guise_of
from benchmarks.gradients.values import Undefined, value

CASES = all_cases()
#: Every so many candidates are judged here, others with another offset for each case.
EVERY = 45


@pytest.fixture(scope="module")
def plans() -> list[Prepared]:
    return [prepared(case, most=18, differences=n % 8 == 0) for n, case in enumerate(CASES)]


# -- the corpus --------------------------------------------------------------------------------------------------------


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 40 and len({c.name for c in CASES}) == len(CASES)
    guises = Counter(guise_of(r.candidate) for c in CASES for r in c.rights)
    assert sum(guises.values()) >= 300
    kinds = ("matrices", "indices", "einsum", "several lines", "SymPy", "NumPy", "NumPy loops", "LaTeX")
    assert all(guises[g] >= 10 for g in kinds)
    for c in CASES:
        texts = [r.candidate for r in c.rights if isinstance(r.candidate, str)]
        assert len({(r.wrt, r.candidate) for r in c.rights}) == len(c.rights), c.name
        assert all(isinstance(c.reference(wrt), str) for wrt in c.asked) and len(texts) >= len(c.asked)


def test_every_kind_has_enough_slips(plans: list[Prepared]) -> None:
    count = Counter(w.slip for plan in plans for w in plan.wrongs)
    assert sum(count.values()) >= 1000
    assert {slip: n for slip, n in count.items() if n < 8} == {} and set(count) == set(SLIPS)
    # All are made by hand or by a mutator that shares no code with the diagnoser; by hand there are hundreds.
    assert sum(w.maker == "hand" for plan in plans for w in plan.wrongs) >= 400
    assert [fault for plan in plans for fault in plan.faults] == []


def test_the_mutator_and_its_evaluator_share_no_code_with_the_judge() -> None:
    for module in (mutator, values):
        tree = ast.parse(inspect.getsource(module))
        names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        assert not [n for n in names if n.startswith("symnn")]
        calls = [n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        assert not {"eval", "exec", "compile", "__import__"} & set(calls)


def test_a_wrong_reference_is_found_by_differences() -> None:
    case = next(c for c in CASES if c.name.startswith("tanh network"))
    broken = Case(case.name, case.build, inner=case.inner)
    broken.right("W2", "2 * (y - a2).T @ h1 / (N * C)", "delta2.T @ h1")
    faults = prepared(broken, most=0).faults
    assert any("differences" in f for f in faults) and any("guise" in f for f in faults)


# -- values and mutants ------------------------------------------------------------------------------------------------


def test_values_of_formulas_are_numpy_s() -> None:
    rng = np.random.default_rng(0)
    x, W, w, t = rng.normal(size=(3, 4)), rng.normal(size=(2, 4)), rng.normal(size=2), np.array([1, 0, 1])
    names = {"x": x, "W": W, "t": t, "N": 3, "w": w}
    ahead = np.append(x[0, 1:], 0)
    for text, expected in {
        "x @ W.T / N": x @ W.T / 3,
        "y = x @ W.T\ny.sum(axis=1, keepdims=True)": (x @ W.T).sum(1, keepdims=True),
        "a[n, i] = sum_j(x[n, j] * W[i, j])": x @ W.T,
        "sum_n(x[n, j])": x.sum(0),
        "mean_n(x[n, j] * x[n, k])": x.T @ x / 3,
        "onehot(t).T @ x": np.eye(2)[t].T @ x,
        "d[c, j] = sum_n((t[n] == c) * x[n, j])": np.eye(2)[t].T @ x,
        "einsum('nj,ij->ni', x, W)": x @ W.T,
        "relu'(x) * (x >= 0)": (x > 0) * 1.0,
        "W[t]": W[t],
        "s[j] = sum_k((j + k < 4) * x[0, j + k] * w[k])": x[0] * w[0] + ahead * w[1],
    }.items():  # fmt: skip
        found = value(text, names, {"t": 2}, np.shape(expected))
        assert np.shape(found) == np.shape(expected) and np.allclose(found, expected), text
    for text in ("x @ W", "nothing(x)", "x + missing", "import os", "x.__class__"):
        with pytest.raises(Undefined):
            value(text, names, {"t": 2})


def test_mutants_are_named_and_the_same_again() -> None:
    case = next(c for c in CASES if c.name.startswith("relu network"))
    point = next(points(case))
    text = case.reference("W1")
    found = mutants(text, point.names, point.classes, "W1")
    assert found == mutants(text, point.names, point.classes, "W1")
    assert len({m.text for m in found}) == len(found) and text not in {m.text for m in found}
    made = {m.text: m for m in found}
    assert made["((p - onehot(t)) @ W2 * (a1 > 0)).T @ x"].slip == "mean"
    assert made["((p - onehot(t)) @ W2 * (h1 > 0)).T @ x / N"].slip == "at output"
    slips = {m.slip for m in found}
    assert {"sign", "constant", "mean", "transpose", "layout", "onehot", "mask", "N-1", "at output"} <= slips


def test_a_diagnosis_must_name_the_slip() -> None:
    slip = Wrong("constant", "w", "2 * w", ("2 times",), SLIPS["constant"])

    def told(*diagnosis: tuple[str, str], word: str = "wrong") -> bool:
        return explained(slip, Answer(word, word, diagnosis, 0.0))

    assert told(("factor", "yours is 2 times the true gradient"))
    assert not told(("factor", "yours is 3 times the true gradient"))
    assert not told(("sign", "yours is 2 times the true gradient"))
    assert not told(("factor", "yours is 2 times the true gradient"), ("sign", "and minus it"))
    assert not told() and not told(("factor", "yours is 2 times the true gradient"), word="right")


# -- the judge ---------------------------------------------------------------------------------------------------------


def test_right_gradients_are_called_right(plans: list[Prepared]) -> None:
    failed = []
    for n, (case, plan) in enumerate(zip(CASES, plans, strict=True)):
        for r in [*case.rights, *plan.equivalent][n % EVERY :: EVERY]:
            if not isinstance(r.candidate, Tex) or reads_latex():
                answer = asked(case, r.wrt, r.candidate)
                if answer.word != "right" or answer.renamed or answer.warned:
                    failed.append((case.name, r.wrt, shown(r.candidate), answer))
    assert failed == []


@pytest.mark.slow
def test_slips_are_called_wrong_and_mostly_told(plans: list[Prepared]) -> None:
    missed, told, count = [], 0, 0
    for n, (case, plan) in enumerate(zip(CASES, plans, strict=True)):
        for w in plan.wrongs[n % EVERY :: EVERY]:
            if not isinstance(w.candidate, Tex) or reads_latex():
                answer = asked(case, w.wrt, w.candidate)
                count, told = count + 1, told + explained(w, answer)
                if answer.word != "wrong" or answer.renamed or answer.warned:
                    missed.append((case.name, w.wrt, w.slip, shown(w.candidate), answer))
    assert missed == []
    assert told >= 0.85 * count, f"{told} of {count}"
