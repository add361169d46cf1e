"""The drawings of word triggers show the numbers that they get, read back from their axes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from fairtut.chapters.reprogramming_text import drawings
from fairtut.chapters.reprogramming_text.drawings import CRITERIA, METHODS
from fairtut.chapters.reprogramming_vision import drawings as vision
from fairtut.metrics import Estimate
from fairtut.metrics.panels import Panel
from fairtut.page.style import use_style

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _styled() -> None:  # what every test gives back is in conftest
    use_style()


def about(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, value - half, value + half, n=100, level=0.95, method="bootstrap")


def named(ax: Any) -> dict[str, np.ndarray]:
    """Return the points of every line that is in the legend."""
    return {
        str(line.get_label()): np.asarray(line.get_xydata(), float)
        for line in ax.lines if not str(line.get_label()).startswith("_")
    }  # fmt: skip


def words(fig: Figure) -> list[str]:
    return [text.get_text() for legend in fig.legends for text in legend.get_texts()]


def points(count: int) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in RNG.random((count, 2))]


def test_the_papers_points_are_drawn_in_the_order_of_their_bias() -> None:
    given = {(c, m): points(5) for c in CRITERIA for m in METHODS}
    given |= {(c, "base"): [(0.92, 0.2)] for c in CRITERIA}
    fig = drawings.published(given, 0.88)
    for ax, c in zip(fig.axes, CRITERIA, strict=True):
        lines = named(ax)
        for method, label in METHODS.items():
            wanted = sorted((bias, accuracy) for accuracy, bias in given[c, method])
            np.testing.assert_allclose(lines[label], wanted)
        np.testing.assert_allclose(lines["BASE"], [[0.2, 0.92]])
        np.testing.assert_allclose(lines["mixing line"], [[0, 0.88], [0.2, 0.92]])
        assert set(lines["nothing is toxic"][:, 1]) == {0.88}
        assert ax.xaxis_inverted() and ax.get_title(loc="left") == CRITERIA[c]
    assert len(words(fig)) == len(set(words(fig))) == len(METHODS) + 3


def test_controls_are_means_over_seeds_of_constant_line_and_thresholds() -> None:
    y = np.array([0, 0, 0, 1])
    accuracy, bias = RNG.random((2, 3, 5))  # (seeds, 1 + R)
    plane = RNG.random((2, 7, 3, 5))  # (cuts, seeds, 1 + R)
    board = SimpleNamespace(
        crowd={"test": Panel(y, y, n_resamples=4)}, base=lambda c: (accuracy, bias),
        plane=lambda method, c, part: tuple(plane),
    )  # fmt: skip
    for c, metric in drawings.AXES.items():
        found = drawings.controls(board, c)
        assert (found["constant"].accuracy, found["constant"].fairness) == (0.75, 0)
        line, moved = found["mixing"], found["threshold"]
        ends = line.accuracy[[0, -1]], line.fairness[[0, -1]]
        assert sorted(ends[0]) == pytest.approx(sorted((0.75, accuracy[:, 0].mean())))
        assert sorted(ends[1]) == pytest.approx((0, bias[:, 0].mean()))
        np.testing.assert_allclose(moved.accuracy, plane[0, ..., 0].mean(1))
        np.testing.assert_allclose(moved.fairness, plane[1, ..., 0].mean(1))
        assert {found[k].metric for k in ("constant", "threshold")} == {metric}


def test_shares_of_gain_and_bias_stand_on_one_scale_with_the_papers_hollow() -> None:
    ours, paper = ({(c, m): points(k) for c in CRITERIA for m in METHODS} for k in (3, 4))
    fig = drawings.relative(ours, paper)
    for ax, c in zip(fig.axes, CRITERIA, strict=True):
        lines = named(ax)
        hollow = [ln for ln in ax.lines if ln.get_markerfacecolor() == "none"]
        assert len(hollow) == len(METHODS)
        for (method, label), theirs in zip(METHODS.items(), hollow, strict=True):
            np.testing.assert_allclose(lines[label], np.array(ours[c, method])[:, ::-1])
            np.testing.assert_allclose(theirs.get_xydata(), np.array(paper[c, method])[:, ::-1])
        np.testing.assert_allclose(lines["mixing line"], [[0, 0], [1, 1]])
        np.testing.assert_allclose(lines["BASE"], [[1, 1]])
        assert ax.get_xlim()[0] > ax.get_xlim()[1], "to the right is fairer"


def test_rates_have_a_line_per_group_with_intervals_and_the_truth() -> None:
    groups = ("muslim", "christian")
    before = {g: about(0.5 + 0.1 * i) for i, g in enumerate(groups)}
    after = {"hard trigger": {g: about(0.3 + 0.1 * i, 0.05) for i, g in enumerate(groups)}}
    truth = {"muslim": 0.35, "christian": 0.25}
    fig = drawings.rates(before, after, truth)
    ax = fig.axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(groups)
    assert words(fig) == ["BASE", "hard trigger", "labelled toxic"]
    ends = {
        tuple(np.round([*ln.get_xdata(), ln.get_ydata()[0]], 9))
        for ln in ax.lines if len(ln.get_xdata()) == 2
    }  # fmt: skip
    assert ends == {(0.48, 0.52, 0.2), (0.58, 0.62, -0.8), (0.25, 0.35, 0.0), (0.35, 0.45, -1.0)}
    ticks = [ln for ln in ax.lines if ln.get_marker() == "|"]
    assert [(float(ln.get_xdata()[0]), float(ln.get_ydata()[0])) for ln in ticks] == [
        (0.35, 0.0), (0.25, -1.0)
    ]  # fmt: skip
    marks = {ln.get_marker() for ln in ax.lines if len(ln.get_xdata()) == 1}
    assert len(marks) == 3, "nobody needs the colours"


def test_motion_has_a_mark_per_seed_and_a_line_through_their_means() -> None:
    lams = (0.0, 0.3, 1.0)
    found = {
        (key, m): {lam: RNG.random(4).tolist() for lam in lams}
        for key in ("movement", "norm-y", "norm-z") for m in ("soft", "hard")
    }  # fmt: skip
    fig = drawings.motion(found)
    for ax, key in zip(fig.axes, ("movement", "norm-y", "norm-z"), strict=True):
        for method in ("soft", "hard"):
            values = np.array(list(found[key, method].values()))
            np.testing.assert_allclose(named(ax)[METHODS[method]][:, 1], values.mean(1))
        seeds = [ln.get_ydata() for ln in ax.lines if str(ln.get_label()).startswith("_")]
        wanted = [np.array(list(found[key, m].values())).T for m in ("soft", "hard")]
        np.testing.assert_allclose(seeds, np.concatenate(wanted))
        assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "0.3", "1"]


def test_what_a_trigger_claims_is_drawn_by_group_with_the_blind_guess() -> None:
    groups = ("a", "b", "c", "d", "e", "f", "g", "h")
    tables = {m: RNG.dirichlet(np.ones(8), size=k) for m, k in (("soft", 3), ("hard", 2))}
    fig = drawings.claimed(tables, {"soft": (0, 0.3, 1), "hard": (0, 1)}, groups)
    for ax, (method, table) in zip(fig.axes, tables.items(), strict=True):
        for group, p in zip(groups, table.T, strict=True):
            np.testing.assert_allclose(named(ax)[group][:, 1], p)
        assert set(named(ax)["one over the groups"][:, 1]) == {1 / 8}
        assert ax.get_title(loc="left") == METHODS[method]
        looks = {(ln.get_color(), ln.get_marker(), str(ln.get_linestyle()))
                 for ln in ax.lines[:8]}  # fmt: skip
        assert len(looks) == 8, "no two groups look the same"
    assert words(fig) == [*groups, "one over the groups"]


def test_the_theorem_has_its_path_its_thresholds_and_both_classifiers() -> None:
    def outcomes(count: int) -> list[SimpleNamespace]:
        return [SimpleNamespace(given_y=a, accuracy=b) for a, b in points(count)]

    shown = SimpleNamespace(
        counts=(0, 1, 5), exact=outcomes(3), threshold=outcomes(6),
        eo={"exact": RNG.random(3), "learned": RNG.random(3)},
    )  # fmt: skip
    left, right = drawings.theorem(shown).axes
    for label, wanted in (("words of one group", shown.exact),
                          ("another threshold", shown.threshold)):  # fmt: skip
        np.testing.assert_allclose(named(left)[label], [(o.given_y, o.accuracy) for o in wanted])
    notes = {text.get_text(): text.xy for text in left.texts}
    assert notes == {
        str(k): pytest.approx((o.given_y, o.accuracy))
        for k, o in zip(shown.counts, shown.exact, strict=True)
    }
    assert left.xaxis_inverted()
    for key, label in (("exact", "exact classifier"), ("learned", "learned transformer")):
        np.testing.assert_allclose(named(right)[label], np.stack([shown.counts, shown.eo[key]], 1))


def test_a_frame_has_a_row_per_estimate_with_its_place() -> None:
    frame = drawings.frame({1: about(0.1), 5: about(0.3)}, "words", "dp")
    assert frame.to_dict("list") == {
        "words": [1, 5], "dp": [0.1, 0.3], "dp_low": pytest.approx([0.08, 0.28]),
        "dp_high": pytest.approx([0.12, 0.32]),
    }  # fmt: skip
    by = drawings.frame({("hard", 1): about(0.1), ("soft", 5): about(0.3)}, "words", "dp", "method")
    assert by.method.tolist() == ["hard", "soft"] and by.words.tolist() == [1, 5]


# --- image triggers ---------------------------------------------------------------------------


def test_a_record_is_drawn_without_the_control_and_without_what_is_too_inaccurate() -> None:
    accuracy = {
        "base": 0.5, "random-patch": 0.7, "random-border": 0.9, "border.eo.lam1": 0.9,
        "border.eo.lam3": 0.79, "border.eo.lam0.5": 0.8, "advpost.eo.lam2": 0.7,
    }  # fmt: skip
    known = {f"{name}.acc": about(v) for name, v in accuracy.items()}
    known |= {f"{name}.eo": about(v / 10) for name, v in accuracy.items()}
    record: Any = SimpleNamespace(estimate=known.__getitem__)
    grids = {"border": {"eo": (0.0, 1.0, 0.5, 3.0)}, "advpost": {"eo": (2.0,)}}
    found = vision.recorded(record, grids, "eo", 0.8)
    assert {m: [a.value for a, _ in several] for m, several in found.items()} == {
        "base": [0.5], "border": [0.9, 0.8], "random-border": [0.9]
    }  # fmt: skip
    assert list(found) == [m for m in vision.METHODS if m in found]
    assert all(b.value == pytest.approx(a.value / 10) for v in found.values() for a, b in v)


def test_curves_stand_at_their_ticks_with_every_interval() -> None:
    one = {"a": about(0.1), "b": about(0.2, 0.05)}
    fig = vision.curves({"P": {"patch": one, "border": {"b": about(0.3)}}}, xlabels={}, ylabel="",
                        references={"BASE": about(0.25)})  # fmt: skip
    ax = fig.axes[0]
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["patch"].get_ydata(), [0.1, 0.2])
    np.testing.assert_allclose(np.round(lines["patch"].get_xdata()), [0, 1])
    np.testing.assert_allclose(np.round(lines["border"].get_xdata()), [1])
    ends = [segment[:, 1].tolist() for c in ax.collections for segment in c.get_segments()]
    wanted = [pytest.approx(pair) for pair in ([0.08, 0.12], [0.15, 0.25], [0.28, 0.32])]
    assert ends == wanted
    assert set(lines["BASE"].get_ydata()) == {0.25}
    (band,) = ax.patches
    assert (band.get_y(), band.get_height()) == (pytest.approx(0.23), pytest.approx(0.04))


def test_differences_have_the_ends_of_their_intervals_in_their_row() -> None:
    rows = {"better": about(-0.1, 0.05), "open": about(0.01, 0.05), "worse": about(0.2, 0.01)}
    ax = vision.differences({"EO": rows}, xlabels={"EO": "bias"}).axes[0]
    spans = {
        float(ln.get_ydata()[0]): sorted(map(float, ln.get_xdata()))
        for ln in ax.lines if len(ln.get_xdata()) == 2 and set(ln.get_xdata()) != {0}
    }  # fmt: skip
    assert spans == {0: pytest.approx([-0.15, -0.05]), -1: pytest.approx([-0.04, 0.06]),
                     -2: pytest.approx([0.19, 0.21])}  # fmt: skip
    assert ax.get_xlabel() == "bias"
