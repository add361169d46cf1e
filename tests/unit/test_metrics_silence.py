"""What a metric must not answer in silence: other people, one group, masked or merged values."""

from __future__ import annotations

import itertools
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairtut import metrics
from fairtut.errors import InputError
from fairtut.lab.mitigation import Ground
from fairtut.metrics import bootstrap, bootstrap_difference, group_table, metric
from fairtut.metrics.fronts import pareto_front
from fairtut.metrics.group_panels import GroupPanel
from fairtut.metrics.panels import Panel
from fairtut.metrics.people import checked_weights
from fairtut.metrics.repeats import over_seeds, paired_over_seeds
from fairtut.metrics.resamples import Resamples
from fairtut.metrics.values import UndefinedMetricWarning

rng = np.random.default_rng(0)
N = 120
Y, S = rng.integers(0, 2, N), rng.integers(0, 2, N)
Y_HAT = np.where(rng.random(N) < 0.6 + 0.2 * S, Y, 1 - Y)
ORDER = rng.permutation(N)
COMPARING = [name for name, d in metrics.DEFINITIONS.items()
             if name not in ("accuracy", "balanced_accuracy") and "worst" not in name]  # fmt: skip


def shuffled(values: Any) -> pd.Series:
    return pd.Series(np.asarray(values, float)).iloc[ORDER]


# --- one group ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in COMPARING if metric(n).larger_is_fairer is not None])
@pytest.mark.parametrize("s", [None, np.zeros(N, int), ["a"] * N])
def test_of_one_group_no_difference_was_measured(name: str, s: Any) -> None:
    if metric(name).function.__name__ in ("accuracy", "balanced_accuracy", "worst_group_accuracy"):
        assert np.isfinite(metric(name)(Y, Y_HAT, s))
        return
    with pytest.warns(UndefinedMetricWarning, match="one group"):
        assert np.isnan(metric(name)(Y, Y_HAT, s))
    draws = GroupPanel(Y, s, n_resamples=3).metric(name, Y_HAT)
    assert np.isnan(draws).all()


def test_accuracy_needs_no_groups() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric("accuracy")(Y, Y_HAT) == pytest.approx((Y == Y_HAT).mean())


def test_one_overlapping_group_is_compared_with_everybody() -> None:
    """Its members are not all people, so there is something to compare with."""
    panel = GroupPanel(Y, members=S[:, None], n_resamples=0)
    away = abs(Y_HAT.mean() - Y_HAT[S == 1].mean())
    assert panel.metric("dp", Y_HAT)[0] == pytest.approx(away)
    assert np.isnan(panel.metric("demographic_parity_gap", Y_HAT)[0])  # no second group


# --- other people, or another order ---------------------------------------------------------------

FRAME = pd.DataFrame({"a": S, "b": 1 - S})
BY_PLACE = {
    "decisions": lambda: GroupPanel(pd.Series(Y), S, n_resamples=0).metric("deo", shuffled(Y_HAT)),
    "accuracy": lambda: GroupPanel(pd.Series(Y), S, n_resamples=0).accuracy(shuffled(Y_HAT)),
    "groups name rows": lambda: GroupPanel(Y, pd.Series(S), n_resamples=0).accuracy(
        shuffled(Y_HAT)
    ),
    "plain panel": lambda: Panel(pd.Series(Y), shuffled(S), n_resamples=0),
    "plain decisions": lambda: Panel(pd.Series(Y), S, n_resamples=0).deo(shuffled(Y_HAT)),
    "mean": lambda: Panel(Y, pd.Series(S), n_resamples=0).mean(shuffled(Y_HAT)),
    "where": lambda: Panel(Y, pd.Series(S), n_resamples=0).mean(Y_HAT, where=shuffled(S)),
    "scores": lambda: GroupPanel(pd.Series(Y), S, n_resamples=0).auc(shuffled(Y_HAT)),
    "weights": lambda: GroupPanel(Y, pd.Series(S), sample_weight=shuffled(1.0 + Y)),
    "weights and members": lambda: GroupPanel(
        Y, members=FRAME, sample_weight=shuffled(1.0 + Y), n_resamples=0
    ),
    "threshold": lambda: metrics.moved_threshold(shuffled(Y_HAT), Y, pd.Series(S)),
    "thresholds of groups": lambda: metrics.least_deo(shuffled(Y_HAT), Y, pd.Series(S)),
    "difference": lambda: bootstrap_difference(
        "accuracy", Y, pd.Series(Y_HAT), Y, sample_weight=shuffled(1.0 + Y)
    ),
    "seeds": lambda: paired_over_seeds(
        pd.Series([0.8, 0.81, 0.82]), pd.Series([0.7, 0.8, 0.6], [1, 2, 0])
    ),
}


