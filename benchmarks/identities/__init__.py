"""True identities for the prover's benchmark: the gallery's targets, and formulas transcribed from books and papers.

They were written down from their sources before the prover saw them, and none is left out for being hard.
"""

from __future__ import annotations

from . import functions, gallery_networks, gallery_norms, layers, losses, matrices, optimisation, samples, sums
from .record import Identity

__all__ = ["Identity", "all_identities"]

_FILES = (gallery_networks, gallery_norms, matrices, functions, losses, samples, layers, sums, optimisation)


def all_identities() -> list[Identity]:
    """Return every identity, in the order of the files."""
    return [item for file in _FILES for item in file.identities()]
