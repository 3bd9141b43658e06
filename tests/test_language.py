"""The formula language against Python: the same text, read by Python itself and worked out by NumPy.

The oracle shares no code with symnn. It runs only texts that stand in this file or were made by its own strategies.
Sizes are pairwise different, so that no axis passes for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

import symnn as sn
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.judge.dense import Dense
from symnn.language.functions import FUNCTIONS
from symnn.language.reading import read_formula
from symnn.language.scope import Scope
from symnn.language.syntax import FormulaError, MismatchError
from symnn.nn.activations import ACTIVATIONS

SIZES = {"N": 3, "D": 4, "H": 5, "C": 6, "B": 2}
SYMBOLS = {name: sn.dims(name) for name in SIZES}
SHAPES = {
    "x": "ND", "y": "ND", "W": "DH", "V": "HD", "A": "DD", "Q": "BND", "K": "BND", "E": "NC", "v": "D", "u": "D",
    "r": "N", "w": "H", "s": "", "p": "ND", "q": "ND",
}  # fmt: skip
#: All entries are between 0.2 and 0.9, for logarithms, roots and arcs.
POSITIVE = ("p", "q")


def sizes_of(letters: str) -> tuple[Any, ...]:
    return tuple(SYMBOLS[k] for k in letters)


TENSORS = {
    **{name: sn.input(name, sizes_of(shape), positive=name in POSITIVE) for name, shape in SHAPES.items()},
    "o": sn.input("o", (SYMBOLS["N"], 1)),
    "t": sn.labels("t", (SYMBOLS["N"],), SYMBOLS["C"]),
    "l": sn.labels("l", (SYMBOLS["N"],), SYMBOLS["D"]),
}
SCOPE = Scope.of(TENSORS.values())
VALUES: dict[Any, int] = {SYMBOLS[name]: n for name, n in SIZES.items()}


def away_from_kinks(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Return generic reals of either sign, none of them near 0, 1 or -1."""
    size = rng.uniform(0.1, 0.9, shape) + (rng.random(shape) < 0.3)
    return np.where(rng.random(shape) < 0.5, -size, size)


def drawn(name: str, rng: np.random.Generator) -> Any:
    t = TENSORS[name]
    shape = tuple(size_value(s, VALUES) for s in t.shape)
    if t.classes is not None:
        return rng.integers(0, size_value(t.classes, VALUES), shape)
    return rng.uniform(0.2, 0.9, shape) if name in POSITIVE else away_from_kinks(shape, rng)


_RNG = np.random.default_rng(4)
ARRAYS = {name: drawn(name, _RNG) for name in TENSORS}


# -- the two readers ---------------------------------------------------------------------------------------------------


def read(text: str, letters: str = "") -> list[Any]:
    """Return what symnn makes of a formula: by the reference interpreter, and as a whole array.

    Letters are the sizes of the axes of what the formula is a candidate for; only index letters need them.
    """
    free = tuple(Index("abc"[n], SYMBOLS[k]) for n, k in enumerate(letters))
    reading = read_formula(text, SCOPE, free)
    assert reading.fits or not letters, text
    leaves = {t: ARRAYS[name] for name, t in TENSORS.items()}
    machine, expression = Interpreter(VALUES, leaves), to_sympy(reading.tree)
    out = np.empty(tuple(size_value(i.size, VALUES) for i in reading.free))
    for at in np.ndindex(*out.shape):
        out[at] = machine.value(expression, dict(zip(reading.free, at, strict=True)))
    return [out, Dense(VALUES, leaves).array(reading.tree, reading.free)]


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


#: Of the functions that NumPy lacks, those that stand in formulas below.
OTHERS: dict[str, Callable[..., Any]] = {
    "softmax": special.softmax, "log_softmax": special.log_softmax, "logsumexp": special.logsumexp, "erf": special.erf,
    "onehot": lambda t: np.eye(SIZES["C"])[t], "norm": np.linalg.norm, "logaddexp": np.logaddexp, "len": len,
    "special": special, "np": np, "numpy": np,
}  # fmt: skip
NAMES: dict[str, Any] = {
    **{name: getattr(np, name) for name in sorted(FUNCTIONS) if hasattr(np, name)}, **OTHERS, "newaxis": np.newaxis,
    "pi": np.pi, **SIZES, **ARRAYS,
}  # fmt: skip


def python(text: str) -> Any:
    """Return what Python and NumPy make of a text of this file."""
    return np.asarray(eval(text, dict(NAMES)), dtype=float)


def assert_agree(text: str, expected: Any, letters: str = "") -> None:
    for found in read(text, letters):
        assert found.shape == expected.shape, text
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=text)


# -- one text, both readers --------------------------------------------------------------------------------------------

