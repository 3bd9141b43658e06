r"""What a name in LaTeX means: ``W^{(2)}_{ij}`` is the tensor W2 at i and j, ``\bar{x}`` the gradient by x.

A name is looked up by its letter, the marks above it, its layer number, wherever that stands, and the words of its
subscript; what is left of the subscript are indices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from symnn.language.arrays import Array, of_tensor
from symnn.language.latex_activations import activations
from symnn.language.latex_cursor import balanced
from symnn.language.latex_scanner import scan_latex
from symnn.language.latex_scripts import Writing
from symnn.language.latex_syntax import Label, Named
from symnn.language.scope import Scope, spelled
from symnn.language.syntax import FormulaError, Node, Number
from symnn.show.names import tensor_name

__all__ = ["Found", "Key", "Names", "lone"]

#: Letter or word, marks above it, layer, words of the subscript.
Key = tuple[str, tuple[str, ...], str, str]

_PLAIN = re.compile(r"(?P<stem>[A-Za-z]+?)(?P<mark>_?(?:hat|tilde|bar))?(?P<level>\d+)?(?P<rest>(?:_[A-Za-z0-9]+)*)")
_SPELLED = {"lambda": "lam", "lmbda": "lam", "epsilon": "eps", "varepsilon": "eps", "varphi": "phi"}
_GREEK = frozenset((
    "alpha beta gamma delta zeta eta theta iota kappa lam mu nu xi rho sigma tau upsilon phi chi psi omega eps pi ell"
).split())  # fmt: skip
#: What pre-activations are called: delta2 is the gradient by a2, or by z2.
_PREACTIVATIONS = ("a", "z", "s", "u", "net", "o")
_SQUARES = ("sigmasq", "var", "variance", "v")


@dataclass(frozen=True)
class Found:
    """What a name was found to mean.

    Attributes:
        name: how the scope calls it.
        array: what it stands for.
        items: what is left of its scripts: positions on its axes.
        note: how it was found, where that is not plain.
    """

    name: str
    array: Array
    items: tuple[Node, ...] = ()
    note: str = ""


def lone(node: Node) -> str:
    """Return the index letter that a node can be, i or i', else nothing."""
    if not isinstance(node, Named) or node.labels or node.below or node.accents or node.style not in ("", "bf", "it"):
        return ""
    if len(node.core) == 1 or node.core in _GREEK:
        return node.core + "'" * node.primes
    return ""


