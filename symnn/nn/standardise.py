r"""Standardise over chosen axes: mean \mu, standard deviation \sigma, normalised \hat{x}, then scale and shift."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from symnn.ground.arguments import tensor
from symnn.ground.errors import DefinitionError
from symnn.ground.tensors import Tensor, parameter
from symnn.nn.checks import axis_of, not_negative
from symnn.nn.forward import Forward

__all__ = ["EPS", "normalise", "scaled", "standardised", "suffix_of", "with_known_statistics"]

#: What the common libraries add to a variance.
EPS = Fraction(1, 100000)

Letters = tuple[str, ...]

_BATCH = "Ioffe, Szegedy 2015, Batch Normalization, alg. 1"
_RMS = "Zhang, Sennrich 2019, Root Mean Square Layer Normalization, eq. 4"

# -- forward lines, for any letters of the axes and any of them to normalise over ------------------------------------


def _all(s: Any, i: Any, operand: str, at: Letters) -> Any:
    return s[operand][i.at(*at)]


def _mean_of(i: Any, body: Any, over: Letters) -> Any:
    axes = i.at(*over)
    return i.sum(body, *reversed(axes)) / sympy.Mul(*[a.size for a in axes])


@cache
def _mean(at: Letters, over: Letters) -> Forward:
    return Forward(
        "mean", {"x": " ".join(at)}, " ".join(_kept(at, over)), lambda s, i: _mean_of(i, _all(s, i, "x", at), over),
        latex=r"\mu = \frac{1}{m} \sum x", source=_BATCH,
    )  # fmt: skip


@cache
def _deviation(at: Letters, over: Letters) -> Forward:
    kept = _kept(at, over)
    return Forward(
        "standard_deviation", {"x": " ".join(at), "mu": " ".join(kept)}, " ".join(kept),
        lambda s, i, e: sympy.sqrt(_mean_of(i, (_all(s, i, "x", at) - _all(s, i, "mu", kept)) ** 2, over) + e),
        latex=r"\sigma = \sqrt{\frac{1}{m} \sum (x-\mu)^2 + \varepsilon}", source=_BATCH,
        domain="differentiable where sigma > 0",
    )  # fmt: skip


@cache
def _root_mean_square(at: Letters, over: Letters) -> Forward:
    return Forward(
        "root_mean_square", {"x": " ".join(at)}, " ".join(_kept(at, over)),
        lambda s, i, e: sympy.sqrt(_mean_of(i, _all(s, i, "x", at) ** 2, over) + e),
        latex=r"r = \sqrt{\frac{1}{m} \sum x^2 + \varepsilon}", source=_RMS,
        domain="differentiable where r > 0",
    )  # fmt: skip


@cache
def _standardised(at: Letters, over: Letters) -> Forward:
    kept = _kept(at, over)
    return Forward(
        "standardise", {"x": " ".join(at), "mu": " ".join(kept), "sigma": " ".join(kept)}, " ".join(at),
        lambda s, i: (_all(s, i, "x", at) - _all(s, i, "mu", kept)) / _all(s, i, "sigma", kept),
        latex=r"\hat{x} = (x-\mu)/\sigma", source=_BATCH, domain="sigma > 0",
    )  # fmt: skip


@cache
def _divided(at: Letters, over: Letters) -> Forward:
    kept = _kept(at, over)
    return Forward(
        "divide", {"x": " ".join(at), "r": " ".join(kept)}, " ".join(at),
        lambda s, i: _all(s, i, "x", at) / _all(s, i, "r", kept),
        latex=r"\hat{x} = x/r", source=_RMS, domain="r > 0",
    )  # fmt: skip


@cache
def _affine(at: Letters, own: Letters, shift: bool) -> Forward:
    operands = {"x": " ".join(at), "gamma": " ".join(own)} | ({"beta": " ".join(own)} if shift else {})
    return Forward(
        "scale_and_shift" if shift else "scale", operands, " ".join(at),
        lambda s, i: (
            _all(s, i, "gamma", own) * _all(s, i, "x", at) + (_all(s, i, "beta", own) if shift else sympy.S.Zero)
        ),
        latex=r"y = \gamma \hat{x} + \beta" if shift else r"y = \gamma \hat{x}", source=_BATCH,
    )  # fmt: skip


@cache
def _known_deviation(own: Letters) -> Forward:
    return Forward(
        "standard_deviation", {"v": " ".join(own)}, " ".join(own),
        lambda s, i, e: sympy.sqrt(_all(s, i, "v", own) + e),
        latex=r"\sigma = \sqrt{v + \varepsilon}", source=_BATCH,
        domain="v + eps > 0",
    )  # fmt: skip


# -- the pieces together ---------------------------------------------------------------------------------------------


def _kept(at: Letters, over: Letters) -> Letters:
    return tuple(w for w in at if w not in over)


def _letters(x: Tensor, usual: str) -> Letters:
    """Return a letter per axis: those of the tensor where it has its own, else the usual ones."""
    own = x.letters
    if len(own) == x.rank and len(set(own)) == x.rank and all(w.isidentifier() for w in own):
        return own
    return tuple(usual if len(usual) == x.rank else "nclmpqrsuvw"[: x.rank])


def channel_letters(rank: int) -> str:
    """Return the usual letters of a batch of features, or of channels with space."""
    return {1: "i", 2: "ni", 3: "ncl", 4: "nchw", 5: "ncdhw"}.get(rank, "")


def suffix_of(x: Tensor, name: str) -> str:
    """Return what the nodes' names end in: the name given, else how many affine layers lie below, nothing for none."""
    return name or (str(x.level) if x.level else "")


