"""Normal form: constructors that keep every atom and monomial canonical.

Each identity used here is recorded in ``identities.py`` with its condition; nothing here knows a layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import permutations
from math import gcd, lcm
from typing import Any

from symnn.algebra.terms import ONE, ZERO, Atom, Monomial, Poly, Rational, intern_atom, ratio
from symnn.ground.indices import Index
from symnn.ground.tensors import Tensor

__all__ = [
    "const", "content", "entry", "exponential", "function", "indicator", "logarithm", "multiply", "of_index",
    "of_symbol", "power", "product", "rename", "summed",
]  # fmt: skip

_ODD = {"tanh", "erf", "sin", "tan", "asin", "atan", "asinh", "sinh"}
_EVEN = {"cos", "cosh"}


# -- leaves --------------------------------------------------------------------------------------------------------


def const(value: Rational) -> Poly:
    """Return a rational constant."""
    return Poly({(): ratio(value)}) if value else ZERO


def _of_atom(atom: Atom, exponent: Rational = 1) -> Poly:
    return Poly({((atom, ratio(exponent)),): 1})


def of_symbol(symbol: Any) -> Poly:
    """Return a size or scalar symbol."""
    return _of_atom(
        intern_atom("sym", symbol, positive=bool(symbol.is_positive), nonnegative=bool(symbol.is_nonnegative))
    )


def of_index(index: Index) -> Poly:
    """Return an index as a number."""
    return _of_atom(intern_atom("ix", index, nonnegative=True, indices=frozenset((index,))))


def entry(tensor: Tensor, at: tuple[Poly, ...]) -> Poly:
    """Return one entry of a tensor."""
    found: frozenset[Any] = frozenset()
    for p in at:
        found |= p.indices
    return _of_atom(
        intern_atom(
            "ent", (tensor, at), positive=tensor.positive, nonnegative=tensor.classes is not None,
            height=max((p.height for p in at), default=0), indices=found,
        )
    )  # fmt: skip


# -- products ------------------------------------------------------------------------------------------------------


def _merge(a: Monomial, b: Monomial) -> Monomial:
    if not a:
        return b
    if not b:
        return a
    exps: dict[Atom, Rational] = dict(a)
    for atom, e in b:
        exps[atom] = exps.get(atom, 0) + e
    return tuple(sorted(((x, ratio(e)) for x, e in exps.items() if e), key=_atom_id))


def _atom_id(item: tuple[Atom, Rational]) -> int:
    return item[0].id


def multiply(p: Poly, q: Poly) -> Poly:
    """Return the product, expanded and normal."""
    if not p.terms or not q.terms:
        return ZERO
    if p is ONE or p == ONE:
        return q
    if q is ONE or q == ONE:
        return p
    out: dict[Monomial, Rational] = {}
    extra = ZERO
    for m1, c1 in p.terms.items():
        for m2, c2 in q.terms.items():
            m = _merge(m1, m2)
            if _is_normal(m):
                out[m] = out.get(m, 0) + c1 * c2
            else:
                extra = extra + _renormal(m).scaled(c1 * c2)
    return Poly({m: ratio(c) for m, c in out.items() if c}) + extra


def _is_normal(m: Monomial) -> bool:
    many = len(m) > 1
    for a, e in m:
        kind = a.kind
        if kind in ("base", "num"):
            # a root of a single atom keeps an exponent from 0 to 1; whole powers belong to the atom itself
            if e >= 1 or (e < 0 and (kind == "num" or len(a.data.terms) == 1)):
                return False
        elif kind == "ind":
            if e != 1 or (many and (a.data[0] == "=" or _nested(a, m))):
                return False
    return True


def _nested(a: Atom, m: Monomial) -> bool:
    """Tell whether an indicator also occurs inside another factor of its monomial."""
    return any(b is not a and a in _inner_indicators(b) for b, _ in m)


_INNER: dict[Atom, frozenset[Atom]] = {}


def _inner_indicators(b: Atom) -> frozenset[Atom]:
    found = _INNER.get(b)
    if found is None:
        found = frozenset[Atom]()
        for p in parts_of(b):
            for x in p.atoms():
                found |= _inner_indicators(x) | (frozenset((x,)) if x.kind == "ind" else frozenset())
        _INNER[b] = found
    return found


def _renormal(m: Monomial) -> Poly:
    """Return a monomial in normal form: indicators idempotent, whole powers of bases expanded, deltas substituted."""
    out = ONE
    rest: list[tuple[Atom, Rational]] = []
    for a, e in m:
        if a.kind == "ind":
            if e < 0:
                raise ZeroDivisionError("an indicator in a denominator")
            rest.append((a, 1))
        elif a.kind == "base" and (e >= 1 or (e < 0 and len(a.data.terms) == 1)):
            whole = int(e // 1)
            out = multiply(out, power(a.data, whole))
            if e - whole:
                rest.append((a, ratio(e - whole)))
        elif a.kind == "num" and (e >= 1 or e < 0):
            whole = int(e // 1)
            out = out.scaled(Fraction(a.data) ** whole)
            if e - whole:
                rest.append((a, ratio(e - whole)))
        else:
            rest.append((a, e))
    mono = tuple(rest)
    deltas = [a for a, _ in mono if a.kind == "ind" and a.data[0] == "="]
    if deltas and len(mono) > 1:
        positive = [a.data[1] for a, _ in mono if a.kind == "ind" and a.data[0] == ">"]
        if any(d.data[1] in positive for d in deltas):  # 1[p > 0] 1[p = 0]
            return ZERO
        solved = _substitute_deltas(mono, deltas)
        if solved != Poly({mono: 1}):
            return multiply(out, solved)
    for a, _ in mono:
        if a.kind == "ind" and _nested(a, mono):  # where a factor 1[..] is 1, it is 1 inside the others too
            others = Poly({tuple(i for i in mono if i[0] is not a): 1})
            return multiply(out, multiply(_replace_atom(others, a, ONE), _of_atom(a)))
    return multiply(out, Poly({mono: 1})) if out is not ONE else Poly({mono: 1})


def _substitute_deltas(mono: Monomial, deltas: list[Atom]) -> Poly:
    """Use each [e = 0] between indices to replace one index in the other factors, larger by smaller.

    Equations between real entries are left alone here: they hold on a null set, where a derivative may still be
    taken; ``prove.py`` uses them in its zero test.
    """
    for d in deltas:
        found = solve_equation(d.data[1], None)
        if found is None:
            continue
        old, new = found
        rest = tuple((a, e) for a, e in mono if a is not d)
        if any(old in a.indices for a, _ in rest):
            return multiply(rename(Poly({rest: 1}), {old: new}), _of_atom(d))
    return Poly({mono: 1})


def solve_equation(e: Poly, wanted: frozenset[Index] | None) -> tuple[Index, Poly] | None:
    """Return (index, value) from e = 0, solved for an index with coefficient +-1 (one of ``wanted``), the last made."""
    best: tuple[int, Index, Poly] | None = None
    for m, c in e.terms.items():
        if len(m) != 1 or m[0][1] != 1 or m[0][0].kind != "ix" or c not in (1, -1):
            continue
        a = m[0][0]
        rest = e - Poly({m: c})
        if (wanted is not None and a.data not in wanted) or a.data in rest.indices:
            continue
        if best is None or a.id > best[0]:
            best = (a.id, a.data, rest.scaled(-1 if c == 1 else 1))
    return None if best is None else best[1:]


def parts_of(a: Atom) -> tuple[Poly, ...]:
    """Return the polynomials inside an atom."""
    match a.kind:
        case "ent" | "fn":
            return tuple(a.data[1])
        case "ind":
            return (a.data[1],)
        case "exp":
            return (Poly({a.data: 1}),)
        case "base":
            return (a.data,)
        case "sum":
            return (Poly({a.data[1]: 1}),)
    return ()


# -- rebuilding ----------------------------------------------------------------------------------------------------


def rename(p: Poly, env: Mapping[Index, Poly]) -> Poly:
    """Return the polynomial with free indices replaced, capture-free, and normal again."""
    if not any(i in env for i in p.indices):
        return p
    out = ZERO
    for m, c in p.terms.items():
        parts: list[tuple[Poly, Rational]] = []
        for a, e in m:
            moved = any(i in env for i in a.indices)
            parts.append(
                (_rename_atom(a, env) if moved else _of_atom(a), e) if a.kind != "base" or moved else (a.data, e)
            )
        out = out + product(parts).scaled(c)
    return out


def _rename_atom(a: Atom, env: Mapping[Index, Poly]) -> Poly:
    match a.kind:
        case "ix":
            return env[a.data]
        case "ent":
            return entry(a.data[0], tuple(rename(p, env) for p in a.data[1]))
        case "ind":
            return indicator(a.data[0], rename(a.data[1], env))
        case "exp":
            return exponential(rename(Poly({a.data: 1}), env))
        case "fn":
            return function(a.data[0], tuple(rename(p, env) for p in a.data[1]))
        case "base":
            return rename(a.data, env)
        case "sum":
            fresh, body = opened(a)
            return summed(rename(body, env), fresh)
    raise AssertionError(a.kind)


def rebuild(p: Poly, change: Any) -> Poly:
    """Return the polynomial with ``change(atom) -> Poly or None`` applied from the outside in; None goes inside."""
    out = ZERO
    for m, c in p.terms.items():
        parts: list[tuple[Poly, Rational]] = []
        for a, e in m:
            new = change(a)
            parts.append((_inside(a, change) if new is None else new, e))
        out = out + product(parts).scaled(c)
    return out


def _inside(a: Atom, change: Any) -> Poly:
    match a.kind:
        case "ent":
            return entry(a.data[0], tuple(rebuild(p, change) for p in a.data[1]))
        case "ind":
            return indicator(a.data[0], rebuild(a.data[1], change))
        case "exp":
            return exponential(rebuild(Poly({a.data: 1}), change))
        case "fn":
            return function(a.data[0], tuple(rebuild(p, change) for p in a.data[1]))
        case "base":
            return rebuild(a.data, change)
        case "sum":
            fresh, body = opened(a)
            return summed(rebuild(body, change), fresh)
    return _of_atom(a)


def _replace_atom(p: Poly, old: Atom, new: Poly) -> Poly:
    return rebuild(p, lambda a: new if a is old else None)


# -- powers, exp, log, functions -----------------------------------------------------------------------------------


def content(p: Poly, *, positive_only: bool = False) -> tuple[Rational, Monomial, Poly]:
    """Return (c, m, q) with p = c * m * q, q primitive: no common atom, integer coefficients without common factor."""
    num, den = 0, 1
    for c in p.terms.values():
        num, den = gcd(num, abs(c.numerator)), lcm(den, c.denominator)
    scale = ratio(Fraction(num, den))
    shared: dict[Atom, Rational] | None = None
    for m in p.terms:
        exps = dict(m)
        if shared is None:
            shared = exps
        else:
            shared = {a: min(shared.get(a, 0), exps.get(a, 0)) for a in {**shared, **exps}}
    common = {
        a: e for a, e in (shared or {}).items()
        if e and a.kind != "ind" and (a.positive or not positive_only)
    }  # fmt: skip
    mono = tuple(sorted(common.items(), key=_atom_id))
    inverse = tuple((a, -e) for a, e in mono)
    rest, odd = {}, ZERO
    for m, c in p.terms.items():
        lowered = _merge(m, inverse)
        if _is_normal(lowered):
            rest[lowered] = ratio(Fraction(c) / scale)
        else:  # a base brought up to a whole power opens
            odd = odd + _renormal(lowered).scaled(Fraction(c) / scale)
    return scale, mono, Poly(rest) + odd


def _leading_sign(p: Poly) -> int:
    """The sign of the term that comes first by structure; index names count only between terms otherwise alike."""
    lead = min(p.terms, key=lambda m: (_skeleton_of(m), _monomial_key(m)))
    return 1 if p.terms[lead] > 0 else -1


_SKELETONS: dict[Atom, str] = {}
_NUMBERS: dict[Any, int] = {}


def _skeleton_of(m: Monomial) -> str:
    return "*".join(sorted(f"{_skeleton(a)}^{e}" for a, e in m))


def _skeleton(a: Atom) -> str:
    """Return a text of an atom without the names of its indices."""
    found = _SKELETONS.get(a)
    if found is None:
        match a.kind:
            case "ix":
                head = f"ix:{a.data.size}"
            case "ent":
                head = f"ent:{_NUMBERS.setdefault(a.data[0], len(_NUMBERS)):06d}"
            case "fn" | "ind":
                head = f"{a.kind}:{a.data[0]}"
            case "sym" | "num":
                head = f"{a.kind}:{a.data}"
            case _:
                head = a.kind
        inner = ",".join("+".join(sorted(f"{c}*{_skeleton_of(m)}" for m, c in p.terms.items())) for p in parts_of(a))
        found = _SKELETONS[a] = f"{head}({inner})"
    return found


def _monomial_key(m: Monomial) -> tuple[Any, ...]:
    return tuple((a.id, e) for a, e in m)


def power(p: Poly, e: Rational) -> Poly:
    """Return p ** e for a rational exponent; a root is opened only over factors known to be positive."""
    e = ratio(e)
    if e == 1:
        return p
    if e == 0:
        return ONE
    if not p.terms:
        if e < 0:
            raise ZeroDivisionError("a power of zero")
        return ZERO
    if isinstance(e, int) and e > 0:
        out = p
        for _ in range(e - 1):
            out = multiply(out, p)
        return out
    single = p.single()
    if single is not None:
        return _monomial_power(single[0], single[1], e)
    whole = isinstance(e, int)
    scale, mono, rest = content(p, positive_only=not whole)
    if whole and _leading_sign(rest) < 0:
        rest, scale = -rest, -scale
    out = multiply(_monomial_power((), scale, e), _monomial_power(mono, 1, e))
    if rest.single() is not None:
        return multiply(out, power(rest, e))
    return multiply(out, _base_power(rest, e))


def product(parts: Iterable[tuple[Poly, Rational]]) -> Poly:
    """Return the product of powers, like bases cancelled before anything is expanded."""
    scale: Rational = 1
    exps: dict[Atom, Rational] = {}
    others: list[Poly] = []
    for p, e in parts:
        single = p.single()
        if not isinstance(e, int) or not p.terms:
            others.append(power(p, e))
            continue
        if single is None:
            c, mono, rest = content(p)
            alone = rest.single()
            if alone is not None:
                mono, c = (*mono, *alone[0]), c * alone[1]
            else:
                if _leading_sign(rest) < 0:
                    c, rest = -c, -rest
                mono = (*mono, (_base_atom(rest), 1))
        else:
            mono, c = single
        scale = scale * Fraction(c) ** e
        for a, k in mono:
            exps[a] = exps.get(a, 0) + k * e
    merged = tuple(sorted(((a, ratio(e)) for a, e in exps.items() if e), key=_atom_id))
    out = (Poly({merged: 1}) if _is_normal(merged) else _renormal(merged)).scaled(scale)
    for p in others:
        out = multiply(out, p)
    return out


def _base_atom(p: Poly) -> Atom:
    return intern_atom("base", p, positive=p.positive, nonnegative=p.nonnegative, height=p.height, indices=p.indices)


def _base_power(p: Poly, e: Rational) -> Poly:
    atom = _base_atom(p)
    mono = ((atom, e),)
    return Poly({mono: 1}) if _is_normal(mono) else _renormal(mono)


def _monomial_power(m: Monomial, c: Rational, e: Rational) -> Poly:
    if isinstance(e, int):
        out = const(Fraction(c) ** e)
        for a, k in m:
            if a.kind == "ind" and e < 0:
                raise ZeroDivisionError("an indicator in a denominator")
            factor = ((a, ratio(k * e)),)
            out = multiply(out, Poly({factor: 1}) if _is_normal(factor) else _renormal(factor))
        return out
    out = ONE
    left: list[tuple[Atom, Rational]] = []
    for a, k in m:
        if a.kind == "ind":
            out = multiply(out, _of_atom(a))
        elif a.nonnegative:
            factor = ((a, ratio(k * e)),)
            out = multiply(out, Poly({factor: 1}) if _is_normal(factor) else _renormal(factor))
        elif isinstance(k, int) and k % 2 == 0:
            out = multiply(out, power(absolute(_of_atom(a)), ratio(k * e)))
        else:
            left.append((a, k))
    if not left and c > 0:
        return multiply(out, _number_power(c, e))
    if c > 0:
        out, c = multiply(out, _number_power(c, e)), 1
    return multiply(out, _base_power(Poly({tuple(left): c}), e))


def _number_power(c: Rational, e: Rational) -> Poly:
    out = ONE
    for prime, k in _primes(c):
        total = ratio(Fraction(k) * e)
        whole = total if isinstance(total, int) else int(total // 1)
        out = out.scaled(Fraction(prime) ** whole)
        if total != whole:
            out = multiply(out, _of_atom(intern_atom("num", prime, positive=True), total - whole))
    return out


def _primes(c: Rational) -> list[tuple[int, int]]:
    out: dict[int, int] = {}
    for n, sign in ((abs(c.numerator), 1), (c.denominator, -1)):
        p = 2
        while n > 1:
            if p * p > n or p > 10_000:
                p = n
            while n % p == 0:
                out[p] = out.get(p, 0) + sign
                n //= p
            p += 1
    return sorted((p, k) for p, k in out.items() if k)


def exponential(p: Poly) -> Poly:
    """Return exp(p) as the product of exp(m) ** c over the terms c * m; exp(c log u) is u ** c."""
    out = ONE
    for m, c in p.terms.items():
        if len(m) == 1 and m[0][1] == 1 and m[0][0].kind == "fn" and m[0][0].data[0] == "log":
            out = multiply(out, power(m[0][0].data[1][0], c))
            continue
        height, found = 0, frozenset[Any]()
        for a, _ in m:
            height, found = max(height, a.height), found | a.indices
        out = multiply(out, _of_atom(intern_atom("exp", m, positive=True, height=height, indices=found), c))
    return out


def logarithm(p: Poly) -> Poly:
    """Return log(p), split only over factors known to be positive."""
    if not p.terms:
        raise ZeroDivisionError("the logarithm of zero")
    scale, mono, rest = content(p, positive_only=True)
    out = ZERO
    if scale > 0:
        for prime, k in _primes(scale):
            out = out + _fn("log", (const(prime),)).scaled(k)
        scale = 1
    for a, e in mono:
        if a.kind == "exp":
            out = out + Poly({a.data: ratio(e)})
        elif a.kind == "base" or a.kind == "num":
            out = out + _fn("log", (a.data if a.kind == "base" else const(a.data),)).scaled(e)
        else:
            out = out + _fn("log", (_of_atom(a),)).scaled(e)
    if rest == ONE:
        return out if scale == 1 else out + _fn("log", (const(scale),))
    return out + _fn("log", (rest.scaled(scale),))


def _fn(name: str, args: tuple[Poly, ...]) -> Poly:
    found: frozenset[Any] = frozenset()
    for p in args:
        found |= p.indices
    height = max((p.height for p in args), default=0)
    positive = name in ("cosh", "gamma") and args[0].positive or name == "cosh"
    return _of_atom(intern_atom("fn", (name, args), positive=positive, height=height, indices=found))


def absolute(p: Poly) -> Poly:
    """Return |p| = p (2 [p > 0] - 1)."""
    if p.nonnegative:
        return p
    if (-p).nonnegative:
        return -p
    if _leading_sign(p) < 0:
        p = -p
    # p sign(p): written with sign(0) = 0, so that its derivative has that convention too
    return multiply(p, function("sign", (p,)))


def function(name: str, args: tuple[Poly, ...]) -> Poly:
    """Return a scalar function in normal form."""
    match name:
        case "exp":
            return exponential(args[0])
        case "log":
            return logarithm(args[0])
        case "abs":
            return absolute(args[0])
        case "sign":
            return indicator(">", args[0]) - indicator(">", -args[0])
        case "max":
            return multiply(indicator(">", args[0] - args[1]), args[0] - args[1]) + args[1]
        case "min":
            return multiply(indicator(">", args[1] - args[0]), args[0] - args[1]) + args[1]
        case "erfc":
            return ONE - function("erf", args)
        case "stop_gradient":
            return args[0] if args[0].constant() is not None else _fn(name, args)
    if not args[0].terms and name in _ODD:
        return ZERO
    if not args[0].terms and name in _EVEN:
        return ONE
    if len(args) == 1 and (name in _ODD or name in _EVEN) and _leading_sign(args[0]) < 0:
        flipped = _fn(name, (-args[0],))
        return -flipped if name in _ODD else flipped
    return _fn(name, args)


# -- indicators ----------------------------------------------------------------------------------------------------


def indicator(relation: str, p: Poly) -> Poly:
    """Return 1[p relation 0]. Only [p > 0] and [p = 0] are kept, with the sign of p normal."""
    if relation == ">=":
        return indicator(">", p + ONE) if _is_whole(p) else ONE - indicator(">", -p)
    if relation == "!=":
        return ONE - indicator("=", p)
    value = p.constant()
    if value is not None:
        return ONE if (value > 0 if relation == ">" else value == 0) else ZERO
    if p.positive:
        return ONE if relation == ">" else ZERO
    if (-p).positive or (relation == ">" and (-p).nonnegative):
        return ZERO
    scale, mono, rest = content(p, positive_only=True)
    p = multiply(Poly({tuple((a, e) for a, e in mono if not a.positive): 1}), rest)
    if _leading_sign(p) < 0:
        if relation == ">":
            return ONE - indicator(">", -p) - indicator("=", -p)
        p = -p
    return _of_atom(intern_atom("ind", (relation, p), nonnegative=True, height=p.height, indices=p.indices))


def _is_whole(p: Poly) -> bool:
    """Tell whether a polynomial takes whole values: indices, labels and sizes with whole coefficients."""
    return all(
        isinstance(c, int) and all(isinstance(e, int) and e > 0 and _is_whole_atom(a) for a, e in m)
        for m, c in p.terms.items()
    )


def _is_whole_atom(a: Atom) -> bool:
    if a.kind == "ent":
        return a.data[0].classes is not None
    return a.kind == "ix" or (a.kind == "sym" and bool(getattr(a.data, "is_integer", False)))


# -- sums ----------------------------------------------------------------------------------------------------------

_BOUND: dict[tuple[int, int, Any], Index] = {}


def _bound(height: int, number: int, size: Any) -> Index:
    key = (height, number, size)
    found = _BOUND.get(key)
    if found is None:
        found = _BOUND[key] = Index(f"b{height}_{number}", size)
    return found


def opened(a: Atom) -> tuple[tuple[Index, ...], Poly]:
    """Return a sum atom's binders as fresh indices, and its body over them."""
    bound, body = a.data
    fresh = tuple(Index(b.letter, b.size) for b in bound)
    return fresh, rename(Poly({body: 1}), {b: of_index(f) for b, f in zip(bound, fresh, strict=True)})


