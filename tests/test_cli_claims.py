"""Formulas and claims on the command line: what is read, what is shown, and which exit status says so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symnn.cli import main
from symnn.commands.claims import claims_of
from symnn.commands.claims import judged as judgements

REGRESSION = "mean((X @ w - y)**2)"
RIGHT, WRONG = "2 * X.T @ (X @ w - y) / N", "X.T @ (X @ w - y) / N"

NET = """
import numpy as np
import symnn as sn
N, D, C = sn.dims("N D C")
x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
net = sn.Network(sn.cross_entropy(sn.softmax(sn.dense(x, C, name="1")), t))
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    seen = capsys.readouterr()
    return status, seen.out, seen.err


def words(text: str) -> str:
    return " ".join(text.split())


# -- derive: a formula in place of a network ---------------------------------------------------------------------------


def program(out: str, *arrays: Any) -> dict[str, Any]:
    """Return what the printed program computes."""
    source = out[out.index("NumPy") :].split("\n")
    start = next(n for n, line in enumerate(source) if line.lstrip().startswith("def "))
    indent = len(source[start]) - len(source[start].lstrip())
    names: dict[str, Any] = {}
    exec("\n".join(line[indent:] for line in source[start:]), names)
    function = next(v for k, v in names.items() if callable(v) and not k.startswith("__"))
    return dict(function(np, *arrays))


def test_derive_finds_shapes_and_prints_a_program_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "derive", REGRESSION)
    assert status == 0 and "Shapes found from the formula: X (N, D), w (D,), y (N,)." in words(out)
    assert "dw = 2 * X.T @ (X @ w - y) / N" in out and "proved" in out
    rng = np.random.default_rng(0)
    X, w, y = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=3)
    found = program(out, X, w, y)
    np.testing.assert_allclose(found["loss"], ((X @ w - y) ** 2).mean())
    np.testing.assert_allclose(found["dw"], 2 * X.T @ (X @ w - y) / 3)


@pytest.mark.parametrize(
    ("formula", "found", "gradients"),
    [
        ("mean((relu(X @ W + b) @ v - y)**2)", "X (N, D), W (D, H), b (H,), v (H,), y (N,)", "dW db dv"),
        ("cross_entropy(softmax(X @ W), t)", "X (N, D), W (D, C), t (N,)", "dW"),
        ("nll(log_softmax(x @ W + b), t) + lam*sum(W**2)", "x (N, D), W (D, C), b (C,), t (N,)", "dW db"),
        ("z = tanh(X @ W1)\nmean((z @ W2 - Y)**2)", "X (N, D), W1 (D, K), W2 (K, H), Y (N, H)", "dW1 dW2"),
        ("sum((A @ x - c)**2)", "A (H, D), x (D,), c (H,)", "dA dc"),
        ("-sum(onehot(t) * log_softmax(X @ W)) / N", "t (N,), X (N, D), W (D, C)", "dW"),
    ],
)
def test_derive_infers_roles_and_shapes(
    capsys: pytest.CaptureFixture[str], formula: str, found: str, gradients: str
) -> None:
    status, out, _ = run(capsys, "derive", formula, "--no-check")
    assert status == 0
    named = re.search(r"Shapes found from the formula: (.*?)\. Give others", words(out))
    assert named is not None and sorted(re.findall(r"\w+ \(.*?\)", named.group(1))) == sorted(
        re.findall(r"\w+ \(.*?\)", found)
    )
    assert set(re.findall(r"'(d\w+)': ", out)) == set(gradients.split())


def test_derive_takes_shapes_names_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "derive", REGRESSION, "--shape", "X=batch,features", "--wrt", "w,X")
    assert status == 0 and "any sizes batch, features" in out and "Shapes found from the formula: w (features,)" in out
    assert "dX = 2 * outer(X @ w - y, w) / batch" in out
    status, out, _ = run(capsys, "derive", REGRESSION, "--shape", "X=8,3", "--format", "brief")
    assert status == 0 and "dw = X.T @ (X @ w - y) / 4" in out
    status, out, _ = run(capsys, "derive", "cross_entropy(softmax(X @ W), t)", "--shape", "t=N|K", "--no-check")
    assert status == 0 and "W (D, K)" in out
    status, out, _ = run(capsys, "derive", "lam*sum(w**2)", "--value", "lam=0.25", "--no-check")
    assert status == 0 and "lam = 0.25" in out and "Written for" not in out
    assert "Written for lam = 0.1. Give other values" in words(run(capsys, "derive", "lam*sum(w**2)", "--no-check")[1])


