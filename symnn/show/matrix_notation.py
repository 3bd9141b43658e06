r"""Matrix expressions in LaTeX, vectors being columns.

A scalar that is computed stands among vectors with its ones, p \odot (q - (p^T q) 1); a constant as it is, 1 - h.
A vector that scales rows or columns is written as a diagonal matrix; \odot, \oslash and functions act entry by entry.
"""

from __future__ import annotations

from dataclasses import replace
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
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tree import ONE, Add, Const, Div, Entry, Neg, Num, Sym, Tree
from symnn.show.latex_notation import latex as tree_latex
from symnn.show.matrix_numpy import is_constant, matrix_text
from symnn.show.names import index_latex, symbol_text, tensor_name
from symnn.show.reading import MIRRORED

__all__ = ["matrix_latex", "matrix_text"]

# Binding strengths: sum, product entry by entry, product, name.
_SUM, _TIMES, _DOT, _ATOM = 1, 2, 3, 4
_ONES = r"\mathbf{1}"
_HALF = Div(ONE, Num(Fraction(2)))
_RELATIONS = {">=": r"\ge", "<=": r"\le", "!=": r"\ne"}
_KNOWN = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"}
_Written = tuple[str, int]


def matrix_latex(m: Matrix) -> str:
    r"""Return LaTeX: ``W^{(2)\top} \delta^{(2)} \odot \mathbb{1}_{(a^{(1)} > 0)}``.

    >>> from symnn.ground.sizes import dims
    >>> from symnn.ground.tensors import input
    >>> x, w = input("x", dims("N D")), input("w", dims("N"))
    >>> print(matrix_latex(Hadamard((Name(x), Broadcast(Name(w), 1, dims("D"))))))
    \operatorname{diag}\left(w\right)\, x
    """
    letters: list[str] = []
    while isinstance(m, Each):
        letters.append(index_latex(m.index.letter))
        m = m.body
    out = _latex(m)[0]
    return rf"{out} \quad \text{{for each }} {', '.join(letters)}" if letters else out


def _part(m: Matrix, least: int) -> str:
    out, have = _latex(m)
    return rf"\left({out}\right)" if have < least else out


def _latex(m: Matrix) -> _Written:
    match m:
        case MatMul():
            return rf"{_part(m.left, _DOT)}\, {_part(m.right, _DOT)}", _DOT
        case Outer():
            return rf"{_part(m.left, _ATOM)}\, {_row(m.right)}", _DOT
        case Transpose():
            return _turned(m.body), _ATOM
        case Inner():
            return _inner(m)
        case Hadamard():
            return _hadamard(m)
        case Quotient():
            return _quotient(m)
        case Plus():
            return _plus(m)
        case Scaled():
            return _scaled(m)
        case Total() | Mean():
            return _total(m)
        case Broadcast():
            if m.axis == 0:
                return rf"{_ONES}\, {_row(m.body)}", _DOT
            return rf"{_part(m.body, _DOT)}\, {_ONES}^{{\top}}", _DOT
        case Fill():
            ones = _ONES if len(m.sizes) == 1 else rf"{_ONES}\, {_ONES}^{{\top}}"
            return (ones, _DOT) if m.body == UNIT else (rf"{_part(m.body, _ATOM)}\, {ones}", _DOT)
        case Trace():
            return rf"\operatorname{{tr}}\left({_latex(m.body)[0]}\right)", _ATOM
        case DiagonalOf() | DiagonalMatrix():
            return rf"\operatorname{{diag}}\left({_latex(m.body)[0]}\right)", _ATOM
        case SumOver():
            return rf"\sum_{{{index_latex(m.index.letter)}}} {_part(m.body, _TIMES)}", _TIMES
        case Elementwise() | Extreme():
            return _function(m)
        case Compare():
            return rf"\mathbb{{1}}_{{({_condition(m)})}}", _ATOM
        case Select():
            return (
                rf"\begin{{cases}} {_plain(m.then)} & \text{{where }} {_condition(m.condition)} \\ "
                rf"{_plain(m.other)} & \text{{elsewhere}} \end{{cases}}",
                _SUM,
            )
    return _leaf(m)


def _leaf(m: Matrix) -> _Written:
    match m:
        case Name():
            return tensor_name(m.tensor).latex(*(index_latex(i.letter) for i in m.at)), _ATOM
        case Scalar():
            return tree_latex(m.tree), _strength(m.tree)
        case Identity():
            return "I", _ATOM
        case OneHot():
            name = _leaf(m.labels)[0]
            if not m.labels.shape:
                return f"e({name})", _ATOM
            return rf"\operatorname{{onehot}}({name})", _ATOM
        case Positions():
            return rf"\left(0, \ldots, {symbol_text(m.size)} - 1\right)^{{\top}}", _ATOM
    raise AssertionError(type(m))


