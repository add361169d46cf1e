"""Who is selected among those with the same label: equal opportunity and equalised odds."""

from __future__ import annotations

from typing import Unpack

from fairtut.metrics.measuring import Method, Multiclass, Reduce, measure
from fairtut.metrics.people import Reading, group_table
from fairtut.metrics.values import Value


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
    """Gap of the true positive rates TPR_s = P(ŷ=1 | s, y=1), max_s - min_s; range [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
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
        NaN with a warning when a group has no positives.

    Raises
    ------
    fairtut.errors.InputError
        Bad input, or a signed gap of more than two groups or to everybody's rate.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import equal_opportunity_gap
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(equal_opportunity_gap(y, y_hat, s))
    0.5
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("equal_opportunity_gap", table, multiclass, {"signed": signed, "method": method})


def equal_opportunity_ratio(
    y: object,
    y_hat: object,
    s: object,
    *,
    method: Method = "between_groups",
    multiclass: Multiclass = None,
    **reading: Unpack[Reading],
) -> Value:
    """Smallest true positive rate P(ŷ=1 | s, y=1) over the largest; range [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
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
        NaN with a warning when a group has no positives or every rate is 0.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import equal_opportunity_ratio
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(equal_opportunity_ratio(y, y_hat, s))
    0.5
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("equal_opportunity_ratio", table, multiclass, {"method": method})


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
    """Sum, mean or maximum of the TPR gap and the FPR gap, each max_s - min_s.

    The three rank classifiers differently; a table of "EO" without the word sum, mean or max
    cannot be compared with another.  Range [0, 2] for the sum, else [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
    reduce : {"sum", "mean", "max"}
        "sum" is FAAP's DEO, "max" is fairlearn's ``agg="worst_case"``.
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
        NaN with a warning when a group has no positives or no negatives.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import equalized_odds_gap
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(equalized_odds_gap(y, y_hat, s))
    1.0
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("equalized_odds_gap", table, multiclass, {"reduce": reduce, "method": method})


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
    ``equalized_odds_gap(reduce="mean")``, and so does the unhalved mean.  Range [0, 1] for two
    groups halved, twice that unhalved; the sum over more groups can exceed it.

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
    reduce : {"sum", "mean", "max"}
        Over groups: the paper prints the sum, its code computes the mean.  Each of
        FPR and FNR is reduced for itself, then the two are added.
    halved : bool
        Divide by two, as the paper's formula does.
    multiclass : {"worst", "mean"}, optional
        With several classes: each class against the rest, then the largest gap or the mean.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when a group has no positives or no negatives.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.
    fairtut.errors.UnknownName
        No such option.

    Examples
    --------
    >>> from fairtut.metrics import equalized_odds_deviation
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(equalized_odds_deviation(y, y_hat, s))
    0.5
    """
    table = group_table(y, y_hat, s, **reading)
    options = {"reduce": reduce, "halved": halved}
    return measure("equalized_odds_deviation", table, multiclass, options)


def average_odds_difference(
    y: object, y_hat: object, s: object, **reading: Unpack[Reading]
) -> Value:
    """Mean of the *signed* TPR and FPR gaps, second group minus first; range [-1, 1].

    Signs cancel.  TPR .9 against .5 and FPR .1 against .5 give (.4 - .4)/2 = 0, while the two
    gaps are .4 each: one group gets both kinds of error five times as often (.5 against .1).
    Report it only beside :func:`equalized_odds_gap`.

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`; two groups.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when a group has no positives or no negatives.

    Raises
    ------
    fairtut.errors.InputError
        Bad input, or more than two groups.

    Examples
    --------
    >>> from fairtut.metrics import average_odds_difference
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(average_odds_difference(y, y_hat, s))
    -0.5
    """
    return measure("average_odds_difference", group_table(y, y_hat, s, **reading), None, {})


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
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
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
    >>> from fairtut.metrics import joint_tp_gap
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(joint_tp_gap(y, y_hat, s))
    0.25
    """
    return measure("joint_tp_gap", group_table(y, y_hat, s, **reading), multiclass, {})
