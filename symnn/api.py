"""What users import, in one list: ``symnn`` gives these names, and loads them when the first is asked for."""

from symnn.derivation import Derivation
from symnn.expression import derivative
from symnn.ground.define import define
from symnn.ground.errors import (
    DataError,
    DefinitionError,
    LabelError,
    ShapeError,
    SymnnError,
    UnknownNameError,
    UnsupportedError,
)
from symnn.ground.functions import indicator, stop_gradient, where
from symnn.ground.functions import sum_over as sum
from symnn.ground.indices import index, indices
from symnn.ground.sizes import dims, scalars
from symnn.ground.tensors import Tensor, input, labels, parameter
from symnn.network import Compiled, Network, check_gradient, vjp
from symnn.nn.activations import (
    ACTIVATIONS,
    activation,
    elu,
    gelu,
    gelu_tanh,
    hard_tanh,
    leaky_relu,
    linear,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from symnn.nn.layers import dense, log_softmax, softmax
from symnn.nn.losses import LOSSES, bce_with_logits, cross_entropy, hinge, huber, loss, mae, mse, nll
from symnn.nn.penalties import l1, l2, plus
from symnn.verdict import Verdict

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "Compiled",
    "DataError",
    "DefinitionError",
    "Derivation",
    "LabelError",
    "Network",
    "ShapeError",
    "SymnnError",
    "Tensor",
    "UnknownNameError",
    "UnsupportedError",
    "Verdict",
    "activation",
    "bce_with_logits",
    "check_gradient",
    "cross_entropy",
    "define",
    "dense",
    "derivative",
    "dims",
    "elu",
    "gelu",
    "gelu_tanh",
    "hard_tanh",
    "hinge",
    "huber",
    "index",
    "indicator",
    "indices",
    "input",
    "l1",
    "l2",
    "labels",
    "leaky_relu",
    "linear",
    "log_softmax",
    "loss",
    "mae",
    "mish",
    "mse",
    "nll",
    "parameter",
    "plus",
    "relu",
    "scalars",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "stop_gradient",
    "sum",
    "tanh",
    "vjp",
    "where",
]
