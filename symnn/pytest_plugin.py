"""What pytest loads when symnn is installed: the fixture ``assert_gradient``; it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["assert_gradient"]


@pytest.fixture
def assert_gradient() -> Callable[..., Any]:
    """Give the assertion ``assert_gradient(forward, wrt, candidate)`` of ``symnn.testing``."""
    from symnn.testing import assert_gradient as assertion

    return assertion
