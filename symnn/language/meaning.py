"""From the tree of a typed formula to index notation: shapes are followed, every position gets its expression.

What each kind of part means stands in the classes below ``Meaning``: values, operators, brackets, index letters.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symnn.ground.indices import Index
from symnn.ground.sympy_border import from_sympy
from symnn.language.arrays import Array, number, of_tensor, pointwise
from symnn.language.functions import FUNCTIONS, REFUSED
from symnn.language.letters import Letters
from symnn.language.one_number import derivative_of, taken_at
from symnn.language.parts import Reach
from symnn.language.syntax import (
    Binary,
    Call,
    Compare,
    Dots,
    Item,
    Juxtaposed,
    Name,
    NewAxis,
    Node,
    Number,
    Program,
    Range,
    Sigma,
    Statement,
    Text,
    Transposed,
    Tuple,
    Unary,
)

__all__ = ["Meaning", "Result"]

#: Arguments that are read as written and not as arrays.
_RAW = frozenset((
    "axis", "keepdims", "dtype", "ddof", "ord", "axes", "first", "second", "third", "fourth", "shape", "size", "k",
    "classes", "reduction", "subscripts",
))  # fmt: skip
#: Other names for the same arguments.
_SPELLED = {
    "dim": "axis", "keepdim": "keepdims", "correction": "ddof", "temperature": "tau", "a_min": "low", "a_max": "high",
    "min": "low", "max": "high", "input": "x", "a": "x", "num_classes": "classes", "N": "size", "stop": "size",
    "x1": "x", "x2": "y", "diagonal": "k", "offset": "k", "axis1": "first", "axis2": "second",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What a formula stands for.

    Attributes:
        array: its value.
        letters: the index letters on its left-hand side, or those that it uses, each with its index.
        named: the name on its left-hand side.
        parts: results of its calls, divisions and powers, and ``reaches`` positions not inside at all sizes.
    """

    array: Array
    letters: tuple[tuple[str, Index], ...]
    named: str = ""
    parts: tuple[Array, ...] = ()
    reaches: tuple[Reach, ...] = ()


