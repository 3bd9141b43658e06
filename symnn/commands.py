"""What the command line does: open a network, then derive, draw, check or train it."""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symnn.derivation import Derivation
from symnn.examples import EXAMPLES
from symnn.ground.errors import DefinitionError, SymnnError, UnknownNameError
from symnn.ground.files import write_whole
from symnn.ground.sizes import size_text
from symnn.ground.tensors import Tensor
from symnn.network import Network
from symnn.pages import gradients_brief, gradients_page
from symnn.show import Document, Formula, VerdictTable, html, markdown, terminal, tex
from symnn.train.data import digits
from symnn.train.loop import train as descend
from symnn.train.optimisers import SGD

__all__ = ["Opened", "check", "derive", "draw", "open_network", "train"]


@dataclass(frozen=True)
class Opened:
    """A network, what to call its files, and numbers for its symbolic sizes where they are known."""

    net: Network
    stem: str
    sizes: dict[str, int]


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
    found = _executed(path)
    net = found.get("net")
    if not isinstance(net, Network):
        what = "defines no net" if net is None else f"defines net as a {type(net).__name__}"
        raise DefinitionError(f"{path} {what}. End it with net = symnn.Network(loss).")
    sizes = found.get("sizes") or {}
    if not isinstance(sizes, dict) or not all(isinstance(k, str) for k in sizes):
        raise DefinitionError(f"{path} defines sizes as {sizes!r}. Write names and numbers, sizes = {{'H': 32}}.")
    return Opened(net, path.stem, sizes)


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


def _put(text: str, out: str | None, *, html: bool = False) -> None:
    """Print a text, in HTML with entities for signs that the terminal lacks, or write it whole to a file and say so."""
    if out is None:
        if html:
            encoding = sys.stdout.encoding or "utf-8"
            text = text.encode(encoding, "xmlcharrefreplace").decode(encoding)
        print(text)
        return
    write_whole(out, text if text.endswith("\n") else text + "\n")
    print(f"wrote {out}", file=sys.stderr)


def derive(chosen: argparse.Namespace) -> int:
    """Show the derivation of some gradients as text, LaTeX, HTML or Markdown."""
    net = open_network(chosen.target).net
    names = chosen.wrt or list(net.parameters)
    if chosen.format == "brief":
        text = gradients_brief(net, names)
    else:
        plain = chosen.format == "text"
        page = gradients_page(net, names, checked=not chosen.no_check, plain=plain, picture=chosen.format == "html")
        if plain:
            text = terminal(page, colour=False, encoding="utf-8") if chosen.out else terminal(page)
        else:
            text = {"latex": tex, "html": html, "markdown": markdown}[chosen.format](page)
    _put(text, chosen.out, html=chosen.format == "html")
    return 0


def draw(chosen: argparse.Namespace) -> int:
    """Draw the graph into a file."""
    opened = open_network(chosen.target)
    out = chosen.out or f"{opened.stem}.svg"
    opened.net.draw(out, backward=chosen.backward)
    print(f"wrote {out}", file=sys.stderr)
    return 0


def check(chosen: argparse.Namespace) -> int:
    """Print how far each gradient is proved, evaluated and differenced; 0 only if every one holds."""
    net = open_network(chosen.target).net
    rows = [_judged(name, net.gradient(name)) for name in chosen.wrt or net.parameters]
    if chosen.json:
        print(json.dumps(rows, indent=2))
    else:
        print(terminal(_table(net, rows)))
    return 0 if rows and all(r["verdict"] == "right" for r in rows) else 1


def _judged(name: str, derivation: Derivation) -> dict[str, Any]:
    verdict = derivation.check()
    checks = [c for s in derivation.sections for c in s.checks(evaluate=True)[1:]]
    worst = [c.worst for c in checks if c.worst is not None]
    difference = verdict.checks["differences"]
    return {
        "parameter": name,
        "gradient": derivation.matrix,
        "lines": len(checks),
        "proved": sum(c.verdict == "proved" for c in checks),
        "evaluated": max(worst) if worst and len(worst) == len(checks) else None,
        "differenced": difference.worst if difference.verdict == "differenced" else None,
        "verdict": verdict.word,
        "reason": verdict.reason,
        "checks": {n: {"verdict": c.verdict, "detail": c.detail} for n, c in verdict.checks.items()},
    }


