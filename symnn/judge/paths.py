"""Backpropagation in numbers, edge by edge, so that one edge can be taken as somebody may have taken it.

The gradient by x is the sum, over every use of x, of the use's pullback at the gradient that arrives there. Left out,
taken entry by entry, or with its derivative taken at the output, a use gives the gradient that a slip would have given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from symnn.derivation import readable
from symnn.derive.backprop import Contribution, backprop, formula
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.sizes import dims
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor, input
from symnn.ground.tree import Entry, Ix, Mul, Sum, Tree, mul, tensors_in, transform, walk
from symnn.judge.dense import Dense
from symnn.judge.places import Place, places
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth
from symnn.language.one_number import derivative_of, taken_at
from symnn.nn.activations import ACTIVATIONS, activation
from symnn.show.letters import named
from symnn.show.text_notation import text

__all__ = ["Detour", "detours", "gradient_along"]

_STEP = 1e-30
#: A derivative of so many signs is written out.
_SHORT = 48
#: How a use's pullback may be taken otherwise: (evaluator, contribution, gradient at the child) -> contribution.
Change = Callable[[Dense, Contribution, Any], Any]


@dataclass(frozen=True)
class Detour:
    """Some uses of a tensor taken otherwise, in words.

    Attributes:
        kind: of slip; ``sentence`` and ``where`` say which.
        changes: what is taken instead, by the use.
        contribution: names the one that is left out.
        inside: it is one place of several in one formula, where slips in the formula itself read plainer.
    """

    kind: str
    sentence: str
    where: str
    changes: Mapping[tuple[Tensor, int], Change]
    contribution: str = ""
    inside: bool = False


def gradient_along(truth: Truth, spot: Spot, changes: Mapping[tuple[Tensor, int], Change]) -> Any:
    """Return the gradient at a point with some uses taken otherwise."""
    dense, out = spot.dense, truth.output
    grads: dict[Tensor, Any] = {}
    up = truth.upstream
    grads[out] = np.ones(()) if up is None else spot.tensor(up)
    for t in truth.adjoints.visited:
        uses = truth.adjoints.contributions.get(t)
        if t is out or not uses:
            continue
        total: Any = 0.0
        for n, use in enumerate(uses):
            above = grads.get(use.child)
            if above is None:
                continue
            change = changes.get((t, n))
            total = total + (pulled(dense, truth, use, above) if change is None else change(dense, use, above))
        grads[t] = np.asarray(total, dtype=float)
    found = grads.get(truth.wrt)
    return (
        np.zeros(spot.tensor(truth.wrt).shape)
        if found is None
        else np.broadcast_to(found, spot.tensor(truth.wrt).shape)
    )


def pulled(dense: Dense, truth: Truth, use: Contribution, above: Any, given: Mapping[Tensor, Any] | None = None) -> Any:
    """Return what one use contributes, for a gradient at its child."""
    d = use.definition
    adjoint = truth.adjoints.of.get(use.child)
    slots = {s: above for s, a in zip(d.template.slots, d.args, strict=True) if a is adjoint}
    with np.errstate(all="ignore"):
        return dense.definition(d, given={**slots, **(given or {})})


def detours(truth: Truth) -> Iterator[Detour]:
    """Yield every use of every tensor on the way, taken otherwise."""
    for t in truth.adjoints.visited:
        uses = truth.adjoints.contributions.get(t, [])
        for n, use in enumerate(uses):
            edge = (t, n)
            if len(uses) > 1:
                yield from _of_several(truth, t, uses, n, edge)
            if len({u.child for u in uses}) > 2:
                yield _alone(t, uses, n)
            if _same_axes(t, use.child):
                yield from _along(truth, t, use, edge)
    for t in truth.adjoints.visited:
        for n, use in enumerate(truth.adjoints.contributions.get(t, [])):
            yield from _at_places(t, use, (t, n))


def _of_several(
    truth: Truth, t: Tensor, uses: list[Contribution], n: int, edge: tuple[Tensor, int]
) -> Iterator[Detour]:
    child = uses[n].child
    name = f"from {t.name} to {child.name}"
    if [u.child for u in uses].count(child) > 1:
        said = f"use number {n + 1} of {t.name} in {child.name} is missing"
    else:
        others = ", ".join(dict.fromkeys(u.child.name for k, u in enumerate(uses) if k != n))
        said = f"the path {name} is missing: only that through {others} is taken"

    def turned(dense: Dense, u: Contribution, above: Any) -> Any:
        return -pulled(dense, truth, u, above)

    def twice(dense: Dense, u: Contribution, above: Any) -> Any:
        return 2 * pulled(dense, truth, u, above)

    yield Detour("path", said, child.name, {edge: _nothing}, name)
    yield Detour("sign", f"the contribution {name} has the wrong sign", child.name, {edge: turned})
    yield Detour("term", f"the contribution {name} is taken twice", child.name, {edge: twice})


def _at_places(t: Tensor, use: Contribution, edge: tuple[Tensor, int]) -> Iterator[Detour]:
    """Yield a use of a tensor that stands at several places of the child's formula, one place taken otherwise."""
    apart = places(t, use.child)
    for place in apart:
        others = [p for p in apart if p is not place]
        through = ", ".join(p.name for p in others)

        def rest(dense: Dense, above: Any, others: list[Place] = others) -> Any:
            return sum(p.pulled(dense, above) for p in others)

        def without(dense: Dense, u: Contribution, above: Any, rest: Any = rest) -> Any:
            return rest(dense, above)

        name = f"through {place.name}"
        said = f"the path {name} is missing: only that through {through} is taken"
        yield Detour("path", said, place.name, {edge: without}, name, True)
        for e, pulled in place.edits():

            def slipped(dense: Dense, u: Contribution, above: Any, rest: Any = rest, pulled: Any = pulled) -> Any:
                return rest(dense, above) + pulled(dense, above)

            yield Detour(e.kind, f"{e.sentence}, in what passes {name}", e.where, {edge: slipped}, "", True)


