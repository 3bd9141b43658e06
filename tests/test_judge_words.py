"""The words of a diagnosis: what it says is true as it stands, of conditions, factors, counts, places and sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy

import symnn as sn
from symnn.judge.plainness import is_plain

N, D, C = sn.dims("N D C")
n, m, i, c = sn.indices("n m i c")
x, w = sn.input("x", (N, D)), sn.parameter("w", (D,))

CLIP = sn.define("q", (n, i), sympy.Max(-1, sympy.Min(1, x[n, i])) * w[i])
RELU = sn.define("z", (n, i), sympy.Max(0, x[n, i]) * w[i])
NORM = sn.batch_norm(sn.input("x", (N, D)))


def hinge() -> sn.Network:
    scores, t = sn.input("S", (N, C)), sn.labels("t", (N,), C)
    margin = sympy.Max(0, 1 + scores[n, c] - scores[n, t[n]]) * (1 - sympy.KroneckerDelta(c, t[n]))
    return sn.Network(sn.define("L", (), sn.sum(sn.sum(margin, c), n) / N))


def laplacian() -> sn.Network:
    A, X = sn.input("A", (N, N)), sn.input("X", (N, D))
    return sn.Network(sn.define("L", (), sn.sum(A[n, m] * sn.sum((X[n, i] - X[m, i]) ** 2, i), n, m) / 2))


def standardised() -> Any:
    mu = sn.define("mu", (i,), sn.sum(x[n, i], n) / N)
    spread = sn.sum((x[n, i] - mu[i]) ** 2, n) / (N - 1) + sn.scalars("eps", positive=True)
    sd = sn.define("sd", (i,), sympy.sqrt(spread))
    return sn.define("z", (n, i), (x[n, i] - mu[i]) / sd[i])


# -- conditions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "text", "says", "mended"),
    [
        (CLIP, "dq*w*((x<-1)|(x>1))", "is inverted", "dq*w*((x >= -1) & (x <= 1))"),
        (CLIP, "dq*w*(x<1)", "the bound x > -1 is missing beside x<1", "dq*w*((x<1) & (x > -1))"),
        (CLIP, "dq*w*(-1<x)", "the bound x < 1 is missing beside -1<x", "dq*w*((-1<x) & (x < 1))"),
        (CLIP, "dq*w*((x>-1)|(x<1))", "| stands where & belongs", "dq*w*((x>-1) & (x<1))"),
        (CLIP, "dq*w*((x>0)&(x<1))", "the bound 0 in x>0 must be -1", "dq*w*((x>-1)&(x<1))"),
        (CLIP, "dq*w*((x>-1)&(x<2))", "the bound 2 in x<2 must be 1", "dq*w*((x>-1)&(x<1))"),
        (RELU, "dz*w*~(x>0)", "the condition x>0 is inverted", "dz*w*(x>0)"),
        (RELU, "dz*w*(x>1)", "the bound 1 in x>1 must be 0", "dz*w*(x>0)"),
        (RELU, "dz*w*((x>0)&(w>0))", "the condition w>0 does not belong", "dz*w*(x>0)"),
    ],
)
def test_conditions_are_mended_as_conditions(layer: Any, text: str, says: str, mended: str) -> None:
    (d,) = sn.check_gradient(layer, "x", text).diagnosis
    assert (d.kind, d.mended) == ("mask", mended) and says in d.sentence
    assert sn.check_gradient(layer, "x", mended).word == "right"


def test_an_inverted_condition_is_told_of_code_too() -> None:
    def outside(dq: Any, w: Any, x: Any) -> Any:
        return dq * w * ((x < -1) | (x > 1))

    (d,) = sn.check_gradient(CLIP, "x", outside).diagnosis
    assert d.kind == "mask" and d.sentence.endswith("is inverted")


# -- factors -----------------------------------------------------------------------------------------------------------


def by_hand(gamma: Any, dout: Any, xhat: Any) -> Any:
    return gamma * (dout - dout.mean(0) - xhat * (dout * xhat).mean(0))


@pytest.mark.parametrize("candidate", ["gamma*(dout-mean(dout,0)-xhat*mean(dout*xhat,0))", by_hand])
def test_what_does_not_occur_does_not_stand_too_often(candidate: str | Callable[..., Any]) -> None:
    (d,) = sn.check_gradient(NORM, "x", candidate).diagnosis
    assert (d.kind, d.sentence) == ("factor", "the division by sigma is missing")
    if isinstance(candidate, str):
        assert d.mended == f"{candidate} / sigma" and sn.check_gradient(NORM, "x", d.mended).proved


def test_a_factor_left_out_is_no_name_for_another() -> None:
    z, t, y = sn.input("z", (N, D)), sn.input("t", (N, D)), sn.input("y", (N, D))
    g = sn.sigmoid(z, name="g")
    out = sn.define("o", (n, i), g[n, i] * t[n, i] + (1 - g[n, i]) * y[n, i])
    (d,) = sn.check_gradient(out, "z", "do*(t-y)*g").diagnosis
    assert (d.sentence, d.mended) == ("the factor (1 - g) is missing", "do*(t-y)*g * (1 - g)")


# -- places, sums, counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("m / N", "path", "the path through S[n,t[n]] is missing: only that through S[n,c] is taken"),
        ("-onehot(t) * sum(m, 1)[:, None] / N", "path", "the path through S[n,c] is missing"),
        ("(m - onehot(t)) / N", "factor", "is missing, in what passes through S[n,t[n]]"),
    ],
)
def test_places_of_one_tensor_are_told_apart(text: str, kind: str, says: str) -> None:
    given = f"m = (1 + S - S[arange(N), t][:, None] > 0) * (1 - onehot(t)); {text}"
    (d,) = sn.check_gradient(hinge(), "S", given).diagnosis
    assert d.kind == kind and says in d.sentence


def test_places_with_the_same_letters_are_told_by_the_sums_around_them() -> None:
    p, t = sn.parameter("p", (N,)), sn.input("t", (N,))
    dice = 1 - 2 * sn.sum(p[n] * t[n], n) / (sn.sum(p[n], n) + sn.sum(t[n], n))
    (d,) = sn.check_gradient(sn.Network(sn.define("L", (), dice)), "p", "-2*t/(sum(p)+sum(t))").diagnosis
    assert d.kind == "path" and d.sentence.startswith("the path through p[n] in Σ_n p[n] is missing")


@pytest.mark.parametrize(
    ("text", "lost"), [("(diag(sum(A,1)) - A) @ X", "A[l,n]"), ("(diag(sum(A,0)) - A.T) @ X", "A[n,m]")]
)
def test_half_of_a_gradient_is_told_by_the_matrix_transposed(text: str, lost: str) -> None:
    (d,) = sn.check_gradient(laplacian(), "X", text).diagnosis
    assert d.kind == "term" and lost in d.sentence and d.sentence.endswith("it is that with A transposed")


def test_counts_are_told_as_wholes() -> None:
    z = standardised()
    (d,) = sn.check_gradient(z, "x", "(dz - mean(dz,0) - z*mean(dz*z,0))/sd").diagnosis
    assert (d.kind, d.sentence) == ("n-minus-one", "mean(dz*z,0) divides by N, where N - 1 belongs")
    assert sn.check_gradient(z, "x", d.mended).proved
    (d,) = sn.check_gradient(z, "x", lambda dz, z, sd: (dz - dz.mean(0) - z * (dz * z).mean(0)) / sd).diagnosis
    assert (d.kind, d.sentence) == ("n-minus-one", "N stands where N - 1 belongs")


# -- what is mended ----------------------------------------------------------------------------------------------------


def test_no_mend_holds_what_nobody_writes() -> None:
    s = sn.scalars("s", positive=True)
    bell = sn.define("y", (n,), sympy.exp(-sn.sum(x[n, i] * w[i], i) / s))
    for text in ("-(dy*y)@x/(2*s)", "-(2*dy*y)@x/s", "-(N*dy*y)@x/s", "-(dy*exp(-x@w/(2*s)))@x/s"):
        (d,) = sn.check_gradient(bell, "w", text).diagnosis
        assert d.mended and is_plain(d.mended), d.mended
        assert sn.check_gradient(bell, "w", d.mended).proved
