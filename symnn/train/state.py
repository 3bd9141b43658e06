"""What a training run needs to go on exactly where it stopped, saved in one file by one rename."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from symnn.ground.arrays import host
from symnn.ground.errors import DataError
from symnn.ground.files import write_whole

__all__ = ["State"]


@dataclass
class State:
    """Parameters, the optimiser's arrays, how many epochs are done, the loss of each, and the random generator."""

    params: dict[str, Any]
    slots: dict[str, Any]
    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    generator: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write a .npz file; a reader sees the old file or the new one, never a part of it."""
        target = Path(path)
        arrays: dict[str, Any] = {f"p{n}": np.asarray(host(a)) for n, a in enumerate(self.params.values())}
        arrays |= {f"s{n}": np.asarray(host(a)) for n, a in enumerate(self.slots.values())}
        arrays["names"] = np.array(json.dumps([list(self.params), list(self.slots)]))
        arrays["epoch"], arrays["losses"] = np.array(self.epoch), np.array(self.losses, dtype=float)
        arrays["generator"] = np.array(json.dumps(self.generator))
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        write_whole(target, content.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> State:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is no training state.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as stored:
                params, slots = json.loads(str(stored["names"]))
                return cls(
                    {name: stored[f"p{n}"] for n, name in enumerate(params)},
                    {name: stored[f"s{n}"] for n, name in enumerate(slots)},
                    int(stored["epoch"]),
                    [float(v) for v in stored["losses"]],
                    json.loads(str(stored["generator"])),
                )
        except (KeyError, ValueError, EOFError) as error:
            raise DataError(f"{path} holds no training state of symnn: {error}.") from None
