"""Laws of random entries: what is known of their moments, and how points are drawn.

The entries of a random tensor are independent and have one law; different tensors are independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import comb, factorial
from typing import Any

import mpmath
import numpy as np
import scipy.linalg
import sympy

from symnn.ground.errors import DefinitionError
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.tree import ONE, ZERO, Add, Neg, Pow, Tree, mul, num
from symnn.theory.errors import MomentError

__all__ = ["Law", "any_law", "bernoulli", "gaussian", "rademacher", "symmetric", "uniform"]

_Value = Callable[[Tree], float]
_Draw = Callable[[np.random.Generator, tuple[int, ...], _Value], Any]
#: Nodes and weights whose sum is a mean: (how many, value of a symbol, so many on either side of the mean) -> both.
_Rule = Callable[[int, _Value, bool], tuple[Any, Any]]


@dataclass(frozen=True)
class Law:
    """What is known of the law of one entry.

    Attributes:
        name: what it is called, for pages and messages.
        moment: E[X^n] for n >= 1, or None where it is not known.
        symmetric: X and -X have one law.
        normal: the law is Gaussian; ``parameters`` are then mean and variance.
        density: it has one, so that no single value has a probability.
        parameters: numbers or symbols that it depends on.
        draw: (generator, shape, value of a symbol) -> entries.
        rule: (n, value of a symbol, halves) -> nodes and weights of a Gauss rule of n nodes, or of one with n nodes on
            either side of the mean, which a bend there does no harm.
        examples: where the law leaves something open, laws of this kind; values are taken for each of them.
    """

    name: str
    moment: Callable[[int], Tree | None] = field(compare=False)
    symmetric: bool = False
    normal: bool = False
    parameters: tuple[Tree, ...] = ()
    draw: _Draw | None = field(default=None, compare=False)
    density: bool = False
    rule: _Rule | None = field(default=None, compare=False)
    examples: tuple[Law, ...] = field(default=(), compare=False)

    @property
    def instances(self) -> tuple[Law, ...]:
        """The examples, or the law itself."""
        return self.examples or (self,)

    @property
    def mean(self) -> Tree:
        """E[X]."""
        return self.known(1, "mean")

    @property
    def variance(self) -> Tree:
        """E[X^2] - E[X]^2."""
        return self.cumulant(2)

    def known(self, n: int, what: str = "") -> Tree:
        """Return E[X^n].

        Raises:
            MomentError: it is not known.
        """
        found = ONE if n == 0 else self.moment(n)
        if found is None:
            raise MomentError(
                f"A {self.name} law says nothing of E[x^{n}], which is needed here{what and f' for the {what}'}. "
                "Give the entries a law that does, such as gaussian(...) or uniform(...)."
            )
        return found

    def cumulant(self, n: int) -> Tree:
        """Return the n-th cumulant, from the moments: k_n = m_n - sum_j C(n-1, j-1) k_j m_(n-j).

        Of a Gaussian all but the first two are 0, which is Isserlis' theorem once entries are independent.

        Raises:
            MomentError: a moment that it takes is not known.
        """
        if self.normal:
            return self.parameters[n - 1] if n <= 2 else ZERO
        if self.symmetric and n % 2:
            return ZERO
        out: list[Tree] = [self.known(n)]
        for j in range(1, n):
            if not (self.symmetric and j % 2):
                out.append(Neg(mul(num(comb(n - 1, j - 1)), self.cumulant(j), self.known(n - j))))
        return out[0] if len(out) == 1 else Add(tuple(out))


def _tree(value: Any, what: str) -> Tree:
    if isinstance(value, Tree):
        return value
    if isinstance(value, int | Fraction | sympy.Expr) and not isinstance(value, bool):
        return from_sympy(sympy.sympify(value, strict=True))
    if isinstance(value, float):
        return from_sympy(sympy.Rational(str(value)))
    raise DefinitionError(f"The {what} of a law is a number or a scalar symbol, found {value!r}.")


def _power(base: Tree, n: int) -> Tree:
    return ONE if n == 0 else base if n == 1 else Pow(base, num(n))


def _positive(value: Any, what: str) -> Tree:
    tree = _tree(value, what)
    plain = sympy.sympify(value, strict=True) if isinstance(value, int | float | sympy.Expr) else None
    if plain is not None and (plain.is_nonpositive or plain.is_real is False):
        raise MomentError(f"The {what} of a law must be > 0, found {value}: entries that do not vary have no scale.")
    return tree


def gaussian(variance: Any = 1, mean: Any = 0) -> Law:
    """The normal law, N(mean, variance).

    Raises:
        MomentError: the variance is not > 0.
    """
    v, m = _positive(variance, "variance"), _tree(mean, "mean")

    def moment(n: int) -> Tree:
        terms = []
        for k in range(0, n // 2 + 1):  # C(n, 2k) (2k-1)!! v^k m^(n-2k)
            double = 1
            for odd in range(1, 2 * k, 2):
                double *= odd
            terms.append(mul(num(comb(n, 2 * k) * double), _power(v, k), _power(m, n - 2 * k)))
        return terms[0] if len(terms) == 1 else Add(tuple(terms))

    def draw(rng: np.random.Generator, shape: tuple[int, ...], value: Callable[[Tree], float]) -> Any:
        return value(m) + np.sqrt(value(v)) * rng.standard_normal(shape)

    def rule(n: int, value: _Value, halves: bool) -> tuple[Any, Any]:
        nodes, weights = half_normal(n) if halves else np.polynomial.hermite_e.hermegauss(n)
        weights = weights / weights.sum()
        return value(m) + np.sqrt(value(v)) * nodes, weights

    return Law("Gaussian", moment, m == ZERO, True, (m, v), draw, True, rule)


def uniform(bound: Any) -> Law:
    """The uniform law on [-bound, bound]: E[x^(2n)] = bound^(2n)/(2n+1), variance bound^2/3.

    Raises:
        MomentError: the bound is not > 0.
    """
    b = _positive(bound, "bound")

    def moment(n: int) -> Tree:
        return ZERO if n % 2 else mul(num(Fraction(1, n + 1)), _power(b, n))

    def draw(rng: np.random.Generator, shape: tuple[int, ...], value: Callable[[Tree], float]) -> Any:
        return value(b) * rng.uniform(-1, 1, shape)

    def rule(n: int, value: _Value, halves: bool) -> tuple[Any, Any]:
        nodes, weights = np.polynomial.legendre.leggauss(n)
        if not halves:
            return value(b) * nodes, weights / 2
        return value(b) * _both_sides((nodes + 1) / 2), _both_sides(weights / 4, 1)

    return Law("uniform", moment, True, False, (b,), draw, True, rule)


def rademacher(scale: Any = 1) -> Law:
    """-scale or scale, each with probability 1/2.

    Raises:
        MomentError: the scale is not > 0.
    """
    s = _positive(scale, "scale")

    def draw(rng: np.random.Generator, shape: tuple[int, ...], value: Callable[[Tree], float]) -> Any:
        return value(s) * rng.choice((-1.0, 1.0), shape)

    def rule(n: int, value: _Value, halves: bool) -> tuple[Any, Any]:
        return value(s) * np.array([-1.0, 1.0]), np.array([0.5, 0.5])

    return Law("Rademacher", lambda n: ZERO if n % 2 else _power(s, n), True, False, (s,), draw, False, rule)


def bernoulli(p: Any) -> Law:
    """1 with probability p, else 0: E[x^n] = p.

    Raises:
        MomentError: p is not within 0 and 1.
    """
    tree = _positive(p, "probability")
    if isinstance(p, int | float | sympy.Rational) and not 0 < p <= 1:
        raise MomentError(f"A probability lies within 0 and 1, found {p}.")

    def draw(rng: np.random.Generator, shape: tuple[int, ...], value: Callable[[Tree], float]) -> Any:
        return (rng.random(shape) < value(tree)).astype(float)

    def rule(n: int, value: _Value, halves: bool) -> tuple[Any, Any]:
        return np.array([0.0, 1.0]), np.array([1 - value(tree), value(tree)])

    return Law("Bernoulli", lambda n: tree, False, False, (tree,), draw, False, rule)


def symmetric(variance: Any) -> Law:
    """Any density that is symmetric about 0 and has this variance: odd moments are 0, of the others E[x^2] is known.

    Raises:
        MomentError: the variance is not > 0.
    """
    v = _positive(variance, "variance")

    examples = (_laplace(v), gaussian(to_sympy(v)), uniform(to_sympy(Pow(mul(num(3), v), num(Fraction(1, 2))))))
    return Law(
        "symmetric", lambda n: ZERO if n % 2 else v if n == 2 else None, True, False, (v,), examples[0].draw, True,
        examples=examples,
    )  # fmt: skip


def _laplace(v: Tree) -> Law:
    """The density exp(-|x| sqrt(2/v))/sqrt(2 v): E[x^(2n)] = (2n)! (v/2)^n."""

    def moment(n: int) -> Tree:
        return ZERO if n % 2 else mul(num(Fraction(factorial(n), 2 ** (n // 2))), _power(v, n // 2))

    def draw(rng: np.random.Generator, shape: tuple[int, ...], value: _Value) -> Any:
        return np.sqrt(value(v) / 2) * rng.laplace(size=shape)

    def rule(n: int, value: _Value, halves: bool) -> tuple[Any, Any]:
        nodes, weights = np.polynomial.laguerre.laggauss(n)
        return np.sqrt(value(v) / 2) * _both_sides(nodes), _both_sides(weights / 2, 1)

    return Law("Laplace", moment, True, False, (v,), draw, True, rule)


def any_law(mean: Any, variance: Any) -> Law:
    """Any law of this mean and variance; nothing else is known of it.

    Raises:
        MomentError: the variance is not > 0.
    """
    m, v = _tree(mean, "mean"), _positive(variance, "variance")
    second: Tree = v if m == ZERO else Add((v, _power(m, 2)))

    def draw(rng: np.random.Generator, shape: tuple[int, ...], value: _Value) -> Any:
        return value(m) + np.sqrt(value(v)) * (rng.exponential(size=shape) - 1)

    def rule(n: int, value: _Value, halves: bool) -> tuple[Any, Any]:
        nodes, weights = np.polynomial.laguerre.laggauss(n)
        return value(m) + np.sqrt(value(v)) * (nodes - 1), weights

    def moment(n: int) -> Tree | None:
        return m if n == 1 else second if n == 2 else None

    skew = Law("exponential", moment, False, False, (m, v), draw, True, rule)
    return Law("given", moment, False, False, (m, v), draw, examples=(skew, gaussian(to_sympy(v), to_sympy(m))))


def _both_sides(half: Any, sign: int = -1) -> Any:
    """Return values on both sides of 0: nodes with either sign, or weights twice (sign 1)."""
    return np.concatenate([sign * half[::-1], half])


@cache
def half_normal(n: int) -> tuple[Any, Any]:
    """Return nodes and weights of the mean of a standard normal number, a Gauss rule with n nodes on either side of 0.

    Each side is exact for polynomials up to degree 2n - 1, so that a function with a bend at 0 does no harm. By
    Chebyshev's algorithm on the moments E[|z|^k], in as many digits as it loses (Gautschi 2004, Orthogonal
    Polynomials, sec. 2.1.7), and the eigenvalues of the tridiagonal matrix (Golub, Welsch 1969).
    """
    with mpmath.workdps(30 + 3 * n):
        moments = [mpmath.power(2, mpmath.mpf(k - 1) / 2) * mpmath.gamma(mpmath.mpf(k + 1) / 2) for k in range(2 * n)]
        moments = [m / moments[0] for m in moments]
        before, row = [mpmath.mpf(0)] * (2 * n), moments
        alphas, betas = [moments[1] / moments[0]], [moments[0]]
        for k in range(1, n):
            new = [mpmath.mpf(0)] * (2 * n)
            for j in range(k, 2 * n - k):
                new[j] = row[j + 1] - alphas[-1] * row[j] - betas[-1] * before[j]
            alphas.append(new[k + 1] / new[k] - row[k] / row[k - 1])
            betas.append(new[k] / row[k - 1])
            before, row = row, new
    diagonal, beside = np.array([float(a) for a in alphas]), np.array([float(mpmath.sqrt(b)) for b in betas[1:]])
    nodes, vectors = scipy.linalg.eigh_tridiagonal(diagonal, beside)
    weights = vectors[0] ** 2
    return _both_sides(nodes), _both_sides(weights / 2, 1)
