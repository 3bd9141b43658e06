"""Finite sums: closed forms, double sums, summation by parts, symmetric functions, algebraic identities."""

from __future__ import annotations

from sympy import Abs, Max, Min, exp, log, sqrt

import symnn as sn

from .record import Identity, Shelf, delta

__all__ = ["identities"]

CONCRETE = "Graham, Knuth & Patashnik 1994, Concrete Mathematics"
HARDY = "Hardy, Littlewood & Polya 1934, Inequalities, ch. 2"
STEELE = "Steele 2004, The Cauchy-Schwarz Master Class, ch. 3 (Lagrange's identity)"
MACDONALD = "Macdonald 1995, Symmetric Functions and Hall Polynomials, sec. I.2"
S = sn.sum


def identities() -> list[Identity]:
    put = Shelf("cited")
    _closed(put)
    _double(put)
    _moved(put)
    _squares(put)
    _symmetric(put)
    _polynomials(put)
    return put.items


def _closed(put: Shelf) -> None:
    N, M = sn.dims("N M")
    k, j, i, m = sn.index("k", N), sn.index("j", N), sn.index("i", N), sn.index("m", M)
    r, a = sn.scalars("r", positive=True), sn.input("a", (N,))
    text = f"{CONCRETE}, sec. 2.3 and 2.5 (closed forms)"
    put(text, "whole numbers", S(k, k), N * (N - 1) / 2)
    put(text, "squares", S(k**2, k), N * (N - 1) * (2 * N - 1) / 6)
    put(text, "cubes are the square of the sum", S(k**3, k), S(k, k) ** 2)
    put(text, "a constant", S(a[k] * 0 + r, k), N * r)
    put(text, "arithmetic progression", S(r + k * sn.scalars("b"), k), N * r + sn.scalars("b") * N * (N - 1) / 2)
    put(text, "geometric progression", S(r**k, k) * (1 - r), 1 - r**N)
    put(text, "telescoping", S(sn.indicator(k < N - 1) * (a[k + 1] - a[k]), k), a[N - 1] - a[0])
    put(text, "falling steps of partial fractions", S(1 / ((k + 1) * (k + 2)), k), N / (N + 1))
    put(text, "pairs below the diagonal", S(sn.indicator(j < k), j, k), N * (N - 1) / 2)
    put(text, "numbers of two independent places", S(k + m, k, m), M * S(k, k) + N * S(m, m))
    put(text, "an even and an odd part", S((k + i) ** 2 - (k - i) ** 2, k, i), 4 * S(k, k) ** 2)


def _double(put: Shelf) -> None:
    N, M = sn.dims("N M")
    a, b, A = sn.input("a", (N,)), sn.input("b", (N,)), sn.input("A", (N, M))
    u, v = sn.input("u", (M,)), sn.input("v", (M,))
    j, k, l, m, n = sn.index("j", N), sn.index("k", N), sn.index("l", N), sn.index("m", M), sn.index("n", M)
    text = f"{CONCRETE}, sec. 2.4 (multiple sums)"
    put(text, "general distributive law", S(a[j] * u[m], j, m), S(a[k], k) * S(u[n], n))
    put(text, "interchanged order", S(S(A[j, m] * a[j], m), j), S(S(A[k, n] * a[k], k), n))
    put(text, "an upper triangle of products", S(sn.indicator(j <= k) * a[j] * a[k], j, k),
        (S(a[l], l) ** 2 + S(a[l] ** 2, l)) / 2)  # fmt: skip
    put(text, "both triangles share the diagonal",
        S(sn.indicator(j <= k) * a[j] * b[k], j, k) + S(sn.indicator(k <= j) * a[j] * b[k], j, k),
        S(a[j], j) * S(b[k], k) + S(a[l] * b[l], l))  # fmt: skip
    put(text, "an interchanged triangle", S(a[j] * S(sn.indicator(k <= j) * b[k], k), j),
        S(b[k] * S(sn.indicator(k <= j) * a[j], j), k))  # fmt: skip
    put(f"{text}, Chebyshev", "monotonic sums",
        S(sn.indicator(j < k) * (a[k] - a[j]) * (b[k] - b[j]), j, k),
        N * S(a[l] * b[l], l) - S(a[l], l) * S(b[l], l))  # fmt: skip
    put(f"{text}, Chebyshev", "over all pairs", S((a[k] - a[j]) * (b[k] - b[j]), j, k) / 2,
        N * S(a[l] * b[l], l) - S(a[l], l) * S(b[l], l))  # fmt: skip
    put(text, "a sum of two independent terms", S(a[j] + u[m], j, m), M * S(a[j], j) + N * S(u[m], m))
    put(
        text,
        "the square of a trinomial sum",
        S(a[j] + b[j] + 1, j) ** 2,
        S(a[j], j) ** 2 + S(b[j], j) ** 2 + N**2 + 2 * (S(a[j], j) * S(b[k], k) + N * S(a[j], j) + N * S(b[j], j)),
    )
    put(text, "a delta picks a term", S(delta(j, l) * a[j] * b[k] * delta(k, l), j, k), a[l] * b[l])
    put(text, "off the diagonal", S((1 - delta(j, k)) * a[j] * b[k], j, k), S(a[j], j) * S(b[k], k) - S(a[l] * b[l], l))
    put(
        text,
        "logs turn exponentials of sums round",
        log(exp(S(u[m], m)) * (1 + S(v[m], m) ** 2)),
        S(u[n], n) + log(1 + S(v[n], n) ** 2),
    )


