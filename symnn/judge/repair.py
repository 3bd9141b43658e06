"""A formula whose shapes do not fit: which transpose, or which order of a product, makes it the true gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import combinations
from typing import Any

import numpy as np

from symnn.ground.errors import SymnnError
from symnn.judge.candidate import Mismatched
from symnn.judge.fits import alike
from symnn.judge.judged_wrong import told
from symnn.judge.judgement import WRONG, Diagnosis, Judgement
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth
from symnn.language.grammar import parse
from symnn.language.reading import read_formula
from symnn.language.syntax import Binary, Call, Name, Node, Number, Transposed

__all__ = ["judged_mismatch"]

_MOST_TRIES = 300
#: A change of the text: a place, and what is written there instead, in words.
_Change = tuple[int, int, str, str]


def judged_mismatch(truth: Truth, error: Mismatched, points: Sequence[Spot]) -> Judgement:
    """Return the judgement on a formula whose shapes do not fit."""
    found: tuple[Diagnosis, ...] = (Diagnosis("shape", "the shapes do not fit, so it has no value"),)
    if error.plain:
        found = next(_repairs(truth, error.text, points[:2]), found)
    return Judgement(
        truth.wrt.name, WRONG, str(error), yours=" ".join(error.text.split()), diagnosis=found, **told(truth)
    )  # fmt: skip


def _repairs(truth: Truth, text: str, points: Sequence[Spot]) -> Iterator[tuple[Diagnosis, ...]]:
    """Yield the changes that make the formula the true gradient, the shortest first."""
    changes = list(_changes(parse(text), text))
    tried = 0
    for count in (1, 2, 3):
        for several in combinations(changes, count):
            tried += 1
            if tried > _MOST_TRIES:
                return
            if any(a[0] < b[1] and b[0] < a[1] for a, b in combinations(several, 2)):
                continue
            made = _changed(text, several)
            if _right(truth, made, points):
                words = " and ".join(c[3] for c in several)
                yield (Diagnosis("transpose", f"the shapes do not fit; {words}: {' '.join(made.split())}", made),)


def _changes(node: Any, text: str) -> Iterator[_Change]:
    """Yield transposes put in or left out, and products turned round."""
    if isinstance(node, Binary) and node.op == "@":
        for side in (node.left, node.right):
            if isinstance(side, Transposed):
                (start, end), own = side.span, side.body.span
                yield start, end, text[own[0] : own[1]], f"{_cut(text, own)} is transposed, and must not be"
            else:
                start, end = side.span
                part = text[start:end]
                short = isinstance(side, Name | Number | Call)
                yield start, end, f"{part}.T" if short else f"({part}).T", f"{_cut(text, side.span)} must be transposed"
    for f in fields(node) if hasattr(node, "__dataclass_fields__") else ():
        value = getattr(node, f.name)
        for part in value if isinstance(value, tuple) else (value,):
            for inner in part if isinstance(part, tuple) else (part,):
                if isinstance(inner, Node):
                    yield from _changes(inner, text)
    if isinstance(node, Binary) and node.op == "@":
        left, right = (text[a:b] for a, b in (node.left.span, node.right.span))
        yield node.span[0], node.span[1], f"({right}) @ ({left})", "the factors stand the other way round"


def _cut(text: str, span: tuple[int, int]) -> str:
    return " ".join(text[span[0] : span[1]].split())


def _changed(text: str, changes: Sequence[_Change]) -> str:
    for start, end, new, _ in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _right(truth: Truth, text: str, points: Sequence[Spot]) -> bool:
    target = truth.derivation.target
    assert target is not None
    try:
        reading = read_formula(text, truth.scope, truth.free)
        with np.errstate(all="ignore"):
            return reading.fits and all(
                alike(p.dense.array(reading.tree, reading.free), p.tensor(target)) for p in points
            )
    except (SymnnError, ArithmeticError, ValueError, KeyError):
        return False
