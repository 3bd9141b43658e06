"""Powers and scalar functions entry by entry."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symnn.compile.arithmetic import multiplied
from symnn.compile.elementwise import ELEMENTWISE, constant
from symnn.compile.piece import ATOM, CALL, POWER, PRODUCT, SIGN, SUM, Piece, aligned, union
from symnn.compile.products import Quotient, quotient
from symnn.ground.errors import UnsupportedError
from symnn.ground.tree import Fn, Num, Pow, Tree

if TYPE_CHECKING:
    from symnn.compile.emit import Emitter

__all__ = ["function", "power"]


def power(emitter: Emitter, tree: Pow) -> Piece:
    """Return base ** exponent; squares, cubes and square roots by cheaper means."""
    base = emitter.real(emitter.emit(tree.base))
    q = quotient(tree.exponent)
    if all(isinstance(f, Num) for f in (*q.above, *q.below)):
        return _rational_power(emitter, base, q.sign * _ratio(q))
    exponent = emitter.real(emitter.emit(tree.exponent))
    kind = "number" if base.kind == exponent.kind == "number" else "real"
    axes = union((base, exponent), emitter.rank, emitter.free)
    text = f"{aligned(base, axes).at(POWER + 1)} ** {aligned(exponent, axes).at(POWER)}"
    return Piece(text, axes, POWER, kind, fresh=True)


def _rational_power(emitter: Emitter, base: Piece, exponent: Fraction) -> Piece:
    if exponent == 1:
        return base
    if base.kind == "real":
        if exponent < 0:
            return multiplied(emitter, 1, [], [_rational_power(emitter, base, -exponent)])
        if exponent in (2, 3):
            base = emitter.hold(base)
            return Piece(" * ".join([base.text] * int(exponent)), base.axes, PRODUCT, fresh=True)
        if exponent == Fraction(1, 2):
            return Piece(f"xp.sqrt({base.text})", base.axes, CALL, fresh=True)
    text = f"{base.at(POWER + 1)} ** {constant(exponent).at(SIGN)}"
    return Piece(text, base.axes, POWER, base.kind, fresh=True)


def function(emitter: Emitter, tree: Fn) -> Piece:
    """Return a scalar function of its arguments."""
    if tree.name not in ELEMENTWISE:
        raise UnsupportedError(f"The compiler knows no function {tree.name!r}. Known: {', '.join(ELEMENTWISE)}.")
    args = [emitter.real(emitter.emit(a)) for a in tree.args]
    if tree.name == "stop_gradient":
        return args[0]
    if tree.name == "logistic":
        return _logistic(emitter, tree.args[0])
    if tree.name == "sech":
        return _sech(emitter, args[0])
    if tree.name == "softplus":
        args = [emitter.hold(args[0])]
    axes = union(args, emitter.rank, emitter.free)
    text = ELEMENTWISE[tree.name].format(*[aligned(a, axes).text for a in args])
    if all(a.kind == "number" for a in args):
        return Piece(f"float({text})", (), CALL, "number")
    update = None
    if args[0].level == ATOM and args[0].axes == axes and ELEMENTWISE[tree.name].startswith("xp.") and axes:
        update = (args[0].text, f"{text[:-1]}, out={args[0].text})")
    if tree.name == "softplus":
        return Piece(text, axes, SUM, fresh=True)
    return Piece(text, axes, CALL, "real", True, update)


def _logistic(emitter: Emitter, u: Tree) -> Piece:
    """1/(1 + e^-u) = 1/(1 + e) where u >= 0 else e/(1 + e), e = exp(-|u|)."""
    q = quotient(u)
    base = emitter.hold(emitter.real(emitter.emit(Quotient(1, q.above, q.below).tree() if q.sign < 0 else u)))
    small = emitter.hold(Piece(f"xp.exp(-xp.abs({base.text}))", base.axes, CALL))
    pair = ("1", small.text) if q.sign > 0 else (small.text, "1")
    if base.kind == "number":
        return Piece(
            f"float(xp.where({base.text} >= 0, {', '.join(pair)}) / (1 + {small.text}))",
            (),
            CALL,
            "number",
        )
    return Piece(
        f"xp.where({base.text} >= 0, {', '.join(pair)}) / (1 + {small.text})",
        base.axes,
        PRODUCT,
        fresh=True,
    )


def _sech(emitter: Emitter, base: Piece) -> Piece:
    """1/cosh(u) = 2 e/(1 + e^2), e = exp(-|u|)."""
    small = emitter.hold(Piece(f"xp.exp(-xp.abs({base.text}))", base.axes, CALL))
    text = f"2 * {small.text} / (1 + {small.text} * {small.text})"
    if base.kind == "number":
        return Piece(f"float({text})", (), CALL, "number")
    return Piece(text, base.axes, PRODUCT, fresh=True)


def _ratio(q: Quotient) -> Fraction:
    out = Fraction(1)
    for f in q.above:
        assert isinstance(f, Num)
        out = out * f.value
    for f in q.below:
        assert isinstance(f, Num)
        out = out / f.value
    return out
