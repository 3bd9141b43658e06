"""Optimisation: quadratic models, descent, quasi-Newton updates, momentum, barriers, proximal steps."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Max, Min, exp, log, sqrt

import symnn as sn

from .record import Identity, Shelf, d, delta

__all__ = ["identities"]

BOYD = "Boyd & Vandenberghe 2004, Convex Optimization"
NOCEDAL = "Nocedal & Wright 2006, Numerical Optimization"
NESTEROV = "Nesterov 2004, Introductory Lectures on Convex Optimization, ch. 2"
S = sn.sum


def identities() -> list[Identity]:
    put = Shelf("cited")
    _quadratics(put)
    _updates(put)
    _averages(put)
    _barriers(put)
    return put.items


def _mirrored(values: dict[str, Any]) -> dict[str, Any]:
    values["A"] = values["A"] + values["A"].T
    return values


def _quadratics(put: Shelf) -> None:
    N = sn.dims("N")
    A, b, x, p = sn.input("A", (N, N)), sn.input("b", (N,)), sn.input("x", (N,)), sn.input("p", (N,))
    t = sn.scalars("t")
    i, j, k, l, m, q = sn.indices("i j k l m q")
    symmetric = (A[m, q], A[q, m])

    def f(u: Any) -> Any:
        return S(u(i) * A[i, j] * u(j), i, j) / 2 - S(b[i] * u(i), i)

    def at(i: Any) -> Any:
        return x[i]

    def grad(k: Any) -> Any:
        return S(A[k, l] * x[l], l) - b[k]

    put(
        f"{NOCEDAL}, sec. 3.3",
        "the gradient of a quadratic, A symmetric",
        d(f(at), x[k]),
        grad(k),
        symmetric,
        draw=_mirrored,
    )
    put(
        f"{NOCEDAL}, sec. 3.3",
        "along a line, A symmetric",
        f(lambda i: x[i] + t * p[i]),
        f(at) + t * S(grad(k) * p[k], k) + t**2 * S(p[i] * A[i, j] * p[j], i, j) / 2,
        symmetric,
        draw=_mirrored,
    )
    best = S(p[i] * p[i], i) / S(p[i] * A[i, j] * p[j], i, j)
    put(f"{NOCEDAL}, sec. 3.3", "the exact step", S(p[k] ** 2, k) * best - best**2 * S(p[k] * A[k, l] * p[l], k, l) / 2,
        S(p[k] ** 2, k) ** 2 / (2 * S(p[k] * A[k, l] * p[l], k, l)))  # fmt: skip
    put(
        f"{NOCEDAL}, ch. 5 (conjugate gradients)",
        "the new direction is conjugate",
        S((x[i] - p[i] * S(p[k] * A[k, l] * x[l], k, l) / S(p[m] * A[m, q] * p[q], m, q)) * A[j, i] * p[j], i, j),
        0,
    )
    put(f"{NESTEROV} (gradient step)", "a step's distance to any point",
        S((x[i] - t * p[i] - b[i]) ** 2, i),
        S((x[i] - b[i]) ** 2, i) - 2 * t * S(p[i] * (x[i] - b[i]), i) + t**2 * S(p[i] ** 2, i))  # fmt: skip
    put(f"{NESTEROV} (strong convexity)", "a convex combination",
        S((t * x[i] + (1 - t) * p[i]) ** 2, i),
        t * S(x[i] ** 2, i) + (1 - t) * S(p[i] ** 2, i) - t * (1 - t) * S((x[i] - p[i]) ** 2, i))  # fmt: skip
    s = sn.input("s", (N,), positive=True)
    put(f"{BOYD}, sec. 9.5 (Newton)", "one step solves a diagonal quadratic",
        s[k] * (x[k] - (s[k] * x[k] - b[k]) / s[k]), b[k])  # fmt: skip
    put(
        f"{BOYD}, app. A.5 (completing the square)",
        "a diagonal quadratic by its minimiser",
        S(s[i] * x[i] ** 2, i) / 2 - S(b[i] * x[i], i),
        S(s[i] * (x[i] - b[i] / s[i]) ** 2, i) / 2 - S(b[i] ** 2 / s[i], i) / 2,
    )
    u, v, w = sn.scalars("u", positive=True), sn.scalars("v"), sn.scalars("w")
    put(
        f"{BOYD}, app. A.5 (completing the square)",
        "one variable",
        u * v**2 + w * v,
        u * (v + w / (2 * u)) ** 2 - w**2 / (4 * u),
    )


def _updates(put: Shelf) -> None:
    N = sn.dims("N")
    B, s, y = sn.input("A", (N, N)), sn.input("s", (N,)), sn.input("y", (N,))
    i, j, k, l, m, q, r = sn.indices("i j k l m q r")
    a, c, e, f = sn.indices("a c e f")

    def bfgs(i: Any, j: Any) -> Any:
        bs, sb = S(B[i, k] * s[k], k), S(s[l] * B[l, j], l)
        return B[i, j] - bs * sb / S(s[a] * B[a, c] * s[c], a, c) + y[i] * y[j] / S(y[e] * s[e], e)

    put(f"{NOCEDAL}, sec. 6.1", "BFGS satisfies the secant equation", S(bfgs(i, j) * s[j], j), y[i])

    def inverse(i: Any, j: Any) -> Any:
        def left(i: Any, k: Any) -> Any:
            return delta(i, k) - s[i] * y[k] / S(y[e] * s[e], e)

        return S(left(i, k) * B[k, l] * left(j, l), k, l) + s[i] * s[j] / S(y[f] * s[f], f)

    put(f"{NOCEDAL}, sec. 6.1", "the inverse update satisfies the secant equation", S(inverse(i, j) * y[j], j), s[i])
    put(
        f"{NOCEDAL}, sec. 6.1",
        "the inverse update stays symmetric",
        inverse(m, q),
        inverse(q, m),
        (B[r, a], B[a, r]),
        draw=_mirrored,
    )

    def off(i: Any) -> Any:
        return y[i] - S(B[i, k] * s[k], k)

    def residual(i: Any) -> Any:
        return y[i] - S(B[i, l] * s[l], l)

    put(f"{NOCEDAL}, sec. 6.2", "the symmetric rank-one update satisfies the secant equation",
        S((B[i, j] + off(i) * off(j) / S(residual(c) * s[c], c)) * s[j], j), y[i])  # fmt: skip
    put(
        "Broyden 1965, A Class of Methods for Solving Nonlinear Simultaneous Equations",
        "Broyden's update satisfies it too",
        S((B[i, j] + off(i) * s[j] / S(s[c] ** 2, c)) * s[j], j),
        y[i],
    )
    before, g, last = sn.input("w", ())[()], sn.input("g", ())[()], sn.input("h", ())[()]
    put(
        "Fahlman 1988, An Empirical Study of Learning Speed in Back-Propagation Networks (quickprop)",
        "the secant's zero",
        g + (g - last) / before * (before * g / (last - g)),
        0,
    )


def _averages(put: Shelf) -> None:
    x, g, h, v = (sn.input(name, ())[()] for name in ("x", "g", "h", "v"))
    beta, eta, lam, c = sn.scalars("beta eta lambda c", positive=True)
    polyak = "Polyak 1964, Some Methods of Speeding up the Convergence of Iteration Methods"
    first = v * beta + g
    put(polyak, "two steps of momentum", x - eta * first - eta * (beta * first + h),
        x - eta * (g + h) - eta * beta * (g + v) - eta * beta**2 * v)  # fmt: skip
    put(polyak, "velocity and heavy-ball form", x - eta * first - eta * (beta * first + h),
        (x - eta * first) - eta * h + beta * ((x - eta * first) - x))  # fmt: skip
    adam = "Kingma & Ba 2015, Adam, sec. 3"
    T = sn.dims("T")
    t, s, grads = sn.index("t", T), sn.index("s", T), sn.input("G", (T,))
    put(adam, "the weights of a moving average", (1 - beta) * S(beta**t, t), 1 - beta**T)
    put(adam, "two steps, corrected", ((1 - beta) * (beta * g + h)) / (1 - beta**2), (beta * g + h) / (1 + beta))
    put(adam, "the step does not see the gradients' scale",
        c * g / sqrt(S((c * grads[t]) ** 2, t)), g / sqrt(S(grads[s] ** 2, s)))  # fmt: skip
    put(adam, "a running mean of squares, unrolled", S((1 - beta) * beta ** (T - 1 - t) * grads[t] ** 2, t),
        S(beta ** (T - 1 - s) * grads[s] ** 2, s) - beta * S(beta ** (T - 1 - s) * grads[s] ** 2, s))  # fmt: skip
    put(
        "Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, prop. 1",
        "decay is an L2 penalty for plain descent",
        (1 - lam) * x - eta * g,
        x - eta * (g + lam / eta * x),
    )
    N = sn.dims("N")
    w = sn.input("w", (N,))
    i, k, l = sn.indices("i k l")
    norm = sqrt(S(w[l] ** 2, l))
    put(
        "Pascanu, Mikolov & Bengio 2013, On the Difficulty of Training Recurrent Neural Networks, sec. 3.2",
        "a clipped gradient's length",
        S((w[i] * Min(1, c / norm)) ** 2, i),
        Min(1, c / norm) ** 2 * S(w[k] ** 2, k),
    )
    put(
        "Pascanu, Mikolov & Bengio 2013, On the Difficulty of Training Recurrent Neural Networks, sec. 3.2",
        "clipped to the threshold",
        S((c * w[i] / norm) ** 2, i),
        c**2,
    )


def _barriers(put: Shelf) -> None:
    M, N = sn.dims("M N")
    A, b, x, p = sn.input("A", (M, N)), sn.input("b", (M,)), sn.input("x", (N,)), sn.input("p", (N,), positive=True)
    m, i, j, k, l = sn.indices("m i j k l")
    slack = exp(b[m]) - S(A[m, i] * x[i], i) ** 2
    gap = b[m] - S(A[m, i] * x[i], i)
    text = f"{BOYD}, sec. 9.2 and 11.2 (analytic centre)"
    put(text, "the log barrier's gradient", d(-S(log(gap), m), x[j]), S(A[m, j] / gap, m))
    put(text, "its Hessian", d(S(A[m, j] / gap, m), x[k]), S(A[m, j] * A[m, k] / gap**2, m))
    put(text, "a curved barrier", d(-S(log(slack), m), x[j]), S(2 * A[m, j] * S(A[m, l] * x[l], l) / slack, m))
    g, eta = sn.input("g", (N,)), sn.scalars("eta", positive=True)
    step = p[k] * exp(-eta * g[k]) / S(p[l] * exp(-eta * g[l]), l)
    beck = "Beck & Teboulle 2003, Mirror Descent and Nonlinear Projected Subgradient Methods, sec. 5"
    put(beck, "an entropic step stays on the simplex", S(step, k), 1)
    put(beck, "its logarithm is shifted and normalised",
        log(step), log(p[k]) - eta * g[k] - log(S(p[i] * exp(-eta * g[i]), i)))  # fmt: skip
    r, c = sn.input("r", ())[()], sn.scalars("c", positive=True)
    soft = sympy.sign(r) * Max(0, Abs(r) - c)
    parikh = "Parikh & Boyd 2014, Proximal Algorithms"
    put(f"{parikh}, sec. 2.5 (Moreau decomposition)", "soft threshold and its dual", soft + Max(-c, Min(c, r)), r)
    put(f"{parikh}, sec. 6.5 (soft threshold)", "by cases", soft, sn.where(r > c, r - c, sn.where(r < -c, r + c, 0)))
    put(f"{parikh}, sec. 6.1 (quadratic)", "the proximal point of a ridge",
        (c * (r / (1 + c)) ** 2 + (r / (1 + c) - r) ** 2), c * r**2 / (1 + c))  # fmt: skip
    sharp = sn.input("w", (N,))
    put("Foret et al. 2021, Sharpness-Aware Minimization, eq. 2", "the ascent step has length rho",
        sqrt(S((c * g[i] / sqrt(S(g[l] ** 2, l))) ** 2, i)), c)  # fmt: skip
    put(
        "Foret et al. 2021, Sharpness-Aware Minimization, eq. 2",
        "and gains rho times the norm",
        S(g[i] * (sharp[i] + c * g[i] / sqrt(S(g[l] ** 2, l))), i),
        S(g[i] * sharp[i], i) + c * sqrt(S(g[k] ** 2, k)),
    )
