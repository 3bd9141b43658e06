"""Words of LaTeX formulas as data: upright function names, names that people give to a loss or an activation."""

from __future__ import annotations

__all__ = ["ACTIVATION_LETTERS", "FUNCTION_WORDS", "LOSS_NAMES", "REFUSED_WORDS", "function_word"]

#: Upright words that are functions, in small letters without signs, and what they are called in the table.
FUNCTION_WORDS = {
    **{name: name for name in (
        "exp log sin cos tan sinh cosh tanh erf erfc sign max min abs sqrt relu elu selu gelu silu softplus mish "
        "softsign sigmoid softmax diag mean sum onehot logsumexp linear outer"
    ).split()},
    "ln": "log", "sgn": "sign", "leakyrelu": "leaky_relu", "lrelu": "leaky_relu", "swish": "silu",
    "hardtanh": "hard_tanh", "sigm": "sigmoid", "logistic": "sigmoid", "expit": "sigmoid", "logsoftmax": "log_softmax",
    "tr": "trace", "trace": "trace", "avg": "mean", "sg": "stop_gradient", "stopgradient": "stop_gradient",
    "arsinh": "asinh", "asinh": "asinh", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "lse": "logsumexp",
    "rectifier": "relu", "diagonal": "diag", "identity": "linear", "gelutanh": "gelu_tanh",
}  # fmt: skip

#: Upright words that people write, and why they are no functions here.
REFUSED_WORDS = {
    "argmax": "A position is no number to be differentiated. Give labels as a tensor of their own.",
    "argmin": "A position is no number to be differentiated. Give labels as a tensor of their own.",
    "vec": "Write the axes out instead of reshaping, x_{nij}.",
    "det": "The determinant of a matrix is not known.",
    "var": "Write the variance out, \\frac{1}{N}\\sum_n (x_n - \\mu)^2.",
    "std": "Write the deviation out.",
    "cov": "Write the covariance out.",
    "rank": "The rank of a matrix is not known.",
    "conv": "Write the convolution as a sum, \\sum_k w_k x_{n+k}.",
}

#: What a scalar that is differentiated is called, where no tensor carries the name.
LOSS_NAMES = frozenset(("ell", "l", "L", "J", "C", "E", "R", "loss", "Loss", "cost", "Cost", "NLL", "CE", "error"))

#: Letters that stand for the activation of a network, where they name nothing else.
ACTIVATION_LETTERS = frozenset(("g", "f", "phi", "sigma", "h", "psi", "rho", "s", "act", "varphi"))


def function_word(word: str) -> str:
    """Return the function that an upright word means, or nothing.

    >>> function_word("ReLU"), function_word("log softmax"), function_word("loss")
    ('relu', 'log_softmax', '')
    """
    return FUNCTION_WORDS.get("".join(c for c in word.lower() if c.isalnum()), "")
