"""W ~ Normal(0, s^2) with s from the fan-in: seeded initial parameters, the scheme chosen by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symnn.ground.errors import UnknownNameError

__all__ = ["SCHEMES", "initialise"]

#: Scheme -> standard deviation from fan-in and fan-out.
SCHEMES: dict[str, Callable[[int, int], float]] = {
    "he": lambda fan_in, fan_out: math.sqrt(2 / fan_in),  # He et al. 2015, eq. 10
    "xavier": lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),  # Glorot, Bengio 2010, eq. 12
    "lecun": lambda fan_in, fan_out: math.sqrt(1 / fan_in),  # LeCun et al. 1998, sec. 4.6
    "zeros": lambda fan_in, fan_out: 0.0,
}


def initialise(
    shapes: Mapping[str, tuple[int, ...]], *, scheme: str = "he", seed: int = 0, dtype: Any = np.float64,
    fixed: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray[Any, Any]]:  # fmt: skip
    """Return an array per shape: tensors of rank 2 and more drawn by the scheme, vectors and scalars zero.

    ``fixed`` names those that start from one value in every entry. The first axis is the fan-out, all others together
    the fan-in, as in W[i, j] x[j]. The draws of one name do not depend on the other names' shapes.

    Raises:
        UnknownNameError: no such scheme.

    >>> initialise({"W": (3, 2), "b": (3,)}, seed=1)["b"]
    array([0., 0., 0.])
    """
    if scheme not in SCHEMES:
        raise UnknownNameError(scheme, SCHEMES, "initialisation scheme")
    out: dict[str, np.ndarray[Any, Any]] = {}
    for stream, (name, shape) in zip(np.random.SeedSequence(seed).spawn(len(shapes)), shapes.items(), strict=True):
        if len(shape) < 2 or name in (fixed or {}):
            out[name] = np.full(shape, (fixed or {}).get(name, 0.0), dtype)
            continue
        deviation = SCHEMES[scheme](math.prod(shape[1:]), shape[0])
        out[name] = (np.random.default_rng(stream).standard_normal(shape) * deviation).astype(dtype)
    return out
