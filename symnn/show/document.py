r"""Documents as records: what the lower floors return and the renderers show.

All mathematics is a LaTeX string without dollars that needs amsmath and no more. Text may hold
mathematics between dollars, ``$..$``; a literal dollar is written ``\$``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Verdict: TypeAlias = Literal["proved", "probable", "evaluated", "differenced", "refuted", "undecided", "not run", ""]
"""How far a line was checked; the empty word is for a line with nothing to check, such as the first."""

VERDICTS: tuple[str, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Prose:
    """A paragraph of text, with ``$..$`` for mathematics inside."""

    text: str


@dataclass(frozen=True)
class Heading:
    """A heading below the title; level 1 is a section, 2 a subsection, 3 a paragraph's."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Formula:
    """A displayed formula; ``text`` is its plain form for terminals, made from the LaTeX when empty."""

    latex: str
    label: str = ""
    text: str = ""


@dataclass(frozen=True)
class StepRow:
    """One line of a derivation: its formula, the rules that gave it, and how it was checked.

    The relation to the line before is ``=`` unless ``latex`` begins with another one, and is added by
    the renderers. ``text`` is the plain form of the same formula.
    """

    number: int
    latex: str
    rules: tuple[str, ...]
    check: str
    verdict: Verdict
    text: str

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"line {self.number}: no verdict is called {self.verdict!r}; one of {VERDICTS}")


@dataclass(frozen=True)
class StepTable:
    """A derivation, line under line."""

    rows: tuple[StepRow, ...]
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """A table of text; cells may hold ``$..$``."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a table of {len(self.header)} columns has a row of {len(row)}: {row!r}")


@dataclass(frozen=True)
class VerdictTable(Table):
    """A table whose cells under the heading "verdict" are shown as verdicts."""

    def judges(self, column: int) -> bool:
        """Tell whether a column holds verdicts."""
        return self.header[column] == "verdict"


@dataclass(frozen=True)
class Picture:
    """A picture as SVG source."""

    svg: str
    caption: str = ""


@dataclass(frozen=True)
class Code:
    """A piece of program text."""

    source: str
    language: str = "python"


@dataclass(frozen=True)
class Contents:
    """A list of (text, relative target) that leads to other pages of the same folder."""

    entries: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        for _, target in self.entries:
            if ":" in target.split("/")[0] or target.startswith("/"):
                raise ValueError(f"a page leads to pages beside it only, not to {target!r}")


@dataclass(frozen=True)
class Fold:
    """Blocks that a reader may open where the medium can close them."""

    summary: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Prose | Heading | Formula | StepTable | VerdictTable | Table | Picture | Code | Contents | Fold


@dataclass(frozen=True)
class Document:
    """A page: title, subtitle and blocks in reading order.

    >>> page = Document("Softmax", "any number of classes", (Prose("Rows of $p$ sum to one."),))
    >>> page.blocks[0].text
    'Rows of $p$ sum to one.'
    """

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
