"""Reading labels, counting people, and what happens where nobody is counted."""

import copy
import json
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from fairtut import metrics as m
from fairtut.errors import InputError, UnknownName

# s, y, y_hat by hand: group 0 has TPR 2/2, FPR 1/2; group 1 has TPR 1/2, FPR 0/2
Y = [1, 1, 0, 0, 1, 1, 0, 0]
Y_HAT = [1, 1, 1, 0, 1, 0, 0, 0]
S = [0, 0, 0, 0, 1, 1, 1, 1]


def test_eight_rows_by_hand():
    table = m.group_table(Y, Y_HAT, S)
    assert table.counts.tolist() == [[[1, 1], [0, 2]], [[2, 0], [1, 1]]]
    assert (table.groups, table.classes, table.positive) == ((0, 1), (0, 1), 1)
    assert table.n.tolist() == [4, 4]
    assert int(table.total) == 8
    assert table.selection_rate.tolist() == [0.75, 0.25]
    assert table.tpr.tolist() == [1.0, 0.5]
    assert table.fpr.tolist() == [0.5, 0.0]
    assert table.tnr.tolist() == [0.5, 1.0]
    assert table.ppv == pytest.approx([2 / 3, 1.0])
    assert table.accuracy.tolist() == [0.75, 0.75]
    assert table.rate("fnr").tolist() == [0.0, 0.5]
    assert table.rate("joint_tp_rate").tolist() == [0.5, 0.25]
    assert float(table.overall("tpr")) == 0.75
    assert table.cells("fpr") == {"s=0, y=0": 2, "s=1, y=0": 2}
    assert table.cells("ppv") == {"s=0, y_hat=1": 3, "s=1, y_hat=1": 1}


@pytest.mark.parametrize(
    "box",
    [
        np.array,
        tuple,
        pd.Series,
        torch.tensor,
        lambda v: np.array(v, dtype=np.uint8),
        lambda v: np.array(v, dtype=bool),
        lambda v: np.array(v, dtype=float),
        lambda v: np.array(v, dtype=object),
        lambda v: np.array(v)[:, None],
        lambda v: [bool(x) for x in v],
        lambda v: [torch.tensor(x) for x in v],
        lambda v: pd.Series(v, index=range(100, 108), dtype="Int64"),
        lambda v: pd.Series(v).astype("category"),
        lambda v: torch.tensor(v, dtype=torch.bfloat16, requires_grad=True),
        lambda v: torch.tensor(v, dtype=torch.bool)[:, None],
    ],
)
def test_every_container_gives_the_same_table(box):
    table = m.group_table(box(Y), box(Y_HAT), box(S))
    assert table.counts.tolist() == m.group_table(Y, Y_HAT, S).counts.tolist()
    assert table.groups == (0, 1)
    assert all(type(v) is int for v in table.groups + table.classes)


def test_torch_equals_numpy_on_many_rows():
    rng = np.random.default_rng(0)
    y, y_hat, s = rng.integers(0, 2, (3, 5000))
    for definition in m.DEFINITIONS.values():
        tensors = [torch.from_numpy(v) for v in (y, y_hat, s)]
        assert float(definition(*tensors)) == float(definition(y, y_hat, s))


def test_labels_of_any_kind():
    names = {0: "refused", 1: "granted"}
    y, y_hat = ([names[v] for v in values] for values in (Y, Y_HAT))
    s = [("young", 1) if v else ("old", 2) for v in S]
    value = m.demographic_parity_gap(y, y_hat, s, positive="granted", signed=True)
    assert value == 0.25 - 0.75  # ("young", 1) sorts after ("old", 2)
    assert value.cells == {"s=('old', 2)": 4, "s=('young', 1)": 4}


def test_signed_labels_and_orientation():
    signed = m.demographic_parity_gap(
        [2 * v - 1 for v in Y], [2 * v - 1 for v in Y_HAT], S, signed=True
    )
    assert signed == 0.25 - 0.75
    assert m.demographic_parity_gap(Y, Y_HAT, S, signed=True, groups=(1, 0)) == 0.75 - 0.25


