"""What users import, in one list: ``symnn`` gives these names, and loads them when the first is asked for."""

from symnn.claim import prove_equal
from symnn.derivation import Derivation
from symnn.equality import Equality
from symnn.expression import derivative
from symnn.ground.define import define
from symnn.ground.errors import (
    DataError,
    DefinitionError,
    LabelError,
    ShapeError,
    SymnnError,
    UndefinedError,
    UnknownNameError,
    UnsupportedError,
)
from symnn.ground.functions import indicator, stop_gradient, where
from symnn.ground.functions import sum_over as sum
from symnn.ground.indices import index, indices
from symnn.ground.sizes import dims, scalars
from symnn.ground.tensors import Tensor, input, labels, parameter, permutation
from symnn.judge.candidate import latex
from symnn.judge.conventions import course, function, jax_function, torch_function
from symnn.judge.judge import check_gradient, check_gradients
from symnn.judge.judgement import Diagnosis, Judgement
from symnn.judge.judgements import Judgements
from symnn.judge.pair import check_pair
from symnn.network import Compiled, Network, vjp
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
from symnn.nn.attention import attention
from symnn.nn.entrywise import dropout, residual
from symnn.nn.layers import dense, log_softmax, softmax
from symnn.nn.losses import (
    LOSSES,
    bce_with_logits,
    cross_entropy,
    distillation,
    focal,
    hinge,
    huber,
    kl,
    loss,
    mae,
    mse,
    nll,
)
from symnn.nn.norms import batch_norm, batch_norm_inference, group_norm, instance_norm, layer_norm, rms_norm
from symnn.nn.penalties import l1, l2, plus
from symnn.nn.reparametrised import spectral_norm, weight_norm
from symnn.nn.standardise import normalise
from symnn.testing import GradientError, assert_gradient, assert_gradients, each_gradient
from symnn.theory import laws
from symnn.theory.errors import MomentError
from symnn.theory.gains import gain
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.initialisation import initialisation, kaiming, lecun, xavier
from symnn.theory.integration.products import gaussian_product
from symnn.theory.moment import Moment, covariance, expectation, variance
from symnn.theory.propagation import predict as signal_propagation
from symnn.theory.propagation_spectrum import singular_values
from symnn.theory.selu import selu_constants
from symnn.verdict import Verdict

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "Compiled",
    "DataError",
    "DefinitionError",
    "Derivation",
    "Diagnosis",
    "Equality",
    "Judgement",
    "LabelError",
    "Network",
    "ShapeError",
    "SymnnError",
    "Tensor",
    "UndefinedError",
    "UnknownNameError",
    "UnsupportedError",
    "Verdict",
    "activation",
    "attention",
    "batch_norm",
    "batch_norm_inference",
    "bce_with_logits",
    "check_gradient",
    "cross_entropy",
    "define",
    "dense",
    "derivative",
    "dims",
    "distillation",
    "dropout",
    "elu",
    "focal",
    "gelu",
    "gelu_tanh",
    "group_norm",
    "hard_tanh",
    "hinge",
    "huber",
    "index",
    "indicator",
    "indices",
    "input",
    "instance_norm",
    "kl",
    "l1",
    "l2",
    "labels",
    "latex",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "loss",
    "mae",
    "mish",
    "mse",
    "nll",
    "normalise",
    "parameter",
    "permutation",
    "plus",
    "prove_equal",
    "relu",
    "residual",
    "rms_norm",
    "scalars",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "spectral_norm",
    "stop_gradient",
    "sum",
    "tanh",
    "vjp",
    "weight_norm",
    "where",
    "course",
    "function",
    "jax_function",
    "torch_function",
    "check_gradients",
    "Judgements",
    "check_pair",
    "GradientError",
    "assert_gradient",
    "assert_gradients",
    "each_gradient",
    "Moment",
    "MomentError",
    "covariance",
    "expectation",
    "gain",
    "gaussian_mean",
    "gaussian_product",
    "initialisation",
    "kaiming",
    "laws",
    "lecun",
    "selu_constants",
    "signal_propagation",
    "singular_values",
    "variance",
    "xavier",
]
