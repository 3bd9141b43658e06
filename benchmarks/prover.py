"""What the prover decides, and how fast: true identities of the gallery and of textbooks, and slips made in each.

A false one is an identity with one slip in it (a sign, an index, a transpose, a term, a factor, an exponent, a range,
a constant, an epsilon), counted once the reference interpreter refutes it; what is equal in value all the same is
dropped, and the number said. Timed is the algebra's proof or its giving up, without building the formulas and without
evaluating them, in CPU time of the process. A proof of anything false is printed whole and fails the run.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

import sympy
from identities import Identity, all_identities
from identities.asked import LIMIT, Answer, judge_of, proof, verdict
from identities.mutants import KINDS, Claim, claim_of, mutants
from identities.values import Judge, leaves
from shared.rounds import Bar, finish, table

from symnn.show.text_notation import text

#: Slips tried per identity; about one in twelve is dropped because its value stays the same.
SLIPS = 12
LEAST_TRUE, LEAST_CITED, LEAST_FALSE = 150, 100, 5000
MEDIAN, SLOWEST = 0.005, 0.050
#: Every so many false ones the public verdict is asked too.
ASKED = 20
#: What the prover must never do.
BROKEN = ("crashed", "unending")
#: Identities after which a worker process is renewed.
RENEWED = 12


@dataclass
class True_:
    """One identity and what was found about it."""

    identity: Identity
    claim: Claim
    values: str
    proof: Answer
    public: Answer

    def record(self) -> dict[str, Any]:
        """Return a row for a JSON file."""
        return {
            "name": self.identity.name, "kind": self.identity.kind, "source": self.identity.source,
            "values": self.values, "proof": self.proof.word, "seconds": self.proof.seconds,
            "verdict": self.public.word, "verdict seconds": self.public.seconds, "reason": self.proof.reason,
        }  # fmt: skip


@dataclass
class False_:
    """One slip that the interpreter refutes, and what the prover said; ``left`` and ``right`` where that was bad."""

    name: str
    source: str
    slip: str
    proof: Answer
    public: Answer | None
    left: str = ""
    right: str = ""

    @property
    def believed(self) -> bool:
        """The prover proved what is false."""
        return self.proof.word == "proved" or (self.public is not None and self.public.word == "proved")

    @property
    def broken(self) -> bool:
        """The prover crashed, or did not come to an end."""
        return self.proof.word in BROKEN or (self.public is not None and self.public.word in BROKEN)

    def record(self) -> dict[str, Any]:
        """Return a row for a JSON file."""
        return {"name": self.name, "source": self.source, "slip": self.slip, "left": self.left, "right": self.right}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--quick", action="store_true", help="a tenth of the false ones")
    parser.add_argument("--seed", type=int, default=0, help="of the slips and of the points; default 0")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    identities = all_identities()
    claims = [claim_of(identity) for identity in identities]
    gc.collect()
    gc.freeze()  # what is built once is not walked again while proofs are timed
    unit = sympy_diff()
    proof(claims[0])  # what is loaded on first use belongs to no identity
    true = []
    for n, (identity, claim) in enumerate(zip(identities, claims, strict=True), start=1):
        true.append(ask_true(identity, claim, chosen))
        progress("true", n, len(claims))
    dropped: Counter[str] = Counter()
    false: list[False_] = []
    WORK.extend((identity, claim, chosen) for identity, claim in zip(identities, claims, strict=True))
    # Workers are renewed now and then: what a proof interns is never dropped, and every slip is a new formula.
    with get_context("fork").Pool(max(1, min(2, os.cpu_count() or 1)), maxtasksperchild=RENEWED) as pool:
        for n, (found, lost) in enumerate(pool.imap(ask_false, range(len(WORK))), start=1):
            false.extend(found)
            dropped.update(lost)
            progress("false", n, len(WORK))
    return report(true, false, dropped, unit, chosen)


def progress(word: str, n: int, count: int) -> None:
    """Say on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r{word}: {n} of {count}", end="" if n < count else "\n", file=sys.stderr)


