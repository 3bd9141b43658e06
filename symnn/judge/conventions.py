"""Ways in which people's code is called: by names, in the courses' style, as torch or JAX functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symnn.ground.errors import DefinitionError
from symnn.judge.code import CannotRun, Code, Raised, Run, array_of, function_of, lookup, returned
from symnn.judge.truth import Truth

__all__ = ["course", "function", "jax_function", "torch_function"]


def function(f: Callable[..., Any], *, returns: Sequence[str] = ()) -> Code:
    """Return code that takes arrays by the names of tensors: ``function(f, returns=("loss", "x"))``.

    Args:
        f: its parameters are called like tensors, sizes or scalars of the network, or dout for the upstream gradient.
        returns: what a tuple that it returns holds, in order: names of tensors for their gradients, "loss" or the
            output's name for the value of the forward pass, which is compared first.

    Raises:
        DefinitionError: it cannot be called.
    """
    if not callable(f):
        raise DefinitionError(f"function() takes a function, found {type(f).__name__}.")
    return function_of(f, returns=tuple(returns))


def course(
    forward: Callable[..., Any], backward: Callable[..., Any], inputs: Sequence[str], *,
    returns: Sequence[str] | None = None, constants: Mapping[str, Any] | Sequence[Any] = (),
) -> Code:  # fmt: skip
    """Return the pair ``out, cache = forward(x, w, b)`` and ``dx, dw, db = backward(dout, cache)`` as code.

    Args:
        forward: takes the inputs in order and returns the output and a cache, or the output alone (then the cache
            is the tuple of inputs). Its output is compared with the layer's before any gradient is judged.
        backward: takes the upstream gradient and the cache; for a scalar loss it may take the cache alone.
        inputs: names of tensors, sizes or scalars, in the order of forward's arguments.
        returns: names of tensors whose gradients backward returns, in order; by default those of the inputs that
            are real arrays.
        constants: further arguments of forward, in order, or by name: ``{"eps": 1e-5}``.

    Raises:
        DefinitionError: one of the two cannot be called.
    """
    for f in (forward, backward):
        if not callable(f):
            raise DefinitionError(f"course() takes two functions, found {type(f).__name__}.")
    by_name = dict(constants) if isinstance(constants, Mapping) else {}
    in_order = () if isinstance(constants, Mapping) else tuple(constants)
    first, second = (getattr(f, "__name__", w) for f, w in ((forward, "forward"), (backward, "backward")))
    alone = _takes_one(backward)

    def call(truth: Truth, given: Mapping[str, Any]) -> Run:
        order = tuple(returns) if returns is not None else tuple(n for n in inputs if _is_real(truth, n))
        arrays = {n: _copy(lookup(n, truth, given, "inputs=")) for n in inputs}
        before = {n: _copy(a) for n, a in arrays.items()}
        made = _ran(first, lambda: forward(*arrays.values(), *in_order, **by_name))
        changed = [(first, n) for n in _changed(before, arrays)]
        out, cache = _split(made, list(arrays.values()), first)
        dout = _upstream(truth, given)
        kept, held = {**before, "dout": _copy(dout)}, {**_held(cache), **arrays, "dout": dout}
        kept |= {k: _copy(v) for k, v in held.items() if k not in kept}
        result = _ran(second, lambda: backward(cache) if alone else backward(dout, cache))
        changed += [(second, n) for n in _changed(kept, held) if (first, n) not in changed]
        return Run(returned(_tupled(result, order), truth, order, second), np.array(out), tuple(changed))

    return Code(call, second, tuple(returns) if returns is not None else tuple(inputs))


def _takes_one(backward: Any) -> bool:
    try:
        parameters = inspect.signature(backward).parameters.values()
    except (TypeError, ValueError):
        return False
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    return len(plain) == 1 and not any(p.kind == p.VAR_POSITIONAL for p in parameters)


def _is_real(truth: Truth, name: str) -> bool:
    found = truth.scope.find(name)
    return found is not None and found.tensor is not None and found.classes is None


def _ran(name: str, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except CannotRun:
        raise
    except Exception as error:  # whatever somebody's code does is its own
        raise Raised(f"{name} raised {type(error).__name__}: {error}") from error


def _held(cache: Any) -> dict[str, Any]:
    """Return the arrays that a cache holds, by their place in it."""
    if isinstance(cache, Mapping):
        parts = {f"cache[{k!r}]": v for k, v in cache.items()}
    else:
        parts = {f"cache[{n}]": v for n, v in enumerate(cache if isinstance(cache, tuple | list) else [cache])}
    return {k: v for k, v in parts.items() if isinstance(v, np.ndarray)}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of arrays that are not what they were, each array once."""
    out: list[str] = []
    seen: list[Any] = []
    for n, kept in sorted(before.items(), key=lambda item: item[0].startswith("cache[")):
        now: Any = after.get(n)
        if not isinstance(kept, np.ndarray) or any(now is s for s in seen):
            continue
        seen.append(now)
        if np.shape(now) != kept.shape or not np.array_equal(now, kept, equal_nan=kept.dtype.kind == "f"):
            out.append(n)
    return out


