"""Where a formula that is right has a value: what it asks for, also of what cancels, and whether that is ever so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from symnn.algebra.conditions import side_conditions
from symnn.ground.tree import Tree
from symnn.judge.far import far_points, question_of
from symnn.judge.judgement import CANNOT, Judgement
from symnn.judge.spots import UNFIT, Spot
from symnn.judge.truth import Truth
from symnn.language.parts import Part
from symnn.language.reading import Reading
from symnn.show.letters import named
from symnn.show.text_notation import text

__all__ = ["within_domain"]


def within_domain(truth: Truth, reading: Reading, points: Sequence[Spot], found: Judgement, seen: bool) -> Judgement:
    """Return a judgement that says right with what the formula asks for; "cannot tell" where it has a value nowhere.

    Args:
        truth: the true gradient.
        reading: the formula.
        points: generic ones.
        found: the judgement.
        seen: the entry itself was seen to have a value.
    """
    hidden = reading.hidden
    for part in (*(() if seen else (Part(reading.free, reading.tree),)), *hidden):
        if not _somewhere(truth, reading, points, part):
            asked = _asked(part.tree)
            why = "no point was found at which yours has a value"
            why += f": it asks for {' and '.join(asked)}" if asked else ""
            return replace(found, verdict=CANNOT, reason=why, conditions=())
    asked = tuple(c for part in hidden for c in _asked(part.tree))
    conditions = (*found.conditions, *asked, *map(str, reading.reaches))
    return replace(found, conditions=tuple(dict.fromkeys(conditions)))


def _asked(tree: Tree) -> tuple[str, ...]:
    """Return what a formula asks for and does not have by its form, such as w[i] > 0 for log(w[i])."""
    return tuple(
        f"{text(c.tree, letters=named(c.tree))} {c.relation} 0" for c in side_conditions(tree) if not c.known
    )  # fmt: skip


def _somewhere(truth: Truth, reading: Reading, points: Sequence[Spot], part: Part) -> bool:
    """Tell whether a part was seen to have a value at every entry of some point."""
    for spot in _points(truth, reading, points):
        try:
            with np.errstate(all="ignore"):
                if np.all(np.isfinite(spot.dense.array(part.tree, part.free))):
                    return True
        except UNFIT:
            continue
    return False


def _points(truth: Truth, reading: Reading, points: Sequence[Spot]) -> Iterator[Spot]:
    yield from points
    yield from (spot for spot, _ in far_points(truth, question_of(truth, reading)))
