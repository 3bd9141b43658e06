"""Values of formulas as whole arrays: quick enough to try hundreds of ways in which a gradient may have gone wrong.

Nothing is decided by these values alone: what is said to be wrong is confirmed by the reference interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import scipy.special as special

from symnn.graph.interpreter import size_value
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.template import Definition
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
    tensors_in,
)

__all__ = ["Dense", "Formula", "Frame"]

#: No array of more entries is made.
_MOST = 20_000_000

Array = np.ndarray[Any, Any]
#: Free indices, and a formula over actual tensors.
Formula = tuple[tuple[Index, ...], Tree]
#: An array and the index that each of its axes runs over.
Value = tuple[Any, tuple[Index, ...]]


class Frame:
    """What the names of one formula stand for."""

    __slots__ = ("axes", "sizes", "tensors")

    def __init__(self, tensors: Mapping[Tensor, Any], sizes: Mapping[Any, Any]) -> None:
        self.tensors, self.sizes = tensors, sizes


class Dense:
    """Evaluate tensors and trees at given sizes.

    Args:
        sizes: value of each size and scalar symbol.
        arrays: leaves, and whatever else is to be taken as it is.
    """

    def __init__(
        self, sizes: Mapping[Any, Any], arrays: Mapping[Tensor, Any], trees: Mapping[Tensor, Formula] | None = None
    ) -> None:
        self.sizes = dict(sizes)
        self.arrays: dict[Tensor, Any] = {t: np.asarray(a) for t, a in arrays.items()}
        self.trees = dict(trees or {})

    def changed(
        self, arrays: Mapping[Tensor, Any], forget: Iterable[Tensor] = (), trees: Mapping[Tensor, Formula] | None = None
    ) -> Dense:
        """Return another evaluator with some arrays or formulas exchanged, and others to be worked out anew."""
        gone = set(forget)
        kept = {t: a for t, a in self.arrays.items() if t not in gone}
        return Dense(self.sizes, {**kept, **arrays}, {**self.trees, **(trees or {})})

    # -- tensors ---------------------------------------------------------------------------------------------------

    def tensor(self, t: Tensor) -> Any:
        """Return the array of a tensor."""
        found = self.arrays.get(t)
        if found is None:
            if t.definition is None:
                raise KeyError(t.name)
            stack = [t]
            while stack:
                at = stack[-1]
                if at in self.arrays:
                    stack.pop()
                    continue
                other = self.trees.get(at)
                assert at.definition is not None, at
                args = at.definition.args if other is None else tensors_in(other[1])
                missing = [a for a in args if a not in self.arrays]
                if missing:
                    stack.extend(missing)
                    continue
                self.arrays[at] = self.definition(at.definition) if other is None else self.array(other[1], other[0])
                stack.pop()
            found = self.arrays[t]
        return found

    def definition(self, d: Definition, tree: Tree | None = None, given: Mapping[Tensor, Any] | None = None) -> Any:
        """Return the array of a definition; ``tree`` and ``given`` arrays of slots may take the place of its own."""
        slots = {
            s: self.tensor(a) for s, a in zip(d.template.slots, d.args, strict=True) if not given or s not in given
        }
        frame = Frame({**slots, **(given or {})}, {f: size_value(s, self.sizes) for f, s in d.sizes.items()})
        return self.array(d.template.tree if tree is None else tree, d.template.free, frame)

    def array(self, tree: Tree, free: tuple[Index, ...], frame: Frame | None = None) -> Any:
        """Return the array of a tree over its free indices."""
        here = Frame({}, {}) if frame is None else frame
        shape = tuple(self.size(i.size, here) for i in free)
        if math.prod(shape) > _MOST:
            raise UnsupportedError(f"An array of shape {shape} is too large to compare.")
        value, axes = self.value(tree, here)
        spread = _spread(value, axes, free)
        return np.broadcast_to(spread, shape).copy()

    def size(self, size: Any, frame: Frame) -> int:
        """Return the value of a size."""
        if size.is_Integer:
            return int(size)
        if size in frame.sizes:
            return int(frame.sizes[size])
        if size.is_Symbol:
            return int(self.sizes[size])
        parts = [self.size(a, frame) for a in size.args]
        return sum(parts) if size.is_Add else math.prod(parts)

    # -- trees -----------------------------------------------------------------------------------------------------

    def value(self, tree: Tree, frame: Frame) -> Value:
        """Return the value of a tree, with the indices that it depends on."""
        return _CASES[type(tree)](self, tree, frame)

    def _num(self, tree: Num, frame: Frame) -> Value:
        return tree.value.numerator / tree.value.denominator, ()

    def _const(self, tree: Const, frame: Frame) -> Value:
        return (math.pi if tree.name == "pi" else math.e), ()

    def _sym(self, tree: Sym, frame: Frame) -> Value:
        s = tree.symbol
        return float(frame.sizes[s] if s in frame.sizes else self.sizes[s]), ()

    def _ix(self, tree: Ix, frame: Frame) -> Value:
        count = self.size(tree.index.size, frame)
        if count > _MOST:
            raise UnsupportedError(f"A range of {count} places is too large to compare.")
        return np.arange(count), (tree.index,)

    def _add(self, tree: Add, frame: Frame) -> Value:
        return _joined(sum_of, [self.value(t, frame) for t in tree.terms])

    def _mul(self, tree: Mul, frame: Frame) -> Value:
        return _joined(_product, self._factors(tree, frame))

    def _factors(self, tree: Tree, frame: Frame) -> list[Value]:
        """Return the values of factors; an entry beside a condition may stand outside its axis where that is 0."""
        parts = tree.factors if isinstance(tree, Mul) else (tree,)
        return [v for p in parts for v in (self._factors(p, frame) if isinstance(p, Mul) else [self.value(p, frame)])]

    def _neg(self, tree: Neg, frame: Frame) -> Value:
        value, axes = self.value(tree.body, frame)
        return -value, axes

    def _div(self, tree: Div, frame: Frame) -> Value:
        return _joined(lambda a, b: a / b, [self.value(tree.num, frame), self.value(tree.den, frame)])

    def _pow(self, tree: Pow, frame: Frame) -> Value:
        base, exponent = self.value(tree.base, frame), self.value(tree.exponent, frame)
        if not exponent[1] and float(exponent[0]).is_integer():
            whole = int(exponent[0])
            return (base[0] ** float(whole) if whole < 0 else base[0] ** whole), base[1]
        return _joined(np.power, [(np.asarray(base[0], dtype=_kind(base[0])), base[1]), exponent])

    def _fn(self, tree: Fn, frame: Frame) -> Value:
        args = [self.value(a, frame) for a in tree.args]
        function = _FUNCTIONS.get(tree.name)
        if function is None:
            raise UnsupportedError(f"{tree.name} has no values here.")
        return _joined(function, args)

    def _sum(self, tree: Sum, frame: Frame) -> Value:
        over: list[Index] = []
        body: Tree = tree
        while isinstance(body, Sum):
            over.append(body.index)
            body = body.body
        parts = self._factors(body, frame)
        found = list(dict.fromkeys(i for _, axes in parts for i in axes))
        scale = math.prod(self.size(i.size, frame) for i in over if i not in found)
        left = [i for i in found if i not in over]
        if len(parts) == 1:
            value, axes = parts[0]
            gone = tuple(n for n, i in enumerate(axes) if i in over)
            out = np.asarray(value).sum(axis=gone) if gone else value
            return out * scale, tuple(i for i in axes if i not in over)
        number = {i: n for n, i in enumerate(found)}
        operands: list[Any] = []
        for value, axes in parts:
            operands += [np.asarray(value, dtype=_kind(value)), [number[i] for i in axes]]
        out = np.einsum(*operands, [number[i] for i in left], optimize=len(parts) > 2)
        return out * scale, tuple(left)

    def _delta(self, tree: Delta, frame: Frame) -> Value:
        return _joined(lambda a, b: (a == b) * 1.0, [self.value(tree.left, frame), self.value(tree.right, frame)])

    def _ind(self, tree: Ind, frame: Frame) -> Value:
        rel = _RELATIONS[tree.rel]
        return _joined(
            lambda a, b: rel(np.real(a), np.real(b)) * 1.0,
            [self.value(tree.left, frame), self.value(tree.right, frame)],
        )

    def _where(self, tree: Where, frame: Frame) -> Value:
        parts = [self.value(t, frame) for t in (tree.condition, tree.then, tree.other)]
        return _joined(lambda c, a, b: np.where(np.real(c) != 0, a, b), parts)

    def _entry(self, tree: Entry, frame: Frame) -> Value:
        array = np.asarray(frame.tensors[tree.tensor] if tree.tensor in frame.tensors else self.tensor(tree.tensor))
        if all(isinstance(p, Ix) for p in tree.at):
            indices = tuple(p.index for p in tree.at if isinstance(p, Ix))
            if len(set(indices)) == len(indices) and all(
                self.size(i.size, frame) == n for i, n in zip(indices, array.shape, strict=True)
            ):
                return (array if array.ndim else array[()]), indices
        places = [self.value(p, frame) for p in tree.at]
        axes = tuple(dict.fromkeys(i for _, a in places for i in a))
        spots = []
        for (value, own), n in zip(places, array.shape, strict=True):
            spot = np.asarray(np.real(_spread(value, own, axes)))
            spots.append(np.clip(np.rint(spot).astype(int), 0, n - 1))
        return array[tuple(spots)], axes

    def _derivative(self, tree: D, frame: Frame) -> Value:
        raise UnsupportedError("a derivative still to be taken has no value here.")


_CASES: dict[type, Callable[..., Value]] = {
    Num: Dense._num, Const: Dense._const, Sym: Dense._sym, Ix: Dense._ix, Entry: Dense._entry, Add: Dense._add,
    Mul: Dense._mul, Neg: Dense._neg, Div: Dense._div, Pow: Dense._pow, Fn: Dense._fn, Sum: Dense._sum,
    Delta: Dense._delta, Ind: Dense._ind, Where: Dense._where, D: Dense._derivative,
}  # fmt: skip

_RELATIONS: dict[str, Any] = {">": np.greater, ">=": np.greater_equal, "=": np.equal, "!=": np.not_equal}


def _kind(value: Any) -> Any:
    return complex if np.iscomplexobj(value) else float


def _spread(value: Any, axes: tuple[Index, ...], target: tuple[Index, ...]) -> Any:
    """Return an array with its axes in the order of the target, one of size 1 for each that it lacks."""
    array = np.asarray(value)
    order = [i for i in target if i in axes]
    if list(axes) != order:
        array = array.transpose([axes.index(i) for i in order])
    return array.reshape([array.shape[order.index(i)] if i in axes else 1 for i in target])


def _joined(function: Callable[..., Any], parts: list[Value]) -> Value:
    axes = tuple(dict.fromkeys(i for _, a in parts for i in a))
    if not axes:
        return function(*(v for v, _ in parts)), ()
    return function(*(_spread(v, a, axes) if a else v for v, a in parts)), axes


def sum_of(*parts: Any) -> Any:
    """Return a sum."""
    out = parts[0]
    for p in parts[1:]:
        out = out + p
    return out


def _product(*parts: Any) -> Any:
    out = parts[0]
    for p in parts[1:]:
        out = out * p
    return out


def _real_case(f: Callable[[Any], Any], derivative: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that takes a tiny imaginary part along, where the library's own does not."""

    def call(u: Any) -> Any:
        if np.iscomplexobj(u):
            return f(np.real(u)) + 1j * np.imag(u) * derivative(np.real(u))
        return f(u)

    return call


def _by_real(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: np.where(choose(np.real(a), np.real(b)), a, b)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh,
    "abs": lambda u: np.where(np.real(u) < 0, -u, u), "sign": lambda u: np.sign(np.real(u)),
    "max": _by_real(np.greater), "min": _by_real(np.less), "stop_gradient": np.real,
    "erf": _real_case(special.erf, lambda u: 2 / math.sqrt(math.pi) * np.exp(-(u**2))),
    "erfc": _real_case(special.erfc, lambda u: -2 / math.sqrt(math.pi) * np.exp(-(u**2))),
    "gamma": _real_case(special.gamma, lambda u: special.gamma(u) * special.digamma(u)),
    "loggamma": _real_case(special.gammaln, special.digamma),
    "digamma": _real_case(special.digamma, lambda u: special.polygamma(1, u)),
}  # fmt: skip
