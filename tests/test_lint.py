"""The lint of raw calls sees what it should, and this repository is clean."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lint_indexed", ROOT / ".ci" / "lint_indexed.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


lint = load()


def test_the_repository_is_clean() -> None:
    assert [str(finding) for finding in lint.scan(ROOT)] == []


@pytest.mark.parametrize(
    "call",
    [
        "e.subs(x, 1)",
        "(a + b).xreplace({a: b})",
        "e.diff(x)",
        "f(x).doit()",
        "sympy.diff(e, x)",
        "eval('1')",
        "exec(code)",
        "sympify('x')",
        "sympy.sympify(text)",
        "parse_expr(text)",
        "sympify(text, strict=False)",
    ],
)
def test_a_planted_call_is_seen(tmp_path: Path, call: str) -> None:
    for folder in ("symnn", "derivations"):
        planted = tmp_path / folder / "inner" / "planted.py"
        planted.parent.mkdir(parents=True)
        planted.write_text(f"def f():\n    return [{call}]\n", encoding="utf-8")
    found = [str(finding) for finding in lint.scan(tmp_path)]
    assert len(found) == 2
    assert found[0].startswith("symnn/inner/planted.py:2: ")
    assert found[1].startswith("derivations/inner/planted.py:2: ")


@pytest.mark.parametrize(
    ("file", "call", "number"),
    [
        ("symnn/ground/substitute.py", "e.subs(x, 1)", 0),
        ("symnn/ground/sympy_border.py", "e.diff(x)", 0),
        ("symnn/ground/substitute.py", "exec(code)", 1),
        ("symnn/compile/load.py", "exec(code)", 0),
        ("symnn/compile/load.py", "eval(code)", 1),
        ("symnn/compile/load.py", "e.subs(x, 1)", 1),
    ],
)
def test_each_allowance_is_for_its_own_calls(file: str, call: str, number: int) -> None:
    assert len(list(lint.findings(call, file))) == number


@pytest.mark.parametrize(
    "text",
    ["subs(x)", "sympify(x, strict=True)", "diff(a, b)", "'e.subs(x, 1)'", "# eval(x)", "x.evaluate()"],
)
def test_what_only_looks_alike_passes(text: str) -> None:
    assert list(lint.findings(text, "symnn/a.py")) == []