def _strength(tree: Tree) -> int:
    if isinstance(tree, Sym | Entry | Const) or (isinstance(tree, Num) and tree.value >= 0):
        return _ATOM
    return _SUM if isinstance(tree, Add | Neg | Num) else _DOT


# -- rows and transposes -------------------------------------------------------------------------------------------


def _turned(m: Matrix) -> str:
    """Write X^T for an X that is no product."""
    if isinstance(m, Name):
        name = tensor_name(m.tensor)
        return replace(name, above=name.above + r"\top").latex(*(index_latex(i.letter) for i in m.at))
    out, strength = _latex(m)
    if strength == _ATOM and isinstance(m, OneHot):
        return rf"{out}^{{\top}}"
    return rf"\left({out}\right)^{{\top}}"


def _row(m: Matrix) -> str:
    """Write the row v^T of a vector v, to stand as a factor."""
    match m:
        case Total() if m.axis is not None:
            return _row_of_sums(m)
        case Mean() if m.axis is not None:
            return rf"\frac{{1}}{{{_size(m.body.shape[m.axis])}}}\, {_row_of_sums(m)}"
        case Fill() if m.body == UNIT:
            return rf"{_ONES}^{{\top}}"
        case MatMul():
            left = m.left.body if isinstance(m.left, Transpose) else None
            turned = _part(left, _DOT) if left is not None else _turned(m.left)
            return rf"{_row(m.right)}\, {turned}"
        case Plus() if len(m.parts) == 1:
            return rf"\left({_latex(m)[0]}\right)^{{\top}}"
    return _turned(m)


def _row_of_sums(m: Total | Mean) -> str:
    if m.axis == 0:
        return rf"{_ONES}^{{\top}} {_part(m.body, _DOT)}"
    return rf"{_ONES}^{{\top}} {_turned(m.body) if not isinstance(m.body, Transpose) else _part(m.body.body, _DOT)}"


def _size(size: object) -> str:
    return tree_latex(from_sympy(size))


# -- products ------------------------------------------------------------------------------------------------------


def _inner(m: Inner) -> _Written:
    same = m.left == m.right
    if len(m.left.shape) == 1:
        if same:
            return rf"\left\lVert {_latex(m.left)[0]} \right\rVert^{{2}}", _DOT
        return rf"{_row(m.left)}\, {_part(m.right, _DOT)}", _DOT
    if same:
        return rf"\left\lVert {_latex(m.left)[0]} \right\rVert_F^{{2}}", _DOT
    return rf"\left\langle {_latex(m.left)[0]},\, {_latex(m.right)[0]} \right\rangle", _ATOM


def _hadamard(m: Hadamard) -> _Written:
    if not m.shape:
        return r"\, ".join(_part(p, _DOT) for p in m.parts), _DOT
    scaling = [p for p in m.parts if isinstance(p, Broadcast) and _scales(p)]
    left = [p.body for p in scaling if p.axis == 1]
    right = [p.body for p in scaling if p.axis == 0]
    rest = [p for p in m.parts if p not in scaling]
    if not rest:
        return r" \odot ".join(_part(p, _DOT) for p in m.parts), _TIMES
    out, strength = _odot(rest)
    for v in left:
        out, strength = rf"{_diagonal(v)}\, {_closed(out, strength, _DOT)}", _DOT
    for v in right:
        out, strength = rf"{_closed(out, strength, _DOT)}\, {_diagonal(v)}", _DOT
    return out, strength


def _odot(parts: list[Matrix]) -> _Written:
    if len(parts) == 1:
        return _latex(parts[0])
    return r" \odot ".join(_part(p, _DOT) for p in parts), _TIMES


def _closed(out: str, strength: int, least: int) -> str:
    return rf"\left({out}\right)" if strength < least else out


def _scales(m: Broadcast) -> bool:
    """Tell whether a repeated vector reads best in diag(v): all but sums along its own axis, X 1 1^T."""
    return not (isinstance(m.body, Total | Mean) and m.body.axis == m.axis)


def _diagonal(m: Matrix) -> str:
    if isinstance(m, Quotient) and isinstance(m.above, Fill):
        return rf"\operatorname{{diag}}\left({_latex(m.below)[0]}\right)^{{-1}}"
    return rf"\operatorname{{diag}}\left({_latex(m)[0]}\right)"


