r"""Names into notation: ``W1`` is ``W^{(1)}``, ``delta2`` is ``\delta^{(2)}``, and no name breaks a page."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

from symnn.ground.tensors import Tensor
from symnn.show.tex_text import MATHEMATICS

__all__ = [
    "Name",
    "escaped",
    "index_latex",
    "index_text",
    "symbol_name",
    "symbol_text",
    "tensor_name",
    "tensor_text",
]

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi "
    "chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
_LETTERS: dict[str, str] = {name: "\\" + name for name in _GREEK} | {
    "epsilon": r"\varepsilon", "eps": r"\varepsilon", "phi": r"\varphi", "ell": r"\ell",
}  # fmt: skip
_SIGNS: dict[str, str] = {command: sign for sign, command in MATHEMATICS.items()}
_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar",
    "\u0306": "breve", "\u0307": "dot", "\u0308": "ddot", "\u030c": "check",
}  # fmt: skip
_ESCAPES = {c: "\\" + c for c in "_%#$&{}"} | {
    "\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", "'": r"\prime ", '"': r"\prime\prime ", "-": "{-}",
    ",": "{,}", " ": r"\ ", "\n": r"\ ", "\t": r"\ ",
}  # fmt: skip
_PARTS = re.compile(
    r"(?P<stem>[^\W\d_]+?)(?P<hat>_?(?:hat|tilde))?(?P<level>\d+)?(?P<rest>(?:_[^\W_]+)*)(?P<primes>'*)"
)


@dataclass(frozen=True)
class Name:
    """A name in LaTeX: its letter, what stands above on the right, what stands below before the indices."""

    core: str
    above: str = ""
    below: str = ""

    def latex(self, *indices: str) -> str:
        r"""Return the name with its indices, in one subscript.

        >>> print(Name("h", "(1)", r"\mathrm{prev}").latex("n", "i"))
        h^{(1)}_{\mathrm{prev},ni}
        """
        subscript = _listed(indices)
        if self.below:
            subscript = f"{self.below},{subscript}" if subscript else self.below
        above = f"^{{{self.above}}}" if self.above else ""
        return self.core + above + (f"_{{{subscript}}}" if subscript else "")


_ONE_LETTER = re.compile(r"(?:[A-Za-z]|\\[A-Za-z]+)'*")


def _listed(indices: tuple[str, ...]) -> str:
    """Write indices side by side if each is one letter, else with commas."""
    if all(_ONE_LETTER.fullmatch(i) for i in indices):
        out = ""
        for i in indices:
            out += " " + i if re.search(r"\\[A-Za-z]+$", out) and i[0].isalpha() else i
        return out
    out = indices[0]
    for i in indices[1:]:
        out += "," + i if re.fullmatch(r"[\w{}\\^']+", i) else r",\," + i
    return out


def escaped(name: str) -> str:
    r"""Return any text as an upright name that pdflatex sets.

    >>> escaped("a%b")
    '\\mathrm{a\\%b}'
    """
    return "\\mathrm{" + "".join(_character(c) for c in name) + "}"


def _character(c: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    if c.isascii() and (c.isalnum() or c in "()[]<>=+*/|.:;!?@"):
        return c
    command = MATHEMATICS.get(c, "")
    if command.startswith("\\"):
        return command + " "
    base, *marks = list(unicodedata.normalize("NFD", c))
    if len(marks) == 1 and base.isascii() and base.isalpha() and marks[0] in _ACCENTS:
        return f"\\{_ACCENTS[marks[0]]}{{{base}}}"
    return f"[U{{+}}{ord(c):04X}]"


def _stem(word: str) -> str:
    """Return a word in LaTeX: one letter, a Greek one, or upright."""
    if word in _LETTERS:
        return _LETTERS[word]
    if len(word) == 1:
        if word.isascii():
            return word
        command = MATHEMATICS.get(word, "")
        return command if re.fullmatch(r"\\[A-Za-z]+", command) else escaped(word)
    return escaped(word)


def _parsed(name: str, *, level_above: bool) -> Name:
    found = _PARTS.fullmatch(name)
    if found is None:
        return Name(escaped(name))
    stem, hat = found["stem"], found["hat"] or ""
    core = _stem(stem)
    if hat and (len(stem) == 1 or stem in _LETTERS):
        core = f"\\{hat.lstrip('_')}{{{core}}}"
    elif hat.startswith("_"):
        return replace(_parsed(stem + (found["level"] or "") + found["rest"], level_above=level_above),
                       below=escaped(hat[1:]))  # fmt: skip
    else:
        core = _stem(stem + hat)
    below = [_number_or_word(word) for word in found["rest"].split("_")[1:]]
    level, above = found["level"] or "", found["primes"].replace("'", r"\prime")
    if level and level_above:
        above = f"({level}){above}"
    elif level:
        below.insert(0, level)
    return Name(core, above, ",".join(below))


def _number_or_word(word: str) -> str:
    return word if word.isascii() and word.isdigit() else _stem(word)


_UNFIT = re.compile(
    r"[$#&%~\n]|\\(?:begin|end|left|right|input|include|write|immediate|openout|def|let|csname|catcode|par)"
    r"(?![A-Za-z])|\\[^A-Za-z]"
)


_RAISED = re.compile(r"(?P<core>\\[A-Za-z]+\{[^{}_^']*\}|\\[A-Za-z]+|[A-Za-z])\^\{(?P<above>[^{}_^']+)\}")


def _given(latex: str) -> Name | None:
    """Return a LaTeX name that the user gave, or None where a page could not hold it with indices."""
    latex = "".join(c if c.isascii() else MATHEMATICS.get(c, c) + " " for c in latex).strip()
    if not latex or not latex.isprintable() or not latex.isascii() or _UNFIT.search(latex):
        return None
    if not _sound(latex):
        return None
    raised = _RAISED.fullmatch(latex)
    if raised is not None:  # h^{(k)}: indices stand below its superscript
        return Name(raised["core"], raised["above"])
    return Name(f"{{{latex}}}" if re.search(r"[_^']", latex) else latex)


def _sound(latex: str) -> bool:
    """Tell whether braces match, and every base has at most one script of a kind."""
    scripts: list[set[str]] = [set()]
    awaited = ""  # the script whose argument comes next
    for token in re.findall(r"\\[A-Za-z]+|\S", latex):
        if token in "_^'":
            kind = "_" if token == "_" else "^"
            if awaited or kind in scripts[-1]:
                return False
            scripts[-1].add(kind)
            awaited = "" if token == "'" else token
        elif token == "{":
            if not awaited:
                scripts[-1].clear()
            scripts.append(set())
            awaited = ""
        elif token == "}":
            scripts.pop()
            if awaited or not scripts:
                return False
        else:
            if not awaited:
                scripts[-1].clear()
            awaited = ""
    return len(scripts) == 1 and not awaited and not latex.endswith("\\")


def tensor_name(tensor: Tensor) -> Name:
    """Return a tensor's name; a gradient has the name of its own, or a bar on the tensor it belongs to."""
    given = _given(tensor.latex) if tensor.latex else None
    if given is not None:
        return given
    if tensor.role == "adjoint" and tensor.of is not None:
        if tensor.of.adjoint_name:
            return _parsed(tensor.of.adjoint_name, level_above=True)
        name = tensor_name(tensor.of)
        return replace(name, core=f"\\bar{{{name.core}}}")
    return _parsed(tensor.name, level_above=True)


