"""Write the parts of README.md that the engine makes: the derivation and the picture; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

import sympy

import symnn as sn
from symnn.show import markdown
from symnn.show.document import Document

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- derivation -->\n", "<!-- /derivation -->"


def derivation() -> str:
    """Return the softmax cross-entropy derivation as Markdown, without the notes on each check."""
    C = sn.dims("C")  # the lines that README.md shows above it
    a, y, c = sn.input("a", (C,)), sn.labels("y", (), C), sn.index("c")
    f = sn.softmax(a, name="f")
    d = sn.derivative(-sympy.log(f[y[()]]), a[c])
    text = markdown(Document("", "", (d.sections[0].table(),)))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return "\n".join(rows) + f"\n\nin vector form $ {d.whole_latex()} = {d.matrix_latex} $\n"


def network() -> sn.Network:
    """Return the README's network."""
    N, D, H, C = sn.dims("N D H C")
    x, t = sn.input("x", (N, D)), sn.labels("t", (N,), C)
    h = sn.relu(sn.dense(x, H, name="1"))
    return sn.Network(sn.cross_entropy(sn.softmax(sn.dense(h, C, name="2")), t), title="")


def main() -> int:
    """Rewrite README.md and the picture, or compare."""
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    tail = rest.split(END, 1)[1]
    after = head + BEGIN + derivation() + END + tail
    if "--check" in sys.argv:
        return 0 if after == before else 1
    readme.write_text(after, encoding="utf-8")
    network().draw(ROOT / "docs" / "images" / "network.svg", backward=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
