"""The drawings of the DVGE chapter show the numbers that they are given: read back from axes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from fairtut.chapters.dvge import drawings
from fairtut.evidence.claims import load_claims
from fairtut.metrics import Estimate
from fairtut.page.style import PALETTE


def estimate(value: float, half: float = 0.05) -> Estimate:
    return Estimate(value, value - half, value + half, n=3, level=0.95, method="t over seeds")


def labelled(ax: Axes) -> dict[str, np.ndarray]:
    return {str(line.get_label()): line.get_xydata() for line in ax.lines}


def heading(ax: Axes) -> str:
    return ax.get_title() or ax.get_title(loc="left")


def test_the_slides_tables_are_drawn_with_the_claims_numbers() -> None:
    published = {c.id: float(c.value) for c in load_claims("dvge") if c.id.startswith("table")}
    etas = [round(0.1 * i, 1) for i in range(1, 11)]
    fig = drawings.slides(published, etas)
    for ax, table in zip(fig.axes, ("table1", "table2"), strict=True):
        drawn = labelled(ax)
        for e, label in drawings.ENCODERS.items():
            row = [
                published[f"{table}.{e}.none"],
                *(published[f"{table}.{e}.eta{v}"] for v in etas),
            ]
            np.testing.assert_allclose(
                drawn[f"DVGE-{e.upper()}"], np.column_stack([[0, *etas], row])
            )
            gone = drawn[f"{label}: dimension removed"]
            assert set(gone[:, 1]) == {published[f"{table}.{e}.removed"]}
    said = [text.get_text() for text in fig.legends[0].get_texts()]
    assert len(said) == len(set(said)) == 4
    plt.close(fig)


def test_a_fall_shows_curves_bands_lines_and_the_slides_row_where_it_fits() -> None:
    etas = [0.0, 0.5, 1.0]
    curves = {
        ("loss_pred", e): [estimate(start - 0.1 * i, 0.01 * (i + 1)) for i in range(3)]
        for e, start in (("d", 0.8), ("n", 0.9))
    }
    side = drawings.Side(
        "faces", curves, etas, {"larger group": 0.58, "removed": 0.7},
        {"d": [0.75, 0.74, 0.73], "n": [0.7, 0.6]},
    )  # fmt: skip
    fig = drawings.falls([side], ["loss_pred"], "accuracy")
    (ax,) = fig.axes
    drawn = labelled(ax)
    for e, label in drawings.ENCODERS.items():
        found = curves["loss_pred", e]
        np.testing.assert_allclose(
            drawn[label], [(x, v.value) for x, v in zip(etas, found, strict=True)]
        )
    np.testing.assert_allclose(drawn["slides, D"][:, 1], [0.75, 0.74, 0.73])
    assert "slides, N" not in drawn, "a row of other strengths has no place here"
    assert set(drawn["larger group"][:, 1]) == {0.58} and set(drawn["removed"][:, 1]) == {0.7}
    bands = [band.get_paths()[0].vertices for band in ax.collections]
    for band, e in zip(bands, drawings.ENCODERS, strict=True):
        for x, v in zip(etas, curves["loss_pred", e], strict=True):
            heights = band[np.isclose(band[:, 0], x), 1]
            assert (heights.min(), heights.max()) == pytest.approx((v.low, v.high))
    assert heading(ax).split("\n") == ["faces", drawings.FOCI["loss_pred"]]
    names = {text.get_text() for text in fig.legends[0].get_texts()}
    assert names == {*drawings.ENCODERS.values(), "slides, D", "larger group", "removed"}
    plt.close(fig)


def test_rows_beside_each_other_have_their_own_numbers_and_a_title_each() -> None:
    panels = {
        title: {
            "drawn": {"ADT": estimate(base + 0.1), "FFVAE": estimate(base + 0.2)},
            "photographs": {"FFVAE": estimate(base + 0.3)},
        }
        for title, base in (("one", 0.0), ("two", 1.0), ("three", 2.0))
    }
    fig = drawings.beside(panels, "difference", zero=0.5)
    rows = {"ADT": 0, "FFVAE": -1}
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == list(rows)
    assert fig.axes[0].get_yticks().tolist() == list(rows.values())
    for ax, (title, one) in zip(fig.axes, panels.items(), strict=False):
        assert heading(ax) == title
        drawn = labelled(ax)
        for source, part in one.items():
            for (x, y), (name, e) in zip(drawn[source], part.items(), strict=True):
                assert x == pytest.approx(e.value) and abs(y - rows[name]) < 0.5
        assert [0.5, 0.5] in [list(line.get_xdata()) for line in ax.lines], "the line of no change"
    plt.close(fig)
    fig = drawings.beside({"one": panels["one"]}, "difference", zero=None)
    assert len(fig.axes[0].lines) == 4, "two series with their intervals, and nothing else"
    plt.close(fig)


def test_pictures_stand_in_their_rows_with_their_pixels() -> None:
    rows = {"plain": torch.rand(2, 3, 4, 4), "moved": torch.zeros(1, 3, 4, 4)}
    fig = drawings.pictures(rows)
    shown = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(shown) == 3
    np.testing.assert_allclose(shown[1], rows["plain"][1].permute(1, 2, 0))
    assert [t.get_text() for ax in fig.axes for t in ax.texts] == ["plain", "moved"]
    plt.close(fig)


@pytest.mark.parametrize("group", [0, 1])
def test_a_code_is_drawn_in_the_colour_of_its_group_where_it_has_moved_to(group: int) -> None:
    z = np.array([[0.0, 0.0], [4.0, 4.0]])
    moved = np.array([[2.0, 2.0], [4.0, 4.0]])
    line = np.array([[9.0, 9.0], [9.1, 9.1]])  # outside the frame
    picture = drawings.plane(z, np.array([group, group]), {1.0: moved}, line, 96)[0]

    def colour(x: float, y: float) -> str:
        column, row = (x + 0.4) / 4.8 * 96, (1 - (y + 0.4) / 4.8) * 96
        return to_hex(picture[:, int(row), int(column)] / 255)

    assert colour(2.0, 2.0) == colour(4.0, 4.0) == PALETTE[2 * group]
    assert colour(3.0, 1.0) == "#ffffff" and colour(1.0, 1.0) != "#ffffff", "a line shows the way"
    assert colour(0.0, 0.0) != PALETTE[2 * group], "nobody stands where it was"
