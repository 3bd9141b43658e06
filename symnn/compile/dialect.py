"""What array libraries of one interface do otherwise, as far as generated programs have to know."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIALECTS", "NUMPY", "Dialect"]


@dataclass(frozen=True)
class Dialect:
    """One array library.

    Attributes:
        refuses: reading outside an axis raises IndexError; else the program has a line that does.
        one_pass: einsum sums the entries of a product in one pass; else it is better to multiply and sum.
    """

    refuses: bool = True
    one_pass: bool = True


NUMPY = Dialect()
#: CuPy reads on from the other end of an axis, and makes einsum a batch of matrix products of single rows.
CUPY = Dialect(refuses=False, one_pass=False)

DIALECTS = {"numpy": NUMPY, "cupy": CUPY}
