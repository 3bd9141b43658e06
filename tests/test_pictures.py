"""Pictures: what they show, that nothing overlaps, that no name breaks them, the ways round a missing dot."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pygraphviz
import pytest

from symnn.ground.errors import DefinitionError, UnknownNameError, UnsupportedError
from symnn.show import layout as layouts
from symnn.show import typeset as types
from symnn.show.layout import LayoutError, Place, arrange
from symnn.show.picture import dot_source, save, svg
from symnn.show.scene import ARROW_KINDS, BOX_KINDS, Arrow, Box, Scene
from symnn.show.typeset import formula, words

NS = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]


def network(depth: int = 3, direction: str = "TB") -> Scene:
    """A ReLU network with softmax and cross-entropy, forward and backward."""
    boxes, arrows = [Box("x", (r"x_{n,j}",), "input")], []
    h = "x"
    for k in range(1, depth + 1):
        boxes += [Box(f"W{k}", (rf"W^{{({k})}}_{{i,j}}",), "parameter")]
        boxes += [Box(f"a{k}", (rf"a^{{({k})}}_{{n,i}}", rf"= \sum_{{j}} W^{{({k})}}_{{i,j}} h_{{n,j}}"), "value")]
        boxes += [Box(f"h{k}", (rf"h^{{({k})}}_{{n,i}}", rf"= \max\left(0, a^{{({k})}}_{{n,i}}\right)"), "value")]
        arrows += [Arrow(h, f"a{k}"), Arrow(f"W{k}", f"a{k}"), Arrow(f"a{k}", f"h{k}", r"\max")]
        h = f"h{k}"
    boxes += [
        Box("t", ("t_n",), "label"),
        Box("l", (r"\ell", r"= -\frac{1}{N}\sum_n \log p_{n,t_n}"), "loss"),
    ]
    arrows += [Arrow(h, "l"), Arrow("t", "l")]
    up = "l"
    for k in range(depth, 0, -1):
        bar = r"\overline{a}^{(" + str(k) + r")}_{n,i}"
        boxes += [Box(f"A{k}", (bar, r"= \mathbb{1}\left[a_{n,i} > 0\right]\,\overline{h}_{n,i}"), "adjoint")]
        boxes += [Box(f"G{k}", (rf"\overline{{W}}^{{({k})}}_{{i,j}}",), "gradient")]
        arrows += [Arrow(up, f"A{k}", kind="backward"), Arrow(f"A{k}", f"G{k}", r"\sum_n", "backward")]
        arrows += [Arrow(f"a{k}", f"A{k}", kind="use")]
        up = f"A{k}"
    return Scene("a network", tuple(boxes), tuple(arrows), direction)


NASTY = (
    "node", "graph", 'a"b', "<b>&amp;</b>", "x\ny", "\\N\\l", "ключ", "日本", "", "n0", "\x00\x07", "\ud800",
    "a:b", "k" * 5000, "]]>", "--><script>alert(1)</script>", "{", "}", "$x$", "\\", "%", "#",
    "\\def\\x{\\x}\\x",
)  # fmt: skip


def hostile() -> Scene:
    """Every nasty string as key, line, tooltip, label and title."""
    boxes = tuple(Box(k, (k, rf"x_{{{i}}}"), list(BOX_KINDS)[i % 7], k) for i, k in enumerate(NASTY))
    arrows = tuple(Arrow(a, b, a, list(ARROW_KINDS)[len(a) % 3]) for a, b in zip(NASTY, NASTY[1:], strict=False))
    return Scene("".join(NASTY), boxes, arrows)


SCENES = {
    "network": network(),
    "sideways": network(2, "LR"),
    "hostile": hostile(),
    "loop": Scene("loop", (Box("s", ("s_t",), "value"),), (Arrow("s", "s", "f"), Arrow("s", "s"))),
    "twice": Scene("y*y", (Box("y", ("y",), "input"), Box("z", ("z", "= y y"), "value")), (Arrow("y", "z"),) * 2),
    "empty": Scene("nothing", (), ()),
    "blank": Scene("", (Box("b", (), "value"), Box("c", ("", " "), "value")), (Arrow("b", "c", " "),)),
}


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> Scene:
    return SCENES[request.param]


def groups(scene: Scene, kind: str) -> Iterator[ElementTree.Element]:
    root = ElementTree.fromstring(svg(scene))
    return (g for g in root.iter(f"{NS}g") if g.get("class", "").split()[0] == kind)


def extent(path: ElementTree.Element) -> Rectangle:
    """Left, top, right, bottom of a path's points, moved to where it stands."""
    dx, dy = (float(v) for v in re.findall(r"-?[\d.]+", path.get("transform", "0 0")))
    at = [float(v) for v in re.findall(r"-?[\d.]+", path.get("d", ""))]
    return min(at[::2]) + dx, min(at[1::2]) + dy, max(at[::2]) + dx, max(at[1::2]) + dy


