"""Check the arrays given to a program: names, ranks, sizes, types, finite entries, labels in range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from symnn.graph.interpreter import size_value
from symnn.ground.arrays import host, on_gpu
from symnn.ground.errors import DataError, LabelError, ShapeError, UnknownNameError
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor

__all__ = ["Inputs"]

_INT64 = numpy.dtype("int64")
_REAL = {name: numpy.dtype(name) for name in ("float32", "float64")}


class Inputs:
    """The leaves of a program and the values its symbols were given."""

    def __init__(self, leaves: Sequence[Tensor], fixed: Mapping[str, float]) -> None:
        self.leaves = tuple(leaves)
        self.names = tuple(t.name for t in leaves)
        self.fixed = {str(k): v for k, v in fixed.items()}
        self._known_names = frozenset(self.names)
        self._fitting: tuple[Any, ...] | None = None
        self._classes: list[int | None] = []

    def arrays(self, values: Mapping[str, Any], xp: Any, dtype: str) -> list[Any]:
        """Return one array per leaf, in order; what they hold is not looked at.

        Raises:
            UnknownNameError: a name that no leaf has.
            DataError: a missing, empty, complex or non-numeric array, or one of the wrong rank.
            ShapeError: two axes that are one size differ; the message names both.
            LabelError: a label is no integer.
        """
        for name in values:
            if name not in self._known_names:
                raise UnknownNameError(str(name), self.names, "input")
        if len(values) < len(self.names):
            missing = [n for n in self.names if n not in values]
            raise DataError(
                f"No array was given for {missing[0]!r}. The program needs: {', '.join(map(repr, self.names))}."
            )
        made = [_converted(t, values[t.name], xp, dtype) for t in self.leaves]
        shapes = tuple([a.shape for a in made])
        if shapes != self._fitting:  # the shapes of the last call are known to fit
            self._shapes(made)
            self._fitting = shapes
        return made

    def entries(self, arrays: Sequence[Any], xp: Any, *, finite: bool) -> None:
        """Look at the entries of arrays that ``arrays`` has returned last.

        Raises:
            LabelError: a label is out of range.
            DataError: an entry is not finite, unless that does not matter.
        """
        if xp is not numpy and self._fine(arrays, xp, finite):
            return
        for t, a, classes in zip(self.leaves, arrays, self._classes, strict=True):
            if t.classes is not None:
                _labels(t, a, classes)
            elif finite:
                _finite(t, a, xp)

    def _fine(self, arrays: Sequence[Any], xp: Any, finite: bool) -> bool:
        """Tell whether all entries on a GPU are known to be fine, from figures that are fetched all at once."""
        figures: list[Any] = []
        limits: list[float] = []
        for t, a, classes in zip(self.leaves, arrays, self._classes, strict=True):
            if t.classes is not None:
                if classes is None or t.bijective:
                    return False
                figures.append(a.view("uint64").max())  # a negative label is a very large one
                limits.append(classes)
            elif finite:
                if not a.flags.c_contiguous:
                    return False
                figures.append(xp.vdot(a, a))
                limits.append(math.inf)
        found = host(xp.stack(figures)).tolist() if figures else []
        return all(f < limit for f, limit in zip(found, limits, strict=True))

    def _shapes(self, arrays: list[Any]) -> None:
        sizes: dict[Any, tuple[int, str]] = {}
        later: list[tuple[Tensor, int, Any, int]] = []
        for t, a in zip(self.leaves, arrays, strict=True):
            if a.ndim != t.rank:
                raise ShapeError(
                    f"The array for {t.name!r} has shape {tuple(a.shape)}, expected {t.rank} axes {size_text(t.shape)}."
                )
            for axis, (size, found) in enumerate(zip(t.shape, a.shape, strict=True)):
                if not found:
                    raise DataError(
                        f"The array for {t.name!r} is empty: axis {axis}, the size {size}, is 0 in shape "
                        f"{tuple(a.shape)}. Every size must be at least 1."
                    )
                if size.is_Symbol and size not in sizes:
                    given = self.fixed.get(size.name)
                    sizes[size] = (found, f"axis {axis} of {t.name!r}")
                    if given is not None and given != found:
                        raise ShapeError(f"Axis {axis} of {t.name!r}, the size {size}, has length {found}, expected "
                                         f"{given} as given in scalars.")  # fmt: skip
                elif size.is_Symbol or size.is_Integer:
                    expected, where = sizes[size] if size.is_Symbol else (int(size), "the declaration")
                    if found != expected:
                        raise ShapeError(
                            f"Axis {axis} of {t.name!r}, the size {size}, has length {found}, expected {expected} "
                            f"from {where}. Shape found {tuple(a.shape)}, declared {size_text(t.shape)}."
                        )
                else:
                    later.append((t, axis, size, found))
        plain = {s: n for s, (n, _) in sizes.items()}
        for t, axis, size, found in later:
            self._compound(t, axis, size, found, plain)
        self._classes = [None if t.classes is None else self._known(t.classes, plain) for t in self.leaves]

    def _known(self, size: Any, plain: dict[Any, int]) -> int | None:
        full = dict(plain)
        for s in size.free_symbols:
            if s not in full and s.name in self.fixed:
                full[s] = int(self.fixed[s.name])
        return size_value(size, full) if all(s in full for s in size.free_symbols) else None

    def _compound(self, t: Tensor, axis: int, size: Any, found: int, plain: dict[Any, int]) -> None:
        """An axis whose length is an expression; with one size unknown it tells that size."""
        expected = self._known(size, plain)
        if expected is None:
            return self._solve(t, axis, size, found, plain)
        if expected != found:
            raise ShapeError(f"Axis {axis} of {t.name!r}, the size {size}, has length {found}, expected {expected}.")
        return None

    def _solve(self, t: Tensor, axis: int, size: Any, found: int, plain: dict[Any, int]) -> None:
        unknown = [s for s in size.free_symbols if s not in plain and s.name not in self.fixed]
        if len(unknown) != 1:
            return
        low, high = 1, found + 1
        while low < high:
            middle = (low + high) // 2
            if (self._known(size, {**plain, unknown[0]: middle}) or 0) < found:
                low = middle + 1
            else:
                high = middle
        if self._known(size, {**plain, unknown[0]: low}) != found:
            raise ShapeError(
                f"Axis {axis} of {t.name!r} has length {found}, which is {size} for no whole {unknown[0]}."
            )
        plain[unknown[0]] = low


def _converted(t: Tensor, value: Any, xp: Any, dtype: str) -> Any:
    """Return a value as an array of the program's precision; labels as int64."""
    if (
        type(value) is numpy.ndarray
        and xp is numpy
        and value.dtype.name == ("int64" if t.classes is not None else dtype)
    ):
        return value
    if xp is not numpy and on_gpu(value):
        array = value
    else:
        try:
            array = numpy.asarray(host(value))
        except ValueError:
            raise DataError(f"The value for {t.name!r} is not an array: its rows have different lengths.") from None
    kind = array.dtype.kind
    if kind == "c":
        raise DataError(f"The array for {t.name!r} is complex. symnn computes with real numbers; pass its real part.")
    if kind not in "fiub":
        raise DataError(f"The array for {t.name!r} has the type {array.dtype}, expected numbers.")
    if t.classes is not None:
        if kind == "f":
            own = xp if on_gpu(array) else numpy
            whole = array == own.floor(array) if own is not numpy or array.size else True
            if not bool(own.all(whole)):
                at = tuple(int(i) for i in numpy.argwhere(host(~whole))[0])
                raise LabelError(f"{t.name!r} holds the label {array[at]} at {at}, expected a whole number.")
        elif kind == "b":
            raise LabelError(f"{t.name!r} holds truth values, expected whole numbers. Convert them with .astype(int).")
        return xp.asarray(array, dtype=xp.int64)
    return xp.asarray(array, dtype=dtype)


