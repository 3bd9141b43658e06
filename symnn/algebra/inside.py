"""What stands inside a canonical term is exchanged, and the term made normal again: renaming, rebuilding, opening."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symnn.algebra.functions import exponential, function
from symnn.algebra.indicators import indicator
from symnn.algebra.leaves import entry, of_atom, of_index
from symnn.algebra.products import ABOVE, product
from symnn.algebra.terms import ZERO, Atom, Poly, Rational
from symnn.ground.indices import Index

__all__ = ["opened", "rebuild", "rename", "replace_atom"]


def rename(p: Poly, env: Mapping[Index, Poly]) -> Poly:
    """Return the polynomial with free indices replaced, capture-free, and normal again."""
    if not any(i in env for i in p.indices):
        return p
    out = ZERO
    for m, c in p.terms.items():
        parts: list[tuple[Poly, Rational]] = []
        for a, e in m:
            moved = any(i in env for i in a.indices)
            parts.append(
                (_rename_atom(a, env) if moved else of_atom(a), e) if a.kind != "base" or moved else (a.data, e)
            )
        out = out + product(parts).scaled(c)
    return out


def _rename_atom(a: Atom, env: Mapping[Index, Poly]) -> Poly:
    match a.kind:
        case "ix":
            return env[a.data]
        case "ent":
            return entry(a.data[0], tuple(rename(p, env) for p in a.data[1]))
        case "ind":
            return indicator(a.data[0], rename(a.data[1], env))
        case "exp":
            return exponential(rename(Poly({a.data: 1}), env))
        case "fn":
            return function(a.data[0], tuple(rename(p, env) for p in a.data[1]))
        case "base":
            return rename(a.data, env)
        case "sum":
            fresh, body = opened(a)
            return ABOVE["summed"](rename(body, env), fresh)
    raise AssertionError(a.kind)


def rebuild(p: Poly, change: Any) -> Poly:
    """Return the polynomial with ``change(atom) -> Poly or None`` applied from the outside in; None goes inside."""
    out = ZERO
    for m, c in p.terms.items():
        parts: list[tuple[Poly, Rational]] = []
        for a, e in m:
            new = change(a)
            parts.append((_inside(a, change) if new is None else new, e))
        out = out + product(parts).scaled(c)
    return out


def _inside(a: Atom, change: Any) -> Poly:
    match a.kind:
        case "ent":
            return entry(a.data[0], tuple(rebuild(p, change) for p in a.data[1]))
        case "ind":
            return indicator(a.data[0], rebuild(a.data[1], change))
        case "exp":
            return exponential(rebuild(Poly({a.data: 1}), change))
        case "fn":
            return function(a.data[0], tuple(rebuild(p, change) for p in a.data[1]))
        case "base":
            return rebuild(a.data, change)
        case "sum":
            fresh, body = opened(a)
            return ABOVE["summed"](rebuild(body, change), fresh)
    return of_atom(a)


def replace_atom(p: Poly, old: Atom, new: Poly) -> Poly:
    """Return the polynomial with one atom replaced, wherever it stands."""
    return rebuild(p, lambda a: new if a is old else None)


def opened(a: Atom) -> tuple[tuple[Index, ...], Poly]:
    """Return a sum atom's binders as fresh indices, and its body over them."""
    bound, body = a.data
    fresh = tuple(Index(b.letter, b.size) for b in bound)
    return fresh, rename(Poly({body: 1}), {b: of_index(f) for b, f in zip(bound, fresh, strict=True)})
