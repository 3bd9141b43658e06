r"""Gradients in LaTeX: ``\frac{\partial \ell}{\partial a}``, ``\nabla_a \ell``, and indices of a left-hand side."""

from __future__ import annotations

from dataclasses import replace

from symnn.algebra.prove import prove_equal
from symnn.ground.define import typed
from symnn.ground.errors import SymnnError
from symnn.ground.tree import D, Entry, Tree
from symnn.language.arrays import Array
from symnn.language.latex_calls import Calls
from symnn.language.latex_names import Found, lone
from symnn.language.latex_syntax import Applied, Called, Gradient, Indexed, Named, Raised
from symnn.language.latex_words import LOSS_NAMES
from symnn.language.syntax import Node, Transposed

__all__ = ["Gradients"]

#: Products of the algebra that it may take to see that a scalar is the loss.
_BUDGET = 4_000


class Gradients(Calls):
    """Meaning of derivatives of the loss."""

    def _gradient(self, node: Gradient) -> Array:
        found = self.by_what(node.by)
        if found is None or found.array.tensor is None:
            named = isinstance(node.by, Named)
            raise self.error(self.names.unknown(node.by) if named else "this is no tensor.", node.by)  # type: ignore[arg-type]
        if node.of is not None and not self.is_loss(node.of):
            return self.entry_by_entry(node, found)
        made = self.names.gradient(found.array)
        if made is None:
            raise self.error(f"the gradient by {found.name} is not among what is known.", node)
        return self.found(Found(f"d{found.name}", made, found.items, found.note), node)

    def by_what(self, node: Node) -> Found | None:
        """Return the name that is differentiated by, with positions on it, or None where there is none."""
        if isinstance(node, Named):
            return self.names.find(node) or self.names.guess(node)
        if isinstance(node, Raised) and isinstance(node.body, Named):
            return self.layer_or_square(node.body, node.exponent)
        if isinstance(node, Applied):
            found = self.names.find(node.head)
            if found is not None and isinstance(node.called, Called):
                return found
            if found is not None and isinstance(node.called, Indexed) and isinstance(node.called.body, Called):
                return replace(found, items=(*found.items, *node.called.items))
        raise self.error("a derivative is taken by a name, or by an entry.", node)

    def is_loss(self, node: Node) -> bool:
        """Tell whether something is the loss: by its name, or as a formula."""
        losses = self.names.losses()
        if isinstance(node, Named):
            found = self.names.find(node)
            if found is not None and found.array.tensor is not None:
                return found.array.tensor in losses
            plain_name = not node.below and not node.labels and not node.primes
            if plain_name and (node.core in LOSS_NAMES or node.style == "cal"):
                return True
            if not plain_name and found is None:
                raise self.error("the loss of one example has no name here.", node)
            if found is None:
                raise self.error(self.names.unknown(node), node)
        x = self.value(node)
        if x.rank:
            return False
        tree = x.at(())
        return any(self._equal(tree, Entry(t, ())) for t in losses)

    def _equal(self, a: Tree, b: Tree) -> bool:
        try:
            return bool(prove_equal(typed("the formula", (), a)[1], b, derive=True, budget=_BUDGET))
        except (SymnnError, RecursionError):
            return False

    def entry_by_entry(self, node: Gradient, by: Found) -> Array:
        """Return the derivative of one number by one entry, still to be taken."""
        assert node.of is not None
        of, wrt = self.value(node.of), self.found(by, node.by)
        if of.rank or wrt.rank:
            raise self.error(
                "only the loss has a gradient here; the derivative of an array takes indices.", node,
                "Write \\frac{\\partial p_k}{\\partial a_c}.",
            )  # fmt: skip
        at = wrt.at(())
        if not isinstance(at, Entry):
            raise self.error("a derivative is taken by an entry of a tensor.", node.by)
        return Array((), lambda q: D(of.at(()), at))

    # -- left-hand sides -------------------------------------------------------------------------------------------

    def letters_of(self, node: Node) -> tuple[str, ...] | None:
        """Return the index letters of a left-hand side; None where something else stands there."""
        items = self._items(node)
        if items is None:
            return None
        letters = [lone(i) for i in items]
        free = all(letters) and all(self.names.find(i) is None for i in items if isinstance(i, Named))
        return tuple(letters) if free and len(set(letters)) == len(letters) else None

    def _items(self, node: Node) -> tuple[Node, ...] | None:
        if isinstance(node, Transposed):
            return None
        if isinstance(node, Gradient):
            of = node.of.below if isinstance(node.of, Named) else ()
            if isinstance(node.by, Named):
                return (*of, *(self._items(node.by) or ()))
            try:
                found = self.by_what(node.by)
            except SymnnError:
                return None
            return None if found is None else (*of, *found.items)
        if isinstance(node, Named):
            found = self.names.find(node) or self.names.guess(node)
            return node.below if found is None else found.items
        if isinstance(node, Raised) and isinstance(node.body, Named):
            found = self.layer_or_square(node.body, node.exponent)
            return None if found is None else found.items
        return node.items if isinstance(node, Indexed) else None
