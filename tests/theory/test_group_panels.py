"""Panels under every definition: the plain loop over resamples, weights, groups that overlap."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fairlearn import metrics as fairlearn
from numpy.typing import NDArray

from fairtut.errors import InputError, UnknownName
from fairtut.methods.reprogramming.overlap import deviations
from fairtut.metrics import DEFINITIONS, GroupPanel, UndefinedMetricWarning, metric
from fairtut.metrics.panels import Panel

pytestmark = pytest.mark.filterwarnings("ignore::fairtut.metrics.UndefinedMetricWarning")
SIGNED = "average_odds_difference"
SHORT = {"accuracy": "accuracy", "dp": "demographic_parity_gap", "deo": "deo"}
Ints = NDArray[np.int64]


def draw(n: int, seed: int, groups: int = 2, models: int = 3) -> tuple[Ints, Ints, Ints]:
    """Return y, s and the decisions of some models (models, n), with gaps between groups."""
    rng = np.random.default_rng(seed)
    y, s = rng.integers(0, 2, n), rng.integers(0, groups, n)
    return y, s, (rng.random((models, n)) < 0.2 + 0.4 * y + 0.15 * s).astype(int)


def agree(ours: Any, theirs: Any) -> None:
    """Equal, NaN where NaN; sums of fractions may be added in another order."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


# --- the loop --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "groups"),
    [(name, g) for name in sorted(DEFINITIONS) for g in (2, 3) if (name, g) != (SIGNED, 3)],
)
def test_every_definition_is_the_loop_over_resamples(name: str, groups: int) -> None:
    n = 14 * groups  # so few that cells are empty in some resamples
    y, s, y_hat = draw(n, 1, groups)
    panel = GroupPanel(y, s, n_resamples=60, seed=3)
    found = panel.metric(name, y_hat)
    assert found.shape == (3, 61)
    declared = {"groups": range(groups), "classes": (0, 1)}
    for r in range(61):
        rows = panel.rows(r)
        wanted = [metric(name)(y[rows], own[rows], s[rows], **declared) for own in y_hat]
        agree(found[:, r], wanted)


def test_the_loop_is_over_bootstrap_samples() -> None:
    panel = GroupPanel(*draw(40, 0)[:2], n_resamples=50)
    assert panel.rows(0).tolist() == list(range(40))
    assert all(panel.rows(r).shape == (40,) for r in range(51))
    assert len({tuple(panel.rows(r)) for r in range(51)}) == 51
    other = Panel(*draw(40, 1)[:2], n_resamples=50)  # other people, the same draws
    assert all((panel.rows(r) == other.rows(r)).all() for r in range(51))


@pytest.mark.parametrize("multiclass", ["worst", "mean"])
def test_several_classes_and_named_labels(multiclass: Any) -> None:
    rng = np.random.default_rng(0)
    names = np.array(["high", "low", "mid"])
    y, y_hat = names[rng.integers(0, 3, 60)], names[rng.integers(0, 3, (2, 60))]
    s = [["f", "m"][i] for i in rng.integers(0, 2, 60)]
    panel = GroupPanel(y, s, n_resamples=20)
    found = panel.metric("deo", y_hat, multiclass=multiclass)
    with pytest.raises(InputError, match="favourable"):
        panel.metric("dp", y_hat)
    for r in (0, 7):
        rows = panel.rows(r)
        for own, value in zip(y_hat, found[:, r], strict=True):
            people = y[rows], own[rows], np.array(s)[rows]
            agree(value, metric("deo")(*people, multiclass=multiclass, classes=tuple(names)))
    favoured = GroupPanel(y, s, positive="high", n_resamples=5).metric("di", y_hat)
    agree(favoured[1, 0], metric("di")(y, y_hat[1], s, positive="high"))


def test_options_and_functions_name_a_metric_too() -> None:
    y, s, y_hat = draw(300, 2)
    panel = Panel(y, s, n_resamples=20)
    signed = panel.metric("equal_opportunity_gap", y_hat, signed=True)
    np.testing.assert_array_equal(signed, panel.signed_gap(y_hat, 1))
    definition = metric("equalized_odds_gap").with_options(reduce="max")
    agree(panel.metric(definition, y_hat), panel.metric("equalized_odds_max", y_hat))
    table = panel.tables(y_hat)
    agree(metric("di").of_table(table), panel.metric("di", y_hat))
    assert table.batch == (3, 21) and table.everybody is None


