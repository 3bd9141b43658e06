"""What names mean in a formula: tensors of a network and their gradients, sizes, scalars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symnn.ground.errors import DefinitionError, SymnnError, UnknownNameError
from symnn.ground.tensors import Tensor
from symnn.ground.tree import Const, Sym
from symnn.language.arrays import Array, Sizes, of_tensor

__all__ = ["GREEK", "Scope", "spelled", "symbols_in"]

#: Greek letters by the names that tensors and symbols carry.
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "ϵ": "eps", "ζ": "zeta", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lam", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
#: Spellings of one name, tried in turn.
_ALSO = {
    "lambda": ("lam", "lambda_"), "lambda_": ("lam",), "lmbda": ("lam",), "epsilon": ("eps",), "eps": ("epsilon",),
    "lam": ("lambda",), "temperature": ("tau",), "T": ("tau",), "dout": ("dy",), "grad_output": ("dy",),
    "upstream": ("dy",), "G": ("dy",),
}  # fmt: skip


def spelled(name: str) -> str:
    """Return a name with Greek letters spelled out, and layer numbers without braces: δ_2 is delta2."""
    return "".join(GREEK.get(c, c) for c in name)


@dataclass
class Scope:
    """Names and what they stand for.

    Attributes:
        names: arrays by name.
        sizes: which sizes are equal.
        nodes: values may be given names of their own, as computed tensors.
        asked: names of what is asked for, which a candidate must not speak of.
    """

    names: dict[str, Array] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=Sizes)
    nodes: bool = True
    asked: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, tensors: Iterable[Tensor], *, gradients: Mapping[str, Tensor] | None = None,
        symbols: Mapping[str, Any] | None = None,
    ) -> Scope:  # fmt: skip
        """Return the scope of a network: its tensors, their gradients, and the sizes and scalars that they speak of.

        A tensor hides a size or scalar of the same name, a size a scalar.
        """
        out = cls()
        known = list(tensors)
        for name, symbol in {**(symbols or {}), **symbols_in(known)}.items():
            out.names[name] = _symbol(symbol)
        for name, t in (gradients or {}).items():
            out.names[name] = of_tensor(t)
        for t in known:
            out.names[t.name] = of_tensor(t)
        return out

    def find(self, name: str) -> Array | None:
        """Return what a name stands for, or None; where there is one layer only, its number may be left out."""
        plain = spelled(name)
        for way in (name, plain, plain.replace("_", ""), *_ALSO.get(plain, ())):
            if way in self.names:
                return self.names[way]
        if plain in ("pi", "e"):
            return Array((), lambda at: Const("pi" if plain == "pi" else "E"))
        longer = [k for k in self.names if k.startswith(plain) and self._is_layer(k[len(plain) :])]
        return self.names[longer[0]] if len(longer) == 1 else None

    def _is_layer(self, ending: str) -> bool:
        """Tell whether names end in a layer's name: a number, or what several names end in."""
        return ending.isdecimal() or (bool(ending) and sum(k.endswith(ending) and k != ending for k in self.names) > 3)

    def unknown(self, name: str) -> SymnnError:
        """Return the error for a name that nothing carries."""
        if name in self.asked:
            return DefinitionError(f"{name} is the gradient that is asked for: write what it is made of.")

        def rank(known: str) -> int:
            t = self.names[known].tensor
            return 1 if t is None else 2 if t.role in ("adjoint", "upstream") else 0

        return UnknownNameError(name, sorted(self.names, key=rank), "name")


def _symbol(symbol: Any) -> Array:
    return Array((), lambda at: Sym(symbol))


def symbols_in(tensors: Iterable[Tensor]) -> dict[str, Any]:
    """Return the sizes and scalars that shapes and definitions of tensors speak of, by name."""
    out: dict[str, Any] = {}
    for t in tensors:
        for size in (*t.shape, *(() if t.classes is None else (t.classes,))):
            out |= {s.name: s for s in sorted(size.free_symbols, key=str)}
        if t.definition is not None:
            for actual in t.definition.sizes.values():
                out |= {s.name: s for s in sorted(actual.free_symbols, key=str)}
            for s in sorted(t.definition.template.expr.free_symbols, key=str):
                if s not in t.definition.sizes and getattr(s, "tensor", None) is None and s.is_Symbol and _plain(s):
                    out.setdefault(s.name, s)
    return out


def _plain(symbol: Any) -> bool:
    return not symbol.is_Dummy and bool(symbol.is_real)
