"""The identities that the algebra uses, as records: each with its condition, its source, and what goes wrong without.

The code reads from here which functions are odd, which are even and which go through exp; elsewhere a record states
what the room named in ``room`` does, and the tests hold the two together: the interpreter agrees at random points and
at the edges, the algebra proves the record, and where there is a condition it does not prove ``without`` it.

a, b, c are real, p, q positive, r, s, t real exponents; K, M, N are sizes, i, j, k, l indices over K and n, m over N.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy
from sympy import (
    Abs,
    KroneckerDelta,
    Max,
    Min,
    Ne,
    Piecewise,
    Rational,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    log,
    sign,
    sin,
    sqrt,
)

from symnn.ground.functions import NAMES, indicator, stop_gradient, sum_over
from symnn.ground.indices import Index
from symnn.ground.sizes import dims, scalars
from symnn.ground.tensors import Tensor, input, permutation

__all__ = ["EVEN", "IDENTITIES", "ODD", "THROUGH_EXP", "Identity"]


@dataclass(frozen=True)
class Identity:
    """``left = right`` where the condition holds.

    Attributes:
        name: what it says, in words.
        room: the file that applies it.
        left, right: the two sides, as they are typed.
        source: where it is stated.
        condition: what has to hold; "" for none.
        without: both sides with the condition dropped, and values at which they differ or only one of them exists.
    """

    name: str
    room: str
    left: Any
    right: Any
    source: str
    condition: str = ""
    without: tuple[Any, Any, Mapping[Any, Any]] | None = field(default=None, hash=False)


a, b, c, r, s = scalars("a b c r s")
p, q = scalars("p q", positive=True)
K, M, N = dims("K M N")
i, j, k, l = (Index(letter, K) for letter in "ijkl")
n, m = (Index(letter, N) for letter in "nm")
f, g, h = input("f", (K,)), input("g", (N,)), input("h", (K,))
u = input("u", (K,), positive=True)
pi = permutation("pi", K)
labels_like = Tensor("t", (K,), "label", classes=K)
wide, grid, longer = input("w", (N + M,)), input("v", (N * K,)), input("y", (N + 1,))
e, o, z = Index("e", N + M), Index("o", N * K), Index("z", N + 1)
mm = Index("f", M)

_DLMF = "NIST Digital Library of Mathematical Functions, "
_CONCRETE = "Graham, Knuth, Patashnik, Concrete Mathematics, 2nd ed. 1994, "
_IVERSON = "Knuth, Two notes on notation, Amer. Math. Monthly 99 (1992)"
_LATTICE = "Birkhoff, Lattice Theory, 3rd ed. 1967, on lattice-ordered groups"
_HLP = "Hardy, Littlewood, Polya, Inequalities, 2nd ed. 1952, "
_POSITIVE = "a, b > 0"


def _sig(x: Any) -> Any:
    return 1 / (1 + exp(-x))


def _S(body: Any, *over: Index) -> Any:
    return sum_over(body, *over)


_EXP_LOG = (
    Identity("exp of a sum", "functions", exp(a + b), exp(a) * exp(b), _DLMF + "4.8(ii)"),
    Identity("exp of a logarithm", "functions", exp(log(p)), p, _DLMF + "4.2(iii)", "p > 0"),
    Identity("logarithm of exp", "functions", log(exp(a)), a, _DLMF + "4.2(iii)", "a real"),
    Identity("logarithm of a product", "functions", log(p * q), log(p) + log(q), _DLMF + "4.8.2", _POSITIVE,
             (log(a * b), log(a) + log(b), {a: -1.0, b: -2.0})),
    Identity("logarithm of a quotient", "functions", log(p / q), log(p) - log(q), _DLMF + "4.8(i)", _POSITIVE,
             (log(a / b), log(a) - log(b), {a: -1.0, b: -2.0})),
    Identity("logarithm of a power", "functions", log(p**r), r * log(p), _DLMF + "4.8(i)", "p > 0",
             (log(a**2), 2 * log(a), {a: -2.0})),
    Identity("logarithm of a perfect square", "functions", log(1 + 2 * exp(a) + exp(2 * a)), 2 * log(1 + exp(a)),
             _DLMF + "4.8(i)", "1 + exp(a) > 0", (log((a + b) ** 2), 2 * log(a + b), {a: -1.0, b: -2.0})),
    Identity("exp of a multiple of a logarithm", "functions", exp(r * log(p)), p**r, _DLMF + "4.2(iv)", "p > 0"),
    Identity("powers with one base", "relations", p**r * p**s, p ** (r + s), _DLMF + "4.2(iv)", "p > 0"),
    Identity("power of a power", "constructs", (p**r) ** s, p ** (r * s), _DLMF + "4.2(iv)", "p > 0",
             (sqrt(a**2), a, {a: -1.0})),
    Identity("power of a product", "constructs", (p * q) ** r, p**r * q**r, _DLMF + "4.2(iv)", _POSITIVE,
             (sqrt(a * b), sqrt(a) * sqrt(b), {a: -1.0, b: -2.0})),
    Identity("logarithms that cancel", "relations", log(sqrt(1 + a**2) + a) + log(sqrt(1 + a**2) - a), sympy.S.Zero,
             _DLMF + "4.8(i)", "sqrt(1 + a^2) > |a|"),
)  # fmt: skip

_ROOTS = (
    Identity("root of a product", "powers", sqrt(p * q), sqrt(p) * sqrt(q), _DLMF + "4.2(iv)", _POSITIVE,
             (sqrt(a * b), sqrt(a) * sqrt(b), {a: -1.0, b: -2.0})),
    Identity("root of a square", "powers", sqrt(a**2), Abs(a), _DLMF + "1.9(i)", "", None),
    Identity("root of the square of a sum", "squares", sqrt(a**2 + 2 * a * b + b**2), Abs(a + b), _DLMF + "1.9(i)", "",
             (sqrt(a**2 + 2 * a * b + b**2), a + b, {a: -1.0, b: 0.5})),
    Identity("root of the square of roots", "squares", sqrt(p + 2 * sqrt(p) * sqrt(q) + q), sqrt(p) + sqrt(q),
             "(x + y)^2 = x^2 + 2xy + y^2", _POSITIVE,
             (sqrt(p - 2 * sqrt(p) * sqrt(q) + q), sqrt(p) - sqrt(q), {p: 1.0, q: 4.0})),
    Identity("root in a denominator", "clearing", 1 / (sqrt(p) + sqrt(q)), (sqrt(p) - sqrt(q)) / (p - q),
             "(x + y)(x - y) = x^2 - y^2", "p != q"),
    Identity("root of an expanded square and more", "positivity", sqrt(q * ((a - b) ** 2 + p)),
             sqrt(q) * sqrt((a - b) ** 2 + p), _HLP + "2.1", "(a - b)^2 + p > 0",
             (sqrt(c * (a + b)), sqrt(c) * sqrt(a + b), {a: -1.0, b: -1.0, c: -1.0})),
    Identity("modulus of a centred sum of squares", "positivity",
             Abs(_S((g[n] - _S(g[m], m) / N) ** 2, n) + p), _S(g[n] ** 2, n) - _S(g[n], n) ** 2 / N + p,
             _HLP + "2.4 (Cauchy)", ""),
)  # fmt: skip

THROUGH_EXP = {
    NAMES[rule.left.func]: rule for rule in (
        Identity("tanh through exp", "relations", sympy.tanh(a), (exp(a) - exp(-a)) / (exp(a) + exp(-a)),
                 _DLMF + "4.28"),
        Identity("sinh through exp", "relations", sympy.sinh(a), (exp(a) - exp(-a)) / 2, _DLMF + "4.28.1"),
        Identity("cosh through exp", "relations", cosh(a), (exp(a) + exp(-a)) / 2, _DLMF + "4.28.2"),
        Identity("asinh through log", "relations", sympy.asinh(a), log(a + sqrt(a**2 + 1)), _DLMF + "4.37.16"),
    )
}  # fmt: skip

_SIGMOIDS = (
    Identity("sigmoid turned", "clearing", _sig(-a), 1 - _sig(a), _DLMF + "4.28"),
    Identity("tanh by sigmoid", "relations", sympy.tanh(a), 2 * _sig(2 * a) - 1, _DLMF + "4.28"),
    Identity("1 - tanh^2", "relations", 1 - sympy.tanh(a) ** 2, 1 / cosh(a) ** 2, _DLMF + "4.35.12"),
    Identity("tanh by sinh and cosh", "relations", sympy.sinh(a) / cosh(a), sympy.tanh(a), _DLMF + "4.28.4"),
    Identity("tanh of a sum", "relations", sympy.tanh(a + b),
             (sympy.tanh(a) + sympy.tanh(b)) / (1 + sympy.tanh(a) * sympy.tanh(b)), _DLMF + "4.35.3"),
    Identity("softplus turned", "functions", log(1 + exp(a)), a + log(1 + exp(-a)), _DLMF + "4.8(i)"),
    Identity("logarithm of a sigmoid", "functions", log(_sig(a)), -log(1 + exp(-a)), _DLMF + "4.8(i)"),
    Identity("log-sum-exp shifted", "functions", log(_S(exp(f[k] - a), k)) + a, log(_S(exp(f[k]), k)),
             _DLMF + "4.8(i)"),
    Identity("softmax shifted", "products", exp(f[i] - a) / _S(exp(f[k] - a), k), exp(f[i]) / _S(exp(f[k]), k),
             _DLMF + "4.8(ii)"),
)  # fmt: skip

_ODD_RULES = tuple(
    Identity(f"{NAMES[fn]} is odd", "functions", fn(-a), -fn(a), _DLMF + place)
    for fn, place in ((sympy.tanh, "4.28"), (sympy.sinh, "4.28"), (erf, "7.4"), (sin, "4.16"), (sympy.tan, "4.16"),
                      (sympy.atan, "4.24"), (sympy.asin, "4.24"), (sympy.asinh, "4.38"))
)  # fmt: skip
_EVEN_RULES = tuple(
    Identity(f"{NAMES[fn]} is even", "functions", fn(-a), fn(a), _DLMF + place) for fn, place in
    ((cos, "4.16"), (cosh, "4.28"))
)  # fmt: skip
ODD = frozenset(NAMES[rule.left.args[1].func if rule.left.is_Mul else rule.left.func] for rule in _ODD_RULES)
EVEN = frozenset(NAMES[rule.left.func] for rule in _EVEN_RULES)

_ANGLES = (
    Identity("sin^2 + cos^2", "trigonometry", sin(a) ** 2 + cos(a) ** 2, sympy.S.One, _DLMF + "4.21.12"),
    Identity("sine of a sum", "trigonometry", sin(a + b), sin(a) * cos(b) + cos(a) * sin(b), _DLMF + "4.21.2"),
    Identity("cosine of a sum", "trigonometry", cos(a + b), cos(a) * cos(b) - sin(a) * sin(b), _DLMF + "4.21.4"),
    Identity("sine doubled", "trigonometry", sin(2 * a), 2 * sin(a) * cos(a), _DLMF + "4.21.27"),
    Identity("cosine tripled", "trigonometry", cos(3 * a), 4 * cos(a) ** 3 - 3 * cos(a), _DLMF + "4.21.30"),
    Identity("tangent", "trigonometry", sympy.tan(a), sin(a) / cos(a), _DLMF + "4.14.4", "cos(a) != 0"),
    Identity("erfc", "functions", erfc(a), 1 - erf(a), _DLMF + "7.2.2"),
)  # fmt: skip

_LATTICE_RULES = (
    Identity("H^2 = H", "products", indicator(a > 0) ** 2, indicator(a > 0), _IVERSON),
    Identity("H(x) H(-x) = 0", "cases", indicator(a > 0) * indicator(-a > 0), sympy.S.Zero, _IVERSON),
    Identity("H(x) + H(-x)", "indicators", indicator(a > 0) + indicator(-a > 0), indicator(Ne(a, 0)), _IVERSON,
             "", (indicator(a > 0) + indicator(-a > 0), sympy.S.One, {a: 0.0})),
    Identity("modulus by an indicator", "indicators", Abs(a), a * (2 * indicator(a > 0) - 1), _IVERSON),
    Identity("sign by indicators", "indicators", sign(a), indicator(a > 0) - indicator(-a > 0), _IVERSON, "",
             (sign(a), 2 * indicator(a > 0) - 1, {a: 0.0})),
    Identity("modulus over its argument", "cases", Abs(a) / a, sign(a), _LATTICE, "a != 0"),
    Identity("modulus of a product", "cases", Abs(a * b), Abs(a) * Abs(b), _LATTICE),
    Identity("sign of a product", "cases", sign(a * b), sign(a) * sign(b), _LATTICE),
    Identity("indicator of a product", "cases", indicator(a * b > 0),
             indicator(a > 0) * indicator(b > 0) + indicator(a < 0) * indicator(b < 0), _IVERSON, "",
             (indicator(a * b > 0), indicator(a > 0) * indicator(b > 0), {a: -1.0, b: -1.0})),
    Identity("max by an indicator", "functions", Max(a, b), b + (a - b) * indicator(a > b), _IVERSON),
    Identity("max by a modulus", "functions", Max(a, b), (a + b + Abs(a - b)) / 2, _LATTICE),
    Identity("max and min", "cases", Max(a, b) + Min(a, b), a + b, _LATTICE),
    Identity("max of three", "cases", Max(Max(a, b), c), Max(a, Max(b, c)), _LATTICE),
    Identity("min over max", "cases", Min(a, Max(b, c)), Max(Min(a, b), Min(a, c)), _LATTICE),
    Identity("clipped", "cases", Max(0, Min(1, a)), Min(1, Max(0, a)), _LATTICE, "0 <= 1",
             (Max(b, Min(c, a)), Min(c, Max(b, a)), {a: 0.0, b: 1.0, c: -1.0})),
    Identity("relu less relu turned", "cases", Max(0, a) - Max(0, -a), a, _LATTICE),
    Identity("max scaled", "indicators", Max(p * a, p * b), p * Max(a, b), _LATTICE, "p > 0",
             (Max(c * a, c * b), c * Max(a, b), {a: 1.0, b: 2.0, c: -1.0})),
    Identity("max under exp", "indicators", exp(Max(a, b)), Max(exp(a), exp(b)), "exp is increasing"),
    Identity("max under log", "indicators", log(Max(p, q)), Max(log(p), log(q)), "log is increasing", _POSITIVE),
    Identity("cases as indicators", "constructs", Piecewise((a, a > 1), (b, a > 0), (c, True)),
             a * indicator(a > 1) + b * indicator(a > 0) * indicator(a <= 1) + c * indicator(a <= 0), _IVERSON),
    Identity("softplus of a modulus", "cases", log(exp(a) + exp(b)), Max(a, b) + log(1 + exp(-Abs(a - b))),
             _DLMF + "4.8(i)"),
)  # fmt: skip

_DELTAS = (
    Identity("delta contracted", "sums", _S(KroneckerDelta(k, i) * f[k], k), f[i], _IVERSON, "i in the range of k",
             (_S(KroneckerDelta(k, z) * f[k], k), sympy.S.Zero, {N: 2, K: 2, z: 0})),
    Identity("delta contracted in range only", "sums", _S(KroneckerDelta(k + 1, i), k), indicator(i > 0), _IVERSON, "",
             (_S(KroneckerDelta(k + 1, i), k), sympy.S.One, {K: 2, i: 0})),
    Identity("delta with a stride", "bounds", _S(KroneckerDelta(n * K + k, o) * grid[o], o), grid[n * K + k], _IVERSON,
             "n K + k < N K"),
    Identity("delta of a place in a grid", "bounds", KroneckerDelta(n * K + k, m * K + l),
             KroneckerDelta(n, m) * KroneckerDelta(k, l), _CONCRETE + "3.4 (division with remainder)", "k, l < K",
             (KroneckerDelta(n * K + k + l, m * K), KroneckerDelta(n, m) * KroneckerDelta(k + l, 0),
              {N: 2, K: 2, n: 0, m: 1, k: 1, l: 1})),
    Identity("delta doubled", "products", KroneckerDelta(2 * i, 2 * j), KroneckerDelta(i, j), _IVERSON, "",
             (_S(KroneckerDelta(2 * k, i), k), sympy.S.One, {K: 2, i: 1})),
    Identity("delta of a permutation", "indicators", KroneckerDelta(pi[i], pi[j]), KroneckerDelta(i, j),
             "a permutation is one to one", "pi a permutation",
             (KroneckerDelta(labels_like[i], labels_like[j]), KroneckerDelta(i, j),
              {K: 2, i: 0, j: 1, labels_like: [1, 1]})),
)  # fmt: skip

_SUMS = (
    Identity("product of sums", "sums", _S(f[k], k) * _S(g[n], n), _S(f[k] * g[n], k, n), _CONCRETE + "2.4"),
    Identity("sum of a constant", "sums", _S(a, k), K * a, _CONCRETE + "2.3"),
    Identity("sum turned round", "ranges", _S(f[K - 1 - k] * h[k], k), _S(f[k] * h[K - 1 - k], k), _CONCRETE + "2.3"),
    Identity("sum over a permutation", "ranges", _S(f[pi[k]] * h[pi[k]], k), _S(f[k] * h[k], k), _CONCRETE + "2.3",
             "pi a permutation",
             (_S(f[labels_like[k]], k), _S(f[k], k), {K: 2, labels_like: [1, 1], f: [1.0, 2.0]})),
    Identity("sum of the first numbers", "ranges", _S(k, k), K * (K - 1) / 2, _CONCRETE + "2.5"),
    Identity("sum of squares", "ranges", _S(k**2, k), K * (K - 1) * (2 * K - 1) / 6, _CONCRETE + "2.5"),
    Identity("positions counted", "ranges", _S(indicator(k <= i), k), i + 1, _IVERSON, "i < K",
             (_S(indicator(k <= z), k), z + 1, {K: 1, N: 2, z: 2})),
    Identity("sum split", "splitting", _S(wide[e], e), _S(wide[n], n) + _S(wide[N + mm], mm), _CONCRETE + "2.3"),
    Identity("sum over a grid", "splitting", _S(grid[o], o), _S(grid[n * K + k], n, k), _CONCRETE + "2.4"),
    Identity("telescope", "splitting", _S(longer[n + 1] - longer[n], n), longer[N] - longer[0], _CONCRETE + "2.6"),
    Identity("first term apart", "boundaries", _S(f[k], k) - _S(indicator(k > 0) * f[k], k), f[0], _CONCRETE + "2.3"),
    Identity("last term apart", "boundaries", _S(f[k], k) - _S(indicator(k < K - 1) * f[k], k), f[K - 1],
             _CONCRETE + "2.3"),
    Identity("shift inside the range", "boundaries", _S(indicator(k > 0) * f[k - 1] * h[k], k),
             _S(indicator(k < K - 1) * f[k] * h[k + 1], k), _CONCRETE + "2.3"),
    Identity("correlation turned round", "boundaries", _S(indicator(k >= l) * h[k] * f[k - l], k),
             _S(indicator(k + l < K) * h[k + l] * f[k], k), _CONCRETE + "2.4", "l >= 0"),
    Identity("triangle of a symmetric square", "boundaries", 2 * _S(indicator(k < l) * f[k] * f[l], k, l),
             _S(f[k], k) ** 2 - _S(f[k] ** 2, k), _CONCRETE + "2.4", "a symmetric body",
             (2 * _S(indicator(k < l) * f[k] * h[l], k, l), _S(f[k], k) * _S(h[k], k) - _S(f[k] * h[k], k),
              {K: 2, f: [1.0, 0.0], h: [0.0, 1.0]})),
    Identity("geometric progression", "boundaries", (1 - a) * _S(a**k, k), 1 - a**K, _CONCRETE + "2.5", "a != 1"),
    Identity("sums joined", "joining", _S(u[k] / (1 + u[k]), k) + _S(1 / (1 + u[k]), k), K, _CONCRETE + "2.3"),
    Identity("partial fractions under sums", "joining", _S(1 / (u[k] * (1 + u[k])), k),
             _S(1 / u[k], k) - _S(1 / (1 + u[k]), k), _CONCRETE + "2.3"),
    Identity("antisymmetric double sum", "joining", _S(sin(g[n] - g[m]), n, m), sympy.S.Zero, _CONCRETE + "2.4"),
    Identity("Lagrange's identity", "sums", _S((f[k] * h[l] - f[l] * h[k]) ** 2, k, l) / 2,
             _S(f[k] ** 2, k) * _S(h[k] ** 2, k) - _S(f[k] * h[k], k) ** 2, _HLP + "2.4"),
    Identity("variance", "sums", _S((g[n] - _S(g[m], m) / N) ** 2, n) / N,
             _S(g[n] ** 2, n) / N - (_S(g[n], n) / N) ** 2, _HLP + "2.4"),
)  # fmt: skip

_FRACTIONS = (
    Identity("common denominator", "clearing", a / p + Rational(1, 3), (p + 3 * a) / (3 * p), "field axioms"),
    Identity("nested fraction", "clearing", 1 / (1 + 1 / (1 + p)), (1 + p) / (2 + p), "field axioms", "1 + p != 0"),
    Identity("fraction as an argument", "joining", erf(a / p + Rational(1, 3)), erf((p + 3 * a) / (3 * p)),
             "equals may be put for equals"),
    Identity("value of what is held constant", "prove", stop_gradient(a) * b, a * b,
             "stop_gradient is the identity but for its derivative", "no derivative to be taken",
             (sympy.Derivative(stop_gradient(f[i]), f[i]), sympy.Derivative(f[i], f[i]), {K: 1, i: 0, f: [1.0]})),
)  # fmt: skip

#: All of them, in the order of the rooms.
IDENTITIES: tuple[Identity, ...] = (
    *_FRACTIONS, *_EXP_LOG, *_ROOTS, *THROUGH_EXP.values(), *_SIGMOIDS, *_ODD_RULES, *_EVEN_RULES, *_ANGLES,
    *_LATTICE_RULES, *_DELTAS, *_SUMS,
)  # fmt: skip
