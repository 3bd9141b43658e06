"""prove_equal: no false proof, also through facts; small and real refutations; what a verdict rests on is said."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

import symnn as sn
from symnn.algebra.field import PRIME, NoResidue, degree_bound
from symnn.algebra.modular import Residues
from symnn.ground.sympy_border import from_sympy
from symnn.verify.exact import ExactInterpreter, Irrational

N, C, D, K = sn.dims("N C D K")
n, m, c, k, i, j = sn.indices("n m c k i j")
q, z, w = sn.input("q", (N, C)), sn.input("z", (N, C)), sn.input("w", (N,))
x, y, u, v = (sn.input(name, (D,)) for name in "xyuv")
A, B, Q = (sn.input(name, (D, D)) for name in "ABQ")
P = sn.input("P", (N, C), positive=True)
W = sn.parameter("W", (C, D))
t = sn.labels("t", (N,), C)
eps = sn.scalars("eps", positive=True)
S = sn.sum
delta = sp.KroneckerDelta

ROWS = (S(q[n, c], c), 1)
UNIT = (S(u[i] ** 2, i), 1)
SYMMETRIC = (A[i, j], A[j, i])
ORTHOGONAL = (S(Q[i, k] * Q[j, k], k), delta(i, j))

TRUE: dict[str, tuple[Any, Any, Any]] = {
    "polynomial": (S((x[i] + 1) ** 2, i), S(x[i] ** 2, i) + 2 * S(x[i], i) + D, ()),
    "lagrange": (
        S(x[i] ** 2, i) * S(y[i] ** 2, i) - S(x[i] * y[i], i) ** 2,
        S((x[i] * y[j] - x[j] * y[i]) ** 2, i, j) / 2,
        (),
    ),
    "log-sum": (sp.log(P[n, c] ** 2 * sp.exp(z[n, c])), 2 * sp.log(P[n, c]) + z[n, c], ()),
    "derivative": (sp.Derivative(S(sp.tanh(x[i]), i), x[j]), 1 - sp.tanh(x[j]) ** 2, ()),
    "rows": (S(q[n, c], c), 1, [ROWS]),
    "one pair alone": (S(q[n, c], c), 1, ROWS),
    "an Eq": (S(q[n, c], c), 1, [sp.Eq(*ROWS)]),
    "inside a longer sum": (S(w[n] * q[n, c], n, c), S(w[n], n), [ROWS]),
    "twice": (S(q[n, c] * q[n, k], n, c, k), N, [ROWS]),
    "below a line": (w[n] / S(q[n, c], c), w[n], [ROWS]),
    "inside a function": (sp.log(S(q[n, c], c)), 0, [ROWS]),
    "two facts": (S(q[n, c] * u[i] ** 2, n, c, i), N, [ROWS, UNIT]),
    "projection": (S(u[i] * (x[i] - u[i] * S(u[j] * x[j], j)), i), 0, [UNIT]),
    "a root of a fact": (sp.sqrt(S(u[i] ** 2, i)), 1, [UNIT]),
    "a fact with a root": (S(u[i] ** 2, i), 1, [(sp.sqrt(S(u[i] ** 2, i)), 1)]),
    "symmetric": (S(A[i, k] * A[k, j], k), S(A[j, k] * A[k, i], k), [SYMMETRIC]),
    "orthogonal": (S(Q[i, k] * x[i] * Q[j, k] * x[j], i, j, k), S(x[i] ** 2, i), [ORTHOGONAL]),
    "a product": (S(x[i] * y[i] * u[i], i), S(u[i], i), [(x[i] * y[i], 1)]),
    "diagonal": (S(A[i, i] * x[i], i), 0, [(A[i, i], 0)]),
    "a sign": (sp.log(q[n, c] ** 2), 2 * sp.log(q[n, c]), [q[n, c] > 0]),
    "a turned sign": (sp.Abs(q[n, c]), -q[n, c], [q[n, c] <= 0]),
    "an order": (sp.Max(x[i], y[i]), x[i], [x[i] > y[i]]),
    "one fact rewrites another": (S(z[n, c], c), 1, [ROWS, (q[n, c], z[n, c])]),
    "a mean": (S(x[i] - v[i], i), 0, [(v[j], S(x[i], i) / D)]),
    "derived from softmax": (S(w[n] * sn.softmax(z, name="p")[n, c], n, c), S(w[n], n), ()),
    "the fact itself": (sp.Max(x[i], y[i]), y[i], [(sp.Max(x[i], y[i]), y[i])]),
    "the fact turned": (A[j, i], A[i, j], [SYMMETRIC]),
    "a condition that holds": (sn.indicator(x[i] > y[i]), 1, [(sn.indicator(x[i] > y[i]), 1)]),
    "at least 0": (sp.Max(x[i], 0), x[i], [x[i] >= 0]),
    "at least another": (sp.Max(x[i], y[i]), x[i], [x[i] >= y[i]]),
    "moduli of what is not negative": (S(sp.Abs(x[i]), i), S(x[i], i), [x[i] >= 0]),
    "a root of what is not negative": (sp.sqrt(x[i] ** 2), x[i], [x[i] >= 0]),
    "a simplex": (S(sp.Abs(q[n, c]), c), 1, [ROWS, q[n, c] >= 0]),
    "positive rows": (S(w[n] * P[n, c], c), w[n], [(S(P[n, c], c), 1)]),
    "above by something positive": (sn.indicator(z[n, c] > q[n, c]), 1, [(z[n, c] - q[n, c], P[n, c])]),
    "below 0 by something positive": (sp.Abs(q[n, c]), -q[n, c], [(q[n, c], -P[n, c])]),
    "a skew form": (S(x[i] * A[i, j] * x[j], i, j), 0, [(A[i, j], -A[j, i])]),
    "a skew diagonal": (A[i, i], 0, [(A[i, j], -A[j, i])]),
    "a skew form turned": (S(x[i] * A[i, j] * y[j], i, j), -S(y[i] * A[i, j] * x[j], i, j), [(A[i, j], -A[j, i])]),
    "by its modulus": (x[i] / sp.Abs(x[i]), sp.sign(x[i]), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_true_claims_are_proved(name: str) -> None:
    a, b, facts = TRUE[name]
    verdict = sn.prove_equal(a, b, given=facts)
    assert verdict.verdict == "proved", str(verdict)
    assert verdict


p = sn.softmax(z, name="p")
FALSE: dict[str, tuple[Any, Any, Any]] = {
    "the other axis": (S(q[n, c], n), 1, [ROWS]),
    "part of the range": (S(q[n, c] * delta(c, 0), c), 1, [ROWS]),
    "one entry, not the sum": (q[n, c], 1, [ROWS]),
    "another tensor": (S(z[n, c], c), 1, [ROWS]),
    "a square of the summand": (S(q[n, c] ** 2, c), 1, [ROWS]),
    "a factor that depends on the sum": (S(q[n, c] * z[n, c], c), S(z[n, c], c), [ROWS]),
    "diagonal for all": (A[i, j], 0, [(A[i, i], 0)]),
    "first row for all": (A[i, j], 0, [(A[0, j], 0)]),
    "derivative of a constant": (sp.Derivative(S(q[n, c], c), q[n, k]), 0, [ROWS]),
    "sign of another": (sp.Abs(z[n, c]), z[n, c], [q[n, c] > 0]),
    "sign of one entry": (sp.Abs(A[i, j]), A[i, j], [A[i, i] > 0]),
    "sign of the sum": (sp.Abs(q[n, c]), q[n, c], [S(q[n, c], c) > 0]),
    "not negative is not positive": (sn.indicator(q[n, c] > 0), 1, [q[n, c] >= 0]),
    "not zero has no sign": (sp.Abs(x[i]), x[i], [sp.Ne(x[i], 0)]),
    "a square root has two signs": (x[i], 1, [(x[i] ** 2, 1)]),
    "skew with two vectors": (S(x[i] * A[i, j] * y[j], i, j), 0, [(A[i, j], -A[j, i])]),
    "the other of a maximum": (sp.Max(x[i], y[i]), x[i], [(sp.Max(x[i], y[i]), y[i])]),
    "the fact of another entry": (A[i, i], 1, [(A[i, j] * B[i, j], B[i, j])]),
    "by its positive part": (sp.Max(x[i], 0) / sp.Abs(x[i]), 1, ()),
    "a vanishing product": (x[i], 0, [(x[i] * y[i], 0)]),
    "transposed": (S(A[i, j] * x[j], j), S(A[j, i] * x[j], j), ()),
    "symmetry of another": (B[i, j], B[j, i], [SYMMETRIC]),
    "mean for sum": (S(P[n, c], c) / C, S(P[n, c], c), ()),
    "a tie": (sn.indicator(x[i] > 0) + sn.indicator(x[i] < 0), 1, ()),
    "columns of softmax": (S(p[n, c], n), 1, ()),
    "sum of roots": (sp.sqrt(S(x[i] ** 2, i)), S(sp.Abs(x[i]), i), ()),
    "only where D > 1, irrational": (S(u[i], i), 0, [(S(sp.exp(u[i]), i), 1)]),
    "only where D > 2": (S(u[i], i) ** 2 * S(u[i] ** 4, i), S(u[i] ** 2, i) ** 3, [(S(u[i], i) * (D - 1), 0)]),
    "sizes": (N * D, N + D, ()),
    "numbers": (1, 2, ()),
    "a constant summed": (S(sp.Integer(1) * x[i] ** 0, sn.index("r", D)), 1, ()),
}


@pytest.mark.parametrize("name", FALSE)
def test_false_claims_are_refuted(name: str) -> None:
    a, b, facts = FALSE[name]
    verdict = sn.prove_equal(a, b, given=facts)
    assert verdict.verdict == "refuted", str(verdict)
    assert not verdict and verdict.counterexample is not None


def test_a_fact_at_a_kink_decides_no_derivative() -> None:
    relu = sp.Derivative(S(sp.Max(x[i], 0), i), x[j])
    for other in (sn.indicator(x[j] >= 0), sn.indicator(x[j] > 0)):
        assert sn.prove_equal(relu, other)
        for facts in ([(x[i], 0)], [(x[0], 0)]):
            assert sn.prove_equal(relu, other, given=facts).verdict in ("undecided", "not run")


R = sn.define("R", (i,), sp.Max(x[i], 200 + y[i] ** 2))
H = sn.relu(x, name="H")
APART = sn.define("apart", (i, j), x[i] - x[j])
#: These hold off what looks like a kink, and it is none: an open set, or not one of what is differentiated.
NOT_WAIVED: dict[str, tuple[Any, Any, Any]] = {
    "equal on an open set": (sp.Derivative(u[i] * sp.sign(x[i] - R[i]) ** 2, u[i]), 1, ()),
    "an equality on an open set": (sp.Derivative(u[i] * sn.indicator(sp.Eq(x[i], R[i])), u[i]), 0, ()),
    "not above on an open set": (
        sp.Derivative(u[i] * sn.indicator(x[i] >= R[i]), u[i]), sn.indicator(x[i] > R[i]), (),
    ),
    "an open set in the variable": (sp.Derivative(sp.Abs(x[i] - R[i]), x[i]), -1 + 0 * x[i], ()),
    "an open set by a fact": (
        sp.Derivative(u[i] * sp.sign(x[i] - v[i]) ** 2, u[i]), 1, [(x[i], sp.Max(v[i], 200 + y[i] ** 2))],
    ),
    "tied by a fact": (
        sp.Derivative(sp.Abs(x[i] - v[i]), x[i]), 2 * sn.indicator(x[i] >= v[i]) - 1,
        [(x[i], sp.Max(v[i], 200 + y[i] ** 2))],
    ),
    "beside the derivative": (
        sp.Derivative(x[i] ** 2, x[i]) + 5 * sn.indicator(sp.Eq(x[i], 1234 + y[i] ** 2)), 2 * x[i], (),
    ),
    "beside it at pi": (sp.Derivative(x[i] ** 2, x[i]) + 5 * sn.indicator(sp.Eq(x[i], sp.pi)), 2 * x[i], ()),
    "a computed variable that is 0 on half of the line": (
        sp.Derivative(sp.Max(H[i], 0), H[i]), sn.indicator(H[i] > 0) + 5 * sn.indicator(sp.Eq(H[i], 0)), (),
    ),
    "a computed variable that is 0 on a diagonal": (
        sp.Derivative(sp.Abs(APART[i, j]), APART[i, j]),
        sp.sign(APART[i, j]) + sn.indicator(sp.Eq(APART[i, j], 0)), (),
    ),
    "where there is a derivative": (
        sp.Derivative(sp.Max(x[i], 0) ** 2, x[i]), 2 * sp.Max(x[i], 0) + 7 * sn.indicator(sp.Eq(x[i], 0)), (),
    ),
    "where there is one of a product": (
        sp.Derivative(x[i] * sp.Abs(x[i]), x[i]), 2 * sp.Abs(x[i]) + 7 * sn.indicator(sp.Eq(x[i], 0)), (),
    ),
    "what is held": (
        sp.Derivative(sp.Max(sn.stop_gradient(x[i]), 0) * x[i], x[i]),
        sp.Max(x[i], 0) + 3 * sn.indicator(sp.Eq(x[i], 0)), (),
    ),
    "a kink in another variable": (sp.Derivative(u[i] * sp.sign(x[i] - 77) ** 2, u[i]), 1, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_WAIVED)
def test_only_a_null_set_in_the_variable_of_what_is_differentiated_is_waived(name: str) -> None:
    a, b, facts = NOT_WAIVED[name]
    assert sn.prove_equal(a, b, given=facts).verdict != "proved"


def test_a_kink_in_the_variable_is_waived_where_a_fact_is_of_something_else() -> None:
    relu = sp.Derivative(S(sp.Max(q[n, c], 0) * z[n, c], n, c), q[m, k])
    given = [(S(w[n], n), 1)]
    assert sn.prove_equal(relu * S(w[n], n), sn.indicator(q[m, k] >= 0) * z[m, k], given=given)


def test_a_kink_in_a_computed_variable_is_waived_where_it_takes_each_value_on_a_null_set() -> None:
    bias = sn.parameter("bias", (C,))
    for a in (sn.define("a", (c,), S(W[c, i] * x[i], i)), sn.define("a", (c,), S(W[c, i] * x[i], i) + bias[c])):
        assert sn.prove_equal(sp.Derivative(sp.Max(a[c], 0), a[c]), sn.indicator(a[c] >= 0))


SHARES = sn.softmax(x, name="shares")
HOLD_WHERE_SOLVED: dict[str, tuple[Any, Any, Any]] = {
    "exp": (x[i], 0, [(sp.exp(x[i]), 1)]),
    "softmax": (x[i] - x[j], 0, [(SHARES[i], SHARES[j])]),
    "cubic": (x[i], 0, [(x[i] ** 3 + x[i], 0)]),
    "quartic": (x[i], 0, [(x[i] ** 4, 0)]),
    "not above": (sn.indicator(x[i] ** 2 > 2), 0, [(x[i] ** 2, 2)]),
    "equal": (sn.indicator(sp.Eq(x[i] ** 2, 2)), 1, [(x[i] ** 2, 2)]),
}


@pytest.mark.parametrize("name", HOLD_WHERE_SOLVED)
def test_what_a_fact_fixes_up_to_rounding_is_not_refuted(name: str) -> None:
    a, b, facts = HOLD_WHERE_SOLVED[name]
    assert sn.prove_equal(a, b, given=facts).verdict != "refuted"


@pytest.mark.parametrize(("a", "b", "fact"), [
    (x[i], 1, (sp.exp(x[i]), 1)), (x[i] ** 2, 3, (x[i] ** 2, 2)), (x[i], sp.Rational(7, 5), (x[i] ** 2, 2)),
    (sn.indicator(x[i] ** 2 > 1), 0, (x[i] ** 2, 2)),
])  # fmt: skip
def test_and_what_is_false_there_is(a: Any, b: Any, fact: Any) -> None:
    found = sn.prove_equal(a, b, given=[fact]).counterexample
    assert found is not None and found.left != found.right


def test_declared_signs_hold_where_facts_are_tried() -> None:
    r = sn.input("r", (N, C), positive=True)
    for facts in ([(P[n, c] ** 2, r[n, c] ** 2)], [(sp.Abs(P[n, c]), r[n, c])]):
        assert sn.prove_equal(P[n, c], r[n, c], given=facts).verdict != "refuted"
    assert sn.prove_equal(sp.Max(P[n, c], 0), -5, given=[(P[n, c], -5)]).verdict == "undecided"
    found = sn.prove_equal(P[n, c], 1, given=[(S(P[n, c], c), 1)]).counterexample
    assert found is not None and all(e > 0 for array in found.entries.values() for e in np.ravel(array))


def test_a_sign_is_seen_to_hold_where_it_was_tried_twice() -> None:
    assert not sn.prove_equal(x[i] ** 2 / x[i], x[i], given=[x[i] > 0]).conditions


def test_two_indices_of_one_letter_are_told_apart() -> None:
    a, b = sn.index("a"), sn.index("a")
    found = sn.prove_equal(A[a, b], A[b, a]).counterexample
    assert found is not None and set(found.position) == {"a", "a'"}


CONTRADICTORY: dict[str, Any] = {
    "two sums": [ROWS, (S(q[n, c], c), 2)],
    "a negative square": [(w[n] ** 2, -1)],
    "captured": [(w[n], 1), (w[m], 0)],
    "a sign against a value": [w[n] > 0, (w[n], -1)],
    "a sum of squares": [(S(w[n] ** 2, n), -1)],
    "all and one": [(q[n, c], 1), (q[0, 0], 2)],
}


@pytest.mark.parametrize("name", CONTRADICTORY)
def test_contradictory_facts_prove_nothing(name: str) -> None:
    for claim in ((w[n], 0), (S(q[n, c], c), 5), (1, 2), (w[n] ** 2, -1), (w[n], -1)):
        assert sn.prove_equal(*claim, given=CONTRADICTORY[name]).verdict in ("undecided", "not run"), claim


def test_a_fact_for_some_sizes_only_proves_nothing_for_all() -> None:
    facts = [(S(x[i], i), 1), (x[i], 1)]  # together only where D = 1
    verdict = sn.prove_equal(D, 1, given=facts)
    assert any("D = 1, no point was found at D = 2" in line for line in verdict.conditions), str(verdict)


# -- the smallest counterexample -----------------------------------------------------------------------------------


def test_sizes_grow_from_one_and_entries_are_plain() -> None:
    found = sn.prove_equal(S(A[i, j] * x[j], j), S(A[j, i] * x[j], j)).counterexample
    assert found is not None and found.exact
    assert found.sizes == {D: 2}
    entries = [Fraction(e) for array in found.entries.values() for e in np.asarray(array, dtype=object).flat]
    assert sum(e != 0 for e in entries) == 2 and set(entries) <= {0, 1}
    assert abs(found.left - found.right) == 1


def test_a_counterexample_satisfies_the_facts_exactly() -> None:
    found = sn.prove_equal(S(q[n, c] ** 2, c), 1, given=[ROWS, q[n, c] >= 0]).counterexample
    assert found is not None and found.exact
    rows = np.asarray(found.entries[q], dtype=object)
    assert all(sum(row) == 1 and min(row) >= 0 for row in rows)
    assert sum(e**2 for e in rows[found.position["n"]]) == found.left != found.right == 1


def test_a_counterexample_with_an_irrational_value_says_that_it_is_rounded() -> None:
    verdict = sn.prove_equal(sp.exp(x[i]), 1 + x[i])
    assert verdict.counterexample is not None and not verdict.counterexample.exact
    assert "rounded" in str(verdict)


def test_a_derivative_is_not_refuted_at_its_kink() -> None:
    body = S(sp.Max(x[i], 0), i)
    assert sn.prove_equal(sp.Derivative(body, x[j]), sn.indicator(x[j] >= 0)).verdict == "proved"
    assert sn.prove_equal(sn.indicator(x[j] > 0), sn.indicator(x[j] >= 0)).verdict == "refuted"


def test_outside_the_domain_nothing_is_refuted() -> None:
    assert sn.prove_equal(sp.sqrt(x[i]) ** 2, x[i]).verdict == "proved"
    verdict = sn.prove_equal(sp.log(-(x[i] ** 2) - 1), sp.log(-(x[i] ** 2) - 2))
    assert verdict.verdict in ("undecided", "not run") and "defined" in verdict.detail


# -- what it says --------------------------------------------------------------------------------------------------


def test_what_a_proof_rests_on_is_listed() -> None:
    verdict = sn.prove_equal((x[i] * y[i] + x[i]) / (x[i] * S(q[n, c], c)), y[i] + 1, given=[ROWS])
    assert any("x" in line and "0" in line for line in verdict.conditions)
    assert any(">= 1" in line for line in verdict.known)
    assert len(verdict.facts) == 1 and "q" in verdict.facts[0]


def test_a_derived_fact_says_where_it_comes_from() -> None:
    xc = sn.define("xc", (n, c), z[n, c] - S(z[m, c], m) / N)
    verdict = sn.prove_equal(S(xc[n, c] * S(x[i], i), n), 0)
    assert verdict and any("definition of xc" in line for line in verdict.derived), str(verdict)


def test_one_less_than_a_size_may_be_zero() -> None:
    verdict = sn.prove_equal(S(x[i], i) / (D - 1), S(x[i] * D, i) / (D * (D - 1)))
    assert verdict and "D - 1 != 0" in verdict.conditions, str(verdict)
    assert not sn.prove_equal(S(x[i], i) / (D + 1), S(2 * x[i], i) / (2 * D + 2)).conditions


def test_a_derived_fact_brings_the_conditions_of_its_definition() -> None:
    xc = sn.define("xc", (n, c), z[n, c] / S(z[n, k], k))
    verdict = sn.prove_equal(S(xc[n, c] * w[n], n, c), S(w[n], n))
    assert verdict and verdict.derived and any("Σ_k z[n,k] != 0" in line for line in verdict.conditions), str(verdict)


def test_it_shows_itself() -> None:
    for verdict in (sn.prove_equal(*ROWS, given=[ROWS]), sn.prove_equal(x[i], y[i])):
        for shown in (str(verdict), verdict.text(), verdict.html(), verdict.markdown(), verdict.latex()):
            assert verdict.verdict in shown
        assert verdict._repr_html_()


def test_derivations_and_tensors_are_sides() -> None:
    d = sn.derivative(-sp.log(P[n, c]), P[n, k])
    assert sn.prove_equal(d, -delta(c, k) / P[n, c])
    assert sn.prove_equal(-delta(c, k) / P[n, c], d)
    assert sn.prove_equal(d, delta(c, k) / P[n, c]).verdict == "refuted"
    r = sn.define("r", (n, c), sp.exp(z[n, c]) / S(sp.exp(z[n, k]), k))
    assert sn.prove_equal(r, p)
    assert sn.prove_equal(r, lambda a, b: p[a, b])
    assert sn.prove_equal(r[n, c], p[n, c])
    loss = sn.define("L", (), S(W[c, i] ** 2, c, i))
    assert sn.prove_equal(sn.Network(loss).gradient("W"), lambda a, b: 2 * W[a, b])


ERRORS: dict[str, Any] = {
    "text": lambda: sn.prove_equal("x", 1),
    "text on the right": lambda: sn.prove_equal(x[i], "x[i]"),
    "text as a fact": lambda: sn.prove_equal(x[i], 0, given="x[i] = 0"),
    "text in a fact": lambda: sn.prove_equal(x[i], 0, given=[("x", 0)]),
    "a Python comparison": lambda: sn.prove_equal(x[i], 0, given=[x[i] == 0]),
    "a false fact": lambda: sn.prove_equal(x[i], 0, given=[sp.Eq(sp.Integer(1), 2)]),
    "a lonely expression": lambda: sn.prove_equal(x[i], 0, given=[x[i]]),
    "a number": lambda: sn.prove_equal(x[i], 0, given=3),
    "no range": lambda: sn.prove_equal(k, 1),
    "two sizes": lambda: sn.prove_equal(x[n], w[n]),
    "two shapes": lambda: sn.prove_equal(sn.softmax(z), sn.softmax(sn.input("zz", (C, N)))),
    "foreign": lambda: sn.prove_equal(sp.IndexedBase("g")[i], x[i]),
    "whole tensor": lambda: sn.prove_equal(x, 1),
    "another index": lambda: sn.prove_equal(sn.derivative(x[i] ** 2, x[i]), 2 * x[j]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_sentences(name: str) -> None:
    with pytest.raises(sn.SymnnError) as caught:
        ERRORS[name]()
    assert str(caught.value).count(" ") > 4 and "Traceback" not in str(caught.value)


# -- random claims against an oracle of its own --------------------------------------------------------------------

Node = tuple[Any, ...]
LENGTHS = {"a": 2, "b": 3}
ENTRIES = {"X": "ab", "Y": "b", "Z": "a"}
TENSORS = {"X": sn.input("X", (N, D)), "Y": sn.input("Y", (D,)), "Z": sn.input("Z", (N,))}


def grown(rng: random.Random, depth: int, free: str) -> Node:
    """Return a random formula in free indices: entries, numbers, sums, products, sums over an index."""
    kind = rng.choice(("entry", "entry", "number", "add", "mul", "sum")) if depth else rng.choice(("entry", "number"))
    if kind == "number":
        return ("number", Fraction(rng.randint(-3, 3), rng.choice((1, 1, 2))))
    if kind == "entry":
        fits = [e for e, axes in ENTRIES.items() if set(axes) <= set(free)]
        return ("entry", rng.choice(fits)) if fits else ("number", Fraction(2))
    if kind == "sum":
        left = [a for a in LENGTHS if a not in free]
        if left:
            letter = rng.choice(left)
            return ("sum", letter, grown(rng, depth - 1, free + letter))
        kind = "add"
    return (kind, grown(rng, depth - 1, free), grown(rng, depth - 1, free))


def turned(node: Node, rng: random.Random) -> Node:
    """Return the same value written otherwise: commuted, distributed, sums split."""
    match node:
        case ("add" | "mul", a, b):
            a, b = turned(a, rng), turned(b, rng)
            if node[0] == "mul" and b[0] == "add" and rng.random() < 0.7:
                return ("add", ("mul", a, b[1]), ("mul", a, b[2]))
            return (node[0], b, a) if rng.random() < 0.5 else (node[0], a, b)
        case ("sum", letter, body):
            body = turned(body, rng)
            if body[0] == "add":
                return ("add", ("sum", letter, body[1]), ("sum", letter, body[2]))
            return ("sum", letter, body)
    return node


def changed(node: Node, rng: random.Random) -> Node:
    """Return a formula changed in one place."""
    match node:
        case ("number", value):
            return ("number", value + rng.choice((1, -1, Fraction(1, 2))))
        case ("entry", _):
            return ("mul", ("number", Fraction(rng.choice((2, -1)))), node)
        case ("sum", letter, body):
            return ("sum", letter, changed(body, rng))
    side = rng.choice((1, 2))
    return tuple(changed(part, rng) if number == side else part for number, part in enumerate(node))


def typed(node: Node, at: dict[str, Any]) -> Any:
    """Return the formula as a user types it."""
    match node:
        case ("number", value):
            return sp.Rational(value.numerator, value.denominator)
        case ("entry", name):
            return TENSORS[name][tuple(at[a] for a in ENTRIES[name])]
        case ("add", a, b):
            return typed(a, at) + typed(b, at)
        case ("mul", a, b):
            return typed(a, at) * typed(b, at)
    bound = sn.index(node[1], N if node[1] == "a" else D)
    return sn.sum(typed(node[2], {**at, node[1]: bound}), bound)


def worth(node: Node, at: dict[str, int], values: dict[str, Any], lengths: dict[str, int]) -> Fraction:
    """Return the formula's value, by recursion over its own form."""
    match node:
        case ("number", value):
            return value
        case ("entry", name):
            return values[name][tuple(at[a] for a in ENTRIES[name])]
        case ("add", a, b):
            return worth(a, at, values, lengths) + worth(b, at, values, lengths)
        case ("mul", a, b):
            return worth(a, at, values, lengths) * worth(b, at, values, lengths)
    return sum(
        (worth(node[2], {**at, node[1]: r}, values, lengths) for r in range(lengths[node[1]])), start=Fraction(0)
    )


