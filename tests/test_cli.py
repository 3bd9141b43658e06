"""The command line: quick help, four commands, clear errors, whole files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symnn.cli import main
from symnn.examples import EXAMPLES

HEAVY = "{'sympy', 'numpy', 'networkx', 'sklearn', 'scipy', 'mpmath'}"

NET = """
import symnn as sn
N, D, C = sn.dims("N D C")
x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(x, C, name="1")), t))
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    seen = capsys.readouterr()
    return status, seen.out, seen.err


# -- help ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["--help"], [], ["derive", "--help"], ["paint", "digits"], ["train", "digits", "--epochs", "no"]]
)
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    program = (
        f"import sys\nfrom symnn.cli import main\ntry:\n    status = main({arguments!r})\n"
        f"except SystemExit as stop:\n    status = stop.code\n"
        f"loaded = {HEAVY} & set(sys.modules)\nassert not loaded, loaded\nprint('status', status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = 0 if "--help" in arguments else 2
    assert done.stdout.splitlines()[-1] == f"status {expected}"


def test_help_says_that_a_file_is_executed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["derive", "--help"], ["check", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "IS EXECUTED" in " ".join(capsys.readouterr().out.split())


def test_help_lists_every_example(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys)
    for example in EXAMPLES.values():
        assert example.name in out and example.summary in out
    assert max(map(len, out.splitlines())) <= 110


# -- derive --------------------------------------------------------------------------------------------------------


def test_derive_brief(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "derive", "digits", "--format", "brief")
    assert status == 0
    assert out.splitlines()[1:] == [
        "  dW1    = delta1.T @ x",
        "  db1    = sum(delta1, 0)",
        "  dW2    = delta2.T @ h1",
        "  db2    = sum(delta2, 0)",
        "  dW3    = delta3.T @ h2",
        "  db3    = sum(delta3, 0)",
        "where",
        "  delta3 = (p - onehot(t)) / N",
        "  delta2 = (delta3 @ W3) * (a2 > 0)",
        "  delta1 = (delta2 @ W2) * (a1 > 0)",
    ]


def test_derive_text_proves_its_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run(capsys, "derive", "softmax-regression", "--wrt", "W1")
    assert status == 0 and "quotient rule" in out and "proved" in out and "dW1 = delta1.T @ x" in out
    assert max(map(len, out.splitlines())) <= 80
    _, unproved, _ = run(capsys, "derive", "softmax-regression", "--wrt", "W1", "--no-check")
    assert "quotient rule" in unproved and "proved" not in unproved


@pytest.mark.parametrize(
    ("kind", "begins"), [("latex", r"\documentclass"), ("html", "<!DOCTYPE html>"), ("markdown", "# ")]
)
def test_derive_into_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, begins: str) -> None:
    out = tmp_path / "pages" / "page"
    status, printed, told = run(capsys, "derive", "softmax-regression", "--format", kind, "--out", str(out))
    assert status == 0 and printed == "" and told == f"wrote {out}\n"
    assert out.read_text(encoding="utf-8").startswith(begins)
    assert [f.name for f in out.parent.iterdir()] == ["page"]


def test_derive_by_an_input_and_an_inner_tensor(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "derive", "digits", "--wrt", "x, h1", "--format", "brief")
    assert status == 0 and "dx     = delta1 @ W1" in out and "dh1    = delta2 @ W2" in out


# -- draw ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "dot"])
def test_draw(capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"net.{suffix}"
    status, _, told = run(capsys, "draw", "one-example", "--backward", "--out", str(out))
    assert status == 0 and told == f"wrote {out}\n" and out.stat().st_size > 500


def test_draw_names_its_file_after_the_example(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "draw", "bilinear")[2] == "wrote bilinear.svg\n"
    assert (tmp_path / "bilinear.svg").read_text().lstrip().startswith("<")


# -- check ---------------------------------------------------------------------------------------------------------


def test_check_prints_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run(capsys, "check", "softmax-regression")
    assert status == 0
    assert out.splitlines()[0] == "softmax regression: 2 right"
    rows = [line.split() for line in out.splitlines() if line.strip().startswith(("W1", "b1"))]
    assert [(row[0], row[-1]) for row in rows] == [("W1", "right"), ("b1", "right")]
    assert max(map(len, out.splitlines())) <= 80


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "check", "softmax-regression", "--json")
    rows = json.loads(out)
    assert status == 0 and [r["parameter"] for r in rows] == ["W1", "b1"]
    for row in rows:
        assert row["proved"] == row["lines"] > 0 and row["verdict"] == "right"
        assert row["evaluated"] < 1e-25 and row["differenced"] < 1e-7


def test_check_fails_where_a_gradient_does_not_hold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from symnn.derivation import Derivation
    from symnn.verify.record import Check

    monkeypatch.setattr(Derivation, "difference", lambda self, **_: Check("refuted", "by hand", 1.0, 1))
    status, out, _ = run(capsys, "check", "softmax-regression")
    assert status == 1 and "2 wrong" in out and "by hand" in out
    monkeypatch.setattr(Derivation, "difference", lambda self, **_: Check("not run", "by hand"))
    status, out, _ = run(capsys, "check", "softmax-regression", "--wrt", "b1")
    assert status == 1 and "cannot tell" in out and "not run" in out


# -- train ---------------------------------------------------------------------------------------------------------


def test_train_on_digits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "params.npz"
    status, printed, told = run(capsys, "train", "digits", "--epochs", "8", "--seed", "1", "--out", str(out))
    assert status == 0 and f"wrote {out}" in told
    accuracy = next(float(line.split()[1]) for line in printed.splitlines() if line.startswith("accuracy"))
    assert accuracy > 0.9
    net = EXAMPLES["digits"].build()
    assert {k: v.shape for k, v in net.load(out).items()}["W1"] == (32, 64)
    again = tmp_path / "again.npz"
    run(capsys, "train", "digits", "--epochs", "8", "--seed", "1", "--out", str(again))
    other = EXAMPLES["digits"].build().load(again)
    assert all(np.array_equal(v, other[k]) for k, v in net.values.items())


def test_train_takes_other_sizes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "params.npz"
    assert run(capsys, "train", "digits", "--epochs", "1", "--sizes", "H1=5,H2=4", "--out", str(out))[0] == 0
    assert EXAMPLES["digits"].build().load(out)["W2"].shape == (4, 5)


@pytest.mark.parametrize("name", ["autoencoder", "one-example", "bilinear", "regression"])
def test_train_says_what_does_not_fit(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, out, err = run(capsys, "train", name)
    assert status == 2 and out == ""
    assert "does not fit" in err and "(N, 64)" in err and "it takes x (" in err


def test_train_says_which_size_is_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NET.replace("net =", "x = sn.tanh(sn.dense(x, sn.dims('H'), name='0'))\nnet ="))
    status, _, err = run(capsys, "train", str(path))
    assert status == 2 and "'W0' has shape (H, D): give H" in err


def test_train_that_diverges_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "train", "digits", "--rate", "1e200", "--epochs", "2")
    assert status == 2 and "Lower the learning rate" in err


