"""What a whole array differs by: a sign, a constant factor, a transpose, a sum over an axis, a factor of entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

import numpy as np

from symnn.ground.sizes import Size
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Add, Div, Entry, Mul, Neg, Num, Tree

__all__ = [
    "SAME",
    "Excess",
    "Factor",
    "aligned_to",
    "alike",
    "constant_ratio",
    "entrywise",
    "named_factor",
    "reductions",
    "transposes",
]

#: Two arrays are the same up to rounding where they differ by less than this of the larger entry.
SAME = 1e-8


def alike(a: Any, b: Any, tolerance: float = SAME) -> bool:
    """Tell whether two arrays are equal up to rounding."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if not a.size:
        return True
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
    gap = float(np.abs(a - b).max())
    return bool(gap <= tolerance * scale) if np.isfinite(scale) else False


def constant_ratio(given: Any, true: Any, tolerance: float = SAME) -> float | None:
    """Return r where given = r * true entry by entry, or None."""
    given, true = np.asarray(given, dtype=float), np.asarray(true, dtype=float)
    if given.shape != true.shape or not given.size:
        return None
    square = float((true * true).sum())
    if not square > 0 or not np.isfinite(square):
        return None
    r = float((given * true).sum() / square)
    return r if r and np.isfinite(r) and alike(given, r * true, tolerance) else None


@dataclass(frozen=True)
class Factor:
    """A constant in words: its sign, and what it is made of."""

    text: str
    negative: bool
    sizes: tuple[Any, ...]
    inverse: bool

    @property
    def plain(self) -> bool:
        """It is 1 or -1."""
        return self.text == "1"


#: Numbers that constants are made of, the plainest first.
_NUMBERS = [
    Fraction(n) for n in ("1", "2", "1/2", "4", "1/4", "3", "1/3", "8", "1/8", "3/2", "2/3", "6", "1/6", "10", "1/10")
]
_POWERS: tuple[Fraction, ...] = tuple(Fraction(p) for p in ("1", "-1", "2", "-2", "1/2", "-1/2"))


def named_factor(
    ratios: Sequence[float], values: Sequence[Mapping[Any, float]], numbers: Sequence[Fraction] = (),
    tolerance: float = 1e-7,
) -> Factor | None:  # fmt: skip
    """Return the constant that has these values where sizes and scalars have those, or None.

    Args:
        ratios: its value at each point.
        values: the value of each symbol there.
        numbers: constants of the forward pass, which it may be made of too.
        tolerance: relative, of the ratios.
    """
    negative = ratios[0] < 0
    if any((r < 0) != negative for r in ratios):
        return None
    size = [abs(r) for r in ratios]
    for text, symbols, inverse, made in (*_constants(values), *_of_numbers(numbers, len(values))):
        if all(abs(m - r) <= tolerance * r for m, r in zip(made, size, strict=True)):
            return Factor(text, negative, symbols, inverse)
    return None


def _of_numbers(
    numbers: Sequence[Fraction], count: int
) -> Iterator[tuple[str, tuple[Any, ...], bool, list[float]]]:  # fmt: skip
    for n in numbers:
        shown = f"{float(n):.6g}"
        for text, value in ((shown, n), (f"1/{shown}", 1 / n), (f"{shown}**2", n * n), (f"1/{shown}**2", 1 / (n * n))):
            yield text, (), text.startswith("1/"), [float(value)] * count
        yield f"(1 - {shown})", (), False, [abs(float(1 - n))] * count


def _over(n: float, below: float) -> float:
    return n / below if below else 0.0


#: What stands for N where somebody counts one more or less.
_NEAR: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("({0} - 1)/{0}", lambda n: (n - 1) / n),
    ("{0}/({0} - 1)", lambda n: _over(n, n - 1)),
    ("{0} - 1", lambda n: n - 1),
    ("1/({0} - 1)", lambda n: _over(1, n - 1)),
    ("{0} + 1", lambda n: n + 1),
    ("{0}/({0} + 1)", lambda n: n / (n + 1)),
)


def _constants(values: Sequence[Mapping[Any, float]]) -> Iterator[tuple[str, tuple[Any, ...], bool, list[float]]]:
    for q in _NUMBERS:
        yield str(q), (), False, [float(q)] * len(values)
    symbols = [s for s in values[0] if all(v[s] != 0 for v in values)]
    for q in _NUMBERS[:5]:
        for s in symbols:
            for p in _POWERS:
                made = [float(q) * abs(v[s]) ** float(p) for v in values]
                yield _product(q, ((s, p),)), (s,), p < 0, made
    for s in symbols:
        for form, f in _NEAR if getattr(s, "is_integer", False) else ():
            yield form.format(s), (s,), form.startswith("1/"), [f(v[s]) for v in values]
    for a, b in combinations(symbols, 2):
        for p in _POWERS[:2]:
            for r in _POWERS:
                yield _product(Fraction(1), ((a, p), (b, r))), (a, b), p < 0, [
                    abs(v[a]) ** float(p) * abs(v[b]) ** float(r) for v in values
                ]  # fmt: skip


def _product(q: Fraction, powers: Iterable[tuple[Any, Fraction]]) -> str:
    above = [] if q.numerator == 1 else [str(q.numerator)]
    below = [] if q.denominator == 1 else [str(q.denominator)]
    for s, p in powers:
        word = f"sqrt({s})" if abs(p) == Fraction(1, 2) else f"{s}**2" if abs(p) == 2 else str(s)
        (above if p > 0 else below).append(word)
    top = " * ".join(above) or "1"
    if not below:
        return top
    return f"{top}/{below[0]}" if len(below) == 1 else f"{top}/({' * '.join(below)})"