def some(rng: random.Random, lengths: dict[str, int]) -> dict[str, Any]:
    out = {}
    for name, axes in ENTRIES.items():
        shape = [lengths[a] for a in axes]
        out[name] = {at: Fraction(rng.randint(-9, 9), rng.randint(1, 5)) for at in product(*map(range, shape))}
    return out


def agree(a: Node, b: Node, free: str, rng: random.Random) -> bool:
    for lengths in ({"a": 1, "b": 1}, {"a": 2, "b": 3}, {"a": 3, "b": 2}):
        values = some(rng, lengths)
        for spot in product(*(range(lengths[f]) for f in free)):
            at = dict(zip(free, spot, strict=True))
            if worth(a, at, values, lengths) != worth(b, at, values, lengths):
                return False
    return True


@settings(max_examples=60, deadline=None)
@drawn(st.integers(0, 10**9), st.sampled_from(["", "a", "b", "ab"]), st.booleans())
def test_random_claims_against_an_oracle(seed: int, free: str, wrong: bool) -> None:
    rng = random.Random(seed)
    left = grown(rng, 4, free)
    right = turned(left, rng)
    if wrong:
        right = changed(right, rng)
    letters = {f: sn.index(f, N if f == "a" else D) for f in free}
    verdict = sn.prove_equal(typed(left, letters), typed(right, letters))
    holds = agree(left, right, free, rng)
    assert verdict.verdict == ("proved" if holds else "refuted"), str(verdict)
    found = verdict.counterexample
    if found is not None:
        lengths = {"a": int(found.sizes.get(N, 1)), "b": int(found.sizes.get(D, 1))}
        values = some(rng, lengths)  # of what SymPy cancelled away
        for name, tensor in TENSORS.items():
            if tensor in found.entries:
                array = np.asarray(found.entries[tensor], dtype=object)
                values[name] = {at: Fraction(array[at]) for at in np.ndindex(*array.shape)}
        spot = found.position
        assert worth(left, spot, values, lengths) == found.left
        assert worth(right, spot, values, lengths) == found.right != found.left


