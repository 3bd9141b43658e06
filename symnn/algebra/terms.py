"""Canonical terms: polynomials in interned atoms. Two expressions with one canonical form are equal.

    polynomial = {monomial: rational},  monomial = ((atom, exponent), ...) sorted by atom

Atoms are interned, so that equal atoms are one object; they are built only by ``normal.py``, which keeps each of
them in normal form. This file knows no identity beyond those of a commutative ring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

__all__ = ["ONE", "SIGN_ABOVE", "ZERO", "Atom", "Monomial", "Poly", "Rational", "intern_atom", "known_atom", "ratio"]

Rational = int | Fraction


class Atom:
    """An indivisible factor. ``kind`` says what ``data`` holds:

    sym: a symbol; ix: an index; ent: (tensor, index polynomials); ind: (relation, polynomial), relation "=" or ">";
    exp: the monomial m of exp(m); fn: (name, argument polynomials); base: a polynomial, to be raised to a power;
    sum: (bound indices, monomial), connected and with canonical binder names; num: a prime, under a root.
    """

    __slots__ = ("data", "height", "id", "indices", "kind", "nonnegative", "positive")

    def __init__(self, kind: str, data: Any, number: int, positive: bool, nonnegative: bool) -> None:
        self.kind, self.data, self.id = kind, data, number
        self.positive, self.nonnegative = positive, nonnegative or positive
        self.height = 0
        self.indices: frozenset[Any] = frozenset()

    def __repr__(self) -> str:
        return f"{self.kind}{self.data}"


Monomial = tuple[tuple[Atom, Rational], ...]

_ATOMS: dict[tuple[str, Any], Atom] = {}

#: expanded_sign(p) from ``positivity.py``, entered by ``normal.py``: the sign of a form that has negative terms.
SIGN_ABOVE: list[Callable[[Poly], int]] = [lambda p: 0]


def intern_atom(
    kind: str, data: Any, *, positive: bool = False, nonnegative: bool = False, height: int = 0,
    indices: frozenset[Any] = frozenset(),
) -> Atom:  # fmt: skip
    """Return the one atom of this kind and data."""
    key = (kind, data)
    found = _ATOMS.get(key)
    if found is None:
        found = _ATOMS[key] = Atom(kind, data, len(_ATOMS), positive, nonnegative)
        found.height, found.indices = height, indices
    return found


def known_atom(kind: str, data: Any) -> Atom | None:
    """Return the atom of this kind and data if it has been made."""
    return _ATOMS.get((kind, data))


def ratio(value: Rational) -> Rational:
    """Return an int where the rational is one: ints are faster and hash alike."""
    if type(value) is int:  # by far the most; isinstance() with Fraction is slow
        return value
    return value.numerator if value.denominator == 1 else value


class Poly:
    """A polynomial: monomials with nonzero rational coefficients. Immutable; equal by value."""

    __slots__ = ("_hash", "_indices", "_sign", "terms")

    def __init__(self, terms: dict[Monomial, Rational]) -> None:
        self.terms = terms
        self._hash: int | None = None
        self._sign: int | None = None
        self._indices: frozenset[Any] | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Poly) and self.terms == other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __add__(self, other: Poly) -> Poly:
        if not other.terms:
            return self
        if not self.terms:
            return other
        out = dict(self.terms)
        for m, c in other.terms.items():
            new = out.get(m, 0) + c
            if new:
                out[m] = ratio(new)
            else:
                del out[m]
        return Poly(out)

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Poly) -> Poly:
        return self + (-other)

    def scaled(self, factor: Rational) -> Poly:
        """Return the polynomial times a rational."""
        if factor == 1:
            return self
        return Poly({m: ratio(c * factor) for m, c in self.terms.items()}) if factor else ZERO

    def constant(self) -> Rational | None:
        """Return the value of a constant polynomial, else None."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    def single(self) -> tuple[Monomial, Rational] | None:
        """Return the monomial and coefficient of a one-term polynomial, else None."""
        if len(self.terms) != 1:
            return None
        return next(iter(self.terms.items()))

    def atoms(self) -> Iterable[Atom]:
        """Yield the atoms of all monomials, with repetitions."""
        for m in self.terms:
            for a, _ in m:
                yield a

    @property
    def positive(self) -> bool:
        """Known to be > 0, term by term or as a sum of squares."""
        return self._known_sign() == 2

    @property
    def nonnegative(self) -> bool:
        """Known to be >= 0."""
        return self._known_sign() >= 1

    def _known_sign(self) -> int:
        if self._sign is None:
            self._sign = 2 if self.plainly_positive else 1 if self.plainly_nonnegative else 0
            if not self._sign and len(self.terms) > 1:
                self._sign = SIGN_ABOVE[0](self)
        return self._sign

    @property
    def plainly_positive(self) -> bool:
        """Known to be > 0 term by term: no negative term, and one that cannot vanish."""
        return self.plainly_nonnegative and any(all(a.positive for a, _ in m) for m in self.terms)

    @property
    def plainly_nonnegative(self) -> bool:
        """Known to be >= 0 term by term."""
        return all(
            c > 0 and all(a.nonnegative or (isinstance(e, int) and e % 2 == 0) for a, e in m)
            for m, c in self.terms.items()
        )

    @property
    def indices(self) -> frozenset[Any]:
        """The indices that occur free."""
        if self._indices is None:
            self._indices = frozenset().union(*(a.indices for m in self.terms for a, _ in m))
        return self._indices

    @property
    def height(self) -> int:
        """The nesting depth of sums."""
        return max((a.height for a in self.atoms()), default=0)

    def __repr__(self) -> str:
        return " + ".join(f"{c}*{m}" for m, c in self.terms.items()) or "0"


ZERO = Poly({})
ONE = Poly({(): 1})
