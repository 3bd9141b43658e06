"""Somebody's code as a candidate: how it is called, what it returns, whether it changes its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnn.ground.arrays import host
from symnn.ground.tree import Num, Sym
from symnn.judge.spots import Spot
from symnn.judge.truth import Truth

__all__ = ["CannotRun", "Code", "Raised", "Run", "array_of", "function_of", "lookup", "returned"]


class CannotRun(Exception):
    """The code did not give a gradient; the message says why, in words of its caller."""


class Raised(CannotRun):
    """The code raised; the message says what."""


@dataclass(frozen=True)
class Run:
    """What code gave at one point.

    Attributes:
        gradient: the array.
        forward: the value of its own forward pass, where it has one.
        changed: which function changed which of its arguments.
    """

    gradient: Any
    forward: Any = None
    changed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Code:
    """Code that gives a gradient.

    Attributes:
        call: (truth, arrays by name at a point) -> Run; raises CannotRun.
        name: what it is called.
        gives: the tensors whose gradients it gives, where it says so.
    """

    call: Callable[[Truth, Mapping[str, Any]], Run]
    name: str = "your function"
    gives: tuple[str, ...] = ()

    def run(self, truth: Truth, spot: Spot, *, moved: float = 0.0, seed: int = 0) -> Run:
        """Return what it gives at a point; ``moved`` changes every real argument by that relative amount, at random.

        Raises:
            CannotRun: it raised, or returned no array.
        """
        given = environment(truth, spot)
        if moved:
            rng = np.random.default_rng(seed)
            given = {k: _moved(v, moved, rng) for k, v in given.items()}
        try:
            with np.errstate(all="ignore"):
                return self.call(truth, given)
        except Raised as error:
            raise CannotRun(f"{error}, at {spot.where()}") from error
        except CannotRun:
            raise
        except (Exception, SystemExit) as error:  # whatever somebody's code does is its own
            raise CannotRun(f"{self.name} raised {type(error).__name__}: {error}, at {spot.where()}") from error


def _moved(value: Any, amount: float, rng: np.random.Generator) -> Any:
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return value
    moved = array * (1 + amount * rng.choice((-1.0, 1.0), array.shape))
    return moved if isinstance(value, np.ndarray) else float(moved)  # NumPy's own scalars would raise the precision


def environment(truth: Truth, spot: Spot) -> dict[str, Any]:
    """Return every name that a candidate may speak of with its value at a point."""
    out: dict[str, Any] = {}
    for name, a in truth.scope.names.items():
        if a.tensor is not None:
            out[name] = spot.tensor(a.tensor)
        else:
            tree = a.at(())
            if isinstance(tree, Sym):
                value = spot.sizes.get(tree.symbol)
                if value is not None:
                    out[name] = int(value) if tree.symbol.is_integer else float(value)
            elif isinstance(tree, Num):
                out[name] = float(tree.value)
    return out


def function_of(f: Callable[..., Any], *, returns: Sequence[str] = (), name: str = "") -> Code:
    """Return a function that takes arrays by the names of tensors, ``f(x, W1, t)``, as code.

    Args:
        f: returns the gradient, or a dict of gradients by name, or a tuple of them.
        returns: the tensors whose gradients a tuple holds, in order.
        name: what it is called in messages.
    """
    label = name or getattr(f, "__name__", "your function")
    order = tuple(returns)

    def call(truth: Truth, given: Mapping[str, Any]) -> Run:
        arguments = _arguments(f, label, truth, given)
        before = {k: np.array(v, copy=True) for k, v in arguments.items() if isinstance(v, np.ndarray)}
        result = f(**arguments)
        changed = tuple((label, k) for k, v in before.items() if not _same(v, arguments[k]))
        out = [n for n in order if n in ("loss", "out", truth.output.name) and n != truth.wrt.name]
        forward = None
        if out and isinstance(result, tuple | list) and len(result) == len(order):
            forward = array_of(result[order.index(out[0])], label)
        return Run(returned(result, truth, order, label), forward, changed)

    return Code(call, label, tuple(n for n in order if n not in ("loss", "out")))


def _same(before: Any, after: Any) -> bool:
    return before.shape == np.shape(after) and bool(np.array_equal(before, after, equal_nan=before.dtype.kind == "f"))


def _arguments(f: Callable[..., Any], label: str, truth: Truth, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise CannotRun(
            f"the parameters of {label} cannot be read; wrap it in a function with named parameters"
        ) from None
    out: dict[str, Any] = {}
    for p in parameters:
        if p.kind == p.VAR_KEYWORD:
            leaves = [t.name for t in truth.leaves]
            out |= {k: _copied(given[k]) for k in leaves if k not in out}
        elif p.kind == p.VAR_POSITIONAL:
            continue
        elif p.kind == p.POSITIONAL_ONLY:
            raise CannotRun(f"{label} takes {p.name!r} by position only; its arguments are given by name")
        else:
            value = _lookup(p.name, truth, given)
            if value is not None:
                out[p.name] = _copied(value)
            elif p.default is p.empty:
                known = ", ".join(sorted(given)[:20])
                raise CannotRun(f"{label} takes {p.name!r}, and nothing here is called so. Known: {known}")
    return out


def _lookup(name: str, truth: Truth, given: Mapping[str, Any]) -> Any:
    if name in given:
        return given[name]
    found = truth.scope.find(name)
    if found is None or found.tensor is None:
        return None
    return next((given[k] for k, a in truth.scope.names.items() if a.tensor is found.tensor), None)


def lookup(name: str, truth: Truth, given: Mapping[str, Any], option: str) -> Any:
    """Return the value of a name at a point.

    Raises:
        CannotRun: nothing is called so; the message names the option that asked for it.
    """
    value = _lookup(name, truth, given)
    if value is None:
        known = ", ".join(sorted(given)[:20])
        raise CannotRun(f"{option} names {name!r}, and nothing here is called so. Known: {known}")
    return value


def _copied(value: Any) -> Any:
    return np.array(value, copy=True) if isinstance(value, np.ndarray) else value


def returned(result: Any, truth: Truth, order: Sequence[str], label: str) -> Any:
    """Return the gradient that is asked for out of what a function returned.

    Raises:
        CannotRun: it is not there, or is no array.
    """
    wanted = truth.wrt.name
    if isinstance(result, Mapping):
        for key in (wanted, f"d{wanted}", f"grad_{wanted}", truth.wrt):
            if key in result:
                return array_of(result[key], label)
        raise CannotRun(f"{label} returned {', '.join(map(str, result))}; none of them is called {wanted} or d{wanted}")
    if isinstance(result, tuple | list) and any(isinstance(r, Mapping) for r in result):  # (loss, grads)
        return returned(next(r for r in result if isinstance(r, Mapping)), truth, order, label)
    several = isinstance(result, tuple) and len(result) == len(order) > 1
    if isinstance(result, tuple | list) and (several or not _numbers(result)):
        if not order:
            raise CannotRun(f"{label} returned {len(result)} values; say which is which with returns=(...)")
        if len(order) != len(result):
            raise CannotRun(f"{label} returned {len(result)} values, and returns= names {len(order)}")
        if wanted not in order:
            raise CannotRun(f"{label} returns the gradients by {', '.join(order)}; not the one by {wanted}")
        return array_of(result[list(order).index(wanted)], label)
    if len(order) > 1 and result is not None:
        raise CannotRun(f"{label} returned 1 value, and {len(order)} are expected: {', '.join(order)}")
    return array_of(result, label)


def _numbers(result: Sequence[Any]) -> bool:
    return bool(result) and all(isinstance(r, int | float) for r in result)


def array_of(value: Any, label: str) -> Any:
    """Return an array of NumPy's, from whatever library it is.

    Raises:
        CannotRun: it is none.
    """
    if value is None:
        raise CannotRun(f"{label} returned None where the gradient belongs")
    for step in ("detach", "cpu"):
        if hasattr(value, step) and type(value).__module__.split(".")[0] == "torch":
            value = getattr(value, step)()
    try:
        array = np.array(np.asarray(host(value)))  # a copy: code may keep its array and write on
    except Exception as error:
        raise CannotRun(f"{label} returned a {type(value).__name__}, which is no array") from error
    if array.dtype.kind not in "fiub":
        if array.dtype.kind == "c" and np.all(np.imag(array) == 0):
            return np.real(array)
        raise CannotRun(f"{label} returned an array of {array.dtype}, expected real numbers")
    return array
