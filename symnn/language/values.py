"""Values in a formula: some get a name of their own, as computed tensors, so that they are written once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.define import abstract, typed
from symnn.ground.errors import DefinitionError, ShapeError, UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.signs import NONNEGATIVE, POSITIVE, sign_known
from symnn.ground.sizes import as_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.template import Template
from symnn.ground.tensors import Tensor
from symnn.ground.tree import ZERO, Add, Div, Entry, Fn, Ix, Neg, Sym, Tree, free_indices, walk
from symnn.language.arrays import Array, of_tensor, pointwise, reduced
from symnn.language.one_number import activation_of, taken_at
from symnn.language.parts import Reach, reach
from symnn.language.scope import Scope
from symnn.language.syntax import Call, FormulaError, MismatchError, Node, Text
from symnn.nn.activations import activation
from symnn.nn.layers import log_softmax, softmax
from symnn.nn.losses import loss

__all__ = ["Values", "distinct_letters"]

_TEMPLATES: dict[Any, Template] = {}


class Values:
    """Meaning of what stands in a formula, and of what is given a name there.

    Args:
        scope: what names mean.
        text: the formula, for messages.
        dry: only shapes are followed; sizes may still be open.
    """

    def __init__(self, scope: Scope, text: str, *, dry: bool = False) -> None:
        self.scope, self.text, self.dry = scope, text, dry
        self.sizes = scope.sizes
        self.letters: dict[str, Index] = {}
        self.locals: dict[str, Array] = {}
        self.made: list[Tensor] = []
        #: results of what may not be defined everywhere, and positions that are not inside their axes at all sizes
        self.parts: list[Array] = []
        self.reaches: list[Reach] = []

    def value(self, node: Node) -> Array:
        """Return what part of a formula stands for.

        Raises:
            FormulaError: shapes do not fit, or a name is not known.
        """
        raise NotImplementedError

    def error(self, reason: str, node: Node, hint: str = "") -> FormulaError:
        """Return an error that points at part of the formula."""
        return FormulaError(reason, self.text, node.span[0], hint)

    @contextmanager
    def pointing(self, node: Node) -> Iterator[None]:
        """Have errors that know nothing of the text point at part of it.

        Raises:
            FormulaError: in place of any other error of symnn; shapes that do not fit are a ``MismatchError``.
        """
        try:
            yield
        except FormulaError:
            raise
        except ShapeError as error:
            raise MismatchError(str(error), self.text, node.span[0]) from None
        except (DefinitionError, UnsupportedError) as error:
            raise self.error(str(error), node) from None

    # -- parts that are single numbers -----------------------------------------------------------------------------

    def size(self, node: Node) -> Any:
        """Return a size as written."""
        return as_size(to_sympy(self._scalar(node)))

    def _scalar(self, node: Node) -> Tree:
        x = self.value(node)
        if x.rank:
            raise self.error("a single position is expected here, found an array.", node)
        return x.at(())

    def _whole_number(self, node: Node) -> int:
        x = self.value(node)
        if x.value is None or x.value.denominator != 1:
            raise self.error("a whole number is expected here.", node)
        return int(x.value)

    def constant(self, x: Array, node: Node) -> Any:
        """Return a constant given as a number or a scalar symbol."""
        if x.value is not None:
            return Fraction(x.value)
        if x.rank == 0:
            tree = x.at(())
            if isinstance(tree, Sym):
                return tree.symbol
        raise self.error("a number or a scalar is expected here.", node)

    def labelled(self, node: Node, x: Array, size: Any = None) -> Array:
        """Return an array that is used as labels; only where shapes are still to be found can one become so."""
        raise self.error("this holds real numbers, and is used as labels.", node, "Declare it with sn.labels(...).")

    def inside(self, place: Tree, array: Array, axis: int, node: Node) -> None:
        """Check that a position made of sizes and numbers is inside its axis; where that takes large sizes, note it.

        Raises:
            MismatchError: it is outside at all sizes.
        """
        if free_indices(place) or any(isinstance(at, Entry) for at in walk(place)):
            return
        number, size = to_sympy(place), self.sizes.find(array.shape[axis])
        if size.atoms(sympy.Dummy):  # still to be found
            return
        for found, least in ((size, number + 1), (number + 1, sympy.Integer(1))):
            room = sympy.expand(found - least)
            if room.is_negative:
                of = "" if array.tensor is None else f" of {array.tensor.name}"
                said = f"position {number} is outside axis {axis}{of}, which has the size {size}."
                raise MismatchError(said, self.text, node.span[0])
            if not room.is_nonnegative:
                self.reaches.append(reach(room))

    # -- values with names -----------------------------------------------------------------------------------------

    def held(self, x: Array) -> Array:
        """Return an array that may be used several times: a composed one gets a name."""
        if x.tensor is not None or x.value is not None or self.dry:
            return x
        made = self.node(x)
        return x if made is None else of_tensor(made)

    def node(self, x: Array, name: str = "", *, layer: bool = False) -> Tensor | None:
        """Return an array as a computed tensor, or None where it speaks of letters from outside."""
        if x.tensor is not None:
            return x.tensor
        free = tuple(Index(letter, s) for letter, s in zip(distinct_letters(x), x.shape, strict=True))
        tree = x.at(tuple(Ix(i) for i in free))
        if any(i not in free for i in free_indices(tree)):
            return None
        count = len(self.made) + 1
        label = name or (f"a{count}" if layer else f"u{count}")
        own, tree = typed(label, free, tree)
        definition = abstract(label, own, tree, _TEMPLATES)
        known = sign_known(tree)
        made = Tensor(
            label, tuple(i.size for i in own), "value", definition=definition, auto=not name,
            letters=tuple(i.letter for i in own), positive=known == POSITIVE, nonnegative=known == NONNEGATIVE,
            adjoint_name=f"delta{count}" if layer and not name else "",
        )  # fmt: skip
        self.made.append(made)
        return made

    def defined(self, name: str, free: tuple[Index, ...], tree: Tree, node: Node) -> Array:
        """Return name[free] = tree as a computed tensor."""
        with self.pointing(node):
            own, tree = typed(name, free, tree)
        name = self.unused(name)
        definition = abstract(name, own, tree, _TEMPLATES)
        letters = tuple(i.letter for i in free)
        made = Tensor(name, tuple(i.size for i in own), "value", definition=definition, auto=True, letters=letters)
        self.made.append(made)
        return of_tensor(made)

    def unused(self, name: str) -> str:
        """Return a name for a value that nothing else carries: a name may be given twice, g = g @ W."""
        taken = {t.name for t in self.made} | {a.tensor.name for a in self.scope.names.values() if a.tensor is not None}
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name}_{number}"
        return label

    # -- layers ----------------------------------------------------------------------------------------------------

    def activated(self, kind: str, x: Array, constants: dict[str, Array], node: Call) -> Array:
        """Return an activation of the table."""
        if self.dry:
            return Array(x.shape, x.at)
        values = {k: self.constant(v, node) for k, v in constants.items()}
        t = self.node(x, layer=True) if self.scope.nodes else None
        if t is not None and t.classes is None:
            made = activation(kind, t, **values)
            self.made.append(made)
            return of_tensor(made)
        tree = activation_of(kind, values)
        return pointwise(self.sizes, kind, lambda u: taken_at(tree, u), x)

    def softmax(self, x: Array, axes: list[int], log: bool) -> Array:
        """Return a softmax over some axes, or its logarithm."""
        if self.dry:
            return Array(x.shape, x.at)
        t = self.node(x, layer=True)
        if t is not None and axes == [x.rank - 1]:
            made = log_softmax(t) if log else softmax(t)
            self.made.append(made)
            return of_tensor(made)
        x = x if t is None else of_tensor(t)
        each = pointwise(self.sizes, "exp", lambda u: Fn("exp", (u,)), x)
        total = reduced(each, axes, keep=True)
        if log:
            return pointwise(self.sizes, "log_softmax", lambda u, s: Add((u, Neg(Fn("log", (s,))))), x, total)
        return pointwise(self.sizes, "softmax", Div, each, total)

    def loss(
        self, kind: str, operands: list[Array], constants: dict[str, Array], reduction: Node | None, node: Call
    ) -> Array:
        """Return a loss of the table."""
        if self.dry:
            return self._dry_loss(kind, operands, node)
        how = "mean"
        if reduction is not None:
            how = reduction.value if isinstance(reduction, Text) else getattr(reduction, "name", "")
        tensors = [self.node(x) for x in operands]
        if any(t is None for t in tensors):
            raise self.error(f"{kind}() takes whole arrays, not entries.", node)
        values = {k: self.constant(v, node) for k, v in constants.items()}
        made = loss(kind, *[t for t in tensors if t is not None], reduction=how, **values)
        self.made.append(made)
        return of_tensor(made)

    def _dry_loss(self, kind: str, operands: list[Array], node: Call) -> Array:
        first, second = operands
        if kind in ("cross_entropy", "nll", "focal"):
            t = second
            if second.rank != first.rank and t.classes is None:
                t = self.labelled(node.args[1], second, first.shape[-1])
            elif t.classes is not None and first.rank and not self.sizes.same(t.classes, first.shape[-1]):
                classes, size = self.sizes.find(t.classes), self.sizes.find(first.shape[-1])
                raise ShapeError(f"{kind}() of labels with {classes} classes and an axis of {size}.")
            shape = first.shape if second.rank == first.rank else first.shape[:-1]
            pointwise(self.sizes, kind, lambda u, v: u, Array(shape, first.at), Array(t.shape, t.at))
        else:
            pointwise(self.sizes, kind, lambda u, v: u, first, second)
        return Array((), lambda at: ZERO)


def distinct_letters(x: Array) -> tuple[str, ...]:
    """Return what the indices of the axes of an array are called, each another letter."""
    out: list[str] = []
    spare = iter("ijklmnopqrst")
    for n in range(x.rank):
        letter = x.letter(n)
        while letter in out:
            letter = next(spare)
        out.append(letter)
    return tuple(out)