def size_poly(size: Any) -> Poly:
    """Return a size expression as a polynomial."""
    if size.is_Integer:
        return const(int(size))
    if size.is_Symbol:
        return of_symbol(size)
    out = ZERO if size.is_Add else ONE
    for part in size.args:
        out = out + size_poly(part) if size.is_Add else multiply(out, size_poly(part))
    return out


def summed(p: Poly, over: tuple[Index, ...]) -> Poly:
    """Return the sum over whole indices: linear, deltas contracted, split into connected parts, binders canonical."""
    out = ZERO
    for m, c in p.terms.items():
        out = out + _sum_monomial(m, over).scaled(c)
    return out


def _sum_monomial(m: Monomial, over: tuple[Index, ...]) -> Poly:
    wanted = frozenset(over)
    for a, _ in m:
        if a.kind == "ind" and a.data[0] == "=" and a.indices & wanted:
            solved = _contract(m, a, over, wanted)
            if solved is not None:
                return solved
    if any(a.kind == "sum" and isinstance(e, int) and e > 0 and a.indices & wanted for a, e in m):
        return _joined(m, over, wanted)
    outside = tuple((a, e) for a, e in m if not a.indices & wanted)
    inside = [(a, e) for a, e in m if a.indices & wanted]
    out = Poly({outside: 1})
    for group, factors in _components(inside, over):
        if not factors:
            out = multiply(out, size_poly(group[0].size))
        else:
            out = multiply(out, _closed(group, tuple(factors)))
    return out


