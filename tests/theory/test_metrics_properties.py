"""What must hold of every group metric, whatever the data."""

import warnings
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtut import metrics as m

pytestmark = pytest.mark.filterwarnings("ignore::fairtut.metrics.UndefinedMetricWarning")
SIGNED = "average_odds_difference"
UNSIGNED = [d for d in m.DEFINITIONS.values() if d.larger_is_fairer is not None]
GAPS = [d for d in UNSIGNED if d.perfect == 0.0]
# the people that each metric divides by: "" members, 1 positives, 0 negatives of a group
MEMBERS = ["di", "demographic_parity_ratio", "demographic_parity_gap", "dp", "dp_half"]
ODDS = ["equalized_odds_gap", "deo", "equalized_odds_mean", "equalized_odds_max", "eo_half"]
DIVIDES = {
    "": [*MEMBERS, "joint_tp_gap", "group_accuracy_gap", "worst_group_accuracy"],
    "1": ["equal_opportunity_gap", "equal_opportunity_ratio"],
    "01": [*ODDS, "eo_code", "eo_code_half", SIGNED, "worst_cell_accuracy"],
}


def same(a, b):
    return (isnan(a) and isnan(b)) or a == pytest.approx(b, abs=1e-12)


def people(n_groups=3):
    """Rows (s, y, y_hat); groups and cells may be empty."""
    row = st.tuples(st.integers(0, n_groups - 1), st.integers(0, 1), st.integers(0, 1))
    return st.lists(row, min_size=1, max_size=40).map(lambda rows: np.array(rows).T)


def measure(definition, s, y, y_hat, n_groups=3):
    return definition(y, y_hat, s, groups=range(n_groups))


@given(people(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_order_of_people_does_not_matter(rows, random):
    order = list(range(rows.shape[1]))
    random.shuffle(order)
    for d in UNSIGNED:
        assert same(measure(d, *rows), measure(d, *rows[:, order]))


@given(people(), st.permutations(range(3)))
@settings(max_examples=30)
def test_names_of_groups_do_not_matter(rows, names):
    s, y, y_hat = rows
    renamed = np.array(names)[s]
    for d in UNSIGNED:
        assert same(measure(d, s, y, y_hat), measure(d, renamed, y, y_hat))


@given(people(2))
@settings(max_examples=30)
def test_signed_gaps_flip_with_the_groups_and_agree_with_the_unsigned(rows):
    s, y, y_hat = rows
    for function in (m.demographic_parity_gap, m.equal_opportunity_gap, m.group_accuracy_gap):
        there = function(y, y_hat, s, signed=True, groups=(0, 1))
        back = function(y, y_hat, 1 - s, signed=True, groups=(0, 1))
        assert same(there, -back)
        assert same(abs(there), function(y, y_hat, s, groups=(0, 1)))
    aod = m.average_odds_difference(y, y_hat, s, groups=(0, 1))
    assert same(aod, -m.average_odds_difference(y, y_hat, 1 - s, groups=(0, 1)))


@given(people(), st.integers(2, 5))
@settings(max_examples=30)
def test_duplicating_everybody_changes_nothing(rows, times):
    for d in UNSIGNED:
        assert same(measure(d, *rows), measure(d, *np.repeat(rows, times, axis=1)))


@given(people())
@settings(max_examples=30)
def test_values_stay_in_the_documented_range(rows):
    for d in UNSIGNED:
        value = measure(d, *rows)
        assert isnan(value) or d.range[0] - 1e-12 <= value <= d.range[1] + 1e-12
    two = rows[:, rows[0] < 2]
    if two.size:
        value = measure(m.metric(SIGNED), *two, n_groups=2)
        assert isnan(value) or -1 <= value <= 1


@given(people(1))
@settings(max_examples=30)
def test_identical_groups_show_no_difference(rows):
    _, y, y_hat = rows
    s = np.repeat([0, 1, 2], len(y))
    for d in GAPS:
        value = d(np.tile(y, 3), np.tile(y_hat, 3), s)
        assert isnan(value) or value == pytest.approx(0.0, abs=1e-12)
    for name in ("di", "equal_opportunity_ratio"):
        value = m.metric(name)(np.tile(y, 3), np.tile(y_hat, 3), s)
        assert isnan(value) or value == 1.0
    if y_hat.any():
        assert m.disparate_impact(np.tile(y, 3), np.tile(y_hat, 3), s) == 1.0


@given(people())
@settings(max_examples=30)
def test_a_perfect_classifier_has_no_odds_gap(rows):
    s, y, _ = rows
    for name in ("deo", "equal_opportunity_gap", "eo_half", "group_accuracy_gap"):
        value = measure(m.metric(name), s, y, y)
        assert isnan(value) or value == 0.0


@given(people())
@settings(max_examples=30)
def test_sum_is_twice_the_mean_and_at_least_the_maximum(rows):
    s, y, y_hat = rows
    total, mean, worst = (
        m.equalized_odds_gap(y, y_hat, s, reduce=r, groups=range(3)) for r in ("sum", "mean", "max")
    )
    assert same(total, 2 * mean)
    assert isnan(total) or total + 1e-12 >= worst >= mean - 1e-12


@given(people(2))
@settings(max_examples=30)
def test_two_group_identities_of_the_reprogramming_paper(rows):
    value = {name: measure(d, *rows, n_groups=2) for name, d in m.DEFINITIONS.items()}
    assert same(value["dp"], value["demographic_parity_gap"])
    assert same(value["dp_half"], value["demographic_parity_gap"] / 2)
    assert same(value["eo_half"], value["equalized_odds_mean"])
    assert same(value["eo_code"], value["equalized_odds_mean"])
    assert same(value["eo_code_half"], value["equalized_odds_mean"] / 2)
    assert same(value["deo"], 2 * value["eo_half"])
    assert isnan(value[SIGNED]) or abs(value[SIGNED]) <= value["equalized_odds_mean"] + 1e-12


@given(people(2))
@settings(max_examples=80)
def test_nan_exactly_where_somebody_is_missing(rows):
    """NaN if and only if a cell that the metric divides by is empty (or a ratio is 0/0)."""
    s, y, y_hat = rows
    empty = {
        "": any((s == g).sum() == 0 for g in (0, 1)),
        "1": any(((s == g) & (y == 1)).sum() == 0 for g in (0, 1)),
        "0": any(((s == g) & (y == 0)).sum() == 0 for g in (0, 1)),
    }
    empty["01"] = empty["0"] or empty["1"]
    nobody = {"di": not y_hat.any(), "demographic_parity_ratio": not y_hat.any()}
    nobody["equal_opportunity_ratio"] = not (y_hat & y).any()
    covered = set()
    for cell, names in DIVIDES.items():
        for name in names:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                value = measure(m.metric(name), s, y, y_hat, n_groups=2)
            assert isnan(value) == (empty[cell] or nobody.get(name, False)), name
            assert len(caught) == isnan(value)
            covered.add(name)
    assert covered == set(m.DEFINITIONS) - {"accuracy", "balanced_accuracy"}
