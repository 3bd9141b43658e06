"""Which of several atoms or monomials comes first: by age, and by structure without the names of indices."""

from __future__ import annotations

from typing import Any

from symnn.algebra.leaves import parts_of
from symnn.algebra.terms import Atom, Monomial, Poly, Rational

__all__ = ["atom_id", "leading_sign", "monomial_key"]

_SKELETONS: dict[Atom, str] = {}
_NUMBERS: dict[Any, int] = {}


def atom_id(item: tuple[Atom, Rational]) -> int:
    """The age of a factor's atom: the order of the factors in a monomial."""
    return item[0].id


def monomial_key(m: Monomial) -> tuple[Any, ...]:
    """A monomial by the ages of its atoms."""
    return tuple((a.id, e) for a, e in m)


def leading_sign(p: Poly) -> int:
    """The sign of the term that comes first by structure; index names count only between terms otherwise alike."""
    if not p.terms:
        return 1
    lead = min(p.terms, key=lambda m: (_skeleton_of(m), monomial_key(m)))
    return 1 if p.terms[lead] > 0 else -1


def _skeleton_of(m: Monomial) -> str:
    return "*".join(sorted(f"{_skeleton(a)}^{e}" for a, e in m))


def _skeleton(a: Atom) -> str:
    """Return a text of an atom without the names of its indices."""
    found = _SKELETONS.get(a)
    if found is None:
        match a.kind:
            case "ix":
                head = f"ix:{a.data.size}"
            case "ent":
                head = f"ent:{_NUMBERS.setdefault(a.data[0], len(_NUMBERS)):06d}"
            case "fn" | "ind":
                head = f"{a.kind}:{a.data[0]}"
            case "sym" | "num":
                head = f"{a.kind}:{a.data}"
            case _:
                head = a.kind
        inner = ",".join("+".join(sorted(f"{c}*{_skeleton_of(m)}" for m, c in p.terms.items())) for p in parts_of(a))
        found = _SKELETONS[a] = f"{head}({inner})"
    return found