@pytest.mark.parametrize(("short", "name"), sorted(SHORT.items()))
def test_short_names_are_definitions_to_the_last_digit(short: str, name: str) -> None:
    y, s, y_hat = draw(500, 4)
    panel = Panel(y, s, n_resamples=200)
    np.testing.assert_array_equal(getattr(panel, short)(y_hat), panel.metric(name, y_hat))


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        ("demographic_parity_gap", "demographic_parity_difference", {}),
        ("di", "demographic_parity_ratio", {}),
        ("equalized_odds_max", "equalized_odds_difference", {"agg": "worst_case"}),
        ("equalized_odds_mean", "equalized_odds_difference", {"agg": "mean"}),
        ("equal_opportunity_gap", "equal_opportunity_difference", {}),
        ("equal_opportunity_ratio", "equal_opportunity_ratio", {}),
    ],
)
def test_fairlearn_agrees_on_the_people_and_on_a_resample(
    ours: str, theirs: str, options: dict[str, Any]
) -> None:
    y, s, y_hat = draw(400, 5, groups=3)
    panel = GroupPanel(y, s, n_resamples=3)
    found = panel.metric(ours, y_hat)
    for r in (0, 3):
        rows = panel.rows(r)
        people = {"sensitive_features": s[rows], **options}
        for own, value in zip(y_hat, found[:, r], strict=True):
            agree(value, getattr(fairlearn, theirs)(y[rows], own[rows], **people))


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_a_person_takes_the_weight_along(name: str) -> None:
    y, s, y_hat = draw(40, 6)
    weight = np.random.default_rng(7).choice([0.0, 0.3, 1.0, 2.5], 40)
    panel = GroupPanel(y, s, sample_weight=weight, n_resamples=20)
    found = panel.metric(name, y_hat)
    for r in range(21):
        rows = panel.rows(r)
        options = {"sample_weight": weight[rows], "groups": (0, 1), "classes": (0, 1)}
        agree(found[1, r], metric(name)(y[rows], y_hat[1][rows], s[rows], **options))
    by_hand = (weight * (y_hat == y)).sum(1) / weight.sum()
    agree(panel.mean(y_hat == y)[:, 0], by_hand)


# --- groups that overlap ---------------------------------------------------------------------


def naive(y: Ints, y_hat: Ints, members: NDArray[np.bool_]) -> dict[str, float]:
    """Return some definitions of groups that overlap, one rate after the other."""

    def rate(wanted: Any, among: Any) -> float:
        return float(wanted[among].mean()) if among.any() else float("nan")

    everybody, yes, no = np.ones(len(y), bool), y == 1, y == 0
    dp, odds, tpr, right = [], [], [], []
    for m in members.T:
        dp.append(abs(rate(y_hat, everybody) - rate(y_hat, m)))
        fpr = abs(rate(y_hat, no) - rate(y_hat, no & m))
        odds.append(fpr + abs(rate(y_hat, yes) - rate(y_hat, yes & m)))
        tpr.append(rate(y_hat, yes & m))
        right.append(rate(y_hat == y, m))
    recall = rate(y_hat, yes), rate(1 - y_hat, no)
    return {
        "accuracy": rate(y_hat == y, everybody),
        "balanced_accuracy": sum(recall) / 2,
        "worst_group_accuracy": float(np.min(right)),
        "group_accuracy_gap": float(np.max(right) - np.min(right)),
        "equal_opportunity_gap": float(np.max(tpr) - np.min(tpr)),
        "dp": sum(dp),
        "dp_half": sum(dp) / len(dp),
        "eo_half": sum(odds) / 2,
        "eo_code": sum(odds) / len(odds),
        "eo_code_half": sum(odds) / len(odds) / 2,
    }


def crowd(n: int, seed: int = 0) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """Return y, memberships (n, 4) and the decisions of two models (2, n)."""
    y, _, y_hat = draw(n, seed, models=2)
    members = np.random.default_rng(seed + 100).random((n, 4)) < [0.5, 0.3, 0.2, 0.2]
    assert len(set(members.sum(1))) > 2  # of none, one and several groups
    return y, members, y_hat


