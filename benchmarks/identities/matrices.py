"""Matrix calculus and matrix algebra, written entry by entry."""

from __future__ import annotations

from typing import Any

from sympy import Rational, sqrt

import symnn as sn

from .record import Identity, Shelf, d, delta

__all__ = ["identities"]

COOKBOOK = "Petersen & Pedersen 2012, The Matrix Cookbook"
FIRST, SECOND = f"{COOKBOOK}, sec. 2.4 (linear and quadratic forms)", f"{COOKBOOK}, sec. 2.5 (traces)"
NORMS = f"{COOKBOOK}, sec. 2.6 and 2.7 (norms)"
MAGNUS = "Magnus & Neudecker 1999, Matrix Differential Calculus"
HORN = "Horn & Johnson 1991, Topics in Matrix Analysis, sec. 5.1"
GOLUB = "Golub & Van Loan 1996, Matrix Computations"

S = sn.sum


def identities() -> list[Identity]:
    put = Shelf("cited")
    _forms(put)
    _traces(put)
    _norms(put)
    _products(put)
    _inverses(put)
    _small(put)
    return put.items


def _forms(put: Shelf) -> None:
    M, N, P = sn.dims("M N P")
    a, b, c, e, x = (
        sn.input("a", (M,)),
        sn.input("b", (N,)),
        sn.input("c", (N,)),
        sn.input("e", (M,)),
        sn.input("x", (N,)),
    )
    X, Y, B, Q = sn.input("X", (M, N)), sn.input("Y", (N, M)), sn.input("B", (N, N)), sn.input("Q", (M, M))
    i, j, k, l, m, n, p, q = sn.indices("i j k l m n p q")
    put(FIRST, "a^T X b by X", d(S(a[i] * X[i, j] * b[j], i, j), X[m, n]), a[m] * b[n])
    put(FIRST, "a^T Y^T b by Y", d(S(a[i] * Y[j, i] * b[j], i, j), Y[m, n]), b[m] * a[n])
    put(FIRST, "the sum of all entries, squared", d(S(X[i, j] * X[k, l], i, j, k, l), X[m, n]), 2 * S(X[i, j], i, j))
    put(FIRST, "b^T X^T X c by X", d(S(b[i] * X[k, i] * X[k, j] * c[j], i, j, k), X[m, n]),
        S(X[m, j] * (b[j] * c[n] + c[j] * b[n]), j))  # fmt: skip
    put(FIRST, "x^T B x by x", d(S(x[i] * B[i, j] * x[j], i, j), x[m]), S((B[m, j] + B[j, m]) * x[j], j))
    put(FIRST, "b^T X^T Q X c by X", d(S(b[i] * X[k, i] * Q[k, l] * X[l, j] * c[j], i, j, k, l), X[m, n]),
        S(Q[k, m] * X[k, i] * b[i], k, i) * c[n] + S(Q[m, k] * X[k, i] * c[i], k, i) * b[n])  # fmt: skip

    def residual(k: Any, i: Any) -> Any:
        return S(X[k, i] * b[i], i) + e[k]

    put(FIRST, "(X b + e)^T Q (X b + e) by X", d(S(residual(k, i) * Q[k, l] * residual(l, j), k, l), X[m, n]),
        S((Q[m, k] + Q[k, m]) * residual(k, i), k) * b[n])  # fmt: skip
    put(FIRST, "entry k, l of X^T Q X by X", d(S(X[i, k] * Q[i, j] * X[j, l], i, j), X[m, n]),
        delta(l, n) * S(X[i, k] * Q[i, m], i) + delta(k, n) * S(Q[m, j] * X[j, l], j))  # fmt: skip
    A, s, w = sn.input("A", (P, N)), sn.input("s", (N,)), sn.input("W", (P, P))
    y = sn.input("y", (P,))

    def off(k: Any, i: Any) -> Any:
        return y[k] - S(A[k, i] * s[i], i)

    fit = S(off(k, i) * w[k, l] * off(l, j), k, l)
    symmetric = (w[p, q], w[q, p])

    def mirrored(values: dict[str, Any]) -> dict[str, Any]:
        values["W"] = values["W"] + values["W"].T
        return values

    put(FIRST, "weighted least squares by s, W symmetric", d(fit, s[n]),
        -2 * S(A[k, n] * w[k, l] * off(l, j), k, l), symmetric, draw=mirrored)  # fmt: skip
    put(FIRST, "weighted least squares by A, W symmetric", d(fit, A[m, n]),
        -2 * S(w[m, l] * off(l, j), l) * s[n], symmetric, draw=mirrored)  # fmt: skip
    put(FIRST, "weighted least squares by s, any W", d(fit, s[n]),
        -S(A[k, n] * (w[k, l] + w[l, k]) * off(l, j), k, l))  # fmt: skip
    C, D, f = sn.input("C", (P, M)), sn.input("D", (M, N)), sn.input("f", (P,))

    def first(k: Any, i: Any) -> Any:
        return S(A[k, i] * x[i], i) + f[k]

    def second(l: Any, j: Any) -> Any:
        return S(D[l, j] * x[j], j) + e[l]

    put(FIRST, "(A x + f)^T C (D x + e) by x", d(S(first(k, i) * C[k, l] * second(l, j), k, l), x[n]),
        S(A[k, n] * C[k, l] * second(l, j), k, l) + S(D[l, n] * C[k, l] * first(k, i), k, l))  # fmt: skip


