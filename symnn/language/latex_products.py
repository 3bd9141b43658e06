r"""Products of numbers, columns and matrices: which one is meant follows from the shapes.

A number has no axes, everything else two: a vector is a column, of shape (n, 1). Lengths of ``\mathbf{1}`` and ``I``
are found from their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.ground.indices import Index
from symnn.ground.sizes import Size, size_text
from symnn.ground.tree import Div, Ix, Sum, Tree, mul, num
from symnn.language.arrays import ONE, Array, Sizes, pointwise, transposed
from symnn.language.latex_syntax import Hadamard, Product
from symnn.language.meaning import Meaning
from symnn.language.syntax import FormulaError, MismatchError, Node

__all__ = ["Diagonal", "Oriented", "column", "is_open", "open_sizes", "plain", "turned"]

At = tuple[Tree, ...]
#: How often a product is read another way before its error stands.
_MOST_RETRIES = 12


@dataclass(frozen=True)
class Diagonal(Array):
    """A diagonal matrix, which has an inverse; ``entries`` is the column on its diagonal."""

    entries: Array | None = None


def column(p: Array) -> Array:
    """Return an array of one axis as a column."""
    shape, at = (p.shape[0], ONE), p.at
    return Array(shape, lambda q: at(q[:1]), classes=p.classes, letters=(p.letter(0), ""))


def plain(p: Array) -> Array:
    """Return an array of one entry as a number."""
    if p.rank == 2 and p.shape == (ONE, ONE):
        at = p.at
        return Array((), lambda q: at((num(0), num(0))), truth=p.truth, classes=p.classes)
    return p


def turned(p: Array) -> Array:
    """Return a transpose; a number is its own."""
    return transposed(p) if p.rank == 2 and not isinstance(p, Diagonal) else p


def is_open(size: Size) -> bool:
    """Tell whether a size is still to be found."""
    return isinstance(size, sympy.Dummy) and not isinstance(size, Index)


class Oriented(Meaning):
    """Meaning where values are numbers, columns, rows and matrices.

    Attributes:
        notes: how parts were read.
        batch: the size that counts examples, or None.
        layout: rows, columns or examples: how the examples of a batch are held.
    """

    notes: list[str]
    batch: Any
    layout: str
    retried = 0

    def note(self, text: str) -> None:
        """Say how something was read, once."""
        if text not in self.notes:
            self.notes.append(text)

    def shape(self, p: Array) -> tuple[Size, ...]:
        """Return a shape as far as it is known."""
        return tuple(map(self.sizes.find, p.shape))

    def shown(self, p: Array) -> str:
        """Return a shape in words."""
        if not p.rank:
            return "a number"
        return size_text(tuple(sympy.Symbol("?") if is_open(s) else s for s in self.shape(p)))

    def agree(self, a: Array, b: Array) -> bool:
        """Tell whether two shapes are equal, made so where lengths are still to be found; nothing changes if not."""
        kept = dict(self.sizes.bound)
        if all(self.meet(s, t) for s, t in zip(self.shape(a), self.shape(b), strict=True)):
            return True
        self.sizes.bound = kept
        return False

    def meet(self, s: Size, t: Size) -> bool:
        """Tell whether two sizes are equal; the open length of a vector of ones is never made 1."""
        s, t = self.sizes.find(s), self.sizes.find(t)
        if ONE in (s, t):
            return bool(s == t)
        return self.sizes.same(s, t)

    def misfit(self, reason: str, node: Node, hint: str = "") -> MismatchError:
        """Return an error of shapes, which points at part of the formula."""
        return MismatchError(reason, self.text, node.span[0], hint)

    def text_of(self, node: Node) -> str:
        """Return part of the formula as it was written."""
        start, end = node.span
        while start and self.text[start:end].count(")") > self.text[start:end].count("("):
            start = max(0, self.text.rfind("(", 0, start))
        out = " ".join(self.text[start:end].split())
        return out if len(out) <= 40 else out[:37] + "..."

    # -- entry by entry --------------------------------------------------------------------------------------------

    def entrywise(self, what: str, build: Callable[..., Tree], node: Node, *parts: Array, truth: bool = False) -> Array:
        """Return an operation entry by entry, numbers repeated; a vector is repeated for every example of a batch.

        Raises:
            FormulaError: shapes differ.
        """
        return pointwise(self.sizes, what, build, *self.fitted(what, node, *parts), truth=truth)

    def fitted(self, what: str, node: Node, *parts: Array) -> list[Array]:
        """Return parts of one shape, and numbers as they are."""
        whole = [p for p in parts if p.rank]
        if not whole:
            return list(parts)
        widest = next((p for p in whole if ONE not in self.shape(p)), whole[0])
        return [p if not p.rank or self.agree(p, widest) else self.spread(what, p, widest, node) for p in parts]

    def spread(self, what: str, p: Array, widest: Array, node: Node) -> Array:
        """Return a vector repeated along the examples of a batch."""
        (r, c), (rows, columns), at = self.shape(p), self.shape(widest), p.at
        across = c == ONE and r == columns and rows == self.batch and self.layout == "rows"
        along = c == ONE and r == rows and (columns == self.batch or rows == self.batch)
        row = r == ONE and c == columns
        if across and along:
            raise self.error(f"{what}: it is not clear along which axis the vector is repeated.", node)
        if self.batch is None or not (across or along or row):
            raise self.misfit(
                f"{what} of shapes {' and '.join(self.shown(q) for q in (widest, p))}: they have to be equal.",
                node, self._hint_turned(p, widest),
            )  # fmt: skip
        self.note(f"in {self.text_of(node)} a vector is repeated for every example")
        made: Callable[[At], Tree] = lambda q: at((q[0], num(0)))  # noqa: E731
        if across:
            made = lambda q: at((q[1], num(0)))  # noqa: E731
        elif row:
            made = lambda q: at((num(0), q[1]))  # noqa: E731
        return Array(widest.shape, made, truth=p.truth, letters=widest.letters)

    def _hint_turned(self, p: Array, q: Array) -> str:
        return "One of them transposed would fit, ^\\top." if self.shape(turned(p)) == self.shape(q) else ""

    # -- products --------------------------------------------------------------------------------------------------

    def _product(self, node: Product) -> Array:
        parts = self.flat(node)
        out = self.value(parts[0][1])
        n = 1
        while n < len(parts):
            sign, factor, _ = parts[n]
            right = self.value(factor)
            n += 1
            while sign == "/" and n < len(parts) and parts[n][2]:
                after = self.value(parts[n][1])
                if right.rank or after.rank:
                    break
                self.note(f"{self.text_of(node)}: what stands close behind / is all below the line")
                right = self.times("", right, after, node)
                n += 1
            if sign == "" and parts[n - 2][0] == "/" and n > 2 and not (right.rank or parts[n - 1][2]):
                self.note(f"{self.text_of(node)} is read from the left, (a / b) c")
            out = self.times(sign, out, right, node)
        return out

    def flat(self, node: Product) -> list[tuple[str, Node, bool]]:
        """Return the factors with the signs before them; what looks like f(x) and is a product counts as two."""
        out: list[tuple[str, Node, bool]] = []
        for n, factor in enumerate(node.factors):
            sign = node.signs[n - 1] if n else ""
            first, *more = self.split(factor)
            out.append((sign, first, n in node.tight))
            out += [("", other, False) for other in more]
        return out

    def split(self, node: Node) -> tuple[Node, ...]:
        """Return a factor, or the two that it stands for."""
        return (node,)

    def times(self, sign: str, a: Array, b: Array, node: Node) -> Array:
        """Return a product of two factors, by what stands between them."""
        if sign == "/":
            return self.over(a, b, node)
        if not a.rank or not b.rank:
            if a.value is not None and b.value is not None:
                return self.joined("*", a, b, node)
            return pointwise(self.sizes, "*", lambda u, v: mul(u, v), a, b)
        if sign == "otimes":
            return self.outer(a, b, node)
        if sign == "cdot" and self.shape(a)[1] == self.shape(b)[1] == ONE and self.agree(a, b):
            self.note(f"the dot in {self.text_of(node)} is the inner product of two vectors")
            return self.matrix_product(turned(a), b)
        if sign == "*":
            return self.starred(a, b, node)
        if not self.meet(a.shape[1], b.shape[0]):
            raise self.no_product(a, b, node)
        return self.matrix_product(a, b)

    def matrix_product(self, a: Array, b: Array) -> Array:
        """Return A B of shapes that fit."""
        sizes = self.sizes
        single = sizes.find(a.shape[1]) == ONE

        def entry(q: At) -> Tree:
            if single:
                return mul(a.at((q[0], num(0))), b.at((num(0), q[1])))
            k = Index(a.letter(1) if len(a.letters) == 2 and a.letters[1] else b.letter(0), sizes.find(a.shape[1]))
            return Sum(k, mul(a.at((q[0], Ix(k))), b.at((Ix(k), q[1]))))

        return plain(Array((a.shape[0], b.shape[1]), entry, letters=(a.letter(0), b.letter(1))))

    def sum_over(self, p: Array, axes: Sequence[int]) -> Array:
        """Return a matrix summed over some axes, which stay with size 1."""
        sizes = self.sizes

        def entry(q: At) -> Tree:
            made = {n: Index(p.letter(n), sizes.find(p.shape[n])) for n in axes}
            body = p.at(tuple(Ix(made[n]) if n in made else q[n] for n in range(2)))
            for n in reversed(sorted(made)):
                body = Sum(made[n], body)
            return body

        return Array(tuple(ONE if n in axes else p.shape[n] for n in range(2)), entry, letters=p.letters)

    def no_product(self, a: Array, b: Array, node: Node) -> Exception:
        """Return the error for a product whose shapes do not fit, with what would."""
        hint = ""
        if self.agree(a, b):
            hint = "Entry by entry they fit: write \\odot for that."
        elif self.shape(turned(a))[1] == self.shape(b)[0]:
            hint = "With the left one transposed they fit, ^\\top."
        elif self.shape(turned(b))[0] == self.shape(a)[1]:
            hint = "With the right one transposed they fit, ^\\top."
        inner = f"{self.sizes.find(a.shape[1])} on the left and {self.sizes.find(b.shape[0])} on the right"
        return self.misfit(
            f"the matrix product of shapes {self.shown(a)} and {self.shown(b)} sums over {inner}.", node, hint
        )

    def starred(self, a: Array, b: Array, node: Node) -> Array:
        """Return a * b of arrays: a product of matrices or entry by entry, whichever fits."""
        kept = dict(self.sizes.bound)
        product = self.meet(a.shape[1], b.shape[0])
        self.sizes.bound = kept
        each = self.agree(a, b)
        if product and each:
            raise self.error(
                "* could be the product of matrices or entry by entry.", node, "Write nothing between them, or \\odot."
            )
        if each:
            self.note(f"* in {self.text_of(node)} is read entry by entry")
            return self.entrywise("*", lambda u, v: mul(u, v), node, a, b)
        if not self.meet(a.shape[1], b.shape[0]):
            raise self.no_product(a, b, node)
        self.note(f"* in {self.text_of(node)} is read as the product of matrices")
        return self.matrix_product(a, b)

    def outer(self, a: Array, b: Array, node: Node) -> Array:
        r"""Return u \otimes v of two vectors."""
        if self.shape(a)[1] != ONE or self.shape(b)[1] != ONE:
            raise self.misfit(
                f"\\otimes takes two vectors, found shapes {self.shown(a)} and {self.shown(b)}.", node,
                "Write \\odot for a product entry by entry.",
            )  # fmt: skip
        return self.matrix_product(a, turned(b))

    def over(self, a: Array, b: Array, node: Node) -> Array:
        """Return a / b: by a number, or entry by entry."""
        if a.value is not None and b.value is not None:
            return self.joined("/", a, b, node)
        if b.value == 0:
            raise self.error("this divides by 0.", node)
        if b.rank and not self.sizes.find(b.shape[0]) == ONE and not self.sizes.find(b.shape[1]) == ONE and not a.rank:
            self.note(f"{self.text_of(node)} is read entry by entry")
        return self.entrywise("a quotient", Div, node, a, b)

    def _hadamard(self, node: Hadamard) -> Array:
        kept = dict(self.sizes.bound)
        try:
            out = self.value(node.parts[0])
            for sign, part in zip(node.signs, node.parts[1:], strict=True):
                out = self.each_by_each(sign, out, self.value(part), node)
            return out
        except MismatchError as error:
            self.sizes.bound = kept
            self.retried += 1
            if self.retried > _MOST_RETRIES:
                raise
            try:
                out = self.from_left(node)
            except FormulaError:
                raise error from None
            self.note(f"{self.text_of(node)} is read from the left, (a \\odot b) c: otherwise shapes do not fit")
            return out

    def each_by_each(self, sign: str, a: Array, b: Array, node: Node) -> Array:
        r"""Return a \odot b or a \oslash b."""
        if sign == "oslash":
            return self.over(a, b, node)
        return self.entrywise("\\odot", lambda u, v: mul(u, v), node, a, b)

    def from_left(self, node: Hadamard) -> Array:
        r"""Return a \odot b c as (a \odot b) c."""
        out: Array | None = None
        for before, part in zip(("", *node.signs), node.parts, strict=True):
            parts = self.flat(part) if isinstance(part, Product) else [("", part, False)]
            for n, (sign, factor, _) in enumerate(parts):
                x = self.value(factor)
                if out is None:
                    out = x
                else:
                    out = self.times(sign, out, x, node) if n else self.each_by_each(before, out, x, node)
        assert out is not None
        return out


def open_sizes(scope_sizes: Sizes) -> Sizes:
    """Return sizes of which some are still to be found."""
    return Sizes(open=True, bound=dict(scope_sizes.bound))