@pytest.mark.parametrize("case", BY_PLACE)
def test_columns_with_other_indexes_are_never_taken_by_place(case: str) -> None:
    with pytest.raises(InputError, match="different indexes"):
        BY_PLACE[case]()


@pytest.mark.parametrize("which", ["x", "y", "s"])
def test_a_ground_takes_nothing_by_place(which: str) -> None:
    columns = {"x": pd.Series(Y_HAT), "y": pd.Series(Y), "s": pd.Series(S)}
    columns[which] = shuffled(columns[which])
    parts = {k: dict.fromkeys(("train", "val", "test"), v) for k, v in columns.items()}
    with pytest.raises(InputError, match="different indexes"):
        Ground({"scores": parts["x"]}, y=parts["y"], s=parts["s"])


@pytest.mark.parametrize("labels", [2 * Y - 1, Y + 1, np.stack([Y, Y], 1)])
def test_a_ground_knows_labels_0_and_1_only(labels: Any) -> None:
    parts = dict.fromkeys(("train", "val", "test"), Y_HAT)
    with pytest.raises(InputError, match="0 and 1"):
        Ground({"scores": parts}, y=parts | {"train": labels}, s=parts)


@pytest.mark.parametrize("order", list(itertools.permutations(["a", "b", "c"])))
def test_declared_groups_take_the_columns_of_their_names(order: tuple[str, ...]) -> None:
    frame = pd.DataFrame({"a": S, "b": 1 - S, "c": Y})
    panel = GroupPanel(Y, members=frame, groups=order, n_resamples=0)
    assert panel.groups == order
    assert (panel.members == frame[list(order)].to_numpy(bool)).all()


def test_groups_that_are_no_columns_are_refused() -> None:
    with pytest.raises(InputError, match="name the same"):
        GroupPanel(Y, members=FRAME, groups=["a", "z"], n_resamples=0)


# --- own functions --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [lambda v: v[:, None], lambda v: pd.DataFrame({"v": v})])
def test_a_function_of_ones_own_gets_columns(shape: Any) -> None:
    """A column against a row would be compared with everybody, by broadcasting."""

    def right(y: Any, y_hat: Any, s: Any) -> float:
        assert y.shape == y_hat.shape == (N,)
        return float((y == y_hat).mean())

    for y, y_hat in ((shape(Y), Y_HAT), (Y, shape(Y_HAT))):
        found = bootstrap(right, y, y_hat, S, n_resamples=40)
        assert found.value == pytest.approx((Y == Y_HAT).mean())


def test_a_function_of_ones_own_sees_the_groups_that_a_table_sees() -> None:
    mixed = [1 if v else "1" for v in S]
    seen: set[int] = set()

    def count(y: Any, y_hat: Any, s: Any) -> float:
        seen.add(len({(type(v), v) for v in s.tolist()}))
        return 0.0

    bootstrap(count, Y, Y_HAT, mixed, n_resamples=40)
    assert seen == {len(group_table(Y, Y_HAT, mixed).groups)} == {2}


# --- containers whose names are no values ---------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [{0: 0.8, 1: 0.82}, {0.8, 0.9}, "89", pd.DataFrame([[0.8, 0.9]]), [{0: 0.8}, {0: 0.9}]],
)
def test_names_of_seeds_are_not_averaged(values: Any) -> None:
    with pytest.raises(InputError, match="pass a list"):
        over_seeds(values)
    with pytest.raises(InputError, match="pass a list"):
        paired_over_seeds(values, [0.1, 0.2])


def test_a_series_of_seeds_has_the_mean_of_its_values() -> None:
    assert over_seeds(pd.Series([0.8, 0.9], [7, 9])).value == pytest.approx(0.85)
    assert over_seeds([[0.8, 0.9], [0.7]]).value == pytest.approx((0.85 + 0.7) / 2)


