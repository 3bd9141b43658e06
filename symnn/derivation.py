"""Derivation: the face of a derived gradient. It shows itself, gives LaTeX, Markdown and HTML, and checks itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from symnn.algebra.compact import cost
from symnn.algebra.matrix import NotLifted, lift
from symnn.algebra.matrix_terms import Matrix
from symnn.algebra.prove import prove_equal
from symnn.derive.backprop import formula
from symnn.derive.steps import Step
from symnn.graph.flow import FlowGraph
from symnn.ground.arguments import by_name, whole_number
from symnn.ground.define import typed
from symnn.ground.errors import DefinitionError, ShapeError, UnknownNameError
from symnn.ground.indices import Index
from symnn.ground.sizes import size_text
from symnn.ground.substitute import substitute
from symnn.ground.sympy_border import from_sympy, to_sympy
from symnn.ground.template import entry_of, unfold
from symnn.ground.tensors import Tensor
from symnn.ground.tree import D, Entry, Fn, Ix, Sum, Tree, children, mul, rebuild, tensors_in, walk
from symnn.matrix_form import MatrixForm, matrix_form
from symnn.section import Section
from symnn.show import (
    Document,
    Formula,
    Heading,
    VerdictTable,
    html,
    markdown,
    notebook,
    terminal,
    tex,
)
from symnn.show.explicit import counted, explicit, explicit_text
from symnn.show.latex_notation import definition_latex, latex, tensor_latex
from symnn.show.letters import named
from symnn.show.matrix_notation import matrix_latex, matrix_text
from symnn.show.text_notation import text as tree_text
from symnn.verdict import Verdict, judged
from symnn.verify.differences import difference_check
from symnn.verify.lines import check_equal, evaluate_pair
from symnn.verify.matrices import check_lifting
from symnn.verify.record import Check

__all__ = ["Derivation", "ExplicitForm", "definition_line", "readable"]


_EXPECTED = "expected {:.6g}, found {:.6g}"


@dataclass
class Derivation:
    """A derived formula with the lines that led to it.

    Attributes:
        title: what is derived.
        name: the plain name of the result, such as dW1.
        free: the result's free indices.
        formula: the result, a plain tree; ``result`` is the same as a SymPy expression.
        sections: the lines, in the order of the backward pass.
        given: computed tensors whose definitions stand at the head.
        target: the derived adjoint, and ``output`` what it is the gradient of, where there is a network.
    """

    title: str
    name: str
    free: tuple[Index, ...]
    formula: Tree
    sections: list[Section]
    given: tuple[Tensor, ...] = ()
    target: Tensor | None = None
    output: Tensor | None = None
    wrt: Tensor | None = None
    upstream: Tensor | None = None
    _claims: list[tuple[str, Tree, Check]] = field(default_factory=list)

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def result(self) -> Any:
        """The result as a SymPy index expression in its free indices."""
        return to_sympy(self.formula)

    @property
    def steps(self) -> list[Step]:
        """All lines, section by section."""
        return [s for section in self.sections for s in section.steps]

    def lifted(self) -> Matrix:
        """Return the matrix form.

        Raises:
            NotLifted: there is none; the message says what stands in the way.
        """
        return lift(readable(self.formula), self.free)

    @property
    def matrix(self) -> str:
        """The matrix form as NumPy-like text, or the index form where there is none."""
        try:
            return matrix_text(self.lifted())
        except NotLifted:
            return tree_text(self.formula)

    @property
    def matrix_latex(self) -> str:
        """The matrix form in LaTeX, or the index form where there is none."""
        try:
            return matrix_latex(self.lifted())
        except NotLifted:
            return latex(self.formula)

    @property
    def matrix_reason(self) -> str:
        """Why there is no matrix form, or nothing where there is one."""
        try:
            self.lifted()
        except NotLifted as reason:
            return str(reason)
        return ""

    def in_layout(self, layout: str = "rows", *, batch: Any = None) -> MatrixForm:
        """Return the matrix form in a declared layout; it prints as NumPy text and has ``.latex`` and ``.check()``.

        Args:
            layout: "rows", a batch with one example per row, as typed; "columns", one example per column, every array
                of the batch stored with its axes exchanged; "examples", each example a column vector, x_n.
            batch: the size that counts the examples; by default the first axis that all data share.

        Raises:
            DefinitionError: no such layout, or it is not clear what counts the examples.
            NotLifted: there is no matrix form; the message says what stands in the way.
        """
        given = (*self.given, *tensors_in(self.formula), *(t for t in (self.output,) if t is not None))
        return matrix_form(readable(self.formula), self.free, layout, batch, given)

    def definitions(self) -> dict[str, str]:
        """Return the named adjoints that the result is built from, each in matrix form, nearest first."""
        out: dict[str, str] = {}
        for t, shown, lifted in self._named_adjoints():
            out[t.name] = tree_text(shown) if lifted is None else matrix_text(lifted)
        return out

    def definitions_latex(self) -> dict[str, tuple[str, str]]:
        """Return the same in LaTeX: plain name -> (left-hand side, right-hand side)."""
        out: dict[str, tuple[str, str]] = {}
        for t, shown, lifted in self._named_adjoints():
            out[t.name] = (tensor_latex(t), latex(shown) if lifted is None else matrix_latex(lifted))
        return out

    def _named_adjoints(self) -> list[tuple[Tensor, Tree, Matrix | None]]:
        out: dict[Tensor, tuple[Tensor, Tree, Matrix | None]] = {}
        queue = [t for t in tensors_in(readable(self.formula)) if t.role == "adjoint" or _is_part(t)]
        while queue:
            t = queue.pop(0)
            if t in out or t.definition is None:
                continue
            free, tree = formula(t)
            shown = readable(tree)
            try:
                out[t] = (t, shown, lift(shown, free))
            except NotLifted:
                out[t] = (t, shown, None)
            queue.extend(u for u in tensors_in(shown) if u.role == "adjoint" or _is_part(u))
        return list(out.values())

    # -- checks ----------------------------------------------------------------------------------------------------

    def check(self, claim: Any = None, *, evaluate: bool = True, differences: bool = True) -> Verdict:
        """Return a verdict: every line against the one before, the claim if one is typed, values, differences.

        Args:
            claim: a SymPy index expression in this derivation's free indices (``derivation.free``), a function of
                them, or a tensor from define() of the same shape, typed separately.
            evaluate: also evaluate the claim (or the lines) by the interpreter in extended precision.
            differences: also compare with central differences of the interpreted output.
        """
        checks: dict[str, Check] = {}
        if claim is not None:
            tree = self.as_tree(claim)
            checks["claim"] = check_equal(self.formula, tree, evaluate=evaluate, doubted=True, says=_EXPECTED)
            self._claims.append(("claim", tree, checks["claim"]))
        checks["lines"] = self.check_steps(evaluate=evaluate and claim is None)
        try:
            checks["matrix"] = check_lifting(self.lifted(), readable(self.formula), self.free)
        except NotLifted:
            pass
        if differences:
            checks["differences"] = self.difference()
        verdict = judged(self.name, checks, need=tuple(n for n in checks if n != "matrix"))
        if verdict and claim is not None and checks["claim"].verdict != "proved":
            return Verdict(self.name, "cannot tell", checks, f"equal in value where tried; {checks['claim'].detail}")
        return verdict

    def check_steps(self, *, evaluate: bool = False) -> Check:
        """Return one check for all lines: the weakest verdict among them."""
        order = ("refuted", "not run", "undecided", "evaluated", "proved")
        found = [c for s in self.sections for c in s.checks(evaluate=evaluate)[1:]]
        ends = [c for c in (s.end() for s in self.sections) if c is not None]
        if self.sections and self.target is None:
            ends.append(check_equal(self.sections[-1].steps[-1].tree, self.formula))
        if not found:
            return Check("not run", "there is only one line")
        weakest = min([*found, *ends], key=lambda c: order.index(c.verdict))
        proved = sum(c.verdict == "proved" for c in found)
        text = f"{proved} of {len(found)} lines proved equal to the one before"
        if weakest.verdict != "proved":
            text += f"; weakest: {weakest}"
        return Check(weakest.verdict, text, points=len(found))

    def difference(self, *, count: int = 3) -> Check:
        """Return how the result compares with differences of what it is the derivative of, by the interpreter.

        Central differences in float64 of a scalar output (an inner tensor is moved as if it were given); else complex
        steps in extended precision of the question itself.
        """
        stopped = self.output is not None and _stops(self.output)  # central differences would pass through it
        if self.target is not None and self.output is not None and self.wrt is not None and not stopped:
            if not self.output.rank and self.upstream is None:
                return difference_check(self.output, [(self.wrt, self.target)], count=count)[self.wrt]
            if self.wrt.definition is not None:
                return Check("not run", f"{self.wrt.name} is computed and {self.output.name} is no scalar")
        seen = evaluate_pair(self.question(), self.formula, count=count)
        if seen.verdict != "evaluated":
            return seen
        return Check("differenced", f"complex steps of the interpreter: {seen.detail}", seen.worst, seen.points)

    def question(self) -> Tree:
        """Return what is derived: the pending derivative itself, summed against the upstream where there is one."""
        if self.target is None or self.output is None or self.wrt is None:
            return self.sections[0].steps[0].tree
        inner = tuple(Index(letter, s) for letter, s in zip(self.output.letters, self.output.shape, strict=True))
        asked: Tree = D(entry_of(self.output, inner), entry_of(self.wrt, self.free))
        if self.upstream is not None:
            asked = mul(entry_of(self.upstream, inner), asked)
        for i in reversed(inner):
            asked = Sum(i, asked)
        return asked

    def as_tree(self, claim: Any) -> Tree:
        """Return a claim as a tree in this derivation's free indices.

        Raises:
            DefinitionError: it has other indices than the result.
            ShapeError: its axes have other sizes than the result's.
        """
        if isinstance(claim, Tensor):
            shape = tuple(i.size for i in self.free)
            if claim.rank != len(shape):
                raise DefinitionError(
                    f"The claim {claim.name!r} has {claim.rank} axes, {self.name} has {len(shape)}: its shape is "
                    f"{size_text(claim.shape)}, expected {size_text(shape)}."
                )
            if claim.shape != shape:
                turned = " It looks transposed." if claim.shape == shape[::-1] else ""
                raise ShapeError(
                    f"The claim {claim.name!r} has shape {size_text(claim.shape)}, expected {size_text(shape)} as "
                    f"{self.name} has.{turned}"
                )
            return entry_of(claim, self.free)
        if callable(claim) and not hasattr(claim, "free_symbols"):
            letters = ", ".join(i.letter for i in self.free)
            try:
                signature(claim).bind(*self.free)
            except TypeError:
                raise DefinitionError(
                    f"The claim must be a function of {len(self.free)} indices, as {self.name}[{letters}] has: "
                    f"lambda {letters}: ..."
                ) from None
            claim = claim(*self.free)
        # Its own letters read their ranges from the axes that they are used on; every other one is a mistake.
        tree = from_sympy(claim)
        free, tree = typed("the claim", self.free, tree)
        return substitute(tree, indices={i: Ix(j) for i, j in zip(free, self.free, strict=True)})

    def equals(self, claim: Any) -> bool:
        """Tell whether the result is proved equal to a claim typed separately."""
        return bool(prove_equal(self.formula, self.as_tree(claim)))

    # -- showing ---------------------------------------------------------------------------------------------------

    def document(self, *, checked: bool = True, plain: bool = False) -> Document:
        """Return the whole derivation as a page; ``plain`` writes its headings in the letters of a terminal."""
        blocks: list[Any] = []
        if self.given:
            blocks.append(Heading("Given", 2))
            blocks.extend(definition_line(t) for t in self.given)
        number = 0
        for section in self.sections:
            blocks.append(Heading(section.plain or section.title if plain else section.title, 2))
            blocks.append(section.table(checked=checked, start=number, plain=plain))
            number += len(section.steps)
        blocks.append(Heading("Result", 2))
        blocks.extend(self.result_lines())
        if self._claims:
            rows_ = tuple((n, f"${latex(t)}$", c.verdict, c.detail) for n, t, c in self._claims)
            blocks.append(VerdictTable(("against", "formula", "verdict", "how"), rows_))
        return Document(self.title, "any sizes", tuple(blocks))

    def result_lines(self) -> list[Formula]:
        """Return the result in index form and, where there is one, in matrix form."""
        letters = named(self.formula, free=self.free)
        right, shown = latex(self.formula, letters=letters), tree_text(self.formula, letters=letters)
        at = ",".join(letters[i] for i in self.free)
        left = f"{self.name}[{at}]" if at else self.name
        lines = [Formula(f"{self.left_latex(letters)} = {right}", text=f"{left} = {shown}")]
        if self.matrix_latex != latex(self.formula):
            lines.append(
                Formula(f"{self.whole_latex()} = {self.matrix_latex}", "matrix form", f"{self.name} = {self.matrix}")
            )
        return lines

    def left_latex(self, letters: Mapping[Index, str]) -> str:
        """Return the left-hand side, one entry of the result."""
        if self.target is not None:
            return latex(entry_of(self.target, self.free), letters=letters)
        return latex(self.question(), letters=named(self.question(), free=self.free))

    def whole_latex(self) -> str:
        """Return the left-hand side of the matrix form."""
        if self.wrt is not None and self.output is not None and not self.output.rank:
            return rf"\nabla_{{{tensor_latex(self.wrt)}}}\, {tensor_latex(self.output)}"
        if self.target is not None:
            return tensor_latex(self.target)
        asked = self.question()
        if not isinstance(asked, D):
            return r"\text{result}"
        by = tensor_latex(asked.wrt.tensor)
        if isinstance(asked.body, Entry) and asked.body.at:
            return rf"\frac{{\partial {tensor_latex(asked.body.tensor)}}}{{\partial {by}}}"
        return rf"\nabla_{{{by}}} \left({latex(asked.body)}\right)"

    def latex(self) -> str:
        """Return the derivation as a complete LaTeX document (amsmath only)."""
        return tex(self.document())

    def markdown(self) -> str:
        """Return the derivation as Markdown with LaTeX mathematics."""
        return markdown(self.document())

    def html(self) -> str:
        """Return the derivation as a self-contained page."""
        return html(self.document())

    def text(self, *, brief: bool = False) -> str:
        """Return the derivation for a terminal; brief leaves the lines out."""
        return str(self) if brief else terminal(self.document(plain=True))

    def __str__(self) -> str:
        letters = named(self.formula, free=self.free)
        at = ",".join(letters[i] for i in self.free)
        left = f"{self.name}[{at}]" if at else self.name
        lines = [self.title, f"  {left} = {tree_text(self.formula, letters=letters)}"]
        if self.matrix != tree_text(self.formula):
            lines.append(f"  {self.name} = {self.matrix}")
        elif self.matrix_reason:
            lines.append(f"  no matrix form: {self.matrix_reason}")
        lines += [f"    {name} = {value}" for name, value in self.definitions().items()]
        asked = len(self.sections)
        questions = f", {asked} of them {'a question' if asked == 1 else 'questions'}" if asked else ""
        lines.append(f"  {len(self.steps)} lines{questions}; .text() shows them, .check() checks them")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return notebook(self.document())

    def at(self, sizes: Mapping[Any, int] | None = None, /, **named_sizes: int) -> ExplicitForm:
        """Return the result written out entry by entry at small sizes: ``d.at(N=2, D=3, H=2)``.

        Written out, positions are counted from 1 as in a textbook's matrices, and labels with them: the label that an
        array holds as 0 is printed as class 1. The form's ``note`` says so beneath it.

        Raises:
            UnknownNameError: a size that the formula does not have.
            DefinitionError: a size is missing, or is no whole number from 1 on.
        """
        found = {s for i in self.free if i.size is not None for s in i.size.free_symbols}
        found |= {s for t in tensors_in(self.formula) for n in t.shape for s in n.free_symbols}
        needed = set(found)
        if self.output is not None:
            found |= {s for t in FlowGraph((self.output,)) for n in t.shape for s in n.free_symbols}
        symbols = {s.name: s for s in found}
        chosen: dict[Any, int] = {}
        given = {} if sizes is None else by_name("at()", "sizes", sizes, "{'N': 2}, or N=2")
        for key, value in {**given, **named_sizes}.items():
            name = key if isinstance(key, str) else getattr(key, "name", key)
            if name not in symbols:
                raise UnknownNameError(name, sorted(symbols), "size")
            chosen[symbols[name]] = whole_number("at()", name, value, 1)
        missing = [s.name for s in needed if s not in chosen]
        if missing:
            raise DefinitionError(f"Give every size a number; missing: {', '.join(sorted(missing))}.")
        return ExplicitForm(
            f"{self.whole_latex()} = {explicit(self.formula, self.free, chosen)}",
            f"{self.name} = {explicit_text(self.formula, self.free, chosen)}",
            counted(self.formula),
        )


@dataclass(frozen=True)
class ExplicitForm:
    """A formula written out at small sizes; prints as text, displays as mathematics."""

    latex: str
    text: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.text}\n({self.note})" if self.note else self.text

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"

    def _repr_html_(self) -> str:
        return notebook(Document("", self.note, (Formula(self.latex),)))


def definition_line(t: Tensor) -> Formula:
    """Return a computed tensor's definition as a line of a page."""
    free = tuple(Index(letter, s) for letter, s in zip(t.letters, t.shape, strict=True))
    tree = unfold(entry_of(t, free))
    letters = named(tree, free=free)
    left = tree_text(entry_of(t, free), letters=letters)
    return Formula(definition_latex(t), text=f"{left} = {tree_text(tree, letters=letters)}")


def _stops(output: Tensor) -> bool:
    """Tell whether a stop_gradient stands anywhere in what an output is computed from."""
    return any(
        isinstance(at, Fn) and at.name == "stop_gradient"
        for t in FlowGraph((output,))
        if t.definition is not None
        for at in walk(t.definition.template.tree)
    )


#: Printed cost up to which an adjoint without a name of its own is written out where it is used.
_SHORT = 9


def _is_part(t: Tensor) -> bool:
    """Tell whether a tensor is a named part of another one's definition."""
    return t.role == "value" and t.of is not None


def readable(tree: Tree) -> Tree:
    """Return a formula with short adjoints that have no name of their own replaced by what they are.

    One that is mentioned twice keeps its name.
    """
    mentioned = Counter(t.tensor for t in walk(tree) if isinstance(t, Entry))

    def go(at: Tree) -> Tree:
        if isinstance(at, Entry):
            t = at.tensor
            if t.role != "adjoint" or t.adjoint_name or t.definition is None or mentioned[t] > 1:
                return at
            return readable(unfold(at)) if cost(t.definition.template.tree) <= _SHORT else at
        parts = children(at)
        return rebuild(at, tuple(go(p) for p in parts)) if parts else at

    return go(tree)
