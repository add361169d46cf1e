r"""What a method must beat, from the decisions and scores of the model as it is.

The mixing line decides a share of the people by the model and the rest by the constant classifier;
a moved threshold accepts more or fewer people; thresholds per group know who is who.  None of them
trains anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.lab.choice import fairest
from fairtut.lab.plane import Floats, Plane
from fairtut.metrics.group_thresholds import least_deo
from fairtut.metrics.panels import Panel

Bools = NDArray[np.bool_]
Margins = NDArray[np.floating]
Gap = Callable[[Panel, NDArray[np.bool_]], Floats]
"""The gap of decisions (..., n) about a panel's people, (..., 1 + R)."""


# ---------------------------------------------------------------- the mixing line


def mixed_gap(accuracy: ArrayLike, constant: ArrayLike, model: Plane) -> Floats:
    r"""Return the gap of the mixing line at an accuracy.

    A share q of the people gets the model's decision, the rest the constant one.  Accuracy and the
    gaps of parity, opportunity and odds are linear in q, and the constant has no gap, so at
    accuracy :math:`a` the gap is :math:`g\,(a - c) / (a_{model} - c)`, with the share held in
    [0, 1].

    Parameters
    ----------
    accuracy : array, shape (..., 1 + R)
    constant : array, broadcast to that
        Accuracy of the constant classifier.
    model : Plane
        The model as it is, (..., 1 + R).

    Returns
    -------
    float array, shape (..., 1 + R)
        The model's own gap where the model is exactly as accurate as the constant and so is
        ``accuracy``.

    Examples
    --------
    >>> import numpy as np
    >>> model = Plane(np.array([0.9]), np.array([0.2]))
    >>> mixed_gap(0.75, 0.6, model).round(3)
    array([0.1])
    """
    share = _share(np.asarray(accuracy), np.asarray(constant), model.accuracy)
    mixed: Floats = np.nan_to_num(share, nan=1.0) * model.gap
    return mixed


def matched_gap(
    accuracy: ArrayLike, constant: ArrayLike, model: Plane, rival: Plane | None = None
) -> Floats:
    """Return the gap of a rival at another accuracy than its own.

    Below its own accuracy a share of the people gets the rival's decision and the rest the constant
    one; above it, the rest gets the model's as it is.  So the path is two straight lines, from the
    constant to the rival to the model.  Without a rival, or with one that is no better than the
    constant, it is the mixing line.

    Parameters
    ----------
    accuracy, constant, model
        As in :func:`mixed_gap`.
    rival : Plane, optional
        Of the same shape as the model.

    Returns
    -------
    float array, shape (..., 1 + R)
        Without a rival and with a model no better than the constant, the model's own gap: there is
        no line, and :func:`mixed_gap` answers with the end that is nearer.

    Examples
    --------
    >>> from fairtut.lab.controls import matched_gap
    >>> import numpy as np
    >>> from fairtut.lab.plane import Plane
    >>> model = Plane(np.array([0.9]), np.array([0.2]))
    >>> matched_gap(0.75, 0.6, model).round(3).tolist()
    [0.1]
    """
    reached, low = np.asarray(accuracy), np.asarray(constant)
    top, gap = model
    line: Floats = _share(reached, low, top) * gap
    if rival is None:
        return np.where(top > low, line, gap)
    acc, own = rival
    below = _share(reached, low, acc) * own
    above = np.where(top > acc, own + _share(reached, acc, top) * (gap - own), own)
    path = np.where(reached <= acc, below, above)
    return np.where(acc > low, path, line)