@pytest.mark.parametrize("n", [30, 400])
def test_groups_that_overlap_are_the_naive_loop(n: int) -> None:
    y, members, y_hat = crowd(n)
    panel = GroupPanel(y, members=members, n_resamples=30)
    for r in (0, *range(1, 31, 3)):
        rows = panel.rows(r)
        for i, own in enumerate(y_hat):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                wanted = naive(y[rows], own[rows], members[rows])
            for name, value in wanted.items():
                agree(panel.metric(name, y_hat)[i, r], value)


def test_groups_that_overlap_are_those_of_the_method() -> None:
    y, members, y_hat = crowd(200)
    panel = GroupPanel(y, members=members, n_resamples=0)
    names = {"mean": ("dp_half", "eo_code_half"), "sum": ("dp", "eo_half")}
    for reduce, (dp, eo) in names.items():
        wanted = deviations(y, y_hat[0], members, reduce)
        assert panel.metric(dp, y_hat[0])[0] == pytest.approx(wanted["dp"], abs=1e-12)
        assert panel.metric(eo, y_hat[0])[0] == pytest.approx(wanted["eo"], abs=1e-12)


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_memberships_without_overlap_are_groups(name: str) -> None:
    y, s, y_hat = draw(60, 8)
    by_code, by_member = (
        GroupPanel(y, **{key: value}, n_resamples=30).metric(name, y_hat)
        for key, value in (("s", s), ("members", s[:, None] == [0, 1]))
    )
    np.testing.assert_array_equal(by_code, by_member)


def test_a_group_of_its_own_for_nobody_changes_only_what_looks_at_it() -> None:
    """A copy of a group doubles it in the sum over groups, and moves no rate of everybody."""
    y, members, y_hat = crowd(150)
    twice = GroupPanel(y, members=np.hstack([members, members]), n_resamples=10)
    once = GroupPanel(y, members=members, n_resamples=10)
    for name, factor in (("dp", 2), ("dp_half", 1), ("accuracy", 1), ("equalized_odds_max", 1)):
        agree(twice.metric(name, y_hat), factor * once.metric(name, y_hat))


def test_memberships_of_any_kind_and_their_weights() -> None:
    y, members, y_hat = crowd(80)
    weight = np.random.default_rng(1).integers(0, 4, 80)
    frame = pd.DataFrame(members, columns=list("abcd"))
    panel = GroupPanel(y, members=frame, sample_weight=weight, n_resamples=5)
    assert panel.groups == ("a", "b", "c", "d")
    copies = [np.repeat(v, weight, axis=0) for v in (y, y_hat.T, members)]
    wanted = naive(copies[0], copies[1].T[0], copies[2])
    for name, value in wanted.items():
        assert panel.metric(name, y_hat)[0, 0] == pytest.approx(value, abs=1e-12)
    tensor = GroupPanel(torch.tensor(y), members=torch.tensor(members), n_resamples=5)
    agree(tensor.metric("dp", torch.tensor(y_hat)), GroupPanel(
        y, members=members.astype(int), n_resamples=5).metric("dp", y_hat))  # fmt: skip
    assert tensor.groups == (0, 1, 2, 3)


def test_tables_of_groups_that_overlap_do_not_lose_everybody() -> None:
    y, members, y_hat = crowd(50)
    table = GroupPanel(y, members=members, n_resamples=2).tables(y_hat[0])
    assert (table.total == 50).all() and (table.n[0] == members.sum(0)).all()
    with pytest.raises(InputError, match="everybody"):
        table.with_counts(table.counts[0])
    first = table.with_counts(table.counts[0], table.whole[0])
    assert metric("accuracy").measure(first) == pytest.approx((y_hat[0] == y).mean())
    with pytest.raises(InputError, match="overlap"):
        first.resampled(10, np.random.default_rng(0))


# --- intervals -------------------------------------------------------------------------------


def test_a_paired_difference_covers_the_truth_as_often_as_it_says() -> None:
    """True-positive gaps of .4 and .25 among the same people, by four errors of a share."""
    n, runs, covered = 400, 400, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        y, s = rng.integers(0, 2, (2, n))
        luck = rng.random(n)  # shared: the two models are alike
        y_hat = np.stack([luck < 0.3 + 0.4 * s, luck < 0.4 + 0.25 * s]).astype(int)
        panel = Panel(y, s, n_resamples=200, seed=seed)
        gap = panel.metric("equal_opportunity_gap", y_hat, signed=True)
        e = panel.interval(gap[1] - gap[0])
        covered += e.low <= -0.15 <= e.high
    assert abs(covered / runs - 0.95) < 4 * np.sqrt(0.95 * 0.05 / runs)


