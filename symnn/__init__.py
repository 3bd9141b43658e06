"""symnn: write the forward pass of a neural network; get the backward pass derived, checked, typeset and compiled."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symnn.api import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the public names when the first is asked for, so that ``symnn --help`` needs no SymPy."""
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module 'symnn' has no attribute {name!r}")
    api = import_module("symnn.api")
    public = {key: getattr(api, key) for key in api.__all__}
    globals().update(public, __all__=api.__all__)
    if name not in globals():
        raise AttributeError(f"module 'symnn' has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *import_module("symnn.api").__all__})
