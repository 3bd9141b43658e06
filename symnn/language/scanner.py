"""Cut a formula into signs, names and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symnn.language.syntax import FormulaError

__all__ = ["MOST_SIGNS", "Sign", "number", "scan"]

#: A longer text is refused.
MOST_SIGNS = 8_000
_DIGITS, _MAGNITUDE = 40, 60
_TWO = ("**", "==", "!=", ">=", "<=", "->", "//", "...")
_ONE = "+-*/@()[]{},:;.<>&|~=^'\n"


_HINTS = {
    "×": "Write * for a product.",
    "·": "Write * or @.",
    "−": "Write a plain minus, -.",
    "⊙": "Write *.",
    "∑": "Write sum_j(...) or sum(x, axis).",
    "²": "Write **2.",
    "≥": "Write >=.",
    "≤": "Write <=.",
    "\\": "LaTeX is read where it is announced, latex(...) in Python or latex = ... in a file.",
    "$": "Leave the dollars out.",
}


@dataclass(frozen=True)
class Sign:
    """One sign: kind is name, number, text, end, or the sign itself."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The column behind it."""
        return self.start + len(self.text)


def scan(text: str) -> list[Sign]:
    """Return the signs of a formula, ended by one of kind "end".

    Raises:
        FormulaError: a sign that no formula has, a number or a text too long.
    """
    if len(text) > MOST_SIGNS:
        raise FormulaError(f"the formula is {len(text)} signs long; {MOST_SIGNS} are read.", text, MOST_SIGNS)
    out: list[Sign] = []
    at = 0
    while at < len(text):
        c = text[at]
        if c == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif c in " \t\r":
            at += 1
        elif c == "\\" and text[at + 1 : at + 2] == "\n":
            at += 2
        elif c.isdecimal() and c.isascii() or (c == "." and text[at + 1 : at + 2].isdecimal()):
            sign = _number(text, at)
            out.append(sign)
            at = sign.end
        elif c.isidentifier():
            end = at + 1
            while end < len(text) and (text[end].isidentifier() or text[end].isdecimal()):
                end += 1
            out.append(Sign("name", text[at:end], at))
            at = end
        elif c in "'\"" and not (c == "'" and _prime(out, at)):
            end = text.find(c, at + 1)
            if end < 0:
                raise FormulaError("this quoted text does not end.", text, at)
            out.append(Sign("text", text[at : end + 1], at))
            at = end + 1
        else:
            two = next((t for t in _TWO if text.startswith(t, at)), "")
            if not two and c not in _ONE:
                raise FormulaError(f"no formula holds the sign {c!r}.", text, at, _hint(c))
            out.append(Sign(two or c, two or c, at))
            at += len(two) or 1
    out.append(Sign("end", "", len(text)))
    return out


def _prime(out: list[Sign], at: int) -> bool:
    return bool(out) and out[-1].kind in ("name", "'") and out[-1].end == at


def _hint(c: str) -> str:
    return _HINTS.get(c, "")


def _number(text: str, at: int) -> Sign:
    end = at
    while end < len(text) and (text[end].isdecimal() and text[end].isascii() or text[end] == "_"):
        end += 1
    if text[end : end + 1] == ".":
        end += 1
        while end < len(text) and text[end].isdecimal() and text[end].isascii():
            end += 1
    if text[end : end + 1] in ("e", "E"):
        power = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
        if text[power : power + 1].isdecimal():
            end = power
            while end < len(text) and text[end].isdecimal() and text[end].isascii():
                end += 1
    made = Sign("number", text[at:end], at)
    number(made, text)
    return made


def number(sign: Sign, text: str) -> Fraction:
    """Return the value of a number, exactly.

    Raises:
        FormulaError: it has too many digits, or too large an exponent.
    """
    digits, _, power = sign.text.lower().replace("_", "").partition("e")
    if len(digits) > _DIGITS or len(power.lstrip("+-")) > 3 or abs(int(power or 0)) > _MAGNITUDE:
        raise FormulaError(
            f"the number {sign.text[:24]} is too long: at most {_DIGITS} digits and powers of ten up to {_MAGNITUDE} "
            "are read.", text, sign.start,
        )  # fmt: skip
    return Fraction(digits if digits != "." else "0") * Fraction(10) ** int(power or 0)
