r"""The accuracy-fairness plane and the controls that every trade-off figure draws.

Three controls cost nothing: the *constant* classifier, the *mixing line* from a model to it
(decide by the model with probability p, else by the constant), and the unmitigated model with a
*moved threshold*.  A method that does not beat them has found a longer way to the same place.
:mod:`fairtut.metrics.fronts` picks from what lies in the plane.

Coordinates are always (accuracy, fairness), with the fairness metric's own direction.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from fairtut.errors import InputError
from fairtut.metrics.definitions import metric as lookup
from fairtut.metrics.group import GroupTable
from fairtut.metrics.labels import same_rows, score_column
from fairtut.metrics.measuring import Definition
from fairtut.metrics.people import People, by_name, group_table, read_people
from fairtut.metrics.values import Array, FloatArray

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

    Examples
    --------
    >>> from fairtut.metrics import Point
    >>> Point(0.9, 0.2, "deo", "our model").fairness
    0.2
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

    Examples
    --------
    >>> from fairtut.metrics import mixing_line
    >>> mixing_line((0.9, 0.2), (0.5, 0.0), steps=3).parameter.tolist()
    [0.0, 0.5, 1.0]
    """

    accuracy: FloatArray
    fairness: FloatArray
    parameter: FloatArray
    metric: str = ""
    label: str = ""


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

    Examples
    --------
    >>> from fairtut.metrics import point
    >>> y, y_hat, s = [1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]
    >>> found = point(y, y_hat, s)
    >>> found.accuracy, found.fairness
    (0.75, 0.5)
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

    Examples
    --------
    >>> from fairtut.metrics import constant_classifier
    >>> found = constant_classifier([1, 1, 1, 0], [0, 0, 1, 1])
    >>> found.accuracy, found.fairness
    (0.75, 0.0)
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
    fairtut.errors.InputError
        Two different metrics or data sets, or a metric that does not mix linearly without counts.

    Examples
    --------
    >>> from fairtut.metrics import mixing_line
    >>> line = mixing_line((0.9, 0.2), (0.5, 0.0), steps=3)
    >>> line.accuracy.round(2).tolist(), line.fairness.tolist()
    ([0.5, 0.7, 0.9], [0.0, 0.1, 0.2])
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
    fairtut.errors.InputError
        Bad input, NaN scores, or more than two classes.

    Examples
    --------
    >>> from fairtut.metrics import moved_threshold
    >>> curve = moved_threshold([0.2, 0.9, 0.4, 0.6], [0, 1, 0, 1], [0, 0, 1, 1])
    >>> curve.parameter.tolist()
    [-inf, 0.2, 0.4, 0.6, 0.9]
    >>> curve.accuracy.tolist(), curve.fairness.tolist()
    ([0.5, 0.75, 1.0, 0.75, 0.5], [0.0, 0.5, 0.0, 0.5, 0.0])
    """
    definition = _definition(metric)
    people = read_people(y, y, s, positive=positive)
    same_rows(y=y, **by_name(s), p_hat=p_hat)
    scores = score_column("p_hat", p_hat, len(people.y))
    if len(people.classes) != 2 or people.positive is None:
        raise InputError(
            "a threshold needs two classes, one of them positive: pass positive=<class>"
        )
    cuts = _thresholds(scores) if thresholds is None else np.asarray(thresholds, dtype=float)
    if cuts.ndim != 1 or cuts.size == 0 or np.isnan(cuts).any():
        raise InputError(
            "thresholds must be a list of numbers: pass at least one, none of them NaN"
        )
    return _curve(_sweep(people, people.positive, scores, cuts), definition, cuts, label)


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


def _thresholds(scores: FloatArray) -> FloatArray:
    cuts = np.unique(scores)
    if cuts.size > _MAX_THRESHOLDS:
        cuts = np.unique(np.quantile(scores, np.linspace(0, 1, _MAX_THRESHOLDS), method="lower"))
    return np.concatenate([[-np.inf], cuts])


def _sweep(people: People, positive: int, scores: FloatArray, cuts: FloatArray) -> GroupTable:
    """Counts at every threshold, batch shape (T,)."""
    order = np.argsort(cuts, kind="stable")
    below = np.searchsorted(cuts[order], scores, side="left")  # sorted cuts[0:below] < score
    size, t = len(people.groups) * 2, cuts.size
    cell = (people.s * 2 + people.y) * (t + 1) + below
    histogram = np.bincount(cell, minlength=size * (t + 1)).reshape(size, t + 1)
    selected = np.cumsum(histogram[:, ::-1], axis=1)[:, -2::-1]  # (GK, T): score above each cut
    members = histogram.sum(1)[:, None]
    counts = np.empty((t, size, 2), dtype=np.int64)
    counts[order, :, positive] = selected.T
    counts[order, :, 1 - positive] = (members - selected).T
    per_group = counts.reshape(t, -1, 2, 2)  # (T, GK, K) -> (T, G, K, K)
    return GroupTable(per_group, people.groups, people.classes, positive)
