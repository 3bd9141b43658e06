"""Bundled data and minibatches: scikit-learn's handwritten digits, split by class, scaled by the training part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.ground.errors import DataError, UnknownNameError

__all__ = ["SCALINGS", "Split", "digits", "minibatches"]

SCALINGS = ("unit", "standard", "none")


@dataclass(frozen=True)
class Split:
    """Training and test part, each a dict of arrays with one row per example: ``x`` (N, D) and ``t`` (N,)."""

    train: dict[str, Any]
    test: dict[str, Any]


def digits(*, scaling: str = "unit", test: float = 0.2, seed: int = 0, x: str = "x", t: str = "t") -> Split:
    """Return the 1797 digits of 8 x 8 pixels, a stratified part held out as test.

    Args:
        scaling: "unit" divides by 16; "standard" takes mean and deviation per pixel from the training part; "none".
        test: the fraction held out.
        seed: of the split.
        x: name of the pixels.
        t: name of the labels.

    Raises:
        UnknownNameError: no such scaling.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if scaling not in SCALINGS:
        raise UnknownNameError(scaling, SCALINGS, "scaling")
    pixels, classes = load_digits(return_X_y=True)
    parts = train_test_split(pixels, classes, test_size=test, random_state=seed, stratify=classes)
    train, held, t_train, t_held = (np.asarray(p) for p in parts)
    if scaling == "unit":
        train, held = train / 16, held / 16
    elif scaling == "standard":
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1)
        train, held = (train - mean) / deviation, (held - mean) / deviation
    return Split({x: train, t: t_train}, {x: held, t: t_held})


def minibatches(
    data: Mapping[str, Any], size: int, rng: np.random.Generator, *, whole: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the rows of all arrays in random order, ``size`` at a time; the last batch is smaller unless ``whole``.

    Raises:
        DataError: there are no rows, or the arrays have different numbers of rows.
    """
    lengths = {name: len(a) for name, a in data.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise DataError(f"Every array needs the same number of rows, at least one; found {lengths}.")
    if size < 1:
        raise DataError(f"The batch size must be at least 1, found {size}.")
    count = next(iter(lengths.values()))
    order = rng.permutation(count)
    for start in range(0, count, size):
        rows = order[start : start + size]
        if whole and len(rows) < size:
            return
        yield {name: a[rows] for name, a in data.items()}