def _traces(put: Shelf) -> None:
    M, N, P, Q = sn.dims("M N P Q")
    X, A, B = sn.input("X", (M, N)), sn.input("A", (P, M)), sn.input("B", (N, P))
    Z, F, G = sn.input("Z", (N, N)), sn.input("F", (N, N)), sn.input("G", (N, N))
    L, R = sn.input("L", (M, M)), sn.input("R", (N, N))
    i, j, k, l, m, n, r = sn.indices("i j k l m n r")
    put(SECOND, "trace(Z) by Z", d(S(Z[i, i], i), Z[m, n]), delta(m, n))
    put(SECOND, "trace(A X B) by X", d(S(A[i, j] * X[j, k] * B[k, i], i, j, k), X[m, n]), S(A[i, m] * B[n, i], i))
    U = sn.input("U", (N, M))
    put(SECOND, "trace(A U^T B) by U", d(S(A[i, j] * U[k, j] * B[k, i], i, j, k), U[m, n]), S(B[m, i] * A[i, n], i))
    put(SECOND, "trace(Z^2) by Z", d(S(Z[i, j] * Z[j, i], i, j), Z[m, n]), 2 * Z[n, m])
    put(SECOND, "trace(Z^2 F) by Z", d(S(Z[i, j] * Z[j, k] * F[k, i], i, j, k), Z[m, n]),
        S(Z[n, k] * F[k, m], k) + S(F[n, k] * Z[k, m], k))  # fmt: skip
    put(SECOND, "trace(X^T L X) by X", d(S(X[i, k] * L[i, j] * X[j, k], i, j, k), X[m, n]),
        S((L[m, j] + L[j, m]) * X[j, n], j))  # fmt: skip
    put(SECOND, "trace(X R X^T) by X", d(S(X[i, j] * R[j, k] * X[i, k], i, j, k), X[m, n]),
        S(X[m, k] * (R[k, n] + R[n, k]), k))  # fmt: skip
    put(SECOND, "trace(F Z G Z) by Z", d(S(F[i, j] * Z[j, k] * G[k, l] * Z[l, i], i, j, k, l), Z[m, n]),
        S(F[i, m] * G[n, k] * Z[k, i], i, k) + S(G[i, m] * F[n, k] * Z[k, i], i, k))  # fmt: skip
    put(SECOND, "trace(X^T L X R) by X", d(S(X[i, k] * L[i, j] * X[j, l] * R[l, k], i, j, k, l), X[m, n]),
        S(L[m, j] * X[j, l] * R[l, n] + L[j, m] * X[j, l] * R[n, l], j, l))  # fmt: skip
    put(SECOND, "trace of a cube by Z", d(S(Z[i, j] * Z[j, k] * Z[k, i], i, j, k), Z[m, n]),
        3 * S(Z[n, k] * Z[k, m], k))  # fmt: skip
    C = sn.input("C", (P, Q))
    E = sn.input("E", (N, Q))

    def error(i: Any, j: Any) -> Any:
        return S(A[i, k] * X[k, l] * E[l, j], k, l) + C[i, j]

    put(SECOND, "|A X E + C|_F^2 by X", d(S(error(i, j) ** 2, i, j), X[m, n]),
        2 * S(A[i, m] * error(i, j) * E[n, j], i, j))  # fmt: skip
    put(f"{MAGNUS}, ch. 1 (traces)", "trace(F Z G) = trace(G F Z)",
        S(F[i, j] * Z[j, k] * G[k, i], i, j, k), S(G[i, j] * F[j, k] * Z[k, i], i, j, k))  # fmt: skip
    put(f"{MAGNUS}, ch. 1 (traces)", "a commutator has trace 0",
        S(S(F[i, j] * G[j, i], j) - S(G[i, j] * F[j, i], j), i), 0)  # fmt: skip
    put(f"{MAGNUS}, ch. 2 (vec)", "trace(F^T G) is the inner product of the entries",
        S(delta(i, j) * S(F[k, i] * G[k, j], k), i, j), S(F[m, n] * G[m, n], m, n))  # fmt: skip
    x = sn.input("x", (N,))
    put(f"{MAGNUS}, ch. 1 (quadratic forms)", "a quadratic form sees the symmetric part only",
        S(x[i] * Z[i, j] * x[j], i, j), S(x[i] * (Z[i, j] + Z[j, i]) / 2 * x[j], i, j))  # fmt: skip
    put(f"{MAGNUS}, ch. 1 (quadratic forms)", "a skew form vanishes", S(x[i] * (Z[i, j] - Z[j, i]) * x[j], i, j), 0)


