"""Write the table of docs/compact.md: every result of the gallery beside the textbook's; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from symnn.algebra.compact import cost
from symnn.derivation import readable
from symnn.gallery import Page, Result, load
from symnn.ground.template import entry_of
from symnn.show.letters import named
from symnn.show.plain import plain_text
from symnn.show.text_notation import text

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compact.md"
BEGIN, END = "<!-- table -->\n", "<!-- /table -->"
HEADER = ("row", "of", "by the engine", "by the textbook", "cost", "textbook's", "ratio")


def ratio(result: Result) -> Fraction:
    """Return the printed cost of the engine's form over that of the textbook's."""
    return Fraction(cost(readable(result.derivation.formula)), cost(result.claim))


def table(pages: Mapping[str, Page]) -> str:
    """Return the table of all results of some pages that stand beside a textbook's formula."""
    lines = [_line(HEADER), _line(("---",) * len(HEADER))]
    for key, page in pages.items():
        lines += [_line(_cells(key, r)) for r in page.results]
    return "\n".join(lines) + "\n"


def longest(pages: Mapping[str, Page]) -> list[tuple[str, Result]]:
    """Return the results that are longer than the textbook's, with their rows."""
    return [(key, r) for key, page in pages.items() for r in page.results if ratio(r) > 1]


def _cells(key: str, result: Result) -> tuple[str, ...]:
    d = result.derivation
    mine = readable(d.formula)
    asked = d.question() if d.target is None else entry_of(d.target, d.free)
    left = text(asked, letters=named(asked, free=d.free))
    forms = tuple(text(f, letters=named(f, free=d.free)) for f in (mine, result.claim))
    costs = (cost(mine), cost(result.claim))
    what = f"{plain_text(result.heading)}: `{left}`" if result.heading else f"`{left}`"
    return key, what, *(f"`{f}`" for f in forms), *(str(c) for c in costs), f"{float(ratio(result)):.2f}"


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |"


def main() -> int:
    """Build every row of the gallery and rewrite the table, or compare."""
    pages = {key: row.build() for key, (_, row) in load(ROOT / "derivations").items()}
    before = PAGE.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    after = head + BEGIN + table(pages) + END + rest.split(END, 1)[1]
    for key, result in longest(pages):
        print(f"{key}: {result.heading}: {float(ratio(result)):.2f} times the textbook's")
    if "--check" in sys.argv:
        return 0 if after == before else 1
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
