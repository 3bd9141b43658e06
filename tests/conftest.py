"""Property tests draw the same examples on every run; a fault in the search for a diagnosis is a fault."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from symnn.judge import judged_wrong

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first: begun last, one of them would keep one core busy and the others idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _diagnoses_that_fail_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged_wrong, "UNTOLD", ())
