r"""Cut LaTeX into signs: commands, letters, numbers, words, delimiters; what only spaces or sizes is dropped."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fractions import Fraction

from symnn.language.scanner import Sign, number
from symnn.language.syntax import FormulaError

__all__ = ["ACCENTS", "FUNCTIONS", "GREEK", "MOST_SIGNS", "RELATIONS", "STYLES", "Token", "scan_latex", "value_of"]

#: A longer text is refused.
MOST_SIGNS = 8_000

#: Greek letters and what they are called.
GREEK = {
    **{name: name for name in (
        "alpha beta gamma delta zeta eta theta iota kappa mu nu xi rho sigma tau upsilon phi chi psi omega pi "
        "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"
    ).split()},
    "lambda": "lam", "epsilon": "eps", "varepsilon": "eps", "varphi": "phi", "vartheta": "theta", "varrho": "rho",
    "varsigma": "sigma",
}  # fmt: skip
#: Marks above a letter; of an arrow nothing is kept.
ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar", "vec": "",
}  # fmt: skip
#: Type faces around a letter; what they hold is read as mathematics.
STYLES = {
    "mathbf": "bf", "boldsymbol": "bf", "bm": "bf", "pmb": "bf", "symbf": "bf", "mathbb": "bb", "mathbbm": "bb",
    "mathds": "bb", "mathcal": "cal", "mathscr": "cal", "mathfrak": "cal", "mathit": "it", "mathnormal": "it",
}  # fmt: skip
#: Commands that hold an upright word.
_WORDS = frozenset((
    "operatorname", "mathrm", "text", "textrm", "textnormal", "textit", "textbf", "texttt", "mathsf", "textsf",
    "mathtt", "mbox", "hbox", "mathop", "DeclareMathOperator",
))  # fmt: skip
#: Functions with a command of their own.
FUNCTIONS = {
    "log": "log", "ln": "log", "exp": "exp", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "max": "max", "min": "min", "lg": "log10",
}  # fmt: skip
RELATIONS = {
    "lt": "<", "gt": ">", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=",
    "ne": "!=", "neq": "!=",
}  # fmt: skip
_EQUAL = frozenset(("equiv", "coloneqq", "triangleq", "leftarrow", "gets", "doteq"))
_OTHER = frozenset((
    "frac", "tfrac", "dfrac", "cfrac", "sqrt", "sum", "nabla", "partial", "cdot", "times", "odot", "circ", "otimes",
    "oslash", "div", "ast", "star", "top", "intercal", "prime", "transp", "langle", "rangle", "infty", "in",
    "land", "wedge", "lor", "vee", "lnot", "neg", "colon", "mid",
))  # fmt: skip
_DROPPED = frozenset((
    "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "nonumber", "notag", "quad", "qquad", "enspace",
    "thinspace", "medspace", "thickspace", "negthinspace", "hfill", "allowbreak", "mathstrut", "strut", "relax",
    "centering", "noindent", "null", "space", "displaylimits", "mathopen", "mathclose", "mathord", "mathrel", "mathbin",
))  # fmt: skip
_DROPPED_WITH_TEXT = frozenset(("label", "tag", "hspace", "vspace", "tag*", "hspace*"))
_SIZES = {
    f"{size}{end}": {"l": "left", "r": "right"}.get(end, "")
    for size in ("big", "Big", "bigg", "Bigg") for end in ("", "l", "r", "m")
} | {"left": "left", "right": "right", "middle": ""}  # fmt: skip
_DELIMITERS = {
    "{": "lbrace", "}": "rbrace", "|": "norm", "lbrace": "lbrace", "rbrace": "rbrace", "lbrack": "[", "rbrack": "]",
    "vert": "|", "Vert": "norm", "lvert": "|", "rvert": "|", "lVert": "norm", "rVert": "norm",
}  # fmt: skip
_SIDES = {"lvert": "left", "rvert": "right", "lVert": "left", "rVert": "right"}
_SIGNS = "+-*/()[]{},.:;<>=&|^_'!"
#: Commands that people write, and why they are not read.
_REFUSED = {
    "prod": "A product over an index is not known; \\exp(\\sum \\log ..) is, for positive factors.",
    "int": "Integrals are not known.",
    "lim": "Limits are not known.",
    "arg": "A position is no number to be differentiated.",
    "over": "Write \\frac{..}{..}.",
    "dots": "Write the sum with \\sum.",
    "ldots": "Write the sum with \\sum.",
    "cdots": "Write the sum with \\sum.",
    "pm": "Write one formula.",
    "mp": "Write one formula.",
    "propto": "Only an equality can be checked.",
    "approx": "Only an equality can be checked.",
    "sim": "Only an equality can be checked.",
    "det": "The determinant of a matrix is not known.",
    "sup": "A supremum is not known.",
    "inf": "An infimum is not known.",
    "dagger": "Write \\top for a transpose.",
    "bmatrix": "Give matrices names.",
    "def": "Definitions are not read; write the formula out.",
    "newcommand": "Definitions are not read; write the formula out.",
    "input": "Files are never read.",
    "include": "Files are never read.",
}
_NOT_ASCII = {
    "∇": "\\nabla", "∂": "\\partial", "Σ": "\\sum", "∑": "\\sum", "·": "\\cdot", "⊙": "\\odot", "×": "\\times",
    "−": "a plain minus, -", "≥": "\\geq", "≤": "\\leq", "≠": "\\neq", "⊤": "\\top", "ᵀ": "^\\top", "²": "^2",
    "∘": "\\circ", "′": "'", "ℓ": "\\ell", "δ": "\\delta", "σ": "\\sigma", "λ": "\\lambda", "μ": "\\mu",
    "ε": "\\epsilon", "γ": "\\gamma", "β": "\\beta", "α": "\\alpha", "η": "\\eta",
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """One sign of LaTeX.

    Attributes:
        kind: letter, number, word, command, function, begin, end, newline, math, eof, or the sign itself.
        text: the letter, digits or word; the name of a command or environment.
        start: its first column.
        end: the column behind it.
        side: "left" or "right" for a delimiter that says so.
    """

    kind: str
    text: str
    start: int
    end: int
    side: str = ""


def value_of(token: Token, text: str) -> Fraction:
    """Return the value of a number, exactly.

    Raises:
        FormulaError: it has too many digits.
    """
    return number(Sign("number", token.text, token.start), text)


def scan_latex(text: str) -> list[Token]:
    """Return the signs of a formula in LaTeX, ended by one of kind "eof".

    Raises:
        FormulaError: an unknown command or sign, a text or number too long; the message points at the place.
    """
    if len(text) > MOST_SIGNS:
        raise FormulaError(f"the formula is {len(text)} signs long; {MOST_SIGNS} are read.", text, MOST_SIGNS)
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.out = text, 0, list[Token]()
        self.side = ""

    def run(self) -> list[Token]:
        while self.at < len(self.text):
            self.sign(self.text[self.at])
        if self.side:
            raise self.error("a bracket is missing at the end.", len(self.text))
        self.put("eof", "", len(self.text), len(self.text))
        return self.out

    def error(self, reason: str, at: int, hint: str = "") -> FormulaError:
        return FormulaError(reason, self.text, at, hint)

    def put(self, kind: str, text: str, start: int, end: int) -> None:
        self.out.append(Token(kind, text, start, end, self.side))
        self.side, self.at = "", end

    def sign(self, c: str) -> None:
        at = self.at
        if c.isspace() or c == "~":
            self.at += 1
        elif c == "%":
            end = self.text.find("\n", at)
            self.at = len(self.text) if end < 0 else end
        elif not c.isascii():
            found = _NOT_ASCII.get(c, "")
            hint = f"Write {found}." if found else "Write LaTeX in plain letters, \\delta and the like."
            raise self.error(f"the sign {c!r} is not read in LaTeX.", at, hint)
        elif c == "\\":
            self.command()
        elif c.isdigit() or (c == "." and self.text[at + 1 : at + 2].isdigit() and not self.side):
            self.number()
        elif c.isalpha():
            self.put("letter", c, at, at + 1)
        elif c == "$":
            self.put("math", "$", at, at + 1 + (self.text[at + 1 : at + 2] == "$"))
        elif c in _SIGNS:
            self.put(c, c, at, at + 1)
        else:
            raise self.error(f"no formula holds the sign {c!r}.", at)

    def number(self) -> None:
        start = end = self.at
        while self.text[end : end + 1].isdecimal() and self.text[end].isascii():
            end += 1
        if self.text[end : end + 1] == "." and self.text[end + 1 : end + 2].isdecimal():
            end += 1
            while self.text[end : end + 1].isdecimal() and self.text[end].isascii():
                end += 1
        after = self.text[end : end + 3]
        if after[:1] in ("e", "E") and (after[1:2].isdigit() or (after[1:2] in ("+", "-") and after[2:].isdigit())):
            raise self.error("a power of ten is not written so in LaTeX.", start, "Write 10^{-5}.")
        self.put("number", self.text[start:end], start, end)
        value_of(self.out[-1], self.text)

    # -- commands --------------------------------------------------------------------------------------------------

    def command(self) -> None:
        start, text = self.at, self.text
        end = start + 1
        while text[end : end + 1].isalpha() and text[end].isascii():
            end += 1
        name = text[start + 1 : end]
        if not name:
            return self.short(start)
        if text[end : end + 1] == "*" and name in ("operatorname", "tag", "hspace"):
            end += 1
            name += "*" if name != "operatorname" else ""
        if name in _DROPPED:
            self.at = end
        elif name in _DROPPED_WITH_TEXT:
            self.at = self.braced(end, name)[1]
        elif name in _SIZES:
            self.sized(name, start, end)
        elif name in _DELIMITERS:
            self.side = self.side or _SIDES.get(name, "")
            self.put(_DELIMITERS[name], name, start, end)
        elif name in ("begin", "end"):
            found, stop = self.braced(end, name)
            self.put(name, found, start, stop)
        elif name in _WORDS:
            self.word(name, start, end)
        elif name in FUNCTIONS:
            self.put("function", FUNCTIONS[name], start, end)
        elif name in RELATIONS:
            self.put(RELATIONS[name], name, start, end)
        elif name in _EQUAL:
            self.put("=", name, start, end)
        elif name in GREEK or name in ACCENTS or name in STYLES or name in _OTHER:
            self.put("command", name, start, end)
        else:
            raise self.unknown(name, start)
        return None

    def short(self, start: int) -> None:
        """Read a command of one sign."""
        c = self.text[start + 1 : start + 2]
        if c in ("\\", "\n") and c:
            if c == "\\":
                self.put("newline", "\\\\", start, start + 2)
            else:
                self.at = start + 2
        elif c in (",", ";", ":", "!", ">", " ", "/", "-") and c:
            self.at = start + 2
        elif c in ("{", "}", "|") and c:
            self.put(_DELIMITERS[c], c, start, start + 2)
        elif c in ("[", "]", "(", ")") and c:
            self.put("math", "\\" + c, start, start + 2)
        elif not c:
            raise self.error("a backslash stands at the end.", start)
        else:
            raise self.error(f"\\{c} is no command of a formula.", start)

    def sized(self, name: str, start: int, end: int) -> None:
        r"""Read \left and the like: what follows is a delimiter."""
        while self.text[end : end + 1].isspace():
            end += 1
        following = self.text[end : end + 1]
        fits = following and (following in "()[]|./<>" or following == "\\")
        if not fits:
            raise self.error(f"a bracket is expected behind \\{name}.", start)
        self.side, self.at = _SIZES[name], end
        if following in "<>":
            self.put("command", "langle" if following == "<" else "rangle", end, end + 1)
        elif following == "." and name in ("left", "right"):
            self.put("nothing", ".", start, end + 1)
        elif following == "\\":
            before = len(self.out)
            self.command()
            made = self.out[-1] if len(self.out) > before else None
            if made is None or (made.kind not in _BRACKETS and made.text not in _ANGLES):
                raise self.error(f"a bracket is expected behind \\{name}.", start)

    def word(self, name: str, start: int, end: int) -> None:
        found, stop = self.braced(end, name)
        plain = found.replace("\\_", "_").replace("\\,", "").replace("\\ ", " ").replace("{-}", "-")
        if "\\" in plain or "$" in plain or not plain.isascii():
            raise self.error(f"\\{name} holds a word here, found {found[:24]!r}.", start)
        self.put("word", " ".join(plain.split()), start, stop)

    def braced(self, at: int, name: str) -> tuple[str, int]:
        """Return the text in braces behind a command, and the column behind it."""
        while self.text[at : at + 1].isspace():
            at += 1
        if self.text[at : at + 1] != "{":
            raise self.error(f"\\{name} takes a text in braces.", at)
        depth = 0
        for end in range(at, len(self.text)):
            c = self.text[end]
            depth += (c == "{") - (c == "}")
            if not depth:
                return self.text[at + 1 : end], end + 1
        raise self.error("this brace is not closed.", at)

    def unknown(self, name: str, start: int) -> FormulaError:
        if name in _REFUSED:
            return self.error(f"\\{name} is not read.", start, _REFUSED[name])
        known = [*GREEK, *ACCENTS, *STYLES, *_WORDS, *FUNCTIONS, *RELATIONS, *_OTHER, *_SIZES]
        near = difflib.get_close_matches(name, known, 1, 0.75)
        hint = f"Did you mean \\{near[0]}?" if near else "Write a function as \\operatorname{..}."
        return self.error(f"the command \\{name} is not known.", start, hint)


_ANGLES = ("langle", "rangle")
_BRACKETS = ("(", ")", "[", "]", "|", "lbrace", "rbrace", "norm")
