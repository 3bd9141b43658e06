"""What a command works on: a built-in example, a Python file, which is executed, or a formula."""

from __future__ import annotations

import re
import runpy
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symnn.examples import EXAMPLES
from symnn.ground.define import define
from symnn.ground.errors import DefinitionError, SymnnError, UnknownNameError
from symnn.ground.functions import sum_over
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor, input
from symnn.language.forward import Forward, read_forward
from symnn.network import Network

__all__ = ["Asked", "Opened", "is_formula", "open_formula", "open_network", "shapes_of"]


@dataclass(frozen=True)
class Opened:
    """A network, what to call its files, numbers for its symbolic sizes, and claims about its gradients."""

    net: Network
    stem: str
    sizes: dict[str, int]
    claims: dict[str, Any] | None = None


def open_network(target: str) -> Opened:
    """Return the built-in example of that name, or the network that a Python file defines; the file is executed.

    Raises:
        UnknownNameError: there is neither such an example nor such a file.
        DefinitionError: the file fails, or defines no network.
    """
    if target in EXAMPLES:
        example = EXAMPLES[target]
        return Opened(example.build(), example.name, dict(example.sizes))
    path = Path(target)
    if path.is_dir():
        raise DefinitionError(f"{target} is a folder. Give a Python file that defines net = symnn.Network(loss).")
    if not path.is_file():
        if path.suffix == ".py" or len(path.parts) > 1:
            raise UnknownNameError(target, [], "file")
        raise UnknownNameError(target, EXAMPLES, "example or file")
    if path.suffix == ".toml":
        raise DefinitionError(f"{target} is a file of claims, which only check reads: symnn check {target}.")
    found = _executed(path)
    net = found.get("net")
    if not isinstance(net, Network):
        what = "defines no net" if net is None else f"defines net as a {type(net).__name__}"
        raise DefinitionError(f"{path} {what}. End it with net = symnn.Network(loss).")
    sizes = found.get("sizes") or {}
    if not isinstance(sizes, dict) or not all(isinstance(k, str) for k in sizes):
        raise DefinitionError(f"{path} defines sizes as {sizes!r}. Write names and numbers, sizes = {{'H': 32}}.")
    claims = found.get("claims")
    if claims is not None and not (isinstance(claims, dict) and all(isinstance(k, str) for k in claims)):
        raise DefinitionError(f"{path} defines claims as a {type(claims).__name__}. Write claims = {{'W': gradient}}.")
    return Opened(net, path.stem, sizes, claims)


def _executed(path: Path) -> dict[str, Any]:
    try:
        return runpy.run_path(str(path))
    except SymnnError:
        raise
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        where = f", line {line}" if line else ""
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DefinitionError(f"{path}{where}: {type(error).__name__}: {text}") from error


#: What shows that a text is meant as a formula and not as a name or a path.
_FORMULA = re.compile(r"[()@*+=]|\s[-/<>]\s|\n")


@dataclass(frozen=True)
class Asked:
    """A forward pass given as a formula.

    Attributes:
        forward: what was read.
        net: its network; the loss of a layer is the sum of its entries, each times an upstream gradient's.
        upstream: that gradient, where the output is no scalar.
    """

    forward: Forward
    net: Network
    upstream: Tensor | None = None

    @property
    def judged(self) -> Network | Tensor:
        """What a candidate is judged by: the network, or the layer."""
        return self.net if self.upstream is None else self.forward.output


def is_formula(target: str) -> bool:
    """Tell whether a target is a formula: neither an example nor a file, and it holds signs of one."""
    if target in EXAMPLES or target.endswith((".py", ".toml")):
        return False
    return bool(_FORMULA.search(target)) and not _is_path(target)


def _is_path(target: str) -> bool:
    try:
        return Path(target).exists()
    except OSError:  # too long for a name
        return False


def shapes_of(options: Sequence[str]) -> dict[str, str]:
    """Return shapes by name, of options such as ``X=N,D`` and ``t=N|C``.

    Raises:
        DefinitionError: one is not of that form.
    """
    out: dict[str, str] = {}
    for option in options:
        name, equals, shape = option.partition("=")
        if not equals or not name.strip().isidentifier():
            raise DefinitionError(f"--shape {option!r} is no shape. Write NAME=SIZES, X=N,D; labels end in their "
                                  "number of classes, t=N|C; a scalar is lam= with nothing behind.")  # fmt: skip
        out[name.strip()] = shape.strip()
    return out


def open_formula(text: str, wrt: Sequence[str] = (), shapes: Sequence[str] | dict[str, str] = ()) -> Asked:
    """Return the forward pass that a formula says; nothing of it is executed.

    Raises:
        FormulaError: it is no formula, or no choice of shapes fits.
    """
    given = shapes if isinstance(shapes, dict) else shapes_of(shapes)
    forward = read_forward(text, wrt=wrt, shapes=given)
    out = forward.output
    title = " ".join(text.split())
    title = title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 3]}..."
    if not out.rank:
        return Asked(forward, Network(out, title=title))
    up = input(_free_name(forward, f"d{out.name}"), out.shape)
    free = tuple(Index(letter, s) for letter, s in zip(out.letters, out.shape, strict=True))
    loss = define(_free_name(forward, "L"), (), sum_over(up[free] * out[free], *free))
    return Asked(forward, Network(loss, title=title), up)


#: How much of a formula a page is called by.
_LONGEST_TITLE = 60


def _free_name(forward: Forward, name: str) -> str:
    while name in forward.tensors or name in forward.sizes:
        name += "_"
    return name
