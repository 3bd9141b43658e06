r"""Names with what stands above and below them: ``\hat{x}^{(2)}_{n,i}``, ``W_2^\top``, ``g'``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from symnn.language.latex_cursor import CLOSES, RELATIONS, Cursor, shown
from symnn.language.latex_scanner import ACCENTS, GREEK, STYLES, Token, value_of
from symnn.language.latex_syntax import Gradient, Indexed, Label, Named, Raised
from symnn.language.syntax import Node, Number, Transposed

__all__ = ["Scripts", "Vocabulary", "Writing"]

_TRANSPOSES = ("top", "intercal", "transp")
_MOST_PRIMES, _MOST_ITEMS, _MOST_LABELS, _LONGEST_WORD = 3, 12, 4, 24


class Vocabulary(Protocol):
    """What a reader of LaTeX has to know about names: letters side by side may be one."""

    def word(self, letters: str) -> bool:
        """Tell whether several letters are the name of something."""

    def single(self, letter: str) -> bool:
        """Tell whether one letter is the name of something."""


@dataclass
class Scripts:
    """What stands above and below on the right: parts of the subscript, labels, dashes; transposes and powers."""

    below: tuple[Node, ...] = ()
    labels: list[Label] = field(default_factory=list)
    primes: int = 0
    marks: list[tuple[str, Token, Node | None]] = field(default_factory=list)
    first: Token | None = None


class Writing(Cursor):
    """Reads names and scripts; formulas are read by a class above."""

    words: Vocabulary
    notes: list[str]

    def expression(self) -> Node:
        """Read a formula."""
        raise NotImplementedError

    # -- names -----------------------------------------------------------------------------------------------------

    def names_next(self) -> bool:
        """Tell whether a name comes next."""
        t = self.here
        return t.kind in ("letter", "word") or (
            t.kind == "command" and (t.text in GREEK or t.text in ACCENTS or t.text in STYLES)
        )

    def run(self) -> str:
        """Return the letters that stand side by side from here on."""
        out, n = "", self.at
        while (
            len(out) < _LONGEST_WORD
            and self.tokens[n].kind == "letter"
            and (not out or self.tokens[n].start == self.tokens[n - 1].end)
        ):
            out += self.tokens[n].text
            n += 1
        return out

    def name(self, *, item: bool = False) -> Node:
        """Read a name without scripts; ``item`` for one in a subscript, where letters stand for themselves."""
        t = self.here
        if t.kind == "letter":
            return self.lettered(item)
        self.take()
        if t.kind == "word":
            if t.text == "d" and not item and self.names_next():
                return self.differential(t)
            return Named((t.start, t.end), t.text.replace(" ", ""), style="rm")
        if t.text in GREEK:
            return Named((t.start, t.end), GREEK[t.text])
        return self.accented(t) if t.text in ACCENTS else self.styled(t)

    def lettered(self, item: bool) -> Node:
        """Read a letter, several that are one name, or dW."""
        t, run = self.here, self.run()
        if not item:
            for k in range(len(run), 1, -1):
                if self.words.word(run[:k]):
                    last = [self.take() for _ in range(k)][-1]
                    if all(self.words.single(c) for c in run[:k]):
                        self.notes.append(f"{run[:k]} is one name, and no product")
                    return Named((t.start, last.end), run[:k])
        self.take()
        adjacent = self.here.start == t.end
        if t.text == "d" and not item and adjacent and self.names_next() and not self.words.single("d"):
            return self.differential(t)
        return Named((t.start, t.end), t.text)

    def differential(self, t: Token) -> Node:
        """Read dW, the gradient of W."""
        by = self.dressed(self.name(item=True), self.scripts())
        if isinstance(by, Transposed | Raised) and isinstance(by.body, Named):
            return replace(by, body=Gradient((t.start, by.body.span[1]), None, by.body))
        return Gradient((t.start, by.span[1]), None, by)

    def accented(self, t: Token) -> Node:
        r"""Read \hat{x}; what stands inside may have scripts."""
        body = self.argument(t)
        accent = ACCENTS[t.text]
        if not isinstance(body, Named):
            raise self.error(f"\\{t.text} stands above a name.", t)
        accents = (*body.accents, accent) if accent else body.accents
        return replace(body, span=(t.start, self.tokens[self.at - 1].end), accents=accents)

    def styled(self, t: Token) -> Node:
        r"""Read \mathbf{W}."""
        run = ""
        if self.here.kind == "{":
            self.at += 1
            run = self.run()
            whole = len(run) > 1 and self.tokens[self.at + len(run)].kind == "}"
            self.at -= 1
            if whole and (self.words.word(run) or STYLES[t.text] == "cal"):
                end = self.tokens[self.at + len(run) + 1].end
                self.at += len(run) + 2
                return Named((t.start, end), run, style=STYLES[t.text])
        body = self.argument(t)
        if isinstance(body, Named):
            return replace(body, span=(t.start, body.span[1]), style=STYLES[t.text])
        return body

    def argument(self, t: Token) -> Node:
        """Read what a command takes: a group in braces, or one sign."""
        if self.here.kind == "{":
            opening = self.take()
            self.enter(opening)
            if self.here.kind == "}":
                raise self.error(f"there is nothing between the braces behind {shown(t)}.", opening)
            out = self.expression()
            self.leave()
            self.take("}")
            return out
        return self.one_sign(t)

    def one_sign(self, t: Token) -> Node:
        """Read one sign that stands for itself, without braces."""
        c = self.here
        if c.kind == "number":
            if len(c.text) > 1:
                return self.first_digit()
            self.take()
            return Number((c.start, c.end), value_of(c, self.text))
        if c.kind == "letter":
            self.take()
            return Named((c.start, c.end), c.text)
        if c.kind == "word" or (c.kind == "command" and (c.text in GREEK or c.text in ACCENTS or c.text in STYLES)):
            self.enter(c)
            out = self.name(item=True)
            self.leave()
            return out
        raise self.error(f"something in braces is expected behind {shown(t)}, found {shown(c)}.")

    def first_digit(self) -> Node:
        """Read the first digit of a number alone, as LaTeX does."""
        c = self.here
        if not c.text.isdigit():
            raise self.error("put this number in braces.")
        self.tokens[self.at] = replace(c, text=c.text[1:], start=c.start + 1)
        return Number((c.start, c.start + 1), value_of(replace(c, text=c.text[0]), self.text))

    # -- scripts ---------------------------------------------------------------------------------------------------

    def scripts(self) -> Scripts:
        """Read everything above and below on the right."""
        out = Scripts()
        while self.here.kind in ("^", "_", "'"):
            t = self.take()
            out.first = out.first or t
            if t.kind == "'":
                out.primes += 1
            elif t.kind == "_":
                if out.below:
                    raise self.error("a second subscript stands here.", t, "Write x_{i,j}.")
                out.below = self.subscript(t)
            else:
                self.superscript(t, out)
            if out.primes > _MOST_PRIMES:
                raise self.error("derivatives up to the third are read.", t)
            if len(out.labels) + len(out.marks) > _MOST_LABELS:
                raise self.error("so many superscripts are not read.", t)
        return out

    def subscript(self, t: Token) -> tuple[Node, ...]:
        """Read the parts of a subscript."""
        if self.here.kind != "{":
            return (self.alone(t),)
        opening = self.take()
        self.enter(opening)
        if self.here.kind == "}":
            raise self.error("there is nothing in this subscript.", opening)
        out = self.items("}")
        self.leave()
        self.take("}")
        return out

    def alone(self, t: Token) -> Node:
        """Read a script without braces: one sign."""
        if self.here.kind == "number" and len(self.here.text) > 1:
            raise self.error("only the first digit would be a script here.", hint=f"Write {t.kind}{{..}}.")
        return self.one_sign(t)

    def items(self, close: str) -> tuple[Node, ...]:
        """Read the parts of a subscript: letters side by side are one each, what is computed stands between commas."""
        out: list[Node] = []
        while True:
            start = self.at
            made: list[Node] = []
            while self.here.kind == "number" or self.names_next():
                made.append(self.item())
                if len(out) + len(made) > _MOST_ITEMS:
                    raise self.error(f"a subscript of more than {_MOST_ITEMS} parts is not read.")
            if not made or self.here.kind not in (close, ","):
                self.at = start
                made = [self.expression()]
            out += made
            if self.here.kind in RELATIONS:
                raise self.error("a comparison stands only below \\sum and \\mathbb{1}.")
            if self.here.kind != "," or len(out) > _MOST_ITEMS:
                return tuple(out)
            self.take(",")

    def item(self) -> Node:
        """Read one letter or number of a subscript, with scripts of its own."""
        t = self.here
        if t.kind == "number":
            self.take()
            return Number((t.start, t.end), value_of(t, self.text))
        if not self.names_next():
            raise self.error(f"an index letter is expected here, found {shown(t)}.")
        self.enter(t)
        out = self.dressed(self.name(item=True), self.scripts())
        self.leave()
        return out

    def superscript(self, t: Token, out: Scripts) -> None:
        """Read what stands above on the right."""
        if self.here.kind != "{":
            if not self.mark(out, single=True):
                out.marks.append(("power", t, self.alone(t)))
            return
        opening = self.take()
        self.enter(opening)
        if self.here.kind == "}":
            raise self.error("there is nothing in this superscript.", opening)
        while self.here.kind != "}" and len(out.labels) + len(out.marks) <= _MOST_LABELS:
            if not self.mark(out):
                entrywise = self.command("circ", "odot")
                if entrywise:
                    self.take()
                out.marks.append(("each" if entrywise else "power", t, self.expression()))
                if self.here.kind in RELATIONS or self.here.kind == ",":
                    raise self.error(f"{shown(self.here)} has no meaning in a superscript.")
        self.leave()
        if self.here.kind != "}":
            raise self.error("so many superscripts are not read.", t)
        self.take("}")

    def mark(self, out: Scripts, *, single: bool = False) -> bool:
        """Read a transpose, a dash or a label, if one comes next."""
        t = self.here
        if self.command(*_TRANSPOSES):
            self.take()
            out.marks.append(("T", t, None))
        elif self.command("prime") or t.kind == "'":
            self.take()
            out.primes += 1
        elif self.command("ast", "star") or (t.kind == "*" and not single) or (single and t.kind in "*+-"):
            raise self.error("this mark above a name is not known.", hint="Write \\top for a transpose.")
        elif t.kind in ("(", "[") and self.label(out):
            pass
        else:
            return self.transpose_letter(out, single)
        return True

    def transpose_letter(self, out: Scripts, single: bool) -> bool:
        """Read T, upright or not, if it stands alone or beside labels."""
        t, start = self.here, self.at
        if t.text == "T" and t.kind in ("letter", "word"):
            self.take()
        elif t.kind == "command" and t.text in STYLES and [self.ahead(n).text for n in (1, 2, 3)] == ["{", "T", "}"]:
            self.at += 4
        else:
            return False
        if not single and self.here.kind not in ("}", "(", "["):
            self.at = start
            return False
        out.marks.append(("T", t, None))
        return True

    def label(self, out: Scripts) -> bool:
        """Read (2), [2], (n) or (k+1), if it stands next."""
        opening, start = self.here, self.at
        inside = self.tokens[start + 1 : self.closing()]
        kinds = ["letter" if t.kind == "command" and t.text in GREEK else t.kind for t in inside]
        if kinds not in (["number"], ["letter"], ["letter", "+", "number"], ["letter", "-", "number"]):
            return False
        self.take()
        self.enter(opening)
        body = self.expression()
        self.leave()
        closing = self.take(CLOSES[opening.kind])
        text = "".join(GREEK.get(t.text, t.text) for t in inside)
        out.labels.append(Label((opening.start, closing.end), text, body))
        return True

    def dressed(self, base: Node, scripts: Scripts, *, closed: bool = False) -> Node:
        """Return a base with its scripts: a name keeps labels, subscript and dashes, all else is put around it.

        What stands in brackets is ``closed``: all of its scripts are put around it.
        """
        end = self.tokens[self.at - 1].end
        span = (base.span[0], end)
        if isinstance(base, Named) and not closed:
            if scripts.below and base.below:
                raise self.error("a second subscript stands here.", scripts.first, "Write x_{i,j}.")
            base = replace(
                base, span=span, labels=(*base.labels, *scripts.labels), below=base.below or scripts.below,
                primes=base.primes + scripts.primes,
            )  # fmt: skip
        else:
            if scripts.primes:
                raise self.error(
                    "a dash is the derivative of a function, and stands behind its name.", scripts.first,
                    "Write \\top for a transpose.",
                )  # fmt: skip
            if scripts.labels and not isinstance(base, Number):
                raise self.error("only a name has a label such as (2).", scripts.first)
            for label in scripts.labels:
                base = Raised(span, base, label.body)
            if scripts.below:
                base = Indexed(span, base, scripts.below)
        for kind, _, body in scripts.marks:
            if kind == "T":
                base = Transposed(span, base)
            elif body is not None:
                base = Raised(span, base, body, kind == "each")
        return base