def frames(scene: Scene) -> list[Rectangle]:
    return [extent(next(g.iter(f"{NS}path"))) for g in groups(scene, "box")]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


# ---------------------------------------------------------------- what a picture shows


def test_same_scene_same_bytes(scene: Scene, tmp_path: Path) -> None:
    for suffix in (".svg", ".png", ".pdf", ".dot"):
        first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        save(scene, first)
        types.formula.cache_clear()
        save(scene, second)
        assert first.read_bytes() == second.read_bytes()


def test_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from symnn.show.picture import *; from symnn.show.scene import *\n"
        "boxes = Box('a', ('a_i',), 'input'), Box('b', ('b', '= a_i^2'), 'loss')\n"
        "s = Scene('t', boxes, (Arrow('a', 'b'),))\n"
        "print(hashlib.sha256(svg(s).encode()).hexdigest())"
    )
    seen = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(seen) == 1


def test_well_formed_and_self_contained(scene: Scene) -> None:
    text = svg(scene)
    root = ElementTree.fromstring(text)
    _, _, width, height = (float(v) for v in root.get("viewBox", "").split())
    assert (root.get("width"), root.get("height")) == (f"{width:g}", f"{height:g}")
    assert {e.tag for e in root.iter()} <= {NS + tag for tag in ("svg", "g", "path", "title")}
    names = {name for e in root.iter() for name in e.attrib}
    assert not names & {"id", "style", "href", "font-family"}
    for path in root.iter(f"{NS}path"):
        left, top, right, bottom = extent(path)
        assert -1 <= left and -1 <= top and right <= width + 1 and bottom <= height + 1


def test_every_formula_is_there() -> None:
    scene = network()
    drawn = list(groups(scene, "box"))
    assert [g.get("aria-label") for g in drawn] == ["\n".join(box.lines) for box in scene.boxes]
    for box, group in zip(scene.boxes, drawn, strict=True):
        text = [p for p in group.iter(f"{NS}path") if p.get("fill") == "#16202b"]
        assert len(text) == len(box.lines)
        frame = extent(next(group.iter(f"{NS}path")))
        assert all(overlap((*extent(p)[:2], *extent(p)[2:]), frame) for p in text)
        for path in text:
            left, top, right, bottom = extent(path)
            assert frame[0] < left and frame[1] < top and right < frame[2] and bottom < frame[3]
    labels = [a.label for a in scene.arrows if a.label]
    assert [g.get("aria-label") for g in groups(scene, "arrow-label")] == labels
    assert len(list(groups(scene, "arrow"))) == len(scene.arrows)


def test_boxes_and_labels_do_not_overlap(scene: Scene) -> None:
    texts = [extent(p) for g in groups(scene, "arrow-label") for p in g.iter(f"{NS}path")]
    for a, b in combinations(frames(scene) + texts, 2):
        assert not overlap(a, b)


def test_the_check_for_overlap_sees_one() -> None:
    assert overlap((0, 0, 2, 2), (1, 1, 3, 3)) and not overlap((0, 0, 2, 2), (2, 0, 3, 2))
    assert Place(0, 0, 2, 2).overlaps(Place(1, 1, 2, 2)) and not Place(0, 0, 2, 2).overlaps(Place(2, 0, 2, 2))


@pytest.mark.parametrize("name", ["network", "sideways", "hostile", "twice", "loop"])
def test_arrows_start_and_end_at_their_boxes(name: str) -> None:
    scene = SCENES[name]
    place = dict(zip((b.key for b in scene.boxes), frames(scene), strict=True))

    def distance(point: tuple[float, float], box: Rectangle) -> float:
        """From a point to the border of a box."""
        outside = max(box[0] - point[0], point[0] - box[2], box[1] - point[1], point[1] - box[3])
        return abs(outside)

    for arrow, group in zip(scene.arrows, groups(scene, "arrow"), strict=True):
        shaft, *_, head = group.iter(f"{NS}path")
        for path, box in ((shaft, arrow.tail), (head, arrow.head)):
            dx, dy = (float(v) for v in re.findall(r"-?[\d.]+", path.get("transform", "0 0")))
            x, y = (float(v) for v in re.findall(r"-?[\d.]+", path.get("d", ""))[:2])
            assert distance((x + dx, y + dy), place[box]) < 1.5


