"""The gallery: textbook derivations, each executed, checked and written as a page; ``python -m symnn.gallery`` runs it.

A row types the forward definitions, asks for derivatives, and states the textbook's formulas as claims. What the
page then shows (lines, rules, results, verdicts) comes from the engine.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from symnn.gallery.page import Page, Row
from symnn.gallery.records import FAILED
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.files import write_whole
from symnn.show import Contents, Document, Heading, Prose, VerdictTable, html, tex

__all__ = ["chosen", "folder", "load", "main", "write"]


def folder() -> Path:
    """Return the folder of the rows: ``derivations`` here, else beside the package."""
    here = Path("derivations")
    return here if here.is_dir() else Path(__file__).resolve().parents[2] / "derivations"


def load(rows: Path | None = None) -> dict[str, tuple[str, Row]]:
    """Return the rows of a folder by id, with their file's stem; every file ``a01_name.py`` defines ``ROW``.

    Raises:
        DefinitionError: a file has no ROW, or two files have one id.
    """
    out: dict[str, tuple[str, Row]] = {}
    for path in sorted((rows or folder()).glob("[a-z][0-9][0-9]_*.py")):
        spec = importlib.util.spec_from_file_location(f"derivations.{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        row = getattr(module, "ROW", None)
        if not isinstance(row, Row):
            raise DefinitionError(f"{path} defines no ROW. End it with ROW = Row(id, title, source, build).")
        if row.id in out:
            raise DefinitionError(f"{path} and {out[row.id][0]}.py are both row {row.id}. Give one another id.")
        out[row.id] = (path.stem, row)
    return out


HEADER = ("id", "lines", "proved", "claims", "evaluated", "differenced")


def write(rows: dict[str, tuple[str, Row]], out: Path, *, say: Callable[[str], None] = print) -> dict[str, Page]:
    """Build rows, write their pages and an index page into a folder, and return the pages by id."""
    out.mkdir(parents=True, exist_ok=True)
    pages: dict[str, Page] = {}
    say(_cells(HEADER))
    for key, (stem, row) in rows.items():
        page = pages[key] = row.build()
        document = row.document(page)
        write_whole(out / f"{stem}.html", html(document))
        write_whole(out / f"{stem}.tex", tex(document))
        say(_cells((key, *page.summary())))
    write_whole(out / "index.html", html(_index(rows, pages)))
    return pages


def _index(rows: dict[str, tuple[str, Row]], pages: dict[str, Page]) -> Document:
    lines = tuple((k, rows[k][1].title, *p.summary()) for k, p in pages.items())
    table = VerdictTable((HEADER[0], "derivation", *HEADER[1:]), lines)
    return Document(
        "Gallery",
        f"{len(pages)} derivations, derived and checked by machine",
        (
            Prose(
                "On every page only the forward definitions were typed in. Each line applies the rule that stands "
                "beside it and is compared with the line before; each result is compared with the textbook's formula, "
                "typed separately as a claim."
            ),
            Contents(tuple((f"{k}  {rows[k][1].title}", f"{rows[k][0]}.html") for k in pages)),
            Heading("What was checked", 2),
            Prose(
                "Proved: lines with one canonical form for all sizes. Claims: textbook formulas proved equal to the "
                "result. Evaluated: worst error of values in 50 digits and of matrix forms in float64. "
                "Differenced: worst error against differences of the interpreted function."
            ),
            table,
        ),
    )


def _cells(cells: Sequence[str]) -> str:
    widths = (4, 6, 7, 9, 10, 12)
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def chosen(rows: dict[str, tuple[str, Row]], wanted: Iterable[str]) -> dict[str, tuple[str, Row]]:
    """Return some rows by id, or all of them.

    Raises:
        UnknownNameError: there is no such row.
    """
    names = [w.upper() for w in wanted]
    for name in names:
        if name not in rows:
            raise UnknownNameError(name, rows, "row of the gallery")
    return {k: v for k, v in rows.items() if not names or k in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gallery from the shell; exit status 1 if a check is refuted, undecided or was not run."""
    parser = argparse.ArgumentParser(prog="python -m symnn.gallery", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ID", help="rows such as A4; all of them by default")
    parser.add_argument("--out", type=Path, default=Path("build/gallery"), help="folder to write to")
    parser.add_argument("--from", dest="folder", type=Path, default=None, help="folder of the rows")
    options = parser.parse_args(arguments)
    try:
        rows = chosen(load(options.folder), options.rows)
    except UnknownNameError as error:
        print(error, file=sys.stderr)
        return 2
    pages = write(rows, options.out)
    failed = 0
    for key, page in pages.items():
        for r in page.records:
            if r.check.verdict in FAILED or (r.kind == "claim" and r.check.verdict != "proved"):
                print(f"{key}: {r.what}: {r.check}", file=sys.stderr)
        failed += len(page.failures)
    print(f"open {options.out / 'index.html'}")
    return 1 if failed or not pages else 0
