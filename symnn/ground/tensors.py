"""Tensors: named arrays with symbolic shapes; x[n, i] is a SymPy expression of one entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import sympy

from symnn.ground.errors import DefinitionError, OperandError, ShapeError
from symnn.ground.sizes import Size, as_size, size_text

if TYPE_CHECKING:
    from symnn.ground.template import Definition

__all__ = ["Tensor", "TensorSymbol", "input", "label_tensor", "labels", "parameter", "permutation", "tensor_of"]


class TensorSymbol(sympy.Dummy):  # type: ignore[misc]
    """The SymPy face of a tensor: the label of its indexed base, and a scalar tensor's only entry."""

    tensor: Tensor

    def _sympystr(self, printer: Any) -> str:
        return str(self.name)

    def _latex(self, printer: Any) -> str:
        return self.tensor.latex or self.name


class Tensor:
    """A named array; equal only to itself. ``role`` is one of input, parameter, label, value, adjoint, slot.

    Attributes:
        name: how the user calls it; unique within a network.
        shape: sizes, one per axis.
        role: what part it plays.
        latex: its LaTeX name without indices, or "" to derive it from the name.
        positive: every entry is known to be > 0.
        nonnegative: every entry is known to be >= 0.
        classes: for labels the number of classes, entries being 0 .. classes-1; else None.
        bijective: for whole numbers along one axis, that each of 0 .. classes-1 occurs once: a permutation.
        definition: how it is computed, or None for a leaf.
        letters: preferred index letters, one per axis.
        adjoint_name: how the gradient of a loss by this tensor is called, where it has a name of its own.
        of: for an adjoint, the tensor whose gradient it is; for a named part of a definition, the tensor defined.
        initial: the value that every entry starts from, or None to draw it by the scheme of ``Network.init``.
        auto: the name was not given by the user, and a network may change it to keep names apart.
        level: how many affine layers lie below, for automatic names.
        named: a number that grows with every automatic name a graph settles, 0 before: the oldest keeps its name.
        needs: a tensor that must be > 0 in every entry for this one to be defined, and what that says in words; or
            None. Whoever computes values checks it.
        parts: named parts of its definition that formulas of its derivatives speak of, by their formal counterparts.
    """

    __slots__ = (
        "__weakref__",
        "_base",
        "_symbol",
        "adjoint_name",
        "auto",
        "bijective",
        "classes",
        "definition",
        "initial",
        "latex",
        "letters",
        "level",
        "name",
        "named",
        "needs",
        "nonnegative",
        "of",
        "parts",
        "positive",
        "regularised",
        "role",
        "shape",
    )

    def __init__(
        self,
        name: str,
        shape: tuple[Size, ...],
        role: str,
        *,
        latex: str = "",
        positive: bool = False,
        nonnegative: bool = False,
        classes: Size | None = None,
        bijective: bool = False,
        definition: Definition | None = None,
        letters: tuple[str, ...] = (),
        adjoint_name: str = "",
        of: Tensor | None = None,
        regularised: bool = False,
        initial: float | None = None,
        auto: bool = False,
        level: int = 0,
        needs: tuple[Tensor, str] | None = None,
    ) -> None:
        self.name, self.shape, self.role, self.latex = name, shape, role, latex
        self.positive, self.nonnegative = positive, positive or nonnegative
        self.classes, self.bijective, self.definition = classes, bijective, definition
        self.letters, self.adjoint_name, self.of = letters, adjoint_name, of
        self.regularised, self.initial, self.auto, self.level = regularised, initial, auto, level
        self.needs, self.named = needs, 0
        self.parts: dict[Tensor, Tensor] = {}
        self._symbol: TensorSymbol | None = None
        self._base: Any = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def symbol(self) -> TensorSymbol:
        """The SymPy symbol of this tensor, made once."""
        if self._symbol is None:
            flags: dict[str, bool] = {"real": True}
            if self.classes is not None:
                flags = {"integer": True, "nonnegative": True}
            elif self.positive:
                flags = {"positive": True}
            made = TensorSymbol(self.name, **flags)
            made.tensor = self
            self._symbol = made
            self._base = sympy.IndexedBase(made)
        return self._symbol

    def __getitem__(self, at: Any) -> Any:
        """Return the SymPy expression of one entry; a scalar tensor takes ``()``.

        Raises:
            ShapeError: the number of indices is not the number of axes.
        """
        where = at if isinstance(at, tuple) else (at,)
        if len(where) != self.rank:
            raise ShapeError(
                f"Tensor {self.name!r} has shape {size_text(self.shape)}: it takes {self.rank} indices, "
                f"found {len(where)}. Give one index per axis."
            )
        symbol = self.symbol
        if not where:
            return symbol
        return sympy.Indexed(self._base, *[self._position(w) for w in where])

    def _position(self, w: Any) -> Any:
        """Return an index position as SymPy; text is never handed on, because SymPy would evaluate it."""
        if isinstance(w, sympy.Expr) and (w.is_integer or w.is_integer is None):
            return w
        if isinstance(w, int | np.integer) and not isinstance(w, bool) and w >= 0:
            return sympy.Integer(int(w))
        raise DefinitionError(
            f"Tensor {self.name!r} is indexed by indices, labels or whole numbers from 0, found {w!r}. "
            f"Make indices with n, i = sn.indices('n i'), then write {self.name}[n, i]."
        )

    def _bare(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse arithmetic with the whole tensor."""
        at = ", ".join("nijkl"[: self.rank]) or "()"
        raise OperandError(
            f"Tensor {self.name!r} stands in arithmetic without indices. Write a formula of its entries, such as "
            f"{self.name}[{at}] + 1, inside sn.define(); a product of matrices is a sum over the index they share, "
            "sn.sum(x[n, i] * W[i, j], i), and functions are SymPy's, sympy.exp(x[n, i])."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _bare
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = _bare
    __lt__ = __le__ = __gt__ = __ge__ = __array_ufunc__ = _bare

    def __iter__(self) -> Any:
        raise TypeError(f"Tensor {self.name!r} is symbolic and cannot be iterated over; index it, for example x[n, i].")

    def __repr__(self) -> str:
        return f"{self.role} {self.name} {size_text(self.shape)}"


def tensor_of(symbol: Any) -> Tensor | None:
    """Return the tensor behind a SymPy symbol, or None when it is an ordinary symbol."""
    return symbol.tensor if isinstance(symbol, TensorSymbol) else None


def _shape(name: str, shape: Any) -> tuple[Size, ...]:
    if not isinstance(name, str) or not name:
        raise DefinitionError(f"A tensor needs a name, found {name!r}.")
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    return tuple(as_size(s) for s in shape)


def input(name: str, shape: Any, *, latex: str = "", positive: bool = False) -> Tensor:
    """Return a data tensor of the given shape, an input of the network.

    >>> from symnn.ground.sizes import dims
    >>> input("x", dims("N D"))
    input x (N, D)
    """
    return Tensor(name, _shape(name, shape), "input", latex=latex, positive=positive)


def parameter(
    name: str, shape: Any, *, latex: str = "", positive: bool = False, regularised: bool = True,
    initial: float | None = None,
) -> Tensor:  # fmt: skip
    """Return a trainable tensor; ``regularised=False`` keeps penalties such as L2 off it.

    Every entry starts from ``initial`` where that is given, else as ``Network.init`` draws it.
    """
    return Tensor(
        name, _shape(name, shape), "parameter", latex=latex, positive=positive, regularised=regularised, initial=initial
    )


def labels(name: str, shape: Any, classes: Any, *, latex: str = "") -> Tensor:
    """Return an integer tensor with entries 0 .. classes-1, to be used as an index: ``p[n, t[n]]``."""
    return label_tensor(name, _shape(name, shape), as_size(classes), latex=latex)


def label_tensor(name: str, shape: tuple[Size, ...], classes: Size, *, latex: str = "", role: str = "label") -> Tensor:
    """Return an integer-valued tensor in the given role (labels of a network, or a slot of a template)."""
    return Tensor(name, shape, role, latex=latex, classes=classes)


def permutation(name: str, size: Any, *, latex: str = "") -> Tensor:
    """Return pi, an integer tensor of one axis in which each of 0 .. size-1 occurs once: ``W[i, pi[j]]``.

    Proofs use that sum_i f(pi[i]) = sum_i f(i); values that are no permutation are refused wherever they are given.

    >>> from symnn.ground.sizes import dims
    >>> permutation("pi", dims("H"))
    label pi (H,)
    """
    made = as_size(size)
    return Tensor(name, _shape(name, (made,)), "label", latex=latex, classes=made, bijective=True)
