r"""A formula as it stands in a paper: what is around it is taken off, the left-hand side is kept for its indices."""

from __future__ import annotations

from collections.abc import Sequence

from symnn.language.latex_cursor import CLOSES, balanced, shown
from symnn.language.latex_grammar import Parser
from symnn.language.latex_scanner import Token, scan_latex
from symnn.language.latex_scripts import Vocabulary
from symnn.language.latex_syntax import Named, Page
from symnn.language.syntax import FormulaError, Node

__all__ = ["parse_latex"]

_AROUND = frozenset((
    "equation", "align", "aligned", "gather", "gathered", "split", "eqnarray", "multline", "displaymath", "math",
    "flalign", "alignat", "subequations", "dmath",
))  # fmt: skip
_INSIDE = frozenset(("cases", "dcases", "rcases", "array"))
_MATH = {"$": "$", "\\[": "\\]", "\\(": "\\)"}
_JOINS = ("+", "-", "=", "<", ">", "<=", ">=", "!=", "*", "/")


def parse_latex(text: str, words: Vocabulary) -> Page:
    """Return the tree of a formula in LaTeX.

    Args:
        text: the formula.
        words: what is known of names.

    Raises:
        FormulaError: it is no formula; the message points at the place.
    """
    if not isinstance(text, str):
        raise TypeError(f"parse_latex() takes a text, found {type(text).__name__}")
    tokens = _bare(scan_latex(text)[:-1], text)
    balanced(tokens, text)
    sides = _sides(_one_line(tokens, text))
    if not sides[-1]:
        at = tokens[-1].start if tokens else 0
        raise FormulaError("there is no formula." if not tokens else "nothing stands behind =.", text, at)
    notes: list[str] = []
    if len(sides) > 2:
        notes.append(f"of {len(sides)} sides the last one is read")
    parser = Parser(sides[-1], text, words)
    right = parser.expression()
    letters = _each(parser)
    _nothing_more(parser)
    return Page((0, len(text)), _left(sides, text, words), right, letters, (*notes, *parser.notes))


def _bare(tokens: list[Token], text: str) -> list[Token]:
    """Return a formula without dollars, environments and the full stop around it."""
    while tokens:
        first, last = tokens[0], tokens[-1]
        if last.kind in (".", ",", ";", "newline", "&") and not last.side:
            tokens = tokens[:-1]
        elif first.kind in ("newline", "&"):
            tokens = tokens[1:]
        elif first.kind == "math" and len(tokens) > 1 and last.kind == "math":
            if _MATH.get(first.text) != last.text or first.end - first.start != last.end - last.start:
                raise FormulaError(f"{first.text} is closed by {last.text}.", text, last.start)
            tokens = tokens[1:-1]
        elif first.kind == "begin" and first.text.rstrip("*") in _AROUND:
            if last.kind != "end" or last.text != first.text:
                raise FormulaError(f"{shown(first)} is not closed at the end.", text, first.start)
            tokens = tokens[1:-1]
        else:
            break
    if len(tokens) == 1 and tokens[0].kind == "math":
        raise FormulaError("there is no formula.", text, tokens[0].start)
    wrong = next((t for t in tokens if t.kind == "math"), None)
    if wrong is not None:
        hint = "Give one formula at a time."
        raise FormulaError("this sign stands alone, or inside a formula.", text, wrong.start, hint)
    for t in tokens:
        if t.kind in ("begin", "end") and t.text.rstrip("*") not in _INSIDE and t.text.rstrip("*") not in _AROUND:
            hint = "Known are equation, align and cases; give matrices names."
            raise FormulaError(f"the environment {t.text} is not read.", text, t.start, hint)
    return tokens


def _one_line(tokens: Sequence[Token], text: str) -> list[Token]:
    """Return a formula without the breaks of its lines."""
    out: list[Token] = []
    depth = 0
    broken: Token | None = None
    for t in tokens:
        if t.kind in ("begin", "end") and t.text.rstrip("*") in _AROUND:
            continue  # a split inside an equation
        depth += (t.kind == "begin") - (t.kind == "end")
        if not depth and t.kind == "newline":
            broken = t
        elif depth or t.kind != "&":
            if broken is not None and out and not (t.kind in _JOINS or out[-1].kind in _JOINS or _sign(t, out[-1])):
                raise FormulaError(
                    "a second formula begins on this line.", text, t.start, "Give one formula at a time."
                )
            broken = None
            out.append(t)
    return out


def _sign(t: Token, before: Token) -> bool:
    return any(s.kind == "command" and s.text in ("cdot", "times", "odot", "oslash", "circ") for s in (t, before))


def _sides(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return what stands between the equal signs, outside of all brackets."""
    out: list[list[Token]] = [[]]
    depth = 0
    for n, t in enumerate(tokens):
        if t.side == "left" or (not t.side and t.kind in CLOSES):
            depth += 1
        elif t.side == "right" or (not t.side and t.kind in CLOSES.values()):
            depth -= 1
        if not depth and t.kind == ":" and n + 1 < len(tokens) and tokens[n + 1].kind == "=":
            continue
        if not depth and t.kind == "=":
            out.append([])
            continue
        out[-1].append(t)
    return out


def _left(sides: Sequence[Sequence[Token]], text: str, words: Vocabulary) -> Node | None:
    """Return the first left-hand side, or None where there is none or it cannot be read."""
    if len(sides) < 2 or not sides[0]:
        return None
    parser = Parser(sides[0], text, words)
    try:
        out = parser.expression()
    except FormulaError:
        return None
    return out if parser.here.kind == "eof" else None


def _each(parser: Parser) -> tuple[str, ...]:
    r"""Read \text{for each } n, m."""
    if parser.clause() not in ("for each", "for all"):
        return ()
    parser.skip_clause()
    out: list[str] = []
    while True:
        node = parser.item()
        if not isinstance(node, Named) or node.below or node.labels:
            raise parser.error("index letters are expected here.")
        out.append(node.core + "'" * node.primes)
        if parser.here.kind != ",":
            return tuple(out)
        parser.take()


def _nothing_more(parser: Parser) -> None:
    t = parser.here
    if t.kind == "eof":
        return
    if t.kind in ("<", ">", "<=", ">=", "!="):
        raise parser.error("a comparison is no number.", hint="Write \\mathbb{1}_{(..)} around it.")
    raise parser.error(f"nothing more was expected here, found {shown(t)}.")
