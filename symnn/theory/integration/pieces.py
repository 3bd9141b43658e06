"""A function with kinks as smooth pieces: the real line cut where an argument of max, abs, sign, ... changes sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

import sympy

from symnn.ground.errors import UnsupportedError
from symnn.theory.errors import MomentError
from symnn.theory.integration.roots import is_exact, order, real_roots
from symnn.theory.integration.scalar import KINKED, put

__all__ = ["Piece", "cut", "refined"]


@dataclass(frozen=True)
class Piece:
    """The function on an open interval, as a smooth expression; an end is singular if it may blow up or bend there."""

    lower: Any
    upper: Any
    body: Any
    singular: tuple[bool, bool] = (False, False)

    @property
    def exact(self) -> bool:
        """Both ends are known exactly."""
        return is_exact(self.lower) and is_exact(self.upper)


def cut(expression: Any, x: Any, reach: float | None = None) -> tuple[Piece, ...]:
    """Return the smooth pieces of a function from left to right.

    >>> z = sympy.Symbol("z", real=True)
    >>> [(p.lower, p.upper, p.body) for p in cut(sympy.Max(-1, sympy.Min(1, z)), z)]
    [(-oo, -1, -1), (-1, 1, z), (1, oo, 1)]

    Where the pieces meet is a set of measure zero, so the values there do not matter to an integral. Zeros of what is
    raised to a negative or broken power, or stands in a logarithm, are cut points too, and marked singular.

    Args:
        expression: a function that ``read`` accepts.
        x: its symbol.
        reach: how far from 0 zeros are searched for where they cannot be solved for; None: nowhere.

    Raises:
        MomentError: where a cut lies, or on which side what is larger, depends on parameters or cannot be found.
    """
    out: list[Piece] = []
    for piece in _joined(_cut(expression, x, reach)):
        points: dict[Any, None] = {}
        for inner in _delicate(piece.body, x):
            for end in (piece.lower, piece.upper):
                if end.is_finite and _vanishes(put(inner, {x: end})):
                    points[end] = None
            points |= dict.fromkeys(real_roots(inner, x, piece.lower, piece.upper, reach, touching=True))
        inside = _sorted([p for p in points if p not in (piece.lower, piece.upper)])
        ends = [piece.lower, *inside, piece.upper]
        out += [Piece(a, b, piece.body, (a in points, b in points)) for a, b in zip(ends, ends[1:], strict=False)]
    return tuple(out)


def refined(pieces: Sequence[Piece], points: Sequence[Any]) -> list[Piece]:
    """Return the pieces, cut at further points."""
    out = []
    for piece in pieces:
        inside = [p for p in points if order(piece.lower, p) < 0 and order(p, piece.upper) < 0]
        ends = [piece.lower, *_sorted(inside), piece.upper]
        for k, (a, b) in enumerate(zip(ends, ends[1:], strict=False)):
            first, last = k == 0 and piece.singular[0], k == len(ends) - 2 and piece.singular[1]
            out.append(Piece(a, b, piece.body, (first, last)))
    return out


def _delicate(body: Any, x: Any) -> list[Any]:
    """Return what must not vanish for the body to be analytic, apart from what is positive anyway."""
    inner = [p.base for p in body.atoms(sympy.Pow) if not (p.exp.is_Integer and p.exp.is_nonnegative)]
    inner += [p.args[0] for p in body.atoms(sympy.log)]
    return sorted({h for h in inner if x in h.free_symbols and not h.is_positive}, key=sympy.default_sort_key)


def _vanishes(value: Any) -> bool:
    """Tell whether a value is 0, or not defined."""
    return bool(value.has(sympy.zoo, sympy.nan, sympy.oo)) or _sign_at(value) == 0


def _sorted(points: list[Any]) -> list[Any]:
    """Return the points in order, those that are equal once."""
    out: list[Any] = []
    for p in sorted(points, key=cmp_to_key(order)):
        if not out or order(out[-1], p) < 0:
            out.append(p)
    return out


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    out: list[Piece] = []
    for piece in pieces:
        if out and out[-1].body == piece.body:
            piece = Piece(out.pop().lower, piece.upper, piece.body)
        out.append(piece)
    return out


def _cut(e: Any, x: Any, reach: float | None) -> list[Piece]:
    if x not in e.free_symbols or not e.has(*KINKED):
        return [Piece(-sympy.oo, sympy.oo, e)]
    if isinstance(e, sympy.Piecewise):
        return _by_cases(e, x, reach)
    out = []
    for lower, upper, bodies in _together([_cut(a, x, reach) for a in e.args]):
        if not isinstance(e, KINKED):
            out.append(Piece(lower, upper, e.func(*bodies)))
            continue
        pairs = [(a, b) for k, a in enumerate(bodies) for b in bodies[:k]]
        changes = [a - b for a, b in pairs] if isinstance(e, sympy.Max | sympy.Min) else [bodies[0]]
        ends = _ends(changes, x, lower, upper, reach)
        out += [Piece(a, b, _chosen(e, bodies, x, a, b)) for a, b in zip(ends, ends[1:], strict=False)]
    return _joined(out)


def _chosen(e: Any, bodies: Sequence[Any], x: Any, lower: Any, upper: Any) -> Any:
    """Return max, min, abs, sign or step on an interval on which nothing that decides it changes sign."""
    if isinstance(e, sympy.Max | sympy.Min):
        side = 1 if isinstance(e, sympy.Max) else -1
        best = bodies[0]
        for other in bodies[1:]:
            if _sign(other - best, x, lower, upper) * side > 0:
                best = other
        return best
    sign = _sign(bodies[0], x, lower, upper)
    if isinstance(e, sympy.Abs):
        return sign * bodies[0]
    if isinstance(e, sympy.sign):
        return sympy.Integer(sign)
    if sign == 0:
        return bodies[1] if len(bodies) > 1 else sympy.S.Half
    return sympy.Integer(sign > 0)


def _by_cases(e: Any, x: Any, reach: float | None) -> list[Piece]:
    """Return the pieces of a Piecewise: cut where a comparison in one of its conditions turns, then in each branch."""
    tests = sorted(
        {c for _, condition in e.args for c in condition.atoms(sympy.core.relational.Relational)},
        key=sympy.default_sort_key,
    )
    sides = [_cut(c.lhs - c.rhs, x, reach) for c in tests]
    branches = [_cut(branch, x, reach) for branch, _ in e.args]
    out = []
    for lower, upper, bodies in _together([*sides, *branches]):
        changes, values = bodies[: len(tests)], bodies[len(tests) :]
        ends = _ends(changes, x, lower, upper, reach)
        for a, b in zip(ends, ends[1:], strict=False):
            truth = {c: _truth(c, _sign(h, x, a, b)) for c, h in zip(tests, changes, strict=True)}
            for value, (_, condition) in zip(values, e.args, strict=True):
                if put(condition, truth) == sympy.true:
                    out.append(Piece(a, b, value))
                    break
            else:
                raise MomentError(f"{e} has no value between {a} and {b}.")
    return _joined(out)


def _truth(test: Any, sign: int) -> Any:
    known = {sympy.Gt: sign > 0, sympy.Ge: sign >= 0, sympy.Lt: sign < 0, sympy.Le: sign <= 0, sympy.Eq: sign == 0,
             sympy.Ne: sign != 0}  # fmt: skip
    for kind, holds in known.items():
        if isinstance(test, kind):
            return sympy.true if holds else sympy.false
    raise UnsupportedError(f"The condition {test} is no comparison of two real numbers.")


def _together(partitions: Sequence[Sequence[Piece]]) -> list[tuple[Any, Any, list[Any]]]:
    """Return the common intervals of several partitions of the line, with the body of each on it."""
    points = _sorted([p.lower for pieces in partitions for p in pieces if p.lower.is_finite])
    ends = [-sympy.oo, *points, sympy.oo]
    out = []
    for a, b in zip(ends, ends[1:], strict=False):
        bodies = [next(p.body for p in pieces if order(b, p.upper) <= 0) for pieces in partitions]
        out.append((a, b, bodies))
    return out


def _ends(changes: Sequence[Any], x: Any, lower: Any, upper: Any, reach: float | None) -> list[Any]:
    roots = [r for h in changes for r in real_roots(h, x, lower, upper, reach)]
    return [lower, *_sorted(roots), upper]


def _sign(h: Any, x: Any, lower: Any, upper: Any) -> int:
    """Return the sign of a function that does not change it on an interval."""
    if lower.is_finite and upper.is_finite:
        places = [(lower + upper) / 2, (2 * lower + upper) / 3]
    elif lower.is_finite or upper.is_finite:
        places = [lower + s if lower.is_finite else upper - s for s in (sympy.Integer(1), sympy.Rational(1, 3))]
    else:
        places = [sympy.S.Zero, sympy.Rational(1, 3)]
    for place in places:
        sign = _sign_at(put(h, {x: place}))
        if sign:
            return sign
    return 0


def _sign_at(value: Any) -> int:
    """Return the sign of a number or of an expression in parameters."""
    if not value.is_number:
        value = sympy.expand(value)
    if value.is_positive or value.is_negative:
        return 1 if value.is_positive else -1
    if value.is_zero:
        return 0
    if value.free_symbols:
        raise MomentError(f"The sign of {value} depends on the parameters; give numbers for them.")
    number = sympy.N(value, 30)
    if number.is_real is not True or number.is_finite is not True:
        raise MomentError(f"{value} is not a real number, and a case depends on its sign.")
    return 0 if abs(number) < sympy.Float(10) ** -25 else (1 if number > 0 else -1)
