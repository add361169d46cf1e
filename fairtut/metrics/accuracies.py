"""How often decisions are right: over all people, per class and per group."""

from __future__ import annotations

from typing import Unpack

from fairtut.metrics.measuring import measure
from fairtut.metrics.people import Reading, group_table
from fairtut.metrics.values import Value


def accuracy(y: object, y_hat: object, s: object = None, **reading: Unpack[Reading]) -> Value:
    """Share of right decisions P(ŷ=y), all classes, all people; range [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and (for their counts only) groups, as in
        :func:`fairtut.metrics.group_table`.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value

    Raises
    ------
    fairtut.errors.InputError
        Bad input.

    Examples
    --------
    >>> from fairtut.metrics import accuracy
    >>> float(accuracy([1, 1, 0, 0], [1, 1, 1, 0]))
    0.75
    """
    return measure("accuracy", group_table(y, y_hat, s, **reading), None, {})


def balanced_accuracy(
    y: object, y_hat: object, s: object = None, **reading: Unpack[Reading]
) -> Value:
    """Mean over the classes k of the recall P(ŷ=k | y=k); range [0, 1].

    Any constant decision over K classes scores 1/K.  A class with nobody in it makes the value
    NaN (scikit-learn leaves the class out).

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and (for their counts only) groups, as in
        :func:`fairtut.metrics.group_table`.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when a class has no members.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.

    Examples
    --------
    >>> from fairtut.metrics import balanced_accuracy
    >>> float(balanced_accuracy([1, 1, 0, 0], [1, 1, 1, 0]))
    0.75
    """
    return measure("balanced_accuracy", group_table(y, y_hat, s, **reading), None, {})


def group_accuracy_gap(
    y: object, y_hat: object, s: object, *, signed: bool = False, **reading: Unpack[Reading]
) -> Value:
    """Gap of the accuracies, max_s P(ŷ=y|s) - min_s P(ŷ=y|s), over all classes; range [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
    signed : bool
        For two groups: second minus first in sorted order (group 1 minus group 0); range [-1, 1].
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
        Bad input, or a signed gap of more than two groups.

    Examples
    --------
    >>> from fairtut.metrics import group_accuracy_gap
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(group_accuracy_gap(y, y_hat, s))
    0.0
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("group_accuracy_gap", table, None, {"signed": signed})


def worst_group_accuracy(
    y: object, y_hat: object, s: object, *, by_label: bool = False, **reading: Unpack[Reading]
) -> Value:
    """Accuracy of the worst group, min_s P(ŷ=y|s); range [0, 1].

    Parameters
    ----------
    y, y_hat, s : array-like, shape (n,)
        Labels, decisions and groups, as in :func:`fairtut.metrics.group_table`.
    by_label : bool
        Groups are (s, y) cells, the usage of the group-shift literature and of the model
        selection in the released Reprogramming code.
    **reading
        ``positive``, ``classes``, ``groups``, ``sample_weight``: see
        :func:`fairtut.metrics.group_table`.

    Returns
    -------
    Value
        NaN with a warning when one group (or cell) is empty: the worst is then unknown.

    Raises
    ------
    fairtut.errors.InputError
        Bad input.

    Examples
    --------
    >>> from fairtut.metrics import worst_group_accuracy
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> float(worst_group_accuracy(y, y_hat, s))
    0.75
    """
    table = group_table(y, y_hat, s, **reading)
    return measure("worst_group_accuracy", table, None, {"by_label": by_label})