class Meaning(Letters):
    """Follows one formula."""

    # -- a whole formula -------------------------------------------------------------------------------------------

    def program(self, program: Program) -> Result:
        """Return what a formula stands for.

        Raises:
            FormulaError: it is not well formed; the message points at the place.
        """
        for statement in program.statements:
            self._statement(statement)
        left = program.target.letters if program.target is not None else None
        self.begin(left, program.result)
        array = self.value(program.result)
        order = list(left or ()) + [k for k in self.letters if k not in (left or ())]
        letters = tuple((k, self.letters[k]) for k in order)
        if letters and array.rank:
            raise self.error(
                "an array of indices and one of axes are mixed. Give every axis an index, or none.", program
            )
        named = program.target.name if program.target is not None else ""
        return Result(array, letters, named, tuple(self.parts), tuple(self.reaches))

    def _statement(self, s: Statement) -> None:
        self.begin(s.letters, s.value)
        array = self.value(s.value)
        if self.letters:
            array = self._indexed(array, s)
        elif not self.dry:
            with self.pointing(s):
                held = self.node(array, self.unused(s.name))
            array = array if held is None else of_tensor(held)
        self.locals[s.name] = array

    def _indexed(self, array: Array, s: Statement) -> Array:
        """Return name[i, j] = ... as an array of those axes."""
        if array.rank or s.letters is None or set(s.letters) != set(self.letters):
            raise self.error(f"write {s.name}[{','.join(self.letters)}] = ..., with all of its index letters.", s)
        free = tuple(self.letters[k] for k in s.letters)
        if self.dry:
            raise self.error("a forward formula is written without index letters here.", s)
        return self.defined(s.name, free, array.at(()), s)

    # -- parts -----------------------------------------------------------------------------------------------------

    def value(self, node: Node) -> Array:
        """Return what part of a formula stands for.

        Raises:
            FormulaError: shapes do not fit, or a name is not known.
        """
        with self.pointing(node):
            found = _VALUES[type(node)](self, node)
        if isinstance(node, Call) or (isinstance(node, Binary) and node.op in ("/", "**")):
            self.parts.append(found)
        return found

    def _number(self, node: Number) -> Array:
        return number(node.value)

    def _text(self, node: Text) -> Array:
        raise self.error("a quoted text is only known as the subscripts of einsum.", node)

    def _tuple(self, node: Tuple) -> Array:
        raise self.error("a list of values is no array here.", node)

    def _range(self, node: Node) -> Array:
        raise self.error("this only stands between square brackets.", node)

    def _name(self, node: Name) -> Array:
        if node.name in self.letters:
            return self._index(self.letters[node.name])
        found = self.locals.get(node.name)
        if found is None:
            found = self.scope.find(node.name)
        if found is None:
            unknown = self.scope.unknown(node.name)
            if node.name in FUNCTIONS and getattr(unknown, "suggestion", None) is None:
                raise self.error(f"{node.name} is a function: write its argument after it, {node.name}(x).", node)
            raise self.error(str(unknown), node)
        return found

    # -- functions -------------------------------------------------------------------------------------------------

    def _call(self, node: Call) -> Array:
        name = node.function
        if node.prime:
            return self._primed(node)
        if name in ("shape", "len"):
            return self._length(node)
        known = FUNCTIONS.get(name)
        if known is None:
            if name in REFUSED:
                raise self.error(f"{name}() is not known. {REFUSED[name]}", node)
            if self.scope.find(name) is not None or name in self.locals:
                raise self.error(f"{name} is no function. Write * for a product, {name}*(...).", node)
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"Did you mean {near[0]}?" if near else "Give its definition in place of it."
            raise self.error(f"{name!r} is not a function symnn knows.", node, hint)
        if not known.parameters:  # it reads its arguments itself
            return known.build(self, node, {})
        return known.build(self, node, self._arguments(node, known.parameters, known.optional or {}))

    def _length(self, node: Call) -> Array:
        if len(node.args) != (2 if node.function == "shape" else 1) or node.keywords:
            raise self.error("the size of an axis is written x.shape[0], or len(x) for the first.", node)
        x = self.value(node.args[0])
        axis = self._whole_number(node.args[1]) if node.function == "shape" else 0
        if not -x.rank <= axis < x.rank:
            raise self.error(f"there is no axis {axis}: the array has {x.rank} axes.", node)
        size = self.sizes.find(x.shape[axis])
        return Array((), lambda at: from_sympy(size))

    def _arguments(self, node: Call, parameters: tuple[str, ...], optional: dict[str, Any]) -> dict[str, Any]:
        given: dict[str, Node] = {}
        if len(node.args) > len(parameters):
            raise self.error(
                f"{node.function}() takes {len(parameters)} arguments ({', '.join(parameters)}), found "
                f"{len(node.args)}.", node,
            )  # fmt: skip
        for parameter, arg in zip(parameters, node.args, strict=False):
            given[parameter] = arg
        for key, arg in node.keywords:
            name = key if key in parameters else _SPELLED.get(key, key)
            if name == "dtype":
                continue
            if name not in parameters or name in given:
                raise self.error(f"{node.function}() takes no {key}= here; it takes {', '.join(parameters)}.", node)
            given[name] = arg
        out: dict[str, Any] = {}
        for p in parameters:
            if p in given:
                out[p] = given[p] if p in _RAW else self.value(given[p])
            elif p in optional:
                out[p] = optional[p]
            else:
                raise self.error(f"{node.function}() needs {p}: {node.function}({', '.join(parameters)}).", node)
        return out

    def _primed(self, node: Call) -> Array:
        """Return f'(x), the derivative of a function of one number taken at x."""
        if len(node.args) != 1 or node.keywords:
            raise self.error(f"{node.function}' takes one argument.", node)
        if node.prime > 3:
            raise self.error("derivatives up to the third are read.", node)
        x = self.held(self.value(node.args[0]))
        tree = derivative_of(node.function, node.prime)
        if tree is None:
            raise self.error(f"{node.function} is not a function of one number that symnn knows.", node)
        return pointwise(self.sizes, f"{node.function}'", lambda u: taken_at(tree, u), x)


_VALUES: dict[type, Callable[..., Array]] = {
    Number: Meaning._number, Text: Meaning._text, Tuple: Meaning._tuple, Name: Meaning._name, Unary: Meaning._unary,
    Binary: Meaning._binary, Compare: Meaning._compare, Transposed: Meaning._transposed, Sigma: Meaning._sigma,
    Item: Meaning._item, Call: Meaning._call, Range: Meaning._range, NewAxis: Meaning._range, Dots: Meaning._range,
    Juxtaposed: Meaning._juxtaposed,
}  # fmt: skip
