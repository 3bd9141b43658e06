"""Ask the prover: its proof alone, timed, and the verdict that users see."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import symnn as sn
from symnn.algebra.prove import prove_equal
from symnn.ground.sympy_border import to_sympy
from symnn.sides import read_facts

from .mutants import Claim
from .record import Draw
from .values import Judge

__all__ = ["LIMIT", "Answer", "judge_of", "proof", "verdict"]


@dataclass(frozen=True)
class Answer:
    """What the prover said, how long it took, and why it did not prove."""

    word: str
    seconds: float
    reason: str = ""


#: CPU seconds after which a proof counts as one that does not end.
LIMIT = 20


class Unending(BaseException):
    """A proof was stopped; no handler of ordinary errors may keep it."""


@contextmanager
def ended_after(seconds: int) -> Iterator[None]:
    """Raise Unending in the block after so many CPU seconds."""

    def stop(number: int, frame: Any) -> None:
        raise Unending

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def proof(claim: Claim, *, budget: int = 60_000) -> Answer:
    """Return the algebra's own answer, before anything is evaluated; the budget is that of ``sn.prove_equal``."""
    facts = [fact for fact, _ in read_facts(_given(claim))]
    start = time.process_time()
    try:
        with ended_after(LIMIT):
            found = prove_equal(claim.left, claim.right, facts=facts, derive=True, budget=budget)
    except Unending:
        return Answer("unending", time.process_time() - start, f"stopped after {LIMIT} s, whatever the budget")
    except (sn.UnsupportedError, RecursionError) as error:
        return Answer("not run", time.process_time() - start, str(error).splitlines()[0])
    except Exception as error:  # a fault of the prover's, which the bars count
        return Answer("crashed", time.process_time() - start, repr(error))
    return Answer(found.verdict, time.process_time() - start, found.reason)


def verdict(claim: Claim) -> Answer:
    """Return the public verdict, which evaluates, proves and looks for counterexamples."""
    start = time.process_time()
    try:
        with np.errstate(all="ignore"), ended_after(LIMIT):  # points outside the domain are the verdict's own business
            found = sn.prove_equal(to_sympy(claim.left), to_sympy(claim.right), _typed(claim))
    except Unending:
        return Answer("unending", time.process_time() - start, f"stopped after {LIMIT} s, whatever the budget")
    except Exception as error:
        return Answer("crashed", time.process_time() - start, repr(error))
    return Answer(found.verdict, time.process_time() - start, found.detail)


def judge_of(claim: Claim, draw: Draw | None, seed: int) -> Judge:
    """Return what refutes a claim, or one with a slip in it, by values at which its facts hold."""
    facts = [tree for _, *sides in claim.given for tree in sides]
    return Judge(claim.free, (claim.left, claim.right, *facts), draw, seed)


def _typed(claim: Claim) -> list[tuple[Any, Any]]:
    return [(to_sympy(left), to_sympy(right)) for left, right in _given(claim)]


def _given(claim: Claim) -> list[tuple[Any, Any]]:
    return [(left, right) for _, left, right in claim.given]
