"""Arithmetic of the metrics: a table of counts (..., G, K, K) in, an array (...) out.

NaN goes through: a rate of nobody makes every gap that it enters NaN.  The functions at the end
name the people behind a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fairtut.errors import InputError, UnknownName
from fairtut.metrics.group import GroupTable, divide
from fairtut.metrics.values import Array, FloatArray

_REDUCERS: Mapping[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "max": np.max}

# --- kernels: a table of counts (..., G, K, K) in, an array (...) out; NaN goes through ----------


def _reduce(how: str, parts: Array, axis: int) -> FloatArray:
    if how not in _REDUCERS:
        raise UnknownName.of("reduction", how, _REDUCERS)
    return np.asarray(_REDUCERS[how](parts, axis=axis))


def gap(
    table: GroupTable, *, rate: str, signed: bool = False, method: str = "between_groups"
) -> FloatArray:
    """Largest distance of a rate: between two groups, or of one group from everybody."""
    rates = table.rate(rate)
    if method not in ("between_groups", "to_overall"):
        raise UnknownName.of("method", method, ("between_groups", "to_overall"))
    if signed:
        if method == "to_overall":
            raise InputError("a signed gap compares two groups: use method='between_groups'")
        return _second_minus_first(table, rates)
    if method == "to_overall":
        return _of_some(table, np.abs(rates - table.overall(rate)[..., None]).max(-1))
    return _of_two(table, rates.max(-1) - rates.min(-1))


def _of_two(table: GroupTable, values: Any) -> FloatArray:
    """Values that compare groups with each other: of a single group nothing was measured."""
    return np.asarray(values) if len(table.groups) > 1 else np.full(table.batch, np.nan)


def _of_some(table: GroupTable, values: Any) -> FloatArray:
    """Values that compare groups with everybody: a single group of which all are says nothing."""
    return np.asarray(values) if table.everybody is not None else _of_two(table, values)


def _second_minus_first(table: GroupTable, rates: FloatArray) -> FloatArray:
    if len(table.groups) != 2:
        raise InputError(
            f"a signed gap needs two groups, not {len(table.groups)}: use the unsigned gap"
        )
    return np.asarray(rates[..., 1] - rates[..., 0])


def ratio(table: GroupTable, *, rate: str, method: str = "between_groups") -> FloatArray:
    """Smallest quotient of a rate: between two groups, or of one group with everybody."""
    rates = table.rate(rate)
    if method == "between_groups":
        return _of_two(table, divide(rates.min(-1), rates.max(-1)))
    if method != "to_overall":
        raise UnknownName.of("method", method, ("between_groups", "to_overall"))
    overall = table.overall(rate)[..., None]
    return _of_some(table, divide(np.minimum(rates, overall), np.maximum(rates, overall)).min(-1))


def equalized_odds(
    table: GroupTable, *, reduce: str = "sum", method: str = "between_groups"
) -> FloatArray:
    """Reduction of the TPR gap and the FPR gap."""
    gaps = [gap(table, rate=rate, method=method) for rate in ("tpr", "fpr")]
    return _reduce(reduce, np.stack(gaps), axis=0)


def average_odds(table: GroupTable) -> FloatArray:
    """Mean of the signed TPR and FPR gaps."""
    gaps = [_second_minus_first(table, table.rate(rate)) for rate in ("tpr", "fpr")]
    return np.asarray((gaps[0] + gaps[1]) / 2)


def deviation(table: GroupTable, *, rates: tuple[str, ...], reduce: str = "sum") -> FloatArray:
    """Sum over the rates of the reduction over groups of |rate of the group - rate of all|."""
    away = [np.abs(table.rate(r) - table.overall(r)[..., None]) for r in rates]
    return _of_some(table, np.asarray(sum(_reduce(reduce, a, axis=-1) for a in away)))


def equalized_odds_deviation(
    table: GroupTable, *, reduce: str = "sum", halved: bool = True
) -> FloatArray:
    """Deviation of FPR and FNR, halved or not."""
    return deviation(table, rates=("fpr", "fnr"), reduce=reduce) * (0.5 if halved else 1.0)


def accuracy(table: GroupTable) -> FloatArray:
    """Share of right decisions."""
    return table.overall("accuracy")


def _recalls(counts: Array) -> FloatArray:
    return divide(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1))


def balanced_accuracy(table: GroupTable) -> FloatArray:
    """Mean over classes of the recall."""
    recalls = _recalls(table.whole)  # (..., K, K) -> (..., K)
    return np.asarray(recalls.mean(-1))


def worst_group_accuracy(table: GroupTable, *, by_label: bool = False) -> FloatArray:
    """Smallest accuracy of a group, or of a (group, label) cell."""
    if by_label:
        return np.asarray(_recalls(table.counts).min((-2, -1)))  # (..., G, K) -> (...)
    return np.asarray(table.rate("accuracy").min(-1))


# --- the people behind a value --------------------------------------------------------------


def cells_of(*rates: str) -> Callable[..., dict[str, int]]:
    """Function that names the people behind each of these rates, per group."""

    def cells(table: GroupTable, **_: object) -> dict[str, int]:
        return {label: n for rate in rates for label, n in table.cells(rate).items()}

    return cells


def cells_by_label(table: GroupTable, *, by_label: bool = False) -> dict[str, int]:
    """People per group, or per (group, label) cell."""
    if not by_label:
        return table.cells("accuracy")
    sizes = table.unweighted.counts.sum(-1)
    pairs = [(g, c) for g in range(len(table.groups)) for c in range(len(table.classes))]
    return {f"s={table.groups[g]}, y={table.classes[c]}": int(sizes[g, c]) for g, c in pairs}


def cells_per_class(table: GroupTable, **_: object) -> dict[str, int]:
    """People per class."""
    sizes = table.unweighted.whole.sum(-1)
    return {f"y={c}": int(n) for c, n in zip(table.classes, sizes, strict=True)}
