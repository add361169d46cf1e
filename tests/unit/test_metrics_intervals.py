"""Estimates: how they print, what they count, and what they refuse."""

import warnings

import numpy as np
import pytest
from scipy import stats

from fairtut import metrics as m
from fairtut.errors import InputError

RNG = np.random.default_rng(0)
S = RNG.integers(0, 2, 400)
Y = (RNG.random(400) < 0.3 + 0.3 * S).astype(int)
Y_HAT = np.where(RNG.random(400) < 0.8, Y, 1 - Y)


def test_how_an_estimate_prints():
    estimate = m.Estimate(0.8141, 0.8012, 0.8271, 1000, 0.95, "bootstrap over people")
    assert str(estimate) == ".814 [.801, .827]"
    assert f"{estimate:.1%}" == "81.4% [80.1%, 82.7%]"
    assert f"{m.Estimate(-0.02, -0.05, 1.0, 9, 0.95, ''):.2f}" == "-.02 [-.05, 1.00]"
    assert str(m.over_seeds([0.8])) == ".800 [no interval]"
    assert str(m.Estimate(-0.0, -0.0004, 2e-7, 9, 0.95, "")) == ".000 [.000, .000]"
    assert float(estimate) == 0.8141
    with pytest.raises(AttributeError):
        estimate.value = 1.0  # type: ignore[misc]


def test_excludes():
    nan = float("nan")
    assert m.Estimate(0.2, 0.1, 0.3, 5, 0.95, "").excludes()
    assert m.Estimate(-0.2, -0.3, -0.1, 5, 0.95, "").excludes(0.0)
    assert not m.Estimate(0.2, -0.1, 0.3, 5, 0.95, "").excludes()
    assert not m.Estimate(0.2, nan, nan, 1, 0.95, "").excludes()


def test_bootstrap_by_name_function_definition_and_table_agree():
    by_name = m.bootstrap("equalized_odds_max", Y, Y_HAT, S, seed=3)
    by_function = m.bootstrap(m.equalized_odds_gap, Y, Y_HAT, S, seed=3, reduce="max")
    by_definition = m.bootstrap(m.metric("equalized_odds_max"), Y, Y_HAT, S, seed=3)
    table = m.group_table(Y, Y_HAT, S)
    by_table = m.bootstrap_table("equalized_odds_max", table, seed=3)
    assert by_name == by_function == by_definition == by_table
    assert by_name.value == m.equalized_odds_gap(Y, Y_HAT, S, reduce="max")
    assert by_name.low < by_name.value < by_name.high
    assert by_name.n == 400
    assert by_name.method == "percentile bootstrap over people (1000 resamples)"
    assert by_name != m.bootstrap("equalized_odds_max", Y, Y_HAT, S, seed=4)
    wide = m.bootstrap("equalized_odds_max", Y, Y_HAT, S, seed=3, level=0.99)
    assert wide.low < by_name.low
    assert wide.high > by_name.high


def test_any_function_of_rows():
    def positives(y, y_hat, s):
        return float(np.mean(y_hat))

    estimate = m.bootstrap(positives, Y, Y_HAT, S, n_resamples=300)
    half = 1.96 * np.sqrt(Y_HAT.mean() * (1 - Y_HAT.mean()) / 400)
    assert estimate.value == Y_HAT.mean()
    assert estimate.high - estimate.low == pytest.approx(2 * half, rel=0.2)
    with pytest.raises(InputError, match="options"):
        m.bootstrap(positives, Y, Y_HAT, S, reduce="max")
    with pytest.raises(InputError, match="no metric of fairtut"):
        m.bootstrap_difference(positives, Y, Y_HAT, Y, S)


def test_several_classes_and_attributes():
    y, y_hat = RNG.integers(0, 3, (2, 400))
    estimate = m.bootstrap("deo", y, y_hat, (S, Y), multiclass="worst", n_resamples=50)
    assert estimate.value == m.equalized_odds_gap(y, y_hat, (S, Y), multiclass="worst")
    assert m.bootstrap("di", y, y_hat, S, positive=2, n_resamples=50).low < 1.0


def _small_group(members):
    """A group with `members` people beside one of 200: it vanishes in about exp(-members)."""
    s = np.repeat([0, 1], [200, members])
    y_hat = np.arange(len(s)) % 2
    return y_hat, y_hat, s


def test_undefined_resamples_are_counted_and_few_are_tolerated():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate = m.bootstrap("demographic_parity_gap", *_small_group(4), seed=1)
    assert 5 <= estimate.n_nan <= 40  # exp(-4) = 1.8 % of 1000
    assert estimate.low < estimate.high


def test_many_undefined_resamples_are_left_out_with_a_warning():
    with pytest.warns(m.IntervalWarning, match=r"NaN in \d+ of 1000 resamples"):
        estimate = m.bootstrap("demographic_parity_gap", *_small_group(1), seed=1)
    assert estimate.n_nan == pytest.approx(1000 * np.exp(-1), rel=0.15)
    # what is left is a resample with the one person, whose group has rate 0 for certain
    assert estimate.value == 0.5 and estimate.low < 0.5 < estimate.high
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 200), rel=0.25)


def test_what_is_undefined_in_every_resample_has_no_interval():
    with pytest.warns(m.EmptyGroupWarning):
        estimate = m.bootstrap("demographic_parity_gap", [1, 0], [1, 0], [0, 0], groups=(0, 1))
    assert np.isnan([estimate.value, estimate.low]).all()
    assert estimate.n_nan == 1000


def test_difference_of_a_decision_with_itself_is_exactly_zero():
    estimate = m.bootstrap_difference("deo", Y, Y_HAT, Y_HAT, S)
    assert (estimate.value, estimate.low, estimate.high) == (0.0, 0.0, 0.0)
    assert "paired" in estimate.method


