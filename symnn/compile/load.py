"""Run generated source: the only place where symnn executes text, and only text that it has written itself."""

from __future__ import annotations

import importlib
import linecache
from collections.abc import Callable
from typing import Any

import numpy

from symnn.compile.source import Source
from symnn.ground.errors import UnknownNameError, UnsupportedError

__all__ = ["BACKENDS", "load", "namespace", "special_functions"]

BACKENDS = ("numpy", "cupy")


def namespace(backend: str) -> Any:
    """Return the array namespace of a backend.

    Raises:
        UnknownNameError: no such backend.
        UnsupportedError: CuPy is not installed, or sees no GPU.
    """
    if backend == "numpy":
        return numpy
    if backend not in BACKENDS:
        raise UnknownNameError(backend, BACKENDS, "backend")
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        raise UnsupportedError(
            "The backend 'cupy' needs CuPy, which is not installed. Install symnn[cupy], or use backend='numpy'."
        ) from None
    if not cupy.is_available():
        raise UnsupportedError("CuPy is installed but sees no GPU. Use backend='numpy', or run on a machine with one.")
    return cupy


def special_functions(backend: str) -> Any:
    """Return the namespace of special functions (erf, digamma, ...) of a backend."""
    return importlib.import_module("scipy.special" if backend == "numpy" else "cupyx.scipy.special")


def load(source: Source) -> Callable[..., dict[str, Any]]:
    """Return the function that the source defines; deep programs need no deep recursion, they are straight lines."""
    scope: dict[str, Any] = {}
    filename = f"<symnn {source.function}>"
    exec(compile(source.text, filename, "exec"), scope)
    _remember(filename, source.text)
    function: Callable[..., dict[str, Any]] = scope[source.function]
    return function


def _remember(filename: str, text: str) -> None:
    """Let tracebacks show the generated lines."""
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