def _finite(t: Tensor, array: Any, xp: Any) -> None:
    # The sum of squares is finite unless an entry is not, or it overflows; only then look at every entry.
    if array.flags.c_contiguous and math.isfinite(xp.vdot(array, array)):
        return
    good = xp.isfinite(array)
    if not bool(xp.all(good)):
        at = tuple(int(i) for i in numpy.argwhere(~host(good))[0])
        raise DataError(
            f"The array for {t.name!r} holds {float(array[at])} at {at}. Every entry must be finite in the program's "
            "precision; check=False lets such data through."
        )


def _labels(t: Tensor, array: Any, classes: int | None) -> None:
    _range(t, array, classes)
    if t.bijective and len(set(array.tolist())) < array.size:
        raise LabelError(
            f"{t.name!r} holds {array.tolist()}, expected a permutation: each of 0 .. {array.size - 1} once."
        )


def _range(t: Tensor, array: Any, classes: int | None) -> None:
    if classes is not None and array.view("uint64").max() < classes:  # a negative label is a very large one
        return
    low, high = int(array.min()), int(array.max())
    if low >= 0 and (classes is None or high < classes):
        return
    bad = low if low < 0 else high
    at = tuple(int(i) for i in numpy.argwhere(host(array) == bad)[0])
    limit = f"{t.classes} - 1" + ("" if classes is None else f" = {classes - 1}")
    raise LabelError(f"{t.name!r} holds the label {bad} at {at}, expected an integer from 0 to {limit}.")
