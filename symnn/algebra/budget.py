"""A budget of algebra: work is counted, not timed, so that what is given up does not depend on the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Exhausted", "limited", "spend", "watched"]


class Exhausted(Exception):
    """A computation took more products than it was given."""


class _Left:
    """How many products are left, None where nothing limits them; and what is called once after some more."""

    steps: int | None = None
    until: int = 0
    watch: Callable[[], None] | None = None


@contextmanager
def limited(steps: int) -> Iterator[None]:
    """Give a computation a number of products; inside another limit, at most what that has left.

    Raises:
        Exhausted: more were needed.
    """
    before = _Left.steps
    given = steps if before is None else min(before, steps)
    _Left.steps = given
    try:
        yield
    finally:
        _Left.steps = None if before is None else before - (given - max(_Left.steps, 0))


@contextmanager
def watched(steps: int, watch: Callable[[], None]) -> Iterator[None]:
    """Call ``watch`` once if a computation takes more than so many products; it may end it by an exception."""
    before = _Left.until, _Left.watch
    _Left.until, _Left.watch = steps, watch
    try:
        yield
    finally:
        _Left.until, _Left.watch = before


def spend(steps: int = 1) -> None:
    """Count some products."""
    if _Left.steps is not None:
        _Left.steps -= steps
        if _Left.steps < 0:
            raise Exhausted("the algebra gave up: too many products")
    if _Left.watch is not None:
        _Left.until -= steps
        if _Left.until < 0:
            watch, _Left.watch = _Left.watch, None
            watch()
