r"""How low DEO can go when each group has its own threshold on the same scores.

Such a rule must be told who is who, but it may not change the order of the people within a group.
Where a model ranks one group worse than the other, the two ROC curves differ, and thresholds can
bring TPRs *and* FPRs together only where the curves meet, which may cost accuracy.  The least DEO
for a given cost says how much room the scores leave.  It is no bound on other scores, nor on rules
that toss coins, which also reach the points below a ROC curve.

Choosing the pair on the evaluated people themselves makes the value an oracle.

References
----------
Hardt, Price & Srebro: Equality of Opportunity in Supervised Learning, NeurIPS 2016.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from fairtut.errors import InputError
from fairtut.metrics.labels import same_rows, score_column
from fairtut.metrics.people import People, by_name, read_people
from fairtut.metrics.values import FloatArray, warn_empty


@dataclass(frozen=True)
class GroupThresholds:
    """A threshold for each of two groups, and what it gives: y_hat = 1 where score > threshold.

    Attributes
    ----------
    thresholds : (float, float)
        Of the first and the second group (in their sorted order, such as s = 0, s = 1).
    deo : float
        abs(TPR gap) + abs(FPR gap), in [0, 2]; NaN, like the thresholds, where a cell is empty.
    accuracy : float
        In [0, 1].

    Examples
    --------
    >>> from fairtut.metrics import least_deo
    >>> least_deo([-2, -1, 1, 2], [0, 1, 0, 1], [0, 0, 1, 1])[0].thresholds
    (-2.0, 1.0)
    """

    thresholds: tuple[float, float]
    deo: float
    accuracy: float


def least_deo(
    score: object,
    y: object,
    s: object,
    budgets: Sequence[float] = (0.0,),
    *,
    threshold: float = 0.0,
    most: int = 2048,
    positive: Hashable = None,
) -> list[GroupThresholds]:
    """Return the pair of group thresholds with the least DEO, for each budget of accuracy.

    All pairs are compared at once.  Candidates are the given threshold, one below all scores, and
    every distinct score of the group; those with which no pair is accurate enough are left out
    first, and the rest is thinned evenly where more than ``most`` remain.

    Parameters
    ----------
    score : array-like, shape (n,)
        Scores of any scale.
    y, s, positive
        As in :func:`fairtut.metrics.group_table`; two classes and two groups.
    budgets : sequence of float
        Accuracy that a pair may lose against the single ``threshold``, as a fraction (0.01 is
        one point).
    threshold : float
        The deployed one, the same for everybody.
    most : int
        Candidates per group, at least 2; with no more than that the result is exact.

    Returns
    -------
    list of GroupThresholds
        One per budget; the most accurate one where several have the least DEO.  At a budget of
        0 or more, DEO is never above that of the single threshold.

    Raises
    ------
    fairtut.errors.InputError
        Bad input, a negative budget, or not exactly two classes and groups.

    Examples
    --------
    >>> y, s = [0, 1, 0, 1], [0, 0, 1, 1]
    >>> least_deo([-2, -1, 1, 2], y, s)
    [GroupThresholds(thresholds=(-2.0, 1.0), deo=0.0, accuracy=1.0)]
    """
    people = read_people(y, y, s, positive=positive)
    same_rows(y=y, **by_name(s), score=score)
    scores = score_column("score", score, len(people.y))
    positive_class = _check(people, budgets, threshold, most)
    every = [_candidates(people, g, scores, threshold, positive_class) for g in range(2)]
    if _warned(people, every):
        nan = float("nan")
        return [GroupThresholds((nan, nan), nan, nan)] * len(budgets)
    deployed = sum(float(c.right[np.searchsorted(c.cuts, threshold)]) for c in every)
    needed = deployed - max(budgets, default=0) * len(scores) - 1e-9  # rounding loses nobody
    groups = [
        c.kept(needed - other.right.max(), threshold, most)
        for c, other in zip(every, every[::-1], strict=True)
    ]
    # (T, 1) and (1, T'): every candidate of one group against every one of the other
    one, other = (group.above / group.sizes for group in groups)
    gaps = [np.abs(one[:, None, k] - other[None, :, k]) for k in range(2)]
    deo = gaps[0] + gaps[1]
    correct = groups[0].right[:, None] + groups[1].right[None]
    best = []
    for budget in budgets:
        allowed = correct >= deployed - budget * len(scores) - 1e-9
        ties = allowed & (deo <= deo[allowed].min() + 1e-12)
        i, j = np.unravel_index(np.argmax(np.where(ties, correct, -1)), deo.shape)
        pair = float(groups[0].cuts[i]), float(groups[1].cuts[j])
        best.append(GroupThresholds(pair, float(deo[i, j]), float(correct[i, j]) / len(scores)))
    return best


@dataclass(frozen=True, eq=False)
class _Candidates:
    """A group's thresholds and how many people each decides correctly, both (T,).

    ``above`` counts each class above the thresholds, (T, 2), and ``sizes`` in all, (2,).
    """

    cuts: FloatArray
    right: FloatArray
    above: FloatArray
    sizes: FloatArray

    def kept(self, least: float, threshold: float, most: int) -> _Candidates:
        """Return ``most`` of those that are right at least so often, and the deployed one."""
        rows = np.flatnonzero(self.right >= least)
        rows = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
        rows = np.union1d(rows, np.searchsorted(self.cuts, threshold))
        return _Candidates(self.cuts[rows], self.right[rows], self.above[rows], self.sizes)


def _candidates(
    people: People, group: int, scores: FloatArray, threshold: float, positive: int
) -> _Candidates:
    own = np.append(scores[people.s == group], threshold)
    cuts = np.concatenate([[-np.inf], np.unique(own)])
    cells = [np.sort(scores[(people.s == group) & (people.y == k)]) for k in range(2)]
    sizes = np.array([len(cell) for cell in cells], float)
    over = [len(cell) - np.searchsorted(cell, cuts, side="right") for cell in cells]
    above = np.stack(over, -1).astype(float)
    right = above[:, positive] + sizes[1 - positive] - above[:, 1 - positive]
    return _Candidates(cuts, right, above, sizes)


def _warned(people: People, groups: Sequence[_Candidates]) -> bool:
    empty = [
        f"s={name}, y={people.classes[k]}"
        for name, group in zip(people.groups, groups, strict=True)
        for k in range(2)
        if group.sizes[k] == 0
    ]
    warn_empty("least_deo", empty, stacklevel=4)
    return bool(empty)


def _check(people: People, budgets: Sequence[float], threshold: float, most: int) -> int:
    """Refuse what has no pair of thresholds; return the index of the positive class."""
    if len(people.classes) != 2 or people.positive is None or len(people.groups) != 2:
        raise InputError(
            f"{len(people.classes)} classes and {len(people.groups)} groups: a pair of thresholds "
            "needs two groups and two classes, one of them positive"
        )
    if not all(0 <= budget < float("inf") for budget in budgets):
        raise InputError(f"budgets {list(budgets)}: pass fractions of accuracy, each 0 or more")
    if not np.isfinite(threshold) or most < 2:
        raise InputError(f"threshold={threshold}, most={most}: pass a number, and 2 or more")
    return people.positive