def test_difference_has_the_right_sign_and_classes():
    estimate = m.bootstrap_difference("accuracy", Y, Y, Y_HAT, S)
    assert estimate.value == pytest.approx(1 - np.mean(Y == Y_HAT))
    assert estimate.excludes()
    words = np.array(["no", "yes"])
    by_word = m.bootstrap_difference("accuracy", words[Y], words[Y], words[Y_HAT], S)
    assert (by_word.low, by_word.high) == (estimate.low, estimate.high)
    with pytest.raises(InputError, match="other_y_hat has 3"):
        m.bootstrap_difference("deo", Y, Y_HAT, [0, 1, 0], S)
    with pytest.raises(InputError, match="one decision per person"):
        m.bootstrap_difference("deo", Y, Y_HAT, np.zeros((400, 2)), S)


def test_over_seeds_is_the_textbook_interval():
    values = [0.81, 0.79, 0.84, 0.80, 0.83]
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    estimate = m.over_seeds(values)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert (estimate.value, estimate.n) == (pytest.approx(np.mean(values)), 5)
    assert estimate.method == "t over seeds (ddof=1, 5 seeds)"


def test_repeated_initialisations_are_averaged_first():
    nested = m.over_seeds([[0.8, 0.9], [0.7, 0.8, 0.9], 0.6])
    flat = m.over_seeds([0.85, 0.8, 0.6])
    assert (nested.low, nested.high) == pytest.approx((flat.low, flat.high))
    assert nested.n == 3
    assert m.over_seeds(np.ones((4, 3))).n == 4


def test_one_seed_has_no_interval_and_a_nan_seed_spoils_all():
    assert np.isnan(m.over_seeds([0.8]).low)
    with pytest.warns(m.IntervalWarning, match="1 of 3 seeds are NaN"):
        estimate = m.over_seeds([0.8, float("nan"), 0.7])
    assert np.isnan([estimate.value, estimate.low]).all()


def test_pairing_removes_what_seeds_share():
    shared = RNG.normal(size=8)
    a, b = shared + 0.1 + 0.01 * RNG.normal(size=8), shared
    paired = m.paired_over_seeds(a, b)
    assert paired.excludes()
    assert paired.method.startswith("paired t over seeds")
    assert paired.value == pytest.approx(np.mean(a - b))
    assert paired.high - paired.low < 0.1 * (m.over_seeds(a).high - m.over_seeds(a).low)
    with pytest.raises(InputError, match="a has 8 seeds but b has 7"):
        m.paired_over_seeds(a, b[:7])


def test_people_and_seeds_are_not_mixed():
    estimate = m.bootstrap("deo", Y, Y_HAT, S, n_resamples=40)
    with pytest.raises(InputError, match="plain number per seed"):
        m.over_seeds([estimate, estimate])
    assert "people" in estimate.method
    assert "seeds" not in estimate.method


def test_bad_arguments():
    for call in (
        lambda: m.over_seeds([]),
        lambda: m.over_seeds([[], [1.0]]),
        lambda: m.over_seeds([1.0, 2.0], level=1.0),
        lambda: m.bootstrap("deo", Y, Y_HAT, S, level=95),
        lambda: m.bootstrap("deo", Y, Y_HAT, S, n_resamples=0),
        lambda: m.bootstrap("deo", Y, Y_HAT[:5], S),
    ):
        with pytest.raises(InputError):
            call()


def test_splits_of_the_same_people_widen_the_interval_as_nadeau_and_bengio_say():
    values = [0.1, 0.3, 0.2, 0.25, 0.15]
    plain, corrected = m.over_seeds(values), m.over_splits(values, overlap=0.6)
    ratio = (corrected.high - corrected.value) / (plain.high - plain.value)
    assert ratio == pytest.approx(((1 / 5 + 0.6) / (1 / 5)) ** 0.5)
    assert corrected.value == plain.value and "5 splits" in corrected.method


@pytest.mark.parametrize("overlap", [0.0, -1.0, float("nan"), float("inf")])
def test_an_overlap_is_a_positive_number(overlap):
    with pytest.raises(InputError, match="overlap"):
        m.over_splits([0.1, 0.2], overlap)


def test_corrected_intervals_cover_the_truth_where_plain_ones_do_not():
    # the mean of a test part of 1,000 people: splits of one data set share most of their people
    rng = np.random.default_rng(0)
    covered = {"plain": 0, "corrected": 0}
    for _ in range(300):
        people = rng.normal(size=200)
        tests = [rng.permutation(people)[:60].mean() for _ in range(20)]
        for name, e in (
            ("plain", m.over_seeds(tests)),
            ("corrected", m.over_splits(tests, 60 / 140)),
        ):
            covered[name] += e.low <= 0 <= e.high
    assert covered["corrected"] / 300 > 0.93 > 0.8 > covered["plain"] / 300


def test_a_gate_never_passes_on_a_number_that_is_not_there():
    nan = float("nan")
    found = m.Estimate(0.05, 0.02, 0.08, 9, 0.95, "")
    assert found.below(0.09) and not found.below(0.08) and not found.below(0.05)
    assert found.above(0.01) and not found.above(0.02) and not found.above(0.05)
    for numbers in ((nan, nan, nan), (0.05, nan, nan), (0.05, 0.02, nan), (nan, 0.02, 0.08)):
        for compare in (
            m.Estimate(*numbers, 9, 0.95, "").below,
            m.Estimate(*numbers, 9, 0.95, "").above,
        ):
            with pytest.raises(InputError, match=r"cannot be held against 0.1: bring more people"):
                compare(0.1)
    with pytest.raises(InputError, match="a bound is NaN"):
        found.below(nan)
