"""Random networks: branches, shared parents, tied weights and several heads over sizes from 1 to 5, with their data."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

import symnn as sn
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.sizes import as_size, size_text
from tests.random_layers import JOINS, LAYERS, Unfit
from tests.random_losses import LOSSES, PENALTIES

__all__ = ["DEPTH", "Maker", "described"]

#: Layers on the longest way from an input to a head.
DEPTH = 6

#: Larger entries, and losses, are not taken: differences of them say less.
LARGEST = 12.0

#: More entries make the reference interpreter slow; a node that has more is not taken.
ENTRIES = 60

N, T, D, H, C = sn.dims("N T D H C")
#: What new axes are as wide as; equal widths let layers be joined and weights be shared, N a formula meet the batch.
WIDTHS = [
    [as_size(w) for w in widths] for widths in ((D, H), (D, H, C), (D, D, H), (H,), (N, D), (D, 2), (3, H), (1, D))
]
TAU, LAM = sn.scalars("tau", positive=True), sn.scalars("lam")


class Maker:
    """Draw one network and its data; ``network`` is it, ``sizes`` and ``arrays`` are where it is evaluated.

    The source of chance is any ``random.Random``, one of hypothesis among them.
    """

    tau, lam = TAU, LAM
    index = staticmethod(sn.index)

    def __init__(self, chance: random.Random) -> None:
        self.random = chance
        self.sizes: dict[Any, Any] = self._sizes()
        self.numbers = np.random.default_rng(chance.randrange(2**32))
        self.arrays: dict[sn.Tensor, Any] = {}
        self.widths = chance.choice(WIDTHS)
        self.used: list[str] = []
        self._count = 0
        self.pool: list[tuple[sn.Tensor, int]] = []
        self.network = sn.Network(self._loss())
        self.arrays = {t: a for t, a in self.arrays.items() if t in self.network.graph.digraph}
        self.wanted = [t for t in self.arrays if t.classes is None]
        if not self.wanted:
            raise Unfit

    def _sizes(self) -> dict[Any, Any]:
        kind = self.random.randrange(8)
        if kind < 2:
            same = self.random.choice((1, 2, 2, 3))
            values = dict.fromkeys((N, T, D, H, C), same)
        else:
            values = {s: self.random.choice((1, 2, 2, 3, 3, 4, 5)) for s in (N, D, H, C)}
            values[T] = self.random.choice((1, 2, 2, 3))
        return {**values, TAU: 1.7, LAM: 0.3}

    # -- what layers ask for ---------------------------------------------------------------------------------------

    def coin(self) -> bool:
        """Return true or false."""
        return bool(self.random.randrange(2))

    def name(self, stem: str) -> str:
        """Return a name that no other leaf has."""
        self._count += 1
        return f"{stem}{self._count}"

    def width(self) -> Any:
        """Return the size of a new axis."""
        return self.random.choice(self.widths)

    def like(self, i: Any, letter: str = "k") -> Any:
        """Return another index over the same range."""
        return sn.index(letter, i.size)

    def count(self, *over: Any) -> Any:
        """Return the number of entries of some axes."""
        return math.prod(i.size for i in over)

    def reduction(self) -> dict[str, str]:
        """Return how a loss is put together over the batch."""
        return {"reduction": self.random.choice(("mean", "sum"))}

    def known(self, shape: tuple[Any, ...]) -> sn.Tensor | None:
        """Return a parameter of that shape made before, one time in three, to be shared."""
        fits = [t for t in self.arrays if t.role == "parameter" and t.shape == shape and t.regularised]
        return self.random.choice(fits) if fits and self.random.randrange(3) == 0 else None

    def parameter(self, *shape: Any) -> sn.Tensor:
        """Return a new parameter, or one made before."""
        return self._kept(self.known(shape) or sn.parameter(self.name("v"), shape))

    def positive(self, *shape: Any) -> sn.Tensor:
        """Return a positive parameter."""
        return self._kept(sn.parameter(self.name("s"), shape, positive=True, regularised=False))

    def input(self, *shape: Any) -> sn.Tensor:
        """Return new data."""
        return self._kept(sn.input(self.name("x"), shape))

    def labels(self, *shape: Any, classes: Any) -> sn.Tensor:
        """Return new labels, or earlier ones of the same shape."""
        fits = [t for t in self.arrays if t.classes == classes and t.shape == shape]
        return self._kept(self.random.choice([*fits, sn.labels(self.name("t"), shape, classes)]))

    def targets(self, y: sn.Tensor) -> sn.Tensor:
        """Return labels for the last axis of a tensor."""
        return self.labels(*y.shape[:-1], classes=y.shape[-1])

    # -- data ------------------------------------------------------------------------------------------------------

    def _kept(self, t: sn.Tensor) -> sn.Tensor:
        if t not in self.arrays:
            self.arrays[t] = self.drawn(t)
        return t

    def drawn(self, t: sn.Tensor) -> Any:
        """Return an array for a leaf: generic reals (positive where declared), labels in range."""
        shape = tuple(size_value(s, self.sizes) for s in t.shape)
        if t.bijective:
            return self.numbers.permutation(shape[0])
        if t.classes is not None:
            return self.numbers.integers(0, size_value(t.classes, self.sizes), shape)
        if t.positive:
            return self.numbers.uniform(0.3, 1.7, shape)
        wide = shape[-1] if t.role == "parameter" and len(shape) > 1 else 1
        return self.numbers.normal(size=shape) / math.sqrt(wide)

    def redraw(self) -> None:
        """Draw all data anew, for the same network."""
        self.arrays = {t: self.drawn(t) for t in self.arrays}

    def calm(self, t: sn.Tensor) -> bool:
        """Tell whether a computed tensor is defined and of moderate size at the data drawn so far."""
        for leaf in _leaves(t):
            self._kept(leaf)
        if math.prod(size_value(s, self.sizes) for s in t.shape) > ENTRIES:
            return False
        try:
            with np.errstate(all="raise", under="ignore"):
                value = Interpreter(self.sizes, self.arrays).tensor(t)
        except (ArithmeticError, ValueError, sn.UndefinedError):
            return False
        return bool(np.isfinite(value).all() and np.abs(value).max() < LARGEST)

    # -- the network -----------------------------------------------------------------------------------------------

    def _loss(self) -> sn.Tensor:
        batch = self.random.choice(((N,), (N,), (N,), (N, T), (N, T), (), (T, 2)))
        for _ in range(self.random.choice((1, 1, 2))):
            self.pool.append((self.input(*batch, self.width()), 0))
        layers = self.random.randrange(1, 8)
        for _ in range(2 * layers):
            if len(self.pool) <= layers:
                self._grow()
        heads = [self.pool[-1][0]]
        if len(self.pool) > 2 and self.random.randrange(3) == 0:
            heads.append(self.random.choice(self.pool[1:-1])[0])
        terms = [self._judged(h) for h in heads]
        loss = terms[0] if len(terms) == 1 else sn.plus(*terms)
        if self.random.randrange(4) == 0 and any(t.regularised for t in _leaves(loss) if t.role == "parameter"):
            name = self._pick(PENALTIES)
            loss = sn.plus(loss, PENALTIES[name](self, loss))
        return loss

    def _pick(self, table: dict[str, Any]) -> str:
        name = self.random.choice(list(table))
        self.used.append(name)
        return name

    def _grow(self) -> None:
        """Add one layer on the last tensor or an earlier one, if it fits and its values are moderate."""
        x, depth = self.pool[-1] if self.random.randrange(4) else self.random.choice(self.pool)
        same = [(t, d) for t, d in self.pool if t.shape == x.shape]
        if self.random.randrange(4) == 0:
            y, other = self.random.choice(same)
            depth, name = max(depth, other), self._pick(JOINS)
            made = self._made(name, lambda b, i: JOINS[name](self, x, y, b, i), x)
        else:
            name = self.random.choices(list(LAYERS), [w for _, w in LAYERS.values()])[0]
            self.used.append(name)
            made = self._made(name, lambda b, i: LAYERS[name][0](self, x, b, i), x)
        if made is not None and depth < DEPTH and 1 <= made.rank <= 3 and self.calm(made):
            self.pool.append((made, depth + 1))
        else:
            self.used.pop()

    def _made(self, name: str, layer: Any, x: sn.Tensor) -> sn.Tensor | None:
        *b, i = (sn.index(letter, s) for letter, s in zip("npi"[3 - x.rank :], x.shape, strict=True))
        try:
            made = layer(tuple(b), i)
        except Unfit:
            return None
        if isinstance(made, sn.Tensor):
            return made
        at, body = made if isinstance(made, tuple) else ((*b, i), made)
        out = sn.define(name, at, body)
        out.auto = True
        return out

    def _judged(self, y: sn.Tensor) -> sn.Tensor:
        """Return a loss of a head, or where no draw of the table is moderate, a bounded one."""
        *b, i = (sn.index(letter, s) for letter, s in zip("npi"[3 - y.rank :], y.shape, strict=True))
        for _ in range(4):
            name = self._pick(LOSSES)
            made = LOSSES[name](self, y, tuple(b), i)
            loss = made if isinstance(made, sn.Tensor) else sn.define(name, (), made)
            loss.auto = True
            if self.calm(loss):
                return loss
            self.used.pop()
        raise Unfit


def _leaves(t: sn.Tensor) -> list[sn.Tensor]:
    return [p for p in FlowGraph((t,)) if p.definition is None]


def described(maker: Maker) -> str:
    """Return a network in words: sizes, leaves and the formula of every node."""
    net = maker.network
    lines = ["sizes " + ", ".join(f"{s}={v}" for s, v in maker.sizes.items())]
    for t in net.graph:
        if t.definition is None:
            lines.append(f"{t!r}" + ("" if t.classes is None else f" of {t.classes} classes"))
        else:
            free, _ = net.graph.tree(t)
            at = ",".join(i.letter for i in free)
            lines.append(f"{t.name}[{at}] {size_text(t.shape)} = {net.graph.expression(t)}")
    return "\n".join(lines)