# -- axes --------------------------------------------------------------------------------------------------------------


def reductions(given: Any, true: Any, tolerance: float = SAME) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield how an array with more axes than the true one reduces to it: ("sum" | "mean" | "first", axes)."""
    given, true = np.asarray(given, dtype=float), np.asarray(true, dtype=float)
    extra = given.ndim - true.ndim
    if extra <= 0:
        return
    for axes in combinations(range(given.ndim), extra):
        left = tuple(n for n in given.shape if True)
        if tuple(n for k, n in enumerate(left) if k not in axes) != true.shape:
            continue
        for word, made in (("sum", given.sum(axis=axes)), ("mean", given.mean(axis=axes))):
            if alike(made, true, tolerance):
                yield word, axes


def transposes(given: Any, true: Any, tolerance: float = SAME) -> Iterator[tuple[int, ...]]:
    """Yield orders of axes, other than the one it has, that make an array the true one."""
    given = np.asarray(given)
    if given.ndim != np.ndim(true) or given.ndim < 2 or given.ndim > 4:
        return
    for order in permutations(range(given.ndim)):
        if list(order) != sorted(order) and alike(given.transpose(order), true, tolerance):
            yield order


# -- factors entry by entry --------------------------------------------------------------------------------------------


def aligned_to(t: Tensor, array: Any, shape: tuple[Size, ...]) -> Any | None:
    """Return a tensor's array spread against a shape by its symbolic sizes, or None where it has another axis."""
    places: list[int] = []
    for s in t.shape:
        found = [n for n, w in enumerate(shape) if w == s and n not in places]
        if not found:
            return None
        places.append(found[0])
    order = np.argsort(places)
    spread = np.asarray(array, dtype=float).transpose(tuple(int(k) for k in order))
    kept = sorted(places)
    return spread.reshape([spread.shape[kept.index(n)] if n in kept else 1 for n in range(len(shape))])


#: Functions of a named value that gradients hold as factors.
_SHAPES: tuple[tuple[str, Any], ...] = (
    ("{0}", lambda a: a), ("1/{0}", lambda a: 1 / a), ("1[{0} > 0]", lambda a: (a > 0) * 1.0),
    ("(1 - {0}**2)", lambda a: 1 - a * a), ("{0} * (1 - {0})", lambda a: a * (1 - a)), ("(1 - {0})", lambda a: 1 - a),
    ("{0}**2", lambda a: a * a), ("1/{0}**2", lambda a: 1 / (a * a)), ("sqrt({0})", lambda a: np.sqrt(np.abs(a))),
    ("1/sqrt({0})", lambda a: 1 / np.sqrt(np.abs(a))), ("exp({0})", np.exp), ("sign({0})", np.sign),
    ("1[{0} < 0]", lambda a: (a < 0) * 1.0),
)  # fmt: skip


#: The shapes that undo others.
_UNDONE = {
    "{0}": "1/{0}", "1/{0}": "{0}", "{0}**2": "1/{0}**2", "1/{0}**2": "{0}**2", "sqrt({0})": "1/sqrt({0})",
    "1/sqrt({0})": "sqrt({0})",
}  # fmt: skip


@dataclass(frozen=True)
class Excess:
    """A factor, entry by entry, of which an array has too little (``missing``) or too much.

    Attributes:
        missing: the array times the factor is the true one; else it is the true one times the factor.
        form: the factor as a function of a named value, "1/{0}**2", and ``tensor`` that value.
    """

    missing: bool
    form: str
    tensor: Tensor

    @property
    def text(self) -> str:
        """The factor."""
        return self.form.format(self.tensor.name)

    def turned(self) -> Excess | None:
        """Return the same said the other way round, sigma too much as 1/sigma too little, where there is a way."""
        form = _UNDONE.get(self.form)
        return None if form is None else Excess(not self.missing, form, self.tensor)

    def stands_in(self, tree: Tree) -> bool:
        """Tell whether the factor is one of a product as it stands, such as 1 - g in y * (1 - g)."""
        match tree:
            case Neg():
                return self.stands_in(tree.body)
            case Div():
                return self.stands_in(tree.num)
            case Mul():
                return any(self.stands_in(f) for f in tree.factors)
            case Entry():
                return self.form == "{0}" and tree.tensor is self.tensor
            case Add(terms=(Num(value=value), Neg(body=Entry(tensor=tensor)))):
                return self.form == "(1 - {0})" and value == 1 and tensor is self.tensor
        return False

    def sentence(self) -> str:
        """Return what is missing or too much, in words."""
        below = self.form.startswith("1/")
        word = f"the division by {self.text[2:]}" if below else f"the factor {self.text}"
        return f"{word} {'is missing' if self.missing else 'stands once too often'}"


def entrywise(
    given: Any, true: Any, shape: tuple[Size, ...], named: Iterable[tuple[Tensor, Any]], tolerance: float = SAME
) -> Iterator[Excess]:
    """Yield the factors, of named values, that are missing in an array or stand there in excess."""
    given, true = np.asarray(given, dtype=float), np.asarray(true, dtype=float)
    if given.shape != true.shape:
        return
    for t, array in named:
        spread = aligned_to(t, array, shape)
        if spread is None or t.classes is not None:
            continue
        for form, f in _SHAPES:
            with np.errstate(all="ignore"):
                factor = f(spread)
            if not np.all(np.isfinite(factor)) or np.ptp(factor) == 0:
                continue
            if alike(given * factor, true, tolerance):
                yield Excess(True, form, t)
            elif alike(given, true * factor, tolerance):
                yield Excess(False, form, t)
