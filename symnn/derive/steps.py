"""Steps: the record of what was done; each line keeps its formula, the rules that led to it, and how it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symnn.ground.tree import Tree

__all__ = ["Derived", "Step", "renamed"]


@dataclass(frozen=True)
class Step:
    """One line of a derivation: the formula after applying the rules to the line before.

    Attributes:
        tree: the formula.
        rules: names of the rules applied, in order; empty for the first line.
    """

    tree: Tree
    rules: tuple[str, ...] = ()


@dataclass
class Derived:
    """A formula and the lines that led to it; the first line is the question."""

    steps: list[Step] = field(default_factory=list)

    @property
    def result(self) -> Tree:
        """The last line."""
        return self.steps[-1].tree

    def then(self, tree: Tree, *rules: str) -> None:
        """Record a line, unless it reads the same as the one before."""
        if not self.steps or tree != self.steps[-1].tree:
            self.steps.append(Step(tree, _distinct(rules)))
        elif rules:
            last = self.steps[-1]
            self.steps[-1] = Step(last.tree, _distinct((*last.rules, *rules)))


#: Rules that end in the name of a tensor.
_ABOUT = ("definition of", "fold", "insert", "known sum of")


def renamed(rule: str, names: Mapping[str, str]) -> str:
    """Return a rule's name with the tensor at its end replaced, for lines carried over to other tensors."""
    head, _, last = rule.rpartition(" ")
    return f"{head} {names[last]}" if head in _ABOUT and last in names else rule


def _distinct(rules: tuple[str, ...]) -> tuple[str, ...]:
    """Return rule names once each, without those that another one already says."""
    once = tuple(dict.fromkeys(rules))

    def said(rule: str) -> bool:
        parts = set(rule.split("; "))
        return any(o == f"{rule}, two cases" or parts < set(o.split("; ")) for o in once if o != rule)

    return tuple(r for r in once if not said(r))
