r"""The plain tree as textbook LaTeX, ``-\frac{1}{f_{y}} \, \frac{\partial f_{y}}{\partial a_{c}}``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from symnn.ground.indices import Index
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
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
    mul,
    num,
    reads_as_decimal,
    walk,
)
from symnn.show.letters import named
from symnn.show.names import escaped, index_latex, symbol_name, tensor_name
from symnn.show.reading import (
    Binds,
    Written,
    arguments,
    branches,
    comparison,
    constant,
    exponential,
    factors,
    negation,
    rational,
    root,
    signed,
    summed,
)

__all__ = ["FRAMED", "definition_latex", "latex", "tensor_latex"]

#: A function of this name only frames its argument.
FRAMED = "framed"

#: Expectations and the like, with square brackets.
_MOMENTS = {"E": r"\mathbb{E}", "Var": r"\operatorname{Var}", "Cov": r"\operatorname{Cov}"}
_FUNCTIONS = {
    **{name: "\\" + name for name in ("log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "asinh": r"\operatorname{arsinh}",
    "max": r"\max", "min": r"\min", "gamma": r"\Gamma", "loggamma": r"\log\Gamma",
    "digamma": r"\psi", "stop_gradient": r"\operatorname{sg}", "erf": r"\operatorname{erf}",
    "erfc": r"\operatorname{erfc}", "sign": r"\operatorname{sign}",
}  # fmt: skip
_LETTERED = ("gamma", "loggamma", "digamma")  # a letter applied to an argument always takes brackets
_RELATIONS = {"=": "=", "!=": r"\neq", ">": ">", ">=": r"\geq", "<": "<", "<=": r"\leq"}
_WIDE = (Div, D, Delta, Ind, Where)  # a thin space beside these
_TALL = re.compile(r"\\(?:frac|sum|begin|left)(?![A-Za-z])")
_LONGEST_DECIMAL = 12  # digits; a longer one is cut in print, with dots
_LONGEST_EXPONENT = 5  # entries, numbers and symbols of u in e^u


def latex(tree: Tree, *, letters: Mapping[Index, str] | None = None) -> str:
    r"""Return the formula in LaTeX, without dollars.

    Args:
        tree: the formula.
        letters: the letter of every index, from ``named``; by default chosen for this formula alone.

    >>> from symnn.ground.tensors import input
    >>> from symnn.ground.sizes import dims
    >>> a, c = input("a1", dims("C")), Index("c")
    >>> latex(D(Fn("log", (Entry(a, (Ix(c),)),)), Entry(a, (Ix(c),))))
    '\\frac{\\partial}{\\partial a^{(1)}_{c}}[\\log a^{(1)}_{c}]'
    """
    return _Writer(named(tree) if letters is None else letters).write(tree).text


def tensor_latex(tensor: Tensor) -> str:
    """Return a tensor's name in LaTeX, without indices."""
    return tensor_name(tensor).latex()


def definition_latex(tensor: Tensor) -> str:
    r"""Return how a tensor is computed, ``a_{ni} = b_{i} + \sum_{j} ...``; of a leaf only its entry."""
    marks = tensor.letters if len(tensor.letters) == tensor.rank else tuple("nijklmpqrs"[: tensor.rank])
    free = tuple(Index(letter, size) for letter, size in zip(marks, tensor.shape, strict=False))
    left = entry_of(tensor, free)
    if tensor.definition is None:
        return latex(left)
    right = unfold(left)
    letters = named(right, free=free)
    return f"{latex(left, letters=letters)} = {latex(right, letters=letters)}"


def _bracket(inside: str, left: str = "(", right: str = ")") -> str:
    return rf"\left{left}{inside}\right{right}" if _TALL.search(inside) else f"{left}{inside}{right}"


def _heavy(above: Tree) -> bool:
    """Tell whether a numerator reads better beside 1/b than over b: it holds a sum, cases or brackets."""
    for at in walk(above):
        if isinstance(at, Sum | Where | D) or (isinstance(at, Add) and at is not above):
            return True
        if isinstance(at, Fn) and exponential(at) is None and not isinstance(at.args[0], Entry | Sym | Ix):
            return True
    return False


