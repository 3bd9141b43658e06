"""Two small readers, of the text and of the LaTeX notation, and a direct evaluator of plain trees.

Values live in a finite field, functions and powers are arbitrary maps of it: two formulas agree only if
every bracket does. The readers share nothing with the writers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

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
)

P = 2**61 - 1
SIZE = 3
Env = Mapping[str, int]
Code = Callable[[Env], int]


def chaos(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=7).digest(), "big")


def entry(name: str, at: tuple[int, ...]) -> int:
    place = tuple(i % SIZE for i in at)
    return chaos(name, place) % SIZE if name in ("y", "t") else chaos(name, place)


SCALARS = {"s": chaos("s"), "C": SIZE, "pi": chaos("pi"), "e": chaos("e"), r"\pi": chaos("pi")}
RANK = {"x": 1, "t": 1, "W1": 2, "W^{(1)}": 2}


def field(value: Fraction) -> int:
    return value.numerator * pow(value.denominator, P - 2, P) % P


def inverse(a: int) -> int:
    return pow(a % P, P - 2, P)


def power(base: int, exponent: int) -> int:
    for root in (2, 3):
        if exponent % P == field(Fraction(-1, root)):
            return inverse(power(base, field(Fraction(1, root))))
    return chaos("power", base % P, exponent % P)


def call(name: str, *args: int) -> int:
    values = [a % P for a in args]
    if name in ("max", "min"):
        return max(values) if name == "max" else min(values)
    return chaos(name, *values)


def holds(rel: str, a: int, b: int) -> int:
    a, b = a % P, b % P
    table = {"=": a == b, "!=": a != b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}
    return int(table[rel])


# -- the tree itself


def value(tree: Tree, env: Mapping[object, int]) -> int:
    def go(t: Tree) -> int:
        return value(t, env)

    match tree:
        case Num():
            return field(tree.value)
        case Const():
            return SCALARS["pi" if tree.name == "pi" else "e"]
        case Sym():
            return SCALARS[tree.symbol.name]
        case Ix():
            return env[tree.index]
        case Entry():
            return entry(tree.tensor.name, tuple(map(go, tree.at)))
        case Add():
            return sum(map(go, tree.terms)) % P
        case Mul():
            out = 1
            for f in tree.factors:
                out = out * go(f) % P
            return out
        case Neg():
            return -go(tree.body) % P
        case Div():
            return go(tree.num) * inverse(go(tree.den)) % P
        case Pow():
            if tree.base == Const("E"):
                return call("exp", go(tree.exponent))
            return power(go(tree.base), go(tree.exponent))
        case Fn():
            return call(tree.name, *map(go, tree.args))
        case Sum():
            return sum(value(tree.body, {**env, tree.index: n}) for n in range(SIZE)) % P
        case Delta():
            return holds("=", go(tree.left), go(tree.right))
        case Ind():
            return holds(tree.rel, go(tree.left), go(tree.right))
        case Where():
            return go(tree.then) if go(tree.condition) % P else go(tree.other)
        case D():
            return chaos("D", go(tree.body) % P, go(tree.wrt) % P)
    raise AssertionError(tree)


# -- readers


class Misread(Exception):
    pass


class Reader:
    """What both notations share: sums of terms, comparisons, the reading of tokens."""

    relations: Mapping[str, str]

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = [*tokens, ""], 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise Misread(f"{token!r} instead of {wanted} in {' '.join(self.tokens)}, place {self.at}")
        self.at += 1
        return token

    def whole(self) -> Code:
        out = self.terms()
        self.take("")
        return out

    def term(self) -> Code:
        raise NotImplementedError

    def after_terms(self) -> None:
        """Hook: what may not follow."""

    def terms(self) -> Code:
        parts: list[tuple[int, Code]] = []
        sign = 1
        if self.peek() == "-":
            self.take()
            sign = -1
        while True:
            parts.append((sign, self.term()))
            if self.peek() not in ("+", "-"):
                return lambda env: sum(s * c(env) for s, c in parts) % P
            self.after_terms()
            sign = 1 if self.take() == "+" else -1

    def comparison(self) -> Code:
        left = self.terms()
        rel = self.relations[self.take(*self.relations)]
        right = self.terms()
        return lambda env: holds(rel, left(env), right(env))

    def either(self, *ways: Callable[[], Code]) -> Code:
        start = self.at
        for way in ways[:-1]:
            try:
                return way()
            except Misread:
                self.at = start
        return ways[-1]()

    def summed(self, letters: list[str], body: Code) -> Code:
        for letter in letters:
            body = self._over(letter, body)
        return body

    @staticmethod
    def _over(letter: str, body: Code) -> Code:
        return lambda env: sum(body({**env, letter: n}) for n in range(SIZE)) % P

    @staticmethod
    def scalar(name: str) -> Code:
        def run(env: Env) -> int:
            if name in env:
                return env[name]
            return entry(name, ()) if name == "y" else SCALARS[name]

        return run

    @staticmethod
    def tensor(name: str, at: list[Code]) -> Code:
        return lambda env: entry(name, tuple(c(env) for c in at))


class TextReader(Reader):
    relations = {"=": "=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}

    def __init__(self, source: str) -> None:
        pattern = r"\*\*|>=|<=|!=|\d+(?:\.\d+)?|[A-Za-z_]\w*'*|[-+*/()\[\],=<>]"
        if re.sub(pattern, "", source).strip():
            raise Misread(source)
        super().__init__(re.findall(pattern, source))

    def term(self) -> Code:
        out = self.factor()
        while self.peek() in ("*", "/"):
            out = self._joined(self.take(), out, self.factor())
        return out

    @staticmethod
    def _joined(sign: str, a: Code, b: Code) -> Code:
        if sign == "*":
            return lambda env: a(env) * b(env) % P
        return lambda env: a(env) * inverse(b(env)) % P

    def factor(self) -> Code:
        if self.peek().startswith("sum_"):
            letter = self.take()[4:]
            return self.summed([letter], self.term())
        if self.peek() == "d" and self.peek(1) != "[":
            return self.derivative()
        base = self.atom()
        if self.peek() != "**":
            return base
        self.take()
        exponent = self.atom()
        return lambda env: power(base(env), exponent(env))

    def derivative(self) -> Code:
        self.take("d")
        if self.peek() == "/":
            self.take(), self.take("d")
            wrt = self.name()
            body = self.bracketed()
        else:
            body = self.name()
            self.take("/"), self.take("d")
            wrt = self.name()
        if self.peek() in ("*", "/", "**"):
            raise Misread("something follows a derivative")
        return lambda env: chaos("D", body(env) % P, wrt(env) % P)

    def bracketed(self) -> Code:
        self.take("(")
        out = self.terms()
        self.take(")")
        return out

    def name(self) -> Code:
        name = self.take()
        if not name or not name[0].isalpha():
            raise Misread(name)
        if self.peek() != "[":
            return self.scalar(name)
        self.take()
        at = [self.terms()]
        while self.peek() == ",":
            self.take()
            at.append(self.terms())
        self.take("]")
        return self.tensor(name, at)

    def atom(self) -> Code:
        token = self.peek()
        if token == "1" and self.peek(1) == "[":
            self.take(), self.take()
            out = self.condition()
            self.take("]")
            return out
        if token[:1].isdigit():
            number = field(Fraction(self.take()))
            return lambda env: number
        if token == "(":
            return self.either(self.bracketed, self.cases)
        if token[:1].isalpha() and self.peek(1) == "(":
            return self.called()
        return self.name()

    def called(self) -> Code:
        name = self.take()
        self.take("(")
        args = [self.terms()]
        while self.peek() == ",":
            self.take()
            args.append(self.terms())
        self.take(")")
        if name == "sqrt":
            return lambda env: power(args[0](env), field(Fraction(1, 2)))
        return lambda env: call(name, *(a(env) for a in args))

    def cases(self) -> Code:
        self.take("(")
        out = self.case()
        self.take(")")
        return out

    def case(self) -> Code:
        then = self.terms()
        if self.peek() != "if":
            return then
        self.take()
        condition = self.condition()
        self.take("else")
        other = self.case()
        return lambda env: then(env) if condition(env) else other(env)

    def condition(self) -> Code:
        parts = [self.statement()]
        while self.peek() == "and":
            self.take()
            parts.append(self.statement())
        return lambda env: int(all(p(env) for p in parts))

    def statement(self) -> Code:
        if self.peek() == "not":
            self.take(), self.take("(")
            inner = self.condition()
            self.take(")")
            return lambda env: 1 - inner(env)
        return self.either(self.comparison, self.inner)

    def inner(self) -> Code:
        self.take("(")
        out = self.condition()
        self.take(")")
        return out


_NAMED = {
    r"\log": "log", r"\tanh": "tanh", r"\sin": "sin", r"\exp": "exp", r"\max": "max", r"\min": "min",
    r"\psi": "digamma", r"\Gamma": "gamma", r"\operatorname{sign}": "sign", r"\operatorname{erf}": "erf",
}  # fmt: skip


class LatexReader(Reader):
    relations = {"=": "=", r"\neq": "!=", ">": ">", r"\geq": ">=", "<": "<", r"\leq": "<="}
    stops = frozenset([
        "", "+", "-", ")", "}", "]", "&", r"\\", ",", r"\right)", r"\right]", r"\right|", r"\rvert",
        r"\end{cases}", r"\text{ and }", *relations,
    ])  # fmt: skip

    def __init__(self, source: str) -> None:
        pattern = (
            r"\\operatorname\{\w+\}|\\text\{[^}]*\}|\\(?:begin|end)\{cases\}|\\mathbb\{1\}|W\^\{\(1\)\}"
            r"|\\(?:left|right)[(|)\[\]]|\\[A-Za-z]+|\\\\|\\,|\d+(?:\.\d+)?|[A-Za-z]'*|[-+/(){}\[\]^_,=<>&]"
        )
        if re.sub(pattern, "", source).strip():
            raise Misread(source)
        super().__init__([t for t in re.findall(pattern, source) if t not in (r"\,", r"\cdot")])
        self.shut = False  # nothing may follow in this term
        self.ended = False  # nor in this sum of terms

    def after_terms(self) -> None:
        if self.ended:
            raise Misread("a term follows cases")

    def terms(self) -> Code:
        self.ended = False
        return super().terms()

    def term(self) -> Code:
        self.shut = self.ended = False
        out = self.factor()
        while self.peek() not in self.stops:
            if self.shut or self.ended:
                raise Misread(f"{self.peek()} follows an open end in {' '.join(self.tokens)}")
            divide = self.peek() == "/"
            if divide:
                self.take()
            out = self._joined(divide, out, self.factor())
        return out

    @staticmethod
    def _joined(divide: bool, a: Code, b: Code) -> Code:
        if divide:
            return lambda env: a(env) * inverse(b(env)) % P
        return lambda env: a(env) * b(env) % P

    def group(self) -> Code:
        self.take("{")
        out = self.terms()
        self.take("}")
        self.shut = self.ended = False
        return out

    def factor(self) -> Code:
        base = self.atom()
        if self.peek() != "^":
            return base
        self.take()
        exponent = self.group()
        if self.peek() == "^":
            raise Misread("double superscript")
        return lambda env: power(base(env), exponent(env))

    def fenced(self, close: str) -> Code:
        out = self.terms()
        self.take(close)
        self.shut = self.ended = False
        return out

    def atom(self) -> Code:
        token = self.take()
        if token[:1].isdigit():
            number = field(Fraction(token))
            return lambda env: number
        if token in ("(", r"\left("):
            return self.fenced(")" if token == "(" else r"\right)")
        if token in (r"\lvert", r"\left|"):
            inner = self.fenced({r"\lvert": r"\rvert", r"\left|": r"\right|"}[token])
            return lambda env: call("abs", inner(env))
        if token == r"\frac":
            return self.fraction()
        if token == r"\sqrt":
            degree = 2
            if self.peek() == "[":
                self.take()
                degree = int(self.take())
                self.take("]")
            inner = self.group()
            return lambda env: power(inner(env), field(Fraction(1, degree)))
        if token == r"\sum":
            return self.sum()
        if token == r"\mathbb{1}":
            return self.indicator()
        if token == r"\begin{cases}":
            return self.cases()
        if token in _NAMED:
            return self.called(_NAMED[token])
        if token == "e" and self.peek() == "^":
            self.take()
            inner = self.group()
            return lambda env: call("exp", inner(env))
        return self.name(token)

    def sum(self) -> Code:
        self.take("_"), self.take("{")
        letters = [self.take()]
        while self.peek() == ",":
            self.take()
            letters.append(self.take())
        self.take("}")
        body = self.term()
        ended = self.ended
        self.shut, self.ended = True, ended
        return self.summed(letters, body)

    def called(self, name: str) -> Code:
        raised = None
        if self.peek() == "^":
            self.take()
            raised = self.group()
        if self.peek() in ("(", r"\left("):
            close = ")" if self.take() == "(" else r"\right)"
            args = [self.terms()]
            while self.peek() == ",":
                self.take()
                args.append(self.terms())
            self.take(close)
            self.shut = self.ended = False
        else:
            args = [self.atom()]
            self.shut = True
            if self.peek() == "^":
                raise Misread("is the function raised or its argument?")

        def run(env: Env) -> int:
            out = call(name, *(a(env) for a in args))
            return power(out, raised(env)) if raised is not None else out

        return run

    def fraction(self) -> Code:
        if self.peek(1) != r"\partial":
            above, below = self.group(), self.group()
            return lambda env: above(env) * inverse(below(env)) % P
        self.take("{"), self.take(r"\partial")
        body = None if self.peek() == "}" else self.terms()
        self.take("}"), self.take("{"), self.take(r"\partial")
        wrt = self.terms()
        self.take("}")
        if body is None:
            body = self.fenced("]" if self.take("[", r"\left[") == "[" else r"\right]")
        inner = body
        return lambda env: chaos("D", inner(env) % P, wrt(env) % P)

    def indicator(self) -> Code:
        if self.peek() == r"\left[":
            self.take()
            out = self.condition()
            self.take(r"\right]")
        else:
            self.take("_"), self.take("{"), self.take("(")
            out = self.condition()
            self.take(")"), self.take("}")
        self.shut = self.ended = False
        return out

    def cases(self) -> Code:
        pairs: list[tuple[Code, Code]] = []
        while True:
            then = self.terms()
            self.take("&")
            if self.take(r"\text{if }", r"\text{otherwise}") == r"\text{otherwise}":
                break
            pairs.append((then, self.condition()))
            self.take(r"\\")
        self.take(r"\end{cases}")
        self.ended = True
        other = then

        def run(env: Env) -> int:
            for result, condition in pairs:
                if condition(env):
                    return result(env)
            return other(env)

        return run

    def condition(self) -> Code:
        parts = [self.statement()]
        while self.peek() == r"\text{ and }":
            self.take()
            parts.append(self.statement())
        return lambda env: int(all(p(env) for p in parts))

    def statement(self) -> Code:
        if self.peek() == r"\text{not }":
            self.take()
            inner = self.inner()
            return lambda env: 1 - inner(env)
        return self.either(self.comparison, self.inner)

    def inner(self) -> Code:
        close = ")" if self.take("(", r"\left(") == "(" else r"\right)"
        out = self.condition()
        self.take(close)
        return out

    def name(self, name: str) -> Code:
        if not re.fullmatch(r"[A-Za-z]'*|W\^\{\(1\)\}|\\pi", name):
            raise Misread(f"{name!r} in {' '.join(self.tokens)}")
        if self.peek() != "_":
            return self.scalar(name)
        self.take(), self.take("{")
        if self.peek(1) in self.relations or name not in RANK:
            raise Misread(name)
        at = [self.position(RANK[name])]
        while len(at) < RANK[name]:
            if self.peek() == ",":
                self.take()
            at.append(self.position(RANK[name]))
        self.take("}")
        self.shut = self.ended = False
        if self.peek() == "_":
            raise Misread("double subscript")
        return self.tensor({"W^{(1)}": "W1"}.get(name, name), at)

    def position(self, rank: int) -> Code:
        """Read an index expression; without commas indices are single letters."""
        depth, ahead = 0, 0
        while self.peek(ahead) and not (depth == 0 and self.peek(ahead) in (",", "}")):
            depth += {"{": 1, "}": -1}.get(self.peek(ahead), 0)
            ahead += 1
        listed = self.peek(ahead) == "," or self.peek(-1) == ","
        return self.terms() if rank == 1 or listed else self.name(self.take())
