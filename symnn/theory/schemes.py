"""Initial variances of a network's weights, solved from its own forward pass, or by one of the named schemes.

"forward" keeps the second moment of pre-activations at 1: Var W = 1/(fan_in E[g(z)^2]), g being what the graph applies
to the values below; "backward" keeps that of gradients, 1/(fan_out E[g'(z)^2]); "compromise" is their harmonic mean.
The named schemes are the same conditions solved for one activation, whatever the graph applies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy

from symnn.ground.errors import SymnnError, UnknownNameError
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tensors import Tensor
from symnn.theory import laws
from symnn.theory.errors import MomentError
from symnn.theory.gains import gain
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.initialisation import FAN_IN, FAN_OUT, kaiming, lecun, xavier
from symnn.theory.numbers import at_values
from symnn.theory.propagation_reading import Reading, Use, Z, placed, read_node, uses

__all__ = ["OWN", "SCHEMES", "VARIANCES", "Start", "starts"]


def _solved(condition: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    """Return a condition, solved once, as a function of fan-in and fan-out."""

    def at(fan_in: Any, fan_out: Any) -> Any:
        return at_values(condition(), {FAN_IN: fan_in, FAN_OUT: fan_out})

    return at


def _naive() -> Any:
    """Uniform within 1/sqrt(fan_in): Glorot, Bengio 2010, eq. 1."""
    return to_sympy(laws.uniform(1 / sympy.sqrt(FAN_IN)).variance)


#: Scheme -> variance of a weight from fan-in and fan-out.
VARIANCES: dict[str, Callable[[Any, Any], Any]] = {
    "he": _solved(cache(kaiming)),
    "xavier": _solved(cache(xavier)),
    "lecun": _solved(cache(lecun)),
    "naive": _solved(cache(_naive)),
}
#: Schemes that are solved from the graph.
OWN = ("forward", "backward", "compromise")
#: What ``Network.init`` knows.
SCHEMES = (*OWN, *VARIANCES, "zeros")


#: Moments and factors below it, or above its inverse, are not counted.
_TINY = 1e-6


@dataclass(frozen=True)
class Start:
    """The initial variance of a weight, a formula in sizes, and what it rests on, in words."""

    variance: Any
    why: str

    def __str__(self) -> str:
        return f"Var = {self.variance}: {self.why}"


def starts(nodes: Iterable[Tensor], parameters: Iterable[Tensor], scheme: str) -> dict[str, Start]:
    """Return the initial variance of every parameter of rank 2 and more; the others start at 0.

    Fan-in and fan-out are read from the node that sums over the parameter, at shifted positions too, or, where it
    multiplies no single value, from its shape: the first axis is the fan-out, all others together are the fan-in. Where
    a node adds several such maps each gets its share. Inputs, and values that are no function of one number, such as
    those of a softmax, a norm or a sum, are taken to have second moment 1; pre-activations, to be Gaussian. Of a
    parameter that is used more than once the first use counts. ``why`` says which of this a variance rests on.

    Raises:
        UnknownNameError: no such scheme.
    """
    if scheme not in SCHEMES:
        raise UnknownNameError(scheme, SCHEMES, "initialisation scheme")
    order = [t for t in nodes if t.definition is not None]
    readings = {t: r for t in order if (r := _read(t)) is not None}
    used: dict[Tensor, list[_Used]] = {}
    for t in order:
        found = _uses(t, readings.get(t))
        for w, use in found:
            used.setdefault(w, []).append(_Used(use, len(found)))
    return {t.name: _start(t, used.get(t, []), readings, scheme) for t in parameters if t.rank >= 2}


@dataclass(frozen=True)
class _Used:
    use: Use
    maps: int


def _read(t: Tensor) -> Reading | None:
    try:
        return read_node(t)
    except MomentError:
        return None


def _uses(t: Tensor, reading: Reading | None) -> list[tuple[Tensor, Use]]:
    if reading is None:
        return uses(t)
    return [
        (s.matrix, Use(s.factor, s.value, s.fan_in, s.fan_out))
        for s in reading.terms if s.matrix is not None and s.value is not None
    ]  # fmt: skip


def _start(t: Tensor, found: list[_Used], readings: dict[Tensor, Reading], scheme: str) -> Start:
    use, maps = (found[0].use, found[0].maps) if found else (None, 1)
    fan_in, fan_out = (sympy.Mul(*t.shape[1:]), t.shape[0]) if use is None else (use.fan_in, use.fan_out)
    if scheme == "zeros":
        return Start(sympy.S.Zero, "all entries are 0")
    if scheme in VARIANCES:
        return Start(VARIANCES[scheme](fan_in, fan_out), f"the scheme {scheme}, fan_in = {fan_in}, fan_out = {fan_out}")
    if use is None:
        return Start(_of(scheme, 1, 1, fan_in, fan_out), "it multiplies no single value; fans from its shape, second "
                     "moments 1 assumed")  # fmt: skip
    if use.value is None:
        return Start(sympy.S.One, "its entries are looked up: they are the values, of second moment 1")
    g, said = _law(use.value, readings), f"{use.value.name} enters"
    second, slope, why = _moments(g, scheme)
    said += f" as {g} of a Gaussian number" if g != Z and not why else "" if why else ", second moment 1 assumed"
    said += f"; second moments 1 assumed, {why}" if why else ""
    factor = use.factor
    outside = factor.free_symbols - {s for n in t.shape for s in n.free_symbols}
    if outside:
        factor, said = sympy.S.One, f"{said}; the factor {use.factor} is not counted, its size is not known here"
    elif not _TINY < abs(float(at_values(factor, dict.fromkeys(factor.free_symbols, 8)))) < 1 / _TINY:
        factor, said = sympy.S.One, f"{said}; the factor {use.factor} is not counted, it is out of range"
    if maps > 1:
        said += f"; one of {maps} maps that are added, each gets its share"
    if len(found) > 1:
        said += f"; used {len(found)} times, the first counts"
    return Start(_of(scheme, factor**2 * second * maps, factor**2 * slope, fan_in, fan_out), said)


def _of(scheme: str, second: Any, slope: Any, fan_in: Any, fan_out: Any) -> Any:
    forward, backward = 1 / (second * fan_in), 1 / (slope * fan_out)
    return {"forward": forward, "backward": backward, "compromise": 2 / (1 / forward + 1 / backward)}[scheme]


def _moments(g: Any, scheme: str) -> tuple[Any, Any, str]:
    """Return E[g^2] and E[g'^2] of a standard normal number, or 1 and 1 and why they are not known."""
    try:
        second = _second(g)
        slope = sympy.S.One if scheme == "forward" else _slope(g)
    except SymnnError as reason:
        return sympy.S.One, sympy.S.One, f"as those of {g} are not known: {reason}"
    for value in (second, slope):
        if value is None:
            return sympy.S.One, sympy.S.One, f"as those of {g} have symbols in them"
        if not _TINY < float(value) < 1 / _TINY:
            return sympy.S.One, sympy.S.One, f"as one of {g} is {float(value):.2g}"
    return _number(second), _number(slope), ""


@cache
def _second(g: Any) -> Any:
    return gaussian_mean(g**2, Z, digits=15).value


@cache
def _slope(g: Any) -> Any:
    return gain(g, Z).slope_second.value


def _number(value: Any) -> Any:
    """Return a moment as a number, simple fractions exact."""
    near = sympy.Rational(value).limit_denominator(64)
    return near if abs(float(near) - float(value)) < 1e-15 * abs(float(value)) else sympy.Float(value, 17)


def _law(t: Tensor, readings: dict[Tensor, Reading]) -> Any:
    """Return the function of one standard normal number that a node is taken to be."""
    r = readings.get(t)
    if r is None:
        return Z
    if len(r.terms) == 1 and r.terms[0].matrix is None and r.terms[0].value is not None:
        return placed(r.function, {Z: r.terms[0].factor * _law(r.terms[0].value, readings)})
    return r.function
