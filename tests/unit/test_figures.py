"""Figures on the page: one SVG that both themes can show, and a picture for everybody else."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from PIL import Image

from fairtut.errors import InputError
from fairtut.evidence.spelling import number
from fairtut.page import figures
from fairtut.page.figures import INK, POINT_CAP, note, show
from fairtut.page.markup import Bundle
from fairtut.page.plots import use_style

ROOT = Path(__file__).resolve().parents[2]


def draw(style: bool = True, clip: float = 1.0) -> Figure:
    with mpl.rc_context():
        if style:
            use_style()
        fig, ax = plt.subplots(figsize=(4, 3))
        ax.plot([0, 1, 2], [0.1, clip, 0.5], "o-", label="a $\\lambda$")
        ax.fill_between([0, 1, 2], [0, 0.5, 0.2], [0.3, 1.2, 0.7], alpha=0.2)
        ax.set(xlabel="accuracy & <tags>", title="Title")
        ax.legend(frameon=False)
    return fig


@functools.cache
def shown(fig: Figure | None = None, **changes: str) -> Bundle:
    """Show a figure; drawing takes a while, so equal calls share one."""
    words = {"caption": "A caption. And more.", "alt": "A line rises.", "name": "demo"}
    bundle = show(fig or draw(), **{**words, **changes})
    assert isinstance(bundle, Bundle)  # no kernel runs the tests
    return bundle


def svg_of(bundle: Bundle) -> ElementTree.Element:
    (text,) = re.findall(r"<svg.*</svg>", bundle.data["text/html"], re.DOTALL)
    return ElementTree.fromstring(text)


def tags(root: ElementTree.Element) -> set[str]:
    return {element.tag.rpartition("}")[2] for element in root.iter()}


@pytest.mark.parametrize("what", ["caption", "alt"])
@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_figure_without_words_is_refused(what: str, text: str) -> None:
    with pytest.raises(InputError, match=what):
        shown(**{what: text})


@pytest.mark.parametrize("name", ["Two Words", "", "1st", "a_b", 'x"y'])
def test_a_name_must_fit_into_an_id(name: str) -> None:
    with pytest.raises(InputError, match="hyphens"):
        shown(name=name)


def test_the_page_gets_a_figure_with_caption_and_alt_text() -> None:
    page = BeautifulSoup(
        shown(caption="**Bold** `code` $x < 1$ & <b>", alt='An "a" < b').data["text/html"],
        "html.parser",
    )
    figure = page.find("figure", class_="ft-figure")
    assert figure is not None
    assert figure["id"] == "fig-demo"
    assert figure.find("svg")["aria-label"] == 'An "a" < b'
    assert figure.find("svg")["role"] == "img"
    assert figure.find("img")["alt"] == 'An "a" < b'
    caption = figure.find("figcaption")
    assert caption.find("strong").text == "Bold"
    assert caption.find("code").text == "code"
    assert caption.find("b") is None
    assert "\\(x < 1\\)" in caption.text


def test_the_title_is_the_first_sentence_of_the_caption() -> None:
    title = svg_of(shown()).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == "A caption"


def test_the_figure_is_closed_even_when_drawing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    plt.close("all")
    shown(name="closed")
    assert plt.get_fignums() == []

    def fail(*_: object, **__: object) -> str:
        raise ValueError("no")

    monkeypatch.setattr(figures, "svg", fail)
    with pytest.raises(ValueError, match="no"):
        shown(name="failing")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("style", [True, False])
def test_ink_is_the_page_s_own_and_nothing_hides_the_page(style: bool) -> None:
    text = ElementTree.tostring(svg_of(shown(draw(style))), encoding="unicode")
    assert INK not in text.lower()
    assert "#000000" not in text
    assert text.count("currentColor") > 10
    assert "#ffffff" not in text


def test_text_is_text_and_inherits_the_ink() -> None:
    root = svg_of(shown())
    texts = [e for e in root.iter() if e.tag.endswith("}text")]
    assert "accuracy & <tags>" in {e.text for e in texts}
    assert root.get("fill") == "currentColor"
    for element in texts:
        assert element.get("fill", "currentColor") == "currentColor"


def test_the_drawing_shrinks_with_the_page() -> None:
    root = svg_of(shown())
    assert root.get("height") is None
    assert "max-width:100%" in root.get("style", "")
    assert float(root.get("width", "")) == pytest.approx(4 * 96, rel=0.2)
    assert root.get("viewBox") is not None


def smallest(root: ElementTree.Element, width: float) -> float:
    """Return the pixels of the smallest text where the page leaves `width`."""
    shown_at = max(width, float(re.search(r"min-width:(\d+)px", root.get("style", ""))[1]))  # type: ignore[index]
    texts = [e for e in root.iter() if e.tag.endswith("}text")]
    points = min(float(e.get("font-size", "nan").removesuffix("px")) for e in texts)
    return points * 4 / 3 * min(1.0, shown_at / float(root.get("width", "")))


@pytest.mark.parametrize(("inches", "moves"), [(3.0, False), (5.2, False), (9.0, True)])
def test_letters_stay_legible_however_narrow_the_page(inches: float, moves: bool) -> None:
    fig, ax = plt.subplots(figsize=(inches, 2))
    ax.text(0.5, 0.5, "small", fontsize=8)
    bundle = shown(fig)
    root = svg_of(bundle)
    assert smallest(root, 100) == pytest.approx(figures.LEAST, abs=0.05)
    assert smallest(root, 2000) == pytest.approx(8 * 4 / 3)
    opened = re.search(r'<div id="ft-demo-live" hidden="hidden"([^>]*)>', bundle.data["text/html"])
    assert opened is not None
    assert ('tabindex="0"' in opened[1] and "overflow-x:auto" in opened[1]) == moves


def test_an_index_is_no_smallest_text() -> None:
    fig, ax = plt.subplots(figsize=(4, 2))
    ax.set_title("$x_i$", fontsize=9)
    ax.tick_params(labelsize=10)
    root = svg_of(shown(fig))
    wanted = float(root.get("width", "")) * figures.LEAST / (9 * 4 / 3)
    found = re.search(r"min-width:(\d+)px", root.get("style", ""))
    assert found is not None and float(found[1]) == pytest.approx(wanted, abs=1.5)


def test_every_id_belongs_to_the_figure_and_every_pointer_hits() -> None:
    first, second = svg_of(shown(name="one")), svg_of(shown(name="two"))
    for root, name in ((first, "one"), (second, "two")):
        ids = {e.get("id") for e in root.iter() if e.get("id")}
        text = ElementTree.tostring(root, encoding="unicode")
        pointers = set(re.findall(r'(?:href="|url\()#([\w.-]+)', text))
        assert pointers == ids
        assert ids
        assert all(i.startswith(f"{name}-") for i in ids if i)


def test_what_says_nothing_or_is_inherited_is_not_stored() -> None:
    root = svg_of(shown())
    space = "{http://www.w3.org/2000/svg}"
    assert not [group for group in root.iter(f"{space}g") if not group.attrib]

    def walk(element: ElementTree.Element, fill: str) -> None:
        for child in element if element.tag != f"{space}defs" else ():
            assert child.get("fill") != fill, ElementTree.tostring(child)
            walk(child, child.get("fill", fill))

    walk(root, "currentColor")
    fills = {e.get("fill") for e in root.iter()}
    assert {"none", "currentColor"} <= fills and len(fills) > 3  # what differs is kept


def test_no_style_reaches_beyond_the_figure() -> None:
    html = shown().data["text/html"]
    (style,) = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", style)
    assert selectors == ["#ft-demo-live", "#ft-demo-still"]
    assert "metadata" not in tags(svg_of(shown()))


def test_a_sanitiser_that_drops_svg_and_style_leaves_the_picture() -> None:
    page = BeautifulSoup(shown().data["text/html"], "html.parser")
    for element in page.find_all("style"):
        element.decompose()
    for element in page.find_all(["svg", "path", "g", "use", "defs", "text", "tspan", "title"]):
        element.unwrap()  # what a sanitiser does to tags that it does not know
    picture = page.find("img")
    assert picture["src"].startswith("data:image/png;base64,")
    for text in page.find_all(string=re.compile("accuracy")):
        assert text.find_parent(attrs={"hidden": True}) is not None


def test_the_picture_is_small_and_on_white() -> None:
    data = base64.b64decode(shown().data["image/png"])
    image = Image.open(io.BytesIO(data))
    assert len(data) < 20_000
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert "Software" not in image.info


def test_the_same_figure_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests/unit')\n"
        "import matplotlib; matplotlib.use('Agg')\n"
        "import hashlib, test_figures as t\n"
        "print(hashlib.sha256(repr(sorted(t.shown().data.items())).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = hashlib.sha256(repr(sorted(shown().data.items())).encode()).hexdigest()
    assert done.stdout.strip() == here


def test_a_small_change_changes_few_characters() -> None:
    a, b = (shown(draw(clip=c)).data["text/html"].split("<") for c in (1.0, 0.99))
    changed = [x for x, y in zip(a, b, strict=True) if x != y and not x.startswith("img")]
    assert 0 < len(changed) < 12


@pytest.mark.parametrize("kind", ["scatter", "line", "mesh"])
def test_many_points_become_a_picture_few_stay_vectors(kind: str) -> None:
    def plot(n: int) -> set[str]:
        fig, ax = plt.subplots()
        rng = np.random.default_rng(0)
        if kind == "scatter":
            ax.scatter(*rng.random((2, n)))
        elif kind == "line":
            ax.plot(*rng.random((2, n)), "o")
        else:
            ax.pcolormesh(rng.random((n // 10, 10)))
        return tags(svg_of(shown(fig)))

    assert "image" in plot(POINT_CAP + 40)
    assert "image" not in plot(POINT_CAP - 40)  # axes and ticks have marks of their own


def test_many_small_series_count_together_and_short_ones_stay_sharp() -> None:
    fig, ax = plt.subplots()
    for i in range(5):
        ax.scatter(np.arange(POINT_CAP // 4), np.full(POINT_CAP // 4, i))
    ax.plot([0, 1], [0, 1], "o", color="#bf3621")
    drawing = svg_of(shown(fig))
    assert "image" in tags(drawing)
    assert "#bf3621" in ElementTree.tostring(drawing, encoding="unicode")


def test_a_long_line_without_marks_stays_a_line() -> None:
    fig, ax = plt.subplots()
    ax.plot(np.arange(POINT_CAP * 2))
    assert "image" not in tags(svg_of(shown(fig)))


def test_notes_end_the_caption_once() -> None:
    fig = draw()
    note(fig, "Bars: intervals.")
    note(fig, "Bars: intervals.")
    note(fig, "Not drawn: the line.")
    page = BeautifulSoup(shown(fig).data["text/html"], "html.parser")
    wanted = "A caption. And more. Bars: intervals. Not drawn: the line."
    assert page.find("figcaption").text == wanted


def test_without_a_kernel_the_object_comes_back_with_its_bundle() -> None:
    bundle = shown()
    assert set(bundle._repr_mimebundle_()) == {"text/html", "image/png", "text/plain"}
    assert str(bundle) == repr(bundle) == "[figure demo: A caption. And more.]"


def test_in_a_kernel_it_is_displayed_exactly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython
    import IPython.display

    seen: list[object] = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", seen.append)
    assert show(draw(), caption="A.", alt="B.", name="demo") is None
    assert len(seen) == 1
    assert isinstance(seen[0], Bundle)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.81449, "0.814"),
        (0, "0"),
        (0.0, "0.000"),
        (-0.05, "-0.050"),
        (1800, "1,800"),
        (123.45, "123.5"),
        (2500.4, "2,500"),
        (2.3e-7, "2.3·10⁻⁷"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_written_one_way(x: float | None, text: str) -> None:
    assert number(x) == text


@pytest.mark.browser
def test_a_browser_shows_the_drawing_in_the_theme_s_ink_and_hides_the_picture(
    tmp_path: Path,
) -> None:
    from tools.common import find_browser

    found = find_browser()
    if found is None:
        pytest.skip("no chromium")
    from selenium import webdriver

    page = tmp_path / "page.html"
    html = shown().data["text/html"]
    page.write_text(
        "<!doctype html><meta charset=utf-8><style>[hidden]{display:none !important}"
        f"body{{background:#14181e;color:rgb(221, 227, 234)}}</style>{html}",
        encoding="utf-8",
    )
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(found[1]))
    try:
        driver.get(page.as_uri())
        drawing = driver.find_element("css selector", "figure svg")
        assert drawing.is_displayed()
        assert drawing.size["width"] > 200
        assert not driver.find_element("css selector", "figure img").is_displayed()
        ink = driver.execute_script(
            "return getComputedStyle(document.querySelector('figure svg text')).fill"
        )
        assert ink == "rgb(221, 227, 234)"
    finally:
        driver.quit()
