"""Escape text, names and program text for pdflatex with the plain fonts; no character makes it stop."""

from __future__ import annotations

import re
import textwrap
import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''", "\u00a0": "~", "–": "--", "—": "---", "‘": "`",
    "’": "'", "“": "``", "”": "''", "…": r"\ldots{}", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}",
    "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "§": r"\S{}",
    "©": r"\copyright{}", "\n": " ", "\t": " ", "\u2009": r"\,",
}  # fmt: skip

_COMBINING = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c", "\u0328": "",
}  # fmt: skip

_GREEK = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi o pi rho varsigma sigma tau "
    "upsilon varphi chi psi omega"
).split()
_CAPITALS = {"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma"}
_CAPITALS |= {"Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega"}

MATHEMATICS: dict[str, str] = {chr(0x3B1 + k): "\\" + name for k, name in enumerate(_GREEK) if name != "o"}
"""Unicode characters and the commands that set them in mathematics."""
MATHEMATICS |= {letter: "\\" + name for letter, name in _CAPITALS.items()}
MATHEMATICS |= {
    "ο": "o", "ϵ": r"\epsilon", "ϕ": r"\phi", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx",
    "→": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "⇒": r"\Rightarrow", "×": r"\times", "·": r"\cdot",
    "⋅": r"\cdot", "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∞": r"\infty",
    "⊙": r"\odot", "⊤": r"\top", "∈": r"\in", "∀": r"\forall", "∃": r"\exists", "√": r"\surd", "−": "-",
    "±": r"\pm", "‖": r"\|", "ℓ": r"\ell", "²": "^2", "³": "^3", "¹": "^1", "′": "'", "∘": r"\circ",
    "∼": r"\sim", "∝": r"\propto", "≡": r"\equiv", "ℝ": r"\mathbf{R}", "⟨": r"\langle", "⟩": r"\rangle",
}  # fmt: skip


def _letter(letter: str) -> str:
    """Set one character that is not ASCII as text."""
    if letter in MATHEMATICS:
        return f"$\\mathsurround0pt {'{}' if MATHEMATICS[letter][0] == '^' else ''}{MATHEMATICS[letter]}$"
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if len(marks) == 1 and base.isascii() and base.isalpha() and _COMBINING.get(marks[0]):
        stem = {"i": r"\i", "j": r"\j"}.get(base, base)
        return f"\\{_COMBINING[marks[0]]}{{{stem}}}"
    return f"\\texttt{{[U+{ord(letter):04X}]}}"


def tex_text(text: str) -> str:
    r"""Escape text without mathematics.

    >>> tex_text("50% of W_1 & é")
    "50\\% of W\\_1 \\& \\'{e}"
    """
    return "".join(_SPECIAL.get(c) or (c if " " <= c < "\x7f" else _letter(c)) for c in text if c >= " " or c in "\n\t")


def tex_math(latex: str) -> str:
    r"""Make a formula safe between dollars: no blank lines, no comments, no bare Unicode, braces balanced.

    >>> tex_math("α_{n} % x")
    '\\alpha _{n} \\% x'
    """
    out: list[str] = []
    depth = 0
    escaped = False
    for c in latex.replace(r"\mathbb{1}", r"\mathbf{1}"):
        if not escaped and c in "%#$":
            out.append("\\" + c)
        elif c < " ":
            out.append(" ")
        elif c >= "\x7f":
            command = MATHEMATICS.get(c)
            out.append(command + " " if command else f"\\text{{{_letter(c)}}}")
        elif not escaped and c == "}" and depth == 0:
            out.append(r"\}")
        else:
            depth += 0 if escaped else (c == "{") - (c == "}")
            out.append(c)
        escaped = c == "\\" and not escaped
    return "".join(out) + (" " if escaped else "") + "}" * depth


_LONG = 120


def breakable(latex: str) -> str:
    r"""Return a long formula with ``\symleft``, ``\symright`` for its outer brackets, so that TeX may break inside.

    >>> breakable(r"2 \left(a + \frac{\left(b\right)}{c}\right)" + " + d" * 30)[:53]
    '2 \\symleft(a + \\frac{\\left(b\\right)}{c}\\symright) + d'
    """
    if len(latex) < _LONG:
        return latex
    depth = 0
    out = []
    for token in re.findall(r"\\[A-Za-z]+|\\.|[{}]|[^\\{}]+|\\", latex, re.DOTALL):
        depth += (token in ("{", r"\begin")) - (token in ("}", r"\end"))
        out.append(f"\\sym{token[1:]}" if token in (r"\left", r"\right") and not depth else token)
    return "".join(out)


_CODE_WIDTH = 90


def tex_code(source: str) -> str:
    r"""Return program text as lines of typewriter, every sign by its number; long lines go on beneath.

    >>> tex_code("a_1 = {}")
    '\\symcode{a\\char95{}1~=~\\char123{}\\char125{}}'
    """
    lines = [part for line in source.expandtabs(4).split("\n") for part in _cut(line)]
    return "\n".join(f"\\symcode{{{_code_line(line)}}}" for line in lines)


def _cut(line: str) -> list[str]:
    """Cut a line of code where it is too long for the page, what follows being set in."""
    start = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line, _CODE_WIDTH, subsequent_indent=start + " " * 8, drop_whitespace=True, break_on_hyphens=False
    ) or [line]  # fmt: skip


def _code_line(line: str) -> str:
    plain = "=+-*/()[].,:;!?@"
    return "".join(
        c if c.isascii() and c.isalnum() or c in plain
        else "~" if c == " "
        else f"\\char{ord(c)}{{}}" if " " < c < "\x7f"
        else _letter(c)
        for c in line
        if c >= " "
    ) or "~"  # fmt: skip
