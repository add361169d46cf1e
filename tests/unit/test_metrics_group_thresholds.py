"""The least DEO over pairs of group thresholds: against every pair, and by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtut.errors import InputError
from fairtut.metrics import EmptyGroupWarning, equalized_odds_gap, least_deo

BUDGETS = (0.0, 0.01, 0.05, 0.2, 1.0)


def draw(n: int, seed: int, *, decimals: int = 1) -> tuple[np.ndarray, ...]:
    """Return scores with ties, y and s; the second group is ranked worse and lies higher."""
    rng = np.random.default_rng(seed)
    s = np.append(rng.integers(0, 2, n - 4), (0, 0, 1, 1))
    y = np.append(rng.integers(0, 2, n - 4), (0, 1, 0, 1))  # no empty cell
    return np.round(2 * y - 1 + 0.4 * s + (1 + s) * rng.normal(size=n), decimals), y, s


def every_pair(score: np.ndarray, y: np.ndarray, s: np.ndarray) -> list[tuple[float, float]]:
    """Return DEO and -accuracy of all pairs of thresholds that differ."""
    tried = []
    for pair in itertools.product([-np.inf, 0.0, *np.unique(score)], repeat=2):
        y_hat = score > np.array(pair)[s]
        rate = {(g, k): y_hat[(s == g) & (y == k)].mean() for g in (0, 1) for k in (0, 1)}
        deo = abs(rate[0, 0] - rate[1, 0]) + abs(rate[0, 1] - rate[1, 1])
        tried.append((round(deo, 10), -np.mean(y_hat == y)))
    return tried


@given(n=st.integers(6, 12), seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_least_is_that_of_every_pair(n, seed):
    score, y, s = draw(n, seed)
    tried, base = every_pair(score, y, s), np.mean((score > 0) == y)
    for budget in BUDGETS:
        (found,) = least_deo(score, y, s, (budget,))
        least, accuracy = min(pair for pair in tried if -pair[1] >= base - budget - 1e-12)
        assert (found.deo, found.accuracy) == pytest.approx((least, -accuracy))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_promised_is_what_the_thresholds_give(seed):
    score, y, s = draw(3000, seed, decimals=9)
    deployed = (score > 0.3).astype(int)
    found = least_deo(score, y, s, BUDGETS, threshold=0.3, most=64)
    for budget, choice in zip(BUDGETS, found, strict=True):
        y_hat = (score > np.array(choice.thresholds)[s]).astype(int)
        assert choice.deo == pytest.approx(equalized_odds_gap(y, y_hat, s))
        assert choice.accuracy == pytest.approx(np.mean(y_hat == y))
        assert choice.accuracy >= np.mean(deployed == y) - budget - 1e-12
    deo = [choice.deo for choice in found]
    assert deo == sorted(deo, reverse=True)  # more to spend, never worse
    assert deo[0] <= equalized_odds_gap(y, deployed, s)
    assert deo[-1] < 0.1  # any answer is allowed, and 64 candidates are only so close


def test_the_deployed_threshold_is_a_candidate_on_any_grid():
    score, y, s = draw(500, 0, decimals=9)
    coarse = least_deo(score, y, s, (1.0,), most=2)[0]  # else only "everybody" and "nobody"
    assert coarse.deo == 0
    coarse = least_deo(score, y, s, most=2)[0]
    assert coarse.deo <= equalized_odds_gap(y, (score > 0).astype(int), s)
    assert coarse.accuracy >= np.mean((score > 0) == y)


def test_equal_groups_have_no_gap():
    score, y, _ = draw(60, 0)
    twice = least_deo(np.tile(score, 2), np.tile(y, 2), np.repeat([0, 1], 60), BUDGETS)
    assert [choice.deo for choice in twice] == [0.0] * len(BUDGETS)


def test_by_hand():
    # three women of each class, ranked perfectly; a man of each, the wrong way round
    s = [0, 0, 0, 0, 0, 0, 1, 1]
    y = [0, 0, 0, 1, 1, 1, 0, 1]
    score = [-1, -1, -1, 1, 1, 1, 1, -1]
    assert equalized_odds_gap(y, (np.array(score) > 0).astype(int), s) == 2  # six of eight right
    free, cheap, dear = least_deo(score, y, s, (0.0, 0.125, 0.25))
    # only the women's own threshold is right often enough; the men may all get one answer
    assert (free.deo, free.accuracy) == (1.0, 7 / 8)
    assert cheap == free
    assert (dear.deo, dear.accuracy) == (0.0, 4 / 8)  # everybody gets one answer


def test_the_favourable_class_may_be_the_other_one():
    score, y, s = draw(80, 1)
    names = np.where(y == 1, "no", "yes")
    with pytest.raises(InputError, match="one of them positive"):
        least_deo(score, names, s)
    assert least_deo(score, names, s, BUDGETS, positive="no") == least_deo(score, y, s, BUDGETS)


def test_an_empty_cell_gives_nan_and_says_whose():
    with pytest.warns(EmptyGroupWarning, match="least_deo is NaN: nobody in s=1, y=0"):
        found = least_deo([0.1, -0.2, 0.3], [0, 1, 1], [0, 0, 1], (0.0, 0.1))
    assert [np.isnan(choice.deo) for choice in found] == [True, True]


def test_refuses():
    score, y, s = draw(20, 0)
    with pytest.raises(InputError, match="budgets"):
        least_deo(score, y, s, (-0.1,))
    with pytest.raises(InputError, match="1 groups"):
        least_deo(score, y, np.zeros(20, int))
    with pytest.raises(InputError, match="score has shape"):
        least_deo(score[:5], y, s)
    with pytest.raises(InputError, match="score holds NaN"):
        least_deo(np.full(20, np.nan), y, s)
    with pytest.raises(InputError, match="most=1"):
        least_deo(score, y, s, most=1)
    with pytest.raises(InputError, match="threshold=nan"):
        least_deo(score, y, s, threshold=float("nan"))