@pytest.mark.parametrize(
    "s",
    [
        (S, ["f", "m"] * 4),
        [np.array(S), np.array(["f", "m"] * 4)],
        [torch.tensor(S), pd.Series(["f", "m"] * 4)],
        pd.DataFrame({"a": S, "b": ["f", "m"] * 4}),
        np.array([S, ["f", "m"] * 4], dtype=object).T,
    ],
)
def test_intersections_of_attributes(s):
    table = m.group_table(Y, Y_HAT, s)
    assert table.groups == ((0, "f"), (0, "m"), (1, "f"), (1, "m"))
    assert table.selection_rate.tolist() == [1.0, 0.5, 0.5, 0.0]


def test_integer_matrix_is_read_as_attributes_and_only_observed_groups_count():
    s = np.stack([S, [0, 0, 0, 0, 0, 0, 5, 5]], axis=1)
    assert m.group_table(Y, Y_HAT, s).groups == ((0, 0), (1, 0), (1, 5))
    assert m.group_table(Y, Y_HAT, torch.tensor(s)).groups == ((0, 0), (1, 0), (1, 5))


def test_batch_of_runs_is_one_table():
    rng = np.random.default_rng(1)
    y, s = rng.integers(0, 2, (2, 300))
    runs = rng.integers(0, 2, (4, 5, 300))
    table = m.group_table(y, runs, s)
    assert table.counts.shape == (4, 5, 2, 2, 2)
    for definition in m.DEFINITIONS.values():
        batch = definition.of_table(table)
        assert batch.shape == (4, 5)
        assert batch[2, 3] == float(definition(y, runs[2, 3], s))
    with pytest.raises(InputError, match="of_table"):
        m.demographic_parity_gap(y, runs, s)
    with pytest.raises(InputError, match="not a batch"):
        table.cells("tpr")


def test_large_integers_and_wide_ranges():
    s = [10**12, -5] * 4
    assert m.group_table(Y, Y_HAT, s).groups == (-5, 10**12)


def test_an_empty_cell_is_nan_with_one_warning_that_names_it():
    with pytest.warns(m.EmptyGroupWarning, match=r"nobody in s=1, y=1") as caught:
        value = m.equalized_odds_gap([1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1])
    assert np.isnan(value)
    assert len(caught) == 1
    assert caught[0].category is m.EmptyGroupWarning
    assert caught[0].filename == __file__  # points at the caller
    assert value.cells["s=1, y=1"] == 0
    with pytest.warns(m.EmptyGroupWarning, match="s=2"):
        assert np.isnan(m.demographic_parity_gap([1, 0], [1, 0], [0, 1], groups=(0, 1, 2)))
    with pytest.warns(m.EmptyGroupWarning, match="tpr is NaN: nobody in s=1, y=1"):
        rates = m.group_table([1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]).tpr
    assert rates[0] == 1.0
    assert np.isnan(rates[1])


def test_zero_over_zero_is_nan_and_says_so():
    with pytest.warns(m.UndefinedMetricWarning, match="0/0"):
        assert np.isnan(m.disparate_impact(Y, [0] * 8, S))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert m.disparate_impact(Y, [0, 0, 0, 0, 0, 0, 0, 1], S) == 0.0  # 0 against something


def test_value_is_a_float_with_a_memory():
    value = m.equal_opportunity_gap(Y, Y_HAT, S)
    assert (value, value.name, value.n) == (0.5, "equal_opportunity_gap", 8)
    assert value.cells == {"s=0, y=1": 2, "s=1, y=1": 2}
    assert json.dumps({"v": value}) == '{"v": 0.5}'
    assert f"{value:.2f} {value}" == "0.50 0.5"
    assert repr(value) == "Value(0.5, 'equal_opportunity_gap', n=8)"
    assert type(value + 1) is float
    for twin in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert type(twin) is m.Value
        assert (twin, twin.name, twin.n, twin.cells) == (value, value.name, value.n, value.cells)
    json.dumps(value.cells)


def test_table_as_a_frame():
    frame = m.group_table(Y, Y_HAT, S).to_frame()
    assert frame.loc["0", "tpr"] == 1.0
    assert frame["n"].tolist() == [4, 4]
    assert "tpr" not in m.group_table([0, 1, 2], [0, 1, 2], [0, 0, 1]).to_frame()


