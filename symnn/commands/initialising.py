"""The command init: the variance conditions of a layer with an activation, derived, solved, and in numbers."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy

from symnn.algebra.prove import inline
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.files import write_whole
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.template import entry_of
from symnn.ground.tree import Tree, tensors_in
from symnn.language.forward import read_forward
from symnn.nn.activations import ACTIVATIONS
from symnn.show import Document, Formula, Heading, Prose, VerdictTable, terminal
from symnn.theory.gains import Z
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.initialisation import Condition, Initialisation, initialisation
from symnn.theory.propagation_reading import read_node

__all__ = ["init"]

_WORDS = {
    "forward": "keeps the variance of values", "backward": "keeps the variance of gradients",
    "compromise": "harmonic mean of the two",
}  # fmt: skip


def init(chosen: argparse.Namespace) -> int:
    """Print the derivation of the initial variances and their numbers; 0 only if every line is proved or evaluated."""
    found = _asked(chosen.activation, {k: sympy.Rational(Fraction(str(v))) for k, v in chosen.value.items()})
    numbers = found.numbers(chosen.fan_in, chosen.fan_out)
    conditions = {"forward": found.forward, **({"backward": found.backward} if found.backward is not None else {})}
    held = all(c.holds for one in conditions.values() for c in one.moment.checks()[1:])
    if chosen.plot is not None:
        write_whole(chosen.plot, found.picture(chosen.depth, chosen.width))
        print(f"plot of {chosen.depth} layers of width {chosen.width}: {chosen.plot}", file=sys.stderr)
    if chosen.json:
        print(json.dumps(_record(chosen, found, conditions, numbers), indent=2))
    else:
        print(terminal(_page(chosen, found, conditions, numbers)))
    return 0 if held else 1


def _asked(activation: str, constants: dict[str, Any]) -> Initialisation:
    """Return the conditions for an activation of the table, or for a formula in one name, read and never run.

    Raises:
        UnknownNameError: it is one word, and no activation.
        DefinitionError: the formula is not of one number, or constants come with it.
        FormulaError: it is no formula.
    """
    if activation in ACTIVATIONS:
        return initialisation(activation, **constants)
    if activation.isidentifier():
        raise UnknownNameError(activation, ACTIVATIONS, "activation")
    if constants:
        raise DefinitionError("--value speaks of an activation of the table; write numbers into a formula.")
    names = tuple(read_forward(activation).tensors)
    if len(names) != 1:
        said = f"has the names {', '.join(names)}" if names else "has no name"
        raise DefinitionError(f"An activation is a function of one number, z say; {activation!r} {said}.")
    output = read_forward(activation, shapes={names[0]: ("D",)}, name="h").output
    free = tuple(Index(letter, size) for letter, size in zip(output.letters, output.shape, strict=True))
    tree: Tree = entry_of(output, free)
    while computed := frozenset(t for t in tensors_in(tree) if t.definition is not None):
        tree = inline(tree, computed)
    made = initialisation(read_node(define("h", free, to_sympy(tree))).function, Z)
    return replace(made, name=activation)


def _page(
    chosen: argparse.Namespace, found: Initialisation, conditions: dict[str, Condition], numbers: dict[str, Any]
) -> Document:  # fmt: skip
    blocks: list[Any] = []
    for word, condition in conditions.items():
        blocks.append(Heading(f"{word}: {_WORDS[word]}", 2))
        blocks += condition.moment.blocks()
        solved = sympy.N(condition.variance, 12) if not condition.exact else condition.variance
        blocks.append(Formula("", text=f"equal to {condition.keeps}: Var W = {_short(solved)}"))
    rows = tuple(
        (word, f"{v['variance']:.6g}", f"{v['std']:.6g}", f"{v['bound']:.6g}", _WORDS[word])
        for word, v in numbers.items()
    )
    heading = f"fan_in = {chosen.fan_in}, fan_out = {chosen.fan_out}"
    blocks += [
        Heading(heading, 2),
        VerdictTable(("condition", "Var W", "normal: std", "uniform: bound", "what it does"), rows),
        Prose(_slope(found)),
    ]
    title = f"Initial weights for {found.name}"
    return Document(title, "a layer a = W g(z), from its forward pass alone", tuple(blocks))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 90 else f"{sympy.N(value, 12)}"


def _slope(found: Initialisation) -> str:
    slope = float(found.gain.slope)
    other = gaussian_mean(found.gain.expression**2, found.symbol, variance=4, digits=15).value
    if abs(slope - 1) < 1e-9 and other is not None and abs(float(other) - 4 * float(found.gain.second)) < 1e-9:
        return "The variance map has slope 1 at every variance: it is kept exactly, from layer to layer."
    if abs(slope - 1) < 1e-9:
        return "The variance map has slope 1 at its fixed point 1: small deviations neither grow nor shrink at first."
    kind = "stable: variances return to 1" if slope < 1 else "unstable: variances drift away from 1"
    return f"The variance map has slope {slope:.4g} at its fixed point 1, {kind} with depth."


def _record(
    chosen: argparse.Namespace, found: Initialisation, conditions: dict[str, Condition], numbers: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    return {
        "activation": found.name, "fan_in": chosen.fan_in, "fan_out": chosen.fan_out,
        "gain": {"forward": float(found.gain.forward),
                 "backward": None if found.gain.backward is None else float(found.gain.backward),
                 "slope": float(found.gain.slope)},
        "conditions": {
            word: {
                "variance": _short(c.variance), "exact": c.exact, "lines": len(c.moment.steps),
                "verdicts": [k.verdict for k in c.moment.checks()[1:]], "assumed": list(c.moment.assumptions),
            }
            for word, c in conditions.items()
        },
        "numbers": numbers,
    }  # fmt: skip


