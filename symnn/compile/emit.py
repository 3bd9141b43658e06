"""Turn one stabilised tree into lines of array code: every subexpression is a Piece, a text with index axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from symnn.compile import contract, positions
from symnn.compile.elementwise import ELEMENTWISE, constant
from symnn.compile.piece import ATOM, CALL, COMPARE, LOGIC, POWER, PRODUCT, SIGN, SUM, Piece, aligned, union
from symnn.compile.products import Quotient, quotient, summands
from symnn.compile.safe_nodes import LOWEST, Peak
from symnn.compile.scatter import scattered
from symnn.ground.errors import UnsupportedError
from symnn.ground.indices import Index
from symnn.ground.sizes import Size
from symnn.ground.tensors import Tensor
from symnn.ground.tree import (
    ONE,
    ZERO,
    Add,
    Const,
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
    children,
    depends_on,
    free_indices,
    mul,
    walk,
)

__all__ = ["Code", "Emitter"]

_RELATIONS = {">": ">", ">=": ">=", "=": "==", "!=": "!="}

#: Functions that may be infinite or undefined somewhere, so that 0 times them needs a guard.
_RISKY = {
    "exp",
    "log",
    "log1p",
    "expm1",
    "sinh",
    "cosh",
    "tan",
    "gamma",
    "loggamma",
    "digamma",
    "asin",
    "acos",
}


@dataclass(frozen=True)
class Code:
    """The program of one node: temporaries, then the node itself; texts are format strings over names.

    Attributes:
        steps: (number, text, shared) in order of execution: the temporary of that number gets the text, and may be
            shared with other nodes; number 0 is a statement that changes a buffer.
        result: text of the node's value.
        fresh: the value is a new array.
        risky: a branch that is not taken may overflow or divide by zero.
    """

    steps: tuple[tuple[int, str, bool], ...]
    result: str
    fresh: bool
    risky: bool


class Emitter:
    """Emit one node.

    Args:
        free: the output's indices, in the order of its axes.
        tensor: tensor -> field that stands for its name.
        size: size -> text in fields.
        symbol: scalar symbol -> text in fields.
        temp: number of a temporary -> field.
    """

    def __init__(
        self,
        free: Sequence[Index],
        tensor: Callable[[Tensor], str],
        size: Callable[[Size], str],
        symbol: Callable[[Any], str],
        temp: Callable[[int], str],
    ) -> None:
        self.free = tuple(free)
        self.tensor, self.size, self.symbol, self.temp = tensor, size, symbol, temp
        self.rank = {k: n for n, k in enumerate(self.free)}
        self.steps: list[tuple[int, str, bool]] = []
        self.count = 0
        self.risky = False
        self.guards = 0
        self._repeated: set[Tree] = set()
        self._done: dict[tuple[Tree, int], Piece] = {}
        self._known: dict[str, str] = {}

    # -- the node as a whole ----------------------------------------------------------------

    def node(self, tree: Tree) -> Code:
        """Return the program of ``out[free] = tree``."""
        counts = Counter(t for t in walk(tree) if not _trivial(t))
        self._repeated = {t for t, n in counts.items() if n > 1}
        for t in walk(tree):
            if isinstance(t, Sum):
                self.rank.setdefault(t.index, len(self.rank))
        out = self.whole(self.emit(tree), self.free)
        return Code(tuple(self.steps), out.text, out.fresh, self.risky)

    def whole(self, piece: Piece, axes: Sequence[Index]) -> Piece:
        """Return the piece as an array with exactly the given axes, in the program's precision."""
        piece = self.real(piece)
        if piece.kind == "number":
            shape = self.shape(axes)
            made = (
                f"xp.full({shape}, {piece.text}, dtype=real)"
                if axes
                else f"xp.asarray({piece.text}, dtype=real)"
            )
            return Piece(made, tuple(axes), CALL, fresh=True)
        fits = set(piece.axes) == set(axes)
        piece = aligned(piece, tuple(axes)) if piece.axes else piece
        if not fits:
            return Piece(f"xp.broadcast_to({piece.text}, {self.shape(axes)})", tuple(axes), CALL)
        return piece

    def shape(self, axes: Sequence[Index]) -> str:
        """Return the shape of an array with the given axes."""
        return "(" + ", ".join(self.size(k.size) for k in axes) + ("," if len(axes) == 1 else "") + ")"

    def real(self, piece: Piece) -> Piece:
        """Return the piece as numbers of the program's precision."""
        if piece.kind in ("bool", "int"):
            if not piece.axes and piece.kind == "int":
                return piece
            return Piece(f"{piece.at(CALL)}.astype(real)", piece.axes, CALL, fresh=True)
        return piece

    def hold(self, piece: Piece) -> Piece:
        """Give the piece a name, so that its text may be used twice."""
        if piece.level == ATOM:
            return piece
        name = self._known.get(piece.text)
        if name is None:
            self.count += 1
            name = self._known[piece.text] = self.temp(self.count)
            self.steps.append((self.count, piece.text, True))
        return Piece(name, piece.axes, ATOM, piece.kind)

    def buffer(self, piece: Piece) -> Piece:
        """Give the piece a name of its own, an array that may be changed in place."""
        self.count += 1
        name = self.temp(self.count)
        self.steps.append((self.count, piece.text if piece.fresh else f"{piece.at(CALL)}.copy()", False))
        return Piece(name, piece.axes, ATOM, fresh=True)

    def change(self, statement: str) -> None:
        """Add a statement that changes a buffer."""
        self.steps.append((0, statement, False))

    # -- one tree ----------------------------------------------------------------

    def emit(self, tree: Tree) -> Piece:
        """Return the piece of a tree."""
        key = (tree, self.guards)
        made = self._done.get(key)
        if made is None:
            made = self._emit(tree)
            if (tree in self._repeated or _shareable(tree)) and made.kind != "number":
                made = self._done[key] = replace(self.hold(made), fresh=False)
        return made

    def _emit(self, tree: Tree) -> Piece:
        match tree:
            case Num() | Const() | Sym():
                return self._scalar(tree)
            case Ix():
                return self.real(positions.position(self, tree))
            case Entry():
                found = positions.entry(self, tree)
                return self.real(replace(found, kind="int")) if tree.tensor.classes is not None else found
            case Add():
                return self._add(tree)
            case Neg() | Mul() | Div():
                return self._product(quotient(tree))
            case Pow():
                return self._power(tree)
            case Fn():
                return self._function(tree)
            case Peak():
                return self._largest(tree)
            case Sum():
                return self._sum(tree)
            case Delta() | Ind():
                return self.condition(tree)
            case Where():
                return self._where(tree)
        raise UnsupportedError(f"{type(tree).__name__} cannot be compiled. Carry the derivative out first.")

    def _scalar(self, tree: Tree) -> Piece:
        if isinstance(tree, Num):
            return constant(tree.value)
        if isinstance(tree, Const):
            if tree == LOWEST:
                return Piece("float(xp.finfo(real).min)", (), CALL, "number")
            return Piece({"pi": "xp.pi", "E": "xp.e"}[tree.name], (), ATOM, "number")
        assert isinstance(tree, Sym)
        text = self.symbol(tree.symbol)
        return Piece(text, (), ATOM if text[0] == "{" and text[-1] == "}" else SUM - 1, "number")

    # -- sums and products, entry by entry ----------------------------------------------------------------

    def _add(self, tree: Tree) -> Piece:
        made = scattered(self, tree)
        if made is not None:
            return made
        pieces = []
        for t in summands(tree):
            sign, body = (-1, t.body) if isinstance(t, Neg) else (1, t)
            q = quotient(body)
            body = Quotient(1, q.above, q.below).tree() if q.sign < 0 else body
            pieces.append((sign * q.sign, self.real(self.emit(body))))
        first = next((n for n, (sign, _) in enumerate(pieces) if sign > 0), 0)
        pieces.insert(0, pieces.pop(first))
        axes = union([p for _, p in pieces], self.rank, self.free)
        kind = "number" if all(p.kind == "number" for _, p in pieces) else "real"
        if kind == "real" and len(pieces) > 1:
            big = [
                n
                for n, (s, p) in enumerate(pieces)
                if s > 0 and p.fresh and p.axes == axes and " @ " in p.text
            ]
            if big and axes:
                return self._added_to(pieces, big[0])
        text = ""
        for sign, p in pieces:
            one = aligned(p, axes).at(SUM + (sign < 0 or bool(text)) * 1)
            text += (f" {'+' if sign > 0 else '-'} " if text else "-" if sign < 0 else "") + one
        return Piece(
            text, axes, SUM if len(pieces) > 1 or pieces[0][0] < 0 else pieces[0][1].level, kind, fresh=True
        )

    def _added_to(self, pieces: list[tuple[int, Piece]], n: int) -> Piece:
        """Add the others to a matrix product's new array in place."""
        out = self.buffer(pieces[n][1])
        for sign, p in pieces[:n] + pieces[n + 1 :]:
            self.change(f"{out.text} {'+' if sign > 0 else '-'}= {aligned(p, out.axes).text}")
        return out

    def _product(self, q: Quotient) -> Piece:
        made = scattered(self, q.tree())
        if made is not None:
            return made
        q = self.guarded(q)
        above, below = [self.emit(f) for f in q.above], [self.real(self.emit(f)) for f in q.below]
        if not any(p.kind == "real" for p in above) or q.below and all(p.kind != "real" for p in above):
            above = [self.real(p) for p in above]
        above.sort(key=lambda p: p.kind == "bool")
        return self.multiplied(q.sign, above, below)

    def multiplied(self, sign: int, above: list[Piece], below: list[Piece]) -> Piece:
        """Return sign * product(above) / product(below), scalars gathered so that each array is passed once."""
        if sign > 0 and len(above) == 1 and not below:
            return above[0]
        axes = union((*above, *below), self.rank, self.free)
        kind = "number" if all(p.kind == "number" for p in (*above, *below)) else "real"
        scalars = [p.at(PRODUCT) for p in above if not p.axes]
        divisors = [p for p in below if not p.axes]
        arrays = [aligned(p, axes) for p in above if p.axes]
        unders = [aligned(p, axes) for p in below if p.axes]
        under = " * ".join(p.at(PRODUCT) for p in divisors)
        if len(divisors) > 1:
            under = f"({under})"
        elif divisors:
            under = divisors[0].at(PRODUCT + 1)
        text = " * ".join(scalars)
        if text and under:
            text = f"{text} / {under}"
            text = f"({text})" if arrays else text
            under = ""
        for p in arrays:
            text += (" * " if text else "") + p.at(PRODUCT + (1 if text else 0))
        text = text or "1"
        if under:
            text += f" / {under}"
        if unders:
            text += " / " + (unders[0].at(PRODUCT + 1) if len(unders) == 1 else
                             "(" + " * ".join(p.at(PRODUCT) for p in unders) + ")")  # fmt: skip
        single = len(above) == 1 and not below
        level = ATOM if text == "1" else PRODUCT
        if single:
            text = above[0].at(PRODUCT)
        if sign < 0:
            text, level = f"-{text}", SIGN if single else PRODUCT
        return Piece(text, axes, level, kind, fresh=True)

    def guarded(self, q: Quotient) -> Quotient:
        """1[c] u: where the indicator is 0 the product is 0, even if u is infinite or undefined there."""
        masks = [f for f in q.above if isinstance(f, Delta | Ind)]
        if not masks:
            return q
        risky = [f for f in q.above if f not in masks and _may_fail(f)]
        bad = [f for f in q.below if not isinstance(f, Num | Sym)]
        if not risky and not bad:
            return q
        rest = [f for f in q.above if f not in masks and f not in risky]
        kept = [f for f in q.below if f not in bad]
        return Quotient(q.sign, [*rest, Where(mul(*masks), Quotient(1, risky, bad).tree(), ZERO)], kept)

    # -- powers and functions ----------------------------------------------------------------

    def _power(self, tree: Pow) -> Piece:
        base = self.real(self.emit(tree.base))
        q = quotient(tree.exponent)
        if all(isinstance(f, Num) for f in (*q.above, *q.below)):
            return self._rational_power(base, q.sign * _ratio(q))
        exponent = self.real(self.emit(tree.exponent))
        kind = "number" if base.kind == exponent.kind == "number" else "real"
        axes = union((base, exponent), self.rank, self.free)
        text = f"{aligned(base, axes).at(POWER + 1)} ** {aligned(exponent, axes).at(POWER)}"
        return Piece(text, axes, POWER, kind, fresh=True)

    def _rational_power(self, base: Piece, exponent: Fraction) -> Piece:
        if exponent == 1:
            return base
        if base.kind == "real":
            if exponent < 0:
                return self.multiplied(1, [], [self._rational_power(base, -exponent)])
            if exponent in (2, 3):
                base = self.hold(base)
                return Piece(" * ".join([base.text] * int(exponent)), base.axes, PRODUCT, fresh=True)
            if exponent == Fraction(1, 2):
                return Piece(f"xp.sqrt({base.text})", base.axes, CALL, fresh=True)
        text = f"{base.at(POWER + 1)} ** {constant(exponent).at(SIGN)}"
        return Piece(text, base.axes, POWER, base.kind, fresh=True)

    def _function(self, tree: Fn) -> Piece:
        if tree.name not in ELEMENTWISE:
            raise UnsupportedError(
                f"The compiler knows no function {tree.name!r}. Known: {', '.join(ELEMENTWISE)}."
            )
        args = [self.real(self.emit(a)) for a in tree.args]
        if tree.name == "stop_gradient":
            return args[0]
        if tree.name == "logistic":
            return self._logistic(tree.args[0])
        if tree.name == "softplus":
            args = [self.hold(args[0])]
        axes = union(args, self.rank, self.free)
        text = ELEMENTWISE[tree.name].format(*[aligned(a, axes).text for a in args])
        if all(a.kind == "number" for a in args):
            return Piece(f"float({text})", (), CALL, "number")
        return Piece(text, axes, SUM if tree.name == "softplus" else CALL, fresh=True)

    def _logistic(self, u: Tree) -> Piece:
        """1/(1 + e^-u) = 1/(1 + e) where u >= 0 else e/(1 + e), e = exp(-|u|)."""
        q = quotient(u)
        base = self.hold(self.real(self.emit(Quotient(1, q.above, q.below).tree() if q.sign < 0 else u)))
        small = self.hold(Piece(f"xp.exp(-xp.abs({base.text}))", base.axes, CALL))
        pair = ("1", small.text) if q.sign > 0 else (small.text, "1")
        if base.kind == "number":
            return Piece(
                f"float(xp.where({base.text} >= 0, {', '.join(pair)}) / (1 + {small.text}))",
                (),
                CALL,
                "number",
            )
        return Piece(
            f"xp.where({base.text} >= 0, {', '.join(pair)}) / (1 + {small.text})",
            base.axes,
            PRODUCT,
            fresh=True,
        )

    # -- conditions ----------------------------------------------------------------

    def condition(self, tree: Tree) -> Piece:
        """Return a piece of truth values."""
        if isinstance(tree, Ind):
            integer = (
                tree.rel in ("=", "!=")
                and positions.is_position(tree.left)
                and positions.is_position(tree.right)
            )
            if integer:
                return self._compare(
                    _RELATIONS[tree.rel], *[positions.position(self, p) for p in (tree.left, tree.right)]
                )
            return self._compare(
                _RELATIONS[tree.rel], self.real(self.emit(tree.left)), self.real(self.emit(tree.right))
            )
        if isinstance(tree, Delta):
            return self._compare(
                "==", positions.position(self, tree.left), positions.position(self, tree.right)
            )
        if isinstance(tree, Mul):
            parts = [self.condition(f) for f in tree.factors]
            axes = union(parts, self.rank, self.free)
            return Piece(
                " & ".join(aligned(p, axes).at(LOGIC + 1) for p in parts), axes, LOGIC, "bool", fresh=True
            )
        if isinstance(tree, Add) and len(tree.terms) == 2 and ONE in tree.terms:
            other = next(t for t in tree.terms if t != ONE)
            if isinstance(other, Neg):
                inner = self.condition(other.body)
                return Piece(f"xp.logical_not({inner.text})", inner.axes, CALL, "bool", fresh=True)
        value = self.emit(tree)
        if value.kind == "bool":
            return value
        return Piece(f"{value.at(SUM)} != 0", value.axes, COMPARE, "bool", fresh=True)

    def _compare(self, relation: str, left: Piece, right: Piece) -> Piece:
        axes = union((left, right), self.rank, self.free)
        text = f"{aligned(left, axes).at(SUM)} {relation} {aligned(right, axes).at(SUM)}"
        if left.kind == right.kind == "number" or not axes and "int" in (left.kind, right.kind):
            return Piece(f"xp.asarray({text})", (), CALL, "bool", fresh=True)
        return Piece(text, axes, COMPARE, "bool", fresh=True)

    def _where(self, tree: Where) -> Piece:
        test = self.condition(tree.condition)
        self.guards += 1
        branches = [self.real(self.emit(tree.then)), self.real(self.emit(tree.other))]
        self.guards -= 1
        if _may_fail(tree.then) or _may_fail(tree.other):
            self.risky = True
        axes = union((test, *branches), self.rank, self.free)
        text = f"xp.where({', '.join(aligned(p, axes).text for p in (test, *branches))})"
        if all(p.kind == "number" for p in branches):
            text += ".astype(real)"
        return Piece(text, axes, CALL, fresh=True)

    # -- reductions ----------------------------------------------------------------

    def _largest(self, tree: Peak) -> Piece:
        body = self.emit(tree.body)
        if tree.index not in body.axes:
            return body
        left = tuple(k for k in body.axes if k is not tree.index)
        return Piece(f"{body.at(CALL)}.max(axis={body.axes.index(tree.index)})", left, CALL, fresh=True)

    def _sum(self, tree: Sum) -> Piece:
        over: list[Index] = []
        body: Tree = tree
        sign = 1
        while isinstance(body, Neg) or (isinstance(body, Sum) and not isinstance(body, Peak)):
            if isinstance(body, Neg):
                sign = -sign
            else:
                over.append(body.index)
            body = body.body
        if isinstance(body, Add) and self._splits(body):
            return self.emit(Add(tuple(_signed_sum(over, t if sign > 0 else Neg(t)) for t in summands(body))))
        made = scattered(self, tree)
        if made is not None:
            return made
        q = self.guarded(quotient(body))
        sign *= q.sign
        inside = [f for f in q.above if any(depends_on(f, k) for k in over)]
        outside = [self.emit(f) for f in q.above if f not in inside]
        below = [self.emit(f) for f in q.below if not any(depends_on(f, k) for k in over)]
        under = [f for f in q.below if any(depends_on(f, k) for k in over)]
        free = [k for k in over if not any(depends_on(f, k) for f in (*inside, *under))]
        outside += [
            Piece(self.size(k.size), (), ATOM if _field(self.size(k.size)) else SUM - 1, "number")
            for k in free
        ]
        over = [k for k in over if k not in free]
        if not over:
            return self.multiplied(sign, [self.real(p) for p in outside], [self.real(p) for p in below])
        made = self._reduced(self._factors(inside, under), over)
        return self.multiplied(sign, [*[self.real(p) for p in outside], made], [self.real(p) for p in below])

    def _factors(self, inside: list[Tree], under: list[Tree]) -> list[Piece]:
        """Return the factors under a sum sign, each divisor put under a factor that has its axes."""
        flat: list[Tree] = []
        for f in inside:
            twice = isinstance(f, Pow) and f.exponent == Num(Fraction(2)) and isinstance(f.base, Entry)
            flat += [f.base] * 2 if twice and isinstance(f, Pow) else [f]
        pieces = [self.real(self.emit(f)) for f in flat]
        for d in under:
            low = self.real(self.emit(d))
            hosts = [n for n, p in enumerate(pieces) if set(low.axes) <= set(p.axes)]
            if hosts:
                n = min(hosts, key=lambda m: len(pieces[m].axes))
                pieces[n] = self.multiplied(1, [pieces[n]], [low])
            else:
                pieces.append(self.multiplied(1, [], [low]))
        return pieces

    def _reduced(self, pieces: list[Piece], over: Sequence[Index]) -> Piece:
        numbers = [p for p in pieces if not p.axes]
        arrays = [p for p in pieces if p.axes]
        made = contract.contraction(arrays, over, self.free, self.rank)
        return self.multiplied(1, [*numbers, made], []) if numbers else made

    def _splits(self, body: Add) -> bool:
        """Tell whether the terms of a sum are better summed one by one: together they would need a larger array."""
        largest = 0
        for t in summands(body):
            q = quotient(t)
            largest = max(largest, 0, *(len(free_indices(f)) for f in (*q.above, *q.below)))
        return len(free_indices(body)) > largest