def _norms(put: Shelf) -> None:
    M, N = sn.dims("M N")
    x, a, X, Y = sn.input("x", (N,)), sn.input("a", (N,)), sn.input("X", (M, N)), sn.input("Y", (M, N))
    i, j, k, m, n = sn.indices("i j k m n")
    norm = sqrt(S((x[k] - a[k]) ** 2, k))
    put(NORMS, "a distance by x", d(norm, x[m]), (x[m] - a[m]) / norm)
    put(NORMS, "a unit difference by x", d((x[i] - a[i]) / norm, x[m]),
        delta(i, m) / norm - (x[i] - a[i]) * (x[m] - a[m]) / norm**3)  # fmt: skip
    put(NORMS, "|X|_F^2 by X", d(S(X[i, j] ** 2, i, j), X[m, n]), 2 * X[m, n])
    put(NORMS, "|X|_F by X", d(sqrt(S(X[i, j] ** 2, i, j)), X[m, n]), X[m, n] / sqrt(S(X[i, j] ** 2, i, j)))
    put(NORMS, "a squared distance between matrices by X", d(S((X[i, j] - Y[i, j]) ** 2, i, j), X[m, n]),
        2 * (X[m, n] - Y[m, n]))  # fmt: skip
    put(f"{MAGNUS}, ch. 1 (norms)", "parallelogram law",
        S((x[i] + a[i]) ** 2, i) + S((x[i] - a[i]) ** 2, i), 2 * S(x[i] ** 2, i) + 2 * S(a[i] ** 2, i))  # fmt: skip
    put(f"{MAGNUS}, ch. 1 (norms)", "polarisation",
        S(x[i] * a[i], i), (S((x[i] + a[i]) ** 2, i) - S((x[i] - a[i]) ** 2, i)) / 4)  # fmt: skip
    put(f"{MAGNUS}, ch. 1 (norms)", "a squared distance by inner products",
        S((x[i] - a[i]) ** 2, i), S(x[i] ** 2, i) - 2 * S(x[i] * a[i], i) + S(a[i] ** 2, i))  # fmt: skip
    A = sn.input("A", (N, N))
    quotient = S(x[i] * x[j] * A[i, j], i, j) / S(x[i] ** 2, i)
    put(f"{GOLUB}, sec. 8.2 (Rayleigh quotient)", "its gradient", d(quotient, x[m]),
        (S((A[m, j] + A[j, m]) * x[j], j) - 2 * quotient * x[m]) / S(x[k] ** 2, k))  # fmt: skip


