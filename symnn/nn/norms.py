r"""Norms: batch, layer, group, instance and RMS norm, each a choice of the axes that x is standardised over."""

from __future__ import annotations

from typing import Any

from symnn.ground.arguments import tensor
from symnn.ground.errors import DefinitionError, ShapeError
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.nn.checks import axis_of
from symnn.nn.standardise import EPS, scaled, standardised, suffix_of, with_known_statistics

__all__ = ["batch_norm", "batch_norm_inference", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


def batch_norm(
    x: Tensor, *, axis: int = -1, eps: Any = EPS, affine: bool = True, gamma: Tensor | None = None,
    beta: Tensor | None = None, name: str = "",
) -> Tensor:  # fmt: skip
    r"""y[n, i] = gamma[i] xhat[n, i] + beta[i], normalised over the batch: mu[i] = sum_n x[n, i] / N and so on.

    Statistics are those of the batch, over every axis but the features', and gradients go through them. Nodes: mu,
    sigma, xhat, y. Shapes: x any with two axes or more; gamma, beta (features,). Source: Ioffe, Szegedy 2015, Batch
    Normalization, algorithm 1.

    Args:
        x: a batch of features, x[n, i], or of channels with space, x[n, c, l, ...] with ``axis=1``.
        axis: the axis of features.
        eps: a number >= 0 or a positive symbol from ``scalars``.
        affine: False leaves gamma and beta out.
        gamma: an existing scale instead of a new parameter.
        beta: an existing shift instead of a new parameter.
        name: the suffix of its tensors: mu1, sigma1, xhat1, gamma1, beta1, y1; by default the number of affine layers
            below.

    Raises:
        ShapeError: x has no such axis or only that one, or gamma or beta does not fit.
        DefinitionError: x is no tensor, or eps is not what it must be.
    """
    tensor("batch_norm()", x)
    own = axis_of("batch_norm()", x, axis)
    over = _others("batch_norm()", x, own)
    suffix = suffix_of(x, name)
    return scaled(standardised("batch_norm()", x, over, eps, suffix), (own,), suffix, affine, gamma, beta)


def _others(caller: str, x: Tensor, own: int) -> tuple[int, ...]:
    over = tuple(a for a in range(x.rank) if a != own)
    if not over:
        raise ShapeError(
            f"{caller} takes statistics over the axes beside the features', and {x.name!r} has shape "
            f"{size_text(x.shape)}. Give a batch, x[n, i]."
        )
    return over


def batch_norm_inference(
    x: Tensor, mean: Tensor, variance: Tensor, *, axis: int = -1, eps: Any = EPS, affine: bool = True,
    gamma: Tensor | None = None, beta: Tensor | None = None, name: str = "",
) -> Tensor:  # fmt: skip
    """y = gamma (x - mean) / sqrt(variance + eps) + beta, an affine map: the statistics are given, not taken from x.

    Shapes: x any; mean, variance, gamma, beta (features,), the size of x's ``axis``. Defined where variance + eps > 0.
    Source: Ioffe, Szegedy 2015, Batch Normalization, algorithm 2. Raises as ``batch_norm``.
    """
    for what, t in (("x", x), ("mean", mean), ("variance", variance)):
        tensor("batch_norm_inference()", t, f"a tensor as {what}")
    own = axis_of("batch_norm_inference()", x, axis)
    suffix = suffix_of(x, name)
    xhat = with_known_statistics("batch_norm_inference()", x, mean, variance, own, eps, suffix)
    return scaled(xhat, (own,), suffix, affine, gamma, beta)


def layer_norm(
    x: Tensor, *, axes: int = 1, eps: Any = EPS, affine: bool = True, gamma: Tensor | None = None,
    beta: Tensor | None = None, name: str = "",
) -> Tensor:  # fmt: skip
    r"""y[..., i] = gamma[i] xhat[..., i] + beta[i], normalised over the last axis: mu[...] = sum_i x[..., i] / D.

    Every example by itself. Nodes: mu, sigma, xhat, y. Shapes: x any leading axes, then those normalised over; gamma,
    beta of the latter. Source: Ba, Kiros, Hinton 2016, Layer Normalization, eq. 4.

    Args:
        x: any leading axes, then the features.
        axes: how many last axes are normalised over.
        eps: a number >= 0 or a positive symbol from ``scalars``.
        affine: False leaves gamma and beta out.
        gamma: an existing scale instead of a new parameter.
        beta: an existing shift instead of a new parameter.
        name: the suffix of its tensors; by default the number of affine layers below.

    Raises:
        ShapeError: x has fewer axes, or gamma or beta does not fit.
        DefinitionError: x is no tensor, ``axes`` no whole number from 1 on, or eps is not what it must be.
    """
    over = _last("layer_norm()", x, axes)
    suffix = suffix_of(x, name)
    return scaled(
        standardised("layer_norm()", x, over, eps, suffix, usual=_features(x)), over, suffix, affine, gamma, beta
    )


def rms_norm(
    x: Tensor, *, axes: int = 1, eps: Any = EPS, affine: bool = True, gamma: Tensor | None = None, name: str = ""
) -> Tensor:  # fmt: skip
    """y[..., i] = gamma[i] x[..., i] / r[...], r = sqrt(sum_i x[..., i]^2 / D + eps): no mean is taken off.

    Nodes: r, xhat, y. Shapes as ``layer_norm``, without beta. Source: Zhang, Sennrich 2019, Root Mean Square Layer
    Normalization, eq. 4. Raises as ``layer_norm``.
    """
    over = _last("rms_norm()", x, axes)
    suffix = suffix_of(x, name)
    xhat = standardised("rms_norm()", x, over, eps, suffix, centred=False, usual=_features(x))
    return scaled(xhat, over, suffix, affine, gamma, None, shift=False)


def _last(caller: str, x: Any, count: Any) -> tuple[int, ...]:
    """Return so many last axes."""
    tensor(caller, x)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise DefinitionError(
            f"{caller}: axes must be a whole number from 1 on, the number of last axes, found {count!r}."
        )
    return tuple(range(axis_of(caller, x, -count), x.rank))


def _features(x: Tensor) -> str:
    """Return the usual letters of features after leading axes."""
    return "nmlp"[: x.rank - 1] + "i" if x.rank != 3 else "nti"


def instance_norm(
    x: Tensor, *, axis: int = 1, eps: Any = EPS, affine: bool = True, gamma: Tensor | None = None,
    beta: Tensor | None = None, name: str = "",
) -> Tensor:  # fmt: skip
    r"""y[n, c, l...] = gamma[c] xhat[n, c, l...] + beta[c], normalised over space: mu[n, c] = sum_l x[n, c, l] / L.

    Every channel of every example by itself. Nodes: mu, sigma, xhat, y. Shapes: x with axes after ``axis``; gamma, beta
    (channels,). Source: Ulyanov, Vedaldi, Lempitsky 2016, Instance Normalization, eq. 3. Raises as ``batch_norm``.
    """
    tensor("instance_norm()", x)
    own = axis_of("instance_norm()", x, axis, after=1)
    suffix = suffix_of(x, name)
    xhat = standardised("instance_norm()", x, tuple(range(own + 1, x.rank)), eps, suffix)
    return scaled(xhat, (own,), suffix, affine, gamma, beta)


def group_norm(
    x: Tensor, *, axis: int = 1, eps: Any = EPS, affine: bool = True, gamma: Tensor | None = None,
    beta: Tensor | None = None, name: str = "",
) -> Tensor:  # fmt: skip
    r"""y[n, g, k, l...] = gamma[g, k] xhat[n, g, k, l...] + beta[g, k], normalised over everything after the group g.

    The groups have an axis of their own: channel c is member k of group g, c = g K + k with K members in each. (Back
    from c to its group is a rounding, which an index expression does not have, so the axis stays split.) Nodes: mu,
    sigma, xhat, y. Shapes: x with axes after ``axis``; gamma, beta (groups, members). Source: Wu, He 2018, Group
    Normalization, eq. 7. Raises as ``batch_norm``.
    """
    tensor("group_norm()", x)
    own = axis_of("group_norm()", x, axis, after=1)
    suffix = suffix_of(x, name)
    xhat = standardised(
        "group_norm()", x, tuple(range(own + 1, x.rank)), eps, suffix, usual="nmtrs"[:own] + "gkhwd"[: x.rank - own]
    )
    return scaled(xhat, (own, own + 1), suffix, affine, gamma, beta)