TEXTS = {
    "operators": """
x + y
x - y - x
x - (y - x)
x * y / p
x / p * y
x / (p * y)
-x**2
(-x)**2
-p**-2
p**-0.5
p**2**0.5
p**x**2
p**-y**2
2**-x
-2**x
x**0 + y**1
p**(1/3)
p**(2*3 - 5)
2**N * x
4**0.5 * x
(1/3 + 1/7) * x
2/4/2 - 3 - 2 + s
2 * 3**2 + s
x - -y
+x + --y
x * -y
.5 * x + 1e-3 + 1_000
x + y * p
s * x + s
pi * x
""",
    "matrices": """
x @ W
x @ v
v @ A
A @ v
v @ u
r @ x @ W
w @ V @ v * x
x @ W @ w
x @ (W @ w)
x @ W * w
x * v @ W
2 * x @ v * 2
x + v @ A
x @ v + r
x**2 @ v
-x @ W
x.T
x.T.T
x.T @ y
-x.T @ (y - x)
Q.T
Q @ W
Q @ v
Q @ x.T
v @ Q[0].T
W.T @ A
Q @ swapaxes(K, 1, 2)
(Q @ K.swapaxes(-1, -2)) @ K
""",
    "broadcasting": """
x + v
o * x
o + r
o @ v[None, :]
(x @ v)[:, None] * x
x[None, :, :] * Q
Q * r[:, None]
Q[:, None] * Q[None]
Q[:, :, None, :] - Q[:, None, :, :]
x[:, None, :] - y[None, :, :]
sum(x, axis=0)[None, :] * x
x / sum(p, axis=1, keepdims=True)
x - x.mean(axis=1, keepdims=True)
(x - mean(x, axis=0)) / std(x, axis=0)
(x - x.mean(axis=0)) / sqrt(x.var(axis=0) + 1e-5)
""",
    "conditions": """
x > y
x < y
x >= y
x <= y
x == x
x != y
(x > 0) & (y > 0)
(x > 0) | (y > 0)
~(x > 0)
~(x > 0) & (y < 0)
~((x > 0) & ~(y > 0))
(x > 0) | (y > 0) & (p > 0.5)
(x > 0) & (y > 0) | (p > 0.5)
(x > 0) == (y > 0)
(0 < x) & (x < 1)
x * (x > 0) + y * (x <= 0)
1 - (x > y)
x > y + p
x - y > 0
(x > 0) * (y > 0)
(x > 0) @ A
(x > 0).sum(axis=0)
(x > 0).mean()
where(x > 0, x, 0)
where(x > y, x, v)
where(x, 1, 2)
where((x > 0) & (y > 0), x, y)
where(x > 0, where(y > 0, x, y), p)
where(t == 2, r, -r)
where(tril(ones((N, N))) == 1, x @ x.T, -1)
t == 1
t > 2
t * r
C - t
t / C
t**2
x * (l == 0)[:, None]
l[:, None] == arange(D)
t[:, None] == arange(C)[None, :]
""",
    "sums over axes": """
sum(x)
sum(x, 0)
sum(x, axis=1)
sum(x, axis=-1)
sum(x, axis=-2)
sum(x, axis=None)
sum(Q, axis=(0, 2))
sum(Q, axis=(-1, 0))
sum(Q, (0, 1))
sum(Q, axis=(0, 1), keepdims=True) * Q
sum(x, axis=1, keepdims=False)
mean(x)
mean(x, 1)
mean(Q, axis=-3)
mean(Q, axis=(0, 2), keepdims=True) * Q
var(x)
var(x, axis=0)
var(Q, axis=(0, 1))
var(Q, axis=(0, -1), ddof=1)
var(x @ W, axis=1, keepdims=True)
std(x)
std(x + y, axis=0)
std(x, axis=-1, keepdims=True, ddof=1)
norm(x)
norm(v)
norm(v, 1)
norm(x, axis=1, keepdims=True)
norm(x, ord=1, axis=0)
norm(x, 2, axis=-1)
logsumexp(x)
logsumexp(x, axis=1, keepdims=True)
softmax(x, axis=1)
softmax(x, axis=0)
softmax(Q, axis=-1)
log_softmax(x, axis=1)
log_softmax(Q, axis=1)
cumsum(x, 0)
cumsum(Q, axis=-1)
sum(sum(x, axis=0)**2)
exp(Q @ Q.swapaxes(1, 2)).sum(axis=-1, keepdims=True)
""",
    "between brackets": """
x[0]
x[-1]
x[0, 1]
x[0][1]
x[0, -1]
x[:, 0]
x[0, :]
x[:]
x[...]
x[..., 0]
x[..., None]
x[None, ...]
x[:, None, :]
x[:, newaxis]
x[np.newaxis, :]
Q[0, :, 1]
Q[..., 1]
Q[1, ..., 2]
Q[..., 0, :]
Q[None, 0]
x[1:]
x[:1]
x[:-1]
x[:, 1:3]
x[1:-1]
x[-2:]
x[:, -3:-1]
x[1:, :-1]
x[0:N]
x[:, :D - 1]
x[1:, None]
Q[0, 1:, ...]
x[1:][0]
x[:, 1:3][:, 1:]
x[1:] - x[:-1]
(x[:, 1:] - x[:, :-1])**2
sum(x[1:] * x[:-1], axis=0)
var(x[:-1], axis=0)
x[:, 1:] @ A[1:, :]
(x @ W)[:, 1:]
x[::-1]
x[:, ::-1]
x[::-1, ::-1]
x[:-1][::-1]
x.T[0]
A[l]
A[:, l]
A[l, 0]
A[0, l]
A[l, l]
A[l][:, l]
A[l[0]]
A[l[:, None], l[None, :]]
A[arange(D), arange(D)]
A[arange(D)[:, None], arange(D)[None, :]]
x[arange(N), l]
(x @ A)[arange(N), l]
Q[:, arange(N), l]
Q[:, 0, l]
Q[0][arange(N), l]
Q[arange(B), :, 0]
eye(C)[t]
eye(D)[l] @ A
""",
    "products and other arrays": """
dot(x, W)
dot(v, u)
dot(s, x)
matmul(Q, A)
outer(r, v)
inner(v, u)
vdot(x, y)
trace(A @ A)
diag(A)
diag(v) - outer(v, u)
diag(diag(A))
einsum('nd,dh->nh', x, W)
einsum('nd,nd->n', x, y)
einsum('nd,nd', x, y)
einsum('nd,dh', x, W)
einsum('ba', A)
einsum('ii', A)
einsum('ii->i', A)
einsum('bnd,bmd->bnm', Q, K)
einsum('nd,dh,h->n', x, W, w)
einsum('n,d->dn', r, v)
einsum(' n d , d -> n ', x, v)
einsum("nd->", x)
einsum(',nd->nd', s, x)
einsum('nd,nh->dh', x + y, x @ W)
transpose(x)
transpose(Q, (1, 2, 0))
transpose(Q, axes=(-1, 0, 1))
transpose(Q, [2, 0, 1])
swapaxes(Q, 0, -1)
expand_dims(r, 1) * x
expand_dims(x, -1)
squeeze(o, 1)
squeeze(o)
flip(x)
flip(Q, axis=(0, 2))
flip(cumsum(flip(x, 1), 1), 1)
zeros((N, D)) + x
ones(D) * x
ones((N, 1)) * x
eye(H) @ V
identity(D) - A
arange(D) * x
arange(N)[:, None] + x
ones_like(x) - x
zeros_like(x)
tril(A)
triu(Q, 1)
tril(A, k=-1)
tril(x)
onehot(t)
onehot(t).T @ x
maximum(0, x)
minimum(x, v)
clip(x, -0.3, 0.4)
clip(x, a_min=-0.1, a_max=s**2)
heaviside(x - x, 0.5)
heaviside(x, 0.5)
""",
    "sizes": """
x / N
x**2 / (2 * N)
x.shape[0] * x
x.shape[-1] * x
len(x) * x
x.T @ y / len(x)
""",
    "methods": """
x.sum()
x.sum(axis=0)
x.sum(0)
x.sum(axis=1, keepdims=True)
Q.sum((0, 1))
Q.sum(axis=(1,))
(x @ W).sum(axis=0)
x.T.sum(axis=0)
x.mean(axis=0)
x.var(axis=0)
x.std(axis=0, ddof=1)
x.dot(W)
x.transpose()
Q.transpose((0, 2, 1))
Q.swapaxes(1, 2)
A.trace()
A.diagonal()
x.cumsum(axis=0)
x.clip(-0.5, 0.5)
x.copy()
o.squeeze(1)
""",
    "prefixes": """
np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)
np.linalg.norm(x, axis=1, keepdims=True)
numpy.tanh(x)
special.erf(x)
np.einsum('nd,dh->nh', x, W)
np.pi * x
np.eye(C)[t]
np.sum(x, axis=0, dtype=float)
np.dot(x.T, y) / x.shape[0]
(x > 0).astype(float) * x
Q.transpose(0, 2, 1)
""",
}
EACH = [pytest.param(text, id=f"{what}: {text}") for what, block in TEXTS.items() for text in block.strip().split("\n")]


