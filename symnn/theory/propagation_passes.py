"""The two passes of mean-field theory over nodes that were read: second moments forward, and of gradients backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from symnn.ground.tensors import Tensor
from symnn.theory.errors import MomentError
from symnn.theory.gaussian import gaussian_mean
from symnn.theory.integration.scalar import derivative
from symnn.theory.propagation_map import VarianceMap, mean_slope, second, slope_second, tidy
from symnn.theory.propagation_reading import Reading, Term, Z, exact, placed

__all__ = ["Backward", "Forward"]

_WEIGHTS = "entries of parameters are independent of each other, with mean 0 and the variances given"
_NORMAL = "pre-activations are Gaussian (as widths grow; the error is of order 1/width)"
_BACK = "the gradient that comes back to a node is independent of the node's values and of the weights below it"


class Forward:
    """E[x^2] of every node, in order.

    Attributes:
        second: node -> second moment.
        law: node -> (q, e), it being e(z) with z ~ N(0, q); None where it is no function of one Gaussian.
        maps: node name -> variance map from the pre-activation below it.
        assumptions: in words.
    """

    def __init__(
        self, readings: Mapping[Tensor, Reading], variances: Mapping[Tensor, Any], inputs: Mapping[Tensor, Any],
        sizes: Mapping[Any, int],
    ) -> None:  # fmt: skip
        self.readings, self.variances, self.sizes, self.inputs = readings, variances, sizes, inputs
        self.second: dict[Tensor, Any] = dict(inputs)
        self.law: dict[Tensor, tuple[Any, Any] | None] = {t: (q, Z) for t, q in inputs.items()}
        self.maps: dict[str, VarianceMap] = {}
        self.assumptions: list[str] = [_WEIGHTS]
        self.place = {t: n for n, t in enumerate((*inputs, *readings))}
        self._covariances: dict[tuple[Tensor, Tensor], Any] = {}
        for t, reading in readings.items():
            self._node(t, reading)

    def below(self, t: Tensor) -> Any:
        """Return the variance of the Gaussian number that the value under a node's linear map is a function of."""
        law = next(self.law[s.value] for s in self.readings[t].terms if s.value is not None)
        assert law is not None
        return law[0]

    def gain(self, term: Term) -> Any:
        """Return c^2 fan_in Var(W), or c^2."""
        own = sympy.S.One if term.matrix is None else self.variances[term.matrix]
        return placed(term.factor**2 * term.fan_in * own, self.sizes)

    def _node(self, t: Tensor, r: Reading) -> None:
        alone = r.terms[0] if len(r.terms) == 1 and r.terms[0].matrix is None else None
        if alone is not None and r.function != Z:
            law = self._normal_below(t, alone)
            self.law[t] = (law[0], placed(r.function, {Z: alone.factor * law[1]}))
        else:
            q = self._affine(t, r)
            linear = [s for s in r.terms if s.matrix is None and s.value is not None and not self._linear(s.value)]
            self.law[t] = None if linear else (q, r.function)
            if r.function == Z:
                self.second[t] = q
                self._map(t, r)
                return
            if linear:
                name = linear[0].value.name if linear[0].value is not None else ""
                raise MomentError(
                    f"Node {t.name!r} applies a function to a sum that {name} enters, which is no Gaussian number: its "
                    "second moment is not a Gaussian integral. Put a linear map in between."
                )
            self._map(t, r)
        law_here = self.law[t]
        assert law_here is not None
        if r.function != Z:
            self.assumptions.append(_NORMAL)
        try:
            self.second[t] = second(law_here[1], law_here[0])
        except MomentError as e:
            raise MomentError(f"Node {t.name!r} at variance {law_here[0]}: {e}") from None

    def _normal_below(self, t: Tensor, term: Term) -> tuple[Any, Any]:
        value = term.value
        assert value is not None
        law = self.law[value]
        if law is None:
            raise MomentError(
                f"Node {t.name!r} is a function of {value.name!r}, a sum that is no Gaussian number, as something else "
                "than linear maps enters it. Put a linear map in between."
            )
        if value in self.inputs:
            self.assumptions.append(f"the entries of {value.name} are Gaussian")
        return law

    def _linear(self, value: Tensor) -> bool:
        law = self.law[value]
        if law is not None and value in self.inputs:
            self.assumptions.append(f"the entries of {value.name} are Gaussian")
        return law is not None and _scale(law[1]) is not None

    def _affine(self, t: Tensor, r: Reading) -> Any:
        total: Any = sympy.S.Zero
        for term in r.terms:
            total += self.gain(term) * exact(1 if term.value is None else self.second[term.value])
        carried = [s for s in r.terms if s.matrix is None]
        for n, one in enumerate(carried):
            for other in carried[:n]:
                assert one.value is not None and other.value is not None
                covariance = self._covariance(one.value, other.value, t)
                total += 2 * one.factor * other.factor * covariance
                if covariance == 0:
                    self.assumptions.append(
                        f"{other.value.name} and {one.value.name} are uncorrelated: one is a fresh linear map"
                    )
        return tidy(placed(total, self.sizes))

    def _covariance(self, one: Tensor, other: Tensor, at: Tensor) -> Any:
        """Return E[one other], from the terms of the later node: those with a fresh parameter are uncorrelated."""
        if one is other:
            return exact(self.second[one])
        late, early = (one, other) if self.place[one] > self.place[other] else (other, one)
        if late in self.inputs:
            return sympy.S.Zero
        reading = self.readings[late]
        scale = _scale(reading.function)
        if scale is None:
            raise MomentError(
                f"Node {at.name!r} adds {early.name!r} and {late.name!r}: their covariance is not known, as "
                f"{late.name!r} is a function of what {early.name!r} may depend on, and no fresh linear map. Put a "
                "linear map behind one of them."
            )
        return sympy.Add(*(
            scale * s.factor * self._covariance(s.value, early, at) for s in reading.terms
            if s.matrix is None and s.value is not None
        ))  # fmt: skip

    def _map(self, t: Tensor, r: Reading) -> None:
        values = [s for s in r.terms if s.value is not None]
        if len(values) != 1 or values[0].matrix is None or values[0].value in self.inputs:
            return
        assert values[0].value is not None
        law = self.law[values[0].value]
        if law is not None:
            bias = sympy.Add(*(self.gain(s) for s in r.terms if s.value is None))
            self.maps[t.name] = VarianceMap(law[1], tidy(self.gain(values[0])), tidy(bias))


