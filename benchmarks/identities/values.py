"""Judge a claim by values: the reference interpreter at random points, in float64 and, where close, 40 digits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Ix, Sum, Sym, Tree, tensors_in, walk

from .record import Draw

__all__ = ["Judge", "leaves"]

#: Sizes of the points that are tried in turn, each symbol taking the next number of the row.
_SIZES = ((2, 3, 4, 2, 3), (3, 2, 2, 4, 3), (4, 3, 2, 3, 2), (2, 2, 2, 2, 2), (3, 4, 3, 2, 4), (1, 2, 3, 1, 2))
#: How entries are drawn until everything is defined.
_MODES = ("normal", "normal", "positive", "unit", "unit")
_DIGITS, _ENTRIES = 40, 16
#: Float64 tells apart what differs by more than this share of its size; 40 digits decide the rest.
_CLEAR, _FINE = 1e-5, 1e-25


def leaves(trees: Iterable[Tree]) -> list[Tensor]:
    """Return the tensors without a definition that some trees are computed from, in order of appearance."""
    found: dict[Tensor, None] = {}
    seen: set[Tensor] = set()
    stack = [t for tree in trees for t in tensors_in(tree)][::-1]
    while stack:
        t = stack.pop()
        if t in seen:
            continue
        seen.add(t)
        if t.definition is None:
            found[t] = None
        else:
            stack.extend(reversed(t.definition.args))
    return list(found)


class Judge:
    """Points for one claim and those changed from it, and the values found there."""

    def __init__(self, free: Sequence[Index], trees: Sequence[Tree], draw: Draw | None, seed: int) -> None:
        self.free, self.seed, self.draw = tuple(free), seed, draw
        self.tensors = leaves(trees)
        self.symbols = _symbols(self.free, trees, self.tensors)
        self._machines: dict[tuple[int, int, bool], Interpreter] = {}
        self._code: dict[Tree, Any] = {}
        self._values: dict[Any, list[Any] | None] = {}

    def compare(self, left: Tree, right: Tree, *, points: int = len(_SIZES)) -> str:
        """Return "refuted", "equal" or "undefined" for ``left = right``."""
        seen = False
        for n in range(points):
            for mode in range(len(_MODES)):
                word = self._at(left, right, n, mode)
                if word == "refuted":
                    return word
                if word == "equal":
                    seen = True
                    break
        return "equal" if seen else "undefined"

    def _at(self, left: Tree, right: Tree, n: int, mode: int) -> str:
        a, b = self._value(left, n, mode, False), self._value(right, n, mode, False)
        if a is None or b is None:
            return "undefined"
        if any(_apart(u, v, _CLEAR) for u, v in zip(a, b, strict=True)):
            return "refuted"
        a, b = self._value(left, n, mode, True), self._value(right, n, mode, True)
        if a is None or b is None:
            return "undefined"
        return "refuted" if any(_apart(u, v, _FINE) for u, v in zip(a, b, strict=True)) else "equal"

    def _value(self, tree: Tree, n: int, mode: int, fine: bool) -> list[Any] | None:
        key = (tree, n, mode, fine)
        if key not in self._values:
            self._values[key] = self._evaluate(tree, self._machine(n, mode, fine))
        return self._values[key]

    def _evaluate(self, tree: Tree, machine: Interpreter) -> list[Any] | None:
        code = self._code.get(tree)
        if code is None:
            code = self._code[tree] = to_sympy(tree)
        ranges = [range(size_value(i.size, machine.sizes)) for i in self.free]
        places = list(product(*ranges))
        if len(places) > _ENTRIES:
            chosen = np.random.default_rng(self.seed).choice(len(places), _ENTRIES, replace=False)
            places = [places[k] for k in sorted(chosen)]
        try:
            with np.errstate(all="ignore"):  # what is not finite is no value
                found = [machine.value(code, dict(zip(self.free, at, strict=True))) for at in places]
                return found if all(_finite(v) for v in found) else None
        except (ArithmeticError, ValueError, IndexError, TypeError, UnsupportedError):
            return None

    def _machine(self, n: int, mode: int, fine: bool) -> Interpreter:
        made = self._machines.get((n, mode, fine))
        if made is None:
            rng = np.random.default_rng([self.seed, n, mode])
            row = _SIZES[n]
            sizes: dict[Any, Any] = {}
            for k, symbol in enumerate(self.symbols):
                if symbol.is_integer:
                    sizes[symbol] = row[k % len(row)]
                else:
                    drawn = _grid(rng.normal())
                    sizes[symbol] = 0.25 + abs(drawn) if symbol.is_positive else drawn
            values = {t: _drawn(t, sizes, rng, _MODES[mode]) for t in self.tensors}
            if self.draw is not None:
                by_name = self.draw({t.name: v for t, v in values.items()})
                values = {t: by_name[t.name] for t in values}
            made = self._machines[n, mode, fine] = Interpreter(sizes, values, _DIGITS if fine else None)
        return made


def _symbols(free: Sequence[Index], trees: Sequence[Tree], tensors: Sequence[Tensor]) -> list[Any]:
    found: dict[Any, None] = {}

    def note(expression: Any) -> None:
        found.update(dict.fromkeys(sorted(expression.free_symbols, key=str)))

    for t in tensors:
        for size in (*t.shape, *(() if t.classes is None else (t.classes,))):
            note(size)
    for i in free:
        note(i.size)
    stack, seen = list(trees), set()
    while stack:
        for at in walk(stack.pop()):
            if isinstance(at, Sym):
                note(at.symbol)
            elif isinstance(at, (Sum, Ix)):
                note(at.index.size)
    computed = [t for tree in trees for t in tensors_in(tree)]
    while computed:
        t = computed.pop()
        if t in seen or t.definition is None:
            continue
        seen.add(t)
        computed.extend(t.definition.args)
        for at in walk(t.definition.template.tree):
            if isinstance(at, Sym) and at.symbol not in t.definition.sizes:
                note(at.symbol)
        for size in t.definition.sizes.values():
            note(size)
    return list(found)


def _drawn(t: Tensor, sizes: dict[Any, Any], rng: np.random.Generator, mode: str) -> Any:
    shape = tuple(size_value(s, sizes) for s in t.shape)
    if t.classes is not None:
        return rng.integers(0, size_value(t.classes, sizes), size=shape)
    if mode == "unit":
        return _grid(rng.uniform(0.05, 0.95, size=shape))
    drawn = _grid(rng.normal(size=shape))
    return 0.25 + np.abs(drawn) if t.positive or mode == "positive" else drawn


def _grid(values: Any) -> Any:
    """Round to multiples of 2^-20: sums and products of a few are exact, and ties do not happen by accident."""
    return np.round(np.asarray(values) * 2**20) / 2**20


def _finite(value: Any) -> bool:
    real = value.real if hasattr(value, "real") else value
    return real == real and abs(real) < 1e60 and not getattr(value, "imag", 0)


def _apart(a: Any, b: Any, share: float) -> bool:
    return bool(abs(a - b) > share * max(1, abs(a), abs(b)))
