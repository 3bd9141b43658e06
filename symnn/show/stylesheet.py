"""The look of an HTML page: a textbook's, in daylight, at night and on paper."""

from __future__ import annotations

import re

# the word of a verdict -> (name of its colour, mark in front of it)
BADGES: dict[str, tuple[str, str]] = {
    "proved": ("green", "✓"),
    "probable": ("teal", "≈"),
    "evaluated": ("blue", "="),
    "differenced": ("violet", "Δ"),
    "refuted": ("red", "✗"),
    "undecided": ("amber", "?"),
    "not run": ("grey", "–"),
    "right": ("green", "✓"),
    "wrong": ("red", "✗"),
    "cannot tell": ("amber", "?"),
}

_LIGHT = """
  --paper: #fffefb; --ink: #1f1d1a; --soft: #6b665e; --line: #e4dfd5; --panel: #f7f4ec; --link: #1a4f8b;
  --green: #1b6e3c; --teal: #0f6b6f; --blue: #1f5aa6; --violet: #6a3fa0; --red: #b3261e; --amber: #8a5a00;
  --grey: #6b665e;"""

_DARK = """
  --paper: #16171a; --ink: #e6e3dc; --soft: #9b978e; --line: #2f3136; --panel: #1e2024; --link: #8ab4f0;
  --green: #7cc796; --teal: #6cc5c8; --blue: #8ab4f0; --violet: #c3a3ee; --red: #f28b82; --amber: #e0b45c;
  --grey: #9b978e;"""

_TEXT = """line-height: 1.6; font-variant-numeric: lining-nums;
  font-family: "STIX Two Text", "Libertinus Serif", Charter, "Iowan Old Style", "Palatino Linotype", Palatino,
    "Latin Modern Roman", Georgia, serif;"""

# what a document holds, on a page of its own or in a notebook
_CONTENT = (
    """
math { font-family: "STIX Two Math", "Libertinus Math", "Cambria Math", "Latin Modern Math", math;
  font-size: 1.08em; }
mtd { padding: 0.2em 0.5em; }
merror { color: var(--red); border: 1px solid; padding: 0 0.3em; }
.subtitle { margin: 0.3rem 0 0; color: var(--soft); font-style: italic; }
h1, h2, h3, h4 { overflow-wrap: anywhere; }
h2, h3, h4 { font-weight: 600; line-height: 1.3; margin: 2.2rem 0 0.7rem; }
h2 { font-size: 1.35rem; } h3 { font-size: 1.12rem; }
h4 { font-size: 1.03rem; font-style: italic; font-weight: 500; }
p { margin: 0.7rem 0; max-width: 44rem; overflow-wrap: break-word; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.15em; }
.formula { display: flex; align-items: center; gap: 1rem; margin: 0.9rem 0; }
.formula .fx { flex: 1; padding-left: 2.2rem; } .formula .label { color: var(--soft); max-width: 40%;
  overflow-wrap: anywhere; }
.fx { overflow-x: auto; overflow-y: hidden; min-width: 0; padding-block: 0.3rem; }
.fx:has(wbr) { line-height: 3; }
.steps { margin: 1.4rem 0; border-top: 1px solid var(--line); }
.caption, figcaption { color: var(--soft); font-style: italic; font-size: 0.95rem; margin: 0.4rem 0; }
.step { border-bottom: 1px solid var(--line); }
.line { display: flex; flex-wrap: wrap; align-items: center; column-gap: 0.8rem; padding: 0.3rem 0.2rem;
  min-height: 2.9rem; list-style: none; }
.line .fx { flex: 1 1 auto; max-width: calc(100% - 3rem); }
.side { flex: none; width: 23.9rem; max-width: 100%; margin-left: auto; display: grid; align-items: center;
  grid-template-columns: minmax(0, 1fr) 7.2rem 2.6rem; column-gap: 0.8rem; }
summary.line { cursor: pointer; } summary.line::-webkit-details-marker { display: none; }
summary.line:hover, details[open] > summary.line { background: var(--panel); }
summary:focus-visible, button:focus-visible { outline: 2px solid var(--link); outline-offset: -1px; }
.number { flex: 0 0 2.2rem; color: var(--soft); text-align: right; padding-right: 0.4rem; font-size: 0.9rem; }
.rule { color: var(--soft); font-variant-caps: small-caps; font-size: 0.98rem; line-height: 1.25;
  text-align: right; overflow-wrap: anywhere; }
.check { background: var(--panel); padding: 0 1rem 0.5rem 3.2rem; font-size: 0.95rem; }
.check p { margin: 0 0 0.2rem; }
.badge { color: var(--tone); font-size: 0.86rem; white-space: nowrap; }
.badge .mark { display: inline-block; width: 1.3em; text-align: center; font-weight: 700; }
"""
    + "".join(f".{tone} {{ --tone: var(--{tone}); }}\n" for tone in sorted({t for t, _ in BADGES.values()}))
    + """
.scroll { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; border-block: 1.5px solid var(--ink); }
td { overflow-wrap: break-word; min-width: 4rem; }
th { font-weight: 600; text-align: left; border-bottom: 1px solid var(--ink); }
th, td { padding: 0.35rem 1.4rem 0.35rem 0.2rem; vertical-align: baseline; }
tbody tr + tr td { border-top: 1px solid var(--line); }
figure { margin: 1.6rem 0; }
figure img { display: block; max-width: 100%; height: auto; color-scheme: light; background: #fffefb;
  border: 1px solid var(--line); border-radius: 4px; padding: 0.8rem; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 0.8rem 1rem;
  overflow-x: auto; font: 0.86rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.code { position: relative; }
.fold { margin: 1rem 0; border: 1px solid var(--line); border-radius: 4px; padding: 0 1rem; }
.fold > summary { cursor: pointer; padding: 0.55rem 0; font-style: italic; }
.contents { padding-left: 1.2rem; } .contents li { margin: 0.25rem 0; }
"""
)