def sympy_diff(rounds: int = 31) -> float:
    """Return the seconds of one SymPy ``diff`` of an affine layer, each time over new symbols."""
    seconds = []
    for _ in range(rounds):
        D = sympy.Dummy("D", integer=True, positive=True)
        n, i, j, m, k = (sympy.Dummy(letter, integer=True, nonnegative=True) for letter in "nijmk")
        W, x, b = (sympy.IndexedBase(sympy.Dummy(name)) for name in "Wxb")
        layer = sympy.Sum(W[i, j] * x[n, j], (j, 0, D - 1)) + b[i]
        start = time.process_time()
        layer.diff(x[m, k])
        seconds.append(time.process_time() - start)
    return median(seconds)


def ask_true(identity: Identity, claim: Claim, chosen: argparse.Namespace) -> True_:
    """Ask for one identity, first for the proof; its truth is seen by values too."""
    answer, public = proof(claim), verdict(claim)
    judge = judge_of(claim, identity.draw, chosen.seed)
    return True_(
        identity, claim, judge.compare(claim.left, claim.right, points=2 if chosen.quick else 4), answer, public
    )


#: What the worker processes share, filled before they start.
WORK: list[tuple[Identity, Claim, argparse.Namespace]] = []


def ask_false(number: int) -> tuple[list[False_], Counter[str]]:
    """Return what the prover says to the slips of one identity that are false, and why the others were dropped."""
    identity, claim, chosen = WORK[number]
    place = f"{chosen.seed}/{identity.source}/{identity.name}"
    rng = random.Random(place)
    judges: dict[Any, Judge] = {}
    out: list[False_] = []
    dropped: Counter[str] = Counter()
    for mutant in mutants(claim, SLIPS, place):
        if chosen.quick and rng.random() >= 0.1:
            continue
        changed = mutant.claim
        kind = mutant.square, frozenset(leaves((changed.left, changed.right)))  # a slip may leave a tensor out
        if kind not in judges:
            judges[kind] = judge_of(changed, identity.draw, chosen.seed)
        word = judges[kind].compare(changed.left, changed.right)
        if word != "refuted":
            dropped[word] += 1
            continue
        answer = proof(changed)
        public = verdict(changed) if rng.random() < 1 / ASKED or answer.word == "proved" else None
        found = False_(identity.name, identity.source, mutant.kind, answer, public)
        if found.believed or found.broken:
            found.left, found.right = text(changed.left), text(changed.right)
        out.append(found)
    return out, dropped


# -- what is printed ---------------------------------------------------------------------------------------------------


def report(
    true: list[True_], false: list[False_], dropped: Counter[str], unit: float, chosen: argparse.Namespace
) -> int:
    """Print the tables and the bars; return the exit status."""
    times = {"true": [t.proof.seconds for t in true], "false": [f.proof.seconds for f in false]}
    times["together"] = times["true"] + times["false"]
    print(f"\n{len(true)} true identities, {len(false)} false ones refuted by the interpreter")
    print("slips dropped: " + (", ".join(f"{n} {word} in value" for word, n in sorted(dropped.items())) or "none"))
    print(f"one SymPy diff of an affine layer: {unit * 1e3:.2f} ms\n")
    print(_by_kind(true, false))
    print()
    print(_timed(times, unit, true, false))
    print()
    print(_by_source(true))
    _not_proved(true)
    believed = [f for f in false if f.believed]
    for f in believed:
        print(f"\nFALSE, PROVED  {f.slip} in {f.name!r} ({f.source})\n    {f.left}\n    = {f.right}")
    broken = [f for f in false if f.broken]
    for f in broken:
        print(
            f"\n{f.proof.word.upper()}  {f.slip} in {f.name!r} ({f.source}): {f.proof.reason}\n"
            f"    {f.left}\n    = {f.right}"
        )
    rows = {
        "seed": chosen.seed, "quick": chosen.quick, "sympy diff seconds": unit, "dropped": dict(dropped),
        "true": [t.record() for t in true], "false": len(false), "false proved": [f.record() for f in believed],
        "broken": [f.record() for f in broken],
        "seconds": {word: {"median": median(s), "p95": p95(s)} for word, s in times.items() if s},
    }  # fmt: skip
    print()
    return finish(rows, bars(true, false, times, chosen), chosen.json)


