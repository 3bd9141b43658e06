"""Losses as data: one forward expression per example, summed or averaged over the leading axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.arguments import found, real_constant, tensor
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.tensors import Tensor
from symnn.nn.forward import Forward

__all__ = [
    "LOSSES", "Loss", "bce_with_logits", "cross_entropy", "hinge", "huber", "loss", "mae", "mse", "nll",
]  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """A loss; ``expression(operands, letters, *constants)`` is the loss of one example.

    ``positive`` names the constants that must be > 0.
    """

    name: str
    operands: dict[str, str]
    expression: Callable[..., Any]
    latex: str
    source: str
    labels: dict[str, str] | None = None
    constants: tuple[tuple[str, Any], ...] = ()
    domain: str = "differentiable everywhere"
    positive: tuple[str, ...] = ()


def _square(s: Any, i: Any) -> Any:
    return (s["y"][*i.batch, i.c] - s["t"][*i.batch, i.c]) ** 2


def _huber(r: Any, d: Any) -> Any:
    return sympy.Piecewise((r**2 / 2, sympy.Abs(r) <= d), (d * (sympy.Abs(r) - d / 2), True))


_PAIR = {"y": "*n c", "t": "*n c"}

LOSSES: dict[str, Loss] = {
    a.name: a
    for a in (
        Loss("cross_entropy", {"p": "*n c", "t": "*n"}, lambda s, i: -sympy.log(s["p"][*i.batch, s["t"][i.batch]]),
             r"-\log p_{t}", "definition", {"t": "c"}, domain="p > 0"),
        Loss("nll", {"y": "*n c", "t": "*n"}, lambda s, i: -s["y"][*i.batch, s["t"][i.batch]],
             r"-y_{t}", "definition", {"t": "c"}),
        Loss("soft_cross_entropy", {"p": "*n c", "q": "*n c"},
             lambda s, i: -i.sum(s["q"][*i.batch, i.c] * sympy.log(s["p"][*i.batch, i.c]), i.c),
             r"-\sum_c q_c \log p_c", "definition", domain="p > 0"),
        Loss("bce_with_logits", {"a": "*n", "y": "*n"},
             lambda s, i: sympy.log(1 + sympy.exp(s["a"][i.batch])) - s["y"][i.batch] * s["a"][i.batch],
             r"\log(1+e^{a}) - y a", "definition"),
        Loss("mse", _PAIR, lambda s, i: i.sum(_square(s, i), i.c), r"\sum_c (y_c-t_c)^2", "definition"),
        Loss("mae", _PAIR, lambda s, i: i.sum(sympy.Abs(s["y"][*i.batch, i.c] - s["t"][*i.batch, i.c]), i.c),
             r"\sum_c |y_c-t_c|", "definition", domain="kink where y = t, where the derivative is taken as 0"),
        Loss("huber", _PAIR,
             lambda s, i, d: i.sum(_huber(s["y"][*i.batch, i.c] - s["t"][*i.batch, i.c], d), i.c),
             r"\sum_c r_c^2/2 \text{ if } |r_c|\le\delta \text{ else } \delta(|r_c|-\delta/2)", "Huber 1964",
             constants=(("delta", Fraction(1)),), positive=("delta",)),
        Loss("hinge", {"a": "*n", "y": "*n"}, lambda s, i: sympy.Max(0, 1 - s["y"][i.batch] * s["a"][i.batch]),
             r"\max(0, 1 - y a),\ y=\pm1", "Cortes, Vapnik 1995",
             domain="kink where y a = 1, where the derivative is taken as 0"),
    )
}  # fmt: skip

_FORWARDS: dict[tuple[str, str], Forward] = {}


def _forward(record: Loss, reduction: str) -> Forward:
    key = (record.name, reduction)
    made = _FORWARDS.get(key)
    if made is None:

        def formula(s: Any, i: Any, *constants: Any) -> Any:
            total = i.sum(record.expression(s, i, *constants), *reversed(i.batch))
            if reduction == "sum":
                return total
            # A mean over entries counts the class axis too for the losses of pairs, as PyTorch does.
            size = i.count() * (i.c.size if record.operands == _PAIR else 1)
            return total / size

        made = _FORWARDS[key] = Forward(
            record.name, record.operands, "", formula, labels=record.labels or {}, latex=record.latex,
            source=record.source, domain=record.domain,
        )  # fmt: skip
    return made


def loss(kind: str, *args: Tensor, reduction: str = "mean", name: str = "", **constants: Any) -> Tensor:
    """Return a loss of the table, a scalar: the mean (or sum) over the leading axes, batch of one when there are none.

    Raises:
        UnknownNameError: no such loss or constant.
        DefinitionError: reduction is neither "mean" nor "sum", an operand is no tensor or a constant no real number.
    """
    if not isinstance(kind, str):
        raise DefinitionError(f"loss() takes a name first, loss('mse', y, t), found {found(kind)}.")
    record = LOSSES.get(kind)
    if record is None:
        raise UnknownNameError(kind, LOSSES, "loss")
    if reduction not in ("mean", "sum"):
        raise DefinitionError(f"reduction must be 'mean' or 'sum', found {reduction!r}.")
    known = dict(record.constants)
    for key in constants:
        if key not in known:
            raise UnknownNameError(key, known, f"constant of {kind}")
    exact = tuple(
        real_constant(f"{kind}()", k, constants.get(k, v), positive=k in record.positive) for k, v in record.constants
    )
    return _forward(record, reduction)(*args, name=name or "loss", constants=exact, auto=not name, latex=r"\ell")


def cross_entropy(p: Tensor, t: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = -mean_n log p[n, t[n]] for probabilities p and integer labels t.

    With soft targets q in the place of t it is l = -mean_n sum_c q[n, c] log p[n, c].
    """
    labelled = tensor("cross_entropy()", t, "a tensor as t").classes is not None
    kind = "cross_entropy" if labelled else "soft_cross_entropy"
    return loss(kind, p, t, reduction=reduction, name=name)


def nll(y: Tensor, t: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = -mean_n y[n, t[n]] for log-probabilities y and integer labels t."""
    return loss("nll", y, t, reduction=reduction, name=name)


def bce_with_logits(a: Tensor, y: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = mean(log(1 + exp(a)) - y a), binary cross-entropy at the logits, targets in [0, 1]."""
    return loss("bce_with_logits", a, y, reduction=reduction, name=name)


def mse(y: Tensor, t: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = mean((y - t)^2) over all entries."""
    return loss("mse", y, t, reduction=reduction, name=name)


def mae(y: Tensor, t: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = mean(abs(y - t)) over all entries; the derivative at 0 is taken as 0."""
    return loss("mae", y, t, reduction=reduction, name=name)


def huber(y: Tensor, t: Tensor, *, delta: Any = 1, reduction: str = "mean", name: str = "") -> Tensor:
    """l = mean of r^2/2 where abs(r) <= delta, else delta (abs(r) - delta/2), r = y - t, delta > 0."""
    return loss("huber", y, t, reduction=reduction, name=name, delta=delta)


def hinge(a: Tensor, y: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = mean max(0, 1 - y a) for targets y = -1 or 1."""
    return loss("hinge", a, y, reduction=reduction, name=name)
