"""Group metrics with their counts, their intervals and the plane they are compared in.

Hard decisions in, numbers with n out: :mod:`group` counts people, :mod:`definitions` names every
metric and the paper that uses it, :mod:`intervals` says how far a number can be trusted, and
:mod:`tradeoff` holds the controls, fronts and the selection rule.  Needs numpy only (t-intervals
load scipy when called); torch tensors are read without importing torch.

>>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
>>> equal_opportunity_gap(y, y_hat, s)
Value(0.5, 'equal_opportunity_gap', n=8)
>>> f"{equalized_odds_gap(y, y_hat, s):.2f}"
'1.00'
"""

from fairtut.metrics.definitions import (
    DEFINITIONS,
    Definition,
    accuracy,
    average_odds_difference,
    balanced_accuracy,
    demographic_parity_deviation,
    demographic_parity_gap,
    demographic_parity_ratio,
    disparate_impact,
    equal_opportunity_gap,
    equal_opportunity_ratio,
    equalized_odds_deviation,
    equalized_odds_gap,
    group_accuracy_gap,
    joint_tp_gap,
    metric,
    worst_group_accuracy,
)
from fairtut.metrics.group import (
    EmptyGroupWarning,
    GroupTable,
    UndefinedMetricWarning,
    Value,
    group_table,
)
from fairtut.metrics.intervals import (
    Estimate,
    IntervalWarning,
    bootstrap,
    bootstrap_difference,
    bootstrap_table,
    over_seeds,
    paired_over_seeds,
)
from fairtut.metrics.tradeoff import (
    Curve,
    Point,
    Selection,
    constant_classifier,
    hypervolume,
    mixing_line,
    moved_threshold,
    pareto_front,
    point,
    select,
)

__all__ = [
    "DEFINITIONS",
    "Curve",
    "Definition",
    "EmptyGroupWarning",
    "Estimate",
    "GroupTable",
    "IntervalWarning",
    "Point",
    "Selection",
    "UndefinedMetricWarning",
    "Value",
    "accuracy",
    "average_odds_difference",
    "balanced_accuracy",
    "bootstrap",
    "bootstrap_difference",
    "bootstrap_table",
    "constant_classifier",
    "demographic_parity_deviation",
    "demographic_parity_gap",
    "demographic_parity_ratio",
    "disparate_impact",
    "equal_opportunity_gap",
    "equal_opportunity_ratio",
    "equalized_odds_deviation",
    "equalized_odds_gap",
    "group_accuracy_gap",
    "group_table",
    "hypervolume",
    "joint_tp_gap",
    "metric",
    "mixing_line",
    "moved_threshold",
    "over_seeds",
    "paired_over_seeds",
    "pareto_front",
    "point",
    "select",
    "worst_group_accuracy",
]
