"""Arrays of other libraries: what lies on a GPU is brought to the host where NumPy is to read it."""

from __future__ import annotations

from typing import Any

__all__ = ["host", "on_gpu"]


def on_gpu(value: Any) -> bool:
    """Tell whether a value is an array of CuPy's, without importing it."""
    return type(value).__module__.split(".")[0] == "cupy"


def host(value: Any) -> Any:
    """Return a CuPy array as a NumPy array; every other value as it is.

    >>> host(3.0)
    3.0
    """
    return value.get() if on_gpu(value) else value
