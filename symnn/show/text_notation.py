"""The plain tree as one line of text for terminals: ``-(1/f[y]) * (1[c=y]*f[y] - f[c]*f[y])``."""

from __future__ import annotations

from collections.abc import Mapping

from symnn.ground.indices import Index
from symnn.ground.tree import (
    Add,
    Const,
    D,
    Delta,
    Div,
    Entry,
    Fn,
    Ind,
    Ix,
    Mul,
    Neg,
    Num,
    Pow,
    Sum,
    Sym,
    Tree,
    Where,
    decimal,
    reads_as_decimal,
)
from symnn.show.letters import named
from symnn.show.names import index_text, symbol_text, tensor_text
from symnn.show.reading import (
    Binds,
    Written,
    arguments,
    branches,
    comparison,
    exponential,
    factors,
    negation,
    root,
    signed,
)

__all__ = ["binding", "text"]

_RELATIONS = {"!=": "≠", ">=": "≥", "<=": "≤"}


def text(tree: Tree, ascii: bool = False, *, letters: Mapping[Index, str] | None = None) -> str:
    """Return the formula as one line of text.

    Args:
        tree: the formula.
        ascii: write sum_k, d and the names of Greek letters instead of their signs.
        letters: the letter of every index, from ``named``; by default chosen for this formula alone.

    >>> from symnn.ground.tensors import input
    >>> from symnn.ground.sizes import dims
    >>> x, k = input("x", dims("D")), Index("k")
    >>> text(Div(Sum(k, Pow(Entry(x, (Ix(k),)), Num(2))), Sym(dims("D"))), ascii=True)
    '(sum_k x[k]**2)/D'
    """
    return _Writer(named(tree) if letters is None else letters, ascii).write(tree).text


def binding(tree: Tree) -> Binds:
    """Return how tightly the text of a formula holds together."""
    return _Writer(named(tree), True).write(tree).binds


def _part(written: Written, least: Binds) -> str:
    return written.text if written.binds >= least else f"({written.text})"