def test_derive_of_a_layer_names_the_gradient_that_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "derive", "y = tanh(X @ W + b)", "--wrt", "W", "--no-check")
    assert status == 0 and "is the gradient that arrives at the output" in out
    status, out, _ = run(capsys, "derive", "tanh(X @ W + b)", "--format", "brief")
    assert status == 0 and "dW     = X.T @ delta1" in out and "delta1 = dh1 * (1 - h1**2)" in out


@pytest.mark.parametrize(
    ("kind", "begins"), [("latex", r"\documentclass"), ("html", "<!DOCTYPE html>"), ("markdown", "# ")]
)
def test_derive_of_a_formula_into_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, begins: str
) -> None:
    out = tmp_path / "page"
    status, _, told = run(capsys, "derive", "sum(w**2)", "--format", kind, "--out", str(out), "--no-check")
    text = out.read_text(encoding="utf-8")
    assert status == 0 and told == f"wrote {out}\n" and text.startswith(begins) and "NumPy" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mean((X @ w - y)**2"], "column 20: expected ',' or ')' here, found the end."),
        (["x + "], "a number, a name or a bracket was expected; the formula ends here."),
        (["foo(W) + 1"], "'foo' is not a function symnn knows."),
        (["N * sum(w)"], "N looks like a size, and no axis is known to have it."),
        (["N * sum(w)"], "--shape X=N,D"),
        (["sum(X @ w) + sum(w @ X)", "--shape", "X=N,D", "--shape", "w=D"], "it sums over D on the left and over N"),
        ([REGRESSION, "--shape", "X=N,N", "--shape", "w=K"], "it sums over N on the left and over K on the right."),
        ([REGRESSION, "--shape", "w="], "@ takes vectors and matrices, found a number."),
        (["cross_entropy(softmax(X @ W), t)", "--shape", "t=N|C", "--shape", "W=D,K"], "labels with C classes"),
        (["sum(W[1:])"], "a forward formula takes whole axes or single entries of them, not parts."),
        (["g[n] = w[n]"], "a forward formula is written without index letters here."),
        (["2 + 3"], "has no parameter. Say by what to differentiate with --wrt NAMES."),
        (["x + z*q"], "has no parameter."),
        ([REGRESSION, "--wrt", "q"], "There is no name in the formula named 'q'. Known: 'X', 'w', 'y'."),
        ([REGRESSION, "--shape", "Z=N"], "There is no name in the formula named 'Z'."),
        ([REGRESSION, "--shape", "X"], "--shape 'X' is no shape. Write NAME=SIZES, X=N,D"),
        ([REGRESSION, "--shape", "X=0,D"], "The shape of 'X' holds '0'. Write sizes as names or numbers, X=N,D."),
        ([REGRESSION, "--shape", "X=N D"], "The shape of 'X' holds 'N D'."),
        ([REGRESSION, "--shape", "X=A,B,C,D,E,F,G"], "The shape of 'X' has 7 axes; up to 6 are read."),
        ([REGRESSION, "--value", "mu=0.5"], "There is no scalar or size named 'mu'."),
        (["digits", "--shape", "x=N,D"], "--shape goes with a formula, and 'digits' is none."),
    ],
)
def test_a_forward_that_cannot_be_read_says_why(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    status, out, err = run(capsys, "derive", *arguments)
    assert status == 2 and out == "" and err.startswith("symnn: ") and says in err and "Traceback" not in err


@pytest.mark.parametrize("value", ["lam", "lam=x", "lam="])
def test_a_value_is_a_name_and_a_number(capsys: pytest.CaptureFixture[str], value: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["derive", "lam*sum(w**2)", "--value", value, "--no-check"])
    assert stop.value.code == 2 and "expected NAME=NUMBER" in capsys.readouterr().err


# -- check: one gradient on the line -----------------------------------------------------------------------------------


def test_one_gradient_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("check", "--forward", REGRESSION, "--wrt", "w")
    status, out, _ = run(capsys, *asked, "--candidate", RIGHT)
    assert status == 0 and out.startswith("w   right (proved equal)\n")
    status, out, _ = run(capsys, *asked, "--latex", r"\frac{2}{N} X^\top (X w - y)")
    assert status == 0 and out.startswith("w   right (proved equal)\n")
    status, out, _ = run(capsys, *asked, "--candidate", WRONG)
    assert status == 1 and out.startswith("w   wrong\n") and "yours is 1/2 times the true gradient" in out
    status, out, _ = run(capsys, *asked, "--candidate", WRONG, "--json")
    (record,) = json.loads(out)
    assert status == 1 and record["verdict"] == "wrong" and "name" not in record
    status, out, _ = run(capsys, *asked, "--candidate", "X.T @ (X @ w - y")
    assert status == 1 and out.startswith("w   cannot tell\n") and "found the end" in out
    status, out, _ = run(capsys, *asked, "--candidate", "X.T @ (X @ w - y) / 4", "--shape", "X=8,3")
    assert status == 0 and "right (proved equal)" in out


def test_a_layer_is_judged_by_the_gradient_that_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("check", "--forward", "y = tanh(X @ w)", "--wrt", "w", "--candidate")
    assert run(capsys, *asked, "X.T @ (dy * (1 - tanh(X @ w)**2))")[0] == 0
    assert run(capsys, *asked, "X.T @ (dy * (1 - tanh(X @ w)))")[0] == 1


def test_a_gradient_counts_where_the_forward_is_defined(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", "--forward", "sum(log(x))", "--wrt", "x", "--candidate", "1/abs(x)")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "check needs a file or an example, or --forward, --wrt and --candidate."),
        (["digits", "--forward", "sum(x)"], "Give either a file or an example, or --forward, --wrt and --candidate"),
        (["--candidate", "x"], "check judges one gradient without a file: --forward FORMULA --wrt NAME --candidate"),
        (["--forward", REGRESSION, "--wrt", "w,X", "--candidate", "x"], "check judges one gradient without a file"),
        (["--forward", REGRESSION, "--wrt", "w"], "Give the gradient once, as --candidate FORMULA or as --latex"),
        (["--forward", REGRESSION, "--wrt", "w", "--candidate", "x", "--latex", "x"], "Give the gradient once"),
        (["--forward", "mean((X @ w", "--wrt", "w", "--candidate", "x"], "found the end"),
        (["--forward", REGRESSION, "--wrt", "q", "--candidate", "x"], "There is no name in the formula named 'q'."),
        (["--forward", REGRESSION, "--wrt", "w", "--candidate", "x", "--shape", "w"], "--shape 'w' is no shape."),
    ],
)
def test_what_is_asked_must_be_whole(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, out, err = run(capsys, "check", *arguments)
    assert status == 2 and out == "" and err.startswith("symnn: ") and says in words(err)


# -- check: claims in a file -------------------------------------------------------------------------------------------

RIGHT_CLAIMS = r"""
forward = "mean((relu(X @ W + b) @ v - y)**2)"

[claims]
v = "2 * relu(X @ W + b).T @ (relu(X @ W + b) @ v - y) / N"
b = "2 * sum((relu(X @ W + b) @ v - y)[:, None] * v * (X @ W + b > 0), axis=0) / N"

[[claim]]
name = "from the notes"
wrt = "v"
latex = '\frac{2}{N} h^\top (h v - y)'

[[claim]]
name = "another loss"
forward = "sum((A @ x - c)**2)"
shapes = { A = "K,D", c = "K" }
wrt = "x"
gradient = "2 * A.T @ (A @ x - c)"

[[claim]]
name = "an example"
example = "softmax-regression"
wrt = "W1"
gradient = "(p - onehot(t)).T @ x / N"
"""
WRONG_CLAIMS = """
forward = "mean((relu(X @ W + b) @ v - y)**2)"

[claims]
v = "2 * relu(X @ W + b).T @ (relu(X @ W + b) @ v - y) / N"
W = "2 * X.T @ ((relu(X @ W + b) @ v - y)[:, None] * v) / N"
b = "relu(X @ W + b"
"""
FIELDS = {
    "name", "subject", "verdict", "right", "reason", "true", "where", "yours", "diagnosis", "seen", "convention",
    "notes", "conditions", "worst", "bound", "points", "page",
}  # fmt: skip


def claims(folder: Path, text: str) -> str:
    path = folder / "claims.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_right_claims_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = claims(tmp_path, RIGHT_CLAIMS)
    status, out, err = run(capsys, "check", path)
    heads = [line for line in out.splitlines() if line[0] != " "]
    assert status == 0 and err == "" and heads.pop() == "5 right"
    assert [re.split(r"  +", h) for h in heads] == [
        [name, "right (proved equal)"] for name in ("v", "b", "from the notes", "another loss", "an example")
    ]
    status, out, _ = run(capsys, "check", path, "--wrt", "x,W1")
    assert status == 0 and out.splitlines()[-1] == "2 right"


def test_one_claim_that_is_not_right_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = claims(tmp_path, WRONG_CLAIMS)
    status, out, _ = run(capsys, "check", path)
    assert status == 1 and out.splitlines()[-1] == "1 right, 1 wrong, 1 cannot tell"
    assert "the factor 1[a1[n,j] > 0] is missing" in out and "found the end" in out
    assert run(capsys, "check", path, "--wrt", "v")[0] == 0
    assert run(capsys, "check", path, "--wrt", "v,W")[0] == 1 and run(capsys, "check", path, "--wrt", "b")[0] == 1
    status, out, err = run(capsys, "check", path, "--wrt", "v,q")
    assert status == 2 and out == "" and "There is no claim named 'q'. Known: 'v', 'W', 'b'." in err


def test_claims_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(capsys, "check", claims(tmp_path, WRONG_CLAIMS), "--json")
    found = {r["name"]: r for r in json.loads(out)}
    assert status == 1 and all(set(r) == FIELDS for r in found.values())
    assert {k: (r["verdict"], r["right"]) for k, r in found.items()} == {
        "v": ("proved equal", True), "W": ("wrong", False), "b": ("cannot tell", False),
    }  # fmt: skip
    (fault,) = found["W"]["diagnosis"]
    assert set(fault) == {"kind", "sentence", "where", "mended"} and fault["kind"] == "mask"
    assert set(found["W"]["seen"]) == {"sizes", "entries", "position", "expected", "got"}
    assert found["W"]["seen"]["sizes"]["N"] >= 1 and found["W"]["true"] and found["v"]["seen"] is None


def test_two_claims_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    one = '[[claim]]\nwrt = "x"\ngradient = "{}"\n'
    path = claims(tmp_path, 'forward = "sum(x**2)"\n' + one.format("2*x") + one.format("x"))
    status, out, _ = run(capsys, "check", path)
    assert status == 1 and re.search(r"^x \(1\) +right", out, re.M) and re.search(r"^x \(2\) +wrong", out, re.M)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('forward = "sum(x**2"\n[claims]\nx = "2*x"\n', "found the end"),
        ('forward = "sum(x**2)"\n[claims]\nx = "2*x"\ny = "3"\n', "There is no name in the formula named 'y'."),
        ('forward = "sum(x**2)"\nshapes = { z = "N" }\n[claims]\nx = "2*x"\n', "named 'z'"),
        ('forward = "N * sum(x)"\n[claims]\nx = "N"\n', "N looks like a size"),
        ('forward = "sum(x**2)"\n[claims]\nx = "2*q"\n', "There is no name named 'q'."),
        ('example = "digit"\n[claims]\nW1 = "x"\n', "Did you mean 'digits'?"),
    ],
)
def test_what_cannot_be_judged_is_not_right(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, says: str
) -> None:
    status, out, err = run(capsys, "check", claims(tmp_path, text))
    assert status == 1 and err == "" and "cannot tell" in out and says in words(out)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('forward = "x', "is no TOML: Unterminated string"),
        ("", 'holds no claim. Add [claims] with NAME = "formula of the gradient".'),
        ('forward = "sum(x**2)"\n[claims]\n', "holds no claim."),
        ('forwards = "sum(x)"\n[claims]\nx = "1"\n', "there is no key 'forwards'. Known: forward, shapes, example"),
        ('[claims]\nx = "2*x"\n', "claim 'x' needs a forward pass, forward = \"formula\", or example = \"NAME\""),
        ('example = "digits"\nforward = "sum(x)"\n[claims]\nx = "1"\n', "needs a forward pass"),
        ('forward = 3\n[claims]\nx = "2"\n', "claim 'x': forward must be a text, found 3."),
        ('forward = "sum(x)"\n[claims]\nx = 2\n', "the claim 'x' must be a formula as text, found 2."),
        ('forward = "sum(x)"\nclaims = "x"\n', "claims must be a table, [claims], found str."),
        ('forward = "sum(x)"\n[claim]\nwrt = "x"\n', "write each claim as [[claim]], with two brackets."),
        ('forward = "sum(x)"\n[[claim]]\ngradient = "1"\n', 'claim 1 does not say by what was differentiated. Add wrt'),
        ('forward = "sum(x)"\n[[claim]]\nwrt = "x"\n', "claim 1 needs the gradient"),
        ('forward = "sum(x)"\n[[claim]]\nwrt = "x"\ngradient = "1"\nlatex = "1"\n', "one of them."),
        ('forward = "sum(x)"\n[[claim]]\nwrt = "x"\ngradiant = "1"\n', "claim 1: there is no key 'gradiant'."),
        ('forward = "sum(x)"\nshapes = "N"\n[claims]\nx = "1"\n', "shapes must be names with sizes"),
        ('forward = "sum(x)"\nshapes = { x = [2] }\n[claims]\nx = "1"\n', 'with sizes, { X = "N,D" }, found'),
        ('forward = "sum(x)"\n[claims]\nx = { latex = "1", layout = "column" }\n', '"auto", "rows" or "columns"'),
    ],
)
def test_a_file_of_claims_that_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, says: str
) -> None:
    status, out, err = run(capsys, "check", claims(tmp_path, text))
    assert status == 2 and out == "" and err.startswith("symnn: ") and says in words(err) and "Traceback" not in err


