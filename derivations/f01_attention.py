"""F1: one head of scaled dot-product attention, with a causal mask, with padding, and as one expression."""

from typing import Any

import numpy as np
from sympy import exp, sqrt

import symnn as sn
from symnn.gallery import Page, Row, computed, pulled_back
from symnn.ground.errors import UndefinedError

T, D, M = sn.dims("T D M")
i, j, k, c, d, e, m = sn.indices("i j k c d e m")

Q, K, V = sn.input("Q", (T, D)), sn.input("K", (T, D)), sn.input("V", (T, M))


def build() -> Page:
    page = Page("any length $T$, any widths $D$ of keys and $M$ of values")
    _causal(page)
    _padding(page)
    _one_expression(page)
    return page


def _claims(up: Any, P: Any, O: Any, *, named: bool = True) -> dict[str, Any]:  # noqa: E741
    """The textbook's four formulas; dP and dS are names of its own, or written out."""
    dP = sn.define("dP", (i, j), sn.sum(up[i, c] * V[j, c], c), latex=r"\overline{P}")

    def scores(i: Any, j: Any) -> Any:
        weights = dP[i, j] if named else sn.sum(up[i, m] * V[j, m], m)
        return P[i, j] * (weights - sn.sum(up[i, c] * O[i, c], c))

    dS = sn.define("dS", (i, j), scores(i, j), latex=r"\overline{S}") if named else _Written(scores)
    return {
        "V": lambda j, c: sn.sum(P[i, j] * up[i, c], i),
        "S": scores,
        "Q": lambda i, d: sn.sum(dS[i, j] * K[j, d], j) / sqrt(D),
        "K": lambda j, d: sn.sum(dS[i, j] * Q[i, d], i) / sqrt(D),
    }


class _Written:
    """A formula of two indices that is written out where it is used."""

    def __init__(self, formula: Any) -> None:
        self.formula = formula

    def __getitem__(self, at: tuple[Any, Any]) -> Any:
        return self.formula(*at)


def _causal(page: Page) -> None:
    page.prose(
        """Every query $i$ scores every key $j$, the scores become weights by a softmax along the keys, and the output
        is the weighted mean of the values. A causal mask keeps the future out: query $i$ sees the keys up to its own
        position. It stands in both sums as an indicator, and no infinity is ever computed with."""
    )
    page.heading("Given")
    out = sn.attention(Q, K, V, mask="causal")
    nodes = computed(out)
    page.given(*nodes.values(), words=("scores", "weights, causal", "output"))
    P, S = nodes["P"], nodes["S"]
    page.heading("The values")
    by_V, up = pulled_back(out, V)
    page.derive(by_V, claim=_claims(up, P, out)["V"])
    page.heading("The scores")
    page.prose(
        """The softmax takes from the gradient at the weights its weighted mean, row by row. Textbooks write this mean
        as $\\sum_c \\overline{O}_{ic} O_{ic}$, which needs no row of $P$. A masked score has the gradient 0, since its
        weight is 0: the mask itself need not be differentiated, nor applied again."""
    )
    by_S, up = pulled_back(out, S)
    page.derive(
        by_S, claim=_claims(up, P, out)["S"], against="with the row sum of $\\overline{O} \\odot O$", differences=False
    )  # the queries and the keys, which it feeds, are differenced
    page.equal("no gradient at a masked score", sn.indicator(i < j) * P[i, j], 0)
    page.heading("The queries and the keys")
    for wrt in (Q, K):
        by, up = pulled_back(out, wrt)
        page.derive(by, claim=_claims(up, P, out)[wrt.name], folded="The lines, from the output down")


def _padding(page: Page) -> None:
    page.heading("Padding")
    page.prose(
        """Sequences of a batch are filled up to one length, and $b_j = 1$ marks the keys that there are. The backward
        pass is the same in $P$: whatever was masked, only the weights know of it."""
    )
    b = sn.input("b", (T,))
    out = sn.attention(Q, K, V, padding=b)
    nodes = computed(out)
    P = nodes["P"]
    page.given(P, words=("weights, padded",))
    for wrt in (V, Q, K):
        by, up = pulled_back(out, wrt)
        page.derive(by, claim=_claims(up, P, out)[wrt.name], folded="The lines")
    page.prose(
        """A query that sees no key has no weights: its row is 0/0, and no convention makes it right. Programs that mask
        with $-\\infty$ return not-a-number there, or, with a large negative number, a mean of what was to be hidden.
        Here it is an error that says so:"""
    )
    program = sn.Network(sn.define("total", (), sn.sum(out[i, c], i, c))).compile()
    batch = {"Q": np.ones((2, 1)), "K": np.ones((2, 1)), "V": np.ones((2, 1)), "b": np.zeros(2)}
    try:
        program({}, batch)
        said = ""
    except UndefinedError as error:
        said = str(error)
    page.observed("all keys masked: an error", "at least one key" in said, said or "nothing was said")


def _one_expression(page: Page) -> None:
    page.heading("Typed as one expression")
    page.prose(
        """The same head without nodes, scores and softmax written out. The gradient of this single formula is proved to
        be the textbook's."""
    )

    def score(i: Any, j: Any, d: Any) -> Any:
        return exp(sn.sum(Q[i, d] * K[j, d], d) / sqrt(D))

    above = sn.sum(sn.indicator(i >= j) * score(i, j, d) * V[j, c], j)
    out = sn.define("O", (i, c), above / sn.sum(sn.indicator(i >= k) * score(i, k, e), k))
    weight = sn.indicator(i >= j) * score(i, j, d) / sn.sum(sn.indicator(i >= k) * score(i, k, e), k)
    P = sn.define("P", (i, j), weight)
    page.given(out)
    for wrt in (V, Q, K):
        by, up = pulled_back(out, wrt)
        page.derive(
            by, claim=_claims(up, P, out, named=False)[wrt.name], folded="The lines: calculus on the whole expression"
        )


ROW = Row(
    "F1", "Attention, one head",
    "Vaswani et al. 2017, Attention Is All You Need, eq. 1; the row sum: Dao et al. 2022, FlashAttention, app. B.2",
    build,
)  # fmt: skip
