"""Weights of people: as if each stood there so many times, in values and in resamples."""

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from sklearn import metrics as sklearn

from fairtut.errors import InputError
from fairtut.metrics import (
    DEFINITIONS,
    bootstrap,
    bootstrap_difference,
    bootstrap_table,
    demographic_parity_gap,
    group_table,
    metric,
)

Y, Y_HAT, S, W = [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 1], [1, 2, 3, 4]


def people(n=600, seed=0):
    """Labels, decisions and groups of n people, and a weight for each."""
    rng = np.random.default_rng(seed)
    s, y = rng.integers(0, 2, n), rng.integers(0, 2, n)
    return y, (rng.random(n) < 0.3 + 0.3 * y + 0.1 * s).astype(int), s, rng.integers(0, 5, n)


def test_by_hand():
    gap = demographic_parity_gap(Y, Y_HAT, S, sample_weight=W)
    assert gap == pytest.approx(2 / 3)
    assert gap.n == 4 and gap.cells == {"s=0": 2, "s=1": 2}  # people, not weights


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_a_weight_is_so_many_copies(name):
    y, y_hat, s, w = people()
    copies = [np.repeat(v, w) for v in (y, y_hat, s)]
    assert metric(name)(y, y_hat, s, sample_weight=w) == pytest.approx(
        metric(name)(*copies), abs=1e-12
    )


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_equal_weights_are_none(name):
    y, y_hat, s, _ = people()
    same = np.full(len(y), 0.25)
    plain, weighted = (
        bootstrap(name, y, y_hat, s, n_resamples=200, **options)
        for options in ({}, {"sample_weight": same})
    )
    for part in ("value", "low", "high"):
        assert getattr(weighted, part) == pytest.approx(getattr(plain, part), abs=1e-12)
    assert weighted.n == plain.n == len(y)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("demographic_parity_gap", fairlearn.demographic_parity_difference),
        ("demographic_parity_ratio", fairlearn.demographic_parity_ratio),
        ("equalized_odds_max", fairlearn.equalized_odds_difference),
    ],
)
def test_fairlearn_agrees(ours, theirs):
    y, y_hat, s, w = people()
    expected = theirs(y, y_hat, sensitive_features=s, sample_weight=w)
    assert metric(ours)(y, y_hat, s, sample_weight=w) == pytest.approx(expected, abs=1e-12)


def test_scikit_learn_agrees():
    y, y_hat, _, w = people()
    for ours, theirs in (
        ("accuracy", sklearn.accuracy_score),
        ("balanced_accuracy", sklearn.balanced_accuracy_score),
    ):
        expected = theirs(y, y_hat, sample_weight=w)
        assert metric(ours)(y, y_hat, sample_weight=w) == pytest.approx(expected, abs=1e-12)


def test_resamples_are_those_of_rows():
    """Mean and spread of the weighted gap against a plain bootstrap of rows, by six errors."""
    y, y_hat, s, w = people()
    definition = metric("demographic_parity_gap").with_options(signed=True)
    ours = bootstrap(definition, y, y_hat, s, sample_weight=w, n_resamples=4000)
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(y), (1000, len(y)))
    draws = [definition(y[r], y_hat[r], s[r], sample_weight=w[r]) for r in rows]
    spread = np.std(draws)
    error = spread * 2.7 / np.sqrt(1000)  # standard error of a 2.5 % quantile of a normal law
    for bound, level in ((ours.low, 0.025), (ours.high, 0.975)):
        assert bound == pytest.approx(np.quantile(draws, level), abs=6 * error)
    plain = bootstrap(definition, y, y_hat, s, n_resamples=4000)
    assert ours.high - ours.low > 1.1 * (plain.high - plain.low)  # unequal weights cost people


def test_a_paired_difference_takes_weights_along():
    y, y_hat, s, w = people()
    other = 1 - y_hat
    found = bootstrap_difference("accuracy", y, y_hat, other, s, sample_weight=w)
    expected = metric("accuracy")(y, y_hat, sample_weight=w) - metric("accuracy")(
        y, other, sample_weight=w
    )
    assert found.value == pytest.approx(expected) and found.low < expected < found.high
    assert found.n == len(y)


@pytest.mark.parametrize(
    ("weight", "match"),
    [
        ([1, 1, 1], r"sample_weight has shape \(3,\)"),
        ([1, 1, 1, -1], "none negative"),
        ([1, 1, 1, np.inf], "finite"),
        ([1, 1, 1, np.nan], "NaN"),
        ([0, 0, 0, 0], "one above 0"),
    ],
)
def test_bad_weights(weight, match):
    with pytest.raises(InputError, match=match):
        demographic_parity_gap(Y, Y_HAT, S, sample_weight=weight)


def test_weights_of_other_people_are_refused():
    weight = pd.Series(W, list("abdc"))
    with pytest.raises(InputError, match="y and sample_weight have different indexes"):
        demographic_parity_gap(pd.Series(Y, list("abcd")), Y_HAT, S, sample_weight=weight)


def test_sums_alone_are_not_resampled():
    with pytest.raises(InputError, match=r"call fairtut\.metrics\.bootstrap with"):
        bootstrap_table("accuracy", group_table(Y, Y_HAT, S, sample_weight=W))


def test_a_batch_of_runs():
    runs = np.array([Y_HAT, Y])
    table = group_table(Y, runs, S, sample_weight=W)
    assert table.batch == (2,)
    assert metric("accuracy").of_table(table).tolist() == pytest.approx([0.7, 1.0])