@pytest.mark.parametrize("overlapping", [False, True])
def test_undefined_resamples_are_left_out_and_counted(overlapping: bool) -> None:
    """A group of two among 50 vanishes in (1 - 2/50)^50 = 13 % of the resamples."""
    few = np.arange(50) < 2
    y_hat = np.arange(50) % 2
    who = {"members": np.stack([few, np.ones(50, bool)], 1)} if overlapping else {"s": few}
    panel = GroupPanel(y_hat, **who, n_resamples=2000)
    gap = panel.metric("demographic_parity_gap", y_hat)
    e = panel.interval(gap)
    chance = 0.96**50
    assert abs(e.n_nan / 2000 - chance) < 4 * np.sqrt(chance * (1 - chance) / 2000)
    gone = [not np.isin([0, 1], panel.rows(r)).any() for r in range(2001)]
    np.testing.assert_array_equal(np.isnan(gap), gone)
    assert (e.low, e.high) == tuple(np.percentile(gap[1:][~np.isnan(gap[1:])], [2.5, 97.5]))


def test_a_record_is_told_how_many_resamples_are_undefined() -> None:
    few = np.arange(50) < 2
    panel = GroupPanel(np.arange(50) % 2, few, n_resamples=300)
    gap = panel.metric("dp", np.arange(50) % 2)
    body = panel.measurement(gap)
    assert body.values == [gap[0]]
    assert (body.note or "").startswith(f"undefined in {np.isnan(gap).sum()} of 300 resamples")
    assert panel.measurement(panel.metric("accuracy", few)).note is None


def test_what_nobody_can_measure_has_no_interval() -> None:
    panel = GroupPanel([0, 1, 0, 1], [0, 0, 1, 1], groups=(0, 1, 2), n_resamples=30)
    e = panel.interval(panel.metric("dp", [0, 1, 1, 1]))
    assert np.isnan([e.value, e.low, e.high]).all() and e.n_nan == 30


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "match"),
    [
        ({"s": [0, 1, 0], "members": np.eye(3)}, "not both"),
        ({"s": [0, 1]}, "rows"),
        ({"members": np.eye(2)}, "for 3 people"),
        ({"members": [0, 1, 1]}, "for 3 people"),
        ({"members": np.zeros((3, 0))}, "for 3 people"),
        ({"members": np.eye(3) / 2}, "0 and 1"),
        ({"members": np.eye(3), "groups": ("a", "b")}, "name each group once"),
        ({"members": np.eye(3), "groups": ("a", "b", "a")}, "name each group once"),
        ({"sample_weight": [1, 2, -1]}, "none negative"),
        ({"n_resamples": -1}, "0 or more"),
        ({"positive": "yes"}, "none of the classes"),
    ],
)
def test_what_is_no_panel_is_refused(keywords: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        GroupPanel([0, 1, 1], **keywords)
    assert "\n" not in str(caught.value)


def test_people_of_another_order_are_refused() -> None:
    members = pd.DataFrame(np.eye(3, dtype=int), index=list("cba"))
    with pytest.raises(InputError, match="different indexes"):
        GroupPanel(pd.Series([0, 1, 1], index=list("abc")), members=members)


@pytest.mark.parametrize(
    ("y_hat", "match"),
    [([0, 1], "one per person"), ([0, 1, 2], "none of 0, 1"), ([0.5, 1, 0], "a score")],
)
def test_what_is_no_decision_is_refused(y_hat: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        GroupPanel([0, 1, 1], n_resamples=2).metric("accuracy", y_hat)


def test_what_needs_more_than_decisions_says_so() -> None:
    panel = GroupPanel(["a", "b", "c"], n_resamples=2)
    with pytest.raises(InputError, match=r"for scores use auc, .* rows"):
        panel.metric(lambda y, y_hat, s: 0.0, ["a", "b", "c"])
    with pytest.raises(InputError, match="positive"):
        panel.auc([0.1, 0.2, 0.3])
    with pytest.raises(UnknownName, match="deo"):
        panel.metric("deoo", ["a", "b", "c"])


def test_nan_comes_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UndefinedMetricWarning)
        assert np.isnan(Panel([1, 1], [0, 1], n_resamples=3).metric("deo", [0, 1])).all()
