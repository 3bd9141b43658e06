"""prove_equal: whether two formulas are equal for all sizes, what that rests on, or the smallest counterexample."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from symnn.algebra.field import PRIME, NoResidue, degree_bound
from symnn.algebra.modular import Residues
from symnn.algebra.prove import CONTRADICTION, Proof
from symnn.algebra.prove import prove_equal as proof_of
from symnn.equality import Equality
from symnn.ground.errors import SymnnError, UnsupportedError
from symnn.ground.tensors import Tensor
from symnn.sides import Claim, read_claim, read_facts
from symnn.verify.counterexample import (
    Counterexample,
    compared,
    confirmed,
    extended,
    near,
    search,
    size_choices,
)
from symnn.verify.points import OutsideDomain, Point, at_points, leaf_values
from symnn.verify.question import Question

__all__ = ["prove_equal"]


def prove_equal(a: Any, b: Any, given: Any = (), *, points: int = 4, budget: int = 60_000, seed: int = 0) -> Equality:
    """Return whether ``a = b`` for all sizes, entries and free indices, where both are defined and the facts hold.

    ``prove_equal(sn.sum(w[n] * q[n, c], n, c), sn.sum(w[n], n), given=[(sn.sum(q[n, c], c), 1)])``

    Verdicts, in the order in which they are looked for:

    - refuted: there is a counterexample; the smallest one found is shown.
    - proved: equal in canonical form for all sizes, under the conditions that are listed.
    - probable: equal at random points modulo a prime, at the sizes stated; the chance of an error there is bounded.
    - evaluated: equal in value where tried, to the digits stated. No proof.
    - undecided, not run: nothing decided, or nothing ran; the reason says why.

    Args:
        a: a SymPy index expression, a Derivation, a number, a computed tensor or a function of indices.
        b: the same. An index that is free on both sides is one index; those of a derivation are matched by letter.
        given: facts that may be used: pairs (left, right), or relations such as ``q[n, c] > 0``. Each holds for all
            values of its own free indices.
        points: at how many generic points an unproved claim is evaluated.
        budget: products of the algebra that a proof may take.
        seed: of the random points.

    Raises:
        DefinitionError, ShapeError, UnsupportedError: a side or a fact is not well formed, or is text.

    >>> import symnn as sn
    >>> x, n = sn.input("x", sn.dims("N")), sn.index("n")
    >>> bool(sn.prove_equal(sn.sum((x[n] + 1) ** 2, n), sn.sum(x[n] ** 2 + 2 * x[n] + 1, n)))
    True
    >>> sn.prove_equal(sn.sum(x[n] ** 2, n), sn.sum(x[n], n) ** 2).verdict
    'refuted'
    """
    claim, facts = read_claim(a, b), read_facts(given)
    question = claim.question(facts)
    judge = _Judge(claim, tuple(f for f, _ in facts), question, seed)
    return judge.verdict(points, budget)


#: A point inside the domain, and the position at which the sides differ there in float64, if they do.
_Seen = tuple[Point, tuple[int, ...] | None]
#: Points that are tried where facts have to be solved for.
_ATTEMPTS = 3
#: Random points modulo the prime that are drawn until one lies in the domain.
_DRAWS = 12
#: Values of 30 digits that agree differ by no more than this of the larger.
_AGREED = 1e-15
#: And values below this are as good as 0: the point was looked at with more digits before.
_TINY = 1e-6


class _Judge:
    """One claim on its way to a verdict."""

    def __init__(self, claim: Claim, facts: tuple[Any, ...], question: Question, seed: int) -> None:
        self.claim, self.facts, self.question, self.seed = claim, facts, question, seed
        self.seen: list[Point] = []
        self.unsolved: dict[Any, int] = {}

    def verdict(self, points: int, budget: int) -> Equality:
        """Look for one difference, for a proof, for a small counterexample, and for agreement, in this order."""
        if self.claim.left == self.claim.right:
            return self._proved(Proof("proved"), [])
        doubt = self._generic()
        if doubt is not None:
            return self._refuted(search(self.question, seed=self.seed)[0] or doubt)
        proof = self._proof(budget)
        if proof:
            found, agreed = search(self.question, seed=self.seed, draws=1 if self.facts else 2, most_sizes=2)
            if found is not None:
                return self._refuted(found, "the algebra proved the claim, and the interpreter refutes it")
            return self._proved(proof, agreed)
        if proof.reason == CONTRADICTION:
            return self._equality("undecided", proof.reason)
        found, _ = search(self.question, seed=self.seed)
        if found is not None:
            return self._refuted(found)
        return self._unproved(proof, points)

    def _equality(self, verdict: str, detail: str, **more: Any) -> Equality:
        return Equality(verdict, detail, self.claim.left, self.claim.right, self.claim.free, self.facts, **more)

    def _refuted(self, found: Counterexample, detail: str = "") -> Equality:
        return self._equality("refuted", detail, counterexample=found)

    def _proof(self, budget: int) -> Proof:
        try:
            return proof_of(self.claim.left, self.claim.right, facts=self.facts, derive=True, budget=budget)
        except UnsupportedError as error:
            return Proof("undecided", reason=f"outside the algebra: {error}")
        except RecursionError:
            return Proof("undecided", reason="the formula is nested too deeply for the algebra")

    def _proved(self, proof: Proof, agreed: list[dict[Any, Any]]) -> Equality:
        how = "equal in canonical form for all sizes"
        if self.seen:  # at generic sizes
            return self._equality("proved", how, proof=proof, assumed=self._unsolved([p.sizes for p in self.seen]))
        agreed = agreed or search(self.question, seed=self.seed + 1)[1]
        if agreed:
            return self._equality("proved", how, proof=proof, assumed=self._unsolved(agreed))
        if self.facts:
            why = "it follows from the facts, but they were not seen to hold together at any point"
            return self._equality("undecided", why)
        return self._equality("proved", f"{how}; no point was found at which both sides are defined", proof=proof)

    def _unsolved(self, solved: list[dict[Any, Any]]) -> tuple[str, ...]:
        """Say so where the facts were not seen to hold together at some sizes: they may not, and then say nothing."""
        if not self.unsolved:
            return ()
        at = _sizes_text(self._only_sizes(solved[0]))
        return (f"the facts hold together: seen at {at}, no point was found at {_sizes_text(self.unsolved)}",)

    def _only_sizes(self, sizes: dict[Any, Any]) -> dict[Any, int]:
        return {s: v for s, v in sizes.items() if s in self.question.symbols.sizes}

    # -- points ----------------------------------------------------------------------------------------------------

    def _generic(self) -> Counterexample | None:
        """Return a difference at one generic point in float64, or None; what agrees is remembered."""
        for point, spot in self._points(1, 3):
            if spot is not None:
                return confirmed(self.question, point)
            self.seen.append(point)
        return None

    def _points(self, count: int, largest: int = 4) -> list[_Seen]:
        """Return generic points inside the domain at which the facts hold, and where the sides differ there."""
        if self.facts:
            return self._given_points(count)

        def use(point: Point) -> _Seen:
            spot = compared(self.question, point)
            if isinstance(spot, str):
                raise ValueError("both sides are defined at none of the points drawn")
            return point, spot

        try:
            graph, symbols = self.question.graph, self.question.symbols
            return list(at_points(graph, symbols, count, use, seed=self.seed, hazards=(), largest=largest))
        except (OutsideDomain, SymnnError, IndexError):
            return []

    def _given_points(self, count: int) -> list[_Seen]:
        """Return generic points at which the facts hold, sizes pairwise different or all alike."""
        rng = np.random.default_rng(self.seed)
        out: list[_Seen] = []
        symbols = self.question.symbols
        for attempt in range(_ATTEMPTS + count):
            alike = attempt % 2 == 1
            sizes: dict[Any, Any] = {s: 2 if alike else 2 + k for k, s in enumerate(symbols.sizes)}
            if not (self.question.tied(sizes) and self.question.inhabited(sizes)):
                choices = list(size_choices(self.question, 6))
                if not choices:
                    continue
                sizes = dict(choices[(attempt + 1) % len(choices)])
            sizes |= {s: Fraction(int(rng.integers(1, 9)), 4) for s in symbols.scalars}
            start = leaf_values(self.question.graph, sizes, rng, "positive" if attempt % 3 == 2 else "normal")
            point = near(self.question, Point(sizes, {t: _coarse(t, v) for t, v in start.items()}), rng)
            spot = "outside" if point is None else compared(self.question, point)
            if point is not None and not isinstance(spot, str):
                out.append((point, spot))
                self.unsolved = {} if self.unsolved == self._only_sizes(sizes) else self.unsolved
            elif not alike and symbols.sizes:
                self.unsolved = self._only_sizes(sizes)
            if len(out) == count:
                break
        return out

    def _unproved(self, proof: Proof, points: int) -> Equality:
        worst, digits, count = 0.0, 30, 0
        for point, _ in self._points(points):
            found = confirmed(self.question, point)
            if found is not None:
                return self._refuted(found)
            try:
                left, right = self.question.values(extended(point, digits))
            except (SymnnError, ArithmeticError, ValueError, IndexError):
                continue
            count += 1
            for u, v in zip(np.asarray(left).flat, np.asarray(right).flat, strict=True):
                worst = max(worst, float(abs(u - v) / max(_TINY, abs(u), abs(v))))
        if worst > _AGREED:
            return self._equality("undecided", f"no proof: {proof.reason}; and the values found are not real")
        if not count:
            why = f"no proof: {proof.reason}; and no generic point was found at which "
            why += "the facts hold and both sides are defined" if self.facts else "both sides are defined"
            ran = not proof.reason.startswith("outside the algebra")
            return self._equality("undecided" if ran else "not run", why)
        values = f"agrees in value at {count} points to {digits} digits, worst relative error {worst:.0e}"
        why = f"no proof: {proof.reason}"
        bound = self._modular() if not self.facts and not self.question.pending else None
        if bound is None:
            return self._equality("evaluated", f"{values}; {why}", points=count, worst=worst)
        return self._equality("probable", f"{bound}; {values}; {why}", points=count, worst=worst)

    def _modular(self) -> str | None:
        """Return in words how both sides agree at random points modulo the prime, or None where that says nothing."""
        sizes = [s for s in size_choices(self.question, 24) if _spread(s)][:3]
        worst = 0.0
        for number, chosen in enumerate(sizes):
            degree = self._agrees(chosen, self.seed + 100 * number)
            if degree is None:
                return None
            worst = max(worst, degree / PRIME)
        if not worst:  # numbers only: nothing was drawn at random
            return None
        at = "; ".join(", ".join(f"{k}={v}" for k, v in s.items()) for s in sizes)
        where = f" at {at}" if at else ""
        if any(t.classes is not None for t in self.question.leaves):
            where += ", with labels as drawn"
        return (
            f"equal at random points modulo a prime of 61 bits{where}; wrong with a chance of at most {worst:.0e} each"
        )

    def _agrees(self, sizes: dict[Any, int], seed: int) -> int | None:
        """Return a bound of the number of wrong points, over all attempts, or None where the sides do not agree."""
        for attempt in range(_DRAWS):
            field = Residues(sizes, seed + attempt)
            lengths = [field.size(i) for i in self.claim.free]
            degree = 0
            try:
                for at in np.ndindex(*lengths):
                    spot = dict(zip(self.claim.free, (int(k) for k in at), strict=True))
                    left, right = field.value(self.claim.left, spot), field.value(self.claim.right, spot)
                    if left.residue != right.residue:
                        return None
                    degree = max(degree, degree_bound(left, right))
            except NoResidue as reason:
                if not reason.again:
                    return None
                continue
            except (RecursionError, KeyError):
                return None
            # Squares are half of the residues, and an attempt that is given up leaves another one to be wrong.
            return 2 * _DRAWS * field.roots * degree
        return None


def _sizes_text(sizes: dict[Any, Any]) -> str:
    return ", ".join(f"{s} = {v}" for s, v in sizes.items()) or "one point"


def _coarse(t: Tensor, value: Any) -> Any:
    """Return generic values as short rationals, so that facts may be solved exactly."""
    if t.classes is not None:
        return value
    out = np.empty(np.shape(value), dtype=object)
    for at in np.ndindex(*out.shape):
        out[at] = Fraction(round(float(value[at]) * 64) or 1, 64)
    return out


def _spread(sizes: dict[Any, int]) -> bool:
    """Tell whether sizes are all 1 or hold something from 2 on in every place."""
    return len(set(sizes.values())) == len(sizes) or min(sizes.values(), default=2) >= 2
