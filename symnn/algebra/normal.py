"""Normal form: constructors that keep every atom and monomial canonical.

The rooms, lowest first, each importing only from those before it:

    leaves      constants, symbols, indices, entries
    order       which atom or monomial comes first
    products    products, whole powers, common content
    positivity  sums of squares that were expanded
    squares     roots of perfect squares
    bounds      what the ranges of indices say about a whole number
    indicators  1[p > 0], 1[p = 0], sign, modulus
    powers      roots
    functions   exp, log and the others
    inside      renaming, rebuilding, opening a sum
    ranges      closed sums, flips, permutations
    sums        contraction and canonical binders

Here they are put together: the rest of symnn imports them from this file, and the constructors that lower rooms
call upwards are entered below. Each identity has its condition beside it; nothing here knows a layer.
"""

from __future__ import annotations

from symnn.algebra.functions import exponential, function, logarithm
from symnn.algebra.indicators import absolute, indicator
from symnn.algebra.inside import opened, rebuild, rename, replace_atom
from symnn.algebra.leaves import const, entry, of_index, of_size, of_symbol, parts_of
from symnn.algebra.positivity import expanded_sign
from symnn.algebra.powers import power
from symnn.algebra.products import ABOVE, content, multiply, product, solve_equation
from symnn.algebra.sums import in_range, summed
from symnn.algebra.terms import SIGN_ABOVE

__all__ = [
    "absolute", "const", "content", "entry", "exponential", "function", "in_range", "indicator", "logarithm",
    "multiply", "of_index", "of_size", "of_symbol", "opened", "parts_of", "power", "product", "rebuild", "rename",
    "solve_equation", "summed",
]  # fmt: skip

SIGN_ABOVE[0] = expanded_sign
ABOVE.update(power=power, rename=rename, replace_atom=replace_atom, summed=summed)
