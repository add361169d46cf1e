"""What a family is worth when everybody may toss coins: the number of its concave envelope.

Any classifier can be mixed with the constant one, as the mixing line does with the model as it is,
and any two can be mixed with each other.  So a few points stand beside whole lines and curves on
equal terms, and the mixing line is the envelope of one point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fairtut.lab.plane import Floats, Plane, family_number


def mixed_number(
    known: Plane,
    found: Plane,
    constant: ArrayLike,
    worst: ArrayLike,
    among: ArrayLike | None = None,
) -> Floats:
    """Return the number of a front and all its mixtures, with each other and with the constant.

    As :func:`fairtut.lab.plane.front_number`, above the concave envelope in the place of the steps:
    the settings of each seed's front are chosen on the people of ``known``.

    Parameters
    ----------
    known, found, constant, worst, among
        As there.

    Returns
    -------
    float array, shape (seeds, 1 + R)
        NaN where a point of the front has no gap or accuracy, where no setting has one on the
        people that choose, or where ``worst`` is not above 0.

    Examples
    --------
    A fair setting that gains .1, and one that gains .3 with a gap of .2: half of both gains.

    >>> import numpy as np
    >>> plane = Plane(np.array([[[0.9]], [[0.7]]]), np.array([[[0.2]], [[0.0]]]))
    >>> mixed_number(plane, plane, 0.6, 0.2).round(3)
    array([[0.2]])
    """
    return family_number(known, found, constant, worst, _area, among)


def _area(gap: Floats, gain: Floats, limit: float) -> Floats:
    """Return the area below the envelope of points (F, R) and the origin, from 0 to a limit, (R,).

    From the origin on, the envelope goes to the point with the steepest slope ahead, until none
    rises; all resamples take their steps together.
    """
    x = np.zeros(gap.shape[1])
    y = np.where(gap <= 0, gain, 0.0).max(0, initial=0.0)
    area, rows = np.zeros_like(x), np.arange(len(x))
    for _ in range(len(gap)):
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.where(gap > x, (gain - y) / (gap - x), 0.0)
        best = slope.argmax(0)
        steep = slope[best, rows]
        rises = (steep > 0) & (x < limit)
        if not rises.any():
            break
        end = np.minimum(np.where(rises, gap[best, rows], x), limit)
        step = end - x
        area += step * (y + steep * step / 2)
        y = np.where(rises, y + steep * step, y)
        x = end
    flat: Floats = area + y * (limit - x)
    return flat