_NARROW = """
@media (max-width: 46rem) { body { padding: 1.5rem 1rem 3rem; }
  .number { flex-basis: 1.6rem; } .line .fx { min-width: calc(100% - 3rem); }
  .side { width: 100%; padding-left: 2.4rem; grid-template-columns: minmax(0, 1fr) auto; }
  .line .rule { text-align: left; } .line .copy { display: none; } .check { padding-left: 2.6rem; } }
"""

_PAGE = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
* {{ box-sizing: border-box; }}
html {{ background: var(--paper); color: var(--ink); }}
body {{ margin: 0 auto; padding: 3.5rem 1.5rem 5rem; max-width: 62rem; font-size: 1.0625rem; {_TEXT} }}
"""

_HEADER = """
header { border-bottom: 1px solid var(--ink); margin-bottom: 2rem; padding-bottom: 0.9rem; }
h1 { font-size: 1.95rem; font-weight: 600; line-height: 1.2; margin: 0; letter-spacing: -0.005em; }
button.copy { font: 500 0.72rem/1 system-ui, sans-serif; color: var(--soft); background: none;
  border: 1px solid var(--line); border-radius: 3px; padding: 0.28rem 0.4rem; opacity: 0.55;
  white-space: nowrap; cursor: pointer; }
button.copy:hover, button.copy:focus-visible { opacity: 1; color: var(--ink); border-color: var(--soft); }
@media (hover: hover) { .line .copy, .formula .copy { opacity: 0; }
  .line:hover .copy, .formula:hover .copy, .copy:focus-visible { opacity: 0.75; } }
.tools { margin: 0.8rem 0 0; display: flex; gap: 0.5rem; }
.code button.copy { position: absolute; top: 0.5rem; right: 0.5rem; }
"""

_PRINT = """
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --panel: #fff; --link: #000; --green: #14532d; --teal: #0b4f52; --blue: #173f75; --violet: #4a2a75;
    --red: #8c1d18; --amber: #5e3d00; --grey: #444; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } button.copy, .tools { display: none; }
  .side { width: 16.5rem; grid-template-columns: minmax(0, 1fr) 6.2rem; } .fx, pre { overflow: visible; }
  .step, figure, table, .formula { break-inside: avoid; } h2, h3, h4 { break-after: avoid; } }
"""

CSS = _PAGE + _CONTENT + _HEADER + _NARROW + _PRINT

WRAPPER = "symnn"
"""The class around what is shown in a notebook."""

# twice the class, so that a notebook's own rules for tables and paragraphs stand back
_SCOPE = f".{WRAPPER}.{WRAPPER}"


def _scoped(css: str) -> str:
    """Return rules that hold inside the wrapper only, their lengths by its letters and not by the page's.

    >>> _scoped("h2, .line td { margin: 1rem; }")
    '.symnn.symnn h2, .symnn.symnn .line td { margin: 1em; }'
    """

    def rule(found: re.Match[str]) -> str:
        selectors = ", ".join(f"{_SCOPE} {s.strip()}" for s in found[1].split(","))
        return f"{selectors} {{{found[2]}}}"

    return re.sub(r"([^{}]+)\{([^{}]*)\}", rule, css).replace("rem", "em")


_CELL = f"""
{_SCOPE} {{ color-scheme: light; {_LIGHT}
  background: var(--paper); color: var(--ink); padding: 0.6em 1.2em 1em; max-width: 66em; font-size: 15px; {_TEXT} }}
body[data-jp-theme-light="false"] {_SCOPE}, body.vscode-dark {_SCOPE} {{ color-scheme: dark; {_DARK} }}
"""

NOTEBOOK_CSS = (
    _CELL
    + _scoped("* { box-sizing: border-box; }")
    + _scoped(_CONTENT)
    + _scoped(
        """
.title { font-size: 1.3rem; font-weight: 600; margin: 0.2rem 0; }
h2, h3, h4 { margin: 1.2rem 0 0.4rem; }
.line { grid-template-columns: 2.2rem minmax(0, 1fr) minmax(0, 13rem) 7.2rem; }
table { table-layout: auto; margin: 0; } tbody tr { background: none; } th, td { text-align: left; }
"""
    )
)

# copies by the clipboard where the browser grants it, else by a selection; holds no '<' and no '&'
SCRIPT = """
document.addEventListener('click', function (event) {
  var button = event.target.closest('button.copy');
  if (!button) return;
  event.preventDefault();
  var text = button.dataset.source, word = button.textContent;
  function said(ok) {
    button.textContent = ok ? 'copied' : 'failed';
    setTimeout(function () { button.textContent = word; }, 1200);
  }
  function bySelection() {
    var area = document.createElement('textarea');
    area.value = text; document.body.appendChild(area); area.select();
    var ok = document.execCommand('copy'); area.remove(); said(ok);
  }
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text).then(function () { said(true); }, bySelection);
  } else { bySelection(); }
});
"""