@pytest.mark.parametrize("text", EACH)
def test_a_formula_is_what_python_makes_of_it(text: str) -> None:
    assert_agree(text, python(text))


#: What NumPy does and the language does otherwise, or not at all.
DIFFERENCES = [
    ("dot(x, swapaxes(Q, 1, 2))", "dot of more than two axes is read as matmul"),
    ("inner(x, y)", "inner of matrices is summed over every axis, NumPy's over the last"),
    ("inner(x, v)", "inner of matrices is summed over every axis, NumPy's over the last"),
    ("norm(x, 1)", "the 1-norm of a matrix is taken entry by entry, NumPy's is the largest column sum"),
    ("norm(x, 2)", "the 2-norm of a matrix is taken entry by entry, NumPy's is the largest singular value"),
    ("cbrt(x)", "the cube root of a negative number is not defined"),
    ("(x > 0) + (y > 0)", "two conditions are added as numbers, NumPy's sum is an or"),
    ("~t", "~ of whole numbers is read as a condition"),
    ("einsum('...d,dh->...h', Q, W)", "einsum knows no dots"),
    ("x[::2]", "no steps but 1 and -1"),
    ("clip(x, 0, None)", "a bound is a number"),
]


@pytest.mark.parametrize(
    "text", [pytest.param(t, marks=pytest.mark.xfail(strict=True, reason=why), id=t) for t, why in DIFFERENCES]
)
def test_where_the_language_differs_from_numpy(text: str) -> None:
    assert_agree(text, python(text))


# -- functions ---------------------------------------------------------------------------------------------------------

#: Arguments for every function that NumPy or SciPy has under the same name.
CALLS = {
    **dict.fromkeys("exp sin cos sinh cosh tanh arctan atan arcsinh asinh erf erfc abs fabs absolute sign square "
                    "negative reciprocal expit copy asarray array positive nansum mean average var std "
                    "ones_like zeros_like tril triu sum transpose flip norm logsumexp".split(), "x"),
    **dict.fromkeys("log log1p log2 log10 expm1 tan arcsin asin arccos acos sqrt cbrt gamma gammaln loggamma digamma "
                    "psi".split(), "p"),
    **dict.fromkeys("maximum minimum fmax fmin multiply add subtract greater less vdot".split(), "x, y"),
    **dict.fromkeys("dot matmul".split(), "x, W"),
    **dict.fromkeys("outer inner".split(), "v, u"),
    **dict.fromkeys("trace diag diagonal".split(), "A"),
    **dict.fromkeys("softmax log_softmax".split(), "x, axis=-1"),
    **dict.fromkeys("zeros ones".split(), "(N, D)"), **dict.fromkeys("eye identity arange".split(), "D"),
    "divide": "x, p", "power": "p, y", "pow": "p, y", "where": "x > 0, x, y", "clip": "x, -0.2, 0.7",
    "heaviside": "x, 0.5", "einsum": "'nd,dh', x, W", "swapaxes": "Q, 0, 1", "expand_dims": "x, 1", "squeeze": "o, 1",
    "cumsum": "x, 1",
}  # fmt: skip
#: Their arguments are others than NumPy's or SciPy's of that name.
OTHERWISE = {"select", "astype", "huber"}


