"""The slider: what it shows without scripts, what it says with them, and how small it is."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from fairtut.errors import InputError
from fairtut.page import live, slider
from fairtut.page.live import sprite
from fairtut.page.markup import Bundle
from fairtut.page.slider import Track, curves, slide

STOPS = [-1.0, -0.5, 0.0, 0.5, 1.0]


def pictures(n: int = 5, size: int = 8) -> np.ndarray:
    """Return plain pictures, each in a colour of its own."""
    tones = np.linspace(0, 255, n).astype(np.uint8)
    return np.broadcast_to(tones[:, None, None, None], (n, 3, size, size)).copy()


def build(**changes: object) -> Bundle:
    arguments = {
        "stops": STOPS,
        "pictures": pictures(),
        "tracks": [Track("one", [0.1, 0.2, 0.5, 0.8, 0.9], (-0.5, 0.5)), Track("two", [0.3] * 5)],
        "says": [f"stop {i} </script> & \"so\"" for i in range(5)],
        "still": plt.figure(figsize=(2, 1)),
        "label": "make-up", "ylabel": "probability", "caption": "A *caption*.",
        "alt": "A drawn face.", "name": "demo",
    } | changes  # fmt: skip
    found = slide(
        arguments.pop("stops"), arguments.pop("pictures"), arguments.pop("tracks"),
        arguments.pop("says"), **arguments,
    )  # fmt: skip
    assert isinstance(found, Bundle)  # no kernel runs the tests
    return found


@pytest.fixture(scope="module")
def page() -> BeautifulSoup:
    return BeautifulSoup(build().data["text/html"], "html.parser")


def test_without_scripts_the_still_picture_is_all_there_is(page):
    live = page.select_one("#ft-demo-live")
    assert live.has_attr("hidden") and live.select_one("input") is not None
    still = page.select_one("img#ft-demo-still")
    assert still["alt"] == "A drawn face." and not still.has_attr("hidden")
    assert still not in live.descendants
    assert page.select_one("figcaption").text == "A caption."


def test_keyboard_and_screen_reader(page):
    label = page.select_one("label")
    bar = label.select_one("input[type=range]")
    assert label.text.strip() == "make-up"
    assert [bar[key] for key in ("min", "max", "value", "step")] == ["0", "4", "2", "1"]
    assert page.select_one("output")["aria-live"] == "polite"
    assert page.select_one("[role=img]")["aria-label"] == "A drawn face."
    assert page.select_one("svg")["aria-hidden"] == "true"


def test_it_needs_no_network_and_no_library(page):
    html = str(page)
    assert not re.findall(r"https?://|@import|src=\"(?!data:)|url\((?!data:)", html)
    assert len(page.select("script")) == 1 and not page.script.attrs
    assert "@{" not in html


def test_texts_cannot_end_the_script(page):
    says = re.search(r"says = (\[.*?\]), texts", page.script.string).group(1)
    assert json.loads(says)[3] == 'stop 3 </script> & "so"'
    assert "</" not in page.script.string


def test_ink_follows_the_theme_and_curves_stand_at_their_heights(page):
    svg = page.select_one("svg")
    assert svg["fill"] == "currentColor" and "#1f2733" not in str(svg)
    lines = svg.select("polyline")
    assert len(lines) == 2 and len(svg.select("circle")) == 2
    points = [tuple(map(float, p.split(","))) for p in lines[0]["points"].split()]
    x, y = np.array(points).T
    assert np.allclose(np.diff(x), x[1] - x[0]) and (np.diff(y) < 0).all()
    height = (y[0] - y[-1]) / (0.9 - 0.1)
    assert height == pytest.approx(live.HIGH)
    # the bar of the first track covers the middle half of the range; the second has none
    bars = [p for p in svg.select("path") if p.get("stroke-width") == "5"]
    assert len(bars) == 1
    left, right = re.match(r"M([\d.]+) [\d.]+H([\d.]+)", bars[0]["d"]).groups()
    assert (float(left), float(right)) == pytest.approx((x[1], x[3]))
    assert "no certificate" in page.text and "certified from -0.5 to 0.5" in page.text


def test_the_row_of_pictures_is_in_order():
    raw = Image.open(io.BytesIO(base64.b64decode(sprite(pictures(size=6))))).convert("L")
    assert raw.size == (30, 6)
    shown = np.asarray(raw)[3, 3::6]
    assert np.abs(shown.astype(int) - np.linspace(0, 255, 5)).max() < 8
    assert sprite(pictures()) == sprite(pictures() / 255)


def test_fifteen_faces_of_64_pixels_are_small_enough():
    from fairtut.data.synthetic import faces

    x = faces.sample(15, size=64).images.x
    stops = np.linspace(-1, 1, 15)
    found = build(stops=stops, pictures=x, tracks=[Track("one", [0.5] * 15)], says=["a"] * 15)
    assert sum(len(v) for v in found.data.values()) < slider.MOST_BYTES


def test_the_script_moves_face_dots_and_words(page, tmp_path):
    """Run the script itself on a page of stubs."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here: the browser's test moves the slider")
    stub = """
    const thing = () => ({style: {}, attrs: {}, hidden: true, value: "2",
      setAttribute(k, v) { this.attrs[k] = v; }, addEventListener(_, f) { this.go = f; }});
    const parts = {input: thing(), ".ft-face": thing(), output: thing()};
    const dots = [thing(), thing()];
    const live = {hidden: true, querySelector: s => parts[s], querySelectorAll: () => dots};
    const quiet = thing();
    const document = {getElementById: id => id.endsWith("live") ? live : quiet};
    """
    after = """
    parts.input.value = "4"; parts.input.go();
    console.log(JSON.stringify([live.hidden, quiet.style.display, parts.output.textContent,
      parts[".ft-face"].style.backgroundPosition, dots.map(d => d.attrs.cy)]));
    """
    script = tmp_path / "slider.js"
    script.write_text(stub + page.script.string + after)
    done = subprocess.run([node, str(script)], capture_output=True, text=True, check=True)
    hidden, display, words, place, heights = json.loads(done.stdout)
    assert (hidden, display, place) == (False, "none", "100% 0")
    assert words.startswith("stop 4")
    assert heights == pytest.approx([8 + 150 * 0.1, 8 + 150 * 0.7])


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"says": ["a"] * 4}, "5 stops"),
        ({"stops": [-1, 0, 0.1, 0.5, 1]}, "equally far apart"),
        ({"tracks": [Track("one", [0, 1, 2, 0, 0])]}, r"\[0, 1\]"),
        ({"tracks": [Track("one", [0, 1, np.nan, 0, 0])]}, r"\[0, 1\]"),
        ({"tracks": []}, "tracks"),
        ({"alt": " "}, "need words"),
        ({"name": "No good"}, "lower-case"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(wrong, words):
    before = plt.get_fignums()
    with pytest.raises(InputError, match=words):
        build(**wrong)
    assert plt.get_fignums() == before  # the still figure is closed in any case


def test_a_heavy_slider_is_refused(monkeypatch):
    monkeypatch.setattr(slider, "MOST_BYTES", 2000)
    with pytest.raises(InputError, match="at most 2000"):
        build()


LEVELS = [0.0, 0.1, 1.0]


def walk(**changes: object) -> Bundle:
    arguments = {
        "heights": {"one": [2.0, 4.0, 6.0], "two <b>": [6.0, 2.0, 2.0]}, "says": ["a", "b", "c"],
        "label": "weight", "ylabel": "gap", "ylim": (2.0, 6.0),
        "caption": "C.", "alt": "A.", "name": "walk",
    } | changes  # fmt: skip
    found = curves(arguments.pop("stops", LEVELS), arguments.pop("heights"), **arguments)
    assert isinstance(found, Bundle)
    return found


def test_curves_stand_at_their_values_without_pictures():
    page = BeautifulSoup(walk().data["text/html"], "html.parser")
    assert page.select_one(".ft-face") is None and "certifi" not in page.text
    points = [tuple(map(float, p.split(","))) for p in page.polyline["points"].split()]
    x, y = np.array(points).T
    assert x == pytest.approx([live.LEFT + live.WIDE * v for v in LEVELS])
    assert y == pytest.approx([live.TOP + live.HIGH * v for v in (1, 0.5, 0)])
    shares = json.loads(re.search(r"shares = (\[.*?\]), heights", page.script.string)[1])
    heights = json.loads(re.search(r"heights = (\[\[.*?\]\]);", page.script.string)[1])
    assert (shares, heights) == ([0, 0.1, 1], [[0, 0.5, 1], [1, 0, 0]])
    assert [text.text for text in page.svg.select("text")] == [
        "2", "4", "6", "0", "0.5", "1", "gap",
    ]  # fmt: skip
    assert "two <b>" in page.select_one("p").text and len(page.select(".ft-key")) == 2


def test_curves_may_stand_equally_far_apart():
    page = BeautifulSoup(walk(even=True).data["text/html"], "html.parser")
    x = [float(p.split(",")[0]) for p in page.polyline["points"].split()]
    assert np.diff(x) == pytest.approx([live.WIDE / 2] * 2)
    assert [text.text for text in page.svg.select("text")][3:6] == ["0", "0.1", "1"]


@pytest.mark.parametrize("even", [False, True])
def test_curves_draw_their_own_still_picture(even, monkeypatch):
    figures, open_before = [], plt.get_fignums()
    monkeypatch.setattr(slider, "png", lambda figure: figures.append(figure) or b"")
    walk(even=even, border=3.0)
    ax = figures[0].axes[0]
    *drawn, border = ax.lines
    places = [0, 1, 2] if even else LEVELS
    assert [list(line.get_xdata()) for line in drawn] == [places] * 2
    assert [list(line.get_ydata()) for line in drawn] == [[2, 4, 6], [6, 2, 2]]
    assert [line.get_label() for line in drawn] == ["one", "two <b>"]
    assert set(border.get_ydata()) == {3.0} and border.get_linestyle() == "--"
    assert (ax.get_ylim(), ax.get_xlabel(), ax.get_ylabel()) == ((2.0, 6.0), "weight", "gap")
    if even:
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "0.1", "1"]
    assert plt.get_fignums() == open_before


def test_curves_are_the_same_to_the_byte():
    assert walk().data == walk().data


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"stops": [0.0, 1.0, 0.5]}, "increasing"),
        ({"says": ["a", "b"]}, "3 stops"),
        ({"heights": {"one": [2.0, 4.0, 6.1]}}, r"\[2, 6\]"),
        ({"heights": {}}, "tracks"),
        ({"caption": ""}, "need words"),
    ],
)  # fmt: skip
def test_wrong_curves_are_named(wrong, words):
    before = plt.get_fignums()
    with pytest.raises(InputError, match=words):
        walk(**wrong)
    assert plt.get_fignums() == before
