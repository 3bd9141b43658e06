"""Scalar functions: logistic, hyperbolic, error function, trigonometric, powers, and activations."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import (
    Abs,
    Max,
    Min,
    Rational,
    acos,
    asin,
    asinh,
    atan,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    log,
    pi,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

import symnn as sn

from .record import Identity, Shelf, d, delta, sigma

__all__ = ["identities"]

DEEP = "Goodfellow, Bengio & Courville 2016, Deep Learning, sec. 3.10 (logistic and softplus)"
DLMF = "NIST Digital Library of Mathematical Functions"
HYPER, TRIG, ERROR = f"{DLMF}, sec. 4.28 to 4.37", f"{DLMF}, sec. 4.14 to 4.26", f"{DLMF}, ch. 7"
ABRAMOWITZ = "Abramowitz & Stegun 1964, Handbook of Mathematical Functions"


def identities() -> list[Identity]:
    put = Shelf("cited")
    _logistic(put)
    _hyperbolic(put)
    _trigonometric(put)
    _error(put)
    _powers(put)
    _smooth(put)
    _piecewise(put)
    return put.items


def softplus(a: Any) -> Any:
    return log(1 + exp(a))


def _logistic(put: Shelf) -> None:
    x = sn.input("x", ())[()]
    p = sn.input("p", (), positive=True)[()]
    put(DEEP, "sigma with the exponential above", sigma(x), exp(x) / (exp(x) + 1))
    put(DEEP, "its derivative", d(sigma(x), x), sigma(x) * (1 - sigma(x)))
    put(DEEP, "1 - sigma(x) = sigma(-x)", 1 - sigma(x), sigma(-x))
    put(DEEP, "log sigma(x) = -softplus(-x)", log(sigma(x)), -softplus(-x))
    put(DEEP, "softplus' derivative", d(softplus(x), x), sigma(x))
    put(DEEP, "the logit inverts sigma", log(sigma(x) / (1 - sigma(x))), x)
    put(DEEP, "softplus(x) - softplus(-x) = x", softplus(x) - softplus(-x), x)
    put(DEEP, "the second derivative of softplus", d(sigma(x), x), exp(x) / (1 + exp(x)) ** 2)
    bishop = "Bishop 2006, Pattern Recognition and Machine Learning, sec. 4.2 and 4.3"
    put(bishop, "the logit's derivative", d(log(p / (1 - p)), p), 1 / (p * (1 - p)))
    put(bishop, "tanh is a stretched sigmoid", tanh(x), 2 * sigma(2 * x) - 1)
    put(bishop, "sigma is a shifted tanh", sigma(x), (1 + tanh(x / 2)) / 2)
    put(
        bishop,
        "the curvature of sigma",
        d(sigma(x) * (1 - sigma(x)), x),
        sigma(x) * (1 - sigma(x)) * (1 - 2 * sigma(x)),
    )


def _hyperbolic(put: Shelf) -> None:
    x, y = sn.input("x", ())[()], sn.input("y", ())[()]
    put(HYPER, "cosh^2 - sinh^2 = 1", cosh(x) ** 2 - sinh(x) ** 2, 1)
    put(HYPER, "sinh 2x", sinh(2 * x), 2 * sinh(x) * cosh(x))
    put(HYPER, "cosh 2x", cosh(2 * x), 2 * cosh(x) ** 2 - 1)
    put(HYPER, "sinh(x + y)", sinh(x + y), sinh(x) * cosh(y) + cosh(x) * sinh(y))
    put(HYPER, "cosh(x - y)", cosh(x - y), cosh(x) * cosh(y) - sinh(x) * sinh(y))
    put(HYPER, "tanh(x + y)", tanh(x + y), (tanh(x) + tanh(y)) / (1 + tanh(x) * tanh(y)))
    put(HYPER, "tanh(x/2)", tanh(x / 2), (cosh(x) - 1) / sinh(x))
    put(HYPER, "tanh 2x", tanh(2 * x), 2 * tanh(x) / (1 + tanh(x) ** 2))
    put(HYPER, "sinh 3x", sinh(3 * x), 3 * sinh(x) + 4 * sinh(x) ** 3)
    put(HYPER, "sinh x sinh y", sinh(x) * sinh(y), (cosh(x + y) - cosh(x - y)) / 2)
    put(HYPER, "1 - tanh^2 = sech^2", 1 - tanh(x) ** 2, 1 / cosh(x) ** 2)
    put(HYPER, "tanh's derivative", d(tanh(x), x), 1 / cosh(x) ** 2)
    put(HYPER, "log cosh's derivative", d(log(cosh(x)), x), tanh(x))
    put(HYPER, "asinh as a logarithm", asinh(x), log(x + sqrt(x**2 + 1)))
    put(HYPER, "asinh's derivative", d(asinh(x), x), 1 / sqrt(1 + x**2))
    put(HYPER, "sinh of asinh's logarithm", sinh(log(x + sqrt(x**2 + 1))), x)
    put(f"{ABRAMOWITZ}, sec. 4.5", "half the argument, squared", cosh(x / 2) ** 2, (cosh(x) + 1) / 2)


def _trigonometric(put: Shelf) -> None:
    x, y = sn.input("x", ())[()], sn.input("y", ())[()]
    put(TRIG, "sin^2 + cos^2 = 1", sin(x) ** 2 + cos(x) ** 2, 1)
    put(TRIG, "cos(x - y)", cos(x - y), cos(x) * cos(y) + sin(x) * sin(y))
    put(TRIG, "sin 2x", sin(2 * x), 2 * sin(x) * cos(x))
    put(TRIG, "tan's derivative", d(tan(x), x), 1 + tan(x) ** 2)
    put(TRIG, "the arctangent's derivative", d(atan(x), x), 1 / (1 + x**2))
    put(TRIG, "a product of cosines", 2 * cos(x) * cos(y), cos(x - y) + cos(x + y))
    put(TRIG, "arcsine and arccosine", d(asin(x) + acos(x), x), 0)


def _error(put: Shelf) -> None:
    x = sn.input("x", ())[()]
    density = exp(-(x**2) / 2) / sqrt(2 * pi)
    put(ERROR, "erf + erfc = 1", erf(x) + erfc(x), 1)
    put(ERROR, "erf's derivative", d(erf(x), x), 2 / sqrt(pi) * exp(-(x**2)))
    put(ERROR, "erfc's derivative", d(erfc(x), x), -2 / sqrt(pi) * exp(-(x**2)))
    put(f"{ABRAMOWITZ}, ch. 26 (normal distribution)", "the density's derivative", d(density, x), -x * density)
    put(
        f"{ABRAMOWITZ}, ch. 26 (normal distribution)",
        "the distribution's derivative",
        d((1 + erf(x / sqrt(2))) / 2, x),
        density,
    )


def _powers(put: Shelf) -> None:
    N = sn.dims("N")
    x, y, u = (
        sn.input("x", (), positive=True)[()],
        sn.input("y", (), positive=True)[()],
        sn.input("u", (N,), positive=True),
    )
    a, b, r = sn.input("a", ())[()], sn.scalars("b"), sn.input("r", ())[()]
    i, j = sn.indices("i j")
    logs = f"{DLMF}, sec. 4.8 and 4.10 (logarithms and powers)"
    put(logs, "log of a product", log((1 + x) * (2 + y)), log(1 + x) + log(2 + y))
    put(logs, "log of a quotient", log((1 + x) / (1 + y)), log(1 + x) - log(1 + y))
    put(logs, "log of a power", log((1 + x) ** b), b * log(1 + x))
    put(logs, "a general power", (1 + x) ** a, exp(a * log(1 + x)))
    put(logs, "its derivative by the exponent", d((1 + x) ** a, a), (1 + x) ** a * log(1 + x))
    put(logs, "its derivative by the base", d((1 + x) ** b, x), b * (1 + x) ** (b - 1))
    put(logs, "the logarithmic derivative of a product", d(log(exp(a) * (1 + a**2)), a), 1 + 2 * a / (1 + a**2))
    put(logs, "a square root rationalised", 1 / (sqrt(1 + x) + sqrt(x)), sqrt(1 + x) - sqrt(x))
    put(logs, "the root of a square", sqrt(r**2 + 2 * r + 1), Abs(r + 1))
    hardy = "Hardy, Littlewood & Polya 1934, Inequalities, ch. 2 (means)"
    w = sn.input("w", (N,))
    put(hardy, "the logarithm of a geometric mean",
        log(exp(sn.sum(w[i] * log(u[i]), i))), sn.sum(log(u[j] ** w[j]), j))  # fmt: skip
    put(hardy, "a power mean is homogeneous",
        sn.sum((x * u[i]) ** b, i) ** (1 / b), x * sn.sum(u[i] ** b, i) ** (1 / b))  # fmt: skip
    put(hardy, "the derivative of a power sum", d(sn.sum(u[i] ** b, i), u[j]), b * u[j] ** (b - 1))


def _smooth(put: Shelf) -> None:
    x, y, beta = sn.input("x", ())[()], sn.input("y", ())[()], sn.scalars("beta", positive=True)
    f = x * sigma(beta * x)
    put("Ramachandran, Zoph & Le 2017, Searching for Activation Functions, sec. 3", "Swish",
        d(f, x), beta * f + sigma(beta * x) * (1 - beta * f))  # fmt: skip
    misra = "Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function"
    mish = x * tanh(softplus(x))
    omega = 4 * (x + 1) + 4 * exp(2 * x) + exp(3 * x) + exp(x) * (4 * x + 6)
    put(f"{misra}, derivative with omega and delta", "Mish in exponentials",
        d(mish, x), exp(x) * omega / (2 * exp(x) + exp(2 * x) + 2) ** 2)  # fmt: skip
    put(f"{misra}, derivative with sech", "Mish by Swish",
        d(mish, x), x * sigma(x) / cosh(softplus(x)) ** 2 + tanh(softplus(x)))  # fmt: skip
    put(
        misra,
        "tanh of softplus is rational in e^x",
        tanh(softplus(x)),
        (exp(2 * x) + 2 * exp(x)) / (exp(2 * x) + 2 * exp(x) + 2),
    )
    gelu = "Hendrycks & Gimpel 2016, Gaussian Error Linear Units, sec. 2"
    Phi = (1 + erf(x / sqrt(2))) / 2
    put(gelu, "derivative", d(x * Phi, x), Phi + x * exp(-(x**2) / 2) / sqrt(2 * pi))
    put(gelu, "by the complementary error function", x * Phi, x - x * erfc(x / sqrt(2)) / 2)
    inner = sqrt(2 / pi) * (x + Rational("0.044715") * x**3)
    put(gelu, "the tanh form is a sigmoid", x / 2 * (1 + tanh(inner)), x * sigma(2 * inner))
    put(
        "Dauphin et al. 2017, Language Modeling with Gated Convolutional Networks, sec. 3",
        "gated linear unit by its input",
        d(x * sigma(x), x),
        sigma(x) + x * sigma(x) * (1 - sigma(x)),
    )
    b = sn.scalars("b", positive=True)
    root = sqrt(x**2 + b)
    barron = "Barron 2021, Squareplus: A Softplus-Like Algebraic Rectifier"
    put(barron, "its slope", d((x + root) / 2, x), (1 + x / root) / 2)
    put(barron, "squareplus(x) squareplus(-x) = b/4", (x + root) / 2 * ((-x + root) / 2), b / 4)
    put("Ziyin, Hartwig & Ueda 2020, Neural Networks Fail to Learn Periodic Functions, Snake", "its slope",
        d(x + sin(b * x) ** 2 / b, x), 1 + sin(2 * b * x))  # fmt: skip
    put("LeCun et al. 1998, Efficient BackProp, sec. 4.4", "the scaled tanh's slope by its output",
        d(Rational("1.7159") * tanh(2 * x / 3), x),
        Rational(2, 3) / Rational("1.7159") * (Rational("1.7159") - Rational("1.7159") * tanh(2 * x / 3))
        * (Rational("1.7159") + Rational("1.7159") * tanh(2 * x / 3)))  # fmt: skip
    smooth = "Boyd & Vandenberghe 2004, Convex Optimization, sec. 3.1 (log-sum-exp)"
    put(smooth, "two terms by a softplus", log(exp(x) + exp(y)), x + softplus(y - x))
    put(smooth, "two terms, symmetric", log(exp(x) + exp(y)), (x + y) / 2 + log(2 * cosh((x - y) / 2)))


def _piecewise(put: Shelf) -> None:
    x, y = sn.input("x", ())[()], sn.input("y", ())[()]
    c, s, alpha, k = sn.scalars("c s alpha k", positive=True)
    up = sn.indicator(x > 0)
    relu = Max(0, x)
    put(
        "Shang et al. 2016, Concatenated Rectified Linear Units",
        "x by its positive and negative part",
        relu - Max(0, -x),
        x,
    )
    put(
        "Shang et al. 2016, Concatenated Rectified Linear Units",
        "the energy of both parts",
        relu**2 + Max(0, -x) ** 2,
        x**2,
    )
    boyd = "Boyd & Vandenberghe 2004, Convex Optimization, sec. 3.2 (maximum)"
    put(boyd, "|x| by two rectifiers", Abs(x), relu + Max(0, -x))
    put(boyd, "a maximum by a distance", Max(x, y), (x + y + Abs(x - y)) / 2)
    put(boyd, "maximum and minimum together", Max(x, y) * Min(x, y), x * y)
    put(boyd, "a maximum by a rectifier", Max(x, y), y + Max(0, x - y))
    put(
        "Glorot, Bordes & Bengio 2011, Deep Sparse Rectifier Neural Networks, sec. 3",
        "positive homogeneity",
        Max(0, c * x),
        c * relu,
    )
    put("Goodfellow et al. 2013, Maxout Networks, sec. 2", "two linear pieces give |x|", Max(x, -x), Abs(x))
    elu = sn.where(x > 0, x, alpha * (exp(x) - 1))
    put("Clevert, Unterthiner & Hochreiter 2015, Exponential Linear Units, eq. 15", "ELU's slope",
        d(elu, x), sn.where(x > 0, 1, elu + alpha))  # fmt: skip
    put("Clevert, Unterthiner & Hochreiter 2015, Exponential Linear Units, eq. 15", "ELU by two one-sided parts",
        elu, relu + alpha * (exp(Min(0, x)) - 1))  # fmt: skip
    put("Barron 2017, Continuously Differentiable Exponential Linear Units", "CELU's slope",
        d(sn.where(x > 0, x, alpha * (exp(x / alpha) - 1)), x), up + (1 - up) * exp(x / alpha))  # fmt: skip
    put("Maas, Hannun & Ng 2013, Rectifier Nonlinearities", "leaky rectifier by both parts",
        sn.where(x > 0, x, s * x), relu - s * Max(0, -x))  # fmt: skip
    put("Bergstra et al. 2009, Quadratic Polynomials Learn Better Image Features, softsign", "its slope",
        d(x / (1 + Abs(x)), x), 1 / (1 + Abs(x)) ** 2)  # fmt: skip
    put("Collobert 2004, Large Scale Machine Learning, hard tanh", "by two absolute values",
        Max(-1, Min(1, x)), (Abs(x + 1) - Abs(x - 1)) / 2)  # fmt: skip
    put(
        "Howard et al. 2019, Searching for MobileNetV3, sec. 5.2",
        "hard swish between its kinks",
        x * Min(6, Max(0, x + 3)) / 6 * sn.indicator(Abs(x) < 3),
        x * (x + 3) / 6 * sn.indicator(Abs(x) < 3),
    )
    iverson = "Graham, Knuth & Patashnik 1994, Concrete Mathematics, sec. 2.4 (Iverson's bracket)"
    a, b = sn.indicator(x > 0), sn.indicator(y > 0)
    put(iverson, "either of two conditions", sn.indicator(sympy.Or(x > 0, y > 0)), a + b - a * b)
    put(iverson, "both of two conditions", 1 - sn.indicator(sympy.Or(x <= 0, y <= 0)), a * b)
    put(iverson, "a condition and its opposite", sn.indicator(x > y) + sn.indicator(x <= y), 1)
    put(iverson, "exactly one of two", (a - b) ** 2, a + b - 2 * a * b)
    put("Koenker & Bassett 1978, Regression Quantiles, sec. 2", "the check function by one indicator",
        k * Max(0, x) + (1 - k) * Max(0, -x), x * (k - sn.indicator(x < 0)))  # fmt: skip
    N, D = sn.dims("N D")
    z = sn.input("z", (N, D))
    n, i, m, j = sn.indices("n i m j")
    put(
        "Glorot, Bordes & Bengio 2011, Deep Sparse Rectifier Neural Networks, sec. 3",
        "the rectifier's diagonal Jacobian",
        d(Max(0, z[n, i]), z[m, j]),
        delta(n, m) * delta(i, j) * sn.indicator(z[m, j] > 0),
    )
    put(boyd, "the sign times the size", sympy.sign(x) * Abs(x), x)
