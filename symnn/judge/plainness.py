"""Whether a formula holds what nobody writes: a factor 1, a division by 1, N both above and below the line, x + 0."""

from __future__ import annotations

from symnn.judge.typed_parts import nodes_of
from symnn.language.grammar import parse
from symnn.language.syntax import Binary, Node, Number

__all__ = ["is_plain"]


def is_plain(text: str) -> bool:
    """Tell whether no part of a formula could be left out as it stands.

    >>> [is_plain(t) for t in ("x / N", "1 / x", "x / 1", "1 * x", "x * N / N", "x / (1 * s**2)", "x + 0")]
    [True, True, False, False, False, False, False]
    """
    return all(_plain(node, text) for node, _ in nodes_of(parse(text), None))


def _plain(node: Node, text: str) -> bool:
    if not isinstance(node, Binary):
        return True
    if node.op in "*/":
        above, below = _factors(node)
        ones = sum(_is(f, 1) for f in above)
        shown = [_shown(f, text) for f in below]
        idle = (ones and len(above) > 1) or any(_is(f, 1) for f in below)
        return not idle and not any(_shown(f, text) in shown for f in above if not _is(f, 1))
    if node.op == "**":
        return not _is(node.right, 1)
    return not (node.op in "+-" and (_is(node.left, 0) or _is(node.right, 0)))


def _factors(node: Node) -> tuple[list[Node], list[Node]]:
    """Return what stands above and below the line of a product."""
    if not isinstance(node, Binary) or node.op not in "*/":
        return [node], []
    above, below = _factors(node.left)
    over, under = _factors(node.right)
    return ([*above, *over], [*below, *under]) if node.op == "*" else ([*above, *under], [*below, *over])


def _is(node: Node, value: int) -> bool:
    return isinstance(node, Number) and node.value == value


def _shown(node: Node, text: str) -> str:
    return "".join(text[node.span[0] : node.span[1]].split()).strip("()")
