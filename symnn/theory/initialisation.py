"""Initial variances solved for: the weights' variance that keeps the variance of a layer's values, or of gradients.

Only the layer's forward pass is typed, h = g(z), a_i = sum_j W_ij h_j; its pullback is the engine's. The conditions
Var(a_i) = Var(z_j) and Var(dL/dz_j) = Var(dL/da_i) are derived line by line and solved for Var(W).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy

from symnn.derive.backprop import formula, vjp
from symnn.ground.arguments import whole_number
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.functions import sum_over
from symnn.ground.indices import index
from symnn.ground.sizes import dims, scalars
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tensors import Tensor, input, parameter
from symnn.ground.tree import Fn, Ix, Tree, walk
from symnn.nn.activations import ACTIVATIONS, activation
from symnn.nn.layers import dense
from symnn.theory import laws
from symnn.theory.errors import MomentError
from symnn.theory.gains import Gain, Z, gain
from symnn.theory.moment import Moment, variance
from symnn.theory.numbers import at_values

if TYPE_CHECKING:
    from symnn.theory.propagation import Propagation

__all__ = ["Condition", "Initialisation", "initialisation", "kaiming", "lecun", "uniform_bound", "xavier"]

#: Sizes of a layer: what goes into a unit, and how many units there are.
FAN_IN, FAN_OUT = dims("fan_in fan_out")
_S2, _V, _D = scalars("s2 v d", positive=True)
#: Weights of a network that a picture measures.
_MOST_WEIGHTS = 10**8
_FORWARD = "pre-activations z_j are independent of each other and of W"
_BACKWARD = "the gradients that arrive at a are independent of W and z, with mean 0 and the same variance d"
_SYMMETRIC = "all z_j have one density, symmetric about 0, with variance v"
_NORMAL = "all z_j are Gaussian with mean 0 and variance 1, as in the limit of many inputs"


@dataclass(frozen=True)
class Condition:
    """One condition on Var(W).

    Attributes:
        moment: the derivation of the variance that is to be kept.
        keeps: what it is set equal to.
        variance: Var(W) that does it, over fan_in or fan_out; an unnamed Gaussian moment in it is a number.
        exact: it is exact and not worked out by quadrature.
    """

    moment: Moment
    keeps: Any
    variance: Any
    exact: bool


@dataclass(frozen=True)
class Initialisation:
    """Conditions on the initial variance of a layer's weights, solved.

    Attributes:
        name: the activation.
        forward: keeps the variance of pre-activations.
        backward: keeps the variance of gradients; None where the derivative is 0 almost everywhere.
        gain: gains at unit variance, and the slope of the variance map.
        symbol: of ``gain.expression``.
    """

    name: str
    forward: Condition
    backward: Condition | None
    gain: Gain
    symbol: Any

    @cached_property
    def compromise(self) -> Any:
        """The harmonic mean of both variances: neither condition holds, both are missed by the same kind of factor.

        Source: Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 12.
        """
        if self.backward is None:
            return self.forward.variance
        one, other = self.forward.variance, self.backward.variance
        return sympy.simplify(2 / (1 / one + 1 / other))

    def signal(self, depth: int = 30, width: int = 512) -> Propagation:
        """Return how signals go through a chain of such layers, weights at the forward condition.

        The condition is taken at variance 1 of the pre-activations, which the first layer gives them.

        Raises:
            DefinitionError: there are not two layers.
            MomentError: only quadrature is left for a symbol.
        """
        from symnn.theory.propagation import predict  # it needs the schemes, which are made of conditions

        if whole_number("signal()", "depth", depth, 1) < 2:
            raise DefinitionError(f"signal() needs two layers to put the activation between, found depth {depth}.")
        D, N = dims("D N")
        n, i = index("n"), index("i")
        a = dense(input("x", (N, D)), D, name="1")
        for k in range(1, depth):
            h = define(f"h{k}", (n, i), at_values(self.gain.expression, {self.symbol: a[n, i]}))
            a = dense(h, D, name=str(k + 1))
        weight = sympy.Rational(1) / self.gain.second.closed if self.gain.second.closed is not None else (
            sympy.Float(1 / float(self.gain.second), 17)
        )  # fmt: skip
        weights = {f"W{k}": (weight if k > 1 else 1) / D for k in range(1, depth + 1)}
        return predict(a, weights=weights, sizes={D: whole_number("signal()", "width", width, 1)})

    def picture(self, depth: int = 30, width: int = 512, *, draws: int = 20, seed: int = 0) -> str:
        """Return an SVG: predicted second moments of values and gradients, layer by layer, over measured points."""
        if width * width * depth > _MOST_WEIGHTS:
            raise DefinitionError(
                f"picture() draws at most {_MOST_WEIGHTS:.0e} weights; {depth} layers of width {width} have "
                f"{float(width * width * depth):.0e}."
            )
        p = self.signal(depth, width)
        return p.picture(p.measure(draws, seed, {"N": 1}), f"{depth} layers of width {width}, {self.name}")

    def numbers(self, fan_in: int, fan_out: int) -> dict[str, dict[str, float]]:
        """Return standard deviation of the normal law and bound of the uniform one, for each condition.

        Raises:
            DefinitionError: a size is not a whole number > 0.
        """
        for what, n in (("fan_in", fan_in), ("fan_out", fan_out)):
            if not isinstance(n, int) or isinstance(n, bool) or n < 1:
                raise DefinitionError(f"{what} is a whole number from 1 on, found {n!r}.")
        found = {"forward": self.forward.variance, "compromise": self.compromise}
        if self.backward is not None:
            found = {"forward": found["forward"], "backward": self.backward.variance, "compromise": found["compromise"]}
        out = {}
        for word, value in found.items():
            v = float(sympy.N(at_values(value, {FAN_IN: fan_in, FAN_OUT: fan_out})))
            out[word] = {"variance": v, "std": v**0.5, "bound": float(uniform_bound(sympy.Float(v, 17)))}
        return out


def uniform_bound(of_variance: Any) -> Any:
    """Return the bound of the uniform law that has a variance, solved from the law's own moments: sqrt(3 Var)."""
    b = sympy.Symbol("b", positive=True)
    return sympy.solve(sympy.Eq(to_sympy(laws.uniform(b).variance), of_variance), b)[0]


