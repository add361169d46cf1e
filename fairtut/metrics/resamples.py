r"""People drawn again and again, the same people for every question.

A bootstrap over people answers "would another test set say the same of *these* models?".  When the
quantity of interest combines several decisions, such as the mean over three trained models of
(gap after - gap before), every resample must contain the same people for all of them.
:class:`Resamples` draws them once; each question is then a matrix product or two.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtut.errors import InputError
from fairtut.metrics.entry import Entry
from fairtut.metrics.estimates import Estimate, percentiles
from fairtut.metrics.labels import same_rows
from fairtut.metrics.people import checked_weights
from fairtut.metrics.values import FloatArray

METHOD: Final = "95 % bootstrap over people"


class Resamples:
    r"""How often each of n people is drawn, in each of R bootstrap samples.

    The counts of a resample are :math:`(c_1, \ldots, c_n) \sim
    \mathrm{Multinomial}(n; \tfrac1n, \ldots, \tfrac1n)`: n draws with replacement.

    Parameters
    ----------
    n : int
        People.
    n_resamples : int
        R, 0 or more.
    seed : int
        Source of the resamples: one seed, one set of them.
    sample_weight : array-like, shape (n,), optional
        How much each person counts, finite and not negative; who is drawn twice counts twice so.

    Raises
    ------
    fairtut.errors.InputError
        If nobody is there, the resamples are fewer than none, or a weight is no weight.

    Notes
    -----
    Every method returns an array whose last axis has ``1 + n_resamples`` entries: the value on the
    people as they are, then on each resample.  Differences and means of such arrays are therefore
    paired; :meth:`interval` turns one into a number with its percentile interval.

    Undefined resamples follow one rule.  Where nobody is left to divide by, the value is NaN, and
    so is all that is computed from it; the interval is made from the resamples that are defined,
    and the estimate counts the others in ``n_nan``.

    Examples
    --------
    >>> people = Resamples(4, n_resamples=100)
    >>> mean = people.mean([1.0, 0.0, 1.0, 0.0])
    >>> mean.shape
    (101,)
    >>> float(mean[0])
    0.5
    """

    def __init__(
        self,
        n: int,
        *,
        n_resamples: int = 1000,
        seed: int = 0,
        sample_weight: object = None,
    ) -> None:
        if n < 1 or n_resamples < 0:
            raise InputError(f"n={n}, n_resamples={n_resamples}: need people, and 0 or more")
        self.n = n
        self._known: dict[
            str, object
        ] = {}  # a column whose index names the people, if there is one
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(n, np.full(n, 1 / n), n_resamples)  # (R, n)
        counts = np.vstack([np.ones(n), drawn]).astype(np.float32)  # whole: sums of them are exact
        self._counts = counts  # (1 + R, n)
        self._weights: NDArray[Any] = counts
        if sample_weight is not None:
            self._weights = counts.astype(float) * checked_weights(sample_weight, n)

    def rows(self, resample: int) -> NDArray[np.int64]:
        """Return the people of a resample by number, shape (n,), in order; 0 is everybody once.

        The slow way to any quantity: index every column with them and compute.
        """
        return np.repeat(np.arange(self.n), self._counts[resample].astype(int))

    def mean(self, values: ArrayLike, where: ArrayLike | None = None) -> FloatArray:
        """Return the mean of per-person values (..., n), over the people in ``where``, (..., 1+R).

        An empty cell gives NaN.

        Raises
        ------
        fairtut.errors.InputError
            If there is not one value per person, or a pandas column names other people.
        """
        self._same_people(values=values, where=where)
        given = np.asarray(values)
        weights = self._weights
        if not np.isin(given, (0, 1)).all():  # in single precision only sums of 0 and 1 are exact
            weights = weights.astype(float)
        table = given.astype(weights.dtype)
        mask = np.ones(self.n) if where is None else np.asarray(where)
        mask = mask.astype(weights.dtype)
        if table.shape[-1:] != (self.n,) or mask.shape != (self.n,):
            raise InputError(f"values of shape {table.shape} for {self.n} people: one per person")
        flat = (table * mask).reshape(-1, self.n)  # (k, n)
        sums = (flat @ weights.T).astype(float)  # (k, 1 + R)
        size = (weights @ mask).astype(float)  # (1 + R,)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (sums / size).reshape(*table.shape[:-1], -1)

    def _same_people(self, **columns: object) -> None:
        """Raise where a pandas column names other people, or in another order."""
        each = {k: v for k, v in columns.items() if getattr(v, "ndim", None) == 1}
        same_rows(**self._known, **each)

    def interval(self, values: ArrayLike, level: float = 0.95) -> Estimate:
        """Return the value with its percentile interval; leading axes are averaged first.

        NaN resamples (an empty cell) are left out and counted.
        """
        draws: Any = np.asarray(values, float)
        draws = draws.reshape(-1, draws.shape[-1]).mean(0)  # (1 + R,)
        return percentiles(float(draws[0]), draws[1:], self.n, level, METHOD)

    def measurement(self, draws: ArrayLike) -> Entry:
        """Return values with their resamples, (models, 1 + R), as a record holds them.

        That is a value per model, and the interval over people of their mean; a note counts
        undefined resamples.
        """
        found, table = self.interval(draws), np.atleast_2d(np.asarray(draws, float))
        note = None
        if np.isnan(table[:, 0]).any():
            note = "a cell of the table is empty"
        elif found.n_nan:
            of = table.shape[-1] - 1
            note = f"undefined in {found.n_nan:,} of {of:,} resamples: a cell is empty there"
        people = None if np.isnan(found.low) else (found.low, found.high)
        return Entry(table[:, 0].tolist(), self.n, "fraction", note, people)
