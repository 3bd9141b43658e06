"""Every example in docs/*.md runs, one after the other, and prints what the page says it prints.

A block whose first line is a comment with a file's name is that file: examples import it, commands read it.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from symnn.cli import main
from symnn.language.functions import FUNCTIONS
from symnn.language.grammar import parse

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


FILE = re.compile(r"# (\w+\.\w+)\n")
JUDGE = ROOT / "docs" / "is-my-gradient-right.md"


def blocks(page: Path, kind: str) -> list[str]:
    """Return the blocks of a page that are marked so."""
    return [b[2] for b in BLOCK.finditer(page.read_text(encoding="utf-8")) if b[1] == kind]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in a folder from which modules are imported and files are read; they are forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def write_files(page: Path, folder: Path) -> None:
    """Write the files that a page shows."""
    for block in (*blocks(page, "python"), *blocks(page, "toml")):
        if name := FILE.match(block):
            (folder / name[1]).write_text(block, encoding="utf-8")


def commands(page: Path) -> Iterator[tuple[list[str], str]]:
    """Yield the commands of a page, each with what it is said to print."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield shlex.split(command), output


def printed(arguments: list[str]) -> str:
    """Return what ``symnn`` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main(arguments)
    return out.getvalue()


def failures(page: Path, runs: list[doctest.Example]) -> str:
    """Run examples and return what did not come out as printed."""
    report: list[str] = []
    test = doctest.DocTest(runs, {}, page.name, str(page), 0, None)
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    return "".join(report)


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: p.name)
def test_examples_run_and_their_output_is_current(page: Path, folder: Path) -> None:
    write_files(page, folder)
    assert not (found := failures(page, examples(page))), found


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=lambda p: p.name)
def test_commands_print_what_the_page_says(page: Path, folder: Path) -> None:
    write_files(page, folder)
    for words, output in commands(page):
        if words[0] == "pytest":  # of its report a page shows some lines
            run = [sys.executable, "-m", *words, "-p", "no:cacheprovider", "-p", "no:xdist"]
            found = subprocess.run(run, capture_output=True, text=True, cwd=folder).stdout
            told = " ".join(found.split())
            assert not [line for line in output.splitlines() if " ".join(line.split()) not in told], found
        else:
            assert words[0] == "symnn"
            assert printed(words[1:]) == output


def test_the_language_is_shown_as_it_is_read() -> None:
    section = JUDGE.read_text(encoding="utf-8").partition("## The language of formulas")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*) \| (.*) \|$", section, flags=re.MULTILINE)
    assert len(rows) > 8
    for formula in re.findall(r"`([^`]+)`", " ".join(first for first, _ in rows)):
        parse(formula)
    named = re.findall(r"`([^`]+)`", " ".join(second for _, second in rows))
    calls = re.findall(r"\b([a-z][a-z0-9]+(?:_[a-z]{2,})*)'*\(", section)
    assert not {name for name in (*named, *calls) if name.isidentifier()} - set(FUNCTIONS)


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
