r"""Functions in LaTeX: entry by entry, \operatorname{softmax}, diag, tr, norms, and what \sigma or g mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symnn.ground.sympy_border import from_sympy
from symnn.ground.tree import ONE as UNIT
from symnn.ground.tree import Add, Delta, Div, Fn, Neg, Pow, Tree, mul, num
from symnn.language.arrays import ONE, Array, pointwise
from symnn.language.latex_activations import MADE_OF_SIGMOID, Activation, activations, at, derived, scalar_function
from symnn.language.latex_names import Names
from symnn.language.latex_products import Diagonal, Oriented, plain
from symnn.language.latex_syntax import Called, Function, Indexed, Inner, Named, Norm, Product
from symnn.language.latex_words import ACTIVATION_LETTERS
from symnn.language.syntax import Node, Number

__all__ = ["Functions"]


class Functions(Oriented):
    """Meaning of functions."""

    names: Names
    #: with examples as columns, one-hot vectors of labels are rows all the same
    hot_rows: bool = False

    def tensor_at(self, node: Node) -> Any:
        """Return the tensor that a plain name stands for, or None."""
        found = self.names.find(node) if isinstance(node, Named) else None
        return None if found is None else found.array.tensor

    def labels(self, node: Node) -> Array:
        """Return labels as they are, not as one-hot vectors."""
        raise NotImplementedError

    # -- functions of one number -----------------------------------------------------------------------------------

    def each(self, tree: Tree, x: Array, what: str) -> Array:
        """Return a function of one number entry by entry."""
        return pointwise(self.sizes, what, lambda u: at(tree, u), x)

    def _function(self, node: Function) -> Array:
        if node.bare:
            self.check_end(node)
        if node.loose:
            self.note(f"{self.text_of(node)} takes all factors behind it")
        special = _SPECIAL.get(node.name)
        if special is None:
            out = self.scalar(node)
        else:
            if node.primes:
                raise self.error(f"{node.name} is not a function of one number: its derivative is a matrix.", node)
            out = special(self, node)
        if node.below and special is not None:
            out = self.picked(out, node)
        return out if node.power is None else self.to_power(out, node.power, node)

    def check_end(self, node: Function) -> None:
        """Check that it is clear where an argument without brackets ends: not before the brackets of log x (1 - x)."""
        (arg,) = node.args
        for part in arg.factors if isinstance(arg, Product) else (arg,):
            if len(self.split(part)) > 1:
                raise self.error(
                    f"does the argument of {node.name} end before these brackets, or behind them?", part,
                    f"Write \\{node.name}(..) with brackets of its own.",
                )  # fmt: skip

    def to_power(self, x: Array, power: Node, node: Node) -> Array:
        """Return f^2(x)."""
        exponent = self.value(power)
        if exponent.value is None or exponent.value <= 0:
            raise self.error("a power of a function is a positive number.", power, "Write 1/f(x), or (f(x))^{-1}.")
        return self.raised(x, exponent, node)

    def picked(self, x: Array, node: Function) -> Array:
        """Return softmax_c(z)."""
        if node.name not in ("softmax", "log_softmax"):
            raise self.error(f"{node.name} takes no subscript.", node)
        return self.indexed(x, node.below, node)

    def indexed(self, x: Array, items: tuple[Node, ...], node: Node) -> Array:
        """Return entries of a computed array."""
        raise NotImplementedError

    def scalar(self, node: Function) -> Array:
        """Return a function of one number, or a derivative of it."""
        tree = self.network_function(node.name) or scalar_function(node.name)
        if tree is None:
            raise self.error(f"{node.name} is not a function symnn knows.", node)
        x = self.single(node)
        if node.below:
            return self.logarithm(node, x)
        return self.each(derived(tree, node.primes), x, node.name)

    def single(self, node: Function | Called) -> Array:
        """Return the one argument of a function."""
        if len(node.args) != 1:
            name = node.name if isinstance(node, Function) else node.head.core
            raise self.error(f"{name} takes one argument, found {len(node.args)}.", node)
        return self.value(node.args[0])

    def logarithm(self, node: Function, x: Array) -> Array:
        """Return a logarithm to a given base."""
        (base, *more) = node.below
        if node.name != "log" or more or not isinstance(base, Number) or base.value <= 1:
            raise self.error(f"{node.name} takes no such subscript.", node)
        below = num(base.value)
        return pointwise(self.sizes, "log", lambda u: Div(Fn("log", (u,)), Fn("log", (below,))), x)

    def network_function(self, kind: str) -> Tree | None:
        """Return an activation with the constants that it has in the network, if it is there."""
        found = {a.tree for a in self.activations() if a.kind == kind}
        return next(iter(found)) if len(found) == 1 else None

    def activations(self) -> list[Activation]:
        """Return the activations of the network."""
        return activations(self.names.tensors.values())

    # -- g, \sigma, \phi -------------------------------------------------------------------------------------------

    def activation(self, node: Called) -> Array | None:
        r"""Return g(x) or \sigma'(x) where the letter means an activation, or None."""
        head = node.head
        if head.core not in ACTIVATION_LETTERS or head.accents or head.below:
            return None
        tree = self._meant(node)
        if tree is None:
            return None
        return self.each(derived(tree, head.primes), self.single(node), head.core)

    def _meant(self, node: Called) -> Tree | None:
        head, known = node.head, self.activations()
        kinds = {a.kind for a in known}
        logistic = head.core == "sigma" and ("sigmoid" in kinds or not kinds or kinds & MADE_OF_SIGMOID)
        if head.core == "sigma" and not kinds:
            self.note("sigma is the logistic sigmoid")
        here = self.tensor_at(node.args[0]) if len(node.args) == 1 else None
        applied = {a.tree: a for a in known if a.argument is here}
        if head.core == "sigma" and not head.primes and "sigmoid" not in kinds and kinds and not logistic:
            self.note(f"sigma is the logistic sigmoid, and not {' or '.join(sorted(kinds))}, the network's activation")
            logistic = True
        if len(applied) == 1 and not (logistic and next(iter(applied.values())).kind != "sigmoid"):
            found = next(iter(applied.values()))
        elif logistic:
            return scalar_function("sigmoid")
        elif len({a.tree for a in known}) == 1:
            found = known[0]
        elif not known:
            return None
        else:
            raise self.error(
                f"{head.core} could be any of the network's activations: {', '.join(sorted(kinds))}.", node,
                "Write its name, \\operatorname{relu}'(..).",
            )  # fmt: skip
        if head.core != found.kind:
            self.note(f"{head.core} is {found.kind}, the network's activation")
        return found.tree

    # -- functions of arrays ---------------------------------------------------------------------------------------

    def along(self, x: Array) -> int:
        """Return the axis of an array that the features or classes of one example stand on."""
        if self.shape(x)[1] == ONE:
            return 0
        return 1 if self.shape(x)[0] == ONE or self.layout != "columns" else 0

    def _softmax(self, node: Function) -> Array:
        x = self.single(node)
        if not x.rank:
            raise self.error("a softmax needs a vector, found a number.", node)
        each = self.each(_EXP, x, "exp")
        total = self.sum_over(each, [self.along(x)])
        if node.name == "softmax":
            return pointwise(self.sizes, "softmax", Div, each, total)
        log = pointwise(self.sizes, "log", lambda s: Fn("log", (s,)), total)
        if node.name == "logsumexp":
            return plain(log)
        return pointwise(self.sizes, "log_softmax", lambda u, s: Add((u, Neg(s))), x, log)

    def _diag(self, node: Function) -> Array:
        x = self.single(node)
        if x.rank and ONE in self.shape(x):
            entries = x if self.shape(x)[1] == ONE else Array((x.shape[1], ONE), lambda q: x.at((num(0), q[0])))
            size, letter = entries.shape[0], entries.letter(0)
            return Diagonal(
                (size, size), lambda q: mul(Delta(q[0], q[1]), entries.at((q[0], num(0)))), letters=(letter, letter),
                entries=entries,
            )  # fmt: skip
        self.square(x, node)
        return Array((x.shape[0], ONE), lambda q: x.at((q[0], q[0])), letters=(x.letter(0), ""))

    def square(self, x: Array, node: Function) -> None:
        """Check that an array is a square matrix."""
        if not x.rank or not self.meet(*x.shape):
            raise self.misfit(f"{node.name} takes a square matrix, found {self.shown(x)}.", node)

    def _trace(self, node: Function) -> Array:
        x = self.single(node)
        if not x.rank:
            return x
        self.square(x, node)
        diagonal = Array((x.shape[0], ONE), lambda q: x.at((q[0], q[0])), letters=(x.letter(0), ""))
        return plain(self.sum_over(diagonal, [0]))

    def _total(self, node: Function) -> Array:
        x = self.single(node)
        if not x.rank:
            raise self.error(f"{node.name} takes a vector, found a number.", node)
        if ONE not in self.shape(x):
            self.note(f"{self.text_of(node)} runs over all entries")
        axes = [n for n, s in enumerate(self.shape(x)) if s != ONE]
        total = self.total(x)
        if node.name == "sum":
            return total
        count = [x.shape[n] for n in axes]
        return Array((), lambda q: Div(total.at(()), mul(*(from_sympy(self.sizes.find(s)) for s in count))))

    def total(self, x: Array) -> Array:
        """Return the sum of all entries."""
        axes = [n for n, s in enumerate(self.shape(x)) if s != ONE]
        return plain(self.sum_over(x, axes))

    def _extreme(self, node: Function) -> Array:
        if node.below:
            raise self.error(f"the {node.name} over an index is not known.", node, "\\max(x, y) of two values is.")
        if len(node.args) < 2:
            raise self.error(f"{node.name} takes two values here.", node, "The largest entry of a vector is not known.")
        out = self.value(node.args[0])
        for arg in node.args[1:]:
            out = self.entrywise(node.name, lambda u, v: Fn(node.name, (u, v)), node, out, self.value(arg))
        return out

    def _onehot(self, node: Function) -> Array:
        if len(node.args) != 1:
            raise self.error("onehot takes labels.", node)
        return self.hot(self.labels(node.args[0]), node)

    def hot(self, t: Array, node: Node) -> Array:
        """Return labels as one-hot columns, or as rows for the rows of a batch."""
        if t.classes is None:
            raise self.error("a one-hot vector is made of labels.", node)
        size = t.classes
        if not t.rank:
            return Array((size, ONE), lambda q: Delta(q[0], t.at(())), truth=True, letters=("c", ""))
        if t.rank > 1:
            raise self.error("labels of several axes take an index on each.", node)
        own = t.letter(0)
        if self.layout == "columns" and not self.hot_rows:
            return Array((size, t.shape[0]), lambda q: Delta(q[0], t.at(q[1:])), truth=True, letters=("c", own))
        return Array((t.shape[0], size), lambda q: Delta(q[1], t.at(q[:1])), truth=True, letters=(own, "c"))

    def _outer(self, node: Function) -> Array:
        if len(node.args) != 2:
            raise self.error("outer takes two vectors.", node)
        return self.times("otimes", self.value(node.args[0]), self.value(node.args[1]), node)

    # -- norms -----------------------------------------------------------------------------------------------------

    def norm_power(self, node: Norm) -> tuple[Array, bool]:
        """Return the sum of squares, or of moduli, and whether a root is still to be taken."""
        x = self.value(node.body)
        if not x.rank:
            return pointwise(self.sizes, "norm", lambda u: Pow(u, num(2)), x), True
        matrix = ONE not in self.shape(x)
        if matrix and node.kind in ("1", "2"):
            raise self.error(
                f"this norm of a matrix is not the root of its sum of squares, if {node.kind} is meant.", node,
                "Write \\|W\\|_F for the root of the sum of squares.",
            )  # fmt: skip
        if matrix and not node.kind:
            self.note(f"{self.text_of(node)} is the Frobenius norm")
        if node.kind == "1":
            return self.total(pointwise(self.sizes, "norm", lambda u: Fn("abs", (u,)), x)), False
        return self.total(pointwise(self.sizes, "norm", lambda u: Pow(u, num(2)), x)), True

    def _norm(self, node: Norm) -> Array:
        total, rooted = self.norm_power(node)
        return pointwise(self.sizes, "norm", lambda u: Pow(u, Div(UNIT, num(2))), total) if rooted else total

    def _inner(self, node: Inner) -> Array:
        a, b = self.value(node.left), self.value(node.right)
        if not a.rank or not b.rank or not self.agree(a, b):
            raise self.misfit(f"an inner product of {self.shown(a)} and {self.shown(b)}: they have to be equal.", node)
        return self.total(pointwise(self.sizes, "*", lambda u, v: mul(u, v), a, b))

    def _entries(self, node: Indexed) -> Array:
        return self.indexed(self.value(node.body), node.items, node)


_exp = scalar_function("exp")
assert _exp is not None
_EXP: Tree = _exp

_SPECIAL: dict[str, Callable[[Functions, Function], Array]] = {
    "softmax": Functions._softmax, "log_softmax": Functions._softmax, "logsumexp": Functions._softmax,
    "diag": Functions._diag, "trace": Functions._trace, "sum": Functions._total, "mean": Functions._total,
    "max": Functions._extreme, "min": Functions._extreme, "onehot": Functions._onehot,
    "outer": Functions._outer,
}  # fmt: skip
