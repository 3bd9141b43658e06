"""Losses and penalties of random networks, one line an entry.

A loss is (maker, tensor, leading indices, last index) -> scalar tensor or expression,
a penalty (maker, loss) -> tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

import symnn as sn
from symnn import sum as total

__all__ = ["LOSSES", "PENALTIES"]

Layer = Callable[..., Any]
exp, log, sqrt = sympy.exp, sympy.log, sympy.sqrt
EPS, half, third = sympy.Rational(1, 10), sympy.Rational(1, 2), sympy.Rational(1, 3)

LOSSES: dict[str, Layer] = {
    "cross_entropy": lambda m, y, b, i: sn.cross_entropy(sn.softmax(y), m.targets(y), **m.reduction()),
    "smoothed": lambda m, y, b, i: sn.cross_entropy(sn.softmax(y), m.targets(y), label_smoothing=EPS, **m.reduction()),
    "focal": lambda m, y, b, i: sn.focal(sn.softmax(y), m.targets(y), gamma=2 if m.coin() else 3, **m.reduction()),
    "kl": lambda m, y, b, i: sn.kl(sn.softmax(m.input(*y.shape)), sn.softmax(y), **m.reduction()),
    "distillation": lambda m, y, b, i: sn.distillation(y, m.parameter(*y.shape), m.tau, **m.reduction()),
    "nll": lambda m, y, b, i: sn.nll(sn.log_softmax(y), m.targets(y), **m.reduction()),
    "soft_cross_entropy": lambda m, y, b, i: sn.cross_entropy(
        sn.softmax(y), sn.input(m.name("q"), y.shape, positive=True), **m.reduction()
    ),
    "bce": lambda m, y, b, i: sn.bce_with_logits(y, m.input(*y.shape), **m.reduction()),
    "mse": lambda m, y, b, i: sn.mse(y, m.input(*y.shape), **m.reduction()),
    "mae": lambda m, y, b, i: sn.mae(y, m.input(*y.shape), **m.reduction()),
    "huber": lambda m, y, b, i: sn.huber(y, m.input(*y.shape), delta=half, **m.reduction()),
    "hinge": lambda m, y, b, i: sn.hinge(y, m.input(*y.shape), **m.reduction()),
    "squares": lambda m, y, b, i: total(y[*b, i] ** 2, *b, i),
    "weighted": lambda m, y, b, i: total(m.parameter(*y.shape)[*b, i] * y[*b, i], *b, i),
    "logcosh": lambda m, y, b, i: total(log(sympy.cosh(y[*b, i] - third)), *b, i) / m.count(*b, i),
    "norm": lambda m, y, b, i: sqrt(total(y[*b, i] ** 2, *b, i) + EPS),
    "log_total": lambda m, y, b, i: log(total(exp(y[*b, i]), *b, i)),
    "typed_cross_entropy": lambda m, y, b, i: (
        -total(log(exp(y[*b, m.targets(y)[b]]) / total(exp(y[*b, i]), i)), *b) / m.count(*b)
    ),
    "sharpened": lambda m, y, b, i: -total((1 - (p := sn.softmax(y))[*b, i]) ** 2 * log(p[*b, i]), *b, i),
    "batch_product": lambda m, y, b, i: total(sympy.sin(total(y[*b, i], *b)) ** 2, i),
}

PENALTIES: dict[str, Layer] = {
    "l2": lambda m, loss: sn.l2(loss, EPS),
    "l2_symbol": lambda m, loss: sn.l2(loss, m.lam),
    "l1": lambda m, loss: sn.l1(loss, EPS),
    "both": lambda m, loss: sn.plus(sn.l1(loss, m.lam), sn.l2(loss, EPS)),
}
