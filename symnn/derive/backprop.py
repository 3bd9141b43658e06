"""Backpropagation: adjoints in reverse topological order, over the ancestors of what is asked for only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from symnn.derive.combine import added, fused
from symnn.derive.joint import between, joint
from symnn.derive.patterns import Combined
from symnn.derive.pullback import Pullback, pullback
from symnn.derive.steps import Step, renamed
from symnn.graph.flow import FlowGraph
from symnn.ground.errors import DefinitionError, UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import Definition, Template, entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ONE, ZERO, Ix, Tree

__all__ = ["Adjoints", "Contribution", "actual_steps", "backprop", "formula", "vjp"]


@dataclass(frozen=True)
class Contribution:
    """One way a tensor reaches the output: through which child, by which slot, and how it was derived."""

    child: Tensor
    pullback: Pullback
    definition: Definition
    memo: dict[Any, Any] = field(default_factory=dict, compare=False)


@dataclass
class Adjoints:
    """The adjoint graph of an output.

    Attributes:
        output: the scalar loss, or a tensor with a symbolic upstream.
        upstream: the adjoint fed in at the output, or None for a scalar loss (1).
        of: tensor -> its adjoint, in the order they were derived.
        contributions: tensor -> how it reaches the output, one per use.
        combined: tensor -> the lines that unfolded or added its contributions, where there are any.
        visited: tensors in the order the backward pass visits them.
    """

    output: Tensor
    upstream: Tensor | None
    of: dict[Tensor, Tensor] = field(default_factory=dict)
    contributions: dict[Tensor, list[Contribution]] = field(default_factory=dict)
    combined: dict[Tensor, list[Combined]] = field(default_factory=dict)
    visited: list[Tensor] = field(default_factory=list)

    def graph(self, wanted: Iterable[Tensor] = ()) -> FlowGraph:
        """Return the flow graph of the output together with the adjoints of ``wanted`` (default: all derived)."""
        targets = list(wanted) or list(self.of)
        return FlowGraph((self.output, *(self.of[t] for t in targets)))


def backprop(output: Tensor, wanted: Sequence[Tensor], *, upstream: Tensor | None = None) -> Adjoints:
    """Return the adjoints of an output for everything between it and the wanted tensors.

    Each node is derived by itself, never the inlined whole, and equal nodes once.

    Raises:
        DefinitionError: the output is not a scalar and no upstream is given, or it is itself wanted with an upstream.
        UnsupportedError: a wanted tensor holds integers.
    """
    if output.rank and upstream is None:
        raise DefinitionError(
            f"{output.name!r} has shape {output.shape}, not a scalar. Use vjp() for a layer without a loss."
        )
    if upstream is not None and output in wanted:
        made = ", ".join(t.name for t in output.definition.args) if output.definition else ""
        raise DefinitionError(
            f"{output.name!r} is the layer itself: its gradient is what arrives there, {upstream.name}. "
            + (f"Ask for the gradient by something it is computed from: {made}." if made else "It is computed from "
               "nothing, so there is no other gradient to ask for.")
        )  # fmt: skip
    for t in wanted:
        if t.classes is not None:
            raise UnsupportedError(f"{t.name!r} holds labels: there is no derivative by an integer.")
    graph = FlowGraph((output,))
    needed = _between(graph, wanted)
    out = Adjoints(output, upstream)
    uses = _uses(graph, needed)
    if upstream is not None:
        out.of[output] = upstream
    for t in reversed(graph.order):
        if t not in needed:
            continue
        out.visited.append(t)
        if t is output:
            continue
        _adjoint(t, uses, out)
    for t in wanted:
        if t not in out.of and t is not output:
            out.of[t] = _constant(t, ZERO)
    if output in wanted and output not in out.of:
        out.of[output] = _constant(output, ONE)
    return out


def _between(graph: FlowGraph, wanted: Sequence[Tensor]) -> set[Tensor]:
    """Return the tensors that depend on something wanted (the wanted ones too): all others need no adjoint."""
    targets = set(wanted)
    needed: set[Tensor] = set()
    for t in graph.order:
        if t in targets or (t.definition is not None and any(p in needed for p in t.definition.args)):
            needed.add(t)
    return needed


def _uses(graph: FlowGraph, needed: set[Tensor]) -> dict[Tensor, list[tuple[Tensor, Tensor]]]:
    """Return for each tensor its uses, (child, slot), once for every slot it stands in."""
    uses: dict[Tensor, list[tuple[Tensor, Tensor]]] = {t: [] for t in needed}
    for child in graph.order:
        if child in needed and child.definition is not None:
            for slot, parent in zip(child.definition.template.slots, child.definition.args, strict=True):
                if parent in needed and slot.classes is None:
                    uses[parent].append((child, slot))
    return uses


def _adjoint(t: Tensor, all_uses: dict[Tensor, list[tuple[Tensor, Tensor]]], out: Adjoints) -> None:
    uses = all_uses[t]
    name = t.adjoint_name or f"d{t.name}"
    made = Tensor(
        name, t.shape, "adjoint", auto=True, of=t, adjoint_name=t.adjoint_name, letters=t.letters, level=t.level,
    )  # fmt: skip
    bare: list[Definition] = []
    parts: list[Definition] = []
    notes: list[Combined] = []
    for child, slot in uses:
        above = out.of.get(child)
        seeded = child is out.output and out.upstream is None
        assert child.definition is not None and (seeded or above is not None)
        p = pullback(child.definition.template, slot, seeded=seeded)
        definition = p.bind(child.definition, child, above)
        out.contributions.setdefault(t, []).append(Contribution(child, p, definition))
        bare.append(definition)
        if above is not None and above.definition is not None and above in definition.args:
            shorter = fused(made, definition, above)
            if shorter is not None:
                definition = shorter.definition
                notes.append(shorter)
        parts.append(definition)
    if not parts:
        return
    together = None if len(parts) == 1 and notes else _together(made, bare, t, all_uses, out)
    if together is not None:
        parts, notes = [together.definition], [together]
    if len(parts) > 1:
        total = added(made, parts)
        notes.append(total)
        parts = [total.definition]
    made.definition = parts[0]
    if not made.letters:
        made.letters = tuple(i.letter for i in parts[0].template.free)
    out.of[t] = made
    if notes:
        out.combined[t] = notes


def _together(
    made: Tensor, bare: list[Definition], t: Tensor, uses: dict[Tensor, list[tuple[Tensor, Tensor]]], out: Adjoints
) -> Combined | None:
    """Return the adjoint derived through all that depends on its tensor alone, where that is shorter."""
    inner = tuple(v for v in between(t, uses) if v in out.of and v is not out.output)
    if not inner or any(out.of[v].definition is None for v in inner):
        return None
    if len(bare) == 1:  # along a single path only what an adjoint shares with the values in between can cancel
        shared = {t, *inner}
        if not any(shared.intersection(d.args) for d in (out.of[v].definition for v in inner) if d is not None):
            return None
    return joint(made, bare, inner, out.of)


def _constant(t: Tensor, value: Tree) -> Tensor:
    free = tuple(Index(letter, s) for letter, s in zip(t.letters or "ijklm", t.shape, strict=False))
    template = Template("constant", free, value, ())
    return Tensor(
        f"d{t.name}", t.shape, "adjoint", definition=Definition(template, (), {}), auto=True, of=t,
        letters=tuple(i.letter for i in free),
    )  # fmt: skip


def vjp(layer: Tensor, wanted: Sequence[Tensor], *, name: str = "") -> Adjoints:
    """Return the adjoints of a layer without a loss, for a symbolic upstream named ``dy``.

    xbar[m] = sum_I dy[I] d y[I] / d x[m]
    """
    upstream = Tensor(name or f"d{layer.name}", layer.shape, "upstream", letters=layer.letters, auto=True, of=layer)
    return backprop(layer, wanted, upstream=upstream)


def actual_steps(contribution: Contribution, free: tuple[Index, ...]) -> list[Step]:
    """Return a pullback's lines over the actual tensors of the node, at the given free indices."""
    p, source = contribution.pullback, contribution.child
    assert source.definition is not None
    tensors: dict[Tensor, Tensor] = dict(zip(source.definition.template.slots, source.definition.args, strict=True))
    tensors[p.output] = source
    for formal, actual in zip(p.template.slots, contribution.definition.args, strict=True):
        tensors[formal] = actual
    env = {i: Ix(j) for i, j in zip(p.template.free, free, strict=True)}
    sizes = source.definition.sizes
    symbols = {f: from_sympy(s) for f, s in sizes.items()}
    names = {formal.name: actual.name for formal, actual in (*tensors.items(), *source.parts.items())}
    return [
        Step(
            substitute(step.tree, indices=env, tensors=tensors, sizes=sizes, symbols=symbols),
            tuple(renamed(rule, names) for rule in step.rules),
        )
        for step in p.derived.steps
    ]


def formula(tensor: Tensor) -> tuple[tuple[Index, ...], Tree]:
    """Return an adjoint's free indices and formula over its actual arguments."""
    assert tensor.definition is not None
    free = tuple(Index(letter, s) for letter, s in zip(tensor.letters, tensor.shape, strict=True))
    return free, unfold(entry_of(tensor, free))
