"""The shortest way found to write a formula over named values: definitions eliminated, subset by subset, by cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symnn.algebra.compact import Letters, cost, to_tree
from symnn.algebra.convert import canonical, reaches
from symnn.algebra.elimination import eliminations
from symnn.derive.hidden import Hidden
from symnn.graph.guarded import strays
from symnn.ground.indices import Index
from symnn.ground.template import entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Fn, Tree, Where, tensors_in, walk

__all__ = ["LINE", "Named", "branches", "shortened", "weight"]

#: A named value: tensor, the indices of its definition, and the definition.
Named = tuple[Tensor, tuple[Index, ...], Tree]

#: What a definition costs a reader besides its formula.
LINE = 4

#: Expanded sums with more terms than this are not gathered: nothing short comes of them.
_MOST_TERMS = 40


def weight(tree: Tree) -> int:
    """Printed cost, and two more for each tensor that is mentioned."""
    return cost(tree) + 2 * len(tensors_in(tree))


def branches(tree: Tree) -> bool:
    """Tell whether a formula holds cases or absolute values, which the canonical form would write as indicators."""
    return any(
        isinstance(t, Where) or (isinstance(t, Fn) and t.name in ("max", "min", "abs", "sign")) for t in walk(tree)
    )


def shortened(
    tree: Tree, named: Sequence[Named], letters: Letters, price: Callable[[Tree], int] = weight
) -> tuple[Tree, tuple[str, ...]] | None:
    """Return the cheapest way found to write a formula over named values, and the rules that led to it.

    ``price`` is what a formula costs. None where nothing cheaper than the formula itself is found.
    """
    hidden = Hidden()
    plain = hidden.hide(tree)
    if branches(plain):
        return None
    try:
        poly = canonical(plain)
    except ZeroDivisionError:
        return None
    if len(poly.terms) > _MOST_TERMS:
        return None
    best: tuple[Tree, tuple[str, ...]] | None = None
    strayed = strays(tree)
    for found in eliminations(poly, _definitions(named, hidden)):
        out = hidden.show(to_tree(found.poly, letters))
        if price(out) < price(tree if best is None else best[0]) and (strayed or not strays(out)):
            rules = [f"fold {s.tensor.name}" for s in found.solved]
            rules += [f"known sum of {s.tensor.name}" for s in found.sums]
            best = out, (*dict.fromkeys(rules), "collect terms")
    return best


def _definitions(named: Sequence[Named], hidden: Hidden) -> list[Named]:
    """Return the named values whose definitions have no branches, and the moduli that are known of the others."""
    out: list[Named] = []
    for tensor, at, definition in _in_order([(t, at, hidden.hide(d)) for t, at, d in named]):
        modulus = hidden.modulus(entry_of(tensor, at), definition)
        if modulus is not None:
            out.append((modulus[0], at, modulus[1]))
        out.append((tensor, at, definition))
    return out


def _in_order(named: Sequence[Named]) -> list[Named]:
    """Return the named values without branches, each after those that it is computed from."""
    out: list[Named] = []
    left = [n for n in named if not branches(n[2])]
    while left:
        first = next(n for n in left if not any(m is not n and reaches(n[0], m[0]) for m in left))
        out.append(first)
        left = [n for n in left if n is not first]
    return out
