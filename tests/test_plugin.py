"""The pytest plugin, as a project that installs symnn sees it: a fixture, an assertion, a test for each parameter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import symnn as sn
from symnn.testing import GradientError

FILE = """
import numpy as np
import symnn as sn

N, D, C = sn.dims("N D C")
x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(x, C, name="1")), t))
mine = {"W1": "((p - onehot(t)) / N).T @ x", "b1": "sum(p - onehot(t), 0) / N"}


def test_fixture(assert_gradient):
    assert_gradient(net, "W1", mine["W1"], proved=True)


@sn.each_gradient(net)
def test_each(wrt):
    sn.assert_gradient(net, wrt, mine[wrt])


def test_wrong(assert_gradient):
    assert_gradient(net, "W1", "(p - onehot(t)).T @ x")


def test_not_judged(assert_gradient):
    assert_gradient(net, "W1", "((p - onehot(t)) / N).T @ ")


def code(x, p, t, N):
    d = p.copy()
    d[np.arange(N), t] -= 1
    return (d / N).T @ x


def test_values_are_no_proof(assert_gradient):
    assert_gradient(net, "W1", code)
    assert_gradient(net, "W1", code, proved=True)


def test_several():
    sn.assert_gradients(net, {"W1": mine["W1"], "b1": "-" + mine["b1"]})
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("project")
    (folder / "test_mine.py").write_text(FILE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist", str(folder)],
        capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_right_gradients_pass(report: str) -> None:
    passed = [line for line in report.splitlines() if line.startswith("PASSED")]
    assert sorted(p.split("::")[1] for p in passed) == ["test_each[W1]", "test_each[b1]", "test_fixture"]
    assert "4 failed, 3 passed" in report


def test_failures_say_what_is_wrong(report: str) -> None:
    assert "yours is N times the true gradient: the forward takes a mean over N" in report
    assert "cannot tell" in report and "the formula ends here" in report
    assert "not proved for all sizes, as proved=True asks" in report
    assert "the sign is wrong" in report and "1 right, 1 wrong" in report
    # the frames of the judge itself are hidden
    assert "__tracebackhide__" not in report and "symnn/testing.py" not in report.replace("\\", "/")


def test_the_plugin_loads_nothing_heavy() -> None:
    program = (
        "import sys, symnn.pytest_plugin, symnn.testing\n"
        "found = {'sympy', 'numpy', 'networkx', 'scipy'} & set(sys.modules)\nassert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_assertion_carries_its_judgement() -> None:
    n, d = sn.dims("N D")
    x = sn.input("x", (n, d))
    layer = sn.tanh(x, name="h")
    assert sn.assert_gradient(layer, "x", "dh * (1 - h**2)").proved
    with pytest.raises(GradientError) as caught:
        sn.assert_gradient(layer, "x", "dh * (1 + h**2)")
    assert caught.value.judgement.verdict == "wrong"
    assert isinstance(caught.value, AssertionError)


def test_installed_under_its_name() -> None:
    from importlib.metadata import entry_points

    assert any(e.value == "symnn.pytest_plugin" for e in entry_points(group="pytest11"))
    assert Path(sys.modules["symnn"].__file__ or "").exists()
