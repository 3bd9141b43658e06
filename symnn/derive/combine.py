"""Put formulas together: an adjoint unfolded into its consumer where that is shorter, contributions added up.

Both are worked out once per pattern of templates and shared arguments, and re-used for every node alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical
from symnn.derive.simplify import simplify, weight
from symnn.derive.steps import Derived, Step, renamed
from symnn.derive.tidy import contract
from symnn.ground.define import abstract
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import Definition, Template, entry_of, instantiate, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Entry, Fn, Ix, Sym, Tree, Where, children, rebuild, tensors_in, walk

__all__ = ["Combined", "added", "fused"]

#: Printed cost beyond which unfolding an adjoint is not tried: it would not come out shorter.
_LARGEST = 80

_TEMPLATES: dict[Any, Template] = {}
_PATTERNS: dict[Any, Any] = {}


@dataclass(frozen=True)
class Combined:
    """A combined definition, the lines that led to it, and the free indices of those lines."""

    definition: Definition
    derived: Derived
    free: tuple[Index, ...]
    memo: dict[Any, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class _Kept:
    """What is remembered of a combination: the result, and the lines over the tensors it was first worked out for."""

    template: Template
    places: tuple[int, ...]
    combined: Combined
    seen: tuple[Tensor, ...]


def _pattern(definitions: Sequence[Definition]) -> tuple[Any, tuple[Tensor, ...]]:
    """Return a key for how the arguments and sizes of some definitions coincide, and the distinct arguments.

    A size that is no plain symbol is part of the key: the formula worked out first may hold it as a number. So is
    what is known of an argument's sign.
    """
    tensors = tuple(dict.fromkeys(a for d in definitions for a in d.args))
    number = {t: n for n, t in enumerate(tensors)}
    sizes: dict[Any, int] = {}
    key = tuple(
        (
            d.template,
            tuple(number[a] for a in d.args),
            tuple((f, sizes.setdefault(s, len(sizes)), None if s.is_Symbol else s) for f, s in d.sizes.items()),
            tuple(a.positive for a in d.args),
        )
        for d in definitions
    )
    return key, tensors


def _recall(kept: _Kept, tensors: tuple[Tensor, ...], target: Tensor) -> Combined:
    """Return a remembered combination with the actual tensors, sizes and names in its lines."""
    definition = instantiate(kept.template, tuple(tensors[p] for p in kept.places), node=target.name)
    there = dict(zip(kept.seen, tensors, strict=True))
    sizes: dict[Any, Any] = {}
    for old, new in there.items():
        sizes.update(zip(old.shape, new.shape, strict=True))
        if old.classes is not None:
            sizes[old.classes] = new.classes
    free = tuple(Index(i.letter, s) for i, s in zip(kept.combined.free, target.shape, strict=True))
    env: dict[Index, Tree] = {i: Ix(j) for i, j in zip(kept.combined.free, free, strict=True)}
    symbols = {old: from_sympy(new) for old, new in sizes.items() if old.is_Symbol}
    names = {old.name: new.name for old, new in there.items()}
    steps = [
        Step(
            substitute(s.tree, indices=env, tensors=there, sizes=sizes, symbols=symbols),
            tuple(renamed(rule, names) for rule in s.rules),
        )
        for s in kept.combined.derived.steps
    ]
    return Combined(definition, Derived(steps), free)


def _remember(key: Any, tensors: tuple[Tensor, ...], combined: Combined) -> bool:
    """Keep a result if its sizes can be read off its arguments."""
    definition = combined.definition
    template = definition.template
    known = {s for t in template.slots for s in t.shape} | {t.classes for t in template.slots}
    if not all(f in known for f in definition.sizes):
        return False
    if any(
        isinstance(t, Sym) and t.symbol not in definition.sizes and t.symbol.is_integer for t in walk(template.tree)
    ):
        return False  # a size that no argument carries stands in the formula under its own name
    _PATTERNS[key] = _Kept(template, tuple(tensors.index(a) for a in definition.args), combined, tensors)
    return True


def fused(target: Tensor, definition: Definition, upstream: Tensor) -> Combined | None:
    """Return the definition with the upstream adjoint unfolded, or None where that is longer."""
    assert upstream.definition is not None
    # The upstream stands among the consumer's arguments; what it is computed from decides, and how the values that
    # may be folded back in are defined.
    folded = tuple(t for t in dict.fromkeys(definition.args) if t.definition is not None and _foldable(t, upstream))
    pattern, tensors = _pattern((definition, upstream.definition, *(t.definition for t in folded if t.definition)))
    tensors = tuple(dict.fromkeys((*tensors, *folded)))
    key = ("fuse", pattern, tensors.index(upstream), tuple(tensors.index(t) for t in folded))
    if key in _PATTERNS:
        return None if _PATTERNS[key] is None else _recall(_PATTERNS[key], tensors, target)
    out = _fuse(target, definition, upstream)
    if out is None:
        _PATTERNS[key] = None
    else:
        _remember(key, tensors, out)
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
    opened = contract(_unfolded(before, upstream))
    if cost(opened) > _LARGEST:
        return None
    derived.then(opened, f"insert {upstream.name}")
    simplify(derived, _named(before, upstream))
    after = derived.result
    if upstream in tensors_in(after) or weight(after) > weight(before):
        return None
    return Combined(abstract(f"{definition.template.name}", free, after, _TEMPLATES), derived, free)


def _worth_trying(tree: Tree, upstream: Tensor) -> bool:
    """A sum over many terms of a sum seldom shortens; anything small is tried."""
    assert upstream.definition is not None
    return cost(tree) + cost(upstream.definition.template.tree) <= _LARGEST


def _unfolded(tree: Tree, tensor: Tensor) -> Tree:
    if isinstance(tree, Entry) and tree.tensor is tensor:
        return unfold(tree)
    parts = children(tree)
    return rebuild(tree, tuple(_unfolded(p, tensor) for p in parts)) if parts else tree


def _named(before: Tree, upstream: Tensor) -> list[tuple[Tensor, tuple[Index, ...], Tree]]:
    """Return computed tensors in sight that may be folded back in."""
    out = []
    for t in tensors_in(before):
        if t.definition is not None and _foldable(t, upstream):
            free = tuple(Index(i.letter, s) for i, s in zip(t.definition.template.free, t.shape, strict=True))
            out.append((t, free, unfold(entry_of(t, free))))
    return out


def added(target: Tensor, parts: Sequence[Definition]) -> Combined:
    """Return the definition of a sum of contributions; like terms are gathered where that is shorter."""
    pattern, tensors = _pattern(parts)
    key = ("add", pattern)
    if key in _PATTERNS:
        return _recall(_PATTERNS[key], tensors, target)
    free = tuple(Index(i.letter, s) for i, s in zip(parts[0].template.free, target.shape, strict=True))
    terms = [unfold(entry_of(Tensor(target.name, target.shape, "adjoint", definition=d), free)) for d in parts]
    derived = Derived()
    derived.then(Add(tuple(terms)))
    tree: Tree = contract(Add(tuple(terms)))
    if not any(isinstance(t, Where | Fn) for t in walk(tree)):
        gathered = to_tree(canonical(tree), Letters((tree,), free))
        if cost(gathered) < cost(tree):
            tree = gathered
            derived.then(tree, "collect terms")
    definition = abstract(f"sum over the uses of {target.name}", free, tree, _TEMPLATES)
    out = Combined(definition, derived, free)
    _remember(key, tensors, out)
    return out
