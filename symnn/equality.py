"""Equality: the verdict on a claim a = b, with what it rests on; it shows itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np

from symnn.algebra.conditions import side_conditions
from symnn.algebra.facts import Fact
from symnn.algebra.prove import Proof
from symnn.graph.flow import FlowGraph
from symnn.ground.indices import Index
from symnn.ground.template import entry_of, unfold
from symnn.ground.tree import Sym, Tree, tensors_in, walk
from symnn.show import Document, Formula, Prose, VerdictTable, html, markdown, notebook, terminal, tex
from symnn.show.latex_notation import latex
from symnn.show.letters import named
from symnn.show.text_notation import text
from symnn.verify.counterexample import Counterexample
from symnn.verify.points import ranges_of

__all__ = ["Equality"]


@dataclass(frozen=True)
class Equality:
    """What was found about a claim.

    Attributes:
        verdict: proved, probable, evaluated, refuted, undecided or not run; true as a condition only where proved.
        detail: how, or why not, in words.
        left: one side, a plain tree in the free indices.
        right: the other.
        free: the free indices.
        declared: the facts that were given.
        counterexample: where the claim fails, if it is refuted.
        proof: the proof, if there is one.
        assumed: what a proof assumes besides its side conditions.
        points: at how many points both sides were evaluated, and ``worst`` the worst relative error there.
    """

    verdict: str
    detail: str
    left: Tree
    right: Tree
    free: tuple[Index, ...] = ()
    declared: tuple[Fact, ...] = ()
    counterexample: Counterexample | None = None
    proof: Proof | None = None
    assumed: tuple[str, ...] = ()
    points: int = 0
    worst: float | None = None
    _memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.verdict == "proved"

    # -- what it rests on ------------------------------------------------------------------------------------------

    @property
    def conditions(self) -> tuple[str, ...]:
        """What a proof assumes: denominators do not vanish, what stands under a root or logarithm is positive."""
        return (*self._conditions()[1], *self.assumed)

    @property
    def known(self) -> tuple[str, ...]:
        """What a proof uses that follows from declarations: sizes of at least 1, signs."""
        return self._conditions()[0]

    @property
    def derived(self) -> tuple[str, ...]:
        """The facts that the engine derived from definitions and used in the proof."""
        used = () if self.proof is None else self.proof.facts
        return tuple(f"{fact_text(f)}, {f.source}" for f in used if f.source != "declared")

    @property
    def facts(self) -> tuple[str, ...]:
        """The declared facts, in words."""
        return tuple(fact_text(f) for f in self.declared)

    def _conditions(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self.proof is None:
            return (), ()
        if "conditions" not in self._memo:
            trees = [self.left, self.right]
            derived = (t for f in self.proof.facts if f.source != "declared" for t in tensors_in(f.left))
            for t in dict.fromkeys((*self.proof.definitions, *derived)):
                trees.append(unfold(entry_of(t, tuple(Index(i, s) for i, s in zip(_letters(t), t.shape, strict=True)))))
            found = side_conditions(*trees)
            words = [(f"{_text(c.tree)} {c.relation} 0", c.known) for c in found]
            sizes = self._sizes(trees)
            words += [
                (f"{s} >= 1", False)
                for s in ranges_of(
                    FlowGraph(tuple(dict.fromkeys(t for tree in trees for t in tensors_in(tree)))), *trees
                )
            ]
            known = ((f"{', '.join(sizes)} >= 1",) if sizes else ()) + tuple(w for w, k in words if k)
            assumed = tuple(dict.fromkeys((*(w for w, k in words if not k), *self.proof.conditions)))
            self._memo["conditions"] = (tuple(dict.fromkeys(known)), assumed)
        found_before: tuple[tuple[str, ...], tuple[str, ...]] = self._memo["conditions"]
        return found_before

    def _sizes(self, trees: list[Tree]) -> list[str]:
        shapes = [s for tree in trees for t in tensors_in(tree) for s in t.shape]
        symbols = {str(x) for s in (*shapes, *(i.size for i in self.free)) for x in s.free_symbols}
        values = {str(t.symbol) for tree in trees for t in walk(tree) if isinstance(t, Sym) and t.symbol.is_integer}
        return sorted(symbols | values)

    # -- showing ---------------------------------------------------------------------------------------------------

    def rows(self) -> list[tuple[str, str]]:
        """Return (heading, text) for everything the verdict rests on."""
        out: list[tuple[str, str]] = []
        if self.counterexample is not None:
            out.extend(_counterexample(self.counterexample))
        if self.detail:
            out.append(("how", self.detail))
        for heading, lines in (
            ("assumed", self.conditions), ("known", self.known), ("given", self.facts), ("derived", self.derived),
        ):  # fmt: skip
            out.extend((heading, line) for line in lines)
        if self.proof is not None and self.proof.opened:
            out.append(("opened", "the definitions of " + ", ".join(dict.fromkeys(self.proof.opened))))
        return out

    def document(self) -> Document:
        """Return the verdict as a page."""
        letters = named(self.left, free=self.free)
        letters = {**named(self.right, free=self.free), **letters}
        line = Formula(
            f"{latex(self.left, letters=letters)} = {latex(self.right, letters=letters)}", text=self._claim()
        )
        table = VerdictTable(("claim", "verdict"), (("for all sizes", self.verdict),))
        rest = tuple(Prose(f"{heading}: {_plain(line)}") for heading, line in self.rows())
        return Document("Claim", self.verdict, (line, table, *rest))

    def _claim(self) -> str:
        letters = {**named(self.right, free=self.free), **named(self.left, free=self.free)}
        return f"{text(self.left, letters=letters)} = {text(self.right, letters=letters)}"

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self._claim()}"]
        lines += [f"    {heading:10} {line}" for heading, line in self.rows()]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return notebook(self.document())

    def html(self) -> str:
        """Return the verdict as a self-contained page."""
        return html(self.document())

    def latex(self) -> str:
        """Return the verdict as a complete LaTeX document (amsmath only)."""
        return tex(self.document())

    def markdown(self) -> str:
        """Return the verdict as Markdown."""
        return markdown(self.document())

    def text(self) -> str:
        """Return the verdict for a terminal."""
        return terminal(self.document())


def fact_text(fact: Fact) -> str:
    """Return a fact in words."""
    letters = {**named(fact.right), **named(fact.left)}
    return f"{text(fact.left, letters=letters)} {fact.relation} {text(fact.right, letters=letters)}"


def _letters(t: Any) -> tuple[str, ...]:
    return t.letters if len(t.letters) == t.rank else tuple("ijklmnop"[: t.rank])


def _text(tree: Tree) -> str:
    return text(tree, letters=named(tree))


def _plain(line: str) -> str:
    return line.replace("$", r"\$")


def _counterexample(found: Counterexample) -> list[tuple[str, str]]:
    sizes = ", ".join(f"{s} = {_number(v)}" for s, v in found.sizes.items())
    out = [("at", sizes)] if sizes else []
    out += [("with", f"{t.name} = {_array(v)}") for t, v in found.entries.items()]
    if found.position:
        out.append(("entry", ", ".join(f"{i} = {k}" for i, k in found.position.items())))
    how = "" if found.exact else f" (rounded, worked out to {found.digits} digits)"
    out.append(("values", f"left {_number(found.left)}, right {_number(found.right)}{how}"))
    return out


def _array(value: Any) -> str:
    array = np.asarray(value)
    if not array.ndim:
        return _number(array[()])
    return "[" + ", ".join(_array(v) for v in array) + "]"


def _number(value: Any) -> str:
    if isinstance(value, int | np.integer) or type(value).__name__ in ("Fraction", "_Number"):
        return str(value)
    plain = float(value)
    return f"{plain:.10g}" if plain or not value else str(mpmath.nstr(value, 10))
