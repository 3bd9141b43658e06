"""Check the lines of a derivation: each proved equal to the one before, and evaluated by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from symnn.algebra.conditions import side_conditions
from symnn.algebra.prove import prove_equal
from symnn.derive.steps import Derived, Step
from symnn.graph.flow import FlowGraph
from symnn.graph.interpreter import Interpreter, size_value
from symnn.ground.errors import SymnnError
from symnn.ground.indices import Index
from symnn.ground.sympy_border import to_sympy
from symnn.ground.tree import Sym, Tree, free_indices, tensors_in, walk
from symnn.show.text_notation import text
from symnn.verify.points import Point, kinks, leaf_values, nearest_kink, scalar_symbols, size_symbols
from symnn.verify.record import Check

__all__ = ["check_equal", "check_lines", "evaluate_pair"]


def check_lines(steps: Sequence[Step], *, evaluate: bool = False) -> list[Check]:
    """Return one check per line; the first line is the question and needs none.

    A line that still carries a derivative is compared through the algebra's own differentiation of canonical terms,
    a path that shares no rule with the small steps.
    """
    out = [Check("", "the question")]
    for before, after in zip(steps, steps[1:], strict=False):
        out.append(check_equal(before.tree, after.tree, evaluate=evaluate))
    return out


def memoised(derived: Derived, *, evaluate: bool = False) -> list[Check]:
    """Return the checks of a derivation's lines, worked out once."""
    key = "_checks_evaluated" if evaluate else "_checks"
    found: list[Check] | None = derived.__dict__.get(key)
    if found is None:
        found = derived.__dict__[key] = check_lines(derived.steps, evaluate=evaluate)
    return found


#: Entries looked at where there is no proof: a wrong claim may be wrong in one entry only.
_MANY = 64
_AGAINST = "{:.6g} against {:.6g}"


def check_equal(
    left: Tree, right: Tree, *, evaluate: bool = False, doubted: bool = False, says: str = _AGAINST
) -> Check:
    """Return whether two formulas are proved equal, else how they compare in value; a refutation names the point.

    Args:
        left: what is expected.
        right: what is claimed.
        evaluate: evaluate even where there is a proof.
        doubted: look for a counterexample before looking for a proof, which may be long where there is none.
        says: how a counterexample words the two values.
    """
    if doubted:
        seen = evaluate_pair(left, right, says=says, positions=_MANY)
        if seen.verdict == "refuted":
            return seen
    proof = prove_equal(left, right)
    if proof:
        used = _conditions(left, right)
        opened = f"; definitions opened: {', '.join(dict.fromkeys(proof.opened))}" if proof.opened else ""
        check = Check("proved", f"equal in canonical form for all sizes{used}{opened}")
        if not evaluate:
            return check
        seen = evaluate_pair(left, right, says=says)
        if seen.verdict == "refuted":
            return Check("refuted", f"the algebra and the interpreter disagree: {seen.detail}", seen.worst)
        return Check("proved", f"{check.detail}; {seen.detail}", seen.worst, seen.points)
    seen = evaluate_pair(left, right, says=says, positions=_MANY)
    if seen.verdict == "evaluated":
        return Check("evaluated", f"not proved ({proof.reason}); {seen.detail}", seen.worst, seen.points)
    return seen


def _conditions(left: Tree, right: Tree) -> str:
    """Return the side conditions of a proof in words: what is known to be positive, and what is assumed."""
    found = side_conditions(left, right)
    known = [f"{text(c.tree)} {c.relation} 0" for c in found if c.known]
    assumed = [f"{text(c.tree)} {c.relation} 0" for c in found if not c.known]
    out = f"; used {', '.join(known)}" if known else ""
    return out + (f"; assumed {', '.join(assumed)}" if assumed else "")


def evaluate_pair(
    left: Tree,
    right: Tree,
    *,
    count: int = 2,
    digits: int = 30,
    seed: int = 1,
    says: str = _AGAINST,
    positions: int = 4,
) -> Check:
    """Return how two formulas compare at random points by the interpreter in extended precision.

    Pending derivatives are taken by complex steps of the interpreter. At each point ``positions`` entries are looked
    at, every one where there are no more than that.
    """
    graph = FlowGraph(tensors_in(left) + tensors_in(right))
    free = tuple(dict.fromkeys((*free_indices(left), *free_indices(right))))
    symbols = tuple(dict.fromkeys((*size_symbols(graph.order), *(s for i in free for s in _symbols(i)))))
    scalars = _scalars(left, right, graph, symbols)
    rng = np.random.default_rng(seed)
    worst = 0.0
    expressions = to_sympy(left), to_sympy(right)
    hazards = kinks(graph)
    try:
        for n in range(count):
            pool = rng.permutation(np.arange(2, 2 + max(len(symbols), 3)))[: len(symbols)]
            sizes: dict[Any, Any] = dict(zip(symbols, pool.tolist(), strict=True))
            if n % 3 == 2:
                sizes = {s: 1 for s in symbols}
            sizes |= {s: 0.2 + float(rng.random()) for s in scalars}
            point = Point(sizes, leaf_values(graph, sizes, rng))
            for _ in range(40):
                if nearest_kink(hazards, point) > 1e-3:
                    break
                point = Point(sizes, leaf_values(graph, sizes, rng))
            machine = point.interpreter(digits)
            for at in _positions(free, machine, rng, positions):
                a, b = (machine.value(e, dict(at)) for e in expressions)
                scale = max(1e-3, abs(float(a)), abs(float(b)))
                error = float(abs(a - b)) / scale
                if not error < 10.0 ** (-digits / 2):
                    where = ", ".join(f"{s}={v}" for s, v in sizes.items())
                    spot = ", ".join(f"{i.letter}={v}" for i, v in at.items())
                    values = says.format(float(a), float(b))
                    return Check("refuted", f"at {where}{'; ' + spot if spot else ''}: {values}")
                worst = max(worst, error)
    except (SymnnError, ArithmeticError, IndexError, ValueError) as error:
        return Check("not run", f"the interpreter could not evaluate it: {error}")
    return Check("evaluated", f"evaluated at {count} points, {digits} digits, worst {worst:.0e}", worst, count)


def _symbols(i: Index) -> tuple[Any, ...]:
    return tuple(sorted(i.size.free_symbols, key=str)) if i.size is not None else ()


def _scalars(left: Tree, right: Tree, graph: FlowGraph, symbols: tuple[Any, ...]) -> tuple[Any, ...]:
    found = {t.symbol: None for tree in (left, right) for t in walk(tree) if isinstance(t, Sym)}
    found |= dict.fromkeys(scalar_symbols(graph))
    return tuple(s for s in found if s not in symbols)


def _positions(
    free: tuple[Index, ...], machine: Interpreter, rng: np.random.Generator, most: int
) -> list[dict[Index, int]]:
    """Return every position of the free indices, or ``most`` random ones where there are more."""
    lengths = [size_value(i.size, machine.sizes) for i in free]
    if prod(lengths) <= most:
        return [dict(zip(free, at, strict=True)) for at in np.ndindex(*lengths)]
    return [{i: int(rng.integers(0, n)) for i, n in zip(free, lengths, strict=True)} for _ in range(most)]
