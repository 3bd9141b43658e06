r"""From LaTeX to index notation: columns for one example, rows or columns for a batch, whichever fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from symnn.ground.errors import DefinitionError, ShapeError, SymnnError, UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.tree import Tree, children
from symnn.language.arrays import Array
from symnn.language.latex_gradients import Gradients
from symnn.language.latex_names import Names
from symnn.language.latex_page import parse_latex
from symnn.language.latex_placing import alike, placed
from symnn.language.latex_products import Diagonal, open_sizes
from symnn.language.latex_syntax import (
    Applied,
    Called,
    Cases,
    Fraction,
    Function,
    Gradient,
    Hadamard,
    Indexed,
    Indicator,
    Inner,
    Named,
    Norm,
    Ones,
    Page,
    Product,
    Raised,
    Summed,
    Terms,
)
from symnn.language.reading import Reading
from symnn.language.scope import Scope
from symnn.language.syntax import Binary, Compare, FormulaError, MismatchError, Node, Number, Transposed, Unary

__all__ = ["LAYOUTS", "LatexMeaning", "read_latex"]

LAYOUTS = ("rows", "columns", "examples")
_HOT_ROWS = "columns, labels as rows"
_SAID = {
    "columns": "examples are read as columns",
    "columns, labels as rows": "examples are read as columns, one-hot vectors as rows",
    "examples": "the formula is read for one example, as columns",
}
#: More parts than these are refused: what is written short may stand for much.
_LARGEST = 12_000


def read_latex(text: str, scope: Scope, free: Sequence[Index], *, layout: str = "auto") -> Reading:
    r"""Return the entry of a formula in LaTeX at the indices asked for.

    Args:
        text: the formula, ``W^{(2)\top} \delta^{(2)} \odot g'(a^{(1)})``; a left-hand side may stand before it.
        scope: what names mean.
        free: the indices of what it is a candidate for, each with its range.
        layout: how the examples of a batch are held: "rows", "columns", "examples" for a formula that speaks of one
            example, or "auto" for the first of these in which the shape fits.

    Raises:
        FormulaError: it cannot be read; the message points at the place.
        MismatchError: one of those, where shapes do not fit.

    >>> import symnn as sn
    >>> x, y = sn.input("x", sn.dims("D")), sn.input("y", sn.dims("H"))
    >>> net = sn.Network(sn.mse(sn.dense(x, sn.dims("H"), name="1"), y))
    >>> scope = Scope.of(net.graph, gradients={a.name: a for a in net.adjoints().of.values()})
    >>> i, j = Index("i", sn.dims("H")), Index("j", sn.dims("D"))
    >>> from symnn.show.latex_notation import latex
    >>> latex(read_latex(r"\nabla_{W^{(1)}} \ell = \delta^{(1)} x^\top", scope, (i, j)).tree)
    '\\delta^{(1)}_{i} x_{j}'
    """
    if layout not in ("auto", *LAYOUTS):
        raise ValueError(f"layout is auto, rows, columns or examples, found {layout!r}")
    names = Names(scope)
    try:
        page = parse_latex(text, names)
        return _Layouts(text, scope, names, page, tuple(free)).best(layout)
    except RecursionError:
        raise FormulaError("the formula is nested too deeply.", text, 0) from None


class _Layouts:
    """The readings of one formula, by how the examples of a batch are held."""

    def __init__(self, text: str, scope: Scope, names: Names, page: Page, free: tuple[Index, ...]) -> None:
        self.text, self.scope, self.names, self.page, self.free = text, scope, names, page, free

    def best(self, layout: str) -> Reading:
        batch = self.names.batch()
        if layout != "auto" or batch is None:
            return self.given("rows" if layout == "auto" else layout, batch)
        found: dict[str, Reading] = {}
        errors: dict[str, FormulaError] = {}
        for way in (*LAYOUTS, _HOT_ROWS):
            try:
                found[way] = self.read(way, batch)
            except FormulaError as error:
                errors[way] = error
            if way != "rows" and any(reading.fits for reading in found.values()):
                break
        fitting = [way for way, reading in found.items() if reading.fits]
        if not fitting:
            return next(iter(found.values())) if found else self.refuse(errors)
        first, *others = fitting
        notes = [_SAID[first]] if first != "rows" else []
        if any(not alike(found[first].tree, found[other].tree, self.free) for other in others):
            notes.append(f"examples are read as {first}; read as {others[0]} the formula would mean something else")
        made = found[first]
        return replace(made, notes=(*notes, *made.notes))

    def given(self, layout: str, batch: Any) -> Reading:
        """Return the reading in one layout; where it does not fit, in the other way to write that layout.

        Labels may be one-hot rows where examples are columns, and one example may carry its index, x_n.
        """
        ways = {"columns": ("columns", _HOT_ROWS), "examples": ("rows", "examples")}.get(layout, (layout,))
        errors: list[FormulaError] = []
        found: list[Reading] = []
        for way in ways:
            try:
                found.append(self.read(way, batch))
            except FormulaError as error:
                errors.append(error)
            if found and found[-1].fits:
                return found[-1]
        if not found:
            raise errors[-1 if layout == "examples" else 0]
        return found[0]

    def refuse(self, errors: dict[str, FormulaError]) -> Reading:
        """Raise the error of the first reading, with those of the others where they differ."""
        plain = [errors[w] for w in ("rows", "columns") if not isinstance(errors[w], MismatchError)]
        first = plain[0] if plain else errors["rows"]
        other = errors["columns"]
        if plain or other.reason == first.reason:
            raise first
        hint = f"That is with examples in rows. With examples in columns: {other.reason}"
        raise MismatchError(first.reason, self.text, first.position, hint) from None

    def read(self, layout: str, batch: Any) -> Reading:
        meaning = LatexMeaning(self.scope, self.text, self.names, layout, batch)
        left = meaning.left(self.page)
        try:
            array = meaning.value(self.page.right)
            return placed(meaning, array, self.page, left, self.free)
        except FormulaError:
            raise
        except SymnnError as error:
            raise meaning.error(str(error), self.page.right) from None


class LatexMeaning(Gradients):
    """Follows one formula in LaTeX.

    Args:
        scope: what names mean.
        text: the formula, for messages.
        names: the names of the scope, as LaTeX writes them.
        layout: how the examples of a batch are held.
        batch: the size that counts them, or None.
    """

    def __init__(self, scope: Scope, text: str, names: Names, layout: str, batch: Any) -> None:
        super().__init__(Scope(scope.names, open_sizes(scope.sizes), nodes=False), text)
        self.names, self.batch = names, batch
        self.layout, self.hot_rows = ("columns", True) if layout == _HOT_ROWS else (layout, False)
        self.notes: list[str] = []
        self.loose: dict[str, Index] = {}
        self.hints: dict[Index, Any] = {}
        self.as_labels = False
        self.example = Index("n", batch) if batch is not None else None
        self._weights: dict[int, tuple[Tree, int]] = {}

    # -- parts -----------------------------------------------------------------------------------------------------

    def value(self, node: Node) -> Array:
        """Return what part of a formula stands for.

        Raises:
            FormulaError: shapes do not fit, or a name is not known.
        """
        try:
            out = _VALUES[type(node)](self, node)
        except ShapeError as error:
            raise self.misfit(str(error), node) from None
        except (DefinitionError, UnsupportedError) as error:
            raise self.error(str(error), node) from None
        at = out.at

        def weighed(q: tuple[Tree, ...]) -> Tree:
            tree = at(q)
            if self.weight(tree) > _LARGEST:
                raise self.error("this formula stands for too many parts.", node)
            return tree

        if isinstance(out, Diagonal):
            return Diagonal(out.shape, weighed, letters=out.letters, entries=out.entries)
        made = Array(out.shape, weighed, out.truth, out.classes, out.tensor, out.letters, out.value)
        if type(node) in _PARTIAL:
            self.parts.append(made)
        return made

    def weight(self, tree: Tree) -> int:
        """Return the number of parts of a tree, shared ones counted wherever they stand."""
        known = self._weights.get(id(tree))
        if known is not None:
            return known[1]
        out = 1 + sum(self.weight(p) for p in children(tree))
        self._weights[id(tree)] = (tree, out)
        return out

    def left(self, page: Page) -> tuple[str, ...] | None:
        """Return the index letters of the left-hand side, noted as free; None where there is none to go by."""
        for letter in page.letters:
            self.loose[letter] = Index(letter)
        if page.left is None:
            return None
        self.note(f"the left-hand side {self.text_of(page.left)}{self.meant_by(page.left)} was dropped")
        self.check_left(page.left)
        letters = self.letters_of(page.left)
        for letter in letters or ():
            self.loose.setdefault(letter, Index(letter))
        return letters


#: What may not be defined everywhere.
_PARTIAL = frozenset((Called, Applied, Function, Fraction, Raised))
_VALUES: dict[type, Callable[[LatexMeaning, Any], Array]] = {
    Number: LatexMeaning._number, Unary: LatexMeaning._unary, Binary: LatexMeaning._binary,
    Compare: LatexMeaning._compare, Transposed: LatexMeaning._transposed, Named: LatexMeaning._named,
    Applied: LatexMeaning._applied, Called: LatexMeaning._called, Function: LatexMeaning._function,
    Terms: LatexMeaning._terms, Product: LatexMeaning._product, Hadamard: LatexMeaning._hadamard,
    Fraction: LatexMeaning._fraction, Raised: LatexMeaning._raised, Indexed: LatexMeaning._entries,
    Norm: LatexMeaning._norm, Inner: LatexMeaning._inner, Summed: LatexMeaning._summed,
    Gradient: LatexMeaning._gradient, Ones: LatexMeaning._ones, Indicator: LatexMeaning._indicator,
    Cases: LatexMeaning._cases,
}  # fmt: skip
