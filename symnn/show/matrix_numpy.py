"""Matrix expressions as text that NumPy runs: ``((delta2 @ W2) * (a1 > 0)).T @ x``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from symnn.algebra.matrix_factors import UNIT
from symnn.algebra.matrix_terms import (
    Broadcast,
    Compare,
    DiagonalMatrix,
    DiagonalOf,
    Each,
    Elementwise,
    Extreme,
    Fill,
    Hadamard,
    Identity,
    Inner,
    MatMul,
    Matrix,
    Mean,
    Name,
    OneHot,
    Outer,
    Plus,
    Positions,
    Quotient,
    Scalar,
    Scaled,
    Select,
    SumOver,
    Total,
    Trace,
    Transpose,
)
from symnn.ground.indices import Index
from symnn.ground.tree import ONE, Div, Num, Tree
from symnn.show.names import index_text, tensor_text
from symnn.show.reading import MIRRORED, Binds, constant
from symnn.show.text_notation import binding
from symnn.show.text_notation import text as tree_text

__all__ = ["is_constant", "matrix_text"]

# Binding strengths: sum, sign, product, matrix product, name or call. Python reads * / @ from left to right alike;
# a matrix product inside a product entry by entry is set in brackets all the same.
_SUM, _SIGN, _TIMES, _DOT, _ATOM = 1, 2, 3, 4, 5
_HALF = Div(ONE, Num(Fraction(2)))


@dataclass(frozen=True)
class _Written:
    """A text with its strength; ``full`` tells for each axis whether the array has it in full length, not repeated.

    ``truth`` marks an array of True and False, on which NumPy's + and @ are logical; ``leads`` a product or quotient
    that begins with one, so that a bare minus before it would negate that, which NumPy refuses.
    """

    text: str
    binds: int
    full: tuple[bool, ...]
    truth: bool = False
    leads: bool = False

    @property
    def starts(self) -> bool:
        """Whether, as the first factor of a product, it is or begins with an array of True and False."""
        return self.truth or self.leads and self.binds == _TIMES

    def part(self, least: int) -> str:
        return self.text if self.binds >= least else f"({self.text})"


def matrix_text(m: Matrix) -> str:
    """Return the expression as text that NumPy runs, ``from numpy import *`` and the tensors by their names.

    Args:
        m: the matrix expression; a batch of them is written item by item, ``stack([... for n in range(N)])``.

    >>> from symnn.ground.sizes import dims
    >>> from symnn.ground.tensors import input
    >>> x, w = input("x", dims("N D")), input("w", dims("N"))
    >>> matrix_text(Hadamard((Name(x), Broadcast(Name(w), 1, dims("D")))))
    'x * w[:, None]'
    """
    if isinstance(m, Each):
        index = m.index
        return f"stack([{matrix_text(m.body)} for {_letter(index)} in range({index.size})])"
    return _whole(m).text


def _letter(index: Index) -> str:
    return index_text(index.letter, ascii_only=True)


def _whole(m: Matrix) -> _Written:
    """Write an expression as an array of its full shape."""
    out = _write(m)
    if all(out.full):
        return out
    sizes = ", ".join(str(s) for s in m.shape) + ("," if len(m.shape) == 1 else "")
    if isinstance(m, Fill) and m.body == UNIT:
        return _Written(f"ones({m.shape[0] if len(m.shape) == 1 else f'({sizes})'})", _ATOM, (True,) * len(m.shape))
    return _Written(f"broadcast_to({out.text}, ({sizes}))", _ATOM, (True,) * len(m.shape), out.truth)


def _numeric(out: _Written) -> _Written:
    """Write an array of True and False as one of numbers."""
    return replace(out, text=f"1.0 * {out.part(_DOT)}", binds=_TIMES, truth=False, leads=False) if out.truth else out


def _operand(m: Matrix) -> _Written:
    return _numeric(_whole(m))


def _either(parts: list[_Written]) -> tuple[bool, ...]:
    return tuple(any(flags) for flags in zip(*(p.full for p in parts), strict=True))


def _write(m: Matrix) -> _Written:
    match m:
        case Plus() | Hadamard() | Quotient() | Scaled() | Elementwise() | Compare() | Extreme() | Select() | Fill():
            return _entrywise(m, [_write(p) for p in _parts(m)])
        case Broadcast():
            if m.axis == 1:
                return replace(_column(m.body), full=(True, False))
            inside = _whole(m.body)
            return replace(inside, full=(False, True))
        case Transpose():
            return _call(m, f"{_whole(m.body).part(_ATOM)}.T", truth=_whole(m.body).truth)
        case MatMul():
            return _Written(_product(m.left, m.right), _DOT, (True,) * len(m.shape))
        case Inner():
            return _inner(m)
        case Total() | Mean():
            axis = "" if m.axis is None else f", {m.axis}"
            return _call(m, f"{'mean' if isinstance(m, Mean) else 'sum'}({_whole(m.body).text}{axis})")
        case Outer():
            return _call(m, f"outer({_operand(m.left).text}, {_operand(m.right).text})")
        case Trace():
            return _call(m, f"trace({_operand(m.body).text})")
        case DiagonalOf() | DiagonalMatrix():
            return _call(m, f"diag({_operand(m.body).text})")
        case SumOver():
            return _call(m, f"sum([{_operand(m.body).text} for {_letter(m.index)} in range({m.index.size})], 0)")
    return _leaf(m)


def _call(m: Matrix, text: str, *, truth: bool = False) -> _Written:
    return _Written(text, _ATOM, (True,) * len(m.shape), truth)


def _leaf(m: Matrix) -> _Written:
    match m:
        case Name():
            name = tensor_text(m.tensor, ascii_only=True)
            return _call(m, f"{name}[{', '.join(_letter(i) for i in m.at)}]" if m.at else name)
        case Scalar():
            strength = {Binds.ATOM: _ATOM, Binds.CLOSED: _DOT, Binds.PRODUCT: _TIMES, Binds.SIGN: _SIGN}
            return _Written(tree_text(m.tree, ascii=True), strength.get(binding(m.tree), _SUM), ())
        case Positions():
            return _call(m, f"arange({m.size})")
        case Identity():
            return _call(m, f"eye({m.size})")
        case OneHot():
            return _call(m, f"onehot({_leaf(m.labels).text})")
    raise AssertionError(type(m))


def _parts(m: Matrix) -> tuple[Matrix, ...]:
    match m:
        case Plus() | Hadamard():
            return m.parts
        case Quotient():
            return (m.above, m.below)
        case Compare() | Extreme():
            return (m.left, m.right)
        case Select():
            return (m.condition, m.then, m.other)
        case Elementwise() | Scaled() | Fill():
            return (m.body,)
    raise AssertionError(type(m))


def _entrywise(m: Matrix, parts: list[_Written]) -> _Written:
    """Write an operation entry by entry on parts that NumPy broadcasts against each other."""
    full = _either(parts)
    match m:
        case Plus():
            out = ""
            for n, (p, sign) in enumerate(zip(map(_numeric, parts), m.signs, strict=True)):
                term = p.part(_TIMES)
                minus = "-1.0 * " if p.starts else "-"
                out += (minus if sign < 0 else "") + term if n == 0 else f" {'-' if sign < 0 else '+'} {term}"
            return _Written(out, _SUM if len(m.parts) > 1 else _SIGN, full)
        case Hadamard():
            texts = [_factor(p, first=n == 0) for n, p in enumerate(parts)]
            return _Written(" * ".join(texts), _TIMES, full, all(p.truth for p in parts), parts[0].starts)
        case Quotient():
            top = "1" if isinstance(m.above, Fill) and m.above.body == UNIT else _factor(parts[0], first=True)
            return _Written(f"{top} / {parts[1].part(_ATOM)}", _TIMES, full, leads=top != "1" and parts[0].starts)
        case Scaled():
            above, below = _write(m.above), _write(m.below)
            scaled, leads = parts[0].part(_TIMES), parts[0].starts
            if m.above != UNIT:
                scaled, leads = f"{_factor(above, first=True)} * {scaled}", above.starts
            text = f"{scaled} / {_factor(below, first=False)}" if m.below != UNIT else scaled
            return _Written(text, _TIMES, full, leads=leads)
        case Elementwise():
            return replace(_function(m, _numeric(parts[0])), full=full)
        case Compare():
            rel = {"=": "=="}.get(m.rel, m.rel)
            left, right = (_numeric(p).part(_SUM) for p in parts)
            if is_constant(m.left) and not is_constant(m.right):  # a < 1 rather than 1 > a
                left, right, rel = right, left, MIRRORED.get(rel, rel)
            return _Written(f"{left} {rel} {right}", 0, full, truth=True)
        case Extreme():
            return _Written(f"{m.name}imum({_numeric(parts[0]).text}, {_numeric(parts[1]).text})", _ATOM, full)
        case Select():
            texts = [parts[0].text, *(_numeric(p).text for p in parts[1:])]
            return _Written(f"where({', '.join(texts)})", _ATOM, full)
        case Fill():
            return replace(parts[0], full=(False,) * len(m.sizes))
    raise AssertionError(type(m))


def _factor(p: _Written, *, first: bool) -> str:
    if p.binds == _TIMES and first:
        return p.text
    return p.text if p.binds == _ATOM or (p.binds == _DOT and "@" not in p.text) else f"({p.text})"


def _function(m: Elementwise, body: _Written) -> _Written:
    if m.name != "power":
        return _Written(f"{m.name}({body.text})", _ATOM, body.full)
    assert m.exponent is not None
    if m.exponent == _HALF:
        return _Written(f"sqrt({body.text})", _ATOM, body.full)
    return _Written(f"{body.part(_ATOM)}**{_scalar(m.exponent)}", _DOT, body.full)


def _scalar(tree: Tree) -> str:
    out = tree_text(tree, ascii=True)
    return out if binding(tree) >= Binds.CLOSED else f"({out})"


def _product(left: Matrix, right: Matrix) -> str:
    """Write X @ Y; brackets on the right keep the order in which it is worked out."""
    a, b = _operand(left), _operand(right)
    return f"{a.part(_DOT)} @ {b.part(_ATOM)}"


def _inner(m: Inner) -> _Written:
    left, right = _operand(m.left), _operand(m.right)
    if len(m.left.shape) == 1:
        if isinstance(m.right, MatMul):  # x @ A @ y
            return _Written(f"{left.part(_ATOM)} @ {right.part(_DOT)}", _DOT, ())
        return _Written(f"{left.part(_DOT)} @ {right.part(_ATOM)}", _DOT, ())
    if m.left == m.right:
        return _Written(f"sum({left.part(_ATOM)}**2)", _ATOM, ())
    return _Written(f"sum({_factor(left, first=True)} * {_factor(right, first=False)})", _ATOM, ())


def _column(m: Matrix) -> _Written:
    """Write a vector as a column that broadcasts along the rows: sums along an axis keep it."""
    if not _sums_rows(m):
        out = _whole(m)
        return _Written(f"{out.part(_ATOM)}[:, None]", _ATOM, (True, False), out.truth)
    match m:
        case Total() | Mean():
            name = "mean" if isinstance(m, Mean) else "sum"
            return _Written(f"{name}({_whole(m.body).text}, axis=1, keepdims=True)", _ATOM, (True, False))
        case Plus() | Hadamard() | Quotient() | Scaled() | Elementwise() | Compare() | Extreme() | Select():
            parts = [_write(p) if isinstance(p, Fill) else _column(p) for p in _parts(m)]
            return _entrywise(m, [replace(p, full=(True, False)) for p in parts])
    raise AssertionError(type(m))


def _sums_rows(m: Matrix) -> bool:
    """Tell whether a vector is made entry by entry from sums along rows."""
    if isinstance(m, Total | Mean):
        return m.axis == 1
    if isinstance(m, Plus | Hadamard | Quotient | Scaled | Elementwise | Compare | Extreme | Select):
        return any(_sums_rows(p) for p in _parts(m))
    return False


def is_constant(m: Matrix) -> bool:
    """Tell whether a matrix is one number, repeated or not."""
    body = m.body if isinstance(m, Fill) else m
    return isinstance(body, Scalar) and constant(body.tree)
