"""The demo, run by ``make demo``: derive, prove, draw, compile and train a 64-32-16-10 network on digits."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from symnn.derivation import Derivation
from symnn.examples import digits as digits_network
from symnn.ground.define import define
from symnn.ground.files import write_whole
from symnn.ground.functions import indicator, sum_over
from symnn.ground.indices import indices
from symnn.ground.tensors import Tensor
from symnn.network import Network
from symnn.pages import backward_blocks, forward_blocks, result_table
from symnn.show import Code, Document, Fold, Heading, Picture, Prose, Table, VerdictTable, html, tex
from symnn.show.picture import save as save_picture
from symnn.train.data import Split
from symnn.train.data import digits as digits_data
from symnn.train.loop import train
from symnn.train.optimisers import SGD
from symnn.verify.differences import difference_check
from symnn.verify.lines import evaluate_pair
from symnn.verify.record import Check

__all__ = ["lecture_claims", "main", "run"]

SIZES = {"D": 64, "H1": 32, "H2": 16, "C": 10}
SEEDS = (0, 1, 2, 3, 4)
EPOCHS, BATCH, RATE, MOMENTUM = 60, 64, 0.1, 0.9
CHECK_ROWS = 24


def lecture_claims(net: Network) -> dict[str, Tensor]:
    """Return the lecture's formulas, typed by hand as claims for the engine's results to be compared with.

    delta^(3) = (p - e(t))/N, delta^(k) = (W^(k+1)T delta^(k+1)) (.) 1[a^(k) > 0], grad W^(k) = delta^(k) h^(k-1)T,
    grad b^(k) = delta^(k), a batch being summed over.
    """
    n, i, j, k, c = indices("n i j k c")
    x, p, t = net["x"], net["p"], net["t"]
    a = {layer: net[f"a{layer}"] for layer in (1, 2)}
    h = {0: x, 1: net["h1"], 2: net["h2"]}
    W = {layer: net[f"W{layer}"] for layer in (2, 3)}
    batch = x.shape[0]
    delta = {3: define("claimed_delta3", (n, c), (p[n, c] - sympy.KroneckerDelta(c, t[n])) / batch)}
    for layer in (2, 1):
        back = sum_over(W[layer + 1][k, i] * delta[layer + 1][n, k], k)
        delta[layer] = define(f"claimed_delta{layer}", (n, i), back * indicator(a[layer][n, i] > 0))
    claims = {}
    for layer in (1, 2, 3):
        claims[f"W{layer}"] = define(f"claimed_W{layer}", (i, j), sum_over(delta[layer][n, i] * h[layer - 1][n, j], n))
        claims[f"b{layer}"] = define(f"claimed_b{layer}", (i,), sum_over(delta[layer][n, i], n))
    return claims


def _check(
    net: Network, derivations: dict[str, Derivation], claims: dict[str, Tensor], data: Split
) -> dict[str, dict[str, Check]]:
    """Return for every parameter the checks of its gradient: lines, claim, values, differences, compiled code."""
    adjoints = net.adjoints()
    pairs = [(net[name], adjoints.of[net[name]]) for name in derivations]
    differences = difference_check(net.loss, pairs, count=3)
    params, batch = _point(net, data)
    compiled = net.check_compiled(params, batch)
    out: dict[str, dict[str, Check]] = {}
    for name, d in derivations.items():
        verdict = d.check(claims[name], evaluate=False, differences=False)
        out[name] = {
            "lines": verdict.checks["lines"],
            "claim": verdict.checks["claim"],
            "evaluated": evaluate_pair(d.question(), d.as_tree(claims[name]), count=3, digits=50),
            "differenced": differences[net[name]],
            "compiled": compiled[name],
        }
    return out


def _point(net: Network, data: Split) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return parameters and a batch of digits at the demo's sizes, no unit within reach of its kink."""
    params = net.init(SIZES, seed=99)
    rng = np.random.default_rng(7)
    for name, value in params.items():
        if value.ndim == 1:
            params[name] = 0.1 * rng.standard_normal(value.shape)
    rows = slice(0, CHECK_ROWS)
    batch = {k: v[rows] for k, v in data.train.items()}
    return net.away_from_kinks(params, batch, margin=5e-4), batch