def _contract(m: Monomial, delta: Atom, over: tuple[Index, ...], wanted: frozenset[Index]) -> Poly | None:
    found = solve_equation(delta.data[1], wanted)
    if found is None:
        return None
    k, value = found
    rest = rename(Poly({tuple((a, e) for a, e in m if a is not delta): 1}), {k: value})
    rest = multiply(rest, in_range(value, k.size))
    return summed(rest, tuple(i for i in over if i is not k))


def in_range(value: Poly, size: Any) -> Poly:
    """Return the indicator that 0 <= value < size; 1 where the ranges are known to agree."""
    single = value.single()
    if single is not None and single[1] == 1 and len(single[0]) == 1 and single[0][0][1] == 1:
        a = single[0][0]
        if a[0].kind == "ix" and a[0].data.size == size:
            return ONE
        if a[0].kind == "ent" and a[0].data[0].classes == size:
            return ONE
    return multiply(indicator(">=", value), indicator(">=", size_poly(size) - ONE - value))


def _joined(m: Monomial, over: tuple[Index, ...], wanted: frozenset[Index]) -> Poly:
    """Pull sums that depend on the bound indices into one joint sum."""
    body = ONE
    for a, e in m:
        if a.kind == "sum" and isinstance(e, int) and e > 0 and a.indices & wanted:
            for _ in range(e):
                fresh, inner = opened(a)
                over = (*over, *fresh)
                body = multiply(body, inner)
        else:
            body = multiply(body, Poly({((a, e),): 1}))
    return summed(body, over)


