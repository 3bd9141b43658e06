"""Put formulas together: an adjoint unfolded into its consumer where that is shorter, contributions added up.

Both are worked out once per pattern of templates and shared arguments, and re-used for every node alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical
from symnn.derive.patterns import KEPT, Combined, named_value, pattern, recall, remember, unfolded
from symnn.derive.simplify import simplify, weight
from symnn.derive.steps import Derived
from symnn.derive.tidy import contract
from symnn.graph.guarded import strays
from symnn.ground.define import abstract
from symnn.ground.indices import Index
from symnn.ground.template import Definition, entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Fn, Tree, Where, tensors_in, walk

__all__ = ["added", "fused"]

#: Printed cost beyond which unfolding an adjoint is not tried: it would not come out shorter.
_LARGEST = 80


def fused(target: Tensor, definition: Definition, upstream: Tensor) -> Combined | None:
    """Return the definition with the upstream adjoint unfolded, or None where that is longer."""
    assert upstream.definition is not None
    # The upstream stands among the consumer's arguments; what it is computed from decides, and how the values that
    # may be folded back in are defined.
    seen = dict.fromkeys((*definition.args, *upstream.definition.args))
    folded = tuple(t for t in seen if _foldable(t, upstream))
    shape, tensors = pattern((definition, upstream.definition, *(t.definition for t in folded if t.definition)))
    tensors = tuple(dict.fromkeys((*tensors, *folded)))
    key = ("fuse", shape, tensors.index(upstream), tuple(tensors.index(t) for t in folded))
    if key in KEPT.patterns:
        return None if KEPT.patterns[key] is None else recall(KEPT.patterns[key], tensors, target)
    out = _fuse(target, definition, upstream)
    if out is None:
        KEPT.patterns[key] = None
    else:
        remember(key, tensors, out)
    return out


def _foldable(t: Tensor, upstream: Tensor) -> bool:
    return t.definition is not None and t is not upstream and t.role != "adjoint"


def _fuse(target: Tensor, definition: Definition, upstream: Tensor) -> Combined | None:
    free = tuple(Index(i.letter, s) for i, s in zip(definition.template.free, target.shape, strict=True))
    node = Tensor(target.name, target.shape, "adjoint", definition=definition)
    before = unfold(entry_of(node, free))
    if not _worth_trying(before, upstream):
        return None
    derived = Derived()
    derived.then(before)
    opened = contract(unfolded(before, upstream))
    if cost(opened) > _LARGEST:
        return None
    derived.then(opened, f"insert {upstream.name}")
    simplify(derived, [named_value(t) for t in tensors_in(opened) if _foldable(t, upstream)])
    after = derived.result
    if upstream in tensors_in(after) or weight(after) > weight(before):
        return None
    return Combined(abstract(f"{definition.template.name}", free, after, KEPT.templates), derived, free)


def _worth_trying(tree: Tree, upstream: Tensor) -> bool:
    """A sum over many terms of a sum seldom shortens; anything small is tried."""
    assert upstream.definition is not None
    return cost(tree) + cost(upstream.definition.template.tree) <= _LARGEST


def added(target: Tensor, parts: Sequence[Definition]) -> Combined:
    """Return the definition of a sum of contributions; like terms are gathered where that is shorter."""
    shape, tensors = pattern(parts)
    key = ("add", shape)
    if key in KEPT.patterns:
        return recall(KEPT.patterns[key], tensors, target)
    free = tuple(Index(i.letter, s) for i, s in zip(parts[0].template.free, target.shape, strict=True))
    terms = [unfold(entry_of(Tensor(target.name, target.shape, "adjoint", definition=d), free)) for d in parts]
    derived = Derived()
    derived.then(Add(tuple(terms)))
    tree: Tree = contract(Add(tuple(terms)))
    if not any(isinstance(t, Where | Fn) for t in walk(tree)):
        gathered = to_tree(canonical(tree), Letters((tree,), free))
        if cost(gathered) < cost(tree) and (strays(tree) or not strays(gathered)):
            tree = gathered
            derived.then(tree, "collect terms")
    definition = abstract(f"sum over the uses of {target.name}", free, tree, KEPT.templates)
    out = Combined(definition, derived, free)
    remember(key, tensors, out)
    return out
