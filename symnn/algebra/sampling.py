"""A form's value at a random point, in floating point: what is clearly not 0 there need not be tested further.

It only ever spares work: a form is never called 0 because of a value. Sizes are 2 or 3 and entries generic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from symnn.algebra.leaves import is_whole, of_size
from symnn.algebra.terms import Atom, Poly

__all__ = ["clearly_not_zero"]

#: A value counts as not 0 beyond this part of the sum of the moduli of the terms.
_CLEAR = 1e-5
_TIE = 1e-10
_MOST_EVALUATIONS = 4_000
_RANGES = ((-1.5, 1.5), (0.4, 1.6), (0.05, 0.95))

Env = Mapping[Any, int]


class _Unknown(Exception):
    """The form has no value here, or takes too long to evaluate."""


def clearly_not_zero(poly: Poly) -> bool:
    """Tell whether a form has a value clearly different from 0 at a random point."""
    for low, high in _RANGES:
        sample = _Sample(low, high)
        try:
            value, scale = sample.terms(poly, {})
        except (_Unknown, ArithmeticError, ValueError):
            continue
        return math.isfinite(value) and abs(value) > _CLEAR * max(scale, 1e-3)
    return False


class _Sample:
    """One point: values of symbols, entries and free indices, drawn where they are first met."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high, self.chance = low, high, Random(20)
        self.drawn: dict[Any, Any] = {}
        self.left = _MOST_EVALUATIONS

    def terms(self, p: Poly, env: Env) -> tuple[float, float]:
        """Return the value and the sum of the moduli of the terms."""
        total, scale = 0.0, 0.0
        for m, c in p.terms.items():
            term = float(c)
            for a, e in sorted(m, key=_guards_first):
                value = self.atom(a, env)
                if a.kind == "ind" and not value:
                    term = 0.0
                    break
                if value < 0 and not isinstance(e, int):
                    raise _Unknown
                term *= value if e == 1 else value ** (e if isinstance(e, int) else float(e))
            total, scale = total + term, scale + abs(term)
        return total, scale

    def value(self, p: Poly, env: Env) -> float:
        return self.terms(p, env)[0]

    def size(self, size: Any) -> int:
        return round(self.value(of_size(size), {}))

    def real(self, key: Any, positive: bool) -> float:
        """Return the value of a real entry or symbol."""
        if key not in self.drawn:
            x = self.chance.uniform(self.low, self.high)
            x += math.copysign(0.1, x)
            self.drawn[key] = abs(x) if positive else x
        return float(self.drawn[key])

    def whole(self, key: Any, size: int) -> int:
        """Return the value of an index or a label."""
        if key not in self.drawn:
            self.drawn[key] = self.chance.randrange(size)
        return int(self.drawn[key])

    def atom(self, a: Atom, env: Env) -> float:
        """Return the value of an atom."""
        self.left -= 1
        if self.left < 0:
            raise _Unknown
        match a.kind:
            case "sym":
                return self.symbol(a.data, a.nonnegative)
            case "num":
                return float(a.data)
            case "ix":
                return env[a.data] if a.data in env else self.whole(a.data, self.size(a.data.size))
            case "ent":
                return self.entry(a, env)
            case "ind":
                value, scale = self.terms(a.data[1], env)
                tie = abs(value) <= _TIE * max(scale, 1.0)
                return float(tie if a.data[0] == "=" else value > 0 and not tie)
            case "exp":
                return math.exp(self.value(Poly({a.data: 1}), env))
            case "base":
                return self.value(a.data, env)
            case "fn":
                return self.function(a.data[0], [self.value(p, env) for p in a.data[1]])
            case "sum":
                return self.sum(a, env)
        raise _Unknown

    def symbol(self, symbol: Any, positive: bool) -> float:
        """Return the value of a size, a scalar or a constant."""
        if isinstance(symbol, str):
            if symbol not in ("pi", "E"):
                raise _Unknown
            return math.pi if symbol == "pi" else math.e
        if symbol.is_integer:
            return float(2 + self.whole(symbol, 2))
        return self.real(symbol, positive)

    def entry(self, a: Atom, env: Env) -> float:
        """Return the value of an entry at the place that its positions have here."""
        tensor, at = a.data
        place = tuple(round(self.value(p, env)) if is_whole(p) else self.value(p, env) for p in at)
        if tensor.bijective:
            count = self.size(tensor.shape[0])
            if tensor not in self.drawn:
                self.drawn[tensor] = self.chance.sample(range(count), count)
            if not 0 <= place[0] < count:
                raise _Unknown
            return float(self.drawn[tensor][int(place[0])])
        if tensor.classes is not None:
            return self.whole((tensor, place), self.size(tensor.classes))
        return self.real((tensor, place), a.nonnegative)

    def function(self, name: str, args: list[float]) -> float:
        """Return the value of a scalar function."""
        if name == "stop_gradient":
            return args[0]
        if name == "pow":
            if args[0] <= 0:
                raise _Unknown
            return float(args[0] ** args[1])
        found = _FUNCTIONS.get(name)
        if found is None:
            raise _Unknown
        return found(*args)

    def sum(self, a: Atom, env: Env) -> float:
        """Return the value of a sum, position by position."""
        bound, mono = a.data
        body, places = Poly({mono: 1}), [dict(env)]
        for k in bound:
            places = [{**at, k: q} for at in places for q in range(self.size(k.size))]
        return sum(self.value(body, at) for at in places)


def _guards_first(item: tuple[Atom, Any]) -> bool:
    return item[0].kind != "ind"


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "log": math.log, "sin": math.sin, "cos": math.cos, "tan": math.tan, "sinh": math.sinh, "cosh": math.cosh,
    "tanh": math.tanh, "asin": math.asin, "acos": math.acos, "atan": math.atan, "asinh": math.asinh,
    "erf": math.erf, "gamma": math.gamma, "loggamma": math.lgamma,
}  # fmt: skip
