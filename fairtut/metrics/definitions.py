r"""Every metric of the suite under a fixed name, with the paper that uses it.

"Equalised odds" names at least six different numbers in five papers: a sum, a mean or a maximum
of two gaps, gaps between groups or to the average, halved or not.  Here each one is a function
with its formula, and :data:`DEFINITIONS` says who uses it.  :func:`metric` looks a name up;
:meth:`Definition.of_table` works on batches of counts.

A metric that reads 0 says that *this* difference was not seen in *these* people.  It never says
that a classifier is fair.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Unpack

import numpy as np

from fairtut.errors import InputError, UnknownName
from fairtut.metrics.group import (
    Array,
    FloatArray,
    GroupTable,
    Reading,
    UndefinedMetricWarning,
    Value,
    divide,
    group_table,
    warn_empty,
)

Multiclass = Literal["worst", "mean"] | None
Method = Literal["between_groups", "to_overall"]
Reduce = Literal["sum", "mean", "max"]
_REDUCERS: Mapping[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "max": np.max}

# --- kernels: a table of counts (..., G, K, K) in, an array (...) out; NaN goes through ----------


def _reduce(how: str, parts: Array, axis: int) -> FloatArray:
    if how not in _REDUCERS:
        raise UnknownName.of("reduction", how, _REDUCERS)
    return np.asarray(_REDUCERS[how](parts, axis=axis))


def _gap(
    table: GroupTable, *, rate: str, signed: bool = False, method: str = "between_groups"
) -> FloatArray:
    rates = table.rate(rate)
    if method not in ("between_groups", "to_overall"):
        raise UnknownName.of("method", method, ("between_groups", "to_overall"))
    if signed:
        if method == "to_overall":
            raise InputError("a signed gap compares two groups: use method='between_groups'")
        return _second_minus_first(table, rates)
    if method == "to_overall":
        return np.asarray(np.abs(rates - table.overall(rate)[..., None]).max(-1))
    return np.asarray(rates.max(-1) - rates.min(-1))


def _second_minus_first(table: GroupTable, rates: FloatArray) -> FloatArray:
    if len(table.groups) != 2:
        raise InputError(
            f"a signed gap needs two groups, not {len(table.groups)}: use the unsigned gap"
        )
    return np.asarray(rates[..., 1] - rates[..., 0])


def _ratio(table: GroupTable, *, rate: str, method: str = "between_groups") -> FloatArray:
    rates = table.rate(rate)
    if method == "between_groups":
        return divide(rates.min(-1), rates.max(-1))
    if method != "to_overall":
        raise UnknownName.of("method", method, ("between_groups", "to_overall"))
    overall = table.overall(rate)[..., None]
    return np.asarray(divide(np.minimum(rates, overall), np.maximum(rates, overall)).min(-1))


def _equalized_odds(
    table: GroupTable, *, reduce: str = "sum", method: str = "between_groups"
) -> FloatArray:
    gaps = [_gap(table, rate=rate, method=method) for rate in ("tpr", "fpr")]
    return _reduce(reduce, np.stack(gaps), axis=0)


def _average_odds(table: GroupTable) -> FloatArray:
    gaps = [_second_minus_first(table, table.rate(rate)) for rate in ("tpr", "fpr")]
    return np.asarray((gaps[0] + gaps[1]) / 2)


def _deviation(table: GroupTable, *, rates: tuple[str, ...], reduce: str = "sum") -> FloatArray:
    """Sum over the rates of the reduction over groups of |rate of the group - rate of all|."""
    away = [np.abs(table.rate(r) - table.overall(r)[..., None]) for r in rates]
    return np.asarray(sum(_reduce(reduce, a, axis=-1) for a in away))


def _equalized_odds_deviation(
    table: GroupTable, *, reduce: str = "sum", halved: bool = True
) -> FloatArray:
    return _deviation(table, rates=("fpr", "fnr"), reduce=reduce) * (0.5 if halved else 1.0)


def _accuracy(table: GroupTable) -> FloatArray:
    return table.overall("accuracy")


def _recalls(counts: Array) -> FloatArray:
    return divide(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1))


def _balanced_accuracy(table: GroupTable) -> FloatArray:
    return np.asarray(
        _recalls(table.counts.sum(-3)).mean(-1)
    )  # (..., G, K, K) -> (..., K) -> (...)


def _worst_group_accuracy(table: GroupTable, *, by_label: bool = False) -> FloatArray:
    if by_label:
        return np.asarray(_recalls(table.counts).min((-2, -1)))  # (..., G, K) -> (...)
    return np.asarray(table.rate("accuracy").min(-1))


# --- the people behind a value --------------------------------------------------------------


def _cells_of(*rates: str) -> Callable[..., dict[str, int]]:
    def cells(table: GroupTable, **_: object) -> dict[str, int]:
        return {label: n for rate in rates for label, n in table.cells(rate).items()}

    return cells


def _cells_by_label(table: GroupTable, *, by_label: bool = False) -> dict[str, int]:
    if not by_label:
        return table.cells("accuracy")
    sizes = table.counts.sum(-1)
    pairs = [(g, c) for g in range(len(table.groups)) for c in range(len(table.classes))]
    return {f"s={table.groups[g]}, y={table.classes[c]}": int(sizes[g, c]) for g, c in pairs}


def _cells_per_class(table: GroupTable, **_: object) -> dict[str, int]:
    sizes = table.counts.sum((-3, -1))
    return {f"y={c}": int(n) for c, n in zip(table.classes, sizes, strict=True)}


@dataclass(frozen=True)
class _Recipe:
    """How a public function is computed from counts."""

    kernel: Callable[..., FloatArray]
    cells: Callable[..., dict[str, int]]
    worst: Callable[..., Any] = np.max  # over classes: the largest gap, but the smallest ratio
    needs_positive: bool = True


_RECIPES: Mapping[str, _Recipe] = {
    "accuracy": _Recipe(_accuracy, _cells_of("accuracy"), needs_positive=False),
    "balanced_accuracy": _Recipe(_balanced_accuracy, _cells_per_class, needs_positive=False),
    "demographic_parity_gap": _Recipe(
        partial(_gap, rate="selection_rate"), _cells_of("selection_rate")
    ),
    "demographic_parity_ratio": _Recipe(
        partial(_ratio, rate="selection_rate"), _cells_of("selection_rate"), np.min
    ),
    "demographic_parity_deviation": _Recipe(
        partial(_deviation, rates=("selection_rate",)), _cells_of("selection_rate")
    ),
    "equal_opportunity_gap": _Recipe(partial(_gap, rate="tpr"), _cells_of("tpr")),
    "equal_opportunity_ratio": _Recipe(partial(_ratio, rate="tpr"), _cells_of("tpr"), np.min),
    "equalized_odds_gap": _Recipe(_equalized_odds, _cells_of("tpr", "fpr")),
    "equalized_odds_deviation": _Recipe(_equalized_odds_deviation, _cells_of("tpr", "fpr")),
    "average_odds_difference": _Recipe(_average_odds, _cells_of("tpr", "fpr")),
    "joint_tp_gap": _Recipe(partial(_gap, rate="joint_tp_rate"), _cells_of("joint_tp_rate")),
    "group_accuracy_gap": _Recipe(
        partial(_gap, rate="accuracy"), _cells_of("accuracy"), needs_positive=False
    ),
    "worst_group_accuracy": _Recipe(_worst_group_accuracy, _cells_by_label, needs_positive=False),
}


def _evaluate(name: str, table: GroupTable, multiclass: Multiclass, options: Any) -> FloatArray:
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


def _measure(
    name: str, table: GroupTable, multiclass: Multiclass, options: Any, label: str | None = None
) -> Value:
    """The metric of one table, with its counts and, where it is NaN, the reason as a warning."""
    if table.batch:
        raise InputError(
            f"y_hat has {len(table.batch) + 1} dimensions: pass one decision per person, or use "
            f"metric({name!r}).of_table(group_table(...)) for a batch"
        )
    label = label or name
    value = float(_evaluate(name, table, multiclass, options))
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
            warnings.warn(message, UndefinedMetricWarning, stacklevel=3)
    return Value(value, label, int(table.total), cells)


def _cell_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if k == "by_label"}


# --- public functions -----------------------------------------------------------------------


def accuracy(y: object, y_hat: object, s: object = None, **reading: Unpack[Reading]) -> Value:
    """Share of right decisions, all classes, all people; range [0, 1].

    Parameters
    ----------
    y, y_hat, s, **reading
        As in :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
    """
    return _measure("accuracy", group_table(y, y_hat, s, **reading), None, {})


def balanced_accuracy(
    y: object, y_hat: object, s: object = None, **reading: Unpack[Reading]
) -> Value:
    """Mean over classes of the recall; range [0, 1], and 1/K for any constant decision.

    A class with nobody in it makes the value NaN (scikit-learn leaves the class out).

    Parameters
    ----------
    y, y_hat, s, **reading
        As in :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
    """
    return _measure("balanced_accuracy", group_table(y, y_hat, s, **reading), None, {})


def demographic_parity_gap(
    y: object,
    y_hat: object,
    s: object,
    *,
    signed: bool = False,
    method: Method = "between_groups",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    r"""Gap of the selection rates, max_s P(ŷ=1|s) - min_s P(ŷ=1|s); range [0, 1].

    Parameters
    ----------
    y, y_hat, s, **reading
        As in :func:`fairtut.metrics.group_table`; ``y`` may be None.
    signed : bool
        For two groups: second minus first in the order of the table's ``groups``, which is the
        sorted order (group 1 minus group 0); range [-1, 1].
    method : {"between_groups", "to_overall"}
        Largest distance between two groups, or of one group from the rate of everybody.
    multiclass : {"worst", "mean"}, optional
        With several classes: each class against the rest, then the largest gap or the mean.

    Returns
    -------
    Value
        NaN with a warning when a group has no members.

    Raises
    ------
    InputError
        Bad input, or a signed gap of more than two groups.
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure(
        "demographic_parity_gap", table, multiclass, {"signed": signed, "method": method}
    )


