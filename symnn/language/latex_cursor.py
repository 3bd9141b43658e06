"""Walk through the signs of a formula: what comes next, where a bracket ends, how deep it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from symnn.language.latex_scanner import Token
from symnn.language.syntax import FormulaError

__all__ = ["CLOSES", "Cursor", "RELATIONS", "balanced", "shown"]

#: Brackets inside brackets beyond this are refused.
DEEPEST = 40
RELATIONS = ("<", ">", "<=", ">=", "=", "!=")
CLOSES = {"{": "}", "(": ")", "[": "]", "lbrace": "rbrace", "begin": "end"}
_OPENS = {close: opening for opening, close in CLOSES.items()}
_BRACKETS = frozenset((*CLOSES, "|", "norm", "langle"))
_SHOWN = {"lbrace": "\\{", "rbrace": "\\}", "norm": "\\|", "eof": "the end", "newline": "\\\\"}


def shown(token: Token) -> str:
    """Return a sign as a message shows it."""
    if token.kind in ("command", "function"):
        return f"\\{token.text}"
    if token.kind in ("begin", "end"):
        return f"\\{token.kind}{{{token.text}}}"
    return _SHOWN.get(token.kind, repr(token.text))


def balanced(tokens: Sequence[Token], text: str) -> None:
    r"""Check that every bracket, brace, environment and \left is closed.

    Raises:
        FormulaError: one is not; the message points at it.
    """
    stack: list[Token] = []
    for t in tokens:
        if t.side == "left" or (not t.side and t.kind in CLOSES):
            stack.append(t)
            if len(stack) > DEEPEST:
                raise FormulaError(f"brackets are nested more than {DEEPEST} deep.", text, t.start)
        elif t.side == "right" or (not t.side and t.kind in _OPENS):
            before = stack.pop() if stack else None
            if before is None:
                raise FormulaError(f"{shown(t)} closes nothing.", text, t.start)
            if not _pair(before, t):
                raise FormulaError(f"{shown(before)} is closed by {shown(t)}.", text, t.start)
    if stack:
        raise FormulaError(f"{shown(stack[-1])} is not closed.", text, stack[-1].start)


def _pair(before: Token, t: Token) -> bool:
    if before.side or t.side:
        if before.side != "left" or t.side != "right":
            return False
        wanted = {**CLOSES, "|": "|", "norm": "norm", "nothing": "nothing"}.get(before.kind, before.kind)
        if before.kind == "lbrace" and t.kind == "nothing":
            return True
        return t.kind == wanted and (before.kind != "command" or (before.text, t.text) == ("langle", "rangle"))
    return CLOSES[before.kind] == t.kind and (before.kind != "begin" or before.text == t.text)


class Cursor:
    """A place among the signs of a formula."""

    def __init__(self, tokens: Sequence[Token], text: str) -> None:
        end = tokens[-1].end if tokens else len(text)
        self.tokens = [*tokens, Token("eof", "", end, end)]
        self.text, self.at = text, 0
        self.levels: list[str] = []

    @property
    def here(self) -> Token:
        """The sign to be read next."""
        return self.tokens[self.at]

    def ahead(self, count: int = 1) -> Token:
        """Return a later sign."""
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self, kind: str = "") -> Token:
        """Return the next sign and step over it.

        Raises:
            FormulaError: it is of another kind.
        """
        token = self.here
        if kind and token.kind != kind:
            raise self.error(f"expected {_SHOWN.get(kind, kind)!r} here, found {shown(token)}.")
        if token.kind != "eof":
            self.at += 1
        return token

    def command(self, *names: str) -> bool:
        """Tell whether one of some commands comes next."""
        return self.here.kind == "command" and self.here.text in names

    def error(self, reason: str, token: Token | None = None, hint: str = "") -> FormulaError:
        """Return an error that points at a sign."""
        return FormulaError(reason, self.text, (token or self.here).start, hint)

    def enter(self, token: Token, kind: str = "") -> None:
        """Note that what follows stands inside something."""
        self.levels.append(kind or token.kind)
        if len(self.levels) > DEEPEST:
            raise self.error(f"brackets are nested more than {DEEPEST} deep.", token)

    def leave(self) -> None:
        """Note that it ends."""
        self.levels.pop()

    def inside(self, kind: str) -> bool:
        """Tell whether the innermost bracket that is open is of a kind: a bar then closes it."""
        return next((k for k in reversed(self.levels) if k in _BRACKETS), "") == kind

    def closing(self, at: int | None = None) -> int:
        """Return the place of the sign that closes the bracket at a place."""
        start = self.at if at is None else at
        depth = 0
        for n in range(start, len(self.tokens)):
            t = self.tokens[n]
            depth += t.side == "left" or (not t.side and t.kind in CLOSES)
            depth -= t.side == "right" or (not t.side and t.kind in _OPENS)
            if not depth:
                return n
        raise self.error("this bracket is not closed.", self.tokens[start])

    def holds(self, kinds: Collection[str], start: int, end: int) -> bool:
        """Tell whether a sign of some kinds stands between two places, outside of inner brackets."""
        n = start
        while n < end:
            t = self.tokens[n]
            if t.kind in kinds:
                return True
            opens = t.side == "left" or (not t.side and t.kind in CLOSES)
            n = self.closing(n) + 1 if opens else n + 1
        return False

    def compares(self, at: int | None = None) -> bool:
        """Tell whether the bracket at a place holds a comparison."""
        start = self.at if at is None else at
        return self.holds(RELATIONS, start + 1, self.closing(start))
