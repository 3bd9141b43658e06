"""Fail on raw substitution, differentiation or evaluation of expressions outside their one module.

SymPy's ``subs``, ``xreplace``, ``diff`` and ``doit`` capture bound indices or drop conditions, and
``eval``, ``exec``, ``sympify``, ``parse_expr`` run text. Each has one home; this lint keeps it so.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("symnn", "derivations")


@dataclass(frozen=True)
class Ban:
    """A family of calls, the files that may make them, and what everyone else does instead."""

    names: frozenset[str]
    methods_only: bool
    allowed: frozenset[str]
    instead: str


BANS = (
    Ban(
        frozenset({"subs", "xreplace", "diff", "doit"}),
        methods_only=True,
        allowed=frozenset({"symnn/ground/substitute.py", "symnn/ground/sympy_border.py"}),
        instead="bound indices may be captured; go through symnn.ground.substitute",
    ),
    Ban(
        # runs only programs that symnn generated itself from checked trees
        frozenset({"exec"}),
        methods_only=False,
        allowed=frozenset({"symnn/compile/load.py"}),
        instead="only symnn/compile/load.py runs generated programs",
    ),
    Ban(
        frozenset({"eval", "sympify", "parse_expr"}),
        methods_only=False,
        allowed=frozenset(),
        instead="text is never evaluated; read it with a parser of symnn's own (sympify takes strict=True)",
    ),
)


@dataclass(frozen=True)
class Finding:
    """One forbidden call, where it is and what to do instead."""

    file: str
    line: int
    call: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: call of {self.call}: {self.instead}"


def called(function: ast.expr) -> tuple[str, bool]:
    """Return the called name and whether it is reached through an attribute."""
    if isinstance(function, ast.Attribute):
        return function.attr, True
    if isinstance(function, ast.Name):
        return function.id, False
    return "", False


def refuses_text(call: ast.Call) -> bool:
    """Tell whether a call of ``sympify`` has ``strict=True``, with which a string is an error."""
    return any(
        keyword.arg == "strict" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in call.keywords
    )


def findings(source: str, file: str) -> Iterator[Finding]:
    """Yield the forbidden calls of one source text; ``file`` is its path from the root, with slashes."""
    for node in ast.walk(ast.parse(source, filename=file)):
        if not isinstance(node, ast.Call):
            continue
        name, by_attribute = called(node.func)
        if name == "sympify" and refuses_text(node):
            continue
        for ban in BANS:
            if name in ban.names and file not in ban.allowed and (by_attribute or not ban.methods_only):
                yield Finding(file, node.lineno, f".{name}" if by_attribute else name, ban.instead)


def scan(root: Path) -> list[Finding]:
    """Return every forbidden call under the watched folders of ``root``, in order."""
    found: list[Finding] = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            found += sorted(findings(path.read_text(encoding="utf-8"), file), key=lambda f: f.line)
    return found


def main() -> int:
    """Print the findings; the exit status is 1 when there are any."""
    found = scan(Path(__file__).resolve().parent.parent)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
