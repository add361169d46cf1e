"""Agreement with fairlearn, and with a plain loop on a thousand tables.

fairlearn takes 10 to 20 ms a call, so its functions see 12 tables here and a thousand in
``benchmarks/metrics.py``; its ``MetricFrame`` sees five hundred 2 x 2 tables here.

Where the two do not coincide, and why, is written as tests at the end: fairlearn returns 0 for a
rate over nobody, so a group without positives looks like the worst or the best of all; we return
NaN.
"""

from math import isnan

import numpy as np
import pytest
from fairlearn import metrics as fl

from fairtut import metrics as m

PEERS = [
    ("demographic_parity_difference", {}, "demographic_parity_gap", {}),
    ("demographic_parity_difference", {"method": "to_overall"}, "demographic_parity_gap", None),
    ("demographic_parity_ratio", {}, "demographic_parity_ratio", {}),
    ("demographic_parity_ratio", {"method": "to_overall"}, "demographic_parity_ratio", None),
    ("equalized_odds_difference", {"agg": "worst_case"}, "equalized_odds_gap", {"reduce": "max"}),
    ("equalized_odds_difference", {"agg": "mean"}, "equalized_odds_gap", {"reduce": "mean"}),
    ("equal_opportunity_difference", {}, "equal_opportunity_gap", {}),
    ("equal_opportunity_ratio", {}, "equal_opportunity_ratio", {}),
]


def random_rows(rng, n_groups, n=80):
    """Random people in which every (s, y, y_hat) cell is taken at least once."""
    full = np.indices((n_groups, 2, 2)).reshape(3, -1)
    odds = rng.random((n_groups, 2, 2)) ** 3
    extra = rng.choice(odds.size, n, p=odds.ravel() / odds.sum())
    s, y, y_hat = np.concatenate([full, np.array(np.unravel_index(extra, odds.shape))], axis=1)
    return y, y_hat, s


@pytest.mark.parametrize("n_groups", [2, 3, 5])
def test_functions_agree_with_fairlearn(n_groups):
    rng = np.random.default_rng(n_groups)
    for _ in range(4):
        y, y_hat, s = random_rows(rng, n_groups)
        for theirs, their_options, ours, our_options in PEERS:
            expected = getattr(fl, theirs)(y, y_hat, sensitive_features=s, **their_options)
            options = their_options if our_options is None else our_options
            value = getattr(m, ours)(y, y_hat, s, **options)
            assert value == pytest.approx(expected, abs=1e-12), (theirs, their_options)


