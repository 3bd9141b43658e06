"""What a command writes: to the terminal, or whole to a file."""

from __future__ import annotations

import sys

from symnn.ground.files import write_whole

__all__ = ["put"]


def put(text: str, out: str | None, *, html: bool = False) -> None:
    """Print a text, in HTML with entities for signs that the terminal lacks, or write it whole to a file and say so."""
    if out is None:
        if html:
            encoding = sys.stdout.encoding or "utf-8"
            text = text.encode(encoding, "xmlcharrefreplace").decode(encoding)
        print(text)
        return
    write_whole(out, text if text.endswith("\n") else text + "\n")
    print(f"wrote {out}", file=sys.stderr)
