"""The drawings of the FR-Train chapter show the numbers that they are given, read back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from scipy import stats

from fairtut.chapters.frtrain import NAMES, TABLE, drawings, example
from fairtut.evidence.claims import load_claims
from fairtut.page.style import PALETTE


def test_the_papers_table_is_drawn_from_its_claims() -> None:
    published = {c.id: float(c.value) for c in load_claims("frtrain") if c.id.startswith("table.")}
    fig = drawings.claim_arrows(published, 0.8)
    (ax,) = fig.axes
    expected = [
        (published[f"table.{training}.{method}.di"], published[f"table.{training}.{method}.acc"])
        for method in TABLE for training in ("clean", "poisoned")
    ]  # fmt: skip
    assert len(expected) == 18
    drawn = [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "o"]
    assert drawn == expected
    hollow = [line.get_markerfacecolor() == "none" for line in ax.lines if line.get_marker() == "o"]
    assert hollow == [True, False] * 9, "clean labels are hollow"
    arrows = [text for text in ax.texts if not text.get_text()]
    assert [(a.xyann, a.xy) for a in arrows] == list(
        zip(expected[::2], expected[1::2], strict=True)
    )
    named = {text.get_text(): text.xy for text in ax.texts if text.get_text()}
    assert named == {NAMES[m]: xy for m, xy in zip(TABLE, expected[1::2], strict=True)}
    assert set(ax.lines[-1].get_xdata()) == {0.8}
    low, high = ax.get_xlim()
    assert all(low < di < high for di, _ in expected), "no method falls out of the picture"
    plt.close(fig)


def test_ten_people_stand_on_a_line_with_their_flips_ringed_and_cut_where_they_are_cut() -> None:
    found = {
        (labels, kind): example.best(values, kind == "fair")
        for labels, values in (("clean", example.LABELS), ("poisoned", example.poisoned()))
        for kind in ("plain", "fair")
    }
    fig = drawings.toy(found)
    (ax,) = fig.axes
    assert len(ax.collections) == 20
    ringed = []
    for place, dot in enumerate(ax.collections):
        row, i = divmod(place, 10)
        np.testing.assert_allclose(dot.get_offsets(), [[10 - i, -row]])
        assert to_hex(dot.get_facecolor()[0]) == PALETTE[2 * example.GROUPS[i]]
        edge = dot.get_edgecolor()
        if len(edge) and to_hex(edge[0]) == drawings.ALARM and edge[0][3] > 0:
            ringed.append((row, i))
    assert ringed == [(1, i) for i in sorted(example.FLIPPED)]
    assert [t.get_text() for t in ax.texts] == ["AB"[g] for g in example.GROUPS] * 2
    cuts = [float(line.get_xdata()[0]) for line in ax.lines]
    for cut, ((labels, kind), threshold) in zip(cuts, sorted(found.items(), key=lambda item: (
        item[0][0] != "clean", item[0][1] != "plain")), strict=True):  # fmt: skip
        accepted = [10 - i > cut for i in range(10)]
        assert sum(accepted) == threshold.accepted, (labels, kind)
    plt.close(fig)


def test_curves_of_information_are_drawn_under_their_rate() -> None:
    ratios = np.linspace(0.1, 1, 5)
    curves = {rate: rate * (1 - ratios) for rate in (0.2, 0.5)}
    fig = drawings.information(curves, ratios)
    drawn = {str(line.get_label()): line.get_xydata() for line in fig.axes[0].lines}
    assert list(drawn) == ["$p_1$ = 0.2", "$p_1$ = 0.5"]
    for xy, info in zip(drawn.values(), curves.values(), strict=True):
        np.testing.assert_allclose(xy, np.column_stack([ratios, info]))
    plt.close(fig)


def test_shown_people_are_drawn_once_under_their_labels_and_only_flips_are_ringed() -> None:
    rng = np.random.default_rng(0)
    x, s, y = rng.normal(size=(60, 2)), rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    flipped = rng.random(60) < 0.3
    labels = {"clean": y, "poisoned": np.where(flipped, 1 - y, y)}
    draw = SimpleNamespace(
        labels=labels.__getitem__,
        train=SimpleNamespace(x=x, s=s),
        poison=SimpleNamespace(flipped=flipped),
    )
    shown = rng.permutation(60)[:40]
    fig = drawings.people(draw, shown)  # type: ignore[arg-type]
    for ax, (training, values) in zip(fig.axes, labels.items(), strict=True):
        drawn = {str(dots.get_label()): dots.get_offsets() for dots in ax.collections}
        for group in (0, 1):
            for label in (0, 1):
                rows = [i for i in shown if s[i] == group and values[i] == label]
                np.testing.assert_allclose(drawn[f"s = {group}, y = {label}"], x[rows])
        assert len(ax.collections) == (5 if training == "poisoned" else 4)
    np.testing.assert_allclose(fig.axes[1].collections[4].get_offsets(), x[shown[flipped[shown]]])
    plt.close(fig)


def test_paths_end_with_the_last_epoch() -> None:
    runs = {"released": np.random.default_rng(0).random((5, 3)), "label-fed": np.ones((4, 1))}
    fig = drawings.paths(runs, 2000, 0.8)
    for ax, values in zip(fig.axes, runs.values(), strict=True):
        *lines, limit = ax.lines
        assert len(lines) == values.shape[1] and set(limit.get_ydata()) == {0.8}
        for line, run in zip(lines, values.T, strict=True):
            np.testing.assert_allclose(line.get_ydata(), run)
            every = 2000 / len(values)
            np.testing.assert_allclose(line.get_xdata(), every * (1 + np.arange(len(values))))
    plt.close(fig)


def test_scores_are_densities_of_flipped_and_of_untouched_rows() -> None:
    rng = np.random.default_rng(0)
    output, flipped = rng.random(500), rng.random(500) < 0.2
    fig = drawings.scores({"released": output, "label-fed": output**2}, flipped)
    for ax, values in zip(fig.axes, (output, output**2), strict=True):
        heights = np.array([bar.get_height() for bar in ax.patches]).reshape(2, 40)
        for drawn, rows in zip(heights, (~flipped, flipped), strict=True):
            expected = np.bincount((values[rows] * 40).astype(int), minlength=40) * 40 / rows.sum()
            np.testing.assert_allclose(drawn, expected, atol=1e-9)
            assert drawn.mean() == pytest.approx(1)
    assert [t.get_text() for t in fig.axes[1].get_legend().get_texts()] == ["untouched", "flipped"]
    plt.close(fig)


def test_pairs_are_means_with_t_intervals_in_their_methods_row() -> None:
    rng = np.random.default_rng(0)
    methods = ["FR-Train", "AD", "LR"]
    values = {c: {m: rng.random(4).tolist() for m in methods} for c in ("clean", "poisoned")}
    values["poisoned"]["LR"] = [0.5]  # a single draw has a mark and no interval
    fig = drawings.pairs(values, "accuracy")
    (ax,) = fig.axes
    assert [t.get_text() for t in ax.get_yticklabels()] == methods
    marks = [line for line in ax.lines if line.get_marker() != "None"]
    bars = {round(float(line.get_ydata()[0]), 6): line.get_xdata()
            for line in ax.lines if line.get_marker() == "None"}  # fmt: skip
    assert len(bars) == 5
    for mark, (condition, row) in zip(
        marks, [(c, r) for c in values for r in range(3)], strict=True
    ):
        found = values[condition][methods[row]]
        ((x, y),) = mark.get_xydata()
        assert x == pytest.approx(np.mean(found)) and round(y) == row
        if len(found) > 1:
            low, high = stats.t.interval(0.95, 3, np.mean(found), stats.sem(found))
            np.testing.assert_allclose(bars[round(float(y), 6)], [low, high])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["clean", "poisoned"]
    plt.close(fig)
