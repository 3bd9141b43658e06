"""Scaled dot-product attention of one head: scores, weights over the keys, weighted mean of the values."""

from __future__ import annotations

from functools import cache
from typing import Any

import sympy

from symnn.ground.arguments import tensor
from symnn.ground.errors import DefinitionError, ShapeError
from symnn.ground.functions import indicator
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.nn.forward import Forward

__all__ = ["OUTPUT", "SCORES", "attention"]

_SOURCE = "Vaswani et al. 2017, Attention Is All You Need, eq. 1"

SCORES = Forward(
    "scores", {"q": "*n i d", "k": "*n j d"}, "*n i j",
    lambda s, i: i.sum(s["q"][*i.batch, i.i, i.d] * s["k"][*i.batch, i.j, i.d], i.d) / sympy.sqrt(i.d.size),
    latex=r"S_{ij} = \sum_d q_{id} k_{jd} / \sqrt{D}", source=_SOURCE,
)  # fmt: skip

OUTPUT = Forward(
    "attention", {"P": "*n i j", "v": "*n j c"}, "*n i c",
    lambda s, i: i.sum(s["P"][*i.batch, i.i, i.j] * s["v"][*i.batch, i.j, i.c], i.j),
    latex=r"O_{ic} = \sum_j P_{ij} v_{jc}", source=_SOURCE,
)  # fmt: skip

#: Axes of a mask and of a padding, each beside its operand's name.
_SHARED, _FULL, _KEYS = "i j", "*n i j", "*n j"


Masks = tuple[tuple[str, str], ...]


def _seen(s: Any, i: Any, key: Any, causal: bool, masks: Masks) -> Any:
    """Return the product of indicators that says whether query i sees a key."""
    out: Any = indicator(i.i >= key) if causal else sympy.S.One
    for operand, spec in masks:
        at = [a for w in spec.split() for a in (i.batch if w == "*n" else (key if w == "j" else i.i,))]
        out = out * indicator(s[operand][tuple(at)] > 0)
    return out


@cache
def _weights(causal: bool, masks: Masks) -> Forward:
    """P = m e^S / sum m e^S over the keys, m saying which keys a query may see."""

    def formula(s: Any, i: Any) -> Any:
        k = i.again("k", i.j)
        above = _seen(s, i, i.j, causal, masks) * sympy.exp(s["S"][*i.batch, i.i, i.j])
        return above / i.sum(_seen(s, i, k, causal, masks) * sympy.exp(s["S"][*i.batch, i.i, k]), k)

    masked = causal or bool(masks)
    return Forward(
        "attention_weights", {"S": "*n i j", **dict(masks)}, "*n i j", formula,
        latex=(r"P_{ij} = m_{ij} e^{S_{ij}} / \sum_k m_{ik} e^{S_{ik}}" if masked
               else r"P_{ij} = e^{S_{ij}} / \sum_k e^{S_{ik}}"),
        source=_SOURCE, domain="every query sees at least one key",
    )  # fmt: skip


@cache
def _seen_keys(causal: bool, masks: Masks) -> Forward:
    """Return the number of keys that a query sees."""
    return Forward(
        "seen_keys", {"S": "*n i j", **dict(masks)}, "*n i",
        lambda s, i: i.sum(_seen(s, i, i.j, causal, masks), i.j), latex=r"\sum_j m_{ij}", source="definition",
    )  # fmt: skip


def attention(
    q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | str | None = None, padding: Tensor | None = None, name: str = ""
) -> Tensor:  # fmt: skip
    r"""O = P v, P = softmax over the keys of S = q k^T / sqrt(D): scaled dot-product attention of one head.

    S[..., i, j] = sum_d q[..., i, d] k[..., j, d] / sqrt(D), P[..., i, j] = m e^S[..., i, j] / sum_k m e^S[..., i, k],
    O[..., i, c] = sum_j P[..., i, j] v[..., j, c]. What a query may not see is left out of both sums by indicators m.
    Every query has to see at least one key, else its row of P is 0/0, which is an error when values are computed.

    Shapes: q (..., queries, D), k (..., keys, D), v (..., keys, width); the result (..., queries, width). Source:
    Vaswani et al. 2017, Attention Is All You Need, eq. 1.

    Args:
        q: the queries, with any leading axes.
        k: the keys.
        v: the values.
        mask: "causal", where query i sees keys 0 .. i; or a tensor of zeros and ones, 1 (positive) where a query sees a
            key, of shape (queries, keys) for every example, or (..., queries, keys).
        padding: a tensor of zeros and ones, (..., keys): 1 for the keys that there are.
        name: the suffix of the nodes' names: S1, P1, O1.

    Raises:
        ShapeError: shapes do not fit; the message names node, shapes and index.
        DefinitionError: an operand is no tensor, or the mask is none of those.
        UndefinedError: when values are computed, a query sees no key.
    """
    causal = mask == "causal"
    if isinstance(mask, str) and not causal:
        raise DefinitionError(
            f"attention(): mask must be None, 'causal' or a tensor of zeros and ones, found {mask!r}."
        )
    S = SCORES(q, k, name=f"S{name}")
    masks: dict[str, str] = {}
    given: list[Tensor] = [S]
    if mask is not None and not isinstance(mask, str):
        m = _mask(mask, "mask", "None, 'causal' or a tensor of zeros and ones")
        if m.rank not in (2, S.rank):
            raise _misfit(m, "mask", "(queries, keys) or (..., queries, keys)", S)
        masks["m"] = _FULL if m.rank == S.rank else _SHARED
        given.append(m)
    if padding is not None:
        m = _mask(padding, "padding", "a tensor of zeros and ones")
        if m.rank != S.rank - 1:
            raise _misfit(m, "padding", "(..., keys)", S)
        masks["b"] = _KEYS
        given.append(m)
    kind = (causal, tuple(masks.items()))
    seen = _seen_keys(*kind)(*given, name=f"seen{name}") if masks else None  # under "causal" alone all see key 0
    needs = None if seen is None else (seen, "every query must see at least one key, and the mask hides all from it")
    P = _weights(*kind)(*given, name=f"P{name}", needs=needs)
    return OUTPUT(P, v, name=f"O{name}")


def _mask(value: Any, what: str, kind: str) -> Tensor:
    m = tensor("attention()", value, f"{kind} as {what}")
    if m.classes is None:
        return m
    raise DefinitionError(f"attention(): the {what} {m.name!r} holds labels, expected {kind}. Declare it with input().")


def _misfit(m: Tensor, what: str, axes: str, S: Tensor) -> ShapeError:
    return ShapeError(
        f"attention(): the {what} {m.name!r} has shape {size_text(m.shape)}, expected {axes} for scores of shape "
        f"{size_text(S.shape)}. Give a tensor of those axes."
    )