# -- names, files, errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["derive", "digit"], "Did you mean 'digits'?"),
        (["check", "softmax"], "Did you mean 'softmax-regression'?"),
        (["derive", "digits", "--wrt", "W4"], "There is no tensor named 'W4'. Did you mean 'W3'?"),
        (["derive", "digits", "--wrt", "t"], "'t' holds labels"),
        (["draw", "digits", "--out", "x.gif"], "the suffix must be one of"),
        (["derive", "nowhere.py"], "no file named 'nowhere.py'"),
        (["train", "digits", "--rate", "-1", "--epochs", "1"], "learning rate must be positive"),
        (["train", "digits", "--sizes", "Q=3"], "There is no size named 'Q'"),
        (["draw", "digits", "--out", "."], "cannot be saved as '.': the suffix must be one of"),
        (["derive", "digits", "--wrt", "w1"], "Did you mean 'W1'?"),
        (["derive", "/"], "/ is a folder. Give a Python file"),
    ],
)
def test_errors_are_one_sentence_without_a_traceback(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    status, out, err = run(capsys, *arguments)
    assert status == 2 and out == ""
    assert err.startswith("symnn: ") and says in err and "Traceback" not in err


def test_a_file_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    out = tmp_path / "taken" / "x.md"
    status, _, err = run(capsys, "derive", "bilinear", "--format", "markdown", "--out", str(out))
    assert status == 2 and err.startswith("symnn: ") and "taken" in err


def test_a_file_that_is_missing_lists_no_other_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "derive", "nowhere.py")[2] == "symnn: There is no file named 'nowhere.py'.\n"


