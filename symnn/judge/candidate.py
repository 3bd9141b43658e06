"""What may be judged: a formula as text, LaTeX, a SymPy expression, or code; each read into one of two forms."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.derivation import Derivation
from symnn.ground.errors import DefinitionError, ShapeError, SymnnError
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree
from symnn.judge.code import Code, function_of
from symnn.judge.truth import Truth
from symnn.language.escapes import escaped
from symnn.language.latex_meaning import read_latex
from symnn.language.reading import Reading, read_formula
from symnn.language.syntax import FormulaError, MismatchError
from symnn.show.latex_notation import latex as tree_latex
from symnn.show.letters import named
from symnn.show.text_notation import text as tree_text

__all__ = ["Formula", "Latex", "Mismatched", "Unreadable", "latex", "one_per_line", "read_candidate"]


def one_per_line(text: str) -> str:
    """Return a formula with its lines as they are, single spaces in them, and nothing hidden."""
    return escaped("\n".join(line for line in (" ".join(part.split()) for part in text.splitlines()) if line))


class Unreadable(SymnnError):
    """A candidate that cannot be judged; the message says why."""


class Mismatched(SymnnError):
    """A formula whose shapes do not fit: it has no value, and so is wrong.

    Attributes:
        text: the formula; ``plain`` where it is one in the language of formulas.
    """

    def __init__(self, message: str, text: str, plain: bool) -> None:
        super().__init__(message)
        self.text, self.plain = text, plain


@dataclass(frozen=True)
class Latex:
    """A formula in LaTeX, made by ``latex(...)``."""

    text: str
    layout: str = "auto"


def latex(text: str, *, layout: str = "auto") -> Latex:
    r"""Return a formula in LaTeX as a candidate, ``latex(r"(p - e(y)) h^{(1)\top}")``.

    Args:
        text: the formula as it stands in notes or a paper; a left-hand side is dropped.
        layout: "rows", examples are rows of a matrix; "columns", they are columns; "auto", what fits.

    Raises:
        DefinitionError: it is no text, or there is no such layout.
    """
    if not isinstance(text, str) or layout not in ("auto", "rows", "columns"):
        raise DefinitionError('latex() takes a text, and a layout "auto", "rows" or "columns".')
    return Latex(text, layout)


@dataclass(frozen=True)
class Formula:
    """A candidate as an index expression.

    Attributes:
        reading: its entry, at the gradient's indices where its shape fits.
        shown: the formula as text, and ``tex`` in LaTeX.
        source: the text that was typed, where it is in the language of formulas.
    """

    reading: Reading
    shown: str
    tex: str
    source: str = ""


def read_candidate(candidate: Any, truth: Truth) -> Formula | Code:
    """Return a candidate as a formula or as code.

    Raises:
        Unreadable: it is neither, or says something that is not known; the message says what.
        Mismatched: its shapes do not fit.
    """
    try:
        return _read(candidate, truth)
    except MismatchError as error:
        text = candidate if isinstance(candidate, str) else getattr(candidate, "text", "")
        raise Mismatched(str(error), text, isinstance(candidate, str)) from error
    except (FormulaError, ShapeError, DefinitionError) as error:
        raise Unreadable(str(error)) from error


def _read(candidate: Any, truth: Truth) -> Formula | Code:
    if isinstance(candidate, Code):
        return candidate
    if isinstance(candidate, str):
        reading = read_formula(candidate, truth.scope, truth.free)
        return Formula(reading, one_per_line(candidate), _tex(reading.tree, reading), candidate)
    if isinstance(candidate, Latex):
        reading = read_latex(candidate.text, truth.scope, truth.free, layout=candidate.layout)
        return Formula(reading, _text(reading.tree, reading), _tex(reading.tree, reading))
    if isinstance(candidate, Derivation):
        return _symbolic(candidate.formula if candidate.free == truth.free else candidate.result, truth)
    if isinstance(candidate, Tensor):
        own = Reading(truth.free, truth.derivation.as_tree(candidate), True)
        return Formula(own, _text(own.tree, own), _tex(own.tree, own))
    if isinstance(candidate, sympy.Basic | int | float | Tree):
        return _symbolic(candidate, truth)
    if callable(candidate):
        return _callable(candidate, truth)
    found = type(candidate).__name__
    raise Unreadable(f"A candidate is a formula as text, latex(...), a SymPy expression or a function, found {found}.")


def _symbolic(candidate: Any, truth: Truth) -> Formula:
    tree = truth.derivation.as_tree(candidate)
    reading = Reading(truth.free, tree, True)
    return Formula(reading, _text(tree, reading), _tex(tree, reading))


def _callable(candidate: Callable[..., Any], truth: Truth) -> Formula | Code:
    """Return a function of arrays as code, one of the gradient's indices as a formula."""
    try:
        parameters = [p for p in inspect.signature(candidate).parameters.values()]
    except (TypeError, ValueError):
        return function_of(candidate)
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = [truth.scope.find(p.name) for p in plain]
    arrays = any(k is not None and k.tensor is not None for k in known) or any(
        p.kind == p.VAR_KEYWORD for p in parameters
    )
    if not arrays and len(plain) == len(truth.free) and plain and not hasattr(candidate, "forward"):
        made = candidate(*truth.free)
        if any(made is i for i in truth.free):
            raise Unreadable(
                f"{getattr(candidate, '__name__', 'the function')}({', '.join(p.name for p in plain)}) takes no names "
                "that are known here, and so was called with the gradient's indices; it returned one of them. Name its "
                "arguments like the tensors, or wrap code in the courses' style as sn.course(...)."
            )
        return _symbolic(candidate, truth)
    return function_of(candidate)


def _text(tree: Tree, reading: Reading) -> str:
    return tree_text(tree, letters=named(tree, free=reading.free))


def _tex(tree: Tree, reading: Reading) -> str:
    return tree_latex(tree, letters=named(tree, free=reading.free))