def _alone(t: Tensor, uses: list[Contribution], n: int) -> Detour:
    """Return the gradient with all contributions but one lost, as where the last one overwrites the others."""
    kept = uses[n].child.name
    lost = ", ".join(dict.fromkeys(u.child.name for k, u in enumerate(uses) if k != n))
    said = f"the paths from {t.name} to {lost} are missing: only that through {kept} is taken"
    if t.role == "parameter":
        said += "; is the sum over its uses overwritten, where they must add up?"
    kind = "overwrite" if t.role == "parameter" else "path"
    return Detour(kind, said, kept, {(t, k): _nothing for k in range(len(uses)) if k != n})


def _nothing(dense: Dense, use: Contribution, above: Any) -> Any:
    return 0.0


def _along(truth: Truth, t: Tensor, use: Contribution, edge: tuple[Tensor, int]) -> Iterator[Detour]:
    child = use.child
    f, where = _function(child), child.name

    def passed(dense: Dense, u: Contribution, above: Any) -> Any:
        return above

    def itself(dense: Dense, u: Contribution, above: Any) -> Any:
        return above * dense.tensor(u.child)

    def twice(dense: Dense, u: Contribution, above: Any) -> Any:
        return pulled(dense, truth, u, pulled(dense, truth, u, above))

    if _entry_by_entry(use):
        said = f"the derivative of {f} is taken at {where}, where it belongs at {t.name}"
        yield Detour("derivative-at-output", said, where, {edge: _at_output})
        said = f"the derivative of {f} at {t.name} is missing{_written(truth, t, use)}"
        yield Detour("factor", said, where, {edge: passed})
        yield Detour("factor", f"{f}({t.name}) itself stands where its derivative belongs", where, {edge: itself})
        said = f"the derivative of {f} at {t.name} stands twice{_written(truth, t, use)}"
        yield Detour("factor", said, where, {edge: twice})
        for other in ACTIVATIONS if f in ACTIVATIONS else ():
            if other != f:
                said = f"the derivative of {other} stands where that of {f} at {t.name} belongs"
                yield Detour("function", said, where, {edge: _multiplied(partial(_by_input, other), t)})
                if _by_output(other) is not None:
                    yield Detour("function", said, where, {edge: _multiplied(partial(_at_output_of, other), child)})
        return
    said = f"{f} is differentiated entry by entry: its Jacobian is not diagonal"
    yield Detour("elementwise", said, where, {edge: _diagonal})
    yield Detour("path", f"{f} is passed over, as if it were the identity", where, {edge: passed})


def _multiplied(derivative: Callable[[Tree], Tree], t: Tensor) -> Change:
    """Return a pullback that multiplies by a function of the entries of a tensor."""

    def change(dense: Dense, use: Contribution, above: Any) -> Any:
        free = tuple(Index(f"i{n}", s) for n, s in enumerate(t.shape))
        return above * dense.array(derivative(Entry(t, tuple(Ix(i) for i in free))), free)

    return change


