"""A forward pass as one line of text: roles and shapes of its names are found from how they are used.

``mean((relu(X @ W + b) @ v - y)**2)``: X has a batch and a width, W takes the width to another, b is added to rows.
What a name's case suggests is tried first, matrices for capitals and vectors for small letters, then other ranks; the
first choice in which all shapes fit is taken, and shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import sympy

from symnn.ground.errors import DefinitionError, SymnnError, UnknownNameError
from symnn.ground.sizes import as_size, size_text
from symnn.ground.substitute import map_size
from symnn.ground.tensors import Tensor, label_tensor
from symnn.ground.tree import ZERO, Sym
from symnn.language.arrays import Array, Sizes, of_tensor
from symnn.language.functions import FUNCTIONS
from symnn.language.grammar import parse
from symnn.language.meaning import Meaning
from symnn.language.scope import Scope, spelled
from symnn.language.syntax import Binary, Call, FormulaError, Name, Node, Program, names_in

__all__ = ["Forward", "read_forward"]

_SCALARS = frozenset(("eps", "epsilon", "lam", "lambda", "lambda_", "tau", "alpha", "eta", "delta", "rho", "kappa"))
_POSITIVE = frozenset(("eps", "epsilon", "tau", "delta"))
_SIZES = ("N", "D", "H", "K", "M", "P", "F", "T", "B", "C", "L", "R", "S", "Q", "J", "I", "E", "G")
_ADDED = frozenset(("b", "beta", "bias", "gamma", "g", "c", "mu", "s"))
_TRAINED = ("W", "V", "U", "b", "w", "v", "u", "A", "theta", "gamma", "beta", "g", "c")
_DATA = ("x", "X", "h", "z", "Z", "a", "Q", "q")
_MOST_TRIES = 600
_MOST_AXES = 6
#: Adding a vector to the rows of a matrix is a less likely reading, unless the vector is called like a bias.
_SPREAD = 1.5


@dataclass(frozen=True)
class Forward:
    """A forward pass that was read.

    Attributes:
        output: what it computes; a scalar is a loss.
        tensors: the leaves by name.
        sizes: the sizes by name.
        chosen: names whose roles or shapes were found and not given, each with its shape in words.
    """

    output: Tensor
    tensors: dict[str, Tensor]
    sizes: dict[str, Any]
    chosen: dict[str, str] = field(default_factory=dict)


def read_forward(
    text: str, *, wrt: Sequence[str] = (), shapes: Mapping[str, Any] | None = None, name: str = ""
) -> Forward:
    """Return a forward pass from its formula.

    Args:
        text: the formula; several lines may give names to intermediate values.
        wrt: the names that are trained.
        shapes: shapes by name, ("N", "D") or "N,D"; a label takes its number of classes after a bar, "N|C".
        name: what the output is called.

    Raises:
        FormulaError: it is no formula, or no choice of shapes fits; the message points at the place.
        UnknownNameError: ``wrt`` or ``shapes`` speak of a name that the formula has not.
    """
    try:
        return _read(text, wrt, shapes, name)
    except RecursionError:
        raise FormulaError("the formula is nested too deeply.", text, 0) from None


def _read(text: str, wrt: Sequence[str], shapes: Mapping[str, Any] | None, name: str) -> Forward:
    program = parse(text)
    names = _leaves(program)
    given = {spelled(k): _given_shape(k, v) for k, v in (shapes or {}).items()}
    for k in (*given, *map(spelled, wrt)):
        if k not in names:
            raise UnknownNameError(k, names, "name in the formula")
    found = _Search(program, text, names, given, tuple(map(spelled, wrt))).best()
    return found.read(name)


def _leaves(program: Program) -> list[str]:
    """Return the names that are neither functions nor given a value, nor constants."""
    own = {s.name for s in program.statements} | {"None", "True", "False", "pi", "e"}
    return list(dict.fromkeys(spelled(n.name) for n in names_in(program) if n.name not in own))


def _given_shape(name: str, shape: Any) -> tuple[tuple[Any, ...], Any]:
    """Return a shape, and the number of classes of labels."""
    classes = None
    if isinstance(shape, str):
        axes, bar, last = shape.partition("|")
        classes = _size(name, last.strip()) if bar else None
        shape = [p.strip() for p in axes.strip("() ").split(",") if p.strip()]
    elif not isinstance(shape, tuple | list):
        shape = (shape,)
    if len(shape) > _MOST_AXES:
        raise DefinitionError(f"The shape of {name!r} has {len(shape)} axes; up to {_MOST_AXES} are read.")
    return tuple(_size(name, s) for s in shape), classes


def _size(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if value.isdecimal() and 0 < int(value) < 10**9:
            return sympy.Integer(int(value))
        if value.isidentifier():
            return sympy.Symbol(value, integer=True, positive=True)
        raise DefinitionError(f"The shape of {name!r} holds {value!r}. Write sizes as names or numbers, {name}=N,D.")
    return as_size(value)


class _Dry(Meaning):
    """Follows shapes only; what is used as labels becomes labels."""

    def __init__(self, scope: Scope, text: str) -> None:
        super().__init__(scope, text, dry=True)
        self.classes: dict[str, Any] = {}
        self.written: dict[str, Any] = {}
        self.spread = 0

    def size(self, node: Node) -> Any:
        """Return a size as written; one that is only a name is still to be found."""
        name = spelled(getattr(node, "name", ""))
        if name in self.scope.names and not self.scope.names[name].rank:
            if name not in self.written:
                self.written[name] = self.sizes.fresh(name)
            return self.written[name]
        return super().size(node)

    def labelled(self, node: Node, x: Array, size: Any = None) -> Array:
        """Note that a name holds labels."""
        name = spelled(getattr(node, "name", ""))
        if name not in self.scope.names:
            return super().labelled(node, x, size)
        made = Array(x.shape, x.at, classes=self.sizes.fresh("C") if size is None else size)
        self.classes[name] = made.classes
        self.scope.names[name] = made
        return made

    def joined(self, op: str, left: Array, right: Array, node: Node) -> Array:
        """Count how often a vector is spread over the rows of a matrix."""
        if op in "+-*/" and left.rank != right.rank and min(left.rank, right.rank) > 0 and isinstance(node, Binary):
            small = node.left if left.rank < right.rank else node.right
            if isinstance(small, Name):
                self.spread += spelled(small.name).rstrip("0123456789") not in _ADDED
        return super().joined(op, left, right, node)


@dataclass
class _Choice:
    """A choice of ranks in which all shapes fit."""

    search: _Search
    scope: Scope
    classes: dict[str, Any]
    sizes: Sizes
    written: dict[str, Any]
    cost: float

    def read(self, name: str) -> Forward:
        """Make the tensors, and read the formula over them."""
        search = self.search
        labels = _Labels(self, search)
        tensors: dict[str, Tensor] = {}
        scope = Scope()
        for n in search.names:
            array = self.scope.names[n]
            if n in labels.sizes_by_name and not array.rank and n not in search.wrt:
                scope.names[n] = _symbol(labels.sizes_by_name[n])
            elif not array.rank and n not in search.wrt and n not in search.given:
                flags: dict[str, bool] = {"positive": True} if n in _POSITIVE else {"real": True}
                scope.names[n] = _symbol(sympy.Symbol(n, **flags))
            else:
                tensors[n] = self._tensor(n, array, labels)
                scope.names[n] = of_tensor(tensors[n])
        meaning = Meaning(scope, search.text)
        result = meaning.program(search.program)
        array = result.array
        spare = ("loss", "objective") if not array.rank else ("y", "out", "result")
        label = name or result.named or next((w for w in spare if w not in search.names), "output")
        output = meaning.made[-1] if array.tensor is not None and meaning.made else meaning.node(array, label)
        if output is None or output.definition is None:
            raise FormulaError("this computes nothing.", search.text, 0)
        if not name and not result.named and output.auto and not array.rank:
            output.name = label
        chosen = {n: size_text(t.shape) for n, t in tensors.items() if n not in search.given}
        return Forward(output, tensors, labels.sizes_by_name, chosen)

    def _tensor(self, n: str, array: Array, labels: _Labels) -> Tensor:
        shape = tuple(labels.name(s) for s in array.shape)
        classes = self.classes.get(n)
        if classes is not None:
            return label_tensor(n, shape, labels.name(classes))
        role = "parameter" if n in search_trained(self.search) else "input"
        letters = _axis_letters(shape)
        return Tensor(n, shape, role, letters=letters, regularised=len(shape) > 1)


def search_trained(search: _Search) -> frozenset[str]:
    """Return the names that are trained: those asked for, or those that are called like parameters."""
    if search.wrt:
        return frozenset(search.wrt)
    return frozenset(n for n in search.names if n.rstrip("0123456789") in _TRAINED)


def _symbol(symbol: Any) -> Array:
    return Array((), lambda at: Sym(symbol))


def _axis_letters(shape: tuple[Any, ...]) -> tuple[str, ...]:
    letters: list[str] = []
    spare = iter("ijklmopqrs")
    for s in shape:
        first = str(s)[0].lower()
        letter = {"n": "n", "c": "c", "t": "t"}.get(first, "") if getattr(s, "is_Symbol", False) else ""
        while not letter or letter in letters:
            letter = next(spare)
        letters.append(letter)
    return tuple(letters)


class _Labels:
    """Names for the sizes that were found: N for the batch, D and H for widths, C for classes."""

    def __init__(self, choice: _Choice, search: _Search) -> None:
        self.choice = choice
        self.made: dict[Any, Any] = {}
        self.sizes_by_name: dict[str, Any] = {}
        taken = set(search.names)
        for shape, classes in search.given.values():
            for s in (*shape, *(() if classes is None else (classes,))):
                for symbol in s.free_symbols:
                    self.sizes_by_name[symbol.name] = symbol
        written = [n for n in search.names if not choice.scope.names[n].rank and (n in _SIZES or n in choice.written)]
        self.free = [s for s in _SIZES if s not in self.sizes_by_name and (s not in taken or s in written)]
        for n, size in choice.written.items():
            if n not in self.sizes_by_name:
                self.free.append(n)
                self.name(size, n)
        data = [n for n in search.names if n not in search_trained(search) and choice.scope.names[n].rank]
        likely = [*data, *(n for n in search.names if n.rstrip("0123456789") in _DATA)]
        batch = next((n for n in likely if choice.scope.names[n].rank > 1), next(iter(data), None))
        if batch is not None and choice.scope.names[batch].rank > (0 if self._labels(batch) else 1):
            self.name(choice.scope.names[batch].shape[0], "N")
        for n in search.names:
            if n in choice.classes:
                self.name(choice.classes[n], "C")
        for n in (*data, *search.names):
            for s in choice.scope.names[n].shape:
                self.name(s)
        for n in written:
            if n not in self.sizes_by_name and n not in search.wrt:
                raise FormulaError(
                    f"{n} looks like a size, and no axis is known to have it.", search.text, search.text.find(n),
                    f"Say which, for example --shape X={n},D.",
                )  # fmt: skip

    def _labels(self, name: str) -> bool:
        return name in self.choice.classes

    def name(self, size: Any, wish: str = "") -> Any:
        """Return a size with every open one given a name."""
        size = self.choice.sizes.find(size)
        open_ = [s for s in size.free_symbols if isinstance(s, sympy.Dummy)]
        for s in open_:
            if s not in self.made:
                label = wish if wish in self.free else self.free[0] if self.free else f"S{len(self.made)}"
                if label == "N" and wish != "N" and len(self.free) > 1:
                    label = self.free[1]
                if label in self.free:
                    self.free.remove(label)
                self.made[s] = self.sizes_by_name[label] = sympy.Symbol(label, integer=True, positive=True)
        return map_size(size, {s: self.made[s] for s in open_})


class _Search:
    """Tries ranks for the names of a formula."""

    def __init__(
        self, program: Program, text: str, names: list[str], given: Mapping[str, Any], wrt: tuple[str, ...]
    ) -> None:
        self.program, self.text, self.names, self.given, self.wrt = program, text, names, dict(given), wrt
        self.multiplied, self.leading = _multiplied(program)

    def ranks(self, name: str) -> Sequence[int]:
        """Return the ranks that a name may have, the likeliest first."""
        if name in self.given:
            return (len(self.given[name][0]),)
        bare = name.rstrip("0123456789")
        if bare in _SCALARS and name not in self.wrt:
            return (0, 1, 2)
        if bare in _SIZES and name not in self.multiplied and name not in self.wrt and bare != "X":
            return (0, 2, 1, 3)
        if name[0].isupper():
            return (2, 1, 3, 0)
        if name in self.leading and bare in (*_DATA, "k"):
            return (2, 1, 3, 0)
        return (1, 2, 0, 3)

    def best(self) -> _Choice:
        """Return the likeliest choice in which all shapes fit.

        Raises:
            FormulaError: none does; the message is that of the likeliest choice.
        """
        ways = [list(enumerate(self.ranks(n))) for n in self.names]
        tries = sorted(product(*ways), key=lambda t: sum(c for c, _ in t)) if len(ways) <= 6 else [
            tuple(w[0] for w in ways), *_single_changes(ways)
        ]  # fmt: skip
        first: SymnnError | None = None
        best: _Choice | None = None
        for chosen in tries[:_MOST_TRIES]:
            cost = float(sum(c for c, _ in chosen))
            if best is not None and cost >= best.cost:
                break
            try:
                found = self._tried(dict(zip(self.names, (r for _, r in chosen), strict=True)), cost)
            except SymnnError as error:
                first = first or error
                continue
            if best is None or found.cost < best.cost:
                best = found
        if best is None:
            raise first or FormulaError("there is no name in it.", self.text, 0)
        return best

    def _tried(self, ranks: dict[str, int], cost: float) -> _Choice:
        sizes = Sizes(open=True)
        scope = Scope(sizes=sizes)
        classes: dict[str, Any] = {}
        for n, rank in ranks.items():
            shape = self.given[n][0] if n in self.given else tuple(sizes.fresh(f"{n}{k}") for k in range(rank))
            known = self.given[n][1] if n in self.given else None
            if known is not None:
                classes[n] = known
            scope.names[n] = Array(shape, lambda at: ZERO, classes=known)
        dry = _Dry(scope, self.text)
        dry.classes = classes
        result = dry.program(self.program)
        if result.letters:
            raise FormulaError("a forward formula is written without index letters here.", self.text, 0)
        return _Choice(self, scope, dry.classes, sizes, dry.written, cost + _SPREAD * dry.spread)


def _single_changes(ways: list[list[tuple[int, int]]]) -> Iterable[tuple[tuple[int, int], ...]]:
    """Yield the likeliest ranks with one or two of them changed, for formulas of many names."""
    plain = [w[0] for w in ways]
    for n, w in enumerate(ways):
        for other in w[1:]:
            yield (*plain[:n], other, *plain[n + 1 :])
    for n in range(len(ways)):
        for k in range(n + 1, len(ways)):
            changed = list(plain)
            changed[n], changed[k] = ways[n][1], ways[k][1]
            yield tuple(changed)


def _multiplied(program: Program) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that stand beside @ or are summed over an axis, and those that do so as the left factor."""
    out: set[str] = set()
    leading: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, Binary) and node.op == "@":
            left, right = ([spelled(n.name) for n in [*names_in(side)][:1]] for side in (node.left, node.right))
            out.update(left, right)
            leading.update(left)
        if isinstance(node, Call) and node.function in FUNCTIONS and (len(node.args) > 1 or node.keywords):
            found = [spelled(n.name) for n in [*names_in(node)][:1] if any(k == "axis" for k, _ in node.keywords)]
            out.update(found)
            leading.update(found)
        for value in vars(node).values() if hasattr(node, "__dict__") else ():
            for part in value if isinstance(value, tuple) else (value,):
                for inner in part if isinstance(part, tuple) else (part,):
                    if isinstance(inner, Node):
                        visit(inner)

    visit(program)
    return frozenset(out), frozenset(leading)
