"""Network: the face of a forward definition. It derives, draws, compiles, predicts, saves, loads and checks itself."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symnn.compile.program import Program, build
from symnn.compile.steady import steady
from symnn.derivation import Derivation, definition_line
from symnn.derive.backprop import Adjoints, backprop
from symnn.derive.backprop import vjp as derive_vjp
from symnn.gradient import of_gradient
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import size_value
from symnn.ground.arguments import by_name, found, real_constant, tensor, whole_number
from symnn.ground.arrays import host, on_gpu
from symnn.ground.collection import uncollected
from symnn.ground.errors import DataError, DefinitionError, UnknownNameError
from symnn.ground.files import write_whole
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.show import Document, Heading, html
from symnn.show.graph_scene import graph_scene
from symnn.theory.numbers import at_values
from symnn.theory.schemes import Start, starts
from symnn.train.initial import initialise
from symnn.verdict import Verdict, judged
from symnn.verify.abreast import Abreast
from symnn.verify.differences import compiled_differences
from symnn.verify.points import kinks, size_symbols, symbols_of
from symnn.verify.record import Check

__all__ = ["Compiled", "Network", "vjp"]


class Compiled:
    """``loss, grads = f(params, batch)``: generated code for a loss and its gradients.

    Attributes:
        source: the generated program, exactly what runs.
        wrt: the names whose gradients it returns.
    """

    def __init__(self, program: Program, loss: str, gradients: Mapping[str, str]) -> None:
        self.program, self.loss, self._gradients = program, loss, dict(gradients)
        self.source = program.source
        self.wrt = tuple(gradients)

    def __call__(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], *, check: bool = True
    ) -> tuple[float, dict[str, Any]]:
        """Return the loss and the gradients by name.

        Args:
            params: the parameters, ``{"W1": array, ...}``.
            batch: the data, ``{"x": array, "t": array}``.
            check: False lets infinite entries and NaN through.

        Raises:
            DataError, LabelError, ShapeError, UnknownNameError: an array does not fit; the message says which and why.
        """
        out = self.program(_arrays("f(params, batch)", params, batch), check=check)
        return out[self.loss], {name: out[gradient] for name, gradient in self._gradients.items()}

    def place(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return arrays where the code computes, so that they are not sent there at every call: CuPy's on the GPU."""
        return self.program.place(values)


