"""Layers: affine maps and softmax, as forward index expressions."""

from __future__ import annotations

from typing import Any

import sympy

from symnn.ground.arguments import tensor
from symnn.ground.errors import DefinitionError
from symnn.ground.sizes import as_size
from symnn.ground.tensors import Tensor, parameter
from symnn.nn.checks import positive
from symnn.nn.forward import Forward

__all__ = ["AFFINE", "LINEAR", "LOG_SOFTMAX", "SOFTMAX", "TEMPERED_SOFTMAX", "dense", "log_softmax", "softmax"]

AFFINE = Forward(
    "dense", {"x": "*n j", "W": "i j", "b": "i"}, "*n i",
    lambda s, i: s["b"][i.i] + i.sum(s["W"][i.i, i.j] * s["x"][*i.batch, i.j], i.j),
    latex=r"a_i = b_i + \sum_j W_{ij} x_j", source="definition",
)  # fmt: skip

LINEAR = Forward(
    "dense", {"x": "*n j", "W": "i j"}, "*n i",
    lambda s, i: i.sum(s["W"][i.i, i.j] * s["x"][*i.batch, i.j], i.j),
    latex=r"a_i = \sum_j W_{ij} x_j", source="definition",
)  # fmt: skip

SOFTMAX = Forward(
    "softmax", {"z": "*n c"}, "*n c",
    lambda s, i: sympy.exp(s["z"][*i.batch, i.c]) / i.sum(sympy.exp(s["z"][*i.batch, i.again("k", i.c)]), i.k),
    latex=r"p_c = e^{z_c} / \sum_k e^{z_k}", source="definition", positive=True,
)  # fmt: skip

TEMPERED_SOFTMAX = Forward(
    "softmax", {"z": "*n c"}, "*n c",
    lambda s, i, tau: (
        sympy.exp(s["z"][*i.batch, i.c] / tau) / i.sum(sympy.exp(s["z"][*i.batch, i.again("k", i.c)] / tau), i.k)
    ),
    latex=r"p_c = e^{z_c/\tau} / \sum_k e^{z_k/\tau}", source="Hinton, Vinyals, Dean 2015, Distilling, eq. 1",
    positive=True,
)  # fmt: skip

LOG_SOFTMAX = Forward(
    "log_softmax", {"z": "*n c"}, "*n c",
    lambda s, i: s["z"][*i.batch, i.c] - sympy.log(i.sum(sympy.exp(s["z"][*i.batch, i.again("k", i.c)]), i.k)),
    latex=r"y_c = z_c - \log \sum_k e^{z_k}", source="definition",
)  # fmt: skip


def dense(
    x: Tensor, units: Any, *, name: str = "", bias: bool = True, weight: Tensor | None = None,
    bias_tensor: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """a[..., i] = b[i] + sum_j W[i, j] x[..., j], the affine map with W of shape (units, width of x).

    Args:
        x: any leading axes, then the width.
        units: the output width.
        name: the suffix of its tensors: W1, b1, a1; by default the number of affine layers below plus one.
        bias: False leaves b out.
        weight: an existing parameter to share instead of a new one.
        bias_tensor: an existing bias to share.

    Raises:
        DefinitionError: what is given is no tensor, or the width is none.
        ShapeError: a shared weight does not fit.
    """
    if tensor("dense()", x, "a tensor first, then the number of units").rank < 1:
        raise DefinitionError(f"dense() needs a tensor with at least one axis, found {x!r}.")
    units = as_size(units)
    suffix = name or str(x.level + 1)
    W = parameter(f"W{suffix}", (units, x.shape[-1])) if weight is None else weight
    args: tuple[Tensor, ...] = (x, W)
    if bias:
        b = parameter(f"b{suffix}", (units,), regularised=False) if bias_tensor is None else bias_tensor
        args = (x, W, b)
    forward = AFFINE if bias else LINEAR
    adjoint = f"delta{suffix}"
    return forward(*args, name=f"a{suffix}", auto=True, adjoint_name=adjoint, level=x.level + 1)


def softmax(z: Tensor, *, temperature: Any = 1, name: str = "") -> Tensor:
    """p[..., c] = exp(z[..., c]/tau) / sum_k exp(z[..., k]/tau), positive, its rows sum to 1; last axis the classes.

    Args:
        z: the logits, any leading axes, then the classes.
        temperature: tau, a number > 0 or a positive symbol from ``scalars``; by default 1, and left out of the formula.
            Source: Hinton, Vinyals, Dean 2015, Distilling the Knowledge in a Neural Network, eq. 1.
        name: the node's name.

    Raises:
        ShapeError: z has no axis.
        DefinitionError: z is no tensor, or the temperature is not positive.
    """
    tau = positive("softmax()", "temperature", temperature)
    if tau == 1:
        return SOFTMAX(z, name=name or "p", auto=not name)
    return TEMPERED_SOFTMAX(z, name=name or "p", constants=(tau,), auto=not name)


def log_softmax(z: Tensor, *, name: str = "") -> Tensor:
    """y[..., c] = z[..., c] - log sum_k exp(z[..., k]); last axis the classes."""
    return LOG_SOFTMAX(z, name=name or "logp", auto=not name)
