"""The multinomial bootstrap *is* the row bootstrap, and its intervals cover."""

import itertools

import numpy as np
import pytest
from scipy import stats

from fairtut import metrics as m
from fairtut.metrics.group import multinomial


def population(n, rng, gap=0.2):
    s = rng.integers(0, 2, n)
    y = (rng.random(n) < 0.4 + 0.2 * s).astype(int)
    rate = np.where(y == 1, 0.7, 0.2) + gap * (s - 0.5)
    return y, (rng.random(n) < rate).astype(int), s


def test_by_enumeration_counts_of_row_resamples_are_multinomial():
    """All 5^5 row resamples of five people, against the multinomial probability function."""
    cells = np.array([0, 0, 3, 3, 5])
    n, counts = len(cells), np.bincount(cells, minlength=8)
    seen = {}
    for rows in itertools.product(range(n), repeat=n):
        key = tuple(np.bincount(cells[list(rows)], minlength=8))
        seen[key] = seen.get(key, 0) + 1
    law = stats.multinomial(n, counts / n)
    for key, times in seen.items():
        assert times / n**n == pytest.approx(law.pmf(key), rel=1e-9)
    assert sum(law.pmf(key) for key in seen) == pytest.approx(1.0)
    draws = multinomial(counts, 20_000, np.random.default_rng(0))
    keys = list(seen)
    drawn = [np.all(draws == key, axis=1).sum() for key in keys]
    assert sum(drawn) == 20_000
    expected = [20_000 * seen[key] / n**n for key in keys]
    assert stats.chisquare(drawn, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", ["equalized_odds_gap", "di", "group_accuracy_gap"])
def test_quantiles_agree_with_resampled_rows(name):
    y, y_hat, s = population(300, np.random.default_rng(1))
    rng = np.random.default_rng(2)
    runs = 4000
    definition = m.metric(name)
    cell = (s * 2 + y) * 2 + y_hat
    resampled = [cell[rng.integers(0, 300, 300)] for _ in range(runs)]  # rows with replacement
    counts = np.stack([np.bincount(c, minlength=8) for c in resampled]).reshape(-1, 2, 2, 2)
    plain = definition.of_table(m.group_table(y, y_hat, s).with_counts(counts))
    table = m.group_table(y, y_hat, s)
    ours = definition.of_table(table.resampled(runs, np.random.default_rng(3)))
    assert stats.ks_2samp(plain, ours).pvalue > 1e-3
    for q in (0.025, 0.5, 0.975):
        assert np.quantile(ours, q) == pytest.approx(np.quantile(plain, q), abs=0.015)


def test_a_function_of_rows_gets_the_same_interval():
    y, y_hat, s = population(300, np.random.default_rng(4))

    def gap(y, y_hat, s):
        return y_hat[s == 1].mean() - y_hat[s == 0].mean()

    rows = m.bootstrap(gap, y, y_hat, s, n_resamples=3000)
    cells = m.bootstrap("demographic_parity_gap", y, y_hat, s, n_resamples=3000, signed=True)
    assert rows.value == pytest.approx(cells.value)
    assert (rows.low, rows.high) == pytest.approx((cells.low, cells.high), abs=0.012)


def test_coverage_of_the_signed_gap():
    rng = np.random.default_rng(5)
    hits = 0
    for i in range(600):
        y, y_hat, s = population(400, rng, gap=0.2)
        estimate = m.bootstrap(
            "demographic_parity_gap", y, y_hat, s, n_resamples=400, seed=i, signed=True
        )
        # P(y=1|s) = .4 + .2 s; P(y_hat=1|y,s) = .2 + .5 y + .2 (s - .5)
        truth = 0.5 * 0.2 + 0.2
        hits += estimate.low <= truth <= estimate.high
    assert 0.92 <= hits / 600 <= 0.975  # nominal .95, standard error .009


def test_an_unsigned_gap_cannot_cover_zero():
    """The documented limit: without a true gap the unsigned interval misses 0 nearly always."""
    rng = np.random.default_rng(6)
    signed = unsigned = 0
    for i in range(200):
        s, y_hat = rng.integers(0, 2, (2, 300))
        options = {"n_resamples": 200, "seed": i}
        unsigned += m.bootstrap("demographic_parity_gap", y_hat, y_hat, s, **options).excludes(0)
        signed += m.bootstrap(
            "demographic_parity_gap", y_hat, y_hat, s, signed=True, **options
        ).excludes(0)
    assert signed / 200 < 0.12
    assert unsigned / 200 > 0.8


def test_paired_difference_is_the_paired_row_bootstrap():
    rng = np.random.default_rng(7)
    y, y_hat, s = population(400, rng)
    other = np.where(rng.random(400) < 0.95, y_hat, 1 - y_hat)  # nearly the same decisions
    ours = m.bootstrap_difference("deo", y, y_hat, other, s, n_resamples=4000)
    counts = []
    for r in rng.integers(0, 400, (4000, 400)):  # the same rows for both decisions
        cells = [(s[r] * 2 + y[r]) * 2 + h[r] for h in (y_hat, other)]
        counts.append([np.bincount(c, minlength=8).reshape(2, 2, 2) for c in cells])
    both = m.group_table(y, y_hat, s).with_counts(np.array(counts))  # (4000, 2, G, K, K)
    values = m.metric("deo").of_table(both)
    low, high = np.quantile(values[:, 0] - values[:, 1], [0.025, 0.975])
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.01)
    alone = m.bootstrap("deo", y, y_hat, s)
    assert ours.high - ours.low < 0.6 * (alone.high - alone.low)  # what they share cancels


def test_paired_coverage():
    rng = np.random.default_rng(8)
    hits = 0
    for i in range(300):
        y, y_hat, s = population(400, rng, gap=0.2)
        other = np.where(rng.random(400) < 0.8, y_hat, 0)  # every rate, so the gap too, times .8
        estimate = m.bootstrap_difference(
            "demographic_parity_gap", y, y_hat, other, s, n_resamples=300, seed=i, signed=True
        )
        hits += estimate.low <= 0.2 * 0.3 <= estimate.high
    assert 0.915 <= hits / 300 <= 0.985


def test_t_interval_covers():
    values = np.random.default_rng(9).normal(0.8, 0.02, (800, 5))
    hits = sum(e.low <= 0.8 <= e.high for e in map(m.over_seeds, values))
    assert 0.925 <= hits / 800 <= 0.973