def initialisation(kind: Any, z: Any = None, **constants: Any) -> Initialisation:
    """Return the conditions on the initial variance for an activation, derived and solved.

    Args:
        kind: an activation of the table, or a SymPy expression in the symbol ``z``.
        z: that symbol.
        constants: of an activation of the table, such as slope.

    Raises:
        UnknownNameError: the table has no such activation.
        MomentError: a condition has no positive solution, or a moment does not exist.
    """
    entry, a, W = _layer(kind, z, constants)
    known = gain(kind, z, **constants) if not isinstance(kind, str) else gain(kind, **constants)
    name = kind if isinstance(kind, str) else str(kind)
    ii, jj = index("i", FAN_OUT), index("j", FAN_IN)
    forward = _condition(
        lambda law, said: variance(a[ii], {W: laws.symmetric(_S2), entry: law}, assuming=said),
        _V, _inverse(known.second), _FORWARD, FAN_IN,
    )  # fmt: skip
    backward = None
    if known.backward is not None:
        adjoints = vjp(a, [entry])
        up = adjoints.upstream
        assert up is not None
        free, tree = formula(adjoints.of[entry])
        at = substitute(tree, indices=dict(zip(free, (Ix(jj),), strict=True)))
        backward = _condition(
            lambda law, said: variance(
                at, {W: laws.symmetric(_S2), entry: law, up: laws.any_law(0, _D)}, assuming=said
            ),
            _D, _inverse(known.slope_second), _BACKWARD, FAN_OUT,
        )  # fmt: skip
    return Initialisation(name, forward, backward, known, Z if isinstance(kind, str) else z)


