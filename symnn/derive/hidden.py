"""Conditions on indices, moduli and signs under names of their own, while a formula is searched for something shorter.

Canonical forms know 1[i >= j] only as 1 - 1[j > i] or the other way round, and |a| as a sign(a); in a formula that is
searched for products such terms would hide what belongs together. What holds for every value of a mask, a modulus
and a sign holds for these, and what comes out, the names undone, is proved like any other line.
"""

from __future__ import annotations

from typing import Any

from symnn.algebra.convert import canonical
from symnn.derive.tidy import factors
from symnn.ground.indices import Index
from symnn.ground.substitute import substitute
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    Add,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Sym,
    Tree,
    children,
    free_indices,
    mul,
    rebuild,
)

__all__ = ["Hidden"]


class Hidden:
    """What was hidden so far; equal conditions, up to the names of their indices, are entries of one tensor."""

    def __init__(self) -> None:
        self._masks: dict[Tree, Tensor] = {}
        self._conditions: dict[Tensor, tuple[tuple[Index, ...], Tree]] = {}
        self._numbered: dict[tuple[int, Any], Index] = {}
        self._moduli: dict[Tensor, Tensor] = {}
        self._of: dict[Tensor, tuple[str, Tensor]] = {}
        self._signs: dict[Tensor, Tensor] = {}

    def hide(self, tree: Tree) -> Tree:
        """Return the tree with conditions on indices, moduli and signs of entries, as entries of other tensors."""
        if isinstance(tree, Ind) and _whole(tree) and (free := free_indices(tree)):
            return self._mask(tree, free)
        if isinstance(tree, Fn) and tree.name == "abs" and isinstance(tree.args[0], Entry):
            return self._modulus(tree.args[0])
        if isinstance(tree, Fn) and tree.name == "sign" and isinstance(tree.args[0], Entry):
            return self._sign(tree.args[0])
        parts = children(tree)
        return rebuild(tree, tuple(self.hide(p) for p in parts)) if parts else tree

    def show(self, tree: Tree) -> Tree:
        """Return the tree with what was hidden."""
        if not self._conditions and not self._of:
            return tree
        parts = tuple(self.show(p) for p in children(tree))
        if isinstance(tree, Entry) and tree.tensor in self._conditions:
            own, condition = self._conditions[tree.tensor]
            return substitute(condition, indices=dict(zip(own, parts, strict=True)))
        if isinstance(tree, Entry) and tree.tensor in self._of:
            name, of = self._of[tree.tensor]
            return Fn(name, (Entry(of, parts),))
        return rebuild(tree, parts) if parts else tree

    def modulus(self, entry: Entry, definition: Tree) -> tuple[Tensor, Tree] | None:
        """Return |y| and what it is, for y defined by a product of entries with hidden moduli and what is positive."""
        if not self._moduli:
            return None
        out: list[Tree] = []
        for f in factors(definition):
            if isinstance(f, Entry) and f.tensor in self._moduli:
                out.append(self._modulus(f))
            elif canonical(f.den if isinstance(f, Div) else f).nonnegative:
                out.append(f)
            else:
                return None
        return self._modulus(entry).tensor, mul(*out)

    def _mask(self, tree: Tree, free: tuple[Index, ...]) -> Tree:
        own = tuple(self._numbered.setdefault((n, i.size), Index(i.letter, i.size)) for n, i in enumerate(free))
        condition = substitute(tree, indices={i: Ix(j) for i, j in zip(free, own, strict=True)})
        tensor = self._masks.get(condition)
        if tensor is None:
            shape = tuple(i.size for i in free)
            tensor = self._masks[condition] = Tensor("mask", shape, "slot", nonnegative=True)
            self._conditions[tensor] = own, condition
        return Entry(tensor, tuple(Ix(i) for i in free))

    def _modulus(self, entry: Entry) -> Entry:
        of = entry.tensor
        made = self._moduli.get(of)
        if made is None:
            made = self._moduli[of] = Tensor(f"|{of.name}|", of.shape, "slot", nonnegative=True)
            self._of[made] = "abs", of
        return Entry(made, entry.at)

    def _sign(self, entry: Entry) -> Entry:
        of = entry.tensor
        made = self._signs.get(of)
        if made is None:
            made = self._signs[of] = Tensor(f"sign {of.name}", of.shape, "sign")
            self._of[made] = "sign", of
        return Entry(made, entry.at)


def _whole(tree: Tree) -> bool:
    if isinstance(tree, Entry):
        return tree.tensor.classes is not None
    if isinstance(tree, Sym):
        return bool(tree.symbol.is_integer)
    return isinstance(tree, Ix | Num | Add | Mul | Neg | Ind) and all(_whole(p) for p in children(tree))