def bars(
    true: list[True_], false: list[False_], times: dict[str, list[float]], chosen: argparse.Namespace
) -> list[Bar]:
    """Return the figures with their limits."""

    def unproved(kind: str) -> float:
        of_kind = [t for t in true if t.identity.kind == kind]
        return 100 * sum(t.proof.word != "proved" for t in of_kind) / len(of_kind)

    cited = sum(t.identity.kind == "cited" for t in true)
    out = [
        Bar("false ones proved", sum(f.believed for f in false), 0),
        Bar("true ones that values refute", sum(t.values != "equal" for t in true), 0),
        Bar("true ones that the public verdict refutes", sum(t.public.word == "refuted" for t in true), 0),
        Bar(f"proofs that crashed or did not end in {LIMIT} s", _broken(true, false), 0),
        Bar(f"true ones short of {LEAST_TRUE}", max(0, LEAST_TRUE - len(true)), 0),
        Bar(f"cited ones short of {LEAST_CITED}", max(0, LEAST_CITED - cited), 0),
        Bar(f"false ones short of {LEAST_FALSE}", None if chosen.quick else max(0, LEAST_FALSE - len(false)), 0),
        Bar("gallery not proved, per cent", unproved("gallery"), 5),
        Bar("cited not proved, per cent", unproved("cited"), 10),
        Bar("median of all, ms", 1e3 * median(times["together"]), 1e3 * MEDIAN),
        Bar("95th percentile of all, ms", 1e3 * p95(times["together"]), 1e3 * SLOWEST),
    ]
    return out


def _broken(true: list[True_], false: list[False_]) -> int:
    words = [a.word for t in true for a in (t.proof, t.public)]
    return sum(word in BROKEN for word in words) + sum(f.broken for f in false)


def p95(seconds: Sequence[float]) -> float:
    """Return the time that 95 of 100 do not exceed."""
    return sorted(seconds)[max(0, -(-95 * len(seconds) // 100) - 1)]


def _by_kind(true: list[True_], false: list[False_]) -> str:
    rows = []
    for kind in ("gallery", "cited"):
        of_kind = [t for t in true if t.identity.kind == kind]
        proved = sum(t.proof.word == "proved" for t in of_kind)
        public = sum(t.public.word == "proved" for t in of_kind)
        rows.append(
            [f"true, {kind}", str(len(of_kind)), str(proved), f"{100 * proved / len(of_kind):.1f} %", str(public)]
        )
    for kind in KINDS:
        of_slip = [f for f in false if f.slip == kind]
        asked = [f.public.word for f in of_slip if f.public is not None]
        rows.append([f"false, {kind}", str(len(of_slip)), str(sum(f.proof.word == "proved" for f in of_slip)), "",
                     f"{asked.count('refuted')} of {len(asked)} refuted"])  # fmt: skip
    return table(("", "number", "proved", "share", "public verdict"), rows)


def _timed(times: dict[str, list[float]], unit: float, true: list[True_], false: list[False_]) -> str:
    shown = {f"proof, {word}": s for word, s in times.items()}
    shown["public verdict, true"] = [t.public.seconds for t in true]
    shown["public verdict, false"] = [f.public.seconds for f in false if f.public is not None]
    rows = [
        [word, f"{1e3 * median(s):.2f}", f"{1e3 * p95(s):.1f}", f"{1e3 * max(s):.0f}",
         f"{median(s) / unit:.1f}", f"{p95(s) / unit:.1f}"]
        for word, s in shown.items() if s
    ]  # fmt: skip
    return table(("ms", "median", "p95", "slowest", "median / diff", "p95 / diff"), rows)


def _by_source(true: list[True_]) -> str:
    groups: dict[str, list[True_]] = defaultdict(list)
    for t in true:
        groups[t.identity.group].append(t)
    rows, single, proved = [], 0, 0
    for name, found in groups.items():
        right = sum(t.proof.word == "proved" for t in found)
        if len(found) < 3:
            single, proved = single + len(found), proved + right
            continue
        rows.append([name, str(len(found)), str(right)])
    return table(("source", "number", "proved"), [*rows, ["other sources", str(single), str(proved)]])


def _not_proved(true: list[True_]) -> None:
    print("\ntrue, not proved:")
    for t in true:
        if t.proof.word != "proved" or t.values != "equal":
            print(f"  {t.public.word:10} {t.identity.source}: {t.identity.name}")
            print(f"             values {t.values}; proof {t.proof.word}: {t.proof.reason[:110]}")


if __name__ == "__main__":
    raise SystemExit(main())
