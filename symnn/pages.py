"""Pages about a whole network: every adjoint once, in the order of the backward pass, then what it is made of."""

from __future__ import annotations

from symnn.derivation import Derivation, Section, path_sections
from symnn.derive.backprop import Adjoints
from symnn.ground.tensors import Tensor
from symnn.network import Network
from symnn.show import Block, Fold, Formula, Heading, Prose, Table
from symnn.show.latex_notation import definition_latex, tensor_latex

__all__ = ["backward_blocks", "forward_blocks", "result_table"]


def forward_blocks(net: Network) -> tuple[Block, ...]:
    """Return the forward definitions, the only thing that was typed in."""
    rows = tuple(Formula(definition_latex(t)) for t in net.graph if t.definition is not None)
    return (Heading("Given: the forward pass", 1), *rows)


def backward_blocks(net: Network) -> tuple[Block, ...]:
    """Return the derivation of every adjoint, each in a fold that a reader may open."""
    adjoints = net.adjoints()
    out: list[Block] = [
        Heading("Derived: the backward pass", 1),
        Prose(
            "Each step applies one rule of calculus to the line before and is checked by machine: *proved* means "
            "that the two lines have one canonical form for all sizes, derivatives still to be taken being taken "
            "there by another path."
        ),
    ]
    for t in adjoints.visited:
        sections = path_sections(adjoints, t)
        if sections:
            out.append(Fold(_summary(adjoints, t), _blocks(sections)))
    return tuple(out)


def _summary(adjoints: Adjoints, t: Tensor) -> str:
    adjoint = adjoints.of[t]
    kind = "gradient" if t.definition is None else "adjoint"
    return f"${tensor_latex(adjoint)}$, {kind} by ${tensor_latex(t)}$"


def _blocks(sections: list[Section]) -> tuple[Block, ...]:
    out: list[Block] = []
    for s in sections:
        out.append(Heading(s.title, 3))
        out.append(s.table())
    return tuple(out)


def result_table(derivations: dict[str, Derivation]) -> Table:
    """Return the gradients in matrix form and, beneath them, the named adjoints they are built from."""
    rows = [(f"${d.whole_latex()}$", f"${d.matrix_latex}$") for d in derivations.values()]
    named: dict[str, tuple[str, str]] = {}
    for d in derivations.values():
        for name, pair in d.definitions_latex().items():
            named.setdefault(name, pair)
    rows += [(f"${left}$", f"${right}$") for left, right in named.values()]
    return Table(("", "matrix form"), tuple(rows))
