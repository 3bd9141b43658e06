"""Pages about a whole network: every adjoint once, in the order of the backward pass, then what it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from symnn.derivation import Derivation, definition_line
from symnn.derive.backprop import Adjoints
from symnn.gradient import path_sections
from symnn.ground.tensors import Tensor
from symnn.network import Network
from symnn.section import Section
from symnn.show import Block, Document, Fold, Formula, Heading, Picture, Prose, Table
from symnn.show.latex_notation import tensor_latex

__all__ = ["backward_blocks", "forward_blocks", "gradients_brief", "gradients_page", "result_table"]


def forward_blocks(net: Network) -> tuple[Block, ...]:
    """Return the forward definitions, the only thing that was typed in."""
    rows = tuple(definition_line(t) for t in net.graph if t.definition is not None)
    return (Heading("Given: the forward pass", 1), *rows)


def backward_blocks(net: Network) -> tuple[Block, ...]:
    """Return the derivation of every adjoint, each in a fold that a reader may open."""
    adjoints = net.adjoints()
    out: list[Block] = [
        Heading("Derived: the backward pass", 1),
        Prose(
            "Each step applies one rule of calculus to the line before and is checked by machine: proved means "
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
    rows = [(f"${d.whole_latex()}$", f"$\\displaystyle {d.matrix_latex}$") for d in derivations.values()]
    named: dict[str, tuple[str, str]] = {}
    for d in derivations.values():
        for name, pair in d.definitions_latex().items():
            named.setdefault(name, pair)
    rows += [(f"${left}$", f"$\\displaystyle {right}$") for left, right in named.values()]
    return Table(("", "matrix form"), tuple(rows))


def gradients_page(
    net: Network, names: Sequence[str], *, checked: bool = True, plain: bool = False, picture: bool = False
) -> Document:
    """Return one page that derives several gradients: what they share stands once, all lines are numbered through.

    Args:
        net: the network.
        names: parameters, inputs or inner tensors.
        checked: prove every line.
        plain: headings in the letters of a terminal.
        picture: the graph, forward and backward, at the head.
    """
    derivations = {name: net.gradient(name) for name in names}
    adjoints = net.adjoints(names)
    blocks: list[Block] = [Picture(net.draw(backward=True), "forward and backward")] if picture else []
    blocks += [Heading("Given", 2), *(definition_line(t) for t in net.graph if t.definition is not None)]
    number = 0
    for t in adjoints.visited:
        for section in path_sections(adjoints, t) if t is not adjoints.output else ():
            blocks.append(Heading(section.plain if plain else section.title, 2))
            blocks.append(section.table(checked=checked, start=number, plain=plain))
            number += len(section.steps)
    blocks.append(Heading("Result" if len(names) == 1 else "Results", 2))
    for d in derivations.values():
        blocks += d.result_lines()
    blocks += _named(list(derivations.values()))
    sizes = ", ".join(s.name for s in net.sizes)
    what = names[0] if len(names) == 1 else "" if list(names) == list(net.parameters) else ", ".join(names)
    title = f"{net.title}: {'gradient' if len(names) == 1 else 'gradients'}" + (f" by {what}" if what else "")
    return Document(title, f"any sizes {sizes}" if sizes else "", tuple(blocks))


def _named(derivations: list[Derivation]) -> list[Formula]:
    """Return the named adjoints in matrix form, each once."""
    out: dict[str, Formula] = {}
    for d in derivations:
        plain = d.definitions()
        for name, (left, right) in d.definitions_latex().items():
            out.setdefault(name, Formula(f"{left} = {right}", text=f"{name} = {plain[name]}"))
    return list(out.values())


def gradients_brief(net: Network, names: Sequence[str]) -> str:
    """Return several gradients as a few lines of text: matrix form where there is one, then what they share."""
    derivations = [net.gradient(name) for name in names]
    shared = {name: value for d in derivations for name, value in d.definitions().items()}
    rows = {d.name: d.matrix for d in derivations}
    width = max(map(len, (*rows, *shared)), default=0)
    lines = [f"{net.title}: gradients of {net.loss.name}"]
    lines += [f"  {name:{width}} = {value}" for name, value in rows.items()]
    lines += ["where"] if shared else []
    lines += [f"  {name:{width}} = {value}" for name, value in reversed(shared.items())]
    return "\n".join(lines)
