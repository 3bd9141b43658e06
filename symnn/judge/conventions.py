"""Ways in which people's code is called: by names, in the courses' style, as torch or JAX functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symnn.ground.errors import DefinitionError
from symnn.judge.code import CannotRun, Code, Run, array_of, function_of, returned
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
    returns: Sequence[str] | None = None, constants: Sequence[Any] = (),
) -> Code:  # fmt: skip
    """Return the pair ``out, cache = forward(x, w, b)`` and ``dx, dw, db = backward(dout, cache)`` as code.

    Args:
        forward: takes the inputs in order and returns the output and a cache, or the output alone (then the cache
            is the tuple of inputs). Its output is compared with the layer's before any gradient is judged.
        backward: takes the upstream gradient and the cache; for a scalar loss it may take the cache alone.
        inputs: names of tensors, in the order of forward's arguments.
        returns: names of tensors whose gradients backward returns, in order; by default the inputs.
        constants: further arguments of forward, such as {"eps": 1e-5}.

    Raises:
        DefinitionError: one of the two cannot be called.
    """
    for f in (forward, backward):
        if not callable(f):
            raise DefinitionError(f"course() takes two functions, found {type(f).__name__}.")
    order = tuple(inputs if returns is None else returns)
    label = getattr(backward, "__name__", "backward")

    def call(truth: Truth, given: Mapping[str, Any]) -> Run:
        arrays = [_copy(_named(given, truth, n)) for n in inputs]
        before = [np.array(a, copy=True) for a in arrays]
        out, cache = _split(forward(*arrays, *constants), arrays)
        dout = _upstream(truth, given, out)
        kept = np.array(dout, copy=True)
        result = backward(dout, cache)
        changed = [
            n for n, a, b in zip(inputs, arrays, before, strict=True) if not np.array_equal(a, b, equal_nan=True)
        ]
        changed += ["dout"] if not np.array_equal(kept, dout, equal_nan=True) else []
        return Run(returned(_tupled(result, order), truth, order, label), np.array(out), tuple(changed))

    return Code(call, label, order)


def _tupled(result: Any, order: tuple[str, ...]) -> Any:
    return (result,) if len(order) == 1 and not isinstance(result, tuple | list | dict) else result


def _split(result: Any, arrays: Sequence[Any]) -> tuple[Any, Any]:
    if isinstance(result, tuple) and len(result) == 2:
        return result
    return result, tuple(arrays)


def _named(given: Mapping[str, Any], truth: Truth, name: str) -> Any:
    if name in given:
        return given[name]
    known = ", ".join(sorted(given)[:20])
    raise CannotRun(f"inputs= names {name!r}, and nothing here is called so. Known: {known}")


def _copy(value: Any) -> Any:
    return np.array(value, copy=True) if isinstance(value, np.ndarray) else value


def _upstream(truth: Truth, given: Mapping[str, Any], out: Any) -> Any:
    if truth.upstream is None:
        return np.ones(np.shape(out))
    return np.array(given[truth.upstream.name], copy=True)


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

        arrays = [_named(given, truth, n) for n in order]
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
        changed = tuple(n for n, t, b in zip(order, kept, before, strict=False) if not torch.equal(t.detach(), b))
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

        arrays = [jnp.asarray(_named(given, truth, n)) for n in order]
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