def _signed_sum(over: Sequence[Index], term: Tree) -> Tree:
    q = quotient(term)
    negative, q.sign = q.sign < 0, 1
    body = q.tree()
    for k in reversed(over):
        body = Sum(k, body)
    return Neg(body) if negative else body


def _ratio(q: Quotient) -> Fraction:
    out = Fraction(1)
    for f in q.above:
        assert isinstance(f, Num)
        out = out * f.value
    for f in q.below:
        assert isinstance(f, Num)
        out = out / f.value
    return out


def _field(text: str) -> bool:
    return text.isdigit() or (text.startswith("{") and text.endswith("}") and text.count("{") == 1)


def _trivial(tree: Tree) -> bool:
    if isinstance(tree, Entry):
        return len(set(tree.at)) == len(tree.at) and all(isinstance(p, Ix) for p in tree.at)
    if isinstance(tree, Neg):
        return True
    return not children(tree)


def _shareable(tree: Tree) -> bool:
    """Tell whether other nodes are likely to need the same: a peak, exponentials shifted by it, and their sum."""
    if isinstance(tree, Sum) and not isinstance(tree, Peak):
        tree = tree.body
    if isinstance(tree, Fn) and tree.name == "exp":
        terms = summands(tree.args[0])
        return any(isinstance(t, Neg) and isinstance(t.body, Peak) for t in terms)
    return isinstance(tree, Peak)


def _may_fail(tree: Tree) -> bool:
    """Tell whether a subtree may be infinite or undefined somewhere, or reads outside a tensor."""
    for t in walk(tree):
        if isinstance(t, Entry) and not all(map(positions.inside, t.at, t.tensor.shape)):
            return True
        if isinstance(t, Fn) and t.name in _RISKY:
            return True
        if isinstance(t, Div) and not all(isinstance(f, Num | Sym) for f in quotient(t.den).above):
            return True
        if isinstance(t, Pow) and not (isinstance(t.exponent, Num) and t.exponent.value.denominator == 1):
            return True
    return False
