r"""Claims about gradients in a TOML file: they are read, never executed, and judged one by one.

forward = "mean((relu(X @ W + b) @ v - y)**2)"
shapes = { X = "N,D" }

[claims]
v = "2 * relu(X @ W + b).T @ (relu(X @ W + b) @ v - y) / N"

[[claim]]
name = "the bias, from the lecture"
wrt = "b"
latex = '\frac{2}{N} ...'
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symnn.commands.opening import open_formula
from symnn.examples import EXAMPLES
from symnn.ground.errors import DefinitionError, SymnnError, UnknownNameError
from symnn.ground.tensors import Tensor
from symnn.judge.candidate import latex
from symnn.judge.judge import check_gradient
from symnn.judge.judgement import CANNOT, Judgement
from symnn.network import Network

__all__ = ["Claim", "claims_of", "judged"]

_FORWARD = ("forward", "shapes", "example")
_GRADIENT = ("gradient", "latex", "layout")


@dataclass(frozen=True)
class Claim:
    """One claim of a file.

    Attributes:
        name: what it is called.
        wrt: by what was differentiated.
        forward: the formula of the forward pass, or nothing where ``example`` names a built-in one.
        shapes: shapes by name, for the formula.
        candidate: the gradient that is claimed.
    """

    name: str
    wrt: str
    forward: str
    shapes: dict[str, str]
    example: str
    candidate: Any


def claims_of(path: Path) -> list[Claim]:
    """Return the claims of a TOML file.

    Raises:
        DefinitionError: it is no TOML, or does not say what is needed; the message says where.
        OSError: it cannot be read.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path} is no text in UTF-8.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError(f"{path} is no TOML: {error}.") from error
    _known(str(path), found, (*_FORWARD, "claims", "claim"))
    default = {k: found[k] for k in _FORWARD if k in found}
    out = [*_short(path, found.get("claims", {}), default), *_long(path, found.get("claim", []), default)]
    if not out:
        raise DefinitionError(f'{path} holds no claim. Add [claims] with NAME = "formula of the gradient".')
    return out


def _short(path: Path, table: Any, default: Mapping[str, Any]) -> Iterator[Claim]:
    if not isinstance(table, dict):
        raise DefinitionError(f"{path}: claims must be a table, [claims], found {type(table).__name__}.")
    for wrt, value in table.items():
        entry = {"gradient": value} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            raise DefinitionError(f"{path}: the claim {wrt!r} must be a formula as text, found {value!r}.")
        yield _claim(f"{path}, claim {wrt!r}", {**default, "wrt": wrt, **entry})


def _long(path: Path, tables: Any, default: Mapping[str, Any]) -> Iterator[Claim]:
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise DefinitionError(f"{path}: write each claim as [[claim]], with two brackets.")
    for n, table in enumerate(tables, 1):
        own = {k: v for k, v in default.items() if not any(f in table for f in _FORWARD) or k == "shapes"}
        if isinstance(table.get("forward"), str) and isinstance(own.get("shapes"), dict):
            there = set(re.findall(r"\w+", table["forward"]))
            own["shapes"] = {k: v for k, v in own["shapes"].items() if k in there}
        yield _claim(f"{path}, claim {n}", {**own, **table})


def _known(where: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise DefinitionError(f"{where}: there is no key {key!r}. Known: {', '.join(keys)}.")


def _claim(where: str, table: Mapping[str, Any]) -> Claim:
    _known(where, table, ("name", "wrt", *_FORWARD, *_GRADIENT))
    for key in ("name", "wrt", "forward", "example", "gradient", "latex", "layout"):
        if key in table and not isinstance(table[key], str):
            raise DefinitionError(f"{where}: {key} must be a text, found {table[key]!r}.")
    shapes = table.get("shapes", {})
    if not isinstance(shapes, dict) or not all(isinstance(v, str | int) for v in shapes.values()):
        raise DefinitionError(f'{where}: shapes must be names with sizes, {{ X = "N,D" }}, found {shapes!r}.')
    if "wrt" not in table:
        raise DefinitionError(f'{where} does not say by what was differentiated. Add wrt = "NAME".')
    if ("forward" in table) == ("example" in table):
        raise DefinitionError(f'{where} needs a forward pass, forward = "formula", or example = "NAME"; one of them.')
    if ("gradient" in table) == ("latex" in table):
        raise DefinitionError(f'{where} needs the gradient, gradient = "formula" or latex = "..."; one of them.')
    candidate: Any = table.get("gradient")
    if candidate is None:
        candidate = latex(table["latex"], layout=table.get("layout", "auto"))
    return Claim(
        table.get("name", table["wrt"]), table["wrt"], table.get("forward", ""),
        {k: str(v) for k, v in shapes.items()}, table.get("example", ""), candidate,
    )  # fmt: skip


def judged(claims: list[Claim], *, seed: int = 0) -> Iterator[tuple[Claim, Judgement]]:
    """Yield every claim with its judgement; a forward pass that cannot be read is one that cannot be told of."""
    opened: dict[Any, Network | Tensor | str] = {}
    for c in claims:
        wanted = [o.wrt for o in claims if (o.forward, o.shapes) == (c.forward, c.shapes)]
        key: tuple[Any, ...] = (c.forward, tuple(c.shapes.items()), c.example)
        if key not in opened:
            opened[key] = _opened(c, wanted)
        if isinstance(opened[key], str):  # one name that nothing carries must not spoil the others
            key = (*key, c.wrt)
            if key not in opened:
                opened[key] = _opened(c, [c.wrt])
        forward = opened[key]
        if isinstance(forward, str):
            yield c, Judgement(c.wrt, CANNOT, forward)
            continue
        try:
            yield c, check_gradient(forward, c.wrt, c.candidate, seed=seed)
        except SymnnError as error:
            yield c, Judgement(c.wrt, CANNOT, str(error))


def _opened(c: Claim, wanted: list[str]) -> Network | Tensor | str:
    try:
        if c.example:
            if c.example not in EXAMPLES:
                raise UnknownNameError(c.example, EXAMPLES, "example")
            return EXAMPLES[c.example].build()
        return open_formula(c.forward, tuple(dict.fromkeys(wanted)), c.shapes).judged
    except SymnnError as error:
        return str(error)
