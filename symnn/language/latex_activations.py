r"""Functions of one number by name, and which one g or \sigma means in a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from symnn.derive.differentiate import differentiate
from symnn.derive.tidy import clean
from symnn.ground.functions import FUNCTIONS as SCALAR
from symnn.ground.sympy_border import from_sympy
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Div, Entry, Fn, Tree, children, num, rebuild
from symnn.nn.activations import ACTIVATIONS

__all__ = ["Activation", "activations", "at", "derived", "scalar_function"]

_Z = Tensor("z", (), "slot")
_HERE = Entry(_Z, ())
#: In a network of these \sigma is the logistic sigmoid, from which they are made.
MADE_OF_SIGMOID = frozenset(("silu", "softplus", "mish"))


@dataclass(frozen=True)
class Activation:
    """An activation as a network uses it: its kind, its formula over a stand-in, what it is applied to."""

    kind: str
    tree: Tree
    argument: Tensor


def activations(tensors: Iterable[Any]) -> list[Activation]:
    """Return the activations among the tensors of a network, with their constants."""
    out: list[Activation] = []
    for t in tensors:
        if t.definition is None or t.definition.template.name not in ACTIVATIONS or len(t.definition.args) != 1:
            continue
        template = t.definition.template
        slot = template.slots[0]
        tree = _with_stand_in(template.tree, slot)
        out.append(Activation(template.name, tree, t.definition.args[0]))
    return out


def _with_stand_in(tree: Tree, slot: Tensor) -> Tree:
    if isinstance(tree, Entry) and tree.tensor is slot:
        return _HERE
    parts = children(tree)
    return rebuild(tree, tuple(_with_stand_in(p, slot) for p in parts)) if parts else tree


def scalar_function(name: str) -> Tree | None:
    """Return a known function of one number over a stand-in, or None."""
    if name in ACTIVATIONS:
        record = ACTIVATIONS[name]
        return from_sympy(record.expression(_Z[()], *(_constant(v) for _, v in record.constants)))
    if name == "log10":
        return Div(Fn("log", (_HERE,)), Fn("log", (num(10),)))
    if name in SCALAR and name not in ("max", "min"):
        return Fn(name, (_HERE,))
    return None


def _constant(value: Any) -> Any:
    return sympy.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else value


def derived(tree: Tree, order: int) -> Tree:
    """Return a derivative of a function over the stand-in."""
    for _ in range(order):
        tree = clean(differentiate(D(tree, _HERE)).result)
    return tree


def at(tree: Tree, u: Tree) -> Tree:
    """Return a function over the stand-in with something in its place."""
    if isinstance(tree, Entry) and tree.tensor is _Z:
        return u
    parts = children(tree)
    return rebuild(tree, tuple(at(p, u) for p in parts)) if parts else tree
