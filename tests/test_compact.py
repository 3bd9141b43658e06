"""The printed cost: no result of the gallery is longer than the textbook's, and docs/compact.md says what is so."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sympy

import symnn as sn
from symnn.algebra.compact import cost
from symnn.derivation import Derivation
from symnn.gallery import Page, Result, load
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tree import Tree, children, walk
from symnn.verify.record import Check

ROOT = Path(__file__).resolve().parent.parent
ROWS = load(ROOT / "derivations")

_SPEC = importlib.util.spec_from_file_location("compact_table", ROOT / "docs" / "compact_table.py")
assert _SPEC is not None and _SPEC.loader is not None
compact_table = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(compact_table)

NOT_LOOKED_AT = Check("not run", "only results are looked at here")


@cache
def sketches() -> dict[str, Page]:
    """Return the pages with their results alone: what test_derivations.py checks is not checked a second time."""

    def derive(self: Page, d: Derivation, *, claim: Any = None, **_: Any) -> Derivation:
        if claim is not None:
            self.results.append(Result(self._last_heading(), d, d.as_tree(claim)))
        return d

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Page, "derive", derive)
        for name in ("equal", "at_least", "seen_at_least", "observed"):
            patch.setattr(Page, name, lambda *_, **__: NOT_LOOKED_AT)
        for name in ("matrix", "steps"):
            patch.setattr(Page, name, lambda *_, **__: None)
        return {key: row.build() for key, (_, row) in ROWS.items()}


@pytest.mark.slow
def test_the_table_is_current() -> None:
    page = compact_table.PAGE.read_text(encoding="utf-8")
    written = page.split(compact_table.BEGIN)[1].split(compact_table.END)[0]
    assert written == compact_table.table(sketches()), "run: python docs/compact_table.py"


@pytest.mark.parametrize("key", ROWS)
def test_no_result_is_longer_than_the_textbooks(key: str) -> None:
    found = compact_table.longest({key: sketches()[key]})
    assert not found, "; ".join(f"{r.heading}: {float(compact_table.ratio(r)):.2f}" for _, r in found)


def test_the_table_holds_every_claimed_result() -> None:
    results = [r for page in sketches().values() for r in page.results]
    assert len(results) >= 80
    assert compact_table.table(sketches()).count("\n") == len(results) + 2


N = sn.dims("N")
X, Y = sn.input("x", (N,)), sn.input("y", (N,))
I, J = sn.index("i"), sn.index("j")
COSTS = [
    (X[I], 2), (X[I] + Y[I], 5), (-X[I], 3), (X[I] * Y[I] / N, 7), (X[I] ** 2, 4), (sympy.exp(X[I]), 5),
    (sn.sum(X[J], J), 4), (sn.indicator(X[I] > 0), 5), (sympy.KroneckerDelta(I, J), 2), (sympy.Integer(7), 1),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), COSTS)
def test_costs_as_the_page_gives_them(expression: Any, expected: int) -> None:
    assert cost(from_sympy(expression)) == expected


def test_a_part_costs_less_than_the_whole() -> None:
    def smaller(tree: Tree) -> None:
        for part in children(tree):
            assert cost(part) <= cost(tree)

    for page in sketches().values():
        for r in page.results:
            for at in walk(r.claim):
                smaller(at)
