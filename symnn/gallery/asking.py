"""What rows ask for again and again: a layer's pullback, the values below a tensor, a result at other indices."""

from __future__ import annotations

from typing import Any

from symnn.derivation import Derivation
from symnn.graph.flow import FlowGraph
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tensors import Tensor
from symnn.network import vjp
from symnn.show.latex_notation import tensor_latex

__all__ = ["computed", "pulled_back", "result_at"]


def pulled_back(output: Tensor, wrt: Tensor) -> tuple[Derivation, Tensor]:
    """Return the gradient by ``wrt`` of any loss of ``output``, and that loss's gradient at ``output``, with a bar."""
    d = vjp(output, wrt, upstream=f"d{output.name}")
    up = d.upstream
    assert up is not None
    up.latex = rf"\overline{{{tensor_latex(output)}}}"
    return d, up


def computed(*outputs: Tensor) -> dict[str, Tensor]:
    """Return the computed tensors that some outputs are made of, themselves among them, by name."""
    return {t.name: t for t in FlowGraph(outputs) if t.definition is not None}


def result_at(d: Derivation, *at: Any) -> Any:
    """Return a derivation's result, a SymPy expression, with its free indices replaced in order."""
    return to_sympy(substitute(d.formula, indices={i: from_sympy(j) for i, j in zip(d.free, at, strict=True)}))
