r"""Sums, cases, conditions and powers in LaTeX, by their shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symnn.ground.indices import Index
from symnn.ground.sizes import as_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import ONE as UNIT
from symnn.ground.tree import ZERO, Add, Const, Delta, Div, Fn, Ind, Ix, Neg, Sum, Tree, Where, free_indices, mul
from symnn.language.arrays import ONE, Array, number, pointwise
from symnn.language.latex_functions import Functions
from symnn.language.latex_names import Found, lone
from symnn.language.latex_products import Diagonal, turned
from symnn.language.latex_syntax import Cases, Fraction, Indicator, Named, Norm, Ones, Raised, Summed, Terms
from symnn.language.syntax import Compare, Node, Number, Transposed

__all__ = ["Sums"]

_OPPOSITE = {(">", "<="), ("<=", ">"), ("<", ">="), (">=", "<"), ("==", "!="), ("!=", "==")}


class Sums(Functions):
    """Meaning of sums over letters, and of what is made of parts entry by entry."""

    hints: dict[Index, Any]

    def as_written(self, node: Node, *, equal: bool = True, loose: bool = True) -> Array:
        """Return a side of a comparison: labels are whole numbers there, and a letter that is no name an index."""
        raise NotImplementedError

    def _terms(self, node: Terms) -> Array:
        parts = [self.value(t) for t in node.terms]
        if all(p.value is not None for p in parts):
            return number(sum(s * (p.value or 0) for s, p in zip(node.signs, parts, strict=True)))

        if any(p.rank for p in parts) and any(not p.rank and p.value is None for p in parts):
            self.note(f"in {self.text_of(node)} a number is added to every entry")

        def build(*trees: Tree) -> Tree:
            return Add(tuple(t if s > 0 else Neg(t) for s, t in zip(node.signs, trees, strict=True)))

        return self.entrywise("a sum", build, node, *parts)

    def _fraction(self, node: Fraction) -> Array:
        return self.over(self.value(node.above), self.value(node.below), node)

    def _transposed(self, node: Transposed) -> Array:
        return turned(self.value(node.body))

    def held(self, x: Array) -> Array:
        """Return an array as it is: no part of a formula in LaTeX gets a name."""
        return x

    # -- sums over letters -----------------------------------------------------------------------------------------

    def _summed(self, node: Summed) -> Array:
        kept = dict(self.letters)
        made: list[Index] = []
        guards: list[Tree] = []
        for letter, (first, last) in zip(node.letters, node.bounds, strict=True):
            if letter in kept:
                raise self.error(f"{letter} is summed over twice, one sum inside the other.", node)
            size, start, end = self.range_of(first, last, node)
            i = Index(letter, size)
            made.append(i)
            self.letters[letter] = i
            guards += [Ind(">=", Ix(i), start)] if start is not None else []
            guards += [Ind(">=", end, Ix(i))] if end is not None else []
        guards += [self.truth(self.value(g), g).at(()) for g in node.guards]
        body = self.value(node.body)
        self.letters = kept

        def entry(at: tuple[Tree, ...]) -> Tree:
            out = mul(*guards, body.at(at))
            for i in reversed(made):
                out = Sum(i, out)
            return out

        return Array(body.shape, entry, letters=body.letters)

    def range_of(self, first: Node | None, last: Node | None, node: Node) -> tuple[Any, Tree | None, Tree | None]:
        """Return the size that bounds give an index, or the first and last value that they let it take.

        Counted from 1 to N or from 0 to N - 1 it is the whole axis; from i, or up to i, it is the part from there on.
        """
        start = UNIT if first is None else self._scalar(first)
        end = None if last is None else self._scalar(last)
        from_letter = bool(free_indices(start))
        to_letter = end is not None and bool(free_indices(end))
        if not from_letter and start not in (UNIT, ZERO):
            raise self.error("a sum runs over a whole axis, counted from 0 or from 1.", first or node)
        if end is None or from_letter or to_letter:
            return None, start if from_letter else None, end if to_letter else None
        return as_size(to_sympy(end) + (1 if start == ZERO else 0)), None, None

    # -- conditions ------------------------------------------------------------------------------------------------

    def _compare(self, node: Compare) -> Array:
        equal = node.rel in ("==", "!=")
        loose = equal or not (isinstance(node.left, Number) or isinstance(node.right, Number))
        sides = [
            self.as_written(node.left, equal=equal, loose=loose),
            self.as_written(node.right, equal=equal, loose=loose),
        ]
        for one, other in (sides, sides[::-1]):
            if not one.rank and other.classes is not None:
                tree = one.at(())
                if isinstance(tree, Ix):
                    self.hints.setdefault(tree.index, other.classes)
        left, right = self.fitted("a comparison", node, *sides)
        return self.compared(node.rel, left, right)

    def joined(self, op: str, left: Array, right: Array, node: Node) -> Array:
        """Return left op right of shapes that fit."""
        if left.rank and right.rank:
            left, right = self.fitted(op, node, left, right)
        return super().joined(op, left, right, node)

    def _indicator(self, node: Indicator) -> Array:
        return self.truth(self.value(node.condition), node)

    def _cases(self, node: Cases) -> Array:
        values = [self.value(v) for v in node.values]
        conditions = [self.truth(self.value(c), c) for c in node.conditions if c is not None]
        if node.conditions[-1] is not None:
            if len(node.conditions) == 2 and self.opposite(*node.conditions):
                conditions.pop()
            else:
                self.note("where none of the conditions holds the cases are 0")
                values.append(number(0))
        count = len(conditions)

        def build(*trees: Tree) -> Tree:
            out = trees[-1]
            for n in reversed(range(count)):
                out = Where(trees[n], trees[count + n], out)
            return out

        return self.entrywise("cases", build, node, *conditions, *values)

    def opposite(self, a: Node | None, b: Node | None) -> bool:
        """Tell whether two comparisons are a > 0 and a <= 0."""
        if not isinstance(a, Compare) or not isinstance(b, Compare) or (a.rel, b.rel) not in _OPPOSITE:
            return False
        return [self.text_of(x) for x in (a.left, a.right)] == [self.text_of(x) for x in (b.left, b.right)]

    # -- ones ------------------------------------------------------------------------------------------------------

    def _ones(self, node: Ones) -> Array:
        if node.size is None:
            return Array((self.sizes.fresh("length"), ONE), lambda q: UNIT)
        if not lone(node.size) or self.names.find(node.size) is not None:  # type: ignore[arg-type]
            made = self.labels(node.size)
            if made.classes is not None:
                self.note(f"{self.text_of(node)} is a one-hot vector")
                return self.hot(made, node)
            if not made.rank:
                return Array((as_size(to_sympy(made.at(()))), ONE), lambda q: UNIT)
        raise self.error("below this 1 stands a condition, or how many ones there are.", node.size)

    def identity(self, node: Named) -> Array:
        """Return I, or I_N."""
        if len(node.below) > 1:
            raise self.error("I takes its size, I_N.", node)
        size = as_size(to_sympy(self._scalar(node.below[0]))) if node.below else self.sizes.fresh("size")
        ones = Array((size, ONE), lambda q: UNIT)
        return Diagonal((size, size), lambda q: Delta(q[0], q[1]), truth=True, entries=ones)

    # -- powers ----------------------------------------------------------------------------------------------------

    def _raised(self, node: Raised) -> Array:
        if isinstance(node.body, Norm) and isinstance(node.exponent, Number) and node.exponent.value == 2:
            total, rooted = self.norm_power(node.body)
            return total if rooted else self.raised(total, number(2), node)
        if isinstance(node.body, Named):
            meant = self.layer_or_square(node.body, node.exponent)
            if meant is not None:
                return self.found(meant, node.body)
        base, exponent = self.value(node.body), self.value(node.exponent)
        if exponent.rank and not (not base.rank and base.at(()) == Const("E")):
            raise self.error("an exponent is a number.", node.exponent)
        if not base.rank:
            if not exponent.rank:
                return self.raised(base, exponent, node)
            return pointwise(self.sizes, "exp", lambda u: Fn("exp", (u,)), exponent)
        if not node.entrywise:
            if exponent.value == -1:
                return self.inverse(base, node)
            self.power_of_array(base, node)
        return self.raised(base, exponent, node)

    def layer_or_square(self, body: Named, exponent: Node) -> Found | None:
        r"""Return w^2 as the name of layer 2, or \sigma^2 as a name, where the letter alone is none; else None."""
        if not isinstance(exponent, Number) or exponent.value.denominator != 1 or self.names.find(body) is not None:
            return None
        found = self.names.layered(body, int(exponent.value))
        if found is not None:
            return replace(found, note=found.note or f"{body.core}^{exponent.value} is {found.name}")
        return self.names.square(body) if exponent.value == 2 else None

    def found(self, found: Found, node: Node) -> Array:
        """Return what a name was found to mean."""
        raise NotImplementedError

    def power_of_array(self, base: Array, node: Raised) -> None:
        """Check that a power of an array can only be meant entry by entry."""
        if ONE in self.shape(base):
            self.note(f"{self.text_of(node)} is read entry by entry")
            return
        if self.sizes.find(base.shape[0]) == self.sizes.find(base.shape[1]):
            raise self.error(
                "the power of a square matrix could be a product of matrices or entry by entry.", node,
                "Write W W, or W^{\\circ 2} entry by entry.",
            )  # fmt: skip
        self.note(f"{self.text_of(node)} is read entry by entry")

    def inverse(self, base: Array, node: Raised) -> Array:
        """Return the inverse of a diagonal matrix."""
        if not isinstance(base, Diagonal) or base.entries is None:
            raise self.error(
                "only a diagonal matrix has an inverse here.", node, "Write ^{\\circ -1} for 1/x entry by entry."
            )
        inner = base.entries
        entries = Array(inner.shape, lambda q: Div(UNIT, inner.at(q)), letters=inner.letters)
        return Diagonal(
            base.shape, lambda q: mul(Delta(q[0], q[1]), entries.at((q[0], ZERO))), letters=base.letters,
            entries=entries,
        )  # fmt: skip