def numpy_s(name: str) -> Callable[..., Any] | None:
    return next((getattr(m, name) for m in (np, np.linalg, special) if hasattr(m, name)), None)


def test_every_function_that_numpy_has_is_compared() -> None:
    known = {name for name in FUNCTIONS if numpy_s(name) is not None}
    assert known - OTHERWISE - set(FORMS) <= set(CALLS) <= set(FUNCTIONS)


@pytest.mark.parametrize("name", CALLS)
def test_a_function_is_numpy_s(name: str) -> None:
    function = numpy_s(name)
    assert_agree(f"{name}({CALLS[name]})", np.asarray(eval(f"f({CALLS[name]})", {**NAMES, "f": function}), dtype=float))


LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772
FORMS: dict[str, Callable[..., Any]] = {
    "linear": lambda z: z, "sigmoid": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z, slope=0.01: np.where(z > 0, z, slope * z),
    "elu": lambda z, alpha=1.0: np.where(z > 0, z, alpha * np.expm1(z)),
    "selu": lambda z, scale=LAMBDA, alpha=ALPHA: scale * np.where(z > 0, z, alpha * np.expm1(z)),
    "softplus": lambda z: np.logaddexp(0, z), "silu": lambda z: z * sigmoid(z), "gelu": lambda z: z * special.ndtr(z),
    "gelu_tanh": lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)), "hard_tanh": lambda z: np.clip(z, -1, 1),
    "softsign": lambda z: z / (1 + np.abs(z)),
}  # fmt: skip
ALSO = {"swish": "silu", "hardtanh": "hard_tanh", "expit": "sigmoid", "logistic": "sigmoid", "id": "linear"}
#: Central differences err by about h^2 and by 1e-16 / h; for second ones by 1e-16 / h^2. Entries keep away from kinks.
STEP, STEP_2 = 1e-5, 1e-3


def slope(f: Callable[[Any], Any], z: Any) -> Any:
    return (f(z + STEP) - f(z - STEP)) / (2 * STEP)


def test_every_activation_is_compared() -> None:
    assert set(FORMS) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", [*FORMS, *ALSO])
def test_an_activation_and_its_derivatives(name: str) -> None:
    f, x = FORMS[ALSO.get(name, name)], ARRAYS["x"]
    assert_agree(f"{name}(x)", f(x))
    assert_agree(f"sum_d({name}(x[:, d]))", f(x).sum(axis=1))
    composed = x / 2 + ARRAYS["v"] / 8
    for text, expected in ((f"{name}'(x)", slope(f, x)), (f"{name}'(x/2 + v/8)", slope(f, composed))):
        for found in read(text):
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9, err_msg=text)
    bent = (f(x + STEP_2) - 2 * f(x) + f(x - STEP_2)) / STEP_2**2
    for found in read(f"{name}''(x)"):
        np.testing.assert_allclose(found, bent, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "call", ["elu(x, 0.5)", "elu(x @ A, alpha=1/2)", "leaky_relu(x, 0.2)", "leaky_relu(x, slope=0.3)", "selu(x, 1, 2)"]
)
def test_an_activation_takes_its_constants(call: str) -> None:
    assert_agree(call, np.asarray(eval(call, {**NAMES, **FORMS})))


@pytest.mark.parametrize(
    "name",
    "exp log sin cos tan sinh cosh tanh arctan atan arcsin asin arccos acos arcsinh asinh erf erfc gamma gammaln "
    "loggamma abs fabs absolute sign sqrt cbrt square reciprocal negative log1p expm1 log2 log10".split(),
)
def test_the_derivative_of_a_function_of_one_number(name: str) -> None:
    function = numpy_s(name)
    assert function is not None
    for found in read(f"{name}'({CALLS[name]})"):
        np.testing.assert_allclose(found, slope(function, ARRAYS[CALLS[name]]), rtol=1e-8, atol=1e-9)


def test_derivatives_at_kinks_are_those_of_the_conventions() -> None:
    assert_agree("relu'(x - x) + abs'(x - x) + sign'(x) + hard_tanh'(x - x + 1)", np.zeros((3, 4)))
    assert_agree("stop_gradient'(x)", np.zeros((3, 4)))
    assert_agree("leaky_relu'(x - x)", np.full((3, 4), 0.01))


# -- pairs: what only the language can write, and the same for Python ------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A formula, the same for Python, and the axes of what it is a candidate for."""

    text: str
    same: str
    letters: str = ""


def pairs(block: str) -> list[Any]:
    out = []
    for line in block.strip().split("\n"):
        parts = [p.strip().replace("\\n", "\n") for p in line.split(" || ")]
        out.append(pytest.param(Pair(*parts), id=parts[0]))
    return out


