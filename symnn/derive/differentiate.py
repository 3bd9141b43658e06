"""Differentiate by small steps: each line applies one rule to every pending derivative, and keeps the record."""

from __future__ import annotations

from symnn.algebra.compact import cost
from symnn.derive.rules import ADMINISTRATIVE, CLOSING, SUBSTANTIVE, Rule, first_rule
from symnn.derive.steps import Derived
from symnn.derive.tidy import clean, contract
from symnn.ground.errors import UnsupportedError
from symnn.ground.substitute import fresh
from symnn.ground.tree import D, Tree, children, rebuild, walk

__all__ = ["differentiate"]

_LONGEST = 200


def differentiate(question: Tree, *, record: Derived | None = None) -> Derived:
    """Return the derivation of a tree with pending derivatives, down to one without.

    Each line: the administrative rules (linearity, constants), then one rule of substance on every pending
    derivative, then entries and delta contraction.
    """
    out = record if record is not None else Derived()
    if not out.steps:
        out.then(question)
    tree = question
    for _ in range(_LONGEST):
        if not _pending(tree):
            return out
        names: list[str] = []
        quiet: list[str] = []
        tree = _exhaust(tree, ADMINISTRATIVE, quiet)
        tree = _once(tree, SUBSTANTIVE, names)
        tree = _exhaust(tree, CLOSING, names)
        tree = fresh(clean(tree))  # rules write a body twice: no index may be bound twice
        contracted = contract(tree)
        if contracted != tree:
            names.append("delta contraction")
            tree = fresh(contracted)
        shown = [n for n in names if n != "constant"] or names or quiet
        out.then(tree, *shown)
    raise UnsupportedError(f"The derivative did not end within {_LONGEST} lines (cost {cost(tree)}).")


def _pending(tree: Tree) -> bool:
    return any(isinstance(t, D) for t in walk(tree))


def _once(tree: Tree, table: tuple[Rule, ...], names: list[str]) -> Tree:
    if isinstance(tree, D):
        found = first_rule(tree, table)
        if found is None:
            return tree
        names.append(found[0])
        return found[1]
    parts = children(tree)
    return rebuild(tree, tuple(_once(p, table, names) for p in parts)) if parts else tree


def _exhaust(tree: Tree, table: tuple[Rule, ...], names: list[str]) -> Tree:
    if isinstance(tree, D):
        found = first_rule(tree, table)
        if found is None:
            return tree
        names.append(found[0])
        return _exhaust(found[1], table, names)
    parts = children(tree)
    return rebuild(tree, tuple(_exhaust(p, table, names) for p in parts)) if parts else tree
