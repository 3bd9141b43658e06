"""Write a plan as the source of one Python function over an array namespace."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from symnn.compile.names import Names, comment
from symnn.compile.plan import Plan, Step
from symnn.compile.recipe import size_code
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor

__all__ = ["Source", "written"]

#: Identifiers that the generated code uses itself.
OWN = ("xp", "sp", "real")


@dataclass(frozen=True)
class Source:
    """The text of a program and what is needed to call it.

    Attributes:
        text: the Python source.
        function: the name of the function in it.
        special: it uses the namespace of special functions ``sp``.
        risky: a branch that is not taken may overflow or divide by zero.
    """

    text: str
    function: str
    special: bool
    risky: bool


class _Writer:
    def __init__(self, plan: Plan, scalars: Mapping[str, float], dtype: str) -> None:
        self.plan, self.dtype = plan, dtype
        self.scalars = {str(k): v for k, v in scalars.items()}
        self.names = Names(OWN)
        self.lines: list[str] = []
        self.symbols: dict[Any, str] = {}
        self.sizes: dict[Any, str] = {}
        self.shared: dict[str, str] = {}
        self.owned: set[Tensor] = set()
        self.last = {a: n for n, step in enumerate(plan.steps) for a in step.args}
        self.pinned = set(plan.outputs) | {a for s in plan.steps if s.recipe.code.views for a in s.args}
        self.risky = False

    def symbol(self, s: Any) -> str:
        """Return the identifier of a size or scalar symbol, noting that the program needs it."""
        made = self.symbols.get(s)
        if made is None:
            made = self.symbols[s] = self.names.of(s, s.name)
        return made

    def size(self, size: Any) -> str:
        made = self.sizes.get(size)
        if made is None:
            made = self.sizes[size] = size_code(size, self.symbol)
        return made

    def free(self, n: int, tensor: Tensor) -> bool:
        """Tell whether a tensor's array is ours and read for the last time in step n."""
        return tensor in self.owned and self.last[tensor] == n and tensor not in self.pinned

    def step(self, n: int, step: Step) -> None:
        """Write one node."""
        recipe, names = step.recipe, [""] * step.recipe.fields
        ours: set[str] = set()
        for k, place in recipe.slots:
            arg = step.args[place]
            names[k] = self.names.of(arg, arg.name)
            if self.free(n, arg):
                ours.add(names[k])
        for k, s in recipe.symbols:
            actual = s if step.sizes is None else step.sizes.get(s, s)
            names[k] = self.size(actual)
        out = self.names.of(step.tensor, step.tensor.name)
        code, lines = recipe.code, self.lines
        for place, (number, text, shared) in enumerate(code.steps):
            line = text.format(*names)
            if not shared and line.endswith(".copy()") and line[:-7] in ours:
                later = [t for _, t, _ in code.steps[place + 1 :]] + [code.result, *(code.update or ())]
                if not any(text[:-7] in t for t in later):  # the array is not read again in this node either
                    line = line[:-7]
            if not number:
                lines.append(line)
                continue
            if number == recipe.result:
                names[recipe.temps[number]] = out
                lines.append(f"{out} = {line}")
                continue
            known = self.shared.get(line) if shared else None
            if known is None:
                known = self.names.fresh("u")
                lines.append(f"{known} = {line}")
                if shared:
                    self.shared[line] = known
            names[recipe.temps[number]] = known
        if code.update is not None and (array := code.update[0].format(*names)) in ours:
            lines.append(code.update[1].format(*names))
            lines.append(f"{out} = {array}")
        elif not recipe.result:
            lines.append(f"{out} = {code.result.format(*names)}")
        if code.fresh:
            self.owned.add(step.tensor)
        self.risky = self.risky or code.risky

    def reading(self) -> list[str]:
        """Return the lines that give every size and scalar in use its value."""
        needed = dict(self.symbols)
        lines: list[str] = []
        known: set[Any] = set()
        for s, name in needed.items():
            if s.name in self.scalars:
                lines.append(f"{name} = {_literal(s.name, self.scalars[s.name], s)}")
                known.add(s)
        sources = [(t, axis, size) for t in self.plan.leaves for axis, size in enumerate(t.shape)]
        wanted = dict.fromkeys(s for s in needed if s not in known)
        compound = [c for c in sources if not c[2].is_Symbol and c[2].free_symbols]
        for t, axis, size in sources:
            if size in wanted and size not in known:
                lines.append(f"{self.symbol(size)} = {self.names.of(t, t.name)}.shape[{axis}]")
                known.add(size)
        progress = True
        while progress and any(s not in known for s in wanted):
            progress = False
            for t, axis, size in compound:
                open_ = [s for s in size.free_symbols if s not in known]
                if len(open_) == 1 and (line := self._solved(t, axis, size, open_[0])) is not None:
                    lines.append(line)
                    known.add(open_[0])
                    progress = True
        for s in wanted:
            if s not in known:
                self._missing(s)
        return lines

    def _solved(self, t: Tensor, axis: int, size: Any, unknown: Any) -> str | None:
        polynomial = sympy.Poly(size, unknown)
        if polynomial.degree() != 1:
            return None
        slope, rest = polynomial.all_coeffs()
        read = f"{self.names.of(t, t.name)}.shape[{axis}]"
        top = read if rest == 0 else f"({read} - {self.size(rest)})"
        return f"{self.symbol(unknown)} = {top}" + ("" if slope == 1 else f" // {self.size(slope)}")

    def _missing(self, s: Any) -> None:
        if s.is_integer:
            raise DefinitionError(
                f"The size {s} is on no axis of an array of this program. Give it a value, {s.name}=3."
            )
        if self.scalars:
            raise UnknownNameError(s.name, self.scalars, "scalar")
        raise DefinitionError(f"The symbol {s} has no value. Give it one, {s.name}=0.1.")


def _literal(name: str, value: Any, symbol: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) and not hasattr(value, "__float__"):
        raise DefinitionError(f"The value of {name!r} must be a real number, found {value!r}.")
    number = float(value)
    if not math.isfinite(number):
        raise DefinitionError(f"The value of {name!r} must be finite, found {value!r}.")
    if symbol.is_integer:
        if number != int(number):
            raise DefinitionError(f"The value of {name!r} must be a whole number, found {value!r}.")
        return repr(int(number))
    return repr(number)


def written(plan: Plan, *, scalars: Mapping[str, float], dtype: str, name: str) -> Source:
    """Return the source of a plan: ``def program(xp, ...)`` that returns a dict of arrays."""
    writer = _Writer(plan, scalars, dtype)
    function = writer.names.of("the function", name or "program")
    arguments = [writer.names.of(t, t.name) for t in plan.leaves]
    for n, step in enumerate(plan.steps):
        writer.step(n, step)
    results = []
    for t in plan.outputs:
        text = writer.names.of(t, t.name)
        results.append(f"{t.name!a}: {text if t in writer.owned else f'xp.array({text})'},")
    body = writer.reading() + writer.lines
    special = any("sp." in line for line in writer.lines)
    head = [comment(f"{', '.join(t.name for t in plan.outputs[:8])} from "
                    f"{', '.join(f'{t.name} {size_text(t.shape)}' for t in plan.leaves[:8])}")]  # fmt: skip
    first = f"def {function}({', '.join(['xp', *(['sp'] if special else []), *arguments])}):"
    text = "\n    ".join([first, f"real = xp.{dtype}", *body, "return {"])
    text += "".join(f"\n        {r}" for r in results) + "\n    }\n"
    return Source("\n".join([*head, text]), function, special, writer.risky)
