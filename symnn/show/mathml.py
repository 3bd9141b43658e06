"""Write a LaTeX formula as MathML that browsers set well (MathML Core), repaired after latex2mathml.

latex2mathml leaves alignment marks of ``aligned`` as letters, puts limits of sums beside them, spaces
named functions as relations, and uses ``mathvariant`` values that browsers ignore. Each repair below
is one function over an element; a formula that cannot be converted is shown as its source, in a frame.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import lru_cache
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert_to_element

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

# private-use characters carry through the converter what it would lose
_OPEN2, _CLOSE2, _OPEN1, _CLOSE1, _LIMITS, _ALIGNED, _NAMED = (chr(0xE001 + k) for k in range(7))
_FENCES = {
    _OPEN2: ("‖", "prefix"),
    _CLOSE2: ("‖", "postfix"),
    _OPEN1: ("|", "prefix"),
    _CLOSE1: ("|", "postfix"),
}
_FENCES |= {c: (c, "prefix") for c in "⟨⌊⌈"} | {c: (c, "postfix") for c in "⟩⌋⌉"}
_LETTERS = frozenset("⊤…⋯⋮⋱")
_ARROWS = frozenset("⟹⟺⟸:")
_LARGE = frozenset({"∑", "∏", "∐", "⋃", "⋂", "⨁", "max", "min", "sup", "inf", "lim", "argmax", "argmin"})
_BEFORE_SIGN = frozenset("([{|‖⟨⌊⌈,;=<>≤≥≠≈∝≡→⇒⟹+−⋅×∈±:")
_KEPT = frozenset(
    "form fence stretchy minsize maxsize lspace rspace accent accentunder displaystyle scriptlevel width "
    "height depth voffset linethickness columnalign movablelimits mathvariant mathcolor".split()
)

Rewrite = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _operator_name(match: re.Match[str]) -> str:
    """Carry a named operator through as marked text: the converter reads letters only."""
    name = re.sub(r"\\[,;: ]|~", "\u2009", match.group(2))
    return rf"\text{{{_LIMITS if match.group(1) else _NAMED}{name.replace(chr(92), '')}}}"


_SOURCE: tuple[Rewrite, ...] = (
    (re.compile(r"\\\\\s*\[[^\]]*\]"), r"\\\\"),
    (re.compile(r"\\begin\{(?:aligned|align\*?|split)\}"), rf"\\begin{{array}}{{rlrlrlrl}}{_ALIGNED} "),
    (re.compile(r"\\begin\{(?:gathered|gather\*?)\}"), rf"\\begin{{array}}{{c}}{_ALIGNED} "),
    (re.compile(r"\\end\{(?:aligned|align\*?|split|gathered|gather\*?)\}"), r"\\end{array}"),
    (re.compile(r"\\operatorname(\*?)\s*\{((?:[^{}\\]|\\.)*)\}"), _operator_name),
    (re.compile(r"(?<!\\left)(?<!\\right)\\lVert(?![A-Za-z])"), _OPEN2),
    (re.compile(r"(?<!\\left)(?<!\\right)\\rVert(?![A-Za-z])"), _CLOSE2),
    (re.compile(r"(?<!\\left)(?<!\\right)\\lvert(?![A-Za-z])"), _OPEN1),
    (re.compile(r"(?<!\\left)(?<!\\right)\\rvert(?![A-Za-z])"), _CLOSE1),
)


def _styled(text: str, variant: str) -> str:
    """Return the text in the Unicode alphabet of a mathematical variant."""
    return "".join(_styled_letter(letter, variant) for letter in text)


_DOUBLE = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
# variant: first of A-Z a-z, of the digits, of capital Greek, of small Greek
_ALPHABETS = {
    "bold": (0x1D400, 0x1D7CE, 0x1D6A8, 0x1D6C2),
    "bold-italic": (0x1D468, 0x1D7CE, 0x1D71C, 0x1D736),
    "italic": (0x1D434, 0, 0, 0),
    "double-struck": (0x1D538, 0x1D7D8, 0, 0),
}


def _styled_letter(letter: str, variant: str) -> str:
    latin, digit, capital, small = _ALPHABETS.get(variant, (0, 0, 0, 0))
    if variant == "double-struck" and letter in _DOUBLE:
        return _DOUBLE[letter]
    if variant == "italic" and letter == "h":
        return "ℎ"
    for first, last, start in (
        ("A", "Z", latin), ("a", "z", latin and latin + 26), ("0", "9", digit),
        ("Α", "Ω", capital), ("α", "ω", small),
    ):  # fmt: skip
        if start and first <= letter <= last:
            return chr(start + ord(letter) - ord(first))
    return letter


def _clean(node: ET.Element) -> None:
    """Resolve entities, keep harmless attributes only, name letters by their alphabets."""
    node.text = html.unescape(node.text) if node.text else node.text
    node[:] = [c for c in node if c.tag != "mo" or c.text or len(c)]  # the empty partner of \\left.
    for name in list(node.attrib):
        if name not in _KEPT:
            del node.attrib[name]
    variant = node.get("mathvariant")
    if variant and variant != "normal":
        node.text = _styled(node.text or "", variant)
        del node.attrib["mathvariant"]
    if node.get("fence"):
        node.attrib.update(lspace="0", rspace="0")
    if node.get("width") == "negativethinmathspace":
        node.set("width", "-0.167em")
    if node.tag == "mtext" and node.text:
        node.text = re.sub(r"\\([&%#_$ {}])", r"\1", node.text)
    if node.tag == "menclose":
        node.tag = "mrow"
        node.set("style", "border:1px solid;padding:0.15em 0.3em")


def _leaf(node: ET.Element) -> None:
    """Give fences, arrows, transposes and named operators their element and spacing."""
    text = node.text or ""
    if node.tag == "mi" and text in _FENCES:
        shown, form = _FENCES[text]
        node.tag, node.text = "mo", shown
        node.attrib.update(form=form, fence="true", stretchy="false", lspace="0", rspace="0")
    elif node.tag == "mi" and text in _ARROWS:
        node.tag = "mo"
    elif node.tag == "mo" and text in _LETTERS:
        node.tag = "mi"
    elif node.tag == "mo" and text == "/":
        node.attrib.update(lspace="0", rspace="0")
    elif text[:1] in (_LIMITS, _NAMED) or node.tag == "mo" and text.isalpha() and text.isascii():
        _name(node, text.lstrip(_LIMITS + _NAMED), limits=text.startswith(_LIMITS))


def _name(node: ET.Element, name: str, limits: bool) -> None:
    """Set the name of an operator: with limits under it, or as a function."""
    node.text = name.replace("\u00a0", " ")
    if limits or name in _LARGE:
        node.tag = "mo"
        node.attrib.update(lspace="0", rspace="0.167em", movablelimits="true")
    else:
        node.tag = "mi"
        node.set("class", "op")
        if len(name) == 1:
            node.set("mathvariant", "normal")


def _accent(node: ET.Element) -> None:
    """Keep an accent small over one letter, stretched over several; draw bars as lines."""
    if node.tag != "mover" or len(node) != 2 or node[1].tag != "mo":
        return
    mark = node[1].text or ""
    wide = len("".join(node[0].itertext())) > 1
    if mark in "―¯‾":
        node.tag = "mrow"
        node.remove(node[1])
        node.attrib.clear()
        margin = "0" if wide else "0 0.02em 0 0.1em"
        node.set("style", f"border-top:0.055em solid;padding-top:0.1em;margin:{margin}")
    elif mark in "~^":
        node.set("accent", "true")
        node[1].text = "∼" if mark == "~" else "^" if wide else "\u02c6"
        node[1].attrib.update(stretchy="true" if wide else "false", lspace="0", rspace="0")


_UNDER = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}


def _script(node: ET.Element) -> None:
    """Set relations and signs tight in scripts, as TeX does."""
    if node.tag in ("msub", "msup", "msubsup"):
        for script in node[1:]:
            for mark in script.iter("mo"):
                mark.attrib.update(lspace="0", rspace="0")


def _limits(node: ET.Element) -> None:
    """Put the limits of large operators under and over them; the browser moves them aside in text."""
    if node.tag in _UNDER and len(node) and node[0].tag == "mo":
        if node[0].text in _LARGE or node[0].get("movablelimits"):
            node.tag = _UNDER[node.tag]
            node[0].set("movablelimits", "true")


def _table(node: ET.Element) -> None:
    """Turn column alignment and the gaps of aligned equations into styles."""
    if node.tag != "mtable":
        return
    first = next(node.iter("mtd"), None)
    aligned = first is not None and len(first) > 0 and first[0].text == _ALIGNED
    if first is not None and aligned:
        first.remove(first[0])
        node.set("displaystyle", "true")
    for row in node.iter("mtr"):
        for column, cell in enumerate(row.findall("mtd")):
            side = cell.attrib.pop("columnalign", "center")
            style = f"text-align:{side};text-align:-webkit-{side}"  # the second moves boxes, not text only
            if aligned:
                style += f";padding:0.35em 0 0.35em {2 if column and column % 2 == 0 else 0}em"
            cell.set("style", style)


def _words(node: ET.Element) -> None:
    """Join upright or italic letters that one command set into one word."""
    children = list(node)
    upright = all(c.tag in ("mi", "mn") and c.get("mathvariant") == "normal" or c.tag == "mn" for c in children)
    if node.tag == "mrow" and len(children) > 1 and upright and any(c.get("mathvariant") for c in children):
        word = "".join(c.text or "" for c in children)
        node.clear()
        node.tag, node.text = "mi", word


def _core(node: ET.Element) -> ET.Element:
    """Return what a script is attached to."""
    while node.tag in ("msub", "msup", "msubsup", "munder", "mover", "munderover") and len(node):
        node = node[0]
    return node


def _is_function(node: ET.Element) -> bool:
    core = _core(node)
    return core.tag == "mi" and (core.get("class") == "op" or (core.text or "") in _FUNCTIONS)


_FUNCTIONS = frozenset("exp log ln sin cos tan sinh cosh tanh det tr dim ker arg deg gcd Pr".split())


def _opens(node: ET.Element) -> bool:
    core = node[0] if node.tag == "mrow" and len(node) else node
    return core.tag == "mo" and (core.text or "") in "([{|‖"


def _row(node: ET.Element) -> None:
    """Set signs as signs, and a thin space around the names of functions."""
    if node.tag not in ("mrow", "mtd", "mstyle", "math"):
        return
    children = list(node)
    placed: list[ET.Element] = []
    for previous, child in zip([None, *children], children, strict=False):
        sign = child.tag == "mo" and (child.text or "") in ("−", "+", "±")
        if sign and (
            previous is None
            or previous.tag == "mo"
            and (previous.get("form") == "prefix" or (previous.text or "") in _BEFORE_SIGN)
        ):
            child.set("form", "prefix")
        if previous is not None and child.tag not in ("mo", "mspace") and previous.tag not in ("mo", "mspace"):
            after = _is_function(previous) and not _opens(child)
            if after or _is_function(child):
                placed.append(ET.Element("mspace", {"width": "0.167em"}))
        placed.append(child)
    node[:] = placed


def _repair(node: ET.Element) -> None:
    _clean(node)
    for child in node:
        _repair(child)
    for repair in (_leaf, _words, _accent, _script, _limits, _table, _row):
        repair(node)


def _strip_classes(root: ET.Element) -> None:
    for node in root.iter():
        node.attrib.pop("class", None)


_BREAKS = frozenset("=<>≤≥≈∝≡→⇒⟹⟺+−")
_LONG = 70  # letters and signs, about what a line of the page holds


def _broken(root: ET.Element) -> list[ET.Element]:
    """Split a long formula before its outermost relations and signs: browsers break lines between only."""
    row = root[0] if len(root) == 1 and root[0].tag == "mrow" else root
    if len("".join(root.itertext())) <= _LONG:
        return [root]
    parts: list[list[ET.Element]] = [[]]
    for child in row:
        if child.tag == "mo" and (child.text or "") in _BREAKS and child.get("form") != "prefix" and parts[-1]:
            child.set("form", "infix")
            parts.append([])
        parts[-1].append(child)
    wholes = []
    for part in parts:
        whole = ET.Element("math", root.attrib)
        ET.SubElement(whole, "mrow").extend(part)
        wholes.append(whole)
    return wholes


@lru_cache(maxsize=4096)
def mathml(latex: str, *, display: bool = False) -> str:
    r"""Return the ``<math>`` element of a formula; ``display`` sets it in display style, still in line.

    A long formula in display style becomes several elements, between which the line may break.

    >>> mathml("x^2")
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    """
    source = "".join(c for c in latex if c >= " " or c in "\n\t")
    try:
        converted = source
        for pattern, replacement in _SOURCE:
            converted = pattern.sub(replacement, converted)
        root = convert_to_element(converted)
        _repair(root)
        _strip_classes(root)
    except Exception:  # the converter raises errors of many families on what it cannot read
        root = ET.Element("math")
        ET.SubElement(ET.SubElement(root, "merror"), "mtext").text = source
    root.attrib.clear()
    root.set("xmlns", NAMESPACE)
    if not display:
        return ET.tostring(root, encoding="unicode")
    root.set("displaystyle", "true")
    return "<wbr/>".join(ET.tostring(part, encoding="unicode") for part in _broken(root))
