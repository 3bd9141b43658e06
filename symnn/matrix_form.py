"""MatrixForm: a result in matrix notation and in a declared layout of the batch; it shows and checks itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from symnn.algebra.layouts import LAYOUTS, laid_out
from symnn.algebra.matrix_terms import Matrix
from symnn.graph.flow import FlowGraph
from symnn.ground.errors import DefinitionError
from symnn.ground.indices import Index
from symnn.ground.sizes import as_size
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Tree
from symnn.show.matrix_notation import matrix_latex, matrix_text
from symnn.verify.matrices import check_lifting
from symnn.verify.record import Check

__all__ = ["MatrixForm", "matrix_form"]


@dataclass(frozen=True)
class MatrixForm:
    """A result in matrix notation.

    Attributes:
        term: the matrix expression.
        layout: rows, columns or examples.
        tree: the index expression it was lifted from, in the free indices ``free``.
    """

    term: Matrix
    layout: str
    tree: Tree
    free: tuple[Index, ...]

    @property
    def text(self) -> str:
        """The form as text that NumPy runs."""
        return matrix_text(self.term)

    @property
    def latex(self) -> str:
        """The form in LaTeX."""
        return matrix_latex(self.term)

    def check(self, *, count: int = 4) -> Check:
        """Return whether the form has the values of the index expression, in this layout's order of axes."""
        sizes = tuple(i.size for i in self.free)
        turned = self.layout == "columns" and len(sizes) == 2 and self.term.shape == sizes[::-1]
        square = turned and sizes[0] == sizes[1]
        if square:
            return Check("not run", "both axes have the same size, so its layout cannot be told")
        return check_lifting(self.term, self.tree, self.free[::-1] if turned else self.free, count=count)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"


def matrix_form(tree: Tree, free: tuple[Index, ...], layout: str, batch: Any, given: Iterable[Tensor]) -> MatrixForm:
    """Return a formula's matrix form in a layout.

    Args:
        tree: the index expression.
        free: its free indices.
        layout: "rows", "columns" or "examples".
        batch: the size that counts the examples; None to read it from the data.
        given: tensors that the formula is about; their leaves that are data tell the batch.

    Raises:
        DefinitionError: no such layout, or it is not clear what counts the examples.
        NotLifted: there is no matrix form; the message says what stands in the way.
    """
    if layout not in LAYOUTS:
        raise DefinitionError(f"A layout is one of {', '.join(LAYOUTS)}, found {layout!r}.")
    if layout != "rows":
        batch = _batch(tuple(given)) if batch is None else as_size(batch)
    return MatrixForm(laid_out(tree, free, layout, batch), layout, tree, free)


def _batch(given: tuple[Tensor, ...]) -> Any:
    """Return the size of the first axis that all data share."""
    data = [t for t in FlowGraph(given).order if t.definition is None and t.role in ("input", "label")]
    firsts = {t.shape[0] if t.shape else None for t in data}
    if len(firsts) == 1 and any(t.rank > (t.classes is None) for t in data):
        (size,) = firsts
        return size
    names = ", ".join(t.name for t in data) or "there are none"
    raise DefinitionError(
        f"It is not clear which axis counts the examples: the data ({names}) share no first axis. Say which size does, "
        'for example in_layout("columns", batch=N); vectors of a single example are columns as they are.'
    )
