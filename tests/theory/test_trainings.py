"""The interval over people and trainings: closed forms, limits, coverage and its p."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairtut.errors import InputError
from fairtut.metrics import Chance, over_seeds, over_splits

NUMBERS = st.lists(st.floats(-1, 1), min_size=2, max_size=12)


@given(NUMBERS)
def test_without_people_it_is_the_t_interval(values: list[float]) -> None:
    assert Chance.of(values).interval() == pytest.approx(
        (over_seeds(values).low, over_seeds(values).high), abs=1e-12
    )
    split = over_splits(values, 0.25)
    found = Chance.of(values, overlap=0.25).interval()
    assert found == pytest.approx((split.low, split.high), abs=1e-12)


@given(NUMBERS)
def test_its_p_is_that_of_the_t_test(values: list[float]) -> None:
    chance = Chance.of(values)
    if chance.spread > 1e-6:
        wanted = stats.ttest_1samp(values, 0).pvalue
        assert chance.p() == pytest.approx(wanted, rel=1e-6, abs=2e-12)


@given(NUMBERS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_it_is_never_narrower_than_either_source(
    values: list[float], below: float, above: float
) -> None:
    mean = math.fsum(values) / len(values)
    low, high = Chance.of(values, (mean - below, mean + above)).interval()
    t_low, t_high = Chance.of(values).interval()
    assert low <= min(t_low, mean - below) + 1e-12
    assert high >= max(t_high, mean + above) - 1e-12


@given(NUMBERS, st.floats(0.001, 0.5))
def test_the_interval_touches_zero_at_its_p(values: list[float], width: float) -> None:
    mean = math.fsum(values) / len(values)
    chance = Chance.of(values, (mean - width, mean + width))
    p = chance.p()
    if 1e-9 < p < 0.999:
        low, high = chance.interval(1 - p)
        assert min(abs(low), abs(high)) < 1e-6 * max(1, abs(mean))


@given(NUMBERS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_its_p_is_the_one_that_halving_finds(
    values: list[float], below: float, above: float
) -> None:
    """The root by the plainest of methods: the level halves until doubles end."""
    mean = math.fsum(values) / len(values)
    chance = Chance.of(values, (mean - below, mean + above))

    def holds_zero(p: float) -> bool:
        low, high = chance.interval(1 - p)
        return low <= 0 <= high

    low, high = 1e-12, 1 - 1e-12
    if mean == 0 or not holds_zero(low) or holds_zero(high):
        return  # at an end
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds_zero(middle) else (low, middle)
    assert chance.p() == pytest.approx((low + high) / 2, abs=1e-9)


def test_one_training_has_no_interval_and_no_p() -> None:
    chance = Chance.of([0.3], (0.2, 0.4))
    assert all(math.isnan(x) for x in (*chance.interval(), *chance.prediction(), chance.p()))
    assert "one training" in chance.estimate(100).method


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [math.inf, 0.2]])
def test_what_is_no_number_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="one finite number per training"):
        Chance.of(values)


@pytest.mark.parametrize("trainings", [2, 3, 6])
@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0, 3.0])
def test_it_covers_the_truth(trainings: int, tau: float) -> None:
    """Trainings share their people: an error of people, and one of each training beside it."""
    worlds, error = 4000, 1.0
    rng = np.random.default_rng([trainings, int(10 * tau)])
    people = rng.normal(0, error, worlds)
    values = people[:, None] + rng.normal(0, tau, (worlds, trainings))
    width = stats.norm.ppf(0.975) * error
    covered = 0
    for row in values:
        mean = float(row.mean())
        low, high = Chance.of(row.tolist(), (mean - width, mean + width)).interval()
        covered += low <= 0 <= high
    # four standard deviations of a share of 4,000
    assert covered / worlds >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / worlds)


@pytest.mark.parametrize("runs", [1, 3])
def test_the_prediction_holds_what_other_runs_give(runs: int) -> None:
    worlds, rng = 4000, np.random.default_rng(runs)
    values = rng.normal(0, 1, (worlds, 3))
    theirs = rng.normal(0, 1, (worlds, runs)).mean(1)
    inside = 0
    for row, other in zip(values, theirs, strict=True):
        low, high = Chance.of(row.tolist()).prediction(runs)
        inside += low <= other <= high
    assert abs(inside / worlds - 0.95) < 4 * math.sqrt(0.95 * 0.05 / worlds)
