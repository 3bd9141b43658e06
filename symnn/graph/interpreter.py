"""The reference interpreter: slow, obvious loops over indices. It is the oracle for values, in float64 or mpmath.

It reads the SymPy expressions and shares no code with the plain tree's users: differentiator, algebra, compiler.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy.core.relational import Relational

from symnn.ground.errors import DataError, LabelError, UndefinedError, UnsupportedError
from symnn.ground.functions import StopGradient
from symnn.ground.indices import Index
from symnn.ground.sizes import size_text
from symnn.ground.template import Definition
from symnn.ground.tensors import Tensor, TensorSymbol

__all__ = ["Interpreter", "check_needs", "size_value"]

Frame = dict[Any, Any]
Code = Callable[["Interpreter", Frame], Any]


def check_needs(tensor: Tensor, found: np.ndarray[Any, Any]) -> None:
    """Check that what a tensor needs to be positive is.

    Raises:
        UndefinedError: it is not; the message names node, entry and what is needed.
    """
    assert tensor.needs is not None
    if not np.all(found > 0):
        at = tuple(int(k) for k in np.argwhere(~(np.asarray(found) > 0))[0])
        raise UndefinedError(f"Node {tensor.name!r} is not defined at {at} for these values: {tensor.needs[1]}.")


def _wanted(t: Tensor) -> tuple[Tensor, ...]:
    """Return what has to be known before a tensor is computed."""
    assert t.definition is not None
    return t.definition.args if t.needs is None else (*t.definition.args, t.needs[0])


def size_value(size: Any, sizes: Mapping[Any, Any]) -> int:
    """Return the integer value of a size expression."""
    if size.is_Integer:
        return int(size)
    if size.is_Symbol:
        if size not in sizes:
            raise DataError(f"The size {size} has no value. Give it one, for example {{{size}: 3}}.")
        return int(sizes[size])
    if size.is_Add:
        return sum(size_value(a, sizes) for a in size.args)
    if size.is_Mul:
        return math.prod(size_value(a, sizes) for a in size.args)
    raise UnsupportedError(f"The size {size} is not made of sums and products of sizes.")


class Interpreter:
    """Evaluate tensors entry by entry.

    Args:
        sizes: value of each symbolic size and scalar symbol.
        values: array of each leaf tensor (and of any computed tensor to be held fixed).
        digits: None for float64, or a number of decimal digits for mpmath.

    Example: ``Interpreter({N: 2, D: 3}, {x: x0, W: W0}).tensor(loss)``.
    """

    def __init__(self, sizes: Mapping[Any, Any], values: Mapping[Tensor, Any], digits: int | None = None) -> None:
        self.sizes = dict(sizes)
        self.digits = digits
        self.arrays: dict[Tensor, np.ndarray[Any, Any]] = {t: self._leaf(t, v) for t, v in values.items()}
        self.given = frozenset(self.arrays)
        self._moved: tuple[Any, Interpreter] | None = None
        self.context = mpmath.mp.clone() if digits is not None else None
        if self.context is not None:
            self.context.dps = digits

    # -- tensors ---------------------------------------------------------------------------------------------------

    def _leaf(self, tensor: Tensor, value: Any) -> np.ndarray[Any, Any]:
        array = np.asarray(value)
        shape = tuple(size_value(s, self.sizes) for s in tensor.shape)
        if array.shape != shape:
            raise DataError(
                f"{tensor.name!r} has shape {size_text(tensor.shape)} = {shape}, the array given has {array.shape}."
            )
        if tensor.classes is not None:
            classes = size_value(tensor.classes, self.sizes)
            for entry in array.flat:
                if int(entry) != entry or not 0 <= entry < classes:
                    raise LabelError(
                        f"{tensor.name!r} holds the label {entry}, expected an integer from 0 to {classes - 1}."
                    )
            if tensor.bijective and len(set(array.tolist())) < array.size:
                raise LabelError(
                    f"{tensor.name!r} holds {array.tolist()}, expected a permutation: each of 0 .. {classes - 1} once."
                )
        return array if self.digits is None else array.astype(object)

    def tensor(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        """Return the array of a tensor, computing what it needs first."""
        stack = [tensor]
        while stack:
            t = stack[-1]
            if t in self.arrays:
                stack.pop()
                continue
            if t.definition is None:
                raise DataError(f"The interpreter was given no value for {t.name!r}.")
            missing = [p for p in _wanted(t) if p not in self.arrays]
            if missing:
                stack.extend(missing)
                continue
            self.arrays[t] = self._compute(t)
            stack.pop()
        return self.arrays[tensor]

    def _compute(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        definition = tensor.definition
        assert definition is not None
        if tensor.needs is not None:
            check_needs(tensor, self.arrays[tensor.needs[0]].astype(float))
        code, free, frame = self._program(definition)
        shape = tuple(size_value(s, self.sizes) for s in tensor.shape)
        out = np.empty(shape, dtype=object)
        for at in np.ndindex(*shape):
            for letter, position in zip(free, at, strict=True):
                frame[letter] = position
            out[at] = code(self, frame)
        return out if self.digits is not None or any(isinstance(v, complex) for v in out.flat) else out.astype(float)

    def _program(self, definition: Definition) -> tuple[Code, tuple[Index, ...], Frame]:
        """Return how a node is evaluated: what was typed for it, or the shared template's expression."""
        typed, template = definition.typed, definition.template
        if typed is not None:
            memo, expression, free = typed.memo, typed.expr, typed.free
            frame: Frame = {f: size_value(s, self.sizes) for f, s in typed.extents.items()}
        else:
            memo, expression, free = template.memo, template.expr, template.free
            frame = {f: size_value(s, self.sizes) for f, s in definition.sizes.items()}
            frame |= {slot: self.arrays[arg] for slot, arg in zip(template.slots, definition.args, strict=True)}
        code = memo.get("interpreter")
        if code is None:
            code = memo["interpreter"] = _code(expression)
        return code, free, frame

    def value(self, expression: Any, at: Mapping[Index, int] | None = None) -> Any:
        """Return the value of a SymPy index expression at given positions of its free indices."""
        return _code(expression)(self, dict(at or {}))

    def scalar(self, symbol: Any, frame: Frame) -> Any:
        """Return the value of a size or scalar symbol."""
        value = frame[symbol] if symbol in frame else self.sizes.get(symbol)
        if value is None:
            raise DataError(f"The symbol {symbol} has no value. Give it one in the sizes.")
        return self.number(value)

    def number(self, value: Any) -> Any:
        """Return a number in this interpreter's arithmetic."""
        if self.context is None or isinstance(value, int):
            return value
        if isinstance(value, str):
            return self.context.mpf(value)
        return value if isinstance(value, (self.context.mpf, self.context.mpc)) else self.context.mpf(value)

    def array(self, tensor: Tensor, frame: Frame) -> np.ndarray[Any, Any]:
        """Return the array of a slot in this frame, or of a tensor."""
        found = frame.get(tensor)
        return found if found is not None else self.tensor(tensor)

    def perturbed(self, tensor: Tensor, at: tuple[int, ...], step: Any) -> Interpreter:
        """Return an interpreter in which one entry of a leaf is moved and everything computed is forgotten.

        The last one is kept: a sum over outputs asks for the same move at every term.
        """
        move = (tensor, at, step)
        if self._moved is not None and self._moved[0] == move:
            return self._moved[1]
        other = Interpreter.__new__(Interpreter)
        other._moved = None
        other.sizes, other.digits, other.context, other.given = self.sizes, self.digits, self.context, self.given
        other.arrays = {t: a for t, a in self.arrays.items() if t in self.given}
        moved = self.tensor(tensor).astype(object)
        moved[at] = moved[at] + step
        other.arrays[tensor] = moved
        self._moved = (move, other)
        return other

    # -- scalar functions ------------------------------------------------------------------------------------------

    def call(self, name: str, *args: Any) -> Any:
        """Return a scalar function's value in float64, complex or mpmath arithmetic.

        Raises:
            ValueError: the real part is outside the function's real domain.
        """
        _check_domain(name, _real(args[0]))
        if self.context is not None:
            if name != "exp" and any(isinstance(a, self.context.mpc) for a in args):
                with self.context.workdps(4 * self.context.dps):
                    return getattr(self.context, name)(*args)
            return getattr(self.context, name)(*args)
        if any(isinstance(a, complex) for a in args):
            if hasattr(cmath, name):
                return getattr(cmath, name)(*args)
            with mpmath.mp.workdps(60):  # a tiny imaginary part needs more digits than the larger real part
                return complex(getattr(mpmath.mp, name)(*args))
        if name == "digamma":
            return float(mpmath.digamma(*args))
        if name == "loggamma":
            return math.lgamma(*args)
        return getattr(math, name)(*args)


