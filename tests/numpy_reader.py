"""Run the NumPy text of a matrix form: a small reader of Python's own syntax tree, with NumPy's functions by name."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.MatMult: operator.matmul,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_NUMPY = (
    "sum mean sqrt exp log sin cos tan sinh cosh tanh abs sign maximum minimum where outer diag trace eye ones arange "
    "broadcast_to stack"
).split()


class Reader:
    """Reads one expression; ``values`` holds arrays and sizes by name, ``classes`` the number of classes of labels."""

    def __init__(self, values: Mapping[str, Any], classes: Mapping[str, int]) -> None:
        self.values, self.classes = dict(values), dict(classes)

    def run(self, text: str) -> Any:
        """Return the value of the text."""
        return self._value(ast.parse(text, mode="eval").body)

    def _value(self, at: Any) -> Any:
        match at:
            case ast.Constant():
                return at.value
            case ast.Name():
                if at.id in self.values:
                    return self.values[at.id]
                return {"pi": math.pi, "e": math.e}[at.id]
            case ast.BinOp():
                return _BINARY[type(at.op)](self._value(at.left), self._value(at.right))
            case ast.UnaryOp(op=ast.USub()):
                return -self._value(at.operand)
            case ast.Compare(ops=[op], comparators=[right]):
                return _COMPARE[type(op)](self._value(at.left), self._value(right))
            case ast.Attribute(attr="T"):
                return self._value(at.value).T
            case ast.Tuple():
                return tuple(self._value(p) for p in at.elts)
            case ast.Slice(lower=None, upper=None):
                return slice(None)
            case ast.Subscript():
                return self._value(at.value)[self._value(at.slice)]
            case ast.ListComp(generators=[loop]):
                return self._items(at.elt, loop)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, at)
        raise AssertionError(f"not read: {ast.dump(at)}")

    def _items(self, body: Any, loop: ast.comprehension) -> list[Any]:
        assert isinstance(loop.target, ast.Name) and not loop.ifs
        name = loop.target.id
        assert name not in self.values, f"the letter {name} hides something of that name"
        match loop.iter:
            case ast.Call(func=ast.Name(id="range"), args=[size]):
                return [Reader({**self.values, name: n}, self.classes)._value(body) for n in range(self._value(size))]
        raise AssertionError("items are counted by range()")

    def _call(self, name: str, at: ast.Call) -> Any:
        args = [self._value(a) for a in at.args]
        if name == "onehot":
            of = at.args[0].value if isinstance(at.args[0], ast.Subscript) else at.args[0]
            assert isinstance(of, ast.Name)
            return np.eye(self.classes[of.id])[np.asarray(args[0], dtype=int)]
        if name == "erf":
            return np.vectorize(math.erf, otypes=[float])(args[0])
        assert name in _NUMPY, f"not a NumPy function: {name}"
        return getattr(np, name)(*args, **{str(k.arg): self._value(k.value) for k in at.keywords})
