"""Case: a forward pass with its gradients typed by hand, the guises they come in, and the slips that people make."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import symnn as sn
from symnn.graph.flow import FlowGraph
from symnn.verify.points import symbols_of

__all__ = [
    "ALSO", "SLIPS", "Case", "Right", "Symbolic", "Tex", "Wrong", "given", "guise_of", "lowered", "speaking", "sym",
    "tex",
]  # fmt: skip

#: Kinds of slips, each with the kinds of diagnosis that name it.
SLIPS: dict[str, frozenset[str]] = {
    word: frozenset(kinds.split())
    for word, kinds in {
        "sign": "sign",
        "constant": "factor sum-for-mean mean-for-sum",
        "mean": "sum-for-mean mean-for-sum",
        "batch": "batch-sum",
        "transpose": "transpose shape axis",
        "missing factor": "factor mask other",
        "extra factor": "factor mask",
        "mask": "mask factor other",
        "at output": "derivative-at-output instead",
        "elementwise": "elementwise",
        "path": "path term other",
        "eps": "eps",
        "N-1": "n-minus-one",
        "axis": "sum index elementwise batch-sum axis transpose",
        "index": "index off-by-one",
        "overwrite": "sum path term overwrite batch-sum",
        "onehot": "onehot",
        "layout": "transpose",
        "precision": "precision",
        "exponent": "exponent",
        "function": "function",
        "instead": "instead other",
    }.items()
}
#: What may stand beside a right diagnosis: what was left out or doubled may have held a constant.
ALSO = {
    slip: frozenset(("factor", "sum-for-mean", "mean-for-sum", "sign"))
    for slip in ("missing factor", "extra factor", "mask")
}


@dataclass(frozen=True)
class Tex:
    """A formula in LaTeX, made a candidate where symnn reads LaTeX."""

    text: str
    layout: str = "auto"


def tex(text: str, layout: str = "auto") -> Tex:
    return Tex(text, layout)


@dataclass(frozen=True, eq=False)
class Symbolic:
    """A SymPy expression: ``make(T)`` is a function of the gradient's indices, T holds tensors and sizes by name."""

    make: Callable[[Mapping[str, Any]], Callable[..., Any]]


def sym(make: Callable[[Mapping[str, Any]], Callable[..., Any]]) -> Symbolic:
    return Symbolic(make)


@dataclass(frozen=True, eq=False)
class Right:
    """A right gradient by ``wrt``; the first text of each is the reference, typed by hand."""

    wrt: str
    candidate: Any


@dataclass(frozen=True, eq=False)
class Wrong:
    """A gradient with one slip in it.

    Attributes:
        slip: the kind of slip, one of SLIPS.
        wrt: by what was differentiated.
        candidate: text, LaTeX, an expression or a function.
        words: what a right diagnosis must say, each a choice "a|b".
        kinds: the kinds of diagnosis that name this slip.
        maker: "hand", or what the mutator did.
    """

    slip: str
    wrt: str
    candidate: Any
    words: tuple[str, ...]
    kinds: frozenset[str]
    maker: str = "hand"


@dataclass
class Case:
    """A forward pass and candidates for its gradients.

    Attributes:
        name: what is differentiated.
        build: makes the forward pass: a network, or a layer, whose upstream gradient is called dy.
        source: where the gradient stands, or "algebra" for one worked out by hand.
        inner: gradients of intermediate values that candidates may name, as texts.
    """

    name: str
    build: Callable[[], Any]
    source: str = "algebra"
    inner: dict[str, str] = field(default_factory=dict)
    rights: list[Right] = field(default_factory=list)
    wrongs: list[Wrong] = field(default_factory=list)

    def right(self, wrt: str, *candidates: Any) -> None:
        """Add right gradients by a tensor; the first one of each tensor is a text."""
        self.rights += [Right(wrt, c) for c in candidates]

    def wrong(self, slip: str, wrt: str, candidate: Any, *words: str, kinds: str = "") -> None:
        """Add a gradient with one slip; ``kinds`` are further kinds of diagnosis that name it."""
        self.wrongs.append(Wrong(slip, wrt, candidate, words, SLIPS[slip] | frozenset(kinds.split())))

    def reference(self, wrt: str) -> str:
        """Return the first text of a gradient."""
        return next(r.candidate for r in self.rights if r.wrt == wrt)

    @property
    def asked(self) -> list[str]:
        """By what is differentiated."""
        return list(dict.fromkeys(r.wrt for r in self.rights))


def guise_of(candidate: Any) -> str:
    """Return what a candidate is written as."""
    if isinstance(candidate, Tex):
        return "LaTeX"
    if isinstance(candidate, Symbolic):
        return "SymPy"
    if isinstance(candidate, str):
        if "einsum" in candidate:
            return "einsum"
        if "sum_" in candidate or "] =" in candidate:
            return "indices"
        return "several lines" if "\n" in candidate else "matrices"
    return "NumPy loops" if "range" in inspect.getsource(candidate) else "NumPy"


def speaking(forward: Any) -> dict[str, Any]:
    """Return the tensors and the symbols of a forward pass by name."""
    output = forward.loss if isinstance(forward, sn.Network) else forward
    graph = FlowGraph((output,))
    symbols = symbols_of(graph)
    return {s.name: s for s in (*symbols.scalars, *symbols.sizes)} | {t.name: t for t in graph.order}


def given(candidate: Any, forward: Any) -> Any:
    """Return a candidate as ``sn.check_gradient`` takes it."""
    if isinstance(candidate, Tex):
        return sn.latex(candidate.text, layout=candidate.layout)
    return candidate.make(speaking(forward)) if isinstance(candidate, Symbolic) else candidate


def lowered(case: Case) -> None:
    """Add the first right NumPy function of a case with its arguments in single precision: a slip in precision."""
    for r in case.rights:
        if callable(r.candidate):
            f = r.candidate

            @functools.wraps(f)
            def single(*, _f: Callable[..., Any] = f, **given: Any) -> Any:
                given = {k: v.astype(np.float32) if np.ndim(v) and v.dtype.kind == "f" else v for k, v in given.items()}
                return np.asarray(_f(**given), dtype=float)

            case.wrongs.append(Wrong("precision", r.wrt, single, (), SLIPS["precision"], "arguments in float32"))
            return
