"""The table of integrals against a normal density: each with its condition and source, and the code that applies it.

Every record says what the integral of ``integrand`` times the density of N(m, q) over (lower, upper) is; the tests hold
each against mpmath's quadrature. A term of ``terms_of`` is led to them by two rules, which are records too: its
exponential is taken into the density (completing the square), and its power of z is lowered by integration by parts,
which turns a factor erf into another exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from sympy import asin, atan, digamma, erf, erfc, exp, gamma, log, oo, pi, sqrt

from symnn.theory.integration.scalar import put
from symnn.theory.integration.terms import Term

__all__ = ["RECORDS", "Integrator", "NoClosedForm", "Record", "density"]

x, m, l, u, alpha, beta, delta, eta = sympy.symbols("x m l u alpha beta delta eta", real=True)
a, b, t = sympy.symbols("a b t", real=True)
q = sympy.Symbol("q", positive=True)
n, k = sympy.symbols("n k", integer=True, positive=True)
p = sympy.Symbol("p", real=True)

_DEEP = 60


class NoClosedForm(Exception):  # noqa: N818
    """No record of the table fits; never leaves this floor."""


@dataclass(frozen=True)
class Record:
    """The integral of ``integrand * density`` over (lower, upper) is ``value`` where the condition holds.

    In a rule, ``value`` contains integrals of the same kind, written as ``sympy.Integral``.
    """

    name: str
    integrand: Any
    value: Any
    source: str
    condition: str = ""
    lower: Any = -oo
    upper: Any = oo


def density(at: Any, mean: Any, variance: Any) -> Any:
    """Return exp(-(at - mean)^2 / (2 variance)) / sqrt(2 pi variance)."""
    return exp(-((at - mean) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)


def _rest(body: Any, mean: Any = m, variance: Any = q) -> Any:
    return sympy.Integral(body * density(x, mean, variance), (x, l, u))


_OWEN = "Owen 1980, A table of normal integrals, Comm. Statist. B9"
_NG = "Ng, Geller 1969, A table of integrals of the error functions, J. Res. NBS 73B, sec. 4.3"
_PARTS = "integration by parts; on the whole line Stein 1981, Estimation of the mean, lemma 1"
_h, _slope = erf(alpha * x + beta), 2 * alpha / sqrt(pi) * exp(-((alpha * x + beta) ** 2))
_flat = 1 - 2 * b * q

RECORDS: dict[str, Record] = {
    r.name: r
    for r in (
        Record("mass of an interval", sympy.S.One, (erf((u - m) / sqrt(2 * q)) - erf((l - m) / sqrt(2 * q))) / 2,
               "NIST Digital Library of Mathematical Functions, 7.2.1", lower=l, upper=u),
        Record("mass above", sympy.S.One, erfc((l - m) / sqrt(2 * q)) / 2,
               "NIST Digital Library of Mathematical Functions, 7.2.2", lower=l),
        Record("mass below", sympy.S.One, erfc((m - u) / sqrt(2 * q)) / 2,
               "NIST Digital Library of Mathematical Functions, 7.2.2", upper=u),
        Record("completing the square", _h * exp(a * x + b * x**2),
               exp((2 * a * m + a**2 * q + 2 * b * m**2) / (2 * _flat)) / sqrt(_flat)
               * _rest(_h, (m + a * q) / _flat, q / _flat),
               "completing the square", "2 b q < 1", l, u),
        Record("characteristic function", sympy.cos(t * x), sympy.cos(t * m) * exp(-(t**2) * q / 2),
               "Feller 1971, An Introduction to Probability Theory II, XV.1; completing the square, linear = i t",
               "the whole line, no erf"),
        Record("integration by parts", x**n * _h,
               q * (l ** (n - 1) * put(_h, {x: l}) * density(l, m, q)
                    - u ** (n - 1) * put(_h, {x: u}) * density(u, m, q))
               + m * _rest(x ** (n - 1) * _h) + q * (n - 1) * _rest(x ** (n - 2) * _h)
               + q * _rest(x ** (n - 1) * _slope),
               _PARTS, "n >= 1; at an infinite end the boundary term is 0", l, u),
        Record("erf on the whole line", erf(alpha * x + beta), erf((alpha * m + beta) / sqrt(1 + 2 * alpha**2 * q)),
               _OWEN + ", 10,010.8; " + _NG),
        Record("odd product of erfs", erf(alpha * x) * erf(delta * x) * erf(eta * x), sympy.S.Zero, "symmetry",
               "m = 0, no shift, an odd number of factors"),
        Record("two erfs on the whole line", erf(alpha * x) * erf(delta * x),
               2 / pi * asin(2 * alpha * delta * q / sqrt((1 + 2 * alpha**2 * q) * (1 + 2 * delta**2 * q))),
               "Williams 1997, Computing with infinite networks, eq. 11", "m = 0, no shift"),
        Record("erf on the half line", erf(alpha * x), atan(alpha * sqrt(2 * q)) / pi, _NG + "; " + _OWEN,
               "m = 0, no shift", sympy.S.Zero),
        Record("two erfs on the half line", erf(alpha * x) * erf(delta * x),
               asin(2 * alpha * delta * q / sqrt((1 + 2 * alpha**2 * q) * (1 + 2 * delta**2 * q))) / pi,
               "half of that on the whole line, the integrand being even", "m = 0, no shift", sympy.S.Zero),
        Record("power of the matching erf", erf((x - m) / sqrt(2 * q)) ** k,
               (erf((u - m) / sqrt(2 * q)) ** (k + 1) - erf((l - m) / sqrt(2 * q)) ** (k + 1)) / (2 * (k + 1)),
               "the density is the derivative of erf((x - m)/sqrt(2 q))/2", "alpha^2 = 1/(2 q), beta = -alpha m", l, u),
        Record("power on the half line", x**p, (2 * q) ** (p / 2) * gamma((p + 1) / 2) / (2 * sqrt(pi)),
               "Gradshteyn, Ryzhik, Table of Integrals, 3.326", "m = 0, p > -1", sympy.S.Zero),
        Record("power and logarithm on the half line", x**p * log(x),
               (2 * q) ** (p / 2) * gamma((p + 1) / 2) / (4 * sqrt(pi)) * (log(2 * q) + digamma((p + 1) / 2)),
               "the derivative by p of the power on the half line", "m = 0, p > -1", sympy.S.Zero),
    )
}  # fmt: skip


class Integrator:
    """Integrals of terms against the density of N(mean, variance) over (lower, upper); ``used`` names the records."""

    def __init__(self, lower: Any, upper: Any, mean: Any, variance: Any, used: dict[str, None]) -> None:
        self.lower, self.upper, self.used = lower, upper, used
        self._mean, self._variance = mean, variance
        self._done: dict[Any, Any] = {}

    def __call__(self, term: Term) -> Any:
        """Return the integral of one term.

        Raises:
            NoClosedForm: no record fits, or it diverges, or whether it converges depends on parameters.
        """
        return self._term(term, self._mean, self._variance)

    @property
    def _whole(self) -> bool:
        return bool(self.lower == -oo and self.upper == oo)

    @property
    def _half(self) -> bool:
        return bool(self.lower == 0 and self.upper == oo)

    def _by(self, name: str, **values: Any) -> Any:
        self.used[name] = None
        letters: dict[str, Any] = {s.name: s for s in (m, q, l, u, alpha, beta, delta, p, k)}
        return put(RECORDS[name].value, {letters[key]: value for key, value in values.items()})

    def _term(self, term: Term, mean: Any, variance: Any) -> Any:
        scale = term.coefficient
        if term.linear != 0 or term.quadratic != 0:
            real = term.linear.is_real is True
            if not real and (term.erfs or not self._whole):
                raise NoClosedForm
            flat = sympy.cancel(1 - 2 * term.quadratic * variance)
            if not flat.is_positive:
                raise NoClosedForm
            self.used["completing the square" if real else "characteristic function"] = None
            top = 2 * term.linear * mean + term.linear**2 * variance + 2 * term.quadratic * mean**2
            scale *= exp(sympy.expand(sympy.cancel(top / (2 * flat)))) / sqrt(flat)
            mean = sympy.cancel((mean + term.linear * variance) / flat)
            variance = sympy.cancel(variance / flat)
        return scale * self._plain(term.power, term.erfs, term.logs, mean, variance)

    def _plain(self, power: Any, erfs: tuple[tuple[Any, Any], ...], logs: int, mean: Any, variance: Any) -> Any:
        """Return the integral of x^power, erfs and logarithm against the density."""
        key = (power, erfs, logs, mean, variance)
        if key not in self._done:
            if logs or not (power.is_Integer and power >= 0):
                made = self._on_the_half_line(power, erfs, logs, mean, variance)
            elif power == 0:
                made = self._base(erfs, mean, variance)
            else:
                if power > _DEEP:  # lower powers first, or the recursion is too deep
                    for k in range(int(power) % 2 if mean == 0 else 0, int(power), 2 if mean == 0 else 1):
                        self._plain(sympy.Integer(k), erfs, logs, mean, variance)
                made = self._by_parts(int(power), erfs, mean, variance)
            self._done[key] = made
        return self._done[key]

    def _on_the_half_line(self, power: Any, erfs: Any, logs: int, mean: Any, variance: Any) -> Any:
        if erfs or logs > 1 or not self._half or mean != 0 or power <= -1:
            raise NoClosedForm
        name = "power and logarithm on the half line" if logs else "power on the half line"
        return self._by(name, p=power, q=variance)

    def _by_parts(self, power: int, erfs: tuple[tuple[Any, Any], ...], mean: Any, variance: Any) -> Any:
        self.used["integration by parts"] = None
        out = sympy.S.Zero
        for end, sign in ((self.lower, 1), (self.upper, -1)):
            if end.is_finite and (end != 0 or power == 1):
                h = sympy.Mul(*(erf(r * end + s) for r, s in erfs))
                out += sign * variance * end ** (power - 1) * h * density(end, mean, variance)
        if mean != 0:
            out += mean * self._plain(sympy.Integer(power - 1), erfs, 0, mean, variance)
        if power > 1:
            out += variance * (power - 1) * self._plain(sympy.Integer(power - 2), erfs, 0, mean, variance)
        for place, (r, s) in enumerate(erfs):
            others = erfs[:place] + erfs[place + 1 :]
            slope = Term(2 * r / sqrt(pi) * exp(-(s**2)), sympy.Integer(power - 1), -2 * r * s, -(r**2), others)
            out += variance * self._term(slope, mean, variance)
        return out

    def _base(self, erfs: tuple[tuple[Any, Any], ...], mean: Any, variance: Any) -> Any:
        if not erfs:
            return self._mass(mean, variance)
        if _matching(erfs, mean, variance):
            sign = sympy.Mul(*(1 if r.is_positive else -1 for r, _ in erfs))
            return sign * self._by("power of the matching erf", k=sympy.Integer(len(erfs)), m=mean, q=variance,
                                   l=self.lower, u=self.upper)  # fmt: skip
        if self._whole and len(erfs) == 1:
            ((r, s),) = erfs
            inside = sympy.cancel(1 + 2 * r**2 * variance)
            self.used["erf on the whole line"] = None
            return erf(sympy.cancel(r * mean + s) / sqrt(inside))
        centred = all(sympy.expand(r * mean + s) == 0 for r, s in erfs)
        if self._whole and centred and len(erfs) % 2:
            return self._by("odd product of erfs")
        if self._whole and centred and len(erfs) == 2:
            return self._by("two erfs on the whole line", alpha=erfs[0][0], delta=erfs[1][0], q=variance)
        if self._half and centred and mean == 0 and len(erfs) == 1:
            return self._by("erf on the half line", alpha=erfs[0][0], q=variance)
        if self._half and centred and mean == 0 and len(erfs) == 2:
            return self._by("two erfs on the half line", alpha=erfs[0][0], delta=erfs[1][0], q=variance)
        raise NoClosedForm

    def _mass(self, mean: Any, variance: Any) -> Any:
        if self._whole:
            return sympy.S.One
        if self.upper == oo:
            return self._by("mass above", l=self.lower, m=mean, q=variance)
        if self.lower == -oo:
            return self._by("mass below", u=self.upper, m=mean, q=variance)
        return self._by("mass of an interval", l=self.lower, u=self.upper, m=mean, q=variance)


def _matching(erfs: tuple[tuple[Any, Any], ...], mean: Any, variance: Any) -> bool:
    return all(
        (r.is_positive or r.is_negative) and sympy.cancel(2 * variance * r**2) == 1 and sympy.expand(r * mean + s) == 0
        for r, s in erfs
    )
