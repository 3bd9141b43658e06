"""The gallery's rows: built once each; every line and claim proved, every difference small, every page rendered."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sympy

import symnn as sn
from symnn.algebra.cases import without_contradictions
from symnn.algebra.convert import canonical
from symnn.algebra.normal import multiply
from symnn.algebra.prove import prove_equal
from symnn.gallery import Page, Row, chosen, load, main
from symnn.graph.flow import FlowGraph
from symnn.ground.errors import UnknownNameError
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import tensors_in
from symnn.show import html, tex
from symnn.verify.lines import check_equal, evaluate_pair
from symnn.verify.record import Check
from symnn.verify.signs import check_at_least, nonnegative

ROWS = load(Path(__file__).parents[1] / "derivations")


@cache
def built(key: str) -> Page:
    return ROWS[key][1].build()


def test_the_rows_are_those_of_the_folder() -> None:
    assert len(ROWS) >= 12
    for key, (stem, row) in ROWS.items():
        assert row.id == key and row.title and row.source
        assert stem.startswith(f"{key[0].lower()}{int(key[1:]):02d}_")


@pytest.mark.parametrize("key", ROWS)
def test_every_line_and_every_claim_is_proved(key: str) -> None:
    page = built(key)
    assert not page.failures
    assert page.of_kind("claim"), "a row counts only with a claim"
    for r in page.of_kind("lines", "claim"):
        assert r.check.verdict == "proved", f"{r.what}: {r.check}"
    for r in page.of_kind("lines"):
        assert r.lines[0] == r.lines[1] > 0


@pytest.mark.parametrize("key", ROWS)
def test_values_and_differences_agree(key: str) -> None:
    page = built(key)
    for r in page.of_kind("values", "matrix", "fact"):
        assert r.check.verdict == "evaluated", f"{r.what}: {r.check}"
    for r in page.of_kind("differences"):
        assert r.check.verdict == "differenced" and r.check.worst is not None and r.check.worst < 1e-7


@pytest.mark.parametrize("key", ROWS)
def test_a_corrupted_claim_is_refuted(key: str) -> None:
    for r in built(key).of_kind("claim"):
        left, right = r.corrupted()
        if r.given:  # at random points the facts do not hold
            assert sn.prove_equal(to_sympy(left), to_sympy(right), given=r.given).verdict == "refuted", r.what
            continue
        if len(FlowGraph((*tensors_in(left), *tensors_in(right)))) < 12:  # a deep one takes a minute to stay undecided
            assert not prove_equal(left, right), r.what
        seen = evaluate_pair(left, right, count=1, digits=20)
        if seen.verdict != "refuted":  # both sides may vanish at a point
            seen = evaluate_pair(left, right, count=24, digits=20, seed=2)
        assert seen.verdict == "refuted", r.what


@pytest.mark.parametrize("key", ROWS)
def test_the_page_renders(key: str) -> None:
    page, row = built(key), ROWS[key][1]
    document = row.document(page)
    text = html(document)
    ElementTree.fromstring(text.replace("<!DOCTYPE html>", ""))
    assert row.title in text and "merror" not in text.split("</style>")[1]
    source = tex(document)
    assert source.startswith(r"\documentclass") and source.rstrip().endswith(r"\end{document}")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_the_pages_compile(tmp_path: Path) -> None:
    for key, (stem, row) in ROWS.items():
        (tmp_path / f"{stem}.tex").write_text(tex(row.document(built(key))), encoding="utf-8")
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{stem}.tex"],
            cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{key}: {done.stdout[-2000:]}"
        assert "Missing character" not in done.stdout


# -- the runner --------------------------------------------------------------------------------------------------------


def test_the_runner_writes_pages_and_an_index(tmp_path: Path, capsys: Any) -> None:
    assert main(["a4", "A12", "--out", str(tmp_path), "--from", str(Path(__file__).parents[1] / "derivations")]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["id", "lines", "proved", "claims", "evaluated", "differenced"]
    assert {line.split()[0] for line in out.splitlines()[1:-1]} == {"A4", "A12"}
    written = {p.name for p in tmp_path.iterdir()}
    assert {"index.html", "a04_softmax_cross_entropy.html", "a04_softmax_cross_entropy.tex"} <= written
    assert "a12_softmax_jacobian.html" in (tmp_path / "index.html").read_text(encoding="utf-8")


_ROW = """
import symnn as sn
from symnn.gallery import Page, Row

def build():
    page = Page()
    a = sn.input("a", ())
    page.derive(sn.derivative(a[()] ** 2, a[()]), claim={claim})
    return page

