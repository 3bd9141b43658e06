"""The command derive: gradients line by line, each line named by its rule and checked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symnn.commands.opening import Asked, is_formula, open_formula, open_network
from symnn.commands.putting import put
from symnn.ground.errors import DefinitionError
from symnn.network import Network
from symnn.pages import gradients_brief, gradients_page
from symnn.show import Block, Code, Document, Heading, Prose, html, markdown, terminal, tex
from symnn.verify.points import symbols_of

__all__ = ["derive"]

#: What stands in a program for a scalar that was given no value.
_EPS, _VALUE = 1e-5, 0.1


def derive(chosen: argparse.Namespace) -> int:
    """Show the derivation of some gradients as text, LaTeX, HTML or Markdown."""
    asked = None
    if is_formula(chosen.target):
        asked = open_formula(chosen.target, chosen.wrt or (), chosen.shape)
        net = asked.net
    elif chosen.shape:
        raise DefinitionError(f"--shape goes with a formula, and {chosen.target!r} is none.")
    else:
        net = open_network(chosen.target).net
    names = chosen.wrt or list(net.parameters)
    if not names:
        raise DefinitionError(f"{chosen.target!r} has no parameter. Say by what to differentiate with --wrt NAMES.")
    if chosen.format == "brief":
        text = gradients_brief(net, names)
    else:
        plain = chosen.format == "text"
        page = gradients_page(net, names, checked=not chosen.no_check, plain=plain, picture=chosen.format == "html")
        page = _said(page, asked) if asked is not None else page
        page = _with_code(page, net, names, chosen.value) if asked is not None or chosen.numpy else page
        if plain:
            text = terminal(page, colour=False, encoding="utf-8") if chosen.out else terminal(page)
        else:
            text = {"latex": tex, "html": html, "markdown": markdown}[chosen.format](page)
    put(text, chosen.out, html=chosen.format == "html")
    return 0


def _said(page: Document, asked: Asked) -> Document:
    """Return the page with what was found out about the formula's names at its head."""
    forward = asked.forward
    found = ", ".join(f"{name} {shape}" for name, shape in forward.chosen.items())
    said: list[Block] = []
    if found:
        said.append(Prose(f"Shapes found from the formula: {found}. Give others with --shape NAME=SIZES."))
    if asked.upstream is not None:
        said.append(Prose(f"{asked.upstream.name} is the gradient that arrives at the output."))
    return replace(page, blocks=(*said, *page.blocks))


def _with_code(page: Document, net: Network, names: Sequence[str], values: dict[str, float]) -> Document:
    """Return the page with the compiled program at its end."""
    needed: list[str] = [s.name for s in symbols_of(net.graph).scalars]
    assumed = {n: _EPS if n.startswith("eps") else _VALUE for n in needed if n not in values}
    scalars: dict[str, Any] = {**assumed, **values}
    source = net.compile(wrt=list(names), **scalars).source
    said: list[Block] = []
    if assumed:
        told = ", ".join(f"{n} = {v:g}" for n, v in assumed.items())
        said.append(Prose(f"Written for {told}. Give other values with --value NAME=NUMBER."))
    return replace(page, blocks=(*page.blocks, Heading("NumPy", 2), *said, Code(source)))
