r"""Commands of a formula in LaTeX: fractions and roots, derivatives, inner products."""

from __future__ import annotations

from symnn.language.latex_cursor import shown
from symnn.language.latex_factors import OPENS, Factors
from symnn.language.latex_scanner import Token, value_of
from symnn.language.latex_syntax import Fraction, Gradient, Inner, Named, Raised
from symnn.language.syntax import Node, Number, Unary

__all__ = ["Commands"]

_ONE, _TWO = Token("number", "1", 0, 1), Token("number", "2", 0, 1)


class Commands(Factors):
    """Reads what commands hold."""

    def fraction(self, t: Token) -> Node:
        r"""Read \frac{a}{b}, also \frac12 and \frac{\partial \ell}{\partial a}."""
        if self.derivative_next():
            return self.derivative(t)
        above = self.argument(t)
        below = self.argument(t)
        return self.dressed(Fraction((t.start, self.tokens[self.at - 1].end), above, below), self.scripts())

    def derivative_next(self) -> bool:
        """Tell whether the parts of a fraction begin with signs of a derivative."""
        if self.here.kind != "{":
            return False
        end = self.closing()
        if self.tokens[end + 1].kind != "{":
            return False
        first, second = self.tokens[self.at + 1], self.tokens[end + 2]
        if first.text != second.text:
            return False
        if first.kind == "command" and first.text == "partial":
            return True
        wide = end > self.at + 1 and self.closing(end + 1) > end + 3
        return first.text == "d" and first.kind in ("letter", "word") and wide and not self.words.single("d")

    def derivative(self, t: Token) -> Node:
        r"""Read the rest of \frac{\partial \ell}{\partial a}, or of \frac{\partial}{\partial a} (..)."""
        opening = self.take("{")
        self.enter(opening)
        self.take()
        of = None if self.here.kind == "}" else self.factor()
        self.leave()
        self.take("}")
        opening = self.take("{")
        self.enter(opening)
        self.take()
        by = self.factor()
        self.leave()
        end = self.take("}").end
        if of is None:
            of = self.operand()
            if of is None:
                raise self.error("it is not said what is differentiated.", t)
            end = self.tokens[self.at - 1].end
            return Gradient((t.start, end), of, by)
        return self.dressed(Gradient((t.start, end), of, by), self.scripts())

    def partial(self, t: Token) -> Node:
        r"""Read \partial \ell / \partial a, or \partial_a \ell."""
        if self.here.kind == "_":
            return self.nabla(t)
        of = self.factor()
        self.take("/")
        if not self.command("partial"):
            raise self.error("expected \\partial here.")
        self.take()
        by = self.factor()
        return Gradient((t.start, by.span[1]), of, by)

    def nabla(self, t: Token) -> Node:
        r"""Read \nabla_a \ell, \nabla_a (-\log f_y), or \nabla_a alone."""
        if self.here.kind != "_":
            raise self.error("the gradient by what? Write \\nabla_{a}.", t)
        self.take("_")
        by = self.argument(t)
        of = self.operand()
        return Gradient((t.start, self.tokens[self.at - 1].end), of, by)

    def operand(self) -> Node | None:
        """Read what is differentiated, if something stands there."""
        if self.here.kind == "-" and self.ahead().kind == "function" and self.ahead().text == "log":
            start = self.take()
            body = self.factor()
            return Unary((start.start, body.span[1]), "-", body)
        if self.names_next() and self.starts() and not self.unit_next():
            node = self.dressed(self.name(), self.scripts())
            if isinstance(node, Named) and self.here.kind in OPENS and not self.compares():
                self.listed(self.take())
            return node
        return self.bracket() if self.here.kind in ("(", "[") else None

    def unit_next(self) -> bool:
        """Tell whether ones come next."""
        start = self.at
        found = self.unit()
        self.at = start
        return found

    def root(self, t: Token) -> Node:
        r"""Read \sqrt{x} or \sqrt[3]{x}."""
        degree: Node | None = None
        if self.here.kind == "[":
            self.enter(self.take())
            degree = self.expression()
            self.leave()
            self.take("]")
        body = self.argument(t)
        span = (t.start, self.tokens[self.at - 1].end)
        one, two = Number(span, value_of(_ONE, "1")), Number(span, value_of(_TWO, "2"))
        made = Raised(span, body, Fraction(span, one, degree or two))
        return self.dressed(made, self.scripts(), closed=True)

    def inner(self, t: Token) -> Node:
        r"""Read \langle a, b \rangle."""
        self.enter(t, "langle")
        left = self.expression()
        self.take(",")
        right = self.expression()
        self.leave()
        if not self.command("rangle"):
            raise self.error(f"expected \\rangle here, found {shown(self.here)}.")
        end = self.take().end
        return self.dressed(Inner((t.start, end), left, right), self.scripts())
