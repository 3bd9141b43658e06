"""The functions of the formula language, as a table: names, what they take, what they return.

Entry by entry they are NumPy's; axes are counted and broadcast as NumPy does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.ground.errors import ShapeError
from symnn.ground.indices import Index
from symnn.ground.sizes import size_text
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Delta,
    Div,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Pow,
    Sum,
    Tree,
    Where,
    mul,
    num,
)
from symnn.language.arrays import ONE as SINGLE
from symnn.language.arrays import Array, matmul, number, pointwise, reduced, transposed
from symnn.language.operators import Operators
from symnn.language.syntax import Call, Name, Node, Number, Text, Tuple, Unary
from symnn.nn.activations import ACTIVATIONS

__all__ = ["FUNCTIONS", "Function", "REFUSED"]

Build = Callable[[Operators, Call, dict[str, Any]], Array]


@dataclass(frozen=True)
class Function:
    """A function: its parameters in order, those from ``optional`` on with defaults, and what it returns."""

    parameters: tuple[str, ...]
    build: Build
    optional: dict[str, Any] | None = None


FUNCTIONS: dict[str, Function] = {}

#: Names that people write, and why they are no functions here.
REFUSED = {
    "max": "A maximum over an axis is not known yet. maximum(x, y) of two arrays is; a shift by the maximum that only "
    "keeps exp from overflowing can be left out: softmax(z), logsumexp(z, axis).",
    "min": "A minimum over an axis is not known yet; minimum(x, y) of two arrays is.",
    "argmax": "A position is no number to be differentiated. Give labels as a tensor of their own.",
    "reshape": "Write the axes out instead of reshaping, x[n, i, j].",
    "ravel": "Write the axes out instead of reshaping, x[n, i, j].",
    "flatten": "Write the axes out instead of reshaping, x[n, i, j].",
    "prod": "A product over an axis is not known; exp(sum(log(x), axis)) is, for positive x.",
    "concatenate": "Joining arrays is not known; give the parts names of their own.",
    "stack": "Joining arrays is not known; give the parts names of their own.",
    "inv": "The inverse of a matrix is not known.",
    "det": "The determinant of a matrix is not known.",
    "sorted": "Sorting is not known.",
}


def _put(names: str, parameters: str, build: Build, **optional: Any) -> None:
    for name in names.split():
        FUNCTIONS[name] = Function(tuple(parameters.split()), build, optional)


# -- entry by entry ----------------------------------------------------------------------------------------------------


def _scalar(names: str, tree: Callable[[Tree], Tree], *, twice: bool = False) -> None:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        x = m.held(a["x"]) if twice else a["x"]
        return pointwise(m.sizes, call.function, tree, x)

    _put(names, "x", build)


def _function(name: str) -> Callable[[Tree], Tree]:
    return lambda u: Fn(name, (u,))


for _name in "exp log sin cos tan sinh cosh tanh erf erfc gamma sign".split():
    _scalar(_name, _function(_name))
_scalar("arctan atan", lambda u: Fn("atan", (u,)))
_scalar("arcsin asin", lambda u: Fn("asin", (u,)))
_scalar("arccos acos", lambda u: Fn("acos", (u,)))
_scalar("arcsinh asinh", lambda u: Fn("asinh", (u,)))
_scalar("gammaln lgamma loggamma", lambda u: Fn("loggamma", (u,)))
_scalar("digamma psi", lambda u: Fn("digamma", (u,)))
_scalar("abs fabs absolute", lambda u: Fn("abs", (u,)))
_scalar("sqrt", lambda u: Pow(u, Div(ONE, num(2))))
_scalar("rsqrt", lambda u: Div(ONE, Pow(u, Div(ONE, num(2)))))
_scalar("cbrt", lambda u: Pow(u, Div(ONE, num(3))))
_scalar("square", lambda u: Pow(u, num(2)))
_scalar("reciprocal", lambda u: Div(ONE, u))
_scalar("negative", Neg)
_scalar("log1p", lambda u: Fn("log", (Add((ONE, u)),)))
_scalar("expm1", lambda u: Add((Fn("exp", (u,)), Neg(ONE))))
_scalar("log2", lambda u: Div(Fn("log", (u,)), Fn("log", (num(2),))))
_scalar("log10", lambda u: Div(Fn("log", (u,)), Fn("log", (num(10),))))
_scalar("stop_gradient detach", lambda u: Fn("stop_gradient", (u,)))
_scalar("copy asarray array float positive", lambda u: u)
_put("astype", "x dtype", lambda m, call, a: a["x"])


def _pair(names: str, tree: Callable[[Tree, Tree], Tree]) -> None:
    _put(names, "x y", lambda m, call, a: pointwise(m.sizes, call.function, tree, a["x"], a["y"]))


_pair("maximum fmax", lambda u, v: Fn("max", (u, v)))
_pair("minimum fmin", lambda u, v: Fn("min", (u, v)))
_pair("multiply", lambda u, v: Mul((u, v)))
_pair("add", lambda u, v: Add((u, v)))
_pair("subtract", lambda u, v: Add((u, Neg(v))))
_pair("divide", Div)
_pair("greater", lambda u, v: Ind(">", u, v))
_pair("less", lambda u, v: Ind(">", v, u))
_put("power pow", "x y", lambda m, call, a: m.raised(a["x"], a["y"], call))


def _where(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    return pointwise(m.sizes, "where", Where, m.truth(a["condition"], call), a["x"], a["y"])


def _clip(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    return pointwise(m.sizes, "clip", lambda u, l, h: Fn("min", (Fn("max", (u, l)), h)), a["x"], a["low"], a["high"])


def _heaviside(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    def step(u: Tree, h: Tree) -> Tree:
        return Add((Ind(">", u, ZERO), mul(h, Ind("=", u, ZERO))))

    return pointwise(m.sizes, "heaviside", step, m.held(a["x"]), a["at_0"])


_put("where select", "condition x y", _where)
_put("clip", "x low high", _clip)
_put("heaviside", "x at_0", _heaviside, at_0=number(0))


# -- sums over axes ----------------------------------------------------------------------------------------------------


def axes_of(m: Operators, node: Node | None, rank: int, call: Node) -> list[int]:
    """Return axes as numbers from 0 on; None stands for all.

    Raises:
        FormulaError: there is no such axis.
    """
    if node is None or (isinstance(node, Name) and node.name == "None"):
        return list(range(rank))
    items = node.items if isinstance(node, Tuple) else (node,)
    out = []
    for item in items:
        axis = whole(m, item)
        if not -rank <= axis < rank:
            raise m.error(f"there is no axis {axis}: the array has {rank} axes.", item)
        out.append(axis % rank)
    if len(set(out)) != len(out):
        raise m.error("an axis is given twice.", node)
    return out


def whole(m: Operators, node: Node) -> int:
    """Return a whole number that was written as one."""
    if isinstance(node, Unary) and node.op == "-":
        return -whole(m, node.body)
    if not isinstance(node, Number) or node.value.denominator != 1:
        raise m.error("a whole number is expected here.", node)
    return int(node.value)


def flag(m: Operators, node: Node | None) -> bool:
    """Return True or False as written."""
    if node is None:
        return False
    if isinstance(node, Name) and node.name in ("True", "False"):
        return node.name == "True"
    raise m.error("True or False is expected here.", node)


def _reduce(mean: bool) -> Build:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        return reduced(a["x"], axes_of(m, a["axis"], a["x"].rank, call), keep=flag(m, a["keepdims"]), mean=mean)

    return build


def _variance(root: bool) -> Build:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        x = m.held(a["x"])
        axes = axes_of(m, a["axis"], x.rank, call)
        mean = reduced(x, axes, keep=True, mean=True)
        square = pointwise(m.sizes, "var", lambda u, v: Pow(Add((u, Neg(v))), num(2)), x, mean)
        total = reduced(square, axes, keep=flag(m, a["keepdims"]))
        lost = 0 if a["ddof"] is None else whole(m, a["ddof"])
        count: Any = sympy.Mul(*[x.shape[n] for n in axes])
        below = from_sympy(count - lost)
        out = pointwise(m.sizes, "var", lambda u: Div(u, below), total)
        return pointwise(m.sizes, "std", lambda u: Pow(u, Div(ONE, num(2))), out) if root else out

    return build


def _norm(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    order = 2 if a["ord"] is None else whole(m, a["ord"])
    if order not in (1, 2):
        raise m.error("the norms known are 1 and 2.", call)
    if a["ord"] is not None and a["axis"] is None and a["x"].rank > 1:
        what = "column sum" if order == 1 else "singular value"
        raise m.error(
            f"norm(x, {order}) of a matrix is NumPy's largest {what}, which is not known here. Give an axis, or "
            "norm(x) for the root of the sum of all squares.", call,
        )  # fmt: skip
    axes = axes_of(m, a["axis"], a["x"].rank, call)
    each = (lambda u: Pow(u, num(2))) if order == 2 else (lambda u: Fn("abs", (u,)))
    total = reduced(pointwise(m.sizes, "norm", each, a["x"]), axes, keep=flag(m, a["keepdims"]))
    return total if order == 1 else pointwise(m.sizes, "norm", lambda u: Pow(u, Div(ONE, num(2))), total)


def _logsumexp(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    axes = axes_of(m, a["axis"], a["x"].rank, call)
    each = pointwise(m.sizes, "exp", lambda u: Fn("exp", (u,)), a["x"])
    total = reduced(each, axes, keep=flag(m, a["keepdims"]))
    return pointwise(m.sizes, "log", lambda u: Fn("log", (u,)), total)


_AXIS: dict[str, Any] = {"axis": None, "keepdims": None}
_put("sum nansum", "x axis keepdims", _reduce(False), **_AXIS)
_put("mean average", "x axis keepdims", _reduce(True), **_AXIS)
_put("var", "x axis keepdims ddof", _variance(False), **_AXIS, ddof=None)
_put("std", "x axis keepdims ddof", _variance(True), **_AXIS, ddof=None)
_put("norm", "x ord axis keepdims", _norm, ord=None, **_AXIS)
_put("logsumexp", "x axis keepdims", _logsumexp, **_AXIS)


# -- products ----------------------------------------------------------------------------------------------------------


def _dot(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    if not a["x"].rank or not a["y"].rank:
        return pointwise(m.sizes, "dot", lambda u, v: Mul((u, v)), a["x"], a["y"])
    if call.function == "dot" and max(a["x"].rank, a["y"].rank) > 2:
        raise m.error("dot() of more than two axes is not known here. Write @ or einsum.", call)
    return matmul(m.sizes, a["x"], a["y"])


def _outer(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x, y = a["x"], a["y"]
    if x.rank != 1 or y.rank != 1:
        raise ShapeError(f"outer() takes two vectors, found shapes {size_text(x.shape)} and {size_text(y.shape)}.")
    return Array((*x.shape, *y.shape), lambda at: mul(x.at(at[:1]), y.at(at[1:])), letters=(x.letter(0), y.letter(0)))


def _inner(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x, y = a["x"], a["y"]
    if call.function == "inner" and max(x.rank, y.rank) > 1:
        raise m.error("inner() of matrices is a product over their last axes. Write x @ y.T, or sum(x * y).", call)
    product = pointwise(m.sizes, "inner", lambda u, v: Mul((u, v)), x, y)
    return reduced(product, range(product.rank))


def _trace(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    return reduced(_diagonal(m, a["x"], "trace"), (0,))


def _diagonal(m: Operators, x: Array, what: str) -> Array:
    if x.rank != 2 or not m.sizes.same(*x.shape):
        raise ShapeError(f"{what}() of a matrix takes a square one, found shape {size_text(x.shape)}.")
    return Array(x.shape[:1], lambda at: x.at((at[0], at[0])), letters=(x.letter(0),))


def _diag(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x = a["x"]
    if x.rank == 2:
        return _diagonal(m, x, "diag")
    if x.rank != 1:
        raise ShapeError(f"diag() takes a vector or a square matrix, found shape {size_text(x.shape)}.")
    return Array((x.shape[0], x.shape[0]), lambda at: mul(Delta(at[0], at[1]), x.at(at[:1])), letters=(x.letter(0), ""))


def _einsum(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    if not call.args:
        raise m.error("einsum() takes its subscripts first, einsum('nd,hd->nh', x, W).", call)
    first, *operands = call.args
    if not isinstance(first, Text):
        raise m.error("einsum() takes its subscripts first, einsum('nd,hd->nh', x, W).", first)
    spec = first.value.replace(" ", "")
    before, arrow, after = spec.partition("->")
    inputs = before.split(",")
    arrays = [m.value(node) for node in operands]
    if len(inputs) != len(arrays) or not all(p.isascii() and p.isalpha() or p == "" for p in (*inputs, after)):
        raise m.error(f"{len(inputs)} subscripts of letters and {len(arrays)} arrays do not fit.", call)
    ranges: dict[str, Any] = {}
    for letters, x in zip(inputs, arrays, strict=True):
        if len(letters) != x.rank:
            raise m.error(f"the subscripts {letters!r} do not fit an array of shape {size_text(x.shape)}.", first)
        for c, size in zip(letters, x.shape, strict=True):
            if c in ranges and not m.sizes.same(ranges[c], size):
                raise m.error(f"{c} runs over {m.sizes.find(ranges[c])} and over {m.sizes.find(size)}.", first)
            ranges.setdefault(c, size)
    if not arrow:
        once = [c for c in ranges if before.count(c) == 1]
        after = "".join(sorted(once))
    if len(set(after)) != len(after) or any(c not in ranges for c in after):
        raise m.error(f"the result {after!r} names a letter twice, or one that no array has.", first)

    def entry(at: tuple[Tree, ...]) -> Tree:
        place: dict[str, Tree] = dict(zip(after, at, strict=True))
        made = {c: Index(c, ranges[c]) for c in ranges if c not in after}
        place |= {c: Ix(i) for c, i in made.items()}
        body = mul(*(x.at(tuple(place[c] for c in letters)) for letters, x in zip(inputs, arrays, strict=True)))
        for i in reversed(made.values()):
            body = Sum(i, body)
        return body

    return Array(tuple(ranges[c] for c in after), entry, letters=tuple(after))


_put("dot matmul mm", "x y", _dot)
_put("outer", "x y", _outer)
_put("inner vdot", "x y", _inner)
_put("trace", "x", _trace)
_put("diag diagonal", "x", _diag)
_put("einsum", "", _einsum)


# -- axes --------------------------------------------------------------------------------------------------------------


def _transpose(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x, node = a["x"], a["axes"]
    if a["second"] is not None:  # x.transpose(0, 2, 1)
        node = Tuple(call.span, tuple(k for k in (a["axes"], a["second"], a["third"], a["fourth"]) if k is not None))
    order: list[int] | None = (
        None if node is None else [whole(m, i) for i in (node.items if isinstance(node, Tuple) else (node,))]
    )
    if order is not None and sorted(k % max(1, x.rank) for k in order) != list(range(x.rank)):
        raise m.error(f"{tuple(order)} is no order of {x.rank} axes.", node)
    return transposed(x, None if order is None else [k % x.rank for k in order])


def _swap(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    one, two = (axes_of(m, a[k], a["x"].rank, call)[0] for k in ("first", "second"))
    order = list(range(a["x"].rank))
    order[one], order[two] = order[two], order[one]
    return transposed(a["x"], order)


def _expand(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x = a["x"]
    place = axes_of(m, a["axis"], x.rank + 1, call)[0]
    shape = (*x.shape[:place], SINGLE, *x.shape[place:])
    letters = (*x.letters[:place], "", *x.letters[place:]) if len(x.letters) == x.rank else ()
    return Array(shape, lambda at: x.at((*at[:place], *at[place + 1 :])), letters=letters)


def _squeeze(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x = a["x"]
    gone = [n for n in axes_of(m, a["axis"], x.rank, call) if x.shape[n] == SINGLE or a["axis"] is not None]
    if any(m.sizes.find(x.shape[n]) != SINGLE for n in gone):
        raise m.error(f"only an axis of size 1 can be left out, found shape {size_text(x.shape)}.", call)
    left = [n for n in range(x.rank) if n not in gone]

    def entry(at: tuple[Tree, ...]) -> Tree:
        given = dict(zip(left, at, strict=True))
        out: Tree = x.at(tuple(given.get(n, num(0)) for n in range(x.rank)))
        return out

    return Array(tuple(x.shape[n] for n in left), entry, letters=tuple(x.letter(n) for n in left))


def _flip(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x = a["x"]
    axes = axes_of(m, a["axis"], x.rank, call)

    def entry(at: tuple[Tree, ...]) -> Tree:
        turned = [Add((from_sympy(x.shape[n] - 1), Neg(p))) if n in axes else p for n, p in enumerate(at)]
        out: Tree = x.at(tuple(turned))
        return out

    return Array(x.shape, entry, letters=x.letters)


def _cumsum(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    x = a["x"]
    if x.rank == 0:
        raise m.error("cumsum() runs along an axis; this is a single number.", call)
    (axis,) = axes_of(m, a["axis"], x.rank, call)[:1]

    def entry(at: tuple[Tree, ...]) -> Tree:
        k = Index("k", x.shape[axis])
        inside = (*at[:axis], Ix(k), *at[axis + 1 :])
        return Sum(k, mul(Ind(">=", at[axis], Ix(k)), x.at(inside)))

    return Array(x.shape, entry, letters=x.letters)


_put("transpose", "x axes second third fourth", _transpose, axes=None, second=None, third=None, fourth=None)
_put("t", "x", lambda m, call, a: transposed(a["x"]))
_put("swapaxes", "x first second", _swap)
_put("expand_dims unsqueeze", "x axis", _expand)
_put("squeeze", "x axis", _squeeze, axis=None)
_put("flip", "x axis", _flip, axis=None)
_put("cumsum", "x axis", _cumsum)


# -- arrays made of nothing --------------------------------------------------------------------------------------------


def _shape(m: Operators, node: Node) -> tuple[Any, ...]:
    items = node.items if isinstance(node, Tuple) else (node,)
    return tuple(m.size(i) for i in items)


def _filled(value: int) -> Build:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        return Array(_shape(m, a["shape"]), lambda at: num(value))

    return build


def _eye(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    size = m.size(a["size"])
    return Array((size, size), lambda at: Delta(at[0], at[1]), truth=True)


def _arange(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    size = m.size(a["size"])
    return Array((size,), lambda at: at[0], classes=size)


def _onehot(m: Operators, call: Call, a: dict[str, Any]) -> Array:
    t = a["labels"]
    if t.classes is None:
        t = m.labelled(call.args[0], t)
    size = t.classes
    if a["classes"] is not None and not m.sizes.same(m.size(a["classes"]), size):
        raise m.error(f"these labels have {m.sizes.find(size)} classes.", a["classes"])
    letters = (*(t.letter(n) for n in range(t.rank)), "c")
    return Array((*t.shape, size), lambda at: Delta(at[-1], t.at(at[:-1])), truth=True, letters=letters)


def _like(value: int) -> Build:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        return Array(a["x"].shape, lambda at: num(value))

    return build


def _triangle(lower: bool) -> Build:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        x, k = a["x"], 0 if a["k"] is None else whole(m, a["k"])
        if x.rank < 2:
            raise ShapeError(f"a triangle is cut from a matrix, found shape {size_text(x.shape)}.")

        def entry(at: tuple[Tree, ...]) -> Tree:
            row: Tree = Add((at[-2], num(k))) if k > 0 else at[-2]
            column: Tree = Add((at[-1], num(-k))) if k < 0 else at[-1]
            inside = Ind(">=", row, column) if lower else Ind(">=", column, row)
            return mul(inside, x.at(at))

        return Array(x.shape, entry, letters=x.letters)

    return build


_put("zeros", "shape", _filled(0))
_put("ones", "shape", _filled(1))
_put("eye identity", "size", _eye)
_put("arange", "size", _arange)
_put("onehot one_hot", "labels classes", _onehot, classes=None)
_put("ones_like", "x", _like(1))
_put("zeros_like", "x", _like(0))
_put("tril", "x k", _triangle(True), k=None)
_put("triu", "x k", _triangle(False), k=None)


# -- layers ------------------------------------------------------------------------------------------------------------


def _activation(kind: str) -> Build:
    constants = ACTIVATIONS[kind].constants

    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        values = {k: a[k] for k, _ in constants if a[k] is not None}
        return m.activated(kind, a["x"], values, call)

    return build


for _kind, _record in ACTIVATIONS.items():
    _also = {"silu": " swish", "hard_tanh": " hardtanh", "sigmoid": " expit logistic", "linear": " id"}.get(_kind, "")
    _names = " ".join(k for k, _ in _record.constants)
    _put(_kind + _also, f"x {_names}", _activation(_kind), **{k: None for k, _ in _record.constants})


def _softmax(log: bool) -> Build:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        node = a["axis"]
        axes = [a["x"].rank - 1] if node is None else axes_of(m, node, a["x"].rank, call)
        if a["x"].rank == 0:
            raise ShapeError("a softmax needs an axis, found a number.")
        return m.softmax(a["x"], axes, log)

    return build


_put("softmax", "x axis", _softmax(False), axis=None)
_put("log_softmax logsoftmax", "x axis", _softmax(True), axis=None)


def _loss(kind: str, parameters: Sequence[str], constants: Sequence[str]) -> None:
    def build(m: Operators, call: Call, a: dict[str, Any]) -> Array:
        given = {c: a[c] for c in constants if a[c] is not None}
        return m.loss(kind, [a[p] for p in parameters], given, a["reduction"], call)

    optional: dict[str, Any] = {**{c: None for c in constants}, "reduction": None}
    _put(kind, " ".join((*parameters, *constants, "reduction")), build, **optional)


_loss("cross_entropy", ("p", "t"), ("label_smoothing",))
_loss("nll", ("y", "t"), ())
_loss("bce_with_logits", ("a", "y"), ())
_loss("mse", ("y", "t"), ())
_loss("mae", ("y", "t"), ())
_loss("huber", ("y", "t"), ("delta",))
_loss("hinge", ("a", "y"), ())
_loss("kl", ("q", "p"), ())
_loss("focal", ("p", "t"), ("gamma",))
