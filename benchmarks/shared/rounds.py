"""Time contenders fairly: each in a process of its own, round after round, and report medians."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Bar", "arguments", "finish", "importable", "least", "middle", "rounds", "table"]

Report = dict[str, Any]


class Bar:
    """A figure with the limit it must not exceed; ``judged`` is False where it could not be measured."""

    def __init__(self, what: str, figure: float | None, limit: float) -> None:
        self.what, self.figure, self.limit = what, figure, limit

    @property
    def held(self) -> bool:
        """The figure was measured and is within its limit, or was not measured."""
        return self.figure is None or self.figure <= self.limit

    def __str__(self) -> str:
        if self.figure is None:
            return f"  NOT RUN  {self.what}"
        word = "held  " if self.held else "MISSED"
        return f"  {word}   {self.what}: {self.figure:.2f}, at most {self.limit:g}"

    def record(self) -> Report:
        """Return the bar for a JSON file."""
        return {"what": self.what, "figure": self.figure, "limit": self.limit, "held": self.held,
                "run": self.figure is not None}  # fmt: skip


def arguments(about: str, *, default_rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=default_rounds, help=f"default {default_rounds}")
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    return parser


def rounds(contenders: Mapping[Any, Sequence[str]], count: int) -> dict[Any, list[Report]]:
    """Run every contender once a round, the order turned round every other time, and return their reports.

    A contender is a command that prints one line of JSON last.
    """
    out: dict[Any, list[Report]] = {name: [] for name in contenders}
    for number in range(count):
        order = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in order:
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {count}: {name}".ljust(70), end="", file=sys.stderr)
            done = subprocess.run(contenders[name], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
            out[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
    if sys.stderr.isatty():
        print("\r".ljust(71), end="\r", file=sys.stderr)
    return out


def middle(reports: Sequence[Report], key: str = "seconds") -> float:
    """Return the median of one figure."""
    return median(float(r[key]) for r in reports)


def least(reports: Sequence[Report], key: str = "seconds") -> float:
    """Return the least of one figure, which other work on the machine disturbs less."""
    return min(float(r[key]) for r in reports)


def importable(python: str | None, module: str) -> bool:
    """Tell whether an interpreter exists and can import a module."""
    if not python or not Path(python).exists():
        return False
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with right-aligned columns, the first left-aligned."""
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    lines = []
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  " + "   ".join(cells).rstrip())
    return "\n".join(lines)


def finish(report: Report, bars: Sequence[Bar], path: str | None) -> int:
    """Print the bars, write the report whole, and return the exit status: 1 where a bar was missed."""
    for bar in bars:
        print(bar)
    report["bars"] = [bar.record() for bar in bars]
    if path:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=".bench-")
        with os.fdopen(handle, "w") as stream:
            json.dump(report, stream, indent=2)
            stream.write("\n")
        os.replace(part, target)
    return 0 if all(bar.held for bar in bars) else 1
