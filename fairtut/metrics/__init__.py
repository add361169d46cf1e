"""Group metrics with their counts, their intervals and the plane they are compared in.

Hard decisions in, numbers with n out.  From below: :mod:`~fairtut.metrics.labels` and
:mod:`~fairtut.metrics.people` read and count people into a :mod:`~fairtut.metrics.group` table;
:mod:`~fairtut.metrics.kernels` and :mod:`~fairtut.metrics.measuring` turn counts into values;
:mod:`~fairtut.metrics.accuracies`, :mod:`~fairtut.metrics.parity` and
:mod:`~fairtut.metrics.odds` are the metrics, and :mod:`~fairtut.metrics.definitions` names each
with the paper that uses it; :mod:`~fairtut.metrics.intervals` says how far a number can be
trusted, and :mod:`~fairtut.metrics.group_panels` resamples many decisions about the same people
together; :mod:`~fairtut.metrics.tradeoff` holds the controls of the plane,
:mod:`~fairtut.metrics.group_thresholds` what a threshold per group could do, and
:mod:`~fairtut.metrics.fronts` the selection rule.  Needs numpy only (t-intervals load scipy when
called); torch tensors are read without importing torch.

>>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
>>> equal_opportunity_gap(y, y_hat, s)
Value(0.5, 'equal_opportunity_gap', n=8)
>>> f"{equalized_odds_gap(y, y_hat, s):.2f}"
'1.00'
"""

from fairtut.metrics.accuracies import (
    accuracy,
    balanced_accuracy,
    group_accuracy_gap,
    worst_group_accuracy,
)
from fairtut.metrics.definitions import DEFINITIONS, metric
from fairtut.metrics.estimates import Estimate, IntervalWarning
from fairtut.metrics.fronts import Selection, hypervolume, pareto_front, select
from fairtut.metrics.group import GroupTable
from fairtut.metrics.group_panels import GroupPanel
from fairtut.metrics.group_thresholds import GroupThresholds, least_deo
from fairtut.metrics.intervals import bootstrap, bootstrap_difference, bootstrap_table
from fairtut.metrics.measuring import Definition
from fairtut.metrics.odds import (
    average_odds_difference,
    equal_opportunity_gap,
    equal_opportunity_ratio,
    equalized_odds_deviation,
    equalized_odds_gap,
    joint_tp_gap,
)
from fairtut.metrics.panels import Panel
from fairtut.metrics.parity import (
    demographic_parity_deviation,
    demographic_parity_gap,
    demographic_parity_ratio,
    disparate_impact,
)
from fairtut.metrics.people import group_table
from fairtut.metrics.repeats import over_seeds, over_splits, paired_over_seeds
from fairtut.metrics.tradeoff import (
    Curve,
    Point,
    constant_classifier,
    mixing_line,
    moved_threshold,
    point,
)
from fairtut.metrics.trainings import Chance
from fairtut.metrics.values import EmptyGroupWarning, UndefinedMetricWarning, Value

__all__ = [
    "DEFINITIONS",
    "Chance",
    "Curve",
    "Definition",
    "EmptyGroupWarning",
    "Estimate",
    "GroupPanel",
    "GroupTable",
    "GroupThresholds",
    "IntervalWarning",
    "Panel",
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
    "least_deo",
    "metric",
    "mixing_line",
    "moved_threshold",
    "over_seeds",
    "over_splits",
    "paired_over_seeds",
    "pareto_front",
    "point",
    "select",
    "worst_group_accuracy",
]
