"""The plots: looks that everybody can tell apart, and what each figure must contain."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fairtut.errors import InputError, UnknownName
from fairtut.metrics import (
    Curve,
    Estimate,
    Point,
    constant_classifier,
    mixing_line,
    moved_threshold,
    over_seeds,
    point,
)
from fairtut.page import figures, plots
from fairtut.page.figures import INK

DARK = "#14181e"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    with plt.rc_context():
        yield
    plt.close("all")


# --- colours --------------------------------------------------------------------------------


def linear(colour: str) -> NDArray[np.float64]:
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(linear(c) @ weights) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB
SIGHT = {
    "typical": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(colour: str, sight: str) -> NDArray[np.float64]:
    """CIE L*a*b* of a colour as somebody with that sight sees it."""
    rgb = np.clip(SIGHT[sight] @ linear(colour), 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    ratio = to_xyz @ rgb / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_ruler_knows_black_from_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert np.linalg.norm(lab("#ffffff", "typical") - lab("#000000", "typical")) == pytest.approx(
        100, abs=0.5
    )
    # the pair that red-green blindness confuses is far apart for others
    pair = ("#bf3621", "#6f6f00")
    seen = {s: np.linalg.norm(lab(pair[0], s) - lab(pair[1], s)) for s in SIGHT}
    assert seen["protanopia"] < seen["typical"] / 2


@pytest.mark.parametrize("colour", [*plots.PALETTE, plots.GREY])
@pytest.mark.parametrize("page", ["#ffffff", DARK])
def test_every_colour_stands_out_on_both_pages(colour: str, page: str) -> None:
    assert contrast(colour, page) >= 3


def test_ink_stands_out_in_the_picture_on_white() -> None:
    assert contrast(INK, "#ffffff") >= 7


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart_whatever_the_sight(sight: str) -> None:
    for a, b in itertools.combinations(plots.PALETTE, 2):
        assert np.linalg.norm(lab(a, sight) - lab(b, sight)) >= 15, (a, b)


def test_looks_differ_in_marker_and_line_too() -> None:
    looks = [plots.look(i) for i in range(36)]
    assert len({(k.color, k.marker) for k in looks}) == 36
    assert len({(k.color, str(k.linestyle)) for k in looks}) == 36
    for attribute in ("color", "marker", "linestyle"):
        assert len({str(getattr(k, attribute)) for k in looks[:6]}) == 6


# --- the plane ------------------------------------------------------------------------------


def frame(metric: str = "di", draws: int = 4) -> pd.DataFrame:
    rows = [
        {
            "method": method,
            "setting": setting,
            "draw": draw,
            "init": init,
            "accuracy": 0.9 - 0.02 * setting + 0.01 * draw + 0.1 * init - 0.05,
            metric: 0.5 + 0.1 * setting + 0.01 * draw,
        }
        for method in ("ours", "theirs")
        for setting in (2, 0, 1)
        for draw in range(draws)
        for init in range(2)
    ]
    return pd.DataFrame(rows)


def people() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    s = rng.integers(0, 2, 400)
    y = (rng.random(400) < 0.3 + 0.4 * s).astype(int)
    return y, s, 2.0 * y - 1 + rng.normal(size=400)


@functools.cache
def controls(metric: str = "di") -> dict[str, Any]:
    y, s, score = people()
    return plots.controls(y, s, score, metric)


def plane(data: pd.DataFrame | None = None, **changes: Any) -> Figure:
    metric = changes.get("metric", "di")
    given = {"metric": metric, **controls(metric), **changes}
    return plots.plot_tradeoff(frame(metric) if data is None else data, **given)


def lines(fig: Figure) -> dict[str, Any]:
    return {str(line.get_label()): line for line in fig.axes[0].get_lines()}


def whiskers(fig: Figure) -> list[Any]:
    """Segments of the intervals, (k, 2, 2) each: of a series those of x, then those of y."""
    found = fig.axes[0].collections
    return [c.get_segments() for c in found if isinstance(c, LineCollection)]


def legend(fig: Figure) -> list[str]:
    return [text.get_text() for text in fig.legends[0].get_texts()]


def caption(fig: Figure) -> str:
    """What show() appends to the caption (drawing is tested in test_figures)."""
    return " ".join(getattr(fig, figures._NOTES, []))


def test_the_controls_are_measured_as_the_metrics_floor_measures_them() -> None:
    y, s, score = people()
    found = controls("demographic_parity_gap")
    name = "demographic_parity_gap"
    constant = constant_classifier(y, s, name)
    model = point(y, (score > 0).astype(int), s, name)
    assert found["constant"].accuracy == constant.accuracy
    assert found["constant"].fairness == 0
    line = mixing_line(model, constant)
    assert np.array_equal(found["mixing"].accuracy, line.accuracy)
    assert np.array_equal(found["mixing"].fairness, line.fairness)
    moved = moved_threshold(score, y, s, name)
    assert np.array_equal(found["threshold"].fairness, moved.fairness, equal_nan=True)


def test_scores_that_only_rank_people_need_the_decisions_of_their_model() -> None:
    y, s, score = people()
    name = "demographic_parity_gap"
    rank = score.argsort().argsort()  # 0, 1, 2, ...: nearly everybody is above a cut at 0
    y_hat = (score > 0).astype(int)
    line = plots.controls(y, s, rank, name, y_hat=y_hat)["mixing"]
    assert np.array_equal(line.fairness, controls(name)["mixing"].fairness)
    assert np.array_equal(line.accuracy, controls(name)["mixing"].accuracy)
    wrong = plots.controls(y, s, rank, name)["mixing"]
    assert not np.allclose(np.max(wrong.fairness), np.max(line.fairness), atol=0.01)
    with pytest.raises(InputError, match="different models"):
        plots.controls(y, s, -rank, name, y_hat=y_hat)


def test_the_constant_of_a_ratio_selects_everybody_where_nobody_would_be_undefined() -> None:
    y = np.array([0, 0, 0, 1, 0, 1])
    s = np.array([0, 0, 0, 1, 1, 1])
    found = plots.controls(y, s, np.arange(6.0) - 3, "di")
    assert found["constant"].fairness == 1
    assert found["constant"].accuracy == pytest.approx(2 / 6)


def test_every_trade_off_figure_has_the_three_controls_and_every_method() -> None:
    fig = plane(labels={"ours": "Our method"})
    assert legend(fig) == [
        "Our method",
        "theirs",
        "constant classifier",
        "mixing line",
        "moved threshold",
    ]
    assert "Not drawn" not in caption(fig)


@pytest.mark.parametrize("control", ["constant", "mixing", "threshold"])
def test_a_control_can_only_be_left_out_in_words(control: str) -> None:
    given = {"metric": "di", **controls()}
    del given[control]
    with pytest.raises(TypeError, match=control):
        plots.plot_tradeoff(frame(), **given)
    name = {"constant": "constant classifier", "mixing": "mixing line"}.get(
        control, "moved threshold"
    )
    fig = plane(**{control: None})
    assert name not in legend(fig)
    assert f"Not drawn: the {name}." in caption(fig)


def test_points_are_means_over_draws_in_the_order_of_the_setting() -> None:
    fig = plane()
    x, y = lines(fig)["ours"].get_data()
    assert x == pytest.approx([0.515, 0.615, 0.715])
    assert y == pytest.approx([0.915, 0.895, 0.875])


def test_bars_are_t_intervals_over_draws_not_over_initialisations() -> None:
    fig = plane()
    _, vertical = whiskers(fig)[:2]
    wanted = over_seeds([0.9 + 0.01 * draw for draw in range(4)])
    assert vertical[0][:, 1] == pytest.approx([wanted.low, wanted.high])
    assert "95 % t-intervals over 4 draws" in caption(fig)


def test_a_single_draw_has_no_bars_and_the_caption_says_so() -> None:
    assert "No intervals: a single draw." in caption(plane(frame(draws=1)))


def test_given_intervals_are_drawn_when_nothing_is_to_be_averaged() -> None:
    data = pd.DataFrame(
        {"method": ["a"], "accuracy": [0.8], "accuracy_low": [0.7], "accuracy_high": [0.85],
         "di": [0.9]}
    )  # fmt: skip
    fig = plane(data, draw=None)
    ((segment,),) = whiskers(fig)
    assert segment[:, 1] == pytest.approx([0.7, 0.85])


@pytest.mark.parametrize(
    ("metric", "inverted"),
    [("di", False), ("demographic_parity_gap", True), ("equalized_odds_gap", True)],
)
def test_right_is_fairer_for_every_metric(metric: str, inverted: bool) -> None:
    fig = plane(metric=metric)
    assert bool(fig.axes[0].xaxis_inverted()) == inverted
    assert "fairer by this metric →" in fig.axes[0].get_xlabel()


def test_a_metric_without_a_fairer_side_is_refused() -> None:
    with pytest.raises(InputError, match="signed"):
        signed = "average_odds_difference"
        plots.plot_tradeoff(frame(signed), metric=signed, **controls())
    with pytest.raises(UnknownName, match="metric"):
        plots.plot_tradeoff(frame("fairness"), metric="fairness", **controls())


def test_a_control_in_another_metric_is_refused() -> None:
    with pytest.raises(InputError, match="demographic_parity_gap"):
        plane(threshold=controls("demographic_parity_gap")["threshold"])


def test_an_undefined_constant_is_a_line_at_its_accuracy() -> None:
    fig = plane(constant=Point(0.6, float("nan"), "di", "constant classifier"))
    line = lines(fig)["constant classifier"]
    assert list(line.get_ydata()) == [0.6, 0.6]
    assert "undefined for the constant classifier" in caption(fig)


def test_controls_of_many_draws_share_one_entry_in_the_legend() -> None:
    curve = Curve(np.array([0.8, 0.7]), np.array([0.5, 0.9]), np.array([0, 1]), "di", "")
    fig = plane(threshold=[curve] * 5)
    assert legend(fig).count("moved threshold") == 1
    dashes = [k for k in fig.axes[0].get_lines() if list(k.get_xdata()) == [0.5, 0.9]]
    assert len(dashes) == 5


def test_published_points_are_hollow_diamonds_in_the_method_s_colour() -> None:
    fig = plane(published={"theirs": (0.8, 0.83), "FC": (0.76, 0.83)}, limit=0.8)
    diamonds = [k for k in fig.axes[0].get_lines() if k.get_marker() == "D" and k.get_ms() == 8]
    assert [to_hex(k.get_color()) for k in diamonds] == [plots.look(1).color, INK]
    assert all(k.get_markerfacecolor() == "none" for k in diamonds)
    assert (diamonds[0].get_xdata()[0], diamonds[0].get_ydata()[0]) == (0.83, 0.8)
    assert "FC (paper)" in legend(fig)
    assert "limit 0.800" in legend(fig)
    assert "Hollow diamonds: the paper's own numbers." in caption(fig)


def test_the_same_order_gives_the_same_looks() -> None:
    fig = plane(order=["theirs", "ours"])
    assert legend(fig)[:2] == ["theirs", "ours"]
    assert lines(fig)["theirs"].get_color() == plots.PALETTE[0]
    with pytest.raises(InputError, match="'mine'"):
        plane(order=["mine"])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="'acc'"):
        plane(accuracy="acc")
    with pytest.raises(InputError, match="'round'"):
        plane(draw="round")


# --- the other plots ------------------------------------------------------------------------


def test_summarise_averages_initialisations_before_draws() -> None:
    data = frame()
    found = plots.summarise(data, ["method", "setting"], ["accuracy", "di"])
    row = found[(found["method"] == "ours") & (found["setting"] == 0)].iloc[0]
    wanted = over_seeds([0.9 + 0.01 * draw for draw in range(4)])
    assert row["accuracy"] == pytest.approx(wanted.value)
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx((wanted.low, wanted.high))
    assert row["n"] == 4
    assert found["method"].tolist() == ["ours"] * 3 + ["theirs"] * 3
    (single,) = plots.summarise(data, [], ["di"]).itertuples()
    assert single.n == 4


def test_curves_have_a_band_that_is_the_interval() -> None:
    fig = plots.plot_curves(
        frame(), x="setting", y="di", by="method", references={"limit": 0.8}, xlabel="λ"
    )
    ax = fig.axes[0]
    assert legend(fig) == ["ours", "theirs", "limit"]
    (band,) = ax.collections[0].get_paths()
    wanted = over_seeds([0.5 + 0.01 * draw for draw in range(4)])
    at_zero = band.vertices[band.vertices[:, 0] == 0][:, 1]
    assert (at_zero.min(), at_zero.max()) == pytest.approx((wanted.low, wanted.high))
    assert ax.get_xlabel() == "λ"
    assert ax.get_ylabel() == "di"
    assert "95 % t-intervals over 4 draws" in caption(fig)


def test_one_curve_needs_no_legend() -> None:
    fig = plots.plot_curves(frame(), x="setting", y="di", logx=False)
    assert fig.legends == []
    assert len(fig.axes[0].get_lines()) == 1


def test_bars_start_at_the_reference_and_carry_the_interval() -> None:
    estimates = {"a": over_seeds([0.1, 0.2, 0.3]), "b": over_seeds([-0.2, -0.1, -0.3])}
    fig = plots.plot_bars_ci(estimates, xlabel="difference", published={"b": 0.1})
    ax = fig.axes[0]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.2, -0.2])
    spans = [k.get_xdata() for k in ax.get_lines() if len(k.get_xdata()) == 2]
    wanted = estimates["a"]
    assert list(spans[0]) == pytest.approx([wanted.low, wanted.high])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert ax.yaxis_inverted()
    assert "Hollow diamonds" in caption(fig)


def test_without_a_reference_there_are_no_bars() -> None:
    fig = plots.plot_bars_ci({"a": over_seeds([0.8, 0.9])}, xlabel="accuracy", reference=None)
    assert list(fig.axes[0].patches) == []


def test_intervals_over_people_and_over_seeds_are_not_mixed() -> None:
    people = Estimate(0.1, 0.0, 0.2, 1000, 0.95, "percentile bootstrap over people")
    with pytest.raises(InputError, match="two kinds"):
        plots.plot_bars_ci({"a": people, "b": over_seeds([0.1, 0.2])}, xlabel="x")
    fig = plots.plot_bars_ci({"a": people}, xlabel="x")
    assert "percentile bootstrap over people, n = 1,000" in caption(fig)
    with pytest.raises(InputError, match="at least one"):
        plots.plot_bars_ci({}, xlabel="x")


def test_a_row_without_a_value_is_left_empty_whatever_its_interval_would_have_been() -> None:
    people = Estimate(0.1, 0.0, 0.2, 1000, 0.95, "percentile bootstrap over people")
    nothing = Estimate(np.nan, np.nan, np.nan, 0, 0.95, "t over seeds")
    fig = plots.plot_bars_ci({"a": people, "b": nothing}, xlabel="x")
    assert "percentile bootstrap over people, n = 1,000" in caption(fig)
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["a", "b"]
    assert "No intervals" in caption(plots.plot_bars_ci({"b": nothing}, xlabel="x"))


def test_dots_show_draws_initialisations_and_the_interval() -> None:
    values = {"a": [[0.1, 0.3], [0.2, None], None], "b": pd.Series([0.5, 0.6])}
    fig = plots.plot_dots_by_seed(values, xlabel="gap", published={"a": 0.4}, reference=0)
    ax = fig.axes[0]
    marks = [k for k in ax.get_lines() if k.get_marker() in ("o", "s") and k.get_ms() > 3]
    assert list(marks[0].get_xdata()) == pytest.approx([0.2, 0.2])
    assert list(marks[1].get_xdata()) == pytest.approx([0.5, 0.6])
    small = [k for k in ax.get_lines() if k.get_marker() == "o" and k.get_ms() < 3]
    assert [list(k.get_xdata()) for k in small] == [[0.1, 0.3]]
    spans = [list(k.get_xdata()) for k in ax.get_lines() if k.get_linewidth() == 1.6]
    wanted = over_seeds([0.5, 0.6])
    assert [wanted.low, wanted.high] in [pytest.approx(s) for s in spans]
    assert "over 2 draws" in caption(fig)


def test_dots_are_drawn_the_same_way_twice() -> None:
    values = {"a": [0.1, 0.1, 0.2]}
    first, second = (
        plots.plot_dots_by_seed(values, xlabel="x").axes[0].get_lines()[0].get_xydata()
        for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_no_plot_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("plt.show was called"))
    assert isinstance(plane(), Figure)
    assert isinstance(plots.plot_curves(frame(), x="setting", y="di"), Figure)


def test_an_interval_beside_its_point_is_drawn_where_it_is() -> None:
    """Resamples of a skewed gap may all lie on one side of the point, or round so."""
    data = pd.DataFrame(
        {"method": ["a"], "accuracy": [0.9], "accuracy_low": [0.7], "accuracy_high": [0.85],
         "di": [0.5], "di_low": [0.6], "di_high": [float("nan")]}
    )  # fmt: skip
    ((segment,),) = whiskers(plane(data, draw=None))  # nothing for the one without an end
    assert segment[:, 1] == pytest.approx([0.7, 0.85]) and segment[:, 0] == pytest.approx(0.5)