def _check_domain(name: str, x: Any) -> None:
    """Raise ValueError outside a function's real domain, where complex arithmetic would go on silently."""
    if (name == "log" and x <= 0) or (name in ("asin", "acos") and abs(x) > 1):
        raise ValueError(f"{name} of {float(x):.3g} is not real")


def _real(value: Any) -> Any:
    return value.real if hasattr(value, "real") else value


# -- SymPy expression -> nested Python functions, one case per construct ----------------------------------------------

_FUNCTIONS: dict[Any, str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.sinh: "sinh",
    sympy.cosh: "cosh", sympy.tanh: "tanh", sympy.asin: "asin", sympy.acos: "acos", sympy.atan: "atan",
    sympy.asinh: "asinh", sympy.erf: "erf", sympy.erfc: "erfc", sympy.gamma: "gamma", sympy.loggamma: "loggamma",
}  # fmt: skip


def _code(e: Any) -> Code:
    if e.is_Integer:
        n = int(e)
        return lambda m, f: n
    if e.is_Rational:
        p, q = int(e.p), int(e.q)
        return lambda m, f: p / q if m.context is None else m.context.mpf(p) / q
    if e.is_Float:
        text = repr(float(e))
        return lambda m, f: float(text) if m.context is None else m.context.mpf(text)
    if e in (sympy.pi, sympy.E):
        name = "pi" if e is sympy.pi else "e"
        return lambda m, f: getattr(math, name) if m.context is None else +getattr(m.context, name)
    if isinstance(e, TensorSymbol):
        scalar = e.tensor
        return lambda m, f: m.number(m.array(scalar, f)[()])
    if isinstance(e, Index):
        return lambda m, f: f[e]
    if e.is_Symbol:
        return lambda m, f: m.scalar(e, f)
    if isinstance(e, sympy.Indexed):
        return _entry(e)
    args = sorted(e.args, key=_guard_first) if e.is_Mul else e.args
    parts = [_code(a) for a in args] if not isinstance(e, (sympy.Sum, sympy.Piecewise, sympy.Derivative)) else []
    if e.is_Add:
        return lambda m, f: sum((p(m, f) for p in parts[1:]), parts[0](m, f))
    if e.is_Mul:
        return _product(parts)
    if isinstance(e, sympy.exp):
        return lambda m, f: m.call("exp", parts[0](m, f))
    if e.is_Pow:
        return _power(parts[0], parts[1])
    if isinstance(e, sympy.Sum):
        return _sum(e)
    if isinstance(e, sympy.KroneckerDelta):
        return lambda m, f: 1 if parts[0](m, f) == parts[1](m, f) else 0
    if isinstance(e, sympy.Piecewise):
        return _piecewise(e)
    if isinstance(e, Relational):
        rel = e.rel_op
        return lambda m, f: _holds(rel, _real(parts[0](m, f)), _real(parts[1](m, f)))
    if isinstance(e, sympy.And):
        return lambda m, f: all(p(m, f) for p in parts)
    if isinstance(e, sympy.Or):
        return lambda m, f: any(p(m, f) for p in parts)
    if isinstance(e, sympy.Not):
        return lambda m, f: not parts[0](m, f)
    if isinstance(e, sympy.Abs):
        return lambda m, f: (lambda x: -x if _real(x) < 0 else x)(parts[0](m, f))
    if isinstance(e, sympy.sign):
        return lambda m, f: (lambda x: int(x > 0) - int(x < 0))(_real(parts[0](m, f)))
    if isinstance(e, sympy.Max):
        return lambda m, f: max((p(m, f) for p in parts), key=_real)
    if isinstance(e, sympy.Min):
        return lambda m, f: min((p(m, f) for p in parts), key=_real)
    if isinstance(e, sympy.Heaviside):
        return lambda m, f: (lambda x: int(x > 0) if x != 0 else parts[1](m, f))(_real(parts[0](m, f)))
    if isinstance(e, StopGradient):  # an imaginary step does not pass
        return lambda m, f: _real(parts[0](m, f))
    if isinstance(e, sympy.polygamma):
        return lambda m, f: m.call("digamma", parts[1](m, f))
    if isinstance(e, sympy.Derivative):
        return _derivative(e)
    if e in (sympy.true, sympy.false):
        truth = bool(e)
        return lambda m, f: truth
    if e.func in _FUNCTIONS:
        function = _FUNCTIONS[e.func]
        return lambda m, f: m.call(function, m.number(parts[0](m, f)))
    raise UnsupportedError(f"The interpreter does not know {type(e).__name__} in {e}.")