def _axes(caller: str, x: Tensor, axes: Any) -> tuple[int, ...]:
    """Return which axes are meant, counted from 0, in order."""
    given = axes if isinstance(axes, Iterable) and not isinstance(axes, str) else (axes,)
    out = tuple(sorted(axis_of(caller, x, a) for a in given))
    if not out or len(set(out)) != len(out):
        raise DefinitionError(f"{caller} takes axes of {x.name!r}, each once and at least one, found {axes!r}.")
    return out


def standardised(
    caller: str, x: Tensor, over: tuple[int, ...], eps: Any, suffix: str, *, centred: bool = True, usual: str = ""
) -> Tensor:  # fmt: skip
    """xhat = (x - mu) / sigma, or x / r without centring, with the statistics taken over some axes of x."""
    at = _letters(x, usual or channel_letters(x.rank))
    along = tuple(at[a] for a in over)
    e = not_negative(caller, "eps", eps)
    if not centred:
        r = _root_mean_square(at, along)(x, name=f"r{suffix}", constants=(e,))
        return _divided(at, along)(x, r, name=f"xhat{suffix}")
    mu = _mean(at, along)(x, name=f"mu{suffix}")
    sigma = _deviation(at, along)(x, mu, name=f"sigma{suffix}", constants=(e,))
    return _standardised(at, along)(x, mu, sigma, name=f"xhat{suffix}")


def scaled(
    xhat: Tensor, own: tuple[int, ...], suffix: str, affine: bool, gamma: Tensor | None, beta: Tensor | None,
    *, shift: bool = True,
) -> Tensor:  # fmt: skip
    """y = gamma xhat + beta with gamma and beta over the axes ``own``."""
    if not affine:
        if gamma is not None or beta is not None:
            raise DefinitionError("affine=False leaves gamma and beta out, found one of them. Drop affine=False.")
        return xhat
    shape = tuple(xhat.shape[a] for a in own)
    given: list[Tensor] = [xhat]
    for letter, one, value in (("gamma", gamma, 1), ("beta", beta, 0))[: 2 if shift else 1]:
        made = parameter(f"{letter}{suffix}", shape, regularised=False, initial=value) if one is None else one
        given.append(made)
    at = xhat.letters
    return _affine(at, tuple(at[a] for a in own), shift)(*given, name=f"y{suffix}")


def normalise(
    x: Tensor, axes: int | Iterable[int], *, eps: Any = EPS, centred: bool = True, name: str = ""
) -> Tensor:  # fmt: skip
    r"""xhat = (x - mu) / sigma, mu = sum x / m, sigma = sqrt(sum (x - mu)^2 / m + eps), over any axes of m entries.

    The building block of the norms: nodes mu and sigma (of the axes that are left, sigma > 0) and xhat. Without
    centring xhat = x / r with r = sqrt(sum x^2 / m + eps).

    Args:
        x: any tensor with axes.
        axes: the axes to normalise over, counted from 0, or from the last as -1, -2, ...
        eps: a number >= 0 or a positive symbol from ``scalars``.
        centred: False leaves the mean in.
        name: the suffix of the nodes' names: mu1, sigma1, xhat1; by default the number of affine layers below.

    Raises:
        ShapeError: x has no such axis.
        DefinitionError: x is no tensor, an axis is no whole number or given twice, or eps is not what it must be.
    """
    tensor("normalise()", x)
    return standardised("normalise()", x, _axes("normalise()", x, axes), eps, suffix_of(x, name), centred=centred)


def with_known_statistics(
    caller: str, x: Tensor, mean: Tensor, variance: Tensor, own: int, eps: Any, suffix: str
) -> Tensor:  # fmt: skip
    """xhat = (x - mean) / sigma, sigma = sqrt(variance + eps), mean and variance over one axis of x."""
    at = _letters(x, channel_letters(x.rank))
    e = not_negative(caller, "eps", eps)
    sigma = _known_deviation((at[own],))(variance, name=f"sigma{suffix}", constants=(e,))
    return _standardised(at, tuple(w for w in at if w != at[own]))(x, mean, sigma, name=f"xhat{suffix}")
