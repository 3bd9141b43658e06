"""From an adjoint graph to a derivation: the sections of each adjoint on the way, in the order of the backward pass."""

from __future__ import annotations

from symnn.derivation import Derivation
from symnn.derive.backprop import Adjoints, actual_steps, formula
from symnn.graph.flow import FlowGraph
from symnn.ground.indices import Index
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import tensors_in
from symnn.section import Section
from symnn.show.latex_notation import tensor_latex
from symnn.show.names import tensor_text

__all__ = ["of_gradient", "path_sections"]


def of_gradient(adjoints: Adjoints, wrt: Tensor) -> Derivation:
    """Return the derivation of an output's gradient by one tensor, from its adjoint graph."""
    target = adjoints.of[wrt]
    output = adjoints.output
    free, tree = formula(target)
    graph = FlowGraph((output,))
    path = _on_path(graph, wrt)
    sections: list[Section] = []
    for t in adjoints.visited:
        if t in path and t is not output:
            sections.extend(path_sections(adjoints, t))
    given = tuple(t for t in graph.order if t.definition is not None and (t in path or t is output))
    given = tuple(u for t in given for u in (t, *_named_parts(t, sections)))
    what = "Vector-Jacobian product" if output.rank else "Gradient"
    title = f"{what} of {output.name} by {wrt.name}"
    return Derivation(title, target.name, free, tree, sections, given, target, output, wrt, adjoints.upstream)


def _named_parts(t: Tensor, sections: list[Section]) -> tuple[Tensor, ...]:
    """Return the parts of a definition that the lines speak of, and those that they are computed from."""
    seen = {u for s in sections for step in s.steps for u in tensors_in(step.tree) if u.of is t}
    made = {u: None for u in t.parts.values() if u in seen}
    for u in list(made):
        made |= dict.fromkeys(v for v in FlowGraph((u,)).order if v.of is t and v.role == "value")
    return tuple(sorted(made, key=list(t.parts.values()).index))


def _on_path(graph: FlowGraph, wrt: Tensor) -> set[Tensor]:
    found = {wrt}
    for t in graph.order:
        if t.definition is not None and any(p in found for p in t.definition.args):
            found.add(t)
    return found


def path_sections(adjoints: Adjoints, t: Tensor) -> list[Section]:
    """Return the sections that derive one tensor's adjoint: one per use, then how they are put together."""
    out: list[Section] = []
    adjoint = adjoints.of.get(t)
    if adjoint is None:
        return out
    name, shown = tensor_latex(adjoint), tensor_text(adjoint)
    combined = adjoints.combined.get(t, [])
    for contribution in adjoints.contributions.get(t, []):
        free = tuple(Index(letter, s) for letter, s in zip(t.letters or adjoint.letters, t.shape, strict=True))
        title = (
            f"${name} = \\partial {tensor_latex(adjoints.output)} / \\partial {tensor_latex(t)}$, "
            f"through ${tensor_latex(contribution.child)}$"
        )
        plain = f"{shown} = ∂{adjoints.output.name}/∂{t.name}, through {contribution.child.name}"
        gives = None if combined else unfold(entry_of(adjoint, free))
        lines = actual_steps(contribution, free)
        out.append(Section(title, lines, contribution.pullback.derived, plain, gives, contribution.memo))
    for note in combined:
        gives = unfold(entry_of(adjoint, note.free)) if note is combined[-1] else None
        title, plain = f"${name}$, put together", f"{shown}, put together"
        out.append(Section(title, note.derived.steps, None, plain, gives, note.memo))
    return out