def test_labels_keep_clear_of_their_arrows() -> None:
    scene = network()
    arrows = [g for a, g in zip(scene.arrows, groups(scene, "arrow"), strict=True) if a.label]
    for label, group in zip(groups(scene, "arrow-label"), arrows, strict=True):
        text = extent(next(label.iter(f"{NS}path")))
        for path in group.iter(f"{NS}path"):
            assert not overlap(text, extent(path))


def test_kinds_differ_without_colour() -> None:
    scene = network(1)
    dashes = {
        a.kind: next(g.iter(f"{NS}path")).get("stroke-dasharray")
        for a, g in zip(scene.arrows, groups(scene, "arrow"), strict=True)
    }
    assert len(set(dashes.values())) == len(dashes) == 3 and dashes["forward"] is None
    bars = {
        b.kind: len(list(g.iter(f"{NS}path"))) - len(b.lines)
        for b, g in zip(scene.boxes, groups(scene, "box"), strict=True)
    }
    assert bars["parameter"] == bars["gradient"] == 3 and bars["value"] == bars["adjoint"] == 2


def test_legend_names_the_kinds_in_sight_or_is_left_out() -> None:
    box = Box("x", ("x",), "input")
    assert len(list(groups(Scene("t", (box,), ()), "legend"))) == 1
    assert not list(groups(Scene("t", (box,), (), legend=False), "legend"))


def test_titles_and_tooltips() -> None:
    scene = Scene('a < b & "c"', (Box("k", ("x",), "input", "the data"), Box("key", ("y",), "value")), ())
    root = ElementTree.fromstring(svg(scene))
    assert root.findtext(f"{NS}title") == scene.title
    assert [g.findtext(f"{NS}title") for g in groups(scene, "box")] == ["the data", "key"]


# ---------------------------------------------------------------- formulas


@pytest.mark.parametrize(
    "latex",
    [
        r"a^{(1)}_{n,i}",
        r"\frac{1}{N}\sum_{n} \log p_{n,t_n}",
        r"\mathbb{1}_{c=t}",
        r"\boldsymbol x",
        r"\sqrt{\sigma^2+\epsilon}",
        r"x \in \mathbb{R}^{N \times D}",
        r"\begin{cases} 1 & a > 0 \\ 0 & a \le 0 \end{cases}",
        r"\text{rows (-) of } W",
    ],
)
def test_formulas_are_typeset(latex: str) -> None:
    outline = formula(latex, 14.0)
    assert not outline.trouble and outline.segments and 0 < outline.width < 200 and 5 < outline.height < 80
    assert types.bounds(outline.segments)[0] == pytest.approx(0.0)


@pytest.mark.parametrize(
    "latex", [r"\frac{1}{", r"}{", "x}", r"\nosuch{x}", "日", "x & y", "a\x00b", "k" * 5000, r"\tag{1} x"]
)
def test_what_cannot_be_typeset_is_shown_as_typed(latex: str) -> None:
    outline = formula(latex, 14.0, 360.0)
    assert outline.trouble and outline.segments and outline.width < 700


def test_a_picture_says_which_line_it_shows_as_typed() -> None:
    text = svg(Scene("t", (Box("k", ("x", r"= \nosuch{x}"), "value"),), ()))
    assert "1 line shown as typed" in text and "the command \\nosuch is unknown" in text
    assert "as typed" not in svg(network())


def test_brackets_around_a_sum_are_of_its_height() -> None:
    assert formula(r"\left(\frac{1}{D}\sum_{k} g_{k}\right)", 14.0).height < 40.0


def test_the_indicator_is_not_a_plain_one() -> None:
    assert formula(r"\mathbb{1}", 14.0).segments != formula("1", 14.0).segments


def test_a_sign_is_closer_than_a_difference() -> None:
    assert formula("= -x", 14.0).width < formula("y - x", 14.0).width


def test_wide_formulas_break_into_rows() -> None:
    latex = "= " + " + ".join(rf"\frac{{x_{{{i}}}}}{{N}}" for i in range(40))
    whole, broken = formula(latex, 14.0), formula(latex, 14.0, 360.0)
    assert whole.width > 800 and broken.width < 400 and not broken.trouble
    assert len(broken.segments) == len(whole.segments)