class _Writer:
    """Writes trees with given letters."""

    def __init__(self, letters: Mapping[Index, str], ascii_only: bool) -> None:
        self.letters, self.ascii = letters, ascii_only

    def write(self, tree: Tree) -> Written:
        match tree:
            case Num():
                return self._number(tree)
            case Const():
                pi = "pi" if self.ascii else "π"
                return Written(pi if tree.name == "pi" else "e", Binds.ATOM)
            case Sym():
                return Written(symbol_text(tree.symbol, ascii_only=self.ascii), Binds.ATOM)
            case Ix():
                return Written(self._letter(tree.index), Binds.ATOM)
            case Entry():
                return self._entry(tree)
            case Add():
                return self._sum_of_terms(tree)
            case Neg():
                return Written("-" + _part(self.write(tree.body), Binds.PRODUCT), Binds.SIGN)
            case Mul() | Div():
                negative, body = signed(tree)
                if negative:
                    return self.write(Neg(body))
                return self._quotient(tree) if isinstance(tree, Div) else self._product(tree)
            case Pow():
                return self._power(tree)
            case Fn(name="E" | "Var" | "Cov"):
                return Written(f"{tree.name}[{self._listed(tree.args)}]", Binds.ATOM)
            case Fn():
                return Written(f"{tree.name}({self._listed(arguments(tree))})", Binds.ATOM)
            case Sum():
                head = ("sum_" if self.ascii else "Σ_") + self._letter(tree.index)
                return Written(f"{head} {_part(self.write(tree.body), Binds.PRODUCT)}", Binds.PRODUCT, "factors")
            case Delta() | Ind():
                return Written(f"1[{self._condition(tree, tight=isinstance(tree, Delta))}]", Binds.ATOM)
            case Where():
                return self._cases(tree)
            case D():
                return self._derivative(tree)
        return Written(type(tree).__name__, Binds.ATOM)

    def _letter(self, index: Index) -> str:
        return index_text(self.letters.get(index, index.letter), ascii_only=self.ascii)

    def _listed(self, parts: tuple[Tree, ...]) -> str:
        return ", ".join(self.write(p).text for p in parts)

    def _number(self, tree: Num) -> Written:
        value = tree.value
        if value < 0:
            return self.write(Neg(Num(-value)))
        if value.denominator == 1 or reads_as_decimal(value):
            return Written(decimal(value), Binds.ATOM)
        return Written(f"{value.numerator}/{value.denominator}", Binds.PRODUCT)

    def _entry(self, tree: Entry) -> Written:
        name = tensor_text(tree.tensor, ascii_only=self.ascii)
        at = ",".join(self.write(p).text for p in tree.at)
        return Written(f"{name}[{at}]" if at else name, Binds.ATOM)

    def _sum_of_terms(self, tree: Add) -> Written:
        out = ""
        for n, term in enumerate(tree.terms):
            negative, body = signed(term)
            out += ("-" if negative else "") if n == 0 else " - " if negative else " + "
            out += _part(self.write(body), Binds.PRODUCT)
        return Written(out or "0", Binds.TERMS)

    def _product(self, tree: Mul) -> Written:
        parts = factors(tree)
        if len(parts) < 2:
            return self.write(parts[0]) if parts else Written("1", Binds.ATOM)
        texts, last = [], len(parts) - 1
        swallows = ""
        for n, factor in enumerate(parts):
            written = self.write(factor)
            if written.swallows and n == last:
                swallows = written.swallows
                texts.append(written.text)
            else:
                texts.append(_part(written, Binds.CLOSED))
        wide = swallows or any(t.startswith("(") for t in texts)
        return Written((" * " if wide else "*").join(texts), Binds.PRODUCT, swallows)

    def _quotient(self, tree: Div) -> Written:
        above, below = self.write(tree.num), self.write(tree.den)
        top = f"({above.text})" if above.swallows else _part(above, Binds.PRODUCT)
        return Written(f"{top}/{_part(below, Binds.CLOSED)}", Binds.PRODUCT)

    def _power(self, tree: Pow) -> Written:
        inside = exponential(tree)
        if inside is not None:
            return Written(f"exp({self.write(inside).text})", Binds.ATOM)
        found = root(tree)
        if found == (2, False):
            return Written(f"sqrt({self.write(tree.base).text})", Binds.ATOM)
        if found == (2, True):
            return Written(f"1/sqrt({self.write(tree.base).text})", Binds.PRODUCT)
        exponent = _part(self.write(tree.exponent), Binds.ATOM)
        return Written(f"{_part(self.write(tree.base), Binds.ATOM)}**{exponent}", Binds.CLOSED)

    def _condition(self, tree: Tree, tight: bool = False) -> str:
        """Write a 0-1 valued tree as the statement that it is 1."""
        found = comparison(tree)
        if found is not None:
            sign = found.rel if self.ascii else _RELATIONS.get(found.rel, found.rel)
            left, right = self.write(found.left).text, self.write(found.right).text
            return left + sign + right if tight else f"{left} {sign} {right}"
        if isinstance(tree, Mul):
            parts = [(self._condition(f), comparison(f) is None) for f in factors(tree)]
            return " and ".join(f"({part})" if compound else part for part, compound in parts)
        inner = negation(tree)
        if inner is not None:
            return f"not ({self._condition(inner)})"
        return f"{self.write(tree).text} {'!=' if self.ascii else '≠'} 0"

    def _cases(self, tree: Where) -> Written:
        pairs, other = branches(tree)
        out = "".join(f"{self.write(value).text} if {self._condition(c)} else " for value, c in pairs)
        return Written(f"({out}{self.write(other).text})", Binds.ATOM)

    def _derivative(self, tree: D) -> Written:
        sign = "d " if self.ascii else "∂"
        by, body = self.write(tree.wrt).text, self.write(tree.body).text
        if isinstance(tree.body, Entry):
            return Written(f"{sign}{body}/{sign}{by}", Binds.PRODUCT, "factors")
        return Written(f"{sign.strip()}/{sign}{by}({body})", Binds.PRODUCT, "factors")