@pytest.mark.parametrize("seed", ["-1", "1.5", "a"])
def test_a_seed_is_a_whole_number(capsys: pytest.CaptureFixture[str], seed: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "digits", "--seed", seed])
    assert stop.value.code == 2 and "expected a whole number from 0 on" in capsys.readouterr().err


def test_the_demo_trains_at_least_once(capsys: pytest.CaptureFixture[str]) -> None:
    from symnn.demo import main as demo

    with pytest.raises(SystemExit):
        demo(["--seeds", "0"])
    assert "expected a whole number from 1 on" in capsys.readouterr().err


def test_the_demos_page_says_what_its_report_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from symnn import demo

    monkeypatch.setattr(demo, "EPOCHS", 1)
    report = demo.run(tmp_path, seeds=(0, 1))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    a, b = report["test_accuracy"]
    assert report["median_test_accuracy"] == pytest.approx((a + b) / 2)
    assert f"median {(a + b) / 2:.3f}, from {min(a, b):.3f}" in page
    checked = page.split("<h2>Checked</h2>")[1].split("<h2>")[0].split("</table>")[0]
    assert "delta1" not in checked and "compiled" in checked and checked.count('"scroll"') == 1
    json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sizes", ["3", "[4]", "{1: 2}"])
def test_sizes_of_a_file_that_are_no_names_and_numbers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sizes: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"{NET}\nsizes = {sizes}\n")
    status, _, err = run(capsys, "train", str(path))
    assert status == 2 and f"defines sizes as {sizes}" in err


@pytest.mark.parametrize("form", ["text", "brief", "latex", "html", "markdown"])
def test_a_terminal_without_greek_letters_gets_their_names(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symnn.cli", "derive", "softmax-regression", "--wrt", "W1", "--format", form],
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "90"},
    )  # fmt: skip
    out = done.stdout.decode("ascii")
    assert done.returncode == 0 and not done.stderr, done.stderr
    if form == "text":
        assert "dW1[i,j] = sum_n delta1[n,i]*x[n,j]" in out and max(map(len, out.splitlines())) <= 90
    if form == "html":
        assert "&#8711;" in out or "&#948;" in out


def test_a_file_of_ones_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NET)
    status, out, _ = run(capsys, "derive", str(path), "--format", "brief")
    assert status == 0 and "dW1    = delta1.T @ x" in out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 3\n", "defines no net. End it with net = symnn.Network(loss)."),
        ("net = 3\n", "defines net as a int"),
        ("import symnn\n\nnet = undefined\n", "line 3: NameError: name 'undefined' is not defined"),
        ("net = (\n", "line 1: SyntaxError"),
        ("import symnn as sn\nsn.input('x', (0,))\n", "A size must be a positive integer"),
    ],
)
def test_a_file_that_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    status, out, err = run(capsys, "check", str(path))
    assert status == 2 and out == "" and says in err and "Traceback" not in err


def test_the_installed_command_and_a_closed_pipe() -> None:
    command = Path(sys.executable).with_name("symnn")
    if not command.exists():
        pytest.skip("the console script is not installed beside this interpreter")
    pipe = f"'{command}' derive digits --format html | head -c 100"
    reader = subprocess.Popen(pipe, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = reader.communicate(timeout=60)
    assert out.startswith(b"<!DOCTYPE html>") and err == b""


def test_public_names_load_when_asked_for() -> None:
    program = (
        "import sys, symnn\nassert 'sympy' not in sys.modules\nassert symnn.__version__\n"
        "from symnn import *\nassert Network and dims('N') and 'sympy' in sys.modules\n"
        "assert set(symnn.__all__) <= set(dir(symnn))\n"
        "try:\n    symnn.nothing\nexcept AttributeError as e:\n    print(e)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "module 'symnn' has no attribute 'nothing'"


def figures(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_depth_benchmark_writes_its_rows(tmp_path: Path) -> None:
    out = tmp_path / "depth.json"
    script = Path(__file__).parent.parent / "benchmarks" / "depth.py"
    options = ["--rounds", "1", "--depths", "2,4", "--jax-python", "/nowhere", "--json", str(out)]
    done = subprocess.run([sys.executable, str(script), *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = figures(out)["rows"]
    assert [r["L"] for r in rows] == [2, 4] and all(r["seconds"] > 0 and r["jax_seconds"] is None for r in rows)
    assert "JAX: not run" in done.stdout and "NOT RUN" in done.stdout
