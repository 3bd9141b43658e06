"""A budget of algebra: work is counted, not timed, so that what is given up does not depend on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Exhausted", "limited", "spend"]


class Exhausted(Exception):
    """A computation took more products than it was given."""


class _Left:
    """How many products are left; None where nothing limits them."""

    steps: int | None = None


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


def spend() -> None:
    """Count one product."""
    if _Left.steps is not None:
        _Left.steps -= 1
        if _Left.steps < 0:
            raise Exhausted("the algebra gave up: too many products")