def _moved(put: Shelf) -> None:
    N, P = sn.dims("N P")
    a, b, c = sn.input("a", (N,)), sn.input("b", (N,)), sn.input("c", (2 * P,))
    k, j, p, q = sn.index("k", N), sn.index("j", N), sn.index("p", P), sn.index("q", 2 * P)
    text = f"{CONCRETE}, sec. 2.3 (manipulation of sums)"
    put(text, "reversed order", S(a[N - 1 - k], k), S(a[k], k))
    put(text, "reversed products", S(a[N - 1 - k] * b[k], k), S(a[j] * b[N - 1 - j], j))
    put(text, "even and odd places", S(c[2 * p], p) + S(c[2 * p + 1], p), S(c[q], q))
    put(text, "the first term taken apart", S(a[k], k), a[0] + S(sn.indicator(k > 0) * a[k], k))
    put(text, "the last term taken apart", S(a[k], k), a[N - 1] + S(sn.indicator(k < N - 1) * a[k], k))
    put(
        text,
        "a shifted variable",
        S(sn.indicator(k > 0) * a[k - 1] * b[k], k),
        S(sn.indicator(j < N - 1) * a[j] * b[j + 1], j),
    )
    put(text, "numbers against their reverse", S(k * a[k], k) + S((N - 1 - k) * a[k], k), (N - 1) * S(a[k], k))
    put(f"{CONCRETE}, sec. 2.6 (summation by parts)", "summation by parts",
        S(sn.indicator(k < N - 1) * a[k] * (b[k + 1] - b[k]), k),
        a[N - 1] * b[N - 1] - a[0] * b[0] - S(sn.indicator(j < N - 1) * b[j + 1] * (a[j + 1] - a[j]), j))  # fmt: skip
    put(
        text,
        "each term counted as often as it is reached",
        S(S(sn.indicator(k <= j) * a[k], k), j),
        S((N - j) * a[j], j),
    )


def _squares(put: Shelf) -> None:
    N = sn.dims("N")
    a, b, c, e = (sn.input(name, (N,)) for name in "abce")
    j, k, l, m = sn.indices("j k l m")
    put(STEELE, "Lagrange's identity", S(a[l] ** 2, l) * S(b[l] ** 2, l) - S(a[l] * b[l], l) ** 2,
        S((a[j] * b[k] - a[k] * b[j]) ** 2, j, k) / 2)  # fmt: skip
    put(
        STEELE,
        "Binet and Cauchy's identity",
        S(a[l] * c[l], l) * S(b[l] * e[l], l) - S(a[l] * e[l], l) * S(b[l] * c[l], l),
        S((a[j] * b[k] - a[k] * b[j]) * (c[j] * e[k] - c[k] * e[j]), j, k) / 2,
    )
    t = sn.scalars("t")
    put(STEELE, "the discriminant's quadratic", S((a[l] - t * b[l]) ** 2, l),
        S(a[l] ** 2, l) - 2 * t * S(a[l] * b[l], l) + t**2 * S(b[l] ** 2, l))  # fmt: skip
    put(STEELE, "the best multiple", S((a[l] - b[l] * S(a[k] * b[k], k) / S(b[m] ** 2, m)) ** 2, l),
        S(a[l] ** 2, l) - S(a[l] * b[l], l) ** 2 / S(b[l] ** 2, l))  # fmt: skip
    put(STEELE, "normalised vectors", 1 - S(a[l] * b[l], l) / (sqrt(S(a[k] ** 2, k)) * sqrt(S(b[m] ** 2, m))),
        S((a[j] / sqrt(S(a[k] ** 2, k)) - b[j] / sqrt(S(b[m] ** 2, m))) ** 2, j) / 2)  # fmt: skip
    put(
        HARDY,
        "the quadratic mean beside the mean",
        S(a[l] ** 2, l) / N - (S(a[l], l) / N) ** 2,
        S((a[j] - a[k]) ** 2, j, k) / (2 * N**2),
    )
    u, w = sn.input("u", (N,), positive=True), sn.input("w", (N,), positive=True)
    put(
        HARDY,
        "the arithmetic and harmonic mean",
        S(u[l], l) * S(1 / u[l], l) - N**2,
        S((u[j] - u[k]) ** 2 / (u[j] * u[k]), j, k) / 2,
    )
    put(HARDY, "Cauchy's inequality in Engel's form", S(a[l] ** 2 / u[l], l) - S(a[l], l) ** 2 / S(u[l], l),
        S(u[j] * (a[j] / u[j] - S(a[l], l) / S(u[m], m)) ** 2, j))  # fmt: skip
    put(HARDY, "minimum and maximum share a sum", S(Max(a[l], b[l]) + Min(a[l], b[l]), l), S(a[l], l) + S(b[l], l))
    put(
        HARDY, "the largest distance taken apart", S(Abs(a[l] - b[l]), l), S(Max(a[l], b[l]), l) - S(Min(a[l], b[l]), l)
    )
    put(HARDY, "a weighted quadratic mean", S(w[l], l) * S(w[l] * a[l] ** 2, l) - S(w[l] * a[l], l) ** 2,
        S(w[j] * w[k] * (a[j] - a[k]) ** 2, j, k) / 2)  # fmt: skip