def _scale(function: Any) -> Any:
    """Return c of a function c z, else None."""
    c = sympy.expand(function).coeff(Z)
    return c if sympy.expand(function - c * Z) == 0 else None


class Backward:
    """E[(dL/dx)^2] of every node, from the output down.

    Attributes:
        second: node -> second moment of its gradient.
        chi: node name -> the factor from its gradient to that of the pre-activation below its linear map.
        assumptions: in words.
    """

    def __init__(self, forward: Forward, output: Tensor, start: Any) -> None:
        self.forward = forward
        self.second: dict[Tensor, Any] = {output: tidy(start)}
        self.chi: dict[str, Any] = {}
        self.assumptions: list[str] = [_BACK]
        self._uses: dict[Tensor, list[tuple[Tensor, Term]]] = {}
        for t, r in forward.readings.items():
            for term in r.terms:
                if term.value is not None:
                    self._uses.setdefault(term.value, []).append((t, term))
        for t in sorted(forward.place, key=lambda t: -forward.place[t]):
            if t is not output and t in self._uses:
                self.second[t] = self._node(t)
        for t, r in forward.readings.items():
            self._chi(t, r)

    def out(self, term: Term) -> Any:
        """Return c^2 fan_out Var(W), or c^2."""
        own = sympy.S.One if term.matrix is None else self.forward.variances[term.matrix]
        return placed(term.factor**2 * term.fan_out * own, self.forward.sizes)

    def slope(self, t: Tensor, *, square: bool = True) -> Any:
        """Return E[g'(z)^2], or E[g'(z)], of a node's function at the law of what it is a function of."""
        r = self.forward.readings[t]
        if r.function == Z:
            return sympy.S.One
        alone = r.terms[0] if len(r.terms) == 1 and r.terms[0].matrix is None else None
        law = self.forward.law[t]
        assert law is not None
        if alone is None:
            return exact((slope_second if square else mean_slope)(r.function, law[0]))
        below = self.forward.law[alone.value] if alone.value is not None else None
        assert below is not None
        if below[1] != Z:
            raise MomentError(f"The slope of {t.name!r} alone is needed, a function of a function: make them one node.")
        return exact((slope_second if square else mean_slope)(placed(r.function, {Z: alone.factor * Z}), below[0]))

    def _node(self, t: Tensor) -> Any:
        total: Any = sympy.S.Zero
        for moment, function in self._sources(t):
            total += moment * self._through(function, t)
        return tidy(placed(total, self.forward.sizes))

    def _sources(self, t: Tensor) -> list[tuple[Any, Any]]:
        """Return second moments of gradients that are independent of a node's value, and functions that lead there.

        Functions of functions are one function: their slopes at one number are not independent.
        """
        uses = self._uses[t]
        found: list[tuple[Any, Any]] = [
            (2 * self._crossed(one, other, t), Z) for n, one in enumerate(uses) for other in uses[:n]
        ]
        for child, term in uses:
            function = self.forward.readings[child].function
            if term.matrix is not None or function == Z or len(self.forward.readings[child].terms) > 1:
                found.append((exact(self.second[child]) * self.slope(child) * self.out(term), Z))
                continue
            above = [(exact(self.second[child]), Z)] if child not in self._uses else self._sources(child)
            found += [(moment, placed(outer, {Z: placed(function, {Z: term.factor * Z})})) for moment, outer in above]
        return found

    def _through(self, function: Any, t: Tensor) -> Any:
        """Return the second moment of a function's slope at a node's value."""
        if function == Z:
            return sympy.S.One
        law = self.forward.law[t]
        assert law is not None
        if law[1] == Z:
            return exact(slope_second(function, law[0]))
        slope = placed(derivative(function, Z), {Z: law[1]})
        found = gaussian_mean(slope**2, Z, variance=law[0], digits=15)
        return found.closed if found.value is None else exact(found.value)

    def _crossed(self, one: tuple[Tensor, Term], other: tuple[Tensor, Term], at: Tensor) -> Any:
        """Return the covariance of two contributions to a gradient: 0 where one comes through a fresh linear map."""
        (a, first), (b, later) = one, other
        if first.matrix is not None or later.matrix is not None:
            return sympy.S.Zero
        inner = self._covariance(a, b, at)
        if inner == 0:
            return sympy.S.Zero
        plain = self.forward.readings[a].function == Z and self.forward.readings[b].function == Z
        if not plain:
            raise MomentError(
                f"The gradient of node {at.name!r} comes back through {a.name!r} and {b.name!r}, which are correlated: "
                "neither comes through a fresh linear map. Put one behind one of them."
            )
        return first.factor * later.factor * inner

    def _covariance(self, one: Tensor, other: Tensor, at: Tensor) -> Any:
        """Return E[dL/da dL/db], from the uses of the earlier node."""
        if one is other:
            return exact(self.second[one])
        early, late = (one, other) if self.forward.place[one] < self.forward.place[other] else (other, one)
        total: Any = sympy.S.Zero
        for child, term in self._uses.get(early, ()):
            if term.matrix is None:
                inner = self._covariance(child, late, at)
                total += 0 if inner == 0 else term.factor * self.slope(child, square=False) * inner
        return total

    def _chi(self, t: Tensor, r: Reading) -> None:
        values = [s for s in r.terms if s.value is not None]
        if len(values) != 1 or values[0].matrix is None or values[0].value not in self.forward.readings:
            return
        value = values[0].value
        law = None if value is None else self.forward.law[value]
        if law is not None:
            self.chi[t.name] = tidy(exact(slope_second(law[1], law[0])) * self.out(values[0]))