def demographic_parity_ratio(
    y: object,
    y_hat: object,
    s: object,
    *,
    method: Method = "between_groups",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    r"""Disparate impact, min(p0/p1, p1/p0) with p_s = P(ŷ=1|s); range [0, 1], 1 = equal rates.

    With more groups, the smallest rate over the largest.  When no group selects anybody the
    ratio is 0/0 and the value is **NaN**, not 1: an all-negative classifier has no ratio.

    Parameters
    ----------
    y, y_hat, s, **reading
        As in :func:`fairtut.metrics.group_table`; ``y`` may be None.
    method : {"between_groups", "to_overall"}
        Between groups, or of each group to the rate of everybody.
    multiclass : {"worst", "mean"}, optional
        With several classes: each class against the rest, then the smallest ratio or the mean.

    Returns
    -------
    Value
        NaN with a warning when a group has no members or nobody is selected.

    Raises
    ------
    InputError
        Bad input.
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure("demographic_parity_ratio", table, multiclass, {"method": method})


disparate_impact = demographic_parity_ratio


def demographic_parity_deviation(
    y: object,
    y_hat: object,
    s: object,
    *,
    reduce: Reduce = "sum",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    r"""Reduction over groups of abs(P(ŷ=1) - P(ŷ=1|s)): the DP of Fairness Reprogramming.

    For two groups the sum *equals* the gap between them, whatever the group sizes, so the mean
    is half of it.

    Parameters
    ----------
    y, y_hat, s, multiclass, **reading
        As in :func:`demographic_parity_gap`.
    reduce : {"sum", "mean", "max"}
        Over groups: the paper prints the sum, its code computes the mean.

    Returns
    -------
    Value
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure("demographic_parity_deviation", table, multiclass, {"reduce": reduce})


def equal_opportunity_gap(
    y: object,
    y_hat: object,
    s: object,
    *,
    signed: bool = False,
    method: Method = "between_groups",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    """Gap of the true positive rates, max_s TPR_s - min_s TPR_s; range [0, 1].

    Parameters
    ----------
    y, y_hat, s, signed, method, multiclass, **reading
        As in :func:`demographic_parity_gap`.

    Returns
    -------
    Value
        NaN with a warning when a group has no positives.
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure(
        "equal_opportunity_gap", table, multiclass, {"signed": signed, "method": method}
    )


def equal_opportunity_ratio(
    y: object,
    y_hat: object,
    s: object,
    *,
    method: Method = "between_groups",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    """Smallest true positive rate over the largest; range [0, 1]; NaN when all are 0.

    Parameters
    ----------
    y, y_hat, s, method, multiclass, **reading
        As in :func:`demographic_parity_ratio`.

    Returns
    -------
    Value
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure("equal_opportunity_ratio", table, multiclass, {"method": method})


def equalized_odds_gap(
    y: object,
    y_hat: object,
    s: object,
    *,
    reduce: Reduce = "sum",
    method: Method = "between_groups",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    """Sum, mean or maximum of the TPR gap and the FPR gap.

    The three rank classifiers differently; a table of "EO" without the word sum, mean or max
    cannot be compared with another.  Range [0, 2] for the sum, else [0, 1].

    Parameters
    ----------
    y, y_hat, s, method, multiclass, **reading
        As in :func:`demographic_parity_gap`.
    reduce : {"sum", "mean", "max"}
        "sum" is FAAP's DEO, "max" is fairlearn's ``agg="worst_case"``.

    Returns
    -------
    Value
        NaN with a warning when a group has no positives or no negatives.
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure("equalized_odds_gap", table, multiclass, {"reduce": reduce, "method": method})


def equalized_odds_deviation(
    y: object,
    y_hat: object,
    s: object,
    *,
    reduce: Reduce = "sum",
    halved: bool = True,
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    """Reduction over groups of abs(FPR - FPR_s) + abs(FNR - FNR_s), halved or not.

    The EO of Fairness Reprogramming.  For two groups the halved sum equals
    ``equalized_odds_gap(reduce="mean")``, and so does the unhalved mean.

    Parameters
    ----------
    y, y_hat, s, multiclass, **reading
        As in :func:`demographic_parity_gap`.
    reduce : {"sum", "mean", "max"}
        Over groups: the paper prints the sum, its code computes the mean.
    halved : bool
        Divide by two, as the paper's formula does.

    Returns
    -------
    Value
    """
    table = group_table(y, y_hat, s, **reading)
    options = {"reduce": reduce, "halved": halved}
    return _measure("equalized_odds_deviation", table, multiclass, options)


def average_odds_difference(
    y: object, y_hat: object, s: object, **reading: Unpack[Reading]
) -> Value:
    """Mean of the *signed* TPR and FPR gaps, second group minus first; range [-1, 1].

    Signs cancel.  TPR .9 against .5 and FPR .1 against .5 give (.4 - .4)/2 = 0, while the two
    gaps are .4 each: one group gets both kinds of error five times as often (.5 against .1).
    Report it only beside :func:`equalized_odds_gap`.

    Parameters
    ----------
    y, y_hat, s, **reading
        As in :func:`fairtut.metrics.group_table`; exactly two groups.

    Returns
    -------
    Value

    Raises
    ------
    InputError
        Bad input, or more than two groups.
    """
    return _measure("average_odds_difference", group_table(y, y_hat, s, **reading), None, {})


def joint_tp_gap(
    y: object,
    y_hat: object,
    s: object,
    *,
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    """Gap of P(ŷ=1, y=1 | s): what the released DVGE code prints as "EO"; range [0, 1].

    True positives are divided by the size of the group, not by its positives.  A *perfect*
    classifier then has the gap of the base rates.  For comparison with that code only.

    Parameters
    ----------
    y, y_hat, s, multiclass, **reading
        As in :func:`demographic_parity_gap`.

    Returns
    -------
    Value
    """
    return _measure("joint_tp_gap", group_table(y, y_hat, s, **reading), multiclass, {})


def group_accuracy_gap(
    y: object, y_hat: object, s: object, *, signed: bool = False, **reading: Unpack[Reading]
) -> Value:
    """Gap of the accuracies (all classes), max_s - min_s; range [0, 1].

    Parameters
    ----------
    y, y_hat, s, signed, **reading
        As in :func:`demographic_parity_gap`.

    Returns
    -------
    Value
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure("group_accuracy_gap", table, None, {"signed": signed})


def worst_group_accuracy(
    y: object, y_hat: object, s: object, *, by_label: bool = False, **reading: Unpack[Reading]
) -> Value:
    """Accuracy of the worst group; range [0, 1].

    Parameters
    ----------
    y, y_hat, s, **reading
        As in :func:`fairtut.metrics.group_table`.
    by_label : bool
        Groups are (s, y) cells, the usage of the group-shift literature and of the model
        selection in the released Reprogramming code.

    Returns
    -------
    Value
        NaN with a warning when one group is empty: the worst is then unknown.
    """
    table = group_table(y, y_hat, s, **reading)
    return _measure("worst_group_accuracy", table, None, {"by_label": by_label})


# --- the registry ---------------------------------------------------------------------------


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
        return _measure(self.function.__name__, table, multiclass, self.options, self.name)

    def of_table(self, table: GroupTable, multiclass: Multiclass = None) -> FloatArray:
        """Values of a batch of tables, shape ``table.batch``; NaN without a warning."""
        return _evaluate(self.function.__name__, table, multiclass, self.options)

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


_FR_TRAIN = "FR-Train (Roh et al. 2020), slides and released code"
_FAAP = "FAAP (Wang et al. 2022), section 5"
_DVGE = "DVGE (Zhang et al. 2023), slides"
_DVGE_CODE = "DVGE (Zhang et al. 2023), released validation routine, printed as EO"
_REPRO = "Fairness Reprogramming (Zhang et al. 2022), formula of the paper"
_REPRO_CODE = "Fairness Reprogramming (Zhang et al. 2022), released code: mean over groups"
_P = r"P(\hat y=1 \mid s)"
_SPREAD = r"\max_s {0} - \min_s {0}"
_TPR, _FPR = r"\mathrm{TPR}_s", r"\mathrm{FPR}_s"
_ODDS = r"|\Delta\mathrm{TPR}|", r"|\Delta\mathrm{FPR}|"
_AWAY = r"|\mathrm{FPR}-\mathrm{FPR}_s| + |\mathrm{FNR}-\mathrm{FNR}_s|"


def _gap_definition(
    name: str,
    function: Callable[..., Value],
    paper: str,
    formula: str,
    axis: str,
    top: float = 1.0,
    **options: Any,
) -> Definition:
    """A definition for which 0 is perfect and smaller is fairer."""
    return Definition(name, function, paper, formula, (0.0, top), 0.0, False, axis, options)


def _share_definition(
    name: str, function: Callable[..., Value], paper: str, formula: str, axis: str, **options: Any
) -> Definition:
    """A definition for which 1 is perfect and larger is fairer (or better)."""
    return Definition(name, function, paper, formula, (0.0, 1.0), 1.0, True, axis, options)


_ALL = (
    _share_definition("accuracy", accuracy, "all five", r"P(\hat y = y)", "accuracy"),
    _share_definition(
        "balanced_accuracy",
        balanced_accuracy,
        "control of this suite",
        r"\frac1K\sum_k P(\hat y=k \mid y=k)",
        "balanced accuracy",
    ),
    _share_definition(
        "worst_group_accuracy",
        worst_group_accuracy,
        "group-shift literature, with groups s",
        r"\min_s P(\hat y=y \mid s)",
        "accuracy of the worst group",
    ),
    _share_definition(
        "worst_cell_accuracy",
        worst_group_accuracy,
        "Fairness Reprogramming (Zhang et al. 2022), selection rule of the released code",
        r"\min_{s,k} P(\hat y=y \mid s, y=k)",
        "accuracy of the worst (group, label) cell",
        by_label=True,
    ),
    _gap_definition(
        "group_accuracy_gap",
        group_accuracy_gap,
        "DVGE (Zhang et al. 2023), released code: accuracy parity gap",
        _SPREAD.format(r"P(\hat y=y \mid s)"),
        "accuracy gap",
    ),
    _share_definition(
        "di",
        demographic_parity_ratio,
        _FR_TRAIN,
        r"\min\!\left(\frac{p_0}{p_1}, \frac{p_1}{p_0}\right),\; p_s = " + _P,
        "disparate impact (1 = equal selection rates)",
    ),
    _share_definition(
        "demographic_parity_ratio",
        demographic_parity_ratio,
        "fairlearn's name for disparate impact",
        rf"\min_s {_P} / \max_s {_P}",
        "selection-rate ratio",
    ),
    _gap_definition(
        "demographic_parity_gap",
        demographic_parity_gap,
        f"{_FAAP} (DP); {_DVGE} (ΔDP)",
        _SPREAD.format(_P),
        "demographic parity gap",
    ),
    _gap_definition(
        "dp",
        demographic_parity_deviation,
        _REPRO + "; equals the gap for two groups",
        r"\sum_s |P(\hat y=1) - P(\hat y=1 \mid s)|",
        "DP (sum over groups)",
        top=float("inf"),
    ),
    _gap_definition(
        "dp_half",
        demographic_parity_deviation,
        _REPRO_CODE + ", half the gap for two groups; its CelebA axis fits this one",
        r"\frac1S\sum_s |P(\hat y=1) - P(\hat y=1 \mid s)|",
        "DP (mean over groups)",
        reduce="mean",
    ),
    _gap_definition(
        "equal_opportunity_gap",
        equal_opportunity_gap,
        f"{_DVGE} (ΔEO)",
        _SPREAD.format(_TPR),
        "equal opportunity gap",
    ),
    _share_definition(
        "equal_opportunity_ratio",
        equal_opportunity_ratio,
        "ratio form of the same comparison",
        rf"\min_s {_TPR} / \max_s {_TPR}",
        "TPR ratio",
    ),
    _gap_definition(
        "joint_tp_gap",
        joint_tp_gap,
        _DVGE_CODE,
        _SPREAD.format(r"P(\hat y=1, y=1 \mid s)"),
        "joint true-positive gap",
    ),
    _gap_definition(
        "equalized_odds_gap",
        equalized_odds_gap,
        "this suite's default: the sum",
        " + ".join(_ODDS),
        "equalised odds gap (sum)",
        top=2.0,
        reduce="sum",
    ),
    _gap_definition(
        "deo",
        equalized_odds_gap,
        _FAAP + "; that the two gaps are summed follows from its tables",
        r"|\Delta\mathrm{FPR}| + |\Delta\mathrm{FNR}|",
        "DEO (sum of the FPR and FNR gaps)",
        top=2.0,
        reduce="sum",
    ),
    _gap_definition(
        "equalized_odds_mean",
        equalized_odds_gap,
        "average of the absolute gaps; fairlearn's agg='mean'",
        rf"\tfrac12({' + '.join(_ODDS)})",
        "equalised odds gap (mean)",
        reduce="mean",
    ),
    _gap_definition(
        "equalized_odds_max",
        equalized_odds_gap,
        "fairlearn's default, agg='worst_case'",
        rf"\max({', '.join(_ODDS)})",
        "equalised odds gap (max)",
        reduce="max",
    ),
    _gap_definition(
        "eo_half",
        equalized_odds_deviation,
        _REPRO + "; equals equalized_odds_mean for two groups",
        rf"\tfrac12\sum_s({_AWAY})",
        "EO (half the sum over groups)",
        top=float("inf"),
    ),
    _gap_definition(
        "eo_code",
        equalized_odds_deviation,
        _REPRO_CODE + ", unhalved: the console line of its CelebA loop",
        rf"\frac1S\sum_s({_AWAY})",
        "EO (mean over groups)",
        top=2.0,
        reduce="mean",
        halved=False,
    ),
    _gap_definition(
        "eo_code_half",
        equalized_odds_deviation,
        _REPRO_CODE + " and halved: ED_FR",
        rf"\frac1{{2S}}\sum_s({_AWAY})",
        "EO (half the mean over groups)",
        reduce="mean",
    ),
    Definition(
        "average_odds_difference",
        average_odds_difference,
        "AIF360's average odds difference; signs can cancel",
        r"\tfrac12[(\mathrm{TPR}_1-\mathrm{TPR}_0) + (\mathrm{FPR}_1-\mathrm{FPR}_0)]",
        (-1.0, 1.0),
        0.0,
        None,
        "average odds difference (signed)",
    ),
)

#: Every metric by name.
DEFINITIONS: Mapping[str, Definition] = MappingProxyType({d.name: d for d in _ALL})
_ALIASES = {"disparate_impact": "di"}


def metric(name: str) -> Definition:
    """Look a metric up by name.

    Raises
    ------
    UnknownName
        No such metric; the message lists the names and the nearest one.
    """
    name = _ALIASES.get(name, name)
    if name not in DEFINITIONS:
        raise UnknownName.of("metric", name, DEFINITIONS)
    return DEFINITIONS[name]


def as_definition(what: str | Definition | Callable[..., Any], **options: Any) -> Definition | None:
    """Definition behind a name, a public function or a ``partial`` of one; None for any other."""
    if isinstance(what, str):
        return metric(what).with_options(**options)
    if isinstance(what, Definition):
        return what.with_options(**options)
    if isinstance(what, partial) and not what.args:
        return as_definition(what.func, **{**what.keywords, **options})
    known = (d for d in _ALL if d.function is what)
    name = getattr(what, "__name__", "")
    found = DEFINITIONS.get(name) or next(known, None)
    if found is None or found.function is not what:
        return None
    return found.with_options(**options)