def _spread(tree: Tree) -> tuple[Tree, ...]:
    """Return the factors of a product; what is heavy in a numerator stands beside the fraction."""
    out: list[Tree] = []
    for f in factors(tree):
        if isinstance(f, Div) and constant(f.den) and not isinstance(f.num, Neg) and _heavy(f.num):
            parts = factors(f.num)
            kept = [p for p in parts if constant(p) and not _heavy(p)]
            out.append(Div(mul(*kept), f.den))
            out += [q for p in parts if p not in kept for q in _spread(p)]
        else:
            out.append(f)
    return tuple(out)


def _fraction(above: str, below: str) -> str:
    return rf"\frac{{{above}}}{{{below}}}"


def _part(written: Written, least: Binds) -> str:
    return written.text if written.binds >= least else _bracket(written.text)


def _shut(written: Written) -> str:
    return written.shut or _bracket(written.text)


class _Writer:
    """Writes trees with given letters; ``small`` is the style of scripts, without built-up fractions."""

    def __init__(self, letters: Mapping[Index, str]) -> None:
        self.letters = letters

    def write(self, tree: Tree, small: bool = False) -> Written:
        match tree:
            case Num():
                return self._number(tree, small)
            case Const():
                return Written(r"\pi" if tree.name == "pi" else "e", Binds.ATOM)
            case Sym():
                name = symbol_name(tree.symbol)
                return Written(name.latex(), Binds.CLOSED if name.above else Binds.ATOM)
            case Ix():
                return Written(index_latex(self.letters.get(tree.index, tree.index.letter)), Binds.ATOM)
            case Entry():
                return self._entry(tree)
            case Add():
                return self._sum_of_terms(tree, small)
            case Neg():
                inner = self.write(tree.body, small)
                return Written("-" + _part(inner, Binds.PRODUCT), Binds.SIGN, inner.swallows)
            case Mul() | Div():
                negative, body = signed(tree)
                if negative:
                    return self.write(Neg(body), small)
                return self._quotient(tree, small) if isinstance(tree, Div) else self._product(tree, small)
            case Pow():
                return self._power(tree, small)
            case Fn():
                return self._function(tree, small)
            case Sum():
                return self._sum(tree, small)
            case Delta() | Ind():
                return self._indicator(tree)
            case Where():
                return self._cases(tree)
            case D():
                return self._derivative(tree)
        return Written(escaped(type(tree).__name__), Binds.ATOM)

    def _number(self, tree: Num, small: bool) -> Written:
        value = tree.value
        if value < 0:
            return self.write(Neg(Num(-value)), small)
        if value.denominator == 1:
            return Written(str(value.numerator), Binds.ATOM)
        if not reads_as_decimal(value):
            return self._quotient(Div(num(value.numerator), num(value.denominator)), small)
        digits = decimal(value)
        if len(digits.lstrip("0.")) > _LONGEST_DECIMAL:
            return Written(f"{digits[: _LONGEST_DECIMAL // 2]}\\ldots", Binds.ATOM)
        return Written(digits, Binds.ATOM)

    def _entry(self, tree: Entry) -> Written:
        name = tensor_name(tree.tensor)
        at = tuple(self.write(p, small=True).text for p in tree.at)
        return Written(name.latex(*at), Binds.CLOSED if name.above else Binds.ATOM)

    def _sum_of_terms(self, tree: Add, small: bool) -> Written:
        out, swallows = "", ""
        for n, term in enumerate(tree.terms):
            negative, body = signed(term)
            written = self.write(body, small)
            swallows = "terms" if written.swallows == "terms" else ""
            text = _part(written, Binds.PRODUCT)
            if swallows and n + 1 < len(tree.terms):
                text = _shut(written)
            out += ("-" if negative else "") if n == 0 else " - " if negative else " + "
            out += text
        return Written(out or "0", Binds.TERMS, swallows)

    def _product(self, tree: Tree, small: bool) -> Written:
        parts = factors(tree) if small else _spread(tree)
        if len(parts) < 2:
            return self.write(parts[0], small) if parts else Written("1", Binds.ATOM)
        out, swallows = "", ""
        for n, factor in enumerate(parts):
            written = self.write(factor, small)
            swallows, text = "", _part(written, Binds.CLOSED)
            if text == written.text and written.swallows:
                if n + 1 < len(parts):
                    text = _shut(written)
                else:
                    swallows = written.swallows
            out += (self._glue(parts[n - 1], factor, out, text) if n else "") + text
        return Written(out, Binds.PRODUCT, swallows)

    @staticmethod
    def _glue(before: Tree, after: Tree, left: str, right: str) -> str:
        """Return what stands between two factors: a dot between numbers, space where letters would join."""
        if right[0].isdigit() or (rational(before) is not None and rational(after) is not None):
            return r" \cdot "
        bracketed = right.startswith(("(", r"\left"))
        if bracketed and re.fullmatch(r".*[ ,]|", left[:-1]) and left[-1:].isalpha():
            return r" \, "  # h (1 - h) would read as h of 1 - h
        apart = isinstance(before, _WIDE) or isinstance(after, _WIDE) or "\\mathrm" in left + right
        apart = apart or (isinstance(before, Sym) and isinstance(after, Sym))
        return r" \, " if apart and not bracketed and not isinstance(after, Sum) else " "

    def _quotient(self, tree: Div, small: bool) -> Written:
        if not small and len(_spread(tree)) > 1:
            return self._product(tree, small)
        if not small:
            return Written(_fraction(self.write(tree.num).text, self.write(tree.den).text), Binds.CLOSED)
        above, below = self.write(tree.num, small), self.write(tree.den, small)
        top = _shut(above) if above.swallows else _part(above, Binds.PRODUCT)
        bottom = _shut(below) if below.swallows else _part(below, Binds.CLOSED)
        return Written(f"{top}/{bottom}", Binds.PRODUCT)

    def _power(self, tree: Pow, small: bool) -> Written:
        inside = exponential(tree)
        if inside is not None:
            return self._exponential(inside, small)
        found = root(tree)
        if found is not None:
            degree, below = found
            radical = rf"\sqrt{'' if degree == 2 else f'[{degree}]'}{{{self.write(tree.base, small).text}}}"
            if not below:
                return Written(radical, Binds.CLOSED)
            if small:
                return Written(f"1/{radical}", Binds.PRODUCT)
            return Written(_fraction("1", radical), Binds.CLOSED)
        exponent = self.write(tree.exponent, small=True).text
        base = tree.base
        if isinstance(base, Fn) and base.name in _FUNCTIONS and base.name not in _LETTERED:
            value = rational(tree.exponent)
            if len(base.args) == 1 and value is not None and value.denominator == 1 and value > 1:
                return self._applied(f"{_FUNCTIONS[base.name]}^{{{exponent}}}", base.args[0], small)
        return Written(f"{_part(self.write(base, small), Binds.ATOM)}^{{{exponent}}}", Binds.CLOSED)

    def _exponential(self, inside: Tree, small: bool) -> Written:
        parts = tuple(walk(inside))
        leaves = sum(isinstance(at, Entry | Num | Sym | Const) for at in parts)
        tall = any(isinstance(at, Sum | Where | D | Ind | Delta) or exponential(at) for at in parts)
        if tall or leaves > _LONGEST_EXPONENT:
            return Written(r"\exp" + _bracket(self.write(inside, small).text), Binds.CLOSED)
        return Written(f"e^{{{self.write(inside, small=True).text}}}", Binds.CLOSED)

    def _function(self, tree: Fn, small: bool) -> Written:
        inside = exponential(tree)
        if inside is not None:
            return self._exponential(inside, small)
        texts = [self.write(arg, small).text for arg in arguments(tree)]
        if tree.name == FRAMED:
            return Written(rf"\boxed{{{texts[0]}}}", Binds.ATOM)
        if tree.name == "abs":
            left, right = (r"\left|", r"\right|") if _TALL.search(texts[0]) else (r"\lvert ", r"\rvert ")
            return Written(f"{left}{texts[0]}{right}".rstrip(), Binds.ATOM)
        if tree.name in _MOMENTS:
            return Written(_MOMENTS[tree.name] + _bracket(", ".join(texts), "[", "]"), Binds.CLOSED)
        name = _FUNCTIONS.get(tree.name) or rf"\operatorname{{{escaped(tree.name)[8:-1]}}}"
        if len(texts) != 1 or tree.name in _LETTERED:
            return Written(name + _bracket(", ".join(texts)), Binds.CLOSED)
        return self._applied(name, tree.args[0], small)

    def _applied(self, name: str, arg: Tree, small: bool) -> Written:
        """Write a function of one argument, without brackets around a single entry or a sum."""
        written = self.write(arg, small)
        shut = name + _bracket(written.text)
        if isinstance(arg, Entry | Sym | Ix) or (isinstance(arg, Sum) and written.swallows == "factors"):
            return Written(f"{name} {written.text}", Binds.CLOSED, "factors", shut)
        return Written(shut, Binds.CLOSED)

    def _sum(self, tree: Sum, small: bool) -> Written:
        sums, body = summed(tree)
        order = {at.index: n for n, at in reversed([*enumerate(walk(body))]) if isinstance(at, Ix)}
        over = sorted((s.index for s in sums), key=lambda i: order.get(i, -1))
        letters = ",".join(index_latex(self.letters.get(i, i.letter)) for i in over)
        written = self.write(body, small)
        swallows = "terms" if written.swallows == "terms" and written.binds >= Binds.PRODUCT else "factors"
        return Written(rf"\sum_{{{letters}}} {_part(written, Binds.PRODUCT)}", Binds.CLOSED, swallows)

    def _indicator(self, tree: Tree) -> Written:
        condition = self._condition(tree, small=True)
        if re.search(r"\\(?:sum|begin|frac|sqrt)(?![A-Za-z])", condition) or len(condition) > 60:
            return Written(rf"\mathbb{{1}}\left[{self._condition(tree, small=False)}\right]", Binds.ATOM)
        return Written(rf"\mathbb{{1}}_{{({condition})}}", Binds.ATOM)

    def _condition(self, tree: Tree, small: bool) -> str:
        """Write a 0-1 valued tree as the statement that it is 1."""
        found = comparison(tree)
        if found is not None:
            relation = _RELATIONS[found.rel]
            relation = relation if relation == "=" and small else f" {relation} "
            return self.write(found.left, small).text + relation + self.write(found.right, small).text
        if isinstance(tree, Mul):
            parts = [(self._condition(f, small), comparison(f) is None) for f in factors(tree)]
            return r" \text{ and } ".join(_bracket(part) if compound else part for part, compound in parts)
        inner = negation(tree)
        if inner is not None:
            return rf"\text{{not }} {_bracket(self._condition(inner, small))}"
        return rf"{self.write(tree, small).text} \neq 0"

    def _cases(self, tree: Where) -> Written:
        pairs, other = branches(tree)
        lines = [rf"{self.write(v).text} & \text{{if }} {self._condition(c, False)}" for v, c in pairs]
        lines.append(rf"{self.write(other).text} & \text{{otherwise}}")
        return Written(r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}", Binds.CLOSED, "terms")

    def _derivative(self, tree: D) -> Written:
        by = self.write(tree.wrt).text
        body = self.write(tree.body)
        if isinstance(tree.body, Entry):
            return Written(_fraction(rf"\partial {body.text}", rf"\partial {by}"), Binds.CLOSED)
        inside = rf"\left[{body.text}\right]" if _TALL.search(body.text) else f"[{body.text}]"
        return Written(_fraction(r"\partial", rf"\partial {by}") + inside, Binds.CLOSED)
