"""Values of formulas as NumPy arrays: Python's parser, a table of names and a table of functions, and nothing else.

It is independent of symnn's language and judge, so that a slip is counted as one by other means than those on trial.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import special

__all__ = ["Undefined", "parsed", "text_of", "value"]

_PRIMED = re.compile(r"([A-Za-z_]\w*)'\(")
_SIGMA = re.compile(r"(sum|mean)_([a-z]{1,3})$")


class Undefined(Exception):
    """A formula has no value here: shapes do not fit, or it says something that is not known."""


def parsed(text: str) -> ast.Module:
    """Return the tree of a formula; f'(x) is kept as a function of another name."""
    return ast.parse(_PRIMED.sub(r"prime_\1(", text))


def text_of(tree: ast.AST) -> str:
    """Return a tree as text."""
    return re.sub(r"\bprime_(\w+)\(", r"\1'(", ast.unparse(tree))


def value(text: str, names: Mapping[str, Any], classes: Mapping[str, int], shape: tuple[int, ...] = ()) -> Any:
    """Return the value of a formula; ``shape`` are the ranges of free letters that stand on no axis alone.

    Raises:
        Undefined: it has none.
    """
    return _Reader(dict(names), dict(classes), shape).program(parsed(text))


class _Reader:
    """Follows one formula; index letters are arrays along axes of their own, kept to the end."""

    def __init__(self, names: dict[str, Any], classes: dict[str, int], shape: tuple[int, ...]) -> None:
        self.names, self.classes, self.shape = names, classes, shape
        self.letters: dict[str, Any] = {}
        self.axes, self.used = 0, 0

    def program(self, tree: ast.Module) -> Any:
        out: Any = None
        for statement in tree.body:
            if isinstance(statement, ast.Assign):
                (target,) = statement.targets
                out = self.statement(statement.value, _target_letters(target))
                name = target.id if isinstance(target, ast.Name) else target.value.id  # type: ignore[attr-defined]
                self.names[name] = out
            elif isinstance(statement, ast.Expr):
                out = self.statement(statement.value, None)
            else:
                raise Undefined("a statement of another kind")
        return out

    def statement(self, node: ast.expr, left: list[str] | None) -> Any:
        """Return the value of one line, its free letters turned into axes."""
        bound = "".join(_summed(node))
        loose = [k for k in _single_letters(node) if k not in self.names and k not in bound]
        free = loose if left is None else left
        self.axes = len(free) + len(bound)
        self.used, self.letters = 0, {}
        for place, letter in enumerate(free):
            self.bind(letter, node, self.shape[place] if len(self.shape) == len(free) else None)
        with np.errstate(all="ignore"):
            try:
                out = self.spread(self.of(node), free)
            except (ValueError, IndexError, TypeError, np.exceptions.AxisError) as error:
                raise Undefined(str(error)) from None
        self.letters = {}
        return np.asarray(out)

    def spread(self, out: Any, free: list[str]) -> Any:
        """Return an array of the axes of the free letters."""
        if not free:
            return out
        shape = tuple(self.letters[k].size for k in free)
        if math.prod(np.shape(out)[len(free) :]) != 1:
            raise Undefined("a letter is neither summed over nor on the left")
        return np.broadcast_to(out, (*shape, *np.shape(out)[len(free) :])).reshape(shape)

    def bind(self, letter: str, scope: ast.AST, default: int | None = None) -> int:
        """Give a letter an axis and the range that it has inside a part; return the axis."""
        size = self.range_of(letter, scope, default)
        shape = [1] * self.axes
        shape[self.used] = size
        self.letters[letter] = np.arange(size).reshape(shape)
        self.used += 1
        return self.used - 1

    def range_of(self, letter: str, scope: ast.AST, default: int | None) -> int:
        for n in ast.walk(scope):
            if isinstance(n, ast.Subscript):
                items = n.slice.elts if isinstance(n.slice, ast.Tuple) else [n.slice]
                for axis, item in enumerate(items):
                    if isinstance(item, ast.Name) and item.id == letter:
                        return int(np.shape(self.of(n.value))[axis])
        if default is None:
            raise Undefined(f"{letter} has no range")
        return default

    # -- parts -----------------------------------------------------------------------------------------------------

    def of(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self.name(node.id)
            case ast.UnaryOp():
                body = self.of(node.operand)
                return -body if isinstance(node.op, ast.USub) else body
            case ast.BinOp():
                return _joined(node.op, self.of(node.left), self.of(node.right))
            case ast.Compare():
                return self.compared(node)
            case ast.Attribute():
                if node.attr == "T" and not self.letters:
                    return np.asarray(self.of(node.value)).T
            case ast.Subscript():
                return self.item(node)
            case ast.Call():
                return self.call(node)
            case ast.Tuple():
                return tuple(self.of(e) for e in node.elts)
        raise Undefined(f"{type(node).__name__} is not known")

    def name(self, name: str) -> Any:
        for table in (self.letters, self.names, {"pi": math.pi}):
            if name in table:
                return table[name]
        raise Undefined(f"{name} is not known")

    def compared(self, node: ast.Compare) -> Any:
        out: Any = 1.0
        left = self.of(node.left)
        for op, right in zip(node.ops, map(self.of, node.comparators), strict=True):
            out = out * _compared(_RELATIONS[type(op)], left, right)
            left = right
        return out

    def item(self, node: ast.Subscript) -> Any:
        body = np.asarray(self.of(node.value))
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if self.letters and not any(isinstance(i, ast.Slice) for i in items):
            return self.entry(body, [self.of(i) for i in items])
        return body[tuple(self.position(i) for i in items)]

    def position(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            return slice(*(None if p is None else int(self.of(p)) for p in (node.lower, node.upper, node.step)))
        return self.of(node)

    def entry(self, body: Any, at: list[Any]) -> Any:
        """Return the entry at positions; outside an axis there is no number."""
        if len(at) != body.ndim:
            raise Undefined(f"{len(at)} positions for {body.ndim} axes")
        outside: Any = False
        spots = []
        for p, size in zip(at, body.shape, strict=True):
            whole = np.rint(np.asarray(p)).astype(int)
            outside = outside | (whole < 0) | (whole >= size)
            spots.append(np.clip(whole, 0, size - 1))
        out = body[tuple(spots)]
        return np.where(outside, np.nan, out) if np.any(outside) else out

    # -- functions -------------------------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Any:
        args = list(node.args)
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "torch")):
                args = [node.func.value, *args]
        elif isinstance(node.func, ast.Name):
            name = node.func.id
        else:
            raise Undefined("a call of another kind")
        sigma = _SIGMA.match(name)
        if sigma:
            return self.sigma(sigma.group(1), sigma.group(2), args[0])
        if name in ("onehot", "one_hot"):
            return np.eye(self.classes[_root(args[0])])[self.of(args[0])]
        given = [self.of(a) for a in args]
        keywords = {k.arg: self.of(k.value) for k in node.keywords}
        function = _FUNCTIONS.get(name)
        if function is None:
            raise Undefined(f"{name}() is not known")
        return function(*given, **keywords)

    def sigma(self, kind: str, letters: str, body: ast.expr) -> Any:
        kept = dict(self.letters)
        own = {self.bind(letter, body): self.letters[letter].size for letter in letters}
        out = np.asarray(self.of(body))
        self.letters = kept
        for axis, size in own.items():
            if out.ndim == self.axes and out.shape[axis] > 1:
                out = out.sum(axis=axis, keepdims=True)
            else:
                out = out * size
            out = out / size if kind == "mean" else out
        return out