def _components(
    inside: list[tuple[Atom, Rational]], over: tuple[Index, ...]
) -> list[tuple[tuple[Index, ...], list[tuple[Atom, Rational]]]]:
    left = list(over)
    out: list[tuple[tuple[Index, ...], list[tuple[Atom, Rational]]]] = []
    while left:
        group = {left[0]}
        grown = True
        while grown:
            grown = False
            for a, _ in inside:
                here = a.indices & frozenset(left)
                if here & group and not here <= group:
                    group |= here
                    grown = True
        ordered = tuple(i for i in left if i in group)
        out.append((ordered, [(a, e) for a, e in inside if a.indices & group]))
        left = [i for i in left if i not in group]
    return out


def _closed(group: tuple[Index, ...], factors: Monomial) -> Poly:
    """Return the sum atom of a connected body, its binders named by structure."""
    body = Poly({factors: 1})
    height = 1 + body.height
    best: tuple[Any, Poly, tuple[Index, ...]] | None = None
    for order in _orders(group, body):
        names = tuple(_bound(height, n, i.size) for n, i in enumerate(order))
        candidate = rename(body, {i: of_index(b) for i, b in zip(order, names, strict=True)})
        key = (len(candidate.terms), sorted((_monomial_key(m), -c) for m, c in candidate.terms.items()))
        if best is None or key < best[0]:
            best = (key, candidate, names)
    assert best is not None
    _, candidate, names = best
    out = ZERO
    for m, c in candidate.terms.items():
        # A renamed indicator may turn over and give several terms: each is closed as it stands.
        wanted = frozenset(names)
        term = Poly({tuple((a, e) for a, e in m if not a.indices & wanted): c})
        for part, inside in _components([(a, e) for a, e in m if a.indices & wanted], names):
            term = multiply(term, _sum_atom(part, tuple(inside)) if inside else size_poly(part[0].size))
        out = out + term
    return out


