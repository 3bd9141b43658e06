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
from symnn.ground.tree import Tree, free_indices, tensors_in
from symnn.show.text_notation import text
from symnn.verify.points import OutsideDomain, Point, at_points, symbols_of
from symnn.verify.record import Check

__all__ = ["check_equal", "check_lines", "evaluate_pair"]


def check_lines(steps: Sequence[Step], *, evaluate: bool = False, source: Derived | None = None) -> list[Check]:
    """Return one check per line; the first line is the question and needs none.

    A line that still carries a derivative is compared through the algebra's own differentiation of canonical terms,
    a path that shares no rule with the small steps. With ``source``, the same lines over formal sizes, values are
    taken there: an actual size may be a large number.
    """
    out = [Check("", "the question")]
    for n, (before, after) in enumerate(zip(steps, steps[1:], strict=False), start=1):
        if source is None:
            out.append(check_equal(before.tree, after.tree, evaluate=evaluate))
            continue
        check = prove_line(before.tree, after.tree)
        if check is None:
            check = memoised(source, evaluate=True)[n]
        elif evaluate:
            check = _with_values(check, memoised(source, evaluate=True)[n])
        out.append(check)
    return out


def prove_line(left: Tree, right: Tree) -> Check | None:
    """Return the proof that two lines are equal as a check, or None where there is none."""
    proof = prove_equal(left, right)
    if not proof:
        return None
    used = _conditions(left, right, proof.conditions)
    opened = f"; definitions opened: {', '.join(dict.fromkeys(proof.opened))}" if proof.opened else ""
    return Check("proved", f"equal in canonical form for all sizes{used}{opened}")


def _with_values(check: Check, seen: Check) -> Check:
    """Return a proof with what the interpreter found for the same line."""
    if seen.verdict == "refuted":
        return seen
    found = seen.detail.split("; ")[-1]
    return Check(check.verdict, f"{check.detail}; {found}", seen.worst, seen.points)


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
        seen = evaluate_pair(left, right, says=says, positions=_MANY, count=4)
        if seen.verdict == "refuted":
            return seen
    check = prove_line(left, right)
    if check is not None:
        if not evaluate:
            return check
        seen = evaluate_pair(left, right, says=says)
        if seen.verdict == "refuted":
            return Check("refuted", f"the algebra and the interpreter disagree: {seen.detail}", seen.worst)
        return Check("proved", f"{check.detail}; {seen.detail}", seen.worst, seen.points)
    seen = evaluate_pair(left, right, says=says, positions=_MANY, count=4)
    if seen.verdict == "evaluated":
        return Check("evaluated", f"not proved, the canonical forms differ; {seen.detail}", seen.worst, seen.points)
    return seen


def _conditions(left: Tree, right: Tree, proof: tuple[str, ...]) -> str:
    """Return the side conditions of a proof in words: what is known to be positive, and what is assumed.

    ``proof`` holds what the zero test itself assumed.
    """
    found = side_conditions(left, right)
    known = dict.fromkeys(f"{text(c.tree)} {c.relation} 0" for c in found if c.known)
    assumed = dict.fromkeys((*(f"{text(c.tree)} {c.relation} 0" for c in found if not c.known), *proof))
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
    rng = np.random.default_rng(seed)
    expressions = to_sympy(left), to_sympy(right)

    def use(point: Point) -> tuple[float, str]:
        """Return the worst error at a point, and where the two differ if they do."""
        machine, worst = point.interpreter(digits), 0.0
        for at in _positions(free, machine, rng, positions):
            a, b = (_real(machine.value(e, dict(at))) for e in expressions)
            error = abs(a - b) / max(1e-3, abs(a), abs(b))
            if not error < 10.0 ** (-digits / 2):
                spot = ", ".join(f"{i.letter}={v}" for i, v in at.items())
                return float(error), f"{point.where()}{'; ' if spot else ''}{spot}: {says.format(float(a), float(b))}"
            worst = max(worst, float(error))
        return worst, ""

    worst = 0.0
    try:
        symbols = symbols_of(graph, left, right)
        for error, spot in at_points(graph, symbols, count, use, seed=seed):
            if spot:
                return Check("refuted", f"at {spot}", error)
            worst = max(worst, error)
    except OutsideDomain as reason:
        return Check("not run", f"no point inside the domain was found: {reason}")
    except (SymnnError, IndexError) as error_:
        return Check("not run", f"the interpreter could not evaluate it: {error_}")
    return Check("evaluated", f"evaluated at {count} points, {digits} digits, worst {worst:.0e}", worst, count)


def _real(value: Any) -> Any:
    """Return a real value; a complex one means that the point lies outside the domain."""
    if getattr(value, "imag", 0) != 0:
        raise ValueError(f"the value {complex(value):.3g} is not real")
    return value.real if hasattr(value, "real") else value


def _positions(
    free: tuple[Index, ...], machine: Interpreter, rng: np.random.Generator, most: int
) -> list[dict[Index, int]]:
    """Return every position of the free indices, or ``most`` random ones where there are more."""
    lengths = [size_value(i.size, machine.sizes) for i in free]
    if prod(lengths) <= most:
        return [dict(zip(free, at, strict=True)) for at in np.ndindex(*lengths)]
    return [{i: int(rng.integers(0, n)) for i, n in zip(free, lengths, strict=True)} for _ in range(most)]