def test_rates_of_five_hundred_groups_agree_with_metric_frame():
    """Five hundred 2 x 2 tables at once, as the intersections of two attributes."""
    rng = np.random.default_rng(0)
    y, y_hat, cell = random_rows(rng, 500, n=10_000)
    s = np.stack([cell // 10, cell % 10], axis=1)
    rates = {
        "selection_rate": fl.selection_rate,
        "tpr": fl.true_positive_rate,
        "fpr": fl.false_positive_rate,
    }
    frame = fl.MetricFrame(metrics=rates, y_true=y, y_pred=y_hat, sensitive_features=s)
    table = m.group_table(y, y_hat, s)
    assert list(frame.by_group.index) == list(table.groups)
    for name in rates:
        assert table.rate(name) == pytest.approx(frame.by_group[name].to_numpy(), abs=1e-12)
        assert float(table.overall(name)) == pytest.approx(frame.overall[name], abs=1e-12)
        for method in ("between_groups", "to_overall"):
            spread, share = frame.difference(method=method)[name], frame.ratio(method=method)[name]
            if name == "selection_rate":
                ours = m.demographic_parity_gap(y, y_hat, s, method=method)
                assert ours == pytest.approx(spread, abs=1e-12)
                ours = m.demographic_parity_ratio(y, y_hat, s, method=method)
                assert ours == pytest.approx(share, abs=1e-12)
            if name == "tpr":
                ours = m.equal_opportunity_gap(y, y_hat, s, method=method)
                assert ours == pytest.approx(spread, abs=1e-12)


def plain(y, y_hat, s):
    """Every definition by loops over people, written from the papers' formulas."""
    rows = list(zip(y.tolist(), y_hat.tolist(), s.tolist(), strict=True))
    groups = sorted({g for _, _, g in rows})

    def share(event, given):
        chosen = [r for r in rows if given(r)]
        return sum(map(event, chosen)) / len(chosen)

    def per_group(event, given=lambda r: True):
        return [share(event, lambda r, g=g: r[2] == g and given(r)) for g in groups]

    def yes(r):
        return r[1] == 1

    def right(r):
        return r[0] == r[1]

    p, tpr = per_group(yes), per_group(yes, lambda r: r[0] == 1)
    fpr, acc = per_group(yes, lambda r: r[0] == 0), per_group(right)
    joint = per_group(lambda r: r[0] == r[1] == 1)
    gap = {k: max(v) - min(v) for k, v in {"t": tpr, "f": fpr}.items()}
    dp = [abs(share(yes, lambda r: True) - v) for v in p]
    eo = [abs(share(yes, lambda r: r[0] == 0) - v) for v in fpr]
    eo = [e + abs(share(yes, lambda r: r[0] == 1) - v) for e, v in zip(eo, tpr, strict=True)]
    recalls = [share(right, lambda r, k=k: r[0] == k) for k in (0, 1)]
    cells = [
        share(right, lambda r, g=g, k=k: r[2] == g and r[0] == k) for g in groups for k in (0, 1)
    ]
    result = {
        "accuracy": share(right, lambda r: True),
        "balanced_accuracy": sum(recalls) / 2,
        "worst_group_accuracy": min(acc),
        "worst_cell_accuracy": min(cells),
        "group_accuracy_gap": max(acc) - min(acc),
        "di": min(a / b for a in p for b in p),
        "demographic_parity_ratio": min(p) / max(p),
        "demographic_parity_gap": max(p) - min(p),
        "dp": sum(dp),
        "dp_half": sum(dp) / len(groups),
        "equal_opportunity_gap": gap["t"],
        "equal_opportunity_ratio": min(tpr) / max(tpr),
        "joint_tp_gap": max(joint) - min(joint),
        "equalized_odds_gap": gap["t"] + gap["f"],
        "deo": gap["t"] + gap["f"],
        "equalized_odds_mean": (gap["t"] + gap["f"]) / 2,
        "equalized_odds_max": max(gap["t"], gap["f"]),
        "eo_half": sum(eo) / 2,
        "eo_code": sum(eo) / len(groups),
        "eo_code_half": sum(eo) / len(groups) / 2,
    }
    if len(groups) == 2:
        result["average_odds_difference"] = (tpr[1] - tpr[0] + fpr[1] - fpr[0]) / 2
    return result


def test_a_thousand_tables_agree_with_a_plain_loop():
    rng = np.random.default_rng(1)
    for i in range(1000):
        rows = random_rows(rng, 2 + i % 3, n=8)
        table = m.group_table(*rows)
        for name, expected in plain(*rows).items():
            assert float(m.metric(name).of_table(table)) == pytest.approx(expected, abs=1e-12), name


def test_fairlearn_reads_a_group_without_positives_as_zero_and_we_do_not():
    y, y_hat, s = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]])
    assert (
        fl.equal_opportunity_difference(y, y_hat, sensitive_features=s) == 1.0
    )  # TPR of nobody: 0
    with pytest.warns(m.EmptyGroupWarning, match="s=1, y=1"):
        assert isnan(m.equal_opportunity_gap(y, y_hat, s))
    y_hat = np.array([0, 0, 1, 0])
    assert fl.equal_opportunity_difference(y, y_hat, sensitive_features=s) == 0.0  # "perfect"
    with pytest.warns(m.EmptyGroupWarning):
        assert isnan(m.equal_opportunity_gap(y, y_hat, s))


def test_where_nobody_is_selected_both_have_no_ratio():
    y, y_hat, s = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 1]])
    assert isnan(fl.demographic_parity_ratio(y, y_hat, sensitive_features=s))
    with pytest.warns(m.UndefinedMetricWarning, match="0/0"):
        assert isnan(m.demographic_parity_ratio(y, y_hat, s))