def _sum_atom(names: tuple[Index, ...], mono: Monomial) -> Poly:
    outside = frozenset(i for a, _ in mono for i in a.indices) - frozenset(names)
    body = Poly({mono: 1})
    return _of_atom(
        intern_atom(
            "sum", (names, mono), height=1 + body.height, indices=outside,
            positive=all(a.positive for a, _ in mono), nonnegative=body.nonnegative,
        )
    )  # fmt: skip


def _orders(group: tuple[Index, ...], body: Poly) -> list[tuple[Index, ...]]:
    """Return the orders of the binders that structure alone cannot tell apart (colour refinement, then all ties)."""
    if len(group) == 1:
        return [group]
    colour: dict[Index, Any] = {i: str(i.size) for i in group}
    for _ in range(len(group)):
        marks: dict[Any, Index] = {}
        new: dict[Index, Any] = {}
        for i in group:
            env = {}
            for j in group:
                mark = ("*", str(i.size)) if j is i else ("c", colour[j])
                env[j] = of_index(marks.setdefault(mark, _bound(-1, _mark_number(mark), j.size)))
            try:
                shape = rename(body, env)
            except ZeroDivisionError:  # two binders made one inside a denominator: no information here
                new[i] = ()
                continue
            new[i] = tuple(sorted(((_monomial_key(m), c) for m, c in shape.terms.items()), key=repr))
        ranks = {v: n for n, v in enumerate(sorted(set(new.values()), key=repr))}
        fresh = {i: (str(i.size), ranks[new[i]]) for i in group}
        done = len(set(fresh.values())) == len(set(colour.values()))
        colour = fresh
        if done:
            break
    classes: dict[Any, list[Index]] = {}
    for i in sorted(group, key=lambda i: colour[i]):
        classes.setdefault(colour[i], []).append(i)
    orders: list[tuple[Index, ...]] = [()]
    for members in classes.values():
        ways = list(permutations(members)) if len(members) <= 5 else [tuple(members)]
        orders = [(*o, *w) for o in orders for w in ways]
        if len(orders) > 720:
            orders = orders[:1]
    return orders


_MARKS: dict[Any, int] = {}


def _mark_number(mark: Any) -> int:
    return _MARKS.setdefault(mark, len(_MARKS))
