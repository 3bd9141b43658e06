"""Thirty layers of every activation at its derived gain: predicted second moments against measured ones, both passes.

Weights have variance gain^2/width (gain = 1/sqrt(E[g^2])), so that every layer's variance is predicted to be 1. Where
the slope of the variance map there is above 1, the fixed point is unstable: variances drift away from 1 with depth, and
constancy is not claimed. A layer's mean over draws is compared with the prediction and its derived correction of order
1/width, and may be off by that correction once more, as orders beyond are not known; layers where it exceeds 10 % are
left out, and said to be. A check fails, and the exit status is 1, where a layer is further off than --most standard
errors.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import symnn as sn
from symnn.theory.gains import gain
from symnn.theory.propagation import Propagation, predict
from symnn.theory.propagation_finite import WidthTerms
from symnn.theory.propagation_measure import Measured

N, D = sn.dims("N D")


def chain(kind: str, depth: int) -> sn.Tensor:
    """Return a chain of affine maps with an activation between them."""
    a = sn.dense(sn.input("x", (N, D)), D)
    for _ in range(depth - 1):
        a = sn.dense(sn.activation(kind, a), D)
    return a


def worst(p: Propagation, seen: Measured, terms: WidthTerms, way: str) -> tuple[float, float, int]:
    """Return the worst deviation in standard errors, beyond the term, the largest term, and how many layers count."""
    off, largest, count = 0.0, 0.0, 0
    found, predicted, term = getattr(seen, way), getattr(p, way), getattr(terms, way)
    for name in p.layers:
        if name == p.output.name and way == "backward" or abs(term[name]) > 0.1:
            continue
        q, e = float(predicted[name]), found[name]
        beyond = max(0.0, abs(e.mean - q * (1 + term[name])) - abs(term[name]) * q)
        off, largest, count = max(off, beyond / e.error), max(largest, abs(term[name])), count + 1
    return off, largest, count


def row(kind: str, depth: int, width: int, draws: int, seed: int) -> tuple[list[str], list[float]]:
    """Return the cells of one activation, and its worst deviations."""
    g = gain(kind)
    weight = float(g.forward) ** 2
    p = predict(chain(kind, depth), weights={f"W{k}": (weight if k > 1 else 1) / D for k in range(1, depth + 1)},
                sizes={D: width})  # fmt: skip
    terms, seen = p.width_terms(), p.measure(draws, seed, {N: 1})
    (ahead, first, layers), (back, second, others) = (worst(p, seen, terms, w) for w in ("forward", "backward"))
    point = p.fixed_point
    last = p.layers[-1]
    if point.every:
        word = "every q is fixed: drifts by chance"
    elif point.slope > 1:
        word = f"unstable, drifts: {seen.forward[last].mean:.3g} at the last layer"
    else:
        word = "stable"
    cells = [kind, f"{float(g.forward):.6f}", f"{float(point.slope):.4f}", f"{float(point.chi):.4f}"]
    for off, term, count, whole in ((ahead, first, layers, depth), (back, second, others, depth - 1)):
        cells += [f"{off:.1f}", f"{term:.2%}", f"{count}/{whole}"] if count else ["no claim", "> 10%", f"0/{whole}"]
    cells.append(word)
    return cells, [ahead, back]


HEAD = ["activation", "gain", "slope", "chi", "fwd: worst", "1/n term", "layers", "bwd: worst", "1/n term", "layers",
        "the fixed point q = 1"]  # fmt: skip


def line(cells: list[str]) -> str:
    """Return cells in columns."""
    widths = (11, 9, 7, 7, 10, 9, 6, 10, 9, 6)
    return "  ".join([*(c.ljust(w) for c, w in zip(cells, widths, strict=False)), cells[-1]])


def main(argv: list[str] | None = None) -> int:
    """Print the table; return 1 where a check fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("depth", 30), ("width", 512), ("draws", 200), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--most", type=float, default=4.0)
    parser.add_argument("--only", nargs="*", default=list(sn.ACTIVATIONS))
    given: Any = parser.parse_args(argv)
    print(f"depth {given.depth}, width {given.width}, {given.draws} draws, seed {given.seed}; worst in standard errors")
    print(line(HEAD))
    failed = []
    for kind in given.only:
        start = time.perf_counter()
        cells, off = row(kind, given.depth, given.width, given.draws, given.seed)
        print(line(cells), f"({time.perf_counter() - start:.0f} s)", flush=True)
        if max(off) > given.most:
            failed.append(kind)
    print(f"failed: {', '.join(failed)}" if failed else "all within")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