def symbol_name(symbol: Any) -> Name:
    """Return the name of a size or a hyperparameter; digits stand below."""
    return _parsed(str(symbol.name), level_above=False)


def index_latex(letter: str) -> str:
    """Return an index's letter, perhaps with primes."""
    stem = letter.rstrip("'")
    primes = letter[len(stem) :]
    if not stem:
        return escaped(letter)
    return _parsed(stem, level_above=False).latex() + primes


def _plain(name: str, ascii_only: bool) -> str:
    """Return a name as one word, quoted where it could be misread."""
    if not re.fullmatch(r"[^\W\d]\w*'*", name) or (ascii_only and not name.isascii()):
        return json.dumps(name, ensure_ascii=ascii_only or not name.isprintable())
    if ascii_only:
        return name
    found = re.fullmatch(r"([A-Za-z]+?)(\d*'*|_.*)", name)
    command = _LETTERS.get(found[1]) if found else None
    if found is None or command is None or found[1] == "Sigma":
        return name
    return _SIGNS.get(command, found[1]) + found[2]


def tensor_text(tensor: Tensor, *, ascii_only: bool = False) -> str:
    """Return a tensor's name in plain text."""
    return _plain(tensor.name, ascii_only)


def symbol_text(symbol: Any, *, ascii_only: bool = False) -> str:
    """Return the name of a size or a hyperparameter in plain text."""
    return _plain(str(symbol.name), ascii_only)


def index_text(letter: str, *, ascii_only: bool = False) -> str:
    """Return an index's letter in plain text."""
    return _plain(letter, ascii_only)
