"""The registry of metrics, the papers' variants and the multi-class versions."""

import inspect
import pickle
from functools import partial

import numpy as np
import pytest

from fairtut import metrics as m
from fairtut.errors import InputError, UnknownName
from fairtut.metrics.definitions import as_definition

Y = [1, 1, 0, 0, 1, 1, 0, 0]
Y_HAT = [1, 1, 1, 0, 1, 0, 0, 0]
S = [0, 0, 0, 0, 1, 1, 1, 1]

# TPR 1 and 1/2, FPR 1/2 and 0, selection 3/4 and 1/4; overall TPR 3/4, FPR 1/4, selection 1/2
BY_HAND = {
    "accuracy": 6 / 8,
    "balanced_accuracy": (3 / 4 + 3 / 4) / 2,
    "worst_group_accuracy": 3 / 4,
    "worst_cell_accuracy": 1 / 2,
    "group_accuracy_gap": 0.0,
    "di": 1 / 3,
    "demographic_parity_ratio": 1 / 3,
    "demographic_parity_gap": 1 / 2,
    "dp": 1 / 4 + 1 / 4,
    "dp_half": (1 / 4 + 1 / 4) / 2,
    "equal_opportunity_gap": 1 / 2,
    "equal_opportunity_ratio": 1 / 2,
    "joint_tp_gap": 2 / 4 - 1 / 4,
    "equalized_odds_gap": 1 / 2 + 1 / 2,
    "deo": 1 / 2 + 1 / 2,
    "equalized_odds_mean": 1 / 2,
    "equalized_odds_max": 1 / 2,
    "eo_half": (1 / 4 + 1 / 4) / 2 + (1 / 4 + 1 / 4) / 2,
    "eo_code": ((1 / 4 + 1 / 4) + (1 / 4 + 1 / 4)) / 2,
    "eo_code_half": ((1 / 4 + 1 / 4) + (1 / 4 + 1 / 4)) / 4,
    "average_odds_difference": ((1 / 2 - 1) + (0 - 1 / 2)) / 2,
}


def test_every_definition_on_eight_rows_by_hand():
    assert set(BY_HAND) == set(m.DEFINITIONS)
    for name, expected in BY_HAND.items():
        value = m.metric(name)(Y, Y_HAT, S)
        assert value == pytest.approx(expected, abs=1e-12), name
        assert (value.name, value.n) == (name, 8)


def test_registry_is_complete_and_readable():
    for name, definition in m.DEFINITIONS.items():
        assert definition.name == name
        assert definition.paper
        assert definition.axis
        assert definition.formula.count("{") == definition.formula.count("}")
        assert "$" not in definition.formula
        low, high = definition.range
        assert low <= definition.perfect <= high
        assert definition.larger_is_fairer in (True, False, None)
        assert m.DEFINITIONS[name] == pickle.loads(pickle.dumps(definition))
    with pytest.raises(TypeError):
        m.DEFINITIONS["new"] = m.DEFINITIONS["di"]  # type: ignore[index]


def test_lookup():
    assert m.metric("disparate_impact") is m.DEFINITIONS["di"]
    with pytest.raises(UnknownName, match="did you mean 'deo'"):
        m.metric("doe")
    assert as_definition(partial(m.equalized_odds_gap, reduce="max")).options["reduce"] == "max"
    assert as_definition(m.equalized_odds_deviation).name == "eo_half"
    assert as_definition(m.demographic_parity_deviation).name == "dp"
    assert as_definition(len) is None
    signed = m.metric("demographic_parity_gap").with_options(signed=True)
    assert signed(Y, Y_HAT, S) == -0.5
    assert (signed.larger_is_fairer, signed.range) == (None, (-1.0, 1.0))


def test_functions_with_options_are_the_definitions():
    rng = np.random.default_rng(3)
    s = rng.integers(0, 3, 500)
    y, y_hat = (rng.random((2, 500)) < 0.2 + 0.2 * s).astype(int)
    for name, d in m.DEFINITIONS.items():
        groups = s if name != "average_odds_difference" else (s > 0)
        assert d.function(y, y_hat, groups, **d.options) == d(y, y_hat, groups), name
    by_reduction = {
        (function.__name__, reduce): function(y, y_hat, s, reduce=reduce)
        for function in (
            m.equalized_odds_gap,
            m.equalized_odds_deviation,
            m.demographic_parity_deviation,
        )
        for reduce in ("sum", "mean", "max")
    }
    assert len(set(by_reduction.values())) == 9
    for function in (
        m.demographic_parity_gap,
        m.demographic_parity_ratio,
        m.equal_opportunity_gap,
        m.equal_opportunity_ratio,
        m.equalized_odds_gap,
    ):
        assert function(y, y_hat, s, method="to_overall") != function(y, y_hat, s)
        assert function(y, y_hat, s) == function(y, y_hat, s, method="between_groups")


def test_every_public_function_is_documented():
    for name in m.__all__:
        thing = getattr(m, name)
        if callable(thing):
            assert inspect.getdoc(thing), name
    for definition in m.DEFINITIONS.values():
        doc = inspect.getdoc(definition.function)
        assert "Parameters" in doc
        assert "Returns" in doc