ROW = Row("Z1", "A square", "nowhere", build)
"""


@pytest.mark.parametrize(("claim", "status"), [("2 * a[()]", 0), ("3 * a[()]", 1), ("a[()]", 1)])
def test_a_wrong_claim_is_the_exit_status(tmp_path: Path, capsys: Any, claim: str, status: int) -> None:
    (tmp_path / "z01_square.py").write_text(_ROW.format(claim=claim), encoding="utf-8")
    assert main(["--out", str(tmp_path / "out"), "--from", str(tmp_path)]) == status
    assert ("refuted" in capsys.readouterr().err) == bool(status)


def test_an_unknown_row_is_named(tmp_path: Path, capsys: Any) -> None:
    assert main(["A44", "--out", str(tmp_path)]) == 2
    assert "A44" in capsys.readouterr().err
    with pytest.raises(UnknownNameError):
        chosen(ROWS, ["nothing"])


def test_a_check_that_did_not_run_is_a_failure() -> None:
    page = Page()
    page.observed("nothing", True, "looked at")
    assert not page.failures
    page.records[0] = page.records[0].__class__("fact", "nothing", Check("not run", "no reason"))
    assert page.failures and isinstance(ROWS["A4"][1], Row)


# -- signs and cases ---------------------------------------------------------------------------------------------------

X, Y = sn.input("x", ())[()], sn.input("y", ())[()]
P = sn.input("p", (), positive=True)[()]
K = sn.scalars("kappa", positive=True)

SEEN = [
    X**2, sympy.Abs(X), sympy.exp(X), P, K * P, X**2 + sympy.Abs(Y), X**2 / P, P**3, sn.indicator(X > Y),
    sympy.Max(0, X),
]  # fmt: skip
NOT_SEEN = [X, X * Y, -(X**2), X**3, X**2 - P, X**2 / Y, sympy.tanh(X), P - K, X**2 * Y, sympy.Min(0, X), sympy.log(P)]


@pytest.mark.parametrize("expression", SEEN)
def test_nonnegative_by_form(expression: Any) -> None:
    assert nonnegative(from_sympy(expression))


@pytest.mark.parametrize("expression", NOT_SEEN)
def test_not_nonnegative_by_form(expression: Any) -> None:
    assert not nonnegative(from_sympy(expression))


def test_guarded_differences() -> None:
    assert nonnegative(from_sympy(sn.indicator(X >= Y) * (X - Y)))
    assert nonnegative(from_sympy(sn.indicator(X < Y) * (Y - X)))
    assert not nonnegative(from_sympy(sn.indicator(X >= Y) * (Y - X)))
    assert not nonnegative(from_sympy(sn.indicator(X >= Y) * (X - 2 * Y)))


def test_an_inequality_needs_both_halves() -> None:
    square = from_sympy((X - Y) ** 2)
    assert check_at_least(from_sympy(X**2 + Y**2 - 2 * X * Y), square).verdict == "proved"
    assert check_at_least(from_sympy(X**2 + Y**2 - X * Y), square).verdict == "refuted"
    assert check_at_least(from_sympy(X * Y), from_sympy(X * Y)).verdict == "undecided"


EQUAL = [
    (sympy.Abs(X / (1 + sympy.Abs(X))), sympy.Abs(X) / (1 + sympy.Abs(X))),
    ((1 - sympy.Abs(X / (1 + sympy.Abs(X)))) ** 2, (1 + sympy.Abs(X)) ** -2),
    (sn.indicator(K >= sympy.Abs(X)) * sympy.Max(0, sympy.Abs(X) - K), 0),
    (sympy.Abs(X * Y), sympy.Abs(X) * sympy.Abs(Y)),
    (sympy.sign(X) * sympy.sign(Y), sympy.sign(X * Y)),
    (sympy.Max(X, 0) - sympy.Max(-X, 0), X),
]
UNEQUAL = [
    (sympy.Abs(X + Y), sympy.Abs(X) + sympy.Abs(Y)),
    (sympy.Abs(X), X),
    (sn.indicator(X > 0) + sn.indicator(X < 0), 1),  # differs at 0 only
    (sn.indicator(X >= 0), sn.indicator(X > 0)),
    (sn.indicator(K > sympy.Abs(X)) * sympy.Max(0, sympy.Abs(X) - K / 2), 0),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_proved_by_cases(left: Any, right: Any) -> None:
    assert check_equal(from_sympy(left), from_sympy(right), evaluate=True).verdict == "proved"


@pytest.mark.parametrize(("left", "right"), UNEQUAL)
def test_not_proved_by_cases(left: Any, right: Any) -> None:
    assert not prove_equal(from_sympy(left), from_sympy(right))


def test_contradicting_indicators_vanish() -> None:
    above, level, below = (canonical(from_sympy(sn.indicator(c))) for c in (X > Y, sympy.Eq(X, Y), X < Y))
    assert not without_contradictions(multiply(above, below)).terms
    assert not without_contradictions(multiply(above, level)).terms
    assert without_contradictions(above).terms == above.terms
