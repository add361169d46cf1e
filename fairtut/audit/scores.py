"""How well a score ranks and how well it is calibrated, in each group."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Final

import numpy as np
from scipy.special import expit, logit, ndtri

from fairtut.metrics import Estimate
from fairtut.metrics.values import Array, FloatArray

RANKING: Final = "linearised (DeLong), on the logit scale, over people"
MEAN: Final = "normal, over people"
_ROUNDING: Final = 1e-12
"""Sums of weights are this exact: an area that is nearer to 0 or 1 has all pairs in order."""
TITLES: Final = {
    "auc": "AUC",
    "brier": "Brier score",
    "calibration": "mean score − base rate",
}


def by_group(
    belongs: Array,
    groups: tuple[Hashable, ...],
    truth: Array,
    score: FloatArray,
    weight: FloatArray | None,
    level: float,
) -> dict[Hashable, dict[str, Estimate]]:
    """Return, for each group, AUC and, of scores that are probabilities, Brier and calibration.

    Parameters
    ----------
    belongs : bool array, shape (n, G)
    groups : tuple, length G
    truth : bool array, shape (n,)
        Who has the favourable label.
    score : array, shape (n,)
        Higher for people who are rather decided for.  If all lie in [0, 1] they are read as
        probabilities.
    weight : array, shape (n,), optional
    level : float
        Of the intervals.

    Examples
    --------
    >>> import numpy as np
    >>> truth, score = np.array([1, 1, 0, 0], bool), np.array([0.9, 0.4, 0.6, 0.1])
    >>> found = by_group(np.ones((4, 1), bool), ("all",), truth, score, None, 0.95)["all"]
    >>> found["auc"].value  # three of four pairs are in order
    0.75
    >>> round(found["brier"].value, 3), round(found["calibration"].value, 3)
    (0.185, 0.0)
    """
    weights = np.ones(len(score)) if weight is None else weight
    probable = bool(((score >= 0) & (score <= 1)).all())
    found: dict[Hashable, dict[str, Estimate]] = {}
    for group, who in zip(groups, belongs.T, strict=True):
        own = truth[who].astype(float), score[who], weights[who]
        found[group] = {"auc": auc(*own, level=level)}
        if probable:
            y, p, w = own
            found[group]["brier"] = _mean((p - y) ** 2, w, level)
            found[group]["calibration"] = _mean(p - y, w, level)
    return found


def auc(y: FloatArray, score: FloatArray, weight: FloatArray, *, level: float) -> Estimate:
    r"""Return the area under the ROC curve with DeLong's interval.

    With :math:`V_i` the weighted share of people of the other label whom person i is on the right
    side of (ties count half), the area is :math:`A = \sum_+ w_i V_i / \sum_+ w_i`, and its variance
    :math:`\sum_+ w_i^2 (V_i - A)^2 / (\sum_+ w_i)^2` plus the same over the others.

    Parameters
    ----------
    y : array of 0 and 1, shape (n,)
    score, weight : array, shape (n,)
    level : float

    Notes
    -----
    NaN without a person of each label.  Where all pairs are in order the interval is NaN: people
    say then that the area is near 1, and not how near.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more correlated
    receiver operating characteristic curves", Biometrics 44.
    """
    n, positive = len(y), y == 1
    w1, w0 = scaled(weight * positive), scaled(weight * ~positive)
    sides = w1.sum(), w0.sum()
    if min(sides) <= 0:
        return Estimate(math.nan, math.nan, math.nan, n, level, RANKING)
    _, place = np.unique(score, return_inverse=True)  # rank of each distinct score
    at1, at0 = np.bincount(place, w1), np.bincount(place, w0)
    below = (np.cumsum(at0) - at0 / 2)[place] / sides[1]  # negatives below each person
    above = 1 - (np.cumsum(at1) - at1 / 2)[place] / sides[0]  # positives above each person
    area = min(max(float(w1 @ below / sides[0]), 0.0), 1.0)
    parts = (w1**2 @ (below - area) ** 2, w0**2 @ (above - area) ** 2)
    spread = math.sqrt(sum(part / side**2 for part, side in zip(parts, sides, strict=True)))
    if spread == 0 or not _ROUNDING < area < 1 - _ROUNDING:
        return Estimate(area, math.nan, math.nan, n, level, RANKING)
    half = ndtri(0.5 + level / 2) * spread / (area * (1 - area))
    low, high = expit(logit(area) - half), expit(logit(area) + half)
    return Estimate(area, float(low), float(high), n, level, RANKING)


def _mean(values: FloatArray, weight: FloatArray, level: float) -> Estimate:
    """Return a weighted mean with its normal interval; NaN for fewer than two people who count."""
    weight = scaled(weight)
    total, n = weight.sum(), len(values)
    if np.count_nonzero(weight) < 2:
        return Estimate(math.nan, math.nan, math.nan, n, level, MEAN)
    mean = float(weight @ values / total)
    spread = math.sqrt(float(weight**2 @ (values - mean) ** 2)) / total * math.sqrt(n / (n - 1))
    half = float(ndtri(0.5 + level / 2)) * spread
    return Estimate(mean, mean - half, mean + half, n, level, MEAN)


def scaled(weight: FloatArray) -> FloatArray:
    """Weights with 1 as the largest: squared, tiny ones would be 0 and huge ones infinite."""
    top = weight.max(initial=0.0)
    return weight / top if top > 0 else weight
