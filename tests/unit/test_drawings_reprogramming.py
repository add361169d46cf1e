"""The drawings of the image triggers' chapter: what must be in them, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from fairtut.chapters.reprogramming_vision import drawings
from fairtut.errors import InputError
from fairtut.metrics import Estimate
from fairtut.page import plots

POINTS = {
    c: {m: [(0.9 - 0.01 * i, 0.2 - 0.02 * i)] for i, m in enumerate(drawings.PAPERS)}
    for c in ("dp", "eo")
}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def about(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, value - half, value + half, n=100, level=0.95, method="bootstrap")


def labels(fig: Figure) -> list[str]:
    return [text.get_text() for legend in fig.legends for text in legend.get_texts()]


def test_the_claim_shows_what_the_paper_leaves_out() -> None:
    fig = drawings.claim(POINTS, 0.8)
    for ax, criterion in zip(fig.axes, ("dp", "eo"), strict=True):
        lines = {line.get_label(): line for line in ax.lines}
        assert {drawings.METHODS[m] for m in drawings.PAPERS} <= set(lines)
        coin = lines["mixing line (ours)"].get_xydata()
        accuracy, bias = POINTS[criterion]["base"][0]
        np.testing.assert_allclose(coin, [[bias, accuracy], [0, 0.8]])
        np.testing.assert_allclose(lines["constant classifier (ours)"].get_xydata(), [[0, 0.8]])
        assert ax.xaxis_inverted()  # to the right is fairer, as in every plane


def test_points_are_ready_for_the_plane() -> None:
    found = {("border", 3.0): (about(0.9), about(0.1)), ("base", 0.0): (about(0.95), about(0.2))}
    frame = drawings.points(found)
    assert list(frame["method"]) == ["border", "base"] and list(frame["setting"]) == [3.0, 0.0]
    assert frame["bias_low"].tolist() == pytest.approx([0.08, 0.18])
    fig = plots.plot_tradeoff(
        frame, metric="demographic_parity_gap", fairness="bias", draw=None,
        constant=None, mixing=None, threshold=None, labels=drawings.METHODS,
    )  # fmt: skip
    assert labels(fig)[:2] == ["border", "BASE, as deployed"]


def test_the_step_draws_its_arrows_and_the_line_of_no_change() -> None:
    g_y, g_z = [1.0, 0.5], [0.6, -0.8]
    fig = drawings.step(g_y, g_z, {"a": {"$G$": [0.0, 1.0]}, "b": {"$G$": [2.0, 0.0]}})
    for ax, end in zip(fig.axes, ([0.0, 1.0], [2.0, 0.0]), strict=True):
        arrows = [(q.U[0], q.V[0]) for q in ax.collections]
        np.testing.assert_allclose(arrows, [g_y, g_z, end])
        line = np.asarray(ax.lines[0].get_xydata())
        assert (line[1] - line[0]) @ np.array(g_z) == pytest.approx(0)
        assert ax.get_xlim()[1] > 2  # nothing is cut off


def test_the_theorem_has_log_odds_and_its_controls() -> None:
    p = np.array([0.01, 0.5, 0.99])
    fig = drawings.theorem(
        p, {"I": [0.0, 0.1, 0.0]}, [(0.1, 0.7), (0.0, 0.5)], [(0.0, 0.8)], (0.05, 0.9)
    )
    curve = fig.axes[0].lines[0]
    np.testing.assert_allclose(curve.get_xdata(), np.log(p / (1 - p)))
    shown = {line.get_label() for line in fig.axes[1].lines}
    assert shown == {"moved thresholds", "trigger words", "as deployed"}


def test_curves_keep_looks_and_bars_and_put_references_last() -> None:
    panels = {
        "one": {"patch": {"a": about(0.1), "b": about(0.2)}, "border": {"a": about(0.3)}},
        "two": {"border": {"c": about(0.4)}},
    }
    fig = drawings.curves(panels, xlabels={"one": "share"}, ylabel="EO",
                          references={"BASE": about(0.25)})  # fmt: skip
    assert labels(fig) == ["patch", "border", "BASE"]
    drawn = [{k.get_label(): k.get_color() for k in ax.get_lines()} for ax in fig.axes]
    colours = [found["border"] for found in drawn]
    assert colours[0] == colours[1]  # border, in both
    assert [t.get_text() for t in fig.axes[0].get_xticklabels()] == ["a", "b"]
    with pytest.raises(InputError, match="nothing to draw"):
        drawings.curves({}, xlabels={}, ylabel="")


def test_differences_say_their_side_by_mark_and_colour() -> None:
    rows = {"better": about(-0.1), "worse": about(0.1), "open": about(0.0)}
    fig = drawings.differences({"EO": rows, "DP": {"open": about(0.0)}}, xlabels={})
    marks = {line.get_marker(): line.get_color() for line in fig.axes[0].lines[1:6:2]}
    assert set(marks) == {"<", ">", "o"} and len(set(marks.values())) == 3
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == list(rows)
    with pytest.raises(InputError, match="nothing to draw"):
        drawings.differences({"EO": {}}, xlabels={})


def pictures(fig: Figure) -> list[AxesImage]:
    return [image for ax in fig.axes for image in ax.images]


def test_negative_pixels_are_cut_off_only_to_be_shown() -> None:
    x = torch.full((2, 3, 4, 4), -0.5)
    fig = drawings.triggered({"trigger": x, "plain": torch.zeros(2, 3, 4, 4, dtype=torch.uint8)})
    assert len(pictures(fig)) == 4
    assert float(np.min([np.min(image.get_array()) for image in pictures(fig)])) == 0
    assert float(x.min()) == -0.5


def test_photographs_hold_every_point_and_the_coin() -> None:
    found = {
        c: {"base": [(about(0.95), about(0.2))], "border": [(about(0.9), about(0.1))]}
        for c in ("eo", "dp")
    }
    fig = drawings.photographs(found, 0.86, {c: {"border": (0.93, 0.12)} for c in found})
    for ax in fig.axes:
        lines = {line.get_label(): line for line in ax.lines}
        np.testing.assert_allclose(lines["mixing line"].get_xydata(), [[0.2, 0.95], [0, 0.86]])
        np.testing.assert_allclose(lines["border"].get_xydata(), [[0.1, 0.9]])
        assert any(line.get_marker() == "D" for line in ax.lines)  # the paper's point
        assert ax.xaxis_inverted()


def test_differences_go_on_below() -> None:
    panels = {name: {"a − b": about(-0.1)} for name in ("one", "two", "three")}
    fig = drawings.differences(panels, xlabels={}, columns=2)
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["one", "two", "three", ""]
    assert not fig.axes[3].axison


def test_strengths_name_their_stops() -> None:
    fig = drawings.strengths([0.0, 1.0, 16.0], {"EO": [0.3, 0.2, 0.1]}, "λ")
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()] == ["0", "1", "16"]
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [0.3, 0.2, 0.1])
    assert {*fig.axes[0].lines[1].get_ydata()} == {0.5}  # the dashed line of its caption
    assert fig.axes[0].lines[1].get_linestyle() == "--"
