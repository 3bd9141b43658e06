"""Show what the lower floors return: document records and their renderers."""

from symnn.show.document import (
    Block,
    Code,
    Contents,
    Document,
    Fold,
    Formula,
    Heading,
    Picture,
    Prose,
    StepRow,
    StepTable,
    Table,
    Verdict,
    VerdictTable,
)
from symnn.show.html import html, notebook
from symnn.show.markdown import markdown
from symnn.show.mathml import mathml
from symnn.show.plain import plain
from symnn.show.terminal import terminal
from symnn.show.tex import tex

__all__ = [
    "Block",
    "Code",
    "Contents",
    "Document",
    "Fold",
    "Formula",
    "Heading",
    "Picture",
    "Prose",
    "StepRow",
    "StepTable",
    "Table",
    "Verdict",
    "VerdictTable",
    "html",
    "markdown",
    "mathml",
    "notebook",
    "plain",
    "terminal",
    "tex",
]
