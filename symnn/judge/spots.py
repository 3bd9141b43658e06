"""Points at which gradients are compared: sizes pairwise different, generic entries; and those that hide faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import DataError, LabelError, ShapeError, SymnnError, UnknownNameError
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.judge.dense import Dense
from symnn.judge.truth import Truth
from symnn.language.parts import Reach
from symnn.verify.points import kinks, leaf_values

__all__ = ["UNFIT", "Spot", "enlarged", "special_spots", "spot_at", "spots"]

#: What is raised where something has no value at a point, or no shape that fits.
UNFIT = (SymnnError, ArithmeticError, ValueError, LookupError)
#: Sizes of the points in turn: pairwise different, products and sums of some no other one.
_SIZES = ((3, 5, 4, 2, 7, 6), (5, 2, 3, 7, 4, 6), (2, 7, 5, 3, 6, 4), (4, 3, 2, 5, 6, 7))
_MARGIN = 1e-3
_DRAWS = 40
#: No size is made larger than this for the sake of a position in a formula.
_LARGEST = 400
#: By how much every second point of a special set is larger.
_LARGER = 6.0
#: How many points of each special set are drawn: masks and the like may hide a fault at one of them by chance.
_PER_SET = 8


@dataclass
class Spot:
    """One point: sizes, leaves, and every other tensor worked out from them."""

    sizes: dict[Any, Any]
    leaves: dict[Tensor, Any]
    label: str = ""

    def __post_init__(self) -> None:
        self.dense = Dense(self.sizes, self.leaves)

    def tensor(self, t: Tensor) -> Any:
        """Return the array of a tensor in float64."""
        with np.errstate(all="ignore"):
            return self.dense.tensor(t)

    def machine(self, digits: int | None = None) -> Interpreter:
        """Return the reference interpreter here."""
        return Interpreter(self.sizes, self.leaves, digits)

    def where(self) -> str:
        """Return the sizes in words."""
        return ", ".join(f"{s}={v}" for s, v in self.sizes.items() if getattr(s, "is_integer", False))


def spots(truth: Truth, count: int = 3, *, seed: int = 0) -> list[Spot]:
    """Return generic points away from kinks at which the output and its gradient are defined.

    Raises:
        ValueError: none was found.
    """
    rng = np.random.default_rng(seed)
    out: list[Spot] = []
    for n in range(count):
        found = next(_drawn(truth, rng, partial(_sizes, truth, n, rng)), None)
        if found is None:
            raise ValueError("no point was found at which the output and its gradient are defined")
        out.append(found)
    return out


def enlarged(truth: Truth, spot: Spot, reaches: Sequence[Reach], *, seed: int = 0) -> Spot:
    """Return a point with sizes made as large as positions in a formula ask for; the same one where they are."""
    sizes = dict(spot.sizes)
    for r in reaches:
        if not r.holds(sizes):
            more = size_value(r.least, sizes) - size_value(r.size, sizes)
            grown = next((s for s in sorted(r.size.free_symbols, key=str) if s in sizes), None)
            if grown is None or sizes[grown] + more > _LARGEST:
                return spot
            sizes[grown] += more
    if sizes == spot.sizes or not all(r.holds(sizes) for r in reaches):
        return spot
    return Spot(sizes, leaf_values(truth.graph, sizes, np.random.default_rng(seed)))


def _sizes(truth: Truth, n: int, rng: np.random.Generator) -> dict[Any, Any]:
    symbols = truth.symbols
    row = list(_SIZES[n % len(_SIZES)]) + list(range(8, 8 + max(0, len(symbols.sizes) - 6)))
    chosen: dict[Any, Any] = dict(zip(symbols.sizes, row, strict=False))
    return chosen | {s: _scalar(s, rng) for s in symbols.scalars}


def _scalar(symbol: Any, rng: np.random.Generator) -> float:
    value = 0.2 + float(rng.random())
    return value if not (symbol.is_positive is None and rng.random() < 0.3) else -value


def _drawn(truth: Truth, rng: np.random.Generator, sizes: Callable[[], dict[Any, Any]]) -> Iterator[Spot]:
    hazards = kinks(truth.graph)
    target = truth.derivation.target
    for attempt in range(_DRAWS):
        chosen = sizes()
        mode = "normal" if attempt < 10 else "positive" if attempt < 25 else "unit"
        leaves = leaf_values(truth.graph, chosen, rng, mode)
        spot = Spot(chosen, leaves)
        try:
            with np.errstate(divide="raise", invalid="raise", over="raise"):
                values = [spot.dense.tensor(t) for t in (truth.output, *(() if target is None else (target,)))]
        except (FloatingPointError, SymnnError, ArithmeticError, ValueError):
            continue
        if any(not np.all(np.isfinite(v)) for v in values) or _at_kink(hazards, spot):
            continue
        yield spot


def _at_kink(hazards: tuple[Tensor, ...], spot: Spot) -> bool:
    for t in hazards:
        values = np.abs(spot.tensor(t))
        values = values[values > 0]
        if values.size and float(values.min()) < _MARGIN:
            return True
    return False


def spot_at(truth: Truth, arrays: Mapping[str, Any], *, seed: int = 0) -> Spot:
    """Return the point at which leaves have given arrays; those not given are drawn.

    Args:
        truth: what is asked.
        arrays: arrays of inputs and parameters by name, values of scalars and sizes by name.
        seed: of what is drawn.

    Raises:
        UnknownNameError: there is no leaf, size or scalar of that name.
        ShapeError: two arrays give one size different values, or a shape has another number of axes.
    """
    leaves = {t.name: t for t in truth.leaves}
    symbols = {s.name: s for s in (*truth.symbols.sizes, *truth.symbols.scalars)}
    rng = np.random.default_rng(seed)
    sizes: dict[Any, Any] = {}
    seen: dict[Any, str] = {}
    for name, value in arrays.items():
        if name in symbols:
            sizes[symbols[name]] = _checked(name, value, bool(symbols[name].is_integer))
            continue
        if name not in leaves:
            raise UnknownNameError(name, [*leaves, *symbols], "leaf, size or scalar")
        t, shape = leaves[name], np.shape(value)
        _check_entries(t, value)
        if len(shape) != t.rank:
            raise ShapeError(f"at= gives {name} the shape {shape}; it has the axes {size_text(t.shape)}.")
        for size, n in zip(t.shape, shape, strict=True):
            if size.is_Symbol and sizes.setdefault(size, n) != n:
                where = seen.get(size, "at=")
                raise ShapeError(f"at= gives {size} the value {n} by {name} {shape}, and {sizes[size]} by {where}.")
            seen.setdefault(size, name)
    for n, s in enumerate(truth.symbols.sizes):
        labels = [arrays[t.name] for t in truth.leaves if t.classes == s and np.size(arrays.get(t.name, ()))]
        least = [int(np.max(a)) + 1 for a in labels]
        sizes.setdefault(s, max([_SIZES[0][n % len(_SIZES[0])], *least]))
    sizes |= {s: _scalar(s, rng) for s in truth.symbols.scalars if s not in sizes}
    for t in truth.leaves:
        if t.name in arrays and t.classes is not None:
            _check_labels(t, np.asarray(arrays[t.name]), size_value(t.classes, sizes))
    drawn = leaf_values(truth.graph, sizes, rng)
    given = {t: np.asarray(arrays[t.name]) if t.name in arrays else drawn[t] for t in truth.leaves}
    return Spot(sizes, {t: v if t.classes is not None else v.astype(float) for t, v in given.items()}, "given")


def _checked(name: str, value: Any, whole: bool) -> Any:
    if whole and not (isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 1):
        raise DataError(f"at= gives the size {name} the value {value!r}; a size is a whole number from 1 on.")
    if not whole and not (isinstance(value, int | float | np.number) and np.isfinite(value)):
        raise DataError(f"at= gives {name} the value {value!r}, expected a finite number.")
    return int(value) if whole else float(value)


def _check_entries(t: Tensor, value: Any) -> None:
    array = np.asarray(value)
    if t.classes is not None:
        if array.dtype.kind not in "iu":
            raise LabelError(f"at= gives the labels {t.name} as {array.dtype}, expected whole numbers.")
    elif array.dtype.kind not in "fiub" or not np.all(np.isfinite(array)):
        raise DataError(f"at= gives {t.name} entries that are no finite real numbers.")


def _check_labels(t: Tensor, array: Any, classes: int) -> None:
    if array.size and (array.min() < 0 or array.max() >= classes):
        found = f"from {array.min()} to {array.max()}"
        raise LabelError(f"at= gives {t.name} labels {found}; they lie in 0 to {classes - 1}.")


# -- points that hide faults -------------------------------------------------------------------------------------------


def special_spots(truth: Truth, *, seed: int = 1) -> Iterator[Spot]:
    """Yield points of special sets, each with what is special about it: equal sizes, two classes, symmetric matrices.

    A formula that is right there and wrong elsewhere owes that to the set.
    """
    rng = np.random.default_rng(seed)
    symbols = [s for s in truth.symbols.sizes]
    for n, a in enumerate(symbols):
        for b in symbols[n + 1 :]:
            yield from _made(truth, rng, {b: a}, f"{a} = {b}")
    for s in symbols:
        for value in (1, 2):
            yield from _made(truth, rng, {s: value}, f"{s} = {value}")
    for t in truth.leaves:
        if t.classes is None and t.rank == 2 and t.shape[0] == t.shape[1]:
            yield from _made(truth, rng, {}, f"{t.name} symmetric", {t: lambda a: (a + a.T) / 2})
        if t.role == "upstream" and t.rank:
            for axis in range(t.rank):
                label = f"the upstream gradient sums to 0 over axis {axis}"
                yield from _made(truth, rng, {}, label, {t: _centred(axis)})
    real = [t for t in truth.leaves if t.classes is None and t.rank]
    for n, t in enumerate(real):
        for other in real[n + 1 :]:
            if t.shape == other.shape and t.role == other.role:
                yield from _made(truth, rng, {}, f"{t.name} = {other.name}", same=(t, other))


def _centred(axis: int) -> Callable[[Any], Any]:
    return lambda a: a - a.mean(axis=axis, keepdims=True)


def _made(
    truth: Truth, rng: np.random.Generator, ties: dict[Any, Any], label: str,
    change: dict[Tensor, Callable[[Any], Any]] | None = None, same: tuple[Tensor, Tensor] | None = None,
) -> Iterator[Spot]:  # fmt: skip
    def sizes() -> dict[Any, Any]:
        chosen = _sizes(truth, 0, rng)
        for s, value in ties.items():
            chosen[s] = chosen[value] if value in chosen else value
        return chosen

    for number, spot in enumerate(islice(_drawn(truth, rng, sizes), _PER_SET)):
        leaves = dict(spot.leaves)
        for t, f in (change or {}).items():
            leaves[t] = f(leaves[t])
        if same is not None:
            leaves[same[1]] = leaves[same[0]]
        if number % 2:  # a mask or a cut may only be reached by larger entries
            leaves = {t: v * _LARGER if t.classes is None and not t.positive else v for t, v in leaves.items()}
        yield replace(spot, leaves=leaves, label=label)
