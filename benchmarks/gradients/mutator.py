"""Slips made in the text of a right gradient, one at a time: Python's parser reads it, a changed tree is written back.

It shares no code with symnn's judge, which works on index expressions; here operators of arrays are changed as typed.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .record import SLIPS
from .values import parsed, text_of

__all__ = ["Mutant", "mutants"]

#: Functions whose derivative or value is left out by mistake.
_LEFT_OUT = frozenset(("exp", "log", "sqrt", "sigmoid", "tanh", "softmax", "erf", "square", "softplus"))
#: Kinds of diagnosis of a part that is missing or changed, whatever the part is.
_PART = "factor mask term path sign"


@dataclass(frozen=True)
class Mutant:
    """A changed text.

    Attributes:
        slip: the kind of slip.
        deed: what was done, in words.
        text: the changed formula.
        kinds: the kinds of diagnosis that name it.
        words: what a right diagnosis must say, each a choice "a|b".
    """

    slip: str
    deed: str
    text: str
    kinds: frozenset[str]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    """What names stand for: ranks and shapes of arrays at one point, sizes, scalars, labels."""

    arrays: Mapping[str, tuple[int, ...]]
    sizes: frozenset[str]
    scalars: frozenset[str]
    labels: frozenset[str]
    asked: str = ""
    guarded: bool = False


def mutants(text: str, names: Mapping[str, Any], classes: Iterable[str], asked: str = "") -> list[Mutant]:
    """Return every mutant of a text, in order, no text twice.

    Args:
        text: the formula.
        names: values of the names at one point.
        classes: the names that hold labels.
        asked: by what is differentiated.
    """
    labels = frozenset(classes)
    tree = parsed(text)
    guarded = any(isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.GtE | ast.Lt) for n in ast.walk(tree))
    known = _Known(
        {k: np.shape(v) for k, v in names.items() if np.ndim(v) and k not in labels},
        frozenset(k for k, v in names.items() if isinstance(v, int) and k.isidentifier()),
        frozenset(k for k, v in names.items() if isinstance(v, float)), labels, asked, guarded,
    )  # fmt: skip
    found: dict[str, Mutant] = {}
    plain = text_of(tree)
    for slip, deed, made, kinds, words in _everywhere(tree, known):
        ast.fix_missing_locations(made)
        changed = text_of(made)
        if changed != plain and changed not in found:
            found[changed] = Mutant(slip, deed, changed, SLIPS[slip] | frozenset(kinds.split()), words)
    return list(found.values())


def _everywhere(tree: ast.Module, known: _Known) -> Iterator[tuple[str, str, ast.Module, str, tuple[str, ...]]]:
    nodes = list(_expressions(tree))
    for number, (node, above) in enumerate(nodes):
        for slip, deed, new, kinds, words in _here(node, above, known):
            made = copy.deepcopy(tree)
            target = list(_expressions(made))[number][0]
            yield slip, deed, _replaced(made, target, new), kinds, words
    last = tree.body[-1]
    letters = isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Subscript)
    for slip, deed, new, kinds, words in _whole(last.value, known):  # type: ignore[attr-defined]
        if slip == "layout" and letters:
            continue
        made = copy.deepcopy(tree)
        made.body[-1].value = new  # type: ignore[attr-defined]
        yield slip, deed, made, kinds, words


def _expressions(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.AST]]:
    """Yield every expression on a right-hand side with what stands above it, positions in brackets left out."""

    def go(node: ast.AST, above: ast.AST) -> Iterator[tuple[ast.expr, ast.AST]]:
        if isinstance(node, ast.expr):
            yield node, above
        for child in ast.iter_child_nodes(node):
            if isinstance(node, ast.Call) and child is node.func and not isinstance(child, ast.Attribute):
                continue
            yield from go(child, node)

    for statement in tree.body:
        yield from go(statement.value, statement)  # type: ignore[attr-defined]


def _replaced(tree: ast.Module, target: ast.AST, new: ast.expr) -> ast.Module:
    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return copy.deepcopy(new) if node is target else self.generic_visit(node)

    return Swap().visit(tree)


_Slip = tuple[str, str, ast.expr, str, tuple[str, ...]]


def _here(node: ast.expr, above: ast.AST, known: _Known) -> Iterator[_Slip]:
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            yield from _terms(node, above, known)
        case ast.BinOp(op=ast.Mult()):
            yield from _product(node, known)
        case ast.BinOp(op=ast.Div()):
            yield from _quotient(node, known)
        case ast.BinOp(op=ast.MatMult()):
            yield from _matrices(node)
        case ast.BinOp(op=ast.Pow()):
            yield from _power(node)
        case ast.UnaryOp(op=ast.USub()):
            yield "sign", "minus left out", node.operand, "", ()
        case ast.Compare():
            yield from _condition(node)
        case ast.Attribute(attr="T"):
            yield "transpose", f"{text_of(node)} without .T", node.value, "", ()
        case ast.Call():
            yield from _call(node, above, known)
        case ast.Name():
            yield from _name(node, above, known)
        case ast.Subscript():
            yield from _entry(node, known)


def _text(node: ast.AST) -> str:
    return text_of(node)


def _number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _small(node: ast.AST, known: _Known) -> bool:
    return isinstance(node, ast.Name) and node.id in known.scalars and node.id in ("eps", "epsilon")


def _onehot(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "onehot"
        or isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.Eq)
        for n in ast.walk(node)
    )  # fmt: skip


def _mask(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Compare) for n in ast.walk(node))


def _terms(node: ast.BinOp, above: ast.AST, known: _Known) -> Iterator[_Slip]:
    add = isinstance(node.op, ast.Add)
    other: ast.operator = ast.Sub() if add else ast.Add()
    more = "onehot" if _onehot(node.right) or _onehot(node.left) else ""
    yield "sign", f"{_text(node)}: sign turned", ast.BinOp(node.left, other, node.right), more, ()
    for kept, lost, sign in ((node.left, node.right, 1), (node.right, node.left, 1 if add else -1)):
        slip = "eps" if _small(lost, known) else "onehot" if _onehot(lost) and not _onehot(kept) else "path"
        kinds = "" if slip == "eps" else "term path factor" + " onehot" * bool(known.labels)
        inside = isinstance(above, ast.BinOp) and isinstance(above.op, ast.Mult)
        new = kept if sign > 0 else ast.UnaryOp(ast.USub(), kept)
        yield slip, f"{_text(lost)} left out", new, f"{kinds} function" if inside else kinds, ()
    if _small(node.right, known) and isinstance(above, ast.Call) and getattr(above.func, "id", "") == "sqrt":
        return
    twice = ast.BinOp(node, node.op, node.right)
    yield "extra factor", f"{_text(node.right)} twice", twice, "term sign onehot eps factor", ()


def _product(node: ast.BinOp, known: _Known) -> Iterator[_Slip]:
    for kept, lost in ((node.left, node.right), (node.right, node.left)):
        if _number(lost) and lost.value != 0:  # type: ignore[attr-defined]
            yield "constant", f"{_text(lost)} left out", kept, "term exponent", (_amount(1 / lost.value),)  # type: ignore[attr-defined]
            continue
        scalar = isinstance(lost, ast.Name) and lost.id in known.scalars | known.sizes
        slip = "constant" if scalar else "mask" if _mask(lost) and not isinstance(lost, ast.BinOp) else "missing factor"
        more = "path factor mask" + (" mean-for-sum term" if scalar else " term elementwise")
        yield slip, f"factor {_text(lost)} left out", kept, more, (_text(lost),) if scalar else ()
        if not scalar and not _mask(lost):
            twice = ast.BinOp(node, ast.Mult(), lost)
            yield "extra factor", f"factor {_text(lost)} twice", twice, "factor path exponent", ()
    if not _number(node.right) and not _number(node.left) and not _mask(node.right):
        yield (
            "extra factor",
            f"/ {_text(node.right)} for *",
            ast.BinOp(node.left, ast.Div(), node.right),
            "factor exponent",
            (),
        )


def _amount(value: float) -> str:
    """Return how a diagnosis may name a constant."""
    for v in (2, 3, 4, 6, 8):
        if abs(value - v) < 1e-9:
            return f"{v} times|twice|power|{v}"
        if abs(value - 1 / v) < 1e-9:
            return f"1/{v}|{v}"
    return ""


def _quotient(node: ast.BinOp, known: _Known) -> Iterator[_Slip]:
    below = node.right
    size = isinstance(below, ast.Name) and below.id in known.sizes
    scalar = isinstance(below, ast.Name) and below.id in known.scalars
    if size:
        yield "mean", f"/ {_text(below)} left out", node.left, "factor", (below.id,)
        yield "constant", f"/ {_text(below)} twice", ast.BinOp(node, ast.Div(), below), "mean-for-sum", (below.id,)
        less = ast.BinOp(node.left, ast.Div(), _less(below))
        yield "N-1", f"/ ({_text(below)} - 1)", less, "factor", (f"{_text(below)} - 1",)
    elif _number(below):
        yield "constant", f"/ {_text(below)} left out", node.left, "term exponent", (_amount(below.value),)  # type: ignore[attr-defined]
    else:
        slip = "constant" if scalar else "missing factor"
        yield slip, f"/ {_text(below)} left out", node.left, "factor exponent path", (below.id,) if scalar else ()
        yield "extra factor", f"/ {_text(below)} twice", ast.BinOp(node, ast.Div(), below), "factor exponent", ()
        yield "extra factor", f"* {_text(below)} for /", ast.BinOp(node.left, ast.Mult(), below), "factor exponent", ()


def _less(node: ast.expr) -> ast.expr:
    return ast.BinOp(node, ast.Sub(), ast.Constant(1))


def _matrices(node: ast.BinOp) -> Iterator[_Slip]:
    def turned(x: ast.expr) -> ast.expr:
        return x.value if isinstance(x, ast.Attribute) and x.attr == "T" else ast.Attribute(x, "T", ast.Load())

    a, b = node.left, node.right
    shown = _text(node)
    yield "transpose", f"{shown}: operands swapped", ast.BinOp(b, ast.MatMult(), a), "", ()
    yield "layout", f"{shown}: swapped and turned", ast.BinOp(turned(b), ast.MatMult(), turned(a)), "shape", ()
    yield "transpose", f"{shown}: right one turned", ast.BinOp(a, ast.MatMult(), turned(b)), "", ()
    yield "transpose", f"{shown}: left one turned", ast.BinOp(turned(a), ast.MatMult(), b), "", ()
    yield "transpose", f"{shown}: both turned", ast.BinOp(turned(a), ast.MatMult(), turned(b)), "", ()
    yield "missing factor", f"{_text(b)} left out of a product", a, "path shape batch-sum transpose", ()


def _power(node: ast.BinOp) -> Iterator[_Slip]:
    more = "factor mean-for-sum sum-for-mean"
    yield "exponent", f"{_text(node)} without power", node.left, more, ()
    if isinstance(node.right, ast.Constant) and isinstance(node.right.value, int):
        e = node.right.value
        yield "exponent", f"power {e + 1} for {e}", ast.BinOp(node.left, ast.Pow(), ast.Constant(e + 1)), more, ()
        if e > 2:
            yield "exponent", f"power {e - 1} for {e}", ast.BinOp(node.left, ast.Pow(), ast.Constant(e - 1)), more, ()


def _condition(node: ast.Compare) -> Iterator[_Slip]:
    (op,) = node.ops[:1]
    turns: dict[type, tuple[type, ...]] = {
        ast.Gt: (ast.Lt, ast.GtE), ast.Lt: (ast.Gt, ast.LtE), ast.GtE: (ast.LtE, ast.Gt), ast.LtE: (ast.GtE, ast.Lt),
    }  # fmt: skip
    if len(node.ops) > 1:
        return
    for new in turns.get(type(op), ()):
        made = ast.Compare(node.left, [new()], node.comparators)
        yield "mask", f"{_text(node)} -> {_text(made)}", made, "sign index", ()
    if not isinstance(op, ast.Eq):
        yield "mask", f"{_text(node.left)} for {_text(node)}", node.left, "factor instead", ()


def _call(node: ast.Call, above: ast.AST, known: _Known) -> Iterator[_Slip]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in ("sum", "mean") or name.startswith(("sum_", "mean_")):
        yield from _total(node, name)
    elif name in _LEFT_OUT and len(node.args) >= 1 and isinstance(node.func, ast.Name):
        slip = "exponent" if name == "sqrt" else "function"
        yield slip, f"{name} left out", node.args[0], "exponent factor function instead", ()
    if name == "sqrt" and isinstance(node.args[0], ast.BinOp) and _small(node.args[0].right, known):
        inner = node.args[0]
        root = ast.Call(node.func, [inner.left], [])
        yield "eps", "eps outside the root", ast.BinOp(root, ast.Add(), inner.right), "", ("eps",)
    if name == "onehot":
        yield "onehot", "onehot left out", _column(node.args[0]), "", ()
        yield "onehot", "onehot twice", ast.BinOp(ast.Constant(2), ast.Mult(), node), "term factor", ()
    if name.startswith("prime_"):
        bare = ast.Call(ast.Name(name.removeprefix("prime_"), ast.Load()), node.args, [])
        yield "missing factor", f"{name[6:]} for its derivative", bare, "factor mask", ()
        for a, h in _outputs(node.args[0], known):
            yield "at output", f"derivative at {h} for {a}", ast.Call(node.func, [ast.Name(h, ast.Load())], []), "", ()


def _outputs(node: ast.expr, known: _Known) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Name) and node.id.startswith("a") and "h" + node.id[1:] in known.arrays:
        yield node.id, "h" + node.id[1:]


def _column(node: ast.expr) -> ast.expr:
    at = ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load())
    return ast.Subscript(node, at, ast.Load())


def _total(node: ast.Call, name: str) -> Iterator[_Slip]:
    other = "mean" if name.startswith("sum") else "sum"
    new = name.replace("sum", other) if other == "mean" else name.replace("mean", other)
    function: ast.expr
    if isinstance(node.func, ast.Attribute):
        function = ast.Attribute(node.func.value, new, ast.Load())
    else:
        function = ast.Name(new, ast.Load())
    yield "mean", f"{new} for {name}", ast.Call(function, node.args, node.keywords), "factor", ()
    if "_" in name:
        return
    for n, k in enumerate(node.keywords):
        if k.arg == "axis" and isinstance(k.value, ast.Constant) and isinstance(k.value.value, int):
            for axis in (0, 1, 2):
                if axis != k.value.value and (axis, k.value.value) != (1, -1):
                    keys = [*node.keywords[:n], ast.keyword("axis", ast.Constant(axis)), *node.keywords[n + 1 :]]
                    yield "axis", f"axis {axis} for {k.value.value}", ast.Call(node.func, node.args, keys), "shape", ()
        if k.arg == "axis":
            rest = [*node.keywords[:n], *node.keywords[n + 1 :]]
            yield "axis", "axis left out", ast.Call(node.func, node.args, rest), "shape", ()
        if k.arg == "keepdims":
            rest = [*node.keywords[:n], *node.keywords[n + 1 :]]
            yield "axis", "keepdims left out", ast.Call(node.func, node.args, rest), "shape", ()
    body = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0]
    yield "batch", "sum left out", body, "sum elementwise path shape index", ()


def _name(node: ast.Name, above: ast.AST, known: _Known) -> Iterator[_Slip]:
    name = node.id
    if isinstance(above, ast.Subscript) and node is not above.value:
        return
    if name in known.sizes and not (isinstance(above, ast.BinOp) and isinstance(above.op, ast.Div)):
        yield "N-1", f"{name} - 1 for {name}", _less(node), "factor", (f"{name} - 1",)
    if name not in known.arrays:
        return
    shape = known.arrays[name]
    itself = (name, known.asked, f"d{known.asked}")
    near = [k for k, s in known.arrays.items() if s == shape and k not in itself and k.isidentifier()]
    for other in near[:2]:
        pair = {name[0], other[0]} == {"a", "h"} and name[1:] == other[1:]
        slip = "at output" if pair else "instead"
        yield slip, f"{other} for {name}", ast.Name(other, ast.Load()), "instead derivative-at-output factor mask", ()


def _entry(node: ast.Subscript, known: _Known) -> Iterator[_Slip]:
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    plain = [i for i in items if isinstance(i, ast.Name) and i.id not in known.arrays | dict.fromkeys(known.labels)]
    if len(items) == 2 and len(plain) == 2 and isinstance(node.value, ast.Name):
        turned = ast.Subscript(node.value, ast.Tuple([items[1], items[0]], ast.Load()), ast.Load())
        yield "index", f"{_text(turned)} for {_text(node)}", turned, "transpose instead", ()
    for n, item in enumerate(items if known.guarded else ()):  # without a guard it is read outside of its axis
        if isinstance(item, ast.Name) and item in plain:
            moved = ast.BinOp(item, ast.Add(), ast.Constant(1))
            at: ast.expr = ast.Tuple([*items[:n], moved, *items[n + 1 :]], ast.Load()) if len(items) > 1 else moved
            yield "index", f"{item.id} + 1 for {item.id}", ast.Subscript(node.value, at, ast.Load()), "", ()


def _whole(node: ast.expr, known: _Known) -> Iterator[_Slip]:
    yield "sign", "minus in front", ast.UnaryOp(ast.USub(), node), "", ()
    yield "constant", "2 in front", ast.BinOp(ast.Constant(2), ast.Mult(), node), "", ("2 times",)
    yield "constant", "1/2 in front", ast.BinOp(node, ast.Div(), ast.Constant(2)), "", ("1/2 times",)
    for s in sorted(known.sizes | known.scalars):
        by = ast.Name(s, ast.Load())
        yield "constant", f"{s} in front", ast.BinOp(by, ast.Mult(), node), "", (f"{s} times",)
        yield "constant", f"1/{s} in front", ast.BinOp(node, ast.Div(), by), "", (f"1/{s} times",)
    for s in sorted(known.sizes):
        by = ast.Name(s, ast.Load())
        less = ast.BinOp(ast.BinOp(node, ast.Mult(), by), ast.Div(), _less(by))
        yield "N-1", f"{s} / ({s} - 1) in front", less, "factor", (f"{s} - 1",)
    if not isinstance(node, ast.Attribute):
        yield "layout", "the whole turned", ast.Attribute(node, "T", ast.Load()), "shape", ()
