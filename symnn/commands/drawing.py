"""The command draw: the graph as a picture."""

from __future__ import annotations

import argparse
import sys

from symnn.commands.opening import open_network

__all__ = ["draw"]


def draw(chosen: argparse.Namespace) -> int:
    """Draw the graph into a file."""
    opened = open_network(chosen.target)
    out = chosen.out or f"{opened.stem}.svg"
    opened.net.draw(out, backward=chosen.backward)
    print(f"wrote {out}", file=sys.stderr)
    return 0
