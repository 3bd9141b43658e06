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
from symnn.theory.gains import Gain, gain
from symnn.theory.initialisation import FAN_IN, FAN_OUT, kaiming, lecun, xavier
from symnn.theory.numbers import at_values
from symnn.theory.propagation_reading import Reading, Term, Z, placed, read_node

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


@dataclass(frozen=True)
class Start:
    """The initial variance of a weight, a formula in sizes, and what it rests on, in words."""

    variance: Any
    why: str

    def __str__(self) -> str:
        return f"Var = {self.variance}: {self.why}"


def starts(nodes: Iterable[Tensor], parameters: Iterable[Tensor], scheme: str) -> dict[str, Start]:
    """Return the initial variance of every parameter of rank 2 and more; the others start at 0.

    Fan-in and fan-out are read from the node that sums over the parameter, or, where that is no linear map of one node,
    from its shape: the first axis is the fan-out, all others together are the fan-in. Inputs, and values that are no
    function of one number, such as those of a softmax or a norm, are taken to have second moment 1; pre-activations,
    to be Gaussian. ``why`` says which of this a variance rests on.

    Raises:
        UnknownNameError: no such scheme.
    """
    if scheme not in SCHEMES:
        raise UnknownNameError(scheme, SCHEMES, "initialisation scheme")
    readings = {t: r for t in nodes if t.definition is not None and (r := _read(t)) is not None}
    used: dict[Tensor, Term] = {}
    for r in readings.values():
        for term in r.terms:
            if term.matrix is not None:
                used.setdefault(term.matrix, term)
    return {t.name: _start(t, used.get(t), readings, scheme) for t in parameters if t.rank >= 2}


def _read(t: Tensor) -> Reading | None:
    try:
        return read_node(t)
    except MomentError:
        return None


def _start(t: Tensor, term: Term | None, readings: dict[Tensor, Reading], scheme: str) -> Start:
    if term is None or term.value is None:
        fan_in, fan_out, factor, below = sympy.Mul(*t.shape[1:]), t.shape[0], sympy.S.One, None
    else:
        fan_in, fan_out, factor, below = term.fan_in, term.fan_out, term.factor, term.value
    if scheme == "zeros":
        return Start(sympy.S.Zero, "all entries are 0")
    if scheme in VARIANCES:
        return Start(VARIANCES[scheme](fan_in, fan_out), f"the scheme {scheme}, fan_in = {fan_in}, fan_out = {fan_out}")
    if below is None:
        g, said = Z, "it multiplies no single node; fans from its shape, second moment 1 assumed"
    else:
        g, said = _law(below, readings), f"{below.name} enters"
    try:
        known = _gain(g)
        second, slope = known.second.value, known.slope_second.value
        if second is None or (scheme != "forward" and not slope):
            raise MomentError("symbols are left in it" if second is None else "its slope is 0 almost everywhere")
    except SymnnError as reason:
        second, slope, said = 1.0, 1.0, f"{said}; second moments 1 assumed, as those of {g} are not known: {reason}"
    else:
        said += f" as {g} of a Gaussian number" if g != Z else ", second moment 1 assumed" if below is not None else ""
    forward = 1 / (factor**2 * fan_in * _number(second))
    backward = 1 / (factor**2 * fan_out * _number(slope))
    made = {"forward": forward, "backward": backward, "compromise": 2 / (1 / forward + 1 / backward)}[scheme]
    return Start(made, said)


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


@cache
def _gain(g: Any) -> Gain:
    return gain(g, Z)
