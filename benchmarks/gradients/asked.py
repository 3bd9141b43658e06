"""Ask the judge, timed, and see whether a diagnosis names the slip."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import symnn as sn
from symnn.judge import judged_wrong

from .record import ALSO, Case, Wrong, given, speaking

__all__ = ["LIMIT", "Answer", "asked", "explained", "reads_latex"]

judged_wrong.UNTOLD = ()  # a search for a diagnosis that fails is a crash here, not a verdict without one
#: Seconds after which a verdict counts as one that does not come.
LIMIT = 20


@dataclass(frozen=True)
class Answer:
    """What the judge said, and how long it took."""

    word: str
    verdict: str
    diagnosis: tuple[tuple[str, str], ...]
    seconds: float
    reason: str = ""
    renamed: str = ""
    warned: str = ""


class Unending(BaseException):
    """A verdict was stopped; no handler of ordinary errors may keep it."""


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


@cache
def reads_latex() -> bool:
    """Tell whether symnn reads LaTeX here."""
    try:
        import symnn.language.latex_meaning  # noqa: F401
    except ImportError:
        return False
    return hasattr(sn, "latex")


_BUILT: dict[str, Any] = {}


def forward_of(case: Case) -> Any:
    """Return the forward pass of a case, made once in each process."""
    if case.name not in _BUILT:
        _BUILT[case.name] = case.build()
    return _BUILT[case.name]


def asked(case: Case, wrt: str, candidate: Any) -> Answer:
    """Return the judge's answer to a candidate."""
    forward = forward_of(case)
    before = list(speaking(forward))
    start = time.process_time()
    try:
        with ended_after(LIMIT), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = sn.check_gradient(forward, wrt, given(candidate, forward))
    except Unending:
        _BUILT.pop(case.name, None)
        return Answer("unending", "unending", (), time.process_time() - start, f"stopped after {LIMIT} s")
    except Exception as error:  # a fault of the judge's, which the bars count
        _BUILT.pop(case.name, None)
        return Answer("crashed", "crashed", (), time.process_time() - start, f"{type(error).__name__}: {error}")
    seconds = time.process_time() - start
    after = list(speaking(forward))
    if after != before:
        del _BUILT[case.name]
    renamed = "" if after == before else f"the tensors are called {', '.join(after)} now"
    said = tuple((d.kind, d.sentence) for d in found.diagnosis)
    message = str(warned[0].message) if warned else ""
    return Answer(found.word, found.verdict, said, seconds, found.reason, renamed, message)


#: Greek letters that a diagnosis may hold, by the names that formulas give them.
_GREEK = dict(zip("αβγδεκλμρστ", "alpha beta gamma delta eps kappa lam mu rho sigma tau".split(), strict=True))


def explained(wrong: Wrong, answer: Answer) -> bool:
    """Tell whether a diagnosis names the slip: its parts are of kinds that do, or may stand beside; its words too."""
    if answer.word != "wrong" or not answer.diagnosis:
        return False
    found = {kind for kind, _ in answer.diagnosis}
    if not found & wrong.kinds or found - wrong.kinds - ALSO.get(wrong.slip, frozenset()):
        return False
    said = " ".join(sentence for _, sentence in answer.diagnosis)
    said += " " + "".join(_GREEK.get(letter, letter) for letter in said)
    return all(any(choice in said for choice in word.split("|")) for word in wrong.words)
