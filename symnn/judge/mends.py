"""Ways to mend a typed formula by one change of its own text: what a slip has turned is turned back.

A change is a place in the text, what belongs there, the kind of slip and a sentence on it. Which of them makes the
formula the true gradient is for others to try.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from symnn.judge.mends_of_conditions import Conditions
from symnn.judge.typed_parts import (
    ATOM,
    COMMON,
    SIGNED,
    Change,
    Known,
    binding_of,
    changed,
    enclosed,
    is_place,
)
from symnn.language.functions import FUNCTIONS
from symnn.language.syntax import (
    Binary,
    Call,
    Compare,
    Item,
    Name,
    NewAxis,
    Node,
    Number,
    Program,
    Range,
    Sigma,
    Statement,
    Transposed,
    Tuple,
    Unary,
)
from symnn.nn.activations import ACTIVATIONS

__all__ = ["Change", "Known", "changed", "changes", "multiplied", "scaled"]

_AXES = 3


def scaled(program: Program, text: str, factor: str, *, negative: bool) -> str:
    """Return a formula divided by a constant, and with the other sign where ``negative``."""
    node = program.result
    start, end = node.span
    body = text[start:end]
    while enclosed(body, 0, len(body)):
        body = body[1:-1]
    binds = binding_of(node)
    if factor != "1":
        body = body if binds >= 4 else f"({body})"
        upside = factor.startswith("1/") and factor[2:].replace("_", "").isalnum()
        below = factor if factor.isalnum() else f"({factor})"
        body = f"{body} * {factor[2:]}" if upside else f"{body} / {below}"
        binds = 4
    if negative:
        bare = isinstance(node, Unary) and node.op == "-" and factor == "1"
        body = body.lstrip()[1:].lstrip() if bare else f"-{body}" if binds > 3 else f"-({body})"
    return text[:start] + body + text[end:]


def multiplied(program: Program, text: str, factor: str, *, divided: bool) -> str:
    """Return a formula times a factor, or divided by it."""
    node = program.result
    start, end = node.span
    body = text[start:end] if binding_of(node) >= 4 or enclosed(text, start, end) else f"({text[start:end]})"
    parted = divided and any(sign in factor for sign in "+-*/") and not enclosed(factor, 0, len(factor))
    return text[:start] + f"{body} {'/' if divided else '*'} {f'({factor})' if parted else factor}" + text[end:]


def changes(program: Program, text: str, known: Known) -> tuple[list[tuple[Change, ...]], ...]:
    """Return the changes to be tried, none twice: of what stands there, what may be put in, and what comes last.

    A change that fits several places, mean(..., axis=1) three times, is also one of all of them.
    """
    found: dict[tuple[int, int, str], Change] = {}
    made = _Changes(text, known, program)
    out = []
    for ways in (
        (made.turned, made.conditions, made.exchanged, made.taken_away, made.functions_exchanged),
        (made.put_in, made.by_constants), (made.for_gradients, made.by_arrays),
    ):  # fmt: skip
        new = [c for way in ways for c in way() if text[c.start : c.end] != c.new]
        new = [c for c in new if found.setdefault((c.start, c.end, c.new), c) is c]
        alike: dict[tuple[str, str, str], list[Change]] = {}
        for c in new:
            alike.setdefault((text[c.start : c.end], c.new, c.kind), []).append(c)
        out.append([(c,) for c in new] + [tuple(group) for group in alike.values() if len(group) > 1])
    return tuple(out)


class _Changes(Conditions):
    # -- what stands there turned ----------------------------------------------------------------------------------

    def turned(self) -> Iterator[Change]:
        """Yield signs, powers, conditions, sums and means, axes, transposes, places and names of indices turned."""
        for node, _ in self.nodes:
            if isinstance(node, Binary) and node.op in "+-":
                yield from self._sign(node)
                yield from self._eps(node)
            if isinstance(node, Unary) and node.op == "-":
                said = f"the minus before {self.cut(node.body)} does not belong there"
                yield self.kept(node, node.body, "sign", said)
            if isinstance(node, Binary) and node.op == "**":
                yield from self._power(node)
            if isinstance(node, Call):
                yield from self._total(node)
                yield from self._cases(node)
            if isinstance(node, Sigma):
                other = "mean" if node.kind == "sum" else "sum"
                start = node.span[0]
                kind = "mean-for-sum" if node.kind == "mean" else "sum-for-mean"
                said = f"{self.cut(node)} takes the {node.kind} where the {other} belongs"
                yield Change(start, start + len(node.kind), other, kind, said)
            if isinstance(node, Item):
                yield from self._places(node)
        yield from self.transposes()

    def _sign(self, node: Binary) -> Iterator[Change]:
        left, right = self.operand(node.left, 3), self.operand(node.right, 4)
        for size in (node.left, node.right):
            one = node.right if size is node.left else node.left
            if isinstance(size, Name) and size.name in self.known.sizes and isinstance(one, Number) and one.value == 1:
                said = f"{self.cut(node)} stands where {size.name} belongs"
                yield self.instead(node, size.name, ATOM, "n-minus-one", said)
        other = "-" if node.op == "+" else "+"
        kind = "index" if node in self.places else "sign"
        said = f"the sign of {right} in {self.cut(node)} is wrong"
        yield self.instead(node, f"{left} {other} {right}", 3, kind, said)

    def _eps(self, node: Binary) -> Iterator[Change]:
        """Yield an eps moved into a root or out of it, and left out."""
        for small, rest in ((node.right, node.left), (node.left, node.right)):
            if not self._is_small(small) or node.op != "+":
                continue
            eps, shown = self.cut(small), self.cut(node)
            if isinstance(rest, Call) and rest.function == "sqrt" and rest.args:
                new = f"sqrt({self.operand(rest.args[0], 3)} + {eps})"
                yield self.instead(node, new, ATOM, "eps", f"{eps} belongs inside the root in {shown}")
            yield self.kept(node, rest, "eps", f"{eps} does not belong in {shown}")
        # sqrt(s + eps) is found from its argument
        above = next((a for n, a in self.nodes if n is node), None)
        if isinstance(above, Call) and above.function == "sqrt" and self._is_small(node.right) and node.op == "+":
            new = f"sqrt({self.cut(node.left)}) + {self.cut(node.right)}"
            said = f"{self.cut(node.right)} belongs outside the root in {self.cut(above)}"
            yield self.instead(above, new, 3, "eps", said)

    def _is_small(self, node: Node) -> bool:
        if isinstance(node, Number):
            return 0 < node.value < 0.1
        return isinstance(node, Name) and (node.name in ("eps", "epsilon") or node.name in self.known.scalars)

    def _power(self, node: Binary) -> Iterator[Change]:
        base, shown = self.operand(node.left, 7), self.cut(node)
        if isinstance(node.left, Binary) and node.left.op in "+-":
            a, b = self.operand(node.left.left, 3), self.operand(node.left.right, 7)
            new = f"{a} {node.left.op} {b} ** {self.operand(node.right, 5)}"
            said = f"the power in {shown} belongs to {self.cut(node.left.right)} alone: {new}"
            yield self.instead(node, new, 3, "exponent", said)
        yield self.kept(node, node.left, "exponent", f"the power does not belong in {shown}")
        if id(node) in self.compared:  # there other powers say the same by chance
            return
        if isinstance(node.right, Number) and node.right.value.denominator == 1:
            e = int(node.right.value)
            for power in (e - 1, e + 1, -e):
                if power not in (0, 1):
                    said = f"{shown} has the power {e}, where {power} belongs"
                    yield self.instead(node, f"{base} ** {power}", 6, "exponent", said)

    def _total(self, node: Call) -> Iterator[Change]:
        """Yield a sum for a mean, and other axes."""
        if node.function not in ("sum", "mean") or node.prime:
            return
        other, shown = "mean" if node.function == "sum" else "sum", self.cut(node)
        start, end = self.inside(node)
        body = node.args[0]
        as_method = body.span[0] == start
        at = self.text.find(node.function, body.span[1] if as_method else start, end)
        if at >= 0:
            kind = "mean-for-sum" if node.function == "mean" else "sum-for-mean"
            said = f"{shown} takes the {node.function} where the {other} belongs"
            yield Change(at, at + len(node.function), other, kind, said)
            if node.function == "mean":
                whole = self.text[start:at] + "sum" + self.text[at + len("mean") : end]
                for size in self.known.sizes:
                    said = f"{shown} divides by {size}, where {size} - 1 belongs"
                    yield self.instead(node, f"{whole} / ({size} - 1)", 4, "n-minus-one", said)
        axis = dict(node.keywords).get("axis", node.args[1] if len(node.args) > 1 else None)
        tail = "" if any(k == "keepdims" for k, _ in node.keywords) else ", keepdims=True"
        whole = self.cut(body)
        for a in range(_AXES):
            if isinstance(axis, Number) and axis.value == a:
                continue
            said = f"{shown} takes the {node.function} over the wrong axis" if axis is not None else (
                f"{shown} takes the {node.function} over all axes, where it runs over axis {a} only"
            )  # fmt: skip
            if axis is not None and isinstance(axis, Number):
                yield Change(*axis.span, str(a), "axis", f"{said}, {self.cut(axis)} for {a}")
            for b in range(a + 1, _AXES + 1 if axis is not None else 0):
                assert axis is not None
                yield Change(*axis.span, f"({a}, {b})", "axis", f"{said}, {self.cut(axis)} for ({a}, {b})")
            if axis is None:
                yield self.instead(node, f"{node.function}({whole}, axis={a})", ATOM, "axis", said)
            new = f"{node.function}({whole}, axis={a}, keepdims=True)"
            yield self.instead(node, new, ATOM, "axis", said)
            spread = self.above.get(id(node))
            if isinstance(spread, Item) and all(isinstance(i, NewAxis | Range) for i in spread.items):
                yield self.instead(spread, new, ATOM, "axis", said)
        if axis is not None and tail:
            new = f"{node.function}({whole}, axis={self.cut(axis)}, keepdims=True)"
            said = f"keepdims=True is missing in {shown}: the axis must stay to be spread along"
            yield self.instead(node, new, ATOM, "axis", said)

    def _cases(self, node: Call) -> Iterator[Change]:
        shown = self.cut(node)
        if node.function == "where" and len(node.args) == 3:
            c, a, b = (self.cut(x) for x in node.args)
            yield self.instead(node, f"where({c}, {b}, {a})", ATOM, "mask", f"the cases of {shown} are exchanged")
        if node.prime:
            start, end = self.inside(node)
            new = self.text[start:end].replace("'", "", 1)
            said = f"{shown} is the derivative, where {node.function} itself belongs"
            yield Change(start, end, new, "function", said)
            for a, h in self.known.outputs:
                if self.cut(node.args[0]) == h:
                    said = f"the derivative of {node.function} is taken at {h}, where it belongs at {a}"
                    yield Change(*node.args[0].span, a, "derivative-at-output", said)

    def _places(self, node: Item) -> Iterator[Change]:
        """Yield positions between brackets in another order, one place off, or with another letter."""
        names = [i for i in node.items if isinstance(i, Name)]
        shown, body = self.cut(node), self.text[node.body.span[0] : node.body.span[1]]
        items = [self.cut(i) for i in node.items]
        if any(isinstance(i, NewAxis) for i in node.items) and len(items) > 1:
            for turned in dict.fromkeys(permutations(items)):
                new = f"{body}[{', '.join(turned)}]"
                said = f"the axis put into {shown} stands in the wrong place: {new} belongs there"
                yield self.instead(node, new, ATOM, "axis", said)
        if len(names) == len(node.items):
            for order in permutations(range(len(items))):
                new = f"{body}[{', '.join(items[k] for k in order)}]"
                yield self.instead(node, new, ATOM, "index", f"{shown} must be {new}: its indices are exchanged")
        for n, i in enumerate(node.items):
            own = self.cut(i)
            if isinstance(i, Name) and own in self.letters:
                for letter in self.letters:
                    if letter != own:
                        new = f"{body}[{', '.join((*items[:n], letter, *items[n + 1 :]))}]"
                        yield self.instead(node, new, ATOM, "index", f"{shown} stands with the wrong index: {new}")
            if (isinstance(i, Binary) and i.op in "+-" and isinstance(i.right, Number)) or isinstance(i, Name):
                bare = self.cut(i.left) if isinstance(i, Binary) else own
                for put in (bare, f"{bare} + 1", f"{bare} - 1"):
                    if bare in self.letters and put != own:
                        new = f"{body}[{', '.join((*items[:n], put, *items[n + 1 :]))}]"
                        said = f"{shown} is read one place off: {new} belongs there"
                        yield self.instead(node, new, ATOM, "off-by-one", said)

    def transposes(self) -> Iterator[Change]:
        """Yield transposes put in or left out, and products turned round."""
        for node, _ in self.nodes:
            if not (isinstance(node, Binary) and node.op == "@"):
                continue
            for side in (node.left, node.right):
                if isinstance(side, Transposed):
                    said = f"{self.cut(side.body)} is transposed, and must not be"
                    yield self.kept(side, side.body, "transpose", said)
                else:
                    said = f"{self.cut(side)} must be transposed"
                    yield self.instead(side, f"{self.operand(side, ATOM)}.T", ATOM, "transpose", said)
            left, right = self.operand(node.left, 4), self.operand(node.right, 5)
            said = f"the factors of {self.cut(node)} stand the other way round"
            turned = f"{self.operand(node.right, 4)} @ {self.operand(node.left, 5)}"
            yield self.instead(node, turned, 4, "transpose", said)
            said = f"{self.cut(node)} must be transposed"
            yield self.instead(node, f"({left} @ {right}).T", ATOM, "transpose", said)
        for node, above in self.nodes:
            if isinstance(node, Call) and len(node.args) == 2 and node.function in ("outer", "dot", "maximum", "kron"):
                a, b = (self.cut(x) for x in node.args)
                said = f"the arguments of {self.cut(node)} stand the other way round"
                yield self.instead(node, f"{node.function}({b}, {a})", ATOM, "transpose", said)
            if isinstance(node, Transposed) and not (isinstance(above, Binary) and above.op == "@"):
                said = f"{self.cut(node.body)} is transposed, and must not be"
                yield self.kept(node, node.body, "transpose", said)
            elif isinstance(node, Name) and len(self.known.tensors.get(node.name, ())) == 2:
                if not isinstance(above, Transposed | Item) and not (isinstance(above, Binary) and above.op == "@"):
                    yield self.instead(node, f"{node.name}.T", ATOM, "transpose", f"{node.name} must be transposed")

    # -- what does not belong there --------------------------------------------------------------------------------

    def taken_away(self) -> Iterator[Change]:
        """Yield terms, factors and functions left out."""
        for node, _ in self.nodes:
            shown = self.cut(node)
            if isinstance(node, Binary) and node.op in ("*", "/", "@"):
                yield from self._factor(node, shown)
            if isinstance(node, Call) and len(node.args) >= 1 and not node.prime:
                if node.function in ("sum", "mean"):
                    said = f"the {node.function} in {shown} does not belong there"
                    yield self.kept(node, node.args[0], "sum", said)
                elif node.function == "onehot":
                    continue
                elif node.function in FUNCTIONS and len(node.args) == 1:
                    kind = {"sqrt": "exponent", "triu": "mask", "tril": "mask"}.get(node.function, "function")
                    what = "the root" if node.function == "sqrt" else node.function
                    said = f"{what} does not belong in {shown}"
                    yield self.kept(node, node.args[0], kind, said)

        for node, _ in self.nodes:
            if isinstance(node, Binary) and node.op in ("+", "-"):
                yield from self._term(node)

    def _term(self, node: Binary) -> Iterator[Change]:
        shown = self.cut(node)
        right, left = (
            "index" if node in self.places else "term", "index" if node in self.places else "term"
        )  # fmt: skip
        if node in self.places and isinstance(node.right, Number) and node.right.value == 1:
            right = "off-by-one"
        said = f"{self.cut(node.right)} does not belong in {shown}"
        yield self.kept(node, node.left, right, said)
        said = f"{self.cut(node.left)} does not belong in {shown}"
        if node.op == "+":
            yield self.kept(node, node.right, left, said)
        else:
            yield self.instead(node, f"-{self.operand(node.right, 5)}", SIGNED, left, said)

    def _factor(self, node: Binary, shown: str) -> Iterator[Change]:
        left, right = self.operand(node.left, 4), self.operand(node.right, 5)
        kind = "mask" if isinstance(node.right, Compare) else "factor"
        word = "the division by" if node.op == "/" else "the factor"
        said = f"{word} {self.cut(node.right)} does not belong in {shown}"
        yield self.kept(node, node.left, kind, said)
        if node.op != "/":
            kind = "mask" if isinstance(node.left, Compare) else "factor"
            said = f"the factor {self.cut(node.left)} does not belong in {shown}"
            yield self.kept(node, node.right, kind, said)
        inner = node.left
        if node.op == "*" and isinstance(inner, Binary) and inner.op in "*/" and self.inside(inner) == inner.span:
            said = f"the factor {self.cut(inner.right)} * {self.cut(node.right)} does not belong in {shown}"
            yield self.kept(node, inner.left, "factor", said)
        if node.op == "*":
            said = f"{self.cut(node.right)} multiplies in {shown}, where it must divide"
            yield self.instead(node, f"{left} / {right}", 4, "factor", said)
        if node.op == "/":
            said = f"{self.cut(node.right)} divides in {shown}, where it must multiply"
            yield self.instead(node, f"{left} * {right}", 4, "factor", said)

    # -- one thing for another -------------------------------------------------------------------------------------

    def exchanged(self) -> Iterator[Change]:
        """Yield one name in another's place, and one number in another's."""
        for node, above in self.nodes:
            if isinstance(node, Name) and not isinstance(above, Sigma):
                yield from self._name(node, above)
            if isinstance(node, Number) and node.value == 1 and not isinstance(above, Item | Call):
                for label in self.known.labels:
                    said = f"1 stands where the one-hot vector of {label} belongs"
                    yield self.instead(node, f"onehot({label})", ATOM, "onehot", said)
            if isinstance(node, Number) and not isinstance(above, Item | Call | Range) and node.value:
                v = node.value
                for new in dict.fromkeys((v + 1, v - 1, 2 * v, v / 2, 4 * v, v / 4)):
                    if new:
                        put = str(new) if new > 0 else f"({new})"
                        binding = ATOM if new > 0 and new.denominator == 1 else 4
                        yield self.instead(node, put, binding, "factor", f"{self.cut(node)} stands where {new} belongs")

    def _name(self, node: Name, above: Node | None) -> Iterator[Change]:
        mine = node.name
        if mine in self.known.labels:
            new = f"onehot({mine})"
            said = f"the label {mine} itself stands where its one-hot vector belongs"
            if isinstance(above, Item):
                yield self.instead(above, new, ATOM, "onehot", said)
            yield self.instead(node, new, ATOM, "onehot", said)
        if mine in self.known.sizes:
            yield self.instead(node, f"{mine} - 1", 3, "n-minus-one", f"{mine} stands where {mine} - 1 belongs")
            for other in (*self.known.sizes, *self.known.scalars):
                if other != mine:
                    yield self.instead(node, other, ATOM, "factor", f"{mine} stands where {other} belongs")
        if mine in self.known.scalars:
            for other in (*self.known.scalars, *self.known.sizes):
                if other != mine:
                    yield self.instead(node, other, ATOM, "factor", f"{mine} stands where {other} belongs")
        shape = self.known.tensors.get(mine)
        if shape is None and mine not in self.locals:
            return
        for other, theirs in self.known.tensors.items():
            if other != mine and (shape is None or theirs == shape or len(theirs) == len(shape)):
                if other not in self.known.gradients:
                    yield self.instead(node, other, ATOM, "instead", f"{mine} stands where {other} belongs")
        for other in self.locals:
            if other != mine:
                yield self.instead(node, other, ATOM, "instead", f"{mine} stands where {other} belongs")

    def for_gradients(self) -> Iterator[Change]:
        """Yield gradients in the place of other names: what leads from one gradient to the next is then missing."""
        for node, above in self.nodes:
            if not isinstance(node, Name) or isinstance(above, Sigma):
                continue
            shape = self.known.tensors.get(node.name)
            if shape is None and node.name not in self.locals:
                continue
            for other in sorted(self.known.gradients):
                if other != node.name and (shape is None or len(self.known.tensors[other]) == len(shape)):
                    said = f"{node.name} stands where {other} belongs"
                    yield self.instead(node, other, ATOM, "instead", said)

    def functions_exchanged(self) -> Iterator[Change]:
        """Yield one function in another's place."""
        for node, _ in self.nodes:
            if isinstance(node, Call) and len(node.args) == 1:
                yield from self._function(node)

    def _function(self, node: Call) -> Iterator[Change]:
        mine, shown, body = node.function, self.cut(node), self.cut(node.args[0])
        if node.prime:
            for other in self.known.functions:
                if other != mine and other in ACTIVATIONS:
                    said = f"{mine}' stands where {other}' belongs"
                    yield self.instead(node, f"{other}'({body})", ATOM, "function", said)
            return
        for other in self.functions:
            if other != mine and _of_one(other) and _of_one(mine):
                yield self.instead(node, f"{other}({body})", ATOM, "function", f"{mine} stands where {other} belongs")
        if mine in ACTIVATIONS:
            said = f"{shown} stands where its derivative {mine}' belongs"
            yield self.instead(node, f"{mine}'({body})", ATOM, "factor", said)

    # -- what is missing -------------------------------------------------------------------------------------------

    def put_in(self) -> Iterator[Change]:
        """Yield signs, functions, powers, sums and conditions put in."""
        for node, above in self.nodes:
            if isinstance(node, Number | Tuple | Statement | Program) or is_place(node, above):
                continue
            shown = self.cut(node)
            if id(node) in self.compared:  # there powers and the like say the same by chance
                for f in dict.fromkeys(("abs", *self.known.functions)):
                    if _of_one(f):
                        yield self.instead(node, f"{f}({shown})", ATOM, "function", f"{f} of {shown} is missing")
                continue
            argument = isinstance(above, Call | Statement | Program) or (
                isinstance(above, Binary) and above.op in ("+", "**") and (node is above.left or above.op == "**")
            )
            if argument:
                said = f"a minus is missing before {shown}"
                yield self.instead(node, f"-{self.operand(node, 5)}", SIGNED, "sign", said)
            raised = isinstance(above, Binary) and above.op == "**"
            if not raised:
                for e in (2, 3, -1):
                    said = f"the power {e} of {shown} is missing"
                    yield self.instead(node, f"{self.operand(node, 7)} ** {e}", 6, "exponent", said)
                yield self.instead(node, f"sqrt({shown})", ATOM, "exponent", f"the root of {shown} is missing")
            if self.known.scalars or self._eps_known():
                eps = next((s for s in self.known.scalars if s.startswith("eps")), "eps")
                if binding_of(node) != 3 or not shown.endswith(eps):
                    new = f"{self.operand(node, 3)} + {eps}"
                    yield self.instead(node, new, 3, "eps", f"{eps} is missing beside {shown}")
            for word in ("sum", "mean"):
                for a in range(_AXES):
                    for tail in (", keepdims=True", ""):
                        said = f"the {word} over axis {a} of {shown} is missing"
                        yield self.instead(node, f"{word}({shown}, axis={a}{tail})", ATOM, "sum", said)
                yield self.instead(node, f"{word}({shown})", ATOM, "sum", f"the {word} of {shown} is missing")
            if not (isinstance(above, Call) and above.function in self.functions and len(above.args) == 1):
                for f in self.functions:
                    if _of_one(f):
                        yield self.instead(node, f"{f}({shown})", ATOM, "function", f"{f} of {shown} is missing")
            if not isinstance(node, Compare):
                for rel in (">", "<"):
                    new = f"{self.operand(node, 1)} {rel} 0"
                    said = f"{shown} itself stands where the condition {new} belongs"
                    yield self.instead(node, f"({new})", ATOM, "mask", said)
            if isinstance(node, Call) and node.function == "std" and self._eps_known():
                inside = self.text[self.inside(node)[0] + len("std") : self.inside(node)[1]]
                yield self.instead(
                    node, f"sqrt(var{inside} + eps)", ATOM, "eps", f"eps is missing beside the variance in {shown}"
                )
            for f in ("triu", "tril"):
                yield self.instead(node, f"{f}({shown})", ATOM, "mask", f"the mask {f} of {shown} is missing")

    def _eps_known(self) -> bool:
        return "eps" in self.known.scalars

    def by_constants(self) -> Iterator[Change]:
        """Yield terms multiplied or divided by a size, a scalar or a small number."""
        for node, above in self.nodes:
            if not self._is_term(node, above):
                continue
            shown = self.cut(node)
            for s in (*self.known.sizes, *self.known.scalars):
                kind = "sum-for-mean" if s in self.known.sizes else "factor"
                said = f"the division by {s} is missing in {shown}"
                yield self.instead(node, f"{self.operand(node, 4)} / {s}", 4, kind, said)
                said = f"the factor {s} is missing in {shown}"
                kind = "mean-for-sum" if s in self.known.sizes else "factor"
                yield self.instead(node, f"{self.operand(node, 4)} * {s}", 4, kind, said)
                yield self.instead(
                    node, f"{self.operand(node, 4)} / {s} ** 2", 4, "factor", f"1/{s}**2 is missing in {shown}"
                )
            for k in (2, 3, 4):
                said = f"the factor {k} is missing in {shown}"
                yield self.instead(node, f"{k} * {self.operand(node, 4)}", 4, "factor", said)
                said = f"the factor 1/{k} is missing in {shown}"
                yield self.instead(node, f"{self.operand(node, 4)} / {k}", 4, "factor", said)
            for s in (*self.known.scalars,):
                said = f"the factor 1 - {s} is missing in {shown}"
                yield self.instead(node, f"{self.operand(node, 4)} * (1 - {s})", 4, "factor", said)

    def by_arrays(self) -> Iterator[Change]:
        """Yield terms and factors multiplied or divided by a named array, or by a part of the formula itself."""
        parts = [n for n, a in self.nodes if isinstance(n, Binary | Call | Unary) and self._is_factor(n, a)]
        own = dict.fromkeys(self.operand(n, 5) for n in parts)
        used = [t for t in self.known.tensors if t in self.text and t not in self.known.gradients]
        for f in self.known.functions[:3]:
            own |= dict.fromkeys(f"{f}{dash}({t})" for t in used for dash in (("", "'") if f in ACTIVATIONS else ("",)))
        for node, above in self.nodes:
            if not (self._is_term(node, above) or self._is_factor(node, above)):
                continue
            shown = self.cut(node)
            for other in (*self.known.tensors, *self.locals, *own):
                if other == shown or self.cut(node) == other:
                    continue
                for tail in ("", "[:, None]"):
                    rank = len(self.known.tensors.get(other, (0,) * (3 if other in own else 1)))
                    if tail and rank != 1:
                        continue
                    said = f"the factor {other} is missing in {shown}"
                    yield self.instead(node, f"{self.operand(node, 4)} * {other}{tail}", 4, "factor", said)
                    said = f"the division by {other} is missing in {shown}"
                    yield self.instead(node, f"{self.operand(node, 4)} / {other}{tail}", 4, "factor", said)

    def _is_term(self, node: Node, above: Node | None) -> bool:
        """Tell whether a part is a term of a sum, an argument, a line, or stands between brackets."""
        if isinstance(node, Number | Tuple | Statement | Program | Compare) or is_place(node, above):
            return False
        if isinstance(above, Binary) and above.op in "+-":
            return not (isinstance(node, Binary) and node.op in "+-")
        return isinstance(above, Statement | Program | Sigma) or (isinstance(above, Call) and node in above.args)

    def _is_factor(self, node: Node, above: Node | None) -> bool:
        if isinstance(node, Number | Tuple) or is_place(node, above):
            return False
        return isinstance(above, Binary) and above.op in ("*", "/", "@")


def _of_one(name: str) -> bool:
    """Tell whether a function takes one number or array, and gives one of the same shape."""
    return name in ACTIVATIONS or name in COMMON or name in _ONE


_ONE: frozenset[str] = frozenset(("erf", "cosh", "sinh", "log1p", "expm1", "softplus", "relu", "onehot"))