def _products(put: Shelf) -> None:
    M, N = sn.dims("M N")
    A, B, x, y = sn.input("A", (M, N)), sn.input("B", (M, N)), sn.input("x", (M,)), sn.input("y", (N,))
    i, j, k, l, m, n = sn.indices("i j k l m n")
    put(HORN, "x^T (A o B) y = trace(D_x A D_y B^T)",
        S(x[i] * A[i, j] * B[i, j] * y[j], i, j),
        S(delta(i, k) * S(x[i] * A[i, j] * y[j] * B[k, j], j), i, k))  # fmt: skip
    put(HORN, "row sums of A o B D_y are the diagonal of A D_y B^T",
        S(A[i, j] * B[i, j] * y[j], j), S(delta(i, k) * A[i, j] * y[j] * B[k, j], k, j))  # fmt: skip
    put(HORN, "rank one: u v^T o A = D_u A D_v", x[i] * y[j] * A[i, j],
        S(delta(i, k) * x[i] * A[k, l] * y[l] * delta(l, j), k, l))  # fmt: skip
    P, Q, R, T = (sn.input(name, (N, N)) for name in "PQRT")

    def commutator(F: Any, G: Any, i: Any, j: Any) -> Any:
        t = sn.index("t")
        return S(F(i, t) * G(t, j) - G(i, t) * F(t, j), t)

    def entry(T: Any) -> Any:
        return lambda i, j: T[i, j]

    p, q, r = entry(P), entry(Q), entry(R)

    def nested(a: Any, b: Any, c: Any) -> Any:
        return commutator(a, lambda u, v: commutator(b, c, u, v), i, j)

    put(
        f"{MAGNUS}, ch. 1 (products)",
        "Jacobi identity of commutators",
        nested(p, q, r) + nested(q, r, p) + nested(r, p, q),
        0,
    )
    put(f"{MAGNUS}, ch. 1 (products)", "matrix products associate",
        S(S(P[i, k] * Q[k, l], k) * R[l, j], l), S(P[i, k] * S(Q[k, l] * R[l, j], l), k))  # fmt: skip
    put(
        f"{MAGNUS}, ch. 2 (Kronecker product)",
        "mixed product, contracted",
        S(P[i, k] * T[m, l] * (R[k, j] * Q[l, n]), k, l),
        S(P[i, k] * R[k, j], k) * S(T[m, l] * Q[l, n], l),
    )
    put(f"{MAGNUS}, ch. 1 (products)", "(P + Q)^2 - (P - Q)^2 = 2 (P Q + Q P)",
        S((P[i, k] + Q[i, k]) * (P[k, j] + Q[k, j]), k) - S((P[i, k] - Q[i, k]) * (P[k, j] - Q[k, j]), k),
        2 * S(P[i, k] * Q[k, j] + Q[i, k] * P[k, j], k))  # fmt: skip


