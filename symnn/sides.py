"""Read what a user claims to be equal: two formulas over common indices, and the facts that may be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.relational import Relational

from symnn.algebra.facts import Fact
from symnn.derivation import Derivation
from symnn.ground.arguments import found
from symnn.ground.define import typed
from symnn.ground.errors import DefinitionError, ShapeError, UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.ranges import read_ranges
from symnn.ground.sizes import size_text
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, D, Ix, Neg, Tree, free_indices, walk
from symnn.verify.question import Question, node

__all__ = ["Claim", "read_claim", "read_facts"]

_RELATIONS: dict[Any, tuple[str, bool]] = {
    sympy.Equality: ("=", False), sympy.Unequality: ("!=", False), sympy.StrictGreaterThan: (">", False),
    sympy.GreaterThan: (">=", False), sympy.StrictLessThan: (">", True), sympy.LessThan: (">=", True),
}  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """Two formulas over the same free indices, each of them with what was typed for it."""

    free: tuple[Index, ...]
    left: Tree
    right: Tree
    nodes: tuple[Tensor, Tensor]

    def question(self, facts: Iterable[tuple[Fact, Tensor]] = ()) -> Question:
        """Return the claim as something to evaluate."""
        return Question(*self.nodes, tuple((t, f.relation) for f, t in facts), self.free)


def read_claim(a: Any, b: Any) -> Claim:
    """Return what is claimed of two expressions, derivations, tensors or numbers.

    Raises:
        UnsupportedError: text, or a construct outside the index algebra.
        DefinitionError: the indices of the two sides do not belong together.
        ShapeError: an index runs over two sizes, or two tensors differ in shape.
    """
    free = _held(a, b)
    left, right = _tree(a, free, "left"), _tree(b, free, "right")
    return _claim("the claim", left, right, free, (a, b))


def _held(a: Any, b: Any) -> tuple[Index, ...]:
    """Return the free indices that a derivation, or a whole tensor beside another one, brings along."""
    for side in (a, b):
        if isinstance(side, Derivation):
            return side.free
    for side, other in ((a, b), (b, a)):
        if isinstance(side, Tensor) and (isinstance(other, Tensor) or callable(other)):
            return tuple(Index(i, s) for i, s in zip(_letters(side), side.shape, strict=True))
    return ()


def _letters(t: Tensor) -> tuple[str, ...]:
    return t.letters if len(t.letters) == t.rank else tuple("nijkl"[: t.rank])


def _tree(side: Any, free: tuple[Index, ...], which: str) -> Tree:
    if isinstance(side, Derivation):
        if side.free == free:
            return side.formula
        _same_shape(f"the {which}-hand side", tuple(i.size for i in side.free), free)
        return substitute(side.formula, indices={i: Ix(j) for i, j in zip(side.free, free, strict=True)})
    if isinstance(side, Tensor) and (free or not side.rank):
        _same_shape(repr(side.name), side.shape, free)
        return entry_of(side, free)
    if callable(side) and not isinstance(side, sympy.Basic | Tensor):
        if not free:
            raise DefinitionError(
                f"The {which}-hand side is a function of indices, and the other side does not say which. Write a "
                "formula of entries on both sides, such as sn.sum(p[n, c], c) and 1."
            )
        side = side(*free)
    return from_sympy(side)


def _same_shape(name: str, shape: tuple[Any, ...], free: tuple[Index, ...]) -> None:
    expected = tuple(i.size for i in free)
    if shape != expected:
        turned = " It looks transposed." if len(shape) > 1 and shape == expected[::-1] else ""
        raise ShapeError(
            f"In the claim: {name} has shape {size_text(shape)}, the other side has {size_text(expected)}.{turned}\n"
            "  Compare entries over common indices where that is meant."
        )


def _claim(name: str, left: Tree, right: Tree, held: tuple[Index, ...], sides: tuple[Any, Any]) -> Claim:
    """Type two sides together; loose indices take the place of held ones of the same letter."""
    loose = tuple(i for i in dict.fromkeys((*free_indices(left), *free_indices(right))) if i not in held)
    place = _places(name, loose, held)
    both: Tree = Add((left, Neg(right)))
    ranges = read_ranges(name, both)
    sized = {i: Ix(i.fresh(j.size)) for i, j in place.items() if i.size is None and i not in ranges}
    both = substitute(both, indices=sized) if sized else both
    free, tree = typed(name, (*held, *(sized[i].index if i in sized else i for i in loose)), both)
    made = dict(zip((*held, *loose), free, strict=True))
    for i, j in place.items():
        if made[i].size != made[j].size:
            raise ShapeError(
                f"In {name}: index {i.letter} runs over {made[i].size} on one side, over {made[j].size} on the other."
            )
    kept = tuple(made[i] for i in (*held, *loose) if i not in place)
    tree = substitute(tree, indices={made[i]: Ix(made[j]) for i, j in place.items()})
    assert isinstance(tree, Add) and isinstance(tree.terms[1], Neg)
    trees = (tree.terms[0], tree.terms[1].body)
    extents = {i.extent: size for i, (size, _) in ranges.items() if i.size is None}
    nodes = []
    for which, side, own in zip(("left side", "right side"), sides, trees, strict=True):
        plain = isinstance(side, sympy.Basic) and not side.free_symbols & set(place.values())
        mine = {place.get(i, i): i for i in loose} if plain else {}
        letters = tuple(mine.get(i, i) for i in (*held, *loose) if i not in place)
        nodes.append(node(which, kept, own, side if plain else None, letters, extents))
    return Claim(kept, *trees, (nodes[0], nodes[1]))


def _places(name: str, loose: tuple[Index, ...], held: tuple[Index, ...]) -> dict[Index, Index]:
    """Return which index of a derivation (or tensor) each index of the other side stands for, by its letter."""
    if not held:
        return {}
    out: dict[Index, Index] = {}
    for i in loose:
        same = [j for j in held if j.letter == i.letter]
        if len(same) != 1 or same[0] in out.values():
            theirs = ", ".join(j.letter for j in held) or "none"
            raise DefinitionError(
                f"In {name}: index {i.letter} is free on one side only; the other side has {theirs}. Use the same "
                "letters, or the very indices of a derivation: derivation.free."
            )
        out[i] = same[0]
    return out


# -- facts ---------------------------------------------------------------------------------------------------------


def read_facts(given: Any) -> list[tuple[Fact, Tensor]]:
    """Return declared facts, each with the difference of its sides as a node to evaluate.

    A fact is a pair (left, right) or a SymPy relation; it holds for all values of its free indices. What SymPy already
    knows to hold is left out.

    Raises:
        DefinitionError: it is neither, or cannot hold.
        UnsupportedError: text, or a construct outside the index algebra.
    """
    out = []
    for number, fact in enumerate(_listed(given), start=1):
        name = f"fact {number}"
        left, relation, right = _relation(name, fact)
        if relation:
            out.append(_fact(name, left, relation, right))
    return out


def _listed(given: Any) -> list[Any]:
    if _is_relation(given):
        return [given]
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DefinitionError(f"given takes a list of facts, {_HOW}; found {found(given)}.")
    listed = list(given)
    pair = isinstance(given, tuple) and len(listed) == 2
    if pair and not any(isinstance(f, tuple | list) or _is_relation(f) for f in listed):
        return [given]  # a single pair
    return listed


def _is_relation(fact: Any) -> bool:
    return isinstance(fact, Relational | bool) or fact is sympy.true or fact is sympy.false


_HOW = "each a pair such as (sn.sum(q[n, c], c), 1) or a relation such as q[n, c] > 0"


def _relation(name: str, fact: Any) -> tuple[Any, str, Any]:
    if isinstance(fact, tuple | list) and len(fact) == 2:
        return fact[0], "=", fact[1]
    if isinstance(fact, Relational):
        relation, turned = _RELATIONS[type(fact)]
        return (fact.rhs, relation, fact.lhs) if turned else (fact.lhs, relation, fact.rhs)
    if fact is sympy.true:
        return None, "", None
    if fact is sympy.false:
        raise DefinitionError(f"In {name}: it cannot hold, SymPy evaluates it to false.")
    if isinstance(fact, bool):
        raise DefinitionError(
            f"In {name}: a == b compares objects in Python. Write the pair (a, b), or sympy.Eq(a, b)."
        )
    raise DefinitionError(f"In {name}: facts are given as a list, {_HOW}; found {found(fact)}.")


def _fact(name: str, left: Any, relation: str, right: Any) -> tuple[Fact, Tensor]:
    claim = _claim(name, from_sympy(left), from_sympy(right), (), (left, right))
    if any(isinstance(t, D) for t in (*walk(claim.left), *walk(claim.right))):
        raise UnsupportedError(f"In {name}: a fact about a derivative is not used. State what holds of the values.")
    difference = node(name, claim.free, Add((claim.left, Neg(claim.right))))
    return Fact(claim.left, relation, claim.right, "declared"), difference