class Names:
    """The names of a scope, as LaTeX writes them."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.table: dict[Key, dict[str, Array]] = {}
        second: list[tuple[Key, str, Array]] = []
        for name, array in scope.names.items():
            for key, plain in _keys(name, array):
                if plain:
                    self.table.setdefault(key, {})[name] = array
                else:
                    second.append((key, name, array))
        for key, name, array in second:
            self.table.setdefault(key, {name: array})
        self.cores = {key[0] for key in self.table}
        self.tensors = {id(a.tensor): a.tensor for a in scope.names.values() if a.tensor is not None}

    # -- what the grammar asks -------------------------------------------------------------------------------------

    def word(self, letters: str) -> bool:
        """Tell whether several letters are a name."""
        return len(letters) > 1 and (letters in self.cores or letters in self.scope.names)

    def single(self, letter: str) -> bool:
        """Tell whether a letter alone is a name."""
        return (letter, (), "", "") in self.table

    # -- looking up ------------------------------------------------------------------------------------------------

    def find(self, node: Named) -> Found | None:
        """Return what a name means, or None."""
        for way in (node, _undecorated(node)):
            if way is None or way.primes:
                continue
            for key, items in _readings(way):
                made = self.table.get(key)
                if made and not any(_set(item) for item in items):
                    name, array = next(iter(made.items()))
                    return Found(name, array, items)
        return None

    def guess(self, node: Named) -> Found | None:
        """Return what a name that is not known must mean, with a note; or None."""
        if node.primes:
            return None
        if node.accents and node.accents[-1] == "bar":
            below = replace(node, accents=node.accents[:-1])
            found = self.find(below) or self.guess(below)
            made = None if found is None else self.gradient(found.array)
            if found is not None and made is not None:
                return replace(found, name=f"d{found.name}", array=made)
        return self._by_layer(node) or self._only_one(node)

    def _by_layer(self, node: Named) -> Found | None:
        """Find delta2 as the gradient by the pre-activation of layer 2, and h0 as the input."""
        for (core, accents, level, rest), items in _readings(node):
            if accents or rest or not level.isdigit():
                continue
            if core == "delta":
                found = self._preactivation(level)
                if found is not None:
                    name, array = found
                    return Found(f"d{name}", array, items, f"delta{level} is the gradient by {name}")
            if core in ("h", "a", "z") and level == "0":
                inputs = [(n, a) for n, a in self.scope.names.items() if a.tensor is not None and _data(a.tensor)]
                if len(inputs) == 1:
                    return Found(*inputs[0], items, f"{core}0 is the input {inputs[0][0]}")
        return None

    def _preactivation(self, level: str) -> tuple[str, Array] | None:
        """Return what goes into the activation of a layer, and its gradient; None where it is not clear."""
        found: dict[str, tuple[Any, Array]] = {}
        for letter in _PREACTIVATIONS:
            for name, array in self.table.get((letter, (), level, ""), {}).items():
                made = self.gradient(array)
                if made is not None:
                    found[name] = (array.tensor, made)
        if len(found) > 1:
            arguments = [a.argument for a in activations(self.tensors.values())]
            found = {name: (t, made) for name, (t, made) in found.items() if t in arguments}
        return next(((name, made) for name, (_, made) in found.items()), None) if len(found) == 1 else None

    def _only_one(self, node: Named) -> Found | None:
        """Find W as W1 where there is no other layer, and X as x."""
        for key, items in _readings(node):
            core, accents, level, rest = key
            if not level:
                same = {k: v for k, v in self.table.items() if (k[0], k[1], k[3]) == (core, accents, rest)}
                names = {n: a for v in same.values() for n, a in v.items() if a.tensor is not None}
                if len(names) == 1:
                    name, array = next(iter(names.items()))
                    return Found(name, array, items, f"{core} is {name}, the only one")
                one = None if accents or rest else self.scope.find(core)
                if one is not None and one.tensor is not None:
                    return Found(one.tensor.name, one, items, f"{core} is {one.tensor.name}, the only one")
        for key, items in _readings(node):
            folded = (key[0].casefold(), *key[1:])
            names = {
                n: a for k, v in self.table.items() if (k[0].casefold(), *k[1:]) == folded
                for n, a in v.items() if a.tensor is not None
            }  # fmt: skip
            if len(names) == 1:
                name, array = next(iter(names.items()))
                return Found(name, array, items, f"{key[0]} is {name}, which differs in capitals only")
        return None

    def square(self, node: Named) -> Found | None:
        r"""Return what \sigma^2 means as one name, where sigma is none, or None."""
        if node.core != "sigma" or node.accents:
            return None
        plain = _undecorated(node) or node
        for core in _SQUARES:
            for key, items in _readings(replace(plain, core=core)):
                made = self.table.get(key, {})
                if made and not key[3]:
                    name, array = next(iter(made.items()))
                    return Found(name, array, items, f"sigma^2 is {name}")
        return None

    def layered(self, node: Named, level: int) -> Found | None:
        """Return what w^2 means as the name of layer 2, or None."""
        label = Label(node.span, str(level), node)
        made = replace(node, labels=(*node.labels, label))
        return self.find(made) or self._by_layer(made)

    def unknown(self, node: Named) -> str:
        """Return what to say of a name that nothing carries."""
        level = "".join(f.text for f in node.labels)
        name = f"{node.core}{''.join(node.accents)}{level}"
        return str(self.scope.unknown(name))

    # -- gradients, data -------------------------------------------------------------------------------------------

    def gradient(self, array: Array) -> Array | None:
        """Return the gradient of the loss by a tensor, or None where it is not in sight."""
        t = array.tensor
        if t is None:
            return None
        for other in self.tensors.values():
            if other.role == "adjoint" and other.of is t:
                return of_tensor(other)
        for name in (t.adjoint_name, f"d{t.name}"):
            if name and name in self.scope.names:
                return self.scope.names[name]
        return None

    def losses(self) -> list[Any]:
        """Return the scalars that are computed and that nothing else is computed from."""
        forward = [t for t in self.tensors.values() if t.role != "adjoint"]
        used = {id(a) for t in forward if t.definition is not None for a in t.definition.args}
        return [t for t in forward if not t.rank and t.definition is not None and id(t) not in used]

    def batch(self) -> Any:
        """Return the size that counts the examples of a batch: the first axis that all data share; else None."""
        data = [t for t in self.tensors.values() if _data(t) and t.rank >= 2]
        labels = [t for t in self.tensors.values() if t.role == "label" and t.rank >= 1]
        sizes = {t.shape[0] for t in (*data, *labels)}
        return next(iter(sizes)) if len(sizes) == 1 and data else None


def _data(t: Any) -> bool:
    return bool(t.role == "input")


# -- keys --------------------------------------------------------------------------------------------------------------


def _keys(name: str, array: Array) -> Iterator[tuple[Key, bool]]:
    """Yield the ways to write the name of a scope, each with whether it is a plain one."""
    key = _plain(spelled(name))
    if key is None:
        yield (name, (), "", ""), True
    else:
        yield key, True
        stem, marks, level, rest = key
        if len(stem) > 1 and not marks and stem not in _GREEK:
            first = max((g for g in _GREEK if stem.startswith(g)), key=len, default=stem[0])
            yield (first, (), level, stem[len(first) :] + rest), False
    t = array.tensor
    made = _printed(tensor_name(t).latex()) if t is not None and (t.latex or key is None) else None
    if made is not None:
        yield made, True


def _plain(name: str) -> Key | None:
    """Return the key of a name in plain letters: W1, x_hat, h_prev."""
    found = _PLAIN.fullmatch(name)
    if found is None:
        return None
    mark = (found["mark"] or "").lstrip("_")
    words = found["rest"].split("_")[1:]
    level = found["level"] or ""
    if not level and words and words[0].isdigit():
        level, words = words[0], words[1:]
    return (_SPELLED.get(found["stem"], found["stem"]), (mark,) if mark else (), level, "".join(words))


def _printed(latex: str) -> Key | None:
    """Return the key of a name that a tensor was given in LaTeX."""
    try:
        tokens = scan_latex(latex)[:-1]
        balanced(tokens, latex)
        reader = _NameOnly(tokens, latex)
        node = reader.item()
    except FormulaError:
        return None
    if not isinstance(node, Named) or reader.here.kind != "eof":
        return None
    words = [_word(item) for item in node.below]
    if any(w is None for w in words):
        return None
    level = "".join(label.text for label in node.labels)
    return (node.core, node.accents, level, "".join(w or "" for w in words))


class _NoWords:
    def word(self, letters: str) -> bool:
        return False

    def single(self, letter: str) -> bool:
        return True


class _NameOnly(Writing):
    words = _NoWords()

    def expression(self) -> Node:
        return self.item()


def _set(item: Node) -> bool:
    return isinstance(item, Named) and item.style == "cal"


def _undecorated(node: Named) -> Named | None:
    r"""Return a name without a set that only decorates it, \mu_{\mathcal{B}}."""
    kept = tuple(i for i in node.below if not _set(i))
    return replace(node, below=kept) if len(kept) != len(node.below) else None


def _word(node: Node) -> str | None:
    if isinstance(node, Number) and node.value.denominator == 1:
        return str(node.value.numerator)
    if isinstance(node, Named) and not (node.labels or node.below or node.primes or node.accents):
        return node.core
    return None


def _readings(node: Named) -> Iterator[tuple[Key, tuple[Node, ...]]]:
    """Yield the keys that a name may have, those that take more of its scripts first, each with what is left."""
    plain = _plain(node.core) if len(node.core) > 1 and node.core not in _GREEK else None
    core, marks, level, rest = plain or (_SPELLED.get(node.core, node.core), (), "", "")
    for own in (core, "l", "loss") if core == "ell" else (core,):
        for count in range(len(node.below), -1, -1):
            words = [_word(item) for item in node.below[:count]]
            if any(w is None for w in words):
                continue
            for layer, leading in _layers(node.labels, level):
                given, taken = layer, [w or "" for w in words]
                if not given and taken and taken[0].isdigit():
                    given, taken = taken[0], taken[1:]
                yield (own, (*marks, *node.accents), given, rest + "".join(taken)), (*leading, *node.below[count:])


def _layers(labels: tuple[Label, ...], level: str) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """Yield (layer, what stands above as an index): x^{(n)} is layer n if there is one, else x at n."""
    if level or not labels:
        yield level, tuple(label.body for label in labels)
        return
    for n, label in enumerate(labels):
        rest = tuple(other.body for k, other in enumerate(labels) if k != n)
        if all(lone(r) for r in rest):
            yield label.text, rest
    if all(lone(label.body) for label in labels):
        yield "", tuple(label.body for label in labels)
