r"""Gradients in LaTeX: ``\frac{\partial \ell}{\partial a}``, ``\nabla_a \ell``, and indices of a left-hand side."""

from __future__ import annotations

from dataclasses import replace

from symnn.algebra.prove import prove_equal
from symnn.derive.differentiate import differentiate
from symnn.derive.tidy import clean
from symnn.ground.define import typed
from symnn.ground.errors import SymnnError
from symnn.ground.substitute import fresh
from symnn.ground.template import unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Tree, walk
from symnn.language.arrays import Array
from symnn.language.latex_calls import Calls, ancestors
from symnn.language.latex_names import Found, lone
from symnn.language.latex_syntax import Applied, Called, Fraction, Gradient, Indexed, Named, Product, Raised, Terms
from symnn.language.latex_words import LOSS_NAMES
from symnn.language.syntax import Node, Number, Transposed, Unary

__all__ = ["Gradients"]

#: Products of the algebra that it may take to see that a scalar is the loss.
_BUDGET, _MOST_PROOFS = 4_000, 6


class Gradients(Calls):
    """Meaning of derivatives of the loss."""

    proved = 0

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
        """Tell whether something is the loss: by its name, with arguments or without, or as a formula."""
        losses = self.names.losses()
        if isinstance(node, Applied) and isinstance(node.called, Called):
            node = node.head
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
        self.proved += 1
        if self.proved > _MOST_PROOFS:
            raise self.error("the loss is written out too often.", node, "Write \\nabla_{a} \\ell.")
        return any(self._equal(tree, Entry(t, ())) for t in losses)

    def _equal(self, a: Tree, b: Tree) -> bool:
        try:
            return bool(prove_equal(typed("the formula", (), a)[1], b, derive=True, budget=_BUDGET))
        except (SymnnError, RecursionError):
            return False

    def entry_by_entry(self, node: Gradient, by: Found) -> Array:
        """Return the derivative of an entry by an entry of what it is computed from."""
        assert node.of is not None
        of, wrt = self.value(node.of), self.found(by, node.by)
        if of.rank or wrt.rank:
            raise self.error(
                "only the loss has a gradient here; the derivative of an array takes indices.", node,
                "Write \\frac{\\partial p_k}{\\partial a_c}.",
            )  # fmt: skip
        above, at = of.at(()), wrt.at(())
        if not isinstance(at, Entry) or not isinstance(above, Entry):
            raise self.error("a derivative is taken of an entry, by an entry.", node)
        definition = above.tensor.definition
        if definition is None or not _alone(at.tensor, definition.args):
            raise self.error(
                f"{above.tensor.name} is not computed from {at.tensor.name} in one step.", node,
                "Write the chain rule out, one factor for each step.",
            )  # fmt: skip
        made = clean(differentiate(D(unfold(above), at)).result)
        if any(isinstance(part, D) for part in walk(made)):
            raise self.error("this derivative is not known.", node)
        return Array((), lambda q: fresh(made))

    def meant_by(self, node: Node) -> str:
        """Return in words what a left-hand side is the gradient by, or nothing."""
        try:
            found = self.by_what(node.by) if isinstance(node, Gradient) else None
        except SymnnError:
            return ""
        return "" if found is None else f", the gradient by {found.name},"

    def check_left(self, node: Node) -> None:
        """Check that a left-hand side is no multiple of a gradient, which cannot be left out.

        Raises:
            FormulaError: it is one.
        """
        factors = node.factors if isinstance(node, Product) else (node.body,) if isinstance(node, Unary) else ()
        known = [self.names.find(f) for f in factors if isinstance(f, Named)]
        scaled = any(isinstance(f, Number | Fraction) for f in factors) or any(f and not f.array.rank for f in known)
        if isinstance(node, Unary | Terms) or scaled:
            raise self.error(
                "the left-hand side is not a gradient alone.", node, "Bring what stands beside it to the right."
            )

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
            self.optional = {lone(i) for i in of}
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


def _alone(by: Tensor, args: tuple[Tensor, ...]) -> bool:
    """Tell whether a tensor is among the arguments, and no other one is computed from it."""
    return by in args and not any(by in ancestors(t) for t in args if t is not by and t.definition is not None)
