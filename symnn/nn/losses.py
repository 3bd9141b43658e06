"""Losses as data: one forward expression per example, summed or averaged over the leading axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from symnn.ground.arguments import found, real_constant, tensor
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.functions import stop_gradient
from symnn.ground.tensors import Tensor
from symnn.nn.checks import fraction, not_negative, positive
from symnn.nn.forward import Forward
from symnn.nn.layers import softmax

__all__ = [
    "LOSSES", "Loss", "bce_with_logits", "cross_entropy", "distillation", "focal", "hinge", "huber", "kl", "loss",
    "mae", "mse", "nll",
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


def _smoothed(s: Any, i: Any, a: Any) -> Any:
    target, others = sympy.log(s["p"][*i.batch, s["t"][i.batch]]), sympy.log(s["p"][*i.batch, i.c])
    return -(1 - a) * target - a * i.sum(others, i.c) / i.c.size


def _divergence(s: Any, i: Any) -> Any:
    q, p = s["q"][*i.batch, i.c], s["p"][*i.batch, i.c]
    return i.sum(q * sympy.log(q / p), i.c)


def _focal(s: Any, i: Any, gamma: Any) -> Any:
    p = s["p"][*i.batch, s["t"][i.batch]]
    return -((1 - p) ** gamma) * sympy.log(p)


def _huber(r: Any, d: Any) -> Any:
    return sympy.Piecewise((r**2 / 2, sympy.Abs(r) <= d), (d * (sympy.Abs(r) - d / 2), True))


_PAIR = {"y": "*n c", "t": "*n c"}
_LABELLED = {"p": "*n c", "t": "*n"}
_DISTRIBUTIONS = {"q": "*n c", "p": "*n c"}

LOSSES: dict[str, Loss] = {
    a.name: a
    for a in (
        Loss("cross_entropy", _LABELLED, lambda s, i: -sympy.log(s["p"][*i.batch, s["t"][i.batch]]),
             r"-\log p_{t}", "definition", {"t": "c"}, domain="p > 0"),
        Loss("smoothed_cross_entropy", _LABELLED, _smoothed,
             r"-(1-a) \log p_{t} - \frac{a}{C} \sum_c \log p_c", "Szegedy et al. 2016, Rethinking Inception, sec. 7",
             {"t": "c"}, (("label_smoothing", Fraction(1, 10)),), domain="p > 0"),
        Loss("focal", _LABELLED, _focal, r"-(1-p_{t})^{\gamma} \log p_{t}", "Lin et al. 2017, Focal Loss, eq. 4",
             {"t": "c"}, (("gamma", Fraction(2)),), domain="p > 0; differentiable at p = 1 unless 0 < gamma < 1"),
        Loss("kl", _DISTRIBUTIONS, _divergence, r"\sum_c q_c \log (q_c/p_c)", "Kullback, Leibler 1951, eq. 2.4",
             domain="p > 0, q > 0"),
        Loss("distillation", _DISTRIBUTIONS, lambda s, i, tau: tau**2 * _divergence(s, i),
             r"\tau^2 \sum_c q_c \log (q_c/p_c)", "Hinton, Vinyals, Dean 2015, Distilling, sec. 2",
             constants=(("temperature", Fraction(1)),), domain="p > 0, q > 0", positive=("temperature",)),
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

HELD = Forward("hold", {"z": "*n"}, "*n", lambda s, i: stop_gradient(s["z"][i.batch]), latex=r"z", source="definition")

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


def cross_entropy(
    p: Tensor, t: Tensor, *, label_smoothing: Any = 0, reduction: str = "mean", name: str = ""
) -> Tensor:  # fmt: skip
    """l = -mean_n log p[n, t[n]] for probabilities p and integer labels t.

    With soft targets q in the place of t it is l = -mean_n sum_c q[n, c] log p[n, c]. Label smoothing a makes of labels
    the targets q = (1 - a) onehot + a/C: l = -mean_n ((1 - a) log p[n, t[n]] + a/C sum_c log p[n, c]). Source: Szegedy
    et al. 2016, Rethinking the Inception Architecture, sec. 7.

    Args:
        p: probabilities, any leading axes, then the classes.
        t: labels of the leading axes, or soft targets of p's shape.
        label_smoothing: a number from 0 to 1, or a symbol for one; 0 leaves it out.
        reduction: "mean" or "sum" over the leading axes.
        name: the node's name.

    Raises:
        ShapeError: p and t do not fit.
        DefinitionError: p or t is no tensor, or label_smoothing is no such number, or is given with soft targets.
    """
    labelled = tensor("cross_entropy()", t, "a tensor as t").classes is not None
    a = fraction("cross_entropy()", "label_smoothing", label_smoothing, zero=True)
    if a == 0:
        return loss("cross_entropy" if labelled else "soft_cross_entropy", p, t, reduction=reduction, name=name)
    if not labelled:
        raise DefinitionError(
            f"cross_entropy() smooths labels, and {t.name!r} holds soft targets. Leave label_smoothing out, or declare "
            "the targets with labels()."
        )
    return loss("smoothed_cross_entropy", p, t, reduction=reduction, name=name, label_smoothing=a)


def kl(q: Tensor, p: Tensor, *, reduction: str = "mean", name: str = "") -> Tensor:
    """l = mean_n sum_c q[n, c] log(q[n, c] / p[n, c]), the divergence of p from the target q; p, q > 0.

    Shapes: q and p the same, the last axis the classes. Source: Kullback, Leibler 1951, On Information and Sufficiency,
    eq. 2.4. Raises as ``loss``.
    """
    return loss("kl", q, p, reduction=reduction, name=name)


def distillation(
    z: Tensor, teacher: Tensor, temperature: Any, *, reduction: str = "mean", name: str = ""
) -> Tensor:  # fmt: skip
    """l = tau^2 mean_n sum_c q[n, c] log(q[n, c] / p[n, c]), p and q the softmax of z / tau and teacher / tau.

    The teacher is held constant: a computed one, or a parameter, through a node ``held``. Nodes: q, p and the loss.
    Shapes: z and teacher the same, the last axis the classes. Source: Hinton, Vinyals, Dean 2015, Distilling the
    Knowledge in a Neural Network, sec. 2.

    Args:
        z: the student's logits.
        teacher: the teacher's logits.
        temperature: tau, a number > 0 or a positive symbol from ``scalars``.
        reduction: "mean" or "sum" over the leading axes.
        name: the node's name.

    Raises:
        ShapeError: z and teacher have different shapes.
        DefinitionError: one of them is no tensor, or the temperature is not positive.
    """
    tau = positive("distillation()", "temperature", temperature)
    given = tensor("distillation()", teacher, "a tensor of logits as teacher")
    held = given if given.role == "input" else HELD(given, name="held")
    q, p = softmax(held, temperature=tau, name="q"), softmax(z, temperature=tau)
    q.auto = True
    return loss("distillation", q, p, reduction=reduction, name=name, temperature=tau)


def focal(p: Tensor, t: Tensor, *, gamma: Any = 2, reduction: str = "mean", name: str = "") -> Tensor:
    """l = -mean_n (1 - p[n, t[n]])^gamma log p[n, t[n]] for probabilities p and integer labels t.

    Shapes: p any leading axes, then the classes; t the leading axes. Where p[n, t[n]] may be 1 the gradient needs gamma
    0 or at least 1. Source: Lin et al. 2017, Focal Loss for Dense Object Detection, eq. 4.

    Args:
        p: probabilities, any leading axes, then the classes.
        t: labels of the leading axes.
        gamma: a number >= 0 or a positive symbol from ``scalars``; 0 is the cross-entropy.
        reduction: "mean" or "sum" over the leading axes.
        name: the node's name.

    Raises:
        ShapeError: p and t do not fit.
        DefinitionError: p or t is no tensor, or gamma is negative.
    """
    return loss("focal", p, t, reduction=reduction, name=name, gamma=not_negative("focal()", "gamma", gamma))


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