def _median(scores: list[float]) -> float:
    return float(np.median(scores))


def _accuracy(net: Network, params: dict[str, Any], part: dict[str, Any]) -> float:
    p = net.predict({"x": part["x"]}, params)
    return float(np.mean(np.argmax(p, axis=1) == part["t"]))


def _train(net: Network, data: Split, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Train from several initialisations; return seed, losses, train and test accuracy of each."""
    f = net.compile()
    runs = []
    for seed in seeds:
        params = net.init(SIZES, seed=seed)
        done = train(
            lambda p, b: f(p, b, check=False), params, data.train, epochs=EPOCHS, batch=BATCH,
            optimiser=SGD(RATE, MOMENTUM), seed=seed,
        )  # fmt: skip
        runs.append(
            {
                "seed": seed,
                "losses": list(done.losses),
                "train": _accuracy(net, done.params, data.train),
                "test": _accuracy(net, done.params, data.test),
            }
        )
    return runs


def _mark(check: Check) -> str:
    if check.verdict in ("evaluated", "differenced"):
        return f"{check.worst:.0e}"
    return {"proved": "yes"}.get(check.verdict, check.verdict)


_CHECKS = ("proved", "evaluated", "differenced", "compiled")


def _marks(checks: dict[str, Check]) -> tuple[str, ...]:
    """Return how one gradient fared in each of the four columns."""
    lines, claim = checks["lines"].verdict, checks["claim"].verdict
    both = "yes" if lines == claim == "proved" else f"{lines}/{claim}"
    return (both, *(_mark(checks[name]) for name in _CHECKS[1:]))


def _table(derivations: dict[str, Derivation], checks: dict[str, dict[str, Check]]) -> Table:
    """Return the gradients as text with their checks, for a terminal."""
    rows = tuple((name, d.matrix, *_marks(checks[name])) for name, d in derivations.items())
    return Table(("", "gradient of the loss", *_CHECKS), rows)


def _results(derivations: dict[str, Derivation], checks: dict[str, dict[str, Check]]) -> Table:
    """Return the checks of every gradient, for a page that has the gradients themselves typeset above."""
    rows = tuple((f"${d.whole_latex()}$", *_marks(checks[name])) for name, d in derivations.items())
    return Table(("", *_CHECKS), rows)


def _plain_table(table: Table) -> str:
    widths = [max(len(r[k]) for r in (table.header, *table.rows)) for k in range(len(table.header))]
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip()
        for r in (table.header, *table.rows)
    ]
    return "\n".join(lines)


def _document(
    net: Network, derivations: dict[str, Derivation], checks: dict[str, dict[str, Check]], runs: list[dict[str, Any]]
) -> Document:
    scores = sorted(r["test"] for r in runs)
    detail = tuple((name, kind, c.verdict, c.detail) for name, by_kind in checks.items() for kind, c in by_kind.items())
    accuracy = Table(
        ("seed", "train accuracy", "test accuracy"),
        tuple((str(r["seed"]), f"{r['train']:.3f}", f"{r['test']:.3f}") for r in runs),
    )
    blocks = (
        Prose(
            "A ReLU network with softmax cross-entropy. Only its forward pass was typed in, with the batch $N$ and the "
            "widths $D, H_1, H_2, C$ as symbols. The gradients below were derived from it line by line."
        ),
        *forward_blocks(net),
        Picture(net.draw(), "The forward pass."),
        Heading("The gradients", 1),
        result_table(derivations),
        Heading("Checked", 1),
        Prose(
            "Proved: every line equals the one before, and the result equals the lecture's formula typed separately, "
            "for all sizes. Evaluated: the lecture's formula against complex steps of the interpreted loss, 50 digits, "
            "small sizes. Differenced: against central differences "
            "of the interpreted loss; compiled: of the generated NumPy code at 64-32-16-10."
        ),
        _results(derivations, checks),
        Fold("Every check", (VerdictTable(("parameter", "check", "verdict", "how"), detail),)),
        *backward_blocks(net),
        Picture(net.draw(backward=True), "Forward and backward pass."),
        Heading("Trained", 1),
        Prose(
            f"{EPOCHS} epochs on 1437 digits, tested on 360, from {len(runs)} initialisations: "
            f"median {_median(scores):.3f}, from {scores[0]:.3f} to {scores[-1]:.3f}."
        ),
        accuracy,
        Fold("The generated program", (Code(net.compile().source),)),
    )
    return Document("A network derived, proved, drawn and trained", "64-32-16-10, ReLU, softmax cross-entropy", blocks)


def run(out: Path, *, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """Run the demo into a folder and return its report."""
    out.mkdir(parents=True, exist_ok=True)
    net = digits_network()
    data = digits_data()
    print("deriving the gradient of the loss by every parameter, sizes as symbols ...", flush=True)
    derivations = net.gradients()
    print("checking every line, the lecture's formulas, values, differences, compiled code ...", flush=True)
    checks = _check(net, derivations, lecture_claims(net), data)
    print(f"training {len(seeds)} times on the digits with the compiled program ...", flush=True)
    runs = _train(net, data, seeds)
    document = _document(net, derivations, checks, runs)
    write_whole(out / "index.html", html(document))
    write_whole(out / "derivation.tex", tex(document))
    save_picture(net.scene(), out / "forward.svg")
    save_picture(net.scene(backward=True), out / "backward.svg")
    report = {
        "test_accuracy": [r["test"] for r in runs],
        "train_accuracy": [r["train"] for r in runs],
        "median_test_accuracy": _median([r["test"] for r in runs]),
        "parameters": [
            {
                "name": name,
                "matrix": d.matrix,
                "latex": d.matrix_latex,
                "where": d.definitions(),
                "verdicts": {kind: c.verdict for kind, c in checks[name].items()},
                "errors": {kind: c.worst for kind, c in checks[name].items() if c.worst is not None},
            }
            for name, d in derivations.items()
        ],
    }
    write_whole(out / "report.json", json.dumps(report, indent=1))
    _print(out, derivations, checks, runs)
    return report


def _print(
    out: Path, derivations: dict[str, Derivation], checks: dict[str, dict[str, Check]], runs: list[dict[str, Any]]
) -> None:
    print("\ngradient of the loss, N examples, widths D H1 H2 C")
    print(_plain_table(_table(derivations, checks)))
    where: dict[str, str] = {}
    for d in derivations.values():
        where.update(d.definitions())
    for name, value in where.items():
        print(f"  {name} = {value}")
    tests = sorted(r["test"] for r in runs)
    trains = [r["train"] for r in runs]
    print(
        f"\ntrained {EPOCHS} epochs on 1437 digits: train accuracy {_median(trains):.3f}; tested on 360: "
        f"{_median(tests):.3f} ({len(runs)} runs: {tests[0]:.3f} ... {tests[-1]:.3f})"
    )
    print(f"open {out / 'index.html'}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo from the shell; exit status 1 if a check does not hold."""
    parser = argparse.ArgumentParser(prog="python -m symnn.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="folder to write to")
    parser.add_argument("--seeds", type=_count, default=len(SEEDS), help="how many initialisations to train")
    options = parser.parse_args(arguments)
    report = run(options.out, seeds=tuple(range(options.seeds)))
    held = all(
        v in ("proved", "evaluated", "differenced") for p in report["parameters"] for v in p["verdicts"].values()
    )
    if not held:
        print("a check does not hold: see report.json", file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
