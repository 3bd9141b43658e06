r"""Names and entries in LaTeX: ``W^{(2)}_{ij}``, ``x_n``, ``\delta_{ij}``, ``e_y``."""

from __future__ import annotations

from symnn.ground.indices import Index
from symnn.ground.tree import Add, Const, Delta, Entry, Fn, Ix, Mul, Neg, Num, Sym, Tree, children, num
from symnn.language.arrays import Array, pointwise
from symnn.language.latex_names import Found, lone
from symnn.language.latex_products import column, plain, turned
from symnn.language.latex_sums import Sums
from symnn.language.latex_syntax import Named
from symnn.language.latex_words import ACTIVATION_LETTERS
from symnn.language.syntax import Node

__all__ = ["Entries"]

#: Positions that are computed, x_{i+1}, beyond this are refused.
_MOST_COMPUTED = 60


class Entries(Sums):
    """Meaning of names.

    Attributes:
        loose: index letters that are not summed over.
        as_labels: labels are whole numbers, and not one-hot vectors.
        as_position: letters that are no names are indices.
        example: the index of the one example that a formula speaks of.
    """

    loose: dict[str, Index]
    as_labels: bool
    as_position: bool = False
    #: letters of a left-hand side that the formula need not use: n of the loss of one example
    optional: set[str] = set()
    example: Index | None
    computed = 0

    # -- names -----------------------------------------------------------------------------------------------------

    def _named(self, node: Named) -> Array:
        letter = lone(node)
        if letter in self.letters:
            return self._index(self.letters[letter])
        found = self.names.find(node)
        if found is not None:
            self.check_kronecker(found, node)
            return self.found(found, node)
        if letter in self.loose:
            return self._index(self.loose[letter])
        if self.as_position and letter:
            return self._index(self.loose.setdefault(letter, Index(letter)))
        made = self.special(node)
        if made is not None:
            return made
        if node.primes:
            raise self.error(
                "a dash is the derivative of a function, written before its argument: g'(a).", node,
                "Write ^\\top for a transpose.",
            )  # fmt: skip
        guessed = self.names.guess(node)
        if guessed is None:
            raise self.error(self.names.unknown(node), node, self.hint_of(node))
        return self.found(guessed, node)

    def hint_of(self, node: Named) -> str:
        """Return what to do about a name that nothing carries."""
        if node.core in ACTIVATION_LETTERS and not node.labels:
            return f"As a function it takes an argument, {node.core}(a)."
        if self.batch is not None and node.core in ("m", "n", "N", "M", "B"):
            return f"The examples of the batch are counted by {self.batch}."
        return ""

    def found(self, found: Found, node: Node) -> Array:
        """Return what a name was found to mean."""
        if found.note:
            self.note(found.note)
        raw = self.raw(found.array)
        if found.items:
            return self.entry(raw, found.items, node)
        return self.whole(raw, self.batched(found.array), node)

    def check_kronecker(self, found: Found, node: Named) -> None:
        r"""Check that \delta_{ij} is not both a Kronecker delta and an entry of a tensor."""
        pair = node.core == "delta" and len(node.below) == 2 and not node.labels and node.style != "rm"
        if pair and len(found.items) == 2 == found.array.rank:
            raise self.error(
                f"this could be the Kronecker delta, or an entry of the tensor {found.name}.", node,
                f"Write \\mathbb{{1}}_{{(i=j)}} for the former, \\mathrm{{{found.name}}}_{{ij}} for the latter.",
            )  # fmt: skip

    def special(self, node: Named) -> Array | None:
        r"""Return \delta_{ij}, e, e_y, I and \pi, where nothing carries those names."""
        if node.accents or node.primes:
            return None
        if node.core == "delta" and len(node.below) == 2 and not node.labels:
            guessed = self.names.guess(node)
            if guessed is not None:
                self.check_kronecker(guessed, node)
            return self.kronecker(node.below, node)
        if node.core == "e" and node.style != "cal":
            if not node.below:
                return self.euler(node)
            if len(node.below) == 1 and not node.labels:
                return self.basis(node)
        if node.core == "I" and not node.labels and node.style != "cal":
            return self.identity(node)
        if node.core == "pi" and not node.below and not node.labels:
            return Array((), lambda q: Const("pi"))
        return None

    def euler(self, node: Named) -> Array:
        """Return e, or e^{(x)}."""
        if not node.labels:
            return Array((), lambda q: Const("E"))
        x = self.value(node.labels[0].body)
        return pointwise(self.sizes, "exp", lambda u: Fn("exp", (u,)), x)

    def basis(self, node: Named) -> Array:
        """Return e_y, the one-hot vector of a label."""
        made = self.labels(node.below[0])
        if made.classes is None:
            raise self.error("e with a subscript is the one-hot vector of a label.", node)
        return self.hot(made, node)

    def kronecker(self, items: tuple[Node, ...], node: Node) -> Array:
        """Return 1 where two positions are equal, else 0."""
        one, two = (self.labels(i) if not lone(i) else self.as_written(i) for i in items)
        if one.rank or two.rank:
            raise self.error("a Kronecker delta takes two indices.", node)
        for a, b in ((one, two), (two, one)):
            at = a.at(())
            if isinstance(at, Ix) and b.classes is not None:
                self.hints.setdefault(at.index, b.classes)
        return Array((), lambda q: Delta(one.at(()), two.at(())), truth=True)

    # -- tensors ---------------------------------------------------------------------------------------------------

    def batched(self, array: Array) -> bool:
        """Tell whether the first axis of a tensor counts the examples of the batch."""
        t = array.tensor
        if t is None or self.batch is None or not t.rank or t.shape[0] != self.batch:
            return False
        return t.role != "parameter" and (t.of is None or t.of.role != "parameter")

    def raw(self, array: Array) -> Array:
        """Return an array with its own axes; of a batch, where one example is meant, those of that example."""
        if self.layout != "examples" or not self.batched(array) or self.example is None:
            return array
        n, at = Ix(self.example), array.at
        return Array(
            array.shape[1:], lambda q: at((n, *q)), classes=array.classes, letters=array.letters[1:], truth=array.truth
        )

    def whole(self, raw: Array, batched: bool, node: Node) -> Array:
        """Return an array as a number, a column or a matrix."""
        if raw.classes is not None and not self.as_labels:
            self.note(f"the labels {self.text_of(node)} are read as one-hot vectors")
            return self.hot(raw, node)
        if raw.rank > 2:
            raise self.error(f"this has {raw.rank} axes: give it indices.", node)
        if raw.rank == 1:
            return plain(column(raw))
        return turned(raw) if batched and self.layout == "columns" else plain(raw)

    def entry(self, raw: Array, items: tuple[Node, ...], node: Node) -> Array:
        """Return an entry of a tensor, or what is left of it where fewer positions than axes are given."""
        at = tuple(self.position(i) for i in items)
        for n, place in enumerate(at[: raw.rank]):
            self.inside(place, raw, n, node)
        if len(at) == raw.rank:
            return Array((), lambda q: raw.at(at), classes=raw.classes)
        if raw.classes is not None and len(at) == raw.rank + 1:
            self.note(f"{self.text_of(node)} is an entry of a one-hot vector")
            if isinstance(at[-1], Ix):
                self.hints.setdefault(at[-1].index, raw.classes)
            return Array((), lambda q: Delta(at[-1], raw.at(at[:-1])), truth=True)
        if len(at) > raw.rank:
            raise self.error(f"{len(at)} positions are given for {raw.rank} axes.", node)
        rest = Array(
            raw.shape[len(at) :], lambda q: raw.at((*at, *q)), classes=raw.classes, letters=raw.letters[len(at) :]
        )
        if rest.rank == 1 and self.batch is not None and raw.shape[0] != self.batch:
            self.note(f"{self.text_of(node)} is a row of a matrix, as a column")
        return self.whole(rest, False, node)

    def position(self, item: Node) -> Tree:
        """Return a position on an axis: an index letter, a label, a number."""
        made = self.letter(item)
        if made is not None:
            return Ix(made)
        x = self.counted(item)
        if x.rank:
            raise self.error("a single position is expected here, found a vector.", item)
        if x.value is not None:
            if x.value.denominator != 1 or x.value < 0:
                raise self.error("a position is a whole number from 0 on.", item)
            self.note(f"positions are counted from 0: {x.value} is number {x.value + 1}")
            return num(x.value)
        tree = x.at(())
        if not _whole(tree):
            raise self.error(f"{self.text_of(item)} is no whole number, and is used as an index.", item)
        self.computed += x.classes is None
        if self.computed > _MOST_COMPUTED:
            raise self.error(f"more than {_MOST_COMPUTED} computed positions are not read.", item)
        return tree

    def counted(self, item: Node) -> Array:
        """Return a position that is computed, i + 1: letters that are no names are indices there."""
        kept, self.as_position = self.as_position, True
        try:
            return self.labels(item)
        finally:
            self.as_position = kept

    def letter(self, node: Node) -> Index | None:
        """Return the index of a letter that is no name, or None."""
        letter = lone(node)
        if not letter:
            return None
        if letter in self.letters:
            return self.letters[letter]
        assert isinstance(node, Named)
        if self.names.find(node) is not None:
            return None
        return self.loose.setdefault(letter, Index(letter))

    def labels(self, node: Node) -> Array:
        """Return labels as they are, not as one-hot vectors."""
        kept, self.as_labels = self.as_labels, True
        try:
            found = self.names.find(node) if isinstance(node, Named) and lone(node) not in self.letters else None
            if found is not None and not found.items:
                return self.raw(found.array)
            return self.value(node)
        finally:
            self.as_labels = kept

    def as_written(self, node: Node, *, equal: bool = True, loose: bool = True) -> Array:
        """Return a side of a comparison: labels are whole numbers there, and a letter that is no name an index.

        In a > b a letter may rather be a name that it differs from a little; in a > 0 it must be known.
        """
        known = lone(node) in (*self.letters, *self.loose)
        meant = not equal and not known and isinstance(node, Named) and self.names.guess(node) is not None
        made = None if meant or not (known or loose) else self.letter(node)
        if made is not None:
            return self._index(made)
        kept, self.as_labels = self.as_labels, True
        try:
            return self.value(node)
        finally:
            self.as_labels = kept

    def indexed(self, x: Array, items: tuple[Node, ...], node: Node) -> Array:
        """Return entries of a computed array: of a column by one position, of a matrix by two."""
        at = tuple(self.position(i) for i in items)
        if not x.rank:
            raise self.error("a number has no subscript.", node)
        shape = self.shape(x)
        if len(at) == 1 and 1 in shape:
            spot: tuple[Tree, Tree] = (at[0], num(0)) if shape[1] == 1 else (num(0), at[0])
        elif len(at) == 2:
            spot = (at[0], at[1])
        else:
            raise self.error(f"{len(at)} positions are given for an array of shape {self.shown(x)}.", node)
        for n, place in enumerate(spot):
            self.inside(place, x, n, node)
        return Array((), lambda q: x.at(spot))


def _whole(tree: Tree) -> bool:
    """Tell whether an expression takes whole numbers only."""
    match tree:
        case Ix():
            return True
        case Num():
            return tree.value.denominator == 1
        case Sym():
            return bool(tree.symbol.is_integer)
        case Entry():
            return tree.tensor.classes is not None
        case Add() | Mul() | Neg():
            return all(_whole(p) for p in children(tree))
    return False