SUMS = pairs(r"""
sum_d(v[d] * u[d]) || v @ u
sum_{n,d}(x[n,d] * y[n,d]) || (x * y).sum()
sum_{nd}(x[n,d] * y[n,d]) || (x * y).sum()
sum_nd(x[n,d] * y[n,d]) || (x * y).sum()
sum_n sum_d (x[n,d] * y[n,d]) || (x * y).sum()
sum_d v[d] * u[d] + s || v @ u + s
2 * sum_d(v[d])**2 || 2 * v.sum()**2
sum_d v[d]**2 || (v**2).sum()
sum_d -v[d] || -v.sum()
sum_d exp(v[d]) || exp(v).sum()
sum_d(v[d]) * sum_d(u[d]) || v.sum() * u.sum()
sum_d(v[d] * sum_n(x[n, d])) || (v * x.sum(axis=0)).sum()
mean_d(v[d]) || v.mean()
mean_n(sum_d(x[n,d]**2)) || (x**2).sum(axis=1).mean()
mean_{n,d}(x[n,d]**2) || (x**2).mean()
sum_j(x[:, j] * v[j]) || x @ v
sum_n(x[n, :] * r[n]) || x.T @ r
sum_n(x[n][0]) || x[:, 0].sum()
sum_n((x @ W)[n]) || (x @ W).sum(axis=0)
sum_{i,j}(A[i,j] * A[j,i]) || trace(A @ A)
sum_{i,j}((i == j) * A[i,j]) || trace(A)
sum_{i,j}((i > j) * A[i,j]) || tril(A, -1).sum()
sum_{i,j}(where(i != j, A[i,j], 0)) || A.sum() - trace(A)
sum_n(-log(p[n, l[n]])) / N || -log(p[arange(3), l]).mean()
sum_{n,d}((l[n] == d) * x[n,d]) || x[arange(3), l].sum()
sum_d((d + 1) * v[d]) || (arange(1, 5) * v).sum()
sum_d(v[d] * v[D - 1 - d]) || (v * v[::-1]).sum()
sum_d((d > 0) * v[d] * v[d - 1]) || (v[1:] * v[:-1]).sum()
sum_d((d < D - 1) * v[d] * v[d + 1]) || (v[1:] * v[:-1]).sum()
0 < x < 1 || (0 < x) & (x < 1)
0 < x <= p < 2 || (0 < x) & (x <= p)
one_hot(t, num_classes=C) - onehot(t, C) / 2 || onehot(t) / 2
""")

LETTERS = pairs(r"""
g[n,h] = sum_d(x[n,d] * W[d,h]) || x @ W || NH
g[n,d] = x[n,d] * y[n,d] || x * y || ND
g[d,n] = x[n,d] || x.T || DN
g[n,m] = sum_d(x[n,d] * y[m,d]) || x @ y.T || NN
g[m,n] = sum_d(x[n,d] * y[m,d]) || y @ x.T || NN
g[n,c] = (t[n] == c) / N || onehot(t) / N || NC
g[i,j] = (i == j) * v[i] || diag(v) || DD
g[d] = v[D - 1 - d] || v[::-1] || D
g[n,d] = sum_k((k <= d) * x[n,k]) || cumsum(x, 1) || ND
g[n,d] = x[n,d] - mean_k(x[n,k]) || x - x.mean(axis=1, keepdims=True) || ND
g[n,d] = x[n,l[n]] * v[d] || outer(x[arange(3), l], v) || ND
g[n,d] = relu'(x[n,d]) * y[n,d] || (x > 0) * y || ND
g = x @ W || x @ W || NH
x[n,d] * v[d] || x * v || ND
sum_d(x[n,d] * W[d,h]) || x @ W || NH
sum_n(x[n,a] * y[n,b]) || x.T @ y || DD
Q[b,n,d] * v[d] || Q * v || BND
""")

LOCALS = pairs(r"""
z = x @ W; z * z || (x @ W)**2
z = x @ W\nz = z @ V\nz || x @ W @ V
z = x @ W; z = z @ V; z = z @ W; z || x @ W @ V @ W
x = x + y; x * x || (x + y)**2
x = x * 2; x = x * 3; x || 6 * x
h = tanh(x @ W); a = h @ w; a**2 || (tanh(x @ W) @ w)**2
z[n,h] = sum_d(x[n,d] * W[d,h]); z @ V || x @ W @ V
z[h,n] = sum_d(x[n,d] * W[d,h]); z.T @ V || x @ W @ V
z[n] = sum_d(x[n,d]); z[n] = z[n] * r[n]; z || x.sum(axis=1) * r
z = sum(x, axis=1); g[n,d] = z[n] * x[n,d] || x.sum(axis=1)[:, None] * x || ND
n = N; x / n || x / 3
relu = x; relu || x
z = x  # the input\nz * 2  # twice || 2 * x
(x\n + y) || x + y
x \\n + y || x + y
""")

LOSSES = pairs(r"""
mse(x, y) || ((x - y)**2).mean()
mse(x, y, reduction='sum') || ((x - y)**2).sum()
mae(x, y) || abs(x - y).mean()
huber(x, y, delta=0.3) || where(abs(x - y) < 0.3, (x - y)**2 / 2, 0.3 * (abs(x - y) - 0.15)).mean()
hinge(r, x @ v) || maximum(0, 1 - r * (x @ v)).mean()
bce_with_logits(x, p) || (logaddexp(0, x) - p * x).mean()
cross_entropy(softmax(E), t) || -log_softmax(E, axis=1)[arange(3), t].mean()
nll(log_softmax(E), t) || -log_softmax(E, axis=1)[arange(3), t].mean()
""")


