"""The training loop: epochs of minibatches, a progress bar on a terminal, a state that can be taken up again."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from symnn.ground.errors import DataError
from symnn.train.data import minibatches
from symnn.train.optimisers import SGD, Arrays
from symnn.train.state import State

__all__ = ["LossAndGrads", "Result", "train"]

#: (parameters, batch) -> (loss, gradients by name); with a method ``place`` arrays are first put where it computes
LossAndGrads = Callable[[Arrays, Arrays], tuple[Any, Mapping[str, Any]]]


@dataclass(frozen=True)
class Result:
    """The trained parameters and the mean loss of each epoch."""

    params: Arrays
    losses: tuple[float, ...]


def train(
    loss_and_grads: LossAndGrads,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    *,
    epochs: int = 10,
    batch: int = 32,
    optimiser: SGD | None = None,
    seed: int = 0,
    state: str | Path | None = None,
    progress: bool | None = None,
    report: Callable[[int, float, Arrays], None] | None = None,
) -> Result:
    """Return parameters after some epochs of minibatch descent; the same seed gives the same run, resumed or not.

    Args:
        loss_and_grads: (parameters, batch) -> (loss, gradients by name).
        params: initial parameters; they are not changed.
        data: arrays with one row per example.
        epochs: how many in all, those of a resumed run included.
        batch: rows a step.
        optimiser: default ``SGD()``.
        seed: of the order of the rows.
        state: a file that the run is saved to after each epoch, and taken up from where it exists.
        progress: show a bar; by default only on a terminal.
        report: called after each epoch with its number, mean loss and parameters.

    Raises:
        DataError: the loss is not finite any more; the message says at which step.
    """
    method = optimiser or SGD()
    place: Callable[[Mapping[str, Any]], Arrays] = getattr(loss_and_grads, "place", dict)
    now, rng = _begin(params, method, seed, state)
    now.params, now.slots, data = place(now.params), place(now.slots), place(data)
    quiet = not (sys.stderr.isatty() if progress is None else progress)
    with tqdm(total=epochs, initial=now.epoch, disable=quiet, unit="epoch") as bar:
        while now.epoch < epochs:
            total, rows = 0.0, 0
            for step, part in enumerate(minibatches(data, batch, rng)):
                loss, grads = loss_and_grads(now.params, part)
                value = float(loss)
                if not math.isfinite(value):
                    raise DataError(
                        f"The loss is {value} at step {step + 1} of epoch {now.epoch + 1}. "
                        "Lower the learning rate, or look at the data."
                    )
                now.params, now.slots = method.step(now.params, grads, now.slots)
                count = len(next(iter(part.values())))
                total, rows = total + value * count, rows + count
            now.epoch += 1
            now.losses.append(total / rows)
            now.generator = dict(rng.bit_generator.state)
            if state is not None:
                now.save(state)
            bar.update()
            bar.set_postfix(loss=f"{now.losses[-1]:.4f}")
            if report is not None:
                report(now.epoch, now.losses[-1], now.params)
    return Result(now.params, tuple(now.losses))


def _begin(
    params: Mapping[str, Any], method: SGD, seed: int, state: str | Path | None
) -> tuple[State, np.random.Generator]:
    rng = np.random.default_rng(seed)
    start = State(dict(params), method.start(params))
    if state is None or not Path(state).exists():
        return start, rng
    found = State.load(state)
    for what, mine, theirs in (
        ("parameters", start.params, found.params),
        ("optimiser's arrays", start.slots, found.slots),
    ):
        if {k: np.shape(v) for k, v in mine.items()} != {k: np.shape(v) for k, v in theirs.items()}:
            raise DataError(f"{state} is the state of another run: its {what} are {sorted(theirs)}, "
                            f"not {sorted(mine)}, "
                            "or have other shapes. Remove it, or name another file.")  # fmt: skip
    rng.bit_generator.state = found.generator
    return found, rng
