"""Every example in docs/*.md runs, one after the other, and prints what the page says it prints."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: Path) -> list[doctest.Example]:
    """Return the examples of a page, with the lines they stand on; they share one namespace."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        if ">>>" not in block[2]:
            continue
        assert block[1] == "python", f"{page.name}: a block with >>> is not marked as python"
        first = text.count("\n", 0, block.start(2))
        for example in doctest.DocTestParser().get_examples(block[2], page.name):
            example.lineno += first
            found.append(example)
    return found


def failures(page: Path, runs: list[doctest.Example]) -> str:
    """Run examples and return what did not come out as printed."""
    report: list[str] = []
    test = doctest.DocTest(runs, {}, page.name, str(page), 0, None)
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: p.name)
def test_examples_run_and_their_output_is_current(page: Path) -> None:
    assert not (found := failures(page, examples(page))), found


def test_the_page_about_proofs_shows_every_verdict_of_prove_equal() -> None:
    shown = {run.want.split(":")[0] for run in examples(ROOT / "docs" / "proofs.md")}
    assert {"proved", "probable", "evaluated", "refuted", "undecided"} <= shown


def test_an_example_that_is_out_of_date_is_noticed() -> None:
    page = ROOT / "docs" / "proofs.md"
    runs = examples(page)
    stale = next(run for run in runs if run.want.startswith("refuted"))
    stale.want = stale.want.replace("refuted", "proved")
    assert "Expected:\n    proved" in failures(page, runs)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
