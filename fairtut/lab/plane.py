r"""The plane of accuracy and gap, with resamples, and the one number of a front.

A family of classifiers (a method at several strengths, a model at several thresholds) is worth

.. math::
   \frac{1}{w} \int_0^w \max\{0, \max_{i: g_i \le t} a_i - c\}\, dt ,

with accuracies :math:`a_i` and gaps :math:`g_i` of its settings, :math:`c` the accuracy of the
constant classifier and :math:`w` the gap of the model as it is: the accuracy gained over the
constant, averaged over limits :math:`t` on the gap between 0 and what doing nothing gives.  The
integral is the hypervolume above :math:`(c, w)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.metrics import pareto_front
from fairtut.metrics.fronts import dominated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Plane(NamedTuple):
    """Accuracy and gap of every setting, seed and resample.

    Attributes
    ----------
    accuracy, gap : float array, shape (settings, seeds, 1 + R) or (seeds, 1 + R)
        On the last axis the value, then its resamples, as :class:`fairtut.metrics.panels.Panel`
        returns them.

    Examples
    --------
    >>> from fairtut.lab.plane import Plane
    >>> import numpy as np
    >>> Plane(np.array([0.9]), np.array([0.2])).gap.tolist()
    [0.2]
    """

    accuracy: Floats
    gap: Floats

    def at(self, picks: ArrayLike) -> Plane:
        """Return one setting per seed, (seeds, 1 + R)."""
        picked = np.asarray(picks)
        runs = np.arange(len(picked))
        return Plane(self.accuracy[picked, runs], self.gap[picked, runs])

    def front(self, seed: int | None = None, among: ArrayLike | None = None) -> Ints:
        """Return which settings nothing beats, by their values (not their resamples).

        Parameters
        ----------
        seed : int, optional
            Default: by the mean over seeds.
        among : int array, optional
            Which settings take part; default all.

        Returns
        -------
        int array, shape (F,)
            From the fairest to the most accurate.
        """
        values = [v[..., 0].mean(1) if seed is None else v[:, seed, 0] for v in self]
        some = np.arange(len(self.gap)) if among is None else np.asarray(among)
        front: Ints = some[
            pareto_front(np.column_stack([v[some] for v in values]), larger_is_fairer=False)
        ]
        return front


def front_number(
    known: Plane,
    found: Plane,
    constant: ArrayLike,
    worst: ArrayLike,
    among: ArrayLike | None = None,
) -> Floats:
    """Return the number of a front that is chosen on one set of people and measured on another.

    Parameters
    ----------
    known : Plane
        Where the front is chosen, (settings, seeds, ...): validation people.  The fronts of seeds
        are chosen one by one.
    found : Plane
        Where it is measured, (settings, seeds, 1 + R): test people.
    constant : array, broadcast to (seeds, 1 + R)
        Accuracy of the constant classifier on the people of ``found``.
    worst : array, broadcast to (seeds,)
        Gap of the model as it is.
    among : int array, optional
        Which settings take part; default all.

    Returns
    -------
    float array, shape (seeds, 1 + R)
        In units of accuracy, in [0, 1].  NaN where a point of the front has no gap (an empty cell)
        or where the model as it is has none to lose.

    Raises
    ------
    fairtut.errors.InputError
        The two planes have different settings or seeds.

    Examples
    --------
    One seed, no resamples; the second setting is fair and a point better than the constant:

    >>> import numpy as np
    >>> plane = Plane(np.array([[[0.9]], [[0.7]]]), np.array([[[0.2]], [[0.0]]]))
    >>> front_number(plane, plane, 0.6, 0.2).round(3)
    array([[0.1]])
    """
    return family_number(known, found, constant, worst, _steps, among)


def _steps(gap: Floats, gain: Floats, limit: float) -> Floats:
    """Return the area below the steps of points (F, R), up to a gap, (R,)."""
    reference = np.zeros(gap.shape[1]), np.full(gap.shape[1], limit)
    return dominated(gain, gap, reference, larger_is_fairer=False)


def family_number(
    known: Plane, found: Plane, constant: ArrayLike, worst: ArrayLike,
    area: Callable[[Floats, Floats, float], Floats], among: ArrayLike | None = None,
) -> Floats:  # fmt: skip
    """Return the mean gain of a family over gaps up to the worst.

    Parameters
    ----------
    known, found, constant, worst, among
        As in :func:`front_number`.
    area : callable
        Takes gaps and gains over the constant of a seed's front, (F, 1 + R) each, and the worst
        gap; returns the area up to it, (1 + R,).

    Returns
    -------
    float array, shape (seeds, 1 + R)
        The area divided by the worst gap; NaN as in :func:`front_number`.

    Raises
    ------
    fairtut.errors.InputError
        If the planes have other settings or seeds.

    Examples
    --------
    One seed, no resamples; an area that gives the best gain at every gap, whatever its own:

    >>> import numpy as np
    >>> from fairtut.lab.plane import Plane, family_number
    >>> plane = Plane(np.array([[[0.9]], [[0.7]]]), np.array([[[0.2]], [[0.0]]]))
    >>> def best(gap, gain, limit):
    ...     return limit * gain.max(axis=0)
    >>> family_number(plane, plane, 0.6, 0.2, best).round(3).tolist()
    [[0.3]]
    """
    if known.gap.shape[:2] != found.gap.shape[:2]:
        raise InputError(
            f"planes of {known.gap.shape[:2]} and {found.gap.shape[:2]} settings and seeds: pass "
            "the same settings twice"
        )
    _, seeds, draws = found.gap.shape
    base = np.broadcast_to(constant, (seeds, draws))
    limit = np.broadcast_to(worst, (seeds,))
    out = np.full((seeds, draws), np.nan)
    for run in np.flatnonzero(limit > 0):
        front = known.front(int(run), among)
        accuracy, gap = (v[front, run] for v in found)  # (F, 1 + R)
        unknown = np.isnan(accuracy).any(0) | np.isnan(gap).any(0)
        if len(front):  # else no setting has a gap on the people that choose: nothing is known
            covered = area(gap, accuracy - base[run], float(limit[run]))
            out[run] = np.where(unknown, np.nan, covered / limit[run])
    return out


def line_number(model: Plane, constant: ArrayLike, worst: ArrayLike) -> Floats:
    r"""Return the number of the mixing line of a model with the constant classifier.

    The line is straight, so its area has a closed form.  With a gain :math:`a - c` and a gap
    :math:`g` it is :math:`(a - c)(1 - g / 2w)` where :math:`g \le w` (a triangle, and beside it all
    of the gain), else :math:`(a - c)\, w / 2g`.

    Parameters
    ----------
    model : Plane
        One setting, (seeds, 1 + R).
    constant : array, broadcast to (seeds, 1 + R)
    worst : array, broadcast to (seeds,)
        Gap of the model as it is; resamples of the model may have another one.

    Returns
    -------
    float array, shape (seeds, 1 + R)
        0 for a model no better than the constant.

    Examples
    --------
    >>> import numpy as np
    >>> model = Plane(np.array([[0.9]]), np.array([[0.2]]))
    >>> line_number(model, 0.6, 0.2).round(3)  # half of what is gained
    array([[0.15]])
    """
    gain = np.maximum(model.accuracy - np.asarray(constant), 0)
    limit: Any = np.broadcast_to(worst, model.gap.shape[:1])[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(
            model.gap <= limit, 1 - model.gap / (2 * limit), limit / (2 * model.gap)
        )  # fmt: skip
    area: Floats = gain * part
    return area