def _joined(op: ast.operator, a: Any, b: Any) -> Any:
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            out = np.asarray(a) * b
            # What stands outside its axis counts nothing beside a condition that does not hold.
            return np.where(_hides(a, b) | _hides(b, a), 0.0, out) if np.any(np.isnan(out)) else out
        case ast.Div():
            return np.asarray(a) / np.asarray(b, dtype=float)
        case ast.Pow():
            return np.asarray(a, dtype=float) ** b
        case ast.MatMult():
            return np.asarray(a) @ np.asarray(b)
        case ast.BitAnd():
            return a * b
        case ast.BitOr():
            return np.maximum(a, b)
    raise Undefined(f"{type(op).__name__} is not known")


def _hides(condition: Any, entry: Any) -> Any:
    return (np.asarray(condition) == 0) & np.isnan(entry)


_RELATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Lt: np.less, ast.LtE: np.less_equal, ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}  # fmt: skip


def _softmax(x: Any, axis: int = -1, dim: int | None = None) -> Any:
    e = np.exp(x)
    return e / e.sum(axis=axis if dim is None else dim, keepdims=True)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x)))


def _normal(x: Any) -> Any:
    return np.exp(-(np.asarray(x) ** 2) / 2) / math.sqrt(2 * math.pi)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


def _where(condition: Any, a: Any, b: Any) -> Any:
    """Return a choice; what stands outside an axis counts though it is not chosen."""
    return np.where(condition, a, b) + np.where(np.isnan(np.asarray(a) + b + condition), np.nan, 0.0)


