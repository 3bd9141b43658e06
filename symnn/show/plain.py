r"""Write a LaTeX formula as one line of text, for terminals: ``\frac{a}{b}`` as ``a/b``.

For reading only: two formulas may have one plain form, and nothing reads it back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from symnn.show.inline import pieces

_TOKEN = re.compile(r"\\(?:[A-Za-z]+\*?|.)|\s+|[A-Za-z]|\d+(?:\.\d+)?|.", re.DOTALL)

_WORDS = {
    r"\top": "T", r"\odot": " (.) ", r"\cdot": "*", r"\times": " x ",
    r"\le": " <= ", r"\leq": " <= ", r"\ge": " >= ", r"\geq": " >= ", r"\ne": " != ", r"\neq": " != ",
    r"\to": " -> ", r"\mapsto": " |-> ", r"\Rightarrow": " => ", r"\implies": " => ", r"\iff": " <=> ",
    r"\approx": " ~ ", r"\propto": " ~ ", r"\sim": " ~ ", r"\equiv": " == ", r"\in": " in ", r"\mid": " | ",
    r"\lvert": "|", r"\rvert": "|", r"\lVert": "||", r"\rVert": "||", r"\|": "||", r"\ell": "l",
    r"\infty": "oo", r"\dots": "...", r"\ldots": "...", r"\cdots": "...", r"\langle": "<", r"\rangle": ">",
    r"\lfloor": "floor(", r"\rfloor": ")", r"\lceil": "ceil(", r"\rceil": ")", r"\lbrace": "{",
    r"\rbrace": "}", r"\prime": "'", r"\quad": "  ", r"\qquad": "  ", r"\,": " ", r"\;": " ", r"\:": " ",
    r"\ ": " ", r"\\": "; ", "&": " ", "~": " ", "=": " = ", "<": " < ", ">": " > ", "+": " + ",
    ",": ", ",
}  # fmt: skip
_SILENT = frozenset(
    r"\left \right \middle \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \displaystyle "
    r"\textstyle \limits \nolimits \!".split()
)
_BARE = frozenset(
    r"\operatorname \operatorname* \mathrm \mathbf \mathit \mathsf \mathtt \mathbb \mathcal \boldsymbol "
    r"\text \textbf \textit \texttt \underline \phantom".split()
)
_ACCENTS = {
    r"\bar": "bar", r"\overline": "bar", r"\hat": "hat", r"\widehat": "hat", r"\tilde": "tilde",
    r"\widetilde": "tilde", r"\dot": "dot", r"\ddot": "ddot", r"\vec": "vec",
}  # fmt: skip
_TIGHT = {r"\partial": "d", r"\nabla": "grad"}
_LARGE = frozenset({r"\sum", r"\prod", r"\max", r"\min", r"\lim", r"\int"})


class _Reader:
    """Walks the tokens of a formula once, from left to right."""

    def __init__(self, latex: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.at = 0

    def take(self) -> str:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def spaces(self) -> None:
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1

    def argument(self, verbatim: bool = False) -> str:
        """Read a group in braces, or one token."""
        self.spaces()
        if self.at == len(self.tokens):
            return ""
        if self.tokens[self.at] != "{":
            return self.item()
        self.take()
        inside = "".join(self.until("}", verbatim))
        return inside.strip() if not verbatim else inside

    def until(self, end: str, verbatim: bool = False) -> Iterator[str]:
        while self.at < len(self.tokens):
            if self.tokens[self.at] == end:
                self.take()
                return
            if verbatim and self.tokens[self.at] != "{":
                token = self.take()
                yield token[1:] if token[:1] == "\\" else token
            else:
                yield self.item()

    def item(self) -> str:
        """Read one token with its arguments and return its plain form."""
        token = self.take()
        if token == "{":
            return "".join(self.until("}"))
        if token.isspace():
            return " "
        if token in ("_", "^"):
            return token + _atomic(self.argument(), scripts=False) + " "
        if token in (r"\frac", r"\tfrac", r"\dfrac"):
            return f" {_atomic(self.argument())}/{_atomic(self.argument())} "
        if token == r"\sqrt":
            return f"sqrt({self.argument()})"
        if token in _BARE:
            return self.argument(verbatim=token.startswith(r"\text"))
        if token in _ACCENTS:
            return self.argument() + _ACCENTS[token]
        if token in (r"\begin", r"\end"):
            return " " if self.argument() else ""
        if token in _SILENT:
            if self.at < len(self.tokens) and self.tokens[self.at] == ".":
                self.take()
            return ""
        if token in _TIGHT:
            self.spaces()
            return _TIGHT[token]
        if token in _LARGE:
            return " " + token[1:]
        if token in _WORDS:
            return _WORDS[token]
        if token.startswith("\\") and token[1:].isalpha():
            return f"{token[1:]} "
        return token.removeprefix("\\")


_FACTOR = re.compile(r"-?[\w.']+(?:[_^](?:\w+|\([^()]*\)))*|\([^()]*\)")


def _atomic(inside: str, scripts: bool = True) -> str:
    """Put brackets around what is not one factor, or not one word where scripts would be misread."""
    inside = _tidy(inside) if scripts else re.sub(r" *([=<>,+]) *", r"\1", _tidy(inside))
    one = _FACTOR.fullmatch(inside) and (scripts or not re.search(r"[\w)][_^]", inside))
    return inside if one or inside == "'" else f"({inside})"


def _tidy(text: str) -> str:
    """Drop the spaces that no reader needs."""
    text = re.sub(r"([(\[]) +", r"\1", re.sub(r"\s+", " ", text))
    return re.sub(r" +([)\],;_^'])", r"\1", text).strip()


def plain(latex: str) -> str:
    r"""Return a formula as one line of text.

    >>> plain(r"\frac{\partial \ell}{\partial a_{c}} = -\left(\mathbb{1}_{c=y} - f_{c}\right)")
    'dl/da_c = -(1_(c=y) - f_c)'
    >>> plain(r"W^{(k+1)\top} \delta \odot g'(a)")
    "W^((k+1)T) delta (.) g'(a)"
    """
    return _tidy("".join(_Reader(latex).until("")))


_SPELLED = {
    "Σ": "sum", "∑": "sum", "∂": "d", "∇": "grad ", "≠": "!=", "≤": "<=", "≥": ">=", "≈": "~", "⊙": "(.)", "⊤": "T",
    "×": "x", "·": "*", "⋅": "*", "−": "-", "→": "->", "∞": "oo", "✓": "", "✗": "x", "…": "...", "–": "-", "—": "-",
    "‘": "'", "’": "'", "“": '"', "”": '"', "√": "sqrt", "ℓ": "l", "²": "**2", "³": "**3", "′": "'",
}  # fmt: skip


def spelled(text: str, encoding: str = "ascii") -> str:
    """Return text in which every sign that an encoding does not have is spelled out, Greek letters by their names.

    >>> spelled("dW[i] = Σ_n δ1[n]*é")
    'dW[i] = sum_n delta1[n]*e'
    """
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return "".join(_sign(c, encoding) for c in text)


def _sign(sign: str, encoding: str) -> str:
    try:
        sign.encode(encoding)
        return sign
    except UnicodeEncodeError:
        if sign in _SPELLED:
            return _SPELLED[sign]
        name = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(sign, ""))
        if name:
            word = name[2].lower().replace("lamda", "lambda")
            return word if name[1] == "SMALL" else word.capitalize()
        return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() or "?"


def plain_text(text: str) -> str:
    """Return text with its mathematics in plain form.

    >>> plain_text("each $x_{n}$ is used")
    'each x_n is used'
    """
    return "".join(plain(piece) if is_math else piece for is_math, piece in pieces(text))
