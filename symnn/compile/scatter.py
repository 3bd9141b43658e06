"""A Kronecker delta in a term writes to a few entries only: out[n, t[n]] += u, instead of adding a mask times u."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symnn.compile.piece import CALL, SIGN, Piece, aligned, union
from symnn.compile.positions import inside, is_position, position, strays
from symnn.compile.products import Quotient, quotient, summands
from symnn.compile.safe_nodes import Peak, rewritten
from symnn.ground.indices import Index
from symnn.ground.tree import Add, Delta, Ix, Neg, Sum, Tree, free_indices

if TYPE_CHECKING:
    from symnn.compile.emit import Emitter

__all__ = ["scattered"]


@dataclass
class Writing:
    """sum over ``over`` of ``sign * value``, written where each target index equals its position."""

    sign: int
    targets: dict[Index, Tree] = field(default_factory=dict)
    over: tuple[Index, ...] = ()
    value: Tree | None = None

    def indices(self) -> tuple[Index, ...]:
        """Return the indices that the positions run over."""
        return tuple(dict.fromkeys(k for p in self.targets.values() for k in free_indices(p)))


def _writing(tree: Tree) -> Writing | None:
    """Read a term as a writing, or None where it has no delta that picks an entry inside the range."""
    sign, over, body = 1, [], tree
    while (isinstance(body, Sum) and not isinstance(body, Peak)) or isinstance(body, Neg):
        if isinstance(body, Neg):
            sign = -sign
        else:
            over.append(body.index)
        body = body.body
    q = quotient(body)
    out = Writing(sign * q.sign)
    rest: list[Tree] = []
    for f in q.above:
        taken = _target(f, out, over) if isinstance(f, Delta) else None
        if taken is None:
            rest.append(f)
        else:
            out.targets[taken[0]] = taken[1]
    if not out.targets:
        return None
    value = Quotient(1, rest, q.below).tree()
    value = rewritten(value, lambda t: out.targets.get(t.index, t) if isinstance(t, Ix) else t)
    reached = out.indices()
    for k in reversed(over):
        if k not in reached:
            value = Sum(k, value)
    out.over = tuple(k for k in over if k in reached)
    out.value = value
    return out


def _target(delta: Delta, out: Writing, over: list[Index]) -> tuple[Index, Tree] | None:
    for one, other in ((delta.left, delta.right), (delta.right, delta.left)):
        if not isinstance(one, Ix) or one.index in over or not is_position(other):
            continue
        c, inner = one.index, free_indices(other)
        if c in out.targets or c in inner or c in out.indices() or any(k in out.targets for k in inner):
            continue
        if inside(other, c.size) and not strays(other):  # a label that a guard keeps inside is not read unguarded
            return c, other
    return None


def scattered(emitter: Emitter, tree: Tree) -> Piece | None:
    """Return the piece of a sum (or a single term) with its deltas carried out by writing, or None without deltas."""
    terms = summands(tree) if isinstance(tree, Add) else [tree]
    writings = [_writing(t) for t in terms]
    if not any(writings):
        return None
    rest = [t for t, w in zip(terms, writings, strict=True) if w is None]
    base = emitter.real(emitter.emit(rest[0] if len(rest) == 1 else Add(tuple(rest)))) if rest else None
    made = [(w, emitter.real(emitter.emit(w.value))) for w in writings if w is not None and w.value is not None]
    reach = [base] if base is not None else []
    for w, value in made:
        own = (*w.targets, *w.indices(), *value.axes)
        reach.append(Piece("", tuple(dict.fromkeys(k for k in own if k not in w.over))))
    axes = union(reach, emitter.rank, emitter.free)
    if base is None:
        out = emitter.buffer(Piece(f"xp.zeros({emitter.shape(axes)}, dtype=real)", axes, CALL, fresh=True))
    else:
        out = emitter.buffer(emitter.whole(base, axes))
    for n, (w, value) in enumerate(made):
        _write(emitter, out, w, value, first=base is None and n == 0)
    return out


def _write(emitter: Emitter, out: Piece, w: Writing, value: Piece, *, first: bool) -> None:
    inner = w.indices()
    spots = {k: position(emitter, p) for k, p in w.targets.items()}
    spots.update({k: emitter.hold(position(emitter, Ix(k))) for k in inner if k in out.axes})
    walked = union(list(spots.values()), emitter.rank, emitter.free)
    texts = [aligned(spots[k], walked).text if k in spots else ":" for k in out.axes]
    advanced = [n for n, k in enumerate(out.axes) if k in spots]
    together = advanced == list(range(advanced[0], advanced[-1] + 1))
    selected: list[Index] = [] if together else list(walked)
    for n, k in enumerate(out.axes):
        if k not in spots:
            selected.append(k)
        elif together and n == advanced[0]:
            selected += walked
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    amount = aligned(value, selected)
    if w.over:
        if len(out.axes) == 1 and set(value.axes) != set(selected):  # NumPy's add.at repeats a value wrongly there
            amount = emitter.whole(value, selected)
        where = texts[0] if len(texts) == 1 else "(" + ", ".join("slice(None)" if t == ":" else t for t in texts) + ")"
        emitter.change(f"xp.add.at({out.text}, {where}, {'-' + amount.at(SIGN) if w.sign < 0 else amount.text})")
        return
    if first:
        emitter.change(f"{out.text}[{', '.join(texts)}] = {'-' + amount.at(SIGN) if w.sign < 0 else amount.text}")
    else:
        emitter.change(f"{out.text}[{', '.join(texts)}] {'-' if w.sign < 0 else '+'}= {amount.text}")
