r"""Conditions in LaTeX: what stands below a sum sign, inside \mathbb{1}, and beside the lines of cases."""

from __future__ import annotations

from symnn.language.latex_cursor import CLOSES, RELATIONS, shown
from symnn.language.latex_scanner import Token
from symnn.language.latex_scripts import Writing
from symnn.language.latex_syntax import Cases, Named, Summed
from symnn.language.syntax import Binary, Compare, Node, Unary

__all__ = ["Conditions"]

_MOST_LETTERS, _MOST_JOINED, _MOST_LINES = 8, 12, 20
_IF = ("if", "for", "when", "where", "elseif", "else if")
_ELSE = ("otherwise", "else", "elsewhere")
_JOINS = {"and": "&", "land": "&", "wedge": "&", "or": "|", "lor": "|", "vee": "|"}
_WORDS = (*_IF, *_ELSE, "and", "or", "not", "for each", "for all", "with")
_CASES = ("cases", "dcases", "rcases", "array", "aligned")
_REL = {"=": "=="}


class Conditions(Writing):
    """Reads conditions."""

    def term(self) -> Node:
        """Read a term."""
        raise NotImplementedError

    def sign(self) -> int:
        """Read signs in front of a term."""
        raise NotImplementedError

    def clause(self) -> str:
        """Return the word that comes next if it joins or ends formulas: if, otherwise, and, ..."""
        t = self.here
        if t.kind == "word":
            word = t.text.lower().strip(" .,;:")
            return word if word in _WORDS else ""
        run = self.run() if t.kind == "letter" else ""
        return run if run in ("if", "otherwise", "else", "where") and not self.words.word(run) else ""

    def skip_clause(self) -> str:
        """Step over such a word and return it."""
        word = self.clause()
        for _ in range(1 if self.here.kind == "word" else len(word)):
            self.take()
        return word

    # -- comparisons -----------------------------------------------------------------------------------------------

    def condition(self) -> Node:
        """Read comparisons joined by and, or and commas."""
        out = self.statement()
        for _ in range(_MOST_JOINED):
            word = self.here.text if self.here.kind == "command" else self.clause()
            joined = self.here.kind == "," and self.ahead().kind not in ("newline", "end", "&", "eof")
            op = "&" if joined else _JOINS.get(word, "")
            if not op:
                return out
            self.take()
            right = self.statement()
            out = Binary((out.span[0], right.span[1]), op, out, right)
        raise self.error(f"more than {_MOST_JOINED} conditions are not read.")

    def statement(self) -> Node:
        """Read one comparison, or one in brackets, or its opposite."""
        t = self.here
        if self.clause() == "not" or self.command("lnot", "neg"):
            self.take()
            self.enter(t)
            body = self.statement()
            self.leave()
            return Unary((t.start, body.span[1]), "~", body)
        if t.kind in ("(", "[", "lbrace"):
            end = self.closing()
            after = self.tokens[end + 1].kind
            if after not in (*RELATIONS, "+", "-", "^", "_") and self.compares_within(self.at + 1, end):
                self.take()
                self.enter(t)
                out = self.condition()
                self.leave()
                self.take(CLOSES[t.kind])
                return out
        return self.comparison(self.expression())

    def comparison(self, left: Node) -> Node:
        """Read the rest of a < b, or a < b < c."""
        if self.here.kind not in RELATIONS:
            raise self.error(f"a comparison is expected here, found {shown(self.here)}.")
        out: Node | None = None
        for _ in range(4):
            if self.here.kind not in RELATIONS:
                break
            rel = self.take().kind
            right = self.expression()
            made = Compare((left.span[0], right.span[1]), _REL.get(rel, rel), left, right)
            out = made if out is None else Binary((out.span[0], made.span[1]), "&", out, made)
            left = right
        assert out is not None
        return out

    def compares_within(self, start: int, end: int) -> bool:
        """Tell whether a comparison stands anywhere between two places."""
        return any(t.kind in RELATIONS for t in self.tokens[start:end])

    # -- cases -----------------------------------------------------------------------------------------------------

    def cases(self, t: Token) -> Node:
        r"""Read \begin{cases} .. \end{cases}."""
        if t.text not in _CASES:
            raise self.error(f"the environment {t.text} is not read here.", t, "Known is cases; give matrices names.")
        self.enter(t)
        if t.text == "array":
            self.take("{")
            while self.here.kind in ("letter", "|"):
                self.take()
            self.take("}")
        values: list[Node] = []
        conditions: list[Node | None] = []
        while self.here.kind != "end":
            values.append(self.expression())
            conditions.append(self.case())
            if len(values) > _MOST_LINES:
                raise self.error(f"cases of more than {_MOST_LINES} lines are not read.")
            if self.here.kind != "newline":
                break
            self.take()
        self.leave()
        if self.here.kind != "end":
            raise self.error(f"a new line or the end of the cases is expected here, found {shown(self.here)}.")
        end = self.take("end").end
        if not values or None in conditions[:-1]:
            raise self.error("every line of the cases but the last needs its condition.", t)
        return Cases((t.start, end), tuple(values), tuple(conditions))

    def case(self) -> Node | None:
        """Read the condition beside one line, or None for all else."""
        while self.here.kind in (",", "&", ";"):
            self.take()
        word = self.clause()
        if word:
            self.skip_clause()
        if word in _ELSE:
            while self.here.kind in (".", ",", ";"):
                self.take()
            return None
        if word not in ("", *_IF):
            raise self.error(f"found {word!r} where a condition is expected.")
        if self.here.kind in ("newline", "end") and not word:
            return None
        out = self.condition()
        while self.here.kind in (".", ",", ";"):
            self.take()
        return out

    def braced_cases(self) -> Node:
        r"""Read \left\{ \begin{array} .. \end{array} \right."""
        self.take("lbrace")
        out = self.cases(self.take("begin"))
        if self.here.kind not in ("nothing", "rbrace"):
            raise self.error(f"expected \\right. here, found {shown(self.here)}.")
        self.take()
        return out

    # -- sums ------------------------------------------------------------------------------------------------------

    def summed(self, t: Token) -> Node:
        r"""Read \sum_{i=1}^{N}, what is below and above it, and the rest of its term."""
        letters: list[str] = []
        starts: list[Node | None] = []
        guards: list[Node] = []
        last: Node | None = None
        self.enter(t)
        for _ in range(2):
            if self.here.kind == "_" and not letters:
                self.take()
                if self.here.kind == "{":
                    opening = self.take()
                    self.enter(opening)
                    self.below(letters, starts, guards)
                    self.leave()
                    self.take("}")
                else:
                    self.letter(self.one_sign(t), letters, starts)
            elif self.here.kind == "^" and last is None:
                self.take()
                last = self.alone(t) if self.here.kind != "{" else self.argument(t)
        if not letters:
            raise self.error("a sum over what? Write \\sum_{i}.", t)
        if not self.starts_term():
            raise self.error("there is nothing behind this sum.", t)
        first, sign = self.here.start, self.sign()
        body = self.term()
        if sign < 0:
            body = Unary((first, body.span[1]), "-", body)
        self.leave()
        bounds = tuple((start, last) for start in starts)
        return Summed((t.start, body.span[1]), tuple(letters), bounds, tuple(guards), body)

    def starts_term(self) -> bool:
        """Tell whether a term begins here."""
        return self.here.kind not in ("eof", "}", ")", "]", "=")

    def below(self, letters: list[str], starts: list[Node | None], guards: list[Node]) -> None:
        r"""Read i, i=1, ij, i,j and k \neq i below a sum sign."""
        while True:
            first = self.at
            made: list[Node] = []
            while self.names_next():
                made.append(self.item())
            if not made:
                raise self.error(f"a sum runs over index letters, found {shown(self.here)}.")
            if self.command("in"):
                self.set(made, letters, starts)
            elif self.here.kind == "=":
                self.take()
                for node in made:
                    self.letter(node, letters, starts)
                bound = self.expression()
                starts[len(starts) - len(made) :] = [bound] * len(made)
            elif self.here.kind in RELATIONS:
                left = made[0]
                if len(made) > 1:
                    self.at = first
                    left = self.expression()
                elif self.key(left) not in letters and not guards:
                    self.letter(left, letters, starts)
                    if self.here.kind in ("<", ">", "<=", ">="):
                        self.notes.append(f"of the letters below the sum {self.key(left)} alone is summed over")
                guards.append(self.comparison(left))
            else:
                for node in made:
                    self.letter(node, letters, starts)
            if self.here.kind not in (",", ":", ";") and not self.command("colon", "mid"):
                return
            self.take()

    def set(self, made: list[Node], letters: list[str], starts: list[Node | None]) -> None:
        r"""Read i \in B: over all of them."""
        self.take()
        for node in made:
            self.letter(node, letters, starts)
        if self.here.kind == "lbrace":
            self.at = self.closing() + 1
        else:
            self.item()
        self.notes.append(f"the sum over {', '.join(letters)} runs over the whole axis")

    def key(self, node: Node) -> str:
        """Return the letter that a part below a sum sign is."""
        if not isinstance(node, Named) or node.labels or node.below or len(node.core) > 7:
            raise self.error("a sum runs over index letters, \\sum_{i,j}.")
        return node.core + "'" * node.primes

    def letter(self, node: Node, letters: list[str], starts: list[Node | None]) -> None:
        """Note one more letter that is summed over."""
        key = self.key(node)
        if key in letters:
            raise self.error(f"the sum runs over {key} twice.")
        letters.append(key)
        starts.append(None)
        if len(letters) > _MOST_LETTERS:
            raise self.error("a sum over so many letters is not read.")
