"""Turn one typed index expression into a template: ranges are read from use, sizes made formal, equal ones shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from symnn.ground.errors import DefinitionError
from symnn.ground.indices import Index
from symnn.ground.ranges import read_ranges
from symnn.ground.signs import NONNEGATIVE, POSITIVE, sign_known
from symnn.ground.sizes import Size, as_size, formal_size
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import Definition, Template, Typed, unbound
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Ix, Sum, Sym, Tree, children, rebuild, tensors_in, walk
from symnn.ground.whole import check_whole

__all__ = ["abstract", "define", "typed"]


def typed(name: str, free: tuple[Index, ...], tree: Tree) -> tuple[tuple[Index, ...], Tree]:
    """Return free indices and tree with every index fresh and carrying its range, read from the axes it is used on.

    Raises:
        ShapeError: one index runs over two sizes; the message names node, index, places and shapes.
        DefinitionError: an index is unbound, bound twice, or has no range.
    """
    ranges = read_ranges(name, tree)
    made: dict[Index, Index] = {}

    def size_of(i: Index) -> Size:
        size = ranges[i][0] if i in ranges else i.size
        if size is None:
            raise DefinitionError(
                f"In node {name!r}: index {i.letter} has no range, because no tensor axis carries it "
                f"alone. Give it one: {i.letter} = sn.index({i.letter!r}, size)."
            )
        return size

    if len(set(free)) != len(free):
        raise DefinitionError(f"In node {name!r}: an index stands twice on the left-hand side.")
    for i in free:
        made[i] = i.fresh(size_of(i))

    def go(at: Tree, env: dict[Index, Index]) -> Tree:
        if isinstance(at, Ix):
            if at.index not in env:
                letters = ", ".join(i.letter for i in free) or "none"
                raise DefinitionError(
                    f"In node {name!r}: index {at.index.letter} is neither on the left-hand side "
                    f"({letters}) nor summed over. Add it there, or sum over it with sn.sum(..., {at.index.letter})."
                )
            return Ix(env[at.index])
        if isinstance(at, Sum):
            if at.index in env:
                raise DefinitionError(
                    f"In node {name!r}: index {at.index.letter} is summed over, and also bound or free "
                    "outside that sum. Use another letter for one of the two."
                )
            new = at.index.fresh(size_of(at.index))
            return Sum(new, go(at.body, {**env, at.index: new}))
        parts = children(at)
        return rebuild(at, tuple(go(p, env) for p in parts)) if parts else at

    out = go(tree, made)
    return tuple(made[i] for i in free), out


def abstract(name: str, free: tuple[Index, ...], tree: Tree, cache: dict[Any, Template]) -> Definition:
    """Return the definition of a typed tree as a shared template over slots with formal sizes.

    The key is the expression with binders, tensors, indices and sizes numbered in order of appearance: it keeps
    constants, assumptions and the pattern of equal sizes, tensors and indices, and nothing else.
    """
    tensors = tensors_in(tree)
    sizes: dict[Size, sympy.Symbol] = {}

    def formal(size: Size) -> Size:
        if size.is_Symbol or size.is_Integer:
            if size not in sizes:
                sizes[size] = formal_size(f"S{len(sizes)}")
            return sizes[size]
        return map_size(size, {s: formal(s) for s in sorted(size.free_symbols, key=str)})

    slots: dict[Tensor, Tensor] = {}
    letters = _letters(tree)
    for t in tensors:
        shape = tuple(formal(s) for s in t.shape)
        slots[t] = Tensor(
            t.name, shape, "slot", latex=t.latex, positive=t.positive, nonnegative=t.nonnegative,
            classes=None if t.classes is None else formal(t.classes), bijective=t.bijective, letters=letters[t],
        )  # fmt: skip
    numbered: dict[Index, Index] = {i: Index(i.letter, formal(i.size)) for i in free}

    def go(at: Tree) -> tuple[Tree, Any]:
        """Return the formal tree and its key."""
        if isinstance(at, Ix):
            made = numbered[at.index]
            return Ix(made), ("i", list(numbered).index(at.index))
        if isinstance(at, Sum):
            new = numbered[at.index] = Index(at.index.letter, formal(at.index.size))
            body, key = go(at.body)
            return Sum(new, body), ("Sum", str(new.size), key)
        if isinstance(at, Entry):
            parts = [go(p) for p in at.at]
            return Entry(slots[at.tensor], tuple(p for p, _ in parts)), (
                "e", list(slots).index(at.tensor), tuple(k for _, k in parts),
            )  # fmt: skip
        if isinstance(at, Sym):
            if at.symbol in sizes:
                return Sym(sizes[at.symbol]), ("s", str(sizes[at.symbol]))
            return at, ("y", at.symbol)
        parts = [go(p) for p in children(at)]
        tag = (type(at).__name__, getattr(at, "name", None), getattr(at, "value", None), getattr(at, "rel", None))
        return (rebuild(at, tuple(p for p, _ in parts)) if parts else at), (tag, tuple(k for _, k in parts))

    # Formal sizes are numbered as tensors, then indices, introduce them; a size used as a value comes last.
    body, key = go(tree)
    whole = (
        name,
        tuple(str(i.size) for i in numbered.values()),
        len(free),
        tuple(
            (tuple(map(str, s.shape)), s.positive, s.nonnegative, str(s.classes), s.bijective) for s in slots.values()
        ),
        tuple(i.letter for i in numbered.values()),
        key,
    )
    template = cache.get(whole)
    if template is None:
        template = Template(name, tuple(numbered[i] for i in free), body, tuple(slots.values()))
        cache[whole] = template
    return Definition(template, tensors, {f: s for s, f in sizes.items()})


def _letters(tree: Tree) -> dict[Tensor, tuple[str, ...]]:
    found: dict[Tensor, tuple[str, ...]] = {}
    for at in walk(tree):
        if isinstance(at, Entry):
            found.setdefault(at.tensor, tuple(p.index.letter if isinstance(p, Ix) else "." for p in at.at))
    return found


def _named_apart(name: str, tensors: Iterable[Tensor]) -> None:
    """Refuse two different declared tensors of one name."""
    named: dict[str, Tensor] = {}
    for t in tensors:
        if t.definition is None and t.role in ("input", "parameter", "label"):
            if named.setdefault(t.name, t) is not t:
                raise DefinitionError(
                    f"In node {name!r}: two different tensors are both named {t.name!r}, {named[t.name]!r} and {t!r}. "
                    "Declare it once and use it in both places, or give the other one its own name."
                )


_CACHE: dict[Any, Template] = {}


def define(name: str, at: Iterable[Any], expression: Any, *, latex: str = "", positive: bool = False) -> Tensor:
    """Return a new tensor given by one index expression: ``define("y", (n, i), sum(W[i, j] * x[n, j], j) + b[i])``.

    Args:
        name: the new tensor's name.
        at: its free indices, one per axis; ``()`` for a scalar such as a loss.
        expression: a SymPy expression in entries of other tensors.
        latex: its LaTeX name without indices.
        positive: declare that every entry is > 0 (used, and listed, in proofs); where the form of the expression shows
            it, as in exp(x) or sqrt(x**2 + 1), it is known without.

    Raises:
        ShapeError, DefinitionError, UnsupportedError: the expression is not well formed; the message says where.
    """
    if not isinstance(name, str) or not name:
        raise DefinitionError(f"A tensor needs a name, found {name!r}.")
    free = tuple(at) if isinstance(at, (tuple, list)) else (at,)
    for i in free:
        if not isinstance(i, Index):
            raise DefinitionError(
                f"The left-hand side of {name!r} takes indices, found {i!r}. Make them with indices()."
            )
    tree = from_sympy(expression)
    if any(isinstance(t, D) for t in walk(tree)):
        raise DefinitionError(f"In node {name!r}: a definition is a forward formula, without derivatives.")
    _named_apart(name, tensors_in(tree))
    ranges = read_ranges(name, tree)
    check_whole(name, tree)
    letters = {i for i in (*ranges, *free) if i.size is None}
    extents = {i.extent: ranges[i][0] for i in letters if i in ranges}
    as_typed = Typed(free, sympy.sympify(expression, strict=True), extents)
    free, tree = typed(name, free, tree)
    known = sign_known(tree)
    definition = abstract(name, free, tree, _CACHE)
    definition.typed = as_typed
    assert not unbound(definition.template)
    return Tensor(
        name, tuple(as_size(i.size) for i in free), "value", latex=latex, definition=definition,
        letters=tuple(i.letter for i in free), positive=positive or known == POSITIVE, nonnegative=known == NONNEGATIVE,
    )  # fmt: skip
