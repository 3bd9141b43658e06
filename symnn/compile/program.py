"""Program: compiled outputs of a flow graph, callable on arrays by name, with the source that really runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from symnn.compile.dialect import DIALECTS
from symnn.compile.inputs import Inputs
from symnn.compile.load import load, namespace, special_functions
from symnn.compile.plan import plan
from symnn.compile.source import written
from symnn.graph.interpreter import check_needs
from symnn.ground.arrays import host
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.ground.tensors import Tensor

__all__ = ["DTYPES", "Program", "build"]

DTYPES = ("float64", "float32")


class Program:
    """``program(values)`` maps arrays by name to the outputs by name.

    Attributes:
        source: the generated Python, exactly what is executed.
        inputs: the names of the arrays it takes.
        outputs: the names of the arrays it returns.
        backend: "numpy" or "cupy".
        dtype: "float64" or "float32".
    """

    def __init__(
        self, outputs: Sequence[Tensor], *, backend: str, dtype: str, scalars: Mapping[str, float], name: str
    ) -> None:
        self.backend, self.dtype = backend, dtype
        self._xp = namespace(backend)
        self._needs = needs_of(outputs)
        planned = plan((*outputs, *self._needs), DIALECTS[backend])
        made = written(planned, scalars=scalars, dtype=dtype, name=name)
        self.source = made.text
        self._function = load(made)
        self._first = (self._xp, special_functions(backend)) if made.special else (self._xp,)
        self._quiet: dict[str, Any] = {"over": "ignore", "under": "ignore"}
        if made.risky:
            # a branch that is not taken may be undefined; what is taken is selected afterwards
            self._quiet = {"all": "ignore"}
        self._inputs = Inputs(planned.leaves, scalars)
        self.inputs = self._inputs.names
        self.outputs = tuple(dict.fromkeys(t.name for t in outputs))

    def __call__(self, values: Mapping[str, Any], *, check: bool = True) -> dict[str, Any]:
        """Return the outputs by name; new arrays, which the caller may change.

        Args:
            values: an array for each input.
            check: False lets infinite entries and NaN through, and nodes that are not defined.

        Raises:
            UnknownNameError, DataError, ShapeError, LabelError: the arrays do not fit; the message says where.
            UndefinedError: a node is not defined at these values.
        """
        arrays = self._inputs.arrays(values, self._xp, self.dtype)
        if self._xp is numpy:
            self._inputs.entries(arrays, self._xp, finite=check)
        try:
            with numpy.errstate(**self._quiet):
                out: dict[str, Any] = self._function(*self._first, *arrays)
        except IndexError:
            self._inputs.entries(arrays, self._xp, finite=check)  # a label out of range says more
            raise
        if self._xp is not numpy:  # the GPU is at work already while its entries are asked for
            self._inputs.entries(arrays, self._xp, finite=check)
        for needed, t in self._needs.items():
            found = out.pop(needed.name)
            if check:
                check_needs(t, host(found))
        return out

    def place(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return arrays where this program computes: on the GPU for CuPy. Their types stay."""
        at_home = self._xp.asarray if self._xp is not numpy else lambda value: numpy.asarray(host(value))
        return {name: at_home(value) for name, value in values.items()}

    def __repr__(self) -> str:
        return f"Program({', '.join(self.inputs)} -> {', '.join(self.outputs)}; {self.backend} {self.dtype})"


def needs_of(outputs: Sequence[Tensor]) -> dict[Tensor, Tensor]:
    """Return what nodes on the way to the outputs need to be positive, each with its node, under names of their own."""
    seen: set[Tensor] = set()
    made: dict[Tensor, Tensor] = {}
    stack = list(outputs)
    while stack:
        t = stack.pop()
        if t in seen or t.definition is None:
            continue
        seen.add(t)
        stack.extend(t.definition.args)
        if t.needs is not None:
            needed = t.needs[0]
            made[Tensor(f"needed by {t.name}", needed.shape, "value", definition=needed.definition)] = t
    return made


def build(
    outputs: Sequence[Tensor],
    *,
    backend: str = "numpy",
    dtype: str = "float64",
    scalars: Mapping[str, float] | None = None,
    name: str = "program",
) -> Program:
    """Return the program that computes the outputs from their leaves.

    Args:
        outputs: tensors, forward or adjoint.
        backend: "numpy", or "cupy" on a machine with a GPU.
        dtype: "float64" or "float32".
        scalars: a value for each hyperparameter, and for each size that is on no array's axis.
        name: what the generated function is called.

    Raises:
        UnknownNameError: no such backend or dtype.
        DefinitionError: there is nothing to compute, or a symbol has no value.
    """
    if isinstance(outputs, Tensor):
        outputs = (outputs,)
    outputs = tuple(outputs)
    if not outputs:
        raise DefinitionError("build() needs at least one tensor to compute.")
    if dtype not in DTYPES:
        raise UnknownNameError(str(dtype), DTYPES, "dtype")
    return Program(outputs, backend=backend, dtype=dtype, scalars=scalars or {}, name=name)