def _quotient(m: Quotient) -> _Written:
    unit = isinstance(m.above, Fill) and m.above.body == UNIT
    if not m.shape or (unit and not isinstance(m.below, Broadcast)):
        above = "1" if unit else _latex(m.above)[0]
        return rf"\frac{{{above}}}{{{_plain(m.below)}}}", _DOT
    if isinstance(m.below, Broadcast):
        inverse = rf"\operatorname{{diag}}\left({_plain(m.below.body)}\right)^{{-1}}"
        above = _part(m.above, _DOT)
        return (rf"{inverse}\, {above}" if m.below.axis == 1 else rf"{above}\, {inverse}"), _DOT
    below = m.below
    many = isinstance(below, Hadamard | Quotient)
    return rf"{_part(m.above, _TIMES)} \oslash {_part(below, _ATOM if many else _DOT)}", _TIMES


def _scaled(m: Scaled) -> _Written:
    body, strength = _latex(m.body)
    strength = min(strength, _DOT)
    body = _closed(body, strength, _TIMES)
    if m.below == UNIT:
        return rf"{_part(m.above, _DOT)}\, {body}", max(strength, _TIMES)
    return rf"\frac{{{_latex(m.above)[0]}}}{{{_latex(m.below)[0]}}}\, {body}", max(strength, _TIMES)


def _total(m: Total | Mean) -> _Written:
    over = "" if isinstance(m, Total) else rf"\frac{{1}}{{{_size(m.body.shape[m.axis or 0])}}}\, "
    if m.axis is None:
        if len(m.body.shape) == 2:
            return rf"{over}{_ONES}^{{\top}} {_part(m.body, _DOT)}\, {_ONES}", _DOT
        return rf"{over}{_ONES}^{{\top}} {_part(m.body, _DOT)}", _DOT
    if m.axis == 1:
        return rf"{over}{_part(m.body, _DOT)}\, {_ONES}", _DOT
    turned = _part(m.body.body, _DOT) if isinstance(m.body, Transpose) else _turned(m.body)
    return rf"{over}{turned}\, {_ONES}", _DOT


# -- entry by entry ------------------------------------------------------------------------------------------------


def _plain(m: Matrix) -> str:
    """Write a term where a scalar needs no ones: in a comparison, a case, under a fraction line."""
    return _latex(m.body if isinstance(m, Fill) else m)[0]


def _plus(m: Plus) -> _Written:
    out = ""
    for n, (p, sign) in enumerate(zip(m.parts, m.signs, strict=True)):
        constant = isinstance(p, Fill) and isinstance(p.body, Scalar)
        body = _part(p.body if isinstance(p, Fill) and constant else p, _TIMES)
        out += ("-" if sign < 0 else "") + body if n == 0 else f" {'-' if sign < 0 else '+'} {body}"
    return out, _SUM


def _condition(m: Matrix) -> str:
    if isinstance(m, Compare):
        left, right = _plain(m.left), _plain(m.right)
        if isinstance(m.left, Broadcast) and isinstance(m.left.body, Positions):
            left = index_latex(m.left.body.letter)
        if isinstance(m.right, Broadcast) and isinstance(m.right.body, Positions):
            right = index_latex(m.right.body.letter)
        rel = m.rel
        if is_constant(m.left) and not is_constant(m.right):
            left, right, rel = right, left, MIRRORED.get(rel, rel)
        return f"{left} {_RELATIONS.get(rel, rel)} {right}"
    return _plain(m)


def _function(m: Elementwise | Extreme) -> _Written:
    if isinstance(m, Extreme):
        return rf"\{m.name}\left({_plain(m.left)}, {_plain(m.right)}\right)", _ATOM
    if m.name == "power":
        return _power(m)
    if m.name == "abs":
        return rf"\left|{_latex(m.body)[0]}\right|", _ATOM
    name = rf"\{m.name}" if m.name in _KNOWN else rf"\operatorname{{{m.name}}}"
    return rf"{name}\left({_latex(m.body)[0]}\right)", _ATOM


def _power(m: Elementwise) -> _Written:
    assert m.exponent is not None
    if m.exponent == _HALF:
        if isinstance(m.body, Inner) and m.body.left == m.body.right:
            mark = "_F" if len(m.body.left.shape) == 2 else ""
            return rf"\left\lVert {_latex(m.body.left)[0]} \right\rVert{mark}", _ATOM
        return rf"\sqrt{{{_latex(m.body)[0]}}}", _ATOM
    body = _part(m.body, _ATOM)
    if isinstance(m.body, Name) and "^" in body:  # a base takes one superscript
        body = rf"\left({body}\right)"
    mark = r"\circ " if m.shape else ""
    return rf"{body}^{{{mark}{tree_latex(m.exponent)}}}", _DOT