class Network:
    """A scalar output (a loss) with everything it is computed from.

    Example:
        net = Network(loss); net.gradient("W1"); net.draw("net.svg"); f = net.compile()
    """

    def __init__(self, loss: Tensor, *, output: Tensor | None = None, title: str = "") -> None:
        if not isinstance(loss, Tensor):
            raise DefinitionError(f"Network() takes the tensor of its loss, found {loss!r}.")
        if loss.rank:
            raise DefinitionError(
                f"Network() takes a scalar loss; {loss.name!r} has shape {size_text(loss.shape)}. "
                "For a layer without a loss use vjp(layer, wrt)."
            )
        if loss.definition is None:
            raise DefinitionError(f"{loss.name!r} is a leaf: there is nothing to derive.")
        self.loss, self.title = loss, title or f"network {loss.name}"
        self.graph = FlowGraph((loss,))
        if output is not None:
            tensor("Network()", output, "a tensor as output")
        self.output = _prediction(self.graph, loss) if output is None else output
        self.values: dict[str, Any] = {}
        self._adjoints: dict[tuple[str, ...], Adjoints] = {}
        self._predictors: dict[tuple[Any, ...], Program] = {}

    # -- parts -----------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str | Tensor) -> Tensor:
        return _part(self.graph, name, "the network")

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The trainable tensors by name."""
        return {t.name: t for t in self.graph.of_role("parameter")}

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The data tensors by name, labels included."""
        return {t.name: t for t in self.graph.of_role("input", "label")}

    @property
    def sizes(self) -> tuple[Any, ...]:
        """The symbolic sizes."""
        return size_symbols(self.graph.order)

    def __repr__(self) -> str:
        rows = [f"{self.title}: {len(self.parameters)} parameters, {len(self.graph)} nodes"]
        rows += [f"  {t!r}" for t in self.graph]
        return "\n".join(rows)

    # -- derivation ------------------------------------------------------------------------------------------------

    @uncollected()
    def adjoints(self, names: Sequence[str] | None = None) -> Adjoints:
        """Return the adjoint graph for some leaves or inner tensors (default: every parameter)."""
        key = tuple(self.parameters) if names is None else self._names(names)
        made = self._adjoints.get(key)
        if made is None:
            made = self._adjoints[key] = backprop(self.loss, [self.graph[n] for n in key])
        return made

    def _names(self, names: Iterable[str | Tensor] | str | Tensor) -> tuple[str, ...]:
        """Return the names of some parts of the network, given one by one or several at once."""
        if isinstance(names, str | Tensor) or not isinstance(names, Iterable):
            names = (names,)
        return tuple(self[n].name for n in names)

    def gradient(self, name: str | Tensor) -> Derivation:
        """Return the derivation of the loss's gradient by a parameter, an input or an inner tensor.

        Raises:
            UnknownNameError: no tensor has that name; the nearest is suggested.
            DefinitionError: it is neither a name nor a tensor of this network.
            UnsupportedError: the tensor holds labels.
        """
        wanted = self[name]
        known = self.adjoints() if wanted.role == "parameter" else self.adjoints([wanted.name])
        return of_gradient(known, wanted)

    def gradients(self) -> dict[str, Derivation]:
        """Return the derivation of the gradient by every parameter."""
        return {name: self.gradient(name) for name in self.parameters}

    def check(self, name: str | Tensor | None = None, claim: Any = None) -> Verdict:
        """Return the verdict on one gradient, or on all of them together."""
        if name is not None:
            return self.gradient(name).check(claim)
        checks = {n: _summary(d.check()) for n, d in self.gradients().items()}
        return judged(self.title, checks)

    # -- showing ---------------------------------------------------------------------------------------------------

    def scene(self, *, backward: bool = False) -> Any:
        """Return the picture's description: the forward graph, or forward and backward."""
        return graph_scene(self.graph, title=self.title, adjoints=self.adjoints() if backward else None)

    def draw(self, path: str | Path | None = None, *, backward: bool = False) -> str:
        """Draw the graph with its mathematics; ``path`` ends in .svg, .png, .pdf or .dot. Returns the SVG."""
        from symnn.show.picture import save, svg  # fonts and drawing libraries, loaded where something is drawn

        scene = self.scene(backward=backward)
        if path is not None:
            save(scene, Path(path))
        return svg(scene)

    def _repr_svg_(self) -> str:
        return self.draw()

    def document(self) -> Document:
        """Return the forward definitions as a page."""
        rows = [definition_line(t) for t in self.graph if t.definition is not None]
        return Document(self.title, "forward", (Heading("Definitions", 2), *rows))

    def html(self) -> str:
        """Return the forward definitions as a self-contained page."""
        return html(self.document())

    # -- running ---------------------------------------------------------------------------------------------------

    @uncollected()
    def compile(
        self, *, wrt: Iterable[str | Tensor] | None = None, backend: str = "numpy", dtype: str = "float64",
        **scalars: float,
    ) -> Compiled:  # fmt: skip
        """Return ``f`` with ``loss, grads = f(params, batch)``; ``f.source`` is the generated code.

        Args:
            wrt: names to differentiate by, default every parameter.
            backend: "numpy" or "cupy".
            dtype: "float64" or "float32".
            scalars: values of scalar symbols, such as ``lam=0.01``.

        Raises:
            UnknownNameError: a name that the network does not have.
            DefinitionError: a scalar symbol has no value, or one that is no finite real number.
        """
        scalars = self._scalars("compile", scalars, self.graph)
        names = tuple(self.parameters) if wrt is None else self._names(wrt)
        adjoints = self.adjoints(names)
        wanted = [self.graph[n] for n in names]
        loss, gradients = steady(self.loss, wanted, [adjoints.of[t] for t in wanted])
        program = build((loss, *gradients), backend=backend, dtype=dtype, scalars=scalars, name="loss_and_gradients")
        return Compiled(program, loss.name, {n: t.name for n, t in zip(names, gradients, strict=True)})

    def init(
        self, sizes: Mapping[Any, int] | None = None, *, seed: int = 0, scheme: str = "forward", **named: int
    ) -> dict[str, Any]:
        """Draw the parameters for given sizes, ``net.init(D=64, H=32, C=10, seed=0)``; keeps and returns them.

        Weights, tensors of rank 2 and more, are normal with the variances of ``initial_variances(scheme)``; vectors and
        scalars are 0, and those with a value of their own have it.

        Args:
            sizes: numbers for sizes, by symbol or name.
            seed: of the generator.
            scheme: "forward" keeps the second moment of pre-activations, solved from this network's forward pass;
                "backward" that of gradients; "compromise" lies between; or "he", "xavier", "lecun", "naive", "zeros".
            named: sizes by name.

        Raises:
            UnknownNameError: a size the network does not have, or no such scheme.
            DefinitionError: a size of a parameter is left open, is no whole number, or leaves an axis no entry.
        """
        whole_number("init()", "seed", seed, 0)
        chosen = self._sizes(sizes, named)
        shapes: dict[str, tuple[int, ...]] = {}
        for name, t in self.parameters.items():
            open_sizes = [str(s) for n in t.shape for s in n.free_symbols if s not in chosen]
            if open_sizes:
                missing = ", ".join(dict.fromkeys(open_sizes))
                raise DefinitionError(f"Parameter {name!r} has shape {size_text(t.shape)}: give {missing}.")
            shapes[name] = tuple(size_value(s, chosen) for s in t.shape)
            if min(shapes[name], default=1) < 1:
                raise DefinitionError(
                    f"Parameter {name!r} has shape {size_text(t.shape)}, with these sizes {size_text(shapes[name])}: "
                    "every axis needs at least one entry."
                )
        fixed = {name: t.initial for name, t in self.parameters.items() if t.initial is not None}
        deviations = {
            name: math.sqrt(float(at_values(start.variance, chosen)))
            for name, start in self.initial_variances(scheme).items() if name not in fixed
        }  # fmt: skip
        self.values = initialise(shapes, deviations, seed=seed, fixed=fixed)
        return self.values

    def initial_variances(self, scheme: str = "forward") -> dict[str, Start]:
        """Return the variance that every weight starts with, a formula in sizes, and what it rests on.

        Raises:
            UnknownNameError: no such scheme.
        """
        return starts(self.graph.order, self.parameters.values(), scheme)

    def _sizes(self, sizes: Mapping[Any, int] | None, named: Mapping[str, int]) -> dict[Any, int]:
        symbols = {s.name: s for s in self.sizes}
        out: dict[Any, int] = {}
        given = {} if sizes is None else by_name("init()", "sizes", sizes, "{'D': 64}, or D=64")
        for key, value in {**given, **named}.items():
            name = key if isinstance(key, str) else getattr(key, "name", key)
            if name not in symbols:
                raise UnknownNameError(name, symbols, "size")
            out[symbols[name]] = whole_number("init()", f"the size {name}", value, 1)
        return out

    def _scalars(self, caller: str, given: Mapping[str, Any], graph: FlowGraph) -> dict[str, Any]:
        """Return values for scalar symbols, checked; every one that a graph needs has to be there."""
        symbols = symbols_of(self.graph)
        known = [s.name for s in (*symbols.scalars, *symbols.sizes)]
        for name, value in given.items():
            if name not in known:
                raise UnknownNameError(name, known, "scalar or size")
            if not real_constant(f"{caller}()", name, value).is_number:
                raise DefinitionError(f"{caller}(): {name} must be a number here, found {value}.")
        for s in symbols_of(graph).scalars:
            if s.name not in given:
                raise DefinitionError(f"The scalar {s.name} has no value. Give it one: {caller}(..., {s.name}=0.1).")
        return dict(given)

    def predict(self, batch: Mapping[str, Any], params: Mapping[str, Any] | None = None, **scalars: float) -> Any:
        """Return the network's output (what the loss judges) for a batch, with given or kept parameters.

        Parameters that are CuPy arrays are used where they lie, on the GPU, and so is the output.

        Args:
            batch: the data by name, ``{"x": array}``; labels may be left out.
            params: the parameters; by default those of the last init() or load().
            scalars: values of scalar symbols, such as ``eps=0.1``.

        Raises:
            DefinitionError: no output was found, or there are no parameters yet, or a scalar has no value.
        """
        if self.output is None:
            raise DefinitionError("This network has no output apart from its loss. Name it: Network(loss, output=y).")
        values = self.values if params is None else params
        if not values and self.parameters:
            raise DefinitionError("There are no parameters yet. Call init(), load() or pass params=.")
        arrays = _arrays("predict(batch, params)", values, batch)
        program = self._predictor(self.output, scalars, "cupy" if any(map(on_gpu, values.values())) else "numpy")
        return program({k: v for k, v in arrays.items() if k in program.inputs})[self.output.name]

    def _predictor(self, output: Tensor, scalars: Mapping[str, Any], backend: str) -> Program:
        key = (backend, *sorted(scalars.items()))
        made = self._predictors.get(key)
        if made is None:
            chosen = self._scalars("predict", scalars, FlowGraph((output,)))
            made = self._predictors[key] = build((output,), backend=backend, scalars=chosen, name="predict")
        return made

    def save(self, path: str | Path, params: Mapping[str, Any] | None = None) -> None:
        """Write the parameters to a .npz file, atomically."""
        values = self.values if params is None else params
        if set(values) != set(self.parameters):
            raise DefinitionError(f"Expected parameters {sorted(self.parameters)}, found {sorted(values)}.")
        names = list(self.parameters)
        arrays: dict[str, Any] = {f"p{n}": np.asarray(host(values[name])) for n, name in enumerate(names)}
        stream = io.BytesIO()
        np.savez(stream, names=np.array(names, dtype=str), **arrays)
        write_whole(path, stream.getvalue())

    def load(self, path: str | Path) -> dict[str, Any]:
        """Read parameters written by ``save``; keeps and returns them.

        Raises:
            DataError: the file holds no parameters, or its names or ranks are not this network's.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as stored:
                names = [str(n) for n in stored["names"]]
                values = {name: stored[f"p{n}"] for n, name in enumerate(names)}
        except FileNotFoundError:
            raise DataError(f"There is no file {str(path)!r}.") from None
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from None
        except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} holds no parameters saved by symnn: {error}.") from None
        if set(names) != set(self.parameters):
            raise DataError(f"{path} holds parameters {sorted(names)}, this network has {sorted(self.parameters)}.")
        for name, t in self.parameters.items():
            fixed = all(not s.is_Integer or int(s) == n for s, n in zip(t.shape, values[name].shape, strict=False))
            if values[name].ndim != t.rank or not fixed:
                raise DataError(f"{name!r} has shape {size_text(t.shape)}, the file holds {values[name].shape}.")
        self.values = values
        return values

    def away_from_kinks(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], *, margin: float = 1e-4, seed: int = 0,
        **scalars: float,
    ) -> dict[str, Any]:  # fmt: skip
        """Return parameters moved a little until no unit is within ``margin`` of where it is not differentiable.

        Args:
            params: the parameters to start from.
            batch: the data by name.
            margin: the least distance to a kink.
            seed: of the moves.
            scalars: values of scalar symbols, such as ``eps=0.1``.

        Raises:
            DataError: none was found in 200 draws; take fewer rows or a smaller margin.
        """
        _arrays("away_from_kinks(params, batch)", params, batch)
        # what no parameter moves is no kink of theirs
        hazards = tuple(t for t in kinks(self.graph) if FlowGraph((t,)).of_role("parameter"))
        if not hazards:
            return dict(params)
        chosen = self._scalars("away_from_kinks", scalars, FlowGraph(hazards))
        program = build(hazards, scalars=chosen, name="kinks")
        rng = np.random.default_rng(seed)
        moved = {k: np.array(v, dtype=float) for k, v in params.items()}
        for _ in range(200):
            given = {k: v for k, v in {**moved, **batch}.items() if k in program.inputs}
            if min(float(np.abs(v).min()) for v in program(given).values()) > margin:
                return moved
            moved = {k: v + 0.01 * rng.standard_normal(v.shape) for k, v in moved.items()}
        raise DataError(f"Every point tried lies within {margin} of a kink. Take fewer rows or a smaller margin.")

    def check_compiled(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], *, names: Sequence[str] | None = None,
        most: int | None = None, seed: int = 0, **scalars: float,
    ) -> dict[str, Check]:  # fmt: skip
        """Return how the compiled gradients compare with central differences of the compiled loss, per parameter."""
        chosen = tuple(self.parameters) if names is None else self._names(names)
        options: dict[str, Any] = self._scalars("check_compiled", scalars, self.graph)
        f = self.compile(wrt=chosen, **options)

        def evaluate(values: Mapping[str, Any]) -> tuple[float, Mapping[str, Any]]:
            return f(values, {}, check=False)

        arrays = _arrays("check_compiled(params, batch)", params, batch)
        values = {k: np.array(v, dtype=np.asarray(v).dtype) for k, v in arrays.items()}
        widest = _widest(self.graph, values)

        def slopes(name: str, step: float) -> Any:
            return Abreast(self.loss, self.graph[name], options).slopes(values, step, widest)

        return compiled_differences(evaluate, values, chosen, most=most, seed=seed, slopes=slopes)


def _widest(graph: FlowGraph, arrays: Mapping[str, Any]) -> int:
    """Return the number of entries of the largest node, where the leaves have the shapes of some arrays."""
    sizes: dict[Any, int] = {}
    for t in graph.order:
        if t.name in arrays:
            sizes |= dict(zip(t.shape, np.shape(arrays[t.name]), strict=False))
    known = [t for t in graph.order if all(s in sizes or not s.free_symbols for s in t.shape)]
    return max((math.prod(sizes.get(s, int(s) if s.is_Integer else 1) for s in t.shape) for t in known), default=1)


def _part(graph: FlowGraph, which: Any, whose: str) -> Tensor:
    """Return a tensor of a graph by its name, or itself."""
    if isinstance(which, str):
        return graph[which]
    if not isinstance(which, Tensor):
        raise DefinitionError(f"A part of {whose} is given by its name, such as 'W1', found {found(which)}.")
    if graph.names.get(which.name) is not which:
        raise DefinitionError(f"The {which!r} is not part of {whose}. Known: {', '.join(map(repr, graph.names))}.")
    return which


def _arrays(caller: str, params: Any, batch: Any) -> dict[str, Any]:
    """Return parameters and data together."""
    if not isinstance(params, Mapping):
        by_name(caller, "parameters", params, "{'W1': array}")
    return {**params, **by_name(caller, "data", batch, "{'x': array}")}


def _summary(verdict: Verdict) -> Check:
    words = {"right": "proved" if verdict.checks["lines"].verdict == "proved" else "evaluated", "wrong": "refuted"}
    if verdict.word != "right":
        return Check(words.get(verdict.word, "undecided"), verdict.reason)
    return Check(words["right"], "; ".join(c.detail for n, c in verdict.checks.items() if n != "matrix"))


def _prediction(graph: FlowGraph, loss: Tensor) -> Tensor | None:
    """Return what the loss judges: going down from the loss, the first tensor with axes that no label enters."""
    labelled: set[Tensor] = set()
    for t in graph.order:
        if t.classes is not None or (t.definition is not None and any(p in labelled for p in t.definition.args)):
            labelled.add(t)
    queue = [loss]
    while queue:
        t = queue.pop(0)
        if t.definition is None:
            continue
        if t is not loss and t not in labelled and t.rank:
            return t
        queue.extend(p for p in t.definition.args if p.definition is not None)
    return None


def vjp(layer: Tensor, wrt: Tensor | str, *, upstream: str = "") -> Derivation:
    """Return the derivation of a layer's vector-Jacobian product for a symbolic upstream, ``sum dy * dy/dx``.

    Raises:
        UnknownNameError: the layer depends on no tensor of that name.
        DefinitionError: the layer is no tensor, or does not depend on ``wrt``, or ``upstream`` is no name.
    """
    if not isinstance(upstream, str):
        raise DefinitionError(f"vjp() takes a name for what arrives, upstream='dy', found {found(upstream)}.")
    wanted = _part(FlowGraph((tensor("vjp()", layer, "a computed tensor first"),)), wrt, "the layer")
    return of_gradient(derive_vjp(layer, [wanted], name=upstream), wanted)