@pytest.mark.parametrize("pair", [*SUMS, *LETTERS, *LOCALS])
def test_a_formula_is_what_its_twin_says(pair: Pair) -> None:
    assert_agree(pair.text, python(pair.same), pair.letters)


@pytest.mark.parametrize("pair", LOSSES)
def test_a_loss_is_what_its_twin_says(pair: Pair) -> None:
    assert_agree(pair.text, python(pair.same))


# -- random formulas ---------------------------------------------------------------------------------------------------

#: What a formula of so many axes at least may be made by.
KINDS = {
    0: ("arithmetic", "quotient", "function", "choice", "condition", "reduction", "neighbours", "entry"),
    1: ("reversed", "product", "centred"),
    2: ("transposed", "outer", "spread", "einsum", "cumulated"),
    3: ("permuted", "swapped", "added"),
}


def made(draw: Callable[[Any], Any], shape: str, depth: int) -> str:
    """Draw a formula of a given shape; what is composed stands in brackets."""

    def one(*choices: Any) -> Any:
        return draw(st.sampled_from(choices))

    def of(other: str) -> str:
        return made(draw, other, depth - 1)

    def part() -> str:
        """A shape that is broadcast to this one."""
        return shape[draw(st.integers(0, len(shape))) :]

    leaf = one(*(name for name, s in SHAPES.items() if s == shape), f"(s * ones(({', '.join((*shape, '1'))}))[..., 0])")
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return str(leaf)
    k, op = one(*SIZES), one("+", "-", "*")
    (a, b), rest, more = (*shape, "", "")[:2], shape[2:], "lmnop"[: len(shape[2:])]
    match one(*(kind for rank, kinds in KINDS.items() if rank <= len(shape) for kind in kinds)):
        case "arithmetic":
            sides = (of(shape), of(part()))
            return f"({f' {op} '.join(sides if draw(st.booleans()) else sides[::-1])})"
        case "quotient":
            return f"({of(shape)} / (2 + {of(part())}**2))"
        case "function":
            return f"({one('sin', 'tanh', 'np.cos', '-', '2 * ', '3 - ')}({of(shape)}))"
        case "choice":
            return f"where({leaf} > 0.15, {of(shape)}, {of(part())})"
        case "condition":
            return f"({of(shape)} * ({leaf} < 0.15))"
        case "reduction":
            place = draw(st.integers(0, len(shape)))
            body, axis = of(shape[:place] + k + shape[place:]), one(place, place - len(shape) - 1)
            name = one("sum", "mean", "var")
            return one(f"{body}.{name}(axis={axis})", f"{name}({body}, axis={axis})")
        case "neighbours":
            return f"sum({of(shape + k)}[..., 1:] * {of(shape + k)}[..., :-1], axis=-1)"
        case "entry":
            return one(f"{of(k + shape)}[{one(0, 1, -1, -2)}]", f"{of(shape + k)}[..., {one(0, 1, -1, -2)}]")
        case "reversed":
            return f"{of(shape)}[::-1]"
        case "product":
            return f"({of(shape[:-1] + k)} @ {of(k + shape[-1])})" if shape[1:] else f"({of(a + k)} @ {of(k)})"
        case "centred":
            return f"({of(shape)} - {of(shape)}.mean(axis=-1, keepdims=True))"
        case "transposed":
            return f"{of(shape[::-1])}.T"
        case "outer":
            return f"einsum('i,j{more}->ij{more}', {of(a)}, {of(b + rest)})" if rest else f"outer({of(a)}, {of(b)})"
        case "spread":
            return f"({of(shape[:-1])}[..., None] * {of(shape[-1])})"
        case "einsum":
            return f"einsum('ij,kj{more}->ki{more}', {of(b + k)}, {of(a + k + rest)})"
        case "cumulated":
            return f"cumsum({of(shape)}, axis={one(0, -1)})"
        case "permuted":
            return f"transpose({of(shape[-1] + shape[:-1])}, ({', '.join(map(str, range(1, len(shape))))}, 0))"
        case "swapped":
            return f"{of(a + shape[-1] + shape[2:-1] + b)}.swapaxes(1, -1)"
        case _:
            return f"({of(shape[:-1])}[..., None] + {of(shape[:-2] + shape[-1])}[..., None, :])"


@st.composite
def formulas(draw: Callable[[Any], Any]) -> str:
    return made(draw, draw(st.sampled_from(("", "N", "ND", "DH", "BND"))), 3)


@given(formulas())
@settings(max_examples=200)
def test_random_formulas_are_what_python_makes_of_them(text: str) -> None:
    expected = python(text)
    for found in read(text):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * max(1.0, float(np.abs(expected).max())))


def test_a_difference_is_seen() -> None:
    wrong = {"x.T @ y": "y.T @ x", "sum(x, 0)": "sum(x, 1)", "x > y": "x >= x", "var(v)": "var(v, ddof=1)"}
    for text, other in wrong.items():
        with pytest.raises(AssertionError):
            assert_agree(text, python(other))


# -- errors ------------------------------------------------------------------------------------------------------------

