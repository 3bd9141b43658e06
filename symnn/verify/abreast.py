"""The same forward pass at many values of one tensor abreast: every node behind it gets one more axis, in front.

A loss at (K, ...) values of W is then one program, so that differences by thousands of entries take a few calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sympy

from symnn.compile.program import Program, build
from symnn.graph.flow import FlowGraph
from symnn.ground.indices import Index
from symnn.ground.template import Definition, Template
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Entry, Ix, Tree, transform

__all__ = ["Abreast", "widened"]

#: Entries of the largest array that one call works on: such arrays stay in a processor's cache.
_MOST = 250_000


class Abreast:
    """``values(arrays, name, changes)``: a scalar output at many values of one leaf.

    Args:
        output: a scalar.
        leaf: the leaf that takes many values.
        scalars: values of scalar symbols.
    """

    def __init__(self, output: Tensor, leaf: Tensor, scalars: Mapping[str, Any]) -> None:
        self.leaf = leaf
        self.output = widened((output,), (leaf,))[output]
        self.program: Program = build((self.output,), scalars=dict(scalars), name="abreast")

    def values(self, arrays: Mapping[str, Any], at: Any) -> Any:
        """Return the output at every one of some values of the leaf, (K, ...)."""
        given = {k: v for k, v in arrays.items() if k in self.program.inputs}
        found = self.program({**given, self.leaf.name: at}, check=False)[self.output.name]
        return np.asarray(found)

    def slopes(self, arrays: Mapping[str, Any], step: float, widest: int) -> Any:
        """Return central differences by every entry of the leaf; ``widest`` is the size of the largest node."""
        base = np.asarray(arrays[self.leaf.name], dtype=float)
        flat = base.reshape(-1)
        chunk = max(1, _MOST // max(widest, flat.size))
        out = np.empty(flat.size)
        for start in range(0, flat.size, chunk):
            which = np.arange(start, min(start + chunk, flat.size))
            moved = np.repeat(flat[None], len(which), axis=0)
            moved[np.arange(len(which)), which] += step
            high = self.values(arrays, moved.reshape(-1, *base.shape))
            moved[np.arange(len(which)), which] -= 2 * step
            out[which] = (high - self.values(arrays, moved.reshape(-1, *base.shape))) / (2 * step)
        return out.reshape(base.shape)


def widened(outputs: Iterable[Tensor], leaves: Iterable[Tensor]) -> dict[Tensor, Tensor]:
    """Return leaves, outputs and everything between them with one more axis, in front; the rest stays as it is."""
    count = sympy.Symbol("_abreast", integer=True, positive=True)
    made = {
        t: Tensor(
            t.name, (count, *t.shape), t.role, positive=t.positive, nonnegative=t.nonnegative, letters=_letters(t)
        )
        for t in leaves
    }  # fmt: skip
    for t in FlowGraph(outputs).order:
        if t not in made and t.definition is not None and any(a in made for a in t.definition.args):
            made[t] = _widened(t, t.definition, made, count)
    return made


def _letters(t: Tensor) -> tuple[str, ...]:
    return ("m", *t.letters) if len(t.letters) == t.rank else ()


def _widened(t: Tensor, d: Definition, made: Mapping[Tensor, Tensor], count: Any) -> Tensor:
    m = Index("m", count)
    template = d.template
    slots = {
        slot: Tensor(slot.name, (count, *slot.shape), slot.role, positive=slot.positive, letters=_letters(slot))
        for slot, arg in zip(template.slots, d.args, strict=True)
        if arg in made
    }

    def wider(tree: Tree) -> Tree:
        if isinstance(tree, Entry) and tree.tensor in slots:
            return Entry(slots[tree.tensor], (Ix(m), *tree.at))
        return tree

    wide = Template(
        template.name, (m, *template.free), transform(template.tree, wider),
        tuple(slots.get(s, s) for s in template.slots), positive=template.positive,
    )  # fmt: skip
    args = tuple(made.get(a, a) for a in d.args)
    definition = Definition(wide, args, d.sizes)
    return Tensor(
        t.name, (count, *t.shape), "value", definition=definition, letters=_letters(t), positive=t.positive, auto=True
    )  # fmt: skip
