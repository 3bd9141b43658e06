"""The vector-Jacobian product of one template by one of its slots, derived once and shared by every node alike.

xbar[m] = sum_I ybar[I] d y[I] / d x[m]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.compact import Letters
from symnn.derive.differentiate import differentiate
from symnn.derive.parts import needed, parts_of
from symnn.derive.patterns import named_value
from symnn.derive.shorten import Named, shortened, weight
from symnn.derive.simplify import simplify
from symnn.derive.steps import Derived
from symnn.ground.indices import Index
from symnn.ground.substitute import fresh, substitute
from symnn.ground.template import Definition, Template, entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Sum, Tree, mul, tensors_in

__all__ = ["Pullback", "pullback"]

#: A formula that costs less than this needs no named parts.
_LONG = 30

#: What a named part costs a reader besides the formula.
_NAME = 6

#: Products that writing one formula over named parts may take.
_BUDGET = 15_000


@dataclass(frozen=True)
class Pullback:
    """A derived vector-Jacobian product.

    Attributes:
        template: the adjoint's formula over the tensors it uses.
        upstream: the formal adjoint of the output, or None where it is 1 (a scalar output itself).
        output: the formal output, for values folded back in.
        derived: the lines, over the formal tensors.
        parts: named parts of the definition that the formula speaks of, each after those it is computed from.
    """

    template: Template
    upstream: Tensor | None
    output: Tensor
    derived: Derived
    parts: tuple[Tensor, ...] = ()

    def bind(self, source: Definition, output: Tensor, upstream: Tensor | None) -> Definition:
        """Return the adjoint's definition for an actual node."""
        actual = dict(zip(source.template.slots, source.args, strict=True))
        actual[self.output] = output
        if self.upstream is not None and upstream is not None:
            actual[self.upstream] = upstream
        for part in self.parts:
            actual[part] = _actual_part(part, source, output, actual)
        return Definition(self.template, tuple(actual[s] for s in self.template.slots), source.sizes)


def pullback(template: Template, slot: Tensor, *, seeded: bool = False) -> Pullback:
    """Return the derived vector-Jacobian product of a template by a slot; ``seeded`` takes the upstream as 1."""
    key = ("pullback", slot, seeded)
    made: Pullback | None = template.memo.get(key)
    if made is None:
        made = template.memo[key] = _derive(template, slot, seeded)
    return made


def formal_output(template: Template) -> Tensor:
    """Return a formal tensor that stands for the template's own output, defined by it."""
    made: Tensor | None = template.memo.get("output")
    if made is None:
        sizes = {s: s for t in template.slots for n in t.shape for s in n.free_symbols}
        sizes |= {s: s for t in template.slots if t.classes is not None for s in t.classes.free_symbols}
        sizes |= {s: s for i in template.free for s in i.size.free_symbols}
        made = template.memo["output"] = Tensor(
            _apart("y", template.slots), template.shape, "slot", definition=Definition(template, template.slots, sizes),
            letters=tuple(i.letter for i in template.free), positive=template.positive,
            nonnegative=template.nonnegative,
        )  # fmt: skip
    return made


def _derive(template: Template, slot: Tensor, seeded: bool) -> Pullback:
    output = formal_output(template)
    inner = tuple(i.fresh() for i in template.free)
    target = tuple(Index(letter, size) for letter, size in zip(_letters(template, slot), slot.shape, strict=True))
    upstream = None
    question: Tree = D(entry_of(output, inner), entry_of(slot, target))
    if not seeded:
        upstream = Tensor(_apart("dy", template.slots), template.shape, "slot", letters=output.letters)
        question = mul(entry_of(upstream, inner), question)
        for i in reversed(inner):
            question = Sum(i, question)
    derived = differentiate(question)
    definition = substitute(template.tree, indices={})
    plain = Derived(list(derived.steps))
    simplify(derived, [(output, template.free, definition)])
    parts: tuple[Tensor, ...] = ()
    if weight(derived.result) >= _LONG:
        by_parts, named = _through_parts(plain, template, (output, template.free, definition))
        if by_parts is not None and _price(named)(by_parts.result) < weight(derived.result):
            derived, parts = by_parts, needed(named, by_parts.result)
    result = fresh(derived.result)
    used = tensors_in(result)
    made = Template(f"{template.name} by {slot.name}", target, result, used)
    return Pullback(made, upstream, output, derived, parts)


def _through_parts(derived: Derived, template: Template, whole: Named) -> tuple[Derived | None, tuple[Tensor, ...]]:
    """Return the derivation with its last line written over named parts of the definition, and those parts."""
    tree = derived.result
    parts = parts_of(template)
    named = [*(named_value(p) for p in parts), whole]
    letters = Letters([s.tree for s in derived.steps])
    try:
        with limited(_BUDGET):
            found = shortened(tree, named, letters, _price(parts))
    except Exhausted:
        found = None
    if found is None:
        return None, ()
    out = Derived(list(derived.steps))
    out.then(found[0], *found[1])
    return out, parts


def _price(parts: tuple[Tensor, ...]) -> Callable[[Tree], int]:
    """Return the price of a formula that speaks of named parts; what they stand for was read in the definition."""

    def price(tree: Tree) -> int:
        return weight(tree) + _NAME * len(needed(parts, tree))

    return price


def _actual_part(part: Tensor, source: Definition, output: Tensor, actual: Mapping[Tensor, Tensor]) -> Tensor:
    """Return the named part of a node that a formal part stands for, made once for that node."""
    made = output.parts.get(part)
    if made is None:
        assert part.definition is not None
        template = part.definition.template
        definition = Definition(template, tuple(actual[a] for a in part.definition.args), source.sizes)
        made = output.parts[part] = Tensor(
            f"{part.name}_{output.name}", definition.shape, "value", definition=definition, letters=part.letters,
            positive=part.positive, nonnegative=part.nonnegative, auto=True, level=output.level,
            of=output,
        )  # fmt: skip
    return made


def _apart(name: str, slots: tuple[Tensor, ...]) -> str:
    """Return the name, with primes where a slot has it already."""
    while any(s.name == name for s in slots):
        name += "'"
    return name


def _letters(template: Template, slot: Tensor) -> tuple[str, ...]:
    """Return the slot's letters, told apart where an axis has none of its own."""
    out: list[str] = []
    for letter in slot.letters or ("i",) * slot.rank:
        choice = letter if letter not in (".", "") else "k"
        spare = iter("ijklmnopqrstuvwxyz")
        while choice in out:
            choice = next(spare, f"{choice}'")
        out.append(choice)
    return tuple(out)
