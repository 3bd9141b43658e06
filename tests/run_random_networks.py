"""Compare the gradients of many random networks with differences: ``python -m tests.run_random_networks --jobs 2``.

Every network has a seed of its own, seed, seed + 1, ...; a failure is printed with its seed, and ``--seed S --count 1``
makes that network again. Exits 1 on any mismatch, crash, or network that takes longer than ``--limit`` seconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.random_differences import Mismatch, compare
from tests.random_layers import JOINS, LAYERS, Unfit
from tests.random_losses import LOSSES, PENALTIES
from tests.random_networks import Maker, described

#: Networks a process handles at a time, and before it starts afresh: the algebra's interned atoms are never dropped.
CHUNK, CHUNKS = 25, 6


@dataclass
class Report:
    """What became of some networks."""

    counts: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Take another report's figures in."""
        self.counts += other.counts
        self.used += other.used
        self.worst = max(self.worst, other.worst)
        self.failures += other.failures


class TooLong(Exception):
    """A network took longer than allowed."""


def _alarm(*_: Any) -> None:
    raise TooLong


def compared(seed: int, limit: int, report: Report) -> None:
    """Compare one network; where none fits, or every point lies at a kink, draw on from the same source of chance."""
    chance = random.Random(seed)
    maker: Maker | None = None
    signal.signal(signal.SIGPROF, _alarm)
    signal.setitimer(signal.ITIMER_PROF, limit)  # of processor time: other work on the machine does not count
    try:
        while True:
            try:
                maker = None
                maker = Maker(chance)
                outcome = compare(maker)
            except Unfit:
                report.counts["not taken"] += 1
                continue
            if outcome.tensors:
                break
            report.counts["at a kink"] += 1
        report.counts["networks"] += 1
        report.counts["gradients"] += outcome.tensors
        report.counts["entries"] += outcome.entries
        report.counts["with more digits"] += outcome.fine
        report.worst = max(report.worst, outcome.worst)
        report.used += Counter(maker.used)
    except Exception as error:  # every other way to end is a failure, reported with its seed
        kind = "mismatch" if isinstance(error, Mismatch) else "too long" if isinstance(error, TooLong) else "crash"
        report.counts[kind] += 1
        text = str(error) if kind == "mismatch" else "".join(traceback.format_exc().splitlines(True)[-9:])
        if maker is not None and kind != "mismatch":
            text += described(maker)
        report.failures.append(f"seed {seed}: {kind}\n{text}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _chunk(job: tuple[range, int]) -> Report:
    seeds, limit = job
    report = Report()
    for seed in seeds:
        compared(seed, limit, report)
    return report


def reports(seed: int, count: int, jobs: int, limit: int) -> Iterator[Report]:
    """Yield the reports of all networks, in chunks as they come."""
    work = [(range(k, min(k + CHUNK, seed + count)), limit) for k in range(seed, seed + count, CHUNK)]
    with multiprocessing.Pool(jobs, maxtasksperchild=CHUNKS) as pool:
        yield from pool.imap_unordered(_chunk, work)


def main() -> int:
    """Run, print the figures, and return the exit status."""
    parser = argparse.ArgumentParser(description="Gradients of random networks against differences.")
    parser.add_argument("--count", type=int, default=10_000, help="how many networks, default 10000")
    parser.add_argument("--seed", type=int, default=0, help="of the first network, default 0")
    parser.add_argument("--jobs", type=int, default=1, help="processes, default 1")
    parser.add_argument("--limit", type=int, default=60, help="processor seconds that one network may take, default 60")
    given = parser.parse_args()
    print(f"{given.count} random networks, seeds {given.seed} to {given.seed + given.count - 1}", flush=True)
    start, whole = time.perf_counter(), Report()
    for report in reports(given.seed, given.count, given.jobs, given.limit):
        whole.add(report)
        for failure in report.failures:
            print(f"\n{failure}\n", flush=True)
        if sys.stderr.isatty():
            print(f"\r{whole.counts['networks']} agree, {len(whole.failures)} fail", end="", file=sys.stderr)
    seconds = time.perf_counter() - start
    print(", ".join(f"{n} {what}" for what, n in whole.counts.items()))
    never = [n for n in (*LAYERS, *JOINS, *LOSSES, *PENALTIES) if n not in whole.used]
    print(f"worst difference {whole.worst:.1e} of the largest entry; never drawn: {', '.join(never) or 'nothing'}")
    print(f"{seconds:.0f} s, {given.count / seconds:.1f} networks a second")
    print(f"{len(whole.failures)} of {given.count} failed" if whole.failures else "no mismatch, no crash")
    return 1 if whole.failures else 0


if __name__ == "__main__":
    sys.exit(main())
