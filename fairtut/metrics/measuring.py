"""From a name and a table of counts to a value: recipes, several classes, and what is NaN."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, Unpack

import numpy as np

from fairtut.errors import InputError, UnknownName
from fairtut.metrics.group import GroupTable
from fairtut.metrics.kernels import (
    accuracy,
    average_odds,
    balanced_accuracy,
    cells_by_label,
    cells_of,
    cells_per_class,
    deviation,
    equalized_odds,
    equalized_odds_deviation,
    gap,
    ratio,
    worst_group_accuracy,
)
from fairtut.metrics.people import Reading, group_table
from fairtut.metrics.values import FloatArray, UndefinedMetricWarning, Value, warn_empty

Multiclass = Literal["worst", "mean"] | None
Method = Literal["between_groups", "to_overall"]
Reduce = Literal["sum", "mean", "max"]


@dataclass(frozen=True)
class _Recipe:
    """How a public function is computed from counts."""

    kernel: Callable[..., FloatArray]
    cells: Callable[..., dict[str, int]]
    worst: Callable[..., Any] = np.max  # over classes: the largest gap, but the smallest ratio
    needs_positive: bool = True


_RECIPES: Mapping[str, _Recipe] = {
    "accuracy": _Recipe(accuracy, cells_of("accuracy"), needs_positive=False),
    "balanced_accuracy": _Recipe(balanced_accuracy, cells_per_class, needs_positive=False),
    "demographic_parity_gap": _Recipe(
        partial(gap, rate="selection_rate"), cells_of("selection_rate")
    ),
    "demographic_parity_ratio": _Recipe(
        partial(ratio, rate="selection_rate"), cells_of("selection_rate"), np.min
    ),
    "demographic_parity_deviation": _Recipe(
        partial(deviation, rates=("selection_rate",)), cells_of("selection_rate")
    ),
    "equal_opportunity_gap": _Recipe(partial(gap, rate="tpr"), cells_of("tpr")),
    "equal_opportunity_ratio": _Recipe(partial(ratio, rate="tpr"), cells_of("tpr"), np.min),
    "equalized_odds_gap": _Recipe(equalized_odds, cells_of("tpr", "fpr")),
    "equalized_odds_deviation": _Recipe(equalized_odds_deviation, cells_of("tpr", "fpr")),
    "average_odds_difference": _Recipe(average_odds, cells_of("tpr", "fpr")),
    "joint_tp_gap": _Recipe(partial(gap, rate="joint_tp_rate"), cells_of("joint_tp_rate")),
    "group_accuracy_gap": _Recipe(
        partial(gap, rate="accuracy"), cells_of("accuracy"), needs_positive=False
    ),
    "worst_group_accuracy": _Recipe(worst_group_accuracy, cells_by_label, needs_positive=False),
}


def evaluate(name: str, table: GroupTable, multiclass: Multiclass, options: Any) -> FloatArray:
    """A metric of every table in a batch, shape (...)."""
    recipe = _RECIPES[name]
    if multiclass is None or not recipe.needs_positive:
        return recipe.kernel(table, **options)
    if multiclass not in ("worst", "mean"):
        raise UnknownName.of("multiclass", multiclass, ("worst", "mean"))
    if name == "average_odds_difference" or options.get("signed"):
        raise InputError("a signed metric has no order over classes: pass positive=<class>")
    each = [recipe.kernel(t, **options) for t in _one_versus_rest(table)]
    return np.asarray((recipe.worst if multiclass == "worst" else np.mean)(np.stack(each), axis=0))


def _one_versus_rest(table: GroupTable) -> Iterator[GroupTable]:
    return (table.with_positive(k) for k in range(len(table.classes)))


def measure(
    name: str, table: GroupTable, multiclass: Multiclass, options: Any, label: str | None = None
) -> Value:
    """The metric of one table, with its counts and, where it is NaN, the reason as a warning."""
    if table.batch:
        raise InputError(
            f"y_hat has {len(table.batch) + 1} dimensions: pass one decision per person, or use "
            f"metric({name!r}).of_table(group_table(...)) for a batch"
        )
    label = label or name
    value = float(evaluate(name, table, multiclass, options))
    recipe = _RECIPES[name]
    tables = [table]
    if multiclass is not None and recipe.needs_positive:
        tables = list(_one_versus_rest(table))
    cells = {key: n for t in tables for key, n in recipe.cells(t, **_cell_options(options)).items()}
    if np.isnan(value):
        empty = [key for key, n in cells.items() if n == 0]
        warn_empty(label, empty, stacklevel=4)
        if not empty:
            message = f"{label} is NaN: 0/0, the rate is zero in every group"
            if len(table.groups) == 1:
                message = (
                    f"{label} is NaN: all are of one group, {table.groups[0]!r}: a gap needs two"
                )
            warnings.warn(message, UndefinedMetricWarning, stacklevel=3)
    return Value(value, label, int(table.unweighted.total), cells)


def _cell_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k == "by_label"}


@dataclass(frozen=True)
class Definition:
    """One metric under one name.  Calling it measures; :meth:`of_table` works on batches.

    Attributes
    ----------
    name : str
        Key in :data:`DEFINITIONS`.
    function : callable
        The public function behind it.
    paper : str
        Who uses it, and where that was read.
    formula : str
        LaTeX, without dollars.
    range : (float, float)
        Smallest and largest possible value.
    perfect : float
        Value of a classifier that shows no difference (or no error).
    larger_is_fairer : bool or None
        Direction; None for a signed metric, where closer to ``perfect`` is better.  For plain
        accuracies read "better".
    axis : str
        Axis label.
    options : mapping
        Keywords of ``function`` that make it this definition.

    Examples
    --------
    >>> from fairtut.metrics import metric
    >>> metric("di").range, metric("di").perfect, metric("di").larger_is_fairer
    ((0.0, 1.0), 1.0, True)
    """

    name: str
    function: Callable[..., Value]
    paper: str
    formula: str
    range: tuple[float, float]
    perfect: float
    larger_is_fairer: bool | None
    axis: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        y: object,
        y_hat: object,
        s: object = None,
        *,
        multiclass: Multiclass = None,
        **reading: Unpack[Reading],
    ) -> Value:
        """Measure decisions; the Value carries this definition's name."""
        return self.measure(group_table(y, y_hat, s, **reading), multiclass)

    def measure(self, table: GroupTable, multiclass: Multiclass = None) -> Value:
        """Value of one table, with a warning where it is NaN."""
        return measure(self.function.__name__, table, multiclass, self.options, self.name)

    def of_table(self, table: GroupTable, multiclass: Multiclass = None) -> FloatArray:
        """Values of a batch of tables, shape ``table.batch``; NaN without a warning."""
        return evaluate(self.function.__name__, table, multiclass, self.options)

    def with_options(self, **options: Hashable) -> Definition:
        """The same metric with other keywords, under a name that says so."""
        if not options:
            return self
        shown = ", ".join(f"{k}={v}" for k, v in options.items())
        signed = bool(options.get("signed"))
        return replace(
            self,
            name=f"{self.name}({shown})",
            options={**self.options, **options},
            larger_is_fairer=None if signed else self.larger_is_fairer,
            range=(-1.0, 1.0) if signed else self.range,
        )

    @property
    def mixes_linearly(self) -> bool:
        """Whether mixing with a constant decision scales the value linearly to 0."""
        gaps = {"demographic_parity_gap", "demographic_parity_deviation", "equal_opportunity_gap"}
        gaps |= {"equalized_odds_gap", "equalized_odds_deviation", "average_odds_difference"}
        return self.function.__name__ in gaps
