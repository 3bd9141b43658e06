"""The command train: train on scikit-learn's digits with the derived gradients."""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from symnn.commands.opening import open_network
from symnn.ground.errors import DefinitionError
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.network import Network
from symnn.train.data import digits
from symnn.train.loop import train as descend
from symnn.train.optimisers import SGD

__all__ = ["train"]


def train(chosen: argparse.Namespace) -> int:
    """Train on scikit-learn's digits, print the accuracy on the held-out part, save the parameters."""
    opened = open_network(chosen.target)
    net = opened.net
    x, t = _digits_shaped(net)
    known = {s.name for s in net.sizes}
    given = {x.shape[1]: 64, t.classes: 10}
    fixed = {str(s): n for s, n in given.items() if s.is_Symbol}
    sizes = {**{k: v for k, v in opened.sizes.items() if k in known}, **fixed, **chosen.sizes}
    data = digits(seed=chosen.seed, x=x.name, t=t.name)
    method = SGD(chosen.rate, momentum=chosen.momentum)
    params = net.init(sizes, seed=chosen.seed)
    f = net.compile()
    start = time.perf_counter()
    with np.errstate(invalid="ignore"):  # a loss that is no number any more is the loop's to report
        result = descend(
            f, params, data.train, epochs=chosen.epochs, batch=chosen.batch, optimiser=method, seed=chosen.seed,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    net.values = result.params
    count = sum(int(np.size(v)) for v in result.params.values())
    rows = len(data.train[t.name])
    print(f"{net.title}: {count} parameters, {rows} examples, {chosen.epochs} epochs, {seconds:.1f} s")
    print(f"loss      {result.losses[0]:.4g} after the first epoch, {result.losses[-1]:.4g} after the last")
    right = net.predict({x.name: data.test[x.name]}).argmax(axis=-1) == data.test[t.name]
    print(f"accuracy  {right.mean():.4f} on {right.size} held-out digits ({int(right.sum())} right)")
    if chosen.out:
        net.save(chosen.out)
        print(f"wrote {chosen.out}", file=sys.stderr)
    return 0


def _digits_shaped(net: Network) -> tuple[Tensor, Tensor]:
    """Return the tensors that take the pixels and the labels.

    Raises:
        DefinitionError: the network does not take 64 pixels and labels of 10 classes, or gives no class scores.
    """
    data = [v for v in net.inputs.values() if v.classes is None]
    labels = [v for v in net.inputs.values() if v.classes is not None]
    takes = ", ".join(f"{v.name} {size_text(v.shape)}" + (f" in 0..{v.classes}-1" if v.classes is not None else "")
                      for v in net.inputs.values()) or "nothing"  # fmt: skip
    wants = "train uses the 8 x 8 digits: one input of shape (N, 64) and one of labels of shape (N,) with 10 classes"
    fits = len(data) == len(labels) == 1 and data[0].rank == 2 and labels[0].rank == 1
    if fits:
        rows, pixels = data[0].shape
        known = ((pixels, 64), (labels[0].classes, 10))
        fits = rows == labels[0].shape[0] and rows.is_Symbol and all(s == n or s.is_Symbol for s, n in known if s)
    if not fits:
        raise DefinitionError(f"{net.title!r} does not fit: {wants}; it takes {takes}. N must stay a symbol.")
    if net.output is None or net.output.rank != 2 or net.output.shape[1] != labels[0].classes:
        raise DefinitionError(
            f"{net.title!r} gives no class scores. Name them: Network(loss, output=p), p of shape (N, 10)."
        )
    return data[0], labels[0]
