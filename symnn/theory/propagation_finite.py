"""What mean-field theory leaves out at a finite width n, to first order in 1/n, for a chain of layers.

Given the layer below, the pre-activations of a layer are independent N(0, Q), exactly, and Q = sigma_w^2 mean h^2 +
sigma_b^2 is itself random. With m = E[Q] - q, v = Var Q, G(q) = E[g^2], s = sigma_w^2:

    m' = s (G' m + G'' v / 2),    v' = s^2 (G'^2 v + (E[g^4] - G^2) / n).

A gradient is a product of factors D = mean g'(z)^2, whose means shift with m and v and which are correlated through
Q. It is not independent of the weights that it comes back through, either: W h = z ties it to z. With
tau = E[(z . dz)^2] / (n Q E[dz^2]) that is a factor 1 + (tau - 1) E[g'^2 g^2] / (n G E[g'^2]).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.ground.tensors import Tensor
from symnn.theory.errors import MomentError
from symnn.theory.propagation_map import Grid
from symnn.theory.propagation_passes import Forward
from symnn.theory.propagation_reading import Z, placed

__all__ = ["WidthTerms", "width_terms"]

#: Beyond a correction of this size the expansion is not trusted.
_SMALL = 0.1


@dataclass(frozen=True)
class WidthTerms:
    """Corrections relative to the prediction, by node name, E = q (1 + correction).

    Attributes:
        forward, backward: the corrections of second moments and of gradients.
        spread: standard deviation of the variance of a layer's pre-activations from one draw of the weights to
            another, relative to it.
    """

    forward: dict[str, float]
    backward: dict[str, float]
    spread: dict[str, float]

    def trusted(self, name: str) -> bool:
        """Tell whether the corrections at a node are small enough for an expansion, |correction| <= 0.1."""
        found = [abs(c[name]) for c in (self.forward, self.backward) if name in c]
        return all(np.isfinite(c) and c <= _SMALL for c in found)


@dataclass
class _Level:
    """The moments of a layer's function at its variance, and how far Q is from it."""

    node: Tensor
    q: float
    n: float
    m: float
    v: float
    function: Any = None
    s: float = 0.0  # sigma_w^2 of the linear map above, and the share of Q that it makes
    share: float = 1.0

    def moments(self) -> None:
        grid = Grid(self.function)
        g, d, z = grid.values(self.q), grid.slopes(self.q), np.sqrt(self.q) * grid.U
        one = (grid.U**2 - 1) / (2 * self.q)
        two = (grid.U**4 - 6 * grid.U**2 + 3) / (4 * self.q**2)
        mean = grid.mean
        self.G, self.G1, self.G2 = mean(g**2), mean(g**2 * one), mean(g**2 * two)
        self.noise = mean(g**4) - self.G**2
        self.d, self.d1, self.d2 = mean(d**2), mean(d**2 * one), mean(d**2 * two)
        self.both, self.radial, self.along = mean(d**2 * g**2), mean(z**2 * d**2), mean(z * d * g)


def width_terms(forward: Forward, sizes: Mapping[Any, int]) -> WidthTerms:
    """Return the corrections of order 1/width for a chain of linear maps and functions, inputs of exact norm.

    Raises:
        MomentError: the graph is no chain, or a size or a symbol has no value.
    """
    levels, after = _levels(forward, sizes)
    _forward(levels)
    out = WidthTerms({}, {}, {})
    for level in levels:
        for t in after[level.node]:
            shift = (level.G1 * level.m + level.G2 * level.v / 2) / level.G
            out.forward[t.name] = level.m / level.q if t is level.node else shift
        out.spread[level.node.name] = float(np.sqrt(level.v)) / level.q
    _backward(levels, after, out)
    return out


def _levels(forward: Forward, sizes: Mapping[Any, int]) -> tuple[list[_Level], dict[Tensor, list[Tensor]]]:
    def number(value: Any) -> float:
        made = placed(value, sizes)
        if made.free_symbols:
            names = ", ".join(sorted(map(str, made.free_symbols)))
            raise MomentError(f"Terms of order 1/width need numbers for {names}.")
        return float(made)

    levels: list[_Level] = []
    after: dict[Tensor, list[Tensor]] = {}
    for t, r in forward.readings.items():
        values = [s for s in r.terms if s.value is not None]
        last = after[levels[-1].node][-1] if levels else next(iter(forward.inputs))
        if len(values) != 1 or len(forward.inputs) != 1 or values[0].value is not last:
            raise MomentError(f"Terms of order 1/width are known for chains only; {t.name!r} is no link of one.")
        if values[0].matrix is None:
            if not levels:
                raise MomentError(f"Terms of order 1/width need a linear map first; {t.name!r} acts on the input.")
            after[levels[-1].node].append(t)
        else:
            if r.function != Z:
                raise MomentError(
                    f"Terms of order 1/width need the linear map and the function in {t.name!r} as two nodes."
                )
            gain, bias = number(forward.gain(values[0])), sum(number(forward.gain(s)) for s in r.terms if not s.value)
            q = number(forward.second[t])
            if levels:
                levels[-1].s, levels[-1].share = gain, (q - bias) / q
            levels.append(_Level(t, q, number(values[0].fan_out), 0.0, 0.0))
            after[t] = [t]
        law = forward.law[t]
        assert law is not None
        levels[-1].function = law[1]
    return levels, after


def _forward(levels: list[_Level]) -> None:
    for k, level in enumerate(levels):
        level.moments()
        if k + 1 < len(levels):
            above = levels[k + 1]
            above.m = level.s * (level.G1 * level.m + level.G2 * level.v / 2)
            above.v = level.s**2 * (level.G1**2 * level.v + level.noise / level.n)


def _backward(levels: list[_Level], after: dict[Tensor, list[Tensor]], out: WidthTerms) -> None:
    """Go down, adding the shifts of every factor, and its covariance with every factor above it."""
    tau, total = 1.0, 0.0
    ahead = 0.0  # sum over factors k above of (E[D_k])'/D_k dQ_k/dQ at the level above
    for k in range(len(levels) - 1, -1, -1):
        level, nodes = levels[k], after[levels[k].node]
        last = k + 1 == len(levels)
        tied = 0.0 if last else (level.share * tau + 1 - level.share - 1)
        at_value = total + (0.0 if last else tied / level.n)
        for t in nodes[1:]:
            out.backward[t.name] = at_value if t is nodes[-1] else float("nan")
        if len(nodes) == 1 and last:
            out.backward[nodes[0].name] = 0.0
            continue
        covariance = level.s * ((level.both - level.d * level.G) / level.n + level.d1 * level.G1 * level.v)
        total += (level.d1 * level.m + level.d2 * level.v / 2) / level.d
        total += tied * level.both / (level.n * level.G * level.d) + ahead * covariance / level.d
        ahead = level.d1 / level.d + level.s * level.G1 * ahead
        tau = (level.radial + level.along**2 * tied / level.G) / (level.q * level.d)
        out.backward[nodes[0].name] = total
