"""What the judge finds: right gradients in many guises, and gradients with one slip in them, each kind by itself.

A right one is a false alarm unless it is called right; one with a slip is missed unless it is called wrong: "cannot
tell" is a failure of both. A slip counts once values say that it changes something, worked out by an evaluator of the
benchmark's own; one that changes nothing is right and is counted there. A diagnosis is right if every part of it is of
a kind that names the slip and says what it must, the constant for a constant. Every failure is printed whole.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

from gradients import all_cases
from gradients.asked import LIMIT, Answer, asked, explained, reads_latex
from gradients.peers import gradcheck
from gradients.prepare import prepared, shown
from gradients.record import SLIPS, Case, Right, Tex, Wrong, guise_of
from shared.rounds import Bar, finish, table

#: Slips that the mutator makes per case.
MOST = 18
LEAST_CASES, LEAST_WRONG, LEAST_RIGHT, LEAST_OF_KIND = 40, 1000, 300, 8
EXPLAINED = 90
#: Parts after which a worker process is renewed: what a proof interns is never dropped.
RENEWED = 40


@dataclass
class Found:
    """One candidate and what the judge said."""

    case: str
    item: Right | Wrong
    equivalent: bool
    answer: Answer
    tensors: frozenset[str] = frozenset()

    @property
    def failed(self) -> bool:
        """A slip was missed, or a right one was not called right."""
        return self.answer.word != ("wrong" if isinstance(self.item, Wrong) else "right")

    @property
    def told(self) -> bool:
        """The diagnosis names the slip."""
        return isinstance(self.item, Wrong) and explained(self.item, self.answer)

    def __str__(self) -> str:
        item, a = self.item, self.answer
        what = "right" + " (a slip without effect)" * self.equivalent
        what = f"{item.slip} ({item.maker})" if isinstance(item, Wrong) else what
        said = [f"{kind}: {sentence}" for kind, sentence in a.diagnosis] or [a.reason.replace("\n", " | ")[:300]]
        said += [a.renamed] * bool(a.renamed) + [a.warned] * bool(a.warned)
        text = shown(item.candidate).replace("\n", "\n        ")
        return f"  {self.case}, {item.wrt}: {what}\n        {text}\n    -> {a.word}; " + "; ".join(said)

    def record(self) -> dict[str, Any]:
        """Return a row for a JSON file."""
        item, a = self.item, self.answer
        wrong = isinstance(item, Wrong)
        return {
            "case": self.case, "wrt": item.wrt,
            "slip": item.slip if wrong else "", "maker": item.maker if wrong else "",
            "candidate": shown(item.candidate), "word": a.word, "verdict": a.verdict, "seconds": a.seconds,
            "diagnosis": [list(d) for d in a.diagnosis], "reason": a.reason, "failed": self.failed, "told": self.told,
            "kinds": sorted(item.kinds) if wrong else [], "words": list(item.words) if wrong else [],
        }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--quick", action="store_true", help="a tenth of all candidates")
    parser.add_argument("--seed", type=int, default=0, help="of the points and of the mutator's slips; default 0")
    parser.add_argument("--only", metavar="WORD", default="", help="the cases whose names hold this")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    CASES.extend(c for c in all_cases() if chosen.only in c.name)
    workers = max(1, min(2, os.cpu_count() or 1))
    context = get_context("fork")
    with context.Pool(workers, initializer=_seeded, initargs=(chosen.seed,), maxtasksperchild=RENEWED) as pool:
        plans = []
        for n, plan in enumerate(pool.imap(prepare, range(len(CASES))), start=1):
            plans.append(plan)
            progress("prepared", n, len(CASES))
    WORK.extend(work(plans, chosen.quick))
    found: list[Found] = []
    with context.Pool(workers, maxtasksperchild=RENEWED) as pool:
        for n, answers in enumerate(pool.imap(ask, range(len(WORK))), start=1):
            found += [Found(*WORK[n - 1][k][:3], answer) for k, answer in enumerate(answers)]
            progress("judged", n, len(WORK))
    return report(plans, found, chosen)


#: What the worker processes share, filled before they start.
CASES: list[Case] = []
WORK: list[list[tuple[str, Right | Wrong, bool, Case]]] = []
SEED = [0]


def _seeded(seed: int) -> None:
    SEED[0] = seed


def progress(word: str, n: int, count: int) -> None:
    """Say on a terminal how far it is."""
    if sys.stderr.isatty():
        print(f"\r{word}: {n} of {count}", end="" if n < count else "\n", file=sys.stderr)


def prepare(number: int) -> tuple[list[str], list[Any], list[Any], int]:
    """Return what was found about one case: faults, slips and slips without effect, by number or as texts."""
    case = CASES[number]
    plan = prepared(case, seed=SEED[0], most=MOST)
    wrongs = [case.wrongs.index(w) if w in case.wrongs else w for w in plan.wrongs]
    known = [w.candidate for w in case.wrongs]
    equal = [r if isinstance(r.candidate, str) else (r.wrt, known.index(r.candidate)) for r in plan.equivalent]
    return plan.faults, wrongs, equal, plan.dropped


def work(plans: Sequence[tuple[list[str], list[Any], list[Any], int]], quick: bool) -> list[list[Any]]:
    """Return the candidates to be judged, in parts of one case each."""
    out = []
    for case, (_, wrongs, equal, _) in zip(CASES, plans, strict=True):
        items: list[tuple[str, Right | Wrong, bool, Case]] = [(case.name, r, False, case) for r in case.rights]
        items += [(case.name, case.wrongs[w] if isinstance(w, int) else w, False, case) for w in wrongs]
        for r in equal:
            one = r if isinstance(r, Right) else Right(r[0], case.wrongs[r[1]].candidate)
            items.append((case.name, one, True, case))
        items = [i for i in items if reads_latex() or not isinstance(i[1].candidate, Tex)]
        if quick:
            items = items[len(out) % 10 :: 10]
        out += [items[k : k + 10] for k in range(0, len(items), 10)]
    return out


def ask(number: int) -> list[Answer]:
    """Return the judge's answers to one part."""
    return [asked(case, item.wrt, item.candidate) for _, item, _, case in WORK[number]]


