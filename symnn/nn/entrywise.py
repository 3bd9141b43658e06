"""Two tensors entry by entry: dropout's mask and the residual connection."""

from __future__ import annotations

from typing import Any

from symnn.ground.tensors import Tensor
from symnn.nn.checks import fraction
from symnn.nn.forward import Forward

__all__ = ["dropout", "residual"]

_SRIVASTAVA = "Srivastava et al. 2014, Dropout"

DROPOUT = Forward(
    "dropout", {"x": "*n", "m": "*n"}, "*n", lambda s, i, keep: s["m"][i.batch] * s["x"][i.batch] / keep,
    latex=r"y = m x / p", source=f"{_SRIVASTAVA}, sec. 10",
)  # fmt: skip

MASKED = Forward(
    "dropout", {"x": "*n", "m": "*n"}, "*n", lambda s, i: s["m"][i.batch] * s["x"][i.batch],
    latex=r"y = m x", source=f"{_SRIVASTAVA}, sec. 4",
)  # fmt: skip

RESIDUAL = Forward(
    "residual", {"x": "*n", "f": "*n"}, "*n", lambda s, i: s["x"][i.batch] + s["f"][i.batch],
    latex=r"y = x + f", source="He et al. 2016, Deep Residual Learning, eq. 1",
)  # fmt: skip


def dropout(x: Tensor, mask: Tensor, keep: Any, *, scale: bool = True, name: str = "") -> Tensor:
    """y = m x / keep entry by entry: what the mask m, of zeros and ones, keeps, scaled so that the mean stays x.

    The mask is an input, drawn by the caller with P(m = 1) = keep. Shapes: x and mask the same. Source: Srivastava et
    al. 2014, Dropout, sec. 4; the scaling while training ("inverted"), sec. 10.

    Args:
        x: any tensor.
        mask: zeros and ones.
        keep: the probability of keeping, above 0 up to 1, or a symbol for it.
        scale: False leaves 1/keep out; the weights are then scaled by keep at test time.
        name: the node's name.

    Raises:
        ShapeError: x and mask have different shapes.
        DefinitionError: one of them is no tensor, or keep is no such probability.
    """
    p = fraction("dropout()", "keep", keep, zero=False)
    if scale:
        return DROPOUT(x, mask, name=name or "y", constants=(p,), auto=not name)
    return MASKED(x, mask, name=name or "y", auto=not name)


def residual(x: Tensor, f: Tensor, *, name: str = "") -> Tensor:
    """y = x + f(x), the residual connection around a branch f. Shapes: x and f the same.

    Source: He et al. 2016, Deep Residual Learning, eq. 1.

    Raises:
        ShapeError: x and f have different shapes; the message names node, shapes and index.
        DefinitionError: one of them is no tensor.
    """
    return RESIDUAL(x, f, name=name or "y", auto=not name)
