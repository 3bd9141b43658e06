"""Signal propagation: predicted second moments of every node and of every gradient, at random weights.

Forward: E[a^2] = fan_in Var(W) E[x^2] + Var(b) through a fresh linear map, E[g(z)^2], z ~ N(0, q), through a function.
Backward: E[(dL/dx)^2] = fan_out Var(W) E[(dL/da)^2], and a factor E[g'(z)^2].

>>> from symnn.ground.sizes import dims; from symnn.ground.tensors import input
>>> from symnn.nn.activations import relu; from symnn.nn.layers import dense
>>> D, H = dims("D H"); net = dense(relu(dense(input("x", (D,)), H)), H)
>>> predict(net, weights="he").forward
{'x': 1, 'a1': 2, 'h1': 1, 'a2': 2}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from symnn.graph.flow import FlowGraph
from symnn.ground.arguments import found, real_constant
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.tensors import Tensor
from symnn.theory.errors import MomentError
from symnn.theory.propagation_finite import WidthTerms, width_terms
from symnn.theory.propagation_map import FixedPoint, VarianceMap, tidy
from symnn.theory.propagation_measure import Measured, measured
from symnn.theory.propagation_passes import Backward, Forward
from symnn.theory.propagation_picture import both_passes
from symnn.theory.propagation_reading import Reading, Term, placed, read_node
from symnn.theory.schemes import OWN, VARIANCES, starts

__all__ = ["Propagation", "predict"]


@dataclass
class Propagation:
    """Second moments that mean-field theory predicts, by node.

    Attributes:
        output: where the gradient comes in.
        forward: E[x^2] of every node, exact where it is short, a formula where symbols were given.
        backward: E[(dL/dx)^2] of every node on the way back.
        chi: of every node with a fresh linear map, fan_out Var(W) E[g'(z)^2], the factor that its gradient gets on
            the way to the pre-activation below.
        maps: of every such node, the variance map from the pre-activation below to it.
        assumptions: what the prediction rests on, and does not prove.
    """

    output: Tensor
    readings: dict[Tensor, Reading]
    variances: dict[Tensor, Any]
    forward: dict[str, Any]
    backward: dict[str, Any]
    chi: dict[str, Any]
    maps: dict[str, VarianceMap]
    assumptions: tuple[str, ...]
    sizes: dict[Any, int]
    inputs: dict[Tensor, Any]
    output_gradient: Any
    _passes: tuple[Forward, Backward] = field(repr=False)

    @property
    def fixed_point(self) -> FixedPoint:
        """The fixed point of the variance map that most layers share, nearest to the first pre-activation's variance.

        Raises:
            MomentError: no layer follows a function of one number, or a sum adds to every block, so that variances
                rise for ever; then ``maps[name].fixed_point()`` speaks of one layer.
        """
        if any(sum(t.value is not None for t in r.terms) > 1 for r in self.readings.values()):
            raise MomentError(
                "A sum of nodes adds to the second moment in every block: there is no fixed point of the whole. "
                "Ask a layer for its own, maps[name].fixed_point()."
            )
        if not self.maps:
            raise MomentError("No linear map here follows a function of one number, so there is no variance map.")
        best, _ = Counter(self.maps.values()).most_common(1)[0]
        name = next(n for n, m in self.maps.items() if m == best)
        return best.fixed_point(self._passes[0].below(self.node(name)))

    @property
    def slope(self) -> Any:
        """The slope of the variance map at its fixed point: above 1 variances drift away from it with depth."""
        return self.fixed_point.slope

    def node(self, name: str) -> Tensor:
        """Return a node by its name."""
        nodes = {t.name: t for t in (*self.inputs, *self.readings)}
        if name not in nodes:
            raise UnknownNameError(name, nodes)
        return nodes[name]

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the sums of nodes where there are any, else of the nodes with a fresh linear map, in order."""
        carried = [t.name for t, r in self.readings.items() if sum(s.value is not None for s in r.terms) > 1]
        linear = [t.name for t, r in self.readings.items() if any(s.matrix and s.value for s in r.terms)]
        return tuple(carried or linear)

    def width_terms(self, sizes: Mapping[Any, int] | None = None) -> WidthTerms:
        """Return the corrections of order 1/width to the predictions, relative to them; see ``width_terms``.

        Raises:
            MomentError: the graph is no chain, or a size or a symbol has no value.
        """
        return width_terms(self._passes[0], {**self.sizes, **_named_sizes(self.readings, sizes)})

    def measure(self, draws: int = 50, seed: int = 0, sizes: Mapping[Any, int] | None = None) -> Measured:
        """Return measured second moments of nodes and gradients, the means over seeded draws, with standard errors.

        Weights and biases are Gaussian; inputs and the gradient at the output are Gaussian, scaled row by row to the
        exact second moment.

        Raises:
            MomentError: a size or a symbol has no value.
        """
        return measured(self, draws, seed, {**self.sizes, **_named_sizes(self.readings, sizes)})

    def picture(self, measured: Measured | None = None, title: str = "") -> str:
        """Return an SVG: predicted curves of both passes, layer by layer, over measured points with their errors."""
        return both_passes(self, measured, title)

    def __repr__(self) -> str:
        rows = [f"Propagation to {self.output.name}: {len(self.readings)} nodes, predicted second moments"]
        rows.append(f"  {'node':<10} {'forward':>14} {'backward':>14} {'chi':>14}")
        for name, q in self.forward.items():
            cells = (q, self.backward.get(name, ""), self.chi.get(name, ""))
            rows.append(f"  {name:<10} " + " ".join(f"{_cell(c):>14}" for c in cells))
        rows += [f"  assumed: {a}" for a in self.assumptions]
        return "\n".join(rows)


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def predict(
    of: Any, *, weights: Any, biases: Any = 0, input_second_moment: Any = 1, output_gradient: Any = 1,
    sizes: Mapping[Any, int] | None = None,
) -> Propagation:  # fmt: skip
    """Return the second moments of every node and gradient below a tensor, or below the output of a network.

    Args:
        of: a computed tensor, or anything with ``graph`` and ``loss``, such as a Network. Of a network what lies above
            the last node that can be followed is left out, a softmax for one: the gradient comes in there.
        weights: the variance of every weight: a scheme of ``Network.init``, a function (fan_in, fan_out) -> variance,
            a number or a formula; or a mapping from parameter (name) to one of these.
        biases: the variance of biases, a number or formula, or a mapping.
        input_second_moment: E[x^2], or a mapping from input (name) to it.
        output_gradient: E[(dL/dy)^2] at the output.
        sizes: numbers for sizes, by symbol or name; needed where only quadrature is left and they do not cancel.

    Raises:
        MomentError: a node cannot be followed, a covariance is not known, or only quadrature is left for a symbol.
        DefinitionError: what is given is no tensor or network, or a variance is missing.
    """
    output, notes = _output(of)
    graph = FlowGraph((output,))
    chosen = _named_sizes(graph.order, sizes)
    values = [t for t in graph.order if t.role != "parameter"]
    readings = {t: read_node(t) for t in values if t.definition is not None}
    if not readings:
        raise DefinitionError(f"predict() takes a computed tensor; {output.name!r} is a leaf.")
    _fresh(readings)
    variances: dict[Tensor, Any] = {}
    for r in readings.values():
        for term in r.terms:
            if term.matrix is not None:
                variances[term.matrix] = _variance(term, weights, biases, chosen, values)
    inputs = {t: _second(t, input_second_moment) for t in values if t.definition is None}
    forward = Forward(readings, variances, inputs, chosen)
    backward = Backward(forward, output, _number("output_gradient", output_gradient))
    assumptions = tuple(dict.fromkeys((*notes, *forward.assumptions, *backward.assumptions)))
    return Propagation(
        output, readings, variances, {t.name: q for t, q in forward.second.items()},
        {t.name: backward.second[t] for t in values if t in backward.second}, backward.chi, forward.maps, assumptions,
        chosen, inputs, backward.second[output], (forward, backward),
    )  # fmt: skip


def _output(of: Any) -> tuple[Tensor, tuple[str, ...]]:
    if isinstance(of, Tensor):
        if of.definition is None:
            raise DefinitionError(f"predict() takes a computed tensor; {of.name!r} is a leaf.")
        return of, ()
    graph, loss = getattr(of, "graph", None), getattr(of, "loss", None)
    if not isinstance(graph, FlowGraph) or not isinstance(loss, Tensor):
        raise DefinitionError(f"predict() takes a network or a computed tensor, found {found(of)}.")
    start = at = getattr(of, "output", None) or loss
    while True:
        try:
            read_node(at)
        except MomentError:
            below = [p for p in graph.parents(at) if p.definition is not None]
            if len(below) != 1:
                read_node(start)
                raise
            at = below[0]
            continue
        break
    note = f"the gradient at {at.name} is taken as given; how {loss.name} makes it from {at.name} is not followed"
    return at, () if at is loss else (note,)


def _fresh(readings: Mapping[Tensor, Reading]) -> None:
    used: dict[Tensor, Tensor] = {}
    for t, r in readings.items():
        for term in r.terms:
            if term.matrix is None:
                continue
            if term.matrix in used:
                raise MomentError(
                    f"{term.matrix.name} is used in {used[term.matrix].name!r} and in {t.name!r}: tied weights are not "
                    "fresh in each, and what they make is correlated. Give each node its own parameter."
                )
            used[term.matrix] = t


def _variance(term: Term, weights: Any, biases: Any, sizes: Mapping[Any, int], nodes: Sequence[Tensor]) -> Any:
    matrix, name = term.matrix, "biases" if term.value is None else "weights"
    assert matrix is not None
    given = biases if term.value is None else weights
    if isinstance(given, Mapping):
        by_name = {k if isinstance(k, str) else getattr(k, "name", k): v for k, v in given.items()}
        if matrix.name not in by_name:
            raise DefinitionError(f"{name}= gives no variance for {matrix.name}; give one, {{{matrix.name!r}: 0.01}}.")
        given = by_name[matrix.name]
    if isinstance(given, str):
        if given not in (*OWN, *VARIANCES):
            raise UnknownNameError(given, (*OWN, *VARIANCES), "initialisation scheme")
        given = starts(nodes, (matrix,), given)[matrix.name].variance if given in OWN else VARIANCES[given]
    if callable(given) and not isinstance(given, sympy.Basic):
        given = given(term.fan_in, term.fan_out)
    return placed(_number(f"the variance of {matrix.name}", given), sizes)


def _second(t: Tensor, given: Any) -> Any:
    if isinstance(given, Mapping):
        by_name = {k if isinstance(k, str) else getattr(k, "name", k): v for k, v in given.items()}
        if t.name not in by_name:
            raise DefinitionError(f"input_second_moment= gives nothing for {t.name}.")
        given = by_name[t.name]
    return tidy(_number(f"the second moment of {t.name}", given))


def _number(what: str, given: Any) -> Any:
    made = real_constant("predict()", what, given)
    if made.is_negative:
        raise MomentError(f"predict(): {what} must not be negative, found {given}.")
    return made


def _named_sizes(tensors: Any, sizes: Mapping[Any, int] | None) -> dict[Any, int]:
    symbols = {s.name: s for t in tensors for p in (t, *(t.definition.args if t.definition else ())) for n in p.shape
               for s in n.free_symbols}  # fmt: skip
    out: dict[Any, int] = {}
    for key, value in (sizes or {}).items():
        name = key if isinstance(key, str) else getattr(key, "name", key)
        if name not in symbols:
            raise UnknownNameError(str(name), symbols, "size")
        out[symbols[name]] = int(value)
    return out