#: Formulas that cannot be read, with ^ before the place that is pointed at, and what the message says.
UNREADABLE = [
    ("2 * (x + ^Y)", "There is no name named 'Y'. Did you mean 'y'?"),
    ("^sigmod(x)", "'sigmod' is not a function symnn knows.", "Did you mean sigmoid?"),
    ("x + ^frobnicate(x)", "Give its definition in place of it."),
    ("y * ^x(y)", "x is no function. Write * for a product, x*(...)."),
    ("x ^W", "Write * between factors, or @ for a product of matrices."),
    ("2 ^x", "Write * between factors"),
    ("(x + y ^y)", "expected ')' here", "Write * between factors"),
    ("(x + y^", "expected ')' here, found the end."),
    ("x + y^)", "nothing more was expected here, found ')'."),
    ("x[0^", "expected ',' or ']' here"),
    ("sum(x, 0^", "expected ',' or ')' here"),
    ("x +^", "a number, a name or a bracket was expected; the formula ends here."),
    ("x + ^* y", "found '*'."),
    ("x ^// 2", "Write / for a quotient."),
    ("x ^× y", "Write * for a product."),
    ("x^²", "Write **2."),
    ("^∑ x", "Write sum_j(...) or sum(x, axis)."),
    (r"^\frac{x}{y}", "LaTeX is read where it is announced"),
    ("x + y ^= 2", "only a name, or a name with index letters, can stand before =."),
    ("x; ^y", "Give all but the last a name, delta = ..."),
    ("x.^foo", ".foo is not known here.", "write other functions as f(x)."),
    ("^x[5, 0, 0]", "3 positions are given for 2 axes."),
    ("x[^]", "there is nothing between the brackets."),
    ("^x[..., ...]", "... stands twice between the brackets."),
    ("x[1:2:3:^4]", "a range has at most two colons."),
    ("x[^0.5]", "a position is a whole number."),
    ("x[^pi]", "a position is a whole number."),
    ("v[^s + 1]", "a position is a whole number."),
    ("x[^x > 0]", "Multiply by it."),
    ("x[^r]", "an array of real numbers is no array of positions."),
    ("x[^t]", "positions below C index an axis of N."),
    ("x[^::3]", "only the steps 1 and, for a whole axis, -1 are known."),
    ("x[^3:1]", "from 3 to 1 there is nothing on an axis of N."),
    ("x[:^(-1)**0.5]", "a range is from one whole number, or size, to another."),
    ("x[^1:D]", "an axis of N is not known to reach as far as D."),
    ("^Q[0, :, l]", "put them side by side."),
    ("sum_n(^x[1:][n] * r[n])", "Write its position on the whole axis, x[n + 1] for x[1:][n]."),
    ("sum(x, axis=^2)", "there is no axis 2: the array has 2 axes."),
    ("sum(x, axis=^(0, -2))", "an axis is given twice."),
    ("sum(x, axis=^0.5)", "a whole number is expected here."),
    ("sum(x, keepdims=^1)", "True or False is expected here."),
    ("^sum(x, dims=0)", "sum() takes no dims= here; it takes x, axis, keepdims."),
    ("sum(axis=0, ^x)", "an argument without a name stands after one with a name."),
    ("^exp()", "exp() needs x: exp(x)."),
    ("^exp(x, y)", "exp() takes 1 arguments (x), found 2."),
    ("^max(x, axis=1)", "maximum(x, y) of two arrays is", "softmax(z), logsumexp(z, axis)."),
    ("^x.reshape(2, 2)", "Write the axes out instead of reshaping, x[n, i, j]."),
    ("^where(x > 0, x)", "where() needs y: where(condition, x, y)."),
    ("^norm(x, 3)", "the norms known are 1 and 2."),
    ("einsum(^x, y)", "einsum() takes its subscripts first, einsum('nd,hd->nh', x, W)."),
    ("einsum(^'ndk', x)", "the subscripts 'ndk' do not fit an array of shape (N, D)."),
    ("einsum(^'nd,dh->nk', x, W)", "the result 'nk' names a letter twice, or one that no array has."),
    ("transpose(x, ^(0, 2))", "(0, 2) is no order of 2 axes."),
    ("^squeeze(x, 0)", "only an axis of size 1 can be left out"),
    ("onehot(^x)", "Declare it with sn.labels(...)."),
    ("onehot(t, ^D)", "these labels have C classes."),
    ("x * ^'nd'", "a quoted text is only known as the subscripts of einsum."),
    ("s * ^(1 / 0)", "this divides by 0."),
    ("x + ^1e99", "at most 40 digits and powers of ten up to 60 are read."),
    ("^x ** 200", "powers up to 100 are read, found 200."),
    ("s + ^f'(x)", "f is not a function of one number that symnn knows."),
    ("^relu''''(x)", "derivatives up to the third are read."),
    ("relu'^", "write its argument after it."),
    ("^g[n, d] = x[n, d] * y", "Give every axis an index, or none."),
    ("^z[n] = x[n, d]; z", "write z[n,d] = ..., with all of its index letters."),
    ("^shape(x)", "written x.shape[0], or len(x) for the first."),
    ("s + ^mse(x)", "mse() needs t: mse(y, t, reduction)."),
    ("^mse(x[n, d], y[n, d])", "mse() takes whole arrays, not entries."),
    (41 * "(" + "x" + 41 * ")", "brackets are nested more than 40 deep."),
    ("z = x @ W\nz @ ^b", "line 2, column 5: There is no name named 'b'."),
]  # fmt: skip
#: Formulas whose shapes do not fit: they have no value.
MISFITS = [
    ("2 * ^(x + r)", "+ of shapes (N, D) and (N,): axis 1 is D in one and N in another."),
    ("y - ^x @ y", "it sums over D on the left and over N on the right. The left one transposed would fit, x.T @ y."),
    ("^x @ W.T", "The right one transposed would fit, x @ y.T."),
    ("^s @ x", "found a number. Write * for that."),
    ("^Q @ x", "it sums over D on the left and over N on the right."),
    ("1 - ^where(x > 0, r, 0)", "where of shapes"),
    ("x * ^maximum(x, w)", "axis 1 is D in one and H in another."),
    ("^trace(x)", "takes a square one, found shape (N, D)."),
    ("v + ^diag(Q)", "diag() takes a vector or a square matrix, found shape (B, N, D)."),
    ("^outer(x, y)", "outer() takes two vectors"),
    ("^softmax(s)", "a softmax needs an axis, found a number."),
    ("^tril(v)", "a triangle is cut from a matrix, found shape (D,)."),
    ("s * ^mse(x, W)", "Make the two sizes equal: N and D."),
    ("z = x; z = ^z[N]; z", "position N is outside axis 0 of x, which has the size N."),
    ("s * ^x[N]", "outside axis 0"), ("0 * ^x[1, -D - 1]", "outside axis 1 of x, which has the size D."),
]


