"""The README's derivation is what the engine writes today; its picture exists and is a picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from xml.dom import minidom

ROOT = Path(__file__).resolve().parent.parent


def test_the_derivation_in_the_readme_is_current() -> None:
    spec = importlib.util.spec_from_file_location("readme_parts", ROOT / "docs" / "readme_parts.py")
    assert spec is not None and spec.loader is not None
    parts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parts)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert parts.BEGIN + parts.derivation() + parts.END in text, "run: python docs/readme_parts.py"


def test_the_picture_in_the_readme_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/images/network.svg" in text
    picture = minidom.parse(str(ROOT / "docs" / "images" / "network.svg"))
    assert len(picture.getElementsByTagName("path")) > 50
