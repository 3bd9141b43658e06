"""Forward: an operation as data. Letters say which axes its operands have, one expression says what it computes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import sympy

from symnn.ground.arguments import tensor
from symnn.ground.errors import DefinitionError, ShapeError
from symnn.ground.functions import sum_over
from symnn.ground.indices import Index
from symnn.ground.signs import NONNEGATIVE, POSITIVE, sign_known
from symnn.ground.sizes import formal_size, size_text
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import Template, instantiate
from symnn.ground.tensors import Tensor

__all__ = ["Forward", "Letters"]


class Letters:
    """The indices of one operation by letter; ``n`` of a starred letter is the tuple of all leading axes."""

    def __init__(self, made: dict[str, Index], batch: tuple[Index, ...]) -> None:
        self._made, self.batch = made, batch

    def __getattr__(self, letter: str) -> Index:
        try:
            return self._made[letter]
        except KeyError:
            raise AttributeError(letter) from None

    def at(self, *letters: str) -> tuple[Index, ...]:
        """Return the indices of some letters."""
        return tuple(self._made[w] for w in letters)

    def again(self, letter: str, like: Index) -> Index:
        """Return a second index over the same range, one per letter."""
        return self._made.setdefault(letter, Index(letter, like.size))

    def sum(self, body: Any, *letters: Index) -> Any:
        """Return the sum of the body over whole indices."""
        return sum_over(body, *letters)

    def count(self) -> Any:
        """Return the number of entries of the leading axes, 1 when there are none."""
        return sympy.Mul(*[i.size for i in self.batch])


_BATCH = ("n", "m", "l", "o", "p")


@dataclass(frozen=True)
class Forward:
    """An operation of the zoo.

    Attributes:
        name: the operation's name.
        operands: index letters of each operand, ``{"x": "*n j", "W": "i j"}``; ``*n`` stands for any leading axes.
        result: index letters of the output.
        formula: (operands by name, letters, constants...) -> SymPy expression.
        labels: operand -> letter it indexes, for integer operands.
        latex: the formula as shown in a table.
        source: where the definition is from.
        domain: where it is defined and not differentiable.
    """

    name: str
    operands: dict[str, str]
    result: str
    formula: Callable[..., Any]
    labels: dict[str, str] = field(default_factory=dict)
    latex: str = ""
    source: str = ""
    domain: str = "all real inputs"
    positive: bool = False
    _cache: dict[Hashable, Template] = field(default_factory=dict, repr=False, compare=False)

    def template(self, leading: int, constants: tuple[Any, ...], signs: tuple[tuple[bool, bool], ...]) -> Template:
        """Return the shared template for a number of leading axes."""
        key = (leading, constants, signs)
        made = self._cache.get(key)
        if made is None:
            made = self._cache[key] = self._build(leading, constants, signs)
        return made

    def _build(self, leading: int, constants: tuple[Any, ...], signs: tuple[tuple[bool, bool], ...]) -> Template:
        letters = dict.fromkeys(
            w for spec in (*self.operands.values(), self.result) for w in spec.split() if w[0] != "*"
        )
        sizes = {w: formal_size(f"S_{w}") for w in (*letters, *_BATCH, *self.labels.values())}
        made = {w: Index(w, sizes[w]) for w in letters}
        batch = tuple(Index(w, sizes[w]) for w in _BATCH[:leading])

        def axes(spec: str) -> tuple[Index, ...]:
            out: list[Index] = []
            for w in spec.split():
                out.extend(batch if w[0] == "*" else (made[w],))
            return tuple(out)

        slots = {}
        for (name, spec), (positive, nonnegative) in zip(self.operands.items(), signs, strict=True):
            at = axes(spec)
            slots[name] = Tensor(
                name, tuple(i.size for i in at), "slot", letters=tuple(i.letter for i in at), positive=positive,
                nonnegative=nonnegative,
                classes=sizes[self.labels[name]] if name in self.labels else None,
            )  # fmt: skip
        expression = self.formula(slots, Letters(made, batch), *constants)
        tree = from_sympy(expression)
        known = sign_known(tree)
        return Template(
            self.name,
            axes(self.result),
            tree,
            tuple(slots.values()),
            positive=self.positive or known == POSITIVE,
            nonnegative=known == NONNEGATIVE,
            expr=expression,
        )

    def __call__(
        self, *args: Tensor, name: str, constants: tuple[Any, ...] = (), auto: bool = True, latex: str = "",
        adjoint_name: str = "", level: int | None = None, needs: tuple[Tensor, str] | None = None,
    ) -> Tensor:  # fmt: skip
        """Return the tensor computed by this operation from actual tensors.

        Raises:
            DefinitionError: an operand is missing or is no tensor.
            ShapeError: the operands' shapes do not fit; the message names node, shapes and index.
        """
        if len(args) != len(self.operands):
            listed = ", ".join(self.operands)
            raise DefinitionError(f"{self.name}() takes {len(self.operands)} tensors ({listed}), found {len(args)}.")
        for operand, arg in zip(self.operands, args, strict=True):
            tensor(f"{self.name}()", arg, f"a tensor as {operand}")
        leading = self._leading(args, name)
        template = self.template(leading, constants, tuple((a.positive, a.nonnegative) for a in args))
        definition = instantiate(template, args, node=name)
        return Tensor(
            name, definition.shape, "value", latex=latex, definition=definition, auto=auto,
            letters=self._shown(args, leading), positive=template.positive, nonnegative=template.nonnegative,
            adjoint_name=adjoint_name, needs=needs,
            level=max((a.level for a in args), default=0) if level is None else level,
        )  # fmt: skip

    def _shown(self, args: tuple[Tensor, ...], leading: int) -> tuple[str, ...]:
        """Index letters of the output: on leading axes those of the first operand that has them."""
        batch: tuple[str, ...] = _BATCH[:leading]
        for spec, arg in zip(self.operands.values(), args, strict=True):
            if spec.startswith("*") and len(arg.letters) >= leading:
                batch = arg.letters[:leading]
                break
        out: list[str] = []
        for w in self.result.split():
            out.extend(batch if w[0] == "*" else (w,))
        return tuple(out) if len(set(out)) == len(out) else (*_BATCH[:leading], *out[leading:])

    def _leading(self, args: tuple[Tensor, ...], node: str) -> int:
        found = None
        for (operand, spec), arg in zip(self.operands.items(), args, strict=True):
            words = spec.split()
            fixed = sum(w[0] != "*" for w in words)
            if fixed == len(words):
                continue
            leading = arg.rank - fixed
            if leading < 0 or (found is not None and leading != found):
                raise ShapeError(
                    f"In node {node!r} = {self.name}({', '.join(a.name for a in args)}): operand {operand} "
                    f"takes axes ({spec}), found {arg.name} with shape {size_text(arg.shape)}. "
                    "Give every operand the same leading axes."
                )
            found = leading
        return found or 0