def assert_points(entry: tuple[str, ...], expected: type[FormulaError]) -> None:
    marked, *says = entry
    text, place = marked.replace("^", ""), marked.find("^")
    with pytest.raises(FormulaError) as caught:
        read_formula(text, SCOPE, ())
    error, message = caught.value, str(caught.value)
    assert type(error) is expected and all(s in message for s in says), message
    lines = message.split("\n")
    row = next(n for n, line in enumerate(lines) if line.strip() == "^")
    shown, column = lines[row - 1], lines[row].index("^")
    assert place < 0 or error.position == place, message
    assert shown[column : column + 1] == text[error.position : error.position + 1].replace("\n", "")
    where = error.position - text.rfind("\n", 0, error.position)
    assert f"column {where}: " in lines[0], message


@pytest.mark.parametrize("entry", UNREADABLE, ids=lambda e: e[0][:40].replace("\n", "; "))
def test_what_cannot_be_read_is_pointed_at(entry: tuple[str, ...]) -> None:
    assert_points(entry, FormulaError)


@pytest.mark.parametrize("entry", MISFITS, ids=lambda e: e[0])
def test_what_does_not_fit_is_pointed_at(entry: tuple[str, ...]) -> None:
    assert_points(entry, MismatchError)


def test_letters_that_are_not_those_of_the_gradient() -> None:
    for text, says in (
        ("g[n] = x[n, 0]", "this has the index letter n; the gradient has 2 indices, a, b."),
        ("x[n,k] * y[n,d] * s", "the gradient has 2 indices, a, b.\n    x[n,k] * y[n,d] * s\n    ^\n  Sum over"),
        ("sum_n(x[n,d] * y[n,k])", "Say so on the left: grad[d,k] = ..."),
    ):
        with pytest.raises(FormulaError, match="index|axis") as caught:
            read(text, "DD")
        assert says in str(caught.value)


@pytest.mark.xfail(strict=True, reason="what ranges of index letters do not allow is always pointed at in column 1")
@pytest.mark.parametrize("entry", [("1 + sum_n(^x[n, n])", "runs over"), ("2 * ^sum_k(v)", "has no range")])
def test_ranges_that_do_not_fit_are_pointed_at(entry: tuple[str, ...]) -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula(entry[0].replace("^", ""), SCOPE, ())
    assert entry[1] in str(caught.value) and caught.value.position == entry[0].find("^")


@pytest.mark.parametrize("text", ["einsum()", "cumsum(s, None)"])
def test_missing_arguments_are_an_error_of_the_formula(text: str) -> None:
    with pytest.raises(FormulaError):
        read_formula(text, SCOPE, ())


SIGNS = (
    "x y W v l t s N D n d 0 1 -1 0.5 ( ) [ ] , : ... None + - * / @ ** > == & ~ = ; . .T sum sum_n exp' exp where "
    "axis= 'nd' relu' g[n,d]= [:,None] [1:] [n] (x) (v)"
)


@given(st.lists(st.sampled_from(SIGNS.split(" ")), max_size=9))
@settings(max_examples=300)
def test_any_signs_are_a_formula_or_an_error_of_the_formula(signs: list[str]) -> None:
    for text in ("".join(signs), " ".join(signs)):
        try:
            read_formula(text, SCOPE, ())
        except FormulaError as error:
            assert 0 <= error.position <= len(text) and str(error)


@pytest.mark.parametrize(
    "sign", ["\x1b", "\x00", "\u202e", "\ud800", "\u200b", "\x7f"], ids=lambda c: f"U+{ord(c):04X}"
)  # fmt: skip
@pytest.mark.parametrize("text", ["x + {0}y", "{0}", "x{0}{0} + ", "q{0}(x)", "sum(x) # {0}\n + + nothing", "'{0}'"])
def test_errors_print_no_hidden_sign(text: str, sign: str) -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula(text.format(sign), SCOPE, ())
    message = str(caught.value)
    assert sign not in message and message.encode("utf-8").isascii()
    shown, pointer = message.split("\n")[1:3]
    assert len(pointer) <= len(shown) + 1


def test_the_caret_stands_below_a_sign_that_is_escaped() -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula("x + \x1by", SCOPE, ())
    shown, pointer = str(caught.value).split("\n")[1:3]
    assert shown[pointer.index("^") :] == "\\x1by"
