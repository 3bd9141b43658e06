"""Activations as data: name, forward expression in z, LaTeX, where it is not differentiable, source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.arguments import found, real_constant, tensor
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.tensors import Tensor
from symnn.nn.forward import Forward

__all__ = [
    "ACTIVATIONS", "Activation", "activation", "elu", "gelu", "gelu_tanh", "hard_tanh", "leaky_relu", "linear", "mish",
    "relu", "selu", "sigmoid", "silu", "softplus", "softsign", "tanh",
]  # fmt: skip


@dataclass(frozen=True)
class Activation:
    """A scalar function applied entry by entry; ``expression(z, *constants)`` is its only definition."""

    name: str
    expression: Callable[..., Any]
    latex: str
    source: str
    domain: str = "differentiable everywhere"
    constants: tuple[tuple[str, Any], ...] = ()
    positive: bool = False


def _where(condition: Any, then: Any, other: Any) -> Any:
    return sympy.Piecewise((then, condition), (other, True))


_GELU = "Hendrycks, Gimpel 2016, Gaussian Error Linear Units, eq. in sec. 2"
_SELU = "Klambauer et al. 2017, Self-Normalizing Neural Networks, eq. 2"

ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation("linear", lambda z: z, r"z", "definition"),
        Activation("sigmoid", lambda z: 1 / (1 + sympy.exp(-z)), r"\frac{1}{1+e^{-z}}", "definition", positive=True),
        Activation("tanh", sympy.tanh, r"\tanh z", "definition"),
        Activation(
            "relu", lambda z: sympy.Max(0, z), r"\max(0, z)", "Nair, Hinton 2010",
            "kink at 0, where the derivative is taken as 0",
        ),
        Activation(
            "leaky_relu", lambda z, s: _where(z > 0, z, s * z), r"z \text{ if } z>0 \text{ else } s z",
            "Maas, Hannun, Ng 2013", "kink at 0, where the derivative is taken as s",
            (("slope", Fraction(1, 100)),),
        ),
        Activation(
            "elu", lambda z, a: _where(z > 0, z, a * (sympy.exp(z) - 1)),
            r"z \text{ if } z>0 \text{ else } \alpha(e^{z}-1)", "Clevert, Unterthiner, Hochreiter 2015",
            "kink at 0 unless alpha = 1, where the derivative is taken as alpha", (("alpha", Fraction(1)),),
        ),
        Activation(
            "selu", lambda z, l, a: l * _where(z > 0, z, a * (sympy.exp(z) - 1)),
            r"\lambda\,(z \text{ if } z>0 \text{ else } \alpha(e^{z}-1))", _SELU,
            "kink at 0, where the derivative is taken as lambda alpha",
            (("scale", Fraction("1.0507009873554805")), ("alpha", Fraction("1.6732632423543772"))),
        ),
        Activation("softplus", lambda z: sympy.log(1 + sympy.exp(z)), r"\log(1+e^{z})", "Dugas et al. 2000",
                   positive=True),
        Activation("silu", lambda z: z / (1 + sympy.exp(-z)), r"\frac{z}{1+e^{-z}}", _GELU),
        Activation(
            "gelu", lambda z: z * (1 + sympy.erf(z / sympy.sqrt(2))) / 2,
            r"\tfrac{z}{2}\bigl(1+\operatorname{erf}(z/\sqrt2)\bigr)", _GELU,
        ),
        Activation(
            "gelu_tanh",
            lambda z: z * (1 + sympy.tanh(sympy.sqrt(2 / sympy.pi) * (z + sympy.Rational(44715, 1000000) * z**3))) / 2,
            r"\tfrac{z}{2}\bigl(1+\tanh(\sqrt{2/\pi}(z+0.044715z^3))\bigr)", _GELU,
        ),
        Activation(
            "mish", lambda z: z * sympy.tanh(sympy.log(1 + sympy.exp(z))), r"z\tanh\log(1+e^{z})", "Misra 2019, eq. 1"
        ),
        Activation(
            "hard_tanh", lambda z: sympy.Max(-1, sympy.Min(1, z)), r"\max(-1, \min(1, z))", "Collobert 2004",
            "kinks at -1 and 1, where the derivative is taken as 0",
        ),
        Activation("softsign", lambda z: z / (1 + sympy.Abs(z)), r"\frac{z}{1+|z|}", "Bergstra et al. 2009"),
    )
}  # fmt: skip

_FORWARDS: dict[str, Forward] = {}


def _forward(record: Activation) -> Forward:
    made = _FORWARDS.get(record.name)
    if made is None:
        made = _FORWARDS[record.name] = Forward(
            record.name,
            {"z": "*n"},
            "*n",
            lambda s, i, *c: record.expression(s["z"][i.batch], *c),
            latex=record.latex,
            source=record.source,
            domain=record.domain,
            positive=record.positive,
        )
    return made


def activation(kind: str, x: Tensor, *, name: str = "", **constants: Any) -> Tensor:
    """Return an activation of the table applied entry by entry.

    Raises:
        UnknownNameError: the table has no such activation, or it has no such constant.
        DefinitionError: what is given is no tensor, or a constant is no real number.
    """
    if not isinstance(kind, str):
        raise DefinitionError(f"activation() takes a name first, activation('relu', x), found {found(kind)}.")
    record = ACTIVATIONS.get(kind)
    if record is None:
        raise UnknownNameError(kind, ACTIVATIONS, "activation")
    tensor(f"{kind}()", x)
    known = dict(record.constants)
    for key in constants:
        if key not in known:
            raise UnknownNameError(key, known, f"constant of {kind}")
    values = tuple(real_constant(f"{kind}()", k, constants.get(k, v)) for k, v in record.constants)
    label = name or ("h" + x.name[1:] if x.name[0] == "a" and x.name[1:].isdigit() else f"{kind}_{x.name}")
    return _forward(record)(x, name=label, constants=values, auto=not name)


def _public(kind: str) -> Callable[..., Tensor]:
    record = ACTIVATIONS[kind]

    def apply(x: Tensor, *, name: str = "", **constants: Any) -> Tensor:
        return activation(kind, x, name=name, **constants)

    apply.__name__ = apply.__qualname__ = kind
    constants = ", ".join(f"{k} = {float(v)}" for k, v in record.constants)
    apply.__doc__ = (
        f"{kind}(z) = {record.latex}, entry by entry.\n\n    Shapes: any; {record.domain}. "
        + (f"Constants: {constants}. " if constants else "")
        + f"Source: {record.source}.\n    "
    )
    return apply


linear = _public("linear")
sigmoid = _public("sigmoid")
tanh = _public("tanh")
relu = _public("relu")
leaky_relu = _public("leaky_relu")
elu = _public("elu")
selu = _public("selu")
softplus = _public("softplus")
silu = _public("silu")
gelu = _public("gelu")
gelu_tanh = _public("gelu_tanh")
mish = _public("mish")
hard_tanh = _public("hard_tanh")
softsign = _public("softsign")
