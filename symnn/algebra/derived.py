"""What a computed tensor's entries sum to over an axis, found by opening its definition: sum_c p_nc = 1, sum xhat = 0.

No rule here knows a layer: every axis is summed, of the entries and of their squares, and what does not depend on any
entry is kept.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.convert import canonical
from symnn.algebra.facts import Fact
from symnn.algebra.opening import inline, outermost
from symnn.algebra.terms import Poly
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import from_sympy
from symnn.ground.template import entry_of
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Neg, Pow, Sum, Tree, mul, num, number

__all__ = ["derived_facts"]

_FOUND: WeakKeyDictionary[Tensor, tuple[Fact, ...]] = WeakKeyDictionary()
#: Products spent on one sum, and definitions opened for it.
_BUDGET, _OPENED = 3_000, 6


def derived_facts(tensor: Tensor) -> tuple[Fact, ...]:
    """Return the sums of a computed tensor's entries, and of their squares, that depend on sizes only."""
    found = _FOUND.get(tensor)
    if found is None:
        found = _FOUND[tensor] = tuple(_found(tensor)) if tensor.definition is not None else ()
    return found


def _found(tensor: Tensor) -> list[Fact]:
    out = []
    letters = tensor.letters or tuple("ijklmn"[: tensor.rank])
    for axis in range(tensor.rank):
        for power in (1, 2):
            free = tuple(Index(letter, s) for letter, s in zip(letters, tensor.shape, strict=False))
            if len(free) != tensor.rank:
                continue
            body: Tree = entry_of(tensor, free)
            asked = Sum(free[axis], body if power == 1 else Pow(body, num(2)))
            answer = _value(asked)
            if answer is not None:
                out.append(Fact(asked, "=", answer, f"from the definition of {tensor.name}"))
    return out


def _value(asked: Tree) -> Tree | None:
    """Return the value of a sum where it is a rational, times sizes; else None."""
    tree = asked
    try:
        with limited(_BUDGET):
            for _ in range(_OPENED):
                target = outermost(tree, None)
                if target is None:
                    return None
                tree = inline(tree, frozenset((target,)))
                found = _plain(canonical(tree))
                if found is not None:
                    return found
    except (Exhausted, UnsupportedError, ZeroDivisionError):
        return None
    return None


def _plain(p: Poly) -> Tree | None:
    if not p.terms:
        return num(0)
    single = p.single()
    if single is None or any(a.kind != "sym" or not isinstance(e, int) or e < 0 for a, e in single[0]):
        return None
    if any(not getattr(a.data, "is_integer", False) for a, _ in single[0]):
        return None
    c = single[1]
    sizes = [from_sympy(a.data) for a, e in single[0] for _ in range(int(e))]
    body = mul(number(c if c > 0 else -c), *sizes)
    return Neg(body) if c < 0 else body
