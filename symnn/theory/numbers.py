"""Numbers of formulas with moments in them: sizes and scalars drawn, unnamed moments by adaptive quadrature.

The quadrature is mpmath's, on the raw expression: it shares nothing with the closed forms of ``gaussian.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any
from zlib import crc32

import mpmath
import numpy as np
import sympy
from scipy.optimize import brentq

from symnn.ground.indices import Index
from symnn.ground.substitute import map_size
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Entry, Fn, Num, Sym, Tree, children, rebuild, transform, walk
from symnn.theory.errors import MomentError
from symnn.theory.expectation import Laws
from symnn.theory.laws import Law

__all__ = ["at_values", "bends", "number", "settled"]

#: Where the density of a standard normal number is below 1e-40.
_FAR = 14
#: Points at which signs are looked at.
_SCANNED = 4001


def at_values(expression: Any, values: Mapping[Any, Any]) -> Any:
    """Return a SymPy expression with numbers or other expressions in the place of symbols."""
    found: Any = map_size(expression, {k: sympy.sympify(v, strict=True) for k, v in values.items()})
    return found


def number(tree: Tree, laws: Laws, *, seed: int = 0) -> float:
    """Return the value of a formula at drawn sizes, scalars and positions.

    Raises:
        MomentError: a moment in it is not one of a single Gaussian entry.
    """

    def chosen(symbol: Any) -> Any:
        rng = np.random.default_rng([seed, crc32(str(symbol).encode())])  # the same in every formula
        if isinstance(symbol, Index):  # places coincide or not
            return int(rng.integers(0, 2))
        return int(rng.integers(2, 9)) if symbol.is_integer else float(rng.uniform(0.4, 1.7))

    def value_of(expression: Any) -> Any:
        return at_values(expression, {s: chosen(s) for s in expression.free_symbols})

    made = settled(tree, laws, value_of)
    return float(sympy.N(value_of(to_sympy(made))))


def settled(tree: Tree, laws: Laws, value_of: Callable[[Any], Any]) -> Tree:
    """Return a formula with numbers in the place of its moments, symbols in them valued by ``value_of``.

    Raises:
        MomentError: a moment in it is not one of a single Gaussian entry.
    """
    if isinstance(tree, Fn) and tree.name == "E":
        return Num(Fraction(_mean(tree.args[0], laws, value_of)))
    parts = children(tree)
    return rebuild(tree, tuple(settled(p, laws, value_of) for p in parts)) if parts else tree


def bends(expression: Any, z: Any, low: float, high: float) -> list[float]:
    """Return where a function of one number changes its branch: signs of what it compares, by a scan and bisection."""
    tested: list[Any] = []
    for at in sympy.preorder_traversal(expression):
        if isinstance(at, sympy.core.relational.Relational):
            tested.append(at.lhs - at.rhs)
        elif isinstance(at, sympy.Max | sympy.Min):
            tested += [a - b for n, a in enumerate(at.args) for b in at.args[n + 1 :]]
        elif isinstance(at, sympy.Abs | sympy.sign | sympy.Heaviside):
            tested.append(at.args[0])
    found: set[float] = set()
    grid = np.linspace(low, high, _SCANNED)
    for t in tested:
        f = sympy.lambdify(z, t, ["scipy", "numpy"])
        with np.errstate(all="ignore"):
            values = np.broadcast_to(np.asarray(f(grid), dtype=float), grid.shape)
        for k in np.flatnonzero(values[:-1] * values[1:] < 0):
            found.add(float(brentq(f, grid[k], grid[k + 1], xtol=1e-15)))
        found |= {float(x) for x in grid[values == 0][:4]}
    return sorted(found)


def _mean(tree: Tree, laws: Laws, value_of: Any) -> float:
    entries = {at for at in walk(tree) if isinstance(at, Entry)}
    if len(entries) != 1 or next(iter(entries)).tensor not in laws:
        raise MomentError("a moment of several entries at once has no value here")
    (entry,) = entries
    law: Law = laws[entry.tensor]
    if not law.normal:
        raise MomentError(f"a {law.name} law does not say what the moment of a function is")
    z = sympy.Symbol("z", real=True)
    mean, variance = (float(value_of(to_sympy(p))) for p in law.parameters)
    raw = to_sympy(transform(tree, lambda t: Sym(z) if t == entry else t))
    raw = at_values(raw, {s: value_of(s) for s in raw.free_symbols if s != z})
    f = sympy.lambdify(z, raw, "mpmath")
    root = math.sqrt(variance)

    def integrand(u: Any) -> Any:
        return f(mean + root * u) * mpmath.exp(-u * u / 2) / mpmath.sqrt(2 * mpmath.pi)

    with mpmath.workdps(20):
        ends = bends(raw, z, mean - _FAR * root, mean + _FAR * root)
        cuts = sorted({-_FAR, _FAR, 0, -mean / root, *((c - mean) / root for c in (-1, 1, *ends))})
        return float(mpmath.quad(integrand, [c for c in cuts if -_FAR <= c <= _FAR]).real)
