"""Combinations worked out once per pattern of templates and shared arguments, and re-used for every node alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from symnn.derive.steps import Derived, Step, renamed
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import Definition, Template, entry_of, instantiate, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Entry, Ix, Sym, Tree, children, rebuild, walk

__all__ = ["KEPT", "Combined", "named_value", "pattern", "recall", "remember", "unfolded"]


@dataclass
class Tables:
    """What lasts as long as the process: combinations by their pattern, and the templates of their formulas."""

    patterns: dict[Any, Any] = field(default_factory=dict)
    templates: dict[Any, Template] = field(default_factory=dict)


KEPT = Tables()


@dataclass(frozen=True)
class Combined:
    """A combined definition, the lines that led to it, and the free indices of those lines."""

    definition: Definition
    derived: Derived
    free: tuple[Index, ...]
    memo: dict[Any, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Kept:
    """What is remembered of a combination: the result, and the lines over the tensors it was first worked out for."""

    template: Template
    places: tuple[int, ...]
    combined: Combined
    seen: tuple[Tensor, ...]


def pattern(definitions: Sequence[Definition]) -> tuple[Any, tuple[Tensor, ...]]:
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
            tuple((a.positive, a.nonnegative) for a in d.args),
        )
        for d in definitions
    )
    return key, tensors


def recall(kept: Kept, tensors: tuple[Tensor, ...], target: Tensor) -> Combined:
    """Return a remembered combination with the actual tensors, sizes and names in its lines."""
    read = instantiate(kept.template, tuple(tensors[p] for p in kept.places), node=target.name)
    own = {i.size: s for i, s in zip(kept.template.free, target.shape, strict=True) if i.size.is_Symbol}
    definition = Definition(read.template, read.args, {**own, **read.sizes})
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


def remember(key: Any, tensors: tuple[Tensor, ...], combined: Combined) -> bool:
    """Keep a result if its sizes can be read off its arguments and its own axes."""
    definition = combined.definition
    template = definition.template
    known = {s for t in template.slots for s in t.shape} | {t.classes for t in template.slots}
    known |= {i.size for i in template.free}
    if not all(f in known for f in definition.sizes):
        return False
    if any(
        isinstance(t, Sym) and t.symbol not in definition.sizes and t.symbol.is_integer for t in walk(template.tree)
    ):
        return False  # a size that no argument carries stands in the formula under its own name
    KEPT.patterns[key] = Kept(template, tuple(tensors.index(a) for a in definition.args), combined, tensors)
    return True


def unfolded(tree: Tree, tensor: Tensor) -> Tree:
    """Return the tree with the entries of a computed tensor replaced by their definition."""
    if isinstance(tree, Entry) and tree.tensor is tensor:
        return unfold(tree)
    parts = children(tree)
    return rebuild(tree, tuple(unfolded(p, tensor) for p in parts)) if parts else tree


def named_value(t: Tensor) -> tuple[Tensor, tuple[Index, ...], Tree]:
    """Return a computed tensor, free indices for it, and its definition at them."""
    assert t.definition is not None
    free = tuple(Index(i.letter, s) for i, s in zip(t.definition.template.free, t.shape, strict=True))
    return t, free, unfold(entry_of(t, free))
