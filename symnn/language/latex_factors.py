r"""Factors of a formula in LaTeX: names and their brackets, numbers, ones, bars, functions with their arguments."""

from __future__ import annotations

from dataclasses import replace

from symnn.language.latex_conditions import Conditions
from symnn.language.latex_cursor import CLOSES, shown
from symnn.language.latex_scanner import STYLES, Token, value_of
from symnn.language.latex_scripts import Scripts
from symnn.language.latex_syntax import Applied, Called, Function, Indicator, Named, Norm, Ones, Product, Summed
from symnn.language.latex_words import REFUSED_WORDS, function_word
from symnn.language.syntax import Node, Number

__all__ = ["OPENS", "Factors"]

_MOST_FACTORS = 60
OPENS = ("(", "[", "lbrace")


class Factors(Conditions):
    """Reads factors."""

    def factor(self) -> Node:
        """Read an atom with all that belongs to it."""
        raise NotImplementedError

    def starts(self) -> bool:
        """Tell whether a factor begins here."""
        raise NotImplementedError

    def few(self, parts: list[Node]) -> None:
        """Check that a product is not too long."""
        if len(parts) > _MOST_FACTORS:
            raise self.error(f"a product of more than {_MOST_FACTORS} factors is not read.")

    # -- names and brackets ----------------------------------------------------------------------------------------

    def numeral(self) -> Node:
        """Read a number, or a 1 with a condition."""
        t = self.take()
        if t.text == "1" and (self.here.kind == "_" or (self.here.kind in OPENS and self.compares())):
            return self.ones(t)
        if self.here.kind == "_":
            raise self.error("a number has no subscript.")
        return self.dressed(Number((t.start, t.end), value_of(t, self.text)), self.scripts())

    def named(self) -> Node:
        """Read a name, with brackets behind it if there are any; or a function that is written as a word."""
        t = self.here
        found = self.worded()
        if found:
            return self.function(t, found)
        if self.unit():
            return self.ones(t)
        base = self.name()
        node = self.dressed(base, self.scripts())
        if isinstance(node, Named) and self.here.kind in OPENS:
            if self.compares():
                if node.core in ("I", "chi", "bbone") and not node.below:
                    return self.conditional(t)
            else:
                return self.applied(node)
        return node

    def worded(self) -> str:
        """Step over a function that is written as a word, upright or not, and return it; else return nothing."""
        t = self.here
        if t.kind == "word":
            found = function_word(t.text)
            follows = self.ahead().kind in (*OPENS, "'", "^")
            if found and (follows or not self.words.word(t.text)):
                self.take()
                return found
            plain = t.text.lower().replace(" ", "")
            if plain in REFUSED_WORDS and not self.words.word(t.text):
                raise self.error(f"{t.text} is not read.", t, REFUSED_WORDS[plain])
            return ""
        run = self.run() if t.kind == "letter" else ""
        for k in range(len(run), 1, -1):
            if function_word(run[:k]) and k == len(run) and not self.words.word(run[:k]):
                following = self.ahead(k)
                if following.kind in OPENS or (following.kind == "'" and self.ahead(k + 1).kind in OPENS):
                    self.at += k
                    return function_word(run[:k])
        return ""

    def unit(self) -> bool:
        r"""Step over \mathbf{1} or \mathbf 1, if one comes next."""
        if self.here.kind != "command" or self.here.text not in (*STYLES, "vec"):
            return False
        plain = [self.ahead(n).text for n in (1, 2, 3)]
        if plain == ["{", "1", "}"]:
            self.at += 4
        elif plain[0] == "1":
            self.at += 2
        else:
            return False
        return True

    def ones(self, t: Token) -> Node:
        """Read what follows a 1 that is no plain number: a condition, a size, or nothing."""
        if self.here.kind in OPENS and self.compares():
            return self.conditional(t)
        if self.here.kind != "_":
            return self.dressed(Ones((t.start, self.tokens[self.at - 1].end)), self.scripts())
        mark = self.take("_")
        if self.here.kind == "{":
            opening = self.take()
            self.enter(opening)
            if self.compares_within(self.at, self.closing(self.at - 1)):
                condition = self.condition()
                self.leave()
                end = self.take("}").end
                return self.dressed(Indicator((t.start, end), condition), self.scripts(), closed=True)
            size = self.expression()
            self.leave()
            self.take("}")
        else:
            size = self.one_sign(mark)
        made = Ones((t.start, self.tokens[self.at - 1].end), size)
        if t.kind == "number":
            raise self.error("1 with a subscript holds a condition, 1_{a>0}.", t, "Write \\mathbf{1} for ones.")
        return self.dressed(made, self.scripts())

    def conditional(self, t: Token) -> Node:
        """Read a condition in brackets."""
        opening = self.take()
        self.enter(opening)
        condition = self.condition()
        self.leave()
        end = self.take(CLOSES[opening.kind]).end
        return self.dressed(Indicator((t.start, end), condition), self.scripts(), closed=True)

    def applied(self, head: Named) -> Node:
        """Read f(x), a function at an argument or a product."""
        opening = self.take()
        args = self.listed(opening)
        end = self.tokens[self.at - 1].end
        scripts = self.scripts()
        called = self.dressed(Called((head.span[0], end), head, args), scripts)
        times = self.dressed(args[0], scripts, closed=True) if len(args) == 1 else None
        return Applied((head.span[0], called.span[1]), head, args, called, times)

    def listed(self, opening: Token) -> tuple[Node, ...]:
        """Read arguments up to the closing bracket."""
        self.enter(opening)
        out = [self.expression()]
        while self.here.kind in (",", ";"):
            self.take()
            out.append(self.expression())
        self.leave()
        self.take(CLOSES[opening.kind])
        return tuple(out)

    def bracket(self) -> Node:
        """Read something in brackets."""
        opening = self.here
        if opening.kind == "lbrace" and self.ahead().kind == "begin":
            return self.braced_cases()
        if self.compares():
            if opening.kind == "(":
                raise self.error(
                    "a comparison is no number.", self.ahead(), "Write \\mathbb{1}_{(..)} around it, or [..]."
                )
            return self.conditional(opening)
        self.take()
        args = self.listed(opening)
        if len(args) > 1:
            raise self.error("a list of values is no factor.", opening)
        return self.dressed(args[0], self.scripts(), closed=True)

    def barred(self, t: Token) -> Node:
        r"""Read |x| or \|v\|."""
        self.enter(t)
        body = self.expression()
        self.leave()
        closing = self.take(t.kind)
        span = (t.start, closing.end)
        scripts = self.scripts()
        if t.kind == "|":
            return self.dressed(Function(span, "abs", (body,)), scripts)
        kind = ""
        if scripts.below:
            (item, *rest) = scripts.below
            kind = str(item.value) if isinstance(item, Number) else item.core if isinstance(item, Named) else "?"
            if rest or kind not in ("1", "2", "F"):
                raise self.error("the norms known are 1, 2 and, of matrices, F.", t)
        return self.dressed(Norm(span, body, kind), replace(scripts, below=()))

    # -- functions -------------------------------------------------------------------------------------------------

    def function(self, t: Token, name: str) -> Node:
        """Read a function's scripts and argument."""
        scripts = self.scripts()
        power = self.power_of(t, scripts)
        self.enter(t, "function")
        bare, long = False, False
        if self.here.kind in OPENS and not (self.here.kind == "[" and self.compares()):
            args = self.listed(self.take())
        else:
            args, long = self.loose(t)
            bare = True
        self.leave()
        span = (t.start, self.tokens[self.at - 1].end)
        made = Function(span, name, args, scripts.primes, power, scripts.below, bare, long)
        return made if bare else self.dressed(made, self.scripts())

    def power_of(self, t: Token, scripts: Scripts) -> Node | None:
        """Return the power of a function, tanh^2 x."""
        if scripts.labels or any(kind != "power" for kind, _, _ in scripts.marks) or len(scripts.marks) > 1:
            raise self.error(f"{shown(t)} takes a power or a dash above it.", scripts.first)
        return scripts.marks[0][2] if scripts.marks else None

    def loose(self, t: Token) -> tuple[tuple[Node, ...], bool]:
        """Read an argument without brackets: the factors that stand side by side."""
        if not self.starts():
            raise self.error(f"the argument of {shown(t)} is missing.", self.here if self.here.kind != "eof" else t)
        factors = [self.factor()]
        while self.starts() and not isinstance(factors[-1], Summed | Function):
            if self.here.kind == "function" or self.command("sum") or self.here.kind == "begin":
                break
            if self.here.kind in OPENS:
                raise self.error(
                    f"does the argument of {shown(t)} end before this bracket, or behind it?", self.here,
                    f"Write {shown(t)}(..) with brackets of its own.",
                )  # fmt: skip
            factors.append(self.factor())
            self.few(factors)
        if len(factors) == 1:
            return (factors[0],), False
        span = (factors[0].span[0], factors[-1].span[1])
        return (Product(span, tuple(factors), ("",) * (len(factors) - 1)),), True
