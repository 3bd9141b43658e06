"""Derivatives of typed expressions, without a network: the lecture's lines, d/da_c of -log f_y."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symnn.derivation import Derivation
from symnn.derive.differentiate import differentiate
from symnn.derive.simplify import simplify
from symnn.derive.tidy import clean
from symnn.ground.define import typed
from symnn.ground.errors import DefinitionError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Tree, free_indices, tensors_in
from symnn.section import Section
from symnn.show.latex_notation import latex
from symnn.show.text_notation import text

__all__ = ["derivative"]


def derivative(
    expression: Any, by: Any, *, keep: Sequence[Tensor] = (), collect: int = 2, title: str = ""
) -> Derivation:
    """Return the derivation of an expression's derivative by one tensor entry, ``derivative(-log(f[y[()]]), a[c])``.

    Args:
        expression: a SymPy index expression; computed tensors in it are opened on the way and folded back.
        by: one entry of a tensor, ``a[c]``.
        keep: further computed tensors to fold back in, besides those in the expression.
        collect: gather terms at the end if that saves at least this much of printed cost; the default keeps the
            lecture's last line as it comes out of factoring.
        title: its heading; by default the question itself.

    Raises:
        DefinitionError: ``by`` is not a tensor entry.
    """
    body, wrt = from_sympy(expression), from_sympy(by)
    if not isinstance(wrt, Entry):
        raise DefinitionError(f"The derivative is taken by one tensor entry, found {by}.")
    loose = tuple(dict.fromkeys((*free_indices(body), *free_indices(wrt))))
    free, question = typed("derivative", loose, D(body, wrt))
    assert isinstance(question, D)
    record = differentiate(question)
    opened = [t for t in (*tensors_in(question.body), *keep) if t.definition is not None]
    simplify(record, [_named(t) for t in dict.fromkeys(opened)], collect=collect)
    result: Tree = clean(record.result)
    heading = title or f"$\\displaystyle {latex(question)}$"
    section = Section(heading, record.steps, record)
    return Derivation(title or text(question), "derivative", free, result, [section], tuple(dict.fromkeys(opened)))


def _named(t: Tensor) -> tuple[Tensor, tuple[Index, ...], Tree]:
    assert t.definition is not None
    free = tuple(Index(i.letter, s) for i, s in zip(t.definition.template.free, t.shape, strict=True))
    return t, free, unfold(entry_of(t, free))
