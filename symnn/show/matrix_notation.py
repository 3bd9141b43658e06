"""Matrix expressions as LaTeX (the lectures' columns, or a batch of rows) and as NumPy text."""

from __future__ import annotations

from fractions import Fraction

from symnn.algebra.matrix_terms import (
    Broadcast,
    Compare,
    Diagonal,
    Elementwise,
    Hadamard,
    Identity,
    MatMul,
    Matrix,
    Name,
    OneHot,
    Ones,
    Outer,
    Plus,
    Quotient,
    Scalar,
    Scaled,
    Select,
    Total,
    Transpose,
)
from symnn.ground.tree import ONE, Div, Num, Tree
from symnn.show.latex_notation import latex as tree_latex
from symnn.show.latex_notation import tensor_latex
from symnn.show.names import tensor_text
from symnn.show.reading import Binds
from symnn.show.text_notation import binding
from symnn.show.text_notation import text as tree_text

__all__ = ["matrix_latex", "matrix_text"]

# Binding strengths: sum, product, matrix product, power or name.
_SUM, _TIMES, _DOT, _ATOM = 1, 2, 3, 4


def matrix_text(m: Matrix) -> str:
    """Return NumPy-like text: ``((delta2 @ W2) * (a1 > 0)).T @ x``."""
    return _text(m)[0]


def _t(m: Matrix, strength: int) -> str:
    out, have = _text(m)
    return f"({out})" if have < strength else out


def _text(m: Matrix) -> tuple[str, int]:
    match m:
        case Name():
            return tensor_text(m.tensor, ascii_only=True), _ATOM
        case Scalar():
            out = tree_text(m.tree, ascii=True)
            return out, _ATOM if binding(m.tree) >= Binds.ATOM else _SUM
        case Ones():
            return f"ones({m.size})", _ATOM
        case Identity():
            return f"eye({m.size})", _ATOM
        case OneHot():
            return f"onehot({tensor_text(m.labels, ascii_only=True)})", _ATOM
        case Transpose():
            return f"{_t(m.body, _ATOM)}.T", _ATOM
        case MatMul():
            if isinstance(m.left, Transpose) and isinstance(m.right, Name | Elementwise) and _is_dot(m):
                return f"{_t(m.left.body, _DOT)} @ {_t(m.right, _ATOM)}", _DOT
            return f"{_t(m.left, _DOT)} @ {_t(m.right, _ATOM)}", _DOT
        case Outer():
            return f"outer({_text(m.left)[0]}, {_text(m.right)[0]})", _ATOM
        case Hadamard():
            return " * ".join(_t(p, _DOT + 1 if isinstance(p, MatMul) else _DOT) for p in m.parts), _TIMES
        case Plus():
            out = ""
            for n, (p, sign) in enumerate(zip(m.parts, m.signs, strict=True)):
                body = _t(p, _TIMES)
                out += ("-" if sign < 0 else "") + body if n == 0 else f" {'-' if sign < 0 else '+'} {body}"
            return out, _SUM if len(m.parts) > 1 or m.signs[0] < 0 else _text(m.parts[0])[1]
        case Scaled():
            body = _t(m.body, _DOT)
            if m.above != ONE:
                body = f"{_scalar(m.above)} * {body}"
            if m.below != ONE:
                body = f"{body} / {_scalar(m.below)}"
            return body, _TIMES
        case Quotient():
            return f"{_t(m.above, _DOT)} / {_t(m.below, _ATOM)}", _TIMES
        case Elementwise():
            return _text_function(m)
        case Compare():
            rel = {"=": "==", "!=": "!="}.get(m.rel, m.rel)
            return f"({_text(m.left)[0]} {rel} {_text(m.right)[0]})", _ATOM
        case Select():
            return f"where({_text(m.condition)[0]}, {_text(m.then)[0]}, {_text(m.other)[0]})", _ATOM
        case Total():
            return f"sum({_text(m.body)[0]}, {m.axis})", _ATOM
        case Diagonal():
            return f"diag({_text(m.body)[0]})", _ATOM
        case Broadcast():
            return (f"{_t(m.body, _ATOM)}[:, None]" if m.axis == 1 else _text(m.body)[0]), (
                _ATOM if m.axis == 1 else _text(m.body)[1]
            )
    raise AssertionError(type(m))


def _is_dot(m: MatMul) -> bool:
    """A product of two vectors, which NumPy writes without a transpose."""
    left = m.left.body if isinstance(m.left, Transpose) else m.left
    return isinstance(left, Name) and left.tensor.rank == 1


def _scalar(tree: Tree) -> str:
    out = tree_text(tree, ascii=True)
    return out if binding(tree) >= Binds.CLOSED else f"({out})"


def _text_function(m: Elementwise) -> tuple[str, int]:
    if m.name == "reciprocal":
        return f"1 / {_t(m.body, _ATOM)}", _TIMES
    if m.name == "power":
        assert m.exponent is not None
        if m.exponent == Div(ONE, Num(Fraction(2))):
            return f"sqrt({_text(m.body)[0]})", _ATOM
        return f"{_t(m.body, _ATOM)}**{_scalar(m.exponent)}", _DOT
    return f"{m.name}({_text(m.body)[0]})", _ATOM


# -- LaTeX ---------------------------------------------------------------------------------------------------------


