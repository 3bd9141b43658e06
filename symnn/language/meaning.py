"""From the tree of a typed formula to index notation: shapes are followed, every position gets its expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from symnn.derive.differentiate import differentiate
from symnn.derive.tidy import clean
from symnn.ground.define import abstract, typed
from symnn.ground.errors import DefinitionError, ShapeError, SymnnError, UnsupportedError
from symnn.ground.functions import FUNCTIONS as SCALAR
from symnn.ground.indices import Index
from symnn.ground.signs import NONNEGATIVE, POSITIVE, sign_known
from symnn.ground.sizes import as_size
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import Template
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Const,
    D,
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
    children,
    free_indices,
    mul,
    num,
    rebuild,
)
from symnn.ground.tree import number as numeral
from symnn.language.arrays import ONE as SINGLE
from symnn.language.arrays import Array, matmul, number, of_tensor, pointwise, reduced, transposed
from symnn.language.functions import FUNCTIONS, REFUSED, fraction
from symnn.language.scope import Scope
from symnn.language.syntax import (
    Binary,
    Call,
    Compare,
    Dots,
    FormulaError,
    Item,
    Juxtaposed,
    MismatchError,
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
from symnn.nn.activations import ACTIVATIONS, activation
from symnn.nn.layers import log_softmax, softmax
from symnn.nn.losses import loss

__all__ = ["Meaning", "Result"]

#: Arguments that are read as written and not as arrays.
_RAW = frozenset((
    "axis", "keepdims", "ddof", "ord", "axes", "first", "second", "shape", "size", "k", "classes", "reduction",
    "subscripts",
))  # fmt: skip
#: Other names for the same arguments.
_SPELLED = {
    "dim": "axis", "keepdim": "keepdims", "correction": "ddof", "temperature": "tau", "a_min": "low", "a_max": "high",
    "min": "low", "max": "high", "input": "x", "a": "x", "num_classes": "classes", "N": "size", "stop": "size",
    "x1": "x", "x2": "y", "diagonal": "k", "offset": "k", "axis1": "first", "axis2": "second",
}  # fmt: skip
_HIGHEST_POWER, _MOST_BITS = 100, 4_000
#: More parts than these are refused: what is written short may stand for much.
_LARGEST = 6_000


@dataclass(frozen=True)
class Result:
    """What a formula stands for.

    Attributes:
        array: its value.
        letters: the index letters on its left-hand side, or those that it uses, each with its index.
        named: the name on its left-hand side.
    """

    array: Array
    letters: tuple[tuple[str, Index], ...]
    named: str = ""


class Meaning:
    """Follows one formula.

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

    # -- a whole formula -------------------------------------------------------------------------------------------

    def program(self, program: Program) -> Result:
        """Return what a formula stands for.

        Raises:
            FormulaError: it is not well formed; the message points at the place.
        """
        for statement in program.statements:
            self._statement(statement)
        left = program.target.letters if program.target is not None else None
        self.letters = {}
        for letter in left or ():
            self._letter(letter)
        for letter in _positions(program.result):
            if self.scope.find(letter) is None and letter not in self.locals:
                self._letter(letter)
        array = self.value(program.result)
        order = list(left or ()) + [k for k in self.letters if k not in (left or ())]
        letters = tuple((k, self.letters[k]) for k in order)
        if letters and array.rank:
            raise self.error(
                "an array of indices and one of axes are mixed. Give every axis an index, or none.", program
            )
        return Result(array, letters, program.target.name if program.target is not None else "")

    def _letter(self, letter: str) -> Index:
        return self.letters.setdefault(letter, Index(letter))

    def _statement(self, s: Statement) -> None:
        self.letters = {}
        for letter in s.letters or ():
            self._letter(letter)
        for letter in _positions(s.value):
            if self.scope.find(letter) is None and letter not in self.locals:
                self._letter(letter)
        array = self.value(s.value)
        if self.letters:
            array = self._indexed(array, s)
        elif not self.dry:
            held = self.node(array, self._unused(s.name))
            array = array if held is None else of_tensor(held)
        self.locals[s.name] = array

    def _unused(self, name: str) -> str:
        """Return a name for a value that nothing else carries: a name may be given twice, g = g @ W."""
        taken = {t.name for t in self.made} | {a.tensor.name for a in self.scope.names.values() if a.tensor is not None}
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name}_{number}"
        return label

    def _indexed(self, array: Array, s: Statement) -> Array:
        """Return name[i, j] = ... as an array of those axes."""
        if array.rank or s.letters is None or set(s.letters) != set(self.letters):
            raise self.error(f"write {s.name}[{','.join(self.letters)}] = ..., with all of its index letters.", s)
        free = tuple(self.letters[k] for k in s.letters)
        if self.dry:
            raise self.error("a forward formula is written without index letters here.", s)
        own, tree = self._typed(s.name, free, array.at(()), s)
        name = self._unused(s.name)
        definition = abstract(name, own, tree, _TEMPLATES)
        t = Tensor(name, tuple(i.size for i in own), "value", definition=definition, auto=True, letters=s.letters)
        self.made.append(t)
        return of_tensor(t)

    def _typed(self, name: str, free: tuple[Index, ...], tree: Tree, node: Node) -> tuple[tuple[Index, ...], Tree]:
        try:
            return typed(name, free, tree)
        except ShapeError as error:
            raise MismatchError(str(error), self.text, node.span[0]) from None
        except SymnnError as error:
            raise self.error(str(error), node) from None

    def error(self, reason: str, node: Node, hint: str = "") -> FormulaError:
        """Return an error that points at part of the formula."""
        return FormulaError(reason, self.text, node.span[0], hint)

    # -- parts -----------------------------------------------------------------------------------------------------

    def value(self, node: Node) -> Array:
        """Return what part of a formula stands for.

        Raises:
            FormulaError: shapes do not fit, or a name is not known.
        """
        try:
            return _VALUES[type(node)](self, node)
        except FormulaError:
            raise
        except ShapeError as error:
            raise MismatchError(str(error), self.text, node.span[0]) from None
        except (DefinitionError, UnsupportedError) as error:
            raise self.error(str(error), node) from None

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
            if node.name in FUNCTIONS and unknown.suggestion is None:
                raise self.error(f"{node.name} is a function: write its argument after it, {node.name}(x).", node)
            raise self.error(str(unknown), node)
        return found

    def _index(self, i: Index) -> Array:
        return Array((), lambda at: Ix(i))

    def _unary(self, node: Unary) -> Array:
        body = self.value(node.body)
        if node.op == "~":
            return pointwise(self.sizes, "~", lambda u: Add((ONE, Neg(u))), self.truth(body, node), truth=True)
        if body.value is not None:
            return number(-body.value)
        return pointwise(self.sizes, "-", Neg, body)

    def _binary(self, node: Binary) -> Array:
        left, right = self.value(node.left), self.value(node.right)
        return self.joined(node.op, left, right, node)

    def joined(self, op: str, left: Array, right: Array, node: Node) -> Array:
        """Return left op right."""
        if op == "@":
            return matmul(self.sizes, left, right)
        if op == "**":
            return self.raised(left, right, node)
        if left.value is not None and right.value is not None and op in "+-*/":
            return number(self._arithmetic(op, left.value, right.value, node))
        if op in "&|":
            left, right = self.truth(left, node), self.truth(right, node)
            if op == "&":
                return pointwise(self.sizes, "&", lambda u, v: mul(u, v), left, right, truth=True)
            build: Callable[..., Tree] = lambda u, v: Add((u, v, Neg(mul(u, v))))  # noqa: E731
            return pointwise(self.sizes, "|", build, self.held(left), self.held(right), truth=True)
        return pointwise(self.sizes, op, _ARITHMETIC[op], left, right)

    def _arithmetic(self, op: str, a: Fraction, b: Fraction, node: Node) -> Fraction:
        if op == "/" and b == 0:
            raise self.error("this divides by 0.", node)
        out = a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else a / b
        if max(out.numerator.bit_length(), out.denominator.bit_length()) > _MOST_BITS:
            raise self.error("this number has too many digits.", node)
        return out

    def raised(self, base: Array, exponent: Array, node: Node) -> Array:
        """Return base ** exponent."""
        e = exponent.value
        if e is None:
            if base.rank == 0 and base.at(()) == Const("E"):
                return pointwise(self.sizes, "exp", lambda u: Fn("exp", (u,)), exponent)
            return pointwise(self.sizes, "**", Pow, base, exponent)
        if abs(e) > _HIGHEST_POWER or e.denominator > _HIGHEST_POWER:
            raise self.error(f"powers up to {_HIGHEST_POWER} are read, found {float(e):.6g}.", node)
        if base.value is not None and e.denominator == 1 and (base.value or e >= 0):
            if max(base.value.numerator.bit_length(), base.value.denominator.bit_length()) * abs(e) > _MOST_BITS:
                raise self.error("this number has too many digits.", node)
            return number(base.value**e.numerator)
        if e < 0:
            return pointwise(self.sizes, "**", lambda u: Div(ONE, _power(u, -e)), base)
        return pointwise(self.sizes, "**", lambda u: _power(u, e), base)

    def _compare(self, node: Compare) -> Array:
        return self.compared(node.rel, self.value(node.left), self.value(node.right))

    def compared(self, rel: str, left: Array, right: Array) -> Array:
        """Return where left rel right holds."""
        written = rel
        if rel in ("<", "<="):
            left, right, rel = right, left, rel.replace("<", ">")

        def build(u: Tree, v: Tree) -> Tree:
            if rel in ("==", "!="):
                same: Tree = Delta(u, v) if _whole(u) and _whole(v) else Ind("=", u, v)
                return same if rel == "==" else Add((ONE, Neg(same)))
            return Ind(rel, u, v)

        return pointwise(self.sizes, written, build, left, right, truth=True)

    def truth(self, x: Array, node: Node) -> Array:
        """Return a condition; what is a number is one where it is not 0."""
        if x.truth:
            return x
        return pointwise(self.sizes, "a condition", lambda u: Ind("!=", u, ZERO), x, truth=True)

    def _transposed(self, node: Transposed) -> Array:
        return transposed(self.value(node.body))

    def _juxtaposed(self, node: Juxtaposed) -> Array:
        out = self.value(node.factors[0])
        for f in node.factors[1:]:
            out = self.joined("*", out, self.value(f), node)
        return out

    # -- sums over letters -----------------------------------------------------------------------------------------

    def _sigma(self, node: Sigma) -> Array:
        kept = dict(self.letters)
        made: list[Index] = []
        guards: list[tuple[Tree, Index]] = []
        for n, letter in enumerate(node.letters):
            size, guard = self._bounds(*node.bounds[n], node) if node.bounds else (None, None)
            i = self.letters[letter] = Index(letter, size)
            made.append(i)
            if guard is not None:
                guards.append((guard, i))
        body = self.value(node.body)
        self.letters = kept
        if self.dry:
            return Array(body.shape, body.at)

        def entry(at: tuple[Tree, ...]) -> Tree:
            out = mul(*(Ind(">=", last, Ix(i)) for last, i in guards), body.at(at))
            for i in reversed(made):
                out = Sum(i, out)
            return out if node.kind == "sum" else self._averaged(out, made, node)

        return Array(body.shape, entry, letters=body.letters)

    def _averaged(self, total: Tree, over: Sequence[Index], node: Node) -> Tree:
        ranges: dict[Index, Any] = {}
        for at in _walk(total):
            if isinstance(at, Entry):
                for p, size in zip(at.at, at.tensor.shape, strict=True):
                    if isinstance(p, Ix):
                        ranges.setdefault(p.index, size)
        if any(i not in ranges for i in over):
            raise self.error("what is averaged over has no range: no axis carries it alone.", node)
        return Div(total, mul(*(from_sympy(ranges[i]) for i in over)))

    def _bounds(self, first: Node | None, last: Node | None, node: Node) -> tuple[Any, Tree | None]:
        """Return the range that written bounds give a letter, and another letter that it goes up to.

        Counted from 1 to N or from 0 to N - 1 it is the whole axis; sum_{k=1}^{i} goes up to i, however counted.
        """
        if first is None or last is None:
            return None, None
        start, end = self._scalar(first), self._scalar(last)
        if free_indices(end):
            return None, end
        if start not in (ONE, ZERO):
            raise self.error("a sum runs over a whole axis, counted from 0 or from 1.", first)
        return as_size(to_sympy(end) + (1 if start == ZERO else 0)), None

    # -- between brackets ------------------------------------------------------------------------------------------

    def _item(self, node: Item) -> Array:
        body = self.value(node.body)
        items = self._spread(node, body.rank)
        out_shape: list[Any] = []
        letters: list[str] = []
        #: per axis of the body: ("slice", start, step, axis of the result) | ("at", array)
        plan: list[tuple[str, Any, int, int]] = []
        arrays: list[Array] = []
        places: list[int] = []
        axis = 0
        for item in items:
            if isinstance(item, NewAxis):
                out_shape.append(SINGLE)
                letters.append("")
            elif isinstance(item, Range):
                start, size, step = self._slice(item, body.shape[axis])
                plan.append(("slice", start, step, len(out_shape)))
                out_shape.append(size)
                letters.append(body.letter(axis))
                axis += 1
            else:
                chosen = self._position(item, body.shape[axis], node)
                if chosen.rank:
                    places.append(len(out_shape))
                    if len(arrays) == 0:
                        out_shape.append(None)
                        letters.append("")
                plan.append(("at", chosen, 0, 0))
                arrays += [chosen] if chosen.rank else []
                axis += 1
        if not arrays:
            return Array(tuple(out_shape), self._taken(body, plan, None, 0), letters=tuple(letters))
        spread = pointwise(self.sizes, "indices", lambda *u: u[0], *arrays)
        first = out_shape.index(None)
        consecutive = _consecutive([p[0] == "at" and p[1].rank > 0 for p in plan])
        if not consecutive and first:
            raise self.error("arrays of positions stand apart: put them side by side.", node)
        shape = (*out_shape[:first], *spread.shape, *out_shape[first + 1 :])
        names = (*letters[:first], *(spread.letter(n) for n in range(spread.rank)), *letters[first + 1 :])
        return Array(shape, self._taken(body, plan, spread, first), letters=names)

    def _taken(self, body: Array, plan: list[tuple[str, Any, int, int]], spread: Array | None, first: int) -> Any:
        extra = 0 if spread is None else spread.rank - 1

        def entry(at: tuple[Tree, ...]) -> Tree:
            inner = at[first : first + extra + 1] if spread is not None else ()
            out: list[Tree] = []
            for kind, what, step, place in plan:
                if kind == "at":
                    own = inner[len(inner) - what.rank :] if what.rank else ()
                    spot = tuple(num(0) if s == SINGLE else q for s, q in zip(what.shape, own, strict=True))
                    out.append(what.at(spot))
                    continue
                q = at[place + (extra if spread is not None and place > first else 0)]
                out.append(q if what == ZERO and step == 1 else _moved(what, step, q))
            return body.at(tuple(out))

        return entry

    def _spread(self, node: Item, rank: int) -> list[Node]:
        used = sum(not isinstance(i, NewAxis | Dots) for i in node.items)
        if used > rank:
            raise self.error(f"{used} positions are given for {rank} axes.", node)
        dots = [n for n, i in enumerate(node.items) if isinstance(i, Dots)]
        if len(dots) > 1:
            raise self.error("... stands twice between the brackets.", node)
        place = dots[0] if dots else len(node.items)
        whole: list[Node] = [Range(node.span, None, None, None)] * (rank - used)
        return [*node.items[:place], *whole, *node.items[place + len(dots) :]]

    def _slice(self, item: Range, size: Any) -> tuple[Tree, Any, int]:
        """Return (start, size, step) of a range on an axis."""
        step = 1 if item.step is None else self._whole_number(item.step)
        if step == -1 and item.start is None and item.stop is None:
            return from_sympy(size - 1), size, -1
        if step != 1:
            raise self.error("only the steps 1 and, for a whole axis, -1 are known.", item)
        start = 0 if item.start is None else self._end(item.start, size)
        stop = size if item.stop is None else self._end(item.stop, size)
        length = stop - start
        if length == size:
            return ZERO, size, 1
        if self.dry or length.is_positive is False:
            raise self.error(f"from {start} to {stop} there is nothing on an axis of {size}.", item)
        return from_sympy(start) if start else ZERO, as_size(length), 1

    def _end(self, node: Node, size: Any) -> Any:
        value = to_sympy(self._scalar(node))
        return size + value if value.is_number and value < 0 else value

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

    def _position(self, item: Node, size: Any, node: Node) -> Array:
        x = self.value(item)
        if x.truth and x.rank:
            raise self.error(
                "an array of conditions picks a number of entries that is not known. Multiply by it.", item
            )
        if x.value is not None:
            if x.value.denominator != 1:
                raise self.error("a position is a whole number.", item)
            if x.value < 0:
                return Array((), lambda at: from_sympy(size + int(x.value or 0)))
            return x
        if x.rank and x.classes is None:
            if not self.dry:
                raise self.error("an array of real numbers is no array of positions.", item)
            return self.labelled(item, x, size)
        if x.classes is not None and not self.sizes.same(x.classes, size):
            raise self.error(
                f"positions below {self.sizes.find(x.classes)} index an axis of {self.sizes.find(size)}.", item
            )
        return x

    def labelled(self, node: Node, x: Array, size: Any = None) -> Array:
        """Return an array that is used as labels; only where shapes are still to be found can one become so."""
        raise self.error("this holds real numbers, and is used as labels.", node, "Declare it with sn.labels(...).")

    def size(self, node: Node) -> Any:
        """Return a size as written."""
        return as_size(to_sympy(self._scalar(node)))

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
            import difflib

            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"Did you mean {near[0]}?" if near else "Give its definition in place of it."
            raise self.error(f"{name!r} is not a function symnn knows.", node, hint)
        if not known.parameters:  # it reads its arguments itself
            return known.build(self, node, {})
        return known.build(self, node, self._arguments(node, known.parameters, known.optional or {}))

    def _length(self, node: Call) -> Array:
        x = self.value(node.args[0])
        axis = self._whole_number(node.args[1]) if node.function == "shape" and len(node.args) > 1 else 0
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
        return pointwise(self.sizes, f"{node.function}'", lambda u: _at(tree, u), x)

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
        free = tuple(Index(letter, s) for letter, s in zip(_distinct(x), x.shape, strict=True))
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

    def activated(self, kind: str, x: Array, constants: dict[str, Array], node: Call) -> Array:
        """Return an activation of the table."""
        if self.dry:
            return Array(x.shape, x.at)
        values = {k: fraction(self, v, node) for k, v in constants.items()}
        t = self.node(x, layer=True) if self.scope.nodes else None
        if t is not None and t.classes is None:
            made = activation(kind, t, **values)
            self.made.append(made)
            return of_tensor(made)
        tree = _applied(kind, values)
        return pointwise(self.sizes, kind, lambda u: _at(tree, u), x)

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
        values = {k: fraction(self, v, node) for k, v in constants.items()}
        made = loss(kind, *[t for t in tensors if t is not None], reduction=how, **values)
        self.made.append(made)
        return of_tensor(made)

    def _dry_loss(self, kind: str, operands: list[Array], node: Call) -> Array:
        first, second = operands
        if kind in ("cross_entropy", "nll", "focal"):
            t = second
            if second.rank != first.rank and t.classes is None:
                t = self.labelled(node.args[1], second, first.shape[-1])
            shape = first.shape if second.rank == first.rank else first.shape[:-1]
            pointwise(self.sizes, kind, lambda u, v: u, Array(shape, first.at), Array(t.shape, t.at))
        else:
            pointwise(self.sizes, kind, lambda u, v: u, first, second)
        return Array((), lambda at: ZERO)