def _symmetric(put: Shelf) -> None:
    N = sn.dims("N")
    x = sn.input("x", (N,))
    i, j, k = sn.indices("i j k")
    p1, p2, p3 = (S(x[i] ** power, i) for power in (1, 2, 3))
    put(MACDONALD, "second elementary function", S(sn.indicator(j < k) * x[j] * x[k], j, k), (p1**2 - p2) / 2)
    put(MACDONALD, "third elementary function, ordered",
        S((1 - delta(i, j)) * (1 - delta(j, k)) * (1 - delta(i, k)) * x[i] * x[j] * x[k], i, j, k),
        p1**3 - 3 * p1 * p2 + 2 * p3)  # fmt: skip
    put(MACDONALD, "squares times the others", S((1 - delta(j, k)) * x[j] ** 2 * x[k], j, k), p2 * p1 - p3)


def _polynomials(put: Shelf) -> None:
    a, b, c, e = (sn.input(name, ())[()] for name in "abce")
    x = sn.input("x", (), positive=True)[()]
    text = "Dickson 1919, History of the Theory of Numbers, vol. II"
    put(text, "two squares", (a**2 + b**2) * (c**2 + e**2), (a * c - b * e) ** 2 + (a * e + b * c) ** 2)
    f, g, h, i = (sn.input(name, ())[()] for name in "fghi")
    put(text, "four squares", (a**2 + b**2 + c**2 + e**2) * (f**2 + g**2 + h**2 + i**2),
        (a * f + b * g + c * h + e * i) ** 2 + (a * g - b * f + c * i - e * h) ** 2
        + (a * h - b * i - c * f + e * g) ** 2 + (a * i + b * h - c * g - e * f) ** 2)  # fmt: skip
    put(text, "Sophie Germain", a**4 + 4 * b**4, (a**2 + 2 * b**2 + 2 * a * b) * (a**2 + 2 * b**2 - 2 * a * b))
    put(text, "three cubes", a**3 + b**3 + c**3 - 3 * a * b * c,
        (a + b + c) * ((a - b) ** 2 + (b - c) ** 2 + (c - a) ** 2) / 2)  # fmt: skip
    put(
        f"{CONCRETE}, sec. 5.1 (binomials)",
        "fourth power",
        (a + b) ** 4,
        a**4 + 4 * a**3 * b + 6 * a**2 * b**2 + 4 * a * b**3 + b**4,
    )
    put(f"{CONCRETE}, sec. 2.6 (partial fractions)", "1/(x (x + 1))", 1 / (x * (x + 1)), 1 / x - 1 / (x + 1))
    put("Knuth 1997, The Art of Computer Programming, vol. 1, sec. 1.2.3", "Lagrange's sum of three fractions",
        a**2 / ((a - b) * (a - c)) + b**2 / ((b - a) * (b - c)) + c**2 / ((c - a) * (c - b)), 1)  # fmt: skip
    put("Knuth 1997, The Art of Computer Programming, vol. 1, sec. 1.2.3", "and with first powers",
        a / ((a - b) * (a - c)) + b / ((b - a) * (b - c)) + c / ((c - a) * (c - b)), 0)  # fmt: skip
    put(
        "Euclid, Elements, book II (geometric algebra)",
        "the difference of two squares",
        (a + b) ** 2 - (a - b) ** 2,
        4 * a * b,
    )