def test_a_file_of_claims_that_cannot_be_opened(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.toml").mkdir()
    for name, says in (("bytes", "is no text in UTF-8."), ("folder", "directory"), ("none", "No such file")):
        status, out, err = run(capsys, "check", str(tmp_path / f"{name}.toml"))
        assert status == 2 and out == "" and err.startswith("symnn: ") and says in err


def test_shapes_of_the_file_are_for_the_names_that_a_forward_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = 'forward = "sum(X**2)"\nshapes = { X = "N,D" }\n[claims]\nX = "2 * X"\n'
    text += '[[claim]]\nforward = "sum(z**2)"\nwrt = "z"\ngradient = "2 * z"\n'
    assert run(capsys, "check", claims(tmp_path, text))[0] == 0


def test_a_file_of_claims_is_never_executed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = claims(tmp_path, 'forward = "sum(x**2)"\nclaims.x = "2*x"\n')
    for command in ("check", "derive", "draw", "train"):
        assert "NameError" not in run(capsys, command, path)[2]


# -- check: nothing of the answer --------------------------------------------------------------------------------------

HINTS = ("verdict", "place", "kind", "diagnosis")


def answers(record: dict[str, Any]) -> list[str]:
    """Return the texts that hold the true gradient: the formula, the names in it, and its value where it differs."""
    return [record["true"], *record["where"].values(), *(f["mended"] for f in record["diagnosis"] if f["mended"])]


FAULTS = """
forward = "mean((tanh(X @ w) - y)**2)"
[claims]
w = "2 * X.T @ (tanh(X @ w) - y) / N"
y = "y - tanh(X @ w)"
X = "2 * outer(w, (tanh(X @ w) - y) * (1 - tanh(X @ w)**2)) / N"
[[claim]]
name = "cut off"
wrt = "w"
gradient = "2 * X.T @ (tanh(X @ w"
[[claim]]
name = "no product"
wrt = "w"
gradient = "2 * X @ (tanh(X @ w) - y) / N"
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """A file of claims that are not right, and what is said of each where nothing is held back."""
    path = claims(tmp_path_factory.mktemp("claims"), FAULTS)
    return path, [j.record() for _, j in judgements(claims_of(Path(path)))]


@pytest.mark.parametrize("hint", HINTS)
def test_without_the_answer_nothing_holds_it(
    capsys: pytest.CaptureFixture[str], judged: tuple[str, list[dict[str, Any]]], hint: str
) -> None:
    path, full = judged
    status, out, _ = run(capsys, "check", path, "--json", "--without-answer", hint)
    level = HINTS.index(hint)
    assert status == 1 and [r["verdict"] for r in full] == ["wrong", "wrong", "wrong", "cannot tell", "wrong"]
    for whole, cut in zip(full, json.loads(out), strict=True):
        assert cut["verdict"] == whole["verdict"] and cut["yours"] == whole["yours"]
        assert cut["true"] == "" and cut["where"] == {} and cut["page"] == ""
        assert all(text not in json.dumps(cut) for text in answers(whole))
        assert (cut["seen"] is not None) == (whole["seen"] is not None and level >= 1)
        assert cut["seen"] is None or (cut["seen"]["expected"] == "" and cut["seen"]["got"] == whole["seen"]["got"])
        kinds = [f["kind"] for f in whole["diagnosis"]]
        assert [f["kind"] for f in cut["diagnosis"]] == ([], [], list(dict.fromkeys(kinds)), kinds)[level]
        sentences = [f["sentence"] for f in cut["diagnosis"]]
        assert level != 2 or sentences == [f"the kind of fault: {k}" for k in dict.fromkeys(kinds)]
        assert level != 3 or sentences == [f["sentence"] for f in whole["diagnosis"]]


def test_without_the_answer_the_table_does_not_show_it(
    capsys: pytest.CaptureFixture[str], judged: tuple[str, list[dict[str, Any]]]
) -> None:
    path, full = judged
    status, out, _ = run(capsys, "check", path, "--without-answer")
    assert status == 1 and out.splitlines()[-1] == "4 wrong, 1 cannot tell"
    assert not re.search(r"^ +(true|where|mended) ", out, re.M) and not re.search(r"expected .*, got", out)
    assert all(text not in out for whole in full for text in answers(whole))


def test_without_the_answer_right_claims_are_right(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = claims(tmp_path, RIGHT_CLAIMS)
    status, out, _ = run(capsys, "check", path, "--without-answer")
    assert status == 0 and out.splitlines()[-1] == "5 right" and "true  " not in out
    asked = ("check", "--forward", REGRESSION, "--wrt", "w", "--candidate", WRONG, "--without-answer")
    status, out, _ = run(capsys, *asked)
    assert status == 1 and "true  " not in out and "expected" not in out and RIGHT not in out
    with pytest.raises(SystemExit) as stop:
        main(["check", path, "--without-answer", "all"])
    assert stop.value.code == 2 and "invalid choice: 'all'" in capsys.readouterr().err


def test_without_the_answer_a_network_does_not_show_its_gradients(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NET)
    assert "delta1.T @ x" not in run(capsys, "check", str(path), "--without-answer", "verdict")[1]


# -- check: claims in a Python file ------------------------------------------------------------------------------------

CODE = "def dW(x, t, p):\n    return (p - np.eye(p.shape[1])[t]).T @ x"
GIVEN = {
    "formulas": ('claims = {"W1": "(p - onehot(t)).T @ x / N", "b1": "sum(p - onehot(t), 0) / N"}', 0, "2 right"),
    "one wrong": ('claims = {"W1": "(p - onehot(t)).T @ x", "b1": "sum(p - onehot(t), 0) / N"}', 1, "1 wrong, 1 right"),
    "LaTeX": (r'claims = {"b1": sn.latex(r"\frac{1}{N} \sum_n (p_n - e(t_n))")}', 0, "1 right"),
    "code": (f"{CODE} / len(x)\nclaims = {{'W1': dW}}", 0, "1 right"),
    "wrong code": (f"{CODE}\nclaims = {{'W1': dW}}", 1, "1 wrong"),
    "code that fails": ("def dW(x):\n    raise ValueError('no')\nclaims = {'W1': dW}", 1, "1 cannot tell"),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_claims_of_a_python_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str) -> None:
    text, expected, last = GIVEN[kind]
    path = tmp_path / "mine.py"
    path.write_text(NET + text)
    status, out, err = run(capsys, "check", str(path))
    assert (status, out.splitlines()[-1], err) == (expected, last, "")
    status, out, _ = run(capsys, "check", str(path), "--json", "--without-answer")
    records = json.loads(out)
    assert status == expected and all(set(r) == FIELDS and r["true"] == "" for r in records)


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        ('claims = ["x"]', (), "defines claims as a list. Write claims = {'W': gradient}."),
        ('claims = {3: "x"}', (), "Write claims = {'W': gradient}."),
        ('claims = {"W2": "x"}', (), "There is no tensor named 'W2'. Did you mean 'W1'?"),
        ('claims = {"W1": None}', (), "found None. Give a formula, latex(...), or a function"),
        ('claims = {"t": "x"}', (), "'t' holds labels: there is no derivative by an integer."),
        ('claims = {"W1": "x"}', ("--wrt", "b1"), "There is no candidate for the gradient by 'b1'; given: W1."),
    ],
)
def test_claims_of_a_python_file_that_are_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, arguments: tuple[str, ...], says: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NET + text)
    status, out, err = run(capsys, "check", str(path), *arguments)
    assert status == 2 and out == "" and says in err and "Traceback" not in err


def test_no_claims_do_not_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(NET + "claims = {}")
    assert run(capsys, "check", str(path))[0] != 0
