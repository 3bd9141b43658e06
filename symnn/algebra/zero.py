"""The zero test: whether a canonical form is identically 0, by ever longer ways.

In this order, each only where the form has what it is for: equalities used and denominators cleared; functions through
exp and log (the table of ``identities.py``); fractions divided out; angles; composed ranges taken apart; logarithms and
roots joined; sums over like ranges joined; arguments that are equal in another guise equated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from symnn.algebra.boundaries import enumerated, has_boundaries, uncut
from symnn.algebra.budget import Exhausted, limited
from symnn.algebra.clearing import clear, divided
from symnn.algebra.equalities import on_equalities
from symnn.algebra.joining import arguments_equated, has_mixed_sums, vanishes_joined
from symnn.algebra.normal import product
from symnn.algebra.relations import exponentials, logarithms_joined, roots_joined
from symnn.algebra.sampling import clearly_not_zero
from symnn.algebra.splitting import taken_apart
from symnn.algebra.terms import Poly
from symnn.algebra.trigonometry import has_angles, sines_reduced, trigonometric

__all__ = ["is_zero"]

#: How often a form may be changed into another one that is tested in turn.
_DEEPEST = 3
#: Products that one of the longer ways may take.
_BUDGET = 800

Way = Callable[[Poly, set[str], int], bool]


def is_zero(poly: Poly, conditions: set[str] | None = None) -> bool:
    """Tell whether a canonical form is identically zero; what is assumed nonzero is added to ``conditions``."""
    used = conditions if conditions is not None else set()
    return _is_zero(poly, used, 0)


def _is_zero(poly: Poly, used: set[str], depth: int) -> bool:
    if not poly.terms:
        return True
    if poly.constant() is not None:
        return False
    for n, way in enumerate(_WAYS):
        if n == (0 if depth else 1) and clearly_not_zero(poly):
            return False
        found: set[str] = set()
        try:
            if _tried(way, poly, found, depth):
                used |= found
                return True
        except (ZeroDivisionError, OverflowError):
            continue
    return False


def _tried(way: Way, poly: Poly, used: set[str], depth: int) -> bool:
    """Try a way; the long ones are given up beyond a number of products."""
    if way in (_cleared, _through_exp):
        return way(poly, used, depth)
    try:
        with limited(_BUDGET):
            return way(poly, used, depth)
    except Exhausted:
        return False


def _cleared(poly: Poly, used: set[str], depth: int) -> bool:
    form = clear(on_equalities(poly), used)
    if not form.terms:
        return True
    cases = _denominators_by_cases(poly)  # x/|x| = sign x: what is left counts only where the denominators are not 0
    return bool(cases) and not clear(product(((form, 1), *((d, 1) for d in cases))), used).terms


def _denominators_by_cases(poly: Poly) -> list[Poly]:
    """Return the denominators in which conditions stand: they may be 0 for a whole range of values."""
    below = dict.fromkeys(a for m in poly.terms for a, e in m if a.kind == "base" and e < 0)
    return [a.data for a in below if any(b.kind == "ind" for b in a.data.atoms())]


def _through_exp(poly: Poly, used: set[str], depth: int) -> bool:
    form = on_equalities(exponentials(on_equalities(poly), used))
    return not clear(form, used).terms or not clear(on_equalities(divided(form)), used).terms


def _by_angles(poly: Poly, used: set[str], depth: int) -> bool:
    return has_angles(poly) and not sines_reduced(clear(trigonometric(exponentials(poly, used)), used)).terms


def _apart(poly: Poly, used: set[str], depth: int) -> bool:
    return depth < _DEEPEST and any(form != poly and _is_zero(form, used, depth + 1) for form in taken_apart(poly))


def _uncut(poly: Poly, used: set[str], depth: int) -> bool:
    """Open comparisons of indices, and take the values of a free index over a few numbers one by one."""
    if depth == _DEEPEST:
        return False
    several = enumerated(poly)
    if several is not None:
        return all(_is_zero(form, used, depth + 1) for form in several)
    if not has_boundaries(poly):
        return False
    form = uncut(poly)
    return form != poly and _is_zero(form, used, depth + 1)


def _joined(poly: Poly, used: set[str], depth: int) -> bool:
    """Join logarithms and roots."""
    if depth == _DEEPEST or not any(a.kind in ("base", "fn") for a in poly.atoms()):
        return False
    form = clear(exponentials(poly, used), used)
    test = _again(used, depth)
    joined = logarithms_joined(roots_joined(form), test)
    return joined != form and _is_zero(joined, used, depth + 1)


def _joined_sums(poly: Poly, used: set[str], depth: int) -> bool:
    return depth < _DEEPEST and has_mixed_sums(poly) and vanishes_joined(poly, _again(used, depth))


def _equated(poly: Poly, used: set[str], depth: int) -> bool:
    if depth == _DEEPEST:
        return False
    form = arguments_equated(poly, _again(used, depth))
    return form is not None and _is_zero(form, used, depth + 1)


def _again(used: set[str], depth: int) -> Callable[[Poly], bool]:
    return partial(_is_zero, used=used, depth=depth + 1)


_WAYS: tuple[Way, ...] = (_cleared, _through_exp, _by_angles, _apart, _uncut, _joined, _joined_sums, _equated)
