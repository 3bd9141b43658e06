"""Weights made of other tensors: weight norm and spectral norm."""

from __future__ import annotations

from functools import cache
from typing import Any

import sympy

from symnn.ground.arguments import tensor
from symnn.ground.errors import ShapeError
from symnn.ground.functions import stop_gradient
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.nn.forward import Forward

__all__ = ["spectral_norm", "weight_norm"]

_WEIGHT = "Salimans, Kingma 2016, Weight Normalization, eq. 2"
_SPECTRAL = "Miyato et al. 2018, Spectral Normalization, eq. 8 and alg. 1"


@cache
def _row_norm(at: tuple[str, ...]) -> Forward:
    def formula(s: Any, i: Any) -> Any:
        axes = i.at(*at)
        return sympy.sqrt(i.sum(s["v"][axes] ** 2, *reversed(axes[1:])))

    return Forward(
        "row_norm", {"v": " ".join(at)}, at[0], formula, latex=r"\lVert v_i \rVert = \sqrt{\sum_k v_{ik}^2}",
        source=_WEIGHT, domain="differentiable where v_i is not 0",
    )  # fmt: skip


@cache
def _scaled_rows(at: tuple[str, ...]) -> Forward:
    return Forward(
        "scale_rows", {"v": " ".join(at), "g": at[0], "r": at[0]}, " ".join(at),
        lambda s, i: s["g"][i.at(at[0])] * s["v"][i.at(*at)] / s["r"][i.at(at[0])],
        latex=r"W_{ik} = g_i v_{ik} / \lVert v_i \rVert", source=_WEIGHT, domain="v_i not 0",
    )  # fmt: skip


SPECTRAL_VALUE = Forward(
    "spectral_value", {"W": "i k", "u": "i", "v": "k"}, "",
    lambda s, i: i.sum(stop_gradient(s["u"][i.i]) * s["W"][i.i, i.k] * stop_gradient(s["v"][i.k]), i.k, i.i),
    latex=r"\sigma = u^{\top} W v", source=_SPECTRAL,
)  # fmt: skip

DIVIDED = Forward(
    "divide", {"W": "i k", "sigma": ""}, "i k", lambda s, i: s["W"][i.i, i.k] / s["sigma"][()],
    latex=r"\hat{W} = W / \sigma", source=_SPECTRAL, domain="sigma not 0",
)  # fmt: skip


def weight_norm(v: Tensor, g: Tensor, *, name: str = "") -> Tensor:
    r"""W[i, k] = g[i] v[i, k] / ||v[i]||: length and direction of every unit's weights apart.

    Nodes: the norm vnorm[i] = sqrt(sum_k v[i, k]^2), and W. Shapes: v (units, inputs...), g (units,). Defined where no
    row of v is 0. Source: Salimans, Kingma 2016, Weight Normalization, eq. 2.

    Args:
        v: the directions, any number of axes after the units'.
        g: the lengths.
        name: the suffix of the nodes' names: vnorm1, W1.

    Raises:
        ShapeError: v has fewer than two axes, or g has another number of units.
        DefinitionError: one of them is no tensor.
    """
    tensor("weight_norm()", v, "a tensor as v"), tensor("weight_norm()", g, "a tensor as g")
    if v.rank < 2:
        raise ShapeError(
            f"weight_norm(): {v.name!r} has shape {size_text(v.shape)}, expected the axis of units and at least one "
            "of inputs. Give v[i, k]."
        )
    at = tuple("ikjlmpq"[: v.rank])
    r = _row_norm(at)(v, name=f"vnorm{name}", latex=r"\lVert v\rVert")
    return _scaled_rows(at)(v, g, r, name=f"W{name}")


def spectral_norm(W: Tensor, u: Tensor, v: Tensor, *, name: str = "") -> Tensor:
    r"""What = W / sigma with sigma = u^T W v, u and v held constant in every derivative.

    With u and v the singular vectors of W's largest singular value, sigma is that value; a power iteration, which
    v = W^T u / ||W^T u||, u = W v / ||W v|| repeats, is the caller's. Nodes: sigma, What. Shapes: W (units, inputs),
    u (units,), v (inputs,). Defined where sigma is not 0. Source: Miyato et al. 2018, Spectral Normalization, eq. 8
    and algorithm 1.

    Args:
        W: a matrix.
        u: the left vector.
        v: the right vector.
        name: the suffix of the nodes' names: sigma1, What1.

    Raises:
        ShapeError: u or v does not fit W.
        DefinitionError: one of them is no tensor.
    """
    sigma = SPECTRAL_VALUE(W, u, v, name=f"sigma{name}")
    return DIVIDED(W, sigma, name=f"What{name}")