def _guard_first(e: Any) -> int:
    """Conditions come first, those on indices alone before all: where they are 0, exactly, others may not be.

    A condition on entries may itself read an entry that a condition on indices, or on labels, keeps inside its axis.
    """
    if not isinstance(e, (sympy.Piecewise, sympy.KroneckerDelta)):
        return 1_000_000
    entries = [at for at in sympy.preorder_traversal(e) if isinstance(at, sympy.Indexed)]
    real = sum(s.tensor.classes is None for s in e.atoms(TensorSymbol))
    return len(entries) + 1000 * real


def _product(parts: list[Code]) -> Code:
    def run(m: Interpreter, f: Frame) -> Any:
        out: Any = 1
        for p in parts:
            out = out * p(m, f)
            if isinstance(out, int) and out == 0:  # an exact 0, of a delta or an indicator, guards what follows
                return 0
        return out

    return run


def _power(base: Code, exponent: Code) -> Code:
    def run(m: Interpreter, f: Frame) -> Any:
        b, x = base(m, f), exponent(m, f)
        if m.context is not None:
            b = m.context.convert(b)
        elif isinstance(b, np.floating) or (isinstance(b, int) and not isinstance(x, int)):
            b = float(b)
        if _real(b) < 0 and (_real(x) != int(_real(x)) or getattr(x, "imag", 0) != 0):
            raise ValueError(f"{float(_real(b)):.3g} to the power {float(_real(x)):.3g} is not real")
        return b**x

    return run


