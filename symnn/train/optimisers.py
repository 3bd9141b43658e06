"""v <- mu v + g, w <- w - eta v: gradient descent as records that map parameters, gradients and state to new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.ground.errors import DataError, DefinitionError

__all__ = ["SGD", "Arrays"]

Arrays = dict[str, Any]


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum (Polyak 1964; the form of Sutskever et al. 2013 when ``nesterov``).

    Weight decay belongs to the loss. Attributes: ``rate`` eta > 0, ``momentum`` 0 <= mu < 1.

    >>> SGD(0.5).step({"w": 1.0}, {"w": 1.0}, {})[0]
    {'w': 0.5}
    """

    rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        if not (self.rate > 0 and np.isfinite(self.rate)):
            raise DefinitionError(f"The learning rate must be positive, found {self.rate!r}.")
        if not 0 <= self.momentum < 1:
            raise DefinitionError(f"The momentum must be at least 0 and less than 1, found {self.momentum!r}.")

    def start(self, params: Mapping[str, Any]) -> Arrays:
        """Return the initial state: one velocity per parameter, none without momentum."""
        return {name: np.zeros_like(w) for name, w in params.items()} if self.momentum else {}

    def step(
        self, params: Mapping[str, Any], grads: Mapping[str, Any], state: Mapping[str, Any]
    ) -> tuple[Arrays, Arrays]:
        """Return new parameters and state; nothing given is changed.

        Raises:
            DataError: a gradient is missing, or has another shape than its parameter.
        """
        moved: Arrays = {}
        velocity: Arrays = {}
        for name, w in params.items():
            if name not in grads:
                raise DataError(
                    f"There is no gradient for the parameter {name!r}. Found: {', '.join(grads) or 'none'}."
                )
            g = grads[name]
            if np.shape(g) != np.shape(w):
                raise DataError(f"The gradient of {name!r} has shape {np.shape(g)}, the parameter {np.shape(w)}.")
            if self.momentum:
                v = velocity[name] = self.momentum * state[name] + g
                g = g + self.momentum * v if self.nesterov else v
            moved[name] = w - self.rate * g
        return moved, velocity
