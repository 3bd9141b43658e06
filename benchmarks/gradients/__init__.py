"""Gradients for the judge's benchmark: right ones in many guises, and slips in them."""

from __future__ import annotations

from . import losses, networks, norms, products, sequences, softmaxes, structures
from .record import Case, lowered

__all__ = ["Case", "all_cases"]

_FILES = (networks, losses, softmaxes, norms, products, structures, sequences)


def all_cases() -> list[Case]:
    """Return every case, in the order of the files."""
    found = [case for file in _FILES for case in file.cases()]
    for case in found:
        lowered(case)
    return found
