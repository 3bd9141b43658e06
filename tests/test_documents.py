"""Every renderer shows a rich document, and hostile text breaks none of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symnn.show import (
    Code,
    Contents,
    Document,
    Formula,
    Prose,
    StepRow,
    StepTable,
    Table,
    VerdictTable,
    html,
    markdown,
    mathml,
    plain,
    terminal,
    tex,
)
from tests.sample_document import FORMULAS, HOSTILE, LONG, SAMPLE, STEPS

MATH = "{http://www.w3.org/1998/Math/MathML}"


def tree(page: str) -> ET.Element:
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def test_html_is_well_formed_and_offline() -> None:
    page = html(SAMPLE)
    tree(page)
    bare = re.sub(r'xmlns="http://www\.w3\.org/[^"]*"', "", page)
    assert "http://" not in bare and "https://" not in bare
    assert "default-src" in page


def test_html_lets_no_hostile_element_in() -> None:
    root = tree(html(SAMPLE))
    assert len(list(root.iter("script"))) == 1
    assert not [name for node in root.iter() for name in node.attrib if name.startswith("on")]


def test_html_opens_every_checked_line_and_says_its_verdict_in_words() -> None:
    root = tree(html(SAMPLE))
    opened = [d for d in root.iter("details") if d.get("class") == "step"]
    assert len(opened) == sum(bool(row.check) for row in STEPS.rows)
    badges = [s for s in root.iter("span") if "badge" in s.get("class", "")]
    words = {"".join(badge.itertext()).lstrip("✓≈=Δ✗?–") for badge in badges}
    assert {row.verdict for row in STEPS.rows} <= words


def test_only_the_column_of_verdicts_holds_badges() -> None:
    table = VerdictTable(("check", "verdict", "how"), (("evaluated", "evaluated", "proved"),))
    page = Document("t", "", (table,))
    row = next(iter(tree(html(page)).iter("tbody")))
    assert ["badge" in ET.tostring(cell, encoding="unicode") for cell in row.iter("td")] == [False, True, False]
    shown = terminal(page, width=80, colour=True)
    assert shown.count("\x1b[34m") == 1 and "\x1b[32m" not in shown


def test_every_formula_can_be_copied() -> None:
    sources = {b.get("data-source") for b in tree(html(SAMPLE)).iter("button")}
    assert set(FORMULAS) <= sources
    assert tex(SAMPLE).replace("\x00", "\ufffd") in {s for s in sources if s}


@pytest.mark.parametrize("latex", FORMULAS)
def test_mathml_reads_every_construct(latex: str) -> None:
    root = ET.fromstring(mathml(latex))
    assert not list(root.iter(f"{MATH}merror"))
    assert not [n for n in root.iter() if n.text and ("\\" in n.text or "\ue000" <= n.text[:1] <= "\uf8ff")]
    assert not [n for n in root.iter() if n.get("mathvariant") not in (None, "normal")]
    for leaf in root.iter(f"{MATH}mi"):
        assert leaf.text != "&"


def test_mathml_repairs() -> None:
    assert "𝟙" in mathml(r"\mathbb{1}")
    assert "<mi>diag</mi>" in mathml(r"\operatorname{diag}")
    assert "<munder><mo" in mathml(r"\sum_{k} x")
    assert 'form="prefix">−' in mathml("f(-x)") and 'form="prefix">−' not in mathml("a - x")
    assert "text-align:right" in mathml(r"\begin{aligned} a &= b \\ &= c \end{aligned}")


def test_a_long_formula_may_break_between_its_terms() -> None:
    pieces = mathml(LONG, display=True).split("<wbr/>")
    assert len(pieces) == LONG.count(" + ") + 1
    for piece in pieces:
        ET.fromstring(piece)


def test_a_formula_that_cannot_be_read_is_shown_as_its_source() -> None:
    root = ET.fromstring(mathml(r"\left( a"))
    assert [n.text for n in root.iter(f"{MATH}mtext")] == [r"\left( a"]
    assert list(root.iter(f"{MATH}merror"))


@pytest.fixture(scope="module")
def pdflatex() -> str:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed: no LaTeX page was compiled")
    return program


def compile_page(pdflatex: str, folder: Path, document: Document) -> str:
    (folder / "page.tex").write_text(tex(document), encoding="utf-8")
    done = subprocess.run(
        [pdflatex, "-halt-on-error", "-interaction=nonstopmode", "page.tex"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    return log


def test_pdflatex_compiles_it(pdflatex: str, tmp_path: Path) -> None:
    sound = [block for block in SAMPLE.blocks if not (isinstance(block, Formula) and block.latex == HOSTILE)]
    log = compile_page(pdflatex, tmp_path, Document(SAMPLE.title, HOSTILE, tuple(sound)))
    wide = [float(w) for w in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(wide, default=0.0) < 15.0, log


def test_long_code_tables_and_brackets_stay_on_the_page(pdflatex: str, tmp_path: Path) -> None:
    inner = r"\frac{\sqrt{2}}{\sqrt{\pi}} (0.044715 a^{3} + a)"
    tanh = rf"1 + \tanh\left({inner}\right)"
    wide = rf"\frac{{1}}{{2}} \left({tanh} + a \left({tanh} - {inner}\right) + a \left({tanh} + {inner}\right)\right)"
    table = Table(("parameter", "check", "verdict", "how"), (("W1", "differenced", "differenced", "word " * 40),))
    code = "# loss, dW1, db1, " + "from x (N, D), " * 12 + "\n    y = " + "x" * 20 + " + 1" * 30
    log = compile_page(pdflatex, tmp_path, Document("t", "", (Formula(wide), table, Code(code))))
    assert not re.findall(r"Overfull \\hbox", log), log


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_signs_spells_them(encoding: str) -> None:
    page = Document("Σ é", "", (Prose("δ1 ≤ ∂x"), Formula("", text="Σ_n δ1[n]")))
    shown = terminal(page, width=80, colour=False, encoding=encoding)
    shown.encode(encoding)
    assert "sum_n delta1[n]" in shown and "delta1 <= dx" in shown and ("é" in shown) is (encoding == "latin-1")


def test_latex_needs_amsmath_only() -> None:
    preamble = tex(SAMPLE).split(r"\begin{document}")[0]
    assert re.findall(r"\\usepackage(?:\[.*?\])?\{(.*?)\}", preamble) == ["inputenc", "amsmath"]


def test_latex_text_is_escaped() -> None:
    page = tex(Document("t", "", (Prose(HOSTILE), Code(r"\end{verbatim}"))))
    body = page.split(r"\begin{document}")[1]
    assert r"\input" not in body
    assert body.count(r"\end{document}") == 1
    assert "verbatim}" not in body


def test_markdown_keeps_its_tables() -> None:
    page = markdown(SAMPLE)
    for line in page.splitlines():
        if line.startswith("| $") and "W_" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 4
    assert "<script>" not in page.replace("\\<script\\>", "").replace("< script", "")
    assert "\n````python\n" in page


@pytest.mark.parametrize("width", [40, 72, 120])
def test_terminal_fits_its_width(width: int) -> None:
    shown = terminal(Document("t", "", (STEPS, *SAMPLE.blocks[6:7])), width=width, colour=False)
    assert "\x1b" not in shown and "\x00" not in shown
    assert [line for line in shown.splitlines() if len(line) > width] == []


def test_terminal_brief_keeps_the_result_only() -> None:
    page = Document("t", "", (Prose("prose"), StepTable(STEPS.rows[:6])))
    shown = terminal(page, brief=True, width=100, colour=False)
    assert "prose" not in shown and "quotient" not in shown
    assert "= -( 1_(c=y) - f_c )" in shown


def test_terminal_colours_when_asked_and_aligns_all_the_same() -> None:
    page = Document("t", "", (STEPS,))
    coloured = terminal(page, width=100, colour=True)
    assert "\x1b[32mproved" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured).split() == terminal(page, width=100, colour=False).split()


@given(st.text(max_size=60))
def test_any_text_goes_through_every_renderer(text: str) -> None:
    rows = (StepRow(1, text, (text,), text, "proved", text),)
    table = Table((text,), ((text,),))
    blocks = (Prose(text), Formula(text, text), StepTable(rows, text), table, Code(text))
    document = Document(text, text, blocks)
    tree(html(document))
    assert tex(document).count(r"\begin{document}") == 1
    markdown(document)
    assert "\x1b" not in terminal(document, width=80, colour=False)
    plain(text)


def test_wrong_records_are_refused() -> None:
    with pytest.raises(ValueError, match="no verdict is called 'sure'"):
        StepRow(1, "x", (), "", "sure", "")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 columns has a row of 1"):
        Table(("a", "b"), (("c",),))
    with pytest.raises(ValueError, match="beside it only"):
        Contents((("bad", "javascript:alert(1)"),))
