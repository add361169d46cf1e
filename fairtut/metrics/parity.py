"""Who is selected: metrics of demographic parity, which look at decisions and groups only."""

from __future__ import annotations

from typing import Unpack

from fairtut.metrics.measuring import Method, Multiclass, Reduce, measure
from fairtut.metrics.people import Reading, group_table
from fairtut.metrics.values import Value


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
    """Gap of the selection rates, max_s P(ŷ=1|s) - min_s P(ŷ=1|s); range [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`; ``y`` may be None.
    signed : bool
        For two groups: second minus first in sorted order (group 1 minus group 0); range [-1, 1].
    method : {"between_groups", "to_overall"}
        Largest distance between two groups, or of one group from the rate of everybody.
    multiclass : {"worst", "mean"}, optional
        With several classes: each class against the rest, then the largest gap or the mean.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when a group has no members.

    Raises
    ------
    fairtut.errors.InputError
        Bad input, or a signed gap of more than two groups or to everybody's rate.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import demographic_parity_gap
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(demographic_parity_gap(y, y_hat, s))
    0.5
    """
    table = group_table(y, y_hat, s, **reading)
    return measure(
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
    """Disparate impact, min(p0/p1, p1/p0) with p_s = P(ŷ=1|s); range [0, 1], 1 = equal rates.

    With more groups, the smallest rate over the largest.  When no group selects anybody the
    ratio is 0/0 and the value is **NaN**, not 1: an all-negative classifier has no ratio.

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`; ``y`` may be None.
    method : {"between_groups", "to_overall"}
        Between groups, or of each group to the rate of everybody.
    multiclass : {"worst", "mean"}, optional
        With several classes: each class against the rest, then the smallest ratio or the mean.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when a group has no members or nobody is selected.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import demographic_parity_ratio
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(demographic_parity_ratio(y, y_hat, s))
    0.3333333333333333
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("demographic_parity_ratio", table, multiclass, {"method": method})


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
    """Reduction over groups of abs(P(ŷ=1) - P(ŷ=1|s)): the DP of Fairness Reprogramming.

    For two groups the sum *equals* the gap between them, whatever the group sizes, so the mean
    is half of it.  Range [0, 1] for two groups, for the mean and for the maximum; the sum over
    more groups can exceed 1.

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`; ``y`` may be None.
    reduce : {"sum", "mean", "max"}
        Over groups: the paper prints the sum, its code computes the mean.
    multiclass : {"worst", "mean"}, optional
        With several classes: each class against the rest, then the largest gap or the mean.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when a group has no members.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import demographic_parity_deviation
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(demographic_parity_deviation(y, y_hat, s))
    0.5
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("demographic_parity_deviation", table, multiclass, {"reduce": reduce})