_VALUES: dict[type, Callable[..., Array]] = {
    Number: Meaning._number, Text: Meaning._text, Tuple: Meaning._tuple, Name: Meaning._name, Unary: Meaning._unary,
    Binary: Meaning._binary, Compare: Meaning._compare, Transposed: Meaning._transposed, Sigma: Meaning._sigma,
    Item: Meaning._item, Call: Meaning._call, Range: Meaning._range, NewAxis: Meaning._range, Dots: Meaning._range,
    Juxtaposed: Meaning._juxtaposed,
}  # fmt: skip

_ARITHMETIC: dict[str, Callable[[Tree, Tree], Tree]] = {
    "+": lambda u, v: Add((u, v)), "-": lambda u, v: Add((u, Neg(v))), "*": lambda u, v: mul(u, v), "/": Div,
}  # fmt: skip

_TEMPLATES: dict[Any, Template] = {}


def _power(u: Tree, e: Fraction) -> Tree:
    return u if e == 1 else Pow(u, numeral(e))


def _moved(start: Tree, step: int, q: Tree) -> Tree:
    return Add((start, Neg(q))) if step < 0 else Add((q, start))


def _consecutive(flags: list[bool]) -> bool:
    places = [n for n, f in enumerate(flags) if f]
    return places == list(range(places[0], places[-1] + 1))