def _entry(e: Any) -> Code:
    label = e.base.label
    if not isinstance(label, TensorSymbol):
        raise UnsupportedError(f"{e} belongs to no symnn tensor.")
    tensor, at = label.tensor, [_code(i) for i in e.indices]
    integer = tensor.classes is not None

    def run(m: Interpreter, f: Frame) -> Any:
        array = m.array(tensor, f)
        where = tuple(int(p(m, f)) for p in at)
        for w, n in zip(where, array.shape, strict=True):
            if not 0 <= w < n:
                raise IndexError(f"entry {where} of {tensor.name} is outside its shape {array.shape}")
        found = array[where]
        return int(found) if integer else m.number(found)

    return run


def _sum(e: Any) -> Code:
    body = _code(e.function)
    loops = []
    for letter, low, high in e.limits:
        loops.append((letter, low, sympy.expand(high + 1)))

    def run(m: Interpreter, f: Frame) -> Any:
        return level(m, f, len(loops) - 1)

    def level(m: Interpreter, f: Frame, depth: int) -> Any:
        if depth < 0:
            return body(m, f)
        letter, _, stop = loops[depth]
        total: Any = 0
        kept = f.get(letter)
        for position in range(size_value(stop, {**m.sizes, **{k: v for k, v in f.items() if isinstance(v, int)}})):
            f[letter] = position
            total = total + level(m, f, depth - 1)
        if kept is not None:
            f[letter] = kept
        return total

    return run


def _piecewise(e: Any) -> Code:
    pairs = [(_code(value), _code(condition)) for value, condition in e.args]

    def run(m: Interpreter, f: Frame) -> Any:
        for value, condition in pairs:
            if condition(m, f):
                return value(m, f)
        raise ArithmeticError(f"{e} is not defined here")

    return run


def _holds(rel: str, a: Any, b: Any) -> bool:
    return bool({"==": a == b, "!=": a != b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[rel])


def _derivative(e: Any) -> Code:
    """A pending derivative, by a complex step at extended precision (the functions are analytic off their kinks)."""
    body = _code(e.expr)
    wrt = e.variables[0]
    tensor = wrt.tensor if isinstance(wrt, TensorSymbol) else wrt.base.label.tensor
    at = [] if isinstance(wrt, TensorSymbol) else [_code(i) for i in wrt.indices]

    def run(m: Interpreter, f: Frame) -> Any:
        where = tuple(int(p(m, f)) for p in at)
        if m.context is None:
            step: Any = 1e-30
            moved = m.perturbed(tensor, where, complex(0, step))
        else:
            step = m.context.mpf(10) ** (-2 * (m.digits or 15))
            moved = m.perturbed(tensor, where, m.context.mpc(0, step))
        value = body(moved, dict(f))
        imag = value.imag if hasattr(value, "imag") else 0
        return imag / step

    return run