def test_points_of_a_front_are_values_and_rows() -> None:
    with pytest.raises(InputError, match="mapping"):
        pareto_front({(0.9, 0.2): "a", (0.8, 0.1): "b"}, larger_is_fairer=False)
    rows = [(0.9, 0.2), (0.8, 0.3), (0.7, 0.1)]
    table = pd.DataFrame(rows, columns=["accuracy", "deo"])
    assert (
        pareto_front(table, larger_is_fairer=False).tolist()
        == pareto_front(rows, larger_is_fairer=False).tolist()
    )


# --- masked, missing and merged values ------------------------------------------------------------


@pytest.mark.parametrize("which", ["y", "y_hat", "s", "sample_weight"])
@pytest.mark.parametrize("hidden", [True, False])
def test_masked_values_are_missing(which: str, hidden: bool) -> None:
    columns: dict[str, Any] = {"y": Y, "y_hat": Y_HAT, "s": S, "sample_weight": np.ones(N)}
    mask = np.zeros(N, bool)
    mask[5] = hidden
    given = columns | {which: np.ma.array(columns[which], mask=mask)}
    if not hidden:
        assert (group_table(**given).counts == group_table(**columns).counts).all()
        return
    with pytest.raises(InputError, match="masked"):
        group_table(**given)


@pytest.mark.parametrize(
    "gap", [np.float32("nan"), np.float16("nan"), Decimal("NaN"), np.ma.masked]
)
@pytest.mark.parametrize("whole", [list, lambda v: np.array(v, dtype=object)])
def test_missing_values_of_any_kind_are_no_group(gap: Any, whole: Any) -> None:
    with pytest.raises(InputError, match=r"missing|masked"):
        group_table(Y, Y_HAT, whole([gap if i == 3 else "a" for i in range(N)]))


@pytest.mark.parametrize("whole", [list, lambda v: np.array(v, dtype=object)])
def test_long_ids_beside_a_fraction_do_not_merge(whole: Any) -> None:
    ids = whole([[2**53, 2**53 + 1, 1.0][i % 3] for i in range(N)])
    with pytest.raises(InputError, match="53 bits"):
        group_table(Y, Y_HAT, ids)
    kept = group_table(Y, Y_HAT, [[2**53, 2**53 + 1, 1][i % 3] for i in range(N)])
    assert len(kept.groups) == 3


# --- ranges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-200, 1e-300, 1e200, 1e307])
def test_the_scale_of_weights_does_not_matter(factor: float) -> None:
    weight = 1 + rng.random(N)
    plain, scaled = (
        [metric(n)(Y, Y_HAT, S, sample_weight=w) for n in COMPARING]
        for w in (weight, factor * weight)
    )
    assert np.allclose(plain, scaled, rtol=1e-9, atol=0)
    assert np.isfinite(checked_weights(factor * weight, N) ** 2).all()
    assert (checked_weights(factor * weight, N) ** 2 > 0).all()


def test_decisions_are_shares() -> None:
    panel = Panel(Y, S, n_resamples=0)
    for wrong in (2 * Y_HAT - 1, 2 * Y_HAT, np.where(Y_HAT, 1.5, 0)):
        for gap in (panel.deo, panel.dp, panel.signed_gap):
            with pytest.raises(InputError, match=r"\[0, 1\]"):
                gap(wrong)
    assert panel.deo(Y_HAT)[0] == pytest.approx(metric("deo")(Y, Y_HAT, S))


def test_means_have_double_precision() -> None:
    """The mean of 1e8 and 1e8 + 1 in equal numbers: single precision knows multiples of 8."""
    values = 1e8 + np.arange(1000) % 2
    assert Resamples(1000, n_resamples=2).mean(values)[0] == pytest.approx(1e8 + 0.5, abs=1e-6)


@pytest.mark.parametrize(("level", "least"), [(0.95, 40), (0.5, 4), (0.99, 200)])
def test_an_interval_needs_resamples_beyond_its_ends(level: float, least: int) -> None:
    bootstrap("deo", Y, Y_HAT, S, n_resamples=least, level=level)
    with pytest.raises(InputError, match="too few"):
        bootstrap("deo", Y, Y_HAT, S, n_resamples=least - 1, level=level)
