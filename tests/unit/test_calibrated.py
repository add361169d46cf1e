"""The drawing of how often the judge is wrong."""

from __future__ import annotations

import pandas as pd
import pytest

from fairtut.errors import InputError
from fairtut.evidence import calibration
from fairtut.page.calibrated import LOOKS, drawn, largest
from fairtut.page.figures import show
from fairtut.page.markup import Bundle

ROWS = pd.DataFrame(
    [
        ("share", "small", 100, 1, "once", "same", "reproduced", 0.9),
        ("share", "small", 100, 2, "once", "same", "reproduced", 0.01),
        ("share", "large", 100, 3, "once", "bound", "reproduced", 0.03),
        ("share", "large", 100, 6, "once", "bound", "reproduced", 0.02),
        ("share", "large", 100, 6, "once", "same", "not reproduced", 0.04),
        ("gap", "large", 100, 12, "naive", "direction", "trend reproduced", 0.08),
    ],
    columns=["world", "spread", "people", "trainings", "looks", "kind", "word", "wrong"],
)


def test_the_worst_place_of_each_world_and_word():
    found = largest(ROWS).set_index(["world", "looks", "good"])
    assert len(found) == 3
    worst = found.loc[("share", "once", True)]  # one training is no word
    assert (worst["wrong"], worst["middle"], worst["trainings"]) == (0.03, 0.02, 3)
    assert found.loc[("share", "once", False), "wrong"] == 0.04
    assert found.loc[("gap", "naive", True), "middle"] == 0.08


def test_the_drawing_shows_it():
    fig = drawn(ROWS)
    (ax,) = fig.axes
    marks = {(line.get_marker(), round(float(line.get_xdata()[0]), 6), line.get_mfc() == "none")
             for line in ax.lines if len(line.get_xdata()) == 1}  # fmt: skip
    once, naive = LOOKS["once"][0], LOOKS["naive"][0]
    assert marks == {(once, 3.0, False), (once, 4.0, True), (naive, 8.0, False)}
    assert [text.get_text() for text in ax.get_yticklabels()] == ["share", "gap"]
    assert 5.0 in {float(line.get_xdata()[0]) for line in ax.lines}


def test_the_committed_table_becomes_a_figure_of_both_themes():
    bundle = show(drawn(calibration.table()), caption="Wrong words.", alt="A plot.", name="judge")
    assert isinstance(bundle, Bundle)
    html = bundle.data["text/html"]
    assert "currentColor" in html and len(html) < 150_000
    for world in calibration.WORLDS:
        assert world in html


def test_nothing_to_draw():
    with pytest.raises(InputError, match="nothing to draw"):
        drawn(ROWS[:1])
    with pytest.raises(InputError, match="wrong"):
        drawn(ROWS.drop(columns="wrong"))