def _table(net: Network, rows: list[dict[str, Any]]) -> Document:
    header = ("by", "gradient", "proved", "evaluated", "differenced", "verdict")
    cells = tuple(
        (
            r["parameter"], _clear(r["gradient"]), f"{r['proved']} of {r['lines']}", _small(r["evaluated"]),
            _small(r["differenced"]), r["verdict"],
        )
        for r in rows
    )  # fmt: skip
    words = [r["verdict"] for r in rows]
    count = ", ".join(f"{words.count(w)} {w}" for w in dict.fromkeys(words))
    reasons = [Formula("", text=f"{r['parameter']}: {r['reason']}") for r in rows if r["verdict"] != "right"]
    note = "proved: lines equal to the one before for all sizes; evaluated, differenced: worst relative error"
    return Document(f"{net.title}: {count}", note, (VerdictTable(header, cells), *reasons))


def _clear(text: str) -> str:
    """Return text in which no sign is read as mathematics."""
    return text.replace("\\", "").replace("$", r"\$")


def _small(value: float | None) -> str:
    return "not run" if value is None else f"{value:.0e}"


def train(chosen: argparse.Namespace) -> int:
    """Train on scikit-learn's digits, print the accuracy on the held-out part, save the parameters."""
    opened = open_network(chosen.target)
    net = opened.net
    x, t = _digits_shaped(net)
    known = {s.name for s in net.sizes}
    given = {x.shape[1]: 64, t.classes: 10}
    fixed = {str(s): n for s, n in given.items() if s.is_Symbol}
    sizes = {**{k: v for k, v in opened.sizes.items() if k in known}, **fixed, **chosen.sizes}
    data = digits(seed=chosen.seed, x=x.name, t=t.name)
    method = SGD(chosen.rate, momentum=chosen.momentum)
    params = net.init(sizes, seed=chosen.seed)
    f = net.compile()
    start = time.perf_counter()
    with np.errstate(invalid="ignore"):  # a loss that is no number any more is the loop's to report
        result = descend(
            f, params, data.train, epochs=chosen.epochs, batch=chosen.batch, optimiser=method, seed=chosen.seed,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    net.values = result.params
    count = sum(int(np.size(v)) for v in result.params.values())
    rows = len(data.train[t.name])
    print(f"{net.title}: {count} parameters, {rows} examples, {chosen.epochs} epochs, {seconds:.1f} s")
    print(f"loss      {result.losses[0]:.4g} after the first epoch, {result.losses[-1]:.4g} after the last")
    right = net.predict({x.name: data.test[x.name]}).argmax(axis=-1) == data.test[t.name]
    print(f"accuracy  {right.mean():.4f} on {right.size} held-out digits ({int(right.sum())} right)")
    if chosen.out:
        net.save(chosen.out)
        print(f"wrote {chosen.out}", file=sys.stderr)
    return 0


def _digits_shaped(net: Network) -> tuple[Tensor, Tensor]:
    """Return the tensors that take the pixels and the labels.

    Raises:
        DefinitionError: the network does not take 64 pixels and labels of 10 classes, or gives no class scores.
    """
    data = [v for v in net.inputs.values() if v.classes is None]
    labels = [v for v in net.inputs.values() if v.classes is not None]
    takes = ", ".join(f"{v.name} {size_text(v.shape)}" + (f" in 0..{v.classes}-1" if v.classes is not None else "")
                      for v in net.inputs.values()) or "nothing"  # fmt: skip
    wants = "train uses the 8 x 8 digits: one input of shape (N, 64) and one of labels of shape (N,) with 10 classes"
    fits = len(data) == len(labels) == 1 and data[0].rank == 2 and labels[0].rank == 1
    if fits:
        rows, pixels = data[0].shape
        known = ((pixels, 64), (labels[0].classes, 10))
        fits = rows == labels[0].shape[0] and rows.is_Symbol and all(s == n or s.is_Symbol for s, n in known if s)
    if not fits:
        raise DefinitionError(f"{net.title!r} does not fit: {wants}; it takes {takes}. N must stay a symbol.")
    if net.output is None or net.output.rank != 2 or net.output.shape[1] != labels[0].classes:
        raise DefinitionError(
            f"{net.title!r} gives no class scores. Name them: Network(loss, output=p), p of shape (N, 10)."
        )
    return data[0], labels[0]