@settings(max_examples=40, deadline=None)
@drawn(st.integers(0, 10**9), st.booleans())
def test_random_claims_under_a_fact_against_an_oracle(seed: int, wrong: bool) -> None:
    """The rows of X sum to 1: the last entry of each row is put in by hand in the oracle."""
    rng = random.Random(seed)
    weight, rest = grown(rng, 2, "a"), grown(rng, 3, "a")
    left = ("add", ("sum", "b", ("mul", ("entry", "X"), weight)), rest)
    right = ("add", changed(weight, rng) if wrong else weight, turned(rest, rng))
    a, b = sn.index("a", N), sn.index("b", D)
    fact = (sn.sum(TENSORS["X"][a, b], b), 1)
    verdict = sn.prove_equal(typed(left, {"a": a}), typed(right, {"a": a}), given=[fact])
    holds = True
    for lengths in ({"a": 1, "b": 1}, {"a": 2, "b": 3}, {"a": 3, "b": 2}):
        values = some(rng, lengths)
        for r in range(lengths["a"]):
            last = lengths["b"] - 1
            values["X"][r, last] = 1 - sum((values["X"][r, s] for s in range(last)), start=Fraction(0))
        for r in range(lengths["a"]):
            holds &= worth(left, {"a": r}, values, lengths) == worth(right, {"a": r}, values, lengths)
    assert verdict.verdict == ("proved" if holds else "refuted"), str(verdict)


