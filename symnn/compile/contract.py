"""sum over k of a product of two or more arrays: dot, matrix product, batched product, tensordot or einsum."""

from __future__ import annotations

from collections.abc import Sequence

from symnn.compile.piece import CALL, MATMUL, PRODUCT, Piece, aligned, union
from symnn.ground.indices import Index

__all__ = ["contraction", "summed"]

Axes = tuple[Index, ...]


def summed(piece: Piece, over: Sequence[Index]) -> Piece:
    """Return the piece summed over some of its axes."""
    where = [piece.axes.index(k) for k in over if k in piece.axes]
    if not where:
        return piece
    left = tuple(a for a in piece.axes if a not in over)
    axis = "" if not left else f"axis={where[0]}" if len(where) == 1 else f"axis={tuple(sorted(where))}"
    return Piece(f"{piece.at(CALL)}.sum({axis})", left, CALL, fresh=True)


def _fold(pieces: list[Piece], rank: dict[Index, int]) -> list[Piece]:
    """Multiply factors whose axes all belong to another factor into it, until two are left or none fits."""
    pieces = list(pieces)
    while len(pieces) > 2:
        for n, p in sorted(enumerate(pieces), key=lambda q: len(q[1].axes)):
            hosts = [m for m, q in enumerate(pieces) if m != n and set(p.axes) <= set(q.axes)]
            if hosts:
                m = min(hosts, key=lambda h: len(pieces[h].axes))
                axes = union((pieces[m], p), rank)
                text = f"{aligned(pieces[m], axes).at(PRODUCT)} * {aligned(p, axes).at(PRODUCT + 1)}"
                made = Piece(text, axes, PRODUCT, fresh=True)
                pieces = [made if k == m else q for k, q in enumerate(pieces) if k != n]
                break
        else:
            break
    return pieces


def contraction(
    pieces: list[Piece], over: Sequence[Index], want: Sequence[Index], rank: dict[Index, int], *, one_pass: bool = True
) -> Piece:
    """Return the sum over the indices of the product of the pieces.

    Args:
        pieces: the factors.
        over: the indices summed over.
        want: the order of axes that is hoped for.
        rank: the order of axes otherwise.
        one_pass: einsum sums the entries of a product in one pass.
    """
    pieces = _fold([p for p in pieces], rank)
    if len(pieces) == 1:
        return summed(pieces[0], over)
    if len(pieces) > 2:
        return einsum(pieces, over, want)
    a, b = pieces
    a = summed(a, [k for k in over if k not in b.axes])
    b = summed(b, [k for k in over if k not in a.axes])
    shared = [k for k in over if k in a.axes]
    batch = tuple(k for k in a.axes if k in b.axes and k not in over)
    left = tuple(k for k in a.axes if k not in b.axes)
    right = tuple(k for k in b.axes if k not in a.axes)
    if not shared:
        axes = union((a, b), rank, want)
        return Piece(f"{aligned(a, axes).at(PRODUCT)} * {aligned(b, axes).at(PRODUCT + 1)}", axes, PRODUCT, fresh=True)
    if batch:
        if len(left) == len(right) == len(shared) == 1:
            if _before(right, left, want):
                a, b, left, right = b, a, right, left
            batch = tuple(sorted(batch, key=lambda k: list(want).index(k) if k in want else -1))
            return _matmul(a, b, (*batch, *left, *shared), (*batch, *shared, *right), (*batch, *left, *right))
        if not one_pass and not (left and right):
            axes = union((a, b), rank)
            text = f"{aligned(a, axes).at(PRODUCT)} * {aligned(b, axes).at(PRODUCT + 1)}"
            return summed(Piece(text, axes, PRODUCT, fresh=True), over)
        return einsum([a, b], over, want)
    if _before(right, left, want) and len(left) <= 1:
        a, b, left, right = b, a, right, left
    if len(shared) == 1 and len(right) <= 1:
        return _matmul(a, b, (*left, *shared), (*shared, *right), (*left, *right))
    if len(shared) == 1 and len(left) <= 1 and len(right) > 1 and not left:
        return _matmul(b, a, (*right, *shared), tuple(shared), right)
    if not left and not right:
        return Piece(f"xp.vdot({a.text}, {aligned(b, a.axes).text})", (), CALL, fresh=True)
    axes_a = [a.axes.index(k) for k in shared]
    axes_b = [b.axes.index(k) for k in shared]
    return Piece(f"xp.tensordot({a.text}, {b.text}, axes=({axes_a}, {axes_b}))", (*left, *right), CALL, fresh=True)


def _before(one: Axes, other: Axes, want: Sequence[Index]) -> bool:
    """Tell whether the result is hoped for with axis ``one`` in front of ``other``."""
    order = list(want)
    return bool(one and other and one[0] in order and other[0] in order and order.index(one[0]) < order.index(other[0]))


def _matmul(a: Piece, b: Piece, axes_a: Axes, axes_b: Axes, axes: Axes) -> Piece:
    left, right = aligned(a, axes_a), aligned(b, axes_b)
    return Piece(f"{left.at(PRODUCT)} @ {right.at(PRODUCT + 1)}", axes, MATMUL, fresh=True)


def einsum(pieces: list[Piece], over: Sequence[Index], want: Sequence[Index]) -> Piece:
    """Return the general contraction."""
    found = tuple(dict.fromkeys(k for p in pieces for k in p.axes))
    letters: dict[Index, str] = {}
    spare = [c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    for k in found:
        plain = len(k.letter) == 1 and k.letter.isascii() and k.letter.isalpha() and k.letter in spare
        letters[k] = k.letter if plain else ""
        if plain:
            spare.remove(k.letter)
    for k in found:
        letters[k] = letters[k] or spare.pop(0)
    left = [k for k in found if k not in over]
    axes = tuple(sorted(left, key=lambda k: list(want).index(k) if k in want else len(want)))
    spec = ",".join("".join(letters[k] for k in p.axes) for p in pieces) + "->" + "".join(letters[k] for k in axes)
    best = ", optimize=True" if len(pieces) > 2 else ""
    return Piece(f'xp.einsum("{spec}", {", ".join(p.text for p in pieces)}{best})', axes, CALL, fresh=True)
