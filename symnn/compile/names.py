"""Give every symbolic name a Python identifier of its own: plain names stay as they are, no two names share one."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Hashable, Iterable

__all__ = ["Names", "comment"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)


class Names:
    """One-to-one names for the things of one program: ``names.of(tensor, "W1") == "W1"``.

    Args:
        reserved: identifiers that the generated code uses itself.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved)
        self._given: dict[Hashable, str] = {}
        self._counters: dict[str, int] = {}

    def of(self, thing: Hashable, name: str) -> str:
        """Return the identifier of a thing, made from its name at the first call."""
        made = self._given.get(thing)
        if made is None:
            made = self._given[thing] = self._unique(name if self._good(name) else _readable(name))
        return made

    def fresh(self, stem: str) -> str:
        """Return an identifier that stands for nothing else: u1, u2, ..."""
        count = self._counters.get(stem, 0) + 1
        while f"{stem}{count}" in self._taken:
            count += 1
        self._counters[stem] = count
        self._taken.add(f"{stem}{count}")
        return f"{stem}{count}"

    def _good(self, name: str) -> bool:
        return _PLAIN.fullmatch(name) is not None and name not in _RESERVED

    def _unique(self, stem: str) -> str:
        if stem not in self._taken:
            self._taken.add(stem)
            return stem
        return self.fresh(stem + "_")


def _readable(name: str) -> str:
    """Spell out letters of other alphabets, turn everything else into underscores, and start with a letter."""
    out = []
    for c in unicodedata.normalize("NFKC", name):
        if c.isascii():
            out.append(c if c.isalnum() else "_")
        else:
            spelled = unicodedata.name(c, "").split()
            out.append(spelled[-1].lower() if c.isalpha() and spelled and spelled[-1].isalpha() else "_")
    text = re.sub(r"[^A-Za-z0-9_]", "_", "".join(out)).rstrip("_")[:60]
    if not text or not text[0].isalpha():
        text = "v" + text if text.startswith("_") else "v_" + text
    return text + "_" if text in _RESERVED else text


def comment(text: str, width: int = 100) -> str:
    """Return text as one comment line; nothing in it can end the line or the comment."""
    safe = "".join(c if c.isprintable() else "?" for c in text)
    return "# " + (safe if len(safe) <= width else safe[: width - 3] + "...")