# -- modulo a prime ------------------------------------------------------------------------------------------------


def test_the_prime_is_safe_and_small_primes_are_squares() -> None:
    assert sp.isprime(PRIME) and sp.isprime((PRIME - 1) // 2)
    assert all(pow(s, (PRIME - 1) // 2, PRIME) == 1 for s in (2, 3, 5, 7, 11, 13))


def residues(a: Any, b: Any) -> bool:
    """Tell whether two scalar formulas agree modulo the prime."""
    for seed in range(40):
        field = Residues({N: 2, C: 3, D: 4}, seed)
        try:
            left, right = field.value(from_sympy(a), {}), field.value(from_sympy(b), {})
        except NoResidue as reason:
            assert reason.again
            continue
        assert 0 <= degree_bound(left, right) < 10**6
        return left.residue == right.residue
    raise AssertionError("no point")


def test_residues_know_exp_and_roots() -> None:
    e, f = sn.index("e", D), sn.index("f", C)
    assert residues(sp.exp(x[0] + 2 * y[1]), sp.exp(x[0]) * sp.exp(y[1]) ** 2)
    assert residues(sp.exp(x[0] / 2) ** 2, sp.exp(x[0]))
    assert residues(sp.tanh(x[0]), 1 - 2 / (1 + sp.exp(2 * x[0])))
    assert residues(sp.sqrt(S(x[e] ** 2, e)) ** 2, S(x[e] ** 2, e))
    assert residues(S(sn.softmax(z, name="p")[0, f], f), 1)
    assert residues(sp.exp(sp.log(S(P[0, f], f))), S(P[0, f], f))
    assert not residues(sp.exp(x[0]) + sp.exp(y[0]), sp.exp(x[0] + y[0]))
    assert not residues(sp.sin(x[0]) ** 2, sp.sin(x[0]))
    assert not residues(S(x[e], e) ** 2, S(x[e] ** 2, e))


def test_residues_refuse_order() -> None:
    with pytest.raises(NoResidue):
        Residues({D: 2}, 0).value(from_sympy(sp.Max(x[0], 0)), {})


def test_which_root_of_a_sum_is_meant_is_no_question_of_residues() -> None:
    """sqrt((s + 10)^2) = s + 10 holds for s >= -10 alone, and at half of all residues."""
    r, s = sn.scalars("r s")
    for root in (sp.sqrt(s**2 + 20 * s + 100), sp.exp(sp.log(s**2 + 20 * s + 100) / 2)):
        assert {sn.prove_equal(root, s + 10, seed=k).verdict for k in range(6)} == {"evaluated"}
        with pytest.raises(NoResidue):
            Residues({}, 0).value(from_sympy(root), {})
    p, g = sp.sqrt(eps * sp.exp(r) * sp.exp(s)), sp.sqrt(eps) * sp.exp(r / 2) * sp.exp(s / 2)
    assert residues(p, g) and not residues(p, -g)
    assert sn.prove_equal(p, g).verdict == "proved"


def test_what_holds_nothing_random_is_not_probable() -> None:
    k = sn.index("k", D)
    assert sn.prove_equal(S(1 / ((k + 1) * (k + 2)), k), D / (D + 1)).verdict in ("proved", "evaluated")


def test_probable_states_its_bound() -> None:
    """A claim that no budget is left to prove."""
    a = (S(x[i] * y[i], i) + S(u[i], i)) ** 3
    b = sp.expand((sp.Symbol("s") + sp.Symbol("r")) ** 3)
    assert b.is_Add
    s, r = S(x[i] * y[i], i), S(u[i], i)
    verdict = sn.prove_equal(a, s**3 + 3 * s**2 * r + 3 * s * r**2 + r**3, budget=1)
    assert verdict.verdict == "probable" and "chance" in verdict.detail and "D=" in verdict.detail
    assert not verdict
    false = sn.prove_equal(a, s**3 + 3 * s**2 * r + 3 * s * r**2 + 2 * r**3, budget=1)
    assert false.verdict == "refuted"


def test_what_is_only_evaluated_says_so() -> None:
    verdict = sn.prove_equal(S(Q[k, i] * Q[k, j], k), delta(i, j), given=[ORTHOGONAL])
    assert verdict.verdict == "evaluated" and "digits" in verdict.detail and not verdict


# -- exact values --------------------------------------------------------------------------------------------------


def test_the_exact_interpreter_is_exact_or_refuses() -> None:
    machine = ExactInterpreter({}, {sn.input("s", ()): Fraction(1)})
    assert machine.value(sp.Rational(1, 3) + sp.Rational(1, 6)) == Fraction(1, 2)
    assert machine.value(sp.sqrt(sp.Rational(4, 9), evaluate=False)) == Fraction(2, 3)
    assert machine.value(sp.exp(sp.Integer(0), evaluate=False)) == 1
    for irrational in (sp.sqrt(2), sp.exp(1, evaluate=False), sp.pi, sp.log(2)):
        with pytest.raises(Irrational):
            machine.value(irrational)


@pytest.mark.parametrize("bound", [-7, 7, -20, sp.Rational(-9, 2)])
def test_a_bound_of_either_sign_is_looked_at_from_both_sides(bound: Any) -> None:
    for cut in (sp.Max(x[i], bound), sp.Min(x[i], bound)):
        assert sn.prove_equal(cut, x[i]).verdict == "refuted"
    assert sn.prove_equal(sp.Max(x[i], bound) + sp.Min(x[i], bound), x[i] + bound).verdict != "refuted"
