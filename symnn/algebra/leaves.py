"""The smallest canonical terms: constants, symbols, indices, entries, and a function of given arguments."""

from __future__ import annotations

from typing import Any

from symnn.algebra.terms import ZERO, Atom, Poly, Rational, intern_atom, known_atom, ratio
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor

__all__ = [
    "applied", "base_atom", "const", "entry", "is_whole", "of_atom", "of_index", "of_size", "of_symbol", "parts_of",
]  # fmt: skip


def const(value: Rational) -> Poly:
    """Return a rational constant."""
    return Poly({(): ratio(value)}) if value else ZERO


def of_atom(atom: Atom, exponent: Rational = 1) -> Poly:
    """Return an atom to a power that leaves it normal."""
    return Poly({((atom, ratio(exponent)),): 1})


def of_symbol(symbol: Any) -> Poly:
    """Return a size or scalar symbol."""
    return of_atom(
        intern_atom("sym", symbol, positive=bool(symbol.is_positive), nonnegative=bool(symbol.is_nonnegative))
    )


def of_size(size: Any) -> Poly:
    """Return a size expression, made of sums and products of sizes."""
    if size.is_Integer:
        return const(int(size))
    if size.is_Symbol:
        return of_symbol(size)
    if not (size.is_Add or size.is_Mul):
        raise UnsupportedError(f"The size {size} is not made of sums and products of sizes.")
    parts = [of_size(part) for part in size.args]
    out = parts[0]
    for part in parts[1:]:
        out = out + part if size.is_Add else _times(out, part)
    return out


def _times(p: Poly, q: Poly) -> Poly:
    """Return a product of polynomials in symbols."""
    out = ZERO
    for m, c in p.terms.items():
        for k, e in q.terms.items():
            exps: dict[Atom, Rational] = dict(m)
            for a, n in k:
                exps[a] = exps.get(a, 0) + n
            out = out + Poly({tuple(sorted(exps.items(), key=lambda i: i[0].id)): c * e})
    return out


def of_index(index: Index) -> Poly:
    """Return an index as a number."""
    made = known_atom("ix", index)
    if made is None:
        made = intern_atom("ix", index, nonnegative=True, indices=frozenset((index,)))
    return Poly({((made, 1),): 1})


def entry(tensor: Tensor, at: tuple[Poly, ...]) -> Poly:
    """Return one entry of a tensor."""
    made = known_atom("ent", (tensor, at))
    if made is not None:
        return Poly({((made, 1),): 1})
    found: frozenset[Any] = frozenset()
    for p in at:
        found |= p.indices
    return of_atom(
        intern_atom(
            "ent", (tensor, at), positive=tensor.positive, nonnegative=tensor.nonnegative or tensor.classes is not None,
            height=max((p.height for p in at), default=0), indices=found,
        )
    )  # fmt: skip


def applied(name: str, args: tuple[Poly, ...]) -> Poly:
    """Return a function of normal arguments, as it stands."""
    found: frozenset[Any] = frozenset()
    for p in args:
        found |= p.indices
    height = max((p.height for p in args), default=0)
    positive = name in ("cosh", "gamma") and args[0].positive or name == "cosh"
    return of_atom(intern_atom("fn", (name, args), positive=positive, height=height, indices=found))


def base_atom(p: Poly) -> Atom:
    """Return a polynomial in brackets, to be raised to a power."""
    return intern_atom("base", p, positive=p.positive, nonnegative=p.nonnegative, height=p.height, indices=p.indices)


def parts_of(a: Atom) -> tuple[Poly, ...]:
    """Return the polynomials inside an atom."""
    match a.kind:
        case "ent" | "fn":
            return tuple(a.data[1])
        case "ind":
            return (a.data[1],)
        case "exp":
            return (Poly({a.data: 1}),)
        case "base":
            return (a.data,)
        case "sum":
            return (Poly({a.data[1]: 1}),)
    return ()


def is_whole(p: Poly) -> bool:
    """Tell whether a polynomial takes whole values: indices, labels and sizes with whole coefficients."""
    return all(
        isinstance(c, int) and all(isinstance(e, int) and e > 0 and _is_whole_atom(a) for a, e in m)
        for m, c in p.terms.items()
    )


def _is_whole_atom(a: Atom) -> bool:
    if a.kind == "ent":
        return a.data[0].classes is not None
    return a.kind == "ix" or (a.kind == "sym" and bool(getattr(a.data, "is_integer", False)))
