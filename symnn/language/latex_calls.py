r"""What brackets behind a name mean: ``g(a)`` a function, ``f(x)`` the tensor computed from x, else a product."""

from __future__ import annotations

from typing import Any

from symnn.language.arrays import Array
from symnn.language.latex_entries import Entries
from symnn.language.latex_names import Found, lone
from symnn.language.latex_syntax import Applied, Called, Indexed
from symnn.language.latex_words import ACTIVATION_LETTERS
from symnn.language.syntax import FormulaError, Node

__all__ = ["Calls", "ancestors"]


class Calls(Entries):
    """Meaning of a name before brackets."""

    def split(self, node: Node) -> tuple[Node, ...]:
        """Return a factor, or the two that x(y) stands for."""
        if isinstance(node, Applied) and node.times is not None and self.multiplies(node):
            return (node.head, node.times)
        return (node,)

    def _applied(self, node: Applied) -> Array:
        if not self.multiplies(node):
            return self.value(node.called)
        if node.times is None:
            raise self.error("a list of values is no factor.", node)
        return self.times("", self.value(node.head), self.value(node.times), node)

    def multiplies(self, node: Applied) -> bool:
        """Tell whether x(y) is a product."""
        head = node.head
        if head.primes:
            return False
        if lone(head) in (*self.letters, *self.loose):
            return True
        found = self.names.find(head)
        if found is None:
            if head.core == "e" and not head.below:
                return not self.is_label(node.args[0])
            if head.core == "delta" and len(node.args) == 2:
                return False
            if head.core in ACTIVATION_LETTERS and not (head.accents or head.below):
                return self.letter_multiplies(node)
            return self.special(head) is not None or self.names.guess(head) is not None
        if self.at_argument(found, node) and not self.product_fits(node, found):
            return False
        if head.core == "sigma" and not head.below and not head.labels:
            if any(a.kind == "sigmoid" for a in self.activations()):
                raise self.error(
                    "sigma(..) could be the logistic sigmoid, or a product with the tensor sigma.", node,
                    "Write \\operatorname{sigmoid}(..), or \\sigma \\cdot (..).",
                )  # fmt: skip
            self.note(f"{self.text_of(node)} is a product with the tensor {found.name}")
        return True

    def letter_multiplies(self, node: Applied) -> bool:
        """Tell whether h(x) is a product, where h is no name by itself and could be an activation."""
        head, known = node.head, self.activations()
        guessed = self.names.guess(head)
        here = self.tensor_at(node.args[0])
        if not known or any(a.argument is here for a in known):
            return not known and guessed is not None
        if guessed is not None and head.core != "sigma":
            raise self.error(
                f"{head.core}(..) could be the activation, or a product with {guessed.name}.", node,
                f"Write \\operatorname{{{known[0].kind}}}(..), or \\cdot for a product.",
            )  # fmt: skip
        if head.core in ("f", "h") and here is not None and here.definition is None:
            raise self.error(f"there is no name {head.core!r}; the activation is not applied to {here.name}.", node)
        return False

    def is_label(self, node: Node) -> bool:
        """Tell whether a part is a label, by its name."""
        t = self.tensor_at(node)
        return t is not None and t.classes is not None

    def at_argument(self, found: Found, node: Applied) -> bool:
        """Tell whether f(x) may be the tensor f, which is computed from the input x."""
        t = found.array.tensor
        plain_form = isinstance(node.called, Called) or (
            isinstance(node.called, Indexed) and isinstance(node.called.body, Called)
        )
        if not plain_form or t is None or t.definition is None or t.role != "value" or not t.rank:
            return False
        above = ancestors(t)
        args = [self.tensor_at(arg) for arg in node.args]
        return all(arg in above and arg.definition is None for arg in args)

    def product_fits(self, node: Applied, found: Found) -> bool:
        """Tell whether f(x) can be a product as well."""
        kept = dict(self.sizes.bound)
        try:
            self.times("", self.value(node.head), self.value(node.args[0]), node)
        except FormulaError:
            return False
        finally:
            self.sizes.bound = kept
        self.note(f"{self.text_of(node)} is read as a product; {found.name} at its argument is written {found.name}")
        return True

    def _called(self, node: Called) -> Array:
        head = node.head
        if not head.primes and self.names.find(head) is not None:
            self.note(f"{self.text_of(node)} is {self.text_of(head)}")
            return self.value(head)
        if head.core == "e" and len(node.args) == 1 and not head.primes:
            return self.hot(self.labels(node.args[0]), node)
        if head.core == "delta" and len(node.args) == 2 and not head.primes:
            return self.kronecker(node.args, node)
        made = self.activation(node)
        if made is None:
            raise self.error(
                f"{self.text_of(head)} is not a function symnn knows.", node,
                "Write \\operatorname{relu}(..) and the like, or \\cdot for a product.",
            )  # fmt: skip
        return made


def ancestors(t: Any) -> list[Any]:
    """Return the tensors that a computed one is computed from."""
    seen: dict[Any, None] = {}
    stack = list(t.definition.args)
    while stack:
        at = stack.pop()
        if at not in seen:
            seen[at] = None
            stack += [] if at.definition is None else at.definition.args
    return list(seen)