def _share(accuracy: Floats, low: Floats, high: Floats) -> Floats:
    """Return how far an accuracy is on the way from low to high, in [0, 1]; NaN for 0/0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip((accuracy - low) / (high - low), 0, 1)


# ---------------------------------------------------------------- the moved threshold


def cuts(margin: ArrayLike, count: int) -> NDArray[np.floating]:
    """Return thresholds at evenly spaced quantiles of scores (..., n), (count, ...).

    Examples
    --------
    >>> from fairtut.lab.controls import cuts
    >>> cuts([0.0, 1.0, 2.0], 3).tolist()
    [0.0, 1.0, 2.0]
    """
    found: NDArray[np.floating] = np.quantile(np.asarray(margin), np.linspace(0, 1, count), axis=-1)
    return found


def swept(
    margin: Mapping[str, Margins], count: int, *, at: bool = False, on: str = "val"
) -> dict[str, Bools]:
    """Return the model's decisions at many thresholds: a method of a board.

    Parameters
    ----------
    margin : mapping of str to float array, shape (seeds, n)
        Part to scores.
    count : int
        Thresholds, quantiles of each seed's scores of the people ``on``.
    at : bool
        Whether a score that equals the threshold is accepted.
    on : str

    Returns
    -------
    dict of str to bool array, shape (count, seeds, n)

    Examples
    --------
    >>> from fairtut.lab.controls import swept
    >>> import numpy as np
    >>> found = swept({"val": np.array([[0.0, 1.0, 2.0]])}, 3)
    >>> found["val"].shape, found["val"][:, 0].tolist()
    ((3, 1, 3), [[False, True, True], [False, False, True], [False, False, False]])
    """
    limits = cuts(margin[on], count)[..., None]  # (count, seeds, 1)
    return {p: m[None] >= limits if at else m[None] > limits for p, m in margin.items()}


def threshold(margin: Margins, people: Panel, gap: Gap, floor: float, count: int) -> np.float64:
    """Return the least unfair threshold that keeps an accuracy floor, or the deployed one's.

    Parameters
    ----------
    margin : float array, shape (n,)
        Scores; the deployed threshold is 0, which is always among the candidates.
    people : Panel
        Who the threshold is chosen on: validation people, or the very people that it is measured
        on, which makes it an oracle.
    gap : callable
    floor : float
        Least accuracy; no more is asked than the deployed threshold has.
    count : int
        Candidates, quantiles of the scores.

    Returns
    -------
    numpy float64
        Accepted are scores above it, compared in double precision.

    Examples
    --------
    >>> from fairtut.lab.controls import threshold
    >>> import numpy as np
    >>> from fairtut.metrics import Panel
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> margin = np.array([-2.0, -1.0, 1.0, 2.0])
    >>> float(threshold(margin, people, Panel.dp, 0.5, 5))
    2.0
    """
    tried = np.append(np.unique(cuts(margin, count)), 0.0)
    y_hat = margin[None] > tried[:, None]  # (cuts, n)
    accuracy = people.accuracy(y_hat)[:, 0]
    chosen = fairest(accuracy, gap(people, y_hat)[:, 0], min(floor, accuracy[-1]))
    return np.float64(tried[chosen.index])


def moved(
    known: Margins, found: Margins, people: Panel, gap: Gap, floors: Iterable[float], count: int
) -> Bools:
    """Return the decisions of each seed's model at its least unfair threshold.

    Parameters
    ----------
    known : float array, shape (seeds, n)
        Scores of the people that thresholds are chosen on.
    found : float array, shape (seeds, m)
        Scores of the people that are decided about.
    people, gap, count
        As in :func:`threshold`.
    floors : sequence of float
        Least accuracy of each seed.

    Returns
    -------
    bool array, shape (seeds, m)

    Examples
    --------
    >>> from fairtut.lab.controls import moved
    >>> import numpy as np
    >>> from fairtut.metrics import Panel
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> margin = np.array([[-2.0, -1.0, 1.0, 2.0]])
    >>> moved(margin, margin, people, Panel.deo, [0.5], 5).shape
    (1, 4)
    """
    limits = [
        threshold(m, people, gap, floor, count) for m, floor in zip(known, floors, strict=True)
    ]
    return np.stack([m > limit for m, limit in zip(found, limits, strict=True)])


# ---------------------------------------------------------------- thresholds per group


def per_group(
    known: Margins,
    people: Panel,
    found: Margins,
    s: ArrayLike,
    budgets: Sequence[float] = (0.0, 0.01, 0.02, 0.05),
) -> Bools:
    """Return decisions with a threshold for each group: the frontier of post-processing.

    For every budget of accuracy the pair with the least DEO
    (:func:`fairtut.metrics.least_deo`).

    Parameters
    ----------
    known : float array, shape (seeds, n)
        Scores of ``people``, that the pairs are chosen on.
    people : Panel
    found : float array, shape (seeds, m)
        Scores of the people that are decided about.
    s : array-like of 0 and 1, shape (m,)
        Their groups.
    budgets : sequence of float
        Accuracy that a pair may cost.

    Returns
    -------
    bool array, shape (budgets, seeds, m)
        All False where a cell of ``people`` is empty: there are no thresholds then.

    Examples
    --------
    >>> from fairtut.lab.controls import per_group
    >>> import numpy as np
    >>> from fairtut.metrics import Panel
    >>> people = Panel([0, 1, 0, 1], [0, 0, 1, 1], n_resamples=0)
    >>> margin = np.array([[-2.0, -1.0, 1.0, 2.0]])
    >>> per_group(margin, people, margin, [0, 0, 1, 1], budgets=[0.0]).tolist()
    [[[False, True, False, True]]]
    """
    group = np.asarray(s)
    best = [least_deo(margin, people.y, people.s, budgets) for margin in known]
    pairs = np.array([[pair.thresholds for pair in row] for row in best])  # (seeds, budgets, 2)
    return found[None] > pairs.swapaxes(0, 1)[..., group]
