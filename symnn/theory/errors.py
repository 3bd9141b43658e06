"""The error of this floor: a Gaussian moment that does not exist, or that cannot be asked for."""

from __future__ import annotations

from symnn.ground.errors import SymnnError

__all__ = ["MomentError"]


class MomentError(SymnnError):
    """A Gaussian moment does not exist, is not real, or needs numbers where symbols were given."""
