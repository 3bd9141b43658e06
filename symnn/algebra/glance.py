"""Two formulas at random points, their definitions and derivatives included, in floating point: a glance before work.

Like ``sampling.py`` it only spares work: what differs clearly at a point is not proved, and nothing is ever called
equal because of a value. Derivatives are complex steps (J. N. Lyness, C. B. Moler, SIAM J. Numer. Anal. 4 (1967) 202).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from symnn.ground.errors import SymnnError
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    Add,
    Const,
    D,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
    walk,
)

__all__ = ["clearly_differ"]

#: Values differ clearly beyond this part of the larger one.
_CLEAR, _SMALLEST = 1e-8, 1e-2
_TIE = 1e-10
_STEP = 1e-25
_MOST_EVALUATIONS = 20_000
_RANGES = ((-1.5, 1.5), (0.4, 1.6), (0.05, 0.95))
_PLACES = 3

Number = float | complex


class _Unknown(Exception):
    """There is no value here, or it takes too long."""


class _Frame:
    """What the names of one formula stand for: slots, formal sizes and indices."""

    __slots__ = ("at", "symbols", "tensors")

    def __init__(self, tensors: Mapping[Tensor, Tensor], symbols: Mapping[Any, int], at: Mapping[Any, int]) -> None:
        self.tensors, self.symbols, self.at = tensors, symbols, at

    def with_index(self, index: Any, value: int) -> _Frame:
        return _Frame(self.tensors, self.symbols, {**self.at, index: value})


def clearly_differ(left: Tree, right: Tree) -> bool:
    """Tell whether two formulas have clearly different values at some random point where both are defined."""
    for low, high in _RANGES:
        defined = False
        for seed in range(_PLACES):
            point = _Point(low, high, seed)
            top = _Frame({}, {}, {})
            try:
                a, b = (point.value(t, top) for t in (left, right))
            except (_Unknown, SymnnError, ArithmeticError, ValueError, RecursionError):
                continue
            defined = True
            size = max(abs(a), abs(b))
            if math.isfinite(size) and abs(a - b) > _CLEAR * max(size, _SMALLEST):
                return True
        if defined:
            return False
    return False


class _Point:
    """One point: values of sizes, symbols, leaves and free indices, drawn where they are first met."""

    def __init__(self, low: float, high: float, seed: int) -> None:
        self.low, self.high, self.chance = low, high, Random(seed)
        self.drawn: dict[Any, Any] = {}
        self.known: dict[Any, Number] = {}
        self.moved: tuple[Tensor, tuple[int, ...]] | None = None
        self.left = _MOST_EVALUATIONS

    # -- whole numbers -------------------------------------------------------------------------------------------------

    def size(self, size: Any, frame: _Frame) -> int:
        """Return the value of a size expression."""
        if size.is_Integer:
            return int(size)
        if size.is_Symbol:
            if size in frame.symbols:
                return frame.symbols[size]
            if size not in self.drawn:
                self.drawn[size] = 2 + self.chance.randrange(2)
            return int(self.drawn[size])
        if not (size.is_Add or size.is_Mul):
            raise _Unknown
        parts = [self.size(a, frame) for a in size.args]
        return sum(parts) if size.is_Add else math.prod(parts)

    def index(self, index: Any, frame: _Frame) -> int:
        if index in frame.at:
            return frame.at[index]
        if index not in self.drawn:
            self.drawn[index] = self.chance.randrange(self.size(index.size, frame))
        return int(self.drawn[index])

    def whole(self, tree: Tree, frame: _Frame) -> int:
        if isinstance(tree, Ix):
            return self.index(tree.index, frame)
        value = self.value(tree, frame).real
        if abs(value - round(value)) > _TIE:
            raise _Unknown
        return round(value)

    # -- real numbers --------------------------------------------------------------------------------------------------

    def value(self, tree: Tree, frame: _Frame) -> Number:
        """Return the value of a formula; complex where it is moved by a step."""
        self.left -= 1
        if self.left < 0:
            raise _Unknown
        return _VALUE[type(tree)](self, tree, frame)

    def _num(self, tree: Num, frame: _Frame) -> Number:
        return tree.value.numerator / tree.value.denominator

    def _const(self, tree: Const, frame: _Frame) -> Number:
        if tree.name not in ("pi", "E"):
            raise _Unknown
        return math.pi if tree.name == "pi" else math.e

    def _sym(self, tree: Sym, frame: _Frame) -> Number:
        symbol = tree.symbol
        if symbol in frame.symbols or symbol.is_integer:
            return float(self.size(symbol, frame))
        return self._real(symbol, bool(symbol.is_nonnegative))

    def _ix(self, tree: Ix, frame: _Frame) -> Number:
        return float(self.index(tree.index, frame))

    def _add(self, tree: Add, frame: _Frame) -> Number:
        return sum(self.value(t, frame) for t in tree.terms)

    def _neg(self, tree: Neg, frame: _Frame) -> Number:
        return -self.value(tree.body, frame)

    def _mul(self, tree: Mul, frame: _Frame) -> Number:
        out: Number = 1.0
        guards = [f for f in tree.factors if isinstance(f, Ind | Delta)]
        for guard in sorted(guards, key=_reads):  # those on indices alone keep others inside their axes
            if not self.value(guard, frame):
                return 0.0
        for f in tree.factors:
            if not isinstance(f, Ind | Delta):
                out *= self.value(f, frame)
        return out

    def _div(self, tree: Div, frame: _Frame) -> Number:
        above = self.value(tree.num, frame)
        return above / self.value(tree.den, frame)

    def _pow(self, tree: Pow, frame: _Frame) -> Number:
        base, exponent = self.value(tree.base, frame), self.value(tree.exponent, frame)
        if not isinstance(exponent, complex) and float(exponent).is_integer():
            if abs(exponent) > 64:
                raise _Unknown
            return base ** int(exponent)
        if base.real <= 0:
            raise _Unknown
        return base**exponent

    def _sum(self, tree: Sum, frame: _Frame) -> Number:
        count = self.size(tree.index.size, frame)
        return sum(self.value(tree.body, frame.with_index(tree.index, k)) for k in range(count))

    def _delta(self, tree: Delta, frame: _Frame) -> Number:
        return float(abs(self.value(tree.left, frame).real - self.value(tree.right, frame).real) < _TIE)

    def _ind(self, tree: Ind, frame: _Frame) -> Number:
        gap = self.value(tree.left, frame).real - self.value(tree.right, frame).real
        tie = abs(gap) < _TIE
        return float({">": gap > 0 and not tie, ">=": gap > 0 or tie, "=": tie, "!=": not tie}[tree.rel])

    def _where(self, tree: Where, frame: _Frame) -> Number:
        return self.value(tree.then if self.value(tree.condition, frame).real else tree.other, frame)

    def _fn(self, tree: Fn, frame: _Frame) -> Number:
        args = [self.value(a, frame) for a in tree.args]
        name = tree.name
        if name == "stop_gradient":
            return args[0].real
        if name in ("max", "min"):
            first = (args[0].real > args[1].real) == (name == "max")
            return args[0] if first else args[1]
        if name == "abs":
            return -args[0] if args[0].real < 0 else args[0]
        if name == "sign":
            return float((args[0].real > 0) - (args[0].real < 0))
        u = args[0]
        if name == "log" and u.real <= 0:
            raise _Unknown
        if isinstance(u, complex):
            if name == "erf":
                return complex(math.erf(u.real), u.imag * 2 / math.sqrt(math.pi) * math.exp(-(u.real**2)))
            if name not in _COMPLEX:
                raise _Unknown
            return _COMPLEX[name](u)
        if name not in _REAL:
            raise _Unknown
        return _REAL[name](u)

    def _entry(self, tree: Entry, frame: _Frame) -> Number:
        tensor = frame.tensors.get(tree.tensor, tree.tensor)
        return self.entry(tensor, tuple(self.whole(p, frame) for p in tree.at))

    def entry(self, tensor: Tensor, place: tuple[int, ...]) -> Number:
        """Return one entry: drawn for a leaf, worked out once for a computed tensor."""
        key = (tensor, place, self.moved)
        found = self.known.get(key)
        if found is None:
            found = self._worked_out(tensor, place)
            if self.moved == (tensor, place):
                found = complex(found.real, found.imag + _STEP)
            self.known[key] = found
        return found

    def _worked_out(self, tensor: Tensor, place: tuple[int, ...]) -> Number:
        definition = tensor.definition
        top = _Frame({}, {}, {})
        if definition is None:
            if any(not 0 <= k < self.size(s, top) for k, s in zip(place, tensor.shape, strict=True)):
                raise _Unknown
            return self._leaf(tensor, place)
        if self.moved is not None and self.moved[0] is tensor:  # it is held fixed but for the entry moved
            kept, self.moved = self.moved, None
            try:
                return self.entry(tensor, place)
            finally:
                self.moved = kept
        template = definition.template
        frame = _Frame(
            dict(zip(template.slots, definition.args, strict=True)),
            {formal: self.size(actual, top) for formal, actual in definition.sizes.items()},
            dict(zip(template.free, place, strict=True)),
        )
        if any(not 0 <= k < self.size(i.size, frame) for i, k in zip(template.free, place, strict=True)):
            raise _Unknown
        return self.value(template.tree, frame)

    def _leaf(self, tensor: Tensor, place: tuple[int, ...]) -> Number:
        top = _Frame({}, {}, {})
        if tensor.bijective:
            if tensor not in self.drawn:
                count = self.size(tensor.shape[0], top)
                self.drawn[tensor] = self.chance.sample(range(count), count)
            return float(self.drawn[tensor][place[0]])
        if tensor.classes is not None:
            if (tensor, place) not in self.drawn:
                self.drawn[tensor, place] = self.chance.randrange(self.size(tensor.classes, top))
            return float(self.drawn[tensor, place])
        return self._real((tensor, place), tensor.nonnegative)

    def _real(self, key: Any, nonnegative: bool) -> float:
        if key not in self.drawn:
            x = self.chance.uniform(self.low, self.high)
            x += math.copysign(0.1, x)
            self.drawn[key] = abs(x) if nonnegative else x
        return float(self.drawn[key])

    def _derivative(self, tree: D, frame: _Frame) -> Number:
        if self.moved is not None:
            raise _Unknown  # one step does not give second derivatives
        tensor = frame.tensors.get(tree.wrt.tensor, tree.wrt.tensor)
        self.moved = (tensor, tuple(self.whole(p, frame) for p in tree.wrt.at))
        try:
            value = self.value(tree.body, frame)
        finally:
            self.moved = None
        return value.imag / _STEP


def _reads(tree: Tree) -> bool:
    return any(isinstance(t, Entry) for t in walk(tree))


_VALUE: dict[type, Callable[..., Number]] = {
    Num: _Point._num, Const: _Point._const, Sym: _Point._sym, Ix: _Point._ix, Entry: _Point._entry, Add: _Point._add,
    Mul: _Point._mul, Neg: _Point._neg, Div: _Point._div, Pow: _Point._pow, Fn: _Point._fn, Sum: _Point._sum,
    Delta: _Point._delta, Ind: _Point._ind, Where: _Point._where, D: _Point._derivative,
}  # fmt: skip

_REAL: dict[str, Callable[[Any], float]] = {
    "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos, "tan": math.tan, "sinh": math.sinh,
    "cosh": math.cosh, "tanh": math.tanh, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "asinh": math.asinh, "erf": math.erf, "erfc": math.erfc, "gamma": math.gamma, "loggamma": math.lgamma,
}  # fmt: skip
_COMPLEX: dict[str, Callable[[Any], complex]] = {
    "exp": cmath.exp, "log": cmath.log, "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "sinh": cmath.sinh,
    "cosh": cmath.cosh, "tanh": cmath.tanh, "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan,
    "asinh": cmath.asinh,
}  # fmt: skip
