r"""The accuracy-fairness plane: controls, fronts and the rule that picks a model.

Every trade-off figure of the suite draws three controls that cost nothing: the *constant*
classifier, the *mixing line* from a model to it (decide by the model with probability p, else by
the constant), and the unmitigated model with a *moved threshold*.  A method that does not beat
them has found a longer way to the same place.

Coordinates are always (accuracy, fairness), with the fairness metric's own direction.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.metrics.definitions import Definition
from fairtut.metrics.definitions import metric as lookup
from fairtut.metrics.group import (
    Array,
    FloatArray,
    GroupTable,
    from_tensor,
    group_table,
    read_people,
)

_MAX_THRESHOLDS = 512


@dataclass(frozen=True, eq=False)
class Point:
    """One classifier in the plane.

    Attributes
    ----------
    accuracy, fairness : float
        Coordinates.
    metric : str
        Name in :data:`fairtut.metrics.DEFINITIONS`; empty when unknown.
    label : str
        Name for a legend.
    table : GroupTable or None
        The counts behind the point; with them a mixture is exact for every metric.
    """

    accuracy: float
    fairness: float
    metric: str = ""
    label: str = ""
    table: GroupTable | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """A family of classifiers: one point per value of a parameter.

    Attributes
    ----------
    accuracy, fairness : float array, shape (T,)
        Coordinates; fairness is NaN where the metric is undefined.
    parameter : float array, shape (T,)
        Threshold, or probability of deciding by the model.
    metric, label : str
        As in :class:`Point`.
    """

    accuracy: FloatArray
    fairness: FloatArray
    parameter: FloatArray
    metric: str = ""
    label: str = ""


@dataclass(frozen=True)
class Selection:
    """The candidate that a rule picked.

    Attributes
    ----------
    index : int
        Its place among the candidates.
    accuracy, fairness : float
        Its coordinates, on the split that was used to pick.
    satisfied : bool
        Whether it meets the constraint; False means that no candidate did and this is the
        fairest one.
    limit : float
        The constraint.
    """

    index: int
    accuracy: float
    fairness: float
    satisfied: bool
    limit: float


Plane = Curve | Sequence[Point] | Sequence[Sequence[float]] | Array


def point(
    y: object,
    y_hat: object,
    s: object,
    metric: str | Definition = "demographic_parity_gap",
    *,
    label: str = "",
    positive: Hashable = None,
) -> Point:
    """Place a classifier in the plane.

    Parameters
    ----------
    y, y_hat, s, positive
        As in :func:`fairtut.metrics.group_table`.
    metric : str or Definition
        Fairness metric.
    label : str
        Name for a legend.

    Returns
    -------
    Point
    """
    definition = _definition(metric)
    table = group_table(y, y_hat, s, positive=positive)
    accuracy = float(lookup("accuracy").of_table(table))
    return Point(accuracy, float(definition.measure(table)), definition.name, label, table)


def constant_classifier(
    y: object,
    s: object,
    metric: str | Definition = "demographic_parity_gap",
    *,
    decision: Hashable = None,
    positive: Hashable = None,
    label: str = "constant classifier",
) -> Point:
    """The best classifier that ignores its input: everybody gets the most frequent label.

    Every parity *gap* of it is 0, every ratio of an all-positive one is 1, and the ratio of an
    all-negative one is 0/0, so NaN: a figure with disparate impact as its axis should draw
    ``decision=<positive class>`` too.

    Parameters
    ----------
    y, s, positive
        As in :func:`fairtut.metrics.group_table`.
    metric : str or Definition
        Fairness metric.
    decision : hashable, optional
        The class that everybody gets; default the most frequent, the larger label on a tie.
    label : str
        Name for a legend.

    Returns
    -------
    Point
        Its counts are attached; an undefined metric is NaN here without a warning.
    """
    definition = _definition(metric)
    people = read_people(y, y, s, positive=positive)
    k, frequency = len(people.classes), np.bincount(people.y, minlength=len(people.classes))
    chosen = k - 1 - int(np.argmax(frequency[::-1]))
    if decision is not None:
        if decision not in people.classes:
            shown = ", ".join(map(repr, people.classes))
            raise InputError(f"decision={decision!r} is no label of y: pass one of {shown}")
        chosen = people.classes.index(decision)
    own = people.table()
    counts = np.zeros_like(own.counts)
    counts[:, :, chosen] = own.counts.sum(-1)  # (G, K, K): all mass in one column
    table = own.with_counts(counts)
    accuracy = float(lookup("accuracy").of_table(table))
    return Point(accuracy, float(definition.of_table(table)), definition.name, label, table)


def mixing_line(
    point: Point | Sequence[float],
    constant: Point | Sequence[float],
    *,
    steps: int = 101,
    label: str = "mixing line",
) -> Curve:
    """Expected accuracy and fairness when each person is decided by the model with probability p.

    With the counts of both points, the rates of the mixture are mixed and the metric is
    recomputed, which is exact for every metric.  Without them the line is straight, which is
    exact for accuracy and for the gaps of parity, opportunity and odds (they shrink to p times
    themselves), but not for ratios: mixing with an all-*negative* constant leaves disparate
    impact where it was.

    Parameters
    ----------
    point, constant : Point or (accuracy, fairness)
        The model (p = 1) and the constant classifier (p = 0).
    steps : int
        Number of probabilities.
    label : str
        Name for a legend.

    Returns
    -------
    Curve
        ``parameter`` is p, from 0 to 1.

    Raises
    ------
    InputError
        Two different metrics or data sets, or a metric that does not mix linearly without counts.
    """
    model, other = _as_point(point), _as_point(constant)
    if steps < 2:
        raise InputError(f"steps={steps} is no line: use at least 2")
    if model.metric and other.metric and model.metric != other.metric:
        raise InputError(f"the points are in {model.metric} and {other.metric}: use one metric")
    p = np.linspace(0.0, 1.0, steps)
    name = model.metric or other.metric
    if name and model.table is not None and other.table is not None:
        if not np.array_equal(model.table.counts.sum(-1), other.table.counts.sum(-1)):
            raise InputError(
                "the points were measured on different people: measure both on one split"
            )
        weight = p[:, None, None, None]  # (T, 1, 1, 1) against (G, K, K)
        mixed = weight * model.table.counts + (1 - weight) * other.table.counts
        return _curve(model.table.with_counts(mixed), _definition(name), p, label)
    if name and not lookup(name).mixes_linearly:
        raise InputError(f"{name} does not mix linearly: pass points with counts, made by point()")
    accuracy = p * model.accuracy + (1 - p) * other.accuracy
    return Curve(accuracy, p * model.fairness + (1 - p) * other.fairness, p, name, label)


def moved_threshold(
    p_hat: object,
    y: object,
    s: object,
    metric: str | Definition = "demographic_parity_gap",
    *,
    thresholds: Sequence[float] | Array | None = None,
    positive: Hashable = None,
    label: str = "moved threshold",
) -> Curve:
    """The unmitigated model at every threshold: ŷ = 1 where p_hat > threshold.

    All thresholds at once: one histogram of scores per (group, label), summed from the right.

    Parameters
    ----------
    p_hat : array-like, shape (n,)
        Scores of any scale (probabilities or logits).
    y, s, positive
        As in :func:`fairtut.metrics.group_table`; two classes.
    metric : str or Definition
        Fairness metric.
    thresholds : sequence, optional
        Default: below the smallest score and at every distinct score, thinned to 512 quantiles.
    label : str
        Name for a legend.

    Returns
    -------
    Curve
        In the order of ``thresholds``; NaN where the metric is undefined (disparate impact when
        nobody is selected).

    Raises
    ------
    InputError
        Bad input, NaN scores, or more than two classes.
    """
    definition = _definition(metric)
    people = read_people(y, y, s, positive=positive)
    scores = _scores(p_hat, len(people.y))
    if len(people.classes) != 2 or people.positive is None:
        raise InputError(
            "a threshold needs two classes, one of them positive: pass positive=<class>"
        )
    cuts = _thresholds(scores) if thresholds is None else np.asarray(thresholds, dtype=float)
    if cuts.ndim != 1 or cuts.size == 0 or np.isnan(cuts).any():
        raise InputError(
            "thresholds must be a list of numbers: pass at least one, none of them NaN"
        )
    order = np.argsort(cuts, kind="stable")
    below = np.searchsorted(cuts[order], scores, side="left")  # sorted cuts[0:below] < score
    size, t = len(people.groups) * 2, cuts.size
    cell = (people.s * 2 + people.y) * (t + 1) + below
    histogram = np.bincount(cell, minlength=size * (t + 1)).reshape(size, t + 1)
    selected = np.cumsum(histogram[:, ::-1], axis=1)[:, -2::-1]  # (GK, T): score above each cut
    members = histogram.sum(1)[:, None]
    counts = np.empty((t, size, 2), dtype=np.int64)
    counts[order, :, people.positive] = selected.T
    counts[order, :, 1 - people.positive] = (members - selected).T
    table = GroupTable(
        counts.reshape(t, -1, 2, 2), people.groups, people.classes, people.positive
    )  # (T, GK, K) -> (T, G, K, K)
    return _curve(table, definition, cuts, label)


def pareto_front(points: Plane, larger_is_fairer: bool | None = None) -> NDArray[np.int64]:
    """Indices of the points that no other point beats, from the fairest to the most accurate.

    A point is beaten by one that is at least as accurate and at least as fair, and better in one
    of the two; of equal points the first is kept.  Points with a NaN are never on the front.

    Parameters
    ----------
    points : Curve, sequence of Point, or array of shape (N, 2)
        (accuracy, fairness) of each.
    larger_is_fairer : bool, optional
        Direction of fairness; read from the metric of points that carry one.

    Returns
    -------
    int array, shape (F,)
    """
    plane, larger = _plane(points, larger_is_fairer)
    accuracy, fairness = plane[:, 0], plane[:, 1] if larger else -plane[:, 1]
    order = np.lexsort((-accuracy, -fairness))  # fairest first, then most accurate, then first
    order = order[~np.isnan(plane[order]).any(1)]
    best = np.maximum.accumulate(accuracy[order])
    ahead = np.concatenate([[True], accuracy[order][1:] > best[:-1]])[: len(order)]
    front: NDArray[np.int64] = order[ahead]
    return front


def hypervolume(
    points: Plane, reference: Sequence[float], larger_is_fairer: bool | None = None
) -> float:
    """Area that the front dominates, above a worst acceptable point; exact.

    Parameters
    ----------
    points : Curve, sequence of Point, or array of shape (N, 2)
        (accuracy, fairness) of each; points no better than the reference add nothing.
    reference : (float, float)
        Worst acceptable (accuracy, fairness), such as the constant's accuracy and the gap of
        the unmitigated model.
    larger_is_fairer : bool, optional
        As in :func:`pareto_front`.

    Returns
    -------
    float
        In units of accuracy times fairness; 0 for no points.
    """
    plane, larger = _plane(points, larger_is_fairer)
    front = plane[pareto_front(plane, larger)]
    sign = 1.0 if larger else -1.0
    width = np.maximum(sign * (front[:, 1] - reference[1]), 0.0)  # falls along the front
    height = np.maximum(front[:, 0] - reference[0], 0.0)  # rises along the front
    return float((np.diff(height, prepend=0.0) * width).sum())


def select(candidates: Plane, limit: float, *, larger_is_fairer: bool | None = None) -> Selection:
    """Pick a model on *validation* data: the most accurate one that keeps a fairness limit.

    Ties in accuracy go to the fairer candidate, then to the first.  If no candidate keeps the
    limit, the fairest one is returned (ties: the more accurate) with ``satisfied=False``; report
    that, it is a result.  A candidate with a NaN is never picked.

    Parameters
    ----------
    candidates : Curve, sequence of Point, or array of shape (N, 2)
        (accuracy, fairness) on the validation split.
    limit : float
        Smallest acceptable fairness if larger is fairer (disparate impact .8), else the largest
        acceptable gap.
    larger_is_fairer : bool, optional
        As in :func:`pareto_front`.

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        No candidates, or all of them undefined.
    """
    plane, larger = _plane(candidates, larger_is_fairer)
    defined = ~np.isnan(plane).any(1)
    if not defined.any():
        raise InputError(
            "no candidate has both an accuracy and a fairness value: check for empty groups"
        )
    sign = 1.0 if larger else -1.0
    keeps = defined & (sign * plane[:, 1] >= sign * limit)
    satisfied = bool(keeps.any())
    pool = np.flatnonzero(keeps if satisfied else defined)
    accuracy, fairness = plane[pool, 0], sign * plane[pool, 1]
    keys = (-fairness, -accuracy) if satisfied else (-accuracy, -fairness)  # last key leads
    index = int(pool[np.lexsort(keys)[0]])
    return Selection(index, float(plane[index, 0]), float(plane[index, 1]), satisfied, float(limit))


# --- helpers --------------------------------------------------------------------------------


def _definition(metric: str | Definition) -> Definition:
    return metric if isinstance(metric, Definition) else lookup(metric)


def _as_point(where: Point | Sequence[float]) -> Point:
    if isinstance(where, Point):
        return where
    accuracy, fairness = where
    return Point(float(accuracy), float(fairness))


def _curve(table: GroupTable, definition: Definition, parameter: FloatArray, label: str) -> Curve:
    accuracy = lookup("accuracy").of_table(table)
    return Curve(accuracy, definition.of_table(table), parameter, definition.name, label)


def _scores(p_hat: object, n: int) -> FloatArray:
    if hasattr(p_hat, "detach"):
        p_hat = from_tensor(p_hat)
    scores = np.asarray(p_hat, dtype=float)
    scores = scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores
    if scores.shape != (n,):
        raise InputError(
            f"p_hat has shape {scores.shape} but y has {n} rows: pass one score per person"
        )
    if np.isnan(scores).any():
        raise InputError("p_hat holds NaN: drop or impute those rows first")
    return scores


def _thresholds(scores: FloatArray) -> FloatArray:
    cuts = np.unique(scores)
    if cuts.size > _MAX_THRESHOLDS:
        cuts = np.unique(np.quantile(scores, np.linspace(0, 1, _MAX_THRESHOLDS), method="lower"))
    return np.concatenate([[-np.inf], cuts])


def _plane(points: Any, larger_is_fairer: bool | None) -> tuple[FloatArray, bool]:
    """(accuracy, fairness) rows and the direction of fairness."""
    names: set[str] = set()
    if isinstance(points, Curve):
        names, plane = {points.metric}, np.column_stack([points.accuracy, points.fairness])
    else:
        rows = list(points)
        names = {p.metric for p in rows if isinstance(p, Point)}
        rows = [(p.accuracy, p.fairness) if isinstance(p, Point) else p for p in rows]
        plane = np.asarray(rows, dtype=float) if rows else np.empty((0, 2))
    if plane.ndim != 2 or plane.shape[1] != 2:
        raise InputError(f"points have shape {plane.shape}: pass (accuracy, fairness) for each")
    if len(names) > 1:
        raise InputError(f"points are in different metrics ({', '.join(sorted(names))}): use one")
    name = next(iter(names), "")
    if larger_is_fairer is None and name:
        larger_is_fairer = lookup(name).larger_is_fairer
    if larger_is_fairer is None:
        raise InputError(
            "which way is fairer? pass larger_is_fairer=True or False (signed: take abs)"
        )
    return plane, larger_is_fairer