def matrix_latex(m: Matrix) -> str:
    r"""Return LaTeX: ``W^{(2)\top} \delta^{(2)} \odot \mathbb{1}_{(a^{(1)} > 0)}``."""
    return _latex(m)[0]


def _l(m: Matrix, strength: int) -> str:
    out, have = _latex(m)
    return rf"\left({out}\right)" if have < strength else out


def _latex(m: Matrix) -> tuple[str, int]:
    match m:
        case Name():
            return tensor_latex(m.tensor), _ATOM
        case Scalar():
            return tree_latex(m.tree), _ATOM if len(tree_latex(m.tree)) == 1 else _SUM
        case Ones():
            return r"\mathbf{1}", _ATOM
        case Identity():
            return "I", _ATOM
        case OneHot():
            name = tensor_latex(m.labels)
            return (f"e({name})" if m.labels.rank == 0 else rf"\operatorname{{onehot}}({name})"), _ATOM
        case Transpose():
            return _transpose_latex(m.body), _ATOM
        case MatMul():
            return rf"{_l(m.left, _DOT)}\, {_l(m.right, _DOT)}", _DOT
        case Outer():
            return rf"{_l(m.left, _ATOM)}\, {_transpose_latex(m.right)}", _DOT
        case Hadamard():
            return r" \odot ".join(_l(p, _DOT) for p in m.parts), _TIMES
        case Plus():
            out = ""
            for n, (p, sign) in enumerate(zip(m.parts, m.signs, strict=True)):
                body = _l(p, _TIMES)
                out += ("-" if sign < 0 else "") + body if n == 0 else f" {'-' if sign < 0 else '+'} {body}"
            return out, _SUM if len(m.parts) > 1 or m.signs[0] < 0 else _latex(m.parts[0])[1]
        case Scaled():
            body = _l(m.body, _DOT)
            if m.above == ONE and m.below == ONE:
                return _latex(m.body)
            if m.below == ONE:
                return rf"{tree_latex(m.above)}\, {body}", _DOT
            return rf"\frac{{{tree_latex(m.above)}}}{{{tree_latex(m.below)}}}\, {body}", _DOT
        case Quotient():
            return rf"{_l(m.above, _DOT)} \oslash {_l(m.below, _DOT)}", _TIMES
        case Elementwise():
            return _latex_function(m)
        case Compare():
            rel = {">=": r"\ge", "!=": r"\ne"}.get(m.rel, m.rel)
            return rf"\mathbb{{1}}_{{({_latex(m.left)[0]} {rel} {_latex(m.right)[0]})}}", _ATOM
        case Select():
            return (
                rf"\begin{{cases}} {_latex(m.then)[0]} & \text{{where }} {_condition(m.condition)} \\ "
                rf"{_latex(m.other)[0]} & \text{{elsewhere}} \end{{cases}}",
                _SUM,
            )
        case Total():
            if isinstance(m.body, Name) and m.body.tensor.rank == 1:
                return rf"\mathbf{{1}}^{{\top}} {_l(m.body, _ATOM)}", _DOT
            if m.axis == 0:
                return rf"{_transpose_latex(m.body)}\, \mathbf{{1}}", _DOT
            return rf"{_l(m.body, _DOT)}\, \mathbf{{1}}", _DOT
        case Diagonal():
            return rf"\operatorname{{diag}}\left({_latex(m.body)[0]}\right)", _ATOM
        case Broadcast():
            if m.axis == 0:
                return rf"\mathbf{{1}}\, {_transpose_latex(m.body)}", _DOT
            return rf"{_l(m.body, _DOT)}\, \mathbf{{1}}^{{\top}}", _DOT
    raise AssertionError(type(m))


def _condition(m: Matrix) -> str:
    if isinstance(m, Compare):
        rel = {">=": r"\ge", "!=": r"\ne"}.get(m.rel, m.rel)
        return f"{_latex(m.left)[0]} {rel} {_latex(m.right)[0]}"
    return _latex(m)[0]


def _transpose_latex(m: Matrix) -> str:
    body = _latex(m)[0]
    if isinstance(m, Name) and body.endswith("}") and "^{" in body and "_" not in body:
        return body[:-1] + r"\top}"
    if isinstance(m, Name):
        return rf"{body}^{{\top}}"
    return rf"\left({body}\right)^{{\top}}"


def _latex_function(m: Elementwise) -> tuple[str, int]:
    if m.name == "reciprocal":
        return rf"\frac{{1}}{{{_latex(m.body)[0]}}}", _DOT
    if m.name == "power":
        assert m.exponent is not None
        if m.exponent == Div(ONE, Num(Fraction(2))):
            return rf"\sqrt{{{_latex(m.body)[0]}}}", _ATOM
        body = _l(m.body, _ATOM)
        if isinstance(m.body, Name) and "^" in body:  # a base takes one superscript
            body = rf"\left({body}\right)"
        return rf"{body}^{{\circ {tree_latex(m.exponent)}}}", _DOT
    known = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh"}
    name = rf"\{m.name}" if m.name in known else rf"\operatorname{{{m.name}}}"
    if m.name == "abs":
        return rf"\left|{_latex(m.body)[0]}\right|", _ATOM
    return rf"{name}\left({_latex(m.body)[0]}\right)", _ATOM
