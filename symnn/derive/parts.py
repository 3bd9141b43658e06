"""Name the parts of a definition typed as one expression: its sums, its roots, and what of a product depends on x.

y = gamma (x - sum x / N) / sqrt(...) + beta gets the mean, the root and the centred and scaled x as values with names,
for its backward formula to speak of. Which of them are worth their names is decided by cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from symnn.algebra.convert import canonical
from symnn.algebra.terms import Poly
from symnn.derive.tidy import factors
from symnn.ground.indices import Index
from symnn.ground.signs import NONNEGATIVE, POSITIVE, sign_known
from symnn.ground.substitute import substitute
from symnn.ground.template import Definition, Template, entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    Add,
    Div,
    Entry,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    children,
    free_indices,
    mul,
    rebuild,
    tensors_in,
    transform,
    walk,
)

__all__ = ["needed", "parts_of"]

#: More parts than this are not named.
_MOST = 6


@dataclass
class _Naming:
    """The parts found so far, each with what it stands for."""

    sizes: dict[Any, Any]
    taken: set[str]
    outer: tuple[Index, ...]
    slot: Tensor | None = None
    found: list[Tensor] = field(default_factory=list)
    forms: dict[tuple[object, Poly], Tensor] = field(default_factory=dict)

    def go(self, tree: Tree) -> Tree:
        """Return the tree with its parts, innermost first, replaced by entries of named values."""
        if isinstance(tree, Entry) or not any(t is self.slot for t in tensors_in(tree)):
            return tree
        core = _core(tree)
        if isinstance(core, Sum):
            return self._part(self._within(tree, core, self._below_sum(core)), "m")
        if isinstance(core, Pow):
            return self._part(self._within(tree, core, self._root(core)), "r")
        if isinstance(tree, Pow) and isinstance(tree.exponent, Div):
            return self._part(self._root(tree), "r")
        if isinstance(tree, Div) and isinstance(tree.num, Sum) and self._depends(tree.den):
            return self.go(_inside_sum(tree.num, tree.den))
        below = rebuild(tree, tuple(self.go(p) for p in children(tree)))
        if isinstance(below, Sum):
            return self._part(below, "s")
        return self._product(below) if isinstance(below, Mul | Div) else below

    def _within(self, tree: Tree, old: Tree, new: Tree) -> Tree:
        return transform(tree, lambda t: new if t is old else t)

    def _root(self, tree: Pow) -> Tree:
        return Pow(self._under_root(tree.base), tree.exponent)

    def _under_root(self, tree: Tree) -> Tree:
        """Name the parts below a root, but not the sum or mean that it is the root of."""
        if isinstance(tree, Add):
            return Add(tuple(self._under_root(t) for t in tree.terms))
        core = tree if isinstance(tree, Sum) else _core(tree)
        return self._within(tree, core, self._below_sum(core)) if isinstance(core, Sum) else self.go(tree)

    def _below_sum(self, tree: Sum) -> Tree:
        return Sum(tree.index, self._below_sum(tree.body) if isinstance(tree.body, Sum) else self.go(tree.body))

    def _product(self, tree: Tree) -> Tree:
        """Name what of a product depends on the tensor, where several factors do and others do not."""
        flat = factors(tree)
        mine = [f for f in flat if self._depends(f)]
        own = {i for f in mine for i in free_indices(f)}
        # a condition on the same indices belongs to it, as the mask of attention's weights does
        mine = [f for f in flat if f in mine or (isinstance(f, Ind) and own.issuperset(free_indices(f)))]
        others = [f for f in flat if f not in mine]
        if sum(map(self._depends, mine)) < 2 or not others or all(isinstance(f, Neg) for f in others):
            return tree
        above = [f for f in mine if not isinstance(f, Div)]
        below = [f.den for f in mine if isinstance(f, Div)]
        if not above or len(above) + len(below) != len(mine):
            return tree
        part = self._part(Div(mul(*above), mul(*below)) if below else mul(*above), "u")
        return mul(*others, part)

    def _depends(self, tree: Tree) -> bool:
        return any(t is self.slot or t in self.found for t in tensors_in(tree))

    def _part(self, tree: Tree, letter: str) -> Tree:
        free = tuple(sorted(free_indices(tree), key=lambda i: i not in self.outer))
        stand_ins = tuple(_stand_in(n, i.size) for n, i in enumerate(free))
        try:
            form = canonical(substitute(tree, indices={i: Ix(j) for i, j in zip(free, stand_ins, strict=True)}))
        except ZeroDivisionError:
            return tree
        key = (tuple(i.size for i in free), form)
        made = self.forms.get(key)
        if made is None:
            if len(self.found) >= _MOST:
                return tree
            made = self.forms[key] = self._named(tree, free, letter)
            self.found.append(made)
        return entry_of(made, free)

    def _named(self, tree: Tree, free: tuple[Index, ...], letter: str) -> Tensor:
        name = next(n for n in _names(letter) if n not in self.taken)
        self.taken.add(name)
        own = tuple(i.fresh() for i in free)
        body = substitute(tree, indices={i: Ix(j) for i, j in zip(free, own, strict=True)})
        known = sign_known(body)
        slots = tensors_in(body)
        positive, nonnegative = known == POSITIVE, known == NONNEGATIVE
        template = Template(f"part {name}", own, body, slots, positive=positive, nonnegative=nonnegative)
        return Tensor(
            name, tuple(i.size for i in free), "slot", definition=Definition(template, slots, self.sizes),
            letters=tuple(i.letter for i in free), positive=positive, nonnegative=nonnegative,
        )  # fmt: skip


def parts_of(template: Template) -> tuple[Tensor, ...]:
    """Return the named parts of a template, of what depends on its first slot first, each after what it is made of."""
    made: tuple[Tensor, ...] | None = template.memo.get("parts")
    if made is None:
        naming = _Naming({s: s for s in _formal_sizes(template)}, {t.name for t in template.slots}, template.free)
        for slot in template.slots:
            if slot.classes is None:
                naming.slot = slot
                whole = naming.go(template.tree)
                if isinstance(whole, Entry) and whole.tensor in naming.found:
                    naming.found.remove(whole.tensor)  # it has a name: the output's
        made = template.memo["parts"] = tuple(naming.found)
    return made


def _formal_sizes(template: Template) -> Iterator[Any]:
    for t in template.slots:
        for n in (*t.shape, *(() if t.classes is None else (t.classes,))):
            yield from n.free_symbols
    for i in template.free:
        yield from i.size.free_symbols


def _core(tree: Tree) -> Tree | None:
    """Return the one sum or root that a product or quotient holds besides numbers and sizes, if that is all."""
    if not isinstance(tree, Mul | Div):
        return None
    flat = [g for f in factors(tree) for g in ([f.den] if isinstance(f, Div) and f.num == ONE else [f])]
    found = [f for f in flat if not all(isinstance(t, Num | Sym | Mul | Div | Pow | Neg) for t in walk(f))]
    if len(found) != 1 or not any(f is found[0] for f in factors(tree)):
        return None
    core = found[0]
    return core if isinstance(core, Sum) or (isinstance(core, Pow) and isinstance(core.exponent, Div)) else None


def _inside_sum(total: Sum, below: Tree) -> Tree:
    """Return sum(body)/below as sum(body/below)."""
    body = total.body
    return Sum(total.index, _inside_sum(body, below) if isinstance(body, Sum) else Div(body, below))


def _names(letter: str) -> Iterator[str]:
    yield letter
    for n in range(2, 100):
        yield f"{letter}{n}"


_STAND_INS: dict[tuple[int, object], Index] = {}


def _stand_in(n: int, size: object) -> Index:
    return _STAND_INS.setdefault((n, size), Index(f"q{n}", size))


def needed(parts: Sequence[Tensor], tree: Tree) -> tuple[Tensor, ...]:
    """Return the parts that a formula mentions, and those that they are computed from, in their order."""
    found: set[Tensor] = set()
    queue = [t for t in tensors_in(tree) if t in parts]
    while queue:
        t = queue.pop()
        if t not in found and t.definition is not None:
            found.add(t)
            queue.extend(a for a in t.definition.args if a in parts)
    return tuple(p for p in parts if p in found)
