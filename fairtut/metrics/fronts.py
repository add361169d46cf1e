"""Which points of the plane matter: the front, the area it dominates, the rule that picks one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtut.errors import InputError
from fairtut.foreign import plain
from fairtut.metrics.definitions import metric as lookup
from fairtut.metrics.tradeoff import Curve, Point
from fairtut.metrics.values import Array, FloatArray

Plane = Curve | Sequence[Point] | Sequence[Sequence[float]] | Array


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

    Examples
    --------
    >>> from fairtut.metrics import select
    >>> select([(0.9, 0.2), (0.7, 0.1)], 0.05, larger_is_fairer=False).satisfied
    False
    """

    index: int
    accuracy: float
    fairness: float
    satisfied: bool
    limit: float


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

    Examples
    --------
    >>> from fairtut.metrics import pareto_front
    >>> pareto_front([(0.9, 0.2), (0.8, 0.1), (0.7, 0.3)], larger_is_fairer=False).tolist()
    [1, 0]
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

    Examples
    --------
    >>> from fairtut.metrics import hypervolume
    >>> round(hypervolume([(0.9, 0.2), (0.8, 0.1)], (0.5, 0.3), larger_is_fairer=False), 3)
    0.07
    """
    plane, larger = _plane(points, larger_is_fairer)
    return float(dominated(plane[:, 0], plane[:, 1], reference, larger_is_fairer=larger))


def dominated(
    accuracy: FloatArray,
    fairness: FloatArray,
    reference: Sequence[float | FloatArray],
    *,
    larger_is_fairer: bool,
) -> FloatArray:
    """Return the areas of many fronts at once, such as those of resamples.

    Parameters
    ----------
    accuracy, fairness : float array, shape (N, ...)
        Points along the first axis; those with a NaN add nothing.
    reference : (accuracy, fairness)
        As in :func:`hypervolume`, each a number or an array of the shape ``...``.
    larger_is_fairer : bool

    Returns
    -------
    float array, shape ...

    Examples
    --------
    >>> points = np.array([[0.9, 0.9], [0.7, 0.5]]), np.array([[0.2, 0.1], [0.0, 0.0]])
    >>> dominated(*points, (0.6, 0.2), larger_is_fairer=False).round(3)
    array([0.02, 0.03])
    """
    sign = 1.0 if larger_is_fairer else -1.0
    known = ~(np.isnan(accuracy) | np.isnan(fairness))
    width = np.where(known, np.maximum(sign * (fairness - reference[1]), 0.0), 0.0)
    height = np.where(known, np.maximum(accuracy - reference[0], 0.0), 0.0)
    order = np.lexsort((-height, -width), axis=0)  # the fairest first, then the most accurate
    width, height = (np.take_along_axis(v, order, 0) for v in (width, height))
    steps = np.diff(np.maximum.accumulate(height, 0), axis=0, prepend=0.0)
    area: FloatArray = (steps * width).sum(0)
    return area


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
    fairtut.errors.InputError
        No candidates, or all of them undefined.

    Examples
    --------
    >>> from fairtut.metrics import select
    >>> select([(0.9, 0.2), (0.8, 0.1), (0.7, 0.0)], 0.15, larger_is_fairer=False).index
    1
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


def _plane(points: Any, larger_is_fairer: bool | None) -> tuple[FloatArray, bool]:
    """(accuracy, fairness) rows and the direction of fairness."""
    names: set[str] = set()
    if isinstance(points, Curve):
        names, plane = {points.metric}, np.column_stack([points.accuracy, points.fairness])
    elif isinstance(points, Mapping):
        raise InputError("points are a mapping: pass its values, as in list(points.values())")
    else:
        rows = list(np.asarray(plain(points)) if hasattr(points, "columns") else points)
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