def _by_input(kind: str, u: Tree) -> Tree:
    derivative = derivative_of(kind, 1)
    assert derivative is not None
    return taken_at(derivative, u)


def _at_output_of(kind: str, u: Tree) -> Tree:
    found = _by_output(kind)
    assert found is not None
    tree, h = found
    return transform(tree, lambda at: u if isinstance(at, Entry) and at.tensor is h else at)


@cache
def _by_output(kind: str) -> tuple[Tree, Tensor] | None:
    """Return the derivative of an activation in terms of its output h, 1 - h^2 of tanh, where it is a function of h."""
    size = dims("N")
    z = input("z", (size,))
    h = activation(kind, z)
    made = backprop(h, [z], upstream=Tensor("up", h.shape, "upstream"))
    adjoint = made.of[z]
    _, tree = formula(adjoint)
    tree = readable(tree)
    parts = tree.factors if isinstance(tree, Mul) else (tree,)
    rest = [p for p in parts if not (isinstance(p, Entry) and p.tensor.role == "upstream")]
    body = mul(*rest)
    if len(rest) != len(parts) - 1 or {t for t in tensors_in(body)} != {h}:
        return None
    return body, h


def _written(truth: Truth, t: Tensor, use: Contribution) -> str:
    """Return what the derivative is, ": 1 - h1**2", where it is a short factor of the use."""
    letters = t.letters or use.child.letters
    if len(letters) != t.rank or len(set(letters)) != t.rank:
        return ""
    free = tuple(Index(k, s) for k, s in zip(letters, t.shape, strict=True))
    tree = readable(unfold(entry_of(Tensor(t.name, t.shape, "value", definition=use.definition), free)))
    adjoint = truth.adjoints.of.get(use.child)
    parts = tree.factors if isinstance(tree, Mul) else (tree,)
    rest = [p for p in parts if not (isinstance(p, Entry) and p.tensor is adjoint)]
    if len(rest) == len(parts) or not rest:
        return ""
    shown = text(mul(*rest), letters=named(mul(*rest), free=free))
    return f": {shown}" if len(shown) <= _SHORT else ""


def _same_axes(t: Tensor, child: Tensor) -> bool:
    return t.shape == child.shape and t.rank > 0 or (t.rank == child.rank == 0)


def _function(child: Tensor) -> str:
    name = child.definition.template.name if child.definition is not None else child.name
    return name if name.isidentifier() else child.name


def _slot_of(use: Contribution) -> tuple[Any, Tensor] | None:
    """Return the child's definition, and the slot of it that the use stands for."""
    d = use.child.definition
    if d is None:
        return None
    name = use.pullback.template.name
    slot = next((s for s in d.template.slots if name == f"{d.template.name} by {s.name}"), None)
    return None if slot is None else (d, slot)


def _entry_by_entry(use: Contribution) -> bool:
    """Tell whether each entry of a child depends on the entry of the same place alone."""
    found = _slot_of(use)
    if found is None:
        return False
    d, slot = found
    template = d.template
    if any(
        isinstance(t, Sum) and any(isinstance(e, Entry) and e.tensor is slot for e in walk(t))
        for t in walk(template.tree)
    ):
        return False
    plain = tuple(Ix(i) for i in template.free)
    return all(e.at == plain for e in walk(template.tree) if isinstance(e, Entry) and e.tensor is slot)


def _at_output(dense: Dense, use: Contribution, above: Any) -> Any:
    found = _slot_of(use)
    if found is None:
        raise SymnnError("no slot")
    d, slot = found
    output = dense.tensor(use.child)
    with np.errstate(all="ignore"):
        moved = dense.definition(d, given={slot: output + 1j * _STEP})
    return above * np.imag(moved) / _STEP


def _diagonal(dense: Dense, use: Contribution, above: Any) -> Any:
    """Return above times the diagonal of the Jacobian, entry by entry by complex steps."""
    found = _slot_of(use)
    if found is None:
        raise SymnnError("no slot")
    d, slot = found
    arg = dict(zip(d.template.slots, d.args, strict=True))[slot]
    array = dense.tensor(arg)
    if array.size > 150:
        raise SymnnError("too large")
    out = np.zeros(array.shape)
    for at in np.ndindex(*array.shape):
        moved = array.astype(complex)
        moved[at] += 1j * _STEP
        with np.errstate(all="ignore"):
            out[at] = np.imag(dense.definition(d, given={slot: moved})[at]) / _STEP
    return above * out
