"""Drawn mechanisms: nothing covers anything, letters stay legible, roles differ twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fairtut.errors import InputError, UnknownName
from fairtut.page import figures, sketch
from fairtut.page.mechanism import LEAST, NARROW, ROLES, Diagram
from fairtut.page.sketch import Curve, Rect
from fairtut.page.style import use_style

PAGES = {"#ffffff": figures.INK, "#121212": "#dde3ea"}  # page: ink, as in the book's style sheet


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def players(**options: float) -> Diagram:
    d = Diagram(**{"width": 6.4, "height": 3.4} | options)
    d.box("x", (0.9, 2.0), "batch", role="data")
    d.box("f", (3.0, 2.0), "classifier", role="model")
    d.box("g", (5.2, 2.6), "group?", role="adversary")
    d.arrow("x", "f", "x")
    d.arrow("f", "g", "forth", bend=0.2)
    d.arrow("g", "f", "back", bend=0.2, dashed=True)
    d.note((3.0, 0.7), "a note")
    d.group(["g"], "against f")
    return d


def texts(d: Diagram) -> dict[str, Rect]:
    """Return where each text stands."""
    ax = d.figure().axes[0]
    where = ax.transData.inverted()
    found = {}
    for text in ax.texts:
        (x0, y0), (x1, y1) = where.transform(text.get_window_extent())
        found[text.get_text()] = Rect(x0, y0, x1, y1)
    return found


def test_no_two_texts_meet_and_labels_keep_off_the_boxes() -> None:
    found = texts(players())
    assert set(found) == {"batch", "classifier", "group?", "x", "forth", "back", "a note",
                          "against f"}  # fmt: skip
    names = list(found)
    assert not any(found[a].meets(found[b]) for i, a in enumerate(names) for b in names[i + 1 :])
    for label in ("x", "forth", "back"):
        assert not any(found[label].meets(found[b].grown(0.05)) for b in ("batch", "classifier"))


def test_a_label_gives_way_to_what_is_there_already() -> None:
    first = texts(players())["x"].centre
    d = players()
    d.note(first, "busy")
    found = texts(d)
    assert found["x"].centre != first and not found["x"].meets(found["busy"])


@pytest.mark.parametrize("width", [3.0, 5.2, 8.0, 9.0])
def test_letters_are_legible_on_a_phone(width: float) -> None:
    points = Diagram(width=width, height=2).points
    full = points * 4 / 3
    assert full >= 9
    assert full * min(1.0, NARROW / (96 * width)) >= LEAST - 0.01


def test_roles_differ_in_colour_and_in_shape_and_are_named_below() -> None:
    assert set(ROLES) == {"data", "model", "adversary", "loss", "frozen", "output"}
    assert len({role.color for role in ROLES.values()}) == 6
    assert len({role.shape for role in ROLES.values()}) == 6
    box = Rect(0, 0, 2, 1)
    drawn = {(r.outline(box).get_path().vertices.tobytes(), r.double) for r in ROLES.values()}
    assert len(drawn) == 6
    shown = figures.show(players().figure(), name="players", caption="Who plays.", alt="A.")
    assert "Rectangle: data; round corners: a model that is trained; six corners" in str(shown)
    assert "loss" not in str(shown)


def luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("page", "ink"), PAGES.items())
@pytest.mark.parametrize("role", ROLES)
def test_text_and_rim_are_legible_in_both_modes(role: str, page: str, ink: str) -> None:
    color, ground = np.array(to_rgb(ROLES[role].color)), np.array(to_rgb(page))
    filled = tuple(sketch.FILL * color + (1 - sketch.FILL) * ground)
    assert contrast(to_rgb(ink), filled) >= 4.5
    assert contrast(tuple(color), tuple(ground)) >= 3


def test_the_same_drawing_twice_is_the_same_to_the_byte() -> None:
    before = dict(plt.rcParams)
    one, two = (
        figures.show(players().figure(), name="players", caption="C.", alt="A.") for _ in range(2)
    )
    assert one is not None and two is not None and one.data == two.data
    assert dict(plt.rcParams) == before  # it leaves no style behind
    assert not re.search(figures.INK, one.data["text/html"])


@pytest.mark.filterwarnings("error")
def test_a_chapters_style_does_not_move_a_drawing() -> None:
    """Saved as picture and as SVG, under a style that lays axes out anew at each saving."""
    plain = figures.show(players().figure(), name="players", caption="C.", alt="A.")
    with plt.rc_context():
        use_style()
        styled = figures.show(players().figure(), name="players", caption="C.", alt="A.")
    assert plain is not None and styled is not None and plain.data == styled.data


def test_arrows_start_and_end_at_the_rims() -> None:
    one, other = Rect(0, 0, 1, 1), Rect(3, 0, 4, 1)
    for bend in (0.0, 0.3, -0.3):
        path = Curve.between(one, other, bend).points
        assert not one.contains(path).any() and not other.contains(path).any()
        assert abs(path[0, 0] - 1) < 0.1 and abs(path[-1, 0] - 3) < 0.12
        assert np.sign(np.round(path[50, 1] - 0.5, 6)) == np.sign(bend)


def test_a_part_of_a_curve_lies_on_it() -> None:
    whole = Curve(np.array([[0, 0], [1, 2], [3, 0]], dtype=float))
    part = whole.cut(0.2, 0.7)
    assert np.allclose(part.at(0.5), whole.at(0.45))
    assert np.allclose([part.at(0), part.at(1)], [whole.at(0.2), whole.at(0.7)])


def test_names_that_are_not_there_are_named() -> None:
    d = players()
    with pytest.raises(UnknownName, match="enemy"):
        d.box("y", (1, 1), "y", role="enemy")
    with pytest.raises(UnknownName, match="'y'"):
        d.arrow("x", "y")
    with pytest.raises(UnknownName, match="'z'"):
        d.group(["x", "z"], "t")
    with pytest.raises(InputError, match="already"):
        d.box("x", (1, 1), "again", role="data")


def test_what_does_not_fit_is_refused() -> None:
    d = players()
    d.box("y", (1.0, 2.1), "on top", role="data")
    with pytest.raises(InputError, match="box 'y' covers box 'x'"):
        d.figure()
    d = players()
    d.box("y", (0.1, 0.5), "outside", role="data")
    with pytest.raises(InputError, match="leaves the drawing"):
        d.figure()
    d = players()
    d.arrow("x", "g", bend=-0.12)
    with pytest.raises(InputError, match="crosses box 'f'"):
        d.figure()
    d = players()
    d.note((3.0, 2.0), "here")
    with pytest.raises(InputError, match="covers box 'f'"):
        d.figure()
    d = players()
    d.arrow("f", "x", "a label that is far too long for the little room that there is between")
    with pytest.raises(InputError, match="no room for the label"):
        d.figure()
    d = players()
    d.group(["x", "g"], "both")
    with pytest.raises(InputError, match="crosses box 'f'"):
        d.figure()
    with pytest.raises(InputError, match="9"):
        Diagram(width=12)