def _layer(kind: Any, z: Any, constants: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """Return z, a = W g(z) and W."""
    x, W = input("z", (FAN_IN,)), parameter("W", (FAN_OUT, FAN_IN))
    i, j = index("i"), index("j")
    if isinstance(kind, str):
        if kind not in ACTIVATIONS:
            raise UnknownNameError(kind, ACTIVATIONS, "activation")
        h = activation(kind, x, name="h", **constants)
    else:
        if z is None or not isinstance(kind, sympy.Expr):
            raise DefinitionError("An activation is a name of the table, or a SymPy expression and its symbol.")
        h = define("h", (j,), at_values(kind, {z: x[j]}))
    return x, define("a", (i,), sum_over(W[i, j] * h[j], j)), W


def _condition(ask: Any, keeps: Any, by_number: float | None, said: str, fan: Any) -> Condition:
    """Return a condition, for every symmetric density if that decides it, else for the Gaussian of variance 1."""
    try:
        moment = ask(laws.symmetric(_V), (said, _SYMMETRIC))
        if _named(moment.result) and _scales(keeps, moment):
            return Condition(moment, keeps, moment.solved(_S2, keeps), True)
    except MomentError:
        pass  # a symmetric law does not say enough, of a fourth moment say
    moment = ask(laws.gaussian(1), (said, _NORMAL))
    equals = at_values(keeps, {_V: 1})
    if _named(moment.result):
        return Condition(moment, equals, moment.solved(_S2, equals), True)
    if by_number is None:
        raise MomentError("the condition has symbols besides sizes; give numbers for the constants of the activation.")
    return Condition(moment, equals, sympy.Float(by_number, 16) / fan, False)


def _scales(keeps: Any, moment: Moment) -> bool:
    """Tell whether the moment goes with what it is to keep, so that the condition does not depend on its size."""
    return not moment.solved(_S2, keeps).has(_V)


def _inverse(of: Any) -> float | None:
    if of.value is not None and not float(of.value) > 0:
        raise MomentError(f"E[{of.expression}] is {of.value}: no variance of the weights keeps the signal.")
    return None if of.value is None else 1 / float(of.value)


def _named(tree: Tree) -> bool:
    return not any(isinstance(t, Fn) and t.name in ("E", "Var", "Cov") for t in walk(tree))


def kaiming(kind: Any = "relu", mode: str = "fan_in", z: Any = None, **constants: Any) -> Any:
    """Return Var(W) of Kaiming's initialisation, solved: 2/fan_in of relu, 2/((1 + s^2) fan_in) of a leaky one.

    Args:
        kind: the activation, as for ``initialisation``.
        mode: "fan_in" keeps the variance of values, "fan_out" that of gradients.
        z: the symbol of an expression.
        constants: of the activation.

    Source of the condition: He et al. 2015, Delving Deep into Rectifiers, sec. 2.2.

    Raises:
        DefinitionError: there is no such mode.
        MomentError: there is no positive solution.
    """
    if mode not in ("fan_in", "fan_out"):
        raise DefinitionError(f'mode is "fan_in" or "fan_out", found {mode!r}.')
    found = initialisation(kind, z, **constants)
    chosen = found.forward if mode == "fan_in" else found.backward
    if chosen is None:
        raise MomentError(f"The derivative of {found.name} is 0 almost everywhere: no variance keeps its gradients.")
    return chosen.variance


def lecun() -> Any:
    """Return Var(W) that keeps the variance of a linear layer's values, 1/fan_in.

    Source of the condition: LeCun et al. 1998, Efficient BackProp, sec. 4.6.
    """
    return initialisation("linear").forward.variance


def xavier() -> Any:
    """Return Var(W) between the two conditions of a linear layer, 2/(fan_in + fan_out); ``uniform_bound`` of it.

    Source of the condition: Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural
    networks, eq. 12 and 16.
    """
    return initialisation("linear").compromise

