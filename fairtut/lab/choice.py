"""The one selection rule, from either side, and the one answer to "does it beat that?"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from fairtut.errors import InputError
from fairtut.metrics import Estimate, select

Answer = Literal["yes", "no", "unclear", "not tested"]


@dataclass(frozen=True)
class Choice:
    """The setting that the rule picked.

    Attributes
    ----------
    index : int
        Its place among the settings.
    satisfied : bool
        Whether it keeps the floor; False means that no setting did, and this is the most accurate.

    Examples
    --------
    >>> from fairtut.lab.choice import fairest
    >>> fairest([0.9, 0.8], [0.2, 0.1], floor=0.85).satisfied
    True
    """

    index: int
    satisfied: bool


def fairest(
    accuracy: ArrayLike, gap: ArrayLike, floor: float, *, barred: ArrayLike | None = None
) -> Choice:
    """Pick the setting with the least gap among those that keep an accuracy floor.

    To be called with the accuracies and gaps of *validation* people.  A setting that may cost at
    most δ has the floor ``accuracy of the model as it is - δ``.  Of equal settings the first is
    picked.  A setting without a gap (an empty cell) is picked only if none with a gap is allowed.

    Parameters
    ----------
    accuracy, gap : array-like, shape (settings,)
    floor : float
        Least accuracy; ``-inf`` is selection by the gap alone, which likes the constant classifier.
    barred : bool array, shape (settings,), optional
        Settings that may not be picked, such as those that give everybody one answer.

    Returns
    -------
    Choice
        If no setting is allowed, the most accurate one.

    Raises
    ------
    fairtut.errors.InputError
        No settings, or different numbers of them.

    Examples
    --------
    >>> fairest([0.9, 0.88, 0.6], [0.2, 0.1, 0.0], floor=0.85)
    Choice(index=1, satisfied=True)
    >>> fairest([0.9, 0.88, 0.6], [0.2, 0.1, 0.0], floor=0.95)
    Choice(index=0, satisfied=False)
    """
    known, away = np.asarray(accuracy, float), np.asarray(gap, float)
    if known.shape != away.shape or known.ndim != 1 or not known.size:
        raise InputError(f"accuracies {known.shape} and gaps {away.shape}: need (settings,) twice")
    allowed = known >= floor
    if barred is not None:
        allowed &= ~np.asarray(barred, bool)
    if not allowed.any():
        return Choice(int(known.argmax()), False)
    finite = np.nan_to_num(away, nan=np.finfo(float).max)
    return Choice(int(np.where(allowed, finite, np.inf).argmin()), True)


def within(
    accuracy: ArrayLike, fairness: ArrayLike, limit: float, *, larger_is_fairer: bool | None = False
) -> Choice:
    """Pick the most accurate setting that keeps a fairness limit: the same question, turned round.

    That is :func:`fairtut.metrics.select` where something is defined.  Ties go to the fairer
    setting, then to the first.

    Parameters
    ----------
    accuracy, fairness : array-like, shape (settings,)
    limit : float
        Largest gap, or least ratio where larger is fairer.
    larger_is_fairer : bool
        Whether ``fairness`` is a ratio rather than a gap.

    Returns
    -------
    Choice
        ``satisfied`` is False for the fairest setting where none keeps the limit, and for the most
        accurate one where no setting has a fairness value (nobody is accepted: 0/0).

    Examples
    --------
    >>> within([0.9, 0.88, 0.6], [0.2, 0.1, 0.0], limit=0.15)
    Choice(index=1, satisfied=True)
    """
    plane = np.column_stack([np.asarray(accuracy, float), np.asarray(fairness, float)])
    if np.isnan(plane).any(1).all():
        return Choice(int(np.nanargmax(plane[:, 0])), False)
    found = select(plane, limit, larger_is_fairer=larger_is_fairer)
    return Choice(found.index, found.satisfied)


def beats(difference: Estimate) -> Answer:
    """Say whether a method beats a control, from the interval of a paired difference.

    Parameters
    ----------
    difference : Estimate
        The method's number minus the control's, larger being better (turn the sign of gaps), about
        the same people or the same seeds.

    Returns
    -------
    {"yes", "no", "unclear", "not tested"}
        ``yes`` where the whole interval is above 0, ``no`` where none of it is, else ``unclear``,
        as is a number without an interval (a single training); ``not tested`` where there is none.

    Examples
    --------
    >>> beats(Estimate(0.02, 0.01, 0.03, n=500, level=0.95, method="bootstrap"))
    'yes'
    >>> beats(Estimate(0.02, -0.01, 0.05, n=500, level=0.95, method="bootstrap"))
    'unclear'
    """
    if np.isnan(difference.value):
        return "not tested"
    if difference.low > 0:
        return "yes"
    return "no" if difference.high <= 0 else "unclear"