def _rows(*cells):
    """Rows (y, y_hat, s) from (s, y, y_hat, count)."""
    s, y, y_hat, count = np.array(cells).T
    return np.repeat(y, count), np.repeat(y_hat, count), np.repeat(s, count)


def test_average_odds_cancels_where_equalised_odds_does_not():
    tpr, fpr = ((5, 9), (5, 1))  # of ten, for groups 0 and 1
    rows = _rows(
        *[(s, 1, 1, tpr[s]) for s in (0, 1)],
        *[(s, 1, 0, 10 - tpr[s]) for s in (0, 1)],
        *[(s, 0, 1, fpr[s]) for s in (0, 1)],
        *[(s, 0, 0, 10 - fpr[s]) for s in (0, 1)],
    )
    assert m.average_odds_difference(*rows) == pytest.approx(0.0, abs=1e-12)
    assert m.equalized_odds_gap(*rows) == pytest.approx(0.8)
    assert m.group_accuracy_gap(*rows, signed=True) == pytest.approx(0.4)
    assert m.demographic_parity_gap(*rows) == pytest.approx(0.0, abs=1e-12)


def test_a_perfect_classifier_has_the_base_rate_gap_under_the_released_dvge_code():
    y, s = np.array([1, 1, 1, 0, 1, 0, 0, 0]), np.array(S)
    assert m.joint_tp_gap(y, y, s) == 0.5
    assert m.equal_opportunity_gap(y, y, s) == 0.0


def test_more_than_two_groups():
    rates = {0: 2, 1: 5, 2: 9}  # of ten
    rows = _rows(
        *[(s, 1, 1, k) for s, k in rates.items()], *[(s, 1, 0, 10 - k) for s, k in rates.items()]
    )
    assert m.demographic_parity_gap(*rows) == pytest.approx(0.7)
    assert m.disparate_impact(*rows) == pytest.approx(2 / 9)
    overall = 16 / 30
    assert m.demographic_parity_gap(*rows, method="to_overall") == pytest.approx(9 / 10 - overall)
    away = [abs(k / 10 - overall) for k in rates.values()]
    assert m.metric("dp")(*rows) == pytest.approx(sum(away))
    assert m.metric("dp_half")(*rows) == pytest.approx(sum(away) / 3)
    for call in (partial(m.demographic_parity_gap, signed=True), m.average_odds_difference):
        with pytest.raises(InputError, match="two groups, not 3"):
            call(*rows)


def test_options_are_checked():
    with pytest.raises(UnknownName, match="reduction"):
        m.equalized_odds_gap(Y, Y_HAT, S, reduce="median")
    with pytest.raises(UnknownName, match="method"):
        m.demographic_parity_gap(Y, Y_HAT, S, method="pairwise")
    with pytest.raises(UnknownName, match="method"):
        m.demographic_parity_ratio(Y, Y_HAT, S, method="pairwise")
    with pytest.raises(UnknownName, match="multiclass"):
        m.demographic_parity_gap(Y, Y_HAT, S, multiclass="median")
    with pytest.raises(InputError, match="between_groups"):
        m.demographic_parity_gap(Y, Y_HAT, S, signed=True, method="to_overall")


def test_multi_class_is_one_versus_rest():
    rng = np.random.default_rng(0)
    y, y_hat, s = (rng.integers(0, k, 600) for k in (4, 4, 3))
    for name, definition in m.DEFINITIONS.items():
        if "accuracy" in name or name == "average_odds_difference":
            continue
        each = [definition((y == k).astype(int), (y_hat == k).astype(int), s) for k in range(4)]
        for k in range(4):
            assert definition(y, y_hat, s, positive=k) == each[k]
        worst = min(each) if definition.larger_is_fairer else max(each)
        assert definition(y, y_hat, s, multiclass="worst") == worst
        assert definition(y, y_hat, s, multiclass="mean") == pytest.approx(np.mean(each))
    with pytest.raises(InputError, match="signed"):
        m.demographic_parity_gap(y, y_hat, s % 2, signed=True, multiclass="worst")
    cells = m.equal_opportunity_gap(y, y_hat, s, multiclass="mean").cells
    assert len(cells) == 12
    assert sum(cells.values()) == 600


def test_multi_class_accuracies_use_all_classes():
    y, y_hat, s = [0, 1, 2, 0, 1, 2], [0, 1, 1, 0, 2, 1], [0, 0, 0, 1, 1, 1]
    assert m.accuracy(y, y_hat) == 0.5
    assert m.balanced_accuracy(y, y_hat) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert m.group_accuracy_gap(y, y_hat, s) == pytest.approx(1 / 3)
    assert m.worst_group_accuracy(y, y_hat, s) == pytest.approx(1 / 3)
    assert m.worst_group_accuracy(y, y_hat, s, by_label=True) == 0.0


def test_parity_needs_no_labels():
    assert m.demographic_parity_gap(None, Y_HAT, S) == 0.5
    assert m.disparate_impact(None, Y_HAT, S) == pytest.approx(1 / 3)