def _inverses(put: Shelf) -> None:
    N = sn.dims("N")
    u, v, s = sn.input("u", (N,)), sn.input("v", (N,)), sn.input("s", (N,), positive=True)
    c = sn.scalars("c", positive=True)
    i, j, k, l = sn.indices("i j k l")
    square = S(v[l] ** 2, l)

    def reflector(i: Any, j: Any) -> Any:
        return delta(i, j) - 2 * v[i] * v[j] / square

    put(f"{GOLUB}, sec. 5.1 (Householder)", "a reflection is its own inverse",
        S(reflector(i, k) * reflector(k, j), k), delta(i, j))  # fmt: skip
    put(f"{GOLUB}, sec. 5.1 (Householder)", "it turns v round", S(reflector(i, k) * v[k], k), -v[i])
    put(f"{GOLUB}, sec. 2.6 (projections)", "v v^T / v^T v is idempotent",
        S(v[i] * v[k] / square * (v[k] * v[j] / square), k), v[i] * v[j] / square)  # fmt: skip
    put(f"{GOLUB}, sec. 2.6 (projections)", "what is left is orthogonal to v",
        S(v[i] * (u[i] - v[i] * S(v[k] * u[k], k) / square), i), 0)  # fmt: skip
    put(
        f"{GOLUB}, sec. 2.1 (Sherman-Morrison)",
        "A the identity",
        S((delta(i, k) + u[i] * v[k]) * (delta(k, j) - u[k] * v[j] / (1 + S(u[l] * v[l], l))), k),
        delta(i, j),
    )
    put(
        f"{GOLUB}, sec. 2.1 (Sherman-Morrison)",
        "A diagonal",
        S(
            (delta(i, k) * s[i] + u[i] * v[k])
            * (delta(k, j) / s[j] - u[k] / s[k] * v[j] / s[j] / (1 + S(u[l] * v[l] / s[l], l))),
            k,
        ),
        delta(i, j),
    )
    put(f"{GOLUB}, sec. 2.1 (Sherman-Morrison)", "a solution of (D + u v^T) x = b",
        S((delta(i, k) * s[i] + u[i] * v[k])
          * (1 / s[k] - u[k] / s[k] * S(v[j] / s[j], j) / (1 + S(v[l] * u[l] / s[l], l))), k), 1)  # fmt: skip
    put(f"{COOKBOOK}, sec. 3.2 (Woodbury)", "ridge by the dual, rank one",
        u[i] / (c + S(u[l] ** 2, l)),
        S((delta(i, j) - u[i] * u[j] / (c + S(u[l] ** 2, l))) * u[j], j) / c)  # fmt: skip
    put(f"{COOKBOOK}, sec. 3.2 (Woodbury)", "the quadratic form of an updated diagonal inverse",
        S(u[i] * (delta(i, j) / s[i] - u[i] / s[i] * u[j] / s[j] / (1 + S(u[l] ** 2 / s[l], l))) * u[j], i, j),
        1 - 1 / (1 + S(u[k] ** 2 / s[k], k)))  # fmt: skip


def _small(put: Shelf) -> None:
    A, B = sn.input("A", (2, 2)), sn.input("B", (2, 2))
    i, j = sn.index("i", 2), sn.index("j", 2)
    k = sn.index("k", 2)

    def det(T: Any) -> Any:
        return T[0, 0] * T[1, 1] - T[0, 1] * T[1, 0]

    put(f"{COOKBOOK}, sec. 1.3 (2 x 2)", "Cayley-Hamilton",
        S(A[i, k] * A[k, j], k) - (A[0, 0] + A[1, 1]) * A[i, j] + det(A) * delta(i, j), 0)  # fmt: skip
    put(f"{COOKBOOK}, sec. 1.3 (2 x 2)", "the determinant by traces",
        det(A), ((A[0, 0] + A[1, 1]) ** 2 - S(A[i, j] * A[j, i], i, j)) / 2)  # fmt: skip
    prod = [[sum(A[r, t] * B[t, c] for t in range(2)) for c in range(2)] for r in range(2)]
    put(f"{COOKBOOK}, sec. 1.3 (2 x 2)", "det(A B) = det A det B",
        prod[0][0] * prod[1][1] - prod[0][1] * prod[1][0], det(A) * det(B))  # fmt: skip
    put(
        f"{COOKBOOK}, sec. 1.3 (2 x 2)",
        "its eigenvalues' product",
        ((A[0, 0] + A[1, 1]) ** 2 * Rational(1, 4) - ((A[0, 0] - A[1, 1]) ** 2 / 4 + A[0, 1] * A[1, 0])),
        det(A),
    )
