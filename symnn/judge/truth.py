"""What is asked: the gradient of an output by a tensor, derived, with everything that a candidate may speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from symnn.derivation import Derivation, readable
from symnn.derive.backprop import Adjoints, backprop
from symnn.gradient import of_gradient
from symnn.graph.flow import FlowGraph
from symnn.ground.arguments import found
from symnn.ground.errors import DefinitionError
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Num, Tree, walk
from symnn.language.arrays import number
from symnn.language.scope import Scope
from symnn.network import Network
from symnn.verify.points import Symbols, symbols_of

__all__ = ["Truth", "truth_of"]

#: Up to here a constant that is added is one that a candidate may call eps, where it is the only one.
_SMALL = Fraction(1, 100)


@dataclass
class Truth:
    """The derived gradient of ``output`` by ``wrt``.

    Attributes:
        output: a scalar loss, or a layer with an upstream gradient.
        wrt: by what.
        adjoints: the adjoint graph.
        derivation: the derivation, with its formula and matrix form.
    """

    output: Tensor
    wrt: Tensor
    adjoints: Adjoints
    derivation: Derivation
    extra: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def free(self) -> tuple[Index, ...]:
        """The indices of the gradient's entries."""
        return self.derivation.free

    @property
    def formula(self) -> Tree:
        """The derived formula."""
        return self.derivation.formula

    @property
    def upstream(self) -> Tensor | None:
        """The gradient fed in at the output, where that is no scalar."""
        return self.adjoints.upstream

    @cached_property
    def graph(self) -> FlowGraph:
        """Everything that the output and the gradient are computed from."""
        target = self.derivation.target
        return FlowGraph((self.output, *((target,) if target is not None else ()), *self._up()))

    @cached_property
    def every(self) -> Adjoints:
        """The gradients by everything that the output is computed from."""
        known = FlowGraph((self.output,)).order
        leaves = [t for t in known if t.definition is None and t.classes is None]
        return backprop(self.output, leaves, upstream=self.upstream)

    def _up(self) -> tuple[Tensor, ...]:
        return () if self.upstream is None else (self.upstream,)

    @cached_property
    def symbols(self) -> Symbols:
        """The sizes and scalars that need values."""
        return symbols_of(self.graph)

    @cached_property
    def leaves(self) -> tuple[Tensor, ...]:
        """What needs values: inputs, parameters, labels, the upstream gradient."""
        return tuple(t for t in self.graph.order if t.definition is None)

    @cached_property
    def scope(self) -> Scope:
        """What names mean in a candidate; the gradient that is asked for is not among them."""
        gradients = {
            a.name: a for t, a in self.adjoints.of.items() if a is not self.derivation.target and t is not self.wrt
        }
        known = [t for t in self.graph.order if t.role != "adjoint"]
        scope = Scope.of(known, gradients=gradients, symbols={s.name: s for s in self._symbols()})
        target = self.derivation.target
        scope.asked = tuple(dict.fromkeys((f"d{self.wrt.name}", *(() if target is None else (target.name,)))))
        up = self.upstream
        if up is not None:
            for name in ("dy", "dout", f"d{self.output.name}", "upstream"):
                scope.names.setdefault(name, scope.names[up.name])
        small = self._small()
        if len(small) == 1 and scope.find("eps") is None:
            scope.names["eps"] = number(small.pop())
        return scope

    def _small(self) -> set[Fraction]:
        """Return the small positive constants that the forward pass adds, 1e-5 in a normalisation."""
        return {
            at.value
            for t in self.graph.order
            if t.definition is not None and t.role != "adjoint"
            for sum_ in walk(t.definition.template.tree)
            if isinstance(sum_, Add)
            for at in sum_.terms
            if isinstance(at, Num) and 0 < at.value <= _SMALL
        }

    def _symbols(self) -> tuple[Any, ...]:
        return (*self.symbols.scalars, *self.symbols.sizes)

    def readable(self) -> Tree:
        """Return the formula with short gradients that have no name of their own written out."""
        return readable(self.formula)


def truth_of(forward: Network | Tensor, wrt: str | Tensor) -> Truth:
    """Return the gradient that is asked for.

    Raises:
        UnknownNameError: there is no tensor of that name.
        DefinitionError: ``forward`` is no network and no computed tensor.
    """
    if isinstance(forward, Network):
        wanted = forward[wrt]
        adjoints = forward.adjoints() if wanted.role == "parameter" else forward.adjoints([wanted.name])
        return Truth(forward.loss, wanted, adjoints, of_gradient(adjoints, wanted))
    if not isinstance(forward, Tensor) or forward.definition is None:
        raise DefinitionError(
            f"check_gradient() takes a Network, or a computed tensor first (a layer); found {found(forward)}."
        )
    wanted = _part_of(forward, wrt)
    upstream = None
    if forward.rank:
        upstream = Tensor(f"d{forward.name}", forward.shape, "upstream", letters=forward.letters, auto=True, of=forward)
    adjoints = backprop(forward, [wanted], upstream=upstream)
    return Truth(forward, wanted, adjoints, of_gradient(adjoints, wanted))


def _part_of(layer: Tensor, wrt: str | Tensor) -> Tensor:
    graph = FlowGraph((layer,))
    return graph[wrt] if isinstance(wrt, str) else graph[wrt.name]
