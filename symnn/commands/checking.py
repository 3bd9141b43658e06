"""The command check: the gradients of a network, or somebody's claims about gradients."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from symnn.commands.claims import Claim, claims_of, judged
from symnn.commands.opening import open_formula, open_network
from symnn.derivation import Derivation
from symnn.ground.errors import DefinitionError, UnknownNameError
from symnn.judge.candidate import latex
from symnn.judge.judge import check_gradient, check_gradients
from symnn.judge.judgement import Judgement
from symnn.judge.judgements import Judgements
from symnn.network import Network
from symnn.show import Document, Formula, VerdictTable, terminal

__all__ = ["check"]


def check(chosen: argparse.Namespace) -> int:
    """Judge claims, or print how far each gradient of a network is proved; 0 only if everything holds."""
    given = [chosen.forward, chosen.candidate, chosen.latex]
    if chosen.target is None and not any(given):
        raise DefinitionError("check needs a file or an example, or --forward, --wrt and --candidate.")
    if chosen.target is not None and any(given):
        raise DefinitionError("Give either a file or an example, or --forward, --wrt and --candidate; not both.")
    if chosen.target is None:
        return _shown(chosen, [("", _one(chosen))])
    if chosen.target.endswith(".toml"):
        if chosen.shape:
            raise DefinitionError('--shape belongs to --forward. In a file of claims write shapes = { X = "N,D" }.')
        claims = _asked(chosen, claims_of(Path(chosen.target)))
        return _shown(chosen, [(c.name, j) for c, j in judged(claims, seed=chosen.seed)])
    return _network(chosen)


def _asked(chosen: argparse.Namespace, claims: list[Claim]) -> list[Claim]:
    """Return the claims that --wrt names, all without it."""
    for name in chosen.wrt or ():
        if name not in [c.wrt for c in claims]:
            raise UnknownNameError(name, list(dict.fromkeys(c.wrt for c in claims)), "claim")
    return [c for c in claims if not chosen.wrt or c.wrt in chosen.wrt]


def _one(chosen: argparse.Namespace) -> Judgement:
    """Return the judgement on the formula of the command line."""
    if not chosen.forward or not chosen.wrt or len(chosen.wrt) != 1:
        raise DefinitionError("check judges one gradient without a file: --forward FORMULA --wrt NAME --candidate ...")
    if bool(chosen.candidate) == bool(chosen.latex):
        raise DefinitionError("Give the gradient once, as --candidate FORMULA or as --latex FORMULA.")
    asked = open_formula(chosen.forward, chosen.wrt, chosen.shape)
    candidate = chosen.candidate or latex(chosen.latex)
    return check_gradient(asked.judged, chosen.wrt[0], candidate, seed=chosen.seed)


def _shown(chosen: argparse.Namespace, found: list[tuple[str, Judgement]]) -> int:
    """Print judgements, as a table with what is wrong below where there are several; 0 only if all are right."""
    if chosen.without_answer:
        found = [(name, j.without_answer(chosen.without_answer)) for name, j in found]
    if chosen.json:
        print(json.dumps([{**({"name": name} if name else {}), **j.record()} for name, j in found], indent=2))
    elif len(found) == 1 and not found[0][0]:
        print(found[0][1])
    else:
        named = _named_apart([name for name, _ in found])
        print(Judgements(dict(zip(named, (j for _, j in found), strict=True)), "claims"))
    return 0 if found and all(j for _, j in found) else 1


def _named_apart(names: list[str]) -> list[str]:
    """Return the names with a number behind those that occur twice."""
    return [n if names.count(n) == 1 else f"{n} ({k})" for k, n in enumerate(names, 1)]


def _network(chosen: argparse.Namespace) -> int:
    opened = open_network(chosen.target)
    if opened.claims is not None:
        if not opened.claims:
            raise DefinitionError(f"{chosen.target} defines claims, and there is none in it: claims = {{'W': ...}}.")
        found = check_gradients(opened.net, opened.claims, chosen.wrt or (), seed=chosen.seed)
        return _shown(chosen, list(found.items()))
    if chosen.without_answer:
        raise DefinitionError("--without-answer is for claims; without claims there is nothing but answers to show.")
    net = opened.net
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