def test_words_are_as_wide_as_their_letters() -> None:
    assert words("forward pass", 12.0).width == pytest.approx(2 * words("forward pass", 6.0).width)


# ---------------------------------------------------------------- files


def test_files_have_the_size_of_the_picture(tmp_path: Path) -> None:
    scene = network(2)
    root = ElementTree.fromstring(svg(scene))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    save(scene, tmp_path / "p.png")
    data = (tmp_path / "p.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 10_000
    assert struct.unpack(">II", data[16:24]) == (2 * width, 2 * height)
    save(scene, str(tmp_path / "q.PNG"), scale=1.0)
    assert struct.unpack(">II", (tmp_path / "q.PNG").read_bytes()[16:24]) == (width, height)
    save(scene, tmp_path / "p.pdf")
    data = (tmp_path / "p.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ ([\d. ]+) \]", data)
    assert data[:5] == b"%PDF-" and len(data) > 10_000 and box
    assert [float(v) for v in box[1].split()] == pytest.approx([0, 0, 0.75 * width, 0.75 * height], abs=0.01)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.pdf", "p.png", "q.PNG"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "p.svg"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("symnn.show.picture.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save(network(1), target)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"\.svg, \.pdf, \.png, \.dot"):
        save(network(1), tmp_path / "p.jpeg")


def test_dot_source_is_dot_and_shows_names_as_they_are(scene: Scene) -> None:
    graph = pygraphviz.AGraph(string=dot_source(scene))
    assert len(graph.nodes()) == len(scene.boxes) and len(graph.edges()) == len(scene.arrows)
    assert set(graph.nodes()) == {f"n{i}" for i in range(len(scene.boxes))}


# ---------------------------------------------------------------- layout


def program(folder: Path, body: str) -> None:
    """Put a program named dot into a folder."""
    path = folder / "dot"
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)


WORKING = """import sys, pygraphviz
source = sys.stdin.read()
sys.stdout.buffer.write(pygraphviz.AGraph(string=source).draw(format='json0', prog='dot'))"""


def engine(scene: Scene) -> str:
    return arrange(scene, [(60.0, 30.0)] * len(scene.boxes), [None] * len(scene.arrows)).engine


def test_the_dot_program_is_used_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    scene = network(2)
    assert engine(scene) == "pygraphviz"
    without = svg(scene)
    program(tmp_path, WORKING)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(layouts, "pygraphviz", None)
    assert engine(scene) == "dot"
    assert svg(scene) == without


@pytest.mark.parametrize("body", ["raise SystemExit(1)", "print('not a layout')", "print('{}')"])
def test_a_dot_program_that_fails_is_passed_by(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, body)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine(network(1)) == "pygraphviz"


def test_without_either_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(layouts, "pygraphviz", None)
    with pytest.raises(LayoutError, match="Install pygraphviz"):
        svg(network(1))


def test_the_backward_pass_stands_beside_the_forward_pass() -> None:
    scene = network(3)
    place = dict(zip((b.key for b in scene.boxes), frames(scene), strict=True))
    for k in (1, 2):
        assert place[f"A{k}"][1] < place[f"A{k + 1}"][1] and place[f"a{k}"][1] < place[f"a{k + 1}"][1]
    for k in (1, 2, 3):
        value, adjoint = place[f"a{k}"], place[f"A{k}"]
        assert value[1] + value[3] == pytest.approx(adjoint[1] + adjoint[3], abs=1.0)


def test_forty_boxes_take_less_than_three_seconds() -> None:
    scene = network(8)
    assert len(scene.boxes) >= 40
    types.formula.cache_clear()
    start = time.perf_counter()
    svg(scene)
    assert time.perf_counter() - start < 3.0


# ---------------------------------------------------------------- scenes


def test_scenes_that_make_no_sense_are_refused() -> None:
    box = Box("x", ("x",), "input")
    with pytest.raises(DefinitionError, match="'x'"):
        Scene("t", (box, box), ())
    with pytest.raises(UnknownNameError, match="no box named 'z'"):
        Scene("t", (box,), (Arrow("x", "z"),))
    with pytest.raises(UnknownNameError, match="Did you mean 'input'"):
        Box("x", ("x",), "inputs")
    with pytest.raises(UnknownNameError, match="Did you mean 'backward'"):
        Arrow("x", "x", kind="backwards")
    with pytest.raises(UnknownNameError, match="direction"):
        Scene("t", (box,), (), direction="up")
