r"""Work out matrix notation in LaTeX as it reads: vectors are columns, \mathbf{1} has the size it needs.

Products bind tighter than \odot and \oslash, these tighter than plus and minus. It shares no code with the writer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_TOKENS = (
    r"\\left|\\right|\\[lr]Vert|\\[lr]vert|\\mathbb\{1\}|\\mathbf\{1\}|\\operatorname\{\w+\}|\\mathrm\{\w+\}"
    r"|\\[A-Za-z]+|\\[,;!]|\d+\.?\d*|[A-Za-z]|\S"
)
_SPACE = (r"\,", r"\cdot", r"\;", r"\!")
_RELATIONS = {">": np.greater, "<": np.less, "=": np.equal, r"\ge": np.greater_equal, r"\le": np.less_equal}
_FUNCTIONS = {
    r"\exp": np.exp, r"\log": np.log, r"\tanh": np.tanh, r"\sin": np.sin, r"\cos": np.cos,
    r"\operatorname{erf}": np.vectorize(math.erf, otypes=[float]),
}  # fmt: skip
_SUM_ENDS = ("+", "-", ")", "}", ",", r"\right", r"\rVert", r"\rvert", "|", *_RELATIONS)


@dataclass
class Value:
    """A two-dimensional array.

    ``axes`` tells which of them there are: of a column the first, of a row the second, of a scalar none; ``open``
    those along which it is constant and of a size still to be chosen.
    """

    array: Any
    axes: tuple[bool, bool]
    open: tuple[bool, bool] = (False, False)

    @property
    def scalar(self) -> bool:
        """Tell whether there are no axes."""
        return self.axes == (False, False)

    def mapped(self, function: Any) -> Value:
        """Return a function of every entry."""
        return Value(function(self.array), self.axes, self.open)

    def turned(self) -> Value:
        """Return the transpose."""
        return Value(self.array.T, self.axes[::-1], self.open[::-1])

    def entrywise(self, other: Value, operation: Any) -> Value:
        """Return an operation entry by entry, of one kind or with a scalar."""
        assert self.axes == other.axes or self.scalar or other.scalar, (self.axes, other.axes)
        fixed = [tuple(a and not o for a, o in zip(v.axes, v.open, strict=True)) for v in (self, other)]
        axes = tuple(a or b for a, b in zip(self.axes, other.axes, strict=True))
        unsettled = tuple(a and not (f or g) for a, f, g in zip(axes, *fixed, strict=True))
        return Value(operation(self.array, other.array), axes, unsettled)  # type: ignore[arg-type]

    def times(self, other: Value) -> Value:
        """Return the product: by a scalar, or of matrices."""
        if self.scalar or other.scalar:
            one = other if self.scalar else self
            return Value(self.array * other.array, one.axes, one.open)
        left, right = self.array, other.array
        assert self.axes[1] == other.axes[0], ("a product of", self.axes, other.axes)
        assert not (self.open[1] and other.open[0]), "a sum over ones of no size"
        if self.open[1]:
            left = np.repeat(left, right.shape[0], axis=1)
        if other.open[0]:
            right = np.repeat(right, left.shape[1], axis=0)
        return Value(left @ right, (self.axes[0], other.axes[1]), (self.open[0], other.open[1]))


def _number(x: Any) -> Value:
    return Value(np.full((1, 1), float(x)), (False, False))


class LatexReader:
    """Reads one formula; ``values`` holds scalars, vectors and matrices by their LaTeX names."""

    def __init__(self, values: Mapping[str, Any], hot: Mapping[str, Any]) -> None:
        self.values, self.hot = dict(values), dict(hot)
        self.tokens: list[str] = []

    def run(self, latex: str, shape: tuple[int, ...]) -> Any:
        """Return the value of a formula, in the given shape."""
        names = "|".join(re.escape(name) for name in sorted((*self.values, *self.hot), key=len, reverse=True))
        tokens = re.compile(rf"(?:{names})(?![A-Za-z])|{_TOKENS}")
        self.tokens = [t for t in tokens.findall(latex) if t not in _SPACE]
        made = self._sum()
        assert not self.tokens, self.tokens
        full = {0: (1, 1), 1: (*shape, 1), 2: shape}[len(shape)]
        kind = {0: (False, False), 1: (True, False), 2: (True, True)}[len(shape)]
        assert made.axes == kind, (made.axes, kind, latex)
        for have, want, loose in zip(made.array.shape, full, made.open, strict=True):
            assert have == want or loose, (made.array.shape, full, latex)
        return np.broadcast_to(made.array, full).reshape(shape)

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def _take(self, expected: str = "") -> str:
        assert self.tokens and expected in ("", self.tokens[0]), (expected, self.tokens[:8])
        return self.tokens.pop(0)

    def _sum(self) -> Value:
        sign = -1.0 if self._next() == "-" and self._take() else 1.0
        out = self._entrywise().mapped(lambda x: sign * x)
        while self._next() in ("+", "-"):
            sign = 1.0 if self._take() == "+" else -1.0
            out = out.entrywise(self._entrywise(), lambda a, b, s=sign: a + s * b)
        return out

    def _entrywise(self) -> Value:
        out = self._product()
        while self._next() in (r"\odot", r"\oslash"):
            operation = np.multiply if self._take() == r"\odot" else np.divide
            out = out.entrywise(self._product(), operation)
        return out

    def _product(self) -> Value:
        out = self._factor()
        while self.tokens and (self._next() not in (*_SUM_ENDS, r"\odot", r"\oslash")):
            out = out.times(self._factor())
        return out

    def _factor(self) -> Value:
        out = self._atom()
        while self._next() in ("^", "_"):
            if self._take() == "_":
                assert self._argument() == ["F"]
                continue
            exponent = self._argument()
            if exponent == [r"\top"]:
                out = out.turned()
            elif exponent == ["-", "1"]:
                out = out.mapped(np.linalg.inv)
            else:
                entrywise = exponent[0] == r"\circ"
                assert entrywise or out.scalar, "a power of a matrix"
                inner = LatexReader(self.values, self.hot)
                inner.tokens = exponent[1:] if entrywise else exponent
                power = inner._sum().array
                out = out.mapped(lambda x, power=power: x**power)
        return out

    def _argument(self) -> list[str]:
        if self._next() != "{":
            return [self._take()]
        depth, out = 0, []
        while True:
            token = self._take()
            depth += (token == "{") - (token == "}")
            out.append(token)
            if not depth:
                return out[1:-1]

    def _group(self, close: str) -> Value:
        out = self._sum()
        if self._next() == r"\right":
            self._take()
        self._take(close)
        return out

    def _braced(self) -> Value:
        self._take("{")
        out = self._sum()
        self._take("}")
        return out

    def _atom(self) -> Value:
        token = self._take()
        if token == r"\left":
            token = self._take()
        match token:
            case "(":
                return self._group(")")
            case r"\lvert" | "|":
                out = self._group(r"\rvert" if token == r"\lvert" else "|")
                return out.mapped(np.abs)
            case r"\lVert":
                out = self._group(r"\rVert")
                return _number(np.sqrt((out.array**2).sum()))
            case r"\langle":
                left = self._sum()
                self._take(",")
                right = self._group(r"\rangle")
                assert left.axes == right.axes
                return _number((left.array * right.array).sum())
            case r"\frac":
                above, below = self._braced(), self._braced()
                return above.entrywise(below, np.divide)
            case r"\sqrt":
                return self._braced().mapped(np.sqrt)
            case r"\mathbf{1}":
                return Value(np.ones((1, 1)), (True, False), (True, False))
            case r"\mathbb{1}":
                return self._indicator()
        if token.startswith(r"\operatorname{") or token in (*_FUNCTIONS, r"\max", r"\min"):
            return self._function(token)
        if token == r"\pi":
            return _number(math.pi)
        if token[0].isdigit():
            return _number(token)
        return self._named(self.values[token])

    def _named(self, value: Any) -> Value:
        array = np.asarray(value, dtype=float)
        if array.ndim == 1:
            return Value(array[:, None], (True, False))
        return Value(array, (True, True)) if array.ndim else _number(array)

    def _function(self, token: str) -> Value:
        if token == r"\operatorname{onehot}":
            self._take("(")
            out = Value(self.hot[self._take()], (True, True))
            self._take(")")
            return out
        if token in _FUNCTIONS and self._next() == "^":  # tanh^2 u
            self._take()
            power = float(self._argument()[0])
            return self._function(token).mapped(lambda x: x**power)
        if token in (r"\max", r"\min"):
            assert [self._take(), self._take()] == [r"\left", "("]
            left = self._sum()
            self._take(",")
            return left.entrywise(self._group(")"), np.maximum if token == r"\max" else np.minimum)
        if token not in _FUNCTIONS or self._next() in (r"\left", "("):
            out = self._atom()
        else:
            out = self._factor()
        if token == r"\operatorname{diag}":
            if out.axes == (True, False):
                return Value(np.diag(out.array[:, 0]), (True, True))
            return Value(np.diag(out.array)[:, None], (True, False))
        if token == r"\operatorname{tr}":
            return _number(np.trace(out.array))
        return out.mapped(_FUNCTIONS[token])

    def _indicator(self) -> Value:
        self._take("_")
        self._take("{")
        self._take("(")
        left = self._sum()
        relation = _RELATIONS[self._take()]
        right = self._group(")")
        self._take("}")
        return left.entrywise(right, lambda a, b: relation(a, b).astype(float))
