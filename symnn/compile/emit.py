"""Turn one stabilised tree into lines of array code: every subexpression is a Piece, a text with index axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symnn.compile import arithmetic, conditions, functions, positions, reductions
from symnn.compile.dialect import NUMPY, Dialect
from symnn.compile.elementwise import constant
from symnn.compile.piece import ATOM, CALL, SUM, Piece, aligned
from symnn.compile.products import quotient, summands
from symnn.compile.safe_nodes import LOWEST, Peak
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    Add,
    Const,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
    children,
    walk,
)

__all__ = ["Code", "Emitter"]


@dataclass(frozen=True)
class Code:
    """The program of one node: temporaries, then the node itself; texts are format strings over names.

    Attributes:
        steps: (number, text, shared) in order of execution: the temporary of that number gets the text, and may be
            shared with other nodes; number 0 is a statement that changes a buffer.
        result: text of the node's value.
        fresh: the value is a new array.
        risky: a branch that is not taken may overflow or divide by zero.
        update: (array, statement) that leaves the value in an argument's own array, or None.
        views: the value or a temporary may share memory with an argument.
    """

    steps: tuple[tuple[int, str, bool], ...]
    result: str
    fresh: bool
    risky: bool
    update: tuple[str, str] | None
    views: bool


class Emitter:
    """Emit one node.

    Args:
        free: the output's indices, in the order of its axes.
        tensor: tensor -> field that stands for its name.
        size: size -> text in fields.
        symbol: scalar symbol -> text in fields.
        temp: number of a temporary -> field.
        dialect: of the array library.
    """

    def __init__(
        self,
        free: Sequence[Index],
        tensor: Callable[[Tensor], str],
        size: Callable[[Size], str],
        symbol: Callable[[Any], str],
        temp: Callable[[int], str],
        dialect: Dialect = NUMPY,
    ) -> None:
        self.free = tuple(free)
        self.tensor, self.size, self.symbol, self.temp = tensor, size, symbol, temp
        self.dialect = dialect
        self.rank = {k: n for n, k in enumerate(self.free)}
        self.steps: list[tuple[int, str, bool]] = []
        self.count = 0
        self.risky = False
        self.views = False
        self.guards: tuple[tuple[Tree, bool], ...] = ()
        self._repeated: set[Tree] = set()
        self._done: dict[tuple[Tree, tuple[tuple[Tree, bool], ...]], Piece] = {}
        self._known: dict[str, str] = {}

    # -- the node as a whole ----------------------------------------------------------------

    def node(self, tree: Tree) -> Code:
        """Return the program of ``out[free] = tree``."""
        counts = Counter(t for t in walk(tree) if not _trivial(t))
        self._repeated = {t for t, n in counts.items() if n > 1}
        for t in walk(tree):
            if isinstance(t, Sum):
                self.rank.setdefault(t.index, len(self.rank))
        made = self.emit(tree)
        out = self.whole(made, self.free)
        update = made.update if made.axes == self.free else None
        return Code(tuple(self.steps), out.text, out.fresh, self.risky, update, self.views or not out.fresh)

    def whole(self, piece: Piece, axes: Sequence[Index]) -> Piece:
        """Return the piece as an array with exactly the given axes, in the program's precision."""
        piece = self.real(piece)
        if piece.kind == "number":
            shape = self.shape(axes)
            made = f"xp.full({shape}, {piece.text}, dtype=real)" if axes else f"xp.asarray({piece.text}, dtype=real)"
            return Piece(made, tuple(axes), CALL, fresh=True)
        fits = set(piece.axes) == set(axes)
        piece = aligned(piece, tuple(axes)) if piece.axes else piece
        if not fits:
            return Piece(f"xp.broadcast_to({piece.text}, {self.shape(axes)})", tuple(axes), CALL)
        return piece

    def shape(self, axes: Sequence[Index]) -> str:
        """Return the shape of an array with the given axes."""
        return "(" + ", ".join(self.size(k.size) for k in axes) + ("," if len(axes) == 1 else "") + ")"

    def real(self, piece: Piece) -> Piece:
        """Return the piece as numbers of the program's precision."""
        if piece.kind in ("bool", "int"):
            if not piece.axes and piece.kind == "int":
                return piece
            return Piece(f"{piece.at(CALL)}.astype(real)", piece.axes, CALL, fresh=True)
        return piece

    def hold(self, piece: Piece) -> Piece:
        """Give the piece a name, so that its text may be used twice."""
        if piece.level == ATOM:
            return piece
        name = self._known.get(piece.text)
        if name is None:
            self.count += 1
            name = self._known[piece.text] = self.temp(self.count)
            self.steps.append((self.count, piece.text, True))
            self.views = self.views or not piece.fresh
        return Piece(name, piece.axes, ATOM, piece.kind)

    def buffer(self, piece: Piece) -> Piece:
        """Give the piece a name of its own, an array that may be changed in place."""
        self.count += 1
        name = self.temp(self.count)
        self.steps.append((self.count, piece.text if piece.fresh else f"{piece.at(CALL)}.copy()", False))
        return Piece(name, piece.axes, ATOM, fresh=True)

    def change(self, statement: str) -> None:
        """Add a statement that changes a buffer."""
        self.steps.append((0, statement, False))

    def refuse(self, condition: str, message: str) -> None:
        """Add a statement that raises IndexError where a condition holds, once."""
        statement = f'if {condition}: raise IndexError({message})'
        if (0, statement, False) not in self.steps:
            self.change(statement)

    # -- one tree ----------------------------------------------------------------

    def emit(self, tree: Tree) -> Piece:
        """Return the piece of a tree."""
        key = (tree, self.guards if self.guards and conditions.may_fail(tree) else ())
        made = self._done.get(key)
        if made is None:
            made = self._emit(tree)
            if (tree in self._repeated or _shareable(tree)) and made.kind != "number":
                made = self._done[key] = replace(self.hold(made), fresh=False)
        return made

    def _emit(self, tree: Tree) -> Piece:
        match tree:
            case Num() | Const() | Sym():
                return self._scalar(tree)
            case Ix():
                return self.real(positions.position(self, tree))
            case Entry():
                found = positions.entry(self, tree)
                return self.real(replace(found, kind="int")) if tree.tensor.classes is not None else found
            case Add():
                return arithmetic.added(self, tree)
            case Neg() | Mul() | Div():
                return arithmetic.multiplication(self, quotient(tree))
            case Pow():
                return functions.power(self, tree)
            case Fn():
                return functions.function(self, tree)
            case Peak():
                return reductions.largest(self, tree)
            case Sum():
                return reductions.summation(self, tree)
            case Delta() | Ind():
                return conditions.condition(self, tree)
            case Where():
                return conditions.where(self, tree)
        raise UnsupportedError(f"{type(tree).__name__} cannot be compiled. Carry the derivative out first.")

    def _scalar(self, tree: Tree) -> Piece:
        if isinstance(tree, Num):
            return constant(tree.value)
        if isinstance(tree, Const):
            if tree == LOWEST:
                return Piece("float(xp.finfo(real).min)", (), CALL, "number")
            return Piece({"pi": "xp.pi", "E": "xp.e"}[tree.name], (), ATOM, "number")
        assert isinstance(tree, Sym)
        text = self.symbol(tree.symbol)
        return Piece(text, (), ATOM if text[0] == "{" and text[-1] == "}" else SUM - 1, "number")


def _trivial(tree: Tree) -> bool:
    if isinstance(tree, Entry):
        return len(set(tree.at)) == len(tree.at) and all(isinstance(p, Ix) for p in tree.at)
    if isinstance(tree, Neg):
        return True
    return not children(tree)


def _shareable(tree: Tree) -> bool:
    """Tell whether other nodes are likely to need the same: a peak, exponentials shifted by it, and their sum."""
    if isinstance(tree, Sum) and not isinstance(tree, Peak):
        tree = tree.body
    if isinstance(tree, Fn) and tree.name == "exp":
        terms = summands(tree.args[0])
        return any(isinstance(t, Neg) and isinstance(t.body, Peak) for t in terms)
    return isinstance(tree, Peak)