# -- what is printed ---------------------------------------------------------------------------------------------------


def report(plans: Sequence[Any], found: list[Found], chosen: argparse.Namespace) -> int:
    """Print the tables and the bars; return the exit status."""
    wrong = [f for f in found if isinstance(f.item, Wrong)]
    right = [f for f in found if isinstance(f.item, Right) and not f.equivalent]
    equal = [f for f in found if f.equivalent]
    faults = [fault for plan in plans for fault in plan[0]]
    latex = sum(isinstance(i.candidate, Tex) for c in CASES for i in (*c.rights, *c.wrongs))
    unread = 0 if reads_latex() else latex
    print(f"\n{len(CASES)} layers, losses and networks; {len(right)} right gradients, {len(wrong)} with one slip")
    print(f"slips that change no value, which are right: {len(equal)}; slips without a value, dropped: "
          f"{sum(plan[3] for plan in plans)}")  # fmt: skip
    if unread:
        print(f"NOT RUN: {unread} formulas in LaTeX, which symnn does not read here yet")
    print("\n" + _by_slip(wrong) + "\n\n" + _by_guise(right, equal) + "\n\n" + _timed(found))
    for fault in faults:
        print(f"\nFAULT OF THE CORPUS  {fault}")
    _printed("MISSED, wrong gradients that were not called wrong:", [f for f in wrong if f.failed])
    _printed("FALSE ALARMS, right gradients that were not called right:", [f for f in (*right, *equal) if f.failed])
    _printed("AFTERWARDS the forward pass was another:", [f for f in found if f.answer.renamed])
    _printed("A WARNING came through:", [f for f in found if f.answer.warned])
    _printed("not told what is wrong:", [f for f in wrong if not f.failed and not f.told])
    print()
    peers = gradcheck()
    print()
    rows = {"seed": chosen.seed, "quick": chosen.quick, "faults": faults, "latex not run": unread, "gradcheck": peers,
            "rows": [f.record() for f in found]}  # fmt: skip
    return finish(rows, bars(faults, wrong, right, equal, chosen), chosen.json)