NAN = float("nan")
BAD = {
    "lengths": (([0, 1], [0, 1, 1], [0, 1, 1]), "y has 2 rows but y_hat has 3"),
    "lengths of s": (([0, 1], [0, 1], [0, 1, 1]), "s has 3 rows but y_hat has 2"),
    "lengths of an attribute": (([0, 1], [0, 1], ([0, 1], [0, 1, 1])), "s has|inhomogeneous"),
    "empty": (([], [], []), "y is empty"),
    "empty y_hat": (([0, 1], [], []), "y_hat is empty"),
    "NaN in y": (([0, NAN], [0, 1], [0, 1]), "y holds NaN"),
    "NaN in y_hat": (([0, 1], [0, NAN], [0, 1]), "y_hat holds NaN"),
    "NaN in s": (([0, 1], [0, 1], [0, NAN]), "s holds NaN"),
    "None in s": (([0, 1], [0, 1], ["a", None]), "s holds a missing value"),
    "NA in s": (([0, 1], [0, 1], pd.Series(["a", pd.NA])), "s holds a missing value"),
    "NaN tensor": (([0, 1], torch.tensor([0.0, NAN]), [0, 1]), "y_hat holds NaN"),
    "score": (([0, 1], [0.2, 0.7], [0, 1]), r"y_hat holds 0\.2, a score: threshold it first"),
    "score tensor": (([0, 1], torch.tensor([0.25, 1.0]), [0, 1]), "threshold it first"),
    "soft label": (([0.5, 1], [0, 1], [0, 1]), r"y holds 0\.5, not a class"),
    "real group": (([0, 1], [0, 1], [0.5, 1]), r"s holds 0\.5, not a group"),
    "infinite": (([0, 1], [0, float("inf")], [0, 1]), "y_hat holds inf"),
    "unknown class": (([0, 1], [0, 2], [0, 1]), r"y_hat holds 2, which is none of 0, 1: declare"),
    "logits": (([0, 1], np.eye(2, 3), [0, 1]), "y has 2 rows but y_hat has 3"),
    "matrix y": ((np.eye(2), [0, 1], [0, 1]), r"y has shape \(2, 2\)"),
    "complex": (([0, 1], np.array([0j, 1j]), [0, 1]), "has type complex"),
    "unhashable": (([0, 1], [0, 1], np.array([{}, {}], dtype=object)), "unhashable"),
    "no positive": (([0, 1, 2], [0, 1, 2], [0, 1, 1]), "pass positive=<class>"),
    "no positive of words": ((["a", "b"], ["a", "b"], [0, 1]), "pass positive=<class>"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_one_line(case):
    arguments, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        m.demographic_parity_gap(*arguments)
    assert "\n" not in str(caught.value)


def test_declared_labels():
    table = m.group_table([0, 1], [0, 2], [0, 1], classes=(0, 1, 2))
    assert table.counts.shape == (2, 3, 3)
    assert m.demographic_parity_gap([0, 1], [0, 2], [0, 1], classes=(0, 1, 2), positive=2) == 1.0
    with pytest.raises(InputError, match="once"):
        m.group_table([0, 1], [0, 1], [0, 1], groups=(0, 0, 1))
    with pytest.raises(InputError, match="s holds 1, which is none of 0, 2"):
        m.group_table([0, 1], [0, 1], [0, 1], groups=(0, 2))
    with pytest.raises(InputError, match="positive=7"):
        m.group_table([0, 1], [0, 1], [0, 1], positive=7)
    with pytest.raises(UnknownName, match="did you mean 'tpr'"):
        m.group_table([0, 1], [0, 1], [0, 1]).rate("tprr")


def test_one_class_alone_still_knows_its_opposite():
    with pytest.warns(m.EmptyGroupWarning, match="y=0"):
        assert np.isnan(m.equalized_odds_gap([1, 1], [1, 0], [0, 1]))
    assert m.equal_opportunity_gap([1, 1], [1, 0], [0, 1]) == 1.0
    assert m.group_table([-1, -1], [1, -1], [0, 1]).classes == (-1, 1)


def test_import_is_cheap():
    heavy = "{'torch', 'pandas', 'scipy', 'sklearn', 'fairlearn', 'matplotlib'}"
    code = f"import sys, fairtut.metrics; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
