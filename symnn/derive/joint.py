"""Derive an adjoint through everything that depends on its tensor alone, and see whether it comes out shorter so.

x -> mean -> variance -> xhat: the adjoints in between only serve the one of x. Unfolded into it, with x, its mean and
its variance eliminated, they leave the textbook's line. Worked out once per pattern, like the other combinations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.compact import Letters
from symnn.derive.patterns import KEPT, Combined, named_value, pattern, recall, remember, unfolded
from symnn.derive.shorten import LINE, Named, shortened, weight
from symnn.derive.steps import Derived
from symnn.derive.tidy import contract
from symnn.ground.define import abstract
from symnn.ground.indices import Index
from symnn.ground.template import Definition, entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Entry, Fn, Tree, children, tensors_in

__all__ = ["between", "joint"]

#: A region with more tensors than this is left as it is.
_MOST = 6

#: Printed cost beyond which unfolded adjoints are not simplified: nothing short comes of them.
_LARGEST = 240

#: Products that simplifying one unfolded formula may take.
_BUDGET = 6_000

#: (child, slot) for every slot that a tensor stands in.
Uses = Mapping[Tensor, Sequence[tuple[Tensor, Tensor]]]


def between(t: Tensor, uses: Uses) -> tuple[Tensor, ...]:
    """Return the tensors on the way to the output all of whose real parents are ``t`` or such tensors themselves."""
    found: dict[Tensor, None] = {}
    queue = [t]
    while queue:
        at = queue.pop(0)
        for child, _ in uses.get(at, ()):
            if child in found or child.definition is None or not uses.get(child):
                continue
            moving = _moving(child.definition)
            if all(p is t or p in found for p in moving):
                found[child] = None
                queue.append(child)
                if len(found) > _MOST:
                    return ()
    return tuple(found)


def _moving(definition: Definition) -> tuple[Tensor, ...]:
    """Return the real tensors that a definition is differentiated by: those that stand outside stop_gradient."""
    template = definition.template
    found: frozenset[Tensor] | None = template.memo.get("moving")
    if found is None:
        found = template.memo["moving"] = frozenset(_outside_stops(template.tree))
    return tuple(a for s, a in zip(template.slots, definition.args, strict=True) if s in found and s.classes is None)


def _outside_stops(tree: Tree) -> Iterator[Tensor]:
    if isinstance(tree, Entry):
        yield tree.tensor
    elif not (isinstance(tree, Fn) and tree.name == "stop_gradient"):
        for part in children(tree):
            yield from _outside_stops(part)


def joint(
    target: Tensor, parts: Sequence[Definition], inner: Sequence[Tensor], adjoints: Mapping[Tensor, Tensor]
) -> Combined | None:
    """Return the adjoint with those of ``inner`` unfolded into it, or None where that is not shorter in all.

    Args:
        target: the adjoint being made.
        parts: its contributions, one per use.
        inner: tensors computed from its tensor alone, nearest first.
        adjoints: the adjoints derived so far.
    """
    above = [adjoints[v] for v in inner]
    definitions = [d.definition for d in (*above, *inner) if d.definition is not None]
    seen = dict.fromkeys(a for d in (*parts, *definitions) for a in d.args)
    named = tuple(dict.fromkeys((*inner, *(t for t in seen if t.definition is not None and t.role != "adjoint"))))
    definitions += [t.definition for t in named[len(inner) :] if t.definition is not None]
    shape, tensors = pattern((*parts, *definitions))
    tensors = tuple(dict.fromkeys((*tensors, *above, *named)))
    key = ("joint", shape, len(parts), tuple(tensors.index(t) for t in (*above, *named)))
    if key in KEPT.patterns:
        return None if KEPT.patterns[key] is None else recall(KEPT.patterns[key], tensors, target)
    out = _joint(target, parts, named, above)
    if out is None:
        KEPT.patterns[key] = None
    else:
        remember(key, tensors, out)
    return out


def _joint(
    target: Tensor, parts: Sequence[Definition], values: Sequence[Tensor], above: Sequence[Tensor]
) -> Combined | None:
    free = tuple(Index(i.letter, s) for i, s in zip(parts[0].template.free, target.shape, strict=True))
    terms = [unfold(entry_of(Tensor(target.name, target.shape, "adjoint", definition=d), free)) for d in parts]
    before = contract(Add(tuple(terms)) if len(terms) > 1 else terms[0])
    lines: list[tuple[Tree, tuple[str, ...]]] = [(before, ())]
    best: tuple[int, Derived] | None = None
    plain = weight(before) + _definitions(above)
    named = [named_value(v) for v in values]
    for n, adjoint in enumerate(above):
        if adjoint in tensors_in(lines[-1][0]):
            opened = contract(unfolded(lines[-1][0], adjoint))
            if weight(opened) > _LARGEST:
                break
            lines.append((opened, (f"insert {adjoint.name}",)))
        if n < len(above) - 2:
            continue
        found = _short(lines[-1][0], named, Letters([tree for tree, _ in lines], free))
        if found is None:
            continue
        total = weight(found[0]) + _definitions(above[n + 1 :])
        if total < (plain if best is None else best[0]):
            derived = Derived()
            for tree, rules in (*lines, found):
                derived.then(tree, *rules)
            best = total, derived
    if best is None:
        return None
    derived = best[1]
    name = f"{parts[0].template.name}, put together"
    return Combined(abstract(name, free, derived.result, KEPT.templates), derived, free)


def _short(tree: Tree, named: Sequence[Named], letters: Letters) -> tuple[Tree, tuple[str, ...]] | None:
    try:
        with limited(_BUDGET):
            return shortened(tree, named, letters)
    except Exhausted:
        return None


def _definitions(adjoints: Sequence[Tensor]) -> int:
    return sum(weight(a.definition.template.tree) + LINE for a in adjoints if a.definition is not None)
