"""The gallery's page that derives a gradient: found by what the tensor is used in first, on its way to the output."""

from __future__ import annotations

from symnn.ground.tensors import Tensor
from symnn.judge.truth import Truth
from symnn.nn.activations import ACTIVATIONS
from symnn.nn.losses import LOSSES

__all__ = ["PAGES", "page_of"]

#: Rows of the gallery by id: the file under derivations/, and the title.
PAGES: dict[str, tuple[str, str]] = {
    "A3": ("a03_cross_entropy", "Cross-entropy at the probabilities"),
    "A4": ("a04_softmax_cross_entropy", "Softmax cross-entropy at the logits"),
    "A5": ("a05_chain_rule_layer", "Chain rule through one layer"),
    "A6": ("a06_hidden_preactivation", "Hidden pre-activation: the diagonal Jacobian"),
    "A7": ("a07_weights_biases", "Gradients of weights and biases"),
    "A12": ("a12_softmax_jacobian", "Jacobian of the softmax"),
    "A13": ("a13_losses_at_the_logits", "Losses at the logits"),
    "B1": ("b01_l2", "L2 penalty and Gaussian prior"),
    "B2": ("b02_l1", "L1 penalty, Laplace prior, soft threshold"),
    "D1": ("d01_batch_norm", "Batch norm"),
    "D2": ("d02_layer_norms", "Layer, RMS, instance and group norm"),
    "D3": ("d03_weight_and_spectral_norm", "Weight norm and spectral norm"),
    "F1": ("f01_attention", "Attention, one head"),
}
#: Operations of the package, and the row that shows how they are differentiated.
_OPERATIONS = {
    "root_mean_square": "D2", "divide": "D2", "scale": "D2", "row_norm": "D3", "scale_rows": "D3",
    "scores": "F1", "attention_weights": "F1", "attention": "F1", "l2": "B1", "l1": "B2", "cross_entropy": "A3",
    **dict.fromkeys(ACTIVATIONS, "A6"),
}  # fmt: skip
_STATISTICS = ("mean", "standard_deviation", "standardise", "scale_and_shift")


def page_of(truth: Truth) -> str:
    """Return where the gallery derives a gradient, or nothing."""
    children = [u.child for u in truth.adjoints.contributions.get(truth.wrt, ())]
    for child in children:
        row = _row(truth, child)
        if row:
            stem, title = PAGES[row]
            return f"gallery {row}, {title} (derivations/{stem}.py)"
    return ""


def _row(truth: Truth, child: Tensor) -> str:
    name = _operation(child)
    if name == "dense":
        return "A7" if truth.wrt.role == "parameter" else "A5"
    if name == "softmax":
        above = [_operation(u.child) for u in truth.adjoints.contributions.get(child, ())]
        return "A4" if above == ["cross_entropy"] else "A13" if any(n in LOSSES for n in above) else "A12"
    if name in _STATISTICS:
        statistics = [t for t in truth.graph.order if _operation(t) in ("mean", "standard_deviation")]
        whole = [t for t in truth.graph.order if _operation(t) == "standardise"]
        batch = any(len(s.shape) and s.shape[-1] == w.shape[-1] for s in statistics for w in whole)
        return "D1" if batch and whole and whole[0].rank == 2 else "D2"
    if name in LOSSES and name not in _OPERATIONS:
        return "A13"
    return _OPERATIONS.get(name, "")


def _operation(t: Tensor) -> str:
    return t.definition.template.name if t.definition is not None else ""
