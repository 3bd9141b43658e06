"""Entries of tensors at index expressions: plain axes, diagonals, labels, shifted and strided positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from symnn.compile import conditions
from symnn.compile.piece import ATOM, CALL, LOGIC, PRODUCT, SIGN, SUM, Piece, aligned, union
from symnn.ground.errors import UnsupportedError
from symnn.ground.sizes import Size
from symnn.ground.tree import Add, Entry, Ix, Mul, Neg, Num, Sym, Tree, children, free_indices, walk

if TYPE_CHECKING:
    from symnn.compile.emit import Emitter

__all__ = ["bounds", "entry", "inside", "is_position", "position", "strays", "subscript"]

#: Conditions around a place, each with what it is there.
Guards = tuple[tuple[Tree, bool], ...]


def is_position(tree: Tree) -> bool:
    """Tell whether a tree is an integer: made of indices, whole numbers, sizes and labels by + - *."""
    if isinstance(tree, Ix):
        return True
    if isinstance(tree, Num):
        return tree.value.denominator == 1
    if isinstance(tree, Sym):
        return bool(tree.symbol.is_integer)
    if isinstance(tree, Entry):
        return tree.tensor.classes is not None
    return isinstance(tree, Add | Mul | Neg) and all(is_position(p) for p in children(tree))


def bounds(tree: Tree) -> tuple[Any, Any] | None:
    """Return the least and greatest value of a position as sizes, or None where they are not known."""
    match tree:
        case Num():
            value = sympy.Rational(tree.value.numerator, tree.value.denominator)
            return value, value
        case Sym():
            return tree.symbol, tree.symbol
        case Ix():
            return sympy.Integer(0), tree.index.size - 1
        case Entry() if tree.tensor.classes is not None:
            return sympy.Integer(0), sympy.sympify(tree.tensor.classes, strict=True) - 1
        case Neg():
            inner = bounds(tree.body)
            return None if inner is None else (-inner[1], -inner[0])
        case Add():
            parts = [bounds(t) for t in tree.terms]
            if any(p is None for p in parts):
                return None
            return sum(p[0] for p in parts if p), sum(p[1] for p in parts if p)
        case Mul():
            low, high = sympy.Integer(1), sympy.Integer(1)
            for f in tree.factors:
                part = bounds(f)
                if part is None or not part[0].is_nonnegative:
                    return None
                low, high = low * part[0], high * part[1]
            return low, high
    return None


def inside(tree: Tree, size: Size) -> bool:
    """Tell whether a position is known to lie in 0 .. size - 1 for all sizes."""
    if isinstance(tree, Ix):
        return bool(tree.index.size == size)
    known = bounds(tree)
    if known is None:
        return False
    return bool(sympy.expand(known[0]).is_nonnegative) and bool(sympy.expand(size - 1 - known[1]).is_nonnegative)


def strays(tree: Tree) -> bool:
    """Tell whether a tree reads an entry that is not known to be inside its tensor."""
    return any(isinstance(t, Entry) and not all(map(inside, t.at, t.tensor.shape)) for t in walk(tree))


def position(emitter: Emitter, tree: Tree) -> Piece:
    """Return a position as an integer array over the indices it depends on, or as a Python number."""
    match tree:
        case Ix():
            return Piece(f"xp.arange({emitter.size(tree.index.size)})", (tree.index,), CALL, "int", fresh=True)
        case Num() if tree.value.denominator == 1:
            return Piece(str(tree.value.numerator), (), ATOM if tree.value >= 0 else SIGN, "number")
        case Sym():
            return Piece(emitter.symbol(tree.symbol), (), SUM - 1, "number")
        case Entry() if tree.tensor.classes is not None:
            found = entry(emitter, tree)
            return Piece(found.text, found.axes, found.level, "int", found.fresh)
        case Neg():
            inner = position(emitter, tree.body)
            return Piece(f"-{inner.at(SIGN)}", inner.axes, SIGN, inner.kind, fresh=True)
        case Add() | Mul():
            parts = [position(emitter, p) for p in children(tree)]
            axes = union(parts, emitter.rank, emitter.free)
            level, sign = (SUM, " + ") if isinstance(tree, Add) else (PRODUCT, " * ")
            kind = "number" if all(p.kind == "number" for p in parts) else "int"
            text = sign.join(aligned(p, axes).at(level) for p in parts)
            return Piece(text.replace(" + -", " - "), axes, level, kind, fresh=True)
    raise UnsupportedError(
        f"A {type(tree).__name__} stands at the place of an index or in a Kronecker delta. "
        "Positions are made of indices, whole numbers, sizes and labels by + - *."
    )


def entry(emitter: Emitter, tree: Entry) -> Piece:
    """Return the array of all entries that an entry names, over the indices in its positions."""
    name = emitter.tensor(tree.tensor)
    at = tree.at
    letters = [p.index for p in at if isinstance(p, Ix)]
    if len(letters) == len(at) and all(
        p.index.size == s for p, s in zip(at, tree.tensor.shape, strict=True) if isinstance(p, Ix)
    ):
        if len(set(letters)) == len(letters):
            return Piece(name, tuple(letters), ATOM)
        return _diagonal(name, letters)
    text, axes = subscript(emitter, at, tree.tensor.shape, guards=emitter.guards)
    return Piece(f"{name}[{text}]", axes, CALL)


def _diagonal(name: str, letters: list[Any]) -> Piece:
    """A[i, i]: a view by einsum, which takes a repeated letter as a diagonal."""
    found = list(dict.fromkeys(letters))
    spelled = {k: "abcdefghijklmnopqrstuvwxyz"[n] for n, k in enumerate(found)}
    source, target = "".join(spelled[k] for k in letters), "".join(spelled[k] for k in found)
    return Piece(f'xp.einsum("{source}->{target}", {name})', tuple(found), CALL)


def subscript(
    emitter: Emitter, at: tuple[Tree, ...], shape: tuple[Size, ...], *, guards: Guards
) -> tuple[str, tuple[Any, ...]]:
    """Return the text between the brackets and the axes of what it selects.

    An index alone on its axis and nowhere else becomes ``:``, everything else an integer array. A position that may
    leave its axis raises IndexError in the program (NumPy does so, others need a line for it), unless a condition
    guards it: where the condition is false the entry 0 is read; if the condition depends on more than the position,
    the position is clipped instead.
    """
    uses: dict[Any, int] = {}
    for p in at:
        for k in free_indices(p):
            uses[k] = uses.get(k, 0) + sum(t == Ix(k) for t in walk(p))
    plain = [
        isinstance(p, Ix) and uses[p.index] == 1 and p.index.size == size for p, size in zip(at, shape, strict=True)
    ]
    pieces = [None if easy else position(emitter, p) for p, easy in zip(at, plain, strict=True)]
    arrays = [p for p in pieces if p is not None]
    axes = union(arrays, emitter.rank, emitter.free)
    texts: list[str] = []
    for tree, piece, size in zip(at, pieces, shape, strict=True):
        if piece is None:
            texts.append(":")
            continue
        piece = aligned(emitter.hold(piece) if isinstance(tree, Ix) else piece, axes)
        text = piece.text
        if not inside(tree, size):
            length = emitter.size(size)
            chosen = _chosen(emitter, tree, guards)
            if guards and chosen is None:
                number = piece.kind == "number"
                text = f"min(max({text}, 0), {length} - 1)" if number else f"xp.clip({text}, 0, {length} - 1)"
            else:
                if not isinstance(tree, Num) and not _never_negative(tree):
                    below = f"{piece.at(SUM)} < 0"
                    number = piece.kind == "number"
                    text = f"({length} if {below} else {text})" if number else f"xp.where({below}, {length}, {text})"
                if chosen is not None:
                    text = f"xp.where({aligned(chosen, axes).text}, {text}, 0)"
                if piece.kind != "number" and not emitter.dialect.refuses:
                    message = f'"an index is out of bounds for an axis of length %d" % {length}'
                    emitter.refuse(f"({text} >= {length}).any()", message)
        texts.append(text)
    advanced = [n for n, easy in enumerate(plain) if not easy]
    together = advanced == list(range(advanced[0], advanced[-1] + 1))
    only_numbers = all(p.kind == "number" for p in arrays)
    selected: list[Any] = []
    if not together and not only_numbers:
        selected += axes
    for n, (p, easy) in enumerate(zip(at, plain, strict=True)):
        if easy:
            assert isinstance(p, Ix)
            selected.append(p.index)
        elif n == advanced[0] and (together or only_numbers):
            selected += axes
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return ", ".join(texts), tuple(selected)


def _never_negative(tree: Tree) -> bool:
    known = bounds(tree)
    return known is not None and bool(sympy.expand(known[0]).is_nonnegative)


def _chosen(emitter: Emitter, tree: Tree, guards: Guards) -> Piece | None:
    """Return where a guarded position is read, or None where that is not a matter of its own indices alone."""
    own = free_indices(tree)
    parts: list[Piece] = []
    for condition, truth in guards:
        if any(k not in own for k in free_indices(condition)) or any(isinstance(t, Entry) for t in walk(condition)):
            return None
        made = conditions.condition(emitter, condition)
        parts.append(made if truth else Piece(f"xp.logical_not({made.text})", made.axes, CALL, "bool"))
    if not own or not parts:
        return None
    axes = union(parts, emitter.rank, emitter.free)
    return Piece(" & ".join(aligned(p, axes).at(LOGIC + 1) for p in parts), axes, LOGIC, "bool")