def _distinct(x: Array) -> tuple[str, ...]:
    out: list[str] = []
    spare = iter("ijklmnopqrst")
    for n in range(x.rank):
        letter = x.letter(n)
        while letter in out:
            letter = next(spare)
        out.append(letter)
    return tuple(out)


def _walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    for p in children(tree):
        yield from _walk(p)


def _whole(tree: Tree) -> bool:
    match tree:
        case Ix():
            return True
        case Num():
            return tree.value.denominator == 1
        case Sym():
            return bool(tree.symbol.is_integer)
        case Entry():
            return tree.tensor.classes is not None
        case Add() | Mul() | Neg():
            return all(_whole(p) for p in children(tree))
    return False


def _positions(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names that stand alone or in sums between square brackets, and are not summed over."""
    if isinstance(node, Sigma):
        bound = bound | frozenset(node.letters)
    if isinstance(node, Item):
        for item in node.items:
            yield from (name for name in _single(item) if name not in bound)
    for f in fields(node):
        value = getattr(node, f.name)
        for part in value if isinstance(value, tuple) else (value,):
            for inner in part if isinstance(part, tuple) else (part,):
                if isinstance(inner, Node):
                    yield from _positions(inner, bound)


def _single(node: Node) -> Iterator[str]:
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Binary) and node.op in "+-*":
        yield from _single(node.left)
        yield from _single(node.right)
    elif isinstance(node, Item):
        for item in node.items:
            yield from _single(item)


# -- functions of one number -------------------------------------------------------------------------------------------

_Z = Tensor("z", (), "slot")
_MADE: dict[Any, Tree | None] = {}


def _applied(kind: str, constants: dict[str, Any] | None = None) -> Tree:
    record = ACTIVATIONS[kind]
    given = constants or {}
    return from_sympy(record.expression(_Z[()], *(_sympy(given.get(k, v)) for k, v in record.constants)))


def _sympy(value: Any) -> Any:
    import sympy

    return sympy.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else value


def derivative_of(name: str, order: int) -> Tree | None:
    """Return the derivative of a known function of one number, over a stand-in for that number."""
    key = (name, order)
    if key not in _MADE:
        _MADE[key] = _derivative_of(name, order)
    return _MADE[key]


def _derivative_of(name: str, order: int) -> Tree | None:
    from symnn.language.functions import FUNCTIONS as known

    z = Entry(_Z, ())
    alias = {"swish": "silu", "hardtanh": "hard_tanh", "expit": "sigmoid", "logistic": "sigmoid"}.get(name, name)
    if alias in ACTIVATIONS:
        tree = _applied(alias)
    elif alias in SCALAR and alias not in ("max", "min"):
        tree = Fn(alias, (z,))
    elif alias in ("sqrt", "square", "log1p", "expm1", "reciprocal") and alias in known:
        tree = {
            "sqrt": Pow(z, Div(ONE, num(2))), "square": Pow(z, num(2)), "log1p": Fn("log", (Add((ONE, z)),)),
            "expm1": Add((Fn("exp", (z,)), Neg(ONE))), "reciprocal": Div(ONE, z),
        }[alias]  # fmt: skip
    else:
        return None
    for _ in range(order):
        tree = clean(differentiate(D(tree, z)).result)
    return tree


def _at(tree: Tree, u: Tree) -> Tree:
    """Return a tree over the stand-in with something in its place."""
    if isinstance(tree, Entry) and tree.tensor is _Z:
        return u
    parts = children(tree)
    return rebuild(tree, tuple(_at(p, u) for p in parts)) if parts else tree