def _tupled(result: Any, order: tuple[str, ...]) -> Any:
    return (result,) if len(order) == 1 and not isinstance(result, tuple | list | dict) else result


def _split(result: Any, arrays: Sequence[Any], name: str) -> tuple[Any, Any]:
    if result is None:
        raise CannotRun(f"{name} returned None: it must return its output, and a cache")
    if isinstance(result, tuple) and len(result) == 2:
        return result
    return result, tuple(arrays)


def _copy(value: Any) -> Any:
    return np.array(value, copy=True) if isinstance(value, np.ndarray) else value


def _upstream(truth: Truth, given: Mapping[str, Any]) -> Any:
    return np.ones(()) if truth.upstream is None else _copy(given[truth.upstream.name])


def torch_function(f: Any, inputs: Sequence[str]) -> Code:
    """Return a ``torch.autograd.Function`` (or any differentiable function of tensors) as code.

    Args:
        f: the class, or a function of tensors; its arguments are the inputs in order.
        inputs: names of tensors.
    """
    label = getattr(f, "__name__", "your torch function")
    order = tuple(inputs)

    def call(truth: Truth, given: Mapping[str, Any]) -> Run:
        import torch

        arrays = [lookup(n, truth, given, "inputs=") for n in order]
        tensors = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
        for t in tensors:
            if isinstance(t, torch.Tensor) and t.is_floating_point():
                t.requires_grad_(True)
        out = f.apply(*tensors) if hasattr(f, "apply") else f(*tensors)
        before = [t.detach().clone() for t in tensors if isinstance(t, torch.Tensor)]
        dout = np.ones(tuple(out.shape)) if truth.upstream is None else given[truth.upstream.name]
        out.backward(torch.tensor(dout, dtype=out.dtype))
        grads = [t.grad if isinstance(t, torch.Tensor) else None for t in tensors]
        kept = [t for t in tensors if isinstance(t, torch.Tensor)]
        changed = tuple(
            (label, n) for n, t, b in zip(order, kept, before, strict=False) if not torch.equal(t.detach(), b)
        )
        return Run(returned(tuple(grads), truth, order, label), array_of(out, label), changed)

    return Code(call, label, order)


def jax_function(f: Any, inputs: Sequence[str]) -> Code:
    """Return a JAX function, such as a ``custom_vjp``, as code; its gradient is taken by ``jax.vjp``.

    Args:
        f: a function of arrays; its arguments are the inputs in order.
        inputs: names of tensors.
    """
    label = getattr(f, "__name__", "your JAX function")
    order = tuple(inputs)

    def call(truth: Truth, given: Mapping[str, Any]) -> Run:
        import jax
        import jax.numpy as jnp

        arrays = [jnp.asarray(lookup(n, truth, given, "inputs=")) for n in order]
        real = [n for n, a in enumerate(arrays) if jnp.issubdtype(a.dtype, jnp.floating)]

        def of_real(*moving: Any) -> Any:
            spread = list(arrays)
            for n, a in zip(real, moving, strict=True):
                spread[n] = a
            return f(*spread)

        out, pull = jax.vjp(of_real, *(arrays[n] for n in real))
        dout = jnp.ones(out.shape, out.dtype)
        if truth.upstream is not None:
            dout = jnp.asarray(given[truth.upstream.name]).astype(out.dtype)
        grads = dict(zip((order[n] for n in real), pull(dout), strict=True))
        return Run(returned(grads, truth, order, label), np.asarray(out))

    return Code(call, label, order)