def _compared(relation: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    lost = np.isnan(np.asarray(a, dtype=float) + b)
    return np.where(lost, np.nan, relation(a, b) * 1.0) if np.any(lost) else relation(a, b) * 1.0


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "exp log sqrt sin cos tanh sinh cosh sign abs square outer diag trace maximum minimum eye zeros ones "
        "arange tril triu transpose swapaxes expand_dims flip cumsum einsum dot zeros_like ones_like log1p expm1 clip"
    ).split()},
    "where": _where, "sum": np.sum, "mean": np.mean, "var": np.var, "std": np.std, "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": lambda x, axis=-1: np.log(_softmax(x, axis)), "sigmoid": _sigmoid, "erf": special.erf,
    "erfc": special.erfc,
    "relu": lambda x: np.maximum(x, 0), "softplus": lambda x: np.log(1 + np.exp(x)),
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims)),
    "prime_relu": lambda x: (x > 0) * 1.0, "prime_tanh": lambda x: 1 - np.tanh(x) ** 2,
    "prime_sigmoid": lambda x: _sigmoid(x) * (1 - _sigmoid(x)), "prime_softplus": _sigmoid,
    "prime_gelu": lambda x: (1 + special.erf(x / math.sqrt(2))) / 2 + x * _normal(x),
    "prime_elu": lambda x: np.where(x > 0, 1.0, np.exp(x)),
    "prime_silu": lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
}  # fmt: skip


# -- letters -----------------------------------------------------------------------------------------------------------


def _target_letters(target: ast.expr) -> list[str] | None:
    if isinstance(target, ast.Name):
        return None
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        raise Undefined("nothing that has a value can stand there")
    items = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
    return [i.id for i in items if isinstance(i, ast.Name)]


def _single_letters(node: ast.AST) -> list[str]:
    """Return the names that stand alone or in sums as positions, in order."""
    found: dict[str, None] = {}

    def inside(item: ast.AST) -> Iterator[str]:
        if isinstance(item, ast.Name):
            yield item.id
        elif isinstance(item, ast.BinOp):
            yield from inside(item.left)
            yield from inside(item.right)

    brackets = [n for n in ast.walk(node) if isinstance(n, ast.Subscript)]
    for n in sorted(brackets, key=lambda n: (n.end_lineno, n.end_col_offset)):
        for item in n.slice.elts if isinstance(n.slice, ast.Tuple) else [n.slice]:
            found |= dict.fromkeys(inside(item))
    return list(found)


def _summed(node: ast.AST) -> Iterator[str]:
    """Yield the letters of every sum over letters."""
    for n in ast.walk(node):
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
            found = _SIGMA.match(n.func.id)
            if found:
                yield found.group(2)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    if not isinstance(node, ast.Name):
        raise Undefined("labels have a name")
    return node.id
