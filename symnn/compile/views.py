"""Which definition each node is computed by: its own, or one with hazardous parents unfolded.

exp(z) overflows, exp(z) / sum exp(z) need not: a node is computed from the parents of its wild parents where that
leaves fewer hazards; log p of a probability p is computed from what p is made of. Values stay what they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symnn.compile.hazards import Kind, hazards, kind_of
from symnn.compile.products import quotient
from symnn.compile.stabilise import stabilise
from symnn.ground.define import abstract
from symnn.ground.indices import Index
from symnn.ground.substitute import fresh
from symnn.ground.template import Definition, Template, entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Div, Entry, Fn, Pow, Tree, children, rebuild, walk

__all__ = ["View", "rewritten_definition", "view"]

#: Parents are unfolded at most so many generations up, into formulas of at most so many nodes.
_GENERATIONS, _LARGEST = 6, 400

_TEMPLATES: dict[Any, Template] = {}


@dataclass(frozen=True)
class View:
    """How one node is computed: its kind, how many generations of wild ancestors it has, and the definition."""

    kind: Kind
    wild: int
    definition: Definition | None


_LEAF = View("tame", 0, None)


def view(outputs: Sequence[Tensor], kept: Collection[Tensor] = ()) -> dict[Tensor, View]:
    """Return the view of every ancestor of the outputs; the kept tensors are never unfolded."""
    views: dict[Tensor, View] = {}
    for root in outputs:
        stack = [root]
        while stack:
            t = stack[-1]
            if t in views:
                stack.pop()
            elif t.definition is None:
                views[t] = _LEAF
            elif missing := [a for a in t.definition.args if a not in views]:
                stack.extend(missing)
            else:
                views[t] = _view(t, views, kept)
    return views


def _view(t: Tensor, views: Mapping[Tensor, View], kept: Collection[Tensor]) -> View:
    definition = t.definition
    assert definition is not None
    count, kind = _judged(definition, views)
    if count:
        for wild in (False, True):
            tree, least, few = _unfolded(t, views, kept, wild, count)
            if few < count:
                count, definition = few, rewritten_definition(t, tree, least)
        count, kind = _judged(definition, views)
    if not count:
        return View(kind, 0, definition)
    return View("wild", 1 + min((views[a].wild for a in definition.args if views[a].wild), default=0), definition)


def _judged(definition: Definition, views: Mapping[Tensor, View]) -> tuple[int, Kind]:
    """Return a definition's number of hazards and its kind; worked out once per template and kinds of arguments."""
    template = definition.template
    kinds = tuple(views[a].kind for a in definition.args)
    key = ("compile: hazards", kinds)
    made: tuple[int, Kind] | None = template.memo.get(key)
    if made is None:
        tree = template.memo.get("compile: stabilised")
        if tree is None:
            tree = template.memo["compile: stabilised"] = stabilise(template.tree)
        of = dict(zip(template.slots, kinds, strict=True))
        made = template.memo[key] = (hazards(tree, of.__getitem__), kind_of(tree, of.__getitem__))
    return made


def _unfolded(
    t: Tensor, views: Mapping[Tensor, View], kept: Collection[Tensor], wild: bool, count: int
) -> tuple[Tree, tuple[Index, ...], int]:
    """Return the formula with fewest hazards that unfolding reaches, its free indices, and how many are left."""
    definition = t.definition
    assert definition is not None
    free = tuple(k.fresh(size) for k, size in zip(definition.template.free, t.shape, strict=True))
    tree = best = unfold(entry_of(t, free))

    def hopeful(at: Tensor, under: str) -> bool:
        v = views[at]
        if at in kept or v.definition is None:
            return False
        return v.kind == under or wild and v.kind == "wild" and v.wild <= _GENERATIONS

    def go(at: Tree, under: str) -> Tree:
        """Unfold; ``under`` says what kind of parent the place suffers from."""
        if isinstance(at, Entry) and hopeful(at.tensor, under):
            same = Tensor(at.tensor.name, at.tensor.shape, at.tensor.role, definition=views[at.tensor].definition)
            return unfold(Entry(same, at.at))
        if isinstance(at, Div):
            return Div(go(at.num, under), go(at.den, "vanishing"))
        if isinstance(at, Fn):
            under = {"log": "vanishing", "exp": "falling"}.get(at.name, under)
        elif isinstance(at, Pow) and quotient(at.exponent).sign < 0:
            under = "vanishing"
        parts = children(at)
        return rebuild(at, tuple(go(p, under) for p in parts)) if parts else at

    for _ in range(_GENERATIONS):
        opened = go(tree, "")
        if opened == tree or sum(1 for _ in walk(opened)) > _LARGEST:
            break
        tree = opened
        few = hazards(stabilise(tree), lambda a: views[a].kind)
        if few < count:
            best, count = tree, few
        if not few:
            break
    return fresh(best), free, count


def rewritten_definition(t: Tensor, tree: Tree, free: tuple[Index, ...]) -> Definition:
    """Return a definition of a tensor by another formula of equal value."""
    assert t.definition is not None
    return abstract(t.definition.template.name, free, tree, _TEMPLATES)
