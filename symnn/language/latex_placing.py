"""The last step of reading LaTeX: the axes and index letters of a formula are put in the order asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

from symnn.ground.define import typed
from symnn.ground.errors import ShapeError, SymnnError
from symnn.ground.indices import Index
from symnn.ground.ranges import read_ranges
from symnn.ground.substitute import substitute
from symnn.ground.tree import (
    Add,
    Delta,
    Entry,
    Ix,
    Neg,
    Sum,
    Sym,
    Tree,
    children,
    depends_on,
    free_indices,
    num,
    rebuild,
    walk,
)
from symnn.language.arrays import ONE, Array
from symnn.language.latex_entries import Entries
from symnn.language.latex_products import is_open, turned
from symnn.language.latex_syntax import Page
from symnn.language.reading import Reading
from symnn.language.syntax import FormulaError, MismatchError, Transposed

__all__ = ["alike", "placed"]

_SPARE = "ijklmnopqrstuvw"


def placed(m: Entries, array: Array, page: Page, left: tuple[str, ...] | None, free: tuple[Index, ...]) -> Reading:
    """Return what a formula stands for at the indices asked for, or at its own where the shape differs.

    Raises:
        FormulaError: it is not clear which of its indices is which, or one has no range.
    """
    return _Placing(m, page, free).reading(array, left)


class _Placing:
    def __init__(self, m: Entries, page: Page, free: tuple[Index, ...]) -> None:
        self.m, self.page, self.free, self.text = m, page, free, m.text
        self.example = m.example if m.layout == "examples" else None
        self.batched = m.batch is not None and len(free) > 0 and free[0].size == m.batch
        #: the indices of one example's part of what is asked for
        self.wanted = free[1:] if self.example is not None and self.batched else free

    def error(self, reason: str, hint: str = "") -> FormulaError:
        return FormulaError(reason, self.text, self.page.right.span[0], hint)

    def reading(self, array: Array, left: tuple[str, ...] | None) -> Reading:
        if self.m.layout == "columns" and self.batched and len(self.free) == 2:
            array = turned(array)
        if isinstance(self.page.left, Transposed):
            self.m.note("the left-hand side is a transpose, so the right-hand side is transposed, too")
            array = turned(array)
        if self.m.loose:
            return self.by_letters(array, left)
        if array.value is not None:
            return self.finished(self.wanted, array.at(()), True)
        at = self.aligned(array)
        if at is not None:
            return self.finished(self.wanted, array.at(at), True)
        own = self.axes(array)
        return self.finished(own, array.at(self.spot(array, own)), False)

    # -- axes ------------------------------------------------------------------------------------------------------

    def aligned(self, array: Array) -> tuple[Tree, ...] | None:
        """Return the position of an entry where the shape is the one asked for, but for axes of size 1."""
        if len(self.wanted) == array.rank == 2:  # a row is no column
            if not all(self.m.meet(s, i.size) for s, i in zip(array.shape, self.wanted, strict=True)):
                return None
        theirs = [i for i in self.wanted if i.size != ONE]
        mine = [n for n in range(array.rank) if self.m.sizes.find(array.shape[n]) != ONE]
        kept = dict(self.m.sizes.bound)
        if len(mine) == len(theirs) and all(
            self.m.meet(array.shape[n], i.size) for n, i in zip(mine, theirs, strict=True)
        ):
            return self.spot(array, theirs)
        self.m.sizes.bound = kept
        return None

    def axes(self, array: Array) -> tuple[Index, ...]:
        """Return indices of its own for the axes of an array that are not of size 1."""
        out: list[Index] = []
        for n, size in enumerate(self.m.shape(array)):
            if size == ONE:
                continue
            if is_open(size):
                raise self.error("how long is this vector of ones? No neighbour says so.", "Write \\mathbf{1}_N.")
            letter = array.letter(n)
            taken = {i.letter for i in out} | set(self.m.loose)
            out.append(Index(letter if letter not in taken else next(c for c in _SPARE if c not in taken), size))
        return tuple(out)

    def spot(self, array: Array, own: Sequence[Index]) -> tuple[Tree, ...]:
        """Return the position with given indices on the axes that are not of size 1."""
        given = iter(own)
        return tuple(num(0) if s == ONE else Ix(next(given)) for s in self.m.shape(array))

    # -- letters ---------------------------------------------------------------------------------------------------

    def by_letters(self, array: Array, left: tuple[str, ...] | None) -> Reading:
        """Return an entry written with index letters; axes that are left come after them."""
        axes = self.axes(array)
        tree = array.at(self.spot(array, axes))
        used = free_indices(tree)
        letters = {k: i for k, i in self.m.loose.items() if k not in self.m.optional or i in used}
        own = (*letters.values(), *axes)
        if not own:
            return self.finished((), tree, not self.wanted)
        if left:
            more = [k for k in letters if k not in left and k not in self.page.letters]
            if more:
                raise self.error(
                    f"{', '.join(more)} is neither on the left-hand side nor summed over.", "Sum over it, \\sum_{..}."
                )
        if len(own) != len(self.wanted):
            mine = ", ".join(i.letter for i in own)
            theirs = ", ".join(i.letter for i in self.wanted) or "none"
            raise self.error(f"this has the indices {mine}; the gradient has {theirs}.", "Sum over the others.")
        declared = bool(letters) and set(letters) == set(self.page.letters)
        own = self.ordered(own, tree, named=bool(left) or declared)
        own, tree = self.given_sizes(own, tree)
        fits = tuple(i.size for i in self.typed(own, tree)[0]) == tuple(i.size for i in self.wanted)
        return self.finished(own, tree, fits)

    def ordered(self, own: tuple[Index, ...], tree: Tree, *, named: bool) -> tuple[Index, ...]:
        """Return the indices of a formula in the order of those asked for: by the left-hand side, letter or size."""
        wanted = [i.letter for i in self.wanted]
        letters = [i.letter for i in own]
        natural = (
            len(own) > sum(i in own for i in self.m.loose.values()) and not named
        )  # x_n: the example first, then what is left
        if named or len(own) == 1:
            return own
        if sorted(letters) == sorted(wanted) and len(set(letters)) == len(letters):
            return tuple(own[letters.index(letter)] for letter in wanted)
        ranges = self.ranges(tree)
        sizes = [ranges.get(i, i.size) for i in own]
        if natural and all(s in (None, i.size) for s, i in zip(sizes, self.wanted, strict=True)):
            return own
        fitting = [
            p for p in permutations(range(len(own)))
            if all(sizes[k] is None or sizes[k] == i.size for k, i in zip(p, self.wanted, strict=True))
        ]  # fmt: skip
        if len(fitting) == 1:
            self.m.note(f"which index is which follows from the sizes: {', '.join(letters[k] for k in fitting[0])}")
            return tuple(own[k] for k in fitting[0])
        if not fitting:
            return own
        mine = ", ".join(letters)
        raise self.error(
            f"which axis is which? The gradient's indices are {', '.join(wanted)}, those of the formula {mine}.",
            f"Say so on the left: \\frac{{\\partial \\ell}}{{\\partial W_{{{mine}}}}} = ...",
        )

    def ranges(self, tree: Tree) -> dict[Index, Any]:
        """Return the sizes of the axes that indices stand on alone."""
        try:
            return {i: size for i, (size, _) in read_ranges("the formula", tree).items()}
        except SymnnError as error:
            raise self.said(error) from None

    def said(self, error: SymnnError) -> FormulaError:
        """Return an error of index notation as one of the formula."""
        kind = MismatchError if isinstance(error, ShapeError) else FormulaError
        return kind(str(error).removeprefix("In node 'the formula': "), self.text, self.page.right.span[0])

    def given_sizes(self, own: tuple[Index, ...], tree: Tree) -> tuple[tuple[Index, ...], Tree]:
        """Give a range to indices that stand on no axis: that of what is asked for, or of labels they are equal to."""
        ranges = self.ranges(tree)
        made: dict[Index, Index] = {}
        for n, i in enumerate(own):
            if i not in ranges and i.size is None and len(own) == len(self.wanted):
                made[i] = i.fresh(self.wanted[n].size)
        return tuple(made.get(i, i) for i in own), _renamed(tree, made)

    # -- the end ---------------------------------------------------------------------------------------------------

    def typed(self, own: tuple[Index, ...], tree: Tree) -> tuple[tuple[Index, ...], Tree]:
        free = own if self.example is None else (self.example, *own)
        known = {i: size for i, size in self.m.hints.items() if i.size is None}
        if known:
            ranges = self.ranges(tree)
            made = {i: i.fresh(size) for i, size in known.items() if i not in ranges}
            free, tree = tuple(made.get(i, i) for i in free), _renamed(tree, made)
        try:
            return typed("the formula", free, tree)
        except SymnnError as error:
            raise self.said(error) from None

    def check_deltas(self, tree: Tree) -> None:
        """Check that indices that are compared run over one axis: a Kronecker delta of others is none."""
        for at in walk(tree):
            if isinstance(at, Delta):
                one, two = (_range(p) for p in (at.left, at.right))
                if one is not None and two is not None and one != two:
                    raise self.error(
                        f"{_letter(at.left)} over {one} is compared with {_letter(at.right)} over {two}.",
                        "A Kronecker delta takes two indices of one axis.",
                    )

    def finished(self, own: tuple[Index, ...], tree: Tree, fits: bool) -> Reading:
        """Return a reading with every bound index fresh; of what is meant for one example the sum, or each one."""
        if any(is_open(s) for at in walk(tree) if isinstance(at, Sum) for s in [at.index.size] if s is not None):
            raise self.error("how long is this vector of ones? No neighbour says so.", "Write \\mathbf{1}_N.")
        made, out = self.typed(own, tree)
        self.check_deltas(out)
        if self.example is not None:
            n, *rest = made
            if self.batched and fits:
                made = tuple(made)
            else:
                made, out = tuple(rest), _over_examples(n, out)
                if depends_on(tree, self.example):
                    self.m.note("it is summed over the examples")
        asked = self.free if fits else made
        out = substitute(out, indices={i: Ix(j) for i, j in zip(made, asked, strict=True)})
        notes = (*self.page.notes, *self.m.notes)
        return Reading(asked, out, fits, notes, parts=tuple(self.m.parts), reaches=tuple(self.m.reaches))


def _range(at: Tree) -> Any:
    if isinstance(at, Ix):
        return at.index.size
    return at.tensor.classes if isinstance(at, Entry) else None


def _letter(at: Tree) -> str:
    return at.index.letter if isinstance(at, Ix) else at.tensor.name if isinstance(at, Entry) else "a position"


def _over_examples(n: Index, tree: Tree) -> Tree:
    """Return the terms that depend on the example summed over all, the others once."""
    if isinstance(tree, Neg):
        return Neg(_over_examples(n, tree.body))
    if not isinstance(tree, Add):
        return Sum(n, tree) if depends_on(tree, n) else tree
    one = [t for t in tree.terms if depends_on(t, n)]
    rest = [t for t in tree.terms if not depends_on(t, n)]
    total: list[Tree] = [Sum(n, one[0] if len(one) == 1 else Add(tuple(one)))] if one else []
    return Add((*total, *rest)) if len(total) + len(rest) > 1 else (*total, *rest)[0]


def _renamed(tree: Tree, made: dict[Index, Index]) -> Tree:
    """Return a tree with indices, bound ones too, replaced by others."""
    if not made:
        return tree
    if isinstance(tree, Ix):
        return Ix(made.get(tree.index, tree.index))
    parts = tuple(_renamed(p, made) for p in children(tree))
    if isinstance(tree, Sum):
        return Sum(made.get(tree.index, tree.index), parts[0])
    return rebuild(tree, parts) if parts else tree


def alike(a: Tree, b: Tree, free: Sequence[Index]) -> bool:
    """Tell whether two trees differ in the names of bound indices only."""
    return _alike(a, b, {i: i for i in free})


def _alike(a: Tree, b: Tree, same: dict[Index, Index]) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, Ix):
        return same.get(a.index) is b.index  # type: ignore[attr-defined]
    if isinstance(a, Sum):
        assert isinstance(b, Sum)
        return bool(a.index.size == b.index.size) and _alike(a.body, b.body, {**same, a.index: b.index})
    if isinstance(a, Entry) and a.tensor is not b.tensor:  # type: ignore[attr-defined]
        return False
    parts, others = children(a), children(b)
    if not parts and not isinstance(a, Sym | Entry):
        return bool(a == b) if not isinstance(a, Add) else not others
    tags = ("name", "rel", "symbol")
    if any(getattr(a, t, None) != getattr(b, t, None) for t in tags):
        return False
    return len(parts) == len(others) and all(_alike(p, q, same) for p, q in zip(parts, others, strict=True))
