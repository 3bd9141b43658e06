"""The grammar of formulas, NumPy in spirit.

    program    =  { name [ "[" letters "]" ] "=" formula  ";" }  formula
    formula    =  or  { ("<" | ">" | "<=" | ">=" | "==" | "!=") or }
    or         =  and { "|" and }
    and        =  sum { "&" sum }
    sum        =  product { ("+" | "-") product }
    product    =  signed { ("*" | "/" | "@") signed }
    signed     =  ("-" | "+" | "~") signed  |  power
    power      =  part [ "**" signed ]
    part       =  atom { "." "T" | "." method "(" arguments ")" | "[" items "]" }
    atom       =  number | name | name { "'" } "(" arguments ")" | sum_letters "(" formula ")" | "(" formula ")"

Operators bind as in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symnn.language.scanner import Sign, number, scan
from symnn.language.syntax import (
    Binary,
    Call,
    Compare,
    Dots,
    FormulaError,
    Item,
    Name,
    NewAxis,
    Node,
    Number,
    Program,
    Range,
    Sigma,
    Statement,
    Text,
    Transposed,
    Tuple,
    Unary,
)

__all__ = ["parse"]

#: Brackets inside brackets beyond this are refused.
_DEEPEST = 40
_RELATIONS = ("<", ">", "<=", ">=", "==", "!=")
#: What a name may stand behind: the array library, which is understood.
_MODULES = frozenset(("np", "numpy", "jnp", "torch", "xp", "cp", "cupy", "linalg", "special", "scipy", "F"))
_METHODS = frozenset((
    "sum", "mean", "var", "std", "dot", "transpose", "swapaxes", "trace", "diagonal", "max", "min", "clip", "t",
    "squeeze", "reshape", "ravel", "flatten", "copy", "astype", "argmax", "prod", "cumsum", "exp", "log", "abs", "pow",
    "square", "sqrt", "unsqueeze", "expand_dims", "norm", "softmax", "log_softmax", "sigmoid", "tanh", "relu",
))  # fmt: skip


def parse(text: str) -> Program:
    """Return the tree of a formula.

    Raises:
        FormulaError: it is no formula; the message points at the place.
    """
    if not isinstance(text, str):
        raise TypeError(f"parse() takes a text, found {type(text).__name__}")
    return _Parser(text).program()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.signs, self.at = text, scan(text), 0
        self.depth, self.open = 0, 0

    # -- signs -----------------------------------------------------------------------------------------------------

    @property
    def here(self) -> Sign:
        """The sign to be read next; inside brackets ends of lines do not count."""
        while self.open and self.signs[self.at].kind == "\n":
            self.at += 1
        return self.signs[self.at]

    def ahead(self, count: int) -> Sign:
        return self.signs[min(self.at + count, len(self.signs) - 1)]

    def take(self, kind: str = "") -> Sign:
        sign = self.here
        if kind and sign.kind != kind:
            raise self.error(f"expected {kind!r} here, found {_shown(sign)}.")
        if sign.kind != "end":
            self.at += 1
        return sign

    def error(self, reason: str, sign: Sign | None = None, hint: str = "") -> FormulaError:
        return FormulaError(reason, self.text, (sign or self.here).start, hint)

    # -- statements ------------------------------------------------------------------------------------------------

    def program(self) -> Program:
        """Read statements and the formula."""
        statements: list[Statement] = []
        last: Node | None = None
        while True:
            while self.here.kind in ("\n", ";"):
                self.take()
            if self.here.kind == "end":
                break
            if last is not None and not isinstance(last, Statement):
                raise self.error("a formula stands before this one. Give all but the last a name, delta = ...")
            last = self.statement()
            if isinstance(last, Statement):
                statements.append(last)
            if self.here.kind not in ("\n", ";", "end"):
                what = f"nothing more was expected here, found {_shown(self.here)}."
                raise self.error(what, hint=_juxtaposed(self.here))
        if last is None:
            raise FormulaError("there is no formula.", self.text, 0)
        span = (0, len(self.text))
        if isinstance(last, Statement):
            return Program(span, tuple(statements[:-1]), last.value, last)
        return Program(span, tuple(statements), last)

    def statement(self) -> Node:
        start = self.here
        left = self.formula()
        if self.here.kind != "=":
            return left
        sign = self.take("=")
        if isinstance(left, Name):
            name, letters = left.name, None
        elif isinstance(left, Item) and isinstance(left.body, Name) and all(isinstance(i, Name) for i in left.items):
            name, letters = left.body.name, tuple(i.name for i in left.items if isinstance(i, Name))
        else:
            raise self.error("only a name, or a name with index letters, can stand before =.", sign)
        value = self.formula()
        return Statement((start.start, value.span[1]), name, letters, value)

    # -- formulas --------------------------------------------------------------------------------------------------

    def formula(self) -> Node:
        """Read a formula with its comparisons."""
        out = self.joined("|", lambda: self.joined("&", self.sum))
        if self.here.kind not in _RELATIONS:
            return out
        parts: list[Node] = []
        while self.here.kind in _RELATIONS:
            rel = self.take().kind
            right = self.joined("|", lambda: self.joined("&", self.sum))
            parts.append(Compare((out.span[0], right.span[1]), rel, out, right))
            out = right
        made = parts[0]
        for p in parts[1:]:  # a < b < c
            made = Binary((made.span[0], p.span[1]), "&", made, p)
        return made

    def joined(self, op: str, part: Callable[[], Node]) -> Node:
        out = part()
        while self.here.kind == op:
            self.take()
            right = part()
            out = Binary((out.span[0], right.span[1]), op, out, right)
        if self.here.kind == "^":
            turned = self.ahead(1).text in ("T", "t", "{") or "top" in self.ahead(1).text
            raise self.error(
                "^ is no power here.", hint="Write .T for a transpose." if turned else "Write ** for a power."
            )
        return out

    def sum(self) -> Node:
        out = self.product()
        while self.here.kind in ("+", "-"):
            op = self.take().kind
            right = self.product()
            out = Binary((out.span[0], right.span[1]), op, out, right)
        return out

    def product(self) -> Node:
        out = self.signed()
        while self.here.kind in ("*", "/", "@"):
            op = self.take().kind
            right = self.signed()
            out = Binary((out.span[0], right.span[1]), op, out, right)
        if self.here.kind == "//":
            raise self.error("whole division is no part of a formula.", hint="Write / for a quotient.")
        return out

    def signed(self) -> Node:
        signs: list[Sign] = []
        while self.here.kind in ("-", "+", "~"):
            signs.append(self.take())
            if len(signs) > _DEEPEST:
                raise self.error("too many signs in a row.", signs[0])
        out = self.power()
        for sign in reversed(signs):
            if sign.kind != "+":
                out = Unary((sign.start, out.span[1]), sign.kind, out)
        return out

    def power(self) -> Node:
        base = self.part()
        if self.here.kind != "**":
            return base
        sign = self.take()
        self.enter(sign)
        exponent = self.signed()
        self.leave(sign)
        return Binary((base.span[0], exponent.span[1]), "**", base, exponent)

    def enter(self, sign: Sign) -> None:
        """Note that what follows stands inside something, and inside one more bracket where that is one."""
        self.depth += 1
        self.open += sign.kind in ("(", "[", "{")
        if self.depth > _DEEPEST:
            raise self.error(f"brackets are nested more than {_DEEPEST} deep.", sign)

    def leave(self, sign: Sign) -> None:
        """Note that it ends."""
        self.depth -= 1
        self.open -= sign.kind in (")", "]", "}")

    def part(self) -> Node:
        out = self.atom()
        while True:
            if self.here.kind == ".":
                out = self.attribute(out)
            elif self.here.kind == "[":
                out = self.item(out)
            else:
                return out

    def attribute(self, body: Node) -> Node:
        self.take(".")
        sign = self.take("name")
        if sign.text in ("T", "mT"):
            return Transposed((body.span[0], sign.end), body)
        if self.here.kind == "(" and sign.text in _METHODS:
            args, keywords, end = self.arguments()
            return Call((body.span[0], end), sign.text, (body, *args), keywords)
        if sign.text == "shape" and self.here.kind == "[":
            args, end = self.items()
            return Call((body.span[0], end), "shape", (body, *args))
        raise self.error(
            f".{sign.text} is not known here.", sign,
            "Known are .T, .sum(axis), .mean(axis) and the like; write other functions as f(x).",
        )  # fmt: skip

    def item(self, body: Node) -> Node:
        items, end = self.items()
        return Item((body.span[0], end), body, items)

    def items(self) -> tuple[tuple[Node, ...], int]:
        self.enter(self.take("["))
        out: list[Node] = []
        while self.here.kind != "]":
            out.append(self.subscript())
            if self.here.kind != ",":
                break
            self.take(",")
        last = self.take("]")
        self.leave(last)
        if not out:
            raise self.error("there is nothing between the brackets.", last)
        return tuple(out), last.end

    def subscript(self) -> Node:
        start = self.here
        if start.kind == "...":
            self.take()
            return Dots((start.start, start.end))
        if start.kind == "name" and start.text in ("None", "newaxis"):
            self.take()
            return NewAxis((start.start, start.end))
        if start.kind == "name" and start.text in _MODULES and self.ahead(2).text == "newaxis":
            end = [self.take(), self.take(), self.take()][-1].end
            return NewAxis((start.start, end))
        parts: list[Node | None] = [None, None, None]
        place, colons = 0, 0
        while self.here.kind not in (",", "]"):
            if self.here.kind == ":":
                self.take()
                colons += 1
                place += 1
                if colons > 2:
                    raise self.error("a range has at most two colons.")
            else:
                parts[place] = self.formula()
                if self.here.kind not in (":", ",", "]"):
                    raise self.error(f"expected ',' or ']' here, found {_shown(self.here)}.")
        if not colons:
            if parts[0] is None:
                raise self.error("a position is missing here.")
            return parts[0]
        return Range((start.start, self.here.start), *parts)

    # -- atoms -----------------------------------------------------------------------------------------------------

    def atom(self) -> Node:
        sign = self.here
        if sign.kind == "number":
            self.take()
            return Number((sign.start, sign.end), number(sign, self.text))
        if sign.kind == "text":
            self.take()
            return Text((sign.start, sign.end), sign.text[1:-1])
        if sign.kind == "(":
            return self.bracket()
        if sign.kind == "[":
            return self.listed()
        if sign.kind == "name":
            return self.named()
        what = "the formula ends here" if sign.kind == "end" else f"found {_shown(sign)}"
        raise self.error(f"a number, a name or a bracket was expected; {what}.")

    def bracket(self) -> Node:
        start = self.take("(")
        self.enter(start)
        out = self.formula()
        if self.here.kind == ",":
            items = [out]
            while self.here.kind == ",":
                self.take(",")
                if self.here.kind != ")":
                    items.append(self.formula())
            out = Tuple((start.start, self.here.end), tuple(items))
        if self.here.kind != ")":
            raise self.error(f"expected ')' here, found {_shown(self.here)}.", hint=_juxtaposed(self.here))
        last = self.take(")")
        self.leave(last)
        return out if isinstance(out, Tuple) else replace(out, span=(start.start, last.end))

    def listed(self) -> Node:
        items, end = self.items()
        return Tuple((items[0].span[0] - 1, end), items)

    def named(self) -> Node:
        sign = self.take("name")
        while sign.text in _MODULES and self.here.kind == "." and self.ahead(1).kind == "name":
            self.take(".")
            sign = self.take("name")
        if self.here.kind == "'" and self.here.start == sign.end:
            return self.primed(sign)
        head, _, letters = sign.text.partition("_")
        if head in ("sum", "mean") and (letters or self.here.kind == "{") and "_" in sign.text:
            sigma = self.sigma(head, letters, sign)
            if sigma is not None:
                return sigma
        if self.here.kind == "(":
            args, keywords, end = self.arguments()
            return Call((sign.start, end), sign.text, args, keywords)
        return Name((sign.start, sign.end), sign.text)

    def primed(self, sign: Sign) -> Node:
        count = 0
        while self.here.kind == "'":
            self.take()
            count += 1
        if self.here.kind != "(":
            primed = sign.text + count * "'"
            raise self.error(f"{primed} is the derivative of a function: write its argument after it.")
        args, keywords, end = self.arguments()
        return Call((sign.start, end), sign.text, args, keywords, prime=count)

    def sigma(self, kind: str, letters: str, sign: Sign) -> Node | None:
        """Read sum_j(...), sum_j sum_k(...), sum_{j,k}(...) and sum_j x[j]; None for a name that only begins alike."""
        found: tuple[str, ...]
        if letters:
            found = (letters,)
            if len(letters) > 1 and letters.isalpha():
                if len(letters) > 3 or len(set(letters)) != len(letters):
                    return None
                found = tuple(letters)
            elif len(letters) > 1 and not (letters[0].isalpha() and letters[1:].isdecimal()):
                return None
        else:
            self.enter(self.take("{"))
            inside = [self.take("name")]
            while self.here.kind == ",":
                self.take(",")
                inside.append(self.take("name"))
            self.leave(self.take("}"))
            found = tuple(s for i in inside for s in ([i.text] if len(i.text) == 1 or not i.text.isalpha() else i.text))
        if len(set(found)) != len(found):
            raise self.error(f"{sign.text} sums over one letter twice.", sign)
        self.enter(sign)
        body = self.product() if self.here.kind != "(" else self.part()
        self.leave(sign)
        return Sigma((sign.start, body.span[1]), kind, found, body)

    def arguments(self) -> tuple[tuple[Node, ...], tuple[tuple[str, Node], ...], int]:
        self.enter(self.take("("))
        args: list[Node] = []
        keywords: list[tuple[str, Node]] = []
        while self.here.kind != ")":
            if self.here.kind == "name" and self.ahead(1).kind == "=":
                key = self.take("name").text
                self.take("=")
                if key in dict(keywords):
                    raise self.error(f"{key}= is given twice.")
                keywords.append((key, self.formula()))
            else:
                if keywords:
                    raise self.error("an argument without a name stands after one with a name.")
                args.append(self.formula())
            if self.here.kind != ",":
                break
            self.take(",")
        if self.here.kind != ")":
            raise self.error(f"expected ',' or ')' here, found {_shown(self.here)}.", hint=_juxtaposed(self.here))
        last = self.take(")")
        self.leave(last)
        return tuple(args), tuple(keywords), last.end


def _shown(sign: Sign) -> str:
    return "the end" if sign.kind == "end" else "the end of the line" if sign.kind == "\n" else repr(sign.text)


def _juxtaposed(sign: Sign) -> str:
    if sign.kind in ("name", "number", "("):
        return "Write * between factors, or @ for a product of matrices."
    return ""