def bars(
    faults: list[str], wrong: list[Found], right: list[Found], equal: list[Found], chosen: argparse.Namespace
) -> list[Bar]:
    """Return the figures with their limits."""
    whole = not (chosen.quick or chosen.only)
    kinds = Counter(f.item.slip for f in wrong if isinstance(f.item, Wrong))
    few = sum(kinds[s] < LEAST_OF_KIND for s in SLIPS)
    renamed = sum(bool(f.answer.renamed) for f in (*wrong, *right, *equal))
    warned = sum(bool(f.answer.warned) for f in (*wrong, *right, *equal))
    broken = sum(f.answer.word in ("unending", "crashed") for f in (*wrong, *right, *equal))

    told = sum(f.told for f in wrong)

    def short(least: int, count: int) -> float | None:
        return max(0, least - count) if whole else None

    return [
        Bar("wrong gradients missed", sum(f.failed for f in wrong), 0),
        Bar("false alarms", sum(f.failed for f in right), 0),
        Bar("slips without effect not called right", sum(f.failed for f in equal), 0),
        Bar(f"verdicts that crashed or did not come in {LIMIT} s", broken, 0),
        Bar("verdicts that changed the forward pass", renamed, 0),
        Bar("verdicts that let a warning through", warned, 0),
        Bar("not told what is wrong, per cent", 100 * (1 - told / max(1, len(wrong))), 100 - EXPLAINED),
        Bar("faults of the corpus", len(faults), 0),
        Bar(f"cases short of {LEAST_CASES}", short(LEAST_CASES, len(CASES)), 0),
        Bar(f"wrong gradients short of {LEAST_WRONG}", short(LEAST_WRONG, len(wrong)), 0),
        Bar(f"right gradients short of {LEAST_RIGHT}", short(LEAST_RIGHT, len(right)), 0),
        Bar(f"kinds of slips met less than {LEAST_OF_KIND} times", few if whole else None, 0),
    ]  # fmt: skip


def _by_slip(wrong: list[Found]) -> str:
    rows = []
    for slip in SLIPS:
        of_kind = [f for f in wrong if isinstance(f.item, Wrong) and f.item.slip == slip]
        if of_kind:
            rows.append(_row(slip, of_kind))
    rows.append(_row("together", wrong))
    return table(("slip", "number", "by hand", "by the mutator", "missed", "told", "share"), rows)


def _row(name: str, found: list[Found]) -> list[str]:
    hand = sum(isinstance(f.item, Wrong) and f.item.maker == "hand" for f in found)
    told = sum(f.told for f in found)
    return [name, str(len(found)), str(hand), str(len(found) - hand), str(sum(f.failed for f in found)), str(told),
            f"{100 * told / max(1, len(found)):.0f} %"]  # fmt: skip


def _by_guise(right: list[Found], equal: list[Found]) -> str:
    groups: dict[str, list[Found]] = {}
    for f in right:
        groups.setdefault(guise_of(f.item.candidate), []).append(f)
    rows = []
    for name, found in (*sorted(groups.items()), ("slips without effect", equal), ("together", [*right, *equal])):
        count = Counter(f.answer.verdict for f in found)
        rows.append([name, str(len(found)), str(count["proved equal"]), str(count["equal numerically"]),
                     str(sum(f.failed for f in found))])  # fmt: skip
    return table(("right", "number", "proved", "numerically", "false alarms"), rows)


def _timed(found: list[Found]) -> str:
    rows = []
    for name, kind in (("right", Right), ("wrong", Wrong)):
        seconds = sorted(f.answer.seconds for f in found if isinstance(f.item, kind))
        if seconds:
            late = seconds[max(0, -(-95 * len(seconds) // 100) - 1)]
            rows.append([name, f"{median(seconds):.3f}", f"{late:.2f}", f"{seconds[-1]:.2f}"])
    return table(("seconds a verdict", "median", "p95", "slowest"), rows)


def _printed(head: str, found: list[Found]) -> None:
    if found:
        print(f"\n{head}")
        for f in found:
            print(f)


if __name__ == "__main__":
    raise SystemExit(main())
