"""Panels: the same numbers as the metrics, and intervals that keep what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairtut.errors import InputError
from fairtut.metrics import (
    accuracy,
    bootstrap,
    bootstrap_difference,
    demographic_parity_gap,
)
from fairtut.metrics import equalized_odds_gap as deo
from fairtut.metrics.panels import Panel


def draw(n: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, ...]:
    """Return y, s and two decisions about the same people; the second repairs some gap."""
    rng = np.random.default_rng(seed)
    y, s = rng.integers(0, 2, (2, n))
    chance = np.array([[0.1, 0.5], [0.5, 0.9]])[y, s]  # both gaps are .4
    first = rng.random(n) < chance
    second = first ^ (rng.random(n) < noise)  # gaps shrink by 1 - 2 noise
    return y, s, first.astype(int), second.astype(int)


@given(
    rows=st.lists(st.tuples(*[st.integers(0, 1)] * 3), max_size=30),
    seed=st.integers(0, 3),
)
@settings(max_examples=40)
def test_values_are_those_of_the_metrics(rows: list[tuple[int, ...]], seed: int) -> None:
    everybody = [(y, s, 1 - y) for y in (0, 1) for s in (0, 1)]  # no empty cell
    y, s, y_hat = np.array(rows + everybody).T
    panel = Panel(y, s, n_resamples=2, seed=seed)
    near = {"abs": 1e-6}
    assert panel.accuracy(y_hat)[0] == pytest.approx(float(accuracy(y, y_hat)), **near)
    assert panel.deo(y_hat)[0] == pytest.approx(float(deo(y, y_hat, s)), **near)
    assert panel.dp(y_hat)[0] == pytest.approx(float(demographic_parity_gap(y, y_hat, s)), **near)
    tpr = [y_hat[(y == 1) & (s == g)].mean() for g in (0, 1)]
    fpr = [y_hat[(y == 0) & (s == g)].mean() for g in (0, 1)]
    assert panel.signed_gap(y_hat, 1)[0] == pytest.approx(tpr[1] - tpr[0], **near)
    assert panel.signed_gap(y_hat, 0)[0] == pytest.approx(fpr[1] - fpr[0], **near)


def test_each_resample_is_a_bootstrap_sample_of_whole_people() -> None:
    y, s, first, _ = draw(50, 0)
    panel = Panel(y, s, n_resamples=400, seed=1)
    count = 50 * panel.mean(np.eye(50))  # (50, 401): how often each person is in each resample
    assert count == pytest.approx(np.round(count), abs=1e-4)
    assert count.sum(0) == pytest.approx(np.full(401, 50), abs=1e-3)
    assert (np.round(count[:, 0]) == 1).all()  # the first column is the people as they are
    assert np.round(count[:, 1:]).var() == pytest.approx(1 - 1 / 50, abs=0.05)
    # any metric of a resample is that of the people drawn
    rows = np.repeat(np.arange(50), np.round(count[:, 7]).astype(int))
    again = float(deo(y[rows], first[rows], s[rows]))
    assert panel.deo(first)[7] == pytest.approx(again, abs=1e-6)


def test_intervals_agree_with_the_bootstrap_of_the_metrics() -> None:
    y, s, first, second = draw(4000, 0)
    panel = Panel(y, s, n_resamples=1000, seed=1)
    pairs = [
        (panel.interval(panel.deo(first)), bootstrap("deo", y, first, s)),
        (panel.interval(panel.accuracy(first)), bootstrap("accuracy", y, first, s)),
        (panel.interval(panel.deo(second) - panel.deo(first)),
         bootstrap_difference("deo", y, second, first, s)),
    ]  # fmt: skip
    for ours, theirs in pairs:
        assert ours.value == pytest.approx(theirs.value, abs=1e-6)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)
        assert ours.high - ours.low > 0.01
        assert (ours.n, ours.level, ours.n_nan) == (4000, 0.95, 0)
        assert "people" in ours.method


def test_what_two_decisions_share_cancels() -> None:
    y, s, first, second = draw(500, 0, noise=0.02)
    panel = Panel(y, s, n_resamples=300)
    same = panel.interval(panel.deo(first) - panel.deo(first.copy()))
    assert (same.value, same.low, same.high) == (0, 0, 0)

    def width(a: np.ndarray) -> float:
        ends = panel.interval(a)
        return ends.high - ends.low

    paired = width(panel.deo(second) - panel.deo(first))
    assert paired < 0.5 * width(panel.deo(first))


def test_models_are_averaged_within_each_resample() -> None:
    y, s, first, second = draw(300, 0)
    panel = Panel(y, s, n_resamples=200)
    both = np.stack([first, second])
    for method in (panel.deo, panel.dp, panel.accuracy):
        assert method(both).shape == (2, 201)
        np.testing.assert_allclose(method(both), np.stack([method(first), method(second)]))
    mean = panel.interval(panel.deo(both))
    by_hand = (panel.deo(first) + panel.deo(second)) / 2
    assert mean.value == pytest.approx(by_hand[0])
    ends = np.percentile(by_hand[1:], [2.5, 97.5])
    assert (mean.low, mean.high) == pytest.approx(tuple(ends))
    narrow = panel.interval(panel.deo(both), level=0.5)
    assert mean.low < narrow.low < narrow.high < mean.high


def test_the_interval_of_a_difference_covers_the_truth_as_often_as_it_says() -> None:
    """Nineteen in twenty; an unpaired interval would be too wide and cover nearly always."""
    truth = -2 * 0.1 * 0.8  # both gaps, .4 each, shrink by a fifth
    covered = []
    for seed in range(300):
        y, s, first, second = draw(300, seed)
        panel = Panel(y, s, n_resamples=200, seed=seed)
        ends = panel.interval(panel.deo(second) - panel.deo(first))
        covered.append(ends.low <= truth <= ends.high)
    assert 0.90 <= np.mean(covered) <= 0.985


def test_an_empty_cell_is_nan_and_not_zero() -> None:
    y, s, y_hat = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])
    panel = Panel(y, s, n_resamples=50)
    assert np.isnan(panel.deo(y_hat)).all()  # nobody has y = 1, s = 0
    assert np.isnan(panel.mean(y_hat, np.zeros(4))).all()
    none = panel.interval(panel.deo(y_hat))
    assert np.isnan([none.value, none.low, none.high]).all()
    assert none.n_nan == 50
    # a cell that is empty in some resamples only is counted
    some = panel.interval(panel.dp(y_hat))
    assert 0 < some.n_nan < 50
    assert np.isfinite([some.value, some.low, some.high]).all()


def test_the_seed_decides_the_resamples_and_nothing_else() -> None:
    y, s, first, _ = draw(100, 0)
    one, same, other = (Panel(y, s, n_resamples=20, seed=k).deo(first) for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one[0] == other[0]
    assert not np.array_equal(one[1:], other[1:])


@pytest.mark.parametrize(
    ("y", "s"),
    [([], []), ([0, 1], [0, 1, 1]), ([[0, 1]], [[0, 1]]), ([0, 2], [0, 1]), ([0, 1], [-1, 1])],
)
def test_people_that_are_not_people_are_refused(y: Any, s: Any) -> None:
    with pytest.raises(InputError) as caught:
        Panel(y, s)
    assert "\n" not in str(caught.value)


def test_a_half_is_not_a_group() -> None:
    with pytest.raises(InputError):
        Panel([0.5, 1, 0], [0, 1, 1])


@pytest.mark.parametrize("values", [[1, 0, 1], [[1, 0, 1]], np.ones((2, 3))])
def test_one_value_per_person(values: Any) -> None:
    panel = Panel([0, 1, 1, 0], [0, 1, 0, 1], n_resamples=3)
    for method in (panel.mean, panel.dp, panel.deo):
        with pytest.raises(InputError, match="one per person") as caught:
            method(values)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [[1, 0, 1], [1]])
def test_accuracy_also_needs_one_decision_per_person(values: Any) -> None:
    with pytest.raises(InputError):
        Panel([0, 1, 1, 0], [0, 1, 0, 1], n_resamples=3).accuracy(values)


def test_the_area_under_the_curve_is_the_weighted_share_of_pairs() -> None:
    y, s, _, _ = draw(80, 0)
    panel = Panel(y, s, n_resamples=5)
    score = np.round(y + np.random.default_rng(0).normal(size=(2, 80)), 1)  # with ties
    for group in (0, 1):
        one, zero = (np.flatnonzero((s == group) & (y == label)) for label in (1, 0))
        found = panel.auc(score, s == group)
        assert found.shape == (2, 6)
        for row, own in zip(found, score, strict=True):
            won = (np.sign(own[one][:, None] - own[zero][None]) + 1) / 2
            for value, weight in zip(row, panel._weights.astype(float), strict=True):
                pairs = weight[one][:, None] * weight[zero][None]
                assert value == pytest.approx((won * pairs).sum() / pairs.sum())
    assert np.isnan(panel.auc(score[0], y == 1)).all()  # nobody to compare them with
    assert np.isnan(panel.auc(score[0], y > 1)).all()
    with pytest.raises(InputError, match="one per person"):
        panel.auc(score[:, :5])


def test_a_mean_without_labels_has_scipys_interval() -> None:
    values = np.random.default_rng(3).gamma(2.0, size=300)
    panel = Panel.unlabelled(len(values), n_resamples=4000)
    ours = panel.interval(panel.mean(values[None]))
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(5)
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean(), rel=1e-6)
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.1 * width > abs(ours.high - theirs.high)
