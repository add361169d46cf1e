"""The motivating example of the slides: ten people on a line, every threshold tried.

The slides draw the points but give no coordinates, so the order is ours.  It gives their clean
numbers exactly; the poison is the first pair of flips (found by trying all of them) that does to
both classifiers what the slides describe, with no ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairtut.metrics import accuracy, disparate_impact

GROUPS = np.array([0 if who == "A" else 1 for who in "ABABBBABAA"])
"""Group of each person, from the right end of the line: A is 0, B is 1."""

LABELS = np.array([1] * 6 + [0] * 4)
"""True labels, from the right end of the line."""

FLIPPED = (6, 9)
"""The two people of group A whose labels the attacker flips."""


@dataclass(frozen=True)
class Threshold:
    """A classifier that accepts the first ``accepted`` people.

    Attributes
    ----------
    accepted : int
    accuracy : float
        On the *true* labels.
    di : float
        Disparate impact.
    """

    accepted: int
    accuracy: float
    di: float


def poisoned(flipped: Sequence[int] = FLIPPED) -> NDArray[np.int64]:
    """Return the labels with some of them flipped."""
    labels = LABELS.copy()
    labels[list(flipped)] = 1 - labels[list(flipped)]
    return labels


def judge(accepted: int) -> Threshold:
    """Return the true accuracy and the disparate impact of a threshold."""
    decision = (np.arange(len(LABELS)) < accepted).astype(int)
    return Threshold(
        accepted, float(accuracy(LABELS, decision)), float(disparate_impact(None, decision, GROUPS))
    )


def best(labels: NDArray[np.int64], fair: bool) -> Threshold:
    """Try every threshold; keep the most accurate on ``labels``, among those with DI 1 if fair."""
    scores = {}
    for accepted in range(1, len(labels) + 1):
        decision = np.arange(len(labels)) < accepted
        if not fair or judge(accepted).di > 1 - 1e-9:
            scores[accepted] = float(np.mean(decision == labels))
    return judge(max(scores, key=scores.__getitem__))
