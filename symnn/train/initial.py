"""W ~ Normal(0, s^2): seeded initial parameters of given standard deviations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["initialise"]


def initialise(
    shapes: Mapping[str, tuple[int, ...]], deviations: Mapping[str, float], *, seed: int = 0, dtype: Any = np.float64,
    fixed: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray[Any, Any]]:  # fmt: skip
    """Return an array per shape: normal entries of the standard deviation that its name has, else zeros.

    ``fixed`` names those that start from one value in every entry. The draws of one name do not depend on the other
    names' shapes.

    >>> initialise({"W": (3, 2), "b": (3,)}, {"W": 0.1}, seed=1)["b"]
    array([0., 0., 0.])
    """
    out: dict[str, np.ndarray[Any, Any]] = {}
    for stream, (name, shape) in zip(np.random.SeedSequence(seed).spawn(len(shapes)), shapes.items(), strict=True):
        if name not in deviations or name in (fixed or {}):
            out[name] = np.full(shape, (fixed or {}).get(name, 0.0), dtype)
            continue
        out[name] = (np.random.default_rng(stream).standard_normal(shape) * deviations[name]).astype(dtype)
    return out
