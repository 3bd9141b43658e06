r"""The grammar of formulas in LaTeX.

    formula   =  [sign] term { ("+" | "-") term }
    term      =  product { (\odot | \circ | \oslash) product }
    product   =  factor { [ \cdot | \times | * | / | \otimes ] factor }
    factor    =  atom with scripts, a function and its argument, a sum and the rest of its term

A function without brackets takes the factors that stand side by side behind it; a sum takes the rest of its term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symnn.language.latex_commands import Commands
from symnn.language.latex_cursor import shown
from symnn.language.latex_factors import OPENS
from symnn.language.latex_scanner import ACCENTS, GREEK, STYLES, Token
from symnn.language.latex_scripts import Vocabulary
from symnn.language.latex_syntax import Hadamard, Named, Product, Terms
from symnn.language.syntax import Node, Number, Unary

__all__ = ["Parser"]

_ENTRYWISE = {"odot": "odot", "circ": "odot", "oslash": "oslash"}
_JOINS = {"cdot": "cdot", "times": "times", "ast": "*", "otimes": "otimes", "div": "/"}


class Parser(Commands):
    """Reads formulas."""

    def __init__(self, tokens: Sequence[Token], text: str, words: Vocabulary) -> None:
        super().__init__(tokens, text)
        self.words = words
        self.notes: list[str] = []

    # -- terms -----------------------------------------------------------------------------------------------------

    def expression(self) -> Node:
        """Read a sum of terms."""
        start = self.here
        signs, terms = [self.sign()], [self.term()]
        while self.here.kind in ("+", "-"):
            signs.append(self.sign())
            terms.append(self.term())
        if len(terms) == 1:
            return terms[0] if signs[0] > 0 else Unary((start.start, terms[0].span[1]), "-", terms[0])
        return Terms((start.start, terms[-1].span[1]), tuple(signs), tuple(terms))

    def sign(self) -> int:
        """Read signs in front of a term, and return 1 or -1."""
        out = 1
        first = self.here
        count = 0
        while self.here.kind in ("+", "-"):
            out = -out if self.take().kind == "-" else out
            count += 1
            if count > 2:
                raise self.error("too many signs in a row.", first)
        return out

    def term(self) -> Node:
        """Read products joined entry by entry."""
        parts, signs = [self.product()], list[str]()
        while self.here.kind == "command" and self.here.text in _ENTRYWISE:
            signs.append(_ENTRYWISE[self.take().text])
            parts.append(self.product())
            self.few(parts)
        if len(parts) == 1:
            return parts[0]
        return Hadamard((parts[0].span[0], parts[-1].span[1]), tuple(parts), tuple(signs))

    def product(self) -> Node:
        """Read factors side by side, or with signs of products between them."""
        factors, signs, tight = [self.factor()], list[str](), list[int]()
        while True:
            sign = self.joined()
            if sign is None:
                break
            before = self.tokens[self.at - 1]
            self.few(factors)
            here = self.here
            if sign == "" and isinstance(factors[-1], Number) and here.kind == "number":
                raise self.error("two numbers stand side by side.", hint="Write \\cdot between them.")
            factors.append(self.factor() if sign == "" else self.signed())
            plain = isinstance(factors[-1], Named) and not sign and bool(signs) and signs[-1] == "/"
            if plain and before.end == here.start and isinstance(factors[-2], Named | Number):
                tight.append(len(factors) - 1)
            signs.append(sign)
        if len(factors) == 1:
            return factors[0]
        return Product((factors[0].span[0], factors[-1].span[1]), tuple(factors), tuple(signs), tuple(tight))

    def joined(self) -> str | None:
        """Read what stands between two factors: "" for nothing; None where the product ends."""
        t = self.here
        if t.kind in ("*", "/"):
            return self.take().kind
        if t.kind == "command" and t.text in _JOINS:
            return _JOINS[self.take().text]
        if t.kind == ".":
            raise self.error("a dot within a formula has no meaning.", hint="Write \\cdot for a product.")
        if t.kind == "!":
            raise self.error("factorials are not read.")
        return "" if self.starts() else None

    def signed(self) -> Node:
        r"""Read a factor with a sign, as behind \cdot."""
        t = self.here
        sign = self.sign()
        out = self.factor()
        return out if sign > 0 else Unary((t.start, out.span[1]), "-", out)

    def starts(self) -> bool:
        """Tell whether a factor begins here."""
        t = self.here
        if t.kind in ("|", "norm"):
            return t.side == "left" or (not t.side and not self.inside(t.kind))
        if t.kind == "word":
            return self.clause() == ""
        if t.kind == "command":
            return t.text in GREEK or t.text in ACCENTS or t.text in STYLES or t.text in _ATOMS
        if t.kind == "letter":
            return self.clause() == ""
        return t.kind in ("number", "function", "{", "begin", *OPENS)

    # -- factors ---------------------------------------------------------------------------------------------------

    def factor(self) -> Node:
        """Read an atom with all that belongs to it."""
        t = self.here
        if t.kind == "command" and t.text in _ATOMS:
            return _ATOMS[t.text](self, self.take())
        if t.kind == "function":
            return self.function(self.take(), t.text)
        if t.kind == "number":
            return self.numeral()
        if self.names_next() and self.starts():
            return self.named()
        if t.kind in OPENS:
            return self.bracket()
        if t.kind == "{":
            out = self.argument(t)
            bare = isinstance(out, Named) and not out.below and not out.labels
            return self.dressed(out, self.scripts(), closed=not bare)
        if t.kind in ("|", "norm") and t.side != "right":
            return self.barred(self.take())
        if t.kind == "begin":
            return self.cases(self.take())
        what = "the formula ends here" if t.kind == "eof" else f"found {shown(t)}"
        raise self.error(f"a number, a name or a bracket was expected; {what}.")


_ATOMS: dict[str, Callable[[Parser, Token], Node]] = {
    **dict.fromkeys(("frac", "tfrac", "dfrac", "cfrac"), Parser.fraction), "sqrt": Parser.root, "sum": Parser.summed,
    "nabla": Parser.nabla, "partial": Parser.partial, "langle": Parser.inner,
}  # fmt: skip
